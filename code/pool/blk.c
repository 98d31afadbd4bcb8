/* blk.c -- the pool of conservatively marked blocks
 *
 * Design: .blk, .blk.region, .blk.grow (design/blk.rst).
 */

#include "blk.h"

#include "../base/args.h"
#include "../heap/barrier.h"
#include "../heap/gen.h"
#include "../heap/root.h"
#include "../heap/seg.h"

#include <string.h>

#define BLK_WORDS_MIN 2
#define BLK_WORDS_MAX 16
#define BLK_WORDS 4
#define BLK_EXTEND_BY ((Size)1 << 20)
#define BLK_HEADROOM 0.33
#define BLK_STACK 256
/* A pool grows by this part of itself at least, so that there are few
 * regions (.blk.grow). */
#define BLK_GROW_PART 8
/* In the client's memory: where records begin, and the bytes for each entry
 * of the mark stack that we choose ourselves. */
#define BLK_ALIGN 16
#define BLK_STACK_SHARE 512
#define BLK_STACK_MIN 8

static const PoolClass blk_class;

bool blk_is_pool(const Pool *pool)
{
  return pool->class == &blk_class;
}

bool blk_is_locked(const Blk *blk)
{
  return blk->locks > 0
         || (blk->params.locked != NULL
             && blk->params.locked((mps_pool_t)&blk->pool,
                                   blk->params.closure));
}

Addr blk_zero(const Blk *blk)
{
  return (Addr)&blk->sig;
}

bool blk_find(BlkRegion **region_out, Index *head_out, const Blk *blk,
              Addr addr)
{
  BlkArea *area = blkmark_area(&blk->mark, (Word)addr);
  Index block;

  if (area == NULL || !addr_is_aligned(addr, blk->mark.shift))
    return false;
  block = ((Word)addr - area->base) >> blk->mark.shift;
  if (!blktab_is_head(&area->tab, block))
    return false;
  *region_out = blk_region(area);
  *head_out = block;
  return true;
}


/* The record */

static bool blk_region_check(const BlkRegion *region)
{
  CHECK(region->sig == BLK_REGION_SIG);
  CHECK(blktab_check(&region->area.tab));
  CHECK(region->size <= region->blk->size);
  if (region->seg != NULL) {
    CHECK(region->is_counted == (region->area.tab.objects > 0));
    CHECK((Word)region->seg->base == region->area.base);
  }
  return true;
}

bool blk_check(const Pool *pool)
{
  const Blk *blk = blk_of_const_pool(pool);

  CHECK(pool_check(pool));
  CHECK(blk->sig == BLK_SIG);
  CHECK(blkmark_check(&blk->mark));
  CHECK(blk->phase != BLK_IDLE || blkmark_is_done(&blk->mark));
  CHECK((blk->first == NULL) == (blk->mark.count == 0));
  for (Index i = 0; i < blk->mark.count; ++i) {
    CHECK(blk_region_at(blk, i)->blk == blk);
    CHECK(blk_region_check(blk_region_at(blk, i)));
  }
  return true;
}


/* Regions */

static unsigned blk_planes(const Blk *blk)
{
  const BlkParams *params = &blk->params;

  return (params->final != NULL ? 1u << BLKTAB_FINAL : 0)
         | (params->weak != NULL ? 1u << BLKTAB_WEAK : 0)
         | (params->has_leaves && params->memory != NULL ? 1u << BLKTAB_LEAF
                                                         : 0);
}

/* blk_region_init -- a record whose area's base and blocks are known */

static bool blk_region_init(BlkRegion *region, Blk *blk, Count blocks)
{
  region->sig = BLK_REGION_SIG;
  region->blk = blk;
  region->is_counted = false;
  region->area.size = blocks << blk->mark.shift;
  blktab_init(&region->area.tab, region->store, blocks, blk_planes(blk));
  if (!blkmark_add(&blk->mark, &region->area))
    return false;
  if (blk->first == NULL)
    blk->first = region;
  blk->size += region->size;
  return true;
}

