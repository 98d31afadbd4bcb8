/* space.c -- the address space of one arena
 *
 * Design: .space.span, .space.map, .space.unit (design/space.rst).
 */

#include "space.h"

#include "../base/bits.h"

#include <string.h>

#define SPACE_UNIT ((Size)2 << 20)
/* In memory that is lent, whose ends are anywhere, in grains. */
#define SPACE_LENT_UNIT WORD_BITS
#define SPACE_SPAN_MAX ((Size)1 << (sizeof(Word) == 8 ? 40 : 30))
/* What a program can address (.space.lent.window). */
#define SPACE_WINDOW_MAX ((Size)1 << (sizeof(Word) == 8 ? 47 : 31))
/* A run of at least this many clean grains is brought in by one call. */
#define SPACE_POPULATE_MIN 4
/* Units are huge once so many bytes live, and where so great a part of the
 * memory may be spare, since they come into memory whole. */
#define SPACE_HUGE_LIVE ((Size)96 << 20)
#define SPACE_HUGE_SPARE 0.25


/* The span and its tables */

static void space_lay_tables(Space *space, char *at)
{
  Count units = space->span / space->unit;

  space->seg = (struct Seg **)(void *)at;
  at += space->grains * sizeof(struct Seg *);
  space->used = (Word *)(void *)at;
  at += BITS_WORDS(space->grains) * sizeof(Word);
  space->dirty = (Word *)(void *)at;
  at += BITS_WORDS(space->grains) * sizeof(Word);
  space->unit_free = (uint32_t *)(void *)at;
  at += units * sizeof(uint32_t);
  space->unit_room = (uint32_t *)(void *)at;
  at += units * sizeof(uint32_t);
  space->unit_watched = (uint32_t *)(void *)at;
  at += units * sizeof(uint32_t);
  space->unit_state = (unsigned char *)at;
  at += units;
  space->unit_armed = (unsigned char *)at;
  at += units;
  space->unit_spare = (unsigned char *)at;
  at += units;
  space->kind = (unsigned char *)at;
  at += space->grains;
  space->still = (unsigned char *)at;
}

static Size space_tables_size(const Space *space)
{
  Count units = space->span / space->unit;
  Size size = space->grains * (sizeof(struct Seg *) + 2)
              + 2 * BITS_WORDS(space->grains) * sizeof(Word) + units * 15;

  return size_round_up(size, plat_page_size());
}

/* space_reserve_span -- reserve span bytes and tables for them, or neither */

static Res space_reserve_span(Space *space, Size span)
{
  Res res;

  space->span = span;
  space->grains = span >> space->shift;
  space->tables_size = space_tables_size(space);
  res = plat_vm_reserve(&space->base, span, space->unit);
  if (res != MPS_RES_OK)
    return res;
  res = plat_vm_reserve_table(&space->tables, space->tables_size);
  if (res != MPS_RES_OK) {
    plat_vm_release(space->base, span);
    return res;
  }
  space_lay_tables(space, (char *)space->tables);
  return MPS_RES_OK;
}

/* space_reserve -- try a large span first, and halve it until the system
 * agrees; least is what the client asked for (.space.ladder) */

static Res space_reserve(Space *space, Size least)
{
  Size span = size_max(SPACE_SPAN_MAX, least);
  Res res;

  for (;;) {
    res = space_reserve_span(space, span);
    if (res == MPS_RES_OK || span == least)
      return res;
    span = size_max(size_round_down(span / 2, space->unit), least);
  }
}


/* Chunks */

static void space_chunk_fill(Space *space, Index first, Count count)
{
  for (Index u = first; u < first + count; ++u) {
    space->unit_free[u] = (uint32_t)space->unit_grains;
    space->unit_room[u] = (uint32_t)space->unit_grains;
    space->unit_state[u] = UNIT_RESERVED;
  }
}

/* space_chunk_place -- find where a chunk of count units can go: its
 * position in the array and its first unit */

