/* poll.c -- giving collection its chance
 *
 * Design: .poll.due, .poll.loop (design/poll.rst).
 */

#include "poll.h"

#include "../heap/gen.h"
#include "note.h"
#include "policy.h"

#include <math.h>

/* Bytes given to allocation points after which the policy is asked, also
 * when no generation is full: the old ones may have grown. */
#define POLL_EVERY ((Size)256 << 10)

/* A trace under way is to end before the client has allocated this part of
 * what it condemned, and at the least this much (.poll.pace). */
#define POLL_PACE_SHARE 4
#define POLL_PACE_MIN ((Size)1 << 20)
/* The part of the pause time by which the work must be behind before a stop
 * is worth its cost, and what a stop may use of it, as it takes some time
 * to end. */
#define POLL_PACE_LAG 0.25
#define POLL_PAUSE_USE 0.9
/* The part of it after which a poll doesn't begin another collection. */
#define POLL_PAUSE_ANOTHER 0.3
#define POLL_HARSH_PATIENCE 1.0 /* seconds */

/* Bytes condemned in a nursery, from which its survival can be told. */
#define POLL_FLAT_MIN ((Size)1 << 20)

/* Collections in one poll, at most.  Each may fill an older generation, so
 * that the next one is due. */
#define POLL_LOOP_MAX 8
/* Collections for one request that finds no memory, after the first. */
#define POLL_SHORT_MAX 8


/* The snapshot that the policy decides on */

typedef struct PollSnapshot {
  PolicySnapshot now;
  void *store; /* of its arrays */
  Size size;
} PollSnapshot;

static PolicyGen poll_gen(const Gen *gen)
{
  return (PolicyGen){
      .capacity = gen->capacity,
      .fresh = gen_fresh(gen),
      .size = gen_size(gen),
      .mortality = gen->mortality,
  };
}

static void poll_snapshot_chains(PollSnapshot *snapshot, Arena *arena,
                                 Count chains)
{
  PolicyChain *chain_at = snapshot->store;
  PolicyGen *gen_at = (PolicyGen *)(void *)(chain_at + chains);

  snapshot->now.chains = chain_at;
  snapshot->now.chain_count = chains;
  RING_FOR (node, after, &arena->chains) {
    const Chain *chain = RING_ELEM(Chain, link, node);

    *chain_at++ = (PolicyChain){gen_at, chain->count, false};
    for (Index i = 0; i < chain->count; ++i)
      *gen_at++ = poll_gen(&chain->gens[i]);
  }
}

/* False if there is no memory for it. */

static bool poll_snapshot_init(PollSnapshot *snapshot, Arena *arena)
{
  const Trace *trace = arena->trace;
  Count chains = ring_length(&arena->chains);
  Count gens = 0;

  RING_FOR (node, after, &arena->chains)
    gens += RING_ELEM(Chain, link, node)->count;
  snapshot->size = chains * sizeof(PolicyChain) + gens * sizeof(PolicyGen);
  if (ctl_alloc(&snapshot->store, &arena->ctl, snapshot->size) != MPS_RES_OK)
    return false;
  snapshot->now = (PolicySnapshot){
      .top = poll_gen(&arena->top),
      .committed = space_committed(&arena->space),
      .spare = arena->space.spare_size,
      .commit_limit = arena->space.commit_limit,
      .reserved_max = arena->space.span,
      .old_at_world = trace->old_at_world,
      .allocated = arena->filled,
      .allocated_at_world = trace->filled_at_world,
      .pause_time = arena->pause_time,
      .copy_rate = trace->rate,
  };
  poll_snapshot_chains(snapshot, arena, chains);
  ASSERT(policy_snapshot_check(&snapshot->now));
  return true;
}

static void poll_snapshot_finish(PollSnapshot *snapshot, Arena *arena)
{
  ctl_free(&arena->ctl, snapshot->store, snapshot->size);
}


/* Running what was chosen */

static void poll_mark_world(Arena *arena)
{
  RING_FOR (node, after, &arena->chains) {
    Chain *chain = RING_ELEM(Chain, link, node);

    for (Index i = 0; i < chain->count; ++i)
      chain->gens[i].is_condemned = true;
  }
  arena->top.is_condemned = true;
}

