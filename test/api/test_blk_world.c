/* test_blk_world.c -- the block pool among moving pools, roots and threads
 *
 * COVERS(".blk.collect"), COVERS(".blk.collect.filter"),
 * COVERS(".blk.world"), COVERS(".blk.grow"), COVERS(".blk.named"), COVERS(".blk.region"),
 * COVERS(".trace.ambig"), COVERS(".trace.place"), COVERS(".poll.place")
 */

#include "blk_client.h"

#include <pthread.h>

/* In the arena's memory */

typedef struct World {
  Client amc;
  mps_pool_t pool;
  mps_thr_t thread;
  mps_root_t roots;
  mps_addr_t table[8];
} World;

static World world_of;

static void world_make(const Setup *setup)
{
  Options options = {.gens = 2, .capacity = 64};
  World *w = &world_of;

  memset(w, 0, sizeof *w);
  w->amc = client_create(&options);
  w->pool = make_pool(w->amc.arena, setup);
  w->roots = root_table(w->amc.arena, mps_rank_exact(), w->table, 8);
}

static void world_end(void)
{
  World *w = &world_of;

  mps_arena_park(w->amc.arena);
  mps_root_destroy(w->roots);
  mps_pool_destroy(w->pool);
  client_destroy(&w->amc);
}

static void full(void)
{
  MUST(mps_arena_collect(world_of.amc.arena));
  mps_arena_release(world_of.amc.arena);
}

/* Churn, so that minor collections happen. */
static void churn(size_t count)
{
  for (Word i = 0; i < count; ++i)
    (void)client_make(&world_of.amc, 64, i);
}

/* A block object pins what it refers to, while it is alive, also when it
 * was written long after the last collection. */
START_TEST(blocks_pin_moving_objects)
{
  World *w = &world_of;
  mps_addr_t *block;
  mps_addr_t object;

  world_make(&(Setup){0});
  block = w->table[0] = make(w->pool, 4, 0);
  block[2] = client_make(&w->amc, 64, 7);
  object = block[2];
  churn(20000);
  full();
  ck_assert_ptr_eq(block[2], object);
  ck_assert(block_is_intact(object, 0, 7));
  /* Narrow by now; written again, through whatever barrier there is. */
  churn(5000);
  block[1] = client_make(&w->amc, 64, 8);
  object = block[1];
  churn(20000);
  full();
  ck_assert_ptr_eq(block[1], object);
  ck_assert(block_is_intact(object, 0, 8));
  ck_assert(block_is_intact(block[2], 0, 7));
  world_end();
}
END_TEST

/* A moving object keeps the block objects that it refers to, by any address
 * in them, and moves itself. */
START_TEST(moving_objects_keep_blocks)
{
  World *w = &world_of;
  mps_addr_t *block;

  world_make(&(Setup){0});
  w->table[0] = client_make(&w->amc, 64, 1);
  block = make(w->pool, 40, 0);
  block[0] = (mps_addr_t)0x77;
  *block_slot(w->table[0], 0, 2) = (char *)block + (_i ? 100 : 0);
  block = NULL;
  (void)make(w->pool, 4, 0);
  churn(20000);
  MUST(mps_blk_collect(NULL, w->pool));
  ck_assert_uint_eq(objects(w->pool), 1);
  full();
  ck_assert_uint_eq(objects(w->pool), 1);
  ck_assert_uint_eq(
      *(Word *)((char *)*block_slot(w->table[0], 0, 2) - (_i ? 100 : 0)),
      0x77);
  w->table[0] = NULL;
  full();
  ck_assert_uint_eq(objects(w->pool), 0);
  world_end();
}
END_TEST

/* Cycles through both die in a collection of everything, and not by the
 * pool's own, for which the other pools are roots. */
