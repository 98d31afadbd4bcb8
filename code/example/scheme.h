/* scheme.h -- a small Scheme whose memory is managed by Mostly
 *
 * The example is a complete language runtime, kept small enough to be read
 * in an afternoon.  It shows how each part of a runtime meets the memory
 * pools: the object format (format.c), the pools, roots and allocation
 * (heap.c), tables that key on addresses (table.c), and a virtual machine
 * whose stack is an exact root while the C stack is an ambiguous one (vm.c).
 *
 * Values are one word (.example.value).  A word whose low three bits are
 * zero is a reference; the others are immediate:
 *
 *   ...xxx1   fixnum, 63 bits
 *   ...x010   character
 *   ...x110   constant: #f, #t, (), ...
 *
 * Design: .example (design/example.rst).
 */

#ifndef SCHEME_H
#define SCHEME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "mps.h"

typedef struct Object Object;
typedef Object *Value;

/* Every object starts with a header that holds its size in words above its
 * type, so that any object can be skipped without knowing its type. */
struct Object {
  uintptr_t header;
  Value slot[];
};

typedef enum Type {
  /* Left behind by the collector. */
  TYPE_FORWARD, /* slot 0 is where the object went */
  TYPE_PAD,

  /* Objects whose slots are all values; they live in the AMC pool. */
  TYPE_PAIR,
  TYPE_VECTOR, /* its length, then the items */
  TYPE_BOX,    /* a variable that is assigned to, or not ready yet */
  TYPE_SYMBOL,
  TYPE_CLOSURE, /* code, then the values that it captured */
  TYPE_CODE,
  TYPE_PRIMITIVE,
  TYPE_SYNTAX, /* a special form (fixnum) or macro (procedure) */
  TYPE_CONTINUATION,
  TYPE_TABLE,
  TYPE_RECORD, /* record type, then the fields */
  TYPE_RECORD_TYPE,
  TYPE_ERROR,
  TYPE_PORT,
  TYPE_VALUES,
  TYPE_NODE, /* a piece of a program on its way to code */
  TYPE_GUARDIAN,

  /* The arrays of weak tables; they live in the pools of weak.c. */
  TYPE_ENTRIES,    /* their number, then the keys or the values, partner */
  TYPE_EPHEMERONS, /* their number, the keys, the values, and null */

  /* Objects that hold no values; they live in the AMCZ pool. */
  TYPE_STRING,
  TYPE_BYTES,
  TYPE_FLONUM,
  TYPE_BIGNUM
} Type;

#define TYPE_FIRST_LEAF TYPE_STRING
#define HEADER_SHIFT 8
#define HEADER(type, words) ((uintptr_t)(words) << HEADER_SHIFT | (type))

typedef struct String {
  uintptr_t header;
  size_t length;    /* characters */
  uint32_t chars[]; /* code points, so that string-ref takes no search */
} String;

typedef struct Bytes {
  uintptr_t header;
  size_t length;
  unsigned char data[];
} Bytes;

typedef struct Flonum {
  uintptr_t header;
  double value;
} Flonum;

/* An integer that doesn't fit in a fixnum: sign and magnitude, least
 * significant limb first, without leading zero limbs. */
typedef struct Bignum {
  uintptr_t header;
  int32_t sign; /* 1 or -1 */
  uint32_t length;
  uint32_t limb[];
} Bignum;


/* Values */

#define REFERENCE_MASK 7u
#define TAG_CHARACTER 2u
#define TAG_CONSTANT 6u
#define CONSTANT(n) ((Value)((uintptr_t)(n) << 3 | TAG_CONSTANT))
#define FALSE_VALUE CONSTANT(0)
#define TRUE_VALUE CONSTANT(1)
#define NIL CONSTANT(2)
#define UNSPECIFIED CONSTANT(3)
#define UNDEFINED CONSTANT(4) /* the value of a variable without one */
#define DEFAULT_OBJECT CONSTANT(5)
#define EOF_OBJECT CONSTANT(6)
#define FREE_ENTRY CONSTANT(7)   /* in tables: never used */
#define CONTROL_MARK CONSTANT(8) /* from primitives: vm.c goes on */

/* A key of a table that was deleted.  It is what the collector makes of a
 * weak reference to something dead, so that those need no other care. */
#define DELETED_ENTRY ((Value)NULL)

