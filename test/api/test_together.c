/* test_together.c -- several threads on every class and service at once
 *
 * One arena, all pool classes, and threads that each do a bit of everything
 * in turn: what they make they keep in tables and look at again.  That they
 * see what they wrote is checked here; that the library has no data races is
 * what the thread sanitizer says of this program.
 *
 * COVERS: .interface.fence.walk .buffer.init
 *
 * ctest: 1000
 * ctest release: 10000
 */

#include "blk_client.h"
#include "stay.h"

#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#include "mpscsnc.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
  THREADS = 3,
  MOVING = 2, /* AMC and AMCZ; then the classes of stay.h */
  CLASSES = MOVING + STAY_CLASSES,
  KEPT = 16,  /* objects of a class, by each thread */
  PLAIN = 32, /* blocks under manual control */
  UNIT = 48,
  SIZE = 8 * WORD
};

static mps_arena_t arena;
static mps_chain_t chain;
static Client clients[CLASSES];
static Options options[CLASSES];
static mps_pool_t mvff, mvff_debug, mfs, mvt, snc, blk;
static mps_fmt_t eph_fmt;
static mps_pool_t eph;
static long rounds = 1000;

/* What a thread has. */
typedef struct Worker {
  pthread_t id;
  size_t number;
  mps_addr_t kept[CLASSES][KEPT]; /* exact */
  mps_addr_t pairs[KEPT];         /* exact */
  mps_addr_t weak[KEPT];          /* weak */
  mps_addr_t blocks[KEPT];        /* ambiguous */
  mps_addr_t plain[PLAIN];        /* no root */
  size_t sizes[PLAIN];
  Client own[CLASSES]; /* with its own allocation points */
  Client stack;
  mps_ap_t eph_ap;
  mps_ap_t mvt_ap;
  mps_sac_t sac;
  mps_ld_s ld;
  mps_thr_t thread;
  mps_root_t roots[5];
  size_t finals;
} Worker;

static Worker workers[THREADS];

static mps_res_t scan_pair(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  for (; base < limit; base = (char *)base + block_size(base)) {
    mps_res_t res = mps_fix_weak_pair(ss, base, block_slot(base, 0, 0),
                                      block_slot(base, 0, 1));
    if (res != MPS_RES_OK)
      return res;
  }
  return MPS_RES_OK;
}

static void make_ephemerons(void)
{
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan_pair);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip0);
    MUST(mps_fmt_create_k(&eph_fmt, arena, args));
  }
  MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, eph_fmt);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    MUST(mps_pool_create_k(&eph, arena, mps_class_aeph(), args));
  }
  MPS_ARGS_END(args);
}

static void make_pools(void)
{
  for (int i = 0; i < CLASSES; ++i) {
    Client *client = &clients[i];

    options[i]
        = i < MOVING ? (Options){.is_leaf = i == 1} : stay_options(i - MOVING);
    *client = (Client){.arena = arena, .chain = chain, .align = WORD};
    client->kind = options[i].is_leaf ? KIND_LEAF : KIND_OBJ;
    client->fmt = client_format_of(arena, WORD, 0, options[i].class != NULL);
    client->pool = client_pool(client, &options[i]);
  }
  make_ephemerons();
  MUST(mps_pool_create_k(&mvff, arena, mps_class_mvff(), mps_args_none));
  MUST(mps_pool_create_k(&mvff_debug, arena, mps_class_mvff_debug(),
                         mps_args_none));
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, (size_t)UNIT);
    MUST(mps_pool_create_k(&mfs, arena, mps_class_mfs(), args));
  }
  MPS_ARGS_END(args);
  MUST(mps_pool_create_k(&mvt, arena, mps_class_mvt(), mps_args_none));
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, clients[0].fmt);
    MUST(mps_pool_create_k(&snc, arena, mps_class_snc(), args));
  }
  MPS_ARGS_END(args);
  blk = make_pool(arena, &(Setup){.extend_by = 64 * KB, .threshold = 64 * KB});
}

static void begin(void)
{
  arena = client_arena();
  chain = client_chain(arena, 2, 100);
  mps_message_type_enable(arena, mps_message_type_finalization());
  mps_message_type_enable(arena, mps_message_type_gc());
  mps_message_type_enable(arena, mps_message_type_gc_start());
  mps_arena_pause_time_set(arena, 0.001);
  make_pools();
}

