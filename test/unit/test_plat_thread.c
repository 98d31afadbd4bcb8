/* test_plat_thread.c -- stopping threads, whatever they are doing
 *
 * Workers of several kinds count their steps.  While they are stopped the
 * counts must stand still, and afterwards nothing may show: no call is cut
 * short, and errno is what it was.
 */

#include "plat_help.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct Worker Worker;
typedef void (*Work)(Worker *worker);

struct Worker {
  PlatThread record;
  PlatThread again; /* a second registration of the same thread */
  pthread_t thread;
  Work work;
  atomic_int is_up;
  atomic_int quit;
  _Atomic Count steps;
  atomic_int faults; /* what went wrong */
  int ends[2];       /* a pipe */
  Addr cold;         /* an address at the start of its stack */
};

static void sleep_us(long us)
{
  struct timespec time = {us / 1000000, us % 1000000 * 1000};

  while (nanosleep(&time, &time) != 0)
    continue;
}

static void *worker_main(void *argument)
{
  Worker *worker = argument;
  Word cold = 0;

  worker->cold = (Addr)&cold;
  plat_thread_init(&worker->record);
  plat_thread_init(&worker->again);
  atomic_store(&worker->is_up, 1);
  worker->work(worker);
  return NULL;
}

static void worker_start(Worker *worker, Work work)
{
  (void)memset(worker, 0, sizeof *worker);
  worker->work = work;
  ck_assert_int_eq(pipe(worker->ends), 0);
  ck_assert_int_eq(pthread_create(&worker->thread, NULL, worker_main, worker),
                   0);
  while (atomic_load(&worker->is_up) == 0)
    sleep_us(100);
}

static void worker_end(Worker *worker)
{
  atomic_store(&worker->quit, 1);
  (void)!write(worker->ends[1], "q", 1);
  ck_assert_int_eq(pthread_join(worker->thread, NULL), 0);
  ck_assert_int_eq(atomic_load(&worker->faults), 0);
  plat_thread_finish(&worker->record);
  (void)close(worker->ends[0]);
  (void)close(worker->ends[1]);
}

/* Link the first records of the workers into a list. */
static PlatThread *link_workers(Worker *worker, Count count)
{
  for (Index i = 0; i + 1 < count; ++i)
    worker[i].record.next = &worker[i + 1].record;
  worker[count - 1].record.next = NULL;
  return &worker[0].record;
}


/* The kinds of work */

static void work_spin(Worker *worker)
{
  while (atomic_load_explicit(&worker->quit, memory_order_relaxed) == 0)
    (void)atomic_fetch_add_explicit(&worker->steps, 1, memory_order_relaxed);
}

static void work_errno(Worker *worker)
{
  for (int value = 1; atomic_load(&worker->quit) == 0; ++value) {
    errno = value;
    for (volatile int i = 0; i < 50; i = i + 1)
      continue;
    if (errno != value)
      atomic_store(&worker->faults, 1);
    (void)atomic_fetch_add(&worker->steps, 1);
  }
}

static void work_malloc(Worker *worker)
{
  for (Size size = 1; atomic_load(&worker->quit) == 0;
       size = size * 5 % 9999) {
    char *block = malloc(size);
    if (block == NULL)
      atomic_store(&worker->faults, 1);
    else
      block[size - 1] = 1;
    free(block);
    (void)atomic_fetch_add(&worker->steps, 1);
  }
}

/* Blocked for ever in a call that the system restarts. */
static void work_read(Worker *worker)
{
  char byte = 0;

  errno = 0;
  if (read(worker->ends[0], &byte, 1) != 1 || byte != 'q' || errno != 0)
    atomic_store(&worker->faults, 1);
}

/* Blocked in one that it doesn't restart: EINTR and the rest of the time
 * is the right answer then. */
static void work_sleep(Worker *worker)
{
  while (atomic_load(&worker->quit) == 0) {
    struct timespec left = {0, 3000000};
    while (nanosleep(&left, &left) != 0)
      if (errno != EINTR)
        atomic_store(&worker->faults, 1);
    (void)atomic_fetch_add(&worker->steps, 1);
  }
}

static pthread_mutex_t work_mutex = PTHREAD_MUTEX_INITIALIZER;
static PlatLock work_lock;

