/* test_amc.c -- the mostly copying pools: generations, segments, buffers
 *
 * What a pool is made of, where survivors go, and what requests of each
 * size get.  Nails and boards are in test_amc_fix.c.
 */

#include "amc_help.h"

#include <signal.h>

/* COVERS: .struct.pool .gen.number .gen.manage.array .gen.rep .gen.create
 * .gen.forward.setup: a record for each generation and one for the top; each
 * one's survivors go to the next. _i is the length of the chain. */
START_TEST(test_generations)
{
  Count gens = (Count)_i;

  amc_start((AmcParams){.gens = gens});
  ck_assert_uint_eq(amc->gens, gens);
  for (Index i = 0; i <= gens; ++i) {
    const PoolGen *pgen = &amc->pgens[i];
    Index target = i < gens ? i + 1 : gens;

    ck_assert(pgen_check(pgen));
    ck_assert_uint_eq(pgen->index, i);
    ck_assert_ptr_eq(pgen->gen, i < gens ? &chain->gens[i] : &arena->top);
    ck_assert_ptr_eq(pgen->forward, &amc->pgens[target]);
    ck_assert_uint_eq(pgen->forward_set,
                      REFSET_KIND(amc->pgens[target].gen->id));
    ck_assert_ptr_null(pgen->cursor.seg);
  }
  ck_assert_ptr_eq(arena->pools.next, &pool->link); /* the last one made */
  amc_stop();
}
END_TEST

/* COVERS: .guide .gen.collect .gen .seg.gen.get: after k collections an object
 * is in generation k, or in the top; all of one generation go together. */
START_TEST(test_promotion)
{
  Count gens = (Count)_i;

  amc_start((AmcParams){.gens = gens});
  for (Index k = 0; k < gens + 3; ++k) {
    /* One more age group in each collection. */
    for (Index i = 0; i < 20; ++i)
      exact[k * 20 + i] = amc_object(256, k * 20 + i);
    amc_new_ap();
    amc_collect();
    for (Index age = 0; age <= k; ++age)
      for (Index i = 0; i < 20; ++i) {
        mps_addr_t object = exact[(k - age) * 20 + i];
        Index expected = size_min(age + 1, gens);

        EXPECT(amc_is_object(object, 256, (k - age) * 20 + i));
        EXPECT(amc_seg(object)->pgen == &amc->pgens[expected]);
        EXPECT(seg_gen(amc_seg(object)) == amc->pgens[expected].gen);
      }
  }
  amc_stop();
}
END_TEST

/* COVERS: .gen: the top generation is one for all chains. */
START_TEST(test_top_is_shared)
{
  static mps_gen_param_s params[] = {{100, 0.5}};
  mps_chain_t other_chain;
  mps_pool_t other;

  amc_start((AmcParams){0});
  ck_assert_int_eq(mps_chain_create(&other_chain, arena, 1, params),
                   MPS_RES_OK);
  other = amc_make_pool(&(AmcParams){0}, other_chain);
  ck_assert_ptr_eq(amc_of_pool(other)->pgens[1].gen, amc->pgens[3].gen);
  ck_assert_ptr_ne(amc_of_pool(other)->pgens[0].gen, amc->pgens[0].gen);
  mps_pool_destroy(other);
  mps_chain_destroy(other_chain);
  amc_stop();
}
END_TEST

/* COVERS: .gen.forward .amc.inv.forward: without a target it dies (SIGABRT).
 * */
START_TEST(test_no_target)
{
  amc_start((AmcParams){0});
  exact[0] = amc_object(64, 1);
  amc_new_ap();
  amc->pgens[0].forward = NULL;
  (void)mps_arena_collect(arena);
}
END_TEST

/* COVERS: .buffer.gen .buffer.field.gen .buffer.fill.gen .buffer.class: a
 * buffer fills segments of its generation, which the client may choose. */
START_TEST(test_buffer_generation)
{
  amc_start((AmcParams){0});
  for (unsigned gen = 0; gen <= 3; ++gen) {
    mps_ap_destroy(ap);
    MPS_ARGS_BEGIN(args)
    {
      MPS_ARGS_ADD(args, MPS_KEY_GEN, gen);
      ck_assert_int_eq(mps_ap_create_k(&ap, pool, args), MPS_RES_OK);
    }
    MPS_ARGS_END(args);
    ck_assert_ptr_eq(buffer_of_ap(ap)->pgen, &amc->pgens[gen]);
    for (Index i = 0; i < 100; ++i)
      ck_assert_ptr_eq(amc_seg(amc_object(200, i))->pgen, &amc->pgens[gen]);
    ck_assert_ptr_eq(buffer_of_ap(ap)->seg->buffer, buffer_of_ap(ap));
    ck_assert_uint_eq(buffer_of_ap(ap)->seg->rank, buffer_of_ap(ap)->rank);
  }
  amc_verify();
  amc_stop();
}
END_TEST


