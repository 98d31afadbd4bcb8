/* unbuilt.h -- what the interface has and the library doesn't, yet
 *
 * The table of the classes that can't be instantiated.  One leaves it when it
 * is built; manual/unbuilt.rst lists the same for clients, and a test compares
 * the two.
 *
 * Design: .interface.unbuilt (design/interface.rst).
 */

#ifndef UNBUILT_H
#define UNBUILT_H

/* Classes: creating a pool of one answers MPS_RES_UNIMPL. */
#define UNBUILT_POOL_CLASSES(X) \
  X(mps_class_mvt) \
  X(mps_class_snc)

#endif /* UNBUILT_H */
