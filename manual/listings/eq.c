/* eq.c -- a table whose keys are told apart by where they are */

#include "runtime.h"

#include <stdio.h>

/* [table] */
enum {
  KEYS, /* globals: the keys of the table, and the values */
  VALUES,
  OBJECTS /* what the program works with */
};

#define PLACES ((size_t)4096)

static mps_ld_s dependency; /* on where the keys are */
static size_t times_laid_out;

static size_t hash(Value key)
{
  uint64_t bits = (uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15);

  return (size_t)(bits >> 32) % PLACES;
}

/* The place of the key, or else the first free one. */
static size_t search(Value keys, Value key)
{
  size_t place = hash(key);

  while (keys->slot[place] != NULL && keys->slot[place] != key)
    place = (place + 1) % PLACES;
  return place;
}

/* The dependency comes before the hash: if the key moves between the two,
 * the table is stale, and nothing is lost but time. */
static void insert(Value keys, Value values, Value key, Value value)
{
  size_t place;

  mps_ld_add(&dependency, runtime.arena, key);
  place = search(keys, key);
  keys->slot[place] = key;
  values->slot[place] = value;
}
/* [table end] */

/* [layout] */
static void lay_out(void)
{
  Value keys = make_vector(PLACES, NULL);
  Value values = make_vector(PLACES, NULL);

  ++times_laid_out;
  mps_ld_reset(&dependency, runtime.arena);
  for (size_t i = 0; i < PLACES; ++i)
    if (globals[KEYS]->slot[i] != NULL)
      insert(keys, values, globals[KEYS]->slot[i], globals[VALUES]->slot[i]);
  globals[KEYS] = keys;
  globals[VALUES] = values;
}

/* A key that is found is the right one.  If it isn't found, that may be
 * because something has moved. */
static Value table_ref(Value key)
{
  size_t place = search(globals[KEYS], key);

  while (globals[KEYS]->slot[place] == NULL) {
    if (!mps_ld_isstale(&dependency, runtime.arena, key))
      return NULL;
    lay_out();
    place = search(globals[KEYS], key);
  }
  return globals[VALUES]->slot[place];
}
/* [layout end] */

/* [main] */
static int body(void *data)
{
  intptr_t right = 0;

  (void)data;
  globals[KEYS] = make_vector(PLACES, NULL);
  globals[VALUES] = make_vector(PLACES, NULL);
  globals[OBJECTS] = make_vector(1000, NULL);
  mps_ld_reset(&dependency, runtime.arena);
  for (intptr_t i = 0; i < 1000; ++i) {
    globals[OBJECTS]->slot[i] = make_pair(fixnum(i), NULL);
    insert(globals[KEYS], globals[VALUES], globals[OBJECTS]->slot[i],
           fixnum(i));
  }
  must(mps_arena_collect(runtime.arena), "collection"); /* moves the keys */
  mps_arena_release(runtime.arena);
  for (intptr_t i = 0; i < 1000; ++i)
    right += table_ref(globals[OBJECTS]->slot[i]) == fixnum(i);
  printf("%ld keys found\n", (long)right);
  printf("laid out anew: %s\n", times_laid_out > 0 ? "yes" : "no");
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
