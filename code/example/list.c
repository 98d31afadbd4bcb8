/* list.c -- helpers on lists
 *
 * Design: .example.value (design/example.rst).
 */

#include "scheme.h"

Value list_2(Value a, Value b)
{
  return make_pair(a, make_pair(b, NIL));
}

Value list_3(Value a, Value b, Value c)
{
  return make_pair(a, list_2(b, c));
}

Value list_reverse(Value list)
{
  Value result = NIL;

  for (; is_pair(list); list = cdr(list))
    result = make_pair(car(list), result);
  return result;
}

/* Goes to the end and counts the pairs.  The second pointer moves at half the
 * speed, and is caught up with if and only if the list is circular; then the
 * end is a pair. */
static Value list_end(Value list, intptr_t *length_out)
{
  intptr_t length = 0;
  Value slow = list;

  while (is_pair(list)) {
    list = cdr(list);
    ++length;
    if (list == slow)
      break;
    if (length % 2 == 0)
      slow = cdr(slow);
  }
  *length_out = length;
  return list;
}

intptr_t list_length(Value list)
{
  intptr_t length;

  return list_end(list, &length) == NIL ? length : -1;
}

bool list_is_circular(Value list)
{
  intptr_t length;

  return is_pair(list_end(list, &length));
}
