/* quasi.c -- quasiquotation
 *
 * The expansion calls the primitives themselves, not the variables of their
 * names, so a program that has its own variable "cons" can quasiquote.
 *
 * Design: .example.compile (design/example.rst).
 */

#include "program.h"

static Value quasi_at(Value form, int level, const Scope *scope);

static Value quasi_constant(Value value)
{
  return node_make(NODE_CONSTANT, value, NIL, NIL);
}

static Value quasi_call(const char *primitive, Value operands)
{
  Value symbol = symbol_intern_c(primitive);

  return node_make(NODE_CALL, quasi_constant(symbol->slot[SYMBOL_VALUE]),
                   operands, NIL);
}

static bool quasi_is(Value form, WellKnown name)
{
  return is_pair(form) && car(form) == symbol_known(name)
         && list_length(form) == 2;
}

/* Parts without an unquote stay constants, and share their structure. */
static Value quasi_cons(Value form, Value first, Value rest)
{
  if (node_kind(first) == NODE_CONSTANT && node_kind(rest) == NODE_CONSTANT)
    return quasi_constant(form);
  return quasi_call("%cons", list_2(first, rest));
}

static Value quasi_nested(Value form, int level, const Scope *scope)
{
  Value inner = quasi_at(car(cdr(form)), level, scope);
  Value list = quasi_cons(cdr(form), inner, quasi_constant(NIL));

  return quasi_cons(form, quasi_constant(car(form)), list);
}

static Value quasi_vector(Value vector, int level, const Scope *scope)
{
  Value list = NIL;

  for (size_t i = vector_length(vector); i > 0; --i)
    list = make_pair(*vector_item(vector, i - 1), list);
  list = quasi_at(list, level, scope);
  if (node_kind(list) == NODE_CONSTANT)
    return quasi_constant(vector);
  return quasi_call("%list->vector", make_pair(list, NIL));
}

static Value quasi_at(Value form, int level, const Scope *scope)
{
  error_check_nesting("quasiquote");
  if (is_type(form, TYPE_VECTOR))
    return quasi_vector(form, level, scope);
  if (!is_pair(form))
    return quasi_constant(form);
  if (quasi_is(form, SYM_UNQUOTE))
    return level == 1 ? expand(car(cdr(form)), scope)
                      : quasi_nested(form, level - 1, scope);
  if (quasi_is(form, SYM_QUASIQUOTE))
    return quasi_nested(form, level + 1, scope);
  if (quasi_is(car(form), SYM_UNQUOTE_SPLICING) && level == 1) {
    Value spliced = expand(car(cdr(car(form))), scope);
    Value rest = quasi_at(cdr(form), level, scope);

    return quasi_call("%append", list_2(spliced, rest));
  }
  if (quasi_is(form, SYM_UNQUOTE_SPLICING))
    return quasi_nested(form, level - 1, scope);
  return quasi_cons(form, quasi_at(car(form), level, scope),
                    quasi_at(cdr(form), level, scope));
}

Value expand_quasiquote(Value form, const Scope *scope)
{
  return quasi_at(form, 1, scope);
}
