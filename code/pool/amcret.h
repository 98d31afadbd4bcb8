/* amcret.h -- what a trace kept of a mostly copying pool, and why
 *
 * Counts, in grains, of what each trace condemned and what of it stayed
 * where it was, by the size of segments and by the reason.  The counters
 * are the fields of the event amc_trace_end.  Each grain that stayed has
 * one reason.
 *
 * Design: .amc.ret, .amc.ret.why (design/amc-ret.rst).
 */

#ifndef AMCRET_H
#define AMCRET_H

#include "../heap/heap.h"

#define AMCRET_PADS 1024

/* Where reclaim has put padding, of late (.amc.ret.pads). */
typedef struct AmcRetPads {
  Count put; /* ever; the latest AMCRET_PADS of them are kept */
  struct {
    Addr base;
    Addr limit;
  } range[AMCRET_PADS];
} AmcRetPads;

typedef struct AmcRet {
  Event_amc_trace_end count; /* of the running trace */
  AmcRetPads *pads;          /* or NULL: padding counts as objects */

  /* The segment that is being reclaimed. */
  const Seg *seg; /* NULL between two */
  Addr first;     /* the first survivor's block, or NULL */
  Addr end;       /* of the last survivor, or the segment's base */
  bool is_first;  /* the first object survived, however it was named */
  bool is_first_named;
  bool is_rest_named;
  bool is_final_pad;
  bool is_other_pad;
} AmcRet;

MOSTLY_INTERN void amcret_init(AmcRet *ret, Pool *pool, Size large_size);
MOSTLY_INTERN void amcret_finish(AmcRet *ret);

/* A segment was condemned; returns size. */
MOSTLY_INTERN Size amcret_condemn(const Seg *seg, Size size);
/* Something in it was nailed, or all of it, because memory ran out. */
MOSTLY_INTERN void amcret_emergency(Seg *seg);
/* Reclaim has met an object that stays, the next one in address order; the
 * board is there still, if there was one. */
MOSTLY_INTERN void amcret_survivor(Seg *seg, Addr client, Addr end);
/* The segment stays, as long as it is now. */
MOSTLY_INTERN void amcret_retain(Seg *seg);
/* The trace has ended: tell, and start anew. */
MOSTLY_INTERN void amcret_end(Pool *pool);

#endif /* AMCRET_H */
