/* test_blk.c -- the block pool as clients see it, in their own memory
 *
 * COVERS(".blk.collect"), COVERS(".blk.calls"), COVERS(".blk.memory"),
 * COVERS(".blk.extend"), COVERS(".blk.alloc"), COVERS(".blk.realloc"),
 * COVERS(".blk.leaves"), COVERS(".blk.layout"), COVERS(".blk.info"),
 * COVERS(".blk.dump")
 */

#include "blk_client.h"

/* In the client's memory */

/* Unaligned ends, a small heap, everything inside, nothing beyond. */
START_TEST(memory_is_all_it_uses)
{
  static unsigned char bytes[2048 + 64];
  mps_arena_t arena = client_arena();
  size_t at = (size_t)_i;
  mps_pool_t pool;
  mps_addr_t p;
  size_t count = 0;
  Setup setup = {.memory = bytes + 16 + at, .memory_size = 2000 + at};

  memset(bytes, 0xA5, sizeof bytes);
  pool = make_pool(arena, &setup);
  while (mps_blk_alloc(&p, pool, 32, 0) == MPS_RES_OK) {
    ck_assert((Word)p % 32 == 0);
    ck_assert((unsigned char *)p >= bytes + 16 + at
              && (unsigned char *)p + 32 <= bytes + 16 + at + 2000 + at);
    memset(p, 0, 32);
    ++count;
  }
  ck_assert_uint_ge(count, 40);
  ck_assert_uint_eq(collect_from(pool, NULL, 0), count);
  for (size_t i = 0; i < 16 + at; ++i)
    ck_assert_uint_eq(bytes[i], 0xA5);
  for (size_t i = 16 + at + 2000 + at; i < sizeof bytes; ++i)
    ck_assert_uint_eq(bytes[i], 0xA5);
  finish(arena, pool);
}
END_TEST

/* A new pool over the old one's memory, without destroying that first. */
START_TEST(memory_may_be_used_again)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){0});
  mps_pool_t again;
  Setup setup = {.memory = memory, .memory_size = sizeof memory};

  (void)make(pool, 4, 0);
  memset(memory, 0x5A, sizeof memory);
  again = make_pool(arena, &setup);
  (void)make(again, 4, 0);
  mps_arena_collect(arena);
  ck_assert_uint_eq(objects(again), 1);
  ck_assert_uint_eq(objects(pool), 0);
  mps_pool_destroy(again);
  finish(arena, pool);
}
END_TEST

/* What has no room for a pool isn't taken from one that lives there. */
START_TEST(memory_is_tried_first)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){0}), small = NULL;

  (void)make(pool, 4, 0);
  for (size_t size = 8; size <= 300; size += 292) {
    MPS_ARGS_BEGIN(args)
    {
      MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY, memory + 100);
      MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY_SIZE, size);
      ck_assert_int_eq(mps_pool_create_k(&small, arena, mps_class_blk(), args),
                       MPS_RES_MEMORY);
    }
    MPS_ARGS_END(args);
    ck_assert_uint_eq(objects(pool), 1);
  }
  finish(arena, pool);
}
END_TEST

/* COVERS(".blk.alloc.points") */
START_TEST(points_are_not_implemented)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){0});
  mps_ap_t ap = NULL;

  ck_assert_int_eq(mps_ap_create_k(&ap, pool, mps_args_none), MPS_RES_UNIMPL);
  ck_assert_ptr_null(ap);
  finish(arena, pool);
}
END_TEST

