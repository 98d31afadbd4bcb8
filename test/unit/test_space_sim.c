/* test_space_sim.c -- address space where the system refuses
 *
 * On the simulated platform, which also checks that the space keeps the
 * contract of every call that it makes.
 */

#include "arena/space.h"
#include "plat/plat_sim.h"
#include "unit.h"

#include <string.h>

#define KIB ((Size)1 << 10)
#define MIB ((Size)1 << 20)

enum {
  OVERHEAD = 4096,
  SKIPPED = 9,
  RUNS = 24
};

static Space space;
static Size extent; /* what the hooks say is in chunks */

static void extended(void *closure, void *base, size_t size)
{
  extent += size;
}

static void contracted(void *closure, void *base, size_t size)
{
  extent -= size;
}

static Res start(Size size)
{
  SpaceParams params = {
      .size = size,
      .grain = 4 * KIB,
      .commit_limit = SIZE_MAX,
      .overhead = OVERHEAD,
      .spare = 0.5,
      .extended = extended,
      .contracted = contracted,
  };

  extent = 0;
  return space_init(&space, &params);
}

static void check_empty(void)
{
  ck_assert_uint_eq(extent, 0);
  ck_assert_uint_eq(plat_sim.reservations, 0);
  ck_assert_uint_eq(plat_sim.mapped, 0);
}

/* Refuse the first count steps of the ladder, by one call or the other.
 * The longest spans are always refused by the first, as it takes long to
 * simulate so many pages. */

static void refuse(PlatSimCall call, Count count)
{
  plat_sim_fail(PLAT_SIM_RESERVE, 1, SKIPPED);
  if (count > SKIPPED)
    plat_sim_fail(call, 1, call == PLAT_SIM_RESERVE ? count : count - SKIPPED);
}

/* .space.ladder: each refusal halves the span, down to what the client
 * needs; the answer may be no to either part, and then neither is kept.
 * _i says which part. */
START_TEST(test_ladder)
{
  PlatSimCall call = _i == 0 ? PLAT_SIM_RESERVE : PLAT_SIM_RESERVE_TABLE;
  Size span = 0;
  Count k;

  for (k = SKIPPED; span != 6 * MIB; ++k) {
    Size expected = size_max(size_round_down(span / 2, 2 * MIB), 6 * MIB);

    plat_sim_reset();
    refuse(call, k);
    ck_assert_int_eq(start(6 * MIB), MPS_RES_OK);
    ck_assert_uint_eq(plat_sim.refused, k);
    ck_assert_uint_eq(plat_sim.reservations, 2);
    if (span != 0)
      ck_assert_uint_eq(space.span, expected);
    span = space.span;
    ck_assert_uint_eq(space.grains << space.shift, span);
    space_finish(&space);
    check_empty();
  }
  ck_assert_uint_gt(k, SKIPPED + 6);
  plat_sim_reset();
  refuse(call, k);
  ck_assert_int_eq(start(6 * MIB), MPS_RES_RESOURCE);
  ck_assert_uint_eq(plat_sim.refused, k);
  check_empty();
}
END_TEST

/* A span that is no longer than the first chunk can't grow. */
START_TEST(test_full)
{
  Addr base = NULL;

  plat_sim_reset();
  plat_sim_fail(PLAT_SIM_RESERVE, 1, 19);
  ck_assert_int_eq(start(2 * MIB), MPS_RES_OK);
  ck_assert_uint_eq(space.span, 2 * MIB);
  ck_assert_int_eq(space_alloc(&base, &space, 513, SPACE_LOW),
                   MPS_RES_RESOURCE);
  ck_assert_int_eq(space_alloc(&base, &space, 512, SPACE_LOW), MPS_RES_OK);
  ck_assert_int_eq(space_alloc(&base, &space, 1, SPACE_HIGH),
                   MPS_RES_RESOURCE);
  space_finish(&space);
  check_empty();
}
END_TEST

/* What is asked for is more than there are addresses. */
START_TEST(test_absurd_size)
{
  plat_sim_reset();
  ck_assert_int_eq(start(SIZE_MAX), MPS_RES_RESOURCE);
  ck_assert_int_eq(start(SIZE_MAX / 2), MPS_RES_RESOURCE);
  ck_assert_int_eq(start(SIZE_MAX / 4), MPS_RES_RESOURCE);
  check_empty();
}
END_TEST

/* A program of random steps.  The result is how often it was refused. */
static Count program(void)
{
  Addr base[RUNS] = {NULL};
  Count grains[RUNS] = {0};
  Count refused = 0;

  for (Index step = 0; step < 200; ++step) {
    Index i = unit_random(RUNS);

    if (base[i] != NULL) {
      space_free(&space, base[i], grains[i]);
      base[i] = NULL;
    } else {
      Size used = space.used_size;
      Res res;

      grains[i] = 1 + unit_random(unit_random(4) == 0 ? 1500 : 12);
      res = space_alloc(&base[i], &space, grains[i],
                        unit_random(2) == 0 ? SPACE_LOW : SPACE_HIGH);
      EXPECT(res == MPS_RES_OK || res == MPS_RES_MEMORY);
      refused += res != MPS_RES_OK;
      EXPECT(space.used_size
             == used + (res == MPS_RES_OK ? grains[i] * 4 * KIB : 0));
      if (res == MPS_RES_OK) /* writable from end to end */
        for (Index g = 0; g < grains[i]; ++g)
          *(Word *)addr_add(base[i], g * 4 * KIB) = g;
      else
        base[i] = NULL;
    }
    if (unit_random(8) == 0)
      (void)space_trim(&space, 0, SIZE_MAX);
    EXPECT(space_check(&space));
    EXPECT(space_committed(&space) - OVERHEAD <= plat_sim.mapped);
    EXPECT(space.reserved == extent);
  }
  return refused;
}

/* .space.inv.count: the k-th map is refused, for each k.  The program goes
 * on, and when the system agrees again it has its memory. */
START_TEST(test_sweep)
{
  Count k = 1;

  unit_seed("sweep");
  for (;; ++k) {
    Count refused;

    unit_random_state = k;
    plat_sim_reset();
    plat_sim_fail(PLAT_SIM_RESERVE, 1, SKIPPED);
    ck_assert_int_eq(start(2 * MIB), MPS_RES_OK);
    plat_sim_fail(PLAT_SIM_MAP, k, 1 + k % 5);
    refused = program();
    ck_assert_uint_eq(refused, plat_sim.refused - SKIPPED);
    space_finish(&space);
    check_empty();
    if (refused == 0)
      break;
  }
  ck_assert_uint_gt(k, 8);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("space on the simulated platform");
  TCase *ladder = tcase_create("ladder");

  tcase_set_timeout(ladder, 60);
  tcase_add_loop_test(ladder, test_ladder, 0, 2);
  suite_add_tcase(suite, ladder);
  unit_add(suite, "full", test_full);
  unit_add(suite, "absurd", test_absurd_size);
  unit_add(suite, "sweep", test_sweep);
  return unit_run(suite);
}
