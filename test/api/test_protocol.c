/* test_protocol.c -- allocation points, and what is around them
 *
 * The forms of reserve and commit, frames and patterns, small alignments,
 * many generations, references from old objects to young ones, telemetry.
 */

#include "client.h"

static mps_addr_t table[64];


/* Allocation points */

/* The functions behind the macros, by name. */
static mps_res_t (*const reserve_function)(mps_addr_t *, mps_ap_t, size_t)
    = mps_reserve;
static mps_bool_t (*const commit_function)(mps_ap_t, mps_addr_t, size_t)
    = mps_commit;

START_TEST(all_forms_of_the_protocol_work)
{
  Options options = {.is_leaf = _i};
  Client client = client_create(&options);
  mps_ap_t ap = client.ap;

  for (Word i = 0; i < 4000; ++i) {
    mps_addr_t p = NULL;
    size_t size = 16 + i % 100 * 8;
    mps_res_t res = MPS_RES_FAIL;

    switch (i % 4) {
    case 0:
      res = mps_reserve(&p, ap, size);
      break;
    case 1:
      res = (mps_reserve)(&p, ap, size);
      break;
    case 2:
      MPS_RESERVE_BLOCK(res, p, ap, size);
      break;
    default:
      res = reserve_function(&p, ap, size);
      break;
    }
    ck_assert_int_eq(res, MPS_RES_OK);
    ck_assert_ptr_eq(ap->init, p);
    ck_assert_ptr_eq(ap->alloc, (char *)p + size);
    block_init(p, size, 0, client.kind, i);
    ck_assert(i % 3 == 0   ? mps_commit(ap, p, size)
              : i % 3 == 1 ? (mps_commit)(ap, p, size)
                           : commit_function(ap, p, size));
    ck_assert_ptr_eq(ap->init, ap->alloc);
  }
  client_destroy(&client);
}
END_TEST

/* Of a block that a flip came over, only those that may hold references are
 * refused, and may be made again or left. */
START_TEST(a_refused_commit_leaves_the_block_to_be_reserved_again)
{
  Options options = {.is_leaf = _i};
  Client client = client_create(&options);
  mps_addr_t p, again;

  (void)client_make(&client, 64, 1);
  MUST(mps_reserve(&p, client.ap, 64));
  block_init(p, 64, 0, client.kind, 2);
  MUST(mps_arena_collect(client.arena));
  ck_assert_int_eq(mps_commit(client.ap, p, 64) != 0, _i);
  ck_assert_ptr_eq(client.ap->init, client.ap->alloc);
  MUST(mps_reserve(&again, client.ap, 64));
  ck_assert(_i ? (char *)again == (char *)p + 64 : again == p);
  block_init(again, 64, 0, client.kind, 3);
  ck_assert(mps_commit(client.ap, again, 64));
  /* A flip after the commit refuses nothing. */
  MUST(mps_reserve(&p, client.ap, 64));
  block_init(p, 64, 0, client.kind, 4);
  ck_assert(mps_commit(client.ap, p, 64));
  MUST(mps_arena_collect(client.arena));
  MUST(mps_reserve(&p, client.ap, 64));
  block_init(p, 64, 0, client.kind, 5);
  ck_assert(mps_commit(client.ap, p, 64));
  client_destroy(&client);
}
END_TEST

