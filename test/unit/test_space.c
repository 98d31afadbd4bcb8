/* test_space.c -- address space against an array of owners
 *
 * Every grain of the chunks has an owner in the model, or none.  Runs are
 * looked for in the model by brute force, so that the place of each one is
 * known beforehand, and everything that the space says about a grain is
 * compared after each step.
 */

#include "arena/space.h"
#include "base/bits.h"
#include "unit.h"

#include <string.h>

#define KIB ((Size)1 << 10)
#define MIB ((Size)1 << 20)

enum {
  GRAINS_MAX = 1 << 17,
  RUNS_MAX = 64,
  OVERHEAD = 12345
};

typedef struct Run {
  Index first;
  Count count; /* zero while there is none */
  unsigned char kind;
} Run;

typedef struct Range {
  Addr base;
  Size size;
} Range;

static Space space;
static Range range[SPACE_CHUNKS_MAX]; /* chunks, by what the hooks said */
static Count ranges;
static Count calls;
static Run run[RUNS_MAX];
static unsigned char owner[GRAINS_MAX]; /* a run's index and one, or zero */


/* The hooks: what comes must go, and nothing overlaps. */

static void extended(void *closure, void *base, size_t size)
{
  Range it = {(Addr)base, size};

  ck_assert_ptr_eq(closure, &space);
  ck_assert_uint_lt(ranges, SPACE_CHUNKS_MAX);
  for (Index i = 0; i < ranges; ++i)
    ck_assert(addr_add(it.base, size) <= range[i].base
              || addr_add(range[i].base, range[i].size) <= it.base);
  range[ranges++] = it;
  ++calls;
}

static void contracted(void *closure, void *base, size_t size)
{
  Index i = 0;

  ck_assert_ptr_eq(closure, &space);
  while (i < ranges && range[i].base != base)
    ++i;
  ck_assert_uint_lt(i, ranges);
  ck_assert_uint_eq(range[i].size, size);
  range[i] = range[--ranges];
  ++calls;
}

static SpaceParams params_of(Size size, Size grain)
{
  return (SpaceParams){
      .size = size,
      .grain = grain,
      .commit_limit = SIZE_MAX,
      .overhead = OVERHEAD,
      .spare = 0.5,
      .extended = extended,
      .contracted = contracted,
      .closure = &space,
  };
}

static void start(Size size, Size grain)
{
  SpaceParams params = params_of(size, grain);

  ranges = 0;
  memset(run, 0, sizeof run);
  memset(owner, 0, sizeof owner);
  ck_assert_int_eq(space_init(&space, &params), MPS_RES_OK);
  ck_assert_uint_eq(ranges, 1);
}

static void finish(void)
{
  space_finish(&space);
  ck_assert_uint_eq(ranges, 0);
}

static Addr grain_at(Index grain)
{
  return addr_add(space.base, grain << space.shift);
}

static Addr take(Count grains, SpaceEnd end)
{
  Addr base = NULL;

  ck_assert_int_eq(space_alloc(&base, &space, grains, end), MPS_RES_OK);
  return base;
}


/* What always holds.  The sizes are counted again from the bits
 * (.space.inv.count), and bounded as promised (.space.inv.limit). */

static void check_sizes(void)
{
  Count used = 0;
  Count dirty = 0;
  Size reserved = 0;

  EXPECT(space_check(&space));
  EXPECT(space.chunk_count == ranges);
  for (Index i = 0; i < ranges; ++i) {
    Index first = space_index(&space, range[i].base);
    Index limit = first + (range[i].size >> space.shift);

    used += bits_count_range(space.used, first, limit);
    dirty += bits_count_range(space.dirty, first, limit);
    for (Index g = first; g < limit; ++g)
      EXPECT(!bits_get(space.used, g) || bits_get(space.dirty, g));
    reserved += range[i].size;
  }
  EXPECT(space.used_size == used << space.shift);
  EXPECT(space.spare_size == (dirty - used) << space.shift);
  EXPECT(space.reserved == reserved);
  EXPECT(space.spare_size <= space_committed(&space));
  EXPECT(space_committed(&space) <= space.commit_limit);
  EXPECT(space_committed(&space) - OVERHEAD <= space.reserved);
}

