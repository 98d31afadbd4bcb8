/* test_seed_policy.c -- accounts, generations and what starts collections,
 * from outside
 *
 * The figures that the library tells about its generations add up after
 * every step, and collections happen when the documented rules say so.
 */

#include "client.h"

#include "mostly.h"

static mps_addr_t table[8192];

static mostly_gen_stats_s stats_of(mps_arena_t arena, size_t index)
{
  mostly_gen_stats_s stats;

  MUST(mostly_gen_stats(&stats, arena, index));
  return stats;
}

/* The index of the first generation of a chain, or of the top. */
static size_t first_of(mps_arena_t arena, mps_chain_t chain)
{
  size_t i = 0;

  while (stats_of(arena, i).chain != chain)
    ++i;
  return chain != NULL ? i : mostly_gen_count(arena) - 1;
}

static mostly_gen_stats_s top_of(mps_arena_t arena)
{
  mostly_gen_stats_s stats = stats_of(arena, mostly_gen_count(arena) - 1);

  ck_assert(stats.is_top);
  return stats;
}


/* Accounts */

enum {
  POOLS = 5,
  SLOTS = 600
};

static Client pool[POOLS];

/* Over all generations, the sizes are those of all pools; there is one top;
 * and no collection finds more than it condemned. */
static void expect_balance(mps_arena_t arena)
{
  size_t in_gens = 0, in_pools = 0, tops = 0;

  for (size_t i = 0; i < mostly_gen_count(arena); ++i) {
    mostly_gen_stats_s s = stats_of(arena, i);

    EXPECT(s.fresh <= s.size);
    EXPECT(s.copied + s.preserved <= s.condemned);
    EXPECT(s.preserved <= s.retained);
    in_gens += s.size;
    tops += s.is_top != 0;
  }
  for (size_t i = 0; i < POOLS; ++i) {
    size_t total = mps_pool_total_size(pool[i].pool);

    EXPECT(mps_pool_free_size(pool[i].pool) <= total);
    in_pools += total;
  }
  EXPECT(in_gens == in_pools);
  EXPECT(tops == 1);
  EXPECT(in_pools <= mps_arena_committed(arena));
}

/* Five pools: two on one chain, a leaf pool and one with headers on another,
 * and one on the arena's own. */
static void make_pools(mps_arena_t arena)
{
  static const Options options[POOLS] = {
      {.gens = 2, .capacity = 100},
      {.gens = 3, .capacity = 60, .is_leaf = 1},
      {.gens = 1, .capacity = 200, .header = 16},
      {0},
      {.gens = 2, .capacity = 1}, /* on the first one's chain */
  };

  for (size_t i = 0; i < POOLS; ++i)
    pool[i] = client_create_in(arena, &options[i]);
  mps_ap_destroy(pool[4].ap);
  mps_pool_destroy(pool[4].pool);
  mps_chain_destroy(pool[4].chain);
  pool[4].chain = pool[0].chain;
  pool[4].pool = client_pool(&pool[4], &options[4]);
  MUST(mps_ap_create_k(&pool[4].ap, pool[4].pool, mps_args_none));
}

static void leave_pools(void)
{
  pool[4].chain = NULL;
  for (size_t i = POOLS; i-- > 0;)
    client_leave(&pool[i]);
}

static void random_step(mps_arena_t arena, mps_addr_t *pins)
{
  size_t i = (size_t)unit_random(SLOTS);
  Client *c = &pool[i % POOLS];
  size_t size = 48 + (size_t)unit_random(200) * 8;

  switch (unit_random(100)) {
  case 0:
    MUST(mps_arena_collect(arena));
    mps_arena_release(arena);
    break;
  case 1:
    (void)mps_arena_step(arena, 1e-5, 0.0);
    break;
  case 2:
    pins[unit_random(8)] = table[unit_random(SLOTS)];
    break;
  case 3:
    mps_ap_destroy(c->ap);
    MUST(mps_ap_create_k(&c->ap, c->pool, mps_args_none));
    break;
  case 4:
    MUST(mps_ap_alloc_pattern_begin(c->ap, mps_alloc_pattern_ramp()));
    break;
  case 5:
    MUST(mps_ap_alloc_pattern_reset(c->ap));
    break;
  case 6:
    size += 32768;
    break;
  case 7:
    MUST(mps_arena_start_collect(arena));
    break;
  default:
    break;
  }
  for (int k = 0; k < 8; ++k, size = 48)
    table[i] = client_make(c, size, i);
  if (unit_random(3) == 0)
    table[unit_random(SLOTS)] = NULL;
}

