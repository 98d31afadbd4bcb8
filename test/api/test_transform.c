/* test_transform.c -- references are replaced everywhere or nowhere
 *
 * Objects refer to each other at random, in several pools; a model knows which
 * refers to which.  Some are replaced.
 */

#include "client.h"

#include "mpscblk.h"
#include "mpscmvff.h"

enum {
  COUNT = 2000,
  REFS = 4,
  SIZE = (2 + REFS) * 8,
  PAIRS = 150
};

static mps_addr_t table[2 * COUNT]; /* the olds and those that replace them */
static mps_addr_t ambig[4];
static size_t model[2 * COUNT][REFS];
static mps_arena_t arena;
static Client client[2];
static mps_root_t root, ambig_root;

static void start(void)
{
  Options options[2] = {{.gens = 2}, {.gens = 1, .header = 8}};

  arena = client_arena();
  for (int i = 0; i < 2; ++i)
    client[i] = client_create_in(arena, &options[i]);
  memset(table, 0, sizeof table);
  memset(ambig, 0, sizeof ambig);
  root = root_table(arena, mps_rank_exact(), table, NELEMS(table));
  ambig_root = root_table(arena, mps_rank_ambig(), ambig, NELEMS(ambig));
  for (size_t i = 0; i < 2 * COUNT; ++i)
    table[i] = client_make(&client[i % 2], SIZE + client[i % 2].header, i);
  for (size_t i = 0; i < 2 * COUNT; ++i)
    for (size_t k = 0; k < REFS; ++k) {
      model[i][k] = unit_random(2 * COUNT);
      *block_slot(table[i], client[i % 2].header, k) = table[model[i][k]];
    }
  mps_arena_park(arena);
}

static void finish(void)
{
  mps_root_destroy(root);
  mps_root_destroy(ambig_root);
  for (int i = 0; i < 2; ++i) {
    mps_ap_destroy(client[i].ap);
    mps_pool_destroy(client[i].pool);
    mps_chain_destroy(client[i].chain);
    mps_fmt_destroy(client[i].fmt);
  }
  mps_arena_destroy(arena);
}

/* Is each object that is in use what it was, with references as modelled? */
static void expect_model(const size_t *became)
{
  for (size_t i = 0; i < 2 * COUNT; ++i) {
    size_t it = became[i];
    size_t header = client[it % 2].header;

    ck_assert(block_is_intact(table[i], header, it));
    for (size_t k = 0; k < REFS; ++k)
      ck_assert_ptr_eq(*block_slot(table[i], header, k),
                       table[became[model[it][k]]]);
  }
}

static mps_transform_t transform_of(const size_t *became)
{
  mps_transform_t transform = NULL;
  mps_addr_t olds[COUNT];
  mps_addr_t news[COUNT];
  size_t count = 0;

  MUST(mps_transform_create(&transform, arena));
  for (size_t i = 0; i < COUNT; ++i)
    if (became[i] != i || i % 100 == 0) {
      olds[count] = i % 200 == 0 && became[i] == i ? NULL : table[i];
      news[count++] = table[became[i]];
    }
  /* In two calls, and the lists aren't kept. */
  MUST(mps_transform_add_oldnew(transform, olds, news, count / 2));
  MUST(mps_transform_add_oldnew(transform, olds + count / 2, news + count / 2,
                                count - count / 2));
  memset(olds, 0xEE, sizeof olds);
  memset(news, 0xEE, sizeof news);
  return transform;
}

static void choose(size_t *became, size_t pairs)
{
  for (size_t i = 0; i < 2 * COUNT; ++i)
    became[i] = i;
  while (pairs > 0) {
    size_t i = unit_random(COUNT);

    if (became[i] == i) {
      became[i] = COUNT + i;
      --pairs;
    }
  }
}

/* COVERS(".transform.walk") COVERS(".transform.collect") */
START_TEST(references_are_replaced)
{
  static size_t became[2 * COUNT];
  mps_bool_t applied = 0;
  mps_transform_t transform;
  size_t before;

  start();
  choose(became, PAIRS);
  transform = transform_of(became);
  before = mps_collections(arena);
  MUST(mps_transform_apply(&applied, transform));
  ck_assert(applied);
  ck_assert_uint_gt(mps_collections(arena), before);
  mps_transform_destroy(transform);
  expect_model(became);
  mps_arena_release(arena);
  for (Word i = 0; i < 100000; ++i)
    (void)client_make(&client[0], 64, i);
  MUST(mps_arena_collect(arena));
  expect_model(became);
  finish();
}
END_TEST

/* COVERS(".transform.pin") */
START_TEST(one_pin_forbids_all_of_it)
{
  static size_t became[2 * COUNT];
  static size_t same[2 * COUNT];
  mps_bool_t applied = 1;
  mps_transform_t transform;
  size_t old = 0;

  start();
  choose(same, 0);
  choose(became, PAIRS);
  while (became[old] == old)
    ++old;
  ambig[2] = (char *)table[old] + 13;
  transform = transform_of(became);
  MUST(mps_transform_apply(&applied, transform));
  ck_assert(!applied);
  mps_transform_destroy(transform);
  expect_model(same);
  /* An ambiguous reference to one that isn't replaced is no obstacle. */
  ambig[2] = table[COUNT + old];
  transform = transform_of(became);
  MUST(mps_transform_apply(&applied, transform));
  ck_assert(applied);
  expect_model(became);
  mps_transform_destroy(transform);
  finish();
}
END_TEST