#define FIXNUM_MAX (INTPTR_MAX >> 1)
#define FIXNUM_MIN (INTPTR_MIN >> 1)

static inline uintptr_t value_word(Value v)
{
  return (uintptr_t)v;
}

static inline bool is_reference(Value v)
{
  return (value_word(v) & REFERENCE_MASK) == 0;
}

static inline bool is_fixnum(Value v)
{
  return (value_word(v) & 1) != 0;
}

static inline Value fixnum(intptr_t n)
{
  return (Value)((uintptr_t)n << 1 | 1);
}

static inline intptr_t fixnum_value(Value v)
{
  return (intptr_t)v >> 1;
}

static inline bool is_character(Value v)
{
  return (value_word(v) & REFERENCE_MASK) == TAG_CHARACTER;
}

static inline Value character(uint32_t code)
{
  return (Value)((uintptr_t)code << 3 | TAG_CHARACTER);
}

static inline uint32_t character_code(Value v)
{
  return (uint32_t)(value_word(v) >> 3);
}

static inline Value boolean(bool b)
{
  return b ? TRUE_VALUE : FALSE_VALUE;
}

static inline bool is_true(Value v)
{
  return v != FALSE_VALUE;
}

static inline Type object_type(Value v)
{
  return (Type)(v->header & (((uintptr_t)1 << HEADER_SHIFT) - 1));
}

static inline size_t object_words(Value v)
{
  return v->header >> HEADER_SHIFT;
}

static inline bool is_type(Value v, Type type)
{
  return is_reference(v) && object_type(v) == type;
}

static inline bool is_pair(Value v)
{
  /* All pairs have one size, so their headers are one constant. */
  return is_reference(v) && v->header == HEADER(TYPE_PAIR, 3);
}

static inline Value car(Value pair)
{
  return pair->slot[0];
}

static inline Value cdr(Value pair)
{
  return pair->slot[1];
}

static inline String *as_string(Value v)
{
  return (String *)(void *)v;
}

static inline Bytes *as_bytes(Value v)
{
  return (Bytes *)(void *)v;
}

static inline size_t vector_length(Value v)
{
  return (size_t)fixnum_value(v->slot[0]);
}

static inline Value *vector_item(Value v, size_t index)
{
  return &v->slot[1 + index];
}


/* What the slots of each type are called */

enum {
  CAR,
  CDR
};
enum {
  BOX_VALUE
};
enum {
  SYMBOL_NAME,
  SYMBOL_VALUE,
  SYMBOL_HASH,
  SYMBOL_SLOTS
};
enum {
  CLOSURE_CODE,
  CLOSURE_CAPTURED
};
enum {
  CODE_INSTRUCTIONS, /* bytes */
  CODE_CONSTANTS,    /* vector */
  CODE_REQUIRED,     /* parameters without the rest parameter */
  CODE_REST,         /* boolean: is there one? */
  CODE_DEPTH,        /* stack words that it needs above its arguments */
  CODE_NAME,
  CODE_SLOTS
};
enum {
  PRIMITIVE_INDEX,
  PRIMITIVE_SLOTS
};
enum {
  SYNTAX_EXPANDER,
  SYNTAX_SLOTS
};
enum {
  TABLE_KIND,
  TABLE_WEAKNESS,
  TABLE_COUNT,     /* entries; in a weak table, at most so many */
  TABLE_USED,      /* entries and deleted entries */
  TABLE_LOCATIONS, /* bytes: a location dependency, see table.c */
  TABLE_KEYS,
  TABLE_VALUES, /* the same as the keys if they are in one array */
  TABLE_SLOTS
};
enum {
  RECORD_TYPE,
  RECORD_FIELDS
};
enum {
  RECORD_TYPE_NAME,
  RECORD_TYPE_FIELDS,
  RECORD_TYPE_SLOTS
};
enum {
  ERROR_KIND,
  ERROR_MESSAGE,
  ERROR_IRRITANTS,
  ERROR_SLOTS
};
enum {
  PORT_KIND,
  PORT_STREAM,
  PORT_TEXT,
  PORT_POSITION,
  PORT_LINE,
  PORT_SLOTS
};
enum {
  GUARDIAN_ID,
  GUARDIAN_FIRST, /* the list of objects to give out */
  GUARDIAN_LAST,  /* its last pair */
  GUARDIAN_SLOTS
};


