/* labels.c -- which objects a circular structure comes back to
 *
 * Most structures are small or have no circles, so first a walk with a limit
 * finds out whether the structure ends; it makes no objects.  If it didn't
 * end, a second walk notes in a table which objects it is inside of, and
 * finds those that it comes back to.
 *
 * Design: .example.printer.labels (design/example.rst).
 */

#include "scheme.h"

#define WALK_LIMIT 1000

/* The items of anything but a pair that the printer goes into.  An item of a
 * record is a field: what comes before isn't printed. */
static size_t item_count(Value v)
{
  switch (is_reference(v) ? object_type(v) : TYPE_PAD) {
  case TYPE_VECTOR:
    return vector_length(v);
  case TYPE_RECORD:
    return object_words(v) - 1 - RECORD_FIELDS;
  case TYPE_ERROR:
    return 1;
  default:
    return 0;
  }
}

static Value item(Value v, size_t index)
{
  switch (object_type(v)) {
  case TYPE_VECTOR:
    return *vector_item(v, index);
  case TYPE_RECORD:
    return v->slot[RECORD_FIELDS + index];
  default:
    return v->slot[ERROR_IRRITANTS];
  }
}

/* Counts down, and is false if the limit was reached. */
static bool walk_ends(Value v, int *limit)
{
  error_check_nesting("write");
  for (; is_pair(v); v = cdr(v)) {
    if (--*limit <= 0 || !walk_ends(car(v), limit))
      return false;
  }
  for (size_t i = 0; i < item_count(v); ++i) {
    if (--*limit <= 0 || !walk_ends(item(v, i), limit))
      return false;
  }
  return true;
}

/* The table has #f for an object that the walk is inside of, #t for one that
 * it came back to, and the rest for one that is done with. */
#define INSIDE FALSE_VALUE
#define LABELLED TRUE_VALUE
#define DONE NIL

static bool walk_enter(Value table, Value v, bool *any)
{
  Value state = table_ref(table, v, UNDEFINED);

  if (state == INSIDE) {
    table_set(table, v, LABELLED);
    *any = true;
  }
  if (state == UNDEFINED)
    table_set(table, v, INSIDE);
  return state == UNDEFINED;
}

static void walk_leave(Value table, Value v)
{
  if (table_ref(table, v, DONE) == INSIDE)
    table_set(table, v, DONE);
}

/* The walk is inside of all pairs of a list until it has been at its end. */
static void walk(Value table, Value v, bool *any)
{
  Value list = v;
  size_t pairs = 0;

  error_check_nesting("write");
  for (; is_pair(v) && walk_enter(table, v, any); v = cdr(v), ++pairs)
    walk(table, car(v), any);
  if (item_count(v) != 0 && walk_enter(table, v, any)) {
    for (size_t i = 0; i < item_count(v); ++i)
      walk(table, item(v, i), any);
    walk_leave(table, v);
  }
  for (; pairs > 0; list = cdr(list), --pairs)
    walk_leave(table, list);
}

Value labels_find(Value v)
{
  int limit = WALK_LIMIT;
  bool any = false;
  Value table;

  if (walk_ends(v, &limit))
    return FALSE_VALUE;
  table = table_create(TABLE_EQ, WEAK_NONE);
  walk(table, v, &any);
  return any ? table : FALSE_VALUE;
}
