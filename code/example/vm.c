/* vm.c -- the virtual machine
 *
 * Its stack is an exact root: everything that a Scheme program holds on to
 * is seen exactly, and may move.  The machine's registers are C locals, so
 * they are seen as ambiguous references and what they point to, code being
 * run above all, stays in its place meanwhile (.example.vm.roots).
 *
 * A frame is [closure, instruction, frame of the caller] [arguments]
 * [variables and values].  Tail calls replace the arguments; deep recursion
 * uses this stack and never the C stack (.example.vm.tail).
 *
 * C code calls back through vm_call, which starts another run of the
 * machine on the same stack.  Errors and escapes end runs by longjmp.
 *
 * Design: .example.vm (design/example.rst).
 */

#include <setjmp.h>
#include <stdlib.h>

#include "program.h"

/* Below the stack's end: what the handlers of a stack overflow may use. */
#define STACK_SLACK ((ptrdiff_t)1 << 13)

typedef struct Run {
  jmp_buf jump;
  struct Run *outer;
  intptr_t number; /* no two runs have the same */
  Value *base;     /* the stack below belongs to outer runs */
  Value escapes;   /* roots.escapes at the start */
} Run;

typedef enum Jump {
  JUMP_START,
  JUMP_RAISE,
  JUMP_THROW
} Jump;

typedef struct Machine {
  Value *base;
  Value *limit; /* frames must end below it */
  Value *soft_limit;
  Value *hard_limit;
  Value *sp; /* the end of what is on the stack, for the scanner */
  Run *run;
  intptr_t run_count;
  int count; /* of the arguments for vm_tail_apply */
  mps_root_t root;
  void *cold;
  jmp_buf *toplevel;
  int status;
} Machine;

/* The registers, while instructions are run. */
typedef struct Registers {
  Value *sp;
  Value *fp; /* the first argument */
  const int32_t *pc;
  Value closure;
  const Value *constants;
} Registers;

static Machine vm;

/* The first word of the stack is a closure whose code ends a run. */
static Value vm_halt(void)
{
  return vm.base[0];
}


/* The stack as a root */

static mps_res_t vm_scan_stack(mps_ss_t ss, void *p, size_t s)
{
  mps_scan_tag_s tag = {REFERENCE_MASK, 0};

  (void)p;
  (void)s;
  return mps_scan_area_tagged(ss, vm.base, vm.sp, &tag);
}

static Value vm_make_halt(void)
{
  Value code = make_object(TYPE_CODE, CODE_SLOTS, fixnum(0));
  Value bytes = make_bytes(sizeof(int32_t), 0);
  Value constants = make_vector(0, NIL);

  *(int32_t *)(void *)as_bytes(bytes)->data = OP_HALT;
  code->slot[CODE_INSTRUCTIONS] = bytes;
  code->slot[CODE_CONSTANTS] = constants;
  return make_closure(code, 0, NULL);
}

void vm_create(size_t stack_words, void *cold)
{
  mps_res_t res;

  vm.base = malloc((stack_words + 2 * (size_t)STACK_SLACK) * sizeof(Value));
  if (vm.base == NULL) {
    fputs("mostly-scheme: can't make the stack\n", stderr);
    exit(EXIT_FAILURE);
  }
  vm.soft_limit = vm.base + stack_words;
  vm.hard_limit = vm.soft_limit + STACK_SLACK;
  vm.limit = vm.soft_limit;
  vm.sp = vm.base;
  vm.cold = cold;
  res = mps_root_create(&vm.root, heap_arena(), mps_rank_exact(), 0,
                        vm_scan_stack, NULL, 0);
  if (res != MPS_RES_OK) {
    fputs("mostly-scheme: can't register the stack\n", stderr);
    exit(EXIT_FAILURE);
  }
  *vm.sp++ = vm_make_halt();
}

void vm_destroy(void)
{
  mps_root_destroy(vm.root);
  free(vm.base);
}

void *vm_cold_end(void)
{
  return vm.cold;
}


/* Leaving by a jump */

