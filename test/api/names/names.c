/* names.c -- a client that uses every name of the interface
 *
 * It compiles as C89, C99, C11 and C++, and links.  interface.def says what
 * each name is; here the words of that file become declarations that compile
 * only if the type is exactly that.  Then it does what needs no arena.
 *
 * COVERS(".interface.req.names")
 */

#include "mps.h"
#include "mpsacl.h"
#include "mpsavm.h"
#include "mpscamc.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpscblk.h"
#include "mpsclo.h"
#include "mpscmfs.h"
#include "mpscmv2.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#include "mpscsnc.h"
#include "mpsio.h"
#include "mpslib.h"
#include "mpstd.h"
#include "mpswin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EXPECT(cond) ((cond) ? (void)0 : die(#cond, __LINE__))

static void die(const char *what, int line)
{
  fprintf(stderr, "names.c:%d: expected %s\n", line, what);
  exit(EXIT_FAILURE);
}

#define ALIAS(header, name, type)
#define HANDLE(header, name, tag)
#define MEMBER(header, structure, member, type)
#define CALLBACK(header, name, result, parameters)
#define CONSTANT(header, name, value)
#define KEY(header, name, field)
#define FUNCTION(header, name, result, parameters)
#define MACRO(header, name)

/* Types: a pointer to one is a pointer to the other. */
static void types(void)
{
#undef ALIAS
#undef HANDLE
#undef MEMBER
#undef CALLBACK
#define ALIAS(header, name, type) \
  { \
    type *one = NULL; \
    name *other = one; \
    (void)other; \
  }
#define HANDLE(header, name, tag) \
  { \
    struct tag **one = NULL; \
    name *other = one; \
    (void)other; \
  }
#define MEMBER(header, structure, member, type) \
  { \
    struct structure *tagged = NULL; \
    structure object; \
    type *pointer = &object.member; \
    tagged = &object; \
    (void)pointer; \
    (void)tagged; \
  }
#define CALLBACK(header, name, result, parameters) \
  { \
    result(**one) parameters = NULL; \
    name *other = one; \
    (void)other; \
  }
#include "interface.def"
#undef ALIAS
#undef HANDLE
#undef MEMBER
#undef CALLBACK
#define ALIAS(header, name, type)
#define HANDLE(header, name, tag)
#define MEMBER(header, structure, member, type)
#define CALLBACK(header, name, result, parameters)
  {
    MPS_T_WORD *one = NULL;
    mps_word_t *other = one;
    MPS_T_ULONGEST longest = 0;
    (void)other;
    (void)longest;
  }
  {
    const struct mps_key_s **one = NULL;
    mps_key_t *other = one;
    struct mps_lib_stream_s *stream = NULL;
    mps_lib_FILE *same = stream;
    (void)other;
    (void)same;
  }
  {
    mps_ld_s dependency;
    mps_ss_s state;
    mps_ld_t ld = &dependency;
    mps_ss_t ss = &state;
    (void)ld;
    (void)ss;
  }
  EXPECT(sizeof(mps_word_t) == sizeof(void *));
  EXPECT(sizeof(mps_word_t) * CHAR_BIT == MPS_WORD_WIDTH);
  EXPECT((mps_word_t)1 << MPS_WORD_SHIFT == MPS_WORD_WIDTH);
  EXPECT(sizeof(mps_ld_s) == 2 * sizeof(mps_word_t));
  EXPECT(MPS_PF_ALIGN >= 4);
  EXPECT(strlen(MPS_PF_STRING) == 6);
  EXPECT(MPS_SAC_CLASS_LIMIT >= 8);
}

