/* test_barrier_track_sim.c -- writes that the kernel logs, and hiding
 *
 * The log is the real one, where the system has it; the simulated platform
 * makes it fail.
 */

#include "fake_pool.h"
#include "heap/barrier.h"
#include "plat/plat_sim.h"
#include "plat_help.h"

enum {
  GRAIN = 4096,
  SEGS = 12,
  SKIPPED = 12, /* steps of the ladder for the span */
  DEFER = 2     /* scans that a segment waits after a write */
};

static const SegClass no_class = {.name = "none"};

static mps_arena_t arena;
static mps_fmt_t format;
static FakePool *fake;
static Seg *seg[SEGS];
static RefSet old_set; /* refers to no nursery */
static Count unhidden;

/* What the layer of traces would do.  In a handler, so without Check's own
 * assertions, which allocate memory. */
static void unhide(Arena *its_arena, Seg *it)
{
  ASSERT(plat_lock_is_mine(&its_arena->lock) && !its_arena->is_stopped);
  ++unhidden;
  arena_stop(its_arena);
  barrier_expose(it);
  it->is_grey = false;
  barrier_settle(it, old_set);
  arena_resume(its_arena);
}

static void make_segs(void)
{
  for (Index i = 0; i < SEGS; ++i) {
    ck_assert_int_eq(seg_alloc(&seg[i], &fake->pgens[1], &no_class, RANK_EXACT,
                               GRAIN * (1 + i % 3)),
                     MPS_RES_OK);
    pgen_account_fill(seg[i]);
    memset(seg[i]->base, 1, seg_size(seg[i]));
  }
}

/* False where the real system can't track. */
static bool start(void)
{
  plat_sim_reset();
  plat_sim.has_tracking = true;
  plat_sim_fail(PLAT_SIM_RESERVE, 1, SKIPPED);
  arena = help_arena(16 * MIB);
  arena->unhide = unhide;
  unhidden = 0;
  format = help_format(arena, 8, 0);
  fake_rank = RANK_EXACT;
  fake_seg_class = &no_class;
  fake = fake_create(arena, format, NULL);
  old_set = REFSET_KIND(arena->top.id)
            | REFSET_KIND(arena->default_chain->gens[1].id);
  make_segs();
  return arena->barrier == BARRIER_TRACK;
}

static void finish(void)
{
  arena->grey = NULL;
  for (Index i = 0; i < SEGS; ++i)
    seg[i]->is_queued = false;
  mps_pool_destroy(&fake->pool);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
  ck_assert_uint_eq(plat_sim.forbidden, 0);
  ck_assert_uint_eq(plat_sim.reservations, 0);
}

static void settle_all(void)
{
  arena_stop(arena);
  for (Index i = 0; i < SEGS; ++i)
    barrier_settle(seg[i], old_set);
  arena_resume(arena);
}

static void gather(void)
{
  arena_stop(arena);
  barrier_gather(arena);
}

/* .barrier.log .barrier.means: what was written is known, nothing else is
 * suspected, and no page was ever protected. */
START_TEST(test_writes)
{
  if (!start()) {
    finish();
    return;
  }
  settle_all();
  for (Index i = 0; i < SEGS; ++i)
    ck_assert(seg[i]->is_watched && seg[i]->refset == old_set);
  *(Word *)addr_sub(seg[4]->limit, 8) = 42;
  *(Word *)seg[9]->base = 42;
  gather();
  for (Index i = 0; i < SEGS; ++i) {
    bool is_written = i == 4 || i == 9;

    ck_assert(seg[i]->is_watched == !is_written);
    ck_assert_uint_eq(seg[i]->refset, is_written ? REFSET_UNIVERSAL : old_set);
  }
  ck_assert_uint_eq(seg[4]->seen, REFSET_UNIVERSAL);
  ck_assert_uint_eq(seg[4]->defer, DEFER);
  arena_resume(arena);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_FORBID], 0);
  finish();
}
END_TEST

/* A system call writes into an object. */
START_TEST(test_system_call)
{
  bool is_tracked = start();

  settle_all();
  ck_assert_int_eq(access_of(seg[2]->base),
                   is_tracked ? ACCESS_WRITE : ACCESS_READ);
  if (is_tracked) {
    gather();
    ck_assert(!seg[2]->is_watched && seg[3]->is_watched);
    arena_resume(arena);
  }
  finish();
}
END_TEST

/* .barrier.seen: what we expose, we ask about first; a write is never lost
 * between two scans of one trace. */
START_TEST(test_expose)
{
  if (!start()) {
    finish();
    return;
  }
  settle_all();
  *(Word *)seg[5]->base = 42;
  arena_stop(arena);
  barrier_expose(seg[5]);
  barrier_expose(seg[6]);
  ck_assert_uint_eq(seg[5]->refset, REFSET_UNIVERSAL);
  ck_assert_uint_eq(seg[5]->seen, REFSET_UNIVERSAL);
  ck_assert_uint_eq(seg[6]->refset, old_set);
  ck_assert(!seg[6]->is_watched && seg[6]->is_wanted);
  *(Word *)seg[6]->base = 43; /* ours */
  arena_resume(arena);
  /* The one that wasn't settled again is watched again all the same. */
  ck_assert(seg[6]->is_watched && !seg[5]->is_watched);
  gather();
  ck_assert(seg[6]->is_watched);
  arena_resume(arena);
  finish();
}
END_TEST

/* .barrier.means: what fails is done without: no tracking at all, no
 * arming, no listing. */
