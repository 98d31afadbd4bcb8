/* test_interp_gc.c -- a small interpreter's collector, on the block pool
 *
 * What an interpreter expects of each call, in heaps of a few kilobytes.
 * Roots are the words of one table, and nothing else.
 */

#include "client.h"

#include "../../code/example/interp/interp_gc.c"

#define WORDS_OF(p) ((void **)(p))

enum {
  HEAP_SIZE = 8192,
  ROOTS = 64
};

static _Alignas(64) char memory[HEAP_SIZE + 64];
static void *roots[ROOTS];
static unsigned collections, finalised;
static void *finalised_last;
static void *freed_by_finaliser;
static char text[4096];

static void port_collect(void)
{
  ++collections;
  interp_gc_collect_start();
  interp_gc_collect_root(roots, ROOTS / 2);
  interp_gc_collect_root(roots + ROOTS / 2, ROOTS / 2);
  interp_gc_collect_end();
}

static void port_finalise(void *object)
{
  ++finalised;
  finalised_last = object;
  EXPECT(interp_gc_nbytes(object) > 0);
  EXPECT(interp_gc_alloc(8, false) == NULL);
  interp_gc_free(freed_by_finaliser);
  freed_by_finaliser = NULL;
}

static char port_kind(void *object)
{
  return *(char *)object;
}

static void port_print(const char *part, size_t length)
{
  EXPECT(strlen(text) + length < sizeof text);
  strncat(text, part, length);
}

static const InterpGcPort test_port
    = {port_collect, port_finalise, port_kind, port_print};

static void begin_at(size_t from, size_t to)
{
  memset(memory, 0x5A, sizeof memory);
  memset(roots, 0, sizeof roots);
  collections = finalised = 0;
  text[0] = '\0';
  EXPECT(interp_gc_init(&test_port, memory + from, memory + to));
  report_count = 0;
  mps_lib_assert_fail_install(report_take);
}

static void begin(void)
{
  begin_at(0, HEAP_SIZE);
}

static size_t used_now(void)
{
  InterpGcInfo info;

  interp_gc_info(&info);
  EXPECT(info.total == info.used + info.free);
  return info.used;
}

static size_t fill_up(size_t size)
{
  size_t n = 0;

  interp_gc_auto(false);
  while (interp_gc_alloc(size, false) != NULL)
    ++n;
  interp_gc_auto(true);
  return n;
}

/* COVERS: .clients.req.interp: the heap lies in the memory given, whatever
 * its ends, and nothing beyond is touched; it may be begun anew. */
START_TEST(the_heap_lies_where_it_was_put)
{
  for (size_t from = 1; from < 40; from += 3) {
    begin_at(from, HEAP_SIZE - 2 * from);
    EXPECT(fill_up(BLOCK) > 100);
    for (size_t i = 0; i < sizeof memory; ++i)
      EXPECT((i >= from && i < HEAP_SIZE - 2 * from) || memory[i] == 0x5A);
    EXPECT(interp_gc_nbytes(memory + from) == 0);
  }
  EXPECT(!interp_gc_init(&test_port, memory, memory + 100));
}
END_TEST

/* COVERS: .clients.req.interp: sizes come in blocks; zero is none. */
START_TEST(objects_are_of_whole_blocks)
{
  char *p;

  begin();
  EXPECT(interp_gc_alloc(0, false) == NULL);
  for (size_t size = 1; size < 300; ++size) {
    p = interp_gc_alloc(size, false);
    EXPECT(p >= memory && p + size <= memory + HEAP_SIZE);
    EXPECT(interp_gc_nbytes(p) == (size + BLOCK - 1) / BLOCK * BLOCK);
    EXPECT(interp_gc_nbytes(p + 1) == 0);
    EXPECT(interp_gc_nbytes(p + BLOCK) == 0);
    for (size_t i = size; i < interp_gc_nbytes(p); ++i)
      EXPECT(p[i] == 0);
    interp_gc_free(p);
    EXPECT(interp_gc_nbytes(p) == 0);
  }
  interp_gc_free(NULL);
  EXPECT(interp_gc_nbytes(NULL) == 0 && interp_gc_nbytes(&p) == 0);
  EXPECT(used_now() == 0);
}
END_TEST

