/* plat_thread.c -- stopping the other threads, and where they stand
 *
 * Design: .plat.thread (design/plat.rst).
 */

#include "plat_os.h"

#include <errno.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#define PLAT_THREAD_SIG ((Sig)0x506C5468) /* "PlTh" */

/* Nothing of it is to be scanned. */
static void plat_thread_forget(PlatThread *thread)
{
  thread->context.hot = NULL;
  thread->context.count = 0;
  thread->other_base = NULL;
  thread->other_limit = NULL;
}

/* The name is the interface's.  There is no signal to resume by: threads
 * wait on a word, so the interface's CONFIG_PTHREADEXT_SIGRESUME has
 * nothing to name (.plat.thread.resume). */
#if defined(CONFIG_PTHREADEXT_SIGSUSPEND)
#define PLAT_THREAD_SIGNAL CONFIG_PTHREADEXT_SIGSUSPEND
#else
#define PLAT_THREAD_SIGNAL SIGXFSZ
#endif

/* But for the signal that stops threads: whoever waits for a stop of its
 * own may be stopped by another. */
void plat_signals_hold(sigset_t *saved_out)
{
  sigset_t set;

  plat_os_fill(&set);
  (void)sigdelset(&set, PLAT_THREAD_SIGNAL);
  (void)pthread_sigmask(SIG_BLOCK, &set, saved_out);
}

void plat_signals_hold_all(sigset_t *saved_out)
{
  sigset_t set;

  plat_os_fill(&set);
  (void)pthread_sigmask(SIG_BLOCK, &set, saved_out);
}

void plat_signals_allow(const sigset_t *saved)
{
  (void)pthread_sigmask(SIG_SETMASK, saved, NULL);
}

/* How much of a stack is looked at in one question to the system.  It leaves
 * more than that free below a stack that it lets grow. */
#define PLAT_STACK_STRIDE ((Size)1 << 19)

static void plat_thread_find_stack(PlatThread *thread)
{
  thread->stack_base = NULL;
  thread->stack_limit = NULL;
#if defined(__linux__)
  pthread_attr_t attr;
  void *base = NULL;
  size_t size = 0;

  if (pthread_getattr_np(pthread_self(), &attr) != 0)
    return;
  if (pthread_attr_getstack(&attr, &base, &size) == 0) {
    thread->stack_base = (Addr)base;
    thread->stack_limit = addr_add((Addr)base, size);
  }
  (void)pthread_attr_destroy(&attr);
#endif
}

#if defined(__linux__)

static bool plat_stack_is_mapped(Addr base, Size size)
{
  unsigned char pages[PLAT_STACK_STRIDE >> 12];

  return mincore(base, size, pages) == 0;
}

/* Where the part of a stack that is there begins.  The first thread's own
 * grows as it's used, and what the system says about it is only how far it
 * may; below that nothing was ever written. */
static Addr plat_stack_mapped(Addr base, Addr limit)
{
  int saved = errno;
  Size stride = PLAT_STACK_STRIDE;
  Size page = (Size)sysconf(_SC_PAGESIZE);
  Addr from = addr_round_down(limit, page);

  while (stride >= page) {
    if (addr_diff(base, from) >= stride
        && plat_stack_is_mapped(addr_sub(from, stride), stride))
      from = addr_sub(from, stride);
    else
      stride /= 2;
  }
  errno = saved;
  return from;
}

#else

static Addr plat_stack_mapped(Addr base, Addr limit)
{
  (void)limit;
  return base;
}

#endif

Addr plat_thread_hot(const PlatThread *thread, Addr hot, Addr cold)
{
  Addr base = thread->stack_base, limit = thread->stack_limit;

  if (base == NULL || hot == NULL || (hot >= base && hot < limit)
      || !(cold > base && cold <= limit))
    return hot;
  return plat_stack_mapped(base, limit);
}

Addr plat_stack_signal(Addr hot)
{
  stack_t stack;

  if (sigaltstack(NULL, &stack) != 0 || (stack.ss_flags & SS_DISABLE) != 0)
    return NULL;
  Addr base = (Addr)stack.ss_sp;
  Addr limit = addr_add(base, stack.ss_size);
  return hot >= base && hot < limit ? limit : NULL;
}

#if defined(CONFIG_THREAD_SINGLE)

bool plat_thread_is_self(const PlatThread *thread)
{
  return pthread_equal(thread->id, pthread_self()) != 0;
}

