/* final.c -- the objects of whose death the client wants to hear
 *
 * Design: .final, .final.record, .final.decide (design/final.rst).
 */

#include "final.h"

#include "scan.h"
#include "seg.h"

_Static_assert(sizeof(Final) == 48, "a registration stays small");

#define FINAL_SHIFT_MIN 6 /* log2 of the buckets of the smallest table */

#define FINAL_OF_LINK(its_link) RING_ELEM(Final, as.entry.link, its_link)


/* Buckets.  The top bits of a product are the hash, so that when the table
 * doubles, each bucket becomes two that follow one another. */

static Index final_hash(Addr ref, Shift shift)
{
  return (Index)(((uint64_t)(Word)ref * 0x9E3779B97F4A7C15u)
                 >> (WORD_BITS - shift));
}

static Size final_table_size(const Finals *finals)
{
  return ((Size)1 << finals->shift) * sizeof finals->buckets[0];
}

static Final **final_bucket(const Finals *finals, Addr ref)
{
  return &finals->buckets[final_hash(ref, finals->shift)];
}

static bool final_is_message(const Final *final)
{
  return final->as.entry.sig == MESSAGE_SIG;
}

/* The first registration of an object, or NULL. */
static Final *final_find(const Finals *finals, Addr ref)
{
  Final *final = *final_bucket(finals, ref);

  while (final != NULL && (final->ref != ref || final_is_message(final)))
    final = final->next;
  return final;
}

static void final_unlink(Finals *finals, const Final *final)
{
  Final **link = final_bucket(finals, final->ref);

  while (*link != NULL && *link != final)
    link = &(*link)->next;
  ASSERT(*link == final);
  *link = final->next;
}

static void final_link(Finals *finals, Final *final)
{
  Final **link = final_bucket(finals, final->ref);

  final->next = *link;
  *link = final;
}

/* final_push, final_pull -- into the table and its list, and out of them
 *
 * Registrations of one object are in the same order in their bucket and in
 * their list: so the one that is first in the list is found first in the
 * bucket, however many there are (.final.inv.order). */

static void final_push(Finals *finals, Final *final, Ring *list)
{
  final_link(finals, final);
  ring_append(list->next, &final->as.entry.link); /* before the first */
}

static void final_pull(Finals *finals, Final *final)
{
  final_unlink(finals, final);
  ring_remove(&final->as.entry.link);
}

/* final_split -- deal the entries of one bucket out to the two that come of
 * it, in their order */

static void final_split(Final *final, Final **pair, Shift shift)
{
  Final **tails[2] = {&pair[0], &pair[1]};

  for (; final != NULL; final = final->next) {
    Index half = final_hash(final->ref, shift) & 1;

    *tails[half] = final;
    tails[half] = &final->next;
  }
  *tails[0] = NULL;
  *tails[1] = NULL;
}

static Res final_create_table(Arena *arena)
{
  Finals *finals = &arena->finals;
  Res res;

  finals->shift = FINAL_SHIFT_MIN;
  res = ctl_alloc(&finals->buckets, &arena->ctl, final_table_size(finals));
  if (res != MPS_RES_OK) {
    finals->buckets = NULL;
    return res;
  }
  for (Index i = 0; i < (Count)1 << finals->shift; ++i)
    finals->buckets[i] = NULL;
  return MPS_RES_OK;
}

/* final_grow -- make the table twice as large, unless memory is short:
 * buckets are lists, so a table that is too small works still */

static void final_grow(Arena *arena)
{
  Finals *finals = &arena->finals;
  Size size = final_table_size(finals);
  Final **buckets;

  if (ctl_alloc(&buckets, &arena->ctl, 2 * size) != MPS_RES_OK)
    return;
  ++finals->shift;
  for (Index i = 0; i < (Count)1 << (finals->shift - 1); ++i)
    final_split(finals->buckets[i], &buckets[2 * i], finals->shift);
  ctl_free(&arena->ctl, finals->buckets, size);
  finals->buckets = buckets;
}


/* Lifetime */

