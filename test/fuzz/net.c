/* net.c -- pools of every class at once, beside a model
 *
 *   net [--seed N] [--seconds S | --ops N] [--threads T] [--json] ...
 *
 * An episode makes an arena with a pool of each class, and random objects of
 * all of them that refer to each other by strong, weak and ambiguous
 * references and in ephemeral pairs.  A model says what is alive; the heap
 * is compared with it, all that is alive must be there, and all else must be
 * gone where nothing can keep it by accident.  With --seconds, episodes
 * follow one another with rising seeds.  --help lists what can be fixed;
 * options that are about the pools of mirror.c have no effect.
 *
 * Exit 0 if all went well; 1 with the command line that repeats the episode
 * if not (.fuzz.repeat).
 *
 * ctest: --seconds 3
 * ctest: --seconds 3 --stack 0 --seed 500
 * ctest: --seconds 2 --threads 3 --seed 1000
 * ctest: --seconds 2 --commit-limit 3000000 --seed 2000
 *
 * Design: .fuzz.req.identity, .fuzz.req.dead, .fuzz.net (design/fuzz.rst).
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "netchange.h"
#include "program.h"

#include <sys/wait.h>


/* The arena */

static void op_state(Player *p)
{
  static const double intervals[] = {0.0, 0.000001, 0.0001};
  mps_arena_t arena = p->realm->arena;

  switch (chance_below(&p->chance, 9)) {
  case 0:
    mps_arena_clamp(arena);
    break;
  case 1:
    mps_arena_park(arena);
    break;
  case 2:
  case 3:
    EXPECT(mps_arena_start_collect(arena) == MPS_RES_OK);
    break;
  case 4:
  case 5:
    (void)mps_arena_step(arena, intervals[chance_below(&p->chance, 3)],
                         (double)chance_below(&p->chance, 2));
    break;
  default:
    mps_arena_release(arena);
    break;
  }
}

static void op_collect(Player *p)
{
  ++p->counts.collects;
  EXPECT(mps_arena_collect(p->realm->arena) == MPS_RES_OK);
  if (!chance_once_in(&p->chance, 4))
    mps_arena_release(p->realm->arena);
}

static void op_blk_collect(Player *p)
{
  const Place *place
      = &p->realm->place[CLASS_BLK + chance_below(&p->chance, 2)];
  size_t freed;

  if (place->pool == NULL)
    return;
  if (chance_once_in(&p->chance, 3) && !is_threaded(p->realm)) {
    mps_blk_lock(place->pool); /* as roots */
    EXPECT(mps_blk_collect(&freed, place->pool) == MPS_RES_FAIL);
    EXPECT(mps_arena_collect(p->realm->arena) == MPS_RES_OK);
    mps_arena_release(p->realm->arena);
    mps_blk_unlock(place->pool);
  } else {
    EXPECT(mps_blk_collect(&freed, place->pool) == MPS_RES_OK);
  }
}

static void op_blk_tune(Player *p)
{
  mps_pool_t pool
      = p->realm->place[CLASS_BLK + chance_below(&p->chance, 2)].pool;
  size_t size = chance_below(&p->chance, 100000);

  if (pool == NULL)
    return;
  switch (chance_below(&p->chance, 3)) {
  case 0:
    mps_blk_auto_set(pool, chance_once_in(&p->chance, 2));
    break;
  case 1:
    mps_blk_threshold_set(pool, size);
    break;
  default:
    if (mps_pool_total_size(pool) < 2000000)
      (void)went_well(p->realm, "extend",
                      mps_blk_extend(pool, NULL, 1000 + size));
    break;
  }
}

static void lift_limit(Realm *realm)
{
  size_t most = realm->config->commit_limit > 0
                    ? (size_t)realm->config->commit_limit
                    : (size_t)-1;

  EXPECT(mps_arena_commit_limit_set(realm->arena, most) == MPS_RES_OK);
  realm->is_limited = realm->config->commit_limit > 0;
}