void plat_thread_init(PlatThread *thread)
{
  thread->id = pthread_self();
  thread->next = NULL;
  thread->is_stopped = false;
  plat_thread_find_stack(thread);
  plat_thread_forget(thread);
  thread->sig = PLAT_THREAD_SIG;
}

void plat_thread_finish(PlatThread *thread)
{
  ASSERT(thread->sig == PLAT_THREAD_SIG);
  thread->sig = SIG_NONE;
}

void plat_threads_stop(PlatThread *list)
{
  (void)list;
}

void plat_threads_resume(PlatThread *list)
{
  (void)list;
}

void plat_thread_may_stop(void)
{
}

void plat_thread_fork_before(void)
{
}

void plat_thread_fork_parent(void)
{
}

void plat_thread_fork_child(void)
{
}

#else

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

/* How long to wait for answers before asking whether those who owe one
 * are still there, in milliseconds. */
#define PLAT_THREAD_PATIENCE 5

/* The phases of a record.  The stopping thread makes each change but the
 * one to ARRIVED, which is the stopped thread's own. */
enum {
  PLAT_THREAD_RUNS,
  PLAT_THREAD_CALLED,  /* is signalled, hasn't answered yet */
  PLAT_THREAD_ARRIVED, /* waits in the handler, its capture is filled in */
  PLAT_THREAD_GONE,    /* there is no such thread any more */
  PLAT_THREAD_SHARES   /* an earlier record in the list is the same thread */
};

/* The stop that is in force.  Who wants one takes the next number and
 * waits until it's served; its turn lasts from stop to resume, and the rest
 * here, but for pending, is written in it only (.plat.thread.fair). */
static struct {
  _Atomic uint32_t next;      /* number of the next to come */
  _Atomic uint32_t served;    /* whose turn it is, or next if nobody's */
  _Atomic Word owner;         /* the thread whose turn it is, or zero */
  _Atomic(PlatThread *) list; /* NULL between stops */
  _Atomic uint32_t turn;      /* changes at resume: threads wait on it */
  _Atomic uint32_t pending;   /* answers outstanding: the stopper's wait */
  uint32_t generation;        /* how many forks lie behind this process */
  pthread_t survivor;         /* the thread that made the last of them */
  Word survivor_kernel_id;    /* its name in this process */
  PlatOsSignal signal;
} plat_stop;

static pthread_once_t plat_thread_once = PTHREAD_ONCE_INIT;

static void plat_stop_claim(void)
{
  uint32_t number = atomic_fetch_add(&plat_stop.next, 1);
  uint32_t served;

  while ((served = atomic_load(&plat_stop.served)) != number)
    plat_os_wait(&plat_stop.served, served, 0);
  atomic_store(&plat_stop.owner, plat_os_self());
}

static void plat_stop_release(void)
{
  atomic_store(&plat_stop.owner, 0);
  (void)atomic_fetch_add(&plat_stop.served, 1);
  if (atomic_load(&plat_stop.next) != atomic_load(&plat_stop.served))
    plat_os_wake_all(&plat_stop.served);
}

static bool plat_stop_is_mine(void)
{
  return atomic_load(&plat_stop.owner) == plat_os_self();
}


/* The kernel's name for a thread.  Unlike a pthread_t it may be asked for
 * after the thread has gone (.plat.thread.gone). */

#if defined(__linux__)

static Word plat_thread_kernel_id(void)
{
  return (Word)syscall(SYS_gettid);
}

/* False if it has gone. */
static bool plat_thread_kill(const PlatThread *thread, int number)
{
  int saved = errno;
  pid_t kernel_id = (pid_t)thread->kernel_id;
  bool is_there = syscall(SYS_tgkill, getpid(), kernel_id, number) == 0
                  || errno != ESRCH;

  errno = saved;
  return is_there;
}

/* The first thread of a process can be signalled even after it has ended,
 * as long as there are others.  Its state tells. */
static bool plat_thread_is_zombie(const PlatThread *thread)
{
  int saved = errno;
  char text[128];
  ssize_t length = 0;

  (void)snprintf(text, sizeof text, "/proc/self/task/%d/stat",
                 (int)thread->kernel_id);
  int file = open(text, O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    length = read(file, text, sizeof text - 1);
    (void)close(file);
  }
  errno = saved;
  if (length <= 0)
    return false;

  /* The name before the state is in parentheses and may hold any. */
  text[length] = '\0';
  const char *state = strrchr(text, ')');
  return state != NULL && strncmp(state, ") Z", 3) == 0;
}

