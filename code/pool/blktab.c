/* blktab.c -- which blocks of a region are free, and which belong together
 *
 * Design: .blk.tab, .blk.tab.sweep, .blk.tab.flags (design/blk.rst).
 */

#include "blktab.h"

#include "../base/bits.h"

#include <string.h>


/* The table's place in memory: pairs, dirty, the planes that it has, runs */

typedef struct BlkStore {
  Count words;
  Word *part[2 + BLKTAB_PLANES]; /* where each begins, or NULL */
  Count size[2 + BLKTAB_PLANES]; /* words */
  Word *runs;
} BlkStore;

static Count blktab_words(Count blocks)
{
  return (blocks + WORD_BITS - 1) / WORD_BITS;
}

static Count blktab_groups(Count words)
{
  return (words + BLKTAB_GROUP - 1) / BLKTAB_GROUP;
}

static Count blktab_runs_words(Count words)
{
  return (blktab_groups(words) * sizeof(uint16_t) + sizeof(Word) - 1)
         / sizeof(Word);
}

static Count blktab_planes_count(unsigned planes)
{
  return (Count)__builtin_popcount(planes);
}

Size blktab_size(Count blocks, unsigned planes)
{
  Count words = blktab_words(blocks);

  return sizeof(Word)
         * (words * (2 + blktab_planes_count(planes))
            + (words + WORD_BITS - 1) / WORD_BITS + blktab_runs_words(words));
}

Count blktab_fit(Size size, Size block, unsigned planes)
{
  Count blocks = size / block;

  /* Too many by the table's part: go down by some of what is missing, never
   * too far, as a block may give back some words of the table with it. */
  while (blocks > 0) {
    Size need = blocks * block + blktab_size(blocks, planes);

    if (need <= size)
      return blocks;
    blocks -= size_max((need - size) / (4 * block), 1);
  }
  return 0;
}

static void blktab_lay_out(BlkStore *s, void *store, Count blocks,
                           unsigned planes)
{
  Word *at = store;

  s->words = blktab_words(blocks);
  s->size[0] = 2 * s->words;
  s->size[1] = (s->words + WORD_BITS - 1) / WORD_BITS;
  for (unsigned i = 0; i < BLKTAB_PLANES; ++i)
    s->size[2 + i] = BLKTAB_HAS(planes, i) ? s->words : 0;
  for (Index i = 0; i < 2 + BLKTAB_PLANES; ++i) {
    s->part[i] = s->size[i] > 0 ? at : NULL;
    at += s->size[i];
  }
  s->runs = at;
}

static void blktab_take(BlkTab *tab, const BlkStore *s, Count blocks)
{
  tab->blocks = blocks;
  tab->words = s->words;
  tab->pairs = s->part[0];
  tab->dirty = s->part[1];
  for (Index i = 0; i < BLKTAB_PLANES; ++i)
    tab->plane[i] = s->part[2 + i];
  tab->runs = (uint16_t *)(void *)s->runs;
  tab->pad = blocks % WORD_BITS == 0 ? 0 : WORD_ONES << (blocks % WORD_BITS);
}

/* .blk.tab.inv.pad: what isn't a block is in state mark, so that no search,
 * no run of tails and no sweep needs to know where the blocks end. */

static void blktab_set_pad(BlkTab *tab)
{
  tab->pairs[2 * tab->words - 2] |= tab->pad;
  tab->pairs[2 * tab->words - 1] |= tab->pad;
}

void blktab_init(BlkTab *tab, void *store, Count blocks, unsigned planes)
{
  BlkStore s;

  ASSERT(blocks > 0);
  memset(tab, 0, sizeof *tab);
  blktab_lay_out(&s, store, blocks, planes);
  memset(store, 0, blktab_size(blocks, planes));
  blktab_take(tab, &s, blocks);
  blktab_set_pad(tab);
  blktab_forget(tab);
  tab->sig = BLKTAB_SIG;
  ASSERT(blktab_check(tab));
}

