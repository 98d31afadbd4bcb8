/* mirror.c -- random clients whose heap is checked against a mirror
 *
 *   mirror [--seed N] [--seconds S | --ops N] [--threads T] [--json] ...
 *
 * An episode makes an arena and pools by a configuration that comes from
 * its seed, lets one or several mutators do random things with the public
 * interface, verifies the heap every so many steps, and takes everything
 * down again.  With --seconds, episodes follow one another with rising
 * seeds.  --help lists what else can be fixed.
 *
 * Exit 0 if all went well; 1 with the command line that repeats the
 * episode if not (.fuzz.repeat).
 *
 * ctest: --seconds 4
 * ctest: --seconds 4 --threads 4 --seed 1000
 * ctest: --seconds 3 --commit-limit 3000000 --seed 2000
 *
 * Design: .fuzz.req.identity, .fuzz.req.pinned, .fuzz.req.protocol,
 * .fuzz.req.refused (design/fuzz.rst).
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "final.h"
#include "program.h"


/* The arena and its parts */

static void op_state(Mutator *m, Graph *graph)
{
  mps_arena_t arena = m->world->arena;

  switch (chance_below(&m->chance, 8)) {
  case 0:
    mps_arena_clamp(arena);
    break;
  case 1:
    mps_arena_park(arena);
    break;
  case 2:
    EXPECT(mps_arena_start_collect(arena) == MPS_RES_OK);
    break;
  case 3:
    (void)mps_arena_step(arena, 0.0001, 1.0);
    break;
  case 4:
    (void)mps_arena_step(arena, 0.0, 0.0);
    break;
  default:
    mps_arena_release(arena);
    break;
  }
}

/* Where nothing keeps anything by accident, weak references to what is dead
 * are gone after a full collection. */
static void weak_collected(Mutator *m)
{
  const World *world = m->world;

  if (world->config->stack == 1 || world->config->ambig > 0
      || world_threaded(world) || world->limited || world->config->final == 1
      || world->has_ambig || world->is_left)
    return;
  m->own->must_splat = true;
  graph_verify(m->own);
  m->own->must_splat = false;
}

static void op_collect(Mutator *m, Graph *graph)
{
  bool is_drained = !chance_once_in(&m->chance, 4);

  ++m->counts.collects;
  if (is_drained)
    drain_messages(m);
  EXPECT(mps_arena_collect(m->world->arena) == MPS_RES_OK);
  weak_collected(m);
  if (is_drained)
    final_collected(m);
  if (!chance_once_in(&m->chance, 4))
    mps_arena_release(m->world->arena);
}

/* Back to the limit of the episode, if it has one */
static void lift_limit(World *world)
{
  size_t most = world->config->commit_limit > 0
                    ? (size_t)world->config->commit_limit
                    : (size_t)-1;

  EXPECT(mps_arena_commit_limit_set(world->arena, most) == MPS_RES_OK);
  world->limited = world->config->commit_limit > 0;
}

/* Near the limit allocation fails now and then, and nothing else does. */
static void op_limit(Mutator *m, Graph *graph)
{
  World *world = m->world;
  size_t committed = mps_arena_committed(world->arena);
  size_t most = mps_arena_commit_limit(world->arena);
  mps_res_t res;

  if (committed + 65536 >= most)
    return;
  world->limited = true;
  res = mps_arena_commit_limit_set(
      world->arena, committed + chance_below(&m->chance, 65536));
  EXPECT(res == MPS_RES_OK || world_threaded(world));
}

static void op_tune(Mutator *m, Graph *graph)
{
  static const double spares[] = {0.0, 0.1, 0.75, 1.0};
  static const double pauses[] = {0.0, 0.001, 0.1, 1e9};
  mps_arena_t arena = m->world->arena;

  mps_arena_spare_set(arena, spares[chance_below(&m->chance, 4)]);
  mps_arena_pause_time_set(arena, pauses[chance_below(&m->chance, 4)]);
  if (chance_once_in(&m->chance, 4)) {
    mps_message_type_disable(arena, mps_message_type_gc());
    mps_message_type_disable(arena, mps_message_type_gc_start());
  } else {
    mps_message_type_enable(arena, mps_message_type_gc());
    mps_message_type_enable(arena, mps_message_type_gc_start());
  }
  final_enable(m, !chance_once_in(&m->chance, 6));
  drain_messages(m);
}

static bool ap_create(Mutator *m, Ap *ap)
{
  World *world = m->world;
  bool other = chance_once_in(&m->chance, 2);
  mps_res_t res;

  memset(ap, 0, sizeof *ap);
  ap->pool = (unsigned)chance_below(&m->chance, world->pools);
  MPS_ARGS_BEGIN(args)
  {
    if (other && world->class[ap->pool] == CLASS_AMS) {
      MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_ambig());
      world->has_ambig = true;
    }
    if (other && world->class[ap->pool] == CLASS_AWL) {
      MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
      ap->weak = true;
    }
    if (other && world->class[ap->pool] == CLASS_AEPH) {
      MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_ephemeron());
      ap->eph = true;
    }
    res = mps_ap_create_k(&ap->ap, world->pool[ap->pool], args);
  }
  MPS_ARGS_END(args);
  return went_well("ap", res);
}

