/* test_amc_fix.c -- the mostly copying pools: nails, boards and want of
 * memory
 *
 * Between its ambiguous roots and the rest, and again when all that is
 * alive has been found, a trace is looked at from inside: what state each
 * segment is in, what its board says, and what fixing one more reference
 * of any rank does.
 */

#include "amc_help.h"

#include "heap/scan.h"

enum {
  OBJECTS = 60, /* of SIZE, not quite a segment */
  SIZE = 64
};

static mps_addr_t old[OBJECTS]; /* where they were */
static Seg *seg;

/* Fill one segment, and hold all of it exactly. */
static void fill_segment(void)
{
  for (Index i = 0; i < OBJECTS; ++i)
    old[i] = exact[i] = amc_object(SIZE, i);
  seg = amc_seg(old[0]);
  ck_assert_ptr_eq(amc_seg(old[OBJECTS - 1]), seg);
  amc_new_ap();
}

/* Everything is there, and only what is pinned is where it was. */
static void check_moved(const bool *is_pinned)
{
  for (Index i = 0; i < OBJECTS; ++i) {
    EXPECT(amc_is_object(exact[i], SIZE, i));
    EXPECT((exact[i] == old[i]) == is_pinned[i]);
  }
}


/* One ambiguous reference to any address */

static Addr pointed; /* what ambig[0] says */
static bool is_nail_expected;
static Addr nail_expected;
static Addr start_expected; /* of what is pinned, or NULL */
static Count hooked;

/* COVERS: .nail.resolve: at the flip there's the nail; once exact references
 * have asked, the start of what it pins, if it pins anything. */
static void look_at_nails(void)
{
  Addr expected = seg->board->is_resolved ? start_expected : nail_expected;
  Addr grain = NULL;

  EXPECT(seg->board->is_resolved == (hooked == 2));
  if (expected == NULL) {
    EXPECT(!nailboard_next_nail(&grain, seg->board, seg->base));
    return;
  }
  EXPECT(nailboard_next_nail(&grain, seg->board, seg->base));
  EXPECT(grain == expected);
  EXPECT(!nailboard_next_nail(&grain, seg->board, addr_add(grain, ALIGN)));
}

/* COVERS: .seg.state.boarded .nailboard .nailboard.create: a board from the
 * flip on, with one nail; else it's mobile. */
static void look_at_board(ScanState *ss)
{
  ++hooked;
  EXPECT(seg->is_white);
  EXPECT(seg->is_plain == !seg->is_nailed);
  if (!is_nail_expected) {
    EXPECT(!seg->is_nailed && seg->board == NULL);
    return;
  }
  EXPECT(seg->is_nailed && seg->board != NULL);
  look_at_nails();
}

/* What is pinned when something points to pointed? */
static void expect_pinned(bool *is_pinned, const AmcParams *params)
{
  Addr end = (Addr)help_block(old[OBJECTS - 1]);

  is_nail_expected = pointed < addr_add(end, SIZE);
  if (params->is_not_interior && !addr_is_aligned(pointed, 3))
    is_nail_expected = false;
  nail_expected = addr_round_down(pointed, ALIGN);
  start_expected = NULL;
  for (Index i = 0; i < OBJECTS; ++i) {
    Addr block = (Addr)help_block(old[i]);

    is_pinned[i] = params->is_not_interior
                       ? pointed == (Addr)old[i]
                       : pointed >= block && pointed < addr_add(block, SIZE);
    if (is_pinned[i])
      start_expected = block;
  }
}

/* COVERS: .seg.state.mobile .seg.state.boarded .amc.interior
 * .large.lsp-no-retain .nailboard.destroy .pad.reason.nmr
 * .nailboard.limitations.middle for each address in a segment, or nearly. _i
 * says with which header, and whether interior pointers count. */
