/* test_misuse_stay.c -- misuse of pools whose objects stay, and of pairs
 *
 * The cases; misuse.h says what is expected of each.
 */

#include "misuse.h"

#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

/* A scan method hands in a pair without its key, or its value, once. */
static mps_addr_t pair_word;
static mps_addr_t *pair_key;
static mps_addr_t *pair_value;

static mps_res_t scan_pair(mps_ss_t ss, void *p, size_t s)
{
  (void)s;
  (void)mps_fix_weak_pair(ss, p, pair_key, pair_value);
  pair_key = &pair_word;
  pair_value = &pair_word;
  return MPS_RES_OK;
}

static void pair_with(mps_addr_t *key_io, mps_addr_t *value_io)
{
  mps_root_t root = NULL;

  pair_key = key_io;
  pair_value = value_io;
  MUST(mps_root_create(&root, ARENA, mps_rank_exact(), 0, scan_pair, NULL, 0));
  MUST(mps_arena_collect(ARENA));
  mps_root_destroy(root);
}

CASE(pair_no_key, "mps_fix_weak_pair", "key_io", pair_with(NULL, &pair_word);)
CASE(pair_no_value, "mps_fix_weak_pair", "value_io",
     pair_with(&pair_word, NULL);)
CASE(pair_null, "mps_fix_weak_pair", "ss",
     (void)mps_fix_weak_pair(NULL, NULL, &pair_word, &pair_word);)
CASE(or_pair_bogus, "mps_fix_weak_or_pair", "ss",
     (void)mps_fix_weak_or_pair(BOGUS(mps_ss_t), NULL, &pair_word,
                                &pair_word);)
CASE(and_pair_bogus, "mps_fix_weak_and_pair", "ss",
     (void)mps_fix_weak_and_pair(BOGUS(mps_ss_t), NULL, &pair_word,
                                 &pair_word);)

/* A pool, and an allocation point of it, one of which is refused. */
static void stay_pool_with(mps_pool_class_t class, mps_fmt_t fmt, unsigned gen,
                           mps_rank_t rank)
{
  mps_pool_t pool;
  mps_ap_t ap;
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    if (fmt != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, world.client.chain);
    MPS_ARGS_ADD(args, MPS_KEY_GEN, gen);
    res = mps_pool_create_k(&pool, ARENA, class, args);
  }
  MPS_ARGS_END(args);
  if (res != MPS_RES_OK) {
    EXPECT(res == MPS_RES_PARAM);
    return;
  }
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, rank);
    res = mps_ap_create_k(&ap, pool, args);
  }
  MPS_ARGS_END(args);
  EXPECT(res == MPS_RES_PARAM);
  mps_pool_destroy(pool);
}

CASE(lo_no_format, "mps_pool_create", "FORMAT",
     stay_pool_with(mps_class_lo(), NULL, 0, 0);)
CASE(lo_gen, "mps_pool_create", "GEN",
     stay_pool_with(mps_class_lo(), world.client.fmt, 3, 0);)
CASE(ams_rank, "mps_ap_create", "RANK",
     stay_pool_with(mps_class_ams(), world.client.fmt, 0, mps_rank_weak());)
CASE(awl_rank, "mps_ap_create", "RANK",
     stay_pool_with(mps_class_awl(), world.client.fmt, 0, mps_rank_ambig());)
CASE(awl_no_rank, "mps_ap_create", "RANK",
     stay_pool_with(mps_class_awl(), world.client.fmt, 0, 99);)


static const Case *const cases[] = {
    &case_pair_no_key,   &case_pair_no_value,  &case_pair_null,
    &case_or_pair_bogus, &case_and_pair_bogus, &case_lo_no_format,
    &case_lo_gen,        &case_ams_rank,       &case_awl_rank,
    &case_awl_no_rank,
};

int main(void)
{
  return misuse_run("misuse of pools that stay", cases, NELEMS(cases));
}