static bool plat_thread_has_gone(const PlatThread *thread)
{
  return !plat_thread_kill(thread, 0) || plat_thread_is_zombie(thread);
}

#else

static Word plat_thread_kernel_id(void)
{
  return plat_os_self();
}

static bool plat_thread_kill(const PlatThread *thread, int number)
{
  return pthread_kill(thread->id, number) != ESRCH;
}

static bool plat_thread_has_gone(const PlatThread *thread)
{
  return !plat_thread_kill(thread, 0);
}

#endif

/* What the thread of a record is called in this process: zero if it wasn't
 * copied here by the last fork (.plat.fork). */
static Word plat_thread_id_now(const PlatThread *thread)
{
  if (thread->generation == plat_stop.generation)
    return thread->kernel_id;
  if (pthread_equal(thread->id, plat_stop.survivor) != 0)
    return plat_stop.survivor_kernel_id;
  return 0;
}

/* A pthread_t is used again as soon as its thread has been joined, and in
 * the child of a fork at once, so being equal isn't enough. */
bool plat_thread_is_self(const PlatThread *thread)
{
  return pthread_equal(thread->id, pthread_self()) != 0
         && plat_thread_id_now(thread) == plat_thread_kernel_id();
}


/* Where a thread stands */

static void plat_thread_copy_registers(PlatContext *context,
                                       const ucontext_t *ucontext)
{
  Count count = 0;

#if defined(__linux__) && defined(__x86_64__)
  for (int i = REG_R8; i <= REG_RIP; ++i)
    context->regs[count++] = (Word)ucontext->uc_mcontext.gregs[i];
#elif defined(__linux__) && defined(__aarch64__)
  for (int i = 0; i < 31; ++i)
    context->regs[count++] = (Word)ucontext->uc_mcontext.regs[i];
#else
  /* The frame that the system pushed has them, and is scanned as a part
   * of the stack (.plat.thread.frame). */
  (void)ucontext;
#endif
  context->count = count;
}

/* The callee-saved registers as they are now.  Where the handler runs at
 * once they are in the frames above; a tool that has put it off gives us
 * the context of an earlier instant (.plat.thread.late). */
static void plat_thread_add_registers(PlatContext *context)
{
  PlatContext now;

  PLAT_CAPTURE(&now);
  for (Index i = 0; i < now.count; ++i)
    context->regs[context->count++] = now.regs[i];
}

/* Called in the handler, whose own frame lies below the one that the kernel
 * pushed for it.  That has the vector registers too, and is below all that
 * the interrupted code has on this stack, red zone included.  So the stack
 * in use is taken to start here (.plat.thread.frame). */
static void plat_thread_capture(PlatThread *thread, const ucontext_t *ucontext)
{
  const stack_t *other = &ucontext->uc_stack;
  Addr base = (Addr)other->ss_sp;
  Addr limit = addr_add(base, other->ss_size);
  Addr hot = plat_stack_below();
  bool is_other
      = (other->ss_flags & SS_DISABLE) == 0 && hot >= base && hot < limit;

  plat_thread_copy_registers(&thread->context, ucontext);
  plat_thread_add_registers(&thread->context);
  thread->context.hot = hot;
  thread->other_base = is_other ? hot : NULL;
  thread->other_limit = is_other ? limit : NULL;
  thread->answerer = pthread_self();
}

static PlatThread *plat_thread_find(Word kernel_id)
{
  PlatThread *thread = atomic_load(&plat_stop.list);

  while (thread != NULL
         && !(thread->kernel_id == kernel_id
              && atomic_load(&thread->phase) == PLAT_THREAD_CALLED))
    thread = thread->next;
  return thread;
}

/* One answer less is outstanding.  Only the last one wakes the stopper. */
static void plat_thread_answer(void)
{
  if (atomic_fetch_sub(&plat_stop.pending, 1) == 1)
    plat_os_wake_one(&plat_stop.pending);
}

/* This runs in the thread to be stopped, on top of whatever it did: it may
 * hold any lock, so nothing here takes one.  The turn is read before we
 * answer, so that it's the turn of the stop that waits for us. */
