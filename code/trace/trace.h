/* trace.h -- one collection, from condemning to reclaiming
 *
 *   condemn  the threads are stopped; the segments of some generations
 *            become white, and what may refer to them becomes grey
 *   flip     allocation points are trapped, roots are scanned, ambiguous
 *            ones first, so that nothing that they may name moves
 *   scan     grey segments are scanned until there are none
 *   reclaim  what is still white dies
 *   trim     memory goes back to the system
 *
 * All of it happens in one stop if there is time.  From the flip on the
 * threads may go on in between, with what is grey hidden from them, and the
 * trace goes on in another stop.
 *
 * Design: .trace.steps, .trace.inv.order (design/trace.rst).
 */

#ifndef TRACE_H
#define TRACE_H

#include "../heap/heap.h"
#include "ephs.h"

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

typedef enum TracePhase {
  TRACE_IDLE,
  TRACE_SCAN,
  TRACE_RECLAIM,
  TRACE_TRIM
} TracePhase;

/* What one stop may do: it ends when the clock says so or when so many
 * bytes have been scanned, whichever comes first. */
typedef struct TraceBudget {
  Seconds until; /* by plat_clock_now */
  Size work;
} TraceBudget;

typedef struct Trace {
  Sig sig;
  Arena *arena;
  TracePhase phase;
  bool is_running;
  bool is_whole;     /* mustn't let the threads go on before its end */
  bool has_news;     /* a trace has ended, and poll hasn't drawn conclusions */
  bool has_flipped;  /* ambiguous references have been seen to */
  bool is_decided;   /* what isn't preserved by now is dead */
  bool is_world;     /* of the running or the last one: it condemned all */
  bool is_in_place;  /* nothing moves: ambiguous references may come late */
  bool is_emergency; /* memory ran out: survivors stay where they are */
  bool is_short;     /* it ran out in some trace, and still isn't plenty */
  Size refused; /* bytes; a request for so many has failed in this trace */
  Size room;    /* bytes to copy into, where memory is short; or SIZE_MAX */
  TraceWhy why;
  RefSet white;  /* the condemned generations */
  RefSet moving; /* those of them in which objects may move */
  Ephs ephs;
  Ring whites;            /* condemned segments, by gen_link */
  Size condemned;         /* bytes, without what buffers keep back */
  Size not_condemned;     /* bytes of segments that refer, left alone */
  Size work;              /* bytes to scan, as expected at the start */
  Size done;              /* bytes scanned */
  Count stops;            /* of the threads */
  Size keep;              /* bytes of spare memory not to give back */
  Size live;              /* bytes that survived */
  Size copied;            /* of these */
  Count collections;      /* traces that condemned something, ever */
  Size old_at_world;      /* bytes outside nurseries after the last full one */
  Size filled_at_world;   /* arena->filled at that time */
  Size filled_at_poll;    /* and when the policy was asked last */
  Seconds step_world;     /* when a step last collected everything */
  Size filled_at_start;   /* and when the trace started */
  Seconds cpu;            /* that it has taken so far, of all threads */
  Seconds begun;          /* when something was condemned */
  Seconds cost;           /* wall time in all stops */
  Seconds longest;        /* of these */
  Seconds slow;           /* that a slow step takes, of late */
  double rate;            /* bytes a second that tracing manages, measured */
  Message *start_message; /* ready for the next trace, or NULL */
  Message *end_message;
} Trace;

MOSTLY_INTERN Res trace_create(Arena *arena);
MOSTLY_INTERN void trace_destroy(Arena *arena);
MOSTLY_INTERN bool trace_check(const Trace *trace);

/* Begin to collect the generations that are marked is_condemned, and
 * unmark them, in a stop with this budget.  Returns the bytes condemned;
 * zero means that there was nothing, and that nothing happened. */
MOSTLY_INTERN Size trace_start(Arena *arena, TraceWhy why,
                               const TraceBudget *budget);

/* Go on with the trace that is running, in a stop of its own. */
MOSTLY_INTERN void trace_advance(Arena *arena, const TraceBudget *budget);

/* Go on to its end, if one is running. */
MOSTLY_INTERN void trace_finish(Arena *arena);

/* All generations, in one stop, and nothing moves: what conservative pools
 * hold dies too, in cycles through other pools as well (.trace.place). */
MOSTLY_INTERN Size trace_run_in_place(Arena *arena, TraceWhy why);

/* All of it in one stop. */
MOSTLY_INTERN Size trace_run(Arena *arena, TraceWhy why);

/* Put a condemned segment that stays back where it was. */
MOSTLY_INTERN void trace_whiten_undo(Seg *seg);

#endif /* TRACE_H */
