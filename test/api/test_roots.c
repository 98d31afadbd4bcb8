/* test_roots.c -- each kind of root keeps and updates what it should
 *
 * Table, masked and tagged areas, areas and threads with scanners of the
 * client, formatted blocks and functions; exact ones are updated, ambiguous
 * ones pin, and what isn't a reference to the scanner keeps nothing alive.
 */

#include "client.h"

enum {
  SLOTS = 6
};

static Client client;
static mps_addr_t slots[SLOTS];

/* Serial numbers tell which slot an object belongs to. */
static void fill_slots(Word tag)
{
  for (Word i = 0; i < SLOTS; ++i)
    slots[i] = (mps_addr_t)((Word)client_make(&client, 64, i) | tag);
}

static int is_kept(mps_addr_t ref, Word serial)
{
  mps_addr_t found = NULL;

  return mps_addr_object(&found, client.arena, ref) == MPS_RES_OK
         && found == ref && block_is_intact(found, 0, serial);
}

/* Collect, and expect each slot to be kept, and to move if it is exact. */
static void expect_slots(mps_rank_t rank, Word tag)
{
  mps_addr_t before[SLOTS];

  memcpy(before, slots, sizeof slots);
  MUST(mps_arena_collect(client.arena));
  for (Word i = 0; i < SLOTS; ++i) {
    ck_assert((slots[i] == before[i]) == (rank == mps_rank_ambig()));
    ck_assert_uint_eq((Word)slots[i] & 7, tag);
    ck_assert(is_kept((mps_addr_t)((Word)slots[i] - tag), i));
  }
}

/* Collect, and expect all to be dead. */
static void expect_dead(Word tag)
{
  mps_addr_t before[SLOTS];

  memcpy(before, slots, sizeof slots);
  MUST(mps_arena_collect(client.arena));
  ck_assert_mem_eq(before, slots, sizeof slots);
  for (Word i = 0; i < SLOTS; ++i)
    ck_assert(!is_kept((mps_addr_t)((Word)slots[i] - tag), i));
  memset(slots, 0, sizeof slots);
}

static void setup(void)
{
  Options options = {.gens = 2};

  client = client_create(&options);
  mps_arena_clamp(client.arena);
}

static void teardown(void)
{
  client_destroy(&client);
}

#define RANK (_i ? mps_rank_ambig() : mps_rank_exact())
#define MODE(rank) ((rank) == mps_rank_exact() ? MPS_RM_PROT : 0)

START_TEST(a_table_is_a_root)
{
  mps_root_t root;

  MUST(mps_root_create_table(&root, client.arena, RANK, MODE(RANK), slots,
                             SLOTS));
  fill_slots(0);
  expect_slots(RANK, 0);
  expect_slots(RANK, 0);
  mps_root_destroy(root);
  expect_dead(0);
}
END_TEST

/* Tags are put back; words with other tags aren't references. */
START_TEST(a_masked_table_takes_off_tags)
{
  mps_root_t root;

  MUST(mps_root_create_table_masked(&root, client.arena, RANK, 0, slots, SLOTS,
                                    7));
  fill_slots(0);
  expect_slots(RANK, 0);
  fill_slots(3);
  expect_dead(3);
  mps_root_destroy(root);
}
END_TEST

typedef struct TaggedCase {
  mps_area_scan_t scan;
  Word mask, pattern, tag;
  int keeps;
} TaggedCase;

static const TaggedCase tagged_cases[] = {
    {mps_scan_area, 7, 5, 0, 1},
    {mps_scan_area_masked, 7, 0, 5, 1},
    {mps_scan_area_masked, 7, 2, 5, 1},
    {mps_scan_area_tagged, 7, 5, 5, 1},
    {mps_scan_area_tagged, 7, 5, 4, 0},
    {mps_scan_area_tagged, 7, 5, 0, 0},
    {mps_scan_area_tagged, 7, 0, 0, 1},
    {mps_scan_area_tagged, 3, 1, 1, 1},
    {mps_scan_area_tagged_or_zero, 7, 5, 5, 1},
    {mps_scan_area_tagged_or_zero, 7, 5, 0, 1},
    {mps_scan_area_tagged_or_zero, 7, 5, 4, 0},
};

