/* test_freeruns.c -- free runs against an array of flags
 *
 * The model is a flag for each granule, and a search from either end.
 */

#include "pool/freeruns.h"
#include "unit.h"

#include <string.h>

enum {
  GRANULE = 8,
  TILES = 12,
  TILE_MAX = 2000, /* granules */
  SPACE = TILES * TILE_MAX
};

#define ORIGIN ((Word)1 << 32)

/* The model: 0 no memory, 1 free, 2 used. */
static char state[SPACE];
static Runs runs;
static RunTile *tile[TILES];
static Index tile_base[TILES];
static Count tile_count[TILES];

static Addr addr_of(Index i)
{
  return (Addr)(ORIGIN + i * GRANULE);
}

static Index index_of(Addr addr)
{
  return ((Word)addr - ORIGIN) / GRANULE;
}

static void add(Index t, Index base, Count count)
{
  tile[t] = malloc(runs_tile_size(count));
  memset(tile[t], 0x5A, runs_tile_size(count));
  tile_base[t] = base;
  tile_count[t] = count;
  runs_add(&runs, tile[t], addr_of(base), count);
  memset(&state[base], 1, count);
}

static void drop(Index t)
{
  runs_remove(&runs, tile[t]);
  memset(&state[tile_base[t]], 0, tile_count[t]);
  free(tile[t]);
  tile[t] = NULL;
}

static void begin(void)
{
  memset(state, 0, sizeof state);
  memset(tile, 0, sizeof tile);
  runs_init(&runs, 3);
}

static void end(void)
{
  for (Index t = 0; t < TILES; ++t)
    if (tile[t] != NULL)
      free(tile[t]);
}

/* The run from i on; zero if it isn't free. */
static Count run_at(Index i)
{
  Count n = 0;

  while (i + n < SPACE && state[i + n] == 1)
    ++n;
  return n;
}

/* Where a block should go; SPACE if nowhere. */
static Index expected(Count count, RunsWay way)
{
  Index found = SPACE;

  for (Index i = 0; i < SPACE; ++i) {
    Count n = run_at(i);

    if (n >= count) {
      found = way.at_high ? i + n - count : i;
      if (!way.from_high)
        return found;
    }
    if (n > 0)
      i += n;
  }
  return found;
}

/* An exact search: the sums are brought up to date before it. */
static void expect_find(Count count, RunsWay way)
{
  RunTile *at;
  Addr longest;
  Size size;
  Addr base = addr_of(SPACE);
  Index where = expected(count, way);
  bool is_found;

  (void)runs_find_longest(&at, &longest, &size, &runs);
  is_found = runs_find(&at, &base, &runs, count * GRANULE, way);
  EXPECT(is_found == (where < SPACE));
  EXPECT(index_of(base) == where);
  EXPECT(!is_found || runs_tile(&runs, base) == at);
}

static const RunsWay ways[]
    = {{false, false}, {false, true}, {true, false}, {true, true}};

/* Each state of a few granules in three tiles, one with a gap before it. */
START_TEST(every_small_state)
{
  enum {
    BITS = 9
  };

  for (Word mask = 0; mask < 1 << BITS; ++mask) {
    begin();
    add(0, 0, 3);
    add(1, 3, 2);
    add(2, 6, 4);
    for (Index b = 0; b < BITS; ++b) {
      Index i = b < 5 ? b : b + 1;

      if ((mask >> b & 1) == 0)
        continue;
      runs_use(&runs, runs_tile(&runs, addr_of(i)), addr_of(i), GRANULE);
      state[i] = 2;
    }
    for (Count count = 1; count <= BITS; ++count)
      for (Index w = 0; w < 4; ++w)
        expect_find(count, ways[w]);
    end();
  }
}
END_TEST

/* Random work */

static Count random_count(void)
{
  switch (unit_random(4)) {
  case 0:
    return 1 + unit_random(8);
  case 1:
    return 1 + unit_random(64);
  case 2:
    return 1 + unit_random(600);
  default:
    return 1 + unit_random(3000);
  }
}

static void mark(Index base, Count count, char what)
{
  for (Index i = base; i < base + count; ++i) {
    EXPECT(state[i] == 3 - what);
    state[i] = what;
  }
}

/* Free a piece of a random used run. */
static void free_some(void)
{
  Index i = unit_random(SPACE);
  Count count = random_count();
  Count n = 0;

  while (n < count && i + n < SPACE && state[i + n] == 2)
    ++n;
  if (n == 0)
    return;
  EXPECT(runs_is_used(&runs, runs_tile(&runs, addr_of(i)), addr_of(i),
                      n * GRANULE));
  runs_free(&runs, runs_tile(&runs, addr_of(i)), addr_of(i), n * GRANULE);
  mark(i, n, 1);
}

/* What is found may not be the first, as the sums lag, but it is free; and
 * if there is any, it's found. */
