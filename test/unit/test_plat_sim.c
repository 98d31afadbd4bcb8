/* test_plat_sim.c -- memory that fails and time that passes by script
 *
 * The contract is the real one's, so this runs the same kind of scenario
 * with each call refused in turn, and breaks each rule of plat.h once.
 */

#include "../../code/include/mpslib.h"
#include "../../code/plat/plat_sim.h"
#include "plat_help.h"

#include <setjmp.h>
#include <string.h>

enum {
  PAGES = 16
};

static Size pages(Count count)
{
  return count * plat_page_size();
}

static Addr page_at(Addr base, Index page)
{
  return addr_add(base, page * plat_page_size());
}


/* A program that uses memory, and goes on when it's refused.  The result
 * is whether it got all it asked for. */
static bool scenario(void)
{
  Addr table = NULL;
  Addr base = NULL;
  bool got_all = true;

  if (plat_vm_reserve_table(&table, pages(PAGES)) != MPS_RES_OK)
    return false;
  if (plat_vm_reserve(&base, pages(PAGES), pages(4)) != MPS_RES_OK) {
    plat_vm_release(table, pages(PAGES));
    return false;
  }
  for (Index i = 0; i < PAGES; i += 4) {
    Addr from = page_at(base, i);
    if (plat_vm_map(from, pages(4)) != MPS_RES_OK) {
      ck_assert(access_of(from) == ACCESS_NONE);
      got_all = false;
      continue;
    }
    plat_vm_populate(from, pages(4));
    (void)memset(from, 1, pages(4));
    if (!plat_vm_protect(from, pages(4), true))
      got_all = false;
    ck_assert(access_of(from) == ACCESS_READ);
    while (!plat_vm_protect(from, pages(4), false))
      got_all = false;
    for (Index j = 0; j < 4; ++j)
      ck_assert(access_of(page_at(from, j)) == ACCESS_WRITE);
    plat_vm_purge(page_at(from, 1), pages(1));
    ck_assert_int_eq(*(char *)page_at(from, 1), 0);
    plat_vm_unmap(from, pages(i == 0 ? 2 : 4));
  }
  plat_vm_release(base, pages(PAGES));
  plat_vm_release(table, pages(PAGES));
  return got_all;
}

static void check_empty(void)
{
  ck_assert_uint_eq(plat_sim.reservations, 0);
  ck_assert_uint_eq(plat_sim.reserved, 0);
  ck_assert_uint_eq(plat_sim.mapped, 0);
  ck_assert_uint_eq(plat_sim.forbidden, 0);
}

/* .plat.req.sim */
START_TEST(test_counts)
{
  plat_sim_reset();
  ck_assert(scenario());
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_RESERVE], 1);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_RESERVE_TABLE], 1);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_RELEASE], 2);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_MAP], 4);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_UNMAP], 4);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_PURGE], 4);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_POPULATE], 4);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_FORBID], 4);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_ALLOW], 4);
  ck_assert_uint_eq(plat_sim.refused, 0);
  ck_assert_uint_eq(plat_sim.mapped_max, pages(6));
  check_empty();
}
END_TEST

/* .plat.req.sim: every call of a kind in turn, until none is left. */
START_TEST(test_sweep)
{
  static const PlatSimCall call[]
      = {PLAT_SIM_RESERVE, PLAT_SIM_RESERVE_TABLE, PLAT_SIM_MAP,
         PLAT_SIM_FORBID, PLAT_SIM_ALLOW};
  static const Count calls[] = {1, 1, 4, 4, 4};

  for (Index i = 0; i < sizeof call / sizeof call[0]; ++i) {
    Count k = 1;
    for (;; ++k) {
      plat_sim_reset();
      plat_sim_fail(call[i], k, 1);
      bool got_all = scenario();
      check_empty();
      ck_assert(got_all == (plat_sim.refused == 0));
      if (plat_sim.refused == 0)
        break;
      ck_assert_uint_eq(plat_sim.refused, 1);
    }
    ck_assert_uint_eq(k, calls[i] + 1);
  }
}
END_TEST

/* .plat.req.sim: several in a row, from now, and the end of a script. */
START_TEST(test_rows)
{
  Addr base = NULL;

  plat_sim_reset();
  ck_assert_int_eq(plat_vm_reserve(&base, pages(8), pages(1)), MPS_RES_OK);
  ck_assert_int_eq(plat_vm_map(base, pages(1)), MPS_RES_OK);
  plat_sim_fail(PLAT_SIM_MAP, 2, 3);
  for (int i = 1; i <= 6; ++i) {
    Res res = plat_vm_map(page_at(base, 1), pages(1));
    ck_assert_int_eq(res, i >= 2 && i <= 4 ? MPS_RES_MEMORY : MPS_RES_OK);
    if (res == MPS_RES_OK)
      plat_vm_unmap(page_at(base, 1), pages(1));
  }
  plat_sim_fail(PLAT_SIM_MAP, 1, 100);
  ck_assert_int_eq(plat_vm_map(page_at(base, 1), pages(1)), MPS_RES_MEMORY);
  plat_sim_fail(PLAT_SIM_MAP, 0, 0);
  ck_assert_int_eq(plat_vm_map(page_at(base, 1), pages(1)), MPS_RES_OK);
  ck_assert_uint_eq(plat_sim.mapped, pages(2));
  plat_vm_release(base, pages(8));
  check_empty();
}
END_TEST

