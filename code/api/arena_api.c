/* arena_api.c -- entry points: arenas, their properties and states
 *
 * Design: .api.thin, .api.misuse (design/api.rst).
 */

#include "api.h"

#include "../base/args.h"
#include "../heap/barrier.h"
#include "../heap/seg.h"
#include "../include/mpsacl.h"
#include "../include/mpsavm.h"
#include "../include/mpstd.h"
#include "../trace/poll.h"
#include "../trace/trace.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define API_ARENA_SIZE ((Size)256 << 20)
#define API_LENT_GRAIN ((Size)8192)
#define API_SPARE 0.75
#define API_PAUSE_TIME 0.1

/* Two classes of arenas: only their addresses tell them apart. */
#define ARENA_CLASS_SIG ((Sig)0x41436C61) /* "ACla" */

struct mps_arena_class_s {
  Sig sig;
};

static struct mps_arena_class_s api_class_vm = {ARENA_CLASS_SIG};
static struct mps_arena_class_s api_class_cl = {ARENA_CLASS_SIG};

mps_arena_class_t mps_arena_class_vm(void)
{
  return &api_class_vm;
}

mps_arena_class_t mps_arena_class_cl(void)
{
  return &api_class_cl;
}


/* Creation */

/* The system's pages are the least grain. */
static Size api_grain(Size size)
{
  return size_max(size, plat_page_size());
}

/* A number of bytes as a part of others, of which it is all at most. */
static double api_part(Size size, Size whole)
{
  return size >= whole ? 1.0 : (double)size / (double)whole;
}

static bool api_take_barrier(BarrierMeans *barrier_out, const char *name)
{
  if (name == NULL || strcmp(name, "track") == 0)
    *barrier_out = BARRIER_TRACK;
  else if (strcmp(name, "protect") == 0)
    *barrier_out = BARRIER_PROTECT;
  else if (strcmp(name, "none") == 0)
    *barrier_out = BARRIER_NONE;
  else
    return API_REQUIRE(false,
                       "mps_arena_create_k: MPS_KEY_ARENA_BARRIER (or "
                       "MOSTLY_BARRIER) must be track, protect or none");
  return true;
}

/* The word of the environment, or NULL.  An empty one is none. */
static const char *api_barrier_word(void)
{
  const char *word = getenv("MOSTLY_BARRIER");

  return word != NULL && word[0] != '\0' ? word : NULL;
}

/* False if the last of them is none of its words. */
static bool api_take_arena_args(ArenaParams *params, mps_arg_s *args)
{
  mps_arg_s arg;

  if (args_pick(args, MPS_KEY_ARENA_SIZE, &arg))
    params->size = arg.val.size;
  if (args_pick(args, MPS_KEY_ARENA_GRAIN_SIZE, &arg)) {
    if (!API_REQUIRE(arg.val.size >= MPS_PF_ALIGN,
                     "mps_arena_create_k: MPS_KEY_ARENA_GRAIN_SIZE must be at "
                     "least MPS_PF_ALIGN"))
      return false;
    params->grain = api_grain(arg.val.size);
  }
  if (args_pick(args, MPS_KEY_COMMIT_LIMIT, &arg))
    params->commit_limit = arg.val.size;
  if (args_pick(args, MPS_KEY_SPARE, &arg))
    params->spare = arg.val.d;
  if (args_pick(args, MPS_KEY_SPARE_COMMIT_LIMIT, &arg))
    params->spare = api_part(arg.val.size, params->commit_limit);
  if (args_pick(args, MPS_KEY_PAUSE_TIME, &arg))
    params->pause_time.s = arg.val.d;
  if (args_pick(args, MPS_KEY_ARENA_EXTENDED, &arg))
    params->extended = (mps_arena_extended_t)arg.val.fun;
  if (args_pick(args, MPS_KEY_ARENA_CONTRACTED, &arg))
    params->contracted = (mps_arena_contracted_t)arg.val.fun;
  /* Accepted for programs that give them; there are no zones, and there is
   * no Windows here. */
  (void)args_pick(args, MPS_KEY_ARENA_ZONED, &arg);
  (void)args_pick(args, MPS_KEY_VMW3_TOP_DOWN, &arg);
  return !args_pick(args, MPS_KEY_ARENA_BARRIER, &arg)
         || api_take_barrier(&params->barrier, arg.val.string);
}

/* api_take_lent_args -- the memory, without which there is no client arena */