START_TEST(cycles_are_reclaimed)
{
  World *w = &world_of;
  size_t used;

  world_make(&(Setup){.is_final = 1});
  full();
  used = pool_used(w->amc.pool);
  for (Word i = 0; i < 1000; ++i) {
    mps_addr_t *block = make(w->pool, 4, MPS_BLK_FINAL);
    mps_addr_t object;

    w->table[0] = block;
    object = client_make(&w->amc, 1024, i);
    block[1] = object;
    *block_slot(object, 0, 0) = block;
    if (i % 100 == 0) { /* some stay */
      block[0] = w->table[1];
      w->table[1] = block;
    }
  }
  w->table[0] = NULL;
  MUST(mps_blk_collect(NULL, w->pool));
  ck_assert_uint_ge(objects(w->pool), 10);
  full();
  ck_assert_uint_eq(objects(w->pool), 10);
  ck_assert_uint_eq(finals.count, 990);
  ck_assert_uint_lt(pool_used(w->amc.pool), used + 200 * KB);
  {
    size_t length = 0;

    for (mps_addr_t *p = w->table[1]; p != NULL; p = p[0], ++length) {
      ck_assert(block_is_intact(p[1], 0, 900 - 100 * length));
      ck_assert_ptr_eq(*block_slot(p[1], 0, 0), p);
    }
    ck_assert_uint_eq(length, 10);
  }
  w->table[1] = NULL;
  full();
  ck_assert_uint_eq(objects(w->pool), 0);
  world_end();
}
END_TEST

/* Long chains block -> object -> block ...: everything that is reachable
 * survives, however the marking goes back and forth. */
START_TEST(long_chains_through_both)
{
  World *w = &world_of;
  mps_addr_t last = NULL;
  size_t length = 0;

  world_make(&(Setup){.stack = 4});
  for (Word i = 0; i < 3000; ++i) {
    mps_addr_t *block = make(w->pool, 4, 0);
    mps_addr_t object;

    block[0] = last;
    w->table[1] = block;
    object = client_make(&w->amc, 48, i);
    *block_slot(object, 0, 0) = block;
    /* The last one as it is now: it moves. */
    w->table[0] = object;
    block[1] = object;
    last = block;
  }
  w->table[1] = NULL;
  full();
  for (mps_addr_t *p = *block_slot(w->table[0], 0, 0); p != NULL; p = p[0]) {
    ck_assert(block_is_intact(p[1], 0, 2999 - length));
    ++length;
  }
  ck_assert_uint_eq(length, 3000);
  ck_assert_uint_eq(objects(w->pool), 3000);
  world_end();
}
END_TEST

/* The pool's own collection: the stack, registers, roots and other pools,
 * another block pool among them. */
START_TEST(collect_knows_all_roots)
{
  World *w = &world_of;
  mps_pool_t other;
  mps_root_t stack;
  mps_addr_t *volatile here;
  void *cold = __builtin_frame_address(0);
  mps_addr_t *there;

  world_make(&(Setup){0});
  other = make_pool(w->amc.arena, &(Setup){0});
  MUST(mps_thread_reg(&w->thread, w->amc.arena));
  MUST(mps_root_create_thread(&stack, w->amc.arena, w->thread, cold));
  here = make(w->pool, 4, 0);
  there = make(other, 4, 0);
  there[3] = make(w->pool, 4, 0);
  w->table[0] = there;
  w->table[1] = make(w->pool, 4, 0);
  for (int i = 0; i < 1000; ++i)
    (void)make(w->pool, 4, 0);
  MUST(mps_blk_collect(NULL, w->pool));
  ck_assert_uint_ge(objects(w->pool), 3);
  ck_assert_uint_le(objects(w->pool), 6); /* stale words on the stack */
  ck_assert_uint_eq(mps_blk_size(w->pool, here), 32);
  ck_assert_uint_eq(mps_blk_size(w->pool, there[3]), 32);
  ck_assert_uint_eq(mps_blk_size(w->pool, w->table[1]), 32);
  full();
  ck_assert_uint_eq(mps_blk_size(w->pool, there[3]), 32);
  mps_root_destroy(stack);
  mps_thread_dereg(w->thread);
  mps_pool_destroy(other);
  world_end();
}
END_TEST

/* What is between reserve and commit isn't looked at: so it must be made
 * again after a collection of the pool's own, as after any other. */
