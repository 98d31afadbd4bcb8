/* seg.h -- segments
 *
 * Design: .seg.record, .seg.inv.used (design/seg.rst).
 */

#ifndef SEG_H
#define SEG_H

#include "buffer.h"
#include "heap.h"

/* Take grains for at least size bytes and make a segment of them.  A
 * segment with references starts with the universal set.  Codes as of
 * space_alloc. */
MOSTLY_INTERN Res seg_alloc(Seg **seg_out, PoolGen *pgen,
                            const SegClass *class, Rank rank, Size size);
/* Needs no buffer and no board; consumes seg.  Never takes memory. */
MOSTLY_INTERN void seg_free(Seg *seg);
MOSTLY_INTERN bool seg_check(const Seg *seg);

/* Give the grains outside [base, limit) back; both on grain bounds. */
MOSTLY_INTERN void seg_shrink(Seg *seg, Addr base, Addr limit);

/* Make a segment of what lies below limit, give [limit, base) back, and keep
 * the rest, and the buffer, in seg.  NULL, and nothing has changed, if
 * there's no memory for the record.  Outside a trace only, as far as seg is
 * concerned: it isn't white, grey or nailed. */
MOSTLY_INTERN Seg *seg_split(Seg *seg, Addr limit, Addr base);

/* Say what the segment may refer to, and keep it where minor collections
 * look for it. */
MOSTLY_INTERN void seg_set_refset(Seg *seg, RefSet refset);

/* Is something in it to be scanned, so that the client mustn't see it? */
static inline bool seg_is_grey(const Seg *seg)
{
  return seg->is_grey || seg->is_late;
}

/* An mps_area_scan_t whose closure is the segment: scan objects, or words
 * where there is no format. */
MOSTLY_INTERN mps_res_t seg_scan_area(mps_ss_t ss, void *base, void *limit,
                                      void *closure);

/* Above this no object is scanned, copied, padded or visited: an
 * allocation point may be filling the rest. */
static inline Addr seg_scan_limit(const Seg *seg)
{
  const Buffer *buffer = seg->buffer;

  if (buffer == NULL)
    return seg->limit;
  return buffer->is_flipped ? buffer->init_at_flip : buffer_committed(buffer);
}

static inline Size seg_size(const Seg *seg)
{
  return addr_diff(seg->base, seg->limit);
}

static inline Arena *seg_arena(const Seg *seg)
{
  return seg->pgen->pool->arena;
}

/* The generation of the segment's objects (.seg.gen.get). */
static inline Gen *seg_gen(const Seg *seg)
{
  return seg->pgen->gen;
}

/* What the client may do to it is decided anew before the threads go on. */
static inline void seg_review(Seg *seg, Arena *arena)
{
  if (seg->is_wanted)
    return;
  seg->is_wanted = true;
  seg->wanted_next = arena->wanted;
  arena->wanted = seg;
}

/* There is something in it to scan when the dead are known. */
static inline void seg_set_late(Seg *seg, Arena *arena)
{
  if (seg->is_late)
    return;
  seg->is_late = true;
  seg_review(seg, arena);
  if (seg->late_next != NULL)
    return;
  /* The last one of the list refers to itself. */
  seg->late_next = arena->late != NULL ? arena->late : seg;
  arena->late = seg;
}

/* Make it grey: there is something in it to scan.  A leaf never is. */
static inline void seg_set_grey(Seg *seg, Arena *arena)
{
  if (seg->is_grey || seg->rank == RANK_NONE)
    return;
  if (seg->rank == RANK_WEAK) {
    seg_set_late(seg, arena);
    return;
  }
  seg->is_grey = true;
  seg_review(seg, arena);
  if (seg->is_queued)
    return;
  seg->is_queued = true;
  seg->grey_next = arena->grey;
  arena->grey = seg;
}

#endif /* SEG_H */
