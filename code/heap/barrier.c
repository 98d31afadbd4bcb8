/* barrier.c -- what the client does to segments, and may do to them
 *
 * Design: .barrier.handler, .barrier.inv.trust (design/barrier.rst).
 */

#include "barrier.h"

#include "gen.h"
#include "seg.h"

#include <stdatomic.h>
#include <string.h>

/* Scans that a segment waits after a write before it is watched again. */
#define BARRIER_DEFER 2

/* Hidden segments to show at once, on each side of the one that is wanted. */
#define BARRIER_SHOW 8

/* Ranges of written pages to ask the log for in one call: few, since this
 * may run on a signal stack. */
#define BARRIER_RANGES 12

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

/* barrier_allow_unit -- allow writes to every segment in the unit that an
 * address is in
 *
 * The process has no mapping left for cutting out one segment.  A whole
 * unit becomes one with its neighbours that are open already. */

static bool barrier_allow_unit(Arena *arena, Addr addr)
{
  const Space *space = &arena->space;
  Index first = size_round_down(space_index(space, addr), space->unit_grains);
  Addr base = addr_add(space->base, first << space->shift);
  Addr limit = addr_add(base, space->unit);

  for (Index i = first; i < first + space->unit_grains; ++i) {
    Seg *seg = space->seg[i];

    if (seg == NULL || seg->access == PLAT_ACCESS_ALL)
      continue;
    if (seg->access == PLAT_ACCESS_NONE)
      return false; /* it may not be shown */
    barrier_push_hit(arena, seg);
    /* One that reaches beyond the unit is opened all the way. */
    base = seg->base < base ? seg->base : base;
    limit = seg->limit > limit ? seg->limit : limit;
  }
  return plat_vm_protect(base, addr_diff(base, limit), PLAT_ACCESS_ALL);
}

/* barrier_write_hit -- the client was refused a write: allow it and
 * remember */

static bool barrier_write_hit(Arena *arena, Seg *seg, Addr addr)
{
  barrier_push_hit(arena, seg);
  return plat_vm_protect(seg->base, addr_diff(seg->base, seg->limit),
                         PLAT_ACCESS_ALL)
         || barrier_allow_unit(arena, addr);
}

/* barrier_read_hit -- the client was refused a look at what isn't scanned
 *
 * That takes the lock, and stops the other threads, while this one may be
 * stopped itself until its turn comes (.barrier.hide). */

static void barrier_read_hit(Arena *arena, Addr addr)
{
  plat_fault_relax();
  plat_lock_claim(&arena->lock);
  barrier_open(arena, addr);
  plat_lock_release(&arena->lock);
}

static bool barrier_hit(Arena *arena, Addr addr)
{
  Space *space = &arena->space;
  Seg *seg = space_seg(space, addr);
  unsigned char access;

  if (seg == NULL)
    return false;
  access = atomic_load(&seg->access);
  if (access == PLAT_ACCESS_READ)
    return barrier_write_hit(arena, seg, addr);
  if (access == PLAT_ACCESS_NONE) {
    barrier_read_hit(arena, addr);
    return true;
  }
  return true; /* another thread was faster */
}

static bool barrier_fault(Addr addr)
{
  for (Index i = 0; i < BARRIER_ARENAS_MAX; ++i) {
    BarrierSlot *slot = &barrier_slots[i];

    if ((Word)addr < atomic_load(&slot->limit)
        && (Word)addr >= atomic_load(&slot->base)) {
      Arena *arena = atomic_load(&slot->arena);

      /* Or else the slot has changed hands while it was read. */
      if (arena != NULL && barrier_hit(arena, addr))
        return true;
    }
  }
  return false;
}

