/* test_amc_seed_parts.c -- what mostly copying pools are made of
 *
 * A test for each requirement about records, generations, segments and
 * buffers that isn't shown elsewhere, seen from inside.
 */

#include "amc_help.h"

#include <signal.h>

static Count in_state[3]; /* segments met: mobile, boarded, stuck */


/* Membership */

/* The segments of the pool that the grain map knows of. */
static Count mapped_segs(void)
{
  const Space *space = &arena->space;
  Count count = 0;

  for (Index c = 0; c < space->chunk_count; ++c) {
    const Chunk *chunk = &space->chunks[c];
    Index first = chunk->first * space->unit_grains;

    for (Index i = 0; i < chunk->count * space->unit_grains; ++i) {
      Addr at = addr_add(space->base, (first + i) * space->grain);
      const Seg *seg = space_seg(space, at);

      if (seg == NULL || seg->pgen->pool != pool)
        continue;
      EXPECT(seg->base <= at && at < seg->limit);
      EXPECT(space->kind[first + i]
             == (seg->is_white ? KIND_WHITE : seg_gen(seg)->id));
      count += seg->base == at;
    }
  }
  return count;
}

static Count check_pgen(const PoolGen *pgen, Size *size_io)
{
  Size size = 0;
  Count count = 0;

  RING_FOR (node, after, &pgen->segs) {
    const Seg *seg = RING_ELEM(Seg, gen_link, node);

    EXPECT(seg->pgen == pgen);
    EXPECT(seg_gen(seg) == pgen->gen && seg->kind == pgen->gen->id);
    size += seg_size(seg);
    ++count;
  }
  EXPECT(pgen->account.total == size);
  *size_io += size;
  return count;
}

/* Outside a trace each segment is in one generation, on its list and in the
 * map, and the accounts add up. */
static void check_membership(void)
{
  Count count = 0;
  Size size = 0;

  for (Index i = 0; i <= amc->gens; ++i)
    count += check_pgen(&amc->pgens[i], &size);
  EXPECT(count == mapped_segs());
  EXPECT(mps_pool_total_size(pool) == size);
}

/* In a trace: each one is in one of three states, and where it was. */
static void look_at_states(ScanState *ss)
{
  RING_FOR (node, after, &ss->trace->whites) {
    const Seg *seg = RING_ELEM(Seg, gen_link, node);

    EXPECT(seg->is_nailed || seg->board == NULL);
    EXPECT(seg->pgen >= amc->pgens && seg->pgen <= &amc->pgens[amc->gens]);
    EXPECT(seg->kind == seg_gen(seg)->id);
    ++in_state[!seg->is_nailed ? 0 : seg->board != NULL ? 1 : 2];
  }
  (void)mapped_segs();
}

static void random_client(void)
{
  for (Index k = 0; k < 60; ++k) {
    Index i = unit_random(REFS);
    Size size = help_header + 16 + unit_random(40) * 8;

    exact[i] = amc_object(unit_random(50) == 0 ? 34000 : size, i);
    for (Index j = 0;
         amc->rank != RANK_NONE && j < help_refs(exact[i]) && j < 3; ++j)
      help_ref(exact[i])[j] = exact[unit_random(REFS)];
    if (unit_random(3) == 0)
      exact[unit_random(REFS)] = NULL;
  }
  memset(ambig, 0, sizeof ambig);
  for (Index k = unit_random(12); k-- > 0;) {
    char *object = exact[unit_random(REFS)];

    ambig[k] = object != NULL ? object + unit_random(24) : NULL;
  }
}

static void collect_somehow(unsigned how)
{
  if (how == 1)
    amc_exhaust();
  if (how == 2)
    amc_exhaust_all();
  amc_collect();
  if (how == 1)
    amc_relieve();
  if (how == 2)
    amc_relieve_all();
}

/* COVERS: .seg.state .seg.gen .seg.gen.map .seg.gen.get .gen
 * .fix.nail.distinguish: in a random run all three states are met in traces,
 * none but mobile outside (amc_verify), and membership holds all the time.
 * _i: leaf, header. */
START_TEST(test_random_run)
{
  unit_seed("run");
  amc_start((AmcParams){.is_leaf = _i % 2 != 0, .header = (Size)_i / 2 * 16});
  memset(in_state, 0, sizeof in_state);
  amc_at_flip = amc_at_end = look_at_states;
  for (Index n = 0; n < 60; ++n) {
    random_client();
    if (unit_random(3) == 0)
      amc_new_ap();
    check_membership();
    collect_somehow(n % 5 == 0 ? 1 : n % 5 == 1 ? 2 : 0);
    check_membership();
    for (Index i = 0; i < REFS; ++i)
      EXPECT(exact[i] == NULL || help_block(exact[i])[1] == i);
  }
  for (Index i = 0; i < 3; ++i)
    ck_assert_uint_gt(in_state[i], 3);
  amc_stop();
}
END_TEST

