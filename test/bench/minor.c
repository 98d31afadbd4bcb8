/* minor.c -- what a minor collection costs with much old data
 *
 *   minor OLD_MB COLLECTIONS [--json]
 *
 * Old data are trees of nodes of 32 bytes, collected until they are in the
 * top generation.  Between two collections of the nursery the client
 * allocates 8 MB, of which a twentieth survives until the next, and writes
 * into WRITES old nodes, a large distance from each other.  The facts
 * are medians of processor time: a collection, and a first write to an old
 * segment that was clean.
 *
 * Build with -DGC_MPS.
 *
 * Design: .bench.workload.minor (design/bench.rst).
 */

#include "common.h"
#include "mpsfmt.h"

enum {
  NODE = 32,
  SURVIVORS = 13000,
  WRITES = 64,
  NURSERY_KB = 8192,
  TREE_DEPTH = 14, /* a megabyte */
  REPEATS_MAX = 1000,
  OLD_MAX = 8192
};

static mps_ap_t ap;
static mps_addr_t old[OLD_MAX];
static mps_addr_t young[SURVIVORS];
static mps_addr_t targets[WRITES];
static double spent[REPEATS_MAX], written[REPEATS_MAX];

static word *node(void)
{
  mps_addr_t p;
  word *q;

  do {
    must(mps_reserve(&p, ap, NODE), "reserve");
    q = p;
    q[0] = HDR(T_NODE, NODE);
    q[1] = q[2] = q[3] = 0;
  } while (!mps_commit(ap, p, NODE));
  return q;
}

static word *tree(int depth)
{
  word *left = depth > 0 ? tree(depth - 1) : NULL;
  word *right = depth > 0 ? tree(depth - 1) : NULL;
  word *top = node();

  top[1] = (word)left;
  top[2] = (word)right;
  return top;
}

static void setup(unsigned long megabytes)
{
  mps_root_t roots[3];

  if (getenv("MPS_CHAIN") == NULL)
    setenv("MPS_CHAIN", "8192,0.9;65536,0.5", 1);
  gc_setup(mps_class_amc());
  must(mps_ap_create_k(&ap, pool, mps_args_none), "ap");
  must(mps_root_create_table(&roots[0], arena, mps_rank_exact(), 0, old,
                             OLD_MAX),
       "root");
  must(mps_root_create_table(&roots[1], arena, mps_rank_exact(), 0, young,
                             SURVIVORS),
       "root");
  must(mps_root_create_table(&roots[2], arena, mps_rank_exact(), 0, targets,
                             WRITES),
       "root");
  mps_arena_clamp(arena);
  for (unsigned long i = 0; i < megabytes; ++i)
    old[i] = tree(TREE_DEPTH);
  /* Once for each generation, and until what was hit is watched again. */
  for (int i = 0; i < 4; ++i)
    must(mps_arena_collect(arena), "collect");
  mps_arena_clamp(arena);
}

/* The nodes to write to: those that a walk down random sides ends at. */
static void choose_targets(unsigned long megabytes)
{
  static unsigned long state = 1;

  for (int i = 0; i < WRITES; ++i) {
    word *at = old[(unsigned long)i * megabytes / WRITES];

    for (int depth = 0; depth < TREE_DEPTH; ++depth) {
      state = state * 6364136223846793005ul + 1442695040888963407ul;
      at = (word *)at[1 + (state >> 60 & 1)];
    }
    targets[i] = at;
  }
}

static void fill_nursery(void)
{
  for (size_t i = 0; i < NURSERY_KB * 1024ul / NODE + 2048; ++i) {
    word *at = node();

    if (i % 20 == 0 && i / 20 < SURVIVORS)
      young[i / 20] = at;
  }
}

static double write_all(void)
{
  double cpu = now_cpu();

  for (int i = 0; i < WRITES; ++i)
    ((word *)targets[i])[3] ^= 1;
  return (now_cpu() - cpu) * 1e6 / WRITES;
}

static int compare(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double median(double *times, unsigned long count)
{
  qsort(times, count, sizeof times[0], compare);
  return times[count / 2];
}

int main(int argc, char **argv)
{
  Facts facts = facts_of_args(&argc, argv);
  unsigned long megabytes = arg_ulong(argc, argv, 1, 10);
  unsigned long count = arg_ulong(argc, argv, 2, 30);

  megabytes = megabytes < OLD_MAX ? megabytes : OLD_MAX;
  count = count < REPEATS_MAX ? count : REPEATS_MAX;
  setup(megabytes);
  for (unsigned long i = 0; i < count; ++i) {
    double cpu;

    choose_targets(megabytes);
    fill_nursery();
    written[i] = write_all();
    cpu = now_cpu();
    (void)mps_arena_step(arena, 100.0, 0.0);
    spent[i] = (now_cpu() - cpu) * 1e3;
  }
  facts_begin(&facts, "minor", "");
  fact(&facts, "oldMB", 0, (double)megabytes);
  fact(&facts, "collections", 0, (double)mps_collections(arena));
  fact(&facts, "ms/collection", 3, median(spent, count));
  fact(&facts, "us/write", 3, median(written, count));
  fact(&facts, "peakMB", 1, peak_rss_mb());
  facts_end(&facts);
  return 0;
}
