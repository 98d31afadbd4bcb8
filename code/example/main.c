/* main.c -- start, run, report
 *
 * Design: .example.options, .example.prelude (design/example.rst).
 */

#include <stdlib.h>
#include <unistd.h>

#include "scheme.h"

typedef struct Program {
  Options options;
  int argc;
  char **argv;
} Program;

/* Calls a procedure that the prelude defines. */
static Value call_global(const char *name, Value list)
{
  return vm_call(symbol_intern_c(name)->slot[SYMBOL_VALUE], list);
}

/* The prelude is in the program, unless the command line names another. */
static Value open_prelude(const char *given)
{
  if (given == NULL)
    return port_open_string(string_from_utf8(prelude_text, prelude_text_size));
  if (access(given, R_OK) != 0) {
    fprintf(stderr, "mostly-scheme: can't read %s\n", given);
    vm_exit(EXIT_FAILURE);
  }
  return port_open_file(string_from_c(given), false);
}

static void load_prelude(const char *given)
{
  Value port = open_prelude(given);

  for (;;) {
    Value form = read_value(port);

    if (form == EOF_OBJECT)
      break;
    (void)vm_call(compile_toplevel(form), NIL);
  }
  port_close(port);
}

static Value script_arguments(const Program *program)
{
  Value list = NIL;

  for (int i = program->argc - 1; i >= program->options.first_script; --i)
    list = make_pair(string_from_c(program->argv[i]), list);
  return list;
}

static void create(const Program *program)
{
  symbols_create();
  roots.out_of_memory = make_error(symbol_known(SYM_OUT_OF_MEMORY),
                                   string_from_c("out of memory"), NIL);
  ports_create();
  expand_create();
  vm_define_primitives();
  builtins_list();
  builtins_vector();
  builtins_number();
  builtins_text();
  builtins_table();
  builtins_port();
  builtins_memory();
  builtins_system();
  roots.command_line = script_arguments(program);
}

static int run(void *data)
{
  const Program *program = data;
  const Options *options = &program->options;

  create(program);
  load_prelude(options->prelude);
  report_start();
  if (options->expression != NULL)
    (void)call_global("%evaluate-text",
                      make_pair(string_from_c(options->expression), NIL));
  else if (options->first_script < program->argc)
    (void)call_global("load", make_pair(car(roots.command_line), NIL));
  else
    (void)call_global("%repl",
                      make_pair(boolean(isatty(STDIN_FILENO) != 0), NIL));
  return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
  Program program = {.argc = argc, .argv = argv};
  int status;

  if (!options_parse(&program.options, argc, argv)) {
    options_usage(stderr);
    return EXIT_FAILURE;
  }
  /* Everything that works on values is called from here, so this frame is
   * the cold end of what the collector must look at. */
  heap_create(&program.options, __builtin_frame_address(0));
  vm_create(program.options.stack_words, __builtin_frame_address(0));
  report_create(&program.options);
  status = vm_toplevel(run, &program);
  fflush(stdout);
  report_print();
  vm_destroy();
  heap_destroy();
  report_destroy();
  return status;
}
