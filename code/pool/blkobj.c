/* blkobj.c -- objects of the block pool: allocate, free, resize
 *
 * Design: .blk.alloc, .blk.realloc, .blk.layout (design/blk.rst).
 */

#include "blk.h"

#include "../heap/final.h"
#include "../trace/poll.h"

#include <string.h>


/* Sizes */

static Size blk_extra(const Blk *blk)
{
  return blk->mark.has_layouts ? sizeof(Word) : 0;
}

/* blk_to_blocks -- no sum here can overflow: zero if size is beyond all
 * memory */

static Count blk_to_blocks(const Blk *blk, Size size)
{
  if (size > SIZE_MAX / 2)
    return 0;
  return ((size + blk_extra(blk) - 1) >> blk->mark.shift) + 1;
}

static Addr blk_address(const Blk *blk, const BlkRegion *region, Index head)
{
  return (Addr)(region->area.base + (head << blk->mark.shift));
}

Size blk_object_size(const Blk *blk, const BlkRegion *region, Index head)
{
  return (blktab_length(&region->area.tab, head) << blk->mark.shift)
         - blk_extra(blk);
}


/* Flags */

static unsigned blk_plane_flag(unsigned plane)
{
  static const unsigned flags[BLKTAB_PLANES] = {
      [BLKTAB_FINAL] = MPS_BLK_FINAL,
      [BLKTAB_LEAF] = MPS_BLK_LEAF,
      [BLKTAB_WEAK] = MPS_BLK_WEAK,
  };

  return flags[plane];
}

unsigned blk_flags(const BlkRegion *region, Index head)
{
  unsigned flags = 0;

  for (unsigned i = 0; i < BLKTAB_PLANES; ++i)
    if (blktab_has(&region->area.tab, i, head))
      flags |= blk_plane_flag(i);
  return flags;
}

/* blk_need_leaves -- the plane of the leaf flags, where the arena has memory
 * for it, and the pool may take it (.blk.leaves) */

static bool blk_need_leaves(Blk *blk, BlkRegion *region)
{
  BlkTab *tab = &region->area.tab;
  Size size = tab->words * sizeof(Word);
  Word *plane;

  if (tab->plane[BLKTAB_LEAF] != NULL)
    return true;
  if (region->seg == NULL || size > blk->params.max_size - blk->size
      || ctl_alloc(&plane, &blk->pool.arena->ctl, size) != MPS_RES_OK)
    return false;
  memset(plane, 0, size);
  tab->plane[BLKTAB_LEAF] = plane;
  region->size += size;
  blk->size += size;
  return true;
}

static void blk_put_flags(BlkRegion *region, Index head, unsigned flags)
{
  for (unsigned i = 0; i < BLKTAB_PLANES; ++i)
    blktab_put(&region->area.tab, i, head, (flags & blk_plane_flag(i)) != 0);
}

Res blk_set_flags(Blk *blk, BlkRegion *region, Index head, unsigned flags)
{
  if ((flags & MPS_BLK_LEAF) != 0 && region->seg != NULL
      && !blk_need_leaves(blk, region))
    return MPS_RES_MEMORY;
  blk_put_flags(region, head, flags);
  return MPS_RES_OK;
}


/* Allocating */

/* blk_fill -- what a new object, or a new part of one, holds: from bytes on
 * to the end it's zero, and all of it if the client wants that */

static void blk_fill(const Blk *blk, Addr base, Size old, Size size, Size end)
{
  Size from = blk->params.is_clear ? old : size_max(old, size);

  if (from < end)
    memset((char *)base + from, 0, end - from);
}

static Word *blk_layout_at(const Blk *blk, Addr base, Count count)
{
  return (Word *)addr_add(base, (count << blk->mark.shift) - blk_extra(blk));
}

/* What the client wants. */
typedef struct BlkRequest {
  Size size;
  Count count; /* blocks */
  Word layout;
  unsigned flags;
} BlkRequest;

