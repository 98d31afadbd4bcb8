/* heap.h -- the records of an arena, and what holds between them
 *
 * An arena has pools, and automatic pools have segments: runs of grains
 * that hold objects of one format and one generation.  A buffer is the
 * part of a segment that an allocation point fills.  A chain is a row of
 * generations; survivors of its last one go to the arena's top generation.
 *
 * The functions that work on these records are in the modules named at
 * each; the layers above reach them through PoolClass and SegClass.
 *
 * Design: .heap.records, .heap.inv.refset (design/heap.rst).
 */

#ifndef HEAP_H
#define HEAP_H

#include "../arena/ctl.h"
#include "../base/ring.h"
#include "boards.h"
#include "ld.h"
#include "message.h"

typedef struct mps_arena_s Arena;
typedef struct mps_pool_s Pool;
typedef struct mps_pool_class_s PoolClass;
typedef struct mps_fmt_s Format;
typedef struct mps_chain_s Chain;
typedef struct mps_root_s Root;
typedef struct mps_thr_s Thread;
typedef struct Gen Gen;
typedef struct PoolGen PoolGen;
typedef struct Seg Seg;
typedef struct SegClass SegClass;
typedef struct Buffer Buffer;
typedef struct ScanState ScanState;

/* A set of generation ids, one bit each: what a segment may refer to. */
typedef Word RefSet;
#define REFSET_EMPTY ((RefSet)0)
#define REFSET_UNIVERSAL (~(RefSet)0)
#define REFSET_KIND(kind) ((RefSet)1 << (kind))
/* What a scan may see that is no generation. */
#define REFSET_NOT_GENS (REFSET_KIND(KIND_NONE) | REFSET_KIND(KIND_WHITE))

/* How a reference keeps its object; the values are the interface's, and
 * not the order in which a trace comes to them (.trace.steps). */
typedef enum Rank {
  RANK_AMBIG = 0,
  RANK_EXACT = 1,
  RANK_FINAL = 2,
  RANK_WEAK = 3,
  RANK_EPHEMERON = 4,
  RANK_NONE = 5 /* of a segment whose objects hold no references */
} Rank;

#define RANK_LIMIT (RANK_NONE + 1)


/* Formats (format.h) */

#define FORMAT_SIG ((Sig)0x466F726D) /* "Form" */

struct mps_fmt_s {
  /* What the critical path reads comes first, and shares a cache line. */
  Sig sig;
  Size align;
  Size header; /* bytes before the address that the client uses */
  mps_fmt_scan_t scan;
  mps_fmt_skip_t skip;
  mps_fmt_fwd_t fwd;
  mps_fmt_isfwd_t isfwd;
  mps_fmt_pad_t pad;

  mps_fmt_class_t klass;
  Arena *arena;
  Ring link;   /* arena->formats */
  Count pools; /* that use it */
};


/* Generations (gen.h) */

#define GEN_SIG ((Sig)0x47656E20)   /* "Gen " */
#define CHAIN_SIG ((Sig)0x43686169) /* "Chai" */
#define PGEN_SIG ((Sig)0x5067656E)  /* "Pgen" */

/* What one or more collections did, in bytes. */
typedef struct GenWork {
  Count collections; /* that condemned something here */
  Size condemned;
  Size forwarded; /* copied out */
  Size preserved; /* kept in place: nailed */
  Size retained;  /* in segments that stayed, padding included */
  Size filled;    /* condemned, and new, in pools whose objects stay */
} GenWork;

struct Gen {
  Sig sig;
  unsigned char id; /* 1 to KIND_GEN_MAX: its kind in the grain map */
  bool is_condemned;
  Size capacity;    /* bytes; of the top generation, no limit */
  double mortality; /* the expected dead fraction of what is condemned */
  Ring pgens;       /* PoolGen.gen_link */
  Size fresh;       /* bytes, of what the pools had when last looked at */
  GenWork work;     /* of the running trace */
  GenWork total;    /* of all */
};

