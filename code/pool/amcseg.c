/* amcseg.c -- the segments of the mostly copying pools
 *
 * What becomes of a segment while it is condemned: its states are in
 * amcstate.h, what stays in it in amcboard.h, and what is left of it at the
 * end of the trace in amcreclaim.c.
 *
 * Design: .seg.state, .fix, .scan (design/amc.rst, design/amc-fix.rst).
 */

#include "amcboard.h"

#include "amcfix.h"

#include "../heap/format.h"
#include "../heap/gen.h"
#include "../trace/trace.h"


/* Ranges of so many bytes are looked through before they are scanned: where
 * it is short, nothing comes early enough, and what is fetched for a very
 * long one is gone again before it's needed. */
#define AMC_PREFETCH_MIN ((Size)256)
#define AMC_PREFETCH_MAX ((Size)64 << 10)

/* amc_nail_first -- a mobile segment gets a board if there is one to be had
 *
 * Only such a segment may: a board made later would not know of the earlier
 * nails.  Without one, all of it stays (.seg.state.stuck). */

static void amc_nail_first(Seg *seg, AmcEvent with_board, AmcEvent without)
{
  if (amc_board_make(seg)) {
    amc_step(seg, with_board);
  } else {
    seg_arena(seg)->trace->is_emergency = true;
    amc_step(seg, without);
  }
}


/* Condemning */

/* amc_need -- how many bytes are likely to be copied out of a segment */

static Size amc_need(const Seg *seg)
{
  if (seg->live != 0)
    return seg->live;
  if (seg->is_accounted_old)
    return seg_size(seg);
  return (Size)((double)seg_size(seg) * (1.0 - seg_gen(seg)->mortality));
}

/* amc_choose -- where memory is short, choose what to copy (.amc.choose)
 *
 * If objects were copied as they are found until no memory is left, each
 * segment would lose a few and none would become free. */

static void amc_choose(Seg *seg)
{
  Trace *trace = seg_arena(seg)->trace;
  Size need;

  if (LIKELY(trace->room == SIZE_MAX && !trace->is_in_place))
    return;
  if (trace->is_in_place) {
    seg->is_kept = true;
    seg->is_plain = false;
    return;
  }
  need = amc_need(seg);
  if (need <= trace->room && need <= seg_size(seg) / 4 * 3) {
    trace->room -= need;
  } else {
    seg->is_kept = true;
    seg->is_plain = false;
  }
}

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
  if (buffer == NULL) {
    amc_choose(seg);
    return amcret_condemn(seg, seg_size(seg));
  }
  limit = seg_scan_limit(seg);
  if (limit == seg->base || !amc_board_make(seg))
    return 0;
  seg->is_kept = seg_arena(seg)->trace->is_in_place;
  amc_step(seg, AMC_BUFFERED_BOARD);
  seg->board->open = limit;
  /* Each grain of it, so that whatever is committed there in the meantime
   * counts as pinned. */
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

/* amc_may_copy -- the last memory is for traces that chose what to copy */

static bool amc_may_copy(const Trace *trace, Size size)
{
  return trace->room != SIZE_MAX || pool_leaves_room(trace->arena, size);
}

/* amc_to_seg -- a new segment that survivors of pgen are copied to */

