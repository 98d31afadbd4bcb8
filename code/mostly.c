/* mostly.c -- the whole library in one translation unit
 *
 * A client may compile this file and nothing else.  It is also the only
 * list of the library's sources, in layer order: the build reads the
 * lines below, so a new module is added here and nowhere else
 * (.build.sources, design/build.rst).
 */

#define MOSTLY_AMALGAM 1

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include "base/base.c"
#include "base/args.c"
#include "plat/plat_os.c"
#include "plat/plat_clock.c"
#include "plat/plat_vm_posix.c"
#include "plat/plat_lock.c"
#include "plat/plat_thread.c"
#include "plat/plat_fault.c"
#include "plat/plat_fork.c"
#include "heap/scanners.c"
#include "heap/ld.c"
#include "heap/message.c"
#include "trace/nailboard.c"
#include "pool/ramp.c"
#include "api/plinth.c"
#include "api/telemetry.c"
#include "api/unbuilt.c"
