/* test_sweep_sim.c -- a client, while each call for memory fails in turn
 *
 * The client makes an arena, formats, pools, allocation points, roots; it
 * allocates, writes, registers objects for finalization, collects, ramps,
 * and takes everything down again.  For
 * k = 1, 2, ... the k-th call of a kind is refused, alone or with all that
 * follow; or the commit limit forbids what one step of the client asks for;
 * or the store for boards holds only so many bytes.
 * Each run ends with a result code, with every object as it should be, and
 * with nothing left: the control allocator sees to its own blocks
 * (.ctl.inv.leak) and the simulated platform to the rest.
 */

#include "heap/final.h"
#include "heap_help.h"
#include "include/mpscamc.h"
#include "include/mpscams.h"
#include "include/mpscawl.h"
#include "include/mpsclo.h"
#include "plat/plat_sim.h"
#include "pool/amc.h"

enum {
  ROOTS = 64,
  NODES = 3000,
  PER_ROUND = 100,
  ROUNDS = 4,
  POOLS = 5,
  SKIPPED = 12 /* steps of the ladder for the span, as simulating so many
                  pages takes long */
};

#define ALL ((Count)1 << 40)

typedef struct PoolKind {
  mps_pool_class_t (*class)(void);
  bool is_leaf;
} PoolKind;

static const PoolKind pool_kinds[POOLS] = {
    {mps_class_amc, false}, {mps_class_amcz, true}, {mps_class_lo, true},
    {mps_class_ams, false}, {mps_class_awl, false},
};

/* What the objects should be, by serial. */
typedef struct Node {
  Size size;
  Word to[2]; /* serials of what it refers to; zero for none */
  bool is_leaf;
  Count registered; /* for finalization, without a message */
  bool was_registered;
  mps_addr_t seen; /* where it was found in this walk */
} Node;

static Node node[NODES];
static Word nodes;

/* The client */
static mps_arena_t arena;
static mps_fmt_t format;
static mps_chain_t chain;
static mps_pool_t pool[POOLS];
static mps_ap_t ap[POOLS];
static mps_root_t root;
static mps_root_t ambig_root;
static mps_root_t weak_root;
static mps_thr_t thread;
static mps_addr_t ref[ROOTS];
static mps_addr_t ambig[4];
static mps_addr_t weak[16];
static Word serial[ROOTS]; /* of what ref refers to */
static Count refusals;     /* results that weren't MPS_RES_OK */
static Count messages;     /* about dead objects */
static Count step;         /* calls of the client so far */
static Count tight_step;   /* at this one the commit limit is tight */
static Size tight_room;
static Size boards_limit;    /* bytes in the store */
static Count boards_refused; /* by the store */

static bool is_ok(mps_res_t res)
{
  EXPECT(res == MPS_RES_OK || res == MPS_RES_MEMORY || res == MPS_RES_RESOURCE
         || res == MPS_RES_COMMIT_LIMIT);
  refusals += res != MPS_RES_OK;
  return res == MPS_RES_OK;
}

/* Before each call: tighten the limit for this one, and only this one. */
static void next_step(void)
{
  Space *space;

  if (arena == NULL)
    return;
  space = &arena->space;
  ++step;
  if (tight_step != 0 && step == tight_step) {
    space_purge(space, SIZE_MAX);
    EXPECT(space_set_limit(space, space_committed(space) + tight_room)
           == MPS_RES_OK);
  } else if (tight_step != 0) {
    EXPECT(space_set_limit(space, SIZE_MAX) == MPS_RES_OK);
  }
}


/* Making and taking down.  Both go as far as they can. */

static bool make_arena(Size commit_limit)
{
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, 2 * MIB);
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, commit_limit);
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.1);
    res = mps_arena_create_k(&arena, mps_arena_class_vm(), args);
  }
  MPS_ARGS_END(args);
  if (!is_ok(res)) {
    arena = NULL;
    return false;
  }
  arena->boards.limit = boards_limit;
  mps_message_type_enable(arena, mps_message_type_gc());
  mps_message_type_enable(arena, mps_message_type_gc_start());
  mps_message_type_enable(arena, mps_message_type_finalization());
  return true;
}

