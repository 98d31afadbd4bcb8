/* test_misuse.c -- misuse of arenas, formats, chains and pools
 *
 * The cases; misuse.h says what is expected of each.
 */

#include "misuse.h"

#include "mpsacl.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"


/* Arenas */

#define ARENA_CASES(id, function, call) \
  CASE(id##_null, function, "arena", mps_arena_t a = NULL; call) \
  CASE(id##_bogus, function, "arena", mps_arena_t a = BOGUS(mps_arena_t); \
       call) \
  CASE(id##_odd, function, "arena", mps_arena_t a = ODD(mps_arena_t); call)

ARENA_CASES(collect, "mps_arena_collect", (void)mps_arena_collect(a);)
ARENA_CASES(clamp, "mps_arena_clamp", mps_arena_clamp(a);)
ARENA_CASES(park, "mps_arena_park", mps_arena_park(a);)
ARENA_CASES(release, "mps_arena_release", mps_arena_release(a);)
ARENA_CASES(start, "mps_arena_start_collect",
            (void)mps_arena_start_collect(a);)
ARENA_CASES(step, "mps_arena_step", (void)mps_arena_step(a, 0.0, 0.0);)
ARENA_CASES(destroy, "mps_arena_destroy", mps_arena_destroy(a);)
ARENA_CASES(committed, "mps_arena_committed", (void)mps_arena_committed(a);)
ARENA_CASES(limit_set, "mps_arena_commit_limit_set",
            (void)mps_arena_commit_limit_set(a, 1);)
ARENA_CASES(has_addr, "mps_arena_has_addr", (void)mps_arena_has_addr(a, NULL);)
ARENA_CASES(thread_reg, "mps_thread_reg", mps_thr_t t;
            (void)mps_thread_reg(&t, a);)
ARENA_CASES(fmt_create, "mps_fmt_create", mps_fmt_t f;
            (void)mps_fmt_create_k(&f, a, mps_args_none);)
ARENA_CASES(pool_create, "mps_pool_create", mps_pool_t p;
            (void)mps_pool_create_k(&p, a, mps_class_amc(), mps_args_none);)
ARENA_CASES(collections, "mps_collections", (void)mps_collections(a);)
ARENA_CASES(message_poll, "mps_message_poll", (void)mps_message_poll(a);)
ARENA_CASES(ld_reset, "mps_ld_reset", mps_ld_s l; mps_ld_reset(&l, a);)
ARENA_CASES(table_root, "mps_root_create", mps_root_t r;
            (void)mps_root_create_table(&r, a, mps_rank_exact(), 0,
                                        world.table, 4);)
ARENA_CASES(walk, "mps_arena_formatted_objects_walk",
            mps_arena_formatted_objects_walk(a, NULL, NULL, 0);)

CASE(arena_out, "mps_arena_create", "arena_o",
     (void)mps_arena_create_k(NULL, mps_arena_class_vm(), mps_args_none);)
CASE(arena_class, "mps_arena_create", "class", mps_arena_t a = NULL;
     (void)mps_arena_create_k(&a, NULL, mps_args_none); EXPECT(a == NULL);)

static void create_with(mps_key_t key, double d, size_t size)
{
  mps_arg_s args[2];
  mps_arena_t arena = NULL;

  args[0].key = key;
  if (size != 0)
    args[0].val.size = size;
  else
    args[0].val.d = d;
  args[1].key = MPS_KEY_ARGS_END;
  if (mps_arena_create_k(&arena, mps_arena_class_vm(), args) == MPS_RES_OK)
    mps_arena_destroy(arena);
}

CASE(spare_high, "mps_arena_create", "SPARE",
     create_with(MPS_KEY_SPARE, 1.5, 0);)
CASE(spare_low, "mps_arena_create", "SPARE",
     create_with(MPS_KEY_SPARE, -0.5, 0);)
CASE(spare_nan, "mps_arena_create", "SPARE",
     create_with(MPS_KEY_SPARE, (double)NAN, 0);)
CASE(pause_low, "mps_arena_create", "PAUSE_TIME",
     create_with(MPS_KEY_PAUSE_TIME, -1.0, 0);)
CASE(grain_odd, "mps_arena_create", "GRAIN_SIZE",
     create_with(MPS_KEY_ARENA_GRAIN_SIZE, 0, 12345);)
CASE(spare_set_low, "mps_arena_spare_set", "spare",
     mps_arena_spare_set(ARENA, -0.1);)
CASE(spare_set_high, "mps_arena_spare_set", "spare",
     mps_arena_spare_set(ARENA, 1.1);)
CASE(pause_set_low, "mps_arena_pause_time_set", "pause_time",
     mps_arena_pause_time_set(ARENA, -1.0);)
CASE(step_interval, "mps_arena_step", "interval",
     (void)mps_arena_step(ARENA, -1.0, 0.0);)
CASE(step_multiplier, "mps_arena_step", "multiplier",
     (void)mps_arena_step(ARENA, 0.0, -1.0);)
static void create_lent(mps_key_t key, mps_addr_t base, size_t size)
{
  mps_arg_s args[3];
  mps_arena_t arena = NULL;

  args[0].key
      = key != MPS_KEY_ARENA_CL_BASE ? MPS_KEY_ARENA_CL_BASE : MPS_KEY_SPARE;
  if (key != MPS_KEY_ARENA_CL_BASE)
    args[0].val.addr = base;
  else
    args[0].val.d = 0.5;
  args[1].key
      = key != MPS_KEY_ARENA_SIZE ? MPS_KEY_ARENA_SIZE : MPS_KEY_ARGS_END;
  args[1].val.size = size;
  args[2].key = MPS_KEY_ARGS_END;
  EXPECT(mps_arena_create_k(&arena, mps_arena_class_cl(), args)
         == MPS_RES_PARAM);
}

CASE(lent_no_base, "mps_arena_create", "CL_BASE",
     create_lent(MPS_KEY_ARENA_CL_BASE, NULL, MB);)
CASE(lent_null_base, "mps_arena_create", "CL_BASE",
     create_lent(NULL, NULL, MB);)
CASE(lent_no_size, "mps_arena_create", "ARENA_SIZE",
     create_lent(MPS_KEY_ARENA_SIZE, &zeros, 0);)
CASE(lent_zero_size, "mps_arena_create", "ARENA_SIZE",
     create_lent(NULL, &zeros, 0);)
CASE(lent_wraps, "mps_arena_create", "address space",
     create_lent(NULL, &zeros, (size_t)-1);)
CASE(extend_vm, "mps_arena_extend", "client arena",
     (void)mps_arena_extend(ARENA, &zeros, sizeof zeros);)
CASE(growth, "mps_arena_vm_growth", "desired",
     (void)mps_arena_vm_growth(ARENA, 1, 2);)
CASE(arena_left, "mps_arena_destroy", "left", mps_arena_destroy(ARENA);)


/* Formats, chains, pools */

CASE(fmt_out, "mps_fmt_create", "fmt_o",
     (void)mps_fmt_create_k(NULL, ARENA, mps_args_none);)

static void format_with(size_t align)
{
  mps_fmt_t fmt;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, align);
    if (mps_fmt_create_k(&fmt, ARENA, args) == MPS_RES_OK)
      mps_fmt_destroy(fmt);
  }
  MPS_ARGS_END(args);
}

