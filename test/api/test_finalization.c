/* test_finalization.c -- messages about objects that nothing refers to
 *
 * Nothing is a root but tables, and no collection runs unless it is asked
 * for, except in the tests that say so.
 *
 * ctest: 100000
 * ctest release: 1000000
 */

#include "stay.h"

#include "mpscblk.h"

enum {
  TABLE = 64,
  CONFIGS_MOVING = 18,
  CONFIGS = CONFIGS_MOVING + 2 * STAY_CLASSES
};

static const mps_message_type_t FINAL = mps_message_type_finalization();

static Client client;
static mps_addr_t exact[TABLE], ambig[TABLE], weak[TABLE];
static mps_root_t roots[3];
static size_t many; /* registrations, in the largest test */

#define ARENA (client.arena)
#define SIZE ((size_t)256)

static void start_with(const Options *options)
{
  client = client_create(options);
  mps_arena_park(ARENA);
  mps_message_type_enable(ARENA, FINAL);
  memset(exact, 0, sizeof exact);
  memset(ambig, 0, sizeof ambig);
  memset(weak, 0, sizeof weak);
  roots[0] = root_table(ARENA, mps_rank_exact(), exact, TABLE);
  roots[1] = root_table(ARENA, mps_rank_ambig(), ambig, TABLE);
  roots[2] = root_table(ARENA, mps_rank_weak(), weak, TABLE);
}

/* {AMC, AMCZ} x {no header, small, large} x {1, 3, 5 generations}, then a
 * class whose objects stay x {no header, small} */
static void start(int config)
{
  static const size_t headers[] = {0, 8, 64}, gens[] = {1, 3, 5};
  Options options = {.is_leaf = config % 2,
                     .header = headers[config / 2 % 3],
                     .gens = gens[config / 6 % 3]};

  if (config >= CONFIGS_MOVING) {
    options = stay_options((config - CONFIGS_MOVING) / 2);
    options.header = headers[config % 2];
  }

  start_with(&options);
}

static void end(void)
{
  for (size_t i = 0; i < NELEMS(roots); ++i)
    mps_root_destroy(roots[i]);
  client_destroy(&client);
}

static mps_addr_t make(Word serial)
{
  return client_make(&client, SIZE, serial);
}

static mps_res_t finalize(mps_addr_t ref)
{
  return mps_finalize(ARENA, &ref);
}

static mps_res_t definalize(mps_addr_t ref)
{
  return mps_definalize(ARENA, &ref);
}

static void collect(void)
{
  MUST(mps_arena_collect(ARENA));
}

static mps_addr_t ref_of(mps_message_t message)
{
  mps_addr_t ref = NULL;

  ck_assert_uint_eq(mps_message_type(ARENA, message), FINAL);
  ck_assert_uint_eq(mps_message_clock(ARENA, message), 0);
  mps_message_finalization_ref(&ref, ARENA, message);
  return ref;
}

static Word serial_of(mps_addr_t ref)
{
  Word serial = block_of(ref, client.header)[1];

  ck_assert(block_is_intact(ref, client.header, serial));
  return serial;
}

/* Discard all messages and say about which objects they were, as a set of
 * small serial numbers. */
static Word drain(void)
{
  mps_message_t message;
  Word set = 0;

  while (mps_message_get(&message, ARENA, FINAL)) {
    Word bit = (Word)1 << serial_of(ref_of(message));

    EXPECT((set & bit) == 0);
    set |= bit;
    mps_message_discard(ARENA, message);
  }
  return set;
}

static size_t count_messages(void)
{
  mps_message_t message;
  size_t count = 0;

  for (; mps_message_get(&message, ARENA, FINAL); ++count)
    mps_message_discard(ARENA, message);
  return count;
}

static mps_message_t get(void)
{
  mps_message_t message = NULL;

  ck_assert(mps_message_get(&message, ARENA, FINAL));
  return message;
}

static void renew_ap(void)
{
  mps_ap_destroy(client.ap);
  MUST(mps_ap_create_k(&client.ap, client.pool, mps_args_none));
}

/* The pool holds nothing when its allocation point lets go. */
static void expect_empty(void)
{
  renew_ap();
  collect();
  ck_assert_uint_eq(mps_pool_total_size(client.pool), 0);
}


/* COVERS(".final.req.together", ".final.decide"): a chain of five and two
 * that refer to each other are all found in one collection, and what they
 * refer to is there. */
