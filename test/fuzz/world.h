/* world.h -- the arena, pools and mutators of one episode
 *
 * Design: .fuzz.episode, .fuzz.gate (design/fuzz.rst).
 */

#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include "graph.h"

#include "mpsavm.h"
#include "mpscamc.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

enum {
  POOLS_MAX = 8,
  APS_MAX = 8,
  GENS_MAX = 8,
  HANDS = 4,
  OWN_SHIFT = 40 /* serial numbers above it tell graphs apart */
};

/* Classes of pools; from STAY on objects stay where they are. */
typedef enum Class {
  CLASS_AMC,
  CLASS_AMCZ,
  CLASS_LO,
  CLASS_AMS,
  CLASS_AWL,
  CLASS_AEPH,
  CLASS_LIMIT,
  CLASS_STAY = CLASS_LO
} Class;

typedef struct World {
  const Config *config;
  mps_arena_t arena;
  mps_chain_t chain; /* null for the default chain */
  mps_fmt_t fmt;     /* with a scan method */
  mps_fmt_t leaf_fmt;
  mps_fmt_t stay_fmt[2]; /* the same, of objects that stay */
  mps_fmt_t eph_fmt;     /* with a scan method for pairs */
  size_t pools;
  mps_pool_t pool[POOLS_MAX];
  Class class[POOLS_MAX];
  mps_fmt_t pool_fmt[POOLS_MAX];
  bool leaf[POOLS_MAX];  /* have its objects no references? */
  bool stays[POOLS_MAX]; /* do its objects stay? */
  bool has_stays;        /* is there one? */
  bool has_ambig;        /* has an object ambiguous references? */
  bool is_left;          /* is there a large block with room behind objects? */
  size_t extend_by, large_size; /* as they are, for choosing sizes */
  bool limited;                 /* is there a commit limit? */
  bool is_told;                 /* are finalization messages enabled? */
  Graph shared;
  /* Mutators hold the gate for reading during an operation; who verifies
   * holds it for writing, so that nothing moves. */
  pthread_rwlock_t gate;
} World;

typedef struct Ap {
  mps_ap_t ap;
  unsigned pool;
  bool weak;        /* have its objects weak references? */
  bool eph;         /* are their references ephemeral pairs? */
  bool open;        /* is there a block reserved? */
  mps_addr_t block; /* it */
  size_t size;      /* its size */
  mps_word_t flips; /* mps_collections when it was reserved */
  Word junk;        /* what the open block is filled from */
  int ramps;        /* patterns begun */
} Ap;

/* What a mutator has done, for the report. */
typedef struct Counts {
  unsigned long ops, objects, bytes, verified, failed_commits, abandoned;
  unsigned long refused, pins, links, collects, audits;
  unsigned long finalized, told, revived;
} Counts;

/* A mutator lives on its thread's stack, which is a root or else nothing
 * moves while a hand holds anything. */
typedef struct Mutator {
  World *world;
  Graph *own;
  Chance chance;
  volatile mps_addr_t hand[HANDS]; /* client pointers in use */
  mps_thr_t thr;
  mps_root_t root;
  size_t aps;
  Ap ap[APS_MAX];
  unsigned long unverified; /* operations since the last verification */
  Counts counts;
} Mutator;

static bool world_threaded(const World *world)
{
  return world->config->threads > 1;
}


/* Creation.  Each part may be refused for want of memory where there is a
 * commit limit; then the episode ends early. */

static mps_res_t world_arena(World *world, Chance *chance)
{
  static const double spares[] = {0.0, 0.25, 0.75, 1.0};
  const Config *config = world->config;
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE,
                 (size_t)1 << chance_between(chance, 18, 28));
    MPS_ARGS_ADD(args, MPS_KEY_PAUSE_TIME, config->pause);
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, spares[chance_below(chance, 4)]);
    if (config->grain > 0)
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, (size_t)config->grain);
    if (config->commit_limit > 0)
      MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, (size_t)config->commit_limit);
    res = mps_arena_create_k(&world->arena, mps_arena_class_vm(), args);
  }
  MPS_ARGS_END(args);
  return res;
}

