/* plat_fork.c -- what parent and child do around a fork
 *
 * Design: .plat.fork (design/plat.rst).
 */

#include "plat_os.h"

static _Atomic(PlatForkHook) plat_fork_before_hook;
static _Atomic(PlatForkHook) plat_fork_parent_hook;
static _Atomic(PlatForkHook) plat_fork_child_hook;

static void plat_fork_run(PlatForkHook hook)
{
  if (hook != NULL)
    hook();
}

/* The locks above come first, as they do wherever both are held: a thread
 * stops others while it holds its arena's lock. */
static void plat_fork_before(void)
{
  plat_fork_run(atomic_load(&plat_fork_before_hook));
  plat_thread_fork_before();
}

static void plat_fork_parent(void)
{
  plat_thread_fork_parent();
  plat_fork_run(atomic_load(&plat_fork_parent_hook));
}

static void plat_fork_child(void)
{
  plat_fork_reinit();
  plat_fork_run(atomic_load(&plat_fork_child_hook));
}

void plat_fork_reinit(void)
{
  plat_thread_fork_child();
  plat_track_reinit();
}

static void plat_fork_register(void)
{
  /* It can fail for want of memory only.  Then a fork in the middle of a
   * stop has a child that can't collect, and that is to be seen now. */
  int error
      = pthread_atfork(plat_fork_before, plat_fork_parent, plat_fork_child);

  ASSERT(error == 0);
}

void plat_fork_arm(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  (void)pthread_once(&once, plat_fork_register);
}

void plat_fork_install(PlatForkHook before, PlatForkHook parent,
                       PlatForkHook child)
{
  atomic_store(&plat_fork_before_hook, before);
  atomic_store(&plat_fork_parent_hook, parent);
  atomic_store(&plat_fork_child_hook, child);
  plat_fork_arm();
}