static bool space_chunk_place(Index *at_out, Index *first_out,
                              const Space *space, Count count)
{
  Index free = 0;

  for (Index i = 0; i < space->chunk_count; ++i) {
    if (space->chunks[i].first - free >= count) {
      *at_out = i;
      *first_out = free;
      return true;
    }
    free = space->chunks[i].first + space->chunks[i].count;
  }
  *at_out = space->chunk_count;
  *first_out = free;
  return space->span / space->unit - free >= count;
}

/* space_extend -- add a chunk with room for a run of grains */

static Res space_extend(Space *space, Count grains)
{
  Count least = (grains + space->unit_grains - 1) / space->unit_grains;
  Count count = size_max(space->chunk_size, space->reserved / 4) / space->unit;
  Index at = 0;
  Index first = 0;
  Chunk *chunk;

  if (space->chunk_count == SPACE_CHUNKS_MAX || space->is_lent)
    return MPS_RES_RESOURCE;
  count = size_max(count, least);
  if (!space_chunk_place(&at, &first, space, count)) {
    count = least;
    if (!space_chunk_place(&at, &first, space, count))
      return MPS_RES_RESOURCE;
  }
  chunk = &space->chunks[at];
  memmove(chunk + 1, chunk, (space->chunk_count - at) * sizeof *chunk);
  *chunk = (Chunk){first, count, first, first + count};
  ++space->chunk_count;
  space->reserved += count * space->unit;
  space_chunk_fill(space, first, count);
  EVENT_POST(space->events, extend, .size = count * space->unit,
             .reserved = space->reserved);
  space->extended(space->closure, addr_add(space->base, first * space->unit),
                  count * space->unit);
  return MPS_RES_OK;
}

/* space_unmap_units -- give back those units that were mapped, in runs */

static void space_unmap_units(Space *space, Index first, Index limit)
{
  while (first < limit) {
    Index next = first;

    while (next < limit && space->unit_state[next] >= UNIT_MAPPED)
      space->unit_state[next++] = UNIT_NONE;
    if (next > first)
      plat_vm_unmap(addr_add(space->base, first * space->unit),
                    (next - first) * space->unit);
    for (first = next; first < limit && space->unit_state[first] < UNIT_MAPPED;
         ++first)
      space->unit_state[first] = UNIT_NONE;
  }
}

/* space_chunk_drop -- take a wholly clean chunk out */

static void space_chunk_drop(Space *space, Index at)
{
  Chunk chunk = space->chunks[at];
  Addr base = addr_add(space->base, chunk.first * space->unit);

  space_unmap_units(space, chunk.first, chunk.first + chunk.count);
  --space->chunk_count;
  memmove(&space->chunks[at], &space->chunks[at + 1],
          (space->chunk_count - at) * sizeof chunk);
  space->reserved -= chunk.count * space->unit;
  EVENT_POST(space->events, contract, .size = chunk.count * space->unit,
             .reserved = space->reserved);
  space->contracted(space->closure, base, chunk.count * space->unit);
}

static bool space_chunk_is_clean(const Space *space, const Chunk *chunk)
{
  Index first = chunk->first * space->unit_grains;
  Index limit = first + chunk->count * space->unit_grains;

  return bits_find_set(space->dirty, first, limit) == limit;
}


/* Which grains are used */

/* space_count_units -- keep the units' counts for a run that is taken or
 * freed */

static void space_count_units(Space *space, Index grain, Count grains,
                              bool is_taken)
{
  Index limit = grain + grains;

  while (grain < limit) {
    Index u = grain / space->unit_grains;
    Index next = size_min((u + 1) * space->unit_grains, limit);
    uint32_t count = (uint32_t)(next - grain);

    if (is_taken) {
      space->unit_free[u] -= count;
      if (space->unit_room[u] > space->unit_free[u])
        space->unit_room[u] = space->unit_free[u];
    } else {
      space->unit_free[u] += count;
      space->unit_room[u] = space->unit_free[u];
    }
    grain = next;
  }
}