void final_init(Arena *arena)
{
  Finals *finals = &arena->finals;

  finals->buckets = NULL;
  finals->count = 0;
  finals->white = REFSET_EMPTY;
  finals->posted = REFSET_EMPTY;
  finals->blocks = 0;
  for (Index i = 0; i < WORD_BITS; ++i)
    ring_init(&finals->gens[i]);
  finals->is_deciding = false;
  ring_init(&finals->todo);
  ring_init(&finals->dead);
}

void final_finish(Arena *arena)
{
  Finals *finals = &arena->finals;

  ASSERT(finals->count == 0);
  if (finals->buckets != NULL)
    ctl_free(&arena->ctl, finals->buckets, final_table_size(finals));
  finals->buckets = NULL;
}

/* The id of the generation that an object is in, white or not. */
static Index final_gen(const Arena *arena, Addr ref)
{
  return space_seg(&arena->space, ref)->kind;
}

static bool final_check_entry(const Arena *arena, const Final *final)
{
  CHECK(final->as.entry.sig == FINAL_SIG);
  CHECK(ring_check(&final->as.entry.link));
  CHECK(space_seg(&arena->space, final->ref) != NULL);
  /* .final.inv.table: it is in the bucket of its object's address. */
  CHECK(final_find(&arena->finals, final->ref) != NULL);
  return true;
}

static Count final_check_list(const Arena *arena, const Ring *list)
{
  Count count = 0;

  RING_FOR (node, after, (Ring *)list) {
    CHECK(final_check_entry(arena, FINAL_OF_LINK(node)));
    ++count;
  }
  return count;
}

bool final_check(const Arena *arena)
{
  const Finals *finals = &arena->finals;
  Count listed = 0;
  Count hashed = 0;

  for (Index id = 0; id < WORD_BITS; ++id) {
    listed += final_check_list(arena, &finals->gens[id]);
    /* .final.inv.list: each is in the list of its object's generation. */
    RING_FOR (node, after, (Ring *)&finals->gens[id])
      CHECK(final_gen(arena, FINAL_OF_LINK(node)->ref) == id);
  }
  CHECK(finals->is_deciding
        || (ring_is_single(&finals->todo) && ring_is_single(&finals->dead)));
  listed += final_check_list(arena, &finals->todo);
  listed += final_check_list(arena, &finals->dead);
  for (Index i = 0; finals->buckets != NULL && i < (Count)1 << finals->shift;
       ++i)
    for (const Final *it = finals->buckets[i]; it != NULL; it = it->next) {
      CHECK(final_hash(it->ref, finals->shift) == i);
      ++hashed;
    }
  CHECK(listed == finals->count);
  CHECK(hashed == finals->count + finals->blocks);
  return true;
}


/* Registering */

static Ring *final_list(Arena *arena, Addr ref)
{
  return &arena->finals.gens[final_gen(arena, ref)];
}

/* Blocks without a format begin where the reference says. */

static Addr final_block(const Seg *seg, Addr ref)
{
  return seg->format != NULL ? addr_sub(ref, seg->format->header) : ref;
}

static Size final_align(const Seg *seg)
{
  return seg->format != NULL ? seg->format->align : seg->pgen->pool->align;
}

/* What is grey is hidden, from us too. */
static bool final_begins_object(Seg *seg, Addr ref)
{
  mps_addr_t object;

  if (!CHECK_DEEP || seg_is_grey(seg) || seg->is_white)
    return true;
  return seg->class->find(&object, seg, final_block(seg, ref)) == MPS_RES_OK
         && object == ref;
}

bool final_is_object(const Arena *arena, Addr ref)
{
  Seg *seg = space_seg(&arena->space, ref);
  Addr block;

  if (seg == NULL || !seg->pgen->pool->class->is_managed
      || !addr_is_aligned(ref, size_log2(final_align(seg))))
    return false;
  block = final_block(seg, ref);
  return seg->base <= block && seg->class->may_begin(seg, block)
         && final_begins_object(seg, ref);
}

