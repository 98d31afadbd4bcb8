/* unit.h -- what the unit tests have beside Check
 *
 * Numbers that are random but can be had again: the seed is the clock's
 * unless MOSTLY_SEED is set in the environment, and it's printed.  And an
 * assertion for inner loops.
 */

#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Check's own assertions write to a pipe even when they hold, which is too
 * slow to be done a million times. */
#define EXPECT(cond) \
  ((cond) ? (void)0 : ck_abort_msg("expected %s in line %d", #cond, __LINE__))

/* Sanitizers need mappings of their own and intercept mlock; the one for
 * threads keeps shadows of memory that has gone, doesn't interrupt a loop in
 * which it sees nothing, and runs a handler late, even where the signal is
 * blocked by then (.plat.thread.late). */
#if defined(__has_feature)
#define HAS_FEATURE(feature) __has_feature(feature)
#else
#define HAS_FEATURE(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
enum {
  IS_TSAN = 1,
  IS_SANITIZED = 1
};
#elif defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
enum {
  IS_TSAN = 0,
  IS_SANITIZED = 1
};
#else
enum {
  IS_TSAN = 0,
  IS_SANITIZED = 0
};
#endif

static uint64_t unit_random_state;

static inline void unit_seed(const char *test)
{
  const char *given = getenv("MOSTLY_SEED");

  unit_random_state
      = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
  (void)printf("%s: MOSTLY_SEED=%llu\n", test,
               (unsigned long long)unit_random_state);
  (void)fflush(stdout);
}

/* A number below limit, which isn't zero.  This is splitmix64. */
static inline uint64_t unit_random(uint64_t limit)
{
  uint64_t z = (unit_random_state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (z ^ (z >> 31)) % limit;
}

/* Add a test case with one test: a test case for each requirement. */
static inline void unit_add(Suite *suite, const char *name, const TTest *test)
{
  TCase *tcase = tcase_create(name);

  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, test);
  suite_add_tcase(suite, tcase);
}

/* The same for one that runs n times, with _i from 0 on. */
static inline void unit_add_loop(Suite *suite, const char *name,
                                 const TTest *test, int n)
{
  TCase *tcase = tcase_create(name);

  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, test, 0, n);
  suite_add_tcase(suite, tcase);
}

/* Run the suite and free it; the result is that of main. */
static inline int unit_run(Suite *suite)
{
  SRunner *runner = srunner_create(suite);

  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}

#endif /* UNIT_H */
