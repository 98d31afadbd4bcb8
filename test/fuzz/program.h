/* program.h -- what the programs have that run episodes
 *
 * Design: .fuzz.req.identity (design/fuzz.rst).
 */

#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include "config.h"

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

#endif /* FUZZ_PROGRAM_H */
