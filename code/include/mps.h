/* mps.h -- the interface to memory pools
 *
 * A client creates an arena, describes its objects by a format, creates
 * pools, registers roots and threads, and allocates through allocation
 * points.  The headers mpsa*.h add arena classes and mpsc*.h pool classes.
 *
 * Unless a comment says otherwise:
 * - any thread may call a function, which takes the lock of its arena; so no
 *   format method, root scanner or callback may call it;
 * - a function that returns mps_res_t answers MPS_RES_OK, or MPS_RES_MEMORY,
 *   MPS_RES_RESOURCE or MPS_RES_COMMIT_LIMIT when it runs out of memory,
 *   address space or permission; expect other codes too;
 * - a first parameter that ends in _o is a result, written on success only;
 * - the caller owns what a create function makes, and ends it with the
 *   destroy function of the same name; arguments are copied;
 * - sizes are in bytes, times in seconds;
 * - misuse is reported to the assertion handler (mpslib.h), not by a code.
 * Names that begin with an underscore are private.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mps_h
#define mps_h

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif


/* Scalar types */

#ifdef _WIN64
typedef unsigned __int64 mps_word_t; /* as wide as a pointer */
#else
typedef unsigned long mps_word_t; /* as wide as a pointer */
#endif
typedef void *mps_addr_t;            /* an address; null is never a block */
typedef int mps_bool_t;              /* in: zero or not; out: 0 or 1 */
typedef int mps_res_t;               /* one of the result codes below */
typedef size_t mps_align_t;          /* a power of two */
typedef unsigned mps_rm_t;           /* root mode: MPS_RM_* */
typedef unsigned mps_rank_t;         /* what kind of reference */
typedef unsigned mps_message_type_t; /* mps_message_type_*() */
typedef mps_word_t mps_clock_t;      /* in mps_clocks_per_sec()ths */
typedef mps_word_t mps_label_t;      /* telemetry label */
typedef void (*mps_fun_t)(void);     /* any function, after a cast */

/* Result codes.  The order fixes the values. */
enum {
  MPS_RES_OK = 0,       /* success */
  MPS_RES_FAIL,         /* anything that no other code tells */
  MPS_RES_RESOURCE,     /* out of address space or the like */
  MPS_RES_MEMORY,       /* out of memory */
  MPS_RES_LIMIT,        /* an internal limit */
  MPS_RES_UNIMPL,       /* not implemented */
  MPS_RES_IO,           /* telemetry could not be written */
  MPS_RES_COMMIT_LIMIT, /* the arena's commit limit */
  MPS_RES_PARAM         /* a parameter is out of its range */
};


/* Handles.  Clients may declare the tags themselves. */

typedef struct mps_arena_s *mps_arena_t;
typedef struct mps_arena_class_s *mps_arena_class_t;
typedef struct mps_pool_s *mps_pool_t;
typedef struct mps_pool_class_s *mps_pool_class_t;
typedef mps_pool_class_t mps_class_t; /* deprecated */
typedef struct mps_chain_s *mps_chain_t;
typedef struct mps_fmt_s *mps_fmt_t;
typedef struct mps_root_s *mps_root_t;
typedef struct mps_thr_s *mps_thr_t;
typedef struct mps_ap_s *mps_ap_t;
typedef struct mps_ld_s *mps_ld_t;
typedef struct mps_ss_s *mps_ss_t;
typedef struct mps_sac_s *mps_sac_t;
typedef struct mps_message_s *mps_message_t;
typedef struct mps_alloc_pattern_s *mps_alloc_pattern_t;
typedef struct mps_frame_s *mps_frame_t;
typedef struct mps_transform_s *mps_transform_t;
typedef const struct mps_key_s *mps_key_t;


/* Methods that the client gives.  They may run at any time on any thread,
 * in a signal handler too, with the arena's lock held: they must not call
 * the library, except that scan methods use the scan macros. */

typedef mps_res_t (*mps_fmt_scan_t)(mps_ss_t ss, mps_addr_t base,
                                    mps_addr_t limit);
typedef mps_addr_t (*mps_fmt_skip_t)(mps_addr_t object);
typedef void (*mps_fmt_copy_t)(mps_addr_t from, mps_addr_t to);
typedef void (*mps_fmt_fwd_t)(mps_addr_t from, mps_addr_t to);
typedef mps_addr_t (*mps_fmt_isfwd_t)(mps_addr_t object);
typedef void (*mps_fmt_pad_t)(mps_addr_t base, size_t size);
typedef mps_addr_t (*mps_fmt_class_t)(mps_addr_t object);
typedef mps_res_t (*mps_root_scan_t)(mps_ss_t ss, void *p, size_t s);
typedef mps_res_t (*mps_area_scan_t)(mps_ss_t ss, void *base, void *limit,
                                     void *closure);
typedef mps_res_t (*mps_reg_scan_t)(mps_ss_t ss, mps_thr_t thr, void *p,
                                    size_t s);
typedef mps_addr_t (*mps_awl_find_dependent_t)(mps_addr_t object);
typedef void (*mps_formatted_objects_stepper_t)(mps_addr_t object,
                                                mps_fmt_t fmt, mps_pool_t pool,
                                                void *p, size_t s);
typedef void (*mps_roots_stepper_t)(mps_addr_t *ref, mps_root_t root, void *p,
                                    size_t s);
typedef void (*mps_arena_extended_t)(mps_arena_t arena, void *base,
                                     size_t size);
typedef void (*mps_arena_contracted_t)(mps_arena_t arena, void *base,
                                       size_t size);


/* Structures of the client */

/* An allocation point.  Compilers may inline the protocol on it. */
typedef struct mps_ap_s {
  mps_addr_t init;  /* limit of what is committed */
  mps_addr_t alloc; /* limit of what is reserved */
  mps_addr_t limit; /* limit of the buffer, or null after a flip */
} mps_ap_s;

