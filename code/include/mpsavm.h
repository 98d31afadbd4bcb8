/* mpsavm.h -- the class of arenas in virtual memory
 *
 * The arena asks the operating system for its memory.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpsavm_h
#define mpsavm_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes MPS_KEY_ARENA_SIZE, ARENA_GRAIN_SIZE, ARENA_EXTENDED,
 * ARENA_CONTRACTED, ARENA_BARRIER, COMMIT_LIMIT, SPARE and PAUSE_TIME.
 * Takes no lock. */
extern mps_arena_class_t mps_arena_class_vm(void);

/* How much address space to ask for when the arena grows, and how much to
 * do with; desired >= minimum.  Always MPS_RES_OK. */
extern mps_res_t mps_arena_vm_growth(mps_arena_t arena, size_t desired,
                                     size_t minimum);

/* How the arena learns of writes to old objects: "track", the default, from
 * the kernel's log of written pages; "protect" by page protection; "none" not
 * at all (then minor collections scan all that is older, and each collection
 * is done in one pause).  Where the system has no such log, "track" is
 * "protect".  The environment variable MOSTLY_BARRIER sets the default. */
extern const struct mps_key_s _mps_key_ARENA_BARRIER;
#define MPS_KEY_ARENA_BARRIER (&_mps_key_ARENA_BARRIER)
#define MPS_KEY_ARENA_BARRIER_FIELD string

#ifdef __cplusplus
}
#endif

#endif /* mpsavm_h */
