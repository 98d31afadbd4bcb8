/* test_weak.c -- weak references in objects, and ambiguous ones
 *
 * Weak tables of AWL with and without dependent objects, to objects of every
 * class; what the client may do while a collection is under way; and AMS's
 * objects with ambiguous references.  Nothing is a root but tables.
 */

#include "stay.h"

enum {
  TABLE = 256,
  SLOTS = 30, /* references in a weak object of 256 bytes */
  TARGETS = 2 + STAY_CLASSES
};

#define SIZE ((size_t)256)

/* A weak pool and one of the class that it refers to, in one arena. */
static Client weak;
static Client target;
static mps_addr_t exact[TABLE];
static mps_addr_t roots_weak[TABLE];
static mps_root_t roots[2];

#define ARENA (weak.arena)

/* AMC, AMCZ, then the classes of stay.h */
static void start(int i)
{
  Options options = {.class = mps_class_awl(),
                     .has_rank = 1,
                     .rank = mps_rank_weak(),
                     .gens = 2};
  Options other = {.is_leaf = i == 1, .gens = 2};

  weak = client_create(&options);
  mps_arena_park(ARENA);
  if (i > 1)
    other = stay_options(i - 2);
  target = client_create_in(ARENA, &other);
  memset(exact, 0, sizeof exact);
  memset(roots_weak, 0, sizeof roots_weak);
  roots[0] = root_table(ARENA, mps_rank_exact(), exact, TABLE);
  roots[1] = root_table(ARENA, mps_rank_weak(), roots_weak, TABLE);
}

static void end(void)
{
  mps_root_destroy(roots[0]);
  mps_root_destroy(roots[1]);
  client_leave(&target);
  client_destroy(&weak);
}

static void collect(void)
{
  MUST(mps_arena_collect(ARENA));
}

/* Each slot of a weak object refers to an object of its own; some of them
 * are kept in exact[1 ...] too. */
static void make_table(void)
{
  exact[0] = client_make(&weak, SIZE, 1);
  for (size_t i = 0; i < SLOTS; ++i) {
    mps_addr_t object = client_make(&target, 64, i);

    *block_slot(exact[0], 0, i) = object;
    roots_weak[i] = object;
    if (i % 3 == 0)
      exact[1 + i] = object;
  }
}

static void expect_table(void)
{
  EXPECT(block_is_intact(exact[0], 0, 1));
  for (size_t i = 0; i < SLOTS; ++i) {
    mps_addr_t slot = *block_slot(exact[0], 0, i);

    EXPECT(slot == exact[1 + i]);
    EXPECT(roots_weak[i] == exact[1 + i]);
    if (slot != NULL)
      EXPECT(block_is_intact(slot, 0, i));
  }
}

/* COVERS(".awl.rank"): in an object, and in a root. */
START_TEST(references_to_the_dead_become_null)
{
  start(_i);
  make_table();
  collect();
  expect_table();
  exact[1] = NULL;
  collect();
  EXPECT(*block_slot(exact[0], 0, 0) == NULL && roots_weak[0] == NULL);
  expect_table();
  end();
}
END_TEST

/* The weak object is old, and collections are of what is younger. */
START_TEST(old_tables_are_kept_up_to_date)
{
  start(_i);
  make_table();
  collect();
  mps_arena_release(ARENA);
  for (Word n = 0; n < 200000; ++n)
    (void)client_make(&target, 64, n);
  mps_arena_park(ARENA);
  expect_table();
  for (size_t i = 0; i < SLOTS; ++i) {
    *block_slot(exact[0], 0, i) = client_make(&target, 64, i);
    roots_weak[i] = *block_slot(exact[0], 0, i);
    exact[1 + i] = i % 2 == 0 ? roots_weak[i] : NULL;
  }
  mps_arena_release(ARENA);
  for (Word n = 0; n < 200000; ++n)
    (void)client_make(&target, 64, n);
  collect();
  expect_table();
  end();
}
END_TEST

