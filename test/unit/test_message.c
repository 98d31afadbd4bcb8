/* test_message.c -- the message queue against an array
 *
 * The model is one array in the order of posting.  Releasing a message
 * marks it, so that one that is released twice, never, or too early shows.
 */

#include "heap/message.h"
#include "unit.h"

#include <signal.h>
#include <string.h>

enum {
  FINAL = mps_message_type_finalization(),
  GC = mps_message_type_gc(),
  START = mps_message_type_gc_start(),
  POOL = 200
};

static MessageQueue queue;
static GcMessage pool[POOL];
static bool is_free[POOL];
static Count released;

static void release(void *closure, Message *message)
{
  Index i = (Index)(RING_ELEM(GcMessage, message, message) - pool);

  EXPECT(closure == &queue);
  EXPECT(i < POOL);
  EXPECT(!is_free[i]);
  EXPECT(message->sig == SIG_NONE);
  EXPECT(ring_is_single(&message->link));
  memset(&pool[i], 0xDB, sizeof pool[i]);
  is_free[i] = true;
  ++released;
}

static void start(void)
{
  memset(is_free, true, sizeof is_free);
  released = 0;
  message_queue_init(&queue, release, &queue);
}

/* A new message: one that is free. */
static Message *make(mps_message_type_t type)
{
  for (Index i = 0; i < POOL; ++i)
    if (is_free[i]) {
      is_free[i] = false;
      message_init(&pool[i].message, type);
      return &pool[i].message;
    }
  return NULL;
}

static void enable_all(void)
{
  for (mps_message_type_t type = 0; type < MESSAGE_TYPES; ++type)
    message_enable(&queue, type);
}

/* .message.req.order */
START_TEST(test_order)
{
  static const mps_message_type_t types[]
      = {START, FINAL, FINAL, GC, START, FINAL, GC};
  enum {
    COUNT = sizeof types / sizeof types[0]
  };
  Message *posted[COUNT];
  mps_message_type_t type = 99;
  Message *message = NULL;

  start();
  enable_all();
  ck_assert(!message_poll(&queue));
  ck_assert(!message_queue_type(&type, &queue));
  ck_assert(!message_get(&message, &queue, GC));
  ck_assert_uint_eq(type, 99);
  ck_assert_ptr_null(message);
  for (int i = 0; i < COUNT; ++i)
    ck_assert(message_post(&queue, posted[i] = make(types[i]), 1));

  /* Out of turn: the first of its type, and the others stay. */
  ck_assert(message_get(&message, &queue, GC));
  ck_assert_ptr_eq(message, posted[3]);
  for (int i = 0; i < COUNT; ++i)
    if (i != 3) {
      ck_assert(message_poll(&queue));
      ck_assert(message_queue_type(&type, &queue));
      ck_assert_uint_eq(type, types[i]);
      ck_assert(message_get(&message, &queue, type));
      ck_assert_ptr_eq(message, posted[i]);
    }
  ck_assert(!message_poll(&queue));
  ck_assert_uint_eq(released, 0);
  message_queue_finish(&queue);
  ck_assert_uint_eq(released, COUNT);
}
END_TEST

/* .message.req.enabled: nothing is at first. */
START_TEST(test_enabled)
{
  mps_message_type_t type = 99;

  start();
  for (mps_message_type_t t = 0; t < MESSAGE_TYPES; ++t) {
    ck_assert(!message_is_enabled(&queue, t));
    ck_assert(!message_post(&queue, make(t), 1));
  }
  ck_assert_uint_eq(released, 3);
  ck_assert(!message_poll(&queue));

  enable_all();
  for (mps_message_type_t t = 0; t < MESSAGE_TYPES; ++t) {
    ck_assert(message_is_enabled(&queue, t));
    for (int i = 0; i < 4; ++i)
      ck_assert(message_post(&queue, make(t), 1));
  }
  message_disable(&queue, FINAL);
  ck_assert_uint_eq(released, 7);
  ck_assert(!message_is_enabled(&queue, FINAL));
  ck_assert(message_queue_type(&type, &queue));
  ck_assert_uint_eq(type, GC);

  /* Enabling again doesn't bring them back. */
  message_enable(&queue, FINAL);
  ck_assert(message_queue_type(&type, &queue));
  ck_assert_uint_eq(type, GC);
  message_queue_finish(&queue);
  ck_assert_uint_eq(released, 15);
}
END_TEST

