/* amc.c -- the automatic, mostly copying pool class
 *
 * Design: .guide, .struct (design/amc.rst, design/amc-parts.rst).
 */

#include "amcboard.h"

#include "../base/args.h"
#include "../heap/buffer.h"
#include "../heap/format.h"
#include "../heap/gen.h"
#include "../heap/seg.h"
#include "../include/mpscamc.h"

#define AMC_EXTEND_BY ((Size)4096)
#define AMC_LARGE_SIZE ((Size)32768)
/* A segment is at most this part of its generation's capacity, unless the
 * client asks for more. */
#define AMC_CAPACITY_PART 8


/* The record */

bool amc_check(const Pool *pool)
{
  const Amc *amc = amc_of_const_pool(pool);

  CHECK(pool_check(pool));
  CHECK(amc->sig == AMC_SIG);
  CHECK(amc->rank == RANK_EXACT || amc->rank == RANK_NONE);
  CHECK(amc->extend_by > 0);
  CHECK(size_is_aligned(amc->extend_by, pool->arena->space.grain));
  CHECK(amc->large_size >= amc->extend_by); /* .amc.inv.large */
  CHECK(ramp_check(&amc->ramp));
  for (Index i = 0; i <= amc->gens; ++i) {
    CHECK(pgen_check(&amc->pgens[i]));
    /* .amc.inv.forward: each generation's survivors have a place to go. */
    CHECK(amc->pgens[i].forward != NULL);
  }
  return true;
}

/* amc_redirect -- send survivors where the ramp's state says
 *
 * What was copied before goes to the old target, so that a segment never
 * holds objects for two generations. */

static void amc_redirect(Amc *amc)
{
  bool is_flat = amc->is_flat && amc->ramp.state == RAMP_OUTSIDE;

  for (Index i = 0; i <= amc->gens; ++i) {
    PoolGen *pgen = &amc->pgens[i];
    Index next = ramp_target(amc->ramp.state, i, amc->gens);
    PoolGen *target = &amc->pgens[is_flat ? amc->gens : next];

    if (pgen->forward != target) {
      amc_cursor_close(pgen);
      pgen->forward = target;
      pgen->forward_set = REFSET_KIND(target->gen->id);
    }
  }
}

static void amc_init_gens(Amc *amc)
{
  Pool *pool = &amc->pool;

  for (Index i = 0; i < amc->gens; ++i)
    pgen_init(&amc->pgens[i], pool, &pool->chain->gens[i], i);
  pgen_init(&amc->pgens[amc->gens], pool, &pool->arena->top, amc->gens);
  ramp_init(&amc->ramp);
  amc_redirect(amc);
}

/* amc_take_sizes -- the sizes that the client may choose */

static bool amc_take_sizes(Amc *amc, mps_arg_s *args)
{
  Size extend_by = AMC_EXTEND_BY;
  Size large_size = AMC_LARGE_SIZE;
  mps_arg_s arg;

  if (args_pick(args, MPS_KEY_EXTEND_BY, &arg))
    extend_by = arg.val.size;
  if (args_pick(args, MPS_KEY_LARGE_SIZE, &arg))
    large_size = arg.val.size;
  else
    large_size = size_max(large_size, extend_by);
  if (!REQUIRE(large_size >= extend_by,
               "mps_pool_create_k: MPS_KEY_LARGE_SIZE is at least "
               "MPS_KEY_EXTEND_BY")
      || !REQUIRE(extend_by <= SIZE_MAX / 4,
                  "mps_pool_create_k: MPS_KEY_EXTEND_BY must be possible"))
    return false;
  amc->extend_by = size_round_up(extend_by, amc->pool.arena->space.grain);
  /* .amc.inv.large: a large object never fits behind another one. */
  amc->large_size = size_max(large_size, amc->extend_by);
  return true;
}

static Res amc_init_rank(Pool *pool, mps_arg_s *args, Rank rank)
{
  Amc *amc = amc_of_pool(pool);
  mps_arg_s arg;
  Res res;

  if (!pool_take_format(pool, args) || !pool_take_chain(pool, args)
      || !amc_take_sizes(amc, args))
    return MPS_RES_PARAM;
  amc->rank = rank;
  amc->is_interior = true;
  if (args_pick(args, MPS_KEY_INTERIOR, &arg))
    amc->is_interior = arg.val.b != 0;
  amc->gens = pool->chain->count;
  res = ctl_alloc(&amc->pgens, &pool->arena->ctl,
                  (amc->gens + 1) * sizeof(PoolGen));
  if (res != MPS_RES_OK)
    return res;
  amc_init_gens(amc);
  amcret_init(&amc->ret, pool, amc->large_size);
  amc->sig = AMC_SIG;
  return MPS_RES_OK;
}