static void op_ap(Mutator *m, Graph *graph)
{
  Ap *ap = choose_ap(m), fresh;

  if (ap->open || !ap_create(m, &fresh))
    return;
  mps_ap_destroy(ap->ap);
  *ap = fresh;
}

static void op_ramp(Mutator *m, Graph *graph)
{
  Ap *ap = choose_ap(m);
  mps_alloc_pattern_t ramp = chance_once_in(&m->chance, 2)
                                 ? mps_alloc_pattern_ramp()
                                 : mps_alloc_pattern_ramp_collect_all();
  mps_res_t res;

  if (ap->open || m->world->leaf[ap->pool])
    return;
  switch (chance_below(&m->chance, 5)) {
  case 0:
  case 1:
    EXPECT(mps_ap_alloc_pattern_begin(ap->ap, ramp) == MPS_RES_OK);
    ++ap->ramps;
    break;
  case 2:
  case 3:
    res = mps_ap_alloc_pattern_end(ap->ap, ramp);
    EXPECT(res == (ap->ramps > 0 ? MPS_RES_OK : MPS_RES_FAIL));
    ap->ramps -= ap->ramps > 0;
    break;
  default:
    EXPECT(mps_ap_alloc_pattern_reset(ap->ap) == MPS_RES_OK);
    ap->ramps = 0;
    break;
  }
}


/* Verifying and asking, with the other mutators held off */

static void gate_close(Mutator *m)
{
  if (world_threaded(m->world))
    pthread_rwlock_wrlock(&m->world->gate);
}

static void gate_open(Mutator *m)
{
  if (world_threaded(m->world))
    pthread_rwlock_unlock(&m->world->gate);
}

/* Cut what hangs on some roots. */
static void prune(Mutator *m, Graph *graph)
{
  size_t i;

  for (i = 0; i < 4; ++i)
    op_drop(m, graph);
  for (i = 0; i < 3; ++i)
    op_unpin(m, graph);
}

/* Verify what is the mutator's; and where too much lives, kill some. */
static void verify(Mutator *m)
{
  size_t live = (size_t)m->world->config->live;

  gate_close(m);
  graph_verify(m->own);
  if (m->own->bytes > live)
    prune(m, m->own);
  if (chance_once_in(&m->chance, 4)) {
    graph_verify(&m->world->shared);
    if (m->world->shared.bytes > live)
      prune(m, &m->world->shared);
  }
  m->counts.verified += m->own->count;
  m->unverified = 0;
  world_expect_sizes(m->world);
  gate_open(m);
}

typedef struct Walked {
  unsigned long objects;
  size_t bytes;
} Walked;

/* An area scanner for mps_pool_walk: fixes, as it must, and counts. */
static mps_res_t walked_area(mps_ss_t ss, void *base, void *limit,
                             void *closure)
{
  Walked *walked = closure;
  mps_addr_t at = base;
  mps_res_t res = MPS_RES_OK;

  while (at < limit && res == MPS_RES_OK) {
    Word *block = block_of(at);
    expect_block(block, "walk");
    walked->bytes += info_size(block[AT_INFO]);
    walked->objects += info_kind(block[AT_INFO]) == KIND_OBJECT
                       || info_kind(block[AT_INFO]) == KIND_LEAF;
    EXPECT(info_kind(block[AT_INFO]) != KIND_FWD);
    if (info_kind(block[AT_INFO]) == KIND_OBJECT)
      res = format_scan_object(ss, block);
    at = (mps_addr_t)((Word)at + info_size(block[AT_INFO]));
  }
  return res;
}

static void audit_pools(Mutator *m)
{
  unsigned long live[POOLS_MAX] = {0};
  const Node *node;
  size_t i;

  for (node = m->own->nodes; node != NULL; node = node->next)
    ++live[node->pool];
  for (i = 0; i < m->world->pools; ++i) {
    Walked walked = {0, 0};
    mps_res_t res = mps_pool_walk(m->world->pool[i], walked_area, &walked);
    if (res == MPS_RES_UNIMPL)
      return;
    EXPECT(res == MPS_RES_OK);
    EXPECT(walked.objects >= live[i]);
    EXPECT(walked.bytes <= mps_pool_total_size(m->world->pool[i]));
  }
}

