/* blk.h -- the pool of conservatively marked blocks
 *
 *   blk.c      the pool and its regions
 *   blkobj.c   objects: allocate, free, resize
 *   blkgc.c    collections, and what the arena's traces see of the pool
 *   blkinfo.c  figures, walks, dumps
 *   blkmark.c  finding what lives; blktab.c, blksearch.c: the tables
 *
 * Design: .blk.region, .blk.collect (design/blk.rst).
 */

#ifndef BLK_H
#define BLK_H

#include "blkmark.h"
#include "pool.h"

#include "../include/mpscblk.h"

#include <string.h>

#define BLK_SIG ((Sig)0x426C6B20)        /* "Blk " */
#define BLK_REGION_SIG ((Sig)0x426C6B52) /* "BlkR" */

/* A piece of memory: blocks, and a table of them.  From the arena, the
 * blocks are a segment, and the table lies elsewhere, as segments may be
 * protected; in the client's memory this record comes first, then the
 * blocks, then the table. */
typedef struct BlkRegion {
  BlkArea area; /* first, so that an area may be seen as a region */
  Sig sig;
  Seg *seg;    /* NULL in the client's memory */
  void *store; /* of the table */
  Size store_size;
  Size size;       /* bytes of all of it */
  Word limit;      /* where the client's memory ends */
  bool is_counted; /* in arena->ambig_holding */
  struct Blk *blk;
} BlkRegion;

typedef enum BlkPhase {
  BLK_IDLE,
  BLK_MARKING,    /* something is, or will be, marked */
  BLK_FINALIZING, /* the client is told of the dead */
  BLK_TELLING     /* it's told of the end; it may use the pool again */
} BlkPhase;

/* What the client chose. */
typedef struct BlkParams {
  Size block;
  Size extend_by;
  Size max_size;
  void *memory; /* or NULL */
  Size memory_size;
  double headroom;
  Count stack; /* zero if it didn't say */
  bool is_clear;
  bool is_poison;
  bool is_zero;
  bool has_leaves;
  mps_blk_visit_t final;
  void *final_closure;
  mps_blk_visit_t weak;
  mps_blk_hook_t collected;
  mps_blk_hook_t collect;
  mps_blk_hook_t loop;
  mps_blk_locked_t locked;
  void *closure;
} BlkParams;

typedef struct Blk {
  Pool pool; /* first, so that a Pool may be seen as a Blk */
  Sig sig;
  BlkPhase phase;
  BlkParams params;
  BlkMark mark;     /* with all regions, by address */
  BlkRegion *first; /* which never goes */
  PoolGen pgen;     /* of the segments */
  Root *root;       /* the client's memory as a root, or NULL */
  Size stack_size;  /* bytes of the stack that we allocated, or zero */
  Size size;        /* bytes of all regions */
  bool is_auto;
  bool is_traced; /* marked by the arena's trace in place */
  bool is_called; /* the client's own collector is running */
  Word moving;    /* an object that is being resized, a root, or zero */
  Count locks;
  Size threshold;
  Size allocated; /* bytes, since the last collection */
  Size polled;    /* the same, since the arena was */

  Count collections;
  Count objects_freed; /* by the last one */
  Count free_count;
  Size free_size;
} Blk;

static inline Blk *blk_of_pool(Pool *pool)
{
  return (Blk *)pool;
}

static inline const Blk *blk_of_const_pool(const Pool *pool)
{
  return (const Blk *)pool;
}

static inline BlkRegion *blk_region(BlkArea *area)
{
  return (BlkRegion *)area;
}

static inline BlkRegion *blk_region_at(const Blk *blk, Index i)
{
  return blk_region(blk->mark.areas[i]);
}

#define BLK_FLAGS (MPS_BLK_FINAL | MPS_BLK_LEAF | MPS_BLK_WEAK)

MOSTLY_INTERN bool blk_is_pool(const Pool *pool);
MOSTLY_INTERN bool blk_check(const Pool *pool);
/* Objects, or collecting, is forbidden now. */
MOSTLY_INTERN bool blk_is_locked(const Blk *blk);

/* The first address of an object: which one?  False if it isn't one. */
MOSTLY_INTERN bool blk_find(BlkRegion **region_out, Index *head_out,
                            const Blk *blk, Addr addr);
/* The word that requests of size zero get (MPS_KEY_BLK_ZERO). */
MOSTLY_INTERN Addr blk_zero(const Blk *blk);

/* Regions.  Codes as of space_alloc. */
MOSTLY_INTERN Res blk_grow(Blk *blk, Size least);
MOSTLY_INTERN Res blk_extend(Blk *blk, void *base, Size size);
MOSTLY_INTERN void blk_region_free(BlkRegion *region);
/* Keep arena->ambig_holding. */
MOSTLY_INTERN void blk_count(BlkRegion *region);
/* The library will write to blocks of the region: nothing is known about
 * what they refer to. */
