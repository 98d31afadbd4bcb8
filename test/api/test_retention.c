/* test_retention.c -- memory that must come back, and what may keep it
 *
 * Large objects, padding and segment limits: which ambiguous references
 * retain memory, and that what is dead beside them goes.
 */

#include "matrix.h"

static mps_addr_t pins[4];
static mps_root_t pin_root;

static Setup begin(int config)
{
  Setup s = matrix_begin(config);

  memset(pins, 0, sizeof pins);
  pin_root = root_table(s.client.arena, mps_rank_ambig(), pins, NELEMS(pins));
  return s;
}

static void end(const Setup *s)
{
  mps_root_destroy(pin_root);
  client_destroy(&s->client);
}

static void let_go(Setup *s)
{
  mps_ap_destroy(s->client.ap);
  MUST(mps_ap_create_k(&s->client.ap, s->client.pool, mps_args_none));
}

static size_t total(const Setup *s)
{
  return mps_pool_total_size(s->client.pool);
}

/* E8: a full buffer doesn't keep the dead object that fills it. */
MATRIX_TEST(a_full_buffer_keeps_nothing)
{
  Setup s = begin(config);
  size_t size = round_up(s.large, GRAIN) + 2 * GRAIN;

  (void)client_make(&s.client, size, 1);
  ck_assert_uint_ge(total(&s), size);
  MUST(mps_arena_collect(s.client.arena));
  ck_assert_uint_eq(total(&s), 0);
  (void)client_make(&s.client, matrix_size(&s, 32), 1);
  end(&s);
}

/* E9, .large.lsp-no-retain: a reference to the padding behind a large
 * object, or just past one that fills its grains, doesn't keep it; one into
 * it does if interior pointers pin. */
MATRIX_TEST(only_references_into_a_large_object_keep_it)
{
  Setup s = begin(config);
  size_t sizes[2], header = s.options.header;

  sizes[0] = round_up(s.large, s.options.align) + 7 * s.options.align;
  sizes[1] = round_up(s.large, GRAIN) + GRAIN;
  for (size_t i = 0; i < NELEMS(sizes); ++i) {
    size_t size = sizes[i];
    /* offset from the block, and whether it keeps the block */
    struct {
      size_t offset;
      int keeps;
    } cases[] = {
        {size, 0},
        {size + s.options.align, 0},
        {size - 1, !s.options.is_exact_only},
        {header, 1},
        {header + 96, !s.options.is_exact_only},
        {header + 1, !s.options.is_exact_only},
    };

    for (size_t n = 0; n < NELEMS(cases); ++n) {
      mps_addr_t object = client_make(&s.client, size, n);
      char *block = (char *)block_of(object, header);

      let_go(&s);
      pins[0] = block + cases[n].offset;
      for (int k = 0; k < 2; ++k) {
        MUST(mps_arena_collect(s.client.arena));
        ck_assert_uint_eq(total(&s),
                          cases[n].keeps ? round_up(size, GRAIN) : 0);
        if (cases[n].keeps)
          ck_assert(block_is_intact(object, header, n));
      }
      pins[0] = NULL;
      MUST(mps_arena_collect(s.client.arena));
      ck_assert_uint_eq(total(&s), 0);
    }
  }
  end(&s);
}

/* Two objects in one large request: a pin on the second keeps it. */
MATRIX_TEST(a_large_request_may_hold_two_objects)
{
  Setup s = begin(config);
  size_t header = s.options.header;
  size_t first = round_up(s.large, s.options.align);
  size_t second = matrix_size(&s, 64);
  mps_addr_t p;

  MUST(mps_reserve(&p, s.client.ap, first + second));
  block_init(p, first, header, s.client.kind, 1);
  block_init((char *)p + first, second, header, s.client.kind, 2);
  ck_assert(mps_commit(s.client.ap, p, first + second));
  let_go(&s);
  pins[0] = (char *)p + first + header;
  MUST(mps_arena_collect(s.client.arena));
  ck_assert(block_is_intact(pins[0], header, 2));
  ck_assert_uint_gt(total(&s), 0);
  pins[0] = NULL;
  MUST(mps_arena_collect(s.client.arena));
  ck_assert_uint_eq(total(&s), 0);
  end(&s);
}

/* E11: objects that end where their segment does, and pins at each end. */
MATRIX_TEST(segment_limits_confuse_nothing)
{
  Setup s = begin(config);
  mps_arena_t arena = s.client.arena;
  size_t header = s.options.header, size = GRAIN;
  static mps_addr_t table[32];
  mps_root_t root = root_table(arena, mps_rank_exact(), table, NELEMS(table));

  for (Word i = 0; i < NELEMS(table); ++i)
    table[i] = client_make(&s.client, size, i);
  let_go(&s);
  for (size_t n = 0; n < NELEMS(table); ++n) {
    char *block = (char *)block_of(table[n], header);

    pins[0] = block;
    pins[1] = block + size;
    pins[2] = block + size + header;
    pins[3] = block + size - 1;
    MUST(mps_arena_collect(arena));
    for (Word i = 0; i < NELEMS(table); ++i)
      ck_assert(block_is_intact(table[i], header, i));
  }
  mps_root_destroy(root);
  end(&s);
}

