/* blk_client.h -- what the tests of the block pool share
 *
 * Call-backs that note what they are told, and pools with the options that a
 * test is about.
 */

#ifndef BLK_CLIENT_H
#define BLK_CLIENT_H

#include "client.h"

#include "mpscblk.h"


/* Call-backs */

#define SEEN_MAX 64

static struct {
  size_t count;
  mps_addr_t seen[SEEN_MAX];
} finals, weaks;

static mps_pool_t the_pool;
static unsigned collected_count;
static unsigned order; /* 1: a weak call-back came after a finalizer */

static inline void take_final(mps_addr_t object, void *closure)
{
  ck_assert_ptr_eq(closure, &finals);
  if (finals.count < SEEN_MAX)
    finals.seen[finals.count] = object;
  ++finals.count;
}

static inline void take_weak(mps_addr_t object, void *closure)
{
  (void)closure;
  order |= finals.count > 0;
  if (weaks.count < SEEN_MAX)
    weaks.seen[weaks.count] = object;
  ++weaks.count;
}

static inline void take_collected(mps_pool_t pool, void *closure)
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

static inline mps_pool_t make_pool(mps_arena_t arena, const Setup *s)
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

static inline mps_addr_t *make(mps_pool_t pool, size_t words, unsigned flags)
{
  mps_addr_t p = NULL;

  MUST(mps_blk_alloc(&p, pool, words * WORD, flags));
  memset(p, 0, words * WORD);
  return p;
}

static inline mps_blk_info_s info_of(mps_pool_t pool)
{
  mps_blk_info_s info;

  mps_blk_info(&info, pool, 1);
  ck_assert(mps_blk_check(pool));
  return info;
}

static inline size_t objects(mps_pool_t pool)
{
  return info_of(pool).objects;
}

/* Collect with the client's own roots. */
static inline size_t collect_from(mps_pool_t pool, mps_addr_t *roots,
                                  size_t count)
{
  mps_blk_mark_begin(pool);
  mps_blk_mark(pool, roots, count);
  return mps_blk_mark_end(pool);
}

#define MEMORY_SIZE ((size_t)64 << 10)
static Word memory[MEMORY_SIZE / WORD];

/* A pool in the client's memory: no thread and no root is known. */
static inline mps_pool_t own_pool(mps_arena_t *arena_out, Setup setup)
{
  *arena_out = client_arena();
  setup.memory = memory;
  setup.memory_size = sizeof memory;
  return make_pool(*arena_out, &setup);
}

static inline void finish(mps_arena_t arena, mps_pool_t pool)
{
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}

#endif /* BLK_CLIENT_H */
