/* compile.c -- from nodes to instructions
 *
 * Every place on the stack is known here: arguments, then variables of let
 * and letrec, then values on their way.  A captured variable is copied into
 * the closure; one that is assigned to is in a box, and the box is copied
 * (.example.compile.closure).
 *
 * What is under construction lives in Unit structures on the C stack, which
 * the collector sees as ambiguous references.
 *
 * Design: .example.compile (design/example.rst).
 */

#include <string.h>

#include "program.h"

#define CODE_LEAST 64
#define CONSTANTS_LEAST 8

/* One procedure under construction. */
typedef struct Unit {
  struct Unit *outer;
  Value lambda;
  Value code; /* bytes */
  size_t length;
  Value constants; /* vector */
  size_t constant_count;
  int depth; /* words in use above the frame's start */
  int depth_most;
} Unit;

/* Pushes one value, or, in tail position, leaves the procedure with it. */
static void gen(Unit *unit, Value node, bool tail);


/* Instructions */

static int32_t *unit_code(const Unit *unit)
{
  return (int32_t *)(void *)as_bytes(unit->code)->data;
}

static void emit_word(Unit *unit, int32_t word)
{
  size_t used = unit->length * sizeof word;

  if (used == as_bytes(unit->code)->length) {
    Value longer = make_bytes(used * 2, 0);

    memcpy(as_bytes(longer)->data, as_bytes(unit->code)->data, used);
    unit->code = longer;
  }
  unit_code(unit)[unit->length++] = word;
}

/* Depth says by how much the operation changes the depth of the stack. */
static void emit(Unit *unit, Operation operation, int depth)
{
  emit_word(unit, (int32_t)operation);
  unit->depth += depth;
  if (unit->depth > unit->depth_most)
    unit->depth_most = unit->depth;
}

static void emit_1(Unit *unit, Operation operation, int32_t operand, int depth)
{
  emit(unit, operation, depth);
  emit_word(unit, operand);
}

/* Labels that aren't known yet: the operand's index is kept. */
static size_t emit_label(Unit *unit, Operation operation, int depth)
{
  emit_1(unit, operation, 0, depth);
  return unit->length - 1;
}

/* Jumps count from their operand. */
static void set_jump(Unit *unit, size_t operand)
{
  unit_code(unit)[operand] = (int32_t)(unit->length - operand);
}

/* A constant that is there already is shared. */
static int32_t constant_index(Unit *unit, Value value)
{
  size_t length = vector_length(unit->constants);

  for (size_t i = 0; i < unit->constant_count; ++i) {
    if (*vector_item(unit->constants, i) == value)
      return (int32_t)i;
  }
  if (unit->constant_count == length) {
    Value longer = make_vector(length * 2, NIL);

    memcpy(vector_item(longer, 0), vector_item(unit->constants, 0),
           length * sizeof(Value));
    unit->constants = longer;
  }
  *vector_item(unit->constants, unit->constant_count) = value;
  return (int32_t)unit->constant_count++;
}

static void emit_constant(Unit *unit, Value value)
{
  emit_1(unit, OP_CONSTANT, constant_index(unit, value), 1);
}


/* Variables */

static int32_t variable_place(Value variable)
{
  return (int32_t)fixnum_value(variable->slot[VARIABLE_PLACE]);
}

static bool variable_is_boxed(Value variable)
{
  return is_true(variable->slot[VARIABLE_BOXED]);
}

/* The index of a variable of another procedure among the captured ones;
 * asking for it captures it. */
static int32_t free_index(const Unit *unit, Value variable)
{
  Value list = unit->lambda->slot[LAMBDA_FREE];
  Value last = NIL;
  Value added;
  int32_t index = 0;

  for (; list != NIL; last = list, list = cdr(list), ++index) {
    if (car(list) == variable)
      return index;
  }
  added = make_pair(variable, NIL);
  if (last == NIL)
    unit->lambda->slot[LAMBDA_FREE] = added;
  else
    last->slot[CDR] = added;
  return index;
}

static bool is_own(const Unit *unit, Value variable)
{
  return variable->slot[VARIABLE_OWNER] == unit->lambda;
}

/* Pushes what is in the place: the box, if there is one. */
static void gen_place(Unit *unit, Value variable)
{
  if (is_own(unit, variable))
    emit_1(unit, OP_LOCAL, variable_place(variable), 1);
  else
    emit_1(unit, OP_FREE, free_index(unit, variable), 1);
}

