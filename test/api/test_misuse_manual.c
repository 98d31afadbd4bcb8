/* test_misuse_manual.c -- misuse of pools under manual control
 *
 * The cases; misuse.h says what is expected of each.  Where a case has
 * damaged something, it mends it before the pool goes, which would report
 * it once more.
 */

#include "misuse.h"

#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"

static mps_pool_t mvff(mps_pool_class_t class)
{
  mps_pool_t pool;

  MUST(mps_pool_create_k(&pool, ARENA, class, mps_args_none));
  return pool;
}

static mps_pool_t mfs(size_t unit)
{
  mps_pool_t pool;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, unit);
    MUST(mps_pool_create_k(&pool, ARENA, mps_class_mfs(), args));
  }
  MPS_ARGS_END(args);
  return pool;
}

/* It gives everything back at once. */
static mps_pool_t returning(void)
{
  mps_pool_t pool;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.0);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 4096);
    MUST(mps_pool_create_k(&pool, ARENA, mps_class_mvff_debug(), args));
  }
  MPS_ARGS_END(args);
  return pool;
}

/* Do something with block p, of 40 bytes, in a pool of the class. */
#define WITH(make, body) \
  { \
    mps_pool_t pool = make; \
    mps_addr_t p; \
    MUST(mps_alloc(&p, pool, 40)); \
    body mps_pool_destroy(pool); \
  }
#define MVFF(body) WITH(mvff(mps_class_mvff()), body)
#define DEBUG(body) WITH(mvff(mps_class_mvff_debug()), body)
#define MFS(body) WITH(mfs(40), body)
#define AT(p, i) ((char *)(p) + (i))


/* Creating */

#define CREATE(class, key, field, value) \
  { \
    mps_pool_t pool = NULL; \
    MPS_ARGS_BEGIN(args) \
    { \
      MPS_ARGS_ADD_FIELD(args, key, field, value); \
      ck_assert_int_eq(mps_pool_create_k(&pool, ARENA, class(), args), \
                       MPS_RES_PARAM); \
      ck_assert_ptr_null(pool); \
    } \
    MPS_ARGS_END(args); \
  }

#define CREATE_MFS(extend_by) \
  { \
    mps_pool_t pool = NULL; \
    MPS_ARGS_BEGIN(args) \
    { \
      MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, 40); \
      MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, extend_by); \
      ck_assert_int_eq( \
          mps_pool_create_k(&pool, ARENA, mps_class_mfs(), args), \
          MPS_RES_PARAM); \
      ck_assert_ptr_null(pool); \
    } \
    MPS_ARGS_END(args); \
  }

CASE(extend_zero, "mps_pool_create", "MPS_KEY_EXTEND_BY",
     CREATE(mps_class_mvff, MPS_KEY_EXTEND_BY, size, 0))
CASE(mean_zero, "mps_pool_create", "MPS_KEY_MEAN_SIZE",
     CREATE(mps_class_mvff, MPS_KEY_MEAN_SIZE, size, 0))
CASE(align_zero, "mps_pool_create", "MPS_KEY_ALIGN",
     CREATE(mps_class_mvff, MPS_KEY_ALIGN, align, 0))
CASE(align_no_power, "mps_pool_create", "MPS_KEY_ALIGN",
     CREATE(mps_class_mvff, MPS_KEY_ALIGN, align, 24))
CASE(pool_spare, "mps_pool_create", "MPS_KEY_SPARE",
     CREATE(mps_class_mvff, MPS_KEY_SPARE, d, 1.5))
CASE(unit_zero, "mps_pool_create", "MPS_KEY_MFS_UNIT_SIZE",
     CREATE(mps_class_mfs, MPS_KEY_MFS_UNIT_SIZE, size, 0))
CASE(mfs_extend_zero, "mps_pool_create", "MPS_KEY_EXTEND_BY", CREATE_MFS(0))
CASE(align_small, "mps_pool_create", "MPS_KEY_ALIGN",
     CREATE(mps_class_mvff, MPS_KEY_ALIGN, align, 4))
CASE(align_large, "mps_pool_create", "MPS_KEY_ALIGN",
     CREATE(mps_class_mvff, MPS_KEY_ALIGN, align, 1 << 20))
CASE(mean, "mps_pool_create", "MPS_KEY_MEAN_SIZE",
     CREATE(mps_class_mvff, MPS_KEY_MEAN_SIZE, size, 1 << 20))
CASE(huge_extension, "mps_pool_create", "MPS_KEY_EXTEND_BY",
     CREATE(mps_class_mvff, MPS_KEY_EXTEND_BY, size, SIZE_MAX / 2))
