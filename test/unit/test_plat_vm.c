/* test_plat_vm.c -- address space, memory and protection
 *
 * Random calls are compared with an array that says what each page must
 * be.  Refusals are the real ones: limits of the process, locked memory,
 * and a process that has used up its mappings.
 */

#include "plat_help.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define MIB ((Size)1 << 20)
#define GIB ((Size)1 << 30)

/* One of the numbers of /proc/self/statm, in bytes. */
static Size statm(int which)
{
  unsigned long number[6] = {0};
  FILE *file = fopen("/proc/self/statm", "r");

  ck_assert_ptr_nonnull(file);
  for (int i = 0; i < 6; ++i)
    ck_assert_int_eq(fscanf(file, "%lu", &number[i]), 1);
  (void)fclose(file);
  return number[which] * plat_page_size();
}

static Size space_size(void)
{
  return statm(0);
}

static Size resident_size(void)
{
  return statm(1);
}

static Addr at_page(Addr base, Index page)
{
  return addr_add(base, page * plat_page_size());
}

static Addr reserve_pages(Count pages)
{
  Addr base = NULL;

  ck_assert_int_eq(
      plat_vm_reserve(&base, pages * plat_page_size(), plat_page_size()),
      MPS_RES_OK);
  return base;
}

/* .plat.req.reserve */
START_TEST(test_reserve)
{
  Size page = plat_page_size();

  ck_assert(size_is_pow2(page));
  (void)space_size(); /* the first call may allocate */
  for (Size size = page; size <= 64 * MIB; size *= 8)
    for (Size align = page; align <= GIB; align *= 16) {
      Addr base = NULL;
      Size before = space_size();
      ck_assert_int_eq(plat_vm_reserve(&base, size, align), MPS_RES_OK);
      ck_assert(addr_round_down(base, align) == base);
      ck_assert(access_of(base) == ACCESS_NONE);
      ck_assert(access_of(addr_add(base, size - 1)) == ACCESS_NONE);
      ck_assert_uint_eq(space_size(), before + size);
      plat_vm_release(base, size);
      ck_assert_uint_eq(space_size(), before);
    }
}
END_TEST

/* .plat.req.reserve */
START_TEST(test_reserve_refused)
{
  Addr untouched = (Addr)(Word)0x1234;
  Addr base = untouched;
  Size page = plat_page_size();
  Size huge = size_round_down(SIZE_MAX, page);
  struct rlimit limit = {space_size() + 64 * MIB, RLIM_INFINITY};

  ck_assert_int_eq(plat_vm_reserve(&base, huge, page), MPS_RES_RESOURCE);
  ck_assert_int_eq(plat_vm_reserve(&base, huge, GIB), MPS_RES_RESOURCE);
  ck_assert_int_eq(plat_vm_reserve_table(&base, huge), MPS_RES_RESOURCE);

  ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
  ck_assert_int_eq(plat_vm_reserve(&base, GIB, page), MPS_RES_RESOURCE);
  ck_assert_int_eq(plat_vm_reserve_table(&base, GIB), MPS_RES_RESOURCE);
  ck_assert(base == untouched);
  ck_assert_int_eq(plat_vm_reserve(&base, MIB, page), MPS_RES_OK);
  plat_vm_release(base, MIB);
}
END_TEST

/* .plat.req.reserve */
START_TEST(test_table)
{
  Addr base = NULL;

  ck_assert_int_eq(plat_vm_reserve_table(&base, GIB), MPS_RES_OK);
  Size before = resident_size();
  for (Size at = 0; at < GIB; at += 16 * MIB) {
    char *byte = (char *)addr_add(base, at);
    ck_assert_int_eq(*byte, 0);
    *byte = 1;
  }
  /* 64 pages, and what the rest of the process takes meanwhile */
  ck_assert_uint_le(resident_size(), before + MIB);
  plat_vm_release(base, GIB);
  ck_assert(access_of(base) == ACCESS_NONE);
}
END_TEST


/* Random calls against an oracle */

enum {
  PAGES = 48,
  CALLS = 4000
};

typedef struct Page {
  Access access;
  char content;
} Page;

static void check_pages(Addr base, const Page *pages)
{
  for (Index i = 0; i < PAGES; ++i) {
    char *page = (char *)at_page(base, i);
    EXPECT(access_of((Addr)page) == pages[i].access);
    if (pages[i].access != ACCESS_NONE) {
      EXPECT(page[0] == pages[i].content);
      EXPECT(page[plat_page_size() - 1] == pages[i].content);
    }
  }
}

