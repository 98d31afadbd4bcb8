/* note.h -- what a trace tells: messages, events and running averages
 *
 * Design: .note.messages, .trace.rate (design/trace.rst).
 */

#ifndef NOTE_H
#define NOTE_H

#include "trace.h"

/* Have messages ready for the next trace, both or none: a trace itself
 * never takes memory for them. */
MOSTLY_INTERN void note_prepare(Trace *trace);
MOSTLY_INTERN void note_finish(Trace *trace);

/* Why the threads are stopped, for the event at the end of the stop; a
 * constant.  The last one said counts. */
MOSTLY_INTERN void note_stop(Arena *arena, const char *why);

/* The steps of a trace, in this order: something is condemned; roots are
 * about to be scanned; all that is alive was found; and, when its figures
 * are complete, the end.  For each generation in between, what became of
 * it. */
MOSTLY_INTERN void note_start(Trace *trace);
MOSTLY_INTERN void note_flip(const Trace *trace);
MOSTLY_INTERN void note_reclaim(const Trace *trace);
MOSTLY_INTERN void note_gen(const Trace *trace, const Gen *gen);
MOSTLY_INTERN void note_end(Trace *trace);

/* Everything is about to be condemned, and this is why. */
MOSTLY_INTERN void note_world(const Arena *arena, TraceWhy why);

/* Bytes a second that tracing manages, given what it managed this time. */
MOSTLY_INTERN double note_rate(double old, double measured);

MOSTLY_INTERN const char *note_why(TraceWhy why);

#endif /* NOTE_H */