/* heap.c -- the arena, the pools, the roots, and allocation
 *
 * Every make_ function may run a collection, and raises a Scheme error when
 * memory is used up.  A reference in a C local or argument is safe across
 * it, because the thread's stack and registers are an ambiguous root. */

typedef struct Options {
  const char *chain; /* as in "512:0.85,8192:0.5", or null: the default */
  size_t extend_by;  /* these are 0 where the default is to be used */
  size_t large_size;
  size_t arena_size;
  size_t commit_limit;
  size_t collect_every; /* allocations, 0 for never */
  size_t stack_words;
  double pause_time; /* seconds, negative for the default */
  double spare;      /* fraction, negative for the default */
  bool report;
  bool json;
  const char *prelude;    /* null for the usual one */
  const char *expression; /* null if there is none */
  int first_script; /* where in argv the scripts and their arguments are */
} Options;

/* The exact roots other than the stack.  Each is a value at any time. */
typedef struct Roots {
  Value symbols;       /* vector of lists */
  Value raise_hook;    /* the procedure that errors are passed to */
  Value out_of_memory; /* an error object made beforehand */
  Value escapes;       /* the innermost escape that can be taken */
  Value current_output;
  Value current_input;
  Value command_line;
  Value load_place; /* what is being loaded, for messages */
  Value guarded;    /* tables of guardian.c; nil until there is a guardian */
  Value guardians;
  Value labels;    /* what labels_find found in what is being printed */
  Value pending;   /* the error on its way to the virtual machine */
  Value procedure; /* what vm_tail_apply was asked to call */
  Value throw_to;  /* the continuation that is being taken, and with what */
  Value throw_value;
  Value well_known[12]; /* symbols that C code names; see symbol.c */
} Roots;

extern Roots roots;

typedef struct HeapCounts {
  uint64_t objects;
  uint64_t bytes;
  uint64_t forced;    /* collections by collect_every */
  uint64_t finalized; /* objects that were told to be dead */
  uint64_t layouts;   /* of tables, because a key had moved */
} HeapCounts;

extern HeapCounts heap_counts;

void heap_create(const Options *options, void *cold);
void heap_destroy(void);
void heap_collect(void);
size_t heap_collections(void);
size_t heap_committed(void);
uint64_t heap_collect_every(void);
mps_arena_t heap_arena(void);
mps_chain_t heap_chain(void); /* null: the arena's own */

/* One of the pools from 0 on and what it is for, or null and null. */
mps_pool_t heap_pool(size_t index, const char **name_out);

/* Ends in a Scheme error: there is no memory. */
_Noreturn void heap_exhausted(void);

/* Asks for a message when the object is dead (guardian.c takes it). */
bool heap_finalize(Value object);

Value make_object(Type type, size_t slots, Value fill);
Value make_object_at(mps_ap_t ap, Type type, size_t slots, Value first,
                     Value fill); /* of at least one slot */
Value make_pair(Value first, Value second);
Value make_vector(size_t length, Value fill);
Value make_table_vector(size_t length, Value fill);
Value make_closure(Value code, size_t count, const Value *captured);
Value make_string(size_t length, uint32_t fill);
Value make_bytes(size_t length, unsigned char fill);
Value make_flonum(double value);
Value make_bignum(size_t limbs);
Value make_box(Value value);
Value make_guardian(intptr_t id);
Value make_error(Value kind, Value message, Value irritants);

/* format.c -- the object format that both pools share */
mps_res_t format_create(mps_fmt_t *format_out, mps_arena_t arena);


/* symbol.c -- symbols, and strings as seen from C */

typedef enum WellKnown {
  SYM_QUOTE,
  SYM_QUASIQUOTE,
  SYM_UNQUOTE,
  SYM_UNQUOTE_SPLICING,
  SYM_DEFINE,
  SYM_BEGIN,
  SYM_LAMBDA,
  SYM_ERROR,
  SYM_READ_ERROR,
  SYM_FILE_ERROR,
  SYM_OUT_OF_MEMORY,
  SYM_COUNT
} WellKnown;

void symbols_create(void);
Value symbol_known(WellKnown which);
Value symbol_intern(Value name);
Value symbol_intern_c(const char *name);
Value symbol_generate(void);
Value string_from_c(const char *text);
Value string_from_utf8(const char *text, size_t bytes);
Value string_concat(Value first, Value second);
bool string_equal(Value a, Value b);
uintptr_t string_hash(Value string);