CASE(no_unit, "mps_pool_create", "MPS_KEY_MFS_UNIT_SIZE",
     CREATE(mps_class_mfs, MPS_KEY_EXTEND_BY, size, 65536))
CASE(huge_unit, "mps_pool_create", "MPS_KEY_MFS_UNIT_SIZE",
     CREATE(mps_class_mfs, MPS_KEY_MFS_UNIT_SIZE, size, SIZE_MAX / 2))

static mps_pool_debug_option_s no_fence = {NULL, 4, "x", 1};
static mps_pool_debug_option_s no_pattern = {"x", 1, NULL, 4};

CASE(fence_template, "mps_pool_create", "MPS_KEY_POOL_DEBUG_OPTIONS",
     CREATE(mps_class_mvff_debug, MPS_KEY_POOL_DEBUG_OPTIONS,
            pool_debug_options, &no_fence))
CASE(free_template, "mps_pool_create", "MPS_KEY_POOL_DEBUG_OPTIONS",
     CREATE(mps_class_mvff_debug, MPS_KEY_POOL_DEBUG_OPTIONS,
            pool_debug_options, &no_pattern))


/* Allocating */

CASE(alloc_out, "mps_alloc", "p_o", MVFF((void)mps_alloc(NULL, pool, 8);))
CASE(alloc_zero, "mps_alloc", "size", MVFF((void)mps_alloc(&p, pool, 0);))
CASE(alloc_pool, "mps_alloc", "pool", mps_addr_t p;
     (void)mps_alloc(&p, BOGUS(mps_pool_t), 8);)
CASE(alloc_class, "mps_alloc", "class", mps_addr_t p;
     (void)mps_alloc(&p, POOL, 8);)
CASE(alloc_unit, "mps_alloc", "size",
     MFS(ck_assert_int_eq(mps_alloc(&p, pool, 48), MPS_RES_PARAM);))
CASE(alloc_class_collecting, "mps_alloc", "class", mps_addr_t p;
     MUST(mps_arena_start_collect(ARENA));
     ck_assert_int_eq(mps_alloc(&p, POOL, 8), MPS_RES_PARAM);)
CASE(alloc_unit_collecting, "mps_alloc", "size",
     MFS(MUST(mps_arena_start_collect(ARENA));
         ck_assert_int_eq(mps_alloc(&p, pool, 48), MPS_RES_PARAM);))
CASE(mfs_ap, "mps_ap_create", "pool",
     MFS(mps_ap_t ap; (void)mps_ap_create_k(&ap, pool, mps_args_none);))
CASE(fill_odd, "mps_ap_fill", "size",
     MVFF(mps_ap_t ap; MUST(mps_ap_create_k(&ap, pool, mps_args_none));
          (void)mps_ap_fill(&p, ap, 12); mps_ap_destroy(ap);))
CASE(destroy_with_ap, "mps_pool_destroy", "allocation point",
     MVFF(mps_ap_t ap; MUST(mps_ap_create_k(&ap, pool, mps_args_none));
          mps_pool_destroy(pool); mps_ap_destroy(ap);))


/* Freeing, of the common kinds */

CASE(free_pool, "mps_free", "pool", mps_free(NULL, AT(&zeros, 0), 8);)
CASE(free_class, "mps_free", "class", mps_free(POOL, world.table[0], 64);)
CASE(free_null, "mps_free", "p must", MVFF(mps_free(pool, NULL, 40);))
CASE(free_odd, "mps_free", "p must", MVFF(mps_free(pool, AT(p, 4), 40);))
CASE(free_zero, "mps_free", "size", MVFF(mps_free(pool, p, 0);))
CASE(free_negative, "mps_free", "size", MVFF(mps_free(pool, p, (size_t)-40);))
CASE(free_foreign, "mps_free", "p must",
     MVFF(mps_free(pool, zeros.words, 40);))
CASE(free_other_pool, "mps_free", "p must",
     MVFF(mps_pool_t other = mvff(mps_class_mvff()); mps_free(other, p, 40);
          mps_pool_destroy(other);))
CASE(free_collected, "mps_free", "p must",
     MVFF(mps_free(pool, world.table[0], 64);))
CASE(free_beyond, "mps_free", "size bytes", MVFF(mps_free(pool, p, 48);))
CASE(free_far_beyond, "mps_free", "size bytes",
     MVFF(mps_free(pool, p, 1 << 30);))
CASE(free_twice, "mps_free", "size bytes",
     MVFF(mps_free(pool, p, 40); mps_free(pool, p, 40);))
CASE(free_unallocated, "mps_free", "size bytes",
     MVFF(mps_free(pool, AT(p, 80), 40);))
