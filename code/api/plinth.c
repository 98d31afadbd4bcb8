/* plinth.c -- the default for what the library asks of the client
 *
 * The functions of mpslib.h and mpsio.h on top of the C library and POSIX.
 * A client that defines CONFIG_PLINTH_NONE writes its own.
 *
 * Design: .interface.plinth (design/interface.rst).
 */

#include "../base/base.h"
#include "../include/mpsio.h"
#include "../include/mpslib.h"
#include "../include/mpstd.h"

#ifdef CONFIG_PF_STRING
_Static_assert(__builtin_strcmp(CONFIG_PF_STRING, MPS_PF_STRING) == 0,
               "CONFIG_PF_STRING names the platform of this compiler");
#endif

#ifndef CONFIG_PLINTH_NONE

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>


/* The C library */

int mps_lib_get_EOF(void)
{
  return EOF;
}

mps_lib_FILE *mps_lib_get_stderr(void)
{
  return (mps_lib_FILE *)stderr;
}

mps_lib_FILE *mps_lib_get_stdout(void)
{
  return (mps_lib_FILE *)stdout;
}

int mps_lib_fputc(int c, mps_lib_FILE *stream)
{
  return fputc(c, (FILE *)stream);
}

int mps_lib_fputs(const char *string, mps_lib_FILE *stream)
{
  return fputs(string, (FILE *)stream);
}

void *mps_lib_memset(void *block, int c, size_t size)
{
  return memset(block, c, size);
}

void *mps_lib_memcpy(void *to, const void *from, size_t size)
{
  return memcpy(to, from, size);
}

int mps_lib_memcmp(const void *one, const void *other, size_t size)
{
  return memcmp(one, other, size);
}


/* Assertions */

/* Writes the line in one piece and not through stdio, whose lock the thread
 * that failed may hold (.interface.plinth.assert). */
static void plinth_assert_default(const char *file, unsigned line,
                                  const char *condition)
{
  char text[512];
  int length = snprintf(text, sizeof text, "mostly: %s:%u: failed: %s\n", file,
                        line, condition);

  if (length > 0) {
    Size size = size_min((Size)length, sizeof text - 1);
    text[size - 1] = '\n';
    if (write(STDERR_FILENO, text, size) < 0) {
      /* Nobody is left to be told. */
    }
  }
  mps_telemetry_flush();
  abort();
}

static _Atomic(mps_lib_assert_fail_t) plinth_handler = plinth_assert_default;

mps_lib_assert_fail_t
mps_lib_assert_fail_install(mps_lib_assert_fail_t handler)
{
  if (handler == NULL)
    handler = plinth_assert_default;
  return atomic_exchange(&plinth_handler, handler);
}

void mps_lib_assert_fail(const char *file, unsigned line,
                         const char *condition)
{
  mps_lib_assert_fail_t handler = plinth_handler;

  handler(file, line, condition);
}


/* Time, in microseconds */

enum {
  PLINTH_CLOCKS_PER_SEC = 1000000,
  PLINTH_NS_PER_CLOCK = 1000
};

mps_clock_t mps_clocks_per_sec(void)
{
  return PLINTH_CLOCKS_PER_SEC;
}

mps_clock_t mps_clock(void)
{
  struct timespec now = {0};

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (mps_clock_t)now.tv_sec * PLINTH_CLOCKS_PER_SEC
         + (mps_clock_t)now.tv_nsec / PLINTH_NS_PER_CLOCK;
}


/* Telemetry */

/* The kinds of event, by the number of their bit. */
static const char *const plinth_kinds[]
    = {"arena", "pool", "trace", "seg", "ref", "object", "user"};
enum {
  PLINTH_KINDS = sizeof plinth_kinds / sizeof plinth_kinds[0]
};

/* The bits that one word of the control string asks for; none if it means
 * nothing to us. */
static unsigned long plinth_kind_bits(const char *word, Size length)
{
  if (length == 3 && strncasecmp(word, "all", length) == 0)
    return ~0ul;
  for (unsigned kind = 0; kind < PLINTH_KINDS; ++kind)
    if (strlen(plinth_kinds[kind]) == length
        && strncasecmp(word, plinth_kinds[kind], length) == 0)
      return 1ul << kind;
  return 0;
}

unsigned long mps_lib_telemetry_control(void)
{
  const char *control = getenv("MPS_TELEMETRY_CONTROL");
  unsigned long bits;
  char *end;

  if (control == NULL || *control == '\0')
    return 0;
  bits = strtoul(control, &end, 0);
  if (*end == '\0')
    return bits;
  bits = 0;
  while (*control != '\0') {
    Size length = strcspn(control, " ");
    bits |= plinth_kind_bits(control, length);
    control += length;
    control += strspn(control, " ");
  }
  return bits;
}

/* An mps_io_t is the file's descriptor, plus one.  Not a FILE, whose lock a
 * thread that is stopped may hold (.interface.plinth.io). */

static mps_io_t plinth_io(int file)
{
  return (mps_io_t)(Word)(file + 1);
}

static int plinth_file(mps_io_t io)
{
  return (int)(Word)io - 1;
}

mps_res_t mps_io_create(mps_io_t *io_o)
{
  const char *name = getenv("MPS_TELEMETRY_FILENAME");
  int file = open(name != NULL ? name : "mpsio.log",
                  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

  if (file < 0)
    return MPS_RES_IO;
  *io_o = plinth_io(file);
  return MPS_RES_OK;
}

void mps_io_destroy(mps_io_t io)
{
  (void)close(plinth_file(io));
}

mps_res_t mps_io_write(mps_io_t io, void *block, size_t size)
{
  const char *from = block;
  int saved = errno;

  while (size > 0) {
    ssize_t done = write(plinth_file(io), from, size);

    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      break;
    from += done;
    size -= (size_t)done;
  }
  errno = saved;
  return size == 0 ? MPS_RES_OK : MPS_RES_IO;
}

/* What was written is the system's, and outlives the process. */
mps_res_t mps_io_flush(mps_io_t io)
{
  return MPS_RES_OK;
}

#endif /* CONFIG_PLINTH_NONE */
