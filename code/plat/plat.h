/* plat.h -- what the library asks of the operating system
 *
 * Everything that differs between systems is behind these functions, so
 * that the layers above have no #if, and so that plat_sim can stand in
 * for the system with scripted failures and a logical clock.
 *
 * Any thread may call anything here unless a function says otherwise.
 *
 * Design: .plat.vm, .plat.thread, .plat.fault, .plat.clock
 * (design/plat.rst).
 */

#ifndef PLAT_H
#define PLAT_H

#include "../base/base.h"

#include <pthread.h>
#include <stdatomic.h>
#include <signal.h>


/* Virtual memory.  All ranges are multiples of plat_page_size. */

MOSTLY_INTERN Size plat_page_size(void);

/* Reserve address space that can't be touched yet and costs no memory.
 * align is a power of two, at least a page.  MPS_RES_RESOURCE if there is
 * no such room. */
MOSTLY_INTERN Res plat_vm_reserve(Addr *base_out, Size size, Size align);

/* Reserve address space that may be read and written at once, reads as
 * zero, and takes memory page by page as it is touched: for sparse
 * tables.  MPS_RES_RESOURCE as above. */
MOSTLY_INTERN Res plat_vm_reserve_table(Addr *base_out, Size size);

/* Give a whole reservation of either kind back. */
MOSTLY_INTERN void plat_vm_release(Addr base, Size size);

/* Make part of a reservation usable.  It reads as zero until written.
 * MPS_RES_MEMORY if the system refuses; then nothing has changed. */
MOSTLY_INTERN Res plat_vm_map(Addr base, Size size);

/* Undo plat_vm_map: the range can't be touched and costs no memory. */
MOSTLY_INTERN void plat_vm_unmap(Addr base, Size size);

/* Give the memory of a mapped range, or of a part of a table, back; it stays
 * usable and reads as zero.  It must not be protected. */
MOSTLY_INTERN void plat_vm_purge(Addr base, Size size);

/* Bring memory in ahead of its first use, in one call for the range.
 * Only an accelerator: it may do nothing. */
MOSTLY_INTERN void plat_vm_populate(Addr base, Size size);

/* Say whether a range may be backed by large pages, from its next first
 * touches on.  Touching a byte then brings in as much as a large page.
 * Only a hint. */
MOSTLY_INTERN void plat_vm_prefer_huge(Addr base, Size size, bool is_huge);

/* What the client may do to mapped memory; more of it comes first. */
typedef enum PlatAccess {
  PLAT_ACCESS_ALL,
  PLAT_ACCESS_READ,
  PLAT_ACCESS_NONE
} PlatAccess;

/* Refuse or allow accesses to a mapped range.  False if the system
 * refuses, as it does when a process has too many mappings: then nothing
 * has changed as far as the caller may rely on, except that part of the
 * range may have got the new protection (.plat.vm.protect-fails).
 * Allowing everything in a range has a fallback inside and succeeds unless
 * the process is beyond help. */
MOSTLY_INTERN bool plat_vm_protect(Addr base, Size size, PlatAccess access);


/* Dirty tracking: a log, kept by the kernel, of which pages were written
 * to (.plat.track).  Ranges are whole pages. */

typedef struct PlatRange {
  Addr base;
  Addr limit;
} PlatRange;

/* Keep the log for a reservation from now on; all of it counts as written.
 * False if the system can't.  It lasts until the range is released; what is
 * unmapped in it is tracked again at once.  In the child of a fork it must
 * be asked for anew. */
MOSTLY_INTERN bool plat_track_start(Addr base, Size size);

/* Take a range as unwritten from now on.  False if that failed: then the
 * range must count as written. */
MOSTLY_INTERN bool plat_track_arm(Addr base, Size size);

/* Stop watching a range that is about to be written to as a whole.  Only
 * an accelerator. */
MOSTLY_INTERN void plat_track_disarm(Addr base, Size size);

/* List what was written to in [base, limit) since it was armed, in address
 * order, as at most max ranges.  *from_out is where to go on, limit when
 * all was listed.  False if that failed: everything counts as written. */
MOSTLY_INTERN bool plat_track_list(PlatRange *ranges, Count *count_out,
                                   Addr *from_out, Count max, Addr base,
                                   Addr limit);

/* Unmapping has put a new mapping there: go on tracking it. */
MOSTLY_INTERN void plat_track_renew(Addr base, Size size);
/* In the child of a fork, where the log is the parent's. */
MOSTLY_INTERN void plat_track_reinit(void);


/* Time: seconds on a clock that never goes back, and the processor time
 * of the calling thread. */

typedef struct Seconds {
  double s;
} Seconds;

MOSTLY_INTERN Seconds plat_clock_now(void);
MOSTLY_INTERN Seconds plat_clock_cpu(void);


