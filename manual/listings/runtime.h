/* runtime.h -- the memory of the guide's runtime
 *
 * Values, objects, and functions that make them.  The programs beside this
 * file are written on it.
 */

#ifndef RUNTIME_H
#define RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mps.h"

/* [values] */
typedef struct Object Object;

/* A reference, whose low three bits are zero; or a small integer, shifted
 * left by one, whose lowest bit is one. */
typedef Object *Value;

struct Object {
  uintptr_t header; /* the size in words, above the kind */
  Value slot[];
};

typedef enum Kind {
  KIND_FORWARD, /* slot 0 is where the object is now */
  KIND_PAD,     /* no object: a gap */
  KIND_VECTOR,  /* every slot is a value */
  KIND_BYTES    /* no slot is a value */
} Kind;

#define HEADER(kind, words) ((uintptr_t)(words) << 8 | (kind))

static inline Kind object_kind(const Object *object)
{
  return (Kind)(object->header & 0xFF);
}

static inline size_t object_words(const Object *object)
{
  return object->header >> 8;
}

static inline bool is_reference(Value value)
{
  return ((uintptr_t)value & 7) == 0;
}

static inline Value fixnum(intptr_t n)
{
  return (Value)((uintptr_t)n << 1 | 1);
}

static inline intptr_t fixnum_value(Value value)
{
  return (intptr_t)value >> 1;
}
/* [values end] */

/* The variables of the program that is being run.  An exact root. */
#define GLOBALS 16
extern Value globals[GLOBALS];

typedef struct Runtime {
  mps_arena_t arena;
  mps_chain_t chain; /* null: the arena's own */
  mps_fmt_t format;
  mps_pool_t pool;      /* of vectors */
  mps_pool_t leaf_pool; /* of bytes */
  mps_root_t global_root;
} Runtime;

extern Runtime runtime;

void runtime_create(size_t gen_count, mps_gen_param_s *gens);
void runtime_destroy(void);

/* Call body in a thread that may use objects. */
int thread_run(int (*body)(void *data), void *data);
mps_ap_t thread_ap(void); /* the thread's own, for vectors */

/* New objects.  Each may collect. */
Value make_vector(size_t length, Value fill);
Value make_pair(Value first, Value second); /* a vector of two */
Value make_bytes(const void *data, size_t size);

void must(mps_res_t res, const char *what);

#endif /* RUNTIME_H */
