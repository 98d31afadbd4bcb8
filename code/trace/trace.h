/* trace.h -- one collection, from condemning to reclaiming
 *
 *   condemn  the threads are stopped; the segments of some generations
 *            become white, and what may refer to them becomes grey
 *   flip     allocation points are trapped, roots are scanned, ambiguous
 *            ones first, so that nothing that they may name moves
 *   scan     grey segments are scanned until there are none
 *   reclaim  what is still white dies; the threads go on
 *
 * Design: .trace.steps, .trace.inv.order (design/trace.rst).
 */

#ifndef TRACE_H
#define TRACE_H

#include "../heap/heap.h"

#define TRACE_SIG ((Sig)0x54726163) /* "Trac" */

/* Why a collection happens. */
typedef enum TraceWhy {
  TRACE_WHY_CAPACITY, /* a generation has reached its capacity */
  TRACE_WHY_GROWTH,   /* the whole heap has grown since the last time */
  TRACE_WHY_MEMORY,   /* memory ran out */
  TRACE_WHY_CLIENT,   /* the client asked */
  TRACE_WHY_STEP,     /* the client offered time */
  TRACE_WHY_LIMIT     /* the number of reasons */
} TraceWhy;

typedef struct Trace {
  Sig sig;
  Arena *arena;
  bool is_running;
  bool is_emergency; /* memory ran out: survivors stay where they are */
  Size refused; /* bytes; a request for so many has failed in this trace */
  TraceWhy why;
  RefSet white;         /* the condemned generations */
  Ring whites;          /* condemned segments, by gen_link */
  Size condemned;       /* bytes, without what buffers keep back */
  Size not_condemned;   /* bytes of segments that refer, left alone */
  Size live;            /* bytes that survived */
  Size copied;          /* of these */
  Count collections;    /* traces that condemned something, ever */
  Size old_at_world;    /* bytes outside nurseries after the last full one */
  Size filled_at_world; /* arena->filled at that time */
  Size filled_at_poll;  /* and when the policy was asked last */
  Seconds step_world;   /* when a step last collected everything */
  Seconds start;
  Seconds start_cpu;
  Seconds cost;           /* in all traces */
  Seconds longest;        /* of them */
  double rate;            /* bytes a second that tracing manages, measured */
  Message *start_message; /* ready for the next trace, or NULL */
  Message *end_message;
} Trace;

MOSTLY_INTERN Res trace_create(Arena *arena);
MOSTLY_INTERN void trace_destroy(Arena *arena);
MOSTLY_INTERN bool trace_check(const Trace *trace);

/* Collect the generations that are marked is_condemned, with the threads
 * stopped, and unmark them.  Returns the bytes condemned; zero means that
 * there was nothing, and that nothing happened. */
MOSTLY_INTERN Size trace_run(Arena *arena, TraceWhy why);

/* Put a condemned segment that stays back where it was. */
MOSTLY_INTERN void trace_whiten_undo(Seg *seg);

#endif /* TRACE_H */
