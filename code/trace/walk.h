/* walk.h -- visiting what is there, without tracing
 *
 * A walk changes no colours: it goes over the segments directly
 * (.walk.not.trace).
 *
 * Design: .walk.not.trace (design/walk.rst).
 */

#ifndef WALK_H
#define WALK_H

#include "../heap/heap.h"

/* Visit each object of each formatted pool, or of one pool, padding too. */
MOSTLY_INTERN void walk_objects(Arena *arena,
                                mps_formatted_objects_stepper_t visit, void *p,
                                size_t s);
MOSTLY_INTERN void walk_pool_objects(Pool *pool,
                                     mps_formatted_objects_stepper_t visit,
                                     void *p, size_t s);

/* Have the client scan areas that hold all objects of the pool.  It may
 * change references if it fixes what it writes.  Ends at the first result
 * that isn't MPS_RES_OK, and returns it. */
MOSTLY_INTERN Res walk_areas(Pool *pool, mps_area_scan_t scan, void *closure);

/* Visit each reference in each root into automatic memory. */
MOSTLY_INTERN void walk_roots(Arena *arena, mps_roots_stepper_t visit, void *p,
                              size_t s);

#endif /* WALK_H */