START_TEST(collect_traps_what_is_being_made)
{
  World *w = &world_of;
  mps_addr_t p;

  world_make(&(Setup){0});
  (void)make(w->pool, 4, 0);
  MUST(mps_reserve(&p, w->amc.ap, 64));
  block_init(p, 64, 0, KIND_OBJ, 1);
  MUST(mps_blk_collect(NULL, w->pool));
  ck_assert(!mps_commit(w->amc.ap, p, 64));
  MUST(mps_reserve(&p, w->amc.ap, 64));
  block_init(p, 64, 0, KIND_OBJ, 2);
  ck_assert(mps_commit(w->amc.ap, p, 64));
  world_end();
}
END_TEST

/* A client's memory takes part as a root. */
START_TEST(own_memory_is_a_root)
{
  World *w = &world_of;
  mps_addr_t *block;
  mps_addr_t object;

  world_make(&(Setup){.memory = memory, .memory_size = sizeof memory});
  block = make(w->pool, 4, 0);
  object = block[0] = client_make(&w->amc, 64, 5);
  churn(20000);
  full();
  ck_assert_ptr_eq(block[0], object);
  ck_assert(block_is_intact(object, 0, 5));
  w->table[0] = (char *)block + 8;
  MUST(mps_blk_collect(NULL, w->pool));
  ck_assert_uint_eq(objects(w->pool), 1);
  w->table[0] = NULL;
  MUST(mps_blk_collect(NULL, w->pool));
  ck_assert_uint_eq(objects(w->pool), 0);
  world_end();
}
END_TEST

/* A locked pool isn't collected by the arena either, and keeps what it
 * refers to. */
START_TEST(locked_pools_are_roots)
{
  World *w = &world_of;
  mps_addr_t *block;
  mps_addr_t object;

  world_make(&(Setup){0});
  block = make(w->pool, 4, 0);
  object = block[0] = client_make(&w->amc, 64, 5);
  mps_blk_lock(w->pool);
  full();
  ck_assert_uint_eq(objects(w->pool), 1);
  ck_assert_ptr_eq(block[0], object);
  ck_assert(block_is_intact(object, 0, 5));
  mps_blk_unlock(w->pool);
  mps_blk_mark_begin(w->pool); /* nor one that is being collected */
  full();
  ck_assert(block_is_intact(object, 0, 5));
  ck_assert_uint_eq(mps_blk_mark_end(w->pool), 1);
  world_end();
}
END_TEST


/* Growing, limits */

START_TEST(grows_by_headroom_and_gives_back)
{
  World *w = &world_of;
  mps_blk_info_s info;
  mps_addr_t *list = NULL;

  world_make(&(Setup){.extend_by = 64 * KB});
  for (int i = 0; i < 40000; ++i) {
    mps_addr_t *p = make(w->pool, 4, 0);

    p[0] = list;
    list = w->table[0] = p;
  }
  info = info_of(w->pool);
  ck_assert_uint_gt(info.regions, 1);
  ck_assert_uint_eq(info.objects, 40000);
  MUST(mps_blk_collect(NULL, w->pool));
  info = info_of(w->pool);
  ck_assert_uint_eq(info.objects, 40000);
  ck_assert(info.free * 100 >= info.total * 32);
  ck_assert_uint_lt(info.total, 40000 * 32 * 4);
  list = NULL;
  w->table[0] = NULL;
  MUST(mps_blk_collect(NULL, w->pool));
  info = info_of(w->pool);
  ck_assert_uint_eq(info.objects, 0);
  ck_assert_uint_eq(info.regions, 1);
  world_end();
}
END_TEST

/* An object that nobody wants any more may still be there, and refer to what
 * the client has freed: its memory isn't made use of for anything else. */

/* Returns the only object in the last region of three. */
static mps_addr_t fill_regions(World *w)
{
  mps_addr_t *list = NULL;
  mps_addr_t *p;

  do {
    w->table[0] = list;
    p = make(w->pool, 64 * KB / WORD, 0);
    p[0] = list;
    list = p;
  } while (info_of(w->pool).regions < 3);
  return p;
}

