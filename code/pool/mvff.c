/* mvff.c -- the pool class of blocks of any size under manual control
 *
 * Design: .mvff.way, .mvff.hint, .mvff.spare (design/mvff.rst).
 */

#include "mvff.h"

#include "../base/args.h"
#include "../heap/buffer.h"
#include "../include/mpscmvff.h"
#include "../include/mpstd.h"

#include <string.h>

#define MVFF_EXTEND_BY ((Size)64 << 10)
#define MVFF_MEAN_SIZE ((Size)32)
#define MVFF_SPARE 0.75
/* Bytes of a tile: its record is then a small block for the control
 * allocator.  In the harsh variety many blocks are in two of them. */
#define MVFF_TILE ((Size)32 << 10)

/* Sizes that have hints: each of up to 32 granules, and four to a doubling
 * from there on. */
enum {
  MVFF_EXACT = 32,
  MVFF_CLASSES = 64
};


/* Tiles */

static MvffTile *mvff_tile_of_runs(RunTile *runs)
{
  return (MvffTile *)(void *)runs - 1;
}

static RunTile *mvff_find_tile(const Mvff *mvff, Addr addr)
{
  Seg *seg = manseg_find(&mvff->pgen, addr);

  return seg != NULL ? mvff_runs(mvff_tile_of_seg(seg)) : NULL;
}

static Size mvff_record(const Mvff *mvff, Size size)
{
  return sizeof(MvffTile) + runs_tile_size(size >> mvff->runs.shift);
}


/* Hints */

static Index mvff_class(Count granules)
{
  Shift log;

  if (granules <= MVFF_EXACT)
    return granules - 1;
  log = size_log2(granules);
  return size_min(MVFF_EXACT + (log - 5) * 4 + (granules >> (log - 2) & 3),
                  MVFF_CLASSES - 1);
}

/* mvff_aim -- let a hint say that a block of size bytes in a tile is free, or
 * with is_taken that there may be room next to it */

static inline void mvff_aim(const Mvff *mvff, MvffHint *hint, RunTile *tile,
                            Addr base, Size size, bool is_taken)
{
  bool is_below = mvff->way.at_high;

  hint->at = is_below == is_taken ? base : addr_add(base, size);
  hint->tile = tile;
}

static void mvff_hint(Mvff *mvff, RunTile *tile, Addr base, Count granules,
                      bool is_taken)
{
  mvff_aim(mvff, mvff_push_hint(&mvff->hints[mvff_class(granules)]), tile,
           base, granules << mvff->runs.shift, is_taken);
}

/* mvff_forget_tile -- no hint leads to it any more */

static void mvff_forget_tile(Mvff *mvff, const RunTile *tile)
{
  for (Index i = 0; i < MVFF_CLASSES; ++i)
    for (Index k = 0; k < MVFF_PLACES; ++k)
      if (mvff->hints[i].place[k].tile == tile)
        mvff->hints[i].place[k] = (MvffHint){NULL, NULL};
}

/* mvff_use_long -- use what a hint names, where that is more granules than a
 * search nearby knows */

static bool mvff_use_long(Addr *base_out, RunTile **tile_out, Mvff *mvff,
                          Addr at, Size size)
{
  Addr base = mvff->way.at_high ? addr_sub(at, size) : at;
  RunTile *tile = mvff_find_tile(mvff, base);

  if (tile == NULL || !runs_is_free(&mvff->runs, tile, base, size))
    return false;
  runs_use(&mvff->runs, tile, base, size);
  *base_out = base;
  *tile_out = tile;
  return true;
}

static inline bool mvff_use_at(Addr *base_out, RunTile **tile_out, Mvff *mvff,
                               const MvffHint *hint, Count granules)
{
  Runs *runs = &mvff->runs;
  bool is_below = mvff->way.at_high;
  RunTile *tile = hint->tile;

  if (UNLIKELY(granules > WORD_BITS))
    return mvff_use_long(base_out, tile_out, mvff, hint->at,
                         granules << runs->shift);
  if (UNLIKELY(tile == NULL
               || hint->at == (is_below ? tile->own.base : tile->own.limit))) {
    tile = mvff_find_tile(mvff, is_below ? addr_sub(hint->at, 1) : hint->at);
    if (tile == NULL)
      return false;
  }
  *tile_out = tile;
  if (LIKELY(!is_below
             && runs_use_short(runs, tile, runs_index(runs, tile, hint->at),
                               granules))) {
    *base_out = hint->at;
    return true;
  }
  return runs_use_near(base_out, runs, tile, hint->at, granules, is_below);
}

