/* final.c -- ports that are closed when nobody refers to them any more */

#include "runtime.h"

#include <stdio.h>

/* [port] */
static int opened, closed;

/* A vector whose slot is the number of a stream of the system. */
static Value open_port(void)
{
  Value port = make_vector(1, fixnum(++opened));
  mps_addr_t ref = port;

  must(mps_finalize(runtime.arena, &ref), "registration");
  return port;
}

static void close_port(Value port)
{
  if (port->slot[0] != fixnum(0))
    ++closed; /* here the stream would be closed */
  port->slot[0] = fixnum(0);
}

static void close_by_hand(Value port)
{
  mps_addr_t ref = port;

  close_port(port);
  (void)mps_definalize(runtime.arena, &ref);
}
/* [port end] */

/* [poll] */
static void take_messages(void)
{
  mps_message_t message;
  mps_addr_t ref;

  while (mps_message_get(&message, runtime.arena,
                         mps_message_type_finalization())) {
    mps_message_finalization_ref(&ref, runtime.arena, message);
    close_port(ref);
    mps_message_discard(runtime.arena, message);
  }
}
/* [poll end] */

/* [main] */
static int body(void *data)
{
  (void)data;
  mps_message_type_enable(runtime.arena, mps_message_type_finalization());
  for (int i = 0; i < 100; ++i)
    (void)open_port();
  globals[0] = open_port();
  close_by_hand(open_port());
  must(mps_arena_collect(runtime.arena), "collection");
  mps_arena_release(runtime.arena);
  take_messages();
  /* A word left on the stack may keep one or two. */
  printf("closed most of %d: %s\n", opened, closed > 90 ? "yes" : "no");
  printf("the one in use is open: %s\n",
         globals[0]->slot[0] != fixnum(0) ? "yes" : "no");
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
