/* ephs.h -- ephemerons of which it isn't known yet whether they live
 *
 * A pair waits for its key: when the running trace preserves the key, the
 * value is preserved too.  Pairs are found by the address that the key had
 * when the trace began, so that all of them together cost in proportion to
 * their number.
 *
 * Design: .ephs.wait, .ephs.note (design/ephs.rst).
 */

#ifndef EPHS_H
#define EPHS_H

#include "../heap/heap.h"

typedef struct EphPair {
  struct EphPair *next;
  Addr key;
  Addr value;
} EphPair;

typedef struct EphBlock EphBlock;

typedef struct Ephs {
  EphBlock *blocks;  /* of pairs; all go when the dead are known */
  Count left;        /* pairs to be had of the first of them */
  EphPair **buckets; /* or NULL */
  Shift shift;       /* there are 2 to the power of this */
  Count waiting;     /* pairs in them */
  EphPair *ready;    /* pairs whose key was preserved */
  Index swept;       /* buckets of which the keys were asked for */
  bool is_stirred;   /* and something has happened since that began */
} Ephs;

/* Should key be preserved, preserve value.  False if there is no memory to
 * remember that: then the value must be preserved now. */
MOSTLY_INTERN bool ephs_wait(Arena *arena, Ephs *ephs, Addr key, Addr value);

/* A segment with has_keys has preserved the object that had this address
 * when the trace began. */
MOSTLY_INTERN void ephs_note(Ephs *ephs, Addr key);

/* When nothing is grey: a part of what is to be done.  False if all that
 * lives has been found.  Otherwise there may be something grey again. */
MOSTLY_INTERN bool ephs_step(Arena *arena, struct Trace *trace);

/* Something was preserved in other ways: look at the keys once more. */
static inline void ephs_stir(Ephs *ephs)
{
  ephs->is_stirred = true;
}

/* The dead are known. */
MOSTLY_INTERN void ephs_finish(Arena *arena, Ephs *ephs);

/* Is it certain that the object lives, as far as the trace has come?  An
 * address that isn't condemned counts as alive. */
MOSTLY_INTERN bool ephs_is_live(const Arena *arena, mps_addr_t ref);

#endif /* EPHS_H */