/* A lock that one thread may take several times.  Not fair.  Taking it
 * keeps errno.  A signal handler may take it, and finds it its own if the
 * code that it interrupts holds it (.plat.lock.signal). */

typedef struct PlatLock {
  Sig sig;
  _Atomic uint32_t waiters; /* threads that sleep until it's free */
  _Atomic uint32_t turn;    /* what they sleep on; changes to wake one */
  _Atomic Word owner;       /* the thread that holds it; zero if free */
  Count depth;              /* how often it took it beyond the first time */
} PlatLock;

MOSTLY_INTERN Res plat_lock_init(PlatLock *lock);
MOSTLY_INTERN void plat_lock_finish(PlatLock *lock);
MOSTLY_INTERN void plat_lock_claim(PlatLock *lock);
MOSTLY_INTERN void plat_lock_release(PlatLock *lock);
/* Take it if it's free, and isn't nested; false if not. */
MOSTLY_INTERN bool plat_lock_grab(PlatLock *lock);
MOSTLY_INTERN bool plat_lock_is_mine(const PlatLock *lock);
/* Is it held by anyone?  A hint unless other threads are stopped. */
MOSTLY_INTERN bool plat_lock_is_held(const PlatLock *lock);
/* In the child of a fork: forget whoever held it. */
MOSTLY_INTERN void plat_lock_reinit(PlatLock *lock);

/* Is this the only thread of the process?  Then the lock need be safe from
 * its own signal handlers only, and a few loads and stores will do
 * (.plat.lock.alone).  The C library says so, where it's one that can. */
#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define PLAT_IS_ALONE (__libc_single_threaded != 0)
#endif
#endif
#ifndef PLAT_IS_ALONE
#define PLAT_IS_ALONE false
#endif

/* A number for the calling thread that no other living thread has; it is
 * the same in the child of a fork.  Never zero. */
MOSTLY_INTERN Word plat_os_self(void);

/* False, and nothing has happened, if the lock is held. */
static inline bool plat_lock_claim_alone(PlatLock *lock, Word self)
{
  if (atomic_load_explicit(&lock->owner, memory_order_relaxed) != 0)
    return false;
  atomic_store_explicit(&lock->owner, self, memory_order_relaxed);
  atomic_signal_fence(memory_order_seq_cst);
  return true;
}

/* The client's own code may have run since, and have made a thread that waits
 * for the lock by now. */
static inline void plat_lock_release_alone(PlatLock *lock)
{
  if (UNLIKELY(!PLAT_IS_ALONE))
    plat_lock_release(lock);
  else
    atomic_store_explicit(&lock->owner, 0, memory_order_release);
}

/* The number of this process. */
MOSTLY_INTERN uint32_t plat_process(void);


/* Stacks and registers */

#define PLAT_REGISTERS_MAX 64

/* Where a thread stood: every register that may hold a reference, and the
 * hot end of its stack.  regs is scanned as an array of words. */
typedef struct PlatContext {
  Addr hot;                      /* lowest address of its stack in use */
  Count count;                   /* of regs */
  Word regs[PLAT_REGISTERS_MAX]; /* the registers, in no order */
} PlatContext;

/* An address below everything in the calling function's frame. */
MOSTLY_INTERN Addr plat_stack_below(void);

/* PLAT_CAPTURE -- record the calling function's registers and stack
 *
 * A macro, so that it runs in the frame of the entry point whose caller's
 * registers it must save: each callee-saved register still holds the
 * client's value, or this very frame has pushed it above the hot end.
 * It stores the raw registers by hand; setjmp would mangle some of them
 * (.plat.thread.registers). */
#if defined(__x86_64__)
#define PLAT_CAPTURE(context) \
  do { \
    Word *regs_ = (context)->regs; \
    __asm__ __volatile__("movq %%rbx, 0(%0)\n\t" \
                         "movq %%rbp, 8(%0)\n\t" \
                         "movq %%r12, 16(%0)\n\t" \
                         "movq %%r13, 24(%0)\n\t" \
                         "movq %%r14, 32(%0)\n\t" \
                         "movq %%r15, 40(%0)\n\t" \
                         "movq %%rsp, 48(%0)\n\t" \
                         : \
                         : "r"(regs_) \
                         : "memory"); \
    (context)->hot = (Addr)regs_[6]; \
    (context)->count = 6; \
  } while (0)
#elif defined(__aarch64__)
#define PLAT_CAPTURE(context) \
  do { \
    Word *regs_ = (context)->regs; \
    __asm__ __volatile__("stp x19, x20, [%0]\n\t" \
                         "stp x21, x22, [%0, #16]\n\t" \
                         "stp x23, x24, [%0, #32]\n\t" \
                         "stp x25, x26, [%0, #48]\n\t" \
                         "stp x27, x28, [%0, #64]\n\t" \
                         "str x29, [%0, #80]\n\t" \
                         "mov x9, sp\n\t" \
                         "str x9, [%0, #88]\n\t" \
                         : \
                         : "r"(regs_) \
                         : "x9", "memory"); \
    (context)->hot = (Addr)regs_[11]; \
    (context)->count = 11; \
  } while (0)
