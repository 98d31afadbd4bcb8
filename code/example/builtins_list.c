/* builtins_list.c -- primitives on pairs, lists, and equality
 *
 * Design: .example.builtins (design/example.rst).
 */

#include "scheme.h"

static Value prim_cons(Value *args)
{
  return make_pair(args[0], args[1]);
}

static Value prim_car(Value *args)
{
  return car(check_pair("car", args[0]));
}

static Value prim_cdr(Value *args)
{
  return cdr(check_pair("cdr", args[0]));
}

/* Follows a path of a and d, the last letter first. */
static Value take_path(const char *who, const char *path, Value v)
{
  for (; *path != '\0'; ++path) {
    (void)check_pair(who, v);
    v = *path == 'a' ? car(v) : cdr(v);
  }
  return v;
}

static Value prim_caar(Value *args)
{
  return take_path("caar", "aa", args[0]);
}

static Value prim_cadr(Value *args)
{
  return take_path("cadr", "da", args[0]);
}

static Value prim_cdar(Value *args)
{
  return take_path("cdar", "ad", args[0]);
}

static Value prim_cddr(Value *args)
{
  return take_path("cddr", "dd", args[0]);
}

static Value prim_caddr(Value *args)
{
  return take_path("caddr", "dda", args[0]);
}

static Value prim_cdddr(Value *args)
{
  return take_path("cdddr", "ddd", args[0]);
}

static Value prim_cadddr(Value *args)
{
  return take_path("cadddr", "ddda", args[0]);
}

static Value prim_set_car(Value *args)
{
  check_pair("set-car!", args[0])->slot[CAR] = args[1];
  return UNSPECIFIED;
}

static Value prim_set_cdr(Value *args)
{
  check_pair("set-cdr!", args[0])->slot[CDR] = args[1];
  return UNSPECIFIED;
}

static Value prim_is_null(Value *args)
{
  return boolean(args[0] == NIL);
}

static Value prim_is_pair(Value *args)
{
  return boolean(is_pair(args[0]));
}

static Value prim_is_list(Value *args)
{
  return boolean(list_length(args[0]) >= 0);
}

static Value prim_list(Value *args, int count)
{
  Value list = NIL;

  for (int i = count - 1; i >= 0; --i)
    list = make_pair(args[i], list);
  return list;
}

static Value prim_cons_star(Value *args, int count)
{
  Value list = args[count - 1];

  for (int i = count - 2; i >= 0; --i)
    list = make_pair(args[i], list);
  return list;
}

static Value prim_make_list(Value *args)
{
  Value fill = args[1] == DEFAULT_OBJECT ? UNSPECIFIED : args[1];
  Value list = NIL;

  for (size_t i = check_index("make-list", args[0], SIZE_MAX); i > 0; --i)
    list = make_pair(fill, list);
  return list;
}

static intptr_t check_list(const char *who, Value v)
{
  intptr_t length = list_length(v);

  if (length < 0)
    error_wrong_type(who, "a list", v);
  return length;
}

static Value prim_length(Value *args)
{
  return fixnum(check_list("length", args[0]));
}

/* A copy of the list in front of the rest, which is shared. */
static Value append_two(Value list, Value rest)
{
  Value head = make_pair(NIL, rest);
  Value tail = head;

  (void)check_list("append", list);
  for (; is_pair(list); list = cdr(list)) {
    Value pair = make_pair(car(list), rest);

    tail->slot[CDR] = pair;
    tail = pair;
  }
  return cdr(head);
}

static Value prim_append(Value *args, int count)
{
  Value list = count == 0 ? NIL : args[count - 1];

  for (int i = count - 2; i >= 0; --i)
    list = append_two(args[i], list);
  return list;
}

/* What isn't a list is its own copy, and so is the end of one that has
 * another end than (). */
static Value prim_list_copy(Value *args)
{
  Value list = args[0];
  Value head = make_pair(NIL, NIL);
  Value tail = head;

  if (list_is_circular(list))
    error_wrong_type("list-copy", "a list that ends", list);
  for (; is_pair(list); list = cdr(list)) {
    Value pair = make_pair(car(list), NIL);

    tail->slot[CDR] = pair;
    tail = pair;
  }
  tail->slot[CDR] = list;
  return cdr(head);
}

static Value prim_reverse(Value *args)
{
  (void)check_list("reverse", args[0]);
  return list_reverse(args[0]);
}

static Value list_drop(const char *who, Value list, Value k)
{
  for (size_t i = check_index(who, k, SIZE_MAX); i > 0; --i)
    list = cdr(check_pair(who, list));
  return list;
}

static Value prim_list_tail(Value *args)
{
  return list_drop("list-tail", args[0], args[1]);
}

static Value prim_list_ref(Value *args)
{
  return car(check_pair("list-ref", list_drop("list-ref", args[0], args[1])));
}