static void make_regions(World *w, mps_addr_t *ref_out)
{
  *ref_out = fill_regions(w);
  mps_blk_free(w->pool, *ref_out);
  w->table[0] = make(w->pool, 4, 0);
}

/* Is it in the pool's memory? */
static int is_there(mps_addr_t block)
{
  mps_pool_t pool = NULL;

  return mps_addr_pool(&pool, world_of.amc.arena, block)
         && pool == world_of.pool;
}

static void collect_by(int i)
{
  World *w = &world_of;

  if (i == 0)
    MUST(mps_blk_collect(NULL, w->pool));
  else
    full();
}

START_TEST(what_names_the_freed_keeps_memory)
{
  World *w = &world_of;
  mps_addr_t freed;

  world_make(&(Setup){.extend_by = 64 * KB, .headroom = 0.01});
  w->table[1] = client_make(&w->amc, 64, 3);
  make_regions(w, &w->table[2]);
  freed = *block_slot(w->table[1], 0, 0) = w->table[2];
  w->table[2] = NULL;
  for (int round = 0; round < 3; ++round)
    collect_by(_i);
  ck_assert(is_there(freed));
  *block_slot(w->table[1], 0, 0) = NULL;
  collect_by(_i);
  ck_assert(!is_there(freed));
  world_end();
}
END_TEST

static void expect_kept(mps_addr_t freed, int is_kept)
{
  collect_by(0);
  ck_assert_int_eq(is_there(freed), is_kept);
}

/* The same where an address that was freed lies inside another object by now,
 * and only first addresses count. */
START_TEST(what_names_the_middle_keeps_memory)
{
  World *w = &world_of;
  mps_addr_t grown;
  mps_addr_t freed;

  world_make(
      &(Setup){.extend_by = 64 * KB, .headroom = 0.01, .is_base_only = 1});
  w->table[1] = client_make(&w->amc, 64, 3);
  grown = fill_regions(w);
  MUST(mps_blk_realloc(&grown, w->pool, 32, 0));
  freed = make(w->pool, 32 * KB / WORD, 0);
  ck_assert((char *)freed > (char *)grown
            && (char *)freed < (char *)grown + 64 * KB);
  *block_slot(w->table[1], 0, 0) = freed;
  mps_blk_free(w->pool, freed);
  MUST(mps_blk_realloc(&grown, w->pool, 64 * KB, 0));
  w->table[0] = make(w->pool, 4, 0);
  expect_kept(freed, 1);
  *block_slot(w->table[1], 0, 0) = NULL;
  expect_kept(freed, 0);
  world_end();
}
END_TEST

/* A message names it no more, taken or not. */
START_TEST(messages_about_the_freed_keep_nothing)
{
  World *w = &world_of;
  mps_message_t message;
  mps_addr_t freed;

  world_make(&(Setup){.extend_by = 64 * KB, .headroom = 0.01});
  mps_message_type_enable(w->amc.arena, mps_message_type_finalization());
  freed = fill_regions(w);
  MUST(mps_finalize(w->amc.arena, &freed));
  w->table[0] = make(w->pool, 4, 0);
  expect_kept(freed, 1);
  ck_assert(mps_message_get(&message, w->amc.arena,
                            mps_message_type_finalization()));
  mps_blk_free(w->pool, freed);
  expect_kept(freed, 0);
  mps_message_discard(w->amc.arena, message);
  world_end();
}
END_TEST

/* The client that marks by itself says nothing about other pools. */
START_TEST(client_marking_gives_nothing_back)
{
  World *w = &world_of;
  mps_addr_t freed;

  world_make(&(Setup){.extend_by = 64 * KB, .headroom = 0.01});
  make_regions(w, &freed);
  if (_i == 0) {
    mps_blk_mark_begin(w->pool);
    mps_blk_mark(w->pool, &w->table[0], 1);
    (void)mps_blk_mark_end(w->pool);
  } else {
    w->table[0] = NULL;
    (void)mps_blk_final_all(w->pool);
  }
  ck_assert(is_there(freed));
  expect_kept(freed, 0);
  world_end();
}
END_TEST

