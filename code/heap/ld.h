/* ld.h -- has anything moved that I looked at the address of?
 *
 * A client that hashes addresses notes each one in a location dependency,
 * and asks it when a lookup fails.  The answer comes from the arena's
 * history: for each generation id, when objects with that id last moved.
 *
 * Everything but history_init and history_age works without the arena's
 * lock, on any thread, while a collection may stop that thread at any
 * point.  Calls that write one dependency are the client's to serialise;
 * asking whether it is stale is safe beside an add to it (.ld.order).
 *
 * Design: .ld (design/ld.rst).
 */

#ifndef LD_H
#define LD_H

#include "../base/base.h"

/* Time is counted in flips that may have moved something. */
typedef struct LdHistory {
  Word epoch;            /* of the last such flip; at least 1 */
  Word moved[WORD_BITS]; /* when objects with this id last moved, or 0 */
} LdHistory;

MOSTLY_INTERN void ld_history_init(LdHistory *history);
MOSTLY_INTERN bool ld_history_check(const LdHistory *history);
/* A flip has condemned the generations in moved_ids in a trace that may
 * move their objects; an empty set changes nothing.  The mutator's threads
 * are stopped. */
MOSTLY_INTERN void ld_history_age(LdHistory *history, Word moved_ids);

/* Has it been reset, and is it from no later than now?  For the checking
 * of what a client passes. */
MOSTLY_INTERN bool ld_check(const mps_ld_s *ld, const LdHistory *history);

/* Make it depend on nothing. */
MOSTLY_INTERN void ld_reset(mps_ld_s *ld, const LdHistory *history);
/* Make it depend on an address too.  ids has the bit of the id of the
 * generation whose segment holds the address, and more bits where that isn't
 * known any better; or it is zero for an address that can't move. The client's thread holds the address during the call, which keeps
 * the object in place, and uses it only after the call. */
MOSTLY_INTERN void ld_add(mps_ld_s *ld, const LdHistory *history, Word ids);
/* Make dest depend on all that src depends on. */
MOSTLY_INTERN void ld_merge(mps_ld_s *dest, const LdHistory *history,
                            const mps_ld_s *src);
/* True if any generation with an address that was added has moved since
 * that address was added; then it stays so until a reset. */
MOSTLY_INTERN bool ld_isstale(const mps_ld_s *ld, const LdHistory *history);

#endif /* LD_H */
