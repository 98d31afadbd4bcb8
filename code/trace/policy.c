/* policy.c -- when to collect, what, and how large a nursery should be
 *
 * Design: .policy (design/policy.rst); the numbers have their reasons
 * there.
 */

#include "policy.h"

#define POLICY_KIB ((Size)1 << 10)
#define POLICY_MIB ((Size)1 << 20)

/* The world (.policy.world) */
#define POLICY_GROWTH_MIN (32 * POLICY_MIB) /* by as much again, or this */
#define POLICY_SPACING 4 /* allocate this part of the old between two */
#define POLICY_SPACING_MIN (64 * POLICY_KIB)
#define POLICY_WORLD_SURVIVAL 0.5 /* a constant (.policy.not.feedback) */

/* Cost (.policy.cost) */
#define POLICY_RATE_UNKNOWN (128.0 * 1024 * 1024) /* bytes a second */
#define POLICY_WEIGHT_NEW 0.4 /* of the last trace in the mortality */

/* The nursery (.policy.nursery) */
#define POLICY_NURSERY_MIN (1 * POLICY_MIB)
#define POLICY_NURSERY_START (8 * POLICY_MIB)
#define POLICY_NURSERY_MAX (64 * POLICY_MIB)
#define POLICY_NURSERY_STEP (64 * POLICY_KIB)
#define POLICY_NURSERY_SHARE 4 /* of what is old, and of what is left */
#define POLICY_SURVIVAL_HIGH 0.2
#define POLICY_SURVIVAL_LOW 0.05
#define POLICY_PAUSE_SHARE 0.9 /* of the pause, for survivors */

#define POLICY_FLAT_BELOW 0.25 /* mortality (.policy.flat) */
#define POLICY_FLAT_UNTIL 0.5

/* Idle time (.policy.step) */
#define POLICY_IDLE_MIN (1 * POLICY_MIB)
#define POLICY_IDLE_OVERHEAD 0.01 /* seconds */
#define POLICY_IDLE_REST 10       /* times its cost between two */


/* Numbers */

/* policy_size -- a size that was worked out in floating point
 *
 * Products of rates and times go to infinity and, for zero times infinity,
 * to no number at all, which counts as nothing.
 */

static Size policy_size(double bytes)
{
  if (!(bytes > 0))
    return 0;
  if (bytes >= (double)SIZE_MAX)
    return SIZE_MAX;
  return (Size)bytes;
}

