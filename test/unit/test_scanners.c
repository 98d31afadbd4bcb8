/* test_scanners.c -- scan macros and area scanners over a heap of kinds
 *
 * The heap is an array of kinds and nothing else.  The second stage of fix
 * is this file's own: it counts, and moves objects by a constant distance.
 * Random words are scanned and compared with what a loop that asks for each
 * bit of the definition would do.
 */

#include "base/base.h"
#include "heap/scan.h"
#include "unit.h"

#include <string.h>
#include <sys/mman.h>

enum {
  GRAINS = 64,
  SHIFT = 12,
  WORDS = 200
};

static const Word BASE = (Word)0x7000000000;
static const Word MOVED = (Word)1 << 40; /* how far objects move */
static unsigned char kinds[GRAINS];
static ScanState state;
static bool is_moving; /* does fix change references? */
static Count fixes;    /* how many times the second stage was called */
static Count fail_at;  /* the call that fails, from 1 on; 0 is none */

mps_res_t _mps_fix2(mps_ss_t ss, mps_addr_t *ref_io)
{
  EXPECT(ss == &state.ss);
  if (++fixes == fail_at)
    return MPS_RES_MEMORY;
  if (is_moving)
    *ref_io = (mps_addr_t)((Word)*ref_io + MOVED);
  return MPS_RES_OK;
}

static void start(void)
{
  for (Index i = 0; i < GRAINS; ++i)
    kinds[i] = (unsigned char)unit_random(_MPS_KIND_WHITE + 1);
  for (Index i = 0; i < GRAINS; i += 3)
    kinds[i] = _MPS_KIND_WHITE;
  state.ss = (mps_ss_s){
      ._base = BASE, ._count = GRAINS, ._kind = kinds, ._shift = SHIFT};
  state.has_slots = unit_random(2) == 0;
  is_moving = true;
  fixes = 0;
  fail_at = 0;
}

/* A word that is in the heap, or near it, or null, or anything. */
static Word random_word(void)
{
  switch (unit_random(8)) {
  case 0:
    return unit_random(8);
  case 1:
    return unit_random(WORD_ONES);
  case 2:
    return BASE - 1 - unit_random((Word)4 << SHIFT);
  case 3:
    return BASE + ((Word)GRAINS << SHIFT) + unit_random((Word)4 << SHIFT);
  default:
    return BASE + unit_random((Word)GRAINS << SHIFT);
  }
}

/* The kind of what a word refers to, or -1 outside the heap. */
static int oracle_kind(Word ref)
{
  for (int i = 0; i < GRAINS; ++i)
    if (ref >= BASE + ((Word)i << SHIFT)
        && ref <= BASE + ((Word)i << SHIFT) + (((Word)1 << SHIFT) - 1))
      return kinds[i];
  return -1;
}

/* COVERS(".interface.req.scan.filter") */
START_TEST(filter_is_exact_and_notes_what_it_saw)
{
  for (int round = 0; round < 20000; ++round) {
    Word seen = unit_random(WORD_ONES);
    if (round % 100 == 0)
      start();
    state.ss._seen = seen;
    MPS_SCAN_BEGIN(&state.ss)
    {
      for (int i = 0; i < 4; ++i) {
        Word ref = random_word();
        int kind = oracle_kind(ref);
        EXPECT(MPS_FIX1(&state.ss, ref) == (kind == (int)_MPS_KIND_WHITE));
        /* What is white is noted where it is fixed. */
        if (kind >= 0 && kind != (int)_MPS_KIND_WHITE)
          seen |= (Word)1 << kind;
      }
      EXPECT(!MPS_FIX1(&state.ss, NULL));
    }
    MPS_SCAN_END(&state.ss);
    EXPECT(state.ss._seen == seen);
  }
}
END_TEST

static mps_res_t scan_inner(mps_ss_t ss, Word ref)
{
  MPS_SCAN_BEGIN(ss)
  {
    (void)MPS_FIX1(ss, ref);
  }
  MPS_SCAN_END(ss);
  return MPS_RES_LIMIT;
}

/* COVERS(".interface.req.scan.call") */
START_TEST(a_call_adds_to_what_was_seen)
{
  mps_res_t res = MPS_RES_OK;

  start();
  kinds[0] = 1;
  kinds[1] = 2;
  kinds[2] = 3;
  MPS_SCAN_BEGIN(&state.ss)
  {
    (void)MPS_FIX1(&state.ss, BASE);
    MPS_FIX_CALL(&state.ss,
                 res = scan_inner(&state.ss, BASE + ((Word)1 << SHIFT)));
    (void)MPS_FIX1(&state.ss, BASE + ((Word)2 << SHIFT));
  }
  MPS_SCAN_END(&state.ss);
  ck_assert_int_eq(res, MPS_RES_LIMIT);
  ck_assert_uint_eq(state.ss._seen, 1u << 1 | 1u << 2 | 1u << 3);
}
END_TEST

/* COVERS(".interface.req.scan.fix") */
START_TEST(fix12_fixes_what_is_white)
{
  mps_addr_t ref;

  start();
  kinds[4] = _MPS_KIND_WHITE;
  kinds[5] = 5;
  MPS_SCAN_BEGIN(&state.ss)
  {
    ref = (mps_addr_t)(BASE + ((Word)4 << SHIFT));
    ck_assert_int_eq(MPS_FIX12(&state.ss, &ref), MPS_RES_OK);
    ck_assert_uint_eq((Word)ref, BASE + ((Word)4 << SHIFT) + MOVED);
    ref = (mps_addr_t)(BASE + ((Word)5 << SHIFT));
    ck_assert_int_eq(MPS_FIX(&state.ss, &ref), MPS_RES_OK);
    ck_assert_uint_eq((Word)ref, BASE + ((Word)5 << SHIFT));
    ck_assert_uint_eq(fixes, 1);
    fail_at = 2;
    ref = (mps_addr_t)(BASE + ((Word)4 << SHIFT));
    ck_assert_int_eq(MPS_FIX12(&state.ss, &ref), MPS_RES_MEMORY);
  }
  MPS_SCAN_END(&state.ss);
}
END_TEST

