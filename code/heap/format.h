/* format.h -- what a client says about its objects
 *
 * Design: .format.methods (design/format.rst).
 */

#ifndef FORMAT_H
#define FORMAT_H

#include "heap.h"

/* What every format needs to know; methods that are NULL get one that
 * reports that the client left it out. */
typedef struct FormatParams {
  Size align;
  Size header;
  mps_fmt_scan_t scan;
  mps_fmt_skip_t skip;
  mps_fmt_fwd_t fwd;
  mps_fmt_isfwd_t isfwd;
  mps_fmt_pad_t pad;
  mps_fmt_class_t klass;
} FormatParams;

MOSTLY_INTERN Res format_create(Format **format_out, Arena *arena,
                                const FormatParams *params);
/* No pool uses it. */
MOSTLY_INTERN void format_destroy(Format *format);
MOSTLY_INTERN bool format_check(const Format *format);

/* Cover [base, limit) with padding, if there is any of it. */
MOSTLY_INTERN void format_pad(const Format *format, Addr base, Addr limit);

#endif /* FORMAT_H */
