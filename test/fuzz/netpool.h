/* netpool.h -- the arena of an episode, and pools of every class in it
 *
 * Design: .fuzz.net (design/fuzz.rst).
 */

#ifndef FUZZ_NETPOOL_H
#define FUZZ_NETPOOL_H

#include "net.h"

#include "mpsavm.h"
#include "mpscamc.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpscblk.h"
#include "mpsclo.h"
#include "mpscmfs.h"
#include "mpscmvff.h"

/* In this order: those with allocation points, blocks, manual ones. */
typedef enum Class {
  CLASS_AMC,
  CLASS_AMCZ,
  CLASS_LO,
  CLASS_AMS,       /* no ambiguous reference counts */
  CLASS_AMS_AMBIG, /* they do, and objects may have them */
  CLASS_AWL,
  CLASS_AEPH,
  CLASS_BLK,
  CLASS_BLK_LAYOUT,
  CLASS_MVFF,
  CLASS_MFS,
  CLASS_LIMIT
} Class;

enum {
  GENS_MAX = 8,
  MFS_UNIT = 128,
  LAYOUT_WORDS = 50 /* at most in objects with a layout */
};

typedef struct Place {
  Class class;
  mps_pool_t pool;
  mps_fmt_t fmt;       /* or null */
  bool is_interior;    /* do addresses inside an object count? */
  bool takes_ambig;    /* do ambiguous references count? */
  unsigned generation; /* how many pools there have been */
} Place;

typedef struct Realm {
  const Config *config;
  Chance chance; /* for pools made later */
  mps_arena_t arena;
  mps_chain_t chain;
  mps_fmt_t fmt, leaf_fmt, stay_fmt, awl_fmt, eph_fmt, stay_leaf_fmt;
  Place place[CLASS_LIMIT];
  _Atomic bool is_limited; /* may memory be refused? */
  bool has_tables;         /* with weak keys? */
  bool is_left; /* is there a large block with room behind objects? */
  pthread_rwlock_t gate;
  unsigned long arenas, pools;
} Realm;

static bool is_threaded(const Realm *realm)
{
  return realm->config->threads > 1;
}

static bool class_has_aps(Class class)
{
  return class < CLASS_BLK;
}

static bool class_is_blk(Class class)
{
  return class == CLASS_BLK || class == CLASS_BLK_LAYOUT;
}

static bool class_is_manual(Class class)
{
  return class >= CLASS_MVFF;
}

static bool class_moves(Class class)
{
  return class <= CLASS_AMCZ;
}

static bool class_is_leaf(Class class)
{
  return class == CLASS_AMCZ || class == CLASS_LO;
}

/* Whatever a limit of memory refuses is tolerated, and nothing else. */
static bool went_well(const Realm *realm, const char *what, mps_res_t res)
{
  bool is_refusal = res == MPS_RES_MEMORY || res == MPS_RES_COMMIT_LIMIT
                    || res == MPS_RES_RESOURCE;

  if (res != MPS_RES_OK
      && !(is_refusal && (realm->is_limited || is_threaded(realm))))
    fail("%s: result %d", what, (int)res);
  return res == MPS_RES_OK;
}


/* Objects of AWL.  When a key dies its value in the dependent goes too. */

static Word *dependent_of(const Word *block)
{
  Word slot = block[first_reference()];

  if ((block[AT_META] >> 48 & FLAG_DEPENDENT) == 0 || slot == 0)
    return NULL;
  return block_of(decode_slot(slot));
}

static mps_addr_t find_dependent(mps_addr_t client)
{
  const Word *block = block_of(client), *dependent;

  if (info_kind(block[AT_INFO]) != KIND_OBJECT)
    return NULL;
  expect_block(block, "find_dependent");
  dependent = dependent_of(block);
  return dependent != NULL ? client_of(dependent) : NULL;
}

