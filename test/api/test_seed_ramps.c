/* test_seed_ramps.c -- ramps, from outside
 *
 * A pool is played with at random, by begins and ends on several allocation
 * points and collections of few generations or all, beside a model that says
 * where every object is.  And what ramps are for: a program that builds
 * things up and throws them away copies less with them.
 */

#include "client.h"

#include "mostly.h"

enum {
  OBJECTS = 24,
  APS = 4,
  GENS_MAX = 5,
  SIZE = 36 * 1024 /* large, and whole grains: nothing else is in a segment */
};

static mps_addr_t table[4096];


/* What is said of generations */

static mostly_gen_stats_s gen_stats(const Client *client, size_t index)
{
  mostly_gen_stats_s stats;

  for (size_t i = 0; i < mostly_gen_count(client->arena); ++i) {
    MUST(mostly_gen_stats(&stats, client->arena, i));
    if (stats.is_top || (stats.chain == client->chain && stats.index == index))
      return stats;
  }
  ck_abort_msg("no top generation");
}

static size_t ended(mps_arena_t arena)
{
  size_t count = 0;
  mps_message_t message;

  for (; mps_message_get(&message, arena, mps_message_type_gc()); ++count)
    mps_message_discard(arena, message);
  return count;
}


/* The five states, as the requirements have them */

typedef enum State {
  OUTSIDE,
  BEGIN,
  RAMPING,
  FINISH,
  COLLECTING,
  STATES
} State;

static State state;
static size_t open_ramps;
static size_t met[STATES];

/* What happens while a collection is under way is told to the model when
 * it's known what that condemned: 0 is an enter, else so many leave. */
static size_t later[16];
static size_t later_count;
static int is_later;

static void model_enter(void)
{
  if (is_later)
    later[later_count++] = 0;
  else if (open_ramps++ == 0 && (state == OUTSIDE || state == COLLECTING))
    state = BEGIN;
}

static void model_leave(size_t count)
{
  if (count == 0)
    return;
  if (is_later) {
    later[later_count++] = count;
    return;
  }
  if ((open_ramps -= count) > 0)
    return;
  if (state == BEGIN || state == COLLECTING)
    state = OUTSIDE;
  else if (state == RAMPING)
    state = FINISH;
}

static void model_condemn(void)
{
  if (state == BEGIN)
    state = RAMPING;
  else if (state == FINISH)
    state = COLLECTING;
  ++met[state];
}

static void model_end(void)
{
  if (state == COLLECTING)
    state = open_ramps > 0 ? BEGIN : OUTSIDE;
}

static void model_catch_up(void)
{
  is_later = 0;
  for (size_t i = 0; i < later_count; ++i)
    if (later[i] == 0)
      model_enter();
    else
      model_leave(later[i]);
  later_count = 0;
}

static int model_keeps(void)
{
  return state == RAMPING || state == FINISH;
}


/* Where the objects are */

static Client client;
static mps_ap_t aps[APS];
static size_t ap_ramps[APS];
static size_t gens;

/* A dead object is there until its generation is collected. */
static struct {
  int is_there;
  size_t gen;
  mps_addr_t at;
} object[OBJECTS];

static mps_ap_t ap_in(size_t gen)
{
  mps_ap_t ap = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_GEN, (unsigned)gen);
    MUST(mps_ap_create_k(&ap, client.pool, args));
  }
  MPS_ARGS_END(args);
  return ap;
}

static void expect_sizes(void)
{
  size_t total = 0;

  for (size_t g = 0; g <= gens; ++g) {
    size_t size = 0;

    for (size_t i = 0; i < OBJECTS; ++i)
      size += object[i].is_there && object[i].gen == g ? SIZE : 0;
    ck_assert_uint_eq(gen_stats(&client, g).size, size);
    total += size;
  }
  ck_assert_uint_eq(mps_pool_total_size(client.pool), total);
}