static void gen_reference(Unit *unit, Value variable)
{
  if (!variable_is_boxed(variable))
    gen_place(unit, variable);
  else if (is_own(unit, variable))
    emit_1(unit, OP_LOCAL_BOX, variable_place(variable), 1);
  else
    emit_1(unit, OP_FREE_BOX, free_index(unit, variable), 1);
}

/* Pops a value into a variable; one that is assigned to is always boxed. */
static void gen_assign(Unit *unit, Value variable)
{
  if (is_own(unit, variable))
    emit_1(unit, OP_SET_LOCAL_BOX, variable_place(variable), -1);
  else
    emit_1(unit, OP_SET_FREE_BOX, free_index(unit, variable), -1);
}

/* The variable's value is at its place, unboxed as yet. */
static void gen_bind(Unit *unit, Value variable, int place)
{
  variable->slot[VARIABLE_PLACE] = fixnum(place);
  if (variable_is_boxed(variable))
    emit_1(unit, OP_BOX, place, 0);
}

static void gen_set(Unit *unit, Value node)
{
  Value target = node->slot[SET_TARGET];

  gen(unit, node->slot[SET_VALUE], false);
  if (node_kind(node) == NODE_SET_LOCAL)
    gen_assign(unit, target);
  else
    emit_1(unit, node_kind(node) == NODE_DEFINE ? OP_DEFINE : OP_SET_GLOBAL,
           constant_index(unit, target), -1);
  emit_constant(unit, UNSPECIFIED);
}


/* Control */

static void gen_if(Unit *unit, Value node, bool tail)
{
  size_t to_else;
  size_t to_end = 0;
  int depth;

  gen(unit, node->slot[IF_TEST], false);
  to_else = emit_label(unit, OP_JUMP_FALSE, -1);
  depth = unit->depth;
  gen(unit, node->slot[IF_THEN], tail);
  if (!tail)
    to_end = emit_label(unit, OP_JUMP, 0);
  set_jump(unit, to_else);
  unit->depth = depth;
  gen(unit, node->slot[IF_ELSE], tail);
  if (!tail)
    set_jump(unit, to_end);
}

static void gen_or(Unit *unit, Value node, bool tail)
{
  size_t to_end;

  gen(unit, node->slot[OR_FIRST], false);
  to_end = emit_label(unit, OP_JUMP_KEEP, -1);
  gen(unit, node->slot[OR_SECOND], tail);
  set_jump(unit, to_end);
  if (tail)
    emit(unit, OP_RETURN, 0);
}

static void gen_sequence(Unit *unit, Value node, bool tail)
{
  Value list = node->slot[SEQUENCE_NODES];

  for (; cdr(list) != NIL; list = cdr(list)) {
    gen(unit, car(list), false);
    emit(unit, OP_POP, -1);
  }
  gen(unit, car(list), tail);
}

/* Drops count variables from below the value of a body. */
static void gen_leave(Unit *unit, intptr_t count, bool tail)
{
  if (!tail && count != 0)
    emit_1(unit, OP_SLIDE, (int32_t)count, (int)-count);
  else
    unit->depth -= (int)count;
}

static void gen_let(Unit *unit, Value node, bool tail)
{
  Value variables = node->slot[LET_VARIABLES];
  Value inits = node->slot[LET_INITS];

  for (; inits != NIL; inits = cdr(inits))
    gen(unit, car(inits), false);
  /* Now all values are there, so none sees another's variable. */
  for (int place = unit->depth - (int)list_length(variables); variables != NIL;
       variables = cdr(variables))
    gen_bind(unit, car(variables), place++);
  gen(unit, node->slot[LET_BODY], tail);
  gen_leave(unit, list_length(node->slot[LET_VARIABLES]), tail);
}


/* letrec */

static bool list_has(Value list, Value item, Value end)
{
  for (; list != end; list = cdr(list)) {
    if (car(list) == item)
      return true;
  }
  return false;
}

/* The procedure has captured what the places of the later ones in its run,
 * and its own, held before they were made: puts that right. */
static void gen_patches(Unit *unit, Value variables, Value lambda, Value end)
{
  Value free = lambda->slot[LAMBDA_FREE];

  for (int32_t index = 0; free != NIL; free = cdr(free), ++index) {
    if (!variable_is_boxed(car(free)) && list_has(variables, car(free), end)) {
      emit(unit, OP_PATCH, 0);
      emit_word(unit, variable_place(car(variables)));
      emit_word(unit, index);
      emit_word(unit, variable_place(car(free)));
    }
  }
}

