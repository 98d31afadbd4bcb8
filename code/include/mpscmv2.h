/* mpscmv2.h -- the old name of mpscmvt.h
 *
 * For programs that still use it.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpscmv2_h
#define mpscmv2_h

#include "mpscmvt.h"

#endif /* mpscmv2_h */
