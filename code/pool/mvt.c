/* mvt.c -- the pool class of blocks that live and die together
 *
 * Memory under manual control, as MVFF's, but allocation points fill long
 * runs only: what is allocated together is together, and when it dies its
 * memory is one run again.
 *
 * Design: .mvt.fill, .mvt.keep (design/mvt.rst).
 */

#include "mvff.h"

#include "../base/args.h"
#include "../heap/buffer.h"
#include "../include/mpscmvt.h"
#include "../include/mpstd.h"

#define MVT_MIN_SIZE ((Size)MPS_PF_ALIGN)
#define MVT_MEAN_SIZE ((Size)32)
#define MVT_MAX_SIZE ((Size)8192)
#define MVT_RESERVE_DEPTH ((Count)1024)
#define MVT_FRAG_LIMIT 0.3
#define MVT_EXTEND_BY ((Size)64 << 10)

typedef struct Mvt {
  Mvff mvff;   /* first */
  Size reuse;  /* a free run of so many bytes is filled again */
  double frag; /* fraction of the memory; if more is free, any run is filled */
} Mvt;

static Mvt *mvt_of_pool(Pool *pool)
{
  return (Mvt *)(void *)pool;
}

static bool mvt_is_fragmented(const Mvt *mvt)
{
  const Pool *pool = &mvt->mvff.pool;

  return (double)mvff_free_size(pool)
         > mvt->frag * (double)mvff_total_size(pool);
}

/* mvt_fill_long -- the first run that is long enough to be filled again */

static bool mvt_fill_long(Buffer *buffer, Size size)
{
  Mvff *mvff = mvff_of_pool(buffer->pool);
  RunTile *tile;
  Addr base;

  if (!runs_find(&tile, &base, &mvff->runs, size, mvff->way))
    return false;
  mvff_attach(buffer, tile, base, size);
  return true;
}

/* mvt_fill_hole -- the longest there is */

static bool mvt_fill_hole(Buffer *buffer, Size size)
{
  RunTile *tile;
  Addr base;
  Size longest;

  if (!runs_find_longest(&tile, &base, &longest,
                         &mvff_of_pool(buffer->pool)->runs)
      || longest < size)
    return false;
  mvff_attach(buffer, tile, base, longest);
  return true;
}

static Res mvt_fill(Buffer *buffer, Size size)
{
  Mvt *mvt = mvt_of_pool(buffer->pool);
  Size want = size_max(size, mvt->reuse);
  Res res;

  if (mvt_fill_long(buffer, want)
      || (mvt_is_fragmented(mvt) && mvt_fill_hole(buffer, size)))
    return MPS_RES_OK;
  res = mvff_extend(&mvt->mvff, want);
  if (res != MPS_RES_OK)
    return mvt_fill_hole(buffer, size) ? MPS_RES_OK : res;
  if (!mvt_fill_long(buffer, want))
    ASSERT(!"an extension is long enough");
  return MPS_RES_OK;
}


/* Lifetime */

static Size mvt_take_size(mps_arg_s *args, mps_key_t key, Size size)
{
  mps_arg_s arg;

  return args_pick(args, key, &arg) ? arg.val.size : size;
}

static bool mvt_take(Mvt *mvt, mps_arg_s *args)
{
  Mvff *mvff = &mvt->mvff;
  Size min = mvt_take_size(args, MPS_KEY_MIN_SIZE, MVT_MIN_SIZE);
  Size mean = mvt_take_size(args, MPS_KEY_MEAN_SIZE, MVT_MEAN_SIZE);
  Size max = mvt_take_size(args, MPS_KEY_MAX_SIZE, MVT_MAX_SIZE);
  Count depth = MVT_RESERVE_DEPTH;
  mps_arg_s arg;

  if (!mvff_take_align(mvff, args)
      || !REQUIRE(min <= mean && mean <= max,
                  "mps_pool_create_k: MPS_KEY_MIN_SIZE must be at most "
                  "MPS_KEY_MEAN_SIZE, and that at most MPS_KEY_MAX_SIZE")
      || !REQUIRE(max <= SIZE_MAX / 8,
                  "mps_pool_create_k: MPS_KEY_MAX_SIZE must be possible"))
    return false;
  if (args_pick(args, MPS_KEY_MVT_RESERVE_DEPTH, &arg))
    depth = arg.val.count;
  mvt->frag = MVT_FRAG_LIMIT;
  if (args_pick(args, MPS_KEY_MVT_FRAG_LIMIT, &arg))
    mvt->frag = arg.val.d;
  /* Buffers end where a block may. */
  mvt->reuse = size_round_up(2 * max, mvff->pool.align);
  mvff->spare = 0.0;
  mvff->keep = depth <= SIZE_MAX / mean ? depth * mean : SIZE_MAX;
  mvff->extend_by = size_round_up(size_max(mvt->reuse, MVT_EXTEND_BY),
                                  mvff->pool.arena->space.grain);
  mvff->end = SPACE_LOW;
  return true;
}

static Res mvt_init(Pool *pool, mps_arg_s *args)
{
  Mvt *mvt = mvt_of_pool(pool);

  return mvt_take(mvt, args) ? mvff_start(&mvt->mvff) : MPS_RES_PARAM;
}

static const PoolClass mvt_class = {
    .sig = POOL_CLASS_SIG,
    .name = "MVT",
    .size = sizeof(Mvt),
    .init = mvt_init,
    .finish = mvff_finish,
    .buffer_init = mvff_buffer_init,
    .fill = mvt_fill,
    .empty = mvff_empty,
    .alloc = pool_no_alloc,
    .free = mvff_free,
    .ramp_begin = pool_no_ramp,
    .ramp_end = pool_no_ramp,
    .pop = mvff_pop,
    .condemned = pool_no_condemned,
    .scanned = pool_no_scanned,
    .trace_end = pool_no_trace_end,
    .collected = pool_no_collected,
    .total_size = mvff_total_size,
    .free_size = mvff_free_size,
    .segs = pool_no_segs,
    .check = mvff_check,
};

mps_pool_class_t mps_class_mvt(void)
{
  return (mps_pool_class_t)&mvt_class;
}
