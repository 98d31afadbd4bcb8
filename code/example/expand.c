/* expand.c -- from programs as data to nodes
 *
 * A special form is a global variable whose value is a syntax object, so
 * that a local variable of the same name hides it like any other.  A macro
 * is the same with a procedure, which is called with the operands
 * (.example.macro).
 *
 * Design: .example.compile (design/example.rst).
 */

#include "program.h"

typedef Value (*Expander)(Value form, const Scope *scope);

Value node_make(NodeKind kind, Value a, Value b, Value c)
{
  Value node = make_object(TYPE_NODE, 4, NIL);

  node->slot[NODE_KIND] = fixnum(kind);
  node->slot[1] = a;
  node->slot[2] = b;
  node->slot[3] = c;
  return node;
}

Value node_variable(Value name, Value owner)
{
  Value variable = make_object(TYPE_NODE, VARIABLE_SLOTS, fixnum(0));

  variable->slot[NODE_KIND] = fixnum(NODE_VARIABLE);
  variable->slot[VARIABLE_NAME] = name;
  variable->slot[VARIABLE_OWNER] = owner;
  variable->slot[VARIABLE_BOXED] = FALSE_VALUE;
  return variable;
}

Value scope_lookup(const Scope *scope, Value symbol)
{
  for (Value list = scope->environment; list != NIL; list = cdr(list)) {
    if (car(car(list)) == symbol)
      return cdr(car(list));
  }
  return FALSE_VALUE;
}

void scope_bind(Scope *scope, Value symbol, Value variable)
{
  scope->environment
      = make_pair(make_pair(symbol, variable), scope->environment);
}

_Noreturn void expand_fail(const char *message, Value form)
{
  error_raise(SYM_ERROR, message, make_pair(form, NIL));
}

static Value expand_constant(Value value)
{
  return node_make(NODE_CONSTANT, value, NIL, NIL);
}

/* The length of a form that must be a list of least to most items; most is
 * negative if there is no most. */
static intptr_t expand_length(Value form, intptr_t least, intptr_t most)
{
  intptr_t length = list_length(form);

  if (length < least || (most >= 0 && length > most))
    expand_fail("bad syntax", form);
  return length;
}

static Value second(Value form)
{
  return car(cdr(form));
}


/* Names */

/* The syntax object that the head of a form means, or FALSE_VALUE. */
static Value expand_syntax(Value form, const Scope *scope)
{
  Value head = is_pair(form) ? car(form) : FALSE_VALUE;

  if (!is_type(head, TYPE_SYMBOL)
      || !is_type(head->slot[SYMBOL_VALUE], TYPE_SYNTAX)
      || scope_lookup(scope, head) != FALSE_VALUE)
    return FALSE_VALUE;
  return head->slot[SYMBOL_VALUE];
}

/* Expands macros until the form isn't a use of one. */
Value expand_head(Value form, const Scope *scope)
{
  for (;;) {
    Value syntax = expand_syntax(form, scope);

    if (syntax == FALSE_VALUE || is_fixnum(syntax->slot[SYNTAX_EXPANDER]))
      return form;
    error_check_nesting("macro");
    if (list_length(form) < 0)
      expand_fail("bad syntax", form);
    form = vm_call(syntax->slot[SYNTAX_EXPANDER], cdr(form));
  }
}

static void variable_count_use(Value variable)
{
  variable->slot[VARIABLE_USES]
      = fixnum(fixnum_value(variable->slot[VARIABLE_USES]) + 1);
}

static Value expand_symbol(Value symbol, const Scope *scope)
{
  Value variable = scope_lookup(scope, symbol);

  if (variable == FALSE_VALUE) {
    if (is_type(symbol->slot[SYMBOL_VALUE], TYPE_SYNTAX))
      expand_fail("syntax used as a variable", symbol);
    return node_make(NODE_GLOBAL, symbol, NIL, NIL);
  }
  variable_count_use(variable);
  return node_make(NODE_LOCAL, variable, NIL, NIL);
}

static Value expand_list(Value forms, const Scope *scope)
{
  Value nodes = NIL;

  for (; is_pair(forms); forms = cdr(forms))
    nodes = make_pair(expand(car(forms), scope), nodes);
  return list_reverse(nodes);
}


