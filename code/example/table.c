/* table.c -- hash tables
 *
 * Open addressing over two arrays, one of keys and one of values, so that
 * a table can hold either of them weakly by taking the array from another
 * pool: those of weak tables come from weak.c (.example.table.room).
 *
 * Some keys have no hash but their address, and the collector moves them.
 * A table has a location dependency, to which every address is added before
 * it is hashed.  A key that is found is the right one whatever has moved
 * since; only when it is not found, and the dependency is stale, the table
 * is laid out anew and searched again (.example.table.location).
 *
 * Design: .example.table (design/example.rst).
 */

#include <string.h>

#include "scheme.h"

#define TABLE_LEAST 8

#define HASH_NESTING 8
#define HASH_ITEMS 16
#define HASH_OBJECTS 256 /* all in all, of a structure of structures */


/* Hashing */

static uintptr_t hash_mix(uintptr_t hash)
{
  uint64_t bits = hash;

  bits *= UINT64_C(0x9E3779B97F4A7C15);
  return (uintptr_t)(bits ^ bits >> 32);
}

/* What a hash is made for, and from. */
typedef struct Hashing {
  mps_ld_t ld;     /* is told of addresses; null for a lookup */
  bool by_address; /* does the hash depend on one? */
  int objects;     /* that have been looked at */
} Hashing;

/* Symbols carry their hash with them, and immediate values are their own, so
 * only tables keyed on other objects pay for the collector's moves.  The
 * dependency hears of an address before it is used. */
static uintptr_t hash_eq(Value v, Hashing *hashing)
{
  if (is_type(v, TYPE_SYMBOL))
    return hash_mix((uintptr_t)fixnum_value(v->slot[SYMBOL_HASH]));
  if (is_reference(v)) {
    hashing->by_address = true;
    if (hashing->ld != NULL)
      mps_ld_add(hashing->ld, heap_arena(), v);
  }
  return hash_mix(value_word(v));
}

static uintptr_t hash_bytes(Value v)
{
  uintptr_t hash = as_bytes(v)->length;

  for (size_t i = 0; i < as_bytes(v)->length; ++i)
    hash = hash * 31 + as_bytes(v)->data[i];
  return hash_mix(hash);
}

static uintptr_t hash_at(Value v, int depth, Hashing *hashing);

/* Looks at the first items only: a hash may be coarse, and must end. */
static uintptr_t hash_list(Value v, int depth, Hashing *hashing)
{
  uintptr_t hash = 17;

  for (int i = 0; i < HASH_ITEMS && is_pair(v); ++i, v = cdr(v))
    hash = hash * 31 + hash_at(car(v), depth + 1, hashing);
  return hash_mix(hash);
}

static uintptr_t hash_vector(Value v, int depth, Hashing *hashing)
{
  uintptr_t hash = vector_length(v);

  for (size_t i = 0; i < HASH_ITEMS && i < vector_length(v); ++i)
    hash = hash * 31 + hash_at(*vector_item(v, i), depth + 1, hashing);
  return hash_mix(hash);
}

static uintptr_t hash_at(Value v, int depth, Hashing *hashing)
{
  if (depth > HASH_NESTING || ++hashing->objects > HASH_OBJECTS)
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
    return hash_list(v, depth, hashing);
  case TYPE_VECTOR:
    return hash_vector(v, depth, hashing);
  default:
    return hash_eq(v, hashing);
  }
}

uintptr_t hash_equal(Value v, bool *by_address_out)
{
  Hashing hashing = {NULL, false, 0};
  uintptr_t hash = hash_at(v, 0, &hashing);

  *by_address_out = hashing.by_address;
  return hash;
}

static bool table_is_equal_kind(Value table)
{
  return table->slot[TABLE_KIND] == fixnum(TABLE_EQUAL);
}

static uintptr_t table_hash(Value table, Value key, Hashing *hashing)
{
  hashing->by_address = false;
  hashing->objects = 0;
  return table_is_equal_kind(table) ? hash_at(key, 0, hashing)
                                    : hash_eq(key, hashing);
}

static bool table_same(Value table, Value a, Value b)
{
  return a == b || (table_is_equal_kind(table) && values_equal(a, b));
}


