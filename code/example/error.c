/* error.c -- errors that primitives raise
 *
 * An error is an object with a kind (a symbol), a message and the values
 * that it is about.  Raising it leaves the primitive by a jump, which is
 * safe at any point except between reserve and commit.
 *
 * Design: .example.error (design/example.rst).
 */

#include "scheme.h"

_Noreturn void error_raise(WellKnown kind, const char *message,
                           Value irritants)
{
  vm_raise(make_error(symbol_known(kind), string_from_c(message), irritants));
}

_Noreturn void error_plain(const char *who, const char *message)
{
  char text[160];

  (void)snprintf(text, sizeof text, "%s: %s", who, message);
  error_raise(SYM_ERROR, text, NIL);
}

_Noreturn void error_wrong_type(const char *who, const char *expected,
                                Value got)
{
  char text[160];

  (void)snprintf(text, sizeof text, "%s: expected %s, got", who, expected);
  error_raise(SYM_ERROR, text, make_pair(got, NIL));
}

Value check_type(const char *who, Value v, Type type, const char *expected)
{
  if (!is_type(v, type))
    error_wrong_type(who, expected, v);
  return v;
}

Value check_pair(const char *who, Value v)
{
  return check_type(who, v, TYPE_PAIR, "a pair");
}

Value check_string(const char *who, Value v)
{
  return check_type(who, v, TYPE_STRING, "a string");
}

Value check_symbol(const char *who, Value v)
{
  return check_type(who, v, TYPE_SYMBOL, "a symbol");
}

intptr_t check_fixnum(const char *who, Value v)
{
  if (!is_fixnum(v))
    error_wrong_type(who, "a small exact integer", v);
  return fixnum_value(v);
}

/* An index from 0 to last, both included. */
size_t check_index(const char *who, Value v, size_t last)
{
  if (!is_fixnum(v) || fixnum_value(v) < 0)
    error_wrong_type(who, "an index", v);
  if ((size_t)fixnum_value(v) > last)
    error_wrong_type(who, "an index in range", v);
  return (size_t)fixnum_value(v);
}

uint32_t check_character(const char *who, Value v)
{
  if (!is_character(v))
    error_wrong_type(who, "a character", v);
  return character_code(v);
}

void check_range(const char *who, const Value *args, size_t length,
                 size_t *start_out, size_t *end_out)
{
  *end_out
      = args[1] == DEFAULT_OBJECT ? length : check_index(who, args[1], length);
  *start_out
      = args[0] == DEFAULT_OBJECT ? 0 : check_index(who, args[0], *end_out);
}

/* Compares stack addresses instead of counting, so that functions of
 * several modules that call each other share one limit. */
void error_check_nesting(const char *who)
{
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  uintptr_t cold = (uintptr_t)vm_cold_end();

  if ((here < cold ? cold - here : here - cold) > NESTING_BYTES)
    error_plain(who, "nested too deeply");
}
