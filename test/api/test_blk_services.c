/* test_blk_services.c -- blocks are finalized, and referred to weakly
 *
 * Finalization messages, weak references in objects and in roots, and
 * ephemerons, all to objects of a block pool.  Nothing is a root but tables.
 * And what a pool tells in the middle of a collection, and after a fork.
 */

#include "stay.h"

#include "mpscblk.h"

#include <sys/wait.h>
#include <unistd.h>

enum {
  TABLE = 64,
  SLOTS = 30,
  PAIRS = 15
};

#define SIZE ((size_t)256)

static mps_pool_t blk;
static Client holder; /* of weak references, or of pairs */
static mps_addr_t exact[TABLE], weak[TABLE];
static mps_root_t roots[2];

#define ARENA (holder.arena)

static unsigned make_flags; /* of the blocks that are made */

static mps_addr_t make(Word name)
{
  mps_addr_t object = NULL;

  MUST(mps_blk_alloc(&object, blk, 64, make_flags));
  *(Word *)object = name << 1 | 1;
  return object;
}

static int is_there(mps_addr_t object, Word name)
{
  mps_addr_t base = NULL;

  return mps_blk_object(&base, blk, object) && base == object
         && *(Word *)object == (name << 1 | 1);
}

static int is_gone(mps_addr_t object)
{
  mps_addr_t base = NULL;

  return !mps_blk_object(&base, blk, object);
}

static void start(mps_pool_class_t class, mps_rank_t rank)
{
  Options options
      = {.class = class, .has_rank = class != NULL, .rank = rank, .gens = 2};

  holder = client_create(&options);
  mps_arena_park(ARENA);
  MUST(mps_pool_create_k(&blk, ARENA, mps_class_blk(), mps_args_none));
  memset(exact, 0, sizeof exact);
  memset(weak, 0, sizeof weak);
  roots[0] = root_table(ARENA, mps_rank_exact(), exact, TABLE);
  roots[1] = root_table(ARENA, mps_rank_weak(), weak, TABLE);
}

static void end(void)
{
  mps_root_destroy(roots[0]);
  mps_root_destroy(roots[1]);
  mps_pool_destroy(blk);
  client_destroy(&holder);
}

static void collect(void)
{
  MUST(mps_arena_collect(ARENA));
}

/* COVERS(".blk.final.arena") */
START_TEST(blocks_are_finalized)
{
  mps_message_t message = NULL;
  mps_addr_t dead[3], ref = NULL;
  size_t told = 0;
  int is_told[3] = {0};

  start(NULL, 0);
  mps_message_type_enable(ARENA, mps_message_type_finalization());
  for (Word i = 0; i < 3; ++i) {
    dead[i] = make(i);
    MUST(mps_finalize(ARENA, &dead[i]));
  }
  exact[0] = make(10);
  MUST(mps_finalize(ARENA, &exact[0]));
  exact[1] = make(11);
  MUST(mps_finalize(ARENA, &exact[1]));
  MUST(mps_definalize(ARENA, &exact[1]));
  ck_assert_int_eq(mps_definalize(ARENA, &exact[1]), MPS_RES_FAIL);
  /* They refer to each other, and are told of all the same. */
  ((mps_addr_t *)dead[0])[1] = dead[1];
  ((mps_addr_t *)dead[1])[1] = dead[0];
  collect();
  for (; mps_message_get(&message, ARENA, mps_message_type_finalization());
       ++told) {
    mps_message_finalization_ref(&ref, ARENA, message);
    for (Word i = 0; i < 3; ++i)
      if (ref == dead[i]) {
        ck_assert(is_there(ref, i) && !is_told[i]);
        is_told[i] = 1;
      }
    if (ref == dead[2])
      exact[2] = ref; /* it is taken back */
    mps_message_discard(ARENA, message);
  }
  ck_assert_uint_eq(told, 3);
  ck_assert(is_told[0] && is_told[1] && is_told[2]);
  collect();
  ck_assert(is_gone(dead[0]) && is_gone(dead[1]) && is_there(dead[2], 2));
  exact[0] = exact[1] = NULL;
  collect();
  ck_assert(mps_message_get(&message, ARENA, mps_message_type_finalization()));
  mps_message_finalization_ref(&ref, ARENA, message);
  ck_assert(is_there(ref, 10));
  mps_message_discard(ARENA, message);
  ck_assert(!mps_message_poll(ARENA));
  end();
}
END_TEST

