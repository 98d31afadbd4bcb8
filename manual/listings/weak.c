/* weak.c -- tables that don't keep what is in them */

#include "runtime.h"

#include <stdio.h>
#include <string.h>

#include "mpscawl.h"

/* [pool] */
#define DELETED fixnum(0) /* an entry whose key has died */

/* Vectors in this pool come in two sorts.  Those of keys are weak, those of
 * values are exact; slot 0 of each is its partner. */
static mps_fmt_t weak_format;
static mps_pool_t weak_pool;
static mps_ap_t key_ap, value_ap;

static mps_addr_t weak_skip(mps_addr_t address)
{
  Object *object = address;

  return (uintptr_t *)address + object_words(object);
}

static mps_addr_t weak_partner(mps_addr_t address)
{
  Object *object = address;

  return object->slot[0];
}

static mps_res_t weak_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss)
  {
    for (Object *object = base; (mps_addr_t)object < limit;
         object = weak_skip(object))
      for (size_t i = 0; i < object_words(object) - 1; ++i) {
        Object *partner = object->slot[0];
        mps_addr_t ref = object->slot[i];

        if (is_reference(ref) && MPS_FIX1(ss, ref)) {
          mps_res_t res = MPS_FIX2(ss, &ref);

          if (res != MPS_RES_OK)
            return res;
          object->slot[i] = ref;
          if (ref == NULL && i > 0) { /* a weak reference, to what is dead */
            object->slot[i] = DELETED;
            if (partner != NULL)
              partner->slot[i] = NULL;
          }
        }
      }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}
/* [pool end] */

/* [create] */
static mps_ap_t create_ap(mps_rank_t rank)
{
  mps_ap_t ap;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, rank);
    must(mps_ap_create_k(&ap, weak_pool, args), "allocation point");
  }
  MPS_ARGS_END(args);
  return ap;
}

static void create_weak_pool(void)
{
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(uintptr_t));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, weak_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, weak_skip);
    must(mps_fmt_create_k(&weak_format, runtime.arena, args), "format");
  }
  MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, weak_format);
    MPS_ARGS_ADD(args, MPS_KEY_AWL_FIND_DEPENDENT, weak_partner);
    must(mps_pool_create_k(&weak_pool, runtime.arena, mps_class_awl(), args),
         "pool");
  }
  MPS_ARGS_END(args);
  key_ap = create_ap(mps_rank_weak());
  value_ap = create_ap(mps_rank_exact());
}

static Value make_side(mps_ap_t ap, size_t slots)
{
  size_t size = (1 + slots) * sizeof(uintptr_t);
  mps_addr_t block;

  do {
    Object *object;

    must(mps_reserve(&block, ap, size), "table");
    object = block;
    object->header = HEADER(KIND_VECTOR, 1 + slots);
    memset(object->slot, 0, slots * sizeof(Value));
  } while (!mps_commit(ap, block, size));
  return block;
}
/* [create end] */

/* [main] */
enum {
  KEYS, /* globals */
  VALUES,
  KEPT
};

#define PLACES 1000

static int body(void *data)
{
  size_t left = 0, right = 0;

  (void)data;
  globals[KEYS] = make_side(key_ap, 1 + PLACES);
  globals[VALUES] = make_side(value_ap, 1 + PLACES);
  globals[KEYS]->slot[0] = globals[VALUES];
  globals[VALUES]->slot[0] = globals[KEYS];
  globals[KEPT] = make_vector(PLACES, NULL);
  for (intptr_t i = 1; i <= PLACES; ++i) {
    Value key = make_pair(fixnum(i), NULL);

    globals[KEYS]->slot[i] = key;
    globals[VALUES]->slot[i] = make_pair(fixnum(2 * i), NULL);
    if (i % 10 == 0)
      globals[KEPT]->slot[i - 1] = key;
  }
  must(mps_arena_collect(runtime.arena), "collection");
  mps_arena_release(runtime.arena);
  for (intptr_t i = 1; i <= PLACES; ++i) {
    Value key = globals[KEYS]->slot[i], value = globals[VALUES]->slot[i];

    if (key != DELETED) {
      ++left;
      right += fixnum_value(value->slot[0]) == 2 * fixnum_value(key->slot[0]);
    }
    if (i % 10 == 0 && key != globals[KEPT]->slot[i - 1])
      printf("a key that is in use has gone\n");
  }
  /* A word left on the stack may keep one or two. */
  printf("about a tenth is left: %s\n",
         left >= PLACES / 10 && left < PLACES / 8 ? "yes" : "no");
  printf("all values are right: %s\n", right == left ? "yes" : "no");
  return 0;
}

int main(void)
{
  int status;

  runtime_create(0, NULL);
  create_weak_pool();
  status = thread_run(body, NULL);
  mps_arena_park(runtime.arena);
  mps_ap_destroy(key_ap);
  mps_ap_destroy(value_ap);
  mps_pool_destroy(weak_pool);
  mps_fmt_destroy(weak_format);
  runtime_destroy();
  return status;
}
/* [main end] */
