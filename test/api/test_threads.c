/* test_threads.c -- threads, signals and processes
 *
 * Threads that register, build, check and exit while others collect; a
 * thread that is registered twice; system calls that are waiting while the
 * collector stops their thread; and processes that fork.
 */

#include "client.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static Client shared;
static _Atomic int is_over;

/* A tree of two references a node; its nodes are on the stack and in the
 * trees alone. */
enum {
  NODE = 4 * WORD,
  DEPTH = 7
};

static mps_addr_t make_node(mps_ap_t ap, mps_addr_t left, mps_addr_t right,
                            Word serial)
{
  mps_addr_t block;

  do {
    MUST(mps_reserve(&block, ap, NODE));
    block_init(block, NODE, 0, KIND_OBJ, serial);
    *block_slot(block, 0, 0) = left;
    *block_slot(block, 0, 1) = right;
  } while (!mps_commit(ap, block, NODE));
  return block;
}

static mps_addr_t make_tree(mps_ap_t ap, int depth, Word serial)
{
  mps_addr_t left = NULL, right = NULL;

  if (depth > 0) {
    left = make_tree(ap, depth - 1, 2 * serial);
    right = make_tree(ap, depth - 1, 2 * serial + 1);
  }
  return make_node(ap, left, right, serial);
}

static void check_tree(mps_addr_t tree, int depth, Word serial)
{
  EXPECT(block_is_intact(tree, 0, serial));
  if (depth > 0) {
    check_tree(*block_slot(tree, 0, 0), depth - 1, 2 * serial);
    check_tree(*block_slot(tree, 0, 1), depth - 1, 2 * serial + 1);
  }
}

/* Not inlined: its variables must be on the hot side of its caller's. */
__attribute__((noinline)) static void build(mps_ap_t ap, size_t rounds)
{
  mps_addr_t old = make_tree(ap, DEPTH, 1);

  for (size_t i = 0; i < rounds; ++i) {
    mps_addr_t tree = make_tree(ap, DEPTH, 1);

    check_tree(old, DEPTH, 1);
    check_tree(tree, DEPTH, 1);
    if (i % 4 == 0)
      old = tree;
  }
}

static void *build_trees(void *rounds)
{
  mps_thr_t thread, again;
  mps_root_t root;
  mps_ap_t ap;
  void *cold = &cold;

  MUST(mps_thread_reg(&thread, shared.arena));
  MUST(mps_thread_reg(&again, shared.arena)); /* twice, as it may */
  MUST(mps_root_create_thread(&root, shared.arena, thread, cold));
  MUST(mps_ap_create_k(&ap, shared.pool, mps_args_none));
  build(ap, *(size_t *)rounds);
  mps_ap_destroy(ap);
  mps_thread_dereg(again);
  mps_root_destroy(root);
  mps_thread_dereg(thread);
  return NULL;
}

/* E1, E10: reserve and commit lose nothing when flips come at any time. */
START_TEST(threads_build_while_others_collect)
{
  Options options = {.gens = 2, .capacity = 200};
  size_t rounds = 200;
  pthread_t threads[8];

  shared = client_create(&options);
  for (size_t i = 0; i < NELEMS(threads); ++i)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, build_trees, &rounds),
                     0);
  for (size_t i = 0; i < NELEMS(threads); ++i)
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  ck_assert_uint_gt(mps_collections(shared.arena), 10);
  client_destroy(&shared);
}
END_TEST

/* The same with references that nothing pins: a flip between their loading
 * and the commit makes them stale, and so the commit must fail. */

enum {
  TABLE = 16
};

typedef struct Hand {
  mps_addr_t exact[TABLE];
  mps_addr_t volatile fresh; /* ambiguous */
  unsigned long refused;
} Hand;

static Hand hands[4];

