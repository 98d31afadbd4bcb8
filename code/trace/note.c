/* note.c -- what a trace tells: messages, events and running averages
 *
 * Design: .note.messages, .trace.rate (design/trace.rst).
 */

#include "note.h"

#include "../heap/gen.h"
#include "../include/mpslib.h"

#define NOTE_RATE_WEIGHT 0.3

/* Whole sentences, as clients print them. */
const char *note_why(TraceWhy why)
{
  static const char *const texts[TRACE_WHY_LIMIT] = {
      [TRACE_WHY_CAPACITY] = "A generation has reached its capacity.",
      [TRACE_WHY_GROWTH] = "The heap has grown since it was collected.",
      [TRACE_WHY_MEMORY] = "Memory ran out.",
      [TRACE_WHY_CLIENT] = "The client asked for a full collection.",
      [TRACE_WHY_STEP] = "The client offered time for a collection.",
  };

  ASSERT(why < TRACE_WHY_LIMIT);
  return texts[why];
}

double note_rate(double old, double measured)
{
  if (old == 0.0)
    return measured;
  return old + NOTE_RATE_WEIGHT * (measured - old);
}

void note_finish(Trace *trace)
{
  Ctl *ctl = &trace->arena->ctl;

  if (trace->start_message == NULL)
    return;
  message_finish(trace->start_message);
  message_finish(trace->end_message);
  ctl_free(ctl, message_gc(trace->start_message), sizeof(GcMessage));
  ctl_free(ctl, message_gc(trace->end_message), sizeof(GcMessage));
  trace->start_message = NULL;
  trace->end_message = NULL;
}

void note_prepare(Trace *trace)
{
  Ctl *ctl = &trace->arena->ctl;
  GcMessage *start;
  GcMessage *end;

  if (trace->start_message != NULL)
    return;
  if (ctl_alloc(&start, ctl, sizeof *start) != MPS_RES_OK)
    return;
  if (ctl_alloc(&end, ctl, sizeof *end) != MPS_RES_OK) {
    ctl_free(ctl, start, sizeof *start);
    return;
  }
  message_init(&start->message, mps_message_type_gc_start());
  message_init(&end->message, mps_message_type_gc());
  trace->start_message = &start->message;
  trace->end_message = &end->message;
}

static void note_post(const Trace *trace, Message *message)
{
  Arena *arena = trace->arena;
  unsigned type = message->type;
  bool is_queued = message_post(&arena->messages, message, mps_clock());

  EVENT_POST(arena->events, message, .type = type, .is_queued = is_queued);
}

void note_start(Trace *trace)
{
  Message *message = trace->start_message;

  trace->begun = plat_clock_now();
  EVENT_POST(trace->arena->events, trace_start,
             .why = event_text(note_why(trace->why)),
             .condemned = trace->condemned,
             .not_condemned = trace->not_condemned);
  if (message == NULL)
    return;
  trace->start_message = NULL;
  message_gc(message)->data.gc_start.why = note_why(trace->why);
  note_post(trace, message);
}

static void note_tell_end(const Trace *trace)
{
  const Space *space = &trace->arena->space;

  EVENT_POST(trace->arena->events, trace_end, .condemned = trace->condemned,
             .live = trace->live, .copied = trace->copied,
             .preserved = trace->live - trace->copied,
             .not_condemned = trace->not_condemned,
             .elapsed = plat_clock_now().s - trace->begun.s,
             .stops = trace->stops + 1, .is_emergency = trace->is_emergency,
             .used = space->used_size, .spare = space->spare_size,
             .committed = space_committed(space));
}

void note_end(Trace *trace)
{
  Message *message = trace->end_message;

  note_tell_end(trace);
  if (message == NULL)
    return;
  trace->end_message = NULL;
  message_gc(message)->data.gc.live = trace->live;
  message_gc(message)->data.gc.condemned = trace->condemned;
  message_gc(message)->data.gc.not_condemned = trace->not_condemned;
  note_post(trace, message);
}


/* Events alone */

void note_stop(Arena *arena, const char *why)
{
  arena->stop_why = why;
}

void note_flip(const Trace *trace)
{
  EVENT_POST(trace->arena->events, trace_flip, .white = trace->white);
}

void note_reclaim(const Trace *trace)
{
  EVENT_POST(trace->arena->events, trace_reclaim,
             .elapsed = plat_clock_now().s - trace->begun.s);
}

void note_gen(const Trace *trace, const Gen *gen)
{
  const GenWork *work = &gen->work;

  EVENT_POST(trace->arena->events, gen_work, .gen = gen->id,
             .condemned = work->condemned, .forwarded = work->forwarded,
             .preserved = work->preserved, .retained = work->retained,
             .size = gen_size(gen), .capacity = gen->capacity,
             .mortality = gen->mortality);
}

void note_world(const Arena *arena, TraceWhy why)
{
  EVENT_POST(arena->events, growth, .why = event_text(note_why(why)),
             .filled = arena->filled - arena->trace->filled_at_world,
             .old = arena->trace->old_at_world,
             .committed = space_committed(&arena->space));
}
