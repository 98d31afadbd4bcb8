/* builtins_table.c -- primitives on hash tables
 *
 * Design: .example.table (design/example.rst).
 */

#include "scheme.h"

static Value check_table(const char *who, Value v)
{
  return check_type(who, v, TYPE_TABLE, "a hash table");
}

static Value prim_make_eq_table(Value *args)
{
  (void)args;
  return table_create(TABLE_EQ, 0);
}

static Value prim_make_equal_table(Value *args)
{
  (void)args;
  return table_create(TABLE_EQUAL, 0);
}

static Value prim_is_eq_table(Value *args)
{
  Value table = check_table("hash-table-copy", args[0]);

  return boolean(table->slot[TABLE_KIND] == fixnum(TABLE_EQ));
}

static Value prim_is_table(Value *args)
{
  return boolean(is_type(args[0], TYPE_TABLE));
}

static Value prim_table_ref(Value *args)
{
  return table_ref(check_table("hash-table-ref/default", args[0]), args[1],
                   args[2]);
}

static Value prim_table_set(Value *args)
{
  table_set(check_table("hash-table-set!", args[0]), args[1], args[2]);
  return UNSPECIFIED;
}

static Value prim_table_delete(Value *args)
{
  return boolean(
      table_delete(check_table("hash-table-delete!", args[0]), args[1]));
}

static Value prim_table_contains(Value *args)
{
  Value table = check_table("hash-table-contains?", args[0]);

  return boolean(table_ref(table, args[1], FREE_ENTRY) != FREE_ENTRY);
}

static Value prim_table_count(Value *args)
{
  return check_table("hash-table-count", args[0])->slot[TABLE_COUNT];
}

static Value prim_table_clear(Value *args)
{
  table_clear(check_table("hash-table-clear!", args[0]));
  return UNSPECIFIED;
}

/* The entries as a list of pairs.  Both vectors are held here, so the table
 * may be laid out anew meanwhile. */
static Value prim_table_to_alist(Value *args)
{
  Value table = check_table("hash-table->alist", args[0]);
  Value keys = table->slot[TABLE_KEYS];
  Value values = table->slot[TABLE_VALUES];
  Value list = NIL;

  for (size_t i = 0; i < vector_length(keys); ++i) {
    Value key = *vector_item(keys, i);

    if (key != FREE_ENTRY && key != DELETED_ENTRY) {
      Value entry = make_pair(key, *vector_item(values, i));

      list = make_pair(entry, list);
    }
  }
  return list;
}

/* The hash of an object that has none but its address would be no use to a
 * program, so such objects all have the same. */
static Value prim_equal_hash(Value *args)
{
  bool by_address = false;
  uintptr_t hash = hash_equal(args[0], &by_address);

  return fixnum(by_address ? 0 : (intptr_t)(hash >> 2));
}

static const Primitive table[] = {
    {"make-eq-hash-table", 0, 1, prim_make_eq_table, NULL},
    {"make-equal-hash-table", 0, 1, prim_make_equal_table, NULL},
    {"%eq-table?", 1, 1, prim_is_eq_table, NULL},
    {"hash-table?", 1, 1, prim_is_table, NULL},
    {"hash-table-ref/default", 3, 3, prim_table_ref, NULL},
    {"hash-table-set!", 3, 3, prim_table_set, NULL},
    {"hash-table-delete!", 2, 2, prim_table_delete, NULL},
    {"hash-table-contains?", 2, 2, prim_table_contains, NULL},
    {"hash-table-count", 1, 1, prim_table_count, NULL},
    {"hash-table-clear!", 1, 1, prim_table_clear, NULL},
    {"hash-table->alist", 1, 1, prim_table_to_alist, NULL},
    {"equal-hash", 1, 1, prim_equal_hash, NULL},
};

void builtins_table(void)
{
  primitives_define(table, PRIMITIVE_COUNT(table));
}
