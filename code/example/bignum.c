/* bignum.c -- integers that don't fit in a fixnum
 *
 * The schoolbook methods on 32-bit limbs.  Results are trimmed and become
 * fixnums again when they fit (.example.number.canonical), and operands may
 * be fixnums, which are widened first.
 *
 * Design: .example.number (design/example.rst).
 */

#include <math.h>
#include <string.h>

#include "scheme.h"

/* An operand, from either representation.  The limbs lie in the structure
 * for a fixnum, and in the object for a bignum: limb then points into the
 * object, and being on the C stack it keeps the object in its place. */
typedef struct Limbs {
  int sign;
  size_t length;
  const uint32_t *limb;
  uint32_t small[2];
} Limbs;

static Bignum *as_bignum(Value v)
{
  return (Bignum *)(void *)v;
}

static void limbs_of(Limbs *limbs, Value v)
{
  if (is_fixnum(v)) {
    intptr_t n = fixnum_value(v);
    uintptr_t magnitude = n < 0 ? 0 - (uintptr_t)n : (uintptr_t)n;

    limbs->sign = n < 0 ? -1 : 1;
    limbs->small[0] = (uint32_t)magnitude;
    limbs->small[1] = (uint32_t)(magnitude >> 32);
    limbs->limb = limbs->small;
    limbs->length = limbs->small[1] != 0 ? 2 : limbs->small[0] != 0 ? 1 : 0;
  } else {
    limbs->sign = as_bignum(v)->sign;
    limbs->limb = as_bignum(v)->limb;
    limbs->length = as_bignum(v)->length;
  }
}

/* Takes a fresh bignum with its value set, perhaps with leading zeros. */
static Value bignum_trim(Value v)
{
  Bignum *big = as_bignum(v);
  uint32_t length = big->length;
  uintptr_t magnitude;

  while (length > 0 && big->limb[length - 1] == 0)
    --length;
  big->length = length;
  if (length > 2)
    return v;
  magnitude = length > 1 ? (uintptr_t)big->limb[1] << 32 : 0;
  magnitude |= length > 0 ? big->limb[0] : 0;
  if (big->sign > 0 && magnitude <= (uintptr_t)FIXNUM_MAX)
    return fixnum((intptr_t)magnitude);
  if (big->sign < 0 && magnitude <= (uintptr_t)FIXNUM_MAX + 1)
    return fixnum(-(intptr_t)magnitude);
  return v;
}

static int magnitude_compare(const Limbs *a, const Limbs *b)
{
  if (a->length != b->length)
    return a->length < b->length ? -1 : 1;
  for (size_t i = a->length; i > 0; --i) {
    if (a->limb[i - 1] != b->limb[i - 1])
      return a->limb[i - 1] < b->limb[i - 1] ? -1 : 1;
  }
  return 0;
}

int bignum_compare(Value a, Value b)
{
  Limbs x;
  Limbs y;

  limbs_of(&x, a);
  limbs_of(&y, b);
  if (x.sign != y.sign)
    return x.sign;
  return x.sign * magnitude_compare(&x, &y);
}


/* Sum and difference */

static Value magnitude_add(const Limbs *a, const Limbs *b, int sign)
{
  size_t length = (a->length > b->length ? a->length : b->length) + 1;
  Value sum = make_bignum(length);
  uint64_t carry = 0;

  for (size_t i = 0; i < length; ++i) {
    carry += i < a->length ? a->limb[i] : 0;
    carry += i < b->length ? b->limb[i] : 0;
    as_bignum(sum)->limb[i] = (uint32_t)carry;
    carry >>= 32;
  }
  as_bignum(sum)->sign = sign;
  return bignum_trim(sum);
}

/* The magnitude of a is the greater one. */
static Value magnitude_sub(const Limbs *a, const Limbs *b, int sign)
{
  Value difference = make_bignum(a->length);
  int64_t borrow = 0;

  for (size_t i = 0; i < a->length; ++i) {
    borrow += a->limb[i];
    borrow -= i < b->length ? b->limb[i] : 0;
    as_bignum(difference)->limb[i] = (uint32_t)borrow;
    borrow >>= 32;
  }
  as_bignum(difference)->sign = sign;
  return bignum_trim(difference);
}

