/* builtins_vector.c -- primitives on vectors, byte vectors and records
 *
 * Design: .example.builtins (design/example.rst).
 */

#include <string.h>

#include "scheme.h"

static Value check_vector(const char *who, Value v)
{
  return check_type(who, v, TYPE_VECTOR, "a vector");
}

static size_t check_item(const char *who, Value index, size_t length)
{
  if (length == 0)
    error_wrong_type(who, "an index in range", index);
  return check_index(who, index, length - 1);
}


/* Vectors */

static Value prim_is_vector(Value *args)
{
  return boolean(is_type(args[0], TYPE_VECTOR));
}

static Value prim_make_vector(Value *args)
{
  return make_vector(check_index("make-vector", args[0], SIZE_MAX),
                     args[1] == DEFAULT_OBJECT ? fixnum(0) : args[1]);
}

static Value prim_vector(Value *args, int count)
{
  Value vector = make_vector((size_t)count, NIL);

  for (int i = 0; i < count; ++i)
    *vector_item(vector, (size_t)i) = args[i];
  return vector;
}

static Value prim_vector_length(Value *args)
{
  Value vector = check_vector("vector-length", args[0]);

  return fixnum((intptr_t)vector_length(vector));
}

static Value prim_vector_ref(Value *args)
{
  Value vector = check_vector("vector-ref", args[0]);

  return *vector_item(
      vector, check_item("vector-ref", args[1], vector_length(vector)));
}

static Value prim_vector_set(Value *args)
{
  Value vector = check_vector("vector-set!", args[0]);

  *vector_item(vector,
               check_item("vector-set!", args[1], vector_length(vector)))
      = args[2];
  return UNSPECIFIED;
}

static Value prim_vector_fill(Value *args)
{
  Value vector = check_vector("vector-fill!", args[0]);
  size_t start;
  size_t end;

  check_range("vector-fill!", args + 2, vector_length(vector), &start, &end);
  for (size_t i = start; i < end; ++i)
    *vector_item(vector, i) = args[1];
  return UNSPECIFIED;
}

static Value prim_vector_copy(Value *args)
{
  Value vector = check_vector("vector-copy", args[0]);
  size_t start;
  size_t end;
  Value copy;

  check_range("vector-copy", args + 1, vector_length(vector), &start, &end);
  copy = make_vector(end - start, NIL);
  for (size_t i = start; i < end; ++i)
    *vector_item(copy, i - start) = *vector_item(vector, i);
  return copy;
}

/* (vector-copy! to at from [start [end]]) */
static Value prim_vector_copy_to(Value *args)
{
  Value to = check_vector("vector-copy!", args[0]);
  Value from = check_vector("vector-copy!", args[2]);
  size_t at = check_index("vector-copy!", args[1], vector_length(to));
  size_t start;
  size_t end;

  check_range("vector-copy!", args + 3, vector_length(from), &start, &end);
  if (end - start > vector_length(to) - at)
    error_wrong_type("vector-copy!", "a range that fits", args[0]);
  memmove(vector_item(to, at), vector_item(from, start),
          (end - start) * sizeof(Value));
  return UNSPECIFIED;
}

static Value prim_vector_to_list(Value *args)
{
  Value vector = check_vector("vector->list", args[0]);
  Value list = NIL;
  size_t start;
  size_t end;

  check_range("vector->list", args + 1, vector_length(vector), &start, &end);
  for (size_t i = end; i > start; --i)
    list = make_pair(*vector_item(vector, i - 1), list);
  return list;
}

static Value prim_list_to_vector(Value *args)
{
  Value list = args[0];
  intptr_t length = list_length(list);
  Value vector;

  if (length < 0)
    error_wrong_type("list->vector", "a list", list);
  vector = make_vector((size_t)length, NIL);
  for (size_t i = 0; list != NIL; ++i, list = cdr(list))
    *vector_item(vector, i) = car(list);
  return vector;
}


/* Byte vectors */

static Value check_bytes(const char *who, Value v)
{
  return check_type(who, v, TYPE_BYTES, "a bytevector");
}

static Value prim_is_bytes(Value *args)
{
  return boolean(is_type(args[0], TYPE_BYTES));
}

static unsigned char check_byte(const char *who, Value v)
{
  return (unsigned char)check_index(who, v, 255);
}

static Value prim_make_bytes(Value *args)
{
  return make_bytes(
      check_index("make-bytevector", args[0], SIZE_MAX),
      args[1] == DEFAULT_OBJECT ? 0 : check_byte("make-bytevector", args[1]));
}

static Value prim_bytes(Value *args, int count)
{
  Value bytes = make_bytes((size_t)count, 0);

  for (int i = 0; i < count; ++i)
    as_bytes(bytes)->data[i] = check_byte("bytevector", args[i]);
  return bytes;
}

static Value prim_bytes_length(Value *args)
{
  Value bytes = check_bytes("bytevector-length", args[0]);

  return fixnum((intptr_t)as_bytes(bytes)->length);
}

static Value prim_bytes_ref(Value *args)
{
  static const char who[] = "bytevector-u8-ref";
  Bytes *bytes = as_bytes(check_bytes(who, args[0]));

  return fixnum(bytes->data[check_item(who, args[1], bytes->length)]);
}

