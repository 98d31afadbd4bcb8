/* test_misuse_roots.c -- misuse of allocation points, roots and the rest
 *
 * The cases; misuse.h says what is expected of each.
 */

#include "misuse.h"


/* Allocation points */

CASE(ap_args, "mps_ap_create", "args", mps_ap_t ap;
     EXPECT(mps_ap_create_k(&ap, POOL, NULL) == MPS_RES_PARAM);)

static void ap_with_gen(unsigned gen)
{
  mps_ap_t ap = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_GEN, gen);
    EXPECT(mps_ap_create_k(&ap, POOL, args) == MPS_RES_PARAM);
  }
  MPS_ARGS_END(args);
}

CASE(ap_gen, "mps_ap_create", "GEN", ap_with_gen(3);)

static mps_ap_t dead_ap(void)
{
  mps_ap_t ap = NULL;

  MUST(mps_ap_create_k(&ap, POOL, mps_args_none));
  mps_ap_destroy(ap);
  return ap;
}

CASE(ap_dead, "mps_reserve", "ap", mps_addr_t p;
     EXPECT((mps_reserve)(&p, dead_ap(), 64) == MPS_RES_PARAM);)
CASE(ap_twice, "mps_ap_destroy", "ap", mps_ap_t ap;
     MUST(mps_ap_create_k(&ap, POOL, mps_args_none)); mps_ap_destroy(ap);
     mps_ap_destroy(ap);)

/* Do something wrong between reserve and commit, then finish it. */
#define RESERVED(body) \
  { \
    mps_addr_t p; \
    MUST(mps_reserve(&p, AP, 64)); \
    block_init(p, 64, 0, KIND_OBJ, 9); \
    body if (AP->init != AP->alloc)(void) mps_commit(AP, p, 64); \
  }

CASE(ap_open, "mps_ap_destroy", "ap", RESERVED(mps_ap_destroy(AP);))
CASE(ap_reserve_twice, "mps_reserve", "ap",
     RESERVED(mps_addr_t q;
              EXPECT((mps_reserve)(&q, AP, 64) == MPS_RES_PARAM);))
CASE(ap_commit_addr, "mps_commit", "p",
     RESERVED(EXPECT(!(mps_commit)(AP, (char *)p + 8, 64));))
CASE(ap_commit_size, "mps_commit", "size",
     RESERVED(EXPECT(!(mps_commit)(AP, p, 56));))
CASE(ap_commit_none, "mps_commit", "reserved",
     EXPECT(!(mps_commit)(AP, AP->init, 0));)
CASE(ap_commit_twice, "mps_commit", "reserved",
     RESERVED(EXPECT((mps_commit)(AP, p, 64));
              EXPECT(!(mps_commit)(AP, p, 64));))
CASE(ap_reserve_zero, "mps_reserve", "size", mps_addr_t p;
     EXPECT((mps_reserve)(&p, AP, 0) == MPS_RES_PARAM);)
CASE(ap_fill_zero, "mps_ap_fill", "size", mps_addr_t p;
     EXPECT(mps_ap_fill(&p, AP, 0) == MPS_RES_PARAM);)
CASE(ap_fill_open, "mps_ap_fill", "ap",
     RESERVED(mps_addr_t q; EXPECT(mps_ap_fill(&q, AP, 64) == MPS_RES_PARAM);))
CASE(ap_trip_zero, "mps_commit", "size", EXPECT(mps_ap_trip(AP, NULL, 0));)
CASE(ap_trip_odd, "mps_commit", "size", EXPECT(mps_ap_trip(AP, NULL, 63));)
CASE(ap_fill_odd, "mps_ap_fill", "size", mps_addr_t p;
     EXPECT(mps_ap_fill(&p, AP, 65) == MPS_RES_PARAM);)
CASE(ap_reserve_odd, "mps_reserve", "size", mps_addr_t p;
     EXPECT((mps_reserve)(&p, AP, 63) == MPS_RES_PARAM);)


