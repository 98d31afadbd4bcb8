/* pause.c -- the pauses that a program sees with a large live heap
 *
 *   pause LIVE_MB SECONDS [--json]
 *
 * The live heap is an array, in vectors of 1000 slots, of trees of 31
 * nodes of 32 bytes.  One operation puts a new tree into a random slot (31
 * allocations and one store into an old vector), then walks another.  Each
 * operation is timed with the thread's processor clock, so that other
 * processes don't count, and in wall time.  SECONDS are of the former.
 *
 * Build with one of -DGC_MPS, -DGC_BOEHM, -DUSE_MALLOC.
 *
 * Design: .bench.workload.pause (design/bench.rst).
 */

#include "common.h"

#ifdef GC_MPS
#include "mpsfmt.h"
static mps_ap_t ap;
static mps_thr_t thr;
static mps_root_t root, table_root;
#endif
#ifdef GC_BOEHM
#define GC_THREADS
#include <gc.h>
#endif

#define W(o, i) (((uintptr_t *)(o))[i])
#define OPS_MAX 40000000ul
#define TREE_DEPTH 4
#define TREE_NODES 31
#define SLOTS 1000

static void *roots[2]; /* an exact root; 0 is the array of vectors */

typedef struct Times {
  size_t count;
  float *cpu;  /* of each operation */
  float *wall; /* the same */
  double total;
  double over1, over10; /* processor time in operations that took longer */
} Times;

static inline void *node(void)
{
#if defined GC_MPS
  mps_addr_t p;
  word *q;

  do {
    must(mps_reserve(&p, ap, 32), "reserve");
    q = p;
    q[0] = HDR(T_NODE, 32);
    q[1] = q[2] = q[3] = 0;
  } while (!mps_commit(ap, p, 32));
  return q;
#elif defined GC_BOEHM
  return GC_MALLOC(32);
#else
  return calloc(1, 32);
#endif
}

static void *vector(size_t n)
{
  size_t size = (n + 1) * sizeof(uintptr_t);
#if defined GC_MPS
  mps_addr_t p;
  word *q;
  size_t k;

  do {
    must(mps_reserve(&p, ap, size), "reserve");
    q = p;
    q[0] = HDR(T_VEC, size);
    for (k = 1; k <= n; ++k)
      q[k] = 0;
  } while (!mps_commit(ap, p, size));
  return q;
#elif defined GC_BOEHM
  return GC_MALLOC(size);
#else
  return calloc(1, size);
#endif
}

/* o was written to: nothing, unless libgc is told of writes by hand */
static inline void wrote(void *o)
{
#ifdef GC_BOEHM
  GC_END_STUBBORN_CHANGE(o);
#endif
}

static void *make(int depth)
{
  void *l = NULL, *r = NULL, *n;

  if (depth > 0) {
    l = make(depth - 1);
    r = make(depth - 1);
  }
  n = node();
  W(n, 1) = (uintptr_t)l;
  W(n, 2) = (uintptr_t)r;
  W(n, 3) = (uintptr_t)depth;
  wrote(n);
  return n;
}

static unsigned long walk(void *n)
{
  if (n == NULL)
    return 0;
  return 1 + walk((void *)W(n, 1)) + walk((void *)W(n, 2));
}

#if defined GC_MPS || defined GC_BOEHM
static void drop(void *n)
{
}
#else
static void drop(void *n)
{
  if (n == NULL)
    return;
  drop((void *)W(n, 1));
  drop((void *)W(n, 2));
  free(n);
}
#endif

static void build(size_t trees)
{
  size_t vectors = (trees + SLOTS - 1) / SLOTS, i;

  roots[0] = vector(vectors);
  for (i = 0; i < vectors; ++i) {
    void *v = vector(SLOTS);
    W(roots[0], 1 + i) = (uintptr_t)v;
  }
  for (i = 0; i < trees; ++i) {
    void *t = make(TREE_DEPTH);
    W(W(roots[0], 1 + i / SLOTS), 1 + i % SLOTS) = (uintptr_t)t;
  }
}

static inline unsigned long operate(uint64_t *seed, size_t trees)
{
  size_t k = random_next(seed) % trees, m = random_next(seed) % trees;
  void *t = make(TREE_DEPTH);

  drop((void *)W(W(roots[0], 1 + k / SLOTS), 1 + k % SLOTS));
  W(W(roots[0], 1 + k / SLOTS), 1 + k % SLOTS) = (uintptr_t)t;
  wrote((void *)W(roots[0], 1 + k / SLOTS));
  return walk((void *)W(W(roots[0], 1 + m / SLOTS), 1 + m % SLOTS));
}

static void mutate(Times *times, size_t trees, double seconds)
{
  uint64_t seed = RANDOM_SEED, cycles = now_cycles();
  unsigned long total = 0, ops = 0;
  double start = now_tcpu(), last = start, hz = env_double("TSC_HZ", 2.0e9);

  do {
    double now;
    uint64_t now_c;
    total += operate(&seed, trees);
    now = now_tcpu();
    now_c = now_cycles();
    if (ops < OPS_MAX) {
      times->cpu[ops] = (float)(now - last);
      times->wall[ops] = (float)((double)(now_c - cycles) / hz);
    }
    if (now - last > 1e-3)
      times->over1 += now - last;
    if (now - last > 10e-3)
      times->over10 += now - last;
    last = now;
    cycles = now_c;
    ++ops;
  } while (last - start < seconds);
  times->total = last - start;
  times->count = ops < OPS_MAX ? ops : OPS_MAX;
  if (total != TREE_NODES * ops) {
    fprintf(stderr, "FAILED check\n");
    exit(1);
  }
}

