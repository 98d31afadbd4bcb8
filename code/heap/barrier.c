/* barrier.c -- learning which segments the client has written to
 *
 * Design: .barrier.handler, .barrier.inv.trust (design/barrier.rst).
 */

#include "barrier.h"

#include "gen.h"
#include "seg.h"

#include <stdatomic.h>

/* Scans that a segment waits after a hit before it is watched again. */
#define BARRIER_DEFER 2

#define BARRIER_ARENAS_MAX 1024


/* Where faults go.  The handler reads this table without a lock; it looks
 * at an arena only if the address is inside it, and then the client is
 * using that arena, so that it can't be going away. */

typedef struct BarrierSlot {
  _Atomic(Word) base;
  _Atomic(Word) limit; /* zero while the slot is free */
  _Atomic(Arena *) arena;
} BarrierSlot;

static BarrierSlot barrier_slots[BARRIER_ARENAS_MAX];
static pthread_mutex_t barrier_slots_lock = PTHREAD_MUTEX_INITIALIZER;

/* barrier_push_hit -- remember that a segment was written to
 *
 * Runs in a signal handler, as do the next ones.  Marking and pushing are
 * atomic, as several threads may hit one segment at once; the threads can't
 * be stopped while one is in here (.plat.fault.sink), so the collector finds
 * the list whole. */

static void barrier_push_hit(Arena *arena, Seg *seg)
{
  Seg *head;

  if (atomic_exchange(&seg->is_hit, true))
    return;
  head = atomic_load(&arena->hits);
  do
    seg->hit_next = head;
  while (!atomic_compare_exchange_weak(&arena->hits, &head, seg));
}

/* barrier_open -- allow writes to every segment in the unit that an address
 * is in
 *
 * The process has no mapping left for cutting out one segment.  A whole
 * unit becomes one with its neighbours that are open already. */

static bool barrier_open(Arena *arena, Addr addr)
{
  const Space *space = &arena->space;
  Index first = size_round_down(space_index(space, addr), space->unit_grains);
  Addr base = addr_add(space->base, first << space->shift);
  Addr limit = addr_add(base, space->unit);

  for (Index i = first; i < first + space->unit_grains; ++i) {
    Seg *seg = space->seg[i];

    if (seg == NULL || !seg->is_protected)
      continue;
    barrier_push_hit(arena, seg);
    /* One that reaches beyond the unit is opened all the way. */
    base = seg->base < base ? seg->base : base;
    limit = seg->limit > limit ? seg->limit : limit;
  }
  return plat_vm_protect(base, addr_diff(base, limit), false);
}

/* barrier_hit -- the client was refused a write: allow it and remember */

static bool barrier_hit(Arena *arena, Addr addr)
{
  Space *space = &arena->space;
  Seg *seg = space_seg(space, addr);

  if (seg == NULL)
    return false;
  if (!seg->is_protected)
    return space_has_addr(space, addr); /* another thread was faster */
  barrier_push_hit(arena, seg);
  return plat_vm_protect(seg->base, seg_size(seg), false)
         || barrier_open(arena, addr);
}

static bool barrier_fault(Addr addr)
{
  for (Index i = 0; i < BARRIER_ARENAS_MAX; ++i) {
    BarrierSlot *slot = &barrier_slots[i];

    if ((Word)addr < atomic_load(&slot->limit)
        && (Word)addr >= atomic_load(&slot->base)) {
      Arena *arena = atomic_load(&slot->arena);

      return arena != NULL && barrier_hit(arena, addr);
    }
  }
  return false;
}

Res barrier_register(Arena *arena)
{
  Res res = MPS_RES_LIMIT;

  (void)pthread_mutex_lock(&barrier_slots_lock);
  for (Index i = 0; i < BARRIER_ARENAS_MAX && res != MPS_RES_OK; ++i) {
    BarrierSlot *slot = &barrier_slots[i];

    if (atomic_load(&slot->limit) != 0)
      continue;
    atomic_store(&slot->arena, arena);
    atomic_store(&slot->base, (Word)arena->space.base);
    atomic_store(&slot->limit, (Word)arena->space.base + arena->space.span);
    res = MPS_RES_OK;
  }
  (void)pthread_mutex_unlock(&barrier_slots_lock);
  if (res == MPS_RES_OK && arena->barrier == BARRIER_PROTECT)
    plat_fault_install(barrier_fault);
  return res;
}

void barrier_unregister(Arena *arena)
{
  (void)pthread_mutex_lock(&barrier_slots_lock);
  for (Index i = 0; i < BARRIER_ARENAS_MAX; ++i) {
    BarrierSlot *slot = &barrier_slots[i];

    if (atomic_load(&slot->arena) == arena) {
      atomic_store(&slot->limit, 0);
      atomic_store(&slot->arena, NULL);
    }
  }
  (void)pthread_mutex_unlock(&barrier_slots_lock);
}


/* From narrow to universal */

void barrier_gather(Arena *arena)
{
  Seg *seg = atomic_exchange(&arena->hits, NULL);

  while (seg != NULL) {
    Seg *next = seg->hit_next;

    seg->is_protected = false;
    seg->defer = BARRIER_DEFER;
    seg_set_refset(seg, REFSET_UNIVERSAL);
    atomic_store(&seg->is_hit, false);
    seg = next;
  }
}

void barrier_expose(Seg *seg)
{
  if (seg->is_protected) {
    bool is_allowed = plat_vm_protect(seg->base, seg_size(seg), false);

    ASSERT(is_allowed);
    seg->is_protected = false;
  }
}