/* The methods for moving are never called where nothing moves: there they
 * are left out, so that a call is reported. */
static mps_res_t world_fmt(World *world, mps_fmt_t *fmt_o, mps_fmt_scan_t scan,
                           bool stays)
{
  const Config *config = world->config;
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, (mps_align_t)config->align);
    if (config->header > 0)
      MPS_ARGS_ADD(args, MPS_KEY_FMT_HEADER_SIZE, (size_t)config->header);
    if (scan != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, format_skip);
    if (!stays) {
      MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, format_fwd);
      MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, format_isfwd);
      MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, format_pad);
    }
    res = mps_fmt_create_k(fmt_o, world->arena, args);
  }
  MPS_ARGS_END(args);
  return res;
}

static mps_res_t world_chain(World *world, Chance *chance)
{
  mps_gen_param_s gens[GENS_MAX];
  size_t i, n = (size_t)world->config->gens;

  if (n == 0)
    return MPS_RES_OK;
  EXPECT(n <= GENS_MAX);
  for (i = 0; i < n; ++i) {
    gens[i].mps_capacity = (size_t)1 << chance_below(chance, 9);
    gens[i].mps_mortality = (double)chance_below(chance, 101) / 100;
  }
  return mps_chain_create(&world->chain, world->arena, n, gens);
}

static mps_pool_class_t world_class(Class class)
{
  switch (class) {
  case CLASS_AMCZ:
    return mps_class_amcz();
  case CLASS_LO:
    return mps_class_lo();
  case CLASS_AMS:
    return mps_class_ams();
  case CLASS_AWL:
    return mps_class_awl();
  case CLASS_AEPH:
    return mps_class_aeph();
  default:
    return mps_class_amc();
  }
}

static mps_fmt_t world_class_fmt(const World *world, Class class, bool leaf)
{
  if (class == CLASS_AEPH)
    return world->eph_fmt;
  if (class >= CLASS_STAY)
    return world->stay_fmt[leaf];
  return leaf ? world->leaf_fmt : world->fmt;
}

static void world_add(World *world, Class class, mps_fmt_t fmt, bool leaf)
{
  world->class[world->pools] = class;
  world->pool_fmt[world->pools] = fmt;
  world->leaf[world->pools] = leaf;
  world->stays[world->pools] = class >= CLASS_STAY;
  world->has_stays |= class >= CLASS_STAY;
  ++world->pools;
}

static mps_res_t world_pool(World *world, Class class, Chance *chance)
{
  const Config *config = world->config;
  bool leaf = class == CLASS_AMCZ || class == CLASS_LO;
  mps_fmt_t fmt = world_class_fmt(world, class, leaf);
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    if (class >= CLASS_STAY && chance_once_in(chance, 2))
      MPS_ARGS_ADD(
          args, MPS_KEY_GEN,
          (unsigned)chance_below(
              chance, (world->chain != NULL ? (size_t)config->gens : 2) + 1));
    if (world->chain != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, world->chain);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, config->interior == 1);
    if (config->extend_by > 0)
      MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, (size_t)config->extend_by);
    if (config->large_size > 0)
      MPS_ARGS_ADD(args, MPS_KEY_LARGE_SIZE, (size_t)config->large_size);
    res = mps_pool_create_k(&world->pool[world->pools], world->arena,
                            world_class(class), args);
  }
  MPS_ARGS_END(args);
  if (res == MPS_RES_OK)
    world_add(world, class, fmt, leaf);
  return res;
}

