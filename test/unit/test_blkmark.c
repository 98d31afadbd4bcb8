/* test_blkmark.c -- finding the living among blocks
 *
 * Shapes that overflow the mark stack, with a stack of 16 entries, counting
 * the visits to blocks; and random graphs beside a plain search.
 *
 * COVERS(".blk.mark"), COVERS(".blk.mark.ring"), COVERS(".blk.mark.follow"),
 * COVERS(".blk.mark.overflow"), COVERS(".blk.mark.areas")
 */

#include "pool/blkmark.h"
#include "unit.h"

#include <string.h>

#define SHIFT 5
#define BLOCK ((Size)1 << SHIFT)
#define STACK 16
#define WORDS (BLOCK / sizeof(Word))

static BlkMark marker;
static Word stack[STACK];
static BlkArea areas[8];
static Word *memory[8];
static Count area_count;

static void heap_make(Count count, Count blocks, unsigned planes)
{
  blkmark_init(&marker, SHIFT, stack, STACK);
  area_count = count;
  for (Index i = 0; i < count; ++i) {
    memory[i] = aligned_alloc(BLOCK, blocks * BLOCK);
    memset(memory[i], 0, blocks * BLOCK);
    areas[i].base = (Word)memory[i];
    areas[i].size = blocks * BLOCK;
    blktab_init(&areas[i].tab, malloc(blktab_size(blocks, planes)), blocks,
                planes);
    ck_assert(blkmark_add(&marker, &areas[i]));
  }
  ck_assert(blkmark_check(&marker));
}

static void heap_finish(void)
{
  for (Index i = 0; i < area_count; ++i) {
    blkmark_remove(&marker, &areas[i]);
    free(areas[i].tab.pairs);
    free(memory[i]);
  }
}

static Word *make(Index area, Count blocks)
{
  Index head = blktab_alloc(&areas[area].tab, blocks);

  EXPECT(head != BLK_NONE);
  return memory[area] + head * WORDS;
}

static Count total(Count (*of)(const BlkTab *tab))
{
  Count sum = 0;

  for (Index i = 0; i < area_count; ++i)
    sum += of(&areas[i].tab);
  return sum;
}

/* Mark from one root: everything, in at most four visits a block. */
static void expect_all_live(const void *root)
{
  Word word = (Word)root;
  Count live = 0;

  for (Index i = 0; i < area_count; ++i)
    live += areas[i].tab.used;
  blkmark_begin(&marker);
  blkmark_range(&marker, &word, 1);
  blkmark_finish(&marker);
  ck_assert_uint_eq(total(blktab_marked), live);
  ck_assert_msg(marker.visits <= 4 * live, "%zu visits of %zu blocks",
                marker.visits, live);
  ck_assert_uint_ge(marker.visits, live);
  for (Index i = 0; i < area_count; ++i)
    ck_assert_uint_eq(blktab_sweep(&areas[i].tab, NULL, NULL), 0);
}

#define NODES 3000

/* The odd tests build their shape from high addresses to low ones. */
static Word *nodes[NODES];

static void make_nodes(Count blocks)
{
  for (Index i = 0; i < NODES; ++i)
    nodes[i] = make(i % area_count, blocks);
}

static Word *node(Index i, bool is_down)
{
  return nodes[is_down ? NODES - 1 - i : i];
}

START_TEST(deep_list)
{
  heap_make(_i < 2 ? 1 : 3, 2 * NODES, 0);
  make_nodes(1);
  for (Index i = 0; i + 1 < NODES; ++i)
    node(i, _i % 2)[3] = (Word)node(i + 1, _i % 2);
  expect_all_live(node(0, _i % 2));
  ck_assert_uint_eq(marker.visits, NODES);
  ck_assert_uint_eq(marker.passes, 0);
  heap_finish();
}
END_TEST

START_TEST(wide_array)
{
  Word *array;

  heap_make(_i < 2 ? 1 : 3, 3 * NODES, 0);
  make_nodes(1);
  array = make(0, NODES / WORDS + 1);
  for (Index i = 0; i < NODES; ++i)
    array[i] = (Word)node(i, _i % 2);
  expect_all_live(array);
  ck_assert_uint_gt(marker.passes, 0); /* the stack was too small */
  heap_finish();
}
END_TEST