static Res amc_to_seg(Seg **seg_out, Addr *limit_out, PoolGen *pgen, Size size,
                      Size want)
{
  const Amc *amc = amc_of_pool(pgen->pool);
  Trace *trace = pgen->pool->arena->trace;
  Seg *seg;
  Res res;

  ASSERT(pgen->forward != NULL);
  /* What was refused once in a trace would be refused again: don't ask for
   * each object. */
  if (size >= trace->refused)
    return MPS_RES_MEMORY;
  if (!amc_may_copy(trace, want))
    want = size;
  if (!amc_may_copy(trace, size)) {
    trace->refused = size;
    (void)space_refuse(&trace->arena->space, size); /* tells of it */
    return MPS_RES_COMMIT_LIMIT;
  }
  res = amc_seg_alloc(&seg, limit_out, amc, pgen->forward, size, want);
  if (res != MPS_RES_OK) {
    trace->refused = size;
    return res;
  }
  /* A ramp that keeps its survivors doesn't count them until it ends. */
  seg->is_deferred = pgen->forward == pgen && amc->ramp.state == RAMP_RAMPING;
  pgen_account_fill(seg);
  *seg_out = seg;
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
  /* Where there is only padding of our own, or what isn't committed, there
   * is nothing that anybody could mean (.large.lsp-no-retain). */
  if (addr >= amc_objects_limit(seg))
    return;
  /* Where only base pointers pin, what isn't aligned pins nothing. */
  if (!addr_is_aligned(addr, size_log2(seg->format->align))
      && !amc_of_pool(seg->pgen->pool)->is_interior)
    return;
  if (!seg->is_nailed)
    amc_nail_first(seg, AMC_AMBIG_BOARD, AMC_AMBIG_NONE);
  if (seg->board != NULL && amc_board_nail(seg, addr))
    amc_step(seg, AMC_NAIL);
}

/* amc_fix_in_place -- preserve an object where it is, as it can't be
 * copied (.emergency.fix) */

static void amc_fix_in_place(Seg *seg, Addr client)
{
  Arena *arena = seg_arena(seg);

  if (!arena->trace->is_in_place)
    arena->trace->is_emergency = true;
  arena->stayed |= REFSET_KIND(seg->kind); /* .emergency.seen */
  if (!seg->is_nailed)
    amc_nail_first(seg, AMC_REFUSED_BOARD, AMC_REFUSED_NONE);
  if (seg->board == NULL)
    return;
  if (amc_board_pin(seg, client))
    amc_step(seg, AMC_NAIL);
  seg->board->notes |= AMCRET_REFUSED;
}

void amc_fix_copy_any(const Format *format, Addr client, Addr block, Size size)
{
  memcpy(block, addr_sub(client, format->header), size);
  format->fwd(client, addr_add(block, format->header));
}

/* amc_fix_refill -- copy an object for which the cursor has no room */

void amc_fix_refill(Seg *seg, mps_addr_t *ref_io, Addr end)
{
  Addr client = *ref_io;
  Addr block = amc_copy_refill(seg->pgen, addr_diff(client, end));

  if (block == NULL)
    amc_fix_in_place(seg, client);
  else
    amc_fix_copy(seg->format, ref_io, client, end, block);
}

/* amc_fix_any -- a reference that isn't ambiguous, into any segment */

static void amc_fix_any(Seg *seg, ScanState *ss, mps_addr_t *ref_io)
{
  Addr client = *ref_io;

  if (amc_fix_forwarded(seg, ref_io, client)) {
    ss->ss._seen |= seg->pgen->forward_set;
    return;
  }
  if (seg->is_nailed && (seg->board == NULL || amc_board_has(seg, client))) {
    ss->ss._seen |= REFSET_KIND(seg->kind);
    return;
  }
  ss->was_marked = false;
  /* A weak reference preserves nothing, with or without memory. */
  if (ss->rank == RANK_WEAK) {
    *ref_io = NULL;
    return;
  }
  ss->ss._seen |= seg->pgen->forward_set;
  if (seg->is_kept)
    amc_fix_in_place(seg, client);
  else
    amc_fix_move(seg, ref_io, client, seg->format->skip(client));
  if (seg->has_keys)
    ephs_note(&ss->trace->ephs, client);
}

/* Where nothing moves, an ambiguous reference may keep a key in the middle of
 * a trace. */

static void amc_note_nailed(Seg *seg, ScanState *ss, Addr client)
{
  if (seg->is_nailed && addr_diff(seg->base, client) >= seg->format->header
      && addr_is_aligned(client, size_log2(seg->format->align))
      && (seg->board == NULL || amc_board_has(seg, client)))
    ephs_note(&ss->trace->ephs, client);
}

