/* unbuilt.c -- entry points of what isn't built yet
 *
 * They refuse: never a crash, never a success without the deed.  They look
 * at none of their arguments.
 *
 * Design: .interface.unbuilt (design/interface.rst).
 */

#include "unbuilt.h"

#include "../base/base.h"


/* Ephemerons */

mps_res_t mps_fix_weak_pair(mps_ss_t ss, mps_addr_t base, mps_addr_t *key_io,
                            mps_addr_t *value_io)
{
  return MPS_RES_UNIMPL;
}

mps_res_t mps_fix_weak_or_pair(mps_ss_t ss, mps_addr_t base,
                               mps_addr_t *key_io, mps_addr_t *value_io)
{
  return MPS_RES_UNIMPL;
}

mps_res_t mps_fix_weak_and_pair(mps_ss_t ss, mps_addr_t base,
                                mps_addr_t *key_io, mps_addr_t *value_io)
{
  return MPS_RES_UNIMPL;
}
