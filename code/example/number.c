/* number.c -- arithmetic on fixnums, bignums and flonums
 *
 * An exact integer is a fixnum whenever it fits, so that equal integers have
 * one representation; bignum.c makes sure of that.  An operation with a
 * flonum among its operands gives a flonum.
 *
 * Design: .example.number (design/example.rst).
 */

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scheme.h"

static double flonum_value(Value v)
{
  return ((Flonum *)(void *)v)->value;
}

bool is_integer(Value v)
{
  return is_fixnum(v) || is_type(v, TYPE_BIGNUM);
}

bool is_number(Value v)
{
  return is_integer(v) || is_type(v, TYPE_FLONUM);
}

Value number_from_int(intptr_t n)
{
  Value big;
  uintptr_t magnitude;

  if (n >= FIXNUM_MIN && n <= FIXNUM_MAX)
    return fixnum(n);
  big = make_bignum(2);
  magnitude = n < 0 ? 0 - (uintptr_t)n : (uintptr_t)n;
  ((Bignum *)(void *)big)->sign = n < 0 ? -1 : 1;
  ((Bignum *)(void *)big)->limb[0] = (uint32_t)magnitude;
  ((Bignum *)(void *)big)->limb[1] = (uint32_t)(magnitude >> 32);
  return big;
}

double number_to_double(const char *who, Value v)
{
  if (is_fixnum(v))
    return (double)fixnum_value(v);
  if (is_type(v, TYPE_FLONUM))
    return flonum_value(v);
  if (is_type(v, TYPE_BIGNUM))
    return bignum_to_double(v);
  error_wrong_type(who, "a number", v);
}

static bool either_is_flonum(Value a, Value b)
{
  return is_type(a, TYPE_FLONUM) || is_type(b, TYPE_FLONUM);
}

static void check_numbers(const char *who, Value a, Value b)
{
  if (!is_number(a))
    error_wrong_type(who, "a number", a);
  if (!is_number(b))
    error_wrong_type(who, "a number", b);
}

Value number_add(Value a, Value b)
{
  intptr_t sum;

  if (is_fixnum(a) && is_fixnum(b)) {
    sum = fixnum_value(a) + fixnum_value(b); /* has a bit to spare */
    return number_from_int(sum);
  }
  check_numbers("+", a, b);
  if (either_is_flonum(a, b))
    return make_flonum(number_to_double("+", a) + number_to_double("+", b));
  return bignum_add(a, b);
}

Value number_sub(Value a, Value b)
{
  if (is_fixnum(a) && is_fixnum(b))
    return number_from_int(fixnum_value(a) - fixnum_value(b));
  check_numbers("-", a, b);
  if (either_is_flonum(a, b))
    return make_flonum(number_to_double("-", a) - number_to_double("-", b));
  return bignum_sub(a, b);
}

Value number_mul(Value a, Value b)
{
  intptr_t product;

  if (is_fixnum(a) && is_fixnum(b)
      && !__builtin_mul_overflow(fixnum_value(a), fixnum_value(b), &product))
    return number_from_int(product);
  check_numbers("*", a, b);
  if (either_is_flonum(a, b))
    return make_flonum(number_to_double("*", a) * number_to_double("*", b));
  return bignum_mul(a, b);
}

/* Rounding the integer would make it equal to a float that it isn't. */
static int compare_with_double(Value integer, double d)
{
  int order;

  if (isnan(d))
    return 2;
  if (isinf(d))
    return d > 0 ? -1 : 1;
  order = bignum_compare(integer, bignum_from_double(d));
  if (order != 0 || d == trunc(d))
    return order;
  return d > 0 ? -1 : 1;
}

static int compare_flonums(double x, double y)
{
  return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
}

int number_compare(const char *who, Value a, Value b)
{
  if (is_fixnum(a) && is_fixnum(b))
    return ((intptr_t)a > (intptr_t)b) - ((intptr_t)a < (intptr_t)b);
  int order;

  check_numbers(who, a, b);
  if (!either_is_flonum(a, b))
    return bignum_compare(a, b);
  if (!is_integer(a) && !is_integer(b))
    return compare_flonums(flonum_value(a), flonum_value(b));
  if (is_integer(a))
    return compare_with_double(a, flonum_value(b));
  order = compare_with_double(b, flonum_value(a));
  return order == 2 ? 2 : -order;
}

uintptr_t number_hash(Value v)
{
  uint64_t bits = 0;

  if (is_fixnum(v)) {
    bits = (uint64_t)fixnum_value(v);
  } else if (is_type(v, TYPE_FLONUM)) {
    double d = flonum_value(v);

    memcpy(&bits, &d, sizeof bits);
  } else {
    const Bignum *big = (Bignum *)(void *)v;

    for (uint32_t i = 0; i < big->length; ++i)
      bits = bits * 31 + big->limb[i];
  }
  bits *= UINT64_C(0x9E3779B97F4A7C15);
  return (uintptr_t)(bits ^ bits >> 32);
}


/* Text */