static void work_locks(Worker *worker)
{
  while (atomic_load(&worker->quit) == 0) {
    if (!IS_TSAN) /* it can't interrupt those who wait for it */
      (void)pthread_mutex_lock(&work_mutex);
    plat_lock_claim(&work_lock);
    (void)atomic_fetch_add(&worker->steps, 1);
    plat_lock_release(&work_lock);
    if (!IS_TSAN)
      (void)pthread_mutex_unlock(&work_mutex);
  }
}

static const Work works[] = {work_spin,  work_errno, work_malloc, work_read,
                             work_sleep, work_locks, work_locks};
enum {
  KINDS = sizeof works / sizeof works[0],
  WORKERS = 2 * KINDS
};


/* Stopping */

/* Check's own assertions take locks that a stopped thread may hold. */

static void check_stopped(const Worker *worker)
{
  const PlatThread *thread = &worker->record;

  EXPECT(thread->is_stopped);
  EXPECT(thread->stack_base != NULL);
  EXPECT(thread->stack_base < worker->cold);
  EXPECT(worker->cold < thread->stack_limit);
  EXPECT(thread->context.hot >= thread->stack_base);
  EXPECT(thread->context.hot < worker->cold);
  EXPECT(thread->other_base == NULL && thread->other_limit == NULL);
#if defined(__x86_64__) || defined(__aarch64__)
  EXPECT(thread->context.count >= 16);
#endif
  EXPECT(thread->context.count <= PLAT_REGISTERS_MAX);
}

/* .plat.req.stop */
START_TEST(test_stop)
{
  static Worker worker[WORKERS];
  Count before[WORKERS];
  Count stops_seen = 0;

  ck_assert_int_eq(plat_lock_init(&work_lock), MPS_RES_OK);
  for (Index i = 0; i < WORKERS; ++i)
    worker_start(&worker[i], IS_TSAN && works[i % KINDS] == work_read
                                 ? work_spin /* it can't interrupt that */
                                 : works[i % KINDS]);
  PlatThread *list = link_workers(worker, WORKERS);

  for (int round = 0; round < 300; ++round) {
    errno = ENOTTY;
    plat_threads_stop(list);
    EXPECT(errno == ENOTTY);
    for (Index i = 0; i < WORKERS; ++i) {
      before[i] = atomic_load(&worker[i].steps);
      check_stopped(&worker[i]);
    }
    if (round % 10 == 0)
      sleep_us(4000);
    for (Index i = 0; i < WORKERS; ++i)
      EXPECT(atomic_load(&worker[i].steps) == before[i]);
    plat_threads_resume(list);
    ck_assert_int_eq(errno, ENOTTY);
    for (Index i = 0; i < WORKERS; ++i)
      ck_assert(!worker[i].record.is_stopped);
    if (round % 10 == 5)
      sleep_us(2000);
    stops_seen += atomic_load(&worker[0].steps) != before[0];
  }
  ck_assert_uint_gt(stops_seen, 10);
  for (Index i = 0; i < WORKERS; ++i)
    worker_end(&worker[i]);
}
END_TEST

/* .plat.req.stop: nothing, and only oneself. */
START_TEST(test_stop_nobody)
{
  PlatThread self;

  plat_thread_init(&self);
  ck_assert(plat_thread_is_self(&self));
  plat_threads_stop(NULL);
  plat_threads_resume(NULL);
  plat_threads_stop(&self);
  ck_assert(!self.is_stopped);
  plat_threads_resume(&self);
  plat_thread_finish(&self);
}
END_TEST

/* .plat.req.stop-all */
START_TEST(test_twice_in_the_list)
{
  static Worker worker[2];
  Worker *first = &worker[0];

  worker_start(&worker[0], work_spin);
  worker_start(&worker[1], work_spin);
  ck_assert(!plat_thread_is_self(&first->record));
  first->record.next = &worker[1].record;
  worker[1].record.next = &first->again;
  first->again.next = &worker[1].again;
  for (int round = 0; round < 200; ++round) {
    plat_threads_stop(&first->record);
    ck_assert(first->record.is_stopped && first->again.is_stopped);
    ck_assert_int_eq(memcmp(&first->record.context, &first->again.context,
                            sizeof(PlatContext)),
                     0);
    ck_assert(first->again.context.hot != worker[1].again.context.hot);
    check_stopped(first);
    plat_threads_resume(&first->record);
  }
  worker_end(&worker[0]);
  worker_end(&worker[1]);
}
END_TEST

