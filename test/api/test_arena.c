/* test_arena.c -- making arenas, their limits and their states
 *
 * Shows the facts of the interface about arenas: keyword arguments and the
 * older forms, commit limit and spare memory, extension callbacks, the
 * states, and that several arenas keep out of each other's way.
 */

#include "client.h"

#include "mostly.h"

/* Allocate garbage. */
static void waste(const Client *client, size_t bytes, size_t size)
{
  for (size_t done = 0; done < bytes; done += size)
    (void)client_make(client, size, done);
}

static mps_res_t try_make(const Client *client, size_t size)
{
  mps_addr_t block;
  mps_res_t res = mps_reserve(&block, client->ap, size);

  if (res == MPS_RES_OK) {
    block_init(block, size, client->header, client->kind, 1);
    (void)mps_commit(client->ap, block, size);
  }
  return res;
}


/* Properties */

static void expect_sizes(mps_arena_t arena)
{
  ck_assert_uint_le(mps_arena_spare_committed(arena),
                    mps_arena_committed(arena));
  ck_assert_uint_le(mps_arena_committed(arena), mps_arena_reserved(arena));
  ck_assert_uint_le(mps_arena_committed(arena), mps_arena_commit_limit(arena));
}

START_TEST(properties_have_their_defaults)
{
  mps_arena_t arena = client_arena();

  ck_assert(mps_arena_commit_limit(arena) == SIZE_MAX);
  ck_assert_double_eq(mps_arena_spare(arena), 0.75);
  ck_assert_double_eq(mps_arena_pause_time(arena), 0.1);
  ck_assert_uint_eq(mps_collections(arena), 0);
  ck_assert_int_eq(mps_arena_busy(arena), 0);
  ck_assert_uint_ge(mps_arena_reserved(arena), 256 * MB);
  expect_sizes(arena);
  mps_arena_pause_time_set(arena, HUGE_VAL);
  ck_assert(mps_arena_pause_time(arena) == HUGE_VAL);
  mps_arena_pause_time_set(arena, 0.0);
  ck_assert_double_eq(mps_arena_pause_time(arena), 0.0);
  mps_arena_spare_commit_limit_set(arena, 0);
  ck_assert_uint_eq(mps_arena_spare_commit_limit(arena), 0);
  MUST(mps_arena_vm_growth(arena, 4 * MB, 1 * MB));
  mps_arena_destroy(arena);
}
END_TEST

/* An empty variable of the environment is as if it weren't there. */
START_TEST(the_environment_names_the_barrier)
{
  char means[16];
  mps_arena_t arena;

  (void)unsetenv("MOSTLY_BARRIER");
  arena = client_arena();
  (void)snprintf(means, sizeof means, "%s", mostly_arena_barrier(arena));
  mps_arena_destroy(arena);
  (void)setenv("MOSTLY_BARRIER", "", 1);
  arena = client_arena();
  ck_assert_str_eq(mostly_arena_barrier(arena), means);
  mps_arena_destroy(arena);
  (void)setenv("MOSTLY_BARRIER", "none", 1);
  arena = client_arena();
  ck_assert_str_eq(mostly_arena_barrier(arena), "none");
  mps_arena_destroy(arena);
}
END_TEST

START_TEST(keywords_set_properties_and_are_consumed)
{
  mps_arena_t arena = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, 64 * MB);
    MPS_ARGS_ADD(args, MPS_KEY_MEAN_SIZE, 5); /* not of an arena */
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, 16 * KB);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_ZONED, 0);
    MPS_ARGS_ADD(args, MPS_KEY_VMW3_TOP_DOWN, 1);
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, 100 * MB);
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_exact()); /* nor this */
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.25);
    MPS_ARGS_ADD(args, MPS_KEY_PAUSE_TIME, 0.5);
    MPS_ARGS_DONE(args);
    MUST(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
    ck_assert(args[0].key == MPS_KEY_MEAN_SIZE);
    ck_assert(args[1].key == MPS_KEY_RANK);
    ck_assert(args[2].key == MPS_KEY_ARGS_END);
  }
  MPS_ARGS_END(args);
  ck_assert_uint_eq(mps_arena_commit_limit(arena), 100 * MB);
  ck_assert_double_eq(mps_arena_spare(arena), 0.25);
  ck_assert_double_eq(mps_arena_pause_time(arena), 0.5);
  expect_sizes(arena);
  mps_arena_destroy(arena);
}
END_TEST

