/* report.c -- what the collector did
 *
 * The library posts a message when a collection starts and one when it ends;
 * from these come the reasons and the pauses.  What happened in each
 * generation comes from mostly.h, whose numbers only grow: a section takes
 * them at its begin and at its end.  Section 0 is the whole run, and always
 * open.
 *
 * Design: .example.report (design/example.rst).
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mostly.h"
#include "mpslib.h"
#include "scheme.h"

#define SECTIONS_MAX 64
#define REASONS_MAX 8
#define GENERATIONS_MAX 24
#define NAME_BYTES 64
#define MIB (1024.0 * 1024.0)

typedef struct Reason {
  char text[NAME_BYTES];
  size_t count;
} Reason;

/* What collections did in a generation, or in all: bytes, summed up. */
typedef struct Work {
  size_t collections;
  uint64_t condemned; /* memory that they looked at */
  uint64_t copied;    /* survivors that moved */
  uint64_t nailed;    /* survivors that an ambiguous reference kept in place */
  uint64_t retained;  /* memory that stayed for their sake */
} Work;

/* Until the end of a section, its seconds, counts and work are what they
 * were at its begin. */
typedef struct Section {
  char name[NAME_BYTES];
  double seconds; /* processor time */
  HeapCounts counts;
  Work generations[GENERATIONS_MAX];
  Work all;
  size_t collections;
  Reason reasons[REASONS_MAX];
  uint64_t live;          /* bytes that collections kept, by the messages */
  uint64_t not_condemned; /* bytes that they left alone */
  size_t peak_committed;
  double *pauses; /* seconds; collections of them */
  size_t pauses_room;
} Section;