static inline bool mvff_use_hint(Addr *base_out, Mvff *mvff, Count granules)
{
  MvffHints *hints = &mvff->hints[mvff_class(granules)];

  for (Count i = 0; i < MVFF_PLACES; ++i) {
    MvffHint *hint = hints->top;
    RunTile *tile;

    if (hint->at == NULL)
      return false;
    if (LIKELY(mvff_use_at(base_out, &tile, mvff, hint, granules))) {
      if (UNLIKELY(granules > WORD_BITS))
        tile = NULL;
      mvff_aim(mvff, hint, tile, *base_out, granules << mvff->runs.shift,
               true);
      return true;
    }
    hint->at = NULL;
    hints->top
        = (hint == hints->place ? &hints->place[MVFF_PLACES] : hint) - 1;
  }
  return false;
}


/* Coming and going */

/* How much may be free: at least what the next request would bring in
 * again, but nothing if the client wants nothing spare. */
static void mvff_account(Mvff *mvff, Size total)
{
  Size max = size_max((Size)(mvff->spare * (double)total), mvff->keep);

  mvff->total = total;
  mvff->free_max = max >> mvff->runs.shift;
}

static void mvff_add_tile(Mvff *mvff, MvffTile *tile, Addr base, Size size)
{
  manseg_init(&tile->seg, &mvff->pgen, base, addr_add(base, size));
  ring_init(&tile->link);
  ring_append(&mvff->empties, &tile->link);
  runs_add(&mvff->runs, mvff_runs(tile), base, size >> mvff->runs.shift);
  mvff_account(mvff, mvff->total + size);
}

static void mvff_free_tile(Mvff *mvff, MvffTile *tile)
{
  Size size = addr_diff(tile->seg.base, tile->seg.limit);

  ring_remove(&tile->link);
  manseg_free(&tile->seg);
  ctl_free(&mvff->pool.arena->ctl, tile, mvff_record(mvff, size));
}

/* mvff_drop -- give a tile back that is wholly free */

static void mvff_drop(Mvff *mvff, MvffTile *tile)
{
  if (mvff->pool.debug != NULL)
    debug_check(mvff->pool.debug, tile->seg.base, tile->seg.limit);
  mvff_forget_tile(mvff, mvff_runs(tile));
  runs_remove(&mvff->runs, mvff_runs(tile));
  mvff_account(mvff, mvff->total - addr_diff(tile->seg.base, tile->seg.limit));
  mvff_free_tile(mvff, tile);
}

/* mvff_trim -- give empty tiles back until at most so much is free */

static void mvff_trim(Mvff *mvff, const Count *free_max)
{
  Ring *link;

  while (mvff->runs.free > *free_max && !ring_is_single(&mvff->empties)) {
    MvffTile *tile;

    link = mvff->empties.next;
    tile = RING_ELEM(MvffTile, link, link);
    ring_remove(link);
    if (mvff_runs(tile)->free == mvff_runs(tile)->count)
      mvff_drop(mvff, tile);
  }
}


/* Growing */

/* mvff_make_records -- records for the tiles of size bytes, linked by
 * parent; none if there is no memory for all */

static Res mvff_make_records(RunTile **list_out, Mvff *mvff, Size size)
{
  Ctl *ctl = &mvff->pool.arena->ctl;
  RunTile *list = NULL;

  for (Size at = 0; at < size; at += mvff->tile) {
    MvffTile *tile;
    Size part = size_min(mvff->tile, size - at);
    Res res = ctl_alloc(&tile, ctl, mvff_record(mvff, part));

    if (res != MPS_RES_OK) {
      while (list != NULL) {
        RunTile *next = list->parent;

        ctl_free(ctl, mvff_tile_of_runs(list), mvff_record(mvff, mvff->tile));
        list = next;
      }
      return res;
    }
    mvff_runs(tile)->parent = list;
    list = mvff_runs(tile);
  }
  *list_out = list;
  return MPS_RES_OK;
}

