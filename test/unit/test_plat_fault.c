/* test_plat_fault.c -- refused accesses, ours and other people's
 *
 * What isn't ours must end as it would have without us, so these tests put
 * every kind of handler there before us, and some must die.
 */

#include "plat_help.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
  PAGES = 64
};

static Addr base;                /* the pages that the sink knows about */
static _Atomic Count sunk;       /* what it allowed */
static _Atomic(Addr) sink_frame; /* where it ran */
static atomic_int sink_may;      /* what it waits for, if that isn't zero */
static atomic_int sink_done;

static Addr page_at(Index page)
{
  return addr_add(base, page * plat_page_size());
}

static bool is_ours(Addr addr)
{
  return addr >= base && addr < page_at(PAGES);
}

static bool sink(Addr addr)
{
  Word here = 0;

  sink_frame = (Addr)&here;
  errno = ERANGE;
  if (!is_ours(addr))
    return false;
  while (atomic_load(&sink_may) == 1)
    continue;
  (void)atomic_fetch_add(&sunk, 1);
  bool is_allowed = plat_vm_protect(addr_round_down(addr, plat_page_size()),
                                    plat_page_size(), false);
  atomic_store(&sink_done, 1);
  return is_allowed;
}

static void make_pages(void)
{
  Size size = PAGES * plat_page_size();

  ck_assert_int_eq(plat_vm_reserve(&base, size, plat_page_size()), MPS_RES_OK);
  ck_assert_int_eq(plat_vm_map(base, size), MPS_RES_OK);
  ck_assert(plat_vm_protect(base, size, true));
}

static void start(void)
{
  make_pages();
  plat_fault_install(sink);
}

/* Read only, and no business of the sink's. */
static volatile char *strange_page(void)
{
  void *page = mmap(NULL, plat_page_size(), PROT_READ,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  ck_assert(page != MAP_FAILED);
  return page;
}

static void allow(volatile char *page)
{
  (void)mprotect((void *)(Word)page, plat_page_size(), PROT_READ | PROT_WRITE);
}

static void before_us(void (*function)(int, siginfo_t *, void *), int flags)
{
  struct sigaction action;

  (void)memset(&action, 0, sizeof action);
  action.sa_sigaction = function;
  action.sa_flags = flags;
  (void)sigemptyset(&action.sa_mask);
  (void)sigaddset(&action.sa_mask, SIGUSR2);
  ck_assert_int_eq(sigaction(SIGSEGV, &action, NULL), 0);
}


/* .plat.req.fault */
START_TEST(test_sink)
{
  start();
  for (Index i = 0; i < PAGES; ++i) {
    volatile char *byte = (volatile char *)page_at(i) + 7 * i;
    errno = ENOTTY;
    *byte = (char)i;
    ck_assert_int_eq(errno, ENOTTY);
    ck_assert_int_eq(*byte, (char)i);
    ck_assert_uint_eq(atomic_load(&sunk), i + 1);
  }
  plat_fault_install(sink); /* again, and nothing changes */
  ck_assert(plat_vm_protect(base, plat_page_size(), true));
  *(volatile char *)base = 1;
  ck_assert_uint_eq(atomic_load(&sunk), PAGES + 1);
}
END_TEST

static void *touch_pages(void *offset)
{
  for (int round = 0; round < 200; ++round) {
    for (Index i = 0; i < PAGES; ++i)
      *((volatile char *)page_at(i) + (Word)offset) = 1;
    (void)plat_vm_protect(base, PAGES / 2 * plat_page_size(), true);
  }
  return NULL;
}

/* .plat.req.fault: another thread may have resolved the fault. */
START_TEST(test_threads)
{
  pthread_t thread[4];

  start();
  for (Index i = 0; i < 4; ++i)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, touch_pages, (void *)i),
                     0);
  for (Index i = 0; i < 4; ++i)
    ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
  ck_assert_uint_ge(atomic_load(&sunk), PAGES);
}
END_TEST

static char signal_stack[1 << 16] __attribute__((aligned(64)));

static void use_signal_stack(void)
{
  stack_t stack;

  (void)memset(&stack, 0, sizeof stack);
  stack.ss_sp = signal_stack;
  stack.ss_size = sizeof signal_stack;
  ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
}

/* .plat.req.fault .plat.fault.stack */
START_TEST(test_signal_stack)
{
  start();
  use_signal_stack();
  *(volatile char *)base = 1;
  ck_assert(sink_frame > (Addr)signal_stack);
  ck_assert(sink_frame < (Addr)(signal_stack + sizeof signal_stack));
}
END_TEST

static PlatThread record;
static atomic_int is_up;

