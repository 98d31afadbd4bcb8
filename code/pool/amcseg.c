/* amcseg.c -- the segments of the mostly copying pools
 *
 *   mobile   no nails: what survives is copied out        (board NULL)
 *   boarded  a board says what ambiguous references name;
 *            that stays, everything else is copied        (board)
 *   stuck    no memory for a board: everything stays      (is_nailed)
 *
 * A segment is boarded or stuck only during one trace (.seg.state).
 *
 * Design: .seg.state, .fix, .reclaim (design/amc.rst, design/amc-fix.rst).
 */

#include "amc.h"

#include "amcfix.h"

#include "../heap/buffer.h"
#include "../heap/format.h"
#include "../heap/gen.h"
#include "../heap/seg.h"
#include "../trace/nailboard.h"
#include "../trace/trace.h"


/* Ranges of so many bytes are looked through before they are scanned: where
 * it is short, nothing comes early enough, and what is fetched for a very
 * long one is gone again before it's needed. */
#define AMC_PREFETCH_MIN ((Size)256)
#define AMC_PREFETCH_MAX ((Size)64 << 10)

/* Objects.  A client pointer is the block's base and the header. */

static Addr amc_client(const Seg *seg, Addr block)
{
  return addr_add(block, seg->format->header);
}

static Addr amc_skip(const Seg *seg, Addr client)
{
  return seg->format->skip(client);
}


/* Boards */

static Shift amc_grain_shift(const Seg *seg)
{
  return size_log2(seg->format->align);
}

static void amc_set_nailed(Seg *seg, bool is_nailed)
{
  seg->is_nailed = is_nailed;
  seg->is_plain = !is_nailed;
}

/* amc_board -- give the segment a board if memory allows
 *
 * Only a segment without any nail may get one: a board made later would
 * not know of the earlier nails. */

static bool amc_board(Seg *seg)
{
  Ctl *ctl = &seg_arena(seg)->ctl;
  void *store;

  ASSERT(!seg->is_nailed);
  if (ctl_alloc(&store, ctl,
                nailboard_size(seg_size(seg), amc_grain_shift(seg)))
      != MPS_RES_OK)
    return false;
  seg->board
      = nailboard_init(store, seg->base, seg->limit, amc_grain_shift(seg));
  amc_set_nailed(seg, true);
  return true;
}

static void amc_unboard(Seg *seg)
{
  Nailboard *board = seg->board;

  if (board == NULL)
    return;
  Size size = nailboard_size(addr_diff(board->base, board->limit),
                             board->grain_shift);

  seg->board = NULL;
  nailboard_finish(board);
  ctl_free(&seg_arena(seg)->ctl, board, size);
}

/* amc_stick -- keep the whole segment, for want of memory (.seg.state.stuck) */

static void amc_stick(Seg *seg, ScanState *ss)
{
  amc_set_nailed(seg, true);
  ss->trace->is_emergency = true;
  amcret_emergency(seg);
  seg_set_grey(seg, ss->arena);
}

/* The grains that decide whether the object from client to end is pinned:
 * all of it, or, where only base pointers pin, the one that its client
 * pointer is in.  Boards speak of blocks (.nail.board.block). */

static bool amc_is_pinned(const Seg *seg, Addr client, Addr end)
{
  Size header = seg->format->header;

  /* Padding may be shorter than the header: then its client pointer can be
   * the segment's limit, which nothing names. */
  if (!amc_of_pool(seg->pgen->pool)->is_interior)
    return client < seg->limit
           && nailboard_is_nailed(seg->board, client,
                                  addr_add(client, seg->format->align));
  return nailboard_is_nailed(seg->board, addr_sub(client, header),
                             addr_sub(end, header));
}

static bool amc_pin(const Seg *seg, Addr client, Addr end)
{
  Size header = seg->format->header;

  if (!amc_of_pool(seg->pgen->pool)->is_interior)
    return nailboard_nail_range(seg->board, client,
                                addr_add(client, seg->format->align));
  return nailboard_nail_range(seg->board, addr_sub(client, header),
                              addr_sub(end, header));
}


/* Condemning */

/* amc_whiten -- condemn it, but not what a buffer is filling
 *
 * The uncommitted part is nailed, so that it stays; nothing looks into it.
 * A segment that holds nothing else, or whose buffer can't be nailed, is
 * left alone (.buffer.condemn). */

static Size amc_whiten(Seg *seg)
{
  Buffer *buffer = seg->buffer;
  Addr limit;

  ASSERT(!seg->is_nailed && seg->cursor == NULL);
  if (buffer == NULL)
    return amcret_condemn(seg, seg_size(seg));
  limit = seg_scan_limit(seg);
  if (limit == seg->base || !amc_board(seg))
    return 0;
  if (limit < buffer->limit)
    (void)nailboard_nail_range(seg->board, limit, buffer->limit);
  buffer->base = limit;
  return amcret_condemn(seg, seg_size(seg) - addr_diff(limit, buffer->limit));
}