void blktab_finish(BlkTab *tab)
{
  ASSERT(tab->sig == BLKTAB_SIG);
  tab->sig = SIG_NONE;
}

void blktab_grow(BlkTab *tab, void *store, Count blocks)
{
  unsigned planes = 0;
  BlkStore from;
  BlkStore to;

  for (unsigned i = 0; i < BLKTAB_PLANES; ++i)
    planes |= (tab->plane[i] != NULL ? 1u : 0u) << i;
  ASSERT(blocks > tab->blocks && (Word)store >= (Word)tab->pairs);
  tab->pairs[2 * tab->words - 2] &= ~tab->pad;
  tab->pairs[2 * tab->words - 1] &= ~tab->pad;
  blktab_lay_out(&from, tab->pairs, tab->blocks, planes);
  blktab_lay_out(&to, store, blocks, planes);
  /* The summaries are made anew.  Each other part moves up by more than the
   * ones before it, so the last goes first (.blk.tab.grow). */
  for (Index i = 2 + BLKTAB_PLANES; i-- > 0;) {
    if (to.part[i] == NULL)
      continue;
    memmove(to.part[i], from.part[i], from.size[i] * sizeof(Word));
    memset(to.part[i] + from.size[i], 0,
           (to.size[i] - from.size[i]) * sizeof(Word));
  }
  blktab_take(tab, &to, blocks);
  blktab_set_pad(tab);
  blktab_forget(tab);
  ASSERT(blktab_check(tab));
}


/* Bits of the high plane, as most blocks are set and cleared */

static Word blktab_mask(Index first, Count count)
{
  return (WORD_ONES >> (WORD_BITS - count)) << (first % WORD_BITS);
}

static void blktab_set_tails(BlkTab *tab, Index first, Count count, bool is)
{
  while (count > 0) {
    Word *high = &tab->pairs[2 * (first / WORD_BITS) + 1];
    Count here = size_min(count, WORD_BITS - first % WORD_BITS);
    Word mask = blktab_mask(first, here);

    *high = is ? *high | mask : *high & ~mask;
    first += here;
    count -= here;
  }
}


/* Lengths and heads */

Count blktab_length_far(const BlkTab *tab, Index head)
{
  Index next = head + 1;
  Index w = next / WORD_BITS;
  Word skip = ~(WORD_ONES << (next % WORD_BITS));

  for (; w < tab->words; ++w) {
    Word others = ~blktab_tail_bits(tab, w) & ~skip;

    if (others != 0)
      return w * WORD_BITS + (Count)__builtin_ctzll(others) - head;
    skip = 0;
  }
  return tab->blocks - head;
}

Index blktab_head(const BlkTab *tab, Index block)
{
  Index w = block / WORD_BITS;
  Word up_to = WORD_ONES >> (WORD_BITS - 1 - block % WORD_BITS);
  Word others = ~blktab_tail_bits(tab, w) & up_to;

  /* The first block never is a tail. */
  while (others == 0)
    others = ~blktab_tail_bits(tab, --w);
  block = w * WORD_BITS + (WORD_BITS - 1 - (Index)__builtin_clzll(others));
  return blktab_is_head(tab, block) ? block : BLK_NONE;
}

Index blktab_end(const BlkTab *tab, Index block)
{
  if (blktab_state(tab, block) != BLK_FREE)
    return block + blktab_length(tab, block);
  for (Index w = block / WORD_BITS; w < tab->words; ++w) {
    Word used = ~blktab_free_bits(tab, w);

    if (w == block / WORD_BITS)
      used &= WORD_ONES << (block % WORD_BITS);
    if (used != 0)
      return size_min(w * WORD_BITS + (Index)__builtin_ctzll(used),
                      tab->blocks);
  }
  return tab->blocks;
}


/* Objects come and go */

static void blktab_raise_top(BlkTab *tab, Index limit)
{
  Index top = (limit + WORD_BITS - 1) / WORD_BITS;

  if (tab->top < top)
    tab->top = top;
}