/* The scanners, and which words each looks at. */
typedef enum Which {
  ALL,
  MASKED,
  TAGGED,
  TAGGED_OR_ZERO,
  SCANNERS
} Which;

static const mps_area_scan_t scanners[SCANNERS]
    = {mps_scan_area, mps_scan_area_masked, mps_scan_area_tagged,
       mps_scan_area_tagged_or_zero};

/* What a word becomes, and what it adds to the rest. */
static Word oracle_scan(Which which, Word word, const mps_scan_tag_s *tag,
                        Word *seen_io, Count *fixes_io)
{
  Word bits = which == ALL ? 0 : word & tag->mask;
  int kind = oracle_kind(word - bits);
  bool is_taken = which == ALL || which == MASKED || bits == tag->pattern
                  || (which == TAGGED_OR_ZERO && bits == 0);

  if (!is_taken)
    return word;
  if (kind >= 0 && kind != (int)_MPS_KIND_WHITE)
    *seen_io |= (Word)1 << kind;
  if (kind != (int)_MPS_KIND_WHITE)
    return word;
  ++*fixes_io;
  return word + MOVED;
}

/* COVERS(".interface.req.scan.area") */
START_TEST(areas_are_scanned_as_defined)
{
  Word words[WORDS];
  Word want[WORDS];

  for (int round = 0; round < 4000; ++round) {
    Which which = (Which)(round % SCANNERS);
    mps_scan_tag_s tag = {.mask = unit_random(8)};
    Word seen = 0;
    Count count = unit_random(WORDS);
    Count fixed = 0;

    tag.pattern = unit_random(8) & tag.mask;
    if (unit_random(4) == 0) { /* tags at the top of the word */
      tag.mask <<= 61;
      tag.pattern <<= 61;
    }
    start();
    for (Index i = 0; i < WORDS; ++i) {
      words[i] = random_word();
      if (unit_random(2) == 0)
        words[i] = (words[i] & ~tag.mask) | tag.pattern;
      want[i] = words[i];
    }
    for (Index i = 0; i < count; ++i)
      want[i] = oracle_scan(which, words[i], &tag, &seen, &fixed);
    EXPECT(scanners[which](&state.ss, words, words + count,
                           which == ALL ? NULL : &tag)
           == MPS_RES_OK);
    EXPECT(memcmp(words, want, sizeof words) == 0);
    EXPECT(state.ss._seen == seen);
    EXPECT(fixes == fixed);
  }
}
END_TEST

/* COVERS(".interface.req.scan.stop") */
START_TEST(a_failure_stops_the_scan_and_changes_nothing_more)
{
  for (Which which = ALL; which < SCANNERS; ++which)
    for (Count at = 1; at <= 10; ++at) {
      Word words[10];
      mps_scan_tag_s tag = {.mask = 7, .pattern = 3};
      start();
      kinds[0] = _MPS_KIND_WHITE;
      fail_at = at;
      for (Index i = 0; i < 10; ++i)
        words[i] = BASE + 8 * i + (which == ALL ? 0 : 3);
      ck_assert_int_eq(scanners[which](&state.ss, words, words + 10,
                                       which == ALL ? NULL : &tag),
                       MPS_RES_MEMORY);
      ck_assert_uint_eq(fixes, at);
      for (Index i = 0; i < 10; ++i)
        ck_assert_uint_eq(words[i], BASE + 8 * i + (which == ALL ? 0 : 3)
                                        + (i + 1 < at ? MOVED : 0));
    }
}
END_TEST

/* COVERS(".interface.req.scan.write"): the area can't be written to. */
START_TEST(a_word_that_does_not_change_is_not_written)
{
  mps_scan_tag_s tag = {.mask = 7, .pattern = 3};
  Size size = 4096;
  Word *words = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  ck_assert_ptr_ne(words, MAP_FAILED);
  start();
  is_moving = false;
  for (Index i = 0; i < size / sizeof(Word); ++i)
    words[i] = i % 2 == 0 ? BASE + 3 : random_word();
  kinds[0] = _MPS_KIND_WHITE;
  ck_assert_int_eq(mprotect(words, size, PROT_READ), 0);
  for (Which which = ALL; which < SCANNERS; ++which) {
    fixes = 0;
    ck_assert_int_eq(
        scanners[which](&state.ss, words, words + size / sizeof(Word), &tag),
        MPS_RES_OK);
    ck_assert_uint_ge(fixes, size / sizeof(Word) / 2);
  }
  ck_assert_int_eq(munmap(words, size), 0);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("scanners");

  unit_seed("scanners");
  unit_add(suite, "filter", filter_is_exact_and_notes_what_it_saw);
  unit_add(suite, "call", a_call_adds_to_what_was_seen);
  unit_add(suite, "fix", fix12_fixes_what_is_white);
  unit_add(suite, "area", areas_are_scanned_as_defined);
  unit_add(suite, "stop", a_failure_stops_the_scan_and_changes_nothing_more);
  unit_add(suite, "write", a_word_that_does_not_change_is_not_written);
  return unit_run(suite);
}