/* COVERS: .seg.gen.ind: a segment says which generation it is in, and that
 * stays so as long as it lives, also when it's condemned. */
START_TEST(test_generation_is_fixed)
{
  amc_start((AmcParams){.gens = 3});
  for (Index g = 0; g <= 3; ++g) {
    exact[0] = amc_object(64, g);
    amc_new_ap();
    for (Index i = 0; i < g; ++i)
      amc_collect();
    ambig[g] = exact[0]; /* stays in this generation from now on */
  }
  for (Index n = 0; n < 3; ++n) {
    for (Index g = 0; g <= 3; ++g) {
      ck_assert_ptr_eq(amc_seg(ambig[g])->pgen, &amc->pgens[g]);
      ck_assert_uint_eq(amc_seg(ambig[g])->kind, amc->pgens[g].gen->id);
    }
    amc_collect();
  }
  amc_stop();
}
END_TEST


/* The class of segments */

static Count called[4]; /* whiten, fix, scan, reclaim */
static bool is_whiten_refused;

static Size count_whiten(Seg *seg)
{
  ++called[0];
  return is_whiten_refused ? 0 : amc_seg_class.whiten(seg);
}

static void count_fix(Seg *seg, ScanState *ss, mps_addr_t *ref_io)
{
  ++called[1];
  amc_seg_class.fix(seg, ss, ref_io);
}

static Res count_scan(Seg *seg, ScanState *ss)
{
  ++called[2];
  return amc_seg_class.scan(seg, ss);
}

static void count_reclaim(Seg *seg)
{
  ++called[3];
  amc_seg_class.reclaim(seg);
}

/* COVERS: .seg.class: the collection reaches a segment of this class by its
 * table alone, and asks nothing else of it than of any other. */
START_TEST(test_class)
{
  SegClass class = amc_seg_class;
  Seg *seg;

  class.whiten = count_whiten;
  class.fix = count_fix;
  class.scan = count_scan;
  class.reclaim = count_reclaim;
  amc_start((AmcParams){0});
  for (Index n = 0; n < 3; ++n) {
    mps_addr_t was;

    exact[1] = amc_object(64, 100);
    amc_new_ap();
    exact[0] = was = amc_object(64, n);
    amc_new_ap();
    seg = amc_seg(exact[0]);
    help_ref(exact[0])[0] = exact[1];
    exact[1] = NULL;
    ck_assert_ptr_eq(seg->class, &amc_seg_class);
    ck_assert(seg_check(seg));
    seg->class = &class;
    seg->is_plain = false; /* fix knows the class by name */
    is_whiten_refused = n == 0;
    ambig[0] = n == 2 ? was : NULL;
    memset(called, 0, sizeof called);
    (void)mps_arena_collect(arena);
    ck_assert_uint_eq(called[0], 1);
    ck_assert_int_eq(called[1] > 0, n > 0);
    ck_assert_int_eq(called[2] > 0, n != 1); /* nobody scans what is moved */
    ck_assert_uint_eq(called[3], n > 0);
    ck_assert_int_eq(exact[0] == was, n != 1);
    ck_assert(amc_is_object(exact[0], 64, n));
    ck_assert(amc_is_object(help_ref(exact[0])[0], 64, 100));
    if (n != 1)
      amc_seg(exact[0])->class = &amc_seg_class;
    amc_forget();
    amc_collect();
  }
  amc_stop();
}
END_TEST


/* The pool's record */

/* COVERS: .struct .struct.pool: each pool has one record, which begins with
 * the generic pool and has what is special to it. */
START_TEST(test_record)
{
  mps_pool_t other;
  Amc *its;

  amc_start((AmcParams){.extend_by = 3 * GRAIN, .large_size = 5 * GRAIN});
  other = amc_make_pool(&(AmcParams){.is_leaf = true}, chain);
  its = amc_of_pool(other);
  ck_assert_ptr_ne(its, amc);
  ck_assert_ptr_eq(&its->pool, other);
  ck_assert(amc_check(pool) && amc_check(other));
  ck_assert_uint_eq(amc->rank, RANK_EXACT);
  ck_assert_uint_eq(its->rank, RANK_NONE);
  ck_assert_uint_eq(amc->extend_by, 3 * GRAIN);
  ck_assert_uint_eq(amc->large_size, 5 * GRAIN);
  /* The defaults. */
  ck_assert_uint_eq(its->extend_by, 4096);
  ck_assert_uint_eq(its->large_size, 32768);
  ck_assert(its->is_interior);
  /* What works on pools works on it. */
  exact[0] = amc_object(64, 1);
  ck_assert_uint_eq(mps_pool_total_size(pool), 3 * GRAIN);
  ck_assert_uint_eq(mps_pool_total_size(other), 0);
  ck_assert_ptr_eq(amc_seg(exact[0])->pgen->pool, pool);
  mps_pool_destroy(other);
  amc_stop();
}
END_TEST

