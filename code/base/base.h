/* base.h -- the types and assertions that every module is written in
 *
 * Nothing here depends on a platform or on another module, so any
 * header may include it first.  The four assertion tiers are the
 * vocabulary that the rest of the code states its invariants with.
 *
 * Design: .base.types, .base.assert (design/base.rst).
 */

#ifndef BASE_H
#define BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/mps.h"

/* How internal functions are linked.  In the one-file build they are all
 * static, so the object exports nothing but the interface (.base.link). */
#ifdef MOSTLY_AMALGAM
#define MOSTLY_INTERN static __attribute__((unused))
#define MOSTLY_INTERN_DATA static __attribute__((unused))
#define MOSTLY_INTERN_DEF static
#else
#define MOSTLY_INTERN extern __attribute__((visibility("hidden")))
#define MOSTLY_INTERN_DATA extern __attribute__((visibility("hidden")))
#define MOSTLY_INTERN_DEF
#endif

/* An address in the client's memory.  The target is never defined, so
 * the compiler rejects arithmetic that mixes addresses and sizes up;
 * it goes through addr_add and its friends (.base.types.addr). */
typedef struct AddrTarget *Addr;

typedef uintptr_t Word;
typedef uint32_t Sig;   /* spelt in ASCII, to be seen in a dump */
typedef size_t Size;    /* bytes */
typedef size_t Count;   /* how many of something */
typedef size_t Index;   /* which one, from zero */
typedef unsigned Shift; /* log2 of a size */
typedef int Res;        /* MPS_RES_OK or another code of the interface */

#define WORD_BITS (sizeof(Word) * 8)
#define WORD_ONES (~(Word)0)
#define SIG_NONE ((Sig)0)
#define MOSTLY_WARN_UNUSED __attribute__((warn_unused_result))
#define LIKELY(cond) __builtin_expect((cond) != 0, 1)
#define UNLIKELY(cond) __builtin_expect((cond) != 0, 0)

_Static_assert(sizeof(Word) == sizeof(void *), "a word holds an address");
_Static_assert(sizeof(mps_word_t) == sizeof(Word), "the client's word too");

static inline Addr addr_add(Addr base, Size size)
{
  return (Addr)((Word)base + size);
}

static inline Addr addr_sub(Addr limit, Size size)
{
  return (Addr)((Word)limit - size);
}

static inline Size addr_diff(Addr base, Addr limit)
{
  return (Size)((Word)limit - (Word)base);
}

static inline bool addr_is_aligned(Addr addr, Shift shift)
{
  return ((Word)addr & (((Word)1 << shift) - 1)) == 0;
}

static inline Addr addr_round_down(Addr addr, Size align)
{
  return (Addr)((Word)addr & ~(Word)(align - 1));
}

static inline Addr addr_round_up(Addr addr, Size align)
{
  return (Addr)(((Word)addr + align - 1) & ~(Word)(align - 1));
}

/* align is a power of two in each of these */
static inline bool size_is_aligned(Size size, Size align)
{
  return (size & (align - 1)) == 0;
}

static inline Size size_round_up(Size size, Size align)
{
  return (size + align - 1) & ~(align - 1);
}

static inline Size size_round_down(Size size, Size align)
{
  return size & ~(align - 1);
}

static inline bool size_is_pow2(Size size)
{
  return size != 0 && (size & (size - 1)) == 0;
}

/* The floor of log2; size is not zero. */
static inline Shift size_log2(Size size)
{
  return (Shift)(WORD_BITS - 1) - (Shift)__builtin_clzll(size);
}

static inline Size size_min(Size a, Size b)
{
  return a < b ? a : b;
}

static inline Size size_max(Size a, Size b)
{
  return a > b ? a : b;
}

/* base_fail -- report a failed assertion
 *
 * Goes to the handler that the client installed, or to the default one,
 * which prints and aborts.  A handler may return: then the program goes on
 * after the assertion (.base.assert.handler). */
MOSTLY_INTERN void base_fail(const char *tier, const char *file, int line,
                             const char *condition);

#define BASE_TEST(tier, cond) \
  (LIKELY(cond) ? (void)0 : base_fail(tier, __FILE__, __LINE__, #cond))

/* A tier that is off still compiles its condition, so it can't rot.
 * Not sizeof: Clang would call the helpers it names unneeded. */
#define BASE_SKIP(cond) ((void)(false && (cond)))

#define VARIETY_RELEASE 0
#define VARIETY_CHECK 1
#define VARIETY_HARSH 2
#ifndef VARIETY
#ifdef CONFIG_VAR_COOL
#define VARIETY VARIETY_HARSH
#else
#define VARIETY VARIETY_RELEASE
#endif
#endif

/* REQUIRE -- the client keeps the contract, or it is told: which function,
 * which argument, which rule.  False if not; then the caller does nothing.
 * On in every variety. */
#define REQUIRE(cond, text) \
  (LIKELY(cond) ? true : (base_report(__FILE__, __LINE__, text), false))

/* base_report -- what REQUIRE does
 *
 * Between base_hold and base_let, which nest, the first report of a thread is
 * kept, and made by the last base_let: whoever is told may do anything there,
 * a long jump too (.base.report). */
MOSTLY_INTERN void base_report(const char *file, int line, const char *text);

/* What a thread keeps.  Texts are literals. */
typedef struct BaseKept {
  unsigned depth; /* how many base_let are to come */
  int line;
  const char *file;
  const char *text; /* or NULL */
} BaseKept;

MOSTLY_INTERN_DATA _Thread_local BaseKept base_kept;

MOSTLY_INTERN void base_tell_kept(void);

static inline void base_hold(void)
{
  ++base_kept.depth;
}

static inline void base_let(void)
{
  --base_kept.depth;
  if (UNLIKELY(base_kept.text != NULL) && base_kept.depth == 0)
    base_tell_kept();
}

/* All at once, and what was kept is forgotten. */
static inline void base_let_all(void)
{
  base_kept = (BaseKept){0};
}

/* ASSERT -- we keep our own promises.  On in every variety. */
#define ASSERT(cond) BASE_TEST("ASSERT", cond)

/* ASSERT_HOT -- the same on the critical path, where the bench has shown
 * that the test costs time.  Off in release. */
#if VARIETY >= VARIETY_CHECK
#define ASSERT_HOT(cond) BASE_TEST("ASSERT_HOT", cond)
#else
#define ASSERT_HOT(cond) BASE_SKIP(cond)
#endif

/* CHECK -- one invariant, inside a check function only.
 * CHECK_DEEP guards the ones that cost more than constant time. */
#define CHECK(cond) BASE_TEST("CHECK", cond)
#define CHECK_DEEP (VARIETY >= VARIETY_HARSH)

/* HARSH -- true where limits shrink and everything is checked. */
#define HARSH (VARIETY >= VARIETY_HARSH)

#endif /* BASE_H */
