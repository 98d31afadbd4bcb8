/* test_trace.c -- traces over segments of a class that only notes
 *
 * A segment here is one object with four references, which survives in
 * place.  What must survive is worked out by plain reachability, and what
 * each segment refers to is compared with the set that is kept for it.
 */

#include "fake_pool.h"
#include "heap/barrier.h"
#include "heap/scan.h"
#include "trace/policy.h"
#include "trace/trace.h"

enum {
  ITEMS = 40,
  REFS = 4,
  ROOTS = 6,
  GENS = 3
};

typedef struct Item {
  Seg *seg;        /* or NULL */
  bool is_refused; /* by whiten */
  bool was_condemned;
  bool is_preserved;
  Count scans;
} Item;

/* The steps of a trace, in order. */
typedef enum Phase {
  PHASE_IDLE,
  PHASE_CONDEMN,
  PHASE_AMBIG,
  PHASE_EXACT,
  PHASE_SCAN,
  PHASE_WEAK,
  PHASE_RECLAIM
} Phase;

static mps_arena_t arena;
static mps_fmt_t format;
static mps_chain_t chain;
static FakePool *fake;
static Item item[ITEMS];
static mps_addr_t table[4][ROOTS]; /* by rank */
static mps_root_t roots[6];
static Phase phase;

static void enter_phase(Phase next)
{
  EXPECT(phase <= next); /* .trace.inv.order .trace.steps */
  phase = next;
}

static Item *item_of(const Seg *seg)
{
  for (Index i = 0; i < ITEMS; ++i)
    if (item[i].seg == seg)
      return &item[i];
  ck_abort_msg("a segment that we made");
  return NULL;
}

static mps_addr_t *refs_of(const Seg *seg)
{
  return (mps_addr_t *)(void *)seg->base;
}


/* The class */

static Size trace_whiten(Seg *seg)
{
  Item *it = item_of(seg);

  enter_phase(PHASE_CONDEMN);
  EXPECT(!seg->is_white && arena->is_stopped);
  it->was_condemned = !it->is_refused;
  return it->is_refused ? 0 : seg_size(seg);
}

static void trace_fix(Seg *seg, ScanState *ss, mps_addr_t *ref_io)
{
  Item *it = item_of(seg);

  EXPECT(seg->is_white && it->was_condemned);
  EXPECT(ss->trace == arena->trace && arena->trace->is_running);
  if (ss->rank == RANK_WEAK) {
    if (!it->is_preserved)
      *ref_io = NULL;
    return;
  }
  ss->ss._seen |= REFSET_KIND(seg->kind);
  if (it->is_preserved)
    return;
  it->is_preserved = true;
  seg->is_nailed = true;
  seg_gen(seg)->work.preserved += seg_size(seg);
  seg_set_grey(seg, ss->arena);
}

static Res trace_scan(Seg *seg, ScanState *ss)
{
  mps_addr_t *refs = refs_of(seg);

  enter_phase(PHASE_SCAN);
  EXPECT(ss->rank == RANK_EXACT && seg->is_grey);
  ++item_of(seg)->scans;
  MPS_SCAN_BEGIN(&ss->ss)
  {
    for (Index i = 0; i < REFS; ++i)
      (void)MPS_FIX12(&ss->ss, &refs[i]);
  }
  MPS_SCAN_END(&ss->ss);
  return MPS_RES_OK;
}

static void trace_reclaim_seg(Seg *seg)
{
  Item *it = item_of(seg);

  enter_phase(PHASE_RECLAIM);
  EXPECT(seg->is_white && !seg->is_grey);
  if (!it->is_preserved) {
    it->seg = NULL;
    seg_free(seg);
    return;
  }
  seg->is_nailed = false;
  trace_whiten_undo(seg);
}

static const SegClass trace_class = {
    .name = "noting",
    .whiten = trace_whiten,
    .fix = trace_fix,
    .scan = trace_scan,
    .reclaim = trace_reclaim_seg,
};

/* Roots without references, which only look at the order. */
static mps_res_t look(mps_ss_t ss, void *p, size_t s)
{
  static const Phase of_rank[]
      = {PHASE_AMBIG, PHASE_EXACT, PHASE_IDLE, PHASE_WEAK};

  enter_phase(of_rank[s]);
  for (Index i = 0; i < ITEMS; ++i) {
    const Seg *seg = item[i].seg;

    if (seg == NULL)
      continue;
    EXPECT(seg->is_white == item[i].was_condemned);
    /* .space.map.white */
    EXPECT(arena->space.kind[space_index(&arena->space, seg->base)]
           == (seg->is_white ? KIND_WHITE : seg->kind));
  }
  return MPS_RES_OK;
}


