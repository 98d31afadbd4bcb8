/* test_final.c -- registrations against a model, and what they cost
 *
 * The objects of the model are in the slots of the exact table.  A slot
 * that is cleared leaves an object that nothing refers to, with as many
 * messages to come as it has registrations.
 */

#include "amc_help.h"
#include "heap/final.h"

enum {
  SLOTS = 100,
  SERIALS = 40000,
  MESSAGES = 50
};

static const mps_message_type_t type = mps_message_type_finalization();

static struct {
  Word serial[SLOTS]; /* of the object in a slot, or zero */
  unsigned char count[SERIALS];
  bool is_dead[SERIALS];
  Word last;
  Count registrations;
  mps_message_t taken[MESSAGES];
  Word taken_serial[MESSAGES];
} model;

static Res finalize(Index i)
{
  return mps_finalize(arena, &exact[i]);
}

static Res definalize(Index i)
{
  return mps_definalize(arena, &exact[i]);
}

static Word serial_of(mps_message_t message)
{
  mps_addr_t ref = NULL;

  mps_message_finalization_ref(&ref, arena, message);
  EXPECT(help_kind(ref) == HELP_OBJECT);
  return help_block(ref)[1];
}

static Word discard(mps_message_t message)
{
  Word serial = serial_of(message);

  mps_message_discard(arena, message);
  return serial;
}

static Count drain(void)
{
  mps_message_t message;
  Count count = 0;

  for (; mps_message_get(&message, arena, type); ++count)
    (void)discard(message);
  return count;
}

static void start(AmcParams params)
{
  amc_start(params);
  mps_message_type_enable(arena, type);
  memset(&model, 0, sizeof model);
}

/* Collect the generations of the chain below one, or everything. */
static void collect(Count gens)
{
  if (gens > chain->count) {
    amc_collect();
  } else {
    for (Index i = 0; i < gens; ++i)
      chain->gens[i].is_condemned = true;
    (void)trace_run(arena, TRACE_WHY_CLIENT);
    amc_verify();
  }
  EXPECT(final_check(arena));
}


/* .final.req.reported .final.req.dead: random operations, several registrations of one object,
 * objects that move or are pinned, messages that are kept */

static void random_make(Index i)
{
  if (model.serial[i] != 0 || model.last + 1 == SERIALS)
    return;
  model.serial[i] = ++model.last;
  exact[i] = amc_object(help_header + 16 + 8 * unit_random(20), model.last);
}

static void random_drop(Index i)
{
  model.is_dead[model.serial[i]] = true;
  model.serial[i] = 0;
  exact[i] = NULL;
  ambig[i] = NULL;
}

static void random_register(Index i)
{
  Word serial = model.serial[i];

  if (serial == 0)
    return;
  for (Count n = 1 + unit_random(3); n > 0 && model.count[serial] < 200; --n) {
    EXPECT(finalize(i) == MPS_RES_OK);
    ++model.count[serial];
    ++model.registrations;
  }
  if (unit_random(8) == 0)
    ambig[i] = exact[i];
}

static void random_definalize(Index i)
{
  Word serial = model.serial[i];

  if (serial == 0)
    return;
  EXPECT(definalize(i)
         == (model.count[serial] > 0 ? MPS_RES_OK : MPS_RES_FAIL));
  if (model.count[serial] > 0) {
    --model.count[serial];
    --model.registrations;
  }
}

static void expect_message(Word serial)
{
  EXPECT(serial <= model.last);
  EXPECT(model.is_dead[serial]);
  EXPECT(model.count[serial] > 0);
  --model.count[serial];
  --model.registrations;
}

static void random_message(void)
{
  Index i = unit_random(MESSAGES);

  if (model.taken[i] != NULL)
    EXPECT(discard(model.taken[i]) == model.taken_serial[i]);
  if (!mps_message_get(&model.taken[i], arena, type)) {
    model.taken[i] = NULL;
    return;
  }
  model.taken_serial[i] = serial_of(model.taken[i]);
  expect_message(model.taken_serial[i]);
}

static void random_collect(void)
{
  mps_message_t message;
  Count gens = 1 + unit_random(chain->count + 1);

  collect(gens);
  if (gens <= chain->count || unit_random(4) != 0)
    return;
  while (mps_message_get(&message, arena, type))
    expect_message(discard(message));
  for (Word serial = 1; serial <= model.last; ++serial)
    EXPECT(!model.is_dead[serial] || model.count[serial] == 0);
  EXPECT(model.registrations == arena->finals.count);
}

