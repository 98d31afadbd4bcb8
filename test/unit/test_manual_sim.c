/* test_manual_sim.c -- pools under manual control, while memory is refused
 *
 * A client allocates and frees in a pool of each class, by mps_alloc and by
 * an allocation point.  For k = 1, 2, ... the k-th call for memory is
 * refused, alone or with all that follow; or the commit limit is a grain
 * higher each time.  Each run ends with result codes, with every block as it
 * was filled, with sizes that add up, and with nothing left.
 */

#include "heap_help.h"
#include "include/mpscmfs.h"
#include "include/mpscmvff.h"
#include "plat/plat_sim.h"
#include "pool/mvff.h"

enum {
  POOLS = 3, /* MVFF, MVFF debug, MFS */
  BLOCKS = 200,
  STEPS = 2000,
  UNIT = 56,
  FENCES = 16,
  SKIPPED = 12 /* as in test_sweep_sim.c */
};

#define ALL ((Count)1 << 40)

typedef struct Block {
  unsigned char *p;
  Size size;
  Size weight;
  Index pool;
} Block;

static mps_arena_t arena;
static mps_pool_t pool[POOLS];
static mps_ap_t ap; /* in the first */
static Block block[BLOCKS];
static Size live[POOLS];
static Count refusals;
static Count made;

static bool is_ok(mps_res_t res)
{
  EXPECT(res == MPS_RES_OK || res == MPS_RES_MEMORY || res == MPS_RES_RESOURCE
         || res == MPS_RES_COMMIT_LIMIT);
  refusals += res != MPS_RES_OK;
  return res == MPS_RES_OK;
}

static bool make_arena(Size commit_limit)
{
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, 2 * MIB);
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, commit_limit);
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.1);
    res = mps_arena_create_k(&arena, mps_arena_class_vm(), args);
  }
  MPS_ARGS_END(args);
  return is_ok(res);
}

static void make_pools(uint64_t seed)
{
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, (double)(seed % 3) / 2);
    MPS_ARGS_ADD(args, MPS_KEY_MVFF_SLOT_HIGH, seed & 1);
    MPS_ARGS_ADD(args, MPS_KEY_MVFF_FIRST_FIT, seed >> 1 & 1);
    res = mps_pool_create_k(&pool[0], arena, mps_class_mvff(), args);
  }
  MPS_ARGS_END(args);
  if (!is_ok(res))
    pool[0] = NULL;
  if (!is_ok(mps_pool_create_k(&pool[1], arena, mps_class_mvff_debug(),
                               mps_args_none)))
    pool[1] = NULL;
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, UNIT);
    res = mps_pool_create_k(&pool[2], arena, mps_class_mfs(), args);
  }
  MPS_ARGS_END(args);
  if (!is_ok(res))
    pool[2] = NULL;
  if (pool[0] != NULL && !is_ok(mps_ap_create_k(&ap, pool[0], mps_args_none)))
    ap = NULL;
}

static void check_sizes(void)
{
  for (Index i = 0; i < POOLS; ++i) {
    Size held = i == 0 && ap != NULL
                    ? (Size)((char *)ap->limit - (char *)ap->init)
                    : 0;

    if (pool[i] == NULL)
      continue;
    EXPECT(mps_pool_total_size(pool[i]) - mps_pool_free_size(pool[i])
           == live[i] + held);
    EXPECT(pool[i]->class->check(pool[i]));
  }
  EXPECT(mps_arena_committed(arena) <= mps_arena_commit_limit(arena));
}

static void free_block(Block *it)
{
  for (Size i = 0; i < it->size; ++i)
    EXPECT(it->p[i] == (unsigned char)it->size);
  mps_free(pool[it->pool], it->p, it->size);
  live[it->pool] -= it->weight;
  it->p = NULL;
}

static void make_block(Block *it)
{
  mps_addr_t p = NULL;

  it->pool = unit_random(POOLS);
  it->size = 8 * (1 + unit_random(unit_random(20) == 0 ? 10000 : 40));
  if (it->pool == 2)
    it->size = UNIT;
  it->weight = it->size + (it->pool == 1 ? FENCES : 0);
  if (pool[it->pool] == NULL)
    return;
  if (it->pool == 0 && ap != NULL && unit_random(2) == 0) {
    if (!is_ok(mps_reserve(&p, ap, it->size)))
      return;
    EXPECT(mps_commit(ap, p, it->size));
  } else if (!is_ok(mps_alloc(&p, pool[it->pool], it->size))) {
    EXPECT(p == NULL);
    return;
  }
  it->p = p;
  memset(p, (int)it->size, it->size);
  live[it->pool] += it->weight;
  ++made;
}

static void play(Size commit_limit, uint64_t seed)
{
  memset(block, 0, sizeof block);
  memset(live, 0, sizeof live);
  memset(pool, 0, sizeof pool);
  ap = NULL;
  refusals = 0;
  made = 0;
  unit_random_state = seed;
  if (make_arena(commit_limit)) {
    make_pools(seed);
    for (Count n = 0; n < STEPS; ++n) {
      Block *it = &block[unit_random(BLOCKS)];

      if (it->p != NULL)
        free_block(it);
      else
        make_block(it);
      if (n % 100 == 0)
        check_sizes();
    }
    for (Index i = 0; i < BLOCKS; ++i)
      if (block[i].p != NULL && i % 2 == 0)
        free_block(&block[i]);
    check_sizes();
    if (ap != NULL)
      mps_ap_destroy(ap);
    for (Index i = 0; i < POOLS; ++i)
      if (pool[i] != NULL)
        mps_pool_destroy(pool[i]);
    mps_arena_destroy(arena);
  }
  EXPECT(plat_sim.reservations == 0);
  EXPECT(plat_sim.reserved == 0);
  EXPECT(plat_sim.mapped == 0);
}

static void start(void)
{
  plat_sim_reset();
  plat_sim_fail(PLAT_SIM_RESERVE, 1, SKIPPED);
}

START_TEST(undisturbed)
{
  start();
  play(SIZE_MAX, 1);
  ck_assert_uint_eq(refusals, 0);
  ck_assert_uint_gt(made, STEPS / 3);
}
END_TEST

/* COVERS: .mvff.req.refuse: the k-th call alone, or all from there on. */
START_TEST(refused_maps)
{
  Count k = 0;
  Count refused = 0;

  do {
    start();
    plat_sim_fail(PLAT_SIM_MAP, ++k, _i != 0 ? ALL : 1);
    play(SIZE_MAX, k);
    refused += refusals;
  } while (plat_sim.calls[PLAT_SIM_MAP] >= k);
  ck_assert_uint_gt(refused, 0);
}
END_TEST

/* COVERS: .mvff.req.refuse: each commit limit, grain by grain at first, until
 * all that is asked for is there. */
START_TEST(commit_limits)
{
  Size limit = 0;

  do {
    start();
    limit += size_max(4 * KIB, size_round_down(limit / 30, 4 * KIB));
    play(limit, limit / (4 * KIB));
  } while (refusals > 0);
  ck_assert_uint_gt(limit, 256 * KIB);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("manual pools refused");

  unit_add(suite, "undisturbed", undisturbed);
  unit_add_loop(suite, "maps", refused_maps, 2);
  unit_add(suite, "limits", commit_limits);
  return unit_run(suite);
}
