/* test_buffer.c -- allocation points against a model of their words
 *
 * The client's side is the interface's own reserve and commit, so that the
 * slow paths are entered as clients enter them.  Each state meets each
 * event once, and then come random sequences.
 */

#include "fake_pool.h"

#include <signal.h>

enum {
  ALIGN = 8,
  GRAIN = 4096
};

static const SegClass no_class = {.name = "none"};

static mps_arena_t arena;
static mps_fmt_t format;
static FakePool *fake;
static Buffer *buffer;
static mps_ap_t ap;

/* What the words should be.  NULL is zero; full is the limit that the
 * buffer keeps for itself. */
typedef struct Model {
  Addr init;
  Addr alloc;
  Addr full;
  Addr init_at_flip; /* NULL unless it is flipped */
  Seg *seg;
  bool is_flipped;
  bool is_orphan;
} Model;

static Model model;

static void make_buffer(void)
{
  ck_assert_int_eq(mps_ap_create_k(&ap, &fake->pool, mps_args_none),
                   MPS_RES_OK);
  buffer = buffer_of_ap(ap);
  memset(&model, 0, sizeof model);
}

static void start(Rank rank)
{
  arena = help_arena(16 * MIB);
  format = help_format(arena, ALIGN, 0);
  fake_rank = rank;
  fake_seg_class = &no_class;
  fake = fake_create(arena, format, NULL);
  make_buffer();
}

static void finish(void)
{
  mps_pool_destroy(&fake->pool);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}

static void check_model(void)
{
  EXPECT(buffer_check(buffer));
  EXPECT((Addr)ap->init == model.init);
  EXPECT((Addr)ap->alloc == model.alloc);
  EXPECT((Addr)ap->limit == (model.is_flipped ? NULL : model.full));
  EXPECT(buffer->limit == model.full);
  EXPECT(buffer->seg == model.seg);
  EXPECT(buffer->is_flipped == model.is_flipped);
  EXPECT(buffer->init_at_flip == model.init_at_flip);
  EXPECT(buffer->is_orphan == model.is_orphan);
  if (model.seg != NULL) {
    EXPECT(model.seg->buffer == buffer);
    EXPECT(seg_scan_limit(model.seg)
           == (model.is_flipped ? model.init_at_flip : model.init));
    EXPECT(!model.is_orphan);
  }
}


/* The events, on both sides at once */

/* The model lets go: the class hears of it if there was a segment, and the
 * rest has become padding. */
static void expect_detach(Count empties, Count pads)
{
  Seg *seg = model.seg;

  EXPECT(fake_empties == empties + (seg != NULL));
  if (seg != NULL && model.init < model.full) {
    EXPECT(help_pads == pads + 1);
    EXPECT(help_pad_log[pads % HELP_LOG_MAX].base == model.init);
    EXPECT(help_pad_log[pads % HELP_LOG_MAX].size
           == addr_diff(model.init, model.full));
  } else {
    EXPECT(help_pads == pads);
  }
  if (seg != NULL)
    EXPECT(seg->buffer == NULL);
  memset(&model, 0, sizeof model);
}

static Res event_reserve(mps_addr_t *block_out, Size size)
{
  bool has_room
      = model.seg != NULL && size <= addr_diff(model.alloc, model.full);
  Count empties = fake_empties;
  Count fills = fake_fills;
  Size filled = arena->filled;
  Res res;

  help_pads = 0;
  res = mps_reserve(block_out, ap, size);
  if (has_room) {
    EXPECT(res == MPS_RES_OK);
    EXPECT(fake_fills == fills && fake_empties == empties);
    model.is_flipped = false; /* if it went the slow way */
    model.init_at_flip = NULL;
  } else {
    expect_detach(empties, 0);
    EXPECT(fake_fills == fills + (res == MPS_RES_OK));
    if (res != MPS_RES_OK)
      return res;
    model.seg = buffer->seg;
    model.init = model.alloc = model.seg->base;
    model.full = model.seg->limit;
    EXPECT(seg_size(model.seg) == size_round_up(size, GRAIN));
    EXPECT(buffer->base == model.init);
    EXPECT(arena->filled == filled + seg_size(model.seg));
  }
  EXPECT((Addr)*block_out == model.init);
  model.alloc = addr_add(model.alloc, size);
  return res;
}