/* How many messages there are, each about an intact object of that name. */
static unsigned messages(Word name)
{
  mps_message_t message = NULL;
  mps_addr_t ref = NULL;
  unsigned count = 0;

  while (mps_message_get(&message, ARENA, mps_message_type_finalization())) {
    mps_message_finalization_ref(&ref, ARENA, message);
    ck_assert(is_there(ref, name));
    mps_message_discard(ARENA, message);
    ++count;
  }
  return count;
}

static void collect_blocks(int is_clients)
{
  if (is_clients) {
    mps_blk_mark_begin(blk);
    mps_blk_mark(blk, exact, TABLE);
    (void)mps_blk_mark_end(blk);
  } else {
    MUST(mps_blk_collect(NULL, blk));
  }
}

/* Also by the pool's own collections, with weak references after that. */
START_TEST(own_collections_finalize)
{
  mps_addr_t dead[2];

  start(NULL, 0);
  mps_message_type_enable(ARENA, mps_message_type_finalization());
  exact[0] = make(1);
  MUST(mps_finalize(ARENA, &exact[0]));
  dead[0] = make(2);
  MUST(mps_finalize(ARENA, &dead[0]));
  MUST(mps_finalize(ARENA, &dead[0]));
  dead[1] = ((mps_addr_t *)dead[0])[1] = make(3);
  weak[0] = dead[0];
  collect_blocks(_i);
  ck_assert(is_there(dead[0], 2) && is_there(dead[1], 3));
  ck_assert_ptr_eq(weak[0], dead[0]);
  collect_blocks(!_i); /* what messages refer to is alive */
  ck_assert(is_there(dead[0], 2) && is_there(dead[1], 3));
  ck_assert_uint_eq(messages(2), 2);
  collect_blocks(_i);
  ck_assert(is_gone(dead[0]) && is_gone(dead[1]) && is_there(exact[0], 1));
  weak[0] = NULL;
  exact[0] = NULL;
  collect();
  ck_assert_uint_eq(messages(1), 1);
  end();
}
END_TEST

/* Whoever frees an object knows that it's dead, and whoever resizes one means
 * the same object. */
START_TEST(requests_go_with_the_object)
{
  mps_addr_t dead;

  start(NULL, 0);
  mps_message_type_enable(ARENA, mps_message_type_finalization());
  for (unsigned i = 0; i < 3; ++i) {
    dead = make(1);
    MUST(mps_finalize(ARENA, &dead));
    if (i == 0)
      mps_blk_free(blk, dead);
    if (i == 1)
      MUST(mps_blk_realloc(&dead, blk, 0, 0));
    if (i == 2)
      ck_assert_uint_eq(mps_blk_final_all(blk), 1);
    exact[0] = make(2); /* perhaps at the same address */
    ck_assert_int_eq(mps_definalize(ARENA, &exact[0]), MPS_RES_FAIL);
    exact[0] = NULL;
    collect();
    ck_assert_uint_eq(messages(0), 0);
  }
  dead = exact[0] = make(4);
  exact[1] = make(5);
  MUST(mps_finalize(ARENA, &dead));
  MUST(mps_finalize(ARENA, &dead));
  MUST(mps_blk_realloc(&exact[0], blk, 5000, 1));
  ck_assert_ptr_ne(exact[0], dead);
  ck_assert_int_eq(mps_definalize(ARENA, &dead), MPS_RES_FAIL);
  MUST(mps_definalize(ARENA, &exact[0]));
  collect();
  ck_assert_uint_eq(messages(0), 0);
  exact[0] = NULL;
  collect();
  ck_assert_uint_eq(messages(4), 1);
  end();
}
END_TEST

START_TEST(what_begins_no_block_is_refused)
{
  mps_addr_t within;

  start(NULL, 0);
  exact[0] = make(1);
  within = (char *)exact[0] + 32;
  (void)mps_lib_assert_fail_install(report_take);
  ck_assert_int_ne(mps_finalize(ARENA, &within), MPS_RES_OK);
  ck_assert_uint_eq(report_count, 1);
  within = (char *)exact[0] + 4096;
  ck_assert_int_ne(mps_finalize(ARENA, &within), MPS_RES_OK);
  ck_assert_uint_eq(report_count, 2);
  (void)mps_lib_assert_fail_install(NULL);
  end();
}
END_TEST

