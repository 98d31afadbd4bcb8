/* netplay.h -- what a mutator does to the objects of its net
 *
 * Every operation changes the objects and the model alike.  What it works
 * with is in its hands, words on the stack, so that a stack root keeps it in
 * place; without one it doesn't allocate while it holds anything.
 *
 * Design: .fuzz.net, .fuzz.hands (design/fuzz.rst).
 */

#ifndef FUZZ_NETPLAY_H
#define FUZZ_NETPLAY_H

#include "netpool.h"

enum {
  HANDS = 4,
  APS_MAX = 12,
  JUNK = 24,
  ROOT_BYTES = 4096
};

typedef struct Ap {
  mps_ap_t ap;
  Place *place;
  Edges edges;      /* of its objects */
  bool is_open;     /* is there a block reserved? */
  mps_addr_t block; /* it */
  size_t size;      /* its size */
  Word junk;        /* what the open block is filled from */
  int ramps;        /* patterns begun */
} Ap;

/* A manual block, which holds no references */
typedef struct Junk {
  Place *place;
  mps_addr_t block;
  size_t size;
  Word seed;
} Junk;

typedef struct Counts {
  unsigned long ops, objects, bytes, verified, failed_commits, refused, links,
      collects, exacts, audits, weak_cut, finalized, told, revived, freed,
      pools, forks, roots;
} Counts;

typedef struct Player {
  Realm *realm;
  Net *net;
  unsigned long number;
  Chance chance;
  volatile mps_addr_t hand[HANDS]; /* client pointers in use */
  mps_thr_t thr;
  mps_root_t root;
  size_t aps;
  Ap ap[APS_MAX];
  Junk junk[JUNK];
  unsigned long unverified; /* operations since the last walk */
  bool is_child;            /* of a fork: nothing may be taken for granted */
  Counts counts;
} Player;


/* Hands, and walks from a root along references */

static mps_addr_t hold(Player *p, size_t hand, mps_addr_t client)
{
  p->hand[hand] = client;
  return client;
}

static bool is_lasting(Edges edges)
{
  return edges == EDGES_STRONG || edges == EDGES_AMBIG;
}

static Node *walk_root(Player *p, size_t hand)
{
  Net *net = p->net;
  size_t tries;

  for (tries = 0; tries < 6; ++tries) {
    Roots *roots = &net->roots[chance_below(&p->chance, ROOT_TABLES)];
    size_t i = chance_below(&p->chance, ROOT_SLOTS);
    Word slot;
    if (roots->slot == NULL || roots->node[i] == NULL)
      continue;
    slot = ((volatile Word *)roots->slot)[i];
    if (slot == 0 && roots->edges == EDGES_WEAK)
      continue;
    node_expect(roots->node[i],
                hold(p, hand, (mps_addr_t)(slot - roots->offset[i])));
    if (roots->edges == EDGES_WEAK)
      net_loosen(net, roots->node[i]);
    return roots->node[i];
  }
  return NULL;
}

/* One step on; the same node if there is no reference. */
static Node *walk_on(Player *p, Node *node, size_t hand)
{
  size_t i = chance_below(&p->chance, node->refs);
  Node *to = node->ref[i];
  Word slot;

  if (to == NULL)
    return node;
  slot = ((volatile Word *)block_of(p->hand[hand]))[first_reference() + i];
  if (slot == 0) {
    EXPECT(!is_lasting(node->edges) || node->is_dependent);
    return node;
  }
  node_expect(to, hold(p, hand, decode_slot(slot)));
  if (!is_lasting(node->edges))
    net_loosen(p->net, to);
  return to;
}

/* The node whose address is in the hand then, or null */
static Node *walk(Player *p, size_t hand)
{
  size_t steps = chance_below(&p->chance, 8);
  Node *node = walk_root(p, hand);

  while (node != NULL && steps-- > 0 && node->refs > 0)
    node = walk_on(p, node, hand);
  return node;
}

static Node *walk_to_object(Player *p, size_t hand)
{
  size_t tries;

  for (tries = 0; tries < 5; ++tries) {
    Node *node = walk(p, hand);
    if (node != NULL && node->refs > (size_t)node->has_dependent
        && !node->is_dependent)
      return node;
  }
  return NULL;
}


/* Writing references */

static bool may_refer(Edges edges, const Node *to)
{
  return edges != EDGES_AMBIG || to == NULL || to->place->takes_ambig;
}