START_TEST(test_every_address)
{
  AmcParams params
      = {.is_not_interior = _i % 2 != 0, .header = (Size)(_i / 2) * 16};
  bool is_pinned[OBJECTS];
  Size in_use;

  amc_start(params);
  amc_at_flip = amc_at_end = look_at_board;
  fill_segment();
  in_use = arena->ctl.in_use;
  for (Size offset = 0; offset < GRAIN; offset += offset % 8 == 0 ? 1 : 7) {
    pointed = addr_add(seg->base, offset);
    expect_pinned(is_pinned, &params);
    ambig[0] = (mps_addr_t)pointed;
    help_pads = 0;
    hooked = 0;
    amc_collect();
    EXPECT(hooked == 2);
    EXPECT(ambig[0] == (mps_addr_t)pointed);
    check_moved(is_pinned);
    amc_forget();
    amc_at_flip = amc_at_end = NULL;
    amc_collect();
    EXPECT(mps_pool_total_size(pool) == 0);
    EXPECT(arena->ctl.in_use <= in_use); /* the board has gone */
    amc_at_flip = amc_at_end = look_at_board;
    fill_segment();
  }
  amc_stop();
}
END_TEST


/* What reclaiming leaves */

/* A random set of pins and of exact references; the segment's survivors are
 * the pinned ones, and the pads tile the rest: one for each run of what is
 * dead, less the whole grains at the ends, which are given back. */
static void check_tiling(const bool *is_pinned, Count pads_before)
{
  Index first = 0;
  Index last = OBJECTS;
  Count runs = 0;
  Count pads = 0;

  while (first < OBJECTS && !is_pinned[first])
    ++first;
  if (first == OBJECTS) {
    EXPECT(space_seg(&arena->space, (Addr)help_block(old[0])) == NULL);
    return;
  }
  while (!is_pinned[last - 1])
    --last;
  for (Index i = first + 1; i < last; ++i)
    runs += is_pinned[i - 1] && !is_pinned[i];
  runs += first > 0 ? 2 : 1; /* up to the first one, and behind the last */
  for (Index i = pads_before; i < help_pads; ++i)
    pads += space_seg(&arena->space, help_pad_log[i].base) == seg;
  EXPECT(pads == runs);
  EXPECT(seg->used_limit == (Addr)((char *)help_block(old[last - 1]) + SIZE));
}

/* COVERS: .nailboard.limitations.reclaim .pad.reason.nmr .reclaim .trace.work
 * */
START_TEST(test_random_pins)
{
  unit_seed("pins");
  amc_start((AmcParams){.header = _i == 0 ? 0 : 32});
  for (Index n = 0; n < 300; ++n) {
    bool is_pinned[OBJECTS];
    unsigned rarity = 1 + (unsigned)unit_random(20);
    GenWork before = chain->gens[0].total;
    Count pinned = 0;

    fill_segment();
    for (Index i = 0; i < OBJECTS; ++i) {
      is_pinned[i] = unit_random(rarity) == 0;
      ambig[i] = is_pinned[i] ? (char *)old[i] + unit_random(SIZE - 32) : NULL;
      pinned += is_pinned[i];
      if (unit_random(2) == 0)
        exact[i] = NULL;
    }
    help_pads = 0;
    amc_collect();
    for (Index i = 0; i < OBJECTS; ++i) {
      if (is_pinned[i])
        EXPECT(amc_is_object(old[i], SIZE, i));
      if (exact[i] != NULL) {
        EXPECT(amc_is_object(exact[i], SIZE, i));
        EXPECT((exact[i] == old[i]) == is_pinned[i]);
      }
    }
    check_tiling(is_pinned, 0);
    EXPECT(chain->gens[0].total.preserved == before.preserved + pinned * SIZE);
    EXPECT(chain->gens[0].total.retained
           == before.retained + (pinned > 0 ? GRAIN : 0));
    amc_forget();
    amc_collect();
    EXPECT(mps_pool_total_size(pool) == 0);
  }
  amc_stop();
}
END_TEST

/* A pad that is shorter than the header, at the end of a segment: its
 * client pointer is outside, and nothing names it. */
