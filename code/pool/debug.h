/* debug.h -- fences around blocks, and a pattern in what is free
 *
 * For pool classes that find out when a client writes outside its blocks.
 * A fence on both sides of each block shows whether it wrote beyond its
 * ends; a pattern in the free memory, whether it wrote to what it has freed.
 * Either is looked at when the memory changes hands, and when the client
 * asks for it.
 *
 * A class may use the pattern alone: debug_take, debug_fill, debug_check.
 *
 * Design: .debug.fence, .debug.pattern (design/debug.rst).
 */

#ifndef DEBUG_H
#define DEBUG_H

#include "pool.h"

#define DEBUG_SIG ((Sig)0x44656275) /* "Debu" */

/* A block with fences. */
typedef struct DebugBlock {
  Addr base; /* as the client knows it */
  Size size; /* as the client asked for */
  Word priority;
  struct DebugBlock *below; /* the tree is by address */
  struct DebugBlock *above;
} DebugBlock;

typedef struct Debug {
  Sig sig;
  Pool *pool;
  const unsigned char *fence; /* the client's; it keeps them alive */
  Size fence_size;
  Size room; /* bytes on each side of a block: a multiple of the alignment */
  const unsigned char *pattern;
  Size pattern_size; /* zero: there is none */
  DebugBlock *blocks;
  /* Call visit for all that is free in the pool; set by the class. */
  void (*each_free)(Pool *pool, void (*visit)(void *p, Addr base, Addr limit),
                    void *p);
} Debug;

/* For a class's init, when the pool's alignment is known: take the options,
 * for which there are defaults, and hang the record onto the pool.  False if
 * they break a rule, which has been reported. */
MOSTLY_INTERN bool debug_take(Debug *debug, Pool *pool, mps_arg_s *args);
/* For a class's finish: look at the fences for the last time. */
MOSTLY_INTERN void debug_finish(Debug *debug);
MOSTLY_INTERN bool debug_is_valid(const Debug *debug);

/* What a block of size bytes takes with its fences. */
MOSTLY_INTERN Size debug_outer(const Debug *debug, Size size);
/* Put fences into a new block at base, of debug_outer bytes; the client gets
 * what is between them.  Codes as of ctl_alloc. */
MOSTLY_INTERN Res debug_add(Addr *client_out, Debug *debug, Addr base,
                            Size size);
/* The client frees what has fences: look at them and forget the block.  False
 * if that is reported as wrong.  With no fences *base_out is the client's. */
MOSTLY_INTERN bool debug_remove(Addr *base_out, Size *size_out, Debug *debug,
                                Addr client, Size size);

/* Memory becomes free; it's about to be used. */
MOSTLY_INTERN void debug_fill(const Debug *debug, Addr base, Addr limit);
MOSTLY_INTERN void debug_check(const Debug *debug, Addr base, Addr limit);

/* The client asks. */
MOSTLY_INTERN void debug_check_fences(const Debug *debug);
MOSTLY_INTERN void debug_check_free(const Debug *debug);

#endif /* DEBUG_H */