/* A dead pair that is written to may live again, as a whole. */
static void set_reference(Net *net, Node *node, mps_addr_t client, size_t i,
                          Node *to, mps_addr_t to_client)
{
  volatile Word *slot = &block_of(client)[first_reference() + i];
  size_t other = i ^ 1;

  if (node->edges == EDGES_PAIRS && other < node->refs
      && node->ref[other] != NULL)
    net_loosen(net, node->ref[other]);

  *slot = encode_slot(to_client);
  node->ref[i] = to;
  /* The pair may have died before, which the model hasn't heard of. */
  if ((node->edges == EDGES_PAIRS || node->edges == EDGES_WEAK_PAIRS)
      && other < node->refs && slot[(long)other - (long)i] == 0)
    node->ref[other] = NULL;
}

/* A key, in hand 1, with itself or what is in hand 2 as its value
 *
 * The key comes first: a collection in between that finds the old one dead
 * would clear the new value. */
static void set_key(Player *p, Node *keys, size_t i, Node *key, Node *value)
{
  Node *values = keys->ref[0];
  Word slot = ((volatile Word *)block_of(p->hand[0]))[first_reference()];

  if (values == NULL || slot == 0)
    return;
  node_expect(values, hold(p, 3, decode_slot(slot)));
  net_loosen(p->net, values);
  set_reference(p->net, keys, p->hand[0], i, key,
                key != NULL ? p->hand[1] : NULL);
  set_reference(p->net, values, p->hand[3], i, value,
                value != NULL ? p->hand[2] : NULL);
}

/* Let node, in hand 0, refer to what is in hand 1, or to nothing. */
static void set_any(Player *p, Node *node, size_t i, Node *to)
{
  Node *value = NULL;

  if (!may_refer(node->edges, to))
    return;
  if (!node->has_dependent) {
    set_reference(p->net, node, p->hand[0], i, to,
                  to != NULL ? p->hand[1] : NULL);
    return;
  }
  if (i == 0)
    return;
  if (to != NULL)
    value = walk(p, 2);
  if (to != NULL && value == NULL) {
    value = to;
    hold(p, 2, p->hand[1]);
  }
  set_key(p, node, i, to, value);
}

static size_t choose_reference(Player *p, const Node *node)
{
  size_t tries, i = 0;

  for (tries = 0; tries < 4; ++tries) {
    i = chance_below(&p->chance, node->refs);
    if (node->ref[i] == NULL)
      break;
  }
  return i;
}

static void roots_set(Player *p, Roots *roots, size_t i, Node *node,
                      mps_addr_t client)
{
  const Place *place = node != NULL ? node->place : NULL;
  Word offset = 0;

  if (!may_refer(roots->edges, node))
    return;
  if (roots->edges == EDGES_AMBIG && node != NULL && place->is_interior
      && chance_once_in(&p->chance, 3))
    offset = chance_below(&p->chance, node->size - format.header);
  ((volatile Word *)roots->slot)[i] = node != NULL ? (Word)client + offset : 0;
  roots->node[i] = node;
  roots->offset[i] = offset;
}

static Roots *choose_roots(Player *p)
{
  return &p->net->roots[chance_below(&p->chance, ROOT_TABLES)];
}

/* Make an object or a root refer to what hand 1 holds. */
static void attach(Player *p, Node *node)
{
  Roots *roots = choose_roots(p);

  if (chance_below(&p->chance, 8) > 0) {
    Node *from = walk_to_object(p, 0);
    if (from != NULL) {
      set_any(p, from, choose_reference(p, from), node);
      return;
    }
  }
  if (roots->slot != NULL)
    roots_set(p, roots, chance_below(&p->chance, ROOT_SLOTS), node,
              p->hand[1]);
}


/* Allocation */

static size_t choose_size(Player *p)
{
  Chance *chance = &p->chance;
  size_t step = format.align;
  size_t least = (first_reference() + 2) * WORD_SIZE, size;

  switch (chance_below(chance, 40)) {
  case 0:
    size = chance_below(chance, 20000);
    break;
  case 1:
    size = 30000 + chance_below(chance, 10000);
    break;
  case 2:
    size = chance_once_in(chance, 8) ? chance_below(chance, 200000) : 64;
    break;
  case 3:
  case 4:
  case 5:
    size = chance_below(chance, 1000);
    break;
  default:
    size = chance_below(chance, 112);
    break;
  }
  least = least < size_min() ? size_min() : least;
  size = (size < least ? least : size) + step - 1;
  return size & ~(step - 1);
}

