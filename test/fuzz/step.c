/* step.c -- flip at every instruction of reserve and commit
 *
 *   step [--each N] [--json]
 *
 * The processor's trap flag stops the mutator after each instruction.  The
 * handler counts those of the allocation sequence, and at one or two of
 * them it has another thread collect, which stops the mutator where it
 * stands, moves what it may and lets it go on.  Every instruction is tried,
 * and every pair of them (with --each only N pairs for each first), in code
 * as the compiler made it, and after each object all must be found intact.
 *
 * An object's references are copied into it through a register that is
 * cleared at once, so that nothing but the protocol tells the collector
 * about them: then a reference stored before a flip and committed after it
 * is stale, unless the commit fails.
 *
 * -DSTEP_PLAIN replaces the commit by one without fences, in the order in
 * which compilers have been seen to leave it: the test must fail then.
 *
 * It needs the trap flag, so it does nothing where there is none.
 *
 * ctest: --each 3
 *
 * Design: .fuzz.req.step, .fuzz.step (design/fuzz.rst).
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "mps.h"
#include "mpsavm.h"
#include "mpscamc.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

typedef mps_word_t Word;

enum {
  REFS = 4,
  EPOCH = 40, /* objects until all are dropped */
  SLACK = 30  /* instructions that a retry may add */
};

enum {
  KIND_OBJECT = 0x51,
  KIND_FWD = 0x52,
  KIND_PAD = 0x53
};

typedef struct Object {
  Word info; /* size and kind; in a pad nothing follows */
  Word serial;
  Word unused;
  Word ref[REFS];
} Object;

#define INFO(size, kind) ((Word)(size) << 8 | (kind))
#define KIND(info) ((info)&0xFF)
#define SIZE(info) ((size_t)((info) >> 8))

static mps_arena_t arena;
static mps_pool_t pool;
static mps_ap_t ap;
static Word roots[REFS];              /* exact */
static Word serials[EPOCH + 1][REFS]; /* the mirror: 0 is null */
static Word root_serials[REFS];
static Word count; /* of objects in this epoch */
static long each;  /* second instructions for each first; 0 is all */

/* What the trap handler and the collecting thread share */
static volatile bool stepping;
static volatile long at;         /* instructions of the sequence so far */
static volatile long flip_at[2]; /* where to collect */
static volatile int collected;
static sem_t collect_please;
static unsigned long flips, retries, objects;

__attribute__((noreturn)) static void fail(const char *what, Word value)
{
  fprintf(stderr,
          "step: FAILED: %s: 0x%lx, with flips at instructions %ld and %ld\n"
          "repeat: step --each %ld\n",
          what, (unsigned long)value, flip_at[0], flip_at[1], each);
  _exit(1);
}


