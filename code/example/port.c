/* port.c -- text streams: files and strings
 *
 * A port on a file holds the number of a C stream, never the stream itself:
 * then what the collector scans is values only (.example.port.number).  One
 * that is dropped without being closed is closed by guardian.c.
 * A port on a string holds the string and a position in it.
 *
 * Design: .example.port (design/example.rst).
 */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "scheme.h"

#define STREAM_MAX 64
#define NAME_MAX_BYTES 4096
#define OUTPUT_LEAST 64

enum {
  INPUT_FILE,
  INPUT_STRING,
  OUTPUT_FILE,
  OUTPUT_STRING,
  CLOSED_INPUT,
  CLOSED_OUTPUT
};

static FILE *port_streams[STREAM_MAX];

static intptr_t port_kind(Value port)
{
  return fixnum_value(port->slot[PORT_KIND]);
}

static Value port_make(int kind, intptr_t stream, Value text)
{
  Value port = make_object(TYPE_PORT, PORT_SLOTS, fixnum(0));

  port->slot[PORT_KIND] = fixnum(kind);
  port->slot[PORT_STREAM] = fixnum(stream);
  port->slot[PORT_TEXT] = text;
  port->slot[PORT_LINE] = fixnum(1);
  return port;
}

bool port_is_input(Value v)
{
  return is_type(v, TYPE_PORT)
         && (port_kind(v) == INPUT_FILE || port_kind(v) == INPUT_STRING
             || port_kind(v) == CLOSED_INPUT);
}

bool port_is_output(Value v)
{
  return is_type(v, TYPE_PORT) && !port_is_input(v);
}

bool port_is_open_file(Value v)
{
  return is_type(v, TYPE_PORT)
         && (port_kind(v) == INPUT_FILE || port_kind(v) == OUTPUT_FILE);
}

Value port_open_string(Value text)
{
  return port_make(INPUT_STRING, 0, text);
}

Value port_open_output_string(void)
{
  return port_make(OUTPUT_STRING, 0, make_string(OUTPUT_LEAST, 0));
}

/* Too long a name isn't cut, and one with a null in it isn't either. */
bool port_path(Value name, char *path, size_t size)
{
  size_t length = string_to_utf8(name, path, size);

  return length < size && strlen(path) == length;
}

static _Noreturn void port_fail(Value name, const char *reason)
{
  Value irritants = list_2(name, string_from_c(reason));

  error_raise(SYM_FILE_ERROR, "can't open file", irritants);
}

static intptr_t port_free_stream(void)
{
  intptr_t stream = 0;

  while (stream < STREAM_MAX && port_streams[stream] != NULL)
    ++stream;
  return stream;
}

/* If all are in use, some may be by ports that are dead. */
static intptr_t port_find_stream(void)
{
  if (port_free_stream() == STREAM_MAX) {
    heap_collect();
    finals_poll();
  }
  return port_free_stream();
}

/* The C library opens it for reading, and finds it empty. */
static bool port_is_directory(FILE *file)
{
  struct stat status;

  return fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode);
}

Value port_open_file(Value name, bool output)
{
  char path[NAME_MAX_BYTES];
  Value port;
  intptr_t stream;
  FILE *file;

  if (!port_path(name, path, sizeof path))
    port_fail(name, "no name of a file");
  /* The port first: if there is no memory for it, no file stays open. */
  port = port_make(output ? CLOSED_OUTPUT : CLOSED_INPUT, 0, NIL);
  stream = port_find_stream();
  if (stream == STREAM_MAX)
    port_fail(name, "too many open files");
  file = fopen(path, output ? "w" : "r");
  if (file == NULL)
    port_fail(name, strerror(errno));
  if (port_is_directory(file)) {
    (void)fclose(file);
    port_fail(name, strerror(EISDIR));
  }
  if (!heap_finalize(port)) {
    (void)fclose(file);
    heap_exhausted();
  }
  port_streams[stream] = file;
  port->slot[PORT_STREAM] = fixnum(stream);
  port->slot[PORT_KIND] = fixnum(output ? OUTPUT_FILE : INPUT_FILE);
  return port;
}

static FILE *port_stream(Value port)
{
  return port_streams[fixnum_value(port->slot[PORT_STREAM])];
}

void port_close(Value port)
{
  bool input = port_is_input(port);

  if (port_kind(port) == INPUT_FILE || port_kind(port) == OUTPUT_FILE) {
    (void)fclose(port_stream(port));
    port_streams[fixnum_value(port->slot[PORT_STREAM])] = NULL;
  }
  port->slot[PORT_KIND] = fixnum(input ? CLOSED_INPUT : CLOSED_OUTPUT);
}

void port_flush(Value port)
{
  if (port_kind(port) == OUTPUT_FILE)
    (void)fflush(port_stream(port));
}


/* Output */

