/* mfs.c -- the pool class of blocks of one size under manual control
 *
 * The memory comes in extents.  In each, a bit for a unit says whether it
 * is used, so that what was never allocated, or is free already, is found
 * out when it is freed.  The extents with free units are in a list, and the
 * first word of bits that may have a free one is known in each.
 *
 * Design: .mfs.bits, .mfs.keep (design/mfs.rst).
 */

#include "../base/args.h"
#include "../base/bits.h"
#include "../include/mpscmfs.h"
#include "../include/mpstd.h"
#include "manseg.h"
#include "pool.h"

#include <string.h>

#define MFS_SIG ((Sig)0x4D465320) /* "MFS " */
#define MFS_EXTEND_BY ((Size)64 << 10)
/* Units of an extent, or up to twice as many, so that its bits are soon gone
 * through. */
#define MFS_UNITS ((Count)4096)

/* A run of grains. */
typedef struct MfsExtent {
  Seg seg;    /* first, so that the grain map leads to it */
  Ring link;  /* mfs->extents */
  Ring open;  /* mfs->open, while there is a free unit */
  Count free; /* units */
  Index word; /* those below have no free unit */
  Word used[];
} MfsExtent;

typedef struct Mfs {
  Pool pool; /* first */
  Sig sig;
  Size unit;       /* bytes, aligned */
  Size unit_size;  /* as the client has it */
  Count extend_by; /* extents */
  Size extent;     /* bytes, whole grains */
  Count units;     /* of an extent */
  Size total;      /* bytes */
  Size used;       /* bytes of units */
  PoolGen pgen;
  Ring extents;
  Ring open;
} Mfs;

static Mfs *mfs_of_pool(Pool *pool)
{
  return (Mfs *)pool;
}

static const Mfs *mfs_of_const_pool(const Pool *pool)
{
  return (const Mfs *)pool;
}


/* Extents */

static Size mfs_record(const Mfs *mfs)
{
  return sizeof(MfsExtent) + BITS_WORDS(mfs->units) * sizeof(Word);
}

static Res mfs_add_extent(Mfs *mfs, Addr base)
{
  MfsExtent *extent;
  Res res = ctl_alloc(&extent, &mfs->pool.arena->ctl, mfs_record(mfs));

  if (res != MPS_RES_OK)
    return res;
  manseg_init(&extent->seg, &mfs->pgen, base, addr_add(base, mfs->extent));
  extent->free = mfs->units;
  extent->word = 0;
  bits_set_range(extent->used, mfs->units, BITS_WORDS(mfs->units) * WORD_BITS);
  bits_clear_range(extent->used, 0, mfs->units);
  ring_init(&extent->link);
  ring_append(&mfs->extents, &extent->link);
  ring_init(&extent->open);
  ring_append(&mfs->open, &extent->open);
  mfs->total += mfs->extent;
  return MPS_RES_OK;
}

/* mfs_extend -- by as much as the client wants, in several extents; those
 * whose records there is no memory for go back, but for one at least */

static Res mfs_extend(Mfs *mfs)
{
  Space *space = &mfs->pool.arena->space;
  Size size = mfs->extend_by * mfs->extent;
  Addr base;
  Res res = space_alloc(&base, space, size >> space->shift, SPACE_LOW);

  if (res != MPS_RES_OK)
    return res;
  for (Size at = 0; at < size; at += mfs->extent) {
    res = mfs_add_extent(mfs, addr_add(base, at));
    if (res != MPS_RES_OK) {
      space_free(space, addr_add(base, at), (size - at) >> space->shift);
      return at > 0 ? MPS_RES_OK : res;
    }
  }
  return MPS_RES_OK;
}


/* Blocks */

static Res mfs_alloc(Addr *base_out, Pool *pool, Size size)
{
  Mfs *mfs = mfs_of_pool(pool);
  MfsExtent *extent;
  Index i;

  if (!REQUIRE(size == mfs->unit_size, "mps_alloc: size must be the pool's "
                                       "MPS_KEY_MFS_UNIT_SIZE"))
    return MPS_RES_PARAM;
  if (ring_is_single(&mfs->open)) {
    Res res = mfs_extend(mfs);

    if (res != MPS_RES_OK)
      return res;
  }
  extent = RING_ELEM(MfsExtent, open, mfs->open.next);
  while (extent->used[extent->word] == WORD_ONES)
    ++extent->word;
  i = (Index)__builtin_ctzll(~extent->used[extent->word]);
  extent->used[extent->word] |= (Word)1 << i;
  i += extent->word * WORD_BITS;
  if (--extent->free == 0)
    ring_remove(&extent->open);
  mfs->used += mfs->unit;
  *base_out = addr_add(extent->seg.base, i * mfs->unit);
  return MPS_RES_OK;
}