/* What requests get */

static void check_request(Size size, Size extend_by, Size large_size)
{
  mps_addr_t object;
  mps_addr_t next;
  Seg *seg;

  amc_new_ap();
  help_pads = 0;
  object = amc_object(size, 1);
  seg = amc_seg(object);
  ck_assert_uint_eq(seg->size_class, size >= large_size ? SEG_LARGE
                                     : size < extend_by ? SEG_SMALL
                                                        : SEG_MEDIUM);
  ck_assert(seg->base == (Addr)help_block(object));
  if (size < large_size) {
    ck_assert_uint_eq(help_pads, 0);
    ck_assert_uint_eq(seg_size(seg),
                      size_max(size_round_up(size, GRAIN), extend_by));
    return;
  }
  /* .pad.reason.lsp: the rest is padded at once, if there is one. */
  ck_assert_uint_eq(seg_size(seg), size_round_up(size, GRAIN));
  ck_assert_uint_eq(help_pads, size % GRAIN != 0);
  if (help_pads > 0) {
    ck_assert(help_pad_log[0].base == addr_add(seg->base, size));
    ck_assert_uint_eq(help_pad_log[0].size, seg_size(seg) - size);
  }
  /* .large.single-reserve: nobody else gets anything of it. */
  next = amc_object(16, 2);
  ck_assert_ptr_ne(amc_seg(next), seg);
  ck_assert_ptr_null(seg->buffer);
  ck_assert(seg->used_limit == addr_add(seg->base, size));
  amc_verify();
}

/* COVERS: .amc.sizes .large.single-reserve .pad.reason.lsp: requests on both
 * sides of each bound. _i is where to find the parameters. */
START_TEST(test_requests)
{
  static const struct {
    Size extend_by;
    Size large_size;
  } row[] = {{GRAIN, 32768},
             {GRAIN, GRAIN},
             {3 * GRAIN, 5 * GRAIN + 8},
             {16 * GRAIN, 16 * GRAIN}};
  Size extend_by = row[_i].extend_by;
  Size large_size = row[_i].large_size;

  amc_start((AmcParams){.extend_by = extend_by, .large_size = large_size});
  check_request(16, extend_by, large_size);
  for (Size size = extend_by - 16; size <= extend_by + 16; size += 8)
    check_request(size, extend_by, large_size);
  for (Size size = large_size - 16; size <= large_size + 16; size += 8)
    check_request(size, extend_by, large_size);
  check_request(large_size + GRAIN, extend_by, large_size);
  check_request(size_round_up(large_size, GRAIN) * 3, extend_by, large_size);
  amc_stop();
}
END_TEST

/* Large objects are copied to segments of their own, with the same pad. */
START_TEST(test_large_copy)
{
  amc_start((AmcParams){0});
  exact[0] = amc_object(16, 0);
  exact[1] = amc_object(40000, 1);
  exact[2] = amc_object(40960, 2);
  exact[3] = amc_object(16, 3);
  amc_new_ap();
  help_pads = 0;
  amc_collect();
  for (Index i = 1; i < 3; ++i) {
    const Seg *seg = amc_seg(exact[i]);

    ck_assert(amc_is_object(exact[i], i == 1 ? 40000 : 40960, i));
    ck_assert_uint_eq(seg->size_class, SEG_LARGE);
    ck_assert_uint_eq(seg_size(seg), 40960);
    ck_assert_uint_eq(addr_diff(seg->base, seg->used_limit),
                      i == 1 ? 40000 : 40960);
  }
  ck_assert_ptr_eq(amc_seg(exact[0]), amc_seg(exact[3]));
  ck_assert_uint_eq(seg_size(amc_seg(exact[0])), GRAIN);
  ck_assert_uint_eq(help_pads, 2); /* behind the large one, and the small */
  ck_assert_uint_eq(chain->gens[0].total.forwarded, 16 + 40000 + 40960 + 16);
  ck_assert_uint_eq(chain->gens[0].total.retained, 0);
  amc_stop();
}
END_TEST

/* .amc.want: longer and longer, up to a bound, never beyond large. */
START_TEST(test_want)
{
  Size last = 0;
  Size longest = 0;

  amc_start((AmcParams){0});
  for (Index i = 0; i < 1000; ++i) {
    Size size = seg_size(amc_seg(amc_object(1000, i)));

    ck_assert_uint_ge(size, last);
    ck_assert_uint_le(size, size_max(2 * last, GRAIN));
    last = size;
    longest = size_max(longest, size);
  }
  ck_assert_uint_le(longest, amc->large_size);
  ck_assert_uint_le(longest, chain->gens[0].capacity / 8);
  ck_assert_uint_gt(longest, 4 * GRAIN);
  /* .pad.reason.bef: what an allocation point doesn't use goes back. */
  amc_new_ap();
  amc_verify();
  ck_assert_uint_le(mps_pool_total_size(pool), 1000 * 1000 + 300 * 1000);
  amc_stop();
}
END_TEST

