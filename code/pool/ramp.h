/* ramp.h -- where survivors go while a client builds something up
 *
 * A client that is about to allocate a lot which will die all at once, or
 * live on all at once, opens a ramp on its allocation point.  While a ramp
 * is open in a pool, survivors of the last generation of the chain stay
 * there, so that the ramp's garbage isn't promoted into the top
 * generation, which is hardly ever collected.
 *
 * The state machine is a table without memory of its own; Ramp puts the
 * count of open ramps beside it.  The owner of a Ramp holds the arena's
 * lock.
 *
 *                        condemn                      leave
 *            BEGIN ------------------> RAMPING ----------------+
 *           ^  |  ^                                            |
 *     enter |  |  +--------------------------+                 v
 *           |  v leave                       | enter         FINISH
 *          OUTSIDE <-------- COLLECTING -----+                 |
 *                   reclaim,     ^                    condemn  |
 *                   leave        +-----------------------------+
 *
 * Design: .ramp, .ramp.mode (design/ramp.rst).
 */

#ifndef RAMP_H
#define RAMP_H

#include "../base/base.h"

typedef enum RampState {
  RAMP_OUTSIDE,    /* no ramp is open, nothing is left of the last one */
  RAMP_BEGIN,      /* open, but no collection has noticed it */
  RAMP_RAMPING,    /* open, and the ramp generation promotes into itself */
  RAMP_FINISH,     /* the ramp was left, and survivors must be let go */
  RAMP_COLLECTING, /* a collection lets them go */
  RAMP_STATES
} RampState;

typedef enum RampEvent {
  RAMP_ENTER,   /* the count of open ramps goes from 0 to 1 */
  RAMP_LEAVE,   /* it goes from 1 to 0 */
  RAMP_CONDEMN, /* a new trace condemns a segment of the ramp generation */
  RAMP_RECLAIM, /* a trace reclaims a segment of the pool, or ends */
  RAMP_EVENTS
} RampEvent;

/* The state after an event.  is_open says whether any ramp is open once
 * the event has happened.  Events that can't happen in a state are
 * assertions, and change nothing.  CONDEMN and RECLAIM may come once for
 * each segment: coming again in the same trace changes nothing
 * (.ramp.inv.once). */
MOSTLY_INTERN RampState ramp_next(RampState state, RampEvent event,
                                  bool is_open);

/* The generation that survivors of generation gen move to, in a pool on a
 * chain of chain_gens generations.  The top generation has the number
 * chain_gens, and keeps its own. */
MOSTLY_INTERN Index ramp_target(RampState state, Index gen, Count chain_gens);

/* The generation whose promotion the ramps of such a pool redirect. */
MOSTLY_INTERN Index ramp_generation(Count chain_gens);

MOSTLY_INTERN const char *ramp_state_name(RampState state);

typedef struct Ramp {
  RampState state;
  Count open; /* ramps open on all allocation points of the pool */
} Ramp;

MOSTLY_INTERN void ramp_init(Ramp *ramp);
MOSTLY_INTERN bool ramp_check(const Ramp *ramp);
/* One more ramp is open. */
MOSTLY_INTERN void ramp_enter(Ramp *ramp);
/* count ramps are closed: one by its end, or all those of an allocation
 * point that is reset or destroyed; none is legal.  True if the last one
 * was: then what was deferred in the accounts counts from now on. */
MOSTLY_INTERN bool ramp_leave(Ramp *ramp, Count count);
/* True if the ramp generation has got another target: then its forwarding
 * buffer is detached before anything is forwarded. */
MOSTLY_INTERN bool ramp_condemn(Ramp *ramp);
MOSTLY_INTERN void ramp_reclaim(Ramp *ramp);

#endif /* RAMP_H */
