/* test_seed_segments.c -- grains, headers, padding and formats, from outside
 *
 * A test for each requirement of the mostly copying pools about what is in
 * memory that isn't shown elsewhere.  The format's methods log their calls,
 * or write by system calls, which fail where memory is protected.
 */

#include "matrix.h"

#include "mostly.h"

#include <unistd.h>

enum {
  OBJECTS = 200
};

static mps_addr_t table[OBJECTS];
static mps_addr_t pins[16];

static void let_go(Setup *s)
{
  mps_ap_destroy(s->client.ap);
  MUST(mps_ap_create_k(&s->client.ap, s->client.pool, mps_args_none));
}

/* Take a block, whatever its size, and call it padding. */
static char *take(const Client *client, size_t size)
{
  mps_addr_t p;

  do {
    MUST(mps_reserve(&p, client->ap, size));
    *(Word *)p = block_info(size, KIND_PAD);
  } while (!mps_commit(client->ap, p, size));
  return p;
}


/* Grains */

/* COVERS: .def.grain: a block is aligned to the pool's grain, may be as
 * short as one, and so may padding. */
MATRIX_TEST(the_alignment_is_the_unit)
{
  Setup s = matrix_begin(config);
  size_t align = s.options.align;
  mps_ap_t ap = s.client.ap;

  for (size_t n = 1; n <= 40; ++n)
    ck_assert_uint_eq((Word)take(&s.client, n * align) % align, 0);
  for (size_t n = 0; n < 3; ++n) {
    size_t room = (size_t)((char *)ap->limit - (char *)ap->init);
    char *end;

    if (room == 0)
      room = (size_t)((char *)ap->limit - take(&s.client, align));
    if (room > align)
      (void)take(&s.client, room - align);
    end = ap->init;
    ck_assert_ptr_eq(end + align, ap->limit);
    log_start();
    (void)take(&s.client, 2 * align);
    log_on = 0;
    ck_assert_uint_eq(log_count(CALL_PAD, EVERYWHERE), 1);
    ck_assert_ptr_eq(log_calls[log_length - 1].block, (Word *)(void *)end);
    ck_assert_uint_eq(log_calls[log_length - 1].size, align);
  }
  client_destroy(&s.client);
}


/* Headers */

static Word *known[3 * OBJECTS]; /* blocks, in order of address */
static size_t known_count;

static int compare_blocks(const void *a, const void *b)
{
  Word x = (Word) * (Word *const *)a, y = (Word) * (Word *const *)b;

  return x < y ? -1 : x > y;
}

static int is_known(const Word *block)
{
  return bsearch(&block, known, known_count, sizeof known[0], compare_blocks)
         != NULL;
}

static void know_all(const Setup *s, mps_addr_t const *objects)
{
  for (size_t i = 0; i < OBJECTS; ++i)
    known[known_count++] = block_of(objects[i], s->options.header);
}

/* Methods were told the addresses by which the client knows its objects:
 * probe_ takes the header off, and comes to a block. */
static void expect_client_addresses(void)
{
  for (size_t i = 0; i < log_length; ++i)
    if (log_calls[i].method == CALL_FWD || log_calls[i].method == CALL_ISFWD
        || log_calls[i].method == CALL_SCAN)
      EXPECT(is_known(log_calls[i].block));
}

/* COVERS: .header .header.client: objects barely longer than their header
 * survive, header and all, moved and nailed; methods get client pointers. */
