/* test_barrier_sim.c -- what the client writes to is known
 *
 * The protection and the faults are real; the simulated platform counts
 * the calls and refuses some.  Whether a page may be written to is asked of
 * the kernel, without a fault.
 */

#include "fake_pool.h"
#include "heap/barrier.h"
#include "plat/plat_sim.h"
#include "plat_help.h"

enum {
  GRAIN = 4096,
  SEGS_MAX = 24,
  SKIPPED = 12, /* steps of the ladder for the span */
  DEFER = 2     /* scans that a segment waits after a hit */
};

static const SegClass no_class = {.name = "none"};

static mps_arena_t arena;
static mps_fmt_t format;
static FakePool *fake;
static Seg *seg[SEGS_MAX];
static RefSet old_set; /* refers to no nursery */

static void start(void)
{
  plat_sim_reset();
  plat_sim_fail(PLAT_SIM_RESERVE, 1, SKIPPED);
  arena = help_arena(16 * MIB);
  ck_assert_int_eq(arena->barrier, BARRIER_PROTECT);
  format = help_format(arena, 8, 0);
  fake_rank = RANK_EXACT;
  fake_seg_class = &no_class;
  fake = fake_create(arena, format, NULL);
  memset(seg, 0, sizeof seg);
  old_set = REFSET_KIND(arena->top.id)
            | REFSET_KIND(arena->default_chain->gens[1].id);
}

static void finish(void)
{
  mps_pool_destroy(&fake->pool);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
  ck_assert_uint_eq(plat_sim.forbidden, 0);
  ck_assert_uint_eq(plat_sim.reservations, 0);
}

static Seg *make(Size size)
{
  Seg *it;

  ck_assert_int_eq(
      seg_alloc(&it, &fake->pgens[1], &no_class, RANK_EXACT, size),
      MPS_RES_OK);
  pgen_account_fill(it);
  return it;
}

static void make_neighbours(Count count)
{
  for (Index i = 0; i < count; ++i) {
    seg[i] = make(GRAIN * (1 + i % 2));
    ck_assert(i == 0 || seg[i]->base == seg[i - 1]->limit);
  }
}

static void settle(Seg *it, RefSet set)
{
  arena_stop(arena);
  barrier_settle(it, set);
  arena_resume(arena);
}

/* .barrier.inv.trust: a narrow set is behind a protection. */
static void check_seg(const Seg *it)
{
  Access access = it->is_watched && !it->is_hit ? ACCESS_READ : ACCESS_WRITE;

  EXPECT(seg_check(it));
  EXPECT(it->refset == REFSET_UNIVERSAL || it->is_watched);
  for (Addr at = it->base; at < it->limit; at = addr_add(at, GRAIN))
    EXPECT(access_of(at) == access);
}

/* .barrier.unaware .barrier.hit .barrier.handler: the first write is found
 * out at the next stop, and later ones cost nothing. */
START_TEST(test_hit)
{
  Seg *it;
  Count allowed;

  start();
  it = make(3 * GRAIN);
  settle(it, old_set);
  ck_assert(it->is_watched && !it->is_hit);
  ck_assert_uint_eq(it->refset, old_set);
  check_seg(it);
  allowed = plat_sim.calls[PLAT_SIM_ALLOW];
  *(Word *)addr_add(it->base, 2 * GRAIN + 8) = 42;
  ck_assert_uint_eq(*(Word *)addr_add(it->base, 2 * GRAIN + 8), 42);
  ck_assert(it->is_hit);
  ck_assert_ptr_eq(arena->hits, it);
  *(Word *)it->base = 43;
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_ALLOW], allowed + 1);
  check_seg(it);
  arena_stop(arena);
  ck_assert_ptr_null(arena->hits);
  ck_assert(!it->is_hit && !it->is_watched);
  ck_assert_uint_eq(it->refset, REFSET_UNIVERSAL);
  /* It is left alone for some scans, and then watched again. */
  for (Index i = 0; i < DEFER; ++i) {
    barrier_settle(it, old_set);
    arena_resume(arena);
    ck_assert(!it->is_watched);
    check_seg(it);
    arena_stop(arena);
  }
  barrier_settle(it, old_set);
  arena_resume(arena);
  ck_assert(it->is_watched);
  check_seg(it);
  finish();
}
END_TEST

/* .barrier.fork: a fork in the middle of a write hit, before the segment was
 * listed, or before the write was allowed. */
START_TEST(test_fork_in_hit)
{
  Seg *it;
  Seg *listed;

  start();
  it = make(2 * GRAIN);
  listed = make(GRAIN);
  settle(it, old_set);
  settle(listed, old_set);
  it->is_hit = true;
  listed->is_hit = true;
  arena->hits = listed;
  barrier_after_fork(arena);
  ck_assert_ptr_null(arena->hits);
  ck_assert(!it->is_hit && !listed->is_hit);
  ck_assert_uint_eq(it->refset, REFSET_UNIVERSAL);
  ck_assert_uint_eq(listed->refset, REFSET_UNIVERSAL);
  check_seg(it);
  check_seg(listed);
  finish();
}
END_TEST

