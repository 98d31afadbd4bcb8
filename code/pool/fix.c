/* fix.c -- the second stage of fix
 *
 * It is here, above the pool classes, because it knows one of them by name:
 * that takes a call through the segment's class out of the most frequent
 * case (.decisions.inline).
 *
 * Design: .critical.reference (design/critical.rst).
 */

#include "amcfix.h"

/* _mps_fix2 -- what the inline first stage found interesting
 *
 * On the critical path: it runs for every reference to condemned memory.
 * The map is asked again, as a client may come here without the first
 * stage; that costs one load that hits the cache. */

mps_res_t _mps_fix2(mps_ss_t mps_ss, mps_addr_t *ref_io)
{
  ScanState *ss = scan_of_ss(mps_ss);
  Addr client = *ref_io;
  Index i = ((Word)client - mps_ss->_base) >> mps_ss->_shift;
  Word kind;
  Seg *seg;

  ASSERT_HOT(scan_check(ss));
  if (UNLIKELY(i >= mps_ss->_count))
    return MPS_RES_OK;
  kind = mps_ss->_kind[i];
  if (UNLIKELY(kind != KIND_WHITE)) {
    mps_ss->_seen |= REFSET_KIND(kind);
    return MPS_RES_OK;
  }
  seg = ss->segs[i];
  if (LIKELY(seg->is_plain && ss->rank == RANK_EXACT))
    amc_fix_exact(seg, ss, ref_io, client);
  else if (UNLIKELY(ss->fix != NULL))
    ss->fix(ss, ref_io);
  else
    seg->class->fix(seg, ss, ref_io);
  return MPS_RES_OK;
}