/* A weak root forgets it. */
START_TEST(weak_references_forget_the_freed)
{
  World *w = &world_of;
  mps_addr_t weak[2] = {NULL, NULL};
  mps_root_t root;

  world_make(&(Setup){.extend_by = 64 * KB, .headroom = 0.01});
  root = root_table(w->amc.arena, mps_rank_weak(), weak, 2);
  make_regions(w, &weak[0]);
  weak[1] = w->table[0];
  collect_by(_i);
  ck_assert_ptr_null(weak[0]);
  ck_assert_ptr_eq(weak[1], w->table[0]);
  mps_root_destroy(root);
  world_end();
}
END_TEST

/* A pool that is to be half free has more memory for the same objects. */
START_TEST(headroom_is_what_was_asked_for)
{
  static const double asked[] = {0.1, 0.6};
  World *w = &world_of;
  mps_blk_info_s info;
  mps_addr_t *list = NULL;

  world_make(&(Setup){.extend_by = 64 * KB, .headroom = asked[_i]});
  for (int i = 0; i < 40000; ++i) {
    mps_addr_t *p = make(w->pool, 4, 0);

    p[0] = list;
    list = w->table[0] = p;
  }
  MUST(mps_blk_collect(NULL, w->pool));
  info = info_of(w->pool);
  ck_assert_uint_eq(info.objects, 40000);
  ck_assert((double)info.free >= (asked[_i] - 0.02) * (double)info.total);
  ck_assert((info.free * 2 < info.total) == (_i == 0));
  list = w->table[0] = NULL;
  world_end();
}
END_TEST

START_TEST(max_size_holds)
{
  World *w = &world_of;
  mps_addr_t p;
  mps_addr_t *list = NULL;
  mps_res_t res;

  world_make(&(Setup){.extend_by = 64 * KB, .max_size = 300 * KB});
  while ((res = mps_blk_alloc(&p, w->pool, 32, 0)) == MPS_RES_OK) {
    *(mps_addr_t *)p = list;
    list = w->table[0] = p;
    ((mps_addr_t *)p)[1] = ((mps_addr_t *)p)[2] = ((mps_addr_t *)p)[3] = NULL;
  }
  ck_assert_int_eq(res, MPS_RES_MEMORY);
  ck_assert_uint_le(mps_pool_total_size(w->pool), 300 * KB);
  ck_assert_uint_gt(objects(w->pool) * 32, 200 * KB);
  mps_blk_free(w->pool, p = w->table[0]);
  MUST(mps_blk_alloc(&p, w->pool, 32, 0));
  world_end();
}
END_TEST

/* fill_with -- as many objects as a pool of at most that size takes */

static size_t fill_with(size_t max, unsigned flags)
{
  Setup setup = {.extend_by = 8 * KB, .max_size = max};
  mps_pool_t pool = make_pool(world_of.amc.arena, &setup);
  size_t size, count = 0;
  mps_addr_t p = NULL;

  mps_blk_auto_set(pool, 0);
  while (mps_blk_alloc(&p, pool, 32, 0) == MPS_RES_OK)
    ck_assert_uint_le(++count * 32, max);
  mps_blk_free(pool, p);
  MUST(mps_blk_alloc(&p, pool, 32, flags));
  while (mps_blk_alloc(&p, pool, 32, 0) == MPS_RES_OK)
    ck_assert_uint_le(++count * 32, max);
  size = mps_pool_total_size(pool);
  ck_assert_uint_le(size, max);
  mps_pool_destroy(pool);
  return size;
}

/* To the last byte, and where flags need a table of their own. */
START_TEST(max_size_holds_exactly)
{
  world_make(&(Setup){0});
  for (size_t most = 60 * KB; most < 1000 * KB; most *= 2) {
    size_t max = most, full;

    while ((full = fill_with(max, 0)) != max)
      max = full;
    (void)fill_with(max, MPS_BLK_LEAF);
    (void)fill_with(max + 100, MPS_BLK_LEAF);
  }
  world_end();
}
END_TEST

