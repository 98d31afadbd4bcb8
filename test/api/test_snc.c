/* test_snc.c -- stacks that are scanned, and popped by frames
 *
 * Blocks on two stacks refer to objects of AMC and to blocks of the stacks,
 * beside a model that knows what is on them.
 */

#include "client.h"
#include "mpscmvff.h"
#include "mpscsnc.h"

enum {
  STACKS = 2,
  BLOCKS = 3000,
  FRAMES = 200,
  REFS = 2,
  TARGETS = 500
};

/* A block, as it should be. */
typedef struct Block {
  mps_addr_t at;
  size_t size;
  Word serial;
  size_t ref[REFS]; /* of an object, by its number; or TARGETS for none */
} Block;

typedef struct Frame {
  mps_frame_t frame;
  size_t blocks; /* below it */
} Frame;

typedef struct Stack {
  mps_ap_t ap;
  Block blocks[BLOCKS];
  size_t count;
  Frame frames[FRAMES];
  size_t depth;
} Stack;

static Client amc;
static Client snc; /* the same arena and format */
static Stack stacks[STACKS];
static mps_addr_t targets[TARGETS]; /* a weak table: what is alive */
static mps_root_t root;
static Word serials;

static mps_pool_t snc_pool(const Client *client)
{
  mps_pool_t pool = NULL;

  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, client->fmt);
    MUST(mps_pool_create_k(&pool, client->arena, mps_class_snc(), args));
  }
  MPS_ARGS_END(args);
  return pool;
}

static void start(void)
{
  Options options = {.gens = 2, .capacity = 64};

  amc = client_create(&options);
  snc = amc;
  snc.pool = snc_pool(&amc);
  for (size_t i = 0; i < STACKS; ++i) {
    memset(&stacks[i], 0, sizeof stacks[i]);
    MUST(mps_ap_create_k(&stacks[i].ap, snc.pool, mps_args_none));
  }
  snc.ap = stacks[0].ap;
  memset(targets, 0, sizeof targets);
  root = root_table(amc.arena, mps_rank_weak(), targets, TARGETS);
  serials = 0;
}

static void end(void)
{
  for (size_t i = 0; i < STACKS; ++i)
    mps_ap_destroy(stacks[i].ap);
  ck_assert_uint_eq(pool_used(snc.pool), 0);
  mps_pool_destroy(snc.pool);
  mps_root_destroy(root);
  client_destroy(&amc);
}


/* Operations */

/* Push a block that refers to nothing yet. */
static mps_res_t try_push(Stack *stack, size_t size)
{
  Block *block = &stack->blocks[stack->count];

  EXPECT(stack->count < BLOCKS);
  *block
      = (Block){.size = size, .serial = ++serials, .ref = {TARGETS, TARGETS}};
  do {
    mps_res_t res = mps_reserve(&block->at, stack->ap, size);

    if (res != MPS_RES_OK)
      return res;
    block_init(block->at, size, 0, KIND_OBJ, block->serial);
  } while (!mps_commit(stack->ap, block->at, size));
  ++stack->count;
  return MPS_RES_OK;
}

static void push_block(Stack *stack, size_t size)
{
  MUST(try_push(stack, size));
}

static size_t free_target(void)
{
  size_t i = 0;

  while (i < TARGETS && targets[i] != NULL)
    ++i;
  return i;
}

/* Let a slot of a block refer to a new object.  Nothing can collect between
 * the two. */
static void refer(Block *block, size_t slot)
{
  size_t i = free_target();

  if (i == TARGETS || block->size < (2 + REFS) * WORD)
    return;
  mps_arena_park(amc.arena);
  targets[i] = client_make(&amc, 4 * WORD, 1000000 + i);
  *block_slot(block->at, 0, slot) = targets[i];
  block->ref[slot] = i;
  mps_arena_release(amc.arena);
}

static void push_frame(Stack *stack)
{
  Frame *frame = &stack->frames[stack->depth++];

  EXPECT(stack->depth <= FRAMES);
  MUST(mps_ap_frame_push(&frame->frame, stack->ap));
  frame->blocks = stack->count;
}

static void pop_to(Stack *stack, size_t depth)
{
  MUST(mps_ap_frame_pop(stack->ap, stack->frames[depth].frame));
  stack->count = stack->frames[depth].blocks;
  stack->depth = depth;
}