MATRIX_TEST(headers_belong_to_objects)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;
  size_t header = s.options.header;
  size_t size
      = round_up(header + WORD < 16 ? 16 : header + WORD, s.options.align);
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);
  mps_root_t pin = root_table(arena, mps_rank_ambig(), pins, NELEMS(pins));

  for (Word i = 0; i < OBJECTS; ++i)
    table[i] = client_make(&s.client, size, i);
  let_go(&s);
  for (size_t n = 0; n < 4; ++n) {
    for (size_t i = 0; i < NELEMS(pins); ++i)
      pins[i] = n == 0 ? NULL : table[(i * 5 + n) % OBJECTS];
    known_count = 0;
    know_all(&s, table);
    log_start();
    MUST(mps_arena_collect(arena));
    log_on = 0;
    know_all(&s, table);
    qsort(known, known_count, sizeof known[0], compare_blocks);
    expect_client_addresses();
    ck_assert_uint_gt(log_count(CALL_FWD, EVERYWHERE), 0);
    for (Word i = 0; i < OBJECTS; ++i) {
      ck_assert(block_is_intact(table[i], header, i));
      ck_assert_uint_eq(block_size(block_of(table[i], header)), size);
    }
  }
  mps_root_destroy(pin);
  mps_root_destroy(root);
  client_destroy(&s.client);
}


/* Padding */

static size_t reasons[3];

enum {
  BEF, /* a buffer was emptied */
  LSP, /* the rest of a large segment */
  NMR  /* reclaiming what wasn't mobile */
};

/* Of one request: the rest of what the allocation point had, or of a large
 * segment.  Nothing else. */
static void classify_request(const Setup *s, const char *init, char *block,
                             size_t size)
{
  for (size_t i = 0; i < log_length; ++i) {
    const char *base = (char *)log_calls[i].block;

    if (log_calls[i].method != CALL_PAD)
      continue;
    if (init != NULL && base == init) {
      ++reasons[BEF];
    } else {
      ck_assert_uint_ge(size, s->large);
      ck_assert_ptr_eq(base, block + size);
      ck_assert_uint_eq((Word)(base + log_calls[i].size) % GRAIN, 0);
      ++reasons[LSP];
    }
  }
}

static mps_addr_t make(const Setup *s, size_t size, Word serial)
{
  char *init = s->client.ap->init;
  mps_addr_t object;

  log_start();
  object = client_make(&s->client, size, serial);
  log_on = 0;
  classify_request(s, init, (char *)block_of(object, s->options.header), size);
  return object;
}

static void drop_ap(Setup *s)
{
  char *init = s->client.ap->init;

  log_start();
  let_go(s);
  log_on = 0;
  classify_request(s, init, NULL, 0);
}

static int ends_an_object(const Setup *s, const char *base)
{
  for (size_t i = 0; i < OBJECTS; ++i)
    if (table[i] != NULL) {
      Word *block = block_of(table[i], s->options.header);

      if ((char *)block + block_size(block) == base)
        return 1;
    }
  return 0;
}

static int overlaps_an_object(const Setup *s, const Call *pad)
{
  const char *base = (char *)pad->block, *limit = base + pad->size;

  for (size_t i = 0; i < OBJECTS; ++i)
    if (table[i] != NULL) {
      const char *block = (char *)block_of(table[i], s->options.header);

      if (block < limit && block + block_size((const Word *)block) > base)
        return 1;
    }
  return 0;
}

/* Of a collection: each pad begins where a survivor ends, or a stretch of
 * what survived does.  Where something was pinned before, it's for that;
 * else it's the end of what was copied. */
static void classify_collection(const Setup *s, int was_pinned)
{
  for (size_t i = 0; i < log_length; ++i) {
    const Call *call = &log_calls[i];

    if (call->method != CALL_PAD)
      continue;
    ck_assert(!overlaps_an_object(s, call));
    if (is_known((Word *)((Word)call->block & ~(GRAIN - 1)))) {
      ck_assert(was_pinned);
      ck_assert(ends_an_object(s, (char *)call->block)
                || (Word)call->block % GRAIN == 0);
      ++reasons[NMR];
    } else {
      ck_assert(ends_an_object(s, (char *)call->block));
      ++reasons[BEF];
    }
  }
}

static void know_grains(const Setup *s)
{
  known_count = 0;
  for (size_t i = 0; i < OBJECTS; ++i)
    if (table[i] != NULL)
      known[known_count++]
          = (Word *)((Word)block_of(table[i], s->options.header)
                     & ~(GRAIN - 1));
  qsort(known, known_count, sizeof known[0], compare_blocks);
}