static mps_res_t create_v(mps_arena_t *arena, ...)
{
  va_list args;
  mps_res_t res;

  va_start(args, arena);
  res = mps_arena_create_v(arena, mps_arena_class_vm(), args);
  va_end(args);
  return res;
}

START_TEST(older_forms_make_arenas_too)
{
  mps_arena_t arena = NULL;

  MUST(mps_arena_create(&arena, mps_arena_class_vm(), (size_t)1));
  expect_sizes(arena);
  mps_arena_destroy(arena);
  MUST(create_v(&arena, 64 * MB));
  ck_assert_uint_ge(mps_arena_reserved(arena), 64 * MB);
  mps_arena_destroy(arena);
}
END_TEST

START_TEST(memory_grows_past_the_size_at_creation)
{
  mps_arena_t arena = NULL;
  Options options = {.is_leaf = 1};
  static mps_addr_t table[64];

  MUST(mps_arena_create(&arena, mps_arena_class_vm(), 1 * MB));
  Client client = client_create_in(arena, &options);
  mps_root_t root = root_table(arena, mps_rank_exact(), table, 64);
  for (Word i = 0; i < NELEMS(table); ++i)
    table[i] = client_make(&client, 256 * KB, i);
  MUST(mps_arena_collect(arena));
  for (Word i = 0; i < NELEMS(table); ++i)
    ck_assert(block_is_intact(table[i], 0, i));
  expect_sizes(arena);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST


/* Commit limit and spare memory */

START_TEST(a_limit_too_small_for_the_arena_is_refused)
{
  mps_arena_t arena = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, 16 * KB);
    ck_assert_int_eq(mps_arena_create_k(&arena, mps_arena_class_vm(), args),
                     MPS_RES_COMMIT_LIMIT);
  }
  MPS_ARGS_END(args);
  ck_assert_ptr_null(arena);
}
END_TEST

/* Fill a pool of live objects until it refuses. */
static mps_res_t fill(const Client *client, mps_addr_t *table, size_t count,
                      size_t size)
{
  for (size_t i = 0; i < count; ++i) {
    mps_res_t res = try_make(client, size);

    if (res != MPS_RES_OK)
      return res;
    (void)table;
  }
  return MPS_RES_OK;
}

START_TEST(the_commit_limit_is_kept)
{
  Options options = {.is_leaf = 1, .large_size = 64 * KB};
  Client client = client_create(&options);
  mps_arena_t arena = client.arena;
  size_t used;

  mps_arena_clamp(arena); /* what is allocated stays */
  mps_arena_spare_set(arena, 0.0);
  used = mps_arena_committed(arena);
  ck_assert_int_eq(mps_arena_commit_limit_set(arena, 0), MPS_RES_FAIL);
  ck_assert(mps_arena_commit_limit(arena) == SIZE_MAX);
  ck_assert_int_eq(mps_arena_commit_limit_set(arena, used - 1), MPS_RES_FAIL);
  ck_assert_int_eq(mps_arena_commit_limit_set(arena, used), MPS_RES_OK);
  ck_assert_uint_eq(mps_arena_commit_limit(arena), used);
  ck_assert_int_eq(fill(&client, NULL, 1000000, 16 * KB),
                   MPS_RES_COMMIT_LIMIT);
  expect_sizes(arena);
  ck_assert_int_eq(mps_arena_commit_limit_set(arena, SIZE_MAX), MPS_RES_OK);
  MUST(try_make(&client, 16 * KB));
  MUST(mps_arena_commit_limit_set(arena, mps_arena_committed(arena)));
  (void)fill(&client, NULL, 1000000, 16 * KB);
  ck_assert_int_eq(try_make(&client, 30 * MB), MPS_RES_COMMIT_LIMIT);
  expect_sizes(arena);
  client_destroy(&client);
}
END_TEST

