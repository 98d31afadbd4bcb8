/* lo.c -- the pool class of leaf objects that stay where they are
 *
 * Design: .lo.leaf (design/lo.rst).
 */

#include "markseg.h"

#include "../include/mpsclo.h"

static Res lo_init(Pool *pool, mps_arg_s *args)
{
  return markpool_init(pool, args, REFSET_KIND(RANK_NONE));
}

MARKPOOL_CLASS(lo_class, "LO", lo_init, false);

mps_pool_class_t mps_class_lo(void)
{
  return (mps_pool_class_t)&lo_class;
}
