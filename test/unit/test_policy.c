/* test_policy.c -- each decision as a row of numbers, and a few programs
 *
 * The rows sit on both sides of each boundary.  The programs are loops
 * that allocate by simple rules and do what the policy says, to see what
 * it comes to over time.
 */

#include "trace/policy.h"
#include "unit.h"

#include <math.h>
#include <string.h>

#define KIB ((Size)1 << 10)
#define MIB ((Size)1 << 20)
#define GIB ((Size)1 << 30)

enum {
  CHAINS = 3,
  GENS = 4
};

/* An arena in which nothing is due: the tests change what they're about. */
static PolicySnapshot now;
static PolicyChain chains[CHAINS];
static PolicyGen gens[CHAINS][GENS];

static void start(void)
{
  memset(&now, 0, sizeof now);
  for (Index i = 0; i < CHAINS; ++i) {
    chains[i] = (PolicyChain){gens[i], GENS, false};
    for (Index g = 0; g < GENS; ++g)
      gens[i][g] = (PolicyGen){MIB << g, 0, 0, 0.5};
  }
  now.chains = chains;
  now.chain_count = CHAINS;
  now.commit_limit = SIZE_MAX;
  now.reserved_max = (Size)1 << 40;
  now.top.mortality = 0.5;
  now.pause_time.s = 0.1;
  now.copy_rate = 100.0 * 1024 * 1024;
}

static void expect_chain(Index chain, Index gen)
{
  PolicyChoice choice = policy_choose(&now);

  EXPECT(choice.kind == POLICY_CHAIN);
  EXPECT(choice.why == POLICY_WHY_CAPACITY);
  EXPECT(choice.chain == chain);
  EXPECT(choice.gen == gen);
}

static void expect_kind(PolicyKind kind, PolicyWhy why)
{
  PolicyChoice choice = policy_choose(&now);

  EXPECT(choice.kind == kind);
  EXPECT(choice.why == why);
}

#define EXPECT_NOTHING() expect_kind(POLICY_NOTHING, POLICY_WHY_NOTHING)


/* Chains */

/* .policy.req.capacity */
START_TEST(test_capacity)
{
  start();
  EXPECT_NOTHING();
  gens[0][0].fresh = MIB - 1;
  EXPECT_NOTHING();
  gens[0][0].fresh = MIB;
  expect_chain(0, 0);
  gens[0][0].fresh = SIZE_MAX;
  expect_chain(0, 0);
}
END_TEST

/* .policy.req.any-gen */
START_TEST(test_any_generation)
{
  for (unsigned due = 1; due < 1U << GENS; ++due) {
    start();
    for (Index g = 0; g < GENS; ++g)
      gens[1][g].fresh = gens[1][g].capacity - (due >> g & 1 ? 0 : 1);
    expect_chain(1, (Index)(31 - __builtin_clz(due)));
  }
}
END_TEST

/* .policy.req.worst */
START_TEST(test_worst_chain)
{
  start();
  gens[0][0].fresh = MIB + 10;
  gens[1][2].fresh = 4 * MIB + 11;
  gens[2][0].fresh = MIB + 9;
  expect_chain(1, 2);
  gens[2][1].fresh = 2 * MIB + 12;
  expect_chain(2, 1);
  gens[0][0].fresh = MIB + 12; /* the first of equals */
  expect_chain(0, 0);
  gens[2][0].fresh = MIB + 13; /* not its oldest that is due is worst */
  expect_chain(2, 1);
  chains[0].is_busy = true;
  expect_chain(2, 1);
  chains[1].is_busy = true;
  chains[2].is_busy = true;
  EXPECT_NOTHING();
}
END_TEST

/* Exactly at capacity is over by nothing, and still due. */
START_TEST(test_over_by_nothing)
{
  start();
  gens[2][0].fresh = MIB;
  expect_chain(2, 0);
  now.chain_count = 0;
  EXPECT_NOTHING();
}
END_TEST


/* The world */

/* Old memory of a size, in the top and in a chain. */
static void set_old(Size size)
{
  now.top.size = size / 3;
  gens[0][1].size = size / 3;
  gens[1][GENS - 1].size = size - size / 3 - size / 3;
  gens[0][0].size = 500 * MIB; /* a nursery's isn't old */
  ck_assert_uint_eq(policy_old_size(&now), size);
  ck_assert_uint_eq(policy_collectable_size(&now), size + 500 * MIB);
}

