/* test_ld.c -- location dependencies against a list of what was added
 *
 * The model keeps each address with the time when it was added, and knows
 * when each id moved last.  The dependency has to agree with it at every
 * step: never fresh with a reason to be stale, nor stale without one.
 */

#include "heap/ld.h"
#include "unit.h"

#include <pthread.h>
#include <string.h>

#define BIT(id) ((Word)1 << (id))

static LdHistory history;

/* .ld.req.reset */
START_TEST(test_reset)
{
  LdHistory other;
  mps_ld_s ld;

  ld_history_init(&history);
  ld_history_init(&other);
  for (int i = 0; i < 10; ++i)
    ld_history_age(&history, WORD_ONES);
  ld_reset(&ld, &history);
  ck_assert(!ld_isstale(&ld, &history));
  ck_assert(!ld_isstale(&ld, &other));
  ld_history_age(&history, WORD_ONES);
  ck_assert(!ld_isstale(&ld, &history));
  ck_assert(ld_check(&ld, &other));

  /* Used in the other arena, it counts from there. */
  ld_add(&ld, &other, BIT(3));
  ck_assert(!ld_isstale(&ld, &other));
  ld_history_age(&other, BIT(3));
  ck_assert(ld_isstale(&ld, &other));
  ld_reset(&ld, &other);
  ck_assert(!ld_isstale(&ld, &other));
}
END_TEST

/* .ld.req.sound .ld.req.precise */
START_TEST(test_one_id)
{
  for (Index id = 0; id < WORD_BITS; ++id) {
    mps_ld_s ld;

    ld_history_init(&history);
    ld_history_age(&history, BIT(id));
    ld_reset(&ld, &history);
    ld_add(&ld, &history, BIT(id));
    ck_assert(!ld_isstale(&ld, &history));
    ld_history_age(&history, ~BIT(id));
    ck_assert(!ld_isstale(&ld, &history));
    ld_history_age(&history, 0);
    ck_assert(!ld_isstale(&ld, &history));
    ld_history_age(&history, BIT(id));
    ck_assert(ld_isstale(&ld, &history));
  }
}
END_TEST

/* An id that moved before its address was added is no reason, although it
 * moved after another address was.  .ld.req.precise */
START_TEST(test_move_between_adds)
{
  mps_ld_s ld;

  ld_history_init(&history);
  ld_reset(&ld, &history);
  ld_add(&ld, &history, BIT(1));
  ld_history_age(&history, BIT(2));
  ld_add(&ld, &history, BIT(2));
  ck_assert(!ld_isstale(&ld, &history));
  ld_history_age(&history, BIT(1));
  ck_assert(ld_isstale(&ld, &history));
}
END_TEST

/* .ld.req.sticky */
START_TEST(test_sticky)
{
  mps_ld_s ld;

  ld_history_init(&history);
  ld_reset(&ld, &history);
  ld_add(&ld, &history, BIT(1));
  ld_history_age(&history, BIT(1));
  for (Index id = 1; id < 8; ++id) {
    ck_assert(ld_isstale(&ld, &history));
    ld_add(&ld, &history, BIT(id));
    ld_history_age(&history, BIT(9));
  }
  ck_assert(ld_isstale(&ld, &history));
}
END_TEST

/* An address that can't move adds nothing, but hides nothing either. */
START_TEST(test_unmoving_address)
{
  mps_ld_s ld;

  ld_history_init(&history);
  ld_reset(&ld, &history);
  ld_add(&ld, &history, 0);
  ld_history_age(&history, WORD_ONES);
  ck_assert(!ld_isstale(&ld, &history));
  ld_add(&ld, &history, BIT(4));
  ld_add(&ld, &history, 0);
  ck_assert(!ld_isstale(&ld, &history));
  ld_history_age(&history, BIT(4));
  ld_add(&ld, &history, 0);
  ck_assert(ld_isstale(&ld, &history));
}
END_TEST

/* .ld.req.misuse */
START_TEST(test_misuse)
{
  LdHistory older;
  mps_ld_s ld;

  ld_history_init(&history);
  memset(&ld, 0, sizeof ld);
  ck_assert(!ld_check(&ld, &history));
  memset(&ld, 0xA5, sizeof ld);
  ck_assert(!ld_check(&ld, &history));

  older = history;
  ld_history_age(&history, BIT(1));
  ld_reset(&ld, &history);
  ck_assert(ld_check(&ld, &history));
  ld_add(&ld, &history, BIT(1));
  ck_assert(ld_check(&ld, &history));
  ck_assert(!ld_check(&ld, &older)); /* it's from the future */
}
END_TEST


/* The model */

enum {
  LDS = 5,
  IDS = 12,
  ADDED_MAX = 400
};

typedef struct Model {
  Count count;
  struct {
    Index id;
    Count when;
  } added[ADDED_MAX];
} Model;

static mps_ld_s lds[LDS];
static Model models[LDS];
static Count moved[IDS];
static Count now;

