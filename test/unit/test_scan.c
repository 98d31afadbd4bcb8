/* test_scan.c -- scan states, and both stages of fix on every kind of
 * address
 */

#include "fake_pool.h"
#include "heap/scan.h"

static const SegClass no_class = {.name = "none"};

static Count fixed;

static void count_fix(ScanState *ss, mps_addr_t *ref_io)
{
  ++fixed;
}

/* .scan .space.map.white: the first stage is true for white grains and for
 * nothing else, and notes the kind of any other; the second stage may be
 * called without it. */
START_TEST(test_stages)
{
  mps_arena_t arena = help_arena(4 * MIB);
  mps_fmt_t format = help_format(arena, 8, 0);
  FakePool *fake = fake_create(arena, format, NULL);
  Seg *seg;
  ScanState ss;

  ck_assert_int_eq(
      seg_alloc(&seg, &fake->pgens[0], &no_class, RANK_EXACT, 3 * 4 * KIB),
      MPS_RES_OK);
  pgen_account_fill(seg);
  scan_init(&ss, arena, arena->trace, RANK_NONE);
  ck_assert(scan_check(&ss));
  ck_assert_ptr_eq(scan_of_ss(&ss.ss), &ss);
  ss.fix = count_fix;
  for (unsigned kind = 0; kind <= KIND_WHITE; ++kind) {
    mps_addr_t ref = addr_add(seg->base, 4 * KIB + kind);
    mps_addr_t was = ref;
    bool is_white = kind == KIND_WHITE;

    space_map_kind(&arena->space, seg->base, seg->limit, (unsigned char)kind);
    fixed = 0;
    MPS_SCAN_BEGIN(&ss.ss)
    {
      EXPECT((MPS_FIX1(&ss.ss, ref) != 0) == is_white);
    }
    MPS_SCAN_END(&ss.ss);
    EXPECT(ss.ss._seen == (is_white ? REFSET_EMPTY : REFSET_KIND(kind)));
    EXPECT(
        scan_take_refset(&ss)
        == (kind == KIND_NONE || is_white ? REFSET_EMPTY : REFSET_KIND(kind)));
    EXPECT(ss.ss._seen == REFSET_EMPTY);
    EXPECT(_mps_fix2(&ss.ss, &ref) == MPS_RES_OK);
    EXPECT(ref == was && fixed == is_white);
    EXPECT(ss.ss._seen == (is_white ? REFSET_EMPTY : REFSET_KIND(kind)));
    ss.ss._seen = REFSET_EMPTY;
  }
  space_map_kind(&arena->space, seg->base, seg->limit, seg->kind);
  mps_pool_destroy(&fake->pool);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}
END_TEST

/* .space.lookup: any word at all. */
START_TEST(test_strangers)
{
  mps_arena_t arena = help_arena(4 * MIB);
  Word base = (Word)arena->space.base;
  Word limit = base + arena->space.span;
  Word stranger[] = {0,     1,         WORD_ONES,    base - 1,
                     limit, limit + 1, (Word)&arena, (Word)arena};
  ScanState ss;

  scan_init(&ss, arena, arena->trace, RANK_EXACT);
  for (Index i = 0; i < sizeof stranger / sizeof stranger[0]; ++i) {
    mps_addr_t ref = (mps_addr_t)stranger[i];

    MPS_SCAN_BEGIN(&ss.ss)
    {
      EXPECT(!MPS_FIX1(&ss.ss, ref));
    }
    MPS_SCAN_END(&ss.ss);
    EXPECT(_mps_fix2(&ss.ss, &ref) == MPS_RES_OK);
    EXPECT(ref == (mps_addr_t)stranger[i]);
    EXPECT(scan_take_refset(&ss) == REFSET_EMPTY);
  }
  mps_arena_destroy(arena);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("scan");

  fake_seg_class = &no_class;
  unit_add(suite, "stages", test_stages);
  unit_add(suite, "strangers", test_strangers);
  return unit_run(suite);
}
