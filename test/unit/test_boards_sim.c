/* test_boards_sim.c -- the store for boards, on the simulated platform
 *
 * Which also checks what is asked of it, and counts.
 */

#include "heap/boards.h"
#include "plat/plat_sim.h"
#include "unit.h"

#include <signal.h>
#include <string.h>

#define MIB ((Size)1 << 20)

static Space space; /* only its figures are looked at */
static Boards boards;

static void start(Size span, Size committed)
{
  plat_sim_reset();
  memset(&space, 0, sizeof space);
  space.span = span;
  space.used_size = committed;
  ck_assert_int_eq(boards_init(&boards, &space), MPS_RES_OK);
}

static void stop(void)
{
  boards_finish(&boards);
  ck_assert_uint_eq(plat_sim.reservations, 0);
}

/* COVERS: .boards.limit: a part of what is committed, and the floor. */
START_TEST(test_limit)
{
  Size committed = (Size)_i * 16 * MIB;
  Size limit = BOARDS_FLOOR + committed / BOARDS_PART;
  Count count = 0;

  start(1024 * MIB, committed);
  while (boards_alloc(&boards, 1000) != NULL)
    ++count;
  ck_assert_uint_eq(boards.refused, 1);
  ck_assert_uint_eq(count, limit / 1000);
  ck_assert_ptr_null(boards_alloc(&boards, limit - count * 1000 + 1));
  ck_assert_ptr_nonnull(boards_alloc(&boards, limit - count * 1000));
  for (Index i = 0; i <= count; ++i)
    boards_free(&boards);
  ck_assert_uint_eq(boards.used, 0);
  ck_assert_ptr_null(boards_alloc(&boards, limit + 1));
  boards.limit = 0;
  ck_assert_ptr_null(boards_alloc(&boards, 1));
  stop();
}
END_TEST

/* COVERS: .boards.reset: boards don't overlap, and keep what is in them until
 * the last one is gone; then a page that isn't kept has been given back. */
START_TEST(test_reset)
{
  enum {
    COUNT = 500,
    BOARD = 2000
  };
  unsigned char *board[COUNT];

  start(1024 * MIB, 0);
  for (int round = 0; round < 3; ++round) {
    for (Index i = 0; i < COUNT; ++i) {
      board[i] = boards_alloc(&boards, BOARD - 4);
      EXPECT(board[i] != NULL && (Word)board[i] % sizeof(Word) == 0);
      if (i == COUNT - 1) /* far above what is kept */
        EXPECT(board[i][BOARD / 2] == 0);
      memset(board[i], (int)i, BOARD - 4);
    }
    for (Index i = 0; i < COUNT; ++i) {
      EXPECT(board[i][0] == (unsigned char)i);
      EXPECT(board[i][BOARD - 5] == (unsigned char)i);
      boards_free(&boards);
    }
    ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_PURGE], (Count)round + 1);
  }
  ck_assert_ptr_eq(boards_alloc(&boards, 1), board[0]);
  boards_free(&boards);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_PURGE], 3); /* it was little */
  stop();
}
END_TEST

/* COVERS: .boards.reserve: less and less, then no arena. */
START_TEST(test_ladder)
{
  Size last = 0;
  Count k = 0;

  start(1024 * MIB, 0);
  last = boards.size;
  stop();
  for (;;) {
    plat_sim_reset();
    plat_sim_fail(PLAT_SIM_RESERVE_TABLE, 1, ++k);
    if (boards_init(&boards, &space) != MPS_RES_OK)
      break;
    ck_assert_uint_lt(boards.size, last);
    ck_assert_uint_ge(boards.size, BOARDS_FLOOR);
    last = boards.size;
    stop();
  }
  ck_assert_uint_gt(k, 4);
  ck_assert_uint_eq(plat_sim.reservations, 0);
}
END_TEST

/* COVERS: .boards.inv.leak: one that isn't given back is found out. */
START_TEST(test_leak)
{
  start(1024 * MIB, 0);
  (void)boards_alloc(&boards, 100);
  boards_finish(&boards);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("boards");
  TCase *loops = tcase_create("loops");

  tcase_add_loop_test(loops, test_limit, 0, 4);
  tcase_add_test_raise_signal(loops, test_leak, SIGABRT);
  suite_add_tcase(suite, loops);
  unit_add(suite, "reset", test_reset);
  unit_add(suite, "ladder", test_ladder);
  return unit_run(suite);
}
