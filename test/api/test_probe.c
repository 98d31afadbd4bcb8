/* test_probe.c -- what AMC and AMCZ do, told by the calls of the format
 *
 * Each test runs in every configuration of matrix.h.  The methods log how
 * they are called, so one sees from outside what is copied, where padding
 * goes and what is left alone.
 */

#include "matrix.h"

#include "mostly.h"

enum {
  OBJECTS = 200
};

static mps_addr_t table[OBJECTS], before[OBJECTS];
static mps_addr_t pins[8];

/* Fill the table with objects of about that size. */
static void make_objects(const Setup *s, size_t size)
{
  for (Word i = 0; i < OBJECTS; ++i)
    table[i] = client_make(&s->client, matrix_size(s, size), i);
  memcpy(before, table, sizeof table);
}

static void expect_intact(const Setup *s)
{
  for (Word i = 0; i < OBJECTS; ++i)
    EXPECT(table[i] == NULL
           || block_is_intact(table[i], s->options.header, i));
}

/* Another allocation point, so that the first one's buffer is detached. */
static void let_go(Setup *s)
{
  mps_ap_destroy(s->client.ap);
  MUST(mps_ap_create_k(&s->client.ap, s->client.pool, mps_args_none));
}

/* COVERS: .seg.state.mobile: what is referred to exactly moves each time, and
 * the memory that it leaves goes back without padding. */
MATRIX_TEST(exact_references_let_objects_move)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);
  mps_pool_t pool;

  make_objects(&s, 64);
  let_go(&s);
  for (int n = 0; n < 4; ++n) {
    memcpy(before, table, sizeof table);
    log_start();
    MUST(mps_arena_collect(arena));
    log_on = 0;
    for (int i = 0; i < OBJECTS; ++i) {
      Word *old = block_of(before[i], s.options.header);

      EXPECT(table[i] != before[i]);
      EXPECT(!mps_addr_pool(&pool, arena, before[i]));
      EXPECT(log_count(CALL_FWD, old, old + 1) == 1);
      EXPECT(log_count(CALL_PAD, old, old + 1) == 0);
    }
    ck_assert_uint_eq(log_count(CALL_FWD, EVERYWHERE), OBJECTS);
    if (s.options.is_leaf)
      ck_assert_uint_eq(log_count(CALL_SCAN, EVERYWHERE), 0);
    expect_intact(&s);
  }
  mps_root_destroy(root);
  client_destroy(&s.client);
}

/* Which addresses pin an object that begins at client - header? */
static int pins_it(const Setup *s, size_t offset)
{
  return s->options.is_exact_only ? offset == s->options.header : 1;
}

/* COVERS: .seg.state.boarded, .nailboard: a pinned object stays and is all
 * that does, whatever byte of it the reference names. */
MATRIX_TEST(ambiguous_references_pin_one_object)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);
  mps_root_t pin = root_table(arena, mps_rank_ambig(), pins, 1);
  size_t size = matrix_size(&s, 40);

  make_objects(&s, 40);
  for (size_t offset = 0; offset < size; offset += 1 + offset / 24) {
    int stays = pins_it(&s, offset);

    memcpy(before, table, sizeof table);
    pins[0] = (char *)block_of(table[50], s.options.header) + offset;
    MUST(mps_arena_collect(arena));
    ck_assert_int_eq(table[50] == before[50], stays);
    for (int i = 0; i < OBJECTS; ++i)
      EXPECT(i == 50 || table[i] != before[i]);
    expect_intact(&s);
  }
  mps_root_destroy(pin);
  mps_root_destroy(root);
  client_destroy(&s.client);
}

/* What a nailed stretch of objects looks like after a collection: the pads
 * are one for each run, and tile what isn't live. */
static void expect_tiled(const Setup *s, const char *base, const char *limit)
{
  Walked w = matrix_walk(&s->client, base, limit);

  ck_assert_uint_eq(w.objects, 10);
  ck_assert_uint_eq(log_count(CALL_PAD, base, limit), w.pads);
  ck_assert_uint_ge(w.pads, 9);
  ck_assert_uint_le(w.pads, 11);
}

/* COVERS: .pad.reason.nmr, .nailboard.limitations.reclaim: live, dead and
 * forwarded objects alternate; the first stay, and each run of others becomes
 * one pad that is never scanned again. */