CASE(fmt_align_odd, "mps_fmt_create", "ALIGN", format_with(24);)
CASE(fmt_align_zero, "mps_fmt_create", "ALIGN", format_with(0);)
CASE(fmt_null, "mps_fmt_destroy", "fmt", mps_fmt_destroy(NULL);)
CASE(fmt_bogus, "mps_fmt_destroy", "fmt", mps_fmt_destroy(BOGUS(mps_fmt_t));)
CASE(fmt_used, "mps_fmt_destroy", "format", mps_fmt_destroy(world.client.fmt);)
CASE(fmt_twice, "mps_fmt_destroy", "fmt",
     mps_fmt_t f = client_format(ARENA, 8, 0);
     mps_fmt_destroy(f); mps_fmt_destroy(f);)
CASE(fmt_A_null, "mps_fmt_create", "description", mps_fmt_t f;
     (void)mps_fmt_create_A(&f, ARENA, NULL);)

static void chain_with(size_t count, size_t capacity, double mortality)
{
  mps_gen_param_s params[2] = {{capacity, mortality}, {capacity, mortality}};
  mps_chain_t chain;

  if (mps_chain_create(&chain, ARENA, count, params) == MPS_RES_OK)
    mps_chain_destroy(chain);
}

CASE(chain_none, "mps_chain_create", "gen_count", chain_with(0, 1, 0.5);)
CASE(chain_zero, "mps_chain_create", "capacit", chain_with(1, 0, 0.5);)
CASE(chain_vast, "mps_chain_create", "capacit",
     chain_with(1, SIZE_MAX / 1024 + 1, 0.5);)