/* COVERS: .clients.req.interp: what the roots reach by first addresses
 * stays, as it is; the rest is freed and counted. */
START_TEST(what_roots_reach_stays)
{
  void **p;
  size_t count = 0;

  begin();
  for (int i = 0; i < 20; ++i) {
    p = interp_gc_alloc(3 * BLOCK, false);
    memset(p, i, 3 * BLOCK);
    p[11] = roots[3]; /* the last word */
    roots[3] = i % 2 ? p : roots[3];
  }
  roots[ROOTS - 1] = interp_gc_alloc(1, false);
  roots[5] = (char *)interp_gc_alloc(BLOCK, false) + 8; /* keeps nothing */
  interp_gc_collect();
  EXPECT(interp_gc_collected() == 11);
  for (p = roots[3]; p != NULL; p = p[11])
    EXPECT(*(char *)p == 19 - 2 * (int)count && ++count);
  EXPECT(count == 10);
  EXPECT(used_now() == 31 * BLOCK);
}
END_TEST

/* COVERS: .clients.req.interp: when the heap is full the interpreter's own
 * collection is run, once, or not at all if that is switched off. */
START_TEST(a_full_heap_is_collected)
{
  begin();
  EXPECT(fill_up(BLOCK) > 100 && collections == 0);
  interp_gc_auto(false);
  EXPECT(interp_gc_alloc(1, false) == NULL && collections == 0);
  interp_gc_auto(true);
  EXPECT(interp_gc_alloc(1, false) != NULL && collections == 1);
  EXPECT(interp_gc_alloc(2 * HEAP_SIZE, false) == NULL && collections == 2);
}
END_TEST

/* COVERS: .clients.req.interp: a threshold starts a collection early. */
START_TEST(a_threshold_starts_a_collection)
{
  begin();
  interp_gc_threshold(10 * BLOCK);
  for (int i = 0; i < 100; ++i)
    EXPECT(interp_gc_alloc(BLOCK, false) != NULL);
  EXPECT(collections >= 8 && collections <= 10);
  EXPECT(used_now() <= 11 * BLOCK);
}
END_TEST

/* COVERS: .clients.req.interp: growing and shrinking in place, moving only
 * where that is allowed, with null and zero as C has them. */
START_TEST(realloc_does_what_it_is_allowed_to)
{
  char *p, *wall, *q;

  begin();
  p = interp_gc_realloc(NULL, 2 * BLOCK, false);
  EXPECT(interp_gc_nbytes(p) == 2 * BLOCK);
  memset(p, 7, 2 * BLOCK);
  EXPECT(interp_gc_realloc(p, 5 * BLOCK, false) == p);
  EXPECT(interp_gc_realloc(p, 2 * BLOCK, false) == p);
  do /* until one lies right behind */
    wall = interp_gc_alloc(BLOCK, false);
  while (wall != NULL && wall != p + 2 * BLOCK);
  EXPECT(wall != NULL);
  EXPECT(interp_gc_realloc(p, 3 * BLOCK, false) == NULL);
  EXPECT(interp_gc_nbytes(p) == 2 * BLOCK);
  roots[0] = p;
  q = interp_gc_realloc(p, 3 * BLOCK, true);
  EXPECT(q != NULL && q != p && interp_gc_nbytes(p) == 0);
  for (int i = 0; i < 2 * BLOCK; ++i)
    EXPECT(q[i] == 7);
  EXPECT(interp_gc_realloc(q, 0, true) == NULL && interp_gc_nbytes(q) == 0);
}
END_TEST

/* COVERS: .clients.req.interp: dead objects with a finaliser are finalised
 * once, before anything is freed, unless the first word is still null. */
START_TEST(finalisers_run)
{
  void *half, *whole, *other;

  begin();
  half = interp_gc_alloc(BLOCK, true);
  whole = interp_gc_alloc(BLOCK, true);
  other = interp_gc_alloc(BLOCK, true);
  EXPECT(*WORDS_OF(half) == NULL && *WORDS_OF(whole) == NULL);
  *WORDS_OF(whole) = *WORDS_OF(other) = memory;
  roots[0] = other;
  interp_gc_collect();
  EXPECT(finalised == 1 && finalised_last == whole);
  interp_gc_free(other); /* not finalised by that */
  interp_gc_collect();
  EXPECT(finalised == 1);
}
END_TEST