Res final_register(Arena *arena, Addr ref)
{
  Finals *finals = &arena->finals;
  Final *final;
  Res res;

  if (finals->buckets == NULL) {
    res = final_create_table(arena);
    if (res != MPS_RES_OK)
      return res;
  }
  res = ctl_alloc(&final, &arena->ctl, sizeof *final);
  if (res != MPS_RES_OK)
    return res;
  final->as.entry.sig = FINAL_SIG;
  final->ref = ref;
  ring_init(&final->as.entry.link);
  if (finals->count + finals->blocks >= (Count)1 << finals->shift)
    final_grow(arena);
  final_push(finals, final, final_list(arena, ref));
  ++finals->count;
  return MPS_RES_OK;
}

static void final_remove(Arena *arena, Final *final)
{
  final_pull(&arena->finals, final);
  --arena->finals.count;
  final->as.entry.sig = SIG_NONE;
  ctl_free(&arena->ctl, final, sizeof *final);
}

/* Is it an object that the client may free and move? */
static bool final_is_block(const Arena *arena, Addr ref)
{
  const Seg *seg = space_seg(&arena->space, ref);

  return seg != NULL && seg->format == NULL;
}

/* final_forget_ref -- a message has nothing to refer to any more */

static void final_forget_ref(Arena *arena, Final *final)
{
  Finals *finals = &arena->finals;

  if (final_is_block(arena, final->ref)) {
    final_unlink(finals, final);
    --finals->blocks;
  }
  final->ref = NULL;
}

void final_release(Arena *arena, Message *message)
{
  Final *final = final_of_message(message);

  final_forget_ref(arena, final);
  ctl_free(&arena->ctl, final, sizeof *final);
}

/* final_tell -- a registration becomes a message
 *
 * One about a block stays in the table, since the block's end is the
 * message's too (.final.freed). */

static void final_tell(Arena *arena, Final *final)
{
  Finals *finals = &arena->finals;

  --finals->count;
  ring_remove(&final->as.entry.link);
  if (final_is_block(arena, final->ref))
    ++finals->blocks;
  else
    final_unlink(finals, final);
  message_init(&final->as.message, mps_message_type_finalization());
  (void)message_post(&arena->messages, &final->as.message, 0);
}

/* final_end_message -- the object of a message is gone */

static void final_end_message(Arena *arena, Final *final)
{
  if (final->as.message.state == MESSAGE_QUEUED)
    message_drop(&arena->messages, &final->as.message);
  else
    final_forget_ref(arena, final);
}


/* Settling.  An object that a trace has preserved is known by its new
 * address from then on. */

/* All registrations of one object are taken at once, so that n of them cost n
 * steps. */

void final_move_object(Arena *arena, Addr old, Addr new)
{
  Finals *finals = &arena->finals;
  Final **link;
  Ring *list = final_list(arena, new);

  if (finals->buckets == NULL)
    return;
  link = final_bucket(finals, old);
  while (*link != NULL) {
    Final *final = *link;

    if (final->ref != old) {
      link = &final->next;
      continue;
    }
    *link = final->next;
    final->ref = new;
    if (final_is_message(final)) {
      final_link(finals, final);
    } else {
      ring_remove(&final->as.entry.link);
      final_push(finals, final, list);
    }
    /* In the same bucket what was linked comes first, and is passed. */
  }
}

/* final_settle -- go through registrations of condemned generations
 *
 * Those of objects that aren't preserved are listed in unreached.  Moving an
 * object takes several off the list, so always look at its first.  True if
 * nothing is left to do, after so many objects at most. */

static bool final_settle(Arena *arena, Ring *todo, Ring *unreached, Count most)
{
  for (; most > 0 && !ring_is_single(todo); --most) {
    Final *final = FINAL_OF_LINK(todo->next);
    Seg *seg = space_seg(&arena->space, final->ref);
    mps_addr_t ref = final->ref;
    bool is_settled = !seg->is_white || seg->class->is_preserved(seg, &ref);

    if (is_settled && ref != (mps_addr_t) final->ref) {
      final_move_object(arena, final->ref, ref);
      continue;
    }
    ring_remove(&final->as.entry.link);
    ring_append(is_settled ? final_list(arena, final->ref) : unreached,
                &final->as.entry.link);
  }
  return ring_is_single(todo);
}