static Chain *poll_chain(Arena *arena, Index index)
{
  Ring *node = arena->chains.next;

  while (index-- > 0)
    node = node->next;
  return RING_ELEM(Chain, link, node);
}

static void poll_mark_chain(Chain *chain, Index last)
{
  for (Index i = 0; i <= last; ++i)
    chain->gens[i].is_condemned = true;
}

/* A small nursery was collected for another reason than that it was full,
 * and says little about how long objects live. */

static void poll_adapt_chain(Chain *chain, Size capacity)
{
  Gen *nursery = &chain->gens[0];

  nursery->capacity = capacity;
  if (nursery->work.condemned >= POLL_FLAT_MIN)
    chain->is_flat = policy_is_flat(nursery->mortality, chain->is_flat);
}

/* poll_adapt -- what was learned: the size that the default chain's nursery
 * should have, and how much is old after a collection of everything */

static void poll_adapt(Arena *arena, bool is_world)
{
  PollSnapshot snapshot;
  Index i = 0;

  if (!poll_snapshot_init(&snapshot, arena))
    return;
  RING_FOR (node, after, &arena->chains) {
    Chain *chain = RING_ELEM(Chain, link, node);

    if (chain->is_adaptive)
      poll_adapt_chain(chain, policy_nursery_capacity(&snapshot.now, i));
    ++i;
  }
  if (is_world) {
    arena->trace->old_at_world = policy_old_size(&snapshot.now);
    arena->trace->filled_at_world = arena->filled;
  }
  poll_snapshot_finish(&snapshot, arena);
}

/* poll_conclude -- what follows from a trace that has ended */

static void poll_conclude(Arena *arena)
{
  Trace *trace = arena->trace;

  if (!trace->has_news)
    return;
  trace->has_news = false;
  if (trace->is_world)
    space_note_live(&arena->space);
  poll_adapt(arena, trace->is_world);
}

/* In the harsh variety a trace is cut as often as can be, unless the client
 * is very patient. */

static TraceBudget poll_budget(Seconds time)
{
  bool is_cut = HARSH && time.s < POLL_HARSH_PATIENCE;

  return (TraceBudget){{plat_clock_now().s + time.s * POLL_PAUSE_USE},
                       is_cut ? 1 : SIZE_MAX};
}

static Size poll_run(Arena *arena, TraceWhy why, bool is_world, Seconds time)
{
  TraceBudget budget = poll_budget(time);
  Size condemned;

  arena->is_polling = true;
  condemned = trace_start(arena, why, &budget);
  arena->is_polling = false;
  if (condemned > 0)
    arena->trace->is_world = is_world;
  poll_conclude(arena);
  return condemned;
}

/* poll_in_place -- before everything is collected and moved: find what is
 * dead among objects with ambiguous references, and in cycles through them
 * (.poll.place) */

static void poll_in_place(Arena *arena, TraceWhy why)
{
  if (arena->ambig_holding == 0)
    return;
  poll_mark_world(arena);
  arena->is_polling = true;
  if (trace_run_in_place(arena, why) > 0)
    note_finish(arena->trace); /* the trace that follows sends no messages */
  RING_FOR (node, after, &arena->pools) {
    Pool *pool = RING_ELEM(Pool, link, node);

    pool->class->collected(pool);
  }
  arena->is_polling = false;
  arena->trace->has_news = false;
}

static Size poll_world(Arena *arena, TraceWhy why, Seconds time)
{
  note_world(arena, why);
  if (isinf(time.s))
    poll_in_place(arena, why);
  poll_mark_world(arena);
  return poll_run(arena, why, true, time);
}

void poll_finish(Arena *arena)
{
  trace_finish(arena);
  poll_conclude(arena);
}

static TraceWhy poll_why(PolicyWhy why)
{
  switch (why) {
  case POLICY_WHY_GROWTH:
    return TRACE_WHY_GROWTH;
  case POLICY_WHY_LIMIT:
    return TRACE_WHY_MEMORY;
  case POLICY_WHY_IDLE:
    return TRACE_WHY_STEP;
  case POLICY_WHY_CAPACITY:
  case POLICY_WHY_NOTHING:
    break;
  }
  return TRACE_WHY_CAPACITY;
}