MOSTLY_INTERN void blk_distrust(BlkRegion *region);

/* Objects (blkobj.c).  The quick form fails where anything but a search is
 * to be done first. */
MOSTLY_INTERN Res blk_alloc(Addr *base_out, Blk *blk, Size size, Word layout,
                            unsigned flags);
MOSTLY_INTERN bool blk_alloc_quick(Addr *base_out, Blk *blk, Size size,
                                   Word layout, unsigned flags);
/* Bytes allocated after which the arena gets its chance to collect. */
#define BLK_POLL_EVERY ((Size)64 << 10)
/* What freed blocks are filled with, where they are. */
#define BLK_POISON 0xDB

static inline bool blk_is_collect_due(const Blk *blk)
{
  return blk->is_auto && blk->allocated >= blk->threshold;
}

static inline bool blk_is_poll_due(const Blk *blk)
{
  return blk->params.memory == NULL
         && blk->allocated - blk->polled >= BLK_POLL_EVERY;
}

/* blk_alloc_near -- an object of at most one block, without flags, in the
 * lowest region, where nothing has to be searched, watched or asked
 *
 * The bytes of it from *clear_out up to a block's size aren't zero yet, and
 * should be.
 *
 * On the critical path.  A region gets its first object elsewhere, so
 * blk_count has nothing to do. */

static inline bool blk_alloc_near(Addr *base_out, Size *clear_out, Blk *blk,
                                  Size size)
{
  Size block = (Size)1 << blk->mark.shift;
  const BlkParams *params = &blk->params;
  BlkRegion *region;
  Index head;

  if (UNLIKELY(size - 1 >= block || blk->first == NULL)
      || UNLIKELY((blk->mark.has_layouts | blk->locks | (Count)blk->phase)
                  != BLK_IDLE)
      || UNLIKELY(blk_is_collect_due(blk)) || UNLIKELY(blk_is_poll_due(blk)))
    return false;
  region = blk_region_at(blk, 0);
  if (UNLIKELY(region->seg != NULL && region->seg->refset != REFSET_UNIVERSAL))
    return false;
  if (UNLIKELY(!blktab_alloc_near(&head, &region->area.tab)))
    return false;
  *base_out = (Addr)(region->area.base + (head << blk->mark.shift));
  *clear_out = params->is_clear ? 0 : size;
  blk->allocated += block;
  return true;
}

MOSTLY_INTERN void blk_free(Blk *blk, BlkRegion *region, Index head);
MOSTLY_INTERN Res blk_realloc(Addr *base_io, Blk *blk, BlkRegion *region,
                              Index head, Size size, bool may_move);
MOSTLY_INTERN Size blk_object_size(const Blk *blk, const BlkRegion *region,
                                   Index head);
MOSTLY_INTERN unsigned blk_flags(const BlkRegion *region, Index head);
MOSTLY_INTERN Res blk_set_flags(Blk *blk, BlkRegion *region, Index head,
                                unsigned flags);

/* Collections (blkgc.c). */
MOSTLY_INTERN Count blk_collect(Blk *blk);
MOSTLY_INTERN void blk_mark_begin(Blk *blk);
MOSTLY_INTERN Count blk_mark_end(Blk *blk);
MOSTLY_INTERN Count blk_final_all(Blk *blk);
/* Grow if less is free than the client wants after a collection; give back
 * regions that are empty if much more is. */
MOSTLY_INTERN void blk_keep_headroom(Blk *blk);
/* A trace has marked the pool: free what is dead. */
MOSTLY_INTERN void blk_collected(Pool *pool);
/* Scan the client's memory, for the root that stands for it. */
MOSTLY_INTERN mps_res_t blk_scan_root(mps_ss_t ss, void *p, size_t s);
MOSTLY_INTERN_DATA const SegClass blk_seg_class;

/* Figures (blkinfo.c). */
typedef void (*BlkVisit)(mps_addr_t base, size_t size, unsigned state,
                         unsigned flags, void *closure);
typedef struct BlkDump {
  unsigned style;
  int (*write)(void *closure, const char *text, size_t length);
  void *closure;
  char (*letter)(mps_addr_t object, void *closure);
} BlkDump;

MOSTLY_INTERN Size blk_used_size(const Blk *blk);
MOSTLY_INTERN Size blk_blocks_size(const Blk *blk);
MOSTLY_INTERN void blk_walk(const Blk *blk, BlkVisit visit, void *closure);
MOSTLY_INTERN void blk_info(mps_blk_info_s *info_out, const Blk *blk,
                            bool is_walk);
MOSTLY_INTERN void blk_dump(const Blk *blk, const BlkDump *dump);
MOSTLY_INTERN bool blk_check_all(const Blk *blk);

#endif /* BLK_H */
