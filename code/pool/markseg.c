/* markseg.c -- segments in which objects stay where they are
 *
 * Design: .markseg.tables, .markseg.fix (design/markseg.rst).
 */

#include "markseg.h"

#include "../heap/barrier.h"
#include "../heap/gen.h"
#include "../heap/scan.h"
#include "../heap/seg.h"
#include "../trace/trace.h"

#include "../base/bits.h"

#include <string.h>


/* Lifetime */

static Count markseg_tables(Rank rank)
{
  return rank == RANK_NONE ? 3 : 4;
}

/* marks_create -- clear tables for so many blocks */

static Res marks_create(Marks **marks_out, Arena *arena, Count count,
                        Rank rank)
{
  Count words = BITS_WORDS(count);
  Size size = sizeof(Marks) + words * markseg_tables(rank) * sizeof(Word);
  Marks *m;
  Res res = ctl_alloc(&m, &arena->ctl, size);

  if (res != MPS_RES_OK)
    return res;
  memset(m, 0, size);
  m->size = size;
  m->count = count;
  m->open = count;
  m->open_limit = count;
  m->grey = count;
  m->longest = count;
  m->is_resolved = true;
  m->starts = m->taken + words;
  m->marks = m->starts + words;
  m->scanned = rank == RANK_NONE ? NULL : m->marks + words;
  ring_init(&m->bin_link);
  m->sig = MARKS_SIG;
  *marks_out = m;
  return MPS_RES_OK;
}

static void marks_destroy(Arena *arena, Marks *m)
{
  ASSERT(ring_is_single(&m->bin_link));
  m->sig = SIG_NONE;
  ctl_free(&arena->ctl, m, m->size);
}

Res markseg_create(Seg **seg_out, PoolGen *pgen, Rank rank, Size size,
                   Size want)
{
  Pool *pool = pgen->pool;
  Arena *arena = pool->arena;
  bool is_large = size >= MARKSEG_LARGE;
  Size bytes = size_round_up(is_large ? size : size_max(size, want),
                             arena->space.grain);
  Size block = is_large ? bytes : pool->align;
  Marks *m;
  Seg *seg;
  Res res = marks_create(&m, arena, bytes / block, rank);

  if (res != MPS_RES_OK)
    return res;
  res = seg_alloc(&seg, pgen, &markseg_class, rank, bytes);
  if (res != MPS_RES_OK) {
    marks_destroy(arena, m);
    return res;
  }
  m->block = block;
  m->shift = size_log2(block) + (size_is_pow2(block) ? 0 : 1);
  m->seg = seg;
  seg->marks = m;
  seg->is_piecemeal = true;
  seg->size_class = is_large ? SEG_LARGE : SEG_MEDIUM;
  if (rank == RANK_AMBIG)
    ++arena->ambig_holding;
  ASSERT_HOT(markseg_check(seg));
  *seg_out = seg;
  return MPS_RES_OK;
}

static void markseg_check_free(void *p, Addr base, Addr limit)
{
  debug_check(p, base, limit);
}

void markseg_destroy(Seg *seg)
{
  Marks *m = seg->marks;
  Arena *arena = seg_arena(seg);
  Pool *pool = seg->pgen->pool;

  if (pool->debug != NULL)
    markseg_each_free(seg, markseg_check_free, pool->debug);
  markpool_unlist(seg);
  if (seg->rank == RANK_AMBIG)
    --arena->ambig_holding;
  seg->marks = NULL;
  seg_free(seg);
  marks_destroy(arena, m);
}

bool markseg_check(const Seg *seg)
{
  const Marks *m = seg->marks;

  CHECK(seg_check(seg));
  CHECK(m->sig == MARKS_SIG && m->seg == seg);
  CHECK(m->count * m->block == seg_size(seg));
  CHECK(seg->is_piecemeal && seg->cursor == NULL && seg->board == NULL);
  CHECK(m->fresh_count <= m->taken_count && m->taken_count <= m->count);
  CHECK(m->open <= m->open_limit && m->open_limit <= m->count);
  CHECK(ring_is_single(&m->bin_link)
        || (seg->buffer == NULL && !seg->is_white));
  if (CHECK_DEEP) {
    CHECK(bits_count_range(m->taken, 0, m->count) == m->taken_count);
    /* .markseg.inv.clear */
    CHECK(seg->is_white || bits_find_set(m->marks, 0, m->count) == m->count);
  }
  return true;
}


