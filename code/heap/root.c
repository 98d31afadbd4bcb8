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
 * the moment, as in a signal handler, only the far end of its own is known,
 * or not even that; what is in use of the other one is scanned too
 * (.thread.altstack). */

static Res root_scan_thread(Root *root, ScanState *ss)
{
  Thread *thread = root->thread;
  const PlatContext *context = NULL;
  Addr cold = root->base;
  Res res;

  if (plat_thread_is_self(&thread->plat))
    context = root->arena->entry;
  else if (thread->plat.is_stopped)
    context = &thread->plat.context;
  if (context == NULL)
    return MPS_RES_OK;
  res = root->scan_area(&ss->ss, (void *)context->regs,
                        (void *)(context->regs + context->count),
                        root->closure);
  if (res == MPS_RES_OK && context->hot != NULL && context->hot < cold)
    res = root->scan_area(&ss->ss, addr_round_down(context->hot, sizeof(Word)),
                          cold, root->closure);
  if (res == MPS_RES_OK && context != root->arena->entry
      && thread->plat.other_base != NULL)
    res = root->scan_area(
        &ss->ss, addr_round_down(thread->plat.other_base, sizeof(Word)),
        addr_round_down(thread->plat.other_limit, sizeof(Word)),
        root->closure);
  return res;
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
