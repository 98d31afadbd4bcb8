/* test_blktab.c -- tables of blocks
 *
 * Directed tests, among them one for each bug that a design like this has
 * had before; and a random walk beside an array of states.
 *
 * COVERS(".blk.tab"), COVERS(".blk.tab.inv.pad"), COVERS(".blk.tab.inv.tail"),
 * COVERS(".blk.tab.inv.hint"), COVERS(".blk.tab.inv.near"),
 * COVERS(".blk.tab.hint"), COVERS(".blk.tab.runs"), COVERS(".blk.tab.sweep"),
 * COVERS(".blk.tab.flags"), COVERS(".blk.tab.grow")
 */

#include "pool/blktab.h"
#include "unit.h"

#include <string.h>

#define ALL_PLANES 7u

typedef struct Table {
  BlkTab tab;
  void *store;
} Table;

static void table_make(Table *t, Count blocks)
{
  t->store = malloc(blktab_size(blocks, ALL_PLANES));
  blktab_init(&t->tab, t->store, blocks, ALL_PLANES);
}

static void table_finish(Table *t)
{
  ck_assert(blktab_check_all(&t->tab));
  blktab_finish(&t->tab);
  free(t->store);
}

static void mark(BlkTab *tab, Index head)
{
  tab->pairs[2 * (head / WORD_BITS) + 1] |= blktab_bit(head);
}

/* Fill the table with objects of these lengths by turns; how many? */
static Count fill(BlkTab *tab, Index *heads, Count length)
{
  Count count = 0;

  while ((heads[count] = blktab_alloc(tab, length)) != BLK_NONE)
    ++count;
  return count;
}

static const Count sizes[]
    = {1,   2,   3,    63,   64,   65,   127,  128,  129,
       191, 192, 1023, 1024, 1025, 2047, 2048, 10000};
#define SIZES ((int)(sizeof sizes / sizeof sizes[0]))

START_TEST(one_block_objects_fill_it)
{
  Count blocks = sizes[_i];
  Index *heads = calloc(blocks + 1, sizeof *heads);
  Table t;

  table_make(&t, blocks);
  ck_assert_uint_eq(fill(&t.tab, heads, 1), blocks);
  for (Index i = 0; i < blocks; ++i)
    EXPECT(heads[i] == i);
  ck_assert(blktab_is_hopeless(&t.tab, 1));
  (void)blktab_free(&t.tab, blocks / 2);
  ck_assert(!blktab_is_hopeless(&t.tab, 1));
  ck_assert_uint_eq(blktab_alloc(&t.tab, 1), blocks / 2);
  ck_assert_uint_eq(blktab_sweep(&t.tab, NULL, NULL), blocks);
  ck_assert_uint_eq(t.tab.used, 0);
  table_finish(&t);
  free(heads);
}
END_TEST

START_TEST(whole_table_is_one_object)
{
  Count blocks = sizes[_i];
  Table t;

  table_make(&t, blocks);
  ck_assert_uint_eq(blktab_alloc(&t.tab, blocks + 1), BLK_NONE);
  ck_assert_uint_eq(blktab_alloc(&t.tab, blocks), 0);
  ck_assert_uint_eq(blktab_length(&t.tab, 0), blocks);
  ck_assert_uint_eq(blktab_head(&t.tab, blocks - 1), 0);
  ck_assert_uint_eq(blktab_alloc(&t.tab, 1), BLK_NONE);
  ck_assert(!blktab_resize(&t.tab, 0, blocks + 1));
  ck_assert(blktab_resize(&t.tab, 0, 1));
  ck_assert_uint_eq(blktab_length(&t.tab, 0), 1);
  ck_assert(blktab_resize(&t.tab, 0, blocks));
  mark(&t.tab, 0);
  ck_assert_uint_eq(blktab_marked(&t.tab), blocks);
  ck_assert_uint_eq(blktab_sweep(&t.tab, NULL, NULL), 0);
  ck_assert_uint_eq(blktab_length(&t.tab, 0), blocks);
  ck_assert_uint_eq(blktab_free(&t.tab, 0), blocks);
  table_finish(&t);
}
END_TEST

