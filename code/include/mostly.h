/* mostly.h -- what this library tells about itself, beyond the interface
 *
 * Everything here is new; programs that use mps.h alone never need it.
 * Any thread may call these.
 *
 * Design: .api.stats (design/api.rst).
 */

#ifndef mostly_h
#define mostly_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A generation: how it stands, and what all collections so far did in it.
 * Sizes in bytes. */
typedef struct mostly_gen_stats_s {
  mps_chain_t chain;  /* its chain; null for the arena's own generations */
  size_t index;       /* in the chain, 0 for the youngest */
  mps_bool_t is_top;  /* the generation in which every chain ends */
  size_t capacity;    /* that starts a collection when it is reached */
  double mortality;   /* expected dead fraction, 0.0 to 1.0 */
  size_t size;        /* of all its memory */
  size_t fresh;       /* allocated or promoted there since the last one */
  size_t collections; /* that condemned something in it */
  size_t condemned;   /* memory that collections looked at */
  size_t copied;      /* survivors that moved out of it */
  size_t preserved;   /* survivors that were nailed in place */
  size_t retained;    /* memory that stayed for their sake */
} mostly_gen_stats_s;

/* An arena.  Sizes in bytes, times in seconds. */
typedef struct mostly_arena_stats_s {
  size_t collections;   /* traces that condemned something */
  size_t allocated;     /* memory given to allocation points, ever */
  size_t committed_max; /* the most that was committed at one time */
  double trace_time;    /* in all collections, with the threads stopped */
  double pause_max;     /* the longest of them */
} mostly_arena_stats_s;

/* How many generations the arena has: those of its default chain, those of
 * the client's chains, and the top.  Zero if arena isn't one. */
extern size_t mostly_gen_count(mps_arena_t arena);

/* One of them, from 0 on, chain by chain, the top last.  MPS_RES_PARAM,
 * and *stats_o untouched, if there is no such generation. */
extern mps_res_t mostly_gen_stats(mostly_gen_stats_s *stats_o,
                                  mps_arena_t arena, size_t gen);

/* How the arena learns of writes to old objects, in the words of
 * MPS_KEY_ARENA_BARRIER: what was asked for may not be had.  A constant;
 * null if arena isn't one. */
extern const char *mostly_arena_barrier(mps_arena_t arena);

/* MPS_RES_PARAM if arena isn't one. */
extern mps_res_t mostly_arena_stats(mostly_arena_stats_s *stats_o,
                                    mps_arena_t arena);

#ifdef __cplusplus
}
#endif

#endif /* mostly_h */
