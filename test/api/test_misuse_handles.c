/* test_misuse_handles.c -- misuse of handles and results, everywhere
 *
 * Every function that takes a handle gets a null pointer, memory that is no
 * handle, a pointer that isn't aligned and a live handle of another kind;
 * every function that writes a result is given a null pointer for it and
 * one that isn't aligned.  test_misuse.py compares the lists with the
 * headers.
 */

#include "misuse.h"

#include "mostly.h"

/* What a call answers that did nothing. */
#define PARAM(call) EXPECT((call) == MPS_RES_PARAM);
#define ZERO(call) EXPECT((call) == 0);
#define NOTHING(call) (void)(call);

static mps_root_t root;
static mps_addr_t addr; /* where a result may go */
static mps_sac_class_s sac_class = {16, 4, 1};

/* X(function called, function reported, argument, call with h) */

#define GETTERS(X) \
  X(mps_arena_reserved, "mps_arena_reserved", arena, \
    ZERO(mps_arena_reserved(h))) \
  X(mps_arena_committed, "mps_arena_committed", arena, \
    ZERO(mps_arena_committed(h))) \
  X(mps_arena_spare_committed, "mps_arena_spare_committed", arena, \
    ZERO(mps_arena_spare_committed(h))) \
  X(mps_arena_commit_limit, "mps_arena_commit_limit", arena, \
    ZERO(mps_arena_commit_limit(h))) \
  X(mps_arena_pause_time, "mps_arena_pause_time", arena, \
    ZERO(mps_arena_pause_time(h))) \
  X(mps_arena_spare, "mps_arena_spare", arena, ZERO(mps_arena_spare(h))) \
  X(mps_collections, "mps_collections", arena, ZERO(mps_collections(h))) \
  X(mps_arena_busy, "mps_arena_busy", arena, ZERO(mps_arena_busy(h))) \
  X(mps_arena_has_addr, "mps_arena_has_addr", arena, \
    ZERO(mps_arena_has_addr(h, addr))) \
  X(mps_message_poll, "mps_message_poll", arena, ZERO(mps_message_poll(h))) \
  X(mostly_gen_count, "mostly_gen_count", arena, ZERO(mostly_gen_count(h))) \
  X(mostly_arena_barrier, "mostly_arena_barrier", arena, \
    ZERO(mostly_arena_barrier(h)))

