/* test_ramp.c -- the ramp machine, cell by cell and as a pool drives it
 *
 * The table is compared with its specification once more spelt out, then
 * a pool of one generation chain is played with at random: a few words of
 * data stand for all survivors, and move as the machine says.
 */

#include "pool/ramp.h"
#include "unit.h"

#include <signal.h>
#include <string.h>

#define NEVER RAMP_STATES

enum {
  O = RAMP_OUTSIDE,
  B = RAMP_BEGIN,
  R = RAMP_RAMPING,
  F = RAMP_FINISH,
  C = RAMP_COLLECTING,
  X = NEVER
};

/* For each state: enter, leave, condemn and reclaim with no ramp open,
 * condemn and reclaim with one open. */
static const int wanted[RAMP_STATES][6] = {
    [RAMP_OUTSIDE] = {B, X, O, O, X, X},    [RAMP_BEGIN] = {X, O, X, X, R, B},
    [RAMP_RAMPING] = {X, F, X, X, R, R},    [RAMP_FINISH] = {F, F, C, F, C, F},
    [RAMP_COLLECTING] = {B, O, C, O, C, B},
};

static const struct {
  RampEvent event;
  bool is_open;
} column[6] = {
    {RAMP_ENTER, true},    {RAMP_LEAVE, false},  {RAMP_CONDEMN, false},
    {RAMP_RECLAIM, false}, {RAMP_CONDEMN, true}, {RAMP_RECLAIM, true},
};

/* COVERS: .ramp.mode .ramp.outside .ramp.begin .ramp.begin.leave
 * .ramp.begin.leave.outside .ramp.begin.leave.ramping .ramp.ramping.leave
 * .ramp.finish.remain .ramp.finish.leave .ramp.collecting.leave */
START_TEST(test_each_cell)
{
  for (int state = 0; state < RAMP_STATES; ++state)
    for (int i = 0; i < 6; ++i)
      if (wanted[state][i] != NEVER)
        ck_assert_int_eq(
            ramp_next((RampState)state, column[i].event, column[i].is_open),
            wanted[state][i]);
}
END_TEST

/* What can't happen dies: _i counts through the cells. */
START_TEST(test_never)
{
  int state = _i / 6;
  int i = _i % 6;

  if (wanted[state][i] != NEVER)
    raise(SIGABRT);
  (void)ramp_next((RampState)state, column[i].event, column[i].is_open);
}
END_TEST

/* The count and the event have to agree. */
START_TEST(test_enter_without_count)
{
  (void)ramp_next(RAMP_FINISH, RAMP_ENTER, false);
}
END_TEST

START_TEST(test_leave_with_count)
{
  (void)ramp_next(RAMP_FINISH, RAMP_LEAVE, true);
}
END_TEST

START_TEST(test_leave_too_many)
{
  Ramp ramp;

  ramp_init(&ramp);
  ramp_enter(&ramp);
  (void)ramp_leave(&ramp, 2);
}
END_TEST

/* .ramp.inv.once: a trace condemns many segments of the generation, and
 * reclaims many. */
START_TEST(test_once)
{
  for (int state = 0; state < RAMP_STATES; ++state)
    for (int i = 2; i < 6; ++i)
      if (wanted[state][i] != NEVER) {
        RampState once
            = ramp_next((RampState)state, column[i].event, column[i].is_open);

        ck_assert_int_eq(ramp_next(once, column[i].event, column[i].is_open),
                         once);
      }
}
END_TEST

/* COVERS: .gen.ramp .gen.ramp.ordinary .gen.ramp.particular .gen.ramp.possible
 * .gen.ramp.ramping .gen.ramp.after .ramp.state.invariant.forward */
START_TEST(test_targets)
{
  for (Count chain = 1; chain <= 6; ++chain) {
    ck_assert_uint_eq(ramp_generation(chain), chain - 1);
    for (int state = 0; state < RAMP_STATES; ++state)
      for (Index gen = 0; gen <= chain; ++gen) {
        bool is_kept = gen == chain - 1
                       && (state == RAMP_RAMPING || state == RAMP_FINISH);
        Index target = gen == chain || is_kept ? gen : gen + 1;

        ck_assert_uint_eq(ramp_target((RampState)state, gen, chain), target);
      }
  }
}
END_TEST

