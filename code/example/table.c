/* table.c -- hash tables
 *
 * Open addressing over two vectors, one of keys and one of values, so that
 * a table can later hold either of them weakly by taking the vector from
 * another pool (.example.table.room).
 *
 * Some keys have no hash but their address, and the collector moves them.
 * Such a table remembers how many collections there had been when it was
 * laid out.  A key that is found is the right one whatever has moved since;
 * only when it is not found and there was a collection, the table is laid
 * out anew and searched again (.example.table.stamp).
 *
 * Design: .example.table (design/example.rst).
 */

#include <string.h>

#include "scheme.h"

#define TABLE_LEAST 8

/* The stamp of a table in which no hash depends on an address. */
#define STAMP_NONE fixnum(-1)

#define HASH_NESTING 8
#define HASH_ITEMS 16


/* Hashing */

static uintptr_t hash_mix(uintptr_t hash)
{
  uint64_t bits = hash;

  bits *= UINT64_C(0x9E3779B97F4A7C15);
  return (uintptr_t)(bits ^ bits >> 32);
}

/* Symbols carry their hash with them, and immediate values are their own, so
 * only tables keyed on other objects pay for the collector's moves. */
static uintptr_t hash_eq(Value v, bool *by_address_out)
{
  if (is_type(v, TYPE_SYMBOL))
    return hash_mix((uintptr_t)fixnum_value(v->slot[SYMBOL_HASH]));
  if (is_reference(v))
    *by_address_out = true;
  return hash_mix(value_word(v));
}

static uintptr_t hash_bytes(Value v)
{
  uintptr_t hash = as_bytes(v)->length;

  for (size_t i = 0; i < as_bytes(v)->length; ++i)
    hash = hash * 31 + as_bytes(v)->data[i];
  return hash_mix(hash);
}

static uintptr_t hash_at(Value v, int depth, bool *by_address_out);

/* Looks at the first items only: a hash may be coarse, and must end. */
static uintptr_t hash_list(Value v, int depth, bool *by_address_out)
{
  uintptr_t hash = 17;

  for (int i = 0; i < HASH_ITEMS && is_pair(v); ++i, v = cdr(v))
    hash = hash * 31 + hash_at(car(v), depth + 1, by_address_out);
  return hash_mix(hash);
}

static uintptr_t hash_vector(Value v, int depth, bool *by_address_out)
{
  uintptr_t hash = vector_length(v);

  for (size_t i = 0; i < HASH_ITEMS && i < vector_length(v); ++i)
    hash = hash * 31 + hash_at(*vector_item(v, i), depth + 1, by_address_out);
  return hash_mix(hash);
}

static uintptr_t hash_at(Value v, int depth, bool *by_address_out)
{
  if (depth > HASH_NESTING)
    return 1;
  if (!is_reference(v))
    return hash_mix(value_word(v));
  switch (object_type(v)) {
  case TYPE_STRING:
    return string_hash(v);
  case TYPE_BYTES:
    return hash_bytes(v);
  case TYPE_FLONUM:
  case TYPE_BIGNUM:
    return number_hash(v);
  case TYPE_PAIR:
    return hash_list(v, depth, by_address_out);
  case TYPE_VECTOR:
    return hash_vector(v, depth, by_address_out);
  default:
    return hash_eq(v, by_address_out);
  }
}

uintptr_t hash_equal(Value v, bool *by_address_out)
{
  return hash_at(v, 0, by_address_out);
}

static bool table_is_equal_kind(Value table)
{
  return table->slot[TABLE_KIND] == fixnum(TABLE_EQUAL);
}

static uintptr_t table_hash(Value table, Value key, bool *by_address_out)
{
  *by_address_out = false;
  return table_is_equal_kind(table) ? hash_equal(key, by_address_out)
                                    : hash_eq(key, by_address_out);
}

static bool table_same(Value table, Value a, Value b)
{
  return a == b || (table_is_equal_kind(table) && values_equal(a, b));
}


/* Laying out */

static Value table_stamp_now(void)
{
  return fixnum((intptr_t)heap_collections());
}

static bool table_is_stale(Value table)
{
  Value stamp = table->slot[TABLE_STAMP];

  return stamp != STAMP_NONE && stamp != table_stamp_now();
}

static size_t table_capacity(Value table)
{
  return vector_length(table->slot[TABLE_KEYS]);
}

/* The place of a key that isn't in the vector: the first free one. */
static size_t table_free_place(Value keys, uintptr_t hash)
{
  size_t mask = vector_length(keys) - 1;
  size_t index = hash & mask;

  while (*vector_item(keys, index) != FREE_ENTRY)
    index = (index + 1) & mask;
  return index;
}

/* Puts all entries into new vectors of the given capacity, by the addresses
 * that the keys have now.  Both vectors are made first: from the reading of
 * the stamp to the end nothing is allocated, so nothing moves. */
