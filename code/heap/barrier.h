/* barrier.h -- what the client does to segments, and may do to them
 *
 * Writes: a segment's reference set may be trusted only while the client
 * can't write to it unseen.  So a segment with a narrow set is watched when
 * the client runs: by protection, so that its first write faults, or by the
 * kernel's log of dirty pages.  Once it has been written to, its set is
 * universal.
 *
 * Reads: while a trace is under way, the client must not see references
 * that haven't been fixed.  A grey segment is hidden from it; the first
 * access faults, and the segment is scanned.
 *
 * Everything here is with the threads stopped, unless it says otherwise.
 *
 * Design: .barrier.settle, .barrier.hide, .barrier.inv.trust
 * (design/barrier.rst).
 */

#ifndef BARRIER_H
#define BARRIER_H

#include "heap.h"

/* Faults in the arena's span come to us from now on, and writes are
 * tracked if that was chosen and can be had.  MPS_RES_LIMIT if there are
 * too many arenas in the process. */
MOSTLY_INTERN Res barrier_register(Arena *arena);
MOSTLY_INTERN void barrier_unregister(Arena *arena);

/* Learn what was written to since the last time.  Taking in the hits is
 * cheap; all of it takes a look at the log, and whoever relies on
 * reference sets needs it. */
MOSTLY_INTERN void barrier_gather_hits(Arena *arena);
MOSTLY_INTERN void barrier_gather(Arena *arena);

/* Let the library read and write the segment, and learn what the client
 * wrote there.  It isn't watched or hidden until the next raise.  With the
 * threads running, whoever does this must distrust the segment next. */
MOSTLY_INTERN void barrier_expose(Seg *seg);

/* The segment was scanned whole, and refers to refset at most. */
MOSTLY_INTERN void barrier_settle(Seg *seg, RefSet refset);

/* Nothing is known about the segment any more. */
MOSTLY_INTERN void barrier_distrust(Seg *seg);

/* Before the threads go on: watch what was settled, and hide what is grey.
 * False if something couldn't be hidden: then the threads must stay where
 * they are until nothing is grey. */
MOSTLY_INTERN bool barrier_raise(Arena *arena);

/* The segment is going away. */
MOSTLY_INTERN void barrier_forget(Seg *seg);

/* Condemned segments, to expose and forget about: neighbours in address
 * order share a call. */
typedef struct BarrierRun {
  Addr base;
  Addr limit; /* NULL while the run is empty */
} BarrierRun;

MOSTLY_INTERN void barrier_run_add(BarrierRun *run, Seg *seg);
MOSTLY_INTERN void barrier_run_end(BarrierRun *run);

/* The log needn't be kept of condemned memory, to which the library will
 * write a lot: end that for a unit in each call.  False if there was none.
 * Only an accelerator, which takes too long to be done at once. */
MOSTLY_INTERN bool barrier_disarm(Arena *arena);

/* With the lock, and the threads running or not: the library is about to
 * touch client memory at this address. */
MOSTLY_INTERN void barrier_open(Arena *arena, Addr addr);

/* Lift every protection in the arena, for good. */
MOSTLY_INTERN void barrier_lift(Arena *arena);

/* In the child of a fork, where the log is lost. */
MOSTLY_INTERN void barrier_after_fork(Arena *arena);

#endif /* BARRIER_H */
