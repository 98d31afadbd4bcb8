/* guardian.c -- finalization: guardians, and ports that nobody closed
 *
 * A guardian gives out the objects under its care when nothing else refers
 * to them any more.  An object is registered with the library once, however
 * many guardians it has.  Its message keeps it alive, and finds the
 * guardians by two weak tables (.example.guardian.tables):
 *
 *   roots.guarded    from the object to a list of numbers of guardians
 *   roots.guardians  from the number to the guardian
 *
 * The first doesn't keep the objects.  The second doesn't keep the guardians:
 * an object whose guardian is dead dies as if it had never had one.
 *
 * A port on a file is registered from its opening on.  When it is dead, and
 * no guardian wants it, it is closed.
 *
 * Design: .example.guardian (design/example.rst).
 */

#include "scheme.h"

static intptr_t guardian_count;

static Value check_guardian(const char *who, Value v)
{
  return check_type(who, v, TYPE_GUARDIAN, "a guardian");
}

Value guardian_create(void)
{
  Value guardian;

  if (roots.guardians == NIL)
    roots.guardians = table_create(TABLE_EQ, WEAK_VALUES);
  if (roots.guarded == NIL)
    roots.guarded = table_create(TABLE_EQ, WEAK_KEYS);
  guardian = make_guardian(++guardian_count);
  table_set(roots.guardians, guardian->slot[GUARDIAN_ID], guardian);
  return guardian;
}

/* The list of numbers goes through pairs that will be those of the
 * guardians' lists of dead objects: when an object is dead, no memory is
 * needed to say so. */
void guardian_register(Value guardian, Value object)
{
  Value cell = make_pair(
      check_guardian("guardian", guardian)->slot[GUARDIAN_ID], NIL);
  bool is_new;

  if (!is_reference(object))
    return;
  /* What is dead so far is told before: not that an earlier message finds
   * what is registered now. */
  finals_poll();
  cell->slot[CDR] = table_ref(roots.guarded, object, NIL);
  is_new = cdr(cell) == NIL && !port_is_open_file(object);
  table_set(roots.guarded, object, cell);
  if (is_new && !heap_finalize(object)) {
    (void)table_delete(roots.guarded, object);
    heap_exhausted();
  }
}

/* Puts the object at the end of a guardian's list. */
static void guardian_put(Value guardian, Value cell, Value object)
{
  cell->slot[CAR] = object;
  cell->slot[CDR] = NIL;
  if (guardian->slot[GUARDIAN_FIRST] == NIL)
    guardian->slot[GUARDIAN_FIRST] = cell;
  else
    guardian->slot[GUARDIAN_LAST]->slot[CDR] = cell;
  guardian->slot[GUARDIAN_LAST] = cell;
}

/* The pair is emptied: not that a word on the C stack that looks like a
 * reference to it keeps the object, and all that came after. */
Value guardian_take(Value guardian)
{
  Value cell;
  Value object;

  (void)check_guardian("guardian", guardian);
  finals_poll();
  cell = guardian->slot[GUARDIAN_FIRST];
  if (cell == NIL)
    return FALSE_VALUE;
  object = car(cell);
  guardian->slot[GUARDIAN_FIRST] = cdr(cell);
  if (cdr(cell) == NIL)
    guardian->slot[GUARDIAN_LAST] = NIL;
  cell->slot[CAR] = FALSE_VALUE;
  cell->slot[CDR] = NIL;
  return object;
}


/* Messages */

/* Gives a dead object to its guardians.  Is there one that lives? */
static bool final_give(Value object)
{
  Value cells = NIL;
  bool is_given = false;

  if (roots.guarded != NIL)
    cells = table_ref(roots.guarded, object, NIL);
  if (cells != NIL)
    (void)table_delete(roots.guarded, object);
  while (cells != NIL) {
    Value cell = cells;
    Value guardian = table_ref(roots.guardians, car(cell), NIL);

    cells = cdr(cell);
    if (guardian != NIL) {
      guardian_put(guardian, cell, object);
      is_given = true;
    }
  }
  return is_given;
}

/* A port that is given to a guardian lives again, and may die again while it
 * is open.  If there is no memory to ask for that message the file stays
 * open, and is flushed when the program ends. */
static void final_take(Value object)
{
  bool is_given = final_give(object);

  ++heap_counts.finalized;
  if (!port_is_open_file(object))
    return;
  if (is_given)
    (void)heap_finalize(object);
  else
    port_close(object);
}

/* The table of objects is brought up to date first, and nothing is made from
 * then on.  So it is safe between any two objects that the program makes,
 * and if there is no memory then no message has been taken. */
void finals_poll(void)
{
  mps_arena_t arena = heap_arena();
  mps_message_t message;

  report_poll();
  if (!mps_message_poll(arena))
    return;
  if (roots.guarded != NIL)
    table_refresh(roots.guarded);
  while (mps_message_get(&message, arena, mps_message_type_finalization())) {
    mps_addr_t reference;

    mps_message_finalization_ref(&reference, arena, message);
    final_take(reference);
    mps_message_discard(arena, message);
  }
}
