/* lisp.c -- a small Lisp whose memory nobody describes
 *
 *   mostly-lisp [--heap KILOBYTES] [FILE...]
 *
 * Runs the files, or what comes from the standard input, in a heap of at
 * most that size, or 64 MB.  Exit code 1: there was an error.
 *
 * Its objects have no format: the block pool takes each word of an object,
 * of the C stack and of the table of symbols for a reference if it looks
 * like one.  So C code holds objects in plain variables and never says so.
 *
 * Design: .clients.lisp (design/clients.rst).
 */

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mps.h"
#include "mpsavm.h"
#include "mpscblk.h"

enum {
  BUCKETS = 256,
  TOKEN_MOST = 1000,
  START_MOST = 64 << 10, /* for the names that are there from the start */
  STACK_MOST = 4 << 20   /* bytes, of the 8 MB that there are */
};

typedef struct Object *Value; /* null is nil, which is false and () */

typedef enum Tag {
  PAIR,    /* first, second */
  LAMBDA,  /* parameters, body, environment */
  MACRO,   /* the same */
  SYMBOL,  /* its name (a string), global value, next of its bucket */
  STRING,  /* length, characters and a zero: a leaf */
  VECTOR,  /* length, elements */
  PORT,    /* a stream, finalized */
  BUILTIN, /* in static memory */
  NUMBER   /* in the value itself: 63 bits, and a low bit of 1 */
} Tag;

struct Object {
  Tag tag;
  unsigned op; /* of a built-in function */
  union {
    Value slot[3];
    FILE *stream;
    size_t length;
  };
};

#define FIRST(v) ((v)->slot[0])
#define SECOND(v) ((v)->slot[1])
#define THIRD(v) ((v)->slot[2])
#define AT(v) (&(v)->slot[1]) /* the elements of a vector */
#define TEXT(v) ((char *)AT(v))
#define PAIR_OF(v) want(PAIR, v, "not a pair")

/* Special forms, then functions */
#define ALL_OPS(DO) \
  DO(QUOTE, "quote"), DO(IF, "if"), DO(DEFINE, "define"), DO(SET, "set!"), \
      DO(LAMBDA_OF, "lambda"), DO(MACRO_OF, "macro"), DO(BEGIN, "begin"), \
      DO(ADD, "+"), DO(SUBTRACT, "-"), DO(MULTIPLY, "*"), DO(LESS, "<"), \
      DO(CONS, "cons"), DO(CAR, "car"), DO(CDR, "cdr"), \
      DO(SET_CDR, "set-cdr!"), DO(SAME, "eq?"), DO(APPLY, "apply"), \
      DO(VECTOR_OF, "vector"), DO(GET, "get"), DO(PUT, "put!"), \
      DO(JOIN, "join"), DO(ERROR, "error"), DO(OPEN, "open"), \
      DO(PRINT, "print"), DO(COLLECT, "collect"), DO(CLOSED, "closed")
#define AS_ENUM(op, name) op
#define AS_NAME(op, name) name

typedef enum Op {
  ALL_OPS(AS_ENUM),
  OPS
} Op;

static const char *const names[] = {ALL_OPS(AS_NAME)};
static struct Object ops[OPS];
static struct Object unbound; /* the value of a symbol that has none */
static Value symbols[BUCKETS], truth;
static size_t ports_closed;
static char *stack_cold;
static jmp_buf on_error;
static char error_text[TOKEN_MOST];
static Value error_value;

static Value eval(Value x, Value env);
static Value apply(Value f, Value args);
static Value read_form(FILE *in, int c);

_Noreturn static void fail(const char *what, Value about)
{
  snprintf(error_text, sizeof error_text, "%s", what);
  error_value = about;
  longjmp(on_error, 1);
}

static bool is(Value v, Tag tag)
{
  return (uintptr_t)v & 1 ? tag == NUMBER : v != NULL && v->tag == tag;
}

static Value want(Tag tag, Value v, const char *what)
{
  if (!is(v, tag))
    fail(what, v);
  return v;
}

static Value number(int64_t n)
{
  return (Value)((uintptr_t)n << 1 | 1);
}

static int64_t integer(Value v)
{
  return (int64_t)want(NUMBER, v, "not a number") >> 1;
}

/* C recursion is limited; nothing else is deep. */
static void check_depth(void)
{
  char here;

  if (stack_cold - &here > STACK_MOST)
    fail("nested too deeply", NULL);
}

/* Memory */

static mps_arena_t arena;
static mps_pool_t pool;
static mps_thr_t thread;
static mps_root_t stack_root, symbol_root;

