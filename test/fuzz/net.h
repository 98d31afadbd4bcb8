/* net.h -- a graph through pools of every class, and its model
 *
 * For each object there is a node in malloc's memory with the same
 * references, strong, weak, ambiguous, or in ephemeral pairs.  The model says
 * by itself what is alive; then the heap is walked, and compared with it.
 * What the model has no use for, but what a weak reference still names, or a
 * message may be about, has a node too, since the client may take it back.
 *
 * Design: .fuzz.net (design/fuzz.rst).
 */

#ifndef FUZZ_NET_H
#define FUZZ_NET_H

#include "format.h"

#include <pthread.h>

/* What the references of an object, or of a root, are. */
typedef enum Edges {
  EDGES_STRONG,
  EDGES_AMBIG, /* strong, and what they name stays where it is */
  EDGES_WEAK,
  EDGES_PAIRS,      /* ephemerons; an odd last one is strong */
  EDGES_WEAK_PAIRS, /* pairs that keep nothing; an odd last one is weak */
  EDGES_NONE
} Edges;

enum {
  NETS_MAX = 16,
  ROOT_TABLES = 10,
  ROOT_SLOTS = 8,
  FILLED_MAX = 512, /* words at the end of a large object that aren't read */
  OWNER_SHIFT = 40,
  LDS = 4,
  LD_NODES = 6,
  FLAG_DEPENDENT = 1 /* in meta: the first reference is to a dependent */
};

typedef struct Node Node;

struct Node {
  Node *next;
  Word serial;
  size_t size;
  Word version;
  struct Place *place;
  Edges edges;
  mps_addr_t addr;        /* where it was when it was seen last */
  unsigned long live;     /* the last reckoning that found it alive */
  unsigned long was_live; /* and the one before */
  unsigned long seen;     /* the last walk that found it */
  unsigned long kept;     /* the last sweep that needs it */
  unsigned long walked;   /* the last audit that met it */
  unsigned registrations; /* whose messages haven't come */
  bool is_loose;          /* messages may be under way though it lives */
  bool has_dependent;     /* reference 0 is the dependent */
  bool is_dependent;
  Word decoy; /* an address that isn't a reference, or 0: the last word */
  size_t refs;
  Node *ref[];
};

typedef struct Roots {
  mps_root_t root;
  Edges edges;
  struct Place *place; /* whose block it is, or null */
  mps_addr_t block;    /* that block, or malloc's */
  Word *slot;          /* aligned to a word; of ROOT_SLOTS */
  Node *node[ROOT_SLOTS];
  Word offset[ROOT_SLOTS]; /* inside the object, ambiguous ones only */
} Roots;

typedef struct Location {
  mps_ld_s ld;
  size_t count;
  Node *node[LD_NODES];
  mps_addr_t addr[LD_NODES];
  bool was_stale;
} Location;

typedef struct Net {
  mps_arena_t arena;
  Node *nodes;
  size_t count, bytes;
  size_t registered; /* nodes with registrations */
  Word serial;
  unsigned long live, seen, kept, walked; /* current marks */
  bool is_exact; /* nothing but what the model finds alive may be there */
  bool has_dependents;
  bool is_first; /* this walk looks for cleared values only */
  bool is_cut;   /* and has found some */
  Node **work;
  size_t work_count, work_room;
  Node **pairs;
  size_t pairs_count, pairs_room;
  Roots roots[ROOT_TABLES];
  Location location[LDS];
  size_t weak_cut; /* weak references that became null, for the report */
} Net;


/* Lists that grow */

static void push(Node ***list, size_t *count, size_t *room, Node *node)
{
  if (*count == *room) {
    *room = *room * 2 + 64;
    *list = realloc(*list, *room * sizeof **list);
    EXPECT(*list != NULL);
  }
  (*list)[(*count)++] = node;
}

static void net_push(Net *net, Node *node)
{
  push(&net->work, &net->work_count, &net->work_room, node);
}


/* Nodes and their objects */

static const char *node_class(const Node *node);

