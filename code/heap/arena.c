/* arena.c -- making an arena, and being inside it
 *
 * Design: .arena.record, .arena.stop (design/arena.rst).
 */

#include "arena.h"

#include "barrier.h"
#include "final.h"
#include "gen.h"

#include <string.h>

/* The default chain: the interface's documented sizes, from which the
 * nursery's follows the program (.policy). */
#define ARENA_NURSERY_KB 8192
#define ARENA_NURSERY_MORTALITY 0.85
#define ARENA_SECOND_KB 36864
#define ARENA_SECOND_MORTALITY 0.45
#define ARENA_TOP_MORTALITY 0.5


/* Every arena of the process, for fork.  The lock is taken before any
 * arena's own (.arena.fork). */

static Ring arena_all = {&arena_all, &arena_all};
static pthread_mutex_t arena_all_lock = PTHREAD_MUTEX_INITIALIZER;

static void arena_before_fork(void)
{
  (void)pthread_mutex_lock(&arena_all_lock);
  RING_FOR (node, after, &arena_all)
    plat_lock_claim(&RING_ELEM(Arena, all_link, node)->lock);
  event_fork_before();
}

static void arena_after_fork_parent(void)
{
  event_fork_parent();
  RING_FOR (node, after, &arena_all)
    plat_lock_release(&RING_ELEM(Arena, all_link, node)->lock);
  (void)pthread_mutex_unlock(&arena_all_lock);
}

/* The child has one thread.  The records of the others stay until the
 * client takes them away; they count as gone (.plat.thread.gone). */

static void arena_after_fork_child(void)
{
  event_fork_child();
  RING_FOR (node, after, &arena_all) {
    Arena *arena = RING_ELEM(Arena, all_link, node);

    plat_lock_reinit(&arena->lock);
    barrier_after_fork(arena);
  }
  (void)pthread_mutex_init(&arena_all_lock, NULL);
}


/* Lifetime */

static void arena_extended(void *closure, void *base, size_t size)
{
  Arena *arena = closure;

  if (arena->extended != NULL)
    arena->extended(arena, base, size);
}

static void arena_contracted(void *closure, void *base, size_t size)
{
  Arena *arena = closure;

  if (arena->contracted != NULL)
    arena->contracted(arena, base, size);
}

static void arena_release_message(void *closure, Message *message)
{
  Arena *arena = closure;

  if (message->type == mps_message_type_finalization())
    final_release(arena, message);
  else
    ctl_free(&arena->ctl, message_gc(message), sizeof(GcMessage));
}

static Res arena_create_chain(Arena *arena)
{
  static const mps_gen_param_s gens[] = {
      {ARENA_NURSERY_KB, ARENA_NURSERY_MORTALITY},
      {ARENA_SECOND_KB, ARENA_SECOND_MORTALITY},
  };
  Res res = chain_create(&arena->default_chain, arena, 2, gens);

  if (res == MPS_RES_OK)
    arena->default_chain->is_adaptive = true;
  return res;
}

/* arena_init -- everything but memory and what can fail */

static void arena_init(Arena *arena, Size size, const ArenaParams *params)
{
  arena->size = size;
  arena->events = (EventRing *)((Word)arena + size);
  arena->state = ARENA_UNCLAMPED;
  arena->pause_time = params->pause_time;
  arena->barrier = params->barrier;
  arena->extended = params->extended;
  arena->contracted = params->contracted;
  ring_init(&arena->pools);
  ring_init(&arena->formats);
  ring_init(&arena->chains);
  ring_init(&arena->roots);
  ring_init(&arena->all_link);
  ring_init(&arena->cursors);
  ring_init(&arena->ambig);
  for (Index i = 0; i < WORD_BITS; ++i)
    ring_init(&arena->remembered[i]);
  gen_init_top(&arena->top, arena, ARENA_TOP_MORTALITY);
  ld_history_init(&arena->ld);
  message_queue_init(&arena->messages, arena_release_message, arena);
  final_init(arena);
}