/* The map names the owner of each grain, and nobody for a free one
 * (.space.map). */

static void check_map(void)
{
  Count used = 0;

  for (Index i = 0; i < ranges; ++i) {
    Index first = space_index(&space, range[i].base);

    for (Index g = first; g < first + (range[i].size >> space.shift); ++g) {
      const Run *it = owner[g] == 0 ? NULL : &run[owner[g] - 1];

      EXPECT(bits_get(space.used, g) == (it != NULL));
      EXPECT(space_has_addr(&space, grain_at(g)) == (it != NULL));
      EXPECT(space_has_addr(&space, addr_sub(grain_at(g + 1), 1))
             == (it != NULL));
      EXPECT(space.kind[g] == (it == NULL ? KIND_NONE : it->kind));
      EXPECT(space_seg(&space, grain_at(g)) == (const struct Seg *)it);
      EXPECT(it == NULL || *(Index *)grain_at(g) == g);
      used += it != NULL;
    }
  }
  EXPECT(space.used_size == used << space.shift);
}


/* Where the model expects a run: the first chunk by address that has room,
 * and in it the lowest or the highest place.  A run that fits into a unit
 * lies in one; a longer one takes whole units (.space.unit, .space.ends). */

static bool model_is_free(Index first, Count count)
{
  for (Index g = first; g < first + count; ++g)
    if (owner[g] != 0)
      return false;
  return true;
}

static bool model_fits(const Range *chunk, Index g, Count count)
{
  Count unit = space.unit_grains;
  Index limit
      = space_index(&space, chunk->base) + (chunk->size >> space.shift);

  if (count <= unit)
    return g + count <= limit && g / unit == (g + count - 1) / unit
           && model_is_free(g, count);
  count = (count + unit - 1) / unit * unit;
  return g % unit == 0 && g + count <= limit && model_is_free(g, count);
}

static bool model_find_in(Index *grain_out, const Range *chunk, Count count,
                          SpaceEnd end)
{
  Index first = space_index(&space, chunk->base);
  Count grains = chunk->size >> space.shift;

  for (Index i = 0; i < grains; ++i) {
    Index g = end == SPACE_LOW ? first + i : first + grains - 1 - i;

    if (model_fits(chunk, g, count)) {
      *grain_out = g;
      return true;
    }
  }
  return false;
}

static bool model_find(Index *grain_out, Count count, SpaceEnd end)
{
  Addr last = NULL;

  for (Index n = 0; n < ranges; ++n) {
    const Range *next = NULL;

    for (Index i = 0; i < ranges; ++i)
      if (range[i].base > last && (next == NULL || range[i].base < next->base))
        next = &range[i];
    if (model_find_in(grain_out, next, count, end))
      return true;
    last = next->base;
  }
  return false;
}


/* Random steps */

static void step_alloc(Index i, Count count)
{
  SpaceEnd end = unit_random(2) == 0 ? SPACE_LOW : SPACE_HIGH;
  bool is_allowed = count << space.shift
                    <= space.commit_limit - OVERHEAD - space.used_size;
  Index expected = 0;
  bool has_room = model_find(&expected, count, end);
  Count before = ranges;
  Addr base = NULL;
  Res res = space_alloc(&base, &space, count, end);

  EXPECT(res == (is_allowed ? MPS_RES_OK : MPS_RES_COMMIT_LIMIT));
  if (!is_allowed)
    return;
  EXPECT(ranges == before + !has_room);
  if (!has_room)
    EXPECT(model_find(&expected, count, end));
  EXPECT(base == grain_at(expected));
  EXPECT(expected + count <= GRAINS_MAX);
  run[i] = (Run){expected, count, (unsigned char)(1 + unit_random(62))};
  space_map_seg(&space, base, grain_at(expected + count),
                (struct Seg *)&run[i], 7);
  space_map_kind(&space, base, grain_at(expected + count), run[i].kind);
  for (Index g = expected; g < expected + count; ++g) {
    owner[g] = (unsigned char)(i + 1);
    *(Index *)grain_at(g) = g;
  }
}

