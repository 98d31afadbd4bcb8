/* amcret.c -- what a trace kept of a mostly copying pool, and why
 *
 * Design: .amc.ret, .amc.ret.why (design/amc-ret.rst).
 */

#include "amcret.h"

#include "amc.h"

#include "../heap/seg.h"
#include "../trace/nailboard.h"

#include <stdlib.h>
#include <string.h>

/* Grains that a trace must have kept of a pool to be worth an event. */
#define AMCRET_THRESHOLD 100

static AmcRet *amcret_of(const Seg *seg)
{
  return &amc_of_pool(seg->pgen->pool)->ret;
}

static Count amcret_grains(const Seg *seg)
{
  return seg_size(seg) >> seg_arena(seg)->space.shift;
}


/* Lifetime */

static Count amcret_threshold(void)
{
  const char *given = getenv("MOSTLY_RETAINED_MIN");

  return given != NULL ? strtoul(given, NULL, 0) : AMCRET_THRESHOLD;
}

static void amcret_clear(AmcRet *ret)
{
  Event_amc_trace_end *count = &ret->count;

  ret->count = (Event_amc_trace_end){
      .pool = count->pool,
      .class = count->class,
      .grain = count->grain,
      .large_size = count->large_size,
      .threshold = count->threshold,
  };
}

void amcret_init(AmcRet *ret, Pool *pool, Size large_size)
{
  Addr pads;

  ret->count.pool = (Word)pool;
  ret->count.class = event_name(pool->class->name);
  ret->count.grain = pool->arena->space.grain;
  ret->count.large_size = large_size;
  ret->count.threshold = amcret_threshold();
  /* Like the ring of events, this isn't counted as the client's memory. */
  if (event_is_on(EVENT_OF_amc_trace_end)
      && plat_vm_reserve_table(
             &pads, size_round_up(sizeof(AmcRetPads), plat_page_size()))
             == MPS_RES_OK)
    ret->pads = (AmcRetPads *)pads;
}

void amcret_finish(AmcRet *ret)
{
  if (ret->pads != NULL)
    plat_vm_release((Addr)ret->pads,
                    size_round_up(sizeof(AmcRetPads), plat_page_size()));
  ret->pads = NULL;
}


/* Padding.  To a segment's walk it looks like objects (.amc.ret.pads). */

static void amcret_pads_add(AmcRet *ret, Addr base, Addr limit)
{
  AmcRetPads *pads = ret->pads;

  if (pads == NULL || base >= limit)
    return;
  pads->range[pads->put % AMCRET_PADS].base = base;
  pads->range[pads->put % AMCRET_PADS].limit = limit;
  ++pads->put;
}

static bool amcret_is_pad(const AmcRet *ret, Addr addr)
{
  const AmcRetPads *pads = ret->pads;

  if (pads == NULL)
    return false;
  for (Index i = 0; i < size_min(pads->put, AMCRET_PADS); ++i)
    if (pads->range[i].base <= addr && addr < pads->range[i].limit)
      return true;
  return false;
}

/* What is known of these addresses is of a segment that has gone. */

static void amcret_pads_forget(AmcRet *ret, Addr base, Addr limit)
{
  AmcRetPads *pads = ret->pads;

  if (pads == NULL)
    return;
  for (Index i = 0; i < size_min(pads->put, AMCRET_PADS); ++i)
    if (pads->range[i].base < limit && base < pads->range[i].limit)
      pads->range[i].limit = pads->range[i].base;
}


/* Condemning */

Size amcret_condemn(const Seg *seg, Size size)
{
  Event_amc_trace_end *count = &amcret_of(seg)->count;
  Count grains = amcret_grains(seg);

  count->condemned += grains;
  switch ((SegSize)seg->size_class) {
  case SEG_SMALL:
    count->small_condemned += grains;
    break;
  case SEG_MEDIUM:
    ++count->medium_segs_condemned;
    count->medium_condemned += grains;
    break;
  case SEG_LARGE:
    ++count->large_segs_condemned;
    count->large_condemned += grains;
    break;
  }
  return size;
}

void amcret_emergency(Seg *seg)
{
  seg->is_emergency = true;
}


/* Reclaiming */

