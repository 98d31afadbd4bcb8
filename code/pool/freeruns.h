/* freeruns.h -- which parts of a pool's memory are free
 *
 * The memory comes in tiles of some 32 KiB.  In each, a bit for a granule,
 * the pool's alignment, says whether it is used; these bits are the truth.
 * A sum over each cache line of bits, each tile and each subtree of tiles
 * says how long the free runs are, so that the first one that is long
 * enough, from either end of the memory, is found in logarithmic time.  A
 * run may go on from one tile into the next.
 *
 * The sums may lag behind the bits: who uses or frees memory only notes
 * which tiles are stale, and a search brings up to date what it needs.
 * Nothing is written into the free memory, and freeing takes none.
 *
 * Design: .runs.bits, .runs.lag (design/mvff.rst).
 */

#ifndef FREERUNS_H
#define FREERUNS_H

#include "../base/bits.h"
#include "../base/ring.h"

#define RUNS_SIG ((Sig)0x52756E73) /* "Runs" */
/* Granules with one sum: a cache line of bits. */
#define RUNS_LINE ((Count)512)

/* Free runs in [base, limit), in bytes: the one at the beginning, the one at
 * the end, and the longest. */
typedef struct RunSum {
  Addr base;
  Addr limit;
  Size first;
  Size last;
  Size longest;
} RunSum;

/* The same for a line, in granules. */
typedef struct RunLine {
  uint16_t first;
  uint16_t last;
  uint16_t longest;
  bool is_stale;
} RunLine;

/* The owner's record of a tile ends with this. */
typedef struct RunTile {
  RunSum own;
  RunSum all; /* of the subtree */
  struct RunTile *left;
  struct RunTile *right;
  struct RunTile *parent;
  Ring stale;  /* runs->stale, while some line is */
  Count count; /* granules */
  Count free;  /* of them; never stale */
  RunLine *line;
  Word used[]; /* a bit for a granule; the lines follow */
} RunTile;

typedef struct Runs {
  Sig sig;
  Shift shift; /* log2 of a granule */
  RunTile *root;
  Ring stale;
  Count free; /* granules; never stale */
} Runs;

/* Which of the runs that are long enough, and which part of it. */
typedef struct RunsWay {
  bool from_high; /* the last in address order, not the first */
  bool at_high;   /* its end, not its beginning */
} RunsWay;

MOSTLY_INTERN void runs_init(Runs *runs, Shift shift);
MOSTLY_INTERN bool runs_check(const Runs *runs);

/* Bytes of a tile's record behind the owner's part. */
MOSTLY_INTERN Size runs_tile_size(Count granules);
/* Add memory, all free; it overlaps with none that is there. */
MOSTLY_INTERN void runs_add(Runs *runs, RunTile *tile, Addr base,
                            Count granules);
/* Take a tile out, all of which is free. */
MOSTLY_INTERN void runs_remove(Runs *runs, RunTile *tile);
/* At the end: take any tile out, free or not, as long as there is one.  The
 * sums don't hold any more, so nothing else may follow. */
MOSTLY_INTERN RunTile *runs_dismiss(Runs *runs);
/* The tile of an address, or NULL. */
MOSTLY_INTERN RunTile *runs_tile(const Runs *runs, Addr addr);
/* In address order; NULL at the end. */
MOSTLY_INTERN RunTile *runs_first(const Runs *runs);
MOSTLY_INTERN RunTile *runs_next(const RunTile *tile);

/* Is all of [base, base + size) memory of ours and used (or free)?  The tile
 * is that of base, and both are multiples of a granule. */
MOSTLY_INTERN bool runs_is_used(const Runs *runs, const RunTile *tile,
                                Addr base, Size size);
MOSTLY_INTERN bool runs_is_free(const Runs *runs, const RunTile *tile,
                                Addr base, Size size);
/* It is free: use it.  It is used: free it. */
MOSTLY_INTERN void runs_use(Runs *runs, RunTile *tile, Addr base, Size size);
MOSTLY_INTERN void runs_free(Runs *runs, RunTile *tile, Addr base, Size size);

/* Find size free bytes.  Nothing is used yet.  False: there are none. */
MOSTLY_INTERN bool runs_find(RunTile **tile_out, Addr *base_out, Runs *runs,
                             Size size, RunsWay way);
/* The longest free run; false if nothing is free. */
MOSTLY_INTERN bool runs_find_longest(RunTile **tile_out, Addr *base_out,
                                     Size *size_out, Runs *runs);
/* Use count granules, at most WORD_BITS, close to one that is known: at it or
 * a little above, or with is_below, ending at it or a little below.  Looks
 * at a few words only.  False: there are none. */