static void random_step(void)
{
  Index i = unit_random(SLOTS);

  switch (unit_random(16)) {
  case 0:
  case 1:
    random_drop(i);
    break;
  case 2:
  case 3:
    random_definalize(i);
    break;
  case 4:
    random_message();
    break;
  case 5:
    if (unit_random(8) == 0)
      random_collect();
    break;
  case 6:
  case 7:
  case 8:
    random_register(i);
    break;
  default:
    random_make(i);
  }
}

START_TEST(test_random)
{
  start((AmcParams){.is_leaf = _i % 2 != 0, .header = _i < 2 ? 0 : 16});
  for (Count n = 0; n < 20000; ++n)
    random_step();
  EXPECT(final_check(arena));
  amc_stop();
}
END_TEST


/* .final.table: buckets are short, whatever the addresses look like, and
 * .final.cost: a registration takes at most 64 bytes, all in all. */

enum {
  MANY = 50000
};

static mps_addr_t many[MANY];

static Count longest_bucket(const Finals *finals)
{
  Count longest = 0;

  for (Index i = 0; i < (Count)1 << finals->shift; ++i) {
    Count length = 0;

    for (const Final *it = finals->buckets[i]; it != NULL; it = it->next)
      ++length;
    longest = size_max(longest, length);
  }
  return longest;
}

START_TEST(test_buckets)
{
  Size before;

  start((AmcParams){.is_leaf = true});
  for (Word i = 0; i < MANY; ++i)
    many[i] = amc_object((Size)16 << _i, i);
  before = arena->ctl.in_use;
  for (Word i = 0; i < MANY; ++i) {
    EXPECT(mps_finalize(arena, &many[i]) == MPS_RES_OK);
    EXPECT(i < 64 || arena->ctl.in_use - before <= (i + 1) * 64);
  }
  EXPECT(final_check(arena));
  EXPECT(arena->finals.count == MANY);
  ck_assert_uint_le(longest_bucket(&arena->finals), 16);
  for (Word i = 0; i < MANY; ++i)
    EXPECT(mps_definalize(arena, &many[i]) == MPS_RES_OK);
  ck_assert_uint_eq(arena->finals.count, 0);
  amc_stop();
}
END_TEST

/* .final.cost: 600,000 registrations of one object, which moves.  With a
 * search for each this takes a minute. */
START_TEST(test_one_object)
{
  enum {
    COUNT = 600000
  };

  start((AmcParams){0});
  exact[0] = amc_object(64, 1);
  for (Count n = 0; n < COUNT; ++n)
    EXPECT(finalize(0) == MPS_RES_OK);
  for (Count n = 0; n < 3; ++n)
    (void)mps_arena_collect(arena);
  for (Count n = 0; n < COUNT / 2; ++n)
    EXPECT(definalize(0) == MPS_RES_OK);
  ck_assert_uint_eq(arena->finals.count, COUNT / 2);
  mps_message_type_disable(arena, type);
  amc_forget();
  amc_new_ap();
  (void)mps_arena_collect(arena); /* drops them all */
  ck_assert_uint_eq(arena->finals.count, 0);
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  amc_stop();
}
END_TEST


/* .final.req.cost, .final.gens: a minor collection doesn't look at old registrations. */

static Count asked;

static bool ask(Seg *seg, mps_addr_t *ref_io)
{
  ++asked;
  return amc_seg_class.is_preserved(seg, ref_io);
}

static void watch(Seg *seg, void *closure)
{
  seg->class = closure;
}

START_TEST(test_generations)
{
  SegClass asking = amc_seg_class;

  start((AmcParams){0});
  asking.is_preserved = ask;
  for (Index i = 0; i < REFS; ++i) {
    exact[i] = amc_object(64, i);
    ck_assert_int_eq(finalize(i), MPS_RES_OK);
  }
  collect(1);
  exact[0] = amc_object(64, 1000);
  ck_assert_int_eq(finalize(0), MPS_RES_OK);
  pool->class->segs(pool, watch, &asking);
  asked = 0;
  collect(1);
  ck_assert_uint_eq(asked, 1); /* the young one */
  pool->class->segs(pool, watch, (void *)&amc_seg_class);
  ck_assert_uint_eq(drain(), 0);
  collect(2); /* object 0 is dead, in the second generation */
  ck_assert_uint_eq(drain(), 1);
  amc_stop();
}
END_TEST


/* .final.emergency */

