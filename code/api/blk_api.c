/* blk_api.c -- entry points: the block pool
 *
 * The client's call-backs run with the lock held, and some functions are
 * allowed in them; so all of these may be called by whoever has the lock.
 *
 * Design: .api.thin, .blk.calls (design/api.rst, design/blk.rst).
 */

#include "api.h"

#include "../pool/blk.h"

/* A pool of this class? */
#define API_BLK(pool, function) \
  (API_POOL_ANY(pool, function) \
   && API_REQUIRE(blk_is_pool(pool), \
                  #function ": pool must be a pool of mps_class_blk"))

/* The first address of an object, which is found. */
#define API_BLK_OBJECT(region, head, blk, p, function) \
  REQUIRE(blk_find(region, head, blk, p), \
          #function ": p must be the first address of an object of the pool")

#define API_BLK_FLAGS(blk, flags, function) \
  (API_REQUIRE(((flags) & ~BLK_FLAGS) == 0, \
               #function ": flags must be MPS_BLK_FINAL, _LEAF and _WEAK") \
   && API_REQUIRE( \
       ((flags)&MPS_BLK_FINAL) == 0 || (blk)->params.final != NULL, \
       #function ": MPS_BLK_FINAL needs a pool with MPS_KEY_BLK_FINAL") \
   && API_REQUIRE(((flags)&MPS_BLK_WEAK) == 0 || (blk)->params.weak != NULL, \
                  #function \
                  ": MPS_BLK_WEAK needs a pool with MPS_KEY_BLK_WEAK"))

/* For what can't come to a collection of the arena. */

static inline Blk *api_blk_enter(Pool *pool)
{
  arena_enter_recursive(pool->arena);
  return blk_of_pool(pool);
}

static inline void api_blk_leave(const Blk *blk)
{
  arena_leave_recursive(blk->pool.arena);
}

/* For what can; entry is where the client's thread came in. */

static Blk *api_blk_begin(Pool *pool, const PlatContext *entry)
{
  if (plat_lock_is_mine(&pool->arena->lock))
    plat_lock_claim(&pool->arena->lock); /* in a call-back */
  else
    arena_enter(pool->arena, entry);
  return blk_of_pool(pool);
}

static void api_blk_end(const Blk *blk)
{
  Arena *arena = blk->pool.arena;

  if (arena->lock.depth > 0)
    plat_lock_release(&arena->lock);
  else
    arena_leave(arena);
}


/* Objects */

/* The registers are captured only when it may come to a collection. */

static __attribute__((noinline)) Res api_blk_alloc_slow(Addr *base_out,
                                                        Pool *pool, Size size,
                                                        Word layout,
                                                        unsigned flags)
{
  PlatContext context;
  Blk *blk;
  Res res;

  PLAT_CAPTURE(&context);
  blk = api_blk_begin(pool, &context);
  res = blk_alloc(base_out, blk, size, layout, flags);
  api_blk_end(blk);
  return res;
}

/* api_blk_claim_alone -- take the lock without a call, where this is the only
 * thread; false, and nothing has happened, if it isn't that simple
 *
 * A predicate of the client's could do anything, such as making a thread. */

static inline bool api_blk_claim_alone(Arena *arena, const Blk *blk)
{
  return LIKELY(PLAT_IS_ALONE && !arena->is_hiding
                && blk->params.locked == NULL)
         && LIKELY(plat_lock_claim_alone(&arena->lock, plat_os_self()));
}

/* api_blk_clear -- what remains to do for api_blk_alloc_near, apart from it so
 * that it keeps nothing in registers over a call */

static __attribute__((noinline)) mps_res_t
api_blk_clear(Arena *arena, Addr base, Size from, Size limit)
{
  memset((char *)base + from, 0, limit - from);
  plat_lock_release_alone(&arena->lock);
  return MPS_RES_OK;
}

/* api_blk_alloc_alone -- the same where a search may be needed */

static bool api_blk_alloc_alone(Addr *base_out, Pool *pool, Size size,
                                unsigned flags)
{
  Arena *arena = pool->arena;
  bool is_done;

  if (!api_blk_claim_alone(arena, blk_of_pool(pool)))
    return false;
  is_done = blk_alloc_quick(base_out, blk_of_pool(pool), size, 0, flags);
  plat_lock_release_alone(&arena->lock);
  return is_done;
}

static mps_res_t api_blk_alloc(mps_addr_t *p_o, Pool *pool, Size size,
                               Word layout, unsigned flags)
{
  Blk *blk = api_blk_enter(pool);
  Addr base;
  bool is_done = blk_alloc_quick(&base, blk, size, layout, flags);
  Res res = MPS_RES_OK;

  api_blk_leave(blk);
  if (UNLIKELY(!is_done))
    res = api_blk_alloc_slow(&base, pool, size, layout, flags);
  if (res == MPS_RES_OK)
    *p_o = base;
  return res;
}

/* api_blk_alloc_zero -- what a request of size zero gets */

static mps_res_t api_blk_alloc_zero(mps_addr_t *p_o, const Blk *blk)
{
  *p_o = blk_zero(blk);
  return MPS_RES_OK;
}

/* api_blk_alloc_any -- mps_blk_alloc, but for what is done in line */

static __attribute__((noinline)) mps_res_t
api_blk_alloc_any(mps_addr_t *p_o, Pool *pool, Size size, unsigned flags)
{
  Addr base;

  if (!API_OUT(p_o, mps_blk_alloc) || !API_BLK(pool, mps_blk_alloc)
      || !API_BLK_FLAGS(blk_of_pool(pool), flags, mps_blk_alloc))
    return MPS_RES_PARAM;
  if (size == 0 && blk_of_pool(pool)->params.is_zero)
    return api_blk_alloc_zero(p_o, blk_of_pool(pool));
  if (size == 0)
    return MPS_RES_PARAM;
  if (api_blk_alloc_alone(&base, pool, size, flags)) {
    *p_o = base;
    return MPS_RES_OK;
  }
  return api_blk_alloc(p_o, pool, size, 0, flags);
}

/* Most allocations are of one block, and need no call.  Whatever isn't as it
 * should be is found again, and reported, by the other function.
 *
 * On the critical path. */

mps_res_t mps_blk_alloc(mps_addr_t *p_o, mps_pool_t pool, size_t size,
                        unsigned flags)
{
  Arena *arena;
  Blk *blk;
  Addr base;
  Size from, block;

  if (UNLIKELY(p_o == NULL) || UNLIKELY(flags != 0)
      || UNLIKELY(!API_IS(pool, POOL_SIG)) || UNLIKELY(!blk_is_pool(pool)))
    return api_blk_alloc_any(p_o, pool, size, flags);
  arena = pool->arena;
  blk = blk_of_pool(pool);
  if (UNLIKELY(!api_blk_claim_alone(arena, blk)))
    return api_blk_alloc_any(p_o, pool, size, flags);
  if (UNLIKELY(!blk_alloc_near(&base, &from, blk, size))) {
    plat_lock_release_alone(&arena->lock);
    return api_blk_alloc_any(p_o, pool, size, flags);
  }
  *p_o = base;
  block = (Size)1 << blk->mark.shift;
  if (from < block)
    return api_blk_clear(arena, base, from, block);
  plat_lock_release_alone(&arena->lock);
  return MPS_RES_OK;
}

/* api_blk_is_layout -- does it mean anything? */

static bool api_blk_is_layout(Word layout)
{
  Count words = layout >> 1 & 63;

  if (layout == 0)
    return true;
  if ((layout & 1) != 0)
    return words > 0 && words <= WORD_BITS - 7;
  return (layout & (sizeof(Word) - 1)) == 0
         && ((const mps_blk_layout_s *)layout)->words > 0
         && ((const mps_blk_layout_s *)layout)->map != NULL;
}

mps_res_t mps_blk_alloc_layout(mps_addr_t *p_o, mps_pool_t pool, size_t size,
                               mps_word_t layout, unsigned flags)
{
  if (!API_OUT(p_o, mps_blk_alloc_layout)
      || !API_BLK(pool, mps_blk_alloc_layout)
      || !API_REQUIRE(blk_of_pool(pool)->mark.has_layouts,
                      "mps_blk_alloc_layout: pool must be one with "
                      "MPS_KEY_BLK_LAYOUT")
      || !API_REQUIRE(api_blk_is_layout(layout),
                      "mps_blk_alloc_layout: layout must be zero, made by "
                      "MPS_BLK_LAYOUT, or the address of a record")
      || !API_BLK_FLAGS(blk_of_pool(pool), flags, mps_blk_alloc_layout))
    return MPS_RES_PARAM;
  if (size == 0 && blk_of_pool(pool)->params.is_zero)
    return api_blk_alloc_zero(p_o, blk_of_pool(pool));
  if (size == 0)
    return MPS_RES_PARAM;
  return api_blk_alloc(p_o, pool, size, layout, flags);
}

static bool api_blk_may_free(const Blk *blk)
{
  return blk->phase == BLK_FINALIZING
         || (blk->phase != BLK_MARKING && !blk_is_locked(blk));
}

/* api_blk_free_alone -- where this is the only thread, and p may be freed */

static inline bool api_blk_free_alone(Pool *pool, Addr p)
{
  Arena *arena = pool->arena;
  Blk *blk = blk_of_pool(pool);
  BlkRegion *region;
  Index head;
  bool is_done;

  if (!api_blk_claim_alone(arena, blk))
    return false;
  is_done = blk->phase == BLK_IDLE && blk->locks == 0
            && blk_find(&region, &head, blk, p);
  if (LIKELY(is_done))
    blk_free(blk, region, head);
  plat_lock_release_alone(&arena->lock);
  return is_done;
}

void mps_blk_free(mps_pool_t pool, mps_addr_t p)
{
  BlkRegion *region;
  Index head;
  Blk *blk;

  if (!API_BLK(pool, mps_blk_free) || p == NULL
      || (blk_of_pool(pool)->params.is_zero
          && p == blk_zero(blk_of_pool(pool)))
      || api_blk_free_alone(pool, p))
    return;
  blk = api_blk_enter(pool);
  if (REQUIRE(api_blk_may_free(blk), "mps_blk_free: the pool must not be "
                                     "locked or collecting")
      && API_BLK_OBJECT(&region, &head, blk, p, mps_blk_free))
    blk_free(blk, region, head);
  api_blk_leave(blk);
}

static __attribute__((noinline)) Res
api_blk_realloc(mps_addr_t *p_io, Pool *pool, Size size, bool may_move)
{
  PlatContext context;
  BlkRegion *region;
  Addr base = *p_io;
  Index head;
  Blk *blk;
  Res res = MPS_RES_PARAM;

  PLAT_CAPTURE(&context);
  blk = api_blk_begin(pool, &context);
  if (API_BLK_OBJECT(&region, &head, blk, base, mps_blk_realloc))
    res = blk_realloc(&base, blk, region, head, size, may_move);
  api_blk_end(blk);
  if (res == MPS_RES_OK)
    *p_io = base;
  return res;
}

/* api_blk_realloc_none -- the same to size zero, which frees it */

static Res api_blk_realloc_none(mps_addr_t *p_io, Pool *pool)
{
  Blk *blk = api_blk_enter(pool);
  BlkRegion *region;
  Index head;
  Res res = MPS_RES_FAIL;

  if (api_blk_may_free(blk)) {
    res = MPS_RES_PARAM;
    if (API_BLK_OBJECT(&region, &head, blk, *p_io, mps_blk_realloc)) {
      blk_free(blk, region, head);
      *p_io = NULL;
      res = MPS_RES_OK;
    }
  }
  api_blk_leave(blk);
  return res;
}

mps_res_t mps_blk_realloc(mps_addr_t *p_io, mps_pool_t pool, size_t size,
                          mps_bool_t may_move)
{
  Blk *blk;

  if (!API_OUT(p_io, mps_blk_realloc) || !API_BLK(pool, mps_blk_realloc))
    return MPS_RES_PARAM;
  blk = blk_of_pool(pool);
  if (*p_io == NULL || (blk->params.is_zero && *p_io == blk_zero(blk)))
    return size == 0 ? MPS_RES_OK : mps_blk_alloc(p_io, pool, size, 0);
  return size > 0 ? api_blk_realloc(p_io, pool, size, may_move != 0)
                  : api_blk_realloc_none(p_io, pool);
}

size_t mps_blk_size(mps_pool_t pool, mps_addr_t p)
{
  BlkRegion *region;
  Size size = 0;
  Index head;
  Blk *blk;

  if (!API_BLK(pool, mps_blk_size))
    return 0;
  blk = api_blk_enter(pool);
  if (blk_find(&region, &head, blk, p))
    size = blk_object_size(blk, region, head);
  api_blk_leave(blk);
  return size;
}

mps_bool_t mps_blk_object(mps_addr_t *base_o, mps_pool_t pool, mps_addr_t addr)
{
  BlkArea *area;
  Index head = BLK_NONE;
  Blk *blk;

  if (!API_OUT(base_o, mps_blk_object) || !API_BLK(pool, mps_blk_object))
    return 0;
  blk = api_blk_enter(pool);
  area = blkmark_area(&blk->mark, (Word)addr);
  if (area != NULL)
    head = blktab_head(&area->tab,
                       ((Word)addr - area->base) >> blk->mark.shift);
  if (head != BLK_NONE)
    *base_o = (mps_addr_t)(area->base + (head << blk->mark.shift));
  api_blk_leave(blk);
  return head != BLK_NONE;
}

unsigned mps_blk_flags(mps_pool_t pool, mps_addr_t p)
{
  BlkRegion *region;
  unsigned flags = 0;
  Index head;
  Blk *blk;

  if (!API_BLK(pool, mps_blk_flags))
    return 0;
  blk = api_blk_enter(pool);
  if (blk_find(&region, &head, blk, p))
    flags = blk_flags(region, head);
  api_blk_leave(blk);
  return flags;
}

mps_res_t mps_blk_flags_set(mps_pool_t pool, mps_addr_t p, unsigned flags)
{
  BlkRegion *region;
  Res res = MPS_RES_PARAM;
  Index head;
  Blk *blk;

  if (!API_BLK(pool, mps_blk_flags_set)
      || !API_BLK_FLAGS(blk_of_pool(pool), flags, mps_blk_flags_set))
    return MPS_RES_PARAM;
  blk = api_blk_enter(pool);
  if (blk_find(&region, &head, blk, p))
    res = blk_set_flags(blk, region, head, flags);
  api_blk_leave(blk);
  return res;
}

unsigned mps_blk_state(mps_pool_t pool, mps_addr_t addr)
{
  unsigned state = MPS_BLK_STATE_NONE;
  BlkArea *area;
  Blk *blk;

  if (!API_BLK(pool, mps_blk_state))
    return state;
  blk = api_blk_enter(pool);
  area = blkmark_area(&blk->mark, (Word)addr);
  if (area != NULL)
    state = blktab_state(&area->tab,
                         ((Word)addr - area->base) >> blk->mark.shift);
  api_blk_leave(blk);
  return state;
}


/* Collecting */

static bool api_blk_may_collect(const Blk *blk)
{
  return blk->phase == BLK_IDLE && !blk_is_locked(blk);
}

mps_res_t mps_blk_collect(size_t *objects_freed_o, mps_pool_t pool)
{
  PlatContext context;
  Count freed = 0;
  Res res = MPS_RES_FAIL;
  Blk *blk;

  PLAT_CAPTURE(&context);
  if (!API_BLK(pool, mps_blk_collect))
    return MPS_RES_PARAM;
  blk = api_blk_begin(pool, &context);
  if (api_blk_may_collect(blk) && blk->pool.arena->lock.depth == 0) {
    freed = blk_collect(blk);
    res = MPS_RES_OK;
  }
  api_blk_end(blk);
  if (res == MPS_RES_OK && objects_freed_o != NULL)
    *objects_freed_o = freed;
  return res;
}

void mps_blk_mark_begin(mps_pool_t pool)
{
  Blk *blk;

  if (!API_BLK(pool, mps_blk_mark_begin))
    return;
  blk = api_blk_enter(pool);
  if (REQUIRE(api_blk_may_collect(blk), "mps_blk_mark_begin: the pool "
                                        "must not be locked or "
                                        "collecting"))
    blk_mark_begin(blk);
  api_blk_leave(blk);
}

#define API_BLK_MARKING(blk, function) \
  REQUIRE((blk)->phase == BLK_MARKING && !(blk)->is_traced, \
          #function ": comes between mps_blk_mark_begin and _end")

void mps_blk_mark(mps_pool_t pool, void **base, size_t count)
{
  Blk *blk;

  if (!API_BLK(pool, mps_blk_mark)
      || !API_REQUIRE(((Word)base & (sizeof(Word) - 1)) == 0
                          && (base != NULL || count == 0),
                      "mps_blk_mark: base must be aligned to a word"))
    return;
  blk = api_blk_enter(pool);
  if (API_BLK_MARKING(blk, mps_blk_mark))
    blkmark_range(&blk->mark, (const Word *)(void *)base, count);
  api_blk_leave(blk);
}

size_t mps_blk_mark_end(mps_pool_t pool)
{
  Count freed = 0;
  Blk *blk;

  if (!API_BLK(pool, mps_blk_mark_end))
    return 0;
  blk = api_blk_enter(pool);
  if (API_BLK_MARKING(blk, mps_blk_mark_end))
    freed = blk_mark_end(blk);
  api_blk_leave(blk);
  return freed;
}

size_t mps_blk_final_all(mps_pool_t pool)
{
  Count freed = 0;
  Blk *blk;

  if (!API_BLK(pool, mps_blk_final_all))
    return 0;
  blk = api_blk_enter(pool);
  if (REQUIRE(blk->phase == BLK_IDLE,
              "mps_blk_final_all: the pool must not be collecting"))
    freed = blk_final_all(blk);
  api_blk_leave(blk);
  return freed;
}


/* What governs it */

void mps_blk_lock(mps_pool_t pool)
{
  Blk *blk;

  if (!API_BLK(pool, mps_blk_lock))
    return;
  blk = api_blk_enter(pool);
  ++blk->locks;
  api_blk_leave(blk);
}

void mps_blk_unlock(mps_pool_t pool)
{
  Blk *blk;

  if (!API_BLK(pool, mps_blk_unlock))
    return;
  blk = api_blk_enter(pool);
  if (REQUIRE(blk->locks > 0, "mps_blk_unlock: the pool must be locked"))
    --blk->locks;
  api_blk_leave(blk);
}

/* An accessor: its body works on blk. */
#define API_BLK_READ(type, name, expression) \
  type name(mps_pool_t pool) \
  { \
    type value; \
    Blk *blk; \
\
    if (!API_BLK(pool, name)) \
      return 0; \
    blk = api_blk_enter(pool); \
    value = (expression); \
    api_blk_leave(blk); \
    return value; \
  }

#define API_BLK_WRITE(type, name, statement) \
  void name(mps_pool_t pool, type value) \
  { \
    Blk *blk; \
\
    if (!API_BLK(pool, name)) \
      return; \
    blk = api_blk_enter(pool); \
    statement; \
    api_blk_leave(blk); \
  }

API_BLK_READ(mps_bool_t, mps_blk_is_locked,
             blk->phase == BLK_MARKING || blk->phase == BLK_FINALIZING
                 || blk_is_locked(blk))
API_BLK_READ(mps_bool_t, mps_blk_auto, blk->is_auto)
API_BLK_WRITE(mps_bool_t, mps_blk_auto_set, blk->is_auto = value != 0)
API_BLK_READ(size_t, mps_blk_threshold, blk->threshold)
API_BLK_WRITE(size_t, mps_blk_threshold_set, blk->threshold = value)
API_BLK_READ(size_t, mps_blk_allocated, blk->allocated)
API_BLK_WRITE(size_t, mps_blk_allocated_set, {
  blk->allocated = value;
  blk->polled = value;
})
API_BLK_READ(mps_bool_t, mps_blk_check, blk_check_all(blk))

mps_res_t mps_blk_extend(mps_pool_t pool, void *base, size_t size)
{
  Blk *blk;
  Res res = MPS_RES_FAIL;

  if (!API_BLK(pool, mps_blk_extend)
      || !API_REQUIRE(size > 0, "mps_blk_extend: size must be positive")
      || !API_REQUIRE((base != NULL)
                          == (blk_of_pool(pool)->params.memory != NULL),
                      "mps_blk_extend: base must be null if and only if the "
                      "pool's memory is the arena's"))
    return MPS_RES_PARAM;
  blk = api_blk_enter(pool);
  if (blk->phase == BLK_IDLE || blk->phase == BLK_TELLING)
    res = base != NULL ? blk_extend(blk, base, size) : blk_grow(blk, size);
  api_blk_leave(blk);
  return res;
}


/* What it shows */

void mps_blk_walk(mps_pool_t pool,
                  void (*visit)(mps_addr_t base, size_t size, unsigned state,
                                unsigned flags, void *closure),
                  void *closure)
{
  Blk *blk;

  if (!API_BLK(pool, mps_blk_walk)
      || !API_REQUIRE(visit != NULL, "mps_blk_walk: visit must not be null"))
    return;
  blk = api_blk_enter(pool);
  blk_walk(blk, visit, closure);
  api_blk_leave(blk);
}

void mps_blk_info(mps_blk_info_s *info_o, mps_pool_t pool, mps_bool_t walk)
{
  Blk *blk;

  if (!API_OUT(info_o, mps_blk_info) || !API_BLK(pool, mps_blk_info))
    return;
  blk = api_blk_enter(pool);
  blk_info(info_o, blk, walk != 0);
  api_blk_leave(blk);
}

void mps_blk_dump(mps_pool_t pool, unsigned style,
                  int (*write)(void *closure, const char *text, size_t length),
                  void *closure,
                  char (*letter)(mps_addr_t object, void *closure))
{
  BlkDump dump = {style, write, closure, letter};
  Blk *blk;

  if (!API_BLK(pool, mps_blk_dump)
      || !API_REQUIRE(style <= MPS_BLK_DUMP_STATES,
                      "mps_blk_dump: style must be one of MPS_BLK_DUMP_")
      || !API_REQUIRE(write != NULL, "mps_blk_dump: write must not be null"))
    return;
  blk = api_blk_enter(pool);
  blk_dump(blk, &dump);
  api_blk_leave(blk);
}
