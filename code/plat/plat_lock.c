/* plat_lock.c -- a lock that one thread may take several times
 *
 * Design: .plat.lock (design/plat.rst).
 */

#include "plat_os.h"

/* How often to look again before going to sleep: the arena's lock is
 * mostly held for less time than sleeping and waking take. */
#define PLAT_LOCK_SPINS 64

Res plat_lock_init(PlatLock *lock)
{
  atomic_init(&lock->owner, 0);
  atomic_init(&lock->waiters, 0);
  atomic_init(&lock->turn, 0);
  lock->depth = 0;
  lock->sig = PLAT_LOCK_SIG;
  return MPS_RES_OK;
}

void plat_lock_finish(PlatLock *lock)
{
  ASSERT(lock->sig == PLAT_LOCK_SIG);
  ASSERT(!plat_lock_is_held(lock));
  lock->sig = SIG_NONE;
}

void plat_lock_reinit(PlatLock *lock)
{
  (void)plat_lock_init(lock);
}

bool plat_lock_is_mine(const PlatLock *lock)
{
  return atomic_load_explicit(&lock->owner, memory_order_relaxed)
         == plat_os_self();
}

bool plat_lock_is_held(const PlatLock *lock)
{
  return atomic_load_explicit(&lock->owner, memory_order_relaxed) != 0;
}

#if defined(CONFIG_THREAD_SINGLE)

bool plat_lock_grab(PlatLock *lock)
{
  if (plat_lock_is_held(lock))
    return false;
  atomic_store_explicit(&lock->owner, plat_os_self(), memory_order_relaxed);
  return true;
}

void plat_lock_claim(PlatLock *lock)
{
  if (plat_lock_is_mine(lock))
    ++lock->depth;
  atomic_store_explicit(&lock->owner, plat_os_self(), memory_order_relaxed);
}

void plat_lock_release(PlatLock *lock)
{
  ASSERT(plat_lock_is_mine(lock));
  if (lock->depth > 0)
    --lock->depth;
  else
    atomic_store_explicit(&lock->owner, 0, memory_order_relaxed);
}

#else

/* One step both takes the lock and says whose it is, so a signal handler
 * of the same thread always finds it free, another's or its own
 * (.plat.lock.signal). */
static bool plat_lock_try(PlatLock *lock, Word self)
{
  Word owner = 0;

  if (PLAT_IS_ALONE)
    return plat_lock_claim_alone(lock, self);
  return atomic_compare_exchange_strong(&lock->owner, &owner, self);
}

bool plat_lock_grab(PlatLock *lock)
{
  return plat_lock_try(lock, plat_os_self());
}

static void plat_lock_wait(PlatLock *lock, Word self)
{
  for (unsigned spin = 0; spin < PLAT_LOCK_SPINS; ++spin)
    if (!plat_lock_is_held(lock) && plat_lock_try(lock, self))
      return;

  /* No wake can be missed: whoever frees the lock after our last try sees
   * waiters, and changes the turn that we read before that try. */
  (void)atomic_fetch_add(&lock->waiters, 1);
  for (;;) {
    uint32_t turn = atomic_load(&lock->turn);
    if (plat_lock_try(lock, self))
      break;
    plat_os_wait(&lock->turn, turn, 0);
  }
  (void)atomic_fetch_sub(&lock->waiters, 1);
}

void plat_lock_claim(PlatLock *lock)
{
  Word self = plat_os_self();

  ASSERT_HOT(lock->sig == PLAT_LOCK_SIG);
  if (plat_lock_is_mine(lock))
    ++lock->depth;
  else if (!plat_lock_try(lock, self))
    plat_lock_wait(lock, self);
}

/* Apart, so that those who are alone have no registers to save. */
__attribute__((noinline)) void plat_lock_release(PlatLock *lock)
{
  ASSERT(plat_lock_is_mine(lock));
  if (lock->depth > 0) {
    --lock->depth;
    return;
  }
  if (PLAT_IS_ALONE) {
    atomic_store_explicit(&lock->owner, 0, memory_order_release);
    return;
  }
  atomic_store(&lock->owner, 0);
  if (UNLIKELY(atomic_load(&lock->waiters) != 0)) {
    (void)atomic_fetch_add(&lock->turn, 1);
    plat_os_wake_one(&lock->turn);
  }
}

#endif
