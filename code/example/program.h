/* program.h -- programs on their way from data to code
 *
 * expand.c turns data into a tree of nodes in which every variable is
 * resolved and every macro gone; compile.c turns the tree into instructions
 * for vm.c.  The nodes are ordinary objects in the pool: the compiler is
 * just another part of the program that allocates.
 *
 * Design: .example.compile (design/example.rst).
 */

#ifndef PROGRAM_H
#define PROGRAM_H

#include "scheme.h"

typedef enum NodeKind {
  NODE_CONSTANT,
  NODE_LOCAL,
  NODE_GLOBAL,
  NODE_SET_LOCAL,
  NODE_SET_GLOBAL,
  NODE_DEFINE,
  NODE_IF,
  NODE_OR,
  NODE_SEQUENCE,
  NODE_LAMBDA,
  NODE_LET,
  NODE_LETREC,
  NODE_CALL,
  NODE_VARIABLE
} NodeKind;

/* Slot 0 of a node is its kind; these are the others. */
enum {
  NODE_KIND
};
enum {
  CONSTANT_VALUE = 1,
  CONSTANT_SLOTS
};
enum {
  REFERENCE_TO = 1,
  REFERENCE_SLOTS
}; /* a variable or a symbol */
enum {
  SET_TARGET = 1,
  SET_VALUE,
  SET_SLOTS
};
enum {
  IF_TEST = 1,
  IF_THEN,
  IF_ELSE,
  IF_SLOTS
};
enum {
  OR_FIRST = 1,
  OR_SECOND,
  OR_SLOTS
};
enum {
  SEQUENCE_NODES = 1,
  SEQUENCE_SLOTS
};
enum {
  LET_VARIABLES = 1,
  LET_INITS,
  LET_BODY,
  LET_SLOTS
};
enum {
  CALL_OPERATOR = 1,
  CALL_OPERANDS,
  CALL_SLOTS
};
enum {
  LAMBDA_NAME = 1,
  LAMBDA_VARIABLES, /* list; the rest parameter comes last */
  LAMBDA_REST,      /* boolean: is there one? */
  LAMBDA_BODY,
  LAMBDA_FREE, /* list of captured variables, last first; by compile.c */
  LAMBDA_SLOTS
};
enum {
  VARIABLE_NAME = 1,
  VARIABLE_OWNER, /* the lambda node whose frame it lives in */
  VARIABLE_BOXED, /* boolean: is its value in a box? */
  VARIABLE_USES,  /* references so far */
  VARIABLE_PLACE, /* where in the frame; by compile.c */
  VARIABLE_SLOTS
};

static inline NodeKind node_kind(Value node)
{
  return (NodeKind)fixnum_value(node->slot[NODE_KIND]);
}

/* An environment is a list of pairs of a symbol and its variable node; what
 * isn't in it is global.  The owner is the lambda node around. */
typedef struct Scope {
  Value environment;
  Value owner;
} Scope;

/* expand.c */
Value node_make(NodeKind kind, Value a, Value b, Value c);
Value node_variable(Value name, Value owner);
Value scope_lookup(const Scope *scope, Value symbol); /* or FALSE_VALUE */
void scope_bind(Scope *scope, Value symbol, Value variable);
_Noreturn void expand_fail(const char *message, Value form);
Value expand(Value form, const Scope *scope);
Value expand_lambda(Value name, Value parameters, Value body,
                    const Scope *scope);
bool expand_is_lambda(Value form, const Scope *scope);
Value expand_named(Value name, Value form, const Scope *scope);
Value expand_head(Value form, const Scope *scope);

/* Which special form a form is, by number; -1 if none. */
enum {
  SPECIAL_DEFINE,
  SPECIAL_BEGIN,
  SPECIAL_LAMBDA
};
int expand_special(Value form, const Scope *scope);

Value expand_toplevel(Value form);

/* body.c: bodies with definitions, and letrec */
Value expand_body(Value forms, const Scope *scope);
Value expand_letrec(Value symbols, Value inits, Value body,
                    const Scope *scope);

/* quasi.c */
Value expand_quasiquote(Value form, const Scope *scope);


/* Instructions are words of 32 bits: an operation, then its operands.
 * Places count from the first argument of the frame.  A jump is by so many
 * words from where its operand is; the place that a frame returns to counts
 * from the start of the code, because code moves between. */

#define OPERATIONS(X) \
  X(CONSTANT, constant)           /* index; push it */ \
  X(LOCAL, local)                 /* place; push its value */ \
  X(LOCAL_BOX, local_box)         /* place; push what is in its box */ \
  X(FREE, free)                   /* index; push a captured value */ \
  X(FREE_BOX, free_box)           /* index; push what is in the box */ \
  X(GLOBAL, global)               /* index of symbol; push its value */ \
  X(SET_LOCAL, set_local)         /* place; pop into it */ \
  X(SET_LOCAL_BOX, set_local_box) /* place; pop into its box */ \
  X(SET_FREE_BOX, set_free_box)   /* index; pop into the box */ \
  X(SET_GLOBAL, set_global)       /* index of symbol; pop */ \
  X(DEFINE, define)               /* index of symbol; pop */ \
  X(BOX, box)                     /* place; put its value in a new box */ \
  X(POP, pop) \
  X(SLIDE, slide)           /* count; drop so many below the top */ \
  X(JUMP, jump)             /* distance */ \
  X(JUMP_FALSE, jump_false) /* distance; pop, and jump if false */ \
  X(JUMP_KEEP, jump_keep)   /* distance; jump if true, else pop */ \
  X(FRAME, frame)           /* where to return to; push a frame header */ \
  X(CALL, call)             /* count of arguments; pop the procedure */ \
  X(TAIL_CALL, tail_call)   /* likewise, in the place of this frame */ \
  X(RETURN, return ) \
  X(CLOSURE, closure) /* index of code, count; pop the captured values */ \
  X(PATCH, patch)     /* place of closure, index in it, place of value */ \
  X(CAR, car)         /* from here on, primitives that are compiled in */ \
  X(CDR, cdr) \
  X(CONS, cons) \
  X(NOT, not ) \
  X(IS_NULL, is_null) \
  X(IS_PAIR, is_pair) \
  X(IS_EQ, is_eq) \
  X(ADD, add) \
  X(SUBTRACT, subtract) \
  X(MULTIPLY, multiply) \
  X(EQUAL, equal) \
  X(LESS, less) \
  X(GREATER, greater) \
  X(LESS_EQUAL, less_equal) \
  X(GREATER_EQUAL, greater_equal) \
  X(VECTOR_REF, vector_ref) \
  X(VECTOR_SET, vector_set)

#define OPERATION_NAME(name, function) OP_##name,
typedef enum Operation {
  OPERATIONS(OPERATION_NAME) OP_HALT
} Operation;
#undef OPERATION_NAME

/* A frame header is the caller's closure, its instruction to go on at, and
 * its frame. */
#define FRAME_HEADER 3

#endif /* PROGRAM_H */