/* The interface's own sequence: with a limit at what is committed, small
 * blocks fail at last; with 64 kB more, one of 16 kB succeeds. */
START_TEST(a_little_more_limit_is_a_little_more_memory)
{
  Options options = {.is_leaf = 1, .large_size = 64 * KB};
  Client client = client_create(&options);
  mps_arena_t arena = client.arena;

  mps_arena_clamp(arena);
  mps_arena_spare_set(arena, 0.0);
  MUST(mps_arena_commit_limit_set(arena, mps_arena_committed(arena)));
  ck_assert_int_eq(fill(&client, NULL, 1000000, 1 * KB), MPS_RES_COMMIT_LIMIT);
  MUST(mps_arena_commit_limit_set(arena,
                                  mps_arena_commit_limit(arena) + 64 * KB));
  ck_assert_int_eq(try_make(&client, 16 * KB), MPS_RES_OK);
  ck_assert_int_eq(try_make(&client, 30 * MB), MPS_RES_COMMIT_LIMIT);
  expect_sizes(arena);
  client_destroy(&client);
}
END_TEST

START_TEST(creation_over_the_limit_is_refused)
{
  mps_arena_t arena = client_arena();
  mps_res_t res = MPS_RES_OK;
  static mps_fmt_t fmts[100000];
  size_t count = 0;

  mps_arena_spare_set(arena, 0.0);
  MUST(mps_arena_commit_limit_set(arena, mps_arena_committed(arena)));
  while (count < NELEMS(fmts)) {
    res = mps_fmt_create_k(&fmts[count], arena, mps_args_none);
    if (res != MPS_RES_OK)
      break;
    ++count;
  }
  ck_assert_int_eq(res, MPS_RES_COMMIT_LIMIT);
  while (count > 0)
    mps_fmt_destroy(fmts[--count]);
  mps_arena_destroy(arena);
}
END_TEST

START_TEST(spare_memory_is_what_the_fraction_allows)
{
  static const double spares[] = {0.0, 1.0};

  for (size_t i = 0; i < NELEMS(spares); ++i) {
    Options options = {.is_leaf = 1};
    Client client = client_create(&options);
    mps_arena_t arena = client.arena;
    size_t full;

    mps_arena_spare_set(arena, spares[i]);
    mps_arena_clamp(arena);
    waste(&client, 40 * MB, 64 * KB);
    full = mps_arena_committed(arena);
    mps_arena_release(arena);
    MUST(mps_arena_collect(arena));
    expect_sizes(arena);
    if (i == 0) {
      ck_assert_uint_eq(mps_arena_spare_committed(arena), 0);
      ck_assert_uint_lt(mps_arena_committed(arena), full - 30 * MB);
    } else {
      ck_assert_uint_ge(mps_arena_spare_committed(arena), 30 * MB);
      mps_arena_spare_set(arena, 0.01);
      ck_assert_uint_le(mps_arena_spare_committed(arena),
                        mps_arena_committed(arena) / 100);
      mps_arena_spare_set(arena, 0.0);
      ck_assert_uint_eq(mps_arena_spare_committed(arena), 0);
    }
    client_destroy(&client);
  }
}
END_TEST

