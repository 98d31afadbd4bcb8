/* markpool.c -- pools whose objects stay where they are
 *
 * Where allocation points get memory from: free runs of blocks in segments
 * that there are, or else a new segment.
 *
 * Design: .markpool.fill (design/markseg.rst).
 */

#include "pool.h"
#include "markseg.h"

#include "../base/args.h"
#include "../base/bits.h"
#include "../heap/barrier.h"
#include "../heap/buffer.h"
#include "../heap/gen.h"
#include "../heap/seg.h"

#include <string.h>

/* A segment is at most this part of its generation's capacity. */
#define MARKPOOL_CAPACITY_PART 8
/* Segments of which less than this part is free aren't filled: the runs
 * would be short (.markpool.full). */
#define MARKPOOL_FREE_PART 8
/* Segments of a bin that a search passes because they don't do
 * (.markpool.pass). */
#define MARKPOOL_PASS 16


/* The record */

static void markpool_free_bins(MarkPool *mp)
{
  for (Index i = 0; i < RANK_LIMIT; ++i)
    if (mp->free[i] != NULL)
      ctl_free(&mp->pool.arena->ctl, mp->free[i], sizeof(MarkBins));
}

static Res markpool_make_bins(MarkPool *mp, Word ranks)
{
  for (Index i = 0; i < RANK_LIMIT; ++i) {
    Res res;

    if ((ranks >> i & 1) == 0)
      continue;
    res = ctl_alloc(&mp->free[i], &mp->pool.arena->ctl, sizeof(MarkBins));
    if (res != MPS_RES_OK) {
      mp->free[i] = NULL;
      markpool_free_bins(mp);
      return res;
    }
    mp->free[i]->used = 0;
    for (Index b = 0; b < MARKPOOL_BINS; ++b)
      ring_init(&mp->free[i]->bins[b]);
  }
  return MPS_RES_OK;
}

Res markpool_init(Pool *pool, mps_arg_s *args, Word ranks)
{
  MarkPool *mp = markpool_of(pool);
  Gen *gen = NULL;
  unsigned usual;
  Res res;

  /* Where the client doesn't say, that isn't the nursery of the default chain:
   * what stays should be looked at less often than what is copied. */
  usual = args_has(args, MPS_KEY_CHAIN) ? 0 : 1;
  if (!pool_take_format(pool, args) || !pool_take_gen(&gen, pool, args, usual))
    return MPS_RES_PARAM;
  res = markpool_make_bins(mp, ranks);
  if (res != MPS_RES_OK)
    return res;
  pgen_init(&mp->pgen, pool, gen, 0);
  mp->pgen.forward = &mp->pgen;
  mp->sig = MARKPOOL_SIG;
  return MPS_RES_OK;
}

void markpool_undo(Pool *pool)
{
  MarkPool *mp = markpool_of(pool);

  mp->sig = SIG_NONE;
  pgen_finish(&mp->pgen);
  markpool_free_bins(mp);
}

void markpool_finish(Pool *pool)
{
  MarkPool *mp = markpool_of(pool);

  ASSERT(markpool_check(pool));
  if (pool->debug != NULL)
    debug_check_free(pool->debug);
  /* What is in it dies, and is free. */
  pgen_account_bytes(&mp->pgen.account.free, &mp->pgen.account.fresh,
                     mp->pgen.account.fresh);
  pgen_account_bytes(&mp->pgen.account.free, &mp->pgen.account.old,
                     mp->pgen.account.old);
  RING_FOR (node, after, &mp->pgen.segs)
    markseg_destroy(RING_ELEM(Seg, gen_link, node));
  markpool_undo(pool);
  if (pool->debug != NULL)
    debug_finish(pool->debug);
}

bool markpool_check(const Pool *pool)
{
  const MarkPool *mp = markpool_of_const(pool);

  CHECK(pool_check(pool));
  CHECK(mp->sig == MARKPOOL_SIG);
  CHECK(pgen_check(&mp->pgen));
  if (CHECK_DEEP)
    RING_FOR (node, after, (Ring *)&mp->pgen.segs)
      CHECK(markseg_check(RING_ELEM(Seg, gen_link, node)));
  return true;
}


/* Free runs.  A segment is in the bin of its longest one, or of a longer
 * one that it was thought to have. */

static Index markpool_bin(const Marks *m, Count blocks)
{
  return size_min(size_log2(blocks * m->block), MARKPOOL_BINS - 1);
}

void markpool_unlist(Seg *seg)
{
  Marks *m = seg->marks;
  MarkBins *free = markpool_of(seg->pgen->pool)->free[seg->rank];
  Ring *bin = m->bin_link.next;

  if (ring_is_single(&m->bin_link))
    return;
  ring_remove(&m->bin_link);
  if (ring_is_single(bin) && bin >= free->bins
      && bin < free->bins + MARKPOOL_BINS)
    free->used &= ~((Word)1 << (bin - free->bins));
}

