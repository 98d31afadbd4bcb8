/* plat_os.c -- what the parts of the platform layer share
 *
 * Design: .plat.os (design/plat.rst).
 */

#include "plat_os.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PLAT_OS_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define PLAT_OS_TSAN 1
#endif

/* The longest wait before its caller looks around.  The thread sanitizer
 * holds signals back until then (.plat.thread.late). */
#if defined(PLAT_OS_TSAN)
#define PLAT_OS_LIMIT_MS 10
#else
#define PLAT_OS_LIMIT_MS 3600000
#endif


/* Waiting in the kernel */

#if defined(__linux__)

static void plat_os_futex(_Atomic uint32_t *word, int operation,
                          uint32_t value, const struct timespec *timeout)
{
  int saved = errno;

  /* Nothing to do about a failure: each is a reason to look at the word
   * again, and that is what callers do. */
  (void)syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value,
                timeout, NULL, 0);
  errno = saved;
}

void plat_os_wait(_Atomic uint32_t *word, uint32_t value, unsigned timeout_ms)
{
  unsigned limit_ms = timeout_ms == 0 ? PLAT_OS_LIMIT_MS : timeout_ms;
  struct timespec timeout = {.tv_sec = (time_t)(limit_ms / 1000),
                             .tv_nsec = (long)(limit_ms % 1000) * 1000000};

  plat_os_futex(word, FUTEX_WAIT, value, &timeout);
}

void plat_os_wake_one(_Atomic uint32_t *word)
{
  plat_os_futex(word, FUTEX_WAKE, 1, NULL);
}

void plat_os_wake_all(_Atomic uint32_t *word)
{
  plat_os_futex(word, FUTEX_WAKE, INT_MAX, NULL);
}

#else

/* Of the portable calls only poll may sleep in a signal handler. */
void plat_os_wait(_Atomic uint32_t *word, uint32_t value, unsigned timeout_ms)
{
  int saved = errno;

  (void)timeout_ms;
  if (atomic_load(word) == value)
    (void)poll(NULL, 0, 1);
  errno = saved;
}

void plat_os_wake_one(_Atomic uint32_t *word)
{
  (void)word;
}

void plat_os_wake_all(_Atomic uint32_t *word)
{
  (void)word;
}

#endif

Word plat_os_self(void)
{
#if defined(__has_builtin) && defined(__GLIBC__)
#if __has_builtin(__builtin_thread_pointer)
  return (Word)__builtin_thread_pointer(); /* the same, without a call */
#endif
#endif
  return (Word)pthread_self();
}

__attribute__((noinline)) Addr plat_stack_below(void)
{
  return (Addr)__builtin_frame_address(0);
}

uint32_t plat_process(void)
{
  return (uint32_t)getpid();
}


/* Signals */

void plat_os_fill(sigset_t *set)
{
  static const int keep[]
      = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};

  (void)sigfillset(set);
  for (Index i = 0; i < sizeof keep / sizeof keep[0]; ++i)
    (void)sigdelset(set, keep[i]);
}

void plat_os_unblock(int number)
{
  int saved = errno;
  sigset_t set;

  (void)sigemptyset(&set);
  (void)sigaddset(&set, number);
  (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  errno = saved;
}

void plat_os_handle(PlatOsSignal *signal, int number, int flags,
                    PlatOsHandler handler)
{
  struct sigaction action;
  int saved = errno;

  /* The old action is read first: once ours is in force another thread
   * may need to know it. */
  (void)sigaction(number, NULL, &signal->before);
  (void)memset(&action, 0, sizeof action);
  action.sa_sigaction = handler;
  action.sa_flags = flags | SA_SIGINFO;
  plat_os_fill(&action.sa_mask);
  (void)sigaction(number, &action, NULL);
  errno = saved;
}

/* Did an instruction of this thread cause it, so that it happens again on
 * return?  Others come from kill, sigqueue, timers and the like. */
static bool plat_os_recurs(int number, const siginfo_t *info)
{
  return (number == SIGSEGV || number == SIGBUS) && info->si_code > 0;
}

static void plat_os_default(int number, const siginfo_t *info)
{
  struct sigaction action;

  (void)memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(number, &action, NULL);

  /* The signal is blocked until our handler returns.  Then it comes, from
   * the instruction or from here, and the process dies as it should. */
  if (!plat_os_recurs(number, info))
    (void)raise(number);
}

/* Run the old handler under the mask that the kernel would have given it,
 * for it may leave by siglongjmp or wait for a signal. */
static void plat_os_call(const struct sigaction *before, int number,
                         siginfo_t *info, void *ucontext)
{
  sigset_t mask = before->sa_mask;
  sigset_t saved;
  const ucontext_t *context = ucontext;

  for (int other = 1; other < NSIG; ++other)
    if (sigismember(&context->uc_sigmask, other) == 1)
      (void)sigaddset(&mask, other);
  if ((before->sa_flags & SA_NODEFER) == 0)
    (void)sigaddset(&mask, number);

  (void)pthread_sigmask(SIG_SETMASK, &mask, &saved);
  if ((before->sa_flags & SA_SIGINFO) != 0)
    before->sa_sigaction(number, info, ucontext);
  else
    before->sa_handler(number);
  (void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

void plat_os_chain(PlatOsSignal *signal, int number, siginfo_t *info,
                   void *ucontext)
{
  const struct sigaction *before = &signal->before;
  int saved = errno;
  bool is_plain = (before->sa_flags & SA_SIGINFO) == 0;

  if (is_plain && before->sa_handler == SIG_IGN) {
    /* The kernel doesn't let a process ignore its own faults. */
    if (plat_os_recurs(number, info))
      plat_os_default(number, info);
  } else if ((is_plain && before->sa_handler == SIG_DFL)
             || ((before->sa_flags & (int)SA_RESETHAND) != 0
                 && atomic_exchange(&signal->is_spent, true))) {
    plat_os_default(number, info);
  } else {
    plat_os_call(before, number, info, ucontext);
  }
  errno = saved;
}
