/* test_ctl.c -- the control allocator
 *
 * Blocks of all sizes are held at once, filled with their own pattern, and
 * freed in any order; a block that overlaps another or lies where it
 * mustn't shows.
 */

#include "arena/ctl.h"
#include "unit.h"

#include <signal.h>
#include <string.h>

enum {
  GRAIN = 4096,
  BLOCKS = 400,
  OVERHEAD = 4096
};

static Space space;
static Ctl ctl;
static unsigned char *block[BLOCKS];
static Size size_of[BLOCKS];

static void no_hook(void *closure, void *base, size_t size)
{
}

static void start(void)
{
  SpaceParams params = {
      .size = (Size)4 << 20,
      .grain = GRAIN,
      .commit_limit = SIZE_MAX,
      .overhead = OVERHEAD,
      .spare = 0.0,
      .extended = no_hook,
      .contracted = no_hook,
  };

  ck_assert_int_eq(space_init(&space, &params), MPS_RES_OK);
  ctl_init(&ctl, &space);
}

/* All memory is the space's again. */
static void finish(void)
{
  ctl_finish(&ctl);
  ck_assert_uint_eq(space.used_size, 0);
  space_finish(&space);
}

static void check_block(Index i)
{
  for (Index j = 0; j < size_of[i]; ++j)
    EXPECT(block[i][j] == (unsigned char)(i + 1));
}

static void take(Index i, Size size)
{
  Size before = ctl.in_use;

  EXPECT(ctl_alloc(&block[i], &ctl, size) == MPS_RES_OK);
  EXPECT((Word)block[i] % CTL_STEP == 0);
  if (size % CTL_LINE == 0)
    EXPECT((Word)block[i] % CTL_LINE == 0);
  EXPECT(space_has_addr(&space, (Addr)block[i]));
  EXPECT(ctl.in_use == before + size);
  size_of[i] = size;
  memset(block[i], (int)(i + 1) & 0xFF, size);
}

static void give(Index i)
{
  Size before = ctl.in_use;
  Size committed = space_committed(&space);

  check_block(i);
  ctl_free(&ctl, block[i], size_of[i]);
  EXPECT(ctl.in_use == before - size_of[i]);
  EXPECT(space_committed(&space) <= committed); /* takes no memory */
  block[i] = NULL;
}

/* Every small size, and the sizes around the largest small one and around
 * whole grains. */
START_TEST(test_sizes)
{
  static const Size large[]
      = {CTL_SMALL_MAX + 1, GRAIN - 1, GRAIN, GRAIN + 1, 5 * GRAIN, 1u << 20};

  start();
  for (Size size = 1; size <= CTL_SMALL_MAX; ++size) {
    take(0, size);
    take(1, size);
    check_block(0);
    give(0);
    give(1);
  }
  for (Index i = 0; i < sizeof large / sizeof large[0]; ++i)
    take(i, large[i]);
  for (Index i = 0; i < sizeof large / sizeof large[0]; ++i)
    give(i);
  finish();
}
END_TEST

/* A small block that was freed is the next of its class, so that a program
 * in balance takes nothing more. */
START_TEST(test_reuse)
{
  Size committed;

  start();
  take(0, 100);
  committed = space_committed(&space);
  for (Index i = 0; i < 10000; ++i) {
    unsigned char *before = block[0];

    give(0);
    take(0, 97 + i % 16); /* the same class */
    EXPECT(block[0] == before);
  }
  ck_assert_uint_eq(space_committed(&space), committed);
  give(0);
  finish();
}
END_TEST

START_TEST(test_random)
{
  unit_seed("random");
  start();
  for (Index step = 0; step < 20000; ++step) {
    Index i = unit_random(BLOCKS);

    if (block[i] != NULL)
      give(i);
    else
      take(i, 1 + unit_random(unit_random(16) == 0 ? 20000 : 1200));
  }
  EXPECT(ctl_check(&ctl));
  for (Index i = 0; i < BLOCKS; ++i)
    if (block[i] != NULL)
      give(i);
  ck_assert_uint_eq(ctl.in_use, 0);
  finish();
}
END_TEST

/* At the commit limit the answer is no, nothing changes, and what was freed
 * serves. */
START_TEST(test_limit)
{
  void *other = &other;
  Count held = 0;

  start();
  ck_assert_int_eq(space_set_limit(&space, OVERHEAD + 8 * GRAIN), MPS_RES_OK);
  while (ctl_alloc(&block[held], &ctl, 1000) == MPS_RES_OK) {
    size_of[held] = 1000;
    memset(block[held], (int)held + 1, 1000);
    ++held;
  }
  ck_assert_uint_gt(held, 16);
  ck_assert_uint_eq(ctl.in_use, held * 1000);
  ck_assert_int_eq(ctl_alloc(&other, &ctl, 500), MPS_RES_COMMIT_LIMIT);
  ck_assert_int_eq(ctl_alloc(&other, &ctl, 2000), MPS_RES_COMMIT_LIMIT);
  ck_assert_ptr_eq(other, &other);
  ck_assert_uint_eq(ctl.in_use, held * 1000);
  give(0);
  take(0, 1000);
  while (held > 0)
    give(--held);
  finish();
}
END_TEST

/* .ctl.inv.leak: dies of SIGABRT. */
START_TEST(test_leak)
{
  start();
  take(0, 1);
  ctl_finish(&ctl);
}
END_TEST

/* So does giving back more than there is. */
START_TEST(test_wrong_size)
{
  start();
  take(0, 16);
  ctl_free(&ctl, block[0], 17);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("ctl");
  TCase *dies = tcase_create("dies");

  unit_add(suite, "sizes", test_sizes);
  unit_add(suite, "reuse", test_reuse);
  unit_add(suite, "random", test_random);
  unit_add(suite, "limit", test_limit);
  tcase_add_test_raise_signal(dies, test_leak, SIGABRT);
  tcase_add_test_raise_signal(dies, test_wrong_size, SIGABRT);
  suite_add_tcase(suite, dies);
  return unit_run(suite);
}