/* COVERS(".blk.weak.arena") */
START_TEST(weak_references_to_blocks_are_splatted)
{
  mps_addr_t table;

  start(mps_class_awl(), mps_rank_weak());
  table = exact[0] = client_make(&holder, SIZE, 1);
  for (size_t i = 0; i < SLOTS; ++i) {
    mps_addr_t object = make(i);

    *block_slot(table, 0, i) = object;
    weak[i] = object;
    if (i % 3 == 0)
      exact[1 + i] = object;
  }
  for (int round = 0; round < 2; ++round) {
    collect();
    for (size_t i = 0; i < SLOTS; ++i) {
      mps_addr_t slot = *block_slot(exact[0], 0, i);

      ck_assert_ptr_eq(slot, i % 3 == 0 ? exact[1 + i] : NULL);
      ck_assert_ptr_eq(slot, weak[i]);
      if (slot != NULL)
        ck_assert(is_there(slot, i));
    }
  }
  end();
}
END_TEST

static mps_res_t scan_pairs(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  for (; base < limit; base = (char *)base + block_size(base))
    for (size_t i = 0; 2 * i + 1 < block_refs(base, 0); ++i) {
      mps_res_t res = mps_fix_weak_pair(ss, base, block_slot(base, 0, 2 * i),
                                        block_slot(base, 0, 2 * i + 1));

      if (res != MPS_RES_OK)
        return res;
    }
  return MPS_RES_OK;
}

/* Pairs whose keys and values are blocks, in a chain whose first key is
 * kept, and others whose values are their only references.  Nothing is
 * scanned in leaves: that they are preserved must be heard all the same. */
START_TEST(ephemerons_hold_blocks)
{
  mps_fmt_t fmt = NULL;
  mps_pool_t pool = NULL;
  mps_ap_t ap = NULL;
  Client pairs;
  mps_addr_t table;

  start(NULL, 0);
  make_flags = _i == 0 ? 0 : MPS_BLK_LEAF;
  pairs = holder;
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan_pairs);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip0);
    MUST(mps_fmt_create_k(&fmt, ARENA, args));
  }
  MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    MUST(mps_pool_create_k(&pool, ARENA, mps_class_aeph(), args));
  }
  MPS_ARGS_END(args);
  MUST(mps_ap_create(&ap, pool, mps_rank_ephemeron()));
  pairs.ap = ap;
  table = exact[0] = client_make(&pairs, (2 + 2 * PAIRS) * WORD, 1);
  exact[1] = make(0);
  /* The first ten are the chain, the last first; the others are dead. */
  for (size_t i = 0; i < PAIRS; ++i) {
    mps_addr_t key = i == 9 ? exact[1] : make(100 + i);

    *block_slot(table, 0, 2 * i) = key;
    *block_slot(table, 0, 2 * i + 1) = i < 10 ? make(200 + i) : key;
  }
  for (size_t i = 0; i < 9; ++i)
    *block_slot(table, 0, 2 * i) = *block_slot(table, 0, 2 * i + 3);
  collect();
  for (size_t i = 0; i < PAIRS; ++i) {
    mps_addr_t key = *block_slot(exact[0], 0, 2 * i);
    mps_addr_t value = *block_slot(exact[0], 0, 2 * i + 1);

    ck_assert((key != NULL) == (i < 10));
    ck_assert((value != NULL) == (i < 10));
    if (i < 10)
      ck_assert(is_there(value, 200 + i));
  }
  exact[1] = NULL;
  collect();
  for (size_t i = 0; i < PAIRS; ++i)
    ck_assert_ptr_null(*block_slot(exact[0], 0, 2 * i));
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  end();
}
END_TEST


/* In the middle of a collection, and on both sides of a fork there */

enum {
  LIST = 40000,
  BLOCKS = 2000
};

static mps_addr_t blocks[BLOCKS];