/* One call on pages from first up to limit, where it's allowed there. */
static void call_at_random(Addr base, Page *pages, Index first, Index limit)
{
  Size size = (limit - first) * plat_page_size();
  Addr from = at_page(base, first);
  Page page = {ACCESS_WRITE, 0};
  Access least = ACCESS_NONE;
  Access most = ACCESS_WRITE;

  for (Index i = first; i < limit; ++i) {
    least = i == first || pages[i].access < least ? pages[i].access : least;
    most = i == first || pages[i].access > most ? pages[i].access : most;
  }
  uint64_t choice = unit_random(6);
  if (choice == 0 && most == ACCESS_NONE) {
    ck_assert_int_eq(plat_vm_map(from, size), MPS_RES_OK);
  } else if (choice == 1 && least != ACCESS_NONE) {
    plat_vm_unmap(from, size);
    page.access = ACCESS_NONE;
  } else if (choice == 2 && least == ACCESS_WRITE) {
    plat_vm_purge(from, size);
  } else if (choice == 3 && least != ACCESS_NONE) {
    bool forbid = unit_random(2) == 0;
    ck_assert(plat_vm_protect(from, size, forbid));
    for (Index i = first; i < limit; ++i)
      pages[i].access = forbid ? ACCESS_READ : ACCESS_WRITE;
    return;
  } else if (choice == 4 && least == ACCESS_WRITE) {
    page.content = (char)unit_random(100);
    (void)memset(from, page.content, size);
  } else if (choice == 5 && least == ACCESS_WRITE) {
    plat_vm_populate(from, size);
    return;
  } else {
    return;
  }
  for (Index i = first; i < limit; ++i)
    pages[i] = page;
}

/* .plat.req.map .plat.req.protect */
START_TEST(test_random)
{
  Page pages[PAGES] = {{ACCESS_NONE, 0}};
  Addr base = reserve_pages(PAGES);

  for (Index i = 0; i < CALLS; ++i) {
    Index first = unit_random(PAGES);
    Index limit = first + 1 + unit_random(PAGES - first);
    if (unit_random(4) != 0)
      limit = size_min(limit, first + 3);
    call_at_random(base, pages, first, limit);
    check_pages(base, pages);
  }
  plat_vm_release(base, PAGES * plat_page_size());
}
END_TEST

/* .plat.req.map */
START_TEST(test_unmap_gives_back)
{
  Addr base = reserve_pages(64 * MIB / plat_page_size());
  Size before = resident_size();

  for (int way = 0; way < 2; ++way) {
    ck_assert_int_eq(plat_vm_map(base, 64 * MIB), MPS_RES_OK);
    (void)memset(base, 1, 64 * MIB);
    ck_assert_uint_ge(resident_size(), before + 63 * MIB);
    if (way == 1)
      plat_vm_purge(base, 64 * MIB);
    else
      plat_vm_unmap(base, 64 * MIB);
    ck_assert_uint_le(resident_size(), before + MIB);
  }
  plat_vm_release(base, 64 * MIB);
}
END_TEST

/* .plat.req.map: nothing stays mapped, though the front of the range is
 * a mapping of its own to the system and would fit the limit. */
START_TEST(test_map_refused)
{
  Size size = 64 * MIB;
  Addr base = reserve_pages(size / plat_page_size());
  struct rlimit limit = {statm(5) + 4 * MIB, RLIM_INFINITY};
  struct rlimit old;

  ck_assert_int_eq(madvise(base, MIB, MADV_DONTDUMP), 0);
  ck_assert_int_eq(getrlimit(RLIMIT_DATA, &old), 0);
  ck_assert_int_eq(setrlimit(RLIMIT_DATA, &limit), 0);
  ck_assert_int_eq(plat_vm_map(base, size), MPS_RES_MEMORY);
  ck_assert(access_of(base) == ACCESS_NONE);
  ck_assert(access_of(addr_add(base, size - 1)) == ACCESS_NONE);
  ck_assert_int_eq(setrlimit(RLIMIT_DATA, &old), 0);
  ck_assert_int_eq(plat_vm_map(base, size), MPS_RES_OK);
}
END_TEST

/* .plat.req.map: the system refuses to drop locked memory. */
START_TEST(test_purge_locked)
{
  Addr base = reserve_pages(1);

  ck_assert_int_eq(plat_vm_map(base, plat_page_size()), MPS_RES_OK);
  (void)memset(base, 7, plat_page_size());
  ck_assert_int_eq(syscall(SYS_mlock, base, plat_page_size()), 0);
  ck_assert_int_ne(madvise(base, plat_page_size(), MADV_DONTNEED), 0);
  plat_vm_purge(base, plat_page_size());
  for (Size i = 0; i < plat_page_size(); ++i)
    ck_assert_int_eq(((char *)base)[i], 0);
}
END_TEST

