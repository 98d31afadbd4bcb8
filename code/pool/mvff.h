/* mvff.h -- the pool class of blocks of any size under manual control
 *
 * Design: .mvff.way, .mvff.hint, .mvff.spare (design/mvff.rst).
 */

#ifndef MVFF_H
#define MVFF_H

#include "debug.h"
#include "freeruns.h"
#include "manseg.h"

#include "../heap/buffer.h"

#define MVFF_SIG ((Sig)0x4D564646) /* "MVFF" */

/* Places where blocks of one class of sizes were freed, the newest at top;
 * one cache line (.mvff.hint). */
enum {
  MVFF_PLACES = 3
};

typedef struct MvffHint {
  Addr at;       /* free from here on, or up to here; NULL for no hint */
  RunTile *tile; /* that at is in or ends; NULL where that isn't known */
} MvffHint;

typedef struct MvffHints {
  MvffHint place[MVFF_PLACES];
  MvffHint *top;
  Word mask; /* of a block, where all are of the same size */
} MvffHints;

/* The record of a tile; that of its free runs follows. */
typedef struct MvffTile {
  Seg seg;   /* first, so that the grain map leads to it */
  Ring link; /* mvff->empties, or single */
} MvffTile;

typedef struct Mvff {
  Pool pool; /* first */
  Sig sig;
  Runs runs;
  PoolGen pgen;   /* stands for all of the memory (.mvff.map) */
  Size total;     /* bytes */
  Count free_max; /* granules that may be free before some go back */
  double spare;   /* fraction of total that may be free, */
  Size keep;      /* or so many bytes, if that is more */
  Size extend_by; /* whole grains */
  Size tile;      /* the most bytes of one; whole grains */
  RunsWay way;
  SpaceEnd end;
  Ring empties; /* MvffTile.link: those that were wholly free at some time */
  MvffHints *hints;
  Count quick; /* the most granules that the quick way is for (.mvff.quick) */
  Debug debug; /* of the debug class */
} Mvff;

static inline Mvff *mvff_of_pool(Pool *pool)
{
  return (Mvff *)pool;
}

static inline const Mvff *mvff_of_const_pool(const Pool *pool)
{
  return (const Mvff *)pool;
}

static inline MvffTile *mvff_tile_of_seg(Seg *seg)
{
  return (MvffTile *)seg;
}

static inline RunTile *mvff_runs(MvffTile *tile)
{
  return (RunTile *)(void *)(tile + 1);
}

static inline MvffHint *mvff_push_hint(MvffHints *hints)
{
  MvffHint *hint = hints->top + 1;

  hint = hint == &hints->place[MVFF_PLACES] ? hints->place : hint;
  hints->top = hint;
  return hint;
}


/* The quick ways (.mvff.quick) */

/* Allocate at the newest place for the size; false, and nothing has happened,
 * if it isn't that simple.  Any size will do, right or wrong. */
static inline __attribute__((always_inline)) bool
mvff_alloc_quick(Addr *base_out, Mvff *mvff, Size size)
{
  Count granules = (size + mvff->pool.align - 1) >> mvff->runs.shift;
  MvffHints *hints;
  MvffHint *hint;

  if (UNLIKELY(granules - 1 >= mvff->quick))
    return false;
  hints = &mvff->hints[granules - 1];
  hint = hints->top;
  if (UNLIKELY(hint->tile == NULL
               || !runs_use_word(&mvff->runs, hint->tile, hint->at, granules,
                                 hints->mask)))
    return false;
  *base_out = hint->at;
  hint->at = addr_add(hint->at, granules << mvff->runs.shift);
  return true;
}

/* Is there nothing to note when so many granules of this tile get free, and
 * nothing to give back?  A tile that is noted stays so until the pool gives
 * memory back. */
static inline bool mvff_is_settled(const Mvff *mvff, MvffTile *tile,
                                   Count granules)
{
  const RunTile *runs = mvff_runs(tile);

  return (runs->free + granules != runs->count || !ring_is_single(&tile->link))
         && mvff->runs.free + granules <= mvff->free_max;
}

/* Is any of a range what an allocation point will allocate?  It is marked as
 * used (.mvff.ap.free). */
static inline bool mvff_is_ahead(const Mvff *mvff, Addr base, Size size)
{
  RING_FOR (node, after, (Ring *)&mvff->pool.buffers) {
    const Buffer *buffer = RING_ELEM(Buffer, link, node);
    Addr ahead = buffer_committed(buffer);

    if (base < buffer->limit && ahead < buffer->limit
        && ahead < addr_add(base, size))
      return true;
  }
  return false;
}

/* Free a block; false, and nothing has happened, if it isn't that simple, or
 * if it's wrong.  Never calls the client. */
static inline __attribute__((always_inline)) bool
mvff_free_quick(Mvff *mvff, Addr base, Size size)
{
  Count granules = (size + mvff->pool.align - 1) >> mvff->runs.shift;
  Seg *seg = space_seg(&mvff->pool.arena->space, base);
  MvffTile *tile;
  MvffHints *hints;

  if (UNLIKELY(granules - 1 >= mvff->quick || seg == NULL
               || seg->pgen != &mvff->pgen || mvff_is_ahead(mvff, base, size)))
    return false;
  tile = mvff_tile_of_seg(seg);
  hints = &mvff->hints[granules - 1];
  if (UNLIKELY(!mvff_is_settled(mvff, tile, granules)
               || !runs_free_word(&mvff->runs, mvff_runs(tile), base, granules,
                                  hints->mask)))
    return false;
  *mvff_push_hint(hints) = (MvffHint){base, mvff_runs(tile)};
  return true;
}


/* For classes that differ in what their allocation points fill (mvt.c): */

/* MPS_KEY_ALIGN; false if it breaks a rule, which has been reported. */
MOSTLY_INTERN bool mvff_take_align(Mvff *mvff, mps_arg_s *args);
/* The rest of init; spare, keep, extend_by, way and end are set. */
MOSTLY_INTERN Res mvff_start(Mvff *mvff);
/* Get memory for size bytes, in one piece. */
MOSTLY_INTERN Res mvff_extend(Mvff *mvff, Size size);
/* Use a free run, and let the buffer fill it. */
MOSTLY_INTERN void mvff_attach(Buffer *buffer, RunTile *tile, Addr base,
                               Size size);

/* Is it of the class without fences? */
MOSTLY_INTERN bool mvff_is_pool(const Pool *pool);

/* Methods of the class */
MOSTLY_INTERN void mvff_finish(Pool *pool);
MOSTLY_INTERN Res mvff_buffer_init(Buffer *buffer, mps_arg_s *args);
MOSTLY_INTERN void mvff_empty(Buffer *buffer);
MOSTLY_INTERN void mvff_free(Pool *pool, Addr base, Size size);
MOSTLY_INTERN bool mvff_pop(Buffer *buffer, Addr frame);
MOSTLY_INTERN Size mvff_total_size(const Pool *pool);
MOSTLY_INTERN Size mvff_free_size(const Pool *pool);
MOSTLY_INTERN bool mvff_check(const Pool *pool);

#endif /* MVFF_H */
