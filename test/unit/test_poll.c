/* test_poll.c -- when collection gets its chance, and when it doesn't */

#include "amc_help.h"

#include "trace/poll.h"

static void fill_nursery(void)
{
  for (Index i = 0; i < 1100; ++i)
    (void)amc_object(1000, i);
}

/* .poll: a generation over its capacity is collected, unless the client
 * has forbidden it. */
START_TEST(test_capacity)
{
  amc_start((AmcParams){0});
  mps_arena_clamp(arena);
  fill_nursery();
  ck_assert_uint_eq(mps_collections(arena), 0);
  ck_assert(arena->is_gc_due);
  ck_assert_uint_ge(gen_fresh(&chain->gens[0]), chain->gens[0].capacity);
  mps_arena_park(arena);
  fill_nursery();
  ck_assert_uint_eq(mps_collections(arena), 0);
  mps_arena_release(arena);
  ck_assert_uint_ge(mps_collections(arena), 1);
  ck_assert_uint_lt(gen_fresh(&chain->gens[0]), chain->gens[0].capacity);
  ck_assert(!arena->is_polling);
  for (Index i = 0; i < 10; ++i)
    fill_nursery();
  ck_assert_uint_ge(mps_collections(arena), 8);
  amc_verify();
  amc_stop();
}
END_TEST

/* .gen.due .poll.due: long before the policy is asked as a routine. */
START_TEST(test_small_capacity)
{
  static mps_gen_param_s params[] = {{16, 0.9}};
  mps_chain_t small_chain;
  mps_pool_t small;
  mps_ap_t small_ap;
  mps_addr_t object;

  amc_start((AmcParams){0});
  mps_arena_release(arena);
  ck_assert_int_eq(mps_chain_create(&small_chain, arena, 1, params),
                   MPS_RES_OK);
  small = amc_make_pool(&(AmcParams){0}, small_chain);
  ck_assert_int_eq(mps_ap_create_k(&small_ap, small, mps_args_none),
                   MPS_RES_OK);
  for (Index i = 0; i < 64 * KIB / 64; ++i)
    ck_assert_int_eq(help_make(&object, small_ap, 64, i), MPS_RES_OK);
  ck_assert_uint_ge(mps_collections(arena), 2);
  mps_ap_destroy(small_ap);
  mps_pool_destroy(small);
  mps_chain_destroy(small_chain);
  amc_stop();
}
END_TEST

/* The states that requests leave behind (T45, T49). */
START_TEST(test_states)
{
  amc_start((AmcParams){0});
  mps_arena_release(arena);
  ck_assert_int_eq(arena->state, ARENA_UNCLAMPED);
  mps_arena_clamp(arena);
  ck_assert_int_eq(arena->state, ARENA_CLAMPED);
  (void)mps_arena_collect(arena); /* nothing to do */
  ck_assert_int_eq(arena->state, ARENA_PARKED);
  ck_assert_int_eq(mps_arena_start_collect(arena), MPS_RES_OK);
  ck_assert_int_eq(arena->state, ARENA_UNCLAMPED);
  ck_assert(!poll_start_collect(arena)); /* which is no failure (T45) */
  exact[0] = amc_object(64, 1);
  amc_new_ap();
  mps_arena_release(arena);
  (void)mps_arena_collect(arena);
  ck_assert_int_eq(arena->state, ARENA_PARKED);
  ck_assert_uint_ge(amc_seg(exact[0])->pgen->index, 1);
  ck_assert_int_eq(mps_arena_start_collect(arena), MPS_RES_OK);
  ck_assert_int_eq(arena->state, ARENA_UNCLAMPED);
  amc_verify();
  amc_stop();
}
END_TEST

/* .poll: without memory everything is collected, once, if it may be. */
START_TEST(test_for_memory)
{
  Count flips;

  amc_start((AmcParams){0});
  ck_assert(!poll_for_memory(arena)); /* parked */
  mps_arena_clamp(arena);
  fill_nursery();
  amc_new_ap();
  ck_assert(!poll_for_memory(arena));
  mps_arena_release(arena);
  fill_nursery();
  amc_new_ap();
  flips = arena->flips;
  ck_assert(poll_for_memory(arena));
  ck_assert_uint_eq(arena->flips, flips + 1);
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  ck_assert(!poll_for_memory(arena)); /* there's nothing any more */
  amc_stop();
}
END_TEST

/* A program that keeps little goes on for ever within its limit; one that
 * keeps all hears of it, and goes on when it has let go. */
START_TEST(test_limit)
{
  mps_addr_t object = NULL;
  Count held = 0;

  amc_start((AmcParams){0});
  mps_arena_release(arena);
  ck_assert_int_eq(
      mps_arena_commit_limit_set(arena, mps_arena_committed(arena) + 2 * MIB),
      MPS_RES_OK);
  for (Index i = 0; i < 20000; ++i) {
    ck_assert_int_eq(help_make(&object, ap, 2000, i), MPS_RES_OK);
    exact[i % 20] = object;
  }
  while (held < REFS && help_make(&object, ap, 8000, held) == MPS_RES_OK)
    exact[held++] = object;
  ck_assert_uint_lt(held, REFS);
  ck_assert_uint_gt(held, 2 * MIB / 8000 / 4);
  ck_assert_uint_le(mps_arena_committed(arena), mps_arena_commit_limit(arena));
  for (Index i = 0; i < held; ++i)
    ck_assert(amc_is_object(exact[i], 8000, i));
  amc_forget();
  ck_assert_int_eq(help_make(&object, ap, 8000, 1), MPS_RES_OK);
  amc_verify();
  amc_stop();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("poll");

  unit_add(suite, "capacity", test_capacity);
  unit_add(suite, "small", test_small_capacity);
  unit_add(suite, "states", test_states);
  unit_add(suite, "memory", test_for_memory);
  unit_add(suite, "limit", test_limit);
  return unit_run(suite);
}
