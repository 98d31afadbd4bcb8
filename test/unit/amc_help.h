/* amc_help.h -- one mostly copying pool, seen from inside
 *
 * Nothing refers to its objects but two tables, an exact and an ambiguous
 * one: no stack is a root, so that a test says what is alive.  Two roots
 * without references give it a look at the heap in the middle of a trace:
 * after the ambiguous roots, and when all that is alive has been found.
 */

#ifndef AMC_HELP_H
#define AMC_HELP_H

#include "heap/buffer.h"
#include "heap/gen.h"
#include "heap_help.h"
#include "include/mpscamc.h"
#include "pool/amc.h"
#include "trace/nailboard.h"
#include "trace/trace.h"

enum {
  REFS = 512,
  GRAIN = 4096,
  ALIGN = 8
};

/* Every segment of the pool, in any order, white ones included. */
enum {
  AMC_SEGS_MAX = 4096
};

typedef struct AmcParams {
  bool is_leaf;
  bool is_not_interior;
  Size header;
  Count gens; /* zero for three */
  Size extend_by;
  Size large_size;
} AmcParams;

static mps_arena_t arena;
static mps_fmt_t format;
static mps_chain_t chain;
static mps_pool_t pool;
static mps_ap_t ap;
static Amc *amc;
static mps_addr_t exact[REFS];
static mps_addr_t ambig[REFS];
static mps_root_t roots[4];
static void (*amc_at_flip)(ScanState *ss); /* or NULL */
static void (*amc_at_end)(ScanState *ss);

static inline mps_res_t amc_hook(mps_ss_t ss, void *p, size_t s)
{
  void (*hook)(ScanState *) = s == 0 ? amc_at_flip : amc_at_end;

  if (hook != NULL)
    hook(RING_ELEM(ScanState, ss, ss));
  return MPS_RES_OK;
}

static inline void amc_make_roots(void)
{
  memset(exact, 0, sizeof exact);
  memset(ambig, 0, sizeof ambig);
  amc_at_flip = NULL;
  amc_at_end = NULL;
  ck_assert_int_eq(mps_root_create_table(&roots[0], arena, mps_rank_ambig(), 0,
                                         ambig, REFS),
                   MPS_RES_OK);
  ck_assert_int_eq(mps_root_create(&roots[1], arena, mps_rank_exact(), 0,
                                   amc_hook, NULL, 0),
                   MPS_RES_OK);
  ck_assert_int_eq(mps_root_create_table(&roots[2], arena, mps_rank_exact(), 0,
                                         exact, REFS),
                   MPS_RES_OK);
  ck_assert_int_eq(
      mps_root_create(&roots[3], arena, mps_rank_weak(), 0, amc_hook, NULL, 1),
      MPS_RES_OK);
}

static inline mps_pool_t amc_make_pool(const AmcParams *params,
                                       mps_chain_t its_chain)
{
  mps_pool_t it;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, its_chain);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, !params->is_not_interior);
    if (params->extend_by != 0)
      MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, params->extend_by);
    if (params->large_size != 0)
      MPS_ARGS_ADD(args, MPS_KEY_LARGE_SIZE, params->large_size);
    ck_assert_int_eq(
        mps_pool_create_k(&it, arena,
                          params->is_leaf ? mps_class_amcz() : mps_class_amc(),
                          args),
        MPS_RES_OK);
  }
  MPS_ARGS_END(args);
  return it;
}

static inline void amc_start(AmcParams params)
{
  static mps_gen_param_s gens[8];
  Count count = params.gens == 0 ? 3 : params.gens;

  for (Index i = 0; i < count; ++i)
    gens[i] = (mps_gen_param_s){1000, 0.5};
  arena = help_arena(32 * MIB);
  mps_arena_park(arena);
  mps_arena_spare_set(arena, 0.0);
  format = help_format(arena, ALIGN, params.header);
  ck_assert_int_eq(mps_chain_create(&chain, arena, count, gens), MPS_RES_OK);
  pool = amc_make_pool(&params, chain);
  amc = amc_of_pool(pool);
  ck_assert_int_eq(mps_ap_create_k(&ap, pool, mps_args_none), MPS_RES_OK);
  amc_make_roots();
}

static inline void amc_stop(void)
{
  for (Index i = 0; i < 4; ++i)
    mps_root_destroy(roots[i]);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}

static inline mps_addr_t amc_object(Size size, Word serial)
{
  mps_addr_t client = NULL;

  ck_assert_int_eq(help_make(&client, ap, size, serial), MPS_RES_OK);
  return client;
}

