/* args.h -- keyword arguments
 *
 * A list of arguments is the client's array, ended by the key
 * MPS_KEY_ARGS_END.  A function picks the arguments that it knows out of it,
 * and leaves the others for whoever is asked next.
 *
 * The table below is the only list of the keys: key, member of val, rule.
 *
 * Design: .interface.args, .interface.args.key (design/interface.rst).
 */

#ifndef ARGS_H
#define ARGS_H

#include "base.h"

/* clang-format off */
#define ARGS_KEYS(X)                         \
  X(ARENA_SIZE,            size,   ANY)      \
  X(ARENA_GRAIN_SIZE,      size,   POW2)     \
  X(ARENA_ZONED,           b,      ANY)      \
  X(ARENA_CL_BASE,         addr,   GIVEN)    \
  X(ARENA_EXTENDED,        fun,    GIVEN)    \
  X(ARENA_CONTRACTED,      fun,    GIVEN)    \
  X(ARENA_BARRIER,         string, GIVEN)    \
  X(COMMIT_LIMIT,          size,   ANY)      \
  X(SPARE,                 d,      FRACTION) \
  X(SPARE_COMMIT_LIMIT,    size,   ANY)      \
  X(PAUSE_TIME,            d,      TIME)     \
  X(VMW3_TOP_DOWN,         b,      ANY)      \
  X(FMT_ALIGN,             align,  POW2)     \
  X(FMT_HEADER_SIZE,       size,   ANY)      \
  X(FMT_SCAN,              fmt_scan,  GIVEN) \
  X(FMT_SKIP,              fmt_skip,  GIVEN) \
  X(FMT_FWD,               fmt_fwd,   GIVEN) \
  X(FMT_ISFWD,             fmt_isfwd, GIVEN) \
  X(FMT_PAD,               fmt_pad,   GIVEN) \
  X(FMT_CLASS,             fmt_class, GIVEN) \
  X(FORMAT,                format, GIVEN)    \
  X(CHAIN,                 chain,  GIVEN)    \
  X(GEN,                   u,      ANY)      \
  X(INTERIOR,              b,      ANY)      \
  X(EXTEND_BY,             size,   POSITIVE) \
  X(LARGE_SIZE,            size,   POSITIVE) \
  X(AMS_SUPPORT_AMBIGUOUS, b,      ANY)      \
  X(AWL_FIND_DEPENDENT,    addr_method, ANY) \
  X(RANK,                  rank,   ANY)      \
  X(AP_HASH_ARRAYS,        b,      ANY)      \
  X(MFS_UNIT_SIZE,         size,   POSITIVE) \
  X(ALIGN,                 align,  POW2)     \
  X(MEAN_SIZE,             size,   POSITIVE) \
  X(MIN_SIZE,              size,   POSITIVE) \
  X(MAX_SIZE,              size,   POSITIVE) \
  X(MVFF_SLOT_HIGH,        b,      ANY)      \
  X(MVFF_FIRST_FIT,        b,      ANY)      \
  X(MVFF_ARENA_HIGH,       b,      ANY)      \
  X(MVT_RESERVE_DEPTH,     count,  ANY)      \
  X(MVT_FRAG_LIMIT,        d,      FRACTION) \
  X(POOL_DEBUG_OPTIONS,    pool_debug_options, GIVEN)
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
 * breaks the key's rule is reported, removed, and counts as none. */
MOSTLY_INTERN bool args_pick(mps_arg_s *args, mps_key_t key,
                             mps_arg_s *arg_out);

/* args_require -- the same, and report it if there is none */
MOSTLY_INTERN bool args_require(mps_arg_s *args, mps_key_t key,
                                mps_arg_s *arg_out);

#endif /* ARGS_H */