static Size policy_add(Size a, Size b)
{
  return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static Size policy_clamp(Size size, Size low, Size high)
{
  return size_max(low, size_min(size, high));
}

static bool policy_gen_check(const PolicyGen *gen)
{
  CHECK(gen->mortality >= 0);
  CHECK(gen->mortality <= 1);
  return true;
}

bool policy_snapshot_check(const PolicySnapshot *now)
{
  CHECK(now != NULL);
  CHECK(now->spare <= now->committed);
  CHECK(now->allocated_at_world <= now->allocated);
  CHECK(now->pause_time.s >= 0);
  CHECK(now->copy_rate >= 0);
  CHECK(policy_gen_check(&now->top));
  for (Index i = 0; i < now->chain_count; ++i) {
    const PolicyChain *chain = &now->chains[i];

    CHECK(chain->count > 0);
    for (Index g = 0; g < chain->count; ++g) {
      CHECK(policy_gen_check(&chain->gens[g]));
      CHECK(chain->gens[g].capacity > 0);
    }
  }
  return true;
}


/* Sizes */

/* All generations of all chains from first on, and the top. */

static Size policy_size_from(const PolicySnapshot *now, Index first)
{
  Size size = now->top.size;

  for (Index i = 0; i < now->chain_count; ++i)
    for (Index g = first; g < now->chains[i].count; ++g)
      size = policy_add(size, now->chains[i].gens[g].size);
  return size;
}

Size policy_collectable_size(const PolicySnapshot *now)
{
  ASSERT(policy_snapshot_check(now));
  return policy_size_from(now, 0);
}

Size policy_old_size(const PolicySnapshot *now)
{
  ASSERT(policy_snapshot_check(now));
  return policy_size_from(now, 1);
}

Size policy_available(const PolicySnapshot *now)
{
  ASSERT(policy_snapshot_check(now));

  Size ceiling = size_min(now->commit_limit, now->reserved_max);
  Size used = now->committed - now->spare;
  return used < ceiling ? ceiling - used : 0;
}

Size policy_condemned_size(const PolicySnapshot *now,
                           const PolicyChoice *choice)
{
  Size size = 0;

  ASSERT(policy_snapshot_check(now));
  switch (choice->kind) {
  case POLICY_NOTHING:
    break;
  case POLICY_CHAIN:
    for (Index g = 0; g <= choice->gen; ++g)
      size = policy_add(size, now->chains[choice->chain].gens[g].size);
    break;
  case POLICY_WORLD:
    size = policy_size_from(now, 0);
    break;
  }
  return size;
}

static Size policy_gens_survivors(const PolicyGen *gens, Count count)
{
  Size size = 0;

  for (Index g = 0; g < count; ++g)
    size = policy_add(
        size, policy_size((double)gens[g].size * (1 - gens[g].mortality)));
  return size;
}

Size policy_survivors(const PolicySnapshot *now, const PolicyChoice *choice)
{
  Size size = 0;

  ASSERT(policy_snapshot_check(now));
  switch (choice->kind) {
  case POLICY_NOTHING:
    break;
  case POLICY_CHAIN:
    size = policy_gens_survivors(now->chains[choice->chain].gens,
                                 choice->gen + 1);
    break;
  case POLICY_WORLD:
    size = policy_gens_survivors(&now->top, 1);
    for (Index i = 0; i < now->chain_count; ++i)
      size = policy_add(size, policy_gens_survivors(now->chains[i].gens,
                                                    now->chains[i].count));
    break;
  }
  return size;
}


/* Time */

double policy_rate(double measured)
{
  return measured > 0 ? measured : POLICY_RATE_UNKNOWN;
}

Seconds policy_cost(const PolicySnapshot *now, Size work)
{
  ASSERT(policy_snapshot_check(now));
  return (Seconds){(double)work / policy_rate(now->copy_rate)};
}

bool policy_fits_pause(const PolicySnapshot *now, Size work)
{
  return policy_cost(now, work).s <= now->pause_time.s;
}


/* What to condemn */

static const PolicyChoice policy_nothing
    = {POLICY_NOTHING, POLICY_WHY_NOTHING, 0, 0};

static PolicyChoice policy_world(PolicyWhy why)
{
  return (PolicyChoice){POLICY_WORLD, why, 0, 0};
}

static bool policy_gen_is_due(const PolicyGen *gen)
{
  return gen->fresh >= gen->capacity;
}

/* policy_chain_due -- the oldest generation of a chain that is due
 *
 * Any generation may be (.policy.req.any-gen): pools can allocate straight
 * into older ones.  False if none is.  *over_out is by how many bytes the
 * worst of them is over its capacity.
 */

static bool policy_chain_due(Index *gen_out, Size *over_out,
                             const PolicyChain *chain)
{
  bool is_due = false;
  Size over = 0;

  for (Index g = 0; g < chain->count; ++g) {
    const PolicyGen *gen = &chain->gens[g];

    if (policy_gen_is_due(gen)) {
      is_due = true;
      *gen_out = g;
      over = size_max(over, gen->fresh - gen->capacity);
    }
  }
  *over_out = over;
  return is_due;
}

PolicyChoice policy_choose_chain(const PolicySnapshot *now)
{
  PolicyChoice choice = policy_nothing;
  Size worst = 0;

  ASSERT(policy_snapshot_check(now));
  for (Index i = 0; i < now->chain_count; ++i) {
    Index gen = 0;
    Size over = 0;

    if (now->chains[i].is_busy
        || !policy_chain_due(&gen, &over, &now->chains[i]))
      continue;
    if (choice.kind == POLICY_NOTHING || over > worst) {
      choice = (PolicyChoice){POLICY_CHAIN, POLICY_WHY_CAPACITY, i, gen};
      worst = over;
    }
  }
  return choice;
}

/* Has the client allocated enough since the last world that another could
 * be worth it?  Whatever else asks for a world is a state, and if a world
 * doesn't end that state, nothing but this keeps worlds from following
 * each other without end (.policy.req.spacing). */

static bool policy_world_is_spaced(const PolicySnapshot *now)
{
  Size since = now->allocated - now->allocated_at_world;

  return since
         >= size_max(POLICY_SPACING_MIN, now->old_at_world / POLICY_SPACING);
}

static bool policy_has_grown(const PolicySnapshot *now)
{
  Size base = now->old_at_world;
  Size growth = policy_add(base, size_max(base, POLICY_GROWTH_MIN));

  return policy_old_size(now) >= growth;
}

/* A copying collection needs room for its survivors.  It must start while
 * there is that much. */

static bool policy_is_near_limit(const PolicySnapshot *now)
{
  double survivors
      = (double)policy_collectable_size(now) * POLICY_WORLD_SURVIVAL;

  return policy_available(now) < policy_size(survivors);
}

PolicyChoice policy_choose(const PolicySnapshot *now)
{
  ASSERT(policy_snapshot_check(now));

  if (policy_world_is_spaced(now)) {
    if (policy_is_near_limit(now))
      return policy_world(POLICY_WHY_LIMIT);
    if (policy_has_grown(now))
      return policy_world(POLICY_WHY_GROWTH);
  }
  return policy_choose_chain(now);
}

/* policy_idle_is_worth -- should idle time be spent on the world?
 *
 * Everything is in seconds.  A multiplier of zero says that there will be
 * no other step, and offers nothing; the comparisons are written so that an
 * endless interval times zero, which is no number, is refused like it.
 */

static bool policy_idle_is_worth(const PolicySnapshot *now,
                                 const PolicyStep *step)
{
  Size work = policy_collectable_size(now);
  double cost = policy_cost(now, work).s + POLICY_IDLE_OVERHEAD;

  return work >= POLICY_IDLE_MIN && step->interval.s * step->multiplier > cost
         && step->since_world.s > POLICY_IDLE_REST * cost
         && policy_world_is_spaced(now);
}

PolicyChoice policy_choose_step(const PolicySnapshot *now,
                                const PolicyStep *step)
{
  ASSERT(policy_snapshot_check(now));
  ASSERT(step != NULL);

  if (policy_idle_is_worth(now, step))
    return policy_world(POLICY_WHY_IDLE);
  return policy_choose_chain(now);
}


/* Estimates */

double policy_mortality(double mortality, Size condemned, Size survived)
{
  if (condemned == 0)
    return mortality;

  /* Padding and what moved in meanwhile can make survivors out of more
   * than was condemned. */
  double died = 0;
  if (survived < condemned)
    died = 1 - (double)survived / (double)condemned;
  return mortality * (1 - POLICY_WEIGHT_NEW) + died * POLICY_WEIGHT_NEW;
}


bool policy_is_flat(double mortality, bool is_flat)
{
  return mortality < (is_flat ? POLICY_FLAT_UNTIL : POLICY_FLAT_BELOW);
}


/* The nursery */

/* policy_nursery_wish -- the capacity that would be best, but for limits */

static Size policy_nursery_wish(const PolicySnapshot *now,
                                const PolicyGen *nursery)
{
  Size wish = size_max(POLICY_NURSERY_START,
                       now->old_at_world / POLICY_NURSERY_SHARE);
  double survival = 1 - nursery->mortality;

  /* Much survives: give it more time to die.  Little does: there's nothing
   * to gain, so fit the cache again.  Between the two stay, so that the
   * size doesn't swing with what it causes. */
  if (survival > POLICY_SURVIVAL_HIGH)
    wish = size_max(wish, policy_add(nursery->capacity, nursery->capacity));
  else if (survival > POLICY_SURVIVAL_LOW)
    wish = size_max(wish, nursery->capacity);
  return policy_clamp(wish, POLICY_NURSERY_MIN, POLICY_NURSERY_MAX);
}

/* The largest one that keeps within the pause time and within memory. */

static Size policy_nursery_limit(const PolicySnapshot *now,
                                 const PolicyGen *nursery)
{
  double survival = 1 - nursery->mortality;
  if (survival < POLICY_SURVIVAL_LOW)
    survival = POLICY_SURVIVAL_LOW;

  Size in_pause = policy_size(now->pause_time.s * POLICY_PAUSE_SHARE
                              * policy_rate(now->copy_rate) / survival);
  Size in_memory = policy_available(now) / POLICY_NURSERY_SHARE;

  /* Below a certain size a nursery makes no pause shorter, since roots and
   * remembered segments are scanned all the same.  Memory is another
   * thing: what isn't there can't be filled. */
  return size_min(size_max(in_pause, POLICY_NURSERY_MIN),
                  size_max(in_memory, POLICY_NURSERY_STEP));
}

/* Half the way from one size to another, in steps; it arrives. */

static Size policy_half_way(Size from, Size to)
{
  if (from < to)
    return size_min(
        to, from + size_round_up((to - from) / 2 + 1, POLICY_NURSERY_STEP));
  Size down = size_round_up((from - to) / 2 + 1, POLICY_NURSERY_STEP);
  return from - to <= down ? to : from - down;
}

Size policy_nursery_capacity(const PolicySnapshot *now, Index chain)
{
  ASSERT(policy_snapshot_check(now));
  ASSERT(chain < now->chain_count);

  const PolicyGen *nursery = &now->chains[chain].gens[0];
  Size next
      = policy_half_way(nursery->capacity, policy_nursery_wish(now, nursery));
  return size_min(next, policy_nursery_limit(now, nursery));
}
