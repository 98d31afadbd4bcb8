/* ring.h -- circular lists threaded through their members
 *
 * A ring is a link that stands for the list, and a link in each member.
 * A member is in one place at most for each link that it has; a link that
 * is in no list points to itself.
 *
 * Design: .base.ring (design/base.rst).
 */

#ifndef RING_H
#define RING_H

#include "base.h"

typedef struct Ring {
  struct Ring *next;
  struct Ring *prev;
} Ring;

#define RING_ELEM(type, field, link) \
  ((type *)(void *)((char *)(link)-offsetof(type, field)))

/* RING_FOR -- visit each member; the body may remove the one it is at */
#define RING_FOR(node, after, ring) \
  for (Ring *node = (ring)->next, *after = node->next; node != (ring); \
       node = after, after = node->next)

static inline void ring_init(Ring *ring)
{
  ring->next = ring;
  ring->prev = ring;
}

static inline bool ring_is_single(const Ring *ring)
{
  return ring->next == ring;
}

static inline bool ring_check(const Ring *ring)
{
  CHECK(ring->next != NULL);
  CHECK(ring->prev != NULL);
  CHECK(ring->next->prev == ring);
  CHECK(ring->prev->next == ring);
  return true;
}

/* Put a single link last in the list. */
static inline void ring_append(Ring *ring, Ring *link)
{
  ASSERT_HOT(ring_is_single(link));
  link->prev = ring->prev;
  link->next = ring;
  ring->prev->next = link;
  ring->prev = link;
}

static inline void ring_remove(Ring *link)
{
  link->next->prev = link->prev;
  link->prev->next = link->next;
  ring_init(link);
}

/* Move every member of from to the end of ring. */
static inline void ring_splice(Ring *ring, Ring *from)
{
  if (ring_is_single(from))
    return;
  from->next->prev = ring->prev;
  ring->prev->next = from->next;
  from->prev->next = ring;
  ring->prev = from->prev;
  ring_init(from);
}

static inline Count ring_length(const Ring *ring)
{
  Count count = 0;

  for (const Ring *node = ring->next; node != ring; node = node->next)
    ++count;
  return count;
}

#endif /* RING_H */