static void gen_init(Unit *unit, Value variable, Value init)
{
  gen(unit, init, false);
  if (variable_is_boxed(variable))
    gen_assign(unit, variable);
  else
    emit_1(unit, OP_SET_LOCAL, variable_place(variable), -1);
}

/* Makes a run of procedures; returns the inits after it. */
static Value gen_run(Unit *unit, Value variables, Value inits,
                     Value *variables_out)
{
  Value v = variables;
  Value i = inits;

  for (; i != NIL && node_kind(car(i)) == NODE_LAMBDA; i = cdr(i), v = cdr(v))
    gen_init(unit, car(v), car(i));
  *variables_out = v;
  for (; variables != v; variables = cdr(variables), inits = cdr(inits)) {
    if (!variable_is_boxed(car(variables)))
      gen_patches(unit, variables, car(inits), v);
  }
  return i;
}

static void gen_letrec(Unit *unit, Value node, bool tail)
{
  Value variables = node->slot[LET_VARIABLES];
  Value inits = node->slot[LET_INITS];

  for (Value list = variables; list != NIL; list = cdr(list)) {
    emit_constant(unit, UNDEFINED);
    gen_bind(unit, car(list), unit->depth - 1);
  }
  while (inits != NIL) {
    if (node_kind(car(inits)) == NODE_LAMBDA) {
      inits = gen_run(unit, variables, inits, &variables);
    } else {
      gen_init(unit, car(variables), car(inits));
      inits = cdr(inits);
      variables = cdr(variables);
    }
  }
  gen(unit, node->slot[LET_BODY], tail);
  gen_leave(unit, list_length(node->slot[LET_VARIABLES]), tail);
}


/* Calls */

typedef struct Inline {
  const char *name;
  Operation operation;
  int operands;
  bool folds; /* do more operands make a chain from the left? */
} Inline;

static const Inline inlines[] = {
    {"car", OP_CAR, 1, false},
    {"cdr", OP_CDR, 1, false},
    {"cons", OP_CONS, 2, false},
    {"%cons", OP_CONS, 2, false},
    {"not", OP_NOT, 1, false},
    {"null?", OP_IS_NULL, 1, false},
    {"pair?", OP_IS_PAIR, 1, false},
    {"eq?", OP_IS_EQ, 2, false},
    {"+", OP_ADD, 2, true},
    {"-", OP_SUBTRACT, 2, true},
    {"*", OP_MULTIPLY, 2, true},
    {"=", OP_EQUAL, 2, false},
    {"<", OP_LESS, 2, false},
    {">", OP_GREATER, 2, false},
    {"<=", OP_LESS_EQUAL, 2, false},
    {">=", OP_GREATER_EQUAL, 2, false},
    {"vector-ref", OP_VECTOR_REF, 2, false},
    {"vector-set!", OP_VECTOR_SET, 3, false},
};

/* The primitives above are compiled in where the global variable still has
 * its first value; a program that has defined its own gets its own
 * (.example.compile.inline). */
static const Inline *find_inline(Value operator, intptr_t operands)
{
  Value procedure;

  if (node_kind(operator) == NODE_GLOBAL)
    procedure = operator->slot[REFERENCE_TO]->slot[SYMBOL_VALUE];
  else if (node_kind(operator) == NODE_CONSTANT)
    procedure = operator->slot[CONSTANT_VALUE];
  else
    return NULL;
  if (!is_type(procedure, TYPE_PRIMITIVE))
    return NULL;
  for (size_t i = 0; i < sizeof inlines / sizeof inlines[0]; ++i) {
    if (strcmp(inlines[i].name, primitive_entry(procedure)->name) == 0)
      return operands == inlines[i].operands
                     || (inlines[i].folds && operands > inlines[i].operands)
                 ? &inlines[i]
                 : NULL;
  }
  return NULL;
}

static void gen_inline(Unit *unit, const Inline *in, Value operands)
{
  int count = 0;

  for (; operands != NIL; operands = cdr(operands)) {
    gen(unit, car(operands), false);
    if (++count >= in->operands)
      emit(unit, in->operation, 1 - in->operands);
  }
}

