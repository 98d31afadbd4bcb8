/* test_gen.c -- chains, ids, and double entry over random events
 *
 * For each segment the model knows in which part of the account its bytes
 * are, from the table in the design; the account must be the sum over the
 * segments after each event.
 */

#include "fake_pool.h"

enum {
  GENS = 3,
  SEGS_MAX = 40
};

typedef enum Part {
  PART_FREE,
  PART_BUFFERED,
  PART_FRESH,
  PART_OLD,
  PART_FRESH_DEFERRED,
  PART_OLD_DEFERRED,
  PARTS
} Part;

static const SegClass no_class = {.name = "none"};

static mps_arena_t arena;
static mps_fmt_t format;
static mps_chain_t chain;
static FakePool *fake;

static struct {
  Seg *seg; /* or NULL */
  Part part;
  bool is_deferred;
} item[SEGS_MAX];

static void start(void)
{
  static mps_gen_param_s params[GENS] = {{64, 0.9}, {256, 0.5}, {1000, 0.1}};

  arena = help_arena(16 * MIB);
  format = help_format(arena, 8, 0);
  ck_assert_int_eq(mps_chain_create(&chain, arena, GENS, params), MPS_RES_OK);
  fake_rank = RANK_EXACT;
  fake_seg_class = &no_class;
  fake = fake_create(arena, format, chain);
  memset(item, 0, sizeof item);
}