static Chunk *space_chunk_of(Space *space, Index grain)
{
  Index u = grain / space->unit_grains;

  for (Index i = 0; i < space->chunk_count; ++i) {
    Chunk *chunk = &space->chunks[i];

    if (u - chunk->first < chunk->count)
      return chunk;
  }
  return NULL;
}

static void space_unmark(Space *space, Index grain, Count grains)
{
  Chunk *chunk = space_chunk_of(space, grain);
  Index last = (grain + grains - 1) / space->unit_grains;

  bits_clear_range(space->used, grain, grain + grains);
  space_count_units(space, grain, grains, false);
  memset(&space->unit_spare[grain / space->unit_grains], true,
         last - grain / space->unit_grains + 1);
  chunk->low = size_min(chunk->low, grain / space->unit_grains);
  chunk->high = size_max(chunk->high, last + 1);
}

/* space_unmark_units -- the same for a run that may span several chunks */

static void space_unmark_units(Space *space, Index grain, Count grains)
{
  Index limit = grain + grains;

  while (grain < limit) {
    Index next = size_round_down(grain, space->unit_grains);

    next = size_min(next + space->unit_grains, limit);
    space_unmark(space, grain, next - grain);
    grain = next;
  }
}


/* Memory that the client lends (.space.lent) */

/* space_reserve_window -- tables for the addresses around some that are lent:
 * for all there are, or as many as the system has room for */

static Res space_reserve_window(Space *space, Addr lent, Size size)
{
  Size window = SPACE_WINDOW_MAX;
  Res res;

  do {
    Word base = (Word)lent & ~(window - 1);
    Size span = (Word)lent + size - base;

    space->base = (Addr)base;
    space->span = size_round_up(size_max(span, window), space->unit);
    space->grains = space->span >> space->shift;
    space->tables_size = space_tables_size(space);
    res = plat_vm_reserve_table(&space->tables, space->tables_size);
    window /= 2;
  } while (res != MPS_RES_OK && window >= size);
  if (res == MPS_RES_OK)
    space_lay_tables(space, (char *)space->tables);
  return res;
}

/* A grain that is used and not in memory is a stranger's. */
static bool space_is_foreign(const Space *space, Index grain)
{
  return bits_get(space->used, grain) && !bits_get(space->dirty, grain);
}

static bool space_is_lent_already(const Space *space, Index grain, Index limit)
{
  for (; grain < limit; ++grain)
    if (space->unit_state[grain / space->unit_grains] != UNIT_NONE
        && !space_is_foreign(space, grain))
      return true;
  return false;
}

/* space_chunk_insert -- a chunk of units in which all is foreign */

static Res space_chunk_insert(Space *space, Index first, Count count)
{
  Index grain = first * space->unit_grains;
  Index at = 0;

  if (space->chunk_count == SPACE_CHUNKS_MAX)
    return MPS_RES_RESOURCE;
  while (at < space->chunk_count && space->chunks[at].first < first)
    ++at;
  memmove(&space->chunks[at + 1], &space->chunks[at],
          (space->chunk_count - at) * sizeof space->chunks[0]);
  space->chunks[at] = (Chunk){first, count, first, first + count};
  ++space->chunk_count;
  space_chunk_fill(space, first, count);
  memset(&space->unit_state[first], UNIT_MAPPED, count);
  bits_set_range(space->used, grain, grain + count * space->unit_grains);
  space_count_units(space, grain, count * space->unit_grains, true);
  space->foreign += count * space->unit_grains;
  return MPS_RES_OK;
}

