/* final.h -- the objects of whose death the client wants to hear
 *
 * A registration names an object.  It is found by the object's address, and
 * listed by the generation that the object is in, so that a trace looks at
 * those of condemned generations only.  When all that is alive has been
 * found and the object isn't among it, the registration becomes the message
 * that says so, and the message keeps the object alive from then on.
 *
 * The arena's lock guards all of it.
 *
 * Design: .final, .final.record (design/final.rst).
 */

#ifndef FINAL_H
#define FINAL_H

#include "heap.h"

/* So many registrations are looked at between two looks at the clock. */
#define FINAL_STEP ((Count)2000)

MOSTLY_INTERN void final_init(Arena *arena);
/* All pools are gone, and with them all registrations. */
MOSTLY_INTERN void final_finish(Arena *arena);
/* For tests: its cost is in proportion to the number of registrations. */
MOSTLY_INTERN bool final_check(const Arena *arena);

/* Can it be an object of a pool that finds out which objects are dead?
 * That no object begins there is found out in the harsh variety only. */
MOSTLY_INTERN bool final_is_object(const Arena *arena, Addr ref);

/* Ask for one message.  Codes as of ctl_alloc. */
MOSTLY_INTERN Res final_register(Arena *arena, Addr ref);
/* Withdraw one request, or MPS_RES_FAIL. */
MOSTLY_INTERN Res final_definalize(Arena *arena, Addr ref);

/* For objects without a format, which the client may free and move, but only
 * while final_knows_blocks: drop the requests for one and the messages about
 * it that the client hasn't taken; or let them all be for it at its new
 * place.  One that the client has taken stays, without its reference.  The
 * cost is in proportion to the requests for the object and the messages
 * about it. */
MOSTLY_INTERN void final_free_object(Arena *arena, Addr ref);
MOSTLY_INTERN void final_move_object(Arena *arena, Addr old, Addr new);

static inline bool final_knows_blocks(const Finals *finals)
{
  return (finals->count | finals->blocks) != 0;
}

/* A pool with all objects in the generation of this id has marked, without a
 * trace, those that are strongly reachable: call keep for those that messages
 * refer to, and post messages for those that requests are for and that aren't
 * preserved then, and call keep for these too. */
typedef void (*FinalKeep)(Addr ref, void *closure);
MOSTLY_INTERN void final_decide(Pool *pool, Index gen, FinalKeep keep,
                                void *closure);

/* The pool is going: drop the requests for its objects and the messages
 * about them.  A message that the client has taken stays, without its
 * reference. */
MOSTLY_INTERN void final_forget_pool(Pool *pool);

/* Give the memory of a message back, as a MessageRelease does. */
MOSTLY_INTERN void final_release(Arena *arena, Message *message);

static inline Final *final_of_message(Message *message)
{
  ASSERT(message->type == mps_message_type_finalization());
  return RING_ELEM(Final, as.message, message);
}

/* A trace calls flip when ambiguous references have been fixed: preserve
 * what messages refer to.  white are the condemned generations. */
MOSTLY_INTERN void final_flip(Arena *arena, struct Trace *trace, RefSet white);

/* Has the running trace still to call scan? */
MOSTLY_INTERN bool final_is_due(const Arena *arena);
/* And has it called it, but not for the last time? */
MOSTLY_INTERN bool final_is_deciding(const Arena *arena);

/* And scan, as long as it is due, whenever nothing is grey: find out which
 * objects are dead, then post messages for those, and preserve them.  Each
 * call does FINAL_STEP of either.  Then there may be something grey again. */
MOSTLY_INTERN void final_scan(Arena *arena, struct Trace *trace);

#endif /* FINAL_H */
