/* test_amcstate.c -- the states of a segment, cell by cell
 *
 * The table is compared with its specification spelt out once more.
 */

#include "pool/amcstate.h"
#include "unit.h"

enum {
  M = AMC_MOBILE,
  B = AMC_BOARDED,
  S = AMC_STUCK,
  G = AMC_GONE,
  X = -1,
  SCAN = 16 /* added where the segment becomes grey */
};

/* COVERS: .seg.state .seg.state.table: for each event, what becomes of a
 * mobile, a boarded and a stuck segment. */
static const int wanted[AMC_EVENTS][AMC_STATES] = {
    [AMC_BUFFERED_BOARD] = {B, X, X},
    [AMC_AMBIG_BOARD] = {B + SCAN, X, X},
    [AMC_AMBIG_NONE] = {S + SCAN, X, X},
    [AMC_REFUSED_BOARD] = {B + SCAN, X, X},
    [AMC_REFUSED_NONE] = {S + SCAN, X, X},
    [AMC_NAIL] = {X, B + SCAN, X},
    [AMC_RECLAIM] = {X, M, M},
    [AMC_EMPTY] = {G, X, X},
};

START_TEST(test_each_cell)
{
  for (int state = 0; state < AMC_STATES; ++state)
    for (int event = 0; event < AMC_EVENTS; ++event) {
      AmcStep step = {AMC_GONE, false};
      int cell = wanted[event][state];
      bool is_legal = amc_next(&step, (AmcState)state, (AmcEvent)event);

      ck_assert_int_eq(is_legal, cell != X);
      if (is_legal) {
        ck_assert_int_eq((int)step.state, cell & ~SCAN);
        ck_assert_int_eq(step.is_grey, (cell & SCAN) != 0);
      }
    }
}
END_TEST

/* COVERS: .fix.nail.why: from stuck there is no way to a board; and each
 * state but the last one can be left for mobile. */
START_TEST(test_ways)
{
  for (int event = 0; event < AMC_EVENTS; ++event) {
    AmcStep step = {AMC_GONE, false};

    if (amc_next(&step, AMC_STUCK, (AmcEvent)event))
      ck_assert_int_eq(step.state, AMC_MOBILE);
    if (amc_next(&step, AMC_BOARDED, (AmcEvent)event))
      ck_assert_int_ne(step.state, AMC_STUCK);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("amc state");

  unit_add(suite, "cells", test_each_cell);
  unit_add(suite, "ways", test_ways);
  return unit_run(suite);
}
