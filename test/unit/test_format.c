/* test_format.c -- object formats */

#include "heap_help.h"

#include "include/mpstd.h"

#include <signal.h>

/* .format: what the client gave is what pools find. */
START_TEST(test_fields)
{
  mps_arena_t arena = help_arena(4 * MIB);
  Size in_use = arena->ctl.in_use;
  mps_fmt_t format = help_format(arena, 32, 64);

  ck_assert(format_check(format));
  ck_assert_ptr_eq(format->arena, arena);
  ck_assert_uint_eq(format->align, 32);
  ck_assert_uint_eq(format->header, 64);
  ck_assert(format->scan == help_scan && format->skip == help_skip);
  ck_assert(format->fwd == help_fwd && format->isfwd == help_isfwd);
  ck_assert(format->pad == help_pad);
  ck_assert_uint_eq(format->pools, 0);
  ck_assert_uint_eq(ring_length(&arena->formats), 1);
  mps_fmt_destroy(format);
  ck_assert_uint_eq(ring_length(&arena->formats), 0);
  ck_assert_uint_eq(arena->ctl.in_use, in_use);
  mps_arena_destroy(arena);
}
END_TEST

/* Without a class method the first word is the class; padding of nothing
 * isn't asked for. */
START_TEST(test_defaults)
{
  mps_arena_t arena = help_arena(4 * MIB);
  mps_fmt_t format = help_format(arena, 8, 0);
  Word object[4] = {42, 43, 44, 45};

  ck_assert_ptr_eq(format->klass(object), (mps_addr_t)42);
  format_pad(format, (Addr)object, (Addr)object);
  format_pad(format, (Addr)&object[2], (Addr)&object[1]);
  ck_assert_uint_eq(help_pads, 0);
  format_pad(format, (Addr)&object[1], (Addr)&object[3]);
  ck_assert_uint_eq(help_pads, 1);
  ck_assert_uint_eq(object[0], 42);
  ck_assert_int_eq(help_kind(&object[1]), HELP_PAD);
  ck_assert_uint_eq(help_size(&object[1]), 16);
  ck_assert_uint_eq(object[3], 45);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}
END_TEST

/* A method that was left out says so when it's needed: each dies. */
START_TEST(test_missing)
{
  mps_arena_t arena = help_arena(4 * MIB);
  mps_fmt_t format;
  Word object[2] = {0, 0};

  ck_assert_int_eq(mps_fmt_create_k(&format, arena, mps_args_none),
                   MPS_RES_OK);
  ck_assert_uint_eq(format->align, MPS_PF_ALIGN);
  ck_assert_uint_eq(format->header, 0);
  switch (_i) {
  case 0:
    (void)format->scan(NULL, object, object);
    break;
  case 1:
    (void)format->skip(object);
    break;
  case 2:
    format->fwd(object, object);
    break;
  case 3:
    (void)format->isfwd(object);
    break;
  default:
    format->pad(object, sizeof object);
  }
}
END_TEST

/* A format that there is no memory for leaves nothing. */
START_TEST(test_no_memory)
{
  mps_arena_t arena = help_arena(4 * MIB);
  mps_fmt_t format[400] = {NULL};
  Count count = 0;
  Size in_use = arena->ctl.in_use;

  ck_assert_int_eq(
      mps_arena_commit_limit_set(arena, mps_arena_committed(arena)),
      MPS_RES_OK);
  while (count < 400
         && mps_fmt_create_k(&format[count], arena, mps_args_none)
                == MPS_RES_OK)
    ++count;
  ck_assert_uint_lt(count, 400);
  ck_assert_ptr_null(format[count]);
  ck_assert_uint_eq(arena->ctl.in_use, in_use + count * sizeof(Format));
  ck_assert_uint_eq(ring_length(&arena->formats), count);
  while (count > 0)
    mps_fmt_destroy(format[--count]);
  ck_assert_uint_eq(arena->ctl.in_use, in_use);
  mps_arena_destroy(arena);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("format");
  TCase *dies = tcase_create("dies");

  unit_add(suite, "fields", test_fields);
  unit_add(suite, "defaults", test_defaults);
  tcase_add_loop_test_raise_signal(dies, test_missing, SIGABRT, 0, 5);
  suite_add_tcase(suite, dies);
  unit_add(suite, "memory", test_no_memory);
  return unit_run(suite);
}