/* A collection of these generations is over. */
static void model_move(const int *is_condemned, size_t ramp_target)
{
  for (size_t i = 0; i < OBJECTS; ++i) {
    int is_moved = object[i].is_there && is_condemned[object[i].gen];
    Word *block = object[i].at;

    if (object[i].is_there)
      EXPECT(log_count(CALL_FWD, block, block + 1)
             == (size_t)(is_moved && table[i] != NULL));
    if (table[i] != NULL) {
      EXPECT((table[i] != object[i].at) == is_moved);
      EXPECT(block_is_intact(table[i], 0, i));
    }
    if (!is_moved)
      continue;
    object[i].is_there = table[i] != NULL;
    object[i].at = table[i];
    if (object[i].gen == gens - 1)
      object[i].gen = ramp_target;
    else if (object[i].gen < gens)
      ++object[i].gen;
  }
}

static void ramp_event(size_t i)
{
  mps_alloc_pattern_t pattern = unit_random(2) == 0
                                    ? mps_alloc_pattern_ramp()
                                    : mps_alloc_pattern_ramp_collect_all();

  switch (unit_random(8)) {
  case 0:
    MUST(mps_ap_alloc_pattern_reset(aps[i]));
    model_leave(ap_ramps[i]);
    ap_ramps[i] = 0;
    break;
  case 1: /* it takes its ramps along */
    mps_ap_destroy(aps[i]);
    model_leave(ap_ramps[i]);
    ap_ramps[i] = 0;
    aps[i] = ap_in(unit_random(gens + 1));
    break;
  case 2:
  case 3:
  case 4:
    MUST(mps_ap_alloc_pattern_begin(aps[i], pattern));
    ++ap_ramps[i];
    model_enter();
    break;
  default:
    ck_assert_int_eq(mps_ap_alloc_pattern_end(aps[i], pattern),
                     ap_ramps[i] > 0 ? MPS_RES_OK : MPS_RES_FAIL);
    if (ap_ramps[i] > 0) {
      --ap_ramps[i];
      model_leave(1);
    }
    break;
  }
}

/* Everything, or the generations that are due; at once, or with ramps begun
 * and ended meanwhile, if it takes a while. */
static int start_collection(unsigned how)
{
  switch (how) {
  case 0:
    return mps_arena_collect(client.arena) == MPS_RES_OK;
  case 1:
    return mps_arena_start_collect(client.arena) == MPS_RES_OK;
  default:
    return mps_arena_step(client.arena, 1e-6, 0.0);
  }
}

static void collect(unsigned how)
{
  size_t before[GENS_MAX + 1], target, traces;
  int is_condemned[GENS_MAX + 1];

  for (size_t g = 0; g <= gens; ++g)
    before[g] = gen_stats(&client, g).collections;
  log_start();
  (void)start_collection(how);
  mps_arena_clamp(client.arena);
  traces = ended(client.arena);
  if (traces == 0) {
    /* It's under way, or there was none. */
    is_later = 1;
    for (size_t n = unit_random(4); n-- > 0;)
      ramp_event(unit_random(APS));
    mps_arena_park(client.arena);
    mps_arena_clamp(client.arena);
    traces = ended(client.arena);
  }
  log_on = 0;
  ck_assert_uint_le(traces, 1);
  for (size_t g = 0; g <= gens; ++g) {
    is_condemned[g] = gen_stats(&client, g).collections > before[g];
    ck_assert_uint_le(gen_stats(&client, g).collections, before[g] + 1);
  }
  if (is_condemned[gens - 1])
    model_condemn();
  target = model_keeps() ? gens - 1 : gens;
  model_catch_up();
  if (traces > 0)
    model_end();
  model_move(is_condemned, target);
}

static void allocate(size_t i)
{
  Client at = client;

  at.ap = aps[unit_random(APS)];
  for (size_t k = 0; k < APS; ++k)
    if (at.ap == aps[k]) {
      mps_ap_destroy(aps[k]); /* for one that is in a known generation */
      model_leave(ap_ramps[k]);
      ap_ramps[k] = 0;
      object[i].gen = unit_random(3) == 0 ? unit_random(gens + 1) : 0;
      at.ap = aps[k] = ap_in(object[i].gen);
      break;
    }
  table[i] = object[i].at = client_make(&at, SIZE, i);
  object[i].is_there = 1;
}