/* A commit is a store and a test, and the client may be stopped between
 * them. */
static void event_store(void)
{
  ap->init = ap->alloc;
  model.init = model.alloc;
}

/* It fails exactly if the flip came before the store. */
static bool event_test(mps_addr_t block, Size size)
{
  bool is_kept = ap->limit != NULL || mps_ap_trip(ap, block, size) != 0;

  EXPECT(is_kept == !(model.is_flipped && model.init_at_flip != model.init));
  if (!is_kept)
    model.init = model.alloc = (Addr)block;
  return is_kept;
}

static bool event_commit(mps_addr_t block, Size size)
{
  bool is_trapped = model.is_flipped;
  bool is_kept = mps_commit(ap, block, size) != 0;

  EXPECT(is_kept == !is_trapped);
  if (is_kept)
    model.init = model.alloc;
  else
    model.alloc = model.init;
  return is_kept;
}

static void event_flip(void)
{
  buffer_flip(buffer);
  if (model.seg != NULL && fake_rank != RANK_NONE && !model.is_flipped
      && (model.init != model.alloc || model.init != model.full)) {
    model.is_flipped = true;
    model.init_at_flip = model.init;
  }
}

static void event_orphan(void)
{
  Count empties = fake_empties;

  buffer_orphan(buffer);
  if (model.seg != NULL && !model.is_flipped && model.init == model.alloc
      && model.init == model.full) {
    EXPECT(fake_empties == empties + 1);
    EXPECT(model.seg->buffer == NULL);
    model.seg = NULL;
    model.is_orphan = true;
  } else {
    EXPECT(fake_empties == empties);
  }
}

static void event_destroy(void)
{
  Count empties = fake_empties;

  help_pads = 0;
  mps_ap_destroy(ap);
  expect_detach(empties, 0);
}


/* Every state */

typedef enum State {
  STATE_RESET,
  STATE_READY,
  STATE_FULL,
  STATE_BUSY,
  STATE_BUSY_FULL,
  STATE_FLIPPED, /* ready when it was flipped */
  STATE_FLIPPED_BUSY,
  STATE_FLIPPED_BUSY_FULL,
  STATE_STORED, /* the first half of a commit is done */
  STATE_STORED_FULL,
  STATE_STORED_FLIPPED, /* and then it was flipped */
  STATE_FLIPPED_STORED, /* or before that */
  STATE_FLIPPED_EMPTY,  /* nothing was ever committed */
  STATE_ORPHAN,
  STATES
} State;

static bool state_is_stored(State state)
{
  return state >= STATE_STORED && state <= STATE_FLIPPED_STORED;
}

static bool state_is_busy(State state)
{
  return state == STATE_BUSY || state == STATE_BUSY_FULL
         || state == STATE_FLIPPED_BUSY || state == STATE_FLIPPED_BUSY_FULL
         || state_is_stored(state);
}

static bool state_is_half(State state) /* what is reserved fills it */
{
  return state == STATE_BUSY_FULL || state == STATE_FLIPPED_BUSY_FULL
         || state == STATE_STORED_FULL;
}

static Size state_reserved;
static mps_addr_t state_block;

static void state_reserve(Size size)
{
  state_reserved = size;
  ck_assert_int_eq(event_reserve(&state_block, size), MPS_RES_OK);
}

