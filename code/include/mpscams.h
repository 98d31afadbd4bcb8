/* mpscams.h -- AMS, the mark-sweep pool
 *
 * Collected; allocation by allocation points only.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpscams_h
#define mpscams_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Objects stay where they are.  Takes MPS_KEY_FORMAT, which it needs, CHAIN,
 * GEN, AMS_SUPPORT_AMBIGUOUS; allocation points take RANK.  Takes no lock. */
extern mps_pool_class_t mps_class_ams(void);

/* The same with MPS_KEY_POOL_DEBUG_OPTIONS.  Takes no lock. */
extern mps_pool_class_t mps_class_ams_debug(void);

/* False: no ambiguous reference points into the pool. */
extern const struct mps_key_s _mps_key_AMS_SUPPORT_AMBIGUOUS;
#define MPS_KEY_AMS_SUPPORT_AMBIGUOUS (&_mps_key_AMS_SUPPORT_AMBIGUOUS)
#define MPS_KEY_AMS_SUPPORT_AMBIGUOUS_FIELD b

#ifdef __cplusplus
}
#endif

#endif /* mpscams_h */