/* COVERS(".trace.late"): what is looked at in the middle of a collection is
 * kept for this time; nothing else is. */
START_TEST(a_look_in_the_middle_keeps_it)
{
  mps_addr_t seen[SLOTS];
  size_t alive = 0;

  start(_i);
  mps_root_destroy(roots[1]); /* with weak roots a trace isn't cut */
  roots[1] = root_table(ARENA, mps_rank_exact(), roots_weak, TABLE);
  memset(roots_weak, 0, sizeof roots_weak);
  mps_arena_pause_time_set(ARENA, 0.0);
  for (size_t k = 0; k < 40; ++k) {
    exact[TABLE - 1 - k] = client_make(&weak, SIZE, k);
    for (size_t i = 0; i < SLOTS; ++i)
      *block_slot(exact[TABLE - 1 - k], 0, i) = client_make(&target, 64, i);
  }
  MUST(mps_arena_start_collect(ARENA));
  /* One table; the others go on being weak. */
  for (size_t i = 0; i < SLOTS; ++i) {
    seen[i] = *block_slot(exact[TABLE - 1], 0, i);
    roots_weak[i] = seen[i]; /* a root that is exact here */
    EXPECT(seen[i] == NULL || block_is_intact(seen[i], 0, i));
    alive += seen[i] != NULL;
  }
  EXPECT(!stay_is_cut() || alive > 0);
  mps_arena_park(ARENA);
  for (size_t i = 0; i < SLOTS; ++i) {
    mps_addr_t slot = *block_slot(exact[TABLE - 1], 0, i);

    EXPECT(slot == roots_weak[i]);
    EXPECT(slot == NULL || block_is_intact(slot, 0, i));
  }
  memset(roots_weak, 0, sizeof roots_weak);
  collect();
  for (size_t k = 0; k < 40; ++k)
    for (size_t i = 0; i < SLOTS; ++i)
      EXPECT(*block_slot(exact[TABLE - 1 - k], 0, i) == NULL);
  end();
}
END_TEST

/* COVERS(".final.weak"): a message, or a registration, is a reference. */
START_TEST(finalization_comes_before)
{
  mps_message_t message;
  mps_addr_t object;

  start(_i);
  mps_message_type_enable(ARENA, mps_message_type_finalization());
  exact[0] = client_make(&weak, SIZE, 1);
  object = client_make(&target, 64, 7);
  *block_slot(exact[0], 0, 0) = object;
  MUST(mps_finalize(ARENA, &object));
  collect();
  ck_assert(*block_slot(exact[0], 0, 0) != NULL);
  ck_assert(mps_message_get(&message, ARENA, mps_message_type_finalization()));
  mps_message_finalization_ref(&object, ARENA, message);
  ck_assert(*block_slot(exact[0], 0, 0) == object);
  collect();
  ck_assert(*block_slot(exact[0], 0, 0) != NULL);
  mps_message_discard(ARENA, message);
  collect();
  ck_assert(*block_slot(exact[0], 0, 0) == NULL);
  end();
}
END_TEST

/* Words that are no references are left alone, whatever they are: the format
 * takes a word for one only if it is in the arena, so here's one that isn't,
 * and a tagged one that is never fixed. */
START_TEST(other_words_are_left_alone)
{
  start(_i);
  exact[0] = client_make(&weak, SIZE, 1);
  for (size_t i = 0; i < SLOTS; ++i)
    *block_slot(exact[0], 0, i) = (mps_addr_t)(0x1234567 * (i + 1) + i);
  for (int n = 0; n < 3; ++n) {
    (void)client_make(&target, 64, 1);
    collect();
    for (size_t i = 0; i < SLOTS; ++i)
      EXPECT(*block_slot(exact[0], 0, i)
             == (mps_addr_t)(0x1234567 * (i + 1) + i));
  }
  end();
}
END_TEST


/* Dependent objects.  A weak-key table is two objects: the keys are weak,
 * the values exact, and the first slot of either refers to the other.  The
 * scan of the keys clears the value of each key that has died. */

static Client values; /* exact, in the same pool */