_Noreturn void vm_exit(int status)
{
  vm.status = status;
  longjmp(*vm.toplevel, 1);
}

/* Ends the program where Scheme can't handle an error: before the prelude is
 * loaded, and when reporting one fails.  Makes no objects. */
static _Noreturn void vm_die(Value error)
{
  char text[256] = "unknown";

  if (is_type(error, TYPE_ERROR))
    (void)string_to_utf8(error->slot[ERROR_MESSAGE], text, sizeof text);
  fprintf(stderr, "mostly-scheme: error: %s\n", text);
  vm_exit(EXIT_FAILURE);
}

_Noreturn void vm_raise(Value error)
{
  if (vm.run == NULL || roots.raise_hook == NIL)
    vm_die(error);
  roots.pending = error;
  longjmp(vm.run->jump, JUMP_RAISE);
}

int vm_toplevel(int (*body)(void *data), void *data)
{
  jmp_buf jump;

  vm.toplevel = &jump;
  vm.run = NULL;
  vm.sp = vm.base + 1;
  vm.limit = vm.soft_limit;
  roots.escapes = NIL;
  if (setjmp(jump) == 0)
    vm.status = body(data);
  vm.toplevel = NULL;
  return vm.status;
}


/* Frames */

static inline void vm_load_code(Registers *r, Value closure, intptr_t at)
{
  Value code = closure->slot[CLOSURE_CODE];

  r->closure = closure;
  r->pc
      = (int32_t *)(void *)as_bytes(code->slot[CODE_INSTRUCTIONS])->data + at;
  r->constants = vector_item(code->slot[CODE_CONSTANTS], 0);
}

/* Drops the frame of r->fp and gives its caller the value. */
static inline void vm_return(Registers *r, Value value)
{
  Value *header = r->fp - FRAME_HEADER;

  r->sp = header;
  r->fp = vm.base + fixnum_value(header[2]);
  vm_load_code(r, header[0], fixnum_value(header[1]));
  *r->sp++ = value;
}

static _Noreturn void vm_overflow(void)
{
  if (vm.limit == vm.hard_limit) {
    fputs("mostly-scheme: stack overflow while handling one\n", stderr);
    vm_exit(EXIT_FAILURE);
  }
  vm.limit = vm.hard_limit;
  error_plain("call", "stack overflow: recursion is too deep");
}

static _Noreturn void vm_bad_count(Value procedure, int count)
{
  error_raise(SYM_ERROR, "call: wrong number of arguments",
              list_2(procedure, fixnum(count)));
}

/* Makes a list of the arguments after the first required ones. */
static void vm_collect_rest(Registers *r, Value closure, int count)
{
  Value code = closure->slot[CLOSURE_CODE];
  intptr_t required = fixnum_value(code->slot[CODE_REQUIRED]);
  Value list = NIL;

  vm.sp = r->sp;
  if (count < required || code->slot[CODE_REST] == FALSE_VALUE)
    vm_bad_count(closure, count);
  for (; count > required; --count) {
    list = make_pair(r->sp[-1], list);
    vm.sp = --r->sp;
  }
  *r->sp++ = list;
}

/* Enters a closure whose arguments are on the stack. */
static inline void vm_enter(Registers *r, Value closure, int count)
{
  Value code = closure->slot[CLOSURE_CODE];

  r->fp = r->sp - count;
  if (r->fp + fixnum_value(code->slot[CODE_DEPTH]) >= vm.limit) {
    vm.sp = r->sp;
    vm_overflow();
  }
  vm_load_code(r, closure, 0);
}

static inline bool vm_takes(Value closure, int count)
{
  Value code = closure->slot[CLOSURE_CODE];

  return code->slot[CODE_REQUIRED] == fixnum(count)
         && code->slot[CODE_REST] == FALSE_VALUE;
}

