/* config.h -- what one episode of the mirror fuzzer is like
 *
 * Each figure comes from the command line, or else from the seed, so that
 * the seed and the command line together repeat an episode.
 *
 * Design: .fuzz.seed, .fuzz.repeat (design/fuzz.rst).
 */

#ifndef FUZZ_CONFIG_H
#define FUZZ_CONFIG_H

#include "chance.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNSET (-1L)

typedef enum Pools {
  POOLS_AMC,
  POOLS_AMCZ,
  POOLS_BOTH
} Pools;

typedef struct Config {
  long seed;           /* of the first episode */
  double seconds;      /* run episodes for so long, or one if 0 */
  long ops;            /* operations of each thread in an episode */
  long threads;        /* mutators */
  Pools pools;         /* which classes */
  long header;         /* in-band header, bytes */
  long align;          /* of the formats */
  long interior;       /* do interior pointers pin? */
  long gens;           /* in the chain; 0 is the arena's default chain */
  long extend_by;      /* 0 is the default */
  long large_size;     /* 0 is the default */
  long commit_limit;   /* bytes; 0 is none */
  double pause;        /* seconds; less than 0 is unset */
  const char *barrier; /* means of the write barrier; null is the default */
  long ambig;          /* slots for ambiguous references */
  long aps;            /* allocation points of each thread */
  long stack;          /* is the stack a root? */
  long tag;            /* of references in objects */
  long live;           /* bytes of live objects to aim at, each graph */
  long verify;         /* operations between verifications */
  long protect;        /* may roots be protected? */
  long grain;          /* of the arena, 0 is the default */
  long final;          /* are objects registered for finalization? */
  long stay;           /* pools whose objects stay: 1 << (class - STAY) */
  bool json;
  bool verbose;
} Config;

typedef enum ArgType {
  ARG_LONG,
  ARG_DOUBLE,
  ARG_TEXT,
  ARG_POOLS,
  ARG_FLAG
} ArgType;

typedef struct Arg {
  const char *name;
  ArgType type;
  size_t offset; /* in Config */
  const char *help;
} Arg;

static const Arg config_args[] = {
    {"seed", ARG_LONG, offsetof(Config, seed), "first episode's"},
    {"seconds", ARG_DOUBLE, offsetof(Config, seconds), "run episodes so long"},
    {"ops", ARG_LONG, offsetof(Config, ops), "operations in an episode"},
    {"threads", ARG_LONG, offsetof(Config, threads), "mutators"},
    {"pool", ARG_POOLS, offsetof(Config, pools), "amc, amcz or both"},
    {"header", ARG_LONG, offsetof(Config, header), "in-band header, bytes"},
    {"align", ARG_LONG, offsetof(Config, align), "of the formats, bytes"},
    {"interior", ARG_LONG, offsetof(Config, interior), "1: interior pins"},
    {"gens", ARG_LONG, offsetof(Config, gens), "generations, 0 default chain"},
    {"extend-by", ARG_LONG, offsetof(Config, extend_by), "bytes, 0 default"},
    {"large-size", ARG_LONG, offsetof(Config, large_size), "bytes, 0 default"},
    {"commit-limit", ARG_LONG, offsetof(Config, commit_limit),
     "bytes, 0 none"},
    {"pause", ARG_DOUBLE, offsetof(Config, pause), "seconds"},
    {"barrier", ARG_TEXT, offsetof(Config, barrier),
     "value of MOSTLY_BARRIER"},
    {"ambig", ARG_LONG, offsetof(Config, ambig), "slots that may pin"},
    {"aps", ARG_LONG, offsetof(Config, aps), "allocation points a thread"},
    {"stack", ARG_LONG, offsetof(Config, stack), "1: the stack is a root"},
    {"tag", ARG_LONG, offsetof(Config, tag), "of references in objects"},
    {"live", ARG_LONG, offsetof(Config, live), "bytes of live objects"},
    {"verify", ARG_LONG, offsetof(Config, verify),
     "operations between checks"},
    {"protect", ARG_LONG, offsetof(Config, protect), "1: MPS_RM_PROT roots"},
    {"grain", ARG_LONG, offsetof(Config, grain), "arena grain, 0 default"},
    {"final", ARG_LONG, offsetof(Config, final), "1: finalization"},
    {"stay", ARG_LONG, offsetof(Config, stay), "1 LO, 2 AMS, 4 AWL, 8 AEPH"},
    {"json", ARG_FLAG, offsetof(Config, json), "print facts as JSON"},
    {"verbose", ARG_FLAG, offsetof(Config, verbose), "print configurations"},
};