START_TEST(test_short_pad)
{
  amc_start((AmcParams){.is_not_interior = true, .header = 32});
  for (Index i = 0; i < GRAIN / SIZE; ++i)
    exact[i] = amc_object(i == 0 ? SIZE - 8 : SIZE, i);
  ambig[0] = exact[5];
  amc_new_ap();
  amc_collect();
  ck_assert_ptr_eq(ambig[0], exact[5]);
  for (Index i = 0; i < GRAIN / SIZE; ++i)
    ck_assert(amc_is_object(exact[i], i == 0 ? SIZE - 8 : SIZE, i));
  amc_stop();
}
END_TEST

/* COVERS: .amc.trim: a long segment with one small survivor shrinks to a
 * grain. */
START_TEST(test_trim)
{
  mps_addr_t survivor;
  Seg *its_seg;

  amc_start((AmcParams){.extend_by = 8 * GRAIN});
  for (Index i = 0; i < 8 * GRAIN / SIZE; ++i) {
    mps_addr_t object = amc_object(SIZE, i);

    if (i == 3 * GRAIN / SIZE + 5)
      ambig[0] = object;
  }
  survivor = ambig[0];
  its_seg = amc_seg(survivor);
  ck_assert_uint_eq(seg_size(its_seg), 8 * GRAIN);
  amc_new_ap();
  amc_collect();
  ck_assert_ptr_eq(amc_seg(survivor), its_seg);
  ck_assert(amc_is_object(survivor, SIZE, 3 * GRAIN / SIZE + 5));
  ck_assert_uint_eq(mps_pool_total_size(pool), GRAIN);
  ck_assert(its_seg->base == addr_round_down((Addr)survivor, GRAIN));
  amc_stop();
}
END_TEST

/* COVERS: .large.lsp-no-retain: just past a large object, into its pad; on the
 * object's last word; and the old pad of a small one. */
START_TEST(test_padding_retains_nothing)
{
  mps_addr_t object;

  amc_start((AmcParams){0});
  object = amc_object(40000, 1);
  amc_new_ap();
  ambig[0] = (char *)object + 40000;
  amc_collect();
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  object = amc_object(40000, 1);
  amc_new_ap();
  ambig[0] = (char *)object + 40000 - 8;
  amc_collect();
  ck_assert(amc_is_object(object, 40000, 1));
  ck_assert_uint_eq(mps_pool_total_size(pool), 40960);
  /* The padding that reclaiming made is padding of ours too. */
  ambig[0] = (char *)object + 40000;
  amc_collect();
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  amc_stop();
}
END_TEST


/* Every rank meets every state: one trace for each case.  At the flip a
 * segment with two objects is brought to its state, and one of the two, the
 * subject, may have been copied before that; then one more reference to it
 * is fixed, with memory or without. */

enum {
  RANKS = 4
};

typedef enum State {
  MOBILE,
  BOARDED, /* by a reference to the other object */
  PINNED,  /* by one to the subject */
  STUCK,
  KEPT, /* mobile, but chosen not to be copied (.amc.choose) */
  STATES
} State;

typedef enum Memory {
  PLENTY,
  NO_COPIES, /* but boards */
  NOTHING,
  MEMORIES
} Memory;

/* What fixing does:
 *
 *   m  moves the object; the reference follows
 *   f  finds the copy that was made; the reference follows
 *   n  leaves the object where it is, and notes on the board that it stays
 *   k  the same, and the segment is stuck
 *   .  leaves everything as it is
 *   z  splats the reference
 *
 * For each state, by rank: ambiguous, exact, final, weak. */
static const char *const wanted_fresh[MEMORIES][STATES] = {
    [PLENTY] = {"nmmz", "nmmz", "....", "....", "nnnz"},
    [NO_COPIES] = {"nnnz", "nnnz", "....", "....", "nnnz"},
    [NOTHING] = {"kkkz", "nnnz", "....", "....", "kkkz"},
};
/* The subject has been copied.  A nail on what is left of it is a nail, but
 * when the board is resolved it pins nothing. */
static const char *const wanted_copied[MEMORIES][STATES] = {
    [PLENTY] = {"nfff", "nfff", ".fff", ".fff", "nfff"},
    [NO_COPIES] = {"nfff", "nfff", ".fff", ".fff", "nfff"},
    [NOTHING] = {"kfff", "nfff", ".fff", ".fff", "kfff"},
};

