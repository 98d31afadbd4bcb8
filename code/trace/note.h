/* note.h -- what a trace tells: messages and running averages
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

MOSTLY_INTERN void note_start(Trace *trace);
MOSTLY_INTERN void note_end(Trace *trace);

/* Bytes a second that tracing manages, given what it managed this time. */
MOSTLY_INTERN double note_rate(double old, double measured);

MOSTLY_INTERN const char *note_why(TraceWhy why);

#endif /* NOTE_H */