static Res amc_init(Pool *pool, mps_arg_s *args)
{
  return amc_init_rank(pool, args, RANK_EXACT);
}

static Res amcz_init(Pool *pool, mps_arg_s *args)
{
  return amc_init_rank(pool, args, RANK_NONE);
}

static void amc_finish(Pool *pool)
{
  Amc *amc = amc_of_pool(pool);

  ASSERT(amc_check(pool));
  amc->sig = SIG_NONE;
  for (Index i = 0; i <= amc->gens; ++i) {
    PoolGen *pgen = &amc->pgens[i];

    amc_cursor_close(pgen);
    RING_FOR (node, after, &pgen->segs)
      amc_seg_free(RING_ELEM(Seg, gen_link, node));
    pgen_finish(pgen);
  }
  ctl_free(&pool->arena->ctl, amc->pgens, (amc->gens + 1) * sizeof(PoolGen));
}


/* Segments for buffers and for copies */

/* The next segment is twice as long, but never longer than what counts as
 * large, since one nail may keep all of it, and never a great part of its
 * generation.  Lengths that are powers of two fill units of the space
 * without gaps, so that one call protects many of them (.amc.want). */

Size amc_want_next(const Amc *amc, const PoolGen *pgen, Size want)
{
  Size most
      = size_min(amc->large_size, pgen->gen->capacity / AMC_CAPACITY_PART);
  Size next = size_min(want * 2, (Size)1 << size_log2(most | 1));

  return size_max(next, amc->extend_by);
}

static SegSize amc_size_class(const Amc *amc, Size size)
{
  if (amc_is_large(amc, size))
    return SEG_LARGE;
  return size < amc->extend_by ? SEG_SMALL : SEG_MEDIUM;
}

Res amc_seg_alloc(Seg **seg_out, Addr *limit_out, const Amc *amc,
                  PoolGen *pgen, Size size, Size want)
{
  bool is_large = amc_is_large(amc, size);
  Seg *seg;
  Res res;

  if (is_large || want < size)
    want = size;
  else if (size >= amc->extend_by)
    want -= want % size; /* else most of the rest may be lost (.amc.want) */
  res = seg_alloc(&seg, pgen, &amc_seg_class, amc->rank, want);
  if (res != MPS_RES_OK && want > size)
    res = seg_alloc(&seg, pgen, &amc_seg_class, amc->rank, size);
  if (res != MPS_RES_OK)
    return res;
  seg->is_plain = true;
  seg->size_class = (unsigned char)amc_size_class(amc, size);
  if (is_large) {
    /* .large.single-reserve: nobody else gets the rest. */
    seg->used_limit = addr_add(seg->base, size);
    format_pad(seg->format, seg->used_limit, seg->limit);
  }
  *limit_out = seg->used_limit;
  *seg_out = seg;
  return MPS_RES_OK;
}

void amc_seg_close(Seg *seg, Addr init, Size least)
{
  Size grain = seg_arena(seg)->space.grain;
  Addr limit = seg->limit;

  ASSERT(seg->base <= init && init <= seg->used_limit);
  if (seg->size_class != SEG_LARGE && seg_size(seg) > least) {
    limit = addr_round_up(init, grain);
    if (addr_diff(seg->base, limit) < least)
      limit = addr_add(seg->base, least);
  }
  if (seg->base < limit && limit < seg->limit)
    seg_shrink(seg, seg->base, limit);
  if (seg->size_class == SEG_LARGE)
    format_pad(seg->format, init, seg->used_limit);
  else
    format_pad(seg->format, init, seg->limit);
  seg->used_limit = init;
}


/* Buffers */

static Res amc_buffer_init(Buffer *buffer, mps_arg_s *args)
{
  Amc *amc = amc_of_pool(buffer->pool);
  mps_arg_s arg;
  Index gen = 0;

  if (args_pick(args, MPS_KEY_AP_HASH_ARRAYS, &arg))
    buffer->is_hash_arrays = arg.val.b != 0;
  if (args_pick(args, MPS_KEY_GEN, &arg))
    gen = arg.val.u;
  if (!REQUIRE(gen <= amc->gens, "mps_ap_create_k: MPS_KEY_GEN is at most the "
                                 "number of generations of the chain"))
    return MPS_RES_PARAM;
  buffer->rank = amc->rank;
  buffer->pgen = &amc->pgens[gen];
  buffer->want = amc->extend_by;
  return MPS_RES_OK;
}

