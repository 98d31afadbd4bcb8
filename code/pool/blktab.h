/* blktab.h -- which blocks of a region are free, and which belong together
 *
 * Two bits a block say its state, in two planes: for each 64 blocks there is
 * a word of low bits and, beside it, a word of high bits, so that searching,
 * sweeping and counting go 64 blocks at a time.
 *
 *            low high
 *   free      0   0
 *   head      1   0    begins an object
 *   tail      0   1    goes on with one
 *   mark      1   1    a head that a collection has found alive
 *
 * A table knows nothing of memory, locks or arenas: blocks are numbers, and
 * the caller says where the table's words are to be.
 *
 * Design: .blk.tab, .blk.tab.inv.pad (design/blk.rst).
 */

#ifndef BLKTAB_H
#define BLKTAB_H

#include "../base/base.h"

#define BLKTAB_SIG ((Sig)0x426C6B54) /* "BlkT" */

/* No block. */
#define BLK_NONE (~(Index)0)

/* Classes of sizes, each of which has a hint: 1 to 8 blocks, then by powers
 * of two, from 9, 17, 33, ... on. */
#define BLKTAB_CLASSES 16

/* Words whose longest free run has one summary. */
#define BLKTAB_GROUP 16

/* Planes of one bit a block beside the two; only the bits of heads count. */
enum {
  BLKTAB_FINAL,
  BLKTAB_LEAF,
  BLKTAB_WEAK,
  BLKTAB_PLANES
};

typedef struct BlkTab {
  Sig sig;
  Count blocks;
  Count words; /* of 64 blocks each */
  Word *pairs; /* low and high word by turns */
  Word *dirty; /* a bit a word: a head in it is marked, but not scanned */
  Word *plane[BLKTAB_PLANES];   /* or NULL */
  bool has_bits[BLKTAB_PLANES]; /* else the plane is all zero */
  /* By group: no free run that starts in it is longer.  Exact, a failed
   * search's bound, or BLKTAB_RUN_MAX (.blk.tab.runs). */
  uint16_t *runs;
  Word near;                   /* .blk.tab.inv.near: zero, or the free */
  Index near_base;             /* blocks from hints[0] to its word's end */
  Word pad;                    /* bits of the last word that are no blocks */
  Index top;                   /* all words from here on are free */
  Index hints[BLKTAB_CLASSES]; /* .blk.tab.inv.hint */
  Count used;                  /* blocks of objects */
  Count objects;
} BlkTab;

/* Planes are given as a set of bits, 1 << BLKTAB_FINAL and so on. */
#define BLKTAB_HAS(planes, plane) (((planes) >> (plane)&1) != 0)

/* The bytes that a table needs, a multiple of a word's. */
MOSTLY_INTERN Size blktab_size(Count blocks, unsigned planes);
/* The most blocks of so many bytes that have room with their table. */
MOSTLY_INTERN Count blktab_fit(Size size, Size block, unsigned planes);
/* All free.  The store is the caller's, aligned to a word, and lasts as long
 * as the table.  At least one block. */
MOSTLY_INTERN void blktab_init(BlkTab *tab, void *store, Count blocks,
                               unsigned planes);
MOSTLY_INTERN void blktab_finish(BlkTab *tab);
/* More blocks, in a store that lies above the old one, and may overlap it. */
MOSTLY_INTERN void blktab_grow(BlkTab *tab, void *store, Count blocks);
MOSTLY_INTERN bool blktab_check(const BlkTab *tab);
/* The same in every variety, with a look at each block. */
MOSTLY_INTERN bool blktab_check_all(const BlkTab *tab);
MOSTLY_INTERN void blktab_check_run(const BlkTab *tab, Index first,
                                    Index limit);

static inline Word blktab_low(const BlkTab *tab, Index w)
{
  return tab->pairs[2 * w];
}

static inline Word blktab_high(const BlkTab *tab, Index w)
{
  return tab->pairs[2 * w + 1];
}

static inline Word blktab_bit(Index block)
{
  return (Word)1 << (block % WORD_BITS);
}

/* The blocks of a word that are free, or tails. */
static inline Word blktab_free_bits(const BlkTab *tab, Index w)
{
  return ~(blktab_low(tab, w) | blktab_high(tab, w));
}

static inline Word blktab_tail_bits(const BlkTab *tab, Index w)
{
  return blktab_high(tab, w) & ~blktab_low(tab, w);
}

typedef enum BlkState {
  BLK_FREE,
  BLK_HEAD,
  BLK_TAIL,
  BLK_MARK
} BlkState;

static inline BlkState blktab_state(const BlkTab *tab, Index block)
{
  Index w = block / WORD_BITS;
  Word low = blktab_low(tab, w) >> (block % WORD_BITS) & 1;
  Word high = blktab_high(tab, w) >> (block % WORD_BITS) & 1;

  return (BlkState)(low | high << 1);
}

