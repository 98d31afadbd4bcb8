/* test_stay.c -- pools whose objects stay where they are
 *
 * What all of their classes promise, for each class of stay.h.  Nothing is a
 * root but tables, and no collection runs unless it is asked for.
 *
 * COVERS(".markseg.fix"), COVERS(".lo.leaf")
 */

#include "stay.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  TABLE = 1000
};

static Client client;
static mps_addr_t exact[TABLE];
static mps_addr_t ambig[TABLE];
static size_t sizes[TABLE];
static mps_root_t roots[2];

#define ARENA (client.arena)

static void start_with(const Options *options)
{
  client = client_create(options);
  mps_arena_park(ARENA);
  memset(exact, 0, sizeof exact);
  memset(ambig, 0, sizeof ambig);
  roots[0] = root_table(ARENA, mps_rank_exact(), exact, TABLE);
  roots[1] = root_table(ARENA, mps_rank_ambig(), ambig, TABLE);
}

static void start(int i)
{
  Options options = stay_options(i);

  options.gens = 2;
  start_with(&options);
}

static void end(void)
{
  mps_root_destroy(roots[0]);
  mps_root_destroy(roots[1]);
  client_destroy(&client);
}

static void collect(void)
{
  MUST(mps_arena_collect(ARENA));
}

static void new_ap(int i)
{
  Options options = stay_options(i);

  mps_ap_destroy(client.ap);
  client.ap = client_ap(client.pool, &options);
}

static size_t any_size(void)
{
  size_t size = 16 + 8 * unit_random(unit_random(20) == 0 ? 6000 : 20);

  return unit_random(200) == 0 ? 40000 + 8 * unit_random(100) : size;
}

/* What a point between reserve and commit, or with room, has taken. */
static size_t room(void)
{
  return (size_t)((char *)client.ap->limit - (char *)client.ap->init);
}


/* What lives stays, whole; what is dead is free. */
START_TEST(survivors_stay_and_the_dead_are_free)
{
  mps_addr_t was[TABLE];
  size_t live = 0;

  start(_i);
  for (size_t i = 0; i < TABLE; ++i) {
    sizes[i] = any_size();
    exact[i] = client_make(&client, sizes[i], i);
    was[i] = exact[i];
  }
  new_ap(_i); /* so that the last one's memory is given back */
  for (int round = 0; round < 4; ++round) {
    live = 0;
    for (size_t i = 0; i < TABLE; ++i) {
      if (unit_random(3) == 0)
        exact[i] = NULL;
      live += exact[i] != NULL ? sizes[i] : 0;
    }
    collect();
    for (size_t i = 0; i < TABLE; ++i)
      if (exact[i] != NULL) {
        EXPECT(exact[i] == was[i]);
        EXPECT(block_is_intact(exact[i], 0, i));
      }
    /* A large object has the rest of its grain. */
    EXPECT(pool_used(client.pool) >= live);
    EXPECT(pool_used(client.pool) <= live + TABLE / 50 * 4096);
  }
  memset(exact, 0, sizeof exact);
  collect();
  ck_assert_uint_eq(mps_pool_total_size(client.pool), 0);
  end();
}
END_TEST

/* With objects of less than a grain the sizes agree to the byte, and so do
 * the walks. */
typedef struct Count {
  size_t objects;
  size_t bytes;
} Count;

static mps_res_t count_area(mps_ss_t ss, void *base, void *limit, void *p)
{
  Count *count = p;

  (void)ss;
  while (base < limit) {
    size_t size = block_size(base);

    block_expect(base);
    ++count->objects;
    count->bytes += size;
    base = (char *)base + size;
  }
  EXPECT(base == limit);
  return MPS_RES_OK;
}

static void count_object(mps_addr_t object, mps_fmt_t fmt, mps_pool_t pool,
                         void *p, size_t s)
{
  Count *count = p;

  (void)s;
  EXPECT(fmt == client.fmt && pool == client.pool);
  ++count->objects;
  count->bytes += block_size(object);
}

static void expect_counts(size_t objects, size_t bytes)
{
  Count areas = {0, 0};
  Count walked = {0, 0};

  MUST(mps_pool_walk(client.pool, count_area, &areas));
  mps_arena_formatted_objects_walk(ARENA, count_object, &walked, 0);
  ck_assert_uint_eq(areas.objects, objects);
  ck_assert_uint_eq(areas.bytes, bytes);
  ck_assert_uint_eq(walked.objects, objects);
  ck_assert_uint_eq(walked.bytes, bytes);
  ck_assert_uint_eq(pool_used(client.pool), bytes + room());
}