/* .policy.req.growth */
START_TEST(test_growth)
{
  static const struct {
    Size at_world;
    Size due;
  } rows[]
      = {{0, 32 * MIB},         {1, 32 * MIB + 1},    {31 * MIB, 63 * MIB},
         {32 * MIB, 64 * MIB},  {33 * MIB, 66 * MIB}, {100 * MIB, 200 * MIB},
         {300 * GIB, 600 * GIB}};

  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
    start();
    now.old_at_world = rows[i].at_world;
    now.allocated = 1000 * GIB;
    set_old(rows[i].due - 1);
    EXPECT_NOTHING();
    set_old(rows[i].due);
    expect_kind(POLICY_WORLD, POLICY_WHY_GROWTH);
    gens[0][0].fresh = MIB; /* before any chain */
    expect_kind(POLICY_WORLD, POLICY_WHY_GROWTH);
  }
}
END_TEST

/* .policy.req.spacing */
START_TEST(test_spacing)
{
  static const struct {
    Size at_world;
    Size spacing;
  } rows[] = {{0, 64 * KIB},
              {256 * KIB, 64 * KIB},
              {256 * KIB + 4, 64 * KIB + 1},
              {100 * MIB, 25 * MIB}};

  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
    start();
    now.old_at_world = rows[i].at_world;
    set_old(300 * MIB);
    now.allocated_at_world = 7 * GIB;
    now.allocated = now.allocated_at_world + rows[i].spacing - 1;
    EXPECT_NOTHING();
    gens[2][0].fresh = MIB; /* a chain may go on */
    expect_chain(2, 0);
    ++now.allocated;
    expect_kind(POLICY_WORLD, POLICY_WHY_GROWTH);
  }
}
END_TEST

/* .policy.req.limit */
START_TEST(test_limit)
{
  start();
  now.allocated = GIB;
  gens[0][0].size = 60 * MIB;
  now.top.size = 6 * MIB;
  now.committed = 80 * MIB;
  now.spare = 10 * MIB;
  now.commit_limit = (70 + 33) * MIB;
  ck_assert_uint_eq(policy_available(&now), 33 * MIB);
  EXPECT_NOTHING();
  --now.commit_limit;
  expect_kind(POLICY_WORLD, POLICY_WHY_LIMIT);
  now.allocated = 63 * KIB; /* .policy.req.spacing */
  EXPECT_NOTHING();
  now.allocated = GIB;
  now.commit_limit = SIZE_MAX;
  EXPECT_NOTHING();
  now.reserved_max = (70 + 33) * MIB - 1; /* space is a limit too */
  expect_kind(POLICY_WORLD, POLICY_WHY_LIMIT);
  now.commit_limit = 0;
  ck_assert_uint_eq(policy_available(&now), 0);
  expect_kind(POLICY_WORLD, POLICY_WHY_LIMIT);

  /* What can't be collected is no reason to collect. */
  gens[0][0].size = 0;
  now.top.size = 0;
  EXPECT_NOTHING();
}
END_TEST

/* A world that frees nothing isn't tried again at once, whatever asks for
 * it: over a long time the bytes looked at are bounded by the bytes
 * allocated.  .policy.req.spacing */
START_TEST(test_useless_worlds)
{
  Size work = 0;
  Count worlds = 0;

  start();
  now.commit_limit = 100 * MIB;
  now.committed = 99 * MIB;
  for (int poll = 0; poll < 10000; ++poll) {
    set_old(90 * MIB);
    gens[0][0].size = 0;
    now.allocated += 64 * KIB;
    while (policy_choose(&now).kind == POLICY_WORLD) {
      ++worlds;
      work += 90 * MIB;
      now.allocated_at_world = now.allocated;
      now.old_at_world = 90 * MIB;
    }
  }
  EXPECT(worlds > 10);
  EXPECT(work <= 4 * now.allocated + 90 * MIB);
}
END_TEST

/* A program that keeps so much alive and replaces it all the time: memory
 * and work stay within a factor of what it keeps. */
static void run_program(Size live, double promoted)
{
  Size old = 0;
  Size most = 0;
  Size work = 0;

  start();
  while (now.allocated < 40 * live + 10 * GIB) {
    now.allocated += MIB;
    old += (Size)(promoted * (double)MIB);
    most = size_max(most, old);
    now.top.size = old;
    if (policy_choose(&now).kind == POLICY_WORLD) {
      old = size_min(old, live);
      work += old;
      now.old_at_world = old;
      now.allocated_at_world = now.allocated;
    }
  }
  EXPECT(most <= 2 * live + 33 * MIB);
  EXPECT((double)work <= promoted * (double)now.allocated + (double)live);
}