static inline bool blktab_is_head(const BlkTab *tab, Index block)
{
  return (blktab_low(tab, block / WORD_BITS) & blktab_bit(block)) != 0;
}

/* The blocks of the object that begins at a block. */
MOSTLY_INTERN Count blktab_length_far(const BlkTab *tab, Index head);

static inline Count blktab_length(const BlkTab *tab, Index head)
{
  Index next = head + 1;
  Word others = ~blktab_tail_bits(tab, head / WORD_BITS) >> (next % WORD_BITS);

  if (LIKELY(next % WORD_BITS != 0 && others != 0)) {
    Count tails = (Count)__builtin_ctzll(others);

    if (LIKELY(tails < WORD_BITS - next % WORD_BITS))
      return 1 + tails;
  }
  return blktab_length_far(tab, head);
}

/* The head of the object that a block belongs to, or BLK_NONE. */
MOSTLY_INTERN Index blktab_head(const BlkTab *tab, Index block);

/* Make an object of the first free run that is long enough; BLK_NONE if
 * there is none. */
MOSTLY_INTERN Index blktab_alloc(BlkTab *tab, Count count);
/* Blocks up to limit are used that were free; a free run may begin there. */
MOSTLY_INTERN void blktab_note_used(BlkTab *tab, Index first, Index limit);

/* blktab_alloc_near -- an object of one block in the word where the last one
 * was found; false where the rest of it has one block or none
 *
 * Its last free block is left to blktab_alloc, so that nothing here is the
 * end of a word, or of a group.  Something else is in use then, as what
 * frees anything forgets the word.
 *
 * On the critical path: it's what most allocations are. */

static inline bool blktab_alloc_near(Index *head_out, BlkTab *tab)
{
  Word near = tab->near;
  Word rest = near & (near - 1);
  Index head;

  if (UNLIKELY(rest == 0))
    return false;
  head = tab->near_base + (Index)__builtin_ctzll(near);
  ASSERT_HOT(tab->objects > 0);
  tab->near = rest;
  tab->pairs[2 * (tab->near_base / WORD_BITS)] |= near & -near;
  tab->hints[0] = head + 1;
  ++tab->used;
  ++tab->objects;
  *head_out = head;
  return true;
}

/* Is it sure that there is none? */
MOSTLY_INTERN bool blktab_is_hopeless(const BlkTab *tab, Count count);
/* Free an object; returns its blocks. */
MOSTLY_INTERN Count blktab_free(BlkTab *tab, Index head);
/* Give it another length in place; false if what follows isn't free. */
MOSTLY_INTERN bool blktab_resize(BlkTab *tab, Index head, Count count);
/* The same, where its present length is known: finding that takes a while
 * for a large object. */
MOSTLY_INTERN bool blktab_resize_from(BlkTab *tab, Index head, Count old,
                                      Count count);

static inline bool blktab_has(const BlkTab *tab, unsigned plane, Index head)
{
  const Word *bits = tab->plane[plane];

  return bits != NULL && (bits[head / WORD_BITS] & blktab_bit(head)) != 0;
}

static inline void blktab_put(BlkTab *tab, unsigned plane, Index head, bool is)
{
  Word *bits = tab->plane[plane];

  if (bits == NULL)
    return;
  if (is) {
    bits[head / WORD_BITS] |= blktab_bit(head);
    tab->has_bits[plane] = true;
  } else {
    bits[head / WORD_BITS] &= ~blktab_bit(head);
  }
}

/* The first unmarked head at or after a block that is in a plane; BLK_NONE
 * if there is none, or no plane. */
MOSTLY_INTERN Index blktab_next_dead(const BlkTab *tab, unsigned plane,
                                     Index from);

/* Free every object that isn't marked, and unmark the others; returns how
 * many it freed.  visit, unless it's NULL, is told of the blocks that become
 * free, as bits of a word. */
typedef void (*BlkFreed)(void *closure, Index word, Word bits);
MOSTLY_INTERN Count blktab_sweep(BlkTab *tab, BlkFreed visit, void *closure);

/* The blocks of marked objects. */
MOSTLY_INTERN Count blktab_marked(const BlkTab *tab);

/* Where the object or the free run at a block ends. */
MOSTLY_INTERN Index blktab_end(const BlkTab *tab, Index block);

/* blksearch.c.  Blocks from first to limit have become free. */
MOSTLY_INTERN void blktab_note_free(BlkTab *tab, Index first, Index limit);
/* Nothing is known. */
MOSTLY_INTERN void blktab_forget(BlkTab *tab);
/* The first free run of count blocks; the hints follow it. */
MOSTLY_INTERN Index blktab_find(BlkTab *tab, Count count);

#endif /* BLKTAB_H */