static void link_once(Hand *hand, mps_ap_t ap, Word n)
{
  size_t to = (size_t)(n * 7 % TABLE), at = (size_t)(n % TABLE);
  mps_addr_t block;

  for (;;) {
    MUST(mps_reserve(&block, ap, NODE));
    block_init(block, NODE, 0, KIND_OBJ, at);
    hand->fresh = block;
    *block_slot(block, 0, 0) = hand->exact[to];
    if (n % 16 == 0)
      (void)sched_yield();
    if (mps_commit(ap, block, NODE))
      break;
    ++hand->refused;
  }
  hand->exact[at] = hand->fresh;
}

static void *link_nodes(void *arg)
{
  Hand *hand = arg;
  mps_thr_t thread;
  mps_root_t exact, ambig;
  mps_ap_t ap;

  MUST(mps_thread_reg(&thread, shared.arena));
  MUST(mps_ap_create_k(&ap, shared.pool, mps_args_none));
  exact = root_table(shared.arena, mps_rank_exact(), hand->exact, TABLE);
  ambig = root_table(shared.arena, mps_rank_ambig(),
                     (mps_addr_t *)(uintptr_t)&hand->fresh, 1);
  for (Word n = 0; !is_over; ++n) {
    if (n % 1000 == 0) /* chains end sometimes, or all would live */
      memset(hand->exact, 0, sizeof hand->exact);
    link_once(hand, ap, n);
  }
  mps_ap_destroy(ap);
  mps_root_destroy(exact);
  mps_root_destroy(ambig);
  mps_thread_dereg(thread);
  return NULL;
}

static void check_node(mps_addr_t object, mps_fmt_t fmt, mps_pool_t pool,
                       void *p, size_t s)
{
  mps_addr_t to;

  if (block_kind(object) != KIND_OBJ)
    return;
  EXPECT(block_size(object) == NODE);
  to = *block_slot(object, 0, 0);
  EXPECT(to == NULL || (block_kind(to) == KIND_OBJ && block_size(to) == NODE));
}

START_TEST(commits_of_stale_references_fail)
{
  Options options = {.gens = 2, .capacity = 100};
  pthread_t threads[NELEMS(hands)];
  unsigned long refused = 0;

  shared = client_create(&options);
  for (size_t i = 0; i < NELEMS(threads); ++i)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, link_nodes, &hands[i]),
                     0);
  for (int n = 0; n < 1000; ++n) {
    MUST(mps_arena_collect(shared.arena));
    mps_arena_formatted_objects_walk(shared.arena, check_node, NULL, 0);
  }
  is_over = 1;
  for (size_t i = 0; i < NELEMS(threads); ++i) {
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    refused += hands[i].refused;
  }
  (void)printf("%lu commits were refused\n", refused);
  client_destroy(&shared);
}
END_TEST

START_TEST(threads_come_and_go)
{
  Options options = {.gens = 1, .capacity = 100};
  size_t rounds = 3;

  shared = client_create(&options);
  for (int n = 0; n < 60; ++n) {
    pthread_t threads[4];

    for (size_t i = 0; i < NELEMS(threads); ++i)
      ck_assert_int_eq(pthread_create(&threads[i], NULL, build_trees, &rounds),
                       0);
    (void)mps_arena_collect(shared.arena);
    mps_arena_release(shared.arena);
    for (size_t i = 0; i < NELEMS(threads); ++i)
      ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  }
  client_destroy(&shared);
}
END_TEST


/* Signals */

static int pipe_ends[2];
static sem_t semaphore;

static void *block_and_watch(void *how)
{
  mps_thr_t thread;
  char byte;

  MUST(mps_thread_reg(&thread, shared.arena));
  errno = 4242;
  for (int i = 0; !is_over; ++i) {
    switch (*(int *)how) {
    case 0:
      EXPECT(read(pipe_ends[0], &byte, 1) == 1);
      break;
    case 1:
      EXPECT(sem_wait(&semaphore) == 0);
      break;
    default: /* no system call at all */
      break;
    }
    EXPECT(errno == 4242);
  }
  mps_thread_dereg(thread);
  return NULL;
}

