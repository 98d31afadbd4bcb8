/* plat_os.h -- what the parts of the platform layer share
 *
 * Waiting in the kernel, signal sets, and passing a signal on to whoever
 * handled it before.  Nothing outside code/plat includes this.
 *
 * Every function here may be called from a signal handler and keeps errno.
 *
 * Design: .plat.os (design/plat.rst).
 */

#ifndef PLAT_OS_H
#define PLAT_OS_H

#include "plat.h"

#include <signal.h>
#include <stdatomic.h>

/* Wait while *word is value: until a wake, a signal, or timeout_ms (zero:
 * no limit).  It may also return for no reason, so callers loop. */
MOSTLY_INTERN void plat_os_wait(_Atomic uint32_t *word, uint32_t value,
                                unsigned timeout_ms);
/* Wake those who wait on word.  They must see that *word has changed. */
MOSTLY_INTERN void plat_os_wake_one(_Atomic uint32_t *word);
MOSTLY_INTERN void plat_os_wake_all(_Atomic uint32_t *word);

/* Every signal but those that tell of a mistake of the running
 * instruction: blocking those turns the mistake into a silent death. */
MOSTLY_INTERN void plat_os_fill(sigset_t *set);

/* Let the calling thread receive a signal. */
MOSTLY_INTERN void plat_os_unblock(int number);

#define PLAT_LOCK_SIG ((Sig)0x4C6F636B) /* "Lock" */
#define PLAT_LOCK_INIT \
  { \
    .sig = PLAT_LOCK_SIG \
  }

/* A signal that we handle, and what was there before us. */
typedef struct PlatOsSignal {
  struct sigaction before;
  _Atomic bool is_spent; /* before was for one signal only, and has had it */
} PlatOsSignal;

typedef void (*PlatOsHandler)(int number, siginfo_t *info, void *ucontext);

MOSTLY_INTERN void plat_os_handle(PlatOsSignal *signal, int number, int flags,
                                  PlatOsHandler handler);

/* Do what would have happened to this signal without us, as nearly as a
 * handler can (.plat.fault.chain). */
MOSTLY_INTERN void plat_os_chain(PlatOsSignal *signal, int number,
                                 siginfo_t *info, void *ucontext);

/* Let the calling thread be stopped, even in a signal handler. */
MOSTLY_INTERN void plat_thread_may_stop(void);

/* The threads' part in a fork: see plat_fork.c. */
MOSTLY_INTERN void plat_fork_arm(void);
MOSTLY_INTERN void plat_thread_fork_before(void);
MOSTLY_INTERN void plat_thread_fork_parent(void);
MOSTLY_INTERN void plat_thread_fork_child(void);

#endif /* PLAT_OS_H */