static bool node_is_live(const Net *net, const Node *node)
{
  return node == NULL || node->live == net->live;
}

static Word *node_slot(const Node *node, size_t i)
{
  return block_of(node->addr) + first_reference() + i;
}

static Word node_meta(const Node *node)
{
  Word flags = node->has_dependent ? FLAG_DEPENDENT : 0;

  return flags << 48 | (node->version & 0xFF) << 32 | node->refs;
}

static Word filler(const Node *node, size_t i)
{
  return (Word)chance_mix(node->serial * 1000003u + node->version * 4099u + i)
         | 1;
}

static unsigned node_kind(const Node *node)
{
  return node->edges == EDGES_NONE ? KIND_LEAF : KIND_OBJECT;
}

/* The words that are looked at: of a large object, not those in its middle */
static size_t next_word(const Node *node, size_t i)
{
  size_t words = node->size / WORD_SIZE;
  size_t after = first_reference() + node->refs + FILLED_MAX;

  ++i;
  return i == after && i + FILLED_MAX < words ? words - FILLED_MAX : i;
}

static Word word_of(const Node *node, size_t i)
{
  if (node->decoy != 0 && i == node->size / WORD_SIZE - 1)
    return node->decoy;
  return filler(node, i);
}

static bool is_reference(const Node *node, size_t i)
{
  size_t first = first_reference();

  return i >= first && i < first + node->refs;
}

/* Write the words of an object that aren't references. */
static void node_write(const Node *node, Word *block)
{
  size_t i, words = node->size / WORD_SIZE;

  block[AT_INFO] = info_of(node->size, node_kind(node));
  block[AT_SERIAL] = node->serial;
  block[AT_META] = node_meta(node);
  for (i = AT_META + 1; i < words; i = next_word(node, i))
    if (!is_reference(node, i))
      block[i] = word_of(node, i);
}

static void node_expect_from(const Node *node, mps_addr_t client,
                             const char *from)
{
  const Word *block = block_of(client);

  if (block[AT_INFO] != info_of(node->size, node_kind(node))
      || block[AT_SERIAL] != node->serial || block[AT_META] != node_meta(node))
    fail("%s: %s object %lx at %p has become 0x%lx 0x%lx 0x%lx", from,
         node_class(node), (unsigned long)node->serial, client,
         (unsigned long)block[AT_INFO], (unsigned long)block[AT_SERIAL],
         (unsigned long)block[AT_META]);
}

static void node_expect(const Node *node, mps_addr_t client)
{
  node_expect_from(node, client, "client");
}

static void node_expect_words(const Node *node, mps_addr_t client)
{
  const Word *block = block_of(client);
  size_t i, words = node->size / WORD_SIZE;

  node_expect(node, client);
  for (i = AT_META + 1; i < words; i = next_word(node, i))
    if (!is_reference(node, i) && block[i] != word_of(node, i))
      fail("object %lx at %p: word %lu of %lu is 0x%lx",
           (unsigned long)node->serial, client, (unsigned long)i,
           (unsigned long)words, (unsigned long)block[i]);
}

static Node *net_node(Net *net, struct Place *place, Edges edges, size_t size,
                      size_t refs)
{
  Node *node = calloc(1, sizeof *node + refs * sizeof node->ref[0]);

  EXPECT(node != NULL);
  node->serial = ++net->serial;
  node->place = place;
  node->edges = edges;
  node->size = size;
  node->refs = refs;
  return node;
}

static void net_add(Net *net, Node *node)
{
  node->next = net->nodes;
  net->nodes = node;
  ++net->count;
  net->bytes += node->size;
}


/* What is alive, as the model knows it */

static bool net_mark(Net *net, Node *node)
{
  if (node_is_live(net, node))
    return false;
  node->was_live = node->live;
  node->live = net->live;
  net_push(net, node);
  return true;
}

static void net_drain(Net *net)
{
  size_t i;

  while (net->work_count > 0) {
    Node *node = net->work[--net->work_count];
    if (node->edges == EDGES_PAIRS)
      push(&net->pairs, &net->pairs_count, &net->pairs_room, node);
    else if (node->edges != EDGES_WEAK && node->edges != EDGES_WEAK_PAIRS)
      for (i = 0; i < node->refs; ++i)
        net_mark(net, node->ref[i]);
  }
}

