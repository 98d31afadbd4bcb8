/* pool_api.c -- entry points: formats, chains, pools, allocation points
 *
 * Design: .api.thin, .api.misuse (design/api.rst).
 */

#include "api.h"

#include "../base/args.h"
#include "../heap/buffer.h"
#include "../heap/format.h"
#include "../heap/gen.h"
#include "../include/mpscmfs.h"
#include "../include/mpscmvff.h"
#include "../include/mpscmvt.h"
#include "../include/mpscams.h"
#include "../include/mpscamc.h"
#include "../include/mpscawl.h"
#include "../include/mpsclo.h"
#include "../include/mpscsnc.h"
#include "../include/mpstd.h"
#include "../pool/debug.h"
#include "../pool/mvff.h"
#include "../pool/pool.h"
#include "../trace/poll.h"

#include <stdarg.h>


/* Formats */

/* What every form requires, in the name of the one that was called. */
#define API_FMT(fmt_o, arena, params, function) \
  (API_OUT(fmt_o, function) && API_ARENA(arena, function) \
   && API_REQUIRE(size_is_pow2((params).align) \
                      && (params).align <= (arena)->space.grain, \
                  #function ": the alignment (MPS_KEY_FMT_ALIGN) must be a " \
                            "power of two, and at most the arena's grain " \
                            "size") \
   && API_REQUIRE(size_is_aligned((params).header, (params).align), \
                  #function ": the header's size (MPS_KEY_FMT_HEADER_SIZE) " \
                            "must be a multiple of the alignment"))

static mps_res_t api_fmt_create(mps_fmt_t *fmt_o, mps_arena_t arena,
                                const FormatParams *params)
{
  Format *format;
  Res res;

  arena_enter(arena, NULL);
  res = format_create(&format, arena, params);
  arena_leave(arena);
  if (res == MPS_RES_OK)
    *fmt_o = format;
  return res;
}

mps_res_t mps_fmt_create_k(mps_fmt_t *fmt_o, mps_arena_t arena,
                           mps_arg_s args[])
{
  FormatParams params = {.align = MPS_PF_ALIGN};
  mps_arg_s arg;

  if (!API_REQUIRE(args_check(args), "mps_fmt_create_k: args must be a list "
                                     "of keyword arguments"))
    return MPS_RES_PARAM;
  if (args_pick(args, MPS_KEY_FMT_ALIGN, &arg))
    params.align = arg.val.align;
  if (args_pick(args, MPS_KEY_FMT_HEADER_SIZE, &arg))
    params.header = arg.val.size;
  if (args_pick(args, MPS_KEY_FMT_SCAN, &arg))
    params.scan = arg.val.fmt_scan;
  if (args_pick(args, MPS_KEY_FMT_SKIP, &arg))
    params.skip = arg.val.fmt_skip;
  if (args_pick(args, MPS_KEY_FMT_FWD, &arg))
    params.fwd = arg.val.fmt_fwd;
  if (args_pick(args, MPS_KEY_FMT_ISFWD, &arg))
    params.isfwd = arg.val.fmt_isfwd;
  if (args_pick(args, MPS_KEY_FMT_PAD, &arg))
    params.pad = arg.val.fmt_pad;
  if (args_pick(args, MPS_KEY_FMT_CLASS, &arg))
    params.klass = arg.val.fmt_class;
  if (args_are_broken(args))
    return MPS_RES_PARAM;
  if (!API_FMT(fmt_o, arena, params, mps_fmt_create_k))
    return MPS_RES_PARAM;
  return api_fmt_create(fmt_o, arena, &params);
}

/* The older descriptions say the same in structures. */
#define API_FMT_PARAMS(d) \
  { \
    .align = (d)->align, .scan = (d)->scan, .fwd = (d)->fwd, \
    .isfwd = (d)->isfwd, .pad = (d)->pad \
  }

