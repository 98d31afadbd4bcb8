/* builtins_text.c -- primitives on characters, strings and symbols
 *
 * Characters are Unicode code points; case and classes are those of the C
 * library for ASCII, and others have none.
 *
 * Design: .example.builtins (design/example.rst).
 */

#include <ctype.h>
#include <string.h>

#include "scheme.h"

static String *string_argument(const char *who, Value v)
{
  return as_string(check_string(who, v));
}

static Value new_string(const uint32_t *chars, size_t length)
{
  Value string = make_string(length, 0);

  memcpy(as_string(string)->chars, chars, length * sizeof *chars);
  return string;
}


/* Characters */

static bool in_class(uint32_t code, int (*class)(int))
{
  return code < 128 && class((int)code) != 0;
}

static Value prim_is_char(Value *args)
{
  return boolean(is_character(args[0]));
}

static Value prim_char_to_integer(Value *args)
{
  return fixnum(check_character("char->integer", args[0]));
}

static Value prim_integer_to_char(Value *args)
{
  size_t code = check_index("integer->char", args[0], 0x10FFFF);

  if (!is_scalar((uint32_t)code))
    error_wrong_type("integer->char", "the number of a character", args[0]);
  return character((uint32_t)code);
}

static uint32_t char_convert(uint32_t code, int (*convert)(int))
{
  return code < 128 ? (uint32_t)convert((int)code) : code;
}

static Value prim_char_upcase(Value *args)
{
  return character(
      char_convert(check_character("char-upcase", args[0]), toupper));
}

static Value prim_char_downcase(Value *args)
{
  return character(
      char_convert(check_character("char-downcase", args[0]), tolower));
}

static Value prim_is_alphabetic(Value *args)
{
  return boolean(
      in_class(check_character("char-alphabetic?", args[0]), isalpha));
}

static Value prim_is_numeric(Value *args)
{
  return boolean(in_class(check_character("char-numeric?", args[0]), isdigit));
}

static Value prim_is_whitespace(Value *args)
{
  return boolean(
      in_class(check_character("char-whitespace?", args[0]), isspace));
}

static Value prim_is_upper(Value *args)
{
  return boolean(
      in_class(check_character("char-upper-case?", args[0]), isupper));
}

static Value prim_is_lower(Value *args)
{
  return boolean(
      in_class(check_character("char-lower-case?", args[0]), islower));
}

static int compare_chars(Value a, Value b)
{
  uint32_t x = check_character("compare characters", a);
  uint32_t y = check_character("compare characters", b);

  return (x > y) - (x < y);
}

static int compare_strings(Value a, Value b)
{
  const String *s = string_argument("compare strings", a);
  const String *t = string_argument("compare strings", b);

  for (size_t i = 0; i < s->length && i < t->length; ++i) {
    if (s->chars[i] != t->chars[i])
      return s->chars[i] < t->chars[i] ? -1 : 1;
  }
  return (s->length > t->length) - (s->length < t->length);
}

/* As in builtins_number.c: bit 0 of the mask is less, 1 equal, 2 greater. */
static Value compare_all(Value *args, int count, unsigned mask,
                         int (*compare)(Value a, Value b))
{
  bool holds = compare(args[0], args[0]) == 0; /* one must be right too */

  for (int i = 0; i + 1 < count; ++i)
    holds = (mask >> (compare(args[i], args[i + 1]) + 1) & 1) != 0 && holds;
  return boolean(holds);
}

static Value prim_char_equal(Value *args, int count)
{
  return compare_all(args, count, 2, compare_chars);
}

static Value prim_char_less(Value *args, int count)
{
  return compare_all(args, count, 1, compare_chars);
}

static Value prim_char_greater(Value *args, int count)
{
  return compare_all(args, count, 4, compare_chars);
}

static Value prim_char_less_equal(Value *args, int count)
{
  return compare_all(args, count, 3, compare_chars);
}

static Value prim_char_greater_equal(Value *args, int count)
{
  return compare_all(args, count, 6, compare_chars);
}

static Value prim_string_equal(Value *args, int count)
{
  return compare_all(args, count, 2, compare_strings);
}

