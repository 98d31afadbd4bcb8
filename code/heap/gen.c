/* gen.c -- chains, generations and their accounts
 *
 * Design: .gen.chain, .gen.inv.account (design/gen.rst).
 */

#include "gen.h"

#include <string.h>


/* Generations */

/* gen_take_id -- an id that nobody has, or the top's, shared (.gen.id) */

static unsigned char gen_take_id(Arena *arena)
{
  Word free = ~arena->gen_ids & ~REFSET_NOT_GENS;
  unsigned char id = KIND_GEN_MAX;

  if (free != 0)
    id = (unsigned char)__builtin_ctzll(free);
  arena->gen_ids |= REFSET_KIND(id);
  return id;
}

static void gen_init_id(Gen *gen, unsigned char id, Size capacity,
                        double mortality)
{
  memset(gen, 0, sizeof *gen);
  gen->id = id;
  gen->capacity = capacity;
  gen->mortality = mortality;
  ring_init(&gen->pgens);
  gen->sig = GEN_SIG;
  ASSERT(gen_check(gen));
}

void gen_init(Gen *gen, Arena *arena, Size capacity, double mortality)
{
  gen_init_id(gen, gen_take_id(arena), capacity, mortality);
}

void gen_init_top(Gen *gen, Arena *arena, double mortality)
{
  arena->gen_ids |= REFSET_KIND(KIND_GEN_MAX);
  gen_init_id(gen, KIND_GEN_MAX, SIZE_MAX, mortality);
}

void gen_finish(Gen *gen, Arena *arena)
{
  ASSERT(gen_check(gen));
  ASSERT(ring_is_single(&gen->pgens));
  gen->sig = SIG_NONE;
  /* The last id may be shared, so it is never given back. */
  if (gen->id != KIND_GEN_MAX)
    arena->gen_ids &= ~REFSET_KIND(gen->id);
}

bool gen_check(const Gen *gen)
{
  CHECK(gen != NULL);
  CHECK(gen->sig == GEN_SIG);
  CHECK(gen->id > KIND_NONE && gen->id <= KIND_GEN_MAX);
  CHECK(0.0 <= gen->mortality && gen->mortality <= 1.0);
  CHECK(ring_check(&gen->pgens));
  return true;
}

Size gen_fresh(const Gen *gen)
{
  Size size = 0;

  RING_FOR (node, after, &gen->pgens)
    size += RING_ELEM(PoolGen, gen_link, node)->account.fresh;
  return size;
}

Size gen_size(const Gen *gen)
{
  Size size = 0;

  RING_FOR (node, after, &gen->pgens)
    size += RING_ELEM(PoolGen, gen_link, node)->account.total;
  return size;
}


/* Chains */

static Size chain_size(Count count)
{
  return sizeof(Chain) + count * sizeof(Gen);
}

static void chain_tell(const Chain *chain)
{
  EventRing *events = chain->arena->events;

  EVENT_POST(events, chain_create, .chain = (Word)chain, .gens = chain->count);
  for (Index i = 0; i < chain->count; ++i)
    EVENT_POST(events, gen_create, .chain = (Word)chain,
               .gen = chain->gens[i].id, .capacity = chain->gens[i].capacity,
               .mortality = chain->gens[i].mortality);
}

Res chain_create(Chain **chain_out, Arena *arena, Count count,
                 const mps_gen_param_s *params)
{
  Chain *chain;
  Res res = ctl_alloc(&chain, &arena->ctl, chain_size(count));

  if (res != MPS_RES_OK)
    return res;
  memset(chain, 0, chain_size(count));
  chain->arena = arena;
  chain->count = count;
  for (Index i = 0; i < count; ++i)
    gen_init(&chain->gens[i], arena, params[i].mps_capacity * 1024,
             params[i].mps_mortality);
  ring_init(&chain->link);
  ring_append(&arena->chains, &chain->link);
  chain->sig = CHAIN_SIG;
  ASSERT(chain_check(chain));
  chain_tell(chain);
  *chain_out = chain;
  return MPS_RES_OK;
}

void chain_destroy(Chain *chain)
{
  Arena *arena = chain->arena;

  ASSERT(chain_check(chain));
  ASSERT(chain->pools == 0);
  chain->sig = SIG_NONE;
  EVENT_POST(arena->events, chain_destroy, .chain = (Word)chain);
  ring_remove(&chain->link);
  for (Index i = 0; i < chain->count; ++i)
    gen_finish(&chain->gens[i], arena);
  ctl_free(&arena->ctl, chain, chain_size(chain->count));
}

bool chain_check(const Chain *chain)
{
  CHECK(chain != NULL);
  CHECK(chain->sig == CHAIN_SIG);
  CHECK(chain->count > 0);
  CHECK(ring_check(&chain->link));
  for (Index i = 0; i < chain->count; ++i)
    CHECK(gen_check(&chain->gens[i]));
  return true;
}


/* A pool's part of a generation */