#define ARENA_CALLS(X) \
  X(mps_arena_destroy, "mps_arena_destroy", arena, mps_arena_destroy(h);) \
  X(mps_arena_commit_limit_set, "mps_arena_commit_limit_set", arena, \
    PARAM(mps_arena_commit_limit_set(h, 1))) \
  X(mps_arena_spare_set, "mps_arena_spare_set", arena, \
    mps_arena_spare_set(h, 0.5);) \
  X(mps_arena_spare_commit_limit, "mps_arena_spare_commit_limit", arena, \
    ZERO(mps_arena_spare_commit_limit(h))) \
  X(mps_arena_spare_commit_limit_set, "mps_arena_spare_commit_limit_set", \
    arena, mps_arena_spare_commit_limit_set(h, 1);) \
  X(mps_arena_pause_time_set, "mps_arena_pause_time_set", arena, \
    mps_arena_pause_time_set(h, 0.1);) \
  X(mps_arena_vm_growth, "mps_arena_vm_growth", arena, \
    PARAM(mps_arena_vm_growth(h, 2, 1))) \
  X(mps_arena_extend, "mps_arena_extend", arena, \
    PARAM(mps_arena_extend(h, &zeros, sizeof zeros))) \
  X(mps_transform_create, "mps_transform_create", arena, mps_transform_t t; \
    PARAM(mps_transform_create(&t, h))) \
  X(mps_arena_clamp, "mps_arena_clamp", arena, mps_arena_clamp(h);) \
  X(mps_arena_park, "mps_arena_park", arena, mps_arena_park(h);) \
  X(mps_arena_release, "mps_arena_release", arena, mps_arena_release(h);) \
  X(mps_arena_collect, "mps_arena_collect", arena, \
    PARAM(mps_arena_collect(h))) \
  X(mps_arena_start_collect, "mps_arena_start_collect", arena, \
    PARAM(mps_arena_start_collect(h))) \
  X(mps_arena_step, "mps_arena_step", arena, \
    ZERO(mps_arena_step(h, 0.0, 0.0))) \
  X(mps_arena_postmortem, "mps_arena_postmortem", arena, \
    mps_arena_postmortem(h);) \
  X(mps_addr_pool, "mps_addr_pool", arena, mps_pool_t p; \
    ZERO(mps_addr_pool(&p, h, addr))) \
  X(mps_addr_fmt, "mps_addr_fmt", arena, mps_fmt_t f; \
    ZERO(mps_addr_fmt(&f, h, addr))) \
  X(mps_addr_object, "mps_addr_object", arena, mps_addr_t o; \
    PARAM(mps_addr_object(&o, h, addr))) \
  X(mps_fmt_create_k, "mps_fmt_create_k", arena, mps_fmt_t f; \
    PARAM(mps_fmt_create_k(&f, h, mps_args_none))) \
  X(mps_fmt_create_A, "mps_fmt_create_A", arena, mps_fmt_t f; \
    mps_fmt_A_s a = {.align = 8}; PARAM(mps_fmt_create_A(&f, h, &a))) \
  X(mps_fmt_create_B, "mps_fmt_create_B", arena, mps_fmt_t f; \
    mps_fmt_B_s b = {.align = 8}; PARAM(mps_fmt_create_B(&f, h, &b))) \
  X(mps_fmt_create_auto_header, "mps_fmt_create_auto_header", arena, \
    mps_fmt_t f; \
    mps_fmt_auto_header_s a = {.align = 8}; \
    PARAM(mps_fmt_create_auto_header(&f, h, &a))) \
  X(mps_fmt_create_fixed, "mps_fmt_create_fixed", arena, mps_fmt_t f; \
    mps_fmt_fixed_s d = {.align = 8}; PARAM(mps_fmt_create_fixed(&f, h, &d))) \
  X(mps_chain_create, "mps_chain_create", arena, mps_chain_t c; \
    mps_gen_param_s gen = {1, 0.5}; PARAM(mps_chain_create(&c, h, 1, &gen))) \
  X(mps_pool_create_k, "mps_pool_create", arena, mps_pool_t p; \
    PARAM(mps_pool_create_k(&p, h, mps_class_amc(), mps_args_none))) \
  X(mps_pool_create, "mps_pool_create", arena, mps_pool_t p; \
    PARAM(mps_pool_create(&p, h, mps_class_amc(), world.client.fmt, \
                          world.client.chain))) \
  X(mps_thread_reg, "mps_thread_reg", arena, mps_thr_t t; \
    PARAM(mps_thread_reg(&t, h))) \
  X(mps_arena_formatted_objects_walk, "mps_arena_formatted_objects_walk", \
    arena, mps_arena_formatted_objects_walk(h, NULL, NULL, 0);) \
  X(mps_arena_roots_walk, "mps_arena_roots_walk", arena, \
    mps_arena_roots_walk(h, NULL, NULL, 0);) \
  X(mostly_gen_stats, "mostly_gen_stats", arena, mostly_gen_stats_s s; \
    PARAM(mostly_gen_stats(&s, h, 0))) \
  X(mostly_arena_stats, "mostly_arena_stats", arena, mostly_arena_stats_s s; \
    PARAM(mostly_arena_stats(&s, h)))

