/* netfinal.h -- finalization in nets, and what must be gone
 *
 * What isn't alive and is registered gets its messages, and nothing else
 * does, but for what the client took back while they were under way.  Where
 * nothing can keep an object by accident, all that the model finds dead must
 * be gone after a few full collections.
 *
 * Design: .fuzz.net (design/fuzz.rst).
 */

#ifndef FUZZ_NETFINAL_H
#define FUZZ_NETFINAL_H

#include "netplay.h"

enum {
  INBOX = 1 << 16,
  QUIET_ROUNDS = 100
};

/* Messages that a thread got about another one's objects */
typedef struct Inbox {
  pthread_mutex_t mutex;
  size_t count;
  Word serial[INBOX];
} Inbox;

static Inbox inbox[NETS_MAX];

/* A block is registered by its first address; the others as they're known. */
static mps_addr_t registered_address(const Node *node, mps_addr_t client)
{
  return class_is_blk(node->place->class) ? block_of(client) : client;
}

static void final_register(Player *p, Node *node)
{
  mps_addr_t ref = registered_address(node, p->hand[0]);

  if (!went_well(p->realm, "finalize", mps_finalize(p->realm->arena, &ref)))
    return;
  ++p->counts.finalized;
  p->net->registered += node->registrations++ == 0;
}

static void final_count_down(Net *net, Node *node)
{
  if (--node->registrations > 0)
    return;
  --net->registered;
  node->is_loose = false;
}

static void final_withdraw(Player *p, Node *node)
{
  mps_addr_t ref = registered_address(node, p->hand[0]);
  mps_res_t res = mps_definalize(p->realm->arena, &ref);

  if (!node->is_loose)
    EXPECT(res == (node->registrations > 0 ? MPS_RES_OK : MPS_RES_FAIL));
  if (res != MPS_RES_OK)
    return;
  EXPECT(node->registrations > 0);
  final_count_down(p->net, node);
}

static void op_final(Player *p)
{
  Node *node = walk(p, 0);
  size_t n = 1 + chance_below(&p->chance, 6);

  if (node == NULL || p->realm->config->final != 1)
    return;
  if (n > 4)
    final_withdraw(p, node);
  else
    for (n = n < 4 ? 1 : n; n > 0; --n)
      final_register(p, node);
}


/* Messages */

static Node *final_expect(Player *p, Word serial)
{
  Net *net = p->net;
  Node *node = net_find(net, serial);

  if (node == NULL || node->registrations == 0)
    fail("a message too many, about object %lx", (unsigned long)serial);
  if (node->is_loose || (net->has_dependents && is_threaded(p->realm)))
    return node;
  net_reckon(net);
  if (net->has_dependents)
    net_verify(net); /* values may be gone */
  if (node_is_live(net, node))
    fail("a message about %s object %lx, which is alive", node_class(node),
         (unsigned long)serial);
  return node;
}

static void final_revive(Player *p, Node *node)
{
  Roots *roots = strong_roots(p);

  if (roots == NULL)
    return;
  ++p->counts.revived;
  net_loosen(p->net, node);
  roots_set(p, roots, chance_below(&p->chance, ROOT_SLOTS), node, p->hand[1]);
}

static void final_own(Player *p, Word serial, bool may_revive)
{
  Node *node = final_expect(p, serial);

  node_expect_words(node, p->hand[1]);
  if (may_revive && chance_once_in(&p->chance, 3))
    final_revive(p, node);
  final_count_down(p->net, node);
}

static void final_post(Word serial)
{
  Inbox *box = &inbox[serial >> OWNER_SHIFT];

  EXPECT(serial >> OWNER_SHIFT < NETS_MAX);
  pthread_mutex_lock(&box->mutex);
  EXPECT(box->count < INBOX);
  box->serial[box->count++] = serial;
  pthread_mutex_unlock(&box->mutex);
}

static void final_take_post(Player *p)
{
  Inbox *box = &inbox[p->number];

  pthread_mutex_lock(&box->mutex);
  while (box->count > 0) {
    Node *node = final_expect(p, box->serial[--box->count]);
    final_count_down(p->net, node);
  }
  pthread_mutex_unlock(&box->mutex);
}

/* The client's pointer of what a message is about */
static mps_addr_t final_client(const Player *p, mps_addr_t ref)
{
  mps_pool_t pool = NULL;
  size_t i;

  EXPECT(mps_addr_pool(&pool, p->realm->arena, ref));
  for (i = CLASS_BLK; i <= CLASS_BLK_LAYOUT; ++i)
    if (p->realm->place[i].pool == pool)
      return client_of(ref);
  return ref;
}

static void final_message(Player *p, mps_message_t message, bool may_revive)
{
  mps_addr_t ref = NULL;
  Word serial;

  mps_message_finalization_ref(&ref, p->realm->arena, message);
  EXPECT(ref != NULL);
  hold(p, 1, final_client(p, ref));
  serial = block_of(p->hand[1])[AT_SERIAL];
  ++p->counts.told;
  if (serial >> OWNER_SHIFT == p->number)
    final_own(p, serial, may_revive);
  else
    final_post(serial);
}

