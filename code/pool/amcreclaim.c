/* amcreclaim.c -- what remains of a segment at the end of a trace
 *
 * Survivors that stay where they are divide their segment: whole grains
 * between two of them go back to the arena, and what lies on both sides
 * becomes a segment each.
 *
 * Design: .reclaim (design/amc-fix.rst), .amc.trim (design/amc.rst).
 */

#include "amcboard.h"

#include "../heap/format.h"
#include "../heap/gen.h"
#include "../trace/trace.h"

/* One reclaiming.  seg is what hasn't been gone through: it begins at the
 * base of the part that is being made. */
typedef struct AmcReclaim {
  Seg *seg;
  const Nailboard *board; /* resolved; NULL if seg was stuck */
  Addr end;               /* of the last survivor, or seg->base */
  Size kept;              /* bytes of survivors in this part */
  Addr first;             /* the first of them that isn't new, or NULL */
  Addr head;              /* the first object of the whole */
  GenWork *work;
} AmcReclaim;

/* amc_next_survivor -- the first from an address on, which is the start or
 * the limit of a block
 *
 * In a stuck segment that's whatever hasn't been copied. */

static bool amc_next_survivor(Addr *block_out, const AmcReclaim *it, Addr from,
                              Addr limit)
{
  const Seg *seg = it->seg;

  if (it->board != NULL)
    return amc_board_next(block_out, it->board, from, limit);
  while (from < limit
         && (amc_pads_has(seg, from)
             || seg->format->isfwd(amc_client(seg, from)) != NULL))
    from = amc_block_end(seg, from);
  *block_out = from;
  return from < limit;
}

/* amc_end_part -- a part of the segment is as it will be
 *
 * Its survivors end at end.  Where not all of it below survives, there is
 * padding that a later trace must know (.pad.known). */

static void amc_end_part(AmcReclaim *it, Seg *part, Addr end)
{
  it->work->preserved += it->kept;
  it->work->retained += seg_size(part);
  amcret_retain(&(AmcRetPart){part, it->board, it->first, it->head});
  part->live = it->kept;
  if (it->board != NULL) {
    if (it->kept < addr_diff(part->base, end))
      amc_pads_note(part, it->board, end);
    else
      amc_pads_forget(part);
  }
  it->kept = 0;
  it->first = NULL;
}

/* amc_split -- divide the segment at whole grains that nothing survives on,
 * if there is memory for one more record
 *
 * Returns what is left of the dead run that they are in. */

static Addr amc_split(AmcReclaim *it, Addr lower_limit, Addr base)
{
  Seg *lower = seg_split(it->seg, lower_limit, base);

  if (lower == NULL)
    return it->end;
  lower->used_limit = it->end;
  format_pad(lower->format, it->end, lower_limit);
  amc_end_part(it, lower, it->end);
  return base;
}

/* amc_drop -- from the last survivor to limit all is dead
 *
 * Dead objects must go: later traces scan the segment whole, and would
 * follow their stale references.  There is one pad for each run. */

static void amc_drop(AmcReclaim *it, Addr limit)
{
  Seg *seg = it->seg;
  Size grain = seg_arena(seg)->space.grain;
  Addr first = addr_round_up(it->end, grain);
  Addr last = addr_round_down(limit, grain);
  Addr base = it->end;

  if (base == seg->base) {
    seg_shrink(seg, last, seg->limit);
    base = last;
  } else if (first < last) {
    base = amc_split(it, first, last);
  }
  format_pad(seg->format, base, limit);
}

/* amc_drop_rest -- nothing survives behind the last survivor
 *
 * What a buffer is filling stays, and then so does the segment. */

static void amc_drop_rest(AmcReclaim *it, Addr limit)
{
  Seg *seg = it->seg;
  Addr end = it->end;

  if (seg->buffer != NULL) {
    amc_drop(it, limit);
    amc_end_part(it, seg, limit);
  } else if (end == seg->base) {
    amc_step(seg, AMC_EMPTY);
    amc_seg_free(seg);
  } else {
    seg_shrink(seg, seg->base,
               addr_round_up(end, seg_arena(seg)->space.grain));
    format_pad(seg->format, end, seg->limit);
    seg->used_limit = end;
    amc_end_part(it, seg, end);
  }
}

static void amc_reclaim_parts(AmcReclaim *it, Addr limit)
{
  Addr block;

  while (amc_next_survivor(&block, it, it->end, limit)) {
    Addr end = amc_block_end(it->seg, block);

    if (it->end < block)
      amc_drop(it, block);
    it->kept += addr_diff(block, end);
    /* Allocated since it was condemned: as if it had been, too. */
    if (it->board != NULL && block >= it->board->open)
      it->work->condemned += addr_diff(block, end);
    else if (it->first == NULL)
      it->first = block;
    it->end = end;
  }
  amc_drop_rest(it, limit);
}

void amc_reclaim(Seg *seg)
{
  Arena *arena = seg_arena(seg);
  AmcReclaim it = {.seg = seg, .end = seg->base, .work = &seg_gen(seg)->work};
  Nailboard *board = seg->board;

  seg->is_kept = false;
  if (!seg->is_nailed) {
    ASSERT(seg->buffer == NULL);
    amc_step(seg, AMC_EMPTY);
    amc_seg_free(seg);
    return;
  }
  if (board != NULL)
    amc_board_resolve(seg);
  it.board = board;
  it.head = amc_head(seg);
  amc_step(seg, AMC_RECLAIM);
  seg->board = NULL;
  trace_whiten_undo(seg);
  amc_reclaim_parts(&it, amc_objects_limit(seg));
  if (board != NULL)
    amc_board_free(arena, board);
}
