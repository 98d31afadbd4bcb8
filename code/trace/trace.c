/* trace.c -- one collection, from condemning to reclaiming
 *
 * Design: .trace.steps, .trace.inv.order (design/trace.rst).
 */

#include "trace.h"

#include "../heap/arena.h"
#include "../heap/barrier.h"
#include "../heap/buffer.h"
#include "../heap/gen.h"
#include "../heap/root.h"
#include "../heap/scan.h"
#include "../heap/seg.h"
#include "note.h"
#include "policy.h"

#include <string.h>

/* Spare fractions from which on the client doesn't mind that memory is kept
 * for what is needed again at once. */
#define TRACE_KEEP_SPARE 0.5

/* Bytes copied, from which the rate of tracing can be told. */
#define TRACE_RATE_MIN ((Size)512 << 10)


/* Lifetime */

Res trace_create(Arena *arena)
{
  Trace *trace;
  Res res = ctl_alloc(&trace, &arena->ctl, sizeof *trace);

  if (res != MPS_RES_OK)
    return res;
  memset(trace, 0, sizeof *trace);
  trace->arena = arena;
  ring_init(&trace->whites);
  trace->sig = TRACE_SIG;
  arena->trace = trace;
  note_prepare(trace);
  ASSERT(trace_check(trace));
  return MPS_RES_OK;
}

void trace_destroy(Arena *arena)
{
  Trace *trace = arena->trace;

  ASSERT(trace_check(trace));
  ASSERT(!trace->is_running);
  note_finish(trace);
  trace->sig = SIG_NONE;
  arena->trace = NULL;
  ctl_free(&arena->ctl, trace, sizeof *trace);
}

bool trace_check(const Trace *trace)
{
  CHECK(trace != NULL);
  CHECK(trace->sig == TRACE_SIG);
  CHECK(trace->arena->trace == trace);
  /* .trace.inv.idle: between traces nothing is white. */
  CHECK(trace->is_running || ring_is_single(&trace->whites));
  CHECK(trace->is_running || trace->white == REFSET_EMPTY);
  return true;
}


/* Every generation of the arena: those of the chains, then the top. */

static void trace_each_gen(Trace *trace, void (*visit)(Trace *, Gen *))
{
  RING_FOR (node, after, &trace->arena->chains) {
    Chain *chain = RING_ELEM(Chain, link, node);

    for (Index i = 0; i < chain->count; ++i)
      visit(trace, &chain->gens[i]);
  }
  visit(trace, &trace->arena->top);
}


/* Condemning */

static void trace_orphan_buffers(Arena *arena)
{
  RING_FOR (pool_node, pool_after, &arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, pool_node);

    RING_FOR (node, after, &pool->buffers)
      buffer_orphan(RING_ELEM(Buffer, link, node));
  }
}

static void trace_condemn_pgen(Trace *trace, PoolGen *pgen)
{
  Space *space = &trace->arena->space;
  BarrierRun run = {NULL, NULL};
  bool is_any = false;

  RING_FOR (node, after, &pgen->segs) {
    Seg *seg = RING_ELEM(Seg, gen_link, node);
    Size size = seg->class->whiten(seg);

    if (size == 0)
      continue;
    pgen_account_age(seg);
    seg->is_white = true;
    ring_remove(&seg->gen_link);
    ring_append(&trace->whites, &seg->gen_link);
    space_map_kind(space, seg->base, seg->limit, KIND_WHITE);
    /* Forwarding markers will be written into it. */
    barrier_run_add(&run, seg);
    seg->pgen->gen->work.condemned += size;
    is_any = true;
  }
  barrier_run_end(&run);
  if (is_any)
    pgen->pool->class->condemned(pgen->pool, pgen);
}

static void trace_condemn_gen(Trace *trace, Gen *gen)
{
  memset(&gen->work, 0, sizeof gen->work);
  if (!gen->is_condemned)
    return;
  gen->is_condemned = false;
  RING_FOR (node, after, &gen->pgens)
    trace_condemn_pgen(trace, RING_ELEM(PoolGen, gen_link, node));
  if (gen->work.condemned > 0) {
    gen->work.collections = 1;
    trace->white |= REFSET_KIND(gen->id);
    trace->condemned += gen->work.condemned;
  }
}

