/* graph.h -- a graph of managed objects and its mirror
 *
 * For each object that a graph can reach there is a node in malloc's
 * memory, with the same references and the facts from which the object's
 * contents follow.  Graphs are entered through exact root tables of every
 * kind, and through a table of ambiguous references, whose targets must
 * also stay where they are.
 *
 * Verifying walks both in step: it finds lost, damaged and confused
 * objects, references that weren't updated, and pinned objects that moved.
 * A node that isn't reached any more is freed.
 *
 * Design: .fuzz.mirror (design/fuzz.rst).
 */

#ifndef FUZZ_GRAPH_H
#define FUZZ_GRAPH_H

#include "format.h"

#include <pthread.h>

enum {
  TABLES = 4,      /* exact root tables in a graph */
  TABLE_SLOTS = 8, /* references in one */
  DECOYS = 4,      /* words after them that only look like references */
  ROOT_BYTES = 4096
};

typedef struct Node Node;

struct Node {
  Node *next;           /* of all nodes of the graph */
  Word serial;          /* unique in the episode */
  size_t size;          /* of the block */
  Word version;         /* of the contents */
  unsigned long mark;   /* the last verification that reached it */
  unsigned long strong; /* the last one that did so by strong references */
  bool eph;             /* its references are in pairs that live with keys */
  bool weak;            /* its own references are weak */
  mps_addr_t addr;      /* where that found it */
  unsigned pool;
  unsigned kind; /* KIND_OBJECT or KIND_LEAF */
  struct {
    Node *next;        /* in its bucket */
    long count;        /* registrations without a message */
    unsigned collects; /* full ones since it is gone */
    bool is_listed;
    bool is_gone; /* nothing refers to it: messages are waited for */
    bool is_told; /* there was one: nothing may refer to it */
    bool is_lost; /* it may have died while messages were disabled */
  } final;
  Node *weak_next; /* in weak_work or eph_work */
  size_t refs;
  Node *ref[];
};

typedef enum TableKind {
  TABLE_AREA,
  TABLE_FMT,
  TABLE_FUNCTION,
  TABLE_TABLE,                   /* the deprecated form */
  TABLE_UNTAGGED,                /* how many kinds there are without tags */
  TABLE_TAGGED = TABLE_UNTAGGED, /* references have the tag, null is 0 */
  TABLE_TAGGED_OR_ZERO,          /* references have the tag or none */
  TABLE_MASKED,                  /* references have any tag */
  TABLE_KINDS
} TableKind;

typedef struct Table {
  TableKind kind;
  mps_root_t root;
  mps_scan_tag_s tag;
  Word *slot; /* TABLE_SLOTS references, then DECOYS; null if unused */
  Word decoy[DECOYS];
  Node *node[TABLE_SLOTS];
} Table;

typedef struct Pin {
  Node *node;      /* null if the word pins nothing for certain */
  mps_addr_t addr; /* where it must stay */
} Pin;

typedef struct Graph {
  mps_arena_t arena;
  bool protect; /* may its tables be protected? */
  size_t kinds; /* of tables to choose from */
  Node *nodes;
  size_t count;
  size_t bytes; /* of objects since the last verification, at most */
  Word serial;  /* of the last node */
  unsigned long mark;
  Table tables[TABLES];
  size_t pins;
  Pin *pin;
  Word *pin_word; /* an ambiguous root */
  mps_root_t pin_root;
  Node **work; /* verification's stack */
  size_t work_count, work_room;
  Node *eph_work;  /* the same, and its pairs */
  Node *weak_work; /* reached, and its weak references not followed yet */
  bool is_by_pair; /* or because a key lives */
  bool is_weakly;  /* what is reached now is so by weak references */
  bool must_splat; /* no weak reference to anything dead is left */
  pthread_mutex_t mutex; /* of a graph that threads share */
} Graph;

#define TABLE_TAG ((Word)5)

static const mps_scan_tag_s table_tag = {TAG_MASK, TABLE_TAG};