static struct {
  State state;
  Memory memory;
  Rank rank;
  bool is_copied;
} now;

static mps_addr_t subject;
static mps_addr_t other;

static mps_addr_t fix_one(const ScanState *from, Rank rank, mps_addr_t ref,
                          bool *was_marked_out)
{
  ScanState ss;

  scan_init(&ss, arena, from->trace, rank);
  EXPECT(ss.was_marked);
  EXPECT(_mps_fix2(&ss.ss, &ref) == MPS_RES_OK);
  *was_marked_out = ss.was_marked;
  return ref;
}

/* To see whether something makes it grey.  It is still in the list of those
 * that will be scanned. */
static void ungrey(Seg *it)
{
  it->is_grey = false;
}

static void bring_to_state(const ScanState *from)
{
  bool was_marked;

  if (now.is_copied) {
    mps_addr_t copy = fix_one(from, RANK_EXACT, subject, &was_marked);

    EXPECT(copy == help_isfwd(subject));
  }
  if (now.state == STUCK)
    arena->boards.limit = 0;
  if (now.state == KEPT) {
    seg->is_kept = true;
    seg->is_plain = false;
  } else if (now.state != MOBILE) {
    (void)fix_one(from, RANK_AMBIG, now.state == PINNED ? subject : other,
                  &was_marked);
  }
  EXPECT(from->trace->is_emergency == (now.state == STUCK));
  EXPECT(seg->is_nailed == (now.state != MOBILE && now.state != KEPT));
  EXPECT((seg->board != NULL)
         == (now.state == BOARDED || now.state == PINNED));
  arena->boards.limit = now.memory == NOTHING ? 0 : SIZE_MAX;
  if (now.memory != PLENTY) {
    amc_exhaust();
    from->trace->is_emergency = true;
  }
  ungrey(seg);
}

/* Was it preserved before?  Only finalization asks, so that fixing an exact
 * reference needn't say. */
static void expect_marked(bool was_marked, bool wanted)
{
  EXPECT(was_marked == wanted || now.rank == RANK_EXACT);
}

static void expect_moved(mps_addr_t ref)
{
  Cursor *cursor = &seg->pgen->cursor;

  EXPECT(ref != subject && ref == help_isfwd(subject));
  EXPECT(amc_seg(ref)->pgen == seg->pgen->forward);
  /* .fix.exact.grey: it will be scanned. */
  EXPECT(amc_seg(ref) == cursor->seg && cursor->seg->scanned < cursor->init);
  EXPECT(ring_length(&arena->cursors) == 1);
}

static void expect_outcome(char wanted, mps_addr_t ref, bool was_marked)
{
  Trace *trace = arena->trace;

  switch (wanted) {
  case 'm':
  case 'f':
    expect_moved(ref);
    expect_marked(was_marked, wanted == 'f');
    EXPECT(!seg->is_grey);
    return;
  case 'z':
    EXPECT(ref == NULL && !seg->is_grey);
    return;
  case 'n':
    EXPECT(seg->is_nailed && seg->board != NULL && seg->is_grey);
    expect_marked(was_marked, now.rank == RANK_AMBIG);
    break;
  case 'k':
    EXPECT(seg->is_nailed && seg->board == NULL && seg->is_grey);
    EXPECT(trace->is_emergency);
    expect_marked(was_marked, now.rank == RANK_AMBIG);
    break;
  default:
    EXPECT(was_marked && !seg->is_grey);
    break;
  }
  EXPECT(ref == subject);
  EXPECT(now.is_copied || help_kind(subject) == HELP_OBJECT);
  EXPECT(trace->is_emergency
         == (now.memory != PLENTY || wanted == 'k' || now.state == STUCK
             || (wanted == 'n' && now.rank != RANK_AMBIG)));
}

