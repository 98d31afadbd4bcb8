/* test_bits.c -- bit tables against arrays of bools
 *
 * Every range of every table of up to a few words is tried, since the
 * mistakes are made at word boundaries, with contents that are all of one
 * kind, alternate, or are random; and random ranges of a long table.
 */

#include "base/bits.h"
#include "unit.h"

#include <string.h>

enum {
  SMALL_MAX = 3 * 64 + 2,
  LARGE = 5000,
  GUARD = 2
};

#define GUARD_WORD ((Word)0xA5A5A5A5)

static Word table[BITS_WORDS(LARGE) + GUARD];
static bool model[LARGE];
static Count length;

static void start(Count count)
{
  length = count;
  memset(model, 0, sizeof model);
  memset(table, 0, sizeof table);
  for (Index i = 0; i < GUARD; ++i)
    table[BITS_WORDS(length) + i] = GUARD_WORD;
}

static void fill(Index first, Index limit, bool is_set)
{
  if (is_set)
    bits_set_range(table, first, limit);
  else
    bits_clear_range(table, first, limit);
  for (Index i = first; i < limit; ++i)
    model[i] = is_set;
}

static void check_table(void)
{
  for (Index i = 0; i < length; ++i)
    EXPECT(bits_get(table, i) == model[i]);
  for (Index i = 0; i < GUARD; ++i)
    EXPECT(table[BITS_WORDS(length) + i] == GUARD_WORD);
}

static Index model_find(Index first, Index limit, bool is_set)
{
  while (first < limit && model[first] != is_set)
    ++first;
  return size_min(first, limit);
}

static void check_range(Index first, Index limit)
{
  Count count = 0;

  for (Index i = first; i < limit; ++i)
    count += model[i];
  EXPECT(bits_count_range(table, first, limit) == count);
  EXPECT(bits_find_set(table, first, limit)
         == (first < limit ? model_find(first, limit, true) : limit));
  EXPECT(bits_find_clear(table, first, limit)
         == (first < limit ? model_find(first, limit, false) : limit));
}

/* Every place where a run of clear bits fits, by brute force. */
static void check_runs(Index first, Index limit, Count count)
{
  bool is_any = false;
  Index low = 0;
  Index high = 0;
  Count longest = 0;
  Count run = 0;
  Index found = 0;
  Count room = 0;

  for (Index i = first; i < limit; ++i) {
    run = model[i] ? 0 : run + 1;
    longest = size_max(longest, run);
    if (run >= count) {
      low = is_any ? low : i + 1 - count;
      high = i + 1 - count;
      is_any = true;
    }
  }
  EXPECT(bits_find_run_low(&found, &room, table, first, limit, count)
         == is_any);
  EXPECT(is_any ? found == low : room == longest);
  EXPECT(bits_find_run_high(&found, &room, table, first, limit, count)
         == is_any);
  EXPECT(is_any ? found == high : room == longest);
}

/* .base.bits: ranges set in a clear table, and cleared in a full one. */
START_TEST(test_every_range)
{
  for (Index first = 0; first <= SMALL_MAX; ++first)
    for (Index limit = first; limit <= SMALL_MAX; ++limit) {
      start(SMALL_MAX);
      fill(first, limit, true);
      check_table();
      fill(0, length, true);
      fill(first, limit, false);
      check_table();
    }
}
END_TEST

static void check_every_range(void)
{
  check_table();
  for (Index first = 0; first <= length; ++first)
    for (Index limit = first; limit <= length; ++limit)
      check_range(first, limit);
}

/* .base.bits: one bit that differs, at each place. */
START_TEST(test_every_question)
{
  for (Index i = 0; i < 130; ++i) {
    start(130);
    fill(i, i + 1, true);
    check_every_range();
    fill(0, length, true);
    fill(i, i + 1, false);
    check_every_range();
  }
}
END_TEST

/* .base.bits: runs between two bits, which may be one. */
START_TEST(test_every_run)
{
  for (Index i = 0; i < 80; ++i)
    for (Index j = i; j < 80; ++j) {
      start(80);
      fill(i, i + 1, true);
      fill(j, j + 1, true);
      for (Count count = 1; count <= 81; ++count)
        check_runs(0, length, count);
    }
}
END_TEST

/* A range whose limit is below its first bit is empty. */
START_TEST(test_empty)
{
  start(200);
  fill(10, 20, true);
  bits_set_range(table, 100, 100);
  bits_set_range(table, 100, 50);
  bits_clear_range(table, 15, 15);
  bits_clear_range(table, 15, 3);
  check_table();
  ck_assert_uint_eq(bits_count_range(table, 15, 3), 0);
  ck_assert_uint_eq(bits_find_set(table, 15, 3), 3);
  ck_assert_uint_eq(bits_find_clear(table, 30, 30), 30);
}
END_TEST

START_TEST(test_random)
{
  unit_seed("random");
  start(LARGE);
  for (Index i = 0; i < 5000; ++i) {
    Index first = unit_random(LARGE + 1);
    Count most = unit_random(2) == 0 ? 20 : LARGE;
    Index limit = size_min(LARGE, first + unit_random(most + 1));

    fill(first, limit, unit_random(2) == 0);
    first = unit_random(LARGE + 1);
    limit = first + unit_random(LARGE + 1 - first);
    check_range(first, limit);
    check_runs(first, limit, 1 + unit_random(300));
    if (i % 50 == 0)
      check_table();
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("bits");

  unit_add(suite, "ranges", test_every_range);
  unit_add(suite, "questions", test_every_question);
  unit_add(suite, "runs", test_every_run);
  unit_add(suite, "empty", test_empty);
  unit_add(suite, "random", test_random);
  return unit_run(suite);
}
