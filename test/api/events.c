/* events.c -- clients whose telemetry test_events.py reads
 *
 *   events SCENARIO
 *
 * Nothing refers to a scenario's objects but the two tables: no stack is a
 * root.  Grains are of 4 KiB, so are the first segments of each allocation
 * point.
 *
 * Design: .event.req.kinds, .amc.ret.req.why (design/event.rst,
 * design/amc-ret.rst).
 */

#include "client.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  PINS = 128,
  ROUNDS = 40
};

static mps_addr_t pins[PINS]; /* ambiguous */
static mps_addr_t refs[PINS]; /* exact */
static Client client;
static mps_root_t roots[2];

static void begin(void)
{
  client = client_create(&(Options){0});
  roots[0] = root_table(client.arena, mps_rank_ambig(), pins, PINS);
  roots[1] = root_table(client.arena, mps_rank_exact(), refs, PINS);
  mps_arena_park(client.arena);
}

static void end(void)
{
  mps_root_destroy(roots[0]);
  mps_root_destroy(roots[1]);
  client_destroy(&client);
}

static void collect(void)
{
  MUST(mps_arena_collect(client.arena));
}

/* No buffer is on the segments so far. */
static void let_go(void)
{
  mps_ap_destroy(client.ap);
  MUST(mps_ap_create_k(&client.ap, client.pool, mps_args_none));
}

static char *make(size_t size)
{
  return client_make(&client, size, 1);
}

/* Two objects in one request. */
static char *make_two(size_t first, size_t second)
{
  mps_addr_t p = NULL;

  MUST(mps_reserve(&p, client.ap, first + second));
  block_init(p, first, 0, KIND_OBJ, 1);
  block_init((char *)p + first, second, 0, KIND_OBJ, 2);
  ck_assert(mps_commit(client.ap, p, first + second));
  return p;
}


/* Three. */
static char *make_three(size_t first, size_t second, size_t third)
{
  mps_addr_t p = NULL;
  size_t size = first + second + third;

  MUST(mps_reserve(&p, client.ap, size));
  block_init(p, first, 0, KIND_OBJ, 1);
  block_init((char *)p + first, second, 0, KIND_OBJ, 2);
  block_init((char *)p + first + second, third, 0, KIND_OBJ, 3);
  ck_assert(mps_commit(client.ap, p, size));
  return p;
}


/* The seven reasons */

START_TEST(first)
{
  begin();
  pins[0] = make(64);
  (void)make(64);
  let_go();
  collect();
  end();
}
END_TEST

/* The same, and then twice more. */
START_TEST(repeated)
{
  begin();
  pins[0] = make(64);
  let_go();
  for (int i = 0; i < 3; ++i)
    collect();
  end();
}
END_TEST

START_TEST(rest)
{
  begin();
  (void)make(64);
  pins[0] = make(64);
  let_go();
  collect();
  end();
}
END_TEST

/* What dies just below a buffer becomes a pad, and the last thing in the
 * segment if the buffer lets go without another object.  A reference to it
 * keeps nothing. */
START_TEST(final_pad)
{
  char *dead;

  begin();
  pins[0] = make(64);
  dead = make(64);
  collect();
  let_go();
  pins[0] = dead;
  collect();
  end();
}
END_TEST

/* Nor does one to a pad between objects. */
START_TEST(other_pad)
{
  char *dead;

  begin();
  pins[0] = make(64);
  dead = make(64);
  pins[1] = make(64);
  let_go();
  collect();
  pins[0] = dead;
  pins[1] = NULL;
  collect();
  end();
}
END_TEST

/* After a pad that trimming left, the first object is still the first. */
START_TEST(first_after_pad)
{
  begin();
  (void)make(64);
  pins[0] = make(64);
  let_go();
  collect();
  collect();
  end();
}
END_TEST

/* Padding of a segment that has gone is forgotten. */
START_TEST(pad_then_object)
{
  char *dead;

  begin();
  pins[0] = make(64);
  dead = make(64);
  pins[1] = make(64);
  let_go();
  collect();
  pins[0] = NULL;
  pins[1] = NULL;
  collect();
  for (char *p = make(64); p != dead && p < dead; p = make(64))
    ;
  let_go();
  pins[0] = dead;
  collect();
  end();
}
END_TEST

START_TEST(unaligned)
{
  begin();
  pins[0] = make(64) + 24;
  let_go();
  collect();
  end();
}
END_TEST

START_TEST(unaligned_rest)
{
  begin();
  (void)make(64);
  pins[0] = make(64) + 24;
  let_go();
  collect();
  end();
}
END_TEST

START_TEST(buffered)
{
  begin();
  (void)make(64);
  collect();
  end();
}
END_TEST

START_TEST(emergency)
{
  begin();
  mps_arena_spare_set(client.arena, 0.0);
  refs[0] = make(64);
  let_go();
  MUST(mps_arena_commit_limit_set(client.arena,
                                  mps_arena_committed(client.arena)));
  collect();
  end();
}
END_TEST