/* Returns whether anything was collected. */

static bool poll_run_choice(Arena *arena, const PolicyChoice *choice,
                            Seconds time)
{
  switch (choice->kind) {
  case POLICY_WORLD:
    return poll_world(arena, poll_why(choice->why), time) > 0;
  case POLICY_CHAIN:
    poll_mark_chain(poll_chain(arena, choice->chain), choice->gen);
    return poll_run(arena, poll_why(choice->why), false, time) > 0;
  case POLICY_NOTHING:
    break;
  }
  return false;
}


/* Polling */

static const Seconds poll_for_ever = {INFINITY};

/* poll_lag -- how many bytes of work the trace is behind
 *
 * What it does is to be in proportion to what the client allocates. */

static double poll_lag(const Arena *arena)
{
  const Trace *trace = arena->trace;
  Size allowed = size_max(trace->condemned / POLL_PACE_SHARE, POLL_PACE_MIN);
  Size filled = arena->filled - trace->filled_at_start;

  return (double)trace->work * ((double)filled / (double)allowed)
         - (double)trace->done;
}

/* Is a stop worth its cost?  Once scanning is over, what is left isn't worth
 * putting off. */

static bool poll_is_behind(const Arena *arena)
{
  return HARSH || arena->trace->phase != TRACE_SCAN
         || poll_lag(arena) > policy_rate(arena->trace->rate)
                                  * arena->pause_time.s * POLL_PACE_LAG;
}

static void poll_go_on(Arena *arena)
{
  TraceBudget budget = poll_budget(arena->pause_time);

  if (!poll_is_behind(arena))
    return;
  arena->is_polling = true;
  trace_advance(arena, &budget);
  arena->is_polling = false;
  poll_conclude(arena);
}

static bool poll_is_due(const Arena *arena)
{
  return arena->is_gc_due || HARSH
         || arena->filled - arena->trace->filled_at_poll >= POLL_EVERY;
}

/* In the harsh variety, what the policy leaves alone is collected all the
 * same: a minor collection at each poll shakes out what a rare one hides. */

static void poll_harshly(Arena *arena, bool was_any)
{
  static Index turn;

  if (!HARSH || was_any || arena->trace->is_running)
    return;
  ++turn;
  poll_mark_chain(poll_chain(arena, turn % ring_length(&arena->chains)), 0);
  (void)poll_run(arena, TRACE_WHY_CAPACITY, false, arena->pause_time);
}

static bool poll_is_used_up(const Arena *arena, Seconds start)
{
  return plat_clock_now().s - start.s
         > arena->pause_time.s * POLL_PAUSE_ANOTHER;
}

bool poll_is_idle(const Arena *arena)
{
  const Trace *trace = arena->trace;

  /* One branch: mps_alloc comes by here each time (.mvff.quick). */
  return !(trace->is_running | trace->has_news) && !poll_is_due(arena);
}

void poll_maybe(Arena *arena)
{
  Seconds start;
  bool was_world = false;
  bool was_any = false;

  if (arena->state != ARENA_UNCLAMPED || arena->is_polling)
    return;
  poll_conclude(arena);
  if (arena->trace->is_running) {
    poll_go_on(arena);
    return;
  }
  if (!poll_is_due(arena))
    return;
  start = plat_clock_now();
  arena->is_gc_due = false;
  arena->trace->filled_at_poll = arena->filled;
  for (Count i = 0; i < POLL_LOOP_MAX; ++i) {
    PollSnapshot snapshot;
    PolicyChoice choice;

    if (!poll_snapshot_init(&snapshot, arena)) {
      /* There isn't even memory for that: everything, once. */
      if (!was_world)
        (void)poll_world(arena, TRACE_WHY_MEMORY, poll_for_ever);
      return;
    }
    choice = was_world ? policy_choose_chain(&snapshot.now)
                       : policy_choose(&snapshot.now);
    poll_snapshot_finish(&snapshot, arena);
    if (!poll_run_choice(arena, &choice, arena->pause_time))
      break;
    was_world = was_world || choice.kind == POLICY_WORLD;
    was_any = true;
    if (arena->trace->is_running)
      break;
    /* Another collection would be another pause, for one call. */
    if (poll_is_used_up(arena, start)) {
      arena->is_gc_due = true;
      break;
    }
  }
  poll_harshly(arena, was_any);
}

