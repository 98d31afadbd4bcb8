/* mpscawl.h -- AWL, the pools for weak tables, and ephemerons
 *
 * Collected, never moved; allocation by allocation points only.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpscawl_h
#define mpscawl_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Each object is exact or weak, as its allocation point says.  Takes
 * MPS_KEY_FORMAT, which it needs, AWL_FIND_DEPENDENT, CHAIN, GEN; allocation
 * points take RANK.  Takes no lock. */
extern mps_pool_class_t mps_class_awl(void);

/* The same, and the words of an object may be anything.  Takes no lock. */
extern mps_pool_class_t mps_class_awl0(void);

/* Objects that scan pairs with mps_fix_weak_pair and its companions; RANK
 * is mps_rank_ephemeron(), exact or weak.  Takes no lock. */
extern mps_pool_class_t mps_class_aeph(void);

/* An mps_awl_find_dependent_t: which object may be read and written while
 * this one is scanned?  Null for none. */
extern const struct mps_key_s _mps_key_AWL_FIND_DEPENDENT;
#define MPS_KEY_AWL_FIND_DEPENDENT (&_mps_key_AWL_FIND_DEPENDENT)
#define MPS_KEY_AWL_FIND_DEPENDENT_FIELD addr_method

#ifdef __cplusplus
}
#endif

#endif /* mpscawl_h */
