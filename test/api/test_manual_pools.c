/* test_manual_pools.c -- blocks under manual control, as a client sees them
 *
 * A client allocates and frees at random, by mps_alloc and by allocation
 * points, with each combination of what the classes can be told.  Every
 * block is filled, and is intact when it goes; sizes add up at any time.
 */

#include "client.h"

#include "mpscmfs.h"
#include "mpscmvff.h"

#include <pthread.h>
#include <stdbool.h>

enum {
  BLOCKS = 2000,
  STEPS = 30000
};

typedef struct Block {
  unsigned char *p;
  size_t size;   /* as the client asked for */
  size_t weight; /* what it counts as in the pool's sizes */
  unsigned char fill;
} Block;

typedef struct Way {
  size_t align, extend_by;
  double spare;
  mps_bool_t slot_high, arena_high, first_fit;
  bool is_debug;
} Way;

static Block blocks[BLOCKS];
static size_t live; /* bytes that are used, as the pool should count them */
static mps_arena_t arena;
static mps_pool_t pool;
static mps_ap_t ap;

static size_t round_up(size_t size, size_t align)
{
  return (size + align - 1) / align * align;
}

static mps_pool_t make_mvff(const Way *way)
{
  mps_pool_t made;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, way->extend_by);
    MPS_ARGS_ADD(args, MPS_KEY_MEAN_SIZE, 48);
    MPS_ARGS_ADD(args, MPS_KEY_ALIGN, way->align);
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, way->spare);
    MPS_ARGS_ADD(args, MPS_KEY_MVFF_SLOT_HIGH, way->slot_high);
    MPS_ARGS_ADD(args, MPS_KEY_MVFF_ARENA_HIGH, way->arena_high);
    MPS_ARGS_ADD(args, MPS_KEY_MVFF_FIRST_FIT, way->first_fit);
    MUST(mps_pool_create_k(
        &made, arena,
        way->is_debug ? mps_class_mvff_debug() : mps_class_mvff(), args));
    ck_assert_ptr_eq(args[0].key, MPS_KEY_ARGS_END);
  }
  MPS_ARGS_END(args);
  return made;
}

static void fill_block(Block *block, mps_addr_t p, size_t size, size_t weight)
{
  mps_pool_t found = NULL;
  mps_fmt_t format;

  block->p = p;
  block->size = size;
  block->weight = weight;
  block->fill = (unsigned char)unit_random(256);
  memset(p, block->fill, size);
  live += weight;
  EXPECT(mps_addr_pool(&found, arena, p) && found == pool);
  EXPECT(!mps_addr_fmt(&format, arena, p));
  EXPECT(mps_arena_has_addr(arena, block->p + size - 1));
}

static void free_block(Block *block)
{
  for (size_t i = 0; i < block->size; ++i)
    EXPECT(block->p[i] == block->fill);
  mps_free(pool, block->p, block->size);
  live -= block->weight;
  block->p = NULL;
}

static size_t random_size(void)
{
  switch (unit_random(16)) {
  case 0:
    return 1 + unit_random(100000);
  case 1:
  case 2:
    return 1 + unit_random(5000);
  default:
    return 1 + unit_random(300);
  }
}

/* COVERS: .mvff.req.sizes */
static void check_sizes(void)
{
  size_t total = mps_pool_total_size(pool);
  size_t free = mps_pool_free_size(pool);
  size_t held
      = ap != NULL ? (size_t)((char *)ap->limit - (char *)ap->init) : 0;

  EXPECT(free <= total);
  EXPECT(total - free == live + held);
  EXPECT(total <= mps_arena_committed(arena));
}

static void step(const Way *way)
{
  Block *block = &blocks[unit_random(BLOCKS)];
  size_t size = random_size();
  size_t fences = way->is_debug ? 2 * round_up(4, way->align) : 0;
  mps_addr_t p;

  if (block->p != NULL) {
    free_block(block);
  } else if (ap != NULL && unit_random(3) == 0) {
    size = round_up(size, way->align);
    do
      MUST(mps_reserve(&p, ap, size));
    while (!mps_commit(ap, p, size));
    fill_block(block, p, size, size);
  } else {
    MUST(mps_alloc(&p, pool, size));
    EXPECT((Word)p % way->align == 0);
    fill_block(block, p, size, round_up(size, way->align) + fences);
  }
}

