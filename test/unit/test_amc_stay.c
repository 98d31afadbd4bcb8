/* test_amc_stay.c -- the mostly copying pools: what a nailed segment keeps
 *
 * Survivors that stay in place keep the grains that they lie on, and nothing
 * else: the segment is divided between them.  And the padding beside them,
 * once it is ours, keeps nothing later.
 */

#include "amc_help.h"

enum {
  PAGES = 256,
  SIZE = 64,
  PER_PAGE = GRAIN / SIZE,
  MANY = PAGES * PER_PAGE
};

static mps_addr_t made[MANY];
static bool is_pinned[MANY];

/* One segment of that many pages, full of small objects, or nearly: the last
 * one is left out, so that the allocation point keeps it. */
static void fill_pages(Count pages, Count left_out)
{
  Count count = pages * PER_PAGE - left_out;

  memset(is_pinned, 0, sizeof is_pinned);
  for (Index i = 0; i < count; ++i)
    made[i] = amc_object(SIZE, i);
  EXPECT(amc_seg(made[0]) == amc_seg(made[count - 1]));
  EXPECT(seg_size(amc_seg(made[0])) == pages * GRAIN);
}

static void start_pages(AmcParams params, Count pages)
{
  params.extend_by = pages * GRAIN;
  params.large_size = 2 * pages * GRAIN;
  amc_start(params);
}

static Index page_of(mps_addr_t base, mps_addr_t object)
{
  return addr_diff((Addr)help_block(base), (Addr)help_block(object)) / GRAIN;
}

/* COVERS: .amc.trim .amc.split: one small object in the middle of a long
 * segment keeps the grain it lies on, or the two.  _i says where it is, and
 * with which header. */
START_TEST(test_one_survivor)
{
  static const Index where[] = {0, 5, MANY / 2, MANY / 2 + 7, MANY - 1};
  Index i = where[_i % 5];

  start_pages((AmcParams){.header = (Size)(_i / 5) * 16}, PAGES);
  fill_pages(PAGES, 0);
  amc_new_ap();
  ambig[0] = (char *)made[i] + 8;
  amc_collect();
  ck_assert(amc_is_object(made[i], SIZE, i));
  ck_assert_uint_eq(mps_pool_total_size(pool), GRAIN);
  ck_assert_uint_eq(amc_segs_count(), 1);
  amc_forget();
  amc_collect();
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  amc_stop();
}
END_TEST

/* A survivor across a page bound keeps both. */
START_TEST(test_across)
{
  mps_addr_t object = NULL;

  start_pages((AmcParams){0}, PAGES);
  for (Index i = 0; i < MANY; ++i) {
    made[i] = amc_object(i == 0 ? SIZE - 8 : SIZE, i);
    if (page_of(made[0], made[i])
        != page_of(made[0], (char *)made[i] + SIZE - 8))
      object = made[i];
  }
  ck_assert_ptr_nonnull(object);
  amc_new_ap();
  ambig[0] = object;
  amc_collect();
  ck_assert_uint_eq(mps_pool_total_size(pool), 2 * GRAIN);
  amc_stop();
}
END_TEST


/* Many survivors */

typedef struct Walked {
  Count objects;
  Count pads;
} Walked;

static void step_walk(mps_addr_t object, mps_fmt_t fmt, mps_pool_t from,
                      void *p, size_t s)
{
  Walked *walked = p;

  EXPECT(fmt == format && from == pool);
  if (help_kind(object) == HELP_PAD) {
    ++walked->pads;
    return;
  }
  EXPECT(amc_is_object(object, SIZE, help_block(object)[1]));
  EXPECT(made[help_block(object)[1]] == object);
  ++walked->objects;
}

static bool page_is_kept(Index page)
{
  for (Index i = 0; i < PER_PAGE; ++i)
    if (is_pinned[page * PER_PAGE + i])
      return true;
  return false;
}

/* What must be left: the grains that survivors lie on, a segment for each
 * run of those, and in a segment a pad for each dead run. */