void blk_count(BlkRegion *region)
{
  bool is_any = region->area.tab.objects > 0;

  if (region->seg == NULL || is_any == region->is_counted)
    return;
  region->is_counted = is_any;
  if (is_any)
    ++region->blk->pool.arena->ambig_holding;
  else
    --region->blk->pool.arena->ambig_holding;
}

void blk_distrust(BlkRegion *region)
{
  Seg *seg = region->seg;

  if (seg == NULL || LIKELY(seg->refset == REFSET_UNIVERSAL))
    return;
  barrier_expose(seg);
  barrier_distrust(seg);
}


/* Regions from the arena */

static Size blk_store_total(const Arena *arena, Size store)
{
  return store <= CTL_SMALL_MAX ? store
                                : size_round_up(store, arena->space.grain);
}

/* blk_divide -- a region of so many bytes: its blocks, in whole grains, as
 * many as the table beside them has room for; and all of it, tables
 * included
 *
 * Goes down by half of what is missing, which is never too far, as a block
 * gives back its part of the table with it: a client may ask for any size. */

static Size blk_divide(Size *total_out, const Blk *blk, Size size)
{
  const Arena *arena = blk->pool.arena;
  Size grain = arena->space.grain;
  Size limit = size_round_up(size, grain);
  Size blocks = limit;
  Size store;

  for (;;) {
    store = blk_store_total(
        arena, blktab_size(blocks >> blk->mark.shift, blk_planes(blk)));
    if (blocks <= grain || blocks + store <= limit)
      break;
    blocks -= size_max((blocks + store - limit) / 2 & ~(grain - 1), grain);
  }
  *total_out = blocks + store;
  return blocks;
}

static Res blk_region_store(BlkRegion **region_out, Blk *blk, Size blocks)
{
  Ctl *ctl = &blk->pool.arena->ctl;
  BlkRegion *region;
  Res res = ctl_alloc(&region, ctl, sizeof *region);

  if (res != MPS_RES_OK)
    return res;
  memset(region, 0, sizeof *region);
  region->store_size = blktab_size(blocks >> blk->mark.shift, blk_planes(blk));
  res = ctl_alloc(&region->store, ctl, region->store_size);
  if (res != MPS_RES_OK) {
    ctl_free(ctl, region, sizeof *region);
    return res;
  }
  *region_out = region;
  return MPS_RES_OK;
}

static void blk_region_drop(BlkRegion *region, Blk *blk)
{
  Ctl *ctl = &blk->pool.arena->ctl;

  ctl_free(ctl, region->store, region->store_size);
  ctl_free(ctl, region, sizeof *region);
}

/* blk_region_make -- a region with so many bytes of blocks, whole grains
 *
 * Its memory counts as old from the start: no generation is to be collected
 * because of it. */

static Res blk_region_make(Blk *blk, Size blocks, Size total)
{
  BlkRegion *region;
  Res res;

  if (blk->mark.count == BLKMARK_AREAS)
    return MPS_RES_LIMIT;
  res = blk_region_store(&region, blk, blocks);
  if (res != MPS_RES_OK)
    return res;
  res = seg_alloc(&region->seg, &blk->pgen, &blk_seg_class, RANK_AMBIG,
                  blocks);
  if (res != MPS_RES_OK) {
    blk_region_drop(region, blk);
    return res;
  }
  pgen_account_fill(region->seg);
  pgen_account_age(region->seg);
  region->area.base = (Word)region->seg->base;
  region->size = total;
  if (!blk_region_init(region, blk, blocks >> blk->mark.shift))
    ASSERT(!"segments don't overlap");
  return MPS_RES_OK;
}

void blk_region_free(BlkRegion *region)
{
  Blk *blk = region->blk;
  BlkTab *tab = &region->area.tab;
  bool is_ours = region->seg != NULL;

  blkmark_remove(&blk->mark, &region->area);
  blk->size -= region->size;
  if (blk->first == region)
    blk->first = NULL;
  if (region->is_counted)
    --blk->pool.arena->ambig_holding;
  region->sig = SIG_NONE;
  if (is_ours) {
    if (tab->plane[BLKTAB_LEAF] != NULL)
      ctl_free(&blk->pool.arena->ctl, tab->plane[BLKTAB_LEAF],
               tab->words * sizeof(Word));
    seg_free(region->seg);
  }
  blktab_finish(tab);
  if (is_ours)
    blk_region_drop(region, blk);
}

