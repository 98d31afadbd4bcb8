/* arena.h -- making an arena, and being inside it
 *
 * Design: .arena.lock, .arena.stop (design/arena.rst).
 */

#ifndef ARENA_H
#define ARENA_H

#include "heap.h"

/* What a client may choose; sizes in bytes. */
typedef struct ArenaParams {
  Addr lent; /* memory of the client's for all of the heap, or NULL */
  Size size;
  Size grain;
  Size commit_limit;
  double spare;
  Seconds pause_time;
  BarrierMeans barrier;
  mps_arena_extended_t extended;
  mps_arena_contracted_t contracted;
} ArenaParams;

MOSTLY_INTERN Res arena_create(Arena **arena_out, const ArenaParams *params);
/* No pool, format, chain, root or thread is left. */
MOSTLY_INTERN void arena_destroy(Arena *arena);
MOSTLY_INTERN bool arena_check(const Arena *arena);

/* Everything in an arena's records is used between these.  entry is where
 * the client's thread came in, for those that may collect, or NULL.  Reports
 * of REQUIRE are kept until the thread has left (.base.report). */
MOSTLY_INTERN void arena_enter(Arena *arena, const PlatContext *entry);
MOSTLY_INTERN void arena_leave(Arena *arena);

/* The same for a call that never collects, if the lock is free and nothing is
 * hidden (.arena.quick); or false. */
MOSTLY_INTERN bool arena_enter_shared(Arena *arena);

static inline bool arena_enter_quickly(Arena *arena)
{
  if (UNLIKELY(!PLAT_IS_ALONE))
    return arena_enter_shared(arena);
  if (UNLIKELY(!plat_lock_claim_alone(&arena->lock, plat_os_self())))
    return false;
  if (UNLIKELY(arena->is_hiding)) {
    plat_lock_release_alone(&arena->lock);
    return false;
  }
  base_hold();
  return true;
}

static inline void arena_leave_quickly(Arena *arena)
{
  plat_lock_release_alone(&arena->lock);
  base_let();
}

/* The same for calls that are legal while the caller is inside already. */
MOSTLY_INTERN void arena_enter_recursive(Arena *arena);
MOSTLY_INTERN void arena_leave_recursive(Arena *arena);

/* Stop every registered thread but this one, or let them go on. */
MOSTLY_INTERN void arena_stop(Arena *arena);
MOSTLY_INTERN void arena_resume(Arena *arena);

#endif /* ARENA_H */
