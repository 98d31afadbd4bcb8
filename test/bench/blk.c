/* blk.c -- block heaps: allocation, freeing, growing, marking, sweeping
 *
 *   blk WORKLOAD [SCALE] [--json]
 *
 *   fill    one-block objects until a heap of 64 MB is full
 *   two     the first 20,000 two-block objects of a heap of 64 MB
 *   mixed   free an object and allocate another, of one to five blocks, in
 *           a heap of 16 MB that is 90 % full and has seen many such
 *   churn   allocation that lets go of something each time, and collections,
 *           in a heap of 4 MB, 80 % live
 *   grow    one buffer in place by steps of 4 KB up to 16 MB
 *   sweep   64 MB of dead one-block objects
 *   list    mark a list in address order, 64 MB
 *   graph   mark a tree with random edges at random addresses, 256 MB
 *   comb    mark 3,000 wide nodes, each of which refers to the next only
 *           after more leaves than a mark stack of 64 entries holds
 *   meta    what part of the memory isn't blocks
 *
 * Collections are driven by the client: exactly the words that it gives are
 * roots.  SCALE divides the sizes of mixed, graph and comb.
 *
 * Design: .bench.workload.blk (design/bench.rst).
 */

#include "blkheap.h"

#include <sys/mman.h>

#define KILOBYTE ((size_t)1 << 10)

typedef void *Node[BLOCK / sizeof(void *)];

static Facts facts;
static unsigned long scale = 1;
static uint64_t seed = RANDOM_SEED;
static double spent; /* seconds of processor time since start() */

static void start(void)
{
  spent = now_cpu();
}

static void stop(void)
{
  spent = now_cpu() - spent;
}

static void *need(void *p)
{
  if (p != NULL)
    return p;
  fprintf(stderr, "blk: the heap is full\n");
  exit(1);
}

static void expect(bool condition, const char *what)
{
  if (condition)
    return;
  fprintf(stderr, "blk: %s\n", what);
  exit(1);
}

/* A fresh heap; all its memory has been touched. */
static void make(size_t size, unsigned long entries)
{
  void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  expect(base != MAP_FAILED, "no memory");
  memset(base, 1, size);
  memset(base, 0, size);
  heap_make(base, size, entries);
}

/* The figure that targets are for is a speed: millions of events a second. */
static void report(const char *what, size_t events)
{
  facts_begin(&facts, "blk", what);
  fact(&facts, "Mevents/s", 6, (double)events / spent / 1e6);
  fact(&facts, "ns/event", 3, spent * 1e9 / (double)events);
  fact(&facts, "ms", 3, spent * 1e3);
  fact(&facts, "events", 0, (double)events);
  facts_end(&facts);
}

static size_t collect(void **roots, size_t count)
{
  heap_begin();
  heap_mark(roots, count);
  return heap_end();
}


/* Allocation and freeing */

static size_t fill_up(void)
{
  size_t n = 0;

  while (heap_alloc(BLOCK) != NULL)
    ++n;
  return n;
}

static void fill(void)
{
  size_t n;

  make(64 * MEGABYTE, 0);
  start();
  n = fill_up();
  stop();
  expect(n == heap_total() / BLOCK, "it didn't fill up");
  report("fill", n);
}

static void two(void)
{
  size_t i, n = 20000;

  make(64 * MEGABYTE, 0);
  start();
  for (i = 0; i < n; ++i)
    need(heap_alloc(2 * BLOCK));
  stop();
  report("two", n);
}

/* One to five blocks */
static size_t random_size(void)
{
  return 1 + (random_next(&seed) >> 8) % (5 * BLOCK);
}

typedef struct Kept {
  void **object;
  size_t *blocks;
  size_t count, used; /* blocks */
} Kept;

static void kept_init(Kept *kept)
{
  kept->object = need(calloc(heap_total() / BLOCK, sizeof *kept->object));
  kept->blocks = need(calloc(heap_total() / BLOCK, sizeof *kept->blocks));
  kept->count = kept->used = 0;
}

static bool keep(Kept *kept, void *p, size_t size)
{
  if (p == NULL)
    return false;
  kept->object[kept->count] = p;
  kept->blocks[kept->count] = (size + BLOCK - 1) / BLOCK;
  kept->used += kept->blocks[kept->count++];
  return true;
}

static void keep_all(Kept *kept)
{
  size_t size;

  do
    size = random_size();
  while (keep(kept, heap_alloc(size), size));
}

static void free_any(Kept *kept)
{
  size_t i = (random_next(&seed) >> 8) % kept->count;

  heap_free(kept->object[i]);
  kept->used -= kept->blocks[i];
  kept->object[i] = kept->object[--kept->count];
  kept->blocks[i] = kept->blocks[kept->count];
}

/* Free what makes the heap fuller than that, then allocate. */
static void replace(Kept *kept, size_t most)
{
  size_t size = random_size();

  do
    free_any(kept);
  while (kept->used + size / BLOCK + 1 > most);
  while (!keep(kept, heap_alloc(size), size))
    free_any(kept);
}