START_TEST(sizes_and_walks_agree)
{
  size_t objects = 0;
  size_t bytes = 0;

  start(_i);
  for (size_t i = 0; i < TABLE; ++i) {
    sizes[i] = 16 + 8 * unit_random(100);
    exact[i] = client_make(&client, sizes[i], i);
    bytes += sizes[i];
    expect_counts(++objects, bytes);
    if (i % 100 != 99)
      continue;
    for (size_t j = 0; j <= i; ++j)
      if (exact[j] != NULL && unit_random(2) == 0) {
        exact[j] = NULL;
        bytes -= sizes[j];
        --objects;
      }
    collect();
    new_ap(_i); /* the old one's limit is a trap now */
    expect_counts(objects, bytes);
  }
  end();
}
END_TEST

/* The address that the client knows an object by, and no other. */
START_TEST(an_ambiguous_reference_to_the_base_keeps_it)
{
  Options options = stay_options(_i % STAY_CLASSES);
  size_t header = _i < STAY_CLASSES ? 0 : 16;
  size_t kept = 0;

  options.header = header;
  start_with(&options);
  for (size_t i = 0; i < TABLE; ++i) {
    mps_addr_t object = client_make(&client, 64, i);
    size_t at = i % 4 == 0 ? 0 : 1 + unit_random(63);

    ambig[i] = (char *)object + at;
    /* One that is right behind it is the next one's own. */
    if (at == 64 - header || (header > 0 && at == 64))
      ambig[i] = (char *)object + 1;
    kept += i % 4 == 0;
  }
  new_ap(_i % STAY_CLASSES);
  collect();
  ck_assert_uint_eq(pool_used(client.pool), kept * 64);
  for (size_t i = 0; i < TABLE; i += 4)
    EXPECT(block_is_intact(ambig[i], header, i));
  collect();
  ck_assert_uint_eq(pool_used(client.pool), kept * 64);
  end();
}
END_TEST

/* Words that are anything, anywhere near; also where nothing was allocated
 * yet, and between reserve and commit. */
START_TEST(ambiguous_nonsense_upsets_nothing)
{
  mps_addr_t open;

  start(_i);
  for (int round = 0; round < 20; ++round) {
    for (size_t i = 0; i < TABLE; ++i) {
      mps_addr_t object = client_make(&client, any_size(), i);

      ambig[i] = (char *)object + unit_random(1 << 17) - (1 << 16);
    }
    MUST(mps_reserve(&open, client.ap, 64));
    memset(open, 0xEE, 64);
    ambig[0] = open;
    ambig[1] = (char *)open + 8;
    collect();
    for (size_t i = 0; i < 64; ++i)
      EXPECT(((unsigned char *)open)[i] == 0xEE);
    block_init(open, 64, 0, client.kind, 7);
    EXPECT(mps_commit(client.ap, open, 64) || !stay_classes[_i].is_leaf);
  }
  end();
}
END_TEST

START_TEST(commits_of_leaves_never_fail)
{
  mps_addr_t block;

  start(_i);
  (void)client_make(&client, 64, 0); /* something to condemn */
  for (int i = 0; i < 100; ++i) {
    mps_bool_t is_done;

    MUST(mps_reserve(&block, client.ap, 64));
    if (i % 2 == 0)
      collect();
    block_init(block, 64, 0, client.kind, 7);
    is_done = mps_commit(client.ap, block, 64);
    EXPECT(is_done == (stay_classes[_i].is_leaf || i % 2 != 0));
  }
  end();
}
END_TEST

/* Room between survivors is filled again. */
START_TEST(free_runs_are_filled_again)
{
  size_t most = 0;

  start(_i);
  for (Word n = 0; n < 60; ++n) {
    for (Word k = 0; k < 20000; ++k) {
      mps_addr_t object = client_make(&client, 64, k);

      if (k % 40 == 0)
        exact[unit_random(TABLE)] = object;
    }
    collect();
    if (n == 20)
      most = mps_pool_total_size(client.pool);
  }
  ck_assert_uint_le(mps_pool_total_size(client.pool), most + most / 4);
  end();
}
END_TEST

/* Collections start by themselves, in the generation that was asked for, and
 * no address goes stale. */
START_TEST(nothing_moves_and_nothing_is_stale)
{
  mps_ld_s ld;
  mps_word_t before;
  Options options = stay_options(_i);
  mps_message_t message;
  size_t collections = 0;

  options.gens = 2;
  options.capacity = 64;
  start_with(&options);
  mps_message_type_enable(ARENA, mps_message_type_gc());
  /* Cut into pauses, one would be overtaken on a machine that is busy. */
  mps_arena_pause_time_set(ARENA, INFINITY);
  mps_arena_release(ARENA);
  exact[0] = client_make(&client, 64, 1);
  mps_ld_reset(&ld, ARENA);
  mps_ld_add(&ld, ARENA, exact[0]);
  before = mps_collections(ARENA);
  for (Word n = 0; n < 100000; ++n)
    (void)client_make(&client, 64, n);
  mps_arena_park(ARENA);
  while (mps_message_get(&message, ARENA, mps_message_type_gc())) {
    ++collections;
    mps_message_discard(ARENA, message);
  }
  ck_assert_uint_ge(collections, 10);
  ck_assert_uint_eq(mps_collections(ARENA), before);
  ck_assert(!mps_ld_isstale(&ld, ARENA, exact[0]));
  ck_assert_uint_lt(mps_pool_total_size(client.pool), 1 * MB);
  end();
}
END_TEST

