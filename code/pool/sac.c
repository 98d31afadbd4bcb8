/* sac.c -- segregated allocation caches: freed blocks kept by size
 *
 * Design: .sac.lists (design/sac.rst).
 */

#include "sac.h"

/* A refill or an emptying moves this part of what a class may keep. */
#define SAC_STOCK_PART 4
#define SAC_EMPTY_PART 2

static Size sac_size(Count count)
{
  return sizeof(Sac) + count * sizeof(SacClass);
}

Res sac_create(Sac **sac_out, Pool *pool, Count count,
               const mps_sac_class_s *classes)
{
  Sac *sac;
  Res res = ctl_alloc(&sac, &pool->arena->ctl, sac_size(count));

  if (res != MPS_RES_OK)
    return res;
  sac->pool = pool;
  sac->count = count;
  for (Index i = 0; i < count; ++i)
    sac->classes[i] = (SacClass){classes[i].mps_block_size,
                                 classes[i].mps_cached_count, 0, NULL};
  ++pool->sacs;
  sac->sig = SAC_SIG;
  ASSERT(sac_check(sac));
  *sac_out = sac;
  return MPS_RES_OK;
}

void sac_destroy(Sac *sac)
{
  ASSERT(sac_check(sac));
  sac_flush(sac);
  --sac->pool->sacs;
  sac->sig = SIG_NONE;
  ctl_free(&sac->pool->arena->ctl, sac, sac_size(sac->count));
}

bool sac_check(const Sac *sac)
{
  CHECK(sac != NULL);
  CHECK(sac->sig == SAC_SIG);
  CHECK(sac->pool->sig == POOL_SIG);
  CHECK(sac->pool->sacs > 0);
  for (Index i = 0; i < sac->count; ++i) {
    CHECK(i == 0 || sac->classes[i - 1].size < sac->classes[i].size);
    CHECK(sac->classes[i].count <= sac->classes[i].most);
    CHECK((sac->classes[i].count == 0) == (sac->classes[i].blocks == NULL));
  }
  return true;
}

static void sac_give(Sac *sac, SacClass *class, Count count)
{
  for (; count > 0; --count)
    sac->pool->class->free(sac->pool, (Addr)sac_take(class), class->size);
}

void sac_flush(Sac *sac)
{
  for (Index i = 0; i < sac->count; ++i)
    sac_give(sac, &sac->classes[i], sac->classes[i].count);
}

void sac_stock(Sac *sac, SacClass *class)
{
  Pool *pool = sac->pool;
  Addr base;

  for (Count i = class->most / SAC_STOCK_PART; i > 0; --i)
    if (pool->class->alloc(&base, pool, class->size) != MPS_RES_OK
        || !sac_keep(class, base))
      return;
}

void sac_empty(Sac *sac, SacClass *class, Addr base)
{
  sac_give(sac, class, class->count - class->count / SAC_EMPTY_PART);
  if (!sac_keep(class, base))
    sac->pool->class->free(sac->pool, base, class->size);
}