static void use_found(Count count)
{
  RunTile *at;
  Addr base;
  RunsWay way = ways[unit_random(4)];

  if (!runs_find(&at, &base, &runs, count * GRANULE, way)) {
    EXPECT(expected(count, way) == SPACE);
    return;
  }
  EXPECT(runs_is_free(&runs, at, base, count * GRANULE));
  runs_use(&runs, at, base, count * GRANULE);
  mark(index_of(base), count, 2);
}

static void use_near(void)
{
  Index i = unit_random(SPACE);
  Count count = 1 + unit_random(64);
  bool is_below = unit_random(2) != 0;
  RunTile *at = runs_tile(&runs, addr_of(i));
  Addr base;

  if (at == NULL)
    return;
  if (!runs_use_near(&base, &runs, at, addr_of(i), count, is_below)) {
    Index from = is_below ? i - count : i;
    bool is_inside = is_below ? from >= index_of(at->own.base) && i >= count
                              : from + count <= index_of(at->own.limit);
    EXPECT(!is_inside || run_at(from) < count);
    return;
  }
  EXPECT(is_below ? index_of(base) + count <= i : index_of(base) >= i);
  EXPECT((is_below ? i - index_of(base) : index_of(base) - i) < 192);
  mark(index_of(base), count, 2);
}

static void change_tiles(void)
{
  Index t = unit_random(TILES);

  if (tile[t] == NULL) {
    Count count = unit_random(3) == 0 ? TILE_MAX : 1 + unit_random(TILE_MAX);
    add(t, t * TILE_MAX, count);
  } else if (tile[t]->free == tile[t]->count) {
    drop(t);
  }
}

static void check_all(void)
{
  Count free = 0;

  EXPECT(runs_check(&runs));
  for (Index i = 0; i < SPACE; ++i)
    free += state[i] == 1;
  EXPECT(runs.free == free);
}

/* COVERS(".runs.req.find") */
START_TEST(random_work)
{
  begin();
  for (Count step = 0; step < 60000; ++step) {
    switch (unit_random(8)) {
    case 0:
      change_tiles();
      break;
    case 1:
    case 2:
      use_near();
      break;
    case 3:
    case 4:
      use_found(random_count());
      break;
    default:
      free_some();
    }
    if (step % 100 == 0) {
      check_all();
      expect_find(random_count(), ways[unit_random(4)]);
    }
  }
  end();
}
END_TEST

static Count visited;

static void visit(void *p, Addr base, Addr limit)
{
  EXPECT(p == &visited);
  for (Index i = index_of(base); i < index_of(limit); ++i)
    EXPECT(state[i] == 1);
  visited += index_of(limit) - index_of(base);
}

/* The longest run is found, and each free granule is visited. */
START_TEST(longest_and_each)
{
  for (Count round = 0; round < 200; ++round) {
    RunTile *at;
    Addr base;
    Size size = 0;
    Count longest = 0;

    begin();
    for (Index t = 0; t < TILES; ++t)
      change_tiles();
    for (Count n = 0; n < 300; ++n)
      if (unit_random(2) == 0)
        use_found(1 + unit_random(200));
      else
        free_some();
    for (Index i = 0; i < SPACE; i += run_at(i) + 1)
      if (run_at(i) > longest)
        longest = run_at(i);
    EXPECT(runs_find_longest(&at, &base, &size, &runs) == (longest > 0));
    EXPECT(size == longest * GRANULE);
    EXPECT(longest == 0 || run_at(index_of(base)) == longest);
    visited = 0;
    runs_each(&runs, visit, &visited);
    EXPECT(visited == runs.free);
    end();
  }
}
END_TEST

/* What isn't memory of ours is neither used nor free. */
START_TEST(outside)
{
  begin();
  add(0, 0, 10);
  add(1, 10, 10);
  add(2, 21, 10);
  EXPECT(runs_is_free(&runs, tile[0], addr_of(0), 20 * GRANULE));
  EXPECT(!runs_is_free(&runs, tile[0], addr_of(0), 21 * GRANULE));
  EXPECT(!runs_is_free(&runs, tile[2], addr_of(30), 2 * GRANULE));
  EXPECT(!runs_is_used(&runs, tile[2], addr_of(30), 2 * GRANULE));
  runs_use(&runs, tile[0], addr_of(5), 15 * GRANULE);
  EXPECT(runs_is_used(&runs, tile[0], addr_of(5), 15 * GRANULE));
  EXPECT(!runs_is_used(&runs, tile[0], addr_of(5), 16 * GRANULE));
  EXPECT(!runs_is_used(&runs, tile[0], addr_of(4), 2 * GRANULE));
  EXPECT(runs_tile(&runs, addr_of(20)) == NULL);
  end();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("freeruns");

  unit_seed("freeruns");
  unit_add(suite, "small", every_small_state);
  unit_add(suite, "random", random_work);
  unit_add(suite, "longest", longest_and_each);
  unit_add(suite, "outside", outside);
  return unit_run(suite);
}
