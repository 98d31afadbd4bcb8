/* test_event.c -- rings and the log, byte for byte
 *
 * COVERS(".event.req.table"), COVERS(".event.req.ring"),
 * COVERS(".event.req.flush"), COVERS(".event.req.fail"),
 * COVERS(".event.req.label")
 */

#include "arena/event.h"
#include "plat/plat.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

enum {
  MANY = 5 * EVENT_RING_RECORDS + 3,
  LOG_MAX = 1 << 20
};

static char log_name[] = "event-XXXXXX";
static char *text; /* the whole log */
static Size size;
static Size header;

static void start(const char *control)
{
  ck_assert_int_ge(mkstemp(log_name), 0);
  (void)setenv("MPS_TELEMETRY_FILENAME", log_name, 1);
  (void)setenv("MPS_TELEMETRY_CONTROL", control, 1);
  text = malloc(LOG_MAX + 1);
}

static void load(void)
{
  FILE *file = fopen(log_name, "rb");
  const char *end;

  ck_assert_ptr_nonnull(file);
  size = fread(text, 1, LOG_MAX, file);
  text[size] = '\0';
  (void)fclose(file);
  end = strstr(text, "\nend\n");
  ck_assert(size == 0 || end != NULL);
  header = size == 0 ? 0 : (Size)(end + 5 - text);
  ck_assert_uint_eq((size - header) % sizeof(EventRecord), 0);
}

static Count records(void)
{
  load();
  return (size - header) / sizeof(EventRecord);
}

static EventRecord record(Index i)
{
  EventRecord it;

  memcpy(&it, text + header + i * sizeof it, sizeof it);
  return it;
}

static void stop(void)
{
  (void)unlink(log_name);
  free(text);
}

static EventRing *make_ring(void)
{
  EventRing *ring = calloc(1, sizeof *ring);

  event_ring_init(ring);
  return ring;
}

/* The white set of a flip serves as a number. */
static void post(EventRing *ring, Word number)
{
  EVENT_POST(ring, trace_flip, .white = number);
}

START_TEST(nothing_is_opened_that_nobody_wants)
{
  EventRing *ring;

  start("");
  (void)unlink(log_name);
  ring = make_ring();
  ck_assert(!event_is_on(EVENT_KIND_TRACE));
  post(ring, 1);
  event_flush();
  event_ring_finish(ring);
  ck_assert_int_ne(access(log_name, F_OK), 0);
  ck_assert_uint_eq(ring->put, 0);
  free(ring);
  stop();
}
END_TEST

START_TEST(the_fields_are_evaluated_only_if_wanted)
{
  EventRing *ring;
  Word count = 0;

  start("trace");
  ring = make_ring();
  event_filter_reset(1u << EVENT_KIND_TRACE);
  EVENT_POST(ring, trace_flip, .white = ++count);
  ck_assert_uint_eq(count, 0);
  event_filter_set(1u << EVENT_KIND_TRACE);
  EVENT_POST(ring, trace_flip, .white = ++count);
  ck_assert_uint_eq(count, 1);
  EVENT_POST(ring, pool_destroy, .pool = ++count); /* another kind */
  ck_assert_uint_eq(count, 1);
  event_ring_finish(ring);
  ck_assert_uint_eq(records(), 1);
  free(ring);
  stop();
}
END_TEST

START_TEST(a_ring_that_overflows_loses_nothing)
{
  EventRing *ring;
  uint64_t last = 0;

  start("trace");
  ring = make_ring();
  for (Word i = 0; i < MANY; ++i)
    post(ring, i);
  ck_assert_uint_lt(records(), MANY); /* not at each event */
  event_flush();
  ck_assert_uint_eq(records(), MANY);
  for (Index i = 0; i < MANY; ++i) {
    EventRecord it = record(i);

    ck_assert_uint_eq(it.words[0], i);
    ck_assert_uint_eq(it.event, EVENT_trace_flip);
    ck_assert_uint_eq(it.part, 0);
    ck_assert_uint_eq(it.arena, ring->arena);
    ck_assert_uint_eq(it.process, (uint32_t)getpid());
    ck_assert_uint_ge(it.time, last);
    last = it.time;
  }
  event_flush(); /* once is enough */
  ck_assert_uint_eq(records(), MANY);
  event_ring_finish(ring);
  ck_assert_uint_eq(records(), MANY);
  free(ring);
  stop();
}
END_TEST

START_TEST(a_half_full_ring_is_relieved)
{
  EventRing *ring;

  start("trace");
  ring = make_ring();
  for (Word i = 0; i < EVENT_RING_RECORDS / 2 - 1; ++i)
    post(ring, i);
  event_relieve(ring);
  ck_assert_uint_eq(records(), 0);
  post(ring, 0);
  event_relieve(ring);
  ck_assert_uint_eq(records(), EVENT_RING_RECORDS / 2);
  event_ring_finish(ring);
  free(ring);
  stop();
}
END_TEST