Res space_lend(Space *space, Addr base, Size size)
{
  Addr from = addr_round_up(base, space->grain);
  Addr limit = addr_round_down(addr_add(base, size), space->grain);
  Index first = space_index(space, from);
  Count grains = from < limit ? addr_diff(from, limit) >> space->shift : 0;
  Index unit = first / space->unit_grains;
  Index last = (first + grains - 1) / space->unit_grains;
  Res res = MPS_RES_OK;

  if (grains == 0)
    return MPS_RES_MEMORY;
  if (first >= space->grains || grains > space->grains - first)
    return MPS_RES_RESOURCE;
  if (space_is_lent_already(space, first, first + grains))
    return MPS_RES_PARAM;
  /* Only the outermost units can be a neighbour's too. */
  if (space->unit_state[unit] != UNIT_NONE)
    ++unit;
  if (unit <= last && space->unit_state[last] != UNIT_NONE)
    --last;
  if (unit <= last)
    res = space_chunk_insert(space, unit, last - unit + 1);
  if (res != MPS_RES_OK)
    return res;
  space_unmark_units(space, first, grains);
  space->foreign -= grains;
  space->reserved += grains << space->shift;
  EVENT_POST(space->events, extend, .size = grains << space->shift,
             .reserved = space->reserved);
  return MPS_RES_OK;
}

static Res space_init_lent(Space *space, const SpaceParams *params)
{
  Res res = MPS_RES_MEMORY;

  if (params->size < params->grain * WORD_BITS)
    return res;
  res = space_reserve_window(space, params->lent, params->size);
  if (res != MPS_RES_OK)
    return res;
  res = space_lend(space, params->lent, params->size);
  if (res != MPS_RES_OK)
    plat_vm_release(space->tables, space->tables_size);
  return res;
}


/* Lifetime */

static Res space_init_own(Space *space, const SpaceParams *params)
{
  Res res;

  space->chunk_size = size_max(params->size, params->grain * WORD_BITS);
  if (space->chunk_size > SIZE_MAX / 4)
    return MPS_RES_RESOURCE;
  space->chunk_size = size_round_up(space->chunk_size, space->unit);
  res = space_reserve(space, space->chunk_size);
  if (res != MPS_RES_OK)
    return res;
  res = space_extend(space, space->chunk_size >> space->shift);
  ASSERT(res == MPS_RES_OK); /* the span is at least that long */
  return res;
}

Res space_init(Space *space, const SpaceParams *params)
{
  Res res;

  space->is_lent = params->lent != NULL;
  space->foreign = 0;
  space->grain = params->grain;
  space->shift = size_log2(params->grain);
  space->unit = space->is_lent ? params->grain * SPACE_LENT_UNIT
                               : size_max(SPACE_UNIT, params->grain);
  space->unit_grains = space->unit >> space->shift;
  space->chunk_count = 0;
  space->chunk_size = 0;
  space->reserved = 0;
  space->overhead = params->overhead;
  space->used_size = 0;
  space->live = 0;
  space->spare_size = 0;
  space->committed_max = params->overhead;
  space->commit_limit = params->commit_limit;
  space->spare = params->spare;
  space->events = params->events;
  space->extended = params->extended;
  space->contracted = params->contracted;
  space->closure = params->closure;
  if (space->overhead > space->commit_limit)
    return MPS_RES_COMMIT_LIMIT;
  res = space->is_lent ? space_init_lent(space, params)
                       : space_init_own(space, params);
  if (res != MPS_RES_OK)
    return res;
  space->sig = SPACE_SIG;
  ASSERT(space_check(space));
  return MPS_RES_OK;
}

void space_finish(Space *space)
{
  ASSERT(space_check(space));
  while (space->chunk_count > 0 && !space->is_lent) {
    Chunk *chunk = &space->chunks[--space->chunk_count];

    space->contracted(space->closure,
                      addr_add(space->base, chunk->first * space->unit),
                      chunk->count * space->unit);
  }
  space->sig = SIG_NONE;
  plat_vm_release(space->tables, space->tables_size);
  if (!space->is_lent)
    plat_vm_release(space->base, space->span);
}

static void space_check_deep(const Space *space)
{
  Count used = 0;
  Count dirty = 0;

  for (Index i = 0; i < space->chunk_count; ++i) {
    const Chunk *chunk = &space->chunks[i];
    Index first = chunk->first * space->unit_grains;
    Index limit = first + chunk->count * space->unit_grains;

    used += bits_count_range(space->used, first, limit);
    dirty += bits_count_range(space->dirty, first, limit);
    CHECK(i == 0
          || space->chunks[i - 1].first + space->chunks[i - 1].count
                 <= chunk->first);
  }
  /* .space.inv.count: the sizes are those of the bits. */
  used -= space->foreign;
  CHECK(used << space->shift == space->used_size);
  CHECK((dirty - used) << space->shift == space->spare_size);
}