static bool make_format(void)
{
  mps_res_t res;

  help_header = 16;
  next_step();
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, 8);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_HEADER_SIZE, help_header);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, help_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, help_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, help_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, help_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, help_pad);
    res = mps_fmt_create_k(&format, arena, args);
  }
  MPS_ARGS_END(args);
  return is_ok(res);
}

static bool make_pool(Index i)
{
  mps_res_t res;

  next_step();
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    res = mps_pool_create_k(&pool[i], arena, pool_kinds[i].class(), args);
  }
  MPS_ARGS_END(args);
  return is_ok(res);
}

static bool make_ap(Index i)
{
  next_step();
  if (is_ok(mps_ap_create_k(&ap[i], pool[i], mps_args_none)))
    return true;
  ap[i] = NULL;
  return false;
}

static bool make_world(Size commit_limit)
{
  static mps_gen_param_s gens[] = {{64, 0.8}, {256, 0.5}};

  if (!make_arena(commit_limit) || !make_format())
    return false;
  next_step();
  if (!is_ok(mps_chain_create(&chain, arena, 2, gens)))
    return false;
  for (Index i = 0; i < POOLS; ++i)
    if (!make_pool(i) || !make_ap(i))
      return false;
  next_step();
  if (!is_ok(mps_root_create_table(&root, arena, mps_rank_exact(), 0, ref,
                                   ROOTS)))
    return false;
  next_step();
  if (!is_ok(mps_root_create_table(&ambig_root, arena, mps_rank_ambig(), 0,
                                   ambig, 4)))
    return false;
  next_step();
  if (!is_ok(mps_root_create_table(&weak_root, arena, mps_rank_weak(), 0, weak,
                                   16)))
    return false;
  next_step();
  return is_ok(mps_thread_reg(&thread, arena));
}

static void take_down(void)
{
  if (thread != NULL)
    mps_thread_dereg(thread);
  if (weak_root != NULL)
    mps_root_destroy(weak_root);
  if (ambig_root != NULL)
    mps_root_destroy(ambig_root);
  if (root != NULL)
    mps_root_destroy(root);
  for (Index i = 0; i < POOLS; ++i)
    if (ap[i] != NULL)
      mps_ap_destroy(ap[i]);
  for (Index i = 0; i < POOLS; ++i)
    if (pool[i] != NULL)
      mps_pool_destroy(pool[i]);
  if (chain != NULL)
    mps_chain_destroy(chain);
  if (format != NULL)
    mps_fmt_destroy(format);
  if (arena != NULL)
    mps_arena_destroy(arena);
}

static void forget_all(void)
{
  arena = NULL;
  format = NULL;
  chain = NULL;
  root = NULL;
  ambig_root = NULL;
  weak_root = NULL;
  thread = NULL;
  memset(pool, 0, sizeof pool);
  memset(ap, 0, sizeof ap);
  memset(ref, 0, sizeof ref);
  memset(ambig, 0, sizeof ambig);
  memset(weak, 0, sizeof weak);
  memset(serial, 0, sizeof serial);
  nodes = 0;
  refusals = 0;
  messages = 0;
  step = 0;
}


/* Objects.  A leaf's words are its serial. */

static void check_object(mps_addr_t object, Word name)
{
  const Node *it = &node[name];

  EXPECT(help_kind(object) == HELP_OBJECT);
  EXPECT(help_size(object) == it->size);
  EXPECT(help_block(object)[1] == name);
  if (it->is_leaf)
    for (Index i = 0; i < help_refs(object); ++i)
      EXPECT(help_ref(object)[i] == (mps_addr_t)name);
}

/* Everything that the roots reach is what it should be, and is found at one
 * address. */
