/* sac.h -- segregated allocation caches: freed blocks kept by size
 *
 * A cache keeps blocks of a pool, in a list for each of a few sizes, so that
 * most allocations and frees touch nothing but the head of a list.  The client
 * serialises uses of a cache; what asks the pool needs the arena's lock too.
 *
 * Design: .sac.lists (design/sac.rst).
 */

#ifndef SAC_H
#define SAC_H

#include "../heap/heap.h"

#define SAC_SIG ((Sig)0x53616320) /* "Sac " */
#define SAC_CLASSES_MAX 64

/* In the first word of a cached block. */
typedef struct SacBlock {
  struct SacBlock *next;
} SacBlock;

typedef struct SacClass {
  Size size;        /* of a block */
  Count most;       /* blocks to keep */
  Count count;      /* that are kept */
  SacBlock *blocks; /* the last one freed first */
} SacClass;

typedef struct mps_sac_s {
  Sig sig;
  Pool *pool;
  Count count;
  SacClass classes[]; /* by size */
} Sac;

/* The sizes increase. */
MOSTLY_INTERN Res sac_create(Sac **sac_out, Pool *pool, Count count,
                             const mps_sac_class_s *classes);
MOSTLY_INTERN void sac_destroy(Sac *sac);
MOSTLY_INTERN bool sac_check(const Sac *sac);
/* Give every block back to the pool. */
MOSTLY_INTERN void sac_flush(Sac *sac);

/* The class of the least block that holds size bytes, or NULL. */
static inline SacClass *sac_class(Sac *sac, Size size)
{
  for (Index i = 0; i < sac->count; ++i)
    if (size <= sac->classes[i].size)
      return &sac->classes[i];
  return NULL;
}

/* Take a block that is there, or keep one if there is room; without the
 * lock. */

static inline SacBlock *sac_take(SacClass *class)
{
  SacBlock *block = class->blocks;

  if (block != NULL) {
    class->blocks = block->next;
    --class->count;
  }
  return block;
}

static inline bool sac_keep(SacClass *class, Addr base)
{
  SacBlock *block = (SacBlock *)base;

  if (class->count == class->most)
    return false;
  block->next = class->blocks;
  class->blocks = block;
  ++class->count;
  return true;
}

/* Get some more blocks for a class that has none left, where the pool has
 * them at once. */
MOSTLY_INTERN void sac_stock(Sac *sac, SacClass *class);
/* Make room for a block in a class that is full, and put it there; a class
 * that keeps nothing gives it to the pool. */
MOSTLY_INTERN void sac_empty(Sac *sac, SacClass *class, Addr base);

#endif /* SAC_H */