/* COVERS: .pad.reason .pad.reason.bef .pad.reason.lsp .pad.reason.nmr: every
 * call of the padding method in a random run has one of three reasons. */
MATRIX_TEST(padding_has_three_reasons)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);
  mps_root_t pin = root_table(arena, mps_rank_ambig(), pins, NELEMS(pins));

  memset(reasons, 0, sizeof reasons);
  for (int n = 0; n < 8; ++n) {
    int is_pinning = n % 2;

    for (Word i = 0; i < OBJECTS; ++i) {
      size_t size = matrix_size(&s, 16 + (size_t)unit_random(400));

      if (unit_random(40) == 0)
        size += s.large - s.options.align * (size_t)unit_random(3);
      table[i] = make(&s, size, i);
    }
    drop_ap(&s);
    know_grains(&s);
    for (size_t i = 0; i < NELEMS(pins); ++i)
      pins[i] = is_pinning ? table[unit_random(OBJECTS)] : NULL;
    for (size_t i = 0; i < OBJECTS; ++i) {
      int is_pin = 0;

      for (size_t k = 0; k < NELEMS(pins); ++k)
        is_pin |= pins[k] == table[i];
      if (!is_pin && unit_random(2) == 0)
        table[i] = NULL;
    }
    log_start();
    MUST(mps_arena_collect(arena));
    log_on = 0;
    classify_collection(&s, is_pinning);
    memset(table, 0, sizeof table);
    memset(pins, 0, sizeof pins);
    MUST(mps_arena_collect(arena));
    ck_assert_uint_eq(mps_pool_total_size(s.client.pool), 0);
  }
  for (size_t i = 0; i < NELEMS(reasons); ++i)
    ck_assert_uint_gt(reasons[i], 0);
  mps_root_destroy(pin);
  mps_root_destroy(root);
  client_destroy(&s.client);
}

/* COVERS: .pad: a pad is like an object from then on.  It is skipped, walked
 * over and may be named; it is never forwarded (probe_fwd sees to that). */
MATRIX_TEST(padding_is_like_an_object)
{
  Setup s = matrix_begin(config);
  mps_arena_t arena = s.client.arena;
  size_t size = matrix_size(&s, 40);
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);
  mps_root_t pin = root_table(arena, mps_rank_ambig(), pins, NELEMS(pins));
  Walked w;

  memset(table, 0, sizeof table);
  memset(pins, 0, sizeof pins);
  for (Word i = 0; i < 30; ++i)
    table[i] = client_make(&s.client, size, i);
  let_go(&s);
  pins[0] = table[1];
  pins[1] = table[3];
  for (size_t i = 2; i < 30; i += i == 2 ? 2 : 1)
    table[i] = NULL;
  log_start();
  MUST(mps_arena_collect(arena));
  for (size_t n = 0; n < 4; ++n) {
    /* Into pads, at their beginnings and inside. */
    for (size_t i = 0, k = 2; i < log_length && k < NELEMS(pins); ++i)
      if (log_calls[i].method == CALL_PAD)
        pins[k++] = (char *)log_calls[i].block + 8 * n % log_calls[i].size;
    log_start();
    MUST(mps_arena_collect(arena));
    w = matrix_walk(&s.client, NULL, (void *)UINTPTR_MAX);
    ck_assert_uint_eq(w.objects, 3);
    ck_assert_uint_ge(w.pads, 2);
    ck_assert_uint_eq(w.object_bytes, 3 * size);
    ck_assert_uint_eq(w.object_bytes + w.pad_bytes,
                      mps_pool_total_size(s.client.pool)
                          - mps_pool_free_size(s.client.pool));
    ck_assert_uint_ge(log_count(CALL_SKIP, EVERYWHERE), w.objects + w.pads);
    for (size_t i = 0; i < 4; i += i == 1 ? 2 : 1)
      ck_assert(
          block_is_intact(i == 3 ? pins[1] : table[i], s.options.header, i));
  }
  log_on = 0;
  mps_root_destroy(pin);
  mps_root_destroy(root);
  client_destroy(&s.client);
}


