/* mvff.h -- the pool class of blocks of any size under manual control
 *
 * Design: .mvff.way, .mvff.hint, .mvff.spare (design/mvff.rst).
 */

#ifndef MVFF_H
#define MVFF_H

#include "debug.h"
#include "freeruns.h"
#include "manseg.h"

#define MVFF_SIG ((Sig)0x4D564646) /* "MVFF" */

/* Places where blocks of one class of sizes were freed, the newest at top;
 * one cache line (.mvff.hint). */
enum {
  MVFF_PLACES = 3
};

typedef struct MvffHint {
  Addr at;       /* free from here on, or up to here; NULL for no hint */
  RunTile *tile; /* that at is in or ends; NULL where that isn't known */
} MvffHint;

typedef struct MvffHints {
  MvffHint place[MVFF_PLACES];
  MvffHint *top;
  Word mask; /* of a block, where all are of the same size */
} MvffHints;

typedef struct Mvff {
  Pool pool; /* first */
  Sig sig;
  Runs runs;
  PoolGen pgen;   /* stands for all of the memory (.mvff.map) */
  Size total;     /* bytes */
  Count free_max; /* granules that may be free before some go back */
  double spare;   /* fraction of total */
  Size extend_by; /* whole grains */
  Size tile;      /* the most bytes of one; whole grains */
  RunsWay way;
  SpaceEnd end;
  Ring empties; /* MvffTile.link: those that were wholly free at some time */
  MvffHints *hints;
  Count quick; /* the most granules that the quick way is for (.mvff.quick) */
  Debug debug; /* of the debug class */
} Mvff;

static inline Mvff *mvff_of_pool(Pool *pool)
{
  return (Mvff *)pool;
}

static inline const Mvff *mvff_of_const_pool(const Pool *pool)
{
  return (const Mvff *)pool;
}

MOSTLY_INTERN bool mvff_check(const Pool *pool);

#endif /* MVFF_H */