enum {
  EMERGENCY = 64
};

static void make_dead(void)
{
  for (Index i = 0; i < EMERGENCY; ++i) {
    exact[i] = amc_object(64, 1 + i);
    ck_assert_int_eq(finalize(i), MPS_RES_OK);
    if (i > 0) /* each refers to the one before it */
      help_ref(exact[i])[0] = exact[i - 1];
  }
  exact[EMERGENCY] = amc_object(64, 99);
  for (Index i = 0; i < EMERGENCY; ++i)
    exact[i] = NULL;
}

/* Where there is memory for boards, in the same collection. */
START_TEST(test_emergency)
{
  start((AmcParams){0});
  make_dead();
  amc_exhaust();
  (void)mps_arena_collect(arena);
  ck_assert(arena->trace->is_emergency);
  ck_assert_uint_eq(drain(), EMERGENCY);
  amc_relieve();
  amc_forget();
  amc_new_ap();
  (void)mps_arena_collect(arena);
  ck_assert_uint_eq(drain(), 0);
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  amc_stop();
}
END_TEST

/* Where not even for these, at the latest in the next that has memory. */
START_TEST(test_emergency_no_board)
{
  Count count;

  start((AmcParams){0});
  make_dead();
  amc_exhaust_all();
  (void)mps_arena_collect(arena);
  count = drain();
  amc_relieve_all();
  (void)mps_arena_collect(arena);
  ck_assert_uint_eq(count + drain(), EMERGENCY);
  amc_verify();
  amc_stop();
}
END_TEST

/* .final.register: without memory it fails, and nothing has happened. */
START_TEST(test_no_memory)
{
  Count count = 0;

  start((AmcParams){0});
  exact[0] = amc_object(64, 1);
  amc_exhaust_all();
  ck_assert_int_eq(finalize(0), MPS_RES_COMMIT_LIMIT);
  ck_assert_int_eq(definalize(0), MPS_RES_FAIL);
  amc_relieve_all();
  for (; count < 64; ++count)
    ck_assert_int_eq(finalize(0), MPS_RES_OK);
  amc_exhaust(); /* there are small blocks, but no larger table */
  while (finalize(0) == MPS_RES_OK)
    ++count;
  ck_assert_uint_gt(count, 64);
  ck_assert(final_check(arena));
  ck_assert_uint_eq(arena->finals.count, count);
  amc_relieve();
  amc_forget();
  (void)mps_arena_collect(arena);
  ck_assert_uint_eq(drain(), count);
  amc_stop();
}
END_TEST


/* .final.running: while a trace runs, after all that exact roots refer to
 * has been preserved and before the dead are known */

static mps_res_t in_the_middle(mps_ss_t ss, void *p, size_t s)
{
  Trace *trace = arena->trace;
  Arena *its = arena;

  if (p != NULL && *(bool *)p) {
    *(bool *)p = false;
    final_flip(its, trace, trace->white);
    EXPECT(final_definalize(its, (Addr)exact[0]) == MPS_RES_OK);
    EXPECT(final_definalize(its, (Addr)exact[0]) == MPS_RES_FAIL);
    EXPECT(final_definalize(its, (Addr)ambig[1]) == MPS_RES_OK);
    EXPECT(final_is_object(its, (Addr)exact[2]));
    EXPECT(final_register(its, (Addr)exact[2]) == MPS_RES_OK);
    EXPECT(final_is_object(its, (Addr)ambig[1]));
    EXPECT(final_register(its, (Addr)ambig[1]) == MPS_RES_OK);
    EXPECT(final_definalize(its, (Addr)exact[3]) == MPS_RES_OK);
    EXPECT(final_register(its, (Addr)exact[3]) == MPS_RES_OK);
  }
  return MPS_RES_OK;
}

START_TEST(test_running)
{
  bool is_due = true;
  mps_root_t root;
  mps_addr_t old;

  start((AmcParams){0});
  for (Index i = 0; i < 5; ++i) {
    exact[i] = amc_object(64, i);
    ck_assert_int_eq(i == 2 ? MPS_RES_OK : finalize(i), MPS_RES_OK);
  }
  ambig[1] = exact[1];
  exact[1] = NULL;
  exact[4] = NULL;
  old = exact[0];
  ck_assert_int_eq(mps_root_create(&root, arena, mps_rank_exact(), 0,
                                   in_the_middle, &is_due, 0),
                   MPS_RES_OK);
  collect(4);
  ck_assert_ptr_ne(exact[0], old);
  ck_assert_uint_eq(drain(), 1); /* 4 */
  ck_assert_int_eq(definalize(0), MPS_RES_FAIL);
  ck_assert_uint_eq(arena->finals.count, 3);
  amc_forget();
  collect(4);
  ck_assert_uint_eq(drain(), 3);
  mps_root_destroy(root);
  amc_stop();
}
END_TEST