/* Is the pair alive, as far as is known?  See pair_kind. */
static bool pair_is_live(const Net *net, const Node *node, size_t i)
{
  bool key = node_is_live(net, node->ref[i]);
  bool value = node_is_live(net, node->ref[i + 1]);

  switch (pair_kind(node->serial)) {
  case 0:
    return key;
  case 1:
    return key || value;
  default:
    return key && value;
  }
}

static bool net_mark_pairs(Net *net, const Node *node)
{
  bool is_news = false;
  size_t i;

  for (i = 0; i + 1 < node->refs; i += 2)
    if (pair_is_live(net, node, i)) {
      is_news |= net_mark(net, node->ref[i]);
      is_news |= net_mark(net, node->ref[i + 1]);
    }
  if (node->refs % 2 == 1)
    is_news |= net_mark(net, node->ref[node->refs - 1]);
  return is_news;
}

/* With one that may be null as a root */
static void net_reckon_with(Net *net, Node *root)
{
  size_t t, i;
  bool is_news = true;

  ++net->live;
  net->pairs_count = 0;
  net_mark(net, root);
  for (t = 0; t < ROOT_TABLES; ++t)
    if (net->roots[t].slot != NULL && net->roots[t].edges != EDGES_WEAK)
      for (i = 0; i < ROOT_SLOTS; ++i)
        net_mark(net, net->roots[t].node[i]);
  while (is_news) {
    net_drain(net);
    for (is_news = false, i = 0; i < net->pairs_count; ++i)
      is_news |= net_mark_pairs(net, net->pairs[i]);
  }
}

static void net_reckon(Net *net)
{
  net_reckon_with(net, NULL);
}


/* Walking the heap.  Nothing may move meanwhile. */

static void net_see(Net *net, Node *node, mps_addr_t client, const char *from)
{
  if (node->seen == net->seen) {
    if (node->addr != client)
      fail("%s: object %lx is at %p and at %p", from,
           (unsigned long)node->serial, client, node->addr);
    return;
  }
  node_expect_from(node, client, from);
  node_expect_words(node, client);
  node->seen = net->seen;
  node->addr = client;
  net_push(net, node);
}

static void net_null(Net *net, Node *node, size_t i)
{
  node->ref[i] = NULL;
  ++net->weak_cut;
}

/* A reference that isn't strong, or one of an object that isn't alive.  If
 * the model says that it must be there it must, and if it mustn't, not. */
static void net_see_slot(Net *net, Node *node, size_t i, bool must, bool may)
{
  Word slot = *node_slot(node, i);
  Node *to = node->ref[i];

  if (to == NULL) {
    if (slot != 0)
      fail("object %lx: null reference %lu has become 0x%lx",
           (unsigned long)node->serial, (unsigned long)i, (unsigned long)slot);
    return;
  }
  if (slot == 0 && net->is_first)
    return;
  if (slot == 0 && must)
    fail("%s object %lx: reference %lu to %s %lx has become null",
         node_class(node), (unsigned long)node->serial, (unsigned long)i,
         node_class(to), (unsigned long)to->serial);
  if (slot != 0 && !may && !net->is_first)
    fail("%s object %lx: reference %lu to %s %lx, which is dead, isn't null",
         node_class(node), (unsigned long)node->serial, (unsigned long)i,
         node_class(to), (unsigned long)to->serial);
  if (slot == 0)
    net_null(net, node, i);
  else
    net_see(net, to, decode_slot(slot), node_class(node));
}

/* A value that went with its key */
static bool net_see_cleared(Net *net, Node *node, size_t i)
{
  if (!node->is_dependent || node->ref[i] == NULL || *node_slot(node, i) != 0)
    return false;
  net_null(net, node, i);
  net->is_cut = true;
  return true;
}

