/* blkmark.c -- finding the living objects among blocks
 *
 * Design: .blk.mark, .blk.mark.ring, .blk.mark.follow, .blk.mark.overflow
 * (design/blk.rst).
 */

#include "blkmark.h"

#include "../include/mpscblk.h"

#include <string.h>

/* A layout word (mpscblk.h). */
#define BLK_LAYOUT_INLINE ((Word)1)
#define BLK_LAYOUT_WORDS(layout) ((layout) >> 1 & 63)
#define BLK_LAYOUT_MAP(layout) ((layout) >> 7)


/* Areas */

void blkmark_init(BlkMark *mark, Shift shift, Word *stack, Count limit)
{
  ASSERT(limit > 0);
  memset(mark, 0, sizeof *mark);
  mark->shift = shift;
  mark->is_interior = true;
  mark->stack = stack;
  mark->limit = limit;
}

bool blkmark_check(const BlkMark *mark)
{
  CHECK(mark->depth <= mark->limit && mark->stack != NULL);
  CHECK(mark->ring_count <= BLKMARK_RING);
  CHECK(mark->count <= BLKMARK_AREAS);
  for (Index i = 0; i < mark->count; ++i) {
    const BlkArea *area = mark->areas[i];

    CHECK(area->size == area->tab.blocks << mark->shift);
    CHECK(area->base - mark->low <= mark->span - area->size);
    CHECK(i == 0
          || mark->areas[i - 1]->base + mark->areas[i - 1]->size
                 <= area->base);
  }
  return true;
}

void blkmark_review(BlkMark *mark)
{
  Index at = 0;

  mark->low = 0;
  mark->span = 0;
  mark->bucket_shift = 0;
  if (mark->count == 0)
    return;
  mark->low = mark->areas[0]->base;
  mark->span = mark->areas[mark->count - 1]->base
               + mark->areas[mark->count - 1]->size - mark->low;
  while ((mark->span - 1) >> mark->bucket_shift >= BLKMARK_BUCKETS)
    ++mark->bucket_shift;
  for (Index i = 0; i < BLKMARK_BUCKETS; ++i) {
    Word base = mark->low + (i << mark->bucket_shift);

    while (at < mark->count - 1
           && mark->areas[at]->base + mark->areas[at]->size <= base)
      ++at;
    mark->buckets[i] = (unsigned char)at;
  }
}

bool blkmark_add(BlkMark *mark, BlkArea *area)
{
  Index at = 0;

  if (mark->count == BLKMARK_AREAS)
    return false;
  while (at < mark->count && mark->areas[at]->base < area->base)
    ++at;
  if (at > 0
      && mark->areas[at - 1]->base + mark->areas[at - 1]->size > area->base)
    return false;
  if (at < mark->count && area->base + area->size > mark->areas[at]->base)
    return false;
  memmove(&mark->areas[at + 1], &mark->areas[at],
          (mark->count - at) * sizeof(BlkArea *));
  mark->areas[at] = area;
  area->is_named = false;
  ++mark->count;
  blkmark_review(mark);
  return true;
}

void blkmark_remove(BlkMark *mark, BlkArea *area)
{
  Index at = 0;

  while (mark->areas[at] != area)
    ++at;
  --mark->count;
  memmove(&mark->areas[at], &mark->areas[at + 1],
          (mark->count - at) * sizeof(BlkArea *));
  blkmark_review(mark);
}

#define BLKMARK_INLINE inline __attribute__((always_inline))

static BLKMARK_INLINE BlkArea *blkmark_find(const BlkMark *mark, Word addr)
{
  BlkArea *area;
  Index at = mark->buckets[(addr - mark->low) >> mark->bucket_shift];

  for (; at < mark->count; ++at) {
    area = mark->areas[at];
    if (LIKELY(addr - area->base < area->size))
      return area;
    if (addr < area->base)
      break;
  }
  return NULL;
}

BlkArea *blkmark_area(const BlkMark *mark, Word addr)
{
  return addr - mark->low < mark->span ? blkmark_find(mark, addr) : NULL;
}


/* Pending objects: marked, and known to be still to scan, for which the
 * stack had no room */

static void blkmark_coarsen(BlkPending *pending)
{
  Word *dirty = pending->area->tab.dirty;

  dirty[pending->word / WORD_BITS] |= blktab_bit(pending->word);
  pending->area = NULL;
}

