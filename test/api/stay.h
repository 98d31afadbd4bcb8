/* stay.h -- the classes whose objects stay where they are
 *
 * The tests of what they share go through this table.
 */

#ifndef STAY_H
#define STAY_H

#include "client.h"

#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

enum {
  STAY_CLASSES = 8
};

typedef struct StayClass {
  const char *name;
  mps_pool_class_t (*class)(void);
  int is_leaf;
  mps_rank_t (*rank)(void); /* or null, for the default */
} StayClass;

static const StayClass stay_classes[STAY_CLASSES] = {
    {"LO", mps_class_lo, 1, NULL},
    {"AMS", mps_class_ams, 0, NULL},
    {"AMS, ambiguous", mps_class_ams, 0, mps_rank_ambig},
    {"AMS debug", mps_class_ams_debug, 0, mps_rank_exact},
    {"AWL", mps_class_awl, 0, mps_rank_exact},
    {"AWL, weak", mps_class_awl, 0, mps_rank_weak},
    {"AEPH", mps_class_aeph, 0, mps_rank_exact},
    {"AEPH, ephemerons", mps_class_aeph, 0, mps_rank_ephemeron},
};

static inline Options stay_options(int i)
{
  const StayClass *it = &stay_classes[i];

  return (Options){.class = it->class(),
                   .is_leaf = it->is_leaf,
                   .has_rank = it->rank != NULL,
                   .rank = it->rank != NULL ? it->rank() : 0};
}

/* May a collection be cut, so that the client sees its middle?  Not where
 * nothing is watched. */
static inline int stay_is_cut(void)
{
  const char *means = getenv("MOSTLY_BARRIER");

  return means == NULL || strcmp(means, "none") != 0;
}

#endif /* STAY_H */
