/* message.c -- what an arena has to tell its client, in order
 *
 * Design: .message, .message.store (design/message.rst).
 */

#include "message.h"

_Static_assert(mps_message_type_finalization() < MESSAGE_TYPES
                   && mps_message_type_gc() < MESSAGE_TYPES
                   && mps_message_type_gc_start() < MESSAGE_TYPES,
               "types index the queue's lists");


/* Messages */

void message_init(Message *message, mps_message_type_t type)
{
  ASSERT(message != NULL);
  ASSERT(type < MESSAGE_TYPES);

  message->type = (unsigned char)type;
  message->state = MESSAGE_OWNED;
  ring_init(&message->link);
  message->from.serial = 0;
  message->sig = MESSAGE_SIG;
  ASSERT(message_check(message));
}

void message_finish(Message *message)
{
  ASSERT(message_check(message));
  ASSERT(message->state == MESSAGE_OWNED);
  message->sig = SIG_NONE;
}

bool message_check(const Message *message)
{
  CHECK(message != NULL);
  CHECK(message->sig == MESSAGE_SIG);
  CHECK(message->type < MESSAGE_TYPES);
  CHECK(message->state <= MESSAGE_TAKEN);
  CHECK(ring_check(&message->link));
  /* .message.inv.owner: a message is in a list of its queue, or it is
   * owned and in none. */
  CHECK(ring_is_single(&message->link) == (message->state == MESSAGE_OWNED));
  return true;
}


/* Queues */

void message_queue_init(MessageQueue *queue, MessageRelease release,
                        void *closure)
{
  ASSERT(queue != NULL);
  ASSERT(release != NULL);

  for (Index type = 0; type < MESSAGE_TYPES; ++type) {
    queue->is_enabled[type] = false;
    ring_init(&queue->queued[type]);
  }
  ring_init(&queue->taken);
  queue->posted = 0;
  queue->release = release;
  queue->closure = closure;
  queue->sig = MESSAGE_QUEUE_SIG;
  ASSERT(message_queue_check(queue));
}

static bool message_queue_check_list(const MessageQueue *queue,
                                     const Ring *list, MessageState state)
{
  uint64_t serial = 0;

  for (const Ring *node = list->next; node != list; node = node->next) {
    const Message *message = RING_ELEM(const Message, link, node);

    CHECK(message_check(message));
    CHECK(message->state == state);
    if (state == MESSAGE_TAKEN) {
      CHECK(message->from.taken == queue);
    } else {
      /* .message.inv.order: each list is in the order of posting. */
      CHECK(message->from.serial > serial);
      CHECK(message->from.serial <= queue->posted);
      CHECK(list == &queue->queued[message->type]);
      serial = message->from.serial;
    }
  }
  return true;
}

bool message_queue_check(const MessageQueue *queue)
{
  CHECK(queue != NULL);
  CHECK(queue->sig == MESSAGE_QUEUE_SIG);
  CHECK(queue->release != NULL);
  for (Index type = 0; type < MESSAGE_TYPES; ++type) {
    CHECK(ring_check(&queue->queued[type]));
    /* .message.inv.enabled: only what is enabled is queued. */
    CHECK(queue->is_enabled[type] || ring_is_single(&queue->queued[type]));
    if (CHECK_DEEP)
      CHECK(message_queue_check_list(queue, &queue->queued[type],
                                     MESSAGE_QUEUED));
  }
  CHECK(ring_check(&queue->taken));
  if (CHECK_DEEP)
    CHECK(message_queue_check_list(queue, &queue->taken, MESSAGE_TAKEN));
  return true;
}

/* Back to its owner, whatever state it is in.  Nothing of the queue may
 * refer to it when release is called, as its memory may be gone after. */

static void message_release(MessageQueue *queue, Message *message)
{
  ring_remove(&message->link);
  message->state = MESSAGE_OWNED;
  message_finish(message);
  queue->release(queue->closure, message);
}

static void message_release_all(MessageQueue *queue, Ring *list)
{
  while (!ring_is_single(list))
    message_release(queue, RING_ELEM(Message, link, list->next));
}

