/* amcstate.h -- what state a segment of the mostly copying pools is in
 *
 *   mobile   what survives is copied out
 *   boarded  a board says which objects stay; the others are copied
 *   stuck    nothing is copied, for there was no memory for a board
 *
 *            nailed, with a board             reclaimed
 *          +-------------------> BOARDED ----------------+
 *          |                                             v   empty
 *        MOBILE                                        MOBILE -------> GONE
 *          |                                             ^
 *          +-------------------> STUCK ------------------+
 *            nailed, without                  reclaimed
 *
 * A table without memory: the segment's own fields hold the state.
 *
 * Design: .seg.state, .seg.state.table (design/amc.rst).
 */

#ifndef AMCSTATE_H
#define AMCSTATE_H

#include "../base/base.h"

typedef enum AmcState {
  AMC_MOBILE,
  AMC_BOARDED,
  AMC_STUCK,
  AMC_STATES,
  AMC_GONE = AMC_STATES /* the segment has been freed */
} AmcState;

typedef enum AmcEvent {
  AMC_BUFFERED_BOARD, /* condemned while a buffer fills it; got a board */
  AMC_AMBIG_BOARD,    /* an ambiguous reference to it; got a board */
  AMC_AMBIG_NONE,     /* the same; there is no memory for a board */
  AMC_REFUSED_BOARD,  /* an object can't be copied; got a board */
  AMC_REFUSED_NONE,   /* the same; there is no memory for a board */
  AMC_NAIL,           /* one more nail, and it is new */
  AMC_RECLAIM,        /* the trace is over */
  AMC_EMPTY,          /* and nothing is left in it */
  AMC_EVENTS
} AmcEvent;

/* What an event brings: the next state, and whether the segment has to be
 * scanned because of it. */
typedef struct AmcStep {
  AmcState state;
  bool is_grey;
} AmcStep;

/* False if that event can't happen in that state; then nothing is said. */
MOSTLY_INTERN bool amc_next(AmcStep *step_out, AmcState state, AmcEvent event);

#endif /* AMCSTATE_H */
