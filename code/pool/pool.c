/* pool.c -- what all pools share
 *
 * Design: .pool.class (design/pool.rst).
 */

#include "pool.h"

#include "../base/args.h"
#include "../heap/arena.h"
#include "../heap/final.h"
#include "../heap/format.h"
#include "../heap/gen.h"
#include "../include/mpstd.h"
#include "../trace/poll.h"

#include <string.h>


/* Lifetime */

Res pool_create(Pool **pool_out, Arena *arena, const PoolClass *class,
                mps_arg_s *args)
{
  Pool *pool;
  Res res = ctl_alloc(&pool, &arena->ctl, class->size);

  if (res != MPS_RES_OK)
    return res;
  memset(pool, 0, class->size);
  pool->class = class;
  pool->arena = arena;
  pool->align = MPS_PF_ALIGN;
  ring_init(&pool->link);
  ring_init(&pool->buffers);
  res = class->init(pool, args);
  if (res != MPS_RES_OK) {
    ctl_free(&arena->ctl, pool, class->size);
    return res;
  }
  ring_append(&arena->pools, &pool->link);
  if (pool->format != NULL)
    ++pool->format->pools;
  if (pool->chain != NULL)
    ++pool->chain->pools;
  pool->sig = POOL_SIG;
  ASSERT(pool_check(pool));
  EVENT_POST(arena->events, pool_create, .pool = (Word)pool,
             .class = event_name(class->name));
  if (args_are_broken(args)) {
    pool_destroy(pool);
    return MPS_RES_PARAM;
  }
  *pool_out = pool;
  return MPS_RES_OK;
}

void pool_destroy(Pool *pool)
{
  Arena *arena = pool->arena;

  ASSERT(pool_check(pool));
  ASSERT(ring_is_single(&pool->buffers));
  poll_finish(arena); /* it holds on to segments of the pool */
  final_forget_pool(pool);
  pool->class->finish(pool);
  if (pool->format != NULL)
    --pool->format->pools;
  if (pool->chain != NULL)
    --pool->chain->pools;
  ring_remove(&pool->link);
  pool->sig = SIG_NONE;
  EVENT_POST(arena->events, pool_destroy, .pool = (Word)pool);
  ctl_free(&arena->ctl, pool, pool->class->size);
  (void)space_trim(&arena->space, 0, SIZE_MAX);
}

bool pool_check(const Pool *pool)
{
  CHECK(pool != NULL);
  CHECK(pool->sig == POOL_SIG);
  CHECK(pool->class->sig == POOL_CLASS_SIG);
  CHECK(pool->arena->sig == ARENA_SIG);
  CHECK(size_is_pow2(pool->align));
  CHECK(ring_check(&pool->link));
  CHECK(ring_check(&pool->buffers));
  return true;
}

bool pool_class_check(const PoolClass *class)
{
  CHECK(class != NULL);
  CHECK(class->sig == POOL_CLASS_SIG);
  CHECK(class->name != NULL && class->size >= sizeof(Pool));
  /* .pool.inv.complete: no slot is empty. */
  CHECK(class->init != NULL && class->finish != NULL);
  CHECK(class->buffer_init != NULL);
  CHECK(class->fill != NULL && class->empty != NULL);
  CHECK(class->alloc != NULL && class->free != NULL);
  CHECK(class->ramp_begin != NULL && class->ramp_end != NULL);
  CHECK(class->pop != NULL);
  CHECK(class->condemned != NULL && class->scanned != NULL
        && class->trace_end != NULL && class->collected != NULL);
  CHECK(class->total_size != NULL && class->free_size != NULL);
  CHECK(class->segs != NULL && class->check != NULL);
  return true;
}


/* Arguments that several classes take */

bool pool_take_format(Pool *pool, mps_arg_s *args)
{
  mps_arg_s arg;

  if (!args_require(args, MPS_KEY_FORMAT, &arg))
    return false;
  if (!REQUIRE((Word)arg.val.format % sizeof(Sig) == 0
                   && arg.val.format->sig == FORMAT_SIG
                   && arg.val.format->arena == pool->arena,
               "mps_pool_create_k: MPS_KEY_FORMAT must be a format of the "
               "pool's arena"))
    return false;
  pool->format = arg.val.format;
  pool->align = pool->format->align;
  return true;
}

bool pool_take_chain(Pool *pool, mps_arg_s *args)
{
  mps_arg_s arg;

  pool->chain = pool->arena->default_chain;
  if (args_pick(args, MPS_KEY_CHAIN, &arg)) {
    if (!REQUIRE((Word)arg.val.chain % sizeof(Sig) == 0
                     && arg.val.chain->sig == CHAIN_SIG
                     && arg.val.chain->arena == pool->arena,
                 "mps_pool_create_k: MPS_KEY_CHAIN must be a chain of the "
                 "pool's arena"))
      return false;
    pool->chain = arg.val.chain;
  }
  return true;
}

bool pool_take_gen(Gen **gen_out, Pool *pool, mps_arg_s *args, unsigned usual)
{
  mps_arg_s arg = {.val.u = usual};

  if (!pool_take_chain(pool, args))
    return false;
  if (args_pick(args, MPS_KEY_GEN, &arg)
      && !REQUIRE(arg.val.u <= pool->chain->count,
                  "mps_pool_create_k: MPS_KEY_GEN is at most the number of "
                  "generations of the chain"))
    return false;
  *gen_out = arg.val.u < pool->chain->count ? &pool->chain->gens[arg.val.u]
                                            : &pool->arena->top;
  return true;
}


/* What a class can't do */

Res pool_no_buffer(Buffer *buffer, mps_arg_s *args)
{
  ASSERT(!"mps_ap_create_k is for pools of a class that has them");
  return MPS_RES_PARAM;
}

Res pool_no_alloc(Addr *base_out, Pool *pool, Size size)
{
  ASSERT(!"mps_alloc is for pools of a class that has it");
  return MPS_RES_PARAM;
}

void pool_no_free(Pool *pool, Addr base, Size size)
{
  ASSERT(!"mps_free is for pools of a class that has it");
}

Res pool_no_fill(Buffer *buffer, Size size)
{
  ASSERT(!"allocation points are for pools of a class that has them");
  return MPS_RES_UNIMPL;
}

void pool_no_empty(Buffer *buffer)
{
}

void pool_no_ramp(Pool *pool, Buffer *buffer)
{
}

bool pool_no_pop(Buffer *buffer, Addr frame)
{
  return true;
}

void pool_no_condemned(Pool *pool, PoolGen *pgen)
{
}

void pool_no_scanned(Pool *pool)
{
}

void pool_no_trace_end(Pool *pool)
{
}

void pool_no_collected(Pool *pool)
{
}

void pool_no_segs(Pool *pool, void (*visit)(Seg *seg, void *p), void *p)
{
}


/* Room */

/* Of what may be committed this part is left for copies (.amc.headroom). */
#define POOL_ROOM_PART 64

bool pool_leaves_room(const Arena *arena, Size size)
{
  const Space *space = &arena->space;
  Size room = space_room(space);

  return size <= room
         && (space->used_size + size) / POOL_ROOM_PART <= room - size;
}
