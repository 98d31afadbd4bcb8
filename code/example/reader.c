/* reader.c -- from text to values
 *
 * Recursive on nesting, and a loop along lists.  The tail
 * of a list under construction is held in a C local: the collector sees the
 * C stack as ambiguous references, so nothing needs to be registered.
 *
 * Design: .example.reader (design/example.rst).
 */

#include <string.h>

#include "scheme.h"

#define TOKEN_LEAST 32

/* Values contain values. */
static Value read_at(Value port);
static Value read_value_from(Value port, int32_t c);

static _Noreturn void read_fail(Value port, const char *message)
{
  char text[120];

  (void)snprintf(text, sizeof text, "line %ld: %s",
                 (long)fixnum_value(port->slot[PORT_LINE]), message);
  error_raise(SYM_READ_ERROR, text, NIL);
}

static bool is_space(int32_t c)
{
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0xFEFF;
}

static bool is_delimiter(int32_t c)
{
  return c < 0 || is_space(c) || c == '(' || c == ')' || c == '[' || c == ']'
         || c == '"' || c == ';' || c == '\'';
}


/* What isn't data */

static void skip_line(Value port)
{
  int32_t c;

  do {
    c = port_get(port);
  } while (c >= 0 && c != '\n');
}

/* After the first "#|"; such comments nest. */
static void skip_block(Value port)
{
  int depth = 1;

  while (depth > 0) {
    int32_t c = port_get(port);

    if (c < 0)
      read_fail(port, "a block comment has no end");
    if (c == '|' && port_peek(port) == '#') {
      (void)port_get(port);
      --depth;
    } else if (c == '#' && port_peek(port) == '|') {
      (void)port_get(port);
      ++depth;
    }
  }
}

/* Returns the first character that isn't space or in a line comment. */
static int32_t skip_space(Value port)
{
  for (;;) {
    int32_t c = port_get(port);

    if (c == ';')
      skip_line(port);
    else if (!is_space(c))
      return c;
  }
}


/* Atoms */

/* The text of an atom that starts with the given characters; both may be
 * left out by zero. */
static Value read_token(Value port, int32_t first, int32_t second)
{
  Value text = port_open_output_string();

  if (first != 0)
    port_put(text, (uint32_t)first);
  if (second != 0)
    port_put(text, (uint32_t)second);
  while (!is_delimiter(port_peek(port)))
    port_put(text, (uint32_t)port_get(port));
  return port_text(text);
}

static Value read_bar_symbol(Value port)
{
  Value text = port_open_output_string();
  int32_t c;

  while ((c = port_get(port)) != '|') {
    if (c < 0)
      read_fail(port, "a symbol in bars has no end");
    port_put(text, (uint32_t)c);
  }
  return symbol_intern(port_text(text));
}

static Value read_atom(Value port, int32_t first)
{
  Value token = read_token(port, first, 0);
  Value number = number_parse(token, 10);

  return number != FALSE_VALUE ? number : symbol_intern(token);
}

static uint32_t read_hex_escape(Value port)
{
  uint32_t code = 0;
  int32_t c;

  while ((c = port_get(port)) != ';') {
    int32_t low = c | 0x20;

    if (c >= '0' && c <= '9')
      code = code * 16 + (uint32_t)(c - '0');
    else if (low >= 'a' && low <= 'f')
      code = code * 16 + (uint32_t)(low - 'a' + 10);
    else
      read_fail(port, "bad hexadecimal escape");
    if (code > 0x10FFFF)
      read_fail(port, "escape is no character");
  }
  return code;
}

static void read_escape(Value port, Value text)
{
  static const char names[] = "ntra0";
  static const char codes[] = "\n\t\r\a";
  int32_t c = port_get(port);
  const char *found = c > 0 && c < 128 ? strchr(names, c) : NULL;

  if (c == 'x') {
    port_put(text, read_hex_escape(port));
  } else if (found != NULL) {
    port_put(text, (unsigned char)codes[found - names]);
  } else if (c == '\n') {
    while (port_peek(port) == ' ' || port_peek(port) == '\t')
      (void)port_get(port);
  } else if (c < 0) {
    read_fail(port, "a string has no end");
  } else {
    port_put(text, (uint32_t)c);
  }
}

static Value read_string(Value port)
{
  Value text = port_open_output_string();
  int32_t c;

  while ((c = port_get(port)) != '"') {
    if (c < 0)
      read_fail(port, "a string has no end");
    if (c == '\\')
      read_escape(port, text);
    else
      port_put(text, (uint32_t)c);
  }
  return port_text(text);
}

static const struct {
  const char *name;
  uint32_t code;
} character_names[] = {
    {"space", ' '},  {"newline", '\n'}, {"tab", '\t'},       {"return", '\r'},
    {"null", 0},     {"delete", 0x7F},  {"backspace", '\b'}, {"escape", 0x1B},
    {"alarm", '\a'}, {"nul", 0},        {"linefeed", '\n'}};