static void plat_thread_handler(int number, siginfo_t *info, void *ucontext)
{
  int saved = errno;
  uint32_t turn = atomic_load(&plat_stop.turn);
  PlatThread *thread = plat_thread_find(plat_thread_kernel_id());

  if (thread != NULL) {
    plat_thread_capture(thread, ucontext);
    atomic_store(&thread->phase, PLAT_THREAD_ARRIVED);
    plat_thread_answer();
    while (atomic_load(&plat_stop.turn) == turn)
      plat_os_wait(&plat_stop.turn, turn, 0);
  } else {
    /* The system's own use of the signal, or the client's. */
    plat_os_chain(&plat_stop.signal, number, info, ucontext);
  }
  errno = saved;
}

void plat_thread_may_stop(void)
{
  plat_os_unblock(PLAT_THREAD_SIGNAL);
}


/* Registration */

static void plat_thread_start(void)
{
  plat_fork_arm();

  /* Not on a signal stack: the frame is wanted where the thread's own
   * frames are (.plat.thread.frame). */
  plat_os_handle(&plat_stop.signal, PLAT_THREAD_SIGNAL, SA_RESTART,
                 plat_thread_handler);
}

void plat_thread_init(PlatThread *thread)
{
  int saved = errno;

  (void)pthread_once(&plat_thread_once, plat_thread_start);

  /* A thread that inherited a full mask could not be stopped, and would
   * be killed by its first fault. */
  plat_os_unblock(PLAT_THREAD_SIGNAL);
  plat_os_unblock(SIGSEGV);

  thread->id = pthread_self();
  thread->next = NULL;
  thread->is_stopped = false;
  thread->kernel_id = plat_thread_kernel_id();
  thread->generation = plat_stop.generation;
  thread->answerer = thread->id;
  atomic_init(&thread->phase, PLAT_THREAD_RUNS);
  plat_thread_find_stack(thread);
  plat_thread_forget(thread);
  thread->sig = PLAT_THREAD_SIG;
  errno = saved;
}

void plat_thread_finish(PlatThread *thread)
{
  ASSERT(thread->sig == PLAT_THREAD_SIG);
  ASSERT(!thread->is_stopped);
  thread->sig = SIG_NONE;
}


/* Stopping */

/* A set of threads that may say yes for one that isn't in it, so that the
 * search for two records of one thread isn't quadratic in practice. */
typedef struct PlatThreadFilter {
  Word bits[64];
} PlatThreadFilter;

static bool plat_thread_filter_add(PlatThreadFilter *filter, Word id)
{
  Index bit = id % (64 * WORD_BITS);
  Word mask = (Word)1 << (bit % WORD_BITS);
  bool was_set = (filter->bits[bit / WORD_BITS] & mask) != 0;

  filter->bits[bit / WORD_BITS] |= mask;
  return was_set;
}

/* The first record in front of this one that is of the same thread. */
static PlatThread *plat_thread_leader(PlatThread *list,
                                      const PlatThread *thread)
{
  for (; list != thread; list = list->next)
    if (list->is_stopped && list->kernel_id == thread->kernel_id)
      return list;
  return NULL;
}

/* Say what is to become of each, and how many answers that takes. */
static uint32_t plat_threads_mark(PlatThread *list)
{
  PlatThreadFilter filter;
  uint32_t called = 0;

  (void)memset(&filter, 0, sizeof filter);
  for (PlatThread *thread = list; thread != NULL; thread = thread->next) {
    int phase = PLAT_THREAD_CALLED;

    ASSERT(thread->sig == PLAT_THREAD_SIG);
    ASSERT(!thread->is_stopped);
    if (plat_thread_is_self(thread))
      continue;
    plat_thread_forget(thread);
    thread->kernel_id = plat_thread_id_now(thread);
    thread->generation = plat_stop.generation;
    if (thread->kernel_id == 0)
      phase = PLAT_THREAD_GONE;
    else if (plat_thread_filter_add(&filter, thread->kernel_id)
             && plat_thread_leader(list, thread) != NULL)
      phase = PLAT_THREAD_SHARES;
    else
      ++called;
    thread->is_stopped = true;
    atomic_store(&thread->phase, phase);
  }
  return called;
}

static void plat_thread_give_up(PlatThread *thread)
{
  atomic_store(&thread->phase, PLAT_THREAD_GONE);
  plat_thread_answer();
}