/* Returns how many objects there were messages about. */
static size_t drain(Player *p, bool may_revive)
{
  mps_arena_t arena = p->realm->arena;
  mps_message_type_t type;
  mps_message_t message;
  size_t told = 0;

  while (mps_message_queue_type(&type, arena)) {
    if (!mps_message_get(&message, arena, type)) {
      EXPECT(is_threaded(p->realm)); /* another thread was faster */
      continue;
    }
    EXPECT(mps_message_type(arena, message) == type);
    if (type == mps_message_type_finalization()) {
      final_message(p, message, may_revive);
      ++told;
    }
    mps_message_discard(arena, message);
  }
  final_take_post(p);
  return told;
}

static void op_drain(Player *p)
{
  (void)drain(p, true);
}


/* Looking at everything there is */

typedef struct Audit {
  Player *p;
  Node **table; /* live nodes by serial number */
  size_t size;  /* a power of two */
  size_t met;
} Audit;

static void audit_enter(Audit *audit, Node *node)
{
  size_t i = node->serial & (audit->size - 1);

  while (audit->table[i] != NULL)
    i = (i + 1) & (audit->size - 1);
  audit->table[i] = node;
}

static Node *audit_find(const Audit *audit, Word serial)
{
  size_t i = serial & (audit->size - 1);

  while (audit->table[i] != NULL && audit->table[i]->serial != serial)
    i = (i + 1) & (audit->size - 1);
  return audit->table[i];
}

static void audit_begin(Audit *audit, Player *p)
{
  Net *net = p->net;
  Node *node;

  audit->p = p;
  audit->met = 0;
  for (audit->size = 64; audit->size < 2 * net->count;)
    audit->size *= 2;
  audit->table = calloc(audit->size, sizeof audit->table[0]);
  EXPECT(audit->table != NULL);
  for (node = net->nodes; node != NULL; node = node->next)
    if (node_is_live(net, node))
      audit_enter(audit, node);
  ++net->walked;
}

/* A walk has found an object. */
static void audit_meet(Audit *audit, mps_addr_t client, mps_pool_t pool)
{
  const Word *block = block_of(client);
  Word serial = block[AT_SERIAL];
  Net *net = audit->p->net;
  Node *node;

  if (serial >> OWNER_SHIFT != audit->p->number)
    return;
  node = audit_find(audit, serial);
  if (node == NULL) {
    if (net->is_exact)
      fail("%s object %lx at %p is still there",
           pool_name(audit->p->realm, pool), (unsigned long)serial, client);
    return;
  }
  EXPECT(node->addr == client);
  EXPECT(node->place->pool == pool);
  if (node->walked == net->walked)
    fail("object %lx was met twice", (unsigned long)serial);
  node->walked = net->walked;
  ++audit->met;
}

static void audit_object(mps_addr_t client, mps_fmt_t fmt, mps_pool_t pool,
                         void *closure, size_t s)
{
  const Word *block = block_of(client);

  EXPECT(s == 7);
  expect_block(block, "walk");
  EXPECT(info_kind(block[AT_INFO]) != KIND_FWD);
  if (info_kind(block[AT_INFO]) != KIND_PAD)
    audit_meet(closure, client, pool);
}

static mps_pool_t audit_pool;

static void audit_block(mps_addr_t base, size_t size, unsigned state,
                        unsigned flags, void *closure)
{
  const Word *block = base;

  EXPECT(state != MPS_BLK_STATE_MARK && state != MPS_BLK_STATE_TAIL);
  if (state != MPS_BLK_STATE_HEAD)
    return;
  EXPECT(size >= info_size(block[AT_INFO]));
  EXPECT((flags & MPS_BLK_LEAF) == 0
         || info_kind(block[AT_INFO]) == KIND_LEAF);
  audit_meet(closure, client_of(block), audit_pool);
}

/* All live nodes are found by walks, once each; and if everything else is
 * gone, no others. */
static void audit_walk(Player *p)
{
  Realm *realm = p->realm;
  size_t i, live = 0;
  const Node *node;
  Audit audit;

  audit_begin(&audit, p);
  mps_arena_formatted_objects_walk(realm->arena, audit_object, &audit, 7);
  for (i = CLASS_BLK; i <= CLASS_BLK_LAYOUT; ++i)
    if (realm->place[i].pool != NULL) {
      audit_pool = realm->place[i].pool;
      mps_blk_walk(audit_pool, audit_block, &audit);
      EXPECT(mps_blk_check(audit_pool));
    }
  for (node = p->net->nodes; node != NULL; node = node->next) {
    live += node_is_live(p->net, node);
    if (node_is_live(p->net, node) && node->walked != p->net->walked)
      fail("%s object %lx at %p wasn't met", node_class(node),
           (unsigned long)node->serial, node->addr);
  }
  EXPECT(live == audit.met);
  free(audit.table);
}