/* COVERS: .flush .pad.reason.bef: one pad from the last object on, in the last
 * grain that is kept; none if it's full. */
START_TEST(test_flush)
{
  for (Size size = 16; size <= GRAIN; size += 8) {
    mps_addr_t object;
    Seg *seg;

    if (size == 16)
      amc_start((AmcParams){0});
    help_pads = 0;
    object = amc_object(size, 1);
    seg = amc_seg(object);
    amc_new_ap();
    EXPECT(seg->buffer == NULL);
    EXPECT(seg_size(seg) == GRAIN);
    EXPECT(seg->used_limit == addr_add(seg->base, size));
    EXPECT(help_pads == (size < GRAIN));
    if (help_pads > 0) {
      EXPECT(help_pad_log[0].base == seg->used_limit);
      EXPECT(help_pad_log[0].size == GRAIN - size);
    }
    amc_verify();
  }
  amc_stop();
}
END_TEST


/* Condemning what a buffer fills */

/* .buffer.condemn: what isn't committed isn't touched, what is committed
 * and dead goes, what is alive moves. */
static void check_condemn(bool is_leaf, Size header)
{
  mps_addr_t block;
  Word pattern[8];
  Seg *seg;

  amc_start((AmcParams){.is_leaf = is_leaf, .header = header});
  exact[0] = amc_object(96, 0);
  (void)amc_object(480, 1); /* dead */
  exact[1] = amc_object(96, 2);
  seg = amc_seg(exact[0]);
  ck_assert_int_eq(mps_reserve(&block, ap, 64), MPS_RES_OK);
  ck_assert_ptr_eq(space_seg(&arena->space, (Addr)block), seg);
  memset(block, 0x5A, 64);
  memcpy(pattern, block, 64);
  (void)mps_arena_collect(arena);
  ck_assert_mem_eq(block, pattern, 64);
  ck_assert_ptr_eq(space_seg(&arena->space, (Addr)block), seg);
  ck_assert_ptr_eq(seg->buffer, buffer_of_ap(ap));
  ck_assert_uint_eq(seg->pgen->index, 0);
  ck_assert(amc_is_object(exact[0], 96, 0));
  ck_assert(amc_is_object(exact[1], 96, 2));
  ck_assert_ptr_ne(amc_seg(exact[0]), seg);
  ck_assert_ptr_eq(amc_seg(exact[0]), amc_seg(exact[1]));
  /* .pad.reason.nmr .reclaim.buf: one pad up to the buffer. */
  ck_assert_int_eq(help_kind(help_client(seg->base)), HELP_PAD);
  ck_assert_uint_eq(help_size(help_client(seg->base)), 96 + 480 + 96);
  /* .trace.work: what the buffer keeps back isn't condemned. */
  ck_assert_uint_eq(chain->gens[0].total.condemned, 96 + 480 + 96);
  ck_assert_uint_eq(chain->gens[0].total.forwarded, 96 + 96);
  ck_assert_uint_eq(chain->gens[0].total.preserved, 0);
  ck_assert_uint_eq(chain->gens[0].total.retained, GRAIN);
  amc_verify();
  ((Word *)block)[0] = help_info(64, HELP_OBJECT);
  ((Word *)block)[1] = 3;
  ck_assert_int_eq(mps_commit(ap, block, 64), is_leaf);
  if (!is_leaf)
    (void)amc_object(64, 3);
  amc_verify();
  amc_forget();
  amc_new_ap();
  amc_collect();
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  amc_stop();
}

START_TEST(test_condemn)
{
  check_condemn(_i % 2 != 0, (Size)(_i / 2) * 16);
}
END_TEST

/* COVERS: .buffer.condemn: a segment with nothing committed isn't condemned,
 * and if there's no other, there is nothing to collect. */
START_TEST(test_condemn_nothing)
{
  mps_addr_t block;
  Count collections;

  amc_start((AmcParams){0});
  ck_assert_int_eq(mps_reserve(&block, ap, 64), MPS_RES_OK);
  ((Word *)block)[0] = help_info(64, HELP_OBJECT);
  collections = mps_collections(arena);
  (void)mps_arena_collect(arena);
  ck_assert_uint_eq(mps_collections(arena), collections);
  ck_assert(mps_commit(ap, block, 64));
  amc_verify();
  amc_stop();
}
END_TEST

