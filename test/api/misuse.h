/* misuse.h -- what a client does wrong is reported once, and survived
 *
 * Each case breaks one rule of the interface with a handler installed that
 * returns.  It must get one report, which names the function and the
 * argument, and the arena must work afterwards.  With the default handler
 * the program dies.
 */

#ifndef MISUSE_H
#define MISUSE_H

#include "client.h"

#include <signal.h>

/* What the cases work with. */
static struct {
  Client client;
  Client other; /* in another arena */
  mps_thr_t thread, other_thread;
  mps_root_t root;
  mps_addr_t table[4];
} world;

#define ARENA (world.client.arena)
#define POOL (world.client.pool)
#define AP (world.client.ap)

/* Not a handle of any kind, but memory. */
static struct {
  Word words[512];
} zeros;
#define BOGUS(type) ((type)(void *)&zeros.words[256])
#define ODD(type) ((type)(void *)((char *)&zeros.words[256] + 1))

typedef struct Case {
  const char *name;
  const char *function; /* its name, in the report */
  const char *argument; /* likewise */
  void (*run)(void);
} Case;

#define CASE(id, function, argument, body) \
  static void id(void) \
  { \
    body \
  } \
  static const Case case_##id = {#id, function, argument, id};


/* Running a case */

static inline void world_create(void)
{
  Options options = {.gens = 2};

  world.client = client_create(&options);
  world.other = client_create(&options);
  MUST(mps_thread_reg(&world.thread, ARENA));
  MUST(mps_thread_reg(&world.other_thread, world.other.arena));
  world.root = root_table(ARENA, mps_rank_exact(), world.table, 4);
  for (Word i = 0; i < 4; ++i)
    world.table[i] = client_make(&world.client, 64, i);
  mps_arena_park(ARENA);
}

/* The arena works, and can be destroyed. */
static inline void world_check(void)
{
  mps_arena_release(ARENA);
  for (Word i = 0; i < 1000; ++i)
    (void)client_make(&world.client, 64, i);
  MUST(mps_arena_collect(ARENA));
  for (Word i = 0; i < 4; ++i)
    ck_assert(block_is_intact(world.table[i], 0, i));
  mps_root_destroy(world.root);
  mps_thread_dereg(world.thread);
  mps_thread_dereg(world.other_thread);
  client_destroy(&world.client);
  client_destroy(&world.other);
}

static const Case *const *misuse_cases;

START_TEST(misuse_is_reported_once_and_survived)
{
  const Case *c = misuse_cases[_i];

  world_create();
  (void)mps_lib_assert_fail_install(report_take);
  c->run();
  ck_assert_msg(report_count == 1, "%s: %u reports: %s", c->name, report_count,
                report_text);
  ck_assert_msg(strstr(report_text, c->function) != NULL
                    && strstr(report_text, c->argument) != NULL,
                "%s: no %s and %s in: %s", c->name, c->function, c->argument,
                report_text);
  world_check();
  ck_assert_msg(report_count == 1, "%s: afterwards: %s", c->name, report_text);
}
END_TEST

START_TEST(the_default_handler_aborts)
{
  ck_assert(mps_lib_assert_fail_install(report_take) != NULL);
  ck_assert(mps_lib_assert_fail_install(NULL) == report_take);
  (void)mps_arena_collect(NULL);
}
END_TEST

static inline int misuse_run(const char *name, const Case *const *all,
                             size_t count)
{
  Suite *suite = suite_create(name);
  TCase *tcase = tcase_create("cases");

  unit_seed(name);
  misuse_cases = all;
  tcase_add_loop_test(tcase, misuse_is_reported_once_and_survived, 0,
                      (int)count);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("default");
  tcase_add_test_raise_signal(tcase, the_default_handler_aborts, SIGABRT);
  suite_add_tcase(suite, tcase);
  return unit_run(suite);
}

#endif /* MISUSE_H */