static mps_res_t walk_area(mps_ss_t ss, void *base, void *limit, void *closure)
{
  const Place *place = closure;

  if (class_is_blk(place->class))
    return mps_scan_area(ss, base, limit, NULL);
  if (class_is_leaf(place->class))
    return MPS_RES_OK;
  return format_scan_with(ss, base, limit, format_scan_object);
}

static void walk_root_ref(mps_addr_t *ref, mps_root_t root, void *closure,
                          size_t s)
{
  EXPECT(*ref != NULL && root != NULL && s == 9);
  ++*(size_t *)closure;
}

static void audit_queries(Player *p, const Node *node)
{
  mps_arena_t arena = p->realm->arena;
  size_t inside = node->size - format.header;
  mps_addr_t at
      = (mps_addr_t)((Word)node->addr + chance_below(&p->chance, inside)),
      object = NULL;
  mps_pool_t pool = NULL;
  mps_fmt_t fmt = NULL;
  mps_res_t res;

  EXPECT(mps_arena_has_addr(arena, at));
  EXPECT(mps_addr_pool(&pool, arena, at) && pool == node->place->pool);
  EXPECT((mps_addr_fmt(&fmt, arena, at) != 0) == (node->place->fmt != NULL));
  EXPECT(fmt == node->place->fmt);
  res = mps_addr_object(&object, arena, at);
  if (res != MPS_RES_UNIMPL)
    EXPECT(res == MPS_RES_OK
           && object == registered_address(node, node->addr));
}

/* The arena is parked, and all that is alive has been seen. */
static void audit(Player *p)
{
  Realm *realm = p->realm;
  const Node *node;
  size_t i, refs = 0, slots = 0;

  audit_walk(p);
  for (i = 0; i < CLASS_LIMIT; ++i)
    if (realm->place[i].pool != NULL && !class_is_manual((Class)i))
      EXPECT(mps_pool_walk(realm->place[i].pool, walk_area, &realm->place[i])
             == MPS_RES_OK);
  mps_arena_roots_walk(realm->arena, walk_root_ref, &refs, 9);
  for (i = 0; i < ROOT_TABLES * ROOT_SLOTS; ++i)
    slots += p->net->roots[i / ROOT_SLOTS].slot != NULL
             && p->net->roots[i / ROOT_SLOTS].edges == EDGES_STRONG
             && p->net->roots[i / ROOT_SLOTS].node[i % ROOT_SLOTS] != NULL;
  EXPECT(refs >= slots);
  for (node = p->net->nodes, i = 0; node != NULL && i < 50;
       node = node->next, ++i)
    if (node_is_live(p->net, node))
      audit_queries(p, node);
}


/* Nothing may be left but what is alive. */

static bool may_be_exact(const Player *p)
{
  const Place *place = p->realm->place;

  /* Dead objects with ambiguous references may keep others, and those keep
   * them, where there are no blocks (.trace.ambig). */
  if (place[CLASS_AMS_AMBIG].pool != NULL && place[CLASS_BLK].pool == NULL)
    return false;
  return p->realm->config->stack == 0 && !is_threaded(p->realm)
         && !p->realm->is_limited && !p->realm->is_left && !p->is_child;
}

static size_t count_live(const Net *net)
{
  const Node *node;
  size_t live = 0;

  for (node = net->nodes; node != NULL; node = node->next)
    live += node_is_live(net, node);
  return live;
}

static void collect_all(Player *p)
{
  ++p->counts.collects;
  EXPECT(mps_arena_collect(p->realm->arena) == MPS_RES_OK);
}

/* Collect until nothing more dies.  A value that goes with its key is found
 * dead by the next collection, so a chain of them takes one for each. */
static void quiet(Player *p, bool may_revive)
{
  size_t round, told, live, before = SIZE_MAX;

  clear_noise(p->net);
  for (round = 0; round < QUIET_ROUNDS; ++round) {
    collect_all(p);
    told = drain(p, may_revive && round == 0);
    net_verify(p->net);
    live = count_live(p->net);
    if (told == 0 && live == before)
      return;
    before = live;
  }
  fail("things still die after %d collections", QUIET_ROUNDS);
}

static void expect_told(const Net *net)
{
  const Node *node;

  for (node = net->nodes; node != NULL; node = node->next)
    if (node->registrations > 0 && !node_is_live(net, node))
      fail("no message about %s object %lx, which is dead", node_class(node),
           (unsigned long)node->serial);
}

static void exact(Player *p, bool may_revive)
{
  quiet(p, may_revive);
  p->net->is_exact = true;
  net_verify(p->net);
  expect_told(p->net);
  audit(p);
  p->net->is_exact = false;
  ++p->counts.exacts;
}

#endif /* FUZZ_NETFINAL_H */