static void end(void)
{
  mps_message_type_t type;

  mps_arena_park(arena);
  while (mps_message_queue_type(&type, arena))
    mps_message_type_disable(arena, type);
  mps_pool_destroy(blk);
  mps_pool_destroy(snc);
  mps_pool_destroy(mvt);
  mps_pool_destroy(mfs);
  mps_pool_destroy(mvff_debug);
  mps_pool_destroy(mvff);
  mps_pool_destroy(eph);
  mps_fmt_destroy(eph_fmt);
  for (int i = 0; i < CLASSES; ++i) {
    mps_pool_destroy(clients[i].pool);
    mps_fmt_destroy(clients[i].fmt);
  }
  mps_chain_destroy(chain);
  mps_arena_destroy(arena);
}


/* What a thread does */

static Word serial_of(const Worker *w, size_t c, size_t i)
{
  return (w->number * CLASSES + c) * KEPT + i + 1;
}

/* Objects of every class, which refer to those of the one before. */
static void keep(Worker *w, size_t i)
{
  for (size_t c = 0; c < CLASSES; ++c) {
    mps_addr_t *slot = &w->kept[c][i];

    EXPECT(*slot == NULL || block_is_intact(*slot, 0, serial_of(w, c, i)));
    *slot = client_make(&w->own[c], SIZE, serial_of(w, c, i));
    if (c > 0 && w->own[c].kind == KIND_OBJ)
      *block_slot(*slot, 0, 0) = w->kept[c - 1][(i + c) % KEPT];
  }
  w->weak[i] = w->kept[i % CLASSES][i];
}

static void check_weak(const Worker *w, size_t i)
{
  mps_addr_t object = w->weak[i];

  EXPECT(object == NULL
         || block_is_intact(object, 0, serial_of(w, i % CLASSES, i)));
}

/* A pair whose key and value are of two classes. */
static void pair(Worker *w, size_t i)
{
  mps_addr_t block;

  do {
    MUST(mps_reserve(&block, w->eph_ap, SIZE));
    block_init(block, SIZE, 0, KIND_OBJ, i);
    *block_slot(block, 0, 0) = w->kept[i % CLASSES][i];
    *block_slot(block, 0, 1) = w->kept[(i + 1) % CLASSES][i];
  } while (!mps_commit(w->eph_ap, block, SIZE));
  w->pairs[i] = block;
}

static void use_blocks(Worker *w, size_t i)
{
  mps_addr_t *p = w->blocks[i];

  if (p != NULL)
    EXPECT(p[1] == w);
  if (p != NULL && i % 4 == 0)
    mps_blk_free(blk, p);
  p = make(blk, 2 + i % 8, 0);
  p[0] = w->kept[i % CLASSES][i];
  p[1] = w;
  w->blocks[i] = p;
  (void)make(blk, 4, 0);
  EXPECT(mps_blk_size(blk, p) >= 2 * WORD);
}

/* A call, with its calls: each has a frame, and objects in it that refer to
 * what the thread keeps, and to the caller's. */
static void use_stack(Worker *w, size_t n, size_t depth)
{
  mps_addr_t last = NULL;
  mps_frame_t frame;

  MUST(mps_ap_frame_push(&frame, w->stack.ap));
  for (size_t i = 0; i < KEPT; ++i) {
    mps_addr_t object = client_make(&w->stack, SIZE + n % 9 * WORD, n);

    *block_slot(object, 0, 0) = w->kept[n % CLASSES][i];
    *block_slot(object, 0, 1) = last;
    last = object;
  }
  if (depth > 0)
    use_stack(w, n, depth - 1);
  for (size_t i = KEPT; i-- > 0; last = *block_slot(last, 0, 1)) {
    EXPECT(block_is_intact(last, 0, n));
    EXPECT(*block_slot(last, 0, 0) == w->kept[n % CLASSES][i]);
  }
  EXPECT(last == NULL);
  MUST(mps_ap_frame_pop(w->stack.ap, frame));
}

/* Some that are allocated together, and freed together. */
static void use_run(Worker *w, size_t n)
{
  mps_addr_t p[KEPT];
  size_t size = 16 + n % 40 * 8;

  for (size_t i = 0; i < KEPT; ++i) {
    MUST(mps_reserve(&p[i], w->mvt_ap, size));
    memset(p[i], (int)n, size);
    EXPECT(mps_commit(w->mvt_ap, p[i], size));
  }
  for (size_t i = 0; i < KEPT; ++i) {
    EXPECT(*(unsigned char *)p[i] == (unsigned char)n);
    mps_free(mvt, p[i], size);
  }
}

static mps_pool_t plain_pool(size_t i)
{
  return i % 3 == 0 ? mfs : i % 3 == 1 ? mvff : mvff_debug;
}