START_TEST(a_tagged_area_is_read_by_its_scanner)
{
  const TaggedCase *c = &tagged_cases[_i / 2];
  mps_rank_t rank = _i % 2 ? mps_rank_ambig() : mps_rank_exact();
  mps_root_t root;

  MUST(mps_root_create_area_tagged(&root, client.arena, rank, 0, slots,
                                   slots + SLOTS, c->scan, c->mask,
                                   c->pattern));
  fill_slots(c->tag);
  if (c->keeps) {
    expect_slots(rank, c->tag);
    expect_slots(rank, c->tag);
  } else {
    expect_dead(c->tag);
  }
  mps_root_destroy(root);
}
END_TEST

static int closure_seen;

static mps_res_t scan_backwards(mps_ss_t ss, void *base, void *limit,
                                void *closure)
{
  mps_addr_t *p = limit;
  mps_res_t res = MPS_RES_OK;

  EXPECT(closure == &closure_seen);
  ++closure_seen;
  MPS_SCAN_BEGIN(ss)
  {
    while (p-- > (mps_addr_t *)base && res == MPS_RES_OK)
      if (MPS_FIX1(ss, *p))
        res = MPS_FIX2(ss, p);
  }
  MPS_SCAN_END(ss);
  return res;
}

START_TEST(an_area_is_read_by_its_scanner)
{
  mps_root_t root;

  MUST(mps_root_create_area(&root, client.arena, RANK, 0, slots, slots + SLOTS,
                            scan_backwards, &closure_seen));
  fill_slots(0);
  expect_slots(RANK, 0);
  ck_assert_int_gt(closure_seen, 0);
  mps_root_destroy(root);
}
END_TEST

/* A helper that passes the scan state on, as one may. */
static mps_res_t scan_one(mps_ss_t ss, mps_addr_t *p)
{
  mps_res_t res;

  MPS_SCAN_BEGIN(ss)
  {
    res = MPS_FIX12(ss, p);
  }
  MPS_SCAN_END(ss);
  return res;
}

static mps_res_t scan_slots(mps_ss_t ss, void *p, size_t s)
{
  mps_addr_t *at = p;
  mps_res_t res = MPS_RES_OK;

  EXPECT(p == slots && s == SLOTS);
  MPS_SCAN_BEGIN(ss)
  {
    for (size_t i = 0; i < s && res == MPS_RES_OK; ++i)
      if (i % 2 == 0)
        MPS_FIX_CALL(ss, res = scan_one(ss, &at[i]));
      else
        res = MPS_FIX(ss, &at[i]);
  }
  MPS_SCAN_END(ss);
  return res;
}

START_TEST(a_function_is_a_root)
{
  mps_root_t root;

  MUST(
      mps_root_create(&root, client.arena, RANK, 0, scan_slots, slots, SLOTS));
  fill_slots(0);
  expect_slots(RANK, 0);
  expect_slots(RANK, 0);
  mps_root_destroy(root);
  expect_dead(0);
}
END_TEST

START_TEST(formatted_objects_are_a_root)
{
  static Word block[2 + SLOTS];
  mps_root_t root;

  block_init(block, sizeof block, 0, KIND_OBJ, 1);
  MUST(mps_root_create_fmt(&root, client.arena, RANK, MODE(RANK), scan0, block,
                           block + NELEMS(block)));
  fill_slots(0);
  memcpy(block_slot(block, 0, 0), slots, sizeof slots);
  for (int n = 0; n < 3; ++n) {
    MUST(mps_arena_collect(client.arena));
    for (Word i = 0; i < SLOTS; ++i)
      ck_assert(is_kept(*block_slot(block, 0, i), i));
  }
  mps_root_destroy(root);
}
END_TEST


