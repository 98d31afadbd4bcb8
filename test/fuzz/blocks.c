/* blocks.c -- a block pool beside a model that is a table of bytes
 *
 *   blocks [--seed N] [--seconds S | --ops N] [--json]
 *   blocks --exhaust N [--lead L] [--trail T] [--json]
 *
 * Episodes do random things with a pool in memory of their own, by a
 * configuration that comes from the seed, and with --seconds follow one
 * another with rising seeds.  After each thing the model says what must be
 * where.
 *
 * With --exhaust every table of N blocks is made, and every operation done
 * to it with every argument, and the outcome compared.  L and T more blocks
 * before and behind them, which are always in use, place them across the
 * words of the pool's tables.
 *
 * Exit 0 if all went well; 1 with the command line that repeats it if not.
 *
 * ctest: --seconds 3
 * ctest: --exhaust 7
 * ctest release: --exhaust 12
 * ctest: --exhaust 6 --lead 60 --trail 62
 * ctest: --exhaust 6 --lead 124
 *
 * Design: .fuzz.req.blocks, .fuzz.blocks, .fuzz.blocks.exhaustive
 * (design/fuzz.rst).
 */

#include "blkmodel.h"

#include "chance.h"
#include "mpslib.h"

#include <time.h>

typedef struct Counts {
  unsigned long episodes, tables, ops, allocs, refused, collections, freed,
      told, reports;
} Counts;

static Counts counts;
static mps_arena_t arena;
static mps_pool_t pool;
static Model model, *m = &model;

static Chance chance;
static bool has_final, has_weak, has_clear, has_poison;
static unsigned told_flag; /* whose call-backs were called last */


/* What the library reports must have been expected. */

static unsigned reports;
static char report_text[200]; /* of the first */

static void on_report(const char *file, unsigned line, const char *condition)
{
  if (reports++ == 0)
    snprintf(report_text, sizeof report_text, "%s", condition);
}

static void expect_reports(unsigned n)
{
  if (reports != n)
    fail("%u reports, not %u: %s", reports, n, report_text);
  counts.reports += n;
  reports = 0;
}


/* Operations, with what must come of them */

static bool is_filled(size_t head, size_t from, size_t to, int byte)
{
  for (size_t k = from; k < to; ++k)
    if ((unsigned char)model_address(m, head)[k] != byte)
      return false;
  return true;
}

static unsigned flags_seen(size_t head)
{
  unsigned flags = mps_blk_flags(pool, model_address(m, head));

  return m->has_leaves ? flags : flags & ~MPS_BLK_LEAF;
}

static unsigned flags_kept(size_t head)
{
  unsigned flags = m->block[head].flags;

  return m->has_leaves ? flags : flags & ~MPS_BLK_LEAF;
}

static void do_alloc(size_t size, unsigned flags)
{
  size_t want = model_blocks(m, size), head;
  mps_addr_t p = &p;
  mps_res_t res = mps_blk_alloc(&p, pool, size, flags);

  if (size == 0 || want > model_longest(m)) {
    if (res != (size == 0 ? MPS_RES_PARAM : MPS_RES_MEMORY))
      fail("allocating %zu bytes with %zu blocks: %d", size, model_longest(m),
           res);
    EXPECT(p == (mps_addr_t)&p);
    expect_reports(0);
    ++counts.refused;
    return;
  }
  if (res != MPS_RES_OK)
    fail("%zu blocks, of %zu: %d", want, model_longest(m), res);
  EXPECT((Word)p % m->unit == 0);
  head = (size_t)((char *)p - m->base) / m->unit;
  EXPECT(head < m->count);
  model_set(m, head, want, flags);
  EXPECT(is_filled(head, has_clear ? 0 : size, want * m->unit, 0));
  EXPECT(flags_seen(head) == flags_kept(head));
  ++counts.allocs;
}

static void expect_poison(size_t head, size_t length)
{
  EXPECT(!has_poison || is_filled(head, 0, length * m->unit, 0xDB));
}

static void do_free(size_t head)
{
  size_t length = model_length(m, head);

  mps_blk_free(pool, model_address(m, head));
  model_clear(m, head);
  expect_poison(head, length);
}

/* The bytes of an object that are there after it has got a size */
static size_t common(size_t old, size_t new)
{
  return old < new ? old : new;
}

static void grown(size_t head, size_t from, size_t to)
{
  for (size_t k = from; k < to; ++k) {
    EXPECT(m->block[head + k].state == FREE);
    m->block[head + k].state = TAIL;
  }
}