static void free_all(void)
{
  for (size_t i = 0; i < BLOCKS; ++i)
    if (blocks[i].p != NULL)
      free_block(&blocks[i]);
}

static const size_t aligns[] = {8, 16, 64, 4096};
static const size_t extends[] = {64, 65536, 1 << 20};
static const double spares[] = {0.0, 0.75, 1.0};

/* COVERS: .mvff.req.blocks .mvff.req.sizes */
START_TEST(random_blocks)
{
  Way way = {.align = aligns[_i % 4],
             .extend_by = extends[_i % 3],
             .spare = spares[_i / 3 % 3],
             .slot_high = _i & 1,
             .arena_high = _i >> 1 & 1,
             .first_fit = _i >> 2 & 1,
             .is_debug = _i % 5 == 0};

  arena = client_arena();
  pool = make_mvff(&way);
  live = 0;
  for (int n = 0; n < STEPS / (way.align == 4096 ? 10 : 1); ++n) {
    if (n % 5000 == 1000)
      MUST(mps_ap_create_k(&ap, pool, mps_args_none));
    if (n % 5000 == 4000) {
      mps_ap_destroy(ap);
      ap = NULL;
    }
    step(&way);
    if (n % 50 == 0)
      check_sizes();
    if (n % 4000 == 3999) {
      mps_pool_check_fenceposts(pool);
      mps_pool_check_free_space(pool);
    }
  }
  ck_assert_uint_eq(mps_collections(arena), 0);
  if (ap != NULL)
    mps_ap_destroy(ap);
  ap = NULL;
  if (_i % 2 == 0) {
    free_all();
    ck_assert_uint_eq(mps_pool_free_size(pool), mps_pool_total_size(pool));
    if (way.spare <= 0.0)
      ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  }
  memset(blocks, 0, sizeof blocks);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}
END_TEST

/* Which hole, and which end of it: a pool that is full but for two holes.
 * COVERS: .mvff.way */
START_TEST(holes)
{
  Way way = {8, 65536, 1.0, _i & 1, 0, _i >> 1, false};
  char *p[64];
  mps_addr_t q;

  arena = client_arena();
  pool = make_mvff(&way);
  for (int i = 0; i < 64; ++i) {
    MUST(mps_alloc(&q, pool, 1024));
    p[i] = q;
  }
  ck_assert_uint_eq(mps_pool_free_size(pool), 0);
  /* First fit in a new pool: from one end to the other. */
  for (int i = 1; i < 64; ++i)
    ck_assert(way.first_fit == (p[i] > p[i - 1]) || way.slot_high);
  for (int i = 0; i < 64; ++i)
    for (int k = i; k > 0 && p[k] < p[k - 1]; --k) {
      char *swap = p[k];
      p[k] = p[k - 1];
      p[k - 1] = swap;
    }
  mps_free(pool, p[10], 1024);
  mps_free(pool, p[50], 1024);
  MUST(mps_alloc(&q, pool, 512));
  ck_assert_ptr_eq(q, p[way.slot_high ? 50 : 10] + (way.first_fit ? 0 : 512));
  ck_assert_uint_eq(mps_pool_total_size(pool), 65536);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}
END_TEST

/* From which end of the arena: a high pool is above a low one. */
START_TEST(ends_of_the_arena)
{
  Way low = {8, 65536, 0.75, 0, 0, 1, false};
  Way high = {8, 65536, 0.75, 0, 1, 1, false};
  mps_pool_t other;
  mps_addr_t p, q;

  arena = client_arena();
  pool = make_mvff(&high);
  other = make_mvff(&low);
  MUST(mps_alloc(&p, pool, 100));
  MUST(mps_alloc(&q, other, 100));
  ck_assert((char *)q < (char *)p);
  mps_pool_destroy(pool);
  mps_pool_destroy(other);
  mps_arena_destroy(arena);
}
END_TEST

