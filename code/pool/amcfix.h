/* amcfix.h -- the critical path of mostly copying
 *
 * What happens to a reference to condemned memory in nearly every case,
 * in line for the second stage of fix, which knows this class by name.
 * Nothing global is touched: the only memory written is the object, its
 * copy, the cursor and the reference.
 *
 * Design: .critical, .amc (design/critical.rst, design/amc.rst).
 */

#ifndef AMCFIX_H
#define AMCFIX_H

#include "amc.h"

#include "../heap/scan.h"

#include <string.h>

/* Objects up to this many bytes are copied in line, word by word. */
#define AMC_COPY_INLINE 128

/* The cases that aren't in line (amcseg.c). */
MOSTLY_INTERN void amc_fix_rare(Seg *seg, ScanState *ss, mps_addr_t *ref_io);
MOSTLY_INTERN void amc_fix_refill(Seg *seg, ScanState *ss, mps_addr_t *ref_io,
                                  Addr end);

static inline void amc_copy_words(Addr to, Addr from, Size size)
{
  char *t = (char *)to;
  const char *f = (const char *)from;

  if (LIKELY(size <= AMC_COPY_INLINE && size_is_aligned(size, sizeof(Word))))
    for (Size i = 0; i < size; i += sizeof(Word))
      memcpy(t + i, f + i, sizeof(Word));
  else
    memcpy(t, f, size);
}

/* Copy the object to a block, leave a forwarding marker, and update the
 * reference. */
static inline void amc_fix_copy(Seg *seg, ScanState *ss, mps_addr_t *ref_io,
                                Addr end, Addr block)
{
  const Format *format = seg->format;
  Addr client = *ref_io;
  Addr target = addr_add(block, format->header);

  ss->was_marked = false;
  ss->ss._seen |= seg->pgen->forward_set;
  *ref_io = target;
  amc_copy_words(block, addr_sub(client, format->header),
                 addr_diff(client, end));
  format->fwd(client, target);
}

/* If the object was copied before, update the reference. */
static inline bool amc_fix_forwarded(const Seg *seg, ScanState *ss,
                                     mps_addr_t *ref_io)
{
  mps_addr_t target = seg->format->isfwd(*ref_io);

  if (target == NULL)
    return false;
  *ref_io = target;
  ss->ss._seen |= seg->pgen->forward_set;
  return true;
}

/* amc_fix -- preserve what *ref_io refers to, and update *ref_io
 *
 * On the critical path. */

static inline void amc_fix(Seg *seg, ScanState *ss, mps_addr_t *ref_io)
{
  Cursor *cursor = &seg->pgen->cursor;
  Addr block;
  Addr end;

  if (UNLIKELY(ss->rank != RANK_EXACT || seg->is_nailed || ss->fix != NULL)) {
    amc_fix_rare(seg, ss, ref_io);
    return;
  }
  ASSERT_HOT(addr_is_aligned(*ref_io, size_log2(seg->format->align)));
  if (amc_fix_forwarded(seg, ss, ref_io))
    return;
  end = seg->format->skip(*ref_io);
  block = cursor->init;
  /* What is left is always less than a large object (.amc.inv.large), so
   * that one gets a segment of its own. */
  if (UNLIKELY(addr_diff(*ref_io, end) > addr_diff(block, cursor->limit))) {
    amc_fix_refill(seg, ss, ref_io, end);
    return;
  }
  cursor->init = addr_add(block, addr_diff(*ref_io, end));
  amc_fix_copy(seg, ss, ref_io, end, block);
}

#endif /* AMCFIX_H */