/* blkmark_leave -- remember an object exactly, if need be by remembering
 * less exactly what was remembered there before */

static void blkmark_leave(BlkMark *mark, BlkArea *area, Index head)
{
  Index word = head / WORD_BITS;
  BlkPending *pending = &mark->pending[word % BLKMARK_PENDING];

  mark->is_pending = true;
  if (pending->area != area || pending->word != word) {
    if (pending->area != NULL)
      blkmark_coarsen(pending);
    pending->area = area;
    pending->word = word;
    pending->heads = 0;
  }
  pending->heads |= blktab_bit(head);
}


/* Marking */

static BLKMARK_INLINE void blkmark_push(BlkMark *mark, BlkArea *area,
                                        Index head)
{
  if (LIKELY(mark->depth < mark->limit))
    mark->stack[mark->depth++] = area->base + (head << mark->shift);
  else
    blkmark_leave(mark, area, head);
}

/* blkmark_take -- mark the object that a candidate is; true if it wasn't
 * marked, and has something to scan */

static BLKMARK_INLINE bool blkmark_take(BlkMark *mark, BlkArea *area,
                                        Index *block_io)
{
  Index block = *block_io;
  Word *pair = &area->tab.pairs[2 * (block / WORD_BITS)];
  Word bit = blktab_bit(block);

  if (UNLIKELY((pair[0] & bit) == 0)) {
    if ((pair[1] & bit) == 0 || !mark->is_interior)
      return false;
    block = blktab_head(&area->tab, block);
    *block_io = block;
    pair = &area->tab.pairs[2 * (block / WORD_BITS)];
    bit = blktab_bit(block);
  }
  if ((pair[1] & bit) != 0)
    return false;
  pair[1] |= bit;
  if (UNLIKELY(mark->marked != NULL))
    mark->marked(mark, area->base + (block << mark->shift));
  return area->tab.plane[BLKTAB_LEAF] == NULL
         || !blktab_has(&area->tab, BLKTAB_LEAF, block);
}

static BLKMARK_INLINE BlkCandidate blkmark_ring_pop(BlkMark *mark)
{
  BlkCandidate oldest = mark->ring[mark->ring_first % BLKMARK_RING];

  ++mark->ring_first;
  --mark->ring_count;
  return oldest;
}

static BLKMARK_INLINE void blkmark_ring_push(BlkMark *mark, BlkArea *area,
                                             Index block)
{
  BlkCandidate *last;

  if (mark->ring_count == BLKMARK_RING) {
    BlkCandidate oldest = blkmark_ring_pop(mark);

    if (blkmark_take(mark, oldest.area, &oldest.block))
      blkmark_push(mark, oldest.area, oldest.block);
  }
  last = &mark->ring[(mark->ring_first + mark->ring_count) % BLKMARK_RING];
  last->area = area;
  last->block = block;
  ++mark->ring_count;
}

/* blkmark_wait -- a word in the span of the areas: let it wait in the ring
 *
 * What it may be is found out a little later, when the table's word and the
 * object have come to the cache.  Where there is only one area, the caller
 * knows it, and the compiler makes a loop of its own for that. */

static BLKMARK_INLINE void blkmark_wait(BlkMark *mark, BlkArea *only,
                                        Word word)
{
  BlkArea *area = only != NULL ? only : blkmark_find(mark, word);
  Index block;

  if (area == NULL)
    return;
  block = (word - area->base) >> mark->shift;
  __builtin_prefetch(&area->tab.pairs[2 * (block / WORD_BITS)], 1);
  __builtin_prefetch((const void *)word);
  blkmark_ring_push(mark, area, block);
}

/* blkmark_discover -- the same, but the last one is held back: if an object
 * has nothing else, and nothing else is waiting, it needn't wait either
 *
 * On the critical path. */

static BLKMARK_INLINE void blkmark_discover(BlkMark *mark, BlkArea *only,
                                            Word *held_io, Word word)
{
  if (!mark->is_interior && (word & (((Word)1 << mark->shift) - 1)) != 0)
    return;
  if (*held_io != 0)
    blkmark_wait(mark, only, *held_io);
  *held_io = word;
}


/* Scanning.  The client's roots may be a stack, with all that the address
 * sanitizer puts between variables. */