/* What is free beyond the fraction goes back, and what is asked for comes in
 * steps.  COVERS: .mvff.spare .mvff.extend */
START_TEST(spare_memory)
{
  Way way = {8, 65536, spares[_i], 0, 0, 1, false};
  static mps_addr_t p[1024];
  size_t total;

  arena = client_arena();
  pool = make_mvff(&way);
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  for (int i = 0; i < 1024; ++i) {
    MUST(mps_alloc(&p[i], pool, 4096));
    ck_assert_uint_eq(mps_pool_total_size(pool) % 65536, 0);
  }
  total = mps_pool_total_size(pool);
  ck_assert_uint_eq(total, 1024 * 4096);
  for (int i = 0; i < 1024; ++i) {
    mps_free(pool, p[i], 4096);
    if (way.spare < 1.0)
      ck_assert((double)mps_pool_free_size(pool)
                <= way.spare * (double)mps_pool_total_size(pool)
                       + (way.spare > 0.0 ? 65536 : 32768));
  }
  if (way.spare <= 0.0)
    ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  else if (way.spare < 1.0)
    ck_assert_uint_le(mps_pool_total_size(pool), 65536);
  else
    ck_assert_uint_eq(mps_pool_total_size(pool), total);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}
END_TEST

/* A block longer than what is extended by, in place of many small ones. */
START_TEST(long_blocks)
{
  Way way = {8, 65536, 1.0, 0, 0, 1, _i == 1};
  size_t size = 40 * MB;
  size_t fences = way.is_debug ? 16 : 0;
  static mps_addr_t p[1000];
  mps_addr_t q;

  arena = client_arena();
  pool = make_mvff(&way);
  for (int i = 0; i < 1000; ++i)
    MUST(mps_alloc(&p[i], pool, 40000));
  for (int i = 0; i < 1000; ++i)
    mps_free(pool, p[i], 40000);
  MUST(mps_alloc(&q, pool, 30 * MB));
  MUST(mps_alloc(&p[0], pool, size));
  memset(p[0], 0x55, size);
  memset(q, 0x66, 30 * MB);
  live = size + 30 * MB + 2 * fences;
  check_sizes();
  mps_free(pool, p[0], size);
  mps_free(pool, q, 30 * MB);
  ck_assert_uint_eq(mps_pool_free_size(pool), mps_pool_total_size(pool));
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}
END_TEST

/* At the limit it's the limit that is told of, also where the pool's records
 * are what doesn't fit. */
START_TEST(refusals_of_records)
{
  Way way = {8, 4096, 0.75, 0, 0, 1, _i == 1};
  mps_addr_t p;
  mps_res_t res;

  for (size_t room = 256 * KB; room < 320 * KB; room += 4 * KB) {
    arena = client_arena();
    pool = make_mvff(&way);
    mps_arena_spare_set(arena, 0.0);
    MUST(mps_arena_commit_limit_set(arena, mps_arena_committed(arena) + room));
    do
      res = mps_alloc(&p, pool, 40);
    while (res == MPS_RES_OK);
    ck_assert_int_eq(res, MPS_RES_COMMIT_LIMIT);
    mps_pool_destroy(pool);
    mps_arena_destroy(arena);
  }
}
END_TEST

