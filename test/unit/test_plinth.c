/* test_plinth.c -- the default plinth, and the filter of telemetry
 *
 * Each test is a process of its own, so the environment that it sets is the
 * first that the library sees.
 */

#include "base/base.h"
#include "include/mpsio.h"
#include "include/mpslib.h"
#include "unit.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* COVERS(".interface.req.plinth"): one line that says it all, then abort. */
START_TEST(default_handler_prints_and_aborts)
{
  char text[200] = "";
  int ends[2];
  int status;
  pid_t child;

  ck_assert_int_eq(pipe(ends), 0);
  child = fork();
  if (child == 0) {
    (void)dup2(ends[1], STDERR_FILENO);
    mps_lib_assert_fail("some/file.c", 123, "a < b");
    _exit(0);
  }
  (void)close(ends[1]);
  ck_assert_int_gt(read(ends[0], text, sizeof text - 1), 0);
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  ck_assert_str_eq(text, "mostly: some/file.c:123: failed: a < b\n");
}
END_TEST

static const char *heard;

static void hear(const char *file, unsigned line, const char *condition)
{
  heard = condition;
}

/* COVERS(".interface.req.plinth"): install, and give back the old one. */
START_TEST(handlers_are_replaced)
{
  mps_lib_assert_fail_t original = mps_lib_assert_fail_install(hear);
  volatile int one = 1;

  mps_lib_assert_fail("f", 1, "said");
  ck_assert_str_eq(heard, "said");
  ASSERT(one == 2); /* goes on, since the handler returns */
  ck_assert_str_eq(heard, "one == 2");
  ck_assert(mps_lib_assert_fail_install(original) == hear);
  ck_assert(mps_lib_assert_fail_install(NULL) == original);
  ck_assert(mps_lib_assert_fail_install(hear) == original);
}
END_TEST

