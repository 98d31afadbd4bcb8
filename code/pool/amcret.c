/* amcret.c -- what a trace kept of a mostly copying pool, and why
 *
 * Design: .amc.ret, .amc.ret.why (design/amc-ret.rst).
 */

#include "amcret.h"

#include "amc.h"

#include "../heap/seg.h"
#include "../trace/nailboard.h"

#include <stdlib.h>

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
  ret->count.pool = (Word)pool;
  ret->count.class = event_name(pool->class->name);
  ret->count.grain = pool->arena->space.grain;
  ret->count.large_size = large_size;
  ret->count.threshold = amcret_threshold();
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


/* Reclaiming */

/* amcret_reason -- the counter that a part of a segment counts for
 *
 * The board's notes are of the whole; which part holds the first object is
 * known. */

static EventWord *amcret_reason(Event_amc_trace_end *count,
                                const AmcRetPart *part)
{
  const Nailboard *board = part->board;

  if (board == NULL || (board->notes & AMCRET_REFUSED) != 0)
    return &count->why_emergency;
  if (part->first == NULL)
    return &count->why_buffered;
  if (part->first == part->head && (board->notes & AMCRET_FIRST) != 0)
    return &count->why_first;
  if ((board->notes & AMCRET_REST) != 0)
    return &count->why_rest;
  return &count->why_unaligned;
}

static void amcret_retain_medium(Event_amc_trace_end *count,
                                 const AmcRetPart *part, Count grains)
{
  ++count->medium_segs_retained;
  count->medium_retained += grains;
  if (part->first == NULL)
    return;
  if (part->first == part->head) {
    count->medium_first += grains;
  } else {
    ++count->medium_rest_one;
    count->medium_rest_more += grains - 1;
  }
}

static void amcret_retain_large(Event_amc_trace_end *count,
                                const AmcRetPart *part, Count grains)
{
  ++count->large_segs_retained;
  count->large_retained += grains;
  if (part->first != NULL && part->first != part->head)
    count->large_rest += grains;
}

void amcret_retain(const AmcRetPart *part)
{
  Event_amc_trace_end *count = &amcret_of(part->seg)->count;
  Count grains = amcret_grains(part->seg);

  count->retained += grains;
  *amcret_reason(count, part) += grains;
  switch ((SegSize)part->seg->size_class) {
  case SEG_SMALL:
    count->small_retained += grains;
    break;
  case SEG_MEDIUM:
    amcret_retain_medium(count, part, grains);
    break;
  case SEG_LARGE:
    amcret_retain_large(count, part, grains);
    break;
  }
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
