/* test_misuse_blk.c -- misuse of block pools
 *
 * The cases; misuse.h says what is expected of each.
 *
 * COVERS(".blk.misuse")
 */

#include "misuse.h"

#include "mpscblk.h"

/* Each case makes its pool, and destroys it, in the arena of the world. */


static void final_nothing(mps_addr_t object, void *closure)
{
  (void)object;
  (void)closure;
}

static mps_pool_t blk_pool(void)
{
  mps_pool_t pool = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_BLK_FINAL, (mps_fun_t)final_nothing);
    MUST(mps_pool_create_k(&pool, ARENA, mps_class_blk(), args));
  }
  MPS_ARGS_END(args);
  return pool;
}

static mps_addr_t blk_object(mps_pool_t pool, size_t size)
{
  mps_addr_t p = NULL;

  MUST(mps_blk_alloc(&p, pool, size, 0));
  memset(p, 0, size);
  return p;
}

#define BLK_CASE(id, function, argument, body) \
  CASE(id, function, argument, mps_pool_t pool = blk_pool(); \
       mps_addr_t p = blk_object(pool, 100); (void)p; \
       body EXPECT(mps_blk_check(pool)); mps_pool_destroy(pool);)

#define POOL_CASES(id, function, call) \
  CASE(id##_null, function, "pool", mps_pool_t pool = NULL; call) \
  CASE(id##_other, function, "pool", mps_pool_t pool = POOL; call)

static mps_addr_t out;
static mps_blk_info_s info;
static int write_nothing(void *closure, const char *text, size_t length)
{
  (void)closure;
  (void)text;
  (void)length;
  return 0;
}

POOL_CASES(alloc, "mps_blk_alloc",
           EXPECT(mps_blk_alloc(&out, pool, 8, 0) == MPS_RES_PARAM);)
POOL_CASES(layout, "mps_blk_alloc_layout",
           EXPECT(mps_blk_alloc_layout(&out, pool, 8, 0, 0) == MPS_RES_PARAM);)
POOL_CASES(free, "mps_blk_free", mps_blk_free(pool, &out);)
POOL_CASES(realloc, "mps_blk_realloc", mps_addr_t q = &out;
           EXPECT(mps_blk_realloc(&q, pool, 8, 1) == MPS_RES_PARAM);)
POOL_CASES(size, "mps_blk_size", EXPECT(mps_blk_size(pool, &out) == 0);)
POOL_CASES(object, "mps_blk_object",
           EXPECT(!mps_blk_object(&out, pool, &out));)
POOL_CASES(collect, "mps_blk_collect",
           EXPECT(mps_blk_collect(NULL, pool) == MPS_RES_PARAM);)
POOL_CASES(begin, "mps_blk_mark_begin", mps_blk_mark_begin(pool);)
POOL_CASES(mark, "mps_blk_mark", mps_blk_mark(pool, &out, 1);)
POOL_CASES(end, "mps_blk_mark_end", (void)mps_blk_mark_end(pool);)
POOL_CASES(lock, "mps_blk_lock", mps_blk_lock(pool);)
POOL_CASES(unlock, "mps_blk_unlock", mps_blk_unlock(pool);)
POOL_CASES(is_locked, "mps_blk_is_locked", (void)mps_blk_is_locked(pool);)
POOL_CASES(info, "mps_blk_info", mps_blk_info(&info, pool, 1);)
POOL_CASES(walk, "mps_blk_walk", mps_blk_walk(pool, NULL, NULL);)
POOL_CASES(dump, "mps_blk_dump",
           mps_blk_dump(pool, 0, write_nothing, NULL, NULL);)
POOL_CASES(extend, "mps_blk_extend",
           EXPECT(mps_blk_extend(pool, NULL, 8) == MPS_RES_PARAM);)
POOL_CASES(final_all, "mps_blk_final_all", (void)mps_blk_final_all(pool);)
POOL_CASES(check, "mps_blk_check", (void)mps_blk_check(pool);)

CASE(bogus_pool, "mps_blk_free", "pool",
     mps_blk_free(BOGUS(mps_pool_t), &out);)

/* Objects */

BLK_CASE(free_foreign, "mps_blk_free", "p must be the first address",
         mps_blk_free(pool, &out);)
BLK_CASE(free_interior, "mps_blk_free", "p must be the first address",
         mps_blk_free(pool, (char *)p + 8);)
BLK_CASE(free_tail, "mps_blk_free", "p must be the first address",
         mps_blk_free(pool, (char *)p + 32);)
BLK_CASE(free_twice, "mps_blk_free", "p must be the first address",
         mps_blk_free(pool, p);
         mps_blk_free(pool, p);)
BLK_CASE(free_locked, "mps_blk_free", "locked", mps_blk_lock(pool);
         mps_blk_free(pool, p); mps_blk_unlock(pool);
         EXPECT(mps_blk_size(pool, p) == 128);)
BLK_CASE(free_collecting, "mps_blk_free", "collecting",
         mps_blk_mark_begin(pool);
         mps_blk_free(pool, p); EXPECT(mps_blk_mark_end(pool) == 1);)
BLK_CASE(realloc_dead, "mps_blk_realloc", "p must be the first address",
         mps_blk_free(pool, p);
         EXPECT(mps_blk_realloc(&p, pool, 50, 1) == MPS_RES_PARAM);)
BLK_CASE(realloc_interior, "mps_blk_realloc", "p must be the first address",
         mps_addr_t q = (char *)p + 32;
         EXPECT(mps_blk_realloc(&q, pool, 50, 1) == MPS_RES_PARAM);)
BLK_CASE(realloc_to_zero, "mps_blk_realloc", "p must be the first address",
         mps_addr_t q = (char *)p + 32;
         EXPECT(mps_blk_realloc(&q, pool, 0, 1) == MPS_RES_PARAM);
         EXPECT(q == (char *)p + 32);)
BLK_CASE(realloc_dead_to_nothing, "mps_blk_realloc",
         "p must be the first address", mps_blk_free(pool, p);
         mps_addr_t q = p;
         EXPECT(mps_blk_realloc(&q, pool, 0, 1) == MPS_RES_PARAM);
         EXPECT(q == p);)
BLK_CASE(realloc_out, "mps_blk_realloc", "p_io",
         EXPECT(mps_blk_realloc(NULL, pool, 50, 1) == MPS_RES_PARAM);)
BLK_CASE(alloc_out, "mps_blk_alloc", "p_o",
         EXPECT(mps_blk_alloc(NULL, pool, 8, 0) == MPS_RES_PARAM);)
BLK_CASE(alloc_flags, "mps_blk_alloc", "flags",
         EXPECT(mps_blk_alloc(&p, pool, 8, 64) == MPS_RES_PARAM);)
BLK_CASE(alloc_weak, "mps_blk_alloc", "MPS_BLK_WEAK",
         EXPECT(mps_blk_alloc(&p, pool, 8, MPS_BLK_WEAK) == MPS_RES_PARAM);)
BLK_CASE(alloc_layout, "mps_blk_alloc_layout", "MPS_KEY_BLK_LAYOUT",
         EXPECT(mps_blk_alloc_layout(&p, pool, 8, 0, 0) == MPS_RES_PARAM);)
BLK_CASE(free_plain_foreign, "mps_free", "p must be the first address",
         mps_free(pool, (mps_addr_t)0x10000, 8);)
BLK_CASE(free_plain_size, "mps_free", "size", mps_free(pool, p, 200);)

/* Collecting */

BLK_CASE(begin_twice, "mps_blk_mark_begin", "collecting",
         mps_blk_mark_begin(pool);
         mps_blk_mark_begin(pool); EXPECT(mps_blk_mark_end(pool) == 1);)
BLK_CASE(begin_locked, "mps_blk_mark_begin", "locked", mps_blk_lock(pool);
         mps_blk_mark_begin(pool); mps_blk_unlock(pool);)
BLK_CASE(mark_alone, "mps_blk_mark", "mps_blk_mark_begin",
         mps_blk_mark(pool, &p, 1);)
BLK_CASE(end_alone, "mps_blk_mark_end", "mps_blk_mark_begin",
         EXPECT(mps_blk_mark_end(pool) == 0);)
BLK_CASE(mark_odd, "mps_blk_mark", "base", mps_blk_mark_begin(pool);
         mps_blk_mark(pool, (void **)(void *)((char *)&p + 1), 1);
         EXPECT(mps_blk_mark_end(pool) == 1);)
BLK_CASE(unlock_alone, "mps_blk_unlock", "locked", mps_blk_unlock(pool);)
BLK_CASE(extend_memory, "mps_blk_extend", "base",
         EXPECT(mps_blk_extend(pool, &out, 8) == MPS_RES_PARAM);)
BLK_CASE(extend_nothing, "mps_blk_extend", "size",
         EXPECT(mps_blk_extend(pool, NULL, 0) == MPS_RES_PARAM);)
BLK_CASE(walk_nothing, "mps_blk_walk", "visit",
         mps_blk_walk(pool, NULL, NULL);)
BLK_CASE(dump_nothing, "mps_blk_dump", "write",
         mps_blk_dump(pool, 0, NULL, NULL, NULL);)
BLK_CASE(dump_style, "mps_blk_dump", "style",
         mps_blk_dump(pool, 7, write_nothing, NULL, NULL);)

/* Making a pool */

static void create_with(mps_key_t key, size_t size, double d)
{
  mps_arg_s args[2];
  mps_pool_t pool = NULL;

  args[0].key = key;
  if (size != 0)
    args[0].val.size = size;
  else
    args[0].val.d = d;
  args[1].key = MPS_KEY_ARGS_END;
  EXPECT(mps_pool_create_k(&pool, ARENA, mps_class_blk(), args)
         == MPS_RES_PARAM);
}

CASE(create_small, "mps_pool_create_k", "MPS_KEY_BLK_SIZE",
     create_with(MPS_KEY_BLK_SIZE, WORD, 0.0);)
CASE(create_big, "mps_pool_create_k", "MPS_KEY_BLK_SIZE",
     create_with(MPS_KEY_BLK_SIZE, 32 * WORD, 0.0);)
CASE(create_headroom, "mps_pool_create_k", "MPS_KEY_BLK_HEADROOM",
     create_with(MPS_KEY_BLK_HEADROOM, 0, 1.0);)
CASE(create_memory, "mps_pool_create_k", "MPS_KEY_BLK_MEMORY",
     create_with(MPS_KEY_BLK_MEMORY_SIZE, 4096, 0.0);)
CASE(create_gen, "mps_pool_create_k", "MPS_KEY_GEN",
     create_with(MPS_KEY_GEN, 100, 0.0);)

#define BOTH(id) &case_##id##_null, &case_##id##_other

static const Case *const all[] = {
    BOTH(alloc),
    BOTH(layout),
    BOTH(free),
    BOTH(realloc),
    BOTH(size),
    BOTH(object),
    BOTH(collect),
    BOTH(begin),
    BOTH(mark),
    BOTH(end),
    BOTH(lock),
    BOTH(unlock),
    BOTH(is_locked),
    BOTH(info),
    BOTH(walk),
    BOTH(dump),
    BOTH(extend),
    BOTH(final_all),
    BOTH(check),
    &case_bogus_pool,
    &case_free_foreign,
    &case_free_interior,
    &case_free_tail,
    &case_free_twice,
    &case_free_locked,
    &case_free_collecting,
    &case_realloc_dead,
    &case_realloc_interior,
    &case_realloc_to_zero,
    &case_realloc_dead_to_nothing,
    &case_realloc_out,
    &case_alloc_out,
    &case_alloc_flags,
    &case_alloc_weak,
    &case_alloc_layout,
    &case_free_plain_foreign,
    &case_free_plain_size,
    &case_begin_twice,
    &case_begin_locked,
    &case_mark_alone,
    &case_end_alone,
    &case_mark_odd,
    &case_unlock_alone,
    &case_extend_memory,
    &case_extend_nothing,
    &case_walk_nothing,
    &case_dump_nothing,
    &case_dump_style,
    &case_create_small,
    &case_create_big,
    &case_create_headroom,
    &case_create_memory,
    &case_create_gen,
};

int main(void)
{
  return misuse_run("misuse_blk", all, NELEMS(all));
}