/* What was written to a string port so far. */
Value port_text(Value port)
{
  size_t length = (size_t)fixnum_value(port->slot[PORT_POSITION]);
  Value text = make_string(length, 0);

  memcpy(as_string(text)->chars, as_string(port->slot[PORT_TEXT])->chars,
         length * sizeof(uint32_t));
  return text;
}

static void port_put_string(Value port, uint32_t code)
{
  size_t position = (size_t)fixnum_value(port->slot[PORT_POSITION]);
  Value text = port->slot[PORT_TEXT];

  if (position == as_string(text)->length) {
    Value longer = make_string(position * 2, 0);

    memcpy(as_string(longer)->chars, as_string(text)->chars,
           position * sizeof(uint32_t));
    port->slot[PORT_TEXT] = longer;
    text = longer;
  }
  as_string(text)->chars[position] = code;
  port->slot[PORT_POSITION] = fixnum((intptr_t)position + 1);
}

void port_put(Value port, uint32_t code)
{
  char bytes[4];

  switch (port_kind(port)) {
  case OUTPUT_STRING:
    port_put_string(port, code);
    break;
  case OUTPUT_FILE:
    (void)fwrite(bytes, 1, utf8_encode(code, bytes), port_stream(port));
    break;
  default:
    error_wrong_type("write", "an open output port", port);
  }
}

void port_put_c(Value port, const char *text)
{
  for (; *text != '\0'; ++text)
    port_put(port, (unsigned char)*text);
}


/* Input */

/* What isn't a character is read again byte by byte.  A file port keeps those
 * bytes in its position, the next one lowest, each with a bit above. */
static int port_get_byte(Value port)
{
  intptr_t waiting = fixnum_value(port->slot[PORT_POSITION]);

  if (waiting == 0)
    return getc(port_stream(port));
  port->slot[PORT_POSITION] = fixnum(waiting >> 9);
  return (int)(waiting & 0xFF);
}

static void port_unget_byte(Value port, int byte)
{
  intptr_t waiting = fixnum_value(port->slot[PORT_POSITION]);

  if (byte != EOF)
    port->slot[PORT_POSITION] = fixnum(waiting << 9 | 0x100 | byte);
}

/* Reads one character of UTF-8; a byte that can't be part of one stands for
 * itself, and the rest of a broken one is read again. */
static int32_t port_get_utf8(Value port)
{
  int bytes[4] = {port_get_byte(port)};
  int first = bytes[0];
  int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  uint32_t code = (uint32_t)first & 0x3Fu >> more;
  int count = 1;

  if (more == 0 || first == EOF || first >= 0xF8)
    return first == EOF ? -1 : first;
  while (count <= more) {
    bytes[count] = port_get_byte(port);
    if (bytes[count] == EOF || (bytes[count++] & 0xC0) != 0x80)
      break;
    code = code << 6 | ((uint32_t)bytes[count - 1] & 0x3F);
    if (count > more && utf8_is_right(code, (size_t)count))
      return (int32_t)code;
  }
  while (--count > 0)
    port_unget_byte(port, bytes[count]);
  return first;
}

static int32_t port_get_string(Value port)
{
  size_t position = (size_t)fixnum_value(port->slot[PORT_POSITION]);
  Value text = port->slot[PORT_TEXT];

  if (position >= as_string(text)->length)
    return -1;
  port->slot[PORT_POSITION] = fixnum((intptr_t)position + 1);
  return (int32_t)as_string(text)->chars[position];
}

/* A file port keeps the character that was peeked at, if any, as a fixnum
 * in the place of its text. */
static int32_t port_next(Value port)
{
  Value peeked = port->slot[PORT_TEXT];

  if (port_kind(port) == INPUT_STRING)
    return port_get_string(port);
  if (port_kind(port) != INPUT_FILE)
    error_wrong_type("read", "an open input port", port);
  if (is_fixnum(peeked)) {
    port->slot[PORT_TEXT] = NIL;
    return (int32_t)fixnum_value(peeked);
  }
  return port_get_utf8(port);
}

int32_t port_get(Value port)
{
  int32_t code = port_next(port);

  if (code == '\n')
    port->slot[PORT_LINE] = fixnum(fixnum_value(port->slot[PORT_LINE]) + 1);
  return code;
}

int32_t port_peek(Value port)
{
  int32_t code = port_next(port);

  if (port_kind(port) == INPUT_FILE)
    port->slot[PORT_TEXT] = fixnum(code);
  else if (code >= 0)
    port->slot[PORT_POSITION]
        = fixnum(fixnum_value(port->slot[PORT_POSITION]) - 1);
  return code;
}

void ports_create(void)
{
  port_streams[0] = stdin;
  port_streams[1] = stdout;
  roots.current_input = port_make(INPUT_FILE, 0, NIL);
  roots.current_output = port_make(OUTPUT_FILE, 1, NIL);
}
