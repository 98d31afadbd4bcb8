/* report.c -- what the collector did
 *
 * The library posts a message when a collection starts and one when it ends;
 * from these come the numbers of collections and their reasons, the sizes
 * and the pauses.  A section counts from its begin to its end; section 0 is
 * the whole run, and always open.
 *
 * Design: .example.report (design/example.rst).
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mpslib.h"
#include "scheme.h"

#define SECTIONS_MAX 64
#define REASONS_MAX 8
#define NAME_BYTES 64
#define MIB (1024.0 * 1024.0)

typedef struct Reason {
  char text[NAME_BYTES];
  size_t count;
} Reason;

typedef struct Section {
  char name[NAME_BYTES];
  double seconds; /* processor time; the start, while it is open */
  HeapCounts counts;
  size_t collections;
  Reason reasons[REASONS_MAX];
  uint64_t condemned;     /* bytes, summed over the collections */
  uint64_t live;          /* of the condemned, what was kept */
  uint64_t not_condemned; /* what collections left alone */
  size_t peak_committed;
  double *pauses; /* seconds; collections of them */
  size_t pauses_room;
} Section;

static struct {
  Section sections[SECTIONS_MAX];
  size_t count;
  Section *open; /* null if only the whole run is */
  mps_clock_t started;
  bool text;
  bool json;
} report;


/* Counting */