/* Blocks */

static bool markseg_is_large(const Seg *seg)
{
  return seg->size_class == SEG_LARGE;
}

Index markseg_index_up(const Seg *seg, Addr addr)
{
  Size offset = addr_diff(seg->base, addr);

  return (offset + seg->marks->block - 1) / seg->marks->block;
}

/* markseg_counted -- so many bytes of blocks, less what no object can have:
 * the tail of a large segment is free from the start (.markpool.tail) */

Size markseg_counted(const Marks *m, Size size)
{
  return size == 0 ? 0 : size - m->tail;
}

Addr markseg_addr(const Seg *seg, Index i)
{
  return addr_add(seg->base, i * seg->marks->block);
}

static Addr markseg_client(const Seg *seg, Addr block)
{
  return addr_add(block, seg->format->header);
}

Addr markseg_block_end(const Seg *seg, Addr block)
{
  return addr_sub(seg->format->skip(markseg_client(seg, block)),
                  seg->format->header);
}

void markseg_each_free(const Seg *seg,
                       void (*visit)(void *p, Addr base, Addr limit), void *p)
{
  const Marks *m = seg->marks;
  Index i = 0;

  if (markseg_is_large(seg))
    return;
  while ((i = bits_find_clear(m->taken, i, m->count)) < m->count) {
    Index limit = bits_find_set(m->taken, i, m->count);

    visit(p, markseg_addr(seg, i), markseg_addr(seg, limit));
    i = limit;
  }
}

/* What a buffer is filling lies between here and its limit. */

static Addr markseg_open(const Seg *seg)
{
  return seg->buffer != NULL ? seg_scan_limit(seg) : seg->limit;
}

static Addr markseg_open_limit(const Seg *seg)
{
  return seg->buffer != NULL ? seg->buffer->limit : seg->limit;
}

/* Of a large segment only the lower part may be used. */

static Addr markseg_objects_limit(const Seg *seg)
{
  return markseg_is_large(seg) && seg->buffer == NULL ? seg->used_limit
                                                      : seg->limit;
}

/* Objects between base and limit, which don't lie in what a buffer is
 * filling: the first such range that ends above from.  False if there is
 * none. */
typedef struct MarkRange {
  Addr base;
  Addr limit;
} MarkRange;

static bool markseg_next_range(MarkRange *range_out, const Seg *seg, Addr from)
{
  const Marks *m = seg->marks;
  Addr open = markseg_open(seg);
  Addr open_limit = markseg_open_limit(seg);
  Index i;

  if (from >= open && from < open_limit)
    from = open_limit;
  i = bits_find_set(m->taken, markseg_index_up(seg, from), m->count);
  if (i == m->count)
    return false;
  range_out->base = markseg_addr(seg, i);
  if (range_out->base >= open && range_out->base < open_limit)
    return markseg_next_range(range_out, seg, open_limit);
  range_out->limit = markseg_addr(seg, bits_find_clear(m->taken, i, m->count));
  if (range_out->base < open && open < range_out->limit)
    range_out->limit = open;
  if (range_out->limit > markseg_objects_limit(seg))
    range_out->limit = markseg_objects_limit(seg);
  return range_out->base < range_out->limit;
}

static void markseg_resolve_range(Seg *seg, const MarkRange *range)
{
  Addr block = range->base;

  while (block < range->limit) {
    Index i = markseg_index(seg, block);

    bits_set_range(seg->marks->starts, i, i + 1);
    block = markseg_block_end(seg, block);
  }
}

/* markseg_resolve -- find out where objects begin */

static void markseg_resolve(Seg *seg)
{
  Marks *m = seg->marks;
  MarkRange range;
  Addr from = seg->base;

  if (m->is_resolved)
    return;
  barrier_open(seg_arena(seg), seg->base);
  bits_clear_range(m->starts, 0, m->count);
  while (markseg_next_range(&range, seg, from)) {
    markseg_resolve_range(seg, &range);
    from = range.limit;
  }
  m->is_resolved = true;
}