/* Procedures */

Value expand_lambda(Value name, Value parameters, Value body,
                    const Scope *scope)
{
  Value lambda = make_object(TYPE_NODE, LAMBDA_SLOTS, NIL);
  Scope inner = {scope->environment, lambda};
  Value variables = NIL;
  Value list;

  lambda->slot[NODE_KIND] = fixnum(NODE_LAMBDA);
  lambda->slot[LAMBDA_NAME] = name;
  for (list = parameters; list != NIL;
       list = is_pair(list) ? cdr(list) : NIL) {
    Value symbol = is_pair(list) ? car(list) : list;
    Value variable;

    if (!is_type(symbol, TYPE_SYMBOL))
      expand_fail("bad parameter list", parameters);
    variable = node_variable(symbol, lambda);
    variables = make_pair(variable, variables);
    scope_bind(&inner, symbol, variable);
    lambda->slot[LAMBDA_REST] = boolean(!is_pair(list));
  }
  if (parameters == NIL)
    lambda->slot[LAMBDA_REST] = FALSE_VALUE;
  lambda->slot[LAMBDA_VARIABLES] = list_reverse(variables);
  lambda->slot[LAMBDA_BODY] = expand_body(body, &inner);
  return lambda;
}

static Value special_lambda(Value form, const Scope *scope)
{
  (void)expand_length(form, 3, -1);
  return expand_lambda(FALSE_VALUE, second(form), cdr(cdr(form)), scope);
}

/* An expression that is the value of a variable: a lambda gets its name. */
Value expand_named(Value name, Value form, const Scope *scope)
{
  if (!expand_is_lambda(form, scope))
    return expand(form, scope);
  (void)expand_length(form, 3, -1);
  return expand_lambda(name, second(form), cdr(cdr(form)), scope);
}


/* Variables */

static Value special_set(Value form, const Scope *scope)
{
  Value symbol;
  Value variable;
  Value value;

  (void)expand_length(form, 3, 3);
  symbol = second(form);
  if (!is_type(symbol, TYPE_SYMBOL))
    expand_fail("bad syntax", form);
  variable = scope_lookup(scope, symbol);
  value = expand(car(cdr(cdr(form))), scope);
  if (variable == FALSE_VALUE)
    return node_make(NODE_SET_GLOBAL, symbol, value, NIL);
  variable_count_use(variable);
  variable->slot[VARIABLE_BOXED] = TRUE_VALUE;
  return node_make(NODE_SET_LOCAL, variable, value, NIL);
}

/* Definitions in bodies are taken out by body.c, so what comes here must be
 * at the top level. */
static Value special_define(Value form, const Scope *scope)
{
  Value target;
  Value value;

  (void)expand_length(form, 2, -1);
  if (scope->environment != NIL)
    expand_fail("definition where an expression is expected", form);
  target = second(form);
  if (is_pair(target)) {
    value = expand_lambda(car(target), cdr(target), cdr(cdr(form)), scope);
    target = car(target);
  } else {
    (void)expand_length(form, 2, 3);
    value = cdr(cdr(form)) == NIL
                ? expand_constant(UNSPECIFIED)
                : expand_named(target, car(cdr(cdr(form))), scope);
  }
  if (!is_type(target, TYPE_SYMBOL))
    expand_fail("bad syntax", form);
  return node_make(NODE_DEFINE, target, value, NIL);
}

/* (define-macro (name . parameters) body ...) or (define-macro name
 * procedure): takes effect at once, so that the forms after it can use it. */
static Value special_define_macro(Value form, const Scope *scope)
{
  Value target;
  Value procedure;
  Value syntax;

  (void)expand_length(form, 3, -1);
  target = second(form);
  if (is_pair(target)) {
    procedure = make_pair(symbol_known(SYM_LAMBDA),
                          make_pair(cdr(target), cdr(cdr(form))));
    target = car(target);
  } else {
    procedure = car(cdr(cdr(form)));
  }
  if (!is_type(target, TYPE_SYMBOL) || scope->environment != NIL)
    expand_fail("bad macro definition", form);
  procedure = vm_call(compile_toplevel(procedure), NIL);
  syntax = make_object(TYPE_SYNTAX, SYNTAX_SLOTS, procedure);
  target->slot[SYMBOL_VALUE] = syntax;
  return expand_constant(UNSPECIFIED);
}