/* Arrays */

static Weakness table_weakness(Value table)
{
  return (Weakness)fixnum_value(table->slot[TABLE_WEAKNESS]);
}

/* The dependency isn't made of values, so it is in an object of the kind
 * that isn't scanned. */
static mps_ld_t table_ld(Value table)
{
  return (mps_ld_t)(void *)as_bytes(table->slot[TABLE_LOCATIONS])->data;
}

static size_t table_capacity(Value table)
{
  return vector_length(table->slot[TABLE_KEYS]);
}

static Value *table_key(Value table, size_t index)
{
  return vector_item(table->slot[TABLE_KEYS], index);
}

/* Values that are in one array with the keys follow them. */
static Value *table_value(Value table, size_t index)
{
  Value values = table->slot[TABLE_VALUES];

  if (values == table->slot[TABLE_KEYS])
    index += vector_length(values);
  return vector_item(values, index);
}

static bool is_key(Value v)
{
  return v != FREE_ENTRY && v != DELETED_ENTRY;
}

static void table_make_arrays(Value table, size_t capacity, Value *keys_out,
                              Value *values_out)
{
  if (table_weakness(table) != WEAK_NONE) {
    weak_make_arrays(table_weakness(table), capacity, keys_out, values_out);
    return;
  }
  *keys_out = make_table_vector(capacity, FREE_ENTRY);
  *values_out = make_table_vector(capacity, NIL);
}

/* Gives the table new arrays.  Both are made before either is put in, so
 * that it is whole whenever there is no memory. */
static void table_reset(Value table, size_t capacity)
{
  Value keys;
  Value values;

  table_make_arrays(table, capacity, &keys, &values);
  table->slot[TABLE_KEYS] = keys;
  table->slot[TABLE_VALUES] = values;
  table->slot[TABLE_COUNT] = fixnum(0);
  table->slot[TABLE_USED] = fixnum(0);
  mps_ld_reset(table_ld(table), heap_arena());
}

Value table_create(TableKind kind, Weakness weakness)
{
  Value locations = make_bytes(sizeof(mps_ld_s), 0);
  Value table = make_object(TYPE_TABLE, TABLE_SLOTS, fixnum(0));

  table->slot[TABLE_KIND] = fixnum(kind);
  table->slot[TABLE_WEAKNESS] = fixnum(weakness);
  table->slot[TABLE_LOCATIONS] = locations;
  table_reset(table, TABLE_LEAST);
  return table;
}

Value table_create_like(Value table)
{
  return table_create((TableKind)fixnum_value(table->slot[TABLE_KIND]),
                      table_weakness(table));
}

void table_clear(Value table)
{
  table_reset(table, TABLE_LEAST);
}


/* Laying out */

static intptr_t table_add(Value table, int slot, intptr_t n)
{
  intptr_t sum = fixnum_value(table->slot[slot]) + n;

  table->slot[slot] = fixnum(sum);
  return sum;
}

/* Puts a key that isn't there in the first free place. */
static void table_insert(Value table, Value key, Value value)
{
  Hashing hashing = {table_ld(table), false, 0};
  size_t mask = table_capacity(table) - 1;
  size_t index = table_hash(table, key, &hashing) & mask;

  while (*table_key(table, index) != FREE_ENTRY)
    index = (index + 1) & mask;
  *table_key(table, index) = key;
  *table_value(table, index) = value;
  (void)table_add(table, TABLE_COUNT, 1);
  (void)table_add(table, TABLE_USED, 1);
}

/* Reading one array of a weak table may make the collector look at it, and
 * take a dead entry out of both: it is there if both have it
 * (.example.weak.read). */
static bool table_entry(Value table, size_t index, Value *key_out,
                        Value *value_out)
{
  *value_out = *table_value(table, index);
  *key_out = *table_key(table, index);
  return is_key(*key_out) && *value_out != DELETED_ENTRY;
}

/* Puts all entries into new arrays of the given capacity, by the addresses
 * that the keys have now.  When the arrays have been made nothing is made
 * any more until the end, so nothing moves.  The old ones are read through a
 * table of their own. */