static void verify(void)
{
  static mps_addr_t todo[2 * NODES];
  Count count = 0;

  for (Index i = 1; i <= nodes; ++i)
    node[i].seen = NULL;
  for (Index i = 0; i < ROOTS; ++i) {
    EXPECT((ref[i] == NULL) == (serial[i] == 0));
    if (ref[i] == NULL)
      continue;
    EXPECT(help_block(ref[i])[1] == serial[i]);
    todo[count++] = ref[i];
  }
  /* What one of these named has stayed where it was. */
  for (Index i = 0; i < 4; ++i)
    if (ambig[i] != NULL)
      todo[count++] = ambig[i];
  while (count > 0) {
    mps_addr_t object = todo[--count];
    Node *it = &node[help_block(object)[1]];

    EXPECT(help_block(object)[1] <= nodes);
    EXPECT(it->seen == NULL || it->seen == object);
    if (it->seen != NULL)
      continue;
    it->seen = object;
    check_object(object, help_block(object)[1]);
    for (Index i = 0; i < 2 && !it->is_leaf; ++i) {
      mps_addr_t target = help_ref(object)[i];

      EXPECT((target == NULL) == (it->to[i] == 0));
      if (target == NULL)
        continue;
      EXPECT(help_block(target)[1] == it->to[i]);
      EXPECT(count < 2 * NODES);
      todo[count++] = target;
    }
  }
}

/* Is the object, or one that leads to it, registered for finalization, or
 * was it ever?  Then it may live on for that. */
static bool is_for_finalization(Word name)
{
  static bool is_led_to[NODES];
  bool is_more = true;

  for (Index i = 1; i <= nodes; ++i)
    is_led_to[i] = node[i].was_registered;
  while (is_more) {
    is_more = false;
    for (Index i = 1; i <= nodes; ++i)
      for (Index k = 0; k < 2 && is_led_to[i]; ++k)
        if (node[i].to[k] != 0 && !is_led_to[node[i].to[k]])
          is_more = is_led_to[node[i].to[k]] = true;
  }
  return is_led_to[name];
}

/* After a full collection: a weak reference is null, or to something that
 * lives, with memory or without.  Only where there was none even for a board
 * may it be to something that happens to be kept. */
static void verify_weak(Count refused_before)
{
  for (Index i = 0; i < 16; ++i) {
    Word name;

    if (weak[i] == NULL)
      continue;
    name = help_block(weak[i])[1];
    EXPECT(name > 0 && name <= nodes);
    check_object(weak[i], name);
    EXPECT(node[name].seen == weak[i] || arena->boards.refused > refused_before
           || is_for_finalization(name));
  }
}

static void verify_seg(Seg *seg, void *p)
{
  EXPECT(seg_check(seg));
  EXPECT(!seg->is_white && !seg->is_nailed && seg->board == NULL);
}

static void verify_heap(void)
{
  if (arena == NULL)
    return;
  EXPECT(arena_check(arena));
  EXPECT(space_check(&arena->space));
  EXPECT(final_check(arena));
  for (Index i = 0; i < POOLS; ++i)
    if (pool[i] != NULL) {
      EXPECT(pool[i]->class->check(pool[i]));
      pool[i]->class->segs(pool[i], verify_seg, NULL);
    }
  verify();
}

static Size random_size(void)
{
  switch (unit_random(40)) {
  case 0:
    return 300 * KIB + 8 * unit_random(40000);
  case 3:
    return 32768 + 8 * unit_random(2000);
  case 1:
  case 2:
    return 4096 + 8 * unit_random(500);
  default:
    return 32 + 8 * unit_random(30);
  }
}

/* Make an object and hang it in; if that's refused, forget some others. */
static void make_object(void)
{
  Index slot = unit_random(ROOTS);
  Index kind = unit_random(POOLS);
  bool is_leaf = pool_kinds[kind].is_leaf;
  Size size = random_size();
  mps_addr_t object = NULL;

  next_step();
  if (nodes + 1 == NODES || ap[kind] == NULL)
    return;
  if (!is_ok(help_make(&object, ap[kind], size, nodes + 1))) {
    for (Index i = 0; i < ROOTS / 4; ++i) {
      Index gone = unit_random(ROOTS);

      ref[gone] = NULL;
      serial[gone] = 0;
    }
    return;
  }
  node[++nodes] = (Node){.size = size, .is_leaf = is_leaf};
  if (is_leaf)
    for (Index i = 0; i < help_refs(object); ++i)
      help_ref(object)[i] = (mps_addr_t)nodes;
  else if (ref[slot] != NULL) { /* what was there hangs on it */
    help_ref(object)[0] = ref[slot];
    node[nodes].to[0] = serial[slot];
  }
  ref[slot] = object;
  serial[slot] = nodes;
  if (unit_random(8) == 0) {
    next_step();
    node[nodes].registered = is_ok(mps_finalize(arena, &ref[slot]));
    node[nodes].was_registered = node[nodes].registered > 0;
  }
}