/* A run is given back at once, or an end of it, as segments shrink. */

static void step_free(Index i)
{
  Run *it = &run[i];
  Count count = unit_random(3) > 0 ? it->count : 1 + unit_random(it->count);
  bool is_high = unit_random(2) == 0;
  Index first = is_high ? it->first + it->count - count : it->first;

  space_free(&space, grain_at(first), count);
  memset(&owner[first], 0, count);
  it->count -= count;
  it->first += is_high ? 0 : count;
}

static void step_trim(void)
{
  static const double fraction[] = {0.0, 0.1, 0.5, 0.75, 1.0};
  Size keep = unit_random(2) * unit_random(8 * MIB);
  Size before = space.spare_size;
  double allowed;

  space.spare = fraction[unit_random(5)];
  allowed = space.spare * (double)space_committed(&space)
            + (space.spare > 0.0 ? (double)keep : 0.0);
  (void)space_trim(&space, keep, SIZE_MAX);
  allowed -= space.spare * (double)(before - space.spare_size);
  /* What stays is allowed to, but for rounding (.space.keep); and what was
   * allowed to stay did, but for the rest of a unit. */
  EXPECT((double)space.spare_size <= allowed + (double)space.grain);
  if ((double)before <= allowed)
    EXPECT(space.spare_size == before);
  else if (space.spare < 1.0)
    EXPECT((double)space.spare_size
           >= allowed - (double)(space.grain + space.unit));
}

static void step_limit(void)
{
  Size least = OVERHEAD + space.used_size;
  Size before = space.commit_limit;
  Size spare = space.spare_size;
  Size limit = least - OVERHEAD / 2 + unit_random(space.used_size + 4 * MIB);
  Res res = space_set_limit(&space, limit);

  EXPECT(res == (limit < least ? MPS_RES_FAIL : MPS_RES_OK));
  EXPECT(space.commit_limit == (res == MPS_RES_OK ? limit : before));
  if (res != MPS_RES_OK || OVERHEAD + space.used_size + spare <= limit)
    EXPECT(space.spare_size == spare);
  if (unit_random(3) > 0)
    EXPECT(space_set_limit(&space, SIZE_MAX) == MPS_RES_OK);
}

static void step(Count longest)
{
  Index i = unit_random(RUNS_MAX);

  switch (unit_random(8)) {
  case 0:
    step_trim();
    break;
  case 1:
    if (unit_random(4) == 0)
      step_limit();
    break;
  case 2:
    space_purge(&space, unit_random(4 * MIB));
    break;
  default:
    if (run[i].count != 0)
      step_free(i);
    else if (unit_random(8) == 0)
      step_alloc(i, 1 + unit_random(longest));
    else
      step_alloc(i, 1 + unit_random(size_min(longest, 20)));
  }
}

/* .space.map .space.unit .space.ends .space.inv.count .space.inv.limit
 * _i is log2 of the grain. */
START_TEST(test_random)
{
  Size grain = (Size)1 << _i;
  Count longest = size_max(3, 5 * MIB >> _i);
  Count steps = _i < 15 ? 1500 : 4000;

  unit_seed("random");
  start(3 * MIB, grain);
  for (Index i = 0; i < steps; ++i) {
    step(longest);
    if (i % 16 == 0) {
      check_sizes();
      check_map();
    }
  }
  for (Index i = 0; i < RUNS_MAX; ++i)
    if (run[i].count != 0)
      space_free(&space, grain_at(run[i].first), run[i].count);
  memset(owner, 0, sizeof owner);
  check_map();
  space.spare = 0.0;
  (void)space_trim(&space, 0, SIZE_MAX);
  check_sizes();
  ck_assert_uint_eq(space_committed(&space), OVERHEAD);
  ck_assert_uint_eq(ranges, 1); /* the first one stays */
  finish();
}
END_TEST


