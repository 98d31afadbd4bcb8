/* query_api.c -- entry points: messages, finalization, location
 * dependencies, walks
 *
 * Design: .api.thin, .api.misuse (design/api.rst).
 */

#include "api.h"

#include "../heap/final.h"
#include "../heap/seg.h"
#include "../include/mpscamc.h"
#include "../include/mpslib.h"
#include "../trace/poll.h"
#include "../trace/walk.h"


/* Messages */

static bool api_is_type(mps_message_type_t type)
{
  return type < MESSAGE_TYPES;
}

#define API_TYPE(type, function) \
  API_REQUIRE(api_is_type(type), #function ": type must be a message type")

void mps_message_type_enable(mps_arena_t arena, mps_message_type_t type)
{
  if (!API_ARENA(arena, mps_message_type_enable)
      || !API_TYPE(type, mps_message_type_enable))
    return;
  arena_enter(arena, NULL);
  message_enable(&arena->messages, type);
  arena_leave(arena);
}

void mps_message_type_disable(mps_arena_t arena, mps_message_type_t type)
{
  if (!API_ARENA(arena, mps_message_type_disable)
      || !API_TYPE(type, mps_message_type_disable))
    return;
  arena_enter(arena, NULL);
  message_disable(&arena->messages, type);
  arena_leave(arena);
}

mps_bool_t mps_message_poll(mps_arena_t arena)
{
  bool is_any;

  if (!API_ARENA(arena, mps_message_poll))
    return 0;
  arena_enter(arena, NULL);
  is_any = message_poll(&arena->messages);
  arena_leave(arena);
  return is_any;
}

mps_bool_t mps_message_queue_type(mps_message_type_t *type_o,
                                  mps_arena_t arena)
{
  bool is_any;

  if (!API_OUT(type_o, mps_message_queue_type)
      || !API_ARENA(arena, mps_message_queue_type))
    return 0;
  arena_enter(arena, NULL);
  is_any = message_queue_type(type_o, &arena->messages);
  arena_leave(arena);
  return is_any;
}

mps_bool_t mps_message_get(mps_message_t *message_o, mps_arena_t arena,
                           mps_message_type_t type)
{
  bool is_any;

  if (!API_OUT(message_o, mps_message_get)
      || !API_ARENA(arena, mps_message_get)
      || !API_TYPE(type, mps_message_get))
    return 0;
  arena_enter(arena, NULL);
  is_any = message_get(message_o, &arena->messages, type);
  arena_leave(arena);
  return is_any;
}

/* A message is compared with the arena, so that comes first. */
#define API_MESSAGE(arena, message, function) \
  (API_ARENA_ANY(arena, function) \
   && API_REQUIRE(API_IS(message, MESSAGE_SIG) \
                      && (message)->state == MESSAGE_TAKEN \
                      && (message)->from.taken == &(arena)->messages, \
                  #function ": message must be one that was got from the " \
                            "arena and not discarded"))

void mps_message_discard(mps_arena_t arena, mps_message_t message)
{
  if (!API_MESSAGE(arena, message, mps_message_discard)
      || !API_OUTSIDE(arena, mps_message_discard))
    return;
  arena_enter(arena, NULL);
  message_discard(&arena->messages, message);
  arena_leave(arena);
}

/* But for the reference of a finalization message, what a message holds
 * doesn't change, so reading it needs no lock. */

mps_message_type_t mps_message_type(mps_arena_t arena, mps_message_t message)
{
  if (!API_MESSAGE(arena, message, mps_message_type))
    return 0;
  return message->type;
}

mps_clock_t mps_message_clock(mps_arena_t arena, mps_message_t message)
{
  if (!API_MESSAGE(arena, message, mps_message_clock))
    return 0;
  if (message->type == mps_message_type_finalization())
    return 0;
  return message_gc(message)->clock;
}

void mps_message_finalization_ref(mps_addr_t *ref_o, mps_arena_t arena,
                                  mps_message_t message)
{
  Addr ref;

  if (!API_OUT(ref_o, mps_message_finalization_ref)
      || !API_MESSAGE(arena, message, mps_message_finalization_ref)
      || !API_REQUIRE(message->type == mps_message_type_finalization(),
                      "mps_message_finalization_ref: message must be a "
                      "finalization message")
      || !API_OUTSIDE(arena, mps_message_finalization_ref))
    return;
  arena_enter(arena, NULL);
  ref = final_of_message(message)->ref;
  arena_leave(arena);
  *ref_o = ref;
}

#define API_GC_GETTER(function, field) \
  size_t function(mps_arena_t arena, mps_message_t message) \
  { \
    if (!API_MESSAGE(arena, message, function) \
        || !API_REQUIRE(message->type == mps_message_type_gc(), \
                        #function ": message must be a gc message")) \
      return 0; \
    return message_gc(message)->data.gc.field; \
  }

API_GC_GETTER(mps_message_gc_live_size, live)
API_GC_GETTER(mps_message_gc_condemned_size, condemned)
API_GC_GETTER(mps_message_gc_not_condemned_size, not_condemned)

const char *mps_message_gc_start_why(mps_arena_t arena, mps_message_t message)
{
  if (!API_MESSAGE(arena, message, mps_message_gc_start_why)
      || !API_REQUIRE(message->type == mps_message_type_gc_start(),
                      "mps_message_gc_start_why: message must be a gc_start "
                      "message"))
    return "";
  return message_gc(message)->data.gc_start.why;
}


/* Finalization.  The client's variable may be in memory that is protected,
 * and a fault is for the client to take: so it is read and written without
 * the lock (.final.variable). */

mps_res_t mps_finalize(mps_arena_t arena, mps_addr_t *ref_p)
{
  bool is_object;
  Res res = MPS_RES_PARAM;
  Addr ref;

  if (!API_ARENA(arena, mps_finalize) || !API_OUT(ref_p, mps_finalize))
    return MPS_RES_PARAM;
  ref = *ref_p;
  arena_enter(arena, NULL);
  is_object = final_is_object(arena, ref);
  if (is_object)
    res = final_register(arena, ref);
  arena_leave(arena);
  (void)API_REQUIRE(is_object, "mps_finalize: *ref_p must be an object in an "
                               "automatic pool of the arena");
  return res;
}

mps_res_t mps_definalize(mps_arena_t arena, mps_addr_t *ref_p)
{
  bool has_addr;
  Res res = MPS_RES_PARAM;
  Addr ref;

  if (!API_ARENA(arena, mps_definalize) || !API_OUT(ref_p, mps_definalize))
    return MPS_RES_PARAM;
  ref = *ref_p;
  arena_enter(arena, NULL);
  has_addr = space_has_addr(&arena->space, ref);
  if (has_addr)
    res = final_definalize(arena, ref);
  arena_leave(arena);
  (void)API_REQUIRE(has_addr, "mps_definalize: *ref_p must be in the arena's "
                              "memory");
  return res;
}


/* Location dependencies.  All but reset work without the lock. */

#define API_LD(its_ld, arena, function) \
  (API_ARENA_ANY(arena, function) \
   && API_REQUIRE(API_IS_OUT(its_ld) && ld_check(its_ld, &(arena)->ld), \
                  #function ": " #its_ld " must be reset before it is used"))

void mps_ld_reset(mps_ld_t ld, mps_arena_t arena)
{
  if (!API_ARENA_ANY(arena, mps_ld_reset) || !API_OUT(ld, mps_ld_reset))
    return;
  ld_reset(ld, &arena->ld);
}

/* api_ld_ids -- the generations that an address may be in
 *
 * The grain map is all that is looked at, as a segment may go away at any
 * moment.  What can't move is in none (.ld.still).  Where a trace has left
 * something white, any condemned generation may be the one; if that trace
 * ends while we look, we look again (.ld.white). */

static RefSet api_ld_ids(const Arena *arena, mps_addr_t addr)
{
  Index i = space_index(&arena->space, addr);
  const volatile unsigned char *kind = arena->space.kind;
  const volatile unsigned char *still = arena->space.still;
  const volatile RefSet *white = &arena->trace->white;

  if (i >= arena->space.grains || still[i])
    return REFSET_EMPTY;
  for (;;) {
    unsigned char it = kind[i];
    RefSet ids = it == KIND_WHITE ? *white : REFSET_KIND(it);

    if (it != KIND_WHITE || (ids != REFSET_EMPTY && kind[i] == KIND_WHITE))
      return ids & ~REFSET_NOT_GENS;
  }
}

void mps_ld_add(mps_ld_t ld, mps_arena_t arena, mps_addr_t addr)
{
  if (API_LD(ld, arena, mps_ld_add))
    ld_add(ld, &arena->ld, api_ld_ids(arena, addr));
}

void mps_ld_merge(mps_ld_t dest, mps_arena_t arena, mps_ld_t src)
{
  if (API_LD(dest, arena, mps_ld_merge) && API_LD(src, arena, mps_ld_merge))
    ld_merge(dest, &arena->ld, src);
}

mps_bool_t mps_ld_isstale(mps_ld_t ld, mps_arena_t arena, mps_addr_t addr)
{
  return API_LD(ld, arena, mps_ld_isstale) && ld_isstale(ld, &arena->ld);
}

mps_bool_t mps_ld_isstale_any(mps_ld_t ld, mps_arena_t arena)
{
  return API_LD(ld, arena, mps_ld_isstale_any) && ld_isstale(ld, &arena->ld);
}


/* Walks */

mps_res_t mps_pool_walk(mps_pool_t pool, mps_area_scan_t scan_area,
                        void *closure)
{
  Res res;

  if (!API_POOL(pool, mps_pool_walk)
      || !API_REQUIRE(scan_area != NULL,
                      "mps_pool_walk: scan_area must not be null")
      || !API_PARKED(pool->arena, mps_pool_walk))
    return MPS_RES_PARAM;
  arena_enter(pool->arena, NULL);
  poll_finish(pool->arena);
  res = walk_areas(pool, scan_area, closure);
  arena_leave(pool->arena);
  return res;
}

void mps_arena_formatted_objects_walk(mps_arena_t arena,
                                      mps_formatted_objects_stepper_t f,
                                      void *p, size_t s)
{
  if (!API_ARENA(arena, mps_arena_formatted_objects_walk)
      || !API_REQUIRE(f != NULL, "mps_arena_formatted_objects_walk: f must "
                                 "not be null"))
    return;
  arena_enter(arena, NULL);
  poll_finish(arena);
  walk_objects(arena, f, p, s);
  arena_leave(arena);
}

/* A stepper of the one kind, seen as the other. */
typedef struct ApiApply {
  mps_amc_apply_stepper_t f;
  void *p;
} ApiApply;

static void api_apply(mps_addr_t object, mps_fmt_t fmt, mps_pool_t pool,
                      void *p, size_t s)
{
  const ApiApply *apply = p;

  apply->f(object, apply->p, s);
}

void mps_amc_apply(mps_pool_t pool, mps_amc_apply_stepper_t f, void *p,
                   size_t s)
{
  ApiApply apply = {f, p};

  if (!API_POOL(pool, mps_amc_apply)
      || !API_REQUIRE(f != NULL, "mps_amc_apply: f must not be null"))
    return;
  arena_enter(pool->arena, NULL);
  poll_finish(pool->arena);
  walk_pool_objects(pool, api_apply, &apply, s);
  arena_leave(pool->arena);
}

void mps_arena_roots_walk(mps_arena_t arena, mps_roots_stepper_t f, void *p,
                          size_t s)
{
  PlatContext context;

  PLAT_CAPTURE(&context);
  if (!API_ARENA(arena, mps_arena_roots_walk)
      || !API_REQUIRE(f != NULL, "mps_arena_roots_walk: f must not be null")
      || !API_PARKED(arena, mps_arena_roots_walk))
    return;
  arena_enter(arena, &context);
  walk_roots(arena, f, p, s);
  arena_leave(arena);
}
