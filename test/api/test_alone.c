/* test_alone.c -- the moment when a process gets its second thread
 *
 * The arena's lock is taken in a cheaper way until then (.plat.lock.alone).
 * Here the first thread holds it at that moment: what the library calls in the
 * middle of something makes a thread, which then waits for the lock, and has
 * to be let in when the lock is free.  A thread that isn't hangs, and so does
 * the test, since it's waited for.
 */

#include "blk_client.h"

#include "mpscmvff.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  GRAIN = 4096
};

static mps_arena_t arena;
static pthread_t second;
static int is_armed, is_made;
static unsigned extensions;
static _Atomic int has_begun, has_been_in;

/* It comes in and goes out; it isn't registered, as it holds nothing. */
static void *come_in(void *closure)
{
  (void)closure;
  has_begun = 1;
  (void)mps_arena_commit_limit(arena);
  has_been_in = 1;
  return NULL;
}

/* By then the other one sleeps, as the lock is this thread's. */
static void wait_a_while(void)
{
  struct timespec time = {0, 20000000};

  while (!has_begun)
    (void)sched_yield();
  (void)nanosleep(&time, NULL);
  EXPECT(!has_been_in);
}

static void make_second(void)
{
  if (!is_armed || is_made)
    return;
  is_made = 1;
  EXPECT(pthread_create(&second, NULL, come_in, NULL) == 0);
  wait_a_while();
}

static void extended(mps_arena_t it, void *base, size_t size)
{
  (void)it;
  (void)base;
  (void)size;
  ++extensions;
  make_second();
}

static void begin(void)
{
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, 8 * MB);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, (size_t)GRAIN);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_EXTENDED, (mps_fun_t)extended);
    MUST(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  }
  MPS_ARGS_END(args);
  mps_arena_park(arena);
  is_armed = is_made = 0;
  has_begun = has_been_in = 0;
}

/* Without another call of the library: that might wake it. */
static void end(void)
{
  ck_assert_int_eq(is_made, 1);
  ck_assert_int_eq(pthread_join(second, NULL), 0);
  ck_assert_int_eq(has_been_in, 1);
}

/* How many more blocks until the arena grows? */
static size_t fill(mps_pool_t pool)
{
  unsigned before = extensions;
  mps_addr_t p;
  size_t n = 0;

  for (; extensions == before; ++n)
    MUST(mps_alloc(&p, pool, GRAIN));
  return n;
}

/* .plat.lock.alone: an object is allocated in the quickest way there is, but
 * the arena has no room for the plane of the leaves, and grows. */
START_TEST(blocks)
{
  mps_pool_t manual = NULL, pool;
  mps_addr_t p;

  begin();
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, GRAIN);
    MUST(mps_pool_create_k(&manual, arena, mps_class_mvff(), args));
  }
  MPS_ARGS_END(args);
  pool = make_pool(arena, &(Setup){.block = 16, .extend_by = 2 * MB});
  (void)make(pool, 2, 0);
  (void)fill(manual);
  for (size_t n = fill(manual); n > 2; --n)
    MUST(mps_alloc(&p, manual, GRAIN));
  is_armed = 1;
  (void)make(pool, 2, MPS_BLK_LEAF);
  end();
  mps_pool_destroy(pool);
  mps_pool_destroy(manual);
  mps_arena_destroy(arena);
}
END_TEST

/* The same for blocks under manual control. */
START_TEST(manual)
{
  mps_pool_t pool = NULL;
  mps_addr_t p;

  begin();
  MUST(mps_pool_create_k(&pool, arena, mps_class_mvff(), mps_args_none));
  is_armed = 1;
  while (!is_made)
    MUST(mps_alloc(&p, pool, 64 * KB));
  end();
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}
END_TEST

/* In a collection, with the others stopped, of which there were none. */
static mps_res_t scan_and_make(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  make_second();
  return scan0(ss, base, limit);
}

START_TEST(collection)
{
  mps_addr_t table[4] = {NULL};
  Client client = {.kind = KIND_OBJ, .align = WORD};
  mps_root_t root;

  begin();
  client.arena = arena;
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, WORD);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan_and_make);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip0);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, fwd0);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd0);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, probe_pad);
    MUST(mps_fmt_create_k(&client.fmt, arena, args));
  }
  MPS_ARGS_END(args);
  client.pool = client_pool(&client, &(Options){0});
  client.ap = client_ap(client.pool, &(Options){0});
  root = root_table(arena, mps_rank_exact(), table, NELEMS(table));
  for (size_t i = 0; i < NELEMS(table); ++i)
    table[i] = client_make(&client, 64, i);
  is_armed = 1;
  MUST(mps_arena_collect(arena));
  end();
  for (size_t i = 0; i < NELEMS(table); ++i)
    ck_assert(block_is_intact(table[i], 0, i));
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST

/* A fork before: the child gets its second thread by itself. */
START_TEST(child)
{
  mps_pool_t pool = NULL;
  mps_addr_t p;
  int status = 0;
  pid_t process;

  begin();
  MUST(mps_pool_create_k(&pool, arena, mps_class_mvff(), mps_args_none));
  MUST(mps_alloc(&p, pool, 64));
  process = fork();
  ck_assert_int_ge(process, 0);
  is_armed = 1;
  while (!is_made)
    MUST(mps_alloc(&p, pool, 64 * KB));
  end();
  if (process == 0)
    _exit(0);
  ck_assert_int_eq(waitpid(process, &status, 0), process);
  ck_assert_int_eq(status, 0);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("alone");

  unit_add(suite, "blocks", blocks);
  unit_add(suite, "manual", manual);
  unit_add(suite, "collection", collection);
  unit_add(suite, "child", child);
  return unit_run(suite);
}
