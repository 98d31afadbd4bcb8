/* test_pool.c -- what all pools share */

#include "fake_pool.h"
#include "include/mpscamc.h"
#include "include/mpscams.h"
#include "include/mpscawl.h"
#include "include/mpscblk.h"
#include "include/mpsclo.h"
#include "include/mpscmfs.h"
#include "include/mpscmv2.h"
#include "include/mpscmvff.h"
#include "include/mpscmvt.h"
#include "include/mpscsnc.h"

#include <signal.h>

static const SegClass no_class = {.name = "none"};

/* .pool.inv.complete: in every class there is. */
START_TEST(test_classes)
{
  const PoolClass *class[] = {
      mps_class_amc(), mps_class_amcz(), mps_class_ams(),  mps_class_awl(),
      mps_class_lo(),  mps_class_mfs(),  mps_class_mvff(), mps_class_mvt(),
      mps_class_snc(), mps_class_blk(),  &fake_class,
  };

  for (Index i = 0; i < sizeof class / sizeof class[0]; ++i)
    ck_assert(pool_class_check(class[i]));
}
END_TEST

/* And a class with an empty slot is caught.  _i is the slot's place, in
 * words from the first one. */
START_TEST(test_incomplete)
{
  PoolClass class = fake_class;
  char *slot = (char *)&class.init + (Size)_i * sizeof(void (*)(void));

  memset(slot, 0, sizeof(void (*)(void)));
  (void)pool_class_check(&class);
}
END_TEST

/* A pool counts for its format and its chain while it lives, and is on the
 * arena's list. */
START_TEST(test_lifetime)
{
  mps_arena_t arena = help_arena(4 * MIB);
  mps_fmt_t format = help_format(arena, 32, 0);
  Size in_use = arena->ctl.in_use;
  FakePool *fake;

  fake_seg_class = &no_class;
  fake = fake_create(arena, format, NULL);
  ck_assert(pool_check(&fake->pool));
  ck_assert_uint_eq(format->pools, 1);
  ck_assert_uint_eq(arena->default_chain->pools, 1);
  ck_assert_uint_eq(fake->pool.align, 32);
  ck_assert_uint_eq(ring_length(&arena->pools), 1);
  mps_pool_destroy(&fake->pool);
  ck_assert_uint_eq(format->pools, 0);
  ck_assert_uint_eq(arena->default_chain->pools, 0);
  ck_assert_uint_eq(ring_length(&arena->pools), 0);
  ck_assert_uint_eq(arena->ctl.in_use, in_use);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}
END_TEST

/* A pool that can't be had leaves nothing. */
START_TEST(test_no_memory)
{
  mps_arena_t arena = help_arena(4 * MIB);
  mps_fmt_t format = help_format(arena, 8, 0);
  Size in_use = arena->ctl.in_use;
  Count refused = 0;

  for (Size room = 0; room < 20; ++room) {
    mps_pool_t pool = NULL;

    ck_assert_int_eq(mps_arena_commit_limit_set(
                         arena, mps_arena_committed(arena)
                                    - mps_arena_spare_committed(arena)
                                    + room * 4 * KIB),
                     MPS_RES_OK);
    MPS_ARGS_BEGIN(args)
    {
      mps_res_t res;

      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
      res = mps_pool_create_k(&pool, arena, mps_class_amc(), args);
      ck_assert(res == MPS_RES_OK || res == MPS_RES_COMMIT_LIMIT);
      ck_assert((pool != NULL) == (res == MPS_RES_OK));
    }
    MPS_ARGS_END(args);
    refused += pool == NULL;
    if (pool != NULL)
      mps_pool_destroy(pool);
    ck_assert_uint_eq(arena->ctl.in_use, in_use);
    ck_assert_uint_eq(format->pools, 0);
    ck_assert_uint_eq(arena->default_chain->pools, 0);
  }
  ck_assert_uint_gt(refused, 0);
  ck_assert_uint_lt(refused, 20);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("pool");
  TCase *dies = tcase_create("dies");

  unit_add(suite, "classes", test_classes);
  tcase_add_loop_test_raise_signal(
      dies, test_incomplete, SIGABRT, 0,
      (int)((offsetof(PoolClass, check) - offsetof(PoolClass, init))
            / sizeof(void (*)(void)))
          + 1);
  suite_add_tcase(suite, dies);
  unit_add(suite, "lifetime", test_lifetime);
  unit_add(suite, "memory", test_no_memory);
  return unit_run(suite);
}