void message_queue_finish(MessageQueue *queue)
{
  ASSERT(message_queue_check(queue));
  for (Index type = 0; type < MESSAGE_TYPES; ++type)
    message_release_all(queue, &queue->queued[type]);
  message_release_all(queue, &queue->taken);
  queue->sig = SIG_NONE;
}

void message_enable(MessageQueue *queue, mps_message_type_t type)
{
  ASSERT(message_queue_check(queue));
  ASSERT(type < MESSAGE_TYPES);
  queue->is_enabled[type] = true;
}

void message_disable(MessageQueue *queue, mps_message_type_t type)
{
  ASSERT(message_queue_check(queue));
  ASSERT(type < MESSAGE_TYPES);
  message_release_all(queue, &queue->queued[type]);
  queue->is_enabled[type] = false;
}

bool message_is_enabled(const MessageQueue *queue, mps_message_type_t type)
{
  ASSERT(message_queue_check(queue));
  ASSERT(type < MESSAGE_TYPES);
  return queue->is_enabled[type];
}

bool message_post(MessageQueue *queue, Message *message, mps_clock_t now)
{
  ASSERT(message_queue_check(queue));
  ASSERT(message_check(message));
  ASSERT(message->state == MESSAGE_OWNED);

  if (!queue->is_enabled[message->type]) {
    message_release(queue, message);
    return false;
  }

  /* Many objects are found dead in one moment, and the interface promises
   * a clock for collections only. */
  if (message->type != mps_message_type_finalization())
    message_gc(message)->clock = now;
  message->from.serial = ++queue->posted;
  message->state = MESSAGE_QUEUED;
  ring_append(&queue->queued[message->type], &message->link);
  return true;
}

/* The oldest of all, or NULL.  The first of each list is the oldest of its
 * type (.message.inv.order). */

static const Message *message_oldest(const MessageQueue *queue)
{
  const Message *oldest = NULL;

  for (Index type = 0; type < MESSAGE_TYPES; ++type) {
    const Ring *list = &queue->queued[type];
    const Message *first = RING_ELEM(const Message, link, list->next);

    if (ring_is_single(list))
      continue;
    if (oldest == NULL || first->from.serial < oldest->from.serial)
      oldest = first;
  }
  return oldest;
}

bool message_poll(const MessageQueue *queue)
{
  ASSERT(message_queue_check(queue));
  return message_oldest(queue) != NULL;
}

bool message_queue_type(mps_message_type_t *type_out,
                        const MessageQueue *queue)
{
  ASSERT(message_queue_check(queue));

  const Message *oldest = message_oldest(queue);
  if (oldest == NULL)
    return false;
  *type_out = oldest->type;
  return true;
}

bool message_get(Message **message_out, MessageQueue *queue,
                 mps_message_type_t type)
{
  ASSERT(message_queue_check(queue));
  ASSERT(type < MESSAGE_TYPES);

  Ring *list = &queue->queued[type];
  if (ring_is_single(list))
    return false;

  Message *message = RING_ELEM(Message, link, list->next);
  ring_remove(&message->link);
  ring_append(&queue->taken, &message->link);
  message->state = MESSAGE_TAKEN;
  message->from.taken = queue;
  *message_out = message;
  return true;
}

void message_discard(MessageQueue *queue, Message *message)
{
  ASSERT(message_queue_check(queue));
  ASSERT(message_check(message));
  ASSERT(message->state == MESSAGE_TAKEN && message->from.taken == queue);
  message_release(queue, message);
}

void message_drop(MessageQueue *queue, Message *message)
{
  ASSERT(message_check(message));
  ASSERT(message->state == MESSAGE_QUEUED);
  message_release(queue, message);
}

void message_each(MessageQueue *queue, mps_message_type_t type,
                  MessageVisit visit, void *closure)
{
  ASSERT(type < MESSAGE_TYPES);
  RING_FOR (node, after, &queue->queued[type])
    visit(RING_ELEM(Message, link, node), closure);
  RING_FOR (node, after, &queue->taken) {
    Message *message = RING_ELEM(Message, link, node);

    if (message->type == type)
      visit(message, closure);
  }
}
