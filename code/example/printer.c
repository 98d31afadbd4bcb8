/* printer.c -- from values to text
 *
 * Nesting is limited, length isn't.  In a circular structure an object that
 * contains itself is printed as #0=(...), and inside of itself as #0#.
 *
 * Design: .example.printer (design/example.rst).
 */

#include "scheme.h"

/* Labels that were given in the structure that is being printed; its objects
 * with labels are in roots.labels. */
static int print_label_count;

static void print_at(Value port, Value v, bool write);

static void print_characters(Value port, Value string)
{
  for (size_t i = 0; i < as_string(string)->length; ++i)
    port_put(port, as_string(string)->chars[i]);
}

static void print_quoted(Value port, Value string)
{
  port_put(port, '"');
  for (size_t i = 0; i < as_string(string)->length; ++i) {
    uint32_t c = as_string(string)->chars[i];

    if (c == '"' || c == '\\') {
      port_put(port, '\\');
      port_put(port, c);
    } else if (c == '\n') {
      port_put_c(port, "\\n");
    } else if (c == '\t') {
      port_put_c(port, "\\t");
    } else {
      port_put(port, c);
    }
  }
  port_put(port, '"');
}

/* Would the name be read as that of the symbol?  Uninterned ones have no such
 * name, and look so. */
static bool symbol_is_plain(Value name)
{
  const String *s = as_string(name);

  if (s->length == 0 || (s->length == 1 && s->chars[0] == '.'))
    return false;
  if (s->chars[0] == '#')
    return s->length > 1 && s->chars[1] == ':';
  if (s->chars[0] == ',' || s->chars[0] == '`')
    return false;
  for (size_t i = 0; i < s->length; ++i) {
    if (reader_is_delimiter((int32_t)s->chars[i]) || s->chars[i] < ' ')
      return false;
  }
  return number_parse(name, 10) == FALSE_VALUE;
}

static void print_symbol(Value port, Value name, bool write)
{
  if (!write || symbol_is_plain(name)) {
    print_characters(port, name);
    return;
  }
  port_put(port, '|');
  for (size_t i = 0; i < as_string(name)->length; ++i) {
    uint32_t c = as_string(name)->chars[i];

    if (c == '|' || c == '\\')
      port_put(port, '\\');
    port_put(port, c);
  }
  port_put(port, '|');
}

static void print_character(Value port, uint32_t code)
{
  char text[24];

  port_put_c(port, "#\\");
  if (code == ' ')
    port_put_c(port, "space");
  else if (code == '\n')
    port_put_c(port, "newline");
  else if (code == '\t')
    port_put_c(port, "tab");
  else if (code < ' ' || code == 0x7F) {
    (void)snprintf(text, sizeof text, "x%x", (unsigned)code);
    port_put_c(port, text);
  } else {
    port_put(port, code);
  }
}

static void print_constant(Value port, Value v)
{
  port_put_c(port, v == FALSE_VALUE      ? "#f"
                   : v == TRUE_VALUE     ? "#t"
                   : v == NIL            ? "()"
                   : v == UNSPECIFIED    ? "#<unspecified>"
                   : v == EOF_OBJECT     ? "#<eof>"
                   : v == DEFAULT_OBJECT ? "#<default>"
                                         : "#<undefined>");
}

/* The prefix of a list that the reader made from one, or null. */
static const char *print_prefix(Value list)
{
  static const struct {
    WellKnown name;
    const char *prefix;
  } prefixes[] = {{SYM_QUOTE, "'"},
                  {SYM_QUASIQUOTE, "`"},
                  {SYM_UNQUOTE, ","},
                  {SYM_UNQUOTE_SPLICING, ",@"}};

  if (!is_pair(cdr(list)) || cdr(cdr(list)) != NIL)
    return NULL;
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; ++i) {
    if (car(list) == symbol_known(prefixes[i].name))
      return prefixes[i].prefix;
  }
  return NULL;
}

static void print_integer(Value port, intptr_t number)
{
  print_characters(port, number_format(fixnum(number), 10));
}

static bool print_has_label(Value v)
{
  return roots.labels != FALSE_VALUE
         && (is_fixnum(table_ref(roots.labels, v, NIL))
             || table_ref(roots.labels, v, NIL) == TRUE_VALUE);
}

/* Prints the label, if the object has one.  Is that all, since the object
 * is being printed around this place? */
static bool print_label(Value port, Value v)
{
  Value number = print_has_label(v) ? table_ref(roots.labels, v, NIL) : NIL;

  if (number == NIL)
    return false;
  port_put(port, '#');
  if (is_fixnum(number)) {
    print_integer(port, fixnum_value(number));
    port_put(port, '#');
    return true;
  }
  table_set(roots.labels, v, fixnum(print_label_count));
  print_integer(port, print_label_count++);
  port_put(port, '=');
  return false;
}

