/* scan.c -- the state of one scan
 *
 * Design: .scan.state, .scan.seen (design/scan.rst).
 */

#include "scan.h"

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
  ss->segs = arena->space.seg;
  ss->was_marked = true;
  ss->scanned = 0;
  ss->is_waiting = false;
  ss->has_slots = false;
  ss->fix = NULL;
  ss->sig = SCAN_SIG;
  ASSERT(scan_check(ss));
}

bool scan_check(const ScanState *ss)
{
  CHECK(ss != NULL);
  CHECK(ss->sig == SCAN_SIG);
  CHECK(ss->arena->sig == ARENA_SIG);
  /* What isn't a trace may look for something else. */
  CHECK(ss->ss._kind == ss->arena->space.kind || ss->fix != NULL);
  return true;
}

RefSet scan_take_refset(ScanState *ss)
{
  RefSet seen = (ss->ss._seen | ss->arena->stayed) & ~REFSET_NOT_GENS;

  ss->ss._seen = REFSET_EMPTY;
  return seen;
}

void scan_prefetch(const ScanState *ss, Addr base, Addr limit)
{
  const Word *word = (const Word *)(const void *)base;
  const Word *end = (const Word *)(const void *)limit;
  const unsigned char *kind = ss->ss._kind;
  Word origin = ss->ss._base;
  Word count = ss->ss._count;
  Shift shift = (Shift)ss->ss._shift;

  for (; word < end; ++word) {
    Index i = (*word - origin) >> shift;

    if (i < count && kind[i] == KIND_WHITE)
      __builtin_prefetch((const void *)*word, 1, 2);
  }
}
