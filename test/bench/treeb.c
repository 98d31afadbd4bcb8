/* treeb.c -- binary trees: many die young, one lives long
 *
 *   treeb [THREADS [LONG [MIN [MAX [ARRAY]]]]] [--json]
 *
 * Each thread makes a stretch tree of depth MAX + 1 and drops it, makes a
 * tree of depth LONG and an array of ARRAY doubles that live to the end,
 * then makes and drops trees of depths MIN, MIN + 2, ... MAX, top down and
 * bottom up, equally many nodes at each depth.
 *
 * A node is a header (with the MPS interface only), two links and one word
 * of integers: 32 bytes there, 24 asked for elsewhere, which is a cell of
 * 32 bytes in each of them.
 *
 * Build with one of -DGC_MPS, -DGC_BOEHM, -DUSE_MALLOC, -DGC_MI.  With
 * -DPAUSE the gap between any two allocations is timed too.
 *
 * Design: .bench.workload.treeb (design/bench.rst).
 */

#include "common.h"

#include <pthread.h>

#ifdef GC_MPS
#include "mpsfmt.h"
#endif
#ifdef GC_BOEHM
#define GC_THREADS
#include <gc.h>
#endif
#ifdef GC_MI
#include <mimalloc.h>
#define ALLOC mi_malloc
#define FREE mi_free
#else
#define ALLOC malloc
#define FREE free
#endif

typedef struct Node {
#ifdef GC_MPS
  word header;
#endif
  struct Node *l, *r;
  uint32_t i, j;
} Node;

typedef struct Mutator {
#ifdef GC_MPS
  mps_ap_t ap;
  mps_thr_t thr;
  mps_root_t root;
#endif
#ifdef PAUSE
  uint64_t last, gap_max;
  long preempted;
  unsigned long gaps[64]; /* by log2 of the cycles */
#endif
  int min, max, longd;
  size_t array;
  unsigned long nodes; /* allocated */
} Mutator;

#define TREE_SIZE(depth) ((1ul << ((depth) + 1)) - 1)

/* A gap in which another process ran isn't ours to answer for. */
static inline void tick(Mutator *m)
{
#ifdef PAUSE
  uint64_t now = now_cycles(), gap = now - m->last;

  if (gap > 40000) { /* about 20 microseconds */
    long preempted = preemptions();
    if (preempted == m->preempted) {
      if (gap > m->gap_max)
        m->gap_max = gap;
      ++m->gaps[63 - __builtin_clzll(gap)];
    }
    m->preempted = preempted;
    now = now_cycles();
  }
  m->last = now;
#endif
}

static inline Node *alloc(Mutator *m)
{
  Node *n;

  tick(m);
  ++m->nodes;
#if defined GC_MPS
  {
    mps_addr_t p;
    do {
      if (mps_reserve(&p, m->ap, sizeof(Node)) != MPS_RES_OK) {
        fprintf(stderr, "oom\n");
        exit(1);
      }
      n = p;
      n->header = HDR(T_NODE, sizeof(Node));
      n->l = n->r = NULL;
      n->i = n->j = 0;
    } while (!mps_commit(m->ap, p, sizeof(Node)));
  }
#elif defined GC_BOEHM
  n = GC_MALLOC(sizeof(Node)); /* comes cleared */
#else
  n = ALLOC(sizeof(Node));
  n->l = n->r = NULL;
  n->i = n->j = 0;
#endif
  return n;
}

#if defined USE_MALLOC || defined GC_MI
static void drop(Node *n)
{
  if (n->l != NULL)
    drop(n->l);
  if (n->r != NULL)
    drop(n->r);
  FREE(n);
}
#else
static void drop(Node *n)
{
}
#endif

/* n was written to: nothing, unless libgc is told of writes by hand */
static inline void wrote(Node *n)
{
#ifdef GC_BOEHM
  GC_END_STUBBORN_CHANGE(n);
#endif
}

static void fill(Mutator *m, int depth, Node *n) /* top down */
{
  if (depth <= 0)
    return;
  n->l = alloc(m);
  wrote(n);
  n->r = alloc(m);
  wrote(n);
  fill(m, depth - 1, n->l);
  fill(m, depth - 1, n->r);
}

static Node *make(Mutator *m, int depth) /* bottom up */
{
  Node *l, *r, *n;

  if (depth <= 0)
    return alloc(m);
  l = make(m, depth - 1);
  r = make(m, depth - 1);
  n = alloc(m);
  n->l = l;
  n->r = r;
  wrote(n);
  return n;
}

static size_t count(Node *n)
{
  return n != NULL ? 1 + count(n->l) + count(n->r) : 0;
}

static double *make_array(Mutator *m)
{
#if defined GC_MPS
  size_t size = (1 + m->array) * sizeof(double);
  mps_addr_t p;

  do {
    must(mps_reserve(&p, m->ap, size), "array");
    *(word *)p = HDR(T_LEAF, size);
  } while (!mps_commit(m->ap, p, size));
  return (double *)p + 1;
#elif defined GC_BOEHM
  return GC_MALLOC_ATOMIC(m->array * sizeof(double));
#else
  return ALLOC(m->array * sizeof(double));
#endif
}