/* A comb: a spine, each node of which has a tooth too, in either order in
 * the node, upwards and downwards, with teeth beside the spine or far off,
 * and longer than one. */
START_TEST(comb)
{
  bool is_down = _i % 2;
  bool is_tooth_first = _i / 2 % 2;
  bool is_far = _i / 4 % 2;
  Count tooth = _i / 8 % 2 ? 3 : 1;
  Count spine = NODES / (1 + tooth);

  heap_make(_i < 16 ? 1 : 3, 2 * NODES, 0);
  make_nodes(1);
  for (Index i = 0; i < spine; ++i) {
    Index at = is_far ? i : i * (1 + tooth);
    Index next = is_far ? i + 1 : (i + 1) * (1 + tooth);
    Word *here = node(at, is_down);

    if (i + 1 < spine)
      here[is_tooth_first] = (Word)node(next, is_down);
    for (Index k = 0; k < tooth; ++k) {
      Word *tip = node(is_far ? spine + i * tooth + k : at + 1 + k, is_down);

      here[k == 0 ? !is_tooth_first : 2] = (Word)tip;
      here = tip;
    }
  }
  for (Index i = spine * (1 + tooth); i < NODES; ++i)
    (void)blktab_free(&areas[i % area_count].tab,
                      ((Word)node(i, is_down) - areas[i % area_count].base)
                          >> SHIFT);
  expect_all_live(node(0, is_down));
  /* The ring hands teeth on before the stack is full of them. */
  ck_assert_uint_eq(marker.passes, 0);
  heap_finish();
}
END_TEST

/* A table of rows: two levels of wide objects. */
START_TEST(rows)
{
  Word *table;

  heap_make(1, 4 * NODES, 0);
  make_nodes(1);
  table = make(0, 50);
  for (Index r = 0; r < 200; ++r) {
    Word *row = make(0, 4);

    table[r] = (Word)row;
    for (Index i = 0; i < 15; ++i)
      row[i] = (Word)nodes[r * 15 + i];
  }
  expect_all_live(table);
  ck_assert_uint_gt(marker.passes, 0);
  heap_finish();
}
END_TEST

static bool seen[NODES];
static Count seen_count;

static void search(Index from)
{
  Index queue[NODES];
  Count head = 0;
  Count tail = 0;

  seen[from] = true;
  queue[tail++] = from;
  while (head < tail) {
    const Word *here = nodes[queue[head++]];

    ++seen_count;
    for (Index k = 0; k < 3; ++k) {
      Index to = here[k] == 0 ? NODES : here[3 + k];

      if (to < NODES && !seen[to]) {
        seen[to] = true;
        queue[tail++] = to;
      }
    }
  }
}

/* Random edges, half of them to places in objects. */
START_TEST(random_graphs)
{
  Count live = 0;
  Word root;

  heap_make(1 + (Count)_i % 4, 3 * NODES, 0);
  make_nodes(2);
  for (Index i = 0; i < NODES; ++i)
    for (Index k = 0; k < 3; ++k)
      if (unit_random(10) < (uint64_t)_i % 7) {
        Index to = unit_random(NODES);

        nodes[i][k] = (Word)nodes[to] + (_i % 2 ? unit_random(64) : 0);
        nodes[i][3 + k] = to;
      }
  memset(seen, 0, sizeof seen);
  seen_count = 0;
  search(7);
  root = (Word)nodes[7];
  blkmark_begin(&marker);
  blkmark_range(&marker, &root, 1);
  blkmark_finish(&marker);
  for (Index i = 0; i < NODES; ++i) {
    const BlkArea *area = blkmark_area(&marker, (Word)nodes[i]);
    Index head = ((Word)nodes[i] - area->base) >> SHIFT;

    EXPECT((blktab_state(&area->tab, head) == BLK_MARK) == seen[i]);
    live += seen[i] ? 2 : 0;
  }
  ck_assert_uint_le(marker.visits, 4 * live);
  heap_finish();
}
END_TEST