static mps_res_t world_pools(World *world, Chance *chance)
{
  Pools pools = world->config->pools;
  mps_res_t res = MPS_RES_OK;
  int class;

  if (pools != POOLS_AMCZ)
    res = world_pool(world, CLASS_AMC, chance);
  if (res == MPS_RES_OK && pools == POOLS_BOTH)
    res = world_pool(world, CLASS_AMC, chance);
  if (res == MPS_RES_OK && pools != POOLS_AMC)
    res = world_pool(world, CLASS_AMCZ, chance);
  for (class = CLASS_STAY; class < CLASS_LIMIT && res == MPS_RES_OK; ++class)
    if ((world->config->stay >> (class - CLASS_STAY) & 1) != 0)
      res = world_pool(world, (Class) class, chance);
  return res;
}

static bool is_refusal(mps_res_t res)
{
  return res == MPS_RES_MEMORY || res == MPS_RES_COMMIT_LIMIT
         || res == MPS_RES_RESOURCE;
}

/* Whatever a limit of memory refuses is tolerated, and nothing else. */
static bool went_well(const char *what, mps_res_t res)
{
  if (res != MPS_RES_OK && !is_refusal(res))
    fail("%s: result %d", what, (int)res);
  return res == MPS_RES_OK;
}

/* False if there wasn't memory for everything; destroy it all the same. */
static bool world_create(World *world, const Config *config, Chance *chance)
{
  pthread_rwlockattr_t attr;

  memset(world, 0, sizeof *world);
  world->config = config;
  world->limited = config->commit_limit > 0;
  format.header = (size_t)config->header;
  format.align = (size_t)config->align;
  format.tag = (Word)config->tag;
  world->extend_by = config->extend_by > 0 ? (size_t)config->extend_by : 8192;
  world->large_size
      = config->large_size > 0 ? (size_t)config->large_size : 32768;
  pthread_rwlockattr_init(&attr);
  pthread_rwlockattr_setkind_np(&attr,
                                PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  EXPECT(pthread_rwlock_init(&world->gate, &attr) == 0);
  return went_well("arena", world_arena(world, chance))
         && went_well("fmt", world_fmt(world, &world->fmt, format_scan, false))
         && went_well("fmt", world_fmt(world, &world->leaf_fmt, NULL, false))
         && went_well("fmt",
                      world_fmt(world, &world->stay_fmt[0], format_scan, true))
         && went_well("fmt", world_fmt(world, &world->stay_fmt[1], NULL, true))
         && went_well("fmt",
                      world_fmt(world, &world->eph_fmt, format_scan_eph, true))
         && went_well("chain", world_chain(world, chance))
         && went_well("pool", world_pools(world, chance))
         && graph_create(&world->shared, world->arena, config, chance);
}

static void world_destroy(World *world)
{
  size_t i;

  if (world->arena == NULL)
    return;
  mps_arena_park(world->arena);
  if (world->shared.arena != NULL)
    graph_destroy(&world->shared);
  for (i = 0; i < world->pools; ++i)
    mps_pool_destroy(world->pool[i]);
  if (world->chain != NULL)
    mps_chain_destroy(world->chain);
  if (world->fmt != NULL)
    mps_fmt_destroy(world->fmt);
  if (world->leaf_fmt != NULL)
    mps_fmt_destroy(world->leaf_fmt);
  if (world->eph_fmt != NULL)
    mps_fmt_destroy(world->eph_fmt);
  for (i = 0; i < 2; ++i)
    if (world->stay_fmt[i] != NULL)
      mps_fmt_destroy(world->stay_fmt[i]);
  mps_arena_destroy(world->arena);
  pthread_rwlock_destroy(&world->gate);
}


/* What must always be so, as far as one thread can tell */

static void world_expect_sizes(World *world)
{
  mps_arena_t arena = world->arena;
  size_t i;

  EXPECT(mps_arena_spare_committed(arena) <= mps_arena_committed(arena));
  EXPECT(mps_arena_committed(arena) <= mps_arena_reserved(arena));
  EXPECT(mps_arena_committed(arena) <= mps_arena_commit_limit(arena));
  for (i = 0; i < world->pools; ++i)
    EXPECT(mps_pool_free_size(world->pool[i])
           <= mps_pool_total_size(world->pool[i]));
}

#endif /* FUZZ_WORLD_H */