static void random_step(void)
{
  size_t i = unit_random(OBJECTS);

  switch (unit_random(10)) {
  case 0:
  case 1:
    if (!object[i].is_there)
      allocate(i);
    break;
  case 2:
    table[i] = NULL;
    break;
  case 3:
    collect((unsigned)unit_random(2));
    break;
  case 4:
  case 5:
    collect(2);
    break;
  default:
    ramp_event(unit_random(APS));
    break;
  }
}

/* COVERS: .ramp.mode .ramp.count .ramp.state.invariant.count
 * .ramp.state.invariant.forward .ramp.outside .ramp.begin .ramp.begin.leave
 * .ramp.begin.leave.outside .ramp.begin.leave.ramping .ramp.ramping.leave
 * .ramp.finish.remain .ramp.finish.leave .ramp.collecting.leave
 * .ramp.collect-all .gen.ramp .gen.ramp.ordinary .gen.ramp.particular
 * .gen.ramp.ramping .gen.ramp.after .gen.collect: where each object is after
 * each collection is what five states say, on chains of any length. */
START_TEST(objects_go_where_the_model_says)
{
  Options options = {.gens = (size_t)_i, .capacity = 100};
  mps_root_t root;

  client = client_create(&options);
  gens = options.gens;
  root = root_table(client.arena, mps_rank_exact(), table, OBJECTS);
  mps_arena_clamp(client.arena);
  mps_message_type_enable(client.arena, mps_message_type_gc());
  for (size_t k = 0; k < APS; ++k)
    aps[k] = ap_in(k % (gens + 1));
  for (int n = 0; n < 6000; ++n) {
    random_step();
    ++met[state];
    expect_sizes();
  }
  for (int s = 0; s < STATES; ++s)
    ck_assert_uint_gt(met[s], 3);
  mps_root_destroy(root);
  for (size_t k = 0; k < APS; ++k)
    mps_ap_destroy(aps[k]);
  client_destroy(&client);
}
END_TEST


/* Short ramps, and the other pattern */

static void promote(Client *one, mps_addr_t *objects, int is_ramping)
{
  for (Word i = 0; i < 20; ++i) {
    if (is_ramping)
      MUST(mps_ap_alloc_pattern_begin(
          one->ap, i % 2 ? mps_alloc_pattern_ramp()
                         : mps_alloc_pattern_ramp_collect_all()));
    objects[i] = client_make(one, SIZE, i);
    if (is_ramping)
      MUST(mps_ap_alloc_pattern_end(one->ap, mps_alloc_pattern_ramp()));
  }
  MUST(mps_arena_collect(one->arena));
}

/* COVERS: .ramp.begin.leave.outside .ramp.collect-all: ramps that no
 * collection falls in change nothing, whichever pattern; nor does their end
 * start one. */
START_TEST(short_ramps_change_nothing)
{
  Options options = {.gens = (size_t)_i, .capacity = 64 * 1024};
  Client plain = client_create(&options), ramped = client_create(&options);
  mps_root_t roots[2];

  roots[0] = root_table(plain.arena, mps_rank_exact(), table, 200);
  roots[1] = root_table(ramped.arena, mps_rank_exact(), table + 200, 200);
  mps_arena_clamp(plain.arena);
  mps_arena_clamp(ramped.arena);
  for (size_t n = 0; n < 7; ++n) {
    promote(&plain, table + n * 20, 0);
    promote(&ramped, table + 200 + n * 20, 1);
    for (size_t g = 0; g <= options.gens; ++g)
      ck_assert_uint_eq(gen_stats(&ramped, g).size, gen_stats(&plain, g).size);
  }
  ck_assert_uint_gt(gen_stats(&ramped, options.gens).size, 0);
  ck_assert_uint_eq(mps_collections(ramped.arena),
                    mps_collections(plain.arena));
  /* Free to collect, but with no reason to. */
  mps_arena_release(ramped.arena);
  size_t worlds = gen_stats(&ramped, options.gens).collections;
  for (int n = 0; n < 10; ++n) {
    MUST(mps_ap_alloc_pattern_begin(ramped.ap,
                                    mps_alloc_pattern_ramp_collect_all()));
    (void)client_make(&ramped, SIZE, 1);
    MUST(mps_ap_alloc_pattern_end(ramped.ap,
                                  mps_alloc_pattern_ramp_collect_all()));
  }
  ck_assert_uint_eq(gen_stats(&ramped, options.gens).collections, worlds);
  mps_root_destroy(roots[0]);
  mps_root_destroy(roots[1]);
  client_destroy(&plain);
  client_destroy(&ramped);
}
END_TEST


