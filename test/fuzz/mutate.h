/* mutate.h -- what a mutator does to the objects of a graph
 *
 * Every operation changes the objects and their mirror alike.  What it
 * works with is in its hands, so that the stack keeps it in place; without
 * a stack root it doesn't allocate while it holds anything.
 *
 * Design: .fuzz.hands, .fuzz.open, .fuzz.pin (design/fuzz.rst).
 */

#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include "world.h"


/* Hands.  What an operation works with is in a hand, which is a word on
 * the stack; the compiler mustn't keep anything else. */

static mps_addr_t hold(Mutator *m, size_t hand, mps_addr_t client)
{
  m->hand[hand] = client;
  return client;
}

/* Walk from a random root along random references, a few steps; the
 * address of the node goes to a hand.  Null if no root was found. */
static Node *walk(Mutator *m, Graph *graph, size_t hand)
{
  Chance *chance = &m->chance;
  size_t tries, steps = chance_below(chance, 8);
  Node *node = NULL;
  mps_addr_t client = NULL;

  for (tries = 0; tries < 6 && node == NULL; ++tries) {
    Table *table = &graph->tables[chance_below(chance, TABLES)];
    size_t i = chance_below(chance, TABLE_SLOTS);
    if (table->slot != NULL && table->node[i] != NULL) {
      client = hold(m, hand, table_get(table, i));
      node = table->node[i];
    }
  }
  if (node == NULL)
    return NULL;
  node_expect(node, client);
  while (steps-- > 0 && node->refs > 0) {
    size_t i = chance_below(chance, node->refs);
    volatile Word *slot = &block_of(client)[first_reference() + i];
    mps_addr_t next;
    /* A message may be under way about what only a weak reference names; who
     * takes it back by that reference confuses the mirror. */
    if (node->ref[i] == NULL
        || ((node->weak || node->eph) && m->world->config->final == 1))
      continue;
    next = decode_slot(*slot);
    if (next == NULL && (node->weak || node->eph))
      continue;
    client = hold(m, hand, next);
    node = node->ref[i];
    node_expect(node, client);
  }
  return node;
}

/* The same, to a node that has references. */
static Node *walk_to_object(Mutator *m, Graph *graph, size_t hand)
{
  size_t tries;

  for (tries = 0; tries < 5; ++tries) {
    Node *node = walk(m, graph, hand);
    if (node != NULL && node->refs > 0)
      return node;
  }
  return NULL;
}

static void set_reference(Node *node, mps_addr_t client, size_t i, Node *to,
                          mps_addr_t to_client)
{
  volatile Word *slot = &block_of(client)[first_reference() + i];
  size_t other = i ^ 1;

  *slot = encode_slot(to_client);
  node->ref[i] = to;
  /* The pair may have died before, which the mirror hasn't heard of. */
  if (node->eph && other < node->refs && slot[(long)other - (long)i] == 0)
    node->ref[other] = NULL;
}

/* Any reference of a node, but rather one that is null: so graphs grow. */
static size_t choose_reference(Mutator *m, const Node *node)
{
  size_t tries, i = 0;

  for (tries = 0; tries < 4; ++tries) {
    i = chance_below(&m->chance, node->refs);
    if (node->ref[i] == NULL)
      break;
  }
  return i;
}

/* Make a root or an object of the graph refer to what a hand holds. */
static void attach(Mutator *m, Graph *graph, Node *node, size_t hand)
{
  Chance *chance = &m->chance;
  Table *table = &graph->tables[chance_below(chance, TABLES)];

  if (chance_below(chance, 8) > 0) {
    Node *from = walk_to_object(m, graph, 3);
    if (from != NULL) {
      set_reference(from, m->hand[3], choose_reference(m, from), node,
                    m->hand[hand]);
      return;
    }
  }
  if (table->slot != NULL)
    table_set(table, chance_below(chance, TABLE_SLOTS), node, m->hand[hand]);
}


/* Allocation */

static size_t near_by(Chance *chance, size_t size, size_t step)
{
  return size + step * chance_below(chance, 5) - 2 * step;
}