static void table_lay_out(Value table, size_t capacity)
{
  Value keys = make_table_vector(capacity, FREE_ENTRY);
  Value values = make_table_vector(capacity, NIL);
  Value old_keys = table->slot[TABLE_KEYS];
  Value old_values = table->slot[TABLE_VALUES];
  bool any_by_address = false;
  Value stamp = table_stamp_now();

  for (size_t i = 0; i < vector_length(old_keys); ++i) {
    Value key = *vector_item(old_keys, i);
    bool by_address;

    if (key != FREE_ENTRY && key != DELETED_ENTRY) {
      size_t place
          = table_free_place(keys, table_hash(table, key, &by_address));

      any_by_address = any_by_address || by_address;
      *vector_item(keys, place) = key;
      *vector_item(values, place) = *vector_item(old_values, i);
    }
  }
  table->slot[TABLE_KEYS] = keys;
  table->slot[TABLE_VALUES] = values;
  table->slot[TABLE_USED] = table->slot[TABLE_COUNT];
  table->slot[TABLE_STAMP] = any_by_address ? stamp : STAMP_NONE;
}

static size_t table_round_capacity(size_t capacity)
{
  size_t round = TABLE_LEAST;

  while (round < capacity)
    round *= 2;
  return round;
}

Value table_create(TableKind kind, size_t capacity)
{
  Value table = make_object(TYPE_TABLE, TABLE_SLOTS, fixnum(0));

  table->slot[TABLE_KIND] = fixnum(kind);
  capacity = table_round_capacity(capacity + capacity / 2);
  table->slot[TABLE_STAMP] = STAMP_NONE;
  table->slot[TABLE_KEYS] = make_table_vector(capacity, FREE_ENTRY);
  table->slot[TABLE_VALUES] = make_table_vector(capacity, NIL);
  return table;
}

void table_clear(Value table)
{
  Value keys = make_table_vector(TABLE_LEAST, FREE_ENTRY);

  table->slot[TABLE_VALUES] = make_table_vector(TABLE_LEAST, NIL);
  table->slot[TABLE_KEYS] = keys;
  table->slot[TABLE_COUNT] = fixnum(0);
  table->slot[TABLE_USED] = fixnum(0);
  table->slot[TABLE_STAMP] = STAMP_NONE;
}


/* Use */

static bool table_search(Value table, Value key, uintptr_t hash,
                         size_t *index_out)
{
  Value keys = table->slot[TABLE_KEYS];
  size_t mask = vector_length(keys) - 1;
  size_t index = hash & mask;
  Value found;

  while ((found = *vector_item(keys, index)) != FREE_ENTRY) {
    if (found != DELETED_ENTRY && table_same(table, found, key)) {
      *index_out = index;
      return true;
    }
    index = (index + 1) & mask;
  }
  return false;
}

/* Afterwards the table is fresh if the answer is no and the key is one that
 * hashes by address: the caller may insert it at once. */
static bool table_find(Value table, Value key, size_t *index_out)
{
  bool by_address;
  uintptr_t hash = table_hash(table, key, &by_address);

  if (table_search(table, key, hash, index_out))
    return true;
  if (!by_address || !table_is_stale(table))
    return false;
  table_lay_out(table, table_capacity(table));
  return table_search(table, key, table_hash(table, key, &by_address),
                      index_out);
}

Value table_ref(Value table, Value key, Value otherwise)
{
  size_t index;

  if (!table_find(table, key, &index))
    return otherwise;
  return *vector_item(table->slot[TABLE_VALUES], index);
}

static intptr_t table_add(Value table, int slot, intptr_t n)
{
  intptr_t sum = fixnum_value(table->slot[slot]) + n;

  table->slot[slot] = fixnum(sum);
  return sum;
}

/* Keeps a third of the places free. */
static void table_make_room(Value table)
{
  size_t capacity = table_capacity(table);
  size_t used = (size_t)fixnum_value(table->slot[TABLE_USED]);
  size_t count = (size_t)fixnum_value(table->slot[TABLE_COUNT]);

  if ((used + 1) * 3 <= capacity * 2)
    return;
  table_lay_out(table, count * 2 >= capacity ? capacity * 2 : capacity);
}

void table_set(Value table, Value key, Value value)
{
  size_t index;
  bool by_address;
  uintptr_t hash;

  table_make_room(table);
  if (!table_find(table, key, &index)) {
    hash = table_hash(table, key, &by_address);
    index = table_free_place(table->slot[TABLE_KEYS], hash);
    if (by_address && table->slot[TABLE_STAMP] == STAMP_NONE)
      table->slot[TABLE_STAMP] = table_stamp_now();
    *vector_item(table->slot[TABLE_KEYS], index) = key;
    (void)table_add(table, TABLE_COUNT, 1);
    (void)table_add(table, TABLE_USED, 1);
  }
  *vector_item(table->slot[TABLE_VALUES], index) = value;
}

bool table_delete(Value table, Value key)
{
  size_t index;

  if (!table_find(table, key, &index))
    return false;
  *vector_item(table->slot[TABLE_KEYS], index) = DELETED_ENTRY;
  *vector_item(table->slot[TABLE_VALUES], index) = NIL;
  (void)table_add(table, TABLE_COUNT, -1);
  return true;
}