static bool blktab_refill(BlkTab *tab)
{
  Index hint = tab->hints[0];
  Index w = hint / WORD_BITS;

  if (w >= tab->words)
    return false;
  tab->near = blktab_free_bits(tab, w) & (WORD_ONES << (hint % WORD_BITS));
  tab->near_base = w * WORD_BITS;
  if (tab->near == 0)
    return false;
  blktab_raise_top(tab, tab->near_base + WORD_BITS);
  return true;
}

/* blktab_alloc_one -- one block from the hint on, without a search */

static Index blktab_alloc_one(BlkTab *tab)
{
  Index head;

  if (tab->near == 0 && !blktab_refill(tab))
    return BLK_NONE;
  head = tab->near_base + (Index)__builtin_ctzll(tab->near);
  tab->near &= tab->near - 1;
  tab->pairs[2 * (head / WORD_BITS)] |= blktab_bit(head);
  tab->hints[0] = head + 1;
  blktab_note_used(tab, head, head + 1);
  ++tab->used;
  ++tab->objects;
  return head;
}

Index blktab_alloc(BlkTab *tab, Count count)
{
  Index head = count == 1 ? blktab_alloc_one(tab) : BLK_NONE;

  ASSERT_HOT(count > 0);
  if (head != BLK_NONE)
    return head;
  head = blktab_find(tab, count);
  if (head == BLK_NONE)
    return BLK_NONE;
  tab->near = 0;
  tab->pairs[2 * (head / WORD_BITS)] |= blktab_bit(head);
  if (count > 1)
    blktab_set_tails(tab, head + 1, count - 1, true);
  blktab_note_used(tab, head, head + count);
  blktab_raise_top(tab, head + count);
  tab->used += count;
  ++tab->objects;
  return head;
}

Count blktab_free(BlkTab *tab, Index head)
{
  Count count = blktab_length(tab, head);
  Index w = head / WORD_BITS;
  Word keep = ~blktab_bit(head);

  ASSERT_HOT(blktab_is_head(tab, head));
  tab->pairs[2 * w] &= keep;
  tab->pairs[2 * w + 1] &= keep;
  if (count > 1)
    blktab_set_tails(tab, head + 1, count - 1, false);
  for (Index i = 0; i < BLKTAB_PLANES; ++i)
    if (tab->plane[i] != NULL)
      tab->plane[i][w] &= keep;
  tab->used -= count;
  --tab->objects;
  blktab_note_free(tab, head, head + count);
  return count;
}

/* blktab_is_free_up_to -- without looking further, which would take as long
 * as the free run is */

static bool blktab_is_free_up_to(const BlkTab *tab, Index first, Index limit)
{
  while (first < limit) {
    Count here = size_min(limit - first, WORD_BITS - first % WORD_BITS);

    if ((~blktab_free_bits(tab, first / WORD_BITS) & blktab_mask(first, here))
        != 0)
      return false;
    first += here;
  }
  return true;
}

static void blktab_cut(BlkTab *tab, Index first, Index limit)
{
  blktab_set_tails(tab, first, limit - first, false);
  blktab_note_free(tab, first, limit);
  tab->used -= limit - first;
}

bool blktab_resize(BlkTab *tab, Index head, Count count)
{
  return blktab_resize_from(tab, head, blktab_length(tab, head), count);
}

bool blktab_resize_from(BlkTab *tab, Index head, Count old, Count count)
{
  Index end = head + old;
  Index limit = head + count;

  ASSERT_HOT(count > 0);
  if (limit <= end) {
    if (limit < end)
      blktab_cut(tab, limit, end);
    return true;
  }
  if (limit > tab->blocks || !blktab_is_free_up_to(tab, end, limit))
    return false;
  tab->near = 0;
  blktab_set_tails(tab, end, limit - end, true);
  blktab_note_used(tab, end, limit);
  blktab_raise_top(tab, limit);
  tab->used += limit - end;
  return true;
}


