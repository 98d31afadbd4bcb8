/* test_nailboard.c -- nailboards against an array of bools
 *
 * Every range of every small board is tried, because the mistakes are made
 * at word boundaries; then the same at the boundaries of larger boards,
 * and random ranges of boards with up to four levels, because there are
 * too many of those.
 */

#include "trace/nailboard.h"
#include "unit.h"

#include <string.h>

enum {
  SHIFT = 4,
  GRAIN = 1 << SHIFT,
  SMALL_MAX = 130,
  GRAINS_MAX = 64 * 64 * 64 + 1,
  GUARD = 16
};

static unsigned char store[GRAINS_MAX / 4 + 1024] __attribute__((aligned(16)));
static bool oracle[GRAINS_MAX];
static Nailboard *board;
static Count grains;
static const Addr BASE = (Addr)(Word)0x10000;

/* The address of a byte in a grain; byte 0 is the grain's base. */
static Addr at(Index grain, Size byte)
{
  return addr_add(BASE, (grain << SHIFT) + byte);
}

/* Make a board with something just past its store, to see whether it is
 * written (.nail.req.store). */
static void start(Count count)
{
  Size size = nailboard_size(count << SHIFT, SHIFT);

  ck_assert_uint_le(size + GUARD, sizeof store);
  memset(store, 0xA5, size + GUARD);
  memset(oracle, 0, count * sizeof *oracle);
  grains = count;
  board = nailboard_init(store, BASE, at(count, 0), SHIFT);
}

static void finish(void)
{
  Size size = nailboard_size(grains << SHIFT, SHIFT);

  EXPECT(nailboard_check(board));
  for (Size i = 0; i < GUARD; ++i)
    EXPECT(store[size + i] == 0xA5);
  nailboard_finish(board);
}

/* Nail first to last by two of their bytes, and expect the right answer
 * about new nails (.nail.req.fresh). */
static void nail(Index first, Index last)
{
  Size from = unit_random(GRAIN);
  Size upto = first == last ? from : unit_random(GRAIN);
  bool fresh = false;

  for (Index i = first; i <= last; ++i) {
    fresh |= !oracle[i];
    oracle[i] = true;
  }
  EXPECT(nailboard_nail_range(board, at(first, from), at(last, upto + 1))
         == fresh);
}

/* Pull the nails of first to last out (.nail.board.pull). */
static void pull(Index first, Index last)
{
  Size from = unit_random(GRAIN);
  Size upto = first == last ? from : unit_random(GRAIN);

  for (Index i = first; i <= last; ++i)
    oracle[i] = false;
  nailboard_pull_range(board, at(first, from), at(last, upto + 1));
}

static bool oracle_any(Index first, Index last)
{
  for (Index i = first; i <= last; ++i)
    if (oracle[i])
      return true;
  return false;
}

/* A query by any bytes of the first and the last grain (.nail.req.query). */
static bool query(Index first, Index last)
{
  Size from = unit_random(GRAIN);
  Size upto = first == last ? from : unit_random(GRAIN);

  return nailboard_is_nailed(board, at(first, from), at(last, upto + 1));
}

static void expect_next(Index from)
{
  Index next = from;
  Addr found = NULL;

  while (next < grains && !oracle[next])
    ++next;
  bool any = nailboard_next_nail(
      &found, board, at(from, from < grains ? unit_random(GRAIN) : 0));
  EXPECT(any == (next < grains));
  EXPECT(from == grains
         || nailboard_has(board, at(from, unit_random(GRAIN)))
                == oracle[from]);
  EXPECT(found == (any ? at(next, 0) : NULL));
}


/* One nail anywhere, and every question there is. */
START_TEST(test_single_nails)
{
  for (Count count = 1; count <= SMALL_MAX; ++count)
    for (Index only = 0; only < count; ++only) {
      start(count);
      nail(only, only);
      for (Index first = 0; first < count; ++first)
        for (Index last = first; last < count; ++last)
          EXPECT(query(first, last) == (first <= only && only <= last));
      for (Index from = 0; from <= count; ++from)
        expect_next(from);
      finish();
    }
}
END_TEST