bool space_check(const Space *space)
{
  CHECK(space != NULL);
  CHECK(space->sig == SPACE_SIG);
  CHECK(space->grain == (Size)1 << space->shift);
  CHECK(space->chunk_count > 0);
  /* .space.inv.limit: spare <= committed <= limit and <= reserved. */
  CHECK(space_committed(space) <= space->commit_limit);
  CHECK(space->used_size + space->spare_size <= space->reserved);
  CHECK(0.0 <= space->spare && space->spare <= 1.0);
  return true;
}


/* Finding a run */

/* space_find_units -- a run of whole units in a chunk, for long runs */

static bool space_find_units(Index *grain_out, const Space *space,
                             const Chunk *chunk, Count grains, SpaceEnd end)
{
  Count need = (grains + space->unit_grains - 1) / space->unit_grains;
  Count run = 0;

  for (Index i = 0; i < chunk->count; ++i) {
    Index u = end == SPACE_LOW ? chunk->first + i
                               : chunk->first + chunk->count - 1 - i;

    run = space->unit_free[u] == space->unit_grains ? run + 1 : 0;
    if (run == need) {
      Index first = end == SPACE_LOW ? u - (need - 1) : u;

      *grain_out = first * space->unit_grains;
      return true;
    }
  }
  return false;
}

/* space_find_in_unit -- a run within one unit
 *
 * A failed search leaves what it found in unit_room, so that the unit isn't
 * searched again for as long a run until something in it is freed. */

static bool space_find_in_unit(Index *grain_out, Space *space, Index unit,
                               Count grains, SpaceEnd end)
{
  Index first = unit * space->unit_grains;
  Index limit = first + space->unit_grains;
  Count room = 0;
  bool is_found;

  if (end == SPACE_LOW)
    is_found = bits_find_run_low(grain_out, &room, space->used, first, limit,
                                 grains);
  else
    is_found = bits_find_run_high(grain_out, &room, space->used, first, limit,
                                  grains);
  if (!is_found)
    space->unit_room[unit] = (uint32_t)room;
  return is_found;
}

/* space_find_across -- a run anywhere in a chunk
 *
 * What is lent may be no longer than a few units, and is used to the last
 * grain. */

static bool space_find_across(Index *grain_out, const Space *space,
                              const Chunk *chunk, Count grains, SpaceEnd end)
{
  Index first = chunk->first * space->unit_grains;
  Index limit = first + chunk->count * space->unit_grains;
  Count room = 0;

  if (!space->is_lent)
    return false;
  if (end == SPACE_LOW)
    return bits_find_run_low(grain_out, &room, space->used, first, limit,
                             grains);
  return bits_find_run_high(grain_out, &room, space->used, first, limit,
                            grains);
}

static bool space_find_in_chunk(Index *grain_out, Space *space, Chunk *chunk,
                                Count grains, SpaceEnd end)
{
  if (grains > space->unit_grains)
    return space_find_units(grain_out, space, chunk, grains, end)
           || space_find_across(grain_out, space, chunk, grains, end);
  while (chunk->low < chunk->high && space->unit_free[chunk->low] == 0)
    ++chunk->low;
  while (chunk->high > chunk->low && space->unit_free[chunk->high - 1] == 0)
    --chunk->high;
  for (Index i = chunk->low; i < chunk->high; ++i) {
    Index u = end == SPACE_LOW ? i : chunk->high - 1 - (i - chunk->low);

    if (space->unit_room[u] >= grains
        && space_find_in_unit(grain_out, space, u, grains, end))
      return true;
  }
  return space_find_across(grain_out, space, chunk, grains, end);
}

static bool space_find(Index *grain_out, Space *space, Count grains,
                       SpaceEnd end)
{
  for (Index i = 0; i < space->chunk_count; ++i)
    if (space_find_in_chunk(grain_out, space, &space->chunks[i], grains, end))
      return true;
  return false;
}


