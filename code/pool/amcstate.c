/* amcstate.c -- what state a segment of the mostly copying pools is in
 *
 * Design: .seg.state.table (design/amc.rst).
 */

#include "amcstate.h"

typedef struct AmcRow {
  bool is_legal;
  AmcStep step;
} AmcRow;

#define STAY(state) \
  { \
    true, \
    { \
      state, false \
    } \
  }
#define SCAN(state) \
  { \
    true, \
    { \
      state, true \
    } \
  }

/* What isn't named can't happen.  A stuck segment stays as a whole, so
 * nothing that happens to it later can say more. */
static const AmcRow amc_rows[AMC_STATES][AMC_EVENTS] = {
    [AMC_MOBILE] =
        {
            [AMC_BUFFERED_BOARD] = STAY(AMC_BOARDED),
            [AMC_AMBIG_BOARD] = SCAN(AMC_BOARDED),
            [AMC_AMBIG_NONE] = SCAN(AMC_STUCK),
            [AMC_REFUSED_BOARD] = SCAN(AMC_BOARDED),
            [AMC_REFUSED_NONE] = SCAN(AMC_STUCK),
            [AMC_EMPTY] = STAY(AMC_GONE),
        },
    [AMC_BOARDED] =
        {
            [AMC_NAIL] = SCAN(AMC_BOARDED),
            [AMC_RECLAIM] = STAY(AMC_MOBILE),
        },
    [AMC_STUCK] =
        {
            [AMC_RECLAIM] = STAY(AMC_MOBILE),
        },
};

bool amc_next(AmcStep *step_out, AmcState state, AmcEvent event)
{
  const AmcRow *row = &amc_rows[state][event];

  ASSERT(state < AMC_STATES && event < AMC_EVENTS);
  if (row->is_legal)
    *step_out = row->step;
  return row->is_legal;
}