/* Seed A 1: a free run at the very end and one at the very start are two. */
START_TEST(runs_do_not_wrap)
{
  Index heads[200];
  Table t;

  table_make(&t, 128);
  (void)fill(&t.tab, heads, 1);
  for (Index b = 0; b < 5; ++b)
    (void)blktab_free(&t.tab, b);
  for (Index b = 123; b < 128; ++b)
    (void)blktab_free(&t.tab, b);
  ck_assert_uint_eq(blktab_alloc(&t.tab, 6), BLK_NONE); /* fails, */
  for (Index b = 5; b < 123; ++b)
    mark(&t.tab, b);
  ck_assert_uint_eq(blktab_sweep(&t.tab, NULL, NULL), 0); /* collects, */
  ck_assert_uint_eq(blktab_alloc(&t.tab, 6), BLK_NONE);   /* fails again */
  ck_assert_uint_eq(blktab_alloc(&t.tab, 5), 0);
  ck_assert_uint_eq(blktab_alloc(&t.tab, 5), 123);
  table_finish(&t);
}
END_TEST

/* Seed A 2: the last object ends with the table, whatever lies behind it. */
START_TEST(last_object_ends_with_the_table)
{
  Count blocks = sizes[_i];
  Size size = blktab_size(blocks, 0);
  Word *store = malloc(size + 16 * sizeof(Word));
  BlkTab tab;

  memset(store, 0xAA, size + 16 * sizeof(Word)); /* looks like tails */
  blktab_init(&tab, store, blocks, 0);
  (void)blktab_alloc(&tab, 1);
  if (blocks > 1)
    (void)blktab_alloc(&tab, blocks - 1);
  ck_assert_uint_eq(blktab_length(&tab, blocks > 1 ? 1 : 0),
                    blocks > 1 ? blocks - 1 : 1);
  (void)blktab_sweep(&tab, NULL, NULL);
  for (Index i = 0; i < 16; ++i)
    ck_assert_uint_eq(store[size / sizeof(Word) + i], 0xAAAAAAAAAAAAAAAA);
  blktab_finish(&tab);
  free(store);
}
END_TEST

/* Seed A 4 and 5 are about roots and finalizers: test_blk.c.  5 here: the
 * dead are found without anything being freed. */
START_TEST(dead_are_found_before_the_sweep)
{
  Table t;
  Index heads[100];
  Count count;
  Index dead = 0;
  Count found = 0;

  table_make(&t, 200);
  count = fill(&t.tab, heads, 3);
  for (Index i = 0; i < count; ++i) {
    blktab_put(&t.tab, BLKTAB_FINAL, heads[i], i % 2 == 0);
    if (i % 3 == 0)
      mark(&t.tab, heads[i]);
  }
  while ((dead = blktab_next_dead(&t.tab, BLKTAB_FINAL, dead)) != BLK_NONE) {
    ck_assert_uint_eq(blktab_length(&t.tab, dead), 3);
    ck_assert_uint_eq(dead % 6, 0);
    ck_assert_uint_ne(dead % 9, 0);
    ++found;
    ++dead;
  }
  ck_assert_uint_eq(found, 22);
  ck_assert_uint_eq(t.tab.objects, 66);
  (void)blktab_sweep(&t.tab, NULL, NULL);
  for (Index b = 0; b < 200; ++b) /* no flag outlives its object */
    ck_assert(!blktab_has(&t.tab, BLKTAB_FINAL, b)
              || (b % 18 == 0 && blktab_is_head(&t.tab, b)));
  table_finish(&t);
}
END_TEST

/* Prototype bug (a): a search for 64 blocks and more notes the shorter runs
 * of its class within a word. */
