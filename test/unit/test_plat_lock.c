/* test_plat_lock.c -- a lock that one thread may take several times
 *
 * The worst case is a signal handler that takes the lock, at any
 * instruction of a thread that is taking or releasing it.
 */

#include "plat_help.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static PlatLock lock;

static void start(void)
{
  ck_assert_int_eq(plat_lock_init(&lock), MPS_RES_OK);
}

static void sleep_ms(long ms)
{
  struct timespec time = {0, ms * 1000000};

  while (nanosleep(&time, &time) != 0)
    continue;
}

static void *look(void *result)
{
  *(int *)result = plat_lock_is_mine(&lock) ? 1 : plat_lock_is_held(&lock) * 2;
  return NULL;
}

/* What another thread sees: 0 free, 1 mine, 2 another's. */
static int seen_by_another(void)
{
  pthread_t thread;
  int result = -1;

  ck_assert_int_eq(pthread_create(&thread, NULL, look, &result), 0);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  return result;
}

/* .plat.req.lock */
START_TEST(test_nesting)
{
  start();
  ck_assert(!plat_lock_is_mine(&lock) && !plat_lock_is_held(&lock));
  for (int depth = 1; depth <= 5; ++depth) {
    plat_lock_claim(&lock);
    ck_assert(plat_lock_is_mine(&lock));
    ck_assert_int_eq(seen_by_another(), 2);
  }
  for (int depth = 5; depth >= 1; --depth) {
    ck_assert(plat_lock_is_mine(&lock));
    ck_assert_int_eq(seen_by_another(), 2);
    plat_lock_release(&lock);
  }
  ck_assert(!plat_lock_is_mine(&lock));
  ck_assert_int_eq(seen_by_another(), 0);
  plat_lock_finish(&lock);
}
END_TEST


/* Exclusion */

enum {
  THREADS = 6,
  ROUNDS = 60000
};

static volatile Count counter; /* not atomic: the lock protects it */

static void *count_up(void *nesting)
{
  for (Index i = 0; i < ROUNDS; ++i) {
    plat_lock_claim(&lock);
    if (nesting != NULL && i % 3 == 0)
      plat_lock_claim(&lock);
    counter = counter + 1;
    if (i % 1000 == 0)
      sleep_ms(1); /* so that the others go to sleep */
    if (nesting != NULL && i % 3 == 0)
      plat_lock_release(&lock);
    plat_lock_release(&lock);
  }
  return NULL;
}

/* .plat.req.lock */
START_TEST(test_exclusion)
{
  pthread_t thread[THREADS];

  start();
  for (Index i = 0; i < THREADS; ++i)
    ck_assert_int_eq(
        pthread_create(&thread[i], NULL, count_up, i % 2 == 0 ? NULL : &lock),
        0);
  for (Index i = 0; i < THREADS; ++i)
    ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
  ck_assert_uint_eq(counter, (Count)THREADS * ROUNDS);
  plat_lock_finish(&lock);
}
END_TEST

static void *hold_for_a_while(void *up)
{
  plat_lock_claim(&lock);
  atomic_store((atomic_int *)up, 1);
  sleep_ms(50);
  counter = 1;
  plat_lock_release(&lock);
  return NULL;
}

/* .plat.req.lock: one that waits for long is woken, and keeps errno. */
START_TEST(test_sleeping)
{
  pthread_t thread;
  atomic_int up = 0;

  start();
  counter = 0;
  ck_assert_int_eq(pthread_create(&thread, NULL, hold_for_a_while, &up), 0);
  while (atomic_load(&up) == 0)
    sleep_ms(1);
  errno = ENOTTY;
  plat_lock_claim(&lock);
  ck_assert_int_eq(errno, ENOTTY);
  ck_assert_uint_eq(counter, 1);
  plat_lock_release(&lock);
  ck_assert_int_eq(errno, ENOTTY);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST


/* Signal handlers */

static volatile Count handled;

static void handler(int number)
{
  (void)number;
  plat_lock_claim(&lock);
  handled = handled + 1;
  counter = counter + 1;
  plat_lock_release(&lock);
}

static void *contend(void *quit)
{
  sigset_t set;

  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGALRM);
  (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
  while (atomic_load((atomic_int *)quit) == 0) {
    plat_lock_claim(&lock);
    plat_lock_release(&lock);
  }
  return NULL;
}

/* .plat.req.lock .plat.lock.signal */
START_TEST(test_in_handler)
{
  struct sigaction action;
  struct itimerval timer = {{0, 37}, {0, 37}};
  atomic_int quit = 0;
  pthread_t thread;
  Count own = 0;
  Count mistakes = 0;

  start();
  counter = 0;
  (void)memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
  ck_assert_int_eq(pthread_create(&thread, NULL, contend, &quit), 0);
  ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
  while (handled < 20000) {
    plat_lock_claim(&lock);
    if (!plat_lock_is_mine(&lock))
      ++mistakes;
    ++own;
    plat_lock_release(&lock);
    if (plat_lock_is_mine(&lock))
      ++mistakes;
  }
  timer.it_value.tv_usec = 0;
  ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
  atomic_store(&quit, 1);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  ck_assert_uint_gt(own, 0);
  ck_assert_uint_eq(mistakes, 0);
  ck_assert_uint_eq(counter, handled);
  plat_lock_finish(&lock);
}
END_TEST

/* .plat.req.fork: whoever held it isn't in the child. */
START_TEST(test_reinit)
{
  pthread_t thread;
  atomic_int up = 0;
  int status = 0;

  start();
  ck_assert_int_eq(pthread_create(&thread, NULL, hold_for_a_while, &up), 0);
  while (atomic_load(&up) == 0)
    sleep_ms(1);
  pid_t child = fork();
  if (child == 0) {
    plat_lock_reinit(&lock);
    plat_lock_claim(&lock);
    _exit(plat_lock_is_mine(&lock) ? 0 : 1);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("plat_lock");

  unit_add(suite, "nesting", test_nesting);
  unit_add(suite, "exclusion", test_exclusion);
  unit_add(suite, "sleeping", test_sleeping);
  unit_add(suite, "in a handler", test_in_handler);
  unit_add(suite, "reinit", test_reinit);
  return unit_run(suite);
}