/* Memory for roots: whole pages, for the roots that may be protected. */

static void *pages_alloc(void)
{
  void *p = aligned_alloc(ROOT_BYTES, ROOT_BYTES);

  EXPECT(p != NULL);
  memset(p, 0, ROOT_BYTES);
  return p;
}


/* Root tables */

static Word table_encode(const Table *table, size_t i, mps_addr_t client)
{
  if (client == NULL)
    return 0;
  switch (table->kind) {
  case TABLE_TAGGED:
    return (Word)client | TABLE_TAG;
  case TABLE_TAGGED_OR_ZERO:
    return (Word)client | (i % 2 ? TABLE_TAG : 0);
  case TABLE_MASKED:
    return (Word)client | (i & TAG_MASK);
  default:
    return (Word)client;
  }
}

static mps_addr_t table_get(const Table *table, size_t i)
{
  return (mps_addr_t)(*(volatile Word *)&table->slot[i] & ~TAG_MASK);
}

/* client is pinned by a hand, or nothing can move now. */
static void table_set(Table *table, size_t i, Node *node, mps_addr_t client)
{
  *(volatile Word *)&table->slot[i] = table_encode(table, i, client);
  table->node[i] = node;
}

static mps_res_t table_scan_words(mps_ss_t ss, Word *base, const Word *limit)
{
  MPS_SCAN_BEGIN(ss)
  {
    for (; base < limit; ++base) {
      mps_addr_t ref = (mps_addr_t)*base;
      mps_res_t res = MPS_FIX12(ss, &ref);
      if (res != MPS_RES_OK)
        return res;
      *base = (Word)ref;
    }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_res_t table_scan_fmt(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  return table_scan_words(ss, base, limit);
}

static mps_res_t table_scan_function(mps_ss_t ss, void *p, size_t s)
{
  Table *table = p;

  EXPECT(s == TABLE_SLOTS);
  return table_scan_words(ss, table->slot, table->slot + s);
}

static mps_res_t table_register(Graph *graph, Table *table)
{
  mps_rank_t rank = mps_rank_exact();
  mps_rm_t rm = graph->protect ? MPS_RM_PROT : 0;
  Word *base = table->slot, *limit = base + TABLE_SLOTS;
  Word *all = limit + DECOYS;

  switch (table->kind) {
  case TABLE_AREA:
    return mps_root_create_area(&table->root, graph->arena, rank, rm, base,
                                limit, mps_scan_area, NULL);
  case TABLE_TAGGED:
    return mps_root_create_area_tagged(&table->root, graph->arena, rank, rm,
                                       base, all, mps_scan_area_tagged,
                                       TAG_MASK, TABLE_TAG);
  case TABLE_TAGGED_OR_ZERO:
    return mps_root_create_area_tagged(&table->root, graph->arena, rank, rm,
                                       base, all, mps_scan_area_tagged_or_zero,
                                       TAG_MASK, TABLE_TAG);
  case TABLE_MASKED:
    table->tag = table_tag;
    return mps_root_create_area(&table->root, graph->arena, rank, rm, base,
                                limit, mps_scan_area_masked, &table->tag);
  case TABLE_FMT:
    return mps_root_create_fmt(&table->root, graph->arena, rank, rm,
                               table_scan_fmt, base, limit);
  case TABLE_FUNCTION:
    return mps_root_create(&table->root, graph->arena, rank, 0,
                           table_scan_function, table, TABLE_SLOTS);
  default:
    return mps_root_create_table(&table->root, graph->arena, rank, rm,
                                 (mps_addr_t *)(void *)base, TABLE_SLOTS);
  }
}

/* Register an empty table; false if there's no memory for its root. */
static bool table_create(Graph *graph, Table *table, TableKind kind)
{
  memset(table, 0, sizeof *table);
  table->kind = kind;
  table->slot = pages_alloc();
  if (table_register(graph, table) == MPS_RES_OK)
    return true;
  free(table->slot);
  table->slot = NULL;
  return false;
}

static void table_destroy(Table *table)
{
  if (table->slot == NULL)
    return;
  mps_root_destroy(table->root);
  free(table->slot);
  table->slot = NULL;
}

/* Plant a word that the tagged kinds must neither follow nor change. */
static void table_plant(Table *table, size_t i, mps_addr_t client)
{
  table->decoy[i] = (Word)client | 3;
  table->slot[TABLE_SLOTS + i] = table->decoy[i];
}


/* Nodes */

static Node *node_create(Graph *graph, unsigned pool, unsigned kind,
                         size_t size, size_t refs)
{
  Node *node = calloc(1, sizeof *node + refs * sizeof node->ref[0]);

  EXPECT(node != NULL);
  node->serial = ++graph->serial;
  node->size = size;
  node->pool = pool;
  node->kind = kind;
  node->refs = refs;
  return node;
}

/* The object is committed: it counts from now on. */
static void node_add(Graph *graph, Node *node)
{
  node->next = graph->nodes;
  graph->nodes = node;
  ++graph->count;
  graph->bytes += node->size;
}

static bool node_has_meta(const Node *node)
{
  return node->size >= (first_reference() + 1) * WORD_SIZE;
}

static Word filler(const Node *node, size_t i)
{
  return (Word)chance_mix(node->serial * 1000003u + node->version * 4099u + i)
         | 1;
}

/* Write the words of an object that aren't references. */
static void node_write(const Node *node, Word *block)
{
  size_t i, words = node->size / WORD_SIZE, first = first_reference();

  block[AT_INFO] = info_of(node->size, node->kind);
  block[AT_SERIAL] = node->serial;
  if (!node_has_meta(node)) {
    for (i = WORDS_MIN; i < words; ++i)
      block[i] = filler(node, i);
    return;
  }
  block[AT_META] = node->version << 32 | node->refs;
  for (i = AT_META + 1; i < words; ++i)
    if (i < first || i >= first + node->refs)
      block[i] = filler(node, i);
}

/* Is this the object of that node?  A quick look. */
static void node_expect(const Node *node, mps_addr_t client)
{
  const Word *block = block_of(client);

  if (block[AT_INFO] != info_of(node->size, node->kind)
      || block[AT_SERIAL] != node->serial)
    fail("object %lu at %p has become 0x%lx 0x%lx",
         (unsigned long)node->serial, client, (unsigned long)block[AT_INFO],
         (unsigned long)block[AT_SERIAL]);
}

static void node_expect_words(const Node *node, const Word *block)
{
  size_t i, words = node->size / WORD_SIZE, first = first_reference();
  size_t from = node_has_meta(node) ? AT_META + 1 : WORDS_MIN;

  if (node_has_meta(node)
      && block[AT_META] != (node->version << 32 | node->refs))
    fail("object %lu at %p: meta is 0x%lx", (unsigned long)node->serial,
         (const void *)block, (unsigned long)block[AT_META]);
  for (i = from; i < words; ++i)
    if ((i < first || i >= first + node->refs) && block[i] != filler(node, i))
      fail("object %lu at %p: word %lu of %lu is 0x%lx",
           (unsigned long)node->serial, (const void *)block, (unsigned long)i,
           (unsigned long)words, (unsigned long)block[i]);
}


/* Registered objects, by serial number.  Their nodes stay when nothing
 * refers to them any more, until the last message.  Any thread may get the
 * message about any object, so there is a lock. */

enum {
  FINAL_BUCKETS = 1024
};

static Node *final_bucket[FINAL_BUCKETS];
static pthread_mutex_t final_mutex = PTHREAD_MUTEX_INITIALIZER;

/* The link to the node, or to null */
static Node **final_find(Word serial)
{
  Node **link = &final_bucket[serial % FINAL_BUCKETS];

  while (*link != NULL && (*link)->serial != serial)
    link = &(*link)->final.next;
  return link;
}

static void final_list(Node *node)
{
  Node **bucket = &final_bucket[node->serial % FINAL_BUCKETS];

  node->final.is_listed = true;
  node->final.next = *bucket;
  *bucket = node;
}

static void final_unlist(Node *node)
{
  Node **link = final_find(node->serial);

  EXPECT(*link == node);
  *link = node->final.next;
  node->final.is_listed = false;
}

static void final_each(void (*visit)(Node *))
{
  size_t i;
  Node *node, *next;

  pthread_mutex_lock(&final_mutex);
  for (i = 0; i < FINAL_BUCKETS; ++i)
    for (node = final_bucket[i]; node != NULL; node = next) {
      next = node->final.next;
      visit(node);
    }
  pthread_mutex_unlock(&final_mutex);
}

/* Nothing refers to the node: free it, if no message is to come. */
static void node_gone(Node *node)
{
  bool is_kept = false;

  pthread_mutex_lock(&final_mutex);
  if (node->final.is_listed) {
    is_kept = node->final.count > 0;
    node->final.is_gone = true;
    if (!is_kept)
      final_unlist(node);
  }
  pthread_mutex_unlock(&final_mutex);
  if (!is_kept)
    free(node);
}


/* Verifying.  Nothing may move meanwhile. */

static void graph_visit(Graph *graph, Node *node, mps_addr_t client,
                        const char *from)
{
  if (client == NULL)
    fail("%s: the reference to object %lu is null", from,
         (unsigned long)node->serial);
  if (node->mark == graph->mark) {
    if (node->addr != client)
      fail("%s: object %lu is at %p and at %p", from,
           (unsigned long)node->serial, client, node->addr);
    return;
  }
  node_expect(node, client);
  if (!graph->is_weakly)
    node->strong = graph->mark;
  else if (graph->must_splat)
    fail("%s: object %lu is dead, and there is a weak reference", from,
         (unsigned long)node->serial);
  /* A pair that was kept for a message's sake is live again when the client
   * writes a live key into it. */
  if (!graph->is_weakly && !graph->is_by_pair
      && __atomic_load_n(&node->final.is_told, __ATOMIC_RELAXED))
    fail("%s: there was a message about object %lu", from,
         (unsigned long)node->serial);
  node->mark = graph->mark;
  node->addr = client;
  if (graph->work_count == graph->work_room) {
    graph->work_room = graph->work_room * 2 + 64;
    graph->work
        = realloc(graph->work, graph->work_room * sizeof graph->work[0]);
    EXPECT(graph->work != NULL);
  }
  graph->work[graph->work_count++] = node;
}

/* A weak reference that has become null: to what nothing else kept. */
static void graph_expect_splat(const Graph *graph, Node *node, size_t i)
{
  if (node->ref[i]->strong == graph->mark)
    fail("object %lu: weak reference %lu is null, and object %lu lives",
         (unsigned long)node->serial, (unsigned long)i,
         (unsigned long)node->ref[i]->serial);
  node->ref[i] = NULL;
}

static void graph_visit_references(Graph *graph, Node *node)
{
  const Word *block = block_of(node->addr);
  size_t i, first = first_reference();

  if (node->weak && !graph->is_weakly) {
    node->weak_next = graph->weak_work;
    graph->weak_work = node;
    return;
  }
  if (node->eph && !graph->is_weakly) {
    node->weak_next = graph->eph_work;
    graph->eph_work = node;
    return;
  }
  node_expect_words(node, block);
  for (i = 0; i < node->refs; ++i) {
    Word slot = block[first + i];
    if (node->weak && node->ref[i] != NULL && slot == 0)
      graph_expect_splat(graph, node, i);
    if (node->eph && node->ref[i] != NULL && slot == 0)
      node->ref[i] = NULL; /* graph_visit_pairs has looked */
    if (node->ref[i] == NULL) {
      if (slot != 0)
        fail("object %lu: null reference %lu has become 0x%lx",
             (unsigned long)node->serial, (unsigned long)i,
             (unsigned long)slot);
    } else {
      if ((slot & TAG_MASK) != format.tag)
        fail("object %lu: the tag of 0x%lx", (unsigned long)node->serial,
             (unsigned long)slot);
      graph_visit(graph, node->ref[i], decode_slot(slot), "object");
    }
  }
}

static void graph_visit_roots(Graph *graph)
{
  size_t t, i;

  for (t = 0; t < TABLES; ++t) {
    Table *table = &graph->tables[t];
    for (i = 0; table->slot != NULL && i < TABLE_SLOTS; ++i) {
      mps_addr_t client = table_get(table, i);
      if (table->slot[i] != table_encode(table, i, client))
        fail("root of kind %d: slot %lu is 0x%lx", (int)table->kind,
             (unsigned long)i, (unsigned long)table->slot[i]);
      if (table->node[i] != NULL)
        graph_visit(graph, table->node[i], client, "exact root");
      else if (client != NULL)
        fail("root of kind %d: null slot %lu has become %p", (int)table->kind,
             (unsigned long)i, client);
    }
    for (i = 0; table->slot != NULL && i < DECOYS; ++i)
      if (table->slot[TABLE_SLOTS + i] != table->decoy[i])
        fail("root of kind %d: a word that is no reference has changed",
             (int)table->kind);
  }
  for (i = 0; i < graph->pins; ++i)
    if (graph->pin[i].node != NULL)
      graph_visit(graph, graph->pin[i].node, graph->pin[i].addr,
                  "ambiguous root");
}

static void graph_sweep(Graph *graph)
{
  Node **link = &graph->nodes;

  graph->count = graph->bytes = 0;
  while (*link != NULL) {
    Node *node = *link;
    if (node->mark == graph->mark) {
      ++graph->count;
      graph->bytes += node->size;
      link = &node->next;
    } else {
      *link = node->next;
      node_gone(node);
    }
  }
}

static void graph_drain(Graph *graph)
{
  while (graph->work_count > 0)
    graph_visit_references(graph, graph->work[--graph->work_count]);
}

/* Pairs.  The mirror finds out which live by trying again and again. */

static bool graph_is_live(const Graph *graph, const Node *node)
{
  return node == NULL || node->strong == graph->mark;
}

static bool pair_is_live(const Graph *graph, const Node *node, size_t i)
{
  bool key = graph_is_live(graph, node->ref[i]);
  bool value = graph_is_live(graph, node->ref[i + 1]);

  switch (pair_kind(node->serial)) {
  case 0:
    return key;
  case 1:
    return key || value;
  default:
    return key && value;
  }
}

/* A live reference of a pair, or the odd one; true if that is news. */
static bool graph_visit_one(Graph *graph, Node *node, size_t i)
{
  Word slot = block_of(node->addr)[first_reference() + i];

  if (graph_is_live(graph, node->ref[i]))
    return false;
  if (slot == 0)
    fail("object %lu: reference %lu of a live pair is null",
         (unsigned long)node->serial, (unsigned long)i);
  graph_visit(graph, node->ref[i], decode_slot(slot), "pair");
  graph_drain(graph);
  return true;
}

static bool graph_visit_pairs(Graph *graph, Node *node)
{
  bool is_news = false;
  size_t i;

  for (i = 0; i + 1 < node->refs; i += 2)
    if (pair_is_live(graph, node, i)) {
      is_news |= graph_visit_one(graph, node, i);
      is_news |= graph_visit_one(graph, node, i + 1);
    }
  if (node->refs % 2 == 1)
    is_news |= graph_visit_one(graph, node, node->refs - 1);
  return is_news;
}

/* A dead pair is null as a whole, or not at all, but for what the client
 * made null. */
static void graph_expect_pairs(Graph *graph, Node *node)
{
  const Word *slot = block_of(node->addr) + first_reference();
  size_t i;

  for (i = 0; i + 1 < node->refs; i += 2) {
    bool live = pair_is_live(graph, node, i);
    size_t k;

    for (k = i; k < i + 2; ++k)
      if (live && node->ref[k] != NULL && slot[k] == 0)
        fail("object %lu: reference %lu of a live pair is null",
             (unsigned long)node->serial, (unsigned long)k);
    if (graph->must_splat && !live && (slot[i] != 0 || slot[i + 1] != 0))
      fail("object %lu: pair %lu is dead and isn't null",
           (unsigned long)node->serial, (unsigned long)i);
  }
}

static void graph_settle_pairs(Graph *graph)
{
  bool is_news = true;
  Node *node;

  while (is_news) {
    is_news = false;
    for (node = graph->eph_work; node != NULL; node = node->weak_next)
      is_news |= graph_visit_pairs(graph, node);
  }
  for (node = graph->eph_work; node != NULL; node = node->weak_next)
    graph_expect_pairs(graph, node);
}

static void graph_visit_weakly(Graph *graph, Node **list)
{
  Node *node;

  while ((node = *list) != NULL) {
    *list = node->weak_next;
    graph_visit_references(graph, node);
    graph_drain(graph);
  }
}

static void graph_verify(Graph *graph)
{
  ++graph->mark;
  graph->is_weakly = false;
  graph_visit_roots(graph);
  graph_drain(graph);
  /* What only weak references keep isn't dead for certain, and must be whole
   * as long as there are such references. */
  graph->is_by_pair = true;
  graph_settle_pairs(graph);
  graph->is_by_pair = false;
  graph->is_weakly = true;
  graph_visit_weakly(graph, &graph->weak_work);
  graph_visit_weakly(graph, &graph->eph_work);
  graph_sweep(graph);
}


/* Lifetime */

static bool graph_create(Graph *graph, mps_arena_t arena, const Config *config,
                         Chance *chance)
{
  size_t t;

  memset(graph, 0, sizeof *graph);
  graph->arena = arena;
  graph->protect = config->protect == 1;
  /* The stack root doesn't see a tagged word, which a thread may have in a
   * register when another stops it. */
  graph->kinds = config->threads > 1 ? TABLE_UNTAGGED : TABLE_KINDS;
  EXPECT(pthread_mutex_init(&graph->mutex, NULL) == 0);
  for (t = 0; t < TABLES; ++t)
    if (!table_create(graph, &graph->tables[t],
                      (TableKind)chance_below(chance, graph->kinds)))
      return false;
  graph->pins = (size_t)config->ambig;
  if (graph->pins == 0)
    return true;
  EXPECT(graph->pins * WORD_SIZE <= ROOT_BYTES);
  graph->pin = calloc(graph->pins, sizeof graph->pin[0]);
  graph->pin_word = pages_alloc();
  return mps_root_create_area(&graph->pin_root, arena, mps_rank_ambig(), 0,
                              graph->pin_word, graph->pin_word + graph->pins,
                              mps_scan_area, NULL)
         == MPS_RES_OK;
}

/* Drop every reference into the graph; its objects are garbage then. */
static void graph_clear(Graph *graph)
{
  size_t t, i;

  for (t = 0; t < TABLES; ++t)
    for (i = 0; graph->tables[t].slot != NULL && i < TABLE_SLOTS; ++i)
      table_set(&graph->tables[t], i, NULL, NULL);
  for (i = 0; i < graph->pins; ++i) {
    graph->pin_word[i] = 0;
    graph->pin[i].node = NULL;
  }
  graph_verify(graph);
  EXPECT(graph->count == 0);
}

static void graph_destroy(Graph *graph)
{
  size_t t;

  graph_clear(graph);
  for (t = 0; t < TABLES; ++t)
    table_destroy(&graph->tables[t]);
  if (graph->pin_root != NULL)
    mps_root_destroy(graph->pin_root);
  free(graph->pin);
  free(graph->pin_word);
  free(graph->work);
  pthread_mutex_destroy(&graph->mutex);
}

#endif /* FUZZ_GRAPH_H */
