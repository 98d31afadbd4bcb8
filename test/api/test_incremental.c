/* test_incremental.c -- the client runs while a collection goes on
 *
 * With a pause time of zero each stop does as little as it can, so that a
 * trace of a few megabytes is cut into many.  Messages say when it starts
 * and ends.
 */

#include "client.h"
#include "mostly.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  LISTS = 64,
  LENGTH = 500, /* of each list */
  NODE = 64     /* bytes */
};

static mps_addr_t heads[LISTS];
static mps_thr_t thread;
static mps_root_t table;
static Client client;
static mps_arena_extended_t extending; /* or null */

static Word serial_of(size_t list, size_t i)
{
  return list * 100000 + i;
}

/* A new node in front of a list. */
static void push(size_t list, size_t i)
{
  mps_addr_t node = client_make(&client, NODE, serial_of(list, i));

  *block_slot(node, 0, 0) = heads[list];
  heads[list] = node;
}

static void check_list(size_t list, size_t length)
{
  mps_addr_t node = heads[list];

  for (size_t i = length; i-- > 0;) {
    EXPECT(node != NULL && block_is_intact(node, 0, serial_of(list, i)));
    node = *block_slot(node, 0, 0);
  }
  EXPECT(node == NULL);
}

static void check_all(size_t length)
{
  for (size_t list = 0; list < LISTS; ++list)
    check_list(list, length);
}

static void begin(double pause)
{
  mps_arena_t arena = NULL;

  MPS_ARGS_BEGIN(args)
  {
    if (extending != NULL) {
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, 4 * MB);
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_EXTENDED, (mps_fun_t)extending);
    }
    MUST(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  }
  MPS_ARGS_END(args);
  mps_arena_pause_time_set(arena, pause);
  mps_arena_clamp(arena);
  MUST(mps_thread_reg(&thread, arena));
  client = client_create_in(arena, &(Options){0});
  memset(heads, 0, sizeof heads);
  table = root_table(arena, mps_rank_exact(), heads, LISTS);
  for (size_t i = 0; i < LENGTH; ++i)
    for (size_t list = 0; list < LISTS; ++list)
      push(list, i);
  mps_message_type_enable(arena, mps_message_type_gc_start());
  mps_message_type_enable(arena, mps_message_type_gc());
}

static void end(void)
{
  mps_root_destroy(table);
  mps_thread_dereg(thread);
  client_destroy(&client);
}

static bool has_message(mps_message_type_t type)
{
  mps_message_t message;

  if (!mps_message_get(&message, client.arena, type))
    return false;
  mps_message_discard(client.arena, message);
  return true;
}

/* Start a collection that doesn't end. */
static void start(void)
{
  MUST(mps_arena_start_collect(client.arena));
  EXPECT(has_message(mps_message_type_gc_start()));
  EXPECT(!has_message(mps_message_type_gc()));
}

static bool has_ended(void)
{
  return has_message(mps_message_type_gc());
}

/* Garbage, in so many calls. */
static void allocate(size_t count)
{
  for (size_t i = 0; i < count; ++i)
    (void)client_make(&client, 2048, 1);
}

/* Is there a means to hide objects?  None where nothing is watched. */
static bool is_cut(void)
{
  const char *means = getenv("MOSTLY_BARRIER");

  return means == NULL || strcmp(means, "none") != 0;
}


/* .trace.stops .overview .poll.pace: between start and end the client
 * allocates and sees whole objects, and allocating ends the trace. */
START_TEST(test_progress)
{
  size_t turns = 0;

  begin(0.0);
  start();
  while (!has_ended()) {
    check_list(turns % LISTS, LENGTH);
    allocate(8);
    EXPECT(++turns < 100000);
  }
  ck_assert_uint_gt(turns, 10);
  check_all(LENGTH);
  end();
}
END_TEST

/* .trace.inv.black: the client turns the lists round while they are half
 * scanned. */
START_TEST(test_mutate)
{
  begin(0.0);
  start();
  for (size_t turn = 0; turn < 4 * LISTS; ++turn) {
    size_t list = turn * 7 % LISTS;
    mps_addr_t node = heads[list];
    mps_addr_t turned = NULL;

    while (node != NULL) {
      mps_addr_t next = *block_slot(node, 0, 0);

      *block_slot(node, 0, 0) = turned;
      turned = node;
      node = next;
    }
    heads[list] = turned;
    allocate(4);
  }
  /* Each was turned four times, so it is as it was. */
  check_all(LENGTH);
  MUST(mps_arena_collect(client.arena));
  check_all(LENGTH);
  end();
}
END_TEST

/* A list grows in front while the rest is being collected, and after the
 * next collection everything is there. */
