/* blkseed.h -- the block collector that the block pool is measured against
 *
 * A small interpreter's mark-sweep heap as it was first written: four
 * blocks' states in a byte, a search that looks at one byte after another,
 * a sweep that looks at one block after another, and a mark stack whose
 * overflow sends the marker over the whole heap again.  Nothing of it is
 * made faster than that, and nothing slower.
 *
 * Design: .bench.workload.blk (design/bench.rst).
 */

#ifndef BENCH_BLKSEED_H
#define BENCH_BLKSEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  BLKSEED_BLOCK = 32, /* bytes */
  BLKSEED_STACK = 64  /* entries of the mark stack */
};

typedef struct BlkSeed {
  uint8_t *states; /* two bits a block, the lowest block lowest */
  uint8_t *finals; /* a bit a block */
  size_t state_bytes;
  char *base, *limit; /* of the blocks */
  size_t first_free;  /* no byte of states below has a free block */
  bool overflowed;
  size_t depth;
  size_t stack[BLKSEED_STACK];
} BlkSeed;

typedef struct BlkSeedInfo {
  size_t total, used, free; /* bytes */
  size_t longest_free;      /* blocks */
} BlkSeedInfo;

void blkseed_init(BlkSeed *heap, void *start, void *end);
void *blkseed_alloc(BlkSeed *heap, size_t size, bool has_finaliser);
void blkseed_free(BlkSeed *heap, void *p);
void *blkseed_realloc(BlkSeed *heap, void *p, size_t size, bool may_move);
size_t blkseed_size(const BlkSeed *heap, const void *p);
void blkseed_info(const BlkSeed *heap, BlkSeedInfo *info_o);

/* A collection: begin, any number of tables of roots, end, which returns
 * how many objects were freed. */
void blkseed_begin(BlkSeed *heap);
void blkseed_mark(BlkSeed *heap, void **words, size_t count);
size_t blkseed_end(BlkSeed *heap);

#endif /* BENCH_BLKSEED_H */
