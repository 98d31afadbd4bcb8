/* ctl.h -- memory for the library's own records
 *
 * Small blocks come from slabs by size class, large ones are runs of
 * grains.  The caller says the size when it frees.  Freed small blocks are
 * kept for the same class.
 *
 * Design: .ctl.slab, .ctl.free (design/ctl.rst).
 */

#ifndef CTL_H
#define CTL_H

#include "space.h"

#define CTL_SIG ((Sig)0x43746C20) /* "Ctl " */
#define CTL_STEP ((Size)16)
/* Blocks of whole cache lines start on one. */
#define CTL_LINE ((Size)64)
#define CTL_SMALL_MAX ((Size)1024)
#define CTL_CLASSES (CTL_SMALL_MAX / CTL_STEP)

typedef struct CtlBlock {
  struct CtlBlock *next;
} CtlBlock;

/* The head of a slab; its blocks follow. */
typedef struct CtlSlab {
  struct CtlSlab *next;
  Count grains;
} CtlSlab;

typedef struct Ctl {
  Sig sig;
  Space *space;
  CtlBlock *free[CTL_CLASSES]; /* free[i]: blocks of (i + 1) steps */
  CtlSlab *slabs;
  Size in_use; /* bytes that callers hold, as they asked for them */
} Ctl;

MOSTLY_INTERN void ctl_init(Ctl *ctl, Space *space);
MOSTLY_INTERN void ctl_finish(Ctl *ctl);
MOSTLY_INTERN bool ctl_check(const Ctl *ctl);

/* The block is aligned for any record and its contents are undefined.
 * Codes as of space_alloc. */
MOSTLY_INTERN Res ctl_alloc(void *block_out, Ctl *ctl, Size size);
/* Can't fail, and takes no memory. */
MOSTLY_INTERN void ctl_free(Ctl *ctl, void *block, Size size);

#endif /* CTL_H */
