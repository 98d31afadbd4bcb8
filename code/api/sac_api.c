/* sac_api.c -- entry points: segregated allocation caches
 *
 * A cache is one client's, who serialises its uses.  So the lock is taken
 * where the pool is asked, and not otherwise.
 *
 * Design: .api.thin, .api.misuse (design/api.rst).
 */

#include "../pool/sac.h"

#include "../pool/pool.h"
#include "api.h"

#define API_SAC(sac, function) \
  API_REQUIRE(API_IS(sac, SAC_SIG), \
              #function ": sac must be one that isn't destroyed")

/* Sizes increase, fit the pool, and have room for a link. */

static bool api_sac_classes_are_right(const Pool *pool, Count count,
                                      const mps_sac_class_s *classes)
{
  for (Index i = 0; i < count; ++i) {
    Size size = classes[i].mps_block_size;

    if (size < sizeof(SacBlock) || size > SIZE_MAX / 2
        || !size_is_aligned(size, pool->align)
        || (i > 0 && size <= classes[i - 1].mps_block_size))
      return false;
  }
  return true;
}

/* For the pool, which refuses what is too large to be rounded. */

static Size api_sac_round(const Sac *sac, Size size)
{
  return size > SIZE_MAX / 2 ? size : size_round_up(size, sac->pool->align);
}

mps_res_t mps_sac_create(mps_sac_t *sac_o, mps_pool_t pool, size_t class_count,
                         mps_sac_class_s *classes)
{
  Sac *sac;
  Res res;

  if (!API_OUT(sac_o, mps_sac_create) || !API_POOL(pool, mps_sac_create)
      || !API_REQUIRE(pool->class->alloc != pool_no_alloc
                          && pool->class->free != pool_no_free,
                      "mps_sac_create: pool must be one for mps_alloc and "
                      "mps_free")
      || !API_REQUIRE(class_count > 0 && classes != NULL,
                      "mps_sac_create: classes must have one class at least"))
    return MPS_RES_PARAM;
  if (class_count > SAC_CLASSES_MAX)
    return MPS_RES_LIMIT;
  if (!API_REQUIRE(api_sac_classes_are_right(pool, class_count, classes),
                   "mps_sac_create: classes must have sizes that increase, "
                   "are multiples of the pool's alignment, and hold a "
                   "pointer"))
    return MPS_RES_PARAM;
  arena_enter(pool->arena, NULL);
  res = sac_create(&sac, pool, class_count, classes);
  arena_leave(pool->arena);
  if (res == MPS_RES_OK)
    *sac_o = sac;
  return res;
}

void mps_sac_destroy(mps_sac_t sac)
{
  Arena *arena;

  if (!API_SAC(sac, mps_sac_destroy)
      || !API_OUTSIDE(sac->pool->arena, mps_sac_destroy))
    return;
  arena = sac->pool->arena;
  arena_enter(arena, NULL);
  sac_destroy(sac);
  arena_leave(arena);
}

void mps_sac_flush(mps_sac_t sac)
{
  if (!API_SAC(sac, mps_sac_flush)
      || !API_OUTSIDE(sac->pool->arena, mps_sac_flush))
    return;
  arena_enter(sac->pool->arena, NULL);
  sac_flush(sac);
  arena_leave(sac->pool->arena);
}

mps_res_t mps_sac_fill(mps_addr_t *p_o, mps_sac_t sac, size_t size,
                       mps_bool_t unused)
{
  PlatContext context;
  SacClass *class;
  Addr base;
  Res res;

  if (!API_OUT(p_o, mps_sac_fill) || !API_SAC(sac, mps_sac_fill)
      || !API_REQUIRE(size > 0, "mps_sac_fill: size must be positive")
      || !API_OUTSIDE(sac->pool->arena, mps_sac_fill))
    return MPS_RES_PARAM;
  class = sac_class(sac, size);
  if (class == NULL)
    return mps_alloc(p_o, sac->pool, api_sac_round(sac, size));
  PLAT_CAPTURE(&context);
  arena_enter(sac->pool->arena, &context);
  res = api_alloc(&base, sac->pool, class->size);
  if (res == MPS_RES_OK)
    sac_stock(sac, class);
  arena_leave(sac->pool->arena);
  if (res == MPS_RES_OK)
    *p_o = base;
  return res;
}

void mps_sac_empty(mps_sac_t sac, mps_addr_t p, size_t size)
{
  SacClass *class;

  if (!API_SAC(sac, mps_sac_empty)
      || !API_REQUIRE(p != NULL && size_is_aligned((Word)p, sac->pool->align),
                      "mps_sac_empty: p must be the address of a block, not "
                      "null and aligned")
      || !API_REQUIRE(size > 0, "mps_sac_empty: size must be positive")
      || !API_OUTSIDE(sac->pool->arena, mps_sac_empty))
    return;
  class = sac_class(sac, size);
  if (class == NULL) {
    mps_free(sac->pool, p, api_sac_round(sac, size));
    return;
  }
  arena_enter(sac->pool->arena, NULL);
  sac_empty(sac, class, p);
  arena_leave(sac->pool->arena);
}

mps_res_t mps_sac_alloc(mps_addr_t *p_o, mps_sac_t sac, size_t size,
                        mps_bool_t unused)
{
  SacClass *class;
  SacBlock *block = NULL;

  if (!API_OUT(p_o, mps_sac_alloc) || !API_SAC(sac, mps_sac_alloc)
      || !API_REQUIRE(size > 0, "mps_sac_alloc: size must be positive"))
    return MPS_RES_PARAM;
  class = sac_class(sac, size);
  if (class != NULL)
    block = sac_take(class);
  if (block == NULL)
    return mps_sac_fill(p_o, sac, size, unused);
  *p_o = block;
  return MPS_RES_OK;
}

void mps_sac_free(mps_sac_t sac, mps_addr_t p, size_t size)
{
  SacClass *class;

  if (!API_SAC(sac, mps_sac_free)
      || !API_REQUIRE(p != NULL && size_is_aligned((Word)p, sac->pool->align),
                      "mps_sac_free: p must be the address of a block, not "
                      "null and aligned")
      || !API_REQUIRE(size > 0, "mps_sac_free: size must be positive"))
    return;
  class = sac_class(sac, size);
  if (class == NULL || !sac_keep(class, p))
    mps_sac_empty(sac, p, size);
}
