/* base.c -- where failed assertions go
 *
 * Design: .base.assert, .base.assert.handler, .base.report (design/base.rst).
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


/* Reports that wait */

MOSTLY_INTERN_DEF _Thread_local BaseKept base_kept;

void base_report(const char *file, int line, const char *text)
{
  if (base_kept.depth == 0) {
    base_fail("REQUIRE", file, line, text);
  } else if (base_kept.text == NULL) {
    base_kept.file = file;
    base_kept.line = line;
    base_kept.text = text;
  }
}

void base_tell_kept(void)
{
  const char *text = base_kept.text;

  base_kept.text = NULL;
  base_fail("REQUIRE", base_kept.file, base_kept.line, text);
}