#define ROOT_CALLS(X) \
  X(mps_root_create, "mps_root_create", arena, \
    PARAM(mps_root_create(&root, h, EXACT, 0, scan_nothing, NULL, 0))) \
  X(mps_root_create_fmt, "mps_root_create_fmt", arena, \
    PARAM(mps_root_create_fmt(&root, h, EXACT, 0, scan0, TABLE, TABLE_END))) \
  X(mps_root_create_area, "mps_root_create_area", arena, \
    PARAM(mps_root_create_area(&root, h, EXACT, 0, TABLE, TABLE_END, \
                               mps_scan_area, NULL))) \
  X(mps_root_create_area_tagged, "mps_root_create_area_tagged", arena, \
    PARAM(mps_root_create_area_tagged(&root, h, EXACT, 0, TABLE, TABLE_END, \
                                      mps_scan_area_tagged, 7, 0))) \
  X(mps_root_create_table, "mps_root_create_table", arena, \
    PARAM(mps_root_create_table(&root, h, EXACT, 0, TABLE, 4))) \
  X(mps_root_create_table_masked, "mps_root_create_table_masked", arena, \
    PARAM(mps_root_create_table_masked(&root, h, EXACT, 0, TABLE, 4, 7))) \
  X(mps_root_create_thread, "mps_root_create_thread", arena, \
    PARAM(mps_root_create_thread(&root, h, world.thread, &addr))) \
  X(mps_root_create_thread_tagged, "mps_root_create_thread_tagged", arena, \
    PARAM(mps_root_create_thread_tagged(&root, h, AMBIG, 0, world.thread, \
                                        mps_scan_area_tagged, 7, 0, &addr))) \
  X(mps_root_create_thread_scanned, "mps_root_create_thread_scanned", arena, \
    PARAM(mps_root_create_thread_scanned(&root, h, AMBIG, 0, world.thread, \
                                         mps_scan_area, NULL, &addr))) \
  X(mps_root_create_reg, "mps_root_create_reg", arena, \
    PARAM(mps_root_create_reg(&root, h, AMBIG, 0, world.thread, \
                              mps_stack_scan_ambig, &addr, 0))) \
  X(mps_root_create_thread, "mps_root_create_thread", thr, \
    PARAM(mps_root_create_thread(&root, ARENA, h, &addr))) \
  X(mps_root_create_thread_tagged, "mps_root_create_thread_tagged", thr, \
    PARAM(mps_root_create_thread_tagged(&root, ARENA, AMBIG, 0, h, \
                                        mps_scan_area_tagged, 7, 0, &addr))) \
  X(mps_root_create_thread_scanned, "mps_root_create_thread_scanned", thr, \
    PARAM(mps_root_create_thread_scanned(&root, ARENA, AMBIG, 0, h, \
                                         mps_scan_area, NULL, &addr))) \
  X(mps_root_create_reg, "mps_root_create_reg", thr, \
    PARAM(mps_root_create_reg(&root, ARENA, AMBIG, 0, h, \
                              mps_stack_scan_ambig, &addr, 0))) \
  X(mps_root_destroy, "mps_root_destroy", root, mps_root_destroy(h);) \
  X(mps_thread_dereg, "mps_thread_dereg", thr, mps_thread_dereg(h);)

#define MESSAGE_CALLS(X) \
  X(mps_message_type_enable, "mps_message_type_enable", arena, \
    mps_message_type_enable(h, mps_message_type_gc());) \
  X(mps_message_type_disable, "mps_message_type_disable", arena, \
    mps_message_type_disable(h, mps_message_type_gc());) \
  X(mps_message_queue_type, "mps_message_queue_type", arena, \
    mps_message_type_t type; \
    ZERO(mps_message_queue_type(&type, h))) \
  X(mps_message_get, "mps_message_get", arena, mps_message_t m; \
    ZERO(mps_message_get(&m, h, mps_message_type_gc()))) \
  X(mps_message_discard, "mps_message_discard", arena, \
    mps_message_discard(h, NULL);) \
  X(mps_message_type, "mps_message_type", arena, \
    ZERO(mps_message_type(h, NULL))) \
  X(mps_message_clock, "mps_message_clock", arena, \
    ZERO(mps_message_clock(h, NULL))) \
  X(mps_message_finalization_ref, "mps_message_finalization_ref", arena, \
    mps_message_finalization_ref(&addr, h, NULL);) \
  X(mps_message_gc_live_size, "mps_message_gc_live_size", arena, \
    ZERO(mps_message_gc_live_size(h, NULL))) \
  X(mps_message_gc_condemned_size, "mps_message_gc_condemned_size", arena, \
    ZERO(mps_message_gc_condemned_size(h, NULL))) \
  X(mps_message_gc_not_condemned_size, "mps_message_gc_not_condemned_size", \
    arena, ZERO(mps_message_gc_not_condemned_size(h, NULL))) \
  X(mps_message_gc_start_why, "mps_message_gc_start_why", arena, \
    NOTHING(mps_message_gc_start_why(h, NULL))) \
  X(mps_message_discard, "mps_message_discard", message, \
    mps_message_discard(ARENA, h);) \
  X(mps_message_type, "mps_message_type", message, \
    ZERO(mps_message_type(ARENA, h))) \
  X(mps_message_clock, "mps_message_clock", message, \
    ZERO(mps_message_clock(ARENA, h))) \
  X(mps_message_finalization_ref, "mps_message_finalization_ref", message, \
    mps_message_finalization_ref(&addr, ARENA, h);) \
  X(mps_message_gc_live_size, "mps_message_gc_live_size", message, \
    ZERO(mps_message_gc_live_size(ARENA, h))) \
  X(mps_message_gc_condemned_size, "mps_message_gc_condemned_size", message, \
    ZERO(mps_message_gc_condemned_size(ARENA, h))) \
  X(mps_message_gc_not_condemned_size, "mps_message_gc_not_condemned_size", \
    message, ZERO(mps_message_gc_not_condemned_size(ARENA, h))) \
  X(mps_message_gc_start_why, "mps_message_gc_start_why", message, \
    NOTHING(mps_message_gc_start_why(ARENA, h))) \
  X(mps_finalize, "mps_finalize", arena, PARAM(mps_finalize(h, &addr))) \
  X(mps_definalize, "mps_definalize", arena, PARAM(mps_definalize(h, &addr)))