static size_t choose_refs(Player *p, size_t size, Edges edges)
{
  size_t room = size / WORD_SIZE - first_reference();

  if (edges == EDGES_NONE)
    return 0;
  if (room > 6 && !chance_once_in(&p->chance, 10))
    room = 6;
  if (room > 300)
    room = 300;
  return chance_between(&p->chance, 1, room);
}

static bool reserve(Player *p, Ap *ap, size_t size)
{
  mps_res_t res = mps_reserve(&ap->block, ap->ap, size);

  if (!went_well(p->realm, "reserve", res)) {
    ++p->counts.refused;
    return false;
  }
  EXPECT((Word)ap->block % format.align == 0);
  ap->size = size;
  ap->is_open = true;
  return true;
}

/* What hand 3 holds is the dependent, where there is one. */
static void fill(Player *p, Node *node, Node *dependent, Word *block)
{
  size_t i;

  node_write(node, block);
  for (i = 0; i < node->refs; ++i) {
    Node *to = NULL;
    if (node->has_dependent && i == 0) {
      to = dependent;
      hold(p, 2, p->hand[3]);
    } else if (i < 16 && !node->has_dependent && !node->is_dependent
               && chance_below(&p->chance, 4) > 0) {
      to = walk(p, 2);
      if (!may_refer(node->edges, to))
        to = NULL;
    }
    node->ref[i] = to;
    block[first_reference() + i] = to != NULL ? encode_slot(p->hand[2]) : 0;
  }
}

static void made(Player *p, Node *node)
{
  ++p->counts.objects;
  p->counts.bytes += node->size;
  net_add(p->net, node);
}

/* Initialise the reserved block and commit it; it's in hand 1 then.  False
 * if that failed; then the block and the node are gone. */
static bool commit(Player *p, Ap *ap, Node *node, Node *dependent)
{
  bool is_committed;

  hold(p, 1, client_of(ap->block));
  fill(p, node, dependent, ap->block);
  is_committed = mps_commit(ap->ap, ap->block, ap->size) != 0;
  ap->is_open = false;
  if (is_committed) {
    made(p, node);
    return true;
  }
  EXPECT(!class_is_leaf(ap->place->class));
  ++p->counts.failed_commits;
  p->realm->is_left |= ap->size >= 16384;
  free(node);
  return false;
}

static Node *ap_node(Player *p, const Ap *ap, size_t size)
{
  return net_node(p->net, ap->place, ap->edges, size,
                  choose_refs(p, size, ap->edges));
}

/* Sometimes something happens between reserve and commit. */
static void disturb(Player *p)
{
  if (chance_once_in(&p->chance, 300)) {
    EXPECT(mps_arena_collect(p->realm->arena) == MPS_RES_OK);
    mps_arena_release(p->realm->arena);
  }
  if (chance_once_in(&p->chance, 100))
    (void)mps_arena_step(p->realm->arena, 0.0, 0.0);
}

static Node *make_by_ap(Player *p, Ap *ap)
{
  size_t size = choose_size(p), tries;

  for (tries = 0; tries < 8; ++tries) {
    Node *node;
    if (ap->is_open || !reserve(p, ap, size))
      return NULL;
    disturb(p);
    node = ap_node(p, ap, size);
    if (commit(p, ap, node, NULL))
      return node;
  }
  return NULL;
}

static Word layout_of(const Node *node)
{
  size_t i, words = node->size / WORD_SIZE;
  Word map = 0;

  for (i = 0; i < words; ++i)
    map |= (Word)is_reference(node, i) << i;
  return MPS_BLK_LAYOUT(words, map);
}

/* In the last word of what isn't scanned there's an address that mustn't
 * keep anything. */
static void choose_decoy(Player *p, Node *node)
{
  size_t words = node->size / WORD_SIZE;

  if (words > first_reference() + node->refs && walk(p, 0) != NULL)
    node->decoy = (Word)p->hand[0];
}

/* Where there's no memory to note that, it is scanned like others. */
static bool is_known_leaf(Player *p, const Place *place, mps_addr_t block)
{
  bool is_known = (mps_blk_flags(place->pool, block) & MPS_BLK_LEAF) != 0;

  EXPECT(is_known || p->realm->is_limited || is_threaded(p->realm));
  return is_known;
}