static void use_plain(Worker *w, size_t n)
{
  size_t i = n % PLAIN;
  size_t size = i % 3 == 0 ? UNIT : 8 + n % 50 * 8;
  mps_addr_t p = NULL;

  if (w->plain[i] != NULL) {
    EXPECT(*(Word *)w->plain[i] == (Word)&w->plain[i]);
    mps_free(plain_pool(i), w->plain[i], w->sizes[i]);
  }
  MUST(mps_alloc(&w->plain[i], plain_pool(i), size));
  *(Word *)w->plain[i] = (Word)&w->plain[i];
  w->sizes[i] = size;
  MUST(mps_sac_alloc(&p, w->sac, 64, 0));
  memset(p, (int)n, 64);
  mps_sac_free(w->sac, p, 64);
}

static void read_messages(Worker *w)
{
  mps_message_type_t type;
  mps_message_t message;

  if (!mps_message_queue_type(&type, arena)
      || !mps_message_get(&message, arena, type))
    return; /* another thread has it */
  if (type == mps_message_type_finalization()) {
    mps_addr_t ref = NULL;

    mps_message_finalization_ref(&ref, arena, message);
    EXPECT(block_is_intact(ref, 0, ((Word *)ref)[1]));
    ++w->finals;
  } else if (type == mps_message_type_gc()) {
    EXPECT(mps_message_gc_live_size(arena, message)
           <= mps_message_gc_condemned_size(arena, message));
  }
  mps_message_discard(arena, message);
}

static void depend(Worker *w, size_t n)
{
  if (mps_ld_isstale(&w->ld, arena, w->kept[0][0])
      || mps_ld_isstale_any(&w->ld, arena))
    mps_ld_reset(&w->ld, arena);
  mps_ld_add(&w->ld, arena, w->kept[n % CLASSES][n % KEPT]);
}

static void ask(const Worker *w, size_t n)
{
  mps_addr_t object = w->kept[n % CLASSES][n % KEPT];
  mps_pool_t pool = NULL;

  EXPECT(mps_arena_has_addr(arena, object));
  EXPECT(mps_addr_pool(&pool, arena, object)
         && pool == clients[n % CLASSES].pool);
  (void)mps_collections(arena);
  (void)mps_arena_busy(arena);
  (void)mps_arena_committed(arena);
  (void)mps_pool_free_size(pool);
  EXPECT(mps_telemetry_get() != 1);
}

static void count(mps_addr_t object, mps_fmt_t fmt, mps_pool_t pool, void *p,
                  size_t s)
{
  (void)object;
  (void)fmt;
  (void)pool;
  (void)s;
  ++*(size_t *)p;
}

/* Now and then, what concerns all. */
static void drive(Worker *w, size_t n)
{
  size_t objects = 0;

  switch ((n / 50 + w->number) % 5) {
  case 0:
    (void)mps_arena_step(arena, 0.001, 1.0);
    break;
  case 1:
    MUST(mps_arena_start_collect(arena));
    break;
  case 2:
    MUST(mps_arena_collect(arena));
    mps_arena_formatted_objects_walk(arena, count, &objects, 0);
    EXPECT(objects > 0);
    mps_arena_release(arena);
    break;
  case 3:
    MUST(mps_blk_collect(NULL, blk));
    break;
  default:
    mps_telemetry_flush();
    mps_arena_spare_set(arena, (double)(n % 10) / 10);
  }
}

static __attribute__((noinline)) void work(Worker *w)
{
  for (size_t n = 0; n < (size_t)rounds; ++n) {
    size_t i = n % KEPT;
    mps_addr_t *any = &w->kept[n % CLASSES][i];

    keep(w, i);
    check_weak(w, n * 7 % KEPT);
    pair(w, i);
    use_blocks(w, i);
    use_plain(w, n);
    use_stack(w, n, n % 6);
    use_run(w, n);
    depend(w, n);
    if (n % 3 == 0)
      MUST(mps_finalize(arena, any));
    if (n % 9 == 0)
      MUST(mps_definalize(arena, any));
    read_messages(w);
    ask(w, n);
    if (n % 50 == 49)
      drive(w, n);
  }
}


/* A thread's life */