static void check_left(Count pages)
{
  Count left = 0;
  Count parts = 0;
  Count pads = 0;
  Count pinned = 0;
  Walked walked = {0, 0};

  for (Index page = 0; page < pages; ++page) {
    bool is_joined = page > 0 && page_is_kept(page - 1);

    if (!page_is_kept(page))
      continue;
    ++left;
    parts += !is_joined;
    for (Index i = page * PER_PAGE; i < (page + 1) * PER_PAGE; ++i) {
      bool is_run = i == page * PER_PAGE && !is_joined;

      pinned += is_pinned[i];
      pads += !is_pinned[i] && (is_run || is_pinned[i - 1]);
    }
  }
  EXPECT(mps_pool_total_size(pool) == left * GRAIN);
  EXPECT(amc_segs_count() == parts);
  mps_arena_formatted_objects_walk(arena, step_walk, &walked, 0);
  EXPECT(walked.objects == pinned);
  EXPECT(walked.pads == pads);
}

static void pin_some(Count pages, Count rarity)
{
  Index next = 0;

  for (Index i = 0; i < pages * PER_PAGE && next < REFS; ++i) {
    is_pinned[i] = unit_random(rarity) == 0;
    if (is_pinned[i])
      ambig[next++] = (char *)made[i] + unit_random(SIZE - 40);
  }
}

static void check_pinned(Count pages)
{
  for (Index i = 0; i < pages * PER_PAGE; ++i)
    EXPECT(!is_pinned[i] || amc_is_object(made[i], SIZE, i));
}

/* COVERS: .amc.split .reclaim .pad.reason.nmr: any pins; a second collection
 * finds the parts as they are, and a third without pins frees them. */
START_TEST(test_many_survivors)
{
  enum {
    LENGTH = 32
  };

  unit_seed("survivors");
  start_pages((AmcParams){.header = (Size)(_i / 2) * 32, .is_leaf = _i % 2},
              LENGTH);
  for (Index n = 0; n < 100; ++n) {
    GenWork before = chain->gens[0].total;

    fill_pages(LENGTH, 0);
    amc_new_ap();
    pin_some(LENGTH, 1 + unit_random(400));
    amc_collect();
    check_left(LENGTH);
    check_pinned(LENGTH);
    EXPECT(chain->gens[0].total.retained - before.retained
           == mps_pool_total_size(pool));
    amc_collect();
    check_left(LENGTH);
    check_pinned(LENGTH);
    amc_forget();
    amc_collect();
    EXPECT(mps_pool_total_size(pool) == 0);
  }
  amc_stop();
}
END_TEST

/* COVERS: .reclaim.buf .amc.split: what an allocation point is filling stays
 * with its segment, which is what is left above the last whole free grain. */
START_TEST(test_buffered)
{
  mps_addr_t block;
  Seg *seg;

  start_pages((AmcParams){.is_leaf = _i == 1, .header = (Size)_i * 16}, 16);
  fill_pages(16, 10);
  ck_assert_int_eq(mps_reserve(&block, ap, SIZE), MPS_RES_OK);
  memset(block, 0x5A, SIZE);
  seg = amc_seg(made[0]);
  ambig[0] = made[3];
  ambig[1] = made[7 * PER_PAGE];
  (void)mps_arena_collect(arena);
  ck_assert_uint_eq(mps_pool_total_size(pool), 3 * GRAIN);
  ck_assert_uint_eq(amc_segs_count(), 3);
  ck_assert_ptr_eq(seg->buffer, buffer_of_ap(ap));
  ck_assert_ptr_eq(space_seg(&arena->space, (Addr)block), seg);
  ck_assert_ptr_ne(amc_seg(made[3]), seg);
  ck_assert_ptr_null(amc_seg(made[3])->buffer);
  for (Index i = 0; i < SIZE; ++i)
    ck_assert_uint_eq(((unsigned char *)block)[i], 0x5A);
  ck_assert(amc_is_object(made[3], SIZE, 3));
  amc_verify();
  ((Word *)block)[0] = help_info(SIZE, HELP_OBJECT);
  ((Word *)block)[1] = 1;
  if (!mps_commit(ap, block, SIZE))
    (void)amc_object(SIZE, 1);
  for (Index i = 0; i < 9; ++i)
    exact[i] = amc_object(SIZE, i);
  amc_collect();
  for (Index i = 0; i < 9; ++i)
    ck_assert(amc_is_object(exact[i], SIZE, i));
  amc_new_ap();
  amc_forget();
  amc_collect();
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  amc_stop();
}
END_TEST


/* Without control memory */

/* COVERS: .amc.split.fails: with room for k more records, the rest of the
 * parts stay together with the padding between them; nothing else is
 * different. */