/* Writes the string as UTF-8 with a null at the end, cut to fit, and
 * returns the bytes that the whole would take without the null. */
size_t string_to_utf8(Value string, char *buffer, size_t size);
size_t utf8_encode(uint32_t code, char buffer[4]);
bool is_scalar(uint32_t code); /* is there such a character in Unicode? */

/* Does code, that count bytes of UTF-8 were decoded to, need so many and
 * stand for a character? */
bool utf8_is_right(uint32_t code, size_t count);


/* list.c -- helpers on lists */

Value list_reverse(Value list);
intptr_t list_length(Value list); /* -1 unless it is a proper list */
Value list_2(Value a, Value b);
Value list_3(Value a, Value b, Value c);
bool list_is_circular(Value list);


/* equal.c -- the equivalence predicates */

bool values_eqv(Value a, Value b);
bool values_equal(Value a, Value b); /* makes no objects */


/* number.c and bignum.c -- integers of any size, and floats */

bool is_number(Value v);
bool is_integer(Value v); /* exact */
Value number_from_int(intptr_t n);
Value number_add(Value a, Value b);
Value number_sub(Value a, Value b);
Value number_mul(Value a, Value b);
int number_compare(const char *who, Value a,
                   Value b); /* -1, 0, 1; 2 if not ordered */
double number_to_double(const char *who, Value v);
Value number_parse(Value string, int radix); /* FALSE_VALUE if it isn't */
Value number_format(Value number, int radix);
uintptr_t number_hash(Value v);

Value bignum_add(Value a, Value b);
Value bignum_sub(Value a, Value b);
Value bignum_mul(Value a, Value b);
void bignum_divide(Value a, Value b, Value *quotient_out,
                   Value *remainder_out);
int bignum_compare(Value a, Value b);
double bignum_to_double(Value a);
double bignum_fraction(Value a, int *exponent_out); /* as frexp */
Value bignum_from_double(double d);
Value bignum_parse(const char *digits, size_t count, int radix);
Value bignum_format(Value a, int radix);


/* table.c -- hash tables */

typedef enum TableKind {
  TABLE_EQ,
  TABLE_EQUAL
} TableKind;

typedef enum Weakness {
  WEAK_NONE,
  WEAK_KEYS,     /* an entry goes when its key is otherwise dead */
  WEAK_VALUES,   /* when its value is */
  WEAK_BOTH,     /* when either is */
  WEAK_EPHEMERON /* when its key is, but for what the value refers to */
} Weakness;
#define WEAKNESS_COUNT 5

Value table_create(TableKind kind, Weakness weakness);
Value table_create_like(Value table);
Value table_ref(Value table, Value key, Value otherwise);
void table_set(Value table, Value key, Value value);
bool table_delete(Value table, Value key);
void table_clear(Value table);
size_t table_count(Value table);
Value table_to_alist(Value table);
uintptr_t hash_equal(Value v, bool *by_address_out);

/* Lays the table out anew if its keys have moved: then lookups make no
 * objects until something else does. */
void table_refresh(Value table);
bool table_is_stale(Value table);


/* weak.c -- the arrays of weak tables */

void weak_create(mps_arena_t arena, mps_chain_t chain);
void weak_destroy(void);
mps_pool_t weak_pool(size_t index, const char **name_out); /* or null */

/* Makes the arrays for so many entries, full of FREE_ENTRY. */
void weak_make_arrays(Weakness weakness, size_t capacity, Value *keys_out,
                      Value *values_out);


/* guardian.c -- finalization: guardians, and ports that nobody closed */

Value guardian_create(void);
void guardian_register(Value guardian, Value object);
Value guardian_take(Value guardian); /* FALSE_VALUE if there is none */

/* Takes the messages about dead objects. */
void finals_poll(void);


/* port.c -- text streams */

Value port_open_file(Value name, bool output);
bool port_path(Value name, char *path, size_t size); /* can it be one? */
Value port_open_string(Value text);
Value port_open_output_string(void);
Value port_text(Value port);
void port_close(Value port);
void port_put(Value port, uint32_t code);
void port_put_c(Value port, const char *text);
int32_t port_get(Value port);  /* -1 at the end */
int32_t port_peek(Value port); /* likewise */
void port_flush(Value port);
bool port_is_input(Value v);
bool port_is_output(Value v);
bool port_is_open_file(Value v);
void ports_create(void);


/* reader.c, printer.c */

