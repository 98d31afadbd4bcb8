/* test_coroutines.c -- a thread collects while it isn't on its own stack
 *
 * A thread goes over to a stack that the client made, or to its signal
 * stack, and collects there.  What it left on its own stack counts, and so
 * does what is on the other: the client has registered the former, the
 * library finds the latter.  Objects are known by their serial numbers;
 * those that moved or died under a reference don't have theirs any more.
 */

#include "client.h"

#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

enum {
  STACK_SIZE = 1 << 17,
  KEPT = 50
};

static Client shared;
static char *other; /* the stack that is in use besides the thread's own */
static ucontext_t here, there;

/* Hold objects in a frame, by the way collect, and look at them. */
static __attribute__((noinline)) void hold(Word serial, void (*work)(void))
{
  mps_addr_t volatile kept[KEPT];

  for (Word i = 0; i < KEPT; ++i)
    kept[i] = client_make(&shared, 64, serial + i);
  work();
  for (Word i = 0; i < KEPT; ++i)
    EXPECT(block_is_intact(kept[i], 0, serial + i));
}

static void collect(void)
{
  for (int i = 0; i < 3; ++i) {
    MUST(mps_arena_collect(shared.arena));
    mps_arena_release(shared.arena);
    for (Word j = 0; j < 1000; ++j)
      (void)client_make(&shared, 64, j);
  }
}

static void coroutine(void)
{
  hold(2000, collect);
}

static void on_coroutine(void)
{
  EXPECT(getcontext(&there) == 0);
  there.uc_stack.ss_sp = other;
  there.uc_stack.ss_size = STACK_SIZE;
  there.uc_link = &here;
  makecontext(&there, coroutine, 0);
  EXPECT(swapcontext(&here, &there) == 0);
}

static void handler(int number)
{
  (void)number;
  hold(3000, collect);
}

static void on_signal_stack(void)
{
  stack_t stack, old;
  struct sigaction action;

  (void)memset(&stack, 0, sizeof stack);
  stack.ss_sp = other;
  stack.ss_size = STACK_SIZE;
  EXPECT(sigaltstack(&stack, &old) == 0);
  (void)memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_ONSTACK;
  EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
  EXPECT(raise(SIGUSR1) == 0);
  EXPECT(sigaltstack(&old, NULL) == 0);
}

static void on_registered_coroutine(void)
{
  mps_root_t stack, context;

  MUST(mps_root_create_area(&stack, shared.arena, mps_rank_ambig(), 0, other,
                            other + STACK_SIZE, mps_scan_area, NULL));
  MUST(mps_root_create_area(&context, shared.arena, mps_rank_ambig(), 0, &here,
                            &here + 1, mps_scan_area, NULL));
  on_coroutine();
  mps_root_destroy(context);
  mps_root_destroy(stack);
}

static void *run(void *work)
{
  mps_thr_t thread;
  mps_root_t root;
  void *cold = __builtin_frame_address(0);

  MUST(mps_thread_reg(&thread, shared.arena));
  MUST(mps_root_create_thread(&root, shared.arena, thread, cold));
  hold(1000, *(void (**)(void))work);
  mps_root_destroy(root);
  mps_thread_dereg(thread);
  return NULL;
}

static void (*const ways[])(void) = {on_registered_coroutine, on_signal_stack};

/* COVERS(".thread.altstack", ".plat.thread.other-stack") */
START_TEST(collecting_on_another_stack)
{
  void (*way)(void) = ways[_i / 2];
  pthread_t thread;
  Options options = {.gens = 2};

  shared = client_create(&options);
  other = calloc(1, STACK_SIZE);
  ck_assert_ptr_nonnull(other);
  if (_i % 2 == 0) {
    (void)run(&way);
  } else {
    ck_assert_int_eq(pthread_create(&thread, NULL, run, &way), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
  }
  client_destroy(&shared);
  free(other);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("coroutines");
  TCase *tcase = tcase_create("coroutines");

  unit_seed("coroutines");
  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, collecting_on_another_stack, 0,
                      2 * (int)NELEMS(ways));
  suite_add_tcase(suite, tcase);
  return unit_run(suite);
}