static void amcret_begin(Seg *seg)
{
  AmcRet *ret = amcret_of(seg);

  if (ret->seg == seg)
    return;
  if (!seg->was_retained)
    amcret_pads_forget(ret, seg->base, seg->limit);
  ret->seg = seg;
  ret->first = NULL;
  ret->end = seg->base;
  ret->is_first = false;
  ret->is_first_named = false;
  ret->is_rest_named = false;
  ret->is_final_pad = false;
  ret->is_other_pad = false;
}

/* Is anything between the segment's base and a block but padding? */

static bool amcret_is_first(const AmcRet *ret, const Seg *seg, Addr block)
{
  return block == seg->base
         || (ret->first == NULL && amcret_is_pad(ret, seg->base)
             && amcret_is_pad(ret, addr_sub(block, 1)));
}

static void amcret_note_pad(AmcRet *ret, const Seg *seg, Addr limit)
{
  if (seg->buffer == NULL && limit == seg->used_limit)
    ret->is_final_pad = true;
  else
    ret->is_other_pad = true;
}

/* Did something name the object itself, and not merely a place in it? */

static bool amcret_is_named(const Seg *seg, Addr client)
{
  return seg->board != NULL && client < seg->limit
         && nailboard_is_nailed(seg->board, client,
                                addr_add(client, seg->format->align));
}

void amcret_survivor(Seg *seg, Addr client, Addr end)
{
  AmcRet *ret = amcret_of(seg);
  Size header = seg->format->header;
  Addr block = addr_sub(client, header);
  bool is_named = amcret_is_named(seg, client);

  amcret_begin(seg);
  if (amcret_is_pad(ret, block)) {
    amcret_note_pad(ret, seg, addr_sub(end, header));
  } else if (amcret_is_first(ret, seg, block)) {
    ret->is_first = true;
    ret->is_first_named = is_named;
  } else if (is_named) {
    ret->is_rest_named = true;
  }
  if (ret->first == NULL)
    ret->first = block;
  else
    amcret_pads_add(ret, ret->end, block);
  ret->end = addr_sub(end, header);
}

static EventWord *amcret_reason(AmcRet *ret, const Seg *seg)
{
  Event_amc_trace_end *count = &ret->count;

  if (seg->is_emergency)
    return &count->why_emergency;
  if (ret->is_first_named)
    return &count->why_first;
  if (ret->is_rest_named)
    return &count->why_rest;
  if (ret->is_final_pad)
    return &count->why_final_pad;
  if (ret->is_other_pad)
    return &count->why_other_pad;
  return ret->first != NULL ? &count->why_unaligned : &count->why_buffered;
}

static void amcret_retain_medium(AmcRet *ret, Count grains)
{
  Event_amc_trace_end *count = &ret->count;

  ++count->medium_segs_retained;
  count->medium_retained += grains;
  if (ret->is_first) {
    count->medium_first += grains;
  } else if (ret->first != NULL) {
    ++count->medium_rest_one;
    count->medium_rest_more += grains - 1;
  }
}

static void amcret_count_size(AmcRet *ret, const Seg *seg, Count grains)
{
  Event_amc_trace_end *count = &ret->count;

  switch ((SegSize)seg->size_class) {
  case SEG_SMALL:
    count->small_retained += grains;
    break;
  case SEG_MEDIUM:
    amcret_retain_medium(ret, grains);
    break;
  case SEG_LARGE:
    ++count->large_segs_retained;
    count->large_retained += grains;
    if (!ret->is_first && ret->first != NULL)
      count->large_rest += grains;
    break;
  }
}

void amcret_retain(Seg *seg)
{
  AmcRet *ret = amcret_of(seg);
  Count grains = amcret_grains(seg);

  amcret_begin(seg);
  ret->count.retained += grains;
  *amcret_reason(ret, seg) += grains;
  amcret_count_size(ret, seg, grains);
  if (ret->first != NULL)
    amcret_pads_add(ret, seg->base, ret->first);
  else
    ret->end = seg->base;
  if (seg->buffer != NULL)
    amcret_pads_add(ret, ret->end, seg_scan_limit(seg));
  seg->is_emergency = false;
  seg->was_retained = true;
  ret->seg = NULL;
}

void amcret_end(Pool *pool)
{
  AmcRet *ret = &amc_of_pool(pool)->ret;

  if (ret->count.retained >= ret->count.threshold && ret->count.condemned > 0
      && event_is_on(EVENT_OF_amc_trace_end))
    event_write(pool->arena->events, EVENT_amc_trace_end, &ret->count,
                sizeof ret->count / sizeof(EventWord));
  amcret_clear(ret);
}
