/* event.h -- what the library tells of its work, for whoever tunes a program
 *
 * EVENT_TABLE is the only list of events.  The records, their numbers and
 * the header of the log, which tells a reader everything about the rest,
 * are made from it.  An arena's events go to a ring of records, and from
 * there to the log: when the ring is full, when the client asks, and when
 * the arena or the process ends.
 *
 * An event whose kind the filter leaves out costs one load.
 *
 * Design: .event.table, .event.ring, .event.lock (design/event.rst).
 */

#ifndef EVENT_H
#define EVENT_H

#include "../base/ring.h"
#include "../plat/plat.h"

#include <stdatomic.h>

/* The kinds, by the numbers of their bits in the filter. */
enum {
  EVENT_KIND_ARENA,
  EVENT_KIND_POOL,
  EVENT_KIND_TRACE,
  EVENT_KIND_SEG,
  EVENT_KIND_REF,
  EVENT_KIND_OBJECT,
  EVENT_KIND_USER
};

/* What a field can be; each a whole number of words. */
typedef struct EventName {
  char text[16];
} EventName;

typedef struct EventText {
  char text[48];
} EventText;

typedef struct EventLong {
  char text[256];
} EventLong;

typedef uint64_t EventWord;
typedef double EventReal;

/* EVENT_TABLE -- EVENT(name, kind, sentence), its FIELD(type, name, unit),
 * END(name)
 *
 * Types are Word, Real, Name, Text and Long, of which the last three are
 * short and longer text.  Units: B is bytes, s seconds, ns nanoseconds; id,
 * set, flag and address say what a word is; the others are what is
 * counted. */