Value read_value(Value port); /* EOF_OBJECT at the end */
void print_value(Value port, Value v, bool write);
bool reader_is_delimiter(int32_t c); /* does it end a symbol or number? */

/* labels.c -- which objects a circular structure comes back to */

/* A table of the objects that contain themselves, each with #t, or
 * FALSE_VALUE if there is none. */
Value labels_find(Value v);


/* expand.c, body.c and compile.c -- from programs as data to code */

Value compile_toplevel(Value form); /* a procedure without parameters */
void expand_create(void);


/* vm.c -- the virtual machine */

/* A procedure in C.  One with a fixed number of parameters finds
 * DEFAULT_OBJECT in place of those that were left out.  The arguments lie on
 * the machine's stack, so they are exact references: they are up to date
 * after a collection, but copies of them in C locals are too, because those
 * pin what they refer to. */
typedef struct Primitive {
  const char *name;
  int least; /* arguments */
  int most;  /* MANY if it is variadic */
  Value (*fixed)(Value *args);
  Value (*variadic)(Value *args, int count);
} Primitive;

#define MANY (-1)
#define PRIMITIVE_COUNT(table) (sizeof(table) / sizeof(table)[0])

void vm_create(size_t stack_words, void *cold);
void vm_destroy(void);
void *vm_cold_end(void);

/* Calls a procedure from C on a list of arguments, and returns its value. */
Value vm_call(Value procedure, Value list);

/* For primitives that end in a call: puts the list in the place of their
 * arguments, and returns what they must return. */
Value vm_tail_apply(Value *args, Value procedure, Value list);

/* Raises an error object; never returns. */
_Noreturn void vm_raise(Value error);

/* Ends the program from any depth, through the outermost vm_toplevel. */
_Noreturn void vm_exit(int status);

/* Runs body with data as its only argument; the result is its exit status,
 * or the one that vm_exit was called with. */
int vm_toplevel(int (*body)(void *data), void *data);

void primitives_define(const Primitive *table, size_t count);
const Primitive *primitive_entry(Value primitive);
void vm_define_primitives(void);


/* error.c -- errors that primitives raise */

_Noreturn void error_raise(WellKnown kind, const char *message,
                           Value irritants);
_Noreturn void error_wrong_type(const char *who, const char *expected,
                                Value got);
_Noreturn void error_plain(const char *who, const char *message);

/* Each returns its argument when it is what the name says. */
Value check_type(const char *who, Value v, Type type, const char *expected);
Value check_pair(const char *who, Value v);
Value check_string(const char *who, Value v);
Value check_symbol(const char *who, Value v);
intptr_t check_fixnum(const char *who, Value v);
size_t check_index(const char *who, Value v, size_t last);
uint32_t check_character(const char *who, Value v);

/* Where an optional [start, end), the first two of args, lies in something
 * of the given length. */
void check_range(const char *who, const Value *args, size_t length,
                 size_t *start_out, size_t *end_out);

/* Functions that call themselves on nested data call this, so that data
 * nested too deeply is an error and no crash. */
#define NESTING_BYTES ((size_t)4 << 20) /* of the C stack's usual 8 MiB */
void error_check_nesting(const char *who);


/* builtins_*.c -- the primitives by subject */

void builtins_list(void);
void builtins_vector(void);
void builtins_number(void);
void builtins_text(void);
void builtins_table(void);
void builtins_port(void);
void builtins_memory(void);
void builtins_system(void);


/* report.c -- what the collector did
 *
 * A section is a program of the demonstration, or the whole run. */

void report_create(const Options *options);
void report_start(void); /* what was before doesn't count */
void report_destroy(void);
void report_poll(void); /* takes what the collector has told since */
void report_begin(Value name);
void report_end(void);
void report_print(void);

/* Of the whole run. */
typedef struct Totals {
  size_t collections;
  uint64_t live; /* bytes that collections kept, added up */
  size_t peak_committed;
  double pause_p50; /* seconds */
  double pause_p99;
} Totals;
void report_totals(Totals *totals_out);

/* stats.c -- what (gc-stats) answers: an association list */
Value stats_make(void);

/* scheme/prelude.scm, in a file that is made by the build */
extern const char prelude_text[];
extern const size_t prelude_text_size;

/* options.c */
bool options_parse(Options *options_out, int argc, char **argv);
void options_usage(FILE *stream);

#endif /* SCHEME_H */