#define LD_ARENA_CALLS(X) \
  X(mps_ld_reset, "mps_ld_reset", arena, mps_ld_s l; mps_ld_reset(&l, h);) \
  X(mps_ld_add, "mps_ld_add", arena, mps_ld_s l; mps_ld_reset(&l, ARENA); \
    mps_ld_add(&l, h, addr);) \
  X(mps_ld_merge, "mps_ld_merge", arena, mps_ld_s l; mps_ld_reset(&l, ARENA); \
    mps_ld_merge(&l, h, &l);) \
  X(mps_ld_isstale, "mps_ld_isstale", arena, mps_ld_s l; \
    mps_ld_reset(&l, ARENA); ZERO(mps_ld_isstale(&l, h, addr))) \
  X(mps_ld_isstale_any, "mps_ld_isstale_any", arena, mps_ld_s l; \
    mps_ld_reset(&l, ARENA); ZERO(mps_ld_isstale_any(&l, h)))

#define POOL_CALLS(X) \
  X(mps_transform_add_oldnew, "mps_transform_add_oldnew", transform, \
    PARAM(mps_transform_add_oldnew(h, TABLE, TABLE, 4))) \
  X(mps_transform_apply, "mps_transform_apply", transform, mps_bool_t b; \
    PARAM(mps_transform_apply(&b, h))) \
  X(mps_transform_destroy, "mps_transform_destroy", transform, \
    mps_transform_destroy(h);) \
  X(mps_sac_create, "mps_sac_create", pool, mps_sac_t s; \
    PARAM(mps_sac_create(&s, h, 1, &sac_class))) \
  X(mps_sac_destroy, "mps_sac_destroy", sac, mps_sac_destroy(h);) \
  X(mps_sac_flush, "mps_sac_flush", sac, mps_sac_flush(h);) \
  X(mps_sac_alloc, "mps_sac_alloc", sac, mps_addr_t p; \
    PARAM(mps_sac_alloc(&p, h, 16, 0))) \
  X(mps_sac_fill, "mps_sac_fill", sac, mps_addr_t p; \
    PARAM(mps_sac_fill(&p, h, 16, 0))) \
  X(mps_sac_free, "mps_sac_free", sac, mps_sac_free(h, addr, 16);) \
  X(mps_sac_empty, "mps_sac_empty", sac, mps_sac_empty(h, addr, 16);) \
  X(mps_fmt_destroy, "mps_fmt_destroy", fmt, mps_fmt_destroy(h);) \
  X(mps_chain_destroy, "mps_chain_destroy", chain, mps_chain_destroy(h);) \
  X(mps_pool_create_k, "mps_pool_create", pool_class, mps_pool_t p; \
    PARAM(mps_pool_create_k(&p, ARENA, h, mps_args_none))) \
  X(mps_pool_create, "mps_pool_create", pool_class, mps_pool_t p; PARAM( \
        mps_pool_create(&p, ARENA, h, world.client.fmt, world.client.chain))) \
  X(mps_arena_create_k, "mps_arena_create", arena_class, mps_arena_t a; \
    PARAM(mps_arena_create_k(&a, h, mps_args_none))) \
  X(mps_arena_create, "mps_arena_create", arena_class, mps_arena_t a; \
    PARAM(mps_arena_create(&a, h, (size_t)MB))) \
  X(mps_pool_destroy, "mps_pool_destroy", pool, mps_pool_destroy(h);) \
  X(mps_pool_total_size, "mps_pool_total_size", pool, \
    ZERO(mps_pool_total_size(h))) \
  X(mps_pool_free_size, "mps_pool_free_size", pool, \
    ZERO(mps_pool_free_size(h))) \
  X(mps_pool_walk, "mps_pool_walk", pool, \
    PARAM(mps_pool_walk(h, mps_scan_area, NULL))) \
  X(mps_pool_check_fenceposts, "mps_pool_check_fenceposts", pool, \
    mps_pool_check_fenceposts(h);) \
  X(mps_pool_check_free_space, "mps_pool_check_free_space", pool, \
    mps_pool_check_free_space(h);) \
  X(mps_alloc, "mps_alloc", pool, mps_addr_t p; PARAM(mps_alloc(&p, h, 8))) \
  X(mps_free, "mps_free", pool, mps_free(h, addr, 64);) \
  X(mps_amc_apply, "mps_amc_apply", pool, mps_amc_apply(h, NULL, NULL, 0);)