static void fix_case(ScanState *from)
{
  char wanted
      = (now.is_copied ? wanted_copied
                       : wanted_fresh)[now.memory][now.state][now.rank];
  bool was_marked;
  mps_addr_t ref;
  Count boards;

  ++hooked;
  bring_to_state(from);
  boards = arena->boards.count;
  ref = fix_one(from, now.rank, subject, &was_marked);
  expect_outcome(wanted, ref, was_marked);
  EXPECT(
      arena->boards.count
      == boards
             + ((now.state == MOBILE || now.state == KEPT) && wanted == 'n'));
  /* .fix.nail.why: stuck once, it gets no board, memory or not. */
  if (now.state == STUCK) {
    arena->boards.limit = SIZE_MAX;
    ref = fix_one(from, RANK_AMBIG, other, &was_marked);
    EXPECT(ref == other && seg->is_nailed && seg->board == NULL);
  }
}

/* What is left of the segment: what was pinned, or in a stuck one all that
 * wasn't copied. */
static void check_case(char wanted)
{
  bool stays = now.state == STUCK || now.state == PINNED || wanted == 'n'
               || wanted == 'k';
  bool other_stays
      = now.state == STUCK || now.state == BOARDED || wanted == 'k';

  stays = stays && !now.is_copied;
  if (stays)
    EXPECT(amc_is_object(subject, SIZE, 1));
  if (other_stays)
    EXPECT(amc_is_object(other, SIZE, 2));
  if (!stays && !other_stays)
    EXPECT(space_seg(&arena->space, (Addr)help_block(subject)) == NULL);
  else if (!stays)
    EXPECT(help_kind(subject) == HELP_PAD);
}

/* COVERS: .fix .fix.nail.states .fix.nail.why .fix.nail.distinguish
 * .emergency.fix .nailboard.emergency.exact .nail.resolve: all cases.  _i
 * says which header, and whether interior pointers count. */
START_TEST(test_fix)
{
  AmcParams params
      = {.header = (Size)(_i / 2) * 16, .is_not_interior = _i % 2 != 0};
  Index cases = (Index)MEMORIES * STATES * RANKS * 2;

  amc_start(params);
  for (Index n = 0; n < cases; ++n) {
    const char *const(*table)[STATES];

    now.rank = (Rank)(n % RANKS);
    now.state = (State)(n / RANKS % STATES);
    now.memory = (Memory)(n / RANKS / STATES % MEMORIES);
    now.is_copied = n / RANKS / STATES / MEMORIES != 0;
    subject = amc_object(SIZE, 1);
    other = amc_object(SIZE, 2);
    seg = amc_seg(subject);
    amc_new_ap();
    amc_at_flip = fix_case;
    hooked = 0;
    amc_collect();
    EXPECT(hooked == 1);
    table = now.is_copied ? wanted_copied : wanted_fresh;
    check_case(table[now.memory][now.state][now.rank]);
    amc_relieve_all();

    amc_at_flip = NULL;
    amc_collect();
    EXPECT(mps_pool_total_size(pool) == 0);
  }
  amc_stop();
}
END_TEST


/* Want of memory in the large */

static Count in_state[3]; /* of white segments: mobile, boarded, stuck */

static void count_white(Seg *it)
{
  ++in_state[!it->is_nailed ? 0 : it->board != NULL ? 1 : 2];
  EXPECT(it->is_nailed || it->board == NULL); /* .seg.inv.board */
}

static void count_states(ScanState *ss)
{
  memset(in_state, 0, sizeof in_state);
  RING_FOR (node, after, &ss->trace->whites)
    count_white(RING_ELEM(Seg, gen_link, node));
}

static void make_list(Count count)
{
  for (Index i = 0; i < count; ++i) {
    mps_addr_t object = amc_object(SIZE, i);

    help_ref(object)[1] = exact[0]; /* backwards */
    exact[0] = object;
    (void)amc_object(SIZE, 12345); /* garbage beside it */
  }
  amc_new_ap();
}

static void check_list(Count count)
{
  mps_addr_t object = exact[0];

  for (Index i = count; i-- > 0; object = help_ref(object)[1])
    EXPECT(amc_is_object(object, SIZE, i));
  EXPECT(object == NULL);
}