/* Copying */

void amc_cursor_close(PoolGen *pgen)
{
  Cursor *cursor = &pgen->cursor;
  Seg *seg = cursor->seg;

  if (seg == NULL)
    return;
  pgen->gen->work.forwarded += addr_diff(seg->base, cursor->init);
  cursor->seg = NULL;
  seg->cursor = NULL;
  ring_remove(&cursor->link);
  if (seg->scanned < cursor->init)
    seg_set_grey(seg, seg_arena(seg));
  amc_seg_close(seg, cursor->init, seg_arena(seg)->space.grain);
  pgen_account_empty(seg);
  cursor->init = NULL;
  cursor->limit = NULL;
}

/* amc_to_seg -- a new segment that survivors of pgen are copied to */

static Res amc_to_seg(Seg **seg_out, Addr *limit_out, PoolGen *pgen, Size size,
                      Size want)
{
  const Amc *amc = amc_of_pool(pgen->pool);
  Trace *trace = pgen->pool->arena->trace;
  Res res;

  ASSERT(pgen->forward != NULL);
  /* What was refused once in a trace would be refused again: don't ask for
   * each object. */
  if (size >= trace->refused)
    return MPS_RES_MEMORY;
  res = amc_seg_alloc(seg_out, limit_out, amc, pgen->forward, size, want);
  if (res != MPS_RES_OK) {
    trace->refused = size;
    return res;
  }
  /* A ramp that keeps its survivors doesn't count them until it ends. */
  (*seg_out)->is_deferred
      = pgen->forward == pgen && amc->ramp.state == RAMP_RAMPING;
  pgen_account_fill(*seg_out);
  return MPS_RES_OK;
}

/* amc_copy_large -- room for a large object, in a segment of its own */

static Addr amc_copy_large(PoolGen *pgen, Size size)
{
  Addr limit;
  Seg *seg;

  if (amc_to_seg(&seg, &limit, pgen, size, size) != MPS_RES_OK)
    return NULL;
  pgen_account_empty(seg);
  pgen->gen->work.forwarded += size;
  seg_set_grey(seg, seg_arena(seg));
  return seg->base;
}

/* amc_copy_refill -- room for size bytes, where the cursor has too little */

static Addr amc_copy_refill(PoolGen *pgen, Size size)
{
  const Amc *amc = amc_of_pool(pgen->pool);
  Cursor *cursor = &pgen->cursor;
  Addr limit;
  Seg *seg;

  if (amc_is_large(amc, size))
    return amc_copy_large(pgen, size);
  amc_cursor_close(pgen);
  if (cursor->want == 0)
    cursor->want = amc->extend_by;
  if (amc_to_seg(&seg, &limit, pgen, size, cursor->want) != MPS_RES_OK)
    return NULL;
  cursor->want = amc_want_next(amc, pgen->forward, cursor->want);
  cursor->seg = seg;
  cursor->init = addr_add(seg->base, size);
  cursor->limit = limit;
  seg->cursor = cursor;
  ring_append(&seg_arena(seg)->cursors, &cursor->link);
  return seg->base;
}

/* Fixing */

static void amc_fix_ambig(Seg *seg, ScanState *ss, Addr addr)
{
  Size align = seg->format->align;
  Addr grain = addr_round_down(addr, align);

  /* Above used_limit there is only padding of our own, which nobody can
   * mean (.large.lsp-no-retain). */
  if (seg->buffer == NULL && addr >= seg->used_limit)
    return;
  /* Where only base pointers pin, what isn't aligned pins nothing. */
  if (grain != addr && !amc_of_pool(seg->pgen->pool)->is_interior)
    return;
  if (!seg->is_nailed && !amc_board(seg)) {
    amc_stick(seg, ss);
    return;
  }
  if (seg->board != NULL
      && nailboard_nail_range(seg->board, grain, addr_add(grain, align)))
    seg_set_grey(seg, ss->arena);
}

/* amc_fix_in_place -- preserve an object where it is, as it can't be
 * copied (.emergency.fix) */

static void amc_fix_in_place(Seg *seg, ScanState *ss, Addr client, Addr end)
{
  ss->trace->is_emergency = true;
  amcret_emergency(seg);
  ss->ss._seen |= REFSET_KIND(seg->kind);
  if (!seg->is_nailed && !amc_board(seg))
    amc_stick(seg, ss);
  if (seg->board != NULL && amc_pin(seg, client, end))
    seg_set_grey(seg, ss->arena);
}

/* amc_fix_refill -- copy an object for which the cursor has no room */