START_TEST(objects_that_refer_to_each_other)
{
  start_with(&(Options){.header = _i == 0 ? 0 : 16, .gens = 2});
  for (Word i = 0; i < 8; ++i)
    exact[i] = make(i);
  for (Word i = 0; i < 4; ++i)
    *block_slot(exact[i], client.header, 0) = exact[i + 1];
  *block_slot(exact[5], client.header, 0) = exact[6];
  *block_slot(exact[6], client.header, 0) = exact[5];
  *block_slot(exact[6], client.header, 1) = exact[7]; /* isn't registered */
  for (Word i = 0; i < 7; ++i)
    MUST(finalize(exact[i]));
  collect();
  ck_assert_uint_eq(drain(), 0);
  memset(exact, 0, sizeof exact);
  collect();
  for (Word n = 0; n < 7; ++n) {
    mps_message_t message = get();
    mps_addr_t ref = ref_of(message);
    mps_addr_t next = *block_slot(ref, client.header, 0);
    Word serial = serial_of(ref);

    ck_assert_uint_lt(serial, 7);
    if (serial != 4)
      ck_assert_uint_eq(serial_of(next), serial == 6 ? 5 : serial + 1);
    if (serial == 6)
      ck_assert_uint_eq(serial_of(*block_slot(ref, client.header, 1)), 7);
    mps_message_discard(ARENA, message);
  }
  ck_assert_uint_eq(drain(), 0);
  expect_empty();
  end();
}
END_TEST

/* COVERS(".final.messages"): an object may be taken back from its message,
 * and registered again. */
START_TEST(resurrection)
{
  mps_message_t message;

  start(_i);
  exact[0] = make(3);
  for (int round = 0; round < 3; ++round) {
    MUST(finalize(exact[0]));
    exact[0] = NULL;
    collect();
    message = get();
    collect(); /* the message follows its object */
    exact[0] = ref_of(message);
    ck_assert_uint_eq(serial_of(exact[0]), 3);
    mps_message_discard(ARENA, message);
    collect();
    ck_assert_uint_eq(serial_of(exact[0]), 3);
    ck_assert(!mps_message_poll(ARENA));
  }
  exact[0] = NULL;
  expect_empty();
  ck_assert(!mps_message_poll(ARENA));
  end();
}
END_TEST

/* COVERS(".final.registration"): n of them, n messages. */
START_TEST(several_registrations)
{
  mps_message_t message[3];

  start(_i);
  exact[0] = make(5);
  for (int n = 0; n < 4; ++n)
    MUST(finalize(exact[0]));
  collect();
  MUST(definalize(exact[0]));
  exact[0] = NULL;
  collect();
  for (int n = 0; n < 3; ++n) {
    message[n] = get();
    ck_assert_ptr_eq(ref_of(message[n]), ref_of(message[0]));
    ck_assert_uint_eq(serial_of(ref_of(message[n])), 5);
  }
  ck_assert(!mps_message_poll(ARENA));
  for (int n = 0; n < 3; ++n) {
    collect();
    ck_assert_uint_eq(serial_of(ref_of(message[n])), 5);
    mps_message_discard(ARENA, message[n]);
  }
  ck_assert(!mps_message_poll(ARENA));
  expect_empty();
  end();
}
END_TEST

START_TEST(definalizing)
{
  mps_message_t message;

  start(_i);
  exact[0] = make(1);
  ck_assert_int_eq(definalize(exact[0]), MPS_RES_FAIL); /* none ever */
  MUST(finalize(exact[0]));
  exact[1] = make(2);
  ck_assert_int_eq(definalize(exact[1]), MPS_RES_FAIL);
  collect();
  MUST(definalize(exact[0]));
  ck_assert_int_eq(definalize(exact[0]), MPS_RES_FAIL);
  MUST(finalize(exact[1]));
  exact[0] = exact[1] = NULL;
  collect();
  message = get();
  ck_assert_uint_eq(serial_of(ref_of(message)), 2);
  ck_assert_int_eq(definalize(ref_of(message)), MPS_RES_FAIL);
  mps_message_discard(ARENA, message);
  ck_assert(!mps_message_poll(ARENA));
  expect_empty();
  end();
}
END_TEST

START_TEST(an_ambiguous_reference_keeps_it)
{
  mps_addr_t object;

  start(_i);
  object = make(1);
  /* Inside of it, where that does. */
  ambig[0] = (char *)object + (_i < CONFIGS_MOVING ? 4 : 0);
  MUST(finalize(object));
  for (int n = 0; n < 3; ++n)
    collect();
  ck_assert(!mps_message_poll(ARENA));
  MUST(definalize(object)); /* it hasn't moved */
  MUST(finalize(object));
  ambig[0] = NULL;
  collect();
  ck_assert_uint_eq(drain(), 2);
  expect_empty();
  end();
}
END_TEST