#define AP_CALLS(X) \
  X(mps_ap_create_k, "mps_ap_create", pool, mps_ap_t ap; \
    PARAM(mps_ap_create_k(&ap, h, mps_args_none))) \
  X(mps_ap_create, "mps_ap_create", pool, mps_ap_t ap; \
    PARAM(mps_ap_create(&ap, h, EXACT))) \
  X(mps_ap_destroy, "mps_ap_destroy", ap, mps_ap_destroy(h);) \
  X(mps_reserve, "mps_reserve", ap, mps_addr_t p; \
    PARAM((mps_reserve)(&p, h, 64))) \
  X(mps_commit, "mps_commit", ap, ZERO((mps_commit)(h, addr, 64))) \
  X(mps_ap_fill, "mps_ap_fill", ap, mps_addr_t p; \
    PARAM(mps_ap_fill(&p, h, 64))) \
  X(mps_ap_trip, "mps_ap_trip", ap, NOTHING(mps_ap_trip(h, addr, 64))) \
  X(mps_ap_frame_push, "mps_ap_frame_push", ap, mps_frame_t frame; \
    PARAM(mps_ap_frame_push(&frame, h))) \
  X(mps_ap_frame_pop, "mps_ap_frame_pop", ap, \
    PARAM(mps_ap_frame_pop(h, NULL))) \
  X(mps_ap_alloc_pattern_begin, "mps_ap_alloc_pattern_begin", ap, \
    PARAM(mps_ap_alloc_pattern_begin(h, mps_alloc_pattern_ramp()))) \
  X(mps_ap_alloc_pattern_end, "mps_ap_alloc_pattern_end", ap, \
    PARAM(mps_ap_alloc_pattern_end(h, mps_alloc_pattern_ramp()))) \
  X(mps_ap_alloc_pattern_reset, "mps_ap_alloc_pattern_reset", ap, \
    PARAM(mps_ap_alloc_pattern_reset(h))) \
  X(mps_ap_alloc_pattern_begin, "mps_ap_alloc_pattern_begin", pattern, \
    PARAM(mps_ap_alloc_pattern_begin(AP, h))) \
  X(mps_ap_alloc_pattern_end, "mps_ap_alloc_pattern_end", pattern, \
    PARAM(mps_ap_alloc_pattern_end(AP, h)))

#define HANDLE_CALLS(X) \
  GETTERS(X) \
  ARENA_CALLS(X) \
  ROOT_CALLS(X) MESSAGE_CALLS(X) LD_ARENA_CALLS(X) POOL_CALLS(X) AP_CALLS(X)

/* A location dependency is the client's memory; one that was never reset
 * is told by its zeros. */
#define LD_CALLS(X) \
  X(mps_ld_add, "mps_ld_add", ld, mps_ld_add(h, ARENA, addr);) \
  X(mps_ld_merge, "mps_ld_merge", dest, mps_ld_s l; mps_ld_reset(&l, ARENA); \
    mps_ld_merge(h, ARENA, &l);) \
  X(mps_ld_merge, "mps_ld_merge", src, mps_ld_s l; mps_ld_reset(&l, ARENA); \
    mps_ld_merge(&l, ARENA, h);) \
  X(mps_ld_isstale, "mps_ld_isstale", ld, \
    ZERO(mps_ld_isstale(h, ARENA, addr))) \
  X(mps_ld_isstale_any, "mps_ld_isstale_any", ld, \
    ZERO(mps_ld_isstale_any(h, ARENA)))

