/* test_args.c -- keyword arguments against an array that is filtered
 *
 * Lists of every key, in random order and with doubles, are picked from and
 * compared with what a plain filter leaves.
 */

#include "base/args.h"
#include "include/mpsacl.h"
#include "include/mpsavm.h"
#include "include/mpscams.h"
#include "include/mpscawl.h"
#include "include/mpscblk.h"
#include "include/mpscmfs.h"
#include "include/mpscmvff.h"
#include "include/mpscmvt.h"
#include "include/mpslib.h"
#include "unit.h"

#include <math.h>
#include <string.h>

#define KEY_ENTRY(key, field, rule, function) MPS_KEY_##key,
static mps_key_t all[] = {ARGS_KEYS(KEY_ENTRY)};

enum {
  KEYS = sizeof all / sizeof all[0]
};

/* What the last assertion said, and how many there were. */
static char complaint[200];
static int complaints;

static void complain(const char *file, unsigned line, const char *condition)
{
  (void)strncpy(complaint, condition, sizeof complaint - 1);
  ++complaints;
}

static void listen_to_complaints(void)
{
  complaints = 0;
  complaint[0] = '\0';
  (void)mps_lib_assert_fail_install(complain);
}

/* A list of random keys; the value of each says where it was.  Of a key that
 * all members of val are valid for. */
static Count random_list(mps_arg_s *args)
{
  Count count = unit_random(MPS_ARGS_MAX);

  for (Index i = 0; i < count; ++i) {
    args[i].key = all[unit_random(KEYS)];
    args[i].val.count = (mps_word_t)1 << i;
    if (args[i].key == MPS_KEY_SPARE || args[i].key == MPS_KEY_PAUSE_TIME
        || args[i].key == MPS_KEY_MVT_FRAG_LIMIT)
      args[i].val.d = 1.0 / (double)(i + 1);
  }
  args[count].key = MPS_KEY_ARGS_END;
  return count;
}

/* Take the first of a key out of a list, as told by its definition. */
static bool oracle_pick(mps_arg_s *args, Count *count_io, mps_key_t key,
                        mps_arg_s *arg_out)
{
  Count kept = 0;
  bool found = false;

  for (Index i = 0; i < *count_io; ++i)
    if (!found && args[i].key == key) {
      *arg_out = args[i];
      found = true;
    } else {
      args[kept++] = args[i];
    }
  *count_io = kept;
  return found;
}

static void expect_same(const mps_arg_s *one, const mps_arg_s *other,
                        Count count)
{
  for (Index i = 0; i < count; ++i) {
    EXPECT(one[i].key == other[i].key);
    EXPECT(one[i].val.count == other[i].val.count);
  }
  EXPECT(one[count].key == MPS_KEY_ARGS_END);
}

/* COVERS(".interface.req.args") */
START_TEST(pick_takes_the_first_and_keeps_the_order)
{
  mps_arg_s args[MPS_ARGS_MAX];
  mps_arg_s model[MPS_ARGS_MAX];

  for (int round = 0; round < 20000; ++round) {
    Count count = random_list(args);
    memcpy(model, args, sizeof args);
    for (int picks = 0; picks < 8; ++picks) {
      mps_key_t key = all[unit_random(KEYS)];
      mps_arg_s got = {0};
      mps_arg_s want = {0};
      bool has = args_has(args, key);
      EXPECT(args_check(args));
      EXPECT(has == oracle_pick(model, &count, key, &want));
      EXPECT(args_pick(args, key, &got) == has);
      EXPECT(!has || (got.key == key && want.val.count == got.val.count));
      EXPECT(has || got.key == NULL);
      expect_same(args, model, count);
    }
  }
}
END_TEST

/* COVERS(".interface.req.args"): a client builds the list, we pick. */
START_TEST(macros_build_what_pick_finds)
{
  mps_arg_s arg;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, 0);
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.25);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, 1);
    MPS_ARGS_ADD_FIELD(args, MPS_KEY_EXTEND_BY, size, 4096);
    MPS_ARGS_DONE(args);
    ck_assert(args_pick(args, MPS_KEY_INTERIOR, &arg));
    ck_assert_int_eq(arg.val.b, 0);
    ck_assert(args_pick(args, MPS_KEY_EXTEND_BY, &arg));
    ck_assert_uint_eq(arg.val.size, 4096);
    ck_assert(!args_pick(args, MPS_KEY_EXTEND_BY, &arg));
    ck_assert(args[0].key == MPS_KEY_SPARE);
    ck_assert(args[1].key == MPS_KEY_INTERIOR && args[1].val.b == 1);
    ck_assert(args[2].key == MPS_KEY_ARGS_END);
  }
  MPS_ARGS_END(args);
  ck_assert(args_check(mps_args_none));
  ck_assert(!args_pick(mps_args_none, MPS_KEY_SPARE, &arg));
}
END_TEST