static struct {
  Section sections[SECTIONS_MAX];
  size_t count;
  Section *open; /* null if only the whole run is */
  mps_clock_t started;
  bool running; /* was a start taken whose end wasn't? */
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

static size_t generation_count(void)
{
  size_t count = mostly_gen_count(heap_arena());

  return count < GENERATIONS_MAX ? count : GENERATIONS_MAX;
}

/* All that was done in a generation since the program started. */
static Work generation_work(size_t index)
{
  mostly_gen_stats_s stats;
  Work work = {0};

  if (mostly_gen_stats(&stats, heap_arena(), index) == MPS_RES_OK) {
    work.collections = stats.collections;
    work.condemned = stats.condemned;
    work.copied = stats.copied;
    work.nailed = stats.preserved;
    work.retained = stats.retained;
  }
  return work;
}

static void work_subtract(Work *work, const Work *before)
{
  work->collections -= before->collections;
  work->condemned -= before->condemned;
  work->copied -= before->copied;
  work->nailed -= before->nailed;
  work->retained -= before->retained;
}

static void work_add(Work *sum, const Work *work)
{
  sum->collections += work->collections;
  sum->condemned += work->condemned;
  sum->copied += work->copied;
  sum->nailed += work->nailed;
  sum->retained += work->retained;
}

static void section_begin(Section *section)
{
  section->seconds = report_seconds();
  section->counts = heap_counts;
  section->peak_committed = heap_committed();
  for (size_t i = 0; i < generation_count(); ++i)
    section->generations[i] = generation_work(i);
}

static void section_end(Section *section)
{
  section->seconds = report_seconds() - section->seconds;
  section->counts.objects = heap_counts.objects - section->counts.objects;
  section->counts.bytes = heap_counts.bytes - section->counts.bytes;
  section->counts.forced = heap_counts.forced - section->counts.forced;
  for (size_t i = 0; i < generation_count(); ++i) {
    Work work = generation_work(i);

    work_subtract(&work, &section->generations[i]);
    section->generations[i] = work;
    work_add(&section->all, &work);
  }
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
  section->live += mps_message_gc_live_size(arena, message);
  section->not_condemned += mps_message_gc_not_condemned_size(arena, message);
}

static void report_take_start(mps_message_t message)
{
  Section *sections[2] = {&report.sections[0], report.open};
  mps_arena_t arena = heap_arena();

  report.started = mps_message_clock(arena, message);
  for (int i = 0; i < 2 && sections[i] != NULL; ++i)
    section_add_reason(sections[i], mps_message_gc_start_why(arena, message));
}

static void report_take_end(mps_message_t message)
{
  section_add_end(&report.sections[0], message);
  if (report.open != NULL)
    section_add_end(report.open, message);
}

static void section_see_committed(Section *section)
{
  size_t committed = heap_committed();

  if (section != NULL && committed > section->peak_committed)
    section->peak_committed = committed;
}

/* Starts and ends come by turns.  Messages of the third kind, about dead
 * objects, are left for guardian.c. */
void report_poll(void)
{
  mps_arena_t arena = heap_arena();
  mps_message_t message;

  while (mps_message_get(&message, arena,
                         report.running ? mps_message_type_gc()
                                        : mps_message_type_gc_start())) {
    if (report.running)
      report_take_end(message);
    else
      report_take_start(message);
    report.running = !report.running;
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

static void section_sort_pauses(Section *section)
{
  if (section->collections != 0)
    qsort(section->pauses, section->collections, sizeof(double),
          compare_pauses);
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

/* Is it a generation of the pools', or one that was collected? */
static bool generation_matters(const mostly_gen_stats_s *stats)
{
  return stats->is_top || stats->chain == heap_chain()
         || stats->collections != 0;
}

/* How often each generation was collected, as in "12/3/1". */
static void print_generations(const Section *s)
{
  char text[80] = "";
  size_t used = 0;

  for (size_t i = 0; i < generation_count(); ++i) {
    mostly_gen_stats_s stats;

    if (mostly_gen_stats(&stats, heap_arena(), i) == MPS_RES_OK
        && generation_matters(&stats) && used < sizeof text)
      used += (size_t)snprintf(text + used, sizeof text - used, "%s%zu",
                               used == 0 ? "" : "/",
                               s->generations[i].collections);
  }
  printf(" %11s", text);
}

static void print_text_section(const Section *s)
{
  printf("%-13s %6.2f %7.1f", s->name, s->seconds,
         (double)s->counts.bytes / MIB);
  print_generations(s);
  printf(" %8.1f %7.1f %7.2f %7.1f %6.2f %6.2f %6.2f %7.1f\n",
         (double)s->all.condemned / MIB, (double)s->all.copied / MIB,
         (double)s->all.nailed / MIB, (double)s->all.retained / MIB,
         section_percentile(s, 0.5), section_percentile(s, 0.99),
         section_percentile(s, 1), (double)s->peak_committed / MIB);
}

static void print_text_programs(void)
{
  printf("\n%-13s %6s %7s %11s %8s %7s %7s %7s %6s %6s %6s %7s\n", "program",
         "CPU", "alloc.", "collections", "condemn.", "copied", "nailed",
         "retain.", "p50", "p99", "max", "peak");
  printf("%-13s %6s %7s %11s %8s %7s %7s %7s %6s %6s %6s %7s\n", "", "s",
         "MiB", "by gener.", "MiB", "MiB", "MiB", "MiB", "ms", "ms", "ms",
         "MiB");
  for (size_t i = 1; i < report.count; ++i)
    print_text_section(&report.sections[i]);
  print_text_section(&report.sections[0]);
}

static void print_text_generation(size_t index)
{
  const Work *work = &report.sections[0].generations[index];
  mostly_gen_stats_s stats;

  if (mostly_gen_stats(&stats, heap_arena(), index) != MPS_RES_OK
      || !generation_matters(&stats))
    return;
  if (stats.is_top)
    printf("%-13s %9s", "top", "");
  else
    printf("%-13zu %9.1f", stats.index, (double)stats.capacity / MIB);
  printf(" %11zu %9.1f %8.1f %8.2f %8.1f %8.1f\n", work->collections,
         (double)work->condemned / MIB, (double)work->copied / MIB,
         (double)work->nailed / MIB, (double)work->retained / MIB,
         (double)stats.size / MIB);
}

/* The longest stop of the program.  A collection that takes longer than a
 * pause may is done in several. */
static double longest_stop(void)
{
  mostly_arena_stats_s stats;

  if (mostly_arena_stats(&stats, heap_arena()) != MPS_RES_OK)
    return 0;
  return stats.pause_max * 1e3;
}

static void print_text(void)
{
  const Reason *reasons = report.sections[0].reasons;

  print_text_programs();
  printf("\n%-13s %9s %11s %9s %8s %8s %8s %8s\n", "generation", "capacity",
         "collections", "condemned", "copied", "nailed", "retained",
         "size now");
  for (size_t i = 0; i < generation_count(); ++i)
    print_text_generation(i);
  printf("\nwhy collections started:\n");
  for (size_t i = 0; i < REASONS_MAX && reasons[i].count != 0; ++i)
    printf("%8zu  %s\n", reasons[i].count, reasons[i].text);
  printf("longest stop: %.2f ms\n", longest_stop());
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

static void print_json_work(const Work *work)
{
  printf("\"collections\": %zu, \"condemned\": %llu, \"copied\": %llu, "
         "\"nailed\": %llu, \"retained\": %llu",
         work->collections, (unsigned long long)work->condemned,
         (unsigned long long)work->copied, (unsigned long long)work->nailed,
         (unsigned long long)work->retained);
}

static void print_json_generations(const Section *s)
{
  const char *separator = "";

  fputs(", \"generations\": [", stdout);
  for (size_t i = 0; i < generation_count(); ++i) {
    mostly_gen_stats_s stats;

    if (mostly_gen_stats(&stats, heap_arena(), i) != MPS_RES_OK
        || !generation_matters(&stats))
      continue;
    printf("%s{\"capacity\": %zu, \"top\": %s, ", separator, stats.capacity,
           stats.is_top ? "true" : "false");
    print_json_work(&s->generations[i]);
    putchar('}');
    separator = ", ";
  }
  putchar(']');
}

static void print_json_reasons(const Section *s)
{
  fputs(", \"reasons\": {", stdout);
  for (size_t i = 0; i < REASONS_MAX && s->reasons[i].count != 0; ++i) {
    fputs(i == 0 ? "" : ", ", stdout);
    print_json_string(s->reasons[i].text);
    printf(": %zu", s->reasons[i].count);
  }
  putchar('}');
}

static void print_json_section(const Section *s)
{
  fputs("{\"name\": ", stdout);
  print_json_string(s->name);
  printf(", \"seconds\": %.6f, \"objects\": %llu, \"allocated\": %llu, "
         "\"forced\": %llu, \"collections\": %zu, \"live\": %llu, "
         "\"not_condemned\": %llu, \"peak_committed\": %zu",
         s->seconds, (unsigned long long)s->counts.objects,
         (unsigned long long)s->counts.bytes,
         (unsigned long long)s->counts.forced, s->collections,
         (unsigned long long)s->live, (unsigned long long)s->not_condemned,
         s->peak_committed);
  printf(", \"pauses_ms\": {\"p50\": %.4f, \"p99\": %.4f, \"max\": %.4f}, "
         "\"work\": {",
         section_percentile(s, 0.5), section_percentile(s, 0.99),
         section_percentile(s, 1));
  print_json_work(&s->all);
  putchar('}');
  print_json_generations(s);
  print_json_reasons(s);
  putchar('}');
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
  printf(", \"longest_stop_ms\": %.4f, \"peak_resident\": %zu}\n",
         longest_stop(), peak_resident());
}

void report_print(void)
{
  if (!report.text && !report.json)
    return;
  report_end();
  section_end(&report.sections[0]);
  for (size_t i = 0; i < report.count; ++i)
    section_sort_pauses(&report.sections[i]);
  if (report.text)
    print_text();
  if (report.json)
    print_json();
}


/* For programs */

void report_totals(Totals *totals_out)
{
  Section *all = &report.sections[0];

  report_poll();
  section_sort_pauses(all);
  totals_out->collections = all->collections;
  totals_out->live = all->live;
  totals_out->peak_committed = all->peak_committed;
  totals_out->pause_p50 = section_percentile(all, 0.5) / 1e3;
  totals_out->pause_p99 = section_percentile(all, 0.99) / 1e3;
}
