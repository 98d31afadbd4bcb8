/* trace.c -- one collection, from condemning to reclaiming
 *
 * Design: .trace.steps, .trace.inv.order (design/trace.rst).
 */

#include "trace.h"

#include "../heap/arena.h"
#include "../heap/barrier.h"
#include "../heap/buffer.h"
#include "../heap/final.h"
#include "../heap/gen.h"
#include "../heap/root.h"
#include "../heap/scan.h"
#include "../heap/seg.h"
#include "note.h"
#include "policy.h"

#include <math.h>
#include <string.h>

/* Spare fractions from which on the client doesn't mind that memory is kept
 * for what is needed again at once. */
#define TRACE_KEEP_SPARE 0.5

/* Bytes copied, from which the rate of tracing can be told. */
#define TRACE_RATE_MIN ((Size)512 << 10)

/* Bytes to give back to the system between two looks at the clock. */
#define TRACE_TRIM_STEP ((Size)8 << 20)

/* What a stop for the client's sake does beyond what the client waits for:
 * this part of the pause time, and at most so long in seconds. */
#define TRACE_HIT_SHARE 0.1
#define TRACE_HIT_TIME 0.001

/* Of the time of a stop, what may be kept for a slow step; and how fast slow
 * steps are forgotten, for each stop. */
#define TRACE_SLOW_SHARE 0.6
#define TRACE_SLOW_DECAY 0.97

static const TraceBudget trace_no_limit = {{INFINITY}, SIZE_MAX};

static void trace_unhide(Arena *arena, Seg *seg);


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
  arena->unhide = trace_unhide;
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
  CHECK(trace->is_running == (trace->phase != TRACE_IDLE));
  /* .trace.inv.hidden: the client runs only where what is grey is hidden
   * from it. */
  CHECK(trace->phase == TRACE_SCAN
        || (trace->arena->grey == NULL && trace->arena->late == NULL));
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

/* trace_fetch -- the record of a segment that is looked at next
 *
 * Tens of thousands are visited in one go, and each is a few cache lines
 * that nobody has looked at for long. */

static void trace_fetch(const Seg *seg)
{
  __builtin_prefetch(seg, 1);
  __builtin_prefetch(&seg->base, 1);
  __builtin_prefetch(&seg->gen_link, 1);
}

