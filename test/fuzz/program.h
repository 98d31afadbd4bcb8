/* program.h -- what the programs have that run episodes
 *
 * Design: .fuzz.req.identity (design/fuzz.rst).
 */

#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

/* A crash or a hang: say how to repeat it, then die of it. */
static inline void on_signal(int sig)
{
  config_report(sig == SIGALRM ? "FAILED: no end after two minutes\n"
                               : "FAILED: a fatal signal\n");
  signal(sig, SIG_DFL);
  raise(sig);
}

static inline void catch_signals(void)
{
  static const int fatal[]
      = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGALRM};
  struct sigaction action;
  size_t i;

  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_NODEFER;
  for (i = 0; i < sizeof fatal / sizeof fatal[0]; ++i)
    sigaction(fatal[i], &action, NULL);
}

static inline double now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Each member of an array has main to itself, in threads of their own if there
 * are several. */
static inline void run_all(void *(*main)(void *), void *members, size_t size,
                           size_t n)
{
  pthread_t *ids = calloc(n, sizeof *ids);
  char *member = members;
  size_t i;

  for (i = 0; n > 1 && i < n; ++i)
    EXPECT(pthread_create(&ids[i], NULL, main, member + i * size) == 0);
  if (n == 1)
    (void)main(member);
  for (i = 0; n > 1 && i < n; ++i)
    EXPECT(pthread_join(ids[i], NULL) == 0);
  free(ids);
}

/* Counts are unsigned longs, whatever they are of. */
static inline void counts_add(void *sum, const void *counts, size_t size)
{
  unsigned long *to = sum;
  const unsigned long *from = counts;
  size_t i;

  for (i = 0; i < size / sizeof *to; ++i)
    to[i] += from[i];
}

#endif /* FUZZ_PROGRAM_H */