static void mixed(void)
{
  size_t i, n = 20000 / scale, most;
  Kept kept;

  make(16 * MEGABYTE, 0);
  kept_init(&kept);
  most = heap_total() / BLOCK * 9 / 10;
  keep_all(&kept);
  while (kept.used > most)
    free_any(&kept);
  for (i = 0; i < 5 * n; ++i)
    replace(&kept, most);
  start();
  for (i = 0; i < n; ++i)
    replace(&kept, most);
  stop();
  report("mixed", n);
}

static void churn(void)
{
  size_t i, n = 100000, most;
  Kept kept;

  make(4 * MEGABYTE, 0);
  kept_init(&kept);
  most = heap_total() / BLOCK * 8 / 10;
  while (kept.used < most) {
    size_t size = random_size();
    keep(&kept, need(heap_alloc(size)), size);
  }
  start();
  for (i = 0; i < n; ++i) {
    size_t slot = (random_next(&seed) >> 8) % kept.count;
    size_t size = kept.blocks[slot] * BLOCK;
    kept.object[slot] = heap_alloc(size);
    if (kept.object[slot] == NULL) {
      collect(kept.object, kept.count);
      kept.object[slot] = need(heap_alloc(size));
    }
  }
  stop();
  report("churn", n);
}

static void grow(void)
{
  size_t size, n = 0;
  void *p;

  make(64 * MEGABYTE, 0);
  p = need(heap_alloc(4 * KILOBYTE));
  start();
  for (size = 8 * KILOBYTE; size <= 16 * MEGABYTE; size += 4 * KILOBYTE, ++n)
    need(heap_grow(p, size));
  stop();
  report("grow", n);
}


/* Collection */

static void sweep(void)
{
  size_t n;

  make(64 * MEGABYTE, 0);
  n = fill_up();
  heap_begin();
  start();
  expect(heap_end() == n, "it didn't free all");
  stop();
  report("sweep", n);
}

/* A whole collection; what is swept is all alive. */
static void mark(const char *what, void *root, size_t live)
{
  start();
  heap_begin();
  heap_mark(&root, 1);
  expect(heap_end() == 0, "it freed what is live");
  stop();
  report(what, live);
}

static void list(void)
{
  size_t i, n;
  Node *first, *last;

  make(64 * MEGABYTE, 0);
  n = heap_total() / BLOCK;
  first = last = need(heap_alloc(BLOCK));
  for (i = 1; i < n; ++i) {
    Node *next = need(heap_alloc(BLOCK));
    (*last)[0] = next;
    last = next;
  }
  mark("list", first, n);
}

/* Node k of a binary tree refers to nodes 2k + 1 and 2k + 2, and to another. */
static void graph(void)
{
  size_t k, n;
  Node **node;

  make(256 * MEGABYTE / scale, 0);
  n = heap_total() / BLOCK;
  node = need(calloc(n, sizeof(Node *)));
  for (k = 0; k < n; ++k)
    node[k] = need(heap_alloc(BLOCK));
  for (k = n - 1; k > 0; --k) {
    size_t j = (random_next(&seed) >> 8) % (k + 1);
    Node *t = node[k];
    node[k] = node[j];
    node[j] = t;
  }
  for (k = 0; k < n; ++k) {
    (*node[k])[0] = 2 * k + 1 < n ? node[2 * k + 1] : NULL;
    (*node[k])[1] = 2 * k + 2 < n ? node[2 * k + 2] : NULL;
    (*node[k])[2] = node[(random_next(&seed) >> 8) % n];
  }
  mark("graph", node[0], n);
}

/* Each node is made before the one that refers to it, as by consing. */
static void comb(void)
{
  enum {
    TEETH = 90
  };
  size_t i, k, n = 3000 / scale;
  void **last = NULL;

  make(16 * MEGABYTE, 64);
  for (i = 0; i < n; ++i) {
    void **node = need(heap_alloc((TEETH + 2) * sizeof *node));
    node[0] = NULL;
    for (k = 0; k < TEETH; ++k)
      node[1 + k] = need(heap_alloc(BLOCK));
    node[1 + TEETH] = last;
    last = node;
  }
  mark("comb", last, n * (1 + TEETH));
}

static void meta(void)
{
  size_t size = 64 * MEGABYTE;

  make(size, 0);
  facts_begin(&facts, "blk", "meta");
  fact(&facts, "percent", 4,
       100.0 * (double)(size - heap_total()) / (double)size);
  facts_end(&facts);
}

static const struct {
  const char *name;
  void (*run)(void);
} workloads[] = {
    {"fill", fill}, {"two", two},     {"mixed", mixed}, {"churn", churn},
    {"grow", grow}, {"sweep", sweep}, {"list", list},   {"graph", graph},
    {"comb", comb}, {"meta", meta},
};

int main(int argc, char **argv)
{
  size_t i;

  facts = facts_of_args(&argc, argv);
  scale = arg_ulong(argc, argv, 2, 1);
  for (i = 0; i < sizeof workloads / sizeof workloads[0]; ++i)
    if (argc > 1 && strcmp(argv[1], workloads[i].name) == 0) {
      workloads[i].run();
      heap_unmake();
      return 0;
    }
  fprintf(stderr, "blk: which workload?\n");
  return 2;
}