/* Near the limit allocation fails now and then, and nothing else does. */
static void op_limit(Player *p)
{
  Realm *realm = p->realm;
  size_t committed = mps_arena_committed(realm->arena);
  mps_res_t res;

  if (committed + 65536 >= mps_arena_commit_limit(realm->arena))
    return;
  realm->is_limited = true;
  res = mps_arena_commit_limit_set(
      realm->arena, committed + chance_below(&p->chance, 65536));
  EXPECT(res == MPS_RES_OK || is_threaded(realm));
}

static void op_tune(Player *p)
{
  static const double spares[] = {0.0, 0.1, 0.75, 1.0};
  static const double pauses[] = {0.0, 0.001, 0.1, 1e9};
  mps_arena_t arena = p->realm->arena;
  void (*const gc)(mps_arena_t, mps_message_type_t)
      = chance_once_in(&p->chance, 2) ? mps_message_type_enable
                                      : mps_message_type_disable;

  mps_arena_spare_set(arena, spares[chance_below(&p->chance, 4)]);
  mps_arena_pause_time_set(arena, pauses[chance_below(&p->chance, 4)]);
  gc(arena, mps_message_type_gc());
  gc(arena, mps_message_type_gc_start());
}


static void op_ramp(Player *p)
{
  Ap *ap = choose_ap(p);
  mps_alloc_pattern_t ramp = chance_once_in(&p->chance, 2)
                                 ? mps_alloc_pattern_ramp()
                                 : mps_alloc_pattern_ramp_collect_all();

  if (ap->is_open || ap->place->class != CLASS_AMC)
    return;
  if (chance_once_in(&p->chance, 2)) {
    EXPECT(mps_ap_alloc_pattern_begin(ap->ap, ramp) == MPS_RES_OK);
    ++ap->ramps;
  } else {
    EXPECT(mps_ap_alloc_pattern_end(ap->ap, ramp)
           == (ap->ramps > 0 ? MPS_RES_OK : MPS_RES_FAIL));
    ap->ramps -= ap->ramps > 0;
  }
}


/* What needs the other mutators to be held off */

/* Cut what hangs on some roots. */
static void prune(Player *p)
{
  size_t i;

  for (i = 0; i < 20; ++i)
    op_drop(p);
}

static void verify(Player *p)
{
  gate_close(p);
  net_verify(p->net);
  if (p->net->bytes > (size_t)p->realm->config->live)
    prune(p);
  p->counts.verified += p->net->count;
  p->unverified = 0;
  realm_expect_sizes(p->realm);
  gate_open(p);
}

static void op_audit(Player *p)
{
  ++p->counts.audits;
  gate_close(p);
  mps_arena_park(p->realm->arena);
  net_verify(p->net);
  audit(p);
  net_verify(p->net);
  mps_arena_release(p->realm->arena);
  gate_open(p);
}

static void op_exact(Player *p)
{
  if (!may_be_exact(p))
    return;
  exact(p, true);
  if (!chance_once_in(&p->chance, 4))
    mps_arena_release(p->realm->arena);
}


/* A forked child goes on for a while. */

static void operate(Player *p);

static void child(Player *p)
{
  size_t i;

  alarm(60);
  p->is_child = true;
  net_verify(p->net);
  EXPECT(mps_arena_collect(p->realm->arena) == MPS_RES_OK);
  mps_arena_release(p->realm->arena);
  net_verify(p->net);
  for (i = 0; i < 300 && !is_threaded(p->realm); ++i)
    operate(p);
  net_verify(p->net);
  _exit(0);
}

static void op_fork(Player *p)
{
  int status = -1;
  pid_t pid;

  if (p->is_child)
    return;
  gate_close(p);
  pid = fork();
  if (pid == 0)
    child(p);
  EXPECT(pid > 0);
  while (waitpid(pid, &status, 0) != pid)
    ;
  if (status != 0)
    fail("the child ended with status 0x%x", (unsigned)status);
  ++p->counts.forks;
  gate_open(p);
}


/* Operations */

typedef struct Op {
  void (*run)(Player *p);
  unsigned weight;
  bool closes; /* does it close the gate itself? */
} Op;

