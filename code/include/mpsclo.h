/* mpsclo.h -- LO, the pool for leaf objects
 *
 * Objects have no references; they are collected, never moved, never
 * scanned or protected.  Allocation by allocation points only.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpsclo_h
#define mpsclo_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes MPS_KEY_FORMAT, which it needs, CHAIN and GEN.  Takes no lock. */
extern mps_pool_class_t mps_class_lo(void);

#ifdef __cplusplus
}
#endif

#endif /* mpsclo_h */
