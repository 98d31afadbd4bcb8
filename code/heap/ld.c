/* ld.c -- has anything moved that I looked at the address of?
 *
 * A dependency is a set of generation ids and an epoch, and says: up to
 * that epoch, nothing in the set has moved since it was added
 * (.ld.inv.epoch).
 *
 * Design: .ld, .ld.order (design/ld.rst).
 */

#include "ld.h"

#include <string.h>


/* Words that another thread may write at the same time
 *
 * Macros, since a word of ours and one of the client's aren't the same
 * type everywhere. */

#define LD_LOAD(word) __atomic_load_n(word, __ATOMIC_ACQUIRE)
#define LD_STORE(word, value) __atomic_store_n(word, value, __ATOMIC_RELEASE)


/* The history */

void ld_history_init(LdHistory *history)
{
  /* Epochs start at 1, so that a dependency full of zeros is one that has
   * never been reset (.ld.reset). */
  memset(history, 0, sizeof *history);
  history->epoch = 1;
  ASSERT(ld_history_check(history));
}

bool ld_history_check(const LdHistory *history)
{
  CHECK(history != NULL);
  CHECK(history->epoch > 0);
  if (CHECK_DEEP) {
    /* .ld.inv.history: no generation moved later than now. */
    for (Index i = 0; i < WORD_BITS; ++i)
      CHECK(history->moved[i] <= history->epoch);
  }
  return true;
}

void ld_history_age(LdHistory *history, Word moved_ids)
{
  ASSERT(ld_history_check(history));
  if (moved_ids == 0)
    return;

  /* The ids first: whoever sees the new epoch must see them too, or it
   * would call an address fresh that was added before the move. */
  Word epoch = history->epoch + 1;
  for (Word ids = moved_ids; ids != 0; ids &= ids - 1)
    LD_STORE(&history->moved[__builtin_ctzll(ids)], epoch);
  LD_STORE(&history->epoch, epoch);
  ASSERT(ld_history_check(history));
}

/* Has anything in the set moved after the epoch?  Sets have few members:
 * those of the chains that a table's keys are allocated on. */

static bool ld_moved_since(const LdHistory *history, Word ids, Word epoch)
{
  for (; ids != 0; ids &= ids - 1)
    if (LD_LOAD(&history->moved[__builtin_ctzll(ids)]) > epoch)
      return true;
  return false;
}


/* Dependencies */

bool ld_check(const mps_ld_s *ld, const LdHistory *history)
{
  Word ids = LD_LOAD(&ld->_rs);
  Word epoch = LD_LOAD(&ld->_epoch);

  if (epoch == 0)
    return false;
  /* An empty one may have been reset in another arena (.ld.req.reset). */
  return ids == 0 || epoch <= LD_LOAD(&history->epoch);
}

void ld_reset(mps_ld_s *ld, const LdHistory *history)
{
  /* The set first: an old set must never be seen with the new epoch. */
  LD_STORE(&ld->_rs, 0);
  LD_STORE(&ld->_epoch, LD_LOAD(&history->epoch));
}

/* ld_join -- depend on what ids says too, as it was at the epoch
 *
 * If nothing in the old set and nothing in the new one has moved yet, then
 * the claim of .ld.inv.epoch holds up to now, for both of them, and it's
 * made for now: else the older of two epochs would stand for the newer
 * set, and report moves from before the address was added
 * (.ld.req.precise).  If something has moved, the older epoch stays, and
 * with it the reason.
 *
 * now was read before anything was compared, and what moves after that gets
 * a greater epoch.  The claim can't be too young, whatever happens in
 * between.
 */

static void ld_join(mps_ld_s *ld, const LdHistory *history, Word now, Word ids,
                    Word epoch)
{
  Word old_ids = LD_LOAD(&ld->_rs);
  Word old_epoch = LD_LOAD(&ld->_epoch);

  if (ld_moved_since(history, ids, epoch)
      || ld_moved_since(history, old_ids, old_epoch)) {
    if (epoch < old_epoch)
      LD_STORE(&ld->_epoch, epoch);
  } else {
    LD_STORE(&ld->_epoch, now);
  }
  LD_STORE(&ld->_rs, old_ids | ids); /* after its epoch: .ld.order */
}

void ld_add(mps_ld_s *ld, const LdHistory *history, Word ids)
{
  Word now = LD_LOAD(&history->epoch);

  ASSERT_HOT(ld_check(ld, history));
  ld_join(ld, history, now, ids, now);
}

void ld_merge(mps_ld_s *dest, const LdHistory *history, const mps_ld_s *src)
{
  Word now = LD_LOAD(&history->epoch);

  ASSERT_HOT(ld_check(dest, history));
  ASSERT_HOT(ld_check(src, history));

  Word ids = LD_LOAD(&src->_rs);
  if (ids != 0)
    ld_join(dest, history, now, ids, LD_LOAD(&src->_epoch));
}

bool ld_isstale(const mps_ld_s *ld, const LdHistory *history)
{
  /* The set before the epoch: .ld.order. */
  Word ids = LD_LOAD(&ld->_rs);
  Word epoch = LD_LOAD(&ld->_epoch);

  ASSERT_HOT(ld_check(ld, history));
  return ld_moved_since(history, ids, epoch);
}
