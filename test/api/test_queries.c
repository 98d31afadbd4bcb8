/* test_queries.c -- asking about objects: walks, addresses, sizes, messages
 *
 * Shows the accounting identities, what the walkers see, what addresses are
 * known, when location dependencies go stale, and what the messages of a
 * collection tell.
 */

#include "matrix.h"

#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

enum {
  OBJECTS = 300
};

static mps_addr_t table[OBJECTS];

static void make_objects(const Client *client, size_t size)
{
  for (Word i = 0; i < OBJECTS; ++i)
    table[i]
        = client_make(client, round_up(size + i % 7 * 8, client->align), i);
}


/* Walks and sizes */

typedef struct Areas {
  size_t header;
  size_t objects, object_bytes, pad_bytes, areas, updated;
  mps_res_t result; /* what to return */
} Areas;

static mps_res_t visit_area(mps_ss_t ss, void *base, void *limit,
                            void *closure)
{
  Areas *areas = closure;
  Word *block = block_of(base, areas->header);

  EXPECT(base < limit);
  ++areas->areas;
  MPS_SCAN_BEGIN(ss)
  {
    while (block < block_of(limit, areas->header)) {
      block_expect(block);
      EXPECT(block_kind(block) != KIND_FWD);
      if (block_kind(block) == KIND_PAD) {
        areas->pad_bytes += block_size(block);
      } else {
        ++areas->objects;
        areas->object_bytes += block_size(block);
      }
      if (block_kind(block) == KIND_OBJ)
        for (size_t i = 0; i < block_refs(block, areas->header); ++i) {
          mps_addr_t *slot
              = block_slot(client_of(block, areas->header), areas->header, i);
          mps_res_t res = MPS_FIX12(ss, slot);
          if (res != MPS_RES_OK)
            return res;
        }
      block += block_size(block) / WORD;
    }
    EXPECT(block == block_of(limit, areas->header));
  }
  MPS_SCAN_END(ss);
  return areas->result;
}

typedef struct Applied {
  size_t header, objects, bytes;
} Applied;

static void apply_one(mps_addr_t object, void *p, size_t size)
{
  Applied *a = p;
  const Word *block = block_of(object, a->header);

  EXPECT(size == 99);
  a->objects += block_kind(block) != KIND_PAD;
  a->bytes += block_size(block);
}

/* Parked: objects + padding + (limit - init) == total - free; and all the
 * walkers see the same objects. */
static void expect_accounts(const Setup *s, size_t objects)
{
  const Client *c = &s->client;
  Walked w = matrix_walk(c, NULL, (void *)UINTPTR_MAX);
  Areas areas = {.header = c->header};
  Applied applied = {.header = c->header};
  size_t rest = (size_t)((char *)c->ap->limit - (char *)c->ap->init);

  if (c->ap->limit == NULL) /* flipped: its rest can't be seen from here */
    rest = pool_used(c->pool) - w.object_bytes - w.pad_bytes;
  ck_assert_uint_eq(w.objects, objects);
  ck_assert_uint_eq(w.object_bytes + w.pad_bytes + rest, pool_used(c->pool));
  MUST(mps_pool_walk(c->pool, visit_area, &areas));
  ck_assert_uint_eq(areas.objects, objects);
  ck_assert_uint_eq(areas.object_bytes, w.object_bytes);
  ck_assert_uint_eq(areas.pad_bytes, w.pad_bytes); /* .walk.areas.pads */
  if (s->options.class == NULL) {
    mps_amc_apply(c->pool, apply_one, &applied, 99);
    ck_assert_uint_eq(applied.objects, objects);
    ck_assert_uint_eq(applied.bytes, w.object_bytes + w.pad_bytes);
  }
  ck_assert_uint_le(mps_pool_free_size(c->pool), mps_pool_total_size(c->pool));
}

