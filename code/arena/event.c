/* event.c -- the rings of events, and the log
 *
 * Design: .event.lock, .event.log, .event.fork (design/event.rst).
 */

#include "event.h"

#include "../include/mpsio.h"
#include "../include/mpslib.h"

#include <signal.h>
#include <string.h>

MOSTLY_INTERN_DEF _Atomic(Word) event_active;

/* The state of the process, under one lock.  Whoever holds it can't be
 * stopped, as signals wait, so it may be taken while others are stopped. */
typedef enum EventLog {
  EVENT_LOG_NONE,
  EVENT_LOG_OPEN,
  EVENT_LOG_FAILED
} EventLog;

static PlatLock event_lock;
static sigset_t event_signals; /* that were blocked before the lock */
static EventLog event_log;
static mps_io_t event_io;
static Word event_filter;
static uint16_t event_arenas;
static Ring event_rings = {&event_rings, &event_rings};
static pthread_once_t event_once = PTHREAD_ONCE_INIT;


/* The header of the log: the table as text */

#define EVENT_HEADER_EVENT(name, kind, sentence) \
  "event " #name " " #kind " " sentence "\n",
#define EVENT_HEADER_FIELD(type, name, unit) \
  "field " #type " " #name " " unit "\n",

static const char *const event_header[]
    = {"mostly-events 1\n",
       "record 64 head 16 words 6\n",
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
       "order little\n",
#else
       "order big\n",
#endif
       "type Word 1\ntype Real 1\ntype Name 2\ntype Text 6\ntype Long 32\n",
       "kinds ARENA POOL TRACE SEG REF OBJECT USER\n",
       EVENT_TABLE(EVENT_HEADER_EVENT, EVENT_HEADER_FIELD,
                   EVENT_NOTHING) "end\n"};

_Static_assert(sizeof(EventName) == 16 && sizeof(EventText) == 48
                   && sizeof(EventLong) == 256,
               "types are as long as the header says");


/* The lock */

static void event_claim(void)
{
  sigset_t signals;

  plat_signals_hold_all(&signals);
  plat_lock_claim(&event_lock);
  event_signals = signals;
}

static void event_release(void)
{
  sigset_t signals = event_signals;

  plat_lock_release(&event_lock);
  plat_signals_allow(&signals);
}


/* The log */

/* event_apply -- say what is wanted to those who look without the lock */

static void event_apply(void)
{
  Word active = event_log == EVENT_LOG_OPEN ? event_filter : 0;

  atomic_store_explicit(&event_active, active, memory_order_relaxed);
}

/* What can't be written is given up, and so is all that would come: there
 * is nobody to tell, and a program doesn't fail for its telemetry. */

static void event_log_write(const void *block, Size size)
{
  if (event_log != EVENT_LOG_OPEN || size == 0)
    return;
  if (mps_io_write(event_io, (void *)(Word)block, size) != MPS_RES_OK) {
    event_log = EVENT_LOG_FAILED;
    event_apply();
  }
}

static void event_log_open(void)
{
  if (event_log != EVENT_LOG_NONE)
    return;
  if (mps_io_create(&event_io) != MPS_RES_OK) {
    event_log = EVENT_LOG_FAILED;
    return;
  }
  event_log = EVENT_LOG_OPEN;
  for (Index i = 0; i < sizeof event_header / sizeof event_header[0]; ++i)
    event_log_write(event_header[i], strlen(event_header[i]));
}

static void event_log_flush(void)
{
  if (event_log == EVENT_LOG_OPEN && mps_io_flush(event_io) != MPS_RES_OK) {
    event_log = EVENT_LOG_FAILED;
    event_apply();
  }
}


/* Rings */

/* event_drain -- write what isn't written yet: one run, or two where the
 * ring begins anew in between */

static void event_drain(EventRing *ring)
{
  while (ring->logged < ring->put) {
    Index first = ring->logged % EVENT_RING_RECORDS;
    Count count
        = size_min(ring->put - ring->logged, EVENT_RING_RECORDS - first);

    event_log_write(&ring->records[first], count * sizeof(EventRecord));
    ring->logged += count;
  }
}

static void event_drain_all(void)
{
  RING_FOR (node, after, &event_rings)
    event_drain(RING_ELEM(EventRing, link, node));
}