#define BLKMARK_ANY __attribute__((no_sanitize_address))

/* blkmark_other -- the same for words that may also belong to others */

static BLKMARK_ANY void blkmark_words_other(BlkMark *mark, Word *held_io,
                                            const Word *word,
                                            const Word *limit)
{
  for (; word < limit; ++word) {
    if (*word - mark->low < mark->span && blkmark_find(mark, *word) != NULL)
      blkmark_discover(mark, NULL, held_io, *word);
    else if (*word - mark->other_low < mark->other_span)
      mark->other(mark, *word);
  }
}

/* blkmark_words -- look through words, four at a time: most are no
 * references, or all of a buffer's */

static BLKMARK_ANY BLKMARK_INLINE void
blkmark_words(BlkMark *mark, BlkArea *only, Word *held_io, const Word *word,
              const Word *limit)
{
  Word low = mark->low;
  Size span = mark->span;

  if (UNLIKELY(mark->other != NULL)) {
    blkmark_words_other(mark, held_io, word, limit);
    return;
  }
  for (; word + 4 <= limit; word += 4) {
    Word a = word[0];
    Word b = word[1];
    Word c = word[2];
    Word d = word[3];

    if (((a - low < span) | (b - low < span) | (c - low < span)
         | (d - low < span))
        == 0)
      continue;
    if (a - low < span)
      blkmark_discover(mark, only, held_io, a);
    if (b - low < span)
      blkmark_discover(mark, only, held_io, b);
    if (c - low < span)
      blkmark_discover(mark, only, held_io, c);
    if (d - low < span)
      blkmark_discover(mark, only, held_io, d);
  }
  for (; word < limit; ++word)
    if (*word - low < span)
      blkmark_discover(mark, only, held_io, *word);
}

/* blkmark_layout_words -- the words that a layout names, which is neither
 * zero nor without meaning */

static void blkmark_layout_words(Word layout, const Word *word,
                                 const Word *limit, BlkRange visit,
                                 void *closure)
{
  Word map = BLK_LAYOUT_MAP(layout);
  mps_blk_layout_s record = {BLK_LAYOUT_WORDS(layout), (mps_word_t *)&map};

  if ((layout & BLK_LAYOUT_INLINE) == 0)
    record = *(const mps_blk_layout_s *)layout;
  for (Index i = 0; word < limit; ++word) {
    if ((record.map[i / WORD_BITS] >> (i % WORD_BITS) & 1) != 0)
      visit(closure, word, word + 1);
    if (++i == record.words)
      i = 0;
  }
}

void blkmark_object_words(const BlkMark *mark, const BlkArea *area, Index head,
                          BlkRange visit, void *closure)
{
  Word base = area->base + (head << mark->shift);
  Word limit = base + (blktab_length(&area->tab, head) << mark->shift);
  const Word *word = (const Word *)base;
  const Word *end = (const Word *)limit;

  if (blktab_has(&area->tab, BLKTAB_LEAF, head))
    return;
  if (mark->has_layouts && end[-1] != 0)
    blkmark_layout_words(end[-1], word, end - 1, visit, closure);
  else
    visit(closure, word, end);
}

static BLKMARK_ANY void blkmark_visit(void *closure, const Word *word,
                                      const Word *limit)
{
  BlkMark *mark = closure;
  Word held = 0;

  blkmark_words(mark, NULL, &held, word, limit);
  if (held != 0)
    blkmark_wait(mark, NULL, held);
}

/* blkmark_scan -- one object, which is marked */

static BLKMARK_ANY BLKMARK_INLINE void blkmark_scan(BlkMark *mark,
                                                    BlkArea *only,
                                                    Word *held_io,
                                                    BlkArea *area, Index head)
{
  Count length = blktab_length(&area->tab, head);
  Word base = area->base + (head << mark->shift);

  mark->visits += length;
  if (UNLIKELY(mark->has_layouts))
    blkmark_object_words(mark, area, head, blkmark_visit, mark);
  else
    blkmark_words(mark, only, held_io, (const Word *)base,
                  (const Word *)(base + (length << mark->shift)));
}

/* blkmark_next -- what to scan next: the word held back, if it's the only
 * one; the stack; the ring.  False if there's nothing left. */