START_TEST(memory_may_grow)
{
  static Word apart[4096 + 8]; /* it may begin where memory ends */
  Word *more = apart + 8;
  size_t more_size = sizeof apart - 8 * WORD;
  mps_arena_t arena = client_arena();
  Setup setup = {.memory = memory,
                 .memory_size = MEMORY_SIZE / 4,
                 .is_final = 1,
                 .has_leaves = 1};
  mps_pool_t pool = make_pool(arena, &setup);
  mps_addr_t *p = make(pool, 4, MPS_BLK_FINAL | MPS_BLK_LEAF);
  size_t before = info_of(pool).total;
  size_t kept = 0;
  mps_addr_t object;

  /* Goes on where the first ends: the same region. */
  MUST(mps_blk_extend(pool, (char *)memory + MEMORY_SIZE / 4,
                      MEMORY_SIZE / 4 * 3));
  ck_assert_uint_eq(info_of(pool).regions, 1);
  ck_assert_uint_gt(info_of(pool).total, before * 3);
  ck_assert_uint_eq(mps_blk_flags(pool, p), MPS_BLK_FINAL | MPS_BLK_LEAF);
  /* Larger than the first part was. */
  MUST(mps_blk_alloc(&object, pool, MEMORY_SIZE / 2, 0));
  memset(object, 0, MEMORY_SIZE / 2);
  MUST(mps_blk_extend(pool, more, more_size));
  ck_assert_uint_eq(info_of(pool).regions, 2);
  while (mps_blk_alloc(&object, pool, 64, 0) == MPS_RES_OK) {
    memset(object, 0, 64);
    kept += object >= (mps_addr_t)more
            && object < (mps_addr_t)(apart + NELEMS(apart));
  }
  ck_assert_uint_gt(kept, 100);
  ck_assert_int_eq(mps_blk_extend(pool, more, 64), MPS_RES_PARAM);
  (void)collect_from(pool, (mps_addr_t *)&p, 1);
  ck_assert_uint_eq(objects(pool), 1);
  finish(arena, pool);
}
END_TEST


/* Every block size; what is zero; sizes */

START_TEST(block_sizes)
{
  size_t block = WORD * ((size_t)2 << _i);
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.block = block, .is_clear = 1});
  mps_addr_t p[3];
  mps_addr_t base = NULL;

  MUST(mps_blk_alloc(&p[0], pool, 1, 0));
  MUST(mps_blk_alloc(&p[1], pool, block, 0));
  MUST(mps_blk_alloc(&p[2], pool, block + 1, 0));
  ck_assert_uint_eq(mps_blk_size(pool, p[0]), block);
  ck_assert_uint_eq(mps_blk_size(pool, p[1]), block);
  ck_assert_uint_eq(mps_blk_size(pool, p[2]), 2 * block);
  for (size_t i = 0; i < 3; ++i)
    for (size_t k = 0; k < mps_blk_size(pool, p[i]); ++k)
      ck_assert_uint_eq(((unsigned char *)p[i])[k], 0);
  ck_assert(mps_blk_object(&base, pool, (char *)p[2] + 2 * block - 1));
  ck_assert_ptr_eq(base, p[2]);
  ck_assert(!mps_blk_object(&base, pool, (char *)p[2] + 2 * block));
  ck_assert(!mps_blk_object(&base, pool, NULL));
  ck_assert(!mps_blk_object(&base, pool, &base));
  ck_assert_uint_eq(mps_blk_size(pool, (char *)p[2] + 1), 0);
  ck_assert_uint_eq(mps_blk_size(pool, (char *)p[2] + block), 0);
  ck_assert_uint_eq(mps_blk_size(pool, NULL), 0);
  ck_assert_uint_eq(mps_blk_state(pool, (char *)p[2] + block),
                    MPS_BLK_STATE_TAIL);
  ck_assert_uint_eq(mps_blk_state(pool, (char *)p[2] + 2 * block),
                    MPS_BLK_STATE_FREE);
  ck_assert_uint_eq(mps_blk_state(pool, &base), MPS_BLK_STATE_NONE);
  ck_assert_uint_eq(collect_from(pool, &p[2], 1), 2);
  ck_assert_uint_eq(objects(pool), 1);
  finish(arena, pool);
}
END_TEST

