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

/* Give the memory of a mapped range back; it stays usable and reads as
 * zero.  It must not be protected. */
MOSTLY_INTERN void plat_vm_purge(Addr base, Size size);

/* Bring memory in ahead of its first use, in one call for the range.
 * Only an accelerator: it may do nothing. */
MOSTLY_INTERN void plat_vm_populate(Addr base, Size size);

/* Refuse or allow the client's writes to a mapped range.  False if the
 * system refuses, as it does when a process has too many mappings: then
 * nothing has changed as far as the caller may rely on, except that
 * part of the range may have got the new protection
 * (.plat.vm.protect-fails).  Allowing writes to a range that forbade them
 * has a fallback inside and succeeds unless the process is beyond help. */
MOSTLY_INTERN bool plat_vm_protect(Addr base, Size size, bool forbid_write);


/* Time: seconds on a clock that never goes back, and the processor time
 * of the calling thread. */

typedef struct Seconds {
  double s;
} Seconds;

MOSTLY_INTERN Seconds plat_clock_now(void);


/* A lock that one thread may take several times.  Not fair.  Taking it
 * keeps errno. */

typedef struct PlatLock {
  Sig sig;
  pthread_mutex_t mutex;
  pthread_t owner; /* meaningful while depth is not zero */
  Count depth;     /* how many times the owner has taken it */
} PlatLock;

MOSTLY_INTERN Res plat_lock_init(PlatLock *lock);
MOSTLY_INTERN void plat_lock_finish(PlatLock *lock);
MOSTLY_INTERN void plat_lock_claim(PlatLock *lock);
MOSTLY_INTERN void plat_lock_release(PlatLock *lock);
MOSTLY_INTERN bool plat_lock_is_mine(const PlatLock *lock);
/* Is it held by anyone?  A hint unless other threads are stopped. */
MOSTLY_INTERN bool plat_lock_is_held(const PlatLock *lock);
/* In the child of a fork: forget whoever held it. */
MOSTLY_INTERN void plat_lock_reinit(PlatLock *lock);


/* Stacks and registers */

#define PLAT_REGISTERS_MAX 64

/* Where a thread stood: every register that may hold a reference, and the
 * hot end of its stack.  regs is scanned as an array of words. */
typedef struct PlatContext {
  Addr hot;                      /* lowest address of its stack in use */
  Count count;                   /* of regs */
  Word regs[PLAT_REGISTERS_MAX]; /* the registers, in no order */
} PlatContext;

/* PLAT_CAPTURE -- record the calling function's registers and stack
 *
 * A macro, so that it runs in the frame of the entry point whose caller's
 * registers it must save: each callee-saved register still holds the
 * client's value, or this very frame has pushed it above the hot end.
 * It stores the raw registers by hand; setjmp would mangle some of them
 * (.plat.thread.registers). */
#if defined(__x86_64__)
#define PLAT_CAPTURE(context)                                                 \
  do {                                                                        \
    Word *regs_ = (context)->regs;                                            \
    __asm__ __volatile__("movq %%rbx, 0(%0)\n\t"                              \
                         "movq %%rbp, 8(%0)\n\t"                              \
                         "movq %%r12, 16(%0)\n\t"                             \
                         "movq %%r13, 24(%0)\n\t"                             \
                         "movq %%r14, 32(%0)\n\t"                             \
                         "movq %%r15, 40(%0)\n\t"                             \
                         "movq %%rsp, 48(%0)\n\t"                             \
                         :                                                    \
                         : "r"(regs_)                                         \
                         : "memory");                                         \
    (context)->hot = (Addr)regs_[6];                                          \
    (context)->count = 6;                                                     \
  } while (0)
#elif defined(__aarch64__)
#define PLAT_CAPTURE(context)                                                 \
  do {                                                                        \
    Word *regs_ = (context)->regs;                                            \
    __asm__ __volatile__("stp x19, x20, [%0]\n\t"                             \
                         "stp x21, x22, [%0, #16]\n\t"                        \
                         "stp x23, x24, [%0, #32]\n\t"                        \
                         "stp x25, x26, [%0, #48]\n\t"                        \
                         "stp x27, x28, [%0, #64]\n\t"                        \
                         "str x29, [%0, #80]\n\t"                             \
                         "mov x9, sp\n\t"                                     \
                         "str x9, [%0, #88]\n\t"                              \
                         :                                                    \
                         : "r"(regs_)                                         \
                         : "x9", "memory");                                   \
    (context)->hot = (Addr)regs_[11];                                         \
    (context)->count = 11;                                                    \
  } while (0)
#else
/* The compiler saves every callee-saved register in this frame. */
#define PLAT_CAPTURE(context)                                                 \
  do {                                                                        \
    __builtin_unwind_init();                                                  \
    (context)->hot = (Addr)(context);                                         \
    (context)->count = 0;                                                     \
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
} PlatThread;

/* For the calling thread. */
MOSTLY_INTERN void plat_thread_init(PlatThread *thread);
MOSTLY_INTERN void plat_thread_finish(PlatThread *thread);
MOSTLY_INTERN bool plat_thread_is_self(const PlatThread *thread);

/* Stop every thread in the list but the calling one, all signalled first
 * and then waited for (.plat.thread.stop); fill in their contexts.  One
 * stop is in force at a time in a process: a second caller waits, and can
 * itself be stopped while it does.  Stopping can't fail; a thread that has
 * gone counts as stopped, with an empty context.  Pairs with resume. */
MOSTLY_INTERN void plat_threads_stop(PlatThread *list);
MOSTLY_INTERN void plat_threads_resume(PlatThread *list);


/* Faults.  The sink gets the address of an access that was refused and
 * says whether it made the access possible.  It runs in the signal handler
 * of the faulting thread: it takes no lock and allocates nothing
 * (.plat.fault.sink).  A fault that it doesn't want goes to the handler
 * that was installed before ours, or kills the process as it would have
 * without us.  errno is kept.  Install is idempotent. */

typedef bool (*PlatFaultSink)(Addr addr);
MOSTLY_INTERN void plat_fault_install(PlatFaultSink sink);


/* fork: before, in the parent after, in the child after.  At most one set;
 * install is idempotent. */

typedef void (*PlatForkHook)(void);
MOSTLY_INTERN void plat_fork_install(PlatForkHook before, PlatForkHook parent,
                                     PlatForkHook child);
/* In the child, after its hook: this library's own process-wide state. */
MOSTLY_INTERN void plat_fork_reinit(void);

#endif /* PLAT_H */