static void gen_call(Unit *unit, Value node, bool tail)
{
  Value operator= node->slot[CALL_OPERATOR];
  Value operands = node->slot[CALL_OPERANDS];
  intptr_t count = list_length(operands);
  const Inline *in = find_inline(operator, count);
  int depth = unit->depth;
  size_t label = 0;

  if (in != NULL) {
    gen_inline(unit, in, operands);
    if (tail)
      emit(unit, OP_RETURN, 0);
    return;
  }
  if (!tail)
    label = emit_label(unit, OP_FRAME, FRAME_HEADER);
  for (; operands != NIL; operands = cdr(operands))
    gen(unit, car(operands), false);
  gen(unit, operator, false);
  emit_1(unit, tail ? OP_TAIL_CALL : OP_CALL, (int32_t)count, 0);
  if (!tail)
    unit_code(unit)[label] = (int32_t)unit->length;
  unit->depth = depth + 1;
}


/* Procedures */

static Value unit_finish(const Unit *unit)
{
  Value code = make_object(TYPE_CODE, CODE_SLOTS, NIL);
  Value lambda = unit->lambda;
  bool rest = is_true(lambda->slot[LAMBDA_REST]);
  intptr_t count = list_length(lambda->slot[LAMBDA_VARIABLES]);

  code->slot[CODE_INSTRUCTIONS] = unit->code;
  code->slot[CODE_CONSTANTS] = unit->constants;
  code->slot[CODE_REQUIRED] = fixnum(rest ? count - 1 : count);
  code->slot[CODE_REST] = boolean(rest);
  code->slot[CODE_DEPTH] = fixnum(unit->depth_most);
  code->slot[CODE_NAME] = lambda->slot[LAMBDA_NAME];
  return code;
}

static Value gen_unit(Unit *outer, Value lambda)
{
  Value variables = lambda->slot[LAMBDA_VARIABLES];
  Unit unit = {.outer = outer, .lambda = lambda};
  int place = 0;

  unit.code = make_bytes(CODE_LEAST * sizeof(int32_t), 0);
  unit.constants = make_vector(CONSTANTS_LEAST, NIL);
  unit.depth = (int)list_length(variables);
  unit.depth_most = unit.depth;
  for (; variables != NIL; variables = cdr(variables))
    gen_bind(&unit, car(variables), place++);
  gen(&unit, lambda->slot[LAMBDA_BODY], true);
  return unit_finish(&unit);
}

/* A procedure that captures nothing is made once, as a constant. */
static void gen_lambda(Unit *unit, Value lambda)
{
  Value code = gen_unit(unit, lambda);
  Value free = lambda->slot[LAMBDA_FREE];
  int32_t count = (int32_t)list_length(free);

  if (count == 0) {
    emit_constant(unit, make_closure(code, 0, NULL));
    return;
  }
  for (; free != NIL; free = cdr(free))
    gen_place(unit, car(free));
  emit_1(unit, OP_CLOSURE, constant_index(unit, code), 1 - count);
  emit_word(unit, count);
}

static void gen_simple(Unit *unit, Value node)
{
  switch (node_kind(node)) {
  case NODE_CONSTANT:
    emit_constant(unit, node->slot[CONSTANT_VALUE]);
    break;
  case NODE_LOCAL:
    gen_reference(unit, node->slot[REFERENCE_TO]);
    break;
  case NODE_GLOBAL:
    emit_1(unit, OP_GLOBAL, constant_index(unit, node->slot[REFERENCE_TO]), 1);
    break;
  case NODE_LAMBDA:
    gen_lambda(unit, node);
    break;
  default:
    gen_set(unit, node);
    break;
  }
}

static void gen(Unit *unit, Value node, bool tail)
{
  error_check_nesting("compile");
  switch (node_kind(node)) {
  case NODE_IF:
    gen_if(unit, node, tail);
    break;
  case NODE_OR:
    gen_or(unit, node, tail);
    break;
  case NODE_SEQUENCE:
    gen_sequence(unit, node, tail);
    break;
  case NODE_LET:
    gen_let(unit, node, tail);
    break;
  case NODE_LETREC:
    gen_letrec(unit, node, tail);
    break;
  case NODE_CALL:
    gen_call(unit, node, tail);
    break;
  default:
    gen_simple(unit, node);
    if (tail)
      emit(unit, OP_RETURN, 0);
    break;
  }
}

Value compile_toplevel(Value form)
{
  return make_closure(gen_unit(NULL, expand_toplevel(form)), 0, NULL);
}
