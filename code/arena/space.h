/* space.h -- the address space of one arena
 *
 * One large span of addresses is reserved when the arena is made.  It is
 * divided into grains, the unit of allocation, and into units of 2 MiB, in
 * which it becomes usable.  Clients see reserved memory grow in chunks
 * inside the span.
 *
 * A grain of a chunk is in one of three states:
 *
 *   used    allocated; in memory
 *   spare   free, but still in memory, to be used again without the cost
 *           of a first touch
 *   clean   free and not in memory
 *
 * The grain map says for each grain of the span which segment it belongs
 * to and, in one byte, which generation (.space.map).
 *
 * Design: .space.span, .space.map, .space.unit (design/space.rst).
 */

#ifndef SPACE_H
#define SPACE_H

#include "event.h"

#define SPACE_SIG ((Sig)0x53706163) /* "Spac" */
#define SPACE_CHUNKS_MAX 512

/* What the byte of a grain says. */
#define KIND_NONE 0 /* free, or memory that isn't collected */
#define KIND_GEN_MAX (KIND_WHITE - 1) /* 1 to this: a generation's id */
#define KIND_WHITE _MPS_KIND_WHITE    /* condemned by the running trace */

struct Seg;

/* Which end of a chunk an allocation prefers.  Segments that may be
 * protected keep to one end, so that protections coalesce and the rest is
 * never protected (.space.ends). */
typedef enum SpaceEnd {
  SPACE_LOW,
  SPACE_HIGH
} SpaceEnd;

typedef struct Chunk {
  Index first; /* unit */
  Count count; /* units */
  Index low;   /* no unit of the chunk below this one has a free grain */
  Index high;  /* nor has any at or above this one */
} Chunk;

typedef void (*SpaceHook)(void *closure, void *base, size_t size);

typedef struct Space {
  Sig sig;
  Shift shift; /* log2 of grain */
  Size grain;
  Size unit; /* bytes in which address space becomes usable */
  Addr base; /* of the span, a whole number of units */
  Size span;
  Count unit_grains;
  Count grains; /* in the span */

  /* Tables over the span, taken from the system as they are touched. */
  Addr tables;
  Size tables_size;
  unsigned char *kind;       /* a grain: what it is (.space.map) */
  struct Seg **seg;          /* a grain: its segment or NULL */
  Word *used;                /* a bit for a grain */
  Word *dirty;               /* a bit for a grain: used or spare */
  uint32_t *unit_free;       /* a unit: free grains */
  uint32_t *unit_room;       /* a unit: no free run is longer than this */
  unsigned char *unit_state; /* a unit: UNIT_ below */
  uint32_t *unit_watched;    /* a unit: for the barrier, watched segments */
  unsigned char *unit_armed; /* a unit: has pages that are armed in vain */
  unsigned char *unit_spare; /* a unit: may have spare grains */
  unsigned char *still;      /* a grain: nothing in it ever moves */

  Chunk chunks[SPACE_CHUNKS_MAX]; /* in address order */
  Count chunk_count;
  Size chunk_size; /* bytes by which to grow at least */

  Size reserved;      /* bytes in chunks */
  Size overhead;      /* bytes of committed that are in no grain */
  Size used_size;     /* bytes of used grains */
  Size spare_size;    /* bytes of spare grains */
  Size committed_max; /* the most that was committed at one time */
  Size commit_limit;
  Size live;    /* bytes that the last full collection left in use */
  double spare; /* fraction of committed that may be spare */

  bool is_lent;  /* the memory is the client's (.space.lent) */
  Count foreign; /* grains in units of chunks, but not in the space */

  EventRing *events; /* the owner's, or NULL */

  SpaceHook extended; /* called for each chunk that comes and goes */
  SpaceHook contracted;
  void *closure;
} Space;

/* A huge unit comes into memory as a whole (.space.huge). */
enum {
  UNIT_NONE,
  UNIT_RESERVED,
  UNIT_MAPPED,
  UNIT_HUGE
};

