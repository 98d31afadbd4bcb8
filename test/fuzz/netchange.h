/* netchange.h -- blocks freed and resized by hand, pools that come and go
 *
 * Design: .fuzz.net.pools (design/fuzz.rst).
 */

#ifndef FUZZ_NETCHANGE_H
#define FUZZ_NETCHANGE_H

#include "netfinal.h"
#include "netroots.h"

/* Holding the other mutators off */

static void gate_close(Player *p)
{
  if (is_threaded(p->realm))
    pthread_rwlock_wrlock(&p->realm->gate);
}

static void gate_open(Player *p)
{
  if (is_threaded(p->realm))
    pthread_rwlock_unlock(&p->realm->gate);
}


/* Freeing blocks, and changing their sizes, by hand */

/* May all references to it be made null?  Not those of what hasn't been
 * seen, or of tables with weak keys. */
static bool may_cut_off(const Net *net, const Node *node)
{
  const Node *from;
  size_t i;

  /* Messages about it may be under way, unless it's alive. */
  if (node->seen != net->seen
      || (node->registrations > 0
          && (node->is_loose || !node_is_live(net, node))))
    return false;
  for (from = net->nodes; from != NULL; from = from->next)
    for (i = 0; i < from->refs; ++i)
      if (from->ref[i] == node
          && (from->seen != net->seen || from->has_dependent
              || from->is_dependent))
        return false;
  return true;
}

static void cut_off_roots(Net *net, const Node *node)
{
  size_t t, i;

  for (t = 0; t < ROOT_TABLES; ++t)
    for (i = 0; net->roots[t].slot != NULL && i < ROOT_SLOTS; ++i)
      if (net->roots[t].node[i] == node) {
        net->roots[t].slot[i] = 0;
        net->roots[t].node[i] = NULL;
      }
}

static void cut_off(Net *net, const Node *node)
{
  Node *from;
  size_t i;

  for (from = net->nodes; from != NULL; from = from->next)
    for (i = 0; i < from->refs; ++i)
      if (from->ref[i] == node)
        set_reference(net, from, from->addr, i, NULL, NULL);
  cut_off_roots(net, node);
}

static void net_remove(Net *net, Node *node)
{
  Node **link = &net->nodes;

  while (*link != node)
    link = &(*link)->next;
  *link = node->next;
  net_free(net, node);
}

/* A random block that was seen */
static Node *choose_block(Player *p)
{
  Node *node, *chosen = NULL;
  size_t n = 0;

  for (node = p->net->nodes; node != NULL; node = node->next)
    if (class_is_blk(node->place->class) && node->seen == p->net->seen
        && chance_once_in(&p->chance, ++n))
      chosen = node;
  return chosen;
}

/* Ambiguous roots name the beginning of an object that may shrink. */
static void name_beginning(Net *net, const Node *node)
{
  size_t t, i;

  for (t = 0; t < ROOT_TABLES; ++t)
    for (i = 0; net->roots[t].slot != NULL && i < ROOT_SLOTS; ++i)
      if (net->roots[t].node[i] == node) {
        ((volatile Word *)net->roots[t].slot)[i] -= net->roots[t].offset[i];
        net->roots[t].offset[i] = 0;
      }
}

static void resize(Player *p, Node *node)
{
  mps_addr_t block = block_of(node->addr), at = block;
  size_t size = choose_size(p);
  size_t least = (first_reference() + node->refs + 1) * WORD_SIZE;
  mps_res_t res;

  if (size < least
      || (node->place->class == CLASS_BLK_LAYOUT && size > node->size))
    return;
  name_beginning(p->net, node);
  res = mps_blk_realloc(&at, node->place->pool, size, 0);
  if (res != MPS_RES_FAIL && !went_well(p->realm, "realloc", res))
    return;
  EXPECT(at == block);
  if (res != MPS_RES_OK)
    return;
  if (size > node->size)
    memset((char *)block + node->size, 0, size - node->size);
  p->net->bytes += size - node->size;
  node->size = size;
  node->decoy = 0;
  node_write(node, block);
}

static void op_block(Player *p)
{
  Node *node;

  gate_close(p);
  net_verify(p->net);
  node = choose_block(p);
  if (node != NULL && chance_once_in(&p->chance, 2)) {
    resize(p, node);
  } else if (node != NULL && may_cut_off(p->net, node)) {
    cut_off(p->net, node);
    mps_blk_free(node->place->pool, block_of(node->addr));
    net_remove(p->net, node);
    ++p->counts.freed;
  }
  gate_open(p);
}


/* A pool goes, with objects in it, and another one comes. */

static bool is_in(const Node *node, const Place *place)
{
  return node != NULL && node->place == place;
}

