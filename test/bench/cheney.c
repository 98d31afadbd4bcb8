/* cheney.c -- the limit: a bare copy through the same client protocol
 *
 *   cheney SHAPE MB REPEATS [MODE] [--json]
 *
 * The methods scan, skip, fwd and isfwd are called by pointer, the first
 * stage of fix is in line and the second an out-of-line call, as with a
 * library; what the collector adds is one table load a reference.  There
 * is no barrier, no pinning, no generation: a limit and not a collector.
 * MODE 0 calls by pointer, MODE 1 has everything in line.
 *
 * To-space is fresh memory the first time, then the two spaces alternate:
 * from the third collection on both are warm.
 *
 * Design: .bench.workload.copy (design/bench.rst).
 */

#include "common.h"

#include <sys/mman.h>

typedef uintptr_t word;

enum {
  T_NODE = 0,
  T_LEAF = 1,
  T_FWD = 2,
  T_PAD = 3,
  T_VEC = 4
};

#define HDR(type, size) (((word)(size) << 3) | (word)(type))
#define HTYPE(h) ((h)&7)
#define HSIZE(h) ((h) >> 3)
#define PAGE_SHIFT 16
#define INLINE static inline __attribute__((always_inline))

typedef struct ScanState {
  word zone_shift;
  word white; /* zones that hold condemned memory */
  word seen;  /* zones that were referred to */
  char *to;   /* next free byte of to-space */
} ScanState;

static char *range;         /* both spaces */
static unsigned char *cond; /* a flag for each page of the range */
static size_t space;        /* bytes in one space */
static char *from, *to;     /* the two spaces */
static char *freep, *limit; /* allocation while building */
static word *roots[3];

static word *(*m_isfwd)(word *);
static void (*m_fwd)(word *, word *);
static char *(*m_skip)(word *);
static void (*m_scan)(ScanState *, char *, char *);

static word *isfwd(word *p)
{
  return HTYPE(p[0]) == T_FWD ? (word *)p[1] : NULL;
}

static void fwd(word *old, word *moved)
{
  old[0] = HDR(T_FWD, HSIZE(old[0]));
  old[1] = (word)moved;
}

static char *skip(word *p)
{
  return (char *)p + HSIZE(p[0]);
}

INLINE void fix_body(ScanState *ss, word **ref, bool in_line)
{
  word *p = *ref, *n;
  size_t size, i;

  if (!cond[((char *)p - range) >> PAGE_SHIFT])
    return;
  n = in_line ? isfwd(p) : m_isfwd(p);
  if (n != NULL) {
    *ref = n;
    return;
  }
  size = (size_t)((in_line ? skip(p) : m_skip(p)) - (char *)p);
  n = (word *)(void *)ss->to;
  if (size <= 64)
    for (i = 0; i < size / sizeof(word); ++i)
      n[i] = p[i];
  else
    memcpy(n, p, size);
  ss->to += size;
  if (in_line)
    fwd(p, n);
  else
    m_fwd(p, n);
  *ref = n;
}

static __attribute__((noinline)) void fix2(ScanState *ss, word **ref)
{
  fix_body(ss, ref, false);
}

/* The zone of null is never white, so the table isn't asked about it. */
#define FIX(slot) \
  do { \
    word r_ = (slot), zone_ = (word)1 << (r_ >> zs & 63); \
    seen |= zone_; \
    if (white & zone_) { \
      word *x_ = (word *)r_; \
      if (in_line) \
        fix_body(ss, &x_, true); \
      else \
        fix2(ss, &x_); \
      (slot) = (word)x_; \
    } \
  } while (0)

INLINE void scan_body(ScanState *ss, char *base, char *end, bool in_line)
{
  word zs = ss->zone_shift, white = ss->white, seen = 0;

  while (base < end) {
    word *p = (word *)(void *)base;
    size_t i, bytes = HSIZE(p[0]);
    if (HTYPE(p[0]) == T_NODE) {
      FIX(p[1]);
      FIX(p[2]);
    } else if (HTYPE(p[0]) == T_VEC) {
      for (i = 1; i < bytes / sizeof(word); ++i)
        FIX(p[i]);
    }
    base += bytes;
  }
  ss->seen |= seen;
}

static void scan_pointer(ScanState *ss, char *base, char *end)
{
  scan_body(ss, base, end, false);
}

static word *obj(int type, size_t size)
{
  word *p = (word *)(void *)freep;
  size_t i;

  freep += size;
  if (freep > limit)
    abort();
  p[0] = HDR(type, size);
  for (i = 1; i < size / sizeof(word); ++i)
    p[i] = 0;
  return p;
}

static word *tree(int depth)
{
  word *l = NULL, *r = NULL, *n;

  if (depth > 0) {
    l = tree(depth - 1);
    r = tree(depth - 1);
  }
  n = obj(T_NODE, 32);
  n[1] = (word)l;
  n[2] = (word)r;
  n[3] = (word)depth;
  return n;
}

