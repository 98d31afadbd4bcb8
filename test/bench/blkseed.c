/* blkseed.c -- the block collector that the block pool is measured against
 *
 * Design: .bench.workload.blk (design/bench.rst).
 */

#include "blkseed.h"

#include <stdlib.h>
#include <string.h>

enum {
  FREE,
  HEAD,
  TAIL,
  MARK,
  IN_BYTE = 4 /* blocks whose states share a byte */
};

#define WORDS_IN_BLOCK (BLKSEED_BLOCK / sizeof(void *))

static unsigned state(const BlkSeed *heap, size_t block)
{
  return heap->states[block / IN_BYTE] >> (2 * (block % IN_BYTE)) & 3;
}

/* From free to anything, and from head to mark */
static void state_add(BlkSeed *heap, size_t block, unsigned bits)
{
  heap->states[block / IN_BYTE] |= (uint8_t)(bits << (2 * (block % IN_BYTE)));
}

static void state_clear(BlkSeed *heap, size_t block, unsigned bits)
{
  heap->states[block / IN_BYTE]
      &= (uint8_t) ~(bits << (2 * (block % IN_BYTE)));
}

static size_t blocks_of(size_t size)
{
  return (size + BLKSEED_BLOCK - 1) / BLKSEED_BLOCK;
}

static char *address(const BlkSeed *heap, size_t block)
{
  return heap->base + block * BLKSEED_BLOCK;
}

static size_t block_of(const BlkSeed *heap, const void *p)
{
  return (size_t)((const char *)p - heap->base) / BLKSEED_BLOCK;
}

/* Only the address of a block's first byte counts as a pointer. */
static bool is_pointer(const BlkSeed *heap, const void *p)
{
  return (uintptr_t)p % BLKSEED_BLOCK == 0 && (const char *)p >= heap->base
         && (const char *)p < heap->limit;
}

/* Blocks of the object that starts there; the byte after the states is
 * never a tail. */
static size_t length(const BlkSeed *heap, size_t block)
{
  size_t n = 1;

  while (state(heap, block + n) == TAIL)
    ++n;
  return n;
}

/* States, then finalisers, then a gap, then blocks up to the end */
void blkseed_init(BlkSeed *heap, void *start, void *end)
{
  uintptr_t limit = (uintptr_t)end / BLKSEED_BLOCK * BLKSEED_BLOCK;
  size_t total = limit - (uintptr_t)start;
  size_t blocks, final_bytes;

  memset(heap, 0, sizeof *heap);
  heap->states = start;
  heap->state_bytes
      = (total - 1) * 8 / (8 + IN_BYTE + 8 * IN_BYTE * BLKSEED_BLOCK);
  blocks = heap->state_bytes * IN_BYTE;
  final_bytes = (blocks + 7) / 8;
  heap->finals = heap->states + heap->state_bytes + 1;
  heap->limit = (char *)end - ((uintptr_t)end - limit);
  heap->base = heap->limit - blocks * BLKSEED_BLOCK;
  if ((char *)(heap->finals + final_bytes) > heap->base)
    abort();
  memset(start, 0, heap->state_bytes + 1 + final_bytes);
}

/* The first block after the lowest run of so many free ones, or 0 */
static size_t search(const BlkSeed *heap, size_t want)
{
  size_t i, run = 0;

#define TRY(k) \
  if ((byte >> (2 * (k)) & 3) != FREE) \
    run = 0; \
  else if (++run >= want) \
  return i * IN_BYTE + (k) + 1

  for (i = heap->first_free; i < heap->state_bytes; ++i) {
    unsigned byte = heap->states[i];
    TRY(0);
    TRY(1);
    TRY(2);
    TRY(3);
  }
#undef TRY
  return 0;
}

void *blkseed_alloc(BlkSeed *heap, size_t size, bool has_finaliser)
{
  size_t want = blocks_of(size), limit, block, i;
  char *p;

  if (want == 0)
    return NULL;
  limit = search(heap, want);
  if (limit == 0)
    return NULL;
  block = limit - want;
  if (want == 1)
    heap->first_free = limit / IN_BYTE;
  state_add(heap, block, HEAD);
  for (i = 1; i < want; ++i)
    state_add(heap, block + i, TAIL);
  p = address(heap, block);
  memset(p + size, 0, want * BLKSEED_BLOCK - size);
  if (has_finaliser)
    heap->finals[block / 8] |= (uint8_t)(1u << block % 8);
  return p;
}

static void lower_hint(BlkSeed *heap, size_t block)
{
  if (block / IN_BYTE < heap->first_free)
    heap->first_free = block / IN_BYTE;
}

void blkseed_free(BlkSeed *heap, void *p)
{
  size_t block;

  if (p == NULL)
    return;
  block = block_of(heap, p);
  if (!is_pointer(heap, p) || state(heap, block) != HEAD)
    abort();
  heap->finals[block / 8] &= (uint8_t) ~(1u << block % 8);
  lower_hint(heap, block);
  do
    state_clear(heap, block++, MARK);
  while (state(heap, block) == TAIL);
}

