/* mpscblk.h -- BLK, the pool of conservatively marked blocks
 *
 * For objects that nobody can describe.  Each is a run of equal blocks, any
 * of its words may be a reference, and it never moves.  Two bits a block say
 * what is free, begins an object, goes on with one, or is marked.
 *
 * Any thread may call these, with the arena unlocked: each takes the arena's
 * lock, unless it says otherwise.  No thread need be registered for the
 * client-driven form (mps_blk_mark_begin).  Call-backs run with the lock
 * held; they may call what is said to be allowed in them and nothing else.
 * Sizes are in bytes.  What breaks a rule is reported through the assertion
 * handler and then has no effect.
 *
 * Design: .blk.collect, .blk.calls (design/blk.rst).
 */

#ifndef mpscblk_h
#define mpscblk_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes MPS_KEY_INTERIOR (b, 1: any address in an object is a reference to
 * it; 0: only its first), EXTEND_BY (size, 1 MiB: the first region and the
 * least step of growth), MAX_SIZE (size, no limit: of blocks and tables
 * together), CHAIN, GEN (default: the arena's top generation), and those
 * below.  MPS_RES_PARAM if they don't go together; MPS_RES_MEMORY if the
 * memory given is too small.  mps_alloc and mps_free work; there are no
 * allocation points: mps_ap_create_k answers MPS_RES_UNIMPL.  Takes no
 * lock. */
extern mps_pool_class_t mps_class_blk(void);

/* Bytes in a block: a power of two, 2 to 16 words.  Default 4 words. */
extern const struct mps_key_s _mps_key_BLK_SIZE;
#define MPS_KEY_BLK_SIZE (&_mps_key_BLK_SIZE)
#define MPS_KEY_BLK_SIZE_FIELD size

/* The client's memory, and how many bytes: all blocks, tables and the mark
 * stack lie in it; only the pool's record, of fixed size, is in the arena.
 * The client owns it, and may do as it likes with it once the pool is
 * destroyed.  Making another pool in the same memory empties the one before
 * it, so that it need only be destroyed before the arena is.  Ends needn't
 * be aligned.  The pool grows by mps_blk_extend only. */
extern const struct mps_key_s _mps_key_BLK_MEMORY;
#define MPS_KEY_BLK_MEMORY (&_mps_key_BLK_MEMORY)
#define MPS_KEY_BLK_MEMORY_FIELD p
extern const struct mps_key_s _mps_key_BLK_MEMORY_SIZE;
#define MPS_KEY_BLK_MEMORY_SIZE (&_mps_key_BLK_MEMORY_SIZE)
#define MPS_KEY_BLK_MEMORY_SIZE_FIELD size

/* The part of the blocks, 0.0 to less than 1.0, that is to be free after a
 * collection: where it is less, the pool grows.  Default 0.33; 0.0: only when
 * nothing else helps. */
extern const struct mps_key_s _mps_key_BLK_HEADROOM;
#define MPS_KEY_BLK_HEADROOM (&_mps_key_BLK_HEADROOM)
#define MPS_KEY_BLK_HEADROOM_FIELD d

/* Bytes allocated since the last collection that start one, where automatic
 * collection is on.  Default: no threshold (MPS_BLK_NO_THRESHOLD). */
extern const struct mps_key_s _mps_key_BLK_THRESHOLD;
#define MPS_KEY_BLK_THRESHOLD (&_mps_key_BLK_THRESHOLD)
#define MPS_KEY_BLK_THRESHOLD_FIELD size
#define MPS_BLK_NO_THRESHOLD ((size_t)-1)

/* Automatic collection is on from the start?  Default 1; in the client's
 * memory, whose roots the arena may not know, only with
 * MPS_KEY_BLK_COLLECT. */
extern const struct mps_key_s _mps_key_BLK_AUTO;
#define MPS_KEY_BLK_AUTO (&_mps_key_BLK_AUTO)
#define MPS_KEY_BLK_AUTO_FIELD b

/* Entries in the mark stack, at least 1.  Default 256, and fewer in a small
 * memory of the client's. */
extern const struct mps_key_s _mps_key_BLK_MARK_STACK;
#define MPS_KEY_BLK_MARK_STACK (&_mps_key_BLK_MARK_STACK)
#define MPS_KEY_BLK_MARK_STACK_FIELD count

/* 1: all blocks of a new object are zero.  0, the default: only what lies
 * beyond the size asked for; the rest has any contents. */
extern const struct mps_key_s _mps_key_BLK_CLEAR;
#define MPS_KEY_BLK_CLEAR (&_mps_key_BLK_CLEAR)
#define MPS_KEY_BLK_CLEAR_FIELD b

/* 1: freed blocks are filled with a pattern (0xDB).  Default 0. */
extern const struct mps_key_s _mps_key_BLK_POISON;
#define MPS_KEY_BLK_POISON (&_mps_key_BLK_POISON)
#define MPS_KEY_BLK_POISON_FIELD b

/* 1: each object has a word that says which of its words may be references
 * (mps_blk_alloc_layout).  Default 0. */
extern const struct mps_key_s _mps_key_BLK_LAYOUT;
#define MPS_KEY_BLK_LAYOUT (&_mps_key_BLK_LAYOUT)
#define MPS_KEY_BLK_LAYOUT_FIELD b

/* 1: keep room for the leaf flags in the client's memory, a bit a block.
 * Without it MPS_BLK_LEAF is accepted there and ignored.  Elsewhere the
 * pool makes room when it first needs it.  Default 0. */
extern const struct mps_key_s _mps_key_BLK_LEAVES;
#define MPS_KEY_BLK_LEAVES (&_mps_key_BLK_LEAVES)
#define MPS_KEY_BLK_LEAVES_FIELD b

/* 1: a request of size zero gets the address of a word that all such
 * requests share, which is no object: freeing it does nothing, and its size
 * is zero.  0, the default: MPS_RES_PARAM. */
extern const struct mps_key_s _mps_key_BLK_ZERO;
#define MPS_KEY_BLK_ZERO (&_mps_key_BLK_ZERO)
#define MPS_KEY_BLK_ZERO_FIELD b

/* Call-backs.  A key of type fun takes one of these types after a cast to
 * mps_fun_t; FINAL has a closure of its own, the others share
 * MPS_KEY_BLK_CLOSURE. */
typedef void (*mps_blk_visit_t)(mps_addr_t object, void *closure);
typedef void (*mps_blk_hook_t)(mps_pool_t pool, void *closure);
typedef mps_bool_t (*mps_blk_locked_t)(mps_pool_t pool, void *closure);

/* An mps_blk_visit_t: the finalizer.  It is called once for each dead object
 * that has MPS_BLK_FINAL, after marking and before any block of the dead is
 * freed; the flag is gone after that.  It may read all objects of the pool,
 * and call mps_blk_free, mps_blk_realloc to size 0, mps_blk_size, _object,
 * _state, _flags, _is_locked, _lock and _unlock.  It can't allocate
 * (MPS_RES_FAIL), and nothing it stores keeps an object.  References from
 * the dead to other pools must not be followed. */
extern const struct mps_key_s _mps_key_BLK_FINAL;
#define MPS_KEY_BLK_FINAL (&_mps_key_BLK_FINAL)
#define MPS_KEY_BLK_FINAL_FIELD fun
extern const struct mps_key_s _mps_key_BLK_FINAL_CLOSURE;
#define MPS_KEY_BLK_FINAL_CLOSURE (&_mps_key_BLK_FINAL_CLOSURE)
#define MPS_KEY_BLK_FINAL_CLOSURE_FIELD p

/* An mps_blk_visit_t: called for each dead object that has MPS_BLK_WEAK,
 * before any finalizer, under the same rules: the moment to forget weak
 * references to it. */
extern const struct mps_key_s _mps_key_BLK_WEAK;
#define MPS_KEY_BLK_WEAK (&_mps_key_BLK_WEAK)
#define MPS_KEY_BLK_WEAK_FIELD fun

/* An mps_blk_hook_t: a collection of the pool is completely finished.  It
 * may call every function of this header but those that collect. */
extern const struct mps_key_s _mps_key_BLK_COLLECTED;
#define MPS_KEY_BLK_COLLECTED (&_mps_key_BLK_COLLECTED)
#define MPS_KEY_BLK_COLLECTED_FIELD fun

/* An mps_blk_hook_t: the client's own collector, called once, in place of
 * mps_blk_collect, where automatic collection is due or nothing is free.  It
 * calls mps_blk_mark_begin, mps_blk_mark and mps_blk_mark_end. */
extern const struct mps_key_s _mps_key_BLK_COLLECT;
#define MPS_KEY_BLK_COLLECT (&_mps_key_BLK_COLLECT)
#define MPS_KEY_BLK_COLLECT_FIELD fun

/* An mps_blk_locked_t: is the pool locked for the calling thread?  Asked in
 * addition to the depth that mps_blk_lock counts.  It calls nothing. */
extern const struct mps_key_s _mps_key_BLK_LOCKED;
#define MPS_KEY_BLK_LOCKED (&_mps_key_BLK_LOCKED)
#define MPS_KEY_BLK_LOCKED_FIELD fun

/* An mps_blk_hook_t: called now and then in long loops, for a watchdog.  It
 * calls nothing. */
extern const struct mps_key_s _mps_key_BLK_LOOP;
#define MPS_KEY_BLK_LOOP (&_mps_key_BLK_LOOP)
#define MPS_KEY_BLK_LOOP_FIELD fun

/* Passed to WEAK, COLLECTED, COLLECT, LOCKED and LOOP. */
extern const struct mps_key_s _mps_key_BLK_CLOSURE;
#define MPS_KEY_BLK_CLOSURE (&_mps_key_BLK_CLOSURE)
#define MPS_KEY_BLK_CLOSURE_FIELD p

/* Flags of an object. */
#define MPS_BLK_FINAL 1u /* to be finalized; needs MPS_KEY_BLK_FINAL */
#define MPS_BLK_LEAF 2u  /* holds no references: never scanned */
#define MPS_BLK_WEAK 4u  /* is told of; needs MPS_KEY_BLK_WEAK */

/* A new object of at least size bytes, aligned to the block size.  Collects
 * first if that is due, or if nothing is free and automatic collection is
 * on; then grows.  MPS_RES_PARAM: size is zero (but see MPS_KEY_BLK_ZERO),
 * or a flag is unknown; MPS_RES_FAIL: the pool is locked or collecting;
 * MPS_RES_MEMORY, _RESOURCE or _COMMIT_LIMIT: no room, and *p_o is
 * untouched. */
extern mps_res_t mps_blk_alloc(mps_addr_t *p_o, mps_pool_t pool, size_t size,
                               unsigned flags);

/* The same in a pool with MPS_KEY_BLK_LAYOUT; elsewhere MPS_RES_PARAM.
 *
 * layout says which words of the object may be references:
 *   0          all of them (what mps_blk_alloc gives)
 *   low bit 1  MPS_BLK_LAYOUT(words, map): bits 1 to 6 hold words, 1 to 57;
 *              bit 7 + i is 1 if word i may be a reference
 *   else       the address of an mps_blk_layout_s, which must stay as it is
 *              while the object lives
 * The pattern of so many words is repeated over the object. */
extern mps_res_t mps_blk_alloc_layout(mps_addr_t *p_o, mps_pool_t pool,
                                      size_t size, mps_word_t layout,
                                      unsigned flags);

#define MPS_BLK_LAYOUT(words, map) \
  ((mps_word_t)1 | (mps_word_t)(words) << 1 | (mps_word_t)(map) << 7)

/* Word i is described by bit i % MPS_WORD_WIDTH of map[i / MPS_WORD_WIDTH]. */
typedef struct mps_blk_layout_s {
  mps_word_t words;      /* in the pattern, at least 1 */
  const mps_word_t *map; /* as many bits */
} mps_blk_layout_s;

/* Free an object at once, without running its finalizer, and drop requests
 * for it (mps_finalize) and messages about it; one that was got already has
 * a null reference from then on.  Null does nothing.  What still refers to
 * it does no harm if nobody uses it, like an object that is garbage itself.
 * Weak references to it are the client's to clear: they become null when a
 * collection of the pool looks at them, which may be much later.
 * Reported: an address that isn't the first of an object; a free while the
 * pool is locked or collecting, but for finalizers. */
extern void mps_blk_free(mps_pool_t pool, mps_addr_t p);

/* Change the size of the object *p_io: in place where what follows it is
 * free; else, if may_move, by allocating, copying and freeing, with the same
 * flags, layout, requests (mps_finalize) and messages.  Null allocates without
 * flags; size 0 frees and stores null.  MPS_RES_FAIL: it would have to move,
 * or the pool is locked or collecting.  On failure the object stays as it is.
 * Reported: *p_io isn't the first address of an object. */
extern mps_res_t mps_blk_realloc(mps_addr_t *p_io, mps_pool_t pool,
                                 size_t size, mps_bool_t may_move);

/* The bytes that an object can use: its blocks, less its layout word.  Zero
 * for every address that isn't the first of an object. */
extern size_t mps_blk_size(mps_pool_t pool, mps_addr_t p);

/* The object that an address lies in; false, and *base_o untouched, if it
 * lies in none. */
extern mps_bool_t mps_blk_object(mps_addr_t *base_o, mps_pool_t pool,
                                 mps_addr_t addr);

/* The flags of the object that begins at p, or new ones for it.  Without an
 * object: zero, and MPS_RES_PARAM.  MPS_RES_MEMORY: no room for a flag that
 * the pool hasn't used so far. */
extern unsigned mps_blk_flags(mps_pool_t pool, mps_addr_t p);
extern mps_res_t mps_blk_flags_set(mps_pool_t pool, mps_addr_t p,
                                   unsigned flags);

/* The states of a block, as mps_blk_state and mps_blk_walk tell them. */
#define MPS_BLK_STATE_FREE 0u
#define MPS_BLK_STATE_HEAD 1u /* begins an object */
#define MPS_BLK_STATE_TAIL 2u /* goes on with one */
#define MPS_BLK_STATE_MARK 3u /* begins a marked one, while collecting */
#define MPS_BLK_STATE_NONE 4u /* isn't a block of the pool */

/* The state of the block that an address lies in. */
extern unsigned mps_blk_state(mps_pool_t pool, mps_addr_t addr);

/* Visit every object and every free run, by address: its size in whole
 * blocks, MPS_BLK_STATE_HEAD, _MARK or _FREE, and its flags.  visit may call
 * mps_blk_size, _object, _state and _flags. */
extern void mps_blk_walk(mps_pool_t pool,
                         void (*visit)(mps_addr_t base, size_t size,
                                       unsigned state, unsigned flags,
                                       void *closure),
                         void *closure);

/* Collect the pool, and only it: roots are those of the arena, the threads'
 * stacks and registers, and all objects of all other pools.  Runs the
 * finalizers.  *objects_freed_o (which may be null) is how many objects were
 * freed.  MPS_RES_FAIL: the pool is locked or collecting. */
extern mps_res_t mps_blk_collect(size_t *objects_freed_o, mps_pool_t pool);

/* Collect it from the roots that the client names: begin; mark any number of
 * times, with count words from base on, at word stride; end, which runs the
 * finalizers, frees the rest and returns how many objects it freed.  No root
 * of the arena counts, and no other pool; but an object that mps_finalize was
 * called for stays until its message is discarded.  From begin to end the
 * pool is collecting, and only one thread may work on it.  End without mark
 * frees everything.  In mark, base is aligned to a word. */
extern void mps_blk_mark_begin(mps_pool_t pool);
extern void mps_blk_mark(mps_pool_t pool, void **base, size_t count);
extern size_t mps_blk_mark_end(mps_pool_t pool);

/* While a pool is locked nothing in it is allocated, freed or collected.
 * Locks nest; each is undone by one unlock, of any thread. */
extern void mps_blk_lock(mps_pool_t pool);
extern void mps_blk_unlock(mps_pool_t pool);
extern mps_bool_t mps_blk_is_locked(mps_pool_t pool);

/* Automatic collection; the threshold (MPS_KEY_BLK_THRESHOLD); and the bytes
 * allocated since the last collection, which are compared with it. */
extern mps_bool_t mps_blk_auto(mps_pool_t pool);
extern void mps_blk_auto_set(mps_pool_t pool, mps_bool_t is_on);
extern size_t mps_blk_threshold(mps_pool_t pool);
extern void mps_blk_threshold_set(mps_pool_t pool, size_t size);
extern size_t mps_blk_allocated(mps_pool_t pool);
extern void mps_blk_allocated_set(mps_pool_t pool, size_t size);

/* Run every weak call-back and finalizer, whether the object is reachable or
 * not, and free all objects; returns how many there were.  For the end of
 * the program: nothing may be used after it, and no message comes
 * (mps_finalize). */
extern size_t mps_blk_final_all(mps_pool_t pool);

/* Give a pool in the client's memory more of that, which the client keeps
 * until the pool is destroyed.  Where it continues memory that the pool has,
 * the region grows in place; else no object spans both.  Where the pool has
 * the arena's memory, base is null, and it grows by about size bytes.
 * MPS_RES_PARAM: it overlaps a region, or MPS_KEY_MAX_SIZE is exceeded;
 * MPS_RES_MEMORY: too small, or none to be had; MPS_RES_LIMIT: too many
 * regions (128); MPS_RES_FAIL: the pool is collecting. */
extern mps_res_t mps_blk_extend(mps_pool_t pool, void *base, size_t size);

/* Is the pool consistent?  Looks at every block.  Any fault is reported. */
extern mps_bool_t mps_blk_check(mps_pool_t pool);

/* What a pool holds and has done.  Sizes in bytes, of whole blocks. */
typedef struct mps_blk_info_s {
  size_t total;         /* all blocks */
  size_t used;          /* those of objects */
  size_t free;          /* the others */
  size_t tables;        /* what the pool needs beside its blocks */
  size_t regions;       /* pieces of memory */
  size_t objects;       /* now */
  size_t allocated;     /* since the last collection */
  size_t collections;   /* so far */
  size_t objects_freed; /* by the last collection */
  size_t alloc_count;   /* objects ever allocated */
  size_t free_count;    /* objects ever freed, by client or collection */
  size_t alloc_size;    /* bytes ever allocated */
  size_t free_size;     /* bytes ever freed */
  /* The rest is zero unless the blocks are walked. */
  size_t one_block;      /* objects of one block */
  size_t two_blocks;     /* objects of two blocks */
  size_t largest_object; /* bytes */
  size_t largest_free;   /* bytes of the longest free run */
  double fragmentation;  /* 1 - largest_free / free; 0 where none is free */
} mps_blk_info_s;

/* Fill in *info_o; the last part only if walk is true, in time in proportion
 * to the pool's size. */
extern void mps_blk_info(mps_blk_info_s *info_o, mps_pool_t pool,
                         mps_bool_t walk);

/* Styles of a dump. */
#define MPS_BLK_DUMP_KINDS 0u  /* letters, offsets, long free parts folded */
#define MPS_BLK_DUMP_STATES 1u /* a sign a block, 64 a line */

/* Write a picture of the pool through write, which gets closure, text that
 * doesn't end with a zero, and its length, and returns 0 to go on.
 *   KINDS   lines of 64 blocks, each with the offset of its first in eight
 *           hexadecimal digits: . free, = tail, m marked, else the letter
 *           of the object; two and more lines that are free are folded
 *   STATES  "heap:", then 64 signs a line: a middle dot (two bytes of
 *           UTF-8) free, * head, - tail, # mark
 * letter names an object's kind; it may be null, and then it is h. */
extern void
mps_blk_dump(mps_pool_t pool, unsigned style,
             int (*write)(void *closure, const char *text, size_t length),
             void *closure, char (*letter)(mps_addr_t object, void *closure));

#ifdef __cplusplus
}
#endif

#endif /* mpscblk_h */