MATRIX_TEST(the_accounts_balance)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);
  mps_root_t pin;
  static mps_addr_t pins[2];

  mps_arena_park(arena);
  expect_accounts(&s, 0);
  make_objects(&s.client, s.options.header + 16 + s.options.align);
  expect_accounts(&s, OBJECTS);
  for (size_t i = 0; i < OBJECTS; i += 2)
    table[i] = NULL;
  pins[0] = table[101];
  pins[1] = table[7];
  pin = root_table(arena, mps_rank_ambig(), pins, 2);
  MUST(mps_arena_collect(arena));
  expect_accounts(&s, OBJECTS / 2);
  (void)client_make(&s.client, s.large + s.options.align, 1);
  expect_accounts(&s, OBJECTS / 2 + 1);
  (void)client_make(&s.client, matrix_size(&s, 16), 1);
  expect_accounts(&s, OBJECTS / 2 + 2);
  MUST(mps_arena_collect(arena));
  expect_accounts(&s, OBJECTS / 2);
  memset(table, 0, sizeof table);
  memset(pins, 0, sizeof pins);
  MUST(mps_arena_collect(arena));
  expect_accounts(&s, 0);
  mps_root_destroy(pin);
  mps_root_destroy(root);
  client_destroy(&s.client);
}

/* The grains of a large object that stays go on behind it: that's free.
 * COVERS: .markpool.tail */
START_TEST(the_tail_of_a_large_object_is_free)
{
  mps_pool_class_t classes[] = {mps_class_ams(), mps_class_ams_debug(),
                                mps_class_awl(), mps_class_lo()};
  Setup s = {.options = {.is_leaf = _i == 3, .class = classes[_i]}};
  mps_root_t root;

  s.client = client_create(&s.options);
  root = root_table(s.client.arena, mps_rank_exact(), table, OBJECTS);
  mps_arena_park(s.client.arena);
  for (size_t i = 0; i < 8; ++i) {
    table[i] = client_make(&s.client, 64 * KB + 8 + i * 1000, i);
    expect_accounts(&s, i + 1);
  }
  for (size_t i = 8; i-- > 0; table[i] = NULL) {
    MUST(mps_arena_collect(s.client.arena));
    expect_accounts(&s, i + 1);
  }
  MUST(mps_arena_collect(s.client.arena));
  expect_accounts(&s, 0);
  mps_root_destroy(root);
  client_destroy(&s.client);
}
END_TEST

START_TEST(a_walk_ends_with_the_scanners_result)
{
  Options options = {0};
  Client client = client_create(&options);
  Areas areas = {.result = MPS_RES_IO};

  make_objects(&client, 64);
  mps_arena_park(client.arena);
  ck_assert_int_eq(mps_pool_walk(client.pool, visit_area, &areas), MPS_RES_IO);
  ck_assert_uint_eq(areas.areas, 1);
  client_destroy(&client);
}
END_TEST

/* A pool walk may change references; the next collection must know. */
static mps_addr_t redirect_to;

static mps_res_t redirect(mps_ss_t ss, void *base, void *limit, void *closure)
{
  Word *block = base;

  MPS_SCAN_BEGIN(ss)
  {
    for (; block < (Word *)limit; block += block_size(block) / WORD)
      if (block_kind(block) == KIND_OBJ) {
        mps_addr_t *slot = block_slot(block, 0, 0);

        *slot = redirect_to;
        if (MPS_FIX1(ss, *slot) && MPS_FIX2(ss, slot) != MPS_RES_OK)
          return MPS_RES_FAIL;
      }
  }
  MPS_SCAN_END(ss);
  (void)closure;
  return MPS_RES_OK;
}

