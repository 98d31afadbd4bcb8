/* test_growth.c -- what must not take longer where there is more of it
 *
 * Each does the same work beside little and beside much of something, or
 * counts what is done for each of many things.  The limits are far from both
 * what is right and what a cost in proportion to the whole gives.
 */

#include "client.h"

#include "mpsacl.h"
#include "mpscawl.h"
#include "mpscblk.h"
#include "mpsclo.h"
#include "mpscmfs.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

enum {
  CHAIN = 10000,
  FINALS = 30000,
  POOLS = 5000,
  HOLES = 100000,
  UNITS = 1000000,
  ROUNDS = 2000,
  MUCH = 20 /* times as long is too long */
};

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_addr_t keys[HOLES];
static mps_addr_t pairs[FINALS];
static size_t isfwd_calls;

static double now(void)
{
  struct timespec t;

  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* An object is its kind and size, and then references, or a pair. */
#define PAIR (3 * WORD)

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss)
  {
    for (; base < limit; base = (char *)base + block_size(base)) {
      mps_addr_t *slot = (mps_addr_t *)base + 1;
      size_t count = block_size(base) / WORD - 1;
      mps_res_t res = MPS_RES_OK;

      if (block_size(base) == PAIR)
        MPS_FIX_CALL(ss,
                     res = mps_fix_weak_pair(ss, base, &slot[0], &slot[1]));
      else if (block_kind(base) == KIND_OBJ)
        for (size_t i = 0; i < count && res == MPS_RES_OK; ++i)
          res = MPS_FIX12(ss, &slot[i]);
      if (res != MPS_RES_OK)
        return res;
    }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_addr_t isfwd(mps_addr_t object)
{
  ++isfwd_calls;
  return isfwd0(object);
}

static void start(void)
{
  MUST(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none));
  mps_arena_clamp(arena);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip0);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, fwd0);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, probe_pad);
    MUST(mps_fmt_create_k(&fmt, arena, args));
  }
  MPS_ARGS_END(args);
}

static mps_pool_t make_pool(mps_pool_class_t class)
{
  mps_pool_t pool;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    MUST(mps_pool_create_k(&pool, arena, class, args));
  }
  MPS_ARGS_END(args);
  return pool;
}

static mps_ap_t make_ap(mps_pool_t pool, mps_rank_t rank)
{
  mps_ap_t ap;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, rank);
    MUST(mps_ap_create_k(&ap, pool, args));
  }
  MPS_ARGS_END(args);
  return ap;
}

static mps_addr_t make(mps_ap_t ap, size_t size, unsigned kind, mps_addr_t a,
                       mps_addr_t b)
{
  mps_addr_t p;

  do {
    MUST(mps_reserve(&p, ap, size));
    *(Word *)p = block_info(size, kind);
    if (kind != KIND_LEAF)
      for (size_t i = 1; i < size / WORD; ++i)
        ((mps_addr_t *)p)[i] = i == 1 ? a : i == 2 ? b : NULL;
  } while (!mps_commit(ap, p, size));
  return p;
}


/* Ephemerons */

static mps_addr_t make_block(mps_pool_t pool, mps_addr_t ref)
{
  mps_addr_t p;

  MUST(mps_alloc(&p, pool, 4 * WORD));
  memset(p, 0, 4 * WORD);
  ((mps_addr_t *)p)[1] = ref;
  return p;
}