static mps_res_t awl_scan_object(mps_ss_t ss, Word *block)
{
  Word *values = dependent_of(block);
  size_t i, first = first_reference(), n = block[AT_META] & 0xFFFFFFFFu;

  MPS_SCAN_BEGIN(ss)
  {
    for (i = first; i < first + n; ++i) {
      mps_addr_t ref = decode_slot(block[i]);
      if (block[i] == 0 || !MPS_FIX1(ss, ref))
        continue;
      mps_res_t res = MPS_FIX2(ss, &ref);
      if (res != MPS_RES_OK)
        return res;
      block[i] = encode_slot(ref);
      if (ref == NULL && values != NULL)
        values[i] = 0;
      if (block[first] == 0)
        values = NULL;
    }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_res_t awl_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  return format_scan_with(ss, base, limit, awl_scan_object);
}


/* Creation.  Each part may be refused for want of memory where there is a
 * limit; then the episode ends early. */

static mps_res_t realm_arena(Realm *realm)
{
  static const double spares[] = {0.0, 0.25, 0.75, 1.0};
  const Config *config = realm->config;
  Chance *chance = &realm->chance;
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
    res = mps_arena_create_k(&realm->arena, mps_arena_class_vm(), args);
  }
  MPS_ARGS_END(args);
  return res;
}

static bool realm_fmt(Realm *realm, mps_fmt_t *fmt_o, mps_fmt_scan_t scan,
                      bool moves)
{
  const Config *config = realm->config;
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, (mps_align_t)config->align);
    if (config->header > 0)
      MPS_ARGS_ADD(args, MPS_KEY_FMT_HEADER_SIZE, (size_t)config->header);
    if (scan != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, format_skip);
    if (moves) {
      MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, format_fwd);
      MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, format_isfwd);
      MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, format_pad);
    }
    res = mps_fmt_create_k(fmt_o, realm->arena, args);
  }
  MPS_ARGS_END(args);
  return went_well(realm, "fmt", res);
}

static bool realm_fmts(Realm *realm)
{
  return realm_fmt(realm, &realm->fmt, format_scan, true)
         && realm_fmt(realm, &realm->leaf_fmt, NULL, true)
         && realm_fmt(realm, &realm->stay_fmt, format_scan, false)
         && realm_fmt(realm, &realm->stay_leaf_fmt, NULL, false)
         && realm_fmt(realm, &realm->awl_fmt, awl_scan, false)
         && realm_fmt(realm, &realm->eph_fmt, format_scan_eph, false);
}

static bool realm_chain(Realm *realm)
{
  Chance *chance = &realm->chance;
  mps_gen_param_s gens[GENS_MAX];
  size_t i, n = (size_t)realm->config->gens;

  if (n == 0)
    return true;
  EXPECT(n <= GENS_MAX);
  for (i = 0; i < n; ++i) {
    gens[i].mps_capacity = (size_t)1 << chance_below(chance, 9);
    gens[i].mps_mortality = (double)chance_below(chance, 101) / 100;
  }
  return went_well(realm, "chain",
                   mps_chain_create(&realm->chain, realm->arena, n, gens));
}

static const char *const class_names[]
    = {"AMC",   "AMCZ",         "LO",   "AMS", "ambiguous AMS", "AWL", "AEPH",
       "block", "layout block", "MVFF", "MFS"};

static const char *node_class(const Node *node)
{
  return class_names[node->place->class];
}

static const char *pool_name(const Realm *realm, mps_pool_t pool)
{
  size_t i;

  for (i = 0; i < CLASS_LIMIT; ++i)
    if (realm->place[i].pool == pool)
      return class_names[i];
  return "no";
}

static mps_pool_class_t class_of(Class class)
{
  static mps_pool_class_t (*const classes[])(void) = {
      [CLASS_AMC] = mps_class_amc,        [CLASS_AMCZ] = mps_class_amcz,
      [CLASS_LO] = mps_class_lo,          [CLASS_AMS] = mps_class_ams,
      [CLASS_AMS_AMBIG] = mps_class_ams,  [CLASS_AWL] = mps_class_awl,
      [CLASS_AEPH] = mps_class_aeph,      [CLASS_BLK] = mps_class_blk,
      [CLASS_BLK_LAYOUT] = mps_class_blk, [CLASS_MVFF] = mps_class_mvff,
      [CLASS_MFS] = mps_class_mfs,
  };

  return classes[class]();
}

