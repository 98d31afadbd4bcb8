/* ams.c -- the mark-sweep pool class
 *
 * Design: .ams.rank (design/ams.rst).
 */

#include "markseg.h"

#include "../base/args.h"
#include "../heap/barrier.h"
#include "../include/mpscams.h"

static Res ams_init(Pool *pool, mps_arg_s *args)
{
  mps_arg_s arg;

  if (args_pick(args, MPS_KEY_AMS_SUPPORT_AMBIGUOUS, &arg))
    markpool_of(pool)->ignores_ambig = arg.val.b == 0;
  return markpool_init(pool, args,
                       REFSET_KIND(RANK_EXACT) | REFSET_KIND(RANK_AMBIG));
}

MARKPOOL_CLASS(ams_class, "AMS", ams_init, true);

/* With a pattern in what is free.  What an allocation point gives has no
 * fences (.ams.debug). */

static void ams_each_free(Pool *pool,
                          void (*visit)(void *p, Addr base, Addr limit),
                          void *p)
{
  RING_FOR (node, after, &markpool_of(pool)->pgen.segs) {
    Seg *seg = RING_ELEM(Seg, gen_link, node);

    barrier_open(pool->arena, seg->base);
    markseg_each_free(seg, visit, p);
  }
}

static Res ams_debug_init(Pool *pool, mps_arg_s *args)
{
  MarkPool *mp = markpool_of(pool);
  Res res = ams_init(pool, args);

  if (res != MPS_RES_OK)
    return res;
  mp->debug.each_free = ams_each_free;
  if (debug_take(&mp->debug, pool, args))
    return MPS_RES_OK;
  markpool_undo(pool);
  return MPS_RES_PARAM;
}

MARKPOOL_CLASS(ams_debug_class, "AMS debug", ams_debug_init, true);

mps_pool_class_t mps_class_ams_debug(void)
{
  return (mps_pool_class_t)&ams_debug_class;
}

mps_pool_class_t mps_class_ams(void)
{
  return (mps_pool_class_t)&ams_class;
}
