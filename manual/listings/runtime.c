/* runtime.c -- the memory of the guide's runtime */

#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpsavm.h"
#include "mpscamc.h"

Value globals[GLOBALS];
Runtime runtime;

void must(mps_res_t res, const char *what)
{
  if (res != MPS_RES_OK) {
    fprintf(stderr, "can't make the %s: result %d\n", what, (int)res);
    exit(EXIT_FAILURE);
  }
}

/* [skip] */
static mps_addr_t format_skip(mps_addr_t address)
{
  Object *object = address;

  return (uintptr_t *)address + object_words(object);
}
/* [skip end] */

/* [scan] */
static mps_res_t format_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss)
  {
    for (Object *object = base; (mps_addr_t)object < limit;
         object = format_skip(object)) {
      if (object_kind(object) != KIND_VECTOR)
        continue;
      for (size_t i = 0; i < object_words(object) - 1; ++i) {
        mps_addr_t ref = object->slot[i];

        if (is_reference(ref) && MPS_FIX1(ss, ref)) {
          mps_res_t res = MPS_FIX2(ss, &ref);

          if (res != MPS_RES_OK)
            return res;
          object->slot[i] = ref;
        }
      }
    }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}
/* [scan end] */

/* [forward] */
static void format_forward(mps_addr_t from, mps_addr_t to)
{
  Object *object = from;

  object->header = HEADER(KIND_FORWARD, object_words(object));
  object->slot[0] = to;
}

static mps_addr_t format_is_forwarded(mps_addr_t address)
{
  Object *object = address;

  return object_kind(object) == KIND_FORWARD ? object->slot[0] : NULL;
}

static void format_pad(mps_addr_t base, size_t size)
{
  Object *object = base;

  object->header = HEADER(KIND_PAD, size / sizeof(uintptr_t));
}
/* [forward end] */

/* [create] */
static void create_format(void)
{
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(uintptr_t));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, format_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, format_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, format_forward);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, format_is_forwarded);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, format_pad);
    must(mps_fmt_create_k(&runtime.format, runtime.arena, args), "format");
  }
  MPS_ARGS_END(args);
}

static mps_pool_t create_pool(mps_pool_class_t pool_class)
{
  mps_pool_t pool;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, runtime.format);
    if (runtime.chain != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, runtime.chain);
    must(mps_pool_create_k(&pool, runtime.arena, pool_class, args), "pool");
  }
  MPS_ARGS_END(args);
  return pool;
}

void runtime_create(size_t gen_count, mps_gen_param_s *gens)
{
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, (size_t)512 << 20);
    must(mps_arena_create_k(&runtime.arena, mps_arena_class_vm(), args),
         "arena");
  }
  MPS_ARGS_END(args);
  if (gen_count != 0)
    must(mps_chain_create(&runtime.chain, runtime.arena, gen_count, gens),
         "chain");
  create_format();
  runtime.pool = create_pool(mps_class_amc());
  runtime.leaf_pool = create_pool(mps_class_amcz());
  must(mps_root_create_area_tagged(
           &runtime.global_root, runtime.arena, mps_rank_exact(), 0, globals,
           globals + GLOBALS, mps_scan_area_tagged, 7, 0),
       "root");
}
/* [create end] */

/* [destroy] */
void runtime_destroy(void)
{
  mps_arena_park(runtime.arena);
  mps_root_destroy(runtime.global_root);
  mps_pool_destroy(runtime.leaf_pool);
  mps_pool_destroy(runtime.pool);
  mps_fmt_destroy(runtime.format);
  if (runtime.chain != NULL)
    mps_chain_destroy(runtime.chain);
  mps_arena_destroy(runtime.arena);
}
/* [destroy end] */

/* [thread] */
typedef struct Self {
  mps_thr_t thread;
  mps_root_t stack;
  mps_ap_t ap;
  mps_ap_t leaf_ap;
} Self;

static _Thread_local Self self;

mps_ap_t thread_ap(void)
{
  return self.ap;
}

int thread_run(int (*body)(void *data), void *data)
{
  void *cold = &cold;
  int status;

  must(mps_thread_reg(&self.thread, runtime.arena), "thread");
  must(mps_root_create_thread(&self.stack, runtime.arena, self.thread, cold),
       "stack's root");
  must(mps_ap_create_k(&self.ap, runtime.pool, mps_args_none),
       "allocation point");
  must(mps_ap_create_k(&self.leaf_ap, runtime.leaf_pool, mps_args_none),
       "allocation point");
  status = body(data);
  mps_ap_destroy(self.leaf_ap);
  mps_ap_destroy(self.ap);
  mps_root_destroy(self.stack);
  mps_thread_dereg(self.thread);
  return status;
}
/* [thread end] */

/* [make] */
Value make_vector(size_t length, Value fill)
{
  size_t words = 1 + (length > 0 ? length : 1); /* room to be forwarded */
  size_t size = words * sizeof(uintptr_t);
  mps_addr_t block;

  do {
    Object *object;

    must(mps_reserve(&block, self.ap, size), "vector");
    object = block;
    object->header = HEADER(KIND_VECTOR, words);
    for (size_t i = 0; i < words - 1; ++i)
      object->slot[i] = fill;
  } while (!mps_commit(self.ap, block, size));
  return block;
}
/* [make end] */

Value make_pair(Value first, Value second)
{
  Value pair = make_vector(2, first);

  pair->slot[1] = second;
  return pair;
}

/* [bytes] */
Value make_bytes(const void *data, size_t size)
{
  size_t words = 2 + size / sizeof(uintptr_t); /* at least one more byte */
  mps_addr_t block;

  do {
    Object *object;

    must(mps_reserve(&block, self.leaf_ap, words * sizeof(uintptr_t)),
         "bytes");
    object = block;
    object->header = HEADER(KIND_BYTES, words);
    memset(object->slot, 0, (words - 1) * sizeof(uintptr_t));
    memcpy(object->slot, data, size);
  } while (!mps_commit(self.leaf_ap, block, words * sizeof(uintptr_t)));
  return block;
}
/* [bytes end] */
