/* nailboard.h -- the pinned grains of one segment
 *
 * A nailboard remembers which grains of a segment an ambiguous
 * reference may point into, so that a copying pool can leave the
 * objects on them in place and move the rest.  Over the bit of each
 * grain it keeps smaller and smaller tables that summarise the one
 * below, so that a question about a range costs a few words, however
 * long the range is.
 *
 * A board has no lock.  Whoever traces the segment is its only user.
 *
 * Design: .nail.board (design/nailboard.rst).
 */

#ifndef NAILBOARD_H
#define NAILBOARD_H

#include "../base/base.h"

#define NAILBOARD_SIG ((Sig)0x4E61696C) /* "Nail" */

typedef struct Nailboard {
  Sig sig;           /* NAILBOARD_SIG from init to finish */
  Shift grain_shift; /* log2 of the bytes in a grain */
  Addr base;         /* the segment: [base, limit), whole grains */
  Addr limit;
  Addr open; /* at and above, a buffer was filling the segment; or limit */
  Addr fresh_base;  /* nails that were driven in since the last clearing lie */
  Addr fresh_limit; /* between these, whole grains; none when equal */
  Count level_count;   /* at least one; the highest has one word */
  bool is_resolved;    /* are its nails starts of objects? (.nail.resolve) */
  unsigned char notes; /* the pool's, zero at first */
  Word *level[];       /* level[0] has a bit for each grain, and level[i + 1]
                        one for each word of level[i] (.nail.inv.level) */
} Nailboard;

/* Lifetime.  The caller owns the store, which is aligned for a word, holds
 * as many bytes as nailboard_size says and outlives the board.  The board
 * is made inside it, so init can't fail (.nail.req.store). */
MOSTLY_INTERN Size nailboard_size(Size range_bytes, Shift grain_shift);
MOSTLY_INTERN Nailboard *nailboard_init(void *store, Addr base, Addr limit,
                                        Shift grain_shift);
MOSTLY_INTERN void nailboard_finish(Nailboard *board);
MOSTLY_INTERN bool nailboard_check(const Nailboard *board);

/* Use.  All ranges are addresses of memory, from the base of a block to
 * its limit: for objects with a header that is below the address that the
 * client knows (.nail.board.block).  No range is empty, and none leaves the
 * segment.  Nails are pulled out for one reason only: what they pin is
 * known by then, and noted otherwise (.nail.board.monotonic). */

/* True if the nail is new in any grain that the range touches. */
MOSTLY_INTERN bool nailboard_nail_range(Nailboard *board, Addr base,
                                        Addr limit);
MOSTLY_INTERN void nailboard_pull_range(Nailboard *board, Addr base,
                                        Addr limit);
MOSTLY_INTERN bool nailboard_is_nailed(const Nailboard *board, Addr base,
                                       Addr limit);
/* The same of one grain. */
static inline bool nailboard_has(const Nailboard *board, Addr addr)
{
  Index grain = addr_diff(board->base, addr) >> board->grain_shift;

  ASSERT_HOT(board->base <= addr && addr < board->limit);
  return (board->level[0][grain / WORD_BITS] >> (grain % WORD_BITS) & 1) != 0;
}

/* The base of the first nailed grain at or above that of from, or false if
 * there is none; from may be the limit of the segment. */
MOSTLY_INTERN bool nailboard_next_nail(Addr *grain_out, const Nailboard *board,
                                       Addr from);
/* Whether a nail was new since the board was made or last cleared. */
MOSTLY_INTERN bool nailboard_has_fresh(const Nailboard *board);
MOSTLY_INTERN void nailboard_clear_fresh(Nailboard *board);
/* The shortest range that new nails lie in, and clears it; or false. */
MOSTLY_INTERN bool nailboard_take_fresh(Addr *base_out, Addr *limit_out,
                                        Nailboard *board);

#endif /* NAILBOARD_H */