/* Words in blocks are ambiguous references too. */
START_TEST(a_block_pins)
{
  static size_t became[2 * COUNT];
  static size_t same[2 * COUNT];
  mps_bool_t applied = 1;
  mps_transform_t transform;
  mps_pool_t blk = NULL;
  mps_addr_t block = NULL;
  mps_addr_t hold[1];
  mps_root_t hold_root;
  size_t old = 0;

  start();
  hold_root = root_table(arena, mps_rank_exact(), hold, 1);
  MUST(mps_pool_create_k(&blk, arena, mps_class_blk(), mps_args_none));
  MUST(mps_blk_alloc(&block, blk, 64, 0));
  memset(block, 0, 64);
  hold[0] = block;
  choose(same, 0);
  choose(became, PAIRS);
  while (became[old] == old)
    ++old;
  ((mps_addr_t *)block)[2] = (char *)table[old] + 8;
  transform = transform_of(became);
  MUST(mps_transform_apply(&applied, transform));
  ck_assert(!applied);
  mps_transform_destroy(transform);
  expect_model(same);
  ((mps_addr_t *)block)[2] = NULL;
  transform = transform_of(became);
  MUST(mps_transform_apply(&applied, transform));
  ck_assert(applied);
  mps_transform_destroy(transform);
  expect_model(became);
  mps_root_destroy(hold_root);
  mps_pool_destroy(blk);
  finish();
}
END_TEST

START_TEST(an_empty_one_applies)
{
  static size_t same[2 * COUNT];
  mps_bool_t applied = 0;
  mps_transform_t transform = NULL;

  start();
  choose(same, 0);
  MUST(mps_transform_create(&transform, arena));
  MUST(mps_transform_add_oldnew(transform, table, table, 10));
  MUST(mps_transform_apply(&applied, transform));
  ck_assert(applied);
  expect_model(same);
  mps_transform_destroy(transform);
  finish();
}
END_TEST

/* What was collected in between may lie elsewhere. */
START_TEST(a_stale_one_is_refused)
{
  mps_bool_t applied = 0;
  mps_transform_t stale = NULL;
  mps_transform_t late = NULL;
  mps_addr_t pair[2];

  start();
  pair[0] = table[0];
  pair[1] = table[1];
  MUST(mps_transform_create(&stale, arena));
  MUST(mps_transform_create(&late, arena));
  MUST(mps_transform_add_oldnew(stale, &pair[0], &pair[1], 1));
  MUST(mps_arena_collect(arena));
  ck_assert_int_eq(mps_transform_apply(&applied, stale), MPS_RES_PARAM);
  ck_assert(!applied);
  ck_assert_int_eq(mps_transform_add_oldnew(late, &table[0], &table[1], 1),
                   MPS_RES_PARAM);
  mps_transform_destroy(stale);
  mps_transform_destroy(late);
  finish();
}
END_TEST

START_TEST(misuse_is_reported)
{
  mps_bool_t applied = 0;
  mps_transform_t transform = NULL;
  mps_addr_t twice[2];
  mps_addr_t foreign = &applied;
  mps_pool_t manual = NULL;

  start();
  (void)mps_lib_assert_fail_install(report_take);
  mps_arena_release(arena);
  ck_assert_int_eq(mps_transform_create(&transform, arena), MPS_RES_PARAM);
  expect_report("mps_transform", "mps_transform_create");
  mps_arena_park(arena);
  ck_assert_int_eq(mps_transform_create(NULL, arena), MPS_RES_PARAM);
  expect_report("mps_transform", "transform_o");
  MUST(mps_transform_create(&transform, arena));
  ck_assert_int_eq(mps_transform_add_oldnew(transform, NULL, table, 1),
                   MPS_RES_PARAM);
  expect_report("mps_transform", "old_list");
  ck_assert_int_eq(mps_transform_add_oldnew(transform, table, NULL, 1),
                   MPS_RES_PARAM);
  expect_report("mps_transform", "new_list");
  ck_assert_int_eq(mps_transform_add_oldnew(transform, &foreign, table, 1),
                   MPS_RES_PARAM);
  expect_report("mps_transform", "old_list");
  MUST(mps_pool_create_k(&manual, arena, mps_class_mvff(), mps_args_none));
  MUST(mps_alloc(&foreign, manual, 64));
  ck_assert_int_eq(mps_transform_add_oldnew(transform, &foreign, table, 1),
                   MPS_RES_PARAM);
  expect_report("mps_transform", "old_list");
  mps_pool_destroy(manual);
  twice[0] = twice[1] = table[0];
  ck_assert_int_eq(mps_transform_add_oldnew(transform, twice, &table[5], 2),
                   MPS_RES_PARAM);
  expect_report("mps_transform", "once");
  MUST(mps_transform_apply(&applied, transform));
  ck_assert_int_eq(mps_transform_apply(&applied, transform), MPS_RES_PARAM);
  expect_report("mps_transform", "before");
  mps_transform_destroy(transform);
  mps_transform_destroy(transform);
  expect_report("mps_transform", "mps_transform_destroy");
  (void)mps_lib_assert_fail_install(NULL);
  finish();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("transform");

  unit_seed("transform");
  unit_add(suite, "replaced", references_are_replaced);
  unit_add(suite, "pin", one_pin_forbids_all_of_it);
  unit_add(suite, "block", a_block_pins);
  unit_add(suite, "empty", an_empty_one_applies);
  unit_add(suite, "stale", a_stale_one_is_refused);
  unit_add(suite, "misuse", misuse_is_reported);
  return unit_run(suite);
}
