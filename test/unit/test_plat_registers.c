/* test_plat_registers.c -- a reference in a register is found
 *
 * Each program here holds a word in one register and nowhere else: it's
 * made there out of its complement, so memory never has it.  The functions
 * that hold it are assembly, so that no compiler option changes what they
 * do.  There are some for each processor that we build for.
 */

#include "plat_help.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

/* What assembly reads and writes.  masked is the complement. */
volatile Word hold_masked __attribute__((visibility("hidden")));
volatile int hold_up __attribute__((visibility("hidden")));
volatile int hold_quit __attribute__((visibility("hidden")));

typedef void (*Hold)(void);
typedef void (*Entry)(PlatContext *context);
typedef void (*Call)(PlatContext *context, Entry entry);

/* Assembly that defines a function, and its declaration. */
#define FUNCTION(name, text) \
  __asm__(".text\n.globl " #name "\n.hidden " #name "\n" \
          ".type " #name ",%function\n" #name ":\n" text "\n" \
          ".size " #name ",.-" #name "\n")

#if defined(__x86_64__)

#define PUSH \
  "push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n" \
  "sub $8, %rsp\n"
#define POP \
  "add $8, %rsp\n" \
  "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\n"
#define UNMASK(reg) "mov hold_masked(%rip), %" #reg "\nnot %" #reg "\n"
#define WAIT "movl $1, hold_up(%rip)\n1: cmpl $0, hold_quit(%rip)\nje 1b\n"

/* Wait with the word in a register. */
#define HOLD(reg) \
  FUNCTION(hold_##reg, \
           PUSH UNMASK(reg) WAIT "xor %" #reg ", %" #reg "\n" POP "ret"); \
  void hold_##reg(void)

/* Call an entry point with the word in a register; rsi is the entry. */
#define CALL(reg) \
  FUNCTION(call_##reg, PUSH UNMASK(reg) "call *%rsi\n" POP "ret"); \
  void call_##reg(PlatContext *context, Entry entry)

HOLD(rax);
HOLD(rbx);
HOLD(rcx);
HOLD(rdx);
HOLD(rsi);
HOLD(rdi);
HOLD(rbp);
HOLD(r8);
HOLD(r9);
HOLD(r10);
HOLD(r11);
HOLD(r12);
HOLD(r13);
HOLD(r14);
HOLD(r15);
CALL(rbx);
CALL(rbp);
CALL(r12);
CALL(r13);
CALL(r14);
CALL(r15);

#define CLEAR_RAX "xor %eax, %eax\n"

/* In a vector register, in the upper half of a wide one, and below the
 * stack pointer as far as a leaf function may go. */
FUNCTION(hold_xmm5, UNMASK(rax) "movq %rax, %xmm5\n" CLEAR_RAX WAIT "ret");
FUNCTION(hold_ymm6, UNMASK(rax) "movq %rax, %xmm5\n" CLEAR_RAX
                                "vinsertf128 $1, %xmm5, %ymm6, %ymm6\n"
                                "pxor %xmm5, %xmm5\n" WAIT "vzeroupper\nret");
FUNCTION(hold_red, UNMASK(rax) "mov %rax, -128(%rsp)\n" CLEAR_RAX WAIT
                               "movq $0, -128(%rsp)\nret");
void hold_xmm5(void);
void hold_ymm6(void);
void hold_red(void);

static const Hold holds[] = {hold_rax, hold_rbx, hold_rcx, hold_rdx, hold_rsi,
                             hold_rdi, hold_rbp, hold_r8,  hold_r9,  hold_r10,
                             hold_r11, hold_r12, hold_r13, hold_r14, hold_r15};
static const Hold stack_holds[] = {hold_xmm5, hold_red, hold_ymm6};
static const Call calls[]
    = {call_rbx, call_rbp, call_r12, call_r13, call_r14, call_r15};

static Count stack_hold_count(void)
{
  return __builtin_cpu_supports("avx") ? 3 : 2;
}

#elif defined(__aarch64__)

#define PUSH \
  "stp x29, x30, [sp, #-96]!\nstp x19, x20, [sp, #16]\n" \
  "stp x21, x22, [sp, #32]\nstp x23, x24, [sp, #48]\n" \
  "stp x25, x26, [sp, #64]\nstp x27, x28, [sp, #80]\n"
#define POP \
  "ldp x19, x20, [sp, #16]\nldp x21, x22, [sp, #32]\n" \
  "ldp x23, x24, [sp, #48]\nldp x25, x26, [sp, #64]\n" \
  "ldp x27, x28, [sp, #80]\nldp x29, x30, [sp], #96\n"
#define UNMASK(reg) \
  "adrp " #reg ", hold_masked\nldr " #reg ", [" #reg \
  ", :lo12:hold_masked]\nmvn " #reg ", " #reg "\n"
/* The word waits in reg while other and more are used to look at flags. */
#define HOLD(reg, other, more) \
  FUNCTION(hold_##reg, \
           PUSH UNMASK(reg) "adrp x" #other ", hold_up\nmov w" #more \
                            ", #1\nstr w" #more ", [x" #other \
                            ", :lo12:hold_up]\n1: adrp x" #other \
                            ", hold_quit\nldr w" #more ", [x" #other \
                            ", :lo12:hold_quit]\ncbz w" #more \
                            ", 1b\nmov " #reg ", #0\n" POP "ret"); \
  void hold_##reg(void)
#define CALL(reg) \
  FUNCTION(call_##reg, PUSH UNMASK(reg) "blr x1\n" POP "ret"); \
  void call_##reg(PlatContext *context, Entry entry)

HOLD(x0, 9, 10);
HOLD(x9, 1, 10);
HOLD(x15, 9, 10);
HOLD(x19, 9, 10);
HOLD(x20, 9, 10);
HOLD(x24, 9, 10);
HOLD(x28, 9, 10);
HOLD(x29, 9, 10);
CALL(x19);
CALL(x20);
CALL(x21);
CALL(x22);
CALL(x23);
CALL(x24);
CALL(x25);
CALL(x26);
CALL(x27);
CALL(x28);
CALL(x29);

FUNCTION(hold_v5, UNMASK(x0) "fmov d5, x0\nadrp x9, hold_up\nmov w10, #1\n"
                             "mov x0, #0\nstr w10, [x9, :lo12:hold_up]\n"
                             "1: adrp x9, hold_quit\n"
                             "ldr w10, [x9, :lo12:hold_quit]\n"
                             "cbz w10, 1b\nfmov d5, xzr\nret");
void hold_v5(void);

static const Hold holds[] = {hold_x0,  hold_x9,  hold_x15, hold_x19,
                             hold_x20, hold_x24, hold_x28, hold_x29};
static const Hold stack_holds[] = {hold_v5};
static const Call calls[]
    = {call_x19, call_x20, call_x21, call_x22, call_x23, call_x24,
       call_x25, call_x26, call_x27, call_x28, call_x29};

static Count stack_hold_count(void)
{
  return 1;
}

#else
#error "no test for the registers of this processor"
#endif

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* Like no word that anything else makes. */
static Word fresh_word(void)
{
  return (Word)unit_random(UINT64_MAX) | (Word)1 << 60;
}

/* This mustn't leave the word lying about, hence by its complement.  It
 * reads whole stacks. */
__attribute__((no_sanitize_address)) static Count
count_masked(const Word *from, const Word *upto)
{
  Count count = 0;

  for (; from < upto; ++from)
    count += ~*from == hold_masked;
  return count;
}


/* The context of a stopped thread */

static PlatThread record;
static Hold hold_now;

static void *hold_main(void *unused)
{
  (void)unused;
  plat_thread_init(&record);
  hold_now();
  return NULL;
}

typedef struct Found {
  Count in_regs;
  Count in_stack;
} Found;

/* Stop a thread that holds a fresh word in the way given. */
static Found stop_holder(Hold hold)
{
  pthread_t thread;
  Found found;

  hold_masked = ~fresh_word();
  hold_up = 0;
  hold_quit = 0;
  hold_now = hold;
  ck_assert_int_eq(pthread_create(&thread, NULL, hold_main, NULL), 0);
  while (hold_up == 0)
    continue;
  plat_threads_stop(&record);
  const PlatContext *context = &record.context;
  found.in_regs = count_masked(context->regs, context->regs + context->count);
  found.in_stack = count_masked((const Word *)context->hot,
                                (const Word *)record.stack_limit);
  plat_threads_resume(&record);
  hold_quit = 1;
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  return found;
}

/* .plat.req.registers */
START_TEST(test_stopped)
{
  for (Index i = 0; i < LENGTH(holds); ++i) {
    Found found = stop_holder(holds[i]);
    ck_assert_msg(found.in_regs >= 1, "register %zu is not in regs", i);
    ck_assert_msg(found.in_stack >= 1, "register %zu is not in stack", i);
  }
}
END_TEST

/* .plat.req.registers .plat.thread.frame */
START_TEST(test_stopped_vector)
{
  for (Index i = 0; i < stack_hold_count(); ++i) {
    Found found = stop_holder(stack_holds[i]);
    ck_assert_msg(found.in_stack >= 1, "case %zu is not found", i);
  }
}
END_TEST

static char signal_stack[1 << 16] __attribute__((aligned(64)));

static void on_signal_stack(int number)
{
  (void)number;
  hold_up = 2;
  while (hold_quit == 0)
    continue;
}

static void *hold_then_signal(void *unused)
{
  stack_t stack;
  stack_t old; /* sanitizers have one, and want it back */

  (void)memset(&stack, 0, sizeof stack);
  stack.ss_sp = signal_stack;
  stack.ss_size = sizeof signal_stack;
  (void)sigaltstack(&stack, &old);
  (void)hold_main(unused);
  (void)sigaltstack(&old, NULL);
  return NULL;
}

/* .plat.req.registers: a register of the code that a signal interrupted
 * is in the part of the signal stack that the record names. */
START_TEST(test_signal_stack)
{
  struct sigaction action;
  pthread_t thread;

  (void)memset(&action, 0, sizeof action);
  action.sa_handler = on_signal_stack;
  action.sa_flags = SA_ONSTACK;
  ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
  hold_masked = ~fresh_word();
  hold_now = holds[3];
  ck_assert_int_eq(pthread_create(&thread, NULL, hold_then_signal, NULL), 0);
  while (hold_up == 0)
    continue;
  ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
  while (hold_up != 2)
    continue;
  plat_threads_stop(&record);
  ck_assert_uint_ge(count_masked((const Word *)record.other_base,
                                 (const Word *)record.other_limit),
                    1);
  plat_threads_resume(&record);
  hold_quit = 1;
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST


/* The callee-saved registers of the caller of an entry point */

static volatile Word entry_sink;
static Addr entry_cold; /* where the frames of the test begin */
static Count entry_found;

/* Called by an entry point while its frame is there.  Above the test's own
 * frame nothing may have the word. */
__attribute__((noinline)) static void entry_search(const PlatContext *context)
{
  ck_assert_uint_le(context->count, PLAT_REGISTERS_MAX);
  ck_assert(context->hot < entry_cold);
  entry_found
      = count_masked(context->regs, context->regs + context->count)
        + count_masked((const Word *)context->hot, (const Word *)entry_cold);
}

/* The light one has no use for a callee-saved register of its own. */
__attribute__((noinline)) static void entry_light(PlatContext *context)
{
  PLAT_CAPTURE(context);
  entry_search(context);
  entry_sink = 0;
}

/* The heavy one uses all of them before it captures, so it must have
 * pushed them. */
__attribute__((noinline)) static void entry_heavy(PlatContext *context)
{
  Word a = entry_sink;
  Word b = entry_sink;
  Word c = entry_sink;
  Word d = entry_sink;
  Word e = entry_sink;
  Word f = entry_sink;
  Word g = entry_sink;

  (void)plat_stack_below();
  PLAT_CAPTURE(context);
  entry_search(context);
  entry_sink = a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g;
}

static bool is_captured(Call call, Entry entry)
{
  PlatContext context;

  (void)memset(&context, 0, sizeof context);
  hold_masked = ~fresh_word();
  entry_cold = (Addr)&context;
  entry_found = 0;
  call(&context, entry);
  return entry_found != 0;
}

/* .plat.req.registers */
START_TEST(test_captured)
{
  for (Index i = 0; i < LENGTH(calls); ++i) {
    ck_assert_msg(is_captured(calls[i], entry_light), "light, %zu", i);
    ck_assert_msg(is_captured(calls[i], entry_heavy), "heavy, %zu", i);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("plat_registers");

  unit_seed("test_plat_registers");
  if (!IS_TSAN) {
    unit_add(suite, "stopped", test_stopped);
    unit_add(suite, "vector", test_stopped_vector);
    unit_add(suite, "signal stack", test_signal_stack);
  }
  unit_add(suite, "captured", test_captured);
  return unit_run(suite);
}