/* Taking and giving back */

static Res space_map_units(Space *space, Index grain, Count grains)
{
  Index last = (grain + grains - 1) / space->unit_grains;

  for (Index u = grain / space->unit_grains; u <= last; ++u) {
    Index first = u;
    Res res;

    if (space->unit_state[u] >= UNIT_MAPPED)
      continue;
    while (u < last && space->unit_state[u + 1] < UNIT_MAPPED)
      ++u;
    res = plat_vm_map(addr_add(space->base, first * space->unit),
                      (u - first + 1) * space->unit);
    if (res != MPS_RES_OK)
      return res;
    memset(&space->unit_state[first], UNIT_MAPPED, u - first + 1);
  }
  return MPS_RES_OK;
}

static bool space_may_be_huge(const Space *space, Size more)
{
  return !space->is_lent && space->live >= SPACE_HUGE_LIVE
         && space->spare >= SPACE_HUGE_SPARE && space->unit == SPACE_UNIT
         && more <= space->commit_limit - space_committed(space);
}

/* space_set_huge -- make a clean unit huge, or a huge one ordinary where
 * there isn't room for all of it */

static void space_set_huge(Space *space, Index unit, bool is_huge)
{
  Index first = unit * space->unit_grains;
  Index limit = first + space->unit_grains;

  if (is_huge == (space->unit_state[unit] == UNIT_HUGE)
      || (is_huge && bits_find_set(space->dirty, first, limit) != limit))
    return;
  plat_vm_prefer_huge(addr_add(space->base, unit * space->unit), space->unit,
                      is_huge);
  space->unit_state[unit] = is_huge ? UNIT_HUGE : UNIT_MAPPED;
}

/* space_fill_huge -- the run's grains are in memory; so is the whole of each
 * huge unit that it touches */

static void space_fill_huge(Space *space, Index grain, Count grains)
{
  Index last = (grain + grains - 1) / space->unit_grains;

  for (Index u = grain / space->unit_grains; u <= last; ++u) {
    Index first = u * space->unit_grains;
    Index limit = first + space->unit_grains;
    Count clean;

    if (space->unit_state[u] != UNIT_HUGE)
      continue;
    clean = space->unit_grains - bits_count_range(space->dirty, first, limit);
    bits_set_range(space->dirty, first, limit);
    space->unit_spare[u] = true;
    space->spare_size += clean << space->shift;
  }
}

/* space_renew_unit -- make a unit clean that holds nothing but spare grains,
 * and the run that is about to be taken, so that it can become huge
 *
 * Its pages are dropped and cleared once; small pages cost something in
 * each collection (.space.huge). */

static void space_renew_unit(Space *space, Index unit)
{
  Index first = unit * space->unit_grains;
  Index limit = first + space->unit_grains;
  Count dirty = bits_count_range(space->dirty, first, limit);

  if (space->unit_state[unit] != UNIT_MAPPED || dirty == 0)
    return;
  plat_vm_purge(addr_add(space->base, unit * space->unit), space->unit);
  bits_clear_range(space->dirty, first, limit);
  space->spare_size -= dirty << space->shift;
}

/* space_choose_huge -- decide it for the units of a run, before it is
 * touched: it is marked as used, and nothing else of it is accounted */

static void space_choose_huge(Space *space, Index grain, Count grains)
{
  Index first = grain / space->unit_grains;
  Index last = (grain + grains - 1) / space->unit_grains;
  bool is_huge = space_may_be_huge(space, (last - first + 1) * space->unit);

  for (Index u = first; u <= last; ++u) {
    Index base = size_max(grain, u * space->unit_grains);
    Index limit = size_min(grain + grains, (u + 1) * space->unit_grains);

    if (is_huge && space->unit_free[u] + (limit - base) == space->unit_grains)
      space_renew_unit(space, u);
    space_set_huge(space, u, is_huge);
  }
}