/* .plat.req.sim .plat.vm.protect-fails */
START_TEST(test_refused_forbid)
{
  Addr base = NULL;

  plat_sim_reset();
  ck_assert_int_eq(plat_vm_reserve(&base, pages(4), pages(1)), MPS_RES_OK);
  ck_assert_int_eq(plat_vm_map(base, pages(4)), MPS_RES_OK);
  plat_sim_fail(PLAT_SIM_FORBID, 1, 1);
  ck_assert(!plat_vm_protect(base, pages(4), true));
  ck_assert(access_of(page_at(base, 1)) == ACCESS_READ);
  ck_assert(access_of(page_at(base, 2)) == ACCESS_WRITE);
  ck_assert_uint_eq(plat_sim.forbidden, pages(2));
  plat_sim_fail(PLAT_SIM_FORBID, 1, 1);
  ck_assert(!plat_vm_protect(page_at(base, 3), pages(1), true));
  ck_assert(access_of(page_at(base, 3)) == ACCESS_WRITE);
  ck_assert(plat_vm_protect(base, pages(4), false));
  ck_assert_uint_eq(plat_sim.forbidden, 0);
  plat_vm_release(base, pages(4));
}
END_TEST

/* .plat.req.sim */
START_TEST(test_clock)
{
  plat_sim_reset();
  ck_assert(plat_clock_now().s == 0);
  ck_assert(plat_clock_now().s == 0);
  plat_sim.now = 5;
  plat_sim.tick = 0.25;
  ck_assert(plat_clock_now().s == 5);
  ck_assert(plat_clock_cpu().s == 5.25);
  ck_assert(plat_clock_now().s == 5.5);
  ck_assert_uint_eq(plat_sim.calls[PLAT_SIM_CLOCK], 5);
}
END_TEST


/* What plat.h forbids is caught.  Each of these must fail an assertion. */

static jmp_buf caught;

static void catch_failure(const char *file, unsigned line,
                          const char *condition)
{
  (void)file;
  (void)line;
  (void)condition;
  longjmp(caught, 1);
}

static Addr range; /* pages: mapped, forbidden, and two that aren't */

static void break_map_twice(void)
{
  (void)plat_vm_map(range, pages(1));
}

static void break_map_outside(void)
{
  (void)plat_vm_map(page_at(range, 3), pages(2));
}

static void break_unmap_nothing(void)
{
  plat_vm_unmap(page_at(range, 1), pages(2));
}

static void break_purge_forbidden(void)
{
  plat_vm_purge(range, pages(2));
}

static void break_protect_nothing(void)
{
  (void)plat_vm_protect(page_at(range, 2), pages(1), true);
}

static void break_release_part(void)
{
  plat_vm_release(range, pages(2));
}

static void break_release_stranger(void)
{
  plat_vm_release(page_at(range, 100), pages(1));
}

static void break_unaligned(void)
{
  (void)plat_vm_map(addr_add(page_at(range, 2), 8), pages(1));
}

static void break_script(void)
{
  plat_sim_fail(PLAT_SIM_UNMAP, 1, 1);
}

/* .plat.req.sim */
START_TEST(test_contract)
{
  static void (*const breaks[])(void)
      = {break_map_twice,       break_map_outside,      break_unmap_nothing,
         break_purge_forbidden, break_protect_nothing,  break_release_part,
         break_unaligned,       break_release_stranger, break_script};

  plat_sim_reset();
  ck_assert_int_eq(plat_vm_reserve(&range, pages(4), pages(1)), MPS_RES_OK);
  ck_assert_int_eq(plat_vm_map(range, pages(2)), MPS_RES_OK);
  ck_assert(plat_vm_protect(page_at(range, 1), pages(1), true));
  (void)mps_lib_assert_fail_install(catch_failure);
  for (volatile Index i = 0; i < sizeof breaks / sizeof breaks[0]; i = i + 1)
    if (setjmp(caught) == 0) {
      breaks[i]();
      ck_abort_msg("rule %zu was broken and nobody noticed", (size_t)i);
    }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("plat_sim");

  unit_add(suite, "counts", test_counts);
  unit_add(suite, "sweep", test_sweep);
  unit_add(suite, "rows", test_rows);
  unit_add(suite, "refused forbid", test_refused_forbid);
  unit_add(suite, "clock", test_clock);
  unit_add(suite, "contract", test_contract);
  return unit_run(suite);
}