static bool digits_only(const char *text, int radix)
{
  for (; *text != '\0'; ++text) {
    int digit = isdigit((unsigned char)*text) ? *text - '0'
                : isalpha((unsigned char)*text)
                    ? tolower((unsigned char)*text) - 'a' + 10
                    : radix;

    if (digit >= radix)
      return false;
  }
  return true;
}

/* A float in decimal: digits with a point or an exponent, nothing that
 * strtod alone would take, like "inf" or "0x10". */
static bool looks_like_float(const char *text)
{
  bool digits = false;

  if (*text == '+' || *text == '-')
    ++text;
  for (; isdigit((unsigned char)*text) || *text == '.'; ++text)
    digits = digits || *text != '.';
  if (!digits)
    return false;
  if (*text == 'e' || *text == 'E') {
    ++text;
    if (*text == '+' || *text == '-')
      ++text;
    if (!isdigit((unsigned char)*text))
      return false;
    while (isdigit((unsigned char)*text))
      ++text;
  }
  return *text == '\0';
}

static Value parse_special(const char *text)
{
  if (strcmp(text, "+inf.0") == 0)
    return make_flonum(INFINITY);
  if (strcmp(text, "-inf.0") == 0)
    return make_flonum(-INFINITY);
  if (strcmp(text, "+nan.0") == 0 || strcmp(text, "-nan.0") == 0)
    return make_flonum(NAN);
  return FALSE_VALUE;
}

static Value parse_integer(const char *text, int radix)
{
  bool negative = *text == '-';
  const char *digits = text + (*text == '-' || *text == '+');
  size_t count = strlen(digits);
  Value value;

  if (count == 0 || !digits_only(digits, radix))
    return FALSE_VALUE;
  value = bignum_parse(digits, count, radix);
  return negative ? number_sub(fixnum(0), value) : value;
}

/* The text of a number that may be of any length: so it is in an object, which
 * the reference in the caller keeps in its place.  Null if there is a
 * character that no number has. */
static const char *number_text(Value string)
{
  const String *s = as_string(string);
  Bytes *text = as_bytes(make_bytes(s->length + 1, 0));

  for (size_t i = 0; i < s->length; ++i) {
    if (s->chars[i] == 0 || s->chars[i] >= 0x80)
      return NULL;
    text->data[i] = (unsigned char)s->chars[i];
  }
  return (const char *)text->data;
}

Value number_parse(Value string, int radix)
{
  const char *start = number_text(string);
  char *end;
  Value value;
  double d;

  if (start == NULL)
    return FALSE_VALUE;
  if (start[0] == '#' && start[1] != '\0') {
    radix = start[1] == 'x'   ? 16
            : start[1] == 'b' ? 2
            : start[1] == 'o' ? 8
            : start[1] == 'd' ? 10
                              : 0;
    if (radix == 0)
      return FALSE_VALUE;
    start += 2;
  }
  value = parse_integer(start, radix);
  if (value != FALSE_VALUE || radix != 10)
    return value;
  if (!looks_like_float(start))
    return parse_special(start);
  d = strtod(start, &end);
  return *end == '\0' ? make_flonum(d) : FALSE_VALUE;
}

/* The fewest digits that read back as the same number. */
static Value format_flonum(double d)
{
  char text[40];

  if (isnan(d))
    return string_from_c("+nan.0");
  if (isinf(d))
    return string_from_c(d > 0 ? "+inf.0" : "-inf.0");
  for (int digits = 1; digits <= 17; ++digits) {
    (void)snprintf(text, sizeof text, "%.*g", digits, d);
    if (strtod(text, NULL) == d)
      break;
  }
  /* Whole numbers up to 2^53 in plain digits, so 100.0 isn't "1e+02". */
  if (strchr(text, 'e') != NULL && fabs(d) < 9007199254740992.0
      && d == floor(d))
    (void)snprintf(text, sizeof text, "%.0f", d);
  if (strpbrk(text, ".e") == NULL)
    (void)snprintf(text + strlen(text), 3, ".0");
  return string_from_c(text);
}

static Value format_fixnum(intptr_t n, int radix)
{
  char text[72];
  char *p = text + sizeof text - 1;
  uintptr_t magnitude = n < 0 ? 0 - (uintptr_t)n : (uintptr_t)n;

  *p = '\0';
  do {
    *--p
        = "0123456789abcdefghijklmnopqrstuvwxyz"[magnitude % (uintptr_t)radix];
    magnitude /= (uintptr_t)radix;
  } while (magnitude != 0);
  if (n < 0)
    *--p = '-';
  return string_from_c(p);
}

Value number_format(Value number, int radix)
{
  if (is_fixnum(number))
    return format_fixnum(fixnum_value(number), radix);
  if (is_type(number, TYPE_FLONUM) && radix != 10)
    error_wrong_type("number->string", "an exact integer for this radix",
                     number);
  if (is_type(number, TYPE_FLONUM))
    return format_flonum(flonum_value(number));
  return bignum_format(number, radix);
}
