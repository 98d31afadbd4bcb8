/* fake_pool.h -- a pool class that a test can see through
 *
 * Its buffers fill segments of whole grains, its parts of generations are
 * those of a chain and the top, like AMC's, and it notes what it is asked
 * to do.  The class of its segments is the test's.
 */

#ifndef FAKE_POOL_H
#define FAKE_POOL_H

#include "heap/buffer.h"
#include "heap/gen.h"
#include "heap_help.h"
#include "pool/pool.h"

enum {
  FAKE_GENS_MAX = 8
};

typedef struct FakePool {
  Pool pool;
  PoolGen pgens[FAKE_GENS_MAX];
  Count gens; /* of the chain; there is one more */
} FakePool;

/* What the next calls find, and what the last ones did. */
static Rank fake_rank;
static const SegClass *fake_seg_class;
static Res fake_fill_res;
static Res fake_buffer_res;
static Count fake_fills;
static Count fake_empties;
static Count fake_ramps; /* begun and not ended */
static Count fake_condemned;
static Count fake_ended; /* traces */

static inline FakePool *fake_of(Pool *pool)
{
  return (FakePool *)pool;
}

static inline Res fake_init(Pool *pool, mps_arg_s *args)
{
  FakePool *fake = fake_of(pool);

  if (!pool_take_format(pool, args) || !pool_take_chain(pool, args))
    return MPS_RES_PARAM;
  fake->gens = pool->chain->count;
  for (Index i = 0; i <= fake->gens; ++i)
    pgen_init(&fake->pgens[i], pool,
              i < fake->gens ? &pool->chain->gens[i] : &pool->arena->top, i);
  return MPS_RES_OK;
}

static inline void fake_finish(Pool *pool)
{
  FakePool *fake = fake_of(pool);

  for (Index i = 0; i <= fake->gens; ++i) {
    RING_FOR (node, after, &fake->pgens[i].segs)
      seg_free(RING_ELEM(Seg, gen_link, node));
    pgen_finish(&fake->pgens[i]);
  }
}

static inline Res fake_buffer_init(Buffer *buffer, mps_arg_s *args)
{
  buffer->rank = fake_rank;
  buffer->pgen = &fake_of(buffer->pool)->pgens[0];
  return fake_buffer_res;
}

static inline Res fake_fill(Buffer *buffer, Size size)
{
  Seg *seg;
  Res res = fake_fill_res;

  if (res == MPS_RES_OK)
    res = seg_alloc(&seg, buffer->pgen, fake_seg_class, fake_rank, size);
  if (res != MPS_RES_OK)
    return res;
  ++fake_fills;
  pgen_account_fill(seg);
  buffer_attach(buffer, seg, seg->base, seg->limit);
  return MPS_RES_OK;
}

static inline void fake_empty(Buffer *buffer)
{
  Seg *seg = buffer->seg;

  ++fake_empties;
  format_pad(seg->format, buffer->ap.init, buffer->limit);
  seg->used_limit = buffer->ap.init;
  pgen_account_empty(seg);
}

static inline void fake_ramp_begin(Pool *pool, Buffer *buffer)
{
  ++buffer->ramps;
  ++fake_ramps;
}

static inline void fake_ramp_end(Pool *pool, Buffer *buffer)
{
  --buffer->ramps;
  --fake_ramps;
}

static inline void fake_note_condemned(Pool *pool, PoolGen *pgen)
{
  ++fake_condemned;
}

static inline void fake_note_end(Pool *pool)
{
  ++fake_ended;
}

static inline Size fake_size(const Pool *pool)
{
  return 0;
}

static inline void fake_segs(Pool *pool, void (*visit)(Seg *seg, void *p),
                             void *p)
{
  FakePool *fake = fake_of(pool);

  for (Index i = 0; i <= fake->gens; ++i)
    RING_FOR (node, after, &fake->pgens[i].segs)
      visit(RING_ELEM(Seg, gen_link, node), p);
}

static const PoolClass fake_class = {
    .sig = POOL_CLASS_SIG,
    .name = "fake",
    .size = sizeof(FakePool),
    .is_moving = true,
    .is_managed = true,
    .init = fake_init,
    .finish = fake_finish,
    .buffer_init = fake_buffer_init,
    .fill = fake_fill,
    .empty = fake_empty,
    .alloc = pool_no_alloc,
    .free = pool_no_free,
    .ramp_begin = fake_ramp_begin,
    .ramp_end = fake_ramp_end,
    .pop = pool_no_pop,
    .condemned = fake_note_condemned,
    .scanned = pool_no_scanned,
    .collected = pool_no_collected,
    .trace_end = fake_note_end,
    .total_size = fake_size,
    .free_size = fake_size,
    .segs = fake_segs,
    .check = pool_check,
};

/* A pool on a chain, which may be NULL for the arena's own. */
static inline FakePool *fake_create(mps_arena_t arena, mps_fmt_t format,
                                    mps_chain_t chain)
{
  Pool *pool;

  fake_fill_res = MPS_RES_OK;
  fake_buffer_res = MPS_RES_OK;
  fake_fills = 0;
  fake_empties = 0;
  fake_ramps = 0;
  fake_condemned = 0;
  fake_ended = 0;
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    if (chain != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    ck_assert_int_eq(pool_create(&pool, arena, &fake_class, args), MPS_RES_OK);
  }
  MPS_ARGS_END(args);
  return fake_of(pool);
}

#endif /* FAKE_POOL_H */