Res space_refuse(const Space *space, Size wanted)
{
  if (space->is_lent
      && space->reserved < space->commit_limit - space->overhead)
    return MPS_RES_RESOURCE;
  EVENT_POST(space->events, commit_refused, .wanted = wanted,
             .committed = space_committed(space),
             .limit = space->commit_limit);
  return MPS_RES_COMMIT_LIMIT;
}

/* space_commit -- bring a run that is marked as used into memory
 *
 * The run is marked already so that purging for its sake leaves it alone. */

static Res space_commit(Space *space, Index grain, Count grains)
{
  Count clean = grains - bits_count_range(space->dirty, grain, grain + grains);
  Size need = clean << space->shift;
  Size now = space_committed(space);
  bool may_renew = !space->is_lent && space->live >= SPACE_HUGE_LIVE;
  Res res;

  if (need > space->commit_limit - now) {
    space_purge(space, need - (space->commit_limit - now));
    now = space_committed(space);
    if (need > space->commit_limit - now)
      return space_refuse(space, need);
  }
  res = space_map_units(space, grain, grains);
  if (res != MPS_RES_OK)
    return res;
  if ((clean > 0 || may_renew) && !space->is_lent)
    space_choose_huge(space, grain, grains);
  clean = grains - bits_count_range(space->dirty, grain, grain + grains);
  if (clean >= SPACE_POPULATE_MIN && grains <= space->unit_grains
      && !space->is_lent)
    plat_vm_populate(addr_add(space->base, grain << space->shift),
                     grains << space->shift);
  bits_set_range(space->dirty, grain, grain + grains);
  space->used_size += grains << space->shift;
  space->spare_size -= (grains - clean) << space->shift;
  if (clean > 0)
    space_fill_huge(space, grain, grains);
  space->committed_max
      = size_max(space->committed_max, space_committed(space));
  return MPS_RES_OK;
}

Res space_alloc(Addr *base_out, Space *space, Count grains, SpaceEnd end)
{
  Index grain = 0;
  Res res;

  ASSERT(space_check(space));
  ASSERT(grains > 0);
  if (grains > space->grains)
    return MPS_RES_RESOURCE;
  if (grains << space->shift
      > space->commit_limit - space->overhead - space->used_size)
    return space_refuse(space, grains << space->shift);
  if (!space_find(&grain, space, grains, end)) {
    res = space_extend(space, grains);
    if (res != MPS_RES_OK)
      return res;
    if (!space_find(&grain, space, grains, end))
      return MPS_RES_RESOURCE;
  }
  bits_set_range(space->used, grain, grain + grains);
  space_count_units(space, grain, grains, true);
  /* The spare bytes of the run still count as spare in here; a purge can't
   * take them, as they are marked. */
  res = space_commit(space, grain, grains);
  if (res != MPS_RES_OK) {
    space_unmark(space, grain, grains);
    return res;
  }
  *base_out = addr_add(space->base, grain << space->shift);
  return MPS_RES_OK;
}

void space_free(Space *space, Addr base, Count grains)
{
  Index grain = space_index(space, base);

  ASSERT_HOT(space_check(space));
  ASSERT(grain < space->grains && grains > 0);
  ASSERT(bits_find_clear(space->used, grain, grain + grains)
         == grain + grains);
  memset(&space->kind[grain], KIND_NONE, grains);
  if (space->still[grain]) /* else its page may never have been touched */
    memset(&space->still[grain], false, grains);
  memset(&space->seg[grain], 0, grains * sizeof space->seg[0]);
  space_unmark(space, grain, grains);
  space->used_size -= grains << space->shift;
  space->spare_size += grains << space->shift;
}


/* Spare memory */

/* space_purge_unit -- give a unit's spare grains back; returns the bytes */