/* Formats */

static mps_res_t pool_on(mps_pool_t *pool, mps_arena_t arena, mps_fmt_t fmt,
                         int is_leaf)
{
  mps_res_t res;

  MPS_ARGS_BEGIN(args)
  {
    if (fmt != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    res = mps_pool_create_k(
        pool, arena, is_leaf ? mps_class_amcz() : mps_class_amc(), args);
  }
  MPS_ARGS_END(args);
  return res;
}

/* COVERS: .struct.format: no pool without a format or with another arena's;
 * and none loses its format before its end. */
START_TEST(a_pool_has_a_format)
{
  Options options = {.is_leaf = _i};
  Client client = client_create(&options);
  Client other = client_create(&options);
  mps_pool_t pool = NULL;

  mps_lib_assert_fail_install(report_take);
  ck_assert_int_ne(pool_on(&pool, client.arena, NULL, _i), MPS_RES_OK);
  ck_assert_uint_eq(report_count, 1);
  ck_assert_int_ne(pool_on(&pool, client.arena, other.fmt, _i), MPS_RES_OK);
  ck_assert_uint_eq(report_count, 2);
  ck_assert_ptr_null(pool);
  mps_fmt_destroy(client.fmt);
  ck_assert_uint_eq(report_count, 3);
  table[0] = client_make(&client, 64, 7); /* it is there still */
  ck_assert(block_is_intact(table[0], 0, 7));
  MUST(pool_on(&pool, client.arena, client.fmt, _i));
  mps_pool_destroy(pool);
  client_destroy(&client);
  client_destroy(&other);
  ck_assert_uint_eq(report_count, 3);
}
END_TEST


/* Sizes */

/* COVERS: .amc.sizes: without keywords a small request gets 4096 bytes, a
 * medium one what it needs, and from 32768 bytes on it has its grains for
 * itself; with them, the same at other bounds. */
START_TEST(sizes_have_three_classes)
{
  Options options = {0};
  size_t extend_by = 4096, large = 32768;

  if (_i > 0) {
    options.extend_by = extend_by = (size_t)_i * 2 * GRAIN;
    options.large_size = large = (size_t)_i * 5 * GRAIN;
  }
  size_t sizes[] = {8,         extend_by - 8, extend_by, extend_by + 8,
                    large - 8, large,         large + 8};
  for (size_t i = 0; i < NELEMS(sizes); ++i) {
    Client client = client_create(&options);
    size_t size = sizes[i];
    size_t got = round_up(size < extend_by ? extend_by : size, GRAIN);
    char *block = take(&client, size), *next;

    ck_assert_uint_eq(mps_pool_total_size(client.pool), got);
    next = take(&client, 8);
    if (size < got) /* there is some left */
      ck_assert_int_eq(next == block + size, size < large);
    client_destroy(&client);
  }
}
END_TEST

/* COVERS: .amc.want: requests that are one unit too long for a segment are
 * where placement is worst.  The arena has little more than what was asked
 * for: each wastes less than a grain. */
START_TEST(placement_wastes_less_than_a_grain_each)
{
  static const struct {
    size_t extend_by, size;
  } rows[] = {{0, 4104},       {0, 16392},       {4 * KB, 8200},
              {4 * KB, 10928}, {16 * KB, 16392}, {64 * KB, 65544}};
  Options options = {.is_leaf = 1, .extend_by = rows[_i].extend_by};
  Client client = client_create(&options);
  size_t size = rows[_i].size, count = 16 * MB / size;
  size_t before = mps_arena_committed(client.arena);

  mps_arena_clamp(client.arena);
  mps_arena_spare_set(client.arena, 0.0);
  for (Word i = 0; i < count; ++i)
    (void)client_make(&client, size, i);
  ck_assert_uint_le(mps_pool_total_size(client.pool),
                    count * round_up(size, GRAIN) + 64 * KB);
  ck_assert_uint_le(mps_arena_committed(client.arena) - before,
                    count * round_up(size, GRAIN) + MB);
  client_destroy(&client);
}
END_TEST


/* Memory that is protected from the client */

static int pipe_ends[2];

/* A system call writes what is there already: it would fail, and not fault,
 * if the memory were protected. */
static void touch(void *at)
{
  EXPECT(write(pipe_ends[1], at, WORD) == (ssize_t)WORD);
  EXPECT(read(pipe_ends[0], at, WORD) == (ssize_t)WORD);
}

/* Is a collection done in several stops?  Not where nothing is watched. */
static int is_cut(void)
{
  const char *means = getenv("MOSTLY_BARRIER");

  return means == NULL || strcmp(means, "none") != 0;
}

static size_t touched[3]; /* scanned, copied, padded */

static mps_res_t touching_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  for (Word *block = base; block < (Word *)limit;
       block += block_size(block) / WORD)
    touch(block);
  ++touched[0];
  return scan0(ss, base, limit);
}

