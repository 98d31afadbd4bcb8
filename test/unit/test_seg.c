/* test_seg.c -- segments, in the map and on the lists
 *
 * Many segments live at once; after each step the grain map, the lists of
 * the generations and the remembered lists must agree with them.
 */

#include "fake_pool.h"

enum {
  SEGS_MAX = 24,
  GRAIN = 4096
};

static const SegClass no_class = {.name = "none"};

static mps_arena_t arena;
static mps_fmt_t format;
static FakePool *fake;
static Seg *seg[SEGS_MAX];

static void start(void)
{
  arena = help_arena(16 * MIB);
  format = help_format(arena, 8, 0);
  fake_rank = RANK_EXACT;
  fake_seg_class = &no_class;
  fake = fake_create(arena, format, NULL);
  memset(seg, 0, sizeof seg);
}

static void finish(void)
{
  mps_pool_destroy(&fake->pool);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}

static Seg *make(PoolGen *pgen, Rank rank, Size size)
{
  Seg *it;

  ck_assert_int_eq(seg_alloc(&it, pgen, &no_class, rank, size), MPS_RES_OK);
  pgen_account_fill(it);
  return it;
}

/* Is a link on a ring exactly once, or not at all? */
static Count times_on(const Ring *ring, const Ring *link)
{
  Count count = 0;

  for (const Ring *node = ring->next; node != ring; node = node->next)
    count += node == link;
  return count;
}

/* .seg.gen.map: on one list, that of its generation; .seg.make */
static void check_lists(const Seg *it)
{
  for (Index g = 0; g <= fake->gens; ++g)
    EXPECT(times_on(&fake->pgens[g].segs, &it->gen_link)
           == (it->pgen == &fake->pgens[g]));
  EXPECT(seg_gen(it) == it->pgen->gen); /* .seg.gen.get */
  EXPECT(it->kind == it->pgen->gen->id);
  for (Index i = 0; i < WORD_BITS; ++i) {
    bool is_lowest = it->refset != REFSET_EMPTY
                     && (Index)__builtin_ctzll(it->refset) == i;

    EXPECT(times_on(&arena->remembered[i], &it->ref_link) == is_lowest);
  }
}

/* .space.map: its grains name it. */
static void check_map(void)
{
  Size size = 0;

  for (Index i = 0; i < SEGS_MAX; ++i) {
    if (seg[i] == NULL)
      continue;
    EXPECT(seg_check(seg[i]));
    check_lists(seg[i]);
    size += seg_size(seg[i]);
    for (Addr at = seg[i]->base; at < seg[i]->limit;
         at = addr_add(at, GRAIN)) {
      EXPECT(space_seg(&arena->space, at) == seg[i]);
      EXPECT(space_seg(&arena->space, addr_add(at, GRAIN - 1)) == seg[i]);
      EXPECT(arena->space.kind[space_index(&arena->space, at)]
             == seg[i]->kind);
    }
  }
  for (Index g = 0; g <= fake->gens; ++g) {
    EXPECT(pgen_check(&fake->pgens[g]));
    size -= fake->pgens[g].account.total;
  }
  EXPECT(size == 0);
}

static void step(Index i)
{
  if (seg[i] == NULL) {
    seg[i] = make(&fake->pgens[unit_random(fake->gens + 1)],
                  unit_random(3) == 0 ? RANK_NONE : RANK_EXACT,
                  1 + unit_random(12 * GRAIN));
    EXPECT(seg[i]->refset
           == (seg[i]->rank == RANK_NONE ? REFSET_EMPTY : REFSET_UNIVERSAL));
    return;
  }
  switch (unit_random(3)) {
  case 0:
    seg_free(seg[i]);
    seg[i] = NULL;
    break;
  case 1:
    if (seg[i]->rank != RANK_NONE) {
      /* Narrow sets are for those who can't be written to unseen. */
      RefSet set = unit_random(2) == 0 ? REFSET_UNIVERSAL : REFSET_EMPTY;

      seg[i]->is_wanted = false;
      arena->is_stopped = true;
      seg_set_refset(seg[i], set & unit_random(UINT64_MAX));
      check_lists(seg[i]);
      seg_set_refset(seg[i], REFSET_UNIVERSAL);
      arena->is_stopped = false;
    }
    break;
  default: {
    Count grains = seg_size(seg[i]) / GRAIN;
    Index first = unit_random(grains);
    Addr base = addr_add(seg[i]->base, first * GRAIN);
    Addr limit = addr_add(base, (1 + unit_random(grains - first)) * GRAIN);
    Addr old_base = seg[i]->base;
    Addr old_limit = seg[i]->limit;

    seg_shrink(seg[i], base, limit);
    EXPECT(seg[i]->base == base && seg[i]->limit == limit);
    EXPECT(seg[i]->used_limit <= limit && seg[i]->scanned >= base);
    EXPECT(base == old_base || !space_has_addr(&arena->space, old_base));
    EXPECT(limit == old_limit || !space_has_addr(&arena->space, limit));
    EXPECT(space_seg(&arena->space, addr_sub(base, 1)) != seg[i]);
  }
  }
}

