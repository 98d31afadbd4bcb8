/* test_mvt.c -- blocks that live and die together, as a client sees them
 *
 * Allocation points fill long runs; blocks are freed one by one, in part, or
 * many at a time.  Every block is filled, and is intact when it goes; sizes
 * add up at any time.
 */

#include "client.h"

#include "mpscmvt.h"

enum {
  BLOCKS = 4000
};

typedef struct Block {
  unsigned char *p;
  size_t size;
  unsigned char fill;
} Block;

static mps_arena_t arena;
static mps_pool_t pool;
static mps_ap_t ap;
static Block blocks[BLOCKS];
static size_t count, live;

static mps_pool_t make_pool(size_t align, size_t max, size_t depth,
                            double frag)
{
  mps_pool_t made = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ALIGN, align);
    MPS_ARGS_ADD(args, MPS_KEY_MIN_SIZE, 8);
    MPS_ARGS_ADD(args, MPS_KEY_MEAN_SIZE, 48);
    MPS_ARGS_ADD(args, MPS_KEY_MAX_SIZE, max);
    MPS_ARGS_ADD(args, MPS_KEY_MVT_RESERVE_DEPTH, depth);
    MPS_ARGS_ADD(args, MPS_KEY_MVT_FRAG_LIMIT, frag);
    MUST(mps_pool_create_k(&made, arena, mps_class_mvt(), args));
    ck_assert_ptr_eq(args[0].key, MPS_KEY_ARGS_END);
  }
  MPS_ARGS_END(args);
  return made;
}

static void start(size_t align, size_t max, size_t depth, double frag)
{
  arena = client_arena();
  pool = make_pool(align, max, depth, frag);
  MUST(mps_ap_create_k(&ap, pool, mps_args_none));
  count = live = 0;
}

static void end(void)
{
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}

/* COVERS(".mvt.req.sizes") */
static void check_sizes(void)
{
  size_t open = (size_t)((char *)ap->limit - (char *)ap->init);

  EXPECT(pool_used(pool) == live + open);
}

static mps_res_t try_block(size_t size)
{
  Block *block = &blocks[count];
  mps_addr_t p;
  mps_res_t res;

  EXPECT(count < BLOCKS);
  do {
    res = mps_reserve(&p, ap, size);
    if (res != MPS_RES_OK)
      return res;
    *block = (Block){p, size, (unsigned char)unit_random(256)};
    memset(p, block->fill, size);
  } while (!mps_commit(ap, p, size));
  live += size;
  ++count;
  return MPS_RES_OK;
}

static void check_block(const Block *block)
{
  for (size_t i = 0; i < block->size; ++i)
    EXPECT(block->p[i] == block->fill);
}

static void free_block(size_t i)
{
  check_block(&blocks[i]);
  mps_free(pool, blocks[i].p, blocks[i].size);
  live -= blocks[i].size;
  blocks[i] = blocks[--count];
}

/* Free the beginning or the end of a block, or its middle. */
static void free_part(size_t i, size_t align)
{
  Block *block = &blocks[i];
  size_t part = (1 + unit_random(block->size / align)) * align;
  size_t at = unit_random(3) * ((block->size - part) / 2 / align) * align;

  if (at != 0 && at + part < block->size)
    return;
  if (part == block->size) {
    free_block(i);
    return;
  }
  check_block(block);
  mps_free(pool, block->p + at, part);
  live -= part;
  block->size -= part;
  if (at == 0)
    block->p += part;
}

static size_t random_size(size_t align, size_t max)
{
  size_t most = unit_random(20) > 0    ? 200
                : unit_random(20) == 0 ? 3 * max
                                       : max;

  return (1 + unit_random(most / align)) * align;
}