static Res arena_init_memory(Arena *arena, const ArenaParams *params)
{
  SpaceParams space = {
      .lent = params->lent,
      .size = params->size,
      .grain = params->grain,
      .commit_limit = params->commit_limit,
      .overhead = params->lent != NULL ? 0 : arena->size,
      .spare = params->spare,
      .events = arena->events,
      .extended = arena_extended,
      .contracted = arena_contracted,
      .closure = arena,
  };
  Res res = plat_lock_init(&arena->lock);

  if (res != MPS_RES_OK)
    return res;
  res = space_init(&arena->space, &space);
  if (res != MPS_RES_OK)
    goto fail_space;
  res = boards_init(&arena->boards, &arena->space);
  if (res != MPS_RES_OK)
    goto fail_boards;
  EVENT_POST(arena->events, arena_create, .address = (Word)arena,
             .reserved = arena->space.reserved, .grain = arena->space.grain,
             .commit_limit = arena->space.commit_limit,
             .pause_time = arena->pause_time.s);
  ctl_init(&arena->ctl, &arena->space);
  res = arena_create_chain(arena);
  if (res != MPS_RES_OK)
    goto fail_chain;
  res = barrier_register(arena);
  if (res != MPS_RES_OK)
    goto fail_register;
  return MPS_RES_OK;

fail_register:
  chain_destroy(arena->default_chain);
fail_chain:
  ctl_finish(&arena->ctl);
  boards_finish(&arena->boards);
fail_boards:
  space_finish(&arena->space);
fail_space:
  plat_lock_finish(&arena->lock);
  return res;
}

/* With the ring of events, which isn't counted as the client's memory: what
 * a program does shouldn't depend on whether it is watched. */

static Size arena_total(Size size)
{
  return size + size_round_up(sizeof(EventRing), plat_page_size());
}

Res arena_create(Arena **arena_out, const ArenaParams *params)
{
  Size size = size_round_up(sizeof(Arena), plat_page_size());
  Arena *arena;
  Addr base;
  Res res = plat_vm_reserve_table(&base, arena_total(size));

  if (res != MPS_RES_OK)
    return res;
  arena = (Arena *)base;
  arena_init(arena, size, params);
  event_ring_init(arena->events);
  res = arena_init_memory(arena, params);
  if (res != MPS_RES_OK) {
    event_ring_finish(arena->events);
    plat_vm_release(base, arena_total(size));
    return res;
  }
  plat_fork_install(arena_before_fork, arena_after_fork_parent,
                    arena_after_fork_child);
  (void)pthread_mutex_lock(&arena_all_lock);
  ring_append(&arena_all, &arena->all_link);
  (void)pthread_mutex_unlock(&arena_all_lock);
  arena->sig = ARENA_SIG;
  ASSERT(arena_check(arena));
  *arena_out = arena;
  return MPS_RES_OK;
}

void arena_destroy(Arena *arena)
{
  ASSERT(arena_check(arena));
  ASSERT(ring_is_single(&arena->pools));
  (void)pthread_mutex_lock(&arena_all_lock);
  ring_remove(&arena->all_link);
  (void)pthread_mutex_unlock(&arena_all_lock);
  arena->sig = SIG_NONE;
  EVENT_POST(arena->events, arena_destroy, .collections = arena->flips,
             .committed_max = arena->space.committed_max);
  final_finish(arena);
  chain_destroy(arena->default_chain);
  gen_finish(&arena->top, arena);
  barrier_unregister(arena);
  ctl_finish(&arena->ctl);
  boards_finish(&arena->boards);
  space_finish(&arena->space);
  plat_lock_finish(&arena->lock);
  event_ring_finish(arena->events);
  plat_vm_release((Addr)arena, arena_total(arena->size));
}

