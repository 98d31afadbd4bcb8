/* client.h -- what the clients in this directory share
 *
 * A format whose methods check how they are called, and log it if asked to;
 * arenas and pools with the options that a test is about; and a handler that
 * collects what the library reports.  Only public headers are used.
 *
 * A block is an array of words, whatever the size H of its in-band header:
 *
 *   0         size in bytes, and kind
 *   1         serial number; when forwarded, the new client pointer
 *   2 ...     up to H: words made from the serial number
 *   then      references, or in leaf objects words made from the number
 *
 * so a block of one word is enough for padding, and two for an object.
 */

#ifndef CLIENT_H
#define CLIENT_H

#include "mps.h"
#include "mpsavm.h"
#include "mpscamc.h"
#include "mpslib.h"
#include "mpstd.h"

#include "../unit/unit.h"

#include <math.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef mps_word_t Word;
#define WORD sizeof(Word)
#define KB ((size_t)1024)
#define MB (KB * 1024)
#define NELEMS(array) (sizeof(array) / sizeof((array)[0]))

enum {
  KIND_OBJ = 0xA1,
  KIND_LEAF = 0xA2,
  KIND_FWD = 0xA3,
  KIND_PAD = 0xA4
};

typedef enum Method {
  CALL_SCAN = 's',
  CALL_SKIP = 'k',
  CALL_FWD = 'f',
  CALL_ISFWD = 'i',
  CALL_PAD = 'p'
} Method;

typedef struct Call {
  Method method;
  Word *block;
  size_t size;
} Call;

/* The log.  Format methods run with the arena's lock held. */
#define LOG_MAX ((size_t)1 << 20)
static Call log_calls[LOG_MAX];
static size_t log_length;
static int log_on;

static inline void log_start(void)
{
  log_length = 0;
  log_on = 1;
}

static inline void log_call(Method method, Word *block, size_t size)
{
  if (log_on) {
    EXPECT(log_length < LOG_MAX);
    log_calls[log_length++] = (Call){method, block, size};
  }
}

/* How many calls of a method began in [base, limit). */
static inline size_t log_count(Method method, const void *base,
                               const void *limit)
{
  size_t count = 0;

  for (size_t i = 0; i < log_length; ++i)
    count += log_calls[i].method == method
             && (const void *)log_calls[i].block >= base
             && (const void *)log_calls[i].block < limit;
  return count;
}

#define EVERYWHERE NULL, (const void *)UINTPTR_MAX


/* Blocks */

static inline Word block_info(size_t size, unsigned kind)
{
  return (Word)size << 8 | kind;
}

static inline unsigned block_kind(const Word *block)
{
  return (unsigned)(block[0] & 0xFF);
}

static inline size_t block_size(const Word *block)
{
  return (size_t)(block[0] >> 8);
}

static inline Word *block_of(mps_addr_t client, size_t header)
{
  return (Word *)(void *)((char *)client - header);
}

static inline mps_addr_t client_of(Word *block, size_t header)
{
  return (char *)block + header;
}

/* Where the references of a block are, and how many. */
static inline size_t block_first(size_t header)
{
  return header / WORD > 2 ? header / WORD : 2;
}

static inline size_t block_refs(const Word *block, size_t header)
{
  size_t words = block_size(block) / WORD;

  return words > block_first(header) ? words - block_first(header) : 0;
}

static inline void block_expect(const Word *block)
{
  EXPECT((Word)block % WORD == 0);
  EXPECT(block_kind(block) >= KIND_OBJ && block_kind(block) <= KIND_PAD);
  EXPECT(block_size(block) > 0 && block_size(block) % WORD == 0);
}

static inline Word block_pattern(Word serial, size_t index)
{
  return (serial * 0x9E3779B97F4A7C15u + index) | 1;
}

/* Write an object; its references become null. */
static inline void block_init(void *at, size_t size, size_t header,
                              unsigned kind, Word serial)
{
  Word *block = at;
  size_t first = kind == KIND_LEAF ? 2 : block_first(header);

  block[0] = block_info(size, kind);
  block[1] = serial;
  for (size_t i = 2; i < size / WORD; ++i)
    block[i] = i < first || kind == KIND_LEAF ? block_pattern(serial, i) : 0;
}

/* Is an object what it was when it was written, but for its references? */
static inline int block_is_intact(mps_addr_t client, size_t header,
                                  Word serial)
{
  const Word *block = block_of(client, header);
  size_t first = block_first(header);

  if ((block_kind(block) != KIND_OBJ && block_kind(block) != KIND_LEAF)
      || block[1] != serial)
    return 0;
  if (block_kind(block) == KIND_LEAF)
    first = block_size(block) / WORD;
  for (size_t i = 2; i < first && i < block_size(block) / WORD; ++i)
    if (block[i] != block_pattern(serial, i))
      return 0;
  return 1;
}

static inline mps_addr_t *block_slot(mps_addr_t client, size_t header,
                                     size_t index)
{
  return (mps_addr_t *)(void *)&block_of(client,
                                         header)[block_first(header) + index];
}


/* Methods, of which the size of the header is a parameter */

