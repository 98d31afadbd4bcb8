/* unbuilt.c -- entry points of what isn't built yet
 *
 * They refuse: never a crash, never a success without the deed.  They look
 * at none of their arguments.
 *
 * Design: .interface.unbuilt (design/interface.rst).
 */

#include "unbuilt.h"

#include "../base/base.h"

/* The name of the function is part of the text, because the handler shows
 * nothing else that a client knows. */
#define UNBUILT_REPORT(name) \
  base_fail("REQUIRE", __FILE__, __LINE__, name " is not implemented")


/* Segregated allocation caches */

mps_res_t mps_sac_create(mps_sac_t *sac_o, mps_pool_t pool, size_t class_count,
                         mps_sac_class_s *classes)
{
  return MPS_RES_UNIMPL;
}

void mps_sac_destroy(mps_sac_t sac)
{
  UNBUILT_REPORT("mps_sac_destroy");
}

void mps_sac_flush(mps_sac_t sac)
{
  UNBUILT_REPORT("mps_sac_flush");
}

mps_res_t mps_sac_alloc(mps_addr_t *p_o, mps_sac_t sac, size_t size,
                        mps_bool_t unused)
{
  return MPS_RES_UNIMPL;
}

void mps_sac_free(mps_sac_t sac, mps_addr_t p, size_t size)
{
  UNBUILT_REPORT("mps_sac_free");
}

mps_res_t mps_sac_fill(mps_addr_t *p_o, mps_sac_t sac, size_t size,
                       mps_bool_t unused)
{
  return MPS_RES_UNIMPL;
}

void mps_sac_empty(mps_sac_t sac, mps_addr_t p, size_t size)
{
  UNBUILT_REPORT("mps_sac_empty");
}