/* blk_grow -- by a step, or if that isn't to be had by half of the pool, by a
 * quarter and so on down to the least that helps: near a limit there aren't
 * many small regions
 *
 * What is asked for is any number; with what comes to it here it's still
 * one. */

Res blk_grow(Blk *blk, Size least)
{
  Size most = SIZE_MAX / 4;
  Size step = size_min(
      size_max(blk->params.extend_by, blk->size / BLK_GROW_PART), most);
  Size left = blk->params.max_size - blk->size;
  Size blocks;
  Size total;
  Res res;

  if (blk->params.memory != NULL)
    return MPS_RES_MEMORY;
  /* As much for the table as blk_divide may take. */
  least = size_min(least, most);
  least = least + least / 8 + 2 * blk->pool.arena->space.grain;
  step = size_min(size_max(step, least), left);
  for (;;) {
    blocks = blk_divide(&total, blk, step);
    res = MPS_RES_MEMORY;
    if (blocks > 0 && total <= left)
      res = blk_region_make(blk, blocks, total);
    if (res == MPS_RES_OK || res == MPS_RES_LIMIT || least >= step)
      return res;
    step = size_max(size_min(step, blk->size) / 2, least);
  }
}


/* Regions in the client's memory */

/* blk_place -- cut a piece of memory up; false if it's too small
 *
 * Everything but the table keeps its place when the piece grows
 * (.blk.extend). */

static bool blk_place(Word *blocks_out, Count *count_out, const Blk *blk,
                      Word at, Word limit)
{
  Size block = (Size)1 << blk->mark.shift;

  at = (at + block - 1) & ~(Word)(block - 1);
  limit &= ~(Word)(sizeof(Word) - 1);
  if (at >= limit)
    return false;
  *blocks_out = at;
  *count_out = blktab_fit(limit - at, block, blk_planes(blk));
  return *count_out > 0;
}

/* blk_place_region -- the same with the record before it */

static bool blk_place_region(Word *record_out, Word *blocks_out,
                             Count *count_out, const Blk *blk, Word at,
                             Word limit)
{
  Word record = (at + BLK_ALIGN - 1) & ~(Word)(BLK_ALIGN - 1);

  *record_out = record;
  return record >= at && record <= limit && limit - record >= sizeof(BlkRegion)
         && blk_place(blocks_out, count_out, blk, record + sizeof(BlkRegion),
                      limit);
}

static Res blk_region_at_memory(Blk *blk, Word base, Word at, Word limit)
{
  BlkRegion *region;
  Word record;
  Count count;

  if (!blk_place_region(&record, &at, &count, blk, at, limit))
    return MPS_RES_MEMORY;
  region = (BlkRegion *)record;
  memset(region, 0, sizeof *region);
  region->area.base = at;
  region->store = (void *)(at + (count << blk->mark.shift));
  region->store_size = blktab_size(count, blk_planes(blk));
  region->size = limit - base;
  region->limit = limit;
  return blk_region_init(region, blk, count) ? MPS_RES_OK : MPS_RES_LIMIT;
}

/* blk_region_extend -- the region's memory goes on up to limit */

static Res blk_region_extend(BlkRegion *region, Word limit)
{
  Blk *blk = region->blk;
  BlkTab *tab = &region->area.tab;
  Word base = region->area.base;
  Count count;

  if (!blk_place(&base, &count, blk, base, limit))
    return MPS_RES_MEMORY;
  if (count > tab->blocks) {
    region->store = (void *)(base + (count << blk->mark.shift));
    region->store_size = blktab_size(count, blk_planes(blk));
    blktab_grow(tab, region->store, count);
    region->area.size = count << blk->mark.shift;
    blkmark_review(&blk->mark);
  }
  blk->size += limit - region->limit;
  region->size += limit - region->limit;
  region->limit = limit;
  return MPS_RES_OK;
}

static bool blk_overlaps(const BlkRegion *region, Word base, Word limit)
{
  return base < region->limit && region->limit - region->size < limit;
}