/* COVERS: .clients.req.interp: a finaliser may free, and an object that moves
 * takes its finaliser along. */
START_TEST(finalisers_may_free)
{
  void **p;

  begin();
  p = interp_gc_alloc(BLOCK, true);
  p[0] = memory;
  roots[0] = freed_by_finaliser = interp_gc_alloc(BLOCK, false);
  while (interp_gc_realloc(p, 2 * BLOCK, false) != NULL)
    EXPECT(interp_gc_realloc(p, BLOCK, false) == p
           && interp_gc_alloc(BLOCK, false) != NULL);
  p = interp_gc_realloc(p, 2 * BLOCK, true);
  EXPECT(p != NULL && p[0] == memory);
  interp_gc_collect();
  EXPECT(finalised == 1 && finalised_last == p);
  EXPECT(interp_gc_nbytes(roots[0]) == 0 && used_now() == 0);
}
END_TEST

/* COVERS: .clients.req.interp: at the end all finalisers run. */
START_TEST(sweep_all_finalises_all)
{
  begin();
  for (int i = 0; i < 10; ++i) {
    roots[i] = interp_gc_alloc(BLOCK, true);
    *WORDS_OF(roots[i]) = memory;
  }
  interp_gc_sweep_all();
  EXPECT(finalised == 10 && used_now() == 0 && interp_gc_collected() == 10);
}
END_TEST

/* COVERS: .clients.req.interp: while locked nothing is allocated, freed or
 * collected; locks nest. */
START_TEST(a_locked_heap_stays_as_it_is)
{
  void *p;

  begin();
  p = interp_gc_alloc(BLOCK, false);
  EXPECT(!interp_gc_is_locked());
  interp_gc_lock();
  interp_gc_lock();
  interp_gc_unlock();
  EXPECT(interp_gc_is_locked());
  EXPECT(interp_gc_alloc(1, false) == NULL);
  EXPECT(interp_gc_realloc(p, 2 * BLOCK, true) == NULL);
  interp_gc_free(p);
  interp_gc_collect();
  EXPECT(interp_gc_nbytes(p) == BLOCK && collections == 0);
  interp_gc_unlock();
  EXPECT(!interp_gc_is_locked());
  interp_gc_free(p);
  EXPECT(interp_gc_nbytes(p) == 0);
  EXPECT(report_count == 0);
}
END_TEST

/* COVERS: .clients.req.interp: what there is, as numbers and as a picture. */
START_TEST(info_and_dump)
{
  InterpGcInfo info;
  char *p;

  begin();
  p = interp_gc_alloc(3 * BLOCK, false);
  *p = 'T';
  *(char *)interp_gc_alloc(BLOCK, false) = 'L';
  *(char *)interp_gc_alloc(2 * BLOCK, false) = 'D';
  interp_gc_info(&info);
  EXPECT(info.used == 6 * BLOCK && info.max_block == 3);
  EXPECT(info.one_block == 1 && info.two_block == 1);
  EXPECT(info.max_free > 100 && info.max_free <= info.free / BLOCK);
  interp_gc_dump_info();
  EXPECT(strstr(text, " used 192 ") != NULL);
  interp_gc_dump_alloc_table();
  EXPECT(strstr(text, "T==") != NULL && strstr(text, "D=") != NULL);
  EXPECT(strchr(text, 'L') != NULL);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("interp_gc");

  unit_seed("interp_gc");
  unit_add(suite, "memory", the_heap_lies_where_it_was_put);
  unit_add(suite, "blocks", objects_are_of_whole_blocks);
  unit_add(suite, "roots", what_roots_reach_stays);
  unit_add(suite, "full", a_full_heap_is_collected);
  unit_add(suite, "threshold", a_threshold_starts_a_collection);
  unit_add(suite, "realloc", realloc_does_what_it_is_allowed_to);
  unit_add(suite, "finalise", finalisers_run);
  unit_add(suite, "free", finalisers_may_free);
  unit_add(suite, "all", sweep_all_finalises_all);
  unit_add(suite, "lock", a_locked_heap_stays_as_it_is);
  unit_add(suite, "info", info_and_dump);
  return unit_run(suite);
}
