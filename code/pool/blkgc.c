/* blkgc.c -- collections of the block pool
 *
 * There are three ways to mark: from the client's words; from the arena's
 * roots and all other pools; and in a trace of the arena that condemns
 * everything in place.  All end in the same way, with the threads running
 * and the lock held: the client is told of the dead, and they are freed.
 *
 * Design: .blk.collect, .blk.world (design/blk.rst).
 */

#include "blk.h"

#include "../heap/arena.h"
#include "../heap/barrier.h"
#include "../heap/buffer.h"
#include "../heap/final.h"
#include "../heap/gen.h"
#include "../heap/root.h"
#include "../heap/scan.h"
#include "../heap/seg.h"
#include "../trace/poll.h"
#include "../trace/trace.h"

#include <string.h>

/* Regions that are empty go when this part of the rest would still be free,
 * between the headroom and all. */
#define BLK_TRIM_SHARE 0.5


/* Headroom */

static bool blk_is_arenas(const Blk *blk)
{
  return blk->params.memory == NULL;
}

static void blk_trim(Blk *blk)
{
  double share
      = blk->params.headroom + (1.0 - blk->params.headroom) * BLK_TRIM_SHARE;
  Size total = blk_blocks_size(blk);
  Size free = total - blk_used_size(blk);

  for (Index i = blk->mark.count; i-- > 0;) {
    BlkRegion *region = blk_region_at(blk, i);
    Size size = region->area.size;

    if (region == blk->first || region->area.tab.objects > 0
        || region->area.is_named
        || (double)(free - size) < (double)(total - size) * share)
      continue;
    blk_region_free(region);
    total -= size;
    free -= size;
  }
}

void blk_keep_headroom(Blk *blk)
{
  double headroom = blk->params.headroom;
  double total = (double)blk_blocks_size(blk);
  double free = total - (double)blk_used_size(blk);

  if (!blk_is_arenas(blk) || total == 0.0)
    return;
  if (free >= headroom * total)
    blk_trim(blk);
  else
    /* After which the part is right; if it can't be had, so be it. */
    (void)blk_grow(blk, (Size)((headroom * total - free) / (1.0 - headroom)));
}


/* The end of a collection */

static void blk_tell_dead(Blk *blk, unsigned plane, mps_blk_visit_t visit,
                          void *closure)
{
  for (Index i = 0; i < blk->mark.count; ++i) {
    BlkArea *area = blk->mark.areas[i];
    Index head = 0;

    while ((head = blktab_next_dead(&area->tab, plane, head)) != BLK_NONE) {
      blktab_put(&area->tab, plane, head, false);
      visit((mps_addr_t)(area->base + (head << blk->mark.shift)), closure);
      if (++head == area->tab.blocks)
        break;
    }
  }
}

/* All of them before any block of the dead is free, so that each may look at
 * the others. */

static void blk_finalize(Blk *blk)
{
  const BlkParams *params = &blk->params;

  blk->phase = BLK_FINALIZING;
  if (params->weak != NULL)
    blk_tell_dead(blk, BLKTAB_WEAK, params->weak, params->closure);
  if (params->final != NULL)
    blk_tell_dead(blk, BLKTAB_FINAL, params->final, params->final_closure);
}

typedef struct BlkPoison {
  BlkRegion *region;
  Shift shift;
} BlkPoison;

static void blk_poison_bits(void *closure, Index word, Word bits)
{
  const BlkPoison *poison = closure;
  Word base = poison->region->area.base;

  for (; bits != 0; bits &= bits - 1) {
    Index block = word * WORD_BITS + (Index)__builtin_ctzll(bits);

    memset((void *)(base + (block << poison->shift)), BLK_POISON,
           (Size)1 << poison->shift);
  }
}

static Count blk_sweep(Blk *blk)
{
  Size used = blk_used_size(blk);
  Count freed = 0;

  for (Index i = 0; i < blk->mark.count; ++i) {
    BlkRegion *region = blk_region_at(blk, i);
    BlkPoison poison = {region, blk->mark.shift};

    if (blk->params.is_poison)
      blk_distrust(region);
    freed += blktab_sweep(&region->area.tab,
                          blk->params.is_poison ? blk_poison_bits : NULL,
                          &poison);
    blk_count(region);
    if (blk->params.loop != NULL)
      blk->params.loop((mps_pool_t)&blk->pool, blk->params.closure);
  }
  blk->free_count += freed;
  blk->free_size += used - blk_used_size(blk);
  return freed;
}