START_TEST(test_programs)
{
  for (Size live = MIB; live <= 4 * GIB; live *= 4)
    for (int percent = 1; percent <= 100; percent *= 3)
      run_program(live, percent / 100.0);
}
END_TEST


/* Estimates */

/* .policy.req.estimate */
START_TEST(test_condemned_and_survivors)
{
  PolicyChoice none = {POLICY_NOTHING, POLICY_WHY_NOTHING, 0, 0};
  PolicyChoice chain = {POLICY_CHAIN, POLICY_WHY_CAPACITY, 1, 2};
  PolicyChoice world = {POLICY_WORLD, POLICY_WHY_GROWTH, 0, 0};

  start();
  for (Index g = 0; g < GENS; ++g) {
    gens[1][g].size = (Size)1000 << g;
    gens[1][g].mortality = g == 0 ? 0.75 : g == 1 ? 1 : 0;
  }
  gens[0][3].size = 100;
  now.top.size = 50;
  now.top.mortality = 0;
  ck_assert_uint_eq(policy_condemned_size(&now, &none), 0);
  ck_assert_uint_eq(policy_survivors(&now, &none), 0);
  ck_assert_uint_eq(policy_condemned_size(&now, &chain), 7000);
  ck_assert_uint_eq(policy_survivors(&now, &chain), 250 + 0 + 4000);
  ck_assert_uint_eq(policy_condemned_size(&now, &world), 15150);
  ck_assert_uint_eq(policy_survivors(&now, &world),
                    250 + 0 + 4000 + 8000 + 50 + 50);
}
END_TEST

/* .policy.req.fits */
START_TEST(test_fits_pause)
{
  start();
  now.copy_rate = 1000;
  now.pause_time.s = 0.5;
  ck_assert(policy_fits_pause(&now, 500));
  ck_assert(!policy_fits_pause(&now, 501));
  ck_assert_double_eq(policy_cost(&now, 250).s, 0.25);
  now.pause_time.s = 0;
  ck_assert(policy_fits_pause(&now, 0));
  ck_assert(!policy_fits_pause(&now, 1));
  now.pause_time.s = INFINITY;
  ck_assert(policy_fits_pause(&now, SIZE_MAX));

  /* While no rate is known, time is guessed, and not as nothing. */
  now.copy_rate = 0;
  now.pause_time.s = 1;
  ck_assert(policy_fits_pause(&now, 16 * MIB));
  ck_assert(!policy_fits_pause(&now, 4 * GIB));
}
END_TEST

/* .policy.req.mortality */
START_TEST(test_mortality)
{
  double m = 0.85;

  ck_assert_double_eq(policy_mortality(m, 0, 0), m);
  ck_assert_double_eq(policy_mortality(m, 0, 5), m);
  ck_assert_double_eq_tol(policy_mortality(m, 100, 0), 0.91, 1e-12);
  ck_assert_double_eq_tol(policy_mortality(m, 100, 100), 0.51, 1e-12);
  ck_assert_double_eq_tol(policy_mortality(m, 100, 500), 0.51, 1e-12);
  ck_assert_double_eq_tol(policy_mortality(m, 100, 25), 0.81, 1e-12);
  for (int i = 0; i < 100; ++i)
    m = policy_mortality(m, 1000, 700);
  ck_assert_double_eq_tol(m, 0.3, 1e-9);
  for (int i = 0; i < 100000; ++i) {
    m = policy_mortality(m, unit_random(1000), unit_random(1500));
    EXPECT(m >= 0);
    EXPECT(m <= 1);
  }
}
END_TEST


/* Steps */

static PolicyStep step;

static void start_step(void)
{
  start();
  now.top.size = 99 * MIB; /* 0.99 s, and 0.01 s besides */
  now.old_at_world = 99 * MIB;
  now.allocated = 99 * MIB / 4;
  step = (PolicyStep){{0.5}, 2.5, {10.1}};
}

static bool step_is_world(void)
{
  PolicyChoice choice = policy_choose_step(&now, &step);

  EXPECT(choice.kind == POLICY_WORLD || choice.kind == POLICY_NOTHING);
  EXPECT(choice.kind != POLICY_WORLD || choice.why == POLICY_WHY_IDLE);
  return choice.kind == POLICY_WORLD;
}