static int compare(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;

  return x < y ? -1 : x > y;
}

/* The least share of any 100 ms that the program had for itself, where
 * an operation without a pause costs the median. */
static double least_share(const Times *times, float median)
{
  double least = 1, all = 0, own = 0;
  size_t i;

  for (i = 0; i < times->count; ++i) {
    float t = times->cpu[i];
    all += t;
    own += t < 4 * median ? t : median;
    if (all >= 0.1) {
      if (own / all < least)
        least = own / all;
      all = own = 0;
    }
  }
  return least;
}

static float *sorted(const float *values, size_t n)
{
  float *copy = malloc(n * sizeof *copy);

  memcpy(copy, values, n * sizeof *copy);
  qsort(copy, n, sizeof *copy, compare);
  return copy;
}

static void report(Facts *facts, const Times *times)
{
  size_t n = times->count, pauses = 0;
  float *cpu = sorted(times->cpu, n), *wall = sorted(times->wall, n);
  double d = (double)n;

  while (pauses < n && cpu[n - 1 - pauses] > 200e-6f)
    ++pauses;
  fact(facts, "ops", 0, d);
  fact(facts, "cpu", 2, times->total);
  fact(facts, "sys", 2, sys_cpu());
  fact(facts, "us/op", 2, times->total / d * 1e6);
  fact(facts, "op_p50_us", 1, cpu[n / 2] * 1e6);
  fact(facts, "op_p99_us", 1, cpu[(size_t)(d * .99)] * 1e6);
  fact(facts, "op_p99.9_us", 1, cpu[(size_t)(d * .999)] * 1e6);
  fact(facts, "op_p99.99_us", 1, cpu[(size_t)(d * .9999)] * 1e6);
  fact(facts, "max_ms", 2, cpu[n - 1] * 1e3);
  fact(facts, "pauses>0.2ms", 0, (double)pauses);
  if (pauses > 0) {
    const float *first = cpu + (n - pauses);
    fact(facts, "pause_p50_ms", 2, first[pauses / 2] * 1e3);
    fact(facts, "pause_p90_ms", 2, first[pauses * 9 / 10] * 1e3);
    fact(facts, "pause_p99_ms", 2, first[pauses * 99 / 100] * 1e3);
  }
  fact(facts, "wallmax_ms", 2, wall[n - 1] * 1e3);
  fact(facts, "frac>1ms", 3, times->over1 / times->total);
  fact(facts, "frac>10ms", 3, times->over10 / times->total);
  fact(facts, "minMU100ms", 3, least_share(times, cpu[n / 2]));
  free(cpu);
  free(wall);
}

static __attribute__((noinline)) void body(Facts *facts, size_t live_mb,
                                           double seconds)
{
  size_t trees = live_mb * MEGABYTE / (TREE_NODES * 32);
  Times times = {0, NULL, NULL, 0, 0, 0};
  double built = now_tcpu(), wall;

  times.cpu = malloc(OPS_MAX * sizeof *times.cpu);
  times.wall = malloc(OPS_MAX * sizeof *times.wall);
  memset(times.cpu, 0, OPS_MAX * sizeof *times.cpu);
  memset(times.wall, 0, OPS_MAX * sizeof *times.wall);
  build(trees);
  built = now_tcpu() - built;
  wall = now_wall();
  mutate(&times, trees, seconds);
  wall = now_wall() - wall;
  facts_begin(facts, "pause", "");
  fact(facts, "live_MB", 0, (double)live_mb);
  fact(facts, "build", 2, built);
  fact(facts, "wall", 2, wall);
  report(facts, &times);
#ifdef GC_MPS
  fact(facts, "collections", 0, (double)gc_cycles());
  fact(facts, "committedMB", 1, (double)mps_arena_committed(arena) / 1048576);
#endif
#ifdef GC_BOEHM
  fact(facts, "collections", 0, (double)GC_get_gc_no());
  fact(facts, "heapMB", 1, (double)GC_get_heap_size() / 1048576);
#endif
  facts_end(facts);
}

static void setup(void *cold)
{
#ifdef GC_MPS
  gc_setup(mps_class_amc());
  must(mps_thread_reg(&thr, arena), "thr");
  must(mps_root_create_thread(&root, arena, thr, cold), "root");
  must(mps_root_create_area(&table_root, arena, mps_rank_exact(), 0, roots,
                            roots + 2, mps_scan_area, NULL),
       "table");
  must(mps_ap_create_k(&ap, pool, mps_args_none), "ap");
#endif
#ifdef GC_BOEHM
  GC_INIT();
  if (env_long("BOEHM_INC", 0))
    GC_enable_incremental();
  if (getenv("BOEHM_PAUSE_MS") != NULL)
    GC_set_time_limit((unsigned long)env_long("BOEHM_PAUSE_MS", 50));
#endif
}

int main(int argc, char **argv)
{
  Facts facts = facts_of_args(&argc, argv);
  void *cold = &cold;

  setup(cold);
  body(&facts, arg_ulong(argc, argv, 1, 200), argc > 2 ? atof(argv[2]) : 20.0);
  return 0;
}