Res blk_extend(Blk *blk, void *memory, Size size)
{
  Word base = (Word)memory;
  Word limit = base + size;

  if (size > blk->params.max_size - blk->size || limit < base)
    return MPS_RES_PARAM;
  for (Index i = 0; i < blk->mark.count; ++i)
    if (blk_overlaps(blk_region_at(blk, i), base, limit))
      return MPS_RES_PARAM;
  for (Index i = 0; i < blk->mark.count; ++i)
    if (blk_region_at(blk, i)->limit == base)
      return blk_region_extend(blk_region_at(blk, i), limit);
  if (blk->mark.count == BLKMARK_AREAS)
    return MPS_RES_LIMIT;
  return blk_region_at_memory(blk, base, base, limit);
}

/* blk_retire -- the client uses the memory of an old pool again: that has
 * nothing any more */

static void blk_retire(Blk *blk)
{
  blk->mark.count = 0;
  blkmark_review(&blk->mark);
  blk->mark.depth = 0;
  blk->mark.ring_count = 0;
  blk->mark.is_pending = false;
  blk->phase = BLK_IDLE;
  blk->first = NULL;
  blk->size = 0;
  if (blk->root != NULL)
    root_destroy(blk->root);
  blk->root = NULL;
}

static void blk_retire_others(Arena *arena, Word base, Word limit)
{
  RING_FOR (node, after, &arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, node);
    Blk *blk = blk_of_pool(pool);

    if (!blk_is_pool(pool) || blk->params.memory == NULL
        || blk->mark.count == 0)
      continue;
    if (base < (Word)blk->params.memory + blk->params.memory_size
        && (Word)blk->params.memory < limit)
      blk_retire(blk);
  }
}

static Res blk_init_memory(Blk *blk)
{
  Word base = (Word)blk->params.memory;
  Word limit = base + blk->params.memory_size;
  Word stack = (base + sizeof(Word) - 1) & ~(Word)(sizeof(Word) - 1);
  Count entries = blk->params.stack;
  Word record, blocks;
  Count count;
  Root root = {.kind = ROOT_FUN,
               .rank = RANK_AMBIG,
               .scan = blk_scan_root,
               .base = blk};
  Res res;

  if (entries == 0)
    entries = size_min(
        size_max(blk->params.memory_size / BLK_STACK_SHARE, BLK_STACK_MIN),
        BLK_STACK);
  if (limit < base || stack < base || stack > limit
      || (limit - stack) / sizeof(Word) < entries
      || !blk_place_region(&record, &blocks, &count, blk,
                           stack + entries * sizeof(Word), limit))
    return MPS_RES_MEMORY;
  res = root_create(&blk->root, blk->pool.arena, &root);
  if (res != MPS_RES_OK)
    return res;
  /* Another pool loses the memory only to one that comes to be. */
  blk_retire_others(blk->pool.arena, base, limit);
  blk->mark.stack = (Word *)stack;
  blk->mark.limit = entries;
  res = blk_region_at_memory(blk, base, stack + entries * sizeof(Word), limit);
  if (res != MPS_RES_OK)
    root_destroy(blk->root);
  return res;
}


/* Making a pool */

static bool blk_take_sizes(Blk *blk, mps_arg_s *args)
{
  BlkParams *params = &blk->params;
  mps_arg_s arg;

  params->block = BLK_WORDS * sizeof(Word);
  params->extend_by = BLK_EXTEND_BY;
  params->max_size = SIZE_MAX;
  params->headroom = BLK_HEADROOM;
  blk->threshold = MPS_BLK_NO_THRESHOLD;
  if (args_pick(args, MPS_KEY_BLK_SIZE, &arg))
    params->block = arg.val.size;
  if (args_pick(args, MPS_KEY_EXTEND_BY, &arg))
    params->extend_by = arg.val.size;
  if (args_pick(args, MPS_KEY_MAX_SIZE, &arg))
    params->max_size = arg.val.size;
  if (args_pick(args, MPS_KEY_BLK_HEADROOM, &arg))
    params->headroom = arg.val.d;
  if (args_pick(args, MPS_KEY_BLK_THRESHOLD, &arg))
    blk->threshold = arg.val.size;
  if (args_pick(args, MPS_KEY_BLK_MARK_STACK, &arg))
    params->stack = arg.val.count;
  return REQUIRE(size_is_pow2(params->block)
                     && params->block >= BLK_WORDS_MIN * sizeof(Word)
                     && params->block <= BLK_WORDS_MAX * sizeof(Word),
                 "mps_pool_create_k: MPS_KEY_BLK_SIZE must be a power of "
                 "two, of 2 to 16 words")
         && REQUIRE(params->headroom < 1.0,
                    "mps_pool_create_k: MPS_KEY_BLK_HEADROOM must be less "
                    "than 1.0");
}