void markpool_list(Seg *seg)
{
  Marks *m = seg->marks;
  MarkBins *free = markpool_of(seg->pgen->pool)->free[seg->rank];
  Index bin;

  markpool_unlist(seg);
  if (m->longest == 0 || seg->size_class == SEG_LARGE
      || m->count - m->taken_count < m->count / MARKPOOL_FREE_PART)
    return;
  bin = markpool_bin(m, m->longest);
  free->used |= (Word)1 << bin;
  ring_append(&free->bins[bin], &m->bin_link);
}

/* While a trace runs, what it has to look at is left alone. */

static bool markpool_may_fill(const Seg *seg)
{
  return !seg->is_white && !seg_is_grey(seg) && seg->buffer == NULL;
}

/* markpool_find_run -- take a free run from a segment, of so many blocks at
 * least; up to most, where it is longer */

static bool markpool_find_run(Index *first_out, Index *limit_out, Seg *seg,
                              Count blocks, Count most)
{
  Marks *m = seg->marks;
  Count room = 0;
  Index first;
  Index limit;

  if (!bits_find_run_low(&first, &room, m->taken, m->next, m->count, blocks)) {
    m->longest = room;
    markpool_list(seg);
    return false;
  }
  limit = first + size_min(most, m->count - first);
  limit = bits_find_set(m->taken, first, limit);
  markpool_unlist(seg);
  *first_out = first;
  *limit_out = limit;
  return true;
}

static void markpool_attach(Buffer *buffer, Seg *seg, Index first, Index limit)
{
  Marks *m = seg->marks;
  Account *account = &seg->pgen->account;

  bits_set_range(m->taken, first, limit);
  m->taken_count += limit - first;
  m->next = limit;
  pgen_account_bytes(&account->buffered, &account->free,
                     (limit - first) * m->block);
  buffer_attach(buffer, seg, markseg_addr(seg, first),
                markseg_addr(seg, limit));
}

/* The client is going to write there. */

static void markpool_reuse(Buffer *buffer, Seg *seg, Index first, Index limit)
{
  const Debug *debug = buffer->pool->debug;

  if (seg->rank != RANK_NONE) {
    barrier_expose(seg);
    barrier_distrust(seg);
  }
  if (debug != NULL)
    debug_check(debug, markseg_addr(seg, first), markseg_addr(seg, limit));
  markpool_attach(buffer, seg, first, limit);
}

static bool markpool_fill_bin(Buffer *buffer, Ring *bin, Size size)
{
  Size align = buffer->pool->align;
  Count blocks = size / align;
  Count most = size_max(size, buffer->want) / align;

  Count passed = 0;

  RING_FOR (node, after, bin) {
    Seg *seg = RING_ELEM(Marks, bin_link, node)->seg;
    Index first;
    Index limit;

    if (seg->marks->longest < blocks || !markpool_may_fill(seg)) {
      if (++passed == MARKPOOL_PASS)
        return false;
      ring_remove(node);
      ring_append(bin, node);
      continue;
    }
    if (markpool_find_run(&first, &limit, seg, blocks, most)) {
      markpool_reuse(buffer, seg, first, limit);
      return true;
    }
  }
  return false;
}

/* markpool_fill_old -- from a segment that there is; false if none has
 * room */

static bool markpool_fill_old(Buffer *buffer, Size size)
{
  MarkBins *free = markpool_of(buffer->pool)->free[buffer->rank];
  Index least = size_log2(size);

  if (size >= MARKSEG_LARGE)
    return false;
  for (Index b = least; b < MARKPOOL_BINS; ++b)
    if ((free->used >> b & 1) != 0
        && markpool_fill_bin(buffer, &free->bins[b], size))
      return true;
  return false;
}

static Size markpool_want_next(const MarkPool *mp, Size want)
{
  Size most
      = size_min(MARKSEG_MAX, mp->pgen.gen->capacity / MARKPOOL_CAPACITY_PART);
  Size next = size_min(want * 2, (Size)1 << size_log2(most | 1));

  return size_max(next, mp->pool.arena->space.grain);
}

static Res markpool_fill_new(Buffer *buffer, Size size)
{
  MarkPool *mp = markpool_of(buffer->pool);
  Arena *arena = buffer->pool->arena;
  Size want = buffer->want;
  bool is_large = size >= MARKSEG_LARGE;
  Seg *seg;
  Res res;

  if (!pool_leaves_room(arena, size))
    return space_refuse(&arena->space, size);
  if (!pool_leaves_room(arena, want))
    want = size;
  res = markseg_create(&seg, &mp->pgen, buffer->rank, size, want);
  if (res != MPS_RES_OK && want > size && !is_large)
    res = markseg_create(&seg, &mp->pgen, buffer->rank, size, size);
  if (res != MPS_RES_OK)
    return res;
  markpool_attach(buffer, seg, 0, seg->marks->count);
  if (is_large) {
    buffer->limit = addr_add(seg->base, size);
    buffer->ap.limit = buffer->limit;
    seg->marks->tail = seg_size(seg) - size;
    pgen_account_bytes(&mp->pgen.account.free, &mp->pgen.account.buffered,
                       seg->marks->tail);
  } else {
    buffer->want = markpool_want_next(mp, buffer->want);
  }
  return MPS_RES_OK;
}