static void end_pairs(mps_pool_t eph_pool, mps_ap_t eph_ap, mps_pool_t pool)
{
  mps_ap_destroy(eph_ap);
  mps_pool_destroy(eph_pool);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

/* The seconds that a collection takes with a chain in which each value is an
 * object that refers to the next key: blocks, or AMC's. */
static double chain_time(int is_blk)
{
  mps_pool_t pool, eph_pool;
  mps_ap_t ap = NULL;
  double begin, time;

  start();
  if (is_blk) {
    MUST(mps_pool_create_k(&pool, arena, mps_class_blk(), mps_args_none));
  } else {
    pool = make_pool(mps_class_amc());
    ap = make_ap(pool, mps_rank_exact());
  }
  eph_pool = make_pool(mps_class_aeph());
  mps_ap_t eph_ap = make_ap(eph_pool, mps_rank_ephemeron());
  mps_root_t roots[2] = {root_table(arena, mps_rank_exact(), keys, CHAIN + 1),
                         root_table(arena, mps_rank_exact(), pairs, CHAIN)};
  for (size_t i = 0; i <= CHAIN; ++i)
    keys[i] = is_blk ? make_block(pool, NULL)
                     : make(ap, 4 * WORD, KIND_OBJ, NULL, NULL);
  for (size_t i = 0; i < CHAIN; ++i) {
    mps_addr_t value = is_blk
                           ? make_block(pool, keys[i + 1])
                           : make(ap, 4 * WORD, KIND_OBJ, keys[i + 1], NULL);

    pairs[i] = make(eph_ap, PAIR, KIND_OBJ, keys[i], value);
  }
  memset(&keys[1], 0, CHAIN * sizeof keys[0]);
  begin = now();
  MUST(mps_arena_collect(arena));
  time = now() - begin;
  for (size_t i = 0; i < CHAIN; ++i)
    EXPECT(((mps_addr_t *)pairs[i])[1] != NULL);
  mps_root_destroy(roots[0]);
  mps_root_destroy(roots[1]);
  if (ap != NULL)
    mps_ap_destroy(ap);
  end_pairs(eph_pool, eph_ap, pool);
  return time;
}

/* COVERS: .blk.keys: with a sweep for each link it was 300 times as long */
START_TEST(a_chain_through_blocks)
{
  double blocks = chain_time(1), others = chain_time(0);

  ck_assert_double_lt(blocks, MUCH * others);
}
END_TEST

/* COVERS: .ephs.final: as many dead pairs wait as dead objects are
 * registered.  Asking whether a key is preserved calls isfwd. */
START_TEST(pairs_wait_for_finalization)
{
  start();
  mps_message_type_enable(arena, mps_message_type_finalization());
  mps_pool_t pool = make_pool(mps_class_amc());
  mps_pool_t eph_pool = make_pool(mps_class_aeph());
  mps_ap_t ap = make_ap(pool, mps_rank_exact());
  mps_ap_t eph_ap = make_ap(eph_pool, mps_rank_ephemeron());
  mps_root_t root = root_table(arena, mps_rank_exact(), pairs, FINALS);

  for (size_t i = 0; i < FINALS; ++i) {
    mps_addr_t dead = make(ap, 4 * WORD, KIND_OBJ, NULL, NULL);

    MUST(mps_finalize(arena, &dead));
    dead = make(ap, 4 * WORD, KIND_OBJ, NULL, NULL);
    pairs[i] = make(eph_ap, PAIR, KIND_OBJ, dead, NULL);
  }
  isfwd_calls = 0;
  MUST(mps_arena_collect(arena));
  ck_assert_uint_lt(isfwd_calls, 12 * FINALS);
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  end_pairs(eph_pool, eph_ap, pool);
}
END_TEST


/* Allocation points */

/* How long it takes to fill and empty an allocation point: the shortest of
 * many rounds, so that what else the machine does doesn't count. */
static double fill_time(mps_pool_t pool, size_t size)
{
  double least = 1.0;

  for (int i = 0; i < ROUNDS; ++i) {
    double begin = now();
    mps_ap_t ap = make_ap(pool, mps_rank_exact());

    (void)make(ap, size, KIND_LEAF, NULL, NULL);
    mps_ap_destroy(ap);
    begin = now() - begin;
    least = begin < least ? begin : least;
  }
  return least;
}

/* COVERS: .gen.due: with a sum over all pools it was 15 times as long */
START_TEST(many_pools_in_a_generation)
{
  static mps_pool_t pools[POOLS];
  double one, many;

  start();
  pools[0] = make_pool(mps_class_lo());
  (void)fill_time(pools[0], 64);
  one = fill_time(pools[0], 64);
  for (size_t i = 1; i < POOLS; ++i)
    pools[i] = make_pool(mps_class_lo());
  many = fill_time(pools[0], 64);
  for (size_t i = 0; i < POOLS; ++i)
    mps_pool_destroy(pools[i]);
  ck_assert_double_lt(many, 5 * one);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}
END_TEST

/* COVERS: .markpool.pass: holes of two thirds of what is wanted; it was 40
 * times as long */
START_TEST(many_holes_that_are_too_short)
{
  double none, many;

  start();
  mps_pool_t pool = make_pool(mps_class_lo());
  mps_pool_t other = make_pool(mps_class_lo());
  mps_ap_t ap = make_ap(pool, mps_rank_exact());
  mps_root_t root = root_table(arena, mps_rank_exact(), keys, HOLES);
  for (size_t i = 0; i < HOLES; ++i) {
    keys[i] = make(ap, 512, KIND_LEAF, NULL, NULL);
    (void)make(ap, 1104, KIND_LEAF, NULL, NULL);
  }
  MUST(mps_arena_collect(arena));
  none = fill_time(other, 1504);
  many = fill_time(pool, 1504);
  ck_assert_double_lt(many, 5 * none);
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  mps_pool_destroy(other);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}
END_TEST


/* Manual pools */

/* Free and allocate the first and the last unit of a pool by turns. */
static double ends_time(size_t extend_by, size_t units)
{
  static mps_addr_t blocks[UNITS];
  mps_pool_t pool;
  double begin;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, WORD);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, extend_by);
    MUST(mps_pool_create_k(&pool, arena, mps_class_mfs(), args));
  }
  MPS_ARGS_END(args);
  for (size_t i = 0; i < units; ++i)
    MUST(mps_alloc(&blocks[i], pool, WORD));
  begin = now();
  for (int i = 0; i < ROUNDS; ++i) {
    mps_free(pool, blocks[0], WORD);
    mps_free(pool, blocks[units - 1], WORD);
    MUST(mps_alloc(&blocks[0], pool, WORD));
    MUST(mps_alloc(&blocks[units - 1], pool, WORD));
  }
  begin = now() - begin;
  mps_pool_destroy(pool);
  return begin;
}