/* By size */

START_TEST(medium_first)
{
  begin();
  pins[0] = make(12000);
  let_go();
  collect();
  end();
}
END_TEST

START_TEST(medium_rest)
{
  begin();
  pins[0] = make_two(64, 16320) + 64;
  let_go();
  collect();
  end();
}
END_TEST

/* What is dead between two objects goes; each end is a part for itself. */
START_TEST(medium_split)
{
  begin();
  pins[0] = make_three(64, 12224, 64);
  pins[1] = (char *)pins[0] + 64 + 12224;
  let_go();
  collect();
  end();
}
END_TEST

START_TEST(large_split)
{
  begin();
  pins[0] = make_three(64, 40000, 64) + 8;
  pins[1] = (char *)pins[0] - 8 + 64 + 40000;
  let_go();
  collect();
  end();
}
END_TEST

START_TEST(large_first)
{
  begin();
  pins[0] = make(40000);
  let_go();
  collect();
  end();
}
END_TEST

/* The first one is one grain, and is cut off. */
START_TEST(large_rest)
{
  begin();
  pins[0] = make_two(4096, 36864) + 4096;
  let_go();
  collect();
  end();
}
END_TEST

/* A reference to the padding behind a large object keeps nothing. */
START_TEST(large_pad)
{
  begin();
  pins[0] = make(40000) + 40000;
  let_go();
  collect();
  end();
}
END_TEST

/* One grain stays for each pin. */
static void keep(size_t count)
{
  begin();
  for (size_t i = 0; i < count; ++i) {
    pins[i] = make(64);
    let_go();
  }
  collect();
  end();
}

START_TEST(keep_99)
{
  keep(99);
}
END_TEST

START_TEST(keep_100)
{
  keep(100);
}
END_TEST


/* Labels, and everything else that is told of */

START_TEST(labels)
{
  static char longest[257];
  mps_label_t label = mps_telemetry_intern("before any arena");

  mps_telemetry_label(&client, label);
  begin();
  memset(longest, 'x', sizeof longest - 1);
  (void)mps_telemetry_intern(longest);
  end();
}
END_TEST

/* Labels that nobody asked for, and then some. */
START_TEST(set_and_reset)
{
  (void)mps_telemetry_intern("one");
  mps_telemetry_set(64);
  (void)mps_telemetry_intern("two");
  mps_telemetry_reset(64);
  (void)mps_telemetry_intern("three");
  mps_telemetry_set(64);
  (void)mps_telemetry_intern("four");
}
END_TEST

/* Old objects that are watched, and one of them written to. */
static void write_to_old(void)
{
  for (int i = 0; i < PINS; ++i)
    refs[i] = make(4096);
  let_go();
  for (int i = 0; i < 8; ++i)
    collect();
  *block_slot(refs[0], 0, 0) = refs[1];
  collect();
}

/* Memory comes and goes; a request is refused. */
static void take_memory(void)
{
  mps_addr_t p = NULL;
  size_t limit = mps_arena_committed(client.arena) + 8 * MB;

  MUST(mps_arena_commit_limit_set(client.arena, limit));
  ck_assert_int_ne(mps_reserve(&p, client.ap, 64 * MB), MPS_RES_OK);
  MUST(mps_arena_commit_limit_set(client.arena, 2048 * MB));
  (void)make(400 * MB);
  let_go();
  memset(refs, 0, sizeof refs);
  collect();
  mps_arena_spare_set(client.arena, 0.0);
}

START_TEST(everything)
{
  mps_telemetry_label(&client, mps_telemetry_intern("everything"));
  begin();
  mps_message_type_enable(client.arena, mps_message_type_gc());
  write_to_old();
  pins[0] = make(64);
  collect();
  take_memory();
  mps_arena_release(client.arena);
  for (int i = 0; i < 8000; ++i) {
    refs[i % PINS] = make(16384);
    pins[0] = refs[0];
  }
  mps_arena_park(client.arena);
  memset(pins, 0, sizeof pins);
  client_leave(&client);
  client.chain = client_chain(client.arena, 2, 100);
  mps_chain_destroy(client.chain);
  mps_root_destroy(roots[0]);
  mps_root_destroy(roots[1]);
  mps_arena_destroy(client.arena);
}
END_TEST


/* Ends of many kinds */

START_TEST(killed)
{
  begin();
  for (int i = 0; i < ROUNDS; ++i) {
    pins[0] = make(64);
    collect();
  }
  (void)mps_telemetry_intern("the last flush");
  mps_telemetry_flush();
  pins[0] = make(64);
  collect();
  (void)raise(SIGKILL);
}
END_TEST

/* Without a flush, and with the arena there still. */
START_TEST(left)
{
  begin();
  (void)make(64);
  collect();
}
END_TEST

