/* args.c -- keyword arguments
 *
 * Lists are short, so they are searched from the front.
 *
 * Design: .interface.args, .interface.args.inv.end (design/interface.rst).
 */

#include "args.h"

#define ARGS_SIG ((Sig)0x4B657941) /* "KeyA" */

/* The rules: a text, and a condition on the member of val. */
#define ARGS_TEXT_ANY "has any value"
#define ARGS_RULE_ANY(value) ((void)(value), true)
#define ARGS_TEXT_GIVEN "is not null"
#define ARGS_RULE_GIVEN(value) ((value) != NULL)
#define ARGS_TEXT_POSITIVE "is positive"
#define ARGS_RULE_POSITIVE(value) ((value) > 0)
#define ARGS_TEXT_POW2 "is a power of two"
#define ARGS_RULE_POW2(value) (size_is_pow2(value))
#define ARGS_TEXT_FRACTION "lies between 0.0 and 1.0"
#define ARGS_RULE_FRACTION(value) ((value) >= 0.0 && (value) <= 1.0)
#define ARGS_TEXT_TIME "is not negative"
#define ARGS_RULE_TIME(value) ((value) >= 0.0)

/* The keys.  Comparisons are written so that a NaN breaks every rule. */
#define ARGS_DEFINE(key, field, rule, function) \
  static bool args_is_valid_##key(const mps_arg_s *arg) \
  { \
    return ARGS_RULE_##rule(arg->val.field); \
  } \
  const struct mps_key_s _mps_key_##key = { \
      ARGS_SIG, "MPS_KEY_" #key, #function ": MPS_KEY_" #key " is required", \
      #function ": MPS_KEY_" #key " " ARGS_TEXT_##rule, args_is_valid_##key};

ARGS_KEYS(ARGS_DEFINE)

static bool args_is_never_valid(const mps_arg_s *arg)
{
  return false;
}

const struct mps_key_s _mps_key_ARGS_END
    = {ARGS_SIG, "MPS_KEY_ARGS_END", "MPS_KEY_ARGS_END is required",
       "MPS_KEY_ARGS_END has no value", args_is_never_valid};

/* What the key of a broken argument is replaced by. */
static const struct mps_key_s args_key_broken
    = {ARGS_SIG, "a broken argument", "", "", args_is_never_valid};

mps_arg_s mps_args_none[] = {{.key = MPS_KEY_ARGS_END}};

void _mps_args_full(void)
{
  base_report(__FILE__, __LINE__,
              "MPS_ARGS_ADD: a list holds less than MPS_ARGS_MAX arguments");
}

bool args_check(const mps_arg_s *args)
{
  if (args == NULL)
    return false;
  for (Index i = 0; i < MPS_ARGS_MAX; ++i) {
    if (args[i].key == NULL || args[i].key->sig != ARGS_SIG)
      return false;
    if (args[i].key == MPS_KEY_ARGS_END)
      return true;
  }
  return false;
}

/* The first argument of this key, or the end of the list.  Bounded by the
 * end alone: args_check has seen it (.interface.args.inv.end). */
static Index args_find(const mps_arg_s *args, mps_key_t key)
{
  Index i = 0;

  ASSERT(key != NULL && key->sig == ARGS_SIG && key != MPS_KEY_ARGS_END);
  while (args[i].key != key && args[i].key != MPS_KEY_ARGS_END)
    ++i;
  return i;
}

bool args_has(const mps_arg_s *args, mps_key_t key)
{
  ASSERT(args_check(args));
  return args[args_find(args, key)].key == key;
}

bool args_pick(mps_arg_s *args, mps_key_t key, mps_arg_s *arg_out)
{
  Index i;
  mps_arg_s arg;

  ASSERT(args_check(args));
  i = args_find(args, key);
  if (args[i].key != key)
    return false;
  arg = args[i];
  if (!key->is_valid(&arg)) {
    args[i].key = &args_key_broken;
    base_report(__FILE__, __LINE__, key->broken);
    return false;
  }
  do { /* the end moves down too (.interface.args.inv.end) */
    args[i] = args[i + 1];
  } while (args[i++].key != MPS_KEY_ARGS_END);
  *arg_out = arg;
  return true;
}

bool args_are_broken(const mps_arg_s *args)
{
  ASSERT(args_check(args));
  return args[args_find(args, &args_key_broken)].key == &args_key_broken;
}

bool args_require(mps_arg_s *args, mps_key_t key, mps_arg_s *arg_out)
{
  ASSERT(args_check(args));
  if (!args_has(args, key)) {
    base_report(__FILE__, __LINE__, key->required);
    return false;
  }
  return args_pick(args, key, arg_out);
}