/* A location dependency. */
typedef struct mps_ld_s {
  mps_word_t _epoch;
  mps_word_t _rs;
} mps_ld_s;

/* A scan state: what the scan macros need, and where they note what they
 * saw (.interface.scan). */
typedef struct mps_ss_s {
  mps_word_t _base;           /* of the arena's address span */
  mps_word_t _count;          /* grains in the span */
  const unsigned char *_kind; /* of each grain */
  mps_word_t _seen;           /* bit k: a reference to kind k was seen */
  unsigned _shift;            /* log2 of the grain size */
} mps_ss_s;

/* The closure of the masked and tagged area scanners. */
typedef struct mps_scan_tag_s {
  mps_word_t mask;    /* the tag bits of a word */
  mps_word_t pattern; /* their value in a reference */
} mps_scan_tag_s, *mps_scan_tag_t;

typedef struct mps_gen_param_s {
  size_t mps_capacity;  /* in units of 1024 bytes */
  double mps_mortality; /* expected, from 0.0 to 1.0 */
} mps_gen_param_s;

/* What a debugging pool writes around and over blocks. */
typedef struct mps_pool_debug_option_s {
  const void *fence_template;
  size_t fence_size; /* zero for no fences */
  const void *free_template;
  size_t free_size; /* zero for no splatting */
} mps_pool_debug_option_s;

/* A size class of a segregated allocation cache. */
typedef struct mps_sac_class_s {
  size_t mps_block_size;
  size_t mps_cached_count;
  unsigned mps_frequency;
} mps_sac_class_s;
#define mps_sac_classes_s mps_sac_class_s

/* Deprecated format descriptions.  The copy method is never called. */
typedef struct mps_fmt_A_s {
  mps_align_t align;
  mps_fmt_scan_t scan;
  mps_fmt_skip_t skip;
  mps_fmt_copy_t copy;
  mps_fmt_fwd_t fwd;
  mps_fmt_isfwd_t isfwd;
  mps_fmt_pad_t pad;
} mps_fmt_A_s, *mps_fmt_A_t;

typedef struct mps_fmt_B_s {
  mps_align_t align;
  mps_fmt_scan_t scan;
  mps_fmt_skip_t skip;
  mps_fmt_copy_t copy;
  mps_fmt_fwd_t fwd;
  mps_fmt_isfwd_t isfwd;
  mps_fmt_pad_t pad;
  mps_fmt_class_t mps_class;
} mps_fmt_B_s, *mps_fmt_B_t;

typedef struct mps_fmt_auto_header_s {
  mps_align_t align;
  mps_fmt_scan_t scan;
  mps_fmt_skip_t skip;
  mps_fmt_fwd_t fwd;
  mps_fmt_isfwd_t isfwd;
  mps_fmt_pad_t pad;
  size_t mps_headerSize;
} mps_fmt_auto_header_s;

typedef struct mps_fmt_fixed_s {
  mps_align_t align;
  mps_fmt_scan_t scan;
  mps_fmt_fwd_t fwd;
  mps_fmt_isfwd_t isfwd;
  mps_fmt_pad_t pad;
} mps_fmt_fixed_s;


/* Keyword arguments
 *
 *   MPS_ARGS_BEGIN(args) {
 *     MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
 *     res = mps_pool_create_k(&pool, arena, mps_class_amc(), args);
 *   } MPS_ARGS_END(args);
 *
 * The function removes each argument that it used and ignores the others;
 * of two with the same key it takes the first. */

typedef struct mps_arg_s {
  mps_key_t key;
  union {
    mps_bool_t b;
    char c;
    const char *string;
    int i;
    unsigned u;
    long l;
    unsigned long ul;
    float f;
    double d;
    size_t size;
    mps_fun_t fun;
    mps_addr_t addr;
    mps_fmt_t format;
    mps_chain_t chain;
    struct mps_pool_debug_option_s *pool_debug_options;
    mps_addr_t (*addr_method)(mps_addr_t);
    mps_align_t align;
    mps_word_t count;
    void *p;
    mps_rank_t rank;
    mps_fmt_scan_t fmt_scan;
    mps_fmt_skip_t fmt_skip;
    mps_fmt_fwd_t fmt_fwd;
    mps_fmt_isfwd_t fmt_isfwd;
    mps_fmt_pad_t fmt_pad;
    mps_fmt_class_t fmt_class;
    mps_pool_t pool;
  } val;
} mps_arg_s;

/* An empty argument list. */
extern mps_arg_s mps_args_none[];

/* How many elements a list has, with the terminator. */
#define MPS_ARGS_MAX 32

/* Report a list that has no room for another argument. */
extern void _mps_args_full(void);