/* Arguments that were left out are filled in. */
static Value vm_call_primitive(Registers *r, Value procedure, int count)
{
  const Primitive *entry = primitive_entry(procedure);
  Value *args = r->sp - count;

  vm.sp = r->sp;
  if (count < entry->least || (entry->fixed != NULL && count > entry->most))
    vm_bad_count(procedure, count);
  if (entry->fixed == NULL)
    return entry->variadic(args, count);
  for (; count < entry->most; ++count)
    *vm.sp++ = DEFAULT_OBJECT;
  return entry->fixed(args);
}

/* Calls anything.  The registers come and go by value, so that the caller's
 * own have no address and can be kept in the processor's registers. */
static Registers vm_apply(Registers r, Value procedure, int count)
{
  for (;;) {
    Value value;

    if (is_type(procedure, TYPE_CLOSURE)) {
      if (!vm_takes(procedure, count)) {
        Value *frame = r.sp - count;

        vm_collect_rest(&r, procedure, count);
        count = (int)(r.sp - frame);
      }
      vm_enter(&r, procedure, count);
      return r;
    }
    if (!is_type(procedure, TYPE_PRIMITIVE)) {
      vm.sp = r.sp;
      error_raise(SYM_ERROR, "call: not a procedure",
                  make_pair(procedure, NIL));
    }
    value = vm_call_primitive(&r, procedure, count);
    if (value != CONTROL_MARK) {
      r.fp = r.sp - count;
      vm_return(&r, value);
      return r;
    }
    r.sp = vm.sp;
    procedure = roots.procedure;
    count = vm.count;
  }
}

Value vm_tail_apply(Value *args, Value procedure, Value list)
{
  int count = 0;

  for (; is_pair(list); list = cdr(list), ++count) {
    if (args + count + FRAME_HEADER >= vm.limit)
      vm_overflow();
    args[count] = car(list);
  }
  vm.sp = args + count;
  vm.count = count;
  roots.procedure = procedure;
  return CONTROL_MARK;
}


/* Instructions
 *
 * Each finds its operands at pc.  One that may allocate or raise an error
 * first stores sp where the scanner looks for it. */

static inline void op_constant(Registers *r)
{
  *r->sp++ = r->constants[*r->pc++];
}

static inline void op_local(Registers *r)
{
  *r->sp++ = r->fp[*r->pc++];
}

static _Noreturn void vm_too_early(Registers r)
{
  vm.sp = r.sp;
  error_plain("letrec", "a variable is used before it has a value");
}

static inline void vm_push_box(Registers *r, Value box)
{
  Value value = box->slot[BOX_VALUE];

  if (value == UNDEFINED)
    vm_too_early(*r);
  *r->sp++ = value;
}

static inline void op_local_box(Registers *r)
{
  vm_push_box(r, r->fp[*r->pc++]);
}

static inline void op_free(Registers *r)
{
  *r->sp++ = r->closure->slot[CLOSURE_CAPTURED + *r->pc++];
}

static inline void op_free_box(Registers *r)
{
  vm_push_box(r, r->closure->slot[CLOSURE_CAPTURED + *r->pc++]);
}

static _Noreturn void vm_unbound(Registers r, Value symbol)
{
  vm.sp = r.sp;
  error_raise(SYM_ERROR, "unbound variable", make_pair(symbol, NIL));
}

static inline void op_global(Registers *r)
{
  Value symbol = r->constants[*r->pc++];
  Value value = symbol->slot[SYMBOL_VALUE];

  if (value == UNDEFINED)
    vm_unbound(*r, symbol);
  *r->sp++ = value;
}

static inline void op_set_local(Registers *r)
{
  r->fp[*r->pc++] = *--r->sp;
}

static inline void op_set_local_box(Registers *r)
{
  r->fp[*r->pc++]->slot[BOX_VALUE] = *--r->sp;
}

static inline void op_set_free_box(Registers *r)
{
  r->closure->slot[CLOSURE_CAPTURED + *r->pc++]->slot[BOX_VALUE] = *--r->sp;
}

static inline void op_set_global(Registers *r)
{
  Value symbol = r->constants[*r->pc++];

  if (symbol->slot[SYMBOL_VALUE] == UNDEFINED)
    vm_unbound(*r, symbol);
  symbol->slot[SYMBOL_VALUE] = *--r->sp;
}

