/* markseg.h -- segments in which objects stay where they are
 *
 * What the pool classes LO, AMS, AWL and AEPH share.  Beside a segment there
 * are tables with a bit for each block, which is as many bytes as the format's
 * alignment:
 *
 *   taken    in an object, or in what a buffer is filling
 *   starts   where an object begins, as far as that is known
 *   marks    where an object begins that the running trace has preserved
 *   scanned  of these, whose references have been looked at
 *
 * A large object has a segment for itself, as one block.
 *
 * Design: .markseg.tables (design/markseg.rst).
 */

#ifndef MARKSEG_H
#define MARKSEG_H

#include "debug.h"
#include "pool.h"

#define MARKS_SIG ((Sig)0x4D61726B)    /* "Mark" */
#define MARKPOOL_SIG ((Sig)0x4D6B506F) /* "MkPo" */

/* Requests of at least so many bytes have their own segment. */
#define MARKSEG_LARGE ((Size)32768)
/* The longest segment for several objects: bits for it are read in a moment,
 * since in the worst case they are for each object in it. */
#define MARKSEG_MAX ((Size)65536)
/* Free runs are listed by the logarithm of their length, which is less than
 * this. */
#define MARKPOOL_BINS 17

typedef struct Marks {
  Sig sig;
  Shift shift; /* log2 of the bytes of a block; at least */
  Size block;  /* the bytes that one counts for */
  Size tail;   /* the bytes of a large segment that its object can't have */
  Count count; /* of blocks */
  Count taken_count;
  Count fresh_count; /* taken since the segment was condemned last */
  /* While it's white: not condemned, as it is being filled. */
  Index open;
  Index open_limit;
  Index grey;       /* nothing below it is marked and not scanned */
  Index next;       /* where the next fill looks */
  Count longest;    /* no free run from next on is longer */
  bool is_resolved; /* starts are known of all objects */
  Seg *seg;
  Ring bin_link; /* in its pool's list of free runs, or single */
  Size size;     /* bytes of this record */
  Word *starts;
  Word *marks;
  Word *scanned; /* or NULL of leaf objects */
  Word taken[];  /* and the others behind it */
} Marks;

/* Segments with free runs, of one rank. */
typedef struct MarkBins {
  Word used; /* bit i: bins[i] isn't empty */
  Ring bins[MARKPOOL_BINS];
} MarkBins;

typedef struct MarkPool {
  Pool pool; /* first, so that a Pool may be seen as a MarkPool */
  Sig sig;
  bool ignores_ambig; /* no ambiguous reference refers to its objects */
  PoolGen pgen;
  MarkBins *free[RANK_LIMIT]; /* NULL of ranks that its objects don't have */
  mps_awl_find_dependent_t find_dependent;
  Debug debug; /* if the pool has it */
} MarkPool;

static inline MarkPool *markpool_of(Pool *pool)
{
  return (MarkPool *)pool;
}

static inline const MarkPool *markpool_of_const(const Pool *pool)
{
  return (const MarkPool *)pool;
}


/* Segments (markseg.c) */

MOSTLY_INTERN_DATA const SegClass markseg_class;

/* A segment for several objects, of up to want bytes, or for a large one
 * alone. */
MOSTLY_INTERN Res markseg_create(Seg **seg_out, PoolGen *pgen, Rank rank,
                                 Size size, Size want);
MOSTLY_INTERN void markseg_destroy(Seg *seg);
MOSTLY_INTERN bool markseg_check(const Seg *seg);
/* The block that an address is in, and the first one behind it. */
static inline Index markseg_index(const Seg *seg, Addr addr)
{
  return addr_diff(seg->base, addr) >> seg->marks->shift;
}
MOSTLY_INTERN Index markseg_index_up(const Seg *seg, Addr addr);
MOSTLY_INTERN Size markseg_counted(const Marks *m, Size size);
MOSTLY_INTERN Addr markseg_addr(const Seg *seg, Index i);

/* What is free in a segment for several objects. */
MOSTLY_INTERN void
markseg_each_free(const Seg *seg,
                  void (*visit)(void *p, Addr base, Addr limit), void *p);

/* The end of an object, as a block. */
MOSTLY_INTERN Addr markseg_block_end(const Seg *seg, Addr block);
/* The end of a trace (markreclaim.c) */
MOSTLY_INTERN void markseg_reclaim(Seg *seg);


/* Pools (markpool.c) */

/* For a class's init: takes the format, the chain and the generation.  ranks
 * has the bits of those that objects may have. */
MOSTLY_INTERN Res markpool_init(Pool *pool, mps_arg_s *args, Word ranks);
MOSTLY_INTERN void markpool_finish(Pool *pool);
/* Undo init. */
MOSTLY_INTERN void markpool_undo(Pool *pool);
MOSTLY_INTERN bool markpool_check(const Pool *pool);
/* The rank of an allocation point, exact unless the client says so. */
MOSTLY_INTERN Res markpool_buffer_init(Buffer *buffer, mps_arg_s *args);
MOSTLY_INTERN Res markpool_fill(Buffer *buffer, Size size);
MOSTLY_INTERN void markpool_empty(Buffer *buffer);
/* Ramps are counted, and change nothing. */
MOSTLY_INTERN void markpool_ramp_begin(Pool *pool, Buffer *buffer);
MOSTLY_INTERN void markpool_ramp_end(Pool *pool, Buffer *buffer);
MOSTLY_INTERN Size markpool_total_size(const Pool *pool);
MOSTLY_INTERN Size markpool_free_size(const Pool *pool);
MOSTLY_INTERN void markpool_segs(Pool *pool, void (*visit)(Seg *seg, void *p),
                                 void *p);
/* Say where the segment's free runs are to be looked for, or that they
 * aren't. */
MOSTLY_INTERN void markpool_list(Seg *seg);
MOSTLY_INTERN void markpool_unlist(Seg *seg);

/* All of a class but what is its own. */
#define MARKPOOL_CLASS(ident, its_name, its_init, its_ranked) \
  static const PoolClass ident = { \
      .sig = POOL_CLASS_SIG, \
      .name = its_name, \
      .size = sizeof(MarkPool), \
      .is_managed = true, \
      .is_ranked = its_ranked, \
      .init = its_init, \
      .finish = markpool_finish, \
      .buffer_init = markpool_buffer_init, \
      .fill = markpool_fill, \
      .empty = markpool_empty, \
      .alloc = pool_no_alloc, \
      .free = pool_no_free, \
      .ramp_begin = markpool_ramp_begin, \
      .ramp_end = markpool_ramp_end, \
      .pop = pool_no_pop, \
      .condemned = pool_no_condemned, \
      .scanned = pool_no_scanned, \
      .trace_end = pool_no_trace_end, \
      .collected = pool_no_collected, \
      .total_size = markpool_total_size, \
      .free_size = markpool_free_size, \
      .segs = markpool_segs, \
      .check = markpool_check, \
  }

#endif /* MARKSEG_H */