static inline mps_res_t probe_scan(mps_ss_t ss, mps_addr_t base,
                                   mps_addr_t limit, size_t header)
{
  Word *block = block_of(base, header);
  Word *end = block_of(limit, header);

  EXPECT(base < limit);
  MPS_SCAN_BEGIN(ss)
  {
    while (block < end) {
      size_t size = block_size(block);

      block_expect(block);
      if (block_kind(block) == KIND_OBJ) {
        mps_addr_t *slot = block_slot(client_of(block, header), header, 0);

        log_call(CALL_SCAN, block, size);
        for (size_t i = 0; i < block_refs(block, header); ++i) {
          mps_res_t res = MPS_FIX12(ss, &slot[i]);
          if (res != MPS_RES_OK)
            return res;
        }
      }
      block += size / WORD;
    }
    EXPECT(block == end);
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static inline mps_addr_t probe_skip(mps_addr_t client, size_t header)
{
  Word *block = block_of(client, header);

  block_expect(block);
  log_call(CALL_SKIP, block, block_size(block));
  return (char *)client + block_size(block);
}

static inline void probe_fwd(mps_addr_t old, mps_addr_t new, size_t header)
{
  Word *block = block_of(old, header);
  size_t size = block_size(block);

  block_expect(block);
  EXPECT(block_kind(block) == KIND_OBJ || block_kind(block) == KIND_LEAF);
  EXPECT(memcmp(block, block_of(new, header), size) == 0);
  log_call(CALL_FWD, block, size);
  block[0] = block_info(size, KIND_FWD);
  block[1] = (Word) new;
}

static inline mps_addr_t probe_isfwd(mps_addr_t client, size_t header)
{
  Word *block = block_of(client, header);

  block_expect(block);
  log_call(CALL_ISFWD, block, block_size(block));
  return block_kind(block) == KIND_FWD ? (mps_addr_t)block[1] : NULL;
}

static inline void probe_pad(mps_addr_t base, size_t size)
{
  Word *block = base;

  EXPECT((Word)base % WORD == 0);
  EXPECT(size > 0 && size % WORD == 0);
  log_call(CALL_PAD, block, size);
  memset(block, 0xDD, size); /* so that nobody takes it for an object */
  block[0] = block_info(size, KIND_PAD);
}

/* The methods of a format, named after its header's size. */
#define PROBE_FORMAT(H) \
  static inline mps_res_t scan##H(mps_ss_t ss, mps_addr_t base, \
                                  mps_addr_t limit) \
  { \
    return probe_scan(ss, base, limit, H); \
  } \
  static inline mps_addr_t skip##H(mps_addr_t client) \
  { \
    return probe_skip(client, H); \
  } \
  static inline void fwd##H(mps_addr_t old, mps_addr_t new) \
  { \
    probe_fwd(old, new, H); \
  } \
  static inline mps_addr_t isfwd##H(mps_addr_t client) \
  { \
    return probe_isfwd(client, H); \
  }

PROBE_FORMAT(0)
PROBE_FORMAT(8)
PROBE_FORMAT(16)
PROBE_FORMAT(32)
PROBE_FORMAT(64)

typedef struct ProbeMethods {
  size_t header;
  mps_fmt_scan_t scan;
  mps_fmt_skip_t skip;
  mps_fmt_fwd_t fwd;
  mps_fmt_isfwd_t isfwd;
} ProbeMethods;

static const ProbeMethods probe_methods[] = {
    {0, scan0, skip0, fwd0, isfwd0},      {8, scan8, skip8, fwd8, isfwd8},
    {16, scan16, skip16, fwd16, isfwd16}, {32, scan32, skip32, fwd32, isfwd32},
    {64, scan64, skip64, fwd64, isfwd64},
};

/* As EXPECT is, for a result code: it's said a million times. */
#define MUST(call) must(call, #call, __LINE__)

static inline void must(mps_res_t res, const char *call, int line)
{
  if (res != MPS_RES_OK)
    ck_abort_msg("%s in line %d is %d", call, line, res);
}

/* A format with that alignment and header; without the methods for moving,
 * if objects are to stay. */
static inline mps_fmt_t client_format_of(mps_arena_t arena, size_t align,
                                         size_t header, int is_staying)
{
  const ProbeMethods *m = probe_methods;
  mps_fmt_t fmt = NULL;

  while (m->header != header)
    EXPECT(++m < probe_methods + NELEMS(probe_methods));
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, align);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_HEADER_SIZE, header);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, m->scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, m->skip);
    if (!is_staying) {
      MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, m->fwd);
      MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, m->isfwd);
      MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, probe_pad);
    }
    MUST(mps_fmt_create_k(&fmt, arena, args));
  }
  MPS_ARGS_END(args);
  return fmt;
}

static inline mps_fmt_t client_format(mps_arena_t arena, size_t align,
                                      size_t header)
{
  return client_format_of(arena, align, header, 0);
}


/* Arenas, and a pool with one allocation point */

static inline mps_arena_t client_arena(void)
{
  mps_arena_t arena = NULL;

  MUST(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none));
  return arena;
}