static const Op ops[] = {
    {op_alloc, 3000, false},  {op_garbage, 100, false},
    {op_list, 100, false},    {op_table, 100, false},
    {op_open, 100, false},    {op_close, 150, false},
    {op_link, 2000, false},   {op_unlink, 600, false},
    {op_touch, 500, false},   {op_root, 400, false},
    {op_drop, 150, false},    {op_noise, 50, false},
    {op_replace, 50, false},  {op_junk, 200, false},
    {op_ld, 100, false},      {op_final, 300, false},
    {op_drain, 60, false},    {op_state, 200, false},
    {op_collect, 20, false},  {op_blk_collect, 20, false},
    {op_limit, 10, false},    {op_tune, 20, false},
    {op_audit, 10, true},     {op_exact, 15, false},
    {op_block, 40, true},     {op_pool, 4, false},
    {op_fork, 1, true},       {op_ramp, 40, false},
    {op_blk_tune, 20, false},
};

#define OP_COUNT (sizeof ops / sizeof ops[0])

static const Op *choose_op(Player *p)
{
  size_t i, total = 0, n;

  for (i = 0; i < OP_COUNT; ++i)
    total += ops[i].weight;
  n = chance_below(&p->chance, total);
  for (i = 0; n >= ops[i].weight; ++i)
    n -= ops[i].weight;
  return &ops[i];
}

static void operate(Player *p)
{
  const Op *op = choose_op(p);
  Realm *realm = p->realm;
  bool is_gated = is_threaded(realm) && !op->closes;

  if (is_gated)
    pthread_rwlock_rdlock(&realm->gate);
  op->run(p);
  if (realm->is_limited && chance_once_in(&p->chance, 50))
    lift_limit(realm);
  if (is_gated)
    pthread_rwlock_unlock(&realm->gate);
}


/* Mutators */

static bool net_create(Player *p)
{
  static const Edges edges[] = {EDGES_STRONG, EDGES_AMBIG, EDGES_WEAK};
  Net *net = p->net;
  size_t i;

  net->arena = p->realm->arena;
  net->serial = (Word)p->number << OWNER_SHIFT;
  for (i = 0; i < LDS; ++i)
    mps_ld_reset(&net->location[i].ld, net->arena);
  for (i = 0; i < ROOT_TABLES; ++i)
    if (!roots_create(p, &net->roots[i],
                      i < 3 ? edges[i] : choose_root_edges(p)))
      return false;
  return true;
}

static bool player_fill(Player *p, void *cold)
{
  Realm *realm = p->realm;
  size_t i;

  if (!went_well(realm, "thread", mps_thread_reg(&p->thr, realm->arena)))
    return false;
  if (realm->config->stack == 1
      && !went_well(
          realm, "stack",
          mps_root_create_thread(&p->root, realm->arena, p->thr, cold)))
    return false;
  for (i = 0; i < CLASS_LIMIT; ++i)
    if (!aps_create(p, &realm->place[i]))
      return false;
  return net_create(p);
}

/* Making roots and allocation points may collect, so it's an operation like
 * others. */
static bool player_create(Player *p, Realm *realm, Net *net,
                          unsigned long number, void *cold)
{
  bool is_made;

  memset(p, 0, sizeof *p);
  memset(net, 0, sizeof *net);
  p->realm = realm;
  p->net = net;
  p->number = number;
  p->chance.state = chance_mix((uint64_t)realm->config->seed * 64 + number);
  gate_close(p);
  is_made = player_fill(p, cold);
  gate_open(p);
  return is_made;
}

/* With no root left, nothing is. */
static void expect_empty(Player *p)
{
  size_t i;

  close_all(p);
  for (i = 0; i < ROOT_TABLES; ++i)
    roots_destroy(&p->net->roots[i]);
  if (!may_be_exact(p))
    return;
  exact(p, false);
  EXPECT(p->net->count == 0);
  aps_destroy(p, NULL);
  EXPECT(mps_arena_collect(p->realm->arena) == MPS_RES_OK);
  for (i = 0; i < CLASS_BLK; ++i)
    if (p->realm->place[i].pool != NULL
        && mps_pool_total_size(p->realm->place[i].pool) != 0)
      fail("pool %lu retains %lu bytes of garbage", (unsigned long)i,
           (unsigned long)mps_pool_total_size(p->realm->place[i].pool));
}

