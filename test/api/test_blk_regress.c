/* test_blk_regress.c -- faults that collectors of this design have had
 *
 * One test for each fault that the two designs behind the block pool were
 * known for, where it isn't a matter of the tables alone (test_blktab.c: a
 * run from the end into the start, tails past the end) and isn't with its
 * feature (test_blk.c: a threshold that collects twice, finalizers beside
 * freed garbage).
 */

#include "blk_client.h"

#include <pthread.h>

/* Roots were scanned from the first word of a record that has other things
 * in it: what isn't named is no root. */
START_TEST(only_what_is_named_is_a_root)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){0});
  struct {
    mps_addr_t stale;
    mps_addr_t root;
    mps_addr_t behind;
  } record;

  record.stale = make(pool, 4, 0);
  record.root = make(pool, 4, 0);
  record.behind = make(pool, 4, 0);
  ck_assert_uint_eq(collect_from(pool, &record.root, 1), 2);
  ck_assert_uint_eq(mps_blk_size(pool, record.root), 32);
  ck_assert_uint_eq(mps_blk_size(pool, record.stale), 0);
  ck_assert_uint_eq(mps_blk_size(pool, record.behind), 0);
  finish(arena, pool);
}
END_TEST

/* A finalizer that allocates waited for its own lock. */
static mps_res_t res_in_final;

static void allocate_in_final(mps_addr_t object, void *closure)
{
  mps_addr_t p = NULL;

  (void)closure;
  res_in_final = mps_blk_alloc(&p, the_pool, 8, 0);
  ck_assert_ptr_null(p);
  ck_assert_uint_eq(mps_blk_size(the_pool, object), 32);
}

START_TEST(a_finalizer_that_allocates_is_refused)
{
  mps_arena_t arena = client_arena();
  mps_addr_t p = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL, (mps_fun_t)allocate_in_final);
    MUST(mps_pool_create_k(&the_pool, arena, mps_class_blk(), args));
  }
  MPS_ARGS_END(args);
  res_in_final = MPS_RES_OK;
  MUST(mps_blk_alloc(&p, the_pool, 8, MPS_BLK_FINAL));
  ck_assert_uint_eq(collect_from(the_pool, NULL, 0), 1);
  ck_assert_int_eq(res_in_final, MPS_RES_FAIL);
  MUST(mps_blk_alloc(&p, the_pool, 8, 0));
  finish(arena, the_pool);
}
END_TEST

/* One lock depth for all threads: where one had locked, nobody could
 * allocate. */
static _Thread_local int is_mine_locked;

static mps_bool_t is_locked_for_me(mps_pool_t pool, void *closure)
{
  (void)pool;
  (void)closure;
  return is_mine_locked;
}

static void *allocate_elsewhere(void *pool)
{
  mps_addr_t p = NULL;

  return (void *)(Word)(mps_blk_alloc(&p, pool, 8, 0) == MPS_RES_OK);
}

START_TEST(a_lock_may_be_one_threads)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.locked = is_locked_for_me});
  mps_addr_t p = NULL;
  pthread_t other;
  void *could = NULL;

  is_mine_locked = 1;
  ck_assert_int_eq(mps_blk_alloc(&p, pool, 8, 0), MPS_RES_FAIL);
  ck_assert_int_eq(pthread_create(&other, NULL, allocate_elsewhere, pool), 0);
  ck_assert_int_eq(pthread_join(other, &could), 0);
  ck_assert_ptr_nonnull(could);
  is_mine_locked = 0;
  MUST(mps_blk_alloc(&p, pool, 8, 0));
  finish(arena, pool);
}
END_TEST

/* Size and rounding up went over the end of the numbers. */
START_TEST(vast_sizes_are_refused)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){0});
  mps_addr_t p = NULL;
  mps_addr_t kept = make(pool, 4, 0);
  mps_addr_t grown = kept;

  for (size_t less = 0; less < 100; ++less) {
    ck_assert_int_ne(mps_blk_alloc(&p, pool, (size_t)-1 - less, 0),
                     MPS_RES_OK);
    ck_assert_int_ne(mps_blk_realloc(&grown, pool, (size_t)-1 - less, 1),
                     MPS_RES_OK);
    ck_assert(p == NULL && grown == kept);
  }
  /* None at all is an answer too, and nobody's mistake. */
  ck_assert_int_eq(mps_blk_alloc(&p, pool, 0, 0), MPS_RES_PARAM);
  ck_assert_ptr_null(p);
  ck_assert_uint_eq(objects(pool), 1);
  finish(arena, pool);
}
END_TEST

/* The place to search from wasn't set back by a collection. */
START_TEST(what_a_collection_frees_is_found_first)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){0});
  mps_addr_t first = make(pool, 4, 0);
  mps_addr_t p = NULL;

  for (size_t i = 0; i < 100; ++i)
    (void)make(pool, i % 9 + 1, 0);
  (void)collect_from(pool, NULL, 0);
  MUST(mps_blk_alloc(&p, pool, 32, 0));
  ck_assert_ptr_eq(p, first);
  finish(arena, pool);
}
END_TEST

/* Resizing copied as many bytes as the new size has, and forgot what the
 * words were. */
START_TEST(a_moved_object_is_the_same)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.has_layout = 1, .is_clear = 1});
  mps_addr_t object = NULL;
  mps_addr_t before;
  mps_addr_t *words;

  MUST(mps_blk_alloc_layout(&object, pool, 7 * WORD, MPS_BLK_LAYOUT(7, 1), 0));
  before = object;
  words = object;
  for (size_t i = 0; i < 7; ++i)
    words[i] = make(pool, 1, 0); /* behind it, so that it must move */
  MUST(mps_blk_realloc(&object, pool, 700 * WORD, 1));
  ck_assert_ptr_ne(object, before);
  words = object;
  for (size_t i = 0; i < 7; ++i)
    ck_assert_uint_gt(mps_blk_size(pool, words[i]), 0);
  for (size_t i = 7; i < 700; ++i)
    ck_assert_ptr_null(words[i]);
  /* Its first word alone is a reference, as before. */
  ck_assert_uint_eq(collect_from(pool, &object, 1), 6);
  ck_assert_uint_gt(mps_blk_size(pool, words[0]), 0);
  ck_assert_uint_eq(mps_blk_size(pool, words[1]), 0);
  finish(arena, pool);
}
END_TEST

/* Resizing what is no object computed something from it. */
START_TEST(what_is_no_object_cannot_be_resized)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){0});
  mps_addr_t object = make(pool, 20, 0);
  mps_addr_t within = (char *)object + 32;

  (void)mps_lib_assert_fail_install(report_take);
  ck_assert_int_ne(mps_blk_realloc(&within, pool, 8, 1), MPS_RES_OK);
  ck_assert_uint_eq(report_count, 1);
  ck_assert_ptr_eq(within, (char *)object + 32);
  (void)mps_lib_assert_fail_install(NULL);
  ck_assert_uint_eq(mps_blk_size(pool, object), 160);
  finish(arena, pool);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("blk regress");

  unit_seed("blk regress");
  unit_add(suite, "roots", only_what_is_named_is_a_root);
  unit_add(suite, "final", a_finalizer_that_allocates_is_refused);
  unit_add(suite, "lock", a_lock_may_be_one_threads);
  unit_add(suite, "vast", vast_sizes_are_refused);
  unit_add(suite, "first", what_a_collection_frees_is_found_first);
  unit_add(suite, "moved", a_moved_object_is_the_same);
  unit_add(suite, "resized", what_is_no_object_cannot_be_resized);
  return unit_run(suite);
}
