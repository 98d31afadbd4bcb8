/* seg.c -- segments
 *
 * Design: .seg.make, .seg.inv.used (design/seg.rst).
 */

#include "seg.h"

#include "barrier.h"
#include "gen.h"

#include <string.h>

/* The bytes of a segment record: whole cache lines, and no more of them
 * unawares. */
_Static_assert(sizeof(Seg) <= 3 * CTL_LINE, "a segment fits three lines");
#define SEG_RECORD size_round_up(sizeof(Seg), CTL_LINE)

Res seg_alloc(Seg **seg_out, PoolGen *pgen, const SegClass *class, Rank rank,
              Size size)
{
  Arena *arena = pgen->pool->arena;
  Count grains = space_to_grains(&arena->space, size);
  Addr base;
  Seg *seg;
  Res res = ctl_alloc(&seg, &arena->ctl, SEG_RECORD);

  if (res != MPS_RES_OK)
    return res;
  res = space_alloc(&base, &arena->space, grains,
                    rank == RANK_NONE ? SPACE_HIGH : SPACE_LOW);
  if (res != MPS_RES_OK) {
    ctl_free(&arena->ctl, seg, SEG_RECORD);
    return res;
  }
  memset(seg, 0, sizeof *seg);
  seg->rank = (unsigned char)rank;
  seg->kind = pgen->gen->id;
  seg->base = base;
  seg->limit = addr_add(base, grains << arena->space.shift);
  seg->used_limit = seg->limit;
  seg->scanned = base;
  seg->class = class;
  seg->pgen = pgen;
  seg->format = pgen->pool->format;
  ring_init(&seg->gen_link);
  ring_init(&seg->ref_link);
  ring_append(&pgen->segs, &seg->gen_link);
  pgen_account_alloc(pgen, seg_size(seg));
  space_map_seg(&arena->space, seg->base, seg->limit, seg, seg->kind);
  if (!pgen->pool->class->is_moving)
    space_map_still(&arena->space, seg->base, seg->limit);
  seg->sig = SEG_SIG;
  if (rank != RANK_NONE)
    seg_set_refset(seg, REFSET_UNIVERSAL);
  ASSERT_HOT(seg_check(seg));
  *seg_out = seg;
  return MPS_RES_OK;
}

void seg_free(Seg *seg)
{
  Arena *arena = seg_arena(seg);

  ASSERT_HOT(seg_check(seg));
  ASSERT(seg->buffer == NULL && seg->board == NULL && seg->cursor == NULL);
  ASSERT(!seg_is_grey(seg) && !seg->is_queued);
  /* A free grain has no protection: nobody would know to lift it. */
  barrier_forget(seg);
  seg->sig = SIG_NONE;
  pgen_account_shrink(seg, seg_size(seg));
  ring_remove(&seg->gen_link);
  ring_remove(&seg->ref_link);
  space_free(&arena->space, seg->base, seg_size(seg) >> arena->space.shift);
  ctl_free(&arena->ctl, seg, SEG_RECORD);
}

bool seg_check(const Seg *seg)
{
  CHECK(seg != NULL);
  CHECK(seg->sig == SEG_SIG);
  CHECK(seg->base < seg->limit);
  CHECK(seg->base <= seg->used_limit && seg->used_limit <= seg->limit);
  CHECK(seg->kind == seg->pgen->gen->id);
  /* .seg.inv.leaf: a leaf is never scanned and never watched. */
  if (seg->rank == RANK_NONE) {
    CHECK(seg->refset == REFSET_EMPTY);
    CHECK(!seg_is_grey(seg) && !seg->is_watched);
    CHECK(seg->access == PLAT_ACCESS_ALL);
  } else {
    /* .seg.inv.watched: what may change unseen may refer to anything. */
    CHECK(seg->is_watched || seg->is_wanted || seg->is_white
          || seg_is_grey(seg) || seg->refset == REFSET_UNIVERSAL
          || seg_arena(seg)->barrier == BARRIER_NONE
          || seg_arena(seg)->is_stopped);
  }
  /* .seg.inv.board: a segment with a board is nailed; without one it is
   * stuck. */
  CHECK(seg->is_nailed || seg->board == NULL);
  if (seg->buffer != NULL)
    CHECK(seg->buffer->seg == seg);
  return true;
}

