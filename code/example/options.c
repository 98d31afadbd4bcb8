/* options.c -- the command line
 *
 * Design: .example.options (design/example.rst).
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scheme.h"

#define STACK_WORDS_DEFAULT ((size_t)1 << 23)
#define CHAIN_GENERATIONS_MAX 16
/* What a pool asks for unless told, as the manual says. */
#define EXTEND_BY_DEFAULT ((size_t)4096)
/* More than there is address space for, of words or bytes. */
#define SIZE_TOO_BIG (SIZE_MAX / 16)

void options_usage(FILE *stream)
{
  fputs("usage: mostly-scheme [option ...] [file [argument ...]]\n"
        "Runs the file, or reads expressions from the standard input.\n"
        "  -e EXPRESSION       evaluate it and print the value; no file\n"
        "  --report            print what the collector did, at the end\n"
        "  --json              the same as one line of JSON\n"
        "  --chain LIST        generations as KILOBYTES:MORTALITY, ...\n"
        "  --extend-by BYTES   how much a pool asks for at a time\n"
        "  --large-size BYTES  objects this big get a segment of their own\n"
        "  --arena-size BYTES  address space to start with\n"
        "  --pause-time SECONDS\n"
        "  --spare FRACTION    memory to keep for reuse\n"
        "  --commit-limit BYTES\n"
        "  --stack-size WORDS  depth of recursion\n"
        "  --collect-every N   collect everything every N objects\n"
        "  --prelude FILE      instead of the one that is built in\n"
        "BYTES and WORDS may end in k, m or g.\n",
        stream);
}

static bool parse_size(const char *text, size_t *size_out)
{
  char *end;
  unsigned long long number;
  unsigned shift;

  errno = 0;
  number = strtoull(text, &end, 10);
  shift = *end == 'k' ? 10 : *end == 'm' ? 20 : *end == 'g' ? 30 : 0;
  if (shift != 0)
    ++end;
  if (errno != 0 || end == text || *end != '\0' || *text == '-'
      || number > SIZE_MAX >> shift)
    return false;
  *size_out = (size_t)number << shift;
  return true;
}

static bool parse_seconds(const char *text, double *number_out)
{
  char *end;

  *number_out = strtod(text, &end);
  return end != text && *end == '\0' && *number_out >= 0;
}

/* Each generation's capacity is in units of 1024 bytes and not zero, and its
 * mortality is from 0 to 1: what mps_chain_create asks for. */
static bool check_chain(const char *text)
{
  int count = 0;

  for (;;) {
    char *end;
    unsigned long capacity = strtoul(text, &end, 10);
    double mortality;

    if (end == text || *end != ':' || capacity == 0
        || capacity > SIZE_MAX / 1024 || *text == '-')
      return false;
    text = end + 1;
    mortality = strtod(text, &end);
    if (end == text || !(mortality >= 0 && mortality <= 1)
        || ++count > CHAIN_GENERATIONS_MAX)
      return false;
    if (*end == '\0')
      return true;
    if (*end != ',')
      return false;
    text = end + 1;
  }
}

static bool parse_value(Options *options, const char *name, const char *value)
{
  const struct {
    const char *name;
    size_t *size;
  } sizes[] = {{"--extend-by", &options->extend_by},
               {"--large-size", &options->large_size},
               {"--arena-size", &options->arena_size},
               {"--commit-limit", &options->commit_limit},
               {"--stack-size", &options->stack_words},
               {"--collect-every", &options->collect_every}};

  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
    if (strcmp(name, sizes[i].name) == 0)
      return parse_size(value, sizes[i].size);
  }
  if (strcmp(name, "--pause-time") == 0)
    return parse_seconds(value, &options->pause_time);
  if (strcmp(name, "--spare") == 0)
    return parse_seconds(value, &options->spare) && options->spare <= 1;
  if (strcmp(name, "--chain") == 0) {
    options->chain = value;
    return check_chain(value);
  }
  if (strcmp(name, "--prelude") == 0) {
    options->prelude = value;
    return true;
  }
  if (strcmp(name, "-e") == 0) {
    options->expression = value;
    return true;
  }
  return false;
}

/* What mps_pool_create_k asks for, and the stack's size in bytes. */
static bool check_sizes(const Options *options)
{
  size_t extend_by
      = options->extend_by != 0 ? options->extend_by : EXTEND_BY_DEFAULT;

  if (options->stack_words > SIZE_TOO_BIG || extend_by > SIZE_TOO_BIG) {
    fputs("mostly-scheme: --stack-size or --extend-by is too big\n", stderr);
    return false;
  }
  if (options->large_size != 0 && options->large_size < extend_by) {
    fputs("mostly-scheme: --large-size must be at least --extend-by\n",
          stderr);
    return false;
  }
  return true;
}

bool options_parse(Options *options_out, int argc, char **argv)
{
  Options options
      = {.pause_time = -1, .spare = -1, .stack_words = STACK_WORDS_DEFAULT};
  int i;

  for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; ++i) {
    if (strcmp(argv[i], "--report") == 0) {
      options.report = true;
    } else if (strcmp(argv[i], "--json") == 0) {
      options.json = true;
    } else if (i + 1 < argc && parse_value(&options, argv[i], argv[i + 1])) {
      ++i;
    } else {
      fprintf(stderr, "mostly-scheme: bad option or value: %s %s\n", argv[i],
              i + 1 < argc ? argv[i + 1] : "");
      return false;
    }
  }
  if (!check_sizes(&options))
    return false;
  options.first_script = i;
  *options_out = options;
  return true;
}
