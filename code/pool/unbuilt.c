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

static Size pool_unbuilt_size(const Pool *pool)
{
  return 0;
}

/* A class that isn't built yet: making a pool of it is
 * MPS_RES_UNIMPL. */
#define POOL_CLASS_UNBUILT(ident, its_name) \
  static const PoolClass ident = { \
      .sig = POOL_CLASS_SIG, \
      .name = its_name, \
      .size = sizeof(Pool), \
      .init = pool_unbuilt_init, \
      .finish = pool_unbuilt_finish, \
      .buffer_init = pool_no_buffer, \
      .fill = pool_no_fill, \
      .empty = pool_no_empty, \
      .alloc = pool_no_alloc, \
      .free = pool_no_free, \
      .ramp_begin = pool_no_ramp, \
      .ramp_end = pool_no_ramp, \
      .condemned = pool_no_condemned, \
      .scanned = pool_no_scanned, \
      .trace_end = pool_no_trace_end, \
      .collected = pool_no_collected, \
      .total_size = pool_unbuilt_size, \
      .free_size = pool_unbuilt_size, \
      .segs = pool_no_segs, \
      .check = pool_check, \
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