MATRIX_TEST(what_is_dead_beside_the_pinned_is_padded_run_by_run)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;
  mps_addr_t pinned[10];
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);
  mps_root_t pin = root_table(arena, mps_rank_ambig(), pinned, 10);
  size_t size = matrix_size(&s, 64);

  make_objects(&s, 64);
  let_go(&s);
  /* 30 objects in a row, all in the first segment: every third is pinned,
   * every third is alive elsewhere, and every third dies. */
  for (size_t i = 0; i < 10; ++i) {
    pinned[i] = table[3 * i + 1];
    table[3 * i + 1] = table[3 * i + 2] = NULL;
  }
  const char *base = (char *)block_of(before[0], s.options.header);
  const char *limit = base + 30 * size;
  log_start();
  MUST(mps_arena_collect(arena));
  log_on = 0;
  expect_tiled(&s, base, limit);
  expect_intact(&s);
  for (size_t i = 0; i < 10; ++i)
    ck_assert(block_is_intact(pinned[i], s.options.header, 3 * i + 1));
  log_start();
  MUST(mps_arena_collect(arena));
  log_on = 0;
  for (size_t i = 0; i < log_length; ++i)
    EXPECT(log_calls[i].method != CALL_SCAN
           || block_kind(log_calls[i].block) != KIND_PAD);
  memset(pinned, 0, sizeof pinned);
  MUST(mps_arena_collect(arena));
  /* Without pins the old place is given back. */
  ck_assert(!mps_arena_has_addr(arena, before[1]));
  mps_root_destroy(pin);
  mps_root_destroy(root);
  client_destroy(&s.client);
}

/* COVERS: .pad.reason.bef .large.single-reserve .pad.reason.lsp: a request
 * that doesn't fit leaves one pad, of the rest of the buffer's memory; a large
 * one has its grains for itself, and what it leaves is padded at once. */
MATRIX_TEST(padding_fills_what_a_buffer_leaves)
{
  Setup s = matrix_begin(config);
  size_t align = s.options.align;
  size_t sizes[] = {s.large - align,     s.large,
                    s.large + align,     40000,
                    s.large + 2 * GRAIN, s.large + 16 * GRAIN - align};

  for (size_t i = 0; i < NELEMS(sizes); ++i) {
    size_t size = round_up(sizes[i], align);
    int is_large = size >= s.large;
    Word *block, *next;
    mps_addr_t p;

    (void)client_make(&s.client, matrix_size(&s, 16), i);
    char *init = s.client.ap->init;
    log_start();
    MUST(mps_reserve(&p, s.client.ap, size));
    block = p;
    ck_assert_uint_le(log_count(CALL_PAD, init, init + 1), 1);
    if (is_large) {
      char *end = (char *)p + size;
      char *limit = (char *)round_up((Word)end, GRAIN);

      ck_assert_uint_eq((Word)p % GRAIN, 0);
      ck_assert_uint_eq(log_count(CALL_PAD, end, end + 1), limit != end);
      if (limit != end)
        ck_assert_uint_eq(block_size((Word *)(void *)end),
                          (size_t)(limit - end));
    }
    log_on = 0;
    block_init(block, size, s.options.header, s.client.kind, i);
    ck_assert(mps_commit(s.client.ap, p, size));
    next = block_of(client_make(&s.client, matrix_size(&s, 16), i),
                    s.options.header);
    if (is_large)
      ck_assert((char *)next < (char *)p
                || (char *)next >= (char *)p + round_up(size, GRAIN));
  }
  client_destroy(&s.client);
}

/* COVERS: .buffer.condemn: what is reserved stays as it is; only commits of
 * what may hold references fail; what was committed before dies in place. */
MATRIX_TEST(a_reserved_block_is_left_alone)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;
  size_t size = matrix_size(&s, 48);
  mps_addr_t p, dead = NULL;
  mps_root_t pin = root_table(arena, mps_rank_ambig(), pins, 3);

  for (int n = 0; n < 3; ++n) {
    for (Word i = 0; i < 5; ++i)
      dead = client_make(&s.client, size, i);
    MUST(mps_reserve(&p, s.client.ap, size));
    memset(p, 0x5A, size);
    pins[0] = p; /* it is no object yet */
    pins[1] = (char *)p + 8;
    pins[2] = (char *)p + size;
    for (int i = 0; i <= n; ++i) {
      log_start();
      MUST(mps_arena_collect(arena));
      log_on = 0;
      ck_assert_uint_eq(log_count(CALL_FWD, EVERYWHERE), 0);
      ck_assert_uint_eq(log_count(CALL_SCAN, dead, (char *)dead + 1), 0);
    }
    for (size_t i = 0; i < size; ++i)
      EXPECT(((unsigned char *)p)[i] == 0x5A);
    block_init(p, size, s.options.header, s.client.kind, 9);
    ck_assert_int_eq(!mps_commit(s.client.ap, p, size), !s.options.is_leaf);
    ck_assert_uint_eq(
        matrix_walk(&s.client, NULL, (void *)UINTPTR_MAX).objects,
        (size_t)s.options.is_leaf * (size_t)(n + 1)
            - (n > 0 && s.options.is_leaf ? (size_t)n : 0));
    memset(pins, 0, sizeof pins);
  }
  mps_root_destroy(pin);
  client_destroy(&s.client);
}

/* COVERS: .reclaim .reclaim.buf: whatever isn't referred to dies; a segment
 * under an allocation point is kept for it, and goes with it. */
