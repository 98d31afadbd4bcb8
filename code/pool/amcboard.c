/* amcboard.c -- what stays where it is in a segment
 *
 * Design: .nail.resolve (design/nailboard.rst), .pad.known
 * (design/amc.rst).
 */

#include "amcboard.h"

#include "../heap/format.h"


/* States */

void amc_step(Seg *seg, AmcEvent event)
{
  AmcStep step = {AMC_MOBILE, false};
  bool is_legal = amc_next(&step, amc_state(seg), event);

  ASSERT(is_legal);
  seg->is_nailed = step.state == AMC_BOARDED || step.state == AMC_STUCK;
  seg->is_plain = !seg->is_nailed && !seg->is_kept;
  if (step.is_grey)
    seg_set_grey(seg, seg_arena(seg));
  ASSERT(step.state == AMC_GONE || amc_state(seg) == step.state);
}


/* Lifetime */

bool amc_board_make(Seg *seg)
{
  Shift shift = size_log2(seg->format->align);
  void *store = boards_alloc(&seg_arena(seg)->boards,
                             nailboard_size(seg_size(seg), shift));

  if (store == NULL)
    return false;
  seg->board = nailboard_init(store, seg->base, seg->limit, shift);
  return true;
}

void amc_board_free(Arena *arena, Nailboard *board)
{
  nailboard_finish(board);
  boards_free(&arena->boards);
}


/* Resolving */

static bool amc_is_interior(const Seg *seg)
{
  return amc_of_pool(seg->pgen->pool)->is_interior;
}

Addr amc_head(const Seg *seg)
{
  return amc_pads_has(seg, seg->base) ? amc_block_end(seg, seg->base)
                                      : seg->base;
}

/* amc_may_stay -- can a reference to what lies in a block be meant? */

static bool amc_may_stay(const Seg *seg, Addr block)
{
  return !amc_pads_has(seg, block)
         && seg->format->isfwd(amc_client(seg, block)) == NULL;
}

/* amc_leave_one -- of the nails in a block, the first at nail, leave one at
 * its start
 *
 * Mostly there is just that one already. */

static void amc_leave_one(Nailboard *board, Addr block, Addr end, Addr nail)
{
  Addr next = addr_add(block, (Size)1 << board->grain_shift);

  if (nail > block)
    (void)nailboard_nail_range(board, block, next);
  if (next < end && (nail > block || nailboard_is_nailed(board, next, end)))
    nailboard_pull_range(board, next, end);
}

/* amc_note_named -- a reference names the object itself, and not merely a
 * place in it (.amc.ret.why)
 *
 * What was allocated since the segment was condemned is nailed anyway. */

static void amc_note_named(const Seg *seg, Addr block)
{
  Nailboard *board = seg->board;

  if (block < board->open)
    board->notes |= block == amc_head(seg) ? AMCRET_FIRST : AMCRET_REST;
}

/* amc_resolve_block -- the first nail in a block, which ends at end
 *
 * Where only base pointers pin, one must be on the client's address.  A pad
 * may be shorter than the header, and has no such address. */

static void amc_resolve_block(Seg *seg, Addr block, Addr end, Addr nail)
{
  Addr client = amc_client(seg, block);
  bool is_named = client < end && nailboard_has(seg->board, client);

  if (amc_may_stay(seg, block) && (is_named || amc_is_interior(seg))) {
    if (is_named)
      amc_note_named(seg, block);
    amc_leave_one(seg->board, block, end, nail);
  } else {
    nailboard_pull_range(seg->board, block, end);
  }
}

/* amc_block_at -- find the block that an address is in, from one below it
 *
 * Returns its end. */

static Addr amc_block_at(Addr *block_io, const Seg *seg, Addr addr)
{
  Addr end = amc_block_end(seg, *block_io);

  while (end <= addr) {
    *block_io = end;
    end = amc_block_end(seg, end);
  }
  return end;
}

void amc_board_resolve(Seg *seg)
{
  Nailboard *board = seg->board;
  Addr limit = amc_objects_limit(seg);
  Addr block = seg->base;
  Addr nail;

  if (board->is_resolved)
    return;
  board->is_resolved = true;
  /* What a buffer is filling begins at limit, and is nailed throughout: each
   * start in there is on the board already. */
  while (nailboard_next_nail(&nail, board, block) && nail < limit) {
    Addr end = amc_block_at(&block, seg, nail);

    amc_resolve_block(seg, block, end, nail);
    block = end;
  }
}


/* Use */

/* amc_board_nail_late -- an ambiguous reference, after resolving
 *
 * No trace has any (.trace.inv.order), so that the walk may take long. */

static bool amc_board_nail_late(Seg *seg, Addr addr)
{
  Addr block = seg->base;

  (void)amc_block_at(&block, seg, addr);
  if (!amc_may_stay(seg, block)
      || (!amc_is_interior(seg) && addr != amc_client(seg, block)))
    return false;
  return amc_board_pin(seg, amc_client(seg, block));
}

bool amc_board_nail(Seg *seg, Addr addr)
{
  if (seg->board->is_resolved)
    return amc_board_nail_late(seg, addr);
  return nailboard_nail_range(seg->board, addr, addr_add(addr, 1));
}

bool amc_board_has(Seg *seg, Addr client)
{
  amc_board_resolve(seg);
  return nailboard_has(seg->board, addr_sub(client, seg->format->header));
}

bool amc_board_pin(Seg *seg, Addr client)
{
  Addr block = addr_sub(client, seg->format->header);

  amc_board_resolve(seg);
  return nailboard_nail_range(seg->board, block,
                              addr_add(block, seg->format->align));
}

bool amc_board_next(Addr *block_out, const Nailboard *board, Addr from,
                    Addr limit)
{
  return nailboard_next_nail(block_out, board, from) && *block_out < limit;
}


/* Padding that is known */

void amc_pads_forget(Seg *seg)
{
  Nailboard *stayed = seg->stayed;

  if (stayed == NULL)
    return;
  Size size = nailboard_size(addr_diff(stayed->base, stayed->limit),
                             stayed->grain_shift);

  seg->stayed = NULL;
  nailboard_finish(stayed);
  ctl_free(&seg_arena(seg)->ctl, stayed, size);
}

void amc_pads_note(Seg *seg, const Nailboard *board, Addr limit)
{
  Size align = seg->format->align;
  Shift shift = size_log2(align);
  Size size = nailboard_size(addr_diff(seg->base, limit), shift);
  Arena *arena = seg_arena(seg);
  Addr from = seg->base;
  Addr block;
  void *store;

  amc_pads_forget(seg);
  /* Where memory is short it's better used for copies. */
  if (!pool_leaves_room(arena, size)
      || ctl_alloc(&store, &arena->ctl, size) != MPS_RES_OK)
    return;
  seg->stayed = nailboard_init(store, seg->base, limit, shift);
  while (amc_board_next(&block, board, from, limit)) {
    from = addr_add(block, align);
    (void)nailboard_nail_range(seg->stayed, block, from);
  }
}

bool amc_pads_has(const Seg *seg, Addr block)
{
  const Nailboard *stayed = seg->stayed;

  return stayed != NULL && block < stayed->limit
         && !nailboard_has(stayed, block);
}

void amc_seg_free(Seg *seg)
{
  amc_pads_forget(seg);
  seg_free(seg);
}
