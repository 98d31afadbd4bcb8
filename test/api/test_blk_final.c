/* test_blk_final.c -- blocks that the arena is to tell the client of
 *
 * Registrations and messages of the arena, where blocks die otherwise than in
 * its own collections.
 *
 * COVERS: .blk.final.arena, .final.freed
 */

#include "blk_client.h"

#include <time.h>

enum {
  MANY = 16000,
  TAKEN = 500
};

static mps_arena_t arena;
static mps_pool_t pool;

static void start(void)
{
  arena = client_arena();
  mps_message_type_enable(arena, mps_message_type_finalization());
  pool = make_pool(arena, &(Setup){0});
}

static void end(void)
{
  mps_arena_park(arena);
  finish(arena, pool);
}

/* A block that isn't reachable, and is registered so many times */
static mps_addr_t make_registered(Word value, int count)
{
  mps_addr_t p = make(pool, 4, 0);

  *(Word *)p = value;
  for (int i = 0; i < count; ++i)
    MUST(mps_finalize(arena, &p));
  return p;
}

static int is_told(mps_message_t *message, mps_addr_t *ref)
{
  if (!mps_message_get(message, arena, mps_message_type_finalization()))
    return 0;
  mps_message_finalization_ref(ref, arena, *message);
  return 1;
}

static unsigned count_messages(void)
{
  mps_message_t message;
  mps_addr_t ref;
  unsigned count = 0;

  while (is_told(&message, &ref)) {
    ++count;
    mps_message_discard(arena, message);
  }
  return count;
}

/* The pool's own collection doesn't free it without a word. */
START_TEST(own_collection_leaves_what_is_registered)
{
  mps_addr_t p, inner, ref;
  mps_message_t message;

  start();
  p = make_registered(77, 1);
  inner = make(pool, 4, 0);
  ((mps_addr_t *)p)[1] = inner;
  *(Word *)inner = 78;
  MUST(mps_blk_collect(NULL, pool));
  ck_assert_uint_eq(mps_blk_size(pool, p), 32);
  ck_assert_uint_eq(mps_blk_size(pool, inner), 32);
  MUST(mps_arena_collect(arena));
  ck_assert(is_told(&message, &ref));
  ck_assert_ptr_eq(ref, p);
  /* Nor while the message is under way. */
  MUST(mps_blk_collect(NULL, pool));
  ck_assert_uint_eq(*(Word *)ref, 77);
  ck_assert_uint_eq(*(Word *)((mps_addr_t *)ref)[1], 78);
  mps_message_discard(arena, message);
  MUST(mps_blk_collect(NULL, pool));
  ck_assert_uint_eq(mps_blk_size(pool, p), 0);
  ck_assert_uint_eq(mps_blk_size(pool, inner), 0);
  end();
}
END_TEST

/* One that is queued */
START_TEST(own_collection_leaves_what_a_message_names)
{
  mps_addr_t p, ref;
  mps_message_t message;

  start();
  p = make_registered(77, 2);
  MUST(mps_arena_collect(arena));
  MUST(mps_blk_collect(NULL, pool));
  ck_assert_uint_eq(mps_blk_size(pool, p), 32);
  ck_assert(is_told(&message, &ref));
  ck_assert_ptr_eq(ref, p);
  ck_assert_uint_eq(*(Word *)ref, 77);
  mps_message_discard(arena, message);
  ck_assert_uint_eq(count_messages(), 1);
  end();
}
END_TEST

/* An object that comes to lie where a registered one was freed is another. */
START_TEST(freeing_withdraws)
{
  mps_addr_t p, q;

  start();
  p = make_registered(1, 3);
  mps_blk_free(pool, p);
  q = make(pool, 4, 0);
  ck_assert_ptr_eq(q, p);
  ck_assert_int_eq(mps_definalize(arena, &q), MPS_RES_FAIL);
  MUST(mps_arena_collect(arena));
  ck_assert_uint_eq(count_messages(), 0);
  end();
}
END_TEST

START_TEST(moving_takes_registrations_along)
{
  mps_addr_t p, old, ref;
  mps_message_t message;

  start();
  p = old = make_registered(5, 2);
  (void)make(pool, 4, 0); /* behind it */
  MUST(mps_blk_realloc(&p, pool, 400, 1));
  ck_assert_ptr_ne(p, old);
  MUST(mps_definalize(arena, &p));
  MUST(mps_arena_collect(arena));
  ck_assert(is_told(&message, &ref));
  ck_assert_ptr_eq(ref, p);
  ck_assert_uint_eq(*(Word *)ref, 5);
  mps_message_discard(arena, message);
  ck_assert_uint_eq(count_messages(), 0);
  end();
}
END_TEST

