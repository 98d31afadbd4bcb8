/* final.c -- what a registration for finalization costs
 *
 *   final THOUSANDS REPEATS [--json]
 *
 * So many objects of 32 bytes are kept by a table and collected; then as
 * many that are registered; then these, when the table is cleared, so that
 * there is a message about each.  The difference from the first time is the
 * cost of a registration.  The last line has the medians, in nanoseconds of
 * processor time an object.
 *
 * Build with -DGC_MPS.
 *
 * Design: .bench.workload.final (design/bench.rst).
 */

#include "common.h"
#include "mpsfmt.h"

enum {
  SIZE = 32,
  REPEATS_MAX = 100
};

typedef enum Part {
  PLAIN,    /* a collection that copies each object */
  FINALIZE, /* registering */
  ALIVE,    /* a collection that copies each, registered, object */
  DEAD,     /* and one that posts the message about each */
  DRAIN,    /* getting and discarding the messages */
  PARTS
} Part;

static mps_ap_t ap;
static mps_addr_t *table;
static size_t count;
static double spent[PARTS][REPEATS_MAX];

static void make(void)
{
  for (size_t i = 0; i < count; ++i) {
    mps_addr_t p;

    do {
      word *q;

      must(mps_reserve(&p, ap, SIZE), "reserve");
      q = p;
      q[0] = HDR(T_NODE, SIZE);
      q[1] = q[2] = q[3] = 0;
    } while (!mps_commit(ap, p, SIZE));
    table[i] = p;
  }
}

static void clear(void)
{
  memset(table, 0, count * sizeof table[0]);
}

static void collect(void)
{
  must(mps_arena_collect(arena), "collect");
}

static void finalize(void)
{
  for (size_t i = 0; i < count; ++i)
    must(mps_finalize(arena, &table[i]), "finalize");
}

static void drain(void)
{
  mps_message_t message;
  mps_addr_t ref;
  size_t n = 0;

  for (; mps_message_get(&message, arena, mps_message_type_finalization());
       ++n) {
    mps_message_finalization_ref(&ref, arena, message);
    mps_message_discard(arena, message);
  }
  if (n != count) {
    fprintf(stderr, "final: %zu messages\n", n);
    exit(1);
  }
}

static void measure(Part part, unsigned long i, void (*work)(void))
{
  double cpu = now_cpu();

  work();
  spent[part][i] = (now_cpu() - cpu) * 1e9 / (double)count;
}

static void round_of(unsigned long i)
{
  make();
  measure(PLAIN, i, collect);
  clear();
  collect();
  make();
  measure(FINALIZE, i, finalize);
  measure(ALIVE, i, collect);
  clear();
  measure(DEAD, i, collect);
  measure(DRAIN, i, drain);
  collect();
}

static int compare(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double median(Part part, unsigned long repeats)
{
  qsort(spent[part], repeats, sizeof spent[part][0], compare);
  return spent[part][repeats / 2];
}

static void setup(void)
{
  mps_root_t root;

  gc_setup(mps_class_amc());
  mps_arena_park(arena);
  mps_message_type_enable(arena, mps_message_type_finalization());
  must(mps_ap_create_k(&ap, pool, mps_args_none), "ap");
  table = calloc(count, sizeof table[0]);
  must(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table, count),
       "root");
}

int main(int argc, char **argv)
{
  Facts facts = facts_of_args(&argc, argv);
  unsigned long repeats = arg_ulong(argc, argv, 2, 7);
  double plain;

  count = arg_ulong(argc, argv, 1, 1000) * 1000;
  repeats = repeats < REPEATS_MAX ? repeats : REPEATS_MAX;
  setup();
  for (unsigned long i = 0; i < repeats; ++i)
    round_of(i);
  plain = median(PLAIN, repeats);
  facts_begin(&facts, "final", "");
  fact(&facts, "plain", 1, plain);
  fact(&facts, "finalize", 1, median(FINALIZE, repeats));
  fact(&facts, "alive", 1, median(ALIVE, repeats) - plain);
  fact(&facts, "dead", 1, median(DEAD, repeats) - plain);
  fact(&facts, "drain", 1, median(DRAIN, repeats));
  fact(&facts, "peakMB", 1, peak_rss_mb());
  facts_end(&facts);
  return 0;
}