/* blk_make -- the blocks of an object have been found */

static Addr blk_make(Blk *blk, BlkRegion *region, Index head,
                     const BlkRequest *request)
{
  Size bytes = request->count << blk->mark.shift;
  unsigned flags = request->flags;
  Addr base = blk_address(blk, region, head);

  blk_distrust(region);
  if (region->area.tab.objects == 1)
    blk_count(region);
  blk_fill(blk, base, 0, request->size, bytes);
  if (blk->mark.has_layouts)
    *blk_layout_at(blk, base, request->count) = request->layout;
  if (UNLIKELY(flags != 0)) {
    if ((flags & MPS_BLK_LEAF) != 0)
      (void)blk_need_leaves(blk, region);
    blk_put_flags(region, head, flags);
    /* A finalizer may come before the client has written anything. */
    if ((flags & MPS_BLK_FINAL) != 0)
      *(Word *)base = 0;
  }
  blk->allocated += bytes;
  return base;
}

static __attribute__((noinline)) bool
blk_try(Addr *base_out, Blk *blk, Size size, Word layout, unsigned flags)
{
  BlkRequest request = {size, blk_to_blocks(blk, size), layout, flags};
  Count count = request.count;

  if (count == 0)
    return false;
  for (Index i = 0; i < blk->mark.count; ++i) {
    BlkRegion *region = blk_region_at(blk, i);
    Index head;

    if (blktab_is_hopeless(&region->area.tab, count))
      continue;
    head = blktab_alloc(&region->area.tab, count);
    if (head != BLK_NONE) {
      *base_out = blk_make(blk, region, head, &request);
      return true;
    }
  }
  return false;
}

static bool blk_is_open(const Blk *blk)
{
  return (blk->phase == BLK_IDLE || blk->phase == BLK_TELLING)
         && !blk_is_locked(blk);
}

bool blk_alloc_quick(Addr *base_out, Blk *blk, Size size, Word layout,
                     unsigned flags)
{
  return !blk_is_collect_due(blk) && !blk_is_poll_due(blk) && blk_is_open(blk)
         && blk_try(base_out, blk, size, layout, flags);
}

/* blk_collect_for_client -- true if a collection has taken place */

static bool blk_collect_for_client(Blk *blk)
{
  Count before = blk->collections;

  if (blk->phase != BLK_IDLE || blk->is_called || blk_used_size(blk) == 0)
    return false;
  if (blk->params.collect != NULL) {
    blk->is_called = true;
    blk->params.collect((mps_pool_t)&blk->pool, blk->params.closure);
    blk->is_called = false;
  } else {
    (void)blk_collect(blk);
  }
  return blk->collections != before;
}

static void blk_poll(Blk *blk)
{
  Arena *arena = blk->pool.arena;

  arena->filled += blk->allocated - blk->polled;
  blk->polled = blk->allocated;
  if (arena->is_inside && arena->lock.depth == 0 && blk->moving == 0)
    poll_maybe(arena);
}

Res blk_alloc(Addr *base_out, Blk *blk, Size size, Word layout, unsigned flags)
{
  bool was_collected = false;
  Res res;

  if (!blk_is_open(blk))
    return MPS_RES_FAIL;
  if (blk_to_blocks(blk, size) == 0)
    return MPS_RES_MEMORY;
  if (blk_is_poll_due(blk))
    blk_poll(blk);
  if (blk_is_collect_due(blk))
    was_collected = blk_collect_for_client(blk);
  if (blk_try(base_out, blk, size, layout, flags))
    return MPS_RES_OK;
  /* Never twice for one request: the second would free nothing. */
  if (blk->is_auto && !was_collected && blk_collect_for_client(blk)
      && blk_try(base_out, blk, size, layout, flags))
    return MPS_RES_OK;
  if (!blk_is_open(blk)) /* the client's collector may have locked it */
    return MPS_RES_FAIL;
  res = blk_grow(blk, size + blk_extra(blk));
  if (res != MPS_RES_OK)
    return res;
  return blk_try(base_out, blk, size, layout, flags) ? MPS_RES_OK
                                                     : MPS_RES_MEMORY;
}