/* COVERS: .ramp.state.cycle.usual */
START_TEST(test_usual_cycle)
{
  Ramp ramp;

  ramp_init(&ramp);
  ck_assert_int_eq(ramp.state, RAMP_OUTSIDE);
  ramp_enter(&ramp);
  ck_assert_int_eq(ramp.state, RAMP_BEGIN);
  ck_assert(ramp_condemn(&ramp));
  ck_assert_int_eq(ramp.state, RAMP_RAMPING);
  ck_assert(!ramp_condemn(&ramp));
  ramp_reclaim(&ramp);
  ck_assert_int_eq(ramp.state, RAMP_RAMPING);
  ck_assert(ramp_leave(&ramp, 1));
  ck_assert_int_eq(ramp.state, RAMP_FINISH);
  ck_assert(ramp_condemn(&ramp));
  ck_assert_int_eq(ramp.state, RAMP_COLLECTING);
  ck_assert(!ramp_condemn(&ramp));
  ramp_reclaim(&ramp);
  ck_assert_int_eq(ramp.state, RAMP_OUTSIDE);
  ck_assert(!ramp_condemn(&ramp));
  ck_assert_int_eq(ramp.state, RAMP_OUTSIDE);
}
END_TEST

/* COVERS: .ramp.count: nothing happens between the first
 * ramp and the last, and an allocation point that goes away takes all of its
 * own with it. */
START_TEST(test_nesting)
{
  Ramp ramp;

  ramp_init(&ramp);
  ck_assert(!ramp_leave(&ramp, 0));
  for (int i = 0; i < 3; ++i)
    ramp_enter(&ramp);
  ck_assert_int_eq(ramp.state, RAMP_BEGIN);
  ck_assert(ramp_condemn(&ramp));
  ck_assert(!ramp_leave(&ramp, 1));
  ramp_enter(&ramp);
  ck_assert_int_eq(ramp.state, RAMP_RAMPING);
  ck_assert(!ramp_leave(&ramp, 0));
  ck_assert(ramp_leave(&ramp, 3));
  ck_assert_int_eq(ramp.state, RAMP_FINISH);
}
END_TEST

/* A ramp that no collection notices changes nothing. */
START_TEST(test_short_ramp)
{
  Ramp ramp;

  ramp_init(&ramp);
  for (int i = 0; i < 10; ++i) {
    ramp_enter(&ramp);
    ck_assert(ramp_leave(&ramp, 1));
    ck_assert_int_eq(ramp.state, RAMP_OUTSIDE);
    ck_assert(!ramp_condemn(&ramp));
  }
}
END_TEST

/* COVERS: .gen.ramp.after.once: ramps that follow each other without a gap
 * don't keep data in the ramp generation for ever. In each variant a
 * collection falls within every ramp, and the next ramp is entered before or
 * after that collection ends. */
START_TEST(test_back_to_back)
{
  for (int overlap = 0; overlap < 2; ++overlap)
    for (Count chain = 1; chain <= 3; ++chain) {
      Ramp ramp;
      Index data = 0; /* the generation that it is in */

      ramp_init(&ramp);
      ramp_enter(&ramp);
      for (int i = 0; i < 20; ++i) {
        if (data == ramp_generation(chain))
          (void)ramp_condemn(&ramp);
        data = ramp_target(ramp.state, data, chain);
        if (!overlap)
          ramp_reclaim(&ramp);
        (void)ramp_leave(&ramp, 1);
        ramp_enter(&ramp);
        if (overlap)
          ramp_reclaim(&ramp);
      }
      ck_assert_uint_eq(data, chain);
    }
}
END_TEST

/* COVERS: .ramp: while one ramp goes on, survivors stay below the top however
 * many collections there are. */
START_TEST(test_survivors_stay)
{
  Ramp ramp;
  Index data = 0;

  ramp_init(&ramp);
  ramp_enter(&ramp);
  for (int i = 0; i < 20; ++i) {
    (void)ramp_condemn(&ramp);
    data = ramp_target(ramp.state, data, 3);
    ramp_reclaim(&ramp);
  }
  ck_assert_uint_eq(data, 2);
  (void)ramp_leave(&ramp, 1);
  (void)ramp_condemn(&ramp);
  ck_assert_uint_eq(ramp_target(ramp.state, data, 3), 3);
}
END_TEST