static void audit_object(Mutator *m, const Node *node)
{
  mps_arena_t arena = m->world->arena;
  mps_addr_t inside = (mps_addr_t)((Word)block_of(node->addr)
                                   + chance_below(&m->chance, node->size)),
             object = NULL;
  mps_pool_t pool = NULL;
  mps_fmt_t fmt = NULL;
  mps_res_t res;

  EXPECT(mps_arena_has_addr(arena, inside));
  EXPECT(mps_addr_pool(&pool, arena, inside));
  EXPECT(pool == m->world->pool[node->pool]);
  EXPECT(mps_addr_fmt(&fmt, arena, inside));
  EXPECT(fmt == m->world->pool_fmt[node->pool]);
  res = mps_addr_object(&object, arena, inside);
  if (res != MPS_RES_UNIMPL) {
    EXPECT(res == MPS_RES_OK);
    EXPECT(object == node->addr);
  }
}

/* Park, verify, ask about the objects, verify again, release. */
static void op_audit(Mutator *m, Graph *graph)
{
  const Node *node;
  size_t n = 0;

  ++m->counts.audits;
  gate_close(m);
  mps_arena_park(m->world->arena);
  if (!world_threaded(m->world)) {
    graph_verify(m->own);
    audit_pools(m);
    for (node = m->own->nodes; node != NULL && n < 50; node = node->next, ++n)
      audit_object(m, node);
  }
  graph_verify(m->own);
  mps_arena_release(m->world->arena);
  gate_open(m);
}


/* Episodes */

typedef struct Op {
  void (*run)(Mutator *m, Graph *graph);
  unsigned weight;
  bool shares; /* may it work on the shared graph? */
} Op;

static const Op ops[] = {
    {op_alloc, 300, true}, {op_garbage, 20, true},      {op_list, 20, true},
    {op_open, 15, false},  {op_close, 20, false},       {op_link, 200, true},
    {op_unlink, 60, true}, {op_touch, 60, true},        {op_root, 40, true},
    {op_drop, 15, true},   {op_replace_table, 5, true}, {op_pin, 20, true},
    {op_unpin, 20, true},  {op_state, 10, false},       {op_collect, 3, false},
    {op_limit, 3, false},  {op_tune, 3, false},         {op_ap, 5, false},
    {op_ramp, 6, false},   {op_audit, 1, false},        {op_final, 40, false},
};

#define OP_COUNT (sizeof ops / sizeof ops[0])

static const Op *choose_op(Mutator *m)
{
  size_t i, total = 0, n;

  for (i = 0; i < OP_COUNT; ++i)
    total += ops[i].weight;
  n = chance_below(&m->chance, total);
  for (i = 0; n >= ops[i].weight; ++i)
    n -= ops[i].weight;
  return &ops[i];
}

static void operate(Mutator *m)
{
  const Op *op = choose_op(m);
  World *world = m->world;
  bool shared
      = op->shares && world_threaded(world) && chance_once_in(&m->chance, 5);
  Graph *graph = shared ? &world->shared : m->own;
  /* An audit closes the gate itself. */
  bool gated = world_threaded(world) && op->run != op_audit;

  if (gated)
    pthread_rwlock_rdlock(&world->gate);
  if (shared)
    pthread_mutex_lock(&graph->mutex);
  op->run(m, graph);
  if (world->limited && chance_once_in(&m->chance, 50))
    lift_limit(world);
  if (shared)
    pthread_mutex_unlock(&graph->mutex);
  if (gated)
    pthread_rwlock_unlock(&world->gate);
}

static bool mutator_create(Mutator *m, World *world, Graph *own,
                           unsigned long number, void *cold)
{
  memset(m, 0, sizeof *m);
  m->world = world;
  m->own = own;
  m->chance.state = chance_mix((uint64_t)world->config->seed * 64 + number);
  if (!went_well("thread", mps_thread_reg(&m->thr, world->arena)))
    return false;
  if (world->config->stack == 1
      && !went_well("stack", mps_root_create_thread(&m->root, world->arena,
                                                    m->thr, cold)))
    return false;
  for (; m->aps < (size_t)world->config->aps && m->aps < APS_MAX; ++m->aps)
    if (!ap_create(m, &m->ap[m->aps]))
      return false;
  if (number == 0)
    final_enable(m, true);
  if (!graph_create(own, world->arena, world->config, &m->chance))
    return false;
  own->serial = (Word)(number + 1) << OWN_SHIFT;
  return true;
}

static void mutator_destroy(Mutator *m)
{
  gate_close(m);
  if (m->own->arena != NULL) {
    close_all(m, m->own);
    graph_verify(m->own);
    graph_destroy(m->own);
  }
  while (m->aps > 0)
    mps_ap_destroy(m->ap[--m->aps].ap);
  if (m->root != NULL)
    mps_root_destroy(m->root);
  if (m->thr != NULL)
    mps_thread_dereg(m->thr);
  gate_open(m);
}