/* final_settle_all -- the same for all of them, at any time in a trace */

static void final_settle_all(Arena *arena)
{
  Finals *finals = &arena->finals;

  for (Index id = 0; id < WORD_BITS; ++id) {
    Ring todo;

    if ((finals->white & REFSET_KIND(id)) == 0 || finals->is_deciding)
      continue;
    ring_init(&todo);
    ring_splice(&todo, &finals->gens[id]);
    (void)final_settle(arena, &todo, &finals->gens[id], SIZE_MAX);
  }
  (void)final_settle(arena, &finals->todo, &finals->dead, SIZE_MAX);
}

Res final_definalize(Arena *arena, Addr ref)
{
  Finals *finals = &arena->finals;
  Final *final;

  if (finals->buckets == NULL)
    return MPS_RES_FAIL;
  final = final_find(finals, ref);
  if (final == NULL && finals->white != REFSET_EMPTY) {
    /* It may have moved in the running trace (.final.running). */
    final_settle_all(arena);
    final = final_find(finals, ref);
  }
  if (final == NULL)
    return MPS_RES_FAIL;
  final_remove(arena, final);
  return MPS_RES_OK;
}

void final_free_object(Arena *arena, Addr ref)
{
  Finals *finals = &arena->finals;
  Final *final = finals->buckets != NULL ? *final_bucket(finals, ref) : NULL;

  while (final != NULL) {
    Final *next = final->next;

    if (final->ref == ref && final_is_message(final))
      final_end_message(arena, final);
    else if (final->ref == ref)
      final_remove(arena, final);
    final = next;
  }
}


/* Pools that go away */

static void final_forget_gen(const Pool *pool, const Gen *gen)
{
  Arena *arena = pool->arena;

  RING_FOR (node, after, &arena->finals.gens[gen->id]) {
    Final *final = FINAL_OF_LINK(node);

    if (space_seg(&arena->space, final->ref)->pgen->pool == pool)
      final_remove(arena, final);
  }
}

static void final_forget_message(Message *message, void *closure)
{
  const Pool *pool = closure;
  Arena *arena = pool->arena;
  Final *final = final_of_message(message);
  const Seg *seg = space_seg(&arena->space, final->ref);

  if (seg == NULL || seg->pgen->pool != pool)
    return;
  final_end_message(arena, final);
}

void final_forget_pool(Pool *pool)
{
  Chain *chain = pool->chain;

  if (!pool->class->is_managed)
    return;
  for (Index i = 0; chain != NULL && i < chain->count; ++i)
    final_forget_gen(pool, &chain->gens[i]);
  final_forget_gen(pool, &pool->arena->top);
  message_each(&pool->arena->messages, mps_message_type_finalization(),
               final_forget_message, pool);
}


/* Tracing */

static void final_fix(Final *final, ScanState *ss)
{
  mps_addr_t ref = final->ref;

  MPS_SCAN_BEGIN(&ss->ss)
  {
    mps_res_t res = MPS_FIX12(&ss->ss, &ref);

    ASSERT(res == MPS_RES_OK);
  }
  MPS_SCAN_END(&ss->ss);
  final->ref = ref;
}

static void final_fix_message(Message *message, void *closure)
{
  final_fix(final_of_message(message), closure);
}

void final_flip(Arena *arena, struct Trace *trace, RefSet white)
{
  Finals *finals = &arena->finals;
  ScanState ss;

  finals->white = white;
  if ((finals->posted & white) == 0)
    return;
  scan_init(&ss, arena, trace, RANK_EXACT);
  message_each(&arena->messages, mps_message_type_finalization(),
               final_fix_message, &ss);
  finals->posted = scan_take_refset(&ss);
}

bool final_is_due(const Arena *arena)
{
  return arena->finals.white != REFSET_EMPTY;
}