static void touching_fwd(mps_addr_t old, mps_addr_t new)
{
  touch(old);
  touch(new);
  ++touched[1];
  fwd0(old, new);
}

static void touching_pad(mps_addr_t base, size_t size)
{
  touch(base);
  ++touched[2];
  probe_pad(base, size);
}

static Client touching_client(int is_protecting)
{
  Client client = {.align = 8, .kind = KIND_OBJ};
  Options options = {.gens = 3, .capacity = 64};

  ck_assert_int_eq(pipe(pipe_ends), 0);
  if (is_protecting)
    ck_assert_int_eq(setenv("MOSTLY_BARRIER", "protect", 1), 0);
  client.arena = client_arena();
  mps_arena_pause_time_set(client.arena, 10.0); /* in one stop */
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, 8);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, touching_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip0);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, touching_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd0);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, touching_pad);
    MUST(mps_fmt_create_k(&client.fmt, client.arena, args));
  }
  MPS_ARGS_END(args);
  client.chain = client_chain(client.arena, 3, 64);
  client.pool = client_pool(&client, &options);
  MUST(mps_ap_create_k(&client.ap, client.pool, mps_args_none));
  mps_arena_clamp(client.arena);
  return client;
}

static mps_ap_t ap_in(const Client *client, unsigned gen)
{
  mps_ap_t ap = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_GEN, gen);
    MUST(mps_ap_create_k(&ap, client->pool, args));
  }
  MPS_ARGS_END(args);
  return ap;
}

/* Collect the nursery: fill it, and offer a little time. */
static void collect_nursery(Client *client)
{
  for (Word i = 0; i < 80; ++i)
    (void)client_make(client, 1024, i);
  mps_ap_destroy(client->ap);
  MUST(mps_ap_create_k(&client->ap, client->pool, mps_args_none));
  ck_assert(mps_arena_step(client->arena, 10.0, 0.0));
  mps_arena_park(client->arena);
  mps_arena_clamp(client->arena);
}

/* Old objects that refer to old ones, in a segment that an allocation point
 * goes on filling; then minor collections, until all that is old is watched;
 * and then the allocation point goes, which pads. */
static void pad_among_the_old(Client *client)
{
  Client old = *client;

  old.ap = ap_in(client, 2);
  for (Word i = 0; i < 20; ++i)
    table[i] = client_make(&old, 256, i);
  for (size_t i = 0; i < 20; ++i)
    *block_slot(table[i], 0, 0) = table[(i + 1) % 20];
  for (int n = 0; n < 6; ++n)
    collect_nursery(client);
  touched[2] = 0;
  mps_ap_destroy(old.ap);
  ck_assert_uint_eq(touched[2], 1);
}

/* COVERS: .flush.expose .flush.cover .fill.expose .fix.exact.expose: where a
 * pad, a copy, a forwarding marker or an updated reference is written,
 * memory is writable; and afterwards the collector learns of the client's
 * writes as before. */