static mps_addr_t find_dependent(mps_addr_t object)
{
  return *block_slot(object, 0, 0);
}

static size_t cleared;

static mps_res_t scan_pair(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  for (; base < limit; base = (char *)base + block_size(base)) {
    mps_addr_t other = *block_slot(base, 0, 0);
    size_t count = block_refs(base, 0);

    MPS_SCAN_BEGIN(ss)
    {
      for (size_t i = 0; i < count; ++i) {
        mps_addr_t *slot = block_slot(base, 0, i);
        mps_addr_t was = *slot;
        mps_res_t res = MPS_FIX12(ss, slot);

        if (res != MPS_RES_OK)
          return res;
        if (i > 0 && was != NULL && *slot == NULL && other != NULL) {
          *block_slot(other, 0, i) = NULL;
          ++cleared;
        }
      }
    }
    MPS_SCAN_END(ss);
  }
  return MPS_RES_OK;
}

static void start_pairs(void)
{
  Options options = {.gens = 2};

  target = client_create(&options);
  mps_arena_park(target.arena);
  weak = target;
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan_pair);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip0);
    MUST(mps_fmt_create_k(&weak.fmt, ARENA, args));
  }
  MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, weak.fmt);
    MPS_ARGS_ADD(args, MPS_KEY_AWL_FIND_DEPENDENT, find_dependent);
    MUST(mps_pool_create_k(&weak.pool, ARENA, mps_class_awl(), args));
    ck_assert(args[0].key == MPS_KEY_ARGS_END);
  }
  MPS_ARGS_END(args);
  weak.chain = NULL;
  values = weak;
  MUST(mps_ap_create(&weak.ap, weak.pool, mps_rank_weak()));
  MUST(mps_ap_create(&values.ap, weak.pool, mps_rank_exact()));
  memset(exact, 0, sizeof exact);
  roots[0] = root_table(ARENA, mps_rank_exact(), exact, TABLE);
  cleared = 0;
}

static void end_pairs(void)
{
  mps_root_destroy(roots[0]);
  mps_ap_destroy(values.ap);
  mps_ap_destroy(weak.ap);
  mps_pool_destroy(weak.pool);
  mps_fmt_destroy(weak.fmt);
  client_destroy(&target);
}

/* COVERS(".awl.dependent"): _i says how long pauses may be, and whether the
 * keys' page is written to before a collection. */
START_TEST(dependents_are_written_while_keys_are_scanned)
{
  size_t dead = 0;

  start_pairs();
  mps_arena_pause_time_set(ARENA, _i % 2 == 0 ? 0.0 : INFINITY);
  mps_arena_release(ARENA);
  for (size_t round = 0; round < 20; ++round) {
    mps_addr_t keys = client_make(&weak, SIZE, 1);
    exact[0] = keys;
    exact[1] = client_make(&values, SIZE, 2);
    *block_slot(keys, 0, 0) = exact[1];
    *block_slot(exact[1], 0, 0) = keys;
    for (size_t i = 1; i < SLOTS; ++i) {
      exact[1 + i] = client_make(&target, 64, i);
      *block_slot(exact[0], 0, i) = exact[1 + i];
      *block_slot(exact[1], 0, i) = client_make(&target, 64, 100 + i);
    }
    for (Word n = 0; n < 3000; ++n)
      (void)client_make(&target, 64, n);
    for (size_t i = 1; i < SLOTS; ++i)
      if (unit_random(2) == 0) {
        exact[1 + i] = NULL;
        ++dead;
      }
    collect();
    for (size_t i = 1; i < SLOTS; ++i) {
      EXPECT(*block_slot(exact[0], 0, i) == exact[1 + i]);
      EXPECT((*block_slot(exact[1], 0, i) == NULL) == (exact[1 + i] == NULL));
      if (exact[1 + i] != NULL)
        EXPECT(block_is_intact(*block_slot(exact[1], 0, i), 0, 100 + i));
    }
    mps_arena_release(ARENA);
  }
  ck_assert_uint_eq(cleared, dead);
  end_pairs();
}
END_TEST