/* Any generation of a chain, and the arena's last. */
START_TEST(any_generation_will_do)
{
  int which = _i % STAY_CLASSES;
  Options options = stay_options(which);

  start(which);
  for (unsigned gen = 0; gen <= 2; ++gen) {
    mps_pool_t pool;
    mps_ap_t ap;
    mps_addr_t block;

    MPS_ARGS_BEGIN(args)
    {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, client.fmt);
      MPS_ARGS_ADD(args, MPS_KEY_GEN, gen);
      if (_i >= STAY_CLASSES)
        MPS_ARGS_ADD(args, MPS_KEY_CHAIN, client.chain);
      MUST(mps_pool_create_k(&pool, ARENA, stay_classes[which].class(), args));
      ck_assert(args[0].key == MPS_KEY_ARGS_END);
    }
    MPS_ARGS_END(args);
    ap = client_ap(pool, &options);
    MUST(mps_reserve(&block, ap, 64));
    block_init(block, 64, 0, client.kind, gen);
    ck_assert(mps_commit(ap, block, 64));
    exact[0] = block;
    collect();
    EXPECT(block_is_intact(exact[0], 0, gen));
    exact[0] = NULL;
    mps_ap_destroy(ap);
    collect();
    ck_assert_uint_eq(mps_pool_total_size(pool), 0);
    mps_pool_destroy(pool);
  }
  end();
}
END_TEST

START_TEST(addresses_are_answered_for)
{
  mps_addr_t object;
  mps_pool_t pool = NULL;
  mps_fmt_t fmt = NULL;

  start(_i);
  for (size_t i = 0; i < TABLE; ++i) {
    sizes[i] = any_size();
    exact[i] = client_make(&client, sizes[i], i);
  }
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < TABLE; ++i) {
      mps_addr_t inside;

      if (exact[i] == NULL)
        continue;
      inside = (char *)exact[i] + unit_random(sizes[i]);
      object = &client;
      EXPECT(mps_addr_object(&object, ARENA, inside) == MPS_RES_UNIMPL);
      EXPECT(object == &client);
      EXPECT(mps_addr_pool(&pool, ARENA, inside) && pool == client.pool);
      EXPECT(mps_addr_fmt(&fmt, ARENA, inside) && fmt == client.fmt);
    }
    exact[TABLE / 2] = NULL;
    collect();
  }
  end();
}
END_TEST

/* Ramps are counted, and change nothing. */
START_TEST(ramps_are_counted)
{
  mps_alloc_pattern_t ramp = mps_alloc_pattern_ramp();

  start(_i);
  ck_assert_int_eq(mps_ap_alloc_pattern_end(client.ap, ramp), MPS_RES_FAIL);
  MUST(mps_ap_alloc_pattern_begin(client.ap, ramp));
  MUST(mps_ap_alloc_pattern_begin(client.ap, ramp));
  MUST(mps_ap_alloc_pattern_end(client.ap, ramp));
  MUST(mps_ap_alloc_pattern_reset(client.ap));
  ck_assert_int_eq(mps_ap_alloc_pattern_end(client.ap, ramp), MPS_RES_FAIL);
  end();
}
END_TEST

/* Threads on one pool, each with its own allocation point and what it
 * keeps, while collections go on by themselves. */
enum {
  THREADS = 4,
  KEPT = 64
};

static mps_addr_t kept[THREADS][KEPT];
static Options churn_options;

static void *churn(void *closure)
{
  mps_addr_t *mine = closure;
  size_t t = (size_t)((mps_addr_t(*)[KEPT])closure - kept);
  Client own = client;
  mps_thr_t thread;
  mps_root_t stack;
  void *cold = &cold;

  MUST(mps_thread_reg(&thread, own.arena));
  MUST(mps_root_create_thread(&stack, own.arena, thread, cold));
  own.ap = client_ap(own.pool, &churn_options);
  for (Word n = 0; n < 100000; ++n) {
    size_t i = n * 7 % KEPT;

    EXPECT(mine[i] == NULL || block_is_intact(mine[i], 0, t * KEPT + i));
    mine[i] = client_make(&own, 16 + n % 20 * 8, t * KEPT + i);
  }
  mps_ap_destroy(own.ap);
  mps_root_destroy(stack);
  mps_thread_dereg(thread);
  return NULL;
}