/* .message.req.taken */
START_TEST(test_taken)
{
  Message *message = NULL;

  start();
  enable_all();
  ck_assert(message_post(&queue, make(GC), 7));
  ck_assert(message_get(&message, &queue, GC));
  message_gc(message)->data.gc.live = 123;
  message_disable(&queue, GC);
  ck_assert_uint_eq(released, 0);
  ck_assert(message_check(message));
  ck_assert_uint_eq(message_gc(message)->data.gc.live, 123);
  message_discard(&queue, message);
  ck_assert_uint_eq(released, 1);
  message_queue_finish(&queue);
  ck_assert_uint_eq(released, 1);
}
END_TEST

/* .message.req.clock */
START_TEST(test_clock)
{
  Message *message = NULL;

  start();
  enable_all();
  for (mps_message_type_t type = 0; type < MESSAGE_TYPES; ++type) {
    ck_assert(message_post(&queue, make(type), 1000 + type));
    ck_assert(message_get(&message, &queue, type));
    if (type != FINAL)
      ck_assert_uint_eq(message_gc(message)->clock, 1000 + type);
  }
  message_queue_finish(&queue);
}
END_TEST

static Count visited;

static void drop_odd(Message *message, void *closure)
{
  EXPECT(closure == &visited);
  EXPECT(message->type == FINAL);
  if (visited++ % 2 != 0 && message->state == MESSAGE_QUEUED)
    message_drop(&queue, message);
}

/* Each of one type is visited, and may be dropped then. */
START_TEST(test_each)
{
  Message *message = NULL;

  start();
  enable_all();
  for (Index i = 0; i < 9; ++i) {
    ck_assert(message_post(&queue, make(FINAL), 1));
    ck_assert(message_post(&queue, make(GC), 1));
  }
  ck_assert(message_get(&message, &queue, FINAL));
  ck_assert(message_get(&message, &queue, GC));
  visited = 0;
  message_each(&queue, FINAL, drop_odd, &visited);
  ck_assert_uint_eq(visited, 9);
  ck_assert_uint_eq(released, 4);
  visited = 0;
  message_each(&queue, FINAL, drop_odd, &visited);
  ck_assert_uint_eq(visited, 5);
  message_queue_finish(&queue);
  ck_assert_uint_eq(released, 18);
}
END_TEST

/* One that is never posted goes back to its maker, not to release. */
START_TEST(test_never_posted)
{
  Message *message = NULL;

  start();
  message = make(GC);
  ck_assert(message_check(message));
  message_finish(message);
  message_queue_finish(&queue);
  ck_assert_uint_eq(released, 0);
}
END_TEST

/* .message.req.misuse: each must die. */
START_TEST(test_misuse)
{
  Message *message = NULL;
  MessageQueue other;

  start();
  message_queue_init(&other, release, &queue);
  enable_all();
  message = make(GC);
  if (_i != 0)
    (void)message_post(&queue, message, 1);
  if (_i > 2)
    (void)message_get(&message, &queue, GC);
  switch (_i) {
  case 0: /* never posted */
  case 1: /* queued */
    message_discard(&queue, message);
    break;
  case 2: /* posted twice */
  case 3: /* taken, and posted once more */
    (void)message_post(&queue, message, 1);
    break;
  case 4: /* of another arena */
    message_discard(&other, message);
    break;
  case 5: /* discarded twice */
    message_discard(&queue, message);
    message_discard(&queue, message);
    break;
  case 6: /* while it is in the client's hands */
    message_finish(message);
    break;
  default:
    break;
  }
}
END_TEST


