/* builtins_number.c -- primitives on numbers
 *
 * There are exact integers and flonums, and no fractions: dividing integers
 * that don't go into each other gives a flonum.
 *
 * Design: .example.number (design/example.rst).
 */

#include <math.h>

#include "scheme.h"

static bool is_flonum(Value v)
{
  return is_type(v, TYPE_FLONUM);
}

static Value check_number(const char *who, Value v)
{
  if (!is_number(v))
    error_wrong_type(who, "a number", v);
  return v;
}


/* Predicates */

static Value prim_is_number(Value *args)
{
  return boolean(is_number(args[0]));
}

static bool is_whole(Value v)
{
  double d;

  if (is_integer(v))
    return true;
  if (!is_flonum(v))
    return false;
  d = number_to_double("integer?", v);
  return isfinite(d) && d == floor(d);
}

static Value prim_is_integer(Value *args)
{
  return boolean(is_whole(args[0]));
}

static Value prim_is_exact(Value *args)
{
  return boolean(is_integer(check_number("exact?", args[0])));
}

static Value prim_is_inexact(Value *args)
{
  return boolean(is_flonum(check_number("inexact?", args[0])));
}

static Value prim_is_exact_integer(Value *args)
{
  return boolean(is_integer(args[0]));
}

static Value prim_is_nan(Value *args)
{
  return boolean(isnan(number_to_double("nan?", args[0])));
}

static Value prim_is_zero(Value *args)
{
  return boolean(number_compare("zero?", args[0], fixnum(0)) == 0);
}

static Value prim_is_positive(Value *args)
{
  return boolean(number_compare("positive?", args[0], fixnum(0)) == 1);
}

static Value prim_is_negative(Value *args)
{
  return boolean(number_compare("negative?", args[0], fixnum(0)) == -1);
}


/* Arithmetic on any number of operands */

static Value prim_add(Value *args, int count)
{
  Value sum = fixnum(0);

  for (int i = 0; i < count; ++i)
    sum = number_add(sum, args[i]);
  return sum;
}

static Value prim_mul(Value *args, int count)
{
  Value product = fixnum(1);

  for (int i = 0; i < count; ++i)
    product = number_mul(product, args[i]);
  return product;
}

static Value prim_sub(Value *args, int count)
{
  Value difference = args[0];

  if (count == 1)
    return number_sub(fixnum(0), args[0]);
  for (int i = 1; i < count; ++i)
    difference = number_sub(difference, args[i]);
  return difference;
}

/* Both are exact integers and b isn't zero, or an error is raised. */
static void divide(const char *who, Value a, Value b, Value *quotient_out,
                   Value *remainder_out)
{
  if (b == fixnum(0))
    error_plain(who, "division by zero");
  if (is_fixnum(a) && is_fixnum(b)) {
    *quotient_out = number_from_int(fixnum_value(a) / fixnum_value(b));
    *remainder_out = fixnum(fixnum_value(a) % fixnum_value(b));
  } else {
    bignum_divide(a, b, quotient_out, remainder_out);
  }
}

/* The quotient of integers that are too big for a float may be none. */
static double divide_to_double(Value a, Value b)
{
  double x = number_to_double("/", a);
  double y = number_to_double("/", b);
  int up;
  int down;

  if (!is_integer(a) || !is_integer(b) || (isfinite(x) && isfinite(y)))
    return x / y;
  x = bignum_fraction(a, &up);
  y = bignum_fraction(b, &down);
  return ldexp(x / y, up - down);
}

static Value divide_two(Value a, Value b)
{
  Value quotient;
  Value rest;

  if (is_integer(a) && is_integer(b)) {
    divide("/", a, b, &quotient, &rest);
    if (rest == fixnum(0))
      return quotient;
  }
  return make_flonum(divide_to_double(a, b));
}

static Value prim_div(Value *args, int count)
{
  Value quotient = args[0];

  if (count == 1)
    return divide_two(fixnum(1), args[0]);
  for (int i = 1; i < count; ++i)
    quotient = divide_two(quotient, args[i]);
  return quotient;
}