CASE(free_destroyed, "mps_free", "pool",
     mps_pool_t pool = mvff(mps_class_mvff());
     mps_addr_t p; MUST(mps_alloc(&p, pool, 8)); mps_pool_destroy(pool);
     mps_free(pool, p, 8);)

/* What an allocation point hasn't allocated yet isn't allocated. */
#define AHEAD(class, body) \
  { \
    mps_pool_t pool = mvff(class()); \
    mps_ap_t ap; \
    mps_addr_t p; \
    MUST(mps_ap_create_k(&ap, pool, mps_args_none)); \
    MUST(mps_reserve(&p, ap, 48)); \
    ck_assert(mps_commit(ap, p, 48)); \
    body mps_free(pool, p, 48); \
    ck_assert_uint_eq(mps_pool_total_size(pool) - mps_pool_free_size(pool), \
                      (size_t)((char *)ap->limit - (char *)ap->init)); \
    mps_ap_destroy(ap); \
    mps_pool_destroy(pool); \
  }

CASE(free_ahead, "mps_free", "size bytes",
     AHEAD(mps_class_mvff, mps_free(pool, ap->init, 64);))
CASE(free_ahead_long, "mps_free", "size bytes",
     AHEAD(mps_class_mvff, mps_free(pool, ap->init, 4096);))
CASE(free_into_ahead, "mps_free", "size bytes",
     AHEAD(mps_class_mvff, mps_free(pool, p, 56);))
CASE(free_reserved, "mps_free", "size bytes",
     AHEAD(mps_class_mvff, mps_addr_t q; MUST(mps_reserve(&q, ap, 48));
           mps_free(pool, q, 48); ck_assert(mps_commit(ap, q, 48));
           mps_free(pool, q, 48);))
CASE(free_ahead_mvt, "mps_free", "size bytes",
     AHEAD(mps_class_mvt, mps_free(pool, ap->init, 64);))
CASE(free_ahead_debug, "mps_free", "size bytes",
     AHEAD(mps_class_mvff_debug, mps_free(pool, ap->init, 64);))

CASE(mfs_free_twice, "mps_free", "p must",
     MFS(mps_free(pool, p, 40); mps_free(pool, p, 40);))
CASE(mfs_free_inside, "mps_free", "p must", MFS(mps_free(pool, AT(p, 8), 40);))
CASE(mfs_free_next, "mps_free", "p must", MFS(mps_free(pool, AT(p, 40), 40);))
CASE(mfs_free_end, "mps_free", "p must",
     MFS(mps_free(pool, AT(p, 65536 / 40 * 40), 40);))
CASE(mfs_free_foreign, "mps_free", "p must",
     MFS(mps_free(pool, zeros.words, 40);))
CASE(mfs_free_size, "mps_free", "size", MFS(mps_free(pool, p, 32);))


/* Freeing, where there are fences */

CASE(debug_free_twice, "mps_free", "size bytes",
     DEBUG(mps_free(pool, p, 40); mps_free(pool, p, 40);))
CASE(debug_free_less, "mps_free", "size", DEBUG(mps_free(pool, p, 39);))
CASE(debug_free_more, "mps_free", "size", DEBUG(mps_free(pool, p, 41);))
CASE(debug_free_inside, "mps_free", "p and",
     DEBUG(mps_free(pool, AT(p, 8), 8);))
CASE(debug_free_fence, "mps_free", "p and",
     DEBUG(mps_free(pool, AT(p, -8), 8);))
CASE(debug_free_upper, "mps_free", "p and",
     DEBUG(mps_free(pool, AT(p, 40), 8);))
CASE(debug_free_around, "mps_free", "p and",
     DEBUG(mps_free(pool, AT(p, -8), 64);))


/* Writing where one shouldn't */

/* Damage a byte, look, and mend it. */
#define DAMAGE(i, look) \
  { \
    char was = *AT(p, i); \
    *AT(p, i) = '!'; \
    look *AT(p, i) = was; \
  }
#define FENCES mps_pool_check_fenceposts(pool);
#define SPACE mps_pool_check_free_space(pool);

CASE(below, "mps_pool_check_fenceposts", "fencepost",
     DEBUG(DAMAGE(-1, FENCES)))
CASE(far_below, "mps_pool_check_fenceposts", "fencepost",
     DEBUG(DAMAGE(-8, FENCES)))
CASE(above, "mps_pool_check_fenceposts", "fencepost",
     DEBUG(DAMAGE(40, FENCES)))
CASE(far_above, "mps_pool_check_fenceposts", "fencepost",
     DEBUG(DAMAGE(47, FENCES)))