#define ARG_COUNT (sizeof config_args / sizeof config_args[0])


/* Failure.  The first thread that finds a fault reports it, with the
 * command that repeats it, and ends the process. */

static char config_fixed[1000];            /* arguments that aren't seeds */
static const char *config_program;         /* argv[0] */
static volatile long config_episode;       /* its seed */
static volatile long config_ops;           /* its operations */
static volatile long config_at;            /* operation of the first thread */
static volatile bool config_deterministic; /* one thread */

static void config_repeat_line(char *line, size_t size)
{
  long ops = config_deterministic ? config_at + 1 : config_ops;

  snprintf(line, size, "repeat: %s --seed %ld --ops %ld%s\n", config_program,
           config_episode, ops, config_fixed);
}

static void config_report(const char *what)
{
  char line[1300];
  ssize_t written;

  written = write(STDERR_FILENO, what, strlen(what));
  config_repeat_line(line, sizeof line);
  written += write(STDERR_FILENO, line, strlen(line));
  (void)written;
}

__attribute__((format(printf, 1, 2), noreturn)) static void
fail(const char *format, ...)
{
  static int failing;
  char what[400];
  va_list args;
  int n;

  if (__atomic_exchange_n(&failing, 1, __ATOMIC_SEQ_CST))
    for (;;)
      pause();
  va_start(args, format);
  n = snprintf(what, sizeof what, "FAILED at operation %ld: ", config_at);
  vsnprintf(what + n, sizeof what - (size_t)n - 1, format, args);
  va_end(args);
  what[sizeof what - 2] = '\0';
  what[strlen(what) + 1] = '\0';
  what[strlen(what)] = '\n';
  config_report(what);
  _exit(1);
}