/* Compares neighbours; the answer to each pair must have its bit in the
 * mask, where bit 0 is less, 1 equal, 2 greater, 3 unordered. */
static Value compare_all(const char *who, Value *args, int count,
                         unsigned mask)
{
  bool holds = true;

  (void)check_number(who, args[0]);
  for (int i = 0; i + 1 < count; ++i)
    holds = (mask >> (number_compare(who, args[i], args[i + 1]) + 1) & 1) != 0
            && holds;
  return boolean(holds);
}

static Value prim_equal(Value *args, int count)
{
  return compare_all("=", args, count, 2);
}

static Value prim_less(Value *args, int count)
{
  return compare_all("<", args, count, 1);
}

static Value prim_greater(Value *args, int count)
{
  return compare_all(">", args, count, 4);
}

static Value prim_less_equal(Value *args, int count)
{
  return compare_all("<=", args, count, 3);
}

static Value prim_greater_equal(Value *args, int count)
{
  return compare_all(">=", args, count, 6);
}

static Value extreme(const char *who, Value *args, int count, int sign)
{
  Value best = args[0];
  bool inexact = is_flonum(best);

  for (int i = 1; i < count; ++i) {
    inexact = inexact || is_flonum(args[i]);
    if (number_compare(who, args[i], best) == sign)
      best = args[i];
  }
  (void)check_number(who, best);
  return inexact ? make_flonum(number_to_double(who, best)) : best;
}

static Value prim_max(Value *args, int count)
{
  return extreme("max", args, count, 1);
}

static Value prim_min(Value *args, int count)
{
  return extreme("min", args, count, -1);
}


/* Integer division, also of flonums that are whole */

typedef enum Division {
  QUOTIENT,
  REMAINDER,
  MODULO,
  FLOOR_QUOTIENT
} Division;

static Value divide_exact(const char *who, Value a, Value b, Division what)
{
  Value quotient;
  Value rest;
  bool floors;

  divide(who, a, b, &quotient, &rest);
  if (what == QUOTIENT || what == REMAINDER)
    return what == QUOTIENT ? quotient : rest;
  /* Truncation and floor differ when the signs of the rest and the divisor
   * do. */
  floors = rest != fixnum(0)
           && (number_compare(who, rest, fixnum(0)) < 0)
                  != (number_compare(who, b, fixnum(0)) < 0);
  if (what == MODULO)
    return floors ? number_add(rest, b) : rest;
  return floors ? number_sub(quotient, fixnum(1)) : quotient;
}

/* As integers: in floats the quotient would be rounded before it is cut. */
static Value divide_integers(const char *who, const Value *args, Division what)
{
  Value exact[2];
  Value result;

  for (int i = 0; i < 2; ++i) {
    if (!is_whole(args[i]))
      error_wrong_type(who, "an integer", args[i]);
    exact[i] = is_integer(args[i])
                   ? args[i]
                   : bignum_from_double(number_to_double(who, args[i]));
  }
  result = divide_exact(who, exact[0], exact[1], what);
  if (is_flonum(args[0]) || is_flonum(args[1]))
    return make_flonum(number_to_double(who, result));
  return result;
}

static Value prim_quotient(Value *args)
{
  return divide_integers("quotient", args, QUOTIENT);
}

static Value prim_remainder(Value *args)
{
  return divide_integers("remainder", args, REMAINDER);
}

static Value prim_modulo(Value *args)
{
  return divide_integers("modulo", args, MODULO);
}

static Value prim_floor_quotient(Value *args)
{
  return divide_integers("floor-quotient", args, FLOOR_QUOTIENT);
}


/* Real functions */

static Value prim_inexact(Value *args)
{
  if (is_flonum(args[0]))
    return args[0];
  return make_flonum(number_to_double("inexact", args[0]));
}

static Value to_exact(const char *who, double d)
{
  if (!isfinite(d) || d != floor(d))
    error_wrong_type(who, "a whole number", make_flonum(d));
  return bignum_from_double(d);
}

static Value prim_exact(Value *args)
{
  if (is_integer(args[0]))
    return args[0];
  return to_exact("exact", number_to_double("exact", args[0]));
}