/* A read is no hit. */
START_TEST(test_read)
{
  Seg *it;

  start();
  it = make(GRAIN);
  *(Word *)it->base = 42;
  settle(it, old_set);
  ck_assert_uint_eq(*(Word *)it->base, 42);
  ck_assert(!it->is_hit);
  check_seg(it);
  finish();
}
END_TEST

/* .barrier.settle: what isn't worth watching, and what mustn't be. */
START_TEST(test_settle)
{
  mps_ap_t ap;
  mps_addr_t block;
  Seg *it;

  start();
  it = make(GRAIN);
  settle(it, old_set | REFSET_KIND(arena->default_chain->gens[0].id));
  ck_assert(!it->is_watched);
  check_seg(it);
  ck_assert_int_eq(mps_ap_create_k(&ap, &fake->pool, mps_args_none),
                   MPS_RES_OK);
  ck_assert_int_eq(mps_reserve(&block, ap, 64), MPS_RES_OK);
  settle(buffer_of_ap(ap)->seg, REFSET_EMPTY);
  ck_assert(!buffer_of_ap(ap)->seg->is_watched);
  check_seg(buffer_of_ap(ap)->seg);
  *(Word *)block = help_info(64, HELP_OBJECT);
  ck_assert(mps_commit(ap, block, 64));
  mps_ap_destroy(ap);
  /* Settled twice in one stop: the last word counts. */
  arena_stop(arena);
  barrier_settle(it, old_set);
  ck_assert(it->is_wanted);
  barrier_settle(it, REFSET_UNIVERSAL);
  arena_resume(arena);
  ck_assert(!it->is_watched && !it->is_wanted);
  arena_stop(arena);
  barrier_settle(it, REFSET_EMPTY);
  barrier_settle(it, old_set);
  arena_resume(arena);
  ck_assert_uint_eq(it->refset, old_set);
  check_seg(it);
  /* .barrier.expose and distrust undo it. */
  arena_stop(arena);
  barrier_expose(it);
  barrier_distrust(it);
  arena_resume(arena);
  check_seg(it);
  ck_assert_uint_eq(it->refset, REFSET_UNIVERSAL);
  /* .barrier.means: nothing is watched. */
  arena->barrier = BARRIER_NONE;
  settle(it, REFSET_EMPTY);
  ck_assert(!it->is_watched);
  ck_assert_uint_eq(it->refset, REFSET_UNIVERSAL);
  finish();
}
END_TEST

/* .barrier.raise .barrier.run: one call for neighbours, in whatever order
 * they are settled and exposed; _i is a permutation of five. */
START_TEST(test_neighbours)
{
  Index order[5] = {0, 1, 2, 3, 4};
  BarrierRun run = {NULL, NULL};
  Count forbidden;
  unsigned code = (unsigned)_i;

  start();
  make_neighbours(6);
  for (Index i = 0; i < 5; ++i) {
    Index j = i + code % (5 - i);
    Index swap = order[i];

    code /= (unsigned)(5 - i);
    order[i] = order[j];
    order[j] = swap;
  }
  forbidden = plat_sim.calls[PLAT_SIM_FORBID];
  arena_stop(arena);
  for (Index i = 0; i < 5; ++i)
    barrier_settle(seg[order[i]], old_set);
  arena_resume(arena);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_FORBID], forbidden + 1);
  for (Index i = 0; i < 6; ++i) {
    ck_assert(seg[i]->is_watched == (i < 5));
    check_seg(seg[i]);
  }
  arena_stop(arena);
  for (Index i = 0; i < 5; ++i)
    barrier_run_add(&run, seg[order[i]]);
  barrier_run_add(&run, seg[5]);
  barrier_run_end(&run);
  for (Index i = 0; i < 6; ++i) {
    ck_assert(!seg[i]->is_watched);
    barrier_distrust(seg[i]);
  }
  arena_resume(arena);
  for (Index i = 0; i < 6; ++i)
    check_seg(seg[i]);
  finish();
}
END_TEST

/* A segment between them that isn't protected parts the run. */
START_TEST(test_gap)
{
  Count forbidden;
  Count allowed;
  BarrierRun run = {NULL, NULL};

  start();
  make_neighbours(7);
  forbidden = plat_sim.calls[PLAT_SIM_FORBID];
  arena_stop(arena);
  for (Index i = 0; i < 7; ++i)
    if (i != 3)
      barrier_settle(seg[i], old_set);
  arena_resume(arena);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_FORBID], forbidden + 2);
  ck_assert(access_of(seg[3]->base) == ACCESS_WRITE);
  allowed = plat_sim.calls[PLAT_SIM_ALLOW];
  arena_stop(arena);
  for (Index i = 7; i-- > 0;)
    barrier_run_add(&run, seg[i]);
  barrier_run_end(&run);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_ALLOW], allowed + 2);
  for (Index i = 0; i < 7; ++i)
    barrier_distrust(seg[i]);
  arena_resume(arena);
  finish();
}
END_TEST