void pgen_init(PoolGen *pgen, Pool *pool, Gen *gen, Index index)
{
  memset(pgen, 0, sizeof *pgen);
  pgen->pool = pool;
  pgen->gen = gen;
  pgen->index = index;
  ring_init(&pgen->gen_link);
  ring_init(&pgen->segs);
  ring_init(&pgen->cursor.link);
  ring_append(&gen->pgens, &pgen->gen_link);
  pgen->sig = PGEN_SIG;
  ASSERT(pgen_check(pgen));
}

void pgen_finish(PoolGen *pgen)
{
  ASSERT(pgen_check(pgen));
  ASSERT(ring_is_single(&pgen->segs));
  ASSERT(pgen->account.total == 0);
  pgen->sig = SIG_NONE;
  pgen->gen->fresh -= pgen->fresh_seen;
  ring_remove(&pgen->gen_link);
}

bool pgen_check(const PoolGen *pgen)
{
  const Account *a = &pgen->account;

  CHECK(pgen != NULL);
  CHECK(pgen->sig == PGEN_SIG);
  /* .gen.inv.account */
  CHECK(a->total
        == a->free + a->buffered + a->fresh + a->old + a->fresh_deferred
               + a->old_deferred);
  if (CHECK_DEEP) {
    Size total = 0;

    RING_FOR (node, after, &pgen->segs) {
      const Seg *seg = RING_ELEM(Seg, gen_link, node);

      CHECK(seg->pgen == pgen);
      total += addr_diff(seg->base, seg->limit);
    }
    CHECK(total <= a->total); /* less what a trace has condemned */
  }
  return true;
}


/* Accounts.  A segment's bytes are in exactly one of the parts; its flags
 * say in which.  Where objects stay in place, that is said of each byte, and
 * what is given back is free (.gen.piecemeal). */

static Size *pgen_account_part(Seg *seg)
{
  Account *a = &seg->pgen->account;

  if (seg->is_piecemeal)
    return &a->free;
  if (seg->is_accounted_buffered)
    return &a->buffered;
  if (seg->is_deferred)
    return seg->is_accounted_old ? &a->old_deferred : &a->fresh_deferred;
  return seg->is_accounted_old ? &a->old : &a->fresh;
}

static void pgen_account_move(Seg *seg, bool is_buffered, bool is_old,
                              bool is_deferred)
{
  Size size = addr_diff(seg->base, seg->limit);
  Size *from = pgen_account_part(seg);

  ASSERT(*from >= size);
  *from -= size;
  seg->is_accounted_buffered = is_buffered;
  seg->is_accounted_old = is_old;
  seg->is_deferred = is_deferred;
  *pgen_account_part(seg) += size;
  ASSERT_HOT(pgen_check(seg->pgen));
}

void pgen_account_alloc(PoolGen *pgen, Size size)
{
  pgen->account.total += size;
  pgen->account.free += size;
}

/* The segment is new: its bytes are free so far. */
void pgen_account_fill(Seg *seg)
{
  Account *a = &seg->pgen->account;
  Size size = addr_diff(seg->base, seg->limit);

  ASSERT(a->free >= size);
  a->free -= size;
  a->buffered += size;
  seg->is_accounted_buffered = true;
}

void pgen_account_bytes(Size *to, Size *from, Size size)
{
  ASSERT(*from >= size);
  *from -= size;
  *to += size;
}

/* gen_look_fresh -- what the other pools have is as of when they were last
 * looked at, since a generation may have thousands (.gen.due) */

static void gen_look_fresh(Gen *gen, PoolGen *pgen)
{
  gen->fresh += pgen->account.fresh - pgen->fresh_seen;
  pgen->fresh_seen = pgen->account.fresh;
}

void pgen_account_due(PoolGen *pgen)
{
  Gen *gen = pgen->gen;

  gen_look_fresh(gen, pgen);
  if (gen->fresh < gen->capacity || pgen->pool->arena->is_gc_due)
    return;
  RING_FOR (node, after, &gen->pgens)
    gen_look_fresh(gen, RING_ELEM(PoolGen, gen_link, node));
  if (gen->fresh >= gen->capacity)
    pgen->pool->arena->is_gc_due = true;
}

void pgen_account_empty(Seg *seg)
{
  /* Condemned in the meantime: it has been aged, and stays old. */
  if (!seg->is_accounted_buffered)
    return;
  pgen_account_move(seg, false, false, seg->is_deferred);
  pgen_account_due(seg->pgen);
}

void pgen_account_age(Seg *seg)
{
  if (!seg->is_accounted_old && !seg->is_piecemeal)
    pgen_account_move(seg, false, true, seg->is_deferred);
}

void pgen_account_undefer(Seg *seg)
{
  if (!seg->is_deferred)
    return;
  if (seg->is_accounted_buffered)
    seg->is_deferred = false; /* it is counted when the buffer is emptied */
  else
    pgen_account_move(seg, false, seg->is_accounted_old, false);
}

void pgen_account_shrink(Seg *seg, Size size)
{
  Size *part = pgen_account_part(seg);

  ASSERT(*part >= size);
  *part -= size;
  seg->pgen->account.total -= size;
}