/* Control */

static Value special_quote(Value form, const Scope *scope)
{
  (void)scope;
  (void)expand_length(form, 2, 2);
  return expand_constant(second(form));
}

static Value special_quasiquote(Value form, const Scope *scope)
{
  (void)expand_length(form, 2, 2);
  return expand_quasiquote(second(form), scope);
}

static Value special_if(Value form, const Scope *scope)
{
  intptr_t length = expand_length(form, 3, 4);
  Value test = expand(second(form), scope);
  Value rest = cdr(cdr(form));
  Value then = expand(car(rest), scope);
  Value otherwise = length == 4 ? expand(second(rest), scope)
                                : expand_constant(UNSPECIFIED);

  return node_make(NODE_IF, test, then, otherwise);
}

static Value special_begin(Value form, const Scope *scope)
{
  (void)expand_length(form, 1, -1);
  if (cdr(form) == NIL)
    return expand_constant(UNSPECIFIED);
  if (cdr(cdr(form)) == NIL)
    return expand(second(form), scope);
  return node_make(NODE_SEQUENCE, expand_list(cdr(form), scope), NIL, NIL);
}

static Value special_and(Value form, const Scope *scope)
{
  Value first;

  (void)expand_length(form, 1, -1);
  if (cdr(form) == NIL)
    return expand_constant(TRUE_VALUE);
  first = expand(second(form), scope);
  if (cdr(cdr(form)) == NIL)
    return first;
  return node_make(NODE_IF, first, special_and(cdr(form), scope),
                   expand_constant(FALSE_VALUE));
}

static Value special_or(Value form, const Scope *scope)
{
  Value first;

  (void)expand_length(form, 1, -1);
  if (cdr(form) == NIL)
    return expand_constant(FALSE_VALUE);
  first = expand(second(form), scope);
  if (cdr(cdr(form)) == NIL)
    return first;
  return node_make(NODE_OR, first, special_or(cdr(form), scope), NIL);
}


/* let and its relatives */

/* Takes a list of bindings apart into the symbols and the inits. */
static void split_bindings(Value bindings, Value *symbols_out,
                           Value *inits_out)
{
  Value symbols = NIL;
  Value inits = NIL;

  if (list_length(bindings) < 0)
    expand_fail("bad bindings", bindings);
  for (Value list = bindings; list != NIL; list = cdr(list)) {
    if (list_length(car(list)) != 2 || !is_type(car(car(list)), TYPE_SYMBOL))
      expand_fail("bad bindings", bindings);
    symbols = make_pair(car(car(list)), symbols);
    inits = make_pair(second(car(list)), inits);
  }
  *symbols_out = list_reverse(symbols);
  *inits_out = list_reverse(inits);
}

/* The variables live in the frame of the procedure around: no closure is
 * made. */
static Value make_let(Value symbols, Value inits, Value body,
                      const Scope *scope)
{
  Scope inner = *scope;
  Value variables = NIL;
  Value nodes = NIL;

  for (; symbols != NIL; symbols = cdr(symbols), inits = cdr(inits)) {
    Value variable = node_variable(car(symbols), scope->owner);

    nodes = make_pair(expand_named(car(symbols), car(inits), scope), nodes);
    variables = make_pair(variable, variables);
    scope_bind(&inner, car(symbols), variable);
  }
  variables = list_reverse(variables);
  nodes = list_reverse(nodes);
  return node_make(NODE_LET, variables, nodes, expand_body(body, &inner));
}

/* (let name ((v init) ...) body ...) is a call of a procedure that knows
 * itself by name; the inits don't. */