/* .policy.req.step */
START_TEST(test_step)
{
  start_step();
  ck_assert(step_is_world());

  step.multiplier = 0; /* the client wants no world */
  ck_assert(!step_is_world());
  step.multiplier = 1.99; /* it doesn't fit */
  ck_assert(!step_is_world());
  step.multiplier = 2.01;
  ck_assert(step_is_world());

  step.since_world.s = 9.9; /* not again so soon */
  ck_assert(!step_is_world());
  step.since_world.s = INFINITY;
  ck_assert(step_is_world());

  --now.allocated; /* nothing much has happened since */
  ck_assert(!step_is_world());
  ++now.allocated;
  ck_assert(step_is_world());

  now.top.size = MIB - 1; /* not worth it */
  ck_assert(!step_is_world());
  gens[2][0].size = 1;
  ck_assert(step_is_world());
}
END_TEST

/* A short moment isn't enough for a world, in whatever unit. */
START_TEST(test_step_units)
{
  start_step();
  step.interval.s = 1e-5;
  step.multiplier = 1;
  ck_assert(!step_is_world());
  step.interval.s = INFINITY;
  step.multiplier = 0;
  ck_assert(!step_is_world());
  step.multiplier = 1;
  ck_assert(step_is_world());
  step.interval.s = 0;
  step.multiplier = INFINITY;
  ck_assert(!step_is_world());
}
END_TEST

/* With no time for the world, a chain that is due. */
START_TEST(test_step_chain)
{
  PolicyChoice choice;

  start_step();
  step.interval.s = 0;
  step.multiplier = 0;
  gens[1][1].fresh = 2 * MIB;
  choice = policy_choose_step(&now, &step);
  ck_assert_int_eq(choice.kind, POLICY_CHAIN);
  ck_assert_uint_eq(choice.chain, 1);
  ck_assert_uint_eq(choice.gen, 1);
  gens[1][1].fresh = 0;
  ck_assert_int_eq(policy_choose_step(&now, &step).kind, POLICY_NOTHING);
}
END_TEST


/* The nursery */

/* Ask until nothing changes, and see that it goes one way only. */
static Size settle(Size from)
{
  Size size = from;
  Size last = 0;

  for (int i = 0; i < 200 && size != last; ++i) {
    last = size;
    gens[0][0].capacity = size;
    size = policy_nursery_capacity(&now, 0);
    EXPECT(size > 0);
  }
  EXPECT(size == last);
  return size;
}

/* .policy.req.nursery */
START_TEST(test_nursery_size)
{
  static const struct {
    Size old;
    double mortality;
    Size from;
    Size settled;
  } rows[] = {
      {0, 0.85, 8 * MIB, 8 * MIB},
      {0, 0.85, MIB, 8 * MIB},
      {0, 0.85, 20 * MIB, 20 * MIB},
      {0, 0.96, 20 * MIB, 8 * MIB},
      {0, 0.5, 8 * MIB, 64 * MIB},
      {32 * MIB, 0.85, 8 * MIB, 8 * MIB},
      {64 * MIB, 0.85, 8 * MIB, 16 * MIB},
      {100 * GIB, 0.85, 8 * MIB, 64 * MIB},
      {0, 0.85, 10 * GIB, 64 * MIB},
      {100 * MIB, 1, 64 * MIB, 25 * MIB},
  };

  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
    start();
    now.copy_rate = 1e12;
    now.old_at_world = rows[i].old;
    gens[0][0].mortality = rows[i].mortality;
    ck_assert_uint_eq(settle(rows[i].from), rows[i].settled);
  }
}
END_TEST

/* .policy.req.pause: nine tenths of the pause for the survivors. */
START_TEST(test_nursery_in_pause)
{
  start();
  now.old_at_world = GIB; /* it would like to have the largest */
  now.copy_rate = 100.0 * (double)MIB;
  now.pause_time.s = 0.05;
  gens[0][0].mortality = 0.75; /* 4.5 MiB of survivors in 45 ms */
  ck_assert_uint_eq(settle(64 * MIB), 18 * MIB);
  ck_assert_uint_eq(settle(8 * MIB), 18 * MIB);
  gens[0][0].mortality = 1; /* not without end, when nothing survives */
  now.copy_rate = 10.0 * (double)MIB;
  ck_assert_uint_eq(settle(8 * MIB), 9 * MIB);
  now.pause_time.s = 0;
  ck_assert_uint_eq(settle(8 * MIB), MIB);
  now.pause_time.s = INFINITY;
  ck_assert_uint_eq(settle(8 * MIB), 64 * MIB);
  now.pause_time.s = 0;
  now.copy_rate = INFINITY; /* the product is no number */
  ck_assert_uint_eq(settle(8 * MIB), MIB);
}
END_TEST

