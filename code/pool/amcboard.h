/* amcboard.h -- what stays where it is in a segment
 *
 * A board begins with nails, at addresses that may lie anywhere in objects.
 * When it is asked about an object for the first time, it is resolved: the
 * nails are exchanged for the starts of the objects that they pin.  From
 * then on a question costs the reading of one bit.
 *
 * Design: .nail.resolve (design/nailboard.rst), .pad.known
 * (design/amc.rst).
 */

#ifndef AMCBOARD_H
#define AMCBOARD_H

#include "amc.h"

#include "../heap/buffer.h"
#include "../heap/seg.h"
#include "../trace/nailboard.h"
#include "amcstate.h"

/* Objects.  A client pointer is the block's base and the header. */

static inline Addr amc_client(const Seg *seg, Addr block)
{
  return addr_add(block, seg->format->header);
}

static inline Addr amc_block_end(const Seg *seg, Addr block)
{
  return addr_sub(seg->format->skip(amc_client(seg, block)),
                  seg->format->header);
}

/* Where they end: above is only padding, or what a buffer is filling. */
static inline Addr amc_objects_limit(const Seg *seg)
{
  if (seg->cursor != NULL)
    return seg->cursor->init;
  return seg->buffer != NULL ? seg_scan_limit(seg) : seg->used_limit;
}

/* The first object, behind the padding that reclaim put at the base. */
MOSTLY_INTERN Addr amc_head(const Seg *seg);

/* The segment's state, and what an event makes of it. */
static inline AmcState amc_state(const Seg *seg)
{
  if (!seg->is_nailed)
    return AMC_MOBILE;
  return seg->board != NULL ? AMC_BOARDED : AMC_STUCK;
}

MOSTLY_INTERN void amc_step(Seg *seg, AmcEvent event);

/* Give a segment a board; false if the store has no room. */
MOSTLY_INTERN bool amc_board_make(Seg *seg);
/* Give the board of a segment back that isn't the segment's any more. */
MOSTLY_INTERN void amc_board_free(Arena *arena, Nailboard *board);

/* An ambiguous reference to addr, below the objects' limit.  True if the
 * nail is new. */
MOSTLY_INTERN bool amc_board_nail(Seg *seg, Addr addr);
/* Make sure that it knows the objects. */
MOSTLY_INTERN void amc_board_resolve(Seg *seg);
/* Does the object stay? */
MOSTLY_INTERN bool amc_board_has(Seg *seg, Addr client);
/* It does from now on.  True if that is new. */
MOSTLY_INTERN bool amc_board_pin(Seg *seg, Addr client);
/* The first object that stays, from an address on that is the start of one;
 * it's a block.  The board is resolved. */
MOSTLY_INTERN bool amc_board_next(Addr *block_out, const Nailboard *board,
                                  Addr from, Addr limit);

/* Between traces: remember which blocks are objects and which are padding,
 * in a part of a segment in which both are; it ends at limit.  If there is
 * no memory for that, each may be an object. */
MOSTLY_INTERN void amc_pads_note(Seg *seg, const Nailboard *board, Addr limit);
MOSTLY_INTERN void amc_pads_forget(Seg *seg);
/* Is the block padding that an earlier trace left? */
MOSTLY_INTERN bool amc_pads_has(const Seg *seg, Addr block);

/* Free a segment and what belongs to it. */
MOSTLY_INTERN void amc_seg_free(Seg *seg);

/* amcreclaim.c: the trace is over. */
MOSTLY_INTERN void amc_reclaim(Seg *seg);

#endif /* AMCBOARD_H */
