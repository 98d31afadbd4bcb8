/* debug.c -- fences around blocks, and a pattern in what is free
 *
 * Design: .debug.fence, .debug.pattern (design/debug.rst).
 */

#include "debug.h"

#include "../base/args.h"

#include <string.h>

static const mps_pool_debug_option_s debug_default = {"POST", 4, "DEAD", 4};


/* Patterns */

/* The byte of a template at an address depends on the address alone, so any
 * part of what was filled can be checked (.debug.phase). */

static void debug_write(Addr base, Addr limit, const unsigned char *template,
                        Size size)
{
  Index i = (Word)base % size;

  for (unsigned char *at = (unsigned char *)base; at < (unsigned char *)limit;
       ++at) {
    *at = template[i];
    i = i + 1 < size ? i + 1 : 0;
  }
}

static bool debug_matches(Addr base, Addr limit, const unsigned char *template,
                          Size size)
{
  Index i = (Word)base % size;

  for (const unsigned char *at = (const unsigned char *)base;
       at < (const unsigned char *)limit; ++at) {
    if (*at != template[i])
      return false;
    i = i + 1 < size ? i + 1 : 0;
  }
  return true;
}

void debug_fill(const Debug *debug, Addr base, Addr limit)
{
  if (debug->pattern_size > 0)
    debug_write(base, limit, debug->pattern, debug->pattern_size);
}

void debug_check(const Debug *debug, Addr base, Addr limit)
{
  if (debug->pattern_size > 0)
    (void)REQUIRE(
        debug_matches(base, limit, debug->pattern, debug->pattern_size),
        "mps_pool_check_free_space: free memory of the pool was written to");
}

static void debug_check_run(void *p, Addr base, Addr limit)
{
  debug_check(p, base, limit);
}

void debug_check_free(const Debug *debug)
{
  ASSERT(debug_is_valid(debug));
  debug->each_free(debug->pool, debug_check_run, (void *)debug);
}


/* Fences */

Size debug_outer(const Debug *debug, Size size)
{
  return size_round_up(size, debug->pool->align) + 2 * debug->room;
}

/* Where the upper one ends, which begins where the client's bytes do. */
static Addr debug_limit(const Debug *debug, const DebugBlock *block)
{
  return addr_add(block->base, debug_outer(debug, block->size) - debug->room);
}

static bool debug_is_fenced(const Debug *debug, const DebugBlock *block)
{
  return debug->fence_size == 0
         || (debug_matches(addr_sub(block->base, debug->room), block->base,
                           debug->fence, debug->fence_size)
             && debug_matches(addr_add(block->base, block->size),
                              debug_limit(debug, block), debug->fence,
                              debug->fence_size));
}

static void debug_check_block(const Debug *debug, const DebugBlock *block)
{
  (void)REQUIRE(debug_is_fenced(debug, block),
                "mps_pool_check_fenceposts: a fencepost was overwritten, just "
                "below or above a block of the pool");
}


/* The tree of blocks, a treap by address */

/* debug_split -- the blocks below an address, and the others */

static void debug_split(DebugBlock **below_out, DebugBlock **above_out,
                        DebugBlock *tree, Addr at)
{
  while (tree != NULL)
    if (tree->base < at) {
      *below_out = tree;
      below_out = &tree->above;
      tree = tree->above;
    } else {
      *above_out = tree;
      above_out = &tree->below;
      tree = tree->below;
    }
  *below_out = NULL;
  *above_out = NULL;
}

static void debug_insert(Debug *debug, DebugBlock *block)
{
  DebugBlock **link = &debug->blocks;

  while (*link != NULL && (*link)->priority > block->priority)
    link = block->base < (*link)->base ? &(*link)->below : &(*link)->above;
  debug_split(&block->below, &block->above, *link, block->base);
  *link = block;
}

static void debug_delete(Debug *debug, const DebugBlock *block)
{
  DebugBlock **link = &debug->blocks;
  DebugBlock *below = block->below;
  DebugBlock *above = block->above;

  while (*link != block)
    link = block->base < (*link)->base ? &(*link)->below : &(*link)->above;
  while (below != NULL && above != NULL)
    if (below->priority > above->priority) {
      *link = below;
      link = &below->above;
      below = below->above;
    } else {
      *link = above;
      link = &above->below;
      above = above->below;
    }
  *link = below != NULL ? below : above;
}

/* debug_block_above -- the first block that ends, fence and all, above an
 * address */

