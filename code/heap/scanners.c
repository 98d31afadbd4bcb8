/* scanners.c -- the area scanners of the interface
 *
 * Each is a loop over the words of an area, written with the client's own
 * macros.  A word is written back only when its reference changed, because
 * the area may be protected, shared, or constant.
 *
 * On the critical path.
 *
 * Design: .interface.scan, .interface.scan.area (design/interface.rst).
 */

#include "../base/base.h"
#include "scan.h"

/* A word of an area, whatever type the client gave it. */
typedef Word __attribute__((may_alias)) ScannersWord;

/* A stack is scanned with all that the address sanitizer put between its
 * variables, and frames that it thinks are over. */
#define SCANNERS_ANY __attribute__((no_sanitize_address))

/* The second stage gets a copy of the word, as it may not look at a stack
 * (SCANNERS_ANY); a walk over the roots gets the word itself, if it has no
 * tag, and tells the client where it is. */
static inline bool scanners_has_slots(mps_ss_t ss)
{
  return scan_of_ss(ss)->has_slots;
}

/* Fix a word whose tag bits are those of mask, and put them back. */
#define SCANNERS_FIX(ss, p, word, mask) \
  do { \
    mps_addr_t ref_ = (mps_addr_t)((word) & ~(mask)); \
    if (MPS_FIX1(ss, ref_)) { \
      bool is_slot_ = has_slots && ((word) & (mask)) == 0; \
      mps_addr_t *slot_ = is_slot_ ? (mps_addr_t *)(void *)(p) : &ref_; \
      mps_res_t res_ = MPS_FIX2(ss, slot_); \
      if (res_ != MPS_RES_OK) \
        return res_; \
      if (!is_slot_ && (Word)ref_ != ((word) & ~(mask))) \
        *(p) = (Word)ref_ | ((word) & (mask)); \
    } \
  } while (0)

SCANNERS_ANY
mps_res_t mps_scan_area(mps_ss_t ss, void *base, void *limit, void *closure)
{
  const bool has_slots = scanners_has_slots(ss);

  MPS_SCAN_BEGIN(ss)
  {
    for (ScannersWord *p = base; p < (ScannersWord *)limit; ++p)
      SCANNERS_FIX(ss, p, *p, (Word)0);
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

SCANNERS_ANY
mps_res_t mps_scan_area_masked(mps_ss_t ss, void *base, void *limit,
                               void *closure)
{
  const bool has_slots = scanners_has_slots(ss);
  const Word mask = ((mps_scan_tag_t)closure)->mask;

  MPS_SCAN_BEGIN(ss)
  {
    for (ScannersWord *p = base; p < (ScannersWord *)limit; ++p)
      SCANNERS_FIX(ss, p, *p, mask);
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

SCANNERS_ANY
mps_res_t mps_scan_area_tagged(mps_ss_t ss, void *base, void *limit,
                               void *closure)
{
  const bool has_slots = scanners_has_slots(ss);
  const Word mask = ((mps_scan_tag_t)closure)->mask;
  const Word pattern = ((mps_scan_tag_t)closure)->pattern;

  MPS_SCAN_BEGIN(ss)
  {
    for (ScannersWord *p = base; p < (ScannersWord *)limit; ++p)
      if ((*p & mask) == pattern)
        SCANNERS_FIX(ss, p, *p, mask);
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

SCANNERS_ANY
mps_res_t mps_scan_area_tagged_or_zero(mps_ss_t ss, void *base, void *limit,
                                       void *closure)
{
  const bool has_slots = scanners_has_slots(ss);
  const Word mask = ((mps_scan_tag_t)closure)->mask;
  const Word pattern = ((mps_scan_tag_t)closure)->pattern;

  MPS_SCAN_BEGIN(ss)
  {
    for (ScannersWord *p = base; p < (ScannersWord *)limit; ++p)
      if ((*p & mask) == pattern || (*p & mask) == 0)
        SCANNERS_FIX(ss, p, *p, mask);
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}