static Value prim_string_less(Value *args, int count)
{
  return compare_all(args, count, 1, compare_strings);
}

static Value prim_string_greater(Value *args, int count)
{
  return compare_all(args, count, 4, compare_strings);
}

static Value prim_string_less_equal(Value *args, int count)
{
  return compare_all(args, count, 3, compare_strings);
}

static Value prim_string_greater_equal(Value *args, int count)
{
  return compare_all(args, count, 6, compare_strings);
}


/* Strings */

static Value prim_is_string(Value *args)
{
  return boolean(is_type(args[0], TYPE_STRING));
}

static Value prim_make_string(Value *args)
{
  return make_string(check_index("make-string", args[0], SIZE_MAX),
                     args[1] == DEFAULT_OBJECT
                         ? ' '
                         : check_character("make-string", args[1]));
}

static Value prim_string(Value *args, int count)
{
  Value string = make_string((size_t)count, 0);

  for (int i = 0; i < count; ++i)
    as_string(string)->chars[i] = check_character("string", args[i]);
  return string;
}

static Value prim_string_length(Value *args)
{
  return fixnum((intptr_t)string_argument("string-length", args[0])->length);
}

static uint32_t *string_place(const char *who, const Value *args)
{
  String *string = string_argument(who, args[0]);

  if (string->length == 0)
    error_wrong_type(who, "an index in range", args[1]);
  return &string->chars[check_index(who, args[1], string->length - 1)];
}

static Value prim_string_ref(Value *args)
{
  return character(*string_place("string-ref", args));
}

static Value prim_string_set(Value *args)
{
  uint32_t *place = string_place("string-set!", args);

  *place = check_character("string-set!", args[2]);
  return UNSPECIFIED;
}

static Value prim_string_append(Value *args, int count)
{
  size_t length = 0;
  size_t at = 0;
  Value result;

  for (int i = 0; i < count; ++i)
    length += string_argument("string-append", args[i])->length;
  result = make_string(length, 0);
  for (int i = 0; i < count; ++i) {
    const String *part = as_string(args[i]);

    memcpy(as_string(result)->chars + at, part->chars,
           part->length * sizeof part->chars[0]);
    at += part->length;
  }
  return result;
}

/* (substring string start [end]), also string-copy */
static Value prim_substring(Value *args)
{
  const String *string = string_argument("substring", args[0]);
  size_t start;
  size_t end;

  check_range("substring", args + 1, string->length, &start, &end);
  return new_string(string->chars + start, end - start);
}

static Value prim_string_fill(Value *args)
{
  String *string = string_argument("string-fill!", args[0]);
  uint32_t fill = check_character("string-fill!", args[1]);
  size_t start;
  size_t end;

  check_range("string-fill!", args + 2, string->length, &start, &end);
  for (size_t i = start; i < end; ++i)
    string->chars[i] = fill;
  return UNSPECIFIED;
}

static Value prim_string_to_list(Value *args)
{
  const String *string = string_argument("string->list", args[0]);
  Value list = NIL;
  size_t start;
  size_t end;

  check_range("string->list", args + 1, string->length, &start, &end);
  for (size_t i = end; i > start; --i)
    list = make_pair(character(as_string(args[0])->chars[i - 1]), list);
  return list;
}

static Value prim_list_to_string(Value *args)
{
  Value list = args[0];
  intptr_t length = list_length(list);
  Value string;

  if (length < 0)
    error_wrong_type("list->string", "a list", list);
  string = make_string((size_t)length, 0);
  for (size_t i = 0; list != NIL; ++i, list = cdr(list))
    as_string(string)->chars[i] = check_character("list->string", car(list));
  return string;
}

static Value string_convert(const char *who, Value string, int (*convert)(int))
{
  const String *from = string_argument(who, string);
  Value result = make_string(from->length, 0);

  for (size_t i = 0; i < from->length; ++i)
    as_string(result)->chars[i] = char_convert(from->chars[i], convert);
  return result;
}

static Value prim_string_upcase(Value *args)
{
  return string_convert("string-upcase", args[0], toupper);
}

static Value prim_string_downcase(Value *args)
{
  return string_convert("string-downcase", args[0], tolower);
}