/* Format methods */

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  int i;

  MPS_SCAN_BEGIN(ss)
  {
    while (base < limit) {
      Object *object = base;
      if (KIND(object->info) != KIND_OBJECT && KIND(object->info) != KIND_FWD
          && KIND(object->info) != KIND_PAD)
        fail("scan found", object->info);
      if (KIND(object->info) == KIND_OBJECT)
        for (i = 0; i < REFS; ++i) {
          mps_addr_t ref = (mps_addr_t)object->ref[i];
          mps_res_t res = MPS_FIX12(ss, &ref);
          if (res != MPS_RES_OK)
            return res;
          object->ref[i] = (Word)ref;
        }
      base = (char *)base + SIZE(object->info);
    }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_addr_t skip(mps_addr_t addr)
{
  return (char *)addr + SIZE(*(Word *)addr);
}

static void fwd(mps_addr_t old, mps_addr_t new)
{
  Word *words = old;

  if (KIND(words[0]) != KIND_OBJECT)
    fail("forwarded", words[0]);
  words[0] = INFO(SIZE(words[0]), KIND_FWD);
  words[1] = (Word) new;
}

static mps_addr_t isfwd(mps_addr_t addr)
{
  Word *words = addr;

  return KIND(words[0]) == KIND_FWD ? (mps_addr_t)words[1] : NULL;
}

static void pad(mps_addr_t addr, size_t size)
{
  *(Word *)addr = INFO(size, KIND_PAD);
}


/* The sequences that are stepped through, in a section of their own */

#define STEPPED __attribute__((noinline, section("stepped")))
extern const char __start_stepped[], __stop_stepped[];

/* Copy a reference and leave no trace of it in a register.  It tells the
 * compiler what it touches and is no fence. */
#define COPY_REFERENCE(to, from) \
  do { \
    Word gone_; \
    __asm__("movq %2, %1\n\tmovq %1, %0\n\txorq %1, %1" \
            : "=m"(to), "=&r"(gone_) \
            : "m"(from) \
            : "cc"); \
  } while (0)

#ifdef STEP_PLAIN
#undef mps_commit
#define mps_commit(point, p, size) \
  ((point)->init = (point)->alloc, \
   (point)->limit != NULL ? 1 : mps_ap_trip(point, p, size))
#endif

#define SEQUENCE(size) \
  do { \
    mps_addr_t p; \
    Object *object; \
    do { \
      if (mps_reserve(&p, point, size) != MPS_RES_OK) \
        return NULL; \
      object = p; \
      object->info = INFO(size, KIND_OBJECT); \
      object->serial = serial; \
      object->unused = 0; \
      COPY_REFERENCE(object->ref[0], roots[0]); \
      COPY_REFERENCE(object->ref[1], roots[1]); \
      COPY_REFERENCE(object->ref[2], roots[2]); \
      COPY_REFERENCE(object->ref[3], roots[3]); \
    } while (!mps_commit(point, p, size)); \
    roots[serial % REFS] = (Word)p; \
    return p; \
  } while (0)

/* A size that the compiler knows, and one that it doesn't */
static STEPPED void *step_fixed(mps_ap_t point, Word serial, size_t size)
{
  SEQUENCE(sizeof(Object));
}

static STEPPED void *step_any(mps_ap_t point, Word serial, size_t size)
{
  SEQUENCE(size);
}

typedef struct Sequence {
  const char *name;
  void *(*run)(mps_ap_t point, Word serial, size_t size);
  size_t size;
} Sequence;

/* Small objects, one that fills a buffer exactly, one of its own segment */
static const Sequence sequences[] = {
    {"fixed", step_fixed, sizeof(Object)},
    {"small", step_any, 2 * sizeof(Object)},
    {"buffer", step_any, 4096},
    {"large", step_any, 40000},
};


/* Stepping */

static void flip(void)
{
  collected = 0;
  sem_post(&collect_please);
  while (!collected)
    sched_yield();
}

/* What the sequence calls isn't stepped through: its return address is
 * replaced by that of step_return, which raises the trap flag again. */
Word step_saved;
extern const char step_return[];
__asm__(".text\n"
        ".globl step_saved\n"
        "step_return:\n\t"
        "pushq step_saved(%rip)\n\t"
        "pushfq\n\torq $0x100, (%rsp)\n\tpopfq\n\t"
        "ret\n");

static bool is_stepped(Word pc)
{
  return pc >= (Word)__start_stepped && pc < (Word)__stop_stepped;
}

static void on_trap(int sig, siginfo_t *info, void *closure)
{
  ucontext_t *context = closure;
  greg_t *registers = context->uc_mcontext.gregs;
  Word pc = (Word)registers[REG_RIP];
  Word *sp = (Word *)registers[REG_RSP];

  if (!stepping) {
    registers[REG_EFL] &= ~(greg_t)0x100;
    return;
  }
  if (!is_stepped(pc)) {
    if (is_stepped(*sp)) {
      step_saved = *sp;
      *sp = (Word)step_return;
      registers[REG_EFL] &= ~(greg_t)0x100;
    }
    return;
  }
  if (at == flip_at[0] || at == flip_at[1])
    flip();
  ++at;
}

static void *collector(void *closure)
{
  for (;;) {
    while (sem_wait(&collect_please) != 0)
      ;
    if (collected < 0)
      return NULL;
    if (mps_arena_collect(arena) != MPS_RES_OK)
      fail("collect", 0);
    ++flips;
    collected = 1;
  }
}

/* Run a sequence with flips at two instructions; how many instructions it
 * had. */
static long run(const Sequence *sequence, Word serial, long first, long second)
{
  void *object;

  flip_at[0] = first;
  flip_at[1] = second;
  at = 0;
  stepping = true;
  __asm__ volatile("leaq -128(%%rsp), %%rsp\n\t" /* the red zone */
                   "pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
                   "leaq 128(%%rsp), %%rsp" ::
                       : "memory", "cc");
  object = sequence->run(ap, serial, sequence->size);
  stepping = false;
  __asm__ volatile("nop" ::: "memory");
  if (object == NULL)
    fail("no memory", 0);
  ++objects;
  return at;
}


/* The mirror */

static Word seen[EPOCH + 1];

static void expect_object(Word address, Word serial)
{
  const Object *object = (const Object *)address;
  int i;

  if ((address == 0) != (serial == 0))
    fail("a null reference", address);
  if (serial == 0)
    return;
  if (seen[serial] != 0) {
    if (seen[serial] != address)
      fail("two copies of one object", address);
    return;
  }
  seen[serial] = address;
  if (KIND(object->info) != KIND_OBJECT)
    fail("an object has become", object->info);
  if (object->serial != serial)
    fail("an object has the serial", object->serial);
  for (i = 0; i < REFS; ++i)
    expect_object(object->ref[i], serials[serial][i]);
}

static void expect_all(void)
{
  int i;

  memset(seen, 0, sizeof seen);
  for (i = 0; i < REFS; ++i)
    expect_object(roots[i], root_serials[i]);
}

/* One object, with flips; then look at all. */
static long one(const Sequence *sequence, long first, long second)
{
  unsigned long flips_before = flips;
  long n;

  if (count == EPOCH) {
    count = 0;
    memset(roots, 0, sizeof roots);
    memset(root_serials, 0, sizeof root_serials);
  }
  ++count;
  memcpy(serials[count], root_serials, sizeof root_serials);
  n = run(sequence, count, first, second);
  root_serials[count % REFS] = count;
  expect_all();
  if (flips == flips_before && first >= 0 && first < n)
    fail("no flip at instruction", (Word)first);
  return n;
}

static void all_pairs(const Sequence *sequence)
{
  long first, second, n, most, stride;

  one(sequence, -1, -1);
  n = one(sequence, -1, -1);
  for (first = 0; first < n; ++first) {
    most = one(sequence, first, -1);
    retries += most > n;
    if (most > n + SLACK)
      most = n + SLACK;
    stride = each > 0 ? 1 + (most - first) / each : 1;
    for (second = first + 1 + first % stride; second < most; second += stride)
      one(sequence, first, second);
  }
}


/* Set-up */

static void must(mps_res_t res, const char *what)
{
  if (res != MPS_RES_OK)
    fail(what, (Word)res);
}

static void create(mps_thr_t *thr_o, mps_root_t *stack_o, mps_root_t *table_o,
                   mps_fmt_t *fmt_o, void *cold)
{
  must(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none),
       "arena");
  mps_arena_clamp(arena);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
    must(mps_fmt_create_k(fmt_o, arena, args), "fmt");
  }
  MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, *fmt_o);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 4096);
    must(mps_pool_create_k(&pool, arena, mps_class_amc(), args), "pool");
  }
  MPS_ARGS_END(args);
  must(mps_thread_reg(thr_o, arena), "thread");
  must(mps_root_create_thread(stack_o, arena, *thr_o, cold), "stack");
  must(mps_root_create_area(table_o, arena, mps_rank_exact(), 0, roots,
                            roots + REFS, mps_scan_area, NULL),
       "table");
  must(mps_ap_create_k(&ap, pool, mps_args_none), "ap");
}