struct mps_chain_s {
  Sig sig;
  Arena *arena;
  Ring link;        /* arena->chains */
  Count pools;      /* that use it */
  bool is_adaptive; /* we made it, and may move its capacities */
  bool is_flat;     /* so much survives that it goes to the top at once */
  Count count;
  Gen gens[]; /* from the nursery on */
};

/* The double-entry account of a pool's memory in one generation, in bytes.
 * .gen.inv.account: total is the sum of the others. */
typedef struct Account {
  Size total;
  Size free;     /* in segments that hold nothing yet */
  Size buffered; /* in segments that a buffer is filling */
  Size fresh;    /* filled since the last collection: what triggers one */
  Size old;      /* survived a collection */
  Size fresh_deferred; /* the same, not to be counted until a ramp ends */
  Size old_deferred;
} Account;

/* Where the copies of one generation's survivors go next: a private bump
 * pointer, open only while a trace runs. */
typedef struct Cursor {
  Addr init; /* where the next copy goes */
  Addr limit;
  Seg *seg;  /* NULL while closed */
  Size want; /* bytes to ask for at the next refill */
  Ring link; /* arena->cursors, while it is open */
} Cursor;

/* One pool's part of a generation. */
struct PoolGen {
  Sig sig;
  RefSet forward_set; /* the generation of forward, as a set */
  Cursor cursor;      /* for what is copied out of here */
  PoolGen *forward;   /* where survivors go; NULL is an error */
  Pool *pool;
  Gen *gen;
  Ring gen_link; /* gen->pgens */
  Ring segs;     /* Seg.gen_link; not those that a trace condemned */
  Account account;
  Size fresh_seen; /* bytes of it that gen->fresh has */
  Index index;     /* 0 is the nursery */
};


/* Segments (seg.h) */

#define SEG_SIG ((Sig)0x53656720) /* "Seg " */

typedef enum SegSize {
  SEG_SMALL,
  SEG_MEDIUM,
  SEG_LARGE
} SegSize;

struct Seg {
  /* What the critical path reads comes first, and shares a cache line. */
  Sig sig;
  unsigned char rank; /* Rank */
  unsigned char kind; /* its generation's id, also while it is white */
  bool is_white;
  bool is_grey;   /* something in it is to be scanned */
  bool is_queued; /* in arena->grey */
  bool is_plain;  /* of AMC's class, and all in it may be copied */
  bool is_nailed; /* something in it stays where it is */
  bool is_kept;   /* what survives in it is to stay, as memory is short */
  bool is_accounted_buffered;
  bool is_accounted_old;
  bool is_deferred;
  bool is_late; /* something is to be scanned when the dead are known */
  const SegClass *class;
  const Format *format; /* the pool's */
  PoolGen *pgen;
  Addr base; /* [base, limit): whole grains */
  Addr limit;
  Addr scanned; /* below this nothing is left to scan, while it is grey */

  struct Nailboard *board; /* or NULL */
  union {
    struct Nailboard *stayed; /* what isn't padding, where known, or NULL */
    struct Marks *marks;      /* of a segment in which objects stay */
    Seg *below; /* of a stack: the one that was filled before it (snc.c) */
  };
  union {
    Size live;      /* bytes that stayed in it last, or zero */
    Seg *late_next; /* of a segment in which objects stay */
  };
  unsigned char defer;          /* scans to wait before watching it again */
  unsigned char size_class;     /* SegSize, of the request that made it */
  _Atomic unsigned char access; /* PlatAccess: what the client may do */
  bool is_watched;              /* a write by the client will be known */
  bool is_wanted;               /* in arena->wanted */
  bool is_piecemeal;            /* its bytes are accounted one by one */
  bool has_keys;                /* of ephemerons that wait (.ephs.note) */
  _Atomic bool is_hit;          /* in arena->hits */
  /* Unless there is a buffer, there is nothing but padding of our own at
   * and above this address (.seg.inv.used). */
  Addr used_limit;
  RefSet refset;  /* .heap.inv.refset */
  RefSet seen;    /* by the scans of the running trace, up to scanned */
  Buffer *buffer; /* that fills it, or NULL */
  Cursor *cursor; /* that copies into it, or NULL */
  Ring gen_link;  /* pgen->segs, or trace's list of white ones */
  Ring ref_link;  /* arena->remembered[...] */
  Seg *grey_next;
  Seg *hit_next;
  Seg *wanted_next;
};