START_TEST(hint_knows_runs_within_a_word)
{
  Index heads[1024 + 1];
  Table t;

  table_make(&t, 1024);
  (void)fill(&t.tab, heads, 1);
  for (Index b = 70; b < 70 + 40; ++b) /* inside one word; class 33..64 */
    (void)blktab_free(&t.tab, b);
  for (Index b = 500; b < 564; ++b)
    (void)blktab_free(&t.tab, b);
  ck_assert_uint_eq(blktab_alloc(&t.tab, 64), 500);
  ck_assert(blktab_check_all(&t.tab));
  ck_assert_uint_eq(blktab_alloc(&t.tab, 40), 70);
  table_finish(&t);
}
END_TEST

/* Prototype bug (b): what merges to the left is known from its beginning. */
START_TEST(hint_is_never_in_a_run)
{
  Index heads[8192 + 1];
  Table t;

  table_make(&t, 8192);
  (void)fill(&t.tab, heads, 1);
  for (Index b = 100; b < 3000; ++b)
    (void)blktab_free(&t.tab, b);
  ck_assert(blktab_check_all(&t.tab));
  for (Index b = 5000; b > 3000; --b)
    (void)blktab_free(&t.tab, b - 1);
  ck_assert(blktab_check_all(&t.tab));
  ck_assert_uint_eq(blktab_alloc(&t.tab, 4900), 100);
  table_finish(&t);
}
END_TEST

/* A word full of dead tails, a dead head in its last bit, live tails next to
 * dead ones, over several words. */
START_TEST(sweep_carries_through_tails)
{
  Count length = (Count)_i + 1;
  Index heads[1000 + 1];
  Table t;
  Count count;
  Count alive = 0;

  table_make(&t, 1000);
  count = fill(&t.tab, heads, length);
  for (Index i = 0; i < count; ++i)
    if (i % 3 == 1) {
      mark(&t.tab, heads[i]);
      ++alive;
    }
  ck_assert_uint_eq(blktab_marked(&t.tab), alive * length);
  ck_assert_uint_eq(blktab_sweep(&t.tab, NULL, NULL), count - alive);
  ck_assert_uint_eq(t.tab.used, alive * length);
  for (Index i = 0; i < count; ++i) {
    EXPECT(blktab_state(&t.tab, heads[i])
           == (i % 3 == 1 ? BLK_HEAD : BLK_FREE));
    if (i % 3 == 1)
      EXPECT(blktab_length(&t.tab, heads[i]) == length);
  }
  table_finish(&t);
}
END_TEST

/* A word without tails, whose last block begins an object that goes on. */
START_TEST(sweep_carries_out_of_plain_words)
{
  Table t;

  table_make(&t, 300);
  for (Index i = 0; i < 63; ++i)
    ck_assert_uint_eq(blktab_alloc(&t.tab, 1), i);
  ck_assert_uint_eq(blktab_alloc(&t.tab, 70), 63);
  ck_assert_uint_eq(blktab_alloc(&t.tab, 2), 133);
  mark(&t.tab, 133);
  ck_assert_uint_eq(blktab_sweep(&t.tab, NULL, NULL), 64);
  ck_assert_uint_eq(t.tab.used, 2);
  table_finish(&t);
}
END_TEST

static void count_freed(void *closure, Index word, Word bits)
{
  (void)word;
  *(Count *)closure += (Count)__builtin_popcountll(bits);
}

START_TEST(sweep_tells_what_it_freed)
{
  Index heads[400];
  Count freed = 0;
  Table t;

  table_make(&t, 400);
  (void)fill(&t.tab, heads, 7);
  mark(&t.tab, 14);
  (void)blktab_sweep(&t.tab, count_freed, &freed);
  ck_assert_uint_eq(freed, 400 / 7 * 7 - 7);
  table_finish(&t);
}
END_TEST