/* Nothing but roots and its own objects may refer to the pool any more. */
static void close_off(Net *net, const Place *place)
{
  Node *from;
  size_t i;

  for (from = net->nodes; from != NULL; from = from->next)
    for (i = 0; i < from->refs; ++i)
      if (from->place != place && is_in(from->ref[i], place))
        set_reference(net, from, from->addr, i, NULL, NULL);
}

/* Tables with weak keys would have to be cut together: those are emptied. */
static void empty_tables(Net *net)
{
  Node *keys;
  size_t i;

  for (keys = net->nodes; keys != NULL; keys = keys->next) {
    Node *values = keys->has_dependent ? keys->ref[0] : NULL;
    for (i = 1; values != NULL && i < keys->refs; ++i) {
      set_reference(net, keys, keys->addr, i, NULL, NULL);
      set_reference(net, values, values->addr, i, NULL, NULL);
    }
  }
}

static void forget_pool(Net *net, const Place *place)
{
  Node **link = &net->nodes, *node;
  size_t t, i;

  for (t = 0; t < ROOT_TABLES; ++t)
    for (i = 0; net->roots[t].slot != NULL && i < ROOT_SLOTS; ++i)
      if (is_in(net->roots[t].node[i], place)) {
        ((volatile Word *)net->roots[t].slot)[i] = 0;
        net->roots[t].node[i] = NULL;
      }
  while ((node = *link) != NULL) {
    if (node->place != place) {
      link = &node->next;
      continue;
    }
    *link = node->next;
    net_free(net, node);
  }
}

static bool ap_create(Player *p, Place *place, Edges edges, mps_rank_t rank)
{
  Ap *ap = &p->ap[p->aps];
  mps_res_t res;

  EXPECT(p->aps < APS_MAX);
  memset(ap, 0, sizeof *ap);
  ap->place = place;
  ap->edges = edges;
  MPS_ARGS_BEGIN(args)
  {
    if (!class_moves(place->class) && !class_is_leaf(place->class))
      MPS_ARGS_ADD(args, MPS_KEY_RANK, rank);
    res = mps_ap_create_k(&ap->ap, place->pool, args);
  }
  MPS_ARGS_END(args);
  if (!went_well(p->realm, "ap", res))
    return false;
  ++p->aps;
  return true;
}

/* For each kind of references that objects of the pool may have */
static bool aps_create(Player *p, Place *place)
{
  Edges edges = class_is_leaf(place->class) ? EDGES_NONE : EDGES_STRONG;

  if (place->pool == NULL || !class_has_aps(place->class))
    return true;
  if (!ap_create(p, place, edges, mps_rank_exact()))
    return false;
  switch (place->class) {
  case CLASS_AMS_AMBIG:
    return ap_create(p, place, EDGES_AMBIG, mps_rank_ambig());
  case CLASS_AWL:
    return ap_create(p, place, EDGES_WEAK, mps_rank_weak());
  case CLASS_AEPH:
    return ap_create(p, place, EDGES_PAIRS, mps_rank_ephemeron())
           && ap_create(p, place, EDGES_WEAK_PAIRS, mps_rank_weak());
  default:
    return true;
  }
}

static void aps_destroy(Player *p, const Place *place)
{
  size_t i, n = 0;

  for (i = 0; i < p->aps; ++i)
    if (place == NULL || p->ap[i].place == place)
      mps_ap_destroy(p->ap[i].ap);
    else
      p->ap[n++] = p->ap[i];
  p->aps = n;
}

static void forget_manual(Player *p, const Place *place)
{
  size_t i;

  for (i = 0; i < JUNK; ++i)
    if (p->junk[i].place == place) {
      junk_check(&p->junk[i]);
      p->junk[i].place = NULL;
    }
  for (i = 0; i < ROOT_TABLES; ++i)
    if (p->net->roots[i].place == place)
      roots_destroy(&p->net->roots[i]);
}

static bool has_dead_messages(const Net *net)
{
  const Node *node;

  for (node = net->nodes; node != NULL; node = node->next)
    if (node->seen != net->seen)
      return true;
  return false;
}

/* Only where all garbage is known to be gone: it might refer to the pool. */
static void op_pool(Player *p)
{
  Class class = (Class)chance_below(&p->chance, CLASS_LIMIT);
  Place *place = &p->realm->place[class];

  if (!may_be_exact(p) || place->pool == NULL || class == CLASS_AMC)
    return;
  close_all(p);
  if (!may_be_exact(p))
    return;
  quiet(p, false);
  if (has_dead_messages(p->net))
    return;
  empty_tables(p->net);
  close_off(p->net, place);
  quiet(p, false);
  forget_pool(p->net, place);
  forget_manual(p, place);
  aps_destroy(p, place);
  mps_pool_destroy(place->pool);
  net_verify(p->net);
  ++p->counts.pools;
  if (place_create(p->realm, class))
    EXPECT(aps_create(p, place));
  mps_arena_release(p->realm->arena);
}

#endif /* FUZZ_NETCHANGE_H */