/* Threads */

static mps_res_t scan_stack(mps_ss_t ss, void *base, void *limit,
                            void *closure)
{
  ++*(int *)closure;
  return mps_scan_area(ss, base, limit, NULL);
}

enum {
  PLAIN,
  TAGGED,
  SCANNED,
  REG,
  THREAD_KINDS
};

static mps_res_t thread_root(mps_root_t *root, int kind, mps_thr_t thr,
                             void *cold)
{
  mps_rank_t ambig = mps_rank_ambig();

  switch (kind) {
  case PLAIN:
    return mps_root_create_thread(root, client.arena, thr, cold);
  case TAGGED:
    return mps_root_create_thread_tagged(root, client.arena, ambig, 0, thr,
                                         mps_scan_area_tagged, 7, 2, cold);
  case SCANNED:
    return mps_root_create_thread_scanned(root, client.arena, ambig, 0, thr,
                                          scan_stack, &closure_seen, cold);
  default:
    return mps_root_create_reg(root, client.arena, ambig, 0, thr,
                               mps_stack_scan_ambig, cold, 0);
  }
}

__attribute__((noinline)) static void use_stack(int kind)
{
  mps_addr_t volatile local[SLOTS];
  Word tag = kind == TAGGED ? 2 : 0;

  fill_slots(tag);
  for (size_t i = 0; i < SLOTS; ++i)
    local[i] = slots[i];
  for (int n = 0; n < 3; ++n)
    expect_slots(mps_rank_ambig(), tag);
  for (size_t i = 0; i < SLOTS; ++i)
    ck_assert_ptr_eq(local[i], slots[i]);
}

START_TEST(a_stack_is_a_root)
{
  mps_thr_t thr;
  mps_root_t root;

  MUST(mps_thread_reg(&thr, client.arena));
  MUST(thread_root(&root, _i, thr, __builtin_frame_address(0)));
  use_stack(_i);
  ck_assert_int_eq(closure_seen > 0, _i == SCANNED);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
}
END_TEST


/* The forms of formats and pools */

static mps_res_t make_format(mps_fmt_t *fmt, int variant)
{
  mps_fmt_A_s a = {8, scan0, skip0, NULL, fwd0, isfwd0, probe_pad};
  mps_fmt_B_s b = {8, scan0, skip0, NULL, fwd0, isfwd0, probe_pad, NULL};
  mps_fmt_auto_header_s h = {8, scan16, skip16, fwd16, isfwd16, probe_pad, 16};
  mps_res_t res;

  switch (variant) {
  case 0:
    return mps_fmt_create_A(fmt, client.arena, &a);
  case 1:
    b.mps_class = skip0;
    return mps_fmt_create_B(fmt, client.arena, &b);
  case 2:
    res = mps_fmt_create_auto_header(fmt, client.arena, &h);
    memset(&h, 0xFF, sizeof h);
    return res;
  default:
    *fmt = client_format(client.arena, 8, 16);
    return MPS_RES_OK;
  }
}

static mps_res_t pool_v(mps_pool_t *pool, mps_pool_class_t class, ...)
{
  va_list args;
  mps_res_t res;

  va_start(args, class);
  res = mps_pool_create_v(pool, client.arena, class, args);
  va_end(args);
  return res;
}

static mps_res_t ap_v(mps_ap_t *ap, mps_pool_t pool, ...)
{
  va_list args;
  mps_res_t res;

  va_start(args, pool);
  res = mps_ap_create_v(ap, pool, args);
  va_end(args);
  return res;
}