/* Checks */

/* Blocks never move; what they refer to may, and is what it was. */
static void check_stack(const Stack *stack)
{
  for (size_t i = 0; i < stack->count; ++i) {
    const Block *block = &stack->blocks[i];

    EXPECT(block_is_intact(block->at, 0, block->serial));
    EXPECT(block_size(block->at) == block->size);
    for (size_t k = 0; k < REFS; ++k)
      if (block->ref[k] != TARGETS) {
        mps_addr_t object = *block_slot(block->at, 0, k);

        EXPECT(object == targets[block->ref[k]]);
        EXPECT(block_is_intact(object, 0, 1000000 + block->ref[k]));
      }
  }
}

/* What no block refers to is dead after a collection of everything. */
static void check_targets(void)
{
  unsigned char is_live[TARGETS] = {0};

  for (size_t s = 0; s < STACKS; ++s)
    for (size_t i = 0; i < stacks[s].count; ++i)
      for (size_t k = 0; k < REFS; ++k)
        if (stacks[s].blocks[i].ref[k] != TARGETS)
          is_live[stacks[s].blocks[i].ref[k]] = 1;
  for (size_t i = 0; i < TARGETS; ++i)
    EXPECT((targets[i] != NULL) == is_live[i]);
}

typedef struct Seen {
  size_t objects, bytes, pads;
} Seen;

static void see(mps_addr_t object, mps_fmt_t fmt, mps_pool_t pool, void *p,
                size_t s)
{
  Seen *seen = p;

  (void)fmt, (void)s;
  if (pool != snc.pool)
    return;
  if (block_kind(object) == KIND_PAD)
    seen->pads += block_size(object);
  else
    ++seen->objects, seen->bytes += block_size(object);
}

static mps_res_t see_area(mps_ss_t ss, void *base, void *limit, void *closure)
{
  for (char *at = base; at < (char *)limit;
       at += block_size((Word *)(void *)at))
    see(at, NULL, snc.pool, closure, 0);
  return scan0(ss, base, limit);
}

/* After a flip it isn't known, as the limit is a trap. */
static size_t unfilled(mps_ap_t ap)
{
  return (size_t)((char *)ap->limit - (char *)ap->init);
}

/* Both walks see what is on the stacks. */
static void check_walks(void)
{
  Seen seen = {0, 0, 0};
  Seen again = {0, 0, 0};
  size_t count = 0, bytes = 0;

  mps_arena_park(amc.arena);
  mps_arena_formatted_objects_walk(amc.arena, see, &seen, 0);
  MUST(mps_pool_walk(snc.pool, see_area, &again));
  for (size_t s = 0; s < STACKS; ++s) {
    count += stacks[s].count;
    for (size_t i = 0; i < stacks[s].count; ++i)
      bytes += stacks[s].blocks[i].size;
  }
  EXPECT(seen.objects == count && seen.bytes == bytes);
  EXPECT(again.objects == count && again.bytes == bytes);
  EXPECT(again.pads == seen.pads);
  mps_arena_release(amc.arena);
}


/* Tests */

static size_t random_size(void)
{
  size_t pick = unit_random(100);

  if (pick < 90)
    return (2 + unit_random(20)) * WORD;
  return pick < 99 ? (2 + unit_random(1000)) * WORD
                   : (2 + unit_random(10000)) * WORD;
}

static void random_collect(void)
{
  switch (unit_random(8)) {
  case 0:
    MUST(mps_arena_collect(amc.arena));
    mps_arena_release(amc.arena);
    check_targets();
    break;
  case 1:
    MUST(mps_arena_start_collect(amc.arena));
    break;
  default:
    (void)mps_arena_step(amc.arena, 0.00001, 0.0);
    break;
  }
}

static void push_or_fail(Stack *stack, size_t size)
{
  mps_res_t res = try_push(stack, size);

  EXPECT(res == MPS_RES_OK || res == MPS_RES_COMMIT_LIMIT);
}

