/* buffer.c -- the state behind an allocation point
 *
 * Design: .buffer.states (design/buffer.rst).
 */

#include "buffer.h"

#include "barrier.h"
#include "seg.h"

#include <string.h>


/* The bytes of a buffer's record: whole cache lines, since two threads write
 * to theirs at each allocation (.buffer.line). */
#define BUFFER_RECORD size_round_up(sizeof(Buffer), CTL_LINE)


/* Lifetime */

Res buffer_create(Buffer **buffer_out, Pool *pool, mps_arg_s *args)
{
  Ctl *ctl = &pool->arena->ctl;
  Buffer *buffer;
  Res res = ctl_alloc(&buffer, ctl, BUFFER_RECORD);

  if (res != MPS_RES_OK)
    return res;
  memset(buffer, 0, sizeof *buffer);
  buffer->pool = pool;
  ring_init(&buffer->link);
  res = pool->class->buffer_init(buffer, args);
  if (res != MPS_RES_OK) {
    ctl_free(ctl, buffer, BUFFER_RECORD);
    return res;
  }
  ring_append(&pool->buffers, &buffer->link);
  buffer->sig = BUFFER_SIG;
  ASSERT(buffer_check(buffer));
  *buffer_out = buffer;
  return MPS_RES_OK;
}

/* buffer_reset -- hold nothing */

static void buffer_reset(Buffer *buffer)
{
  buffer->ap.init = NULL;
  buffer->ap.alloc = NULL;
  buffer->ap.limit = NULL;
  buffer->base = NULL;
  buffer->limit = NULL;
  buffer->init_at_flip = NULL;
  buffer->is_flipped = false;
  buffer->is_orphan = false;
}

/* The memory of a pool without segments is in none (.buffer.bare). */

static bool buffer_has_memory(const Buffer *buffer)
{
  return buffer->limit != NULL && !buffer->is_orphan;
}

void buffer_drop(Buffer *buffer)
{
  if (buffer->seg != NULL) {
    buffer->seg->buffer = NULL;
    buffer->seg = NULL;
  }
  buffer_reset(buffer);
}

/* buffer_detach -- let go of the memory; the rest of it becomes padding */

static void buffer_detach(Buffer *buffer)
{
  ASSERT(!buffer_is_busy(buffer));
  if (buffer->seg != NULL)
    barrier_open(buffer->pool->arena, buffer->seg->base);
  if (buffer_has_memory(buffer))
    buffer->pool->class->empty(buffer);
  buffer_drop(buffer);
}

void buffer_destroy(Buffer *buffer)
{
  ASSERT(buffer_check(buffer));
  /* Its ramps end with it, or the pool would stay in one for ever
   * (.buffer.ramps). */
  while (buffer->ramps > 0)
    buffer->pool->class->ramp_end(buffer->pool, buffer);
  (void)buffer->pool->class->pop(buffer, NULL);
  buffer_detach(buffer);
  buffer->sig = SIG_NONE;
  ring_remove(&buffer->link);
  ctl_free(&buffer->pool->arena->ctl, buffer, BUFFER_RECORD);
}

bool buffer_check(const Buffer *buffer)
{
  CHECK(buffer != NULL);
  CHECK(buffer->sig == BUFFER_SIG);
  CHECK(buffer->pool->sig == POOL_SIG);
  CHECK(ring_check(&buffer->link));
  CHECK(buffer->ap.init <= buffer->ap.alloc);
  CHECK((Addr)buffer->ap.alloc <= buffer->limit);
  /* .buffer.inv.flipped: a leaf's buffer is never flipped, so that its
   * commits can't fail. */
  CHECK(!buffer->is_flipped || buffer->rank != RANK_NONE);
  CHECK(buffer->is_flipped == (buffer->init_at_flip != NULL));
  CHECK(!buffer->is_flipped || buffer->ap.limit == NULL);
  /* .buffer.inv.room */
  CHECK(!buffer->is_flipped || buffer->init_at_flip < buffer->limit);
  CHECK(!buffer->is_flipped || buffer->init_at_flip == (Addr)buffer->ap.init
        || buffer->ap.init == buffer->ap.alloc);
  if (buffer->seg != NULL) {
    CHECK(buffer->seg->sig == SEG_SIG);
    CHECK(buffer->seg->buffer == buffer);
    CHECK(buffer->limit <= buffer->seg->limit);
    CHECK(!buffer->is_orphan);
  }
  return true;
}


