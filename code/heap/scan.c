/* scan.c -- the state of one scan, and what happens to a reference in it
 *
 * Design: .scan, .critical (design/scan.rst, design/critical.rst).
 */

#include "scan.h"

#include "seg.h"

void scan_init(ScanState *ss, Arena *arena, struct Trace *trace, Rank rank)
{
  ss->ss._base = (Word)arena->space.base;
  ss->ss._count = arena->space.grains;
  ss->ss._kind = arena->space.kind;
  ss->ss._seen = REFSET_EMPTY;
  ss->ss._shift = arena->space.shift;
  ss->rank = rank;
  ss->arena = arena;
  ss->trace = trace;
  ss->was_marked = true;
  ss->fix = NULL;
  ss->sig = SCAN_SIG;
  ASSERT(scan_check(ss));
}

bool scan_check(const ScanState *ss)
{
  CHECK(ss != NULL);
  CHECK(ss->sig == SCAN_SIG);
  CHECK(ss->arena->sig == ARENA_SIG);
  CHECK(ss->ss._kind == ss->arena->space.kind);
  return true;
}

RefSet scan_take_refset(ScanState *ss)
{
  RefSet seen = ss->ss._seen & ~REFSET_NOT_GENS;

  ss->ss._seen = REFSET_EMPTY;
  return seen;
}

/* _mps_fix2 -- the second stage of fix, for what the inline first stage
 * found interesting
 *
 * On the critical path: it runs for every reference to condemned memory.
 * The map is asked again, as a client may come here without the first
 * stage; that costs one load that hits the cache. */

mps_res_t _mps_fix2(mps_ss_t mps_ss, mps_addr_t *ref_io)
{
  ScanState *ss = scan_of_ss(mps_ss);
  Index i = ((Word)*ref_io - mps_ss->_base) >> mps_ss->_shift;
  unsigned char kind;

  ASSERT_HOT(scan_check(ss));
  if (UNLIKELY(i >= mps_ss->_count))
    return MPS_RES_OK;
  kind = mps_ss->_kind[i];
  if (UNLIKELY(kind != KIND_WHITE)) {
    mps_ss->_seen |= REFSET_KIND(kind);
    return MPS_RES_OK;
  }
  if (UNLIKELY(ss->fix != NULL)) {
    ss->fix(ss, ref_io);
    return MPS_RES_OK;
  }
  Seg *seg = ss->arena->space.seg[i];
  seg->class->fix(seg, ss, ref_io);
  return MPS_RES_OK;
}