/* A procedure that has no name yet gets none: names are given when it is
 * compiled, from the text. */
static inline void op_define(Registers *r)
{
  r->constants[*r->pc++]->slot[SYMBOL_VALUE] = *--r->sp;
}

static inline void op_box(Registers *r)
{
  Value *place = &r->fp[*r->pc++];

  vm.sp = r->sp;
  *place = make_box(*place);
}

static inline void op_pop(Registers *r)
{
  --r->sp;
}

static inline void op_slide(Registers *r)
{
  Value top = r->sp[-1];

  r->sp -= *r->pc++;
  r->sp[-1] = top;
}

static inline void op_jump(Registers *r)
{
  r->pc += *r->pc;
}

static inline void op_jump_false(Registers *r)
{
  if (*--r->sp == FALSE_VALUE)
    r->pc += *r->pc;
  else
    ++r->pc;
}

static inline void op_jump_keep(Registers *r)
{
  if (r->sp[-1] != FALSE_VALUE) {
    r->pc += *r->pc;
  } else {
    --r->sp;
    ++r->pc;
  }
}

static inline void op_frame(Registers *r)
{
  r->sp[0] = r->closure;
  r->sp[1] = fixnum(*r->pc++);
  r->sp[2] = fixnum(r->fp - vm.base);
  r->sp += FRAME_HEADER;
}

static inline void op_call(Registers *r)
{
  int count = (int)*r->pc++;
  Value procedure = *--r->sp;

  if (is_type(procedure, TYPE_CLOSURE) && vm_takes(procedure, count))
    vm_enter(r, procedure, count);
  else
    *r = vm_apply(*r, procedure, count);
}

static inline void op_tail_call(Registers *r)
{
  int count = (int)*r->pc++;
  Value procedure = *--r->sp;
  Value *from = r->sp - count;

  for (int i = 0; i < count; ++i)
    r->fp[i] = from[i];
  r->sp = r->fp + count;
  if (is_type(procedure, TYPE_CLOSURE) && vm_takes(procedure, count))
    vm_enter(r, procedure, count);
  else
    *r = vm_apply(*r, procedure, count);
}

static inline void op_return(Registers *r)
{
  vm_return(r, r->sp[-1]);
}

static inline void op_closure(Registers *r)
{
  Value code = r->constants[r->pc[0]];
  int32_t count = r->pc[1];
  Value closure;

  r->pc += 2;
  vm.sp = r->sp;
  closure = make_closure(code, (size_t)count, r->sp - count);
  r->sp -= count;
  *r->sp++ = closure;
}

static inline void op_patch(Registers *r)
{
  Value closure = r->fp[r->pc[0]];

  closure->slot[CLOSURE_CAPTURED + r->pc[1]] = r->fp[r->pc[2]];
  r->pc += 3;
}


/* Primitives that are compiled in */

static inline void op_car(Registers *r)
{
  if (!is_pair(r->sp[-1])) {
    vm.sp = r->sp;
    (void)check_pair("car", r->sp[-1]);
  }
  r->sp[-1] = car(r->sp[-1]);
}

static inline void op_cdr(Registers *r)
{
  if (!is_pair(r->sp[-1])) {
    vm.sp = r->sp;
    (void)check_pair("cdr", r->sp[-1]);
  }
  r->sp[-1] = cdr(r->sp[-1]);
}

static inline void op_cons(Registers *r)
{
  Value pair;

  vm.sp = r->sp;
  pair = make_pair(r->sp[-2], r->sp[-1]);
  --r->sp;
  r->sp[-1] = pair;
}

static inline void op_not(Registers *r)
{
  r->sp[-1] = boolean(r->sp[-1] == FALSE_VALUE);
}

static inline void op_is_null(Registers *r)
{
  r->sp[-1] = boolean(r->sp[-1] == NIL);
}

static inline void op_is_pair(Registers *r)
{
  r->sp[-1] = boolean(is_pair(r->sp[-1]));
}