static void player_destroy(Player *p)
{
  size_t i;

  gate_close(p);
  if (p->net->arena != NULL)
    net_verify(p->net);
  expect_empty(p);
  for (i = 0; i < JUNK; ++i)
    junk_free(&p->junk[i]);
  p->counts.weak_cut = p->net->weak_cut;
  aps_destroy(p, NULL);
  net_clear(p->net);
  if (p->root != NULL)
    mps_root_destroy(p->root);
  if (p->thr != NULL)
    mps_thread_dereg(p->thr);
  gate_open(p);
}

typedef struct Thread {
  Realm *realm;
  Net net;
  unsigned long number;
  Counts counts;
} Thread;

static __attribute__((noinline)) void thread_run(Thread *thread, void *cold)
{
  Player player, *p = &player;
  const Config *config = thread->realm->config;
  long i;

  if (player_create(p, thread->realm, &thread->net, thread->number, cold)) {
    for (i = 0; i < config->ops; ++i) {
      if (thread->number == 0)
        config_at = i;
      operate(p);
      ++p->counts.ops;
      if (++p->unverified >= (unsigned long)config->verify
          || p->net->bytes > 3 * (size_t)config->live)
        verify(p);
    }
    verify(p);
  }
  player_destroy(p);
  thread->counts = p->counts;
}

static void *thread_main(void *closure)
{
  void *cold = &cold;

  thread_run(closure, cold);
  return NULL;
}

static void run_threads(Realm *realm, Counts *sum)
{
  size_t i, n = (size_t)realm->config->threads;
  Thread *threads = calloc(n, sizeof *threads);

  EXPECT(threads != NULL && n <= NETS_MAX);
  for (i = 0; i < n; ++i) {
    inbox[i].count = 0;
    threads[i].realm = realm;
    threads[i].number = i;
  }
  run_all(thread_main, threads, sizeof *threads, n);
  for (i = 0; i < n; ++i)
    counts_add(sum, &threads[i].counts, sizeof *sum);
  free(threads);
}

static void episode(const Config *config, Counts *sum)
{
  Realm realm;

  config_episode = config->seed;
  config_ops = config->ops;
  config_at = 0;
  config_deterministic = config->threads == 1;
  if (config->verbose)
    config_print(config);
  setenv("MOSTLY_BARRIER", config->barrier, 1);
  if (realm_create(&realm, config)) {
    if (config->final == 1)
      mps_message_type_enable(realm.arena, mps_message_type_finalization());
    run_threads(&realm, sum);
  }
  sum->pools += realm.pools;
  realm_destroy(&realm);
}


/* The program */

static void report(const Config *config, unsigned long episodes,
                   const Counts *sum)
{
  static const char *const names[] = {
      "ops",   "objects",  "bytes",  "verified", "failed_commits", "refused",
      "links", "collects", "exacts", "audits",   "weak_cut",       "finalized",
      "told",  "revived",  "freed",  "pools",    "forks",          "roots"};
  const unsigned long *values = (const unsigned long *)sum;
  bool json = config->json;
  size_t i;

  printf(json ? "{\"program\": \"net\", \"ok\": true, \"seed\": %ld,"
                " \"threads\": %ld, \"episodes\": %lu"
              : "net: seed %ld threads %ld episodes %lu",
         config->seed, config->threads, episodes);
  for (i = 0; i < sizeof names / sizeof names[0]; ++i)
    printf(json ? ", \"%s\": %lu" : " %s %lu", names[i], values[i]);
  printf(json ? "}\n" : "\n");
}

int main(int argc, char **argv)
{
  Config given = config_unset();
  Counts sum;
  unsigned long episodes = 0;
  double start = now();
  size_t i;

  config_parse(&given, argc, argv);
  catch_signals();
  for (i = 0; i < NETS_MAX; ++i)
    pthread_mutex_init(&inbox[i].mutex, NULL);
  memset(&sum, 0, sizeof sum);
  do {
    Config config = given;
    config_fill(&config, given.seed + (long)episodes);
    if (given.live == UNSET && config.live > 400000)
      config.live = 400000;
    alarm(120);
    episode(&config, &sum);
    ++episodes;
  } while (now() - start < given.seconds);
  alarm(0);
  report(&given, episodes, &sum);
  return 0;
}
