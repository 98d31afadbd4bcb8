/* test_unbuilt_classes.c -- classes that aren't built make nothing
 *
 * A client tries to create a pool of each class of the table.
 */

#include "mps.h"
#include "mpsavm.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"
#include "mpscmvt.h"
#include "mpscsnc.h"

#include "../../code/api/unbuilt.h"
#include "../unit/unit.h"

/* COVERS(".interface.req.unbuilt") */
START_TEST(classes_make_nothing)
{
  mps_arena_t arena = NULL;
  mps_pool_t pool = NULL;

  ck_assert_int_eq(
      mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none),
      MPS_RES_OK);
#define EXPECT_NO_POOL(name) \
  ck_assert_msg(mps_pool_create_k(&pool, arena, name(), mps_args_none) \
                    == MPS_RES_UNIMPL, \
                "%s", #name); \
  ck_assert_ptr_null(pool);
  UNBUILT_POOL_CLASSES(EXPECT_NO_POOL)
  mps_arena_destroy(arena);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("unbuilt classes");

  unit_seed("unbuilt classes");
  unit_add(suite, "classes", classes_make_nothing);
  return unit_run(suite);
}