/* A message is no more about the object that was freed than about the one
 * that is there now. */
START_TEST(freeing_drops_messages)
{
  mps_addr_t p, q, ref;
  mps_message_t message;

  start();
  p = make_registered(1, 3);
  MUST(mps_arena_collect(arena));
  ck_assert(is_told(&message, &ref));
  ck_assert_ptr_eq(ref, p);
  mps_blk_free(pool, ref);
  mps_message_finalization_ref(&ref, arena, message);
  ck_assert_ptr_null(ref);
  ck_assert_uint_eq(count_messages(), 0);
  q = make(pool, 4, 0);
  ck_assert_ptr_eq(q, p);
  MUST(mps_blk_collect(NULL, pool));
  ck_assert_uint_eq(mps_blk_size(pool, q), 0);
  mps_message_discard(arena, message);
  MUST(mps_arena_collect(arena));
  ck_assert_uint_eq(count_messages(), 0);
  end();
}
END_TEST

START_TEST(moving_takes_messages_along)
{
  mps_addr_t p, ref;
  mps_message_t message;

  start();
  p = make_registered(5, 2);
  MUST(mps_arena_collect(arena));
  ck_assert(is_told(&message, &ref));
  (void)make(pool, 4, 0); /* behind it */
  MUST(mps_blk_realloc(&p, pool, 400, 1));
  ck_assert_ptr_ne(p, ref);
  mps_message_finalization_ref(&ref, arena, message);
  ck_assert_ptr_eq(ref, p);
  mps_message_discard(arena, message);
  MUST(mps_arena_collect(arena));
  ck_assert(is_told(&message, &ref));
  ck_assert_ptr_eq(ref, p);
  ck_assert_uint_eq(*(Word *)ref, 5);
  mps_message_discard(arena, message);
  MUST(mps_arena_collect(arena));
  ck_assert_uint_eq(mps_blk_size(pool, p), 0);
  end();
}
END_TEST

static double seconds(void)
{
  struct timespec now;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static mps_addr_t many[MANY];

/* Those of even numbers, from the last on; the time it took. */
static double free_even(void)
{
  double before = seconds();

  for (size_t i = MANY; i > 0; i -= 2)
    mps_blk_free(pool, many[i - 2]);
  return seconds() - before;
}

/* Each message is about the block of its number, or its block was freed;
 * how many there are. */
static unsigned check_left(void)
{
  mps_message_t message;
  mps_addr_t ref;
  unsigned count = 0;

  for (; is_told(&message, &ref); ++count) {
    ck_assert_uint_eq(*(Word *)ref % 2, 1);
    ck_assert_ptr_eq(many[*(Word *)ref], ref);
    mps_message_discard(arena, message);
  }
  return count;
}

/* However many messages there are, a free finds those that are about its
 * block: to look at all of them would take hundreds of times as long. */
START_TEST(freeing_one_of_many)
{
  static mps_message_t taken[TAKEN];
  mps_root_t root;
  mps_addr_t ref;
  double plain;
  double told;

  start();
  MUST(mps_root_create_table(&root, arena, mps_rank_exact(), 0, many, MANY));
  for (Word i = 0; i < MANY; ++i)
    many[i] = make_registered(i, 0);
  plain = free_even();
  for (Word i = 0; i < MANY; ++i)
    many[i] = make_registered(i, 1);
  mps_root_destroy(root);
  MUST(mps_arena_collect(arena));
  for (size_t i = 0; i < TAKEN; ++i)
    ck_assert(is_told(&taken[i], &ref));
  told = free_even();
  ck_assert_double_lt(told, 200 * plain);
  for (size_t i = 0; i < TAKEN; ++i) {
    mps_message_finalization_ref(&ref, arena, taken[i]);
    ck_assert(ref == NULL || *(Word *)ref % 2 == 1);
    mps_message_discard(arena, taken[i]);
  }
  ck_assert_uint_le(check_left(), MANY / 2);
  MUST(mps_arena_collect(arena));
  ck_assert_uint_eq(count_messages(), 0);
  end();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("blk_final");

  unit_seed("blk_final");
  unit_add(suite, "own", own_collection_leaves_what_is_registered);
  unit_add(suite, "queued", own_collection_leaves_what_a_message_names);
  unit_add(suite, "free", freeing_withdraws);
  unit_add(suite, "free told", freeing_drops_messages);
  unit_add(suite, "free many", freeing_one_of_many);
  unit_add(suite, "move told", moving_takes_messages_along);
  unit_add(suite, "move", moving_takes_registrations_along);
  return unit_run(suite);
}
