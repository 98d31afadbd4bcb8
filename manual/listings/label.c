/* label.c -- moments of the program in the log of telemetry */

#include "runtime.h"

#include <stdio.h>

/* [label] */
static void note_loaded(void)
{
  mps_label_t loaded = mps_telemetry_intern("all modules loaded");

  mps_telemetry_label(NULL, loaded);
}
/* [label end] */

/* [messages] */
static void take_messages(void)
{
  mps_message_type_t type;
  mps_message_t message;

  while (mps_message_queue_type(&type, runtime.arena)
         && mps_message_get(&message, runtime.arena, type)) {
    if (type == mps_message_type_gc_start())
      fprintf(stderr, "collecting: %s\n",
              mps_message_gc_start_why(runtime.arena, message));
    else if (type == mps_message_type_gc())
      fprintf(stderr, "%zu of %zu bytes lived\n",
              mps_message_gc_live_size(runtime.arena, message),
              mps_message_gc_condemned_size(runtime.arena, message));
    mps_message_discard(runtime.arena, message);
  }
}
/* [messages end] */

static int body(void *data)
{
  (void)data;
  note_loaded();
  mps_message_type_enable(runtime.arena, mps_message_type_gc_start());
  mps_message_type_enable(runtime.arena, mps_message_type_gc());
  for (intptr_t i = 0; i < 1000; ++i)
    globals[0] = make_pair(fixnum(i), globals[0]);
  must(mps_arena_collect(runtime.arena), "collection");
  printf("a message: %s\n", mps_message_poll(runtime.arena) ? "yes" : "no");
  take_messages();
  printf("another: %s\n", mps_message_poll(runtime.arena) ? "yes" : "no");
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