START_TEST(search_skips_groups)
{
  Count blocks = 40 * 4096;
  Index *heads = calloc(blocks + 1, sizeof *heads);
  Table t;

  table_make(&t, blocks);
  (void)fill(&t.tab, heads, 1);
  for (Index b = 0; b < blocks - 5000; b += 3)
    (void)blktab_free(&t.tab, b);
  for (Index b = blocks - 4200; b < blocks - 4000; ++b)
    (void)blktab_free(&t.tab, b);
  for (Count n = 2; n < 200; ++n) {
    Index found = blktab_alloc(&t.tab, n);

    ck_assert_uint_eq(found, blocks - 4200);
    ck_assert(blktab_check_all(&t.tab));
    (void)blktab_free(&t.tab, found);
  }
  ck_assert_uint_eq(blktab_alloc(&t.tab, 201), BLK_NONE);
  ck_assert_uint_eq(blktab_alloc(&t.tab, 1), 0);
  table_finish(&t);
  free(heads);
}
END_TEST

START_TEST(tables_grow_over_themselves)
{
  Count blocks = sizes[_i];
  Count more = blocks + 1 + blocks / 2;
  Size size = blktab_size(more, ALL_PLANES);
  char *memory = malloc(2 * size + 64);
  BlkTab tab;
  Index last;

  blktab_init(&tab, memory, blocks, ALL_PLANES);
  last = blktab_alloc(&tab, blocks > 2 ? blocks - 2 : blocks);
  blktab_put(&tab, BLKTAB_WEAK, last, true);
  blktab_put(&tab, BLKTAB_LEAF, last, true);
  blktab_grow(&tab, memory + 8 * ((size_t)_i % 3), more);
  ck_assert(blktab_check_all(&tab));
  ck_assert_uint_eq(tab.blocks, more);
  ck_assert(blktab_has(&tab, BLKTAB_WEAK, last));
  ck_assert(blktab_has(&tab, BLKTAB_LEAF, last));
  ck_assert(!blktab_has(&tab, BLKTAB_FINAL, last));
  ck_assert_uint_eq(blktab_length(&tab, last),
                    blocks > 2 ? blocks - 2 : blocks);
  ck_assert(blktab_resize(&tab, last, more));
  blktab_finish(&tab);
  free(memory);
}
END_TEST

START_TEST(fits_as_many_as_can_be)
{
  Size block = (Size)16 << (_i % 4);
  unsigned planes = (unsigned)_i % 8;

  for (Size size = 0; size < 300000; size = size * 9 / 8 + 7) {
    Count blocks = blktab_fit(size, block, planes);

    if (blocks > 0)
      EXPECT(blocks * block + blktab_size(blocks, planes) <= size);
    EXPECT((blocks + 1) * block + blktab_size(blocks + 1, planes) > size);
  }
}
END_TEST


/* Beside an array of states */

typedef struct Model {
  Table t;
  unsigned char *state;
  Index *heads;
  Count objects;
} Model;

static Index model_find(const Model *m, Count count)
{
  Count run = 0;

  for (Index b = 0; b < m->t.tab.blocks; ++b) {
    run = m->state[b] == BLK_FREE ? run + 1 : 0;
    if (run == count)
      return b + 1 - count;
  }
  return BLK_NONE;
}

static Index model_end(const Model *m, Index head)
{
  Index end = head + 1;

  while (end < m->t.tab.blocks && m->state[end] == BLK_TAIL)
    ++end;
  return end;
}

static void model_set(Model *m, Index head, Index end)
{
  for (Index b = head; b < end; ++b)
    m->state[b] = b == head ? BLK_HEAD : BLK_TAIL;
}

static void model_alloc(Model *m)
{
  Count most = unit_random(10) < 7 ? 6 : unit_random(10) < 8 ? 90 : 2000;
  Count count = 1 + unit_random(most);
  Index found = model_find(m, count);

  EXPECT(blktab_alloc(&m->t.tab, count) == found);
  if (found == BLK_NONE)
    return;
  model_set(m, found, found + count);
  m->heads[m->objects++] = found;
}