static Res mvff_extend_by(Mvff *mvff, Size size)
{
  Space *space = &mvff->pool.arena->space;
  Size rest = size_round_up(size, space->grain);
  RunTile *list;
  Addr base;
  Res res = space_alloc(&base, space, rest >> space->shift, mvff->end);

  if (res != MPS_RES_OK)
    return res;
  res = mvff_make_records(&list, mvff, rest);
  if (res != MPS_RES_OK) {
    space_free(space, base, rest >> space->shift);
    return res;
  }
  if (mvff->pool.debug != NULL)
    debug_fill(mvff->pool.debug, base, addr_add(base, rest));
  /* The first of the list has the length of the last tile. */
  while (list != NULL) {
    RunTile *next = list->parent;
    Size at = size_round_down(rest - 1, mvff->tile);

    mvff_add_tile(mvff, mvff_tile_of_runs(list), addr_add(base, at),
                  rest - at);
    rest = at;
    list = next;
  }
  return MPS_RES_OK;
}

/* mvff_extend -- get memory for size bytes: as much as the client wants at a
 * time, or what is needed, also in place of what is spare */

Res mvff_extend(Mvff *mvff, Size size)
{
  static const Count nothing = 0;
  Res res = mvff_extend_by(mvff, size_max(size, mvff->extend_by));

  if (res != MPS_RES_OK && size < mvff->extend_by)
    res = mvff_extend_by(mvff, size);
  if (res != MPS_RES_OK && !ring_is_single(&mvff->empties)) {
    mvff_trim(mvff, &nothing);
    res = mvff_extend_by(mvff, size);
  }
  return res;
}


/* Blocks */

static Res mvff_find(RunTile **tile_out, Addr *base_out, Mvff *mvff, Size size)
{
  Res res;

  if (runs_find(tile_out, base_out, &mvff->runs, size, mvff->way))
    return MPS_RES_OK;
  res = mvff_extend(mvff, size);
  if (res == MPS_RES_OK
      && !runs_find(tile_out, base_out, &mvff->runs, size, mvff->way))
    ASSERT(!"an extension is long enough");
  return res;
}

static __attribute__((noinline)) Res mvff_use(Addr *base_out, Mvff *mvff,
                                              Count granules)
{
  Size size = granules << mvff->runs.shift;
  RunTile *tile;
  Res res;

  if (mvff_use_hint(base_out, mvff, granules))
    return MPS_RES_OK;
  res = mvff_find(&tile, base_out, mvff, size);
  if (res != MPS_RES_OK)
    return res;
  runs_use(&mvff->runs, tile, *base_out, size);
  mvff_hint(mvff, NULL, *base_out, granules, true);
  return MPS_RES_OK;
}

/* mvff_note_empties -- of the tiles of a range that was freed */

static void mvff_note_empties(Mvff *mvff, RunTile *tile, Addr limit)
{
  while (tile != NULL && tile->own.base < limit) {
    MvffTile *it = mvff_tile_of_runs(tile);

    if (tile->free == tile->count && ring_is_single(&it->link))
      ring_append(&mvff->empties, &it->link);
    tile = runs_next(tile);
  }
}

/* mvff_settle -- a range that begins in this tile was freed: what is wholly
 * free may go back to the arena */

static inline void mvff_settle(Mvff *mvff, RunTile *tile, Addr limit)
{
  if (UNLIKELY(tile->free == tile->count || limit > tile->own.limit))
    mvff_note_empties(mvff, tile, limit);
  if (UNLIKELY(mvff->runs.free > mvff->free_max))
    mvff_trim(mvff, &mvff->free_max);
}

/* mvff_release -- make a range free, which is used */

static void mvff_release(Mvff *mvff, RunTile *tile, Addr base, Size size)
{
  Addr limit = addr_add(base, size);

  if (mvff->pool.debug != NULL)
    debug_fill(mvff->pool.debug, base, limit);
  runs_free(&mvff->runs, tile, base, size);
  mvff_settle(mvff, tile, limit);
}

static Res mvff_alloc(Addr *base_out, Pool *pool, Size size)
{
  Mvff *mvff = mvff_of_pool(pool);

  if (LIKELY(mvff_alloc_quick(base_out, mvff, size)))
    return MPS_RES_OK;
  return mvff_use(base_out, mvff,
                  (size + pool->align - 1) >> mvff->runs.shift);
}

