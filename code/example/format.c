/* format.c -- the object format: how the collector sees our objects
 *
 * One format serves the AMC pool and the AMCZ pool.  The latter never scans,
 * so the scan method knows only objects whose slots are all values.
 *
 * These methods run at any moment, with the arena's lock held and perhaps in
 * a signal handler: they look at their object and at nothing else, and
 * allocate nothing (.example.format).
 *
 * Design: .example.format (design/example.rst).
 */

#include "scheme.h"

static mps_addr_t format_skip(mps_addr_t address)
{
  Object *object = address;

  return (uintptr_t *)address + object_words(object);
}

static mps_res_t format_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  mps_res_t res;

  MPS_SCAN_BEGIN(ss)
  {
    for (Object *object = base; (mps_addr_t)object < limit;
         object = format_skip(object)) {
      Value *slot = object->slot;
      Value *end = format_skip(object);

      /* The slot of a forwarding marker must not be fixed: it is not a
       * reference of the program's any more. */
      if (object_type(object) <= TYPE_PAD)
        continue;
      for (; slot < end; ++slot) {
        mps_addr_t ref = *slot;

        /* A fixnum may look like an address inside the arena, so the tag
         * is tested before the library sees the word. */
        if (!is_reference(*slot) || !MPS_FIX1(ss, ref))
          continue;
        res = MPS_FIX2(ss, &ref);
        if (res != MPS_RES_OK)
          return res;
        *slot = ref;
      }
    }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

/* The size stays in the header, so that a forwarded object can be skipped
 * like any other.  Every object has room for the new address, because none
 * is smaller than two words (.example.format.size). */
static void format_forward(mps_addr_t from, mps_addr_t to)
{
  Object *object = from;

  object->header = HEADER(TYPE_FORWARD, object_words(object));
  object->slot[0] = to;
}

static mps_addr_t format_is_forwarded(mps_addr_t address)
{
  Object *object = address;

  return object_type(object) == TYPE_FORWARD ? object->slot[0] : NULL;
}

static void format_pad(mps_addr_t base, size_t size)
{
  Object *object = base;

  object->header = HEADER(TYPE_PAD, size / sizeof(uintptr_t));
}

mps_res_t format_create(mps_fmt_t *format_out, mps_arena_t arena)
{
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(uintptr_t));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, format_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, format_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, format_forward);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, format_is_forwarded);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, format_pad);
    res = mps_fmt_create_k(format_out, arena, args);
  }
  MPS_ARGS_END(args);
  return res;
}
