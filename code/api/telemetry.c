/* telemetry.c -- entry points: the filter and the labels of telemetry
 *
 * Design: .interface.telemetry (design/interface.rst), .event.label
 * (design/event.rst).
 */

#include "../arena/event.h"

#include <stdatomic.h>
#include <string.h>

/* Characters in a label's text: all that fit. */
#define TELEMETRY_LABEL_MAX sizeof(EventLong)

static _Atomic(mps_label_t) telemetry_last;

void mps_telemetry_set(mps_word_t bits)
{
  event_filter_set(bits);
}

void mps_telemetry_reset(mps_word_t bits)
{
  event_filter_reset(bits);
}

mps_word_t mps_telemetry_get(void)
{
  return event_filter_get();
}

/* Zero is no label, so that a client can tell. */
mps_label_t mps_telemetry_intern(const char *text)
{
  mps_label_t label;

  ASSERT(text != NULL && strlen(text) <= TELEMETRY_LABEL_MAX);
  event_start();
  label = atomic_fetch_add(&telemetry_last, 1) + 1;
  EVENT_POST(NULL, intern, .label = label, .text = event_long(text));
  return label;
}

void mps_telemetry_label(mps_addr_t addr, mps_label_t label)
{
  event_start();
  EVENT_POST(NULL, label, .address = (Word)addr, .label = label);
}

void mps_telemetry_flush(void)
{
  event_flush();
}