CASE(chain_dead, "mps_chain_create", "mortalit", chain_with(1, 1, 1.1);)
CASE(chain_live, "mps_chain_create", "mortalit", chain_with(1, 1, -0.1);)
CASE(chain_null, "mps_chain_destroy", "chain", mps_chain_destroy(NULL);)
CASE(chain_used, "mps_chain_destroy", "chain",
     mps_chain_destroy(world.client.chain);)
CASE(chain_twice, "mps_chain_destroy", "chain",
     mps_chain_t c = client_chain(ARENA, 1, 1);
     mps_chain_destroy(c); mps_chain_destroy(c);)

/* A pool with the given arguments; null ones are left out. */
static void pool_with(mps_fmt_t fmt, mps_chain_t chain, size_t extend_by,
                      size_t large_size)
{
  mps_pool_t pool;

  MPS_ARGS_BEGIN(args)
  {
    if (fmt != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    if (chain != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    if (extend_by != 1)
      MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, extend_by);
    if (large_size != 0)
      MPS_ARGS_ADD(args, MPS_KEY_LARGE_SIZE, large_size);
    if (mps_pool_create_k(&pool, ARENA, mps_class_amc(), args) == MPS_RES_OK)
      mps_pool_destroy(pool);
  }
  MPS_ARGS_END(args);
}

/* A scan method hands in a pair without its key, or its value. */
static mps_addr_t pair_word;
static mps_addr_t *pair_key;
static mps_addr_t *pair_value;

static mps_res_t scan_pair(mps_ss_t ss, void *p, size_t s)
{
  (void)s;
  (void)mps_fix_weak_pair(ss, p, pair_key, pair_value);
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

/* pool_with for a class whose objects stay. */
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
  if (res != MPS_RES_OK)
    return;
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, rank);
    res = mps_ap_create_k(&ap, pool, args);
  }
  MPS_ARGS_END(args);
  if (res == MPS_RES_OK)
    mps_ap_destroy(ap);
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

CASE(pool_out, "mps_pool_create", "pool_o",
     (void)mps_pool_create_k(NULL, ARENA, mps_class_amc(), mps_args_none);)
CASE(pool_class, "mps_pool_create", "class", mps_pool_t p;
     (void)mps_pool_create_k(&p, ARENA, NULL, mps_args_none);)
CASE(pool_no_format, "mps_pool_create", "FORMAT", pool_with(NULL, NULL, 1, 0);)
CASE(pool_bogus_format, "mps_pool_create", "FORMAT",
     pool_with(BOGUS(mps_fmt_t), NULL, 1, 0);)
CASE(pool_other_format, "mps_pool_create", "FORMAT",
     pool_with(world.other.fmt, NULL, 1, 0);)
CASE(pool_other_chain, "mps_pool_create", "CHAIN",
     pool_with(world.client.fmt, world.other.chain, 1, 0);)
CASE(pool_extend_zero, "mps_pool_create", "EXTEND_BY",
     pool_with(world.client.fmt, NULL, 0, 0);)
CASE(pool_large_small, "mps_pool_create", "LARGE_SIZE",
     pool_with(world.client.fmt, NULL, 65536, 4096);)
CASE(pool_null, "mps_pool_destroy", "pool", mps_pool_destroy(NULL);)
CASE(pool_with_ap, "mps_pool_destroy", "pool", mps_pool_destroy(POOL);)
CASE(pool_total_null, "mps_pool_total_size", "pool",
     (void)mps_pool_total_size(NULL);)
CASE(pool_free_bogus, "mps_pool_free_size", "pool",
     (void)mps_pool_free_size(BOGUS(mps_pool_t));)