START_TEST(test_no_records)
{
  enum {
    LENGTH = 32,
    PINS = 8 /* each in a page of its own, far from the next */
  };
  static void *room[PINS];
  Size record = size_round_up(sizeof(Seg), CTL_LINE);

  for (Count k = 0; k < PINS; ++k) {
    start_pages((AmcParams){0}, LENGTH);
    fill_pages(LENGTH, 0);
    amc_new_ap();
    for (Index i = 0; i < PINS; ++i) {
      is_pinned[i * 4 * PER_PAGE + i] = true;
      ambig[i] = made[i * 4 * PER_PAGE + i];
    }
    for (Index i = 0; i < k; ++i)
      ck_assert_int_eq(ctl_alloc(&room[i], &arena->ctl, record), MPS_RES_OK);
    amc_exhaust_ctl();
    for (Index i = 0; i < k; ++i)
      ctl_free(&arena->ctl, room[i], record);
    amc_collect();
    check_pinned(LENGTH);
    /* A record's room may go to a note about padding instead; and what two
     * splits give back is memory for more records. */
    ck_assert_uint_le(amc_segs_count(), k < 2 ? k + 1 : PINS);
    ck_assert_uint_ge(amc_segs_count(), 1 + (k + 1) / 2);
    ck_assert_uint_le(mps_pool_total_size(pool), 29 * GRAIN);
    amc_relieve_all();
    amc_collect(); /* now there is memory: it is made up for */
    check_left(LENGTH);
    check_pinned(LENGTH);
    amc_forget();
    amc_collect();
    ck_assert_uint_eq(mps_pool_total_size(pool), 0);
    amc_stop();
  }
}
END_TEST


/* What the parts remember */

static void minor_collection(void)
{
  amc_new_ap();
  mps_arena_park(arena);
  chain->gens[0].is_condemned = true;
  (void)trace_run(arena, TRACE_WHY_CLIENT);
  amc_verify();
}

/* COVERS: .seg.split: the parts are of the generation, are watched and may
 * refer to what the whole did: what only one of them refers to survives. */
START_TEST(test_parts_are_watched)
{
  enum {
    LENGTH = 16
  };

  unit_seed("parts");
  start_pages((AmcParams){0}, LENGTH);
  fill_pages(LENGTH, 0);
  amc_new_ap();
  pin_some(LENGTH, 50);
  for (Index n = 0; n < 300; ++n) {
    Index i;

    if (n % 25 == 0)
      amc_collect();
    do
      i = unit_random(LENGTH * PER_PAGE);
    while (!is_pinned[i]);
    ck_assert_uint_eq(amc_seg(made[i])->pgen->index, 0);
    help_ref(made[i])[unit_random(5)] = amc_object(SIZE, 10000 + i);
    minor_collection();
    for (Index k = 0; k < LENGTH * PER_PAGE; ++k)
      for (Index r = 0; is_pinned[k] && r < 5; ++r)
        EXPECT(help_ref(made[k])[r] == NULL
               || amc_is_object(help_ref(made[k])[r], SIZE, 10000 + k));
  }
  amc_stop();
}
END_TEST


/* Padding of ours */

/* Two pinned objects in a page, and padding around them, from an earlier
 * trace. */
static void make_padding(const AmcParams *params)
{
  Index n = 0;

  fill_pages(1, 0);
  amc_new_ap();
  is_pinned[10] = is_pinned[11] = is_pinned[20] = true;
  for (Index i = 0; i < PER_PAGE; ++i)
    if (is_pinned[i])
      ambig[n++] = params->is_not_interior ? made[i] : (char *)made[i] + 3;
  amc_collect();
  EXPECT(mps_pool_total_size(pool) == GRAIN);
  check_pinned(1);
}

static bool names(const AmcParams *params, Addr pointed, mps_addr_t object)
{
  Addr block = (Addr)help_block(object);

  return params->is_not_interior
             ? pointed == (Addr)object
             : pointed >= block && pointed < addr_add(block, SIZE);
}

/* COVERS: .pad.known: each address in the page pins the object that it is in,
 * and if that's padding it pins nothing.  _i is the header, and whether
 * interior pointers count. */