/* COVERS: .emergency.scan .nailboard.emergency.exact .seg.state: with memory
 * for boards only, each live object stays, each dead one goes, and a segment
 * is scanned until no new nails are driven in. Nothing is lost. It takes a pass
 * to find each object, but no pass looks at all of them again. */
START_TEST(test_boards_only)
{
  enum {
    COUNT = 300
  };
  mps_addr_t head;

  amc_start((AmcParams){.header = (Size)_i * 16});
  make_list(COUNT);
  head = exact[0];
  amc_exhaust();
  amc_at_end = count_states;
  help_scans = 0;
  amc_collect();
  ck_assert_uint_eq(in_state[0], 0);
  ck_assert_uint_gt(in_state[1], 0);
  ck_assert_ptr_eq(exact[0], head);
  check_list(COUNT);
  ck_assert_uint_ge(help_scans, COUNT);
  ck_assert_uint_le(help_scans, 2 * COUNT);
  amc_at_end = NULL;
  amc_relieve();
  amc_collect();
  ck_assert_ptr_ne(exact[0], head);
  check_list(COUNT);
  ck_assert_uint_le(mps_pool_total_size(pool), COUNT * SIZE + 8 * GRAIN);
  amc_stop();
}
END_TEST

/* COVERS: .seg.state.stuck .nailboard.hyper-conservative: without boards
 * garbage stays too, until the next collection that has memory. */
START_TEST(test_nothing_at_all)
{
  enum {
    COUNT = 300
  };
  mps_addr_t head;
  Size total;

  amc_start((AmcParams){.header = (Size)_i * 16});
  make_list(COUNT);
  head = exact[0];
  total = mps_pool_total_size(pool);
  amc_exhaust_all();
  amc_at_end = count_states;
  amc_collect();
  ck_assert_uint_eq(in_state[0] + in_state[1], 0);
  ck_assert_uint_gt(in_state[2], 0);
  ck_assert_ptr_eq(exact[0], head);
  check_list(COUNT);
  ck_assert_uint_eq(mps_pool_total_size(pool), total);
  amc_at_end = NULL;
  amc_relieve_all();
  amc_collect();
  check_list(COUNT);
  ck_assert_uint_le(mps_pool_total_size(pool), COUNT * SIZE + 8 * GRAIN);
  amc_stop();
}
END_TEST

/* A mixture: memory runs out in the middle of copying, at each possible
 * number of bytes.  Nothing is lost, and what was copied stays copied. */
START_TEST(test_runs_out)
{
  enum {
    COUNT = 200
  };

  amc_start((AmcParams){.header = 16});
  for (Size room = 0; room < 10; ++room) {
    exact[0] = NULL;
    make_list(COUNT);
    ambig[0] = (char *)exact[0] + 8;
    space_purge(&arena->space, SIZE_MAX);
    ck_assert_int_eq(mps_arena_commit_limit_set(
                         arena, mps_arena_committed(arena) + room * GRAIN),
                     MPS_RES_OK);
    amc_at_end = count_states;
    amc_collect();
    check_list(COUNT);
    ck_assert_ptr_eq((char *)exact[0] + 8, ambig[0]);
    amc_relieve();
    amc_at_end = NULL;
    amc_collect();
    check_list(COUNT);
  }
  amc_stop();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("amc fix");
  TCase *loops = tcase_create("loops");

  tcase_set_timeout(loops, 60);
  tcase_add_loop_test(loops, test_every_address, 0, 6);
  tcase_add_loop_test(loops, test_random_pins, 0, 2);
  tcase_add_loop_test(loops, test_fix, 0, 6);
  tcase_add_loop_test(loops, test_boards_only, 0, 3);
  tcase_add_loop_test(loops, test_nothing_at_all, 0, 3);
  suite_add_tcase(suite, loops);
  unit_add(suite, "short-pad", test_short_pad);
  unit_add(suite, "trim", test_trim);
  unit_add(suite, "padding", test_padding_retains_nothing);
  unit_add(suite, "runs-out", test_runs_out);
  return unit_run(suite);
}
