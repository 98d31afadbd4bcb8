/* list.c -- helpers on lists, and the equivalence predicates
 *
 * Design: .example.value (design/example.rst).
 */

#include <string.h>

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

/* The second pointer moves at half the speed, and is caught up with if and
 * only if the list is circular. */
intptr_t list_length(Value list)
{
  intptr_t length = 0;
  Value slow = list;

  while (is_pair(list)) {
    list = cdr(list);
    ++length;
    if (list == slow)
      return -1;
    if (length % 2 == 0)
      slow = cdr(slow);
  }
  return list == NIL ? length : -1;
}

/* The same bits: so 0.0 and -0.0 differ, and a NaN is itself. */
static bool flonums_same(Value a, Value b)
{
  uint64_t x;
  uint64_t y;

  memcpy(&x, &((Flonum *)(void *)a)->value, sizeof x);
  memcpy(&y, &((Flonum *)(void *)b)->value, sizeof y);
  return x == y;
}

bool values_eqv(Value a, Value b)
{
  if (a == b)
    return true;
  if (!is_reference(a) || !is_reference(b) || object_type(a) != object_type(b))
    return false;
  if (object_type(a) == TYPE_FLONUM)
    return flonums_same(a, b);
  if (object_type(a) == TYPE_BIGNUM)
    return bignum_compare(a, b) == 0;
  return false;
}

static bool equal_at(Value a, Value b);

static bool equal_vectors(Value a, Value b)
{
  size_t length = vector_length(a);

  if (length != vector_length(b))
    return false;
  for (size_t i = 0; i < length; ++i) {
    if (!equal_at(*vector_item(a, i), *vector_item(b, i)))
      return false;
  }
  return true;
}

static bool equal_bytes(Value a, Value b)
{
  return as_bytes(a)->length == as_bytes(b)->length
         && memcmp(as_bytes(a)->data, as_bytes(b)->data, as_bytes(a)->length)
                == 0;
}

/* Goes along lists in a loop and into their items by recursion, so only
 * nesting is limited, not length. */
static bool equal_at(Value a, Value b)
{
  error_check_nesting("equal?");
  while (is_pair(a) && is_pair(b) && a != b) {
    if (!equal_at(car(a), car(b)))
      return false;
    a = cdr(a);
    b = cdr(b);
  }
  if (values_eqv(a, b))
    return true;
  if (!is_reference(a) || !is_reference(b) || object_type(a) != object_type(b))
    return false;
  switch (object_type(a)) {
  case TYPE_STRING:
    return string_equal(a, b);
  case TYPE_VECTOR:
    return equal_vectors(a, b);
  case TYPE_BYTES:
    return equal_bytes(a, b);
  default:
    return false;
  }
}

bool values_equal(Value a, Value b)
{
  return equal_at(a, b);
}