static Value read_character(Value port)
{
  int32_t first = port_get(port);
  char name[32];
  unsigned code;
  Value token;

  if (first < 0)
    read_fail(port, "a character is missing");
  token = read_token(port, first, 0);
  if (as_string(token)->length == 1)
    return character(as_string(token)->chars[0]);
  (void)string_to_utf8(token, name, sizeof name);
  if (name[0] == 'x' && sscanf(name + 1, "%x", &code) == 1 && code <= 0x10FFFF)
    return character(code);
  for (size_t i = 0; i < sizeof character_names / sizeof character_names[0];
       ++i) {
    if (strcmp(name, character_names[i].name) == 0)
      return character(character_names[i].code);
  }
  read_fail(port, "unknown character name");
}


/* Structures */

static Value read_list(Value port, int32_t close)
{
  Value head = make_pair(NIL, NIL);
  Value tail = head;

  for (;;) {
    int32_t c = skip_space(port);
    Value item;

    if (c < 0)
      read_fail(port, "a list has no end");
    if (c == ')' || c == ']') {
      if (c != close)
        read_fail(port, "wrong closing bracket");
      return cdr(head);
    }
    if (c == '.' && is_delimiter(port_peek(port))) {
      tail->slot[CDR] = read_at(port);
      if (skip_space(port) != close)
        read_fail(port, "bad dotted list");
      return cdr(head);
    }
    item = read_value_from(port, c);
    if (item != DEFAULT_OBJECT) {
      item = make_pair(item, NIL);
      tail->slot[CDR] = item;
      tail = item;
    }
  }
}

/* The items of a vector, which mustn't have a dot among them. */
static Value read_items(Value port, size_t *count_out)
{
  Value list = read_list(port, ')');
  intptr_t length = list_length(list);

  if (length < 0)
    read_fail(port, "a dot in a vector");
  *count_out = (size_t)length;
  return list;
}

static Value read_vector(Value port)
{
  size_t count;
  Value list = read_items(port, &count);
  Value vector = make_vector(count, NIL);

  for (size_t i = 0; list != NIL; ++i, list = cdr(list))
    *vector_item(vector, i) = car(list);
  return vector;
}

static Value read_bytes(Value port)
{
  bool is_u8 = port_get(port) == '8';
  size_t count;
  Value list;
  Value bytes;

  if (!is_u8 || port_get(port) != '(')
    read_fail(port, "unknown # syntax");
  list = read_items(port, &count);
  bytes = make_bytes(count, 0);
  for (size_t i = 0; list != NIL; ++i, list = cdr(list))
    as_bytes(bytes)->data[i]
        = (unsigned char)check_index("read", car(list), 255);
  return bytes;
}

static Value read_quoted(Value port, WellKnown name)
{
  return list_2(symbol_known(name), read_at(port));
}

static Value read_named_constant(Value port, int32_t c)
{
  Value token = read_token(port, '#', c);
  Value number = number_parse(token, 10);
  char name[32];

  if (number != FALSE_VALUE)
    return number;
  (void)string_to_utf8(token, name, sizeof name);
  if (strcmp(name, "#t") == 0 || strcmp(name, "#true") == 0)
    return TRUE_VALUE;
  if (strcmp(name, "#f") == 0 || strcmp(name, "#false") == 0)
    return FALSE_VALUE;
  read_fail(port, "unknown # syntax");
}

static Value read_hash(Value port)
{
  int32_t c = port_get(port);

  switch (c) {
  case '(':
    return read_vector(port);
  case '\\':
    return read_character(port);
  case 'u':
    return read_bytes(port);
  case '|':
    skip_block(port);
    return DEFAULT_OBJECT;
  case ';':
    (void)read_at(port);
    return DEFAULT_OBJECT;
  case '!':
    skip_line(port); /* the first line of an executable script */
    return DEFAULT_OBJECT;
  default:
    if (c < 0)
      read_fail(port, "unknown # syntax");
    return read_named_constant(port, c);
  }
}

/* Reads what starts with c.  The answer is DEFAULT_OBJECT, which no text
 * stands for, if that was a comment. */
static Value read_value_from(Value port, int32_t c)
{
  error_check_nesting("read");
  switch (c) {
  case '(':
    return read_list(port, ')');
  case '[':
    return read_list(port, ']');
  case ')':
  case ']':
    read_fail(port, "unexpected closing bracket");
  case '\'':
    return read_quoted(port, SYM_QUOTE);
  case '`':
    return read_quoted(port, SYM_QUASIQUOTE);
  case ',':
    if (port_peek(port) != '@')
      return read_quoted(port, SYM_UNQUOTE);
    (void)port_get(port);
    return read_quoted(port, SYM_UNQUOTE_SPLICING);
  case '"':
    return read_string(port);
  case '|':
    return read_bar_symbol(port);
  case '#':
    return read_hash(port);
  default:
    return read_atom(port, c);
  }
}

/* Reads a value where there must be one. */
static Value read_at(Value port)
{
  Value value;

  do {
    int32_t c = skip_space(port);

    if (c < 0)
      read_fail(port, "the text ends where a value is expected");
    value = read_value_from(port, c);
  } while (value == DEFAULT_OBJECT);
  return value;
}

Value read_value(Value port)
{
  Value value;

  do {
    int32_t c = skip_space(port);

    if (c < 0)
      return EOF_OBJECT;
    value = read_value_from(port, c);
  } while (value == DEFAULT_OBJECT);
  return value;
}