START_TEST(test_grow)
{
  begin(0.0);
  start();
  for (size_t i = LENGTH; i < LENGTH + 50; ++i)
    for (size_t list = 0; list < LISTS; ++list)
      push(list, i);
  check_all(LENGTH + 50);
  MUST(mps_arena_collect(client.arena));
  MUST(mps_arena_collect(client.arena));
  check_all(LENGTH + 50);
  end();
}
END_TEST

/* .poll.step: steps without time end it, and then there is nothing to do;
 * a clamped arena stays clamped. */
START_TEST(test_step)
{
  size_t steps = 0;

  begin(0.0);
  start();
  mps_arena_clamp(client.arena);
  while (mps_arena_step(client.arena, 0.0, 0.0))
    EXPECT(++steps < 100000);
  ck_assert_uint_gt(steps, 10);
  EXPECT(has_ended());
  check_all(LENGTH);
  end();
}
END_TEST

/* .poll.states: a clamped arena's trace rests, though the client may look
 * at everything; released, it goes on. */
START_TEST(test_clamp)
{
  begin(0.0);
  start();
  mps_arena_clamp(client.arena);
  allocate(2000);
  EXPECT(!has_ended());
  check_all(LENGTH);
  allocate(2000);
  EXPECT(!has_ended());
  mps_arena_release(client.arena);
  allocate(20000);
  EXPECT(has_ended());
  check_all(LENGTH);
  end();
}
END_TEST

/* .poll.finish: what ends a trace at once. */
static void visit_nothing(mps_addr_t object, mps_fmt_t fmt, mps_pool_t pool,
                          void *p, size_t s)
{
  ++*(size_t *)p;
}

START_TEST(test_finish)
{
  mps_addr_t object;
  size_t count = 0;

  begin(0.0);
  start();
  switch (_i) {
  case 0:
    mps_arena_park(client.arena);
    break;
  case 1:
    mps_arena_formatted_objects_walk(client.arena, visit_nothing, &count, 0);
    EXPECT(count >= (size_t)LISTS * LENGTH);
    break;
  case 2:
    MUST(mps_addr_object(&object, client.arena, (char *)heads[5] + 8));
    ck_assert_ptr_eq(object, heads[5]);
    break;
  default:
    MUST(mps_arena_collect(client.arena));
    EXPECT(has_ended());
  }
  EXPECT(has_ended());
  check_all(LENGTH);
  end();
}
END_TEST

/* .finish.forward: a pool, its allocation point and its root go in the middle
 * of a trace, with a ramp open and an object pinned; another pool stays. */
START_TEST(test_destroy)
{
  Client other;
  mps_addr_t kept[2];
  mps_root_t root;
  mps_root_t pins;

  begin(0.0);
  other = client_create_in(client.arena, &(Options){.gens = 2});
  memset(kept, 0, sizeof kept);
  root = root_table(client.arena, mps_rank_exact(), kept, 1);
  pins = root_table(client.arena, mps_rank_ambig(), kept + 1, 1);
  MUST(mps_ap_alloc_pattern_begin(other.ap, mps_alloc_pattern_ramp()));
  for (Word i = 0; i < 20000; ++i) {
    mps_addr_t node = client_make(&other, NODE, i);

    *block_slot(node, 0, 0) = kept[0];
    kept[0] = node;
    kept[1] = i == 10000 ? node : kept[1];
  }
  start();
  mps_root_destroy(root);
  mps_root_destroy(pins);
  mps_ap_destroy(other.ap);
  mps_pool_destroy(other.pool);
  mps_fmt_destroy(other.fmt);
  mps_chain_destroy(other.chain);
  EXPECT(has_ended());
  check_all(LENGTH);
  MUST(mps_arena_collect(client.arena));
  check_all(LENGTH);
  end();
}
END_TEST

/* .barrier.fork .plat.fork: parent and child go on, each by itself. */
START_TEST(test_fork)
{
  int status;
  pid_t child;

  begin(0.0);
  start();
  check_list(3, LENGTH);
  child = fork();
  EXPECT(child >= 0);
  if (child == 0) {
    for (size_t i = LENGTH; i < LENGTH + 20; ++i)
      for (size_t list = 0; list < LISTS; ++list)
        push(list, i);
    check_all(LENGTH + 20);
    for (int i = 0; i < 3; ++i)
      (void)mps_arena_collect(client.arena);
    check_all(LENGTH + 20);
    _exit(0);
  }
  check_all(LENGTH);
  allocate(20000);
  EXPECT(has_ended());
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  check_all(LENGTH);
  end();
}
END_TEST

/* .plat.fault.stack .plat.fault.relax: hits on a small signal stack. */
START_TEST(test_signal_stack)
{
  static char memory[16 * 1024];
  stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};

  ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
  begin(0.0);
  start();
  check_all(LENGTH);
  allocate(20000);
  EXPECT(has_ended());
  check_all(LENGTH);
  end();
  stack.ss_flags = SS_DISABLE;
  ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
}
END_TEST