START_TEST(what_a_walk_writes_is_kept_alive)
{
  Options options = {.gens = 2, .capacity = 100};
  Client client = client_create(&options), young = client;
  mps_root_t root = root_table(client.arena, mps_rank_exact(), table, OBJECTS);

  make_objects(&client, 64);
  for (int i = 0; i < 3; ++i)
    MUST(mps_arena_collect(client.arena));
  young.pool = client_pool(&client, &options);
  MUST(mps_ap_create_k(&young.ap, young.pool, mps_args_none));
  redirect_to = client_make(&young, 64, 1234);
  MUST(mps_pool_walk(client.pool, redirect, NULL));
  mps_arena_release(client.arena);
  for (Word i = 0; i < 100000; ++i)
    (void)client_make(&young, 64, i);
  ck_assert_uint_gt(mps_collections(client.arena), 3);
  for (size_t i = 0; i < OBJECTS; ++i)
    ck_assert(block_is_intact(*block_slot(table[i], 0, 0), 0, 1234));
  mps_root_destroy(root);
  mps_ap_destroy(young.ap);
  mps_pool_destroy(young.pool);
  client_destroy(&client);
}
END_TEST

static void query_inside(mps_addr_t object, mps_fmt_t fmt, mps_pool_t pool,
                         void *p, size_t s)
{
  mps_arena_t arena = p;
  mps_pool_t found_pool = NULL;
  mps_fmt_t found_fmt = NULL;

  EXPECT(mps_arena_has_addr(arena, object));
  EXPECT(mps_addr_pool(&found_pool, arena, object) && found_pool == pool);
  EXPECT(mps_addr_fmt(&found_fmt, arena, object) && found_fmt == fmt);
  EXPECT(mps_pool_total_size(pool) > 0 && s == 5);
}

START_TEST(queries_may_be_made_in_a_walk)
{
  Options options = {0};
  Client client = client_create(&options);

  make_objects(&client, 64);
  mps_arena_park(client.arena);
  mps_arena_formatted_objects_walk(client.arena, query_inside, client.arena,
                                   5);
  client_destroy(&client);
}
END_TEST

static size_t roots_visited, roots_found, roots_in_place;
static mps_addr_t roots_others[4];

static void visit_root(mps_addr_t *ref, mps_root_t root, void *p, size_t s)
{
  EXPECT(root != NULL && *ref != NULL && p == table && s == 3);
  ++roots_visited;
  roots_in_place += (table <= ref && ref < table + OBJECTS)
                    || (roots_others <= ref && ref < roots_others + 4);
  for (size_t i = 0; i < OBJECTS; ++i)
    roots_found += table[i] == *ref;
}

START_TEST(the_roots_walk_visits_each_reference_once)
{
  Options options = {.is_leaf = _i};
  Client client = client_create(&options);
  mps_addr_t *others = roots_others;
  mps_root_t root = root_table(client.arena, mps_rank_exact(), table, OBJECTS);
  mps_root_t other = root_table(client.arena, mps_rank_ambig(), others, 4);

  make_objects(&client, 64);
  table[5] = NULL;
  table[6] = &client; /* outside */
  others[0] = table[0];
  others[1] = (mps_addr_t)1;
  mps_arena_park(client.arena);
  mps_arena_roots_walk(client.arena, visit_root, table, 3);
  ck_assert_uint_eq(roots_visited, OBJECTS - 2 + 1);
  ck_assert_uint_eq(roots_found, OBJECTS - 2 + 1);
  ck_assert_uint_eq(roots_in_place, OBJECTS - 2 + 1); /* .walk.roots */
  MUST(mps_arena_collect(client.arena));
  ck_assert(block_is_intact(table[0], 0, 0));
  mps_root_destroy(root);
  mps_root_destroy(other);
  client_destroy(&client);
}
END_TEST


/* Addresses */

MATRIX_TEST(the_object_around_an_address_is_found)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;
  size_t size = matrix_size(&s, 32);
  mps_addr_t object = client_make(&s.client, size, 1), found = NULL;
  char *block = (char *)block_of(object, s.options.header);
  mps_addr_t p;

  MUST(mps_reserve(&p, s.client.ap, size));
  for (size_t i = 0; i < size; ++i) {
    found = NULL;
    MUST(mps_addr_object(&found, arena, block + i));
    ck_assert_ptr_eq(found, object);
  }
  found = NULL;
  ck_assert_int_eq(mps_addr_object(&found, arena, p), MPS_RES_FAIL);
  ck_assert_int_eq(mps_addr_object(&found, arena, &s), MPS_RES_FAIL);
  ck_assert_int_eq(mps_addr_object(&found, arena, NULL), MPS_RES_FAIL);
  ck_assert_ptr_null(found);
  block_init(p, size, s.options.header, s.client.kind, 2);
  ck_assert(mps_commit(s.client.ap, p, size));
  MUST(mps_addr_object(&found, arena, (char *)p + size - 1));
  ck_assert_ptr_eq(found, (char *)p + s.options.header);
  client_destroy(&s.client);
}