static bool mfs_is_unit(const Mfs *mfs, const MfsExtent *extent, Addr base)
{
  Size at = addr_diff(extent->seg.base, base);
  Index i = at / mfs->unit;

  return i * mfs->unit == at && i < mfs->units && bits_get(extent->used, i);
}

static void mfs_free(Pool *pool, Addr base, Size size)
{
  Mfs *mfs = mfs_of_pool(pool);
  MfsExtent *extent = (MfsExtent *)manseg_find(&mfs->pgen, base);
  Index i;

  if (!REQUIRE(size == mfs->unit_size, "mps_free: size must be the pool's "
                                       "MPS_KEY_MFS_UNIT_SIZE")
      || !REQUIRE(extent != NULL,
                  "mps_free: p must be the address of a block of the pool")
      || !REQUIRE(mfs_is_unit(mfs, extent, base),
                  "mps_free: p must be the address of a block that is "
                  "allocated, and isn't freed yet"))
    return;
  i = addr_diff(extent->seg.base, base) / mfs->unit;
  extent->used[i / WORD_BITS] &= ~((Word)1 << (i % WORD_BITS));
  extent->word = size_min(extent->word, i / WORD_BITS);
  if (extent->free++ == 0)
    ring_append(&mfs->open, &extent->open);
  mfs->used -= mfs->unit;
}


/* Lifetime */

static bool mfs_check(const Pool *pool);

static Res mfs_init(Pool *pool, mps_arg_s *args)
{
  Mfs *mfs = mfs_of_pool(pool);
  Size grain = pool->arena->space.grain;
  Size wanted;
  mps_arg_s arg;

  mfs->extent = MFS_EXTEND_BY;
  if (args_pick(args, MPS_KEY_EXTEND_BY, &arg))
    mfs->extent = arg.val.size;
  if (!args_require(args, MPS_KEY_MFS_UNIT_SIZE, &arg)
      || !REQUIRE(size_max(mfs->extent, arg.val.size) <= SIZE_MAX / 4,
                  "mps_pool_create_k: MPS_KEY_EXTEND_BY and "
                  "MPS_KEY_MFS_UNIT_SIZE must be possible"))
    return MPS_RES_PARAM;
  mfs->unit_size = arg.val.size;
  mfs->unit = size_round_up(mfs->unit_size, pool->align);
  wanted = size_max(mfs->extent, mfs->unit);
  mfs->extend_by = size_max(wanted / mfs->unit / MFS_UNITS, 1);
  mfs->extent = size_round_up(wanted / mfs->extend_by, grain);
  mfs->units = mfs->extent / mfs->unit;
  manseg_pgen_init(&mfs->pgen, pool);
  ring_init(&mfs->extents);
  ring_init(&mfs->open);
  mfs->sig = MFS_SIG;
  return MPS_RES_OK;
}

static void mfs_finish(Pool *pool)
{
  Mfs *mfs = mfs_of_pool(pool);

  ASSERT(mfs_check(pool));
  RING_FOR (node, after, &mfs->extents) {
    MfsExtent *extent = RING_ELEM(MfsExtent, link, node);

    manseg_free(&extent->seg);
    ctl_free(&pool->arena->ctl, extent, mfs_record(mfs));
  }
  mfs->sig = SIG_NONE;
}

static bool mfs_check(const Pool *pool)
{
  const Mfs *mfs = mfs_of_const_pool(pool);

  CHECK(pool_check(pool));
  CHECK(mfs->sig == MFS_SIG);
  CHECK(mfs->used <= mfs->total);
  CHECK(mfs->unit * mfs->units <= mfs->extent);
  CHECK(ring_check(&mfs->extents));
  CHECK(ring_check(&mfs->open));
  return true;
}

static Size mfs_total_size(const Pool *pool)
{
  return mfs_of_const_pool(pool)->total;
}

static Size mfs_free_size(const Pool *pool)
{
  return mfs_of_const_pool(pool)->total - mfs_of_const_pool(pool)->used;
}

static const PoolClass mfs_class = {
    .sig = POOL_CLASS_SIG,
    .name = "MFS",
    .size = sizeof(Mfs),
    .init = mfs_init,
    .finish = mfs_finish,
    .buffer_init = pool_no_buffer,
    .fill = pool_no_fill,
    .empty = pool_no_empty,
    .alloc = mfs_alloc,
    .free = mfs_free,
    .ramp_begin = pool_no_ramp,
    .ramp_end = pool_no_ramp,
    .pop = pool_no_pop,
    .condemned = pool_no_condemned,
    .scanned = pool_no_scanned,
    .trace_end = pool_no_trace_end,
    .collected = pool_no_collected,
    .total_size = mfs_total_size,
    .free_size = mfs_free_size,
    .segs = pool_no_segs,
    .check = mfs_check,
};

mps_pool_class_t mps_class_mfs(void)
{
  return (mps_pool_class_t)&mfs_class;
}
