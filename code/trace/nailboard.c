/* nailboard.c -- the pinned grains of one segment
 *
 * Design: .nail.board (design/nailboard.rst).
 */

#include "nailboard.h"

#include <string.h>


/* Sizes and positions */

static Count nailboard_grains(const Nailboard *board)
{
  return addr_diff(board->base, board->limit) >> board->grain_shift;
}

static Count nailboard_words_for(Count bits)
{
  return (bits + WORD_BITS - 1) / WORD_BITS;
}

/* How many levels it takes until one word summarises everything. */

static Count nailboard_levels_for(Count grains)
{
  Count levels = 1;

  for (Count words = nailboard_words_for(grains); words > 1;
       words = nailboard_words_for(words))
    ++levels;
  return levels;
}

static Index nailboard_grain(const Nailboard *board, Addr addr)
{
  return addr_diff(board->base, addr) >> board->grain_shift;
}

static bool nailboard_covers(const Nailboard *board, Addr base, Addr limit)
{
  return board->base <= base && base < limit && limit <= board->limit;
}

/* nailboard_mask -- the bits of word w for bits first to last, both in */

static Word nailboard_mask(Index w, Index first, Index last)
{
  Word mask = WORD_ONES;

  /* Both trims apply when the range starts and ends in one word.  An
   * inclusive last keeps each shift below WORD_BITS, so a range that
   * ends on a word boundary is not a special case (.nail.board.last). */
  if (w == first / WORD_BITS)
    mask &= WORD_ONES << (first % WORD_BITS);
  if (w == last / WORD_BITS)
    mask &= WORD_ONES >> (WORD_BITS - 1 - last % WORD_BITS);
  return mask;
}


/* Lifetime */

/* One function sizes a board, for whoever allocates the store and for
 * whoever frees it, so that the two can't disagree. */

Size nailboard_size(Size range_bytes, Shift grain_shift)
{
  Count bits = range_bytes >> grain_shift;
  Size size = sizeof(Nailboard);

  do {
    bits = nailboard_words_for(bits);
    size += sizeof(Word *) + bits * sizeof(Word);
  } while (bits > 1);
  return size;
}

Nailboard *nailboard_init(void *store, Addr base, Addr limit,
                          Shift grain_shift)
{
  Nailboard *board = store;

  ASSERT(store != NULL);
  ASSERT(base < limit);

  Size size = nailboard_size(addr_diff(base, limit), grain_shift);
  memset(store, 0, size);
  board->grain_shift = grain_shift;
  board->base = base;
  board->limit = limit;
  board->open = limit;
  board->fresh_base = limit;
  board->fresh_limit = limit;
  board->level_count = nailboard_levels_for(nailboard_grains(board));

  Word *words = (Word *)(void *)(board->level + board->level_count);
  Count bits = nailboard_grains(board);
  for (Index i = 0; i < board->level_count; ++i) {
    board->level[i] = words;
    bits = nailboard_words_for(bits);
    words += bits;
  }
  ASSERT((char *)words == (char *)store + size);

  board->sig = NAILBOARD_SIG; /* last, so a half-made board is invalid */
  ASSERT(nailboard_check(board));
  return board;
}

void nailboard_finish(Nailboard *board)
{
  ASSERT(nailboard_check(board));
  board->sig = SIG_NONE;
}

/* nailboard_check_level -- die unless one level agrees with the next
 *
 * last is the last bit of the level that stands for anything.  It reads
 * every word, so it runs in harsh builds only.
 */

static bool nailboard_check_level(const Nailboard *board, Index i, Index last)
{
  const Word *words = board->level[i];
  Index top = last / WORD_BITS;

  /* .nail.inv.tail: no bit is set for a grain past the last. */
  CHECK((words[top] & ~nailboard_mask(top, 0, last)) == 0);

  if (i + 1 == board->level_count) {
    CHECK(top == 0);
    return true;
  }

  /* .nail.inv.level: a bit of the level above is set if and only if its
   * word here is not zero. */
  for (Index w = 0; w <= top; ++w) {
    Word bit = board->level[i + 1][w / WORD_BITS] >> (w % WORD_BITS) & 1;
    CHECK((bit != 0) == (words[w] != 0));
  }
  return true;
}