/* Each form of a format in a pool of each class, made in the older ways. */
START_TEST(older_forms_work)
{
  int variant = _i / 4;
  mps_pool_class_t class = _i % 2 ? mps_class_amcz() : mps_class_amc();
  mps_root_t root = root_table(client.arena, mps_rank_exact(), slots, SLOTS);
  Client c = client;

  c.header = variant >= 2 ? 16 : 0;
  c.kind = _i % 2 ? KIND_LEAF : KIND_OBJ;
  MUST(make_format(&c.fmt, variant));
  if (_i / 2 % 2) {
    MUST(mps_pool_create(&c.pool, client.arena, class, c.fmt, client.chain));
    MUST(mps_ap_create(&c.ap, c.pool, mps_rank_exact()));
  } else {
    MUST(pool_v(&c.pool, class, c.fmt, client.chain));
    MUST(ap_v(&c.ap, c.pool));
  }
  for (Word i = 0; i < SLOTS; ++i)
    slots[i] = client_make(&c, 64, i);
  for (int n = 0; n < 3; ++n) {
    MUST(mps_arena_collect(client.arena));
    for (Word i = 0; i < SLOTS; ++i)
      ck_assert(block_is_intact(slots[i], c.header, i));
  }
  mps_root_destroy(root);
  mps_ap_destroy(c.ap);
  mps_pool_destroy(c.pool);
  mps_fmt_destroy(c.fmt);
}
END_TEST

START_TEST(formats_need_no_methods_until_they_are_called)
{
  mps_fmt_fixed_s fixed = {8, NULL, NULL, NULL, NULL};
  mps_fmt_t fmt;

  MUST(mps_fmt_create_k(&fmt, client.arena, mps_args_none));
  mps_fmt_destroy(fmt);
  fixed.scan = scan0;
  fixed.fwd = fwd0;
  fixed.isfwd = isfwd0;
  fixed.pad = probe_pad;
  MUST(mps_fmt_create_fixed(&fmt, client.arena, &fixed));
  mps_fmt_destroy(fmt);
}
END_TEST

/* COVERS: .header.fix: pools with headers and without refer to each other. */
START_TEST(pools_with_and_without_headers_refer_to_each_other)
{
  Options options = {.header = 32, .align = 16, .gens = 1};
  Client other = client_create_in(client.arena, &options);
  mps_root_t root = root_table(client.arena, mps_rank_exact(), slots, 1);
  mps_addr_t last = NULL;

  for (Word i = 0; i < 1000; ++i) {
    const Client *c = i % 2 ? &other : &client;

    slots[0] = client_make(c, 64, i);
    *block_slot(slots[0], c->header, 0) = last;
    last = slots[0];
  }
  for (int n = 0; n < 4; ++n) {
    MUST(mps_arena_collect(client.arena));
    last = slots[0];
    for (Word i = 1000; i-- > 0;) {
      size_t header = i % 2 ? 32 : 0;
      ck_assert(block_is_intact(last, header, i));
      last = *block_slot(last, header, 0);
    }
    ck_assert_ptr_null(last);
  }
  mps_root_destroy(root);
  client_leave(&other);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test, int n)
{
  TCase *tcase = tcase_create(name);

  tcase_set_timeout(tcase, 60);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, test, 0, n);
  suite_add_tcase(suite, tcase);
}

int main(void)
{
  Suite *suite = suite_create("roots");

  unit_seed("roots");
  add(suite, "table", a_table_is_a_root, 2);
  add(suite, "masked", a_masked_table_takes_off_tags, 2);
  add(suite, "tagged", a_tagged_area_is_read_by_its_scanner,
      2 * (int)NELEMS(tagged_cases));
  add(suite, "area", an_area_is_read_by_its_scanner, 2);
  add(suite, "function", a_function_is_a_root, 2);
  add(suite, "formatted", formatted_objects_are_a_root, 2);
  add(suite, "stack", a_stack_is_a_root, THREAD_KINDS);
  add(suite, "forms", older_forms_work, 16);
  add(suite, "no methods", formats_need_no_methods_until_they_are_called, 1);
  add(suite, "headers", pools_with_and_without_headers_refer_to_each_other, 1);
  return unit_run(suite);
}