void seg_shrink(Seg *seg, Addr base, Addr limit)
{
  Arena *arena = seg_arena(seg);
  Shift shift = arena->space.shift;
  Size cut = seg_size(seg) - addr_diff(base, limit);

  ASSERT(seg->base <= base && base < limit && limit <= seg->limit);
  if (cut == 0)
    return;
  barrier_expose(seg);
  pgen_account_shrink(seg, cut);
  if (seg->base < base)
    space_free(&arena->space, seg->base, addr_diff(seg->base, base) >> shift);
  if (limit < seg->limit)
    space_free(&arena->space, limit, addr_diff(limit, seg->limit) >> shift);
  seg->base = base;
  seg->limit = limit;
  if (seg->used_limit > limit)
    seg->used_limit = limit;
  if (seg->scanned < base)
    seg->scanned = base;
}

/* seg_init_lower -- the record of the lower part: that of the whole, but on
 * no list yet */

static void seg_init_lower(Seg *lower, const Seg *seg, Addr limit)
{
  memcpy(lower, seg, sizeof *lower);
  lower->limit = limit;
  if (lower->used_limit > limit)
    lower->used_limit = limit;
  lower->scanned = lower->base;
  lower->stayed = NULL;
  lower->live = 0;
  lower->buffer = NULL;
  lower->is_wanted = false;
  lower->is_queued = false;
  ring_init(&lower->gen_link);
  ring_init(&lower->ref_link);
}

/* seg_settle_parts -- both may refer to what the whole did */

static void seg_settle_parts(Seg *lower, Seg *seg)
{
  RefSet refset = seg->refset;

  if (seg->rank == RANK_NONE)
    return;
  if (refset == REFSET_UNIVERSAL) {
    seg_set_refset(lower, refset);
  } else {
    barrier_settle(lower, refset);
    barrier_settle(seg, refset);
  }
}

Seg *seg_split(Seg *seg, Addr limit, Addr base)
{
  Arena *arena = seg_arena(seg);
  Size hole = addr_diff(limit, base);
  Seg *lower;

  ASSERT(seg->base < limit && limit < base && base < seg->limit);
  ASSERT(!seg->is_white && !seg->is_grey && !seg->is_nailed);
  ASSERT(seg->cursor == NULL && !seg->is_accounted_buffered);
  if (ctl_alloc(&lower, &arena->ctl, SEG_RECORD) != MPS_RES_OK)
    return NULL;
  barrier_forget(seg);
  pgen_account_shrink(seg, hole);
  seg_init_lower(lower, seg, limit);
  seg->base = base;
  seg->scanned = base;
  ring_append(&seg->pgen->segs, &lower->gen_link);
  space_map_seg(&arena->space, lower->base, limit, lower, lower->kind);
  space_free(&arena->space, limit, hole >> arena->space.shift);
  seg_settle_parts(lower, seg);
  ASSERT_HOT(seg_check(lower));
  ASSERT_HOT(seg_check(seg));
  return lower;
}

void seg_set_refset(Seg *seg, RefSet refset)
{
  Arena *arena = seg_arena(seg);

  ASSERT_HOT(seg->rank != RANK_NONE);
  seg->refset = refset;
  ring_remove(&seg->ref_link);
  if (seg->rank == RANK_AMBIG)
    ring_append(&arena->ambig, &seg->ref_link);
  else if (refset != REFSET_EMPTY)
    ring_append(&arena->remembered[__builtin_ctzll(refset)], &seg->ref_link);
}

mps_res_t seg_scan_area(mps_ss_t ss, void *base, void *limit, void *closure)
{
  const Seg *seg = closure;

  if (seg->format == NULL)
    return mps_scan_area(ss, base, limit, NULL);
  return seg->format->scan(ss, base, limit);
}