void barrier_distrust(Seg *seg)
{
  if (seg->rank != RANK_NONE)
    seg_set_refset(seg, REFSET_UNIVERSAL);
}

void barrier_run_end(BarrierRun *run)
{
  if (run->limit != NULL) {
    bool is_allowed
        = plat_vm_protect(run->base, addr_diff(run->base, run->limit), false);

    ASSERT(is_allowed);
  }
  run->limit = NULL;
}

void barrier_run_add(BarrierRun *run, Seg *seg)
{
  if (!seg->is_protected)
    return;
  seg->is_protected = false;
  if (run->limit == seg->base) {
    run->limit = seg->limit;
  } else if (run->limit != NULL && run->base == seg->limit) {
    run->base = seg->base;
  } else {
    barrier_run_end(run);
    run->base = seg->base;
    run->limit = seg->limit;
  }
}


/* From universal to narrow */

/* The ids of every chain's first generation: a segment that refers to one
 * is scanned in each minor collection anyway, so watching it gains
 * nothing. */

static RefSet barrier_nurseries(const Arena *arena)
{
  RefSet set = REFSET_EMPTY;

  RING_FOR (node, after, &arena->chains)
    set |= REFSET_KIND(RING_ELEM(Chain, link, node)->gens[0].id);
  return set;
}

void barrier_settle(Seg *seg, RefSet refset)
{
  Arena *arena = seg_arena(seg);

  ASSERT(arena->is_stopped);
  if (arena->barrier == BARRIER_NONE || seg->buffer != NULL
      || (refset & barrier_nurseries(arena)) != 0) {
    seg_set_refset(seg, REFSET_UNIVERSAL);
  } else if (seg->defer > 0) {
    --seg->defer;
    seg_set_refset(seg, REFSET_UNIVERSAL);
  } else {
    seg_set_refset(seg, refset);
    if (!seg->is_wanted) {
      seg->is_wanted = true;
      seg->wanted_next = arena->wanted;
      arena->wanted = seg;
    }
  }
}

/* barrier_sort -- merge sort by address, in place
 *
 * The list is in address order already but for a few places, as segments
 * are taken from one end of the space, so a bottom-up merge of its ordered
 * stretches would gain little over this. */

static Seg *barrier_merge(Seg *a, Seg *b)
{
  Seg *head = NULL;
  Seg **tail = &head;

  while (a != NULL && b != NULL) {
    Seg **least = a->base < b->base ? &a : &b;

    *tail = *least;
    tail = &(*least)->wanted_next;
    *least = *tail;
  }
  *tail = a != NULL ? a : b;
  return head;
}

static Seg *barrier_sort(Seg *list)
{
  Seg *bins[WORD_BITS] = {NULL}; /* bins[i]: 2^i segments, or none */
  Seg *sorted = NULL;

  while (list != NULL) {
    Seg *carry = list;
    Index i = 0;

    list = list->wanted_next;
    carry->wanted_next = NULL;
    for (; bins[i] != NULL; ++i) {
      carry = barrier_merge(bins[i], carry);
      bins[i] = NULL;
    }
    bins[i] = carry;
  }
  for (Index i = 0; i < WORD_BITS; ++i)
    if (bins[i] != NULL)
      sorted = barrier_merge(bins[i], sorted);
  return sorted;
}

/* barrier_protect_run -- protect the segments from first up to end
 *
 * The system refuses when the process has too many mappings.  Then the
 * segments aren't watched, so they may refer to anything
 * (.barrier.fails). */

static void barrier_protect_run(Seg *first, const Seg *end, Addr limit)
{
  bool is_done
      = plat_vm_protect(first->base, addr_diff(first->base, limit), true);

  if (!is_done)
    (void)plat_vm_protect(first->base, addr_diff(first->base, limit), false);
  for (Seg *seg = first; seg != end; seg = seg->wanted_next) {
    seg->is_protected = is_done;
    if (!is_done)
      seg_set_refset(seg, REFSET_UNIVERSAL);
  }
}

void barrier_raise(Arena *arena)
{
  Seg *seg = barrier_sort(arena->wanted);

  arena->wanted = NULL;
  while (seg != NULL) {
    Seg *first = seg;
    Addr limit = seg->base;

    while (seg != NULL && seg->base == limit
           && seg->refset != REFSET_UNIVERSAL) {
      ASSERT(!seg->is_white);
      seg->is_wanted = false;
      limit = seg->limit;
      seg = seg->wanted_next;
    }
    if (first != seg) {
      barrier_protect_run(first, seg, limit);
    } else { /* settled, and then settled again otherwise */
      seg->is_wanted = false;
      seg = seg->wanted_next;
    }
  }
}

void barrier_forget(Seg *seg)
{
  Arena *arena = seg_arena(seg);

  if (atomic_load(&seg->is_hit))
    barrier_gather(arena);
  barrier_expose(seg);
  if (seg->is_wanted) {
    Seg **link = &arena->wanted;

    while (*link != seg)
      link = &(*link)->wanted_next;
    *link = seg->wanted_next;
    seg->is_wanted = false;
  }
}

static void barrier_lift_seg(Seg *seg, void *closure)
{
  barrier_expose(seg);
}

/* The remembered lists won't do: a segment that refers to nothing is on none
 * of them. */

void barrier_lift(Arena *arena)
{
  RING_FOR (node, after, &arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, node);

    pool->class->segs(pool, barrier_lift_seg, NULL);
  }
  arena->barrier = BARRIER_NONE;
}