static void start(void)
{
  static mps_gen_param_s gens[GENS] = {{100, 0.9}, {100, 0.5}, {100, 0.2}};
  static const mps_rank_t rank[] = {RANK_AMBIG, RANK_EXACT, RANK_WEAK};

  arena = help_arena(16 * MIB);
  format = help_format(arena, 8, 0);
  ck_assert_int_eq(mps_chain_create(&chain, arena, GENS, gens), MPS_RES_OK);
  fake_rank = RANK_EXACT;
  fake_seg_class = &trace_class;
  fake = fake_create(arena, format, chain);
  memset(item, 0, sizeof item);
  memset(table, 0, sizeof table);
  for (Index i = 0; i < 3; ++i) {
    ck_assert_int_eq(
        mps_root_create(&roots[2 * i], arena, rank[i], 0, look, NULL, rank[i]),
        MPS_RES_OK);
    ck_assert_int_eq(mps_root_create_table(&roots[2 * i + 1], arena, rank[i],
                                           0, table[rank[i]], ROOTS),
                     MPS_RES_OK);
  }
}

static void finish(void)
{
  for (Index i = 0; i < 6; ++i)
    mps_root_destroy(roots[i]);
  mps_pool_destroy(&fake->pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}

static void make_item(Index i)
{
  ck_assert_int_eq(seg_alloc(&item[i].seg, &fake->pgens[unit_random(GENS + 1)],
                             &trace_class, RANK_EXACT,
                             4 * KIB * (1 + unit_random(2))),
                   MPS_RES_OK);
  pgen_account_fill(item[i].seg);
  pgen_account_empty(item[i].seg);
  memset(item[i].seg->base, 0, REFS * sizeof(mps_addr_t));
}

static mps_addr_t random_ref(void)
{
  const Seg *seg = item[unit_random(ITEMS)].seg;

  return seg == NULL || unit_random(3) == 0 ? NULL : (mps_addr_t)seg->base;
}


/* Reachability */

static bool is_alive[ITEMS];

static void mark(mps_addr_t ref)
{
  for (Index i = 0; i < ITEMS; ++i)
    if (item[i].seg != NULL && (Addr)ref == item[i].seg->base
        && !is_alive[i]) {
      is_alive[i] = true;
      for (Index j = 0; j < REFS; ++j)
        mark(refs_of(item[i].seg)[j]);
    }
}

static void mark_all(const bool *is_condemned)
{
  memset(is_alive, 0, sizeof is_alive);
  for (Index i = 0; i < ITEMS; ++i)
    if (item[i].seg != NULL
        && (item[i].is_refused || !is_condemned[item[i].seg->pgen->index]))
      mark(item[i].seg->base);
  for (Index i = 0; i < ROOTS; ++i) {
    mark(table[RANK_AMBIG][i]);
    mark(table[RANK_EXACT][i]);
  }
}

/* .heap.inv.refset: whatever it refers to is in its set. */
static void check_refsets(void)
{
  for (Index i = 0; i < ITEMS; ++i) {
    if (item[i].seg == NULL)
      continue;
    EXPECT(seg_check(item[i].seg));
    for (Index j = 0; j < REFS; ++j) {
      const Seg *to = space_seg(&arena->space, (Addr)refs_of(item[i].seg)[j]);

      EXPECT(to == NULL || (item[i].seg->refset & REFSET_KIND(to->kind)) != 0
             || item[i].seg->is_hit);
    }
  }
}

static void choose_condemned(bool *is_condemned)
{
  Gen *gens[GENS + 1];

  for (Index g = 0; g <= GENS; ++g) {
    gens[g] = fake->pgens[g].gen;
    is_condemned[g] = unit_random(2) == 0;
    gens[g]->is_condemned = is_condemned[g];
  }
  for (Index i = 0; i < ITEMS; ++i) {
    item[i].is_refused = unit_random(8) == 0;
    item[i].was_condemned = false;
    item[i].is_preserved = false;
    item[i].scans = 0;
  }
}

static Size condemned_size(const bool *is_condemned, Index gen)
{
  Size size = 0;

  for (Index i = 0; i < ITEMS; ++i)
    if (item[i].seg != NULL && !item[i].is_refused
        && item[i].seg->pgen->index == gen && is_condemned[gen])
      size += seg_size(item[i].seg);
  return size;
}

/* One trace of chosen generations, and all that it should come to. */
static Count trace_once(void)
{
  bool is_condemned[GENS + 1];
  bool was_there[ITEMS];
  mps_addr_t weak[ROOTS];
  Size sizes[GENS + 1];
  Size size = 0;
  Count flips = arena->flips;
  Count dead = 0;

  choose_condemned(is_condemned);
  mark_all(is_condemned);
  memcpy(weak, table[RANK_WEAK], sizeof weak);
  for (Index g = 0; g <= GENS; ++g) {
    sizes[g] = condemned_size(is_condemned, g);
    size += sizes[g];
  }
  for (Index i = 0; i < ITEMS; ++i)
    was_there[i] = item[i].seg != NULL;
  for (Index i = 0; i < ROOTS; ++i) { /* what is expected of weak ones */
    Index j = 0;

    while (j < ITEMS
           && (item[j].seg == NULL || (Addr)weak[i] != item[j].seg->base))
      ++j;
    if (j < ITEMS && !is_alive[j])
      weak[i] = NULL;
  }
  phase = PHASE_IDLE;
  EXPECT(trace_run(arena, TRACE_WHY_CLIENT) == size);
  /* .trace.condemn: if nothing was condemned nothing happened. */
  EXPECT(arena->flips == flips + (size > 0));
  EXPECT(size > 0 || phase <= PHASE_CONDEMN);
  for (Index i = 0; i < ITEMS; ++i) {
    if (was_there[i])
      EXPECT((item[i].seg != NULL) == is_alive[i]);
    dead += was_there[i] && !is_alive[i];
    EXPECT(item[i].scans <= 1);
    if (item[i].is_preserved)
      EXPECT(item[i].scans == 1);
  }
  EXPECT(memcmp(weak, table[RANK_WEAK], sizeof weak) == 0);
  for (Index g = 0; g <= GENS; ++g) {
    EXPECT(!fake->pgens[g].gen->is_condemned);
    EXPECT(size == 0 || fake->pgens[g].gen->work.condemned == sizes[g]);
  }
  EXPECT(trace_check(arena->trace)); /* .trace.inv.idle */
  EXPECT(arena_check(arena));
  check_refsets();
  return dead;
}

/* .trace .trace.grey .trace.work .trace.inv.idle */
START_TEST(test_random)
{
  Count dead = 0;

  unit_seed("random");
  start();
  for (Index n = 0; n < 2000; ++n) {
    for (Index i = 0; i < ITEMS; ++i)
      if (item[i].seg == NULL && unit_random(4) == 0)
        make_item(i);
    for (Index k = 0; k < 6; ++k) { /* the client writes */
      Index i = unit_random(ITEMS);

      if (item[i].seg != NULL)
        refs_of(item[i].seg)[unit_random(REFS)] = random_ref();
    }
    for (int rank = RANK_AMBIG; rank <= RANK_WEAK; ++rank)
      table[rank][unit_random(ROOTS)] = random_ref();
    dead += trace_once();
  }
  ck_assert_uint_gt(dead, 1000);
  finish();
}
END_TEST

/* .trace.grey: a segment that is known not to refer to what is condemned
 * isn't scanned; one that may is. */
START_TEST(test_remembered)
{
  start();
  for (Index i = 0; i < 4; ++i) {
    ck_assert_int_eq(seg_alloc(&item[i].seg, &fake->pgens[i], &trace_class,
                               RANK_EXACT, 4 * KIB),
                     MPS_RES_OK);
    pgen_account_fill(item[i].seg);
    pgen_account_empty(item[i].seg);
    memset(item[i].seg->base, 0, 4 * KIB);
    table[RANK_EXACT][i] = item[i].seg->base;
  }
  /* Two old ones, each of which refers to another generation. */
  ck_assert_int_eq(seg_alloc(&item[4].seg, &fake->pgens[3], &trace_class,
                             RANK_EXACT, 4 * KIB),
                   MPS_RES_OK);
  pgen_account_fill(item[4].seg);
  pgen_account_empty(item[4].seg);
  memset(item[4].seg->base, 0, 4 * KIB);
  refs_of(item[3].seg)[0] = item[2].seg->base;
  refs_of(item[4].seg)[0] = item[1].seg->base;
  arena_stop(arena);
  barrier_settle(item[3].seg, REFSET_KIND(item[2].seg->kind));
  barrier_settle(item[4].seg, REFSET_KIND(item[1].seg->kind));
  arena_resume(arena);
  for (Index i = 0; i < ITEMS; ++i)
    item[i].scans = 0;
  phase = PHASE_IDLE;
  chain->gens[1].is_condemned = true;
  (void)trace_run(arena, TRACE_WHY_CLIENT);
  ck_assert_uint_eq(item[3].scans, 0);
  ck_assert_uint_eq(item[4].scans, 1);
  ck_assert_uint_eq(item[2].scans, 1); /* nobody knows what it refers to */
  ck_assert(item[1].is_preserved);
  for (Index i = 0; i < ITEMS; ++i)
    item[i] = (Item){.seg = item[i].seg};
  phase = PHASE_IDLE;
  chain->gens[2].is_condemned = true;
  (void)trace_run(arena, TRACE_WHY_CLIENT);
  ck_assert_uint_eq(item[3].scans, 1);
  ck_assert_uint_eq(item[4].scans, 0);
  ck_assert_uint_eq(item[3].seg->refset, REFSET_KIND(item[2].seg->kind));
  /* What was seen before doesn't count: the client has written over it. */
  refs_of(item[4].seg)[0] = item[2].seg->base;
  for (Index n = 0; n < 4; ++n) {
    phase = PHASE_IDLE;
    chain->gens[2].is_condemned = true;
    (void)trace_run(arena, TRACE_WHY_CLIENT);
    for (Index i = 0; i < ITEMS; ++i)
      item[i] = (Item){.seg = item[i].seg};
  }
  ck_assert_uint_eq(item[4].seg->refset, REFSET_KIND(item[2].seg->kind));
  finish();
}
END_TEST

/* .trace.mortality .note.sizes .note.messages: what a trace tells. */
START_TEST(test_figures)
{
  mps_message_t message;
  double expected;

  start();
  mps_message_type_enable(arena, mps_message_type_gc());
  mps_message_type_enable(arena, mps_message_type_gc_start());
  for (Index i = 0; i < 8; ++i) {
    ck_assert_int_eq(seg_alloc(&item[i].seg, &fake->pgens[i < 6 ? 0 : 1],
                               &trace_class, RANK_EXACT, 4 * KIB),
                     MPS_RES_OK);
    pgen_account_fill(item[i].seg);
    pgen_account_empty(item[i].seg);
    memset(item[i].seg->base, 0, 4 * KIB);
  }
  table[RANK_EXACT][0] = item[0].seg->base;
  table[RANK_AMBIG][0] = item[1].seg->base;
  expected
      = policy_mortality(chain->gens[0].mortality, 6 * 4 * KIB, 2 * 4 * KIB);
  phase = PHASE_IDLE;
  chain->gens[0].is_condemned = true;
  ck_assert_uint_eq(trace_run(arena, TRACE_WHY_CLIENT), 6 * 4 * KIB);
  ck_assert(chain->gens[0].mortality == expected);
  ck_assert(chain->gens[1].mortality == 0.5);
  ck_assert_uint_eq(chain->gens[0].total.collections, 1);
  ck_assert_uint_eq(chain->gens[1].total.collections, 0);
  ck_assert_uint_eq(fake_condemned, 1);
  ck_assert_uint_eq(fake_ended, 1);
  ck_assert(mps_message_get(&message, arena, mps_message_type_gc_start()));
  mps_message_discard(arena, message);
  ck_assert(mps_message_get(&message, arena, mps_message_type_gc()));
  ck_assert_uint_eq(mps_message_gc_condemned_size(arena, message),
                    6 * 4 * KIB);
  ck_assert_uint_eq(mps_message_gc_live_size(arena, message), 2 * 4 * KIB);
  ck_assert_uint_eq(mps_message_gc_not_condemned_size(arena, message),
                    2 * 4 * KIB);
  mps_message_discard(arena, message);
  /* Nothing is condemned: nothing is told. */
  chain->gens[2].is_condemned = true;
  ck_assert_uint_eq(trace_run(arena, TRACE_WHY_CLIENT), 0);
  ck_assert(!mps_message_poll(arena));
  ck_assert_uint_eq(fake_ended, 1);
  finish();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("trace");

  /* Where nothing is watched, nothing is remembered. */
  (void)setenv("MOSTLY_BARRIER", "track", 1);
  unit_add(suite, "random", test_random);
  unit_add(suite, "remembered", test_remembered);
  unit_add(suite, "figures", test_figures);
  return unit_run(suite);
}