/* Sweeping */

static inline Count blktab_count(Word bits)
{
  bits -= bits >> 1 & 0x5555555555555555;
  bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
  bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0F;
  return (Count)(bits * 0x0101010101010101 >> 56);
}

#define BLKTAB_INLINE inline __attribute__((always_inline))

/* blktab_count_by -- the same by one instruction, if there is one: in line
 * in a function for that processor only */

static BLKTAB_INLINE Count blktab_count_by(Word bits, bool popcnt)
{
  return popcnt ? (Count)__builtin_popcountll(bits) : blktab_count(bits);
}

/* The flags of what was freed would be those of whatever comes to lie
 * there. */

static void blktab_sweep_planes(BlkTab *tab, Index top)
{
  for (Index i = 0; i < BLKTAB_PLANES; ++i) {
    Word *bits = tab->plane[i];
    Word all = 0;

    if (!tab->has_bits[i])
      continue;
    for (Index w = 0; w < top; ++w) {
      if (bits[w] != 0)
        bits[w] &= blktab_low(tab, w);
      all |= bits[w];
    }
    tab->has_bits[i] = all != 0;
  }
}

typedef struct BlkSweep {
  Count objects; /* freed */
  Count blocks;
  Index top; /* of what is left */
  BlkFreed visit;
  void *closure;
} BlkSweep;

/* blktab_sweep_word -- what dies in one word; returns the carry
 *
 * Adding to the tails a bit just above each dead head makes a carry run
 * through the tails that follow it, up to the first block that isn't one:
 * the tails that the sum still has are those of the living.  A carry out of
 * the word goes on into the next (.blk.tab.sweep). */

static BLKTAB_INLINE Word blktab_sweep_word(BlkSweep *sweep, Word *pair,
                                            Index w, Word carry, bool popcnt)
{
  Word low = pair[0];
  Word high = pair[1];
  Word dead = low & ~high;
  Word tails = high & ~low;
  Word sum = tails + (dead << 1 | carry);
  Word live = tails & sum;
  Word freed = dead | (tails & ~live);
  Count here;

  pair[0] = low & high;
  pair[1] = live;
  if (((low & high) | live) != 0)
    sweep->top = w + 1;
  if (freed != 0) {
    here = blktab_count_by(dead, popcnt);
    sweep->objects += here;
    sweep->blocks += freed == dead ? here : blktab_count_by(freed, popcnt);
    if (UNLIKELY(sweep->visit != NULL))
      sweep->visit(sweep->closure, w, freed);
  }
  return (Word)(sum < tails) | dead >> (WORD_BITS - 1);
}

/* blktab_sweep_loop -- all words, and those in which all is dead or free,
 * without tails, in the fewest steps: no carry gets through them */

static BLKTAB_INLINE void blktab_sweep_loop(BlkSweep *sweep, Word *pairs,
                                            Index top, bool popcnt)
{
  Count single = 0; /* objects freed in such words, of one block here */
  Word carry = 0;

  for (Index w = 0; w < top; ++w) {
    Word *pair = &pairs[2 * w];
    Word low = pair[0];

    if (pair[1] != 0 || sweep->visit != NULL) {
      carry = blktab_sweep_word(sweep, pair, w, carry, popcnt);
    } else {
      single += blktab_count_by(low, popcnt);
      pair[0] = 0;
      carry = low >> (WORD_BITS - 1);
    }
  }
  sweep->objects += single;
  sweep->blocks += single;
}

static void blktab_sweep_plain(BlkSweep *sweep, Word *pairs, Index top)
{
  blktab_sweep_loop(sweep, pairs, top, false);
}

static BITS_POPCNT void blktab_sweep_popcnt(BlkSweep *sweep, Word *pairs,
                                            Index top)
{
  blktab_sweep_loop(sweep, pairs, top, true);
}

/* blktab_sweep -- free what isn't marked, by arithmetic */