/* Every range, and each grain there is (.nail.req.touch). */
START_TEST(test_ranges)
{
  for (Count count = 1; count <= SMALL_MAX; ++count)
    for (Index first = 0; first < count; ++first)
      for (Index last = first; last < count; ++last) {
        start(count);
        EXPECT(!query(0, count - 1));
        nail(first, last);
        for (Index i = 0; i < count; ++i)
          EXPECT(query(i, i) == oracle[i]);
        nail(last, last);
        finish();
      }
}
END_TEST

/* The ends of ranges that matter: beside each boundary of a word on each
 * level, and at both ends of the board. */
static Count edges_of(Index *edges, Count count)
{
  static const Index wanted[]
      = {0,    1,    62,     63,     64,     65,     127,   128,
         4030, 4031, 4032,   4033,   4094,   4095,   4096,  4097,
         4159, 4160, 262079, 262080, 262142, 262143, 262144};
  Count found = 0;

  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; ++i)
    if (wanted[i] < count)
      edges[found++] = wanted[i];
  if (edges[found - 1] != count - 1)
    edges[found++] = count - 1;
  return found;
}

static void expect_edges(const Index *edges, Count count)
{
  for (Index a = 0; a < count; ++a) {
    for (Index b = a; b < count; ++b)
      EXPECT(query(edges[a], edges[b]) == oracle_any(edges[a], edges[b]));
    expect_next(edges[a]);
  }
  expect_next(grains);
}

START_TEST(test_boundaries)
{
  static const Count counts[]
      = {63, 64, 65, 127, 128, 129, 4031, 4032, 4095, 4096, 4097, 4160};
  Index edges[32];

  for (size_t n = 0; n < sizeof counts / sizeof counts[0]; ++n) {
    Count count = edges_of(edges, counts[n]);

    for (Index a = 0; a < count; ++a)
      for (Index b = a; b < count; ++b) {
        start(counts[n]);
        nail(edges[a], edges[b]);
        expect_edges(edges, count);
        finish();
      }
  }
}
END_TEST

/* Every range pulled out of a full board, and of one with nails at its
 * ends only. */
START_TEST(test_pull)
{
  for (Count count = 1; count <= SMALL_MAX; ++count)
    for (Index first = 0; first < count; ++first)
      for (Index last = first; last < count; ++last) {
        start(count);
        nail(0, count - 1);
        pull(first, last);
        for (Index i = 0; i < count; ++i)
          EXPECT(query(i, i) == oracle[i]);
        expect_next(first);
        finish();
        start(count);
        nail(first, first);
        nail(last, last);
        pull(first, last);
        EXPECT(!query(0, count - 1));
        finish();
      }
}
END_TEST

START_TEST(test_pull_boundaries)
{
  static const Count counts[] = {4095, 4096, 4097, 4160};
  Index edges[32];

  for (size_t n = 0; n < sizeof counts / sizeof counts[0]; ++n) {
    Count count = edges_of(edges, counts[n]);

    for (Index a = 0; a < count; ++a)
      for (Index b = a; b < count; ++b) {
        start(counts[n]);
        nail(0, counts[n] - 1);
        pull(edges[a], edges[b]);
        expect_edges(edges, count);
        finish();
      }
  }
}
END_TEST

/* Three levels full, and the first grain of a fourth. */
START_TEST(test_four_levels)
{
  Index edges[32];

  for (Count count = GRAINS_MAX - 2; count <= GRAINS_MAX; ++count) {
    start(count);
    ck_assert_uint_eq(board->level_count, count == GRAINS_MAX ? 4 : 3);
    Count found = edges_of(edges, count);
    for (Index a = found; a-- > 0;) {
      nail(edges[a], edges[a]);
      expect_next(0);
      for (Index b = 0; b < found; ++b)
        EXPECT(query(b == 0 ? 0 : edges[b - 1] + 1, edges[b])
               == oracle_any(b == 0 ? 0 : edges[b - 1] + 1, edges[b]));
    }
    finish();
  }
}
END_TEST

