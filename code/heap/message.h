/* message.h -- what an arena has to tell its client, in order
 *
 * Messages wait in a queue until the client gets them, and then exist
 * until the client discards them.  Nothing here allocates: whoever posts a
 * message made it earlier, when memory could still be had, and gives it
 * away to the queue; the queue gives it to release in the end.
 *
 *             post                  get                 discard
 *   MESSAGE_OWNED ---> MESSAGE_QUEUED ---> MESSAGE_TAKEN ------> release
 *        |                  |                                       ^
 *        +------------------+---------------------------------------+
 *          its type is not enabled any more
 *
 * The arena's lock guards a queue and the messages in it.
 *
 * Design: .message, .message.store (design/message.rst).
 */

#ifndef MESSAGE_H
#define MESSAGE_H

#include "../base/ring.h"

#define MESSAGE_SIG ((Sig)0x4D657373)       /* "Mess" */
#define MESSAGE_QUEUE_SIG ((Sig)0x4D735175) /* "MsQu" */

/* The types are the interface's, numbered from zero. */
#define MESSAGE_TYPES 3

typedef enum MessageState {
  MESSAGE_OWNED,  /* by whoever made it */
  MESSAGE_QUEUED, /* waiting for the client */
  MESSAGE_TAKEN   /* by the client, until it is discarded */
} MessageState;

typedef struct mps_message_s Message;
typedef struct MessageQueue MessageQueue;

struct mps_message_s {
  Sig sig;
  unsigned char type;  /* mps_message_type_*() */
  unsigned char state; /* MessageState */
  Ring link;           /* queue->queued[type] or queue->taken */
  union {
    uint64_t serial;     /* its place in the order of posting, while queued */
    MessageQueue *taken; /* the queue that it was in, once it is taken */
  } from;
};

/* Of the start or the end of a collection.  A message of the third type is
 * part of a registration (Final, heap.h), and has no clock. */
typedef struct GcMessage {
  Message message;
  mps_clock_t clock; /* at posting */
  union {
    struct {
      Size live; /* bytes that survived */
      Size condemned;
      Size not_condemned;
    } gc;
    struct {
      const char *why; /* outlives the message */
    } gc_start;
  } data; /* which, by type */
} GcMessage;

static inline GcMessage *message_gc(Message *message)
{
  ASSERT(message->type != mps_message_type_finalization());
  return RING_ELEM(GcMessage, message, message);
}

/* Takes a message's memory back; the message is finished and in no list.
 * It may not call the queue. */
typedef void (*MessageRelease)(void *closure, Message *message);

struct MessageQueue {
  Sig sig;
  bool is_enabled[MESSAGE_TYPES];
  uint64_t posted;            /* messages so far */
  Ring queued[MESSAGE_TYPES]; /* by type, oldest first */
  Ring taken;
  MessageRelease release;
  void *closure; /* for release */
};

/* An owned message.  What surrounds it is the caller's to fill in.
 * finish is for one that will never be posted. */
MOSTLY_INTERN void message_init(Message *message, mps_message_type_t type);
MOSTLY_INTERN void message_finish(Message *message);
MOSTLY_INTERN bool message_check(const Message *message);

/* No type is enabled at first.  finish releases every message, those that
 * the client holds too. */
MOSTLY_INTERN void message_queue_init(MessageQueue *queue,
                                      MessageRelease release, void *closure);
MOSTLY_INTERN void message_queue_finish(MessageQueue *queue);
MOSTLY_INTERN bool message_queue_check(const MessageQueue *queue);

/* Which types are let through.  Disabling one releases what is queued of
 * it, and leaves alone what the client has taken. */
MOSTLY_INTERN void message_enable(MessageQueue *queue,
                                  mps_message_type_t type);
MOSTLY_INTERN void message_disable(MessageQueue *queue,
                                   mps_message_type_t type);
MOSTLY_INTERN bool message_is_enabled(const MessageQueue *queue,
                                      mps_message_type_t type);

/* Give an owned message away.  Of a type that isn't enabled it is released
 * at once, and the result is false.  now is the client's clock. */
MOSTLY_INTERN bool message_post(MessageQueue *queue, Message *message,
                                mps_clock_t now);

/* Is anything queued; the type of the oldest; take the oldest of a type.
 * The outs are untouched when the result is false. */
MOSTLY_INTERN bool message_poll(const MessageQueue *queue);
MOSTLY_INTERN bool message_queue_type(mps_message_type_t *type_out,
                                      const MessageQueue *queue);
MOSTLY_INTERN bool message_get(Message **message_out, MessageQueue *queue,
                               mps_message_type_t type);

/* The client is done with a message that it took. */
MOSTLY_INTERN void message_discard(MessageQueue *queue, Message *message);
/* Release one that waits in the queue. */
MOSTLY_INTERN void message_drop(MessageQueue *queue, Message *message);

/* Visit each message of a type, those that the client took too.  The visit
 * may drop the message that it is at. */
typedef void (*MessageVisit)(Message *message, void *closure);
MOSTLY_INTERN void message_each(MessageQueue *queue, mps_message_type_t type,
                                MessageVisit visit, void *closure);

#endif /* MESSAGE_H */
