/* blksearch.c -- finding a free run of blocks
 *
 * First fit, but never from the start: for each class of sizes there is a
 * hint, below which no run of that class begins, and for each group of 1,024
 * blocks a bound of the runs that begin in it.  Both only ever say what was
 * seen, so nothing that is free is missed.
 *
 * Design: .blk.tab.hint, .blk.tab.runs (design/blk.rst).
 */

#include "blktab.h"

/* A run of at least so many blocks is in every class, and no summary says
 * more of it than that. */
#define BLKTAB_LONG 1025
#define BLKTAB_RUN_MAX UINT16_MAX

/* Up to so many blocks, a class has one size. */
#define BLKTAB_EXACT 8

/* The least sizes of the classes. */
static const Count blktab_least[BLKTAB_CLASSES]
    = {1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 33, 65, 129, 257, 513, BLKTAB_LONG};

static Index blktab_class(Count count)
{
  Index class;

  if (count <= 9)
    return count - 1;
  class = 8 + (size_log2(count - 1) - 3);
  return class < BLKTAB_CLASSES ? class : BLKTAB_CLASSES - 1;
}

static inline Index blktab_group(Index block)
{
  return block / (BLKTAB_GROUP * WORD_BITS);
}

/* What a summary can say of a run's length. */
static inline uint16_t blktab_run(Count length)
{
  return length >= BLKTAB_LONG ? BLKTAB_RUN_MAX : (uint16_t)length;
}


/* What is known */

void blktab_forget(BlkTab *tab)
{
  Count groups = (tab->words + BLKTAB_GROUP - 1) / BLKTAB_GROUP;

  tab->near = 0;
  for (Index i = 0; i < BLKTAB_CLASSES; ++i)
    tab->hints[i] = 0;
  for (Index g = 0; g < groups; ++g)
    tab->runs[g] = BLKTAB_RUN_MAX;
}

/* blktab_run_start -- where the free run begins that ends at a block
 *
 * Never in the middle of a run: a hint that points there would hide its
 * beginning from a larger class.  If the run was long before, every hint is
 * at or before it, and BLK_NONE says that there is nothing to do. */

static Index blktab_run_start(const BlkTab *tab, Index block)
{
  Index start = block;

  while (start > 0) {
    Index last = start - 1;
    Word used = ~blktab_free_bits(tab, last / WORD_BITS)
                << (WORD_BITS - 1 - last % WORD_BITS);

    if (used != 0)
      return start - (Count)__builtin_clzll(used);
    start -= last % WORD_BITS + 1;
    if (block - start >= BLKTAB_LONG)
      return BLK_NONE;
  }
  return start;
}

/* blktab_run_limit -- where a free run ends, or some place beyond most */

static Index blktab_run_limit(const BlkTab *tab, Index block, Index most)
{
  while (block < most && block < tab->words * WORD_BITS) {
    Word used
        = ~blktab_free_bits(tab, block / WORD_BITS) >> (block % WORD_BITS);

    if (used != 0)
      return block + (Count)__builtin_ctzll(used);
    block += WORD_BITS - block % WORD_BITS;
  }
  return block;
}

void blktab_note_free(BlkTab *tab, Index first, Index limit)
{
  Index start = blktab_run_start(tab, first);
  Count length;

  tab->near = 0;
  if (start == BLK_NONE || first - start >= BLKTAB_LONG)
    return;
  length = blktab_run_limit(tab, limit, start + BLKTAB_LONG) - start;
  if (tab->runs[blktab_group(start)] < blktab_run(length))
    tab->runs[blktab_group(start)] = blktab_run(length);
  for (Index i = 0; i < BLKTAB_CLASSES && blktab_least[i] <= length; ++i)
    if (tab->hints[i] > start)
      tab->hints[i] = start;
}

void blktab_note_used(BlkTab *tab, Index first, Index limit)
{
  Index group = blktab_group(limit);

  /* What is left of a run now begins in another group. */
  if (blktab_group(first) == group || limit >= tab->words * WORD_BITS)
    return;
  for (Index g = blktab_group(first); g < group; ++g)
    if (tab->runs[group] < tab->runs[g])
      tab->runs[group] = tab->runs[g];
}