static bool api_take_lent_args(ArenaParams *params, mps_arg_s *args)
{
  mps_arg_s base;
  mps_arg_s size;

  if (!args_require(args, MPS_KEY_ARENA_CL_BASE, &base)
      || !args_require(args, MPS_KEY_ARENA_SIZE, &size)
      || !API_REQUIRE(size.val.size > 0,
                      "mps_arena_create_k: MPS_KEY_ARENA_SIZE is zero")
      || !API_REQUIRE(size.val.size <= (Size)-1 - (Word)base.val.addr,
                      "mps_arena_create_k: the memory must end within the "
                      "address space"))
    return false;
  params->lent = base.val.addr;
  params->size = size.val.size;
  return true;
}

mps_res_t mps_arena_create_k(mps_arena_t *arena_o, mps_arena_class_t class,
                             mps_arg_s args[])
{
  ArenaParams params = {
      .size = API_ARENA_SIZE,
      .grain = plat_page_size(),
      .commit_limit = SIZE_MAX,
      .spare = API_SPARE,
      .pause_time = {API_PAUSE_TIME},
  };
  Arena *arena;
  Res res;

  if (!API_OUT(arena_o, mps_arena_create_k)
      || !API_REQUIRE(API_IS(class, ARENA_CLASS_SIG),
                      "mps_arena_create_k: arena_class must be a class")
      || !API_REQUIRE(args_check(args), "mps_arena_create_k: args must be a "
                                        "list of keyword arguments"))
    return MPS_RES_PARAM;
  if (!api_take_barrier(&params.barrier, api_barrier_word())
      || (class == &api_class_cl && !api_take_lent_args(&params, args))
      || !api_take_arena_args(&params, args) || args_are_broken(args))
    return MPS_RES_PARAM;
  if (params.lent != NULL) {
    params.grain = size_max(params.grain, API_LENT_GRAIN);
    params.barrier = BARRIER_NONE; /* .space.lent.watch */
  }
  res = arena_create(&arena, &params);
  if (res != MPS_RES_OK)
    return res;
  res = trace_create(arena);
  if (res != MPS_RES_OK) {
    arena_destroy(arena);
    return res;
  }
  *arena_o = arena;
  return MPS_RES_OK;
}

mps_res_t mps_arena_create_v(mps_arena_t *arena_o, mps_arena_class_t class,
                             va_list varargs)
{
  mps_res_t res;
  size_t size = va_arg(varargs, size_t);

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    if (class == &api_class_cl)
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, va_arg(varargs, mps_addr_t));
    res = mps_arena_create_k(arena_o, class, args);
  }
  MPS_ARGS_END(args);
  return res;
}

mps_res_t mps_arena_create(mps_arena_t *arena_o, mps_arena_class_t class, ...)
{
  va_list varargs;
  mps_res_t res;

  va_start(varargs, class);
  res = mps_arena_create_v(arena_o, class, varargs);
  va_end(varargs);
  return res;
}

static bool api_has_own_chain_only(const Arena *arena)
{
  return ring_length(&arena->chains) == 1;
}

void mps_arena_destroy(mps_arena_t arena)
{
  if (!API_ARENA(arena, mps_arena_destroy)
      || !API_REQUIRE(ring_is_single(&arena->pools),
                      "mps_arena_destroy: a pool is left in the arena")
      || !API_REQUIRE(ring_is_single(&arena->formats),
                      "mps_arena_destroy: a format is left in the arena")
      || !API_REQUIRE(api_has_own_chain_only(arena),
                      "mps_arena_destroy: a chain is left in the arena")
      || !API_REQUIRE(ring_is_single(&arena->roots),
                      "mps_arena_destroy: a root is left in the arena")
      || !API_REQUIRE(arena->threads == NULL,
                      "mps_arena_destroy: a thread is registered still")
      || !API_REQUIRE(arena->transforms == 0,
                      "mps_arena_destroy: a transform is left in the arena"))
    return;
  message_queue_finish(&arena->messages);
  trace_destroy(arena);
  arena_destroy(arena);
}

mps_res_t mps_arena_extend(mps_arena_t arena, mps_addr_t base, size_t size)
{
  Res res;

  if (!API_ARENA(arena, mps_arena_extend)
      || !API_REQUIRE(arena->space.is_lent,
                      "mps_arena_extend: arena must be a client arena")
      || !API_REQUIRE(base != NULL, "mps_arena_extend: base is null")
      || !API_REQUIRE(size > 0, "mps_arena_extend: size is zero")
      || !API_REQUIRE(size <= (Size)-1 - (Word)base,
                      "mps_arena_extend: the memory must end within the "
                      "address space"))
    return MPS_RES_PARAM;
  arena_enter(arena, NULL);
  res = space_lend(&arena->space, base, size);
  arena_leave(arena);
  (void)API_REQUIRE(res != MPS_RES_PARAM, "mps_arena_extend: the memory must "
                                          "not be the arena's already");
  return res;
}