START_TEST(test_padding_pins_nothing)
{
  AmcParams params
      = {.is_not_interior = _i % 2 != 0, .header = (Size)(_i / 2) * 16};

  start_pages(params, 1);
  for (Size offset = 0; offset < GRAIN; offset += offset % 8 == 0 ? 1 : 7) {
    Index expected = PER_PAGE;
    Addr pointed;

    make_padding(&params);
    pointed = addr_add(amc_seg(made[10])->base, offset);
    for (Index i = 0; i < PER_PAGE; ++i)
      if (is_pinned[i] && names(&params, pointed, made[i]))
        expected = i;
    amc_forget();
    ambig[0] = (mps_addr_t)pointed;
    amc_collect();
    if (expected < PER_PAGE) {
      EXPECT(amc_is_object(made[expected], SIZE, expected));
      EXPECT(mps_pool_total_size(pool) == GRAIN);
      memset(is_pinned, 0, sizeof is_pinned);
      is_pinned[expected] = true;
      check_left(1);
    } else {
      EXPECT(mps_pool_total_size(pool) == 0);
    }
    amc_forget();
    amc_collect();
    EXPECT(mps_pool_total_size(pool) == 0);
  }
  amc_stop();
}
END_TEST

/* COVERS: .pad.known: below a buffer too; and what is allocated later above
 * it are objects. */
START_TEST(test_padding_below_a_buffer)
{
  start_pages((AmcParams){0}, 4);
  fill_pages(4, 30);
  ambig[0] = made[5];
  amc_collect();
  ck_assert_uint_eq(amc_segs_count(), 2);
  for (Index i = 0; i < 10; ++i)
    made[i] = amc_object(SIZE, i);
  ambig[0] = (char *)made[0] - 16; /* the pad below */
  ambig[1] = (char *)made[4] + 8;
  exact[0] = made[7];
  amc_new_ap();
  amc_collect();
  ck_assert(amc_is_object(made[4], SIZE, 4));
  ck_assert(amc_is_object(exact[0], SIZE, 7));
  ck_assert_ptr_ne(exact[0], made[7]);
  memset(is_pinned, 0, sizeof is_pinned);
  ck_assert_uint_eq(amc_segs_count(), 2); /* with the copy's */
  ambig[1] = NULL;
  exact[0] = NULL;
  amc_collect();
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  amc_stop();
}
END_TEST

/* COVERS: .pad.known: where there is no memory to note padding, it may be
 * pinned, and that's all. */
START_TEST(test_unknown_padding)
{
  AmcParams params = {0};

  start_pages(params, 1);
  fill_pages(1, 0);
  amc_new_ap();
  ambig[0] = made[10];
  ambig[1] = made[20];
  amc_exhaust_ctl();
  amc_collect();
  ck_assert_ptr_null(amc_seg(made[10])->stayed);
  amc_relieve_all();
  amc_forget();
  ambig[0] = (char *)made[15];
  amc_collect();
  ck_assert_uint_eq(mps_pool_total_size(pool), GRAIN);
  amc_forget();
  amc_collect();
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  amc_stop();
}
END_TEST

/* COVERS: .pad.reason.nmr: padding that is known doesn't stay in a stuck
 * segment either. */
START_TEST(test_padding_in_stuck)
{
  AmcParams params = {0};

  start_pages(params, 1);
  make_padding(&params);
  amc_exhaust_all();
  help_pads = 0;
  amc_collect();
  check_pinned(1);
  ck_assert_uint_eq(amc_segs_count(), 1);
  ck_assert_uint_eq(help_pads, 3); /* before, between, behind */
  amc_relieve_all();
  amc_forget();
  ambig[0] = made[15];
  amc_collect();
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  amc_stop();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("amc stay");
  TCase *loops = tcase_create("loops");

  tcase_set_timeout(loops, 100);
  tcase_add_loop_test(loops, test_one_survivor, 0, 15);
  tcase_add_loop_test(loops, test_many_survivors, 0, 4);
  tcase_add_loop_test(loops, test_buffered, 0, 3);
  tcase_add_loop_test(loops, test_padding_pins_nothing, 0, 6);
  suite_add_tcase(suite, loops);
  unit_add(suite, "across", test_across);
  unit_add(suite, "no-records", test_no_records);
  unit_add(suite, "watched", test_parts_are_watched);
  unit_add(suite, "buffer-padding", test_padding_below_a_buffer);
  unit_add(suite, "unknown-padding", test_unknown_padding);
  unit_add(suite, "stuck-padding", test_padding_in_stuck);
  return unit_run(suite);
}
