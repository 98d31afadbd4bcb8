/* builtins_port.c -- primitives for reading and writing
 *
 * Design: .example.port (design/example.rst).
 */

#include <unistd.h>

#include "scheme.h"

static Value input_port(const char *who, Value v)
{
  if (v == DEFAULT_OBJECT)
    return roots.current_input;
  if (!port_is_input(v))
    error_wrong_type(who, "an input port", v);
  return v;
}

static Value output_port(const char *who, Value v)
{
  if (v == DEFAULT_OBJECT)
    return roots.current_output;
  if (!port_is_output(v))
    error_wrong_type(who, "an output port", v);
  return v;
}


/* Opening and closing */

static Value prim_open_input_file(Value *args)
{
  return port_open_file(check_string("open-input-file", args[0]), false);
}

static Value prim_open_output_file(Value *args)
{
  return port_open_file(check_string("open-output-file", args[0]), true);
}

static Value prim_open_input_string(Value *args)
{
  return port_open_string(check_string("open-input-string", args[0]));
}

static Value prim_open_output_string(Value *args)
{
  (void)args;
  return port_open_output_string();
}

static Value prim_get_output_string(Value *args)
{
  Value port = output_port("get-output-string", args[0]);

  if (!is_type(port->slot[PORT_TEXT], TYPE_STRING))
    error_wrong_type("get-output-string", "a string port", port);
  return port_text(port);
}

static Value prim_close_port(Value *args)
{
  port_close(check_type("close-port", args[0], TYPE_PORT, "a port"));
  return UNSPECIFIED;
}

static Value prim_is_port(Value *args)
{
  return boolean(is_type(args[0], TYPE_PORT));
}

static Value prim_is_input_port(Value *args)
{
  return boolean(port_is_input(args[0]));
}

static Value prim_is_output_port(Value *args)
{
  return boolean(port_is_output(args[0]));
}

static Value prim_current_input(Value *args)
{
  (void)args;
  return roots.current_input;
}

static Value prim_current_output(Value *args)
{
  (void)args;
  return roots.current_output;
}

static Value prim_set_current_output(Value *args)
{
  roots.current_output = output_port("current-output-port", args[0]);
  return UNSPECIFIED;
}

#define PATH_BYTES 4096

static Value prim_file_exists(Value *args)
{
  char path[PATH_BYTES];

  if (!port_path(check_string("file-exists?", args[0]), path, PATH_BYTES))
    return FALSE_VALUE;
  return boolean(access(path, F_OK) == 0);
}

static Value prim_delete_file(Value *args)
{
  char path[PATH_BYTES];

  if (!port_path(check_string("delete-file", args[0]), path, PATH_BYTES)
      || remove(path) != 0)
    error_raise(SYM_FILE_ERROR, "can't delete file", make_pair(args[0], NIL));
  return UNSPECIFIED;
}


/* Reading */

static Value from_code(int32_t code)
{
  return code < 0 ? EOF_OBJECT : character((uint32_t)code);
}

static Value prim_read(Value *args)
{
  return read_value(input_port("read", args[0]));
}

static Value prim_read_char(Value *args)
{
  return from_code(port_get(input_port("read-char", args[0])));
}

static Value prim_peek_char(Value *args)
{
  return from_code(port_peek(input_port("peek-char", args[0])));
}

static Value prim_read_line(Value *args)
{
  Value port = input_port("read-line", args[0]);
  int32_t code = port_get(port);
  Value text;

  if (code < 0)
    return EOF_OBJECT;
  text = port_open_output_string();
  for (; code >= 0 && code != '\n'; code = port_get(port))
    port_put(text, (uint32_t)code);
  return port_text(text);
}

