/* test_sac.c -- caches of free blocks
 *
 * Blocks are allocated and freed at random through two caches of one pool,
 * against a model of what is in use; each is filled with its number.
 */

#include "client.h"

#include "mpscmvff.h"

enum {
  SLOTS = 3000,
  LARGEST = 256
};

static const mps_sac_class_s classes[]
    = {{16, 40, 10}, {32, 100, 40}, {64, 0, 5}, {LARGEST, 7, 1}};

static mps_arena_t arena;
static mps_pool_t pool;
static mps_sac_t sac[2];

static struct {
  unsigned char *block;
  size_t size;
} slot[SLOTS];

static mps_sac_t cache(size_t count)
{
  mps_sac_class_s copy[NELEMS(classes)];
  mps_sac_t made = NULL;

  memcpy(copy, classes, sizeof copy);
  MUST(mps_sac_create(&made, pool, count, copy));
  memset(copy, 0xFF, sizeof copy); /* it isn't kept */
  return made;
}

static void start(void)
{
  arena = client_arena();
  MUST(mps_pool_create_k(&pool, arena, mps_class_mvff(), mps_args_none));
  for (int i = 0; i < 2; ++i)
    sac[i] = cache(NELEMS(classes));
  memset(slot, 0, sizeof slot);
}

static void finish(void)
{
  for (int i = 0; i < 2; ++i)
    mps_sac_destroy(sac[i]);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}

static size_t in_use(void)
{
  return mps_pool_total_size(pool) - mps_pool_free_size(pool);
}

static void make(size_t i, int which)
{
  size_t size = 1 + unit_random(LARGEST + 40);
  mps_addr_t p = NULL;
  mps_res_t res;

  if (unit_random(2) == 0)
    res = mps_sac_alloc(&p, sac[which], size, 0);
  else
    MPS_SAC_ALLOC_FAST(res, p, sac[which], size, 0);
  MUST(res);
  EXPECT((Word)p % WORD == 0);
  memset(p, (int)(i % 251), size);
  slot[i].block = p;
  slot[i].size = size;
}

static void drop(size_t i, int which)
{
  for (size_t k = 0; k < slot[i].size; ++k)
    EXPECT(slot[i].block[k] == i % 251);
  if (unit_random(2) == 0)
    mps_sac_free(sac[which], slot[i].block, slot[i].size);
  else
    MPS_SAC_FREE_FAST(sac[which], slot[i].block, slot[i].size);
  slot[i].block = NULL;
}

/* COVERS(".sac.lists") */
START_TEST(blocks_are_whole)
{
  start();
  for (int n = 0; n < 200000; ++n) {
    size_t i = unit_random(SLOTS);
    int which = (int)unit_random(2);

    if (slot[i].block == NULL)
      make(i, which);
    else
      drop(i, which);
  }
  for (size_t i = 0; i < SLOTS; ++i)
    if (slot[i].block != NULL)
      drop(i, 0);
  ck_assert_uint_gt(in_use(), 0);
  mps_sac_flush(sac[0]);
  mps_sac_flush(sac[1]);
  ck_assert_uint_eq(in_use(), 0);
  finish();
}
END_TEST

/* No more is kept than was said, and what is kept is used again.
 * COVERS(".sac.move") */
START_TEST(a_cache_keeps_what_it_may)
{
  mps_addr_t block[200];
  mps_addr_t again;

  start();
  for (size_t i = 0; i < NELEMS(block); ++i)
    MUST(mps_sac_alloc(&block[i], sac[0], 32, 0));
  for (size_t i = 0; i < NELEMS(block); ++i)
    mps_sac_free(sac[0], block[i], 32);
  ck_assert_uint_le(in_use(), 100 * 32);
  ck_assert_uint_ge(in_use(), 50 * 32);
  MUST(mps_sac_alloc(&again, sac[0], 17, 0));
  ck_assert_ptr_eq(again, block[NELEMS(block) - 1]);
  mps_sac_free(sac[0], again, 17);
  mps_sac_flush(sac[0]);
  ck_assert_uint_eq(in_use(), 0);
  /* A class that keeps nothing, and what is larger than any. */
  MUST(mps_sac_alloc(&again, sac[0], 64, 0));
  mps_sac_free(sac[0], again, 64);
  MUST(mps_sac_alloc(&again, sac[0], 10000, 0));
  ck_assert_uint_ge(in_use(), 10000);
  mps_sac_free(sac[0], again, 10000);
  ck_assert_uint_eq(in_use(), 0);
  finish();
}
END_TEST

