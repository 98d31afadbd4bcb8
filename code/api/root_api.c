/* root_api.c -- entry points: roots and threads
 *
 * Design: .api.thin, .root.kinds (design/api.rst, design/root.rst).
 */

#include "api.h"

#include "../heap/root.h"

#define API_RM_ALL (MPS_RM_CONST | MPS_RM_PROT | MPS_RM_PROT_INNER)

mps_rank_t mps_rank_ambig(void)
{
  return RANK_AMBIG;
}

mps_rank_t mps_rank_exact(void)
{
  return RANK_EXACT;
}

mps_rank_t mps_rank_weak(void)
{
  return RANK_WEAK;
}

mps_rank_t mps_rank_ephemeron(void)
{
  return RANK_EPHEMERON;
}


/* Roots */

static bool api_is_rank(mps_rank_t rank)
{
  return rank == RANK_AMBIG || rank == RANK_EXACT || rank == RANK_WEAK;
}

/* What every kind of root has.  The report names the function that the
 * client called (.api.misuse). */
#define API_ROOT(root_o, arena, rank, rm, function) \
  (API_OUT(root_o, function) && API_ARENA(arena, function) \
   && API_REQUIRE(api_is_rank(rank), \
                  #function ": rank must be ambig, exact or weak") \
   && API_REQUIRE((rm & ~(mps_rm_t)API_RM_ALL) == 0, \
                  #function ": rm has an unknown bit"))

static mps_res_t api_root_create(mps_root_t *root_o, mps_arena_t arena,
                                 const Root *params)
{
  Root *root;
  Res res;

  arena_enter(arena, NULL);
  res = root_create(&root, arena, params);
  arena_leave(arena);
  if (res == MPS_RES_OK)
    *root_o = root;
  return res;
}

mps_res_t mps_root_create(mps_root_t *root_o, mps_arena_t arena,
                          mps_rank_t rank, mps_rm_t rm, mps_root_scan_t scan,
                          void *p, size_t s)
{
  Root params
      = {.kind = ROOT_FUN, .rank = rank, .base = p, .s = s, .scan = scan};

  if (!API_ROOT(root_o, arena, rank, rm, mps_root_create)
      || !API_REQUIRE(scan != NULL, "mps_root_create: scan must not be null")
      || !API_REQUIRE(rm == 0, "mps_root_create: rm must be zero"))
    return MPS_RES_PARAM;
  return api_root_create(root_o, arena, &params);
}

mps_res_t mps_root_create_fmt(mps_root_t *root_o, mps_arena_t arena,
                              mps_rank_t rank, mps_rm_t rm,
                              mps_fmt_scan_t scan, mps_addr_t base,
                              mps_addr_t limit)
{
  Root params = {.kind = ROOT_FMT,
                 .rank = rank,
                 .base = base,
                 .limit = limit,
                 .scan_fmt = scan};

  if (!API_ROOT(root_o, arena, rank, rm, mps_root_create_fmt)
      || !API_REQUIRE(scan != NULL,
                      "mps_root_create_fmt: scan must not be null")
      || !API_REQUIRE(base != NULL && base < limit,
                      "mps_root_create_fmt: base must be below limit"))
    return MPS_RES_PARAM;
  return api_root_create(root_o, arena, &params);
}

static bool api_is_area(const void *base, const void *limit)
{
  return base != NULL && base < limit && (Word)base % sizeof(Word) == 0
         && (Word)limit % sizeof(Word) == 0;
}

mps_res_t mps_root_create_area(mps_root_t *root_o, mps_arena_t arena,
                               mps_rank_t rank, mps_rm_t rm, void *base,
                               void *limit, mps_area_scan_t scan_area,
                               void *closure)
{
  Root params = {.kind = ROOT_AREA,
                 .rank = rank,
                 .base = base,
                 .limit = limit,
                 .scan_area = scan_area,
                 .closure = closure};

  if (!API_ROOT(root_o, arena, rank, rm, mps_root_create_area)
      || !API_REQUIRE(api_is_area(base, limit),
                      "mps_root_create_area: base must be below limit, and "
                      "both word-aligned")
      || !API_REQUIRE(scan_area != NULL,
                      "mps_root_create_area: scan_area must not be null"))
    return MPS_RES_PARAM;
  return api_root_create(root_o, arena, &params);
}

mps_res_t mps_root_create_area_tagged(mps_root_t *root_o, mps_arena_t arena,
                                      mps_rank_t rank, mps_rm_t rm, void *base,
                                      void *limit, mps_area_scan_t scan_area,
                                      mps_word_t mask, mps_word_t pattern)
{
  Root params = {.kind = ROOT_AREA_TAGGED,
                 .rank = rank,
                 .base = base,
                 .limit = limit,
                 .scan_area = scan_area,
                 .tag = {mask, pattern}};

  if (!API_ROOT(root_o, arena, rank, rm, mps_root_create_area_tagged)
      || !API_REQUIRE(api_is_area(base, limit),
                      "mps_root_create_area_tagged: base must be below limit, "
                      "and both word-aligned")
      || !API_REQUIRE(scan_area != NULL, "mps_root_create_area_tagged: "
                                         "scan_area must not be null")
      || !API_REQUIRE((pattern & ~mask) == 0,
                      "mps_root_create_area_tagged: pattern must lie within "
                      "mask"))
    return MPS_RES_PARAM;
  return api_root_create(root_o, arena, &params);
}

/* Counts of words that memory can hold: a negative one isn't. */
static bool api_is_count(size_t count)
{
  return 0 < count && count <= PTRDIFF_MAX / sizeof(Word);
}

/* By arithmetic on words, as base may be null before it is checked. */
static void *api_table_limit(void *base, size_t count)
{
  return addr_add(base, count * sizeof(Word));
}

mps_res_t mps_root_create_table(mps_root_t *root_o, mps_arena_t arena,
                                mps_rank_t rank, mps_rm_t rm, mps_addr_t *base,
                                size_t count)
{
  if (!API_ROOT(root_o, arena, rank, rm, mps_root_create_table)
      || !API_REQUIRE(api_is_count(count),
                      "mps_root_create_table: count must be positive")
      || !API_REQUIRE(api_is_area(base, api_table_limit(base, count)),
                      "mps_root_create_table: base must be word-aligned and "
                      "not null"))
    return MPS_RES_PARAM;
  return mps_root_create_area(root_o, arena, rank, rm, base,
                              api_table_limit(base, count), mps_scan_area,
                              NULL);
}

mps_res_t mps_root_create_table_masked(mps_root_t *root_o, mps_arena_t arena,
                                       mps_rank_t rank, mps_rm_t rm,
                                       mps_addr_t *base, size_t count,
                                       mps_word_t mask)
{
  if (!API_ROOT(root_o, arena, rank, rm, mps_root_create_table_masked)
      || !API_REQUIRE(api_is_count(count),
                      "mps_root_create_table_masked: count must be positive")
      || !API_REQUIRE(
          api_is_area(base, api_table_limit(base, count)),
          "mps_root_create_table_masked: base must be word-aligned "
          "and not null"))
    return MPS_RES_PARAM;
  return mps_root_create_area_tagged(root_o, arena, rank, rm, base,
                                     api_table_limit(base, count),
                                     mps_scan_area_tagged, mask, 0);
}

static bool api_is_cold(const void *cold)
{
  return cold != NULL && (Word)cold % sizeof(Word) == 0;
}

static bool api_is_thread(const Thread *thr, const Arena *arena)
{
  return API_IS(thr, THREAD_SIG) && thr->arena == arena;
}

#define API_ROOT_THREAD(root_o, arena, rank, rm, thr, cold, function) \
  (API_OUT(root_o, function) && API_ARENA(arena, function) \
   && API_REQUIRE((rank) == RANK_AMBIG, #function ": rank must be ambig") \
   && API_REQUIRE((rm) == 0, #function ": rm must be zero") \
   && API_REQUIRE(api_is_thread(thr, arena), \
                  #function ": thr must be a thread that is registered with " \
                            "the arena") \
   && API_REQUIRE(api_is_cold(cold), \
                  #function ": cold must be word-aligned and not null"))

mps_res_t mps_root_create_thread_tagged(mps_root_t *root_o, mps_arena_t arena,
                                        mps_rank_t rank, mps_rm_t rm,
                                        mps_thr_t thr,
                                        mps_area_scan_t scan_area,
                                        mps_word_t mask, mps_word_t pattern,
                                        void *cold)
{
  Root params = {.kind = ROOT_THREAD_TAGGED,
                 .rank = rank,
                 .base = cold,
                 .thread = thr,
                 .scan_area = scan_area,
                 .tag = {mask, pattern}};

  if (!API_ROOT_THREAD(root_o, arena, rank, rm, thr, cold,
                       mps_root_create_thread_tagged)
      || !API_REQUIRE(scan_area != NULL, "mps_root_create_thread_tagged: "
                                         "scan_area must not be null"))
    return MPS_RES_PARAM;
  return api_root_create(root_o, arena, &params);
}

/* Words on the stack count as references if they are word-aligned. */
mps_res_t mps_root_create_thread(mps_root_t *root_o, mps_arena_t arena,
                                 mps_thr_t thr, void *cold)
{
  if (!API_ROOT_THREAD(root_o, arena, RANK_AMBIG, 0, thr, cold,
                       mps_root_create_thread))
    return MPS_RES_PARAM;
  return mps_root_create_thread_tagged(root_o, arena, RANK_AMBIG, 0, thr,
                                       mps_scan_area_tagged, sizeof(Word) - 1,
                                       0, cold);
}

mps_res_t mps_root_create_thread_scanned(mps_root_t *root_o, mps_arena_t arena,
                                         mps_rank_t rank, mps_rm_t rm,
                                         mps_thr_t thr,
                                         mps_area_scan_t scan_area,
                                         void *closure, void *cold)
{
  Root params = {.kind = ROOT_THREAD,
                 .rank = rank,
                 .base = cold,
                 .thread = thr,
                 .scan_area = scan_area,
                 .closure = closure};

  if (!API_ROOT_THREAD(root_o, arena, rank, rm, thr, cold,
                       mps_root_create_thread_scanned)
      || !API_REQUIRE(scan_area != NULL, "mps_root_create_thread_scanned: "
                                         "scan_area must not be null"))
    return MPS_RES_PARAM;
  return api_root_create(root_o, arena, &params);
}

/* A token for mps_root_create_reg, which knows what to do. */
mps_res_t mps_stack_scan_ambig(mps_ss_t ss, mps_thr_t thr, void *p, size_t s)
{
  return MPS_RES_OK;
}

mps_res_t mps_root_create_reg(mps_root_t *root_o, mps_arena_t arena,
                              mps_rank_t rank, mps_rm_t rm, mps_thr_t thr,
                              mps_reg_scan_t scan, void *cold, size_t s)
{
  if (!API_ROOT_THREAD(root_o, arena, rank, rm, thr, cold, mps_root_create_reg)
      || !API_REQUIRE(
          scan == mps_stack_scan_ambig,
          "mps_root_create_reg: scan must be mps_stack_scan_ambig"))
    return MPS_RES_PARAM;
  return mps_root_create_thread_tagged(root_o, arena, rank, rm, thr,
                                       mps_scan_area_tagged, sizeof(Word) - 1,
                                       0, cold);
}

void mps_root_destroy(mps_root_t root)
{
  Arena *arena;

  if (!API_REQUIRE(API_IS(root, ROOT_SIG), "mps_root_destroy: root must be a "
                                           "root that isn't destroyed")
      || !API_OUTSIDE(root->arena, mps_root_destroy))
    return;
  arena = root->arena;
  arena_enter(arena, NULL);
  root_destroy(root);
  arena_leave(arena);
}


/* Threads */

mps_res_t mps_thread_reg(mps_thr_t *thr_o, mps_arena_t arena)
{
  Thread *thread;
  Res res;

  if (!API_OUT(thr_o, mps_thread_reg) || !API_ARENA(arena, mps_thread_reg))
    return MPS_RES_PARAM;
  arena_enter(arena, NULL);
  res = thread_create(&thread, arena);
  arena_leave(arena);
  if (res == MPS_RES_OK)
    *thr_o = thread;
  return res;
}

void mps_thread_dereg(mps_thr_t thr)
{
  Arena *arena;

  if (!API_REQUIRE(API_IS(thr, THREAD_SIG), "mps_thread_dereg: thr must be a "
                                            "thread that is registered")
      || !API_OUTSIDE(thr->arena, mps_thread_dereg))
    return;
  arena = thr->arena;
  arena_enter(arena, NULL);
  thread_destroy(thr);
  arena_leave(arena);
}