/* .arena.signals: a handler that looks at objects, at any moment, sees whole
 * ones. */
static volatile sig_atomic_t handled;

static void look(int number)
{
  size_t list = (size_t)handled % LISTS;
  mps_addr_t node = heads[list];

  for (size_t i = 0; i < 20; ++i) {
    if (!block_is_intact(node, 0, serial_of(list, LENGTH - 1 - i)))
      abort();
    node = *block_slot(node, 0, 0);
  }
  ++handled;
}

START_TEST(test_handler)
{
  struct sigaction action = {.sa_handler = look, .sa_flags = SA_RESTART};
  struct itimerval every = {{0, 300}, {0, 300}};
  struct itimerval never = {{0, 0}, {0, 0}};

  begin(0.0);
  handled = 0;
  ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
  ck_assert_int_eq(setitimer(ITIMER_REAL, &every, NULL), 0);
  for (int i = 0; i < 8; ++i) {
    start();
    for (size_t n = 0; !has_ended(); ++n) {
      allocate(4);
      EXPECT(n < 100000);
    }
  }
  for (int i = 0; i < 20; ++i)
    MUST(mps_arena_collect(client.arena));
  ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
  ck_assert_int_gt(handled, 10);
  check_all(LENGTH);
  end();
}
END_TEST

/* .arena.signals: a trace begins in the middle of a call, which then takes
 * memory for the client.  What signals come then wait for the call's end, as
 * their handlers may be refused a look. */
static size_t extended_in_trace;
static size_t flips_before;

static void extend(mps_arena_t arena, void *base, size_t size)
{
  if (flips_before != 0 && mps_collections(arena) != flips_before) {
    ++extended_in_trace;
    (void)raise(SIGUSR1);
    EXPECT(mps_arena_busy(arena));
    EXPECT(handled == 0);
  }
}

static void look_later(int number)
{
  handled = 1;
  EXPECT(!mps_arena_busy(client.arena));
  check_list(1, LENGTH);
}

START_TEST(test_start_in_call)
{
  struct sigaction action = {.sa_handler = look_later};

  extending = extend;
  begin(0.0);
  ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
  MUST(mps_arena_collect(client.arena));
  extended_in_trace = 0;
  for (size_t size = 16 * MB; size <= 512 * MB; size *= 2) {
    Word *block;
    mps_addr_t p;

    mps_arena_release(client.arena);
    handled = 0;
    flips_before = mps_collections(client.arena);
    MUST(mps_reserve(&p, client.ap, size));
    block = p;
    block[0] = block_info(size, KIND_LEAF);
    block[1] = 1;
    (void)mps_commit(client.ap, p, size);
  }
  flips_before = 0;
  ck_assert_uint_gt(extended_in_trace, 0);
  check_all(LENGTH);
  end();
  extending = NULL;
}
END_TEST

/* Threads that read and turn their own lists, and each other's heads, while
 * the main thread keeps collections going. */
static _Atomic bool is_over;

static void *mutate(void *closure)
{
  size_t first = *(const size_t *)closure;
  mps_thr_t self;
  mps_root_t stack;

  MUST(mps_thread_reg(&self, client.arena));
  MUST(mps_root_create_thread(&stack, client.arena, self, (void *)&closure));
  for (size_t turn = 0; !is_over; ++turn) {
    check_list(turn * 5 % LISTS, LENGTH);
    check_list(first, LENGTH);
  }
  mps_root_destroy(stack);
  mps_thread_dereg(self);
  return NULL;
}

START_TEST(test_threads)
{
  pthread_t threads[3];
  size_t first[3] = {1, 2, 3};

  begin(0.0);
  mps_arena_release(client.arena);
  is_over = false;
  for (size_t i = 0; i < NELEMS(threads); ++i)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, mutate, &first[i]), 0);
  for (int i = 0; i < 5; ++i) {
    MUST(mps_arena_start_collect(client.arena));
    for (size_t n = 0; !has_ended(); ++n) {
      allocate(20);
      EXPECT(n < 100000);
    }
    while (has_message(mps_message_type_gc_start()))
      continue;
  }
  is_over = true;
  for (size_t i = 0; i < NELEMS(threads); ++i)
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  check_all(LENGTH);
  end();
}
END_TEST

/* .trace.deadline: without a pause time, hardly a call scans more than a few
 * segments, whatever is left to do.  It's counted, not timed; some calls
 * scan everything, only to check it, in the harsh variety. */
START_TEST(test_bounded)
{
  size_t calls = 0;
  size_t long_calls = 0;

  begin(0.0);
  start();
  while (!has_ended()) {
    size_t scanned = 0;

    log_start();
    allocate(1);
    log_on = 0;
    for (size_t i = 0; i < log_length; ++i)
      if (log_calls[i].method == CALL_SCAN)
        scanned += log_calls[i].size;
    ++calls;
    long_calls += scanned > 3 * 32 * KB;
  }
  ck_assert_uint_gt(calls, 100);
  ck_assert_uint_le(long_calls, 10);
  end();
}
END_TEST