#define EXPECT(condition) \
  ((condition) ? (void)0 : fail("%s:%d: %s", __FILE__, __LINE__, #condition))


/* From the command line */

static void config_usage(void)
{
  size_t i;

  for (i = 0; i < ARG_COUNT; ++i)
    fprintf(stderr, "  --%-14s %s\n", config_args[i].name,
            config_args[i].help);
  exit(2);
}

static Pools config_pools(const char *text)
{
  static const char *const names[] = {"amc", "amcz", "both"};
  int i;

  for (i = 0; i < 3; ++i)
    if (strcmp(text, names[i]) == 0)
      return (Pools)i;
  config_usage();
  return POOLS_BOTH;
}

static void config_set(Config *config, const Arg *arg, const char *text)
{
  void *at = (char *)config + arg->offset;

  switch (arg->type) {
  case ARG_LONG:
    *(long *)at = strtol(text, NULL, 0);
    break;
  case ARG_DOUBLE:
    *(double *)at = strtod(text, NULL);
    break;
  case ARG_TEXT:
    *(const char **)at = text;
    break;
  case ARG_POOLS:
    *(Pools *)at = config_pools(text);
    break;
  case ARG_FLAG:
    *(bool *)at = true;
    break;
  }
}

/* Is it the same in every episode, and needed to repeat one? */
static bool config_is_fixed(const Arg *arg)
{
  return strcmp(arg->name, "seed") != 0 && strcmp(arg->name, "seconds") != 0
         && strcmp(arg->name, "ops") != 0 && arg->type != ARG_FLAG;
}

static const Arg *config_arg(const char *text)
{
  size_t i;

  for (i = 0; i < ARG_COUNT; ++i)
    if (strncmp(text, "--", 2) == 0
        && strcmp(text + 2, config_args[i].name) == 0)
      return &config_args[i];
  config_usage();
  return NULL;
}

static void config_parse(Config *config, int argc, char **argv)
{
  int i;

  config_program = argv[0];
  for (i = 1; i < argc; ++i) {
    const Arg *arg = config_arg(argv[i]);
    const char *value = "";
    if (arg->type != ARG_FLAG) {
      if (++i >= argc)
        config_usage();
      value = argv[i];
    }
    config_set(config, arg, value);
    if (config_is_fixed(arg)) {
      size_t n = strlen(config_fixed);
      snprintf(config_fixed + n, sizeof config_fixed - n, " --%s %s",
               arg->name, value);
    }
  }
}

static Config config_unset(void)
{
  Config config;
  size_t i;

  memset(&config, 0, sizeof config);
  for (i = 0; i < ARG_COUNT; ++i)
    if (config_args[i].type == ARG_LONG)
      *(long *)((char *)&config + config_args[i].offset) = UNSET;
  config.seed = 1;
  config.threads = 1;
  config.pause = -1;
  config.pools = POOLS_BOTH;
  return config;
}


/* From the seed */

static void config_choose(long *value_io, Chance *chance, const long *values,
                          size_t count)
{
  long chosen = values[chance_below(chance, count)];

  if (*value_io == UNSET)
    *value_io = chosen;
}

#define CONFIG_CHOOSE(config, field, chance, ...) \
  do { \
    static const long values_[] = {__VA_ARGS__}; \
    config_choose(&(config)->field, chance, values_, \
                  sizeof values_ / sizeof values_[0]); \
  } while (0)

static void config_fill_sizes(Config *config, Chance *chance)
{
  long headers = (long)chance_below(chance, 4);

  CONFIG_CHOOSE(config, align, chance, 8, 8, 16, 32);
  if (config->header == UNSET)
    config->header = headers < 2 ? 0 : (headers - 1) * config->align;
  CONFIG_CHOOSE(config, extend_by, chance, 0, 0, 4096, 8192, 65536);
  CONFIG_CHOOSE(config, large_size, chance, 0, 0, 4096, 32768, 65536, 200000);
  if (config->large_size != 0) {
    long least = config->extend_by != 0 ? config->extend_by : 8192;
    if (config->large_size < least)
      config->large_size = least;
  } else if (config->extend_by > 32768) {
    config->large_size = config->extend_by;
  }
  CONFIG_CHOOSE(config, grain, chance, 0, 0, 0, 4096, 16384);
  CONFIG_CHOOSE(config, live, chance, 20000, 100000, 400000, 2000000);
}

/* Fill what the command line left open.  Choices are made in any case, so
 * that fixing one doesn't change the others. */
static void config_fill(Config *config, long seed)
{
  static const double pauses[] = {0.0, 0.001, 0.1, 1e9};
  static const char *const barriers[] = {"track", "protect", "none"};
  Chance chance = {(uint64_t)seed};
  double pause_time = pauses[chance_below(&chance, 4)];
  const char *barrier = barriers[chance_below(&chance, 3)];

  config->seed = seed;
  config_fill_sizes(config, &chance);
  CONFIG_CHOOSE(config, interior, &chance, 1, 1, 1, 0);
  CONFIG_CHOOSE(config, gens, &chance, 0, 1, 2, 3, 5);
  CONFIG_CHOOSE(config, commit_limit, &chance, 0);
  CONFIG_CHOOSE(config, ambig, &chance, 0, 1, 8, 40);
  CONFIG_CHOOSE(config, aps, &chance, 1, 2, 3, 6);
  CONFIG_CHOOSE(config, stack, &chance, 0, 1);
  CONFIG_CHOOSE(config, tag, &chance, 0, 0, 3, 7);
  CONFIG_CHOOSE(config, verify, &chance, 1, 20, 200, 1000, 5000);
  CONFIG_CHOOSE(config, protect, &chance, 0, 0, 1);
  CONFIG_CHOOSE(config, ops, &chance, 1000, 3000, 10000);
  CONFIG_CHOOSE(config, final, &chance, 0, 1, 1);
  CONFIG_CHOOSE(config, stay, &chance, 0, 0, 1, 2, 4, 8, 12, 15, 15);
  if (config->pause < 0)
    config->pause = pause_time;
  if (config->barrier == NULL)
    config->barrier = barrier;
  if (config->threads > 1) {
    /* A thread may be stopped between loading a reference and storing it,
     * so the stack must be a root, and the root sees no tagged words. */
    config->stack = 1;
    config->tag = 0;
  }
  if (config->verify == 1 && config->live > 100000)
    config->verify = 20; /* or it takes minutes */
}

static void config_print(const Config *config)
{
  size_t i;

  fprintf(stderr, "episode:");
  for (i = 0; i < ARG_COUNT; ++i)
    if (config_args[i].type == ARG_LONG)
      fprintf(stderr, " --%s %ld", config_args[i].name,
              *(const long *)((const char *)config + config_args[i].offset));
  fprintf(stderr, " --pause %g --barrier %s\n", config->pause,
          config->barrier);
}

#endif /* FUZZ_CONFIG_H */