Res barrier_register(Arena *arena)
{
  Res res = MPS_RES_LIMIT;

  if (arena->barrier == BARRIER_NONE)
    return MPS_RES_OK; /* no fault is ours */
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
  if (res != MPS_RES_OK)
    return res;
  /* What can't be had is done without (.barrier.means). */
  if (arena->barrier == BARRIER_TRACK
      && !plat_track_start(arena->space.base, arena->space.span))
    arena->barrier = BARRIER_PROTECT;
  plat_fault_install(barrier_fault);
  return MPS_RES_OK;
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

/* barrier_set_watched -- with tracking, the units say where to look */

static void barrier_set_watched(Seg *seg, bool is_watched)
{
  Space *space = &seg_arena(seg)->space;
  Index first = space_index(space, seg->base) / space->unit_grains;
  Index last = (space_index(space, seg->limit) - 1) / space->unit_grains;

  if (seg->is_watched == is_watched)
    return;
  seg->is_watched = is_watched;
  for (Index u = first; u <= last; ++u)
    space->unit_watched[u] += is_watched ? 1 : (uint32_t)-1;
}

/* barrier_note_write -- the client has written to the segment
 *
 * What was seen in it by the trace under way says nothing any more
 * (.barrier.seen). */

static void barrier_note_write(Seg *seg)
{
  ++seg_arena(seg)->hits_taken;
  barrier_set_watched(seg, false);
  seg->defer = BARRIER_DEFER;
  seg->seen = REFSET_UNIVERSAL;
  seg_set_refset(seg, REFSET_UNIVERSAL);
}

void barrier_gather_hits(Arena *arena)
{
  Seg *seg = atomic_exchange(&arena->hits, NULL);

  while (seg != NULL) {
    Seg *next = seg->hit_next;

    seg->access = PLAT_ACCESS_ALL;
    barrier_note_write(seg);
    atomic_store(&seg->is_hit, false);
    seg = next;
  }
}

static void barrier_note_range(Space *space, Addr base, Addr limit)
{
  while (base < limit) {
    Seg *seg = space_seg(space, base);

    if (seg == NULL) {
      base = addr_add(addr_round_down(base, space->grain), space->grain);
      continue;
    }
    if (seg->is_watched)
      barrier_note_write(seg);
    base = seg->limit;
  }
}

/* barrier_list -- take in what the log says of a range; false if it can't
 * be read */

static bool barrier_list(Arena *arena, Addr base, Addr limit)
{
  PlatRange ranges[BARRIER_RANGES];
  Count count;

  while (base < limit) {
    if (!plat_track_list(ranges, &count, &base, BARRIER_RANGES, base, limit))
      return false;
    for (Index i = 0; i < count; ++i)
      barrier_note_range(&arena->space, ranges[i].base, ranges[i].limit);
  }
  return true;
}

/* barrier_list_chunk -- the same for those units of a chunk in which
 * anything is watched */

static bool barrier_list_chunk(Arena *arena, const Chunk *chunk)
{
  const Space *space = &arena->space;
  Index limit = chunk->first + chunk->count;

  for (Index u = chunk->first; u < limit; ++u) {
    Index first = u;

    while (u < limit && space->unit_watched[u] > 0)
      ++u;
    if (first < u
        && !barrier_list(arena, addr_add(space->base, first * space->unit),
                         addr_add(space->base, u * space->unit)))
      return false;
  }
  return true;
}

/* Every segment of the arena, white ones too. */

static void barrier_each_seg(Arena *arena, void (*visit)(Seg *seg))
{
  const Space *space = &arena->space;

  for (Index i = 0; i < space->chunk_count; ++i) {
    Index grain = space->chunks[i].first * space->unit_grains;
    Index limit = grain + space->chunks[i].count * space->unit_grains;

    while (grain < limit) {
      Seg *seg = space->seg[grain];

      grain = seg == NULL ? grain + 1 : space_index(space, seg->limit);
      if (seg != NULL)
        visit(seg);
    }
  }
}

static void barrier_note_seg(Seg *seg)
{
  if (seg->is_watched)
    barrier_note_write(seg);
}

/* barrier_lose_log -- the log has failed us: everything counts as written,
 * and from now on we watch by protection */

static void barrier_lose_log(Arena *arena)
{
  barrier_each_seg(arena, barrier_note_seg);
  arena->barrier = BARRIER_PROTECT;
}

void barrier_gather(Arena *arena)
{
  barrier_gather_hits(arena);
  if (arena->barrier == BARRIER_TRACK)
    for (Index i = 0; i < arena->space.chunk_count; ++i)
      if (!barrier_list_chunk(arena, &arena->space.chunks[i])) {
        barrier_lose_log(arena);
        break;
      }
  arena->is_gathered = true;
}

/* barrier_allow -- with no protection, and unwatched */

static void barrier_allow(Seg *seg)
{
  if (seg->access != PLAT_ACCESS_ALL) {
    bool is_allowed = plat_vm_protect(
        seg->base, addr_diff(seg->base, seg->limit), PLAT_ACCESS_ALL);

    ASSERT(is_allowed);
    seg->access = PLAT_ACCESS_ALL;
  }
  barrier_set_watched(seg, false);
}

/* barrier_show -- let everyone see a hidden segment, and with it such
 * neighbours as are hidden too
 *
 * A stop scans many, mostly one beside the other, and one call for several
 * costs little more than one for each.  Those that it doesn't get to are
 * hidden again at its end. */

static void barrier_show(Arena *arena, Seg *seg)
{
  const Space *space = &arena->space;
  Seg *first = seg;
  Seg *last = seg;
  Seg *next;
  bool is_allowed;

  for (Count i = 0; i < BARRIER_SHOW; ++i) {
    next = space_seg(space, addr_sub(first->base, space->grain));
    if (next == NULL || next->access != PLAT_ACCESS_NONE)
      break;
    first = next;
  }
  for (Count i = 0; i < BARRIER_SHOW; ++i) {
    next = space_seg(space, last->limit);
    if (next == NULL || next->access != PLAT_ACCESS_NONE)
      break;
    last = next;
  }
  is_allowed = plat_vm_protect(
      first->base, addr_diff(first->base, last->limit), PLAT_ACCESS_ALL);
  ASSERT(is_allowed);
  for (next = first;; next = space_seg(space, next->limit)) {
    next->access = PLAT_ACCESS_ALL;
    seg_review(next, arena);
    if (next == last)
      break;
  }
}

void barrier_expose(Seg *seg)
{
  Arena *arena = seg_arena(seg);

  if (seg->access == PLAT_ACCESS_NONE && arena->is_stopped)
    barrier_show(arena, seg);

  if (atomic_load(&seg->is_hit))
    barrier_gather_hits(arena);
  if (seg->is_watched && arena->barrier == BARRIER_TRACK && !arena->is_gathered
      && !barrier_list(arena, seg->base, seg->limit))
    barrier_lose_log(arena);
  if (seg->is_watched || seg->access != PLAT_ACCESS_ALL) {
    barrier_allow(seg);
    if (arena->is_stopped)
      seg_review(seg, arena);
  }
}

void barrier_distrust(Seg *seg)
{
  if (seg->rank == RANK_NONE)
    return;
  seg->seen = REFSET_UNIVERSAL;
  seg_set_refset(seg, REFSET_UNIVERSAL);
}

void barrier_run_end(BarrierRun *run)
{
  if (run->limit != NULL) {
    bool is_allowed = plat_vm_protect(
        run->base, addr_diff(run->base, run->limit), PLAT_ACCESS_ALL);

    ASSERT(is_allowed);
  }
  run->limit = NULL;
}

static void barrier_run_extend(BarrierRun *run, const Seg *seg)
{
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

/* barrier_disarm_later -- the segment's pages needn't be watched any more */

static void barrier_disarm_later(const Seg *seg)
{
  Arena *arena = seg_arena(seg);
  Space *space = &arena->space;
  Index first = space_index(space, seg->base) / space->unit_grains;
  Index last = (space_index(space, seg->limit) - 1) / space->unit_grains;

  memset(&space->unit_armed[first], true, last - first + 1);
  arena->disarm = size_min(arena->disarm, first);
}

void barrier_run_add(BarrierRun *run, Seg *seg)
{
  if (seg->is_watched && seg_arena(seg)->barrier == BARRIER_TRACK)
    barrier_disarm_later(seg);
  barrier_set_watched(seg, false);
  if (seg->access != PLAT_ACCESS_ALL)
    barrier_run_extend(run, seg);
  seg->access = PLAT_ACCESS_ALL;
}

/* barrier_disarm_unit -- what is condemned in it, in runs */

static void barrier_disarm_unit(const Space *space, Index unit)
{
  Index grain = unit * space->unit_grains;
  Index limit = grain + space->unit_grains;

  while (grain < limit) {
    Index first = grain;

    while (grain < limit && space->kind[grain] == KIND_WHITE)
      ++grain;
    if (first < grain)
      plat_track_disarm(addr_add(space->base, first << space->shift),
                        (grain - first) << space->shift);
    else
      ++grain;
  }
}

/* barrier_find_armed -- the first unit to disarm, or where the last chunk
 * ends
 *
 * Between chunks there may be far more units than in them. */

static Index barrier_find_armed(const Arena *arena)
{
  const Space *space = &arena->space;
  Index u = arena->disarm;

  for (Index i = 0; i < space->chunk_count; ++i) {
    const Chunk *chunk = &space->chunks[i];

    for (u = size_max(u, chunk->first); u < chunk->first + chunk->count; ++u)
      if (space->unit_armed[u])
        return u;
  }
  return u;
}

bool barrier_disarm(Arena *arena)
{
  Space *space = &arena->space;
  const Chunk *last = &space->chunks[space->chunk_count - 1];
  Index u = barrier_find_armed(arena);

  arena->disarm = u + 1;
  if (u >= last->first + last->count)
    return false;
  space->unit_armed[u] = false;
  if (arena->barrier == BARRIER_TRACK)
    barrier_disarm_unit(space, u);
  return true;
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
    refset = REFSET_UNIVERSAL;
  } else if (seg->defer > 0) {
    --seg->defer;
    refset = REFSET_UNIVERSAL;
  }
  if (refset == REFSET_UNIVERSAL)
    seg->seen = REFSET_UNIVERSAL;
  else
    seg_review(seg, arena);
  seg_set_refset(seg, refset);
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

/* What a segment of the list needs. */
typedef enum BarrierNeed {
  BARRIER_NEED_NOTHING,
  BARRIER_NEED_WATCH,
  BARRIER_NEED_HIDE
} BarrierNeed;

/* A white segment stays only for what is nailed in it, and isn't worth
 * watching until it has been reclaimed. */

static BarrierNeed barrier_need(Seg *seg)
{
  if (seg_is_grey(seg))
    return seg->access == PLAT_ACCESS_NONE ? BARRIER_NEED_NOTHING
                                           : BARRIER_NEED_HIDE;
  if (seg->rank == RANK_NONE || seg->is_watched
      || seg->refset == REFSET_UNIVERSAL)
    return BARRIER_NEED_NOTHING;
  if (seg->is_white) {
    barrier_distrust(seg);
    return BARRIER_NEED_NOTHING;
  }
  return seg_arena(seg)->barrier == BARRIER_NONE ? BARRIER_NEED_NOTHING
                                                 : BARRIER_NEED_WATCH;
}

/* barrier_take_wanted -- those of the list that need something */

static Seg *barrier_take_wanted(Arena *arena)
{
  Seg *list = NULL;
  Seg *next;

  for (Seg *seg = arena->wanted; seg != NULL; seg = next) {
    next = seg->wanted_next;
    seg->is_wanted = false;
    if (barrier_need(seg) != BARRIER_NEED_NOTHING) {
      seg->wanted_next = list;
      list = seg;
    }
  }
  arena->wanted = NULL;
  return list;
}

/* barrier_watch_run -- watch the segments from first up to end
 *
 * The system may refuse, as when the process has too many mappings.  Then
 * the segments aren't watched, so they may refer to anything
 * (.barrier.fails). */

static void barrier_watch_run(const Arena *arena, Seg *first, const Seg *end,
                              Addr limit)
{
  Size size = addr_diff(first->base, limit);
  bool is_tracked = arena->barrier == BARRIER_TRACK;
  bool is_done = is_tracked
                     ? plat_track_arm(first->base, size)
                     : plat_vm_protect(first->base, size, PLAT_ACCESS_READ);

  if (!is_done && !is_tracked)
    (void)plat_vm_protect(first->base, size, PLAT_ACCESS_ALL);
  for (Seg *seg = first; seg != end; seg = seg->wanted_next) {
    if (!is_done) {
      barrier_distrust(seg);
      continue;
    }
    barrier_set_watched(seg, true);
    if (!is_tracked)
      seg->access = PLAT_ACCESS_READ;
  }
}

static bool barrier_hide_run(Seg *first, const Seg *end, Addr limit)
{
  Size size = addr_diff(first->base, limit);
  bool is_done = plat_vm_protect(first->base, size, PLAT_ACCESS_NONE);

  if (!is_done)
    (void)plat_vm_protect(first->base, size, PLAT_ACCESS_ALL);
  for (Seg *seg = first; seg != end; seg = seg->wanted_next)
    seg->access = is_done ? PLAT_ACCESS_NONE : PLAT_ACCESS_ALL;
  return is_done;
}

bool barrier_raise(Arena *arena)
{
  Seg *seg = barrier_sort(barrier_take_wanted(arena));
  bool is_hidden = true;

  while (seg != NULL) {
    Seg *first = seg;
    BarrierNeed need = barrier_need(first);
    Addr limit = seg->base;

    while (seg != NULL && seg->base == limit && barrier_need(seg) == need) {
      limit = seg->limit;
      seg = seg->wanted_next;
    }
    if (need == BARRIER_NEED_WATCH)
      barrier_watch_run(arena, first, seg, limit);
    else if (!barrier_hide_run(first, seg, limit))
      is_hidden = false;
  }
  arena->is_gathered = false;
  return is_hidden;
}

void barrier_forget(Seg *seg)
{
  Arena *arena = seg_arena(seg);

  if (atomic_load(&seg->is_hit))
    barrier_gather_hits(arena);
  barrier_allow(seg);
  if (seg->is_wanted) {
    Seg **link = &arena->wanted;

    while (*link != seg)
      link = &(*link)->wanted_next;
    *link = seg->wanted_next;
    seg->is_wanted = false;
  }
}


/* Without a stop */

/* A method of the client's that looks where it shouldn't, in the middle of
 * a stop, sees what is there. */

void barrier_open(Arena *arena, Addr addr)
{
  Seg *seg = space_seg(&arena->space, addr);

  if (seg == NULL || seg->access != PLAT_ACCESS_NONE)
    return;
  if (arena->is_stopped)
    barrier_expose(seg);
  else
    arena->unhide(arena, seg);
}

void barrier_lift(Arena *arena)
{
  barrier_each_seg(arena, barrier_allow);
  arena->barrier = BARRIER_NONE;
}

/* barrier_finish_hit -- do what a thread that the child doesn't have was at */

static void barrier_finish_hit(Seg *seg)
{
  if (!atomic_load(&seg->is_hit))
    return;
  barrier_allow(seg);
  barrier_note_write(seg);
  atomic_store(&seg->is_hit, false);
}

void barrier_after_fork(Arena *arena)
{
  /* A write hit takes no lock, so any of its steps may be missing. */
  atomic_store(&arena->hits, NULL);
  barrier_each_seg(arena, barrier_finish_hit);
  if (arena->barrier != BARRIER_TRACK)
    return;
  if (plat_track_start(arena->space.base, arena->space.span))
    barrier_each_seg(arena, barrier_note_seg);
  else
    barrier_lose_log(arena);
}