/* Pads shorter than the header, at the end of a segment that is nailed. */
MATRIX_TEST(padding_may_be_as_short_as_the_alignment)
{
  Setup s = begin(config);
  mps_arena_t arena = s.client.arena;
  size_t align = s.options.align, header = s.options.header;
  size_t small = matrix_size(&s, 16);

  for (size_t n = 0; n < 12; ++n) {
    mps_addr_t first = client_make(&s.client, small, 1);
    mps_ap_t ap = s.client.ap;
    size_t room = 0;

    if (ap->limit != NULL)
      room = (size_t)((char *)ap->limit - (char *)ap->init);
    /* Leave one unit of the alignment free, then ask for more. */
    if (room > align && room - align > header + 16)
      (void)client_make(&s.client, room - align, 2);
    (void)client_make(&s.client, small, 3);
    pins[n % 4] = first;
    MUST(mps_arena_collect(arena));
    MUST(mps_arena_collect(arena));
    ck_assert(block_is_intact(first, header, 1));
  }
  let_go(&s);
  memset(pins, 0, sizeof pins);
  MUST(mps_arena_collect(arena));
  ck_assert_uint_eq(total(&s), 0);
  end(&s);
}

/* COVERS: .nailboard.limitations.middle .nailboard.limitations.single: what is
 * dead beside a pin that names no object goes at once, and a later collection
 * without pins is not held up by an earlier one. */
MATRIX_TEST(a_pin_on_nothing_keeps_nothing)
{
  Setup s = begin(config);
  mps_arena_t arena = s.client.arena;
  size_t size = matrix_size(&s, 128);
  mps_addr_t dead = client_make(&s.client, size, 1);

  for (Word i = 0; i < 20; ++i)
    (void)client_make(&s.client, size, i);
  let_go(&s);
  pins[0] = (char *)dead + 24; /* inside, or with exact ones nowhere */
  MUST(mps_arena_collect(arena));
  if (s.options.is_exact_only) {
    ck_assert_uint_eq(total(&s), 0);
  } else {
    ck_assert(block_is_intact(dead, s.options.header, 1));
    ck_assert_uint_le(total(&s), GRAIN);
  }
  pins[0] = NULL;
  MUST(mps_arena_collect(arena));
  ck_assert_uint_eq(total(&s), 0);
  end(&s);
}

/* Sizes one unit over the segment size waste no more than a grain each. */
MATRIX_TEST(awkward_sizes_waste_little)
{
  Setup s = begin(config);
  size_t size
      = round_up(s.options.extend_by < GRAIN ? GRAIN : s.options.extend_by,
                 GRAIN)
        + s.options.align;
  size_t count = 2 * MB / size + 2;

  for (Word i = 0; i < count; ++i)
    (void)client_make(&s.client, size, i);
  ck_assert_uint_le(total(&s), count * round_up(size, GRAIN) + MB / 8);
  end(&s);
}

/* COVERS: .finish.forward: a pool may go at any time: with ramps open,
 * survivors in every generation and pins in it. */
MATRIX_TEST(a_pool_may_be_destroyed_at_any_time)
{
  Setup s = begin(config);
  mps_arena_t arena = s.client.arena;
  Client keep = s.client;
  static mps_addr_t table[100];
  mps_root_t root = root_table(arena, mps_rank_exact(), table, NELEMS(table));

  keep.pool = client_pool(&s.client, &s.options);
  MUST(mps_ap_create_k(&keep.ap, keep.pool, mps_args_none));
  for (int n = 0; n < 4; ++n) {
    MUST(mps_ap_alloc_pattern_begin(s.client.ap, mps_alloc_pattern_ramp()));
    for (Word i = 0; i < NELEMS(table); ++i)
      table[i]
          = client_make(i % 2 ? &keep : &s.client, matrix_size(&s, 64), i);
    pins[0] = table[0];
    MUST(mps_arena_start_collect(arena));
    for (size_t i = 0; i < NELEMS(table); i += 2)
      table[i] = NULL;
    pins[0] = NULL;
    mps_ap_destroy(s.client.ap);
    mps_pool_destroy(s.client.pool);
    MUST(mps_arena_collect(arena));
    for (Word i = 1; i < NELEMS(table); i += 2)
      ck_assert(block_is_intact(table[i], s.options.header, i));
    s.client.pool = client_pool(&s.client, &s.options);
    MUST(mps_ap_create_k(&s.client.ap, s.client.pool, mps_args_none));
  }
  mps_root_destroy(root);
  mps_ap_destroy(keep.ap);
  mps_pool_destroy(keep.pool);
  end(&s);
}

static void add(Suite *suite, const char *name, const TTest *test)
{
  TCase *tcase = tcase_create(name);

  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, test, 0, MATRIX_PARTS);
  suite_add_tcase(suite, tcase);
}

int main(void)
{
  Suite *suite = suite_create("retention");

  unit_seed("retention");
  add(suite, "full", a_full_buffer_keeps_nothing);
  add(suite, "large", only_references_into_a_large_object_keep_it);
  add(suite, "two", a_large_request_may_hold_two_objects);
  add(suite, "limits", segment_limits_confuse_nothing);
  add(suite, "short", padding_may_be_as_short_as_the_alignment);
  add(suite, "nothing", a_pin_on_nothing_keeps_nothing);
  add(suite, "awkward", awkward_sizes_waste_little);
  add(suite, "destroy", a_pool_may_be_destroyed_at_any_time);
  return unit_run(suite);
}
