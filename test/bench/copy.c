/* copy.c -- full collections of a live linked structure
 *
 *   copy SHAPE MB REPEATS [--json]
 *
 * SHAPE is tree (32-byte nodes built depth first), list (32-byte nodes in
 * address order), shuf (the same linked in random order), vec (vectors of
 * 1000 references to one shared leaf), leaf (objects of 4 KB without
 * references, under root vectors).  The time is that of mps_arena_collect,
 * or of GC_gcollect, which marks and doesn't move.
 *
 * Build with -DGC_MPS or -DGC_BOEHM.
 *
 * Design: .bench.workload.copy (design/bench.rst).
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
enum {
  T_NODE = 0,
  T_LEAF = 1,
  T_VEC = 4
};
#endif

#define W(o, i) (((uintptr_t *)(o))[i])

static void *roots[4]; /* an exact root */

static void *obj(int type, size_t size)
{
#ifdef GC_MPS
  mps_addr_t p;
  word *q;
  size_t k;

  do {
    must(mps_reserve(&p, ap, size), "reserve");
    q = p;
    q[0] = HDR(type, size);
    for (k = 1; k < size / sizeof(word); ++k)
      q[k] = 0;
  } while (!mps_commit(ap, p, size));
  return q;
#else
  uintptr_t *q = type == T_LEAF ? GC_MALLOC_ATOMIC(size) : GC_MALLOC(size);

  q[0] = (uintptr_t)size << 3 | (uintptr_t)type;
  return q;
#endif
}

/* Nothing may start by itself while addresses are where no root is. */
static void stop_collecting(void)
{
#ifdef GC_MPS
  mps_arena_park(arena);
#else
  GC_disable();
#endif
}

static void start_collecting(void)
{
#ifdef GC_MPS
  mps_arena_release(arena);
#else
  GC_enable();
#endif
}

static void *tree(int depth)
{
  void *l = NULL, *r = NULL, *n;

  if (depth > 0) {
    l = tree(depth - 1);
    r = tree(depth - 1);
  }
  n = obj(T_NODE, 32);
  W(n, 1) = (uintptr_t)l;
  W(n, 2) = (uintptr_t)r;
  W(n, 3) = (uintptr_t)depth;
  return n;
}

/* Several trees hang on a list, until the size is reached. */
static size_t build_tree(size_t bytes)
{
  int depth = 0;
  size_t n = 0;

  while ((64ul << (depth + 1)) <= bytes + bytes / 4)
    ++depth;
  if (depth > 16)
    depth = 16;
  while (n * 32 < bytes) {
    void *t = tree(depth), *c = obj(T_NODE, 32);
    W(c, 1) = (uintptr_t)t;
    W(c, 2) = (uintptr_t)roots[0];
    roots[0] = c;
    n += 2ul << depth;
  }
  return n;
}

static size_t build_list(size_t bytes)
{
  size_t n = bytes / 32, k;

  for (k = 0; k < n; ++k) {
    void *c = obj(T_NODE, 32);
    W(c, 1) = (uintptr_t)roots[0];
    roots[0] = c;
  }
  return n;
}

static size_t build_shuffled(size_t bytes)
{
  size_t n = bytes / 32, k;
  void **nodes = malloc(n * sizeof *nodes), *last = NULL;
  uint64_t seed = RANDOM_SEED;

  stop_collecting();
  for (k = 0; k < n; ++k)
    nodes[k] = obj(T_NODE, 32);
  for (k = n - 1; k > 0; --k) {
    size_t j = random_next(&seed) % (k + 1);
    void *t = nodes[k];
    nodes[k] = nodes[j];
    nodes[j] = t;
  }
  for (k = 0; k < n; ++k) {
    W(nodes[k], 1) = (uintptr_t)last;
    last = nodes[k];
  }
  roots[0] = last;
  free(nodes);
  start_collecting();
  return n;
}

static size_t build_vectors(size_t bytes, bool leaf)
{
  size_t size = leaf ? 4096 : 8008, per = 1000, n = bytes / size, k = 0;

  roots[1] = obj(T_LEAF, 64);
  while (k < n) {
    void *top = obj(T_VEC, 8 * (per + 2));
    size_t i, w;
    W(top, 1) = (uintptr_t)roots[0];
    roots[0] = top;
    for (i = 0; i < per && k < n; ++i, ++k) {
      void *v = obj(leaf ? T_LEAF : T_VEC, size);
      for (w = 1; !leaf && w <= 1000; ++w)
        W(v, w) = (uintptr_t)roots[1];
      W(roots[0], 2 + i) = (uintptr_t)v;
    }
  }
  return n;
}