typedef struct Thread {
  World *world;
  Graph graph;
  unsigned long number;
  Counts counts;
} Thread;

static __attribute__((noinline)) void thread_run(Thread *thread, void *cold)
{
  Mutator mutator, *m = &mutator;
  const Config *config = thread->world->config;
  long i;

  if (mutator_create(m, thread->world, &thread->graph, thread->number, cold)) {
    for (i = 0; i < config->ops; ++i) {
      if (thread->number == 0)
        config_at = i;
      operate(m);
      ++m->counts.ops;
      if (++m->unverified >= (unsigned long)config->verify
          || m->own->bytes > 3 * (size_t)config->live)
        verify(m);
    }
    verify(m);
  }
  mutator_destroy(m);
  thread->counts = m->counts;
}

static void *thread_main(void *closure)
{
  void *cold = &cold;

  thread_run(closure, cold);
  return NULL;
}

static void run_threads(World *world, Counts *sum)
{
  size_t i, n = (size_t)world->config->threads;
  Thread *threads = calloc(n, sizeof *threads);

  for (i = 0; i < n; ++i) {
    threads[i].world = world;
    threads[i].number = i;
  }
  run_all(thread_main, threads, sizeof *threads, n);
  for (i = 0; i < n; ++i)
    counts_add(sum, &threads[i].counts, sizeof *sum);
  free(threads);
}

/* With no root left, and nothing on the stack, nothing is retained but what
 * there are messages about, and afterwards not even that. */
static void expect_empty(World *world)
{
  mps_arena_t arena = world->arena;
  size_t i;

  /* Objects with ambiguous references, and what those keep, may keep each
   * other (.trace.ambig). */
  if (world->config->stack == 1 || world->has_ambig)
    return;
  EXPECT(mps_arena_collect(arena) == MPS_RES_OK);
  mps_message_type_disable(arena, mps_message_type_finalization());
  EXPECT(mps_arena_collect(arena) == MPS_RES_OK);
  for (i = 0; i < world->pools; ++i)
    if (mps_pool_total_size(world->pool[i]) != 0)
      fail("pool %lu retains %lu bytes of garbage", (unsigned long)i,
           (unsigned long)mps_pool_total_size(world->pool[i]));
}

/* Returns how many collections moved objects. */
static unsigned long episode(const Config *config, Counts *sum)
{
  Chance chance = {(uint64_t)config->seed ^ 0x6d6972726f72u};
  World world;
  unsigned long collections = 0;

  config_episode = config->seed;
  config_ops = config->ops;
  config_at = 0;
  config_deterministic = config->threads == 1;
  if (config->verbose)
    config_print(config);
  setenv("MOSTLY_BARRIER", config->barrier, 1);
  if (world_create(&world, config, &chance)) {
    run_threads(&world, sum);
    graph_verify(&world.shared);
    graph_clear(&world.shared);
    expect_empty(&world);
    collections = (unsigned long)mps_collections(world.arena);
  }
  world_destroy(&world);
  final_clear();
  return collections;
}


/* The program */

static void report(const Config *config, unsigned long episodes,
                   unsigned long collections, const Counts *sum)
{
  struct {
    const char *name;
    unsigned long value;
  } facts[] = {
      {"seed", (unsigned long)config->seed},
      {"episodes", episodes},
      {"threads", (unsigned long)config->threads},
      {"ops", sum->ops},
      {"objects", sum->objects},
      {"bytes", sum->bytes},
      {"collections", collections},
      {"verified", sum->verified},
      {"failed_commits", sum->failed_commits},
      {"abandoned", sum->abandoned},
      {"refused", sum->refused},
      {"pins", sum->pins},
      {"links", sum->links},
      {"collects", sum->collects},
      {"audits", sum->audits},
      {"finalized", sum->finalized},
      {"told", sum->told},
      {"revived", sum->revived},
      {"scans", format_scans},
      {"forwarded", format_fwds},
      {"pads", format_pads},
  };
  size_t i;

  printf(config->json ? "{\"program\": \"mirror\", \"ok\": true" : "mirror:");
  for (i = 0; i < sizeof facts / sizeof facts[0]; ++i)
    printf(config->json ? ", \"%s\": %lu" : " %s %lu", facts[i].name,
           facts[i].value);
  printf(config->json ? "}\n" : "\n");
}

int main(int argc, char **argv)
{
  Config given = config_unset();
  Counts sum;
  unsigned long episodes = 0, collections = 0;
  double start = now();

  config_parse(&given, argc, argv);
  catch_signals();
  memset(&sum, 0, sizeof sum);
  do {
    Config config = given;
    config_fill(&config, given.seed + (long)episodes);
    alarm(120);
    collections += episode(&config, &sum);
    ++episodes;
  } while (now() - start < given.seconds);
  alarm(0);
  report(&given, episodes, collections, &sum);
  return 0;
}