static size_t choose_size(Mutator *m)
{
  Chance *chance = &m->chance;
  const World *world = m->world;
  size_t step = format.align, least = size_min(), size;

  switch (chance_below(chance, 24)) {
  case 0:
    size = near_by(chance, world->extend_by, step);
    break;
  case 1:
    size = near_by(chance, world->large_size, step);
    break;
  case 2:
    size = near_by(chance, 4096 * chance_between(chance, 1, 4), step);
    break;
  case 3:
    size = chance_below(chance, 20000);
    break;
  case 4:
    size = chance_once_in(chance, 8) ? chance_below(chance, 300000) : 64;
    break;
  case 5:
  case 6:
  case 7:
    size = chance_below(chance, 1000);
    break;
  default:
    size = chance_below(chance, 96);
    break;
  }
  size &= ~(step - 1);
  return size < least ? least : size;
}

/* How many references an object of that size gets */
static size_t choose_refs(Mutator *m, size_t size, bool leaf)
{
  size_t words = size / WORD_SIZE, first = first_reference();
  size_t room = words > first ? words - first : 0;

  if (leaf || room == 0)
    return 0;
  if (room > 6 && !chance_once_in(&m->chance, 8))
    room = 6;
  return chance_between(&m->chance, room > 1 ? 1 : 0, room);
}

static bool reserve(Mutator *m, Ap *ap, size_t size)
{
  mps_word_t before = mps_collections(m->world->arena);
  mps_res_t res = mps_reserve(&ap->block, ap->ap, size);

  if (!went_well("reserve", res)) {
    EXPECT(m->world->limited || world_threaded(m->world));
    ++m->counts.refused;
    return false;
  }
  EXPECT((Word)ap->block % format.align == 0);
  ap->size = size;
  ap->open = true;
  /* Reserving may flip; but so may another thread just afterwards. */
  ap->flips
      = world_threaded(m->world) ? before : mps_collections(m->world->arena);
  return true;
}

static void fill_references(Mutator *m, Graph *graph, Node *node, Word *block)
{
  size_t i, first = first_reference();

  for (i = 0; i < node->refs; ++i) {
    Node *to = NULL;
    if (i < 32 && chance_below(&m->chance, 4) > 0)
      to = walk(m, graph, 2);
    node->ref[i] = to;
    block[first + i] = to != NULL ? encode_slot(m->hand[2]) : 0;
  }
}

/* A failed commit needs a flip since the reserve, which is counted if objects
 * could move; a leaf's never fails. */
static void expect_commit(Mutator *m, const Ap *ap, bool committed)
{
  bool flipped = mps_collections(m->world->arena) != ap->flips;
  bool leaf = m->world->leaf[ap->pool];

  if (leaf && !committed)
    fail("a commit in a pool of leaf objects failed");
  if (!committed && !flipped && !m->world->has_stays)
    fail("a commit failed and there was no flip");
  if (committed && !leaf && flipped && !world_threaded(m->world))
    fail("a commit succeeded after a flip");
}

/* Initialise the reserved block and commit it.  Null if that failed; then
 * the block is gone. */
static Node *commit(Mutator *m, Graph *graph, Ap *ap, size_t hand)
{
  bool leaf = m->world->leaf[ap->pool], committed;
  Node *node = node_create(graph, ap->pool, leaf ? KIND_LEAF : KIND_OBJECT,
                           ap->size, choose_refs(m, ap->size, leaf));
  Word *block = ap->block;

  node->weak = ap->weak;
  node->eph = ap->eph;
  hold(m, hand, client_of(block));
  node_write(node, block);
  fill_references(m, graph, node, block);
  committed = mps_commit(ap->ap, ap->block, ap->size);
  ap->open = false;
  expect_commit(m, ap, committed);
  if (committed) {
    ++m->counts.objects;
    m->counts.bytes += node->size;
    node_add(graph, node);
    return node;
  }
  ++m->counts.failed_commits;
  free(node);
  return NULL;
}

static Ap *choose_ap(Mutator *m)
{
  return &m->ap[chance_below(&m->chance, m->aps)];
}

/* Sometimes something happens between reserve and commit. */
static void disturb(Mutator *m)
{
  if (chance_once_in(&m->chance, 200)) {
    EXPECT(mps_arena_collect(m->world->arena) == MPS_RES_OK);
    mps_arena_release(m->world->arena);
  }
  if (chance_once_in(&m->chance, 100))
    (void)mps_arena_step(m->world->arena, 0.0, 0.0);
}