/* COVERS(".final.weak") */
START_TEST(weak_references_last_as_long_as_the_message)
{
  mps_message_t message;

  start(_i);
  weak[0] = exact[0] = make(1);
  weak[1] = exact[1] = make(2);
  MUST(finalize(exact[0]));
  exact[0] = exact[1] = NULL;
  collect();
  ck_assert_ptr_null(weak[1]);
  message = get();
  ck_assert_ptr_eq(ref_of(message), weak[0]);
  for (int n = 0; n < 3; ++n) {
    collect();
    ck_assert_ptr_nonnull(weak[0]);
    ck_assert_ptr_eq(ref_of(message), weak[0]);
  }
  mps_message_discard(ARENA, message);
  collect();
  ck_assert_ptr_null(weak[0]);
  end();
}
END_TEST

/* COVERS(".final.disabled") */
START_TEST(a_type_that_is_disabled)
{
  mps_message_t message;

  start(_i);
  mps_message_type_disable(ARENA, FINAL);
  for (Word i = 0; i < 8; ++i)
    MUST(finalize(make(i)));
  expect_empty(); /* posted in vain: the registrations went too */
  mps_message_type_enable(ARENA, FINAL);
  collect();
  ck_assert(!mps_message_poll(ARENA));
  for (Word i = 0; i < 8; ++i)
    MUST(finalize(make(i)));
  collect();
  message = get();
  mps_message_type_disable(ARENA, FINAL); /* drops all but the one taken */
  ck_assert(!mps_message_poll(ARENA));
  collect();
  (void)serial_of(ref_of(message));
  mps_message_discard(ARENA, message);
  expect_empty();
  end();
}
END_TEST

/* gc_start, finalizations, gc; for each collection */
START_TEST(order_of_messages)
{
  mps_message_type_t type;
  mps_message_t message;

  start(_i);
  mps_arena_release(ARENA);
  mps_arena_clamp(ARENA);
  mps_message_type_enable(ARENA, mps_message_type_gc());
  mps_message_type_enable(ARENA, mps_message_type_gc_start());
  for (Word round = 0; round < 3; ++round) {
    for (Word i = 0; i < 4; ++i)
      MUST(finalize(make(4 * round + i)));
    collect();
    mps_arena_clamp(ARENA);
  }
  for (int n = 0; n < 3 * 6; ++n) {
    mps_message_type_t expected = n % 6 == 0   ? mps_message_type_gc_start()
                                  : n % 6 == 5 ? mps_message_type_gc()
                                               : FINAL;

    ck_assert(mps_message_queue_type(&type, ARENA));
    ck_assert_uint_eq(type, expected);
    ck_assert(mps_message_get(&message, ARENA, type));
    if (type == FINAL)
      ck_assert_uint_eq(serial_of(ref_of(message)) / 4, (Word)(n / 6));
    mps_message_discard(ARENA, message);
  }
  ck_assert(!mps_message_poll(ARENA));
  end();
}
END_TEST

/* Whatever generation an object died in, four collections are enough. */
START_TEST(in_every_generation)
{
  size_t found = 0;

  start(_i);
  for (Word i = 0; i < TABLE; ++i) {
    exact[i] = make(i);
    MUST(finalize(exact[i]));
    if (i % 8 == 7)
      collect();
  }
  ck_assert(!mps_message_poll(ARENA));
  memset(exact, 0, sizeof exact);
  for (int n = 0; n < 4; ++n) {
    collect();
    found += count_messages();
  }
  ck_assert_uint_eq(found, TABLE);
  expect_empty();
  end();
}
END_TEST

/* COVERS(".final.emergency"): without memory for copies, all 64 arrive,
 * which refer to each other.  What an allocation point is filling isn't
 * condemned without memory for a board, and then they wait for that. */
START_TEST(at_the_commit_limit)
{
  size_t found;

  start_with(&(Options){.gens = 2});
  for (Word i = 0; i < 64; ++i) {
    exact[i] = make(i);
    MUST(finalize(exact[i]));
    if (i > 0)
      *block_slot(exact[i], 0, 0) = exact[i - 1];
  }
  memset(exact, 0, sizeof exact);
  if (_i == 0)
    renew_ap();
  mps_arena_spare_set(ARENA, 0.0);
  MUST(mps_arena_commit_limit_set(ARENA, mps_arena_committed(ARENA)));
  collect();
  found = count_messages();
  MUST(mps_arena_commit_limit_set(ARENA, (size_t)-1));
  collect();
  ck_assert_uint_eq(found + count_messages(), 64);
  if (_i == 0)
    ck_assert_uint_eq(found, 64);
  expect_empty();
  end();
}
END_TEST