/* What a pool class does for its segments. */
struct SegClass {
  const char *name;
  /* Condemn it: make it white or leave it alone.  Returns the bytes that
   * are condemned; zero if and only if it isn't white. */
  Size (*whiten)(Seg *seg);
  /* Preserve the object that *ref_io refers to, and say where it is now.
   * The segment is white.  Never fails: with no memory it preserves in
   * place.  On the critical path. */
  void (*fix)(Seg *seg, ScanState *ss, mps_addr_t *ref_io);
  /* Scan what is grey.  The result is the client's. */
  Res (*scan)(Seg *seg, ScanState *ss);
  /* The trace is over: what wasn't preserved dies.  May free seg. */
  void (*reclaim)(Seg *seg);
  /* Visit each object, padding included, up to the scan limit. */
  void (*walk)(Seg *seg, mps_formatted_objects_stepper_t visit, void *p,
               size_t s);
  /* Call scan for areas that together hold all objects. */
  Res (*areas)(Seg *seg, mps_ss_t ss, mps_area_scan_t scan, void *closure);
  /* The object that an address is in, as the client knows it. */
  Res (*find)(mps_addr_t *object_out, Seg *seg, Addr addr);
  /* Has the running trace preserved the object that *ref_io refers to?
   * Then say where it is now.  The segment is white.  Preserves nothing. */
  bool (*is_preserved)(Seg *seg, mps_addr_t *ref_io);
  /* May an object begin in that block?  The address is in the segment. */
  bool (*may_begin)(const Seg *seg, Addr block);
};


/* Pools (pool.h in the pool layer) */

#define POOL_SIG ((Sig)0x506F6F6C)       /* "Pool" */
#define POOL_CLASS_SIG ((Sig)0x50436C61) /* "PCla" */

struct mps_pool_s {
  Sig sig;
  const PoolClass *class;
  Arena *arena;
  Ring link;      /* arena->pools */
  Format *format; /* or NULL */
  Chain *chain;   /* or NULL */
  Size align;
  Ring buffers;        /* Buffer.link */
  struct Debug *debug; /* of a debug class (debug.h), or NULL */
  Count sacs;          /* caches of its blocks (sac.h) */
};

/* What distinguishes one class of pools from another.  Each slot is
 * filled; what a pool can't do is spelt pool_no_x. */
struct mps_pool_class_s {
  Sig sig;
  const char *name;
  Size size;       /* of its pool record */
  bool is_moving;  /* its objects move */
  bool is_managed; /* its objects are found dead by tracing */
  bool is_ranked;  /* its allocation points are made with a rank */
  Res (*init)(Pool *pool, mps_arg_s *args);
  void (*finish)(Pool *pool);
  Res (*buffer_init)(Buffer *buffer, mps_arg_s *args);
  /* Attach memory for at least size bytes to an empty buffer. */
  Res (*fill)(Buffer *buffer, Size size);
  /* The buffer is about to let go of its memory: pad what is unused. */
  void (*empty)(Buffer *buffer);
  Res (*alloc)(Addr *base_out, Pool *pool, Size size);
  void (*free)(Pool *pool, Addr base, Size size);
  void (*ramp_begin)(Pool *pool, Buffer *buffer);
  void (*ramp_end)(Pool *pool, Buffer *buffer);
  /* What the allocation point has allocated since the frame dies; with NULL,
   * all that frames govern.  False if it isn't a frame of its.  Where frames
   * mean nothing, nothing happens. */
  bool (*pop)(Buffer *buffer, Addr frame);
  /* A trace has condemned one of the pool's generations (once for each). */
  void (*condemned)(Pool *pool, PoolGen *pgen);
  /* All that is alive was found and copied. */
  void (*scanned)(Pool *pool);
  /* What was dead is reclaimed. */
  void (*trace_end)(Pool *pool);
  /* A trace in place is over, and the threads run again. */
  void (*collected)(Pool *pool);
  Size (*total_size)(const Pool *pool);
  Size (*free_size)(const Pool *pool);
  void (*segs)(Pool *pool, void (*visit)(Seg *seg, void *p), void *p);
  bool (*check)(const Pool *pool);
};