static Value prim_bytes_set(Value *args)
{
  static const char who[] = "bytevector-u8-set!";
  Bytes *bytes = as_bytes(check_bytes(who, args[0]));

  bytes->data[check_item(who, args[1], bytes->length)]
      = check_byte(who, args[2]);
  return UNSPECIFIED;
}

static Value prim_bytes_copy(Value *args)
{
  static const char who[] = "bytevector-copy";
  Value bytes = check_bytes(who, args[0]);
  size_t start;
  size_t end;
  Value copy;

  check_range(who, args + 1, as_bytes(bytes)->length, &start, &end);
  copy = make_bytes(end - start, 0);
  memcpy(as_bytes(copy)->data, as_bytes(bytes)->data + start, end - start);
  return copy;
}

static Value prim_utf8_to_string(Value *args)
{
  Value bytes = check_bytes("utf8->string", args[0]);
  size_t start;
  size_t end;

  check_range("utf8->string", args + 1, as_bytes(bytes)->length, &start, &end);
  return string_from_utf8((const char *)as_bytes(bytes)->data + start,
                          end - start);
}

static Value prim_string_to_utf8(Value *args)
{
  Value string = check_string("string->utf8", args[0]);
  size_t length = string_to_utf8(string, NULL, 0);
  Value with_null = make_bytes(length + 1, 0);
  Value bytes = make_bytes(length, 0);

  (void)string_to_utf8(string, (char *)as_bytes(with_null)->data, length + 1);
  memcpy(as_bytes(bytes)->data, as_bytes(with_null)->data, length);
  return bytes;
}


/* Records, from which the prelude makes define-record-type */

/* (%make-record-type name field-names) */
static Value prim_make_record_type(Value *args)
{
  Value type = make_object(TYPE_RECORD_TYPE, RECORD_TYPE_SLOTS, NIL);

  type->slot[RECORD_TYPE_NAME] = check_symbol("define-record-type", args[0]);
  type->slot[RECORD_TYPE_FIELDS] = args[1];
  return type;
}

/* (%make-record type field ...) */
static Value prim_make_record(Value *args, int count)
{
  Value record = make_object(TYPE_RECORD, (size_t)count, UNSPECIFIED);

  (void)check_type("record", args[0], TYPE_RECORD_TYPE, "a record type");
  for (int i = 0; i < count; ++i)
    record->slot[i] = args[i];
  return record;
}

/* (%record? value type) */
static Value prim_is_record(Value *args)
{
  return boolean(is_type(args[0], TYPE_RECORD)
                 && args[0]->slot[RECORD_TYPE] == args[1]);
}

static Value *record_field(Value *args)
{
  Value record = args[0];
  Value type
      = check_type("record", args[1], TYPE_RECORD_TYPE, "a record type");
  size_t fields;

  if (!is_type(record, TYPE_RECORD) || record->slot[RECORD_TYPE] != type)
    error_wrong_type("record", "a record of another type", record);
  fields = object_words(record) - 1 - RECORD_FIELDS;
  return &record->slot[RECORD_FIELDS + check_item("record", args[2], fields)];
}

/* (%record-ref record type index) */
static Value prim_record_ref(Value *args)
{
  return *record_field(args);
}

/* (%record-set! record type index value) */
static Value prim_record_set(Value *args)
{
  *record_field(args) = args[3];
  return UNSPECIFIED;
}

static const Primitive table[] = {
    {"vector?", 1, 1, prim_is_vector, NULL},
    {"make-vector", 1, 2, prim_make_vector, NULL},
    {"vector", 0, MANY, NULL, prim_vector},
    {"vector-length", 1, 1, prim_vector_length, NULL},
    {"vector-ref", 2, 2, prim_vector_ref, NULL},
    {"vector-set!", 3, 3, prim_vector_set, NULL},
    {"vector-fill!", 2, 4, prim_vector_fill, NULL},
    {"vector-copy", 1, 3, prim_vector_copy, NULL},
    {"vector-copy!", 3, 5, prim_vector_copy_to, NULL},
    {"vector->list", 1, 3, prim_vector_to_list, NULL},
    {"list->vector", 1, 1, prim_list_to_vector, NULL},
    {"%list->vector", 1, 1, prim_list_to_vector, NULL},
    {"bytevector?", 1, 1, prim_is_bytes, NULL},
    {"make-bytevector", 1, 2, prim_make_bytes, NULL},
    {"bytevector", 0, MANY, NULL, prim_bytes},
    {"bytevector-length", 1, 1, prim_bytes_length, NULL},
    {"bytevector-u8-ref", 2, 2, prim_bytes_ref, NULL},
    {"bytevector-u8-set!", 3, 3, prim_bytes_set, NULL},
    {"bytevector-copy", 1, 3, prim_bytes_copy, NULL},
    {"utf8->string", 1, 3, prim_utf8_to_string, NULL},
    {"string->utf8", 1, 1, prim_string_to_utf8, NULL},
    {"%make-record-type", 2, 2, prim_make_record_type, NULL},
    {"%make-record", 1, MANY, NULL, prim_make_record},
    {"%record?", 2, 2, prim_is_record, NULL},
    {"%record-ref", 3, 3, prim_record_ref, NULL},
    {"%record-set!", 4, 4, prim_record_set, NULL},
};

void builtins_vector(void)
{
  primitives_define(table, PRIMITIVE_COUNT(table));
}