/* The same for objects that stay, while the moving pool beside them has no
 * memory to copy to: that what is only referred to exactly stays shows it. */
static mps_addr_t make_beside(const Client *beside, mps_pool_t blk, Word name)
{
  mps_addr_t object = NULL;

  if (blk == NULL)
    return client_make(beside, SIZE, name);
  MUST(mps_blk_alloc(&object, blk, SIZE, 0));
  return object;
}

START_TEST(at_the_commit_limit_of_what_stays)
{
  Options options = stay_options(_i % STAY_CLASSES);
  Client beside;
  mps_pool_t blk = NULL;
  mps_addr_t was[TABLE];
  size_t stayed = 0;

  start_with(&(Options){.gens = 2});
  beside = client_create_in(ARENA, &options);
  if (_i == STAY_CLASSES)
    MUST(mps_pool_create_k(&blk, ARENA, mps_class_blk(), mps_args_none));
  for (Word i = 0; i < TABLE; ++i) {
    exact[i] = make_beside(&beside, blk, i);
    MUST(finalize(exact[i]));
  }
  for (Word i = 0; i < TABLE; ++i)
    exact[i] = was[i] = make(i);
  renew_ap();
  mps_arena_spare_set(ARENA, 0.0);
  MUST(mps_arena_commit_limit_set(ARENA, mps_arena_committed(ARENA)));
  collect();
  for (Word i = 0; i < TABLE; ++i)
    stayed += exact[i] == was[i];
  ck_assert_uint_gt(stayed, 0);
  ck_assert_uint_eq(count_messages(), TABLE);
  MUST(mps_arena_commit_limit_set(ARENA, (size_t)-1));
  client_leave(&beside);
  if (blk != NULL)
    mps_pool_destroy(blk);
  end();
}
END_TEST

/* COVERS(".final.pool"): its registrations go with the pool, and so do the
 * messages that wait; one that was taken stays, without a reference. */
START_TEST(destroying_a_pool)
{
  Client other;
  mps_message_t message;

  start(_i);
  other = client_create_in(ARENA, &(Options){.gens = 2});
  for (Word i = 0; i < 8; ++i) {
    mps_addr_t object = client_make(&other, SIZE, i);

    exact[i] = make(i);
    MUST(finalize(exact[i]));
    if (i < 4)
      exact[8 + i] = object;
    MUST(finalize(object));
  }
  collect();
  message = get();
  ck_assert_uint_ge(block_of(ref_of(message), 0)[1], 4);
  for (int i = 0; i < 4; ++i)
    exact[8 + i] = NULL;
  client_leave(&other);
  ck_assert(!mps_message_poll(ARENA)); /* of 4 to 7 */
  ck_assert_ptr_null(ref_of(message));
  collect();
  ck_assert_ptr_null(ref_of(message));
  memset(exact, 0, sizeof exact);
  collect();
  ck_assert_uint_eq(drain(), 0xFF); /* our own pool's */
  end();                            /* with a message that is taken */
}
END_TEST

/* An arena goes with registrations, queued and taken messages. */
START_TEST(destroying_an_arena)
{
  start(_i);
  for (Word i = 0; i < 8; ++i)
    MUST(finalize(make(i)));
  collect();
  (void)get();
  exact[0] = make(8);
  MUST(finalize(exact[0]));
  end();
}
END_TEST

/* COVERS(".final.variable"): the client's variables are slots of an old
 * object, which is protected. */
START_TEST(variables_in_managed_memory)
{
  mps_message_t message;

  start_with(&(Options){.header = _i == 0 ? 0 : 8, .gens = 2});
  exact[0] = make(0);
  *block_slot(exact[0], client.header, 1) = make(1);
  for (int n = 0; n < 6; ++n)
    collect();
  MUST(mps_finalize(ARENA, block_slot(exact[0], client.header, 1)));
  MUST(mps_definalize(ARENA, block_slot(exact[0], client.header, 1)));
  MUST(mps_finalize(ARENA, block_slot(exact[0], client.header, 1)));
  *block_slot(exact[0], client.header, 1) = NULL;
  for (int n = 0; n < 6; ++n)
    collect();
  message = get();
  mps_message_finalization_ref(block_slot(exact[0], client.header, 2), ARENA,
                               message);
  mps_message_discard(ARENA, message);
  collect();
  ck_assert_uint_eq(serial_of(*block_slot(exact[0], client.header, 2)), 1);
  ck_assert(!mps_message_poll(ARENA));
  end();
}
END_TEST

