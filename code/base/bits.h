/* bits.h -- tables of bits in arrays of words
 *
 * Ranges are [first, limit) of bit indexes.  A table has no header: its
 * owner knows how long it is.
 *
 * Design: .base.bits (design/base.rst).
 */

#ifndef BITS_H
#define BITS_H

#include "base.h"

#define BITS_WORDS(count) (((count) + WORD_BITS - 1) / WORD_BITS)

static inline bool bits_get(const Word *table, Index i)
{
  return (table[i / WORD_BITS] >> (i % WORD_BITS) & 1) != 0;
}

/* A function may be compiled for processors that count the bits of a word
 * in one instruction, and be called where this is one (.base.bits.popcnt). */
#if defined(__x86_64__) && !defined(__POPCNT__)
#define BITS_POPCNT __attribute__((target("popcnt")))
#define BITS_HAS_POPCNT (__builtin_cpu_supports("popcnt") != 0)
#else
#define BITS_POPCNT
#define BITS_HAS_POPCNT true
#endif

MOSTLY_INTERN void bits_set_range(Word *table, Index first, Index limit);
MOSTLY_INTERN void bits_clear_range(Word *table, Index first, Index limit);
/* How many bits of the range are set. */
MOSTLY_INTERN Count bits_count_range(const Word *table, Index first,
                                     Index limit);
/* The first bit at or after first that is set (or clear); limit if none. */
MOSTLY_INTERN Index bits_find_set(const Word *table, Index first, Index limit);
MOSTLY_INTERN Index bits_find_clear(const Word *table, Index first,
                                    Index limit);
/* The lowest (or highest) run of count clear bits within the range.  When
 * there is none, *room_out is the length of the longest run seen. */
MOSTLY_INTERN bool bits_find_run_low(Index *found_out, Count *room_out,
                                     const Word *table, Index first,
                                     Index limit, Count count);
MOSTLY_INTERN bool bits_find_run_high(Index *found_out, Count *room_out,
                                      const Word *table, Index first,
                                      Index limit, Count count);

#endif /* BITS_H */