START_TEST(addresses_are_known_by_their_arena_only)
{
  Options options = {0};
  Client one = client_create(&options), other = client_create(&options);
  mps_addr_t object = client_make(&one, 64, 1);
  mps_pool_t pool = NULL;
  mps_fmt_t fmt = NULL;

  ck_assert(mps_arena_has_addr(one.arena, object));
  ck_assert(!mps_arena_has_addr(other.arena, object));
  ck_assert(!mps_arena_has_addr(one.arena, NULL));
  ck_assert(!mps_arena_has_addr(one.arena, &object));
  ck_assert(!mps_arena_has_addr(one.arena, (char *)object + (128 * MB)));
  ck_assert(!mps_addr_pool(&pool, other.arena, object));
  ck_assert(!mps_addr_fmt(&fmt, other.arena, object));
  ck_assert(pool == NULL && fmt == NULL);
  ck_assert(mps_addr_pool(&pool, one.arena, object) && pool == one.pool);
  ck_assert(mps_addr_fmt(&fmt, one.arena, object) && fmt == one.fmt);
  client_destroy(&one);
  client_destroy(&other);
}
END_TEST


/* Location dependencies (.ld.req.sound, .ld.req.reset) */

START_TEST(dependencies_go_stale_when_objects_move)
{
  Options options = {.is_leaf = _i};
  Client client = client_create(&options);
  mps_arena_t arena = client.arena;
  mps_ld_s ld, other, empty;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);

  make_objects(&client, 64);
  mps_ld_reset(&ld, arena);
  mps_ld_reset(&other, arena);
  mps_ld_reset(&empty, arena);
  mps_ld_add(&ld, arena, table[0]);
  mps_ld_add(&empty, arena, &client); /* what never moves */
  ck_assert(!mps_ld_isstale(&ld, arena, table[0]));
  ck_assert(!mps_ld_isstale_any(&ld, arena));
  MUST(mps_arena_collect(arena));
  ck_assert(mps_ld_isstale(&ld, arena, table[0]));
  ck_assert(mps_ld_isstale_any(&ld, arena));
  ck_assert(!mps_ld_isstale_any(&other, arena));
  ck_assert(!mps_ld_isstale_any(&empty, arena));
  mps_ld_merge(&other, arena, &ld);
  ck_assert(mps_ld_isstale(&other, arena, table[0]));
  mps_ld_reset(&ld, arena);
  ck_assert(!mps_ld_isstale_any(&ld, arena));
  mps_ld_add(&ld, arena, table[1]);
  ck_assert(!mps_ld_isstale(&ld, arena, table[1]));
  for (int i = 0; i < 10; ++i)
    MUST(mps_arena_collect(arena));
  ck_assert(mps_ld_isstale(&ld, arena, table[1]));
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST


/* Messages of collections (.message.req.order, .message.req.enabled) */