/* errno stays, and calls that wait aren't interrupted. */
START_TEST(stopping_a_thread_is_not_seen_by_it)
{
  Options options = {.gens = 1, .capacity = 100};
  pthread_t thread;
  int how = _i;

  shared = client_create(&options);
  ck_assert_int_eq(pipe(pipe_ends), 0);
  (void)sem_init(&semaphore, 0, 0);
  ck_assert_int_eq(pthread_create(&thread, NULL, block_and_watch, &how), 0);
  for (int i = 0; i < 300; ++i) {
    (void)client_make(&shared, 64, 1);
    MUST(mps_arena_collect(shared.arena));
    if (i % 10 == 0) {
      ck_assert_int_eq(write(pipe_ends[1], "x", 1), 1);
      (void)sem_post(&semaphore);
    }
  }
  is_over = 1;
  ck_assert_int_eq(write(pipe_ends[1], "x", 1), 1);
  (void)sem_post(&semaphore);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  client_destroy(&shared);
}
END_TEST

START_TEST(entry_points_leave_errno_alone)
{
  Options options = {.gens = 2, .capacity = 100};

  shared = client_create(&options);
  errno = 77;
  for (Word i = 0; i < 100000; ++i)
    (void)client_make(&shared, 64, i);
  MUST(mps_arena_collect(shared.arena));
  mps_arena_release(shared.arena);
  ck_assert_int_eq(errno, 77);
  client_destroy(&shared);
}
END_TEST


/* Processes */

static mps_addr_t trees[4];

/* Collect minor and major; write to old objects; check all. */
__attribute__((noinline)) static void go_on(void)
{
  for (int i = 0; i < 200; ++i) {
    mps_addr_t young = make_tree(shared.ap, 3, 1);
    size_t at = (size_t)i % NELEMS(trees);

    /* The old object is protected perhaps: this is a barrier hit. */
    *block_slot(trees[at], 0, 0) = young;
    if (i % 50 == 0)
      MUST(mps_arena_collect(shared.arena));
    mps_arena_release(shared.arena);
    for (int n = 0; n < 20; ++n)
      (void)make_tree(shared.ap, 4, 1);
    check_tree(*block_slot(trees[at], 0, 0), 3, 1);
  }
}

START_TEST(both_sides_of_a_fork_go_on)
{
  Options options = {.gens = 2, .capacity = 50};
  int is_threaded = _i;
  pthread_t other;
  size_t rounds = 200;
  mps_thr_t thread;
  mps_root_t stack;
  void *cold = __builtin_frame_address(0);

  shared = client_create(&options);
  mps_arena_pause_time_set(shared.arena, 0.0);
  MUST(mps_thread_reg(&thread, shared.arena));
  MUST(mps_root_create_thread(&stack, shared.arena, thread, cold));
  mps_root_t root
      = root_table(shared.arena, mps_rank_exact(), trees, NELEMS(trees));
  for (size_t i = 0; i < NELEMS(trees); ++i)
    trees[i] = make_tree(shared.ap, 3, 1);
  MUST(mps_arena_collect(shared.arena));
  MUST(mps_arena_collect(shared.arena));
  mps_arena_release(shared.arena);
  if (is_threaded)
    ck_assert_int_eq(pthread_create(&other, NULL, build_trees, &rounds), 0);
  for (int n = 0; n < 5; ++n) {
    pid_t child = fork();
    int status = 0;

    ck_assert_int_ge(child, 0);
    go_on();
    if (child == 0) {
      if (!is_threaded) {
        mps_root_destroy(root);
        mps_root_destroy(stack);
        mps_thread_dereg(thread);
        client_destroy(&shared);
      }
      _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
  }
  if (is_threaded)
    ck_assert_int_eq(pthread_join(other, NULL), 0);
  mps_root_destroy(root);
  mps_root_destroy(stack);
  mps_thread_dereg(thread);
  client_destroy(&shared);
}
END_TEST

/* Nothing is left in the child of the stack of a thread that stays behind,
 * also if that lies above all of the heap. */

typedef struct Pair {
  sem_t is_there;
  sem_t may_end;
} Pair;

static void *stay_behind(void *closure)
{
  Pair *pair = closure;
  mps_thr_t thread;
  mps_root_t stack;
  void *cold = __builtin_frame_address(0);

  MUST(mps_thread_reg(&thread, shared.arena));
  MUST(mps_root_create_thread(&stack, shared.arena, thread, cold));
  (void)sem_post(&pair->is_there);
  while (sem_wait(&pair->may_end) != 0)
    ;
  mps_root_destroy(stack);
  mps_thread_dereg(thread);
  return NULL;
}

START_TEST(a_thread_that_stays_behind_has_no_stack)
{
  static char below[256 * KB] __attribute__((aligned(4096)));
  char local[256 * KB] __attribute__((aligned(4096)));
  Options options = {.gens = 2, .capacity = 50};
  pthread_attr_t attr;
  pthread_t other;
  Pair pair;
  int status = 0;
  pid_t child;

  shared = client_create(&options);
  (void)sem_init(&pair.is_there, 0, 0);
  (void)sem_init(&pair.may_end, 0, 0);
  (void)pthread_attr_init(&attr);
  MUST(pthread_attr_setstack(&attr, _i == 0 ? local : below, sizeof local));
  MUST(pthread_create(&other, &attr, stay_behind, &pair));
  while (sem_wait(&pair.is_there) != 0)
    ;
  child = fork();
  ck_assert_int_ge(child, 0);
  (void)client_make(&shared, 64, 1); /* or there is nothing to collect */
  MUST(mps_arena_collect(shared.arena));
  if (child == 0)
    _exit(0);
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  (void)sem_post(&pair.may_end);
  (void)pthread_join(other, NULL);
  (void)pthread_attr_destroy(&attr);
  client_destroy(&shared);
}
END_TEST

static void add_loop(Suite *suite, const char *name, const TTest *test, int n)
{
  TCase *tcase = tcase_create(name);

  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, test, 0, n);
  suite_add_tcase(suite, tcase);
}

