/* builtins_table.c -- primitives on hash tables
 *
 * Design: .example.table (design/example.rst).
 */

#include "scheme.h"

static Value check_table(const char *who, Value v)
{
  return check_type(who, v, TYPE_TABLE, "a hash table");
}

/* (%make-table equal? weakness): weakness is a number, see Weakness */
static Value prim_make_table(Value *args)
{
  size_t weakness = check_index("make-table", args[1], WEAKNESS_COUNT - 1);

  return table_create(is_true(args[0]) ? TABLE_EQUAL : TABLE_EQ,
                      (Weakness)weakness);
}

/* An empty one of the same kind */
static Value prim_make_table_like(Value *args)
{
  return table_create_like(check_table("hash-table-copy", args[0]));
}

static Value prim_table_weakness(Value *args)
{
  return check_table("hash-table-weakness", args[0])->slot[TABLE_WEAKNESS];
}

/* May a key have moved since its address was hashed? */
static Value prim_table_is_stale(Value *args)
{
  return boolean(table_is_stale(check_table("hash-table-stale?", args[0])));
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
  Value table = check_table("hash-table-count", args[0]);

  return fixnum((intptr_t)table_count(table));
}

static Value prim_table_clear(Value *args)
{
  table_clear(check_table("hash-table-clear!", args[0]));
  return UNSPECIFIED;
}

static Value prim_table_to_alist(Value *args)
{
  return table_to_alist(check_table("hash-table->alist", args[0]));
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
    {"%make-table", 2, 2, prim_make_table, NULL},
    {"%make-table-like", 1, 1, prim_make_table_like, NULL},
    {"%table-weakness", 1, 1, prim_table_weakness, NULL},
    {"hash-table-stale?", 1, 1, prim_table_is_stale, NULL},
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