/* Nothing is left in the two pools, without their allocation points. */
static void end_empty(const Options *options)
{
  mps_ap_destroy(weak.ap);
  mps_ap_destroy(target.ap);
  collect();
  ck_assert_uint_eq(mps_pool_total_size(weak.pool), 0);
  ck_assert_uint_eq(mps_pool_total_size(target.pool), 0);
  weak.ap = client_ap(weak.pool, options);
  target.ap = client_ap(target.pool, options);
  mps_root_destroy(roots[0]);
  client_leave(&target);
  client_destroy(&weak);
}

/* COVERS(".ams.rank") COVERS(".trace.ambig"): what an object refers to
 * ambiguously stays, and the object needn't be reachable for that. */
START_TEST(ambiguous_references_in_objects)
{
  Options options = {.class = mps_class_ams(),
                     .has_rank = 1,
                     .rank = mps_rank_ambig(),
                     .gens = 1};
  mps_addr_t was[SLOTS];

  weak = client_create(&options);
  mps_arena_park(ARENA);
  target = client_create_in(ARENA, &(Options){.gens = 2});
  memset(exact, 0, sizeof exact);
  roots[0] = root_table(ARENA, mps_rank_exact(), exact, TABLE);
  exact[0] = client_make(&weak, SIZE, 1);
  for (size_t i = 0; i < SLOTS; ++i) {
    was[i] = client_make(&target, 64, i);
    /* Interior pointers keep objects of AMC. */
    *block_slot(exact[0], 0, i) = (char *)was[i] + i % 3 * 8;
    exact[1 + i] = was[i];
  }
  for (int n = 0; n < 3; ++n) {
    collect();
    for (size_t i = 0; i < SLOTS; ++i) {
      EXPECT(exact[1 + i] == was[i]);
      EXPECT(block_is_intact(was[i], 0, i));
      EXPECT(*block_slot(exact[0], 0, i) == (char *)was[i] + i % 3 * 8);
    }
  }
  memset(exact + 1, 0, sizeof exact - sizeof exact[0]);
  collect();
  for (size_t i = 0; i < SLOTS; ++i)
    EXPECT(block_is_intact(was[i], 0, i));
  exact[0] = NULL;
  collect(); /* the object is found dead, and so is what it referred to */
  end_empty(&options);
}
END_TEST

/* COVERS(".poll.place"): dead objects that refer to each other, one of them
 * ambiguously, are all found in one collection, and finalized. */
START_TEST(dead_cycles_through_ambiguous_objects)
{
  Options options = {.class = mps_class_ams(),
                     .has_rank = 1,
                     .rank = mps_rank_ambig(),
                     .gens = 1};
  mps_message_t message;
  mps_addr_t ref;

  weak = client_create(&options);
  mps_arena_park(ARENA);
  target = client_create_in(ARENA, &(Options){.gens = 2});
  mps_message_type_enable(ARENA, mps_message_type_finalization());
  memset(exact, 0, sizeof exact);
  roots[0] = root_table(ARENA, mps_rank_exact(), exact, TABLE);
  for (size_t i = 0; i < SLOTS; ++i) {
    exact[i] = client_make(i % 2 == 0 ? &weak : &target, 64, i);
    ref = exact[i];
    MUST(mps_finalize(ARENA, &ref));
  }
  for (size_t i = 0; i < SLOTS; ++i)
    *block_slot(exact[i], 0, 0) = exact[(i + 1) % SLOTS];
  collect();
  EXPECT(!mps_message_poll(ARENA));
  memset(exact, 0, sizeof exact);
  collect();
  for (size_t i = 0; i < SLOTS; ++i) {
    EXPECT(mps_message_get(&message, ARENA, mps_message_type_finalization()));
    mps_message_finalization_ref(&ref, ARENA, message);
    EXPECT(block_kind(ref) == KIND_OBJ);
    mps_message_discard(ARENA, message);
  }
  EXPECT(!mps_message_poll(ARENA));
  end_empty(&options);
}
END_TEST

