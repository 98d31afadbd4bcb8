/* markreclaim.c -- what remains of a segment in which objects stay
 *
 * Only those that were marked are looked at: what lies between two of them
 * is free.
 *
 * Design: .markseg.reclaim (design/markseg.rst).
 */

#include "markseg.h"

#include "../base/bits.h"
#include "../heap/gen.h"
#include "../heap/seg.h"
#include "../trace/trace.h"

#include <string.h>

static Index markreclaim_end(const Seg *seg, Index i)
{
  if (seg->size_class == SEG_LARGE)
    return i + 1;
  return markseg_index_up(seg, markseg_block_end(seg, markseg_addr(seg, i)));
}

/* markreclaim_free -- what isn't free yet is from now on */

static void markreclaim_free(Seg *seg, Index first, Index limit)
{
  const Debug *debug = seg->pgen->pool->debug;
  Marks *m = seg->marks;
  Index i = first;

  if (debug != NULL && seg->size_class != SEG_LARGE)
    while ((i = bits_find_set(m->taken, i, limit)) < limit) {
      Index end = bits_find_clear(m->taken, i, limit);

      debug_fill(debug, markseg_addr(seg, i), markseg_addr(seg, end));
      i = end;
    }
  bits_clear_range(m->taken, first, limit);
}

/* markreclaim_range -- free what isn't marked; how many blocks stay */

static Count markreclaim_range(Seg *seg, Index first, Index limit)
{
  Marks *m = seg->marks;
  Count live = 0;
  Index i = bits_find_set(m->marks, first, limit);

  while (i < limit) {
    Index end = markreclaim_end(seg, i);

    markreclaim_free(seg, first, i);
    live += end - i;
    first = end;
    i = bits_find_set(m->marks, first, limit);
  }
  markreclaim_free(seg, first, limit);
  return live;
}

/* What was marked begins all that is left, but for what was allocated in
 * the meantime.  The tables of the trace are clear again
 * (.markseg.inv.clear). */

static void markreclaim_tables(Marks *m)
{
  Size size = BITS_WORDS(m->count) * sizeof(Word);

  memcpy(m->starts, m->marks, size);
  memset(m->marks, 0, size);
  if (m->scanned != NULL)
    memset(m->scanned, 0, size);
  m->is_resolved = m->open == m->open_limit;
  m->open = m->count;
  m->open_limit = m->count;
}

void markseg_reclaim(Seg *seg)
{
  Marks *m = seg->marks;
  GenWork *work = &seg_gen(seg)->work;
  Count open = m->open_limit - m->open;
  Count live;
  Count dead;

  trace_whiten_undo(seg);
  live = markreclaim_range(seg, 0, m->open)
         + markreclaim_range(seg, m->open_limit, m->count);
  dead = m->taken_count - open - live;
  pgen_account_bytes(&seg->pgen->account.free, &seg->pgen->account.old,
                     markseg_counted(m, dead * m->block));
  m->taken_count -= dead;
  if (m->taken_count == 0 && seg->buffer == NULL) {
    markseg_destroy(seg);
    return;
  }
  markreclaim_tables(m);
  work->preserved += live * m->block;
  work->retained += seg_size(seg);
  m->next = 0;
  m->longest = m->count - m->taken_count;
  if (seg->buffer == NULL)
    markpool_list(seg);
  ASSERT_HOT(markseg_check(seg));
}
