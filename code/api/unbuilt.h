/* unbuilt.h -- what the interface has and the library doesn't, yet
 *
 * The table of the functions that only say so, with arguments to call each
 * with, and of the classes that can't be instantiated.  A function leaves it
 * when it is built; manual/unbuilt.rst lists the same for clients, and a
 * test compares the two.
 *
 * Design: .interface.unbuilt (design/interface.rst).
 */

#ifndef UNBUILT_H
#define UNBUILT_H

/* Answer MPS_RES_UNIMPL. */
#define UNBUILT_RESULTS(X) \
  X(mps_sac_create, (NULL, NULL, 0, NULL)) \
  X(mps_sac_alloc, (NULL, NULL, 0, 0)) \
  X(mps_sac_fill, (NULL, NULL, 0, 0))

/* Return nothing, so they report it to the assertion handler.  No client
 * can come by the thing that they would work on. */
#define UNBUILT_REPORTS(X) \
  X(mps_sac_destroy, (NULL)) \
  X(mps_sac_flush, (NULL)) \
  X(mps_sac_free, (NULL, NULL, 0)) \
  X(mps_sac_empty, (NULL, NULL, 0))

/* Classes: creating a pool of one answers MPS_RES_UNIMPL. */
#define UNBUILT_POOL_CLASSES(X) \
  X(mps_class_mvt) \
  X(mps_class_snc)

#endif /* UNBUILT_H */
