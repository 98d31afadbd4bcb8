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

#define NO_CHARACTER (-1)

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

bool reader_is_delimiter(int32_t c)
{
  return c < 0 || is_space(c) || c == '(' || c == ')' || c == '[' || c == ']'
         || c == '"' || c == ';' || c == '\'' || c == '|';
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

/* The text of an atom that starts with the given characters; the second may
 * be left out by NO_CHARACTER. */
static Value read_token(Value port, int32_t first, int32_t second)
{
  Value text = port_open_output_string();

  port_put(text, (uint32_t)first);
  if (second != NO_CHARACTER)
    port_put(text, (uint32_t)second);
  while (!reader_is_delimiter(port_peek(port)))
    port_put(text, (uint32_t)port_get(port));
  return port_text(text);
}

static Value read_atom(Value port, int32_t first)
{
  Value token = read_token(port, first, NO_CHARACTER);
  Value number = number_parse(token, 10);

  return number != FALSE_VALUE ? number : symbol_intern(token);
}

/* Adds a hexadecimal digit to the code of a character. */
static uint32_t add_hex(Value port, uint32_t code, int32_t c)
{
  int32_t low = c | 0x20;

  if (c >= '0' && c <= '9')
    code = code * 16 + (uint32_t)(c - '0');
  else if (low >= 'a' && low <= 'f')
    code = code * 16 + (uint32_t)(low - 'a' + 10);
  else
    read_fail(port, "bad hexadecimal digit");
  if (code > 0x10FFFF)
    read_fail(port, "there is no such character");
  return code;
}

static uint32_t check_code(Value port, uint32_t code)
{
  if (!is_scalar(code))
    read_fail(port, "there is no such character");
  return code;
}

static uint32_t read_hex_escape(Value port)
{
  int32_t c = port_get(port);
  uint32_t code = 0;

  do {
    code = add_hex(port, code, c);
  } while ((c = port_get(port)) != ';');
  return check_code(port, code);
}

static void read_escape(Value port, Value text)
{
  static const char names[] = "ntrab0";
  static const char codes[] = "\n\t\r\a\b";
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
    read_fail(port, "the text ends in an escape");
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

static Value read_bar_symbol(Value port)
{
  Value text = port_open_output_string();
  int32_t c;

  while ((c = port_get(port)) != '|') {
    if (c < 0)
      read_fail(port, "a symbol in bars has no end");
    if (c == '\\')
      read_escape(port, text);
    else
      port_put(text, (uint32_t)c);
  }
  return symbol_intern(port_text(text));
}

static const struct {
  const char *name;
  uint32_t code;
} character_names[] = {
    {"space", ' '},  {"newline", '\n'}, {"tab", '\t'},       {"return", '\r'},
    {"null", 0},     {"delete", 0x7F},  {"backspace", '\b'}, {"escape", 0x1B},
    {"alarm", '\a'}, {"nul", 0},        {"linefeed", '\n'}};

static bool string_is(Value string, const char *text)
{
  const String *s = as_string(string);
  size_t i = 0;

  while (i < s->length && text[i] != '\0'
         && s->chars[i] == (unsigned char)text[i])
    ++i;
  return i == s->length && text[i] == '\0';
}

static Value read_character(Value port)
{
  int32_t first = port_get(port);
  Value token;

  if (first < 0)
    read_fail(port, "a character is missing");
  token = read_token(port, first, NO_CHARACTER);
  if (as_string(token)->length == 1)
    return character(as_string(token)->chars[0]);
  for (size_t i = 0; i < sizeof character_names / sizeof character_names[0];
       ++i) {
    if (string_is(token, character_names[i].name))
      return character(character_names[i].code);
  }
  if (first == 'x') {
    uint32_t code = 0;

    for (size_t i = 1; i < as_string(token)->length; ++i)
      code = add_hex(port, code, (int32_t)as_string(token)->chars[i]);
    return character(check_code(port, code));
  }
  read_fail(port, "unknown character name");
}


/* Structures */

/* After the dot and a value nothing may come but comments. */
static void read_close(Value port, int32_t close)
{
  int32_t c;

  while ((c = skip_space(port)) != close) {
    if (c != '#' || read_value_from(port, c) != DEFAULT_OBJECT)
      read_fail(port, "bad dotted list");
  }
}

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
    if (c == '.' && reader_is_delimiter(port_peek(port))) {
      if (tail == head)
        read_fail(port, "a dot without anything in front");
      tail->slot[CDR] = read_at(port);
      read_close(port, close);
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

  if (number != FALSE_VALUE)
    return number;
  if (string_is(token, "#t") || string_is(token, "#true"))
    return TRUE_VALUE;
  if (string_is(token, "#f") || string_is(token, "#false"))
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
