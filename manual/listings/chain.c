/* chain.c -- a chain of generations, and what became of it */

#include "mostly.h"
#include "runtime.h"

#include <stdio.h>

/* [ramp] */
/* A compiler makes much that dies when it is done.  Returns the sum of the
 * tree's leaves. */
static intptr_t compile(int depth, Value *tree_out)
{
  Value sides[2] = {NULL, NULL};
  intptr_t sum = 0;

  if (depth == 0) {
    *tree_out = fixnum(1);
    return 1;
  }
  for (int i = 0; i < 2; ++i)
    sum += compile(depth - 1, &sides[i]);
  *tree_out = make_pair(sides[0], sides[1]);
  return sum;
}

static intptr_t compile_in_ramp(int depth)
{
  mps_alloc_pattern_t ramp = mps_alloc_pattern_ramp();
  Value tree;
  intptr_t sum;

  must(mps_ap_alloc_pattern_begin(thread_ap(), ramp), "ramp");
  sum = compile(depth, &tree);
  must(mps_ap_alloc_pattern_end(thread_ap(), ramp), "ramp");
  return sum;
}
/* [ramp end] */

/* [stats] */
static size_t collections_of(size_t index)
{
  for (size_t i = 0; i < mostly_gen_count(runtime.arena); ++i) {
    mostly_gen_stats_s stats;

    if (mostly_gen_stats(&stats, runtime.arena, i) == MPS_RES_OK
        && stats.chain == runtime.chain && stats.index == index
        && !stats.is_top)
      return stats.collections;
  }
  return 0;
}
/* [stats end] */

/* [main] */
static int body(void *data)
{
  (void)data;
  printf("%ld leaves\n", (long)compile_in_ramp(16));
  /* A queue of ten thousand: what enters it soon leaves it. */
  globals[0] = make_vector(10000, NULL);
  for (intptr_t i = 0; i < 4000000; ++i)
    globals[0]->slot[i % 10000] = make_pair(fixnum(i), NULL);
  printf("the nursery was collected often: %s\n",
         collections_of(0) > 20 ? "yes" : "no");
  printf("the next generation less often: %s\n",
         collections_of(1) < collections_of(0) ? "yes" : "no");
  return 0;
}

int main(void)
{
  mps_gen_param_s gens[] = {{1024, 0.9}, {8192, 0.5}};
  int status;

  runtime_create(2, gens);
  status = thread_run(body, NULL);
  runtime_destroy();
  return status;
}
/* [main end] */
