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
#include "base/bits.c"
#include "plat/plat_os.c"
#include "plat/plat_clock.c"
#include "plat/plat_vm_posix.c"
#include "plat/plat_track.c"
#include "plat/plat_lock.c"
#include "plat/plat_thread.c"
#include "plat/plat_fault.c"
#include "plat/plat_fork.c"
#include "arena/event.c"
#include "arena/space.c"
#include "arena/ctl.c"
#include "heap/boards.c"
#include "heap/ld.c"
#include "heap/message.c"
#include "heap/gen.c"
#include "heap/format.c"
#include "heap/barrier.c"
#include "heap/seg.c"
#include "heap/buffer.c"
#include "heap/scan.c"
#include "heap/scanners.c"
#include "heap/root.c"
#include "heap/final.c"
#include "heap/arena.c"
#include "trace/nailboard.c"
#include "trace/policy.c"
#include "trace/note.c"
#include "trace/trace.c"
#include "trace/poll.c"
#include "trace/walk.c"
#include "trace/transform.c"
#include "pool/pool.c"
#include "pool/ramp.c"
#include "pool/amcstate.c"
#include "pool/amcboard.c"
#include "pool/amcreclaim.c"
#include "pool/amc.c"
#include "pool/amcret.c"
#include "pool/amcseg.c"
#include "pool/blktab.c"
#include "pool/blksearch.c"
#include "pool/blkmark.c"
#include "pool/blk.c"
#include "pool/fix.c"
#include "pool/unbuilt.c"
#include "api/plinth.c"
#include "api/telemetry.c"
#include "api/unbuilt.c"
#include "api/arena_api.c"
#include "api/pool_api.c"
#include "api/ap_api.c"
#include "api/blk_api.c"
#include "api/root_api.c"
#include "api/query_api.c"
#include "api/transform_api.c"
#include "api/stats_api.c"