static bool model_is_stale(const Model *model)
{
  for (Index i = 0; i < model->count; ++i)
    if (moved[model->added[i].id] > model->added[i].when)
      return true;
  return false;
}

static void random_age(void)
{
  Word ids = unit_random(1U << IDS);

  ids &= unit_random(1U << IDS); /* a quarter of them */
  ++now;
  for (Index id = 0; id < IDS; ++id)
    if (ids & BIT(id))
      moved[id] = now;
  ld_history_age(&history, ids);
}

static void random_add(Index i)
{
  Index id = unit_random(IDS);
  Model *model = &models[i];

  model->added[model->count].id = id;
  model->added[model->count++].when = now;
  ld_add(&lds[i], &history, BIT(id));
}

/* .ld.req.merge */
static void merge(Index dest, Index src)
{
  const Model *from = &models[src];
  Model *to = &models[dest];
  bool was_stale = model_is_stale(from) || model_is_stale(to);

  memcpy(to->added + to->count, from->added,
         from->count * sizeof from->added[0]);
  to->count += from->count;
  ld_merge(&lds[dest], &history, &lds[src]);
  EXPECT(ld_isstale(&lds[dest], &history) == was_stale);
}

static void random_step(void)
{
  Index i = unit_random(LDS);
  Index other = unit_random(LDS);

  switch (unit_random(8)) {
  case 0:
    random_age();
    break;
  case 1:
    if (other != i && models[i].count + models[other].count < ADDED_MAX)
      merge(i, other);
    break;
  case 2:
    if (unit_random(3) == 0) {
      ld_reset(&lds[i], &history);
      models[i].count = 0;
    }
    break;
  default:
    if (models[i].count < ADDED_MAX)
      random_add(i);
    break;
  }
}

/* .ld.req.sound .ld.req.precise .ld.req.sticky */
START_TEST(test_random)
{
  Count stale = 0;
  Count fresh = 0;

  ld_history_init(&history);
  for (Index i = 0; i < LDS; ++i)
    ld_reset(&lds[i], &history);
  for (int step = 0; step < 300000; ++step) {
    random_step();
    for (Index i = 0; i < LDS; ++i) {
      bool is_stale = ld_isstale(&lds[i], &history);

      EXPECT(is_stale == model_is_stale(&models[i]));
      EXPECT(ld_check(&lds[i], &history));
      if (models[i].count > 0)
        ++*(is_stale ? &stale : &fresh);
    }
  }
  EXPECT(stale > 10000);
  EXPECT(fresh > 10000);
}
END_TEST


/* Two threads: one adds to a dependency and moves what isn't in it yet,
 * the other asks all the while.  Each round has a dependency of its own,
 * because a reset isn't allowed beside other calls.  .ld.req.lock */

enum {
  ROUNDS = 200000
};

static mps_ld_s rounds[ROUNDS];
static Count round_now; /* the other thread asks about this one */
static Count asked;

static void *ask(void *unused)
{
  (void)unused;
  for (;;) {
    Count round = __atomic_load_n(&round_now, __ATOMIC_ACQUIRE);

    if (round == ROUNDS)
      return NULL;
    /* The next round moves what this one depends on. */
    if (ld_isstale(&rounds[round], &history)
        && __atomic_load_n(&round_now, __ATOMIC_ACQUIRE) == round)
      return &rounds[round];
    __atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED);
  }
}

START_TEST(test_ask_beside_add)
{
  pthread_t thread;
  void *stale = NULL;

  ld_history_init(&history);
  for (Count round = 0; round < ROUNDS; ++round)
    ld_reset(&rounds[round], &history);
  ck_assert_int_eq(pthread_create(&thread, NULL, ask, NULL), 0);
  while (__atomic_load_n(&asked, __ATOMIC_RELAXED) < 100)
    continue;

  for (Count round = 0; round < ROUNDS; ++round) {
    __atomic_store_n(&round_now, round, __ATOMIC_RELEASE);
    for (Index id = 0; id < 8; ++id) {
      ld_history_age(&history, BIT(id));
      ld_add(&rounds[round], &history, BIT(id));
    }
  }
  __atomic_store_n(&round_now, ROUNDS, __ATOMIC_RELEASE);
  ck_assert_int_eq(pthread_join(thread, &stale), 0);
  ck_assert_ptr_null(stale);
  ld_history_age(&history, BIT(7));
  for (Count round = 0; round < ROUNDS; ++round)
    EXPECT(ld_isstale(&rounds[round], &history));
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("ld");

  unit_seed("test_ld");
  unit_add(suite, "reset", test_reset);
  unit_add(suite, "one-id", test_one_id);
  unit_add(suite, "between", test_move_between_adds);
  unit_add(suite, "sticky", test_sticky);
  unit_add(suite, "unmoving", test_unmoving_address);
  unit_add(suite, "misuse", test_misuse);
  unit_add(suite, "random", test_random);
  unit_add(suite, "threads", test_ask_beside_add);
  return unit_run(suite);
}