static Res amc_fill(Buffer *buffer, Size size)
{
  const Amc *amc = amc_of_pool(buffer->pool);
  Arena *arena = buffer->pool->arena;
  Size want = buffer->want;
  Seg *seg;
  Addr limit;
  Res res;

  if (!pool_leaves_room(arena, size))
    return space_refuse(&arena->space, size);
  if (!pool_leaves_room(arena, want))
    want = size;
  res = amc_seg_alloc(&seg, &limit, amc, buffer->pgen, size, want);
  if (res != MPS_RES_OK)
    return res;
  seg->is_deferred = buffer->is_hash_arrays;
  pgen_account_fill(seg);
  buffer_attach(buffer, seg, seg->base, limit);
  if (!amc_is_large(amc, size))
    buffer->want = amc_want_next(amc, buffer->pgen, buffer->want);
  return MPS_RES_OK;
}

static void amc_empty(Buffer *buffer)
{
  Seg *seg = buffer->seg;

  amc_seg_close(seg, buffer->ap.init, amc_of_pool(buffer->pool)->extend_by);
  pgen_account_empty(seg);
}


/* Ramps */

static void amc_ramp_begin(Pool *pool, Buffer *buffer)
{
  ++buffer->ramps;
  ramp_enter(&amc_of_pool(pool)->ramp);
}

static void amc_ramp_end(Pool *pool, Buffer *buffer)
{
  Amc *amc = amc_of_pool(pool);
  PoolGen *pgen = &amc->pgens[ramp_generation(amc->gens)];

  --buffer->ramps;
  if (!ramp_leave(&amc->ramp, 1))
    return;
  /* What the ramp kept back counts towards a collection from now on. */
  RING_FOR (node, after, &pgen->segs)
    pgen_account_undefer(RING_ELEM(Seg, gen_link, node));
}

static void amc_condemned(Pool *pool, PoolGen *pgen)
{
  Amc *amc = amc_of_pool(pool);

  bool is_other
      = pgen->index == ramp_generation(amc->gens) && ramp_condemn(&amc->ramp);

  if (is_other || amc->is_flat != pool->chain->is_flat) {
    amc->is_flat = pool->chain->is_flat;
    amc_redirect(amc);
  }
}

static void amc_scanned(Pool *pool)
{
  Amc *amc = amc_of_pool(pool);

  for (Index i = 0; i <= amc->gens; ++i)
    amc_cursor_close(&amc->pgens[i]);
}

static void amc_trace_end(Pool *pool)
{
  Amc *amc = amc_of_pool(pool);

  ramp_reclaim(&amc->ramp);
  amcret_end(pool);
  ASSERT(amc_check(pool));
}


/* Sizes and visits */

static Size amc_total_size(const Pool *pool)
{
  const Amc *amc = amc_of_const_pool(pool);
  Size size = 0;

  for (Index i = 0; i <= amc->gens; ++i)
    size += amc->pgens[i].account.total;
  return size;
}

static Size amc_free_size(const Pool *pool)
{
  const Amc *amc = amc_of_const_pool(pool);
  Size size = 0;

  for (Index i = 0; i <= amc->gens; ++i)
    size += amc->pgens[i].account.free;
  return size;
}

static void amc_segs(Pool *pool, void (*visit)(Seg *seg, void *p), void *p)
{
  Amc *amc = amc_of_pool(pool);

  for (Index i = 0; i <= amc->gens; ++i)
    RING_FOR (node, after, &amc->pgens[i].segs)
      visit(RING_ELEM(Seg, gen_link, node), p);
}


/* The classes differ in what their objects may refer to; those of AMCZ refer
 * to nothing, and are never scanned or watched. */

#define AMC_CLASS(ident, its_name, its_init) \
  static const PoolClass ident = { \
      .sig = POOL_CLASS_SIG, \
      .name = its_name, \
      .size = sizeof(Amc), \
      .is_moving = true, \
      .is_managed = true, \
      .init = its_init, \
      .finish = amc_finish, \
      .buffer_init = amc_buffer_init, \
      .fill = amc_fill, \
      .empty = amc_empty, \
      .alloc = pool_no_alloc, \
      .free = pool_no_free, \
      .ramp_begin = amc_ramp_begin, \
      .ramp_end = amc_ramp_end, \
      .pop = pool_no_pop, \
      .condemned = amc_condemned, \
      .scanned = amc_scanned, \
      .trace_end = amc_trace_end, \
      .collected = pool_no_collected, \
      .total_size = amc_total_size, \
      .free_size = amc_free_size, \
      .segs = amc_segs, \
      .check = amc_check, \
  }

AMC_CLASS(amc_class, "AMC", amc_init);
AMC_CLASS(amcz_class, "AMCZ", amcz_init);

mps_pool_class_t mps_class_amc(void)
{
  return (mps_pool_class_t)&amc_class;
}

mps_pool_class_t mps_class_amcz(void)
{
  return (mps_pool_class_t)&amcz_class;
}