/* Requests that can't be met are refused, and nothing is lost. */
START_TEST(refusals)
{
  Way way = {8, 65536, 0.75, 0, 0, 1, _i == 1};
  mps_addr_t p = &way;
  mps_addr_t block[64];
  int n = 0;

  arena = client_arena();
  pool = make_mvff(&way);
  ck_assert_int_eq(mps_alloc(&p, pool, SIZE_MAX), MPS_RES_RESOURCE);
  ck_assert_int_eq(mps_alloc(&p, pool, SIZE_MAX / 2), MPS_RES_RESOURCE);
  ck_assert_int_eq(mps_alloc(&p, pool, (size_t)1 << 46), MPS_RES_RESOURCE);
  ck_assert_ptr_eq(p, &way);
  mps_arena_spare_set(arena, 0.0);
  MUST(mps_arena_commit_limit_set(arena,
                                  mps_arena_committed(arena) + 1024 * 1024));
  ck_assert_int_eq(mps_alloc(&p, pool, 2 * MB), MPS_RES_COMMIT_LIMIT);
  while (n < 64 && mps_alloc(&block[n], pool, 100000) == MPS_RES_OK)
    memset(block[n++], 1, 100000);
  ck_assert_int_ge(n, 8);
  ck_assert_int_lt(n, 11);
  while (n > 0)
    mps_free(pool, block[--n], 100000);
  /* What is spare makes room for what is too long for it. */
  MUST(mps_alloc(&p, pool, 900000));
  mps_free(pool, p, 900000);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}
END_TEST

/* While there is garbage, manual allocation isn't refused either. */
START_TEST(garbage_makes_room)
{
  Options options = {.gens = 2};
  Client client = client_create(&options);
  Way way = {8, 65536, 0.75, 0, 0, 1, false};
  mps_addr_t p;

  arena = client.arena;
  pool = make_mvff(&way);
  mps_arena_spare_set(arena, 0.0);
  mps_arena_clamp(arena);
  for (int i = 0; i < 16000; ++i)
    (void)client_make(&client, 64, 1);
  MUST(mps_arena_commit_limit_set(arena, mps_arena_committed(arena) + 65536));
  ck_assert_int_eq(mps_alloc(&p, pool, 500000), MPS_RES_COMMIT_LIMIT);
  mps_arena_release(arena);
  MUST(mps_alloc(&p, pool, 500000));
  mps_pool_destroy(pool);
  client_destroy(&client);
}
END_TEST

/* Blocks of one size.  COVERS: .mfs.req.blocks .mfs.keep */
START_TEST(fixed_size)
{
  static const size_t units[] = {1, 8, 24, 100, 4096, 100000};
  size_t unit = units[_i % 6];
  size_t extend_by = _i < 6 ? 65536 : 1;
  size_t peak = 0;

  arena = client_arena();
  live = 0;
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, unit);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, extend_by);
    MUST(mps_pool_create_k(&pool, arena, mps_class_mfs(), args));
  }
  MPS_ARGS_END(args);
  for (int n = 0; n < (unit > 1000 ? 1000 : 20000); ++n) {
    Block *block = &blocks[unit_random(unit > 1000 ? 100 : BLOCKS)];
    mps_addr_t p;

    if (block->p != NULL) {
      free_block(block);
    } else {
      MUST(mps_alloc(&p, pool, unit));
      EXPECT((Word)p % 8 == 0);
      fill_block(block, p, unit, round_up(unit, 8));
    }
    check_sizes();
    EXPECT(mps_pool_total_size(pool) >= peak);
    peak = mps_pool_total_size(pool);
  }
  free_all();
  ck_assert_uint_eq(mps_pool_free_size(pool), peak);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}
END_TEST

/* The older way to create pools. */
START_TEST(positional_arguments)
{
  mps_pool_debug_option_s options = {"abc", 3, "xyz", 3};
  mps_addr_t p;

  arena = client_arena();
  MUST(mps_pool_create(&pool, arena, mps_class_mvff(), (size_t)4096,
                       (size_t)32, (size_t)16, 0, 0, 1));
  MUST(mps_alloc(&p, pool, 1));
  ck_assert_uint_eq(mps_pool_total_size(pool), 4096);
  ck_assert_uint_eq(mps_mvff_size(pool) - mps_mvff_free_size(pool), 16);
  mps_pool_destroy(pool);
  MUST(mps_pool_create(&pool, arena, mps_class_mvff_debug(), &options,
                       (size_t)4096, (size_t)32, (size_t)16, 0, 0, 1));
  MUST(mps_alloc(&p, pool, 1));
  ck_assert_uint_eq(mps_pool_total_size(pool) - mps_pool_free_size(pool), 48);
  mps_pool_destroy(pool);
  MUST(mps_pool_create(&pool, arena, mps_class_mfs(), (size_t)4096,
                       (size_t)24));
  MUST(mps_alloc(&p, pool, 24));
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}
END_TEST

