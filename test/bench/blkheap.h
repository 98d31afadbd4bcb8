/* blkheap.h -- a block heap in given memory: ours, or what it is measured
 * against
 *
 * The workloads of blk.c are compiled once for each.  Either is a library
 * to them: each call is one call out of line, and nothing is in line.
 *
 * Build with -DGC_MPS or -DBLK_SEED; BLK_HEAP names a file that has the same
 * functions for a third.
 *
 * Design: .bench.workload.blk (design/bench.rst).
 */

#ifndef BENCH_BLKHEAP_H
#define BENCH_BLKHEAP_H

#include "common.h"

enum {
  BLOCK = 32 /* bytes */
};

#if defined(BLK_HEAP)

#include BLK_HEAP

#elif defined(BLK_SEED)

#include "blkseed.h"

static BlkSeed heap;

static inline void heap_make(void *base, size_t size, unsigned long entries)
{
  blkseed_init(&heap, base, (char *)base + size);
}

static inline void heap_unmake(void)
{
}

static inline void *heap_alloc(size_t size)
{
  return blkseed_alloc(&heap, size, false);
}

static inline void heap_free(void *p)
{
  blkseed_free(&heap, p);
}

static inline void *heap_grow(void *p, size_t size)
{
  return blkseed_realloc(&heap, p, size, false);
}

static inline void heap_begin(void)
{
  blkseed_begin(&heap);
}

static inline void heap_mark(void **words, size_t count)
{
  blkseed_mark(&heap, words, count);
}

static inline size_t heap_end(void)
{
  return blkseed_end(&heap);
}

/* bytes of all blocks */
static inline size_t heap_total(void)
{
  BlkSeedInfo info;

  blkseed_info(&heap, &info);
  return info.total;
}

#else

#include "mps.h"
#include "mpsavm.h"
#include "mpscblk.h"

static mps_arena_t arena;
static mps_pool_t pool;

static inline void must(mps_res_t res, const char *what)
{
  if (res == MPS_RES_OK)
    return;
  fprintf(stderr, "blk: %s: result %d\n", what, (int)res);
  exit(1);
}

static inline void heap_final(mps_addr_t object, void *closure)
{
}

static inline void heap_make(void *base, size_t size, unsigned long entries)
{
  if (arena == NULL)
    must(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none),
         "arena");
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_BLK_SIZE, BLOCK);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY, base);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY_SIZE, size);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL, (mps_fun_t)heap_final);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, 0);
    if (entries != 0)
      MPS_ARGS_ADD(args, MPS_KEY_BLK_MARK_STACK, entries);
    must(mps_pool_create_k(&pool, arena, mps_class_blk(), args), "pool");
  }
  MPS_ARGS_END(args);
  mps_blk_auto_set(pool, 0);
}

static inline void heap_unmake(void)
{
  mps_pool_destroy(pool);
}

static inline void *heap_alloc(size_t size)
{
  mps_addr_t p;

  return mps_blk_alloc(&p, pool, size, 0) == MPS_RES_OK ? p : NULL;
}

static inline void heap_free(void *p)
{
  mps_blk_free(pool, p);
}

static inline void *heap_grow(void *p, size_t size)
{
  return mps_blk_realloc(&p, pool, size, 0) == MPS_RES_OK ? p : NULL;
}

static inline void heap_begin(void)
{
  mps_blk_mark_begin(pool);
}

static inline void heap_mark(void **words, size_t count)
{
  mps_blk_mark(pool, words, count);
}

static inline size_t heap_end(void)
{
  return mps_blk_mark_end(pool);
}

static inline size_t heap_total(void)
{
  mps_blk_info_s info;

  mps_blk_info(&info, pool, 0);
  return info.total;
}

#endif

#endif /* BENCH_BLKHEAP_H */
