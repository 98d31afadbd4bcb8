/* test_amc_seed_trace.c -- what a trace does in mostly copying pools
 *
 * A test for each requirement about boards, greyness and want of memory
 * that isn't shown elsewhere.  The trace is looked at in its middle: after
 * the ambiguous roots, and when all that is alive has been found.
 */

#include "amc_help.h"

#include "heap/scan.h"

#include <signal.h>

enum {
  SIZE = 64,
  SEGS = 20,
  EACH = 10 /* objects in a segment */
};

static Count looked;

/* SEGS segments of EACH objects, all held exactly. */
static void fill_segments(void)
{
  for (Index i = 0; i < SEGS; ++i) {
    for (Index j = 0; j < EACH; ++j)
      exact[i * EACH + j] = amc_object(SIZE, i * EACH + j);
    amc_new_ap();
  }
}

static bool is_named(Addr grain)
{
  for (Index i = 0; i < REFS; ++i)
    if (ambig[i] != NULL && addr_round_down((Addr)ambig[i], ALIGN) == grain)
      return true;
  return false;
}

/* The board of a segment says what ambiguous references name in it, and
 * what a buffer hasn't committed, grain by grain. */
static void expect_board(const Seg *seg)
{
  Addr limit = seg->buffer != NULL ? seg_scan_limit(seg) : seg->limit;
  bool is_any = seg->buffer != NULL;

  for (Addr at = seg->base; at < seg->limit; at = addr_add(at, ALIGN)) {
    bool is_nail = at >= limit || is_named(at);

    is_any = is_any || is_nail;
    EXPECT(seg->board == NULL
           || nailboard_is_nailed(seg->board, at, addr_add(at, ALIGN))
                  == is_nail);
  }
  EXPECT((seg->board != NULL) == is_any);
  EXPECT(seg->is_nailed == is_any);
}

static void look_at_boards(ScanState *ss)
{
  ++looked;
  RING_FOR (node, after, &ss->trace->whites)
    expect_board(RING_ELEM(Seg, gen_link, node));
}

/* COVERS: .nailboard .nailboard.create .nailboard.destroy
 * .nailboard.limitations.single: there is a board for each segment that is
 * named ambiguously and for each that a buffer fills, and for no other; it
 * says what is named; and each trace begins anew. */
START_TEST(test_boards)
{
  unit_seed("boards");
  amc_start((AmcParams){.header = (Size)_i / 2 * 16, .is_leaf = _i % 2 != 0});
  looked = 0;
  amc_at_flip = look_at_boards;
  for (Index n = 0; n < 30; ++n) {
    Index named = unit_random(SEGS);

    fill_segments();
    if (unit_random(2) == 0) /* a segment that a buffer fills */
      exact[REFS - 1] = amc_object(SIZE, 1);
    for (Index i = 0; i < named; ++i)
      ambig[i] = (char *)exact[unit_random((Index)SEGS * EACH)]
                 + unit_random(SIZE - 16);
    amc_collect();
    ck_assert_uint_eq(looked, n + 1);
    amc_at_flip = NULL;
    amc_forget();
    amc_new_ap();
    amc_collect();
    ck_assert_uint_eq(mps_pool_total_size(pool), 0);
    amc_at_flip = look_at_boards;
  }
  amc_stop();
}
END_TEST


/* Want of memory */

static Count boarded;
static Count stuck;
static bool was_emergency;
static Count collections_before;

static void count_nailed(ScanState *ss)
{
  boarded = stuck = 0;
  was_emergency = ss->trace->is_emergency;
  EXPECT(space_committed(&arena->space) <= arena->space.commit_limit);
  /* Taking memory started no collection in this one. */
  EXPECT(mps_collections(arena) <= collections_before + 1);
  RING_FOR (node, after, &ss->trace->whites) {
    const Seg *seg = RING_ELEM(Seg, gen_link, node);

    boarded += seg->board != NULL;
    stuck += seg->is_nailed && seg->board == NULL;
  }
}

/* Free blocks for boards, should they come from there. */
static void keep_blocks(void)
{
  static void *block[SEGS];

  for (Size size = CTL_STEP; size <= CTL_SMALL_MAX; size += CTL_STEP) {
    for (Index i = 0; i < SEGS; ++i)
      ck_assert_int_eq(ctl_alloc(&block[i], &arena->ctl, size), MPS_RES_OK);
    for (Index i = 0; i < SEGS; ++i)
      ctl_free(&arena->ctl, block[i], size);
  }
}

/* Every second object dies. */
static void drop_some(void)
{
  for (Index i = 0; i < SEGS * EACH; i += 2)
    exact[i] = NULL;
}