/* (string-search-forward pattern string [start]): the index, or #f */
static Value prim_string_search(Value *args)
{
  static const char who[] = "string-search-forward";
  const String *pattern = string_argument(who, args[0]);
  const String *string = string_argument(who, args[1]);
  size_t start = args[2] == DEFAULT_OBJECT
                     ? 0
                     : check_index(who, args[2], string->length);

  for (; start + pattern->length <= string->length; ++start) {
    if (memcmp(string->chars + start, pattern->chars,
               pattern->length * sizeof pattern->chars[0])
        == 0)
      return fixnum((intptr_t)start);
  }
  return FALSE_VALUE;
}


/* Symbols */

static Value prim_is_symbol(Value *args)
{
  return boolean(is_type(args[0], TYPE_SYMBOL));
}

/* The name is copied, because the symbol's must never change. */
static Value prim_string_to_symbol(Value *args)
{
  const String *name = string_argument("string->symbol", args[0]);

  return symbol_intern(new_string(name->chars, name->length));
}

static Value prim_symbol_to_string(Value *args)
{
  Value symbol = check_symbol("symbol->string", args[0]);
  const String *name = as_string(symbol->slot[SYMBOL_NAME]);

  return new_string(name->chars, name->length);
}

static Value prim_gensym(Value *args)
{
  (void)args;
  return symbol_generate();
}

static const Primitive table[] = {
    {"char?", 1, 1, prim_is_char, NULL},
    {"char->integer", 1, 1, prim_char_to_integer, NULL},
    {"integer->char", 1, 1, prim_integer_to_char, NULL},
    {"char-upcase", 1, 1, prim_char_upcase, NULL},
    {"char-downcase", 1, 1, prim_char_downcase, NULL},
    {"char-alphabetic?", 1, 1, prim_is_alphabetic, NULL},
    {"char-numeric?", 1, 1, prim_is_numeric, NULL},
    {"char-whitespace?", 1, 1, prim_is_whitespace, NULL},
    {"char-upper-case?", 1, 1, prim_is_upper, NULL},
    {"char-lower-case?", 1, 1, prim_is_lower, NULL},
    {"char=?", 1, MANY, NULL, prim_char_equal},
    {"char<?", 1, MANY, NULL, prim_char_less},
    {"char>?", 1, MANY, NULL, prim_char_greater},
    {"char<=?", 1, MANY, NULL, prim_char_less_equal},
    {"char>=?", 1, MANY, NULL, prim_char_greater_equal},
    {"string?", 1, 1, prim_is_string, NULL},
    {"make-string", 1, 2, prim_make_string, NULL},
    {"string", 0, MANY, NULL, prim_string},
    {"string-length", 1, 1, prim_string_length, NULL},
    {"string-ref", 2, 2, prim_string_ref, NULL},
    {"string-set!", 3, 3, prim_string_set, NULL},
    {"string=?", 1, MANY, NULL, prim_string_equal},
    {"string<?", 1, MANY, NULL, prim_string_less},
    {"string>?", 1, MANY, NULL, prim_string_greater},
    {"string<=?", 1, MANY, NULL, prim_string_less_equal},
    {"string>=?", 1, MANY, NULL, prim_string_greater_equal},
    {"string-append", 0, MANY, NULL, prim_string_append},
    {"substring", 2, 3, prim_substring, NULL},
    {"string-copy", 1, 3, prim_substring, NULL},
    {"string-fill!", 2, 4, prim_string_fill, NULL},
    {"string->list", 1, 3, prim_string_to_list, NULL},
    {"list->string", 1, 1, prim_list_to_string, NULL},
    {"string-upcase", 1, 1, prim_string_upcase, NULL},
    {"string-downcase", 1, 1, prim_string_downcase, NULL},
    {"string-search-forward", 2, 3, prim_string_search, NULL},
    {"symbol?", 1, 1, prim_is_symbol, NULL},
    {"string->symbol", 1, 1, prim_string_to_symbol, NULL},
    {"symbol->string", 1, 1, prim_symbol_to_string, NULL},
    {"gensym", 0, 0, prim_gensym, NULL},
};

void builtins_text(void)
{
  primitives_define(table, PRIMITIVE_COUNT(table));
}