static void check(mps_res_t res)
{
  if (res == MPS_RES_OK)
    return;
  fprintf(stderr, "mostly-lisp: no memory to begin with\n");
  exit(2);
}

static void close_port(mps_addr_t object, void *closure)
{
  ports_closed += fclose(((Value)object)->stream) == 0;
}

static Value collect(void)
{
  size_t freed = 0;

  mps_blk_collect(&freed, pool);
  return number((int64_t)freed);
}

static Value make(Tag tag, size_t size, unsigned flags)
{
  mps_addr_t p;
  Value v;

  size += offsetof(struct Object, slot);
  if (mps_blk_alloc(&p, pool, size, flags) != MPS_RES_OK)
    fail("out of memory", NULL);
  v = p;
  v->tag = tag;
  return v;
}

static Value make_three(Tag tag, Value first, Value second, Value third)
{
  Value v = make(tag, sizeof v->slot, 0);

  FIRST(v) = first;
  SECOND(v) = second;
  THIRD(v) = third;
  return v;
}

static Value cons(Value first, Value second)
{
  return make_three(PAIR, first, second, NULL);
}

static Value make_string(const char *one, const char *other)
{
  size_t first = strlen(one), length = first + strlen(other);
  Value v = make(STRING, sizeof v->length + length + 1, MPS_BLK_LEAF);

  v->length = length;
  memcpy(TEXT(v), one, first);
  memcpy(TEXT(v) + first, other, length - first + 1);
  return v;
}

static Value make_vector(int64_t length)
{
  Value v;

  if (length < 0 || length > INT32_MAX)
    fail("not a length", number(length));
  v = make(VECTOR, sizeof v->length + (size_t)length * sizeof v, 0);
  memset(AT(v), 0, (size_t)length * sizeof v);
  v->length = (size_t)length;
  return v;
}

static Value make_port(const char *name)
{
  FILE *stream = fopen(name, "a");
  Value v;

  if (stream == NULL && errno == EMFILE) {
    collect(); /* closes those that nobody has any more */
    stream = fopen(name, "a");
  }
  if (stream == NULL)
    fail("it can't be opened", NULL);
  v = make(PORT, sizeof v->stream, MPS_BLK_FINAL);
  v->stream = stream;
  return v;
}

static Value symbol(const char *name)
{
  size_t hash = 0;
  Value v;

  for (const char *c = name; *c != '\0'; ++c)
    hash = (hash * 31 + (unsigned char)*c) % BUCKETS;
  for (v = symbols[hash]; v != NULL; v = THIRD(v))
    if (strcmp(TEXT(FIRST(v)), name) == 0)
      return v;
  v = make_string(name, "");
  return symbols[hash] = make_three(SYMBOL, v, &unbound, symbols[hash]);
}

/* Reading and printing */

/* The next character that counts; a comment goes up to the line's end. */
static int next(FILE *in)
{
  int c = getc(in);

  while (c == ';' || isspace(c)) {
    if (c == ';')
      while (c != '\n' && c != EOF)
        c = getc(in);
    c = getc(in);
  }
  return c;
}

static Value read_list(FILE *in)
{
  Value all = cons(NULL, NULL), last = all, v;
  int c;

  while ((c = next(in)) != ')') {
    v = read_form(in, c);
    if (v == symbol("."))
      SECOND(last) = read_form(in, next(in));
    else
      last = SECOND(last) = cons(v, NULL);
  }
  return SECOND(all);
}

/* Up to the end of a string, or of a symbol or number */
static Value read_token(FILE *in, int c)
{
  const char *ends = c == '"' ? "\"" : "()'\"; \t\n";
  char text[TOKEN_MOST], *end;
  size_t n = 0;
  long long value;

  if (c != '"')
    ungetc(c, in);
  while ((c = getc(in)) != EOF && strchr(ends, c) == NULL)
    if (n < TOKEN_MOST - 1)
      text[n++] = (char)c;
  text[n] = '\0';
  if (ends[1] == '\0')
    return make_string(text, "");
  ungetc(c, in);
  value = strtoll(text, &end, 10);
  if (*end == '\0')
    return number(value);
  return strcmp(text, "nil") == 0 ? NULL : symbol(text);
}

static Value read_form(FILE *in, int c)
{
  check_depth();
  if (c == EOF)
    fail("a ) is missing", NULL);
  if (c == ')')
    fail("a ) too many", NULL);
  if (c == '(')
    return read_list(in);
  if (c == '\'')
    return cons(symbol("quote"), cons(read_form(in, next(in)), NULL));
  return read_token(in, c);
}

