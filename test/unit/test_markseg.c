/* test_markseg.c -- the tables of segments in which objects stay
 *
 * What can only be seen from inside; what the classes promise is tested
 * through the interface, in test/api/test_stay.c.
 */

#include "base/bits.h"
#include "heap/barrier.h"
#include "heap/gen.h"
#include "heap_help.h"
#include "include/mpsclo.h"
#include "pool/markseg.h"
#include "trace/trace.h"

enum {
  TABLE = 4096,
  SIZE = 64
};

static mps_arena_t arena;
static mps_fmt_t format;
static mps_chain_t chain;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_root_t root;
static mps_addr_t ref[TABLE];
static MarkPool *mp;

static void start(mps_pool_class_t class)
{
  static mps_gen_param_s gens[] = {{64 * 1024, 0.5}};

  arena = help_arena(32 * MIB);
  mps_arena_park(arena);
  format = help_format(arena, 8, 0);
  ck_assert_int_eq(mps_chain_create(&chain, arena, 1, gens), MPS_RES_OK);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    ck_assert_int_eq(mps_pool_create_k(&pool, arena, class, args), MPS_RES_OK);
  }
  MPS_ARGS_END(args);
  mp = markpool_of(pool);
  ck_assert_int_eq(mps_ap_create_k(&ap, pool, mps_args_none), MPS_RES_OK);
  memset(ref, 0, sizeof ref);
  ck_assert_int_eq(
      mps_root_create_table(&root, arena, mps_rank_exact(), 0, ref, TABLE),
      MPS_RES_OK);
}

static void stop(void)
{
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}

static mps_addr_t make(Size size, Word serial)
{
  mps_addr_t object = NULL;

  EXPECT(help_make(&object, ap, size, serial) == MPS_RES_OK);
  return object;
}

static Seg *seg_of(mps_addr_t object)
{
  return space_seg(&arena->space, object);
}

static void new_ap(void)
{
  mps_ap_destroy(ap);
  EXPECT(mps_ap_create_k(&ap, pool, mps_args_none) == MPS_RES_OK);
}

static void collect(void)
{
  EXPECT(mps_arena_collect(arena) == MPS_RES_OK);
  EXPECT(markpool_check(pool));
}

/* COVERS(".markseg.large") */
START_TEST(a_large_object_is_one_block)
{
  Seg *seg;

  start(mps_class_lo());
  for (Size size = MARKSEG_LARGE; size < 20 * MIB; size = size * 3 / 16 * 8) {
    ref[0] = make(size, 1);
    seg = seg_of(ref[0]);
    ck_assert_uint_eq(seg->marks->count, 1);
    ck_assert_uint_eq(seg->marks->size, sizeof(Marks) + 3 * sizeof(Word));
    EXPECT(markseg_index(seg, addr_sub(seg->limit, 1)) == 0);
    collect();
    EXPECT(seg_of(ref[0]) == seg && seg->marks->taken_count == 1);
    new_ap();
    EXPECT(seg->used_limit == addr_add(ref[0], size));
  }
  stop();
}
END_TEST

/* COVERS(".markseg.max"): as far as one search can go. */
START_TEST(segments_for_several_objects_are_short)
{
  start(mps_class_lo());
  for (Word i = 0; i < 100000; ++i)
    EXPECT(seg_size(seg_of(make(32 + i % 1000 * 8, i))) <= MARKSEG_MAX);
  stop();
}
END_TEST

/* COVERS(".markseg.inv.clear") COVERS(".markseg.starts") */
START_TEST(tables_tell_what_survived)
{
  start(mps_class_lo());
  for (Word i = 0; i < TABLE; ++i)
    ref[i] = make(SIZE, i);
  new_ap();
  EXPECT(!seg_of(ref[0])->marks->is_resolved);
  for (Word i = 0; i < TABLE; ++i)
    if (i % 3 != 0)
      ref[i] = NULL;
  collect();
  for (Word i = 0; i < TABLE; i += 3) {
    const Seg *seg = seg_of(ref[i]);
    const Marks *m = seg->marks;
    Index at = markseg_index(seg, ref[i]);

    EXPECT(m->is_resolved && bits_get(m->starts, at));
    EXPECT(bits_count_range(m->starts, at, at + SIZE / 8) == 1);
    EXPECT(bits_count_range(m->taken, at, at + SIZE / 8) == SIZE / 8);
    EXPECT(bits_find_set(m->marks, 0, m->count) == m->count);
  }
  stop();
}
END_TEST