/* A block may be reserved for a whole run. */
START_TEST(a_block_may_stay_reserved)
{
  Options options = {.is_leaf = _i, .gens = 2, .capacity = 50};
  Client client = client_create(&options);
  mps_root_t root
      = root_table(client.arena, mps_rank_exact(), table, NELEMS(table));
  mps_addr_t p;
  mps_ap_t ap;

  MUST(mps_ap_create_k(&ap, client.pool, mps_args_none));
  MUST(mps_reserve(&p, ap, 256));
  for (Word i = 0; i < 100000; ++i) {
    table[i % NELEMS(table)] = client_make(&client, 64, i % NELEMS(table));
    memset(p, (int)i, 256);
  }
  ck_assert_uint_gt(mps_collections(client.arena), 10);
  for (size_t i = 0; i < 256; ++i)
    EXPECT(((unsigned char *)p)[i] == (99999 & 0xFF));
  block_init(p, 256, 0, client.kind, 1);
  ck_assert_int_eq(mps_commit(ap, p, 256) != 0, _i);
  for (Word i = 0; i < NELEMS(table); ++i)
    EXPECT(block_is_intact(table[i], 0, i));
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST

START_TEST(frames_do_no_harm)
{
  Options options = {.is_leaf = _i};
  Client client = client_create(&options);
  mps_frame_t outer, inner;
  mps_addr_t p;
  mps_root_t root
      = root_table(client.arena, mps_rank_exact(), table, NELEMS(table));

  MUST(mps_ap_frame_push(&outer, client.ap));
  for (Word i = 0; i < NELEMS(table); ++i) {
    table[i] = client_make(&client, 1024, i);
    MUST(mps_ap_frame_push(&inner, client.ap));
    if (i % 2)
      MUST(mps_ap_frame_pop(client.ap, inner));
  }
  MUST(mps_reserve(&p, client.ap, 64));
  block_init(p, 64, 0, client.kind, 1);
  ck_assert_int_eq(mps_ap_frame_push(&inner, client.ap), MPS_RES_FAIL);
  ck_assert_int_eq(mps_ap_frame_pop(client.ap, inner), MPS_RES_FAIL);
  (void)mps_commit(client.ap, p, 64);
  MUST(mps_ap_frame_pop(client.ap, outer));
  MUST(mps_arena_collect(client.arena));
  for (Word i = 0; i < NELEMS(table); ++i)
    ck_assert(block_is_intact(table[i], 0, i));
  memset(table, 0, sizeof table);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST

START_TEST(patterns_nest)
{
  Options options = {0};
  Client client = client_create(&options);
  mps_alloc_pattern_t ramp = mps_alloc_pattern_ramp();
  mps_ap_t ap = client.ap;

  ck_assert_ptr_ne(ramp, mps_alloc_pattern_ramp_collect_all());
  ck_assert_int_eq(mps_ap_alloc_pattern_end(ap, ramp), MPS_RES_FAIL);
  MUST(mps_ap_alloc_pattern_reset(ap));
  for (int i = 0; i < 3; ++i)
    MUST(mps_ap_alloc_pattern_begin(ap, ramp));
  MUST(mps_ap_alloc_pattern_end(ap, ramp));
  MUST(mps_ap_alloc_pattern_end(ap, ramp));
  MUST(mps_ap_alloc_pattern_end(ap, ramp));
  ck_assert_int_eq(mps_ap_alloc_pattern_end(ap, ramp), MPS_RES_FAIL);
  for (int i = 0; i < 3; ++i)
    MUST(mps_ap_alloc_pattern_begin(ap, ramp));
  MUST(mps_ap_alloc_pattern_reset(ap));
  ck_assert_int_eq(mps_ap_alloc_pattern_end(ap, ramp), MPS_RES_FAIL);
  MUST(mps_ap_alloc_pattern_begin(ap, ramp)); /* left open at the end */
  client_destroy(&client);
}
END_TEST

static mps_ap_t ap_with(const Client *client, unsigned gen, int is_hash)
{
  mps_ap_t ap = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_AP_HASH_ARRAYS, is_hash);
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_exact()); /* not for AMC */
    MPS_ARGS_ADD(args, MPS_KEY_GEN, gen);
    MUST(mps_ap_create_k(&ap, client->pool, args));
    ck_assert(args[0].key == MPS_KEY_RANK);
    ck_assert(args[1].key == MPS_KEY_ARGS_END);
  }
  MPS_ARGS_END(args);
  return ap;
}

