/* plat_help.h -- what the tests of the platform share */

#ifndef PLAT_HELP_H
#define PLAT_HELP_H

#include "../../code/plat/plat.h"
#include "unit.h"

#include <unistd.h>

/* Look at a byte without risking a signal: the kernel answers EFAULT.  The
 * byte goes through a pipe and back, so it doesn't change. */
typedef enum Access {
  ACCESS_NONE,
  ACCESS_READ,
  ACCESS_WRITE
} Access;

static inline Access access_of(Addr addr)
{
  static int ends[2];
  char drain;
  Access access = ACCESS_NONE;

  if (ends[1] == 0 && pipe(ends) != 0)
    abort();
  if (write(ends[1], addr, 1) == 1) {
    access = ACCESS_WRITE;
    if (read(ends[0], addr, 1) != 1) {
      access = ACCESS_READ;
      (void)!read(ends[0], &drain, 1);
    }
  }
  return access;
}

/* A test that must die of a signal. */
static inline void add_death(Suite *suite, const char *name, const TTest *test,
                             int number)
{
  TCase *tcase = tcase_create(name);

  tcase_set_timeout(tcase, 60);
  tcase_add_test_raise_signal(tcase, test, number);
  suite_add_tcase(suite, tcase);
}

#endif /* PLAT_HELP_H */
