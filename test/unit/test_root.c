/* test_root.c -- roots of each kind, and records of threads
 *
 * A root is scanned by hand, and the scanner that the client gave notes
 * what it is called with.
 */

#include "heap/root.h"
#include "heap/scan.h"
#include "heap_help.h"

#include <pthread.h>

static mps_arena_t arena;
static ScanState ss;
static Count calls;
static struct {
  void *base;
  void *limit;
  void *closure;
} call[4];

static void note(void *base, void *limit, void *closure)
{
  EXPECT(calls < 4);
  call[calls].base = base;
  call[calls].limit = limit;
  call[calls].closure = closure;
  ++calls;
}

static mps_res_t scan_fun(mps_ss_t its_ss, void *p, size_t s)
{
  note(p, (void *)s, NULL);
  return MPS_RES_IO;
}

static mps_res_t scan_fmt(mps_ss_t its_ss, mps_addr_t base, mps_addr_t limit)
{
  note(base, limit, NULL);
  return MPS_RES_OK;
}

static mps_res_t scan_area(mps_ss_t its_ss, void *base, void *limit,
                           void *closure)
{
  EXPECT(its_ss == &ss.ss);
  note(base, limit, closure);
  return MPS_RES_OK;
}

static void start(void)
{
  arena = help_arena(4 * MIB);
  scan_init(&ss, arena, arena->trace, RANK_EXACT);
  calls = 0;
}

static Res scan_and_destroy(mps_root_t root)
{
  Res res;

  ck_assert(root_check(root));
  ck_assert_ptr_eq(arena->roots.prev, &root->link);
  res = root_scan(root, &ss);
  mps_root_destroy(root);
  ck_assert(ring_is_single(&arena->roots));
  return res;
}

/* .root.kinds: each calls the client with what it was given, and hands on
 * the result. */
START_TEST(test_kinds)
{
  mps_root_t root;
  Word area[10];
  int closure;

  start();
  ck_assert_int_eq(
      mps_root_create(&root, arena, mps_rank_exact(), 0, scan_fun, area, 42),
      MPS_RES_OK);
  ck_assert_int_eq(scan_and_destroy(root), MPS_RES_IO);
  ck_assert_ptr_eq(call[0].base, area);
  ck_assert_ptr_eq(call[0].limit, (void *)42);
  ck_assert_int_eq(mps_root_create_fmt(&root, arena, mps_rank_exact(), 0,
                                       scan_fmt, area, area + 10),
                   MPS_RES_OK);
  ck_assert_int_eq(scan_and_destroy(root), MPS_RES_OK);
  ck_assert_ptr_eq(call[1].limit, area + 10);
  ck_assert_int_eq(mps_root_create_area(&root, arena, mps_rank_ambig(), 0,
                                        area, area + 5, scan_area, &closure),
                   MPS_RES_OK);
  ck_assert_int_eq(scan_and_destroy(root), MPS_RES_OK);
  ck_assert_ptr_eq(call[2].base, area);
  ck_assert_ptr_eq(call[2].limit, area + 5);
  ck_assert_ptr_eq(call[2].closure, &closure);
  ck_assert_int_eq(mps_root_create_area_tagged(&root, arena, mps_rank_exact(),
                                               0, area, area + 3, scan_area, 7,
                                               5),
                   MPS_RES_OK);
  ck_assert_uint_eq(root->tag.mask, 7);
  ck_assert_uint_eq(root->tag.pattern, 5);
  ck_assert_ptr_eq(root->closure, &root->tag);
  (void)scan_and_destroy(root);
  ck_assert_ptr_eq(call[3].limit, area + 3);
  ck_assert_uint_eq(calls, 4);
  mps_arena_destroy(arena);
}
END_TEST

/* .thread.stack: the registers and what is in use of the stack, from where
 * the thread came in; nothing when it isn't inside. */
START_TEST(test_thread)
{
  mps_thr_t thread;
  mps_root_t root;
  PlatContext context;
  Word cold[100];

  start();
  ck_assert_int_eq(mps_thread_reg(&thread, arena), MPS_RES_OK);
  ck_assert(thread_check(thread));
  ck_assert_int_eq(
      mps_root_create_thread_scanned(&root, arena, mps_rank_ambig(), 0, thread,
                                     scan_area, &calls, cold + 100),
      MPS_RES_OK);
  ck_assert_int_eq(root_scan(root, &ss), MPS_RES_OK);
  ck_assert_uint_eq(calls, 0);
  context.hot = (Addr)(cold + 60);
  context.count = 5;
  arena->entry = &context;
  ck_assert_int_eq(root_scan(root, &ss), MPS_RES_OK);
  ck_assert_uint_eq(calls, 2);
  ck_assert_ptr_eq(call[0].base, context.regs);
  ck_assert_ptr_eq(call[0].limit, context.regs + 5);
  ck_assert_ptr_eq(call[1].base, cold + 60);
  ck_assert_ptr_eq(call[1].limit, cold + 100);
  ck_assert_ptr_eq(call[1].closure, &calls);
  /* Where the hot end isn't below the cold one: the registers only. */
  calls = 0;
  context.hot = (Addr)(cold + 100);
  (void)root_scan(root, &ss);
  ck_assert_uint_eq(calls, 1);
  arena->entry = NULL;
  mps_root_destroy(root);
  mps_thread_dereg(thread);
  ck_assert_ptr_null(arena->threads);
  mps_arena_destroy(arena);
}
END_TEST

/* Threads go in any order.  _i is a permutation of three. */
START_TEST(test_dereg)
{
  mps_thr_t thread[3];
  unsigned left = 7;
  unsigned code = (unsigned)_i;

  start();
  for (Index i = 0; i < 3; ++i)
    ck_assert_int_eq(mps_thread_reg(&thread[i], arena), MPS_RES_OK);
  for (unsigned n = 3; n > 0; --n) {
    unsigned skip = code % n;
    unsigned i = 0;

    code /= n;
    while ((left >> i & 1) == 0 || skip-- > 0)
      ++i;
    left &= ~(1u << i);
    mps_thread_dereg(thread[i]);
    for (const PlatThread *at = arena->threads; at != NULL; at = at->next)
      ck_assert_ptr_ne(at, &thread[i]->plat);
  }
  ck_assert_ptr_null(arena->threads);
  mps_arena_destroy(arena);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("root");
  TCase *loops = tcase_create("dereg");

  unit_add(suite, "kinds", test_kinds);
  unit_add(suite, "thread", test_thread);
  tcase_add_loop_test(loops, test_dereg, 0, 6);
  suite_add_tcase(suite, loops);
  return unit_run(suite);
}