START_TEST(areas_are_told_apart)
{
  Word word;

  heap_make(5, 64, 0);
  ck_assert(!blkmark_add(&marker, &areas[2]));
  for (Index i = 0; i < 5; ++i) {
    Word base = areas[i].base;

    ck_assert_ptr_eq(blkmark_area(&marker, base), &areas[i]);
    ck_assert_ptr_eq(blkmark_area(&marker, base + 64 * BLOCK - 1), &areas[i]);
    ck_assert_ptr_ne(blkmark_area(&marker, base + 64 * BLOCK), &areas[i]);
    ck_assert_ptr_ne(blkmark_area(&marker, base - 1), &areas[i]);
  }
  ck_assert_ptr_null(blkmark_area(&marker, 0));
  ck_assert_ptr_null(blkmark_area(&marker, ~(Word)0));
  word = (Word)make(3, 1);
  blkmark_begin(&marker);
  ck_assert(blkmark_word(&marker, word));
  ck_assert(!blkmark_word(&marker, word));
  ck_assert(!blkmark_word(&marker, word + BLOCK));
  blkmark_finish(&marker);
  heap_finish();
}
END_TEST

/* A leaf is marked and not scanned, also where it was left pending. */
START_TEST(leaves_are_marked_only)
{
  Word *array;

  heap_make(1, 4 * NODES, 1u << BLKTAB_LEAF);
  array = make(0, NODES / WORDS + 1);
  make_nodes(1);
  for (Index i = 0; i < NODES; ++i) {
    array[i] = (Word)nodes[i];
    nodes[i][0] = (Word)make(0, 1);
    blktab_put(&areas[0].tab, BLKTAB_LEAF,
               ((Word)nodes[i] - areas[0].base) >> SHIFT, true);
  }
  blkmark_begin(&marker);
  blkmark_range(&marker, (Word *)&array, 1);
  blkmark_finish(&marker);
  ck_assert_uint_eq(total(blktab_marked), NODES + NODES / WORDS + 1);
  ck_assert_uint_eq(marker.visits, NODES / WORDS + 1);
  heap_finish();
}
END_TEST

/* A list of objects of several lengths, some of which end in another word of
 * the table than they begin in, referred to by their first words or, where
 * that counts, by words within.  All refer into a lost object where that
 * doesn't count; the last is a leaf, and refers to it in earnest. */
START_TEST(uneven_list)
{
  static const Count lengths[] = {1, 2, 1, 3, 64, 1, 65};
  bool is_interior = _i == 1;
  Count live = 0;
  Word *last = NULL;
  Word *lost;

  heap_make(1, 100 * 7 * 20, 1u << BLKTAB_LEAF);
  marker.is_interior = is_interior;
  lost = make(0, 1);
  for (Index i = 0; i < 701; ++i) {
    Count length = lengths[i % 7];
    Word *object = make(0, length);
    Size within = is_interior && i % 5 == 0 ? length * BLOCK - 1 : 0;

    if (last != NULL)
      last[i % WORDS] = (Word)object + within;
    if (!is_interior)
      object[i % WORDS] = (Word)lost + 8;
    nodes[i] = object;
    last = object;
    live += length;
  }
  last[0] = (Word)lost;
  blktab_put(&areas[0].tab, BLKTAB_LEAF, ((Word)last - areas[0].base) >> SHIFT,
             true);
  blkmark_begin(&marker);
  blkmark_range(&marker, (Word *)nodes, 1);
  ck_assert(blkmark_is_done(&marker));
  ck_assert_uint_eq(total(blktab_marked), live);
  ck_assert_uint_eq(blktab_sweep(&areas[0].tab, NULL, NULL), 1);
  heap_finish();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("blkmark");

  unit_seed("blkmark");
  unit_add_loop(suite, "list", deep_list, 4);
  unit_add_loop(suite, "wide", wide_array, 4);
  unit_add_loop(suite, "comb", comb, 32);
  unit_add(suite, "rows", rows);
  unit_add_loop(suite, "random", random_graphs, 56);
  unit_add(suite, "areas", areas_are_told_apart);
  unit_add(suite, "leaves", leaves_are_marked_only);
  unit_add_loop(suite, "uneven", uneven_list, 2);
  return unit_run(suite);
}