/* A part of the commit limit, and all of it where it is more. */
START_TEST(spare_memory_in_bytes_is_a_part_of_the_limit)
{
  static const size_t sizes[] = {0, 16 * MB, 64 * MB, 65 * MB, SIZE_MAX};
  static const double spares[] = {0.0, 0.25, 1.0, 1.0, 1.0};

  for (size_t i = 0; i < NELEMS(sizes); ++i) {
    mps_arena_t arena = NULL;

    MPS_ARGS_BEGIN(args)
    {
      MPS_ARGS_ADD(args, MPS_KEY_SPARE_COMMIT_LIMIT, sizes[i]);
      MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, 64 * MB);
      MUST(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
    }
    MPS_ARGS_END(args);
    ck_assert_double_eq(mps_arena_spare(arena), spares[i]);
    mps_arena_destroy(arena);
  }
}
END_TEST

START_TEST(a_lower_limit_takes_spare_memory)
{
  Options options = {.is_leaf = 1};
  Client client = client_create(&options);
  mps_arena_t arena = client.arena;
  size_t live;

  mps_arena_spare_set(arena, 1.0);
  mps_arena_clamp(arena);
  waste(&client, 40 * MB, 64 * KB);
  MUST(mps_arena_collect(arena));
  live = mps_arena_committed(arena) - mps_arena_spare_committed(arena);
  ck_assert_int_eq(mps_arena_commit_limit_set(arena, live - 1), MPS_RES_FAIL);
  ck_assert_int_eq(mps_arena_commit_limit_set(arena, live + 1 * MB),
                   MPS_RES_OK);
  expect_sizes(arena);
  client_destroy(&client);
}
END_TEST

START_TEST(garbage_never_fails_an_allocation)
{
  mps_arena_t arena = NULL;
  Options options = {.is_leaf = _i & 1, .gens = (size_t)_i & 2};

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, 1 * MB);
    MUST(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  }
  MPS_ARGS_END(args);
  Client client = client_create_in(arena, &options);
  static mps_addr_t live[16];
  mps_root_t root = root_table(arena, mps_rank_exact(), live, NELEMS(live));
  for (Word i = 0; i < 200000; ++i)
    live[i % NELEMS(live)] = client_make(&client, 16 + i % 32 * 8, i);
  for (Word i = 0; i < 2000; ++i)
    live[i % 2] = client_make(&client, 48 * KB, i);
  expect_sizes(arena);
  memset(live, 0, sizeof live);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST


/* Chunks */

static struct {
  void *base;
  size_t size;
} chunks[10000];
static size_t chunks_live, chunks_extended, chunks_contracted;

static void on_extended(mps_arena_t arena, void *base, size_t size)
{
  (void)arena;
  EXPECT(chunks_live < NELEMS(chunks) && base != NULL && size > 0);
  chunks[chunks_live].base = base;
  chunks[chunks_live++].size = size;
  ++chunks_extended;
}

static void on_contracted(mps_arena_t arena, void *base, size_t size)
{
  size_t i = 0;

  (void)arena;
  while (i < chunks_live && chunks[i].base != base)
    ++i;
  EXPECT(i < chunks_live && chunks[i].size == size);
  chunks[i] = chunks[--chunks_live];
  ++chunks_contracted;
}

START_TEST(extensions_and_contractions_pair_up)
{
  mps_arena_t arena = NULL;
  Options options = {.is_leaf = 1};

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, 1 * MB);
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.0);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_EXTENDED, (mps_fun_t)on_extended);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CONTRACTED, (mps_fun_t)on_contracted);
    MUST(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  }
  MPS_ARGS_END(args);
  ck_assert_uint_gt(chunks_extended, 0);
  Client client = client_create_in(arena, &options);
  mps_arena_clamp(arena);
  for (int i = 0; i < 4; ++i) {
    waste(&client, 64 * MB, 1 * MB);
    MUST(mps_arena_collect(arena));
  }
  ck_assert_uint_gt(chunks_extended, 1);
  client_destroy(&client);
  ck_assert_uint_eq(chunks_live, 0);
  ck_assert_uint_eq(chunks_extended, chunks_contracted);
}
END_TEST


/* States */