/* blk_is_marked -- is there a marked object in the block of an area? */

static bool blk_is_marked(const BlkMark *mark, const BlkArea *area, Word word)
{
  Index head = blktab_head(&area->tab, (word - area->base) >> mark->shift);

  return head != BLK_NONE && blktab_state(&area->tab, head) == BLK_MARK;
}

/* blk_note_named -- an exact reference has been followed: perhaps it is to
 * what the client has freed, and may lie in another object by now
 * (.blk.named) */

static void blk_note_named(const BlkMark *mark, Word word)
{
  BlkArea *area = blkmark_area(mark, word);

  if (area != NULL && !blk_is_marked(mark, area, word))
    area->is_named = true;
}

/* blk_name_all -- nobody has looked into the pools beside this one */

static void blk_name_all(const Blk *blk)
{
  bool is_alone = true;

  RING_FOR (node, after, &blk->pool.arena->pools) {
    const Pool *pool = RING_ELEM(Pool, link, node);

    is_alone = is_alone && (!pool->class->is_managed || blk_is_pool(pool));
  }
  for (Index i = 0; i < blk->mark.count && !is_alone; ++i)
    blk->mark.areas[i]->is_named = true;
}

/* blk_keep_finals -- what is alive is marked, but for what lives until the
 * client has heard of its death (.blk.final.arena) */

static void blk_keep(Addr ref, void *closure)
{
  Blk *blk = closure;
  Word word = (Word)ref;

  blkmark_range(&blk->mark, &word, 1);
}

static void blk_keep_finals(Blk *blk)
{
  blkmark_finish(&blk->mark);
  if (blk->params.memory == NULL)
    final_decide(&blk->pool, blk->pgen.gen->id, blk_keep, blk);
  blkmark_finish(&blk->mark);
}

/* blk_end -- everything alive is marked: free the rest */

static Count blk_end(Blk *blk)
{
  Count freed;

  blk_finalize(blk);
  freed = blk_sweep(blk);
  ++blk->collections;
  blk->objects_freed = freed;
  blk->allocated = 0;
  blk->polled = 0;
  blk_keep_headroom(blk);
  blk->phase = BLK_TELLING;
  if (blk->params.collected != NULL)
    blk->params.collected((mps_pool_t)&blk->pool, blk->params.closure);
  blk->phase = BLK_IDLE;
  ASSERT(blk_check(&blk->pool));
  return freed;
}


/* From the client's words */

void blk_mark_begin(Blk *blk)
{
  blk->phase = BLK_MARKING;
  blkmark_begin(&blk->mark);
  if (blk->moving != 0)
    blkmark_range(&blk->mark, &blk->moving, 1);
}

Count blk_mark_end(Blk *blk)
{
  blk_keep_finals(blk);
  blk_name_all(blk);
  return blk_end(blk);
}

/* What finalizers free themselves is among those that there were. */

Count blk_final_all(Blk *blk)
{
  Count objects = 0;
  double headroom = blk->params.headroom;

  for (Index i = 0; i < blk->mark.count; ++i)
    objects += blk->mark.areas[i]->tab.objects;
  final_forget_pool(&blk->pool);
  blk_mark_begin(blk);
  blk_name_all(blk);
  blk->params.headroom = 0.0;
  (void)blk_end(blk);
  blk->params.headroom = headroom;
  return objects;
}


/* From the arena's roots and all other pools */

/* A scan state for which the span of the pool is one white grain, of a
 * segment that stands for all of it: so that the client's own scanners find
 * what lies there (.blk.collect.filter). */
typedef struct BlkScan {
  ScanState ss; /* first: the second stage finds the rest from it */
  Blk *blk;
  bool is_weak;
  Seg *seg;
  unsigned char kind;
} BlkScan;

static Seg blk_scan_seg;

/* A weak reference loses what isn't marked, also what was freed. */

