/* root.c -- where references into the heap come from
 *
 * Design: .root.kinds, .thread.stack (design/root.rst).
 */

#include "root.h"

Res root_create(Root **root_out, Arena *arena, const Root *params)
{
  Root *root;
  Res res = ctl_alloc(&root, &arena->ctl, sizeof *root);

  if (res != MPS_RES_OK)
    return res;
  *root = *params;
  root->arena = arena;
  /* The closure of a tagged root is its own copy of the tag. */
  if (root->kind == ROOT_AREA_TAGGED || root->kind == ROOT_THREAD_TAGGED)
    root->closure = &root->tag;
  ring_init(&root->link);
  ring_append(&arena->roots, &root->link);
  root->sig = ROOT_SIG;
  ASSERT(root_check(root));
  *root_out = root;
  return MPS_RES_OK;
}

void root_destroy(Root *root)
{
  ASSERT(root_check(root));
  root->sig = SIG_NONE;
  ring_remove(&root->link);
  ctl_free(&root->arena->ctl, root, sizeof *root);
}

bool root_check(const Root *root)
{
  CHECK(root != NULL);
  CHECK(root->sig == ROOT_SIG);
  CHECK(root->arena->sig == ARENA_SIG);
  CHECK(root->rank == RANK_AMBIG || root->rank == RANK_EXACT
        || root->rank == RANK_WEAK);
  CHECK(ring_check(&root->link));
  return true;
}

/* root_scan_thread -- the registers and the stack of one thread
 *
 * A stack grows down, so what is in use lies between the hot end and the
 * cold end that the client gave.  Of a thread that runs on another stack at
 * the moment, as in a signal handler or a coroutine, only the far end of its
 * own is known; what is in use of a signal stack is scanned too
 * (.thread.altstack). */

static Res root_scan_words(Root *root, ScanState *ss, Addr base, Addr limit)
{
  base = addr_round_down(base, sizeof(Word));
  limit = addr_round_down(limit, sizeof(Word));
  if (base == NULL || base >= limit)
    return MPS_RES_OK;
  return root->scan_area(&ss->ss, base, limit, root->closure);
}

static Res root_scan_context(Root *root, ScanState *ss,
                             const PlatContext *context, Addr other_base,
                             Addr other_limit)
{
  Addr cold = root->base;
  Addr hot = plat_thread_hot(&root->thread->plat, context->hot, cold);
  Res res = root->scan_area(&ss->ss, (void *)context->regs,
                            (void *)(context->regs + context->count),
                            root->closure);

  /* Most of the entry point's record was never written (.thread.entry). */
  if (res == MPS_RES_OK && context == root->arena->entry
      && (Addr)context >= hot && (Addr)context < cold) {
    res = root_scan_words(root, ss, hot, (Addr)context);
    hot = (Addr)(context + 1);
  }
  if (res == MPS_RES_OK)
    res = root_scan_words(root, ss, hot, cold);
  if (res == MPS_RES_OK)
    res = root_scan_words(root, ss, other_base, other_limit);
  return res;
}

static Res root_scan_thread(Root *root, ScanState *ss)
{
  const PlatContext *entry = root->arena->entry;
  PlatThread *thread;

  if (root->thread == NULL)
    return MPS_RES_OK;
  thread = &root->thread->plat;
  if (plat_thread_is_self(thread)) {
    if (entry == NULL)
      return MPS_RES_OK;
    return root_scan_context(root, ss, entry, entry->hot,
                             plat_stack_signal(entry->hot));
  }
  if (!thread->is_stopped)
    return MPS_RES_OK;
  return root_scan_context(root, ss, &thread->context, thread->other_base,
                           thread->other_limit);
}

Res root_scan(Root *root, ScanState *ss)
{
  switch (root->kind) {
  case ROOT_FUN:
    return root->scan(&ss->ss, root->base, root->s);
  case ROOT_FMT:
    return root->scan_fmt(&ss->ss, root->base, root->limit);
  case ROOT_AREA:
  case ROOT_AREA_TAGGED:
    return root->scan_area(&ss->ss, root->base, root->limit, root->closure);
  case ROOT_THREAD:
  case ROOT_THREAD_TAGGED:
    return root_scan_thread(root, ss);
  }
  ASSERT(!"a root of a known kind");
  return MPS_RES_OK;
}


/* Threads */

Res thread_create(Thread **thread_out, Arena *arena)
{
  Thread *thread;
  Res res = ctl_alloc(&thread, &arena->ctl, sizeof *thread);

  if (res != MPS_RES_OK)
    return res;
  thread->arena = arena;
  plat_thread_init(&thread->plat);
  thread->plat.next = arena->threads;
  arena->threads = &thread->plat;
  thread->sig = THREAD_SIG;
  ASSERT(thread_check(thread));
  *thread_out = thread;
  return MPS_RES_OK;
}

void thread_destroy(Thread *thread)
{
  PlatThread **link = &thread->arena->threads;

  ASSERT(thread_check(thread));
  RING_FOR (node, after, &thread->arena->roots) {
    Root *root = RING_ELEM(Root, link, node);

    if (root->thread == thread)
      root->thread = NULL; /* (.thread.root) */
  }
  thread->sig = SIG_NONE;
  while (*link != &thread->plat)
    link = &(*link)->next;
  *link = thread->plat.next;
  plat_thread_finish(&thread->plat);
  ctl_free(&thread->arena->ctl, thread, sizeof *thread);
}

bool thread_check(const Thread *thread)
{
  CHECK(thread != NULL);
  CHECK(thread->sig == THREAD_SIG);
  CHECK(thread->arena->sig == ARENA_SIG);
  return true;
}
