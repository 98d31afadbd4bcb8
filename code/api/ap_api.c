/* ap_api.c -- entry points: allocation points
 *
 * Design: .api.thin, .interface.ap (design/api.rst, design/interface.rst).
 */

#include "api.h"

#include "../base/args.h"
#include "../heap/buffer.h"
#include "../pool/pool.h"
#include "../trace/poll.h"

#include <stdarg.h>

mps_res_t mps_ap_create_k(mps_ap_t *ap_o, mps_pool_t pool, mps_arg_s args[])
{
  Buffer *buffer;
  Res res;

  if (!API_OUT(ap_o, mps_ap_create_k) || !API_POOL(pool, mps_ap_create_k)
      || !API_REQUIRE(pool->class->buffer_init != pool_no_buffer,
                      "mps_ap_create_k: pool must be of a class that has "
                      "allocation points")
      || !API_REQUIRE(args_check(args), "mps_ap_create_k: args must be a list "
                                        "of keyword arguments"))
    return MPS_RES_PARAM;
  arena_enter(pool->arena, NULL);
  res = buffer_create(&buffer, pool, args);
  arena_leave(pool->arena);
  if (res == MPS_RES_OK)
    *ap_o = &buffer->ap;
  return res;
}

/* Classes that have ranked allocation points read a rank here.  The others
 * are given one or nothing, and look at neither. */
mps_res_t mps_ap_create_v(mps_ap_t *ap_o, mps_pool_t pool, va_list varargs)
{
  mps_arg_s args[2];

  args[0].key = MPS_KEY_ARGS_END;
  if (API_IS(pool, POOL_SIG) && pool->class->is_ranked) {
    args[0].key = MPS_KEY_RANK;
    args[0].val.rank = va_arg(varargs, mps_rank_t);
    args[1].key = MPS_KEY_ARGS_END;
  }
  return mps_ap_create_k(ap_o, pool, args);
}

mps_res_t mps_ap_create(mps_ap_t *ap_o, mps_pool_t pool, ...)
{
  va_list varargs;
  mps_res_t res;

  va_start(varargs, pool);
  res = mps_ap_create_v(ap_o, pool, varargs);
  va_end(varargs);
  return res;
}

void mps_ap_destroy(mps_ap_t ap)
{
  Buffer *buffer;
  Arena *arena;

  if (!API_AP(ap, mps_ap_destroy)
      || !API_REQUIRE(ap->init == ap->alloc,
                      "mps_ap_destroy: ap is between reserve and commit"))
    return;
  buffer = buffer_of_ap(ap);
  arena = buffer->pool->arena;
  arena_enter(arena, NULL);
  buffer_destroy(buffer);
  arena_leave(arena);
}

/* api_fill -- the slow path of reserve
 *
 * An allocation point that was flipped may have room.  If not, its memory
 * is let go before collection gets its chance, so that the segment isn't
 * kept for the sake of this very buffer. */

static Res api_fill(Addr *base_out, Buffer *buffer, Size size)
{
  Arena *arena = buffer->pool->arena;
  Res res;

  if (buffer_retry(base_out, buffer, size))
    return MPS_RES_OK;
  poll_maybe(arena);
  res = buffer_fill(base_out, buffer, size);
  if (res != MPS_RES_OK && poll_for_memory(arena))
    res = buffer_fill(base_out, buffer, size);
  return res;
}

mps_res_t mps_ap_fill(mps_addr_t *p_o, mps_ap_t ap, size_t size)
{
  PlatContext context;
  Buffer *buffer;
  Arena *arena;
  Addr base;
  Res res;

  PLAT_CAPTURE(&context);
  if (!API_OUT(p_o, mps_ap_fill) || !API_AP(ap, mps_ap_fill)
      || !API_REQUIRE(ap->init == ap->alloc, "mps_ap_fill: ap is between "
                                             "reserve and commit already"))
    return MPS_RES_PARAM;
  buffer = buffer_of_ap(ap);
  arena = buffer->pool->arena;
  if (!API_REQUIRE(size > 0 && size_is_aligned(size, buffer->pool->align),
                   "mps_ap_fill (mps_reserve): size must be a positive "
                   "multiple of the pool's alignment"))
    return MPS_RES_PARAM;
  if (size > SIZE_MAX / 2)
    return MPS_RES_RESOURCE;
  arena_enter(arena, &context);
  res = api_fill(&base, buffer, size);
  arena_leave(arena);
  if (res == MPS_RES_OK)
    *p_o = base;
  return res;
}

mps_bool_t mps_ap_trip(mps_ap_t ap, mps_addr_t p, size_t size)
{
  Buffer *buffer;
  bool is_kept;

  if (!API_AP(ap, mps_ap_trip))
    return 1;
  buffer = buffer_of_ap(ap);
  (void)API_REQUIRE(size > 0 && size_is_aligned(size, buffer->pool->align),
                    "mps_commit: size must be a positive multiple of the "
                    "pool's alignment");
  arena_enter(buffer->pool->arena, NULL);
  is_kept = buffer_trip(buffer, p);
  arena_leave(buffer->pool->arena);
  return is_kept;
}

/* The function forms check what the macros trust in. */