/* Write to an object, which may be old, and make it refer to another. */
static void link_objects(void)
{
  Index from = unit_random(ROOTS);
  Index to = unit_random(ROOTS);

  if (ref[from] == NULL || node[serial[from]].is_leaf)
    return;
  help_ref(ref[from])[1] = ref[to];
  node[serial[from]].to[1] = serial[to];
}

/* The heap has been verified since the last collection. */
static void check_message(mps_message_t message)
{
  mps_addr_t object;
  Word name;

  mps_message_finalization_ref(&object, arena, message);
  name = help_block(object)[1];
  EXPECT(name <= nodes);
  check_object(object, name);
  EXPECT(node[name].seen == NULL); /* it can't be reached */
  EXPECT(node[name].registered-- == 1);
}

static void drain_messages(void)
{
  mps_message_t message;

  for (; mps_message_get(&message, arena, mps_message_type_finalization());
       mps_message_discard(arena, message)) {
    check_message(message);
    ++messages;
  }
  while (mps_message_get(&message, arena, mps_message_type_gc())
         || mps_message_get(&message, arena, mps_message_type_gc_start()))
    mps_message_discard(arena, message);
}

static void play_round(Index round)
{
  Count refused;

  if (ap[0] != NULL && round % 2 == 1)
    (void)is_ok(mps_ap_alloc_pattern_begin(ap[0], mps_alloc_pattern_ramp()));
  for (Index i = 0; i < PER_ROUND; ++i) {
    make_object();
    link_objects();
    link_objects();
    if (unit_random(16) == 0)
      ambig[unit_random(4)] = ref[unit_random(ROOTS)];
    weak[unit_random(16)] = ref[unit_random(ROOTS)];
  }
  next_step();
  refused = arena->boards.refused;
  (void)mps_arena_collect(arena);
  verify_heap();
  verify_weak(refused);
  mps_arena_release(arena);
  for (Index i = 0; i < ROOTS / 2; ++i)
    link_objects();
  next_step();
  (void)mps_arena_step(arena, 0.01, 10.0);
  verify_heap();
  if (ap[0] != NULL && round % 2 == 1)
    (void)is_ok(mps_ap_alloc_pattern_end(ap[0], mps_alloc_pattern_ramp()));
  drain_messages();
  for (Index i = 0; i < POOLS; ++i) {
    if (ap[i] != NULL)
      mps_ap_destroy(ap[i]);
    (void)make_ap(i);
  }
}

/* One life of the client. */
static void play(Size commit_limit, uint64_t seed)
{
  forget_all();
  unit_random_state = seed;
  if (make_world(commit_limit))
    for (Index round = 0; round < ROUNDS; ++round)
      play_round(round);
  next_step();
  verify_heap();
  if (arena != NULL)
    boards_refused = arena->boards.refused;
  take_down();
  EXPECT(plat_sim.reservations == 0);
  EXPECT(plat_sim.reserved == 0);
  EXPECT(plat_sim.mapped == 0);
  EXPECT(plat_sim.forbidden == 0);
}

static void start(void)
{
  tight_step = 0;
  boards_limit = SIZE_MAX;
  boards_refused = 0;
  plat_sim_reset();
  plat_sim_fail(PLAT_SIM_RESERVE, 1, SKIPPED);
}


/* The sweeps */

/* The client as such: nothing is refused, and it does use what is swept. */
START_TEST(test_undisturbed)
{
  start();
  play(SIZE_MAX, 1);
  ck_assert_uint_eq(refusals, 0);
  ck_assert_uint_gt(messages, 0);
  ck_assert_uint_gt(nodes, ROUNDS * PER_ROUND / 2);
  ck_assert_uint_gt(plat_sim.calls[PLAT_SIM_MAP], 3);
  ck_assert_uint_gt(plat_sim.calls[PLAT_SIM_FORBID], 3);
  ck_assert_uint_gt(plat_sim.calls[PLAT_SIM_ALLOW], 3);
}
END_TEST