static void *fault_slowly(void *unused)
{
  (void)unused;
  plat_thread_init(&record);
  atomic_store(&sink_may, 1);
  atomic_store(&is_up, 1);
  *(volatile char *)base = 1;
  atomic_store(&is_up, 2);
  while (atomic_load(&is_up) == 2)
    continue;
  return NULL;
}

static void *let_go(void *unused)
{
  struct timespec time = {0, 50000000};

  (void)unused;
  (void)nanosleep(&time, NULL);
  atomic_store(&sink_may, 0);
  return NULL;
}

/* .plat.req.fault .plat.fault.mask: a stop waits for the sink. */
START_TEST(test_stop_waits)
{
  pthread_t thread;
  pthread_t helper;

  start();
  ck_assert_int_eq(pthread_create(&thread, NULL, fault_slowly, NULL), 0);
  while (atomic_load(&is_up) == 0)
    continue;
  ck_assert_int_eq(pthread_create(&helper, NULL, let_go, NULL), 0);
  /* The thread may not have come to the fault; then the stop is short. */
  do {
    plat_threads_stop(&record);
    bool is_in_sink = atomic_load(&sink_done) == 0
                      && sink_frame >= record.context.hot
                      && sink_frame < record.stack_limit;
    plat_threads_resume(&record);
    ck_assert(!is_in_sink);
  } while (atomic_load(&is_up) != 2);
  atomic_store(&is_up, 3);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  ck_assert_int_eq(pthread_join(helper, NULL), 0);
}
END_TEST


/* Handlers that were there before us */

static volatile char *volatile strange;
static volatile Count informed;
static sigset_t handler_mask;

static void informed_handler(int number, siginfo_t *info, void *ucontext)
{
  ++informed;
  (void)pthread_sigmask(SIG_BLOCK, NULL, &handler_mask);
  if (number == SIGSEGV && info->si_addr == (void *)(Word)strange
      && ucontext != NULL)
    allow(strange);
  errno = EDOM;
}

/* .plat.req.chain */
START_TEST(test_chain_informed)
{
  before_us(informed_handler, SA_SIGINFO);
  start();
  strange = strange_page();
  errno = ENOTTY;
  *strange = 1;
  ck_assert_int_eq(errno, ENOTTY);
  ck_assert_uint_eq(informed, 1);
  ck_assert_uint_eq(atomic_load(&sunk), 0);

  /* It ran under its own mask and not under ours. */
  ck_assert_int_eq(sigismember(&handler_mask, SIGSEGV), 1);
  ck_assert_int_eq(sigismember(&handler_mask, SIGUSR2), 1);
  ck_assert_int_eq(sigismember(&handler_mask, SIGUSR1), 0);
  ck_assert_int_eq(sigismember(&handler_mask, SIGXFSZ), 0);
  (void)pthread_sigmask(SIG_BLOCK, NULL, &handler_mask);
  ck_assert_int_eq(sigismember(&handler_mask, SIGUSR2), 0);

  *(volatile char *)base = 1;
  ck_assert_uint_eq(informed, 1);
  ck_assert_uint_eq(atomic_load(&sunk), 1);
}
END_TEST

/* .plat.req.chain */
START_TEST(test_chain_nodefer)
{
  before_us(informed_handler, SA_SIGINFO | SA_NODEFER);
  start();
  strange = strange_page();
  *strange = 1;
  ck_assert_int_eq(sigismember(&handler_mask, SIGSEGV), 0);
}
END_TEST

static void plain_handler(int number)
{
  if (number == SIGSEGV)
    allow(strange);
}

/* .plat.req.chain */
START_TEST(test_chain_plain)
{
  (void)signal(SIGSEGV, plain_handler);
  start();
  strange = strange_page();
  *strange = 1;
  ck_assert_int_eq(*strange, 1);
}
END_TEST

static sigjmp_buf way_out;

static void jumping_handler(int number)
{
  siglongjmp(way_out, number);
}

/* .plat.req.chain: a handler needn't return, and faults work after that. */
START_TEST(test_chain_jump)
{
  volatile int jumps = 0;

  (void)signal(SIGSEGV, jumping_handler);
  start();
  strange = strange_page();
  for (int i = 0; i < 3; ++i)
    if (sigsetjmp(way_out, 1) == 0)
      *strange = 1;
    else
      jumps = jumps + 1;
  ck_assert_int_eq(jumps, 3);
  *(volatile char *)base = 1;
  ck_assert_uint_eq(atomic_load(&sunk), 1);
}
END_TEST

/* .plat.req.chain .plat.fault.stack: the client's overflow handler needs
 * the signal stack. */
typedef Count (*Recursive)(volatile Count depth);
static volatile Recursive overflow_again;

static Count overflow(volatile Count depth)
{
  volatile char frame[4096];

  frame[depth % sizeof frame] = 1;
  return overflow_again(depth + 1) + (Count)frame[0];
}