static void random_board(Count count)
{
  start(count);
  for (int round = 0; round < 30; ++round) {
    Index first = unit_random(count);
    Index reach = (count - first) >> unit_random(18);

    if (unit_random(3) == 0)
      pull(first, first + (reach == 0 ? 0 : unit_random(reach)));
    else
      nail(first, first + (reach == 0 ? 0 : unit_random(reach)));
    for (int i = 0; i < 40; ++i) {
      first = unit_random(count);
      reach = (count - first) >> unit_random(12);
      Index last = first + (reach == 0 ? 0 : unit_random(reach));

      EXPECT(query(first, last) == oracle_any(first, last));
      expect_next(unit_random(count + 1));
    }
  }
  finish();
}

START_TEST(test_random)
{
  for (int i = 0; i < 150; ++i)
    random_board(1 + unit_random(9000));
  for (int i = 0; i < 5; ++i)
    random_board(100000 + unit_random(GRAINS_MAX - 100000));
}
END_TEST

/* The flag is for "scan once more": set by a new nail, not by an old one
 * (.nail.req.flag). */
START_TEST(test_fresh_flag)
{
  start(100);
  EXPECT(!nailboard_has_fresh(board));
  nail(70, 70);
  EXPECT(nailboard_has_fresh(board));
  nailboard_clear_fresh(board);
  EXPECT(!nailboard_has_fresh(board));
  nail(70, 70);
  EXPECT(!nailboard_has_fresh(board));
  nail(60, 80);
  EXPECT(nailboard_has_fresh(board));
  finish();
}
END_TEST

/* What is new is between the lowest and the highest new nail
 * (.nail.board.fresh.range). */
START_TEST(test_fresh_range)
{
  Addr base;
  Addr limit;

  start(100);
  EXPECT(!nailboard_take_fresh(&base, &limit, board));
  nail(70, 71);
  EXPECT(nailboard_take_fresh(&base, &limit, board));
  EXPECT(base == at(70, 0) && limit == at(72, 0));
  EXPECT(!nailboard_take_fresh(&base, &limit, board));
  nail(70, 71);
  EXPECT(!nailboard_take_fresh(&base, &limit, board));
  nail(20, 20);
  nail(99, 99);
  nail(40, 40);
  EXPECT(nailboard_take_fresh(&base, &limit, board));
  EXPECT(base == at(20, 0) && limit == at(100, 0));
  EXPECT(!nailboard_has_fresh(board));
  finish();
}
END_TEST

/* Grains from a byte to a page: only the position of the bits changes. */
START_TEST(test_grain_sizes)
{
  for (Shift shift = 0; shift <= 12; ++shift) {
    Size size = (Size)200 << shift;
    Addr middle = addr_add(BASE, (Size)130 << shift);
    Addr found = NULL;

    ck_assert_uint_le(nailboard_size(size, shift), sizeof store);
    board = nailboard_init(store, BASE, addr_add(BASE, size), shift);
    EXPECT(nailboard_nail_range(board, middle, addr_add(middle, 1)));
    EXPECT(nailboard_next_nail(&found, board, BASE));
    EXPECT(found == (middle));
    EXPECT(!nailboard_is_nailed(board, BASE, middle));
    nailboard_finish(board);
  }
}
END_TEST

/* The board's store is a small share of the segment (.nail.req.store). */
START_TEST(test_store_is_small)
{
  for (Size size = 4096; size <= (Size)64 << 20; size *= 2)
    ck_assert_uint_le(nailboard_size(size, 3),
                      size / 64 + size / 64 / 32 + sizeof(Nailboard) + 128);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("nailboard");

  unit_seed("test_nailboard");
  unit_add(suite, "touch", test_ranges);
  unit_add(suite, "query", test_single_nails);
  unit_add(suite, "boundaries", test_boundaries);
  unit_add(suite, "pull", test_pull);
  unit_add(suite, "pull-boundaries", test_pull_boundaries);
  unit_add(suite, "levels", test_four_levels);
  unit_add(suite, "random", test_random);
  unit_add(suite, "flag", test_fresh_flag);
  unit_add(suite, "range", test_fresh_range);
  unit_add(suite, "grains", test_grain_sizes);
  unit_add(suite, "store", test_store_is_small);
  return unit_run(suite);
}