static void moved(size_t from, size_t to, size_t want)
{
  Block *old = &m->block[from];
  char *copy = old->copy;
  unsigned flags = old->flags;
  size_t length = model_length(m, from);

  old->copy = NULL;
  model_clear(m, from);
  if (to + want <= from || from + length <= to)
    expect_poison(from, length);
  model_set(m, to, want, flags);
  m->block[to].copy = copy;
}

/* Returns where the object is then. */
static size_t do_realloc(size_t head, size_t size, bool may_move)
{
  size_t have = model_length(m, head), want = model_blocks(m, size),
         now = head;
  size_t room = have + model_free_run(m, head + have);
  mps_addr_t p = model_address(m, head);
  mps_res_t res;
  bool fits = want <= room || (may_move && want <= model_longest(m));

  res = mps_blk_realloc(&p, pool, size, may_move);
  if (size == 0) {
    EXPECT(res == MPS_RES_OK && p == NULL);
    model_clear(m, head);
    return m->count;
  }
  if (!fits) {
    EXPECT(res == (may_move ? MPS_RES_MEMORY : MPS_RES_FAIL));
    EXPECT(p == (mps_addr_t)model_address(m, head));
    ++counts.refused;
    return head;
  }
  if (res != MPS_RES_OK)
    fail("from %zu to %zu blocks, %zu in place: %d", have, want, room, res);
  if (want <= room) {
    EXPECT(p == (mps_addr_t)model_address(m, head));
    grown(head, have, want > have ? want : have);
    for (size_t k = want; k < have; ++k)
      m->block[head + k] = (Block){.state = FREE};
  } else {
    now = (size_t)((char *)p - m->base) / m->unit;
    moved(head, now, want);
  }
  model_expect_intact(m, now, common(common(have, want) * m->unit, size));
  if (want > have)
    EXPECT(is_filled(now, size, want * m->unit, 0));
  EXPECT(flags_seen(now) == flags_kept(now));
  return now;
}

static void expect_queries(size_t i)
{
  char *addr = model_address(m, i);
  size_t inside = chance_below(&chance, m->unit), head;
  mps_addr_t base = &base;

  head = model_find(m, (Word)addr);
  EXPECT(mps_blk_size(pool, addr)
         == (m->block[i].state == HEAD ? model_length(m, i) * m->unit : 0));
  if (inside > 0)
    EXPECT(mps_blk_size(pool, addr + inside) == 0);
  if (head == m->count)
    EXPECT(!mps_blk_object(&base, pool, addr + inside)
           && base == (mps_addr_t)&base);
  else
    EXPECT(mps_blk_object(&base, pool, addr + inside)
           && base == (mps_addr_t)model_address(m, head));
}

/* Called for the dead, while everything is still as it was */
static void on_dead(mps_addr_t object, unsigned flag)
{
  size_t head = model_refers(m, (Word)object);
  Block *block = &m->block[head];

  EXPECT(head < m->count && object == (mps_addr_t)model_address(m, head));
  EXPECT(!block->is_marked && (block->flags & flag) != 0);
  EXPECT(mps_blk_size(pool, object) == model_length(m, head) * m->unit);
  if (block->copy != NULL)
    model_expect_intact(m, head, model_length(m, head) * m->unit);
  EXPECT(flag == told_flag || flag == MPS_BLK_FINAL);
  if (told_flag != flag)
    for (size_t i = 0; i < m->count; ++i) {
      EXPECT(m->block[i].is_marked || m->block[i].is_told
             || !(m->block[i].flags & told_flag));
      m->block[i].is_told = false;
    }
  told_flag = flag;
  EXPECT(!block->is_told);
  block->is_told = true;
  ++counts.told;
}

static void on_weak(mps_addr_t object, void *closure)
{
  EXPECT(closure == &counts);
  on_dead(object, MPS_BLK_WEAK);
}

static void on_final(mps_addr_t object, void *closure)
{
  mps_addr_t p;

  EXPECT(closure == &model);
  EXPECT(mps_blk_alloc(&p, pool, 1, 0) == MPS_RES_FAIL);
  on_dead(object, MPS_BLK_FINAL);
}

