/* bits.c -- tables of bits in arrays of words
 *
 * Design: .base.bits (design/base.rst).
 */

#include "bits.h"

/* bits_mask -- the bits of word w that lie in first to last, both in
 *
 * An inclusive last keeps each shift below WORD_BITS. */

static Word bits_mask(Index w, Index first, Index last)
{
  Word mask = WORD_ONES;

  if (w == first / WORD_BITS)
    mask &= WORD_ONES << (first % WORD_BITS);
  if (w == last / WORD_BITS)
    mask &= WORD_ONES >> (WORD_BITS - 1 - last % WORD_BITS);
  return mask;
}

void bits_set_range(Word *table, Index first, Index limit)
{
  if (first >= limit)
    return;
  for (Index w = first / WORD_BITS; w <= (limit - 1) / WORD_BITS; ++w)
    table[w] |= bits_mask(w, first, limit - 1);
}

void bits_clear_range(Word *table, Index first, Index limit)
{
  if (first >= limit)
    return;
  for (Index w = first / WORD_BITS; w <= (limit - 1) / WORD_BITS; ++w)
    table[w] &= ~bits_mask(w, first, limit - 1);
}

Count bits_count_range(const Word *table, Index first, Index limit)
{
  Count count = 0;

  if (first >= limit)
    return 0;
  for (Index w = first / WORD_BITS; w <= (limit - 1) / WORD_BITS; ++w)
    count += (Count)__builtin_popcountll(table[w]
                                         & bits_mask(w, first, limit - 1));
  return count;
}

/* flip is all ones to look for a clear bit. */
static Index bits_find(const Word *table, Index first, Index limit, Word flip)
{
  if (first >= limit)
    return limit;
  for (Index w = first / WORD_BITS; w <= (limit - 1) / WORD_BITS; ++w) {
    Word live = (table[w] ^ flip) & bits_mask(w, first, limit - 1);

    if (live != 0)
      return w * WORD_BITS + (Index)__builtin_ctzll(live);
  }
  return limit;
}

Index bits_find_set(const Word *table, Index first, Index limit)
{
  return bits_find(table, first, limit, 0);
}

Index bits_find_clear(const Word *table, Index first, Index limit)
{
  return bits_find(table, first, limit, WORD_ONES);
}

bool bits_find_run_low(Index *found_out, Count *room_out, const Word *table,
                       Index first, Index limit, Count count)
{
  Count room = 0;
  Index base = bits_find_clear(table, first, limit);

  while (base < limit) {
    Index end = bits_find_set(table, base, limit);

    if (end - base >= count) {
      *found_out = base;
      return true;
    }
    room = end - base > room ? end - base : room;
    base = bits_find_clear(table, end, limit);
  }
  *room_out = room;
  return false;
}

bool bits_find_run_high(Index *found_out, Count *room_out, const Word *table,
                        Index first, Index limit, Count count)
{
  bool is_found = false;
  Count room = 0;
  Index base = bits_find_clear(table, first, limit);

  /* The last fitting run wins, and its high end is used.  The ranges asked
   * about are short, so going through them from below costs little. */
  while (base < limit) {
    Index end = bits_find_set(table, base, limit);

    if (end - base >= count) {
      *found_out = end - count;
      is_found = true;
    }
    room = end - base > room ? end - base : room;
    base = bits_find_clear(table, end, limit);
  }
  *room_out = room;
  return is_found;
}