/* Sizes beyond all memory are answered, soon. */
START_TEST(absurd_sizes_are_results)
{
  static const size_t sizes[]
      = {SIZE_MAX, SIZE_MAX - 40, SIZE_MAX / 2, (size_t)1 << (WORD * 8 - 2)};
  World *w = &world_of;
  mps_addr_t p = NULL;

  world_make(&(Setup){.extend_by = sizes[_i]});
  ck_assert_int_ne(mps_blk_alloc(&p, w->pool, sizes[_i], 0), MPS_RES_OK);
  ck_assert_int_ne(mps_alloc(&p, w->pool, sizes[_i]), MPS_RES_OK);
  ck_assert_int_ne(mps_blk_extend(w->pool, NULL, sizes[_i]), MPS_RES_OK);
  ck_assert_ptr_null(p);
  MUST(mps_blk_alloc(&p, w->pool, 100, 0));
  ck_assert_int_ne(mps_blk_realloc(&p, w->pool, sizes[_i], 1), MPS_RES_OK);
  ck_assert_uint_eq(mps_blk_size(w->pool, p), 128);
  world_end();
}
END_TEST

START_TEST(commit_limit_is_a_result)
{
  World *w = &world_of;
  mps_addr_t p;
  mps_addr_t *list = NULL;
  mps_res_t res;

  world_make(&(Setup){.extend_by = 64 * KB});
  MUST(mps_arena_commit_limit_set(w->amc.arena,
                                  mps_arena_committed(w->amc.arena) + 1 * MB));
  while ((res = mps_blk_alloc(&p, w->pool, 1000, 0)) == MPS_RES_OK) {
    memset(p, 0, 1000);
    *(mps_addr_t *)p = list;
    list = w->table[0] = p;
  }
  ck_assert_int_eq(res, MPS_RES_COMMIT_LIMIT);
  list = w->table[0] = NULL;
  for (int i = 0; i < 10000; ++i)
    (void)make(w->pool, 100, 0);
  world_end();
}
END_TEST

/* At the limit the pool grows by ever less, and not by object; and before an
 * allocation elsewhere is refused, dead blocks give way. */
START_TEST(dead_blocks_give_way)
{
  World *w = &world_of;
  mps_addr_t p;
  mps_res_t res;

  world_make(&(Setup){0});
  mps_blk_auto_set(w->pool, 0);
  MUST(mps_arena_commit_limit_set(
      w->amc.arena, mps_arena_committed(w->amc.arena) + 16 * MB));
  while ((res = mps_blk_alloc(&p, w->pool, 4096, 0)) == MPS_RES_OK)
    memset(p, 0, 4096);
  ck_assert_int_eq(res, MPS_RES_COMMIT_LIMIT);
  ck_assert_uint_gt(objects(w->pool), 3900);
  ck_assert_uint_lt(info_of(w->pool).regions, 64);
  for (Word i = 0; i < 1000; ++i)
    w->table[i % 8] = client_make(&w->amc, 4096, i);
  ck_assert_uint_lt(objects(w->pool), 3);
  world_end();
}
END_TEST

/* Tables, with finalizers: at most 1.2 % */
START_TEST(tables_are_small)
{
  World *w = &world_of;
  mps_blk_info_s info;
  Setup setup
      = {.is_final = 2, .extend_by = ((size_t)1 + 31 * (size_t)_i) * MB};

  world_make(&setup);
  (void)make(w->pool, 4, 0);
  info = info_of(w->pool);
  ck_assert_msg((double)info.tables
                    <= 0.012 * (double)(info.total + info.tables) + 2100.0,
                "%zu of %zu", info.tables, info.total);
  world_end();
}
END_TEST


/* Other doors */

START_TEST(alloc_and_free)
{
  World *w = &world_of;
  mps_addr_t p = NULL;

  world_make(&(Setup){0});
  MUST(mps_alloc(&p, w->pool, 50));
  ck_assert_uint_eq(mps_blk_size(w->pool, p), 64);
  mps_free(w->pool, p, 50);
  ck_assert_uint_eq(objects(w->pool), 0);
  ck_assert_uint_eq(mps_pool_total_size(w->pool) - mps_pool_free_size(w->pool),
                    info_of(w->pool).tables - 256 * WORD);
  world_end();
}
END_TEST