/* clang-format off */
#define EVENT_TABLE(EVENT, FIELD, END) \
  EVENT(arena_create, ARENA, "An arena was made.") \
    FIELD(Word, address, "address") \
    FIELD(Word, reserved, "B") \
    FIELD(Word, grain, "B") \
    FIELD(Word, commit_limit, "B") \
    FIELD(Real, pause_time, "s") \
  END(arena_create) \
  EVENT(arena_destroy, ARENA, "An arena is about to go.") \
    FIELD(Word, collections, "traces") \
    FIELD(Word, committed_max, "B") \
  END(arena_destroy) \
  EVENT(commit_limit, ARENA, "The client set the commit limit.") \
    FIELD(Word, limit, "B") \
    FIELD(Word, committed, "B") \
  END(commit_limit) \
  EVENT(commit_refused, ARENA, \
        "The commit limit, or a pool's reserve below it, forbade grains.") \
    FIELD(Word, wanted, "B") \
    FIELD(Word, committed, "B") \
    FIELD(Word, limit, "B") \
  END(commit_refused) \
  EVENT(extend, ARENA, "More address space was taken into use.") \
    FIELD(Word, size, "B") \
    FIELD(Word, reserved, "B") \
  END(extend) \
  EVENT(contract, ARENA, "Address space was given up.") \
    FIELD(Word, size, "B") \
    FIELD(Word, reserved, "B") \
  END(contract) \
  EVENT(spare_return, ARENA, "Spare memory went back to the system.") \
    FIELD(Word, size, "B") \
    FIELD(Word, spare, "B") \
    FIELD(Word, committed, "B") \
  END(spare_return) \
  EVENT(message, ARENA, "A message about a trace was offered to the queue.") \
    FIELD(Word, type, "id") \
    FIELD(Word, is_queued, "flag") \
  END(message) \
  EVENT(pool_create, POOL, "A pool was made.") \
    FIELD(Word, pool, "address") \
    FIELD(Name, class, "text") \
  END(pool_create) \
  EVENT(pool_destroy, POOL, "A pool has gone.") \
    FIELD(Word, pool, "address") \
  END(pool_destroy) \
  EVENT(chain_create, POOL, "A chain of generations was made.") \
    FIELD(Word, chain, "address") \
    FIELD(Word, gens, "generations") \
  END(chain_create) \
  EVENT(gen_create, POOL, "A generation of a chain was made.") \
    FIELD(Word, chain, "address") \
    FIELD(Word, gen, "id") \
    FIELD(Word, capacity, "B") \
    FIELD(Real, mortality, "part") \
  END(gen_create) \
  EVENT(chain_destroy, POOL, "A chain has gone.") \
    FIELD(Word, chain, "address") \
  END(chain_destroy) \
  EVENT(stop, TRACE, "The client's threads were stopped.") \
    FIELD(Real, waited, "s") \
  END(stop) \
  EVENT(resume, TRACE, "The client's threads were let go on.") \
    FIELD(Text, why, "text") \
    FIELD(Real, pause, "s") \
    FIELD(Word, hits, "segments") \
  END(resume) \
  EVENT(growth, TRACE, "The whole heap is to be collected.") \
    FIELD(Text, why, "text") \
    FIELD(Word, filled, "B") \
    FIELD(Word, old, "B") \
    FIELD(Word, committed, "B") \
  END(growth) \
  EVENT(trace_start, TRACE, "A trace has condemned something.") \
    FIELD(Text, why, "text") \
    FIELD(Word, condemned, "B") \
    FIELD(Word, not_condemned, "B") \
  END(trace_start) \
  EVENT(trace_flip, TRACE, "A trace is about to scan the roots.") \
    FIELD(Word, white, "set") \
  END(trace_flip) \
  EVENT(trace_reclaim, TRACE, "A trace has found all that is alive.") \
    FIELD(Real, elapsed, "s") \
  END(trace_reclaim) \
  EVENT(gen_work, TRACE, "What a trace left of a generation.") \
    FIELD(Word, gen, "id") \
    FIELD(Word, condemned, "B") \
    FIELD(Word, forwarded, "B") \
    FIELD(Word, preserved, "B") \
    FIELD(Word, retained, "B") \
    FIELD(Word, size, "B") \
    FIELD(Word, capacity, "B") \
    FIELD(Real, mortality, "part") \
  END(gen_work) \
  EVENT(trace_end, TRACE, "A trace has ended.") \
    FIELD(Word, condemned, "B") \
    FIELD(Word, live, "B") \
    FIELD(Word, copied, "B") \
    FIELD(Word, preserved, "B") \
    FIELD(Word, not_condemned, "B") \
    FIELD(Real, elapsed, "s") \
    FIELD(Word, stops, "stops") \
    FIELD(Word, is_emergency, "flag") \
    FIELD(Word, used, "B") \
    FIELD(Word, spare, "B") \
    FIELD(Word, committed, "B") \
  END(trace_end) \
  EVENT(amc_trace_end, TRACE, \
        "What a trace condemned and kept of a mostly copying pool.") \
    FIELD(Word, pool, "address") \
    FIELD(Name, class, "text") \
    FIELD(Word, grain, "B") \
    FIELD(Word, large_size, "B") \
    FIELD(Word, threshold, "grains") \
    FIELD(Word, condemned, "grains") \
    FIELD(Word, retained, "grains") \
    FIELD(Word, small_condemned, "grains") \
    FIELD(Word, small_retained, "grains") \
    FIELD(Word, medium_segs_condemned, "segments") \
    FIELD(Word, medium_condemned, "grains") \
    FIELD(Word, medium_segs_retained, "segments") \
    FIELD(Word, medium_retained, "grains") \
    FIELD(Word, medium_first, "grains") \
    FIELD(Word, medium_rest_one, "grains") \
    FIELD(Word, medium_rest_more, "grains") \
    FIELD(Word, large_segs_condemned, "segments") \
    FIELD(Word, large_condemned, "grains") \
    FIELD(Word, large_segs_retained, "segments") \
    FIELD(Word, large_retained, "grains") \
    FIELD(Word, large_rest, "grains") \
    FIELD(Word, why_first, "grains") \
    FIELD(Word, why_rest, "grains") \
    FIELD(Word, why_final_pad, "grains") \
    FIELD(Word, why_other_pad, "grains") \
    FIELD(Word, why_emergency, "grains") \
    FIELD(Word, why_unaligned, "grains") \
    FIELD(Word, why_buffered, "grains") \
  END(amc_trace_end) \
  EVENT(intern, USER, "The client made a label.") \
    FIELD(Word, label, "id") \
    FIELD(Long, text, "text") \
  END(intern) \
  EVENT(label, USER, "The client gave an address a label.") \
    FIELD(Word, address, "address") \
    FIELD(Word, label, "id") \
  END(label)
/* clang-format on */

/* EVENT_x is the number of an event, EVENT_OF_x its kind, Event_x its
 * fields. */
#define EVENT_NUMBER(name, kind, sentence) EVENT_##name,
#define EVENT_NOTHING3(a, b, c)
#define EVENT_NOTHING(a)
enum {
  EVENT_TABLE(EVENT_NUMBER, EVENT_NOTHING3, EVENT_NOTHING) EVENT_LIMIT
};

