/* awl.c -- the pool class for weak tables
 *
 * Design: .awl.rank, .awl.dependent (design/awl.rst).
 */

#include "markseg.h"

#include "../base/args.h"
#include "../include/mpscawl.h"

static Res awl_init(Pool *pool, mps_arg_s *args)
{
  mps_arg_s arg;

  if (args_pick(args, MPS_KEY_AWL_FIND_DEPENDENT, &arg))
    markpool_of(pool)->find_dependent
        = (mps_awl_find_dependent_t)arg.val.addr_method;
  return markpool_init(pool, args,
                       REFSET_KIND(RANK_EXACT) | REFSET_KIND(RANK_WEAK));
}

MARKPOOL_CLASS(awl_class, "AWL", awl_init, true);

mps_pool_class_t mps_class_awl(void)
{
  return (mps_pool_class_t)&awl_class;
}

/* No word of an object is restricted in either. */
mps_pool_class_t mps_class_awl0(void)
{
  return (mps_pool_class_t)&awl_class;
}