/* The same with given numbers */

/* What the grain size makes of the unit, and of the first chunk. */
START_TEST(test_geometry)
{
  for (Shift shift = 12; shift <= 22; ++shift) {
    Size grain = (Size)1 << shift;

    start(1, grain);
    ck_assert_uint_eq(space.unit, size_max(2 * MIB, grain));
    ck_assert_uint_eq(space.unit_grains << shift, space.unit);
    ck_assert(addr_is_aligned(space.base, size_log2(space.unit)));
    ck_assert_uint_eq(space.reserved, size_max(2 * MIB, 64 * grain));
    ck_assert_uint_eq(space_to_grains(&space, 1), 1);
    ck_assert_uint_eq(space_to_grains(&space, grain), 1);
    ck_assert_uint_eq(space_to_grains(&space, grain + 1), 2);
    ck_assert_uint_eq(space_to_grains(&space, SIZE_MAX),
                      (SIZE_MAX >> shift) + 1);
    finish();
  }
}
END_TEST

/* Addresses elsewhere belong to nobody. */
START_TEST(test_elsewhere)
{
  start(2 * MIB, 4 * KIB);
  ck_assert(!space_has_addr(&space, NULL));
  ck_assert(!space_has_addr(&space, (Addr)&space));
  ck_assert(!space_has_addr(&space, addr_sub(space.base, 1)));
  ck_assert(!space_has_addr(&space, space.base));
  ck_assert(!space_has_addr(&space, addr_add(space.base, space.span)));
  ck_assert(!space_has_addr(&space, (Addr)WORD_ONES));
  ck_assert_ptr_null(space_seg(&space, NULL));
  ck_assert_ptr_null(space_seg(&space, addr_sub(space.base, 1)));
  ck_assert_ptr_null(space_seg(&space, addr_add(space.base, space.span)));
  finish();
}
END_TEST

/* .space.ends: the two ends meet only when the chunk is full. */
START_TEST(test_ends)
{
  Count half = 2 * MIB / (4 * KIB);
  Addr low = NULL;
  Addr high = NULL;

  start(4 * MIB, 4 * KIB);
  for (Index i = 0; i < half; ++i) {
    low = take(1, SPACE_LOW);
    high = take(1, SPACE_HIGH);
    ck_assert(low == grain_at(i));
    ck_assert(high == grain_at(2 * half - 1 - i));
  }
  ck_assert(addr_add(low, 4 * KIB) == high);
  ck_assert_uint_eq(ranges, 1);
  (void)take(1, SPACE_LOW);
  ck_assert_uint_eq(ranges, 2);
  finish();
}
END_TEST

/* Limits: by one byte too little, and with everything but spare memory in
 * the way. */
START_TEST(test_commit_limit)
{
  SpaceParams params = params_of(2 * MIB, 4 * KIB);
  Addr base = NULL;
  Addr a;

  params.commit_limit = OVERHEAD - 1;
  ck_assert_int_eq(space_init(&space, &params), MPS_RES_COMMIT_LIMIT);
  ck_assert_uint_eq(ranges, 0);
  params.commit_limit = OVERHEAD + 64 * KIB;
  ck_assert_int_eq(space_init(&space, &params), MPS_RES_OK);
  ck_assert_int_eq(space_alloc(&base, &space, 17, SPACE_LOW),
                   MPS_RES_COMMIT_LIMIT);
  a = take(16, SPACE_LOW);
  ck_assert_int_eq(space_alloc(&base, &space, 1, SPACE_LOW),
                   MPS_RES_COMMIT_LIMIT);
  ck_assert_ptr_null(base);
  ck_assert_int_eq(space_set_limit(&space, OVERHEAD + 64 * KIB - 1),
                   MPS_RES_FAIL);
  ck_assert_uint_eq(space.commit_limit, OVERHEAD + 64 * KIB);
  space_free(&space, a, 16);
  ck_assert_uint_eq(space.spare_size, 64 * KIB);
  /* At the other end: the spare memory goes for its sake. */
  a = take(16, SPACE_HIGH);
  ck_assert_uint_eq(space.spare_size, 0);
  ck_assert_uint_eq(space_committed(&space), space.commit_limit);
  space_free(&space, a, 16);
  ck_assert_int_eq(space_set_limit(&space, OVERHEAD), MPS_RES_OK);
  ck_assert_uint_eq(space.spare_size, 0);
  ck_assert_int_eq(space_alloc(&base, &space, SIZE_MAX / 8, SPACE_LOW),
                   MPS_RES_RESOURCE);
  check_sizes();
  finish();
}
END_TEST

