/* manseg.h -- memory under manual control, as the arena sees it
 *
 * A pool under manual control has its memory in the grain map too, so that
 * an address leads to its pool and to the pool's record of it in a fixed
 * number of steps.  The records begin with a segment of no generation, which
 * no trace, walk or barrier ever meets.
 *
 * Design: .mvff.map (design/mvff.rst).
 */

#ifndef MANSEG_H
#define MANSEG_H

#include "pool.h"

/* What stands in for the generation of all memory of one pool. */
MOSTLY_INTERN void manseg_pgen_init(PoolGen *pgen, Pool *pool);

/* Put whole grains into the map. */
MOSTLY_INTERN void manseg_init(Seg *seg, PoolGen *pgen, Addr base, Addr limit);
/* Give them back to the arena. */
MOSTLY_INTERN void manseg_free(Seg *seg);

/* The record of an address, or NULL if it isn't the pool's. */
static inline Seg *manseg_find(const PoolGen *pgen, Addr addr)
{
  Seg *seg = space_seg(&pgen->pool->arena->space, addr);

  return seg != NULL && seg->pgen == pgen ? seg : NULL;
}

#endif /* MANSEG_H */
