/* transform.c -- replacing all references to some objects by others
 *
 * Design: .transform.walk (design/transform.rst).
 */

#include "transform.h"

#include "../heap/arena.h"
#include "../heap/barrier.h"
#include "../heap/buffer.h"
#include "../heap/root.h"
#include "../heap/scan.h"
#include "../heap/seg.h"
#include "note.h"

#define TRANSFORM_SHIFT_MIN 4


/* The pairs: open addressing, at most half full */

static Count transform_slots(const Transform *transform)
{
  return (Count)1 << transform->shift;
}

static Size transform_size(const Transform *transform)
{
  return transform_slots(transform) * sizeof(TransformPair);
}

/* The pair of an object, or the empty slot where it would be. */

static TransformPair *transform_find(const Transform *transform, Addr old)
{
  Index mask = transform_slots(transform) - 1;
  Index i = ((Word)old >> 3) * (Word)0x9E3779B97F4A7C15u
            >> (WORD_BITS - transform->shift);

  while (transform->pairs[i].old != NULL && transform->pairs[i].old != old)
    i = (i + 1) & mask;
  return &transform->pairs[i];
}

Res transform_create(Transform **transform_out, Arena *arena)
{
  Transform *transform;
  Res res = ctl_alloc(&transform, &arena->ctl, sizeof *transform);

  if (res != MPS_RES_OK)
    return res;
  transform->arena = arena;
  transform->flips = arena->flips;
  transform->is_applied = false;
  transform->count = 0;
  transform->shift = 0;
  transform->pairs = NULL;
  transform->sig = TRANSFORM_SIG;
  ++arena->transforms;
  *transform_out = transform;
  return MPS_RES_OK;
}

void transform_destroy(Transform *transform)
{
  Ctl *ctl = &transform->arena->ctl;

  ASSERT(transform_check(transform));
  transform->sig = SIG_NONE;
  --transform->arena->transforms;
  if (transform->pairs != NULL)
    ctl_free(ctl, transform->pairs, transform_size(transform));
  ctl_free(ctl, transform, sizeof *transform);
}

bool transform_check(const Transform *transform)
{
  CHECK(transform != NULL);
  CHECK(transform->sig == TRANSFORM_SIG);
  CHECK(transform->arena->sig == ARENA_SIG);
  CHECK(transform->pairs == NULL
        || transform->count <= transform_slots(transform) / 2);
  return true;
}

Res transform_reserve(Transform *transform, Count more)
{
  Transform grown = *transform;
  Ctl *ctl = &transform->arena->ctl;
  Res res;

  if (more > SIZE_MAX / (4 * sizeof(TransformPair)) - transform->count)
    return MPS_RES_MEMORY;
  if (transform->pairs != NULL
      && transform->count + more <= transform_slots(transform) / 2)
    return MPS_RES_OK;
  grown.shift = TRANSFORM_SHIFT_MIN;
  while (transform_slots(&grown) / 2 < transform->count + more)
    ++grown.shift;
  res = ctl_alloc(&grown.pairs, ctl, transform_size(&grown));
  if (res != MPS_RES_OK)
    return res;
  for (Index i = 0; i < transform_slots(&grown); ++i)
    grown.pairs[i].old = NULL;
  if (transform->pairs != NULL) {
    for (Index i = 0; i < transform_slots(transform); ++i)
      if (transform->pairs[i].old != NULL)
        *transform_find(&grown, transform->pairs[i].old) = transform->pairs[i];
    ctl_free(ctl, transform->pairs, transform_size(transform));
  }
  *transform = grown;
  return MPS_RES_OK;
}

bool transform_add(Transform *transform, Addr old, Addr new)
{
  TransformPair *pair = transform_find(transform, old);

  if (pair->old != NULL)
    return false;
  *pair = (TransformPair){old, new};
  ++transform->count;
  ASSERT(transform_check(transform));
  return true;
}


