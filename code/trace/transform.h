/* transform.h -- replacing all references to some objects by others
 *
 * A transform is a set of pairs of objects, old and new.  To apply it puts
 * the new one wherever an exact reference to the old one is, in roots and in
 * objects, or changes nothing if an ambiguous reference forbids it.
 *
 * The arena's lock guards it.
 *
 * Design: .transform.walk (design/transform.rst).
 */

#ifndef TRANSFORM_H
#define TRANSFORM_H

#include "../heap/heap.h"

#define TRANSFORM_SIG ((Sig)0x5472616E) /* "Tran" */

typedef struct TransformPair {
  Addr old; /* or NULL */
  Addr new;
} TransformPair;

typedef struct mps_transform_s {
  Sig sig;
  Arena *arena;
  Count flips;          /* of the arena when the transform was made */
  bool is_applied;      /* it may be applied once */
  Count count;          /* of pairs */
  Shift shift;          /* log2 of the slots */
  TransformPair *pairs; /* slots, by a hash of old; or NULL */
} Transform;

MOSTLY_INTERN Res transform_create(Transform **transform_out, Arena *arena);
MOSTLY_INTERN void transform_destroy(Transform *transform);
MOSTLY_INTERN bool transform_check(const Transform *transform);

/* Have objects stayed where they were since the transform was made? */
static inline bool transform_is_current(const Transform *transform)
{
  return transform->flips == transform->arena->flips;
}

/* Make room for so many pairs more. */
MOSTLY_INTERN Res transform_reserve(Transform *transform, Count more);
/* Add a pair for which there is room; false if old is there already. */
MOSTLY_INTERN bool transform_add(Transform *transform, Addr old, Addr new);

/* Replace, with no trace running; false if it couldn't be done. */
MOSTLY_INTERN bool transform_apply(Transform *transform);

#endif /* TRANSFORM_H */