/* Condemning */

/* markseg_age -- what is condemned doesn't count as new any more */

static void markseg_age(Seg *seg)
{
  Marks *m = seg->marks;
  Account *account = &seg->pgen->account;
  Buffer *buffer = seg->buffer;

  if (buffer != NULL) {
    Addr limit = markseg_addr(seg, m->open);

    pgen_account_bytes(&account->old, &account->buffered,
                       markseg_counted(m, addr_diff(buffer->base, limit)));
    buffer->base = limit;
  }
  pgen_account_bytes(&account->old, &account->fresh,
                     markseg_counted(m, m->fresh_count * m->block));
  seg_gen(seg)->work.filled += m->fresh_count * m->block;
  m->fresh_count = 0;
}

/* What is reserved and not committed stays, and isn't looked at. */

static bool markseg_find_open(Seg *seg)
{
  Marks *m = seg->marks;
  const Buffer *buffer = seg->buffer;

  m->open = m->count;
  m->open_limit = m->count;
  if (buffer == NULL)
    return true;
  m->is_resolved = false;
  /* A large segment is one block, condemned or not. */
  if (markseg_is_large(seg) && seg_scan_limit(seg) < buffer->limit)
    return false;
  m->open = markseg_index_up(seg, seg_scan_limit(seg));
  m->open_limit = markseg_index_up(seg, buffer->limit);
  return true;
}

static Size markseg_whiten(Seg *seg)
{
  Marks *m = seg->marks;
  Count condemned;

  ASSERT_HOT(markseg_check(seg));
  if (m->taken_count == 0 && seg->buffer == NULL) {
    markseg_destroy(seg);
    return 0;
  }
  if (!markseg_find_open(seg))
    return 0;
  condemned = m->taken_count - (m->open_limit - m->open);
  if (condemned == 0)
    return 0;
  markpool_unlist(seg);
  markseg_age(seg);
  m->grey = m->count;
  return condemned * m->block;
}


/* Fixing */

static bool markseg_is_open(const Marks *m, Index i)
{
  return m->open <= i && i < m->open_limit;
}

static void markseg_mark(Seg *seg, ScanState *ss, Index i)
{
  Marks *m = seg->marks;

  m->marks[i / WORD_BITS] |= (Word)1 << (i % WORD_BITS);
  if (seg->has_keys)
    ephs_note(&ss->trace->ephs, markseg_client(seg, markseg_addr(seg, i)));
  if (seg->rank == RANK_NONE)
    return;
  if (i < m->grey)
    m->grey = i;
  seg_set_grey(seg, ss->arena);
}

/* Nearly always there is one object, but see .markseg.large. */

static bool markseg_begins_large(const Seg *seg, Addr block)
{
  Addr limit = seg->buffer != NULL ? markseg_open(seg) : seg->used_limit;
  Addr base = seg->base;

  while (base < block && base < limit)
    base = markseg_block_end(seg, base);
  return base == block && base < limit;
}

/* Does an object begin there, of those that are condemned? */

static bool markseg_begins(Seg *seg, Addr block)
{
  Marks *m = seg->marks;
  Index i;

  if (block < seg->base || block >= seg->limit
      || !addr_is_aligned(block, size_log2(seg->format->align)))
    return false;
  i = markseg_index(seg, block);
  if (markseg_is_open(m, i) || !bits_get(m->taken, i))
    return false;
  if (markseg_is_large(seg))
    return markseg_begins_large(seg, block);
  markseg_resolve(seg);
  return bits_get(m->starts, i);
}

/* Only the address that the client knows an object by keeps it. */

static void markseg_fix_ambig(Seg *seg, ScanState *ss, Addr client)
{
  Addr block = addr_sub(client, seg->format->header);
  Index i;

  if (markpool_of_const(seg->pgen->pool)->ignores_ambig
      || !markseg_begins(seg, block))
    return;
  i = markseg_index(seg, block);
  if (bits_get(seg->marks->marks, i))
    return;
  ss->was_marked = false;
  markseg_mark(seg, ss, i);
}