START_TEST(forked)
{
  pid_t child;
  int status = 1;

  begin();
  (void)make(64);
  collect();
  child = fork();
  ck_assert_int_ge(child, 0);
  (void)make(64);
  collect();
  collect();
  if (child == 0) {
    mps_telemetry_flush();
    _exit(0);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  end();
}
END_TEST


/* Threads: each collects in an arena of its own, in which the others are
 * registered, and is so stopped anywhere, also while it tells. */

enum {
  THREADS = 3,
  COLLECTIONS = 50
};

static mps_arena_t arenas[THREADS];
static pthread_barrier_t all_here;

static void *collect_much(void *p)
{
  size_t me = *(const size_t *)p;
  mps_thr_t threads[THREADS];

  for (size_t i = 0; i < THREADS; ++i)
    MUST(mps_thread_reg(&threads[i], arenas[i]));
  Client mine = client_create_in(arenas[me], &(Options){0});

  (void)pthread_barrier_wait(&all_here);
  for (int i = 0; i < COLLECTIONS; ++i) {
    (void)client_make(&mine, 64, 1);
    MUST(mps_arena_collect(arenas[me]));
    mps_telemetry_label(&mine, me + 1);
    mps_telemetry_flush();
  }
  (void)pthread_barrier_wait(&all_here);
  client_leave(&mine);
  for (size_t i = 0; i < THREADS; ++i)
    mps_thread_dereg(threads[i]);
  return NULL;
}

START_TEST(threads)
{
  pthread_t ids[THREADS];
  static size_t numbers[THREADS];

  (void)pthread_barrier_init(&all_here, NULL, THREADS);
  for (size_t i = 0; i < THREADS; ++i)
    arenas[i] = client_arena();
  for (size_t i = 0; i < THREADS; ++i) {
    numbers[i] = i;
    ck_assert_int_eq(pthread_create(&ids[i], NULL, collect_much, &numbers[i]),
                     0);
  }
  for (size_t i = 0; i < THREADS; ++i)
    (void)pthread_join(ids[i], NULL);
  for (size_t i = 0; i < THREADS; ++i)
    mps_arena_destroy(arenas[i]);
}
END_TEST

/* A thread that does nothing but tell is nearly always stopped in the middle
 * of it; the collector then tells while it is. */

static volatile sig_atomic_t is_over;

static void *label_much(void *p)
{
  mps_thr_t thread;
  mps_label_t count = 0;

  MUST(mps_thread_reg(&thread, client.arena));
  (void)pthread_barrier_wait(&all_here);
  while (!is_over)
    mps_telemetry_label(&client, ++count);
  mps_thread_dereg(thread);
  return NULL;
}

static void see_root(mps_addr_t *ref, mps_root_t root, void *p, size_t s)
{
}

START_TEST(labeller)
{
  pthread_t id;

  begin();
  (void)pthread_barrier_init(&all_here, NULL, 2);
  ck_assert_int_eq(pthread_create(&id, NULL, label_much, NULL), 0);
  (void)pthread_barrier_wait(&all_here);
  /* A walk tells of nothing before it stops: the thread isn't waiting. */
  for (int i = 0; i < COLLECTIONS; ++i) {
    mps_arena_roots_walk(client.arena, see_root, NULL, 0);
    (void)usleep(200);
  }
  is_over = 1;
  (void)pthread_join(id, NULL);
  end();
}
END_TEST

#define SCENARIO(name) \
  { \
#name, name \
  }

int main(int argc, char **argv)
{
  const struct {
    const char *name;
    const TTest *test;
  } scenarios[] = {
      SCENARIO(first),
      SCENARIO(repeated),
      SCENARIO(rest),
      SCENARIO(final_pad),
      SCENARIO(other_pad),
      SCENARIO(first_after_pad),
      SCENARIO(pad_then_object),
      SCENARIO(unaligned),
      SCENARIO(unaligned_rest),
      SCENARIO(buffered),
      SCENARIO(emergency),
      SCENARIO(medium_first),
      SCENARIO(medium_rest),
      SCENARIO(medium_split),
      SCENARIO(large_split),
      SCENARIO(large_first),
      SCENARIO(large_rest),
      SCENARIO(large_pad),
      SCENARIO(keep_99),
      SCENARIO(keep_100),
      SCENARIO(labels),
      SCENARIO(set_and_reset),
      SCENARIO(everything),
      SCENARIO(killed),
      SCENARIO(left),
      SCENARIO(forked),
      SCENARIO(threads),
      SCENARIO(labeller),
  };
  Suite *suite = suite_create("events");

  for (size_t i = 0; i < NELEMS(scenarios); ++i)
    if (argc == 2 && strcmp(argv[1], scenarios[i].name) == 0) {
      unit_add(suite, scenarios[i].name, scenarios[i].test);
      return unit_run(suite);
    }
  (void)fprintf(stderr, "events: there is no such scenario\n");
  return 2;
}