/* COVERS: .plat.req.sim: the k-th call alone, or all from there on. */
static void sweep(PlatSimCall call, bool is_all)
{
  Count k = 0;

  do {
    start();
    plat_sim_fail(call, ++k, is_all ? ALL : 1);
    play(SIZE_MAX, k);
  } while (plat_sim.calls[call] >= k); /* it was refused */
  ck_assert_uint_eq(refusals, 0);
  ck_assert_uint_gt(k, 2);
}

START_TEST(test_map)
{
  sweep(PLAT_SIM_MAP, _i != 0);
}
END_TEST

/* COVERS: .barrier.refusal .barrier.fails: no result tells of it. */
START_TEST(test_forbid)
{
  sweep(PLAT_SIM_FORBID, _i != 0);
}
END_TEST

START_TEST(test_reserve_table)
{
  sweep(PLAT_SIM_RESERVE_TABLE, _i != 0);
}
END_TEST

/* The ladder goes down to its last rung, and then there's no arena. */
START_TEST(test_reserve)
{
  Count k = SKIPPED;

  do {
    start();
    plat_sim_fail(PLAT_SIM_RESERVE, 1, ++k);
    play(SIZE_MAX, k);
  } while (nodes > 0);
  ck_assert_uint_eq(refusals, 1);
  ck_assert_uint_gt(k, SKIPPED + 5);
}
END_TEST

/* COVERS: .space.bounds .ctl.fail: the commit limit, at first grain by grain,
 * until the client gets all it asks for. */
START_TEST(test_commit_limit)
{
  Size limit = 0;

  do {
    start();
    limit += size_max(4 * KIB, size_round_down(limit / 14, 4 * KIB));
    play(limit, 1);
    ck_assert_uint_le(plat_sim.refused, SKIPPED);
  } while (refusals > 0);
  ck_assert_uint_gt(limit, 512 * KIB);
}
END_TEST

/* COVERS: .boards.limit .seg.state.stuck: a store of any size, from none to
 * enough, while there is memory for all else, or for nothing.  _i says which.
 * */
START_TEST(test_boards)
{
  Count refused = 0;
  Count k = 0;

  do {
    start();
    boards_limit = k * 64;
    tight_step = _i == 0 ? 0 : 13 + k * 7;
    play(SIZE_MAX, k);
    refused += boards_refused;
    k += k < 20 ? 1 : k / 10;
  } while (boards_refused > 0 || k < 20);
  ck_assert_uint_gt(refused, 10);
}
END_TEST

/* COVERS: .ctl.fail .trace.emergency .note.messages: each step in turn finds
 * no memory, or next to none; before it and after it there is plenty.  _i is
 * the number of grains that there are. */
START_TEST(test_each_step)
{
  Count k = 1;
  Count refused = 0;

  do {
    start();
    tight_step = k;
    tight_room = (Size)_i * 4 * KIB;
    play(SIZE_MAX, k);
    refused += refusals;
    k += k < 16 ? 1 : 11;
  } while (step >= tight_step);
  if (_i == 0)
    ck_assert_uint_gt(refused, 0);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("sweep");
  TCase *loops = tcase_create("sweeps");

  /* Refusals of protection are swept too. */
  (void)setenv("MOSTLY_BARRIER", "protect", 1);
  unit_add(suite, "undisturbed", test_undisturbed);
  tcase_set_timeout(loops, 150);
  tcase_add_loop_test(loops, test_map, 0, 2);
  tcase_add_loop_test(loops, test_forbid, 0, 2);
  tcase_add_loop_test(loops, test_reserve_table, 0, 2);
  tcase_add_test(loops, test_reserve);
  tcase_add_test(loops, test_commit_limit);
  tcase_add_loop_test(loops, test_boards, 0, 2);
  tcase_add_loop_test(loops, test_each_step, 0, 3);
  suite_add_tcase(suite, loops);
  return unit_run(suite);
}
