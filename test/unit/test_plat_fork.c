/* test_plat_fork.c -- parent and child both go on after a fork
 *
 * The forks happen while other threads are being stopped all the time.
 */

#include "plat_help.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum {
  WORKERS = 3,
  FORKS = 60
};

typedef struct Registered {
  PlatThread record;
  pthread_t thread;
  atomic_int is_up;
} Registered;

static PlatLock lock;
static atomic_int quit;
static char hooks_run[8];

static void note(char hook)
{
  hooks_run[strlen(hooks_run)] = hook;
}

static void hook_before(void)
{
  plat_lock_claim(&lock);
  note('b');
}

static void hook_parent(void)
{
  note('p');
  plat_lock_release(&lock);
}

static void hook_child(void)
{
  note('c');
  plat_lock_reinit(&lock);
}

static void sleep_us(long us)
{
  struct timespec time = {0, us * 1000};

  while (nanosleep(&time, &time) != 0)
    continue;
}

static void *registered_main(void *argument)
{
  Registered *self = argument;

  plat_thread_init(&self->record);
  atomic_store(&self->is_up, 1);
  while (atomic_load(&quit) == 0)
    continue;
  return NULL;
}

static void registered_start(Registered *registered)
{
  ck_assert_int_eq(
      pthread_create(&registered->thread, NULL, registered_main, registered),
      0);
  while (atomic_load(&registered->is_up) == 0)
    sleep_us(100);
}

/* Wait for a child, which says by its status what went wrong. */
static void check_child(pid_t child)
{
  int status = -1;

  ck_assert_int_gt(child, 0);
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                "the child ended with %d", status);
}

/* .plat.req.fork */
START_TEST(test_hooks)
{
  ck_assert_int_eq(plat_lock_init(&lock), MPS_RES_OK);
  plat_fork_install(hook_before, hook_parent, hook_child);
  plat_fork_install(hook_before, hook_parent, hook_child);
  pid_t child = fork();
  if (child == 0) {
    plat_lock_claim(&lock);
    _exit(strcmp(hooks_run, "bc") == 0 ? 0 : 1);
  }
  ck_assert_str_eq(hooks_run, "bp");
  ck_assert(!plat_lock_is_held(&lock));
  check_child(child);
  plat_fork_install(NULL, NULL, NULL);
  child = fork();
  if (child == 0)
    _exit(strcmp(hooks_run, "bp") == 0 ? 0 : 1);
  ck_assert_str_eq(hooks_run, "bp");
  check_child(child);
}
END_TEST


/* Stops before and after */

static Registered forker; /* the record of the thread that forks */
static Registered worker[WORKERS];
static Registered newcomer; /* made in the child */

static void *stop_forever(void *unused)
{
  (void)unused;
  while (atomic_load(&quit) == 0) {
    plat_threads_stop(&forker.record);
    plat_threads_resume(&forker.record);
  }
  return NULL;
}

/* In the child, in a thread made there: the list is the parent's. */
static void *stop_in_child(void *unused)
{
  Word failures = 0;

  (void)unused;
  newcomer.record.next = &forker.record;
  for (int round = 0; round < 5; ++round) {
    plat_threads_stop(&newcomer.record);
    const PlatThread *there = &forker.record;
    failures |= !there->is_stopped || there->context.count == 0
                || there->context.hot == NULL;
    failures |= (Word)(newcomer.record.context.count == 0) << 1;
    for (Index i = 0; i < WORKERS; ++i) {
      const PlatThread *gone = &worker[i].record;
      failures |= (Word)(!gone->is_stopped || gone->context.count != 0
                         || gone->context.hot != NULL)
                  << 2;
    }
    plat_threads_resume(&newcomer.record);
  }
  return (void *)failures;
}

static void child_main(void)
{
  pthread_t thread;
  void *failures = NULL;

  if (!plat_thread_is_self(&forker.record))
    _exit(16);
  if (pthread_create(&newcomer.thread, NULL, registered_main, &newcomer) != 0)
    _exit(17);
  while (atomic_load(&newcomer.is_up) == 0)
    sleep_us(100);
  if (pthread_create(&thread, NULL, stop_in_child, NULL) != 0
      || pthread_join(thread, &failures) != 0)
    _exit(18);

  /* A grandchild has the same duties. */
  pid_t child = fork();
  if (child == 0) {
    newcomer.record = forker.record;
    if (pthread_create(&thread, NULL, stop_in_child, NULL) != 0
        || pthread_join(thread, &failures) != 0)
      _exit(19);
    _exit((int)(Word)failures);
  }
  int status = -1;
  if (waitpid(child, &status, 0) != child || status != 0)
    _exit(20);
  _exit((int)(Word)failures);
}

/* .plat.req.fork */
START_TEST(test_stops)
{
  pthread_t stopper;

  plat_thread_init(&forker.record);
  for (Index i = 0; i < WORKERS; ++i)
    registered_start(&worker[i]);
  forker.record.next = &worker[0].record;
  for (Index i = 0; i + 1 < WORKERS; ++i)
    worker[i].record.next = &worker[i + 1].record;

  ck_assert_int_eq(pthread_create(&stopper, NULL, stop_forever, NULL), 0);
  for (int i = 0; i < FORKS; ++i) {
    pid_t child = fork();
    if (child == 0)
      child_main();
    check_child(child);
  }
  atomic_store(&quit, 1);
  ck_assert_int_eq(pthread_join(stopper, NULL), 0);
  for (Index i = 0; i < WORKERS; ++i)
    ck_assert_int_eq(pthread_join(worker[i].thread, NULL), 0);
}
END_TEST

/* .plat.req.fork: a client's handler for crashes may fork anywhere. */
START_TEST(test_in_a_stop)
{
  plat_fork_install(NULL, NULL, NULL);
  registered_start(&worker[0]);
  plat_threads_stop(&worker[0].record);
  pid_t child = fork();
  if (child == 0) {
    plat_threads_stop(NULL);
    plat_threads_resume(NULL);
    _exit(0);
  }
  check_child(child);
  ck_assert(worker[0].record.is_stopped);
  plat_threads_resume(&worker[0].record);
  atomic_store(&quit, 1);
  ck_assert_int_eq(pthread_join(worker[0].thread, NULL), 0);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("plat_fork");

  unit_add(suite, "hooks", test_hooks);
  if (!IS_TSAN) /* it allows no threads in the child */
    unit_add(suite, "stops", test_stops);
  unit_add(suite, "in a stop", test_in_a_stop);
  return unit_run(suite);
}
