/* interp_gc.c -- the collector interface of a small interpreter
 *
 * Design: .clients.interp (design/clients.rst).
 */

#include "interp_gc.h"

#include <stdio.h>
#include <string.h>

#include "mps.h"
#include "mpsavm.h"
#include "mpscblk.h"

enum {
  BLOCK = 4 * sizeof(void *)
};

static mps_arena_t arena; /* of which the heap takes no memory */
static mps_pool_t pool;
static InterpGcPort port;
static bool is_finalising;

static void on_full(mps_pool_t which, void *closure)
{
  interp_gc_collect();
}

static void on_dead(mps_addr_t object, void *closure)
{
  if (port.finalise == NULL || *(void **)object == NULL)
    return;
  is_finalising = true;
  port.finalise(object);
  is_finalising = false;
}

bool interp_gc_init(const InterpGcPort *with, void *start, void *end)
{
  mps_res_t res = MPS_RES_OK;

  port = *with;
  if (arena == NULL)
    res = mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none);
  if (res != MPS_RES_OK)
    return false;
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY, start);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY_SIZE,
                 (size_t)((char *)end - (char *)start));
    MPS_ARGS_ADD(args, MPS_KEY_BLK_SIZE, BLOCK);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, 0);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL, (mps_fun_t)on_dead);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_COLLECT, (mps_fun_t)on_full);
    res = mps_pool_create_k(&pool, arena, mps_class_blk(), args);
  }
  MPS_ARGS_END(args);
  return res == MPS_RES_OK;
}

void *interp_gc_alloc(size_t size, bool has_finaliser)
{
  mps_addr_t p;

  if (size == 0
      || mps_blk_alloc(&p, pool, size, has_finaliser ? MPS_BLK_FINAL : 0)
             != MPS_RES_OK)
    return NULL;
  if (has_finaliser)
    *(void **)p = NULL;
  return p;
}

void interp_gc_free(void *p)
{
  if (is_finalising || !mps_blk_is_locked(pool))
    mps_blk_free(pool, p);
}

void *interp_gc_realloc(void *p, size_t size, bool allow_move)
{
  if (p == NULL)
    return interp_gc_alloc(size, false);
  if (mps_blk_realloc(&p, pool, size, allow_move) != MPS_RES_OK)
    return NULL;
  return p;
}

size_t interp_gc_nbytes(void *p)
{
  return mps_blk_size(pool, p);
}

void interp_gc_collect(void)
{
  if (port.collect != NULL && !mps_blk_is_locked(pool))
    port.collect();
}

void interp_gc_collect_start(void)
{
  mps_blk_mark_begin(pool);
}

void interp_gc_collect_root(void **words, size_t count)
{
  mps_blk_mark(pool, words, count);
}

void interp_gc_collect_end(void)
{
  mps_blk_mark_end(pool);
}

size_t interp_gc_collected(void)
{
  mps_blk_info_s info;

  mps_blk_info(&info, pool, 0);
  return info.objects_freed;
}

void interp_gc_sweep_all(void)
{
  interp_gc_collect_start();
  interp_gc_collect_end();
}

void interp_gc_lock(void)
{
  mps_blk_lock(pool);
}

void interp_gc_unlock(void)
{
  mps_blk_unlock(pool);
}

bool interp_gc_is_locked(void)
{
  return mps_blk_is_locked(pool);
}

void interp_gc_auto(bool is_on)
{
  mps_blk_auto_set(pool, is_on);
}

void interp_gc_threshold(size_t bytes)
{
  mps_blk_threshold_set(pool, bytes);
}

void interp_gc_info(InterpGcInfo *info_o)
{
  mps_blk_info_s info;

  mps_blk_info(&info, pool, 1);
  info_o->total = info.total;
  info_o->used = info.used;
  info_o->free = info.free;
  info_o->max_free = info.largest_free / BLOCK;
  info_o->max_block = info.largest_object / BLOCK;
  info_o->one_block = info.one_block;
  info_o->two_block = info.two_blocks;
}

void interp_gc_dump_info(void)
{
  InterpGcInfo info;
  char text[256];

  interp_gc_info(&info);
  (void)snprintf(text, sizeof text,
                 "total %zu used %zu free %zu one %zu two %zu"
                 " longest %zu run %zu\n",
                 info.total, info.used, info.free, info.one_block,
                 info.two_block, info.max_block, info.max_free);
  port.print(text, strlen(text));
}

static int on_text(void *closure, const char *text, size_t length)
{
  port.print(text, length);
  return 0;
}

static char on_kind(mps_addr_t object, void *closure)
{
  return port.kind != NULL ? port.kind(object) : 'h';
}

void interp_gc_dump_alloc_table(void)
{
  mps_blk_dump(pool, MPS_BLK_DUMP_KINDS, on_text, NULL, on_kind);
}
