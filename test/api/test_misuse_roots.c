/* test_misuse_roots.c -- misuse of allocation points, roots and the rest
 *
 * The cases; misuse.h says what is expected of each.
 */

#include "misuse.h"


/* Allocation points */

CASE(ap_out, "mps_ap_create", "ap_o",
     (void)mps_ap_create_k(NULL, POOL, mps_args_none);)
CASE(ap_pool, "mps_ap_create", "pool", mps_ap_t ap;
     (void)mps_ap_create_k(&ap, BOGUS(mps_pool_t), mps_args_none);)
CASE(ap_null, "mps_ap_destroy", "ap", mps_ap_destroy(NULL);)
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
     RESERVED(mps_addr_t q; (void)(mps_reserve)(&q, AP, 64);))
CASE(ap_commit_addr, "mps_commit", "p",
     RESERVED((void)(mps_commit)(AP, (char *)p + 8, 64);))
CASE(ap_commit_size, "mps_commit", "size",
     RESERVED((void)(mps_commit)(AP, p, 56);))
CASE(ap_reserve_zero, "mps_reserve", "size", mps_addr_t p;
     (void)(mps_reserve)(&p, AP, 0);)
CASE(ap_fill_zero, "mps_ap_fill", "size", mps_addr_t p;
     (void)mps_ap_fill(&p, AP, 0);)
CASE(ap_fill_odd, "mps_ap_fill", "size", mps_addr_t p;
     (void)mps_ap_fill(&p, AP, 65);)
CASE(ap_reserve_odd, "mps_reserve", "size", mps_addr_t p;
     (void)(mps_reserve)(&p, AP, 63);)
CASE(ap_reserve_out, "mps_reserve", "p_o", (void)(mps_reserve)(NULL, AP, 64);)
CASE(ap_reserve_null, "mps_reserve", "ap", mps_addr_t p;
     (void)(mps_reserve)(&p, NULL, 64);)
CASE(ap_fill_bogus, "mps_ap_fill", "ap", mps_addr_t p;
     (void)mps_ap_fill(&p, BOGUS(mps_ap_t), 64);)
CASE(ap_trip_null, "mps_ap_trip", "ap", (void)mps_ap_trip(NULL, NULL, 64);)
CASE(frame_out, "mps_ap_frame_push", "frame_o",
     (void)mps_ap_frame_push(NULL, AP);)
CASE(frame_ap, "mps_ap_frame_pop", "ap", (void)mps_ap_frame_pop(NULL, NULL);)
CASE(pattern_null, "mps_ap_alloc_pattern_begin", "pattern",
     (void)mps_ap_alloc_pattern_begin(AP, NULL);)
CASE(pattern_ap, "mps_ap_alloc_pattern_end", "ap",
     (void)mps_ap_alloc_pattern_end(NULL, mps_alloc_pattern_ramp());)


/* Roots and threads */

#define ROOT_CASE(id, function, argument, call) \
  CASE(id, function, argument, mps_root_t r = NULL; \
       if (call == MPS_RES_OK) mps_root_destroy(r);)

#define EXACT mps_rank_exact()
#define AMBIG mps_rank_ambig()
#define TABLE world.table
#define TABLE_END (world.table + 4)

static mps_res_t scan_nothing(mps_ss_t ss, void *p, size_t s)
{
  (void)ss, (void)p, (void)s;
  return MPS_RES_OK;
}

ROOT_CASE(root_out, "mps_root_create", "root_o",
          mps_root_create_table(NULL, ARENA, EXACT, 0, TABLE, 4))
ROOT_CASE(root_rank, "mps_root_create", "rank",
          mps_root_create_table(&r, ARENA, 77, 0, TABLE, 4))
ROOT_CASE(root_mode, "mps_root_create", "rm",
          mps_root_create_table(&r, ARENA, EXACT, 64, TABLE, 4))
ROOT_CASE(root_table_null, "mps_root_create_table", "base",
          mps_root_create_table(&r, ARENA, EXACT, 0, NULL, 4))