static void do_collect(Word *roots, size_t count)
{
  size_t i, freed;

  told_flag = has_weak ? MPS_BLK_WEAK : MPS_BLK_FINAL;
  model_mark(m, roots, count);
  mps_blk_mark_begin(pool);
  for (i = 0; i < count; i += 3)
    mps_blk_mark(pool, (void **)(void *)(roots + i),
                 count - i < 3 ? count - i : 3);
  freed = mps_blk_mark_end(pool);
  for (i = 0; i < m->count; ++i)
    EXPECT(m->block[i].is_marked || m->block[i].is_told
           || !(m->block[i].flags & told_flag));
  if (told_flag == MPS_BLK_WEAK && has_final)
    for (i = 0; i < m->count; ++i)
      EXPECT(m->block[i].is_marked || !(m->block[i].flags & MPS_BLK_FINAL));
  EXPECT(freed == model_sweep(m));
  counts.freed += freed;
  ++counts.collections;
}


/* The pool of an episode */

static bool create(void *base, size_t size, size_t entries)
{
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY, base);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_MEMORY_SIZE, size);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_SIZE, m->unit);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, m->interior);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_LEAVES, m->has_leaves);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_CLEAR, has_clear);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_POISON, has_poison);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_AUTO, 0);
    if (entries > 0)
      MPS_ARGS_ADD(args, MPS_KEY_BLK_MARK_STACK, entries);
    if (has_final) {
      MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL, (mps_fun_t)on_final);
      MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL_CLOSURE, &model);
    }
    if (has_weak) {
      MPS_ARGS_ADD(args, MPS_KEY_BLK_WEAK, (mps_fun_t)on_weak);
      MPS_ARGS_ADD(args, MPS_KEY_BLK_CLOSURE, &counts);
    }
    res = mps_pool_create_k(&pool, arena, mps_class_blk(), args);
  }
  MPS_ARGS_END(args);
  EXPECT(res == MPS_RES_OK || res == MPS_RES_MEMORY);
  return res == MPS_RES_OK;
}

static void model_over(void *base, size_t size)
{
  Word low = ((Word)base + m->unit - 1) / m->unit * m->unit;

  m->base = (char *)base + (low - (Word)base);
  m->count = ((Word)base + size - low) / m->unit;
  m->block = calloc(m->count + 1, sizeof m->block[0]);
}


/* Random episodes */

/* The object at a random place, or the next one not far from it; or count */
static size_t random_head(void)
{
  size_t i = chance_below(&chance, m->count), limit = i + 200;

  if (m->block[i].state == TAIL)
    return model_find(m, (Word)model_address(m, i));
  while (i < m->count && i < limit && m->block[i].state != HEAD)
    ++i;
  return i < limit ? i : m->count;
}

static size_t random_size(void)
{
  size_t most = chance_once_in(&chance, 4)   ? m->count * m->unit
                : chance_once_in(&chance, 3) ? 20 * m->unit
                                             : 3 * m->unit;

  if (chance_once_in(&chance, 100))
    return SIZE_MAX - chance_below(&chance, 3 * m->unit);
  return chance_below(&chance, most + 1);
}

static unsigned random_flags(void)
{
  unsigned flags = (unsigned)chance_below(&chance, 8);

  return flags
         & (MPS_BLK_LEAF | (has_final ? MPS_BLK_FINAL : 0)
            | (has_weak ? MPS_BLK_WEAK : 0));
}

/* Mostly an address in the memory, or one near it */
static Word random_word(void)
{
  size_t head = random_head();
  Word addr = (Word)model_address(m, chance_below(&chance, m->count + 1));

  if (chance_once_in(&chance, 4))
    return chance_below(&chance, 1000);
  if (head < m->count && !chance_once_in(&chance, 4))
    addr = (Word)model_address(m, head);
  if (chance_once_in(&chance, 4))
    addr += chance_below(&chance, 3 * m->unit);
  return addr;
}

/* Fill it, with more references the more recent it is. */
static void fill(size_t head)
{
  size_t i, n = model_length(m, head) * m->unit / sizeof(Word);
  size_t step = 1 + chance_below(&chance, 8) + n / 100;
  Word *words = (Word *)(void *)model_address(m, head);

  for (i = 0; i < n; ++i)
    words[i] = i % step == 0 ? random_word() : i;
  model_remember(m, head);
}

static void fill_new(void)
{
  for (size_t i = 0; i < m->count; ++i)
    if (m->block[i].state == HEAD && m->block[i].copy == NULL)
      fill(i);
}

static void random_realloc(void)
{
  size_t head = random_head(), now;

  if (head == m->count)
    return;
  now = do_realloc(head, random_size(), chance_once_in(&chance, 2));
  if (now < m->count)
    fill(now);
}