static void build_tree(size_t bytes)
{
  size_t n;

  for (n = 0; n * 32 < bytes; n += 2ul << 16) {
    word *t = tree(16), *c = obj(T_NODE, 32);
    c[1] = (word)t;
    c[2] = (word)roots[0];
    roots[0] = c;
  }
}

static void build_list(size_t bytes)
{
  size_t n;

  for (n = 0; n < bytes / 32; ++n) {
    word *c = obj(T_NODE, 32);
    c[1] = (word)roots[0];
    roots[0] = c;
  }
}

static void build_shuffled(size_t bytes)
{
  size_t n = bytes / 32, k;
  word **nodes = malloc(n * sizeof *nodes), *last = NULL;
  uint64_t seed = RANDOM_SEED;

  for (k = 0; k < n; ++k)
    nodes[k] = obj(T_NODE, 32);
  for (k = n - 1; k > 0; --k) {
    size_t j = random_next(&seed) % (k + 1);
    word *t = nodes[k];
    nodes[k] = nodes[j];
    nodes[j] = t;
  }
  for (k = 0; k < n; ++k) {
    nodes[k][1] = (word)last;
    last = nodes[k];
  }
  roots[0] = last;
  free(nodes);
}

static void build_vectors(size_t bytes, bool leaf)
{
  size_t size = leaf ? 4096 : 8008, n = bytes / size, k = 0, i, w;

  roots[1] = obj(T_LEAF, 64);
  while (k < n) {
    word *top = obj(T_VEC, 8 * 1002);
    top[1] = (word)roots[0];
    roots[0] = top;
    for (i = 0; i < 1000 && k < n; ++i, ++k) {
      word *v = obj(leaf ? T_LEAF : T_VEC, size);
      for (w = 1; !leaf && w <= 1000; ++w)
        v[w] = (word)roots[1];
      roots[0][2 + i] = (word)v;
    }
  }
}

static void build(const char *shape, size_t bytes)
{
  if (strcmp(shape, "tree") == 0)
    build_tree(bytes);
  else if (strcmp(shape, "list") == 0)
    build_list(bytes);
  else if (strcmp(shape, "shuf") == 0)
    build_shuffled(bytes);
  else
    build_vectors(bytes, strcmp(shape, "leaf") == 0);
}

static void make_spaces(size_t bytes)
{
  size_t page = (size_t)1 << PAGE_SHIFT;

  space = (bytes * 5 / 4 + MEGABYTE + page - 1) & ~(page - 1);
  range = mmap(NULL, 2 * space + page, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED)
    abort();
  range += (page - (uintptr_t)range % page) % page;
  cond = calloc((2 * space >> PAGE_SHIFT) + 1, 1);
  from = freep = range;
  limit = from + space;
  to = range + space;
}

/* Copy everything that the roots reach into to-space. */
static void collect(ScanState *ss, bool in_line)
{
  char *scanned = to;
  size_t k;

  for (k = 0; k < 2; ++k)
    if (roots[k] != NULL) {
      if (in_line)
        fix_body(ss, &roots[k], true);
      else
        fix2(ss, &roots[k]);
    }
  while (scanned < ss->to) {
    char *end = ss->to;
    if (in_line)
      scan_body(ss, scanned, end, true);
    else
      m_scan(ss, scanned, end);
    scanned = end;
  }
}

static void measure(Facts *facts, unsigned long i, bool in_line)
{
  ScanState ss = {42, ~(word)1, 0, to};
  long faults = minor_faults();
  char *swap = from;
  double cpu, copied;

  memset(cond, 0, (2 * space >> PAGE_SHIFT) + 1);
  memset(cond + ((size_t)(from - range) >> PAGE_SHIFT), 1,
         space >> PAGE_SHIFT);
  cpu = now_cpu();
  collect(&ss, in_line);
  cpu = now_cpu() - cpu;
  copied = (double)(ss.to - to);
  facts_begin(facts, "cheney", "collect");
  fact(facts, "i", 0, (double)i);
  fact(facts, "cpu", 3, cpu);
  fact(facts, "MB/s(cpu)", 0, copied / 1e6 / cpu);
  fact(facts, "faults", 0, (double)(minor_faults() - faults));
  fact(facts, "copied", 0, copied);
  facts_end(facts);
  from = to;
  to = swap;
}

int main(int argc, char **argv)
{
  Facts facts = facts_of_args(&argc, argv);
  const char *shape = argc > 1 ? argv[1] : "tree";
  size_t bytes = arg_ulong(argc, argv, 2, 100) * MEGABYTE;
  unsigned long i, repeats = arg_ulong(argc, argv, 3, 5);
  bool in_line = arg_ulong(argc, argv, 4, 0) != 0;

  m_isfwd = isfwd;
  m_fwd = fwd;
  m_skip = skip;
  m_scan = scan_pointer;
  /* The compiler mustn't know what the pointers point to. */
  __asm__ volatile(""
                   : "+m"(m_isfwd), "+m"(m_fwd), "+m"(m_skip), "+m"(m_scan));
  make_spaces(bytes);
  build(shape, bytes);
  for (i = 0; i < repeats; ++i)
    measure(&facts, i, in_line);
  return 0;
}