static __attribute__((noinline)) void test(void *cold)
{
  mps_thr_t thr;
  mps_root_t stack, table;
  mps_fmt_t fmt;
  pthread_t id;
  size_t i;

  create(&thr, &stack, &table, &fmt, cold);
  if (sem_init(&collect_please, 0, 0) != 0
      || pthread_create(&id, NULL, collector, NULL) != 0)
    fail("no thread", 0);
  for (i = 0; i < sizeof sequences / sizeof sequences[0]; ++i)
    all_pairs(&sequences[i]);
  collected = -1;
  sem_post(&collect_please);
  pthread_join(id, NULL);
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_root_destroy(table);
  mps_root_destroy(stack);
  mps_thread_dereg(thr);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

static void catch_traps(void)
{
  struct sigaction action;

  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGTRAP, &action, NULL);
}

int main(int argc, char **argv)
{
  bool json = false;
  int i;
  void *cold = &cold;

  for (i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--each") == 0 && i + 1 < argc)
      each = strtol(argv[++i], NULL, 10);
    else if (strcmp(argv[i], "--json") == 0)
      json = true;
    else
      return 2;
  }
  if (each < 0)
    return 2;
  catch_traps();
  alarm(250);
  test(cold);
  printf(json ? "{\"program\": \"step\", \"ok\": true, \"objects\": %lu,"
                " \"flips\": %lu, \"retries\": %lu}\n"
              : "step: objects %lu flips %lu retries %lu\n",
         objects, flips, retries);
  return retries > 0 ? 0 : 1;
}

#else

int main(void)
{
  puts("step: no trap flag on this machine; nothing was tested");
  return 0;
}

#endif