/* blktab_check_run -- .blk.tab.inv.hint, .blk.tab.runs: no hint lies beyond
 * a run of its class, no bound is below a run of its group */

void blktab_check_run(const BlkTab *tab, Index first, Index limit)
{
  CHECK(tab->runs[blktab_group(first)] >= blktab_run(limit - first));
  for (Index i = 0; i < BLKTAB_CLASSES && blktab_least[i] <= limit - first;
       ++i)
    CHECK(tab->hints[i] <= first);
}


/* Searching */

/* blktab_fold -- the bits at which a run of count set bits begins, count at
 * most a word's: each step doubles the length that a bit stands for */

static inline Word blktab_fold(Word bits, Count count)
{
  while (count > 1 && bits != 0) {
    Count half = count / 2;

    bits &= bits >> half;
    count -= half;
  }
  return bits;
}

typedef struct BlkSearch {
  const BlkTab *tab;
  Count count;   /* wanted */
  Count least;   /* of its class */
  Index first;   /* where a run of at least that many begins, or BLK_NONE */
  Index w;       /* the word looked at */
  Count carry;   /* free blocks just before it */
  bool is_whole; /* its group was looked at from its beginning */
} BlkSearch;

static inline void blktab_saw(BlkSearch *s, Index start, Count length)
{
  if (s->first == BLK_NONE && length >= s->least)
    s->first = start;
}

/* blktab_look -- look for the run in a word with these free bits
 *
 * Returns its first block, or BLK_NONE with carry set for the next word. */

static inline Index blktab_look(BlkSearch *s, Word free)
{
  Index base = s->w * WORD_BITS;
  Count head;
  Word found;

  if (free == WORD_ONES) {
    s->carry += WORD_BITS;
    blktab_saw(s, base + WORD_BITS - s->carry, s->carry);
    return s->carry >= s->count ? base + WORD_BITS - s->carry : BLK_NONE;
  }
  head = (Count)__builtin_ctzll(~free);
  blktab_saw(s, base - s->carry, s->carry + head);
  if (head > 0 && s->carry + head >= s->count)
    return base - s->carry;
  if (s->first == BLK_NONE && s->least < WORD_BITS) {
    found = blktab_fold(free, s->least);
    if (found != 0)
      s->first = base + (Index)__builtin_ctzll(found);
  }
  /* Where no run of the class begins, there is none of this size. */
  if (s->count < WORD_BITS && s->first != BLK_NONE) {
    found = blktab_fold(free, s->count);
    if (found != 0)
      return base + (Index)__builtin_ctzll(found);
  }
  s->carry = (Count)__builtin_clzll(~free);
  blktab_saw(s, base + WORD_BITS - s->carry, s->carry);
  return BLK_NONE;
}

/* blktab_skip_groups -- at the beginning of a group, with no run coming in:
 * note what the last one didn't have, and pass groups that haven't either */

static void blktab_skip_groups(BlkSearch *s, uint16_t *runs)
{
  uint16_t wanted = blktab_run(s->count);
  Index g = s->w / BLKTAB_GROUP;

  if (s->is_whole && s->count <= BLKTAB_LONG && runs[g - 1] >= wanted)
    runs[g - 1] = (uint16_t)(size_min(s->count, BLKTAB_LONG) - 1);
  s->is_whole = true;
  while (s->w < s->tab->words && runs[g] < wanted) {
    if (s->first == BLK_NONE && runs[g] >= s->least)
      s->first = s->w * WORD_BITS;
    s->w += BLKTAB_GROUP;
    ++g;
  }
}

/* blktab_run_ends -- at the beginning of a group: does the run that comes in
 * end in the first word, and is too short?  Then nothing matters in the group
 * but what begins in it. */

static bool blktab_run_ends(BlkSearch *s)
{
  Word free = blktab_free_bits(s->tab, s->w);
  Count head;

  if (free == WORD_ONES)
    return false;
  head = (Count)__builtin_ctzll(~free);
  if (s->carry + head >= s->count)
    return false;
  blktab_saw(s, s->w * WORD_BITS - s->carry, s->carry + head);
  s->carry = 0;
  return true;
}

