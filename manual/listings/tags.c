/* tags.c -- references that carry a tag */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "mps.h"
#include "mpsavm.h"
#include "mpscamc.h"

/* [values] */
typedef uintptr_t Word; /* a value: its two low bits are a tag */

enum {
  TAG_FIXNUM = 0,
  TAG_PAIR = 1,
  TAG_BOX = 2,
  TAG_MASK = 3
};

/* An object's header is its size in words, times four, plus what it is. */
enum {
  IS_OBJECT,
  IS_FORWARDED,
  IS_PAD
};

#define HEADER(words, what) ((Word)(words) << 2 | (what))
#define WHAT(p) (*(Word *)(p)&3)
#define WORDS(p) (*(Word *)(p) >> 2)

static Word *untag(Word value)
{
  return (Word *)(value & ~(Word)TAG_MASK);
}
/* [values end] */

static mps_addr_t skip(mps_addr_t p)
{
  return (Word *)p + WORDS(p);
}

/* [scan] */
/* Fix the values from base to limit, and leave the fixnums alone. */
static mps_res_t scan_values(mps_ss_t ss, void *base, void *limit,
                             void *closure)
{
  (void)closure;
  MPS_SCAN_BEGIN(ss)
  {
    for (Word *value = base; value < (Word *)limit; ++value) {
      Word tag = *value & TAG_MASK;
      mps_addr_t ref = untag(*value);

      if (tag != TAG_FIXNUM && MPS_FIX1(ss, ref)) {
        mps_res_t res = MPS_FIX2(ss, &ref);

        if (res != MPS_RES_OK)
          return res;
        *value = (Word)ref | tag;
      }
    }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  mps_res_t res = MPS_RES_OK;

  for (Word *object = base; object < (Word *)limit && res == MPS_RES_OK;
       object = skip(object))
    if (WHAT(object) == IS_OBJECT)
      res = scan_values(ss, object + 1, skip(object), NULL);
  return res;
}
/* [scan end] */

static void fwd(mps_addr_t from, mps_addr_t to)
{
  *(Word *)from = HEADER(WORDS(from), IS_FORWARDED);
  ((Word *)from)[1] = (Word)to;
}

static mps_addr_t isfwd(mps_addr_t p)
{
  return WHAT(p) == IS_FORWARDED ? (mps_addr_t)((Word *)p)[1] : NULL;
}

static void pad(mps_addr_t base, size_t size)
{
  *(Word *)base = HEADER(size / sizeof(Word), IS_PAD);
}

static void must(mps_res_t res)
{
  if (res != MPS_RES_OK)
    exit(EXIT_FAILURE);
}

static mps_arena_t arena;
static mps_ap_t ap;
static Word list = 0; /* a fixnum, so the root is valid from the start */

static Word make(Word tag, Word first, Word second)
{
  mps_addr_t p;

  do {
    Word *object;

    must(mps_reserve(&p, ap, 3 * sizeof(Word)));
    object = p;
    object[0] = HEADER(3, IS_OBJECT);
    object[1] = first;
    object[2] = second;
  } while (!mps_commit(ap, p, 3 * sizeof(Word)));
  return (Word)p | tag;
}

/* [body] */
static int body(void)
{
  Word box = make(TAG_BOX, 42 << 2, 0); /* only here, and with a tag */
  Word sum = 0;

  for (Word i = 0; i < 1000; ++i)
    list = make(TAG_PAIR, i << 2, list);
  must(mps_arena_collect(arena));
  for (Word pair = list; pair != 0; pair = untag(pair)[2])
    sum += untag(pair)[1] >> 2;
  printf("the box holds %lu\n", (unsigned long)(untag(box)[1] >> 2));
  printf("the sum is %lu\n", (unsigned long)sum);
  return 0;
}
/* [body end] */

/* [roots] */
int main(void)
{
  void *cold = &cold;
  int (*volatile call)(void) = body; /* so that its frame lies below cold */
  mps_fmt_t format;
  mps_pool_t pool;
  mps_thr_t thread;
  mps_root_t root, stack;
  mps_scan_tag_s tag = {TAG_MASK, 0};
  int status;

  must(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none));
  must(mps_root_create_area(&root, arena, mps_rank_exact(), 0, &list,
                            &list + 1, scan_values, NULL));
  must(mps_thread_reg(&thread, arena));
  must(mps_root_create_thread_scanned(&stack, arena, mps_rank_ambig(), 0,
                                      thread, mps_scan_area_masked, &tag,
                                      cold));
  /* [roots end] */
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(Word));
    must(mps_fmt_create_k(&format, arena, args));
  }
  MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    must(mps_pool_create_k(&pool, arena, mps_class_amc(), args));
  }
  MPS_ARGS_END(args);
  must(mps_ap_create_k(&ap, pool, mps_args_none));

  status = call();

  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(format);
  mps_root_destroy(stack);
  mps_thread_dereg(thread);
  mps_root_destroy(root);
  mps_arena_destroy(arena);
  return status;
}
