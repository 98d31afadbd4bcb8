/* base.c -- where failed assertions go
 *
 * Design: .base.assert, .base.assert.handler (design/base.rst).
 */

#include "base.h"

#include "../include/mpslib.h"

/* The tier is for a debugger, which sees it here.  The handler gets the
 * condition as it is, a literal that it may keep. */
void base_fail(const char *tier, const char *file, int line,
               const char *condition)
{
  mps_lib_assert_fail(file, (unsigned)line, condition);
}