START_TEST(slack_is_zero)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){0});
  mps_addr_t p;

  for (size_t size = 1; size < 200; ++size) {
    MUST(mps_blk_alloc(&p, pool, size, 0));
    for (size_t i = size; i < mps_blk_size(pool, p); ++i)
      ck_assert_uint_eq(((unsigned char *)p)[i], 0);
    memset(p, 0xEE, mps_blk_size(pool, p));
    mps_blk_free(pool, p);
  }
  ck_assert_int_eq(mps_blk_alloc(&p, pool, SIZE_MAX, 0), MPS_RES_MEMORY);
  ck_assert_int_eq(mps_blk_alloc(&p, pool, SIZE_MAX - 8, 0), MPS_RES_MEMORY);
  ck_assert_int_eq(mps_blk_alloc(&p, pool, MEMORY_SIZE, 0), MPS_RES_MEMORY);
  finish(arena, pool);
}
END_TEST

START_TEST(poison_fills_what_is_free)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.is_poison = 1});
  unsigned char *p = (unsigned char *)make(pool, 8, 0);

  mps_blk_free(pool, p);
  for (size_t i = 0; i < 64; ++i)
    ck_assert_uint_eq(p[i], 0xDB);
  p = (unsigned char *)make(pool, 8, 0);
  (void)collect_from(pool, NULL, 0);
  for (size_t i = 0; i < 64; ++i)
    ck_assert_uint_eq(p[i], 0xDB);
  finish(arena, pool);
}
END_TEST

START_TEST(zero_may_have_an_address)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.is_zero = 1});
  mps_addr_t a = NULL;
  mps_addr_t b = NULL;

  MUST(mps_blk_alloc(&a, pool, 0, 0));
  MUST(mps_blk_alloc(&b, pool, 0, 0));
  ck_assert(a != NULL && a == b);
  ck_assert_uint_eq(mps_blk_size(pool, a), 0);
  mps_blk_free(pool, a);
  MUST(mps_blk_realloc(&a, pool, 40, 0));
  ck_assert_uint_eq(mps_blk_size(pool, a), 64);
  ck_assert_uint_eq(objects(pool), 1);
  finish(arena, pool);
}
END_TEST


/* Resizing */

START_TEST(realloc_in_place_and_moving)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.is_final = 1, .has_leaves = 1});
  unsigned flags = MPS_BLK_FINAL | MPS_BLK_LEAF | MPS_BLK_WEAK;
  mps_addr_t a = make(pool, 4, flags);
  mps_addr_t b;
  mps_addr_t old = a;

  *(Word *)a = 0x1234;
  MUST(mps_blk_realloc(&a, pool, 100, 0)); /* the next ones are free */
  ck_assert_ptr_eq(a, old);
  ck_assert_uint_eq(mps_blk_size(pool, a), 128);
  for (size_t i = 100; i < 128; ++i)
    ck_assert_uint_eq(((unsigned char *)a)[i], 0);
  b = make(pool, 4, 0);
  ck_assert_ptr_eq(b, (char *)a + 128);
  ck_assert_int_eq(mps_blk_realloc(&a, pool, 200, 0), MPS_RES_FAIL);
  ck_assert_ptr_eq(a, old);
  MUST(mps_blk_realloc(&a, pool, 200, 1));
  ck_assert(a != old);
  ck_assert_uint_eq(*(Word *)a, 0x1234);
  ck_assert_uint_eq(mps_blk_flags(pool, a), flags);
  ck_assert_uint_eq(mps_blk_size(pool, old), 0);
  MUST(mps_blk_realloc(&a, pool, 1, 0));
  ck_assert_uint_eq(mps_blk_size(pool, a), 32);
  MUST(mps_blk_realloc(&a, pool, 0, 0));
  ck_assert_ptr_null(a);
  ck_assert_uint_eq(finals.count, 0);
  ck_assert_uint_eq(objects(pool), 1);
  ck_assert_int_eq(mps_blk_realloc(&b, pool, MEMORY_SIZE, 1), MPS_RES_MEMORY);
  ck_assert_uint_eq(mps_blk_size(pool, b), 32);
  finish(arena, pool);
}
END_TEST


/* What is a reference */