static void print(FILE *out, Value v)
{
  char before = '(';

  check_depth();
  if (v == NULL)
    fputs("()", out);
  else if (is(v, NUMBER))
    fprintf(out, "%lld", (long long)integer(v));
  else if (is(v, SYMBOL) || is(v, STRING))
    fputs(TEXT(is(v, SYMBOL) ? FIRST(v) : v), out);
  else if (!is(v, PAIR))
    fputs(is(v, VECTOR) ? "#<vector>" : "#<function>", out);
  else {
    for (; is(v, PAIR); v = SECOND(v), before = ' ') {
      putc(before, out);
      print(out, FIRST(v));
    }
    if (v != NULL) {
      fputs(" . ", out);
      print(out, v);
    }
    putc(')', out);
  }
}

static Value print_line(Value v, Value port)
{
  FILE *out = port ? want(PORT, port, "not a port")->stream : stdout;

  print(out, v);
  putc('\n', out);
  return v;
}

static Value *element(Value v, Value index)
{
  want(VECTOR, v, "not a vector");
  if ((uint64_t)integer(index) >= v->length)
    fail("no such element", index);
  return &AT(v)[integer(index)];
}

static const char *text_of(Value v)
{
  return TEXT(is(v, SYMBOL) ? FIRST(v) : want(STRING, v, "not a string"));
}

/* Arguments that aren't given are nil, and those too many are ignored. */
static Value call(Op op, Value args)
{
  Value arg[3] = {NULL, NULL, NULL}, one, two;

  for (size_t n = 0; n < 3 && is(args, PAIR); args = SECOND(args))
    arg[n++] = FIRST(args);
  one = arg[0];
  two = arg[1];
  switch (op) {
  case ADD:
    return number(integer(one) + integer(two));
  case SUBTRACT:
    return number(integer(one) - integer(two));
  case MULTIPLY:
    return number((int64_t)((uint64_t)integer(one) * (uint64_t)integer(two)));
  case LESS:
    return integer(one) < integer(two) ? truth : NULL;
  case CONS:
    return cons(one, two);
  case CAR:
    return one == NULL ? NULL : FIRST(PAIR_OF(one));
  case CDR:
    return one == NULL ? NULL : SECOND(PAIR_OF(one));
  case SET_CDR:
    return SECOND(PAIR_OF(one)) = two;
  case SAME:
    return one == two ? truth : NULL;
  case APPLY:
    return apply(one, two);
  case VECTOR_OF:
    return make_vector(integer(one));
  case GET:
    return *element(one, two);
  case PUT:
    return *element(one, two) = arg[2];
  case JOIN:
    return make_string(text_of(one), text_of(two));
  case ERROR:
    fail(text_of(one), two);
  case OPEN:
    return make_port(text_of(one));
  case PRINT:
    return print_line(one, two);
  case COLLECT:
    return collect();
  default:
    return number((int64_t)ports_closed);
  }
}

/* Evaluation.  An environment is a list of pairs of a symbol and its value;
 * what isn't in it is global. */

static Value *place(Value name, Value env)
{
  want(SYMBOL, name, "not a name");
  for (; env != NULL; env = SECOND(env))
    if (FIRST(FIRST(env)) == name)
      return &SECOND(FIRST(env));
  return &SECOND(name);
}

/* Parameters may end in a name for the list of all other arguments. */
static Value bind(Value parameters, Value args, Value env)
{
  Value p;

  for (p = parameters; is(p, PAIR); p = SECOND(p), args = SECOND(args)) {
    if (!is(args, PAIR))
      fail("too few arguments for", parameters);
    env = cons(cons(FIRST(p), FIRST(args)), env);
  }
  if (p == NULL && args != NULL)
    fail("too many arguments for", parameters);
  return p != NULL ? cons(cons(p, args), env) : env;
}

/* Evaluate all but the last, which is the caller's to go on with. */
static Value eval_body(Value body, Value env)
{
  for (; is(body, PAIR) && is(SECOND(body), PAIR); body = SECOND(body))
    eval(FIRST(body), env);
  return is(body, PAIR) ? FIRST(body) : NULL;
}

static Value apply(Value f, Value args)
{
  Value env;

  if (is(f, BUILTIN) && f->op > BEGIN)
    return call(f->op, args);
  if (!is(f, LAMBDA) && !is(f, MACRO))
    fail("not a function", f);
  env = bind(FIRST(f), args, THIRD(f));
  return eval(eval_body(SECOND(f), env), env);
}

