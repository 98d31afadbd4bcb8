/* snc.c -- the pool class of stacks: scanned, and not collected
 *
 * Each allocation point has a stack of segments, and its buffer is in the
 * newest.  A frame is the address at which the next block would have gone;
 * popping it lets go of what lies above.
 *
 * Design: .snc.stack, .snc.free (design/snc.rst).
 */

#include "pool.h"

#include "../base/args.h"
#include "../heap/buffer.h"
#include "../heap/format.h"
#include "../heap/gen.h"
#include "../heap/seg.h"
#include "../include/mpscsnc.h"

#define SNC_SIG ((Sig)0x534E4350) /* "SNCP" */
/* Bytes of a segment, unless a block is larger. */
#define SNC_SEGMENT ((Size)16 << 10)
/* Lists of free segments, by the logarithm of the size, and how many of the
 * first one a search looks at. */
#define SNC_LISTS WORD_BITS
#define SNC_TRIES 8

typedef struct Snc {
  Pool pool; /* first */
  Sig sig;
  PoolGen pgen;         /* never condemned */
  Seg *free[SNC_LISTS]; /* segments that hold nothing, linked by below */
} Snc;

static Snc *snc_of_pool(Pool *pool)
{
  return (Snc *)pool;
}

static const Snc *snc_of_const_pool(const Pool *pool)
{
  return (const Snc *)pool;
}


/* Segments */

/* Where objects end; what is above isn't committed, or dead. */
static Addr snc_limit(const Seg *seg)
{
  Addr limit = seg_scan_limit(seg);

  return limit < seg->used_limit ? limit : seg->used_limit;
}

static Size snc_whiten(Seg *seg)
{
  return 0;
}

static void snc_walk(Seg *seg, mps_formatted_objects_stepper_t visit, void *p,
                     size_t s)
{
  Addr limit = snc_limit(seg);

  for (Addr at = seg->base, end; at < limit; at = end) {
    end = seg->format->skip(at);
    visit(at, (mps_fmt_t)seg->format, seg->pgen->pool, p, s);
  }
}

static Res snc_areas(Seg *seg, mps_ss_t ss, mps_area_scan_t scan,
                     void *closure)
{
  Addr limit = snc_limit(seg);

  return limit == seg->base ? MPS_RES_OK : scan(ss, seg->base, limit, closure);
}

static Res snc_scan(Seg *seg, ScanState *ss)
{
  return snc_areas(seg, &ss->ss, seg_scan_area, seg);
}

/* As of every class whose objects stay (mps_addr_object). */
static Res snc_find(mps_addr_t *object_out, Seg *seg, Addr addr)
{
  return MPS_RES_UNIMPL;
}

/* It is never white, so nothing else is asked for. */
static const SegClass snc_seg_class = {
    .name = "SNC",
    .whiten = snc_whiten,
    .scan = snc_scan,
    .walk = snc_walk,
    .areas = snc_areas,
    .find = snc_find,
};


/* Segments that hold nothing.  They are kept for the next frame, until a
 * trace ends or memory is short. */

static void snc_list(Snc *snc, Seg *seg)
{
  Seg **list = &snc->free[size_log2(seg_size(seg))];

  seg->below = *list;
  *list = seg;
}

static void snc_retire(Snc *snc, Seg *seg)
{
  pgen_account_bytes(&snc->pgen.account.free, &snc->pgen.account.old,
                     seg_size(seg));
  seg->used_limit = seg->base;
  snc_list(snc, seg);
}

/* snc_release -- give them back, but for those that a trace still knows of */

static void snc_release_list(Snc *snc, Seg *list)
{
  while (list != NULL) {
    Seg *seg = list;

    list = seg->below;
    if (seg_is_grey(seg) || seg->is_queued) {
      snc_list(snc, seg);
    } else {
      seg->below = NULL;
      seg_free(seg);
    }
  }
}

static void snc_release(Snc *snc)
{
  for (Index i = 0; i < SNC_LISTS; ++i) {
    Seg *list = snc->free[i];

    snc->free[i] = NULL;
    snc_release_list(snc, list);
  }
}

/* It may be grey, or watched, as any segment that the client writes to. */

static Seg *snc_reuse_from(Seg **list, Size size)
{
  Count tries = SNC_TRIES;

  for (Seg **link = list; *link != NULL && tries > 0; link = &(*link)->below) {
    Seg *seg = *link;

    if (seg_size(seg) >= size) {
      *link = seg->below;
      return seg;
    }
    --tries;
  }
  return NULL;
}

/* All of the later lists are long enough. */

static Seg *snc_reuse(Snc *snc, Size size)
{
  Seg *seg = NULL;

  for (Index i = size_log2(size); i < SNC_LISTS && seg == NULL; ++i)
    seg = snc_reuse_from(&snc->free[i], size);
  return seg;
}

static Res snc_make(Seg **seg_out, Snc *snc, Size size)
{
  Arena *arena = snc->pool.arena;
  Res res;

  if (!pool_leaves_room(arena, size))
    return space_refuse(&arena->space, size);
  res = seg_alloc(seg_out, &snc->pgen, &snc_seg_class, RANK_EXACT, size);
  if (res == MPS_RES_OK)
    (*seg_out)->is_piecemeal = true;
  return res;
}

