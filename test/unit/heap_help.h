/* heap_help.h -- what the tests of the heap and the pools share
 *
 * An arena that does nothing by itself; and objects that check what they
 * are told.  From its base an object is
 *
 *   info     size and kind
 *   serial   in a forwarded object the address of the copy, as the client
 *            knows it
 *   ...      references, from the first word behind the header
 *
 * With in-band headers a client pointer is the base plus help_header.
 */

#ifndef HEAP_HELP_H
#define HEAP_HELP_H

#include "heap/arena.h"
#include "heap/format.h"
#include "heap/heap.h"
#include "heap/seg.h"
#include "include/mpsavm.h"
#include "unit.h"

#include <string.h>

#define KIB ((Size)1 << 10)
#define MIB ((Size)1 << 20)

enum {
  HELP_OBJECT = 0xA1,
  HELP_FORWARDED = 0xB2,
  HELP_PAD = 0xC3,
  HELP_LOG_MAX = 4096
};

/* Each call of the padding method, oldest first, while there is room. */
typedef struct HelpPad {
  Addr base;
  Size size;
} HelpPad;

static Size help_header;
static HelpPad help_pad_log[HELP_LOG_MAX];
static Count help_pads;
static Count help_fwds;
static Count help_scans; /* objects, not calls */

static inline Word *help_block(mps_addr_t client)
{
  return (Word *)((Word)client - help_header);
}

static inline mps_addr_t help_client(void *block)
{
  return (char *)block + help_header;
}

static inline Word help_info(Size size, int kind)
{
  return (Word)size << 8 | (Word)kind;
}

static inline Size help_size(mps_addr_t client)
{
  return help_block(client)[0] >> 8;
}

static inline int help_kind(mps_addr_t client)
{
  return (int)(help_block(client)[0] & 0xFF);
}

/* The references of an object, of which there are help_refs. */
static inline mps_addr_t *help_ref(mps_addr_t client)
{
  Size first = help_header > 16 ? help_header : 16;

  return (mps_addr_t *)(void *)((char *)help_block(client) + first);
}

static inline Count help_refs(mps_addr_t client)
{
  Size first = help_header > 16 ? help_header : 16;

  return (help_size(client) - first) / sizeof(mps_addr_t);
}

static inline mps_addr_t help_skip(mps_addr_t client)
{
  EXPECT(help_kind(client) == HELP_OBJECT || help_kind(client) == HELP_PAD
         || help_kind(client) == HELP_FORWARDED);
  EXPECT(help_size(client) >= sizeof(Word));
  return (char *)client + help_size(client);
}

static inline mps_res_t help_scan(mps_ss_t ss, mps_addr_t base,
                                  mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss)
  {
    for (; base < limit; base = help_skip(base)) {
      if (help_kind(base) != HELP_OBJECT)
        continue; /* a forwarding marker may be met where memory ran out */
      ++help_scans;
      for (Index i = 0; i < help_refs(base); ++i) {
        mps_res_t res = MPS_FIX12(ss, &help_ref(base)[i]);

        if (res != MPS_RES_OK)
          return res;
      }
    }
  }
  MPS_SCAN_END(ss);
  EXPECT(base == limit);
  return MPS_RES_OK;
}

static inline void help_fwd(mps_addr_t old, mps_addr_t new)
{
  EXPECT(help_kind(old) == HELP_OBJECT);
  EXPECT(help_kind(new) == HELP_OBJECT);
  EXPECT(help_size(new) == help_size(old));
  help_block(old)[0] = help_info(help_size(old), HELP_FORWARDED);
  help_block(old)[1] = (Word) new;
  ++help_fwds;
}

static inline mps_addr_t help_isfwd(mps_addr_t client)
{
  return help_kind(client) == HELP_FORWARDED
             ? (mps_addr_t)help_block(client)[1]
             : NULL;
}

static inline void help_pad(mps_addr_t base, size_t size)
{
  EXPECT(size >= sizeof(Word));
  *(Word *)base = help_info(size, HELP_PAD);
  if (help_pads < HELP_LOG_MAX)
    help_pad_log[help_pads] = (HelpPad){(Addr)base, size};
  ++help_pads;
}

/* The method NULL of a format means an object's first word as its class. */
static inline mps_fmt_t help_format(mps_arena_t arena, Size align, Size header)
{
  mps_fmt_t format;

  help_header = header;
  help_pads = 0;
  help_fwds = 0;
  help_scans = 0;
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, align);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_HEADER_SIZE, header);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, help_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, help_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, help_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, help_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, help_pad);
    ck_assert_int_eq(mps_fmt_create_k(&format, arena, args), MPS_RES_OK);
  }
  MPS_ARGS_END(args);
  return format;
}

/* An arena of the given size that collects nothing of itself. */
static inline mps_arena_t help_arena(Size size)
{
  mps_arena_t arena;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    ck_assert_int_eq(mps_arena_create_k(&arena, mps_arena_class_vm(), args),
                     MPS_RES_OK);
  }
  MPS_ARGS_END(args);
  mps_arena_clamp(arena);
  return arena;
}

/* Make an object, whose references are null; the answer is MPS_RES_OK or
 * that of the reserve. */
static inline mps_res_t help_make(mps_addr_t *client_out, mps_ap_t ap,
                                  Size size, Word serial)
{
  mps_addr_t block;

  do {
    mps_res_t res = mps_reserve(&block, ap, size);

    if (res != MPS_RES_OK)
      return res;
    memset(block, 0, size);
    ((Word *)block)[0] = help_info(size, HELP_OBJECT);
    ((Word *)block)[1] = serial;
  } while (!mps_commit(ap, block, size));
  *client_out = help_client(block);
  return MPS_RES_OK;
}

#endif /* HEAP_HELP_H */
