/* barrier.h -- learning which segments the client has written to
 *
 * A segment's reference set may be trusted only while the client can't
 * write to it unseen.  So a segment with a narrow set is protected when the
 * client runs again; its first write faults, and the segment's set is
 * universal from then on.
 *
 * Design: .barrier.settle, .barrier.inv.trust (design/barrier.rst).
 */

#ifndef BARRIER_H
#define BARRIER_H

#include "heap.h"

/* Faults in the arena's span come to us from now on.  MPS_RES_LIMIT if
 * there are too many arenas in the process. */
MOSTLY_INTERN Res barrier_register(Arena *arena);
MOSTLY_INTERN void barrier_unregister(Arena *arena);

/* With the threads stopped: learn what was written since the last time. */
MOSTLY_INTERN void barrier_gather(Arena *arena);

/* Let the library write to the segment.  Whoever does must settle the
 * segment before the threads go on. */
MOSTLY_INTERN void barrier_expose(Seg *seg);

/* The segment was scanned whole, and refers to refset at most. */
MOSTLY_INTERN void barrier_settle(Seg *seg, RefSet refset);

/* Nothing is known about the segment any more. */
MOSTLY_INTERN void barrier_distrust(Seg *seg);

/* Before the threads go on: protect what was settled. */
MOSTLY_INTERN void barrier_raise(Arena *arena);

/* The segment is going away. */
MOSTLY_INTERN void barrier_forget(Seg *seg);

/* Many segments to expose: neighbours in address order share a call. */
typedef struct BarrierRun {
  Addr base;
  Addr limit; /* NULL while the run is empty */
} BarrierRun;

MOSTLY_INTERN void barrier_run_add(BarrierRun *run, Seg *seg);
MOSTLY_INTERN void barrier_run_end(BarrierRun *run);

/* Lift every protection in the arena, for good. */
MOSTLY_INTERN void barrier_lift(Arena *arena);

#endif /* BARRIER_H */