/* COVERS: .struct: the check function sees each field that is wrong (it
 * dies, by SIGABRT). */
START_TEST(test_record_check)
{
  amc_start((AmcParams){0});
  switch (_i) {
  case 0:
    amc->sig = 0;
    break;
  case 1:
    amc->pool.sig = 0;
    break;
  case 2:
    amc->rank = RANK_WEAK;
    break;
  case 3:
    amc->extend_by = 100;
    break;
  case 4:
    amc->large_size = amc->extend_by - 1;
    break;
  case 5:
    amc->ramp.open = 1;
    break;
  case 6:
    amc->pgens[1].account.total += 8;
    break;
  default:
    amc->pgens[3].forward = NULL;
    break;
  }
  (void)amc_check(pool);
}
END_TEST


/* Generations */

/* One more block can be had: of the longest that are held, or the shortest,
 * so that now the first and now the last record is the one that fails. */
static void give_back_one(bool is_longest)
{
  Index last = --amc_held_count;

  if (!is_longest) {
    Index i = 0;

    while (i < last && amc_held[i].block == NULL)
      ++i;
    if (i < last) {
      ++amc_held_count;
      last = i;
    }
  }
  if (amc_held[last].block != NULL)
    ctl_free(&arena->ctl, amc_held[last].block, amc_held[last].size);
  amc_held[last].block = NULL;
}

static void forget_held(void)
{
  for (Index i = 0; i < amc_held_count; ++i)
    if (amc_held[i].block == NULL)
      amc_held[i--] = amc_held[--amc_held_count];
}

/* COVERS: .gen.create .gen.number: the records are made with the pool or
 * there's no pool, whatever allocation fails; and nothing is lost. */
START_TEST(test_create_or_fail)
{
  Count failed = 0;
  Res res;

  amc_start((AmcParams){.gens = (Count)_i / 2});
  amc_exhaust_all();
  for (;;) {
    Size in_use = arena->ctl.in_use;
    Count pools = ring_length(&arena->pools);
    mps_pool_t other = NULL;

    MPS_ARGS_BEGIN(args)
    {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
      res = mps_pool_create_k(&other, arena, mps_class_amc(), args);
    }
    MPS_ARGS_END(args);
    if (res == MPS_RES_OK) {
      Amc *its = amc_of_pool(other);

      ck_assert_uint_eq(its->gens, (Count)_i / 2);
      for (Index i = 0; i <= its->gens; ++i)
        ck_assert(pgen_check(&its->pgens[i]));
      mps_pool_destroy(other);
    } else {
      ++failed;
      ck_assert_ptr_null(other);
    }
    ck_assert_uint_eq(arena->ctl.in_use, in_use);
    ck_assert_uint_eq(ring_length(&arena->pools), pools);
    ck_assert_uint_eq(ring_length(&chain->gens[0].pgens), 1);
    if (res == MPS_RES_OK)
      break;
    if (amc_held_count == 0) {
      amc_relieve();
      continue;
    }
    give_back_one(_i % 2 == 0);
  }
  ck_assert_uint_gt(failed, 0);
  forget_held();
  amc_relieve_all();
  amc_stop();
}
END_TEST

static void visit_in_order(Seg *seg, void *p)
{
  Index *last = p;

  EXPECT(seg->pgen->index >= *last);
  *last = seg->pgen->index;
}

/* COVERS: .gen.manage.ring .gen.manage.array .gen.rep .gen.ramp.possible:
 * there are as many records as generations and one for the top, in an array,
 * and that is the order in which one goes over them. */