/* A run that is partly in memory needs only the rest.  Half of the limit
 * is spare and lies inside the run, so that it can't be purged. */
START_TEST(test_partly_spare)
{
  Addr a;
  Addr b;

  start(2 * MIB, 4 * KIB);
  a = take(8, SPACE_LOW);
  *(Word *)a = 42;
  space_free(&space, a, 8);
  ck_assert_int_eq(space_set_limit(&space, OVERHEAD + 64 * KIB), MPS_RES_OK);
  b = take(16, SPACE_LOW);
  ck_assert_ptr_eq(a, b);
  ck_assert_uint_eq(space.spare_size, 0);
  ck_assert_uint_eq(*(Word *)b, 42); /* it never left */
  check_sizes();
  finish();
}
END_TEST

/* .space.keep: with a fraction above zero the caller's bytes stay too. */
START_TEST(test_trim)
{
  Addr a;
  Addr b;

  start(16 * MIB, 4 * KIB);
  a = take(2048, SPACE_LOW);
  b = take(2048, SPACE_LOW);
  space_free(&space, b, 2048);
  space.spare = 1.0;
  (void)space_trim(&space, 0, SIZE_MAX);
  ck_assert_uint_eq(space.spare_size, 8 * MIB);
  space.spare = 0.25;
  (void)space_trim(&space, 8 * MIB, SIZE_MAX);
  ck_assert_uint_eq(space.spare_size, 8 * MIB);
  (void)space_trim(&space, 0, SIZE_MAX);
  ck_assert_uint_le(space.spare_size * 4, space_committed(&space));
  ck_assert_uint_gt(space.spare_size, 0);
  space.spare = 0.0;
  (void)space_trim(&space, 8 * MIB, SIZE_MAX);
  ck_assert_uint_eq(space.spare_size, 0);
  space_free(&space, a, 2048);
  space_purge(&space, 1);
  ck_assert_uint_eq(space.spare_size, 6 * MIB); /* whole units */
  space_purge(&space, SIZE_MAX);
  ck_assert_uint_eq(space.spare_size, 0);
  check_sizes();
  finish();
}
END_TEST

/* What was given back and comes again reads as zero: it did leave. */
START_TEST(test_purge_is_real)
{
  Addr a;

  start(2 * MIB, 4 * KIB);
  a = take(3, SPACE_LOW);
  memset(a, 0xA5, 12 * KIB);
  space_free(&space, addr_add(a, 4 * KIB), 1);
  space_purge(&space, 1);
  ck_assert(take(1, SPACE_LOW) == addr_add(a, 4 * KIB));
  ck_assert_uint_eq(*(Word *)addr_add(a, 4 * KIB), 0);
  ck_assert_uint_eq(*(Word *)addr_add(a, 4 * KIB - sizeof(Word)),
                    WORD_ONES / 255 * 0xA5);
  ck_assert_uint_eq(*(Word *)addr_add(a, 8 * KIB), WORD_ONES / 255 * 0xA5);
  finish();
}
END_TEST

/* Chunks grow with the space, go when they are clean, and their places are
 * used again. */
