/* test_registers.c -- a reference that is only in a register keeps its object
 *
 * For each callee-saved register of x86-64: hold the only reference to an
 * object in it, and nowhere on the stack, while the thread itself calls an
 * entry point that collects, or while another thread collects and stops it.
 * The registers are set and read in assembly, so no compiler can keep a copy.
 * The roots of the threads are their stacks and registers (E13).
 */

#include "client.h"

#include <pthread.h>
#include <stdatomic.h>

#if defined(__x86_64__)

enum {
  SIZE = 64,
  SERIAL = 4711
};

/* Only this complement of the client pointer is in memory. */
static Word hidden;
static Client shared;
static _Atomic int is_waiting, is_done;

/* Entry points that may collect; each makes sure that it does. */
static void by_collect(void)
{
  MUST(mps_arena_collect(shared.arena));
}

static void by_start_collect(void)
{
  MUST(mps_arena_start_collect(shared.arena));
  mps_arena_park(shared.arena);
}

static void by_filling(void)
{
  mps_word_t before = mps_collections(shared.arena);

  mps_arena_release(shared.arena);
  while (mps_collections(shared.arena) < before + 2)
    (void)client_make(&shared, 256, 1);
  mps_arena_clamp(shared.arena);
}

static void by_release(void)
{
  mps_word_t before = mps_collections(shared.arena);

  mps_arena_clamp(shared.arena);
  for (int i = 0; i < 10000; ++i)
    (void)client_make(&shared, 256, 1);
  mps_arena_release(shared.arena);
  mps_arena_clamp(shared.arena);
  EXPECT(mps_collections(shared.arena) > before);
}

static void by_step(void)
{
  mps_word_t before = mps_collections(shared.arena);

  mps_arena_clamp(shared.arena);
  for (int i = 0; i < 10000; ++i)
    (void)client_make(&shared, 256, 1);
  while (mps_arena_step(shared.arena, 0.1, 0.0))
    ;
  EXPECT(mps_collections(shared.arena) > before);
}

static void by_ramp_end(void)
{
  mps_word_t before = mps_collections(shared.arena);
  mps_alloc_pattern_t ramp = mps_alloc_pattern_ramp();

  mps_arena_clamp(shared.arena);
  MUST(mps_ap_alloc_pattern_begin(shared.ap, ramp));
  for (int i = 0; i < 20000; ++i)
    (void)client_make(&shared, 256, 1);
  mps_arena_park(shared.arena);
  /* The end of a ramp polls; make it the first one that may. */
  mps_arena_release(shared.arena);
  MUST(mps_ap_alloc_pattern_end(shared.ap, ramp));
  mps_arena_clamp(shared.arena);
  EXPECT(mps_collections(shared.arena) > before);
}

/* Another thread collects while this one spins: it is stopped anywhere. */
static void by_other_thread(void)
{
  is_done = 0;
  is_waiting = 1;
  while (!is_done)
    ;
}

static void *collect_when_asked(void *unused)
{
  mps_thr_t thread;

  (void)unused;
  MUST(mps_thread_reg(&thread, shared.arena));
  while (is_waiting >= 0) {
    if (is_waiting == 1) {
      is_waiting = 0;
      for (int i = 0; i < 3; ++i)
        MUST(mps_arena_collect(shared.arena));
      is_done = 1;
    }
  }
  mps_thread_dereg(thread);
  return NULL;
}

static void (*const ways[])(void) = {
    by_collect, by_start_collect, by_filling,      by_release,
    by_step,    by_ramp_end,      by_other_thread,
};

/* Call a function with the reference in a register, and return what is in
 * it afterwards.  The other callee-saved registers hold nothing. */
#define HOLDER(reg) \
  __attribute__((noinline)) static Word hold_##reg(void (*call)(void)) \
  { \
    Word result; \
\
    __asm__ __volatile__( \
        "push %%rbp\n\tpush %%rbx\n\tpush %%r12\n\tpush %%r13\n\t" \
        "push %%r14\n\tpush %%r15\n\t" \
        "mov %%rsp, %%rbx\n\tand $-16, %%rsp\n\t" \
        "push %%rbx\n\tpush %%rcx\n\t" \
        "xor %%ebx, %%ebx\n\txor %%ebp, %%ebp\n\txor %%r12d, %%r12d\n\t" \
        "xor %%r13d, %%r13d\n\txor %%r14d, %%r14d\n\txor %%r15d, %%r15d\n\t" \
        "mov %%rdx, %%" #reg "\n\tnot %%" #reg "\n\t" \
        "xor %%edx, %%edx\n\t" \
        "call *%%rcx\n\t" \
        "mov %%" #reg ", %%rax\n\t" \
        "pop %%rcx\n\tpop %%rbx\n\tmov %%rbx, %%rsp\n\t" \
        "pop %%r15\n\tpop %%r14\n\tpop %%r13\n\tpop %%r12\n\t" \
        "pop %%rbx\n\tpop %%rbp\n\t" \
        : "=&a"(result), "+c"(call) \
        : "d"(hidden) \
        : "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", \
          "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7"); \
    return result; \
  }