/* The model: messages in the order of posting. */

static struct {
  Count count;
  Message *message[POOL];
  bool is_taken[POOL];
} model;

static void model_remove(Index i)
{
  for (; i + 1 < model.count; ++i) {
    model.message[i] = model.message[i + 1];
    model.is_taken[i] = model.is_taken[i + 1];
  }
  --model.count;
}

/* The oldest that is queued, of a type or of all. */
static Index model_oldest(mps_message_type_t type)
{
  for (Index i = 0; i < model.count; ++i)
    if (!model.is_taken[i]
        && (type == MESSAGE_TYPES || model.message[i]->type == type))
      return i;
  return POOL;
}

static void random_post(void)
{
  mps_message_type_t type = (mps_message_type_t)unit_random(MESSAGE_TYPES);
  Message *message = make(type);
  bool is_enabled = message_is_enabled(&queue, type);
  Count before = released;

  if (message == NULL)
    return;
  EXPECT(message_post(&queue, message, 5) == is_enabled);
  EXPECT(released == before + !is_enabled);
  if (is_enabled) {
    model.is_taken[model.count] = false;
    model.message[model.count++] = message;
  }
}

static void random_get(void)
{
  mps_message_type_t type = (mps_message_type_t)unit_random(MESSAGE_TYPES);
  Index i = model_oldest(type);
  Message *message = NULL;

  EXPECT(message_get(&message, &queue, type) == (i < POOL));
  if (i < POOL) {
    EXPECT(message == model.message[i]);
    model.is_taken[i] = true;
  }
}

static void random_discard(void)
{
  Index i = model.count == 0 ? 0 : unit_random(model.count);
  Count before = released;

  if (i < model.count && model.is_taken[i]) {
    message_discard(&queue, model.message[i]);
    EXPECT(released == before + 1);
    model_remove(i);
  }
}

static void random_switch(void)
{
  mps_message_type_t type = (mps_message_type_t)unit_random(MESSAGE_TYPES);
  Count before = released;
  Count dropped = 0;

  if (unit_random(3) != 0) {
    message_enable(&queue, type);
    EXPECT(released == before);
    return;
  }
  for (Index i = model_oldest(type); i < POOL; i = model_oldest(type)) {
    model_remove(i);
    ++dropped;
  }
  message_disable(&queue, type);
  EXPECT(released == before + dropped);
}

static void expect_model(void)
{
  mps_message_type_t type = MESSAGE_TYPES;
  Index oldest = model_oldest(MESSAGE_TYPES);

  EXPECT(message_queue_check(&queue));
  EXPECT(message_poll(&queue) == (oldest < POOL));
  EXPECT(message_queue_type(&type, &queue) == (oldest < POOL));
  EXPECT(type
         == (oldest < POOL ? model.message[oldest]->type : MESSAGE_TYPES));
}

/* .message.req.order .message.req.release */
START_TEST(test_random)
{
  start();
  for (int step = 0; step < 100000; ++step) {
    switch (unit_random(50)) {
    case 0:
      random_switch();
      break;
    default:
      if (unit_random(8) < 4)
        random_post();
      else if (unit_random(4) < 2)
        random_get();
      else
        random_discard();
    }
    expect_model();
  }
  message_queue_finish(&queue);
  for (Index i = 0; i < POOL; ++i)
    EXPECT(is_free[i]);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("message");
  TCase *dies = tcase_create("misuse");

  unit_seed("test_message");
  unit_add(suite, "order", test_order);
  unit_add(suite, "enabled", test_enabled);
  unit_add(suite, "taken", test_taken);
  unit_add(suite, "clock", test_clock);
  unit_add(suite, "each", test_each);
  unit_add(suite, "unposted", test_never_posted);
  tcase_add_loop_test_raise_signal(dies, test_misuse, SIGABRT, 0, 7);
  suite_add_tcase(suite, dies);
  unit_add(suite, "random", test_random);
  return unit_run(suite);
}
