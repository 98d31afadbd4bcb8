/* test_misuse.c -- misuse of arenas, formats, chains and pools
 *
 * The cases; misuse.h says what is expected of each.
 */

#include "misuse.h"

#include "mpsacl.h"


/* Arenas */

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
  EXPECT(mps_arena_create_k(&arena, mps_arena_class_vm(), args)
         == MPS_RES_PARAM);
  EXPECT(arena == NULL);
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
CASE(grain_small, "mps_arena_create", "GRAIN_SIZE",
     create_with(MPS_KEY_ARENA_GRAIN_SIZE, 0, MPS_PF_ALIGN / 2);)
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
CASE(growth, "mps_arena_vm_growth", "desired",
     EXPECT(mps_arena_vm_growth(ARENA, 1, 2) == MPS_RES_PARAM);)

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

static void extend(mps_addr_t base, size_t size)
{
  static char memory[2 * MB];
  mps_arena_t arena = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, memory);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, sizeof memory);
    MUST(mps_arena_create_k(&arena, mps_arena_class_cl(), args));
  }
  MPS_ARGS_END(args);
  EXPECT(mps_arena_extend(arena, base, size) == MPS_RES_PARAM);
  mps_arena_destroy(arena);
}

CASE(extend_vm, "mps_arena_extend", "client arena",
     EXPECT(mps_arena_extend(ARENA, &zeros, sizeof zeros) == MPS_RES_PARAM);)
CASE(extend_null, "mps_arena_extend", "base", extend(NULL, MB);)
CASE(extend_zero, "mps_arena_extend", "size", extend(&zeros, 0);)
CASE(extend_wraps, "mps_arena_extend", "address space",
     extend(&zeros, (size_t)-1);)

static void create_with_barrier(const char *means)
{
  mps_arena_t arena = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_BARRIER, means);
    EXPECT(mps_arena_create_k(&arena, mps_arena_class_vm(), args)
           == MPS_RES_PARAM);
  }
  MPS_ARGS_END(args);
}

CASE(barrier_word, "mps_arena_create", "BARRIER", create_with_barrier("wall");)
CASE(arena_args, "mps_arena_create", "args", mps_arena_t a;
     EXPECT(mps_arena_create_k(&a, mps_arena_class_vm(), NULL)
            == MPS_RES_PARAM);)

/* Of all that may be left in an arena one thing at a time. */
CASE(arena_pool, "mps_arena_destroy", "pool", mps_arena_destroy(ARENA);)
CASE(arena_format, "mps_arena_destroy", "format",
     mps_arena_t a = client_arena();
     mps_fmt_t f = client_format(a, 8, 0); mps_arena_destroy(a);
     mps_fmt_destroy(f); mps_arena_destroy(a);)
CASE(arena_chain, "mps_arena_destroy", "chain", mps_arena_t a = client_arena();
     mps_chain_t c = client_chain(a, 1, 1); mps_arena_destroy(a);
     mps_chain_destroy(c); mps_arena_destroy(a);)
CASE(arena_root, "mps_arena_destroy", "root", mps_arena_t a = client_arena();
     mps_root_t r = root_table(a, EXACT, TABLE, 4); mps_arena_destroy(a);
     mps_root_destroy(r); mps_arena_destroy(a);)
CASE(arena_transform, "mps_arena_destroy", "transform",
     mps_arena_t a = client_arena();
     mps_transform_t t; mps_arena_park(a); MUST(mps_transform_create(&t, a));
     mps_arena_destroy(a); mps_transform_destroy(t); mps_arena_destroy(a);)
CASE(arena_thread, "mps_arena_destroy", "thread",
     mps_arena_t a = client_arena();
     mps_thr_t thr; MUST(mps_thread_reg(&thr, a)); mps_arena_destroy(a);
     mps_thread_dereg(thr); mps_arena_destroy(a);)


/* Formats, chains, pools */

static void format_with(size_t align, size_t header)
{
  mps_fmt_t fmt;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, align);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_HEADER_SIZE, header);
    EXPECT(mps_fmt_create_k(&fmt, ARENA, args) == MPS_RES_PARAM);
  }
  MPS_ARGS_END(args);
}