START_TEST(test_chunks)
{
  Addr a;
  Addr b;
  Addr c;

  start(2 * MIB, 4 * KIB);
  a = take(512, SPACE_LOW);
  b = take(512 * 8, SPACE_LOW); /* longer than a chunk would be */
  ck_assert_uint_eq(ranges, 2);
  ck_assert_uint_eq(space.reserved, 18 * MIB);
  c = take(512, SPACE_LOW);
  ck_assert_uint_eq(ranges, 3);
  ck_assert_uint_eq(space.reserved, 22 * MIB); /* by a quarter */
  space_free(&space, b, 512 * 8);
  space.spare = 0.0;
  (void)space_trim(&space, 0, SIZE_MAX);
  ck_assert_uint_eq(ranges, 2);
  ck_assert_uint_eq(space.reserved, 6 * MIB);
  ck_assert(!space_has_addr(&space, b));
  ck_assert(take(512 * 3, SPACE_LOW) == b); /* its place */
  space_free(&space, a, 512);
  (void)space_trim(&space, 0, SIZE_MAX);
  ck_assert_uint_eq(ranges, 3); /* the first one stays */
  check_sizes();
  space_free(&space, c, 512);
  finish();
}
END_TEST

/* .space.huge: beyond a certain size units come whole, where the limit and
 * the spare fraction leave room for that. */
START_TEST(test_huge)
{
  Size big = 96 * MIB;
  Addr a;

  start(4 * MIB, 4 * KIB);
  space.spare = 0.25;
  (void)take(big >> 12, SPACE_LOW);
  ck_assert_uint_eq(space.spare_size, 0);
  space_note_live(&space);
  a = take(1, SPACE_LOW);
  ck_assert_uint_eq(space.spare_size, 2 * MIB - 4 * KIB);
  *(Word *)a = 1;
  check_sizes();
  space_free(&space, a, 1);
  space_purge(&space, SIZE_MAX);
  ck_assert_uint_eq(space.spare_size, 0);
  /* There is room for the grain, but not for the unit. */
  ck_assert_int_eq(space_set_limit(&space, OVERHEAD + big + MIB), MPS_RES_OK);
  a = take(1, SPACE_LOW);
  ck_assert_uint_eq(space.spare_size, 0);
  check_sizes();
  space_free(&space, a, 1);
  space_purge(&space, SIZE_MAX);
  ck_assert_int_eq(space_set_limit(&space, SIZE_MAX), MPS_RES_OK);
  space.spare = 0.2;
  (void)take(1, SPACE_LOW);
  ck_assert_uint_eq(space.spare_size, 0);
  check_sizes();
  finish();
}
END_TEST

/* Memory is lent in pieces that are cut anywhere and come in any order: all
 * whole grains of a piece can be had, and nothing else.
 * COVERS(".space.lent") COVERS(".space.lent.unit") */
enum {
  PIECES = 12,
  LENT = 4 * 1024 * 1024
};

/* At the border of a unit, so that it's known where the others are. */
static _Alignas(256 * 1024) char lent[LENT];

static Addr lent_at(Size offset)
{
  return (Addr)(void *)(lent + offset);
}

static void cut(Size cuts[PIECES + 1])
{
  cuts[0] = 0;
  for (Index i = 1; i < PIECES; ++i)
    cuts[i] = cuts[i - 1] + unit_random(2 * LENT / PIECES);
  cuts[PIECES] = LENT;
  for (Index i = PIECES; i-- > 0;)
    cuts[i] = size_min(cuts[i], cuts[i + 1]);
}

static bool is_in_a_piece(const Size cuts[PIECES + 1], Addr base)
{
  for (Index i = 0; i < PIECES; ++i)
    if (base >= lent_at(cuts[i])
        && addr_add(base, 4 * KIB) <= lent_at(cuts[i + 1]))
      return true;
  return false;
}

