/* rate.c -- the rate of allocation of small objects that die at once
 *
 *   rate SIZE MILLIONS [WINDOW] [--json]
 *
 * Every word of an object is filled, and its address goes into a volatile
 * sink.  Where the program must free, WINDOW objects are live at a time,
 * first in, first out; a window of 1 frees at once.
 *
 * RATE_CLASS in the environment names the pool class: amc, lo, ams, awl.
 *
 * Build with one of -DGC_MPS, -DUSE_MVFF (mps_alloc and mps_free),
 * -DUSE_MVFF_AP (allocation points and mps_free), -DGC_BOEHM (and
 * -DATOMIC), -DUSE_MALLOC, -DGC_MI, -DGC_BUMP (the bound: bump and fill a 4 MB buffer).
 *
 * Design: .bench.workload.rate (design/bench.rst).
 */

#include "common.h"

#ifdef GC_MPS
#include "mpsfmt.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"
static mps_ap_t ap;
static mps_thr_t thr;
static mps_root_t root;
#endif
#ifdef GC_BOEHM
#define GC_THREADS
#include <gc.h>
#endif
#if defined USE_MVFF || defined USE_MVFF_AP
#include "mps.h"
#include "mpsavm.h"
#include "mpscmvff.h"
static mps_arena_t manual_arena;
static mps_pool_t manual_pool;
static mps_ap_t manual_ap;
#define ALLOC manual_alloc
#define FREE(p) mps_free(manual_pool, p, size)

static void must_be_ok(mps_res_t res)
{
  if (res != MPS_RES_OK) {
    fprintf(stderr, "result %d\n", res);
    exit(1);
  }
}

static inline void *manual_alloc(size_t size)
{
  mps_addr_t p;
#ifdef USE_MVFF
  must_be_ok(mps_alloc(&p, manual_pool, size));
#else
  do
    must_be_ok(mps_reserve(&p, manual_ap, size));
  while (!mps_commit(manual_ap, p, size));
#endif
  return p;
}
#elif defined GC_MI
#include <mimalloc.h>
#define ALLOC mi_malloc
#define FREE mi_free
#else
#define ALLOC malloc
#define FREE free
#endif

static void *volatile sink;

#if defined GC_MPS

static inline void one(size_t size, unsigned long k, unsigned long window)
{
  size_t w, words = size / sizeof(word);
  mps_addr_t p;
  word *q;

  do {
    if (mps_reserve(&p, ap, size) != MPS_RES_OK) {
      fprintf(stderr, "oom\n");
      exit(1);
    }
    q = p;
    q[0] = HDR(T_NODE, size);
    q[1] = 0;
    if (words > 2)
      q[2] = 0;
    else
      q[0] = HDR(T_LEAF, size);
    for (w = 3; w < words; ++w)
      q[w] = k;
  } while (!mps_commit(ap, p, size));
  sink = q;
}

#elif defined GC_BOEHM

static inline void one(size_t size, unsigned long k, unsigned long window)
{
  uintptr_t *q;
#ifdef ATOMIC
  size_t w;

  q = GC_MALLOC_ATOMIC(size);
  for (w = 0; w < size / sizeof *q; ++w)
    q[w] = k;
#else
  q = GC_MALLOC(size); /* comes cleared */
  q[0] = k;
#endif
  sink = q;
}

#elif defined GC_BUMP

static inline void one(size_t size, unsigned long k, unsigned long window)
{
  static char buffer[4 << 20];
  static size_t at;
  uintptr_t *q;
  size_t w;

  if (at + size > sizeof buffer)
    at = 0;
  q = (uintptr_t *)(void *)(buffer + at);
  at += size;
  for (w = 0; w < size / sizeof *q; ++w)
    q[w] = k;
  sink = q;
}

#else

static void *ring[65536];

static inline void one(size_t size, unsigned long k, unsigned long window)
{
  uintptr_t *q = ALLOC(size);
  size_t w;

  for (w = 0; w < size / sizeof *q; ++w)
    q[w] = k;
  sink = q;
  if (window <= 1) {
    FREE(sink);
  } else {
    size_t slot = k & (window - 1);
    if (ring[slot] != NULL)
      FREE(ring[slot]);
    ring[slot] = q;
  }
}

#endif

static __attribute__((noinline)) void run(size_t size, unsigned long n,
                                          unsigned long window)
{
  unsigned long k;

  for (k = 0; k < n; ++k)
    one(size, k, window);
}

#ifdef GC_MPS
static mps_pool_class_t chosen_class(void)
{
  const char *name = getenv("RATE_CLASS");

  if (name == NULL || strcmp(name, "amc") == 0)
    return mps_class_amc();
  if (strcmp(name, "lo") == 0)
    return mps_class_lo();
  if (strcmp(name, "ams") == 0)
    return mps_class_ams();
  if (strcmp(name, "awl") == 0)
    return mps_class_awl();
  fprintf(stderr, "no such class: %s\n", name);
  exit(2);
}
#endif

static void setup(void *cold)
{
#if defined USE_MVFF || defined USE_MVFF_AP
  must_be_ok(
      mps_arena_create_k(&manual_arena, mps_arena_class_vm(), mps_args_none));
  must_be_ok(mps_pool_create_k(&manual_pool, manual_arena, mps_class_mvff(),
                               mps_args_none));
  must_be_ok(mps_ap_create_k(&manual_ap, manual_pool, mps_args_none));
#endif
#ifdef GC_MPS
  gc_setup(chosen_class());
  must(mps_thread_reg(&thr, arena), "thr");
  must(mps_root_create_thread(&root, arena, thr, cold), "root");
  must(mps_ap_create_k(&ap, pool, mps_args_none), "ap");
#endif
#ifdef GC_BOEHM
  GC_INIT();
  if (env_long("BOEHM_INC", 0))
    GC_enable_incremental();
#endif
}

static unsigned long collections(void)
{
#if defined GC_MPS
  return gc_cycles();
#elif defined GC_BOEHM
  return GC_get_gc_no();
#else
  return 0;
#endif
}

int main(int argc, char **argv)
{
  Facts facts = facts_of_args(&argc, argv);
  size_t size = arg_ulong(argc, argv, 1, 32);
  unsigned long n = arg_ulong(argc, argv, 2, 100) * 1000000ul;
  unsigned long window = arg_ulong(argc, argv, 3, 1);
  double wall, cpu;
  void *cold = &cold;

  setup(cold);
  wall = now_wall();
  cpu = now_cpu();
  run(size, n, window);
  wall = now_wall() - wall;
  cpu = now_cpu() - cpu;

  facts_begin(&facts, "rate", "");
  fact(&facts, "size", 0, (double)size);
  fact(&facts, "n", 0, (double)n);
  fact(&facts, "wall", 3, wall);
  fact(&facts, "cpu", 3, cpu);
  fact(&facts, "sys", 3, sys_cpu());
  fact(&facts, "Mobj/s", 1, (double)n / cpu / 1e6);
  fact(&facts, "ns/obj", 2, cpu / (double)n * 1e9);
  fact(&facts, "GB/s", 2, (double)n * (double)size / cpu / 1e9);
  fact(&facts, "collections", 0, (double)collections());
  fact(&facts, "peakMB", 1, peak_rss_mb());
  facts_end(&facts);
  return 0;
}
