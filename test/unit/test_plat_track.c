/* test_plat_track.c -- the kernel's log of which pages were written to
 *
 * Where the system has none there is nothing to test but that it says so.
 */

#include "plat_help.h"

#include <string.h>
#include <sys/wait.h>

enum {
  PAGES = 64
};

static Addr base;
static Size page;
static PlatRange ranges[PAGES];

static Addr page_at(Index i)
{
  return addr_add(base, i * page);
}

static bool begin(void)
{
  page = plat_page_size();
  ck_assert_int_eq(plat_vm_reserve(&base, PAGES * page, page), MPS_RES_OK);
  ck_assert_int_eq(plat_vm_map(base, PAGES * page), MPS_RES_OK);
  if (plat_track_start(base, PAGES * page))
    return true;
  plat_vm_release(base, PAGES * page);
  return false;
}

static void end(void)
{
  plat_vm_release(base, PAGES * page);
}

/* Which pages the log says were written, as bits. */
static Word written(void)
{
  Word bits = 0;
  Addr from = base;

  while (from < page_at(PAGES)) {
    Count count;

    ck_assert(plat_track_list(ranges, &count, &from, 3, from, page_at(PAGES)));
    ck_assert_uint_le(count, 3);
    for (Index i = 0; i < count; ++i)
      for (Addr at = ranges[i].base; at < ranges[i].limit;
           at = addr_add(at, page))
        bits |= (Word)1 << addr_diff(base, at) / page;
  }
  return bits;
}

/* .plat.track: everything counts as written until it is armed; a write shows
 * in the log, a read doesn't, and arming one page leaves others alone. */
START_TEST(test_log)
{
  volatile char byte;

  if (!begin())
    return;
  ck_assert_uint_eq(written(), WORD_ONES);
  ck_assert(plat_track_arm(base, PAGES * page));
  ck_assert_uint_eq(written(), 0);
  *(char *)page_at(7) = 1;
  *(char *)addr_add(page_at(9), page - 1) = 1;
  byte = *(char *)page_at(11);
  for (Index i = 20; i < 40; i += 2)
    *(char *)page_at(i) = (char)byte;
  ck_assert_uint_eq(written(), (Word)0x5555500000 | 1 << 7 | 1 << 9);
  ck_assert_uint_eq(written(), (Word)0x5555500000 | 1 << 7 | 1 << 9);
  ck_assert(plat_track_arm(page_at(7), page));
  ck_assert_uint_eq(written(), (Word)0x5555500000 | 1 << 9);
  ck_assert(plat_track_arm(base, PAGES * page));
  ck_assert_uint_eq(written(), 0);
  *(char *)page_at(7) = 1;
  ck_assert_uint_eq(written(), 1 << 7);
  end();
}
END_TEST

/* Disarmed, a range counts as written without having been. */
START_TEST(test_disarm)
{
  if (!begin())
    return;
  memset(base, 1, PAGES * page);
  ck_assert(plat_track_arm(base, PAGES * page));
  plat_track_disarm(page_at(4), 2 * page);
  *(char *)page_at(4) = 2;
  ck_assert_uint_eq(written(), 3 << 4);
  end();
}
END_TEST

/* A system call may write there, and that is logged too. */
START_TEST(test_system_call)
{
  int ends[2];

  if (!begin())
    return;
  ck_assert(plat_track_arm(base, PAGES * page));
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_eq(write(ends[1], "abc", 3), 3);
  ck_assert_int_eq(read(ends[0], page_at(5), 3), 3);
  ck_assert_mem_eq(page_at(5), "abc", 3);
  ck_assert_uint_eq(written(), 1 << 5);
  end();
}
END_TEST

/* Memory that was given back is unwritten to nobody. */
START_TEST(test_purge)
{
  if (!begin())
    return;
  memset(base, 1, PAGES * page);
  ck_assert(plat_track_arm(base, PAGES * page));
  plat_vm_purge(page_at(3), page);
  *(char *)page_at(3) = 1;
  ck_assert((written() & 1 << 3) != 0);
  end();
}
END_TEST

/* .plat.track.whole: a part that was unmapped is tracked still. */
START_TEST(test_unmap)
{
  if (!begin())
    return;
  plat_vm_unmap(page_at(8), 8 * page);
  ck_assert_int_eq(plat_vm_map(page_at(8), 8 * page), MPS_RES_OK);
  ck_assert(plat_track_arm(base, PAGES * page));
  ck_assert_uint_eq(written(), 0);
  *(char *)page_at(9) = 1;
  ck_assert_uint_eq(written(), 1 << 9);
  end();
}
END_TEST

/* .plat.track.insist: a client that closes everything doesn't make written
 * pages look unwritten. */
START_TEST(test_closed)
{
  Count count;
  Addr from;

  if (!begin())
    return;
  ck_assert(plat_track_arm(base, PAGES * page));
  *(char *)page_at(1) = 1;
  for (int file = 3; file < 256; ++file)
    (void)close(file);
  ck_assert(
      !plat_track_list(ranges, &count, &from, PAGES, base, page_at(PAGES)));
  end();
}
END_TEST

/* What isn't tracked can't be listed. */
START_TEST(test_untracked)
{
  Addr other;
  Count count;
  Addr from;

  if (!begin())
    return;
  ck_assert_int_eq(plat_vm_reserve(&other, page, page), MPS_RES_OK);
  ck_assert_int_eq(plat_vm_map(other, page), MPS_RES_OK);
  ck_assert(!plat_track_list(ranges, &count, &from, PAGES, other,
                             addr_add(other, page)));
  ck_assert(!plat_track_arm(other, page));
  plat_vm_release(other, page);
  end();
}
END_TEST

/* .plat.track.fork: the child has a log of its own once it asks for it, and
 * the parent's is none of its business. */
START_TEST(test_fork)
{
  Count count;
  Addr from;
  int status;
  pid_t child;

  if (!begin())
    return;
  plat_fork_install(NULL, NULL, NULL);
  memset(base, 1, PAGES * page);
  ck_assert(plat_track_arm(base, PAGES * page));
  child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    if (plat_track_list(ranges, &count, &from, PAGES, base, page_at(PAGES))
        || !plat_track_start(base, PAGES * page)
        || !plat_track_arm(base, PAGES * page))
      _exit(1);
    *(char *)page_at(2) = 1;
    _exit(written() == 1 << 2 ? 0 : 2);
  }
  *(char *)page_at(6) = 1;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFEXITED(status));
  ck_assert_int_eq(WEXITSTATUS(status), 0);
  ck_assert_uint_eq(written(), 1 << 6);
  end();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("dirty tracking");

  unit_add(suite, "log", test_log);
  unit_add(suite, "disarm", test_disarm);
  unit_add(suite, "system-call", test_system_call);
  unit_add(suite, "purge", test_purge);
  unit_add(suite, "unmap", test_unmap);
  unit_add(suite, "closed", test_closed);
  unit_add(suite, "untracked", test_untracked);
  unit_add(suite, "fork", test_fork);
  return unit_run(suite);
}