/* Filling */

void buffer_attach(Buffer *buffer, Seg *seg, Addr base, Addr limit)
{
  ASSERT(buffer->seg == NULL && !buffer_has_memory(buffer));
  if (seg != NULL) {
    ASSERT(seg->buffer == NULL);
    buffer->seg = seg;
    seg->buffer = buffer;
  }
  buffer->base = base;
  buffer->limit = limit;
  buffer->ap.init = base;
  buffer->ap.alloc = base;
  buffer->ap.limit = limit;
  ASSERT(buffer_check(buffer));
}

static bool buffer_reserve(Addr *base_out, Buffer *buffer, Size size)
{
  if (size > addr_diff((Addr)buffer->ap.alloc, buffer->limit))
    return false;
  *base_out = buffer->ap.init;
  buffer->ap.alloc = addr_add((Addr)buffer->ap.alloc, size);
  return true;
}

bool buffer_retry(Addr *base_out, Buffer *buffer, Size size)
{
  ASSERT(buffer_check(buffer));
  /* The client is about to write there, or we are. */
  if (buffer->seg != NULL)
    barrier_open(buffer->pool->arena, buffer->seg->base);
  if (buffer->is_flipped) {
    /* Nothing between reserve and commit: what was allocated since the
     * flip is black by construction. */
    buffer->is_flipped = false;
    buffer->init_at_flip = NULL;
    buffer->ap.limit = buffer->limit;
  }
  if (buffer_has_memory(buffer) && buffer_reserve(base_out, buffer, size))
    return true;
  buffer_detach(buffer);
  return false;
}

Res buffer_fill(Addr *base_out, Buffer *buffer, Size size)
{
  Pool *pool = buffer->pool;
  Res res;

  ASSERT(buffer_check(buffer));
  ASSERT(buffer->seg == NULL && buffer->limit == NULL);
  res = pool->class->fill(buffer, size);
  if (res != MPS_RES_OK)
    return res;
  if (pool->class->is_managed)
    pool->arena->filled += addr_diff(buffer->base, buffer->limit);
  if (!buffer_reserve(base_out, buffer, size))
    ASSERT(!"a fill gives what was asked for");
  ASSERT(buffer_check(buffer));
  return MPS_RES_OK;
}

bool buffer_trip(Buffer *buffer, Addr base)
{
  ASSERT(buffer_check(buffer));
  /* Commit has stored init already.  If that differs from what the flip
   * saw, the object was reserved before the flip and committed after it:
   * nobody has scanned it, so it has to be made again. */
  if (buffer->is_flipped && buffer->init_at_flip != (Addr)buffer->ap.init) {
    buffer->ap.init = base;
    buffer->ap.alloc = base;
    return false;
  }
  return true;
}


/* With the threads stopped */

static void buffer_each(Arena *arena, void (*visit)(Buffer *buffer))
{
  RING_FOR (pool_node, pool_after, &arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, pool_node);

    RING_FOR (node, after, &pool->buffers)
      visit(RING_ELEM(Buffer, link, node));
  }
}

/* buffer_is_full -- can the client do nothing with it but ask for more? */

static bool buffer_is_full(const Buffer *buffer)
{
  return !buffer_is_busy(buffer) && (Addr)buffer->ap.init == buffer->limit;
}

void buffer_flip(Buffer *buffer)
{
  if (buffer->rank == RANK_NONE || buffer->seg == NULL || buffer->is_flipped
      || buffer_is_full(buffer))
    return;
  buffer->ap.limit = NULL;
  buffer->init_at_flip = buffer->ap.init;
  buffer->is_flipped = true;
  ASSERT(buffer_check(buffer));
}

void buffer_orphan(Buffer *buffer)
{
  if (buffer->seg == NULL || buffer->is_flipped || !buffer_is_full(buffer))
    return;
  buffer->pool->class->empty(buffer);
  buffer->seg->buffer = NULL;
  buffer->seg = NULL;
  buffer->is_orphan = true;
}

void buffer_orphan_all(Arena *arena)
{
  buffer_each(arena, buffer_orphan);
}

void buffer_flip_all(Arena *arena)
{
  buffer_each(arena, buffer_flip);
}