Count blktab_sweep(BlkTab *tab, BlkFreed visit, void *closure)
{
  BlkSweep sweep = {.visit = visit, .closure = closure};
  Index top = tab->top;

  if (BITS_HAS_POPCNT)
    blktab_sweep_popcnt(&sweep, tab->pairs, top);
  else
    blktab_sweep_plain(&sweep, tab->pairs, top);
  blktab_sweep_planes(tab, top);
  tab->top = sweep.top;
  blktab_set_pad(tab);
  blktab_forget(tab);
  tab->objects -= sweep.objects;
  tab->used -= sweep.blocks;
  return sweep.objects;
}

Count blktab_marked(const BlkTab *tab)
{
  Count blocks = 0;
  Word carry = 0;

  for (Index w = 0; w < tab->top; ++w) {
    Word low = blktab_low(tab, w);
    Word dead = low & ~blktab_high(tab, w);
    Word tails = blktab_tail_bits(tab, w);
    Word sum = tails + (dead << 1 | carry);

    carry = (Word)(sum < tails) | dead >> (WORD_BITS - 1);
    blocks += blktab_count((low & ~dead) | (tails & sum));
  }
  /* The padding looks marked. */
  if (tab->top == tab->words)
    blocks -= blktab_count(tab->pad);
  return blocks;
}

Index blktab_next_dead(const BlkTab *tab, unsigned plane, Index from)
{
  const Word *bits = tab->plane[plane];

  if (!tab->has_bits[plane])
    return BLK_NONE;
  for (Index w = from / WORD_BITS; w < tab->top; ++w) {
    Word dead = bits[w] & blktab_low(tab, w) & ~blktab_high(tab, w);

    if (w == from / WORD_BITS)
      dead &= WORD_ONES << (from % WORD_BITS);
    if (dead != 0)
      return w * WORD_BITS + (Index)__builtin_ctzll(dead);
  }
  return BLK_NONE;
}


/* Checking */

/* blktab_check_blocks -- .blk.tab.inv.tail: no tail follows a free block;
 * and the counts are right */

static void blktab_check_blocks(const BlkTab *tab)
{
  Count objects = 0;
  Count used = 0;
  Index end;

  for (Index b = 0; b < tab->blocks; b = end) {
    BlkState state = blktab_state(tab, b);

    end = blktab_end(tab, b);
    CHECK(state != BLK_TAIL);
    CHECK(b < end && end <= tab->blocks);
    if (state == BLK_FREE) {
      blktab_check_run(tab, b, end);
    } else {
      CHECK((end - 1) / WORD_BITS < tab->top);
      used += end - b;
      ++objects;
    }
  }
  CHECK(objects == tab->objects);
  CHECK(used == tab->used);
  for (Index i = 0; i < BLKTAB_PLANES; ++i)
    for (Index w = 0; w < tab->words; ++w)
      CHECK(tab->has_bits[i] || tab->plane[i] == NULL
            || tab->plane[i][w] == 0);
}

bool blktab_check(const BlkTab *tab)
{
  Index last = tab->words - 1;

  CHECK(tab->sig == BLKTAB_SIG);
  CHECK(tab->blocks > 0 && tab->words == blktab_words(tab->blocks));
  CHECK(tab->used <= tab->blocks && tab->objects <= tab->used);
  CHECK(tab->top <= tab->words);
  CHECK(tab->near == 0
        || tab->near
               == (blktab_free_bits(tab, tab->hints[0] / WORD_BITS)
                   & (WORD_ONES << (tab->hints[0] % WORD_BITS))));
  CHECK((blktab_low(tab, last) & tab->pad) == tab->pad);
  CHECK((blktab_high(tab, last) & tab->pad) == tab->pad);
  if (CHECK_DEEP)
    blktab_check_blocks(tab);
  return true;
}

bool blktab_check_all(const BlkTab *tab)
{
  blktab_check_blocks(tab);
  return blktab_check(tab);
}