/* An event of several records, wherever it begins in the ring. */
START_TEST(a_long_event_is_whole)
{
  EventRing *ring;
  Event_amc_trace_end event;
  Count words = sizeof event / sizeof(EventWord);
  Count parts = (words + EVENT_RECORD_WORDS - 1) / EVENT_RECORD_WORDS;
  Count n = 0;

  start("trace");
  ring = make_ring();
  for (Index i = 0; i < words; ++i)
    ((EventWord *)(void *)&event)[i] = 1000 + i;
  for (Index i = 0; i < EVENT_RING_RECORDS; ++i) {
    post(ring, i);
    event_write(ring, EVENT_amc_trace_end, &event, words);
  }
  event_flush();
  ck_assert_uint_eq(records(), EVENT_RING_RECORDS * (parts + 1));
  for (Index i = 0; i < EVENT_RING_RECORDS; ++i) {
    ck_assert_uint_eq(record(n++).words[0], i);
    for (Index part = 0; part < parts; ++part, ++n) {
      EventRecord it = record(n);

      ck_assert_uint_eq(it.part, part);
      ck_assert_uint_eq(it.time, record(n - part).time);
      for (Index w = 0; w < EVENT_RECORD_WORDS; ++w) {
        Index at = part * EVENT_RECORD_WORDS + w;

        ck_assert_uint_eq(it.words[w], at < words ? 1000 + at : 0);
      }
    }
  }
  event_ring_finish(ring);
  free(ring);
  stop();
}
END_TEST

START_TEST(rings_have_numbers_and_what_has_none_is_written_at_once)
{
  EventRing *one, *other;

  start("all");
  one = make_ring();
  other = make_ring();
  ck_assert_uint_ne(one->arena, 0);
  ck_assert_uint_ne(one->arena, other->arena);
  post(one, 1);
  post(other, 2);
  EVENT_POST(NULL, label, .address = 3, .label = 4);
  ck_assert_uint_eq(records(), 1);
  ck_assert_uint_eq(record(0).arena, 0);
  event_flush();
  ck_assert_uint_eq(records(), 3);
  event_ring_finish(one);
  post(other, 5);
  event_ring_finish(other);
  ck_assert_uint_eq(records(), 4);
  free(one);
  free(other);
  stop();
}
END_TEST

START_TEST(text_is_cut_to_its_field)
{
  static const char *const names[] = {"", "AMC", "exactly16letters", NULL};

  for (Index i = 0; names[i] != NULL; ++i) {
    EventName name = event_name(names[i]);

    ck_assert_uint_eq(strnlen(name.text, 16), strlen(names[i]));
    ck_assert_int_eq(strncmp(name.text, names[i], 16), 0);
  }
  ck_assert_int_eq(
      memcmp(event_name("one letter too many").text, "one letter too m", 16),
      0);
  ck_assert_str_eq(event_text("why").text, "why");
  ck_assert_int_eq(event_text("why").text[47], 0);
  ck_assert_str_eq(event_long("a label").text, "a label");
}
END_TEST

/* The header has a line for each event, in the order of their numbers. */
START_TEST(the_header_is_the_table)
{
#define NAME(name, kind, sentence) \
  "\nevent " #name " " #kind " " sentence "\n",
  static const char *const events[]
      = {EVENT_TABLE(NAME, EVENT_NOTHING3, EVENT_NOTHING)};
  const char *at;

  start("all");
  event_start();
  event_flush();
  load();
  at = text;
  for (Index i = 0; i < EVENT_LIMIT; ++i) {
    at = strstr(at, events[i]);
    ck_assert_msg(at != NULL, "%s", events[i]);
  }
  stop();
}
END_TEST

/* The disk is full: the header can't be written, or what comes later. */
START_TEST(a_log_that_fails_ends_telemetry)
{
  EventRing *ring;

  (void)setenv("MPS_TELEMETRY_FILENAME", "/dev/full", 1);
  (void)setenv("MPS_TELEMETRY_CONTROL", "all", 1);
  ring = make_ring();
  ck_assert(!event_is_on(EVENT_KIND_TRACE));
  post(ring, 1);
  event_flush();
  event_filter_set(1);
  ck_assert(!event_is_on(EVENT_KIND_ARENA));
  ck_assert_uint_eq(event_filter_get(), WORD_ONES);
  event_ring_finish(ring);
  free(ring);
}
END_TEST

START_TEST(a_log_that_cant_be_opened_ends_telemetry)
{
  EventRing *ring;

  (void)setenv("MPS_TELEMETRY_FILENAME", "no/such/place", 1);
  (void)setenv("MPS_TELEMETRY_CONTROL", "all", 1);
  ring = make_ring();
  post(ring, 1);
  event_flush();
  ck_assert(!event_is_on(EVENT_KIND_TRACE));
  event_ring_finish(ring);
  free(ring);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("event");

  unit_add(suite, "off", nothing_is_opened_that_nobody_wants);
  unit_add(suite, "lazy", the_fields_are_evaluated_only_if_wanted);
  unit_add(suite, "ring", a_ring_that_overflows_loses_nothing);
  unit_add(suite, "relieve", a_half_full_ring_is_relieved);
  unit_add(suite, "long", a_long_event_is_whole);
  unit_add(suite, "rings",
           rings_have_numbers_and_what_has_none_is_written_at_once);
  unit_add(suite, "text", text_is_cut_to_its_field);
  unit_add(suite, "header", the_header_is_the_table);
  unit_add(suite, "full", a_log_that_fails_ends_telemetry);
  unit_add(suite, "unopened", a_log_that_cant_be_opened_ends_telemetry);
  return unit_run(suite);
}