void trace_whiten_undo(Seg *seg)
{
  seg->is_white = false;
  ring_remove(&seg->gen_link);
  ring_append(&seg->pgen->segs, &seg->gen_link);
  space_map_kind(&seg_arena(seg)->space, seg->base, seg->limit, seg->kind);
}

/* trace_find_grey -- what may refer to white segments must be scanned
 *
 * The lists are by the lowest generation in a segment's set, so only those
 * up to the highest condemned one need be looked at. */

static void trace_find_grey(Trace *trace)
{
  Arena *arena = trace->arena;
  Index last = WORD_BITS - 1 - (Index)__builtin_clzll(trace->white);

  for (Index i = 0; i <= last; ++i)
    RING_FOR (node, after, &arena->remembered[i]) {
      Seg *seg = RING_ELEM(Seg, ref_link, node);

      if (seg->is_white)
        continue;
      if ((seg->refset & trace->white) != 0) {
        seg->scanned = seg->base;
        seg->seen = REFSET_EMPTY;
        seg_set_grey(seg, arena);
      }
    }
}

static void trace_count_gen(Trace *trace, Gen *gen)
{
  RING_FOR (node, after, &gen->pgens) {
    PoolGen *pgen = RING_ELEM(PoolGen, gen_link, node);

    trace->not_condemned += pgen->account.total;
  }
}


/* Flip */

static void trace_flip_buffers(Arena *arena)
{
  RING_FOR (pool_node, pool_after, &arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, pool_node);

    RING_FOR (node, after, &pool->buffers)
      buffer_flip(RING_ELEM(Buffer, link, node));
  }
}

static void trace_scan_roots(Trace *trace, Rank rank)
{
  ScanState ss;

  scan_init(&ss, trace->arena, trace, rank);
  RING_FOR (node, after, &trace->arena->roots) {
    Root *root = RING_ELEM(Root, link, node);

    if (root->rank == rank) {
      Res res = root_scan(root, &ss);

      /* Fixing never fails, so the client's own method has. */
      ASSERT(res == MPS_RES_OK);
    }
  }
}


/* Scanning */

static void trace_scan_seg(Seg *seg, ScanState *ss)
{
  Res res;

  barrier_expose(seg);
  (void)scan_take_refset(ss);
  res = seg->class->scan(seg, ss);
  ASSERT(res == MPS_RES_OK);
  seg->seen |= scan_take_refset(ss);
  barrier_settle(seg, res == MPS_RES_OK ? seg->seen : REFSET_UNIVERSAL);
}

/* trace_next_grey -- a segment with something to scan, or NULL
 *
 * A segment that a cursor copies into is on no list while the cursor is
 * open, so that copying an object touches nothing but the cursor. */

static Seg *trace_next_grey(Arena *arena)
{
  Seg *seg = arena->grey;

  if (seg != NULL) {
    arena->grey = seg->grey_next;
    return seg;
  }
  RING_FOR (node, after, &arena->cursors) {
    const Cursor *cursor = RING_ELEM(Cursor, link, node);

    if (cursor->seg->rank != RANK_NONE && cursor->seg->scanned < cursor->init)
      return cursor->seg;
  }
  return NULL;
}

static void trace_scan_grey(Trace *trace)
{
  Arena *arena = trace->arena;
  ScanState ss;
  Seg *seg;

  scan_init(&ss, arena, trace, RANK_EXACT);
  while ((seg = trace_next_grey(arena)) != NULL) {
    /* It counts as grey while it is scanned, so that nothing puts it on the
     * list again: its own scan sees what is copied into it. */
    seg->is_grey = true;
    trace_scan_seg(seg, &ss);
    seg->is_grey = false;
  }
}


/* Reclaim */

static void trace_reclaim(Trace *trace)
{
  RING_FOR (node, after, &trace->whites) {
    Seg *seg = RING_ELEM(Seg, gen_link, node);

    ASSERT(!seg->is_grey);
    seg->class->reclaim(seg); /* consumes it, or puts it back */
  }
  ASSERT(ring_is_single(&trace->whites));
  RING_FOR (node, after, &trace->arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, node);

    pool->class->trace_end(pool);
  }
}

