/* buffer.h -- the state behind an allocation point
 *
 *   state     init, alloc    limit        init_at_flip
 *   reset     NULL           NULL         NULL
 *   ready     init == alloc  the limit    NULL
 *   busy      init < alloc   the limit    NULL
 *   flipped   either         NULL         init when it was flipped
 *   orphan    init == alloc == the limit; the segment was taken away
 *
 * The client moves between ready and busy without a lock, by reserve and
 * commit.  Only the library writes limit, and only while the client's
 * thread is stopped or has called it (.buffer.inv.limit).
 *
 * Design: .buffer.states (design/buffer.rst).
 */

#ifndef BUFFER_H
#define BUFFER_H

#include "heap.h"

MOSTLY_INTERN Res buffer_create(Buffer **buffer_out, Pool *pool,
                                mps_arg_s *args);
/* The allocation point isn't between reserve and commit. */
MOSTLY_INTERN void buffer_destroy(Buffer *buffer);
MOSTLY_INTERN bool buffer_check(const Buffer *buffer);

static inline Buffer *buffer_of_ap(mps_ap_t ap)
{
  return RING_ELEM(Buffer, ap, ap);
}

/* Above it nothing is committed.  The client may be committing meanwhile, in
 * another thread; what is below is as it was written (.buffer.init). */
static inline Addr buffer_committed(const Buffer *buffer)
{
  return __atomic_load_n(&buffer->ap.init, __ATOMIC_ACQUIRE);
}

/* Is it between reserve and commit? */
static inline bool buffer_is_busy(const Buffer *buffer)
{
  return buffer->ap.init != buffer->ap.alloc;
}

/* Reserve size bytes where the inline test failed, from the memory at hand
 * if a flip is all that was in the way.  False if there isn't enough:
 * then the buffer has let go of its memory, and buffer_fill is next. */
MOSTLY_INTERN bool buffer_retry(Addr *base_out, Buffer *buffer, Size size);
/* Get memory for size bytes and reserve them; the buffer is reset. */
MOSTLY_INTERN Res buffer_fill(Addr *base_out, Buffer *buffer, Size size);
/* A commit found the trap: did the object survive the flip? */
MOSTLY_INTERN bool buffer_trip(Buffer *buffer, Addr base);

/* For a class's fill method: attach [base, limit) of a segment, or with NULL
 * of memory that is in none (.buffer.bare). */
MOSTLY_INTERN void buffer_attach(Buffer *buffer, Seg *seg, Addr base,
                                 Addr limit);

/* For a class's pop method: let go of the memory as it is. */
MOSTLY_INTERN void buffer_drop(Buffer *buffer);

/* What a frame that is pushed now is known by: where the next block goes,
 * or NULL if nothing was allocated yet. */
static inline Addr buffer_frame(const Buffer *buffer)
{
  if (buffer->ap.init == NULL && buffer->stack != NULL)
    return buffer->stack->limit;
  return buffer->ap.init;
}

/* With the threads stopped. */

/* Trap the client: what is being initialised must be done again. */
MOSTLY_INTERN void buffer_flip(Buffer *buffer);
/* If the client can do nothing with it but ask for more, let its segment
 * go (.buffer.orphan). */
MOSTLY_INTERN void buffer_orphan(Buffer *buffer);
/* The same to all buffers of an arena. */
MOSTLY_INTERN void buffer_flip_all(Arena *arena);
MOSTLY_INTERN void buffer_orphan_all(Arena *arena);

#endif /* BUFFER_H */
