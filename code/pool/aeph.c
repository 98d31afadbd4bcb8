/* aeph.c -- the ephemeron pool class, and pairs
 *
 * A scan method of the client's hands pairs in.  What becomes of one depends
 * on how its object is scanned: while the dead aren't known, the pair may
 * have to wait; when they are, both of its references become null, or none.
 *
 * Design: .ephs.pair (design/ephs.rst).
 */

#include "markseg.h"

#include "../heap/scan.h"
#include "../heap/seg.h"
#include "../include/mpscawl.h"
#include "../trace/ephs.h"
#include "../trace/trace.h"

static Res aeph_init(Pool *pool, mps_arg_s *args)
{
  return markpool_init(pool, args,
                       REFSET_KIND(RANK_EXACT) | REFSET_KIND(RANK_WEAK)
                           | REFSET_KIND(RANK_EPHEMERON));
}

MARKPOOL_CLASS(aeph_class, "AEPH", aeph_init, true);

mps_pool_class_t mps_class_aeph(void)
{
  return (mps_pool_class_t)&aeph_class;
}


/* Pairs */

typedef enum PairKind {
  PAIR_KEY, /* lives with the key */
  PAIR_OR,  /* with either */
  PAIR_AND  /* with both */
} PairKind;

static Res pair_fix(ScanState *ss, mps_addr_t *key_io, mps_addr_t *value_io)
{
  Res res = MPS_RES_OK;

  MPS_SCAN_BEGIN(&ss->ss)
  {
    res = MPS_FIX12(&ss->ss, key_io);
    if (res == MPS_RES_OK)
      res = MPS_FIX12(&ss->ss, value_io);
  }
  MPS_SCAN_END(&ss->ss);
  return res;
}

static bool pair_is_live(PairKind kind, bool is_key, bool is_value)
{
  switch (kind) {
  case PAIR_KEY:
    return is_key;
  case PAIR_OR:
    return is_key || is_value;
  case PAIR_AND:
    return is_key && is_value;
  }
  ASSERT(!"a pair of a known kind");
  return true;
}

/* pair_wait -- remember what is to be preserved when something else is;
 * false if there is no memory for that */

static bool pair_wait(ScanState *ss, PairKind kind, Addr key, Addr value)
{
  Ephs *ephs = &ss->trace->ephs;

  ss->is_waiting = true;
  if (kind == PAIR_AND)
    return true;
  if (!ephs_wait(ss->arena, ephs, key, value))
    return false;
  return kind != PAIR_OR || ephs_wait(ss->arena, ephs, value, key);
}

static Res pair_meet(ScanState *ss, PairKind kind, mps_addr_t *key_io,
                     mps_addr_t *value_io)
{
  bool is_live;

  /* Exact, ambiguous, or not by a trace: two references like any others. */
  if (ss->fix != NULL || (ss->rank != RANK_EPHEMERON && ss->rank != RANK_WEAK))
    return pair_fix(ss, key_io, value_io);
  is_live = pair_is_live(kind, ephs_is_live(ss->arena, *key_io),
                         ephs_is_live(ss->arena, *value_io));
  if (is_live
      || (ss->rank == RANK_EPHEMERON
          && !pair_wait(ss, kind, *key_io, *value_io)))
    return pair_fix(ss, key_io, value_io);
  if (ss->rank == RANK_WEAK) {
    *key_io = NULL;
    *value_io = NULL;
  }
  return MPS_RES_OK;
}

#define PAIR_REQUIRE(ss, key_io, value_io, function) \
  (REQUIRE((ss) != NULL && scan_of_ss(ss)->sig == SCAN_SIG, \
           #function ": ss must be what the scan method was given") \
   && REQUIRE((key_io) != NULL, #function ": key_io must not be null") \
   && REQUIRE((value_io) != NULL, #function ": value_io must not be null"))

mps_res_t mps_fix_weak_pair(mps_ss_t ss, mps_addr_t base, mps_addr_t *key_io,
                            mps_addr_t *value_io)
{
  if (!PAIR_REQUIRE(ss, key_io, value_io, mps_fix_weak_pair))
    return MPS_RES_PARAM;
  return pair_meet(scan_of_ss(ss), PAIR_KEY, key_io, value_io);
}

mps_res_t mps_fix_weak_or_pair(mps_ss_t ss, mps_addr_t base,
                               mps_addr_t *key_io, mps_addr_t *value_io)
{
  if (!PAIR_REQUIRE(ss, key_io, value_io, mps_fix_weak_or_pair))
    return MPS_RES_PARAM;
  return pair_meet(scan_of_ss(ss), PAIR_OR, key_io, value_io);
}

mps_res_t mps_fix_weak_and_pair(mps_ss_t ss, mps_addr_t base,
                                mps_addr_t *key_io, mps_addr_t *value_io)
{
  if (!PAIR_REQUIRE(ss, key_io, value_io, mps_fix_weak_and_pair))
    return MPS_RES_PARAM;
  return pair_meet(scan_of_ss(ss), PAIR_AND, key_io, value_io);
}
