/* test_arena_record.c -- making arenas, and being inside one */

#include "heap_help.h"

#include <signal.h>

static ArenaParams params_of(Size size)
{
  return (ArenaParams){
      .size = size,
      .grain = 4 * KIB,
      .commit_limit = SIZE_MAX,
      .spare = 0.5,
      .barrier = BARRIER_NONE,
  };
}

/* .arena.record .arena.several: arenas come and go beside each other, with
 * their records counted. */
START_TEST(test_lifetime)
{
  ArenaParams params = params_of(4 * MIB);
  Arena *arena[3];

  for (Index i = 0; i < 3; ++i) {
    ck_assert_int_eq(arena_create(&arena[i], &params), MPS_RES_OK);
    ck_assert(arena_check(arena[i]));
    ck_assert_uint_ge(space_committed(&arena[i]->space),
                      size_round_up(sizeof(Arena), 4 * KIB));
    ck_assert_uint_eq(arena[i]->space.reserved, 4 * MIB);
    ck_assert_int_eq(arena[i]->state, ARENA_UNCLAMPED);
    ck_assert(arena[i]->default_chain->is_adaptive); /* .arena.chain */
  }
  for (Index i = 0; i < 3; ++i)
    ck_assert(space_index(&arena[i]->space, arena[(i + 1) % 3]->space.base)
              >= arena[i]->space.grains);
  arena_destroy(arena[1]);
  ck_assert(arena_check(arena[0]));
  ck_assert(arena_check(arena[2]));
  arena_destroy(arena[0]);
  arena_destroy(arena[2]);
}
END_TEST

/* With every commit limit up to what it takes: an arena or a result code,
 * and never anything in between. */
START_TEST(test_commit_limit)
{
  ArenaParams params = params_of(4 * MIB);
  Count refused = 0;
  Count made = 0;

  for (Size limit = 0; limit < 40 * 4 * KIB; limit += 4 * KIB) {
    Arena *arena = NULL;

    params.commit_limit = limit;
    if (arena_create(&arena, &params) == MPS_RES_OK) {
      ck_assert_uint_le(space_committed(&arena->space), limit);
      arena_destroy(arena);
      ++made;
    } else {
      ck_assert_ptr_null(arena);
      ck_assert_uint_eq(made, 0); /* more never becomes too little */
      ++refused;
    }
  }
  ck_assert_uint_gt(refused, 0);
  ck_assert_uint_gt(made, 0);
}
END_TEST

/* .arena.lock .arena.entry .arena.stop */
START_TEST(test_inside)
{
  ArenaParams params = params_of(4 * MIB);
  PlatContext context = {.count = 0};
  Arena *arena;

  ck_assert_int_eq(arena_create(&arena, &params), MPS_RES_OK);
  ck_assert(!plat_lock_is_mine(&arena->lock));
  arena_enter(arena, &context);
  ck_assert(plat_lock_is_mine(&arena->lock));
  ck_assert_ptr_eq(arena->entry, &context);
  arena_enter_recursive(arena);
  arena_leave_recursive(arena);
  ck_assert(plat_lock_is_mine(&arena->lock));
  arena_stop(arena);
  ck_assert(arena->is_stopped);
  arena_resume(arena);
  ck_assert(!arena->is_stopped);
  arena_leave(arena);
  ck_assert_ptr_null(arena->entry);
  ck_assert(!plat_lock_is_held(&arena->lock));
  arena_destroy(arena);
}
END_TEST

/* What mustn't be: entering twice, stopping twice, resuming what runs,
 * leaving something to watch or hide (.arena.inv.wanted).  Each dies. */
START_TEST(test_misuse)
{
  ArenaParams params = params_of(4 * MIB);
  Seg seg = {.sig = SEG_SIG};
  Arena *arena;

  ck_assert_int_eq(arena_create(&arena, &params), MPS_RES_OK);
  arena_enter(arena, NULL);
  switch (_i) {
  case 0:
    arena_enter(arena, NULL);
    break;
  case 1:
    arena_stop(arena);
    arena_stop(arena);
    break;
  case 2:
    arena_resume(arena);
    break;
  default:
    arena->wanted = &seg;
    arena_leave(arena);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("arena");
  TCase *dies = tcase_create("dies");

  unit_add(suite, "lifetime", test_lifetime);
  unit_add(suite, "commit-limit", test_commit_limit);
  unit_add(suite, "inside", test_inside);
  tcase_add_loop_test_raise_signal(dies, test_misuse, SIGABRT, 0, 4);
  suite_add_tcase(suite, dies);
  return unit_run(suite);
}
