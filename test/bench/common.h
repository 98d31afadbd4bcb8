/* common.h -- clocks, memory figures and fact lines for the workloads
 *
 * Every workload prints facts: names with values, on one line for a
 * person (name=value), or as one JSON object a line if its last argument
 * is --json.  Processor time is what counts; wall time is printed too.
 *
 * Design: .bench.workload, .bench.facts (design/bench.rst).
 */

#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifdef __x86_64__
#include <x86intrin.h>
#endif

#define MEGABYTE ((size_t)1 << 20)


/* Clocks.  All give seconds, but cycles. */

static inline double clock_seconds(clockid_t clock)
{
  struct timespec t;

  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline double now_wall(void)
{
  return clock_seconds(CLOCK_MONOTONIC);
}

/* processor time of the whole process */
static inline double now_cpu(void)
{
  return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

/* processor time of this thread */
static inline double now_tcpu(void)
{
  return clock_seconds(CLOCK_THREAD_CPUTIME_ID);
}

static inline double sys_cpu(void)
{
  struct rusage r;

  getrusage(RUSAGE_SELF, &r);
  return (double)r.ru_stime.tv_sec + (double)r.ru_stime.tv_usec * 1e-6;
}

/* The cheapest clock there is; its rate is TSC_HZ in the environment. */
static inline uint64_t now_cycles(void)
{
#ifdef __x86_64__
  return __rdtsc();
#else
  return (uint64_t)(now_wall() * 2.0e9);
#endif
}


/* What the system knows of this process */

static inline long minor_faults(void)
{
  struct rusage r;

  getrusage(RUSAGE_SELF, &r);
  return r.ru_minflt;
}

/* how often another process took the processor from us */
static inline long preemptions(void)
{
  struct rusage r;

  getrusage(RUSAGE_SELF, &r);
  return r.ru_nivcsw;
}

static inline double peak_rss_mb(void)
{
  FILE *status = fopen("/proc/self/status", "r");
  char line[256];
  long kb = -1;

  while (status != NULL && fgets(line, sizeof line, status) != NULL)
    if (sscanf(line, "VmHWM: %ld", &kb) == 1)
      break;
  if (status != NULL)
    fclose(status);
  return (double)kb / 1024;
}


/* Arguments, environment, random numbers */

static inline long env_long(const char *name, long otherwise)
{
  const char *text = getenv(name);

  return text != NULL ? atol(text) : otherwise;
}

static inline double env_double(const char *name, double otherwise)
{
  const char *text = getenv(name);

  return text != NULL ? atof(text) : otherwise;
}

static inline unsigned long arg_ulong(int argc, char **argv, int i,
                                      unsigned long otherwise)
{
  return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

/* xorshift: the workloads are the same in each run */
static inline uint64_t random_next(uint64_t *state)
{
  uint64_t x = *state;

  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return *state = x;
}

#define RANDOM_SEED 88172645463325252u


/* Facts */

typedef struct Facts {
  bool json;
  int count; /* of facts on the line so far */
} Facts;

/* Take --json off the end of the arguments. */
static inline Facts facts_of_args(int *argc_io, char **argv)
{
  Facts facts = {false, 0};

  if (*argc_io > 1 && strcmp(argv[*argc_io - 1], "--json") == 0) {
    facts.json = true;
    --*argc_io;
  }
  return facts;
}

/* Start a line; what names the workload, part one of its variants. */
static inline void facts_begin(Facts *facts, const char *what,
                               const char *part)
{
  facts->count = 0;
  if (facts->json)
    printf("{\"workload\": \"%s\", \"part\": \"%s\"", what, part);
  else
    printf("%s%s%s", what, part[0] != '\0' ? " " : "", part);
}

static inline void fact(Facts *facts, const char *name, int digits,
                        double value)
{
  ++facts->count;
  printf(facts->json ? ", \"%s\": %.*f" : " %s=%.*f", name, digits, value);
}

static inline void facts_end(Facts *facts)
{
  printf(facts->json ? "}\n" : "\n");
  fflush(stdout);
}

#endif /* BENCH_COMMON_H */