void event_ring_init(EventRing *ring)
{
  event_start();
  event_claim();
  ring->arena = ++event_arenas;
  ring_init(&ring->link);
  ring_append(&event_rings, &ring->link);
  ring->put = 0;
  ring->logged = 0;
  ring->sig = EVENT_RING_SIG;
  event_release();
}

void event_ring_finish(EventRing *ring)
{
  ASSERT(ring->sig == EVENT_RING_SIG);
  event_claim();
  event_drain(ring);
  event_log_flush();
  ring_remove(&ring->link);
  ring->sig = SIG_NONE;
  event_release();
}

static void event_put(EventRing *ring, const EventRecord *record)
{
  if (ring == NULL) {
    event_log_write(record, sizeof *record);
    return;
  }
  if (ring->put - ring->logged == EVENT_RING_RECORDS)
    event_drain(ring);
  ring->records[ring->put++ % EVENT_RING_RECORDS] = *record;
}

void event_write(EventRing *ring, unsigned event, const void *words,
                 Count count)
{
  EventRecord record = {.event = (uint8_t)event};
  const EventWord *from = words;

  if (plat_lock_is_mine(&event_lock))
    return;
  event_claim();
  /* In here, so that the records of a ring are in the order of time. */
  record.time = (uint64_t)(plat_clock_now().s * 1e9);
  record.process = plat_process();
  record.arena = ring != NULL ? ring->arena : 0;
  for (Index done = 0; done < count; done += EVENT_RECORD_WORDS) {
    Count part = size_min(count - done, EVENT_RECORD_WORDS);

    memset(record.words, 0, sizeof record.words);
    memcpy(record.words, from + done, part * sizeof *from);
    event_put(ring, &record);
    ++record.part;
  }
  event_release();
}

void event_flush(void)
{
  if (plat_lock_is_mine(&event_lock))
    return;
  event_start();
  event_claim();
  event_drain_all();
  event_log_flush();
  event_release();
}

void event_relieve(EventRing *ring)
{
  if (atomic_load_explicit(&event_active, memory_order_relaxed) == 0)
    return;
  event_claim();
  if (ring->put - ring->logged >= EVENT_RING_RECORDS / 2)
    event_drain(ring);
  event_release();
}


/* The filter */

static void event_start_once(void)
{
  (void)plat_lock_init(&event_lock);
  event_filter = mps_lib_telemetry_control();
  if (event_filter != 0)
    event_log_open();
  event_apply();
}

void event_start(void)
{
  (void)pthread_once(&event_once, event_start_once);
}

void event_filter_set(Word bits)
{
  event_start();
  event_claim();
  event_filter |= bits;
  if (event_filter != 0)
    event_log_open();
  event_apply();
  event_release();
}

void event_filter_reset(Word bits)
{
  event_start();
  event_claim();
  event_filter &= ~bits;
  event_apply();
  event_release();
}

Word event_filter_get(void)
{
  Word filter;

  event_start();
  event_claim();
  filter = event_filter;
  event_release();
  return filter;
}


/* Forking.  The child goes on writing to the log, so nothing may wait in
 * a ring, or in what the plinth has, that both would write. */

void event_fork_before(void)
{
  event_start();
  event_claim();
  event_drain_all();
  event_log_flush();
}

void event_fork_parent(void)
{
  event_release();
}

void event_fork_child(void)
{
  sigset_t signals = event_signals;

  plat_lock_reinit(&event_lock);
  plat_signals_allow(&signals);
}

/* At the end of the process: many programs leave their arenas to it. */
static __attribute__((destructor)) void event_finish(void)
{
  if (atomic_load_explicit(&event_active, memory_order_relaxed) != 0)
    event_flush();
}


/* Text, cut to size.  What fills its field has no zero at the end. */

static void event_copy(char *to, Size size, const char *from)
{
  Size length = strnlen(from, size);

  memset(to, 0, size);
  memcpy(to, from, length);
}

EventName event_name(const char *text)
{
  EventName name;

  event_copy(name.text, sizeof name.text, text);
  return name;
}

EventText event_text(const char *text)
{
  EventText it;

  event_copy(it.text, sizeof it.text, text);
  return it;
}

EventLong event_long(const char *text)
{
  EventLong it;

  event_copy(it.text, sizeof it.text, text);
  return it;
}
