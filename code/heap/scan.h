/* scan.h -- the state of one scan
 *
 * Design: .scan.state, .scan.seen (design/scan.rst).
 */

#ifndef SCAN_H
#define SCAN_H

#include "heap.h"

/* A state that finds white references, at the given rank. */
MOSTLY_INTERN void scan_init(ScanState *ss, Arena *arena, struct Trace *trace,
                             Rank rank);
MOSTLY_INTERN bool scan_check(const ScanState *ss);

static inline ScanState *scan_of_ss(mps_ss_t ss)
{
  return RING_ELEM(ScanState, ss, ss);
}

/* Bring what is white and referred to from [base, limit) towards the cache,
 * since a scan that waits for each object in turn does little else.  Any word
 * may be taken for a reference (.scan.prefetch). */
MOSTLY_INTERN void scan_prefetch(const ScanState *ss, Addr base, Addr limit);

/* What has been seen since the last call, as a set of generations: the
 * white ones as where their objects are now.  Once memory has run out that is
 * more than was seen (.emergency.seen). */
MOSTLY_INTERN RefSet scan_take_refset(ScanState *ss);

#endif /* SCAN_H */