static void random_op(Stack *stack)
{
  size_t pick = unit_random(100);

  if (pick < 55 && stack->count < BLOCKS - 10)
    push_or_fail(stack, random_size());
  else if (pick < 70 && stack->count > 0)
    refer(&stack->blocks[unit_random(stack->count)], unit_random(REFS));
  else if (pick < 84 && stack->depth < FRAMES)
    push_frame(stack);
  else if (pick < 94 && stack->depth > 0)
    pop_to(stack, stack->depth - 1);
  else if (pick < 95 && stack->depth > 0)
    pop_to(stack, unit_random(stack->depth));
  else
    random_collect();
}

/* COVERS(".snc.req.scan", ".snc.stack") */
START_TEST(like_a_model)
{
  start();
  mps_arena_pause_time_set(amc.arena, _i % 2 == 0 ? 0.0 : 0.1);
  if (_i >= 2)
    MUST(mps_arena_commit_limit_set(amc.arena,
                                    mps_arena_committed(amc.arena) + MB));
  for (size_t step = 0; step < 20000; ++step) {
    random_op(&stacks[unit_random(STACKS)]);
    if (step % 50 == 0)
      for (size_t s = 0; s < STACKS; ++s)
        check_stack(&stacks[s]);
    if (step % 1000 == 0)
      check_walks();
  }
  MUST(mps_arena_collect(amc.arena));
  mps_arena_release(amc.arena);
  check_targets();
  end();
}
END_TEST

/* COVERS(".snc.frame") */
START_TEST(the_first_frame_is_null)
{
  mps_frame_t first, again;
  Stack *stack = &stacks[0];

  start();
  MUST(mps_ap_frame_push(&first, stack->ap));
  ck_assert_ptr_null(first);
  for (int i = 0; i < 3000; ++i)
    push_block(stack, 40 * WORD / (1 + (size_t)i % 7) / WORD * WORD + 16);
  MUST(mps_ap_frame_push(&again, stack->ap));
  ck_assert_ptr_nonnull(again);
  MUST(mps_ap_frame_pop(stack->ap, first));
  ck_assert_uint_eq(pool_used(snc.pool), 0);
  MUST(mps_ap_frame_push(&again, stack->ap));
  ck_assert_ptr_null(again);
  stack->count = 0;
  push_block(stack, 64);
  check_stack(stack);
  end();
}
END_TEST

/* Segments that are full to the brim, so that frames lie where one ends; and
 * a trace takes full ones from their allocation point. */
START_TEST(frames_at_the_ends_of_segments)
{
  Stack *stack = &stacks[0];

  start();
  for (int round = 0; round < 200; ++round) {
    push_frame(stack);
    push_block(stack, 2 * WORD);
    refer(&stack->blocks[stack->count - 1], 0);
    while (stack->ap->limit == NULL || unfilled(stack->ap) != 0)
      push_block(stack, stack->ap->limit == NULL    ? 2 * WORD
                        : unfilled(stack->ap) > 900 ? 800
                                                    : unfilled(stack->ap));
    push_frame(stack);
    if (round % 3 == 1)
      MUST(mps_arena_start_collect(amc.arena));
    if (round % 5 == 0)
      push_block(stack, 4 * WORD);
    if (round % 3 == 2) {
      MUST(mps_arena_collect(amc.arena));
      mps_arena_release(amc.arena);
    }
    push_block(stack, 64);
    check_stack(stack);
    pop_to(stack, stack->depth - 1);
    check_stack(stack);
    if (round % 4 == 3)
      pop_to(stack, unit_random(stack->depth));
    if (stack->count > BLOCKS / 2)
      pop_to(stack, 0);
  }
  end();
}
END_TEST

/* COVERS(".snc.free"): memory that was popped goes back to the arena when a
 * collection ends. */
START_TEST(empty_segments_go_back)
{
  Stack *stack = &stacks[0];
  size_t total;

  start();
  push_frame(stack);
  for (int i = 0; i < 100; ++i)
    push_block(stack, 8000);
  total = mps_pool_total_size(snc.pool);
  ck_assert_uint_ge(total, 800000);
  pop_to(stack, 0);
  ck_assert_uint_eq(mps_pool_total_size(snc.pool), total);
  ck_assert_uint_eq(mps_pool_free_size(snc.pool), total);
  push_frame(stack);
  for (int i = 0; i < 100; ++i)
    push_block(stack, 8000);
  ck_assert_uint_eq(mps_pool_total_size(snc.pool), total);
  pop_to(stack, 0);
  (void)client_make(&amc, 64, 1);
  MUST(mps_arena_collect(amc.arena));
  ck_assert_uint_eq(mps_pool_total_size(snc.pool), 0);
  end();
}
END_TEST