bool arena_check(const Arena *arena)
{
  CHECK(arena != NULL);
  CHECK(arena->sig == ARENA_SIG);
  CHECK(arena->space.sig == SPACE_SIG);
  CHECK(arena->ctl.sig == CTL_SIG);
  CHECK(arena->pause_time.s >= 0.0);
  /* .arena.inv.wanted: outside a stop nothing is left to watch or hide. */
  CHECK(arena->is_stopped || arena->wanted == NULL);
  return true;
}


/* Inside */

/* A handler of the client's that is refused a look would have us scan, in the
 * middle of whatever we are at (.arena.signals). */

static void arena_hold_signals(Arena *arena)
{
  if (arena->is_hiding) {
    plat_signals_hold(&arena->signals);
    arena->is_holding = true;
  }
}

static void arena_release(Arena *arena)
{
  sigset_t signals;

  if (LIKELY(!arena->is_holding)) {
    plat_lock_release(&arena->lock);
    return;
  }
  signals = arena->signals;
  arena->is_holding = false;
  plat_lock_release(&arena->lock);
  plat_signals_allow(&signals);
}

void arena_enter(Arena *arena, const PlatContext *entry)
{
  ASSERT(!plat_lock_is_mine(&arena->lock));
  plat_lock_claim(&arena->lock);
  base_hold();
  arena_hold_signals(arena);
  ASSERT(arena_check(arena));
  arena->is_inside = true;
  arena->entry = entry;
}

void arena_leave(Arena *arena)
{
  ASSERT(arena_check(arena));
  arena->entry = NULL;
  arena->is_inside = false;
  arena_release(arena);
  base_let();
}

__attribute__((noinline)) bool arena_enter_shared(Arena *arena)
{
  if (!plat_lock_grab(&arena->lock))
    return false;
  if (UNLIKELY(arena->is_hiding)) {
    plat_lock_release(&arena->lock);
    return false;
  }
  base_hold();
  return true;
}

void arena_enter_recursive(Arena *arena)
{
  bool is_first = !plat_lock_is_mine(&arena->lock);

  plat_lock_claim(&arena->lock);
  if (is_first) {
    base_hold();
    arena_hold_signals(arena);
  }
}

void arena_leave_recursive(Arena *arena)
{
  if (arena->lock.depth > 0) {
    plat_lock_release(&arena->lock);
  } else {
    arena_release(arena);
    base_let();
  }
}

void arena_stop(Arena *arena)
{
  bool is_told = event_is_on(EVENT_OF_stop);

  ASSERT(!arena->is_stopped);
  arena->stop_why = "";
  if (is_told)
    arena->stop_begin = plat_clock_now();
  plat_signals_hold(&arena->signals_at_stop);
  plat_threads_stop(arena->threads);
  arena->is_stopped = true;
  arena->hits_taken = 0;
  barrier_gather_hits(arena);
  if (is_told)
    EVENT_POST(arena->events, stop,
               .waited = plat_clock_now().s - arena->stop_begin.s);
}

/* If this stop has begun a trace, what is left of the call is no place for a
 * handler that would have us scan: signals wait for its end. */

static void arena_let_signals(Arena *arena)
{
  if (arena->is_inside && arena->is_hiding && !arena->is_holding) {
    arena->signals = arena->signals_at_stop;
    arena->is_holding = true;
  } else {
    plat_signals_allow(&arena->signals_at_stop);
  }
}

/* Writing the log is put off to here, where the threads run. */

static void arena_tell_resume(Arena *arena)
{
  EVENT_POST(arena->events, resume, .why = event_text(arena->stop_why),
             .pause = plat_clock_now().s - arena->stop_begin.s,
             .hits = arena->hits_taken);
  event_relieve(arena->events);
  arena->stop_begin.s = 0.0;
}

void arena_resume(Arena *arena)
{
  bool is_hidden = barrier_raise(arena);

  ASSERT(arena->is_stopped && is_hidden);
  arena->is_stopped = false;
  plat_threads_resume(arena->threads);
  arena_let_signals(arena);
  if (arena->stop_begin.s > 0.0)
    arena_tell_resume(arena);
}
