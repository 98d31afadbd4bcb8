/* plat_vm_posix.c -- address space, memory and protection by mmap
 *
 * Design: .plat.vm (design/plat.rst).
 */

#include "plat.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if !defined(MAP_NORESERVE)
#define MAP_NORESERVE 0
#endif

/* Newer than the C library's headers may be. */
#if defined(__linux__) && !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_WRITE 23
#endif

#define PLAT_VM_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

Size plat_page_size(void)
{
  static _Atomic Size known;
  Size size = atomic_load_explicit(&known, memory_order_relaxed);

  if (UNLIKELY(size == 0)) {
    size = (Size)sysconf(_SC_PAGESIZE);
    atomic_store_explicit(&known, size, memory_order_relaxed);
  }
  return size;
}

/* Everything here takes whole pages, and something of them. */
static bool plat_vm_is_range(Addr base, Size size)
{
  return size != 0 && size_is_aligned(size, plat_page_size())
         && size_is_aligned((Size)base, plat_page_size());
}


/* Reservations */

Res plat_vm_reserve(Addr *base_out, Size size, Size align)
{
  Size page = plat_page_size();
  Size slack = align - page;

  ASSERT(size_is_pow2(align) && align >= page);
  ASSERT(size != 0 && size_is_aligned(size, page));

  if (size > SIZE_MAX - slack)
    return MPS_RES_RESOURCE;
  void *room = mmap(NULL, size + slack, PROT_NONE, PLAT_VM_FLAGS, -1, 0);
  if (room == MAP_FAILED)
    return MPS_RES_RESOURCE;

  /* Trim what is over on both sides. */
  Addr base = addr_round_up((Addr)room, align);
  Size before = addr_diff((Addr)room, base);
  if (before != 0)
    (void)munmap(room, before);
  if (before != slack)
    (void)munmap(addr_add(base, size), slack - before);
  *base_out = base;
  return MPS_RES_OK;
}

Res plat_vm_reserve_table(Addr *base_out, Size size)
{
  ASSERT(size != 0 && size_is_aligned(size, plat_page_size()));

  void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, PLAT_VM_FLAGS, -1, 0);
  if (room == MAP_FAILED)
    return MPS_RES_RESOURCE;
#if defined(MADV_NOHUGEPAGE)
  /* A huge page for each touch would make a sparse table dense. */
  (void)madvise(room, size, MADV_NOHUGEPAGE);
#endif
  *base_out = (Addr)room;
  return MPS_RES_OK;
}

void plat_vm_release(Addr base, Size size)
{
  ASSERT(plat_vm_is_range(base, size));

  /* The system may have merged the reservation with a neighbour, and then
   * lack the means to cut it out.  Its memory goes back even so. */
  if (munmap(base, size) != 0)
    (void)madvise(base, size, MADV_DONTNEED);
}


/* Memory */

Res plat_vm_map(Addr base, Size size)
{
  ASSERT(plat_vm_is_range(base, size));

  if (mprotect(base, size, PROT_READ | PROT_WRITE) == 0)
    return MPS_RES_OK;

  /* The front of the range may have been opened.  We don't map the range
   * anew instead: that can fail too, and then leaves a hole in the
   * reservation that another thread may fill (.plat.vm.not.map-fixed). */
  (void)mprotect(base, size, PROT_NONE);
  return MPS_RES_MEMORY;
}

void plat_vm_unmap(Addr base, Size size)
{
  ASSERT(plat_vm_is_range(base, size));

  /* A new mapping, because a mere change of protection wouldn't give back
   * what the system has set aside for the range.  It can be refused where
   * it would cut a mapping in two; then at least the memory goes back. */
  if (mmap(base, size, PROT_NONE, PLAT_VM_FLAGS | MAP_FIXED, -1, 0)
      == MAP_FAILED) {
    plat_vm_purge(base, size);
    (void)mprotect(base, size, PROT_NONE);
  }
  plat_track_renew(base, size);
}