/* COVERS: .mfs.bits: going through the bits it was 80 times as long */
START_TEST(a_long_extent)
{
  double few, many;

  start();
  few = ends_time(64 * KB, 1000);
  many = ends_time(UNITS * WORD, UNITS);
  ck_assert_double_lt(many, MUCH * few);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}
END_TEST


/* Client arenas */

static long faults(void)
{
  struct rusage usage;

  (void)getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

/* COVERS: .barrier.disarm: the tables for all addresses aren't gone through,
 * which would be 65,000 pages of them */
START_TEST(far_from_the_lowest_address)
{
  size_t size = 16 * MB;
  void *lent = mmap(NULL, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  long before;

  ck_assert_ptr_ne(lent, MAP_FAILED);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, lent);
    MUST(mps_arena_create_k(&arena, mps_arena_class_cl(), args));
  }
  MPS_ARGS_END(args);
  fmt = client_format(arena, WORD, 0);
  mps_pool_t pool = make_pool(mps_class_amc());
  mps_ap_t ap = make_ap(pool, mps_rank_exact());
  for (size_t i = 0; i < 100; ++i)
    (void)make(ap, 64, KIND_OBJ, NULL, NULL);
  before = faults();
  MUST(mps_arena_collect(arena));
  ck_assert_int_lt(faults() - before, 5000);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  ck_assert_int_eq(munmap(lent, size), 0);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("growth");
  TCase *tcase = tcase_create("growth");

  unit_seed("growth");
  tcase_set_timeout(tcase, 200);
  tcase_add_test(tcase, a_chain_through_blocks);
  tcase_add_test(tcase, pairs_wait_for_finalization);
  tcase_add_test(tcase, many_pools_in_a_generation);
  tcase_add_test(tcase, many_holes_that_are_too_short);
  tcase_add_test(tcase, a_long_extent);
  tcase_add_test(tcase, far_from_the_lowest_address);
  suite_add_tcase(suite, tcase);
  return unit_run(suite);
}