static Size space_purge_unit(Space *space, Index unit)
{
  Index first = unit * space->unit_grains;
  Index limit = first + space->unit_grains;
  Size freed = 0;

  while (first < limit) {
    Index run = bits_find_set(space->dirty, first, limit);
    Index end = bits_find_clear(space->dirty, run, limit);

    run = bits_find_clear(space->used, run, end);
    end = bits_find_set(space->used, run, end);
    if (run < end) {
      if (!space->is_lent)
        plat_vm_purge(addr_add(space->base, run << space->shift),
                      (end - run) << space->shift);
      bits_clear_range(space->dirty, run, end);
      freed += (end - run) << space->shift;
    }
    first = end;
  }
  space->spare_size -= freed;
  space->unit_spare[unit] = false;
  return freed;
}

/* Whole free units go first: purging part of a unit costs as much as
 * purging all of it, and is paid for again at the next first touch. */

static Size space_purge_pass(Space *space, Size want, bool is_whole)
{
  Size freed = 0;

  for (Index i = space->chunk_count; i-- > 0;) {
    const Chunk *chunk = &space->chunks[i];

    for (Index n = chunk->count; n-- > 0;) {
      Index u = chunk->first + n;

      if (freed >= want)
        return freed;
      if (space->unit_spare[u] && space->unit_state[u] >= UNIT_MAPPED
          && (!is_whole || space->unit_free[u] == space->unit_grains))
        freed += space_purge_unit(space, u);
    }
  }
  return freed;
}

void space_purge(Space *space, Size want)
{
  Size freed = space_purge_pass(space, want, true);

  if (freed < want)
    freed += space_purge_pass(space, want - freed, false);
  if (freed > 0)
    EVENT_POST(space->events, spare_return, .size = freed,
               .spare = space->spare_size,
               .committed = space_committed(space));
}

void space_note_live(Space *space)
{
  space->live = space->used_size;
}

/* space_excess -- how many bytes are to go */

static Size space_excess(const Space *space, Size keep)
{
  /* Giving x bytes back lowers both sides: spare - x <= f (committed - x). */
  double excess = (double)space->spare_size
                  - space->spare * (double)space_committed(space);
  double want;

  if (space->spare > 0.0)
    excess -= (double)keep;
  if (excess <= 0.0 || space->spare >= 1.0)
    return 0;
  want = excess / (1.0 - space->spare);
  return want < (double)space->spare_size ? (Size)want : space->spare_size;
}

bool space_trim(Space *space, Size keep, Size most)
{
  Size excess = space_excess(space, keep);

  ASSERT(space_check(space));
  if (excess > 0)
    space_purge(space, size_min(excess, most));
  if (excess > most)
    return false;
  for (Index i = space->chunk_count; i-- > 1 && !space->is_lent;)
    if (space_chunk_is_clean(space, &space->chunks[i]))
      space_chunk_drop(space, i);
  if (CHECK_DEEP)
    space_check_deep(space);
  return true;
}

Res space_set_limit(Space *space, Size limit)
{
  Size committed = space_committed(space);

  if (limit < committed - space->spare_size)
    return MPS_RES_FAIL;
  if (limit < committed)
    space_purge(space, committed - limit);
  ASSERT(space_committed(space) <= limit);
  space->commit_limit = limit;
  EVENT_POST(space->events, commit_limit, .limit = limit,
             .committed = space_committed(space));
  return MPS_RES_OK;
}


/* The map */

bool space_has_addr(const Space *space, Addr addr)
{
  Index i = space_index(space, addr);

  return i < space->grains && bits_get(space->used, i)
         && bits_get(space->dirty, i);
}

void space_map_seg(Space *space, Addr base, Addr limit, struct Seg *seg,
                   unsigned char kind)
{
  Index first = space_index(space, base);
  Count count = addr_diff(base, limit) >> space->shift;

  memset(&space->kind[first], kind, count);
  for (Index i = 0; i < count; ++i)
    space->seg[first + i] = seg;
}

void space_map_still(Space *space, Addr base, Addr limit)
{
  memset(&space->still[space_index(space, base)], true,
         addr_diff(base, limit) >> space->shift);
}

void space_map_kind(Space *space, Addr base, Addr limit, unsigned char kind)
{
  memset(&space->kind[space_index(space, base)], kind,
         addr_diff(base, limit) >> space->shift);
}