static void expect_in_place(mps_addr_t const *old)
{
  for (Index i = 1; i < SEGS * EACH; i += 2) {
    ck_assert_ptr_eq(exact[i], old[i]);
    ck_assert(amc_is_object(exact[i], SIZE, i));
  }
}

static bool is_padded(mps_addr_t const *old)
{
  for (Index i = 2; i < SEGS * EACH; i += 2)
    if (space_seg(&arena->space, (Addr)help_block(old[i])) != NULL
        && help_kind(old[i]) == HELP_OBJECT)
      return false;
  return true;
}

/* COVERS: .nailboard.emergency .nailboard.emergency.nonew
 * .nailboard.emergency.nonew.justify .nailboard.emergency.exact
 * .emergency.fix: when memory has run out, boards are still made, for other
 * segments than the first, as long as there's a place for them; that starts
 * no collection within the collection; what is named exactly stays where it
 * is, and its dead neighbours go. */
START_TEST(test_boards_in_emergency)
{
  static mps_addr_t old[REFS];

  amc_start((AmcParams){.header = (Size)_i * 16});
  keep_blocks();
  fill_segments();
  drop_some();
  memcpy(old, exact, sizeof old);
  collections_before = mps_collections(arena);
  amc_at_end = count_nailed;
  amc_exhaust();
  amc_collect();
  ck_assert_uint_eq(mps_collections(arena), collections_before + 1);
  ck_assert(was_emergency);
  ck_assert_uint_eq(boarded, SEGS);
  ck_assert_uint_eq(stuck, 0);
  expect_in_place(old);
  ck_assert(is_padded(old));
  amc_relieve();
  amc_at_end = NULL;
  amc_stop();
}
END_TEST

/* COVERS: .nailboard.emergency.nonew .nailboard.hyper-conservative
 * .seg.state.stuck .fix.nail.why: not to get a board is a result like
 * others: the segment is stuck, garbage and all, and the next trace that has
 * memory sees to it. */
START_TEST(test_no_boards_in_emergency)
{
  static mps_addr_t old[REFS];

  amc_start((AmcParams){.header = (Size)_i * 16});
  fill_segments();
  drop_some();
  memcpy(old, exact, sizeof old);
  collections_before = mps_collections(arena);
  amc_at_end = count_nailed;
  amc_exhaust_all();
  amc_collect();
  ck_assert_uint_eq(mps_collections(arena), collections_before + 1);
  ck_assert(was_emergency);
  ck_assert_uint_eq(boarded, 0);
  ck_assert_uint_eq(stuck, SEGS);
  expect_in_place(old);
  ck_assert_uint_eq(mps_pool_total_size(pool), (Size)SEGS * GRAIN);
  amc_relieve_all();
  amc_at_end = NULL;
  amc_collect();
  for (Index i = 1; i < SEGS * EACH; i += 2) {
    ck_assert_ptr_ne(exact[i], old[i]);
    ck_assert(amc_is_object(exact[i], SIZE, i));
  }
  ck_assert_uint_le(mps_pool_total_size(pool),
                    (Size)SEGS * EACH / 2 * SIZE + (Size)2 * GRAIN);
  amc_stop();
}
END_TEST


/* Greyness */

/* Is all that was copied into it going to be scanned? */
static bool is_to_be_scanned(const Seg *to, mps_addr_t copy)
{
  Addr end = (Addr)((char *)help_block(copy) + help_size(copy));

  if (to->is_grey)
    return to->scanned <= (Addr)help_block(copy);
  return to->cursor != NULL && to->scanned <= (Addr)help_block(copy)
         && end <= to->cursor->init;
}

static void fix_and_look(ScanState *from)
{
  for (Index i = 0; i < 3; ++i) {
    mps_addr_t ref = exact[i];
    RefSet refset = amc_seg(ref)->refset;
    const Seg *to;
    ScanState ss;

    scan_init(&ss, arena, from->trace, RANK_EXACT);
    EXPECT(_mps_fix2(&ss.ss, &ref) == MPS_RES_OK);
    EXPECT(ref != exact[i]);
    to = amc_seg(ref);
    EXPECT((refset & ~to->refset) == 0);
    if (amc->rank == RANK_NONE)
      EXPECT(to->rank == RANK_NONE && !to->is_grey);
    else
      EXPECT(is_to_be_scanned(to, ref));
  }
  ++looked;
}

/* COVERS: .fix.exact.grey: from the moment at which an object is copied, its
 * copy is to be scanned, and what it is in refers to whatever the original
 * did.  A leaf's isn't scanned.  _i: leaf, header. */