ROOT_CASE(root_table_odd, "mps_root_create_table", "base",
          mps_root_create_table(&r, ARENA, EXACT, 0,
                                (mps_addr_t *)(void *)((char *)TABLE + 1), 3))
ROOT_CASE(root_table_none, "mps_root_create_table", "count",
          mps_root_create_table(&r, ARENA, EXACT, 0, TABLE, 0))
ROOT_CASE(root_table_negative, "mps_root_create_table", "count",
          mps_root_create_table(&r, ARENA, EXACT, 0, TABLE, (size_t)-1))
ROOT_CASE(root_masked_none, "mps_root_create_table_masked", "count",
          mps_root_create_table_masked(&r, ARENA, EXACT, 0, TABLE, 0, 3))
ROOT_CASE(root_masked_null, "mps_root_create_table_masked", "base",
          mps_root_create_table_masked(&r, ARENA, EXACT, 0, NULL, 4, 3))
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
ROOT_CASE(root_thread_bogus, "mps_root_create_thread", "thr",
          mps_root_create_thread(&r, ARENA, BOGUS(mps_thr_t), &r))
ROOT_CASE(root_thread_other, "mps_root_create_thread", "thr",
          mps_root_create_thread(&r, ARENA, world.other_thread, &r))
ROOT_CASE(root_thread_rank, "mps_root_create_thread", "rank",
          mps_root_create_thread_tagged(&r, ARENA, EXACT, 0, world.thread,
                                        mps_scan_area_tagged, 7, 0, &r))
ROOT_CASE(root_thread_mode, "mps_root_create_thread", "rm",
          mps_root_create_thread_scanned(&r, ARENA, AMBIG, MPS_RM_PROT,
                                         world.thread, mps_scan_area, NULL,
                                         &r))
ROOT_CASE(root_reg_scan, "mps_root_create_reg", "scan",
          mps_root_create_reg(&r, ARENA, AMBIG, 0, world.thread, NULL, &r, 0))
CASE(root_null, "mps_root_destroy", "root", mps_root_destroy(NULL);)
CASE(root_twice, "mps_root_destroy", "root",
     mps_root_t r = root_table(ARENA, EXACT, TABLE, 4);
     mps_root_destroy(r); mps_root_destroy(r);)
CASE(thread_out, "mps_thread_reg", "thr_o", (void)mps_thread_reg(NULL, ARENA);)
CASE(thread_null, "mps_thread_dereg", "thr", mps_thread_dereg(NULL);)
CASE(thread_twice, "mps_thread_dereg", "thr", mps_thr_t t;
     MUST(mps_thread_reg(&t, ARENA)); mps_thread_dereg(t);
     mps_thread_dereg(t);)


/* The rest */

CASE(ld_null, "mps_ld_reset", "ld", mps_ld_reset(NULL, ARENA);)
CASE(ld_add_null, "mps_ld_add", "ld", mps_ld_add(NULL, ARENA, world.table[0]);)
CASE(ld_stale_null, "mps_ld_isstale", "ld",
     (void)mps_ld_isstale(NULL, ARENA, world.table[0]);)
CASE(ld_merge_null, "mps_ld_merge", "src", mps_ld_s l; mps_ld_reset(&l, ARENA);
     mps_ld_merge(&l, ARENA, NULL);)
CASE(addr_pool_out, "mps_addr_pool", "pool_o",
     (void)mps_addr_pool(NULL, ARENA, world.table[0]);)
CASE(addr_fmt_out, "mps_addr_fmt", "fmt_o",
     (void)mps_addr_fmt(NULL, ARENA, world.table[0]);)
CASE(addr_object_out, "mps_addr_object", "p_o",
     (void)mps_addr_object(NULL, ARENA, world.table[0]);)
CASE(message_type_bad, "mps_message_type_enable", "type",
     mps_message_type_enable(ARENA, 17);)
CASE(message_out, "mps_message_get", "message_o",
     (void)mps_message_get(NULL, ARENA, mps_message_type_gc());)
