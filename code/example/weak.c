/* weak.c -- the arrays of weak tables
 *
 * These have a pool of a class whose objects stay where they are and whose
 * references are weak: what only they refer to dies, and they become null.
 * An array of keys and one of values are partners; when an item of one
 * becomes null, so does that of the other, and the entry is gone from the
 * table (.example.weak).
 *
 *                   keys     values
 *   WEAK_KEYS       weak     exact
 *   WEAK_VALUES     exact    weak
 *   WEAK_BOTH       weak     weak
 *   WEAK_EPHEMERON  in one array, from another pool
 *
 * An ephemeron is a pair of words in one object.  The library follows the
 * value only if something else refers to the key.
 *
 * Design: .example.weak (design/example.rst).
 */

#include <stdlib.h>

#include "mpscawl.h"
#include "scheme.h"

static struct {
  mps_arena_t arena;
  mps_fmt_t entries_format;
  mps_fmt_t pairs_format;
  mps_pool_t entries_pool; /* AWL */
  mps_pool_t pairs_pool;   /* AEPH */
  mps_ap_t exact_ap;       /* these two in the entries pool */
  mps_ap_t weak_ap;
  mps_ap_t pairs_ap;
} weak;


/* Formats: see format.c on such methods in general. */

static mps_addr_t weak_skip(mps_addr_t address)
{
  return (uintptr_t *)address + object_words(address);
}

/* The partner comes after the items.  It is a reference only when both have
 * been made, and becomes null when the partner is dead. */
static Value entries_partner(Value entries)
{
  Value partner = *vector_item(entries, vector_length(entries));

  return is_reference(partner) ? partner : NULL;
}

/* The library lets us read and write the partner while it has us scan an
 * array. */
static mps_addr_t entries_find_partner(mps_addr_t address)
{
  return entries_partner(address);
}

/* Of a weak array, a reference to something dead is null afterwards. */
static mps_res_t entries_fix(mps_ss_t ss, Value entries)
{
  size_t length = vector_length(entries);

  MPS_SCAN_BEGIN(ss)
  {
    for (size_t i = length + 1; i-- > 0;) {
      Value *slot = vector_item(entries, i);
      mps_addr_t reference = *slot;
      mps_res_t res;

      if (!is_reference(*slot) || !MPS_FIX1(ss, reference))
        continue;
      res = MPS_FIX2(ss, &reference);
      if (res != MPS_RES_OK)
        return res;
      *slot = reference;
      if (reference == NULL && i < length && entries_partner(entries) != NULL)
        *vector_item(entries_partner(entries), i) = DELETED_ENTRY;
    }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_res_t entries_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  mps_res_t res = MPS_RES_OK;

  for (; base < limit && res == MPS_RES_OK; base = weak_skip(base))
    res = entries_fix(ss, base);
  return res;
}

/* The library may come back to a pair after the scan, so its words are those
 * in the object, and each is a reference or null.  What has no address lives:
 * such a key keeps its value.  Such a value needs nothing but its key to be
 * looked at, together with the null at the end. */
static mps_res_t pairs_fix(mps_ss_t ss, Value pairs)
{
  size_t length = vector_length(pairs);
  mps_res_t res = MPS_RES_OK;

  MPS_SCAN_BEGIN(ss)
  {
    for (size_t i = 0; i < length && res == MPS_RES_OK; ++i) {
      mps_addr_t *key = (mps_addr_t *)vector_item(pairs, i);
      mps_addr_t *value = (mps_addr_t *)vector_item(pairs, length + i);
      mps_addr_t *null = (mps_addr_t *)vector_item(pairs, 2 * length);

      if (is_reference(*key))
        MPS_FIX_CALL(
            ss, res = mps_fix_weak_pair(ss, pairs, key,
                                        is_reference(*value) ? value : null));
      else if (is_reference(*value))
        res = MPS_FIX12(ss, value);
    }
  }
  MPS_SCAN_END(ss);
  return res;
}

static mps_res_t pairs_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  mps_res_t res = MPS_RES_OK;

  for (; base < limit && res == MPS_RES_OK; base = weak_skip(base))
    res = pairs_fix(ss, base);
  return res;
}