static void net_see_pairs(Net *net, Node *node, bool is_live)
{
  size_t i;

  for (i = 0; i + 1 < node->refs; i += 2) {
    bool live = is_live && pair_is_live(net, node, i);
    bool was = *node_slot(node, i) != 0 || *node_slot(node, i + 1) != 0;
    bool whole = node->ref[i] != NULL && node->ref[i + 1] != NULL;

    if (whole && was && !net->is_first
        && (*node_slot(node, i) == 0 || *node_slot(node, i + 1) == 0))
      fail("object %lx: pair %lu is half dead", (unsigned long)node->serial,
           (unsigned long)i);
    net_see_slot(net, node, i, live, live || !net->is_exact);
    net_see_slot(net, node, i + 1, live, live || !net->is_exact);
  }
  if (node->refs % 2 == 1)
    net_see_slot(net, node, node->refs - 1, is_live, true);
}

/* Of a pair that lives each reference is weak by itself. */
static void net_see_weak_pairs(Net *net, Node *node, bool is_live)
{
  size_t i, k;

  for (i = 0; i < node->refs; i += 2) {
    bool live = i + 1 == node->refs || pair_is_live(net, node, i);

    for (k = i; k < i + 2 && k < node->refs; ++k) {
      bool is_kept = live && node_is_live(net, node->ref[k]);

      net_see_slot(net, node, k, is_live && is_kept,
                   is_kept || !net->is_exact);
    }
  }
}

static void net_see_references(Net *net, Node *node)
{
  bool is_live = node_is_live(net, node);
  size_t i;

  if (node->edges == EDGES_PAIRS) {
    net_see_pairs(net, node, is_live);
    return;
  }
  if (node->edges == EDGES_WEAK_PAIRS) {
    net_see_weak_pairs(net, node, is_live);
    return;
  }
  for (i = 0; i < node->refs; ++i) {
    bool to = node_is_live(net, node->ref[i]);
    if (node->edges == EDGES_WEAK)
      net_see_slot(net, node, i, is_live && to, to || !net->is_exact);
    else if (!net_see_cleared(net, node, i))
      net_see_slot(net, node, i, true, true);
  }
}

static void net_see_root(Net *net, Roots *roots, size_t i)
{
  static const char *const kinds[]
      = {"exact root", "ambiguous root", "weak root"};
  Node *node = roots->node[i];
  Word slot = roots->slot[i];

  if (node == NULL || (slot == 0 && net->is_first))
    return;
  if (roots->edges == EDGES_WEAK && !node_is_live(net, node)) {
    if (slot != 0 && net->is_exact && !net->is_first)
      fail("a weak root refers to object %lx, which is dead",
           (unsigned long)node->serial);
    if (slot == 0) {
      roots->node[i] = NULL;
      ++net->weak_cut;
    }
  } else if (slot == 0) {
    fail("a root's reference to object %lx has become null",
         (unsigned long)node->serial);
  }
  if (slot != 0)
    net_see(net, node, (mps_addr_t)(slot - roots->offset[i]),
            kinds[roots->edges]);
}

static void net_see_all(Net *net)
{
  size_t t, i;

  ++net->seen;
  net->is_cut = false;
  for (t = 0; t < ROOT_TABLES; ++t)
    for (i = 0; net->roots[t].slot != NULL && i < ROOT_SLOTS; ++i)
      net_see_root(net, &net->roots[t], i);
  while (net->work_count > 0)
    net_see_references(net, net->work[--net->work_count]);
}

/* Keys died, so values went that the model has taken for alive, and other
 * references may have become null since. */
static void net_cut_cleared(Net *net)
{
  net->is_first = true;
  net->is_cut = net->has_dependents;
  while (net->is_cut) {
    net_see_all(net);
    net_reckon(net);
  }
  net->is_first = false;
}


/* What the model needs no more */

static void net_keep(Net *net, Node *node)
{
  if (node == NULL || node->kept == net->kept)
    return;
  node->kept = net->kept;
  net_push(net, node);
}