void amc_fix_refill(Seg *seg, ScanState *ss, mps_addr_t *ref_io, Addr end)
{
  Addr client = *ref_io;
  Addr block = amc_copy_refill(seg->pgen, addr_diff(client, end));

  if (block == NULL)
    amc_fix_in_place(seg, ss, client, end);
  else
    amc_fix_copy(seg, ss, ref_io, end, block);
}

/* amc_fix_any -- a reference that isn't ambiguous, into any segment */

static void amc_fix_any(Seg *seg, ScanState *ss, mps_addr_t *ref_io)
{
  Addr client = *ref_io;
  Addr end;

  if (amc_fix_forwarded(seg, ss, ref_io))
    return;
  end = amc_skip(seg, client);
  if (seg->is_nailed
      && (seg->board == NULL || amc_is_pinned(seg, client, end))) {
    ss->ss._seen |= REFSET_KIND(seg->kind);
    return;
  }
  ss->was_marked = false;
  /* A weak reference preserves nothing, with or without memory. */
  if (ss->rank == RANK_WEAK)
    *ref_io = NULL;
  else
    amc_fix_move(seg, ss, ref_io, end);
}

static void amc_fix(Seg *seg, ScanState *ss, mps_addr_t *ref_io)
{
  if (ss->rank == RANK_AMBIG)
    amc_fix_ambig(seg, ss, *ref_io);
  else
    amc_fix_any(seg, ss, ref_io);
}

static bool amc_is_preserved(Seg *seg, mps_addr_t *ref_io)
{
  mps_addr_t target = seg->format->isfwd(*ref_io);

  if (target == NULL)
    return seg->is_nailed
           && (seg->board == NULL
               || amc_is_pinned(seg, *ref_io, amc_skip(seg, *ref_io)));
  *ref_io = target;
  return true;
}


/* Scanning */

/* Where the objects of a segment end that isn't white. */

static Addr amc_objects_limit(const Seg *seg)
{
  if (seg->cursor != NULL)
    return seg->cursor->init;
  return seg->buffer != NULL ? seg_scan_limit(seg) : seg->used_limit;
}

/* amc_scan_range -- scan whole objects, in blocks from base to limit */

static Res amc_scan_range(const Seg *seg, ScanState *ss, Addr base, Addr limit)
{
  return seg->format->scan(&ss->ss, amc_client(seg, base),
                           amc_client(seg, limit));
}

static bool amc_is_worth_prefetch(Size size)
{
  return size >= AMC_PREFETCH_MIN && size <= AMC_PREFETCH_MAX;
}

/* Scanning may copy more objects into this very segment, so go on until
 * nothing is left. */

static Res amc_scan_mobile(Seg *seg, ScanState *ss)
{
  Addr limit = amc_objects_limit(seg);

  while (seg->scanned < limit) {
    Res res;

    if (amc_is_worth_prefetch(addr_diff(seg->scanned, limit)))
      scan_prefetch(ss, seg->scanned, limit);
    res = amc_scan_range(seg, ss, seg->scanned, limit);

    if (res != MPS_RES_OK)
      return res;
    seg->scanned = limit;
    limit = amc_objects_limit(seg);
  }
  return MPS_RES_OK;
}

static Res amc_scan_board_once(Seg *seg, ScanState *ss)
{
  Addr client = amc_client(seg, seg->base);
  Addr limit = amc_client(seg, seg_scan_limit(seg));

  while (client < limit) {
    Addr end = amc_skip(seg, client);

    if (amc_is_pinned(seg, client, end)) {
      Res res = seg->format->scan(&ss->ss, client, end);

      if (res != MPS_RES_OK)
        return res;
    }
    client = end;
  }
  return MPS_RES_OK;
}

/* Without memory, fixing drives in nails while we scan: then go through it
 * again (.emergency.scan). */

static Res amc_scan_board(Seg *seg, ScanState *ss)
{
  Res res;

  do {
    nailboard_clear_fresh(seg->board);
    res = amc_scan_board_once(seg, ss);
  } while (res == MPS_RES_OK && nailboard_has_fresh(seg->board));
  return res;
}

static Res amc_scan(Seg *seg, ScanState *ss)
{
  if (!seg->is_white)
    return amc_scan_mobile(seg, ss);
  if (seg->board != NULL)
    return amc_scan_board(seg, ss);
  return amc_scan_range(seg, ss, seg->base, seg_scan_limit(seg));
}


/* Reclaim */

/* What a walk over a nailed segment finds out; addresses of blocks. */
typedef struct AmcSurvivors {
  Addr first; /* base of the first one, or NULL if there is none */
  Addr end;   /* of the last one */
  Size size;  /* bytes in all */
} AmcSurvivors;

/* amc_find_survivors -- pad what lies dead between survivors
 *
 * Dead objects must go: later traces scan the segment whole, and would
 * follow their stale references.  There is one pad for each run. */

