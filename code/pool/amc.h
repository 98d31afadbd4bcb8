/* amc.h -- the automatic, mostly copying pool class
 *
 * Design: .guide, .struct (design/amc.rst, design/amc-parts.rst).
 */

#ifndef AMC_H
#define AMC_H

#include "pool.h"

#include "amcret.h"
#include "ramp.h"

#define AMC_SIG ((Sig)0x414D4320) /* "AMC " */

/* The pool record (.struct). */
typedef struct Amc {
  Pool pool; /* first, so that a Pool may be seen as an Amc (.struct.pool) */
  Sig sig;
  Rank rank;        /* exact, or none in AMCZ */
  bool is_interior; /* do ambiguous pointers into an object pin it? */
  Size extend_by;   /* bytes, whole grains: the least segment */
  Size large_size;  /* requests of at least this have their own segment */
  AmcRet ret;
  Ramp ramp;
  bool is_flat;   /* survivors go to the top at once (.policy.flat) */
  Count gens;     /* of the chain */
  PoolGen *pgens; /* those, and one for the top (.gen.manage.array) */
} Amc;

static inline Amc *amc_of_pool(Pool *pool)
{
  return (Amc *)pool;
}

static inline const Amc *amc_of_const_pool(const Pool *pool)
{
  return (const Amc *)pool;
}

MOSTLY_INTERN bool amc_check(const Pool *pool);

static inline bool amc_is_large(const Amc *amc, Size size)
{
  return size >= amc->large_size;
}

/* A segment in the generation for a request of size bytes; up to want
 * bytes, if those are to be had.  A large request gets one of its own, with
 * padding at the end.  *limit_out is where the request's memory ends. */
MOSTLY_INTERN Res amc_seg_alloc(Seg **seg_out, Addr *limit_out, const Amc *amc,
                                PoolGen *pgen, Size size, Size want);
/* Objects end at init: pad the rest of a segment, and give back whole
 * grains that our own policy added to it. */
MOSTLY_INTERN void amc_seg_close(Seg *seg, Addr init, Size least);
/* How many bytes to ask for after a segment of want bytes was filled. */
MOSTLY_INTERN Size amc_want_next(const Amc *amc, const PoolGen *pgen,
                                 Size want);

/* The class of all AMC segments (amcseg.c), and the end of copying out of
 * a generation. */
MOSTLY_INTERN_DATA const SegClass amc_seg_class;
MOSTLY_INTERN void amc_cursor_close(PoolGen *pgen);

#endif /* AMC_H */