/* mvff_free_any -- a block that is long, or wrong, or must be overwritten */

static void mvff_free_any(Mvff *mvff, RunTile *tile, Addr base, Size size)
{
  if (!REQUIRE(tile != NULL,
               "mps_free: p must be the address of a block of the pool")
      || !REQUIRE(runs_is_used(&mvff->runs, tile, base, size)
                      && !mvff_is_ahead(mvff, base, size),
                  "mps_free: all of the size bytes at p must be allocated, "
                  "and not freed yet"))
    return;
  mvff_hint(mvff, NULL, base, size >> mvff->runs.shift, false);
  mvff_release(mvff, tile, base, size);
}

static void mvff_free_granules(Mvff *mvff, Addr base, Count granules)
{
  Runs *runs = &mvff->runs;
  RunTile *tile = mvff_find_tile(mvff, base);
  Size size = granules << runs->shift;

  if (tile != NULL && mvff->pool.debug == NULL
      && !mvff_is_ahead(mvff, base, size)
      && runs_free_short(runs, tile, runs_index(runs, tile, base), granules)) {
    mvff_hint(mvff, tile, base, granules, false);
    mvff_settle(mvff, tile, addr_add(base, size));
  } else {
    mvff_free_any(mvff, tile, base, size);
  }
}

void mvff_free(Pool *pool, Addr base, Size size)
{
  Mvff *mvff = mvff_of_pool(pool);

  if (UNLIKELY(!mvff_free_quick(mvff, base, size)))
    mvff_free_granules(mvff, base,
                       (size + pool->align - 1) >> mvff->runs.shift);
}


/* Blocks with fences */

static Res mvff_debug_alloc(Addr *base_out, Pool *pool, Size size)
{
  Mvff *mvff = mvff_of_pool(pool);
  Size outer = debug_outer(&mvff->debug, size);
  Addr base;
  Res res;

  if (outer > SIZE_MAX / 2)
    return MPS_RES_RESOURCE;
  res = mvff_use(&base, mvff, outer >> mvff->runs.shift);
  if (res != MPS_RES_OK)
    return res;
  debug_check(&mvff->debug, base, addr_add(base, outer));
  res = debug_add(base_out, &mvff->debug, base, size);
  if (res != MPS_RES_OK)
    mvff_release(mvff, mvff_find_tile(mvff, base), base, outer);
  return res;
}

static void mvff_debug_free(Pool *pool, Addr client, Size size)
{
  Mvff *mvff = mvff_of_pool(pool);
  Addr base;

  if (debug_remove(&base, &size, &mvff->debug, client, size))
    mvff_free_granules(mvff, base,
                       size_round_up(size, pool->align) >> mvff->runs.shift);
}

static void mvff_each_free(Pool *pool,
                           void (*visit)(void *p, Addr base, Addr limit),
                           void *p)
{
  runs_each(&mvff_of_pool(pool)->runs, visit, p);
}


/* Allocation points */

Res mvff_buffer_init(Buffer *buffer, mps_arg_s *args)
{
  buffer->rank = RANK_NONE;
  return MPS_RES_OK;
}

void mvff_attach(Buffer *buffer, RunTile *tile, Addr base, Size size)
{
  Mvff *mvff = mvff_of_pool(buffer->pool);

  runs_use(&mvff->runs, tile, base, size);
  if (mvff->pool.debug != NULL)
    debug_check(mvff->pool.debug, base, addr_add(base, size));
  buffer_attach(buffer, NULL, base, addr_add(base, size));
}

/* The longest free run, but no more of it than the pool extends by: what an
 * allocation point doesn't use in the end is marked for nothing. */

static Res mvff_fill(Buffer *buffer, Size size)
{
  Mvff *mvff = mvff_of_pool(buffer->pool);
  RunTile *tile;
  Size longest = 0;
  Addr base;

  (void)runs_find_longest(&tile, &base, &longest, &mvff->runs);
  if (longest < size) {
    Res res = mvff_extend(mvff, size);

    if (res != MPS_RES_OK)
      return res;
    (void)runs_find_longest(&tile, &base, &longest, &mvff->runs);
  }
  ASSERT(longest >= size);
  mvff_attach(buffer, tile, base,
              size_min(longest, size_max(size, mvff->extend_by)));
  return MPS_RES_OK;
}

