/* mpscmvt.h -- MVT, the temporal-fit pool of blocks of any size
 *
 * Manual: allocation points and mps_free.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpscmvt_h
#define mpscmvt_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes MPS_KEY_ALIGN, MIN_SIZE, MEAN_SIZE, MAX_SIZE and those below.  Takes
 * no lock. */
extern mps_pool_class_t mps_class_mvt(void);

/* How many blocks of mean size are to be had without asking the arena. */
extern const struct mps_key_s _mps_key_MVT_RESERVE_DEPTH;
#define MPS_KEY_MVT_RESERVE_DEPTH (&_mps_key_MVT_RESERVE_DEPTH)
#define MPS_KEY_MVT_RESERVE_DEPTH_FIELD count
/* The fraction that may be free in short pieces, from 0.0 to 1.0. */
extern const struct mps_key_s _mps_key_MVT_FRAG_LIMIT;
#define MPS_KEY_MVT_FRAG_LIMIT (&_mps_key_MVT_FRAG_LIMIT)
#define MPS_KEY_MVT_FRAG_LIMIT_FIELD d

/* Deprecated */
#define mps_mvt_size mps_pool_total_size
#define mps_mvt_free_size mps_pool_free_size

#ifdef __cplusplus
}
#endif

#endif /* mpscmvt_h */
