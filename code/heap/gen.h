/* gen.h -- chains, generations and their accounts
 *
 * Design: .gen.chain, .gen.inv.account (design/gen.rst).
 */

#ifndef GEN_H
#define GEN_H

#include "heap.h"

/* MPS_RES_LIMIT cannot happen: when ids run out they are shared, which is
 * only less precise (.gen.id). */
MOSTLY_INTERN void gen_init(Gen *gen, Arena *arena, Size capacity,
                            double mortality);
/* The one in which every chain ends.  It has the highest id, so that what
 * refers to it alone is last in the remembered lists (.gen.id). */
MOSTLY_INTERN void gen_init_top(Gen *gen, Arena *arena, double mortality);
MOSTLY_INTERN void gen_finish(Gen *gen, Arena *arena);
MOSTLY_INTERN bool gen_check(const Gen *gen);
/* Bytes that were allocated or promoted into it since it was last
 * collected: what is compared with its capacity. */
MOSTLY_INTERN Size gen_fresh(const Gen *gen);
/* All bytes in it. */
MOSTLY_INTERN Size gen_size(const Gen *gen);

MOSTLY_INTERN Res chain_create(Chain **chain_out, Arena *arena, Count count,
                               const mps_gen_param_s *params);
MOSTLY_INTERN void chain_destroy(Chain *chain);
MOSTLY_INTERN bool chain_check(const Chain *chain);

MOSTLY_INTERN void pgen_init(PoolGen *pgen, Pool *pool, Gen *gen, Index index);
MOSTLY_INTERN void pgen_finish(PoolGen *pgen);
MOSTLY_INTERN bool pgen_check(const PoolGen *pgen);

/* The movements of the account; size is bytes of the segment. */
MOSTLY_INTERN void pgen_account_alloc(PoolGen *pgen, Size size);
MOSTLY_INTERN void pgen_account_fill(Seg *seg);
MOSTLY_INTERN void pgen_account_empty(Seg *seg);
MOSTLY_INTERN void pgen_account_age(Seg *seg);
MOSTLY_INTERN void pgen_account_undefer(Seg *seg);
/* So many bytes are in one part of an account, and belong in another. */
MOSTLY_INTERN void pgen_account_bytes(Size *to, Size *from, Size size);
/* Something was filled: is the generation full? */
MOSTLY_INTERN void pgen_account_due(PoolGen *pgen);
/* Size bytes of the segment go back to the arena. */
MOSTLY_INTERN void pgen_account_shrink(Seg *seg, Size size);

#endif /* GEN_H */