static Res snc_take(Seg **seg_out, Snc *snc, Size size)
{
  Res res;

  *seg_out = snc_reuse(snc, size);
  if (*seg_out != NULL)
    return MPS_RES_OK;
  res = snc_make(seg_out, snc, size_max(size, SNC_SEGMENT));
  if (res == MPS_RES_OK)
    return res;
  snc_release(snc);
  return snc_make(seg_out, snc, size);
}


/* Allocation points */

static Res snc_buffer_init(Buffer *buffer, mps_arg_s *args)
{
  mps_arg_s arg;

  buffer->rank = RANK_EXACT;
  if (args_pick(args, MPS_KEY_RANK, &arg)
      && !REQUIRE((Rank)arg.val.rank == RANK_EXACT,
                  "mps_ap_create_k: MPS_KEY_RANK must be one that the pool's "
                  "class has"))
    return MPS_RES_PARAM;
  buffer->pgen = &snc_of_pool(buffer->pool)->pgen;
  return MPS_RES_OK;
}

static Res snc_fill(Buffer *buffer, Size size)
{
  Snc *snc = snc_of_pool(buffer->pool);
  Seg *seg;
  Res res = snc_take(&seg, snc, size);

  if (res != MPS_RES_OK)
    return res;
  pgen_account_bytes(&snc->pgen.account.old, &snc->pgen.account.free,
                     seg_size(seg));
  seg->used_limit = seg->limit;
  seg->below = buffer->stack;
  buffer->stack = seg;
  buffer_attach(buffer, seg, seg->base, seg->limit);
  return MPS_RES_OK;
}

static void snc_empty(Buffer *buffer)
{
  format_pad(buffer->pool->format, (Addr)buffer->ap.init, buffer->limit);
}


/* Frames */

/* snc_home -- the segment of a frame, or NULL
 *
 * Where one ends the next may begin, and either will do. */

static Seg *snc_home(const Buffer *buffer, Addr frame)
{
  for (Seg *seg = buffer->stack; seg != NULL; seg = seg->below)
    if (seg->base <= frame && frame <= seg->limit)
      return seg->buffer == NULL || frame <= (Addr)buffer->ap.init ? seg
                                                                   : NULL;
  return NULL;
}

static bool snc_pop(Buffer *buffer, Addr frame)
{
  Snc *snc = snc_of_pool(buffer->pool);
  Seg *home = frame != NULL ? snc_home(buffer, frame) : NULL;

  if (frame != NULL && home == NULL)
    return false;
  buffer_drop(buffer);
  while (buffer->stack != home) {
    Seg *seg = buffer->stack;

    buffer->stack = seg->below;
    snc_retire(snc, seg);
  }
  if (home != NULL)
    buffer_attach(buffer, home, frame, home->limit);
  return true;
}


/* Lifetime */

static Res snc_init(Pool *pool, mps_arg_s *args)
{
  Snc *snc = snc_of_pool(pool);

  if (!pool_take_format(pool, args)
      || !REQUIRE(pool->format->header == 0,
                  "mps_pool_create_k: MPS_KEY_FORMAT must be one without "
                  "headers"))
    return MPS_RES_PARAM;
  pgen_init(&snc->pgen, pool, &pool->arena->top, 0);
  snc->sig = SNC_SIG;
  return MPS_RES_OK;
}

static bool snc_check(const Pool *pool)
{
  const Snc *snc = snc_of_const_pool(pool);

  CHECK(pool_check(pool));
  CHECK(snc->sig == SNC_SIG);
  CHECK(pgen_check(&snc->pgen));
  CHECK(snc->pgen.account.total
        == snc->pgen.account.free + snc->pgen.account.old);
  for (Index i = 0; i < SNC_LISTS; ++i)
    for (const Seg *seg = snc->free[i]; seg != NULL; seg = seg->below)
      CHECK(seg->buffer == NULL && seg->used_limit == seg->base);
  return true;
}

static void snc_finish(Pool *pool)
{
  Snc *snc = snc_of_pool(pool);

  ASSERT(snc_check(pool));
  snc_release(snc);
  pgen_finish(&snc->pgen);
  snc->sig = SIG_NONE;
}

static void snc_trace_end(Pool *pool)
{
  snc_release(snc_of_pool(pool));
}

static Size snc_total_size(const Pool *pool)
{
  return snc_of_const_pool(pool)->pgen.account.total;
}

static Size snc_free_size(const Pool *pool)
{
  return snc_of_const_pool(pool)->pgen.account.free;
}

static void snc_segs(Pool *pool, void (*visit)(Seg *seg, void *p), void *p)
{
  RING_FOR (node, after, &snc_of_pool(pool)->pgen.segs)
    visit(RING_ELEM(Seg, gen_link, node), p);
}

static const PoolClass snc_class = {
    .sig = POOL_CLASS_SIG,
    .name = "SNC",
    .size = sizeof(Snc),
    .is_ranked = true,
    .init = snc_init,
    .finish = snc_finish,
    .buffer_init = snc_buffer_init,
    .fill = snc_fill,
    .empty = snc_empty,
    .alloc = pool_no_alloc,
    .free = pool_no_free,
    .ramp_begin = pool_no_ramp,
    .ramp_end = pool_no_ramp,
    .pop = snc_pop,
    .condemned = pool_no_condemned,
    .scanned = pool_no_scanned,
    .trace_end = snc_trace_end,
    .collected = pool_no_collected,
    .total_size = snc_total_size,
    .free_size = snc_free_size,
    .segs = snc_segs,
    .check = snc_check,
};

mps_pool_class_t mps_class_snc(void)
{
  return (mps_pool_class_t)&snc_class;
}