/* The dead fraction that a generation showed moves what is expected of it
 * (.trace.mortality). */

static void trace_end_gen(Trace *trace, Gen *gen)
{
  GenWork *work = &gen->work;
  Size survived = work->forwarded + work->preserved;

  if (work->collections == 0)
    return;
  gen->mortality = policy_mortality(gen->mortality, work->condemned, survived);
  trace->live += survived;
  trace->copied += work->forwarded;
  gen->total.collections += work->collections;
  gen->total.condemned += work->condemned;
  gen->total.forwarded += work->forwarded;
  gen->total.preserved += work->preserved;
  gen->total.retained += work->retained;
}


/* The whole */

static void trace_begin(Trace *trace, TraceWhy why)
{
  trace->is_running = true;
  trace->is_emergency = false;
  trace->refused = SIZE_MAX;
  trace->why = why;
  trace->white = REFSET_EMPTY;
  trace->condemned = 0;
  trace->not_condemned = 0;
  trace->live = 0;
  trace->copied = 0;
  trace->start = plat_clock_now();
  trace->start_cpu = plat_clock_cpu();
}

static void trace_end(Trace *trace)
{
  Seconds now = plat_clock_now();
  double wall = now.s - trace->start.s;
  double cpu = plat_clock_cpu().s - trace->start_cpu.s;

  trace->is_running = false;
  trace->white = REFSET_EMPTY;
  trace->cost.s += wall;
  if (wall > trace->longest.s)
    trace->longest.s = wall;
  ++trace->collections;
  /* What stays in place costs nothing, and of a short trace most is fixed
   * cost: neither says anything about the rate.  Nor does the time in which
   * other programs had the processor. */
  if (trace->copied >= TRACE_RATE_MIN && cpu > 0.0)
    trace->rate = note_rate(trace->rate, (double)trace->copied / cpu);
}

/* trace_flip_and_scan -- everything that finds what is alive
 *
 * No ambiguous reference is left for later than the first of these steps:
 * what it names must be nailed before anything moves (.trace.inv.order). */

static void trace_flip_and_scan(Trace *trace)
{
  Arena *arena = trace->arena;

  ++arena->flips;
  ld_history_age(&arena->ld, trace->white);
  trace_flip_buffers(arena);
  trace_find_grey(trace);
  trace_scan_roots(trace, RANK_AMBIG);
  trace_scan_roots(trace, RANK_EXACT);
  trace_scan_grey(trace);
  trace_scan_roots(trace, RANK_WEAK);
}

/* What the nurseries will need again at once.  Giving that back after each
 * minor collection, only to take it again, would cost more than the
 * collection (.space.keep). */

static void trace_add_nursery(Size *sum, const Chain *chain)
{
  const Gen *gen = &chain->gens[0];

  if (gen->work.collections > 0)
    *sum += gen->work.condemned;
}

static Size trace_expected_fill(const Trace *trace)
{
  Size sum = 0;

  if (trace->arena->space.spare < TRACE_KEEP_SPARE)
    return 0;
  RING_FOR (node, after, &trace->arena->chains)
    trace_add_nursery(&sum, RING_ELEM(Chain, link, node));
  return sum;
}

Size trace_run(Arena *arena, TraceWhy why)
{
  Trace *trace = arena->trace;
  Size condemned;

  ASSERT(trace_check(trace));
  ASSERT(!trace->is_running);
  arena_stop(arena);
  trace_begin(trace, why);
  trace_orphan_buffers(arena);
  trace_each_gen(trace, trace_condemn_gen);
  condemned = trace->condemned;
  if (condemned == 0) {
    trace->is_running = false;
  } else {
    trace_each_gen(trace, trace_count_gen);
    trace->not_condemned -= size_min(trace->not_condemned, condemned);
    note_start(trace);
    trace_flip_and_scan(trace);
    trace_reclaim(trace);
    trace_each_gen(trace, trace_end_gen);
    trace_end(trace);
    note_end(trace);
    space_trim(&arena->space, trace_expected_fill(trace));
  }
  arena_resume(arena);
  note_prepare(trace);
  ASSERT(trace_check(trace));
  return condemned;
}
