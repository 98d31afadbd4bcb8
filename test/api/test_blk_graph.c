/* test_blk_graph.c -- a graph through moving objects and blocks
 *
 * Objects of AMC and blocks refer to each other at random.  A model knows what
 * refers to what; what the roots reach is compared with it again and again,
 * while collections of every kind run.
 *
 * ctest: 200000
 * ctest release: 1000000
 */

#include "client.h"

#include "mpscblk.h"

enum {
  NODES = 400, /* even ones move, odd ones are blocks */
  ROOTS = 40,
  REFS = 4,
  SIZE = (2 + REFS) * 8
};

typedef struct Node {
  Word serial;       /* of the object, or zero */
  size_t refs[REFS]; /* NODES for none */
} Node;

static Node model[NODES];
static int is_reached[NODES];
static mps_addr_t place[NODES]; /* as the last walk found it */
static mps_addr_t exact[ROOTS]; /* to node_of[...] */
static size_t root_node[ROOTS]; /* NODES for none */
static mps_arena_t arena;
static Client client;
static mps_pool_t blk;
static mps_root_t root;
static Word last;
static size_t steps;

/* In a block: size and kind, serial number, references; like an object. */

static mps_addr_t *slot_of(mps_addr_t object, size_t i)
{
  return block_slot(object, 0, i);
}

static void walk_node(size_t node, mps_addr_t object)
{
  EXPECT(model[node].serial != 0);
  EXPECT(block_is_intact(object, 0, model[node].serial));
  if (is_reached[node]) {
    EXPECT(place[node] == object);
    return;
  }
  is_reached[node] = 1;
  place[node] = object;
  for (size_t i = 0; i < REFS; ++i) {
    mps_addr_t to = *slot_of(object, i);

    EXPECT((to != NULL) == (model[node].refs[i] != NODES));
    if (to != NULL)
      walk_node(model[node].refs[i], to);
  }
}

/* What isn't reached any more is forgotten. */

static void walk(void)
{
  memset(is_reached, 0, sizeof is_reached);
  for (size_t i = 0; i < ROOTS; ++i) {
    EXPECT((exact[i] != NULL) == (root_node[i] != NODES));
    if (exact[i] != NULL)
      walk_node(root_node[i], exact[i]);
  }
  for (size_t n = 0; n < NODES; ++n)
    if (!is_reached[n])
      model[n].serial = 0;
}

static mps_addr_t make_block(Word serial)
{
  mps_addr_t object = NULL;

  MUST(mps_blk_alloc(&object, blk, SIZE, 0));
  block_init(object, SIZE, 0, KIND_OBJ, serial);
  return object;
}

/* A new node, and a root for it. */

static void make(void)
{
  size_t node = unit_random(NODES);
  size_t at = unit_random(ROOTS);

  if (model[node].serial != 0)
    return;
  ++last;
  exact[at]
      = node % 2 == 0 ? client_make(&client, SIZE, last) : make_block(last);
  root_node[at] = node;
  model[node].serial = last;
  for (size_t i = 0; i < REFS; ++i)
    model[node].refs[i] = NODES;
}

/* The place of a node that the roots reach, by a walk at random; or null. */

static mps_addr_t find(size_t *node_out)
{
  size_t at = unit_random(ROOTS);
  mps_addr_t object = exact[at];
  size_t node = root_node[at];

  for (size_t far = unit_random(8); object != NULL && far > 0; --far) {
    size_t i = unit_random(REFS);

    if (*slot_of(object, i) == NULL)
      break;
    node = model[node].refs[i];
    object = *slot_of(object, i);
  }
  *node_out = node;
  return object;
}

static void link_two(void)
{
  size_t from, to, i = unit_random(REFS);
  mps_addr_t source = find(&from);
  mps_addr_t target = find(&to);

  if (source == NULL || target == NULL)
    return;
  *slot_of(source, i) = target;
  model[from].refs[i] = to;
}

static void cut(void)
{
  size_t node, i = unit_random(REFS);
  mps_addr_t object = find(&node);

  if (object == NULL)
    return;
  *slot_of(object, i) = NULL;
  model[node].refs[i] = NODES;
}

static void drop(void)
{
  size_t at = unit_random(ROOTS);

  exact[at] = NULL;
  root_node[at] = NODES;
}

static void collect(void)
{
  size_t freed;

  switch (unit_random(4)) {
  case 0:
    MUST(mps_arena_collect(arena));
    mps_arena_release(arena);
    break;
  case 1:
    MUST(mps_blk_collect(&freed, blk));
    break;
  case 2:
    (void)mps_arena_step(arena, 0.0, 0.0);
    break;
  default:
    (void)mps_arena_start_collect(arena);
    break;
  }
}

static void garbage(void)
{
  for (int i = 0; i < 20; ++i) {
    (void)client_make(&client, SIZE, 0);
    (void)make_block(0);
  }
}

static void step(void)
{
  switch (unit_random(1000)) {
  case 0:
    collect();
    walk();
    break;
  case 1:
  case 2:
    walk();
    break;
  case 3:
  case 4:
  case 5:
    garbage();
    break;
  default:
    if (unit_random(3) == 0)
      make();
    else if (unit_random(2) == 0)
      link_two();
    else if (unit_random(2) == 0)
      cut();
    else
      drop();
    break;
  }
}

static void start(double pause)
{
  Options options = {.gens = 2, .capacity = 64};

  arena = client_arena();
  mps_arena_pause_time_set(arena, pause);
  client = client_create_in(arena, &options);
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 64 * KB);
    MUST(mps_pool_create_k(&blk, arena, mps_class_blk(), args));
  }
  MPS_ARGS_END(args);
  memset(model, 0, sizeof model);
  memset(exact, 0, sizeof exact);
  for (size_t i = 0; i < ROOTS; ++i)
    root_node[i] = NODES;
  root = root_table(arena, mps_rank_exact(), exact, ROOTS);
}

static void end(void)
{
  mps_root_destroy(root);
  mps_pool_destroy(blk);
  client_destroy(&client);
}

/* COVERS(".trace.ambig") COVERS(".trace.place") */
START_TEST(the_graph_is_the_model)
{
  static const double pauses[] = {0.0, 0.001, 0.1};
  mps_blk_info_s info;

  unit_random_state += (uint64_t)_i;
  start(pauses[_i]);
  for (size_t n = 0; n < steps; ++n)
    step();
  walk();
  (void)printf("%zu made, %zu collections\n", (size_t)last,
               (size_t)mps_collections(arena));
  ck_assert_uint_gt(mps_collections(arena), steps / 5000);
  ck_assert_uint_gt(last, steps / 50);
  /* Nothing but garbage is left, cycles through both pools too. */
  memset(exact, 0, sizeof exact);
  MUST(mps_arena_collect(arena));
  MUST(mps_arena_collect(arena));
  mps_blk_info(&info, blk, 1);
  ck_assert_uint_eq(info.objects, 0);
  end();
}
END_TEST

int main(int argc, char **argv)
{
  Suite *suite = suite_create("blk graph");
  TCase *tcase = tcase_create("graph");

  steps = argc > 1 ? strtoul(argv[1], NULL, 0) : 200000;
  unit_seed("blk graph");
  tcase_set_timeout(tcase, 300);
  tcase_add_loop_test(tcase, the_graph_is_the_model, 0, 3);
  suite_add_tcase(suite, tcase);
  return unit_run(suite);
}