static __attribute__((noinline)) size_t build(const char *shape, size_t bytes)
{
  if (strcmp(shape, "tree") == 0)
    return build_tree(bytes);
  if (strcmp(shape, "list") == 0)
    return build_list(bytes);
  if (strcmp(shape, "shuf") == 0)
    return build_shuffled(bytes);
  return build_vectors(bytes, strcmp(shape, "leaf") == 0);
}

static bool has_vectors(const char *shape)
{
  return strcmp(shape, "vec") == 0 || strcmp(shape, "leaf") == 0;
}

/* the address, disguised, of an object that no ambiguous root holds */
static uintptr_t probe(const char *shape)
{
  uintptr_t p = (uintptr_t)roots[0];
  int i;

  if (has_vectors(shape))
    return ~W(p, 2);
  for (i = 0; i < 20 && W(p, 1) != 0; ++i)
    p = W(p, 1);
  return ~p;
}

static size_t tree_count(void *n)
{
  if (n == NULL)
    return 0;
  return 1 + tree_count((void *)W(n, 1)) + tree_count((void *)W(n, 2));
}

/* How many objects are reached? */
static size_t count(const char *shape)
{
  size_t n = 0, i;
  void *p;

  if (strcmp(shape, "tree") == 0)
    for (p = roots[0]; p != NULL; p = (void *)W(p, 2))
      n += 1 + tree_count((void *)W(p, 1));
  else if (!has_vectors(shape))
    for (p = roots[0]; p != NULL; p = (void *)W(p, 1))
      ++n;
  else
    for (p = roots[0]; p != NULL; p = (void *)W(p, 1))
      for (i = 0; i < 1000; ++i)
        n += W(p, 2 + i) != 0;
  return n;
}

static void setup(void *cold)
{
#ifdef GC_MPS
  gc_setup(mps_class_amc());
  must(mps_thread_reg(&thr, arena), "thr");
  must(mps_root_create_thread(&root, arena, thr, cold), "root");
  must(mps_root_create_area(&table_root, arena, mps_rank_exact(), 0, roots,
                            roots + 4, mps_scan_area, NULL),
       "table");
  must(mps_ap_create_k(&ap, pool, mps_args_none), "ap");
#else
  GC_INIT();
  GC_set_max_heap_size(0);
#endif
}

static void collect(void)
{
#ifdef GC_MPS
  must(mps_arena_collect(arena), "collect");
#else
  GC_gcollect();
#endif
}

static void measure(Facts *facts, unsigned long i, const char *shape,
                    double megabytes)
{
  uintptr_t old = probe(shape);
  long faults = minor_faults();
  double wall = now_wall(), sys = sys_cpu(), cpu = now_cpu();

  collect();
  cpu = now_cpu() - cpu;
  wall = now_wall() - wall;
  sys = sys_cpu() - sys;
  facts_begin(facts, "copy", "collect");
  fact(facts, "i", 0, (double)i);
  fact(facts, "wall", 3, wall);
  fact(facts, "cpu", 3, cpu);
  fact(facts, "sys", 3, sys);
  fact(facts, "MB/s(cpu)", 0, megabytes * 1.048576 / cpu);
  fact(facts, "faults", 0, (double)(minor_faults() - faults));
  fact(facts, "moved", 0, (double)(probe(shape) != old));
  fact(facts, "reach", 0, (double)count(shape));
  facts_end(facts);
#ifdef GC_MPS
  mps_arena_release(arena);
#endif
}

int main(int argc, char **argv)
{
  Facts facts = facts_of_args(&argc, argv);
  const char *shape = argc > 1 ? argv[1] : "tree";
  size_t n, megabytes = arg_ulong(argc, argv, 2, 100);
  unsigned long i, repeats = arg_ulong(argc, argv, 3, 5);
  double cpu;
  void *cold = &cold;

  setup(cold);
  cpu = now_cpu();
  n = build(shape, megabytes * MEGABYTE);
  facts_begin(&facts, "copy", "build");
  fact(&facts, "objects", 0, (double)n);
  fact(&facts, "cpu", 3, now_cpu() - cpu);
  facts_end(&facts);
  for (i = 0; i < repeats; ++i)
    measure(&facts, i, shape, (double)megabytes);
  facts_begin(&facts, "copy", "end");
  fact(&facts, "peakMB", 1, peak_rss_mb());
  facts_end(&facts);
  return 0;
}
