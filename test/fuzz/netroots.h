/* netroots.h -- roots of nets, manual blocks, location dependencies
 *
 * Root tables lie in malloc's memory or in blocks of manual pools.
 *
 * Design: .fuzz.net.edges (design/fuzz.rst).
 */

#ifndef FUZZ_NETROOTS_H
#define FUZZ_NETROOTS_H

#include "netplay.h"

/* Root tables, in malloc's memory or in that of manual pools */

static void roots_destroy(Roots *roots)
{
  if (roots->slot == NULL)
    return;
  mps_root_destroy(roots->root);
  if (roots->place != NULL)
    mps_free(roots->place->pool, roots->block, MFS_UNIT);
  else
    free(roots->block);
  memset(roots, 0, sizeof *roots);
}

static bool roots_memory(Player *p, Roots *roots)
{
  Place *place
      = &p->realm
             ->place[chance_once_in(&p->chance, 2) ? CLASS_MVFF : CLASS_MFS];

  if (chance_once_in(&p->chance, 2) || place->pool == NULL) {
    roots->block = aligned_alloc(ROOT_BYTES, ROOT_BYTES);
    EXPECT(roots->block != NULL);
  } else {
    if (!went_well(p->realm, "manual",
                   mps_alloc(&roots->block, place->pool, MFS_UNIT)))
      return false;
    roots->place = place;
  }
  memset(roots->block, 0, MFS_UNIT);
  roots->slot = roots->block;
  return true;
}

static bool roots_create(Player *p, Roots *roots, Edges edges)
{
  mps_rank_t rank = mps_rank_exact();
  mps_rm_t rm = 0;
  mps_res_t res;

  memset(roots, 0, sizeof *roots);
  if (!roots_memory(p, roots))
    return false;
  roots->edges = edges;
  if (edges == EDGES_WEAK)
    rank = mps_rank_weak();
  if (edges == EDGES_AMBIG)
    rank = mps_rank_ambig();
  if (roots->place == NULL && edges != EDGES_AMBIG
      && p->realm->config->protect == 1)
    rm = MPS_RM_PROT;
  if (chance_once_in(&p->chance, 3))
    res = mps_root_create_table(&roots->root, p->realm->arena, rank, rm,
                                (mps_addr_t *)(void *)roots->slot, ROOT_SLOTS);
  else
    res = mps_root_create_area(&roots->root, p->realm->arena, rank, rm,
                               roots->slot, roots->slot + ROOT_SLOTS,
                               mps_scan_area, NULL);
  ++p->counts.roots;
  if (went_well(p->realm, "root", res))
    return true;
  if (roots->place != NULL)
    mps_free(roots->place->pool, roots->block, MFS_UNIT);
  else
    free(roots->block);
  memset(roots, 0, sizeof *roots);
  return false;
}

static Edges choose_root_edges(Player *p)
{
  static const Edges edges[]
      = {EDGES_STRONG, EDGES_STRONG, EDGES_STRONG, EDGES_AMBIG, EDGES_WEAK};

  return edges[chance_below(&p->chance, 5)];
}

/* Another table, with some of the old one's references */
static void op_replace(Player *p)
{
  Roots *old = choose_roots(p), fresh;
  size_t i;

  if (!roots_create(p, &fresh, choose_root_edges(p)))
    return;
  for (i = 0; i < ROOT_SLOTS && old->slot != NULL; ++i)
    if (old->edges != EDGES_WEAK && old->node[i] != NULL
        && !chance_once_in(&p->chance, 3))
      roots_set(p, &fresh, i, old->node[i],
                hold(p, 0, (mps_addr_t)(old->slot[i] - old->offset[i])));
  roots_destroy(old);
  *old = fresh;
}


/* Manual blocks */

static void junk_check(const Junk *junk)
{
  const Word *block = junk->block;
  size_t i;

  for (i = 0; i < junk->size / WORD_SIZE; ++i)
    if (block[i] != (Word)chance_mix(junk->seed + i))
      fail("word %lu of manual block %p has changed", (unsigned long)i,
           junk->block);
}

static void junk_free(Junk *junk)
{
  if (junk->place == NULL)
    return;
  junk_check(junk);
  mps_free(junk->place->pool, junk->block, junk->size);
  junk->place = NULL;
}

static void op_junk(Player *p)
{
  Junk *junk = &p->junk[chance_below(&p->chance, JUNK)];
  Class class = chance_once_in(&p->chance, 3) ? CLASS_MFS : CLASS_MVFF;
  Place *place = &p->realm->place[class];
  Word *block;
  size_t i;

  if (junk->place != NULL || place->pool == NULL) {
    junk_free(junk);
    return;
  }
  junk->size = class == CLASS_MFS ? MFS_UNIT : choose_size(p);
  if (!went_well(p->realm, "junk",
                 mps_alloc(&junk->block, place->pool, junk->size)))
    return;
  junk->place = place;
  junk->seed = chance_next(&p->chance);
  block = junk->block;
  for (i = 0; i < junk->size / WORD_SIZE; ++i)
    block[i] = (Word)chance_mix(junk->seed + i);
}


/* Location dependencies */

static void op_ld(Player *p)
{
  Location *location = &p->net->location[chance_below(&p->chance, LDS)];
  Node *node = walk(p, 0);

  if (location->count == LD_NODES || chance_once_in(&p->chance, 20)) {
    mps_ld_reset(&location->ld, p->realm->arena);
    location->count = 0;
    location->was_stale = false;
  }
  if (node == NULL)
    return;
  mps_ld_add(&location->ld, p->realm->arena, p->hand[0]);
  location->node[location->count] = node;
  location->addr[location->count++] = p->hand[0];
}

#endif /* FUZZ_NETROOTS_H */
