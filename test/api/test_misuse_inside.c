/* test_misuse_inside.c -- calls from inside a call
 *
 * Format methods, scanners and visitors run inside a call on the arena, and
 * call nothing but what is said to be legal there.  Each case makes one call
 * from a walk's visitor, and from a root's scanner in the middle of a
 * collection.
 */

#include "misuse.h"

#include "mpscmfs.h"
#include "mpscmvff.h"

static void (*inside)(void);
static mps_pool_t manual;
static mps_addr_t block;

static void inside_call(void)
{
  void (*call)(void) = inside;

  inside = NULL;
  if (call != NULL)
    call();
}

static void visit(mps_addr_t object, mps_fmt_t fmt, mps_pool_t pool, void *p,
                  size_t s)
{
  (void)object, (void)fmt, (void)pool, (void)p, (void)s;
  inside_call();
}

static mps_res_t scan_calling(mps_ss_t ss, void *p, size_t s)
{
  (void)ss, (void)p, (void)s;
  inside_call();
  return MPS_RES_OK;
}

static void from_walk(void)
{
  mps_arena_formatted_objects_walk(ARENA, visit, NULL, 0);
}

static void from_scan(void)
{
  mps_root_t root;

  MUST(mps_root_create(&root, ARENA, EXACT, 0, scan_calling, NULL, 0));
  MUST(mps_arena_collect(ARENA));
  mps_root_destroy(root);
}

/* The manual pool has one block before and afterwards. */
static void call_from(void (*from)(void), void (*call)(void))
{
  MUST(mps_pool_create_k(&manual, ARENA, mps_class_mvff(), mps_args_none));
  MUST(mps_alloc(&block, manual, 64));
  inside = call;
  from();
  EXPECT(inside == NULL);
  EXPECT(!mps_arena_busy(ARENA));
  ck_assert_uint_eq(pool_used(manual), 64);
  mps_free(manual, block, 64);
  mps_pool_destroy(manual);
}

#define INSIDE(id, function, call) \
  static void call_##id(void){call} CASE(id##_in_walk, #function ":", \
                                         "callback", \
                                         call_from(from_walk, call_##id);) \
      CASE(id##_in_scan, #function ":", "callback", \
           call_from(from_scan, call_##id);)

INSIDE(alloc, mps_alloc, mps_addr_t p;
       ck_assert_int_eq(mps_alloc(&p, manual, 64), MPS_RES_PARAM);)
INSIDE(free, mps_free, mps_free(manual, block, 64);)
INSIDE(fill, mps_ap_fill, mps_addr_t p;
       ck_assert_int_eq(mps_ap_fill(&p, AP, 64), MPS_RES_PARAM);)
INSIDE(ap_create, mps_ap_create_k, mps_ap_t ap;
       ck_assert_int_eq(mps_ap_create_k(&ap, POOL, mps_args_none),
                        MPS_RES_PARAM);)
INSIDE(ap_destroy, mps_ap_destroy, mps_ap_destroy(AP);)
INSIDE(pool_create, mps_pool_create_k, mps_pool_t pool;
       ck_assert_int_eq(mps_pool_create_k(&pool, ARENA, mps_class_mvff(),
                                          mps_args_none),
                        MPS_RES_PARAM);)
INSIDE(pool_destroy, mps_pool_destroy, mps_pool_destroy(manual);)
INSIDE(fmt_create, mps_fmt_create_k, mps_fmt_t fmt;
       ck_assert_int_eq(mps_fmt_create_k(&fmt, ARENA, mps_args_none),
                        MPS_RES_PARAM);)
INSIDE(collect, mps_arena_collect,
       ck_assert_int_eq(mps_arena_collect(ARENA), MPS_RES_PARAM);)
INSIDE(start, mps_arena_start_collect,
       ck_assert_int_eq(mps_arena_start_collect(ARENA), MPS_RES_PARAM);)
INSIDE(step, mps_arena_step, ck_assert_int_eq(mps_arena_step(ARENA, 0, 0), 0);)
INSIDE(release, mps_arena_release, mps_arena_release(ARENA);)
INSIDE(park, mps_arena_park, mps_arena_park(ARENA);)
INSIDE(clamp, mps_arena_clamp, mps_arena_clamp(ARENA);)
INSIDE(committed, mps_arena_committed,
       ck_assert_uint_eq(mps_arena_committed(ARENA), 0);)
INSIDE(root_destroy, mps_root_destroy, mps_root_destroy(world.root);)
INSIDE(root_create, mps_root_create, mps_root_t root;
       ck_assert_int_eq(mps_root_create(&root, ARENA, EXACT, 0, scan_nothing,
                                        NULL, 0),
                        MPS_RES_PARAM);)
INSIDE(thread_reg, mps_thread_reg, mps_thr_t thr;
       ck_assert_int_eq(mps_thread_reg(&thr, ARENA), MPS_RES_PARAM);)
INSIDE(thread_dereg, mps_thread_dereg, mps_thread_dereg(world.thread);)
INSIDE(finalize, mps_finalize,
       ck_assert_int_eq(mps_finalize(ARENA, &TABLE[0]), MPS_RES_PARAM);)
INSIDE(definalize, mps_definalize,
       ck_assert_int_eq(mps_definalize(ARENA, &TABLE[0]), MPS_RES_PARAM);)
INSIDE(poll, mps_message_poll, ck_assert_int_eq(mps_message_poll(ARENA), 0);)
INSIDE(walk, mps_arena_formatted_objects_walk, from_walk();)
INSIDE(object, mps_addr_object, mps_addr_t p;
       ck_assert_int_eq(mps_addr_object(&p, ARENA, TABLE[0]), MPS_RES_PARAM);)

#define BOTH(id) &case_##id##_in_walk, &case_##id##_in_scan

static const Case *const cases[] = {
    BOTH(alloc),        BOTH(free),        BOTH(fill),
    BOTH(ap_create),    BOTH(ap_destroy),  BOTH(pool_create),
    BOTH(pool_destroy), BOTH(fmt_create),  BOTH(collect),
    BOTH(start),        BOTH(step),        BOTH(release),
    BOTH(park),         BOTH(clamp),       BOTH(committed),
    BOTH(root_destroy), BOTH(root_create), BOTH(thread_reg),
    BOTH(thread_dereg), BOTH(finalize),    BOTH(definalize),
    BOTH(poll),         BOTH(walk),        BOTH(object),
};

int main(void)
{
  return misuse_run_some("misuse from inside", cases, NELEMS(cases), 1);
}