START_TEST(many_classes)
{
  mps_sac_class_s many[65];
  mps_sac_t one = NULL;

  start();
  for (size_t i = 0; i < NELEMS(many); ++i)
    many[i] = (mps_sac_class_s){16 * (i + 1), 1, 1};
  MUST(mps_sac_create(&one, pool, MPS_SAC_CLASS_LIMIT, many));
  mps_sac_destroy(one);
  one = NULL;
  ck_assert_int_eq(mps_sac_create(&one, pool, NELEMS(many), many),
                   MPS_RES_LIMIT);
  ck_assert_ptr_null(one);
  finish();
}
END_TEST

static void create_wrong(size_t count, size_t first, size_t second)
{
  mps_sac_class_s two[2] = {{first, 1, 1}, {second, 1, 1}};
  mps_sac_t none = NULL;

  ck_assert_int_eq(mps_sac_create(&none, pool, count, two), MPS_RES_PARAM);
  ck_assert_ptr_null(none);
  expect_report("mps_sac_create", "classes");
}

/* A size that can't be rounded up is refused all the same, not reported. */
START_TEST(huge_sizes_are_refused)
{
  mps_addr_t p = NULL;

  start();
  (void)mps_lib_assert_fail_install(report_take);
  ck_assert_int_eq(mps_sac_alloc(&p, sac[0], SIZE_MAX, 0), MPS_RES_RESOURCE);
  ck_assert_int_eq(mps_sac_alloc(&p, sac[0], SIZE_MAX - 64, 0),
                   MPS_RES_RESOURCE);
  ck_assert_int_eq(mps_sac_alloc(&p, sac[0], SIZE_MAX / 2 + 8, 0),
                   MPS_RES_RESOURCE);
  ck_assert_ptr_null(p);
  ck_assert_msg(report_count == 0, "%s", report_text);
  (void)mps_lib_assert_fail_install(NULL);
  finish();
}
END_TEST

START_TEST(misuse_is_reported)
{
  mps_sac_class_s one = {32, 1, 1};
  Options options = {.gens = 1};
  Client client;
  mps_addr_t p = NULL;
  mps_sac_t none = NULL;

  start();
  client = client_create_in(arena, &options);
  (void)mps_lib_assert_fail_install(report_take);
  create_wrong(0, 16, 32);
  create_wrong(2, 32, 32);
  create_wrong(2, 32, 16);
  create_wrong(2, 16, 33);
  create_wrong(1, 0, 0);
  ck_assert_int_eq(mps_sac_create(NULL, pool, 1, &one), MPS_RES_PARAM);
  expect_report("mps_sac_create", "sac_o");
  ck_assert_int_eq(mps_sac_create(&none, client.pool, 1, &one), MPS_RES_PARAM);
  expect_report("mps_sac_create", "pool");
  ck_assert_int_eq(mps_sac_alloc(&p, sac[0], 0, 0), MPS_RES_PARAM);
  expect_report("mps_sac_alloc", "size");
  ck_assert_int_eq(mps_sac_alloc(&p, NULL, 8, 0), MPS_RES_PARAM);
  expect_report("mps_sac_alloc", "sac");
  mps_sac_free(sac[0], NULL, 8);
  expect_report("mps_sac_free", "p must");
  mps_sac_free(sac[0], &p, 0);
  expect_report("mps_sac_free", "size");
  mps_sac_empty(sac[0], &p, 0);
  expect_report("mps_sac_empty", "size");
  mps_pool_destroy(pool);
  expect_report("mps_pool_destroy", "cache");
  mps_sac_destroy(sac[1]);
  mps_sac_destroy(sac[1]);
  expect_report("mps_sac_destroy", "sac");
  (void)mps_lib_assert_fail_install(NULL);
  sac[1] = cache(2);
  mps_ap_destroy(client.ap);
  mps_pool_destroy(client.pool);
  mps_chain_destroy(client.chain);
  mps_fmt_destroy(client.fmt);
  finish();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("sac");

  unit_seed("sac");
  unit_add(suite, "whole", blocks_are_whole);
  unit_add(suite, "keeps", a_cache_keeps_what_it_may);
  unit_add(suite, "many", many_classes);
  unit_add(suite, "huge", huge_sizes_are_refused);
  unit_add(suite, "misuse", misuse_is_reported);
  return unit_run(suite);
}