START_TEST(interior_or_base_only)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.is_base_only = _i});
  mps_addr_t *p = make(pool, 40, 0);
  mps_addr_t inside = (char *)p + 133;
  mps_addr_t tail = (char *)p + 64; /* at a block that isn't a head */
  mps_addr_t beyond = (char *)p + 320;

  ck_assert_uint_eq(collect_from(pool, &inside, 1), _i ? 1 : 0);
  if (_i)
    p = make(pool, 40, 0);
  ck_assert_uint_eq(collect_from(pool, &tail, 1), _i ? 1 : 0);
  if (_i)
    p = make(pool, 40, 0);
  ck_assert_uint_eq(collect_from(pool, (mps_addr_t *)&p, 1), 0);
  ck_assert_uint_eq(collect_from(pool, &beyond, 1), 1);
  finish(arena, pool);
}
END_TEST

START_TEST(leaves_are_not_scanned)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.has_leaves = _i});
  mps_addr_t *leaf = make(pool, 4, MPS_BLK_LEAF);

  leaf[0] = make(pool, 4, 0);
  ck_assert_uint_eq(collect_from(pool, (mps_addr_t *)&leaf, 1), _i ? 1 : 0);
  finish(arena, pool);
}
END_TEST

/* A layout word has room of its own, also where one block was just had. */
START_TEST(layouts_have_room)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.has_layout = 1});
  mps_addr_t p;

  MUST(mps_blk_alloc(&p, pool, WORD, 0));
  MUST(mps_blk_alloc(&p, pool, WORD, 0));
  MUST(mps_blk_alloc(&p, pool, 4 * WORD, 0));
  ck_assert_uint_ge(mps_blk_size(pool, p), 4 * WORD);
  finish(arena, pool);
}
END_TEST

START_TEST(layouts_say_what_is_a_reference)
{
  static const mps_word_t map[] = {5};
  static const mps_blk_layout_s record = {3, map};
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.has_layout = 1});
  mps_word_t layouts[]
      = {0, MPS_BLK_LAYOUT(3, 5), (mps_word_t)&record, MPS_BLK_LAYOUT(1, 0)};
  size_t freed[] = {0, 4, 4, 12};
  mps_addr_t p = NULL;

  MUST(mps_blk_alloc_layout(&p, pool, 12 * WORD, layouts[_i], 0));
  ck_assert_uint_eq(mps_blk_size(pool, p), 16 * WORD - WORD);
  memset(p, 0, 12 * WORD);
  for (size_t i = 0; i < 12; ++i)
    ((mps_addr_t *)p)[i] = make(pool, 2, 0);
  ck_assert_uint_eq(collect_from(pool, &p, 1), freed[_i]);
  /* It goes along when the object grows, shrinks and moves. */
  MUST(mps_blk_realloc(&p, pool, 100 * WORD, 1));
  MUST(mps_blk_realloc(&p, pool, 12 * WORD, 1));
  for (size_t i = 0; i < 12; ++i)
    ((mps_addr_t *)p)[i] = make(pool, 2, 0);
  (void)collect_from(pool, &p, 1);
  ck_assert_uint_eq(objects(pool), 13 - freed[_i]);
  finish(arena, pool);
}
END_TEST


/* Finalizers */

/* All before any block is free: each reads what it refers to. */
static void read_neighbour(mps_addr_t object, void *closure)
{
  mps_addr_t *p = object;
  size_t *intact = closure;
  mps_addr_t q = NULL;

  ck_assert_int_eq(mps_blk_alloc(&q, the_pool, 8, 0), MPS_RES_FAIL);
  ck_assert(mps_blk_is_locked(the_pool));
  if (p[0] == NULL
      || (mps_blk_size(the_pool, p[0]) == 64 && ((Word *)p[0])[1] == 0xFEED))
    ++*intact;
}