mps_res_t mps_arena_vm_growth(mps_arena_t arena, size_t desired,
                              size_t minimum)
{
  if (!API_ARENA(arena, mps_arena_vm_growth)
      || !API_REQUIRE(desired >= minimum, "mps_arena_vm_growth: desired must "
                                          "be at least minimum"))
    return MPS_RES_PARAM;
  arena_enter(arena, NULL);
  arena->space.chunk_size
      = size_round_up(size_max(desired, 1), arena->space.unit);
  arena_leave(arena);
  return MPS_RES_OK;
}


/* Properties */

/* A property that is one expression on the arena, which is at hand. */
#define API_ARENA_GETTER(type, function, expression) \
  type function(mps_arena_t arena) \
  { \
    type value; \
\
    if (!API_ARENA(arena, function)) \
      return 0; \
    arena_enter(arena, NULL); \
    value = (expression); \
    arena_leave(arena); \
    return value; \
  }

API_ARENA_GETTER(size_t, mps_arena_reserved,
                 arena->space.reserved + arena->space.overhead)
API_ARENA_GETTER(size_t, mps_arena_committed, space_committed(&arena->space))
API_ARENA_GETTER(size_t, mps_arena_spare_committed, arena->space.spare_size)
API_ARENA_GETTER(size_t, mps_arena_commit_limit, arena->space.commit_limit)
API_ARENA_GETTER(double, mps_arena_spare, arena->space.spare)
API_ARENA_GETTER(double, mps_arena_pause_time, arena->pause_time.s)

mps_res_t mps_arena_commit_limit_set(mps_arena_t arena, size_t limit)
{
  Res res;

  if (!API_ARENA(arena, mps_arena_commit_limit_set))
    return MPS_RES_PARAM;
  arena_enter(arena, NULL);
  res = space_set_limit(&arena->space, limit);
  arena_leave(arena);
  return res;
}

void mps_arena_spare_set(mps_arena_t arena, double spare)
{
  if (!API_ARENA(arena, mps_arena_spare_set)
      || !API_REQUIRE(0.0 <= spare && spare <= 1.0,
                      "mps_arena_spare_set: spare must be a fraction from "
                      "0.0 to 1.0"))
    return;
  arena_enter(arena, NULL);
  arena->space.spare = spare;
  (void)space_trim(&arena->space, 0, SIZE_MAX);
  arena_leave(arena);
}

/* In bytes, what the fraction allows of the memory that is committed now. */
size_t mps_arena_spare_commit_limit(mps_arena_t arena)
{
  if (!API_ARENA(arena, mps_arena_spare_commit_limit))
    return 0;
  return (size_t)(mps_arena_spare(arena) * (double)mps_arena_committed(arena));
}

void mps_arena_spare_commit_limit_set(mps_arena_t arena, size_t limit)
{
  if (!API_ARENA(arena, mps_arena_spare_commit_limit_set))
    return;
  mps_arena_spare_set(arena, api_part(limit, mps_arena_committed(arena)));
}

void mps_arena_pause_time_set(mps_arena_t arena, double pause_time)
{
  if (!API_ARENA(arena, mps_arena_pause_time_set)
      || !API_REQUIRE(pause_time >= 0.0, "mps_arena_pause_time_set: "
                                         "pause_time must not be negative"))
    return;
  arena_enter(arena, NULL);
  arena->pause_time.s = pause_time;
  arena_leave(arena);
}

/* Without the lock: one word, which only ever grows. */
mps_word_t mps_collections(mps_arena_t arena)
{
  return API_ARENA_ANY(arena, mps_collections) ? (mps_word_t)arena->flips : 0;
}


/* States and collection.  Each of these may move objects, so it records
 * the caller's registers first. */

void mps_arena_clamp(mps_arena_t arena)
{
  if (!API_ARENA(arena, mps_arena_clamp))
    return;
  arena_enter(arena, NULL);
  poll_clamp(arena);
  arena_leave(arena);
}

void mps_arena_park(mps_arena_t arena)
{
  PlatContext context;

  PLAT_CAPTURE(&context);
  if (!API_ARENA(arena, mps_arena_park))
    return;
  arena_enter(arena, &context);
  poll_park(arena);
  arena_leave(arena);
}