static bool blk_take_bool(mps_arg_s *args, mps_key_t key, bool is_default)
{
  mps_arg_s arg;

  return args_pick(args, key, &arg) ? arg.val.b != 0 : is_default;
}

static mps_fun_t blk_take_fun(mps_arg_s *args, mps_key_t key)
{
  mps_arg_s arg;

  return args_pick(args, key, &arg) ? arg.val.fun : NULL;
}

static void *blk_take_pointer(mps_arg_s *args, mps_key_t key)
{
  mps_arg_s arg;

  return args_pick(args, key, &arg) ? arg.val.p : NULL;
}

static void blk_take_calls(Blk *blk, mps_arg_s *args)
{
  BlkParams *params = &blk->params;

  params->final = (mps_blk_visit_t)blk_take_fun(args, MPS_KEY_BLK_FINAL);
  params->final_closure = blk_take_pointer(args, MPS_KEY_BLK_FINAL_CLOSURE);
  params->weak = (mps_blk_visit_t)blk_take_fun(args, MPS_KEY_BLK_WEAK);
  params->collected
      = (mps_blk_hook_t)blk_take_fun(args, MPS_KEY_BLK_COLLECTED);
  params->collect = (mps_blk_hook_t)blk_take_fun(args, MPS_KEY_BLK_COLLECT);
  params->loop = (mps_blk_hook_t)blk_take_fun(args, MPS_KEY_BLK_LOOP);
  params->locked = (mps_blk_locked_t)blk_take_fun(args, MPS_KEY_BLK_LOCKED);
  params->closure = blk_take_pointer(args, MPS_KEY_BLK_CLOSURE);
}

static bool blk_take_memory(Blk *blk, mps_arg_s *args)
{
  BlkParams *params = &blk->params;
  mps_arg_s arg;

  params->memory = blk_take_pointer(args, MPS_KEY_BLK_MEMORY);
  if (args_pick(args, MPS_KEY_BLK_MEMORY_SIZE, &arg))
    params->memory_size = size_min(arg.val.size, params->max_size);
  return REQUIRE((params->memory != NULL) == (params->memory_size > 0),
                 "mps_pool_create_k: MPS_KEY_BLK_MEMORY and "
                 "MPS_KEY_BLK_MEMORY_SIZE go together");
}

static bool blk_take_args(Blk *blk, mps_arg_s *args)
{
  BlkParams *params = &blk->params;

  if (!blk_take_sizes(blk, args) || !blk_take_memory(blk, args))
    return false;
  blk_take_calls(blk, args);
  params->is_clear = blk_take_bool(args, MPS_KEY_BLK_CLEAR, false);
  params->is_poison = blk_take_bool(args, MPS_KEY_BLK_POISON, false);
  params->is_zero = blk_take_bool(args, MPS_KEY_BLK_ZERO, false);
  params->has_leaves = blk_take_bool(args, MPS_KEY_BLK_LEAVES, false);
  blk->is_auto
      = blk_take_bool(args, MPS_KEY_BLK_AUTO,
                      params->memory == NULL || params->collect != NULL);
  return true;
}

static Res blk_init_arena(Blk *blk)
{
  Count entries = blk->params.stack > 0 ? blk->params.stack : BLK_STACK;
  Res res;

  if (entries > SIZE_MAX / sizeof(Word))
    return MPS_RES_MEMORY;
  res = ctl_alloc(&blk->mark.stack, &blk->pool.arena->ctl,
                  entries * sizeof(Word));
  if (res == MPS_RES_OK) {
    blk->stack_size = entries * sizeof(Word);
    blk->mark.limit = entries;
  }
  return res;
}