/* COVERS: .gen.inv.account .seg.gen.map .gen: after every step of a random
 * run, with several pools and chains. */
START_TEST(accounts_balance_after_every_step)
{
  mps_arena_t arena = client_arena();
  mps_addr_t pins[8] = {NULL};
  mps_root_t root = root_table(arena, mps_rank_exact(), table, SLOTS);
  mps_root_t pin = root_table(arena, mps_rank_ambig(), pins, NELEMS(pins));

  make_pools(arena);
  for (int n = 0; n < 4000; ++n) {
    random_step(arena, pins);
    expect_balance(arena);
  }
  for (size_t i = 0; i < SLOTS; ++i)
    ck_assert(table[i] == NULL
              || block_is_intact(table[i], pool[i % POOLS].header, i));
  memset(table, 0, sizeof table);
  memset(pins, 0, sizeof pins);
  MUST(mps_arena_collect(arena));
  expect_balance(arena);
  mps_root_destroy(pin);
  mps_root_destroy(root);
  leave_pools();
  mps_arena_destroy(arena);
}
END_TEST

/* COVERS: .guide .gen: several chains and pools, and one top generation, in
 * which all that survives arrives. */
START_TEST(all_chains_end_in_one_top)
{
  mps_arena_t arena = client_arena();
  mps_root_t root = root_table(arena, mps_rank_exact(), table, SLOTS);
  size_t total = 0;

  mps_arena_clamp(arena);
  make_pools(arena);
  for (Word i = 0; i < SLOTS; ++i)
    table[i] = client_make(&pool[i % POOLS], 256, i);
  for (size_t i = 0; i < POOLS; ++i) {
    mps_ap_destroy(pool[i].ap);
    MUST(mps_ap_create_k(&pool[i].ap, pool[i].pool, mps_args_none));
  }
  for (int n = 0; n < 6; ++n) {
    ck_assert_int_eq(top_of(arena).size > 0, n > 0); /* a chain of one */
    MUST(mps_arena_collect(arena));
    expect_balance(arena);
  }
  for (size_t i = 0; i < POOLS; ++i)
    total += mps_pool_total_size(pool[i].pool);
  ck_assert_uint_ge(total, SLOTS * 256);
  ck_assert_uint_eq(top_of(arena).size, total);
  for (size_t i = 0; i + 1 < mostly_gen_count(arena); ++i)
    ck_assert_uint_eq(stats_of(arena, i).size, 0);
  for (Word i = 0; i < SLOTS; ++i)
    ck_assert(block_is_intact(table[i], pool[i % POOLS].header, i));
  mps_root_destroy(root);
  leave_pools();
  mps_arena_destroy(arena);
}
END_TEST


/* Capacity and mortality */

enum {
  GENS = 3
};

static mostly_gen_stats_s before[GENS + 1], after[GENS + 1];

static void take_stats(mostly_gen_stats_s *stats, const Client *client)
{
  size_t first = first_of(client->arena, client->chain);

  for (size_t g = 0; g < GENS; ++g)
    stats[g] = stats_of(client->arena, first + g);
  stats[GENS] = top_of(client->arena);
}

/* Generations up to and including the oldest that has reached its capacity
 * are condemned, if there's anything in them, and no others. */
