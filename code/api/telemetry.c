/* telemetry.c -- the filter and the labels of telemetry
 *
 * There is no stream of events yet: what the filter lets through goes
 * nowhere, and a flush has nothing to write (manual/unbuilt.rst).
 *
 * Design: .interface.telemetry (design/interface.rst).
 */

#include "../base/base.h"
#include "../include/mpslib.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define TELEMETRY_LABEL_MAX 256 /* characters in a label's text */

static pthread_once_t telemetry_once = PTHREAD_ONCE_INIT;
static _Atomic(mps_word_t) telemetry_filter;
static _Atomic(mps_label_t) telemetry_last;

static void telemetry_start(void)
{
  telemetry_filter = mps_lib_telemetry_control();
}

/* The filter, which the plinth is asked for once, before its first use. */
static _Atomic(mps_word_t) *telemetry_bits(void)
{
  (void)pthread_once(&telemetry_once, telemetry_start);
  return &telemetry_filter;
}

void mps_telemetry_set(mps_word_t bits)
{
  (void)atomic_fetch_or(telemetry_bits(), bits);
}

void mps_telemetry_reset(mps_word_t bits)
{
  (void)atomic_fetch_and(telemetry_bits(), ~bits);
}

mps_word_t mps_telemetry_get(void)
{
  return atomic_load(telemetry_bits());
}

/* Zero is no label, so that a client can tell. */
mps_label_t mps_telemetry_intern(const char *text)
{
  ASSERT(text != NULL && strlen(text) <= TELEMETRY_LABEL_MAX);
  return atomic_fetch_add(&telemetry_last, 1) + 1;
}

void mps_telemetry_label(mps_addr_t addr, mps_label_t label)
{
}

void mps_telemetry_flush(void)
{
}
