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

typedef struct AmcRet {
  Event_amc_trace_end count; /* of the running trace */
} AmcRet;

/* What a board notes of the nails in it, while they are known one by one:
 * its notes, as bits. */
typedef enum AmcRetNote {
  AMCRET_REFUSED = 1, /* memory ran out: something couldn't be copied */
  AMCRET_FIRST = 2,   /* an ambiguous reference names the first object */
  AMCRET_REST = 4     /* one names a later object */
} AmcRetNote;

/* What remains of a segment, or a part of it. */
typedef struct AmcRetPart {
  const Seg *seg;
  const struct Nailboard *board; /* of the whole; NULL if it was stuck */
  Addr first; /* survivor that isn't new, a block; or NULL */
  Addr head;  /* the first object of the whole */
} AmcRetPart;

MOSTLY_INTERN void amcret_init(AmcRet *ret, Pool *pool, Size large_size);

/* A segment was condemned; returns size. */
MOSTLY_INTERN Size amcret_condemn(const Seg *seg, Size size);
/* A part of it stays, as long as it is now. */
MOSTLY_INTERN void amcret_retain(const AmcRetPart *part);
/* The trace has ended: tell, and start anew. */
MOSTLY_INTERN void amcret_end(Pool *pool);

#endif /* AMCRET_H */
