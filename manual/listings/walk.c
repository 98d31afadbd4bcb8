/* walk.c -- looking at every object, and listening to the library */

#include "runtime.h"

#include <stdio.h>

#include "mpslib.h"

/* [census] */
typedef struct Census {
  size_t vectors;
  size_t slots;
  size_t stray; /* references that lead out of the arena */
} Census;

static mps_res_t census_object(mps_ss_t ss, Object *object, Census *census)
{
  ++census->vectors;
  MPS_SCAN_BEGIN(ss)
  {
    for (size_t i = 0; i < object_words(object) - 1; ++i) {
      mps_addr_t ref = object->slot[i];

      ++census->slots;
      if (ref == NULL || !is_reference(ref))
        continue;
      if (!mps_arena_has_addr(runtime.arena, ref))
        ++census->stray;
      if (MPS_FIX1(ss, ref)) { /* a walk is a scan: it fixes everything */
        mps_res_t res = MPS_FIX2(ss, &ref);

        if (res != MPS_RES_OK)
          return res;
        object->slot[i] = ref;
      }
    }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_res_t census_area(mps_ss_t ss, void *base, void *limit,
                             void *closure)
{
  uintptr_t *next = base;
  mps_res_t res = MPS_RES_OK;

  while (next < (uintptr_t *)limit && res == MPS_RES_OK) {
    Object *object = (Object *)next;

    if (object_kind(object) == KIND_VECTOR)
      res = census_object(ss, object, closure);
    next += object_words(object);
  }
  return res;
}
/* [census end] */

/* [handler] */
/* With this handler the program goes on; the default one aborts. */
static void report(const char *file, unsigned line, const char *condition)
{
  (void)file, (void)line;
  printf("told: %s\n", condition);
}
/* [handler end] */

/* [main] */
static int body(void *data)
{
  Census census = {0, 0, 0};

  (void)data;
  for (intptr_t i = 0; i < 1000; ++i)
    globals[0] = make_pair(fixnum(i), globals[0]);
  must(mps_arena_collect(runtime.arena), "collection"); /* and parks */
  must(mps_pool_walk(runtime.pool, census_area, &census), "walk");
  mps_arena_release(runtime.arena);
  printf("at least 1000 vectors: %s\n", census.vectors >= 1000 ? "yes" : "no");
  printf("%zu slots each, %zu stray references\n",
         census.slots / census.vectors, census.stray);

  (void)mps_lib_assert_fail_install(report);
  mps_arena_spare_set(runtime.arena, 1.5);
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