/* Without support, no ambiguous reference refers to the pool's objects. */
START_TEST(ambiguous_references_may_be_ruled_out)
{
  mps_pool_t pool;
  mps_ap_t ap;
  mps_addr_t block;

  start(0);
  for (int yes = 0; yes < 2; ++yes) {
    mps_root_t ambig;

    MPS_ARGS_BEGIN(args)
    {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, weak.fmt);
      MPS_ARGS_ADD(args, MPS_KEY_AMS_SUPPORT_AMBIGUOUS, yes);
      MUST(mps_pool_create_k(&pool, ARENA, mps_class_ams(), args));
      ck_assert(args[0].key == MPS_KEY_ARGS_END);
    }
    MPS_ARGS_END(args);
    MUST(mps_ap_create(&ap, pool, mps_rank_exact()));
    MUST(mps_reserve(&block, ap, 64));
    block_init(block, 64, 0, KIND_OBJ, 1);
    ck_assert(mps_commit(ap, block, 64));
    mps_ap_destroy(ap);
    ambig = root_table(ARENA, mps_rank_ambig(), &block, 1);
    collect();
    ck_assert_uint_eq(pool_used(pool), yes ? 64 : 0);
    mps_root_destroy(ambig);
    mps_pool_destroy(pool);
  }
  end();
}
END_TEST

/* COVERS(".ams.debug"): what is dead has the pattern, and a write to it is
 * reported. */
START_TEST(free_memory_has_a_pattern)
{
  static const mps_pool_debug_option_s options = {NULL, 0, "0123456789AB", 12};
  mps_pool_t pool;
  mps_ap_t ap;
  mps_addr_t block;

  start(0);
  (void)mps_lib_assert_fail_install(report_take);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, weak.fmt);
    MPS_ARGS_ADD(args, MPS_KEY_POOL_DEBUG_OPTIONS,
                 (mps_pool_debug_option_s *)&options);
    MUST(mps_pool_create_k(&pool, ARENA, mps_class_ams_debug(), args));
  }
  MPS_ARGS_END(args);
  MUST(mps_ap_create(&ap, pool, mps_rank_exact()));
  for (size_t i = 0; i < 100; ++i) {
    do {
      MUST(mps_reserve(&block, ap, 64));
      block_init(block, 64, 0, KIND_OBJ, i);
    } while (!mps_commit(ap, block, 64));
    if (i % 2 == 0)
      exact[i] = block;
  }
  mps_ap_destroy(ap);
  collect();
  mps_pool_check_free_space(pool);
  ck_assert_uint_eq(report_count, 0);
  ((char *)exact[0])[64 + 20] ^= 1;
  mps_pool_check_free_space(pool);
  ck_assert_uint_ge(report_count, 1);
  ((char *)exact[0])[64 + 20] ^= 1;
  report_count = 0;
  mps_pool_check_free_space(pool);
  ck_assert_uint_eq(report_count, 0);
  mps_pool_destroy(pool);
  ck_assert_uint_eq(report_count, 0);
  end();
}
END_TEST

#define ADD(name) unit_add_loop(suite, #name, name, TARGETS)

int main(void)
{
  Suite *suite = suite_create("weak");

  unit_seed("weak");
  ADD(references_to_the_dead_become_null);
  ADD(old_tables_are_kept_up_to_date);
  ADD(a_look_in_the_middle_keeps_it);
  ADD(finalization_comes_before);
  ADD(other_words_are_left_alone);
  unit_add_loop(suite, "dependents",
                dependents_are_written_while_keys_are_scanned, 2);
  unit_add(suite, "ambiguous", ambiguous_references_in_objects);
  unit_add(suite, "ambiguous cycles", dead_cycles_through_ambiguous_objects);
  unit_add(suite, "pattern", free_memory_has_a_pattern);
  unit_add(suite, "ruled out", ambiguous_references_may_be_ruled_out);
  return unit_run(suite);
}