/* COVERS: .seg.make .seg.shrink .seg.gen .seg.gen.map .seg.gen.ind */
START_TEST(test_random)
{
  unit_seed("random");
  start();
  for (Index n = 0; n < 4000; ++n) {
    step(unit_random(SEGS_MAX));
    check_map();
  }
  finish();
}
END_TEST

/* .seg.record: whole lines, on a line; .space.ends: leaves apart. */
START_TEST(test_placement)
{
  Seg *exact;
  Seg *leaf;

  start();
  leaf = make(&fake->pgens[0], RANK_NONE, 100);
  exact = make(&fake->pgens[0], RANK_EXACT, 100);
  ck_assert_uint_eq((Word)exact % 64, 0);
  ck_assert_uint_eq((Word)leaf % 64, 0);
  ck_assert_uint_eq(seg_size(exact), GRAIN);
  ck_assert(exact->base < leaf->base);
  ck_assert(exact->used_limit == exact->limit);
  ck_assert(exact->scanned == exact->base);
  ck_assert_ptr_eq(exact->format, format);
  ck_assert_ptr_eq(seg_arena(leaf), arena);
  finish();
}
END_TEST

/* .seg.grey: once, however often; a leaf never (.seg.inv.leaf). */
START_TEST(test_grey)
{
  Seg *a;
  Seg *b;

  start();
  a = make(&fake->pgens[0], RANK_EXACT, 100);
  b = make(&fake->pgens[0], RANK_NONE, 100);
  arena->is_stopped = true;
  seg_set_grey(a, arena);
  seg_set_grey(a, arena);
  seg_set_grey(b, arena);
  ck_assert_ptr_eq(arena->grey, a);
  ck_assert_ptr_null(a->grey_next);
  ck_assert(a->is_grey && !b->is_grey);
  /* What the client may do to it is to be settled too. */
  ck_assert_ptr_eq(arena->wanted, a);
  ck_assert(a->is_queued && a->is_wanted && !b->is_wanted);
  arena->grey = NULL;
  arena->wanted = NULL;
  a->is_grey = false;
  a->is_queued = false;
  a->is_wanted = false;
  arena->is_stopped = false;
  finish();
}
END_TEST

/* .seg.make: with its grains or not at all. */
START_TEST(test_no_memory)
{
  Seg *it = NULL;
  Size in_use;
  Size used;
  Size total;

  start();
  seg[0] = make(&fake->pgens[1], RANK_EXACT, 100);
  in_use = arena->ctl.in_use;
  used = arena->space.used_size;
  total = fake->pgens[1].account.total;
  ck_assert_int_eq(
      mps_arena_commit_limit_set(arena, mps_arena_committed(arena)),
      MPS_RES_OK);
  ck_assert_int_eq(seg_alloc(&it, &fake->pgens[1], &no_class, RANK_EXACT, MIB),
                   MPS_RES_COMMIT_LIMIT);
  ck_assert_ptr_null(it);
  ck_assert_uint_eq(arena->ctl.in_use, in_use);
  ck_assert_uint_eq(arena->space.used_size, used);
  ck_assert_uint_eq(fake->pgens[1].account.total, total);
  check_map();
  finish();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("seg");

  unit_add(suite, "random", test_random);
  unit_add(suite, "placement", test_placement);
  unit_add(suite, "grey", test_grey);
  unit_add(suite, "memory", test_no_memory);
  return unit_run(suite);
}
