/* threads.c -- four threads that allocate at the same time */

#include "runtime.h"

#include <pthread.h>
#include <stdio.h>

/* [threads] */
enum {
  THREADS = 4,
  ROUNDS = 20,
  LENGTH = 20000
};

/* Each thread keeps its list in a local variable: its stack is a root. */
static int work(void *data)
{
  intptr_t *sum = data;

  for (int round = 0; round < ROUNDS; ++round) {
    Value list = NULL;

    for (intptr_t i = 0; i < LENGTH; ++i)
      list = make_pair(fixnum(i), list);
    for (; list != NULL; list = list->slot[1])
      *sum += fixnum_value(list->slot[0]);
  }
  return 0;
}

static void *thread_main(void *data)
{
  (void)thread_run(work, data);
  return NULL;
}

int main(void)
{
  pthread_t threads[THREADS];
  intptr_t sums[THREADS] = {0};

  runtime_create(0, NULL);
  for (int i = 0; i < THREADS; ++i)
    if (pthread_create(&threads[i], NULL, thread_main, &sums[i]) != 0)
      return 1;
  for (int i = 0; i < THREADS; ++i) {
    (void)pthread_join(threads[i], NULL);
    printf("thread %d: %ld\n", i, (long)sums[i]);
  }
  runtime_destroy();
  return 0;
}
/* [threads end] */