START_TEST(finalizers_see_all_the_dead)
{
  mps_arena_t arena = client_arena();
  mps_addr_t *last = NULL;
  size_t intact = 0;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY, memory);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY_SIZE, sizeof memory);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL, (mps_fun_t)read_neighbour);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL_CLOSURE, &intact);
    MUST(mps_pool_create_k(&the_pool, arena, mps_class_blk(), args));
  }
  MPS_ARGS_END(args);
  for (int i = 0; i < 20; ++i) { /* to lower addresses */
    mps_addr_t *p = make(the_pool, 8, MPS_BLK_FINAL);

    p[0] = last;
    p[1] = (mps_addr_t)0xFEED;
    last = p;
  }
  ck_assert_uint_eq(collect_from(the_pool, NULL, 0), 20);
  ck_assert_uint_eq(intact, 20);
  ck_assert_uint_eq(collect_from(the_pool, NULL, 0), 0);
  ck_assert_uint_eq(intact, 20);
  finish(arena, the_pool);
}
END_TEST

START_TEST(weak_then_final_then_collected)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.is_final = 1});
  mps_addr_t kept = make(pool, 4, MPS_BLK_FINAL | MPS_BLK_WEAK);
  mps_addr_t dead = make(pool, 4, MPS_BLK_FINAL | MPS_BLK_WEAK);
  mps_addr_t freed = make(pool, 4, MPS_BLK_FINAL | MPS_BLK_WEAK);
  mps_addr_t late = make(pool, 4, 0);

  MUST(mps_blk_flags_set(pool, late, MPS_BLK_WEAK));
  mps_blk_free(pool, freed); /* runs nothing */
  ck_assert_uint_eq(collect_from(pool, &kept, 1), 2);
  ck_assert_uint_eq(finals.count, 1);
  ck_assert_ptr_eq(finals.seen[0], dead);
  ck_assert_uint_eq(weaks.count, 2);
  ck_assert_ptr_eq(weaks.seen[0], dead);
  ck_assert_ptr_eq(weaks.seen[1], late);
  ck_assert_uint_eq(order, 0);
  ck_assert_uint_eq(collected_count, 1);
  ck_assert_uint_eq(mps_blk_final_all(pool), 1);
  ck_assert_uint_eq(finals.count, 2);
  ck_assert_uint_eq(objects(pool), 0);
  finish(arena, pool);
}
END_TEST

/* A finalizer may free: itself, what's alive, what's dead. */
static mps_addr_t to_free[3];

static void free_some(mps_addr_t object, void *closure)
{
  (void)object;
  (void)closure;
  for (size_t i = 0; i < 3; ++i) {
    if (i == 1)
      MUST(mps_blk_realloc(&to_free[i], the_pool, 0, 0));
    else
      mps_blk_free(the_pool, to_free[i]);
    to_free[i] = NULL;
  }
}

START_TEST(finalizers_may_free)
{
  mps_arena_t arena = client_arena();
  mps_addr_t live[2];

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY, memory);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY_SIZE, sizeof memory);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL, (mps_fun_t)free_some);
    MUST(mps_pool_create_k(&the_pool, arena, mps_class_blk(), args));
  }
  MPS_ARGS_END(args);
  to_free[0] = make(the_pool, 30, MPS_BLK_FINAL);
  to_free[1] = make(the_pool, 30, MPS_BLK_FINAL);
  live[0] = to_free[2] = make(the_pool, 30, 0);
  live[1] = make(the_pool, 30, 0);
  ck_assert_uint_eq(collect_from(the_pool, live, 2), 0);
  ck_assert_uint_eq(objects(the_pool), 1);
  ck_assert_ptr_null(to_free[0]);
  /* How many there were, whoever freed them. */
  for (size_t i = 0; i < 3; ++i)
    to_free[i] = make(the_pool, 30, MPS_BLK_FINAL);
  ck_assert_uint_eq(mps_blk_final_all(the_pool), 4);
  ck_assert_uint_eq(objects(the_pool), 0);
  finish(arena, the_pool);
}
END_TEST


/* Locks, thresholds, the client's collector */

static mps_bool_t is_locked_now(mps_pool_t pool, void *closure)
{
  (void)pool;
  return *(mps_bool_t *)closure;
}