static int is_under_way(mps_arena_t arena)
{
  static int begun, ended;
  mps_message_t message;

  while (mps_message_get(&message, arena, mps_message_type_gc_start())) {
    ++begun;
    mps_message_discard(arena, message);
  }
  while (mps_message_get(&message, arena, mps_message_type_gc())) {
    ++ended;
    mps_message_discard(arena, message);
  }
  return begun > ended;
}

static int count_text(void *closure, const char *text, size_t length)
{
  (void)text;
  *(size_t *)closure += length;
  return 0;
}

static void expect_blocks(void)
{
  mps_blk_info_s info;
  size_t length = 0;
  mps_pool_t pool = NULL;
  mps_fmt_t fmt = NULL;

  for (Word i = 0; i < BLOCKS; ++i)
    EXPECT(is_there(blocks[i], i));
  mps_blk_info(&info, blk, 1);
  EXPECT(info.objects >= BLOCKS && info.used + info.free == info.total);
  mps_blk_dump(blk, MPS_BLK_DUMP_KINDS, count_text, &length, NULL);
  mps_blk_dump(blk, MPS_BLK_DUMP_STATES, count_text, &length, NULL);
  EXPECT(length > 2 * BLOCKS);
  EXPECT(mps_blk_check(blk));
  EXPECT(mps_addr_pool(&pool, ARENA, (char *)blocks[7] + 9) && pool == blk);
  EXPECT(!mps_addr_fmt(&fmt, ARENA, blocks[7]) && fmt == NULL);
}

static void go_on(void)
{
  for (Word i = 0; i < BLOCKS; i += 2) {
    mps_blk_free(blk, blocks[i]);
    blocks[i] = make(i);
    MUST(mps_blk_realloc(&blocks[i + 1], blk, 200, 1));
  }
  while (mps_arena_step(ARENA, 0.0, 0.0))
    ;
  expect_blocks();
  MUST(mps_arena_collect(ARENA));
  expect_blocks();
  EXPECT(!is_under_way(ARENA));
}

START_TEST(blocks_are_there_in_the_middle_of_a_collection)
{
  Options options = {0};
  mps_root_t root, list_root;
  static mps_addr_t list;
  int status = 0;
  pid_t child;

  if (!stay_is_cut())
    return;
  holder = client_create(&options);
  MUST(mps_pool_create_k(&blk, ARENA, mps_class_blk(), mps_args_none));
  mps_message_type_enable(ARENA, mps_message_type_gc_start());
  mps_message_type_enable(ARENA, mps_message_type_gc());
  mps_arena_pause_time_set(ARENA, 0.0);
  mps_arena_clamp(ARENA);
  root = root_table(ARENA, mps_rank_exact(), blocks, BLOCKS);
  list_root = root_table(ARENA, mps_rank_exact(), &list, 1);
  for (Word i = 0; i < BLOCKS; ++i)
    blocks[i] = make(i);
  for (Word i = 0; i < LIST; ++i) {
    mps_addr_t link = client_make(&holder, 64, i);

    *block_slot(link, 0, 0) = list;
    list = link;
  }
  MUST(mps_arena_start_collect(ARENA));
  for (int i = 0; i < _i; ++i)
    (void)mps_arena_step(ARENA, 0.0, 0.0);
  EXPECT(is_under_way(ARENA));
  expect_blocks();
  EXPECT((child = fork()) >= 0);
  if (child == 0) {
    go_on();
    _exit(0);
  }
  go_on();
  EXPECT(waitpid(child, &status, 0) == child);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  mps_root_destroy(root);
  mps_root_destroy(list_root);
  mps_pool_destroy(blk);
  client_destroy(&holder);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("blk services");

  unit_seed("blk services");
  unit_add(suite, "final", blocks_are_finalized);
  unit_add_loop(suite, "own collections", own_collections_finalize, 2);
  unit_add(suite, "requests", requests_go_with_the_object);
  unit_add(suite, "refused", what_begins_no_block_is_refused);
  unit_add(suite, "weak", weak_references_to_blocks_are_splatted);
  unit_add_loop(suite, "ephemerons", ephemerons_hold_blocks, 2);
  unit_add_loop(suite, "middle",
                blocks_are_there_in_the_middle_of_a_collection, 4);
  return unit_run(suite);
}