static void print_list(Value port, Value list, bool write)
{
  const char *prefix = print_has_label(cdr(list)) ? NULL : print_prefix(list);

  if (prefix != NULL) {
    port_put_c(port, prefix);
    print_at(port, car(cdr(list)), write);
    return;
  }
  port_put(port, '(');
  print_at(port, car(list), write);
  for (list = cdr(list); is_pair(list) && !print_has_label(list);
       list = cdr(list)) {
    port_put(port, ' ');
    print_at(port, car(list), write);
  }
  if (list != NIL) {
    port_put_c(port, " . ");
    print_at(port, list, write);
  }
  port_put(port, ')');
}

static void print_vector(Value port, Value v, bool write)
{
  port_put_c(port, "#(");
  for (size_t i = 0; i < vector_length(v); ++i) {
    if (i != 0)
      port_put(port, ' ');
    print_at(port, *vector_item(v, i), write);
  }
  port_put(port, ')');
}

static void print_bytes(Value port, Value v)
{
  port_put_c(port, "#u8(");
  for (size_t i = 0; i < as_bytes(v)->length; ++i) {
    if (i != 0)
      port_put(port, ' ');
    print_integer(port, as_bytes(v)->data[i]);
  }
  port_put(port, ')');
}

static void print_named(Value port, const char *what, Value name)
{
  port_put_c(port, "#<");
  port_put_c(port, what);
  if (is_type(name, TYPE_SYMBOL)) {
    port_put(port, ' ');
    print_characters(port, name->slot[SYMBOL_NAME]);
  }
  port_put(port, '>');
}

static void print_record(Value port, Value record, bool write)
{
  Value type = record->slot[RECORD_TYPE];

  port_put_c(port, "#<");
  print_at(port, type->slot[RECORD_TYPE_NAME], false);
  for (size_t i = RECORD_FIELDS; i + 1 < object_words(record); ++i) {
    port_put(port, ' ');
    print_at(port, record->slot[i], write);
  }
  port_put(port, '>');
}

static void print_error(Value port, Value error)
{
  Value list = error->slot[ERROR_IRRITANTS];

  port_put_c(port, "#<");
  print_at(port, error->slot[ERROR_KIND], false);
  port_put(port, ' ');
  print_at(port, error->slot[ERROR_MESSAGE], true);
  for (; is_pair(list) && !print_has_label(list); list = cdr(list)) {
    port_put(port, ' ');
    print_at(port, car(list), true);
  }
  port_put(port, '>');
}

/* The types that no text can stand for. */
static void print_other(Value port, Value v)
{
  switch (object_type(v)) {
  case TYPE_CLOSURE:
    print_named(port, "procedure", v->slot[CLOSURE_CODE]->slot[CODE_NAME]);
    break;
  case TYPE_PRIMITIVE:
    port_put_c(port, "#<procedure ");
    port_put_c(port, primitive_entry(v)->name);
    port_put(port, '>');
    break;
  case TYPE_TABLE:
    print_named(port, "hash-table", NIL);
    break;
  case TYPE_PORT:
    print_named(port, "port", NIL);
    break;
  case TYPE_CONTINUATION:
    print_named(port, "continuation", NIL);
    break;
  case TYPE_RECORD_TYPE:
    print_named(port, "record-type", v->slot[RECORD_TYPE_NAME]);
    break;
  default:
    print_named(port, "object", NIL);
    break;
  }
}

static void print_object(Value port, Value v, bool write)
{
  switch (object_type(v)) {
  case TYPE_PAIR:
    print_list(port, v, write);
    break;
  case TYPE_VECTOR:
    print_vector(port, v, write);
    break;
  case TYPE_STRING:
    if (write)
      print_quoted(port, v);
    else
      print_characters(port, v);
    break;
  case TYPE_SYMBOL:
    print_symbol(port, v->slot[SYMBOL_NAME], write);
    break;
  case TYPE_FLONUM:
  case TYPE_BIGNUM:
    print_characters(port, number_format(v, 10));
    break;
  case TYPE_BYTES:
    print_bytes(port, v);
    break;
  case TYPE_RECORD:
    print_record(port, v, write);
    break;
  case TYPE_ERROR:
    print_error(port, v);
    break;
  default:
    print_other(port, v);
    break;
  }
}

static void print_at(Value port, Value v, bool write)
{
  error_check_nesting("write");
  if (is_fixnum(v))
    print_integer(port, fixnum_value(v));
  else if (is_reference(v) && print_label(port, v))
    return;
  else if (is_reference(v))
    print_object(port, v, write);
  else if (!is_character(v))
    print_constant(port, v);
  else if (write)
    print_character(port, character_code(v));
  else
    port_put(port, character_code(v));
}

void print_value(Value port, Value v, bool write)
{
  roots.labels = labels_find(v);
  print_label_count = 0;
  print_at(port, v, write);
  roots.labels = FALSE_VALUE;
}