static void plat_threads_call(PlatThread *list)
{
  for (PlatThread *thread = list; thread != NULL; thread = thread->next)
    if (atomic_load(&thread->phase) == PLAT_THREAD_CALLED
        && !plat_thread_kill(thread, PLAT_THREAD_SIGNAL))
      plat_thread_give_up(thread);
}

/* A thread may end with the signal pending, and then never answers. */
static void plat_threads_await(PlatThread *list)
{
  uint32_t pending;

  while ((pending = atomic_load(&plat_stop.pending)) != 0) {
    plat_os_wait(&plat_stop.pending, pending, PLAT_THREAD_PATIENCE);
    if (atomic_load(&plat_stop.pending) != pending)
      continue;
    for (PlatThread *thread = list; thread != NULL; thread = thread->next)
      if (atomic_load(&thread->phase) == PLAT_THREAD_CALLED
          && plat_thread_has_gone(thread))
        plat_thread_give_up(thread);
  }
}

/* Make a context of what the handler left in the leader's record, which is
 * the record itself unless the thread is registered twice. */
static void plat_thread_settle(PlatThread *list, PlatThread *thread)
{
  const PlatThread *leader = plat_thread_leader(list, thread);

  if (leader == NULL)
    leader = thread;

  /* Was it this thread that answered, or a later one of the same name? */
  if (atomic_load(&leader->phase) != PLAT_THREAD_ARRIVED
      || pthread_equal(thread->id, leader->answerer) == 0) {
    plat_thread_forget(thread);
    return;
  }
  if (leader != thread) {
    thread->context = leader->context;
    thread->other_base = leader->other_base;
    thread->other_limit = leader->other_limit;
  }
}

/* Those who share come first, while their leaders have what the handler
 * left. */
static void plat_threads_settle(PlatThread *list)
{
  for (PlatThread *thread = list; thread != NULL; thread = thread->next)
    if (atomic_load(&thread->phase) == PLAT_THREAD_SHARES)
      plat_thread_settle(list, thread);
  for (PlatThread *thread = list; thread != NULL; thread = thread->next)
    if (thread->is_stopped
        && atomic_load(&thread->phase) != PLAT_THREAD_SHARES)
      plat_thread_settle(list, thread);
}

void plat_threads_stop(PlatThread *list)
{
  ASSERT(!plat_stop_is_mine());
  plat_stop_claim();

  atomic_store(&plat_stop.pending, plat_threads_mark(list));
  atomic_store(&plat_stop.list, list);
  plat_threads_call(list);
  plat_threads_await(list);

  plat_threads_settle(list);
}

void plat_threads_resume(PlatThread *list)
{
  ASSERT(plat_stop_is_mine());
  ASSERT(atomic_load(&plat_stop.list) == list);

  for (PlatThread *thread = list; thread != NULL; thread = thread->next) {
    thread->is_stopped = false;
    atomic_store(&thread->phase, PLAT_THREAD_RUNS);
  }
  atomic_store(&plat_stop.list, NULL);

  /* A thread that hasn't left the handler when the next stop begins finds
   * another turn than it waits for, leaves, and is signalled anew: the
   * signal stays pending while the handler runs. */
  (void)atomic_fetch_add(&plat_stop.turn, 1);
  plat_os_wake_all(&plat_stop.turn);
  plat_stop_release();
}


/* Fork: no stop may be in force across it, or the child would have memory
 * in the middle of a collection that nobody finishes.  Unless the stop is
 * the forking thread's own: then it's in a handler that was called in the
 * middle, such as a client's for crashes, and mustn't wait for itself. */

static bool plat_fork_is_nested; /* written by the one whose turn it is */

void plat_thread_fork_before(void)
{
  bool is_nested = plat_stop_is_mine();

  if (!is_nested)
    plat_stop_claim();
  plat_fork_is_nested = is_nested;
}

void plat_thread_fork_parent(void)
{
  if (!plat_fork_is_nested)
    plat_stop_release();
}

void plat_thread_fork_child(void)
{
  atomic_store(&plat_stop.owner, 0);
  atomic_store(&plat_stop.served, atomic_load(&plat_stop.next));
  atomic_store(&plat_stop.list, NULL);
  plat_stop.survivor = pthread_self();
  plat_stop.survivor_kernel_id = plat_thread_kernel_id();
  ++plat_stop.generation;
}

#endif