/* nailboard_check -- die unless the board keeps its invariants
 *
 * The first part takes constant time, and runs wherever a board comes in.
 */

bool nailboard_check(const Nailboard *board)
{
  CHECK(board != NULL);
  CHECK(board->sig == NAILBOARD_SIG);
  CHECK(board->base < board->limit);
  CHECK(addr_is_aligned(board->base, board->grain_shift));
  CHECK(addr_is_aligned(board->limit, board->grain_shift));
  CHECK(board->base <= board->fresh_base);
  CHECK(board->fresh_base <= board->fresh_limit);
  CHECK(board->fresh_limit <= board->limit);
  CHECK(board->level_count > 0);
  CHECK(board->level[0] == (const void *)(board->level + board->level_count));

  if (CHECK_DEEP) {
    Index last = nailboard_grains(board) - 1;

    for (Index i = 0; i < board->level_count; ++i) {
      CHECK(nailboard_check_level(board, i, last));
      last /= WORD_BITS;
    }
  }
  return true;
}


/* Use */

/* nailboard_set -- set the bits first to last of one level
 *
 * Returns true if any of them was clear. */

static bool nailboard_set(Word *words, Index first, Index last)
{
  Word changed = 0;

  for (Index w = first / WORD_BITS; w <= last / WORD_BITS; ++w) {
    Word mask = nailboard_mask(w, first, last);

    changed |= mask & ~words[w];
    words[w] |= mask;
  }
  return changed != 0;
}

/* nailboard_note_fresh -- widen the range of new nails by first to last */

static void nailboard_note_fresh(Nailboard *board, Index first, Index last)
{
  Addr base = addr_add(board->base, first << board->grain_shift);
  Addr limit = addr_add(board->base, (last + 1) << board->grain_shift);
  bool is_first = board->fresh_base == board->fresh_limit;

  if (is_first || base < board->fresh_base)
    board->fresh_base = base;
  if (is_first || limit > board->fresh_limit)
    board->fresh_limit = limit;
}

/* nailboard_nail_range -- nail each grain that [base, limit) touches
 *
 * Returns true if that drove in a nail that was not there before, in
 * which case the segment must be scanned once more (.nail.board.fresh).
 *
 * This is on the critical path: it runs for every ambiguous reference
 * into a condemned segment.  Such a reference nails one grain, so each
 * loop body runs once; longer ranges come from buffers.
 */

bool nailboard_nail_range(Nailboard *board, Addr base, Addr limit)
{
  ASSERT_HOT(nailboard_check(board));
  ASSERT_HOT(nailboard_covers(board, base, limit));

  /* A grain is touched if any byte of it is in the range, so the last
   * one is the grain of limit - 1.  The grain of limit itself would be
   * one too many whenever limit is aligned (.nail.board.last). */
  Index first = nailboard_grain(board, base);
  Index last = nailboard_grain(board, addr_sub(limit, 1));

  if (!nailboard_set(board->level[0], first, last))
    return false;
  nailboard_note_fresh(board, first, last);

  /* Every word that was written is not zero now, so .nail.inv.level asks
   * for its bit one level up.  A level in which nothing changed had all
   * its words in use before, so the levels above it are right already:
   * most nails climb no further than one step. */
  for (Index i = 1; i < board->level_count; ++i) {
    first /= WORD_BITS;
    last /= WORD_BITS;
    if (!nailboard_set(board->level[i], first, last))
      break;
  }
  return true;
}

/* nailboard_pull -- clear the bits *first_io to *last_io of one level
 *
 * Afterwards the two say which words are empty now, and have been looked
 * at: bits of the next level.  False if there are none. */