START_TEST(test_chain_overflow)
{
  struct sigaction action;

  (void)memset(&action, 0, sizeof action);
  action.sa_handler = jumping_handler;
  action.sa_flags = SA_ONSTACK;
  ck_assert_int_eq(sigaction(SIGSEGV, &action, NULL), 0);
  start();
  use_signal_stack();
  overflow_again = overflow;
  if (sigsetjmp(way_out, 1) == 0)
    (void)overflow_again(0);
  *(volatile char *)base = 1;
  ck_assert_uint_eq(atomic_load(&sunk), 1);
}
END_TEST

static bool greedy_sink(Addr addr)
{
  return sink(addr) || true;
}

/* .plat.req.chain: a signal that a process sent has no address, and isn't
 * offered to the sink. */
START_TEST(test_chain_sent)
{
  before_us(informed_handler, SA_SIGINFO);
  start();
  plat_fault_install(greedy_sink);
  (void)raise(SIGSEGV);
  ck_assert_uint_eq(informed, 1);
}
END_TEST

/* .plat.req.chain */
START_TEST(test_chain_sent_ignored)
{
  (void)signal(SIGSEGV, SIG_IGN);
  start();
  (void)raise(SIGSEGV);
  *(volatile char *)base = 1;
  ck_assert_uint_eq(atomic_load(&sunk), 1);
}
END_TEST

static struct sigaction ours;

static void later_handler(int number, siginfo_t *info, void *ucontext)
{
  if (info->si_addr == (void *)(Word)strange)
    allow(strange);
  else
    ours.sa_sigaction(number, info, ucontext);
}

/* .plat.req.chain: one that came after us, and calls us. */
START_TEST(test_chain_later)
{
  struct sigaction action;

  start();
  (void)memset(&action, 0, sizeof action);
  action.sa_sigaction = later_handler;
  action.sa_flags = SA_SIGINFO;
  ck_assert_int_eq(sigaction(SIGSEGV, &action, &ours), 0);
  strange = strange_page();
  *strange = 1;
  *(volatile char *)base = 1;
  ck_assert_uint_eq(atomic_load(&sunk), 1);
}
END_TEST


/* These must die of SIGSEGV. */

/* .plat.req.chain */
START_TEST(test_death_default)
{
  (void)signal(SIGSEGV, SIG_DFL);
  start();
  *strange_page() = 1;
}
END_TEST

START_TEST(test_death_ignore)
{
  (void)signal(SIGSEGV, SIG_IGN);
  start();
  *strange_page() = 1;
}
END_TEST

START_TEST(test_death_sent)
{
  (void)signal(SIGSEGV, SIG_DFL);
  start();
  (void)raise(SIGSEGV);
}
END_TEST

/* A handler for one signal only has had it after the first. */
START_TEST(test_death_spent)
{
  before_us(informed_handler, SA_SIGINFO | (int)SA_RESETHAND);
  start();
  strange = strange_page();
  *strange = 1;
  ck_assert_uint_eq(informed, 1);
  *strange_page() = 1;
}
END_TEST

static volatile Count bad_calls;

static bool bad_sink(Addr addr)
{
  if (bad_calls > 0)
    _exit(3);
  bad_calls = bad_calls + 1;
  *(volatile char *)strange = 1;
  return is_ours(addr);
}

/* .plat.fault.mask: a fault in the sink doesn't get to it, nor to a
 * handler, for we can't know what state it would find. */
START_TEST(test_death_in_sink)
{
  before_us(informed_handler, SA_SIGINFO);
  make_pages();
  strange = strange_page();
  plat_fault_install(bad_sink);
  *(volatile char *)base = 1;
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("plat_fault");

  unit_add(suite, "sink", test_sink);
  unit_add(suite, "threads", test_threads);
  unit_add(suite, "signal stack", test_signal_stack);
  unit_add(suite, "stop waits", test_stop_waits);
  unit_add(suite, "chain informed", test_chain_informed);
  unit_add(suite, "chain nodefer", test_chain_nodefer);
  unit_add(suite, "chain plain", test_chain_plain);
  unit_add(suite, "chain jump", test_chain_jump);
  unit_add(suite, "chain overflow", test_chain_overflow);
  unit_add(suite, "chain sent", test_chain_sent);
  unit_add(suite, "chain ignored", test_chain_sent_ignored);
  unit_add(suite, "chain later", test_chain_later);
  add_death(suite, "death default", test_death_default, SIGSEGV);
  add_death(suite, "death ignore", test_death_ignore, SIGSEGV);
  add_death(suite, "death sent", test_death_sent, SIGSEGV);
  add_death(suite, "death spent", test_death_spent, SIGSEGV);
  add_death(suite, "death in sink", test_death_in_sink, SIGSEGV);
  return unit_run(suite);
}
