/* blkmark.h -- finding the living objects among blocks
 *
 * What a word may refer to goes through three places.  A short ring holds
 * candidates while the memory that says what they are is being fetched; the
 * mark stack holds objects that are marked and still to be scanned; and
 * where the stack is full, an object is left pending: marked, with a note of
 * where to look for it.
 *
 * Design: .blk.mark (design/blk.rst).
 */

#ifndef BLKMARK_H
#define BLKMARK_H

#include "blktab.h"

#define BLKMARK_RING 16
#define BLKMARK_PENDING 16
#define BLKMARK_BUCKETS 256
#define BLKMARK_AREAS 128

/* Blocks in one piece of memory, and their table. */
typedef struct BlkArea {
  Word base;
  Size size; /* bytes, whole blocks */
  /* Something names a block of it that isn't a marked object's, or may, for
   * all that the marking under way knows (.blk.named). */
  bool is_named;
  BlkTab tab;
} BlkArea;

/* Objects of one word of a table, exactly. */
typedef struct BlkPending {
  BlkArea *area; /* NULL while it is empty */
  Index word;
  Word heads;
} BlkPending;

typedef struct BlkCandidate {
  BlkArea *area;
  Index block;
} BlkCandidate;

typedef struct BlkMark {
  /* All areas, by address; what lies outside [low, low + span) is none. */
  BlkArea *areas[BLKMARK_AREAS];
  Count count;
  Word low;
  Size span;
  Shift shift;        /* log2 of the bytes in a block */
  Shift bucket_shift; /* log2 of the bytes that one of these is for: */
  unsigned char buckets[BLKMARK_BUCKETS]; /* the first area that reaches it */
  bool is_interior;
  bool has_layouts; /* the last word of an object is one */

  Word *stack; /* addresses of heads */
  Count depth;
  Count limit;
  BlkCandidate ring[BLKMARK_RING];
  Count ring_first;
  Count ring_count;
  BlkPending pending[BLKMARK_PENDING];
  bool is_pending; /* some object is, in there or in a table's dirty bits */

  /* Words in [other_low, other_low + other_span) that are no blocks of ours
   * are told to other. */
  Word other_low;
  Size other_span;
  void (*other)(struct BlkMark *mark, Word word);
  void *closure;
  /* NULL, or told of each object that is marked (.blk.keys). */
  void (*marked)(struct BlkMark *mark, Word object);

  Count visits; /* blocks scanned, counted each time */
  Count passes; /* over pending objects */
} BlkMark;

/* The stack is the caller's, and outlasts the marker.  No area so far. */
MOSTLY_INTERN void blkmark_init(BlkMark *mark, Shift shift, Word *stack,
                                Count limit);
MOSTLY_INTERN bool blkmark_check(const BlkMark *mark);
/* False if there is no room for another area, or it overlaps one. */
MOSTLY_INTERN bool blkmark_add(BlkMark *mark, BlkArea *area);
MOSTLY_INTERN void blkmark_remove(BlkMark *mark, BlkArea *area);
/* The size of an area has changed. */
MOSTLY_INTERN void blkmark_review(BlkMark *mark);

/* The area that an address is in, or NULL. */
MOSTLY_INTERN BlkArea *blkmark_area(const BlkMark *mark, Word addr);

/* Begin: nothing is marked. */
MOSTLY_INTERN void blkmark_begin(BlkMark *mark);
/* One word that may be a reference; nothing is scanned yet.  True if its
 * object wasn't marked before. */
MOSTLY_INTERN bool blkmark_word(BlkMark *mark, Word word);
/* Words that may be references, and all that can be reached from them but
 * for what is left pending. */
MOSTLY_INTERN void blkmark_range(BlkMark *mark, const Word *base, Count count);
/* Scan until nothing is left to scan. */
MOSTLY_INTERN void blkmark_finish(BlkMark *mark);
/* Is there anything left to scan? */
MOSTLY_INTERN bool blkmark_is_done(const BlkMark *mark);

/* Visit the words of an object that may be references. */
typedef void (*BlkRange)(void *closure, const Word *base, const Word *limit);
MOSTLY_INTERN void blkmark_object_words(const BlkMark *mark,
                                        const BlkArea *area, Index head,
                                        BlkRange visit, void *closure);

#endif /* BLKMARK_H */