static void markseg_fix(Seg *seg, ScanState *ss, mps_addr_t *ref_io)
{
  const Marks *m = seg->marks;
  Addr block;
  Index i;

  if (ss->rank == RANK_AMBIG) {
    markseg_fix_ambig(seg, ss, *ref_io);
    return;
  }
  block = addr_sub(*ref_io, seg->format->header);
  /* .markseg.exact: what an exact reference names is an object. */
  ASSERT(seg->base <= block && block < seg->limit);
  ASSERT(addr_is_aligned(block, size_log2(seg->format->align)));
  i = markseg_index(seg, block);
  ASSERT(bits_get(m->taken, i));
  ss->ss._seen |= REFSET_KIND(seg->kind);
  if (bits_get(m->marks, i) || markseg_is_open(m, i))
    return;
  ss->was_marked = false;
  /* A weak reference preserves nothing. */
  if (ss->rank == RANK_WEAK)
    *ref_io = NULL;
  else
    markseg_mark(seg, ss, i);
}

static bool markseg_is_preserved(Seg *seg, mps_addr_t *ref_io)
{
  const Marks *m = seg->marks;
  Index i = markseg_index(seg, addr_sub(*ref_io, seg->format->header));

  return bits_get(m->marks, i) || markseg_is_open(m, i);
}

static bool markseg_may_begin(const Seg *seg, Addr block)
{
  const Buffer *buffer = seg->buffer;

  return bits_get(seg->marks->taken, markseg_index(seg, block))
         && (buffer == NULL || block < buffer_committed(buffer)
             || block >= buffer->limit);
}


/* Scanning */

static Res markseg_scan_whole(const Seg *seg, ScanState *ss,
                              const MarkRange *range)
{
  return seg->format->scan(&ss->ss, markseg_client(seg, range->base),
                           markseg_client(seg, range->limit));
}

/* markseg_scan_with -- scan an object, whose dependent may be read and
 * written meanwhile
 *
 * Nobody knows what was written there (.awl.dependent). */

static Res markseg_scan_with(const Seg *seg, ScanState *ss,
                             const MarkRange *range, Addr dependent)
{
  Seg *other = space_seg(&ss->arena->space, dependent);
  Res res;

  if (other == NULL)
    return markseg_scan_whole(seg, ss, range);
  barrier_expose(other);
  res = markseg_scan_whole(seg, ss, range);
  barrier_distrust(other);
  return res;
}

static Res markseg_scan_range(const Seg *seg, ScanState *ss,
                              const MarkRange *range)
{
  mps_awl_find_dependent_t find
      = markpool_of_const(seg->pgen->pool)->find_dependent;
  Addr block = range->base;
  Res res = MPS_RES_OK;

  ss->scanned += addr_diff(range->base, range->limit);
  if (find == NULL)
    return markseg_scan_whole(seg, ss, range);
  while (block < range->limit && res == MPS_RES_OK) {
    MarkRange object = {block, markseg_block_end(seg, block)};

    block = object.limit;
    res = markseg_scan_with(seg, ss, &object,
                            find(markseg_client(seg, object.base)));
  }
  return res;
}

/* All that is in it, as none of it is condemned. */

static Res markseg_scan_all(const Seg *seg, ScanState *ss)
{
  Addr from = seg->base;
  MarkRange range;
  Res res = MPS_RES_OK;

  while (res == MPS_RES_OK && markseg_next_range(&range, seg, from)) {
    res = markseg_scan_range(seg, ss, &range);
    from = range.limit;
  }
  return res;
}

/* Of a large segment all of it counts as one object. */

static MarkRange markseg_object(const Seg *seg, Index i)
{
  MarkRange range = {markseg_addr(seg, i), markseg_objects_limit(seg)};

  if (!markseg_is_large(seg))
    range.limit = markseg_block_end(seg, range.base);
  else if (seg->buffer != NULL)
    range.limit = markseg_open(seg);
  return range;
}

/* markseg_next_grey -- the first object from i on that is marked and not
 * scanned; or the number of blocks */

static Index markseg_next_grey(const Marks *m, Index i)
{
  Count words = BITS_WORDS(m->count);

  for (Index w = i / WORD_BITS; w < words; ++w) {
    Word grey = m->marks[w] & ~m->scanned[w];

    if (grey != 0)
      return w * WORD_BITS + (Index)__builtin_ctzll(grey);
  }
  return m->count;
}