static void random_collect(void)
{
  Word roots[100];
  size_t i, n = chance_below(&chance, 100);

  for (i = 0; i < n; ++i)
    roots[i] = random_word();
  do_collect(roots, n);
}

/* What isn't an object's first address is reported, and nothing more. */
static void random_misuse(void)
{
  Word addr = random_word();
  mps_addr_t p = (mps_addr_t)addr;
  size_t head = model_find(m, addr);

  if (head < m->count && addr == (Word)model_address(m, head))
    ++addr;
  if (addr == 0)
    return;
  p = (mps_addr_t)addr;
  if (chance_once_in(&chance, 2))
    mps_blk_free(pool, p);
  else
    EXPECT(mps_blk_realloc(&p, pool, 1, 1) != MPS_RES_OK
           && p == (mps_addr_t)addr);
  expect_reports(1);
}

static void random_lock(void)
{
  size_t head = random_head(), i, depth = 1 + chance_below(&chance, 3);
  mps_addr_t p;

  EXPECT(!mps_blk_is_locked(pool));
  for (i = 0; i < depth; ++i)
    mps_blk_lock(pool);
  EXPECT(mps_blk_is_locked(pool));
  EXPECT(mps_blk_alloc(&p, pool, 1, 0) == MPS_RES_FAIL);
  if (head < m->count) {
    p = model_address(m, head);
    EXPECT(mps_blk_realloc(&p, pool, 1, 1) == MPS_RES_FAIL);
    mps_blk_free(pool, p);
    expect_reports(1);
  }
  for (i = 0; i < depth; ++i)
    mps_blk_unlock(pool);
  EXPECT(!mps_blk_is_locked(pool));
}

static void random_flag(void)
{
  size_t head = random_head();

  if (head == m->count)
    return;
  m->block[head].flags = (uint8_t)random_flags();
  EXPECT(mps_blk_flags_set(pool, model_address(m, head), m->block[head].flags)
         == MPS_RES_OK);
  EXPECT(flags_seen(head) == flags_kept(head));
}

static void random_op(void)
{
  size_t head = random_head(), pick = chance_below(&chance, 100);

  if (pick < 45)
    do_alloc(random_size(), random_flags());
  else if (pick < 70 && head < m->count)
    do_free(head);
  else if (pick < 85)
    random_realloc();
  else if (pick < 90)
    expect_queries(chance_below(&chance, m->count));
  else if (pick < 92)
    random_misuse();
  else if (pick < 94)
    random_lock();
  else if (pick < 97)
    random_flag();
  else if (pick < 98)
    random_collect();
  fill_new();
}

/* Some of the memory is given to the pool at first, some later or never. */
typedef struct Memory {
  char *base;
  size_t size, given;
} Memory;

static void extend(Memory *memory)
{
  size_t left = memory->size - memory->given;
  size_t gap = chance_once_in(&chance, 2) ? 0 : chance_below(&chance, left);
  size_t size = 1 + chance_below(&chance, left - gap);
  mps_res_t res
      = mps_blk_extend(pool, memory->base + memory->given + gap, size);

  EXPECT(res == MPS_RES_OK || res == MPS_RES_MEMORY || res == MPS_RES_LIMIT);
  if (res == MPS_RES_OK) {
    memory->given += gap + size;
    model_discover(pool, m);
  }
}

static void all_intact(void)
{
  for (size_t i = 0; i < m->count; ++i)
    if (m->block[i].state == HEAD && m->block[i].copy != NULL)
      model_expect_intact(m, i, model_length(m, i) * m->unit);
}

static void audit(void)
{
  model_compare(pool, m);
  model_compare_info(pool, m);
  all_intact();
  EXPECT(mps_blk_check(pool));
  expect_reports(0);
}

/* Mostly little; now and then enough for many groups of 1,024 blocks,
 * for which the pool has summaries */
static size_t random_memory(void)
{
  if (chance_once_in(&chance, 20)) {
    m->unit = 16;
    return chance_between(&chance, 100000, 400000);
  }
  if (chance_once_in(&chance, 3))
    return 3000 + chance_below(&chance, 400 * m->unit);
  return chance_between(&chance, 3000, 8000);
}