START_TEST(test_array)
{
  Index last = 0;

  amc_start((AmcParams){.gens = (Count)_i});
  for (Index k = 0; k <= (Count)_i + 1; ++k) {
    exact[k] = amc_object(64, k);
    amc_new_ap();
    (void)mps_arena_collect(arena);
  }
  exact[9] = amc_object(64, 9);
  pool->class->segs(pool, visit_in_order, &last);
  ck_assert_uint_eq(last, (Count)_i);
  ck_assert_uint_eq(ring_length(&arena->top.pgens), 1);
  for (Index i = 0; i < amc->gens; ++i) {
    ck_assert_uint_eq(ring_length(&chain->gens[i].pgens), 1);
    ck_assert_ptr_eq(RING_ELEM(PoolGen, gen_link, chain->gens[i].pgens.next),
                     &amc->pgens[i]);
  }
  ck_assert_uint_eq(mps_pool_total_size(pool), (Size)amc_segs_count() * GRAIN);
  amc_stop();
}
END_TEST


/* Buffers */

/* COVERS: .fill .flush: what doesn't fit empties the buffer, which has no
 * tie to its segment then; a refusal leaves it so, and it can be filled
 * later. */
START_TEST(test_fill)
{
  static const Size sizes[] = {16, 64, 4096, 4104, 32760, 32768, 100000};

  amc_start((AmcParams){.is_leaf = _i % 2 != 0});
  for (Index n = 0; n < sizeof sizes / sizeof sizes[0]; ++n) {
    mps_addr_t block = NULL;
    mps_addr_t object = amc_object(64, n);
    const Buffer *buffer = buffer_of_ap(ap);
    Seg *seg = amc_seg(object);
    Size rest = addr_diff(ap->init, ap->limit);

    ck_assert_ptr_eq(buffer->seg, seg);
    ck_assert_ptr_eq(seg->buffer, buffer);
    amc_exhaust();
    if (rest > 0) /* up to the end there is no need for more */
      ck_assert_ptr_eq(amc_seg(amc_object(rest, n)), seg);
    ck_assert_int_ne(mps_reserve(&block, ap, sizes[n]), MPS_RES_OK);
    ck_assert_ptr_null(block);
    ck_assert_ptr_null(seg->buffer);
    ck_assert_ptr_null(buffer->seg);
    ck_assert(ap->init == NULL && ap->alloc == NULL && ap->limit == NULL);
    amc_verify();
    amc_relieve();
    object = amc_object(sizes[n], n);
    ck_assert_ptr_eq(amc_seg(object)->buffer, buffer);
    ck_assert_ptr_eq(buffer->seg, amc_seg(object));
    amc_new_ap();
    amc_verify();
  }
  amc_stop();
}
END_TEST

/* COVERS: .buffer.gen .buffer.field.gen .buffer.fill.gen: every segment that
 * a buffer is ever attached to is in the generation that its record says,
 * through fills, failures and collections. */
START_TEST(test_buffer_stays_in_its_generation)
{
  mps_ap_t aps[4];

  unit_seed("buffers");
  amc_start((AmcParams){0});
  for (unsigned g = 0; g < 4; ++g) {
    MPS_ARGS_BEGIN(args)
    {
      MPS_ARGS_ADD(args, MPS_KEY_GEN, g);
      ck_assert_int_eq(mps_ap_create_k(&aps[g], pool, args), MPS_RES_OK);
    }
    MPS_ARGS_END(args);
  }
  for (Index n = 0; n < 2000; ++n) {
    Index g = unit_random(4);
    Buffer *buffer = buffer_of_ap(aps[g]);

    ck_assert_int_eq(
        help_make(&exact[n % REFS], aps[g], 16 + unit_random(100) * 8, n),
        MPS_RES_OK);
    EXPECT(buffer->pgen == &amc->pgens[g]);
    EXPECT(buffer->seg->pgen == buffer->pgen);
    EXPECT(amc_seg(exact[n % REFS])->pgen == buffer->pgen);
    if (n % 400 == 399)
      amc_collect();
  }
  for (Index g = 0; g < 4; ++g)
    mps_ap_destroy(aps[g]);
  amc_stop();
}
END_TEST


int main(void)
{
  Suite *suite = suite_create("amc parts");
  TCase *loops = tcase_create("loops");
  TCase *dies = tcase_create("dies");

  tcase_set_timeout(loops, 60);
  tcase_add_loop_test(loops, test_random_run, 0, 4);
  tcase_add_loop_test(loops, test_create_or_fail, 2, 8);
  tcase_add_loop_test(loops, test_array, 1, 6);
  tcase_add_loop_test(loops, test_fill, 0, 2);
  suite_add_tcase(suite, loops);
  tcase_add_loop_test_raise_signal(dies, test_record_check, SIGABRT, 0, 8);
  suite_add_tcase(suite, dies);
  unit_add(suite, "fixed", test_generation_is_fixed);
  unit_add(suite, "class", test_class);
  unit_add(suite, "record", test_record);
  unit_add(suite, "buffers", test_buffer_stays_in_its_generation);
  return unit_run(suite);
}