void mps_arena_release(mps_arena_t arena)
{
  PlatContext context;

  PLAT_CAPTURE(&context);
  if (!API_ARENA(arena, mps_arena_release))
    return;
  arena_enter(arena, &context);
  poll_release(arena);
  arena_leave(arena);
}

mps_res_t mps_arena_collect(mps_arena_t arena)
{
  PlatContext context;

  PLAT_CAPTURE(&context);
  if (!API_ARENA(arena, mps_arena_collect))
    return MPS_RES_PARAM;
  arena_enter(arena, &context);
  poll_collect(arena);
  arena_leave(arena);
  return MPS_RES_OK;
}

mps_res_t mps_arena_start_collect(mps_arena_t arena)
{
  PlatContext context;

  PLAT_CAPTURE(&context);
  if (!API_ARENA(arena, mps_arena_start_collect))
    return MPS_RES_PARAM;
  arena_enter(arena, &context);
  poll_start_collect(arena);
  arena_leave(arena);
  return MPS_RES_OK;
}

mps_bool_t mps_arena_step(mps_arena_t arena, double interval,
                          double multiplier)
{
  PlatContext context;
  bool was_work;

  PLAT_CAPTURE(&context);
  if (!API_ARENA(arena, mps_arena_step)
      || !API_REQUIRE(interval >= 0.0,
                      "mps_arena_step: interval must not be negative")
      || !API_REQUIRE(multiplier >= 0.0,
                      "mps_arena_step: multiplier must not be negative"))
    return 0;
  arena_enter(arena, &context);
  was_work = poll_step(arena, (Seconds){interval}, multiplier);
  arena_leave(arena);
  return was_work;
}

/* For a debugger or an assertion handler: nothing may be relied upon, not
 * even that nobody holds the lock. */
void mps_arena_postmortem(mps_arena_t arena)
{
  if (!API_ARENA_ANY(arena, mps_arena_postmortem))
    return;
  while (plat_lock_is_mine(&arena->lock))
    plat_lock_release(&arena->lock);
  base_let_all();
  barrier_unregister(arena);
  arena->state = ARENA_POSTMORTEM;
  barrier_lift(arena);
}

mps_bool_t mps_arena_busy(mps_arena_t arena)
{
  return API_ARENA_ANY(arena, mps_arena_busy)
         && plat_lock_is_held(&arena->lock);
}


/* Which arena, pool and format an address belongs to */

mps_bool_t mps_arena_has_addr(mps_arena_t arena, mps_addr_t addr)
{
  bool has;

  if (!API_ARENA_ANY(arena, mps_arena_has_addr))
    return 0;
  arena_enter_recursive(arena);
  has = space_has_addr(&arena->space, addr);
  arena_leave_recursive(arena);
  return has;
}

mps_bool_t mps_addr_pool(mps_pool_t *pool_o, mps_arena_t arena,
                         mps_addr_t addr)
{
  const Seg *seg;

  if (!API_OUT(pool_o, mps_addr_pool) || !API_ARENA_ANY(arena, mps_addr_pool))
    return 0;
  arena_enter_recursive(arena);
  seg = space_seg(&arena->space, addr);
  if (seg != NULL)
    *pool_o = seg->pgen->pool;
  arena_leave_recursive(arena);
  return seg != NULL;
}

mps_bool_t mps_addr_fmt(mps_fmt_t *fmt_o, mps_arena_t arena, mps_addr_t addr)
{
  const Seg *seg;

  if (!API_OUT(fmt_o, mps_addr_fmt) || !API_ARENA_ANY(arena, mps_addr_fmt))
    return 0;
  arena_enter_recursive(arena);
  seg = space_seg(&arena->space, addr);
  if (seg != NULL && seg->format != NULL)
    *fmt_o = seg->pgen->pool->format;
  arena_leave_recursive(arena);
  return seg != NULL && seg->format != NULL;
}

mps_res_t mps_addr_object(mps_addr_t *p_o, mps_arena_t arena, mps_addr_t addr)
{
  Res res = MPS_RES_FAIL;
  Seg *seg;

  if (!API_OUT(p_o, mps_addr_object) || !API_ARENA(arena, mps_addr_object))
    return MPS_RES_PARAM;
  arena_enter(arena, NULL);
  poll_finish(arena);
  seg = space_seg(&arena->space, addr);
  if (seg != NULL) /* others could tell, but are documented not to */
    res = seg->pgen->pool->class->is_moving ? seg->class->find(p_o, seg, addr)
                                            : MPS_RES_UNIMPL;
  arena_leave(arena);
  return res;
}