static void finish(void)
{
  mps_pool_destroy(&fake->pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}

static Size account_part(const Account *a, Part part)
{
  const Size size[PARTS] = {a->free, a->buffered,       a->fresh,
                            a->old,  a->fresh_deferred, a->old_deferred};

  return size[part];
}

/* .gen.inv.account .gen.account */
static void check_accounts(void)
{
  Size sum[GENS + 1][PARTS];
  Size total[GENS + 1];

  memset(sum, 0, sizeof sum);
  memset(total, 0, sizeof total);
  for (Index i = 0; i < SEGS_MAX; ++i)
    if (item[i].seg != NULL) {
      Index g = item[i].seg->pgen->index;

      sum[g][item[i].part] += seg_size(item[i].seg);
      total[g] += seg_size(item[i].seg);
    }
  for (Index g = 0; g <= GENS; ++g) {
    const PoolGen *pgen = &fake->pgens[g];

    EXPECT(pgen_check(pgen));
    for (int part = 0; part < PARTS; ++part)
      EXPECT(account_part(&pgen->account, (Part)part) == sum[g][part]);
    EXPECT(pgen->account.total == total[g]);
    EXPECT(gen_fresh(pgen->gen) == sum[g][PART_FRESH]);
    EXPECT(gen_size(pgen->gen) == total[g]);
  }
}


/* The events */

static void event_alloc(Index i)
{
  PoolGen *pgen = &fake->pgens[unit_random(GENS + 1)];
  Size size = 4 * KIB * (1 + unit_random(8));

  EXPECT(seg_alloc(&item[i].seg, pgen, &no_class, RANK_EXACT, size)
         == MPS_RES_OK);
  item[i].part = PART_FREE;
  item[i].is_deferred = unit_random(3) == 0;
  check_accounts();
  item[i].seg->is_deferred = item[i].is_deferred;
  pgen_account_fill(item[i].seg);
  item[i].part = PART_BUFFERED;
}

/* .gen.due: a segment that becomes fresh may make a collection due. */
static void event_empty(Index i)
{
  const Gen *gen = item[i].seg->pgen->gen;
  bool was_buffered = item[i].part == PART_BUFFERED;

  arena->is_gc_due = false;
  pgen_account_empty(item[i].seg);
  if (was_buffered)
    item[i].part = item[i].is_deferred ? PART_FRESH_DEFERRED : PART_FRESH;
  EXPECT(arena->is_gc_due
         == (was_buffered && gen_fresh(gen) >= gen->capacity));
}

/* .gen.age: it is old from its first condemnation on. */
static void event_age(Index i)
{
  pgen_account_age(item[i].seg);
  item[i].part = item[i].is_deferred ? PART_OLD_DEFERRED : PART_OLD;
}

static void event_undefer(Index i)
{
  pgen_account_undefer(item[i].seg);
  item[i].is_deferred = false;
  if (item[i].part == PART_FRESH_DEFERRED)
    item[i].part = PART_FRESH;
  if (item[i].part == PART_OLD_DEFERRED)
    item[i].part = PART_OLD;
}

static void event_shrink(Index i)
{
  Seg *seg = item[i].seg;
  Count grains = seg_size(seg) / (4 * KIB);
  Index first = unit_random(grains);
  Index limit = first + 1 + unit_random(grains - first);
  Addr base = seg->base;

  seg_shrink(seg, addr_add(base, first * 4 * KIB),
             addr_add(base, limit * 4 * KIB));
}

static void event(Index i)
{
  switch (unit_random(7)) {
  case 0:
  case 1:
    event_empty(i);
    break;
  case 2:
    event_age(i);
    break;
  case 3:
    event_undefer(i);
    break;
  case 4:
    event_shrink(i);
    break;
  case 5:
    seg_free(item[i].seg);
    item[i].seg = NULL;
    break;
  default:
    break;
  }
}

/* .gen.account in any order */
START_TEST(test_random)
{
  unit_seed("random");
  start();
  for (Index n = 0; n < 20000; ++n) {
    Index i = unit_random(SEGS_MAX);

    if (item[i].seg == NULL)
      event_alloc(i);
    else
      event(i);
    check_accounts();
  }
  finish();
}
END_TEST

/* .gen.account: each event after each other one, on one segment. */
START_TEST(test_pairs)
{
  for (unsigned sequence = 0; sequence < 3 * 3 * 3 * 3 * 2; ++sequence) {
    unsigned code = sequence / 2;

    start();
    unit_random_state = sequence;
    event_alloc(0);
    item[0].is_deferred = item[0].seg->is_deferred = sequence % 2 != 0;
    for (Index n = 0; n < 4; ++n, code /= 3) {
      if (code % 3 == 0)
        event_empty(0);
      else if (code % 3 == 1)
        event_age(0);
      else
        event_undefer(0);
      check_accounts();
    }
    seg_free(item[0].seg);
    item[0].seg = NULL;
    check_accounts();
    finish();
  }
}
END_TEST


/* Chains and ids */

/* .gen.chain: in the client's words; the top has no capacity. */
START_TEST(test_chain)
{
  start();
  ck_assert(chain_check(chain));
  ck_assert_uint_eq(chain->count, GENS);
  ck_assert_uint_eq(chain->gens[0].capacity, 64 * KIB);
  ck_assert_uint_eq(chain->gens[2].capacity, 1000 * KIB);
  ck_assert(chain->gens[1].mortality == 0.5);
  ck_assert(!chain->is_adaptive);
  ck_assert_uint_eq(chain->pools, 1);
  ck_assert_uint_eq(arena->top.capacity, SIZE_MAX);
  ck_assert_uint_eq(arena->default_chain->pools, 0);
  finish();
}
END_TEST

/* .gen.id: different while there are any left, given back with the chain,
 * and shared when they have run out. */
START_TEST(test_ids)
{
  enum {
    MANY = 70
  };
  static mps_gen_param_s params[MANY];
  mps_chain_t many;
  mps_chain_t again;
  Word before;
  Word ids = 0;
  Count shared = 0;

  start();
  before = arena->gen_ids;
  for (Index i = 0; i < MANY; ++i)
    params[i] = (mps_gen_param_s){1, 0.5};
  for (Index i = 0; i < GENS; ++i)
    ids |= REFSET_KIND(chain->gens[i].id);
  for (Index i = 0; i < 2; ++i)
    ids |= REFSET_KIND(arena->default_chain->gens[i].id);
  ids |= REFSET_KIND(arena->top.id);
  ck_assert_int_eq(__builtin_popcountll(ids), GENS + 3);
  ck_assert_uint_eq(ids, before);
  ck_assert_int_eq(mps_chain_create(&many, arena, MANY, params), MPS_RES_OK);
  for (Index i = 0; i < MANY; ++i) {
    unsigned char id = many->gens[i].id;

    ck_assert(id > KIND_NONE && id <= KIND_GEN_MAX);
    ck_assert(id == KIND_GEN_MAX || (ids & REFSET_KIND(id)) == 0);
    shared += id == KIND_GEN_MAX;
    ids |= REFSET_KIND(id);
  }
  ck_assert_uint_eq(ids, ~REFSET_NOT_GENS);
  ck_assert_uint_eq(shared, MANY - (KIND_GEN_MAX - (GENS + 3)));
  ck_assert_int_eq(mps_chain_create(&again, arena, 1, params), MPS_RES_OK);
  ck_assert_uint_eq(again->gens[0].id, KIND_GEN_MAX);
  mps_chain_destroy(many);
  /* The last one is the top's. */
  ck_assert_uint_eq(arena->gen_ids, before | REFSET_KIND(KIND_GEN_MAX));
  mps_chain_destroy(again);
  finish();
}
END_TEST

/* A chain that there is no memory for leaves nothing. */
START_TEST(test_no_memory)
{
  static mps_gen_param_s params[200];
  mps_chain_t other = NULL;
  Size in_use;

  start();
  for (Index i = 0; i < 200; ++i)
    params[i] = (mps_gen_param_s){1, 0.5};
  in_use = arena->ctl.in_use;
  ck_assert_int_eq(
      mps_arena_commit_limit_set(arena, mps_arena_committed(arena)),
      MPS_RES_OK);
  ck_assert_int_eq(mps_chain_create(&other, arena, 200, params),
                   MPS_RES_COMMIT_LIMIT);
  ck_assert_ptr_null(other);
  ck_assert_uint_eq(arena->ctl.in_use, in_use);
  ck_assert_uint_eq(ring_length(&arena->chains), 2);
  finish();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("gen");

  unit_add(suite, "random", test_random);
  unit_add(suite, "pairs", test_pairs);
  unit_add(suite, "chain", test_chain);
  unit_add(suite, "ids", test_ids);
  unit_add(suite, "memory", test_no_memory);
  return unit_run(suite);
}