static void blk_fix_weak(const BlkMark *mark, mps_addr_t *ref_io)
{
  Word word = (Word)*ref_io;
  const BlkArea *area = blkmark_area(mark, word);

  if (area != NULL && !blk_is_marked(mark, area, word))
    *ref_io = NULL;
}

static void blk_scan_fix(ScanState *ss, mps_addr_t *ref_io)
{
  BlkScan *scan = (BlkScan *)(void *)ss;
  BlkMark *mark = &scan->blk->mark;
  Word word = (Word)*ref_io;

  if (scan->is_weak) {
    blk_fix_weak(mark, ref_io);
    return;
  }
  blkmark_range(mark, &word, 1);
  blk_note_named(mark, word);
}

static void blk_scan_init(BlkScan *scan, Blk *blk)
{
  const BlkMark *mark = &blk->mark;

  scan_init(&scan->ss, blk->pool.arena, NULL, RANK_NONE);
  scan->blk = blk;
  scan->is_weak = false;
  scan->seg = &blk_scan_seg;
  scan->kind = KIND_WHITE;
  scan->ss.fix = blk_scan_fix;
  scan->ss.segs = &scan->seg;
  scan->ss.ss._kind = &scan->kind;
  scan->ss.ss._base = mark->low;
  scan->ss.ss._count = 1;
  while ((mark->span - 1) >> scan->ss.ss._shift != 0)
    ++scan->ss.ss._shift;
}

static void blk_scan_roots(BlkScan *scan)
{
  const Blk *blk = scan->blk;

  RING_FOR (node, after, &blk->pool.arena->roots) {
    Root *root = RING_ELEM(Root, link, node);

    if ((root->rank == RANK_WEAK) == scan->is_weak && root != blk->root
        && root_scan(root, &scan->ss) != MPS_RES_OK)
      ASSERT(!"the client's own method has failed");
  }
}

static void blk_scan_one_seg(Seg *seg, void *closure)
{
  BlkScan *scan = closure;
  Res res;

  if (seg->rank == RANK_NONE || (seg->rank == RANK_WEAK) != scan->is_weak)
    return;
  res = seg->class->areas(seg, &scan->ss.ss, seg_scan_area, seg);
  ASSERT(res == MPS_RES_OK);
}

/* blk_each_object -- every object of a region that may hold references */

static void blk_each_object(const BlkRegion *region, BlkRange visit,
                            void *closure)
{
  const BlkTab *tab = &region->area.tab;

  for (Index w = 0; w < tab->top; ++w) {
    Word heads = blktab_low(tab, w);

    if (w == tab->words - 1)
      heads &= ~tab->pad;
    for (; heads != 0; heads &= heads - 1)
      blkmark_object_words(&region->blk->mark, &region->area,
                           w * WORD_BITS + (Index)__builtin_ctzll(heads),
                           visit, closure);
  }
}

static void blk_scan_words(void *closure, const Word *base, const Word *limit)
{
  BlkScan *scan = closure;

  blkmark_range(&scan->blk->mark, base, (Count)(limit - base));
}

static void blk_scan_blk(BlkScan *scan, const Blk *other)
{
  if (other == scan->blk || scan->is_weak)
    return;
  for (Index i = 0; i < other->mark.count; ++i)
    blk_each_object(blk_region_at(other, i), blk_scan_words, scan);
}

static void blk_scan_pools(BlkScan *scan)
{
  RING_FOR (node, after, &scan->blk->pool.arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, node);

    if (blk_is_pool(pool))
      blk_scan_blk(scan, blk_of_pool(pool));
    else
      pool->class->segs(pool, blk_scan_one_seg, scan);
  }
}

Count blk_collect(Blk *blk)
{
  Arena *arena = blk->pool.arena;
  BlkScan scan;

  poll_finish(arena);
  blk_mark_begin(blk);
  if (blk->mark.count > 0) {
    arena_stop(arena);
    arena->stop_why = "collection of a block pool";
    /* Nothing is scanned of what is being initialised. */
    buffer_flip_all(arena);
    blk_scan_init(&scan, blk);
    blk_scan_roots(&scan);
    blk_scan_pools(&scan);
    blk_keep_finals(blk);
    scan.is_weak = true;
    blk_scan_roots(&scan);
    blk_scan_pools(&scan);
    arena_resume(arena);
  }
  return blk_end(blk);
}


