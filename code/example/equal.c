/* equal.c -- the equivalence predicates
 *
 * Circular structures are equal if their infinite unfoldings are.  Most
 * structures are small, so first a comparison without notes is tried.  If it
 * gets too far or too deep, a second one notes which two objects are being
 * compared: coming to the same two again tells nothing new.
 *
 * The notes are in the C library's memory.  Nothing is made among the
 * objects meanwhile, so nothing moves; tables depend on that.
 *
 * Design: .example.equal (design/example.rst).
 */

#include <stdlib.h>
#include <string.h>

#include "scheme.h"

#define STEPS_MAX 1000000
#define DEPTH_MAX 1000
#define NOTES_LEAST 4096

typedef struct Note {
  Value a; /* null if the place is free */
  Value b;
} Note;

static struct {
  size_t steps;
  bool is_over;  /* the comparison without notes came to no end */
  bool is_noted; /* this is the other one */
  Note *notes;
  size_t capacity; /* a power of two */
  size_t count;
} equal;

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


/* Notes */

static void notes_clear(void)
{
  free(equal.notes);
  equal.notes = NULL;
  equal.capacity = 0;
  equal.count = 0;
}

static Note *notes_place(Value a, Value b)
{
  uint64_t hash = (uint64_t)value_word(a) * UINT64_C(0x9E3779B97F4A7C15);
  size_t index;

  hash = (hash ^ hash >> 32) + value_word(b);
  hash *= UINT64_C(0x9E3779B97F4A7C15);
  index = (size_t)(hash >> 20) & (equal.capacity - 1);
  while (equal.notes[index].a != NULL
         && (equal.notes[index].a != a || equal.notes[index].b != b))
    index = (index + 1) & (equal.capacity - 1);
  return &equal.notes[index];
}

static void notes_grow(void)
{
  Note *old = equal.notes;
  size_t capacity = equal.capacity;
  Note *notes
      = calloc(capacity != 0 ? capacity * 2 : NOTES_LEAST, sizeof *notes);

  if (notes == NULL)
    error_plain("equal?", "no memory to compare such big structures");
  equal.notes = notes;
  equal.capacity = capacity != 0 ? capacity * 2 : NOTES_LEAST;
  for (size_t i = 0; i < capacity; ++i) {
    if (old[i].a != NULL)
      *notes_place(old[i].a, old[i].b) = old[i];
  }
  free(old);
}

/* Have the two been come to before?  Notes that they have now. */
static bool notes_have(Value a, Value b)
{
  Note *note;

  if (equal.count * 2 >= equal.capacity)
    notes_grow();
  note = notes_place(a, b);
  if (note->a != NULL)
    return true;
  *note = (Note){a, b};
  ++equal.count;
  return false;
}

/* Whether to stop here, because of what was found elsewhere or will be. */
static bool equal_stops(Value a, Value b, int depth)
{
  if (equal.is_noted)
    return notes_have(a, b);
  if (++equal.steps > STEPS_MAX || depth > DEPTH_MAX)
    equal.is_over = true;
  return equal.is_over;
}


/* Structures */

static bool equal_at(Value a, Value b, int depth);

static bool equal_vectors(Value a, Value b, int depth)
{
  size_t length = vector_length(a);

  if (length != vector_length(b))
    return false;
  if (equal_stops(a, b, depth))
    return true;
  for (size_t i = 0; i < length; ++i) {
    if (!equal_at(*vector_item(a, i), *vector_item(b, i), depth + 1))
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
static bool equal_at(Value a, Value b, int depth)
{
  error_check_nesting("equal?");
  while (is_pair(a) && is_pair(b) && a != b) {
    if (equal_stops(a, b, depth))
      return true;
    if (!equal_at(car(a), car(b), depth + 1))
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
    return equal_vectors(a, b, depth);
  case TYPE_BYTES:
    return equal_bytes(a, b);
  default:
    return false;
  }
}

/* An error may have left notes behind. */
bool values_equal(Value a, Value b)
{
  bool is_equal;

  notes_clear();
  equal.steps = 0;
  equal.is_over = false;
  equal.is_noted = false;
  is_equal = equal_at(a, b, 0);
  if (!is_equal || !equal.is_over)
    return is_equal;
  equal.is_noted = true;
  is_equal = equal_at(a, b, 0);
  notes_clear();
  return is_equal;
}