static Value apply_real(const char *who, Value v, double (*function)(double))
{
  return make_flonum(function(number_to_double(who, v)));
}

/* Integers are their own floor, exactly. */
static Value round_by(const char *who, Value v, double (*function)(double))
{
  return is_integer(v) ? v : apply_real(who, v, function);
}

static Value prim_floor(Value *args)
{
  return round_by("floor", args[0], floor);
}

static Value prim_ceiling(Value *args)
{
  return round_by("ceiling", args[0], ceil);
}

static Value prim_truncate(Value *args)
{
  return round_by("truncate", args[0], trunc);
}

/* To even when halfway, which is the C library's way of rounding too. */
static Value prim_round(Value *args)
{
  return round_by("round", args[0], nearbyint);
}

static Value prim_exp(Value *args)
{
  return apply_real("exp", args[0], exp);
}

static Value prim_log(Value *args)
{
  double base
      = args[1] == DEFAULT_OBJECT ? 1 : log(number_to_double("log", args[1]));

  return make_flonum(log(number_to_double("log", args[0])) / base);
}

static Value prim_sin(Value *args)
{
  return apply_real("sin", args[0], sin);
}

static Value prim_cos(Value *args)
{
  return apply_real("cos", args[0], cos);
}

static Value prim_tan(Value *args)
{
  return apply_real("tan", args[0], tan);
}

static Value prim_asin(Value *args)
{
  return apply_real("asin", args[0], asin);
}

static Value prim_acos(Value *args)
{
  return apply_real("acos", args[0], acos);
}

static Value prim_atan(Value *args)
{
  if (args[1] == DEFAULT_OBJECT)
    return apply_real("atan", args[0], atan);
  return make_flonum(atan2(number_to_double("atan", args[0]),
                           number_to_double("atan", args[1])));
}

/* Of an integer that may be too big for a float. */
static double big_sqrt(Value v)
{
  int exponent;
  double fraction = bignum_fraction(v, &exponent);
  int odd = exponent & 1;

  return ldexp(sqrt(ldexp(fraction, odd)), (exponent - odd) / 2);
}

/* Exact if it can be; there are no complex numbers. */
static Value prim_sqrt(Value *args)
{
  double d = number_to_double("sqrt", args[0]);
  double root
      = is_type(args[0], TYPE_BIGNUM) && d > 0 ? big_sqrt(args[0]) : sqrt(d);

  if (d < 0)
    error_wrong_type("sqrt", "a number that isn't negative", args[0]);
  if (is_fixnum(args[0]) && root == floor(root)
      && number_mul(fixnum((intptr_t)root), fixnum((intptr_t)root)) == args[0])
    return fixnum((intptr_t)root);
  return make_flonum(root);
}

static Value prim_flonum_expt(Value *args)
{
  return make_flonum(pow(number_to_double("expt", args[0]),
                         number_to_double("expt", args[1])));
}


/* Bits, of fixnums */

static Value prim_bitwise_and(Value *args, int count)
{
  intptr_t bits = -1;

  for (int i = 0; i < count; ++i)
    bits &= check_fixnum("bitwise-and", args[i]);
  return fixnum(bits);
}

static Value prim_bitwise_or(Value *args, int count)
{
  intptr_t bits = 0;

  for (int i = 0; i < count; ++i)
    bits |= check_fixnum("bitwise-ior", args[i]);
  return fixnum(bits);
}

static Value prim_bitwise_xor(Value *args, int count)
{
  intptr_t bits = 0;

  for (int i = 0; i < count; ++i)
    bits ^= check_fixnum("bitwise-xor", args[i]);
  return fixnum(bits);
}

static Value prim_bitwise_not(Value *args)
{
  return fixnum(~check_fixnum("bitwise-not", args[0]));
}

/* To the right only; the prelude shifts to the left by multiplication. */
static Value prim_shift_right(Value *args)
{
  intptr_t bits = check_fixnum("arithmetic-shift", args[0]);
  size_t count = check_index("arithmetic-shift", args[1], SIZE_MAX);

  return fixnum(bits >> (count > 62 ? 62 : count));
}