/* COVERS(".markseg.open"): a buffer in the middle of a segment. */
START_TEST(what_is_being_filled_stays)
{
  Seg *seg;
  Marks *m;
  Index first;
  Index limit;
  mps_addr_t fresh;

  start(mps_class_lo());
  for (Word i = 0; i < TABLE; ++i)
    ref[i] = make(SIZE, i);
  new_ap();
  for (Word i = 1000; i < 1500; ++i)
    ref[i] = NULL;
  collect();
  fresh = make(SIZE, 0);
  seg = seg_of(fresh);
  m = seg->marks;
  EXPECT(seg->buffer != NULL && seg->buffer->limit < seg->limit);
  first = markseg_index(seg, fresh);
  limit = markseg_index(seg, seg->buffer->limit);
  memset(ref, 0, sizeof ref);
  collect();
  /* The object is dead; what lies behind it is the buffer's. */
  EXPECT(seg_of(fresh) == seg && seg->buffer != NULL);
  ck_assert_uint_eq(m->taken_count, limit - first - SIZE / 8);
  EXPECT(!bits_get(m->taken, first) && bits_get(m->taken, limit - 1));
  new_ap();
  ck_assert_uint_eq(m->taken_count, 0);
  collect();
  ck_assert_uint_eq(mps_pool_total_size(pool), 0);
  stop();
}
END_TEST

/* COVERS(".markseg.account") COVERS(".gen.piecemeal") */
START_TEST(bytes_are_counted_one_by_one)
{
  const Account *a;

  start(mps_class_lo());
  a = &mp->pgen.account;
  for (Word i = 0; i < 1000; ++i)
    ref[i] = make(SIZE, i);
  new_ap();
  ck_assert_uint_eq(a->fresh, 1000 * SIZE);
  ck_assert_uint_eq(a->old + a->buffered, 0);
  for (Word i = 0; i < 1000; i += 2)
    ref[i] = NULL;
  collect();
  ck_assert_uint_eq(a->old, 500 * SIZE);
  ck_assert_uint_eq(a->fresh + a->buffered, 0);
  ck_assert_uint_eq(a->free, a->total - a->old);
  ref[0] = make(SIZE, 0);
  ck_assert_uint_eq(a->old, 500 * SIZE);
  EXPECT(a->buffered >= SIZE);
  collect();
  ck_assert_uint_eq(a->old, 501 * SIZE);
  stop();
}
END_TEST

/* COVERS(".markpool.fill"): what is free is found, wherever it lies. */
START_TEST(free_runs_are_found)
{
  Size before;

  start(mps_class_lo());
  for (Word i = 0; i < TABLE; ++i)
    ref[i] = make(SIZE, i);
  new_ap();
  for (Word i = 0; i < TABLE; ++i)
    if (i % 4 < 2)
      ref[i] = NULL;
  collect();
  before = mps_pool_total_size(pool);
  for (Word i = 0; i < TABLE; ++i)
    if (i % 4 < 1)
      ref[i] = make(2 * SIZE, i);
  new_ap();
  collect();
  EXPECT(mps_pool_total_size(pool) <= before + MARKSEG_MAX);
  EXPECT(mps_pool_free_size(pool) <= before / 8 + MARKSEG_MAX);
  stop();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("markseg");

  unit_seed("markseg");
  unit_add(suite, "large", a_large_object_is_one_block);
  unit_add(suite, "short", segments_for_several_objects_are_short);
  unit_add(suite, "survivors", tables_tell_what_survived);
  unit_add(suite, "open", what_is_being_filled_stays);
  unit_add(suite, "account", bytes_are_counted_one_by_one);
  unit_add(suite, "runs", free_runs_are_found);
  return unit_run(suite);
}
