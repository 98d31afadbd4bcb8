/* boards.h -- memory for the boards of a trace
 *
 * While a trace runs, segments need boards just when no other memory may be
 * left.  So boards have address space of their own, set aside with the
 * arena and taken from the system page by page: from its start upwards while
 * the trace runs, and all of it again once the last board is gone.
 *
 * It isn't part of what is committed, and has a limit of its own instead: a
 * part of that.
 *
 * Design: .boards.reserve, .boards.limit, .boards.reset (design/boards.rst).
 */

#ifndef BOARDS_H
#define BOARDS_H

#include "../arena/space.h"

#define BOARDS_SIG ((Sig)0x42726473) /* "Brds" */

/* The boards of a trace take at most this part of what is committed, and a
 * little more, so that small heaps do well too. */
#define BOARDS_PART 16
#define BOARDS_FLOOR ((Size)1 << 20)

typedef struct Boards {
  Sig sig;
  const Space *space;
  Addr base; /* of the store, whole pages */
  Size size;
  Size used;     /* bytes from base on */
  Count count;   /* of boards that weren't given back */
  Count refused; /* requests, ever */
  Size limit;    /* never more than this, whatever is committed */
} Boards;

/* MPS_RES_RESOURCE if there is no address space even for BOARDS_FLOOR. */
MOSTLY_INTERN Res boards_init(Boards *boards, const Space *space);
/* All boards were given back. */
MOSTLY_INTERN void boards_finish(Boards *boards);
MOSTLY_INTERN bool boards_check(const Boards *boards);

/* Memory for a board, aligned for a word; NULL if that would exceed the
 * limit.  The contents are undefined. */
MOSTLY_INTERN void *boards_alloc(Boards *boards, Size size);
/* Give one back.  With the last one the store is empty. */
MOSTLY_INTERN void boards_free(Boards *boards);

#endif /* BOARDS_H */