#define EVENT_KIND(name, kind, sentence) EVENT_OF_##name = EVENT_KIND_##kind,
enum {
  EVENT_TABLE(EVENT_KIND, EVENT_NOTHING3, EVENT_NOTHING) EVENT_OF_LIMIT
};

#define EVENT_OPEN(name, kind, sentence) typedef struct Event_##name {
#define EVENT_FIELD(type, name, unit) Event##type name;
#define EVENT_CLOSE(name) \
  } \
  Event_##name;
EVENT_TABLE(EVENT_OPEN, EVENT_FIELD, EVENT_CLOSE)

/* A record of the log.  An event with more words than fit goes on in the
 * next records, with the same head but for part. */
#define EVENT_RECORD_WORDS 6

typedef struct EventRecord {
  uint64_t time;    /* nanoseconds, on the clock of plat_clock_now */
  uint32_t process; /* whose it is: a child writes to its parent's log */
  uint16_t arena;   /* from one; zero is none */
  uint8_t event;
  uint8_t part; /* from zero */
  uint64_t words[EVENT_RECORD_WORDS];
} EventRecord;

_Static_assert(sizeof(EventRecord) == 64, "records are as the header says");
_Static_assert(EVENT_LIMIT <= 256, "a byte holds the number of an event");

/* In the harsh variety it is full every other moment. */
#define EVENT_RING_RECORDS (HARSH ? 16 : 256)

#define EVENT_RING_SIG ((Sig)0x45765269) /* "EvRi" */

/* One for each arena; its owner gives the memory, which reads as zero and
 * isn't touched before the first event.  It keeps the latest records, for
 * a debugger, also when they have been written. */
typedef struct EventRing {
  Sig sig;
  uint16_t arena;
  Ring link;       /* all rings, under the lock */
  uint64_t put;    /* records, ever */
  uint64_t logged; /* of them */
  EventRecord records[EVENT_RING_RECORDS];
} EventRing;

MOSTLY_INTERN void event_ring_init(EventRing *ring);
/* Writes what is in it first. */
MOSTLY_INTERN void event_ring_finish(EventRing *ring);

/* Which kinds are wanted: what the client last said, at first what the
 * plinth says.  start asks the plinth, once, and opens the log if any kind
 * is wanted; the others do that first.  None may be called with threads
 * stopped. */
MOSTLY_INTERN void event_start(void);
MOSTLY_INTERN void event_filter_set(Word bits);
MOSTLY_INTERN void event_filter_reset(Word bits);
MOSTLY_INTERN Word event_filter_get(void);

/* Write everything to the log.  Does nothing inside another call here of
 * the same thread, which an assertion handler may interrupt. */
MOSTLY_INTERN void event_flush(void);
/* The same if a ring is half full, where it does no harm. */
MOSTLY_INTERN void event_relieve(EventRing *ring);

/* Around a fork: before and after in the parent, or after in the child. */
MOSTLY_INTERN void event_fork_before(void);
MOSTLY_INTERN void event_fork_parent(void);
MOSTLY_INTERN void event_fork_child(void);

/* The kinds that are wanted and can be written.  Read by EVENT_POST. */
MOSTLY_INTERN_DATA _Atomic(Word) event_active;

static inline bool event_is_on(unsigned kind)
{
  return UNLIKELY(
      (atomic_load_explicit(&event_active, memory_order_relaxed) >> kind & 1)
      != 0);
}

/* Never fails and never allocates.  The ring may be NULL: then it's the
 * event of no arena. */
MOSTLY_INTERN void event_write(EventRing *ring, unsigned event,
                               const void *words, Count count);

/* EVENT_POST -- EVENT_POST(ring, trace_flip, .white = trace->white);
 *
 * The fields are evaluated only if the event is wanted. */
#define EVENT_POST(ring, name, ...) \
  do { \
    if (event_is_on(EVENT_OF_##name)) { \
      Event_##name event_ = {__VA_ARGS__}; \
\
      event_write(ring, EVENT_##name, &event_, \
                  sizeof event_ / sizeof(EventWord)); \
    } \
  } while (0)

MOSTLY_INTERN EventName event_name(const char *text);
MOSTLY_INTERN EventText event_text(const char *text);
MOSTLY_INTERN EventLong event_long(const char *text);

#endif /* EVENT_H */