/* Another size, before anything refers to it; it may get another address. */
static void move_block(Player *p, Node *node)
{
  mps_addr_t block = block_of(p->hand[1]);
  size_t size = choose_size(p);
  size_t least = (first_reference() + node->refs + 1) * WORD_SIZE;

  if (size < least
      || !went_well(p->realm, "realloc",
                    mps_blk_realloc(&block, node->place->pool, size, 1)))
    return;
  hold(p, 1, client_of(block));
  if (size >= node->size) {
    node_expect_words(node, p->hand[1]);
    memset((char *)block + node->size, 0, size - node->size);
  }
  node->size = size;
  node->decoy = 0;
  node_write(node, block);
}

static Node *make_block(Player *p, Place *place)
{
  bool is_leaf = chance_once_in(&p->chance, 4);
  bool is_layout = place->class == CLASS_BLK_LAYOUT;
  Edges edges = is_leaf ? EDGES_NONE : EDGES_AMBIG;
  unsigned flags = is_leaf ? MPS_BLK_LEAF : 0;
  size_t size = choose_size(p);
  mps_addr_t block;
  mps_res_t res;
  Node *node;

  if (is_layout && size > LAYOUT_WORDS * WORD_SIZE)
    size = LAYOUT_WORDS * WORD_SIZE;
  node = net_node(p->net, place, edges, size, choose_refs(p, size, edges));
  res = is_layout ? mps_blk_alloc_layout(&block, place->pool, size,
                                         layout_of(node), flags)
                  : mps_blk_alloc(&block, place->pool, size, flags);
  if (!went_well(p->realm, "blk", res)) {
    ++p->counts.refused;
    free(node);
    return NULL;
  }
  hold(p, 1, client_of(block));
  EXPECT(mps_blk_size(place->pool, block) >= size);
  memset(block, 0, size); /* any word of it counts, also if it isn't filled */
  if (is_leaf ? is_known_leaf(p, place, block) : is_layout)
    choose_decoy(p, node);
  fill(p, node, NULL, block);
  if (!is_layout && chance_once_in(&p->chance, 8))
    move_block(p, node);
  made(p, node);
  return node;
}

static Ap *choose_ap(Player *p)
{
  return &p->ap[chance_below(&p->chance, p->aps)];
}

/* Make an object of any class, in hand 1; null if there's no memory. */
static Node *make(Player *p)
{
  Place *place = &p->realm->place[chance_below(&p->chance, CLASS_LIMIT)];

  if (place->pool != NULL && class_is_blk(place->class))
    return make_block(p, place);
  return make_by_ap(p, choose_ap(p));
}

static void op_alloc(Player *p)
{
  Node *node = make(p);

  if (node != NULL)
    attach(p, node);
}

static void op_garbage(Player *p)
{
  size_t i, n = chance_below(&p->chance, 40);

  for (i = 0; i < n; ++i)
    (void)make(p);
}

/* A list through all kinds of objects, newest first, on a root */
static void op_list(Player *p)
{
  size_t i, n = chance_below(&p->chance, 40);
  Roots *roots = choose_roots(p);
  size_t slot = chance_below(&p->chance, ROOT_SLOTS);

  for (i = 0; i < n && roots->slot != NULL; ++i) {
    Node *node = make(p), *head = roots->node[slot];
    if (node == NULL)
      return;
    if (node->refs > 0 && head != NULL && roots->edges != EDGES_WEAK
        && may_refer(node->edges, head))
      set_reference(
          p->net, node, p->hand[1], 0, head,
          hold(p, 0, (mps_addr_t)(roots->slot[slot] - roots->offset[slot])));
    roots_set(p, roots, slot, node, p->hand[1]);
  }
}

static Ap *find_ap(Player *p, Class class, Edges edges)
{
  size_t i;

  for (i = 0; i < p->aps; ++i)
    if (p->ap[i].place->class == class && p->ap[i].edges == edges
        && !p->ap[i].is_open)
      return &p->ap[i];
  return NULL;
}

static Roots *strong_roots(Player *p)
{
  size_t i;

  for (i = 0; i < ROOT_TABLES; ++i)
    if (p->net->roots[i].slot != NULL
        && p->net->roots[i].edges == EDGES_STRONG)
      return &p->net->roots[i];
  return NULL;
}

