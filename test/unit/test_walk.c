/* test_walk.c -- visiting objects, areas and roots
 *
 * Each walk is done twice in a row, since a walk that leaves something
 * behind shows in the next one.
 */

#include "amc_help.h"

#include "trace/walk.h"

enum {
  OBJECTS = 200
};

static Count visits[OBJECTS];
static Size visited; /* bytes, pads too */

static void visit_object(mps_addr_t object, mps_fmt_t its_format,
                         mps_pool_t its_pool, void *p, size_t s)
{
  EXPECT(its_format == format && its_pool == pool);
  EXPECT(p == visits && s == 42);
  visited += help_size(object);
  if (help_kind(object) == HELP_OBJECT)
    ++visits[help_block(object)[1]];
}

static mps_res_t scan_area(mps_ss_t ss, void *base, void *limit, void *closure)
{
  mps_addr_t at = base;

  EXPECT(closure == visits);
  for (; at < (mps_addr_t)limit; at = help_skip(at))
    if (help_kind(at) == HELP_OBJECT)
      ++visits[help_block(at)[1]];
  return help_scan(ss, base, limit);
}

static mps_res_t fail_area(mps_ss_t ss, void *base, void *limit, void *closure)
{
  ++*(Count *)closure;
  return MPS_RES_IO;
}

static void fill(Count header)
{
  amc_start((AmcParams){.header = header});
  for (Index i = 0; i < OBJECTS; ++i) {
    exact[i] = amc_object(i % 50 == 7 ? 40000 : 64 + 8 * (i % 9), i);
    if (i > 0)
      help_ref(exact[i])[1] = exact[i - 1];
    if (i % 16 == 3)
      amc_new_ap();
    if (i % 64 == 30)
      amc_collect();
  }
  ambig[3] = (char *)exact[5] + 8;
}

static void expect_visits(Count times)
{
  for (Index i = 0; i < OBJECTS; ++i)
    EXPECT(visits[i] == times);
}

/* .walk: each object once, with all that lies between. */
START_TEST(test_objects)
{
  fill((Count)_i * 16);
  for (Index n = 1; n <= 2; ++n) {
    walk_objects(arena, visit_object, visits, 42);
    expect_visits(2 * n - 1);
    walk_pool_objects(pool, visit_object, visits, 42);
    expect_visits(2 * n);
  }
  amc_new_ap();
  visited = 0;
  walk_objects(arena, visit_object, visits, 42);
  EXPECT(visited == mps_pool_total_size(pool));
  amc_verify();
  amc_stop();
}
END_TEST

/* .walk: areas hold all objects, may be written to, and end at a failure. */
START_TEST(test_areas)
{
  Count failed = 0;

  fill(16);
  amc_collect();
  amc_collect();
  ck_assert_int_eq(walk_areas(pool, scan_area, visits), MPS_RES_OK);
  expect_visits(1);
  amc_verify(); /* what may be written to may refer to anything */
  ck_assert_int_eq(walk_areas(pool, scan_area, visits), MPS_RES_OK);
  expect_visits(2);
  ck_assert_int_eq(walk_areas(pool, fail_area, &failed), MPS_RES_IO);
  ck_assert_uint_eq(failed, 1);
  for (Index i = 1; i < OBJECTS; ++i) /* nothing is protected now */
    help_ref(exact[i])[1] = exact[OBJECTS - i];
  amc_collect();
  for (Index i = 1; i < OBJECTS; ++i)
    ck_assert_ptr_eq(help_ref(exact[i])[1], exact[OBJECTS - i]);
  amc_stop();
}
END_TEST

static Count root_visits;

static void visit_root(mps_addr_t *ref, mps_root_t root, void *p, size_t s)
{
  EXPECT(p == &root_visits && s == 7);
  EXPECT(arena->is_stopped);
  /* The area scanners fix copies of the words. */
  EXPECT(root == roots[2] || (root == roots[0] && *ref == ambig[3]));
  EXPECT(amc_seg(*ref) != NULL || root == roots[0]);
  ++root_visits;
}

/* .walk.not.trace: the map is as before, and so are the colours. */
START_TEST(test_roots)
{
  fill(0);
  for (Index n = 1; n <= 2; ++n) {
    Count collections = mps_collections(arena);

    walk_roots(arena, visit_root, &root_visits, 7);
    ck_assert_uint_eq(root_visits, n * (OBJECTS + 1));
    ck_assert_uint_eq(mps_collections(arena), collections);
    for (Index i = 0; i < OBJECTS; ++i) {
      const Seg *seg = amc_seg(exact[i]);

      ck_assert(!seg->is_white);
      ck_assert_uint_eq(
          arena->space.kind[space_index(&arena->space, seg->base)], seg->kind);
    }
    amc_verify();
  }
  amc_stop();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("walk");
  TCase *loops = tcase_create("objects");

  tcase_add_loop_test(loops, test_objects, 0, 3);
  suite_add_tcase(suite, loops);
  unit_add(suite, "areas", test_areas);
  unit_add(suite, "roots", test_roots);
  return unit_run(suite);
}
