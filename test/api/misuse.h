/* misuse.h -- what a client does wrong is reported once, and survived
 *
 * Each case breaks one rule of the interface.  With a handler installed that
 * returns it must get one report, which names the function and the
 * argument, and the arena must work afterwards.  With one that leaves by a
 * long jump, what the case had still to do isn't done, but the arena works.
 * With the default handler the program must print that report and abort.
 */

#ifndef MISUSE_H
#define MISUSE_H

#include "client.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

typedef enum Pointer {
  POINTER_NULL,
  POINTER_ZEROS, /* memory, but no handle */
  POINTER_ODD,   /* not aligned */
  POINTER_OTHER  /* a handle of another kind */
} Pointer;

/* Either run, or on with a pointer of that sort. */
typedef struct Case {
  const char *name;
  const char *function; /* its name, in the report */
  const char *argument; /* likewise */
  void (*run)(void);
  void (*on)(void *pointer);
  Pointer pointer;
} Case;

#define CASE(id, function, argument, body) \
  static void id(void) \
  { \
    body \
  } \
  static const Case case_##id \
      = {#id, function, argument, id, NULL, POINTER_NULL};

#define EXACT mps_rank_exact()
#define AMBIG mps_rank_ambig()
#define TABLE world.table
#define TABLE_END (world.table + 4)

static inline mps_res_t scan_nothing(mps_ss_t ss, void *p, size_t s)
{
  (void)ss, (void)p, (void)s;
  return MPS_RES_OK;
}


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

static inline void *case_pointer(const Case *c)
{
  switch (c->pointer) {
  case POINTER_ZEROS:
    return BOGUS(void *);
  case POINTER_ODD:
    return ODD(void *);
  case POINTER_OTHER:
    return strcmp(c->argument, "thr") == 0 ? (void *)ARENA : world.thread;
  default:
    return NULL;
  }
}

static inline void case_run(const Case *c)
{
  if (c->run != NULL)
    c->run();
  else
    c->on(case_pointer(c));
}

/* Is it a report on what the case does wrong? */
static inline int case_is_named(const Case *c, const char *text)
{
  return strstr(text, c->function) != NULL
         && strstr(text, c->argument) != NULL;
}

static const Case *const *misuse_cases;

/* COVERS(".api.req.misuse") */
START_TEST(misuse_is_reported_once_and_survived)
{
  const Case *c = misuse_cases[_i];

  world_create();
  (void)mps_lib_assert_fail_install(report_take);
  case_run(c);
  ck_assert_msg(report_count == 1, "%s: %u reports: %s", c->name, report_count,
                report_text);
  ck_assert_msg(case_is_named(c, report_text), "%s: no %s and %s in: %s",
                c->name, c->function, c->argument, report_text);
  world_check();
  ck_assert_msg(report_count == 1, "%s: afterwards: %s", c->name, report_text);
}
END_TEST

static jmp_buf misuse_left;

static inline void misuse_leave(const char *file, unsigned line,
                                const char *condition)
{
  report_take(file, line, condition);
  longjmp(misuse_left, 1);
}

/* COVERS(".api.req.misuse"), COVERS(".api.misuse.jump"),
 * COVERS(".base.report") */
START_TEST(misuse_may_be_left_by_a_jump)
{
  const Case *c = misuse_cases[_i];

  world_create();
  (void)mps_lib_assert_fail_install(misuse_leave);
  if (setjmp(misuse_left) == 0) {
    case_run(c);
    ck_abort_msg("%s: no report", c->name);
  }
  ck_assert_msg(case_is_named(c, report_text), "%s: no %s and %s in: %s",
                c->name, c->function, c->argument, report_text);
  (void)mps_lib_assert_fail_install(report_take);
  ck_assert_msg(!mps_arena_busy(ARENA), "%s: %s", c->name, report_text);
  MUST(mps_arena_collect(ARENA));
  ck_assert_msg(report_count == 1, "%s: afterwards: %s", c->name, report_text);
}
END_TEST

/* Run a case in a process with the default handler, and return how that
 * ended, and what it printed. */
static inline int case_die(const Case *c, char *text, size_t size)
{
  const struct rlimit no_core = {0, 0};
  size_t length = 0;
  int ends[2], status;
  ssize_t got;
  pid_t child;

  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_ge(child = fork(), 0);
  if (child == 0) {
    (void)dup2(ends[1], STDERR_FILENO);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    case_run(c);
    _exit(0);
  }
  (void)close(ends[1]);
  while ((got = read(ends[0], text + length, size - 1 - length)) > 0)
    length += (size_t)got;
  text[length] = '\0';
  (void)close(ends[0]);
  ck_assert(waitpid(child, &status, 0) == child);
  return status;
}

/* COVERS(".api.req.misuse") */
START_TEST(misuse_ends_in_one_line_and_an_abort)
{
  const Case *c = misuse_cases[_i];
  char text[1024];
  int status;

  world_create();
  ck_assert(mps_lib_assert_fail_install(report_take) != NULL);
  ck_assert(mps_lib_assert_fail_install(NULL) == report_take);
  status = case_die(c, text, sizeof text);
  ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
                "%s: status %d: %s", c->name, status, text);
  ck_assert_msg(strchr(text, '\n') == text + strlen(text) - 1
                    && case_is_named(c, text),
                "%s: %s", c->name, text);
}
END_TEST

/* With is_inside the cases call from inside a call-back, which isn't to be
 * left by a jump. */
static inline int misuse_run_some(const char *name, const Case *const *all,
                                  size_t count, int is_inside)
{
  Suite *suite = suite_create(name);
  TCase *tcase = tcase_create("cases");

  unit_seed(name);
  misuse_cases = all;
  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, misuse_is_reported_once_and_survived, 0,
                      (int)count);
  tcase_add_loop_test(tcase, misuse_ends_in_one_line_and_an_abort, 0,
                      (int)count);
  if (!is_inside)
    tcase_add_loop_test(tcase, misuse_may_be_left_by_a_jump, 0, (int)count);
  suite_add_tcase(suite, tcase);
  return unit_run(suite);
}

static inline int misuse_run(const char *name, const Case *const *all,
                             size_t count)
{
  return misuse_run_some(name, all, count, 0);
}

#endif /* MISUSE_H */
