/* mpsacl.h -- the class of arenas in memory of the client
 *
 * The arena uses the memory that it is given; mps_arena_extend adds more.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpsacl_h
#define mpsacl_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes MPS_KEY_ARENA_SIZE and MPS_KEY_ARENA_CL_BASE, which it needs, and
 * ARENA_GRAIN_SIZE, COMMIT_LIMIT, SPARE and PAUSE_TIME.  Takes no lock. */
extern mps_arena_class_t mps_arena_class_cl(void);

/* Where the memory begins.  It stays the client's, and outlives the arena. */
extern const struct mps_key_s _mps_key_ARENA_CL_BASE;
#define MPS_KEY_ARENA_CL_BASE (&_mps_key_ARENA_CL_BASE)
#define MPS_KEY_ARENA_CL_BASE_FIELD addr

#ifdef __cplusplus
}
#endif

#endif /* mpsacl_h */