/* Make an object and hold it; null if there's no memory for it. */
static Node *make(Mutator *m, Graph *graph, Ap *ap, size_t hand)
{
  size_t size = choose_size(m);
  Node *node;

  do {
    if (!reserve(m, ap, size))
      return NULL;
    disturb(m);
    node = commit(m, graph, ap, hand);
    if (node == NULL && chance_once_in(&m->chance, 8)) {
      ++m->counts.abandoned;
      m->world->is_left |= size >= 32768;
      return NULL;
    }
  } while (node == NULL);
  return node;
}

static void op_alloc(Mutator *m, Graph *graph)
{
  Ap *ap = choose_ap(m);
  Node *node;

  if (ap->open)
    return;
  node = make(m, graph, ap, 0);
  if (node != NULL)
    attach(m, graph, node, 0);
}

static void op_garbage(Mutator *m, Graph *graph)
{
  size_t i, n = chance_below(&m->chance, 60);
  Ap *ap = choose_ap(m);

  for (i = 0; i < n && !ap->open; ++i)
    (void)make(m, graph, ap, 0);
}

/* A list, newest first, on a root */
static void op_list(Mutator *m, Graph *graph)
{
  size_t i, n = chance_below(&m->chance, 60);
  Table *table = &graph->tables[chance_below(&m->chance, TABLES)];
  size_t slot = chance_below(&m->chance, TABLE_SLOTS);
  Ap *ap = choose_ap(m);

  for (i = 0; i < n && !ap->open && table->slot != NULL; ++i) {
    Node *node = make(m, graph, ap, 0);
    if (node == NULL)
      return;
    if (node->refs > 0 && table->node[slot] != NULL)
      set_reference(node, m->hand[0], 0, table->node[slot],
                    hold(m, 1, table_get(table, slot)));
    table_set(table, slot, node, m->hand[0]);
  }
}


/* Open reserves.  The block is ours alone until it is committed, however
 * many collections pass: nobody may scan, move or change it. */

static Word junk_word(const Ap *ap, size_t i)
{
  return i == AT_INFO ? info_of(ap->size, KIND_OPEN)
                      : (Word)chance_mix(ap->junk + i);
}

static void op_open(Mutator *m, Graph *graph)
{
  Ap *ap = choose_ap(m);
  Word *block;
  size_t i;

  if (ap->open || !reserve(m, ap, choose_size(m)))
    return;
  ap->junk = chance_next(&m->chance);
  block = ap->block;
  for (i = 0; i < ap->size / WORD_SIZE; ++i)
    block[i] = junk_word(ap, i);
}

static void op_close(Mutator *m, Graph *graph)
{
  Ap *ap = choose_ap(m);
  const Word *block = ap->block;
  Node *node;
  size_t i;

  if (!ap->open)
    return;
  for (i = 0; i < ap->size / WORD_SIZE; ++i)
    if (block[i] != junk_word(ap, i))
      fail("reserved block %p: word %lu is 0x%lx", ap->block, (unsigned long)i,
           (unsigned long)block[i]);
  node = commit(m, graph, ap, 0);
  if (node != NULL)
    attach(m, graph, node, 0);
  else {
    ++m->counts.abandoned;
    m->world->is_left |= ap->size >= 32768;
  }
}

static void close_all(Mutator *m, Graph *graph)
{
  size_t i;

  for (i = 0; i < m->aps; ++i)
    if (m->ap[i].open)
      (void)commit(m, graph, &m->ap[i], 0);
}


/* Changing the graph */

static void op_link(Mutator *m, Graph *graph)
{
  Node *from = walk_to_object(m, graph, 0), *to = walk(m, graph, 1);

  if (from == NULL)
    return;
  ++m->counts.links;
  set_reference(from, m->hand[0], choose_reference(m, from), to,
                to != NULL ? m->hand[1] : NULL);
}

static void op_unlink(Mutator *m, Graph *graph)
{
  Node *node = walk_to_object(m, graph, 0);

  if (node != NULL)
    set_reference(node, m->hand[0], chance_below(&m->chance, node->refs), NULL,
                  NULL);
}

