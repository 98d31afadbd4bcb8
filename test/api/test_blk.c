/* test_blk.c -- the block pool as clients see it, alone and in the moving
 * world
 *
 * COVERS(".blk.collect"), COVERS(".blk.world"), COVERS(".blk.calls"),
 * COVERS(".blk.memory"), COVERS(".blk.grow"), COVERS(".blk.leaves"),
 * COVERS(".trace.ambig"), COVERS(".trace.place")
 */

#include "client.h"

#include "mpscblk.h"

#include <pthread.h>
#include <stdio.h>


/* Call-backs */

#define SEEN_MAX 64

static struct {
  size_t count;
  mps_addr_t seen[SEEN_MAX];
} finals, weaks;

static mps_pool_t the_pool;
static unsigned collected_count;
static unsigned order; /* 1: a weak call-back came after a finalizer */

static void take_final(mps_addr_t object, void *closure)
{
  ck_assert_ptr_eq(closure, &finals);
  if (finals.count < SEEN_MAX)
    finals.seen[finals.count] = object;
  ++finals.count;
}

static void take_weak(mps_addr_t object, void *closure)
{
  (void)closure;
  order |= finals.count > 0;
  if (weaks.count < SEEN_MAX)
    weaks.seen[weaks.count] = object;
  ++weaks.count;
}

static void take_collected(mps_pool_t pool, void *closure)
{
  mps_addr_t p = NULL;

  (void)closure;
  ck_assert_ptr_eq(pool, the_pool);
  ++collected_count;
  /* The pool may be used again. */
  ck_assert(!mps_blk_is_locked(pool));
  MUST(mps_blk_alloc(&p, pool, 8, 0));
  mps_blk_free(pool, p);
}


/* A world: an arena and a pool with what the test wants */

typedef struct Setup {
  size_t block, extend_by, max_size, stack, threshold;
  void *memory;
  size_t memory_size;
  int is_clear, has_layout, is_base_only, is_final, has_leaves, is_zero;
  int is_poison;
  double headroom; /* zero for the default */
  mps_blk_hook_t collect;
  mps_blk_locked_t locked;
  void *closure;
} Setup;

static mps_pool_t make_pool(mps_arena_t arena, const Setup *s)
{
  mps_pool_t pool = NULL;

  MPS_ARGS_BEGIN(args)
  {
    if (s->block != 0)
      MPS_ARGS_ADD(args, MPS_KEY_BLK_SIZE, s->block);
    if (s->extend_by != 0)
      MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, s->extend_by);
    if (s->max_size != 0)
      MPS_ARGS_ADD(args, MPS_KEY_MAX_SIZE, s->max_size);
    if (s->stack != 0)
      MPS_ARGS_ADD(args, MPS_KEY_BLK_MARK_STACK, s->stack);
    if (s->threshold != 0)
      MPS_ARGS_ADD(args, MPS_KEY_BLK_THRESHOLD, s->threshold);
    if (s->headroom > 0.0)
      MPS_ARGS_ADD(args, MPS_KEY_BLK_HEADROOM, s->headroom);
    if (s->memory != NULL) {
      MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY, s->memory);
      MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY_SIZE, s->memory_size);
    }
    MPS_ARGS_ADD(args, MPS_KEY_BLK_CLEAR, s->is_clear);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_LAYOUT, s->has_layout);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_LEAVES, s->has_leaves);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_ZERO, s->is_zero);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_POISON, s->is_poison);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, !s->is_base_only);
    if (s->is_final) {
      MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL, (mps_fun_t)take_final);
      MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL_CLOSURE, &finals);
      if (s->is_final == 1)
        MPS_ARGS_ADD(args, MPS_KEY_BLK_WEAK, (mps_fun_t)take_weak);
      MPS_ARGS_ADD(args, MPS_KEY_BLK_COLLECTED, (mps_fun_t)take_collected);
    }
    if (s->collect != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_BLK_COLLECT, (mps_fun_t)s->collect);
    if (s->locked != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_BLK_LOCKED, (mps_fun_t)s->locked);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_CLOSURE, s->closure);
    MUST(mps_pool_create_k(&pool, arena, mps_class_blk(), args));
  }
  MPS_ARGS_END(args);
  the_pool = pool;
  finals.count = weaks.count = 0;
  collected_count = order = 0;
  return pool;
}

static mps_addr_t *make(mps_pool_t pool, size_t words, unsigned flags)
{
  mps_addr_t p = NULL;

  MUST(mps_blk_alloc(&p, pool, words * WORD, flags));
  memset(p, 0, words * WORD);
  return p;
}

static mps_blk_info_s info_of(mps_pool_t pool)
{
  mps_blk_info_s info;

  mps_blk_info(&info, pool, 1);
  ck_assert(mps_blk_check(pool));
  return info;
}

