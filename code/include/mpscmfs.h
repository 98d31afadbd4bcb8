/* mpscmfs.h -- MFS, the pool of blocks of one size
 *
 * Manual: mps_alloc and mps_free only.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpscmfs_h
#define mpscmfs_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes MPS_KEY_MFS_UNIT_SIZE, which it needs, and EXTEND_BY.  Takes no
 * lock. */
extern mps_pool_class_t mps_class_mfs(void);

/* The size of every block, not zero. */
extern const struct mps_key_s _mps_key_MFS_UNIT_SIZE;
#define MPS_KEY_MFS_UNIT_SIZE (&_mps_key_MFS_UNIT_SIZE)
#define MPS_KEY_MFS_UNIT_SIZE_FIELD size

#ifdef __cplusplus
}
#endif

#endif /* mpscmfs_h */