/* Applying.  The first stage of fix finds what the grain map calls white: for
 * the length of it that is the segments with old objects (.walk.roots). */

typedef struct TransformScan {
  ScanState ss; /* first: the second stage finds the rest from it */
  const Transform *transform;
  bool is_pinned; /* an ambiguous reference to an old object was found */
} TransformScan;

static void transform_look(ScanState *ss, mps_addr_t *ref_io)
{
  TransformScan *scan = (TransformScan *)(void *)ss;
  Seg *seg = space_seg(&ss->arena->space, *ref_io);
  mps_addr_t object;

  if (seg->class->find(&object, seg, *ref_io) == MPS_RES_OK
      && transform_find(scan->transform, object)->old != NULL)
    scan->is_pinned = true;
}

static void transform_replace(ScanState *ss, mps_addr_t *ref_io)
{
  const TransformScan *scan = (TransformScan *)(void *)ss;
  const TransformPair *pair = transform_find(scan->transform, *ref_io);

  if (pair->old != NULL)
    *ref_io = pair->new;
}

static void transform_scan_roots(TransformScan *scan, Rank first, Rank last)
{
  RING_FOR (node, after, &scan->transform->arena->roots) {
    Root *root = RING_ELEM(Root, link, node);

    if (root->rank >= first && root->rank <= last)
      (void)root_scan(root, &scan->ss);
  }
}

/* What a segment refers to isn't known afterwards; the collection that
 * follows finds out. */

static void transform_scan_seg(Seg *seg, void *closure)
{
  TransformScan *scan = closure;
  bool is_ambig = seg->rank == RANK_AMBIG;

  if (seg->rank == RANK_NONE || is_ambig != (scan->ss.fix == transform_look))
    return;
  barrier_expose(seg);
  barrier_distrust(seg);
  (void)seg->class->areas(seg, &scan->ss.ss, seg_scan_area, seg);
}

static void transform_scan_pools(TransformScan *scan)
{
  RING_FOR (node, after, &scan->transform->arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, node);

    pool->class->segs(pool, transform_scan_seg, scan);
  }
}

/* transform_whiten -- mark the segments of old objects, or unmark them */

static void transform_whiten(const Transform *transform, bool is_white)
{
  Space *space = &transform->arena->space;

  for (Index i = 0; i < transform_slots(transform); ++i) {
    const Seg *seg = space_seg(space, transform->pairs[i].old);

    if (seg != NULL)
      space_map_kind(space, seg->base, seg->limit,
                     is_white ? KIND_WHITE : seg->kind);
  }
}

static void transform_start(TransformScan *scan, const Transform *transform,
                            void (*fix)(ScanState *, mps_addr_t *))
{
  scan->transform = transform;
  scan->is_pinned = false;
  scan_init(&scan->ss, transform->arena, NULL, RANK_NONE);
  scan->ss.fix = fix;
}

static bool transform_is_pinned(const Transform *transform)
{
  TransformScan scan;

  transform_start(&scan, transform, transform_look);
  transform_scan_roots(&scan, RANK_AMBIG, RANK_AMBIG);
  transform_scan_pools(&scan);
  return scan.is_pinned;
}

static void transform_replace_all(const Transform *transform)
{
  TransformScan scan;

  transform_start(&scan, transform, transform_replace);
  transform_scan_roots(&scan, RANK_EXACT, RANK_WEAK);
  transform_scan_pools(&scan);
}

bool transform_apply(Transform *transform)
{
  bool is_pinned;

  ASSERT(transform_check(transform));
  transform->is_applied = true;
  if (transform->count == 0)
    return true;
  arena_stop(transform->arena);
  note_stop(transform->arena, "transform");
  /* What is being initialised may have old references. */
  buffer_flip_all(transform->arena);
  transform_whiten(transform, true);
  is_pinned = transform_is_pinned(transform);
  if (!is_pinned)
    transform_replace_all(transform);
  transform_whiten(transform, false);
  arena_resume(transform->arena);
  return !is_pinned;
}
