/* walk.c -- visiting what is there, without tracing
 *
 * Design: .walk.not.trace, .walk.roots (design/walk.rst).
 */

#include "walk.h"

#include "../heap/arena.h"
#include "../heap/barrier.h"
#include "../heap/root.h"
#include "../heap/scan.h"
#include "../heap/seg.h"
#include "note.h"


/* Objects */

typedef struct WalkObjects {
  mps_formatted_objects_stepper_t visit;
  void *p;
  size_t s;
} WalkObjects;

static void walk_seg_objects(Seg *seg, void *closure)
{
  const WalkObjects *walk = closure;

  seg->class->walk(seg, walk->visit, walk->p, walk->s);
}

void walk_pool_objects(Pool *pool, mps_formatted_objects_stepper_t visit,
                       void *p, size_t s)
{
  WalkObjects walk = {visit, p, s};

  pool->class->segs(pool, walk_seg_objects, &walk);
}

void walk_objects(Arena *arena, mps_formatted_objects_stepper_t visit, void *p,
                  size_t s)
{
  RING_FOR (node, after, &arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, node);

    if (pool->format != NULL)
      walk_pool_objects(pool, visit, p, s);
  }
}


/* Areas.  The client may write there, so a segment is exposed, and nothing
 * is known about it afterwards.  The threads run meanwhile: the client may
 * print what it sees, and a stopped thread may hold a lock that printing
 * takes. */

typedef struct WalkAreas {
  mps_area_scan_t scan;
  void *closure;
  ScanState ss;
  Res res;
} WalkAreas;

static void walk_seg_areas(Seg *seg, void *closure)
{
  WalkAreas *walk = closure;

  if (walk->res != MPS_RES_OK)
    return;
  if (seg->rank != RANK_NONE) {
    barrier_expose(seg);
    barrier_distrust(seg);
  }
  walk->res = seg->class->areas(seg, &walk->ss.ss, walk->scan, walk->closure);
}

Res walk_areas(Pool *pool, mps_area_scan_t scan, void *closure)
{
  WalkAreas walk = {.scan = scan, .closure = closure, .res = MPS_RES_OK};

  barrier_gather_hits(pool->arena);
  scan_init(&walk.ss, pool->arena, NULL, RANK_EXACT);
  pool->class->segs(pool, walk_seg_areas, &walk);
  return walk.res;
}


/* Roots.  The first stage of fix finds what the grain map calls white, so
 * for the length of the walk, with the threads stopped, all automatic
 * memory is white there and nowhere else. */

typedef struct WalkRoots {
  ScanState ss; /* first: the second stage finds the rest from it */
  mps_roots_stepper_t visit;
  Root *root;
  void *p;
  size_t s;
} WalkRoots;

static void walk_fix(ScanState *ss, mps_addr_t *ref_io)
{
  WalkRoots *walk = (WalkRoots *)(void *)ss;

  walk->visit(ref_io, walk->root, walk->p, walk->s);
}

static void walk_seg_white(Seg *seg, void *closure)
{
  space_map_kind(closure, seg->base, seg->limit, KIND_WHITE);
}

static void walk_seg_restore(Seg *seg, void *closure)
{
  space_map_kind(closure, seg->base, seg->limit, seg->kind);
}

static void walk_each_seg(Arena *arena, void (*visit)(Seg *seg, void *p))
{
  RING_FOR (node, after, &arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, node);

    if (pool->class->is_managed)
      pool->class->segs(pool, visit, &arena->space);
  }
}

void walk_roots(Arena *arena, mps_roots_stepper_t visit, void *p, size_t s)
{
  WalkRoots walk = {.visit = visit, .p = p, .s = s};

  arena_stop(arena);
  note_stop(arena, "walk of roots");
  walk_each_seg(arena, walk_seg_white);
  for (unsigned rank = RANK_AMBIG; rank <= RANK_WEAK; ++rank)
    RING_FOR (node, after, &arena->roots) {
      walk.root = RING_ELEM(Root, link, node);
      if (walk.root->rank != (Rank)rank)
        continue;
      scan_init(&walk.ss, arena, NULL, RANK_NONE);
      walk.ss.fix = walk_fix;
      walk.ss.has_slots = walk.root->thread == NULL;
      (void)root_scan(walk.root, &walk.ss);
    }
  walk_each_seg(arena, walk_seg_restore);
  arena_resume(arena);
}