/* .policy.req.room */
START_TEST(test_nursery_in_memory)
{
  start();
  now.commit_limit = 40 * MIB;
  now.committed = 30 * MIB;
  now.spare = 2 * MIB;
  gens[0][0].mortality = 0.85;
  ck_assert_uint_eq(settle(8 * MIB), 3 * MIB);
  now.commit_limit = 28 * MIB;
  ck_assert_uint_eq(settle(8 * MIB), 64 * KIB);
}
END_TEST

/* .policy.req.damped: towards the settled size, never past it, at most
 * about half the way at once, and there in the end. */
START_TEST(test_nursery_is_damped)
{
  for (int i = 0; i < 20000; ++i) {
    start();
    now.old_at_world = unit_random(300 * MIB);
    now.copy_rate = 1e12;
    gens[0][0].mortality = 0.96 + 0.04 * (double)unit_random(100) / 100;
    Size from = 1 + unit_random(100 * MIB);
    Size end = settle(from);

    gens[0][0].capacity = from;
    Size next = policy_nursery_capacity(&now, 0);
    if (from < end) {
      EXPECT(next > from);
      EXPECT(next <= end);
      EXPECT(next - from <= (end - from) / 2 + 65 * KIB);
    } else {
      EXPECT(next <= from);
      EXPECT(next >= end);
      EXPECT(from - next <= (from - end) / 2 + 65 * KIB);
    }
  }
}
END_TEST

/* Any numbers: the answers stay within their ranges. */
START_TEST(test_anything)
{
  for (int i = 0; i < 100000; ++i) {
    start();
    now.old_at_world = (Size)-1 >> unit_random(64);
    now.committed = (Size)-1 >> unit_random(64);
    now.spare = unit_random(2) ? now.committed / 2 : 0;
    now.commit_limit = (Size)-1 >> unit_random(64);
    now.allocated = (Size)-1 >> unit_random(64);
    now.allocated_at_world = now.allocated >> unit_random(64);
    now.copy_rate = unit_random(2) ? 0 : ldexp(1, (int)unit_random(600));
    now.pause_time.s = ldexp(1, (int)unit_random(900) - 400);
    for (Index g = 0; g < GENS; ++g) {
      gens[0][g].capacity = (Size)-1 >> unit_random(64);
      gens[0][g].fresh = (Size)-1 >> unit_random(64);
      gens[0][g].size = (Size)-1 >> unit_random(64);
      gens[0][g].mortality = (double)unit_random(101) / 100;
    }
    PolicyChoice choice = policy_choose(&now);
    Size capacity = policy_nursery_capacity(&now, 0);

    EXPECT(capacity >= 64 * KIB);
    EXPECT(capacity <= size_max(64 * MIB, gens[0][0].capacity));
    /* But for rounding, no more survives than is condemned. */
    Size survivors = policy_survivors(&now, &choice);
    EXPECT(survivors - survivors / 1024
           <= policy_condemned_size(&now, &choice));
    EXPECT(choice.kind != POLICY_CHAIN || choice.gen < GENS);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("policy");

  unit_seed("test_policy");
  unit_add(suite, "capacity", test_capacity);
  unit_add(suite, "any-gen", test_any_generation);
  unit_add(suite, "worst", test_worst_chain);
  unit_add(suite, "over-by-nothing", test_over_by_nothing);
  unit_add(suite, "growth", test_growth);
  unit_add(suite, "spacing", test_spacing);
  unit_add(suite, "limit", test_limit);
  unit_add(suite, "useless", test_useless_worlds);
  unit_add(suite, "programs", test_programs);
  unit_add(suite, "estimate", test_condemned_and_survivors);
  unit_add(suite, "fits", test_fits_pause);
  unit_add(suite, "mortality", test_mortality);
  unit_add(suite, "step", test_step);
  unit_add(suite, "step-units", test_step_units);
  unit_add(suite, "step-chain", test_step_chain);
  unit_add(suite, "nursery", test_nursery_size);
  unit_add(suite, "pause", test_nursery_in_pause);
  unit_add(suite, "room", test_nursery_in_memory);
  unit_add(suite, "damped", test_nursery_is_damped);
  unit_add(suite, "anything", test_anything);
  return unit_run(suite);
}