void mvff_empty(Buffer *buffer)
{
  Mvff *mvff = mvff_of_pool(buffer->pool);
  Addr init = (Addr)buffer->ap.init;

  if (init < buffer->limit)
    mvff_release(mvff, mvff_find_tile(mvff, init), init,
                 addr_diff(init, buffer->limit));
}


/* What was allocated here since the frame was pushed is to be had again, if
 * it is all in the memory at hand and none of it was freed by itself. */

bool mvff_pop(Buffer *buffer, Addr frame)
{
  const Mvff *mvff = mvff_of_pool(buffer->pool);
  Addr init = (Addr)buffer->ap.init;

  if (frame != NULL && buffer->base <= frame && frame < init
      && runs_is_used(&mvff->runs, mvff_find_tile(mvff, frame), frame,
                      addr_diff(frame, init))) {
    buffer->ap.init = frame;
    buffer->ap.alloc = frame;
  }
  return true;
}


/* Lifetime */

bool mvff_take_align(Mvff *mvff, mps_arg_s *args)
{
  Pool *pool = &mvff->pool;
  mps_arg_s arg;

  pool->align = MPS_PF_ALIGN;
  if (args_pick(args, MPS_KEY_ALIGN, &arg))
    pool->align = arg.val.align;
  return REQUIRE(pool->align >= sizeof(void *)
                     && pool->align <= pool->arena->space.grain,
                 "mps_pool_create_k: MPS_KEY_ALIGN must be at least that of a "
                 "pointer, and at most the arena's grain size");
}

static bool mvff_take_sizes(Mvff *mvff, mps_arg_s *args)
{
  Size grain = mvff->pool.arena->space.grain;
  Size mean = MVFF_MEAN_SIZE;
  mps_arg_s arg;

  mvff->extend_by = MVFF_EXTEND_BY;
  if (args_pick(args, MPS_KEY_EXTEND_BY, &arg))
    mvff->extend_by = arg.val.size;
  if (args_pick(args, MPS_KEY_MEAN_SIZE, &arg))
    mean = arg.val.size;
  if (!REQUIRE(mean <= mvff->extend_by,
               "mps_pool_create_k: MPS_KEY_MEAN_SIZE must be at most "
               "MPS_KEY_EXTEND_BY")
      || !REQUIRE(mvff->extend_by <= SIZE_MAX / 4,
                  "mps_pool_create_k: MPS_KEY_EXTEND_BY must be possible"))
    return false;
  mvff->extend_by = size_round_up(mvff->extend_by, grain);
  return true;
}

static bool mvff_take(Mvff *mvff, mps_arg_s *args)
{
  mps_arg_s arg;

  if (!mvff_take_align(mvff, args) || !mvff_take_sizes(mvff, args))
    return false;
  mvff->spare = MVFF_SPARE;
  if (args_pick(args, MPS_KEY_SPARE, &arg))
    mvff->spare = arg.val.d;
  mvff->keep = mvff->spare > 0.0 ? mvff->extend_by : 0;
  if (args_pick(args, MPS_KEY_MVFF_SLOT_HIGH, &arg))
    mvff->way.from_high = arg.val.b;
  if (args_pick(args, MPS_KEY_MVFF_FIRST_FIT, &arg))
    mvff->way.at_high = !arg.val.b;
  mvff->end = SPACE_LOW;
  if (args_pick(args, MPS_KEY_MVFF_ARENA_HIGH, &arg))
    mvff->end = arg.val.b ? SPACE_HIGH : SPACE_LOW;
  return true;
}

#define MVFF_HINTS_SIZE (MVFF_CLASSES * sizeof(MvffHints))

static void mvff_init_hints(Mvff *mvff)
{
  memset(mvff->hints, 0, MVFF_HINTS_SIZE);
  for (Index i = 0; i < MVFF_CLASSES; ++i) {
    mvff->hints[i].top = mvff->hints[i].place;
    mvff->hints[i].mask = i < MVFF_EXACT ? runs_mask(i + 1) : 0;
  }
  mvff->quick = MVFF_EXACT;
  if (mvff->way.at_high
      || !size_is_aligned(mvff->pool.arena->space.grain,
                          mvff->pool.align * WORD_BITS))
    mvff->quick = 0;
}