/* Buffers (buffer.h) */

#define BUFFER_SIG ((Sig)0x42756666) /* "Buff" */

struct Buffer {
  mps_ap_s ap; /* shared with the client */
  Sig sig;
  Pool *pool;
  Ring link;         /* pool->buffers */
  PoolGen *pgen;     /* that it allocates into */
  Seg *seg;          /* attached, or NULL */
  Addr base;         /* what was allocated since this counts as its own */
  Addr limit;        /* of the memory it may fill */
  Addr init_at_flip; /* while it is flipped */
  bool is_flipped;   /* ap.limit is a trap */
  bool is_orphan;    /* full, and its segment was taken away */
  bool is_hash_arrays;
  Rank rank;   /* of the segments it fills */
  Size want;   /* bytes to ask for at the next fill */
  Count ramps; /* begun and not ended on this allocation point */
  Seg *stack;  /* the last that it filled, of a class with frames (snc.c) */
};


/* Finalization (final.h) */

#define FINAL_SIG ((Sig)0x46696E61) /* "Fina" */

/* One registration.  When its object is found dead, it becomes the message,
 * in the same memory. */
typedef struct Final {
  union {
    struct {
      Sig sig;
      Ring link; /* finals->gens[...] */
    } entry;
    Message message;
  } as;
  struct Final *next; /* in its bucket */
  Addr ref;           /* as the client knows the object; NULL after its pool */
} Final;

/* All registrations of an arena, by address and by generation.  With those
 * in the buckets are the messages about objects that have no format. */
typedef struct Finals {
  Final **buckets; /* or NULL before the first */
  Shift shift;     /* there are 2 to the power of this */
  Count count;
  RefSet white;  /* condemned, from the flip until the dead are known */
  RefSet posted; /* generations that the objects of messages may be in */
  Count blocks;  /* messages in the buckets */
  Ring gens[WORD_BITS]; /* by the generation id of the object's segment */
  bool is_deciding;     /* the lists of what is condemned are in these: */
  Ring todo;            /* registrations to decide about */
  Ring dead;            /* and those of dead objects, to be posted */
} Finals;


/* Roots (root.h) */

#define ROOT_SIG ((Sig)0x526F6F74) /* "Root" */

typedef enum RootKind {
  ROOT_FUN,
  ROOT_FMT,
  ROOT_AREA,
  ROOT_AREA_TAGGED,
  ROOT_THREAD,
  ROOT_THREAD_TAGGED
} RootKind;

struct mps_root_s {
  Sig sig;
  RootKind kind;
  Rank rank;
  Arena *arena;
  Ring link;  /* arena->roots */
  void *base; /* of an area, or the cold end of a stack, or p */
  void *limit;
  size_t s;
  Thread *thread;
  mps_root_scan_t scan;
  mps_fmt_scan_t scan_fmt;
  mps_area_scan_t scan_area;
  void *closure;
  mps_scan_tag_s tag;
};


/* Threads */

#define THREAD_SIG ((Sig)0x54687264) /* "Thrd" */

struct mps_thr_s {
  Sig sig;
  Arena *arena;
  PlatThread plat; /* arena->threads */
};


