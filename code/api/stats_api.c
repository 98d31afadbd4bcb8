/* stats_api.c -- entry points: what the library tells about itself
 *
 * Design: .api.stats (design/api.rst).
 */

#include "api.h"

#include "../heap/gen.h"
#include "../include/mostly.h"
#include "../trace/trace.h"

static Count api_count_gens(const Arena *arena)
{
  Count count = 1; /* the top */

  RING_FOR (node, after, &arena->chains)
    count += RING_ELEM(Chain, link, node)->count;
  return count;
}

size_t mostly_gen_count(mps_arena_t arena)
{
  Count count;

  if (!API_ARENA(arena, mostly_gen_count))
    return 0;
  arena_enter(arena, NULL);
  count = api_count_gens(arena);
  arena_leave(arena);
  return count;
}

/* api_find_gen -- the generation of that number, its chain, and its number
 * in that; the chain is NULL for the top */

static Gen *api_find_gen(Chain **chain_out, Index *index_out, Arena *arena,
                         Index number)
{
  RING_FOR (node, after, &arena->chains) {
    Chain *chain = RING_ELEM(Chain, link, node);

    if (number < chain->count) {
      *chain_out = chain;
      *index_out = number;
      return &chain->gens[number];
    }
    number -= chain->count;
  }
  *chain_out = NULL;
  *index_out = 0;
  return number == 0 ? &arena->top : NULL;
}

mps_res_t mostly_gen_stats(mostly_gen_stats_s *stats_o, mps_arena_t arena,
                           size_t number)
{
  Chain *chain = NULL;
  Index index = 0;
  const Gen *gen;

  if (!API_OUT(stats_o, mostly_gen_stats)
      || !API_ARENA(arena, mostly_gen_stats))
    return MPS_RES_PARAM;
  arena_enter(arena, NULL);
  gen = api_find_gen(&chain, &index, arena, number);
  if (gen != NULL)
    *stats_o = (mostly_gen_stats_s){
        .chain = chain == arena->default_chain ? NULL : chain,
        .index = index,
        .is_top = gen == &arena->top,
        .capacity = gen->capacity,
        .mortality = gen->mortality,
        .size = gen_size(gen),
        .fresh = gen_fresh(gen),
        .collections = gen->total.collections,
        .condemned = gen->total.condemned,
        .copied = gen->total.forwarded,
        .preserved = gen->total.preserved,
        .retained = gen->total.retained,
    };
  arena_leave(arena);
  return gen != NULL ? MPS_RES_OK : MPS_RES_PARAM;
}

mps_res_t mostly_arena_stats(mostly_arena_stats_s *stats_o, mps_arena_t arena)
{
  if (!API_OUT(stats_o, mostly_arena_stats)
      || !API_ARENA(arena, mostly_arena_stats))
    return MPS_RES_PARAM;
  arena_enter(arena, NULL);
  *stats_o = (mostly_arena_stats_s){
      .collections = arena->trace->collections,
      .allocated = arena->filled,
      .committed_max = arena->space.committed_max,
      .trace_time = arena->trace->cost.s,
      .pause_max = arena->trace->longest.s,
  };
  arena_leave(arena);
  return MPS_RES_OK;
}

const char *mostly_arena_barrier(mps_arena_t arena)
{
  static const char *const names[] = {
      [BARRIER_NONE] = "none",
      [BARRIER_PROTECT] = "protect",
      [BARRIER_TRACK] = "track",
  };

  return API_ARENA_ANY(arena, mostly_arena_barrier) ? names[arena->barrier]
                                                    : NULL;
}
