/* first.c -- a list, and a lot of garbage */

#include "runtime.h"

#include <stdio.h>

/* [main] */
static int body(void *data)
{
  intptr_t sum = 0;

  (void)data;
  for (intptr_t i = 0; i < 2000000; ++i) {
    Value pair = make_pair(fixnum(i), globals[0]);

    if (i % 1000 == 0)
      globals[0] = pair; /* the other pairs are garbage */
  }
  globals[1] = make_bytes("kept", 5);
  must(mps_arena_collect(runtime.arena), "collection");
  mps_arena_release(runtime.arena);
  for (Value pair = globals[0]; pair != NULL; pair = pair->slot[1])
    sum += fixnum_value(pair->slot[0]);
  printf("the sum is %ld\n", (long)sum);
  printf("the bytes are %s\n", (const char *)globals[1]->slot);
  printf("collections? %s\n",
         mps_collections(runtime.arena) > 0 ? "yes" : "no");
  return 0;
}

int main(void)
{
  int status;

  runtime_create(0, NULL);
  status = thread_run(body, NULL);
  runtime_destroy();
  return status;
}
/* [main end] */
