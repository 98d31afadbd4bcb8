/* mpslib.h -- what the library asks of the client's C library
 *
 * The library supplies these functions.  A client that builds it with
 * CONFIG_PLINTH_NONE supplies them instead.  They may be called in a signal
 * handler, with locks held: they must not call the rest of the library, nor
 * touch memory that it manages.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpslib_h
#define mpslib_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mps_lib_stream_s mps_lib_FILE;

/* End of file, and the two streams that messages go to. */
extern int mps_lib_get_EOF(void);
extern mps_lib_FILE *mps_lib_get_stderr(void);
extern mps_lib_FILE *mps_lib_get_stdout(void);
#define mps_lib_EOF (mps_lib_get_EOF())
#define mps_lib_stderr (mps_lib_get_stderr())
#define mps_lib_stdout (mps_lib_get_stdout())

/* Write a character, or a string.  mps_lib_EOF on failure. */
extern int mps_lib_fputc(int c, mps_lib_FILE *stream);
extern int mps_lib_fputs(const char *string, mps_lib_FILE *stream);

/* Called when an assertion fails: passes its arguments to the handler. */
extern void mps_lib_assert_fail(const char *file, unsigned line,
                                const char *condition);
/* Replace the handler, by the default if null; returns the old one.  The
 * default prints a line to the standard error and aborts.  If a handler
 * returns, the program goes on behind the assertion, at its own risk. */
typedef void (*mps_lib_assert_fail_t)(const char *file, unsigned line,
                                      const char *condition);
extern mps_lib_assert_fail_t
mps_lib_assert_fail_install(mps_lib_assert_fail_t handler);

/* As memset, memcpy and memcmp in C. */
extern void *mps_lib_memset(void *block, int c, size_t size);
extern void *mps_lib_memcpy(void *to, const void *from, size_t size);
extern int mps_lib_memcmp(const void *one, const void *other, size_t size);

/* Time since some moment, and its unit. */
extern mps_clock_t mps_clock(void);
extern mps_clock_t mps_clocks_per_sec(void);

/* The telemetry filter at the start, from MPS_TELEMETRY_CONTROL: a number,
 * or names of event kinds with spaces between them, or all. */
extern unsigned long mps_lib_telemetry_control(void);

#ifdef __cplusplus
}
#endif

#endif /* mpslib_h */
