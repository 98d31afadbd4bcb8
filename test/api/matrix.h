/* matrix.h -- configurations of the mostly copying pools, and what to do in
 * each
 *
 * A test that loops over MATRIX configurations begins with matrix_begin,
 * which makes a client for the one of this number: {AMC, AMCZ} x {no header,
 * as long as the alignment, longer} x {interior pointers pin, don't} x {1, 2,
 * 5 generations} x {extend by a grain, a small segment, a long one} x
 * {alignment 8, 16, 32}.  The arena is clamped: it collects on request.
 */

#ifndef MATRIX_H
#define MATRIX_H

#include "client.h"

enum {
  MATRIX = 2 * 3 * 2 * 3 * 3 * 3,
  MATRIX_PARTS = 6 /* each is a process */
};

/* A test of its name: in part p, the configurations p, p + MATRIX_PARTS, and
 * so on; or, to find out which one fails, the one in MOSTLY_CONFIG. */
#define MATRIX_TEST(name) \
  static void name##_in(int config); \
  START_TEST(name) \
  { \
    matrix_loop(name##_in, _i); \
  } \
  END_TEST \
  static void name##_in(int config)

static inline void matrix_loop(void (*test)(int), int part)
{
  const char *only = getenv("MOSTLY_CONFIG");

  for (int i = part; i < MATRIX; i += MATRIX_PARTS)
    if (only == NULL || atoi(only) == i)
      test(i);
}

#define GRAIN (4 * KB)

typedef struct Setup {
  Options options;
  Client client;
  size_t large; /* requests from this size on are large */
} Setup;

static inline size_t matrix_take(int *index, const size_t *values, int count)
{
  size_t value = values[*index % count];

  *index /= count;
  return value;
}

static inline Setup matrix_begin(int index)
{
  static const size_t gens[] = {1, 2, 5}, aligns[] = {8, 16, 32};
  static const size_t extends[] = {1, 8 * KB, 64 * KB};
  static const size_t headers[] = {0, 1, 2}, either[] = {0, 1};
  Setup s = {.large = 32 * KB};
  Options *o = &s.options;

  o->is_leaf = (int)matrix_take(&index, either, 2);
  o->is_exact_only = (int)matrix_take(&index, either, 2);
  o->gens = matrix_take(&index, gens, 3);
  o->extend_by = matrix_take(&index, extends, 3);
  o->align = matrix_take(&index, aligns, 3);
  o->header = o->align * matrix_take(&index, headers, 3);
  s.client = client_create(o);
  if (o->extend_by > s.large)
    s.large = o->extend_by;
  mps_arena_clamp(s.client.arena);
  log_length = 0;
  return s;
}

static inline size_t round_up(size_t size, size_t align)
{
  return (size + align - 1) & ~(align - 1);
}

/* A size that suits the alignment and has room for the header and some. */
static inline size_t matrix_size(const Setup *s, size_t size)
{
  return round_up(size + s->options.header, s->options.align);
}

/* What is in one stretch of memory, told by a walk: objects and padding. */
typedef struct Walked {
  const Word *base, *limit; /* what to look at */
  size_t header;
  size_t objects, object_bytes, pads, pad_bytes;
} Walked;

static inline void walked_visit(mps_addr_t object, mps_fmt_t fmt,
                                mps_pool_t pool, void *p, size_t size)
{
  Walked *w = p;
  const Word *block = block_of(object, w->header);

  (void)fmt, (void)pool, (void)size;
  if (block < w->base || block >= w->limit)
    return;
  EXPECT(block_kind(block) != KIND_FWD);
  if (block_kind(block) == KIND_PAD) {
    ++w->pads;
    w->pad_bytes += block_size(block);
  } else {
    ++w->objects;
    w->object_bytes += block_size(block);
  }
}

static inline Walked matrix_walk(const Client *client, const void *base,
                                 const void *limit)
{
  Walked w = {.base = base, .limit = limit, .header = client->header};

  mps_arena_formatted_objects_walk(client->arena, walked_visit, &w, 0);
  return w;
}

#endif /* MATRIX_H */