static size_t objects(mps_pool_t pool)
{
  return info_of(pool).objects;
}

/* Collect with the client's own roots. */
static size_t collect_from(mps_pool_t pool, mps_addr_t *roots, size_t count)
{
  mps_blk_mark_begin(pool);
  mps_blk_mark(pool, roots, count);
  return mps_blk_mark_end(pool);
}

#define MEMORY_SIZE ((size_t)64 << 10)
static Word memory[MEMORY_SIZE / WORD];

/* A pool in the client's memory: no thread and no root is known. */
static mps_pool_t own_pool(mps_arena_t *arena_out, Setup setup)
{
  *arena_out = client_arena();
  setup.memory = memory;
  setup.memory_size = sizeof memory;
  return make_pool(*arena_out, &setup);
}

static void finish(mps_arena_t arena, mps_pool_t pool)
{
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}


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

START_TEST(memory_may_grow)
{
  static Word more[4096];
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
  MUST(mps_blk_extend(pool, more, sizeof more));
  ck_assert_uint_eq(info_of(pool).regions, 2);
  while (mps_blk_alloc(&object, pool, 64, 0) == MPS_RES_OK) {
    memset(object, 0, 64);
    kept += object >= (mps_addr_t)more
            && object < (mps_addr_t)(more + NELEMS(more));
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
  ck_assert(strncmp(text.text, "heap:\n*..*--..", 14) == 0);
  ck_assert_ptr_eq(c, (char *)b + 64);
  finish(arena, pool);
}
END_TEST


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

START_TEST(alloc_free_and_ap)
{
  World *w = &world_of;
  mps_addr_t p = NULL;
  mps_ap_t ap = NULL;

  world_make(&(Setup){0});
  MUST(mps_alloc(&p, w->pool, 50));
  ck_assert_uint_eq(mps_blk_size(w->pool, p), 64);
  mps_free(w->pool, p, 50);
  ck_assert_uint_eq(objects(w->pool), 0);
  ck_assert_int_eq(mps_ap_create_k(&ap, w->pool, mps_args_none),
                   MPS_RES_UNIMPL);
  ck_assert_ptr_null(ap);
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
  for (unsigned i = 0; i < 4; ++i) {
    workers[i] = (Worker){w->amc.arena, w->pool, i + 1000, 0};
    ck_assert_int_eq(
        pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]), 0);
  }
  churn(5000);
  for (unsigned i = 0; i < 4; ++i)
    (void)pthread_join(workers[i].thread, NULL);
  ck_assert_uint_gt(info_of(w->pool).collections, 0);
  full();
  world_end();
}
END_TEST


int main(void)
{
  Suite *suite = suite_create("blk");

  unit_seed("blk");
  unit_add_loop(suite, "memory", memory_is_all_it_uses, 16);
  unit_add(suite, "again", memory_may_be_used_again);
  unit_add(suite, "extend", memory_may_grow);
  unit_add_loop(suite, "block size", block_sizes, 4);
  unit_add(suite, "slack", slack_is_zero);
  unit_add(suite, "poison", poison_fills_what_is_free);
  unit_add(suite, "zero", zero_may_have_an_address);
  unit_add(suite, "realloc", realloc_in_place_and_moving);
  unit_add_loop(suite, "interior", interior_or_base_only, 2);
  unit_add_loop(suite, "leaf", leaves_are_not_scanned, 2);
  unit_add_loop(suite, "layout", layouts_say_what_is_a_reference, 4);
  unit_add(suite, "final", finalizers_see_all_the_dead);
  unit_add(suite, "weak", weak_then_final_then_collected);
  unit_add(suite, "final free", finalizers_may_free);
  unit_add(suite, "lock", locks_nest);
  unit_add(suite, "threshold", threshold_collects_once);
  unit_add(suite, "full", full_collects_once_and_goes_on);
  unit_add(suite, "info", info_walk_and_dump);
  unit_add(suite, "pin", blocks_pin_moving_objects);
  unit_add_loop(suite, "keep", moving_objects_keep_blocks, 2);
  unit_add(suite, "cycles", cycles_are_reclaimed);
  unit_add(suite, "chains", long_chains_through_both);
  unit_add(suite, "collect", collect_knows_all_roots);
  unit_add(suite, "own memory", own_memory_is_a_root);
  unit_add(suite, "locked", locked_pools_are_roots);
  unit_add(suite, "grow", grows_by_headroom_and_gives_back);
  unit_add(suite, "max", max_size_holds);
  unit_add(suite, "commit", commit_limit_is_a_result);
  unit_add_loop(suite, "tables", tables_are_small, 2);
  unit_add(suite, "doors", alloc_free_and_ap);
  unit_add(suite, "threads", several_threads);
  return unit_run(suite);
}
