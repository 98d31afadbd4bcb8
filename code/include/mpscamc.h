/* mpscamc.h -- AMC and AMCZ, the mostly-copying pools
 *
 * Collected; allocation by allocation points only.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpscamc_h
#define mpscamc_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Objects move and are promoted along the generations of a chain.  Takes
 * MPS_KEY_FORMAT, which it needs, CHAIN, INTERIOR, EXTEND_BY, LARGE_SIZE;
 * allocation points take AP_HASH_ARRAYS and GEN.  Takes no lock. */
extern mps_pool_class_t mps_class_amc(void);

/* The same for objects without references, which are never scanned or
 * protected.  Takes no lock. */
extern mps_pool_class_t mps_class_amcz(void);

typedef void (*mps_amc_apply_stepper_t)(mps_addr_t object, void *p, size_t s);

/* Deprecated: call a function for each object of one such pool, padding
 * included. */
extern void mps_amc_apply(mps_pool_t pool, mps_amc_apply_stepper_t f, void *p,
                          size_t s);

#ifdef __cplusplus
}
#endif

#endif /* mpscamc_h */