static void settle(Worker *w, void *cold)
{
  mps_sac_class_s classes[] = {{16, 4, 1}, {64, 8, 3}};

  MUST(mps_thread_reg(&w->thread, arena));
  MUST(mps_root_create_thread(&w->roots[0], arena, w->thread, cold));
  w->roots[1]
      = root_table(arena, mps_rank_exact(), &w->kept[0][0], CLASSES * KEPT);
  w->roots[2] = root_table(arena, mps_rank_exact(), w->pairs, KEPT);
  w->roots[3] = root_table(arena, mps_rank_weak(), w->weak, KEPT);
  w->roots[4] = root_table(arena, mps_rank_ambig(), w->blocks, KEPT);
  for (int c = 0; c < CLASSES; ++c) {
    w->own[c] = clients[c];
    w->own[c].ap = client_ap(clients[c].pool, &options[c]);
  }
  w->stack = clients[0];
  w->stack.pool = snc;
  MUST(mps_ap_create_k(&w->stack.ap, snc, mps_args_none));
  MUST(mps_ap_create_k(&w->mvt_ap, mvt, mps_args_none));
  MUST(mps_ap_create(&w->eph_ap, eph, mps_rank_ephemeron()));
  MUST(mps_sac_create(&w->sac, mvff, NELEMS(classes), classes));
  mps_ld_reset(&w->ld, arena);
}

static void leave(Worker *w)
{
  for (size_t i = 0; i < PLAIN; ++i)
    if (w->plain[i] != NULL)
      mps_free(plain_pool(i), w->plain[i], w->sizes[i]);
  mps_sac_destroy(w->sac);
  mps_ap_destroy(w->eph_ap);
  mps_ap_destroy(w->mvt_ap);
  mps_ap_destroy(w->stack.ap);
  for (int c = 0; c < CLASSES; ++c)
    mps_ap_destroy(w->own[c].ap);
  for (size_t i = 0; i < NELEMS(w->roots); ++i)
    mps_root_destroy(w->roots[i]);
  mps_thread_dereg(w->thread);
}

static void *live(void *closure)
{
  settle(closure, &closure);
  work(closure);
  leave(closure);
  return NULL;
}

/* 0: unwatched; 1: with telemetry. */
START_TEST(all_at_once)
{
  size_t told = 0;

  begin();
  if (_i == 1)
    mps_telemetry_set(~(mps_word_t)0);
  memset(workers, 0, sizeof workers);
  for (size_t i = 0; i < THREADS; ++i) {
    workers[i].number = i;
    EXPECT(pthread_create(&workers[i].id, NULL, live, &workers[i]) == 0);
  }
  for (size_t i = 0; i < THREADS; ++i) {
    EXPECT(pthread_join(workers[i].id, NULL) == 0);
    told += workers[i].finals;
  }
  ck_assert_uint_gt(told, 0);
  ck_assert_uint_gt(info_of(blk).collections, 0);
  ck_assert_uint_gt(mps_collections(arena), 0);
  end();
}
END_TEST

/* Arenas share what the process has: the signals, the log, the table that says
 * whose a fault is, the turns of those who stop threads. */
static void *live_apart(void *closure)
{
  Options apart = {.gens = 2, .capacity = 50};

  for (long n = 0; n < rounds / 100; ++n) {
    mps_addr_t table[KEPT] = {NULL};
    Client client = client_create(&apart);
    mps_thr_t thread;
    mps_root_t root = root_table(client.arena, mps_rank_exact(), table, KEPT);

    MUST(mps_thread_reg(&thread, client.arena));
    for (Word i = 0; i < 4000; ++i) {
      mps_addr_t *slot = &table[i % 97 % KEPT];
      mps_addr_t object = client_make(&client, SIZE, i);

      *block_slot(object, 0, 0) = i % 512 == 0 ? NULL : *slot;
      *slot = object;
    }
    MUST(mps_arena_collect(client.arena));
    for (size_t i = 0; i < KEPT; ++i)
      EXPECT(block_is_intact(table[i], 0, ((Word *)table[i])[1]));
    mps_thread_dereg(thread);
    mps_root_destroy(root);
    client_destroy(&client);
  }
  return closure;
}

START_TEST(arenas_apart)
{
  pthread_t threads[THREADS];

  for (size_t i = 0; i < THREADS; ++i)
    EXPECT(pthread_create(&threads[i], NULL, live_apart, NULL) == 0);
  for (size_t i = 0; i < THREADS; ++i)
    EXPECT(pthread_join(threads[i], NULL) == 0);
}
END_TEST

int main(int argc, char **argv)
{
  Suite *suite = suite_create("together");

  if (argc > 1)
    rounds = atol(argv[1]);
  (void)setenv("MPS_TELEMETRY_FILENAME", "/dev/null", 0);
  unit_add_loop(suite, "all", all_at_once, 2);
  unit_add(suite, "apart", arenas_apart);
  return unit_run(suite);
}
