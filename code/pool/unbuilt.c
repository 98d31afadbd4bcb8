/* unbuilt.c -- the pool classes that aren't built yet
 *
 * Their names are there, so that clients compile and link; making a pool of
 * one of them is MPS_RES_UNIMPL, and manual/unbuilt.rst lists them.
 *
 * Design: .pool.unbuilt (design/pool.rst).
 */

#include "pool.h"

#include "../include/mpscmvt.h"
#include "../include/mpscsnc.h"

static Res pool_unbuilt_init(Pool *pool, mps_arg_s *args)
{
  return MPS_RES_UNIMPL;
}

static void pool_unbuilt_finish(Pool *pool)
{
}

static Res pool_unbuilt_buffer_init(Buffer *buffer, mps_arg_s *args)
{
  return MPS_RES_UNIMPL;
}

static Size pool_unbuilt_size(const Pool *pool)
{
  return 0;
}

static void pool_unbuilt_segs(Pool *pool, void (*visit)(Seg *seg, void *p),
                              void *p)
{
}

POOL_CLASS_UNBUILT(pool_class_mvt, "MVT");
POOL_CLASS_UNBUILT(pool_class_snc, "SNC");

mps_pool_class_t mps_class_mvt(void)
{
  return (mps_pool_class_t)&pool_class_mvt;
}

mps_pool_class_t mps_class_snc(void)
{
  return (mps_pool_class_t)&pool_class_snc;
}