/* Bring a new buffer there; half a segment is committed in most. */
static void state_enter(State state)
{
  Size first
      = state == STATE_FULL || state == STATE_ORPHAN ? GRAIN : GRAIN / 2;

  if (state == STATE_RESET)
    return;
  state_reserve(first);
  if (state == STATE_FLIPPED_EMPTY) {
    event_flip();
    ck_assert(!event_commit(state_block, first));
    return;
  }
  ck_assert(event_commit(state_block, first));
  if (state_is_busy(state))
    state_reserve(state_is_half(state) ? GRAIN / 2 : GRAIN / 4);
  if ((state >= STATE_FLIPPED && state <= STATE_FLIPPED_BUSY_FULL)
      || state == STATE_FLIPPED_STORED)
    event_flip();
  if (state_is_stored(state))
    event_store();
  if (state == STATE_STORED_FLIPPED)
    event_flip();
  if (state == STATE_ORPHAN) {
    event_orphan();
    ck_assert(buffer->is_orphan);
  }
}

typedef enum Event {
  EVENT_FLIP,
  EVENT_ORPHAN,
  EVENT_COMMIT, /* busy states only */
  EVENT_SMALL,  /* the others: a reserve of little, of much, in vain */
  EVENT_LARGE,
  EVENT_REFUSED,
  EVENT_DESTROY,
  EVENTS
} Event;

static void event_happen(State state, Event event)
{
  mps_addr_t block = &block;

  switch (event) {
  case EVENT_FLIP:
    event_flip();
    break;
  case EVENT_ORPHAN:
    event_orphan();
    break;
  case EVENT_COMMIT:
    if (state_is_stored(state))
      (void)event_test(state_block, state_reserved);
    else
      (void)event_commit(state_block, state_reserved);
    break;
  case EVENT_SMALL:
    ck_assert_int_eq(event_reserve(&block, 16), MPS_RES_OK);
    break;
  case EVENT_LARGE:
    ck_assert_int_eq(event_reserve(&block, GRAIN + 8), MPS_RES_OK);
    break;
  case EVENT_REFUSED:
    fake_fill_res = MPS_RES_MEMORY;
    ck_assert_int_eq(event_reserve(&block, GRAIN + 8), MPS_RES_MEMORY);
    ck_assert_ptr_eq(block, &block);
    fake_fill_res = MPS_RES_OK;
    break;
  case EVENT_DESTROY:
    event_destroy();
    make_buffer();
    break;
  case EVENTS:
    break;
  }
}

/* Leave the state as it is by a way that every state has. */
static void state_leave(void)
{
  if (ap->init != ap->alloc)
    (void)event_commit(ap->init, addr_diff((Addr)ap->init, (Addr)ap->alloc));
  check_model();
  event_destroy();
}

static void check_all_events(Rank rank)
{
  start(rank);
  event_destroy();
  for (int state = 0; state < STATES; ++state)
    for (int event = 0; event < EVENTS; ++event) {
      bool is_busy = state_is_busy((State)state);

      if (is_busy != (event == EVENT_COMMIT) && event > EVENT_ORPHAN)
        continue;
      if (rank == RANK_NONE && state == STATE_FLIPPED_EMPTY)
        continue;
      make_buffer();
      state_enter((State)state);
      check_model();
      event_happen((State)state, (Event)event);
      check_model();
      if (state_is_stored((State)state) && event != EVENT_COMMIT)
        (void)event_test(state_block, state_reserved);
      state_leave();
    }
  finish();
}

/* COVERS: .buffer.states .buffer.flip .buffer.inv.room .buffer.orphan .flush
 * .flush.pad .fill */
START_TEST(test_every_event)
{
  check_all_events(RANK_EXACT);
}
END_TEST

/* .buffer.leaf .buffer.inv.flipped: no flip, so no commit fails. */
START_TEST(test_every_leaf_event)
{
  check_all_events(RANK_NONE);
}
END_TEST

/* Segments without a buffer are no longer needed. */
static void free_unused(void)
{
  RING_FOR (node, after, &fake->pgens[0].segs) {
    Seg *seg = RING_ELEM(Seg, gen_link, node);

    if (seg->buffer == NULL)
      seg_free(seg);
  }
}