/* Roots and threads */

#define ROOT_CASE(id, function, argument, call) \
  CASE(id, function, argument, mps_root_t r = NULL; \
       EXPECT(call == MPS_RES_PARAM && r == NULL);)

#define ODD_TABLE ((mps_addr_t *)(void *)((char *)TABLE + 1))

ROOT_CASE(root_rank, "mps_root_create_table", "rank",
          mps_root_create_table(&r, ARENA, 77, 0, TABLE, 4))
ROOT_CASE(root_mode, "mps_root_create_table", "rm",
          mps_root_create_table(&r, ARENA, EXACT, 64, TABLE, 4))
ROOT_CASE(root_table_null, "mps_root_create_table", "base",
          mps_root_create_table(&r, ARENA, EXACT, 0, NULL, 4))
ROOT_CASE(root_table_odd, "mps_root_create_table", "base",
          mps_root_create_table(&r, ARENA, EXACT, 0, ODD_TABLE, 3))
ROOT_CASE(root_table_none, "mps_root_create_table", "count",
          mps_root_create_table(&r, ARENA, EXACT, 0, TABLE, 0))
ROOT_CASE(root_table_negative, "mps_root_create_table", "count",
          mps_root_create_table(&r, ARENA, EXACT, 0, TABLE, (size_t)-1))
ROOT_CASE(root_masked_none, "mps_root_create_table_masked", "count",
          mps_root_create_table_masked(&r, ARENA, EXACT, 0, TABLE, 0, 3))
ROOT_CASE(root_masked_null, "mps_root_create_table_masked", "base",
          mps_root_create_table_masked(&r, ARENA, EXACT, 0, NULL, 4, 3))
ROOT_CASE(root_masked_negative, "mps_root_create_table_masked", "count",
          mps_root_create_table_masked(&r, ARENA, EXACT, 0, TABLE, (size_t)-1,
                                       3))
ROOT_CASE(root_masked_odd, "mps_root_create_table_masked", "base",
          mps_root_create_table_masked(&r, ARENA, EXACT, 0, ODD_TABLE, 3, 3))
ROOT_CASE(root_area_null, "mps_root_create_area", "base",
          mps_root_create_area(&r, ARENA, EXACT, 0, NULL, TABLE_END,
                               mps_scan_area, NULL))
ROOT_CASE(root_area_odd, "mps_root_create_area", "base",
          mps_root_create_area(&r, ARENA, EXACT, 0, ODD_TABLE, TABLE_END,
                               mps_scan_area, NULL))
ROOT_CASE(root_area_odd_limit, "mps_root_create_area", "limit",
          mps_root_create_area(&r, ARENA, EXACT, 0, TABLE, ODD_TABLE,
                               mps_scan_area, NULL))
ROOT_CASE(root_tagged_null, "mps_root_create_area_tagged", "base",
          mps_root_create_area_tagged(&r, ARENA, EXACT, 0, NULL, TABLE_END,
                                      mps_scan_area_tagged, 7, 0))
ROOT_CASE(root_tagged_turned, "mps_root_create_area_tagged", "limit",
          mps_root_create_area_tagged(&r, ARENA, EXACT, 0, TABLE_END, TABLE,
                                      mps_scan_area_tagged, 7, 0))
ROOT_CASE(root_tagged_odd, "mps_root_create_area_tagged", "base",
          mps_root_create_area_tagged(&r, ARENA, EXACT, 0, ODD_TABLE,
                                      TABLE_END, mps_scan_area_tagged, 7, 0))
ROOT_CASE(root_tagged_scan, "mps_root_create_area_tagged", "scan_area",
          mps_root_create_area_tagged(&r, ARENA, EXACT, 0, TABLE, TABLE_END,
                                      NULL, 7, 0))