/* In a trace of the arena */

/* blk_fix_word -- a word of an object, which may refer to any pool: an
 * ambiguous reference */

static inline void blk_fix_word(ScanState *ss, Word word)
{
  Index i = (word - ss->ss._base) >> ss->ss._shift;
  mps_addr_t ref = (mps_addr_t)word;

  if (i >= ss->ss._count)
    return;
  if (ss->ss._kind[i] == KIND_WHITE) {
    (void)_mps_fix2(&ss->ss, &ref);
    /* What an ambiguous reference names stays where it is. */
    ss->ss._seen |= REFSET_KIND(ss->segs[i]->kind);
  } else {
    ss->ss._seen |= REFSET_KIND(ss->ss._kind[i]);
  }
}

static void blk_fix_words(void *closure, const Word *base, const Word *limit)
{
  for (const Word *word = base; word < limit; ++word)
    blk_fix_word(closure, *word);
}

static void blk_fix_other(BlkMark *mark, Word word)
{
  blk_fix_word(mark->closure, word);
}

mps_res_t blk_scan_root(mps_ss_t ss, void *p, size_t s)
{
  const Blk *blk = p;

  for (Index i = 0; i < blk->mark.count; ++i)
    blk_each_object(blk_region_at(blk, i), blk_fix_words, scan_of_ss(ss));
  return MPS_RES_OK;
}

static BlkRegion *blk_region_of_seg(const Seg *seg)
{
  const Blk *blk = blk_of_const_pool(seg->pgen->pool);

  return blk_region(blkmark_area(&blk->mark, (Word)seg->base));
}

/* blk_whiten -- only where nothing moves, and the pool may be collected
 *
 * In every other trace its objects are roots. */

static Size blk_whiten(Seg *seg)
{
  Blk *blk = blk_of_pool(seg->pgen->pool);
  const BlkRegion *region = blk_region_of_seg(seg);

  if (!seg_arena(seg)->trace->is_in_place || blk_is_locked(blk)
      || (blk->phase != BLK_IDLE && blk->phase != BLK_MARKING)
      || (blk->phase == BLK_MARKING && !blk->is_traced)
      || blk_used_size(blk) == 0)
    return 0;
  if (blk->phase == BLK_IDLE) {
    blk_mark_begin(blk);
    blk->is_traced = true;
  }
  /* An empty region too: who names it is to be known. */
  return size_max(region->area.tab.used, 1) << blk->mark.shift;
}

static Res blk_seg_find(mps_addr_t *object_out, Seg *seg, Addr addr)
{
  const Blk *blk = blk_of_const_pool(seg->pgen->pool);
  const BlkArea *area = &blk_region_of_seg(seg)->area;
  Index head
      = blktab_head(&area->tab, ((Word)addr - area->base) >> blk->mark.shift);

  if (head == BLK_NONE)
    return MPS_RES_FAIL;
  *object_out = (mps_addr_t)(area->base + (head << blk->mark.shift));
  return MPS_RES_OK;
}

static bool blk_is_preserved(Seg *seg, mps_addr_t *ref_io)
{
  mps_addr_t object;

  return blk_seg_find(&object, seg, *ref_io) == MPS_RES_OK
         && blktab_state(&blk_region_of_seg(seg)->area.tab,
                         ((Word)object - (Word)seg->base)
                             >> blk_of_const_pool(seg->pgen->pool)->mark.shift)
                == BLK_MARK;
}

static void blk_fix(Seg *seg, ScanState *ss, mps_addr_t *ref_io)
{
  BlkMark *mark = &blk_of_pool(seg->pgen->pool)->mark;
  Word word = (Word)*ref_io;
  bool is_waited_for;

  ss->ss._seen |= REFSET_KIND(seg->kind);
  if (ss->rank == RANK_WEAK) {
    blk_fix_weak(mark, ref_io);
    return;
  }
  is_waited_for = seg->has_keys && !blk_is_preserved(seg, ref_io);
  if (blkmark_word(mark, word)) {
    ss->was_marked = false;
    seg_set_grey(seg, seg_arena(seg));
  } else if (ss->rank != RANK_AMBIG) {
    blk_note_named(mark, word);
  }
  /* A leaf, in which there's nothing to scan, too (.ephs.note). */
  if (is_waited_for && blk_is_preserved(seg, ref_io)) {
    ss->was_marked = false;
    ephs_note(&ss->trace->ephs, *ref_io);
  }
}