/* Memory is short: also segments of which little is free. */

static bool markpool_fill_full(Buffer *buffer, Size size)
{
  MarkPool *mp = markpool_of(buffer->pool);
  Count blocks = size / buffer->pool->align;

  RING_FOR (node, after, &mp->pgen.segs) {
    Seg *seg = RING_ELEM(Seg, gen_link, node);
    Index first;
    Index limit;

    if (seg->rank != buffer->rank || seg->size_class == SEG_LARGE
        || !markpool_may_fill(seg))
      continue;
    seg->marks->next = 0;
    if (markpool_find_run(&first, &limit, seg, blocks, blocks)) {
      markpool_reuse(buffer, seg, first, limit);
      return true;
    }
  }
  return false;
}

Res markpool_fill(Buffer *buffer, Size size)
{
  Res res;

  if (markpool_fill_old(buffer, size))
    return MPS_RES_OK;
  res = markpool_fill_new(buffer, size);
  if (res != MPS_RES_OK && size < MARKSEG_LARGE
      && markpool_fill_full(buffer, size))
    return MPS_RES_OK;
  return res;
}


/* Buffers */

Res markpool_buffer_init(Buffer *buffer, mps_arg_s *args)
{
  const MarkPool *mp = markpool_of_const(buffer->pool);
  mps_arg_s arg;
  Rank rank = mp->free[RANK_NONE] != NULL ? RANK_NONE : RANK_EXACT;

  if (rank != RANK_NONE && args_pick(args, MPS_KEY_RANK, &arg))
    rank = (Rank)arg.val.rank;
  if (!REQUIRE((Word)rank < RANK_LIMIT && mp->free[rank] != NULL,
               "mps_ap_create_k: MPS_KEY_RANK must be one that the pool's "
               "class has"))
    return MPS_RES_PARAM;
  buffer->rank = rank;
  buffer->pgen = &markpool_of(buffer->pool)->pgen;
  buffer->want = buffer->pool->arena->space.grain;
  return MPS_RES_OK;
}

/* What the buffer hasn't used is free again.  What it has filled since the
 * segment was condemned counts as new. */

void markpool_empty(Buffer *buffer)
{
  Seg *seg = buffer->seg;
  Marks *m = seg->marks;
  Account *account = &seg->pgen->account;
  Index base = markseg_index_up(seg, buffer->base);
  Index init = markseg_index_up(seg, (Addr)buffer->ap.init);
  Index limit = markseg_index_up(seg, buffer->limit);

  pgen_account_bytes(&account->fresh, &account->buffered,
                     markseg_counted(m, (init - base) * m->block));
  pgen_account_bytes(&account->free, &account->buffered,
                     markseg_counted(m, (limit - init) * m->block));
  bits_clear_range(m->taken, init, limit);
  m->taken_count -= limit - init;
  m->fresh_count += init - base;
  m->is_resolved = m->is_resolved && init == base;
  m->next = size_min(m->next, init);
  m->longest = m->count - m->taken_count;
  if (seg->size_class == SEG_LARGE)
    seg->used_limit = buffer->ap.init;
  else if (buffer->pool->debug != NULL)
    debug_fill(buffer->pool->debug, (Addr)buffer->ap.init, buffer->limit);
  if (seg->is_white) {
    /* What was filled meanwhile isn't scanned, and may refer to anything. */
    m->open_limit = size_min(m->open_limit, init);
    barrier_distrust(seg);
  } else {
    markpool_list(seg);
  }
  pgen_account_due(seg->pgen);
}

void markpool_ramp_begin(Pool *pool, Buffer *buffer)
{
  ++buffer->ramps;
}

void markpool_ramp_end(Pool *pool, Buffer *buffer)
{
  --buffer->ramps;
}


/* Sizes and visits */

Size markpool_total_size(const Pool *pool)
{
  return markpool_of_const(pool)->pgen.account.total;
}

Size markpool_free_size(const Pool *pool)
{
  return markpool_of_const(pool)->pgen.account.free;
}

void markpool_segs(Pool *pool, void (*visit)(Seg *seg, void *p), void *p)
{
  RING_FOR (node, after, &markpool_of(pool)->pgen.segs)
    visit(RING_ELEM(Seg, gen_link, node), p);
}