static bool nailboard_pull(Word *words, Index *first_io, Index *last_io)
{
  Index first = *first_io / WORD_BITS;
  Index last = *last_io / WORD_BITS;

  for (Index w = first; w <= last; ++w)
    words[w] &= ~nailboard_mask(w, *first_io, *last_io);
  /* Only the outer words can have bits left. */
  *first_io = words[first] == 0 ? first : first + 1;
  *last_io = last;
  if (words[last] != 0) {
    if (last == 0)
      return false;
    --*last_io;
  }
  return *first_io <= *last_io;
}

void nailboard_pull_range(Nailboard *board, Addr base, Addr limit)
{
  ASSERT_HOT(nailboard_check(board));
  ASSERT_HOT(nailboard_covers(board, base, limit));

  Index first = nailboard_grain(board, base);
  Index last = nailboard_grain(board, addr_sub(limit, 1));

  for (Index i = 0; i < board->level_count; ++i)
    if (!nailboard_pull(board->level[i], &first, &last))
      break;
}

/* nailboard_is_nailed -- is any grain that [base, limit) touches nailed?
 *
 * Also critical: it runs for every object in a nailed segment.  Objects
 * are small, so the range nearly always lies in one word or two, and the
 * search goes from the bottom up (.nail.board.up).
 */

bool nailboard_is_nailed(const Nailboard *board, Addr base, Addr limit)
{
  ASSERT_HOT(nailboard_check(board));
  ASSERT_HOT(nailboard_covers(board, base, limit));

  Index first = nailboard_grain(board, base);
  Index last = nailboard_grain(board, addr_sub(limit, 1));

  /* The highest level has one word, so the loop ends there at the latest:
   * within the table, since first and last are in it on every level. */
  for (Index i = 0;; ++i) {
    const Word *words = board->level[i];
    Index w_first = first / WORD_BITS;
    Index w_last = last / WORD_BITS;

    if (words[w_first] & nailboard_mask(w_first, first, last))
      return true;
    if (w_first == w_last)
      return false;
    if (words[w_last] & nailboard_mask(w_last, first, last))
      return true;

    /* What remains is the whole words between the two, and one bit of
     * the next level stands for each of them. */
    if (w_first + 1 == w_last)
      return false;
    first = w_first + 1;
    last = w_last - 1;
  }
}

/* nailboard_next_nail -- find the first nailed grain from an address on
 *
 * It climbs while the rest of the word is clear, and once something is
 * set it goes down again by the lowest set bits.
 */

bool nailboard_next_nail(Addr *grain_out, const Nailboard *board, Addr from)
{
  ASSERT_HOT(nailboard_check(board));
  ASSERT_HOT(board->base <= from && from <= board->limit);

  Index bit = nailboard_grain(board, from);
  Count bits = nailboard_grains(board);
  Word live = 0;
  Index i = 0;

  for (;; ++i) {
    if (i == board->level_count || bit >= bits)
      return false;
    live = board->level[i][bit / WORD_BITS] & WORD_ONES << (bit % WORD_BITS);
    if (live != 0)
      break;
    bit = bit / WORD_BITS + 1; /* the next word is the next bit above */
    bits = nailboard_words_for(bits);
  }

  bit = bit / WORD_BITS * WORD_BITS + (Index)__builtin_ctzll(live);
  for (; i > 0; --i)
    bit = bit * WORD_BITS + (Index)__builtin_ctzll(board->level[i - 1][bit]);
  *grain_out = addr_add(board->base, bit << board->grain_shift);
  return true;
}

bool nailboard_has_fresh(const Nailboard *board)
{
  ASSERT_HOT(nailboard_check(board));
  return board->fresh_base < board->fresh_limit;
}

void nailboard_clear_fresh(Nailboard *board)
{
  ASSERT_HOT(nailboard_check(board));
  board->fresh_base = board->limit;
  board->fresh_limit = board->limit;
}

bool nailboard_take_fresh(Addr *base_out, Addr *limit_out, Nailboard *board)
{
  *base_out = board->fresh_base;
  *limit_out = board->fresh_limit;
  nailboard_clear_fresh(board);
  return *base_out < *limit_out;
}