static mps_fmt_t fmt_of(const Realm *realm, Class class)
{
  switch (class) {
  case CLASS_AMC:
    return realm->fmt;
  case CLASS_AMCZ:
    return realm->leaf_fmt;
  case CLASS_LO:
    return realm->stay_leaf_fmt;
  case CLASS_AMS:
  case CLASS_AMS_AMBIG:
    return realm->stay_fmt;
  case CLASS_AWL:
    return realm->awl_fmt;
  case CLASS_AEPH:
    return realm->eph_fmt;
  default:
    return NULL;
  }
}

/* With allocation points */
static mps_res_t place_ap_pool(Realm *realm, Place *place)
{
  const Config *config = realm->config;
  Chance *chance = &realm->chance;
  bool is_default = realm->chain == NULL || chance_once_in(chance, 3);
  size_t gens = is_default ? 2 : (size_t)config->gens;
  unsigned gen = (unsigned)chance_below(chance, gens + 1);
  bool has_gen = !class_moves(place->class) && chance_once_in(chance, 2);
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, place->fmt);
    if (has_gen)
      MPS_ARGS_ADD(args, MPS_KEY_GEN, gen);
    if (!is_default)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, realm->chain);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, place->is_interior);
    if (config->extend_by > 0)
      MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, (size_t)config->extend_by);
    if (config->large_size > 0)
      MPS_ARGS_ADD(args, MPS_KEY_LARGE_SIZE, (size_t)config->large_size);
    MPS_ARGS_ADD(args, MPS_KEY_AMS_SUPPORT_AMBIGUOUS, place->takes_ambig);
    if (place->class == CLASS_AWL)
      MPS_ARGS_ADD(args, MPS_KEY_AWL_FIND_DEPENDENT, find_dependent);
    res = mps_pool_create_k(&place->pool, realm->arena, class_of(place->class),
                            args);
  }
  MPS_ARGS_END(args);
  return res;
}

static mps_res_t place_blk_pool(Realm *realm, Place *place)
{
  Chance *chance = &realm->chance;
  size_t extend = (size_t)4096 << chance_below(chance, 7);
  size_t unit = (size_t)16 << chance_below(chance, 4);
  size_t threshold = chance_below(chance, 3) << 14;
  size_t stack = chance_below(chance, 3);
  double headroom = (double)chance_below(chance, 4) / 5;
  bool is_default = realm->chain == NULL || chance_once_in(chance, 2);
  size_t gens = is_default ? 2 : (size_t)realm->config->gens;
  unsigned gen = (unsigned)chance_below(chance, gens + 1);
  bool has_gen = chance_once_in(chance, 3);
  bool has_poison = chance_once_in(chance, 3);
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, extend);
    if (!is_default)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, realm->chain);
    if (has_gen)
      MPS_ARGS_ADD(args, MPS_KEY_GEN, gen);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_SIZE, unit);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, place->is_interior);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_HEADROOM, headroom);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_POISON, has_poison);
    MPS_ARGS_ADD(args, MPS_KEY_BLK_LAYOUT, place->class == CLASS_BLK_LAYOUT);
    if (threshold > 0)
      MPS_ARGS_ADD(args, MPS_KEY_BLK_THRESHOLD, threshold);
    if (stack > 0)
      MPS_ARGS_ADD(args, MPS_KEY_BLK_MARK_STACK, stack);
    res = mps_pool_create_k(&place->pool, realm->arena, mps_class_blk(), args);
  }
  MPS_ARGS_END(args);
  return res;
}

static mps_res_t place_manual_pool(Realm *realm, Place *place)
{
  Chance *chance = &realm->chance;
  size_t extend = (size_t)4096 << chance_below(chance, 5);
  bool high = chance_once_in(chance, 2), first = chance_once_in(chance, 2);
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, extend);
    if (place->class == CLASS_MFS) {
      MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, (size_t)MFS_UNIT);
    } else {
      MPS_ARGS_ADD(args, MPS_KEY_MVFF_SLOT_HIGH, high);
      MPS_ARGS_ADD(args, MPS_KEY_MVFF_FIRST_FIT, first);
      MPS_ARGS_ADD(args, MPS_KEY_SPARE, (double)chance_below(chance, 3) / 2);
    }
    res = mps_pool_create_k(&place->pool, realm->arena, class_of(place->class),
                            args);
  }
  MPS_ARGS_END(args);
  return res;
}