static BLKMARK_INLINE bool blkmark_next(BlkCandidate *next_out, BlkMark *mark,
                                        BlkArea *only, Word *held_io)
{
  Word held = *held_io;

  *held_io = 0;
  if (held != 0 && (mark->depth > 0 || mark->ring_count > 0)) {
    blkmark_wait(mark, only, held);
    held = 0;
  }
  if (mark->depth > 0) {
    Word addr = mark->stack[--mark->depth];

    next_out->area = only != NULL ? only : blkmark_find(mark, addr);
    next_out->block = (addr - next_out->area->base) >> mark->shift;
    return true;
  }
  while (held != 0 || mark->ring_count > 0) {
    if (held != 0) {
      next_out->area = only != NULL ? only : blkmark_find(mark, held);
      if (next_out->area == NULL)
        return false;
      next_out->block = (held - next_out->area->base) >> mark->shift;
      held = 0;
    } else {
      *next_out = blkmark_ring_pop(mark);
    }
    if (blkmark_take(mark, next_out->area, &next_out->block))
      return true;
  }
  return false;
}

/* blkmark_follow -- mark and scan on from a word while each object refers to
 * at most one other, and nothing else is waiting: what a list is
 *
 * Returns the word held back, zero at the end.  What isn't the beginning of
 * an unmarked object that ends in its word of the table is left to others,
 * and so is the rest of an object that refers to more.  There is one area,
 * no layouts, and all words are ours.
 *
 * On the critical path. */

static BLKMARK_ANY __attribute__((noinline)) Word
blkmark_follow(BlkMark *mark, BlkArea *area, Word held)
{
  Word base = area->base;
  Size size = area->size;
  Shift shift = mark->shift;
  Word inside = mark->is_interior ? 0 : ((Word)1 << shift) - 1;
  Word *pairs = area->tab.pairs;
  const Word *leaves = area->tab.plane[BLKTAB_LEAF];
  Count visits = 0;

  while (held != 0) {
    Index block = (held - base) >> shift;
    Index w = block / WORD_BITS;
    Index at = block % WORD_BITS;
    Word *pair = &pairs[2 * w];
    Word low = pair[0];
    Word high = pair[1];
    Word others = ~(high & ~low) >> at >> 1;
    Count length;
    const Word *word;
    const Word *limit;

    if (UNLIKELY(((low & ~high) >> at & 1) == 0 || others == 0))
      break;
    if (UNLIKELY(leaves != NULL) && (leaves[w] & blktab_bit(block)) != 0)
      break;
    length = 1 + (Count)__builtin_ctzll(others);
    pair[1] = high | blktab_bit(block);
    visits += length;
    held = 0;
    word = (const Word *)(base + (block << shift));
    limit = (const Word *)(base + ((block + length) << shift));
    for (; word < limit; ++word) {
      if (LIKELY(*word - base >= size) || (*word & inside) != 0)
        continue;
      if (UNLIKELY(held != 0)) {
        mark->visits += visits;
        blkmark_words(mark, area, &held, word, limit);
        return held;
      }
      held = *word;
    }
  }
  mark->visits += visits;
  return held;
}

static BLKMARK_INLINE bool blkmark_may_follow(const BlkMark *mark, Word held)
{
  return held != 0 && mark->depth == 0 && mark->ring_count == 0
         && mark->other == NULL && !mark->has_layouts;
}

/* blkmark_drain -- empty the stack and the ring
 *
 * With nothing on the stack a candidate is scanned as soon as it is marked,
 * so that a list costs no pushing and popping. */

static BLKMARK_ANY BLKMARK_INLINE void blkmark_drain_in(BlkMark *mark,
                                                        BlkArea *only)
{
  BlkCandidate next;
  Word held = 0;

  while (blkmark_next(&next, mark, only, &held)) {
    blkmark_scan(mark, only, &held, next.area, next.block);
    if (only != NULL && blkmark_may_follow(mark, held))
      held = blkmark_follow(mark, only, held);
  }
}

static BLKMARK_ANY void blkmark_drain(BlkMark *mark)
{
  BlkArea *first = mark->areas[0];

  if (mark->count != 1)
    blkmark_drain_in(mark, NULL);
  else if (first != NULL) /* as the analyzer can't know */
    blkmark_drain_in(mark, first);
}


