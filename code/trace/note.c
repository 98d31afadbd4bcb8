/* note.c -- what a trace tells: messages and running averages
 *
 * Design: .note.messages, .trace.rate (design/trace.rst).
 */

#include "note.h"

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

void note_start(Trace *trace)
{
  Message *message = trace->start_message;

  if (message == NULL)
    return;
  trace->start_message = NULL;
  message_gc(message)->data.gc_start.why = note_why(trace->why);
  (void)message_post(&trace->arena->messages, message, mps_clock());
}

void note_end(Trace *trace)
{
  Message *message = trace->end_message;

  if (message == NULL)
    return;
  trace->end_message = NULL;
  message_gc(message)->data.gc.live = trace->live;
  message_gc(message)->data.gc.condemned = trace->condemned;
  message_gc(message)->data.gc.not_condemned = trace->not_condemned;
  (void)message_post(&trace->arena->messages, message, mps_clock());
}