/* What a client may choose about a space; see space_init. */
typedef struct SpaceParams {
  Addr lent;  /* memory of the client's, or NULL */
  Size size;  /* bytes in it, or in the first chunk */
  Size grain; /* a power of two */
  Size commit_limit;
  Size overhead; /* bytes that the owner counts as committed */
  double spare;
  EventRing *events; /* or NULL */
  SpaceHook extended;
  SpaceHook contracted;
  void *closure;
} SpaceParams;

/* MPS_RES_RESOURCE if not even params->size can be reserved;
 * MPS_RES_COMMIT_LIMIT if the limit is below the overhead; MPS_RES_MEMORY if
 * the client's memory is too small. */
MOSTLY_INTERN Res space_init(Space *space, const SpaceParams *params);
MOSTLY_INTERN void space_finish(Space *space);
MOSTLY_INTERN bool space_check(const Space *space);

/* Add memory to a space whose memory is the client's.  MPS_RES_MEMORY: it
 * holds no whole grain; MPS_RES_PARAM: some of it is in the space already;
 * MPS_RES_RESOURCE: it is too far away, or there are too many chunks. */
MOSTLY_INTERN Res space_lend(Space *space, Addr base, Size size);

/* Take a run of grains, or give one back.  MPS_RES_RESOURCE: no such room;
 * MPS_RES_COMMIT_LIMIT: the limit forbids it, even with all spare memory
 * given up; MPS_RES_MEMORY: the system refuses.  The memory's contents are
 * undefined.  Freeing clears the grains' map entries and can't fail. */
MOSTLY_INTERN Res space_alloc(Addr *base_out, Space *space, Count grains,
                              SpaceEnd end);
MOSTLY_INTERN void space_free(Space *space, Addr base, Count grains);

/* After a collection of everything: what is used now will stay a while. */
MOSTLY_INTERN void space_note_live(Space *space);

/* Give back what exceeds the spare fraction, and chunks of which nothing is
 * left.  With a fraction above zero, keep bytes may stay all the same: the
 * caller knows that they are needed again at once (.space.keep).  About
 * most bytes go in one call; true if no more are left to go. */
MOSTLY_INTERN bool space_trim(Space *space, Size keep, Size most);
/* Give back at least want bytes of spare memory, if there are as many. */
MOSTLY_INTERN void space_purge(Space *space, Size want);
/* MPS_RES_FAIL if the limit can't be kept, and then nothing changes. */
MOSTLY_INTERN Res space_set_limit(Space *space, Size limit);

static inline Size space_committed(const Space *space)
{
  return space->overhead + space->used_size + space->spare_size;
}

/* Bytes that the limit, and what the client has lent, allow still to be used,
 * spare memory included. */
static inline Size space_room(const Space *space)
{
  Size room = space->commit_limit - space->overhead;

  if (space->is_lent)
    room = size_min(room, space->reserved);
  return room - space->used_size;
}

/* Tell that the commit limit forbids so many bytes, now or as a reserve;
 * returns MPS_RES_COMMIT_LIMIT, or MPS_RES_RESOURCE where it isn't the limit
 * that does. */
MOSTLY_INTERN Res space_refuse(const Space *space, Size wanted);

static inline Count space_to_grains(const Space *space, Size size)
{
  return (size >> space->shift) + ((size & (space->grain - 1)) != 0);
}

/* The grain of an address; at least space->grains if it is elsewhere. */
static inline Index space_index(const Space *space, Addr addr)
{
  return ((Word)addr - (Word)space->base) >> space->shift;
}

static inline struct Seg *space_seg(const Space *space, Addr addr)
{
  Index i = space_index(space, addr);

  return i < space->grains ? space->seg[i] : NULL;
}

/* Is the address in memory that is allocated from this space? */
MOSTLY_INTERN bool space_has_addr(const Space *space, Addr addr);

/* Write the map entries of a run. */
MOSTLY_INTERN void space_map_seg(Space *space, Addr base, Addr limit,
                                 struct Seg *seg, unsigned char kind);
MOSTLY_INTERN void space_map_still(Space *space, Addr base, Addr limit);
MOSTLY_INTERN void space_map_kind(Space *space, Addr base, Addr limit,
                                  unsigned char kind);

#endif /* SPACE_H */
