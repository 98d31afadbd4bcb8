/* test_client_arena.c -- a heap in memory that the client lends
 *
 * Memory beside what is lent has a pattern that must stay, and what is lent
 * must be all there when the arena is gone.
 */

#include "client.h"

#include "mpsacl.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
  GRAIN = 8192,
  LENT = 6 << 20,
  MARGIN = 5000, /* so that nothing is aligned */
  PATTERN = 0x5A,
  OBJECT = 64
};

static unsigned char room[LENT + 2 * MARGIN];
static mps_addr_t table[100000];

static mps_res_t lent_arena(mps_arena_t *arena_o, void *base, size_t size)
{
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, base);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    res = mps_arena_create_k(arena_o, mps_arena_class_cl(), args);
  }
  MPS_ARGS_END(args);
  return res;
}

static void expect_margins(void)
{
  for (size_t i = 0; i < MARGIN; ++i)
    EXPECT(room[i] == PATTERN && room[MARGIN + LENT + i] == PATTERN);
}

static mps_res_t try_make(const Client *client, mps_addr_t *object_out,
                          size_t size, Word name)
{
  mps_addr_t block;

  do {
    mps_res_t res = mps_reserve(&block, client->ap, size);

    if (res != MPS_RES_OK)
      return res;
    block_init(block, size, client->header, client->kind, name);
  } while (!mps_commit(client->ap, block, size));
  *object_out = client_of(block, client->header);
  return MPS_RES_OK;
}

/* Objects until there is no room; returns how many, and the last result. */
static size_t fill(const Client *client, mps_res_t *res_out)
{
  size_t made = 0;

  while (made < NELEMS(table)
         && (*res_out = try_make(client, &table[made], OBJECT, made))
                == MPS_RES_OK)
    ++made;
  return made;
}

static int is_within(mps_addr_t p, const void *base, size_t size)
{
  return (char *)p >= (const char *)base
         && (char *)p < (const char *)base + size;
}

/* COVERS(".space.lent") */
START_TEST(a_heap_lives_in_lent_memory)
{
  mps_arena_t arena = NULL;
  mps_root_t root;
  Options options = {.gens = 2};
  Client client;
  mps_addr_t object;

  memset(room, PATTERN, sizeof room);
  MUST(lent_arena(&arena, room + MARGIN, LENT));
  ck_assert_uint_le(mps_arena_reserved(arena), LENT);
  ck_assert_uint_gt(mps_arena_reserved(arena), LENT - 2 * GRAIN);
  ck_assert_uint_le(mps_arena_committed(arena), mps_arena_reserved(arena));
  client = client_create_in(arena, &options);
  root = root_table(arena, mps_rank_exact(), table, 1000);
  /* Many times what fits, of which something lives. */
  for (Word i = 0; i < 20 * LENT / OBJECT; ++i) {
    EXPECT(try_make(&client, &object, OBJECT, i % 1000) == MPS_RES_OK);
    EXPECT(is_within(object, room + MARGIN, LENT));
    table[i % 1000] = object;
  }
  ck_assert_uint_gt(mps_collections(arena), 5);
  MUST(mps_arena_collect(arena));
  for (Word i = 0; i < 1000; ++i) {
    ck_assert(block_is_intact(table[i], 0, i));
    ck_assert(is_within(table[i], room + MARGIN, LENT));
    ck_assert(mps_arena_has_addr(arena, table[i]));
  }
  /* The rest of the first and the last grain isn't the arena's. */
  ck_assert(!mps_arena_has_addr(arena, room));
  ck_assert(!mps_arena_has_addr(arena, room + MARGIN));
  ck_assert(!mps_arena_has_addr(arena, room + MARGIN + LENT));
  mps_root_destroy(root);
  client_destroy(&client);
  expect_margins();
  memset(room, 0, sizeof room); /* it is ours again, to read and to write */
}
END_TEST