static inline void op_is_eq(Registers *r)
{
  --r->sp;
  r->sp[-1] = boolean(r->sp[-1] == r->sp[0]);
}

static inline bool vm_two_fixnums(const Registers *r)
{
  return (value_word(r->sp[-1]) & value_word(r->sp[-2]) & 1) != 0;
}

/* A sum of tagged words overflows exactly when the fixnums' sum isn't one:
 * take the tag off one of them, and it comes out right. */
static inline void op_add(Registers *r)
{
  intptr_t sum;

  if (vm_two_fixnums(r)
      && !__builtin_add_overflow((intptr_t)r->sp[-2], (intptr_t)r->sp[-1] - 1,
                                 &sum)) {
    r->sp[-2] = (Value)sum;
  } else {
    vm.sp = r->sp;
    r->sp[-2] = number_add(r->sp[-2], r->sp[-1]);
  }
  --r->sp;
}

static inline void op_subtract(Registers *r)
{
  intptr_t difference;

  if (vm_two_fixnums(r)
      && !__builtin_sub_overflow((intptr_t)r->sp[-2], (intptr_t)r->sp[-1] - 1,
                                 &difference)) {
    r->sp[-2] = (Value)difference;
  } else {
    vm.sp = r->sp;
    r->sp[-2] = number_sub(r->sp[-2], r->sp[-1]);
  }
  --r->sp;
}

static inline void op_multiply(Registers *r)
{
  vm.sp = r->sp;
  r->sp[-2] = number_mul(r->sp[-2], r->sp[-1]);
  --r->sp;
}

/* Compares the two on top.  2 stands for unordered, and is neither. */
static inline int vm_compare(Registers *r, const char *who)
{
  if (vm_two_fixnums(r))
    return ((intptr_t)r->sp[-2] > (intptr_t)r->sp[-1])
           - ((intptr_t)r->sp[-2] < (intptr_t)r->sp[-1]);
  vm.sp = r->sp;
  return number_compare(who, r->sp[-2], r->sp[-1]);
}

static inline void vm_replace_two(Registers *r, bool answer)
{
  --r->sp;
  r->sp[-1] = boolean(answer);
}

static inline void op_equal(Registers *r)
{
  vm_replace_two(r, vm_compare(r, "=") == 0);
}

static inline void op_less(Registers *r)
{
  vm_replace_two(r, vm_compare(r, "<") == -1);
}

static inline void op_greater(Registers *r)
{
  vm_replace_two(r, vm_compare(r, ">") == 1);
}

static inline void op_less_equal(Registers *r)
{
  vm_replace_two(r, vm_compare(r, "<=") <= 0);
}

static inline void op_greater_equal(Registers *r)
{
  int order = vm_compare(r, ">=");

  vm_replace_two(r, order == 0 || order == 1);
}

/* Raises an error unless vector and index are right. */
static void vm_check_item(Registers r, const char *who, Value vector,
                          Value index)
{
  vm.sp = r.sp;
  (void)check_type(who, vector, TYPE_VECTOR, "a vector");
  if (check_index(who, index, vector_length(vector)) == vector_length(vector))
    error_wrong_type(who, "an index in range", index);
}

static inline Value *vm_item(Registers *r, const char *who, Value vector,
                             Value index)
{
  if (!is_type(vector, TYPE_VECTOR) || !is_fixnum(index)
      || (uintptr_t)fixnum_value(index) >= vector_length(vector))
    vm_check_item(*r, who, vector, index);
  return vector_item(vector, (size_t)fixnum_value(index));
}

static inline void op_vector_ref(Registers *r)
{
  r->sp[-2] = *vm_item(r, "vector-ref", r->sp[-2], r->sp[-1]);
  --r->sp;
}

static inline void op_vector_set(Registers *r)
{
  *vm_item(r, "vector-set!", r->sp[-3], r->sp[-2]) = r->sp[-1];
  r->sp -= 2;
  r->sp[-1] = UNSPECIFIED;
}


/* Runs */

#define VM_CASE(name, function) \
  case OP_##name: \
    op_##function(&r); \
    break;