void plat_vm_purge(Addr base, Size size)
{
  ASSERT(plat_vm_is_range(base, size));

#if defined(__linux__)
  if (madvise(base, size, MADV_DONTNEED) == 0)
    return;
#endif
  /* Locked in memory, or a system whose MADV_DONTNEED promises nothing:
   * the range must read as zero all the same. */
  if (mprotect(base, size, PROT_READ | PROT_WRITE) == 0)
    (void)memset(base, 0, size);
}

void plat_vm_populate(Addr base, Size size)
{
#if defined(MADV_POPULATE_WRITE)
  static atomic_bool is_unknown;

  ASSERT(plat_vm_is_range(base, size));
  if (atomic_load_explicit(&is_unknown, memory_order_relaxed)
      || madvise(base, size, MADV_POPULATE_WRITE) == 0 || errno != EINVAL)
    return;
  /* Was it the range, or doesn't this kernel know the advice?  On an
   * empty range only the second is an error. */
  if (madvise(base, 0, MADV_POPULATE_WRITE) != 0 && errno == EINVAL)
    atomic_store_explicit(&is_unknown, true, memory_order_relaxed);
#else
  (void)base;
  (void)size;
#endif
}

void plat_vm_prefer_huge(Addr base, Size size, bool is_huge)
{
#if defined(MADV_HUGEPAGE)
  ASSERT(plat_vm_is_range(base, size));
  (void)madvise(base, size, is_huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#else
  (void)base;
  (void)size;
  (void)is_huge;
#endif
}


/* Protection */

/* Mappings that we hold for no other use than to let them go when a write
 * must be allowed and the process has no mapping left (.plat.vm.ballast).
 * It takes at most two to cut a range out of a protected one. */
#define PLAT_VM_BALLAST 64

static _Atomic(Addr) plat_vm_ballast;
static atomic_uint plat_vm_ballast_rest; /* requests until the next try */

static Size plat_vm_ballast_size(void)
{
  return PLAT_VM_BALLAST * plat_page_size();
}

static void plat_vm_ballast_load(void)
{
  Size size = plat_vm_ballast_size();
  Size page = plat_page_size();
  Addr none = NULL;

  if (LIKELY(atomic_load_explicit(&plat_vm_ballast, memory_order_relaxed)
             != NULL))
    return;
  if (atomic_load(&plat_vm_ballast_rest) != 0) {
    (void)atomic_fetch_sub(&plat_vm_ballast_rest, 1);
    return;
  }

  void *room = mmap(NULL, size, PROT_NONE, PLAT_VM_FLAGS, -1, 0);
  bool is_loaded = room != MAP_FAILED;
  for (Size at = 0; is_loaded && at < size; at += 2 * page)
    is_loaded = mprotect(addr_add((Addr)room, at), page, PROT_READ) == 0;

  if (is_loaded
      && atomic_compare_exchange_strong(&plat_vm_ballast, &none, (Addr)room))
    return;
  atomic_store(&plat_vm_ballast_rest, PLAT_VM_BALLAST);
  if (room != MAP_FAILED)
    (void)munmap(room, size);
}

/* This may run in the fault handler. */
static bool plat_vm_ballast_drop(void)
{
  Addr ballast = atomic_exchange(&plat_vm_ballast, NULL);

  atomic_store(&plat_vm_ballast_rest, PLAT_VM_BALLAST);
  return ballast != NULL && munmap(ballast, plat_vm_ballast_size()) == 0;
}

bool plat_vm_protect(Addr base, Size size, PlatAccess access)
{
  ASSERT(plat_vm_is_range(base, size));

  if (access != PLAT_ACCESS_ALL) {
    plat_vm_ballast_load();
    return mprotect(base, size,
                    access == PLAT_ACCESS_READ ? PROT_READ : PROT_NONE)
           == 0;
  }
  return mprotect(base, size, PROT_READ | PROT_WRITE) == 0
         || (plat_vm_ballast_drop()
             && mprotect(base, size, PROT_READ | PROT_WRITE) == 0);
}