/* The model of test_random: what the requirements say, without states.
 * noticed: a trace has condemned the ramp generation inside the ramp.
 * owed:    a ramp that was noticed is over, and its survivors are still to
 *          be let go by a trace that condemns the generation. */
typedef struct Model {
  Count open;
  bool noticed;
  bool owed;
} Model;

static void model_do(Model *model, RampEvent event)
{
  if (event == RAMP_ENTER)
    ++model->open;
  if (event == RAMP_LEAVE && model->open > 0 && --model->open == 0) {
    model->owed |= model->noticed;
    model->noticed = false;
  }
  if (event == RAMP_CONDEMN) {
    if (model->owed)
      model->owed = false;
    else if (model->open > 0)
      model->noticed = true;
  }
}

/* .ramp.state.invariant.count .ramp.state.invariant.forward */
static void expect_model(const Ramp *ramp, const Model *model)
{
  bool keeps = ramp_target(ramp->state, 4, 5) == 4;

  EXPECT(ramp_check(ramp));
  EXPECT(ramp->open == model->open);
  EXPECT(keeps == (model->noticed || model->owed));
  EXPECT(ramp->state != RAMP_OUTSIDE || model->open == 0);
  EXPECT(ramp->state != RAMP_BEGIN || model->open > 0);
  EXPECT(ramp->state != RAMP_RAMPING || model->open > 0);
}

/* COVERS: .ramp.state.invariant.count .ramp.state.invariant.forward
 *
 * Events as a pool meets them: between the condemning and the reclaiming
 * of one trace there is no condemning by another. */
START_TEST(test_random)
{
  Ramp ramp;
  Model model = {0, false, false};
  bool is_busy = false;
  Count met[RAMP_STATES] = {0};

  ramp_init(&ramp);
  for (int i = 0; i < 200000; ++i) {
    switch (unit_random(4)) {
    case 0:
      if (model.open < 4) {
        ramp_enter(&ramp);
        model_do(&model, RAMP_ENTER);
      }
      break;
    case 1:
      if (model.open > 0) {
        bool last = model.open == 1;

        EXPECT(ramp_leave(&ramp, 1) == last);
        model_do(&model, RAMP_LEAVE);
      }
      break;
    case 2:
      if (!is_busy && unit_random(3) > 0) { /* else of other generations */
        (void)ramp_condemn(&ramp);
        (void)ramp_condemn(&ramp);
        model_do(&model, RAMP_CONDEMN);
      }
      is_busy = true;
      break;
    default:
      if (is_busy)
        ramp_reclaim(&ramp);
      is_busy = false;
      break;
    }
    expect_model(&ramp, &model);
    ++met[ramp.state];
  }
  for (int state = 0; state < RAMP_STATES; ++state)
    EXPECT(met[state] > 1000);
}
END_TEST

START_TEST(test_names)
{
  for (int state = 0; state < RAMP_STATES; ++state)
    for (int other = 0; other < state; ++other)
      ck_assert_str_ne(ramp_state_name((RampState)state),
                       ramp_state_name((RampState)other));
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("ramp");
  TCase *dies = tcase_create("dies");

  unit_seed("test_ramp");
  unit_add(suite, "cells", test_each_cell);
  tcase_add_loop_test_raise_signal(dies, test_never, SIGABRT, 0,
                                   RAMP_STATES * 6);
  tcase_add_test_raise_signal(dies, test_enter_without_count, SIGABRT);
  tcase_add_test_raise_signal(dies, test_leave_with_count, SIGABRT);
  tcase_add_test_raise_signal(dies, test_leave_too_many, SIGABRT);
  suite_add_tcase(suite, dies);
  unit_add(suite, "once", test_once);
  unit_add(suite, "targets", test_targets);
  unit_add(suite, "cycle", test_usual_cycle);
  unit_add(suite, "count", test_nesting);
  unit_add(suite, "short", test_short_ramp);
  unit_add(suite, "after-once", test_back_to_back);
  unit_add(suite, "stay", test_survivors_stay);
  unit_add(suite, "random", test_random);
  unit_add(suite, "names", test_names);
  return unit_run(suite);
}