static double report_seconds(void)
{
  struct timespec now;

  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void section_begin(Section *section)
{
  section->seconds = report_seconds();
  section->counts = heap_counts;
  section->peak_committed = heap_committed();
}

static void section_end(Section *section)
{
  section->seconds = report_seconds() - section->seconds;
  section->counts.objects = heap_counts.objects - section->counts.objects;
  section->counts.bytes = heap_counts.bytes - section->counts.bytes;
  section->counts.forced = heap_counts.forced - section->counts.forced;
}

/* A pause that finds no memory is left out, rather than end the program. */
static void section_add_pause(Section *section, double pause)
{
  if (section->collections == section->pauses_room) {
    size_t room = section->pauses_room * 2 + 64;
    double *pauses = realloc(section->pauses, room * sizeof *pauses);

    if (pauses == NULL)
      return;
    section->pauses = pauses;
    section->pauses_room = room;
  }
  section->pauses[section->collections++] = pause;
}

static void section_add_reason(Section *section, const char *text)
{
  for (size_t i = 0; i < REASONS_MAX; ++i) {
    Reason *reason = &section->reasons[i];

    if (reason->count == 0)
      (void)snprintf(reason->text, sizeof reason->text, "%s", text);
    if (strncmp(reason->text, text, sizeof reason->text - 1) == 0
        || i == REASONS_MAX - 1) {
      ++reason->count;
      return;
    }
  }
}

static void section_add_end(Section *section, mps_message_t message)
{
  mps_arena_t arena = heap_arena();
  mps_clock_t ended = mps_message_clock(arena, message);
  double ticks = (double)(ended - report.started);

  section_add_pause(section, ticks / (double)mps_clocks_per_sec());
  section->condemned += mps_message_gc_condemned_size(arena, message);
  section->live += mps_message_gc_live_size(arena, message);
  section->not_condemned += mps_message_gc_not_condemned_size(arena, message);
}

static void report_take(mps_message_t message)
{
  Section *sections[2] = {&report.sections[0], report.open};
  mps_arena_t arena = heap_arena();
  bool start = mps_message_type(arena, message) == mps_message_type_gc_start();

  if (start)
    report.started = mps_message_clock(arena, message);
  for (int i = 0; i < 2 && sections[i] != NULL; ++i) {
    if (start)
      section_add_reason(sections[i],
                         mps_message_gc_start_why(arena, message));
    else
      section_add_end(sections[i], message);
  }
}

static void section_see_committed(Section *section)
{
  size_t committed = heap_committed();

  if (section != NULL && committed > section->peak_committed)
    section->peak_committed = committed;
}

void report_poll(void)
{
  mps_arena_t arena = heap_arena();
  mps_message_type_t type;
  mps_message_t message;

  while (mps_message_queue_type(&type, arena)
         && mps_message_get(&message, arena, type)) {
    report_take(message);
    mps_message_discard(arena, message);
  }
  section_see_committed(&report.sections[0]);
  section_see_committed(report.open);
}

void report_create(const Options *options)
{
  report.text = options->report;
  report.json = options->json;
  report.count = 1;
  (void)snprintf(report.sections[0].name, NAME_BYTES, "total");
}

void report_start(void)
{
  report_poll();
  free(report.sections[0].pauses);
  memset(&report.sections[0], 0, sizeof report.sections[0]);
  (void)snprintf(report.sections[0].name, NAME_BYTES, "total");
  section_begin(&report.sections[0]);
}

void report_destroy(void)
{
  for (size_t i = 0; i < report.count; ++i)
    free(report.sections[i].pauses);
}

void report_end(void)
{
  report_poll();
  if (report.open != NULL)
    section_end(report.open);
  report.open = NULL;
}

void report_begin(Value name)
{
  report_end();
  if (report.count == SECTIONS_MAX)
    return;
  report.open = &report.sections[report.count++];
  (void)string_to_utf8(name, report.open->name, NAME_BYTES);
  section_begin(report.open);
}


/* Printing */

static int compare_pauses(const void *a, const void *b)
{
  double x = *(const double *)a;
  double y = *(const double *)b;

  return (x > y) - (x < y);
}

/* In milliseconds; the pauses are sorted. */
static double section_percentile(const Section *section, double fraction)
{
  size_t last = section->collections;

  if (last == 0)
    return 0;
  return section->pauses[(size_t)(fraction * (double)(last - 1))] * 1e3;
}

/* The most memory that the process ever had, in bytes; 0 if the system
 * doesn't tell. */
static size_t peak_resident(void)
{
  FILE *status = fopen("/proc/self/status", "r");
  char line[128];
  unsigned long kib = 0;

  if (status == NULL)
    return 0;
  while (fgets(line, sizeof line, status) != NULL) {
    if (sscanf(line, "VmHWM: %lu", &kib) == 1)
      break;
  }
  (void)fclose(status);
  return (size_t)kib * 1024;
}

static void print_text_section(const Section *s)
{
  printf("%-14s %6.2f %8.1f %6zu %9.1f %8.1f %8.1f %7.2f %7.2f %7.2f\n",
         s->name, s->seconds, (double)s->counts.bytes / MIB, s->collections,
         (double)s->condemned / MIB, (double)s->live / MIB,
         (double)s->peak_committed / MIB, section_percentile(s, 0.5),
         section_percentile(s, 0.99), section_percentile(s, 1));
}

static void print_text(void)
{
  const Reason *reasons = report.sections[0].reasons;

  printf("\n%-14s %6s %8s %6s %9s %8s %8s %7s %7s %7s\n", "program", "CPU",
         "alloc.", "coll.", "condemned", "kept", "peak", "p50", "p99", "max");
  printf("%-14s %6s %8s %6s %9s %8s %8s %7s %7s %7s\n", "", "s", "MiB", "",
         "MiB", "MiB", "MiB", "ms", "ms", "ms");
  for (size_t i = 1; i < report.count; ++i)
    print_text_section(&report.sections[i]);
  print_text_section(&report.sections[0]);
  printf("\nwhy collections started:\n");
  for (size_t i = 0; i < REASONS_MAX && reasons[i].count != 0; ++i)
    printf("%8zu  %s\n", reasons[i].count, reasons[i].text);
  printf("most memory resident: %.1f MiB\n", (double)peak_resident() / MIB);
}

static void print_json_string(const char *text)
{
  putchar('"');
  for (; *text != '\0'; ++text) {
    if (*text == '"' || *text == '\\')
      putchar('\\');
    if ((unsigned char)*text >= ' ')
      putchar(*text);
  }
  putchar('"');
}

static void print_json_section(const Section *s)
{
  fputs("{\"name\": ", stdout);
  print_json_string(s->name);
  printf(", \"seconds\": %.6f, \"objects\": %llu, \"allocated\": %llu, "
         "\"forced\": %llu, \"collections\": %zu, \"condemned\": %llu, "
         "\"live\": %llu, \"not_condemned\": %llu, \"peak_committed\": %zu",
         s->seconds, (unsigned long long)s->counts.objects,
         (unsigned long long)s->counts.bytes,
         (unsigned long long)s->counts.forced, s->collections,
         (unsigned long long)s->condemned, (unsigned long long)s->live,
         (unsigned long long)s->not_condemned, s->peak_committed);
  printf(", \"pauses_ms\": {\"p50\": %.4f, \"p99\": %.4f, \"max\": %.4f}",
         section_percentile(s, 0.5), section_percentile(s, 0.99),
         section_percentile(s, 1));
  fputs(", \"reasons\": {", stdout);
  for (size_t i = 0; i < REASONS_MAX && s->reasons[i].count != 0; ++i) {
    fputs(i == 0 ? "" : ", ", stdout);
    print_json_string(s->reasons[i].text);
    printf(": %zu", s->reasons[i].count);
  }
  fputs("}}", stdout);
}

static void print_json(void)
{
  fputs("{\"programs\": [", stdout);
  for (size_t i = 1; i < report.count; ++i) {
    fputs(i == 1 ? "" : ", ", stdout);
    print_json_section(&report.sections[i]);
  }
  fputs("], \"total\": ", stdout);
  print_json_section(&report.sections[0]);
  printf(", \"peak_resident\": %zu}\n", peak_resident());
}

void report_print(void)
{
  if (!report.text && !report.json)
    return;
  report_end();
  section_end(&report.sections[0]);
  for (size_t i = 0; i < report.count; ++i) {
    const Section *section = &report.sections[i];

    if (section->collections != 0)
      qsort(section->pauses, section->collections, sizeof(double),
            compare_pauses);
  }
  if (report.text)
    print_text();
  if (report.json)
    print_json();
}


/* For programs */

static Value stats_entry(const char *name, uint64_t number, Value rest)
{
  Value value = number_from_int((intptr_t)number);

  return make_pair(make_pair(symbol_intern_c(name), value), rest);
}

Value report_stats(void)
{
  const Section *all = &report.sections[0];
  Value list = NIL;

  report_poll();
  list = stats_entry("peak-committed", all->peak_committed, list);
  list = stats_entry("committed", heap_committed(), list);
  list = stats_entry("live", all->live, list);
  list = stats_entry("condemned", all->condemned, list);
  list = stats_entry("bytes", heap_counts.bytes, list);
  list = stats_entry("objects", heap_counts.objects, list);
  return stats_entry("collections", all->collections, list);
}