START_TEST(a_clamped_arena_collects_on_request_only)
{
  Options options = {.gens = 2, .capacity = 1};
  Client client = client_create(&options);
  mps_arena_t arena = client.arena;

  mps_arena_clamp(arena);
  mps_arena_clamp(arena);
  waste(&client, 4 * MB, 256);
  ck_assert_uint_eq(mps_collections(arena), 0);
  MUST(mps_arena_collect(arena));
  ck_assert_uint_eq(mps_collections(arena), 1);
  waste(&client, 4 * MB, 256); /* parked now */
  ck_assert_uint_eq(mps_collections(arena), 1);
  mps_arena_release(arena);
  mps_arena_release(arena);
  waste(&client, 4 * MB, 256);
  ck_assert_uint_gt(mps_collections(arena), 1);
  mps_arena_park(arena);
  mps_word_t before = mps_collections(arena);
  waste(&client, 4 * MB, 256);
  ck_assert_uint_eq(mps_collections(arena), before);
  MUST(mps_arena_start_collect(arena)); /* leaves it unclamped */
  waste(&client, 4 * MB, 256);
  ck_assert_uint_gt(mps_collections(arena), before + 1);
  client_destroy(&client);
}
END_TEST

START_TEST(values_keep_their_bits_while_parked)
{
  Options options = {0};
  Client client = client_create(&options);
  mps_addr_t live[8] = {NULL}, same[8];
  mps_root_t root = root_table(client.arena, mps_rank_exact(), live, 8);

  for (Word i = 0; i < 8; ++i)
    live[i] = client_make(&client, 64, i);
  MUST(mps_arena_collect(client.arena));
  memcpy(same, live, sizeof same);
  waste(&client, 64 * MB, 64);
  ck_assert_mem_eq(same, live, sizeof same);
  mps_arena_release(client.arena);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST

/* E5: with nothing to collect, the arena is parked all the same. */
START_TEST(collecting_nothing_leaves_it_parked)
{
  Options options = {.gens = 2, .capacity = 1};
  mps_arena_t arena = client_arena();

  (void)mps_arena_collect(arena);
  Client client = client_create_in(arena, &options);
  waste(&client, 4 * MB, 256);
  ck_assert_uint_eq(mps_collections(arena), 0);
  client_leave(&client);
  (void)mps_arena_collect(arena);
  (void)mps_arena_start_collect(arena);
  ck_assert_int_eq(mps_arena_step(arena, 0.0, 0.0), 0);
  mps_arena_destroy(arena);
}
END_TEST

START_TEST(steps_come_to_an_end)
{
  Options options = {.gens = 2, .capacity = 100};
  Client client = client_create(&options);
  mps_arena_t arena = client.arena;
  int steps = 0;

  mps_arena_clamp(arena);
  waste(&client, 4 * MB, 64);
  while (mps_arena_step(arena, 0.0, 0.0))
    ck_assert_int_lt(++steps, 10000);
  ck_assert_uint_gt(mps_collections(arena), 0);
  mps_word_t before = mps_collections(arena);
  waste(&client, 4 * MB, 64); /* it is clamped still */
  ck_assert_uint_eq(mps_collections(arena), before);
  while (mps_arena_step(arena, 0.1, 100.0))
    ck_assert_int_lt(++steps, 10000);
  for (int i = 0; i < 20000; ++i) {
    waste(&client, 64 * 10, 64);
    (void)mps_arena_step(arena, 0.0001, 0.0);
  }
  client_destroy(&client);
}
END_TEST

START_TEST(postmortem_leaves_memory_readable)
{
  Options options = {0};
  Client client = client_create(&options);
  static mps_addr_t live[1];

  (void)root_table(client.arena, mps_rank_exact(), live, 1);
  live[0] = client_make(&client, 64, 7);
  mps_arena_postmortem(client.arena);
  ck_assert(block_is_intact(live[0], 0, 7));
  *block_slot(live[0], 0, 0) = live[0];
}
END_TEST


/* Several arenas */

START_TEST(arenas_live_and_die_in_any_order)
{
  enum {
    ARENAS = 12
  };
  static Client clients[ARENAS];
  static mps_addr_t table[ARENAS][16];
  mps_root_t roots[ARENAS];
  size_t order[ARENAS];

  for (size_t i = 0; i < ARENAS; ++i) {
    Options options = {.is_leaf = i % 2, .gens = i % 3, .header = i % 2 * 8};
    clients[i] = client_create(&options);
    roots[i] = root_table(clients[i].arena, mps_rank_exact(), table[i], 16);
    order[i] = i;
  }
  for (Word n = 0; n < 160000; ++n) {
    size_t i = (size_t)unit_random(ARENAS);
    size_t at = (size_t)unit_random(16);
    table[i][at] = client_make(&clients[i], 64, i * 16 + at);
    if (n % 10000 == 0)
      MUST(mps_arena_collect(clients[i].arena));
    if (n % 10001 == 0)
      mps_arena_release(clients[i].arena);
  }
  for (size_t i = ARENAS; i > 0; --i) {
    size_t other = (size_t)unit_random(i);
    size_t which = order[other];
    order[other] = order[i - 1];
    for (size_t at = 0; at < 16; ++at) {
      ck_assert(block_is_intact(table[which][at], clients[which].header,
                                which * 16 + at));
      ck_assert(mps_arena_has_addr(clients[which].arena, table[which][at]));
      ck_assert(!mps_arena_has_addr(clients[order[0]].arena, table[which][at])
                || which == order[0] || i == 1);
    }
    mps_root_destroy(roots[which]);
    client_destroy(&clients[which]);
  }
}
END_TEST

START_TEST(many_arenas_one_after_another)
{
  for (int i = 0; i < 300; ++i) {
    Options options = {.is_leaf = i % 2};
    Client client = client_create(&options);
    waste(&client, 100 * KB, 128);
    client_destroy(&client);
  }
}
END_TEST

static void add_limits(Suite *suite)
{
  TCase *tcase = tcase_create("garbage");

  unit_add(suite, "environment", the_environment_names_the_barrier);
  unit_add(suite, "too small", a_limit_too_small_for_the_arena_is_refused);
  unit_add(suite, "limit", the_commit_limit_is_kept);
  unit_add(suite, "more", a_little_more_limit_is_a_little_more_memory);
  unit_add(suite, "creation", creation_over_the_limit_is_refused);
  unit_add(suite, "spare", spare_memory_is_what_the_fraction_allows);
  unit_add(suite, "purge", spare_memory_in_bytes_is_a_part_of_the_limit);
  unit_add(suite, "purge", a_lower_limit_takes_spare_memory);
  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, garbage_never_fails_an_allocation, 0, 4);
  suite_add_tcase(suite, tcase);
}

int main(void)
{
  Suite *suite = suite_create("arena");

  unit_seed("arena");
  unit_add(suite, "defaults", properties_have_their_defaults);
  unit_add(suite, "keywords", keywords_set_properties_and_are_consumed);
  unit_add(suite, "older forms", older_forms_make_arenas_too);
  unit_add(suite, "growth", memory_grows_past_the_size_at_creation);
  add_limits(suite);
  unit_add(suite, "chunks", extensions_and_contractions_pair_up);
  unit_add(suite, "clamped", a_clamped_arena_collects_on_request_only);
  unit_add(suite, "parked", values_keep_their_bits_while_parked);
  unit_add(suite, "nothing", collecting_nothing_leaves_it_parked);
  unit_add(suite, "steps", steps_come_to_an_end);
  unit_add(suite, "postmortem", postmortem_leaves_memory_readable);
  unit_add(suite, "several", arenas_live_and_die_in_any_order);
  unit_add(suite, "many", many_arenas_one_after_another);
  return unit_run(suite);
}