/* Constants: they can be case labels. */
static int is_constant(const char *name, unsigned value)
{
#undef CONSTANT
#define CONSTANT(header, name_, value_) \
  if (strcmp(name, #name_) == 0) \
    switch (value) { \
    case name_: \
      return 1; \
    default: \
      return 0; \
    }
#include "interface.def"
#undef CONSTANT
#define CONSTANT(header, name, value)
  return 0;
}

static void constants(void)
{
#undef CONSTANT
#define CONSTANT(header, name, value) EXPECT(is_constant(#name, value));
#include "interface.def"
#undef CONSTANT
#define CONSTANT(header, name, value)
  EXPECT(!is_constant("MPS_RES_OK", 1));
}

/* Keys: each is an object of its own, and its field is the member that the
 * documentation gives it. */
#define EXPAND(field) TEXT(field)
#define TEXT(field) #field
static unsigned keys(void)
{
  mps_key_t seen[64];
  unsigned count = 0;
  unsigned i;

  seen[count++] = MPS_KEY_ARGS_END;
#undef KEY
#define KEY(header, name, field) \
  { \
    EXPECT(strcmp(EXPAND(MPS_KEY_##name##_FIELD), #field) == 0); \
    for (i = 0; i < count; ++i) \
      EXPECT(seen[i] != MPS_KEY_##name); \
    seen[count++] = MPS_KEY_##name; \
  }
#include "interface.def"
#undef KEY
#define KEY(header, name, field)
  return count;
}

/* Functions: the parentheses suppress a macro of the same name. */
static unsigned functions(void)
{
  static mps_fun_t volatile linked;
  unsigned count = 0;

#undef FUNCTION
#define FUNCTION(header, name, result, parameters) \
  { \
    result(*typed) parameters = (name); \
    linked = (mps_fun_t)typed; \
    EXPECT(linked != NULL); \
    ++count; \
  }
#include "interface.def"
#undef FUNCTION
#define FUNCTION(header, name, result, parameters)
  return count;
}

/* The statements and expressions that need an arena, compiled only. */

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  mps_addr_t *p = (mps_addr_t *)base;
  mps_res_t res = MPS_RES_OK;

  MPS_SCAN_BEGIN(ss)
  {
    mps_addr_t *end = (mps_addr_t *)limit;
    for (; p < end; ++p) {
      if (MPS_FIX1(ss, *p)) {
        res = MPS_FIX2(ss, p);
        if (res != MPS_RES_OK)
          return res;
      }
      if (MPS_FIX12(ss, p) != MPS_RES_OK)
        return MPS_RES_FAIL;
      if (MPS_FIX(ss, p) != MPS_RES_OK)
        return MPS_RES_FAIL;
      MPS_FIX_CALL(ss, res = mps_scan_area(ss, p, p + 1, NULL));
    }
  }
  MPS_SCAN_END(ss);
  return res;
}

static mps_res_t allocate(mps_addr_t *p_o, mps_ap_t ap, size_t size)
{
  mps_addr_t p;
  mps_res_t res;

  do {
    res = mps_reserve(&p, ap, size);
    if (res != MPS_RES_OK)
      return res;
  } while (!mps_commit(ap, p, size));
  do {
    res = (mps_reserve)(&p, ap, size);
    if (res != MPS_RES_OK)
      return res;
  } while (!(mps_commit)(ap, p, size));
  do {
    MPS_RESERVE_BLOCK(res, p, ap, size);
    if (res != MPS_RES_OK)
      return res;
  } while (!mps_commit(ap, p, size));
  *p_o = p;
  return res;
}

#undef mps_reserve
#undef mps_commit

static mps_bool_t allocate_checked(mps_addr_t *p_o, mps_ap_t ap, size_t size)
{
  return mps_reserve(p_o, ap, size) == MPS_RES_OK
         && mps_commit(ap, *p_o, size);
}

static mps_res_t cache(mps_addr_t *p_o, mps_sac_t sac, size_t size)
{
  mps_res_t res;
  mps_addr_t p;

  MPS_SAC_ALLOC_FAST(res, p, sac, size, 0);
  if (res != MPS_RES_OK)
    return res;
  MPS_SAC_FREE_FAST(sac, p, size);
  MPS_SAC_ALLOC(res, *p_o, sac, size, 0);
  if (res == MPS_RES_OK)
    MPS_SAC_FREE(sac, *p_o, size);
  return res;
}

static void compiled(void)
{
  static mps_fun_t volatile used;

  used = (mps_fun_t)scan;
  used = (mps_fun_t)allocate;
  used = (mps_fun_t)allocate_checked;
  used = (mps_fun_t)cache;
  (void)used;
}

static void arguments(void)
{
  EXPECT(mps_args_none[0].key == MPS_KEY_ARGS_END);
  MPS_ARGS_BEGIN(outer)
  {
    MPS_ARGS_ADD(outer, MPS_KEY_GEN, 2);
    EXPECT(outer[1].key == MPS_KEY_ARGS_END);
    MPS_ARGS_BEGIN(inner)
    {
      MPS_ARGS_ADD_FIELD(inner, MPS_KEY_PAUSE_TIME, d, 0.5);
      MPS_ARGS_DONE(inner);
      EXPECT(inner[0].key == MPS_KEY_PAUSE_TIME && inner[0].val.d == 0.5);
    }
    MPS_ARGS_END(inner);
    MPS_ARGS_ADD(outer, MPS_KEY_INTERIOR, 1);
    EXPECT(outer[0].key == MPS_KEY_GEN && outer[0].val.u == 2);
    EXPECT(outer[1].key == MPS_KEY_INTERIOR && outer[1].val.b);
    EXPECT(outer[2].key == MPS_KEY_ARGS_END);
  }
  MPS_ARGS_END(outer);
}

static void plinth(void)
{
  EXPECT(mps_lib_EOF == EOF);
  EXPECT(mps_lib_stderr != mps_lib_stdout);
}

#ifdef __cplusplus
}
#endif

int main(void)
{
  unsigned key_count;
  unsigned function_count;

  types();
  constants();
  compiled();
  arguments();
  plinth();
  key_count = keys();
  function_count = functions();
  printf("%u keys, %u functions\n", key_count, function_count);
  return 0;
}