START_TEST(threads_share_a_pool)
{
  pthread_t threads[THREADS];
  mps_root_t root;
  Options options = stay_options(_i);

  options.gens = 1;
  options.capacity = 100;
  churn_options = options;
  start_with(&options);
  mps_arena_pause_time_set(ARENA, 0.0);
  memset(kept, 0, sizeof kept);
  root = root_table(ARENA, mps_rank_exact(), &kept[0][0], THREADS * KEPT);
  mps_arena_release(ARENA);
  for (size_t t = 0; t < THREADS; ++t)
    EXPECT(pthread_create(&threads[t], NULL, churn, kept[t]) == 0);
  for (size_t t = 0; t < THREADS; ++t)
    EXPECT(pthread_join(threads[t], NULL) == 0);
  for (size_t i = 0; i < THREADS * KEPT; ++i)
    EXPECT(block_is_intact(kept[i / KEPT][i % KEPT], 0, i));
  mps_arena_park(ARENA);
  mps_root_destroy(root);
  end();
}
END_TEST

/* Parent and child go on, from the middle of a collection. */
static void go_on(void)
{
  for (Word n = 0; n < 20000; ++n) {
    size_t i = n % TABLE;

    EXPECT(block_is_intact(exact[i], 0, i));
    exact[i] = client_make(&client, 64, i);
  }
  collect();
  for (size_t i = 0; i < TABLE; ++i)
    EXPECT(block_is_intact(exact[i], 0, i));
}

START_TEST(both_sides_of_a_fork_go_on)
{
  pid_t child;
  int status = 0;

  start(_i);
  mps_arena_pause_time_set(ARENA, 0.0);
  for (size_t i = 0; i < TABLE; ++i)
    exact[i] = client_make(&client, 64, i);
  mps_arena_release(ARENA);
  MUST(mps_arena_start_collect(ARENA));
  child = fork();
  if (child == 0) {
    go_on();
    _exit(0);
  }
  go_on();
  EXPECT(waitpid(child, &status, 0) == child);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  end();
}
END_TEST

/* At the limit: what is dead is found and used, and allocation goes on. */
START_TEST(a_tight_limit_is_lived_with)
{
  start(_i);
  for (size_t i = 0; i < TABLE; ++i)
    exact[i] = client_make(&client, 512, i);
  MUST(mps_arena_commit_limit_set(ARENA, mps_arena_committed(ARENA) + MB));
  mps_arena_release(ARENA);
  for (Word n = 0; n < 100000; ++n) {
    size_t i = n % TABLE;

    EXPECT(block_is_intact(exact[i], 0, i));
    exact[i] = client_make(&client, 256 + n % 64 * 8, i);
  }
  end();
}
END_TEST

/* .ld.still: whatever moves beside it, in its own generation too. */
START_TEST(dependencies_on_what_stays_are_never_stale)
{
  Options options = stay_options(_i), moving = {0};
  Client beside;
  mps_ld_s ld, other;

  start_with(&options);
  beside = client_create_in(ARENA, &moving);
  exact[0] = client_make(&client, 64, 0);
  mps_ld_reset(&ld, ARENA);
  mps_ld_add(&ld, ARENA, exact[0]);
  exact[1] = client_make(&beside, 64, 1);
  for (int i = 0; i < 8; ++i) {
    mps_ld_reset(&other, ARENA);
    mps_ld_add(&other, ARENA, exact[1]);
    collect();
    EXPECT(mps_ld_isstale(&other, ARENA, exact[1]));
    EXPECT(!mps_ld_isstale(&ld, ARENA, exact[0]));
  }
  mps_ld_merge(&ld, ARENA, &other);
  EXPECT(mps_ld_isstale(&ld, ARENA, exact[0]));
  client_leave(&beside);
  end();
}
END_TEST

#define ADD(name) unit_add_loop(suite, #name, name, STAY_CLASSES)

int main(void)
{
  Suite *suite = suite_create("stay");

  unit_seed("stay");
  ADD(survivors_stay_and_the_dead_are_free);
  ADD(sizes_and_walks_agree);
  unit_add_loop(suite, "base", an_ambiguous_reference_to_the_base_keeps_it,
                2 * STAY_CLASSES);
  ADD(ambiguous_nonsense_upsets_nothing);
  ADD(commits_of_leaves_never_fail);
  ADD(free_runs_are_filled_again);
  ADD(nothing_moves_and_nothing_is_stale);
  unit_add_loop(suite, "generations", any_generation_will_do,
                2 * STAY_CLASSES);
  ADD(addresses_are_answered_for);
  ADD(ramps_are_counted);
  ADD(threads_share_a_pool);
  ADD(both_sides_of_a_fork_go_on);
  ADD(a_tight_limit_is_lived_with);
  ADD(dependencies_on_what_stays_are_never_stale);
  return unit_run(suite);
}