static DebugBlock *debug_block_above(const Debug *debug, Addr addr)
{
  DebugBlock *found = NULL;
  DebugBlock *block = debug->blocks;

  while (block != NULL) {
    if (addr < debug_limit(debug, block)) {
      found = block;
      block = block->below;
    } else {
      block = block->above;
    }
  }
  return found;
}

static void debug_check_tree(const Debug *debug, const DebugBlock *block)
{
  while (block != NULL) {
    debug_check_tree(debug, block->below);
    debug_check_block(debug, block);
    block = block->above;
  }
}

void debug_check_fences(const Debug *debug)
{
  ASSERT(debug_is_valid(debug));
  debug_check_tree(debug, debug->blocks);
}


/* Blocks */

Res debug_add(Addr *client_out, Debug *debug, Addr base, Size size)
{
  DebugBlock *block;
  Res res = ctl_alloc(&block, &debug->pool->arena->ctl, sizeof *block);

  if (res != MPS_RES_OK)
    return res;
  block->base = addr_add(base, debug->room);
  block->size = size;
  block->priority = (Word)block->base * (Word)0x9E3779B97F4A7C15u;
  if (debug->fence_size > 0) {
    debug_write(base, block->base, debug->fence, debug->fence_size);
    debug_write(addr_add(block->base, size),
                addr_add(base, debug_outer(debug, size)), debug->fence,
                debug->fence_size);
  }
  debug_insert(debug, block);
  *client_out = block->base;
  return MPS_RES_OK;
}

bool debug_remove(Addr *base_out, Size *size_out, Debug *debug, Addr client,
                  Size size)
{
  DebugBlock *block = debug_block_above(debug, client);

  /* From an allocation point, or not even allocated. */
  if (block == NULL
      || addr_sub(block->base, debug->room) >= addr_add(client, size)) {
    *base_out = client;
    *size_out = size_round_up(size, debug->pool->align);
    return true;
  }
  if (!REQUIRE(block->base == client && block->size == size,
               "mps_free: p and size must be those of a block that was "
               "allocated, and isn't freed yet"))
    return false;
  (void)REQUIRE(debug_is_fenced(debug, block),
                "mps_free: a fencepost of the block p was overwritten");
  *base_out = addr_sub(client, debug->room);
  *size_out = debug_outer(debug, size);
  debug_delete(debug, block);
  ctl_free(&debug->pool->arena->ctl, block, sizeof *block);
  return true;
}


/* Lifetime */

bool debug_take(Debug *debug, Pool *pool, mps_arg_s *args)
{
  const mps_pool_debug_option_s *options = &debug_default;
  mps_arg_s arg;

  if (args_pick(args, MPS_KEY_POOL_DEBUG_OPTIONS, &arg))
    options = arg.val.pool_debug_options;
  if (!REQUIRE(
          (options->fence_size == 0 || options->fence_template != NULL)
              && (options->free_size == 0 || options->free_template != NULL),
          "mps_pool_create_k: MPS_KEY_POOL_DEBUG_OPTIONS must have a "
          "template for each size but zero")
      || !REQUIRE(options->fence_size < SIZE_MAX / 8,
                  "mps_pool_create_k: MPS_KEY_POOL_DEBUG_OPTIONS must have a "
                  "fence_size that is possible"))
    return false;
  debug->pool = pool;
  debug->fence = options->fence_template;
  debug->fence_size = options->fence_size;
  debug->room = size_round_up(options->fence_size, pool->align);
  debug->pattern = options->free_template;
  debug->pattern_size = options->free_size;
  debug->blocks = NULL;
  debug->sig = DEBUG_SIG;
  pool->debug = debug;
  return true;
}

static void debug_free_tree(Debug *debug, DebugBlock *block)
{
  while (block != NULL) {
    DebugBlock *above = block->above;

    debug_free_tree(debug, block->below);
    ctl_free(&debug->pool->arena->ctl, block, sizeof *block);
    block = above;
  }
}

void debug_finish(Debug *debug)
{
  debug_check_fences(debug);
  debug_free_tree(debug, debug->blocks);
  debug->blocks = NULL;
  debug->sig = SIG_NONE;
}

bool debug_is_valid(const Debug *debug)
{
  CHECK(debug != NULL);
  CHECK(debug->sig == DEBUG_SIG);
  CHECK(debug->pool->debug == debug);
  CHECK(size_is_aligned(debug->room, debug->pool->align));
  return true;
}
