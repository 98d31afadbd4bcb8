/* test_unbuilt.c -- what isn't built says so, and the manual lists it
 *
 * test/api/test_unbuilt_classes.c tries to make a pool of each.  The page is
 * found from this file's own place in the tree.
 */

#include "api/unbuilt.h"
#include "base/base.h"
#include "unit.h"

#include <string.h>

/* The names that the page lists: lines that begin like "* ``name``". */
enum {
  NAMES_MAX = 100,
  NAME_SIZE = 64
};

static Count read_page(char names[NAMES_MAX][NAME_SIZE])
{
  static const char up[] = "../../manual/unbuilt.rst";
  char path[4096] = __FILE__;
  char line[200];
  char *slash = strrchr(path, '/');
  Count count = 0;
  FILE *page;

  slash = slash != NULL ? slash + 1 : path;
  ck_assert_uint_lt((Size)(slash - path) + sizeof up, sizeof path);
  memcpy(slash, up, sizeof up);
  page = fopen(path, "r");
  ck_assert_msg(page != NULL, "can't open %s", path);
  while (fgets(line, sizeof line, page) != NULL)
    if (sscanf(line, "* ``%63[a-z0-9_]``", names[count]) == 1) {
      ++count;
      ck_assert_uint_lt(count, NAMES_MAX);
    }
  (void)fclose(page);
  return count;
}

/* COVERS(".interface.req.unbuilt"): page and table have the same names. */
START_TEST(the_page_lists_the_table)
{
#define CLASS_NAME(name) #name,
  static const char *const table[] = {UNBUILT_POOL_CLASSES(CLASS_NAME)};
  static char page[NAMES_MAX][NAME_SIZE];
  Count count = read_page(page);

  for (Index i = 0; i < sizeof table / sizeof table[0]; ++i) {
    Count mentions = 0;
    for (Index j = 0; j < count; ++j)
      mentions += strcmp(table[i], page[j]) == 0;
    ck_assert_msg(mentions == 1, "%s is on the page %zu times", table[i],
                  mentions);
  }
  ck_assert_uint_eq(count, sizeof table / sizeof table[0]);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("unbuilt");

  unit_seed("unbuilt");
  unit_add(suite, "page", the_page_lists_the_table);
  return unit_run(suite);
}