static AmcSurvivors amc_find_survivors(Seg *seg)
{
  AmcSurvivors found = {NULL, NULL, 0};
  Size header = seg->format->header;
  Addr client = amc_client(seg, seg->base);
  Addr limit = amc_client(seg, seg_scan_limit(seg));

  while (client < limit) {
    Addr end = amc_skip(seg, client);
    bool stays = seg->board != NULL ? amc_is_pinned(seg, client, end)
                                    : seg->format->isfwd(client) == NULL;

    if (stays) {
      Addr block = addr_sub(client, header);

      amcret_survivor(seg, client, end);
      if (found.first == NULL)
        found.first = block;
      else
        format_pad(seg->format, found.end, block);
      found.end = addr_sub(end, header);
      found.size += addr_diff(client, end);
    }
    client = end;
  }
  return found;
}

/* amc_pad_ends -- give back what lies before the first survivor and after
 * the last one, in whole grains, and pad the rest (.amc.trim) */

static void amc_pad_ends(Seg *seg, const AmcSurvivors *found)
{
  Size grain = seg_arena(seg)->space.grain;
  Addr limit = seg_scan_limit(seg); /* of what is ours to pad */
  Addr first = found->first != NULL ? found->first : limit;
  Addr end = found->first != NULL ? found->end : limit;
  Addr seg_limit = seg->limit;

  if (seg->buffer == NULL)
    seg_limit = addr_round_up(end, grain);
  seg_shrink(seg, addr_round_down(first, grain), seg_limit);
  format_pad(seg->format, seg->base, first);
  format_pad(seg->format, end, seg->buffer == NULL ? seg->limit : limit);
  if (seg->buffer == NULL)
    seg->used_limit = end;
}

static void amc_reclaim_nailed(Seg *seg)
{
  AmcSurvivors found = amc_find_survivors(seg);
  GenWork *work = &seg_gen(seg)->work;

  work->preserved += found.size;
  amc_unboard(seg);
  amc_set_nailed(seg, false);
  trace_whiten_undo(seg);
  if (found.first == NULL && seg->buffer == NULL) {
    seg_free(seg);
    return;
  }
  amc_pad_ends(seg, &found);
  work->retained += seg_size(seg);
  amcret_retain(seg);
}

static void amc_reclaim(Seg *seg)
{
  if (!seg->is_nailed) {
    ASSERT(seg->buffer == NULL);
    seg_free(seg);
  } else {
    amc_reclaim_nailed(seg);
  }
}


/* Walking */

static void amc_walk_range(const Seg *seg, Addr base, Addr limit,
                           mps_formatted_objects_stepper_t visit, void *p,
                           size_t s)
{
  Addr client = amc_client(seg, base);

  limit = amc_client(seg, limit);
  while (client < limit) {
    Addr end = amc_skip(seg, client);

    visit(client, (mps_fmt_t)seg->format, seg->pgen->pool, p, s);
    client = end;
  }
}

static void amc_walk(Seg *seg, mps_formatted_objects_stepper_t visit, void *p,
                     size_t s)
{
  amc_walk_range(seg, seg->base, seg_scan_limit(seg), visit, p, s);
  /* A large request's padding lies above its buffer. */
  if (seg->buffer != NULL && seg->buffer->limit < seg->limit)
    amc_walk_range(seg, seg->buffer->limit, seg->limit, visit, p, s);
}

/* Padding is passed too; where the objects lie is all that a pool walk
 * needs to know. */

static Res amc_areas(Seg *seg, mps_ss_t ss, mps_area_scan_t scan,
                     void *closure)
{
  Addr limit = amc_objects_limit(seg);

  if (limit == seg->base)
    return MPS_RES_OK;
  return scan(ss, amc_client(seg, seg->base), amc_client(seg, limit), closure);
}

/* Up to init: an object that was committed since the last flip counts. */

static Res amc_find(mps_addr_t *object_out, Seg *seg, Addr addr)
{
  Size header = seg->format->header;
  Addr client = amc_client(seg, seg->base);
  Addr limit
      = seg->buffer != NULL ? (Addr)seg->buffer->ap.init : seg->used_limit;

  if (addr >= limit)
    return MPS_RES_FAIL;
  while (addr_sub(amc_skip(seg, client), header) <= addr)
    client = amc_skip(seg, client);
  if (seg->format->isfwd(client) != NULL)
    return MPS_RES_FAIL;
  *object_out = client;
  return MPS_RES_OK;
}


MOSTLY_INTERN_DEF const SegClass amc_seg_class = {
    .name = "AMC",
    .whiten = amc_whiten,
    .fix = amc_fix,
    .scan = amc_scan,
    .reclaim = amc_reclaim,
    .walk = amc_walk,
    .areas = amc_areas,
    .find = amc_find,
    .is_preserved = amc_is_preserved,
};