HOLDER(rbx)
HOLDER(rbp)
HOLDER(r12)
HOLDER(r13)
HOLDER(r14)
HOLDER(r15)

static Word (*const holders[])(void (*)(void)) = {
    hold_rbx, hold_rbp, hold_r12, hold_r13, hold_r14, hold_r15,
};

/* Frames of earlier calls may hold copies: overwrite them. */
__attribute__((noinline)) static void wipe_stack(void)
{
  volatile char space[16 * KB];

  for (size_t i = 0; i < sizeof space; ++i)
    space[i] = 0;
}

__attribute__((noinline)) static void make_hidden(void)
{
  for (int i = 0; i < 10; ++i)
    (void)client_make(&shared, SIZE, 1);
  hidden = ~(Word)client_make(&shared, SIZE, SERIAL);
  for (int i = 0; i < 10; ++i)
    (void)client_make(&shared, SIZE, 1);
}

/* Is the object there still? */
static int is_alive(Word client)
{
  mps_addr_t found = NULL;

  return mps_addr_object(&found, shared.arena, (mps_addr_t)client)
             == MPS_RES_OK
         && found == (mps_addr_t)client && block_is_intact(found, 0, SERIAL);
}

static void each_register(void (*call)(void))
{
  for (size_t r = 0; r < NELEMS(holders); ++r) {
    mps_arena_clamp(shared.arena);
    make_hidden();
    wipe_stack();
    Word held = holders[r](call);
    ck_assert_msg(held == ~hidden, "register %zu changed", r);
    ck_assert_msg(is_alive(held), "the object that register %zu holds is lost",
                  r);
  }
}

START_TEST(registers_are_roots)
{
  Options options = {.gens = 2, .capacity = 100};
  mps_thr_t thread;
  mps_root_t root;
  pthread_t other;
  void *cold = &cold;

  shared = client_create(&options);
  MUST(mps_thread_reg(&thread, shared.arena));
  MUST(mps_root_create_thread(&root, shared.arena, thread, cold));
  ck_assert_int_eq(pthread_create(&other, NULL, collect_when_asked, NULL), 0);
  each_register(ways[_i]);
  is_waiting = -1;
  (void)pthread_join(other, NULL);
  mps_root_destroy(root);
  mps_thread_dereg(thread);
  client_destroy(&shared);
}
END_TEST

/* The test can fail: a reference that is nowhere doesn't keep its object. */
START_TEST(what_no_register_holds_dies)
{
  Options options = {.gens = 2, .capacity = 100};
  mps_thr_t thread;
  mps_root_t root;
  void *cold = &cold;
  int dead = 0;

  shared = client_create(&options);
  MUST(mps_thread_reg(&thread, shared.arena));
  MUST(mps_root_create_thread(&root, shared.arena, thread, cold));
  for (int i = 0; i < 20; ++i) {
    mps_arena_clamp(shared.arena);
    make_hidden();
    wipe_stack();
    MUST(mps_arena_collect(shared.arena));
    dead += !is_alive(~hidden);
  }
  ck_assert_int_gt(dead, 0);
  mps_root_destroy(root);
  mps_thread_dereg(thread);
  client_destroy(&shared);
}
END_TEST

enum {
  STALE = 200
};

static Word stale[STALE]; /* complements */

/* Leave references below the stack that is in use. */
static __attribute__((noinline)) void dirty_stack(void)
{
  volatile Word frame[STALE];

  for (int i = 0; i < STALE; ++i)
    frame[i] = ~stale[i];
  (void)frame[0];
}

/* What was on the stack where the library's own frame is now keeps nothing,
 * but for a few words of that frame which the compiler left unused. */
START_TEST(what_is_under_our_frame_dies)
{
  Options options = {.gens = 2, .capacity = 100};
  mps_thr_t thread;
  mps_root_t root;
  void *cold = &cold;
  int alive = 0;

  shared = client_create(&options);
  MUST(mps_thread_reg(&thread, shared.arena));
  MUST(mps_root_create_thread(&root, shared.arena, thread, cold));
  mps_arena_clamp(shared.arena);
  for (int i = 0; i < STALE; ++i) {
    make_hidden();
    stale[i] = hidden;
  }
  wipe_stack();
  dirty_stack();
  MUST(mps_arena_collect(shared.arena));
  for (int i = 0; i < STALE; ++i)
    alive += is_alive(~stale[i]);
  ck_assert_int_lt(alive, 16);
  mps_root_destroy(root);
  mps_thread_dereg(thread);
  client_destroy(&shared);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("registers");
  TCase *tcase = tcase_create("registers");

  unit_seed("registers");
  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, registers_are_roots, 0, (int)NELEMS(ways));
  suite_add_tcase(suite, tcase);
  unit_add(suite, "dead", what_no_register_holds_dies);
  unit_add(suite, "frame", what_is_under_our_frame_dies);
  return unit_run(suite);
}

#else

int main(void)
{
  return 0;
}

#endif