/* What ramps are for */

/* Build a tree of lists piece by piece, throw it away, and again.  Returns
 * the bytes that came into the top generation. */
static size_t build_and_discard(int is_ramping)
{
  Options options = {.gens = 2, .capacity = 64};
  Client it = client_create(&options);
  mps_root_t root = root_table(it.arena, mps_rank_exact(), table, 4096);
  size_t promoted;

  memset(table, 0, sizeof table);
  for (Word round = 0; round < 12; ++round) {
    if (is_ramping)
      MUST(mps_ap_alloc_pattern_begin(it.ap, mps_alloc_pattern_ramp()));
    for (Word i = 0; i < 4096; ++i) {
      table[i] = client_make(&it, 192, round);
      (void)client_make(&it, 64, round); /* and some garbage */
      EXPECT(block_is_intact(table[unit_random(i + 1)], 0, round));
    }
    memset(table, 0, sizeof table);
    if (is_ramping)
      MUST(mps_ap_alloc_pattern_end(it.ap, mps_alloc_pattern_ramp()));
  }
  /* No collection of everything was due, so all of it is there still. */
  ck_assert_uint_eq(gen_stats(&it, 2).collections, 0);
  promoted = gen_stats(&it, 2).size;
  mps_root_destroy(root);
  client_destroy(&it);
  return promoted;
}

/* COVERS: .ramp .gen.ramp.ramping: in a loop that builds and discards, at
 * least 30 % fewer bytes are copied into the top generation. */
START_TEST(ramps_save_promotion)
{
  size_t plain = build_and_discard(0);
  size_t ramped = build_and_discard(1);

  (void)printf("promoted: %zu bytes without ramps, %zu with\n", plain, ramped);
  ck_assert_uint_gt(plain, 2 * MB);
  ck_assert_double_le((double)ramped, 0.7 * (double)plain);
}
END_TEST

/* COVERS: .gen.ramp.after.once: 20 ramps back to back, a collection in each:
 * what lives on reaches the top. */
START_TEST(ramps_back_to_back_let_data_through)
{
  Options options = {.gens = (size_t)_i, .capacity = 64};
  Client it = client_create(&options);
  mps_root_t root = root_table(it.arena, mps_rank_exact(), table, 20);

  memset(table, 0, sizeof table);
  mps_arena_clamp(it.arena);
  for (Word i = 0; i < 20; ++i) {
    MUST(mps_ap_alloc_pattern_begin(it.ap, mps_alloc_pattern_ramp()));
    table[i] = client_make(&it, SIZE, i);
    MUST(mps_arena_collect(it.arena));
    MUST(mps_ap_alloc_pattern_end(it.ap, mps_alloc_pattern_ramp()));
  }
  /* All but those of the last few rounds. */
  ck_assert_uint_ge(gen_stats(&it, options.gens).size,
                    (20 - options.gens - 2) * SIZE);
  for (Word i = 0; i < 20; ++i)
    ck_assert(block_is_intact(table[i], 0, i));
  mps_root_destroy(root);
  client_destroy(&it);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test, int first,
                int n)
{
  TCase *tcase = tcase_create(name);

  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, test, first, n);
  suite_add_tcase(suite, tcase);
}

int main(void)
{
  Suite *suite = suite_create("seed ramps");

  unit_seed("seed ramps");
  add(suite, "model", objects_go_where_the_model_says, 1, 4);
  add(suite, "short", short_ramps_change_nothing, 1, 4);
  add(suite, "save", ramps_save_promotion, 0, 1);
  add(suite, "after-once", ramps_back_to_back_let_data_through, 1, 4);
  return unit_run(suite);
}