static void trace_condemn_pgen(Trace *trace, PoolGen *pgen)
{
  Space *space = &trace->arena->space;
  BarrierRun run = {NULL, NULL};
  bool is_any = false;

  RING_FOR (node, after, &pgen->segs) {
    Seg *seg = RING_ELEM(Seg, gen_link, node);
    Size size;

    trace_fetch(RING_ELEM(Seg, gen_link, after));
    size = seg->class->whiten(seg);
    if (size == 0)
      continue;
    pgen_account_age(seg);
    seg->seen = REFSET_EMPTY;
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
  if (!is_any)
    return;
  if (pgen->pool->class->is_moving && !trace->is_in_place)
    trace->moving |= REFSET_KIND(pgen->gen->id);
  if (!trace->is_in_place)
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
  seg->has_keys = false;
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

      trace_fetch(RING_ELEM(Seg, ref_link, after));
      if (seg->is_white)
        continue;
      if ((seg->refset & trace->white) != 0) {
        seg->scanned = seg->base;
        seg->seen = REFSET_EMPTY;
        seg_set_grey(seg, arena);
        trace->work += seg_size(seg);
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

/* An ambiguous reference in an object.  After the flip what may move was
 * nailed already, unless nothing moves (.trace.ambig).  Either way it stays
 * where it is. */

static void trace_fix_ambig(ScanState *ss, mps_addr_t *ref_io)
{
  Seg *seg = space_seg(&ss->arena->space, *ref_io);

  ss->ss._seen |= REFSET_KIND(seg->kind);
  if (!ss->trace->has_flipped || ss->trace->is_in_place
      || !seg->pgen->pool->class->is_moving)
    seg->class->fix(seg, ss, ref_io);
}

static void trace_scan_seg(Trace *trace, Seg *seg, Rank rank)
{
  ScanState ss;
  Res res;

  scan_init(&ss, trace->arena, trace, rank);
  if (rank == RANK_AMBIG)
    ss.fix = trace_fix_ambig;
  barrier_expose(seg);
  /* It counts as grey while it is scanned, so that nothing puts it on the
   * list again: its own scan sees what is copied into it. */
  seg->is_grey = true;
  res = seg->class->scan(seg, &ss);
  ASSERT(res == MPS_RES_OK);
  seg->is_grey = false;
  ephs_stir(&trace->ephs);
  seg->seen |= scan_take_refset(&ss);
  barrier_settle(seg, res == MPS_RES_OK ? seg->seen : REFSET_UNIVERSAL);
  trace->done += ss.scanned != 0 ? ss.scanned : seg_size(seg);
}

/* trace_rank -- at which rank a segment is scanned while the dead aren't
 * known */

static Rank trace_rank(const Seg *seg)
{
  return seg->rank == RANK_WEAK ? RANK_EXACT : (Rank)seg->rank;
}

/* trace_next_grey -- a segment with something to scan, or NULL
 *
 * A segment that a cursor copies into is on no list while the cursor is
 * open, so that copying an object touches nothing but the cursor. */

static Seg *trace_next_grey(Arena *arena)
{
  Seg *seg;

  while ((seg = arena->grey) != NULL) {
    arena->grey = seg->grey_next;
    seg->is_queued = false;
    if (seg->is_grey) /* the client may have wanted it scanned before */
      return seg;
  }
  RING_FOR (node, after, &arena->cursors) {
    const Cursor *cursor = RING_ELEM(Cursor, link, node);

    if (cursor->seg->rank != RANK_NONE && cursor->seg->scanned < cursor->init)
      return cursor->seg;
  }
  return NULL;
}


/* Reclaim */

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

/* What the nurseries will need again at once.  Giving that back after each
 * minor collection, only to take it again, would cost more than the
 * collection (.space.keep). */

static void trace_add_nursery(Size *sum, const Chain *chain)
{
  const Gen *gen = &chain->gens[0];

  if (gen->work.collections > 0)
    *sum += gen->work.condemned;
  /* Others are nurseries for objects that stay. */
  for (Index i = 1; i < chain->count; ++i)
    if (chain->gens[i].work.collections > 0)
      *sum += chain->gens[i].work.filled;
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


/* Phases */

/* trace_measure_room -- has memory been short, and is it still?
 *
 * It isn't where all that is in use could be copied (.trace.short). */

static void trace_measure_room(Trace *trace)
{
  const Space *space = &trace->arena->space;
  Size room = space_room(space);

  trace->is_short = trace->is_short && room < space->used_size;
  trace->room = trace->is_short ? room : SIZE_MAX;
}

static void trace_begin(Trace *trace, TraceWhy why)
{
  trace->phase = TRACE_SCAN;
  trace->is_running = true;
  trace->is_whole
      = trace->arena->barrier == BARRIER_NONE || trace->is_in_place;
  trace->is_emergency = false;
  trace->arena->stayed = REFSET_EMPTY;
  trace->is_decided = false;
  trace->has_flipped = false;
  trace->refused = SIZE_MAX;
  trace_measure_room(trace);
  trace->why = why;
  trace->white = REFSET_EMPTY;
  trace->moving = REFSET_EMPTY;
  trace->condemned = 0;
  trace->not_condemned = 0;
  trace->work = 0;
  trace->done = 0;
  trace->stops = 0;
  trace->live = 0;
  trace->copied = 0;
  trace->filled_at_start = trace->arena->filled;
  trace->cpu.s = 0.0;
}

static void trace_note_gen(Trace *trace, Gen *gen)
{
  note_gen(trace, gen);
}

static void trace_end(Trace *trace)
{
  trace_each_gen(trace, trace_end_gen);
  trace_each_gen(trace, trace_note_gen);
  trace->phase = TRACE_IDLE;
  trace->is_running = false;
  trace->is_in_place = false;
  trace->has_news = true;
  trace->is_short = trace->is_short || trace->is_emergency;
  trace->white = REFSET_EMPTY;
  ++trace->collections;
  note_end(trace);
}

/* What stays in place costs nothing, and of a short trace most is fixed
 * cost: neither says anything about the rate.  Nor does the time in which
 * other programs had the processor. */

static void trace_learn_rate(Trace *trace)
{
  if (trace->copied >= TRACE_RATE_MIN && trace->cpu.s > 0.0)
    trace->rate = note_rate(trace->rate, (double)trace->copied / trace->cpu.s);
}

/* The client may look at a weak root at any time, and nothing can be hidden
 * there (.trace.whole). */

static bool trace_has_weak_roots(const Arena *arena)
{
  RING_FOR (node, after, &arena->roots)
    if (RING_ELEM(Root, link, node)->rank == RANK_WEAK)
      return true;
  return false;
}

static void trace_expect_gen(Trace *trace, Gen *gen)
{
  trace->work += (Size)((double)gen->work.condemned * (1.0 - gen->mortality));
}

/* Everything that is alive has been found. */

static void trace_end_scan(Trace *trace)
{
  Arena *arena = trace->arena;

  note_reclaim(trace);
  RING_FOR (node, after, &arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, node);

    pool->class->scanned(pool);
  }
  trace->phase = TRACE_RECLAIM;
}

/* trace_decide -- all that anything keeps has been found
 *
 * From now on nothing is preserved any more, whoever looks at what
 * (.trace.decided). */

static void trace_decide(Trace *trace)
{
  trace->is_decided = true;
  ephs_finish(trace->arena, &trace->ephs);
  trace_scan_roots(trace, RANK_WEAK);
}

/* trace_next_late -- a segment to scan now that the dead are known */

static Seg *trace_next_late(Arena *arena)
{
  Seg *seg;

  while ((seg = arena->late) != NULL) {
    arena->late = seg->late_next == seg ? NULL : seg->late_next;
    seg->late_next = NULL;
    if (seg->is_late)
      return seg;
  }
  return NULL;
}

static void trace_scan_late(Trace *trace, Seg *seg)
{
  trace_scan_seg(trace, seg, RANK_WEAK);
  seg->is_late = false;
}

static void trace_step_late(Trace *trace)
{
  Seg *seg = trace_next_late(trace->arena);

  if (seg != NULL)
    trace_scan_late(trace, seg);
  else
    trace_end_scan(trace);
}

static void trace_finalize(Trace *trace)
{
  final_scan(trace->arena, trace);
  if (!final_is_due(trace->arena))
    ephs_stir(&trace->ephs);
}

/* Pairs wait while the registered objects are gone through, in many steps, or
 * each of these would have all keys asked for again (.ephs.final). */

static void trace_step_scan(Trace *trace)
{
  Seg *seg;

  if (barrier_disarm(trace->arena))
    return;
  seg = trace_next_grey(trace->arena);
  if (seg != NULL)
    trace_scan_seg(trace, seg, trace_rank(seg));
  else if (!final_is_deciding(trace->arena) && ephs_step(trace->arena, trace))
    return;
  else if (final_is_due(trace->arena))
    trace_finalize(trace);
  else if (!trace->is_decided)
    trace_decide(trace);
  else
    trace_step_late(trace);
}

/* Segments with nails are white, so that they couldn't be hidden from the
 * client while we copy out of them.  The others of the list can. */

static void trace_scan_nailed(Trace *trace, Seg *list)
{
  Seg *next;

  for (Seg *seg = list; seg != NULL; seg = next) {
    next = seg->grey_next;
    seg->is_queued = false;
    if (seg->is_nailed) {
      trace_scan_seg(trace, seg, RANK_EXACT);
    } else {
      seg->is_grey = false;
      seg_set_grey(seg, trace->arena);
    }
  }
}

/* Objects with ambiguous references.  Which of those that are condemned live
 * isn't known before it is too late to nail what they name, so all of it is
 * nailed (.trace.ambig). */

static void trace_fix_moving(ScanState *ss, mps_addr_t *ref_io)
{
  Seg *seg = space_seg(&ss->arena->space, *ref_io);

  if (seg->pgen->pool->class->is_moving)
    seg->class->fix(seg, ss, ref_io);
}

static void trace_nail_from(Trace *trace, Seg *seg)
{
  ScanState ss;
  Res res;

  scan_init(&ss, trace->arena, trace, RANK_AMBIG);
  ss.fix = trace_fix_moving;
  res = seg->class->areas(seg, &ss.ss, seg_scan_area, seg);
  ASSERT(res == MPS_RES_OK);
}

/* trace_scan_ambig -- segments in which any word may be a reference are like
 * ambiguous roots, where they may refer to what is condemned (.trace.ambig) */

static void trace_scan_ambig(Trace *trace)
{
  Arena *arena = trace->arena;

  /* Scanning puts a segment last in the ring again: once around. */
  for (Count left = ring_length(&arena->ambig); left > 0; --left) {
    Seg *seg = RING_ELEM(Seg, ref_link, arena->ambig.next);

    ring_remove(&seg->ref_link);
    ring_append(&arena->ambig, &seg->ref_link);
    if ((seg->refset & trace->white) == 0)
      continue;
    if (!seg->is_white) {
      seg->seen = REFSET_EMPTY;
      trace_scan_seg(trace, seg, RANK_AMBIG);
    } else if (!trace->is_in_place) {
      trace_nail_from(trace, seg);
    }
  }
}

/* trace_flip -- everything that must be done before the threads go on
 *
 * No ambiguous reference is left for later than the first of these steps:
 * what it names must be nailed before anything moves (.trace.inv.order). */

static void trace_flip(Trace *trace)
{
  Arena *arena = trace->arena;
  Seg *nailed;

  note_flip(trace);
  /* Where nothing may move, addresses stay what they are. */
  arena->flips += trace->moving != REFSET_EMPTY;
  ld_history_age(&arena->ld, trace->moving);
  buffer_flip_all(arena);
  trace_scan_roots(trace, RANK_AMBIG);
  trace_scan_ambig(trace);
  trace->has_flipped = true;
  nailed = arena->grey;
  arena->grey = NULL;
  trace_scan_roots(trace, RANK_EXACT);
  final_flip(arena, trace, trace->white);
  trace_scan_nailed(trace, nailed);
  trace_find_grey(trace);
  trace->is_whole = trace->is_whole || trace_has_weak_roots(arena);
}

static void trace_end_reclaim(Trace *trace)
{
  RING_FOR (node, after, &trace->arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, node);

    pool->class->trace_end(pool);
  }
  trace->keep = trace_expected_fill(trace);
  trace->phase = TRACE_TRIM;
}

static void trace_step_reclaim(Trace *trace)
{
  if (ring_is_single(&trace->whites)) {
    trace_end_reclaim(trace);
  } else {
    Seg *seg = RING_ELEM(Seg, gen_link, trace->whites.next);

    ASSERT(!seg_is_grey(seg));
    seg->class->reclaim(seg); /* consumes it, or puts it back */
  }
}

static void trace_step(Trace *trace)
{
  switch (trace->phase) {
  case TRACE_SCAN:
    trace_step_scan(trace);
    break;
  case TRACE_RECLAIM:
    trace_step_reclaim(trace);
    break;
  case TRACE_TRIM:
    if (space_trim(&trace->arena->space, trace->keep, TRACE_TRIM_STEP))
      trace_end(trace);
    break;
  case TRACE_IDLE:
    ASSERT(!"an idle trace has no step");
    break;
  }
}


/* Checking */

/* .trace.inv.black: what isn't hidden refers to nothing that may move. */

static void trace_check_ref(ScanState *ss, mps_addr_t *ref_io)
{
  Seg *seg = space_seg(&ss->arena->space, *ref_io);
  mps_addr_t ref = *ref_io;

  if (seg->pgen->pool->class->is_moving)
    ASSERT(seg->is_nailed);
  else
    ASSERT(seg->class->is_preserved(seg, &ref));
}

static void trace_check_seg(Seg *seg, void *closure)
{
  ScanState ss;

  if (seg_is_grey(seg) || seg->rank == RANK_NONE || seg->rank == RANK_AMBIG)
    return;
  scan_init(&ss, seg_arena(seg), closure, RANK_NONE);
  ss.fix = trace_check_ref;
  (void)seg->class->areas(seg, &ss.ss, seg_scan_area, seg);
}

/* Every stop but the first few of a trace would take too long. */

static void trace_check_black(Trace *trace)
{
  Count stop = ++trace->stops;

  if (!CHECK_DEEP || trace->phase != TRACE_SCAN || (stop & (stop - 1)) != 0)
    return;
  RING_FOR (node, after, &trace->arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, node);

    pool->class->segs(pool, trace_check_seg, trace);
  }
}


/* Stops */

/* trace_reserve -- the time to leave, in case the next step is a slow one
 *
 * Most take a tenth of a millisecond.  One that touches fresh memory may
 * take as long as a pause, where the system is slow to give it.  But the
 * larger part of the stop is for work (.trace.slow). */

static double trace_reserve(const Trace *trace, double now,
                            const TraceBudget *budget)
{
  double most = (budget->until.s - now) * TRACE_SLOW_SHARE;

  return trace->slow.s < most ? trace->slow.s : most;
}

/* trace_note_step -- what a step has taken; returns the time */

static double trace_note_step(Trace *trace, double before)
{
  double now = plat_clock_now().s;

  if (now - before > trace->slow.s)
    trace->slow.s = now - before;
  return now;
}

/* trace_work -- as many steps as the budget allows, one at least */

static void trace_work(Trace *trace, const TraceBudget *budget)
{
  Size done = trace->done;
  double now = plat_clock_now().s;
  double until = budget->until.s - trace_reserve(trace, now, budget);

  trace->slow.s *= TRACE_SLOW_DECAY;
  do {
    trace_step(trace);
    now = trace_note_step(trace, now);
  } while (trace->is_running
           && (trace->is_whole || trace->is_emergency
               || (now < until && trace->done - done < budget->work)));
}

/* What a cursor has copied is grey.  It isn't said of its segment until the
 * client could see it. */

static void trace_mark_cursors(Arena *arena)
{
  RING_FOR (node, after, &arena->cursors) {
    const Cursor *cursor = RING_ELEM(Cursor, link, node);

    if (cursor->seg->scanned < cursor->init)
      seg_set_grey(cursor->seg, arena);
  }
}

/* The cursors' segments will be copied into. */

static void trace_expose_cursors(Arena *arena)
{
  RING_FOR (node, after, &arena->cursors) {
    Seg *seg = RING_ELEM(Cursor, link, node)->seg;

    if (seg->rank != RANK_NONE)
      barrier_expose(seg);
  }
}

/* trace_hide -- hide what is grey, or get done with it
 *
 * Hiding fails where the process has too many mappings (.barrier.fails). */

static void trace_hide(Trace *trace)
{
  Arena *arena = trace->arena;

  if (trace->phase != TRACE_SCAN)
    return;
  trace_mark_cursors(arena);
  if (!barrier_raise(arena)) {
    trace->is_whole = true;
    trace_expose_cursors(arena);
    trace_work(trace, &trace_no_limit);
  }
}

static void trace_stop(Trace *trace, Seconds *start, Seconds *start_cpu)
{
  *start = plat_clock_now();
  *start_cpu = plat_clock_cpu();
  arena_stop(trace->arena);
  trace_expose_cursors(trace->arena);
}

static void trace_resume(Trace *trace, Seconds start, Seconds start_cpu)
{
  double wall;

  trace_hide(trace);
  trace_check_black(trace);
  trace->arena->is_hiding = trace->phase == TRACE_SCAN;
  trace->cpu.s += plat_clock_cpu().s - start_cpu.s;
  arena_resume(trace->arena);
  wall = plat_clock_now().s - start.s;
  trace->cost.s += wall;
  if (wall > trace->longest.s)
    trace->longest.s = wall;
  if (!trace->is_running) {
    trace_learn_rate(trace);
    note_prepare(trace);
  }
  ASSERT(trace_check(trace));
}

static void trace_start_stopped(Trace *trace, const TraceBudget *budget)
{
  trace_each_gen(trace, trace_count_gen);
  trace->not_condemned -= size_min(trace->not_condemned, trace->condemned);
  trace_each_gen(trace, trace_expect_gen);
  note_start(trace);
  trace_flip(trace);
  trace_work(trace, budget);
}

Size trace_start(Arena *arena, TraceWhy why, const TraceBudget *budget)
{
  Trace *trace = arena->trace;
  Seconds start;
  Seconds start_cpu;
  Size condemned;

  ASSERT(trace_check(trace));
  ASSERT(!trace->is_running);
  trace_stop(trace, &start, &start_cpu);
  note_stop(arena, "start");
  barrier_gather(arena);
  trace_begin(trace, why);
  buffer_orphan_all(arena);
  trace_each_gen(trace, trace_condemn_gen);
  condemned = trace->condemned;
  if (condemned == 0) {
    trace->is_running = false;
    trace->is_in_place = false;
    trace->phase = TRACE_IDLE;
  } else {
    trace_start_stopped(trace, budget);
  }
  trace_resume(trace, start, start_cpu);
  return condemned;
}

void trace_advance(Arena *arena, const TraceBudget *budget)
{
  Trace *trace = arena->trace;
  Seconds start;
  Seconds start_cpu;

  ASSERT(trace_check(trace));
  ASSERT(trace->is_running);
  trace_stop(trace, &start, &start_cpu);
  note_stop(arena, "step");
  trace_work(trace, budget);
  trace_resume(trace, start, start_cpu);
}

void trace_finish(Arena *arena)
{
  if (arena->trace->is_running)
    trace_advance(arena, &trace_no_limit);
}

Size trace_run(Arena *arena, TraceWhy why)
{
  return trace_start(arena, why, &trace_no_limit);
}

Size trace_run_in_place(Arena *arena, TraceWhy why)
{
  arena->trace->is_in_place = true;
  return trace_run(arena, why);
}

/* One hit is soon followed by others, and a stop costs something.  So each
 * does a little more than it must (.trace.hit). */

static double trace_hit_time(const Arena *arena)
{
  double share = arena->pause_time.s * TRACE_HIT_SHARE;

  return share < TRACE_HIT_TIME ? share : TRACE_HIT_TIME;
}

/* trace_show -- scan a segment that the client wants to see
 *
 * While the dead aren't known, what it refers to is kept, weakly or not. */

static void trace_show(Trace *trace, Seg *seg)
{
  if (trace->is_decided)
    trace_scan_seg(trace, seg, RANK_WEAK);
  else
    trace_scan_seg(trace, seg,
                   seg->rank == RANK_AMBIG ? RANK_AMBIG : RANK_EXACT);
  seg->is_late = false;
}

/* trace_unhide -- the client wants to see a segment: scan it now
 *
 * This may be in a signal handler of the client's thread, with the lock
 * (.barrier.hide). */

static void trace_unhide(Arena *arena, Seg *seg)
{
  Trace *trace = arena->trace;
  TraceBudget budget = trace_no_limit;
  Seconds start;
  Seconds start_cpu;

  ASSERT(trace->phase == TRACE_SCAN && seg_is_grey(seg));
  trace_stop(trace, &start, &start_cpu);
  note_stop(arena, "access");
  trace_show(trace, seg);
  budget.until.s = start.s + trace_hit_time(arena);
  trace_work(trace, &budget);
  trace_resume(trace, start, start_cpu);
}
