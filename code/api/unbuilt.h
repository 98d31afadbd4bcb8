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
  X(mps_fix_weak_pair, (NULL, NULL, NULL, NULL)) \
  X(mps_fix_weak_or_pair, (NULL, NULL, NULL, NULL)) \
  X(mps_fix_weak_and_pair, (NULL, NULL, NULL, NULL))

/* Classes: creating a pool of one answers MPS_RES_UNIMPL. */
#define UNBUILT_POOL_CLASSES(X) \
  X(mps_class_ams) \
  X(mps_class_ams_debug) \
  X(mps_class_awl) \
  X(mps_class_awl0) \
  X(mps_class_aeph) \
  X(mps_class_lo) \
  X(mps_class_mvt) \
  X(mps_class_snc)

#endif /* UNBUILT_H */