/* A table with weak keys: one object for them, one for their values */
static void op_table(Player *p)
{
  Ap *weak = find_ap(p, CLASS_AWL, EDGES_WEAK);
  Ap *exact = find_ap(p, chance_once_in(&p->chance, 2) ? CLASS_AWL : CLASS_AMS,
                      EDGES_STRONG);
  size_t size = choose_size(p) + 4 * format.align;
  Roots *roots = strong_roots(p);
  size_t slot = chance_below(&p->chance, ROOT_SLOTS);
  Node *values, *keys;

  if (!p->realm->has_tables || weak == NULL || exact == NULL || roots == NULL
      || !reserve(p, exact, size))
    return;
  values = ap_node(p, exact, size);
  values->is_dependent = true;
  p->net->has_dependents = true;
  if (!commit(p, exact, values, NULL))
    return;
  roots_set(p, roots, slot, values, p->hand[1]);
  if (!reserve(p, weak, size))
    return;
  keys = net_node(p->net, weak->place, EDGES_WEAK, size, values->refs);
  keys->has_dependent = true;
  hold(p, 3, (mps_addr_t)roots->slot[slot]);
  if (commit(p, weak, keys, values))
    attach(p, keys);
}


/* Open reserves: ours alone until they are committed */

static Word junk_word(const Ap *ap, size_t i)
{
  return i == AT_INFO ? info_of(ap->size, KIND_OPEN)
                      : (Word)chance_mix(ap->junk + i);
}

static void op_open(Player *p)
{
  Ap *ap = choose_ap(p);
  Word *block;
  size_t i;

  if (ap->is_open || !reserve(p, ap, choose_size(p)))
    return;
  ap->junk = chance_next(&p->chance);
  block = ap->block;
  for (i = 0; i < ap->size / WORD_SIZE; ++i)
    block[i] = junk_word(ap, i);
}

static void ap_close(Player *p, Ap *ap)
{
  const Word *block = ap->block;
  Node *node;
  size_t i;

  if (!ap->is_open)
    return;
  for (i = 0; i < ap->size / WORD_SIZE; ++i)
    if (block[i] != junk_word(ap, i))
      fail("reserved block %p: word %lu is 0x%lx", ap->block, (unsigned long)i,
           (unsigned long)block[i]);
  node = ap_node(p, ap, ap->size);
  if (commit(p, ap, node, NULL))
    attach(p, node);
}

static void op_close(Player *p)
{
  ap_close(p, choose_ap(p));
}

static void close_all(Player *p)
{
  size_t i;

  for (i = 0; i < p->aps; ++i)
    ap_close(p, &p->ap[i]);
}


/* Changing the graph */

static void op_link(Player *p)
{
  Node *from = walk_to_object(p, 0), *to = walk(p, 1);

  if (from == NULL)
    return;
  ++p->counts.links;
  set_any(p, from, choose_reference(p, from), to);
}

static void op_unlink(Player *p)
{
  Node *from = walk_to_object(p, 0);

  if (from != NULL)
    set_any(p, from, chance_below(&p->chance, from->refs), NULL);
}

static void op_touch(Player *p)
{
  Node *node = walk(p, 0);

  if (node == NULL)
    return;
  ++node->version;
  node_write(node, block_of(p->hand[0]));
}

static void op_root(Player *p)
{
  Node *node = walk(p, 1);
  Roots *roots = choose_roots(p);

  if (node != NULL && roots->slot != NULL)
    roots_set(p, roots, chance_below(&p->chance, ROOT_SLOTS), node,
              p->hand[1]);
}

static void op_drop(Player *p)
{
  Roots *roots = choose_roots(p);

  if (roots->slot != NULL)
    roots_set(p, roots, chance_below(&p->chance, ROOT_SLOTS), NULL, NULL);
}

/* An ambiguous word near an object */
static void op_noise(Player *p)
{
  Node *node = walk(p, 0);
  Roots *roots = choose_roots(p);
  size_t i = chance_below(&p->chance, ROOT_SLOTS);

  if (node == NULL || roots->slot == NULL || roots->edges != EDGES_AMBIG)
    return;
  roots_set(p, roots, i, NULL, NULL);
  ((volatile Word *)roots->slot)[i]
      = (Word)p->hand[0] + chance_below(&p->chance, 1 << 14) - ((Word)1 << 13);
}

static void clear_noise(Net *net)
{
  size_t t, i;

  for (t = 0; t < ROOT_TABLES; ++t)
    for (i = 0; net->roots[t].slot != NULL && i < ROOT_SLOTS; ++i)
      if (net->roots[t].node[i] == NULL)
        ((volatile Word *)net->roots[t].slot)[i] = 0;
}

#endif /* FUZZ_NETPLAY_H */