/* COVERS(".mvt.fill") */
START_TEST(random_blocks)
{
  static const size_t aligns[] = {8, 16, 64};
  static const double frags[] = {0.0, 0.3, 1.0};
  size_t align = aligns[_i % 3];

  start(align, 4096, _i % 2 == 0 ? 0 : 1024, frags[_i / 3 % 3]);
  for (size_t step = 0; step < 40000; ++step) {
    size_t pick = unit_random(100);

    if (count == 0 || (pick < 52 && count < BLOCKS))
      MUST(try_block(random_size(align, 4096)));
    else if (pick < 90)
      free_block(unit_random(count));
    else
      free_part(unit_random(count), align);
    check_sizes();
  }
  while (count > 0)
    free_block(count - 1);
  check_sizes();
  end();
}
END_TEST

/* A greatest size that no block can have doesn't upset the sizes. */
START_TEST(the_greatest_size_needs_no_alignment)
{
  start(1024, 102048, 300, 1.0);
  for (size_t i = 0; i < 1000; ++i) {
    MUST(try_block(1024 * (1 + i % 5)));
    if (i % 3 == 0)
      free_block(i / 4);
    check_sizes();
  }
  end();
}
END_TEST

/* Blocks that were allocated together leave a run that is filled again, before
 * the pool takes more memory. */
START_TEST(what_dies_together_is_filled_again)
{
  unsigned char *low, *high;
  size_t total, inside = 0;

  start(16, 1024, 100000, 0.9);
  for (size_t i = 0; i < 3200; ++i)
    MUST(try_block(64));
  total = mps_pool_total_size(pool);
  low = blocks[500].p;
  high = blocks[2000].p;
  for (size_t i = 500; i < 2000; ++i) {
    mps_free(pool, blocks[i].p, 64);
    live -= 64;
  }
  while (pool_used(pool) < total - 4 * KB) {
    MUST(try_block(64));
    blocks[500] = blocks[--count];
    inside += blocks[500].p >= low && blocks[500].p < high;
  }
  ck_assert_uint_ge(inside, 1400);
  ck_assert_uint_eq(mps_pool_total_size(pool), total);
  check_sizes();
  end();
}
END_TEST

/* COVERS(".mvt.fill"): every fourth block is freed, which leaves holes of 64
 * bytes.  How many more blocks are there before the pool takes more memory? */
START_TEST(holes_are_filled_when_too_much_is_free)
{
  size_t total, n = 3200, room, made = 0;

  start(16, 1024, 100000, _i == 0 ? 0.1 : 0.9);
  for (size_t i = 0; i < n; ++i)
    MUST(try_block(64));
  total = mps_pool_total_size(pool);
  room = (total - live) / 64; /* in long runs */
  for (size_t i = 0; i < n; i += 4) {
    mps_free(pool, blocks[i].p, 64);
    live -= 64;
  }
  for (; mps_pool_total_size(pool) == total; ++made) {
    MUST(try_block(64));
    check_sizes();
    --count; /* it isn't looked at again */
  }
  if (_i == 0)
    ck_assert_uint_gt(made, room + n / 16);
  else
    ck_assert_uint_le(made, room + 1);
  end();
}
END_TEST

/* COVERS(".mvt.keep"): what isn't needed goes back, but for the reserve. */
START_TEST(memory_goes_back)
{
  size_t depth = _i == 0 ? 0 : 2000;

  start(16, 1024, depth, 0.3);
  for (size_t i = 0; i < 4000; ++i)
    MUST(try_block(640));
  ck_assert_uint_ge(mps_pool_total_size(pool), 4000 * 640);
  while (count > 0)
    free_block(count - 1);
  mps_ap_destroy(ap);
  if (_i == 0)
    ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  else
    ck_assert(mps_pool_free_size(pool) >= 32 * KB
              && mps_pool_free_size(pool) <= 2000 * 48);
  MUST(mps_ap_create_k(&ap, pool, mps_args_none));
  end();
}
END_TEST