ROOT_CASE(root_tagged_pattern, "mps_root_create_area_tagged", "pattern",
          mps_root_create_area_tagged(&r, ARENA, EXACT, 0, TABLE, TABLE_END,
                                      mps_scan_area_tagged, 3, 4))
ROOT_CASE(root_fmt_rank, "mps_root_create_fmt", "rank",
          mps_root_create_fmt(&r, ARENA, 77, 0, scan0, TABLE, TABLE_END))
ROOT_CASE(root_fmt_mode, "mps_root_create_fmt", "rm",
          mps_root_create_fmt(&r, ARENA, EXACT, 64, scan0, TABLE, TABLE_END))
ROOT_CASE(root_fun_rank, "mps_root_create", "rank",
          mps_root_create(&r, ARENA, 77, 0, scan_nothing, NULL, 0))
ROOT_CASE(root_fmt_empty, "mps_root_create_fmt", "limit",
          mps_root_create_fmt(&r, ARENA, EXACT, 0, scan0, TABLE, TABLE))
ROOT_CASE(root_area_empty, "mps_root_create_area", "limit",
          mps_root_create_area(&r, ARENA, EXACT, 0, TABLE, TABLE,
                               mps_scan_area, NULL))
ROOT_CASE(root_area_turned, "mps_root_create_area", "limit",
          mps_root_create_area(&r, ARENA, EXACT, 0, TABLE_END, TABLE,
                               mps_scan_area, NULL))
ROOT_CASE(root_area_scan, "mps_root_create_area", "scan",
          mps_root_create_area(&r, ARENA, EXACT, 0, TABLE, TABLE_END, NULL,
                               NULL))
ROOT_CASE(root_fmt_null, "mps_root_create_fmt", "base",
          mps_root_create_fmt(&r, ARENA, EXACT, 0, scan0, NULL, TABLE))
ROOT_CASE(root_fmt_turned, "mps_root_create_fmt", "limit",
          mps_root_create_fmt(&r, ARENA, EXACT, 0, scan0, TABLE_END, TABLE))
ROOT_CASE(root_fmt_scan, "mps_root_create_fmt", "scan",
          mps_root_create_fmt(&r, ARENA, EXACT, 0, NULL, TABLE, TABLE_END))
ROOT_CASE(root_fun_scan, "mps_root_create", "scan",
          mps_root_create(&r, ARENA, EXACT, 0, NULL, NULL, 0))
ROOT_CASE(root_fun_mode, "mps_root_create", "rm",
          mps_root_create(&r, ARENA, EXACT, MPS_RM_PROT, scan_nothing, NULL,
                          0))
ROOT_CASE(root_thread_null, "mps_root_create_thread", "cold",
          mps_root_create_thread(&r, ARENA, world.thread, NULL))
ROOT_CASE(root_thread_odd, "mps_root_create_thread", "cold",
          mps_root_create_thread(&r, ARENA, world.thread, (char *)&r + 1))
ROOT_CASE(root_thread_other, "mps_root_create_thread", "thr",
          mps_root_create_thread(&r, ARENA, world.other_thread, &r))
ROOT_CASE(root_thread_rank, "mps_root_create_thread_tagged", "rank",
          mps_root_create_thread_tagged(&r, ARENA, EXACT, 0, world.thread,
                                        mps_scan_area_tagged, 7, 0, &r))
ROOT_CASE(root_thread_mode, "mps_root_create_thread_scanned", "rm",
          mps_root_create_thread_scanned(&r, ARENA, AMBIG, MPS_RM_PROT,
                                         world.thread, mps_scan_area, NULL,
                                         &r))
ROOT_CASE(root_reg_scan, "mps_root_create_reg", "scan",
          mps_root_create_reg(&r, ARENA, AMBIG, 0, world.thread, NULL, &r, 0))
CASE(root_twice, "mps_root_destroy", "root",
     mps_root_t r = root_table(ARENA, EXACT, TABLE, 4);
     mps_root_destroy(r); mps_root_destroy(r);)