MOSTLY_INTERN bool runs_use_near(Addr *base_out, Runs *runs, RunTile *tile,
                                 Addr near, Count count, bool is_below);

/* The bits of a short range, at most WORD_BITS long, in two words of which the
 * upper may be left alone. */
static inline Word runs_mask(Count count)
{
  return WORD_ONES >> (WORD_BITS - count);
}

static inline Word runs_mask_upper(Index shift, Count count)
{
  return shift + count > WORD_BITS ? runs_mask(count) >> (WORD_BITS - shift)
                                   : 0;
}

MOSTLY_INTERN void runs_note(Runs *runs, RunTile *tile, Index first,
                             Index last);

static inline void runs_note_short(Runs *runs, RunTile *tile, Index i,
                                   Count count)
{
  if (UNLIKELY(!tile->line[i / RUNS_LINE].is_stale
               || !tile->line[(i + count - 1) / RUNS_LINE].is_stale))
    runs_note(runs, tile, i, i + count - 1);
}

/* Use, or free, a range of a tile that is at most WORD_BITS long; false, and
 * nothing changes, if it isn't, or if it isn't all free (used). */
static inline bool runs_use_short(Runs *runs, RunTile *tile, Index i,
                                  Count count)
{
  Index shift = i % WORD_BITS;
  Word *word = &tile->used[i / WORD_BITS];
  Word lower;
  Word upper;

  if (UNLIKELY(count > WORD_BITS || i + count > tile->count))
    return false;
  lower = runs_mask(count) << shift;
  upper = runs_mask_upper(shift, count);
  if ((word[0] & lower) != 0 || (upper != 0 && (word[1] & upper) != 0))
    return false;
  word[0] |= lower;
  if (upper != 0)
    word[1] |= upper;
  tile->free -= count;
  runs->free -= count;
  runs_note_short(runs, tile, i, count);
  return true;
}

static inline bool runs_free_short(Runs *runs, RunTile *tile, Index i,
                                   Count count)
{
  Index shift = i % WORD_BITS;
  Word *word = &tile->used[i / WORD_BITS];
  Word lower;
  Word upper;

  if (UNLIKELY(count > WORD_BITS || i + count > tile->count))
    return false;
  lower = runs_mask(count) << shift;
  upper = runs_mask_upper(shift, count);
  if ((word[0] & lower) != lower || (upper != 0 && (word[1] & upper) != upper))
    return false;
  word[0] &= ~lower;
  if (upper != 0)
    word[1] &= ~upper;
  tile->free += count;
  runs->free += count;
  runs_note_short(runs, tile, i, count);
  return true;
}

static inline Index runs_index(const Runs *runs, const RunTile *tile,
                               Addr addr)
{
  return addr_diff(tile->own.base, addr) >> runs->shift;
}

static inline Addr runs_addr(const Runs *runs, const RunTile *tile, Index i)
{
  return addr_add(tile->own.base, i << runs->shift);
}

/* The same from the address at, for what is in one word of bits of a line that
 * is stale already; false also if it isn't.  mask is runs_mask(count), and the
 * tile has whole words of bits.  What is used may begin at its end. */
static inline bool runs_use_word(Runs *runs, RunTile *tile, Addr at,
                                 Count count, Word mask)
{
  Index i = runs_index(runs, tile, at);
  Index shift = i % WORD_BITS;
  Word *word = &tile->used[i / WORD_BITS];

  if (UNLIKELY(i >= tile->count || shift + count > WORD_BITS))
    return false;
  mask <<= shift;
  if (UNLIKELY((*word & mask) != 0 || !tile->line[i / RUNS_LINE].is_stale))
    return false;
  *word |= mask;
  tile->free -= count;
  runs->free -= count;
  return true;
}

static inline bool runs_free_word(Runs *runs, RunTile *tile, Addr at,
                                  Count count, Word mask)
{
  Index i = runs_index(runs, tile, at);
  Index shift = i % WORD_BITS;
  Word *word = &tile->used[i / WORD_BITS];

  Word used;

  ASSERT_HOT(tile->count % WORD_BITS == 0 && i < tile->count);
  if (UNLIKELY(shift + count > WORD_BITS))
    return false;
  mask <<= shift;
  used = *word ^ mask;
  if (UNLIKELY((used & mask) != 0 || !tile->line[i / RUNS_LINE].is_stale))
    return false;
  *word = used;
  tile->free += count;
  runs->free += count;
  return true;
}

/* Call visit for each free run of each tile. */
MOSTLY_INTERN void runs_each(const Runs *runs,
                             void (*visit)(void *p, Addr base, Addr limit),
                             void *p);

#endif /* FREERUNS_H */
