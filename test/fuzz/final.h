/* final.h -- registering objects, and what messages say about them
 *
 * An object whose message comes was unreachable: the mirror fails if it
 * finds it afterwards.  It is whole, and so are the objects that it refers
 * to.  Some objects are taken back, without what they referred to.  Where
 * nothing can keep a dead object by accident, its messages must have come
 * after the second full collection before which no message was left.
 *
 * Design: .fuzz.final (design/fuzz.rst).
 */

#ifndef FUZZ_FINAL_H
#define FUZZ_FINAL_H

#include "mutate.h"

/* Registering and withdrawing.  What is reachable has been reported by no
 * message, so the mirror knows the number of its registrations. */

static void final_register(Mutator *m, Node *node)
{
  mps_addr_t client = m->hand[0];
  mps_res_t res = mps_finalize(m->world->arena, &client);

  if (!went_well("finalize", res)) {
    EXPECT(m->world->limited || world_threaded(m->world));
    return;
  }
  ++m->counts.finalized;
  pthread_mutex_lock(&final_mutex);
  ++node->final.count;
  if (!node->final.is_listed)
    final_list(node);
  pthread_mutex_unlock(&final_mutex);
}

static void final_withdraw(Mutator *m, Node *node)
{
  mps_addr_t client = m->hand[0];
  mps_res_t res = mps_definalize(m->world->arena, &client);

  EXPECT(res == (node->final.count > 0 ? MPS_RES_OK : MPS_RES_FAIL));
  pthread_mutex_lock(&final_mutex);
  node->final.count -= res == MPS_RES_OK;
  pthread_mutex_unlock(&final_mutex);
}

static void op_final(Mutator *m, Graph *graph)
{
  size_t n = 1 + chance_below(&m->chance, 6);
  Node *node = walk(m, graph, 0);

  if (node == NULL || m->world->config->final != 1)
    return;
  if (n > 4)
    final_withdraw(m, node);
  else
    for (n = n < 3 ? 1 : n; n > 0; --n)
      final_register(m, node);
}


/* Messages */

static void final_expect_object(const Node *node, mps_addr_t client)
{
  const Word *block = block_of(client);
  size_t i, first = first_reference();

  node_expect(node, client);
  node_expect_words(node, block);
  for (i = 0; i < node->refs; ++i)
    if (block[first + i] != 0) {
      const Word *to = block_of(decode_slot(block[first + i]));

      expect_block(to, "a message's object refers to");
      EXPECT(info_kind(to[AT_INFO]) == KIND_OBJECT
             || info_kind(to[AT_INFO]) == KIND_LEAF);
    }
}

/* One message has come; the node if that was the last one and nothing else
 * has it, or null. */
static Node *final_take(mps_addr_t client)
{
  Word serial = block_of(client)[AT_SERIAL];
  Node *node;
  bool is_last;

  pthread_mutex_lock(&final_mutex);
  node = *final_find(serial);
  if (node == NULL || node->final.count <= 0)
    fail("a message too many, about object %lu", (unsigned long)serial);
  final_expect_object(node, client);
  is_last = --node->final.count == 0 && node->final.is_gone;
  if (!node->final.is_gone)
    __atomic_store_n(&node->final.is_told, true, __ATOMIC_RELAXED);
  if (is_last)
    final_unlist(node);
  pthread_mutex_unlock(&final_mutex);
  return is_last ? node : NULL;
}

/* Put an object that a hand holds back into its graph. */
static void final_revive(Mutator *m, Node *node)
{
  size_t i;

  ++m->counts.revived;
  memset(&node->final, 0, sizeof node->final);
  for (i = 0; i < node->refs; ++i)
    set_reference(node, m->hand[0], i, NULL, NULL);
  node_add(m->own, node);
  attach(m, m->own, node, 0);
}

static bool final_is_own(const Mutator *m, const Node *node)
{
  return node->serial >> OWN_SHIFT == m->own->serial >> OWN_SHIFT;
}

static void final_message(Mutator *m, mps_message_t message)
{
  mps_addr_t client = NULL;
  Node *node;

  EXPECT(mps_message_clock(m->world->arena, message) == 0);
  mps_message_finalization_ref(&client, m->world->arena, message);
  node = final_take(hold(m, 0, client));
  ++m->counts.told;
  if (node == NULL)
    return;
  if (final_is_own(m, node) && chance_once_in(&m->chance, 3))
    final_revive(m, node);
  else
    free(node);
}

static void gc_message(mps_arena_t arena, mps_message_t message)
{
  if (mps_message_type(arena, message) == mps_message_type_gc()) {
    (void)mps_message_gc_live_size(arena, message);
    (void)mps_message_gc_condemned_size(arena, message);
    (void)mps_message_gc_not_condemned_size(arena, message);
  } else {
    EXPECT(mps_message_type(arena, message) == mps_message_type_gc_start());
    EXPECT(mps_message_gc_start_why(arena, message) != NULL);
  }
}

static void drain_messages(Mutator *m)
{
  mps_arena_t arena = m->world->arena;
  mps_message_type_t type;
  mps_message_t message;

  while (mps_message_queue_type(&type, arena)) {
    if (!mps_message_get(&message, arena, type)) {
      EXPECT(world_threaded(m->world)); /* another thread was faster */
      continue;
    }
    EXPECT(mps_message_type(arena, message) == type);
    if (type == mps_message_type_finalization())
      final_message(m, message);
    else
      gc_message(arena, message);
    mps_message_discard(arena, message);
  }
}


/* What died while nobody wanted to hear isn't waited for: nor is what only
 * weak references name, which a trace may have found dead before the mirror
 * looked at them. */

static void final_lose(Node *node)
{
  node->final.is_lost |= node->final.is_gone || node->final.is_told
                         || node->strong != node->mark;
}

static void final_enable(Mutator *m, bool is_enabled)
{
  World *world = m->world;
  mps_message_type_t type = mps_message_type_finalization();

  if (world->config->final != 1)
    return;
  if (!is_enabled)
    mps_message_type_disable(world->arena, type);
  if (is_enabled && !world->is_told) {
    if (!world_threaded(world))
      graph_verify(m->own);
    final_each(final_lose);
    mps_message_type_enable(world->arena, type);
  }
  world->is_told = is_enabled;
}


/* Waiting */

static void final_age(Node *node)
{
  node->final.collects += node->final.is_gone;
}

static void final_expect_told(Node *node)
{
  if (node->final.collects >= 2 && !node->final.is_lost
      && node->final.count > 0)
    fail("no message about object %lu, which is dead",
         (unsigned long)node->serial);
}

/* A full collection has been made, in which memory was plenty, and before it
 * no message was left.  Nothing but a table of references keeps an object. */
static void final_collected(Mutator *m)
{
  const World *world = m->world;

  if (world->config->stack == 1 || world->config->ambig > 0
      || world_threaded(world) || world->limited || !world->is_told
      || world->has_ambig || world->is_left)
    return;
  final_each(final_age);
  drain_messages(m);
  final_each(final_expect_told);
}

static void final_free(Node *node)
{
  final_unlist(node);
  EXPECT(node->final.is_gone);
  free(node);
}

/* The episode is over: no more messages will come. */
static void final_clear(void)
{
  final_each(final_free);
}

#endif /* FUZZ_FINAL_H */
