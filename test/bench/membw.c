/* membw.c -- what the machine allows
 *
 *   membw [--json]
 *
 * Copying of 100 MB into touched and into fresh memory, the cost of page
 * faults, of mprotect and of a fault's round trip, the latency of
 * dependent loads over 100 MB.
 *
 * Design: .bench.workload.membw (design/bench.rst).
 */

#include "common.h"

#include <signal.h>
#include <sys/mman.h>

#define BYTES (100 * MEGABYTE)
#define HUGE_BYTES (2 * MEGABYTE)
#define PAGE 4096u
#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE, Linux 5.14 */

static char *area, *other, *page;
static volatile long hits;

static char *map(size_t size)
{
  char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (p == MAP_FAILED)
    abort();
  return p;
}

/* megabytes a second of one memcpy */
static double copy_speed(char *to)
{
  double cpu = now_cpu();

  memcpy(to, area, BYTES);
  __asm__ volatile("" ::"r"(to) : "memory");
  return (double)BYTES / 1e6 / (now_cpu() - cpu);
}

static double copy_fresh(bool huge)
{
  char *fresh = map(BYTES + HUGE_BYTES);
  char *at = fresh;
  double speed;

  if (huge) {
    at += (HUGE_BYTES - (uintptr_t)fresh % HUGE_BYTES) % HUGE_BYTES;
    madvise(at, BYTES, MADV_HUGEPAGE);
  }
  speed = copy_speed(at);
  munmap(fresh, BYTES + HUGE_BYTES);
  return speed;
}

static double populate_ms(void)
{
  char *fresh = map(BYTES);
  double cpu = now_cpu();

  madvise(fresh, BYTES, POPULATE_WRITE);
  cpu = now_cpu() - cpu;
  munmap(fresh, BYTES);
  return cpu * 1e3;
}

/* megabytes a second, copying objects of 32 bytes in order */
static double copy_objects(void)
{
  double cpu = now_cpu();
  size_t i;

  for (i = 0; i < BYTES; i += 32) {
    uint64_t *s = (uint64_t *)(void *)(area + i);
    uint64_t *d = (uint64_t *)(void *)(other + i);
    d[0] = s[0];
    d[1] = s[1];
    d[2] = s[2];
    d[3] = s[3];
    __asm__ volatile("" ::: "memory");
  }
  return (double)BYTES / 1e6 / (now_cpu() - cpu);
}

/* nanoseconds of a load whose address is the one before it */
static double dependent_load(void)
{
  size_t n = BYTES / 64, k, x = 0;
  uint32_t *order = malloc(n * sizeof *order);
  uint64_t seed = 12345;
  double cpu;

  for (k = 0; k < n; ++k)
    order[k] = (uint32_t)k;
  for (k = n - 1; k > 0; --k) {
    size_t j = random_next(&seed) % (k + 1);
    uint32_t t = order[k];
    order[k] = order[j];
    order[j] = t;
  }
  for (k = 0; k < n; ++k) {
    uint64_t next = 64ul * order[(k + 1) % n];
    memcpy(area + 64ul * order[k], &next, sizeof next);
  }
  cpu = now_cpu();
  for (k = 0; k < n; ++k)
    x = *(uint64_t *)(void *)(area + x);
  cpu = now_cpu() - cpu;
  __asm__ volatile("" ::"r"(x));
  free(order);
  return cpu / (double)n * 1e9;
}

/* nanoseconds of one call */
static double mprotect_ns(char *base, size_t size)
{
  double cpu = now_cpu();
  int i, times = 100000;

  for (i = 0; i < times; ++i)
    mprotect(base, size, i & 1 ? PROT_READ | PROT_WRITE : PROT_READ);
  return (now_cpu() - cpu) / times * 1e9;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
  ++hits;
  mprotect((void *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1)), PAGE,
           PROT_READ | PROT_WRITE);
}

static double fault_ns(void)
{
  struct sigaction action;
  int i, times = 50000;
  double cpu;

  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, NULL);
  cpu = now_cpu();
  for (i = 0; i < times; ++i) {
    mprotect(page, PAGE, PROT_READ);
    *(volatile char *)page = 1;
  }
  return (now_cpu() - cpu) / times * 1e9;
}

static double best_of(double (*measure)(void), bool most)
{
  double best = measure();
  int i;

  for (i = 0; i < 2; ++i) {
    double value = measure();
    if (most ? value > best : value < best)
      best = value;
  }
  return best;
}

static double copy_warm(void)
{
  return copy_speed(other);
}

static double copy_fresh_small(void)
{
  return copy_fresh(false);
}

static double copy_fresh_huge(void)
{
  return copy_fresh(true);
}

int main(int argc, char **argv)
{
  Facts facts = facts_of_args(&argc, argv);

  area = map(BYTES);
  other = map(BYTES);
  memset(area, 1, BYTES);
  memset(other, 1, BYTES);
  page = map(MEGABYTE);
  memset(page, 1, MEGABYTE);
  facts_begin(&facts, "membw", "");
  fact(&facts, "memcpy_warm_MB/s", 0, best_of(copy_warm, true));
  fact(&facts, "memcpy_fresh_MB/s", 0, best_of(copy_fresh_small, true));
  fact(&facts, "memcpy_fresh_huge_MB/s", 0, best_of(copy_fresh_huge, true));
  fact(&facts, "populate_100MB_ms", 1, best_of(populate_ms, false));
  fact(&facts, "copy_32_bytes_MB/s", 0, best_of(copy_objects, true));
  fact(&facts, "dependent_load_ns", 1, dependent_load());
  fact(&facts, "mprotect_4K_ns", 0, mprotect_ns(page + 8 * PAGE, PAGE));
  fact(&facts, "mprotect_1M_ns", 0, mprotect_ns(page, MEGABYTE));
  fact(&facts, "protect_fault_unprotect_ns", 0, fault_ns());
  facts_end(&facts);
  return 0;
}
