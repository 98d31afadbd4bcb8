/* boards.c -- memory for the boards of a trace
 *
 * Design: .boards.reserve, .boards.limit, .boards.reset (design/boards.rst).
 */

#include "boards.h"

/* Of an empty store so many bytes stay in memory, for the next trace. */
#define BOARDS_KEEP ((Size)256 << 10)

/* boards_reserve -- as much address space as boards could ever want, or
 * what the system agrees to (.boards.reserve) */

static Res boards_reserve(Boards *boards)
{
  Size size = boards->space->span / BOARDS_PART + BOARDS_FLOOR;
  Res res;

  do {
    boards->size = size_round_up(size, plat_page_size());
    res = plat_vm_reserve_table(&boards->base, boards->size);
    size /= 2;
  } while (res != MPS_RES_OK && size >= BOARDS_FLOOR);
  return res;
}

Res boards_init(Boards *boards, const Space *space)
{
  Res res;

  boards->space = space;
  boards->used = 0;
  boards->count = 0;
  boards->refused = 0;
  boards->limit = SIZE_MAX;
  res = boards_reserve(boards);
  if (res != MPS_RES_OK)
    return res;
  boards->sig = BOARDS_SIG;
  ASSERT(boards_check(boards));
  return MPS_RES_OK;
}

void boards_finish(Boards *boards)
{
  ASSERT(boards_check(boards));
  ASSERT(boards->count == 0); /* .boards.inv.leak */
  boards->sig = SIG_NONE;
  plat_vm_release(boards->base, boards->size);
}

bool boards_check(const Boards *boards)
{
  CHECK(boards != NULL);
  CHECK(boards->sig == BOARDS_SIG);
  CHECK(boards->used <= boards->size);
  CHECK((boards->count == 0) == (boards->used == 0));
  return true;
}

static Size boards_limit(const Boards *boards)
{
  Size part = space_committed(boards->space) / BOARDS_PART + BOARDS_FLOOR;

  return size_min(size_min(part, boards->limit), boards->size);
}

void *boards_alloc(Boards *boards, Size size)
{
  Addr base = addr_add(boards->base, boards->used);
  Size limit = boards_limit(boards);

  ASSERT_HOT(boards_check(boards));
  ASSERT(size > 0);
  if (boards->used >= limit || size > limit - boards->used) {
    ++boards->refused;
    return NULL;
  }
  boards->used += size_round_up(size, sizeof(Word));
  ++boards->count;
  return base;
}

void boards_free(Boards *boards)
{
  Size used = size_round_up(boards->used, plat_page_size());

  ASSERT_HOT(boards_check(boards));
  ASSERT(boards->count > 0);
  if (--boards->count > 0)
    return;
  boards->used = 0;
  if (used > BOARDS_KEEP)
    plat_vm_purge(addr_add(boards->base, BOARDS_KEEP), used - BOARDS_KEEP);
}