/* No handler of the client runs in a stopped thread. */

static _Atomic Count client_signals;

static void client_handler(int number)
{
  (void)number;
  (void)atomic_fetch_add(&client_signals, 1);
}

/* .plat.req.stop .plat.thread.mask */
START_TEST(test_signals_wait)
{
  static Worker worker;
  struct sigaction action;

  (void)memset(&action, 0, sizeof action);
  action.sa_handler = client_handler;
  ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
  worker_start(&worker, work_spin);
  plat_threads_stop(&worker.record);
  ck_assert_int_eq(pthread_kill(worker.thread, SIGUSR1), 0);
  sleep_us(20000);
  ck_assert_uint_eq(atomic_load(&client_signals), 0);
  plat_threads_resume(&worker.record);
  while (atomic_load(&client_signals) == 0)
    sleep_us(100);
  worker_end(&worker);
}
END_TEST

/* .plat.req.stop .plat.thread.blocked */
START_TEST(test_inherited_mask)
{
  static Worker worker;
  sigset_t full;
  sigset_t old;

  (void)sigfillset(&full);
  (void)pthread_sigmask(SIG_SETMASK, &full, &old);
  worker_start(&worker, work_spin);
  (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
  plat_threads_stop(&worker.record);
  check_stopped(&worker);
  plat_threads_resume(&worker.record);
  worker_end(&worker);
}
END_TEST


/* Threads that stop each other */

typedef struct Stopper {
  Worker *workers;
  PlatThread self;
  PlatThread *list; /* the workers and both stoppers */
  pthread_t thread;
  struct Stopper *other;
  atomic_int is_up;
  _Atomic Count rounds;
  atomic_int faults;
} Stopper;

static atomic_int stoppers_quit;

static void *stopper_main(void *argument)
{
  Stopper *stopper = argument;

  plat_thread_init(&stopper->self);
  atomic_store(&stopper->is_up, 1);
  while (atomic_load(&stopper->is_up) != 2)
    sleep_us(100);
  while (atomic_load(&stoppers_quit) == 0) {
    plat_threads_stop(stopper->list);
    Count other = atomic_load(&stopper->other->rounds);
    Count worker = atomic_load(&stopper->workers[0].steps);
    for (volatile int i = 0; i < 500; i = i + 1)
      continue;
    if (other != atomic_load(&stopper->other->rounds)
        || worker != atomic_load(&stopper->workers[0].steps))
      atomic_store(&stopper->faults, 1);
    plat_threads_resume(stopper->list);
    (void)atomic_fetch_add(&stopper->rounds, 1);
  }
  plat_thread_finish(&stopper->self);
  return NULL;
}

/* Each stopper has a list of its own, as if there were two arenas, so the
 * records of one thread in the two lists are different ones.  The record
 * of the other stopper in my list is made by copying, which a record made
 * by the same thread is equal to. */
static void stoppers_link(Stopper *stopper, PlatThread *copies)
{
  for (Index i = 0; i < 2; ++i) {
    Worker *workers = stopper[0].workers;
    PlatThread *record = i == 0 ? &workers[0].record : &workers[0].again;
    PlatThread *second = i == 0 ? &workers[1].record : &workers[1].again;
    copies[i] = stopper[1 - i].self;
    record->next = &stopper[i].self;
    stopper[i].self.next = &copies[i];
    copies[i].next = second;
    second->next = NULL;
    stopper[i].list = record;
    stopper[i].other = &stopper[1 - i];
  }
}

/* .plat.req.stop-all */
START_TEST(test_two_stoppers)
{
  static Worker worker[2];
  static Stopper stopper[2];
  static PlatThread copies[2];

  worker_start(&worker[0], work_spin);
  worker_start(&worker[1], work_malloc);
  for (Index i = 0; i < 2; ++i) {
    stopper[i].workers = worker;
    ck_assert_int_eq(
        pthread_create(&stopper[i].thread, NULL, stopper_main, &stopper[i]),
        0);
    while (atomic_load(&stopper[i].is_up) == 0)
      sleep_us(100);
  }
  stoppers_link(stopper, copies);
  atomic_store(&stopper[0].is_up, 2);
  atomic_store(&stopper[1].is_up, 2);
  for (int i = 0; i < 300; ++i)
    sleep_us(10000);
  atomic_store(&stoppers_quit, 1);
  for (Index i = 0; i < 2; ++i) {
    ck_assert_int_eq(pthread_join(stopper[i].thread, NULL), 0);
    ck_assert_int_eq(atomic_load(&stopper[i].faults), 0);
  }

  /* Neither starves.  More can't be asked: one that the system doesn't run
   * isn't waiting for its turn. */
  Count first = atomic_load(&stopper[0].rounds);
  Count second = atomic_load(&stopper[1].rounds);
  ck_assert_uint_gt(first, 10);
  ck_assert_uint_gt(second, 10);
  ck_assert_uint_le(first, 20 * second);
  ck_assert_uint_le(second, 20 * first);
  worker_end(&worker[0]);
  worker_end(&worker[1]);
}
END_TEST


/* Threads that end without a word */

static void work_end(Worker *worker)
{
  (void)worker;
}

/* The signal comes while it's blocked, and the thread ends with it. */
static void work_end_deaf(Worker *worker)
{
  sigset_t full;

  (void)sigfillset(&full);
  (void)pthread_sigmask(SIG_SETMASK, &full, NULL);
  atomic_store(&worker->is_up, 2);
  sleep_us(40000);
}

static void check_gone(const PlatThread *thread)
{
  ck_assert(thread->is_stopped);
  ck_assert_uint_eq(thread->context.count, 0);
  ck_assert(thread->context.hot == NULL);
}

/* .plat.req.stop-all */
START_TEST(test_gone)
{
  static Worker worker[3];

  worker_start(&worker[0], work_end);
  worker_start(&worker[1], work_end);
  worker_start(&worker[2], work_spin);
  /* One has been joined, and one hasn't. */
  ck_assert_int_eq(pthread_join(worker[0].thread, NULL), 0);
  PlatThread *list = link_workers(worker, 3);
  do {
    plat_threads_stop(list);
    plat_threads_resume(list);
  } while (worker[1].record.context.count != 0);
  for (int round = 0; round < 10; ++round) {
    plat_threads_stop(list);
    check_gone(&worker[0].record);
    check_gone(&worker[1].record);
    check_stopped(&worker[2]);
    plat_threads_resume(list);
  }
  worker_end(&worker[1]);
  worker_end(&worker[2]);
}
END_TEST

/* .plat.req.stop-all */
START_TEST(test_gone_with_signal)
{
  static Worker worker;

  worker_start(&worker, work_end_deaf);
  while (atomic_load(&worker.is_up) != 2)
    sleep_us(100);
  plat_threads_stop(&worker.record);
  check_gone(&worker.record);
  plat_threads_resume(&worker.record);
  worker_end(&worker);
}
END_TEST

/* .plat.req.stop-all: stops at every instant of a thread's end. */
START_TEST(test_gone_race)
{
  static Worker worker;

  for (int round = 0; round < 400; ++round) {
    worker_start(&worker, work_end);
    for (volatile int i = 0; i < round * 20; i = i + 1)
      continue;
    plat_threads_stop(&worker.record);
    ck_assert(worker.record.is_stopped);
    plat_threads_resume(&worker.record);
    worker_end(&worker);
  }
}
END_TEST

static PlatThread main_record;

/* It takes a while to end, and until then it's stopped as any other. */
static void work_stop_main(Worker *worker)
{
  (void)worker;
  for (int round = 0; round < 1000; ++round) {
    plat_threads_stop(&main_record);
    if (!main_record.is_stopped)
      _exit(1);
    if (main_record.context.count == 0 && main_record.context.hot == NULL)
      _exit(0);
    plat_threads_resume(&main_record);
    sleep_us(1000);
  }
  _exit(2);
}

/* .plat.req.stop-all: the first thread of a process stays a zombie.  It's
 * Check's test process that ends here. */
START_TEST(test_gone_main)
{
  static Worker worker;

  plat_thread_init(&main_record);
  worker_start(&worker, work_stop_main);
  pthread_exit(NULL);
}
END_TEST


/* Signal stacks */

enum {
  STACK_SIZE = 1 << 16
};

static char signal_stack[STACK_SIZE] __attribute__((aligned(64)));
static Worker *signal_worker;

static void stack_handler(int number)
{
  (void)number;
  atomic_store(&signal_worker->is_up, 2);
  while (atomic_load(&signal_worker->quit) == 0)
    continue;
}

static void work_on_signal_stack(Worker *worker)
{
  stack_t stack;
  stack_t old; /* sanitizers have one, and want it back */
  struct sigaction action;

  (void)memset(&stack, 0, sizeof stack);
  stack.ss_sp = signal_stack;
  stack.ss_size = STACK_SIZE;
  (void)sigaltstack(&stack, &old);
  (void)memset(&action, 0, sizeof action);
  action.sa_handler = stack_handler;
  action.sa_flags = SA_ONSTACK;
  (void)sigaction(SIGUSR1, &action, NULL);
  signal_worker = worker;
  (void)raise(SIGUSR1);
  (void)sigaltstack(&old, NULL);
}

/* .plat.req.stop .plat.thread.other-stack */
START_TEST(test_signal_stack)
{
  static Worker worker;
  const PlatThread *thread = &worker.record;

  worker_start(&worker, work_on_signal_stack);
  while (atomic_load(&worker.is_up) != 2)
    sleep_us(100);
  worker.record.next = &worker.again;
  for (int round = 0; round < 50; ++round) {
    plat_threads_stop(&worker.record);
    for (thread = &worker.record; thread != NULL; thread = thread->next) {
      ck_assert(
          plat_thread_hot(thread, thread->context.hot, thread->stack_limit)
          == thread->stack_base);
      ck_assert(thread->other_base > (Addr)signal_stack);
      ck_assert(thread->other_base < thread->other_limit);
      ck_assert(thread->other_limit == (Addr)(signal_stack + STACK_SIZE));
    }
    plat_threads_resume(&worker.record);
  }
  worker_end(&worker);
}
END_TEST


/* The signal when it isn't ours */

static void plain_handler(int number)
{
  (void)number;
  (void)atomic_fetch_add(&client_signals, 1);
  errno = EBADF;
}

/* .plat.req.chain */
START_TEST(test_chain)
{
  struct sigaction action;
  PlatThread self;

  (void)memset(&action, 0, sizeof action);
  action.sa_handler = plain_handler;
  ck_assert_int_eq(sigaction(SIGXFSZ, &action, NULL), 0);
  plat_thread_init(&self);
  errno = ENOTTY;
  (void)raise(SIGXFSZ);
  ck_assert_int_eq(errno, ENOTTY);
  ck_assert_uint_eq(atomic_load(&client_signals), 1);
}
END_TEST

/* .plat.req.chain: a process that passes its file size limit dies. */
START_TEST(test_chain_default)
{
  struct rlimit limit = {1, RLIM_INFINITY};
  PlatThread self;

  plat_thread_init(&self);
  FILE *file = tmpfile();
  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  (void)!write(fileno(file), "x", 1);
  (void)!write(fileno(file), "x", 1);
}
END_TEST

/* .plat.req.chain */
START_TEST(test_chain_ignore)
{
  PlatThread self;

  (void)signal(SIGXFSZ, SIG_IGN);
  plat_thread_init(&self);
  (void)raise(SIGXFSZ);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("plat_thread");

  unit_add(suite, "stop", test_stop);
  unit_add(suite, "nobody", test_stop_nobody);
  unit_add(suite, "twice", test_twice_in_the_list);
  unit_add(suite, "signals wait", test_signals_wait);
  unit_add(suite, "inherited mask", test_inherited_mask);
  unit_add(suite, "two stoppers", test_two_stoppers);
  unit_add(suite, "gone", test_gone);
  unit_add(suite, "gone with signal", test_gone_with_signal);
  unit_add(suite, "gone race", test_gone_race);
  unit_add(suite, "gone main", test_gone_main);
  if (!IS_TSAN) /* it holds signals back while a handler runs */
    unit_add(suite, "signal stack", test_signal_stack);
  unit_add(suite, "chain", test_chain);
  add_death(suite, "chain default", test_chain_default, SIGXFSZ);
  unit_add(suite, "chain ignore", test_chain_ignore);
  return unit_run(suite);
}
