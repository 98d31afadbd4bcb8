/* plat_clock.c -- the time, on POSIX systems
 *
 * Design: .plat.clock (design/plat.rst).
 */

#include "plat.h"

#include <time.h>

static Seconds plat_clock_read(clockid_t clock)
{
  struct timespec now = {0, 0};
  Seconds seconds;

  /* It can't fail for the clocks below, and if it did then a clock that
   * stands still is the mildest answer. */
  (void)clock_gettime(clock, &now);
  seconds.s = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
  return seconds;
}

Seconds plat_clock_now(void)
{
  return plat_clock_read(CLOCK_MONOTONIC);
}

Seconds plat_clock_cpu(void)
{
  return plat_clock_read(CLOCK_THREAD_CPUTIME_ID);
}
