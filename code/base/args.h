/* args.h -- keyword arguments
 *
 * A list of arguments is the client's array, ended by the key
 * MPS_KEY_ARGS_END.  A function picks the arguments that it knows out of it,
 * and leaves the others for whoever is asked next.
 *
 * The table below is the only list of the keys: key, member of val, rule,
 * and the function that takes it, which reports name.
 *
 * Design: .interface.args, .interface.args.key (design/interface.rst).
 */

#ifndef ARGS_H
#define ARGS_H

#include "base.h"

/* clang-format off */
#define ARGS_KEYS(X)                                                       \
  X(ARENA_SIZE,            size,   ANY,              mps_arena_create_k)   \
  X(ARENA_GRAIN_SIZE,      size,   POW2,             mps_arena_create_k)   \
  X(ARENA_ZONED,           b,      ANY,              mps_arena_create_k)   \
  X(ARENA_CL_BASE,         addr,   GIVEN,            mps_arena_create_k)   \
  X(ARENA_EXTENDED,        fun,    GIVEN,            mps_arena_create_k)   \
  X(ARENA_CONTRACTED,      fun,    GIVEN,            mps_arena_create_k)   \
  X(ARENA_BARRIER,         string, GIVEN,            mps_arena_create_k)   \
  X(COMMIT_LIMIT,          size,   ANY,              mps_arena_create_k)   \
  X(SPARE,                 d,      FRACTION,                               \
    mps_arena_create_k or mps_pool_create_k)                               \
  X(SPARE_COMMIT_LIMIT,    size,   ANY,              mps_arena_create_k)   \
  X(PAUSE_TIME,            d,      TIME,             mps_arena_create_k)   \
  X(VMW3_TOP_DOWN,         b,      ANY,              mps_arena_create_k)   \
  X(FMT_ALIGN,             align,  POW2,             mps_fmt_create_k)     \
  X(FMT_HEADER_SIZE,       size,   ANY,              mps_fmt_create_k)     \
  X(FMT_SCAN,              fmt_scan,  GIVEN,         mps_fmt_create_k)     \
  X(FMT_SKIP,              fmt_skip,  GIVEN,         mps_fmt_create_k)     \
  X(FMT_FWD,               fmt_fwd,   GIVEN,         mps_fmt_create_k)     \
  X(FMT_ISFWD,             fmt_isfwd, GIVEN,         mps_fmt_create_k)     \
  X(FMT_PAD,               fmt_pad,   GIVEN,         mps_fmt_create_k)     \
  X(FMT_CLASS,             fmt_class, GIVEN,         mps_fmt_create_k)     \
  X(FORMAT,                format, GIVEN,            mps_pool_create_k)    \
  X(CHAIN,                 chain,  GIVEN,            mps_pool_create_k)    \
  X(GEN,                   u,      ANY,              mps_pool_create_k)    \
  X(INTERIOR,              b,      ANY,              mps_pool_create_k)    \
  X(EXTEND_BY,             size,   POSITIVE,         mps_pool_create_k)    \
  X(LARGE_SIZE,            size,   POSITIVE,         mps_pool_create_k)    \
  X(AMS_SUPPORT_AMBIGUOUS, b,      ANY,              mps_pool_create_k)    \
  X(AWL_FIND_DEPENDENT,    addr_method, ANY,         mps_pool_create_k)    \
  X(RANK,                  rank,   ANY,              mps_ap_create_k)      \
  X(AP_HASH_ARRAYS,        b,      ANY,              mps_ap_create_k)      \
  X(MFS_UNIT_SIZE,         size,   POSITIVE,         mps_pool_create_k)    \
  X(ALIGN,                 align,  POW2,             mps_pool_create_k)    \
  X(MEAN_SIZE,             size,   POSITIVE,         mps_pool_create_k)    \
  X(MIN_SIZE,              size,   POSITIVE,         mps_pool_create_k)    \
  X(MAX_SIZE,              size,   POSITIVE,         mps_pool_create_k)    \
  X(MVFF_SLOT_HIGH,        b,      ANY,              mps_pool_create_k)    \
  X(MVFF_FIRST_FIT,        b,      ANY,              mps_pool_create_k)    \
  X(MVFF_ARENA_HIGH,       b,      ANY,              mps_pool_create_k)    \
  X(MVT_RESERVE_DEPTH,     count,  ANY,              mps_pool_create_k)    \
  X(MVT_FRAG_LIMIT,        d,      FRACTION,         mps_pool_create_k)    \
  X(POOL_DEBUG_OPTIONS,    pool_debug_options, GIVEN, mps_pool_create_k) \
  X(BLK_SIZE,              size,   POW2,             mps_pool_create_k)    \
  X(BLK_MEMORY,            p,      GIVEN,            mps_pool_create_k)    \
  X(BLK_MEMORY_SIZE,       size,   POSITIVE,         mps_pool_create_k)    \
  X(BLK_HEADROOM,          d,      FRACTION,         mps_pool_create_k)    \
  X(BLK_THRESHOLD,         size,   ANY,              mps_pool_create_k)    \
  X(BLK_AUTO,              b,      ANY,              mps_pool_create_k)    \
  X(BLK_MARK_STACK,        count,  POSITIVE,         mps_pool_create_k)    \
  X(BLK_CLEAR,             b,      ANY,              mps_pool_create_k)    \
  X(BLK_POISON,            b,      ANY,              mps_pool_create_k)    \
  X(BLK_LAYOUT,            b,      ANY,              mps_pool_create_k)    \
  X(BLK_LEAVES,            b,      ANY,              mps_pool_create_k)    \
  X(BLK_ZERO,              b,      ANY,              mps_pool_create_k)    \
  X(BLK_FINAL,             fun,    GIVEN,            mps_pool_create_k)    \
  X(BLK_FINAL_CLOSURE,     p,      ANY,              mps_pool_create_k)    \
  X(BLK_WEAK,              fun,    GIVEN,            mps_pool_create_k)    \
  X(BLK_COLLECTED,         fun,    GIVEN,            mps_pool_create_k)    \
  X(BLK_COLLECT,           fun,    GIVEN,            mps_pool_create_k)    \
  X(BLK_LOCKED,            fun,    GIVEN,            mps_pool_create_k)    \
  X(BLK_LOOP,              fun,    GIVEN,            mps_pool_create_k)    \
  X(BLK_CLOSURE,           p,      ANY,              mps_pool_create_k)