static Value prim_last_pair(Value *args)
{
  Value list = check_pair("last-pair", args[0]);

  if (list_is_circular(list))
    error_wrong_type("last-pair", "a list that ends", list);
  while (is_pair(cdr(list)))
    list = cdr(list);
  return list;
}


/* Equality, and searching by it */

typedef bool (*Equivalence)(Value a, Value b);

static bool values_eq(Value a, Value b)
{
  return a == b;
}

/* Searches go on for so long before they ask whether the list ends. */
#define STEPS_BEFORE_CHECK 1000000

static void check_step(const char *who, Value whole, size_t step)
{
  if (step == STEPS_BEFORE_CHECK && list_is_circular(whole))
    error_wrong_type(who, "a list", whole);
}

static void check_end(const char *who, Value whole, Value end)
{
  if (end != NIL)
    error_wrong_type(who, "a list", whole);
}

static Value find_member(const char *who, const Value *args, Equivalence same)
{
  Value list = args[1];

  for (size_t step = 1; is_pair(list); list = cdr(list), ++step) {
    if (same(args[0], car(list)))
      return list;
    check_step(who, args[1], step);
  }
  check_end(who, args[1], list);
  return FALSE_VALUE;
}

static Value find_entry(const char *who, const Value *args, Equivalence same)
{
  Value list = args[1];

  for (size_t step = 1; is_pair(list); list = cdr(list), ++step) {
    if (same(args[0], car(check_pair(who, car(list)))))
      return car(list);
    check_step(who, args[1], step);
  }
  check_end(who, args[1], list);
  return FALSE_VALUE;
}

static Value prim_memq(Value *args)
{
  return find_member("memq", args, values_eq);
}

static Value prim_memv(Value *args)
{
  return find_member("memv", args, values_eqv);
}

static Value prim_member(Value *args)
{
  return find_member("member", args, values_equal);
}

static Value prim_assq(Value *args)
{
  return find_entry("assq", args, values_eq);
}

static Value prim_assv(Value *args)
{
  return find_entry("assv", args, values_eqv);
}

static Value prim_assoc(Value *args)
{
  return find_entry("assoc", args, values_equal);
}

static Value prim_is_eq(Value *args)
{
  return boolean(args[0] == args[1]);
}

static Value prim_is_eqv(Value *args)
{
  return boolean(values_eqv(args[0], args[1]));
}

static Value prim_is_equal(Value *args)
{
  return boolean(values_equal(args[0], args[1]));
}

static Value prim_not(Value *args)
{
  return boolean(args[0] == FALSE_VALUE);
}

static const Primitive table[] = {
    {"cons", 2, 2, prim_cons, NULL},
    {"%cons", 2, 2, prim_cons, NULL},
    {"car", 1, 1, prim_car, NULL},
    {"cdr", 1, 1, prim_cdr, NULL},
    {"caar", 1, 1, prim_caar, NULL},
    {"cadr", 1, 1, prim_cadr, NULL},
    {"cdar", 1, 1, prim_cdar, NULL},
    {"cddr", 1, 1, prim_cddr, NULL},
    {"caddr", 1, 1, prim_caddr, NULL},
    {"cdddr", 1, 1, prim_cdddr, NULL},
    {"cadddr", 1, 1, prim_cadddr, NULL},
    {"set-car!", 2, 2, prim_set_car, NULL},
    {"set-cdr!", 2, 2, prim_set_cdr, NULL},
    {"null?", 1, 1, prim_is_null, NULL},
    {"pair?", 1, 1, prim_is_pair, NULL},
    {"list?", 1, 1, prim_is_list, NULL},
    {"list", 0, MANY, NULL, prim_list},
    {"cons*", 1, MANY, NULL, prim_cons_star},
    {"make-list", 1, 2, prim_make_list, NULL},
    {"length", 1, 1, prim_length, NULL},
    {"append", 0, MANY, NULL, prim_append},
    {"%append", 0, MANY, NULL, prim_append},
    {"list-copy", 1, 1, prim_list_copy, NULL},
    {"reverse", 1, 1, prim_reverse, NULL},
    {"list-tail", 2, 2, prim_list_tail, NULL},
    {"list-ref", 2, 2, prim_list_ref, NULL},
    {"last-pair", 1, 1, prim_last_pair, NULL},
    {"memq", 2, 2, prim_memq, NULL},
    {"memv", 2, 2, prim_memv, NULL},
    {"%member", 2, 2, prim_member, NULL},
    {"assq", 2, 2, prim_assq, NULL},
    {"assv", 2, 2, prim_assv, NULL},
    {"%assoc", 2, 2, prim_assoc, NULL},
    {"eq?", 2, 2, prim_is_eq, NULL},
    {"eqv?", 2, 2, prim_is_eqv, NULL},
    {"equal?", 2, 2, prim_is_equal, NULL},
    {"not", 1, 1, prim_not, NULL},
};

void builtins_list(void)
{
  primitives_define(table, PRIMITIVE_COUNT(table));
}