/* Runs instructions until the run's first frame returns. */
static Value vm_loop(Registers r)
{
  for (;;) {
    switch ((Operation)*r.pc++) {
      OPERATIONS(VM_CASE)
    case OP_HALT:
      vm.sp = r.sp - 1;
      return r.sp[-1];
    }
  }
}

#undef VM_CASE

/* Calls a procedure with one argument, or with the vm.count arguments that
 * are on the stack; the frame header below them ends the run. */
static Value vm_start(Value procedure, int count)
{
  Registers r = {vm.sp, vm.sp, NULL, vm_halt(), NULL};

  return vm_loop(vm_apply(r, procedure, count));
}

static void vm_push_header(void)
{
  vm.sp[0] = vm_halt();
  vm.sp[1] = fixnum(0);
  vm.sp[2] = fixnum(0);
  vm.sp += FRAME_HEADER;
}

/* The error's handler is called from where the error was raised. */
static Value vm_start_raise(void)
{
  vm_push_header();
  *vm.sp++ = roots.pending;
  roots.pending = NIL;
  return vm_start(roots.raise_hook, 1);
}

/* Continuations.  An escape refers to a place on the stack, and is good
 * while the call that made it hasn't returned; a full continuation also has
 * a copy of the stack, and is good while its run lasts. */

enum {
  CONTINUATION_RUN,   /* number */
  CONTINUATION_PLACE, /* of the frame header, from vm.base */
  CONTINUATION_STACK, /* vector, from the run's base; or FALSE_VALUE */
  CONTINUATION_OUTER, /* roots.escapes when it was made */
  CONTINUATION_SLOTS
};

static Value vm_start_throw(void)
{
  Value k = roots.throw_to;
  Value stack = k->slot[CONTINUATION_STACK];
  Value *header = vm.base + fixnum_value(k->slot[CONTINUATION_PLACE]);
  Registers r = {header, header + FRAME_HEADER, NULL, vm_halt(), NULL};

  if (stack != FALSE_VALUE) {
    for (size_t i = 0; i < vector_length(stack); ++i)
      vm.run->base[i] = *vector_item(stack, i);
  }
  roots.escapes = k->slot[CONTINUATION_OUTER];
  if (header < vm.soft_limit - STACK_SLACK)
    vm.limit = vm.soft_limit;
  vm_return(&r, roots.throw_value);
  roots.throw_to = NIL;
  roots.throw_value = NIL;
  return vm_loop(r);
}

/* Nothing lives in this function's own frame across a jump: what goes on
 * after one is on the machine's stack. */
static Value vm_run(Run *run, Value procedure, int count)
{
  switch (setjmp(run->jump)) {
  case JUMP_RAISE:
    return vm_start_raise();
  case JUMP_THROW:
    return vm_start_throw();
  default:
    return vm_start(procedure, count);
  }
}

Value vm_call(Value procedure, Value list)
{
  Run run;
  Value value;
  int count = 0;

  error_check_nesting("call");
  run.outer = vm.run;
  run.number = ++vm.run_count;
  run.base = vm.sp;
  run.escapes = roots.escapes;
  if (vm.sp + list_length(list) + STACK_SLACK / 2 >= vm.hard_limit)
    vm_overflow();
  vm_push_header();
  for (; is_pair(list); list = cdr(list), ++count)
    *vm.sp++ = car(list);
  vm.run = &run;
  value = vm_run(&run, procedure, count);
  vm.run = run.outer;
  vm.sp = run.base;
  roots.escapes = run.escapes;
  return value;
}


/* Primitives that are part of the machine */

#define PRIMITIVES_MAX 512
static const Primitive *vm_primitives[PRIMITIVES_MAX];
static size_t vm_primitive_count;

const Primitive *primitive_entry(Value primitive)
{
  return vm_primitives[fixnum_value(primitive->slot[PRIMITIVE_INDEX])];
}