static void short_lived(Mutator *m, int depth)
{
  unsigned long i, times = 2 * TREE_SIZE(m->max + 1) / TREE_SIZE(depth);

  for (i = 0; i < times; ++i) {
    Node *t = alloc(m);
    fill(m, depth, t);
    drop(t);
  }
  for (i = 0; i < times; ++i)
    drop(make(m, depth));
}

static __attribute__((noinline)) void body(Mutator *m)
{
  Node *long_lived;
  double *array;
  int depth;
  size_t k;

  drop(make(m, m->max + 1));
  long_lived = alloc(m);
  fill(m, m->longd, long_lived);
  array = make_array(m);
  for (k = 1; k < m->array / 2; ++k)
    array[k] = 1.0 / (double)k;
  for (depth = m->min; depth <= m->max; depth += 2)
    short_lived(m, depth);
  if (count(long_lived) != TREE_SIZE(m->longd)
      || (m->array > 2000 && array[1000] != 1.0 / 1000)) {
    fprintf(stderr, "FAILED check\n");
    exit(1);
  }
}

static void *thread_main(void *closure)
{
  Mutator *m = closure;
#ifdef GC_MPS
  void *cold = &cold;

  must(mps_thread_reg(&m->thr, arena), "thr");
  must(mps_root_create_thread(&m->root, arena, m->thr, cold), "root");
  must(mps_ap_create_k(&m->ap, pool, mps_args_none), "ap");
#endif
#ifdef PAUSE
  m->last = now_cycles();
  m->preempted = preemptions();
#endif
  body(m);
#ifdef GC_MPS
  mps_ap_destroy(m->ap);
  mps_root_destroy(m->root);
  mps_thread_dereg(m->thr);
#endif
  return NULL;
}

static void run(Mutator *mutators, unsigned long threads)
{
  pthread_t *ids = calloc(threads, sizeof *ids);
  unsigned long i;

  if (threads == 1) {
    thread_main(&mutators[0]);
  } else {
    for (i = 0; i < threads; ++i)
      pthread_create(&ids[i], NULL, thread_main, &mutators[i]);
    for (i = 0; i < threads; ++i)
      pthread_join(ids[i], NULL);
  }
  free(ids);
}

static void setup(void)
{
#ifdef GC_BOEHM
  GC_INIT();
  if (env_long("BOEHM_INC", 0))
    GC_enable_incremental();
#endif
#ifdef GC_MPS
  gc_setup(mps_class_amc());
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

#ifdef PAUSE
static void report_gaps(Facts *facts, const Mutator *mutators,
                        unsigned long threads)
{
  double hz = env_double("TSC_HZ", 2.0e9);
  uint64_t gap_max = 0;
  unsigned long i, gaps[64] = {0};
  int b;

  for (i = 0; i < threads; ++i) {
    if (mutators[i].gap_max > gap_max)
      gap_max = mutators[i].gap_max;
    for (b = 0; b < 64; ++b)
      gaps[b] += mutators[i].gaps[b];
  }
  fact(facts, "maxgap_ms", 2, (double)gap_max / hz * 1e3);
  for (b = 0; b < 64; ++b)
    if (gaps[b] != 0) {
      char name[40];
      snprintf(name, sizeof name, "gaps>=%.2fms",
               (double)(1ull << b) / hz * 1e3);
      fact(facts, name, 0, (double)gaps[b]);
    }
}
#endif

int main(int argc, char **argv)
{
  Facts facts = facts_of_args(&argc, argv);
  unsigned long i, nodes = 0, threads = arg_ulong(argc, argv, 1, 1);
  Mutator *mutators = calloc(threads, sizeof *mutators);
  double wall, cpu;

  setup();
  for (i = 0; i < threads; ++i) {
    mutators[i].longd = (int)arg_ulong(argc, argv, 2, 19);
    mutators[i].min = (int)arg_ulong(argc, argv, 3, 4);
    mutators[i].max = (int)arg_ulong(argc, argv, 4, 20);
    mutators[i].array = arg_ulong(argc, argv, 5, 4000000);
  }
  wall = now_wall();
  cpu = now_cpu();
  run(mutators, threads);
  wall = now_wall() - wall;
  cpu = now_cpu() - cpu;
  for (i = 0; i < threads; ++i)
    nodes += mutators[i].nodes;

  facts_begin(&facts, "treeb", "");
  fact(&facts, "threads", 0, (double)threads);
  fact(&facts, "wall", 3, wall);
  fact(&facts, "cpu", 3, cpu);
  fact(&facts, "sys", 3, sys_cpu());
  fact(&facts, "Mnodes", 1, (double)nodes / 1e6);
  fact(&facts, "ns/node(cpu)", 1, cpu * 1e9 / (double)nodes);
  fact(&facts, "collections", 0, (double)collections());
  fact(&facts, "peakMB", 1, peak_rss_mb());
#ifdef PAUSE
  report_gaps(&facts, mutators, threads);
#endif
  facts_end(&facts);
  return 0;
}