/* .barrier.fails .barrier.refusal: a run that can't be protected may be
 * written to, all of it, and may refer to anything; others are watched. */
START_TEST(test_refused)
{
  start();
  make_neighbours(9);
  plat_sim_fail(PLAT_SIM_FORBID, 2, 1);
  arena_stop(arena);
  for (Index i = 0; i < 9; ++i)
    if (i % 3 != 2)
      barrier_settle(seg[i], old_set);
  arena_resume(arena);
  for (Index i = 0; i < 9; ++i) {
    bool is_watched = i % 3 != 2 && i / 3 != 1;

    check_seg(seg[i]);
    ck_assert(seg[i]->is_watched == is_watched);
    ck_assert_uint_eq(seg[i]->refset, is_watched ? old_set : REFSET_UNIVERSAL);
    *(Word *)seg[i]->base = i;
  }
  finish();
}
END_TEST

/* Segments go in every state: protected, hit, or about to be. */
START_TEST(test_forget)
{
  start();
  make_neighbours(5);
  for (Index i = 0; i < 3; ++i)
    settle(seg[i], old_set);
  *(Word *)seg[1]->base = 1;
  seg_free(seg[0]);
  seg_free(seg[1]);
  ck_assert_ptr_null(arena->hits);
  arena_stop(arena);
  barrier_settle(seg[3], old_set);
  barrier_settle(seg[4], old_set);
  seg_free(seg[3]);
  arena_resume(arena);
  check_seg(seg[4]);
  ck_assert(seg[4]->is_watched);
  seg_shrink(seg[2], seg[2]->base, seg[2]->limit);
  check_seg(seg[2]);
  /* Free memory is written to by whoever gets it. */
  seg[0] = make(GRAIN);
  memset(seg[0]->base, 0xA5, GRAIN);
  finish();
}
END_TEST

/* The arena is given up to a debugger. */
START_TEST(test_lift)
{
  start();
  make_neighbours(4);
  for (Index i = 0; i < 4; ++i)
    settle(seg[i], i == 2 ? REFSET_EMPTY : old_set);
  barrier_lift(arena);
  for (Index i = 0; i < 4; ++i)
    EXPECT(access_of(seg[i]->base) == ACCESS_WRITE);
  finish();
}
END_TEST

/* Anything, in any order, with refusals. */
START_TEST(test_random)
{
  unit_seed("random");
  start();
  for (Index n = 0; n < 3000; ++n) {
    Index i = unit_random(SEGS_MAX);
    Seg *it = seg[i];

    if (it == NULL) {
      seg[i] = make(GRAIN * (1 + unit_random(3)));
      continue;
    }
    switch (unit_random(8)) {
    case 0:
      seg_free(it);
      seg[i] = NULL;
      break;
    case 1:
      seg_shrink(it, it->base, addr_add(it->base, GRAIN));
      if (!it->is_watched) /* as whoever exposes must say */
        barrier_distrust(it);
      break;
    case 2:
    case 3:
      ((Word *)it->base)[unit_random(seg_size(it) / sizeof(Word))] = n;
      break;
    default:
      if (unit_random(4) == 0)
        plat_sim_fail(PLAT_SIM_FORBID, 1 + unit_random(3), 1);
      arena_stop(arena);
      for (Index j = 0; j < SEGS_MAX; ++j)
        if (seg[j] != NULL && unit_random(3) == 0)
          barrier_settle(seg[j],
                         unit_random(4) == 0 ? REFSET_UNIVERSAL : old_set);
      arena_resume(arena);
    }
    for (Index j = 0; j < SEGS_MAX; ++j)
      if (seg[j] != NULL)
        check_seg(seg[j]);
  }
  finish();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("barrier");
  TCase *loops = tcase_create("loops");

  /* What is tested here, whatever the environment says. */
  (void)setenv("MOSTLY_BARRIER", "protect", 1);
  unit_add(suite, "hit", test_hit);
  unit_add(suite, "fork in hit", test_fork_in_hit);
  unit_add(suite, "read", test_read);
  unit_add(suite, "settle", test_settle);
  tcase_set_timeout(loops, 60);
  tcase_add_loop_test(loops, test_neighbours, 0, 120);
  suite_add_tcase(suite, loops);
  unit_add(suite, "gap", test_gap);
  unit_add(suite, "refused", test_refused);
  unit_add(suite, "forget", test_forget);
  unit_add(suite, "lift", test_lift);
  unit_add(suite, "random", test_random);
  return unit_run(suite);
}
