/* ramp.c -- where survivors go while a client builds something up
 *
 * Design: .ramp, .ramp.mode (design/ramp.rst).
 */

#include "ramp.h"

/* The machine.  The last column is what a reclaim leads to while a ramp
 * is open.  RAMP_STATES marks what can't happen: a first ramp can't be
 * entered where the state says that one is open, nor a last one left where
 * it says that none is (.ramp.state.invariant.count). */

enum {
  RAMP_COLUMNS = RAMP_EVENTS + 1,
  RAMP_RECLAIM_OPEN = RAMP_EVENTS
};

static const unsigned char ramp_table[RAMP_STATES][RAMP_COLUMNS] = {
    [RAMP_OUTSIDE] =
        {
            [RAMP_ENTER] = RAMP_BEGIN,
            [RAMP_LEAVE] = RAMP_STATES,
            [RAMP_CONDEMN] = RAMP_OUTSIDE,
            [RAMP_RECLAIM] = RAMP_OUTSIDE,
            [RAMP_RECLAIM_OPEN] = RAMP_STATES,
        },
    [RAMP_BEGIN] =
        {
            [RAMP_ENTER] = RAMP_STATES,
            [RAMP_LEAVE] = RAMP_OUTSIDE,
            [RAMP_CONDEMN] = RAMP_RAMPING,
            [RAMP_RECLAIM] = RAMP_STATES,
            [RAMP_RECLAIM_OPEN] = RAMP_BEGIN,
        },
    [RAMP_RAMPING] =
        {
            [RAMP_ENTER] = RAMP_STATES,
            [RAMP_LEAVE] = RAMP_FINISH,
            [RAMP_CONDEMN] = RAMP_RAMPING,
            [RAMP_RECLAIM] = RAMP_STATES,
            [RAMP_RECLAIM_OPEN] = RAMP_RAMPING,
        },
    [RAMP_FINISH] =
        {
            [RAMP_ENTER] = RAMP_FINISH,
            [RAMP_LEAVE] = RAMP_FINISH,
            [RAMP_CONDEMN] = RAMP_COLLECTING,
            [RAMP_RECLAIM] = RAMP_FINISH,
            [RAMP_RECLAIM_OPEN] = RAMP_FINISH,
        },
    [RAMP_COLLECTING] =
        {
            [RAMP_ENTER] = RAMP_BEGIN,
            [RAMP_LEAVE] = RAMP_OUTSIDE,
            [RAMP_CONDEMN] = RAMP_COLLECTING,
            [RAMP_RECLAIM] = RAMP_OUTSIDE,
            [RAMP_RECLAIM_OPEN] = RAMP_BEGIN,
        },
};

/* Does the ramp generation keep its survivors?
 * (.ramp.state.invariant.forward) */

static bool ramp_keeps(RampState state)
{
  return state == RAMP_RAMPING || state == RAMP_FINISH;
}

/* May a pool in this state have that many ramps open?
 * (.ramp.state.invariant.count) */

static bool ramp_may_be(RampState state, bool is_open)
{
  switch (state) {
  case RAMP_OUTSIDE:
    return !is_open;
  case RAMP_BEGIN:
  case RAMP_RAMPING:
    return is_open;
  case RAMP_FINISH:
  case RAMP_COLLECTING:
    return true;
  case RAMP_STATES:
    break;
  }
  return false;
}

RampState ramp_next(RampState state, RampEvent event, bool is_open)
{
  bool is_known = state < RAMP_STATES && event < RAMP_EVENTS;

  ASSERT(is_known);
  if (!is_known)
    return state;
  ASSERT(event != RAMP_ENTER || is_open);
  ASSERT(event != RAMP_LEAVE || !is_open);

  unsigned column = event == RAMP_RECLAIM && is_open
                        ? (unsigned)RAMP_RECLAIM_OPEN
                        : (unsigned)event;
  RampState next = (RampState)ramp_table[state][column];

  ASSERT(next != RAMP_STATES);
  ASSERT(ramp_may_be(next, is_open));
  return next == RAMP_STATES ? state : next;
}

Index ramp_generation(Count chain_gens)
{
  ASSERT(chain_gens > 0);
  return chain_gens - 1;
}

Index ramp_target(RampState state, Index gen, Count chain_gens)
{
  ASSERT(gen <= chain_gens);
  if (gen == chain_gens)
    return gen;
  if (gen == ramp_generation(chain_gens) && ramp_keeps(state))
    return gen;
  return gen + 1;
}

const char *ramp_state_name(RampState state)
{
  static const char *const names[RAMP_STATES] = {
      [RAMP_OUTSIDE] = "outside",       [RAMP_BEGIN] = "begin",
      [RAMP_RAMPING] = "ramping",       [RAMP_FINISH] = "finish",
      [RAMP_COLLECTING] = "collecting",
  };

  ASSERT(state < RAMP_STATES);
  return names[state];
}


/* The machine and the count */

bool ramp_check(const Ramp *ramp)
{
  CHECK(ramp != NULL);
  CHECK(ramp->state < RAMP_STATES);
  CHECK(ramp_may_be(ramp->state, ramp->open > 0));
  return true;
}

static void ramp_step(Ramp *ramp, RampEvent event)
{
  ramp->state = ramp_next(ramp->state, event, ramp->open > 0);
  ASSERT(ramp_check(ramp));
}

void ramp_init(Ramp *ramp)
{
  ramp->state = RAMP_OUTSIDE;
  ramp->open = 0;
  ASSERT(ramp_check(ramp));
}

void ramp_enter(Ramp *ramp)
{
  ASSERT(ramp_check(ramp));
  if (ramp->open++ == 0)
    ramp_step(ramp, RAMP_ENTER);
}

bool ramp_leave(Ramp *ramp, Count count)
{
  ASSERT(ramp_check(ramp));
  ASSERT(count <= ramp->open);
  if (count == 0)
    return false;
  ramp->open -= count;
  if (ramp->open > 0)
    return false;
  ramp_step(ramp, RAMP_LEAVE);
  return true;
}

bool ramp_condemn(Ramp *ramp)
{
  ASSERT(ramp_check(ramp));

  bool kept = ramp_keeps(ramp->state);
  ramp_step(ramp, RAMP_CONDEMN);
  return ramp_keeps(ramp->state) != kept;
}

void ramp_reclaim(Ramp *ramp)
{
  ASSERT(ramp_check(ramp));
  ramp_step(ramp, RAMP_RECLAIM);
}