bool final_is_deciding(const Arena *arena)
{
  return arena->finals.is_deciding;
}

/* final_post -- a registration becomes a message, and is a root from now on
 *
 * What the client doesn't want to hear isn't preserved either. */

static void final_post(Arena *arena, Final *final, ScanState *ss)
{
  if (!message_is_enabled(&arena->messages, mps_message_type_finalization())) {
    final_remove(arena, final);
    return;
  }
  final_tell(arena, final);
  final_fix(final, ss);
}

static void final_begin(Finals *finals)
{
  finals->is_deciding = true;
  for (Index id = 0; id < WORD_BITS; ++id)
    if ((finals->white & REFSET_KIND(id)) != 0)
      ring_splice(&finals->todo, &finals->gens[id]);
}

static bool final_post_some(Arena *arena, struct Trace *trace, Count most)
{
  Finals *finals = &arena->finals;
  ScanState ss;

  scan_init(&ss, arena, trace, RANK_FINAL);
  for (; most > 0 && !ring_is_single(&finals->dead); --most)
    final_post(arena, FINAL_OF_LINK(finals->dead.next), &ss);
  finals->posted |= scan_take_refset(&ss);
  return ring_is_single(&finals->dead);
}

void final_scan(Arena *arena, struct Trace *trace)
{
  Finals *finals = &arena->finals;

  if (!finals->is_deciding)
    final_begin(finals);
  /* .final.decide: first for all, and only then is anything preserved. */
  if (!final_settle(arena, &finals->todo, &finals->dead, FINAL_STEP)
      || !final_post_some(arena, trace, FINAL_STEP))
    return;
  finals->is_deciding = false;
  finals->white = REFSET_EMPTY;
  if (CHECK_DEEP)
    ASSERT(final_check(arena));
}


/* Marking without a trace (.final.marked) */

typedef struct FinalMarked {
  const Pool *pool;
  FinalKeep keep;
  void *closure;
} FinalMarked;

static Seg *final_seg_of(const FinalMarked *marked, Addr ref)
{
  Seg *seg = space_seg(&marked->pool->arena->space, ref);

  return seg != NULL && seg->pgen->pool == marked->pool ? seg : NULL;
}

static void final_keep_message(Message *message, void *closure)
{
  const FinalMarked *marked = closure;
  Addr ref = final_of_message(message)->ref;

  if (final_seg_of(marked, ref) != NULL)
    marked->keep(ref, marked->closure);
}

/* final_list_dead -- take the pool's that aren't preserved out of a list */

static void final_list_dead(const FinalMarked *marked, Ring *list, Ring *dead)
{
  RING_FOR (node, after, list) {
    Final *final = FINAL_OF_LINK(node);
    Seg *seg = final_seg_of(marked, final->ref);
    mps_addr_t ref = final->ref;

    if (seg == NULL || seg->class->is_preserved(seg, &ref))
      continue;
    ring_remove(&final->as.entry.link);
    ring_append(dead, &final->as.entry.link);
  }
}

static void final_post_marked(const FinalMarked *marked, Final *final)
{
  Arena *arena = marked->pool->arena;
  Addr ref = final->ref;

  if (!message_is_enabled(&arena->messages, mps_message_type_finalization())) {
    final_remove(arena, final);
    return;
  }
  arena->finals.posted |= REFSET_KIND(final_gen(arena, ref));
  final_tell(arena, final);
  marked->keep(ref, marked->closure);
}

void final_decide(Pool *pool, Index gen, FinalKeep keep, void *closure)
{
  Finals *finals = &pool->arena->finals;
  FinalMarked marked = {pool, keep, closure};
  Ring dead;

  message_each(&pool->arena->messages, mps_message_type_finalization(),
               final_keep_message, &marked);
  if (finals->count == 0)
    return;
  ring_init(&dead);
  final_list_dead(&marked, &finals->gens[gen], &dead);
  final_list_dead(&marked, &finals->todo, &dead);
  while (!ring_is_single(&dead))
    final_post_marked(&marked, FINAL_OF_LINK(dead.next));
}