/* When there's nothing else, holes are filled. */
START_TEST(at_the_commit_limit)
{
  size_t most;
  mps_res_t res;

  start(16, 1024, 1024, 1.0);
  MUST(mps_arena_commit_limit_set(arena, mps_arena_committed(arena) + MB));
  while ((res = try_block(640)) == MPS_RES_OK)
    ;
  ck_assert_int_eq(res, MPS_RES_COMMIT_LIMIT);
  ck_assert_uint_gt(count, 1000);
  check_sizes();
  most = count;
  for (size_t i = most / 2; i > 0; --i)
    free_block(2 * i - 1);
  while ((res = try_block(640)) == MPS_RES_OK)
    ;
  ck_assert_int_eq(res, MPS_RES_COMMIT_LIMIT);
  ck_assert_uint_ge(count, most - 10);
  check_sizes();
  while (count > 0)
    free_block(count - 1);
  end();
}
END_TEST

START_TEST(positional_arguments)
{
  arena = client_arena();
  MUST(mps_pool_create(&pool, arena, mps_class_mvt(), (size_t)8, (size_t)32,
                       (size_t)4096, (mps_word_t)100, (mps_word_t)30));
  MUST(mps_ap_create(&ap, pool));
  count = live = 0;
  MUST(try_block(64));
  ck_assert_uint_eq(mps_mvt_size(pool) - mps_mvt_free_size(pool),
                    pool_used(pool));
  check_sizes();
  end();
}
END_TEST


/* Misuse */

static void expect_no_pool(mps_key_t key, size_t size, const char *argument)
{
  mps_pool_t none = NULL;

  MPS_ARGS_BEGIN(args)
  {
    args[0].key = key;
    args[0].val.size = size;
    args[1].key = MPS_KEY_ARGS_END;
    ck_assert_int_eq(mps_pool_create_k(&none, arena, mps_class_mvt(), args),
                     MPS_RES_PARAM);
  }
  MPS_ARGS_END(args);
  ck_assert_ptr_null(none);
  expect_report("mps_pool_create_k", argument);
}

START_TEST(misuse_is_reported)
{
  mps_addr_t p = NULL;

  start(16, 1024, 1024, 0.3);
  (void)mps_lib_assert_fail_install(report_take);
  expect_no_pool(MPS_KEY_MEAN_SIZE, 4, "MEAN_SIZE");
  expect_no_pool(MPS_KEY_MAX_SIZE, 16, "MAX_SIZE");
  expect_no_pool(MPS_KEY_MIN_SIZE, 0, "MIN_SIZE");
  expect_no_pool(MPS_KEY_ALIGN, 4, "ALIGN");
  MPS_ARGS_BEGIN(args)
  {
    mps_pool_t none = NULL;

    MPS_ARGS_ADD(args, MPS_KEY_MVT_FRAG_LIMIT, 1.5);
    ck_assert_int_eq(mps_pool_create_k(&none, arena, mps_class_mvt(), args),
                     MPS_RES_PARAM);
  }
  MPS_ARGS_END(args);
  expect_report("mps_pool_create_k", "FRAG_LIMIT");
  ck_assert_int_eq(mps_alloc(&p, pool, 64), MPS_RES_PARAM);
  expect_report("mps_alloc", "pool");
  MUST(try_block(640));
  mps_free(pool, blocks[0].p, 640);
  mps_free(pool, blocks[0].p, 640);
  expect_report("mps_free", "p");
  mps_free(pool, &p, 64);
  expect_report("mps_free", "p");
  live -= 640;
  check_sizes();
  (void)mps_lib_assert_fail_install(NULL);
  end();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("mvt");

  unit_seed("mvt");
  unit_add_loop(suite, "random", random_blocks, 9);
  unit_add(suite, "greatest", the_greatest_size_needs_no_alignment);
  unit_add(suite, "together", what_dies_together_is_filled_again);
  unit_add_loop(suite, "holes", holes_are_filled_when_too_much_is_free, 2);
  unit_add_loop(suite, "back", memory_goes_back, 2);
  unit_add(suite, "limit", at_the_commit_limit);
  unit_add(suite, "positional", positional_arguments);
  unit_add(suite, "misuse", misuse_is_reported);
  return unit_run(suite);
}
