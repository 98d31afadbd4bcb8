/* stats.c -- what (gc-stats) answers
 *
 * An association list of numbers, which come from the counts of the runtime,
 * from the library's messages, from its queries on the arena and the pools,
 * and from mostly.h.  Sizes are in bytes, times in seconds.  Those of the
 * pools and the generations are lists of such lists.
 *
 * To make the list takes memory, and that may change the numbers: so all are
 * read before (.example.stats).
 *
 * Design: .example.stats (design/example.rst).
 */

#include "mostly.h"
#include "scheme.h"

#define GENERATIONS_MAX 24
#define POOLS_MAX 8

typedef struct PoolSizes {
  const char *name;
  size_t total;
  size_t unused;
} PoolSizes;

typedef struct Stats {
  HeapCounts counts;
  Totals totals;
  mostly_arena_stats_s arena;
  size_t committed;
  size_t reserved;
  size_t spare;
  size_t commit_limit;
  size_t generation_count;
  mostly_gen_stats_s generations[GENERATIONS_MAX];
  size_t pool_count;
  PoolSizes pools[POOLS_MAX];
} Stats;


/* Reading */

static void read_pools(Stats *stats)
{
  PoolSizes *sizes = stats->pools;
  mps_pool_t pool;

  for (size_t i = 0; i < POOLS_MAX; ++i, ++sizes, ++stats->pool_count) {
    pool = heap_pool(i, &sizes->name);
    if (pool == NULL)
      return;
    sizes->total = mps_pool_total_size(pool);
    sizes->unused = mps_pool_free_size(pool);
  }
}

static void read_stats(Stats *stats)
{
  mps_arena_t arena = heap_arena();
  size_t *count = &stats->generation_count;

  *stats = (Stats){.counts = heap_counts};
  report_totals(&stats->totals);
  (void)mostly_arena_stats(&stats->arena, arena);
  stats->committed = heap_committed();
  stats->reserved = mps_arena_reserved(arena);
  stats->spare = mps_arena_spare_committed(arena);
  stats->commit_limit = mps_arena_commit_limit(arena);
  while (*count < GENERATIONS_MAX
         && mostly_gen_stats(&stats->generations[*count], arena, *count)
                == MPS_RES_OK)
    ++*count;
  read_pools(stats);
}


/* Telling */

static Value stats_pair(const char *name, Value value, Value rest)
{
  return make_pair(make_pair(symbol_intern_c(name), value), rest);
}

/* The greatest of all sizes stands for no limit, and is #f here. */
static Value stats_number(const char *name, uint64_t number, Value rest)
{
  Value value
      = number > INTPTR_MAX ? FALSE_VALUE : number_from_int((intptr_t)number);

  return stats_pair(name, value, rest);
}

static Value stats_real(const char *name, double number, Value rest)
{
  return stats_pair(name, make_flonum(number), rest);
}

/* Also adds the sizes up. */
static Value stats_pools(const Stats *stats, Value rest)
{
  Value pools = NIL;
  size_t total = 0;
  size_t unused = 0;

  for (size_t i = stats->pool_count; i-- > 0;) {
    const PoolSizes *sizes = &stats->pools[i];
    Value list = stats_number("free-size", sizes->unused, NIL);

    list = stats_number("total-size", sizes->total, list);
    list = stats_pair("name", symbol_intern_c(sizes->name), list);
    pools = make_pair(list, pools);
    total += sizes->total;
    unused += sizes->unused;
  }
  rest = stats_pair("pools", pools, rest);
  rest = stats_number("free-size", unused, rest);
  return stats_number("total-size", total, rest);
}

static Value stats_generation(const mostly_gen_stats_s *stats)
{
  Value list = stats_number("retained", stats->retained, NIL);

  list = stats_number("preserved", stats->preserved, list);
  list = stats_number("copied", stats->copied, list);
  list = stats_number("condemned", stats->condemned, list);
  list = stats_number("collections", stats->collections, list);
  list = stats_number("fresh", stats->fresh, list);
  list = stats_number("size", stats->size, list);
  list = stats_real("mortality", stats->mortality, list);
  list = stats_number("capacity", stats->capacity, list);
  list = stats_number("index", stats->index, list);
  return stats_pair("top?", boolean(stats->is_top), list);
}

/* The youngest of each chain first, the top last. */
static Value stats_generations(const Stats *stats, Value rest)
{
  Value list = NIL;

  for (size_t i = stats->generation_count; i-- > 0;)
    list = make_pair(stats_generation(&stats->generations[i]), list);
  return stats_pair("generations", list, rest);
}

static Value stats_arena(const Stats *stats, Value rest)
{
  rest = stats_number("commit-limit", stats->commit_limit, rest);
  rest = stats_number("spare", stats->spare, rest);
  rest = stats_number("reserved", stats->reserved, rest);
  rest = stats_number("committed", stats->committed, rest);
  return stats_number("peak-committed", stats->totals.peak_committed, rest);
}

static Value stats_times(const Stats *stats, Value rest)
{
  rest = stats_real("trace-time", stats->arena.trace_time, rest);
  rest = stats_real("pause-max", stats->arena.pause_max, rest);
  rest = stats_real("pause-p99", stats->totals.pause_p99, rest);
  return stats_real("pause-p50", stats->totals.pause_p50, rest);
}

static Value stats_counts(const Stats *stats, Value rest)
{
  rest = stats_number("live", stats->totals.live, rest);
  rest = stats_number("tables-laid-out", stats->counts.layouts, rest);
  rest = stats_number("finalized", stats->counts.finalized, rest);
  rest = stats_number("bytes", stats->counts.bytes, rest);
  rest = stats_number("objects", stats->counts.objects, rest);
  return stats_number("collections", stats->totals.collections, rest);
}

Value stats_make(void)
{
  Stats stats;
  Value list;

  read_stats(&stats);
  list = stats_generations(&stats, NIL);
  list = stats_pools(&stats, list);
  list = stats_arena(&stats, list);
  list = stats_times(&stats, list);
  return stats_counts(&stats, list);
}