CASE(thread_dead, "mps_root_create_thread", "thr", mps_thr_t t; mps_root_t r;
     MUST(mps_thread_reg(&t, ARENA)); mps_thread_dereg(t);
     EXPECT(mps_root_create_thread(&r, ARENA, t, &r) == MPS_RES_PARAM);)
CASE(thread_twice, "mps_thread_dereg", "thr", mps_thr_t t;
     MUST(mps_thread_reg(&t, ARENA)); mps_thread_dereg(t);
     mps_thread_dereg(t);)


/* The rest */

/* Neither can have been reset: zeros, and a time that is still to come. */
CASE(ld_zeros, "mps_ld_add", "ld", mps_ld_s l; memset(&l, 0, sizeof l);
     mps_ld_add(&l, ARENA, world.table[0]);)
CASE(ld_future, "mps_ld_isstale", "ld", mps_ld_s l; mps_ld_reset(&l, ARENA);
     mps_ld_add(&l, ARENA, world.table[0]); l._epoch += 1000;
     EXPECT(!mps_ld_isstale(&l, ARENA, world.table[0]));)

CASE(message_type_bad, "mps_message_type_enable", "type",
     mps_message_type_enable(ARENA, 17);)

static mps_message_t get_message(void)
{
  mps_message_t message = NULL;

  mps_message_type_enable(ARENA, mps_message_type_gc());
  (void)client_make(&world.client, 64, 1);
  MUST(mps_arena_collect(ARENA));
  EXPECT(mps_message_get(&message, ARENA, mps_message_type_gc()));
  mps_message_type_disable(ARENA, mps_message_type_gc());
  return message;
}

CASE(message_twice, "mps_message_discard", "message",
     mps_message_t m = get_message();
     mps_message_discard(ARENA, m); mps_message_discard(ARENA, m);)
CASE(message_other_arena, "mps_message_discard", "message",
     mps_message_t m = get_message();
     mps_message_discard(world.other.arena, m); mps_message_discard(ARENA, m);)
CASE(message_other_type, "mps_message_type", "message",
     mps_message_t m = get_message();
     EXPECT(mps_message_type(world.other.arena, m) == 0);
     mps_message_discard(ARENA, m);)
CASE(message_why, "mps_message_gc_start_why", "message",
     mps_message_t m = get_message();
     (void)mps_message_gc_start_why(ARENA, m); mps_message_discard(ARENA, m);)
CASE(message_ref, "mps_message_finalization_ref", "message",
     mps_message_t m = get_message();
     mps_addr_t ref; mps_message_finalization_ref(&ref, ARENA, m);
     mps_message_discard(ARENA, m);)

/* Finalization */

static void finalize(mps_addr_t ref)
{
  EXPECT(mps_finalize(ARENA, &ref) == MPS_RES_PARAM);
}

static void definalize(mps_addr_t ref)
{
  EXPECT(mps_definalize(ARENA, &ref) == MPS_RES_PARAM);
}

CASE(finalize_null, "mps_finalize", "ref_p", finalize(NULL);)
CASE(finalize_unmanaged, "mps_finalize", "ref_p", finalize(&zeros);)
CASE(finalize_other_arena, "mps_finalize", "ref_p",
     finalize(client_make(&world.other, 64, 1));)
CASE(finalize_odd, "mps_finalize", "ref_p",
     finalize((char *)world.table[0] + 1);)
CASE(finalize_reserved, "mps_finalize", "ref_p", mps_addr_t block;
     MUST(mps_reserve(&block, AP, 64)); finalize(block);
     block_init(block, 64, 0, KIND_OBJ, 9); (void)mps_commit(AP, block, 64);)
CASE(finalize_unused, "mps_finalize", "ref_p",
     finalize((char *)client_make(&world.client, 64, 1) + 64);)
