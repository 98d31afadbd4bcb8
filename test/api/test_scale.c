/* test_scale.c -- collections that start by themselves, and large heaps
 *
 * Tiny chains collect again and again without being asked; objects larger
 * than 2 GiB; more segments than the system has mappings for (E6).
 */

#include "client.h"

#include "mpsclo.h"

#include <unistd.h>

/* How much memory the machine can spare just now. */
static size_t free_memory(void)
{
  return (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
}


/* Collections by themselves */

typedef struct Tiny {
  size_t gens;
  mps_gen_param_s params[2];
} Tiny;

static const Tiny tiny[] = {
    {1, {{1, 0.5}}},
    {2, {{1, 0.99}, {1, 0.5}}},
    {2, {{20, 0.6}, {85, 0.4}}},
    {1, {{20, 1.0}}},
};

static mps_addr_t live[100];

START_TEST(collections_start_by_themselves)
{
  const Tiny *t = &tiny[_i / 2];
  Options options = {.is_leaf = _i % 2};
  mps_arena_t arena = client_arena();
  mps_gen_param_s params[2];
  Client client = {.arena = arena, .align = WORD};

  memcpy(params, t->params, sizeof params);
  client.kind = options.is_leaf ? KIND_LEAF : KIND_OBJ;
  client.fmt = client_format(arena, WORD, 0);
  MUST(mps_chain_create(&client.chain, arena, t->gens, params));
  client.pool = client_pool(&client, &options);
  MUST(mps_ap_create_k(&client.ap, client.pool, mps_args_none));
  mps_root_t root = root_table(arena, mps_rank_exact(), live, NELEMS(live));
  Word n = 0;
  while (mps_collections(arena) < 37) {
    size_t at = (size_t)unit_random(NELEMS(live));

    EXPECT(++n < 10000000);
    EXPECT(live[at] == NULL || block_is_intact(live[at], 0, at));
    live[at] = client_make(&client, 32 + n % 50 * 8, at);
  }
  memset(live, 0, sizeof live);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST

/* With the default chain too, and a heap that doesn't grow without end. */
START_TEST(the_default_chain_collects)
{
  Options options = {.is_leaf = _i};
  Client client = client_create(&options);

  for (Word n = 0; n < 20000000 && mps_collections(client.arena) < 37; ++n)
    (void)client_make(&client, 256, n);
  ck_assert_uint_ge(mps_collections(client.arena), 37);
  ck_assert_uint_lt(mps_arena_committed(client.arena), 500 * MB);
  client_destroy(&client);
}
END_TEST


/* More segments than mappings */

enum {
  SEGMENTS = 40000
};

static mps_addr_t objects[SEGMENTS], leaves[SEGMENTS];

/* Half of the objects are written to between collections. */
START_TEST(segments_outnumber_mappings)
{
  Options options = {.gens = 2, .capacity = 100000, .extend_by = 8 * KB};
  Client client = client_create(&options);
  size_t size = 8 * KB;

  if (free_memory() < 3000 * MB)
    return;
  mps_arena_clamp(client.arena);
  mps_root_t roots[2];
  Client other = client;
  options.is_leaf = 1;
  other.kind = KIND_LEAF;
  other.pool = client_pool(&client, &options);
  MUST(mps_ap_create_k(&other.ap, other.pool, mps_args_none));
  roots[0] = root_table(client.arena, mps_rank_exact(), objects, SEGMENTS);
  roots[1] = root_table(client.arena, mps_rank_exact(), leaves, SEGMENTS);
  for (Word i = 0; i < SEGMENTS; ++i) {
    objects[i] = client_make(&client, size, i);
    leaves[i] = client_make(&other, size, i);
    *block_slot(objects[i], 0, 0) = leaves[i];
  }
  for (int n = 0; n < 2; ++n) {
    MUST(mps_arena_collect(client.arena));
    for (Word i = 0; i < SEGMENTS; ++i) {
      EXPECT(block_is_intact(objects[i], 0, i));
      EXPECT(block_is_intact(leaves[i], 0, i));
      EXPECT(*block_slot(objects[i], 0, 0) == leaves[i]);
      if (i % 2 == 0)
        *block_slot(objects[i], 0, 1) = client_make(&client, 64, i);
    }
    mps_arena_release(client.arena);
    for (Word i = 0; i < 1000000; ++i)
      (void)client_make(&client, 64, i);
    for (Word i = 0; i < SEGMENTS; i += 2)
      EXPECT(block_is_intact(*block_slot(objects[i], 0, 1), 0, i));
    mps_arena_clamp(client.arena);
  }
  mps_root_destroy(roots[0]);
  mps_root_destroy(roots[1]);
  mps_ap_destroy(other.ap);
  mps_pool_destroy(other.pool);
  client_destroy(&client);
}
END_TEST


/* Large objects */

START_TEST(objects_may_be_vast)
{
  size_t size = 2200 * MB;
  Options options = {.is_leaf = _i > 0, .gens = 1};

  if (_i > 1)
    options.class = mps_class_lo();
  Client client = client_create(&options);
  mps_root_t root = root_table(client.arena, mps_rank_exact(), live, 2);
  mps_addr_t block;

  if (free_memory() < 3 * size)
    return;
  mps_arena_clamp(client.arena);
  MUST(mps_reserve(&block, client.ap, size));
  /* Write only the ends: the rest is as the system gives it, zeros. */
  ((Word *)block)[0] = block_info(size, client.kind);
  ((Word *)block)[1] = 5;
  ((Word *)block)[size / WORD - 1] = 0;
  ck_assert(mps_commit(client.ap, block, size));
  live[0] = block;
  live[1] = client_make(&client, 64, 6);
  if (!options.is_leaf)
    ((mps_addr_t *)live[0])[size / WORD - 1] = live[1];
  MUST(mps_arena_collect(client.arena));
  ck_assert(((Word *)live[0])[1] == 5);
  ck_assert(((Word *)live[0])[0] == block_info(size, client.kind));
  if (!options.is_leaf)
    ck_assert(((mps_addr_t *)live[0])[size / WORD - 1] == live[1]);
  live[0] = live[1] = NULL;
  MUST(mps_arena_collect(client.arena));
  ck_assert_uint_lt(mps_pool_total_size(client.pool), MB);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST

START_TEST(absurd_sizes_are_refused)
{
  Options options = {0};
  Client client = client_create(&options);
  size_t sizes[] = {(size_t)1 << 46, (size_t)1 << 62, SIZE_MAX / 2 + 1,
                    SIZE_MAX - 4095, SIZE_MAX - 7};

  for (size_t i = 0; i < NELEMS(sizes); ++i) {
    mps_addr_t block = NULL;

    ck_assert_int_ne(mps_reserve(&block, client.ap, sizes[i]), MPS_RES_OK);
    ck_assert_ptr_null(block);
    (void)client_make(&client, 64, i);
    block = NULL;
    ck_assert_int_ne(mps_ap_fill(&block, client.ap, sizes[i]), MPS_RES_OK);
    (void)client_make(&client, 64, i);
  }
  client_destroy(&client);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test, int n)
{
  TCase *tcase = tcase_create(name);

  tcase_set_timeout(tcase, 200);
  tcase_add_loop_test(tcase, test, 0, n);
  suite_add_tcase(suite, tcase);
}

int main(void)
{
  Suite *suite = suite_create("scale");

  unit_seed("scale");
  add(suite, "tiny", collections_start_by_themselves, 2 * (int)NELEMS(tiny));
  add(suite, "default", the_default_chain_collects, 2);
  add(suite, "segments", segments_outnumber_mappings, 1);
  add(suite, "vast", objects_may_be_vast, 3);
  add(suite, "absurd", absurd_sizes_are_refused, 1);
  return unit_run(suite);
}