/* Make the pool of a class. */
static bool place_create(Realm *realm, Class class)
{
  Place *place = &realm->place[class];
  const Config *config = realm->config;
  mps_res_t res;

  place->class = class;
  place->fmt = fmt_of(realm, class);
  place->takes_ambig = class != CLASS_AMS || is_threaded(realm);
  place->is_interior = class_moves(class) ? config->interior == 1
                       : class_is_blk(class)
                           ? config->interior == 1 || config->header > 0
                           : false;
  if (class_has_aps(class))
    res = place_ap_pool(realm, place);
  else if (class_is_blk(class))
    res = place_blk_pool(realm, place);
  else
    res = place_manual_pool(realm, place);
  if (!went_well(realm, "pool", res)) {
    place->pool = NULL;
    return false;
  }
  ++place->generation;
  ++realm->pools;
  return true;
}

/* All classes, or all but a few */
static bool realm_places(Realm *realm)
{
  bool is_whole = chance_once_in(&realm->chance, 2);
  size_t class;

  for (class = 0; class < CLASS_LIMIT; ++class) {
    bool is_left_out = chance_once_in(&realm->chance, 4);
    if (!is_whole && is_left_out && class != CLASS_AMC)
      continue;
    if (!place_create(realm, (Class) class))
      return false;
  }
  return true;
}

static bool realm_create(Realm *realm, const Config *config)
{
  pthread_rwlockattr_t attr;

  memset(realm, 0, sizeof *realm);
  realm->config = config;
  realm->chance.state = chance_mix((uint64_t)config->seed ^ 0x776f726c64u);
  realm->is_limited = config->commit_limit > 0;
  realm->has_tables = chance_once_in(&realm->chance, 2);
  format.header = (size_t)config->header;
  format.align = (size_t)config->align;
  format.tag = 0;
  pthread_rwlockattr_init(&attr);
  pthread_rwlockattr_setkind_np(&attr,
                                PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  EXPECT(pthread_rwlock_init(&realm->gate, &attr) == 0);
  return went_well(realm, "arena", realm_arena(realm)) && realm_fmts(realm)
         && realm_chain(realm) && realm_places(realm);
}

static void fmt_end(mps_fmt_t fmt)
{
  if (fmt != NULL)
    mps_fmt_destroy(fmt);
}

static void realm_destroy(Realm *realm)
{
  size_t i;

  pthread_rwlock_destroy(&realm->gate);
  if (realm->arena == NULL)
    return;
  mps_arena_park(realm->arena);
  for (i = 0; i < CLASS_LIMIT; ++i)
    if (realm->place[i].pool != NULL)
      mps_pool_destroy(realm->place[i].pool);
  if (realm->chain != NULL)
    mps_chain_destroy(realm->chain);
  fmt_end(realm->fmt);
  fmt_end(realm->leaf_fmt);
  fmt_end(realm->stay_fmt);
  fmt_end(realm->stay_leaf_fmt);
  fmt_end(realm->awl_fmt);
  fmt_end(realm->eph_fmt);
  mps_arena_destroy(realm->arena);
}

static void realm_expect_sizes(const Realm *realm)
{
  mps_arena_t arena = realm->arena;
  size_t i;

  EXPECT(mps_arena_spare_committed(arena) <= mps_arena_committed(arena));
  EXPECT(mps_arena_committed(arena) <= mps_arena_reserved(arena));
  EXPECT(mps_arena_committed(arena) <= mps_arena_commit_limit(arena));
  for (i = 0; i < CLASS_LIMIT; ++i)
    if (realm->place[i].pool != NULL)
      EXPECT(mps_pool_free_size(realm->place[i].pool)
             <= mps_pool_total_size(realm->place[i].pool));
}

#endif /* FUZZ_NETPOOL_H */