/* COVERS(".space.lent.window") */
START_TEST(a_full_arena_is_extended)
{
  mps_arena_t arena = NULL;
  Options options = {.gens = 2};
  Client client;
  mps_root_t root;
  mps_res_t res = MPS_RES_OK;
  size_t made;
  size_t more = 8 << 20;
  char *far = mmap(NULL, more, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  ck_assert_ptr_ne(far, MAP_FAILED);
  memset(room, PATTERN, sizeof room);
  memset(table, 0, sizeof table);
  /* Lent in two pieces that meet in the middle of a grain. */
  MUST(lent_arena(&arena, room + MARGIN, LENT / 2));
  client = client_create_in(arena, &options);
  root = root_table(arena, mps_rank_exact(), table, NELEMS(table));
  made = fill(&client, &res);
  ck_assert_int_eq(res, MPS_RES_RESOURCE);
  ck_assert_uint_gt(made * OBJECT, LENT / 4);
  MUST(mps_arena_extend(arena, room + MARGIN + LENT / 2, LENT / 2));
  MUST(mps_arena_extend(arena, far, more));
  ck_assert_uint_gt(mps_arena_reserved(arena), LENT + more - 4 * GRAIN);
  /* All that was made is there, and a large object comes from the far end. */
  MUST(try_make(&client, &table[made], more - 64 * GRAIN, made));
  ck_assert(is_within(table[made], far, more));
  MUST(mps_arena_collect(arena));
  for (size_t i = 0; i <= made; ++i)
    ck_assert(block_is_intact(table[i], 0, i));
  /* Of what is lent already nothing can be lent again. */
  (void)mps_lib_assert_fail_install(report_take);
  ck_assert_int_eq(mps_arena_extend(arena, far + more / 2, more),
                   MPS_RES_PARAM);
  ck_assert_uint_eq(report_count, 1);
  (void)mps_lib_assert_fail_install(NULL);
  ck_assert_int_eq(mps_arena_extend(arena, room, GRAIN / 2), MPS_RES_MEMORY);
  mps_root_destroy(root);
  client_destroy(&client);
  expect_margins();
  memset(far, 1, more);
  ck_assert_int_eq(munmap(far, more), 0);
}
END_TEST

/* Garbage is found before it is said that there is no room. */
START_TEST(a_full_arena_is_collected)
{
  mps_arena_t arena = NULL;
  Options options = {.gens = 2};
  Client client;
  mps_root_t root;
  mps_res_t res = MPS_RES_OK;
  size_t first;

  memset(table, 0, sizeof table);
  MUST(lent_arena(&arena, room, LENT));
  client = client_create_in(arena, &options);
  root = root_table(arena, mps_rank_exact(), table, NELEMS(table));
  first = fill(&client, &res);
  ck_assert_int_eq(res, MPS_RES_RESOURCE);
  for (int round = 0; round < 5; ++round) {
    size_t again;

    memset(table, 0, sizeof table);
    again = fill(&client, &res);
    ck_assert_uint_gt(again, first / 2);
    for (size_t i = 0; i < again; ++i)
      ck_assert(block_is_intact(table[i], 0, i));
  }
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST

START_TEST(what_is_too_small_is_refused)
{
  mps_arena_t arena = NULL;

  ck_assert_int_eq(lent_arena(&arena, room, 64 * GRAIN - 1), MPS_RES_MEMORY);
  ck_assert_ptr_null(arena);
  MUST(mps_arena_create(&arena, mps_arena_class_cl(), (size_t)LENT,
                        (mps_addr_t)room));
  ck_assert_int_eq(mps_arena_extend(arena, room + LENT, GRAIN - 1),
                   MPS_RES_MEMORY);
  /* The limit is one still, where it is lower. */
  MUST(mps_arena_commit_limit_set(arena, LENT / 2));
  ck_assert_uint_eq(mps_arena_commit_limit(arena), LENT / 2);
  mps_arena_destroy(arena);
}
END_TEST

/* Another arena's faults stay its own.
 * COVERS(".space.lent.watch") */
START_TEST(both_classes_live_in_one_process)
{
  mps_arena_t arena = NULL;
  Options options = {.gens = 2};
  Client lent, own;
  mps_root_t root;

  MUST(lent_arena(&arena, room, LENT));
  lent = client_create_in(arena, &options);
  own = client_create(&options);
  root = root_table(own.arena, mps_rank_exact(), table, 1000);
  for (Word i = 0; i < 300000; ++i) {
    (void)client_make(&lent, OBJECT, i);
    table[i % 1000] = client_make(&own, OBJECT, i % 1000);
    if (table[(i * 7) % 1000] != NULL)
      *block_slot(table[(i * 7) % 1000], 0, 1) = table[i % 1000];
  }
  for (Word i = 0; i < 1000; ++i) {
    mps_addr_t young = *block_slot(table[i], 0, 1);

    ck_assert(block_is_intact(table[i], 0, i));
    /* The slot was written to last, or before what it named was replaced. */
    ck_assert(young == NULL || block_size(young) == OBJECT);
  }
  ck_assert_uint_gt(mps_collections(arena), 0);
  ck_assert_uint_gt(mps_collections(own.arena), 0);
  mps_root_destroy(root);
  client_destroy(&own);
  client_destroy(&lent);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("client arena");

  unit_seed("client arena");
  unit_add(suite, "lives", a_heap_lives_in_lent_memory);
  unit_add(suite, "extended", a_full_arena_is_extended);
  unit_add(suite, "collected", a_full_arena_is_collected);
  unit_add(suite, "small", what_is_too_small_is_refused);
  unit_add(suite, "both", both_classes_live_in_one_process);
  return unit_run(suite);
}