START_TEST(locks_nest)
{
  mps_bool_t flag = 0;
  mps_arena_t arena;
  mps_pool_t pool
      = own_pool(&arena, (Setup){.locked = is_locked_now, .closure = &flag});
  mps_addr_t p = make(pool, 4, 0);
  mps_addr_t q = p;

  mps_blk_lock(pool);
  mps_blk_lock(pool);
  mps_blk_unlock(pool);
  ck_assert(mps_blk_is_locked(pool));
  ck_assert_int_eq(mps_blk_alloc(&q, pool, 8, 0), MPS_RES_FAIL);
  ck_assert_int_eq(mps_blk_realloc(&q, pool, 800, 1), MPS_RES_FAIL);
  ck_assert_int_eq(mps_blk_realloc(&q, pool, 0, 1), MPS_RES_FAIL);
  ck_assert_int_eq(mps_blk_collect(NULL, pool), MPS_RES_FAIL);
  ck_assert_ptr_eq(p, q);
  mps_blk_unlock(pool);
  ck_assert(!mps_blk_is_locked(pool));
  flag = 1;
  ck_assert(mps_blk_is_locked(pool));
  ck_assert_int_eq(mps_blk_alloc(&q, pool, 8, 0), MPS_RES_FAIL);
  flag = 0;
  MUST(mps_blk_alloc(&q, pool, 8, 0));
  finish(arena, pool);
}
END_TEST

static mps_addr_t collect_roots[2];
static unsigned collect_calls;

static void collect_mine(mps_pool_t pool, void *closure)
{
  (void)closure;
  ++collect_calls;
  (void)collect_from(pool, collect_roots, 2);
}

/* Seed A's bug 3: one collection, not two, where one is due and nothing is
 * free after it. */
START_TEST(threshold_collects_once)
{
  mps_arena_t arena;
  mps_pool_t pool
      = own_pool(&arena, (Setup){.collect = collect_mine, .threshold = 4096});
  mps_addr_t p;

  collect_calls = 0;
  memset(collect_roots, 0, sizeof collect_roots);
  for (int i = 0; i < 128; ++i)
    (void)make(pool, 4, 0);
  ck_assert_uint_eq(collect_calls, 0);
  ck_assert_uint_eq(mps_blk_allocated(pool), 4096);
  (void)make(pool, 4, 0);
  ck_assert_uint_eq(collect_calls, 1);
  ck_assert_uint_eq(objects(pool), 1);
  mps_blk_allocated_set(pool, 5000);
  ck_assert_int_eq(mps_blk_alloc(&p, pool, MEMORY_SIZE, 0), MPS_RES_MEMORY);
  ck_assert_uint_eq(collect_calls, 2);
  mps_blk_auto_set(pool, 0);
  mps_blk_allocated_set(pool, 5000);
  ck_assert_int_eq(mps_blk_alloc(&p, pool, MEMORY_SIZE, 0), MPS_RES_MEMORY);
  ck_assert_uint_eq(collect_calls, 2);
  ck_assert(!mps_blk_auto(pool));
  mps_blk_threshold_set(pool, 77);
  ck_assert_uint_eq(mps_blk_threshold(pool), 77);
  finish(arena, pool);
}
END_TEST

START_TEST(full_collects_once_and_goes_on)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){.collect = collect_mine});

  collect_calls = 0;
  collect_roots[0] = make(pool, 4, 0);
  collect_roots[1] = make(pool, 4, 0);
  for (int i = 0; i < 20000; ++i)
    (void)make(pool, 4, 0);
  ck_assert_uint_ge(collect_calls, 9);
  ck_assert_uint_le(collect_calls, 12);
  ck_assert_uint_eq(mps_blk_size(pool, collect_roots[0]), 32);
  finish(arena, pool);
}
END_TEST


/* Figures, walks, dumps */

typedef struct Text {
  char text[4096];
  size_t length;
} Text;

static int append(void *closure, const char *text, size_t length)
{
  Text *t = closure;

  EXPECT(t->length + length < sizeof t->text);
  memcpy(t->text + t->length, text, length);
  t->length += length;
  t->text[t->length] = '\0';
  return 0;
}