/* The next object starts a segment, and the last one's is nobody's. */
static inline void amc_new_ap(void)
{
  mps_ap_destroy(ap);
  ck_assert_int_eq(mps_ap_create_k(&ap, pool, mps_args_none), MPS_RES_OK);
}

static inline Seg *amc_seg(mps_addr_t client)
{
  return space_seg(&arena->space, (Addr)help_block(client));
}

static inline bool amc_is_object(mps_addr_t client, Size size, Word serial)
{
  return help_kind(client) == HELP_OBJECT && help_size(client) == size
         && help_block(client)[1] == serial;
}


/* What holds between traces: segments are mobile (.seg.state), and tiled
 * with objects and pads, whose references are to objects. */

static inline void amc_verify_object(mps_addr_t client)
{
  EXPECT(help_kind(client) != HELP_FORWARDED);
  if (help_kind(client) != HELP_OBJECT || amc->rank == RANK_NONE)
    return;
  for (Index i = 0; i < help_refs(client); ++i) {
    mps_addr_t ref = help_ref(client)[i];

    EXPECT(ref == NULL || help_kind(ref) == HELP_OBJECT);
  }
}

static inline void amc_verify_seg(Seg *seg, void *p)
{
  Size header = seg->format->header;
  Addr limit = seg_scan_limit(seg);
  Addr at = seg->base;

  EXPECT(seg_check(seg));
  EXPECT(!seg->is_nailed && seg->board == NULL && seg->is_plain);
  EXPECT(!seg->is_white && !seg->is_grey && seg->cursor == NULL);
  while (at < limit) {
    mps_addr_t client = addr_add(at, header);

    amc_verify_object(client);
    EXPECT(at < seg->used_limit || seg->buffer != NULL
           || help_kind(client) == HELP_PAD); /* .seg.inv.used */
    at = addr_add(at, help_size(client));
  }
  EXPECT(at == limit);
}

static inline void amc_verify(void)
{
  EXPECT(amc_check(pool));
  EXPECT(arena_check(arena));
  EXPECT(arena->boards.count == 0);
  EXPECT(arena->trace->whites.next == &arena->trace->whites);
  pool->class->segs(pool, amc_verify_seg, NULL);
  for (Index i = 0; i < REFS; ++i)
    EXPECT(exact[i] == NULL || help_kind(exact[i]) == HELP_OBJECT);
}

static inline void amc_count_seg(Seg *seg, void *p)
{
  ++*(Count *)p;
}

static inline Count amc_segs_count(void)
{
  Count count = 0;

  pool->class->segs(pool, amc_count_seg, &count);
  return count;
}

static inline void amc_collect(void)
{
  (void)mps_arena_collect(arena);
  amc_verify();
}

/* Nothing refers to anything. */
static inline void amc_forget(void)
{
  memset(exact, 0, sizeof exact);
  memset(ambig, 0, sizeof ambig);
}

/* No memory is left but for boards, and the small blocks that were freed
 * earlier.
 * Also from within a trace, where the interface can't be used. */
static inline void amc_exhaust(void)
{
  Space *space = &arena->space;

  space_purge(space, SIZE_MAX);
  EXPECT(space_set_limit(space, space_committed(space)) == MPS_RES_OK);
}

static inline void amc_relieve(void)
{
  EXPECT(space_set_limit(&arena->space, SIZE_MAX) == MPS_RES_OK);
}

/* And none for records: takes all free blocks of the small sizes. */
enum {
  AMC_HELD_MAX = 1 << 16
};

static struct {
  void *block;
  Size size;
} amc_held[AMC_HELD_MAX];
static Count amc_held_count;

static inline void amc_exhaust_ctl(void)
{
  amc_exhaust();
  for (Size size = CTL_STEP; size <= CTL_SMALL_MAX; size += CTL_STEP)
    while (amc_held_count < AMC_HELD_MAX
           && ctl_alloc(&amc_held[amc_held_count].block, &arena->ctl, size)
                  == MPS_RES_OK)
      amc_held[amc_held_count++].size = size;
  EXPECT(amc_held_count < AMC_HELD_MAX);
}

/* And none for boards either. */
static inline void amc_exhaust_all(void)
{
  amc_exhaust_ctl();
  arena->boards.limit = 0;
}

static inline void amc_relieve_all(void)
{
  while (amc_held_count > 0) {
    --amc_held_count;
    ctl_free(&arena->ctl, amc_held[amc_held_count].block,
             amc_held[amc_held_count].size);
  }
  arena->boards.limit = SIZE_MAX;
  amc_relieve();
}

#endif /* AMC_HELP_H */