static void expect_capacity_rule(void)
{
  size_t due = 0;

  for (size_t g = 0; g < GENS; ++g)
    if (before[g].fresh >= before[g].capacity)
      due = g + 1;
  for (size_t g = 0; g <= GENS; ++g) {
    size_t collections = after[g].collections - before[g].collections;

    EXPECT(collections == (g < due && before[g].size > 0));
    if (g < due)
      EXPECT(after[g].fresh <= before[g].capacity || g > 0);
  }
}

/* .policy.mortality: the last trace weighs 0.4. */
static void expect_mortality_rule(void)
{
  for (size_t g = 0; g <= GENS; ++g) {
    size_t condemned = after[g].condemned - before[g].condemned;
    size_t survived = after[g].copied - before[g].copied + after[g].preserved
                      - before[g].preserved;
    double expected = before[g].mortality;

    if (condemned > 0)
      expected = 0.6 * expected
                 + 0.4 * (1.0 - (double)survived / (double)condemned);
    EXPECT(fabs(after[g].mortality - expected) < 1e-9);
  }
}

/* COVERS: .policy.req.capacity .policy.req.any-gen .policy.req.mortality
 * .gen.collect: what is collected in a step, and what is learned from it,
 * are what the documented rules say. */
START_TEST(capacity_and_mortality_steer)
{
  Options options = {.is_leaf = _i, .gens = GENS, .capacity = 50};
  Client client = client_create(&options);
  mps_arena_t arena = client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, SLOTS);
  size_t seen[GENS + 1] = {0};

  mps_arena_clamp(arena);
  for (int n = 0; n < 1500; ++n) {
    Client in = client;
    unsigned gen = unit_random(4) == 0 ? (unsigned)unit_random(GENS) : 0;

    MPS_ARGS_BEGIN(args)
    {
      MPS_ARGS_ADD(args, MPS_KEY_GEN, gen);
      MUST(mps_ap_create_k(&in.ap, client.pool, args));
    }
    MPS_ARGS_END(args);
    for (size_t k = unit_random(400); k > 0; --k)
      table[unit_random(SLOTS)] = client_make(&in, 64, k);
    mps_ap_destroy(in.ap);
    take_stats(before, &client);
    (void)mps_arena_step(arena, 1e-6, 0.0);
    mps_arena_park(arena); /* should it not be over */
    mps_arena_clamp(arena);
    take_stats(after, &client);
    expect_capacity_rule();
    expect_mortality_rule();
    for (size_t g = 0; g <= GENS; ++g)
      seen[g] += after[g].collections > before[g].collections;
  }
  for (size_t g = 0; g < GENS; ++g)
    ck_assert_uint_gt(seen[g], 3);
  ck_assert_uint_eq(seen[GENS], 0);
  memset(table, 0, sizeof table);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST


/* Growth */

/* COVERS: .policy.req.growth .policy.req.spacing .policy.world: a program
 * whose live data fill most of the arena that it asked for, and are replaced
 * all the time, collects everything now and then, and not all the time: no
 * more is looked at by such collections than was promoted, and old memory is
 * at most twice what lives, after a start of 32 MiB. */
START_TEST(a_full_arena_does_not_thrash)
{
  enum {
    SIZE = 2048,
    LIVE = 6000 /* objects: 12 MB of 16 */
  };
  size_t allocated = 0, worlds = 0, traces = 0, most = 0;
  Client client = {.align = 8, .kind = KIND_OBJ};
  Options options = {0};
  mps_message_t message;
  mps_root_t root;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, 16 * MB);
    MUST(mps_arena_create_k(&client.arena, mps_arena_class_vm(), args));
  }
  MPS_ARGS_END(args);
  client.fmt = client_format(client.arena, 8, 0);
  client.chain = client_chain(client.arena, 2, 1024);
  client.pool = client_pool(&client, &options);
  MUST(mps_ap_create_k(&client.ap, client.pool, mps_args_none));
  memset(table, 0, sizeof table);
  root = root_table(client.arena, mps_rank_exact(), table, LIVE);
  mps_message_type_enable(client.arena, mps_message_type_gc());
  for (Word n = 0; allocated < 240 * MB; ++n, allocated += SIZE) {
    table[n < LIVE ? n : unit_random(LIVE)] = client_make(&client, SIZE, n);
    most = mps_arena_committed(client.arena) > most
               ? mps_arena_committed(client.arena)
               : most;
    while (mps_message_get(&message, client.arena, mps_message_type_gc())) {
      ++traces;
      worlds += n > LIVE
                && mps_message_gc_condemned_size(client.arena, message)
                       >= (size_t)LIVE * SIZE * 3 / 4;
      mps_message_discard(client.arena, message);
    }
  }
  (void)printf("%zu worlds of %zu collections, %zu MiB at most\n", worlds,
               traces, most / MB);
  ck_assert_uint_gt(traces, 20);
  ck_assert_uint_ge(worlds, 1);
  ck_assert_uint_le(worlds, allocated / ((size_t)LIVE * SIZE) * 2);
  ck_assert_uint_le(most, 32 * MB + 8 * (size_t)LIVE * SIZE);
  memset(table, 0, sizeof table);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST


