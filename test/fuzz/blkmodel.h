/* blkmodel.h -- what a block pool in given memory must be like
 *
 * A byte for each block of the memory, in which it is written what the
 * block is, and for each object a copy of its contents.  What the pool does
 * is done here by walking over the bytes.
 *
 * Design: .fuzz.blocks (design/fuzz.rst).
 */

#ifndef FUZZ_BLKMODEL_H
#define FUZZ_BLKMODEL_H

#include "mps.h"
#include "mpsavm.h"
#include "mpscblk.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef mps_word_t Word;

enum {
  NOTHING, /* isn't a block */
  FREE,
  HEAD,
  TAIL
};

typedef struct Block {
  uint8_t state;
  uint8_t flags;  /* of a head */
  bool is_marked; /* while the model collects */
  bool is_told;   /* its call-back has been called */
  char *copy;     /* of a head: what is in its blocks */
} Block;

typedef struct Model {
  char *base;    /* address of the first block, aligned to a unit */
  size_t unit;   /* bytes in a block */
  size_t count;  /* blocks, with those that are none */
  Block *block;  /* as many */
  bool interior; /* do all addresses in an object count? */
  bool has_leaves;
} Model;

/* A failure says how to repeat it, which is for the program to fill in. */
static char model_repeat[200];

static _Noreturn __attribute__((format(printf, 1, 2))) void
fail(const char *format, ...)
{
  va_list args;

  va_start(args, format);
  fputs("FAILED: ", stderr);
  vfprintf(stderr, format, args);
  va_end(args);
  fprintf(stderr, "\nrepeat: %s\n", model_repeat);
  exit(1);
}

#define EXPECT(cond) \
  ((cond) ? (void)0 : fail("expected %s, line %d", #cond, __LINE__))

static char *model_address(const Model *m, size_t i)
{
  return m->base + i * m->unit;
}

/* blocks that a size takes */
static size_t model_blocks(const Model *m, size_t size)
{
  return size / m->unit + (size % m->unit != 0);
}

static size_t model_length(const Model *m, size_t head)
{
  size_t n = 1;

  while (head + n < m->count && m->block[head + n].state == TAIL)
    ++n;
  return n;
}

static size_t model_free_run(const Model *m, size_t i)
{
  size_t n = 0;

  while (i + n < m->count && m->block[i + n].state == FREE)
    ++n;
  return n;
}

static size_t model_longest(const Model *m)
{
  size_t i, n, longest = 0;

  for (i = 0; i < m->count; i += n + 1) {
    n = model_free_run(m, i);
    longest = n > longest ? n : longest;
  }
  return longest;
}

/* The object that an address lies in, or count */
static size_t model_find(const Model *m, Word addr)
{
  Word offset = addr - (Word)m->base;
  size_t i = offset / m->unit;

  if (addr < (Word)m->base || i >= m->count)
    return m->count;
  while (m->block[i].state == TAIL)
    --i;
  return m->block[i].state == HEAD ? i : m->count;
}

/* The object that a word keeps, or count */
static size_t model_refers(const Model *m, Word word)
{
  size_t i = model_find(m, word);

  if (i < m->count && !m->interior && word != (Word)model_address(m, i))
    return m->count;
  return i;
}

static void model_remember(Model *m, size_t head)
{
  size_t size = model_length(m, head) * m->unit;

  free(m->block[head].copy);
  m->block[head].copy = malloc(size);
  memcpy(m->block[head].copy, model_address(m, head), size);
}

static void model_expect_intact(const Model *m, size_t head, size_t size)
{
  if (memcmp(m->block[head].copy, model_address(m, head), size) != 0)
    fail("the contents of block %zu have changed", head);
}

static void model_set(Model *m, size_t head, size_t length, unsigned flags)
{
  for (size_t k = 0; k < length; ++k) {
    EXPECT(head + k < m->count && m->block[head + k].state == FREE);
    m->block[head + k] = (Block){.state = k == 0 ? HEAD : TAIL};
  }
  m->block[head].flags = (uint8_t)flags;
}

static void model_clear(Model *m, size_t head)
{
  size_t k, n = model_length(m, head);

  free(m->block[head].copy);
  for (k = 0; k < n; ++k)
    m->block[head + k] = (Block){.state = FREE};
}

/* Mark what the words keep, and what that keeps. */
static void model_mark(Model *m, const Word *words, size_t count)
{
  for (size_t w = 0; w < count; ++w) {
    size_t i = model_refers(m, words[w]);
    Block *block = &m->block[i];
    if (i == m->count || block->is_marked)
      continue;
    block->is_marked = true;
    if (!m->has_leaves || !(block->flags & MPS_BLK_LEAF))
      model_mark(m, (const Word *)(void *)model_address(m, i),
                 model_length(m, i) * m->unit / sizeof(Word));
  }
}

/* Free what isn't marked; returns how many objects that was. */
static size_t model_sweep(Model *m)
{
  size_t i, freed = 0;

  for (i = 0; i < m->count; ++i) {
    Block *block = &m->block[i];
    if (block->state == HEAD && !block->is_marked) {
      model_clear(m, i);
      ++freed;
    }
    block->is_marked = false;
    block->is_told = false;
  }
  return freed;
}


/* The pool against the model */

static unsigned model_seen(mps_pool_t pool, const Model *m, size_t i)
{
  static const unsigned states[] = {[MPS_BLK_STATE_FREE] = FREE,
                                    [MPS_BLK_STATE_HEAD] = HEAD,
                                    [MPS_BLK_STATE_TAIL] = TAIL,
                                    [MPS_BLK_STATE_MARK] = TAIL + 1,
                                    [MPS_BLK_STATE_NONE] = NOTHING};

  return states[mps_blk_state(pool, model_address(m, i))];
}

static void model_compare(mps_pool_t pool, const Model *m)
{
  for (size_t i = 0; i < m->count; ++i)
    if (model_seen(pool, m, i) != m->block[i].state)
      fail("block %zu of %zu is %u, not %u", i, m->count,
           model_seen(pool, m, i), m->block[i].state);
}

/* What the pool says of the blocks that were none so far is taken over;
 * it may not take back what it has said. */
static void model_discover(mps_pool_t pool, Model *m)
{
  for (size_t i = 0; i < m->count; ++i)
    if (m->block[i].state == NOTHING)
      m->block[i].state = (uint8_t)model_seen(pool, m, i);
  model_compare(pool, m);
}

static void model_compare_info(mps_pool_t pool, const Model *m)
{
  mps_blk_info_s info, own = {0};
  size_t i, n;

  mps_blk_info(&info, pool, 1);
  for (i = 0; i < m->count; ++i) {
    own.total += m->block[i].state != NOTHING;
    own.free += m->block[i].state == FREE;
    if (m->block[i].state != HEAD)
      continue;
    n = model_length(m, i);
    ++own.objects;
    own.one_block += n == 1;
    own.two_blocks += n == 2;
    if (n > own.largest_object)
      own.largest_object = n;
  }
  EXPECT(info.total == own.total * m->unit);
  EXPECT(info.free == own.free * m->unit);
  EXPECT(info.used == info.total - info.free);
  EXPECT(info.objects == own.objects);
  EXPECT(info.one_block == own.one_block);
  EXPECT(info.two_blocks == own.two_blocks);
  EXPECT(info.largest_object == own.largest_object * m->unit);
  EXPECT(info.largest_free == model_longest(m) * m->unit);
}

static void model_finish(Model *m)
{
  for (size_t i = 0; i < m->count; ++i)
    free(m->block[i].copy);
  free(m->block);
}

#endif /* FUZZ_BLKMODEL_H */