#define API_DESCRIPTION(description, function) \
  API_REQUIRE((description) != NULL, \
              #function ": " #description " must not be null")

mps_res_t mps_fmt_create_A(mps_fmt_t *fmt_o, mps_arena_t arena,
                           mps_fmt_A_s *description)
{
  FormatParams params;

  if (!API_DESCRIPTION(description, mps_fmt_create_A))
    return MPS_RES_PARAM;
  params = (FormatParams)API_FMT_PARAMS(description);
  params.skip = description->skip;
  if (!API_FMT(fmt_o, arena, params, mps_fmt_create_A))
    return MPS_RES_PARAM;
  return api_fmt_create(fmt_o, arena, &params);
}

mps_res_t mps_fmt_create_B(mps_fmt_t *fmt_o, mps_arena_t arena,
                           mps_fmt_B_s *description)
{
  FormatParams params;

  if (!API_DESCRIPTION(description, mps_fmt_create_B))
    return MPS_RES_PARAM;
  params = (FormatParams)API_FMT_PARAMS(description);
  params.skip = description->skip;
  params.klass = description->mps_class;
  if (!API_FMT(fmt_o, arena, params, mps_fmt_create_B))
    return MPS_RES_PARAM;
  return api_fmt_create(fmt_o, arena, &params);
}

mps_res_t mps_fmt_create_auto_header(mps_fmt_t *fmt_o, mps_arena_t arena,
                                     mps_fmt_auto_header_s *description)
{
  FormatParams params;

  if (!API_DESCRIPTION(description, mps_fmt_create_auto_header))
    return MPS_RES_PARAM;
  params = (FormatParams)API_FMT_PARAMS(description);
  params.skip = description->skip;
  params.header = description->mps_headerSize;
  if (!API_FMT(fmt_o, arena, params, mps_fmt_create_auto_header))
    return MPS_RES_PARAM;
  return api_fmt_create(fmt_o, arena, &params);
}

mps_res_t mps_fmt_create_fixed(mps_fmt_t *fmt_o, mps_arena_t arena,
                               mps_fmt_fixed_s *description)
{
  FormatParams params;

  if (!API_DESCRIPTION(description, mps_fmt_create_fixed))
    return MPS_RES_PARAM;
  params = (FormatParams)API_FMT_PARAMS(description);
  if (!API_FMT(fmt_o, arena, params, mps_fmt_create_fixed))
    return MPS_RES_PARAM;
  return api_fmt_create(fmt_o, arena, &params);
}

void mps_fmt_destroy(mps_fmt_t fmt)
{
  if (!API_REQUIRE(API_IS(fmt, FORMAT_SIG),
                   "mps_fmt_destroy: fmt must be a format that isn't "
                   "destroyed")
      || !API_REQUIRE(fmt->pools == 0,
                      "mps_fmt_destroy: a pool uses the format still")
      || !API_OUTSIDE(fmt->arena, mps_fmt_destroy))
    return;
  Arena *arena = fmt->arena;
  arena_enter(arena, NULL);
  format_destroy(fmt);
  arena_leave(arena);
}


/* Chains */

static bool api_gens_are_valid(size_t count, const mps_gen_param_s *gens)
{
  for (Index i = 0; i < count; ++i)
    if (gens[i].mps_capacity == 0 || gens[i].mps_capacity > SIZE_MAX / 1024
        || !(0.0 <= gens[i].mps_mortality && gens[i].mps_mortality <= 1.0))
      return false;
  return true;
}

mps_res_t mps_chain_create(mps_chain_t *chain_o, mps_arena_t arena,
                           size_t gen_count, mps_gen_param_s *gens)
{
  Chain *chain;
  Res res;

  if (!API_OUT(chain_o, mps_chain_create)
      || !API_ARENA(arena, mps_chain_create)
      || !API_REQUIRE(gen_count > 0,
                      "mps_chain_create: gen_count must be positive")
      || !API_REQUIRE(gens != NULL && api_gens_are_valid(gen_count, gens),
                      "mps_chain_create: gens: capacities must be positive, "
                      "and mortalities from 0.0 to 1.0"))
    return MPS_RES_PARAM;
  arena_enter(arena, NULL);
  res = chain_create(&chain, arena, gen_count, gens);
  arena_leave(arena);
  if (res == MPS_RES_OK)
    *chain_o = chain;
  return res;
}

void mps_chain_destroy(mps_chain_t chain)
{
  if (!API_REQUIRE(API_IS(chain, CHAIN_SIG),
                   "mps_chain_destroy: chain must be a chain that isn't "
                   "destroyed")
      || !API_REQUIRE(chain->pools == 0,
                      "mps_chain_destroy: a pool uses the chain still")
      || !API_OUTSIDE(chain->arena, mps_chain_destroy))
    return;
  Arena *arena = chain->arena;
  arena_enter(arena, NULL);
  chain_destroy(chain);
  arena_leave(arena);
}


/* Pools */

mps_res_t mps_pool_create_k(mps_pool_t *pool_o, mps_arena_t arena,
                            mps_pool_class_t class, mps_arg_s args[])
{
  Pool *pool;
  Res res;

  if (!API_OUT(pool_o, mps_pool_create_k)
      || !API_ARENA(arena, mps_pool_create_k)
      || !API_REQUIRE(API_IS(class, POOL_CLASS_SIG),
                      "mps_pool_create_k: pool_class must be a class")
      || !API_REQUIRE(args_check(args), "mps_pool_create_k: args must be a "
                                        "list of keyword arguments"))
    return MPS_RES_PARAM;
  arena_enter(arena, NULL);
  ASSERT(pool_class_check(class));
  res = pool_create(&pool, arena, class, args);
  arena_leave(arena);
  if (res == MPS_RES_OK)
    *pool_o = pool;
  return res;
}

/* api_pool_args -- the positional arguments of the older functions, in the
 * order that each class has them */

static void api_pool_args(mps_arg_s *args, mps_pool_class_t class, va_list v)
{
  Index i = 0;

#define API_ARG(its_key, field, type) \
  (args[i].key = (its_key), args[i++].val.field = va_arg(v, type))
  if (class == mps_class_mvff_debug() || class == mps_class_ams_debug())
    API_ARG(MPS_KEY_POOL_DEBUG_OPTIONS, pool_debug_options,
            mps_pool_debug_option_s *);
  if (class == mps_class_mvff() || class == mps_class_mvff_debug()) {
    API_ARG(MPS_KEY_EXTEND_BY, size, size_t);
    API_ARG(MPS_KEY_MEAN_SIZE, size, size_t);
    API_ARG(MPS_KEY_ALIGN, align, size_t);
    API_ARG(MPS_KEY_MVFF_SLOT_HIGH, b, mps_bool_t);
    API_ARG(MPS_KEY_MVFF_ARENA_HIGH, b, mps_bool_t);
    API_ARG(MPS_KEY_MVFF_FIRST_FIT, b, mps_bool_t);
  } else if (class == mps_class_mfs()) {
    API_ARG(MPS_KEY_EXTEND_BY, size, size_t);
    API_ARG(MPS_KEY_MFS_UNIT_SIZE, size, size_t);
  } else if (class == mps_class_mvt()) {
    API_ARG(MPS_KEY_MIN_SIZE, size, size_t);
    API_ARG(MPS_KEY_MEAN_SIZE, size, size_t);
    API_ARG(MPS_KEY_MAX_SIZE, size, size_t);
    API_ARG(MPS_KEY_MVT_RESERVE_DEPTH, count, mps_word_t);
    args[i].key = MPS_KEY_MVT_FRAG_LIMIT;
    args[i++].val.d = (double)va_arg(v, mps_word_t) / 100.0;
  } else {
    API_ARG(MPS_KEY_FORMAT, format, mps_fmt_t);
    if (class == mps_class_awl())
      API_ARG(MPS_KEY_AWL_FIND_DEPENDENT, addr_method,
              mps_awl_find_dependent_t);
    else if (class != mps_class_lo() && class != mps_class_snc())
      API_ARG(MPS_KEY_CHAIN, chain, mps_chain_t);
    if (class == mps_class_ams() || class == mps_class_ams_debug())
      API_ARG(MPS_KEY_AMS_SUPPORT_AMBIGUOUS, b, mps_bool_t);
  }
#undef API_ARG
  args[i].key = MPS_KEY_ARGS_END;
}

mps_res_t mps_pool_create_v(mps_pool_t *pool_o, mps_arena_t arena,
                            mps_pool_class_t class, va_list varargs)
{
  mps_arg_s args[MPS_ARGS_MAX];

  api_pool_args(args, class, varargs);
  return mps_pool_create_k(pool_o, arena, class, args);
}

mps_res_t mps_pool_create(mps_pool_t *pool_o, mps_arena_t arena,
                          mps_pool_class_t class, ...)
{
  va_list varargs;
  mps_res_t res;

  va_start(varargs, class);
  res = mps_pool_create_v(pool_o, arena, class, varargs);
  va_end(varargs);
  return res;
}

void mps_pool_destroy(mps_pool_t pool)
{
  if (!API_POOL(pool, mps_pool_destroy)
      || !API_REQUIRE(ring_is_single(&pool->buffers),
                      "mps_pool_destroy: the pool has an allocation point")
      || !API_REQUIRE(pool->sacs == 0,
                      "mps_pool_destroy: the pool has an allocation cache"))
    return;
  Arena *arena = pool->arena;
  arena_enter(arena, NULL);
  pool_destroy(pool);
  arena_leave(arena);
}

size_t mps_pool_total_size(mps_pool_t pool)
{
  Size size;

  if (!API_POOL_ANY(pool, mps_pool_total_size))
    return 0;
  arena_enter_recursive(pool->arena);
  size = pool->class->total_size(pool);
  arena_leave_recursive(pool->arena);
  return size;
}

size_t mps_pool_free_size(mps_pool_t pool)
{
  Size size;

  if (!API_POOL_ANY(pool, mps_pool_free_size))
    return 0;
  arena_enter_recursive(pool->arena);
  size = pool->class->free_size(pool);
  arena_leave_recursive(pool->arena);
  return size;
}


/* Pools without fences have nothing to check. */
void mps_pool_check_fenceposts(mps_pool_t pool)
{
  if (!API_POOL(pool, mps_pool_check_fenceposts))
    return;
  arena_enter(pool->arena, NULL);
  if (pool->debug != NULL)
    debug_check_fences(pool->debug);
  arena_leave(pool->arena);
}

void mps_pool_check_free_space(mps_pool_t pool)
{
  if (!API_POOL(pool, mps_pool_check_free_space))
    return;
  arena_enter(pool->arena, NULL);
  if (pool->debug != NULL)
    debug_check_free(pool->debug);
  arena_leave(pool->arena);
}


/* Blocks under manual control */

/* api_is_quick -- may the quick ways of MVFF be used, without the lock?
 *
 * Whoever is alone and outside can't be disturbed: they call nothing of the
 * client's, and what a handler of its could call uses nothing of theirs. */

static inline bool api_is_quick(const Pool *pool)
{
  return LIKELY(PLAT_IS_ALONE) && LIKELY(mvff_is_pool(pool))
         && LIKELY(!plat_lock_is_held(&pool->arena->lock));
}

/* api_alloc_shared -- with the lock, but without anything that a collection
 * needs; false if that isn't enough */

static bool api_alloc_shared(Res *res_out, Addr *base_out, Pool *pool,
                             Size size)
{
  Res res = MPS_RES_MEMORY;

  if (UNLIKELY(!arena_enter_quickly(pool->arena)))
    return false;
  if (LIKELY(poll_is_idle(pool->arena)))
    res = pool->class->alloc(base_out, pool, size);
  arena_leave_quickly(pool->arena);
  *res_out = res;
  return LIKELY(res == MPS_RES_OK) || res == MPS_RES_PARAM;
}

/* As with allocation points: while there is garbage, nothing is refused.  What
 * breaks a rule isn't a matter of memory, and has been reported. */

Res api_alloc(Addr *base_out, Pool *pool, Size size)
{
  Res res;

  poll_maybe(pool->arena);
  res = pool->class->alloc(base_out, pool, size);
  if (res != MPS_RES_OK && res != MPS_RES_PARAM
      && poll_for_memory(pool->arena))
    res = pool->class->alloc(base_out, pool, size);
  return res;
}

/* api_alloc_slowly -- the same with what a collection needs
 *
 * Apart, so that mps_alloc has no room for registers to make.  They are those
 * of the client still, or mps_alloc's frame has pushed them. */

static __attribute__((noinline)) Res api_alloc_slowly(mps_addr_t *p_o,
                                                      Pool *pool, Size size)
{
  PlatContext context;
  Addr base;
  Res res;

  PLAT_CAPTURE(&context);
  arena_enter(pool->arena, &context);
  res = api_alloc(&base, pool, size);
  arena_leave(pool->arena);
  if (res == MPS_RES_OK)
    *p_o = base;
  return res;
}

/* api_alloc_any -- mps_alloc, but for what is done in line */

static __attribute__((noinline)) Res api_alloc_any(mps_addr_t *p_o, Pool *pool,
                                                   Size size)
{
  Addr base;
  Res res;

  if (!API_OUT(p_o, mps_alloc) || !API_POOL(pool, mps_alloc)
      || !API_REQUIRE(size > 0, "mps_alloc: size must be positive")
      || !API_REQUIRE(pool->class->alloc != pool_no_alloc,
                      "mps_alloc: pool must be of a class that has it"))
    return MPS_RES_PARAM;
  if (size > SIZE_MAX / 2)
    return MPS_RES_RESOURCE;
  if (UNLIKELY(!api_alloc_shared(&res, &base, pool, size)))
    return api_alloc_slowly(p_o, pool, size);
  if (LIKELY(res == MPS_RES_OK))
    *p_o = base;
  return res;
}

/* What isn't as it should be is found again, and reported, by the other
 * function. */

mps_res_t mps_alloc(mps_addr_t *p_o, mps_pool_t pool, size_t size)
{
  Addr base;

  if (LIKELY(API_IS_OUT(p_o) && API_IS(pool, POOL_SIG) && api_is_quick(pool)
             && poll_is_idle(pool->arena)
             && mvff_alloc_quick(&base, mvff_of_pool(pool), size))) {
    *p_o = base;
    return MPS_RES_OK;
  }
  return api_alloc_any(p_o, pool, size);
}

/* api_free_any -- mps_free, but for what is done in line */

static __attribute__((noinline)) void api_free_any(Pool *pool, Addr base,
                                                   Size size)
{
  if (!API_POOL(pool, mps_free)
      || !API_REQUIRE(base != NULL && size_is_aligned((Word)base, pool->align),
                      "mps_free: p must be the address of a block, not null "
                      "and aligned")
      || !API_REQUIRE(size > 0 && size <= SIZE_MAX / 2,
                      "mps_free: size must be the block's, and positive")
      || !API_REQUIRE(pool->class->free != pool_no_free,
                      "mps_free: pool must be of a class that has it"))
    return;
  if (arena_enter_quickly(pool->arena)) {
    pool->class->free(pool, base, size);
    arena_leave_quickly(pool->arena);
    return;
  }
  arena_enter(pool->arena, NULL);
  pool->class->free(pool, base, size);
  arena_leave(pool->arena);
}

void mps_free(mps_pool_t pool, mps_addr_t p, size_t size)
{
  if (LIKELY(API_IS(pool, POOL_SIG) && size_is_aligned((Word)p, pool->align)
             && api_is_quick(pool)
             && mvff_free_quick(mvff_of_pool(pool), p, size)))
    return;
  api_free_any(pool, p, size);
}
