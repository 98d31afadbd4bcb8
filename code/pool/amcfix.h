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

/* For which there is no room (amcseg.c). */
MOSTLY_INTERN void amc_fix_refill(Seg *seg, mps_addr_t *ref_io, Addr end);
/* The same for an object that is longer, or shorter, than nearly all are. */
MOSTLY_INTERN void amc_fix_copy_any(const Format *format, Addr client,
                                    Addr block, Size size);

/* A word in a register of its own, where the compiler would like to take two
 * at once.  A copy is mostly scanned at once, word by word, and processors
 * are slow to hand on the halves of what was written as a whole
 * (.critical.copy). */
static inline void amc_copy_word(char *to, const char *from)
{
  Word word;

  memcpy(&word, from, sizeof word);
  __asm__("" : "+r"(word));
  memcpy(to, &word, sizeof word);
}

/* Most objects are a few words long: copy words at either end, which may
 * overlap, so that it takes no loop.  False for other sizes. */
static inline __attribute__((always_inline)) bool
amc_copy_words(Addr to, Addr from, Size size)
{
  char *t = (char *)to;
  const char *f = (const char *)from;

  if (LIKELY(size - 16 <= 16)) {
    amc_copy_word(t, f);
    amc_copy_word(t + 8, f + 8);
    amc_copy_word(t + size - 16, f + size - 16);
    amc_copy_word(t + size - 8, f + size - 8);
    return true;
  }
  if (UNLIKELY(size - 32 > 32))
    return false;
  memcpy(t, f, 32);
  memcpy(t + size - 32, f + size - 32, 32);
  return true;
}

/* Copy the object to a block, leave a forwarding marker, and update the
 * reference. */
static inline __attribute__((always_inline)) void
amc_fix_copy(const Format *format, mps_addr_t *ref_io, Addr client, Addr end,
             Addr block)
{
  Addr target = addr_add(block, format->header);

  *ref_io = target;
  if (LIKELY(amc_copy_words(block, addr_sub(client, format->header),
                            addr_diff(client, end))))
    format->fwd(client, target);
  else
    amc_fix_copy_any(format, client, block, addr_diff(client, end));
}

/* If the object was copied before, update the reference. */
static inline __attribute__((always_inline)) bool
amc_fix_forwarded(const Seg *seg, mps_addr_t *ref_io, Addr client)
{
  mps_addr_t target = seg->format->isfwd(client);

  if (target == NULL)
    return false;
  *ref_io = target;
  return true;
}

/* amc_fix_move -- copy an object that ends at end, where the cursor is or to
 * a new segment */
static inline __attribute__((always_inline)) void
amc_fix_move(Seg *seg, mps_addr_t *ref_io, Addr client, Addr end)
{
  Cursor *cursor = &seg->pgen->cursor;
  Addr block = cursor->init;

  /* What is left is always less than a large object (.amc.inv.large), so
   * that one gets a segment of its own. */
  if (UNLIKELY(addr_diff(client, end) > addr_diff(block, cursor->limit))) {
    amc_fix_refill(seg, ref_io, end);
    return;
  }
  cursor->init = addr_add(block, addr_diff(client, end));
  amc_fix_copy(seg->format, ref_io, client, end, block);
}

/* amc_fix_exact -- an exact reference to an object in a mobile segment:
 * preserve it, and update *ref_io
 *
 * On the critical path.  What the reference was is handed on as a value: the
 * client's methods could change it in memory, for all that the compiler
 * knows.  The scan state is done with before the first of them is called, so
 * that no register is kept for it. */

static inline __attribute__((always_inline)) void
amc_fix_exact(Seg *seg, ScanState *ss, mps_addr_t *ref_io, Addr client)
{
  ASSERT_HOT(addr_is_aligned(client, size_log2(seg->format->align)));
  ss->ss._seen |= seg->pgen->forward_set;
  if (!amc_fix_forwarded(seg, ref_io, client))
    amc_fix_move(seg, ref_io, client, seg->format->skip(client));
}

#endif /* AMCFIX_H */