/* A collection that has no memory to copy into finds out what lives where,
 * and later ones make room by that, each more than the one before
 * (.amc.choose). */

static void poll_while_short(Arena *arena)
{
  Size room = 0;

  for (Count i = 0; i < POLL_SHORT_MAX && arena->trace->is_short
                    && space_room(&arena->space) > room;
       ++i) {
    room = space_room(&arena->space);
    (void)poll_world(arena, TRACE_WHY_MEMORY, poll_for_ever);
  }
}

bool poll_for_memory(Arena *arena)
{
  Size room;

  if (arena->state != ARENA_UNCLAMPED || arena->is_polling)
    return false;
  poll_finish(arena);
  room = space_room(&arena->space);
  /* What is in place may be all that there is to collect. */
  if (poll_world(arena, TRACE_WHY_MEMORY, poll_for_ever) == 0
      && space_room(&arena->space) <= room)
    return false;
  poll_while_short(arena);
  return true;
}


/* The client's requests */

void poll_clamp(Arena *arena)
{
  arena->state = ARENA_CLAMPED;
}

void poll_park(Arena *arena)
{
  poll_finish(arena);
  arena->state = ARENA_PARKED;
}

void poll_release(Arena *arena)
{
  arena->state = ARENA_UNCLAMPED;
  poll_maybe(arena);
}

void poll_collect(Arena *arena)
{
  poll_finish(arena);
  (void)poll_world(arena, TRACE_WHY_CLIENT, poll_for_ever);
  poll_finish(arena);
  arena->state = ARENA_PARKED;
}

bool poll_start_collect(Arena *arena)
{
  poll_finish(arena);
  arena->state = ARENA_UNCLAMPED;
  return poll_world(arena, TRACE_WHY_CLIENT, arena->pause_time) > 0;
}

/* poll_step_start -- one decision; false if there is nothing to do */

static bool poll_step_start(Arena *arena, const PolicyStep *step)
{
  PollSnapshot snapshot;
  PolicyChoice choice;
  bool was_work;

  if (!poll_snapshot_init(&snapshot, arena))
    return false;
  choice = policy_choose_step(&snapshot.now, step);
  poll_snapshot_finish(&snapshot, arena);
  was_work = poll_run_choice(arena, &choice, step->interval);
  if (was_work && choice.kind == POLICY_WORLD)
    arena->trace->step_world = plat_clock_now();
  return was_work;
}

static bool poll_step_once(Arena *arena, const PolicyStep *step)
{
  TraceBudget budget = poll_budget(step->interval);

  if (!arena->trace->is_running)
    return poll_step_start(arena, step);
  arena->is_polling = true;
  trace_advance(arena, &budget);
  arena->is_polling = false;
  poll_conclude(arena);
  return true;
}

/* Works on a clamped arena and leaves it clamped; touches nothing that
 * polling goes by (.poll.step). */

bool poll_step(Arena *arena, Seconds interval, double multiplier)
{
  Seconds start = plat_clock_now();
  bool was_work = false;
  PolicyStep step = {
      .interval = interval,
      .multiplier = multiplier,
      .since_world = {start.s - arena->trace->step_world.s},
  };

  if (arena->state == ARENA_POSTMORTEM)
    return false;
  while (poll_step_once(arena, &step)) {
    double elapsed = plat_clock_now().s - start.s;

    was_work = true;
    if (elapsed >= interval.s)
      break;
    step.interval.s = interval.s - elapsed;
    step.since_world.s = plat_clock_now().s - arena->trace->step_world.s;
  }
  /* Parked means that nothing moves, which is over now. */
  if (was_work && arena->state == ARENA_PARKED)
    arena->state = ARENA_CLAMPED;
  return was_work;
}