static void model_free(Model *m)
{
  Index i = unit_random(m->objects);
  Index head = m->heads[i];
  Index end = model_end(m, head);

  EXPECT(blktab_free(&m->t.tab, head) == end - head);
  memset(m->state + head, BLK_FREE, end - head);
  m->heads[i] = m->heads[--m->objects];
}

static void model_resize(Model *m)
{
  Index head = m->heads[unit_random(m->objects)];
  Index end = model_end(m, head);
  Count count = 1 + unit_random(100);
  Index room = end;

  while (room < m->t.tab.blocks && m->state[room] == BLK_FREE)
    ++room;
  EXPECT(blktab_length(&m->t.tab, head) == end - head);
  EXPECT(blktab_head(&m->t.tab, head + unit_random(end - head)) == head);
  EXPECT(blktab_resize(&m->t.tab, head, count) == (count <= room - head));
  if (count > room - head)
    return;
  memset(m->state + head, BLK_FREE, end - head);
  model_set(m, head, head + count);
}

static void model_collect(Model *m)
{
  Count kept = 0;

  for (Index i = 0; i < m->objects; ++i) {
    Index head = m->heads[i];

    if (unit_random(3) > 0) {
      mark(&m->t.tab, head);
      m->heads[kept++] = head;
    } else {
      memset(m->state + head, BLK_FREE, model_end(m, head) - head);
    }
  }
  EXPECT(blktab_sweep(&m->t.tab, NULL, NULL) == m->objects - kept);
  m->objects = kept;
}

static void model_check(const Model *m)
{
  EXPECT(blktab_check_all(&m->t.tab));
  EXPECT(m->t.tab.objects == m->objects);
  for (Index b = 0; b < m->t.tab.blocks; ++b)
    EXPECT(blktab_state(&m->t.tab, b) == (BlkState)m->state[b]);
}

START_TEST(like_an_array_of_states)
{
  Count blocks = 1 + unit_random(_i % 2 == 0 ? 600 : 20000);
  Model m
      = {.state = calloc(blocks, 1), .heads = calloc(blocks, sizeof(Index))};

  table_make(&m.t, blocks);
  for (int step = 0; step < 3000; ++step) {
    uint64_t what = unit_random(100);

    if (what < 50 || m.objects == 0)
      model_alloc(&m);
    else if (what < 80)
      model_free(&m);
    else if (what < 98)
      model_resize(&m);
    else
      model_collect(&m);
    if (step % 100 == 0)
      model_check(&m);
  }
  model_check(&m);
  table_finish(&m.t);
  free(m.state);
  free(m.heads);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("blktab");

  unit_seed("blktab");
  unit_add_loop(suite, "ones", one_block_objects_fill_it, SIZES);
  unit_add_loop(suite, "whole", whole_table_is_one_object, SIZES);
  unit_add(suite, "wrap", runs_do_not_wrap);
  unit_add_loop(suite, "end", last_object_ends_with_the_table, SIZES);
  unit_add(suite, "dead", dead_are_found_before_the_sweep);
  unit_add(suite, "within", hint_knows_runs_within_a_word);
  unit_add(suite, "merge", hint_is_never_in_a_run);
  unit_add_loop(suite, "sweep", sweep_carries_through_tails, 200);
  unit_add(suite, "plain", sweep_carries_out_of_plain_words);
  unit_add(suite, "freed", sweep_tells_what_it_freed);
  unit_add(suite, "groups", search_skips_groups);
  unit_add_loop(suite, "grow", tables_grow_over_themselves, SIZES);
  unit_add_loop(suite, "fit", fits_as_many_as_can_be, 32);
  unit_add_loop(suite, "model", like_an_array_of_states, 20);
  return unit_run(suite);
}
