/* interp_gc.h -- the collector interface of a small interpreter
 *
 * Many interpreters for small machines have one heap in memory that the
 * board gives them, one global collector, and calls like these.  This
 * adapter is all that it takes to put such a one on the block pool.
 *
 * Design: .clients.interp (design/clients.rst).
 */

#ifndef INTERP_GC_H
#define INTERP_GC_H

#include <stdbool.h>
#include <stddef.h>

/* What the interpreter brings along; each but print may be null. */
typedef struct InterpGcPort {
  void (*collect)(void);          /* start, root ..., end, when memory is
                                     short or the threshold reached */
  void (*finalise)(void *object); /* may free, mustn't allocate */
  char (*kind)(void *object);     /* its letter in the dump */
  void (*print)(const char *text, size_t length);
} InterpGcPort;

typedef struct InterpGcInfo {
  size_t total, used, free;    /* bytes */
  size_t max_free, max_block;  /* blocks */
  size_t one_block, two_block; /* objects */
} InterpGcInfo;

/* All of the heap is in [start, end).  Returns false if that is too small.
 * May be called again, to begin anew. */
bool interp_gc_init(const InterpGcPort *port, void *start, void *end);

/* Null for size 0, while locked, and when the heap is full.  An object with
 * a finaliser has null in its first word until the client fills it in, and
 * isn't finalised while that is so. */
void *interp_gc_alloc(size_t size, bool has_finaliser);
void interp_gc_free(void *p); /* does nothing while locked */
void *interp_gc_realloc(void *p, size_t size, bool allow_move);
size_t interp_gc_nbytes(void *p); /* 0: not an object */

void interp_gc_collect(void); /* the port's */
void interp_gc_collect_start(void);
void interp_gc_collect_root(void **words, size_t count);
void interp_gc_collect_end(void);
size_t interp_gc_collected(void); /* objects, by the last collection */
void interp_gc_sweep_all(void);   /* finalises and frees everything */

void interp_gc_lock(void);
void interp_gc_unlock(void);
bool interp_gc_is_locked(void);

void interp_gc_auto(bool is_on);
void interp_gc_threshold(size_t bytes);

void interp_gc_info(InterpGcInfo *info_o);
void interp_gc_dump_info(void);
void interp_gc_dump_alloc_table(void);

#endif /* INTERP_GC_H */
