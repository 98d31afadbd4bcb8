/* amcfix.h -- the critical path of mostly copying
 *
 * What happens to a reference to condemned memory in nearly every case,
 * in line for the second stage of fix, which knows this class by name.
 * Nothing global is touched: the only memory written is the object, its
 * copy, the cursor and the reference.
 *
 * Design: .critical.reference, .fix (design/critical.rst,
 * design/amc-fix.rst).
 */

#ifndef AMCFIX_H
#define AMCFIX_H

#include "amc.h"

#include "../heap/scan.h"

#include <string.h>

/* Objects up to this many bytes are copied in line, word by word. */
#define AMC_COPY_INLINE 128

/* For which there is no room (amcseg.c). */
MOSTLY_INTERN void amc_fix_refill(Seg *seg, ScanState *ss, mps_addr_t *ref_io,
                                  Addr end);

/* Most objects are a few words long, and of few lengths. */
static inline void amc_copy_words(Addr to, Addr from, Size size)
{
  char *t = (char *)to;
  const char *f = (const char *)from;

  if (UNLIKELY(size > AMC_COPY_INLINE || !size_is_aligned(size, 8))) {
    memcpy(t, f, size);
    return;
  }
  if ((size & 8) != 0) {
    memcpy(t, f, 8);
    t += 8;
    f += 8;
  }
  for (size &= ~(Size)15; size != 0; size -= 16) {
    memcpy(t, f, 16);
    t += 16;
    f += 16;
  }
}

/* Copy the object to a block, leave a forwarding marker, and update the
 * reference. */
static inline __attribute__((always_inline)) void
amc_fix_copy(const Seg *seg, ScanState *ss, mps_addr_t *ref_io, Addr end,
             Addr block)
{
  const Format *format = seg->format;
  Addr client = *ref_io;
  Addr target = addr_add(block, format->header);

  ss->ss._seen |= seg->pgen->forward_set;
  *ref_io = target;
  amc_copy_words(block, addr_sub(client, format->header),
                 addr_diff(client, end));
  format->fwd(client, target);
}

/* If the object was copied before, update the reference. */
static inline __attribute__((always_inline)) bool
amc_fix_forwarded(const Seg *seg, ScanState *ss, mps_addr_t *ref_io)
{
  mps_addr_t target = seg->format->isfwd(*ref_io);

  if (target == NULL)
    return false;
  *ref_io = target;
  ss->ss._seen |= seg->pgen->forward_set;
  return true;
}

/* amc_fix_move -- copy an object that ends at end, where the cursor is or to
 * a new segment */
static inline __attribute__((always_inline)) void
amc_fix_move(Seg *seg, ScanState *ss, mps_addr_t *ref_io, Addr end)
{
  Cursor *cursor = &seg->pgen->cursor;
  Addr client = *ref_io;
  Addr block = cursor->init;

  /* What is left is always less than a large object (.amc.inv.large), so
   * that one gets a segment of its own. */
  if (UNLIKELY(addr_diff(client, end) > addr_diff(block, cursor->limit))) {
    amc_fix_refill(seg, ss, ref_io, end);
    return;
  }
  cursor->init = addr_add(block, addr_diff(client, end));
  amc_fix_copy(seg, ss, ref_io, end, block);
}

/* amc_fix_exact -- an exact reference to an object in a mobile segment:
 * preserve it, and update *ref_io
 *
 * On the critical path. */

static inline __attribute__((always_inline)) void
amc_fix_exact(Seg *seg, ScanState *ss, mps_addr_t *ref_io)
{
  Addr client = *ref_io;

  ASSERT_HOT(addr_is_aligned(client, size_log2(seg->format->align)));
  if (!amc_fix_forwarded(seg, ss, ref_io))
    amc_fix_move(seg, ss, ref_io, seg->format->skip(client));
}

#endif /* AMCFIX_H */