/* .buffer.states in any order; every commit that failed is made again. */
START_TEST(test_random)
{
  mps_addr_t block = NULL;
  Size size = 0;
  bool is_stored = false;
  Count trips = 0;
  Count orphans = 0;

  unit_seed("random");
  start(RANK_EXACT);
  for (Index i = 0; i < 20000; ++i) {
    bool is_busy = is_stored || model.init != model.alloc;

    switch (unit_random(8)) {
    case 0:
      event_flip();
      break;
    case 1:
      event_orphan();
      orphans += model.is_orphan;
      break;
    case 2:
      if (!is_busy && unit_random(8) == 0) {
        event_destroy();
        make_buffer();
      }
      break;
    default:
      if (is_busy) {
        if (is_stored) {
          trips += !event_test(block, size);
          is_stored = false;
        } else if (unit_random(2) == 0) {
          trips += !event_commit(block, size);
        } else {
          event_store();
          is_stored = true;
        }
        break;
      }
      /* Often exactly what is left, so that it becomes full. */
      size = 8 * (1 + unit_random(200));
      if (model.seg != NULL && unit_random(3) == 0)
        size = size_max(8, addr_diff(model.alloc, model.full));
      fake_fill_res = unit_random(16) == 0 ? MPS_RES_MEMORY : MPS_RES_OK;
      (void)event_reserve(&block, size);
    }
    check_model();
    if (i % 256 == 0)
      free_unused();
  }
  ck_assert_uint_gt(trips, 50);
  ck_assert_uint_gt(orphans, 50);
  if (is_stored)
    (void)event_test(block, size);
  state_leave();
  finish();
}
END_TEST

/* .buffer.ramps: those that it has begun end with it. */
START_TEST(test_ramps)
{
  start(RANK_EXACT);
  for (Index i = 0; i < 3; ++i)
    ck_assert_int_eq(mps_ap_alloc_pattern_begin(ap, mps_alloc_pattern_ramp()),
                     MPS_RES_OK);
  ck_assert_uint_eq(fake_ramps, 3);
  ck_assert_int_eq(mps_ap_alloc_pattern_end(ap, mps_alloc_pattern_ramp()),
                   MPS_RES_OK);
  ck_assert_uint_eq(fake_ramps, 2);
  mps_ap_destroy(ap);
  ck_assert_uint_eq(fake_ramps, 0);
  finish();
}
END_TEST

/* A buffer that can't be made leaves nothing behind. */
START_TEST(test_create_fails)
{
  Size in_use;
  mps_ap_t other = NULL;
  Count held = 0;
  void *block[400];

  start(RANK_EXACT);
  in_use = arena->ctl.in_use;
  ck_assert_int_eq(
      mps_arena_commit_limit_set(arena, mps_arena_committed(arena)),
      MPS_RES_OK);
  while (held < 400
         && ctl_alloc(&block[held], &arena->ctl, sizeof(Buffer)) == MPS_RES_OK)
    ++held;
  ck_assert_uint_lt(held, 400);
  ck_assert_int_eq(mps_ap_create_k(&other, &fake->pool, mps_args_none),
                   MPS_RES_COMMIT_LIMIT);
  ck_assert_ptr_null(other);
  while (held > 0)
    ctl_free(&arena->ctl, block[--held], sizeof(Buffer));
  ck_assert_uint_eq(arena->ctl.in_use, in_use);
  ck_assert_uint_eq(ring_length(&fake->pool.buffers), 1);
  fake_buffer_res = MPS_RES_PARAM;
  ck_assert_int_eq(mps_ap_create_k(&other, &fake->pool, mps_args_none),
                   MPS_RES_PARAM);
  ck_assert_ptr_null(other);
  ck_assert_uint_eq(arena->ctl.in_use, in_use);
  mps_ap_destroy(ap);
  finish();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("buffer");

  unit_add(suite, "events", test_every_event);
  unit_add(suite, "leaf", test_every_leaf_event);
  unit_add(suite, "random", test_random);
  unit_add(suite, "ramps", test_ramps);
  unit_add(suite, "create", test_create_fails);
  return unit_run(suite);
}