/* Total less free is what is on the stack, with padding and the rest of the
 * allocation point. */
START_TEST(sizes_add_up)
{
  Stack *stack = &stacks[0];

  start();
  for (int round = 0; round < 300; ++round) {
    Seen seen = {0, 0, 0};

    if (unit_random(3) == 0)
      push_frame(stack);
    push_block(stack, random_size());
    if (unit_random(4) == 0 && stack->depth > 0) {
      pop_to(stack, unit_random(stack->depth));
      push_block(stack, 2 * WORD);
    }
    mps_arena_park(amc.arena);
    mps_arena_formatted_objects_walk(amc.arena, see, &seen, 0);
    EXPECT(seen.bytes + seen.pads + unfilled(stack->ap)
           == pool_used(snc.pool));
    mps_arena_release(amc.arena);
  }
  end();
}
END_TEST

static void count_root(mps_addr_t *ref, mps_root_t which, void *p, size_t s)
{
  (void)ref, (void)which, (void)s;
  ++*(size_t *)p;
}

START_TEST(questions_about_addresses)
{
  Stack *stack = &stacks[0];
  mps_addr_t table[2], base;
  mps_root_t exact;
  mps_pool_t pool;
  mps_fmt_t fmt;
  size_t count = 0;
  Block *block;

  start();
  push_block(stack, 64);
  push_block(stack, 64);
  block = &stack->blocks[1];
  ck_assert(mps_addr_pool(&pool, amc.arena, (char *)block->at + 9));
  ck_assert_ptr_eq(pool, snc.pool);
  ck_assert(mps_addr_fmt(&fmt, amc.arena, block->at));
  ck_assert_ptr_eq(fmt, amc.fmt);
  ck_assert_int_eq(mps_addr_object(&base, amc.arena, block->at),
                   MPS_RES_UNIMPL);
  /* A root may refer to it; that isn't a reference to what is collected. */
  table[0] = block->at;
  table[1] = client_make(&amc, 64, 7);
  exact = root_table(amc.arena, mps_rank_exact(), table, 2);
  mps_arena_park(amc.arena);
  mps_arena_roots_walk(amc.arena, count_root, &count, 0);
  ck_assert_uint_eq(count, 1);
  mps_arena_release(amc.arena);
  MUST(mps_arena_collect(amc.arena));
  ck_assert_ptr_eq(table[0], block->at);
  ck_assert(block_is_intact(table[1], 0, 7));
  mps_root_destroy(exact);
  end();
}
END_TEST

START_TEST(at_the_commit_limit)
{
  Stack *stack = &stacks[0];
  mps_res_t res;

  start();
  MUST(mps_arena_commit_limit_set(amc.arena,
                                  mps_arena_committed(amc.arena) + 2 * MB));
  push_frame(stack);
  while ((res = try_push(stack, 1600)) == MPS_RES_OK)
    if (stack->count < 500)
      refer(&stack->blocks[stack->count - 1], 0);
  ck_assert_int_eq(res, MPS_RES_COMMIT_LIMIT);
  check_stack(stack);
  /* The allocation point has no memory; its stack is there. */
  push_frame(stack);
  pop_to(stack, 1);
  check_stack(stack);
  pop_to(stack, 0);
  push_block(stack, 500000);
  MUST(mps_arena_collect(amc.arena));
  mps_arena_release(amc.arena);
  check_stack(stack);
  check_targets();
  end();
}
END_TEST


/* Other classes */

/* In manual pools a pop within the memory at hand gives it back to the
 * allocation point; AMC takes frames as nothing. */
