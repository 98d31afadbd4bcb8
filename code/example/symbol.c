/* symbol.c -- symbols, and strings as seen from C
 *
 * Interned symbols are kept in a vector of lists, an exact root.  They are
 * found by the hash of their name, which never changes, so the table need
 * not care where its symbols are.  A symbol also holds the value of the
 * global variable of its name.
 *
 * Design: .example.symbol (design/example.rst).
 */

#include <string.h>

#include "scheme.h"

#define SYMBOL_BUCKETS 1024

static const char *const well_known_names[SYM_COUNT] = {
    [SYM_QUOTE] = "quote",
    [SYM_QUASIQUOTE] = "quasiquote",
    [SYM_UNQUOTE] = "unquote",
    [SYM_UNQUOTE_SPLICING] = "unquote-splicing",
    [SYM_DEFINE] = "define",
    [SYM_BEGIN] = "begin",
    [SYM_LAMBDA] = "lambda",
    [SYM_ERROR] = "error",
    [SYM_READ_ERROR] = "read-error",
    [SYM_FILE_ERROR] = "file-error",
    [SYM_OUT_OF_MEMORY] = "out-of-memory",
};


/* UTF-8 */

size_t utf8_encode(uint32_t code, char buffer[4])
{
  if (code < 0x80) {
    buffer[0] = (char)code;
    return 1;
  }
  if (code < 0x800) {
    buffer[0] = (char)(0xC0 | code >> 6);
    buffer[1] = (char)(0x80 | (code & 0x3F));
    return 2;
  }
  if (code < 0x10000) {
    buffer[0] = (char)(0xE0 | code >> 12);
    buffer[1] = (char)(0x80 | (code >> 6 & 0x3F));
    buffer[2] = (char)(0x80 | (code & 0x3F));
    return 3;
  }
  buffer[0] = (char)(0xF0 | code >> 18);
  buffer[1] = (char)(0x80 | (code >> 12 & 0x3F));
  buffer[2] = (char)(0x80 | (code >> 6 & 0x3F));
  buffer[3] = (char)(0x80 | (code & 0x3F));
  return 4;
}

bool is_scalar(uint32_t code)
{
  return code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

bool utf8_is_right(uint32_t code, size_t count)
{
  char bytes[4];

  return is_scalar(code) && utf8_encode(code, bytes) == count;
}

/* Decodes one character from [*text_io, limit), which isn't empty.  A byte
 * that starts no character stands for itself, so any file can be read. */
static uint32_t utf8_decode(const unsigned char **text_io,
                            const unsigned char *limit)
{
  const unsigned char *text = *text_io;
  uint32_t code = *text;
  size_t more = code >= 0xF0 ? 3 : code >= 0xE0 ? 2 : code >= 0xC0 ? 1 : 0;

  *text_io = text + 1;
  if (more == 0 || code >= 0xF8 || (size_t)(limit - text) <= more)
    return code;
  code &= 0x3Fu >> more;
  for (size_t i = 1; i <= more; ++i) {
    if ((text[i] & 0xC0) != 0x80)
      return *text;
    code = code << 6 | (text[i] & 0x3Fu);
  }
  if (!utf8_is_right(code, more + 1))
    return *text;
  *text_io = text + 1 + more;
  return code;
}


/* Strings */

Value string_from_utf8(const char *text, size_t bytes)
{
  const unsigned char *start = (const unsigned char *)text;
  const unsigned char *limit = start + bytes;
  size_t length = 0;
  Value string;

  for (const unsigned char *p = start; p < limit; ++length)
    (void)utf8_decode(&p, limit);
  string = make_string(length, 0);
  for (size_t i = 0; i < length; ++i)
    as_string(string)->chars[i] = utf8_decode(&start, limit);
  return string;
}

Value string_from_c(const char *text)
{
  return string_from_utf8(text, strlen(text));
}

size_t string_to_utf8(Value string, char *buffer, size_t size)
{
  const String *s = as_string(string);
  size_t total = 0;
  size_t used = 0;

  for (size_t i = 0; i < s->length; ++i) {
    char bytes[4];
    size_t count = utf8_encode(s->chars[i], bytes);

    if (used == total && total + count < size) {
      memcpy(buffer + used, bytes, count);
      used += count;
    }
    total += count;
  }
  if (size != 0)
    buffer[used] = '\0';
  return total;
}

Value string_concat(Value first, Value second)
{
  size_t split = as_string(first)->length;
  size_t length = split + as_string(second)->length;
  Value string = make_string(length, 0);
  uint32_t *chars = as_string(string)->chars;

  memcpy(chars, as_string(first)->chars, split * sizeof *chars);
  memcpy(chars + split, as_string(second)->chars,
         (length - split) * sizeof *chars);
  return string;
}

bool string_equal(Value a, Value b)
{
  const String *s = as_string(a);
  const String *t = as_string(b);

  return s->length == t->length
         && memcmp(s->chars, t->chars, s->length * sizeof s->chars[0]) == 0;
}

/* FNV-1a on characters, then mixed, because tables use the low bits. */
uintptr_t string_hash(Value string)
{
  const String *s = as_string(string);
  uint64_t hash = UINT64_C(0xCBF29CE484222325);

  for (size_t i = 0; i < s->length; ++i)
    hash = (hash ^ s->chars[i]) * UINT64_C(0x100000001B3);
  return (uintptr_t)(hash ^ hash >> 29);
}


/* Symbols */

static Value symbol_make(Value name, uintptr_t hash)
{
  Value symbol = make_object(TYPE_SYMBOL, SYMBOL_SLOTS, UNDEFINED);

  symbol->slot[SYMBOL_NAME] = name;
  symbol->slot[SYMBOL_HASH] = fixnum((intptr_t)(hash >> 2));
  return symbol;
}

/* The name becomes the symbol's own, so it is copied if a program could
 * still change it; callers pass fresh strings or copies. */
Value symbol_intern(Value name)
{
  uintptr_t hash = string_hash(name);
  size_t index = hash % SYMBOL_BUCKETS;
  Value symbol;
  Value list;

  for (list = *vector_item(roots.symbols, index); list != NIL;
       list = cdr(list)) {
    if (string_equal(car(list)->slot[SYMBOL_NAME], name))
      return car(list);
  }
  symbol = symbol_make(name, hash);
  list = make_pair(symbol, *vector_item(roots.symbols, index));
  *vector_item(roots.symbols, index) = list;
  return symbol;
}

Value symbol_intern_c(const char *name)
{
  return symbol_intern(string_from_c(name));
}

/* An uninterned symbol: no text that is read can mean it.  Macros use them
 * for their own variables. */
Value symbol_generate(void)
{
  static intptr_t count;
  char name[32];

  (void)snprintf(name, sizeof name, "#:g%ld", (long)++count);
  return symbol_make(string_from_c(name), (uintptr_t)count * 2654435761u);
}

Value symbol_known(WellKnown which)
{
  return roots.well_known[which];
}

void symbols_create(void)
{
  roots.symbols = make_vector(SYMBOL_BUCKETS, NIL);
  for (size_t i = 0; i < SYM_COUNT; ++i)
    roots.well_known[i] = symbol_intern_c(well_known_names[i]);
}
