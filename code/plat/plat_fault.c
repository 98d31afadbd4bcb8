/* plat_fault.c -- accesses that the protection refused
 *
 * Design: .plat.fault (design/plat.rst).
 */

#include "plat_os.h"

#include <errno.h>

/* Which signal a refused access raises. */
#if defined(__APPLE__)
#define PLAT_FAULT_SIGNAL SIGBUS
#else
#define PLAT_FAULT_SIGNAL SIGSEGV
#endif

static _Atomic(PlatFaultSink) plat_fault_sink;
static PlatOsSignal plat_fault_signal;

/* Does the signal tell of an access, and of its address?  Those that
 * processes send have codes up to zero, and SI_KERNEL stands for mistakes
 * without an address. */
static bool plat_fault_has_address(const siginfo_t *info)
{
#if defined(SI_KERNEL)
  if (info->si_code == SI_KERNEL)
    return false;
#endif
  return info->si_code > 0;
}

/* All but synchronous signals are masked while the sink runs: a stop waits
 * for it, and no handler of the client sees what it is half through.  The
 * signal itself is masked too, so a fault in the sink, which would be our
 * mistake, kills at once (.plat.fault.mask). */
static void plat_fault_handler(int number, siginfo_t *info, void *ucontext)
{
  int saved = errno;
  PlatFaultSink sink = atomic_load(&plat_fault_sink);

  if (!(plat_fault_has_address(info) && sink((Addr)info->si_addr)))
    plat_os_chain(&plat_fault_signal, number, info, ucontext);
  errno = saved;
}

static void plat_fault_start(void)
{
  /* On a signal stack if there is one, since a client that catches its
   * stack overflows gets them through us (.plat.fault.stack). */
  plat_os_handle(&plat_fault_signal, PLAT_FAULT_SIGNAL,
                 SA_RESTART | SA_ONSTACK, plat_fault_handler);
}

void plat_fault_install(PlatFaultSink sink)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  ASSERT(sink != NULL);
  atomic_store(&plat_fault_sink, sink);
  (void)pthread_once(&once, plat_fault_start);
  plat_os_unblock(PLAT_FAULT_SIGNAL);
}

void plat_fault_relax(void)
{
  plat_os_unblock(PLAT_FAULT_SIGNAL);
  plat_thread_may_stop();
}