START_TEST(what_is_written_is_writable)
{
  Client client = touching_client(_i);
  mps_arena_t arena = client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);

  for (int round = 0; round < 4; ++round) {
    memset(touched, 0, sizeof touched);
    pad_among_the_old(&client);
    for (int n = 0; n < 8; ++n) {
      size_t at = (size_t)unit_random(20);

      collect_nursery(&client);
      *block_slot(table[at], 0, 5) = client_make(&client, 64, 1000);
      *block_slot(*block_slot(table[at], 0, 5), 0, 0) = table[at];
      collect_nursery(&client);
      ck_assert(block_is_intact(*block_slot(table[at], 0, 5), 0, 1000));
      ck_assert(*block_slot(*block_slot(table[at], 0, 5), 0, 0) == table[at]);
    }
    MUST(mps_arena_collect(arena));
    mps_arena_clamp(arena);
    ck_assert_uint_gt(touched[0], 20);
    ck_assert_uint_gt(touched[1], 20);
    ck_assert_uint_gt(touched[2], 5);
    for (Word i = 0; i < 20; ++i)
      ck_assert(block_is_intact(table[i], 0, i));
  }
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST

/* COVERS: .flush.expose .flush.cover: so it is in the middle of a collection,
 * when the collector hides what it hasn't scanned: the pad is written, and
 * what the client reads next has been scanned all the same. */
START_TEST(pads_are_written_beside_a_collection)
{
  Client client = touching_client(_i);
  mps_arena_t arena = client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);
  mps_message_t message;
  size_t beside = 0;

  mps_message_type_enable(arena, mps_message_type_gc());
  mps_arena_pause_time_set(arena, 0.0);
  for (Word i = 0; i < 20000; ++i) { /* OBJECTS lists of 100 */
    mps_addr_t object = client_make(&client, 64, i % OBJECTS);

    *block_slot(object, 0, 0) = table[i % OBJECTS];
    table[i % OBJECTS] = object;
  }
  for (Word n = 0; n < 10; ++n) {
    mps_addr_t object = client_make(&client, 64, n);

    *block_slot(object, 0, 0) = *block_slot(table[n], 0, 0);
    table[n] = object; /* in the segment that is being filled */
    MUST(mps_arena_start_collect(arena));
    touched[2] = 0;
    beside += !mps_message_poll(arena);
    mps_ap_destroy(client.ap);
    ck_assert_uint_ge(touched[2], 1);
    MUST(mps_ap_create_k(&client.ap, client.pool, mps_args_none));
    for (Word i = 0; i < OBJECTS; ++i)
      for (mps_addr_t at = table[i]; at != NULL; at = *block_slot(at, 0, 0))
        EXPECT(block_is_intact(at, 0, i));
    mps_arena_park(arena);
    while (mps_message_get(&message, arena, mps_message_type_gc()))
      mps_message_discard(arena, message);
  }
  ck_assert(beside > 0 || !is_cut());
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST

/* COVERS: .fill.expose .fix.exact.expose: so it is where copies go from one
 * segment to the next in the middle of a scan. */
START_TEST(copies_cross_segments)
{
  Client client = touching_client(_i);
  mps_arena_t arena = client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);

  table[0] = client_make(&client, 4000, 0);
  for (Word i = 1; i < 490; ++i) {
    *block_slot(table[0], 0, i) = client_make(&client, 512, i);
    *block_slot(*block_slot(table[0], 0, i), 0, 0) = table[0];
  }
  for (int n = 0; n < 5; ++n) {
    MUST(mps_arena_collect(arena));
    for (Word i = 1; i < 490; ++i) {
      mps_addr_t object = *block_slot(table[0], 0, i);

      ck_assert(block_is_intact(object, 0, i));
      ck_assert(*block_slot(object, 0, 0) == table[0]);
    }
  }
  ck_assert_uint_ge(touched[1], 4 * 490);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST


/* The whole */

