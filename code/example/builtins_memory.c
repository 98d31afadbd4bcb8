/* builtins_memory.c -- primitives on the collector, and guardians
 *
 * Design: .example.guardian, .example.stats (design/example.rst).
 */

#include "scheme.h"

static Value prim_gc(Value *args)
{
  (void)args;
  heap_collect();
  finals_poll();
  return UNSPECIFIED;
}

static Value prim_gc_stats(Value *args)
{
  (void)args;
  return stats_make();
}

static Value prim_collections(Value *args)
{
  (void)args;
  return fixnum((intptr_t)heap_collections());
}

/* (collect-every): objects between collections that were asked for on the
 * command line, 0 for none */
static Value prim_collect_every(Value *args)
{
  (void)args;
  return fixnum((intptr_t)heap_collect_every());
}

static Value prim_report_begin(Value *args)
{
  report_begin(check_string("report-begin", args[0]));
  return UNSPECIFIED;
}

static Value prim_report_end(Value *args)
{
  (void)args;
  report_end();
  return UNSPECIFIED;
}


/* Guardians: what the procedures of make-guardian call */

static Value prim_make_guardian(Value *args)
{
  (void)args;
  return guardian_create();
}

static Value prim_guardian_register(Value *args)
{
  guardian_register(args[0], args[1]);
  return UNSPECIFIED;
}

static Value prim_guardian_take(Value *args)
{
  return guardian_take(args[0]);
}

static const Primitive table[] = {
    {"gc", 0, 0, prim_gc, NULL},
    {"gc-stats", 0, 0, prim_gc_stats, NULL},
    {"collections", 0, 0, prim_collections, NULL},
    {"collect-every", 0, 0, prim_collect_every, NULL},
    {"report-begin", 1, 1, prim_report_begin, NULL},
    {"report-end", 0, 0, prim_report_end, NULL},
    {"%make-guardian", 0, 0, prim_make_guardian, NULL},
    {"%guardian-register", 2, 2, prim_guardian_register, NULL},
    {"%guardian-take", 1, 1, prim_guardian_take, NULL},
};

void builtins_memory(void)
{
  primitives_define(table, PRIMITIVE_COUNT(table));
}