CASE(above_odd, "mps_pool_check_fenceposts", "fencepost",
     DEBUG(mps_addr_t q; MUST(mps_alloc(&q, pool, 3)); p = q;
           DAMAGE(3, FENCES)))
CASE(below_at_free, "mps_free", "fencepost",
     DEBUG(*AT(p, -1) = '!'; mps_free(pool, p, 40);))
CASE(above_at_free, "mps_free", "fencepost",
     DEBUG(*AT(p, 40) = '!'; mps_free(pool, p, 40);))
CASE(above_at_the_end, "mps_pool_check_fenceposts", "fencepost",
     DEBUG(*AT(p, 40) = '!';))
CASE(after_free, "mps_pool_check_free_space", "free memory",
     DEBUG(mps_free(pool, p, 40); DAMAGE(7, SPACE)))
CASE(never_allocated, "mps_pool_check_free_space", "free memory",
     DEBUG(DAMAGE(5000, SPACE)))
CASE(after_free_at_alloc, "mps_pool_check_free_space", "free memory",
     DEBUG(mps_free(pool, p, 40); *AT(p, 7) = '!';
           MUST(mps_alloc(&p, pool, 40));))
CASE(after_free_at_the_end, "mps_pool_check_free_space", "free memory",
     DEBUG(mps_free(pool, p, 40); *AT(p, 7) = '!';))
CASE(after_free_at_fill, "mps_pool_check_free_space", "free memory",
     DEBUG(mps_ap_t ap; mps_free(pool, p, 40); *AT(p, 7) = '!';
           MUST(mps_ap_create_k(&ap, pool, mps_args_none));
           MUST(mps_ap_fill(&p, ap, 8)); (void)mps_commit(ap, p, 8);
           mps_ap_destroy(ap);))
CASE(after_free_at_return, "mps_pool_check_free_space", "free memory",
     mps_pool_t pool = returning();
     mps_addr_t p; MUST(mps_alloc(&p, pool, 40)); *AT(p, 1000) = '!';
     mps_free(pool, p, 40); mps_pool_destroy(pool);)

CASE(finalize, "mps_finalize", "ref", MVFF((void)mps_finalize(ARENA, &p);))
CASE(check_fences_pool, "mps_pool_check_fenceposts", "pool",
     mps_pool_check_fenceposts(ODD(mps_pool_t));)
CASE(check_space_pool, "mps_pool_check_free_space", "pool",
     mps_pool_check_free_space(NULL);)

static const Case *const cases[] = {
    &case_extend_zero,
    &case_mean_zero,
    &case_align_zero,
    &case_align_no_power,
    &case_pool_spare,
    &case_unit_zero,
    &case_mfs_extend_zero,
    &case_align_small,
    &case_align_large,
    &case_mean,
    &case_huge_extension,
    &case_no_unit,
    &case_huge_unit,
    &case_fence_template,
    &case_free_template,
    &case_alloc_out,
    &case_alloc_zero,
    &case_alloc_pool,
    &case_alloc_class,
    &case_alloc_unit,
    &case_alloc_class_collecting,
    &case_alloc_unit_collecting,
    &case_mfs_ap,
    &case_fill_odd,
    &case_destroy_with_ap,
    &case_free_pool,
    &case_free_class,
    &case_free_null,
    &case_free_odd,
    &case_free_zero,
    &case_free_negative,
    &case_free_foreign,
    &case_free_other_pool,
    &case_free_collected,
    &case_free_beyond,
    &case_free_far_beyond,
    &case_free_twice,
    &case_free_unallocated,
    &case_free_destroyed,
    &case_free_ahead,
    &case_free_ahead_long,
    &case_free_into_ahead,
    &case_free_reserved,
    &case_free_ahead_mvt,
    &case_free_ahead_debug,
    &case_mfs_free_twice,
    &case_mfs_free_inside,
    &case_mfs_free_next,
    &case_mfs_free_end,
    &case_mfs_free_foreign,
    &case_mfs_free_size,
    &case_debug_free_twice,
    &case_debug_free_less,
    &case_debug_free_more,
    &case_debug_free_inside,
    &case_debug_free_fence,
    &case_debug_free_upper,
    &case_debug_free_around,
    &case_below,
    &case_far_below,
    &case_above,
    &case_far_above,
    &case_above_odd,
    &case_below_at_free,
    &case_above_at_free,
    &case_above_at_the_end,
    &case_after_free,
    &case_never_allocated,
    &case_after_free_at_alloc,
    &case_after_free_at_the_end,
    &case_after_free_at_fill,
    &case_after_free_at_return,
    &case_finalize,
    &case_check_fences_pool,
    &case_check_space_pool,
};

int main(void)
{
  return misuse_run("misuse of manual pools", cases, NELEMS(cases));
}