/* (read-string count [port]) */
static Value prim_read_string(Value *args)
{
  Value port = input_port("read-string", args[1]);
  size_t count = check_index("read-string", args[0], SIZE_MAX);
  Value text = port_open_output_string();
  int32_t code = 0;

  while (count-- > 0 && (code = port_get(port)) >= 0)
    port_put(text, (uint32_t)code);
  return code < 0 && text->slot[PORT_POSITION] == fixnum(0) ? EOF_OBJECT
                                                            : port_text(text);
}

static Value prim_eof_object(Value *args)
{
  (void)args;
  return EOF_OBJECT;
}

static Value prim_is_eof_object(Value *args)
{
  return boolean(args[0] == EOF_OBJECT);
}

static Value prim_port_line(Value *args)
{
  return input_port("port-line", args[0])->slot[PORT_LINE];
}


/* Writing */

static Value prim_write(Value *args)
{
  print_value(output_port("write", args[1]), args[0], true);
  return UNSPECIFIED;
}

static Value prim_display(Value *args)
{
  print_value(output_port("display", args[1]), args[0], false);
  return UNSPECIFIED;
}

/* (write-string string [port [start [end]]]) */
static Value prim_write_string(Value *args)
{
  Value string = check_string("write-string", args[0]);
  Value port = output_port("write-string", args[1]);
  size_t start;
  size_t end;

  check_range("write-string", args + 2, as_string(string)->length, &start,
              &end);
  for (; start < end; ++start)
    port_put(port, as_string(string)->chars[start]);
  return UNSPECIFIED;
}

static Value prim_write_char(Value *args)
{
  port_put(output_port("write-char", args[1]),
           check_character("write-char", args[0]));
  return UNSPECIFIED;
}

static Value prim_newline(Value *args)
{
  port_put(output_port("newline", args[0]), '\n');
  return UNSPECIFIED;
}

static Value prim_flush(Value *args)
{
  port_flush(output_port("flush-output-port", args[0]));
  return UNSPECIFIED;
}

static const Primitive table[] = {
    {"open-input-file", 1, 1, prim_open_input_file, NULL},
    {"open-output-file", 1, 1, prim_open_output_file, NULL},
    {"open-input-string", 1, 1, prim_open_input_string, NULL},
    {"open-output-string", 0, 0, prim_open_output_string, NULL},
    {"get-output-string", 1, 1, prim_get_output_string, NULL},
    {"close-port", 1, 1, prim_close_port, NULL},
    {"close-input-port", 1, 1, prim_close_port, NULL},
    {"close-output-port", 1, 1, prim_close_port, NULL},
    {"port?", 1, 1, prim_is_port, NULL},
    {"input-port?", 1, 1, prim_is_input_port, NULL},
    {"output-port?", 1, 1, prim_is_output_port, NULL},
    {"current-input-port", 0, 0, prim_current_input, NULL},
    {"current-output-port", 0, 0, prim_current_output, NULL},
    {"%set-current-output-port!", 1, 1, prim_set_current_output, NULL},
    {"file-exists?", 1, 1, prim_file_exists, NULL},
    {"delete-file", 1, 1, prim_delete_file, NULL},
    {"read", 0, 1, prim_read, NULL},
    {"read-char", 0, 1, prim_read_char, NULL},
    {"peek-char", 0, 1, prim_peek_char, NULL},
    {"read-line", 0, 1, prim_read_line, NULL},
    {"read-string", 1, 2, prim_read_string, NULL},
    {"eof-object", 0, 0, prim_eof_object, NULL},
    {"eof-object?", 1, 1, prim_is_eof_object, NULL},
    {"port-line", 0, 1, prim_port_line, NULL},
    {"write", 1, 2, prim_write, NULL},
    {"display", 1, 2, prim_display, NULL},
    {"write-string", 1, 4, prim_write_string, NULL},
    {"write-char", 1, 2, prim_write_char, NULL},
    {"newline", 0, 1, prim_newline, NULL},
    {"flush-output-port", 0, 1, prim_flush, NULL},
};

void builtins_port(void)
{
  primitives_define(table, PRIMITIVE_COUNT(table));
}