/* Object and free blocks behind it, counted until there are enough */
static size_t count_room(const BlkSeed *heap, size_t block, size_t have,
                         size_t want)
{
  size_t room = have, limit = heap->state_bytes * IN_BYTE;

  while (room < want && block + room < limit
         && state(heap, block + room) == FREE)
    ++room;
  return room;
}

static void *realloc_move(BlkSeed *heap, void *p, size_t size, size_t have)
{
  size_t block = block_of(heap, p);
  bool is_final = heap->finals[block / 8] >> block % 8 & 1;
  void *moved = blkseed_alloc(heap, size, is_final);

  if (moved == NULL)
    return NULL;
  memcpy(moved, p, have * BLKSEED_BLOCK);
  blkseed_free(heap, p);
  return moved;
}

void *blkseed_realloc(BlkSeed *heap, void *p, size_t size, bool may_move)
{
  size_t want = blocks_of(size), block, have, i;

  if (p == NULL)
    return blkseed_alloc(heap, size, false);
  if (size == 0) {
    blkseed_free(heap, p);
    return NULL;
  }
  block = block_of(heap, p);
  have = length(heap, block);
  if (want < have) {
    for (i = want; i < have; ++i)
      state_clear(heap, block + i, MARK);
    lower_hint(heap, block + want);
    return p;
  }
  if (count_room(heap, block, have, want) < want)
    return may_move ? realloc_move(heap, p, size, have) : NULL;
  for (i = have; i < want; ++i)
    state_add(heap, block + i, TAIL);
  if (want > have)
    memset((char *)p + size, 0, want * BLKSEED_BLOCK - size);
  return p;
}

size_t blkseed_size(const BlkSeed *heap, const void *p)
{
  if (!is_pointer(heap, p) || state(heap, block_of(heap, p)) != HEAD)
    return 0;
  return length(heap, block_of(heap, p)) * BLKSEED_BLOCK;
}

void blkseed_info(const BlkSeed *heap, BlkSeedInfo *info_o)
{
  size_t block, run = 0;

  memset(info_o, 0, sizeof *info_o);
  info_o->total = (size_t)(heap->limit - heap->base);
  for (block = 0; block < heap->state_bytes * IN_BYTE; ++block) {
    run = state(heap, block) == FREE ? run + 1 : 0;
    info_o->free += run > 0 ? BLKSEED_BLOCK : 0;
    if (run > info_o->longest_free)
      info_o->longest_free = run;
  }
  info_o->used = info_o->total - info_o->free;
}


/* Collection */

static void find(BlkSeed *heap, void *p)
{
  size_t block;

  if (!is_pointer(heap, p))
    return;
  block = block_of(heap, p);
  if (state(heap, block) != HEAD)
    return;
  state_add(heap, block, MARK);
  if (heap->depth < BLKSEED_STACK)
    heap->stack[heap->depth++] = block;
  else
    heap->overflowed = true;
}

static void scan(BlkSeed *heap, size_t block)
{
  void **words = (void **)(void *)address(heap, block);
  size_t i, n = length(heap, block) * WORDS_IN_BLOCK;

  for (i = 0; i < n; ++i)
    find(heap, words[i]);
}

static void trace(BlkSeed *heap)
{
  while (heap->depth > 0)
    scan(heap, heap->stack[--heap->depth]);
}

void blkseed_begin(BlkSeed *heap)
{
  heap->overflowed = false;
  heap->depth = 0;
}

void blkseed_mark(BlkSeed *heap, void **words, size_t count)
{
  size_t i;

  for (i = 0; i < count; ++i) {
    find(heap, words[i]);
    trace(heap);
  }
}

/* Every marked object again, in order, until the stack suffices */
static void rescan(BlkSeed *heap)
{
  size_t block, limit = heap->state_bytes * IN_BYTE;

  while (heap->overflowed) {
    heap->overflowed = false;
    for (block = 0; block < limit; ++block)
      if (state(heap, block) == MARK) {
        scan(heap, block);
        trace(heap);
      }
  }
}

static size_t sweep(BlkSeed *heap)
{
  size_t block, freed = 0, limit = heap->state_bytes * IN_BYTE;
  bool is_dead = false;

  for (block = 0; block < limit; ++block)
    switch (state(heap, block)) {
    case HEAD:
      is_dead = true;
      ++freed;
      heap->finals[block / 8] &= (uint8_t) ~(1u << block % 8);
      state_clear(heap, block, MARK);
      break;
    case TAIL:
      if (is_dead)
        state_clear(heap, block, MARK);
      break;
    case MARK:
      state_clear(heap, block, TAIL);
      is_dead = false;
      break;
    default:
      break;
    }
  return freed;
}

size_t blkseed_end(BlkSeed *heap)
{
  size_t freed;

  rescan(heap);
  freed = sweep(heap);
  heap->first_free = 0;
  return freed;
}