CASE(message_null, "mps_message_discard", "message",
     mps_message_discard(ARENA, NULL);)
CASE(message_clock_null, "mps_message_clock", "message",
     (void)mps_message_clock(ARENA, NULL);)

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
  EXPECT(mps_finalize(ARENA, &ref) == MPS_RES_FAIL);
}

static void definalize(mps_addr_t ref)
{
  EXPECT(mps_definalize(ARENA, &ref) == MPS_RES_FAIL);
}

CASE(finalize_arena, "mps_finalize", "arena",
     (void)mps_finalize(NULL, world.table);)
CASE(finalize_out, "mps_finalize", "ref_p", (void)mps_finalize(ARENA, NULL);)
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
CASE(definalize_arena, "mps_definalize", "arena",
     (void)mps_definalize(NULL, world.table);)
CASE(definalize_out, "mps_definalize", "ref_p",
     (void)mps_definalize(ARENA, NULL);)
CASE(definalize_null, "mps_definalize", "ref_p", definalize(NULL);)
CASE(definalize_unmanaged, "mps_definalize", "ref_p", definalize(&zeros);)


CASE(walk_visitor, "mps_arena_formatted_objects_walk", "f",
     mps_arena_formatted_objects_walk(ARENA, NULL, NULL, 0);)
CASE(roots_walk_null, "mps_arena_roots_walk", "f",
     mps_arena_roots_walk(ARENA, NULL, NULL, 0);)
CASE(apply_null, "mps_amc_apply", "f", mps_amc_apply(POOL, NULL, NULL, 0);)
CASE(pool_walk_null, "mps_pool_walk", "scan_area",
     (void)mps_pool_walk(POOL, NULL, NULL);)

static void visit_root(mps_addr_t *ref, mps_root_t root, void *p, size_t s)
{
  (void)ref, (void)root, (void)p, (void)s;
}

CASE(roots_walk_unparked, "mps_arena_roots_walk", "park",
     mps_arena_release(ARENA);
     mps_arena_roots_walk(ARENA, visit_root, NULL, 0); mps_arena_park(ARENA);)


static const Case *const cases[] = {
    &case_ap_out,
    &case_ap_pool,
    &case_ap_null,
    &case_ap_twice,
    &case_ap_open,
    &case_ap_reserve_twice,
    &case_ap_commit_addr,
    &case_ap_commit_size,
    &case_ap_reserve_zero,
    &case_ap_fill_zero,
    &case_ap_fill_odd,
    &case_ap_reserve_odd,
    &case_ap_reserve_out,
    &case_ap_reserve_null,
    &case_ap_fill_bogus,
    &case_ap_trip_null,
    &case_frame_out,
    &case_frame_ap,
    &case_pattern_null,
    &case_pattern_ap,
    &case_root_out,
    &case_root_rank,
    &case_root_mode,
    &case_root_table_null,
    &case_root_table_odd,
    &case_root_table_none,
    &case_root_table_negative,
    &case_root_masked_none,
    &case_root_masked_null,
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
    &case_root_thread_bogus,
    &case_root_thread_other,
    &case_root_thread_rank,
    &case_root_thread_mode,
    &case_root_reg_scan,
    &case_root_null,
    &case_root_twice,
    &case_thread_out,
    &case_thread_null,
    &case_thread_twice,
    &case_ld_null,
    &case_ld_add_null,
    &case_ld_stale_null,
    &case_ld_merge_null,
    &case_addr_pool_out,
    &case_addr_fmt_out,
    &case_addr_object_out,
    &case_message_type_bad,
    &case_message_out,
    &case_message_null,
    &case_message_clock_null,
    &case_message_twice,
    &case_message_why,
    &case_message_ref,
    &case_finalize_arena,
    &case_finalize_out,
    &case_finalize_null,
    &case_finalize_unmanaged,
    &case_finalize_other_arena,
    &case_finalize_odd,
    &case_finalize_reserved,
    &case_finalize_unused,
    &case_definalize_arena,
    &case_definalize_out,
    &case_definalize_null,
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
