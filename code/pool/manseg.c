/* manseg.c -- memory under manual control, as the arena sees it
 *
 * Design: .mvff.map (design/mvff.rst).
 */

#include "manseg.h"

#include <string.h>

/* Bytes given back by pools after which the arena's spare memory is seen
 * to, if it may have any. */
#define MANSEG_TRIM ((Size)2 << 20)

/* The only question that is ever put to such a segment. */
static Res manseg_object(mps_addr_t *object_out, Seg *seg, Addr addr)
{
  return MPS_RES_UNIMPL;
}

static const SegClass manseg_class = {
    .name = "manual",
    .find = manseg_object,
};

void manseg_pgen_init(PoolGen *pgen, Pool *pool)
{
  memset(pgen, 0, sizeof *pgen);
  pgen->sig = PGEN_SIG;
  pgen->pool = pool;
}

void manseg_init(Seg *seg, PoolGen *pgen, Addr base, Addr limit)
{
  memset(seg, 0, sizeof *seg);
  seg->rank = RANK_NONE;
  seg->kind = KIND_NONE;
  seg->class = &manseg_class;
  seg->pgen = pgen;
  seg->base = base;
  seg->limit = limit;
  seg->used_limit = limit;
  seg->scanned = base;
  ring_init(&seg->gen_link);
  ring_init(&seg->ref_link);
  space_map_seg(&pgen->pool->arena->space, base, limit, seg, KIND_NONE);
  seg->sig = SEG_SIG;
}

void manseg_free(Seg *seg)
{
  Space *space = &seg->pgen->pool->arena->space;
  Size size = addr_diff(seg->base, seg->limit);

  seg->sig = SIG_NONE;
  space_free(space, seg->base, size >> space->shift);
  /* Nobody else does, where nothing is collected (.mvff.trim). */
  seg->pgen->account.free += size;
  if (seg->pgen->account.free >= MANSEG_TRIM || space->spare <= 0.0) {
    seg->pgen->account.free = 0;
    (void)space_trim(space, 0, SIZE_MAX);
  }
}