Res mvff_start(Mvff *mvff)
{
  Pool *pool = &mvff->pool;
  Size grain = pool->arena->space.grain;
  Res res = ctl_alloc(&mvff->hints, &pool->arena->ctl, MVFF_HINTS_SIZE);

  if (res != MPS_RES_OK)
    return res;
  mvff_init_hints(mvff);
  mvff->tile = HARSH ? grain : size_max(grain, MVFF_TILE);
  runs_init(&mvff->runs, size_log2(pool->align));
  manseg_pgen_init(&mvff->pgen, pool);
  ring_init(&mvff->empties);
  mvff_account(mvff, 0);
  mvff->sig = MVFF_SIG;
  return MPS_RES_OK;
}

static Res mvff_init(Pool *pool, mps_arg_s *args)
{
  Mvff *mvff = mvff_of_pool(pool);

  return mvff_take(mvff, args) ? mvff_start(mvff) : MPS_RES_PARAM;
}

static Res mvff_debug_init(Pool *pool, mps_arg_s *args)
{
  Mvff *mvff = mvff_of_pool(pool);
  Res res = mvff_init(pool, args);

  if (res != MPS_RES_OK)
    return res;
  mvff->debug.each_free = mvff_each_free;
  if (debug_take(&mvff->debug, pool, args))
    return MPS_RES_OK;
  ctl_free(&pool->arena->ctl, mvff->hints, MVFF_HINTS_SIZE);
  return MPS_RES_PARAM;
}

void mvff_finish(Pool *pool)
{
  Mvff *mvff = mvff_of_pool(pool);
  RunTile *tile;

  ASSERT(mvff_check(pool));
  if (pool->debug != NULL) {
    debug_check_free(pool->debug);
    debug_finish(pool->debug);
  }
  while ((tile = runs_dismiss(&mvff->runs)) != NULL)
    mvff_free_tile(mvff, mvff_tile_of_runs(tile));
  ctl_free(&pool->arena->ctl, mvff->hints, MVFF_HINTS_SIZE);
  mvff->sig = SIG_NONE;
}

bool mvff_check(const Pool *pool)
{
  const Mvff *mvff = mvff_of_const_pool(pool);

  CHECK(pool_check(pool));
  CHECK(mvff->sig == MVFF_SIG);
  CHECK(runs_check(&mvff->runs));
  CHECK(mvff->runs.free << mvff->runs.shift <= mvff->total);
  CHECK(size_is_aligned(mvff->total, pool->arena->space.grain));
  CHECK(ring_check(&mvff->empties));
  return true;
}

Size mvff_total_size(const Pool *pool)
{
  return mvff_of_const_pool(pool)->total;
}

Size mvff_free_size(const Pool *pool)
{
  const Mvff *mvff = mvff_of_const_pool(pool);

  return mvff->runs.free << mvff->runs.shift;
}

/* Both classes but for what has fences. */
#define MVFF_CLASS(its_name, its_init, its_alloc, its_free) \
  { \
    .sig = POOL_CLASS_SIG, .name = its_name, .size = sizeof(Mvff), \
    .init = its_init, .finish = mvff_finish, .buffer_init = mvff_buffer_init, \
    .fill = mvff_fill, .empty = mvff_empty, .alloc = its_alloc, \
    .free = its_free, .ramp_begin = pool_no_ramp, .ramp_end = pool_no_ramp, \
    .pop = mvff_pop, .condemned = pool_no_condemned, \
    .scanned = pool_no_scanned, .trace_end = pool_no_trace_end, \
    .collected = pool_no_collected, .total_size = mvff_total_size, \
    .free_size = mvff_free_size, .segs = pool_no_segs, .check = mvff_check \
  }

static const PoolClass mvff_class_plain
    = MVFF_CLASS("MVFF", mvff_init, mvff_alloc, mvff_free);
static const PoolClass mvff_class_debug = MVFF_CLASS(
    "MVFF debug", mvff_debug_init, mvff_debug_alloc, mvff_debug_free);

bool mvff_is_pool(const Pool *pool)
{
  return pool->class == &mvff_class_plain;
}

mps_pool_class_t mps_class_mvff(void)
{
  return (mps_pool_class_t)&mvff_class_plain;
}

mps_pool_class_t mps_class_mvff_debug(void)
{
  return (mps_pool_class_t)&mvff_class_debug;
}