#define OUT_CALLS(X) \
  X(mps_arena_create_k, "mps_arena_create", arena_o, \
    PARAM(mps_arena_create_k(h, mps_arena_class_vm(), mps_args_none))) \
  X(mps_arena_create, "mps_arena_create", arena_o, \
    PARAM(mps_arena_create(h, mps_arena_class_vm(), (size_t)MB))) \
  X(mps_fmt_create_k, "mps_fmt_create_k", fmt_o, \
    PARAM(mps_fmt_create_k(h, ARENA, mps_args_none))) \
  X(mps_fmt_create_A, "mps_fmt_create_A", fmt_o, \
    mps_fmt_A_s a = {.align = 8}; \
    PARAM(mps_fmt_create_A(h, ARENA, &a))) \
  X(mps_fmt_create_B, "mps_fmt_create_B", fmt_o, \
    mps_fmt_B_s b = {.align = 8}; \
    PARAM(mps_fmt_create_B(h, ARENA, &b))) \
  X(mps_fmt_create_auto_header, "mps_fmt_create_auto_header", fmt_o, \
    mps_fmt_auto_header_s a = {.align = 8}; \
    PARAM(mps_fmt_create_auto_header(h, ARENA, &a))) \
  X(mps_fmt_create_fixed, "mps_fmt_create_fixed", fmt_o, \
    mps_fmt_fixed_s d = {.align = 8}; \
    PARAM(mps_fmt_create_fixed(h, ARENA, &d))) \
  X(mps_chain_create, "mps_chain_create", chain_o, \
    mps_gen_param_s gen = {1, 0.5}; \
    PARAM(mps_chain_create(h, ARENA, 1, &gen))) \
  X(mps_pool_create_k, "mps_pool_create", pool_o, \
    PARAM(mps_pool_create_k(h, ARENA, mps_class_amc(), mps_args_none))) \
  X(mps_pool_create, "mps_pool_create", pool_o, \
    PARAM(mps_pool_create(h, ARENA, mps_class_amc(), world.client.fmt, \
                          world.client.chain))) \
  X(mps_alloc, "mps_alloc", p_o, PARAM(mps_alloc(h, POOL, 64))) \
  X(mps_ap_create_k, "mps_ap_create", ap_o, \
    PARAM(mps_ap_create_k(h, POOL, mps_args_none))) \
  X(mps_ap_create, "mps_ap_create", ap_o, \
    PARAM(mps_ap_create(h, POOL, EXACT))) \
  X(mps_reserve, "mps_reserve", p_o, PARAM((mps_reserve)(h, AP, 64))) \
  X(mps_ap_fill, "mps_ap_fill", p_o, PARAM(mps_ap_fill(h, AP, 64))) \
  X(mps_ap_frame_push, "mps_ap_frame_push", frame_o, \
    PARAM(mps_ap_frame_push(h, AP))) \
  X(mps_root_create, "mps_root_create", root_o, \
    PARAM(mps_root_create(h, ARENA, EXACT, 0, scan_nothing, NULL, 0))) \
  X(mps_root_create_fmt, "mps_root_create_fmt", root_o, \
    PARAM(mps_root_create_fmt(h, ARENA, EXACT, 0, scan0, TABLE, TABLE_END))) \
  X(mps_root_create_area, "mps_root_create_area", root_o, \
    PARAM(mps_root_create_area(h, ARENA, EXACT, 0, TABLE, TABLE_END, \
                               mps_scan_area, NULL))) \
  X(mps_root_create_area_tagged, "mps_root_create_area_tagged", root_o, \
    PARAM(mps_root_create_area_tagged(h, ARENA, EXACT, 0, TABLE, TABLE_END, \
                                      mps_scan_area_tagged, 7, 0))) \
  X(mps_root_create_table, "mps_root_create_table", root_o, \
    PARAM(mps_root_create_table(h, ARENA, EXACT, 0, TABLE, 4))) \
  X(mps_root_create_table_masked, "mps_root_create_table_masked", root_o, \
    PARAM(mps_root_create_table_masked(h, ARENA, EXACT, 0, TABLE, 4, 7))) \
  X(mps_root_create_thread, "mps_root_create_thread", root_o, \
    PARAM(mps_root_create_thread(h, ARENA, world.thread, &addr))) \
  X(mps_root_create_thread_tagged, "mps_root_create_thread_tagged", root_o, \
    PARAM(mps_root_create_thread_tagged(h, ARENA, AMBIG, 0, world.thread, \
                                        mps_scan_area_tagged, 7, 0, &addr))) \
  X(mps_root_create_thread_scanned, "mps_root_create_thread_scanned", root_o, \
    PARAM(mps_root_create_thread_scanned(h, ARENA, AMBIG, 0, world.thread, \
                                         mps_scan_area, NULL, &addr))) \
  X(mps_root_create_reg, "mps_root_create_reg", root_o, \
    PARAM(mps_root_create_reg(h, ARENA, AMBIG, 0, world.thread, \
                              mps_stack_scan_ambig, &addr, 0))) \
  X(mps_transform_create, "mps_transform_create", transform_o, \
    PARAM(mps_transform_create(h, ARENA))) \
  X(mps_transform_apply, "mps_transform_apply", applied_o, \
    PARAM(mps_transform_apply(h, NULL))) \
  X(mps_sac_create, "mps_sac_create", sac_o, \
    PARAM(mps_sac_create(h, POOL, 1, &sac_class))) \
  X(mps_sac_alloc, "mps_sac_alloc", p_o, \
    PARAM(mps_sac_alloc(h, NULL, 16, 0))) \
  X(mps_sac_fill, "mps_sac_fill", p_o, PARAM(mps_sac_fill(h, NULL, 16, 0))) \
  X(mps_thread_reg, "mps_thread_reg", thr_o, PARAM(mps_thread_reg(h, ARENA))) \
  X(mps_addr_pool, "mps_addr_pool", pool_o, \
    ZERO(mps_addr_pool(h, ARENA, addr))) \
  X(mps_addr_fmt, "mps_addr_fmt", fmt_o, ZERO(mps_addr_fmt(h, ARENA, addr))) \
  X(mps_addr_object, "mps_addr_object", p_o, \
    PARAM(mps_addr_object(h, ARENA, addr))) \
  X(mps_ld_reset, "mps_ld_reset", ld, mps_ld_reset(h, ARENA);) \
  X(mps_message_queue_type, "mps_message_queue_type", type_o, \
    ZERO(mps_message_queue_type(h, ARENA))) \
  X(mps_message_get, "mps_message_get", message_o, \
    ZERO(mps_message_get(h, ARENA, mps_message_type_gc()))) \
  X(mps_message_finalization_ref, "mps_message_finalization_ref", ref_o, \
    mps_message_finalization_ref(h, ARENA, NULL);) \
  X(mps_finalize, "mps_finalize", ref_p, PARAM(mps_finalize(ARENA, h))) \
  X(mps_definalize, "mps_definalize", ref_p, PARAM(mps_definalize(ARENA, h))) \
  X(mostly_gen_stats, "mostly_gen_stats", stats_o, \
    PARAM(mostly_gen_stats(h, ARENA, 0))) \
  X(mostly_arena_stats, "mostly_arena_stats", stats_o, \
    PARAM(mostly_arena_stats(h, ARENA)))