CASE(fmt_align_odd, "mps_fmt_create", "ALIGN", format_with(24, 0);)
CASE(fmt_align_zero, "mps_fmt_create", "ALIGN", format_with(0, 0);)
CASE(fmt_header, "mps_fmt_create", "HEADER_SIZE", format_with(16, 8);)
CASE(fmt_args, "mps_fmt_create", "args", mps_fmt_t f;
     EXPECT(mps_fmt_create_k(&f, ARENA, NULL) == MPS_RES_PARAM);)
CASE(fmt_used, "mps_fmt_destroy", "format", mps_fmt_destroy(world.client.fmt);)
CASE(fmt_twice, "mps_fmt_destroy", "fmt",
     mps_fmt_t f = client_format(ARENA, 8, 0);
     mps_fmt_destroy(f); mps_fmt_destroy(f);)
CASE(fmt_A_null, "mps_fmt_create", "description", mps_fmt_t f;
     EXPECT(mps_fmt_create_A(&f, ARENA, NULL) == MPS_RES_PARAM);)

static void chain_with(size_t count, size_t capacity, double mortality)
{
  mps_gen_param_s params[2] = {{capacity, mortality}, {capacity, mortality}};
  mps_chain_t chain;

  EXPECT(mps_chain_create(&chain, ARENA, count, params) == MPS_RES_PARAM);
}

CASE(chain_none, "mps_chain_create", "gen_count", chain_with(0, 1, 0.5);)
CASE(chain_zero, "mps_chain_create", "capacit", chain_with(1, 0, 0.5);)
CASE(chain_vast, "mps_chain_create", "capacit",
     chain_with(1, SIZE_MAX / 1024 + 1, 0.5);)
CASE(chain_dead, "mps_chain_create", "mortalit", chain_with(1, 1, 1.1);)
CASE(chain_live, "mps_chain_create", "mortalit", chain_with(1, 1, -0.1);)
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
    EXPECT(mps_pool_create_k(&pool, ARENA, mps_class_amc(), args)
           == MPS_RES_PARAM);
  }
  MPS_ARGS_END(args);
}

CASE(pool_no_format, "mps_pool_create", "FORMAT", pool_with(NULL, NULL, 1, 0);)
CASE(pool_bogus_format, "mps_pool_create", "FORMAT",
     pool_with(BOGUS(mps_fmt_t), NULL, 1, 0);)
CASE(pool_odd_format, "mps_pool_create", "FORMAT",
     pool_with(ODD(mps_fmt_t), NULL, 1, 0);)
CASE(pool_dead_format, "mps_pool_create", "FORMAT",
     mps_fmt_t f = client_format(ARENA, 8, 0);
     mps_fmt_destroy(f); pool_with(f, NULL, 1, 0);)
CASE(pool_bogus_chain, "mps_pool_create", "CHAIN",
     pool_with(world.client.fmt, BOGUS(mps_chain_t), 1, 0);)
CASE(pool_odd_chain, "mps_pool_create", "CHAIN",
     pool_with(world.client.fmt, ODD(mps_chain_t), 1, 0);)
CASE(pool_dead_chain, "mps_pool_create", "CHAIN",
     mps_chain_t c = client_chain(ARENA, 1, 1);
     mps_chain_destroy(c); pool_with(world.client.fmt, c, 1, 0);)
CASE(pool_null_chain, "mps_pool_create", "CHAIN", mps_pool_t p;
     EXPECT(mps_pool_create(&p, ARENA, mps_class_amc(), world.client.fmt, NULL)
            == MPS_RES_PARAM);)
CASE(pool_args, "mps_pool_create", "args", mps_pool_t p;
     EXPECT(mps_pool_create_k(&p, ARENA, mps_class_amc(), NULL)
            == MPS_RES_PARAM);)
CASE(pool_other_format, "mps_pool_create", "FORMAT",
     pool_with(world.other.fmt, NULL, 1, 0);)
CASE(pool_other_chain, "mps_pool_create", "CHAIN",
     pool_with(world.client.fmt, world.other.chain, 1, 0);)
CASE(pool_extend_zero, "mps_pool_create", "EXTEND_BY",
     pool_with(world.client.fmt, NULL, 0, 0);)
CASE(pool_extend_huge, "mps_pool_create", "EXTEND_BY",
     pool_with(world.client.fmt, NULL, SIZE_MAX, 0);)
CASE(pool_large_small, "mps_pool_create", "LARGE_SIZE",
     pool_with(world.client.fmt, NULL, 65536, 4096);)
CASE(pool_with_ap, "mps_pool_destroy", "pool", mps_pool_destroy(POOL);)