/* blktab_skip_full -- pass words of the group in which nothing is free, four
 * at a time */

static void blktab_skip_full(BlkSearch *s)
{
  const BlkTab *tab = s->tab;
  Index limit = size_min(tab->words, (s->w / BLKTAB_GROUP + 1) * BLKTAB_GROUP);

  while (s->w + 4 <= limit
         && (blktab_free_bits(tab, s->w) | blktab_free_bits(tab, s->w + 1)
             | blktab_free_bits(tab, s->w + 2)
             | blktab_free_bits(tab, s->w + 3))
                == 0)
    s->w += 4;
}

/* blktab_next_word -- go on to the next word worth a look; false at the
 * end
 *
 * Full words are passed only after one that was full: in a heap with holes
 * everywhere it would be in vain. */

static inline bool blktab_next_word(BlkSearch *s, bool was_full)
{
  Index before;

  ++s->w;
  do {
    if (s->w < s->tab->words && s->w % BLKTAB_GROUP == 0) {
      if (s->carry > 0 && !blktab_run_ends(s))
        s->is_whole = false;
      else
        blktab_skip_groups(s, s->tab->runs);
    }
    if (!was_full || s->w >= s->tab->words)
      break;
    before = s->w;
    blktab_skip_full(s);
  } while (s->w != before && s->w % BLKTAB_GROUP == 0);
  return s->w < s->tab->words;
}

/* blktab_search_short -- for the classes of one size, whose runs fit a word:
 * nothing else has to be noted on the way */

static Index blktab_search_short(BlkSearch *s, Word free)
{
  Count count = s->count;
  Count first = count / 2;
  Count second = (count - first) / 2;
  Count third = (count - first - second) / 2;

  for (;;) {
    if (free != 0) {
      Index base = s->w * WORD_BITS;
      Word found = free & free >> first;

      if (free == WORD_ONES
          || s->carry + (Count)__builtin_ctzll(~free) >= count)
        return base - s->carry;
      found &= found >> second;
      found &= found >> third;
      if (found != 0)
        return base + (Index)__builtin_ctzll(found);
      s->carry = (Count)__builtin_clzll(~free);
    } else {
      s->carry = 0;
    }
    if (!blktab_next_word(s, free == 0))
      return BLK_NONE;
    free = blktab_free_bits(s->tab, s->w);
  }
}

static Index blktab_search_long(BlkSearch *s, Word free)
{
  for (;;) {
    Index found;

    if (free == 0) {
      s->carry = 0;
    } else {
      found = blktab_look(s, free);
      if (found != BLK_NONE)
        return found;
    }
    if (!blktab_next_word(s, free == 0))
      return BLK_NONE;
    free = blktab_free_bits(s->tab, s->w);
  }
}

static Index blktab_search(BlkSearch *s, Index from)
{
  Word free;

  s->w = from / WORD_BITS;
  if (s->w >= s->tab->words)
    return BLK_NONE;
  s->is_whole = from % (BLKTAB_GROUP * WORD_BITS) == 0;
  free = blktab_free_bits(s->tab, s->w) & (WORD_ONES << (from % WORD_BITS));
  return s->count <= BLKTAB_EXACT ? blktab_search_short(s, free)
                                  : blktab_search_long(s, free);
}

Index blktab_find(BlkTab *tab, Count count)
{
  Index *hint = &tab->hints[blktab_class(count)];
  BlkSearch s = {
      .tab = tab,
      .count = count,
      .least = blktab_least[blktab_class(count)],
      .first = BLK_NONE,
  };
  Index found = blktab_search(&s, *hint);

  if (found == BLK_NONE)
    *hint = s.first == BLK_NONE ? tab->words * WORD_BITS : s.first;
  else
    *hint = s.first == found || s.first == BLK_NONE ? found + count : s.first;
  return found;
}

bool blktab_is_hopeless(const BlkTab *tab, Count count)
{
  return count > tab->blocks - tab->used
         || tab->hints[blktab_class(count)] >= tab->words * WORD_BITS;
}