static void expect_pair(mps_arena_t arena, size_t least_condemned)
{
  mps_message_t start = NULL, end = NULL;
  mps_message_type_t type = 99;

  ck_assert(mps_message_poll(arena));
  ck_assert(mps_message_queue_type(&type, arena));
  ck_assert_uint_eq(type, mps_message_type_gc_start());
  ck_assert(mps_message_get(&start, arena, mps_message_type_gc_start()));
  ck_assert(mps_message_get(&end, arena, mps_message_type_gc()));
  ck_assert_uint_eq(mps_message_type(arena, start),
                    mps_message_type_gc_start());
  ck_assert_uint_eq(mps_message_type(arena, end), mps_message_type_gc());
  ck_assert_ptr_nonnull(mps_message_gc_start_why(arena, start));
  ck_assert_uint_gt(strlen(mps_message_gc_start_why(arena, start)), 0);
  ck_assert_uint_le(mps_message_clock(arena, start),
                    mps_message_clock(arena, end));
  ck_assert_uint_le(mps_message_clock(arena, end), mps_clock());
  ck_assert_uint_ge(mps_message_gc_condemned_size(arena, end),
                    least_condemned);
  ck_assert_uint_le(mps_message_gc_live_size(arena, end), 2 * MB);
  ck_assert_uint_le(mps_message_gc_not_condemned_size(arena, end), 2 * MB);
  mps_message_discard(arena, start);
  mps_message_discard(arena, end);
}

START_TEST(collections_are_announced_in_order)
{
  Options options = {.is_leaf = _i};
  Client client = client_create(&options);
  mps_arena_t arena = client.arena;
  mps_message_t message;

  mps_arena_clamp(arena);
  make_objects(&client, 64);
  MUST(mps_arena_collect(arena));
  ck_assert(!mps_message_poll(arena)); /* nobody asked */
  mps_message_type_enable(arena, mps_message_type_gc());
  mps_message_type_enable(arena, mps_message_type_gc_start());
  ck_assert(!mps_message_get(&message, arena, mps_message_type_gc()));
  for (int i = 0; i < 5; ++i) {
    make_objects(&client, 64);
    MUST(mps_arena_collect(arena));
  }
  for (int i = 0; i < 5; ++i)
    expect_pair(arena, OBJECTS * 64);
  ck_assert(!mps_message_poll(arena));
  make_objects(&client, 64);
  MUST(mps_arena_collect(arena));
  mps_message_type_disable(arena, mps_message_type_gc());
  ck_assert(!mps_message_get(&message, arena, mps_message_type_gc()));
  ck_assert(mps_message_get(&message, arena, mps_message_type_gc_start()));
  make_objects(&client, 64);
  MUST(mps_arena_collect(arena));
  client_destroy(&client); /* with one fetched and one unread */
}
END_TEST

START_TEST(thousands_of_messages_may_wait)
{
  Options options = {.gens = 1, .capacity = 1};
  Client client = client_create(&options);

  mps_message_type_enable(client.arena, mps_message_type_gc());
  mps_message_type_enable(client.arena, mps_message_type_gc_start());
  while (mps_collections(client.arena) < 3000)
    (void)client_make(&client, 512, 1);
  expect_pair(client.arena, 1);
  client_destroy(&client);
}
END_TEST

static void add_loop(Suite *suite, const char *name, const TTest *test, int n)
{
  TCase *tcase = tcase_create(name);

  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, test, 0, n);
  suite_add_tcase(suite, tcase);
}

int main(void)
{
  Suite *suite = suite_create("queries");

  unit_seed("queries");
  add_loop(suite, "accounts", the_accounts_balance, MATRIX_PARTS);
  unit_add_loop(suite, "tails", the_tail_of_a_large_object_is_free, 4);
  unit_add(suite, "walk result", a_walk_ends_with_the_scanners_result);
  unit_add(suite, "walk writes", what_a_walk_writes_is_kept_alive);
  unit_add(suite, "walk queries", queries_may_be_made_in_a_walk);
  add_loop(suite, "roots walk", the_roots_walk_visits_each_reference_once, 2);
  add_loop(suite, "object", the_object_around_an_address_is_found,
           MATRIX_PARTS);
  unit_add(suite, "addresses", addresses_are_known_by_their_arena_only);
  add_loop(suite, "dependencies", dependencies_go_stale_when_objects_move, 2);
  add_loop(suite, "messages", collections_are_announced_in_order, 2);
  unit_add(suite, "many messages", thousands_of_messages_may_wait);
  return unit_run(suite);
}