CASE(pool_alloc, "mps_alloc", "pool", mps_addr_t p;
     (void)mps_alloc(&p, POOL, 64);)
CASE(pool_alloc_zero, "mps_alloc", "size", mps_addr_t p;
     (void)mps_alloc(&p, POOL, 0);)
CASE(pool_free, "mps_free", "pool", mps_free(POOL, world.table[0], 64);)
CASE(pool_walk, "mps_pool_walk", "park", mps_arena_release(ARENA);
     (void)mps_pool_walk(POOL, mps_scan_area, NULL); mps_arena_park(ARENA);)


static const Case *const cases[] = {
    &case_collect_null,
    &case_collect_bogus,
    &case_collect_odd,
    &case_clamp_null,
    &case_clamp_bogus,
    &case_clamp_odd,
    &case_park_null,
    &case_park_bogus,
    &case_park_odd,
    &case_release_null,
    &case_release_bogus,
    &case_release_odd,
    &case_start_null,
    &case_start_bogus,
    &case_start_odd,
    &case_step_null,
    &case_step_bogus,
    &case_step_odd,
    &case_destroy_null,
    &case_destroy_bogus,
    &case_destroy_odd,
    &case_committed_null,
    &case_committed_bogus,
    &case_committed_odd,
    &case_limit_set_null,
    &case_limit_set_bogus,
    &case_limit_set_odd,
    &case_has_addr_null,
    &case_has_addr_bogus,
    &case_has_addr_odd,
    &case_thread_reg_null,
    &case_thread_reg_bogus,
    &case_thread_reg_odd,
    &case_fmt_create_null,
    &case_fmt_create_bogus,
    &case_fmt_create_odd,
    &case_pool_create_null,
    &case_pool_create_bogus,
    &case_pool_create_odd,
    &case_collections_null,
    &case_collections_bogus,
    &case_collections_odd,
    &case_message_poll_null,
    &case_message_poll_bogus,
    &case_message_poll_odd,
    &case_ld_reset_null,
    &case_ld_reset_bogus,
    &case_ld_reset_odd,
    &case_table_root_null,
    &case_table_root_bogus,
    &case_table_root_odd,
    &case_walk_null,
    &case_walk_bogus,
    &case_walk_odd,
    &case_arena_out,
    &case_arena_class,
    &case_spare_high,
    &case_spare_low,
    &case_spare_nan,
    &case_pause_low,
    &case_grain_odd,
    &case_spare_set_low,
    &case_spare_set_high,
    &case_pause_set_low,
    &case_step_interval,
    &case_step_multiplier,
    &case_lent_no_base,
    &case_lent_null_base,
    &case_lent_no_size,
    &case_lent_zero_size,
    &case_lent_wraps,
    &case_extend_vm,
    &case_growth,
    &case_arena_left,
    &case_fmt_out,
    &case_fmt_align_odd,
    &case_fmt_align_zero,
    &case_fmt_null,
    &case_fmt_bogus,
    &case_fmt_used,
    &case_fmt_twice,
    &case_fmt_A_null,
    &case_chain_none,
    &case_chain_zero,
    &case_chain_vast,
    &case_chain_dead,
    &case_chain_live,
    &case_chain_null,
    &case_chain_used,
    &case_chain_twice,
    &case_pool_out,
    &case_pool_class,
    &case_pool_no_format,
    &case_pool_bogus_format,
    &case_pool_other_format,
    &case_pool_other_chain,
    &case_pool_extend_zero,
    &case_pool_large_small,
    &case_pool_null,
    &case_pool_with_ap,
    &case_pool_total_null,
    &case_pool_free_bogus,
    &case_pool_alloc,
    &case_pool_alloc_zero,
    &case_pool_free,
    &case_pool_walk,
    &case_lo_no_format,
    &case_pair_no_key,
    &case_pair_no_value,
    &case_pair_null,
    &case_or_pair_bogus,
    &case_and_pair_bogus,
    &case_lo_gen,
    &case_ams_rank,
    &case_awl_rank,
    &case_awl_no_rank,
};

int main(void)
{
  return misuse_run("misuse", cases, NELEMS(cases));
}