/* COVERS(".interface.req.plinth"): the line is cut, not lost. */
START_TEST(a_long_condition_keeps_its_newline)
{
  static char condition[2000];
  char text[2000] = "";
  int ends[2];
  pid_t child;

  memset(condition, 'x', sizeof condition - 1);
  ck_assert_int_eq(pipe(ends), 0);
  child = fork();
  if (child == 0) {
    (void)dup2(ends[1], STDERR_FILENO);
    mps_lib_assert_fail("file.c", 7, condition);
    _exit(0);
  }
  (void)close(ends[1]);
  ck_assert_int_gt(read(ends[0], text, sizeof text - 1), 400);
  ck_assert_ptr_nonnull(strstr(text, "file.c:7"));
  ck_assert(strchr(text, '\n') == text + strlen(text) - 1);
  ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

/* COVERS(".interface.req.plinth") */
START_TEST(clock_counts_microseconds)
{
  mps_clock_t before;
  mps_clock_t after;

  ck_assert_uint_eq(mps_clocks_per_sec(), 1000000);
  before = mps_clock();
  (void)usleep(20000);
  after = mps_clock();
  ck_assert_uint_ge(after - before, 20000);
  ck_assert_uint_lt(after - before, 20000000);
}
END_TEST

/* COVERS(".interface.req.plinth"): as the functions of C. */
START_TEST(blocks_and_streams)
{
  char one[4] = "abc";
  char other[4] = "abd";

  ck_assert_int_eq(mps_lib_get_EOF(), EOF);
  ck_assert_ptr_eq((void *)mps_lib_get_stderr(), (void *)stderr);
  ck_assert_ptr_eq((void *)mps_lib_get_stdout(), (void *)stdout);
  ck_assert_int_eq(mps_lib_fputc('\n', mps_lib_get_stdout()), '\n');
  ck_assert_int_ge(mps_lib_fputs("\n", mps_lib_get_stdout()), 0);
  ck_assert_int_lt(mps_lib_memcmp(one, other, 4), 0);
  ck_assert_ptr_eq(mps_lib_memcpy(one, other, 4), one);
  ck_assert_int_eq(mps_lib_memcmp(one, other, 4), 0);
  ck_assert_ptr_eq(mps_lib_memset(one, 'z', 2), one);
  ck_assert_str_eq(one, "zzd");
}
END_TEST

/* COVERS(".interface.req.plinth"): the file that the environment names. */
START_TEST(io_writes_the_file_it_is_told)
{
  char name[] = "plinth-XXXXXX";
  char got[8] = "";
  mps_io_t io = NULL;
  FILE *file;

  ck_assert_int_ge(mkstemp(name), 0);
  ck_assert_int_eq(setenv("MPS_TELEMETRY_FILENAME", name, 1), 0);
  ck_assert_int_eq(mps_io_create(&io), MPS_RES_OK);
  ck_assert_int_eq(mps_io_write(io, (void *)"event", 5), MPS_RES_OK);
  ck_assert_int_eq(mps_io_flush(io), MPS_RES_OK);
  file = fopen(name, "rb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fread(got, 1, sizeof got, file), 5);
  ck_assert_str_eq(got, "event");
  (void)fclose(file);
  mps_io_destroy(io);
  ck_assert_int_eq(unlink(name), 0);
  ck_assert_int_eq(setenv("MPS_TELEMETRY_FILENAME", "no/such/place", 1), 0);
  io = NULL;
  ck_assert_int_eq(mps_io_create(&io), MPS_RES_IO);
  ck_assert_ptr_null(io);
}
END_TEST

/* COVERS(".interface.req.telemetry") */
START_TEST(control_is_a_number_or_names_or_all)
{
  static const struct {
    const char *text;
    unsigned long bits;
  } cases[] = {
      {"", 0},
      {"0", 0},
      {"5", 5},
      {"0x60", 0x60},
      {"arena", 1},
      {"Pool", 2},
      {"trace", 4},
      {"seg", 8},
      {"ref", 16},
      {"object", 32},
      {"user", 64},
      {"user  arena ", 65},
      {"all", ~0ul},
      {"pool all", ~0ul},
      {"pools", 0},
      {"nothing", 0},
      {"pool nothing seg", 10},
  };

  (void)unsetenv("MPS_TELEMETRY_CONTROL");
  ck_assert_uint_eq(mps_lib_telemetry_control(), 0);
  for (Index i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    (void)setenv("MPS_TELEMETRY_CONTROL", cases[i].text, 1);
    ck_assert_msg(mps_lib_telemetry_control() == cases[i].bits, "%s",
                  cases[i].text);
  }
}
END_TEST

/* COVERS(".interface.req.telemetry") */
START_TEST(filter_starts_with_the_control_and_is_set_by_bits)
{
  (void)setenv("MPS_TELEMETRY_CONTROL", "pool user", 1);
  mps_telemetry_set(4);
  ck_assert_uint_eq(mps_telemetry_get(), 2 | 64 | 4);
  mps_telemetry_reset(2 | 8);
  ck_assert_uint_eq(mps_telemetry_get(), 64 | 4);
  (void)setenv("MPS_TELEMETRY_CONTROL", "all", 1); /* too late */
  ck_assert_uint_eq(mps_telemetry_get(), 64 | 4);
}
END_TEST

/* COVERS(".interface.req.telemetry") */
START_TEST(labels_are_unique)
{
  static char longest[257];
  mps_label_t one = mps_telemetry_intern("same");
  mps_label_t other = mps_telemetry_intern("same");

  memset(longest, 'x', sizeof longest - 1);
  ck_assert_uint_ne(one, 0);
  ck_assert_uint_ne(one, other);
  ck_assert_uint_ne(mps_telemetry_intern(longest), other);
  ck_assert_uint_ne(mps_telemetry_intern(""), one);
  mps_telemetry_label(longest, one);
  mps_telemetry_flush();
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("plinth");

  unit_seed("plinth");
  unit_add(suite, "default handler", default_handler_prints_and_aborts);
  unit_add(suite, "long condition", a_long_condition_keeps_its_newline);
  unit_add(suite, "handlers", handlers_are_replaced);
  unit_add(suite, "clock", clock_counts_microseconds);
  unit_add(suite, "C library", blocks_and_streams);
  unit_add(suite, "io", io_writes_the_file_it_is_told);
  unit_add(suite, "control", control_is_a_number_or_names_or_all);
  unit_add(suite, "filter", filter_starts_with_the_control_and_is_set_by_bits);
  unit_add(suite, "labels", labels_are_unique);
  return unit_run(suite);
}
