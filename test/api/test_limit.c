/* test_limit.c -- a heap at its commit limit gets its garbage back
 *
 * The arena is clamped, and filled until the limit refuses more.  Then most
 * of it becomes garbage, and collections that have next to no memory to copy
 * into must make it usable again, however the survivors lie.
 */

#include "client.h"

enum {
  LIMIT = 8 << 20,
  SIZE = 64,
  COUNT = LIMIT / SIZE,
  GRAIN = 4096,
  COLLECTIONS = 12
};

/* Which objects live: so many, and then so many that don't. */
static const struct {
  size_t live;
  size_t dead;
  size_t pinned; /* each such live one has an ambiguous reference too */
} layout[] = {
    {1, 9, 100},       /* some in each page */
    {1, 1, 1000},      /* the same, and as many as can be */
    {1000, 9000, 100}, /* whole pages */
    {100, 900, 7},     /* runs */
    {1, 999, 1},       /* hardly any */
};

static mps_addr_t exact[COUNT];
static mps_addr_t ambig[COUNT];
static Word serial[COUNT];

static mps_res_t try_make(const Client *client, mps_addr_t *object_out,
                          Word name)
{
  mps_addr_t block;

  do {
    mps_res_t res = mps_reserve(&block, client->ap, SIZE);

    if (res != MPS_RES_OK)
      return res;
    block_init(block, SIZE, client->header, client->kind, name);
  } while (!mps_commit(client->ap, block, SIZE));
  *object_out = client_of(block, client->header);
  return MPS_RES_OK;
}

static mps_arena_t limited_arena(void)
{
  mps_arena_t arena = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, LIMIT);
    MUST(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  }
  MPS_ARGS_END(args);
  mps_arena_clamp(arena);
  return arena;
}

/* Fill it up, and forget most of it.  Returns how many were made. */
static size_t fill(const Client *client, int which, size_t *kept_out)
{
  size_t period = layout[which].live + layout[which].dead;
  size_t made = 0;
  size_t kept = 0;
  mps_addr_t object;

  memset(exact, 0, sizeof exact);
  memset(ambig, 0, sizeof ambig);
  for (; try_make(client, &object, made) == MPS_RES_OK; ++made) {
    ck_assert_uint_lt(made, COUNT);
    if (made % period >= layout[which].live)
      continue;
    if (kept % layout[which].pinned == 0)
      ambig[kept] = (char *)object + 9;
    serial[kept] = made;
    exact[kept++] = object;
  }
  *kept_out = kept;
  return made;
}

static void expect_intact(const Client *client, size_t kept)
{
  for (size_t i = 0; i < kept; ++i) {
    EXPECT(block_is_intact(exact[i], client->header, serial[i]));
    EXPECT(ambig[i] == NULL || (char *)exact[i] + 9 == (char *)ambig[i]);
  }
}

/* COVERS: .boards .amc.choose .amc.headroom: after some collections what is
 * dead can be allocated again, nearly all of it.  _i is the layout, and
 * whether the pool is a leaf. */
START_TEST(garbage_is_got_back)
{
  int which = _i / 2;
  Options options = {.is_leaf = _i % 2, .header = 16};
  Client client = client_create_in(limited_arena(), &options);
  mps_arena_t arena = client.arena;
  mps_root_t roots[2];
  size_t kept = 0, made, pages = 0, again = 0, room;
  mps_addr_t object;

  roots[0] = root_table(arena, mps_rank_exact(), exact, COUNT);
  roots[1] = root_table(arena, mps_rank_ambig(), ambig, COUNT);
  made = fill(&client, which, &kept);
  ck_assert_uint_gt(made, COUNT - COUNT / 8);
  for (int i = 0; i < COLLECTIONS; ++i) {
    mps_ap_destroy(client.ap);
    MUST(mps_ap_create_k(&client.ap, client.pool, mps_args_none));
    MUST(mps_arena_collect(arena));
    expect_intact(&client, kept);
  }
  for (size_t i = 0; i < kept; ++i)
    pages += ambig[i] != NULL;
  room = mps_pool_total_size(client.pool);
  ck_assert_uint_le(room, kept * SIZE * 5 / 4 + pages * GRAIN + LIMIT / 16);
  mps_arena_clamp(arena);
  while (try_make(&client, &object, made) == MPS_RES_OK)
    ++again;
  ck_assert_uint_gt(again * SIZE + room, (size_t)LIMIT - LIMIT / 8);
  expect_intact(&client, kept);
  mps_root_destroy(roots[0]);
  mps_root_destroy(roots[1]);
  client_destroy(&client);
}
END_TEST

/* COVERS: .decisions.retry: an arena that isn't clamped gets there by itself:
 * the program goes on allocating for ever. */
START_TEST(a_program_goes_on)
{
  Options options = {.is_leaf = _i % 2};
  Client client = client_create_in(limited_arena(), &options);
  mps_arena_t arena = client.arena;
  mps_root_t roots[2];
  size_t kept = 0;
  mps_addr_t object;

  roots[0] = root_table(arena, mps_rank_exact(), exact, COUNT);
  roots[1] = root_table(arena, mps_rank_ambig(), ambig, COUNT);
  (void)fill(&client, _i / 2, &kept);
  mps_arena_release(arena);
  for (size_t i = 0; i < 2 * COUNT; ++i)
    MUST(try_make(&client, &object, i));
  expect_intact(&client, kept);
  mps_root_destroy(roots[0]);
  mps_root_destroy(roots[1]);
  client_destroy(&client);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("limit");
  TCase *tcase = tcase_create("limit");

  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, garbage_is_got_back, 0, 2 * NELEMS(layout));
  tcase_add_loop_test(tcase, a_program_goes_on, 0, 2 * NELEMS(layout));
  suite_add_tcase(suite, tcase);
  return unit_run(suite);
}