void primitives_define(const Primitive *table, size_t count)
{
  for (size_t i = 0; i < count; ++i) {
    Value symbol = symbol_intern_c(table[i].name);
    Value primitive = make_object(TYPE_PRIMITIVE, PRIMITIVE_SLOTS,
                                  fixnum((intptr_t)vm_primitive_count));

    if (vm_primitive_count == PRIMITIVES_MAX) {
      fputs("mostly-scheme: raise PRIMITIVES_MAX\n", stderr);
      exit(EXIT_FAILURE);
    }
    vm_primitives[vm_primitive_count++] = &table[i];
    symbol->slot[SYMBOL_VALUE] = primitive;
  }
}

/* (apply procedure argument ... list) */
static Value prim_apply(Value *args, int count)
{
  Value list = args[count - 1];

  if (list_length(list) < 0)
    error_wrong_type("apply", "a list", list);
  for (int i = count - 2; i > 0; --i)
    list = make_pair(args[i], list);
  return vm_tail_apply(args, args[0], list);
}

static Value prim_eval(Value *args)
{
  return vm_tail_apply(args, compile_toplevel(args[0]), NIL);
}

/* The frame header below the arguments is what the continuation returns
 * through. */
static Value vm_make_continuation(Value *args, bool full)
{
  Value k = make_object(TYPE_CONTINUATION, CONTINUATION_SLOTS, FALSE_VALUE);
  Value *header = args - FRAME_HEADER;

  k->slot[CONTINUATION_RUN] = fixnum(vm.run->number);
  k->slot[CONTINUATION_PLACE] = fixnum(header - vm.base);
  k->slot[CONTINUATION_OUTER] = roots.escapes;
  if (full) {
    size_t length = (size_t)(args - vm.run->base);
    Value stack = make_vector(length, NIL);

    for (size_t i = 0; i < length; ++i)
      *vector_item(stack, i) = vm.run->base[i];
    k->slot[CONTINUATION_STACK] = stack;
  }
  return k;
}

/* (%call/ec f): the prelude's call/ec ends the escape when f returns. */
static Value prim_call_ec(Value *args)
{
  Value k = vm_make_continuation(args, false);

  roots.escapes = k;
  return vm_tail_apply(args, args[0], make_pair(k, NIL));
}

static Value prim_end_escape(Value *args)
{
  roots.escapes = args[0]->slot[CONTINUATION_OUTER];
  return UNSPECIFIED;
}

static Value prim_call_cc(Value *args)
{
  Value k = vm_make_continuation(args, true);

  return vm_tail_apply(args, args[0], make_pair(k, NIL));
}

static bool escape_is_good(Value k)
{
  for (Value e = roots.escapes; e != NIL; e = e->slot[CONTINUATION_OUTER]) {
    if (e == k)
      return true;
  }
  return false;
}

/* (%throw continuation value) */
static Value prim_throw(Value *args)
{
  Value k = check_type("throw", args[0], TYPE_CONTINUATION, "a continuation");
  Run *run = vm.run;

  while (run != NULL && fixnum(run->number) != k->slot[CONTINUATION_RUN])
    run = run->outer;
  if (run == NULL
      || (k->slot[CONTINUATION_STACK] == FALSE_VALUE && !escape_is_good(k)))
    error_plain("throw", "the continuation can't be taken any more");
  roots.throw_to = k;
  roots.throw_value = args[1];
  vm.run = run;
  longjmp(run->jump, JUMP_THROW);
}

static Value prim_set_raise_hook(Value *args)
{
  roots.raise_hook = args[0];
  return UNSPECIFIED;
}

static const Primitive vm_table[] = {
    {"apply", 2, MANY, NULL, prim_apply},
    {"eval", 1, 2, prim_eval, NULL},
    {"%call/ec", 1, 1, prim_call_ec, NULL},
    {"%end-escape", 1, 1, prim_end_escape, NULL},
    {"%call/cc", 1, 1, prim_call_cc, NULL},
    {"%throw", 2, 2, prim_throw, NULL},
    {"%set-raise-hook!", 1, 1, prim_set_raise_hook, NULL},
};

void vm_define_primitives(void)
{
  primitives_define(vm_table, PRIMITIVE_COUNT(vm_table));
}