START_TEST(allocation_points_have_options)
{
  Options options = {.is_leaf = _i, .gens = 3, .capacity = 50};
  Client client = client_create(&options);

  for (unsigned gen = 0; gen < 6; ++gen) {
    Client c = client;

    c.ap = ap_with(&client, gen % 4, gen % 2);
    for (Word i = 0; i < 10000; ++i)
      (void)client_make(&c, 64, i);
    mps_ap_destroy(c.ap);
  }
  MUST(mps_arena_collect(client.arena));
  client_destroy(&client);
}
END_TEST


/* References from old objects to young ones, over the barrier */

START_TEST(old_objects_may_refer_to_young_ones)
{
  Options options = {.gens = 3, .capacity = 30, .header = _i ? 8 : 0};
  Client client = client_create(&options);
  mps_rm_t mode = MPS_RM_PROT;
  mps_root_t root;
  size_t h = options.header;

  MUST(mps_root_create_table(&root, client.arena, mps_rank_exact(), mode,
                             table, NELEMS(table)));
  for (Word i = 0; i < NELEMS(table); ++i)
    table[i] = client_make(&client, 256, i);
  for (int i = 0; i < 4; ++i)
    MUST(mps_arena_collect(client.arena));
  mps_arena_release(client.arena);
  for (Word n = 0; n < 100000; ++n) {
    size_t at = (size_t)unit_random(NELEMS(table));
    size_t slot = (size_t)unit_random(8);
    mps_addr_t young = client_make(&client, 48, at * 8 + slot);
    mps_addr_t *p;

    if (n % 100 == 0) /* new old objects, with all that they refer to */
      table[at] = client_make(&client, 256, at);
    /* young is on no stack that is a root: tie it up at once */
    p = block_slot(table[at], h, slot);
    if (n % 100 != 0)
      *p = young;
    at = (size_t)unit_random(NELEMS(table));
    slot = (size_t)unit_random(8);
    p = block_slot(table[at], h, slot);
    EXPECT(block_is_intact(table[at], h, at));
    EXPECT(*p == NULL || block_is_intact(*p, h, at * 8 + slot));
  }
  ck_assert_uint_gt(mps_collections(client.arena), 20);
  mps_root_destroy(root);
  client_destroy(&client);
}
END_TEST


/* More generations than there are ids for */

START_TEST(generations_may_be_many)
{
  enum {
    CHAINS = 20
  };
  static Client clients[CHAINS];
  mps_arena_t arena = client_arena();
  mps_root_t root = root_table(arena, mps_rank_exact(), table, NELEMS(table));

  for (size_t i = 0; i < CHAINS; ++i) {
    Options options = {.is_leaf = i % 3 == 0, .gens = 8, .capacity = 10};
    clients[i] = client_create_in(arena, &options);
  }
  for (Word n = 0; n < 200000; ++n) {
    size_t at = (size_t)unit_random(NELEMS(table));
    const Client *c = &clients[unit_random(CHAINS)];
    mps_addr_t p = client_make(c, 64, at);

    if (c->kind == KIND_OBJ) /* one of its age, perhaps of another pool */
      *block_slot(p, 0, 0) = table[at / 2];
    table[at] = p;
    EXPECT(table[at / 2] == NULL || block_is_intact(table[at / 2], 0, at / 2));
  }
  MUST(mps_arena_collect(arena));
  for (Word i = 0; i < NELEMS(table); ++i)
    ck_assert(table[i] == NULL || block_is_intact(table[i], 0, i));
  memset(table, 0, sizeof table);
  mps_root_destroy(root);
  for (size_t i = 0; i < CHAINS; ++i)
    client_leave(&clients[i]);
  mps_arena_destroy(arena);
}
END_TEST


/* Alignments below a word: sizes in the upper, kinds in the lower bits of
 * four bytes; a forwarded object has its new address behind that. */

typedef unsigned Half;

static mps_addr_t half_skip(mps_addr_t object)
{
  return (char *)object + (*(Half *)object >> 8);
}

static void half_fwd(mps_addr_t old, mps_addr_t new)
{
  Half *h = old;

  h[0] = (h[0] & ~0xFFu) | KIND_FWD;
  memcpy(h + 1, &new, sizeof new);
}