/* How many collections have ended, by their messages. */
static size_t ended(mps_arena_t arena)
{
  size_t count = 0;
  mps_message_t message;

  for (; mps_message_get(&message, arena, mps_message_type_gc()); ++count)
    mps_message_discard(arena, message);
  return count;
}

/* COVERS: .overview: memory is automatic, survivors are copied through the
 * generations, a few ambiguous references are put up with, and the client
 * goes on while a collection that doesn't fit in a pause is under way: it
 * may change a list that is half scanned. */
START_TEST(a_client_runs_beside_a_collection)
{
  Options options = {.gens = 2, .capacity = 64};
  Client client = client_create(&options);
  mps_arena_t arena = client.arena;
  mps_root_t root = root_table(arena, mps_rank_exact(), table, OBJECTS);
  mps_root_t pin = root_table(arena, mps_rank_ambig(), pins, 1);

  size_t beside = 0; /* changes that were made while one was under way */

  mps_message_type_enable(arena, mps_message_type_gc());
  mps_arena_pause_time_set(arena, 0.0);
  for (Word i = 0; i < 20000; ++i) { /* OBJECTS lists of 100 */
    mps_addr_t object = client_make(&client, 64, i % OBJECTS);

    *block_slot(object, 0, 0) = table[i % OBJECTS];
    table[i % OBJECTS] = object;
  }
  for (int n = 0; n < 5; ++n) {
    mps_addr_t pinned = pins[0] = table[n];

    (void)ended(arena);
    MUST(mps_arena_start_collect(arena));
    for (int k = 0; k < 20000; ++k) { /* move one from list to list */
      size_t from = (size_t)unit_random(OBJECTS);
      mps_addr_t *slot = block_slot(table[from], 0, 0);
      mps_addr_t *second = *slot != NULL ? block_slot(*slot, 0, 0) : slot;

      if (*slot != NULL && block_slot(*slot, 0, 0) != NULL) {
        mps_addr_t moved = *slot;

        *slot = *second;
        *second = *slot;
        *slot = moved; /* and back, one behind: the same list */
      }
      if (k % 20 == 0)
        (void)client_make(&client, 64, 1);
      beside += !mps_message_poll(arena);
    }
    mps_arena_park(arena);
    ck_assert_uint_ge(ended(arena), 1);
    ck_assert_ptr_eq(table[n], pinned);
    for (Word i = 0; i < OBJECTS; ++i) {
      size_t length = 0;

      for (mps_addr_t at = table[i]; at != NULL; at = *block_slot(at, 0, 0)) {
        EXPECT(block_is_intact(at, 0, i));
        ++length;
      }
      ck_assert_uint_eq(length, 100);
    }
  }
  ck_assert(beside > 100 || !is_cut());
  pins[0] = NULL;
  memset(table, 0, sizeof table);
  MUST(mps_arena_collect(arena));
  ck_assert_uint_le(mps_pool_total_size(client.pool), 64 * KB);
  mps_root_destroy(pin);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("seed segments");

  unit_seed("seed segments");
  unit_add_loop(suite, "grain", the_alignment_is_the_unit, MATRIX_PARTS);
  unit_add_loop(suite, "header", headers_belong_to_objects, MATRIX_PARTS);
  unit_add_loop(suite, "reasons", padding_has_three_reasons, MATRIX_PARTS);
  unit_add_loop(suite, "pads", padding_is_like_an_object, MATRIX_PARTS);
  unit_add_loop(suite, "format", a_pool_has_a_format, 2);
  unit_add_loop(suite, "sizes", sizes_have_three_classes, 3);
  unit_add_loop(suite, "waste", placement_wastes_less_than_a_grain_each, 6);
  unit_add_loop(suite, "writable", what_is_written_is_writable, 2);
  unit_add_loop(suite, "beside", pads_are_written_beside_a_collection, 1);
  unit_add_loop(suite, "cross", copies_cross_segments, 2);
  unit_add_loop(suite, "overview", a_client_runs_beside_a_collection, 1);
  return unit_run(suite);
}