/* Threads */

typedef struct Worker {
  mps_arena_t arena;
  mps_pool_t pool;
  unsigned seed;
  pthread_t thread;
} Worker;

static __attribute__((noinline)) void worker_churn(const Worker *worker)
{
  mps_addr_t *volatile list = NULL;
  size_t length = 0;

  for (unsigned i = 0; i < 20000; ++i) {
    mps_addr_t p = NULL;

    MUST(mps_blk_alloc(&p, worker->pool, 24 + i % 100, 0));
    memset(p, 0, mps_blk_size(worker->pool, p));
    ((mps_addr_t *)p)[0] = list;
    ((Word *)p)[1] = worker->seed;
    list = p;
    if (++length == 300) {
      for (mps_addr_t *q = list; q != NULL; q = q[0])
        EXPECT((Word)q[1] == worker->seed);
      list = NULL;
      length = 0;
    }
  }
}

static void *worker_run(void *closure)
{
  Worker *worker = closure;
  void *cold = __builtin_frame_address(0);
  mps_thr_t thread;
  mps_root_t root;

  MUST(mps_thread_reg(&thread, worker->arena));
  MUST(mps_root_create_thread(&root, worker->arena, thread, cold));
  worker_churn(worker);
  mps_root_destroy(root);
  mps_thread_dereg(thread);
  return NULL;
}

START_TEST(several_threads)
{
  World *w = &world_of;
  Worker workers[4];

  world_make(&(Setup){.extend_by = 128 * KB, .threshold = 256 * KB});
  /* It makes objects too, though it keeps none. */
  MUST(mps_thread_reg(&w->thread, w->amc.arena));
  for (unsigned i = 0; i < 4; ++i) {
    workers[i] = (Worker){w->amc.arena, w->pool, i + 1000, 0};
    ck_assert_int_eq(
        pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]), 0);
  }
  churn(5000);
  for (unsigned i = 0; i < 4; ++i)
    (void)pthread_join(workers[i].thread, NULL);
  mps_thread_dereg(w->thread);
  ck_assert_uint_gt(info_of(w->pool).collections, 0);
  full();
  world_end();
}
END_TEST


int main(void)
{
  Suite *suite = suite_create("blk_world");

  unit_seed("blk_world");
  unit_add(suite, "pin", blocks_pin_moving_objects);
  unit_add_loop(suite, "keep", moving_objects_keep_blocks, 2);
  unit_add(suite, "cycles", cycles_are_reclaimed);
  unit_add(suite, "chains", long_chains_through_both);
  unit_add(suite, "collect", collect_knows_all_roots);
  unit_add(suite, "traps", collect_traps_what_is_being_made);
  unit_add(suite, "own memory", own_memory_is_a_root);
  unit_add(suite, "locked", locked_pools_are_roots);
  unit_add(suite, "grow", grows_by_headroom_and_gives_back);
  unit_add_loop(suite, "headroom", headroom_is_what_was_asked_for, 2);
  unit_add_loop(suite, "named", what_names_the_freed_keeps_memory, 2);
  unit_add(suite, "middle", what_names_the_middle_keeps_memory);
  unit_add(suite, "message", messages_about_the_freed_keep_nothing);
  unit_add_loop(suite, "client", client_marking_gives_nothing_back, 2);
  unit_add_loop(suite, "forget", weak_references_forget_the_freed, 2);
  unit_add(suite, "max", max_size_holds);
  unit_add(suite, "max exactly", max_size_holds_exactly);
  unit_add_loop(suite, "absurd", absurd_sizes_are_results, 4);
  unit_add(suite, "commit", commit_limit_is_a_result);
  unit_add(suite, "give way", dead_blocks_give_way);
  unit_add_loop(suite, "tables", tables_are_small, 2);
  unit_add(suite, "doors", alloc_and_free);
  unit_add(suite, "threads", several_threads);
  return unit_run(suite);
}