/* COVERS(".final.req.cost"): a time that grew with the number of registrations
 * would make this one hours. */
START_TEST(a_million_registrations)
{
  static mps_addr_t *object;
  mps_root_t root;

  start_with(&(Options){.is_leaf = 1, .gens = 2});
  object = calloc(many, sizeof object[0]);
  root = root_table(ARENA, mps_rank_exact(), object, many);
  for (Word i = 0; i < many; ++i) {
    object[i] = client_make(&client, 16, i);
    MUST(finalize(object[i]));
  }
  collect();
  ck_assert(!mps_message_poll(ARENA));
  for (Word i = 0; i < many; i += 2)
    EXPECT(definalize(object[i]) == MPS_RES_OK);
  for (Word i = 0; i < many; ++i)
    EXPECT(definalize(object[i]) == (i % 2 ? MPS_RES_OK : MPS_RES_FAIL));
  for (Word i = 0; i < many; ++i)
    EXPECT(finalize(object[i]) == MPS_RES_OK);
  mps_root_destroy(root);
  free(object);
  end(); /* drops the rest */
}
END_TEST

/* Collections come by themselves, of young generations mostly.  Each object
 * is reported once, and only when nothing refers to it. */
START_TEST(while_the_client_runs)
{
  enum {
    COUNT = 20000
  };
  static unsigned char told[COUNT];
  mps_message_t message;
  size_t found = 0;

  start_with(
      &(Options){.is_leaf = _i % 2, .header = 8, .gens = 3, .capacity = 64});
  mps_arena_release(ARENA);
  memset(told, 0, sizeof told);
  for (Word i = 0; i < COUNT; ++i) {
    size_t slot = unit_random(TABLE);

    exact[slot] = make(i);
    MUST(finalize(exact[slot]));
    while (unit_random(2) == 0 && mps_message_get(&message, ARENA, FINAL)) {
      Word serial = serial_of(ref_of(message));

      EXPECT(serial <= i && !told[serial]++);
      for (size_t j = 0; j < TABLE; ++j)
        EXPECT(exact[j] != ref_of(message));
      ++found;
      mps_message_discard(ARENA, message);
    }
  }
  ck_assert_uint_gt(mps_collections(ARENA), 10);
  ck_assert_uint_gt(found, COUNT / 2);
  memset(exact, 0, sizeof exact);
  collect();
  ck_assert_uint_eq(found + count_messages(), COUNT);
  end();
}
END_TEST


int main(int argc, char **argv)
{
  Suite *suite = suite_create("finalization");
  TCase *configs = tcase_create("configurations");
  TCase *pairs = tcase_create("pairs");

  unit_seed("finalization");
  many = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
  tcase_set_timeout(configs, 60);
  tcase_add_loop_test(configs, resurrection, 0, CONFIGS);
  tcase_add_loop_test(configs, several_registrations, 0, CONFIGS);
  tcase_add_loop_test(configs, definalizing, 0, CONFIGS);
  tcase_add_loop_test(configs, an_ambiguous_reference_keeps_it, 0, CONFIGS);
  tcase_add_loop_test(configs, weak_references_last_as_long_as_the_message, 0,
                      CONFIGS);
  tcase_add_loop_test(configs, a_type_that_is_disabled, 0, CONFIGS);
  tcase_add_loop_test(configs, order_of_messages, 0, CONFIGS);
  tcase_add_loop_test(configs, in_every_generation, 0, CONFIGS);
  tcase_add_loop_test(configs, destroying_a_pool, 0, CONFIGS);
  tcase_add_loop_test(configs, destroying_an_arena, 0, CONFIGS);
  suite_add_tcase(suite, configs);
  tcase_set_timeout(pairs, 200);
  tcase_add_loop_test(pairs, objects_that_refer_to_each_other, 0, 2);
  tcase_add_loop_test(pairs, variables_in_managed_memory, 0, 2);
  tcase_add_loop_test(pairs, while_the_client_runs, 0, 2);
  suite_add_tcase(suite, pairs);
  tcase_add_loop_test(pairs, at_the_commit_limit, 0, 2);
  tcase_add_loop_test(pairs, at_the_commit_limit_of_what_stays, 0,
                      STAY_CLASSES + 1);
  unit_add(suite, "many", a_million_registrations);
  return unit_run(suite);
}
