/* weak.c -- the arrays of weak tables
 *
 * INTERIM: blocks from malloc that are roots, until AWL is there.
 *
 * Design: .example.weak (design/example.rst).
 */

#include <stdlib.h>

#include "scheme.h"

static mps_arena_t weak_arena;

static Value entries_partner(Value entries)
{
  return *vector_item(entries, vector_length(entries));
}

static mps_res_t weak_fix_entries(mps_ss_t ss, Value entries)
{
  size_t length = vector_length(entries);
  Value partner = entries_partner(entries);
  mps_res_t res = MPS_RES_OK;

  MPS_SCAN_BEGIN(ss)
  {
    for (size_t i = 0; i < length && res == MPS_RES_OK; ++i) {
      mps_addr_t ref = *vector_item(entries, i);

      if (!is_reference(ref) || !MPS_FIX1(ss, ref))
        continue;
      res = MPS_FIX2(ss, &ref);
      *vector_item(entries, i) = ref;
      if (ref == NULL && partner != NULL)
        *vector_item(partner, i) = NULL;
    }
  }
  MPS_SCAN_END(ss);
  return res;
}

static mps_res_t weak_scan_root(mps_ss_t ss, void *p, size_t s)
{
  (void)s;
  return weak_fix_entries(ss, p);
}

static Value weak_make_entries(mps_rank_t rank, size_t length)
{
  Value entries = calloc(length + 3, sizeof(Value));
  mps_root_t root;

  entries->header = HEADER(TYPE_ENTRIES, length + 3);
  entries->slot[0] = fixnum((intptr_t)length);
  (void)mps_root_create(&root, weak_arena, rank, 0, weak_scan_root, entries,
                        0);
  return entries;
}

void weak_make_arrays(Weakness weakness, size_t capacity, Value *keys_out,
                      Value *values_out)
{
  Value keys = weak_make_entries(weakness != WEAK_VALUES ? mps_rank_weak()
                                                         : mps_rank_exact(),
                                 capacity);
  Value values = weak_make_entries(weakness == WEAK_VALUES
                                           || weakness == WEAK_BOTH
                                       ? mps_rank_weak()
                                       : mps_rank_exact(),
                                   capacity);

  for (size_t i = 0; i < capacity; ++i)
    *vector_item(keys, i) = FREE_ENTRY;
  *vector_item(keys, capacity) = values;
  *vector_item(values, capacity) = keys;
  *keys_out = keys;
  *values_out = values;
}

void weak_create(mps_arena_t arena, mps_chain_t chain)
{
  (void)chain;
  weak_arena = arena;
}

void weak_destroy(void)
{
}

mps_pool_t weak_pool(size_t index, const char **name_out)
{
  (void)index;
  *name_out = NULL;
  return NULL;
}