/* Whether the kernel knows the advice is asked on memory of the test's. */
START_TEST(test_populate)
{
  enum {
    COUNT = 256
  };
  unsigned char in_core[COUNT];
  Addr base = reserve_pages(COUNT);
  Size size = COUNT * plat_page_size();

  ck_assert_int_eq(plat_vm_map(base, size), MPS_RES_OK);
  if (madvise(base, plat_page_size(), 23) != 0)
    return;
  /* One range that can't be populated mustn't put an end to it all. */
  ck_assert(plat_vm_protect(base, plat_page_size(), true));
  plat_vm_populate(base, plat_page_size());
  ck_assert(plat_vm_protect(base, plat_page_size(), false));
  plat_vm_populate(base, size);
  ck_assert_int_eq(mincore(base, size, in_core), 0);
  for (Index i = 0; i < COUNT; ++i)
    ck_assert_int_eq(in_core[i] & 1, 1);
}
END_TEST


/* A process that has used up its mappings */

/* Take all but a few, by protecting every other page of a big range. */
static void use_up_mappings(void)
{
  Size page = plat_page_size();
  Size size = 4 * GIB;
  char *room = mmap(NULL, size, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  Size at = 0;

  ck_assert(room != MAP_FAILED);
  while (at < size && mprotect(room + at, page, PROT_READ) == 0)
    at += 2 * page;
  ck_assert_uint_lt(at, size);
}

/* .plat.req.protect */
START_TEST(test_no_mappings_left)
{
  enum {
    COUNT = 1024
  };
  Addr base = reserve_pages(COUNT);
  Size page = plat_page_size();
  Count allowed = 0;

  ck_assert_int_eq(plat_vm_map(base, COUNT * page), MPS_RES_OK);
  ck_assert(plat_vm_protect(base, COUNT * page, true));
  use_up_mappings();

  /* To allow single pages takes mappings, and some were set aside. */
  Index i = 1;
  while (plat_vm_protect(at_page(base, i), page, false)) {
    ck_assert(access_of(at_page(base, i)) == ACCESS_WRITE);
    ck_assert(access_of(at_page(base, i + 1)) == ACCESS_READ);
    ++allowed;
    i += 2;
    ck_assert_uint_lt(i, COUNT - 2);
  }
  ck_assert_uint_ge(allowed, 32);

  /* To forbid them fails now, and so does mapping; neither is fatal. */
  Index far = COUNT / 2;
  ck_assert(!plat_vm_protect(at_page(base, far), page, false));
  ck_assert(access_of(at_page(base, far)) == ACCESS_READ);

  /* The whole range can always be allowed, and then there's room. */
  ck_assert(plat_vm_protect(base, COUNT * page, false));
  for (i = 0; i < COUNT; ++i)
    ck_assert(access_of(at_page(base, i)) == ACCESS_WRITE);
  ck_assert(plat_vm_protect(at_page(base, far), page, true));
  ck_assert(access_of(at_page(base, far)) == ACCESS_READ);
}
END_TEST

/* .plat.req.protect .plat.req.map */
START_TEST(test_no_mappings_from_the_start)
{
  Addr base = reserve_pages(64);
  Size page = plat_page_size();

  ck_assert_int_eq(plat_vm_map(base, 32 * page), MPS_RES_OK);
  use_up_mappings();
  while (mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
              -1, 0)
         != MAP_FAILED)
    continue;
  ck_assert(!plat_vm_protect(at_page(base, 5), page, true));
  ck_assert(access_of(at_page(base, 5)) == ACCESS_WRITE);
  ck_assert_int_eq(plat_vm_map(at_page(base, 40), page), MPS_RES_MEMORY);
  ck_assert(access_of(at_page(base, 40)) == ACCESS_NONE);

  /* What can't be cut out loses its memory at least. */
  *(char *)at_page(base, 9) = 1;
  plat_vm_unmap(at_page(base, 9), page);
  ck_assert(access_of(at_page(base, 9)) == ACCESS_NONE
            || *(char *)at_page(base, 9) == 0);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("plat_vm");

  unit_seed("test_plat_vm");
  unit_add(suite, "reserve", test_reserve);
  unit_add(suite, "reserve refused", test_reserve_refused);
  unit_add(suite, "table", test_table);
  unit_add(suite, "random", test_random);
  if (!IS_TSAN)
    unit_add(suite, "unmap gives back", test_unmap_gives_back);
  unit_add(suite, "map refused", test_map_refused);
  unit_add(suite, "purge locked", test_purge_locked);
  unit_add(suite, "populate", test_populate);
  if (!IS_SANITIZED) {
    unit_add(suite, "no mappings left", test_no_mappings_left);
    unit_add(suite, "no mappings at all", test_no_mappings_from_the_start);
  }
  return unit_run(suite);
}
