/* api.h -- what the entry points share: checking what clients pass
 *
 * An entry point checks its arguments, takes the lock and calls down; it
 * decides nothing.  Handles are checked by their signatures, which are
 * cleared when the thing goes, so that a dead handle is found out too.
 *
 * Design: .api.thin, .api.misuse (design/api.rst).
 */

#ifndef API_H
#define API_H

#include "../heap/arena.h"

#define API_REQUIRE(cond, text) \
  (LIKELY(cond) ? true \
                : (base_fail("REQUIRE", __FILE__, __LINE__, text), false))

static inline bool api_is_handle(const void *handle)
{
  return handle != NULL && ((Word)handle & (sizeof(Sig) - 1)) == 0;
}

/* Is it an arena (pool, ...) that is alive? */
#define API_IS(handle, its_sig) \
  (api_is_handle(handle) && (handle)->sig == (its_sig))

/* The caller isn't inside already (.api.misuse.inside). */
#define API_OUTSIDE(arena, function) \
  API_REQUIRE(!plat_lock_is_mine(&(arena)->lock), #function \
              ": must not be called by a format method, a scanner or " \
              "another callback, from inside a call on the arena")

/* Those that end in ANY are for calls that are legal from inside. */
#define API_ARENA_ANY(arena, function) \
  API_REQUIRE(API_IS(arena, ARENA_SIG), \
              #function ": arena must be an arena that isn't destroyed")
#define API_ARENA(arena, function) \
  (API_ARENA_ANY(arena, function) && API_OUTSIDE(arena, function))
#define API_POOL_ANY(pool, function) \
  API_REQUIRE(API_IS(pool, POOL_SIG), \
              #function ": pool must be a pool that isn't destroyed")
#define API_POOL(pool, function) \
  (API_POOL_ANY(pool, function) && API_OUTSIDE((pool)->arena, function))
/* A result must be one that its type may have: not null, and aligned. */
#define API_IS_OUT(pointer) \
  ((pointer) != NULL && (Word)(pointer) % __alignof__(*(pointer)) == 0)
#define API_OUT(pointer, function) \
  API_REQUIRE(API_IS_OUT(pointer), \
              #function ": " #pointer " must be aligned and not null")

#define API_AP_ANY(ap, function) \
  API_REQUIRE(api_is_handle(ap) && buffer_of_ap(ap)->sig == BUFFER_SIG, \
              #function \
              ": ap must be an allocation point that isn't destroyed")
#define API_AP(ap, function) \
  (API_AP_ANY(ap, function) \
   && API_OUTSIDE(buffer_of_ap(ap)->pool->arena, function))

#define API_PARKED(arena, function) \
  API_REQUIRE((arena)->state == ARENA_PARKED, \
              #function ": the arena must be parked")

/* A block from a pool for mps_alloc, in the arena with the caller's context;
 * while there is garbage, nothing is refused.  Codes as of the class. */
MOSTLY_INTERN Res api_alloc(Addr *base_out, Pool *pool, Size size);

#endif /* API_H */