static Value named_let(Value form, const Scope *scope)
{
  Value name = second(form);
  Value rest = cdr(cdr(form));
  Value symbols;
  Value inits;
  Value lambda;
  Value operator;

  split_bindings(car(rest), &symbols, &inits);
  lambda = make_pair(symbol_known(SYM_LAMBDA), make_pair(symbols, cdr(rest)));
  operator= expand_letrec(make_pair(name, NIL), make_pair(lambda, NIL),
                          make_pair(name, NIL), scope);
  return node_make(NODE_CALL, operator, expand_list(inits, scope), NIL);
}

static Value special_let(Value form, const Scope *scope)
{
  Value symbols;
  Value inits;

  (void)expand_length(form, 3, -1);
  if (is_type(second(form), TYPE_SYMBOL)) {
    (void)expand_length(form, 4, -1);
    return named_let(form, scope);
  }
  split_bindings(second(form), &symbols, &inits);
  return make_let(symbols, inits, cdr(cdr(form)), scope);
}

static Value special_letrec(Value form, const Scope *scope)
{
  Value symbols;
  Value inits;

  (void)expand_length(form, 3, -1);
  split_bindings(second(form), &symbols, &inits);
  return expand_letrec(symbols, inits, cdr(cdr(form)), scope);
}


/* Everything */

static const struct {
  const char *name;
  Expander expander;
} specials[] = {
    {"define", special_define},
    {"begin", special_begin},
    {"lambda", special_lambda},
    {"quote", special_quote},
    {"quasiquote", special_quasiquote},
    {"if", special_if},
    {"set!", special_set},
    {"let", special_let},
    {"letrec", special_letrec},
    {"letrec*", special_letrec},
    {"and", special_and},
    {"or", special_or},
    {"define-macro", special_define_macro},
};

/* The first three have their numbers known to body.c. */
int expand_special(Value form, const Scope *scope)
{
  Value syntax = expand_syntax(form, scope);

  return syntax == FALSE_VALUE
             ? -1
             : (int)fixnum_value(syntax->slot[SYNTAX_EXPANDER]);
}

bool expand_is_lambda(Value form, const Scope *scope)
{
  return is_pair(form) && expand_special(form, scope) == SPECIAL_LAMBDA;
}

static bool is_let_like(Value operator, intptr_t operands, const Scope *scope)
{
  return expand_is_lambda(operator, scope) && list_length(operator) >= 3
         && list_length(second(operator)) == operands;
}

static Value expand_call(Value form, const Scope *scope)
{
  Value operator= car(form);
  intptr_t operands = list_length(cdr(form));

  if (operands < 0)
    expand_fail("bad call", form);
  if (is_let_like(operator, operands, scope))
    return make_let(second(operator), cdr(form), cdr(cdr(operator)), scope);
  operator= expand(operator, scope);
  return node_make(NODE_CALL, operator, expand_list(cdr(form), scope), NIL);
}

Value expand(Value form, const Scope *scope)
{
  int special;

  error_check_nesting("compile");
  form = expand_head(form, scope);
  if (is_type(form, TYPE_SYMBOL))
    return expand_symbol(form, scope);
  if (!is_pair(form)) {
    if (form == NIL)
      expand_fail("() is not an expression", form);
    return expand_constant(form);
  }
  special = expand_special(form, scope);
  if (special >= 0)
    return specials[special].expander(form, scope);
  return expand_call(form, scope);
}

Value expand_toplevel(Value form)
{
  Value lambda = make_object(TYPE_NODE, LAMBDA_SLOTS, NIL);
  Scope scope = {NIL, lambda};

  lambda->slot[NODE_KIND] = fixnum(NODE_LAMBDA);
  lambda->slot[LAMBDA_NAME] = FALSE_VALUE;
  lambda->slot[LAMBDA_REST] = FALSE_VALUE;
  lambda->slot[LAMBDA_BODY] = expand(form, &scope);
  return lambda;
}

void expand_create(void)
{
  for (size_t i = 0; i < sizeof specials / sizeof specials[0]; ++i) {
    Value symbol = symbol_intern_c(specials[i].name);
    Value syntax = make_object(TYPE_SYNTAX, SYNTAX_SLOTS, fixnum((intptr_t)i));

    symbol->slot[SYMBOL_VALUE] = syntax;
  }
}