CASE(definalize_null, "mps_definalize", "ref_p", definalize(NULL);)
CASE(definalize_other_arena, "mps_definalize", "ref_p",
     definalize(client_make(&world.other, 64, 1));)
CASE(definalize_unmanaged, "mps_definalize", "ref_p", definalize(&zeros);)


CASE(walk_visitor, "mps_arena_formatted_objects_walk", "f",
     mps_arena_formatted_objects_walk(ARENA, NULL, NULL, 0);)
CASE(roots_walk_null, "mps_arena_roots_walk", "f",
     mps_arena_roots_walk(ARENA, NULL, NULL, 0);)
CASE(apply_null, "mps_amc_apply", "f", mps_amc_apply(POOL, NULL, NULL, 0);)
CASE(pool_walk_null, "mps_pool_walk", "scan_area",
     EXPECT(mps_pool_walk(POOL, NULL, NULL) == MPS_RES_PARAM);)

static void visit_root(mps_addr_t *ref, mps_root_t root, void *p, size_t s)
{
  (void)ref, (void)root, (void)p, (void)s;
}

CASE(roots_walk_unparked, "mps_arena_roots_walk", "park",
     mps_arena_release(ARENA);
     mps_arena_roots_walk(ARENA, visit_root, NULL, 0); mps_arena_park(ARENA);)


static const Case *const cases[] = {
    &case_ap_args,
    &case_ap_gen,
    &case_ap_dead,
    &case_ap_twice,
    &case_ap_open,
    &case_ap_reserve_twice,
    &case_ap_commit_addr,
    &case_ap_commit_size,
    &case_ap_commit_none,
    &case_ap_commit_twice,
    &case_ap_reserve_zero,
    &case_ap_fill_zero,
    &case_ap_fill_open,
    &case_ap_trip_zero,
    &case_ap_trip_odd,
    &case_ap_fill_odd,
    &case_ap_reserve_odd,
    &case_root_rank,
    &case_root_mode,
    &case_root_table_null,
    &case_root_table_odd,
    &case_root_table_none,
    &case_root_table_negative,
    &case_root_masked_none,
    &case_root_masked_null,
    &case_root_masked_negative,
    &case_root_masked_odd,
    &case_root_area_null,
    &case_root_area_odd,
    &case_root_area_odd_limit,
    &case_root_tagged_null,
    &case_root_tagged_turned,
    &case_root_tagged_odd,
    &case_root_tagged_scan,
    &case_root_tagged_pattern,
    &case_root_fmt_rank,
    &case_root_fmt_mode,
    &case_root_fun_rank,
    &case_root_fmt_empty,
    &case_root_area_empty,
    &case_root_area_turned,
    &case_root_area_scan,
    &case_root_fmt_null,
    &case_root_fmt_turned,
    &case_root_fmt_scan,
    &case_root_fun_scan,
    &case_root_fun_mode,
    &case_root_thread_null,
    &case_root_thread_odd,
    &case_root_thread_other,
    &case_root_thread_rank,
    &case_root_thread_mode,
    &case_root_reg_scan,
    &case_root_twice,
    &case_thread_dead,
    &case_thread_twice,
    &case_ld_zeros,
    &case_ld_future,
    &case_message_type_bad,
    &case_message_twice,
    &case_message_why,
    &case_message_ref,
    &case_message_other_arena,
    &case_message_other_type,
    &case_finalize_null,
    &case_finalize_unmanaged,
    &case_finalize_other_arena,
    &case_finalize_odd,
    &case_finalize_reserved,
    &case_finalize_unused,
    &case_definalize_null,
    &case_definalize_other_arena,
    &case_definalize_unmanaged,
    &case_walk_visitor,
    &case_roots_walk_null,
    &case_apply_null,
    &case_pool_walk_null,
    &case_roots_walk_unparked,
};

int main(void)
{
  return misuse_run("misuse of roots", cases, NELEMS(cases));
}