#else
/* The compiler saves every callee-saved register in this frame. */
#define PLAT_CAPTURE(context) \
  do { \
    __builtin_unwind_init(); \
    (context)->hot = plat_stack_below(); \
    (context)->count = 0; \
  } while (0)
#endif


/* Threads.  A record stands for one registration; one system thread may
 * have several, in one list or in several arenas. */

typedef struct PlatThread {
  Sig sig;
  pthread_t id;
  struct PlatThread *next; /* in the list that the registry keeps */
  bool is_stopped;         /* between plat_threads_stop and _resume */
  PlatContext context;     /* where it stands while it is stopped */
  Addr stack_base;         /* the stack that the system gave it; NULL if */
  Addr stack_limit;        /* that isn't known */
  Addr other_base;         /* while it is stopped on a signal stack, what */
  Addr other_limit;        /* is in use of that; else NULL */
  Word kernel_id;          /* the rest is plat_thread's own */
  uint32_t generation;
  pthread_t answerer;
  _Atomic int phase;
} PlatThread;

/* Init is for the calling thread, and lets it receive the signals that we
 * use if it had blocked them.  Finish may be called by another, too. */
MOSTLY_INTERN void plat_thread_init(PlatThread *thread);
MOSTLY_INTERN void plat_thread_finish(PlatThread *thread);
MOSTLY_INTERN bool plat_thread_is_self(const PlatThread *thread);

/* Stop every thread in the list but the calling one, all signalled first
 * and then waited for (.plat.thread.stop); fill in their contexts.  One
 * stop is in force at a time in a process: a second caller waits, and can
 * itself be stopped while it does.  Stopping can't fail; a thread that has
 * gone counts as stopped, with an empty context: no registers and no hot
 * end.  Pairs with resume, by the same thread and with the same list.
 *
 * Where a thread runs on a signal stack, [other_base, other_limit) must be
 * scanned as well, for it has the registers of the code below. */
MOSTLY_INTERN void plat_threads_stop(PlatThread *list);
MOSTLY_INTERN void plat_threads_resume(PlatThread *list);

/* From where up to cold a thread that stands at hot has frames.  That is
 * hot, unless it runs on another stack than its own, where cold is: then
 * what it uses of its own can't be told, and it's the far end of that
 * (.plat.thread.other-stack). */
MOSTLY_INTERN Addr plat_thread_hot(const PlatThread *thread, Addr hot,
                                   Addr cold);

/* The limit of the calling thread's signal stack if hot is on that; else
 * NULL. */
MOSTLY_INTERN Addr plat_stack_signal(Addr hot);


/* Faults.  The sink gets the address of an access that was refused and
 * says whether it made the access possible.  It runs in the signal handler
 * of the faulting thread: it takes no lock and allocates nothing
 * (.plat.fault.sink), unless it has called plat_fault_relax.  A fault that it
 * doesn't want goes to the handler that was installed before ours, or kills
 * the process as it would have without us.  errno is kept.  Install is
 * idempotent. */

typedef bool (*PlatFaultSink)(Addr addr);
MOSTLY_INTERN void plat_fault_install(PlatFaultSink sink);
/* In the sink: from here on the thread may be stopped, and may fault once
 * more, so that it can wait for a lock and run the client's methods.  Its
 * caller holds nothing that a stop would want (.plat.fault.relax). */
MOSTLY_INTERN void plat_fault_relax(void);


/* Hold back the calling thread's signals, but for those that tell of a
 * mistake of the running instruction: what would handle them must not see
 * what we are half through.  Pairs with allow (.plat.signals). */
MOSTLY_INTERN void plat_signals_hold(sigset_t *saved_out);
MOSTLY_INTERN void plat_signals_allow(const sigset_t *saved);

/* As hold, and the thread isn't stopped either, so it may not wait for one
 * that does.  Pairs with allow. */
MOSTLY_INTERN void plat_signals_hold_all(sigset_t *saved_out);


/* fork: before, in the parent after, in the child after.  At most one set,
 * and any of them may be NULL; install is idempotent.  This layer's own
 * locks are taken after the before hook, given back before the parent's
 * and made anew before the child's, so hooks may use what is above. */

typedef void (*PlatForkHook)(void);
MOSTLY_INTERN void plat_fork_install(PlatForkHook before, PlatForkHook parent,
                                     PlatForkHook child);
/* What the child does for this layer.  Only a child that was made without
 * the handlers of fork, and goes on, needs to call it. */
MOSTLY_INTERN void plat_fork_reinit(void);

#endif /* PLAT_H */
