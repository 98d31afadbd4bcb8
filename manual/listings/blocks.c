/* blocks.c -- a heap in memory of one's own, whose roots are what one says */

/* [program] */
#include <stdio.h>

#include "mps.h"
#include "mpsavm.h"
#include "mpscblk.h"

static _Alignas(64) char memory[16384];
static void *stack[100]; /* an interpreter's own */
static size_t depth;
static size_t freed;

static void collect(mps_pool_t pool, void *closure)
{
  (void)closure;
  mps_blk_mark_begin(pool);
  mps_blk_mark(pool, stack, depth);
  freed += mps_blk_mark_end(pool);
}

int main(void)
{
  mps_arena_t arena;
  mps_pool_t pool;
  mps_res_t res
      = mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none);

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY, memory);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY_SIZE, sizeof memory);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_COLLECT, (mps_fun_t)collect);
    if (res == MPS_RES_OK)
      res = mps_pool_create_k(&pool, arena, mps_class_blk(), args);
  }
  MPS_ARGS_END(args);

  for (int i = 0; res == MPS_RES_OK && i < 1000; ++i) {
    res = mps_blk_alloc(&stack[depth], pool, 24, 0);
    if (res == MPS_RES_OK && i % 100 == 0)
      ++depth; /* the others are garbage */
  }
  if (res != MPS_RES_OK)
    return 1;
  puts(freed > 500 ? "a thousand objects where five hundred fit" : "?");
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
  return 0;
}
/* [program end] */
