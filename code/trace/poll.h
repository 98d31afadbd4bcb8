/* poll.h -- giving collection its chance
 *
 * Each entry that allocates comes by here; the policy decides.  What a
 * client asks for by name comes by here too.
 *
 * Design: .poll.who, .poll.states (design/poll.rst).
 */

#ifndef POLL_H
#define POLL_H

#include "trace.h"

/* Collect if the policy says so and the client hasn't forbidden it. */
MOSTLY_INTERN void poll_maybe(Arena *arena);

/* Would that do nothing? */
MOSTLY_INTERN bool poll_is_idle(const Arena *arena);

/* An allocation has failed: collect the world, once, if the client hasn't
 * forbidden it.  True if it's worth trying again. */
MOSTLY_INTERN bool poll_for_memory(Arena *arena);

/* Go on to the end of a trace, if one is running.  For whatever can't go
 * together with one: walks, and the end of a pool. */
MOSTLY_INTERN void poll_finish(Arena *arena);

/* The client's requests.  start_collect is false if there was nothing to
 * collect; step is true if there was any work. */
MOSTLY_INTERN void poll_clamp(Arena *arena);
MOSTLY_INTERN void poll_park(Arena *arena);
MOSTLY_INTERN void poll_release(Arena *arena);
MOSTLY_INTERN void poll_collect(Arena *arena);
MOSTLY_INTERN bool poll_start_collect(Arena *arena);
MOSTLY_INTERN bool poll_step(Arena *arena, Seconds interval,
                             double multiplier);

#endif /* POLL_H */