static mps_res_t scan_counting(mps_ss_t ss, void *base, void *limit, void *p)
{
  (void)ss, (void)base, (void)limit;
  ++*(size_t *)p;
  return MPS_RES_OK;
}

static void collect_one(const Client *client)
{
  (void)client_make(client, 64, 1);
  MUST(mps_arena_collect(client->arena));
}

/* COVERS(".thread.root") */
START_TEST(a_root_without_its_thread_scans_nothing)
{
  Options options = {.gens = 1};
  Client client = client_create(&options);
  mps_arena_t arena = client.arena;
  mps_thr_t thread, other;
  mps_root_t root;
  size_t count = 0;
  Word cold;

  MUST(mps_thread_reg(&thread, arena));
  MUST(mps_root_create_thread_scanned(&root, arena, mps_rank_ambig(), 0,
                                      thread, scan_counting, &count, &cold));
  collect_one(&client);
  ck_assert_uint_gt(count, 0);
  count = 0;
  mps_thread_dereg(thread);
  collect_one(&client);
  ck_assert_uint_eq(count, 0);
  MUST(mps_thread_reg(&other, arena)); /* maybe where the other one was */
  collect_one(&client);
  ck_assert_uint_eq(count, 0);
  mps_root_destroy(root);
  mps_thread_dereg(other);
  client_destroy(&client);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("threads");

  unit_seed("threads");
  add_loop(suite, "build", threads_build_while_others_collect, 1);
  unit_add(suite, "stale", commits_of_stale_references_fail);
  unit_add(suite, "churn", threads_come_and_go);
  if (!IS_TSAN) /* it can't interrupt those who wait, or do nothing */
    add_loop(suite, "signals", stopping_a_thread_is_not_seen_by_it, 3);
  unit_add(suite, "root", a_root_without_its_thread_scans_nothing);
  unit_add(suite, "errno", entry_points_leave_errno_alone);
  if (!IS_TSAN) { /* it misses the parent's threads in the child */
    add_loop(suite, "fork", both_sides_of_a_fork_go_on, 2);
    unit_add_loop(suite, "behind", a_thread_that_stays_behind_has_no_stack, 2);
  }
  return unit_run(suite);
}