/* Rewrite the words of an object that aren't references. */
static void op_touch(Mutator *m, Graph *graph)
{
  Node *node = walk(m, graph, 0);

  if (node == NULL)
    return;
  ++node->version;
  node_write(node, block_of(m->hand[0]));
}

static void op_root(Mutator *m, Graph *graph)
{
  Node *node = walk(m, graph, 0);
  Table *table = &graph->tables[chance_below(&m->chance, TABLES)];

  if (node != NULL && table->slot != NULL)
    table_set(table, chance_below(&m->chance, TABLE_SLOTS), node, m->hand[0]);
}

static void op_drop(Mutator *m, Graph *graph)
{
  Table *table = &graph->tables[chance_below(&m->chance, TABLES)];

  if (table->slot != NULL)
    table_set(table, chance_below(&m->chance, TABLE_SLOTS), NULL, NULL);
}

/* Replace a table by one of another kind, which takes over its references
 * while both are registered. */
static void op_replace_table(Mutator *m, Graph *graph)
{
  Table *old = &graph->tables[chance_below(&m->chance, TABLES)];
  Table fresh = *old;
  Node *decoy;
  size_t i;

  if (!table_create(graph, &fresh,
                    (TableKind)chance_below(&m->chance, graph->kinds)))
    return;
  for (i = 0; old->slot != NULL && i < TABLE_SLOTS; ++i)
    table_set(&fresh, i, old->node[i], hold(m, 0, table_get(old, i)));
  for (i = 0; i < DECOYS; ++i) {
    decoy = walk(m, graph, 1);
    if (decoy != NULL)
      table_plant(&fresh, i, m->hand[1]);
  }
  table_destroy(old);
  /* The function and the masked kind have handed out the address of fresh,
   * so the lasting one is created anew. */
  if (!table_create(graph, old, fresh.kind)) {
    table_destroy(&fresh);
    return;
  }
  for (i = 0; i < TABLE_SLOTS; ++i)
    table_set(old, i, fresh.node[i], hold(m, 0, table_get(&fresh, i)));
  for (i = 0; i < DECOYS; ++i)
    if (fresh.decoy[i] != 0)
      table_plant(old, i, (mps_addr_t)(fresh.decoy[i] & ~TAG_MASK));
  table_destroy(&fresh);
}


/* Ambiguous references */

/* A word that refers to an object in one of the ways an ambiguous
 * reference can; does it pin the object for certain? */
static bool ambiguous_word(Mutator *m, const Node *node, mps_addr_t client,
                           Word *word_o)
{
  Word base = (Word)block_of(client), at = (Word)client;
  size_t inside = node->size - format.header;
  bool interior
      = m->world->config->interior == 1 && !m->world->stays[node->pool];

  switch (chance_below(&m->chance, 6)) {
  case 0:
    *word_o = base + node->size; /* one past */
    return false;
  case 1:
    *word_o = base + chance_below(&m->chance, node->size);
    return interior && *word_o >= at;
  case 2:
    *word_o = at + inside - 1; /* the last byte */
    return interior;
  case 3:
    *word_o = base;
    return base == at;
  default:
    *word_o = at;
    return true;
  }
}

static void op_pin(Mutator *m, Graph *graph)
{
  Node *node = walk(m, graph, 0);
  size_t i;
  Word word;

  if (graph->pins == 0 || node == NULL)
    return;
  i = chance_below(&m->chance, graph->pins);
  graph->pin[i].node = NULL;
  if (ambiguous_word(m, node, m->hand[0], &word)) {
    graph->pin[i].node = node;
    graph->pin[i].addr = m->hand[0];
    ++m->counts.pins;
  }
  *(volatile Word *)&graph->pin_word[i] = word;
}

/* Null, or a word that may look like an address of the arena */
static void op_unpin(Mutator *m, Graph *graph)
{
  Node *node = walk(m, graph, 0);
  size_t i;
  Word word = 0;

  if (graph->pins == 0)
    return;
  i = chance_below(&m->chance, graph->pins);
  if (node != NULL && chance_once_in(&m->chance, 2))
    word = (Word)m->hand[0] + chance_below(&m->chance, 1 << 17)
           - ((Word)1 << 16);
  *(volatile Word *)&graph->pin_word[i] = word;
  graph->pin[i].node = NULL;
}

#endif /* FUZZ_MUTATE_H */