/* clang-format on */

/* A key.  The texts are literals, because an assertion handler may keep
 * what it is given. */
struct mps_key_s {
  Sig sig;
  const char *name;     /* as the client writes it */
  const char *required; /* what to report when it is missing */
  const char *broken;   /* what to report when its value breaks the rule */
  bool (*is_valid)(const mps_arg_s *arg);
};

/* args_check -- is this a list: known keys, and an end within the limit? */
MOSTLY_INTERN bool args_check(const mps_arg_s *args);

/* args_has -- is there an argument of this key? */
MOSTLY_INTERN bool args_has(const mps_arg_s *args, mps_key_t key);

/* args_pick -- take the first argument of this key out of the list
 *
 * The others keep their order.  False if there is none.  A value that
 * breaks the key's rule is reported and counts as none; it stays in the
 * list, which is broken from then on. */
MOSTLY_INTERN bool args_pick(mps_arg_s *args, mps_key_t key,
                             mps_arg_s *arg_out);

/* args_are_broken -- has a value been found that breaks its key's rule?
 *
 * Asked when all has been picked: the call must then do nothing. */
MOSTLY_INTERN bool args_are_broken(const mps_arg_s *args);

/* args_require -- the same, and report it if there is none */
MOSTLY_INTERN bool args_require(mps_arg_s *args, mps_key_t key,
                                mps_arg_s *arg_out);

#endif /* ARGS_H */