static Value bignum_sum(const Limbs *a, const Limbs *b)
{
  if (a->sign == b->sign)
    return magnitude_add(a, b, a->sign);
  if (magnitude_compare(a, b) >= 0)
    return magnitude_sub(a, b, a->sign);
  return magnitude_sub(b, a, b->sign);
}

Value bignum_add(Value a, Value b)
{
  Limbs x;
  Limbs y;

  limbs_of(&x, a);
  limbs_of(&y, b);
  return bignum_sum(&x, &y);
}

Value bignum_sub(Value a, Value b)
{
  Limbs x;
  Limbs y;

  limbs_of(&x, a);
  limbs_of(&y, b);
  y.sign = -y.sign;
  return bignum_sum(&x, &y);
}


/* Product and quotient */

Value bignum_mul(Value a, Value b)
{
  Limbs x;
  Limbs y;
  Value product;
  uint32_t *limb;

  limbs_of(&x, a);
  limbs_of(&y, b);
  product = make_bignum(x.length + y.length);
  limb = as_bignum(product)->limb;
  for (size_t i = 0; i < x.length; ++i) {
    uint64_t carry = 0;

    for (size_t j = 0; j < y.length; ++j) {
      carry += (uint64_t)x.limb[i] * y.limb[j] + limb[i + j];
      limb[i + j] = (uint32_t)carry;
      carry >>= 32;
    }
    limb[i + y.length] = (uint32_t)carry;
  }
  as_bignum(product)->sign = x.sign * y.sign;
  return bignum_trim(product);
}

/* Shifts in one bit of the dividend at a time and subtracts the divisor when
 * it fits: slow, short, and plainly right. */
static void divide_bits(const Limbs *a, const Limbs *b, uint32_t *quotient,
                        uint32_t *rest)
{
  size_t width = b->length + 1;

  for (size_t bit = a->length * 32; bit-- > 0;) {
    uint32_t in = a->limb[bit / 32] >> bit % 32 & 1;
    Limbs partial = {1, width, rest, {0, 0}};

    for (size_t i = 0; i < width; ++i) {
      uint32_t out = rest[i] >> 31;

      rest[i] = rest[i] << 1 | in;
      in = out;
    }
    while (partial.length > 0 && rest[partial.length - 1] == 0)
      --partial.length;
    if (magnitude_compare(&partial, b) >= 0) {
      int64_t borrow = 0;

      for (size_t i = 0; i < width; ++i) {
        borrow += rest[i];
        borrow -= i < b->length ? b->limb[i] : 0;
        rest[i] = (uint32_t)borrow;
        borrow >>= 32;
      }
      quotient[bit / 32] |= (uint32_t)1 << bit % 32;
    }
  }
}

/* By one limb, which is what printing needs.  Returns the remainder. */
static uint32_t divide_small(const uint32_t *limb, size_t length,
                             uint32_t divisor, uint32_t *quotient)
{
  uint64_t rest = 0;

  for (size_t i = length; i-- > 0;) {
    rest = rest << 32 | limb[i];
    quotient[i] = (uint32_t)(rest / divisor);
    rest %= divisor;
  }
  return (uint32_t)rest;
}

/* Truncates towards zero; b isn't zero. */
void bignum_divide(Value a, Value b, Value *quotient_out, Value *remainder_out)
{
  Limbs x;
  Limbs y;
  Value quotient;
  Value rest;

  limbs_of(&x, a);
  limbs_of(&y, b);
  quotient = make_bignum(x.length);
  rest = make_bignum(y.length + 1);
  if (y.length == 1)
    as_bignum(rest)->limb[0]
        = divide_small(x.limb, x.length, y.limb[0], as_bignum(quotient)->limb);
  else
    divide_bits(&x, &y, as_bignum(quotient)->limb, as_bignum(rest)->limb);
  as_bignum(quotient)->sign = x.sign * y.sign;
  as_bignum(rest)->sign = x.sign;
  *quotient_out = bignum_trim(quotient);
  *remainder_out = bignum_trim(rest);
}


