/* ctl.c -- memory for the library's own records
 *
 * Design: .ctl.slab (design/ctl.rst).
 */

#include "ctl.h"

#include <string.h>

#define CTL_SLAB ((Size)16 << 10) /* bytes in a slab, at least */

void ctl_init(Ctl *ctl, Space *space)
{
  memset(ctl, 0, sizeof *ctl);
  ctl->space = space;
  ctl->sig = CTL_SIG;
  ASSERT(ctl_check(ctl));
}

void ctl_finish(Ctl *ctl)
{
  ASSERT(ctl_check(ctl));
  ASSERT(ctl->in_use == 0); /* .ctl.inv.leak: all was given back */
  while (ctl->slabs != NULL) {
    CtlSlab *slab = ctl->slabs;

    ctl->slabs = slab->next;
    space_free(ctl->space, (Addr)slab, slab->grains);
  }
  ctl->sig = SIG_NONE;
}

bool ctl_check(const Ctl *ctl)
{
  CHECK(ctl != NULL);
  CHECK(ctl->sig == CTL_SIG);
  CHECK(ctl->space != NULL);
  return true;
}

static Index ctl_class(Size size)
{
  return (size - 1) / CTL_STEP;
}

/* ctl_refill -- get a slab and cut it into blocks of one class */

static Res ctl_refill(Ctl *ctl, Index class)
{
  Size block = (class + 1) * CTL_STEP;
  Count grains = space_to_grains(ctl->space, CTL_SLAB);
  Size left = (grains << ctl->space->shift) - CTL_LINE;
  Addr base;
  char *at;
  Res res = space_alloc(&base, ctl->space, grains, SPACE_HIGH);

  if (res != MPS_RES_OK)
    return res;
  ((CtlSlab *)base)->next = ctl->slabs;
  ((CtlSlab *)base)->grains = grains;
  ctl->slabs = (CtlSlab *)base;
  _Static_assert(sizeof(CtlSlab) <= CTL_LINE, "a slab's head fits a line");
  for (at = (char *)base + CTL_LINE; left >= block; left -= block) {
    CtlBlock *free = (CtlBlock *)(void *)at;

    free->next = ctl->free[class];
    ctl->free[class] = free;
    at += block;
  }
  return MPS_RES_OK;
}

Res ctl_alloc(void *block_out, Ctl *ctl, Size size)
{
  void *block;
  Res res;

  ASSERT(ctl_check(ctl));
  ASSERT(size > 0);
  if (size > CTL_SMALL_MAX) {
    Addr base;

    res = space_alloc(&base, ctl->space, space_to_grains(ctl->space, size),
                      SPACE_HIGH);
    if (res != MPS_RES_OK)
      return res;
    block = base;
  } else {
    Index class = ctl_class(size);

    if (ctl->free[class] == NULL) {
      res = ctl_refill(ctl, class);
      if (res != MPS_RES_OK)
        return res;
    }
    block = ctl->free[class];
    ctl->free[class] = ctl->free[class]->next;
  }
  ctl->in_use += size;
  memcpy(block_out, &block, sizeof block); /* whatever type it points to */
  return MPS_RES_OK;
}

void ctl_free(Ctl *ctl, void *block, Size size)
{
  ASSERT(ctl_check(ctl));
  ASSERT(block != NULL);
  ASSERT(size > 0 && size <= ctl->in_use);
  ctl->in_use -= size;
  if (HARSH)
    memset(block, 0xDB, size);
  if (size > CTL_SMALL_MAX) {
    space_free(ctl->space, (Addr)block, space_to_grains(ctl->space, size));
  } else {
    CtlBlock *free = block;

    free->next = ctl->free[ctl_class(size)];
    ctl->free[ctl_class(size)] = free;
  }
}