START_TEST(frames_of_other_classes)
{
  mps_frame_t frame;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_addr_t first, second;

  start();
  MUST(mps_pool_create_k(&pool, amc.arena, mps_class_mvff(), mps_args_none));
  MUST(mps_ap_create_k(&ap, pool, mps_args_none));
  MUST(mps_reserve(&first, ap, 64));
  ck_assert(mps_commit(ap, first, 64));
  MUST(mps_ap_frame_push(&frame, ap));
  MUST(mps_reserve(&first, ap, 64));
  ck_assert_int_eq(mps_ap_frame_pop(ap, frame), MPS_RES_FAIL);
  ck_assert(mps_commit(ap, first, 64));
  MUST(mps_ap_frame_pop(ap, frame));
  MUST(mps_reserve(&second, ap, 128));
  ck_assert(mps_commit(ap, second, 128));
  ck_assert_ptr_eq(first, second);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);

  MUST(mps_ap_frame_push(&frame, amc.ap));
  first = client_make(&amc, 64, 5);
  MUST(mps_ap_frame_pop(amc.ap, frame));
  ck_assert(block_is_intact(first, 0, 5));
  ck_assert_ptr_ne(client_make(&amc, 64, 6), first);
  end();
}
END_TEST


/* Misuse */

/* COVERS(".snc.req.misuse") */
START_TEST(misuse_is_reported)
{
  Stack *stack = &stacks[0];
  mps_frame_t frame;
  mps_pool_t pool = NULL;
  mps_ap_t ap = NULL;
  mps_addr_t p = NULL;
  mps_fmt_t fmt;

  start();
  (void)mps_lib_assert_fail_install(report_take);
  push_block(stack, 64);
  push_block(stack, 64);
  MUST(mps_ap_frame_push(&frame, stack->ap));
  push_block(stack, 64);
  ck_assert_int_eq(mps_ap_frame_pop(stacks[1].ap, frame), MPS_RES_PARAM);
  expect_report("mps_ap_frame_pop", "frame");
  ck_assert_int_eq(
      mps_ap_frame_pop(stack->ap, (mps_frame_t)((char *)frame + 640)),
      MPS_RES_PARAM);
  expect_report("mps_ap_frame_pop", "frame");
  ck_assert_int_eq(mps_alloc(&p, snc.pool, 64), MPS_RES_PARAM);
  expect_report("mps_alloc", "pool");
  mps_free(snc.pool, stack->blocks[0].at, 64);
  expect_report("mps_free", "pool");
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
    ck_assert_int_eq(mps_ap_create_k(&ap, snc.pool, args), MPS_RES_PARAM);
  }
  MPS_ARGS_END(args);
  expect_report("mps_ap_create_k", "RANK");
  fmt = client_format(amc.arena, WORD, 16);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    ck_assert_int_eq(
        mps_pool_create_k(&pool, amc.arena, mps_class_snc(), args),
        MPS_RES_PARAM);
  }
  MPS_ARGS_END(args);
  expect_report("mps_pool_create_k", "FORMAT");
  mps_fmt_destroy(fmt);
  ck_assert_int_eq(
      mps_pool_create_k(&pool, amc.arena, mps_class_snc(), mps_args_none),
      MPS_RES_PARAM);
  expect_report("mps_pool_create_k", "FORMAT");
  ck_assert_int_eq(mps_finalize(amc.arena, &stack->blocks[0].at),
                   MPS_RES_PARAM);
  expect_report("mps_finalize", "ref");
  stack->count = 3;
  check_stack(stack);
  (void)mps_lib_assert_fail_install(NULL);
  end();
}
END_TEST

/* The forms with variable arguments. */
START_TEST(positional_arguments)
{
  mps_pool_t pool = NULL;
  mps_ap_t ap = NULL;
  mps_addr_t p;

  start();
  MUST(mps_pool_create(&pool, amc.arena, mps_class_snc(), amc.fmt));
  MUST(mps_ap_create(&ap, pool, mps_rank_exact()));
  MUST(mps_reserve(&p, ap, 64));
  block_init(p, 64, 0, KIND_OBJ, 1);
  ck_assert(mps_commit(ap, p, 64));
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  end();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("snc");

  unit_seed("snc");
  unit_add_loop(suite, "model", like_a_model, 4);
  unit_add(suite, "null", the_first_frame_is_null);
  unit_add(suite, "ends", frames_at_the_ends_of_segments);
  unit_add(suite, "back", empty_segments_go_back);
  unit_add(suite, "sizes", sizes_add_up);
  unit_add(suite, "addresses", questions_about_addresses);
  unit_add(suite, "limit", at_the_commit_limit);
  unit_add(suite, "other", frames_of_other_classes);
  unit_add(suite, "misuse", misuse_is_reported);
  unit_add(suite, "positional", positional_arguments);
  return unit_run(suite);
}