/* Location dependencies */

/* Collect the chain's nursery, and nothing else. */
static void collect_nursery(Client *client)
{
  for (Word i = 0; i < 100; ++i)
    (void)client_make(client, 1024, i);
  mps_ap_destroy(client->ap);
  MUST(mps_ap_create_k(&client->ap, client->pool, mps_args_none));
  ck_assert(mps_arena_step(client->arena, 1e-6, 0.0));
  mps_arena_park(client->arena);
  mps_arena_clamp(client->arena);
}

/* COVERS: .ld.req.precise .ld.req.sound .ld.history: a dependency on what is
 * in generations that aren't condemned stays fresh, through any number of
 * collections of others; one on what is, goes stale at once.  So it is in
 * every generation, of AMC and AMCZ. */
START_TEST(other_generations_leave_dependencies_fresh)
{
  Options options = {.is_leaf = _i, .gens = GENS, .capacity = 64};
  Client client = client_create(&options);
  mps_arena_t arena = client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, GENS + 2);
  mps_ld_s old, young;

  mps_arena_clamp(arena);
  memset(table, 0, sizeof table);
  for (size_t age = 1; age <= GENS; ++age) {
    for (size_t g = GENS + 1; g-- > 0;)
      table[g] = NULL;
    table[0] = client_make(&client, 64, 0);
    for (size_t k = 0; k < age; ++k)
      MUST(mps_arena_collect(arena)); /* it is in generation age */
    mps_arena_clamp(arena);
    mps_ld_reset(&old, arena);
    mps_ld_add(&old, arena, table[0]);
    for (int n = 0; n < 100; ++n) {
      mps_addr_t was = table[0];

      mps_ld_reset(&young, arena);
      table[1] = client_make(&client, 64, 1);
      mps_ld_add(&young, arena, table[1]);
      ck_assert(!mps_ld_isstale(&young, arena, table[1]));
      collect_nursery(&client);
      ck_assert(mps_ld_isstale(&young, arena, table[1]));
      ck_assert_int_eq(mps_ld_isstale(&old, arena, table[0]), table[0] != was);
      table[1] = NULL;
      if (table[0] != was) { /* an older one was due as well, at last */
        ck_assert_uint_lt(age, GENS);
        ck_assert_int_gt(n, 20);
        break;
      }
    }
    MUST(mps_arena_collect(arena));
    ck_assert(mps_ld_isstale(&old, arena, table[0]));
    ck_assert(block_is_intact(table[0], 0, 0));
    mps_arena_clamp(arena);
  }
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("seed policy");

  unit_seed("seed policy");
  unit_add_loop(suite, "accounts", accounts_balance_after_every_step, 1);
  unit_add_loop(suite, "top", all_chains_end_in_one_top, 1);
  unit_add_loop(suite, "steer", capacity_and_mortality_steer, 2);
  unit_add_loop(suite, "thrash", a_full_arena_does_not_thrash, 1);
  unit_add_loop(suite, "ld", other_generations_leave_dependencies_fresh, 2);
  return unit_run(suite);
}