/* Scan states (scan.h) */

#define SCAN_SIG ((Sig)0x5363616E) /* "Scan" */

/* All that scanning needs for each reference, owned by one thread.  The
 * first part is what the client's scanner works on. */
struct ScanState {
  mps_ss_s ss;
  Sig sig;
  Rank rank;
  Arena *arena;
  struct Trace *trace;
  Seg **segs;      /* the space's map from grains to segments */
  bool was_marked; /* cleared when a fix preserves something */
  Size scanned;    /* bytes, where that isn't the whole segment */
  bool is_waiting; /* a pair was met that may live or not */
  bool has_slots;  /* fix gets the words themselves from our scanners */
  /* What a walk does with a reference in place of tracing it, or NULL;
   * then rank is RANK_NONE. */
  void (*fix)(ScanState *ss, mps_addr_t *ref_io);
};


/* The arena (arena.h) */

#define ARENA_SIG ((Sig)0x4172656E) /* "Aren" */

typedef enum BarrierMeans {
  BARRIER_NONE,
  BARRIER_PROTECT,
  BARRIER_TRACK
} BarrierMeans;

typedef enum ArenaState {
  ARENA_UNCLAMPED,
  ARENA_CLAMPED,
  ARENA_PARKED,
  ARENA_POSTMORTEM
} ArenaState;

struct mps_arena_s {
  Sig sig;
  Size size; /* bytes of this record */
  Space space;
  Ctl ctl;
  Boards boards;
  PlatLock lock;
  ArenaState state;
  Seconds pause_time;
  Ring all_link; /* among the process's arenas */
  Ring pools;
  Ring formats;
  Ring chains;
  Ring roots;
  PlatThread *threads;
  Count transforms;
  Chain *default_chain; /* among chains */
  Gen top;
  Word gen_ids; /* bit i: id i is taken */

  /* Segments with references, by the lowest id in their reference set. */
  Ring remembered[WORD_BITS];
  /* Segments with ambiguous references, and how many of them hold objects of
   * which only a trace in place is sure to find whether they are dead
   * (.trace.ambig, .trace.place). */
  Ring ambig;
  Count ambig_holding;
  Seg *grey;    /* segments to scan */
  Seg *late;    /* segments to scan when the dead are known */
  Ring cursors; /* open ones: what they copy must be scanned too */
  BarrierMeans barrier;
  _Atomic(Seg *) hits; /* written to since the last stop */
  Seg *wanted;         /* what may be done to them is to be set anew */
  Index disarm;        /* no unit below this one is armed in vain */
  /* The client wants to read what is still to be scanned: scan it.  Handed
   * down by the layer of traces. */
  void (*unhide)(Arena *arena, Seg *seg);

  LdHistory ld;
  MessageQueue messages;
  Finals finals;
  RefSet stayed; /* generations where what can't be copied stays */
  Count flips;   /* after which objects may have moved */
  struct Trace *trace;
  EventRing *events;    /* behind this record */
  Count hits_taken;     /* segments written to between the last two stops */
  Seconds stop_begin;   /* if the events of stops were wanted then */
  const char *stop_why; /* a constant */
  Size filled;          /* bytes given to allocation points, ever */
  bool is_gc_due;       /* some generation has reached its capacity */
  bool is_polling;
  bool is_stopped;  /* the threads are */
  bool is_gathered; /* all that was written is known, in this stop */
  bool is_hiding;   /* some segments may be hidden from the client */
  bool is_inside;   /* the owner of the lock is in a call of the interface */
  bool is_holding;  /* signals are held back until the owner leaves */
  sigset_t signals; /* to be let through then */
  sigset_t signals_at_stop;
  /* Where the calling thread came in; NULL unless it is inside. */
  const PlatContext *entry;
  mps_arena_extended_t extended;
  mps_arena_contracted_t contracted;
};

#endif /* HEAP_H */