/* A pool that is destroyed, when nothing else has got its memory. */
static mps_pool_t dead_pool(void)
{
  mps_pool_t pool = NULL;

  MUST(mps_pool_create(&pool, ARENA, mps_class_amc(), world.client.fmt,
                       world.client.chain));
  mps_pool_destroy(pool);
  return pool;
}

CASE(pool_twice, "mps_pool_destroy", "pool", mps_pool_destroy(dead_pool());)
CASE(pool_dead_size, "mps_pool_total_size", "pool",
     EXPECT(mps_pool_total_size(dead_pool()) == 0);)
CASE(pool_dead_ap, "mps_ap_create", "pool", mps_ap_t ap;
     EXPECT(mps_ap_create_k(&ap, dead_pool(), mps_args_none)
            == MPS_RES_PARAM);)
CASE(pool_dead_alloc, "mps_alloc", "pool", mps_addr_t p;
     EXPECT(mps_alloc(&p, dead_pool(), 64) == MPS_RES_PARAM);)
CASE(pool_dead_free, "mps_free", "pool",
     mps_free(dead_pool(), world.table[0], 64);)
CASE(pool_alloc, "mps_alloc", "pool", mps_addr_t p;
     EXPECT(mps_alloc(&p, POOL, 64) == MPS_RES_PARAM);)
CASE(pool_alloc_zero, "mps_alloc", "size", mps_addr_t p;
     EXPECT(mps_alloc(&p, POOL, 0) == MPS_RES_PARAM);)
CASE(pool_free, "mps_free", "pool", mps_free(POOL, world.table[0], 64);)
CASE(pool_free_zero, "mps_free", "size", mps_free(POOL, world.table[0], 0);)
CASE(pool_walk, "mps_pool_walk", "park", mps_arena_release(ARENA);
     EXPECT(mps_pool_walk(POOL, mps_scan_area, NULL) == MPS_RES_PARAM);
     mps_arena_park(ARENA);)

static void args_overflow(void)
{
  MPS_ARGS_BEGIN(args)
  {
    for (int i = 0; i < MPS_ARGS_MAX; ++i)
      MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 4096);
    EXPECT(args[MPS_ARGS_MAX - 1].key == MPS_KEY_ARGS_END);
  }
  MPS_ARGS_END(args);
}

CASE(args_full, "MPS_ARGS_ADD", "MPS_ARGS_MAX", args_overflow();)


static const Case *const cases[] = {
    &case_spare_high,       &case_spare_low,         &case_spare_nan,
    &case_pause_low,        &case_grain_odd,         &case_grain_small,
    &case_spare_set_low,    &case_spare_set_high,    &case_pause_set_low,
    &case_step_interval,    &case_step_multiplier,   &case_growth,
    &case_lent_no_base,     &case_lent_null_base,    &case_lent_no_size,
    &case_lent_zero_size,   &case_lent_wraps,        &case_extend_vm,
    &case_extend_null,      &case_extend_zero,       &case_extend_wraps,
    &case_barrier_word,     &case_arena_args,        &case_arena_pool,
    &case_arena_format,     &case_arena_chain,       &case_arena_root,
    &case_arena_transform,  &case_arena_thread,      &case_fmt_align_odd,
    &case_fmt_align_zero,   &case_fmt_header,        &case_fmt_args,
    &case_fmt_used,         &case_fmt_twice,         &case_fmt_A_null,
    &case_chain_none,       &case_chain_zero,        &case_chain_vast,
    &case_chain_dead,       &case_chain_live,        &case_chain_used,
    &case_chain_twice,      &case_pool_no_format,    &case_pool_bogus_format,
    &case_pool_odd_format,  &case_pool_dead_format,  &case_pool_bogus_chain,
    &case_pool_odd_chain,   &case_pool_dead_chain,   &case_pool_null_chain,
    &case_pool_args,        &case_pool_other_format, &case_pool_other_chain,
    &case_pool_extend_zero, &case_pool_extend_huge,  &case_pool_large_small,
    &case_pool_with_ap,     &case_pool_twice,        &case_pool_dead_size,
    &case_pool_dead_ap,     &case_pool_dead_alloc,   &case_pool_dead_free,
    &case_pool_alloc,       &case_pool_alloc_zero,   &case_pool_free,
    &case_pool_free_zero,   &case_pool_walk,         &case_args_full,
};

int main(void)
{
  return misuse_run("misuse", cases, NELEMS(cases));
}