START_TEST(test_copies_are_grey)
{
  amc_start((AmcParams){.is_leaf = _i % 2 != 0, .header = (Size)_i / 2 * 16});
  looked = 0;
  amc_at_flip = fix_and_look;
  exact[0] = amc_object(SIZE, 0);
  exact[1] = amc_object(40000, 1); /* with a segment of its own */
  exact[2] = amc_object(5000, 2);
  if (_i % 2 == 0)
    for (Index i = 0; i < 3; ++i)
      help_ref(exact[i])[0] = amc_object(SIZE, 10 + i);
  amc_new_ap();
  for (Index n = 0; n < 5; ++n) {
    amc_collect();
    if (_i % 2 == 0)
      for (Index i = 0; i < 3; ++i)
        ck_assert(amc_is_object(help_ref(exact[i])[0], SIZE, 10 + i));
  }
  ck_assert_uint_eq(looked, 5);
  amc_stop();
}
END_TEST

static Count grey_at_flip;

static void count_grey(Seg *seg, void *p)
{
  *(Count *)p += seg->is_grey;
}

static void look_for_grey(ScanState *ss)
{
  grey_at_flip = 0;
  RING_FOR (node, after, &ss->trace->whites)
    grey_at_flip += RING_ELEM(Seg, gen_link, node)->is_grey;
}

static void expect_black(ScanState *ss)
{
  Count grey = 0;

  pool->class->segs(pool, count_grey, &grey);
  RING_FOR (node, after, &ss->trace->whites)
    grey += RING_ELEM(Seg, gen_link, node)->is_grey;
  EXPECT(grey == 0);
  RING_FOR (node, after, &arena->cursors) {
    const Cursor *cursor = RING_ELEM(Cursor, link, node);

    EXPECT(cursor->seg->rank == RANK_NONE
           || cursor->seg->scanned == cursor->init);
  }
  ++looked;
}

/* COVERS: .scan: scanning blackens, and when there is nothing grey left, and
 * not before, everything that is alive has been preserved: a list that
 * crosses segments both ways, with nailed ones among them. */
START_TEST(test_grey_ends)
{
  unit_seed("grey");
  amc_start((AmcParams){.header = (Size)_i * 16});
  looked = 0;
  amc_at_flip = look_for_grey;
  amc_at_end = expect_black;
  fill_segments();
  for (Index i = 0; i + 1 < SEGS * EACH; ++i) { /* 0 -> 7 -> 14 ... */
    Index at = i * 7 % (SEGS * EACH);
    Index next = (i + 1) * 7 % (SEGS * EACH);

    help_ref(exact[at])[1] = exact[next];
  }
  memset(exact + 1, 0, sizeof exact - sizeof exact[0]);
  for (Index n = 0; n < 10; ++n) {
    mps_addr_t object = exact[0];

    memset(ambig, 0, sizeof ambig);
    for (Index i = 0; i < n; ++i, object = help_ref(object)[1])
      ambig[i] = object;
    amc_collect();
    ck_assert_int_eq(grey_at_flip > 0, n > 0);
    object = exact[0];
    for (Index i = 0; i < SEGS * EACH; ++i, object = help_ref(object)[1])
      ck_assert(amc_is_object(object, SIZE, i * 7 % (SEGS * EACH)));
    ck_assert_ptr_null(object);
  }
  ck_assert_uint_eq(looked, 10);
  amc_stop();
}
END_TEST

static void leave_one_grey(ScanState *ss)
{
  RING_ELEM(Seg, gen_link, ss->trace->whites.next)->is_grey = true;
}

/* COVERS: .reclaim.grey: to reclaim what is still to be scanned would be a
 * fault of ours, and is caught (SIGABRT). */
START_TEST(test_reclaim_grey)
{
  amc_start((AmcParams){0});
  (void)amc_object(SIZE, 1);
  amc_new_ap();
  amc_at_end = leave_one_grey;
  (void)mps_arena_collect(arena);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("amc trace");
  TCase *loops = tcase_create("loops");
  TCase *dies = tcase_create("dies");

  tcase_set_timeout(loops, 60);
  tcase_add_loop_test(loops, test_boards, 0, 4);
  tcase_add_loop_test(loops, test_boards_in_emergency, 0, 3);
  tcase_add_loop_test(loops, test_no_boards_in_emergency, 0, 3);
  tcase_add_loop_test(loops, test_copies_are_grey, 0, 4);
  tcase_add_loop_test(loops, test_grey_ends, 0, 2);
  suite_add_tcase(suite, loops);
  tcase_add_test_raise_signal(dies, test_reclaim_grey, SIGABRT);
  suite_add_tcase(suite, dies);
  return unit_run(suite);
}