START_TEST(test_failures)
{
  bool is_tracked = start();

  if (!is_tracked) {
    ck_assert_int_eq(arena->barrier, BARRIER_PROTECT);
    finish();
    return;
  }
  plat_sim_fail(PLAT_SIM_ARM, 1, 1000);
  settle_all();
  for (Index i = 0; i < SEGS; ++i)
    ck_assert(!seg[i]->is_watched && seg[i]->refset == REFSET_UNIVERSAL);
  plat_sim_fail(PLAT_SIM_ARM, 0, 0);
  settle_all();
  for (Index i = 0; i < SEGS; ++i)
    ck_assert(seg[i]->is_watched);
  plat_sim_fail(PLAT_SIM_LIST, 1, 1);
  gather();
  for (Index i = 0; i < SEGS; ++i)
    ck_assert(!seg[i]->is_watched && seg[i]->refset == REFSET_UNIVERSAL);
  arena_resume(arena);
  ck_assert_int_eq(arena->barrier, BARRIER_PROTECT);
  for (Index i = 0; i <= DEFER; ++i)
    settle_all();
  ck_assert(seg[0]->is_watched && seg[0]->access == PLAT_ACCESS_READ);
  *(Word *)seg[0]->base = 1;
  arena_stop(arena);
  ck_assert(!seg[0]->is_watched);
  arena_resume(arena);
  finish();
}
END_TEST

START_TEST(test_no_tracking)
{
  plat_sim_reset();
  plat_sim_fail(PLAT_SIM_TRACK, 1, 1);
  plat_sim.has_tracking = true;
  plat_sim_fail(PLAT_SIM_RESERVE, 1, SKIPPED);
  arena = help_arena(16 * MIB);
  ck_assert_int_eq(arena->barrier, BARRIER_PROTECT);
  mps_arena_destroy(arena);
}
END_TEST

/* Shrinking, freeing and condemning leave nothing that is counted as
 * watched in the units. */
START_TEST(test_counts)
{
  BarrierRun run = {NULL, NULL};
  Count sum = 0;

  if (!start()) {
    finish();
    return;
  }
  settle_all();
  arena_stop(arena);
  seg_shrink(seg[2], seg[2]->base, addr_add(seg[2]->base, GRAIN));
  for (Index i = 3; i < SEGS; ++i) {
    barrier_run_add(&run, seg[i]);
    space_map_kind(&arena->space, seg[i]->base, seg[i]->limit, KIND_WHITE);
  }
  barrier_run_end(&run);
  /* .barrier.disarm: only what is condemned, and once. */
  ck_assert(barrier_disarm(arena));
  ck_assert(!barrier_disarm(arena));
  for (Index i = 0; i < SEGS; ++i) {
    PlatRange range;
    Count count;
    Addr from;

    ck_assert(plat_track_list(&range, &count, &from, 1, seg[i]->base,
                              seg[i]->limit));
    ck_assert_uint_eq(count, i >= 3);
  }
  for (Index i = 3; i < SEGS; ++i) {
    barrier_distrust(seg[i]);
    space_map_kind(&arena->space, seg[i]->base, seg[i]->limit, seg[i]->kind);
  }
  arena_resume(arena);
  for (Index u = 0; u < 8; ++u)
    sum += arena->space.unit_watched[u];
  ck_assert_uint_eq(sum, 3);
  finish();
}
END_TEST

/* .barrier.hide: nobody sees a grey segment; a look shows it, and only what
 * was looked at is scanned. */
START_TEST(test_hide)
{
  (void)start();
  arena_stop(arena);
  for (Index i = 0; i < SEGS; ++i)
    seg_set_grey(seg[i], arena);
  ck_assert(barrier_raise(arena));
  for (Index i = 0; i < SEGS; ++i)
    ck_assert_int_eq(access_of(seg[i]->base), ACCESS_NONE);
  arena_resume(arena);
  ck_assert_uint_eq(*(unsigned char *)seg[7]->base, 1);
  ck_assert_uint_eq(unhidden, 1);
  *(Word *)addr_sub(seg[3]->limit, 8) = 5;
  ck_assert_uint_eq(unhidden, 2);
  for (Index i = 0; i < SEGS; ++i)
    ck_assert((seg[i]->access == PLAT_ACCESS_NONE) == (i != 3 && i != 7));
  /* .barrier.hide.show: those beside it were hidden again. */
  ck_assert_int_eq(access_of(seg[6]->base), ACCESS_NONE);
  ck_assert_int_eq(access_of(seg[8]->base), ACCESS_NONE);
  barrier_lift(arena);
  for (Index i = 0; i < SEGS; ++i) {
    ck_assert_int_eq(access_of(seg[i]->base), ACCESS_WRITE);
    seg[i]->is_grey = false;
  }
  finish();
}
END_TEST

/* .barrier.hide.fails: it is said, and nothing stays hidden half. */
START_TEST(test_hide_refused)
{
  (void)start();
  arena_stop(arena);
  for (Index i = 0; i < 4; ++i)
    seg_set_grey(seg[i], arena);
  plat_sim_fail(PLAT_SIM_FORBID, 1, 1);
  ck_assert(!barrier_raise(arena));
  for (Index i = 0; i < 4; ++i) {
    ck_assert_int_eq(access_of(seg[i]->base), ACCESS_WRITE);
    seg[i]->is_grey = false;
  }
  arena_resume(arena);
  finish();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("barrier by the kernel's log");

  /* What is tested here, whatever the environment says. */
  (void)setenv("MOSTLY_BARRIER", "track", 1);
  unit_add(suite, "writes", test_writes);
  unit_add(suite, "system-call", test_system_call);
  unit_add(suite, "expose", test_expose);
  unit_add(suite, "failures", test_failures);
  unit_add(suite, "no-tracking", test_no_tracking);
  unit_add(suite, "counts", test_counts);
  unit_add(suite, "hide", test_hide);
  unit_add(suite, "hide-refused", test_hide_refused);
  return unit_run(suite);
}