/* Text */

static int check_radix(const char *who, Value v)
{
  size_t radix = v == DEFAULT_OBJECT ? 10 : check_index(who, v, 36);

  if (radix < 2)
    error_wrong_type(who, "a radix from 2 to 36", v);
  return (int)radix;
}

static Value prim_number_to_string(Value *args)
{
  return number_format(check_number("number->string", args[0]),
                       check_radix("number->string", args[1]));
}

static Value prim_string_to_number(Value *args)
{
  return number_parse(check_string("string->number", args[0]),
                      check_radix("string->number", args[1]));
}

static const Primitive table[] = {
    {"number?", 1, 1, prim_is_number, NULL},
    {"real?", 1, 1, prim_is_number, NULL},
    {"integer?", 1, 1, prim_is_integer, NULL},
    {"exact?", 1, 1, prim_is_exact, NULL},
    {"inexact?", 1, 1, prim_is_inexact, NULL},
    {"exact-integer?", 1, 1, prim_is_exact_integer, NULL},
    {"nan?", 1, 1, prim_is_nan, NULL},
    {"zero?", 1, 1, prim_is_zero, NULL},
    {"positive?", 1, 1, prim_is_positive, NULL},
    {"negative?", 1, 1, prim_is_negative, NULL},
    {"+", 0, MANY, NULL, prim_add},
    {"*", 0, MANY, NULL, prim_mul},
    {"-", 1, MANY, NULL, prim_sub},
    {"/", 1, MANY, NULL, prim_div},
    {"=", 1, MANY, NULL, prim_equal},
    {"<", 1, MANY, NULL, prim_less},
    {">", 1, MANY, NULL, prim_greater},
    {"<=", 1, MANY, NULL, prim_less_equal},
    {">=", 1, MANY, NULL, prim_greater_equal},
    {"max", 1, MANY, NULL, prim_max},
    {"min", 1, MANY, NULL, prim_min},
    {"quotient", 2, 2, prim_quotient, NULL},
    {"remainder", 2, 2, prim_remainder, NULL},
    {"modulo", 2, 2, prim_modulo, NULL},
    {"truncate-quotient", 2, 2, prim_quotient, NULL},
    {"truncate-remainder", 2, 2, prim_remainder, NULL},
    {"floor-quotient", 2, 2, prim_floor_quotient, NULL},
    {"floor-remainder", 2, 2, prim_modulo, NULL},
    {"inexact", 1, 1, prim_inexact, NULL},
    {"exact", 1, 1, prim_exact, NULL},
    {"floor", 1, 1, prim_floor, NULL},
    {"ceiling", 1, 1, prim_ceiling, NULL},
    {"truncate", 1, 1, prim_truncate, NULL},
    {"round", 1, 1, prim_round, NULL},
    {"exp", 1, 1, prim_exp, NULL},
    {"log", 1, 2, prim_log, NULL},
    {"sin", 1, 1, prim_sin, NULL},
    {"cos", 1, 1, prim_cos, NULL},
    {"tan", 1, 1, prim_tan, NULL},
    {"asin", 1, 1, prim_asin, NULL},
    {"acos", 1, 1, prim_acos, NULL},
    {"atan", 1, 2, prim_atan, NULL},
    {"sqrt", 1, 1, prim_sqrt, NULL},
    {"%flonum-expt", 2, 2, prim_flonum_expt, NULL},
    {"bitwise-and", 0, MANY, NULL, prim_bitwise_and},
    {"bitwise-ior", 0, MANY, NULL, prim_bitwise_or},
    {"bitwise-xor", 0, MANY, NULL, prim_bitwise_xor},
    {"bitwise-not", 1, 1, prim_bitwise_not, NULL},
    {"%shift-right", 2, 2, prim_shift_right, NULL},
    {"number->string", 1, 2, prim_number_to_string, NULL},
    {"string->number", 1, 2, prim_string_to_number, NULL},
};

void builtins_number(void)
{
  primitives_define(table, PRIMITIVE_COUNT(table));
}