static Value eval_args(Value args, Value env)
{
  Value all = cons(NULL, NULL), last = all;

  for (; is(args, PAIR); args = SECOND(args))
    last = SECOND(last) = cons(eval(FIRST(args), env), NULL);
  return SECOND(all);
}

/* The form that is left to evaluate, or null and the value */
static Value eval_form(Op op, Value x, Value env, Value *v_o)
{
  Value rest = PAIR_OF(SECOND(x)), first = FIRST(rest);

  rest = SECOND(rest);
  switch (op) {
  case QUOTE:
    *v_o = first;
    return NULL;
  case DEFINE:
  case SET:
    *v_o = eval(FIRST(PAIR_OF(rest)), env);
    *place(first, op == SET ? env : NULL) = *v_o;
    return NULL;
  case LAMBDA_OF:
  case MACRO_OF:
    *v_o = make_three(op == MACRO_OF ? MACRO : LAMBDA, first, rest, env);
    return NULL;
  case IF:
    *v_o = NULL;
    return eval(first, env) != NULL ? FIRST(PAIR_OF(rest))
                                    : eval_body(SECOND(PAIR_OF(rest)), env);
  default:
    *v_o = NULL;
    return eval_body(SECOND(x), env);
  }
}

static Value eval(Value x, Value env)
{
  Value f, v;

  while (is(x, PAIR)) {
    check_depth();
    f = eval(FIRST(x), env);
    if (is(f, BUILTIN) && f->op <= BEGIN) {
      x = eval_form(f->op, x, env, &v);
      if (x == NULL)
        return v;
    } else if (is(f, MACRO)) {
      v = apply(f, SECOND(x));
      if (is(v, PAIR)) { /* it takes the place of the form, for next time */
        FIRST(x) = FIRST(v);
        SECOND(x) = SECOND(v);
      }
      x = v;
    } else if (is(f, LAMBDA)) {
      env = bind(FIRST(f), eval_args(SECOND(x), env), THIRD(f));
      x = eval_body(SECOND(f), env);
    } else
      return apply(f, eval_args(SECOND(x), env));
  }
  v = is(x, SYMBOL) ? *place(x, env) : x;
  if (v == &unbound)
    fail("no such name", x);
  return v;
}

static void start(size_t limit, void *cold)
{
  stack_cold = cold;
  check(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none));
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_MAX_SIZE, limit + START_MOST);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, limit / 8);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL, (mps_fun_t)close_port);
    check(mps_pool_create_k(&pool, arena, mps_class_blk(), args));
  }
  MPS_ARGS_END(args);
  check(mps_thread_reg(&thread, arena));
  check(mps_root_create_thread(&stack_root, arena, thread, cold));
  check(mps_root_create_area(&symbol_root, arena, mps_rank_ambig(), 0, symbols,
                             symbols + BUCKETS, mps_scan_area, NULL));
  truth = symbol("t");
  SECOND(truth) = truth;
  for (unsigned op = 0; op < OPS; ++op) {
    ops[op] = (struct Object){.tag = BUILTIN, .op = op};
    SECOND(symbol(names[op])) = &ops[op];
  }
}

/* After an error the next form is read.  Not part of main's frame, which is
 * not all a root. */
static __attribute__((noinline)) int run(FILE *in)
{
  volatile int code = 0;
  mps_addr_t volatile spare = NULL; /* what to go on with after an error */
  mps_addr_t p;
  int c;

  if (in == NULL)
    return 2;
  if (setjmp(on_error) != 0) {
    code = 1;
    fflush(stdout);
    fprintf(stderr, "error: %s: ", error_text);
    print(stderr, error_value);
    putc('\n', stderr);
    mps_blk_free(pool, spare);
    spare = NULL;
  }
  while ((c = next(in)) != EOF) {
    eval(read_form(in, c), NULL);
    if (spare == NULL
        && mps_blk_alloc(&p, pool, 4000, MPS_BLK_LEAF) == MPS_RES_OK)
      spare = p;
  }
  return code;
}

int main(int argc, char **argv)
{
  bool is_given = argc > 2 && strcmp(argv[1], "--heap") == 0;
  char **file = argv + (is_given ? 3 : 1);
  void *cold = &cold;
  int code = 0;

  start(is_given ? strtoul(argv[2], NULL, 10) << 10 : 64 << 20, cold);
  if (*file == NULL)
    code = run(stdin);
  for (; *file != NULL; ++file)
    code |= run(fopen(*file, "r"));
  mps_blk_final_all(pool); /* closes the ports that are left */
  mps_root_destroy(symbol_root);
  mps_root_destroy(stack_root);
  mps_thread_dereg(thread);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
  return code;
}