START_TEST(test_lent)
{
  Size cuts[PIECES + 1];
  Index order[PIECES];
  Index whole = 0; /* a piece that is large enough to begin with */
  SpaceParams params = params_of(0, 4 * KIB);
  Size reserved = 0;
  Addr base;

  unit_random_state += (uint64_t)_i;
  do
    cut(cuts);
  while (cuts[whole + 1] - cuts[whole] < 300 * KIB);
  for (Index i = 0; i < PIECES; ++i)
    order[i] = i;
  for (Index i = PIECES - 1; i > 1; --i) {
    Index j = 1 + unit_random(i);
    Index swap = order[i];

    order[i] = order[j];
    order[j] = swap;
  }
  ranges = 0;
  params.overhead = 0;
  params.lent = lent_at(cuts[0]);
  params.size = cuts[1];
  ck_assert_int_eq(space_init(&space, &params), MPS_RES_OK);
  ck_assert_uint_eq(ranges, 0); /* the client knows */
  for (Index i = 1; i < PIECES; ++i) {
    Addr from = lent_at(cuts[order[i]]);
    Size size = cuts[order[i] + 1] - cuts[order[i]];
    Res res = size > 0 ? space_lend(&space, from, size) : MPS_RES_MEMORY;
    bool has_grain = addr_add(addr_round_up(from, 4 * KIB), 4 * KIB)
                     <= addr_add(from, size);

    ck_assert_int_eq(res, has_grain ? MPS_RES_OK : MPS_RES_MEMORY);
    if (has_grain)
      ck_assert_int_eq(space_lend(&space, from, size), MPS_RES_PARAM);
  }
  while (space_alloc(&base, &space, 1, unit_random(2) ? SPACE_LOW : SPACE_HIGH)
         == MPS_RES_OK) {
    ck_assert(is_in_a_piece(cuts, base));
    ck_assert(space_has_addr(&space, base));
    memset(base, 1, 4 * KIB);
    reserved += 4 * KIB;
  }
  ck_assert_uint_eq(reserved, space.reserved);
  ck_assert_uint_eq(space_room(&space), 0);
  ck_assert(space_check(&space));
  space_finish(&space);
  memset(lent, 0, sizeof lent); /* nothing of it went away */
}
END_TEST

/* A run that only fits over the borders of units. */
START_TEST(test_lent_across)
{
  SpaceParams params = params_of(LENT - 20 * KIB, 4 * KIB);
  Addr first = lent_at(20 * KIB);
  Count all = addr_diff(first, lent_at(LENT)) >> 12;
  Addr base;

  params.lent = first;
  params.overhead = 0;
  ck_assert_int_eq(space_init(&space, &params), MPS_RES_OK);
  base = take(all, SPACE_LOW);
  ck_assert(base == first);
  space_free(&space, base, all);
  base = take(all, SPACE_HIGH);
  ck_assert(base == first);
  space_free(&space, base, all);
  base = take(3, SPACE_LOW);
  ck_assert(take(all - 3, SPACE_LOW) == addr_add(base, 12 * KIB));
  ck_assert_int_eq(space_alloc(&base, &space, 1, SPACE_LOW), MPS_RES_RESOURCE);
  space_finish(&space);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("space");
  TCase *tcase = tcase_create("random");

  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, test_random, 12, 23);
  suite_add_tcase(suite, tcase);
  unit_add(suite, "geometry", test_geometry);
  unit_add(suite, "elsewhere", test_elsewhere);
  unit_add(suite, "ends", test_ends);
  unit_add(suite, "commit-limit", test_commit_limit);
  unit_add(suite, "partly-spare", test_partly_spare);
  unit_add(suite, "trim", test_trim);
  unit_add(suite, "purge", test_purge_is_real);
  unit_add(suite, "chunks", test_chunks);
  unit_add(suite, "huge", test_huge);
  tcase = tcase_create("lent");
  tcase_add_loop_test(tcase, test_lent, 0, 40);
  suite_add_tcase(suite, tcase);
  unit_add(suite, "lent-across", test_lent_across);
  return unit_run(suite);
}