static char letter_of(mps_addr_t object, void *closure)
{
  (void)closure;
  return *(Word *)object == 1 ? 'T' : 'L';
}

static void sum_up(mps_addr_t base, size_t size, unsigned state,
                   unsigned flags, void *closure)
{
  size_t *sums = closure;

  (void)base;
  (void)flags;
  sums[state] += size;
  sums[4] += 1;
}

START_TEST(info_walk_and_dump)
{
  mps_arena_t arena;
  mps_pool_t pool = own_pool(&arena, (Setup){0});
  mps_addr_t *a = make(pool, 4, 0);
  mps_addr_t *b = make(pool, 8, 0);
  mps_addr_t *c = make(pool, 12, 0);
  static Text text;
  size_t sums[5] = {0};
  mps_blk_info_s info;

  *(Word *)a = 1;
  mps_blk_free(pool, b);
  info = info_of(pool);
  ck_assert_uint_eq(info.used, 128);
  ck_assert_uint_eq(info.free, info.total - 128);
  ck_assert_uint_eq(info.objects, 2);
  ck_assert_uint_eq(info.one_block, 1);
  ck_assert_uint_eq(info.two_blocks, 0);
  ck_assert_uint_eq(info.largest_object, 96);
  ck_assert_uint_eq(info.largest_free, info.free - 64);
  ck_assert(info.fragmentation > 0.0 && info.fragmentation < 0.01);
  ck_assert_uint_eq(info.alloc_count, 3);
  ck_assert_uint_eq(info.free_count, 1);
  ck_assert_uint_eq(info.alloc_size, 192);
  ck_assert_uint_eq(info.free_size, 64);
  mps_blk_walk(pool, sum_up, sums);
  ck_assert_uint_eq(sums[MPS_BLK_STATE_HEAD], 128);
  ck_assert_uint_eq(sums[MPS_BLK_STATE_FREE], info.free);
  ck_assert_uint_eq(sums[4], 4);
  mps_blk_dump(pool, MPS_BLK_DUMP_KINDS, append, &text, letter_of);
  ck_assert(strstr(text.text, "\n00000000: T..L==....") != NULL);
  ck_assert(strstr(text.text, "lines all free") != NULL);
  text.length = 0;
  mps_blk_dump(pool, MPS_BLK_DUMP_STATES, append, &text, NULL);
  ck_assert(strncmp(text.text, "heap:\n*··*--··", 18) == 0);
  ck_assert_ptr_eq(c, (char *)b + 64);
  finish(arena, pool);
}
END_TEST


int main(void)
{
  Suite *suite = suite_create("blk");

  unit_seed("blk");
  unit_add_loop(suite, "memory", memory_is_all_it_uses, 16);
  unit_add(suite, "again", memory_may_be_used_again);
  unit_add(suite, "tried", memory_is_tried_first);
  unit_add(suite, "points", points_are_not_implemented);
  unit_add(suite, "extend", memory_may_grow);
  unit_add_loop(suite, "block size", block_sizes, 4);
  unit_add(suite, "slack", slack_is_zero);
  unit_add(suite, "poison", poison_fills_what_is_free);
  unit_add(suite, "zero", zero_may_have_an_address);
  unit_add(suite, "realloc", realloc_in_place_and_moving);
  unit_add_loop(suite, "interior", interior_or_base_only, 2);
  unit_add_loop(suite, "leaf", leaves_are_not_scanned, 2);
  unit_add(suite, "room", layouts_have_room);
  unit_add_loop(suite, "layout", layouts_say_what_is_a_reference, 4);
  unit_add(suite, "final", finalizers_see_all_the_dead);
  unit_add(suite, "weak", weak_then_final_then_collected);
  unit_add(suite, "final free", finalizers_may_free);
  unit_add(suite, "lock", locks_nest);
  unit_add(suite, "threshold", threshold_collects_once);
  unit_add(suite, "full", full_collects_once_and_goes_on);
  unit_add(suite, "info", info_walk_and_dump);
  return unit_run(suite);
}
