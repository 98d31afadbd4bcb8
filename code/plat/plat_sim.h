/* plat_sim.h -- memory that fails and time that passes as a test says
 *
 * Linked in place of plat_vm_posix and plat_clock, by tests only.  Addresses
 * are real and may be read and written.  Each call is counted, can be
 * refused by its number, and is checked against plat.h: what it breaks is
 * reported as a failed assertion.
 *
 * A sweep looks like this: for k = 1, 2, ... reset, fail the k-th map, run,
 * verify; until plat_sim.refused is zero after a run.
 *
 * Design: .plat.sim (design/plat.rst).
 */

#ifndef PLAT_SIM_H
#define PLAT_SIM_H

#include "plat.h"

typedef enum PlatSimCall {
  PLAT_SIM_RESERVE,
  PLAT_SIM_RESERVE_TABLE,
  PLAT_SIM_RELEASE,
  PLAT_SIM_MAP,
  PLAT_SIM_UNMAP,
  PLAT_SIM_PURGE,
  PLAT_SIM_POPULATE,
  PLAT_SIM_FORBID, /* plat_vm_protect, by what it asks for */
  PLAT_SIM_ALLOW,
  PLAT_SIM_TRACK,
  PLAT_SIM_ARM,
  PLAT_SIM_LIST,
  PLAT_SIM_CLOCK,
  PLAT_SIM_CALLS
} PlatSimCall;

typedef struct PlatSim {
  /* The script.  A test may write these at any time. */
  double now;        /* seconds, on both clocks */
  double tick;       /* what each reading of a clock adds, after it */
  bool has_tracking; /* of writes, where the real system has it too */

  /* What has happened since the reset.  A test reads these. */
  Count calls[PLAT_SIM_CALLS];
  Count refused;

  /* What there is.  A reset leaves these alone, and after everything has
   * been given back they are zero. */
  Count reservations; /* of both kinds */
  Size reserved;      /* bytes in them */
  Size mapped;        /* bytes that plat_vm_map has made usable */
  Size mapped_max;    /* the most of that since the reset */
  Size forbidden;     /* bytes whose writes are refused */
} PlatSim;

extern PlatSim plat_sim;

/* Start a new script: no call is refused, the clock stands at zero. */
void plat_sim_reset(void);

/* Refuse calls: the k-th from now (1 is the next) and count - 1 after it.
 * Calls that can't fail by plat.h may not be named.  A later script for the
 * same call replaces the one before; k = 0 ends it.  A refused FORBID
 * protects a part of the range, as the real one may. */
void plat_sim_fail(PlatSimCall call, Count k, Count count);

#endif /* PLAT_SIM_H */