/* COVERS: .buffer.condemn: without memory for its board it is left alone, and
 * what is in it stays valid. */
START_TEST(test_condemn_no_board)
{
  mps_addr_t old[8];
  Seg *seg;

  amc_start((AmcParams){0});
  for (Index i = 0; i < 8; ++i)
    old[i] = exact[i] = amc_object(64, i);
  seg = amc_seg(old[0]);
  amc_exhaust_all();
  (void)mps_arena_collect(arena);
  for (Index i = 0; i < 8; ++i) {
    ck_assert_ptr_eq(exact[i], old[i]);
    ck_assert(amc_is_object(old[i], 64, i));
  }
  ck_assert_uint_eq(seg->pgen->index, 0);
  amc_verify();
  amc_relieve_all();
  amc_collect();
  ck_assert_ptr_ne(exact[0], old[0]);
  amc_stop();
}
END_TEST

static void minor_collection(void)
{
  amc_new_ap();
  mps_arena_park(arena);
  chain->gens[0].is_condemned = true;
  (void)trace_run(arena, TRACE_WHY_CLIENT);
  amc_verify();
}

/* .heap.remembered .trace.grey .seg.grey: what only an old object refers to
 * survives a minor collection, however often that object has been scanned
 * before, and whether its segment is watched or not. */
START_TEST(test_old_to_young)
{
  enum {
    COUNT = 300
  };

  unit_seed("old to young");
  amc_start((AmcParams){.header = 16});
  for (Index i = 0; i < COUNT; ++i)
    exact[i] = amc_object(256, i);
  for (Index n = 0; n < 5; ++n)
    amc_collect(); /* to the top */
  for (Index n = 0; n < 200; ++n) {
    Index from = unit_random(COUNT);
    mps_addr_t young = amc_object(64, 1000 + n);

    help_ref(exact[from])[3] = young;
    if (unit_random(2) == 0)
      help_ref(exact[from])[4] = exact[unit_random(COUNT)];
    minor_collection();
    ck_assert_ptr_ne(help_ref(exact[from])[3], young);
    ck_assert(amc_is_object(help_ref(exact[from])[3], 64, 1000 + n));
    ck_assert_uint_eq(amc_seg(exact[from])->pgen->index, 3);
  }
  amc_stop();
}
END_TEST

/* .buffer.orphan: a buffer that is exactly full keeps nothing. */
START_TEST(test_full_buffer)
{
  amc_start((AmcParams){0});
  (void)amc_object(40960, 1);
  (void)mps_arena_collect(arena);
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  (void)amc_object(64, 2);
  amc_verify();
  amc_stop();
}
END_TEST

/* .amc.hash-arrays: such memory doesn't count as new. */
START_TEST(test_hash_arrays)
{
  amc_start((AmcParams){0});
  mps_ap_destroy(ap);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_AP_HASH_ARRAYS, 1);
    ck_assert_int_eq(mps_ap_create_k(&ap, pool, args), MPS_RES_OK);
  }
  MPS_ARGS_END(args);
  for (Index i = 0; i < 100; ++i)
    (void)amc_object(4000, i);
  amc_new_ap();
  ck_assert_uint_eq(gen_fresh(&chain->gens[0]), 0);
  ck_assert_uint_ge(gen_size(&chain->gens[0]), 400000);
  (void)amc_object(4000, 1);
  amc_new_ap();
  ck_assert_uint_eq(gen_fresh(&chain->gens[0]), GRAIN);
  amc_stop();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("amc");
  TCase *loops = tcase_create("loops");
  TCase *dies = tcase_create("dies");

  tcase_set_timeout(loops, 60);
  tcase_add_loop_test(loops, test_generations, 1, 6);
  tcase_add_loop_test(loops, test_promotion, 1, 6);
  tcase_add_loop_test(loops, test_requests, 0, 4);
  tcase_add_loop_test(loops, test_condemn, 0, 6);
  suite_add_tcase(suite, loops);
  tcase_add_test_raise_signal(dies, test_no_target, SIGABRT);
  suite_add_tcase(suite, dies);
  unit_add(suite, "top", test_top_is_shared);
  unit_add(suite, "buffer", test_buffer_generation);
  unit_add(suite, "large", test_large_copy);
  unit_add(suite, "want", test_want);
  unit_add(suite, "flush", test_flush);
  unit_add(suite, "nothing", test_condemn_nothing);
  unit_add(suite, "no-board", test_condemn_no_board);
  unit_add(suite, "old", test_old_to_young);
  unit_add(suite, "full", test_full_buffer);
  unit_add(suite, "hash-arrays", test_hash_arrays);
  return unit_run(suite);
}