/* .final.step: very many that die or live are dealt with a part at a time, and
 * no message comes before all are decided.  COVERS(".final.step") */
START_TEST(test_steps)
{
  const TraceBudget at_once = {{0.0}, SIZE_MAX}; /* one step a stop */
  Count deaths = 5 * FINAL_STEP + 7;
  Count steps = 0;
  Count quiet = 0;

  start((AmcParams){0});
  mps_arena_clamp(arena);
  mps_root_destroy(roots[3]); /* a weak root makes the trace whole */
  ck_assert_int_eq(mps_root_create(&roots[3], arena, mps_rank_exact(), 0,
                                   amc_hook, NULL, 0),
                   MPS_RES_OK);
  for (Index i = 0; i < deaths + SLOTS; ++i) {
    /* The living are among the first and among the last. */
    Index slot = i < SLOTS / 2 ? i : size_max(i, deaths) - deaths;

    slot = i >= SLOTS / 2 && i < deaths + SLOTS / 2 ? SLOTS - 1 : slot;

    exact[slot] = amc_object(32, i);
    ck_assert_int_eq(finalize(slot), MPS_RES_OK);
  }
  arena->barrier = BARRIER_PROTECT; /* else nothing is cut */
  for (Index i = 0; i < chain->count; ++i)
    chain->gens[i].is_condemned = true;
  (void)trace_start(arena, TRACE_WHY_CLIENT, &at_once);
  while (arena->trace->is_running) {
    bool was_due = arena->finals.is_deciding;

    trace_advance(arena, &at_once);
    steps += was_due;
    quiet += was_due && !mps_message_poll(arena);
    EXPECT(final_check(arena));
    if (was_due && steps == 2) { /* a living one, in the middle of it */
      for (Index i = 0; i < SLOTS; i += SLOTS - 2) {
        ck_assert_int_eq(definalize(i), MPS_RES_OK);
        ck_assert_int_eq(definalize(i), MPS_RES_FAIL);
        ck_assert_int_eq(finalize(i), MPS_RES_OK);
      }
    }
  }
  ck_assert_uint_ge(steps, deaths / FINAL_STEP);
  ck_assert_uint_ge(quiet, 1);
  ck_assert_uint_eq(drain(), deaths);
  ck_assert_uint_eq(arena->finals.count, SLOTS);
  amc_stop();
}
END_TEST


/* .final.messages: a message whose object is old costs a minor collection
 * nothing, and one whose object is young keeps that up to date. */
START_TEST(test_posted)
{
  start((AmcParams){0});
  exact[0] = amc_object(64, 1);
  ck_assert_int_eq(finalize(0), MPS_RES_OK);
  exact[0] = NULL;
  collect(1);
  ck_assert_uint_eq(arena->finals.posted, REFSET_KIND(chain->gens[1].id));
  exact[0] = amc_object(64, 2);
  collect(1); /* doesn't look at the message, which is right */
  collect(2);
  ck_assert_uint_eq(arena->finals.posted, REFSET_KIND(chain->gens[2].id));
  ck_assert_uint_eq(drain(), 1);
  collect(4);
  ck_assert_uint_eq(arena->finals.posted, REFSET_EMPTY);
  amc_stop();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("final");
  TCase *loops = tcase_create("loops");
  TCase *quick = tcase_create("quick");

  unit_seed("final");
  tcase_set_timeout(loops, 120);
  tcase_add_loop_test(loops, test_random, 0, 4);
  tcase_add_loop_test(loops, test_buckets, 0, 5);
  suite_add_tcase(suite, loops);
  tcase_set_timeout(quick, 25);
  tcase_add_test(quick, test_one_object);
  suite_add_tcase(suite, quick);
  unit_add(suite, "generations", test_generations);
  unit_add(suite, "emergency", test_emergency);
  unit_add(suite, "no board", test_emergency_no_board);
  unit_add(suite, "no memory", test_no_memory);
  unit_add(suite, "running", test_running);
  unit_add(suite, "steps", test_steps);
  unit_add(suite, "posted", test_posted);
  return unit_run(suite);
}