/* Scanning marks more of them, before and behind the one that is looked at,
 * so go on until nothing is grey. */

static Res markseg_scan_marked(Seg *seg, ScanState *ss)
{
  Marks *m = seg->marks;
  Index i;

  while ((i = markseg_next_grey(m, m->grey)) < m->count) {
    MarkRange range = markseg_object(seg, i);
    Res res;

    m->grey = i + 1;
    m->scanned[i / WORD_BITS] |= (Word)1 << (i % WORD_BITS);
    res = markseg_scan_range(seg, ss, &range);
    if (res != MPS_RES_OK)
      return res;
  }
  m->grey = m->count;
  return MPS_RES_OK;
}

/* markseg_forget_scanned -- look at all that is marked again
 *
 * When the dead are known, or the client wants to see it, pairs that have
 * waited are looked at a second time. */

static void markseg_forget_scanned(Seg *seg)
{
  Marks *m = seg->marks;

  memset(m->scanned, 0, BITS_WORDS(m->count) * sizeof(Word));
  m->grey = 0;
}

static Res markseg_scan(Seg *seg, ScanState *ss)
{
  Res res;

  if (seg->is_white && seg->rank == RANK_EPHEMERON && seg->is_late
      && ss->rank != RANK_EPHEMERON)
    markseg_forget_scanned(seg);
  res = seg->is_white ? markseg_scan_marked(seg, ss)
                      : markseg_scan_all(seg, ss);
  if (ss->is_waiting)
    seg_set_late(seg, ss->arena);
  return res;
}


/* Walking */

static void markseg_walk(Seg *seg, mps_formatted_objects_stepper_t visit,
                         void *p, size_t s)
{
  Addr from = seg->base;
  MarkRange range;

  while (markseg_next_range(&range, seg, from)) {
    while (range.base < range.limit) {
      Addr end = markseg_block_end(seg, range.base);

      visit(markseg_client(seg, range.base), (mps_fmt_t)seg->format,
            seg->pgen->pool, p, s);
      range.base = end;
    }
    from = range.limit;
  }
}

static Res markseg_areas(Seg *seg, mps_ss_t ss, mps_area_scan_t scan,
                         void *closure)
{
  Addr from = seg->base;
  MarkRange range;
  Res res = MPS_RES_OK;

  while (res == MPS_RES_OK && markseg_next_range(&range, seg, from)) {
    res = scan(ss, markseg_client(seg, range.base),
               markseg_client(seg, range.limit), closure);
    from = range.limit;
  }
  return res;
}

static Res markseg_find_in(mps_addr_t *object_out, const Seg *seg, Addr base,
                           Addr addr)
{
  while (markseg_block_end(seg, base) <= addr)
    base = markseg_block_end(seg, base);
  *object_out = markseg_client(seg, base);
  return MPS_RES_OK;
}

/* Up to init: an object that was committed since the last flip counts. */

static Res markseg_find(mps_addr_t *object_out, Seg *seg, Addr addr)
{
  Addr from = seg->base;
  Addr fresh = markseg_open(seg);
  MarkRange range;

  if (addr >= markseg_objects_limit(seg)
      || !markseg_may_begin(seg, markseg_addr(seg, markseg_index(seg, addr))))
    return MPS_RES_FAIL;
  if (markseg_is_large(seg))
    return markseg_find_in(object_out, seg, seg->base, addr);
  if (fresh <= addr && addr < markseg_open_limit(seg))
    return markseg_find_in(object_out, seg, fresh, addr);
  while (markseg_next_range(&range, seg, from)) {
    if (addr < range.limit)
      return markseg_find_in(object_out, seg, range.base, addr);
    from = range.limit;
  }
  return MPS_RES_FAIL;
}


MOSTLY_INTERN_DEF const SegClass markseg_class = {
    .name = "mark",
    .whiten = markseg_whiten,
    .fix = markseg_fix,
    .scan = markseg_scan,
    .reclaim = markseg_reclaim,
    .walk = markseg_walk,
    .areas = markseg_areas,
    .find = markseg_find,
    .is_preserved = markseg_is_preserved,
    .may_begin = markseg_may_begin,
};