/* COVERS(".interface.req.args.full") */
START_TEST(a_full_list_is_reported_and_stays_a_list)
{
  listen_to_complaints();
  MPS_ARGS_BEGIN(args)
  {
    for (unsigned i = 0; i < MPS_ARGS_MAX - 1; ++i)
      MPS_ARGS_ADD(args, MPS_KEY_GEN, i);
    ck_assert_int_eq(complaints, 0);
    MPS_ARGS_ADD(args, MPS_KEY_GEN, 99);
    ck_assert_int_eq(complaints, 1);
    ck_assert(args_check(args));
    ck_assert_uint_eq(args[MPS_ARGS_MAX - 2].val.u, MPS_ARGS_MAX - 2);
  }
  MPS_ARGS_END(args);
}
END_TEST

/* COVERS(".interface.req.args.required") */
START_TEST(a_missing_key_is_named)
{
  mps_arg_s arg = {0};

  listen_to_complaints();
  MPS_ARGS_BEGIN(args)
  {
    ck_assert(!args_require(args, MPS_KEY_FORMAT, &arg));
    ck_assert_int_eq(complaints, 1);
    ck_assert_str_eq(complaint,
                     "mps_pool_create_k: MPS_KEY_FORMAT is required");
    ck_assert_ptr_null(arg.key);
    MPS_ARGS_ADD(args, MPS_KEY_GEN, 3);
    ck_assert(args_require(args, MPS_KEY_GEN, &arg));
    ck_assert_uint_eq(arg.val.u, 3);
    ck_assert_int_eq(complaints, 1);
  }
  MPS_ARGS_END(args);
}
END_TEST

/* Is the value of the only argument of a list taken, or else reported by
 * the name of its key? */
static bool is_taken(mps_arg_s *args, const char *name)
{
  mps_arg_s arg;
  int before = complaints;
  bool taken = args_pick(args, args[0].key, &arg);

  EXPECT(complaints == before + !taken);
  EXPECT(taken || strstr(complaint, name) != NULL);
  EXPECT((args[0].key == MPS_KEY_ARGS_END) == taken);
  EXPECT(args_check(args) && args_are_broken(args) == !taken);
  return taken;
}

#define TAKEN(key_, value) \
  is_taken((mps_arg_s[]){{.key = key_, .val = {.key_##_FIELD = (value)}}, \
                         {.key = MPS_KEY_ARGS_END}}, \
           #key_)

/* COVERS(".interface.req.args.rule") */
START_TEST(values_that_break_a_rule_are_reported)
{
  listen_to_complaints();
  ck_assert(TAKEN(MPS_KEY_ALIGN, 16));
  ck_assert(!TAKEN(MPS_KEY_ALIGN, 24));
  ck_assert(!TAKEN(MPS_KEY_ALIGN, 0));
  ck_assert(TAKEN(MPS_KEY_EXTEND_BY, 1));
  ck_assert(!TAKEN(MPS_KEY_EXTEND_BY, 0));
  ck_assert(TAKEN(MPS_KEY_SPARE, 0.0));
  ck_assert(TAKEN(MPS_KEY_SPARE, 1.0));
  ck_assert(!TAKEN(MPS_KEY_SPARE, -0.1));
  ck_assert(!TAKEN(MPS_KEY_SPARE, 1.1));
  ck_assert(!TAKEN(MPS_KEY_SPARE, (double)NAN));
  ck_assert(TAKEN(MPS_KEY_PAUSE_TIME, (double)INFINITY));
  ck_assert(!TAKEN(MPS_KEY_PAUSE_TIME, -1.0));
  ck_assert(!TAKEN(MPS_KEY_PAUSE_TIME, (double)NAN));
  ck_assert(!TAKEN(MPS_KEY_CHAIN, NULL));
  ck_assert(TAKEN(MPS_KEY_CHAIN, (mps_chain_t)&complaint));
  ck_assert(TAKEN(MPS_KEY_GEN, 0));
  ck_assert(TAKEN(MPS_KEY_MVT_RESERVE_DEPTH, 0));
}
END_TEST

/* COVERS(".interface.req.args.list") */
START_TEST(what_is_no_list_is_refused)
{
  mps_arg_s args[MPS_ARGS_MAX + 1];
  static const struct mps_key_s stranger = {.name = "none of ours"};

  ck_assert(!args_check(NULL));
  for (Index i = 0; i <= MPS_ARGS_MAX; ++i)
    args[i] = (mps_arg_s){.key = MPS_KEY_GEN};
  args[MPS_ARGS_MAX].key = MPS_KEY_ARGS_END;
  ck_assert(!args_check(args)); /* one too long */
  args[MPS_ARGS_MAX - 1].key = MPS_KEY_ARGS_END;
  ck_assert(args_check(args));
  args[3].key = NULL;
  ck_assert(!args_check(args));
  args[3].key = &stranger;
  ck_assert(!args_check(args));
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("args");

  unit_seed("args");
  unit_add(suite, "pick", pick_takes_the_first_and_keeps_the_order);
  unit_add(suite, "macros", macros_build_what_pick_finds);
  unit_add(suite, "full", a_full_list_is_reported_and_stays_a_list);
  unit_add(suite, "required", a_missing_key_is_named);
  unit_add(suite, "rule", values_that_break_a_rule_are_reported);
  unit_add(suite, "list", what_is_no_list_is_refused);
  return unit_run(suite);
}