/* blk_tell_marked -- an object may be a key that is waited for, whatever
 * refers to it (.blk.keys) */

static void blk_tell_marked(BlkMark *mark, Word object)
{
  const ScanState *ss = mark->closure;

  ephs_note(&ss->trace->ephs, (Addr)object);
}

static bool blk_has_keys(const Blk *blk)
{
  for (Index i = 0; i < blk->mark.count; ++i)
    if (blk_region_at(blk, i)->seg->has_keys)
      return true;
  return false;
}

/* Of a white segment, all that is marked in the pool is scanned; what it
 * may refer to then is found out by the next trace. */

static Res blk_scan(Seg *seg, ScanState *ss)
{
  Blk *blk = blk_of_pool(seg->pgen->pool);
  BlkMark *mark = &blk->mark;

  ASSERT(ss->rank == RANK_AMBIG);
  if (!seg->is_white) {
    blk_each_object(blk_region_of_seg(seg), blk_fix_words, ss);
    return MPS_RES_OK;
  }
  mark->other = blk_fix_other;
  mark->other_low = ss->ss._base;
  mark->other_span = ss->ss._count << ss->ss._shift;
  mark->closure = ss;
  mark->marked = blk_has_keys(blk) ? blk_tell_marked : NULL;
  blkmark_finish(mark);
  mark->marked = NULL;
  mark->other = NULL;
  ss->ss._seen = REFSET_UNIVERSAL;
  return MPS_RES_OK;
}

static void blk_reclaim(Seg *seg)
{
  const Blk *blk = blk_of_const_pool(seg->pgen->pool);
  const BlkRegion *region = blk_region_of_seg(seg);
  GenWork *work = &seg_gen(seg)->work;

  ASSERT(blkmark_is_done(&blk->mark));
  work->preserved += blktab_marked(&region->area.tab) << blk->mark.shift;
  work->retained += seg_size(seg);
  trace_whiten_undo(seg);
  barrier_distrust(seg);
}

void blk_collected(Pool *pool)
{
  Blk *blk = blk_of_pool(pool);

  if (!blk->is_traced)
    return;
  blk->is_traced = false;
  (void)blk_end(blk);
}

/* Formats say nothing about blocks, so no walk of formatted objects comes
 * here. */

static void blk_seg_walk(Seg *seg, mps_formatted_objects_stepper_t visit,
                         void *p, size_t s)
{
}

typedef struct BlkAreas {
  mps_ss_t ss;
  mps_area_scan_t scan;
  void *closure;
  Res res;
} BlkAreas;

static void blk_seg_area(void *closure, const Word *base, const Word *limit)
{
  BlkAreas *areas = closure;

  if (areas->res == MPS_RES_OK)
    areas->res
        = areas->scan(areas->ss, (void *)base, (void *)limit, areas->closure);
}

static Res blk_seg_areas(Seg *seg, mps_ss_t ss, mps_area_scan_t scan,
                         void *closure)
{
  BlkAreas areas = {ss, scan, closure, MPS_RES_OK};

  blk_each_object(blk_region_of_seg(seg), blk_seg_area, &areas);
  return areas.res;
}

static bool blk_may_begin(const Seg *seg, Addr block)
{
  mps_addr_t object;

  return blk_seg_find(&object, (Seg *)seg, block) == MPS_RES_OK
         && object == (mps_addr_t)block;
}

MOSTLY_INTERN_DEF const SegClass blk_seg_class = {
    .name = "BLK",
    .whiten = blk_whiten,
    .fix = blk_fix,
    .scan = blk_scan,
    .reclaim = blk_reclaim,
    .walk = blk_seg_walk,
    .areas = blk_seg_areas,
    .find = blk_seg_find,
    .is_preserved = blk_is_preserved,
    .may_begin = blk_may_begin,
};
