/* body.c -- bodies with definitions, and letrec
 *
 * Definitions in a body become a letrec*.  A variable of a letrec is kept in
 * a box only if somebody could see it before it has its value, or it is
 * assigned to; procedures that know each other are first made and then told
 * of each other, without boxes (.example.compile.letrec).
 *
 * Design: .example.compile (design/example.rst).
 */

#include "program.h"

static bool variable_is_used(Value variable)
{
  return fixnum_value(variable->slot[VARIABLE_USES]) != 0;
}

/* A run of procedures can be made together; but one that was referred to
 * before the run has to be found through a box. */
static void box_early_uses(Value variables, Value inits, const Scope *scope)
{
  for (; inits != NIL && expand_is_lambda(car(inits), scope);
       variables = cdr(variables), inits = cdr(inits)) {
    if (variable_is_used(car(variables)))
      car(variables)->slot[VARIABLE_BOXED] = TRUE_VALUE;
  }
}

static Value expand_inits(Value variables, Value inits, const Scope *scope)
{
  Value nodes = NIL;
  bool in_run = false;

  for (; inits != NIL; variables = cdr(variables), inits = cdr(inits)) {
    Value variable = car(variables);
    bool is_lambda = expand_is_lambda(car(inits), scope);

    if (is_lambda && !in_run)
      box_early_uses(variables, inits, scope);
    in_run = is_lambda;
    nodes = make_pair(
        expand_named(variable->slot[VARIABLE_NAME], car(inits), scope), nodes);
    if (!is_lambda && variable_is_used(variable))
      variable->slot[VARIABLE_BOXED] = TRUE_VALUE;
  }
  return list_reverse(nodes);
}

/* The symbol is FALSE_VALUE for an expression among the definitions. */
Value expand_letrec(Value symbols, Value inits, Value body, const Scope *scope)
{
  Scope inner = *scope;
  Value variables = NIL;
  Value nodes;

  for (; symbols != NIL; symbols = cdr(symbols)) {
    Value variable = node_variable(car(symbols), scope->owner);

    variables = make_pair(variable, variables);
    scope_bind(&inner, car(symbols), variable);
  }
  variables = list_reverse(variables);
  nodes = expand_inits(variables, inits, &inner);
  return node_make(NODE_LETREC, variables, nodes, expand_body(body, &inner));
}

/* What a body is sorted into: both lists with the last first. */
typedef struct Body {
  Value symbols;
  Value inits;
  Value expressions; /* since the last definition */
} Body;

/* Expressions before a definition are done in their turn, as the inits of
 * variables without a name. */
static void body_flush(Body *body)
{
  Value list = list_reverse(body->expressions);

  for (; list != NIL; list = cdr(list)) {
    body->symbols = make_pair(FALSE_VALUE, body->symbols);
    body->inits = make_pair(car(list), body->inits);
  }
  body->expressions = NIL;
}

static void body_define(Body *body, Value form)
{
  Value target;
  Value init;

  if (list_length(form) < 2)
    expand_fail("bad syntax", form);
  target = car(cdr(form));
  if (is_pair(target)) {
    init = make_pair(symbol_known(SYM_LAMBDA),
                     make_pair(cdr(target), cdr(cdr(form))));
    target = car(target);
  } else {
    init = list_length(form) == 3 ? car(cdr(cdr(form))) : UNSPECIFIED;
  }
  if (!is_type(target, TYPE_SYMBOL))
    expand_fail("bad syntax", form);
  body_flush(body);
  body->symbols = make_pair(target, body->symbols);
  body->inits = make_pair(init, body->inits);
}

static void body_sort(Body *body, Value forms, const Scope *scope)
{
  error_check_nesting("compile");
  for (; is_pair(forms); forms = cdr(forms)) {
    Value form = expand_head(car(forms), scope);

    switch (is_pair(form) ? expand_special(form, scope) : -1) {
    case SPECIAL_DEFINE:
      body_define(body, form);
      break;
    case SPECIAL_BEGIN:
      body_sort(body, cdr(form), scope);
      break;
    default:
      body->expressions = make_pair(form, body->expressions);
      break;
    }
  }
}

static Value expand_sequence(Value forms, const Scope *scope)
{
  Value nodes = NIL;

  if (cdr(forms) == NIL)
    return expand(car(forms), scope);
  for (; forms != NIL; forms = cdr(forms))
    nodes = make_pair(expand(car(forms), scope), nodes);
  return node_make(NODE_SEQUENCE, list_reverse(nodes), NIL, NIL);
}

Value expand_body(Value forms, const Scope *scope)
{
  Body body = {NIL, NIL, NIL};

  if (list_length(forms) < 1)
    expand_fail("bad body", forms);
  body_sort(&body, forms, scope);
  if (body.expressions == NIL)
    body.expressions = make_pair(UNSPECIFIED, NIL);
  forms = list_reverse(body.expressions);
  if (body.symbols == NIL)
    return expand_sequence(forms, scope);
  return expand_letrec(list_reverse(body.symbols), list_reverse(body.inits),
                       forms, scope);
}
