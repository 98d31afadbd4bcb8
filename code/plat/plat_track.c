/* plat_track.c -- the kernel's log of which pages were written to
 *
 * Linux write-protects the pages of a range and, at the first write to one,
 * notes that and lets the write pass, without a signal and without cutting
 * the mapping.  The log is read and reset through the process's page map.
 *
 * Design: .plat.track (design/plat.rst).
 */

#include "plat_os.h"

#if defined(__linux__)

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the C library's headers may be (.plat.track.facts). */
#define TRACK_USER_MODE_ONLY 1
#define TRACK_FEATURES ((uint64_t)1 << 13 | (uint64_t)1 << 15)
#define TRACK_SCAN_ARM ((uint64_t)1 << 0)
#define TRACK_SCAN_INSIST ((uint64_t)1 << 1)
#define TRACK_WRITTEN ((uint64_t)1 << 1)

typedef struct TrackScan {
  uint64_t size;
  uint64_t flags;
  uint64_t start;
  uint64_t end;
  uint64_t walk_end;
  uint64_t vec;
  uint64_t vec_len;
  uint64_t max_pages;
  uint64_t category_inverted;
  uint64_t category_mask;
  uint64_t category_anyof_mask;
  uint64_t return_mask;
} TrackScan;

typedef struct TrackRegion {
  uint64_t start;
  uint64_t end;
  uint64_t categories;
} TrackRegion;

#define TRACK_SCAN _IOWR('f', 16, TrackScan)
#define TRACK_REGIONS 12

/* The two files, for all arenas of the process; -1 before the first use and
 * after a failure.  They are opened under the lock, and never closed while
 * a range may need them. */
static pthread_mutex_t track_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int track_faults = -1;
static _Atomic int track_pages = -1;

static int track_open_faults(void)
{
  struct uffdio_api api
      = {.api = UFFD_API, .features = TRACK_FEATURES, .ioctls = 0};
  int file = (int)syscall(SYS_userfaultfd,
                          O_CLOEXEC | O_NONBLOCK | TRACK_USER_MODE_ONLY);

  if (file >= 0 && ioctl(file, UFFDIO_API, &api) != 0) {
    (void)close(file);
    file = -1;
  }
  return file;
}

static bool track_open(void)
{
  int faults;
  int pages;

  if (atomic_load(&track_faults) >= 0)
    return true;
  faults = track_open_faults();
  if (faults < 0)
    return false;
  pages = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pages < 0) {
    (void)close(faults);
    return false;
  }
  atomic_store(&track_pages, pages);
  atomic_store(&track_faults, faults);
  return true;
}

static bool track_register(Addr base, Size size)
{
  struct uffdio_register range
      = {.range = {.start = (uint64_t)(Word)base, .len = size},
         .mode = UFFDIO_REGISTER_MODE_WP,
         .ioctls = 0};

  return ioctl(atomic_load(&track_faults), UFFDIO_REGISTER, &range) == 0;
}

/* track_scan -- the one call that lists and resets; the number of regions,
 * or -1 */

static int track_scan(TrackScan *scan)
{
  int saved = errno;
  int count;

  scan->size = sizeof *scan;
  scan->category_mask = TRACK_WRITTEN;
  scan->return_mask = TRACK_WRITTEN;
  do
    count = ioctl(atomic_load(&track_pages), TRACK_SCAN, scan);
  while (count < 0 && errno == EINTR);
  errno = saved;
  return count;
}

bool plat_track_start(Addr base, Size size)
{
  int saved = errno;
  PlatRange range;
  Count count;
  Addr from;
  bool is_started;

  (void)pthread_mutex_lock(&track_lock);
  is_started = track_open() && track_register(base, size);
  (void)pthread_mutex_unlock(&track_lock);
  errno = saved;
  /* Kernels that know the first call may not know the second. */
  return is_started
         && plat_track_list(&range, &count, &from, 1, base,
                            addr_add(base, plat_page_size()));
}

bool plat_track_arm(Addr base, Size size)
{
  TrackScan scan;

  (void)memset(&scan, 0, sizeof scan);
  scan.flags = TRACK_SCAN_ARM | TRACK_SCAN_INSIST;
  scan.start = (uint64_t)(Word)base;
  scan.end = scan.start + size;
  return track_scan(&scan) >= 0;
}

void plat_track_disarm(Addr base, Size size)
{
  int saved = errno;
  struct uffdio_writeprotect range
      = {.range = {.start = (uint64_t)(Word)base, .len = size}, .mode = 0};

  (void)ioctl(atomic_load(&track_faults), UFFDIO_WRITEPROTECT, &range);
  errno = saved;
}

bool plat_track_list(PlatRange *ranges, Count *count_out, Addr *from_out,
                     Count max, Addr base, Addr limit)
{
  TrackRegion regions[TRACK_REGIONS];
  TrackScan scan;
  int count;

  (void)memset(&scan, 0, sizeof scan);
  scan.flags = TRACK_SCAN_INSIST;
  scan.start = (uint64_t)(Word)base;
  scan.end = (uint64_t)(Word)limit;
  scan.vec = (uint64_t)(uintptr_t)regions;
  scan.vec_len = size_min(max, TRACK_REGIONS);
  count = track_scan(&scan);
  if (count < 0)
    return false;
  for (int i = 0; i < count; ++i)
    ranges[i] = (PlatRange){(Addr)(uintptr_t)regions[i].start,
                            (Addr)(uintptr_t)regions[i].end};
  *count_out = (Count)count;
  *from_out = (Addr)(uintptr_t)scan.walk_end;
  return true;
}

void plat_track_renew(Addr base, Size size)
{
  int saved = errno;

  /* What isn't tracked any more shows as a failure to list it. */
  if (atomic_load(&track_faults) >= 0)
    (void)track_register(base, size);
  errno = saved;
}

/* Both files are of the parent's memory.  The child's mappings have lost
 * their tracking. */
void plat_track_reinit(void)
{
  int faults = atomic_exchange(&track_faults, -1);
  int pages = atomic_exchange(&track_pages, -1);

  (void)pthread_mutex_init(&track_lock, NULL);
  if (faults >= 0)
    (void)close(faults);
  if (pages >= 0)
    (void)close(pages);
}

#else

bool plat_track_start(Addr base, Size size)
{
  (void)base;
  (void)size;
  return false;
}

bool plat_track_arm(Addr base, Size size)
{
  (void)base;
  (void)size;
  return false;
}

void plat_track_disarm(Addr base, Size size)
{
  (void)base;
  (void)size;
}

bool plat_track_list(PlatRange *ranges, Count *count_out, Addr *from_out,
                     Count max, Addr base, Addr limit)
{
  (void)ranges;
  (void)count_out;
  (void)from_out;
  (void)max;
  (void)base;
  (void)limit;
  return false;
}

void plat_track_renew(Addr base, Size size)
{
  (void)base;
  (void)size;
}

void plat_track_reinit(void)
{
}

#endif
