/* transform_api.c -- entry points: replacing references
 *
 * Design: .api.thin, .api.misuse (design/api.rst).
 */

#include "../trace/transform.h"

#include "../trace/poll.h"
#include "api.h"

#define API_TRANSFORM(transform, function) \
  (API_REQUIRE(API_IS(transform, TRANSFORM_SIG), \
               #function ": transform must be one that isn't destroyed") \
   && API_OUTSIDE((transform)->arena, function))

mps_res_t mps_transform_create(mps_transform_t *transform_o, mps_arena_t arena)
{
  Transform *transform;
  Res res;

  if (!API_OUT(transform_o, mps_transform_create)
      || !API_ARENA(arena, mps_transform_create)
      || !API_PARKED(arena, mps_transform_create))
    return MPS_RES_PARAM;
  arena_enter(arena, NULL);
  res = transform_create(&transform, arena);
  arena_leave(arena);
  if (res == MPS_RES_OK)
    *transform_o = transform;
  return res;
}

/* Where references are null, or the same, there is nothing to do. */

static bool api_transform_add(Transform *transform, const mps_addr_t *olds,
                              const mps_addr_t *news, Count count)
{
  bool is_new = true;

  for (Index i = 0; i < count; ++i)
    if (olds[i] != NULL && news[i] != NULL && olds[i] != news[i])
      is_new = transform_add(transform, olds[i], news[i]) && is_new;
  return is_new;
}

/* Each old object is one that can be replaced. */

static bool api_transform_is_managed(const Arena *arena,
                                     const mps_addr_t *olds, Count count)
{
  for (Index i = 0; i < count; ++i) {
    const Seg *seg = space_seg(&arena->space, olds[i]);

    if (olds[i] != NULL
        && (seg == NULL || !seg->pgen->pool->class->is_managed))
      return false;
  }
  return true;
}

mps_res_t mps_transform_add_oldnew(mps_transform_t transform,
                                   mps_addr_t *old_list, mps_addr_t *new_list,
                                   size_t count)
{
  Arena *arena;
  bool is_new = true;
  bool is_managed;
  Res res;

  if (!API_TRANSFORM(transform, mps_transform_add_oldnew)
      || !API_REQUIRE(old_list != NULL,
                      "mps_transform_add_oldnew: old_list must not be null")
      || !API_REQUIRE(new_list != NULL,
                      "mps_transform_add_oldnew: new_list must not be null"))
    return MPS_RES_PARAM;
  arena = transform->arena;
  if (!API_PARKED(arena, mps_transform_add_oldnew)
      || !transform_is_current(transform))
    return MPS_RES_PARAM;
  arena_enter(arena, NULL);
  is_managed = api_transform_is_managed(arena, old_list, count);
  res = is_managed ? transform_reserve(transform, count) : MPS_RES_PARAM;
  if (res == MPS_RES_OK)
    is_new = api_transform_add(transform, old_list, new_list, count);
  arena_leave(arena);
  if (!API_REQUIRE(is_managed, "mps_transform_add_oldnew: old_list must hold "
                               "objects in automatic pools of the arena")
      || !API_REQUIRE(is_new, "mps_transform_add_oldnew: old_list must hold "
                              "an object once only"))
    return MPS_RES_PARAM;
  return res;
}

mps_res_t mps_transform_apply(mps_bool_t *applied_o, mps_transform_t transform)
{
  PlatContext context;
  Arena *arena;
  bool is_current;
  bool is_applied = false;

  PLAT_CAPTURE(&context);
  if (!API_OUT(applied_o, mps_transform_apply)
      || !API_TRANSFORM(transform, mps_transform_apply)
      || !API_REQUIRE(!transform->is_applied,
                      "mps_transform_apply: transform must not have been "
                      "applied before"))
    return MPS_RES_PARAM;
  arena = transform->arena;
  arena_enter(arena, &context);
  poll_park(arena);
  is_current = transform_is_current(transform);
  if (is_current)
    is_applied = transform_apply(transform);
  if (is_applied && transform->count > 0)
    poll_collect(arena);
  arena_leave(arena);
  if (!is_current)
    return MPS_RES_PARAM;
  *applied_o = is_applied;
  return MPS_RES_OK;
}

void mps_transform_destroy(mps_transform_t transform)
{
  Arena *arena;

  if (!API_TRANSFORM(transform, mps_transform_destroy))
    return;
  arena = transform->arena;
  arena_enter(arena, NULL);
  transform_destroy(transform);
  arena_leave(arena);
}