/* Neither fences nor pattern, and no template for them. */
START_TEST(debug_without)
{
  static mps_pool_debug_option_s options = {NULL, 0, NULL, 0};
  mps_addr_t p;

  arena = client_arena();
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_POOL_DEBUG_OPTIONS, &options);
    MUST(mps_pool_create_k(&pool, arena, mps_class_mvff_debug(), args));
  }
  MPS_ARGS_END(args);
  MUST(mps_alloc(&p, pool, 40));
  ck_assert_uint_eq(mps_pool_total_size(pool) - mps_pool_free_size(pool), 40);
  memset(p, 0, 40);
  mps_free(pool, p, 40);
  memset(p, 0, 40);
  mps_pool_check_free_space(pool);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}
END_TEST

/* References in a block, which is registered as a root. */
START_TEST(roots_in_blocks)
{
  Options options = {.gens = 2};
  Client client = client_create(&options);
  Way way = {8, 65536, 0.75, 0, 0, 1, _i == 1};
  mps_addr_t table;
  mps_addr_t object;
  mps_root_t root;

  arena = client.arena;
  pool = make_mvff(&way);
  MUST(mps_alloc(&table, pool, 100 * WORD));
  memset(table, 0, 100 * WORD);
  root = root_table(arena, mps_rank_exact(), table, 100);
  for (Word i = 0; i < 100; ++i)
    ((mps_addr_t *)table)[i] = client_make(&client, 64, i);
  MUST(mps_arena_collect(arena));
  for (Word i = 0; i < 100; ++i)
    ck_assert(block_is_intact(((mps_addr_t *)table)[i], 0, i));
  ck_assert_int_eq(mps_addr_object(&object, arena, table), MPS_RES_UNIMPL);
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  client_destroy(&client);
}
END_TEST

/* Threads that share pools, each with blocks of its own; some with an
 * allocation point. */
enum {
  THREADS = 4
};

static mps_pool_t fixed;

static void *churn(void *closure)
{
  Word me = (Word)closure;
  Word *mine[64] = {NULL};
  mps_ap_t own;
  mps_addr_t p;

  MUST(mps_ap_create_k(&own, pool, mps_args_none));
  for (Word n = 0; n < 40000; ++n) {
    size_t i = n * 7 % 64;
    size_t size = i % 3 == 2 ? 40 : 8 * (1 + i);

    if (mine[i] != NULL) {
      EXPECT(mine[i][0] == (me << 32 | i));
      EXPECT(mine[i][size / 8 - 1] == (me << 32 | i));
      mps_free(i % 3 == 2 ? fixed : pool, mine[i], size);
      mine[i] = NULL;
      continue;
    }
    if (i % 3 == 0) {
      do
        MUST(mps_reserve(&p, own, size));
      while (!mps_commit(own, p, size));
    } else {
      MUST(mps_alloc(&p, i % 3 == 2 ? fixed : pool, size));
    }
    mine[i] = p;
    mine[i][0] = me << 32 | i;
    mine[i][size / 8 - 1] = me << 32 | i;
  }
  for (size_t i = 0; i < 64; ++i)
    if (mine[i] != NULL)
      mps_free(i % 3 == 2 ? fixed : pool, mine[i],
               i % 3 == 2 ? 40 : 8 * (1 + i));
  mps_ap_destroy(own);
  return NULL;
}