/* A function for each line, and a case for each pointer that is no good. */

#define DEFINE(called, reported, argument, ...) \
  static void called##_##argument(void *h) \
  { \
    __VA_ARGS__ \
  }

HANDLE_CALLS(DEFINE)
LD_CALLS(DEFINE)
OUT_CALLS(DEFINE)

#define ONE(called, reported, argument, its_pointer) \
  &(const Case){#called " of a pointer that is " #its_pointer, \
                reported, \
                #argument, \
                NULL, \
                called##_##argument, \
                POINTER_##its_pointer},

#define HANDLE_ROW(called, reported, argument, ...) \
  ONE(called, reported, argument, NULL) \
  ONE(called, reported, argument, ZEROS) \
  ONE(called, reported, argument, ODD) \
  ONE(called, reported, argument, OTHER)

#define LD_ROW(called, reported, argument, ...) \
  ONE(called, reported, argument, NULL) \
  ONE(called, reported, argument, ZEROS) \
  ONE(called, reported, argument, ODD)

#define OUT_ROW(called, reported, argument, ...) \
  ONE(called, reported, argument, NULL) \
  ONE(called, reported, argument, ODD)

static const Case *const cases[]
    = {HANDLE_CALLS(HANDLE_ROW) LD_CALLS(LD_ROW) OUT_CALLS(OUT_ROW)};

int main(void)
{
  return misuse_run("misuse of handles", cases, NELEMS(cases));
}