/* Freeing */

static void blk_poison(const Blk *blk, BlkRegion *region, Index first,
                       Count count)
{
  if (!blk->params.is_poison)
    return;
  blk_distrust(region);
  memset(blk_address(blk, region, first), BLK_POISON,
         count << blk->mark.shift);
}

void blk_free(Blk *blk, BlkRegion *region, Index head)
{
  Count count;

  /* By a finalizer: who refers to it won't be looked at any more. */
  if (UNLIKELY(blk->phase == BLK_FINALIZING)
      && blktab_state(&region->area.tab, head) == BLK_MARK)
    region->area.is_named = true;
  count = blktab_free(&region->area.tab, head);
  if (UNLIKELY(final_knows_blocks(&blk->pool.arena->finals)))
    final_free_object(blk->pool.arena, blk_address(blk, region, head));
  blk_poison(blk, region, head, count);
  blk_count(region);
  ++blk->free_count;
  blk->free_size += count << blk->mark.shift;
}


/* Resizing */

/* blk_resize -- in place, from old blocks; false if that can't be done
 *
 * What the object gets is as in a new one, and what the client can't want of
 * its last block is zero. */

static bool blk_resize(Blk *blk, BlkRegion *region, Index head, Count old,
                       Size size)
{
  Addr base = blk_address(blk, region, head);
  Count count = blk_to_blocks(blk, size);
  Size bytes = count << blk->mark.shift;
  Word layout = blk->mark.has_layouts ? *blk_layout_at(blk, base, old) : 0;

  if (count == 0 || !blktab_resize_from(&region->area.tab, head, old, count))
    return false;
  blk_distrust(region);
  if (count > old) {
    blk->allocated += (count - old) << blk->mark.shift;
    blk_fill(blk, base, (old << blk->mark.shift) - blk_extra(blk), size,
             bytes);
  } else {
    blk->free_size += (old - count) << blk->mark.shift;
    blk_poison(blk, region, head + count, old - count);
    memset((char *)base + size, 0, bytes - size);
  }
  if (blk->mark.has_layouts)
    *blk_layout_at(blk, base, count) = layout;
  return true;
}

static Res blk_move(Addr *base_io, Blk *blk, BlkRegion *region, Index head,
                    Count count, Size size)
{
  unsigned flags = blk_flags(region, head);
  Size old = (count << blk->mark.shift) - blk_extra(blk);
  Word layout
      = blk->mark.has_layouts ? *blk_layout_at(blk, *base_io, count) : 0;
  Addr base;
  Res res;

  blk->moving = (Word)*base_io;
  res = blk_alloc(&base, blk, size, layout, flags);
  blk->moving = 0;
  if (res != MPS_RES_OK)
    return res;
  memcpy(base, *base_io, size_min(old, size));
  if (old < size && blk->params.is_clear)
    memset((char *)base + old, 0, size - old);
  if (UNLIKELY(final_knows_blocks(&blk->pool.arena->finals))
      && region->seg != NULL)
    final_move_object(blk->pool.arena, *base_io, base);
  blk_free(blk, region, head);
  *base_io = base;
  return MPS_RES_OK;
}

Res blk_realloc(Addr *base_io, Blk *blk, BlkRegion *region, Index head,
                Size size, bool may_move)
{
  Count old = blktab_length(&region->area.tab, head);

  if (!blk_is_open(blk))
    return MPS_RES_FAIL;
  if (blk_resize(blk, region, head, old, size))
    return MPS_RES_OK;
  return may_move ? blk_move(base_io, blk, region, head, old, size)
                  : MPS_RES_FAIL;
}
