/* builtins_system.c -- primitives on errors and the process
 *
 * Design: .example.builtins (design/example.rst).
 */

#include <stdlib.h>
#include <time.h>

#include "scheme.h"

static Value prim_is_procedure(Value *args)
{
  return boolean(is_type(args[0], TYPE_CLOSURE)
                 || is_type(args[0], TYPE_PRIMITIVE));
}

static Value prim_is_boolean(Value *args)
{
  return boolean(args[0] == TRUE_VALUE || args[0] == FALSE_VALUE);
}

static Value prim_is_default(Value *args)
{
  return boolean(args[0] == DEFAULT_OBJECT);
}

static Value prim_void(Value *args, int count)
{
  (void)args;
  (void)count;
  return UNSPECIFIED;
}


/* Multiple values */

static Value prim_values(Value *args, int count)
{
  Value list = NIL;

  if (count == 1)
    return args[0];
  while (count-- > 0)
    list = make_pair(args[count], list);
  return make_object(TYPE_VALUES, 1, list);
}

/* The values that an expression gave, as a list. */
static Value prim_values_to_list(Value *args)
{
  if (is_type(args[0], TYPE_VALUES))
    return args[0]->slot[0];
  return make_pair(args[0], NIL);
}


/* Errors */

/* (%make-error kind message irritants) */
static Value prim_make_error(Value *args)
{
  return make_error(args[0], args[1], args[2]);
}

static Value prim_is_error(Value *args)
{
  return boolean(is_type(args[0], TYPE_ERROR));
}

static Value check_error(const char *who, Value v)
{
  return check_type(who, v, TYPE_ERROR, "an error object");
}

static Value prim_error_kind(Value *args)
{
  return check_error("error-kind", args[0])->slot[ERROR_KIND];
}

static Value prim_error_message(Value *args)
{
  return check_error("error-object-message", args[0])->slot[ERROR_MESSAGE];
}

static Value prim_error_irritants(Value *args)
{
  return check_error("error-object-irritants", args[0])->slot[ERROR_IRRITANTS];
}

/* What the error is about, as text.  Making it may fail for want of memory,
 * so the message has been printed before. */
static void print_irritants(Value list)
{
  char text[1024];
  Value port;

  if (list == NIL)
    return;
  port = port_open_output_string();
  for (; is_pair(list); list = cdr(list)) {
    port_put(port, ' ');
    print_value(port, car(list), true);
  }
  (void)string_to_utf8(port_text(port), text, sizeof text);
  fputs(text, stderr);
}

/* Ends the program with a message about an error that nothing handled. */
static Value prim_uncaught(Value *args)
{
  Value error = args[0];
  bool is_error = is_type(error, TYPE_ERROR)
                  && is_type(error->slot[ERROR_MESSAGE], TYPE_STRING);
  char text[256] = "uncaught object";
  char place[256] = "";

  port_flush(roots.current_output);
  if (is_error)
    (void)string_to_utf8(error->slot[ERROR_MESSAGE], text, sizeof text);
  if (is_type(roots.load_place, TYPE_STRING))
    (void)string_to_utf8(roots.load_place, place, sizeof place);
  fprintf(stderr, "%s%serror: %s", place, *place != '\0' ? ": " : "", text);
  roots.raise_hook = NIL;
  print_irritants(is_error ? error->slot[ERROR_IRRITANTS]
                           : make_pair(error, NIL));
  fputc('\n', stderr);
  vm_exit(EXIT_FAILURE);
}

/* (%set-load-place! string): what an error message starts with */
static Value prim_set_load_place(Value *args)
{
  Value old = roots.load_place;

  roots.load_place = args[0];
  return old;
}


/* The process */

static Value clock_seconds(clockid_t clock)
{
  struct timespec now;

  (void)clock_gettime(clock, &now);
  return make_flonum((double)now.tv_sec + (double)now.tv_nsec / 1e9);
}

/* Processor time in seconds */
static Value prim_runtime(Value *args)
{
  (void)args;
  return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

/* Seconds since some moment */
static Value prim_real_time(Value *args)
{
  (void)args;
  return clock_seconds(CLOCK_MONOTONIC);
}

static Value prim_command_line(Value *args)
{
  (void)args;
  return roots.command_line;
}

/* (exit [status]): #t is success, #f is failure */
static Value prim_exit(Value *args)
{
  if (args[0] == DEFAULT_OBJECT || args[0] == TRUE_VALUE)
    vm_exit(EXIT_SUCCESS);
  if (args[0] == FALSE_VALUE)
    vm_exit(EXIT_FAILURE);
  vm_exit((int)check_index("exit", args[0], 255));
}

static const Primitive table[] = {
    {"procedure?", 1, 1, prim_is_procedure, NULL},
    {"boolean?", 1, 1, prim_is_boolean, NULL},
    {"default-object?", 1, 1, prim_is_default, NULL},
    {"void", 0, MANY, NULL, prim_void},
    {"values", 0, MANY, NULL, prim_values},
    {"%values->list", 1, 1, prim_values_to_list, NULL},
    {"%make-error", 3, 3, prim_make_error, NULL},
    {"error-object?", 1, 1, prim_is_error, NULL},
    {"error-kind", 1, 1, prim_error_kind, NULL},
    {"error-object-message", 1, 1, prim_error_message, NULL},
    {"error-object-irritants", 1, 1, prim_error_irritants, NULL},
    {"%uncaught", 1, 1, prim_uncaught, NULL},
    {"%set-load-place!", 1, 1, prim_set_load_place, NULL},
    {"runtime", 0, 0, prim_runtime, NULL},
    {"real-time", 0, 0, prim_real_time, NULL},
    {"command-line", 0, 0, prim_command_line, NULL},
    {"exit", 0, 1, prim_exit, NULL},
};

void builtins_system(void)
{
  primitives_define(table, PRIMITIVE_COUNT(table));
}