mps_res_t(mps_reserve)(mps_addr_t *p_o, mps_ap_t ap, size_t size)
{
  if (!API_OUT(p_o, mps_reserve) || !API_AP_ANY(ap, mps_reserve)
      || !API_REQUIRE(
          size > 0 && size_is_aligned(size, buffer_of_ap(ap)->pool->align),
          "mps_reserve: size must be a positive multiple of the pool's "
          "alignment")
      || !API_REQUIRE(ap->init == ap->alloc, "mps_reserve: ap is between "
                                             "reserve and commit already"))
    return MPS_RES_PARAM;
  return mps_reserve(p_o, ap, size);
}

mps_bool_t(mps_commit)(mps_ap_t ap, mps_addr_t p, size_t size)
{
  if (!API_AP_ANY(ap, mps_commit)
      || !API_REQUIRE(ap->init != ap->alloc, "mps_commit: ap has no block "
                                             "that is reserved")
      || !API_REQUIRE(p == ap->init, "mps_commit: p must be what reserve "
                                     "gave")
      || !API_REQUIRE((char *)ap->init + size == (char *)ap->alloc,
                      "mps_commit: size must be what was reserved"))
    return 0;
  return mps_commit(ap, p, size);
}


/* Frames: a pool that has no use for them takes them as no-ops. */

/* A frame is an address, which only this thread's calls change. */
mps_res_t mps_ap_frame_push(mps_frame_t *frame_o, mps_ap_t ap)
{
  if (!API_OUT(frame_o, mps_ap_frame_push)
      || !API_AP_ANY(ap, mps_ap_frame_push))
    return MPS_RES_PARAM;
  if (ap->init != ap->alloc)
    return MPS_RES_FAIL;
  *frame_o = (mps_frame_t)buffer_frame(buffer_of_ap(ap));
  return MPS_RES_OK;
}

mps_res_t mps_ap_frame_pop(mps_ap_t ap, mps_frame_t frame)
{
  Buffer *buffer;
  bool is_frame;

  if (!API_AP(ap, mps_ap_frame_pop))
    return MPS_RES_PARAM;
  if (ap->init != ap->alloc)
    return MPS_RES_FAIL;
  buffer = buffer_of_ap(ap);
  arena_enter(buffer->pool->arena, NULL);
  is_frame = buffer->pool->class->pop(buffer, (Addr)frame);
  arena_leave(buffer->pool->arena);
  if (!API_REQUIRE(is_frame, "mps_ap_frame_pop: frame must be one that was "
                             "pushed on ap and wasn't popped yet"))
    return MPS_RES_PARAM;
  return MPS_RES_OK;
}


/* Patterns.  There are two, told apart by address; the second used to
 * collect everything at the end, and doesn't (.ramp.collect-all). */

struct mps_alloc_pattern_s {
  Sig sig;
};

#define PATTERN_SIG ((Sig)0x50617474) /* "Patt" */

static struct mps_alloc_pattern_s api_ramp = {PATTERN_SIG};
static struct mps_alloc_pattern_s api_ramp_collect_all = {PATTERN_SIG};

mps_alloc_pattern_t mps_alloc_pattern_ramp(void)
{
  return &api_ramp;
}

mps_alloc_pattern_t mps_alloc_pattern_ramp_collect_all(void)
{
  return &api_ramp_collect_all;
}

mps_res_t mps_ap_alloc_pattern_begin(mps_ap_t ap, mps_alloc_pattern_t pattern)
{
  Buffer *buffer;

  if (!API_AP(ap, mps_ap_alloc_pattern_begin)
      || !API_REQUIRE(API_IS(pattern, PATTERN_SIG),
                      "mps_ap_alloc_pattern_begin: pattern must be one"))
    return MPS_RES_PARAM;
  buffer = buffer_of_ap(ap);
  arena_enter(buffer->pool->arena, NULL);
  buffer->pool->class->ramp_begin(buffer->pool, buffer);
  arena_leave(buffer->pool->arena);
  return MPS_RES_OK;
}

static Res api_ramp_end(mps_ap_t ap, const PlatContext *context, bool is_reset)
{
  Buffer *buffer = buffer_of_ap(ap);
  Pool *pool = buffer->pool;
  Res res = MPS_RES_OK;

  arena_enter(pool->arena, context);
  if (buffer->ramps == 0)
    res = is_reset ? MPS_RES_OK : MPS_RES_FAIL;
  else
    do
      pool->class->ramp_end(pool, buffer);
    while (is_reset && buffer->ramps > 0);
  if (res == MPS_RES_OK)
    poll_maybe(pool->arena);
  arena_leave(pool->arena);
  return res;
}

mps_res_t mps_ap_alloc_pattern_end(mps_ap_t ap, mps_alloc_pattern_t pattern)
{
  PlatContext context;

  PLAT_CAPTURE(&context);
  if (!API_AP(ap, mps_ap_alloc_pattern_end)
      || !API_REQUIRE(API_IS(pattern, PATTERN_SIG),
                      "mps_ap_alloc_pattern_end: pattern must be one"))
    return MPS_RES_PARAM;
  return api_ramp_end(ap, &context, false);
}

mps_res_t mps_ap_alloc_pattern_reset(mps_ap_t ap)
{
  PlatContext context;

  PLAT_CAPTURE(&context);
  if (!API_AP(ap, mps_ap_alloc_pattern_reset))
    return MPS_RES_PARAM;
  return api_ramp_end(ap, &context, true);
}
