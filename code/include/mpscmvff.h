/* mpscmvff.h -- MVFF, the first-fit pool of blocks of any size
 *
 * Manual: mps_alloc, allocation points, and mps_free.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpscmvff_h
#define mpscmvff_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes MPS_KEY_EXTEND_BY (64 KiB unless given), MEAN_SIZE (not used), ALIGN
 * (at least a pointer's), SPARE (0.75: the part that may be free before some
 * goes back to the arena) and those below.  Takes no lock. */
extern mps_pool_class_t mps_class_mvff(void);

/* The same with fences around the blocks of mps_alloc and a pattern in free
 * memory.  Takes MPS_KEY_POOL_DEBUG_OPTIONS too; the client keeps the
 * templates while the pool is there.  Takes no lock. */
extern mps_pool_class_t mps_class_mvff_debug(void);

/* Search for a hole from the high end; use the low end of the hole that
 * was found; take memory from the high end of the arena. */
extern const struct mps_key_s _mps_key_MVFF_SLOT_HIGH;
#define MPS_KEY_MVFF_SLOT_HIGH (&_mps_key_MVFF_SLOT_HIGH)
#define MPS_KEY_MVFF_SLOT_HIGH_FIELD b
extern const struct mps_key_s _mps_key_MVFF_FIRST_FIT;
#define MPS_KEY_MVFF_FIRST_FIT (&_mps_key_MVFF_FIRST_FIT)
#define MPS_KEY_MVFF_FIRST_FIT_FIELD b
extern const struct mps_key_s _mps_key_MVFF_ARENA_HIGH;
#define MPS_KEY_MVFF_ARENA_HIGH (&_mps_key_MVFF_ARENA_HIGH)
#define MPS_KEY_MVFF_ARENA_HIGH_FIELD b

/* Deprecated */
#define mps_mvff_size mps_pool_total_size
#define mps_mvff_free_size mps_pool_free_size

#ifdef __cplusplus
}
#endif

#endif /* mpscmvff_h */
