/* pool.h -- what all pools share
 *
 * Design: .pool.class (design/pool.rst).
 */

#ifndef POOL_H
#define POOL_H

#include "../heap/heap.h"

#include <limits.h>

/* Codes as of the class's init, which see. */
MOSTLY_INTERN Res pool_create(Pool **pool_out, Arena *arena,
                              const PoolClass *class, mps_arg_s *args);
/* No allocation point is left, and no trace is running. */
MOSTLY_INTERN void pool_destroy(Pool *pool);
MOSTLY_INTERN bool pool_check(const Pool *pool);
MOSTLY_INTERN bool pool_class_check(const PoolClass *class);

/* For a class's init: take the format, which is required, and the chain,
 * for which the arena's default stands in.  False if the arguments break
 * a rule, which has been reported. */
MOSTLY_INTERN bool pool_take_format(Pool *pool, mps_arg_s *args);
MOSTLY_INTERN bool pool_take_chain(Pool *pool, mps_arg_s *args);
/* And the generation of that chain that objects are in, and stay in: usual if
 * the client doesn't say, or the arena's top generation for POOL_TOP. */
#define POOL_TOP UINT_MAX
MOSTLY_INTERN bool pool_take_gen(Gen **gen_out, Pool *pool, mps_arg_s *args,
                                 unsigned usual);

/* What a class can't do */
MOSTLY_INTERN Res pool_no_buffer(Buffer *buffer, mps_arg_s *args);
MOSTLY_INTERN Res pool_no_alloc(Addr *base_out, Pool *pool, Size size);
MOSTLY_INTERN void pool_no_free(Pool *pool, Addr base, Size size);
MOSTLY_INTERN Res pool_no_fill(Buffer *buffer, Size size);
MOSTLY_INTERN void pool_no_empty(Buffer *buffer);
MOSTLY_INTERN void pool_no_ramp(Pool *pool, Buffer *buffer);
MOSTLY_INTERN bool pool_no_pop(Buffer *buffer, Addr frame);
MOSTLY_INTERN void pool_no_condemned(Pool *pool, PoolGen *pgen);
MOSTLY_INTERN void pool_no_scanned(Pool *pool);
MOSTLY_INTERN void pool_no_trace_end(Pool *pool);
MOSTLY_INTERN void pool_no_collected(Pool *pool);
/* There is nothing to walk. */
MOSTLY_INTERN void pool_no_segs(Pool *pool, void (*visit)(Seg *seg, void *p),
                                void *p);

/* Is there memory for size bytes, and after that still some to copy into when
 * everything else is full? (.amc.headroom) */
MOSTLY_INTERN bool pool_leaves_room(const Arena *arena, Size size);

#endif /* POOL_H */
