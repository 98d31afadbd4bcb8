/* root.h -- where references into the heap come from
 *
 * Design: .root.kinds, .thread.stack (design/root.rst).
 */

#ifndef ROOT_H
#define ROOT_H

#include "heap.h"

/* Makes a root record as the given one, which says everything but sig,
 * arena and link. */
MOSTLY_INTERN Res root_create(Root **root_out, Arena *arena,
                              const Root *params);
MOSTLY_INTERN void root_destroy(Root *root);
MOSTLY_INTERN bool root_check(const Root *root);

/* Scan the root with the threads stopped; the result is the client's. */
MOSTLY_INTERN Res root_scan(Root *root, ScanState *ss);

MOSTLY_INTERN Res thread_create(Thread **thread_out, Arena *arena);
MOSTLY_INTERN void thread_destroy(Thread *thread);
MOSTLY_INTERN bool thread_check(const Thread *thread);

#endif /* ROOT_H */
