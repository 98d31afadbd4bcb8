/* mpsio.h -- where telemetry is written to
 *
 * The library supplies these functions, or the client does, as in mpslib.h.
 * They are called while threads are stopped, which may hold any lock of the
 * client's: they may not allocate nor take such a lock.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpsio_h
#define mpsio_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mps_io_s *mps_io_t;

/* Open the stream: the file MPS_TELEMETRY_FILENAME, or mpsio.log.
 * MPS_RES_IO if that fails. */
extern mps_res_t mps_io_create(mps_io_t *io_o);
extern void mps_io_destroy(mps_io_t io);
/* Write a block; bring all that was written to the file.  MPS_RES_IO if
 * that fails. */
extern mps_res_t mps_io_write(mps_io_t io, void *block, size_t size);
extern mps_res_t mps_io_flush(mps_io_t io);

#ifdef __cplusplus
}
#endif

#endif /* mpsio_h */