/* The braces hold the list: break and continue act on them. */
#define MPS_ARGS_BEGIN(args) \
  do { \
    mps_arg_s args[MPS_ARGS_MAX]; \
    unsigned args##_i = 0; \
    args[0].key = MPS_KEY_ARGS_END; \
    do {
#define MPS_ARGS_ADD_FIELD(args, mps_key, field, value) \
  do { \
    if (args##_i + 1 >= MPS_ARGS_MAX) { \
      _mps_args_full(); \
    } else { \
      args[args##_i].key = (mps_key); \
      args[args##_i].val.field = (value); \
      args##_i += 1; \
      args[args##_i].key = MPS_KEY_ARGS_END; \
    } \
  } while (0)

#define MPS_ARGS_ADD(args, mps_key, value) \
  MPS_ARGS_ADD_FIELD(args, mps_key, mps_key##_FIELD, value)

/* Deprecated: the list is always terminated. */
#define MPS_ARGS_DONE(args) ((void)args##_i)

#define MPS_ARGS_END(args) \
  (void)args##_i; \
  } \
  while (0) \
    ; \
  } \
  while (0)

/* Each key is an object, and KEY_FIELD says which member of val it uses. */

extern const struct mps_key_s _mps_key_ARGS_END;
#define MPS_KEY_ARGS_END (&_mps_key_ARGS_END)

/* For arenas */
extern const struct mps_key_s _mps_key_ARENA_SIZE;
#define MPS_KEY_ARENA_SIZE (&_mps_key_ARENA_SIZE)
#define MPS_KEY_ARENA_SIZE_FIELD size
extern const struct mps_key_s _mps_key_ARENA_GRAIN_SIZE;
#define MPS_KEY_ARENA_GRAIN_SIZE (&_mps_key_ARENA_GRAIN_SIZE)
#define MPS_KEY_ARENA_GRAIN_SIZE_FIELD size
extern const struct mps_key_s _mps_key_ARENA_ZONED;
#define MPS_KEY_ARENA_ZONED (&_mps_key_ARENA_ZONED)
#define MPS_KEY_ARENA_ZONED_FIELD b
extern const struct mps_key_s _mps_key_ARENA_EXTENDED;
#define MPS_KEY_ARENA_EXTENDED (&_mps_key_ARENA_EXTENDED)
#define MPS_KEY_ARENA_EXTENDED_FIELD fun
extern const struct mps_key_s _mps_key_ARENA_CONTRACTED;
#define MPS_KEY_ARENA_CONTRACTED (&_mps_key_ARENA_CONTRACTED)
#define MPS_KEY_ARENA_CONTRACTED_FIELD fun
extern const struct mps_key_s _mps_key_COMMIT_LIMIT;
#define MPS_KEY_COMMIT_LIMIT (&_mps_key_COMMIT_LIMIT)
#define MPS_KEY_COMMIT_LIMIT_FIELD size
extern const struct mps_key_s _mps_key_SPARE_COMMIT_LIMIT;
#define MPS_KEY_SPARE_COMMIT_LIMIT (&_mps_key_SPARE_COMMIT_LIMIT)
#define MPS_KEY_SPARE_COMMIT_LIMIT_FIELD size
extern const struct mps_key_s _mps_key_PAUSE_TIME;
#define MPS_KEY_PAUSE_TIME (&_mps_key_PAUSE_TIME)
#define MPS_KEY_PAUSE_TIME_FIELD d
extern const struct mps_key_s _mps_key_VMW3_TOP_DOWN;
#define MPS_KEY_VMW3_TOP_DOWN (&_mps_key_VMW3_TOP_DOWN)
#define MPS_KEY_VMW3_TOP_DOWN_FIELD b

/* For formats */
extern const struct mps_key_s _mps_key_FMT_ALIGN;
#define MPS_KEY_FMT_ALIGN (&_mps_key_FMT_ALIGN)
#define MPS_KEY_FMT_ALIGN_FIELD align
extern const struct mps_key_s _mps_key_FMT_HEADER_SIZE;
#define MPS_KEY_FMT_HEADER_SIZE (&_mps_key_FMT_HEADER_SIZE)
#define MPS_KEY_FMT_HEADER_SIZE_FIELD size
extern const struct mps_key_s _mps_key_FMT_SCAN;
#define MPS_KEY_FMT_SCAN (&_mps_key_FMT_SCAN)
#define MPS_KEY_FMT_SCAN_FIELD fmt_scan
extern const struct mps_key_s _mps_key_FMT_SKIP;
#define MPS_KEY_FMT_SKIP (&_mps_key_FMT_SKIP)
#define MPS_KEY_FMT_SKIP_FIELD fmt_skip
extern const struct mps_key_s _mps_key_FMT_FWD;
#define MPS_KEY_FMT_FWD (&_mps_key_FMT_FWD)
#define MPS_KEY_FMT_FWD_FIELD fmt_fwd
extern const struct mps_key_s _mps_key_FMT_ISFWD;
#define MPS_KEY_FMT_ISFWD (&_mps_key_FMT_ISFWD)
#define MPS_KEY_FMT_ISFWD_FIELD fmt_isfwd
extern const struct mps_key_s _mps_key_FMT_PAD;
#define MPS_KEY_FMT_PAD (&_mps_key_FMT_PAD)
#define MPS_KEY_FMT_PAD_FIELD fmt_pad
extern const struct mps_key_s _mps_key_FMT_CLASS;
#define MPS_KEY_FMT_CLASS (&_mps_key_FMT_CLASS)
#define MPS_KEY_FMT_CLASS_FIELD fmt_class

/* For pools of several classes */
extern const struct mps_key_s _mps_key_FORMAT;
#define MPS_KEY_FORMAT (&_mps_key_FORMAT)
#define MPS_KEY_FORMAT_FIELD format
extern const struct mps_key_s _mps_key_CHAIN;
#define MPS_KEY_CHAIN (&_mps_key_CHAIN)
#define MPS_KEY_CHAIN_FIELD chain
extern const struct mps_key_s _mps_key_GEN;
#define MPS_KEY_GEN (&_mps_key_GEN)
#define MPS_KEY_GEN_FIELD u
extern const struct mps_key_s _mps_key_INTERIOR;
#define MPS_KEY_INTERIOR (&_mps_key_INTERIOR)
#define MPS_KEY_INTERIOR_FIELD b
extern const struct mps_key_s _mps_key_EXTEND_BY;
#define MPS_KEY_EXTEND_BY (&_mps_key_EXTEND_BY)
#define MPS_KEY_EXTEND_BY_FIELD size
extern const struct mps_key_s _mps_key_LARGE_SIZE;
#define MPS_KEY_LARGE_SIZE (&_mps_key_LARGE_SIZE)
#define MPS_KEY_LARGE_SIZE_FIELD size
extern const struct mps_key_s _mps_key_ALIGN;
#define MPS_KEY_ALIGN (&_mps_key_ALIGN)
#define MPS_KEY_ALIGN_FIELD align
extern const struct mps_key_s _mps_key_MIN_SIZE;
#define MPS_KEY_MIN_SIZE (&_mps_key_MIN_SIZE)
#define MPS_KEY_MIN_SIZE_FIELD size
extern const struct mps_key_s _mps_key_MEAN_SIZE;
#define MPS_KEY_MEAN_SIZE (&_mps_key_MEAN_SIZE)
#define MPS_KEY_MEAN_SIZE_FIELD size
extern const struct mps_key_s _mps_key_MAX_SIZE;
#define MPS_KEY_MAX_SIZE (&_mps_key_MAX_SIZE)
#define MPS_KEY_MAX_SIZE_FIELD size
/* The fraction of its memory that an arena or a pool may keep spare. */
extern const struct mps_key_s _mps_key_SPARE;
#define MPS_KEY_SPARE (&_mps_key_SPARE)
#define MPS_KEY_SPARE_FIELD d
/* The templates are not copied: they must outlive the pool. */
extern const struct mps_key_s _mps_key_POOL_DEBUG_OPTIONS;
#define MPS_KEY_POOL_DEBUG_OPTIONS (&_mps_key_POOL_DEBUG_OPTIONS)
#define MPS_KEY_POOL_DEBUG_OPTIONS_FIELD pool_debug_options

/* For allocation points */
extern const struct mps_key_s _mps_key_RANK;
#define MPS_KEY_RANK (&_mps_key_RANK)
#define MPS_KEY_RANK_FIELD rank
extern const struct mps_key_s _mps_key_AP_HASH_ARRAYS;
#define MPS_KEY_AP_HASH_ARRAYS (&_mps_key_AP_HASH_ARRAYS)
#define MPS_KEY_AP_HASH_ARRAYS_FIELD b


/* Arenas */

/* Make an arena of a class from mpsa*.h.  It starts unclamped, with no
 * message type enabled.  Takes no lock. */
extern mps_res_t mps_arena_create_k(mps_arena_t *arena_o,
                                    mps_arena_class_t arena_class,
                                    mps_arg_s args[]);
/* Deprecated forms, whose positional arguments the class defines. */
extern mps_res_t mps_arena_create(mps_arena_t *arena_o,
                                  mps_arena_class_t arena_class, ...);
extern mps_res_t mps_arena_create_v(mps_arena_t *arena_o,
                                    mps_arena_class_t arena_class,
                                    va_list args);
/* End an arena: its pools, formats, chains, roots and threads must be gone.
 * Messages that were not fetched are dropped.  No other thread may use it. */
extern void mps_arena_destroy(mps_arena_t arena);
/* Give a client arena another piece of the client's memory. */
extern mps_res_t mps_arena_extend(mps_arena_t arena, mps_addr_t base,
                                  size_t size);

/* Address space that the arena holds, memory that it uses, and that part of
 * the latter which is spare: spare <= committed <= reserved. */
extern size_t mps_arena_reserved(mps_arena_t arena);
extern size_t mps_arena_committed(mps_arena_t arena);
extern size_t mps_arena_spare_committed(mps_arena_t arena);

/* The most memory that the arena may use, spare and internal included.
 * Setting it gives spare memory back as needed, or fails with MPS_RES_FAIL
 * and changes nothing. */
extern size_t mps_arena_commit_limit(mps_arena_t arena);
extern mps_res_t mps_arena_commit_limit_set(mps_arena_t arena, size_t limit);

/* The fraction of committed memory that may be spare, from 0.0 to 1.0.
 * Lowering it gives memory back at once. */
extern double mps_arena_spare(mps_arena_t arena);
extern void mps_arena_spare_set(mps_arena_t arena, double spare);
/* Deprecated: the same in bytes, as part of the commit limit. */
extern size_t mps_arena_spare_commit_limit(mps_arena_t arena);
extern void mps_arena_spare_commit_limit_set(mps_arena_t arena, size_t limit);

/* The longest pause wanted, in seconds: not negative, may be infinite. */
extern double mps_arena_pause_time(mps_arena_t arena);
extern void mps_arena_pause_time_set(mps_arena_t arena, double pause_time);

/* How many times objects may have moved.  Takes no lock. */
extern mps_word_t mps_collections(mps_arena_t arena);

/* Start no collection and move no object until the release. */
extern void mps_arena_clamp(mps_arena_t arena);
/* Finish the collection that is running, and stay clamped. */
extern void mps_arena_park(mps_arena_t arena);
/* Let collections start by themselves again.  May do some work. */
extern void mps_arena_release(mps_arena_t arena);
/* Collect everything, and stay parked, also if there is nothing to
 * collect. */
extern mps_res_t mps_arena_collect(mps_arena_t arena);
/* Start to collect everything, unclamped. */
extern mps_res_t mps_arena_start_collect(mps_arena_t arena);
/* Do collection work for about interval seconds; if multiplier is positive
 * and none runs, one that fits in interval * multiplier may start.  True if
 * there was work to do. */
extern mps_bool_t mps_arena_step(mps_arena_t arena, double interval,
                                 double multiplier);
/* Make all memory readable for a debugger.  The arena can't be used or
 * destroyed afterwards.  May be called with the lock held. */
extern void mps_arena_postmortem(mps_arena_t arena);
/* Is the lock held?  Takes no lock; exact if other threads are stopped. */
extern mps_bool_t mps_arena_busy(mps_arena_t arena);


/* What is at an address?  The first three may be called in heap walks. */

/* Is it in memory that is allocated from the arena? */
extern mps_bool_t mps_arena_has_addr(mps_arena_t arena, mps_addr_t addr);
/* True if it belongs to a pool, or to one with a format, which is stored in
 * the result; free memory of a pool may count. */
extern mps_bool_t mps_addr_pool(mps_pool_t *pool_o, mps_arena_t arena,
                                mps_addr_t addr);
extern mps_bool_t mps_addr_fmt(mps_fmt_t *fmt_o, mps_arena_t arena,
                               mps_addr_t addr);
/* Find the object around an address.  MPS_RES_FAIL if there is none,
 * MPS_RES_UNIMPL if it is in a pool that isn't of AMC or AMCZ. */
extern mps_res_t mps_addr_object(mps_addr_t *p_o, mps_arena_t arena,
                                 mps_addr_t addr);


/* Object formats */

/* A method that was not given reports an error when a pool calls it. */
extern mps_res_t mps_fmt_create_k(mps_fmt_t *fmt_o, mps_arena_t arena,
                                  mps_arg_s args[]);
/* Deprecated forms.  The structure is copied. */
extern mps_res_t mps_fmt_create_A(mps_fmt_t *fmt_o, mps_arena_t arena,
                                  mps_fmt_A_s *description);
extern mps_res_t mps_fmt_create_B(mps_fmt_t *fmt_o, mps_arena_t arena,
                                  mps_fmt_B_s *description);
extern mps_res_t
mps_fmt_create_auto_header(mps_fmt_t *fmt_o, mps_arena_t arena,
                           mps_fmt_auto_header_s *description);
extern mps_res_t mps_fmt_create_fixed(mps_fmt_t *fmt_o, mps_arena_t arena,
                                      mps_fmt_fixed_s *description);
/* End a format, which no pool may be using. */
extern void mps_fmt_destroy(mps_fmt_t fmt);


/* Pools */

/* Make a pool of a class from mpsc*.h. */
extern mps_res_t mps_pool_create_k(mps_pool_t *pool_o, mps_arena_t arena,
                                   mps_pool_class_t pool_class,
                                   mps_arg_s args[]);
/* Deprecated forms, whose positional arguments the class defines. */
extern mps_res_t mps_pool_create(mps_pool_t *pool_o, mps_arena_t arena,
                                 mps_pool_class_t pool_class, ...);
extern mps_res_t mps_pool_create_v(mps_pool_t *pool_o, mps_arena_t arena,
                                   mps_pool_class_t pool_class, va_list args);
/* End a pool and its blocks.  Its allocation points must be gone, and no exact
 * or weak reference into it be left, not even in a dead object of another
 * pool that hasn't been reclaimed, unless no collection follows. */
extern void mps_pool_destroy(mps_pool_t pool);
/* Memory that the pool holds, and that part of it which is free. */
extern size_t mps_pool_total_size(mps_pool_t pool);
extern size_t mps_pool_free_size(mps_pool_t pool);
/* Scan every object of a pool; the arena must be parked.  The scanner must
 * fix each reference.  A result that is not MPS_RES_OK ends the walk. */
extern mps_res_t mps_pool_walk(mps_pool_t pool, mps_area_scan_t scan_area,
                               void *closure);
/* Report overwritten fences or free blocks of a debugging pool. */
extern void mps_pool_check_fenceposts(mps_pool_t pool);
extern void mps_pool_check_free_space(mps_pool_t pool);


/* Generation chains */

/* Describe gen_count generations, youngest first. */
extern mps_res_t mps_chain_create(mps_chain_t *chain_o, mps_arena_t arena,
                                  size_t gen_count, mps_gen_param_s *gens);
/* End a chain that no pool and no running collection uses. */
extern void mps_chain_destroy(mps_chain_t chain);


/* Blocks under manual control.  May do collection work. */

extern mps_res_t mps_alloc(mps_addr_t *p_o, mps_pool_t pool, size_t size);
/* Give back a block, whose size the caller must know. */
extern void mps_free(mps_pool_t pool, mps_addr_t p, size_t size);


/* Allocation points.  One belongs to one thread at a time. */

extern mps_res_t mps_ap_create_k(mps_ap_t *ap_o, mps_pool_t pool,
                                 mps_arg_s args[]);
/* Deprecated forms, whose positional arguments the pool class defines. */
extern mps_res_t mps_ap_create(mps_ap_t *ap_o, mps_pool_t pool, ...);
extern mps_res_t mps_ap_create_v(mps_ap_t *ap_o, mps_pool_t pool,
                                 va_list args);
/* End an allocation point, not between reserve and commit. */
extern void mps_ap_destroy(mps_ap_t ap);

/* Reserve a block of undefined contents.  size is a multiple of the pool's
 * alignment, not zero.  Takes no lock unless the buffer is full. */
extern mps_res_t mps_reserve(mps_addr_t *p_o, mps_ap_t ap, size_t size);
/* Commit the block that was reserved.  False if a collection made its
 * references stale: then it is gone; reserve and fill it again. */
extern mps_bool_t mps_commit(mps_ap_t ap, mps_addr_t p, size_t size);
/* The slow paths of the two, for those who inline them. */
extern mps_res_t mps_ap_fill(mps_addr_t *p_o, mps_ap_t ap, size_t size);
extern mps_bool_t mps_ap_trip(mps_ap_t ap, mps_addr_t p, size_t size);

/* The fast paths.  Only a compiler that we can tell to order accesses gets
 * them; #undef them, or put the name in parentheses, to have the checked
 * functions (.interface.fence). */
#ifdef __GNUC__

static __inline__ mps_bool_t _mps_ap_has(mps_ap_t ap, size_t size)
{
  mps_word_t base = (mps_word_t)ap->alloc;

  return base + size > base && base + size <= (mps_word_t)ap->limit;
}

/* Give a variable the value that it has.  GCC would warn, wherever an error
 * handler of the client may return, that it has none (.interface.fence.kept).
 * Clang doesn't. */
#ifdef __clang__
#define _MPS_KEEP(p_o) ((void)0)
#else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
static __inline__ void _mps_keep(mps_addr_t *p_o)
{
  mps_addr_t value = *p_o;

  __asm__("" : "+r"(value));
  *p_o = value;
}
#pragma GCC diagnostic pop
#define _MPS_KEEP(p_o) _mps_keep(p_o)
#endif

/* Only filled, which no one else sees, goes to the slow path: so the
 * caller's variable can stay in a register. */
static __inline__ mps_res_t _mps_ap_reserve(mps_addr_t *p_o, mps_ap_t ap,
                                            size_t size)
{
  mps_addr_t block = ap->alloc, filled;
  mps_res_t res;

  if (_mps_ap_has(ap, size)) {
    ap->alloc = (mps_addr_t)((mps_word_t)block + size);
    *p_o = block;
    return MPS_RES_OK;
  }
  res = mps_ap_fill(&filled, ap, size);
  if (res == MPS_RES_OK)
    *p_o = filled;
  else
    _MPS_KEEP(p_o);
  return res;
}

static __inline__ mps_bool_t _mps_ap_publish(mps_ap_t ap)
{
  mps_addr_t limit;

  /* The object's stores stay above, for a thread that walks the heap too, and
   * nothing known about limit counts. */
  __asm__ __volatile__("" : : : "memory");
  __atomic_store_n(&ap->init, ap->alloc, __ATOMIC_RELEASE);
  limit = *(mps_addr_t volatile *)&ap->limit;
  __asm__ __volatile__("" : : : "memory");
  return limit != NULL;
}

#define mps_reserve(p_o, ap, size) _mps_ap_reserve(p_o, ap, size)

#define mps_commit(ap, p, size) \
  (_mps_ap_publish(ap) ? 1 : mps_ap_trip(ap, p, size))

#endif /* __GNUC__ */

/* Reserve as a statement, which sets res, and p, to null if it fails. */
#define MPS_RESERVE_BLOCK(res, p, ap, size) \
  do { \
    mps_addr_t _mps_block = NULL; \
    (res) = mps_reserve(&_mps_block, ap, size); \
    (p) = _mps_block; \
  } while (0)

/* Blocks allocated between push and pop die at the pop, in pools that know
 * frames; others ignore it.  MPS_RES_FAIL between reserve and commit. */
extern mps_res_t mps_ap_frame_push(mps_frame_t *frame_o, mps_ap_t ap);
extern mps_res_t mps_ap_frame_pop(mps_ap_t ap, mps_frame_t frame);

/* Patterns.  In a ramp most of what is allocated dies at its end.  They
 * nest; end fails with MPS_RES_FAIL where none began, reset ends all. */
extern mps_alloc_pattern_t mps_alloc_pattern_ramp(void);
extern mps_alloc_pattern_t mps_alloc_pattern_ramp_collect_all(void);
extern mps_res_t mps_ap_alloc_pattern_begin(mps_ap_t ap,
                                            mps_alloc_pattern_t pattern);
extern mps_res_t mps_ap_alloc_pattern_end(mps_ap_t ap,
                                          mps_alloc_pattern_t pattern);
extern mps_res_t mps_ap_alloc_pattern_reset(mps_ap_t ap);


/* Segregated allocation caches.  The caller serialises uses of one. */

/* How many classes a cache may have at least. */
#define MPS_SAC_CLASS_LIMIT ((size_t)8)

/* Class sizes increase, and are multiples of the pool's alignment. */
extern mps_res_t mps_sac_create(mps_sac_t *sac_o, mps_pool_t pool,
                                size_t class_count, mps_sac_class_s *classes);
extern void mps_sac_destroy(mps_sac_t sac);
/* Give all cached blocks to the pool. */
extern void mps_sac_flush(mps_sac_t sac);
extern mps_res_t mps_sac_alloc(mps_addr_t *p_o, mps_sac_t sac, size_t size,
                               mps_bool_t unused);
extern void mps_sac_free(mps_sac_t sac, mps_addr_t p, size_t size);
/* Slow paths, which only the macros call. */
extern mps_res_t mps_sac_fill(mps_addr_t *p_o, mps_sac_t sac, size_t size,
                              mps_bool_t unused);
extern void mps_sac_empty(mps_sac_t sac, mps_addr_t p, size_t size);

#define MPS_SAC_ALLOC_FAST(res, p, sac, size, unused) \
  do { \
    mps_addr_t _mps_block = NULL; \
    (res) = mps_sac_alloc(&_mps_block, sac, size, unused); \
    (p) = _mps_block; \
  } while (0)
#define MPS_SAC_FREE_FAST(sac, p, size) mps_sac_free(sac, p, size)
#define MPS_SAC_ALLOC(res, p, sac, size, unused) \
  MPS_SAC_ALLOC_FAST(res, p, sac, size, unused)
#define MPS_SAC_FREE(sac, p, size) MPS_SAC_FREE_FAST(sac, p, size)


/* Ranks.  Take no lock. */

extern mps_rank_t mps_rank_ambig(void); /* never changed; pins its target */
extern mps_rank_t mps_rank_exact(void); /* may be updated */
extern mps_rank_t mps_rank_weak(void);  /* may become null */
extern mps_rank_t mps_rank_ephemeron(void); /* of pairs (AEPH) */


/* Roots.  From registration on each slot is null or valid; the memory of a
 * root and the closure of its scanner outlive it. */

#define MPS_RM_CONST ((mps_rm_t)1)      /* deprecated: never written */
#define MPS_RM_PROT ((mps_rm_t)2)       /* may be protected */
#define MPS_RM_PROT_INNER ((mps_rm_t)4) /* whole pages only */

/* A root that a function of the client scans. */
extern mps_res_t mps_root_create(mps_root_t *root_o, mps_arena_t arena,
                                 mps_rank_t rank, mps_rm_t rm,
                                 mps_root_scan_t scan, void *p, size_t s);
/* A block of formatted objects. */
extern mps_res_t mps_root_create_fmt(mps_root_t *root_o, mps_arena_t arena,
                                     mps_rank_t rank, mps_rm_t rm,
                                     mps_fmt_scan_t scan, mps_addr_t base,
                                     mps_addr_t limit);
/* An area of words, and one whose references have a tag. */
extern mps_res_t mps_root_create_area(mps_root_t *root_o, mps_arena_t arena,
                                      mps_rank_t rank, mps_rm_t rm, void *base,
                                      void *limit, mps_area_scan_t scan_area,
                                      void *closure);
extern mps_res_t
mps_root_create_area_tagged(mps_root_t *root_o, mps_arena_t arena,
                            mps_rank_t rank, mps_rm_t rm, void *base,
                            void *limit, mps_area_scan_t scan_area,
                            mps_word_t mask, mps_word_t pattern);
/* Deprecated: the same with a count of words. */
extern mps_res_t mps_root_create_table(mps_root_t *root_o, mps_arena_t arena,
                                       mps_rank_t rank, mps_rm_t rm,
                                       mps_addr_t *base, size_t count);
extern mps_res_t mps_root_create_table_masked(mps_root_t *root_o,
                                              mps_arena_t arena,
                                              mps_rank_t rank, mps_rm_t rm,
                                              mps_addr_t *base, size_t count,
                                              mps_word_t mask);
/* The registers of a thread and its stack up to cold.  The first sees only
 * words that are aligned to words; rank must be ambiguous and rm zero. */
extern mps_res_t mps_root_create_thread(mps_root_t *root_o, mps_arena_t arena,
                                        mps_thr_t thr, void *cold);
extern mps_res_t
mps_root_create_thread_tagged(mps_root_t *root_o, mps_arena_t arena,
                              mps_rank_t rank, mps_rm_t rm, mps_thr_t thr,
                              mps_area_scan_t scan_area, mps_word_t mask,
                              mps_word_t pattern, void *cold);
extern mps_res_t mps_root_create_thread_scanned(
    mps_root_t *root_o, mps_arena_t arena, mps_rank_t rank, mps_rm_t rm,
    mps_thr_t thr, mps_area_scan_t scan_area, void *closure, void *cold);
/* Deprecated: only with the token mps_stack_scan_ambig, never called. */
extern mps_res_t mps_root_create_reg(mps_root_t *root_o, mps_arena_t arena,
                                     mps_rank_t rank, mps_rm_t rm,
                                     mps_thr_t thr, mps_reg_scan_t scan,
                                     void *cold, size_t s);
extern mps_res_t mps_stack_scan_ambig(mps_ss_t ss, mps_thr_t thr, void *p,
                                      size_t s);
extern void mps_root_destroy(mps_root_t root);


/* Threads */

/* Register the calling thread, as often as it likes. */
extern mps_res_t mps_thread_reg(mps_thr_t *thr_o, mps_arena_t arena);
/* End one registration, before the thread exits. */
extern void mps_thread_dereg(mps_thr_t thr);


/* Scanning
 *
 *   MPS_SCAN_BEGIN(ss) {
 *     if (MPS_FIX1(ss, ref)) {
 *       mps_res_t res = MPS_FIX2(ss, &ref);
 *       if (res != MPS_RES_OK)
 *         return res;
 *     }
 *   } MPS_SCAN_END(ss);
 *
 * MPS_FIX1 takes any word and says whether it may be of interest; it is
 * false for null.  MPS_FIX2 takes the address of an untagged reference,
 * which it may change; when it fails, stop and return its result soon. */

#define _MPS_KIND_WHITE (sizeof(mps_word_t) * CHAR_BIT - 1)

/* Second stage.  Updates the scan state and, if need be, the reference. */
extern mps_res_t _mps_fix2(mps_ss_t ss, mps_addr_t *ref_io);

#define MPS_SCAN_BEGIN(ss) \
  do { \
    mps_ss_t const _mps_ss = (ss); \
    mps_word_t const _mps_base = _mps_ss->_base; \
    unsigned const _mps_shift = _mps_ss->_shift; \
    mps_word_t _mps_seen = 0; \
    mps_word_t _mps_x = 0; \
    {
#define MPS_SCAN_END(ss) \
  } \
  (void)_mps_base; \
  (void)_mps_shift; \
  (void)_mps_x; \
  _mps_ss->_seen |= _mps_seen; \
  } \
  while (0)

#define MPS_FIX1(ss, ref) \
  ((_mps_x = ((mps_word_t)(ref)-_mps_base) >> _mps_shift) < _mps_ss->_count \
   && ((_mps_x = _mps_ss->_kind[_mps_x]) == _MPS_KIND_WHITE \
       || (_mps_seen |= (mps_word_t)1 << _mps_x, 0)))

#define MPS_FIX2(ss, ref_io) _mps_fix2(ss, ref_io)

#define MPS_FIX12(ss, ref_io) \
  (MPS_FIX1(ss, *(ref_io)) ? MPS_FIX2(ss, ref_io) : MPS_RES_OK)

#define MPS_FIX(ss, ref_io) MPS_FIX12(ss, ref_io) /* deprecated */

/* Wrap a call that passes ss on.  The callee opens its own block, whose
 * result is merged into the scan state, so nothing needs to be saved. */
#define MPS_FIX_CALL(ss, call) \
  do { \
    (void)(ss); \
    (call); \
  } while (0)

/* Area scanners: every word; every word without the bits of the mask; only
 * words whose masked bits are the pattern; those and words whose masked
 * bits are zero.  The closure is an mps_scan_tag_t for all but the first. */
extern mps_res_t mps_scan_area(mps_ss_t ss, void *base, void *limit,
                               void *closure);
extern mps_res_t mps_scan_area_masked(mps_ss_t ss, void *base, void *limit,
                                      void *closure);
extern mps_res_t mps_scan_area_tagged(mps_ss_t ss, void *base, void *limit,
                                      void *closure);
extern mps_res_t mps_scan_area_tagged_or_zero(mps_ss_t ss, void *base,
                                              void *limit, void *closure);

/* Fix a key and a value of an object at base, in a scan method for
 * ephemerons.  The pair lives while the key does; while either does; while
 * both do.  When it dies both become null. */
extern mps_res_t mps_fix_weak_pair(mps_ss_t ss, mps_addr_t base,
                                   mps_addr_t *key_io, mps_addr_t *value_io);
extern mps_res_t mps_fix_weak_or_pair(mps_ss_t ss, mps_addr_t base,
                                      mps_addr_t *key_io,
                                      mps_addr_t *value_io);
extern mps_res_t mps_fix_weak_and_pair(mps_ss_t ss, mps_addr_t base,
                                       mps_addr_t *key_io,
                                       mps_addr_t *value_io);


/* Location dependencies.  Only reset takes the lock; the client serialises
 * the changes of one. */

extern void mps_ld_reset(mps_ld_t ld, mps_arena_t arena);
/* Depend on the location of addr, before it is used. */
extern void mps_ld_add(mps_ld_t ld, mps_arena_t arena, mps_addr_t addr);
extern void mps_ld_merge(mps_ld_t dest, mps_arena_t arena, mps_ld_t src);
/* False only if nothing that was added can have moved. */
extern mps_bool_t mps_ld_isstale(mps_ld_t ld, mps_arena_t arena,
                                 mps_addr_t addr);
extern mps_bool_t mps_ld_isstale_any(mps_ld_t ld, mps_arena_t arena);


/* Messages */

/* Integer constants */
#define mps_message_type_finalization() ((mps_message_type_t)0)
#define mps_message_type_gc() ((mps_message_type_t)1)
#define mps_message_type_gc_start() ((mps_message_type_t)2)

/* Only enabled types are posted; disabling drops what is queued. */
extern void mps_message_type_enable(mps_arena_t arena,
                                    mps_message_type_t type);
extern void mps_message_type_disable(mps_arena_t arena,
                                     mps_message_type_t type);
/* Is there a message; of what type is the oldest; fetch the oldest of one
 * type.  The caller discards each message that it fetched. */
extern mps_bool_t mps_message_poll(mps_arena_t arena);
extern mps_bool_t mps_message_queue_type(mps_message_type_t *type_o,
                                         mps_arena_t arena);
extern mps_bool_t mps_message_get(mps_message_t *message_o, mps_arena_t arena,
                                  mps_message_type_t type);
extern void mps_message_discard(mps_arena_t arena, mps_message_t message);
/* Of a message that was fetched.  The clock is that of its posting. */
extern mps_message_type_t mps_message_type(mps_arena_t arena,
                                           mps_message_t message);
extern mps_clock_t mps_message_clock(mps_arena_t arena, mps_message_t message);
extern void mps_message_finalization_ref(mps_addr_t *ref_o, mps_arena_t arena,
                                         mps_message_t message);
extern size_t mps_message_gc_live_size(mps_arena_t arena,
                                       mps_message_t message);
extern size_t mps_message_gc_condemned_size(mps_arena_t arena,
                                            mps_message_t message);
extern size_t mps_message_gc_not_condemned_size(mps_arena_t arena,
                                                mps_message_t message);
/* The text lasts as long as the message. */
extern const char *mps_message_gc_start_why(mps_arena_t arena,
                                            mps_message_t message);


/* Finalization.  The reference may itself be in managed memory. */

/* Ask for one message when the object is otherwise unreachable. */
extern mps_res_t mps_finalize(mps_arena_t arena, mps_addr_t *ref_p);
/* Withdraw one request.  MPS_RES_FAIL if there is none. */
extern mps_res_t mps_definalize(mps_arena_t arena, mps_addr_t *ref_p);


/* Walking.  Deprecated but for mps_pool_walk. */

/* Call a function for each formatted object. */
extern void mps_arena_formatted_objects_walk(mps_arena_t arena,
                                             mps_formatted_objects_stepper_t f,
                                             void *p, size_t s);
/* Call a function for each reference in a root; the arena is parked. */
extern void mps_arena_roots_walk(mps_arena_t arena, mps_roots_stepper_t f,
                                 void *p, size_t s);


/* Transforms: replace references to old objects by new ones.  The arena is
 * parked from creation to application, which can be done once. */

extern mps_res_t mps_transform_create(mps_transform_t *transform_o,
                                      mps_arena_t arena);
/* Add pairs; the lists are copied. */
extern mps_res_t mps_transform_add_oldnew(mps_transform_t transform,
                                          mps_addr_t *old_list,
                                          mps_addr_t *new_list, size_t count);
/* Collect and replace.  If an old object is pinned, *applied_o is false and
 * nothing changes. */
extern mps_res_t mps_transform_apply(mps_bool_t *applied_o,
                                     mps_transform_t transform);
extern void mps_transform_destroy(mps_transform_t transform);


/* Telemetry.  Process-wide; may be called before there is an arena. */

/* Set, or clear, these bits of the filter and leave the others. */
extern void mps_telemetry_set(mps_word_t bits);
extern void mps_telemetry_reset(mps_word_t bits);
extern mps_word_t mps_telemetry_get(void);
/* A new label for a text of at most 256 characters, which is copied. */
extern mps_label_t mps_telemetry_intern(const char *text);
/* Tie a label to an address. */
extern void mps_telemetry_label(mps_addr_t addr, mps_label_t label);
/* Write out what is buffered. */
extern void mps_telemetry_flush(void);

#ifdef __cplusplus
}
#endif

#endif /* mps_h */