static Res blk_init(Pool *pool, mps_arg_s *args)
{
  Blk *blk = blk_of_pool(pool);
  Gen *gen;
  Word none;
  Res res;

  if (!pool_take_gen(&gen, pool, args, POOL_TOP) || !blk_take_args(blk, args))
    return MPS_RES_PARAM;
  pool->align = blk->params.block;
  blkmark_init(&blk->mark, size_log2(blk->params.block), &none, 1);
  blk->mark.is_interior = blk_take_bool(args, MPS_KEY_INTERIOR, true);
  blk->mark.has_layouts = blk_take_bool(args, MPS_KEY_BLK_LAYOUT, false);
  res = blk->params.memory != NULL ? blk_init_memory(blk)
                                   : blk_init_arena(blk);
  if (res != MPS_RES_OK)
    return res;
  pgen_init(&blk->pgen, pool, gen, 0);
  blk->sig = BLK_SIG;
  return MPS_RES_OK;
}

static void blk_finish(Pool *pool)
{
  Blk *blk = blk_of_pool(pool);

  ASSERT(blk_check(pool));
  blk->sig = SIG_NONE;
  while (blk->mark.count > 0)
    blk_region_free(blk_region_at(blk, blk->mark.count - 1));
  if (blk->root != NULL)
    root_destroy(blk->root);
  if (blk->stack_size > 0)
    ctl_free(&pool->arena->ctl, blk->mark.stack, blk->stack_size);
  pgen_finish(&blk->pgen);
}


/* The class */

/* Told by the result alone (.blk.alloc.points). */
static Res blk_no_buffer(Buffer *buffer, mps_arg_s *args)
{
  return MPS_RES_UNIMPL;
}

static Res blk_class_alloc(Addr *base_out, Pool *pool, Size size)
{
  return blk_alloc(base_out, blk_of_pool(pool), size, 0, 0);
}

static void blk_class_free(Pool *pool, Addr base, Size size)
{
  Blk *blk = blk_of_pool(pool);
  BlkRegion *region;
  Index head;

  if (REQUIRE(blk_find(&region, &head, blk, base),
              "mps_free: p must be the first address of an object of the "
              "pool")
      && REQUIRE(size <= blk_object_size(blk, region, head),
                 "mps_free: size must be that of the object")
      && REQUIRE(blk->locks == 0 && blk->phase == BLK_IDLE,
                 "mps_free: the pool must not be locked or collecting"))
    blk_free(blk, region, head);
}

static Size blk_total_size(const Pool *pool)
{
  return blk_of_const_pool(pool)->size;
}

static Size blk_free_size(const Pool *pool)
{
  const Blk *blk = blk_of_const_pool(pool);

  return blk_blocks_size(blk) - blk_used_size(blk);
}

static void blk_segs(Pool *pool, void (*visit)(Seg *seg, void *p), void *p)
{
  const Blk *blk = blk_of_pool(pool);

  for (Index i = 0; i < blk->mark.count; ++i)
    if (blk_region_at(blk, i)->seg != NULL)
      visit(blk_region_at(blk, i)->seg, p);
}

static const PoolClass blk_class = {
    .sig = POOL_CLASS_SIG,
    .name = "BLK",
    .size = sizeof(Blk),
    .is_moving = false,
    .is_managed = true,
    .init = blk_init,
    .finish = blk_finish,
    .buffer_init = blk_no_buffer,
    .fill = pool_no_fill,
    .empty = pool_no_empty,
    .alloc = blk_class_alloc,
    .free = blk_class_free,
    .ramp_begin = pool_no_ramp,
    .ramp_end = pool_no_ramp,
    .pop = pool_no_pop,
    .condemned = pool_no_condemned,
    .scanned = pool_no_scanned,
    .trace_end = pool_no_trace_end,
    .collected = blk_collected,
    .total_size = blk_total_size,
    .free_size = blk_free_size,
    .segs = blk_segs,
    .check = blk_check,
};

mps_pool_class_t mps_class_blk(void)
{
  return (mps_pool_class_t)&blk_class;
}