/* .barrier.leaf .plat.track: a system call writes into an old object; and
 * what it wrote there is known. */
static size_t read_into(mps_addr_t object, mps_addr_t value)
{
  int ends[2];
  ssize_t got;

  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_eq(write(ends[1], &value, sizeof value), sizeof value);
  got = read(ends[0], block_slot(object, 0, 0), sizeof value);
  close(ends[0]);
  close(ends[1]);
  return got < 0 ? 0 : (size_t)got;
}

START_TEST(test_system_call)
{
  Client leaves;
  mps_addr_t kept[2];
  mps_root_t root;

  begin(1000.0);
  leaves = client_create_in(client.arena, &(Options){.is_leaf = 1});
  kept[0] = client_make(&leaves, NODE, 7);
  kept[1] = client_make(&client, NODE, 8);
  root = root_table(client.arena, mps_rank_exact(), kept, 2);
  for (int i = 0; i < 4; ++i)
    MUST(mps_arena_collect(client.arena));
  ck_assert_uint_eq(read_into(kept[0], NULL), sizeof(mps_addr_t));
  if (strcmp(mostly_arena_barrier(client.arena), "protect") != 0) {
    mps_addr_t young = client_make(&client, NODE, 9);

    ck_assert_uint_eq(read_into(kept[1], young), sizeof young);
    mps_arena_clamp(client.arena);
    /* Only the old object refers to the young one. */
    for (int i = 0; i < 3; ++i) {
      allocate(6000);
      (void)mps_arena_step(client.arena, 1000.0, 0.0);
      EXPECT(block_is_intact(*block_slot(kept[1], 0, 0), 0, 9));
    }
  }
  mps_root_destroy(root);
  client_leave(&leaves);
  end();
}
END_TEST

/* .trace.whole: a trace that fits is over when it has started. */
START_TEST(test_fits)
{
  begin(1000.0);
  MUST(mps_arena_start_collect(client.arena));
  EXPECT(has_message(mps_message_type_gc_start()));
  EXPECT(has_ended());
  check_all(LENGTH);
  end();
}
END_TEST

/* .ld.white: an address that was added in the middle of a trace doesn't go
 * stale by that trace, and does by the next one that moves it. */
START_TEST(test_dependency)
{
  mps_ld_s ld;
  mps_addr_t node;

  begin(0.0);
  start();
  node = heads[7];
  mps_ld_reset(&ld, client.arena);
  mps_ld_add(&ld, client.arena, node);
  mps_arena_park(client.arena);
  ck_assert_ptr_eq(heads[7], node);
  EXPECT(!mps_ld_isstale(&ld, client.arena, node));
  MUST(mps_arena_collect(client.arena));
  EXPECT(heads[7] == node || mps_ld_isstale(&ld, client.arena, node));
  end();
}
END_TEST

/* A pin taken before the flip holds through it. */
START_TEST(test_pinned)
{
  mps_addr_t pin[1];
  mps_root_t root;

  begin(0.0);
  pin[0] = heads[9];
  root = root_table(client.arena, mps_rank_ambig(), pin, 1);
  start();
  ck_assert_ptr_eq(heads[9], pin[0]);
  check_list(9, LENGTH);
  push(9, LENGTH);
  allocate(20000);
  EXPECT(has_ended());
  check_list(9, LENGTH + 1);
  ck_assert_ptr_eq(*block_slot(heads[9], 0, 0), pin[0]);
  mps_root_destroy(root);
  end();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("incremental");

  unit_add(suite, "system-call", test_system_call);
  unit_add(suite, "fits", test_fits);
  if (is_cut()) {
    TCase *finish = tcase_create("finish");

    unit_add(suite, "progress", test_progress);
    unit_add(suite, "mutate", test_mutate);
    unit_add(suite, "grow", test_grow);
    unit_add(suite, "step", test_step);
    unit_add(suite, "clamp", test_clamp);
    tcase_add_loop_test(finish, test_finish, 0, 4);
    suite_add_tcase(suite, finish);
    unit_add(suite, "destroy", test_destroy);
    unit_add(suite, "fork", test_fork);
    unit_add(suite, "signal-stack", test_signal_stack);
    if (!IS_TSAN) /* handlers come late, in the middle of a call */
      unit_add(suite, "handler", test_handler);
    unit_add(suite, "start in call", test_start_in_call);
    unit_add(suite, "threads", test_threads);
    unit_add(suite, "bounded", test_bounded);
    unit_add(suite, "dependency", test_dependency);
    unit_add(suite, "pinned", test_pinned);
  }
  return unit_run(suite);
}