static bool begin(Memory *memory)
{
  size_t entries
      = chance_once_in(&chance, 2) ? 1 + chance_below(&chance, 20) : 0;

  m->unit = (size_t)16 << chance_below(&chance, 4);
  m->interior = chance_once_in(&chance, 2);
  m->has_leaves = chance_once_in(&chance, 2);
  has_final = chance_once_in(&chance, 2);
  has_weak = chance_once_in(&chance, 2);
  has_clear = chance_once_in(&chance, 3);
  has_poison = chance_once_in(&chance, 3);
  memory->size = random_memory();
  memory->base = malloc(memory->size);
  memset(memory->base, (int)chance_below(&chance, 256), memory->size);
  memory->given = memory->size - chance_below(&chance, memory->size / 3);
  model_over(memory->base, memory->size);
  return create(memory->base, memory->given, entries);
}

static void episode(unsigned long seed, unsigned long ops)
{
  Memory memory;
  unsigned long i, every;

  chance.state = seed;
  every = 1 + chance_below(&chance, 20);
  if (begin(&memory)) {
    every += m->count / 50;
    model_discover(pool, m);
    for (i = 0; i < ops; ++i) {
      snprintf(model_repeat, sizeof model_repeat,
               "blocks --seed %lu --ops %lu", seed, i + 1);
      random_op();
      if (chance_once_in(&chance, 100) && memory.given + 100 < memory.size)
        extend(&memory);
      if (i % every == 0)
        audit();
    }
    audit();
    do_collect(NULL, 0);
    audit();
    mps_pool_destroy(pool);
    counts.ops += ops;
  }
  model_finish(m);
  free(memory.base);
  ++counts.episodes;
}


/* Every table of a few blocks */

enum {
  MOST = 16
};

static size_t lead, trail, width;

static mps_addr_t at(size_t i)
{
  return model_address(m, i);
}

/* An object there of that length; its blocks are objects of one block. */
static void join(size_t head, size_t length)
{
  mps_addr_t p = at(head);

  for (size_t k = 1; k < length; ++k)
    mps_blk_free(pool, at(head + k));
  EXPECT(mps_blk_realloc(&p, pool, length * m->unit, 0) == MPS_RES_OK);
  EXPECT(p == at(head));
}

/* Make the pool's table the model's.  First all blocks are objects, so that
 * it doesn't matter where the pool puts them. */
static void build(const Block *table)
{
  size_t i;
  mps_addr_t p;

  mps_blk_mark_begin(pool);
  (void)mps_blk_mark_end(pool);
  for (i = 0; i < m->count; ++i)
    EXPECT(mps_blk_alloc(&p, pool, 1, 0) == MPS_RES_OK);
  memcpy(m->block, table, m->count * sizeof m->block[0]);
  for (i = 0; i < m->count; ++i)
    if (table[i].state == HEAD && model_length(m, i) > 1)
      join(i, model_length(m, i));
  for (i = 0; i < m->count; ++i)
    if (table[i].state == FREE)
      mps_blk_free(pool, at(i));
}

/* Nothing is written to the objects, so nothing is to be compared. */
static void judge(void)
{
  model_compare(pool, m);
  expect_reports(0);
  ++counts.ops;
}

static void try_alloc(const Block *table)
{
  for (size_t want = 1; want <= width + 1; ++want) {
    build(table);
    do_alloc(want * m->unit, 0);
    judge();
  }
}

static void try_block(const Block *table, size_t i)
{
  size_t want, move;

  build(table);
  expect_queries(i);
  if (table[i].state != HEAD) {
    mps_blk_free(pool, at(i));
    expect_reports(1);
    judge();
    return;
  }
  do_free(i);
  judge();
  for (want = 1; want <= width + 1; ++want)
    for (move = 0; move < 2; ++move) {
      build(table);
      model_remember(m, i);
      (void)do_realloc(i, want * m->unit, move != 0);
      judge();
      for (size_t k = 0; k < m->count; ++k) {
        free(m->block[k].copy);
        m->block[k].copy = NULL;
      }
    }
}

/* Each choice of the objects that there are as roots */
static void try_collect(const Block *table)
{
  Word heads[MOST], roots[MOST + 2];
  size_t i, n = 0, count;

  for (i = lead; i < lead + width; ++i)
    if (table[i].state == HEAD)
      heads[n++] = (Word)at(i);
  for (size_t choice = 0; choice < (size_t)1 << n; ++choice) {
    build(table);
    for (count = i = 0; i < n; ++i)
      if (choice >> i & 1)
        roots[count++] = heads[i];
    if (lead > 0)
      roots[count++] = (Word)at(0);
    if (trail > 0)
      roots[count++] = (Word)at(lead + width);
    do_collect(roots, count);
    judge();
  }
}