/* Conversions */

/* The highest 64 bits are rounded once.  Of the lower ones it only matters
 * whether there are any, for which the lowest bit of the 64 is free. */
double bignum_fraction(Value a, int *exponent_out)
{
  Limbs x;
  uint64_t high = 0;
  uint64_t low = 0;
  int shift;
  int exponent;
  double fraction;

  limbs_of(&x, a);
  for (size_t i = 1; i <= 2; ++i)
    high = high << 32 | (i <= x.length ? x.limb[x.length - i] : 0);
  *exponent_out = 0;
  if (high == 0)
    return 0;
  shift = __builtin_clzll(high);
  for (size_t i = 3; i <= x.length; ++i)
    low = i == 3 ? x.limb[x.length - 3] : low | (x.limb[x.length - i] != 0);
  if (shift > 0)
    high = high << shift | low >> (32 - shift);
  low &= ((uint64_t)1 << (32 - shift)) - 1;
  fraction = frexp((double)(high | (low != 0)), &exponent);
  *exponent_out = exponent - shift + 32 * ((int)x.length - 2);
  return x.sign * fraction;
}

double bignum_to_double(Value a)
{
  int exponent;
  double fraction = bignum_fraction(a, &exponent);

  return ldexp(fraction, exponent);
}

/* The integer part; d is finite. */
Value bignum_from_double(double d)
{
  int exponent;
  double rest = frexp(fabs(trunc(d)), &exponent);
  size_t length = exponent <= 0 ? 0 : ((size_t)exponent + 31) / 32;
  Value big = make_bignum(length);

  rest = ldexp(rest, exponent - 32 * (int)length);
  for (size_t i = length; i-- > 0;) {
    rest = ldexp(rest, 32);
    as_bignum(big)->limb[i] = (uint32_t)rest;
    rest -= floor(rest);
  }
  as_bignum(big)->sign = d < 0 ? -1 : 1;
  return bignum_trim(big);
}

static uint32_t digit_value(char c)
{
  if (c >= '0' && c <= '9')
    return (uint32_t)(c - '0');
  return (uint32_t)((c | 0x20) - 'a' + 10);
}

Value bignum_parse(const char *digits, size_t count, int radix)
{
  Value big = make_bignum(count / 6 + 1); /* a limb holds 6 digits or more */
  Bignum *b = as_bignum(big);

  for (size_t i = 0; i < count; ++i) {
    uint64_t carry = digit_value(digits[i]);

    for (uint32_t j = 0; j < b->length; ++j) {
      carry += (uint64_t)b->limb[j] * (uint32_t)radix;
      b->limb[j] = (uint32_t)carry;
      carry >>= 32;
    }
  }
  return bignum_trim(big);
}

Value bignum_format(Value a, int radix)
{
  Limbs x;
  Value work;
  Value text;
  size_t length;
  size_t at;

  limbs_of(&x, a);
  work = make_bignum(x.length);
  memcpy(as_bignum(work)->limb, x.limb, x.length * sizeof x.limb[0]);
  text = make_string(x.length * 32 + 1, '0');
  at = as_string(text)->length;
  for (length = x.length; length > 0;) {
    uint32_t digit = divide_small(as_bignum(work)->limb, length,
                                  (uint32_t)radix, as_bignum(work)->limb);

    as_string(text)->chars[--at]
        = (uint32_t) "0123456789abcdefghijklmnopqrstuvwxyz"[digit];
    while (length > 0 && as_bignum(work)->limb[length - 1] == 0)
      --length;
  }
  if (x.sign < 0)
    as_string(text)->chars[--at] = '-';
  length = as_string(text)->length - at;
  work = make_string(length, 0);
  memcpy(as_string(work)->chars, as_string(text)->chars + at,
         length * sizeof(uint32_t));
  return work;
}