static void amc_fix(Seg *seg, ScanState *ss, mps_addr_t *ref_io)
{
  if (ss->rank != RANK_AMBIG) {
    amc_fix_any(seg, ss, ref_io);
    return;
  }
  amc_fix_ambig(seg, ss, *ref_io);
  if (seg->has_keys)
    amc_note_nailed(seg, ss, *ref_io);
}

static bool amc_is_preserved(Seg *seg, mps_addr_t *ref_io)
{
  mps_addr_t target = seg->format->isfwd(*ref_io);

  if (target == NULL)
    return seg->is_nailed
           && (seg->board == NULL || amc_board_has(seg, *ref_io));
  *ref_io = target;
  return true;
}


/* Scanning */

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

static Res amc_scan_nailed(const Seg *seg, ScanState *ss, Addr from,
                           Addr limit)
{
  Addr block;

  while (amc_board_next(&block, seg->board, from, limit)) {
    Res res;

    from = amc_block_end(seg, block);
    res = amc_scan_range(seg, ss, block, from);
    if (res != MPS_RES_OK)
      return res;
  }
  return MPS_RES_OK;
}

/* Without memory, fixing drives in nails while we scan: then go through
 * those that are new, again and again (.emergency.scan). */

static Res amc_scan_board(Seg *seg, ScanState *ss)
{
  Addr base = seg->base;
  Addr limit = seg->limit;
  Res res;

  amc_board_resolve(seg);
  nailboard_clear_fresh(seg->board);
  do {
    Addr objects_limit = amc_objects_limit(seg);

    if (limit > objects_limit)
      limit = objects_limit;
    res = amc_scan_nailed(seg, ss, base, limit);
  } while (res == MPS_RES_OK
           && nailboard_take_fresh(&base, &limit, seg->board));
  return res;
}

static Res amc_scan(Seg *seg, ScanState *ss)
{
  if (!seg->is_white)
    return amc_scan_mobile(seg, ss);
  if (seg->board != NULL)
    return amc_scan_board(seg, ss);
  return amc_scan_range(seg, ss, seg->base, amc_objects_limit(seg));
}


/* Walking */

static void amc_walk_range(const Seg *seg, Addr base, Addr limit,
                           mps_formatted_objects_stepper_t visit, void *p,
                           size_t s)
{
  Addr client = amc_client(seg, base);

  limit = amc_client(seg, limit);
  while (client < limit) {
    Addr end = seg->format->skip(client);

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

/* What amc_walk visits, padding too: both walkers see the same
 * (.walk.areas.pads).  Where a collection copies to, up to the cursor. */

static Res amc_areas(Seg *seg, mps_ss_t ss, mps_area_scan_t scan,
                     void *closure)
{
  Addr limit = seg->cursor != NULL ? seg->cursor->init : seg_scan_limit(seg);
  Res res = MPS_RES_OK;

  if (limit > seg->base)
    res = scan(ss, amc_client(seg, seg->base), amc_client(seg, limit),
               closure);
  if (res == MPS_RES_OK && seg->buffer != NULL
      && seg->buffer->limit < seg->limit)
    res = scan(ss, amc_client(seg, seg->buffer->limit),
               amc_client(seg, seg->limit), closure);
  return res;
}

/* Up to init: an object that was committed since the last flip counts. */

static Res amc_find(mps_addr_t *object_out, Seg *seg, Addr addr)
{
  Addr block = seg->base;
  Addr limit
      = seg->buffer != NULL ? buffer_committed(seg->buffer) : seg->used_limit;

  if (addr >= limit)
    return MPS_RES_FAIL;
  while (amc_block_end(seg, block) <= addr)
    block = amc_block_end(seg, block);
  if (seg->format->isfwd(amc_client(seg, block)) != NULL)
    return MPS_RES_FAIL;
  *object_out = amc_client(seg, block);
  return MPS_RES_OK;
}


/* Where committed objects are. */

static bool amc_may_begin(const Seg *seg, Addr block)
{
  return block < (seg->buffer != NULL ? buffer_committed(seg->buffer)
                                      : seg->used_limit);
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
    .may_begin = amc_may_begin,
};