static mps_res_t weak_create_format(mps_fmt_t *format_out, mps_fmt_scan_t scan)
{
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(uintptr_t));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, weak_skip);
    res = mps_fmt_create_k(format_out, weak.arena, args);
  }
  MPS_ARGS_END(args);
  return res;
}


/* Creation */

static void weak_must(mps_res_t res)
{
  if (res != MPS_RES_OK) {
    fprintf(stderr, "mostly-scheme: can't make the pools of weak tables\n");
    exit(EXIT_FAILURE);
  }
}

static mps_res_t weak_create_pool(mps_pool_t *pool_out, mps_pool_class_t class,
                                  mps_fmt_t format, mps_chain_t chain)
{
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    if (class == mps_class_awl())
      MPS_ARGS_ADD(args, MPS_KEY_AWL_FIND_DEPENDENT, entries_find_partner);
    if (chain != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    res = mps_pool_create_k(pool_out, weak.arena, class, args);
  }
  MPS_ARGS_END(args);
  return res;
}

static mps_res_t weak_create_point(mps_ap_t *ap_out, mps_pool_t pool,
                                   mps_rank_t rank)
{
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, rank);
    res = mps_ap_create_k(ap_out, pool, args);
  }
  MPS_ARGS_END(args);
  return res;
}

static void weak_create_entries(mps_chain_t chain)
{
  weak_must(weak_create_format(&weak.entries_format, entries_scan));
  weak_must(weak_create_pool(&weak.entries_pool, mps_class_awl(),
                             weak.entries_format, chain));
  weak_must(
      weak_create_point(&weak.exact_ap, weak.entries_pool, mps_rank_exact()));
  weak_must(
      weak_create_point(&weak.weak_ap, weak.entries_pool, mps_rank_weak()));
}

static void weak_create_pairs(mps_chain_t chain)
{
  weak_must(weak_create_format(&weak.pairs_format, pairs_scan));
  weak_must(weak_create_pool(&weak.pairs_pool, mps_class_aeph(),
                             weak.pairs_format, chain));
  weak_must(weak_create_point(&weak.pairs_ap, weak.pairs_pool,
                              mps_rank_ephemeron()));
}

void weak_create(mps_arena_t arena, mps_chain_t chain)
{
  weak.arena = arena;
  weak_create_entries(chain);
  weak_create_pairs(chain);
}

void weak_destroy(void)
{
  mps_ap_destroy(weak.pairs_ap);
  mps_pool_destroy(weak.pairs_pool);
  mps_fmt_destroy(weak.pairs_format);
  mps_ap_destroy(weak.weak_ap);
  mps_ap_destroy(weak.exact_ap);
  mps_pool_destroy(weak.entries_pool);
  mps_fmt_destroy(weak.entries_format);
}

mps_pool_t weak_pool(size_t index, const char **name_out)
{
  static const char *names[] = {"weak", "ephemerons"};
  mps_pool_t pools[] = {weak.entries_pool, weak.pairs_pool};

  if (index >= sizeof pools / sizeof pools[0])
    return NULL;
  *name_out = names[index];
  return pools[index];
}


/* Arrays */

static Value weak_make_entries(bool is_weak, size_t length)
{
  return make_object_at(is_weak ? weak.weak_ap : weak.exact_ap, TYPE_ENTRIES,
                        length + 2, fixnum((intptr_t)length), FREE_ENTRY);
}

static Value weak_make_pairs(size_t length)
{
  Value pairs = make_object_at(weak.pairs_ap, TYPE_EPHEMERONS, 2 * length + 2,
                               fixnum((intptr_t)length), FREE_ENTRY);

  *vector_item(pairs, 2 * length) = NULL;
  return pairs;
}

void weak_make_arrays(Weakness weakness, size_t capacity, Value *keys_out,
                      Value *values_out)
{
  Value keys;
  Value values;

  if (weakness == WEAK_EPHEMERON) {
    *keys_out = *values_out = weak_make_pairs(capacity);
    return;
  }
  keys = weak_make_entries(weakness != WEAK_VALUES, capacity);
  values = weak_make_entries(weakness != WEAK_KEYS, capacity);
  *vector_item(keys, capacity) = values;
  *vector_item(values, capacity) = keys;
  *keys_out = keys;
  *values_out = values;
}