/* Use */

void blkmark_begin(BlkMark *mark)
{
  ASSERT(blkmark_is_done(mark));
  mark->visits = 0;
  mark->passes = 0;
  for (Index i = 0; i < mark->count; ++i)
    mark->areas[i]->is_named = false;
}

bool blkmark_is_done(const BlkMark *mark)
{
  return mark->depth == 0 && mark->ring_count == 0 && !mark->is_pending;
}

bool blkmark_word(BlkMark *mark, Word word)
{
  BlkArea *area = blkmark_area(mark, word);
  Index block;

  if (area == NULL)
    return false;
  if (!mark->is_interior && (word & (((Word)1 << mark->shift) - 1)) != 0)
    return false;
  block = (word - area->base) >> mark->shift;
  if (!blkmark_take(mark, area, &block))
    return false;
  blkmark_push(mark, area, block);
  return true;
}

BLKMARK_ANY void blkmark_range(BlkMark *mark, const Word *base, Count count)
{
  if (count > 0) /* else base may be null */
    blkmark_visit(mark, base, base + count);
  blkmark_drain(mark);
}

/* blkmark_scan_heads -- some of the objects that begin in one word of a
 * table
 *
 * What they refer to waits in the ring while the next is scanned, as long as
 * the stack has room for what comes of it. */

static BLKMARK_INLINE void blkmark_scan_heads_in(BlkMark *mark, BlkArea *only,
                                                 BlkArea *area, Index word,
                                                 Word heads)
{
  const Word *leaves = area->tab.plane[BLKTAB_LEAF];
  Word held = 0;

  if (leaves != NULL)
    heads &= ~leaves[word];
  for (; heads != 0; heads &= heads - 1) {
    blkmark_scan(mark, only, &held, area,
                 word * WORD_BITS + (Index)__builtin_ctzll(heads));
    if (mark->depth > mark->limit / 2)
      blkmark_drain(mark);
  }
  if (held != 0)
    blkmark_wait(mark, only, held);
  blkmark_drain(mark);
}

static void blkmark_scan_heads(BlkMark *mark, BlkArea *area, Index word,
                               Word heads)
{
  if (mark->count == 1)
    blkmark_scan_heads_in(mark, area, area, word, heads);
  else
    blkmark_scan_heads_in(mark, NULL, area, word, heads);
}

static void blkmark_finish_exact(BlkMark *mark)
{
  for (Index i = 0; i < BLKMARK_PENDING; ++i) {
    BlkPending *pending = &mark->pending[i];

    while (pending->area != NULL) {
      BlkPending taken = *pending;

      pending->area = NULL;
      blkmark_scan_heads(mark, taken.area, taken.word, taken.heads);
    }
  }
}

/* blkmark_finish_word -- some marked object here is pending: scan them all */

static void blkmark_finish_word(BlkMark *mark, BlkArea *area, Index word)
{
  Word heads = blktab_low(&area->tab, word) & blktab_high(&area->tab, word);
  BlkPending *pending = &mark->pending[word % BLKMARK_PENDING];

  if (word == area->tab.words - 1)
    heads &= ~area->tab.pad;
  if (pending->area == area && pending->word == word)
    pending->area = NULL;
  blkmark_scan_heads(mark, area, word, heads);
}

/* blkmark_finish_area -- lowest first, as scanning may leave more pending */

static void blkmark_finish_area(BlkMark *mark, BlkArea *area)
{
  Count dirty_words = (area->tab.words + WORD_BITS - 1) / WORD_BITS;

  for (Index i = 0; i < dirty_words; ++i) {
    Word *dirty = &area->tab.dirty[i];

    while (*dirty != 0) {
      Index word = i * WORD_BITS + (Index)__builtin_ctzll(*dirty);

      *dirty &= *dirty - 1;
      blkmark_finish_word(mark, area, word);
      blkmark_finish_exact(mark);
    }
  }
}

void blkmark_finish(BlkMark *mark)
{
  blkmark_drain(mark);
  while (mark->is_pending) {
    mark->is_pending = false;
    ++mark->passes;
    blkmark_finish_exact(mark);
    for (Index i = 0; i < mark->count; ++i)
      blkmark_finish_area(mark, mark->areas[i]);
  }
  ASSERT(blkmark_is_done(mark));
}
