/* policy.h -- when to collect, what, and how large a nursery should be
 *
 * Pure functions of a snapshot: they know no arena, keep nothing and
 * change nothing, so that every decision can be tested as a row of
 * numbers.  The caller takes the snapshot with the arena's lock held, and
 * acts on the answer.
 *
 * Design: .policy, .policy.world (design/policy.rst).
 */

#ifndef POLICY_H
#define POLICY_H

#include "../plat/plat.h"

/* A generation as it is now; sizes in bytes. */
typedef struct PolicyGen {
  Size capacity;
  Size fresh;       /* allocated or promoted into it since it was condemned
                       last; what buffers hold isn't counted */
  Size size;        /* all of it */
  double mortality; /* the expected dead fraction, 0 to 1 */
} PolicyGen;

typedef struct PolicyChain {
  const PolicyGen *gens; /* from the nursery on */
  Count count;
  bool is_busy; /* a trace that is running has condemned some of it */
} PolicyChain;

/* An arena at one moment; sizes in bytes. */
typedef struct PolicySnapshot {
  const PolicyChain *chains;
  Count chain_count;
  PolicyGen top; /* the generation that all chains share; its capacity and
                    fresh mean nothing */
  Size committed;
  Size spare;        /* of that; not in use */
  Size commit_limit; /* that the client set */
  Size reserved_max; /* the most address space that it can ever have */
  Size old_at_world; /* policy_old_size when the last world ended, or 0 */
  Size allocated;    /* by the client, ever */
  Size allocated_at_world; /* when the last world ended, or 0 */
  Seconds pause_time;      /* that the client asked for */
  double copy_rate; /* bytes a second that tracing preserves, as measured,
                       or 0 while nobody knows */
} PolicySnapshot;

typedef enum PolicyKind {
  POLICY_NOTHING,
  POLICY_CHAIN, /* generations 0 to gen of the chain */
  POLICY_WORLD  /* every generation and the top */
} PolicyKind;

typedef enum PolicyWhy {
  POLICY_WHY_NOTHING,
  POLICY_WHY_CAPACITY, /* a generation has reached its capacity */
  POLICY_WHY_GROWTH,   /* what is old has grown a lot */
  POLICY_WHY_LIMIT,    /* the memory that the client allows runs out */
  POLICY_WHY_IDLE      /* the client offers the time */
} PolicyWhy;

typedef struct PolicyChoice {
  PolicyKind kind;
  PolicyWhy why;
  Index chain; /* for POLICY_CHAIN */
  Index gen;   /* for POLICY_CHAIN: the oldest one condemned */
} PolicyChoice;

/* What a client offers in its idle time. */
typedef struct PolicyStep {
  Seconds interval;    /* for this step */
  double multiplier;   /* how many such steps it expects to make */
  Seconds since_world; /* time since a step last started a world */
} PolicyStep;

MOSTLY_INTERN bool policy_snapshot_check(const PolicySnapshot *now);

/* The start of a collection.  Nobody asks while one is running, except for
 * chains that it leaves alone. */
MOSTLY_INTERN PolicyChoice policy_choose(const PolicySnapshot *now);
MOSTLY_INTERN PolicyChoice policy_choose_chain(const PolicySnapshot *now);
MOSTLY_INTERN PolicyChoice policy_choose_step(const PolicySnapshot *now,
                                              const PolicyStep *step);

/* Sizes in bytes: all automatic memory; what only a world or a rare
 * collection of a chain looks at, which is all but the nurseries; what can
 * still be committed. */
MOSTLY_INTERN Size policy_collectable_size(const PolicySnapshot *now);
MOSTLY_INTERN Size policy_old_size(const PolicySnapshot *now);
MOSTLY_INTERN Size policy_available(const PolicySnapshot *now);

/* What a choice would condemn, and how much of that is expected to
 * survive; and the time that so much takes to preserve. */
MOSTLY_INTERN Size policy_condemned_size(const PolicySnapshot *now,
                                         const PolicyChoice *choice);
MOSTLY_INTERN Size policy_survivors(const PolicySnapshot *now,
                                    const PolicyChoice *choice);
MOSTLY_INTERN double policy_rate(double measured); /* 0: nobody knows */
MOSTLY_INTERN Seconds policy_cost(const PolicySnapshot *now, Size work);
/* Can that much be preserved within one pause? */
MOSTLY_INTERN bool policy_fits_pause(const PolicySnapshot *now, Size work);

/* The capacity that the nursery of a chain should have from now on, where
 * the client left that to us.  Ask after each collection of the chain. */
MOSTLY_INTERN Size policy_nursery_capacity(const PolicySnapshot *now,
                                           Index chain);

/* Should what survives in a nursery with this mortality go to the top at
 * once, if it does so now or doesn't? */
MOSTLY_INTERN bool policy_is_flat(double mortality, bool is_flat);

/* The estimate after a trace that condemned and preserved so many bytes. */
MOSTLY_INTERN double policy_mortality(double mortality, Size condemned,
                                      Size survived);

#endif /* POLICY_H */
