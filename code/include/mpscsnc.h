/* mpscsnc.h -- SNC, the stack pool
 *
 * Scanned, not collected; allocation by allocation points with frames.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpscsnc_h
#define mpscsnc_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Blocks die when their frame is popped.  Takes MPS_KEY_FORMAT, which it
 * needs; allocation points take RANK.  Takes no lock. */
extern mps_pool_class_t mps_class_snc(void);

#ifdef __cplusplus
}
#endif

#endif /* mpscsnc_h */