static void location_forget(Net *net, const Node *node)
{
  size_t l, i;

  for (l = 0; l < LDS; ++l)
    for (i = 0; i < net->location[l].count; ++i)
      if (net->location[l].node[i] == node)
        net->location[l].node[i] = NULL;
}

static void net_free(Net *net, Node *node)
{
  location_forget(net, node);
  net->registered -= node->registrations > 0;
  --net->count;
  net->bytes -= node->size;
  free(node);
}

static void net_sweep(Net *net)
{
  Node *node, **link;
  size_t i;

  ++net->kept;
  for (node = net->nodes; node != NULL; node = node->next)
    if (node->seen == net->seen || node->registrations > 0)
      net_keep(net, node);
  while (net->work_count > 0) {
    node = net->work[--net->work_count];
    for (i = 0; i < node->refs; ++i)
      net_keep(net, node->ref[i]);
  }
  for (link = &net->nodes; (node = *link) != NULL;) {
    if (node->kept == net->kept) {
      link = &node->next;
      continue;
    }
    *link = node->next;
    net_free(net, node);
  }
}

static void location_expect(Net *net, Location *location)
{
  bool is_stale = mps_ld_isstale_any(&location->ld, net->arena) != 0;
  size_t i;

  EXPECT(is_stale || !location->was_stale);
  location->was_stale = is_stale;
  for (i = 0; i < location->count && !is_stale; ++i) {
    const Node *node = location->node[i];
    if (node != NULL && node->seen == net->seen
        && node->addr != location->addr[i])
      fail("object %lx has moved, and the location dependency is fresh",
           (unsigned long)node->serial);
  }
}

/* Keys and values of a weak object and its dependent go together. */
static void net_expect_dependent(const Net *net, const Node *keys)
{
  const Node *values;
  size_t i;

  if (!keys->has_dependent || !node_is_live(net, keys) || keys->refs == 0)
    return;
  values = keys->ref[0];
  if (values == NULL || !node_is_live(net, values))
    return;
  for (i = 1; i < keys->refs; ++i)
    if ((keys->ref[i] != NULL) != (values->ref[i] != NULL))
      fail("object %lx: key %lu is%s null, and its value isn't so",
           (unsigned long)keys->serial, (unsigned long)i,
           keys->ref[i] != NULL ? "n't" : "");
}

static void net_verify(Net *net)
{
  const Node *node;
  size_t i;

  net_reckon(net);
  net_cut_cleared(net);
  net_see_all(net);
  for (i = 0; i < LDS; ++i)
    location_expect(net, &net->location[i]);
  for (node = net->nodes; node != NULL; node = node->next)
    net_expect_dependent(net, node);
  net_sweep(net);
}

/* Where there are tables with weak keys, values may be gone that the model
 * takes for alive: so all that the node leads to. */
static void net_loosen_all(Net *net, Node *node)
{
  size_t i;

  ++net->kept;
  net_keep(net, node);
  while (net->work_count > 0) {
    node = net->work[--net->work_count];
    node->is_loose |= node->registrations > 0;
    for (i = 0; i < node->refs; ++i)
      net_keep(net, node->ref[i]);
  }
}

/* The client takes back what isn't alive: there may be messages under way
 * about all that it makes live again. */
static void net_loosen(Net *net, Node *node)
{
  unsigned long before;

  if (net->registered == 0)
    return;
  if (net->has_dependents)
    net_loosen_all(net, node);
  net_reckon(net);
  if (node_is_live(net, node))
    return;
  before = net->live;
  net_reckon_with(net, node);
  for (node = net->nodes; node != NULL; node = node->next)
    node->is_loose |= node->registrations > 0 && node_is_live(net, node)
                      && node->was_live != before;
}

static Node *net_find(const Net *net, Word serial)
{
  Node *node = net->nodes;

  while (node != NULL && node->serial != serial)
    node = node->next;
  return node;
}

static void net_clear(Net *net)
{
  Node *node;

  while ((node = net->nodes) != NULL) {
    net->nodes = node->next;
    net_free(net, node);
  }
  free(net->work);
  free(net->pairs);
}

#endif /* FUZZ_NET_H */