static void try_table(const Block *table)
{
  build(table);
  model_compare_info(pool, m);
  judge();
  try_alloc(table);
  for (size_t i = lead; i < lead + width; ++i)
    try_block(table, i);
  try_collect(table);
  ++counts.tables;
}

/* The states of the blocks from i on in all ways */
static void try_tables(Block *table, size_t i)
{
  if (i == lead + width) {
    try_table(table);
    return;
  }
  for (uint8_t state = FREE; state <= TAIL; ++state) {
    bool follows = i > lead && table[i - 1].state != FREE;
    table[i].state = state;
    if (state != TAIL || follows)
      try_tables(table, i + 1);
  }
}

/* Memory for so many blocks exactly; returns false if there is none. */
static bool create_exactly(char *memory, size_t most, size_t blocks)
{
  mps_blk_info_s info;

  for (size_t size = blocks * m->unit; size < most; size += 8) {
    if (!create(memory, size, 0))
      continue;
    mps_blk_info(&info, pool, 0);
    if (info.total == blocks * m->unit) {
      model_over(memory, size);
      return true;
    }
    mps_pool_destroy(pool);
  }
  return false;
}

/* The model begins with the first block. */
static void trim(void)
{
  size_t first = 0;

  model_discover(pool, m);
  while (m->block[first].state == NOTHING)
    ++first;
  m->base += first * m->unit;
  m->count = lead + width + trail;
  for (size_t i = 0; i < m->count; ++i)
    m->block[i].state = FREE;
  model_compare(pool, m);
}

static void exhaust(void)
{
  size_t i, blocks = lead + width + trail, most = blocks * 16 + 8192;
  char *memory = calloc(1, most); /* so that objects refer to nothing */
  Block *table = calloc(blocks, sizeof *table);

  EXPECT(width <= MOST);
  snprintf(model_repeat, sizeof model_repeat,
           "blocks --exhaust %zu --lead %zu --trail %zu", width, lead, trail);
  m->unit = 16;
  EXPECT(create_exactly(memory, most, blocks));
  trim();
  for (i = 0; i < blocks; ++i)
    table[i].state = i == 0 || i == lead + width ? HEAD : TAIL;
  try_tables(table, lead);
  mps_pool_destroy(pool);
  model_finish(m);
  free(table);
  free(memory);
}


/* The program */

static void print_counts(bool json)
{
  printf(json ? "{\"program\": \"blocks\", \"ok\": true, \"episodes\": %lu,"
                " \"tables\": %lu, \"ops\": %lu, \"allocs\": %lu,"
                " \"refused\": %lu, \"collections\": %lu, \"freed\": %lu,"
                " \"told\": %lu, \"reports\": %lu}\n"
              : "blocks: ok, %lu episodes, %lu tables, %lu operations, %lu"
                " allocated, %lu refused, %lu collections, %lu freed, %lu"
                " told, %lu reports\n",
         counts.episodes, counts.tables, counts.ops, counts.allocs,
         counts.refused, counts.collections, counts.freed, counts.told,
         counts.reports);
}

static double now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct Options {
  unsigned long seed, ops, seconds;
  bool json;
} Options;

static Options options_of(int argc, char **argv)
{
  Options options = {(unsigned long)time(NULL), 0, 10, false};
  unsigned long value;

  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--json") == 0) {
      options.json = true;
      continue;
    }
    value = i + 1 < argc ? strtoul(argv[i + 1], NULL, 10) : 0;
    if (strcmp(argv[i], "--seed") == 0)
      options.seed = value;
    else if (strcmp(argv[i], "--ops") == 0)
      options.ops = value;
    else if (strcmp(argv[i], "--seconds") == 0)
      options.seconds = value;
    else if (strcmp(argv[i], "--exhaust") == 0)
      width = value;
    else if (strcmp(argv[i], "--lead") == 0)
      lead = value;
    else if (strcmp(argv[i], "--trail") == 0)
      trail = value;
    else {
      fprintf(stderr, "blocks: what is %s?\n", argv[i]);
      exit(2);
    }
    ++i;
  }
  return options;
}

int main(int argc, char **argv)
{
  Options options = options_of(argc, argv);
  double end = now() + (double)options.seconds;

  mps_lib_assert_fail_install(on_report);
  EXPECT(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none)
         == MPS_RES_OK);
  if (width > 0)
    exhaust();
  else if (options.ops > 0)
    episode(options.seed, options.ops);
  else
    while (now() < end)
      episode(options.seed++, 3000);
  mps_arena_destroy(arena);
  print_counts(options.json);
  return 0;
}