MATRIX_TEST(what_nothing_refers_to_dies)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;

  make_objects(&s, 64);
  memset(table, 0, sizeof table);
  log_start();
  MUST(mps_arena_collect(arena));
  log_on = 0;
  ck_assert_uint_eq(log_count(CALL_FWD, EVERYWHERE), 0);
  ck_assert_uint_eq(log_count(CALL_SCAN, EVERYWHERE), 0);
  ck_assert_uint_eq(matrix_walk(&s.client, NULL, (void *)UINTPTR_MAX).objects,
                    0);
  /* One segment at most, of the buffer. */
  ck_assert_uint_le(mps_pool_total_size(s.client.pool),
                    s.options.extend_by < 32 * KB ? 32 * KB : 64 * KB);
  let_go(&s);
  MUST(mps_arena_collect(arena));
  ck_assert_uint_eq(mps_pool_total_size(s.client.pool), 0);
  client_destroy(&s.client);
}

/* Bytes in the generation of the client's chain that an index names, or in
 * the top if there is none. */
static size_t gen_bytes(const Client *client, size_t index)
{
  mostly_gen_stats_s stats;

  for (size_t i = 0; i < mostly_gen_count(client->arena); ++i) {
    MUST(mostly_gen_stats(&stats, client->arena, i));
    if (stats.is_top || (stats.chain == client->chain && stats.index == index))
      return stats.size;
  }
  return 0;
}

/* COVERS: .guide: after k collections of everything, an object is in
 * generation k, or in the top one. */
MATRIX_TEST(survivors_are_promoted)
{
  Setup s = matrix_begin(config);
  mps_root_t root
      = root_table(s.client.arena, mps_rank_exact(), table, OBJECTS);

  make_objects(&s, 64);
  let_go(&s);
  for (size_t k = 0; k < s.options.gens + 3; ++k) {
    size_t in = k < s.options.gens ? k : s.options.gens;

    ck_assert_uint_eq(gen_bytes(&s.client, in),
                      mps_pool_total_size(s.client.pool));
    MUST(mps_arena_collect(s.client.arena));
  }
  mps_root_destroy(root);
  client_destroy(&s.client);
}

/* COVERS: .gen.ramp.ramping .gen.ramp.after: in a ramp the last generation of
 * the chain keeps its own survivors, and afterwards they move on. */
MATRIX_TEST(a_ramp_holds_survivors_back)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);
  size_t gens = s.options.gens;

  MUST(mps_ap_alloc_pattern_begin(s.client.ap, mps_alloc_pattern_ramp()));
  make_objects(&s, 64);
  for (size_t k = 0; k < gens + 3; ++k)
    MUST(mps_arena_collect(arena));
  ck_assert_uint_eq(gen_bytes(&s.client, gens), 0);
  ck_assert_uint_gt(gen_bytes(&s.client, gens - 1), OBJECTS * 64);
  MUST(mps_ap_alloc_pattern_end(s.client.ap, mps_alloc_pattern_ramp()));
  ck_assert_int_eq(
      mps_ap_alloc_pattern_end(s.client.ap, mps_alloc_pattern_ramp()),
      MPS_RES_FAIL);
  MUST(mps_arena_collect(arena));
  MUST(mps_arena_collect(arena));
  ck_assert_uint_gt(gen_bytes(&s.client, gens), OBJECTS * 64);
  expect_intact(&s);
  mps_root_destroy(root);
  client_destroy(&s.client);
}

/* COVERS: .gen.ramp.after.once: ramps one after the other don't keep what
 * lives for ever from getting old. */
MATRIX_TEST(ramps_in_a_row_let_survivors_through)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);

  make_objects(&s, 64);
  for (int n = 0; n < 20; ++n) {
    mps_alloc_pattern_t pattern = n % 2 ? mps_alloc_pattern_ramp()
                                        : mps_alloc_pattern_ramp_collect_all();

    MUST(mps_ap_alloc_pattern_begin(s.client.ap, pattern));
    for (Word i = 0; i < 50; ++i)
      (void)client_make(&s.client, matrix_size(&s, 64), i);
    MUST(mps_arena_collect(arena));
    if (n % 3 == 0)
      MUST(mps_ap_alloc_pattern_reset(s.client.ap));
    else
      MUST(mps_ap_alloc_pattern_end(s.client.ap, pattern));
  }
  ck_assert_uint_gt(gen_bytes(&s.client, s.options.gens), OBJECTS * 64);
  expect_intact(&s);
  mps_root_destroy(root);
  client_destroy(&s.client);
}

static void add(Suite *suite, const char *name, const TTest *test)
{
  TCase *tcase = tcase_create(name);

  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, test, 0, MATRIX_PARTS);
  suite_add_tcase(suite, tcase);
}

int main(void)
{
  Suite *suite = suite_create("probe");

  unit_seed("probe");
  add(suite, "mobile", exact_references_let_objects_move);
  add(suite, "boarded", ambiguous_references_pin_one_object);
  add(suite, "padded", what_is_dead_beside_the_pinned_is_padded_run_by_run);
  add(suite, "padding", padding_fills_what_a_buffer_leaves);
  add(suite, "reserved", a_reserved_block_is_left_alone);
  add(suite, "dead", what_nothing_refers_to_dies);
  add(suite, "promoted", survivors_are_promoted);
  add(suite, "ramp", a_ramp_holds_survivors_back);
  add(suite, "ramps", ramps_in_a_row_let_survivors_through);
  return unit_run(suite);
}