static void table_lay_out(Value table, size_t capacity)
{
  Value old = make_object(TYPE_TABLE, TABLE_SLOTS, fixnum(0));
  Value keys;
  Value values;

  table_make_arrays(table, capacity, &keys, &values);
  old->slot[TABLE_KEYS] = table->slot[TABLE_KEYS];
  old->slot[TABLE_VALUES] = table->slot[TABLE_VALUES];
  table->slot[TABLE_KEYS] = keys;
  table->slot[TABLE_VALUES] = values;
  table->slot[TABLE_COUNT] = fixnum(0);
  table->slot[TABLE_USED] = fixnum(0);
  mps_ld_reset(table_ld(table), heap_arena());
  for (size_t i = 0; i < table_capacity(old); ++i) {
    Value key;
    Value value;

    if (table_entry(old, i, &key, &value))
      table_insert(table, key, value);
  }
}

bool table_is_stale(Value table)
{
  return mps_ld_isstale_any(table_ld(table), heap_arena());
}

void table_refresh(Value table)
{
  if (table_is_stale(table)) {
    ++heap_counts.layouts;
    table_lay_out(table, table_capacity(table));
  }
}

/* Entries of a weak table go without being counted. */
size_t table_count(Value table)
{
  size_t count = 0;

  if (table_weakness(table) == WEAK_NONE)
    return (size_t)fixnum_value(table->slot[TABLE_COUNT]);
  for (size_t i = 0; i < table_capacity(table); ++i)
    count += is_key(*table_key(table, i));
  return count;
}

/* Keeps a third of the places free. */
static void table_make_room(Value table)
{
  size_t capacity = table_capacity(table);
  size_t used = (size_t)fixnum_value(table->slot[TABLE_USED]);

  if ((used + 1) * 3 <= capacity * 2)
    return;
  if (table_count(table) * 2 >= capacity)
    capacity *= 2;
  table_lay_out(table, capacity);
}


/* Use */

static bool table_search(Value table, Value key, uintptr_t hash,
                         size_t *index_out)
{
  size_t mask = table_capacity(table) - 1;
  size_t index = hash & mask;
  Value found;

  while ((found = *table_key(table, index)) != FREE_ENTRY) {
    if (found != DELETED_ENTRY && table_same(table, found, key)
        && *table_value(table, index) != DELETED_ENTRY) {
      *index_out = index;
      return true;
    }
    index = (index + 1) & mask;
  }
  return false;
}

/* If the answer is no, it is so for the addresses that objects have now. */
static bool table_find(Value table, Value key, size_t *index_out)
{
  Hashing hashing = {NULL, false, 0};
  uintptr_t hash = table_hash(table, key, &hashing);

  if (table_search(table, key, hash, index_out))
    return true;
  if (!hashing.by_address
      || !mps_ld_isstale(table_ld(table), heap_arena(), key))
    return false;
  table_refresh(table);
  return table_search(table, key, table_hash(table, key, &hashing), index_out);
}

Value table_ref(Value table, Value key, Value otherwise)
{
  size_t index;

  if (!table_find(table, key, &index))
    return otherwise;
  return *table_value(table, index);
}

void table_set(Value table, Value key, Value value)
{
  size_t index;

  table_make_room(table);
  if (table_find(table, key, &index))
    *table_value(table, index) = value;
  else
    table_insert(table, key, value);
}

bool table_delete(Value table, Value key)
{
  size_t index;

  if (!table_find(table, key, &index))
    return false;
  *table_key(table, index) = DELETED_ENTRY;
  *table_value(table, index) = NIL;
  (void)table_add(table, TABLE_COUNT, -1);
  return true;
}

/* The entries as a list of pairs.  They are taken from where they were at
 * the start: the table may be laid out anew meanwhile. */
Value table_to_alist(Value table)
{
  Value list = NIL;
  Value old = make_object(TYPE_TABLE, TABLE_SLOTS, fixnum(0));

  old->slot[TABLE_KEYS] = table->slot[TABLE_KEYS];
  old->slot[TABLE_VALUES] = table->slot[TABLE_VALUES];
  for (size_t i = 0; i < table_capacity(old); ++i) {
    Value key;
    Value value;

    if (table_entry(old, i, &key, &value))
      list = make_pair(make_pair(key, value), list);
  }
  return list;
}
