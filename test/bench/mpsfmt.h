/* mpsfmt.h -- the workloads' objects, and an arena and a pool for them
 *
 * Only mps.h, mpsavm.h and mpscamc.h are used, so any library with those
 * headers can be measured.
 *
 * Word 0 of an object is its header: the type in the low three bits, the
 * size in bytes in the others.  The smallest object has two words.
 *
 * The environment tunes: MPS_ARENA_MB, MPS_PAUSE (seconds), MPS_SPARE,
 * MPS_CHAIN="kb,mortality;kb,mortality".
 *
 * Design: .bench.workload (design/bench.rst).
 */

#ifndef BENCH_MPSFMT_H
#define BENCH_MPSFMT_H

#include "common.h"

#include "mps.h"
#include "mpsavm.h"
#include "mpscamc.h"

enum {
  T_NODE = 0, /* words 1 and 2 are references, the others aren't */
  T_LEAF = 1, /* no references */
  T_FWD = 2,  /* word 1 is the new address */
  T_PAD = 3,  /* filler */
  T_VEC = 4   /* every word after the header is a reference */
};

typedef uintptr_t word;

#define HDR(type, size) (((word)(size) << 3) | (word)(type))
#define HTYPE(h) ((h)&7)
#define HSIZE(h) ((h) >> 3)

static mps_arena_t arena;
static mps_pool_t pool;
static mps_fmt_t fmt;
static mps_chain_t chain;

/* In line, as in any client that cares for speed. */
#define F_FIX(slot) \
  do { \
    mps_addr_t r_ = (mps_addr_t)(slot); \
    if (MPS_FIX1(ss, r_)) { \
      mps_res_t res_ = MPS_FIX2(ss, &r_); \
      if (res_ != MPS_RES_OK) \
        return res_; \
      (slot) = (word)r_; \
    } \
  } while (0)

static mps_res_t f_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  word *p = base;

  MPS_SCAN_BEGIN(ss)
  {
    while ((void *)p < limit) {
      word h = *p, n = HSIZE(h) / sizeof(word);
      if (HTYPE(h) == T_NODE) {
        F_FIX(p[1]);
        F_FIX(p[2]);
      } else if (HTYPE(h) == T_VEC) {
        word i;
        for (i = 1; i < n; ++i)
          F_FIX(p[i]);
      }
      p += n;
    }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_addr_t f_skip(mps_addr_t a)
{
  return (char *)a + HSIZE(*(word *)a);
}

static void f_fwd(mps_addr_t old, mps_addr_t moved)
{
  word *p = old;

  p[0] = HDR(T_FWD, HSIZE(p[0]));
  p[1] = (word)moved;
}

static mps_addr_t f_isfwd(mps_addr_t a)
{
  word *p = a;

  return HTYPE(p[0]) == T_FWD ? (mps_addr_t)p[1] : NULL;
}

static void f_pad(mps_addr_t a, size_t n)
{
  *(word *)a = HDR(T_PAD, n);
}

static void must(mps_res_t res, const char *what)
{
  if (res != MPS_RES_OK) {
    fprintf(stderr, "%s: mps_res %d\n", what, (int)res);
    exit(1);
  }
}

static void gc_arena(void)
{
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE,
                 (size_t)env_long("MPS_ARENA_MB", 256) << 20);
    if (getenv("MPS_PAUSE") != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_PAUSE_TIME, env_double("MPS_PAUSE", 0.1));
    if (getenv("MPS_SPARE") != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_SPARE, env_double("MPS_SPARE", 0.75));
    must(mps_arena_create_k(&arena, mps_arena_class_vm(), args), "arena");
  }
  MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(word));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, f_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, f_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, f_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, f_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, f_pad);
    must(mps_fmt_create_k(&fmt, arena, args), "fmt");
  }
  MPS_ARGS_END(args);
}

static void gc_chain(const char *spec)
{
  mps_gen_param_s gens[16];
  size_t n = 0;
  char *text = strdup(spec), *rest = text, *part;

  while (n < 16 && (part = strtok_r(rest, ";", &rest)) != NULL) {
    unsigned long kb;
    double mortality;
    if (sscanf(part, "%lu,%lf", &kb, &mortality) != 2) {
      fprintf(stderr, "bad MPS_CHAIN\n");
      exit(1);
    }
    gens[n].mps_capacity = kb;
    gens[n++].mps_mortality = mortality;
  }
  must(mps_chain_create(&chain, arena, n, gens), "chain");
  free(text);
}

static void gc_setup(mps_pool_class_t cls)
{
  gc_arena();
  if (getenv("MPS_CHAIN") != NULL)
    gc_chain(getenv("MPS_CHAIN"));
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    if (chain != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    must(mps_pool_create_k(&pool, arena, cls, args), "pool");
  }
  MPS_ARGS_END(args);
}

static inline unsigned long gc_cycles(void)
{
  return (unsigned long)mps_collections(arena);
}

#endif /* BENCH_MPSFMT_H */