static mps_addr_t half_isfwd(mps_addr_t object)
{
  const Half *h = object;
  mps_addr_t new = NULL;

  if ((h[0] & 0xFF) == KIND_FWD)
    memcpy(&new, h + 1, sizeof new);
  return new;
}

static void half_pad(mps_addr_t base, size_t size)
{
  EXPECT(size % sizeof(Half) == 0);
  *(Half *)base = (Half)size << 8 | KIND_PAD;
}

static mps_fmt_t half_format(mps_arena_t arena)
{
  mps_fmt_t fmt = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(Half));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, half_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, half_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, half_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, half_pad);
    MUST(mps_fmt_create_k(&fmt, arena, args));
  }
  MPS_ARGS_END(args);
  return fmt;
}

START_TEST(alignment_may_be_less_than_a_word)
{
  Options options = {.is_leaf = 1, .gens = 2, .capacity = 50};
  mps_arena_t arena = client_arena();
  Client client = {.arena = arena, .align = sizeof(Half), .kind = KIND_LEAF};
  mps_root_t exact = root_table(arena, mps_rank_exact(), table, 32);
  mps_root_t ambig = root_table(arena, mps_rank_ambig(), table + 32, 32);

  client.fmt = half_format(arena);
  client.chain = client_chain(arena, 2, 50);
  client.pool = client_pool(&client, &options);
  MUST(mps_ap_create_k(&client.ap, client.pool, mps_args_none));
  for (size_t n = 0; n < 100000; ++n) {
    size_t at = n % NELEMS(table), size = 12 + n % 9 * sizeof(Half);
    mps_addr_t p;

    if (table[at] != NULL)
      EXPECT(*((Half *)table[at] + 1) == at);
    MUST(mps_reserve(&p, client.ap, size));
    ((Half *)p)[0] = (Half)size << 8 | KIND_LEAF;
    ((Half *)p)[1] = (Half)at;
    table[at] = p;
    EXPECT(mps_commit(client.ap, p, size));
  }
  ck_assert_uint_gt(mps_collections(arena), 5);
  memset(table, 0, sizeof table);
  mps_root_destroy(exact);
  mps_root_destroy(ambig);
  client_destroy(&client);
}
END_TEST


/* Telemetry: legal before there is an arena */

START_TEST(telemetry_may_be_called_at_any_time)
{
  mps_label_t one, other;
  mps_word_t before = mps_telemetry_get();

  mps_telemetry_set(5);
  ck_assert_uint_eq(mps_telemetry_get(), before | 5);
  mps_telemetry_reset(4);
  ck_assert_uint_eq(mps_telemetry_get(), (before | 5) & ~(mps_word_t)4);
  mps_telemetry_reset(~(mps_word_t)0);
  one = mps_telemetry_intern("one");
  other = mps_telemetry_intern("one");
  ck_assert_uint_ne(one, other);
  mps_telemetry_label(&one, one);
  mps_telemetry_flush();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("protocol");

  unit_seed("protocol");
  unit_add_loop(suite, "forms", all_forms_of_the_protocol_work, 2);
  unit_add_loop(suite, "refused",
                a_refused_commit_leaves_the_block_to_be_reserved_again, 2);
  unit_add_loop(suite, "reserved", a_block_may_stay_reserved, 2);
  unit_add_loop(suite, "frames", frames_do_no_harm, 2);
  unit_add_loop(suite, "patterns", patterns_nest, 1);
  unit_add_loop(suite, "options", allocation_points_have_options, 2);
  unit_add_loop(suite, "barrier", old_objects_may_refer_to_young_ones, 2);
  unit_add_loop(suite, "generations", generations_may_be_many, 1);
  unit_add_loop(suite, "align", alignment_may_be_less_than_a_word, 1);
  unit_add_loop(suite, "telemetry", telemetry_may_be_called_at_any_time, 1);
  return unit_run(suite);
}