/* What a test is about; zero is the default of each. */
typedef struct Options {
  int is_leaf;
  int is_exact_only; /* no interior pointers */
  size_t align;
  size_t header;
  size_t extend_by;
  size_t large_size;
  size_t gens; /* zero for the default chain */
  size_t capacity;
  mps_pool_class_t class; /* one whose objects stay, or null */
  int has_rank;           /* is that of allocation points given? */
  mps_rank_t rank;
} Options;

typedef struct Client {
  mps_arena_t arena;
  mps_fmt_t fmt;
  mps_chain_t chain; /* or null */
  mps_pool_t pool;
  mps_ap_t ap;
  size_t header;
  unsigned kind;
  size_t align;
} Client;

static inline mps_chain_t client_chain(mps_arena_t arena, size_t gens,
                                       size_t capacity)
{
  mps_gen_param_s params[8];
  mps_chain_t chain = NULL;

  EXPECT(gens <= NELEMS(params));
  for (size_t i = 0; i < gens; ++i)
    params[i] = (mps_gen_param_s){capacity << i, 0.8};
  MUST(mps_chain_create(&chain, arena, gens, params));
  memset(params, 0xFF, sizeof params); /* they are copied */
  return chain;
}

static inline mps_pool_class_t client_class(const Options *options)
{
  if (options->class != NULL)
    return options->class;
  return options->is_leaf ? mps_class_amcz() : mps_class_amc();
}

static inline mps_ap_t client_ap(mps_pool_t pool, const Options *options)
{
  mps_ap_t ap = NULL;

  MPS_ARGS_BEGIN(args)
  {
    if (options->has_rank)
      MPS_ARGS_ADD(args, MPS_KEY_RANK, options->rank);
    MUST(mps_ap_create_k(&ap, pool, args));
  }
  MPS_ARGS_END(args);
  return ap;
}

static inline mps_pool_t client_pool(const Client *client,
                                     const Options *options)
{
  mps_pool_t pool = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, client->fmt);
    if (client->chain != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, client->chain);
    if (options->is_exact_only)
      MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, 0);
    if (options->extend_by != 0)
      MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, options->extend_by);
    if (options->large_size != 0)
      MPS_ARGS_ADD(args, MPS_KEY_LARGE_SIZE, options->large_size);
    MUST(mps_pool_create_k(&pool, client->arena, client_class(options), args));
  }
  MPS_ARGS_END(args);
  return pool;
}

static inline Client client_create_in(mps_arena_t arena,
                                      const Options *options)
{
  Client client = {.arena = arena, .header = options->header};

  client.align = options->align != 0 ? options->align : WORD;
  client.kind = options->is_leaf ? KIND_LEAF : KIND_OBJ;
  client.fmt = client_format_of(arena, client.align, options->header,
                                options->class != NULL);
  if (options->gens != 0)
    client.chain
        = client_chain(arena, options->gens,
                       options->capacity != 0 ? options->capacity : 1024);
  client.pool = client_pool(&client, options);
  client.ap = client_ap(client.pool, options);
  return client;
}

static inline Client client_create(const Options *options)
{
  return client_create_in(client_arena(), options);
}

static inline void client_leave(const Client *client)
{
  mps_ap_destroy(client->ap);
  mps_pool_destroy(client->pool);
  if (client->chain != NULL)
    mps_chain_destroy(client->chain);
  mps_fmt_destroy(client->fmt);
}

static inline void client_destroy(const Client *client)
{
  client_leave(client);
  mps_arena_destroy(client->arena);
}

/* Allocate an object of size bytes and return its client pointer. */
static inline mps_addr_t client_make(const Client *client, size_t size,
                                     Word serial)
{
  mps_addr_t block;

  do {
    MUST(mps_reserve(&block, client->ap, size));
    EXPECT((Word)block % client->align == 0);
    block_init(block, size, client->header, client->kind, serial);
  } while (!mps_commit(client->ap, block, size));
  return client_of(block, client->header);
}

/* The bytes that are used of those that the pool has. */
static inline size_t pool_used(mps_pool_t pool)
{
  return mps_pool_total_size(pool) - mps_pool_free_size(pool);
}

static inline mps_root_t root_table(mps_arena_t arena, mps_rank_t rank,
                                    mps_addr_t *base, size_t count)
{
  mps_root_t root = NULL;

  MUST(mps_root_create_table(&root, arena, rank, 0, base, count));
  return root;
}


/* What the library reported.  The handler returns, as handlers may. */

static unsigned report_count;
static char report_text[256];

static inline void report_take(const char *file, unsigned line,
                               const char *condition)
{
  (void)file;
  (void)line;
  if (report_count++ == 0)
    (void)snprintf(report_text, sizeof report_text, "%s", condition);
}

/* There was one report, which says both. */
static inline void expect_report(const char *function, const char *what)
{
  ck_assert_uint_eq(report_count, 1);
  ck_assert_msg(strstr(report_text, function) != NULL
                    && strstr(report_text, what) != NULL,
                "%s", report_text);
  report_count = 0;
}

#endif /* CLIENT_H */