START_TEST(threads)
{
  Way way = {8, 65536, 0.5, 0, 0, 1, false};
  pthread_t thread[THREADS];

  arena = client_arena();
  pool = make_mvff(&way);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, 40);
    MUST(mps_pool_create_k(&fixed, arena, mps_class_mfs(), args));
  }
  MPS_ARGS_END(args);
  for (Word i = 0; i < THREADS; ++i)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, churn, (void *)i), 0);
  for (Word i = 0; i < THREADS; ++i)
    ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
  ck_assert_uint_eq(mps_pool_free_size(pool), mps_pool_total_size(pool));
  ck_assert_uint_eq(mps_pool_free_size(fixed), mps_pool_total_size(fixed));
  mps_pool_destroy(pool);
  mps_pool_destroy(fixed);
  mps_arena_destroy(arena);
}
END_TEST

/* COVERS: .mvff.ap.free: an allocation point that has nothing left doesn't
 * stand in the way of a block that begins where it ended. */
START_TEST(beside_a_full_allocation_point)
{
  mps_addr_t last = NULL;
  mps_addr_t next;
  mps_addr_t both;

  MUST(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none));
  pool = make_mvff(&(Way){.align = 8, .extend_by = 4096, .first_fit = true});
  MUST(mps_ap_create_k(&ap, pool, mps_args_none));
  do {
    MUST(mps_reserve(&last, ap, 64));
    ck_assert(mps_commit(ap, last, 64));
  } while (ap->init != ap->limit);
  MUST(mps_alloc(&next, pool, 4096));
  ck_assert_ptr_eq(next, ap->limit);
  mps_free(pool, last, 64);
  mps_free(pool, next, 4096);
  MUST(mps_alloc(&both, pool, 4096));
  ck_assert_ptr_eq(both, last);
  mps_free(pool, both, 4096);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}
END_TEST

/* A heap of many blocks: what one costs doesn't grow with their number.
 * COVERS: .mvff.req.scale */
START_TEST(many_blocks)
{
  enum {
    MANY = 1000000
  };
  Way way = {8, 65536, 0.75, 0, 0, 1, false};
  mps_addr_t *p = malloc(MANY * sizeof *p);
  clock_t start, few, many;
  mps_addr_t q;

  arena = client_arena();
  pool = make_mvff(&way);
  start = clock();
  for (int i = 0; i < MANY / 16; ++i)
    MUST(mps_alloc(&p[i], pool, 24 + (size_t)i % 7 * 8));
  few = clock() - start;
  for (int i = MANY / 16; i < MANY; ++i)
    MUST(mps_alloc(&p[i], pool, 24 + (size_t)i % 7 * 8));
  for (int i = 0; i < MANY; i += 2)
    mps_free(pool, p[i], 24 + (size_t)i % 7 * 8);
  start = clock();
  /* None of the holes is long enough for these. */
  for (int i = 0; i < MANY / 16; ++i)
    MUST(mps_alloc(&q, pool, 200));
  many = clock() - start;
  ck_assert_msg((double)many < 20 * (double)few + CLOCKS_PER_SEC / 10,
                "%g s, not %g s", (double)many / CLOCKS_PER_SEC,
                (double)few / CLOCKS_PER_SEC);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
  free(p);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("manual pools");

  unit_seed("manual pools");
  unit_add_loop(suite, "random", random_blocks, 36);
  unit_add_loop(suite, "holes", holes, 4);
  unit_add(suite, "ends", ends_of_the_arena);
  unit_add_loop(suite, "spare", spare_memory, 3);
  unit_add_loop(suite, "long", long_blocks, 2);
  unit_add_loop(suite, "refusals", refusals, 2);
  unit_add_loop(suite, "records", refusals_of_records, 2);
  unit_add(suite, "garbage", garbage_makes_room);
  unit_add_loop(suite, "fixed", fixed_size, 12);
  unit_add(suite, "positional", positional_arguments);
  unit_add(suite, "without", debug_without);
  unit_add_loop(suite, "roots", roots_in_blocks, 2);
  unit_add(suite, "threads", threads);
  unit_add(suite, "beside", beside_a_full_allocation_point);
  unit_add(suite, "many", many_blocks);
  return unit_run(suite);
}
