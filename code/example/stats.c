/* stats.c -- what (gc-stats) answers
 *
 * An association list of numbers, which come from the counts of the runtime,
 * from the library's messages, from its queries on the arena and the pools,
 * and from mostly.h.  Sizes are in bytes, times in seconds.  Those of the
 * pools and the generations are lists of such lists.
 *
 * Design: .example.stats (design/example.rst).
 */

#include "mostly.h"
#include "scheme.h"

static Value stats_pair(const char *name, Value value, Value rest)
{
  return make_pair(make_pair(symbol_intern_c(name), value), rest);
}

/* The greatest of all sizes stands for no limit, and is #f here. */
static Value stats_number(const char *name, uint64_t number, Value rest)
{
  Value value = number > INTPTR_MAX ? FALSE_VALUE
                                    : number_from_int((intptr_t)number);

  return stats_pair(name, value, rest);
}

static Value stats_real(const char *name, double number, Value rest)
{
  return stats_pair(name, make_flonum(number), rest);
}

static Value stats_pool(mps_pool_t pool, const char *name)
{
  Value list = stats_number("free-size", mps_pool_free_size(pool), NIL);

  list = stats_number("total-size", mps_pool_total_size(pool), list);
  return stats_pair("name", symbol_intern_c(name), list);
}

/* Also adds the sizes up. */
static Value stats_pools(size_t *total_out, size_t *free_out)
{
  Value list = NIL;
  const char *name;
  mps_pool_t pool;

  *total_out = 0;
  *free_out = 0;
  for (size_t i = 0; (pool = heap_pool(i, &name)) != NULL; ++i) {
    *total_out += mps_pool_total_size(pool);
    *free_out += mps_pool_free_size(pool);
    list = make_pair(stats_pool(pool, name), list);
  }
  return list_reverse(list);
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
static Value stats_generations(void)
{
  mps_arena_t arena = heap_arena();
  mostly_gen_stats_s stats;
  Value list = NIL;

  for (size_t i = 0; mostly_gen_stats(&stats, arena, i) == MPS_RES_OK; ++i)
    list = make_pair(stats_generation(&stats), list);
  return list_reverse(list);
}

static Value stats_arena(Value rest)
{
  mps_arena_t arena = heap_arena();

  rest = stats_number("commit-limit", mps_arena_commit_limit(arena), rest);
  rest = stats_number("spare", mps_arena_spare_committed(arena), rest);
  rest = stats_number("reserved", mps_arena_reserved(arena), rest);
  return stats_number("committed", heap_committed(), rest);
}

static Value stats_times(const Totals *totals, Value rest)
{
  mostly_arena_stats_s arena;

  if (mostly_arena_stats(&arena, heap_arena()) == MPS_RES_OK) {
    rest = stats_real("trace-time", arena.trace_time, rest);
    rest = stats_real("pause-max", arena.pause_max, rest);
  }
  rest = stats_real("pause-p99", totals->pause_p99, rest);
  return stats_real("pause-p50", totals->pause_p50, rest);
}

Value stats_make(void)
{
  size_t total;
  size_t unused;
  Totals totals;
  Value list = stats_pair("generations", stats_generations(), NIL);

  list = stats_pair("pools", stats_pools(&total, &unused), list);
  list = stats_number("free-size", unused, list);
  list = stats_number("total-size", total, list);
  list = stats_arena(list);
  report_totals(&totals);
  list = stats_times(&totals, list);
  list = stats_number("peak-committed", totals.peak_committed, list);
  list = stats_number("live", totals.live, list);
  list = stats_number("tables-laid-out", heap_counts.layouts, list);
  list = stats_number("finalized", heap_counts.finalized, list);
  list = stats_number("bytes", heap_counts.bytes, list);
  list = stats_number("objects", heap_counts.objects, list);
  return stats_number("collections", totals.collections, list);
}
