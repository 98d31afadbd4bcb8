/* heap.c -- the arena, the pools, the roots, and allocation
 *
 * Read this file to see how a runtime is set up: an arena, a format, a
 * chain of generations, one pool for objects with references and one for
 * objects without, an allocation point for each, and roots.
 *
 * Every object is made by the same protocol: reserve, initialise all of it,
 * commit; and again from the start when commit says that a collection came
 * between (.example.heap.protocol).
 *
 * Design: .example.heap (design/example.rst).
 */

#include <stdlib.h>
#include <string.h>

#include "mpsavm.h"
#include "mpscamc.h"
#include "scheme.h"

/* Nothing that a program asks for is bigger than this many words, so that
 * sizes in bytes can't overflow. */
#define OBJECT_WORDS_MAX ((size_t)1 << 40)

/* How many objects are made between two looks at the messages, and at the
 * memory in use while the headroom is spent. */
#define POLL_INTERVAL ((uint64_t)1 << 15)
#define POLL_INTERVAL_SHORT ((uint64_t)64)

#define CHAIN_MAX 16

/* Kept back below a commit limit. */
#define HEADROOM(commit_limit) ((commit_limit) / 16)

typedef struct Heap {
  mps_arena_t arena;
  mps_chain_t chain; /* null: the arena's own */
  mps_fmt_t format;
  mps_pool_t object_pool; /* AMC */
  mps_pool_t leaf_pool;   /* AMCZ */
  mps_ap_t object_ap;
  mps_ap_t table_ap; /* also in object_pool, for the arrays of tables */
  mps_ap_t leaf_ap;
  mps_thr_t thread;
  mps_root_t stack_root;
  mps_root_t global_root;
  size_t commit_limit; /* 0 if there is none */
  bool is_open;        /* is the headroom given out? */
  bool is_exhausted;   /* was there an error since the last event? */
  bool in_event;
  uint64_t collect_every;
  uint64_t next_forced; /* object number at which to collect */
  uint64_t next_event;  /* object number at which to call heap_event */
} Heap;

static Heap heap;
Roots roots;
HeapCounts heap_counts;


/* Creation */

static void heap_must(mps_res_t res, const char *what)
{
  if (res != MPS_RES_OK) {
    fprintf(stderr, "mostly-scheme: can't make the %s: result %d\n", what,
            (int)res);
    exit(EXIT_FAILURE);
  }
}

static void heap_create_arena(const Options *options)
{
  heap.commit_limit = options->commit_limit;
  MPS_ARGS_BEGIN(args)
  {
    if (options->arena_size != 0)
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, options->arena_size);
    if (options->commit_limit != 0)
      MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT,
                   heap.commit_limit - HEADROOM(heap.commit_limit));
    if (options->pause_time >= 0)
      MPS_ARGS_ADD(args, MPS_KEY_PAUSE_TIME, options->pause_time);
    if (options->spare >= 0)
      MPS_ARGS_ADD(args, MPS_KEY_SPARE, options->spare);
    heap_must(mps_arena_create_k(&heap.arena, mps_arena_class_vm(), args),
              "arena");
  }
  MPS_ARGS_END(args);
}

/* The text of a chain was checked by options.c. */
static void heap_create_chain(const char *text)
{
  mps_gen_param_s params[CHAIN_MAX];
  size_t count = 0;

  while (text != NULL && count < CHAIN_MAX) {
    char *rest;

    params[count].mps_capacity = strtoul(text, &rest, 10);
    params[count].mps_mortality = strtod(rest + 1, &rest);
    ++count;
    text = *rest == ',' ? rest + 1 : NULL;
  }
  if (count != 0)
    heap_must(mps_chain_create(&heap.chain, heap.arena, count, params),
              "chain");
}

static void heap_create_pool(mps_pool_t *pool_out, mps_pool_class_t class,
                             const Options *options)
{
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, heap.format);
    if (heap.chain != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, heap.chain);
    if (options->extend_by != 0)
      MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, options->extend_by);
    if (options->large_size != 0)
      MPS_ARGS_ADD(args, MPS_KEY_LARGE_SIZE, options->large_size);
    heap_must(mps_pool_create_k(pool_out, heap.arena, class, args), "pool");
  }
  MPS_ARGS_END(args);
}

/* Tables that key on addresses are laid out anew when their keys have
 * moved.  Their arrays come from an allocation point of their own, which
 * doesn't count towards the next collection: or else laying out would bring
 * collections about, which move keys, and so on (.example.table.feedback). */
static void heap_create_points(void)
{
  heap_must(mps_ap_create_k(&heap.object_ap, heap.object_pool, mps_args_none),
            "allocation point");
  heap_must(mps_ap_create_k(&heap.leaf_ap, heap.leaf_pool, mps_args_none),
            "allocation point");
  MPS_ARGS_BEGIN(args)
  {
    MPS_ARGS_ADD(args, MPS_KEY_AP_HASH_ARRAYS, 1);
    heap_must(mps_ap_create_k(&heap.table_ap, heap.object_pool, args),
              "allocation point");
  }
  MPS_ARGS_END(args);
}

/* Exact roots must hold values before they are registered, so every field
 * of roots starts as a constant.
 *
 * The C stack is scanned for every word.  The usual thread root looks only
 * at words that are aligned like references; but C code that goes along a
 * string, or along the instructions of a procedure, may hold nothing but a
 * pointer to a character or an instruction (.example.heap.stack). */
static void heap_create_roots(void *cold)
{
  Value *field = (Value *)(void *)&roots;

  for (size_t i = 0; i < sizeof roots / sizeof *field; ++i)
    field[i] = NIL;
  heap_must(mps_root_create_area_tagged(
                &heap.global_root, heap.arena, mps_rank_exact(), 0, &roots,
                &roots + 1, mps_scan_area_tagged, REFERENCE_MASK, 0),
            "global root");
  heap_must(mps_thread_reg(&heap.thread, heap.arena), "thread");
  heap_must(mps_root_create_thread_scanned(&heap.stack_root, heap.arena,
                                           mps_rank_ambig(), 0, heap.thread,
                                           mps_scan_area, NULL, cold),
            "stack root");
}

static void heap_schedule(void)
{
  heap.next_event = heap_counts.objects
                    + (heap.is_open || heap.is_exhausted ? POLL_INTERVAL_SHORT
                                                         : POLL_INTERVAL);
  if (heap.next_forced < heap.next_event)
    heap.next_event = heap.next_forced;
}

void heap_create(const Options *options, void *cold)
{
  heap_create_arena(options);
  mps_message_type_enable(heap.arena, mps_message_type_gc());
  mps_message_type_enable(heap.arena, mps_message_type_gc_start());
  mps_message_type_enable(heap.arena, mps_message_type_finalization());
  heap_create_chain(options->chain);
  heap_must(format_create(&heap.format, heap.arena), "format");
  heap_create_pool(&heap.object_pool, mps_class_amc(), options);
  heap_create_pool(&heap.leaf_pool, mps_class_amcz(), options);
  heap_create_points();
  heap_create_roots(cold);
  weak_create(heap.arena, heap.chain);
  heap.collect_every = options->collect_every;
  heap.next_forced = heap.collect_every != 0 ? heap.collect_every : UINT64_MAX;
  heap_schedule();
}

/* Parking first ends a collection that is under way: the roots and pools
 * that it uses can't be destroyed before. */
void heap_destroy(void)
{
  mps_arena_park(heap.arena);
  mps_ap_destroy(heap.table_ap);
  mps_ap_destroy(heap.leaf_ap);
  mps_ap_destroy(heap.object_ap);
  mps_root_destroy(heap.stack_root);
  mps_root_destroy(heap.global_root);
  mps_thread_dereg(heap.thread);
  weak_destroy();
  mps_pool_destroy(heap.leaf_pool);
  mps_pool_destroy(heap.object_pool);
  mps_fmt_destroy(heap.format);
  if (heap.chain != NULL)
    mps_chain_destroy(heap.chain);
  mps_arena_destroy(heap.arena);
}


/* Collections */

mps_arena_t heap_arena(void)
{
  return heap.arena;
}

mps_chain_t heap_chain(void)
{
  return heap.chain;
}

size_t heap_collections(void)
{
  return mps_collections(heap.arena);
}

mps_pool_t heap_pool(size_t index, const char **name_out)
{
  static const char *names[] = {"objects", "leaves"};
  mps_pool_t pools[] = {heap.object_pool, heap.leaf_pool};
  size_t count = sizeof pools / sizeof pools[0];

  if (index >= count)
    return weak_pool(index - count, name_out);
  *name_out = names[index];
  return pools[index];
}

uint64_t heap_collect_every(void)
{
  return heap.collect_every;
}

size_t heap_committed(void)
{
  return mps_arena_committed(heap.arena);
}

/* A collection leaves the arena parked; it is released so that collections
 * start by themselves again. */
void heap_collect(void)
{
  (void)mps_arena_collect(heap.arena);
  mps_arena_release(heap.arena);
  report_poll();
}

/* Over the commit limit there is memory kept back for the handlers of the
 * error, and for the collector: it needs a little to tell garbage from what
 * lives beside it.  It is given out, and taken back when a collection has
 * made enough room (.example.heap.headroom). */
static void heap_open_headroom(void)
{
  if (!heap.is_open && heap.commit_limit != 0)
    heap.is_open = mps_arena_commit_limit_set(heap.arena, heap.commit_limit)
                   == MPS_RES_OK;
}

static void heap_close_headroom(void)
{
  size_t headroom = HEADROOM(heap.commit_limit);
  size_t used = heap_committed() - mps_arena_spare_committed(heap.arena);

  if (heap.is_open && used < heap.commit_limit - 2 * headroom)
    heap.is_open
        = mps_arena_commit_limit_set(heap.arena, heap.commit_limit - headroom)
          != MPS_RES_OK;
}

/* What happens now and then, between two objects.  It makes objects itself,
 * and isn't called again meanwhile. */
static void heap_event(void)
{
  if (heap.in_event)
    return;
  heap.in_event = true;
  if (heap_counts.objects >= heap.next_forced) {
    heap.next_forced = heap_counts.objects + heap.collect_every;
    ++heap_counts.forced;
    heap_collect();
  }
  /* Soon after an error the handler has dropped what took the memory. */
  if (heap.is_exhausted) {
    heap.is_exhausted = false;
    heap_collect();
  }
  report_poll();
  finals_poll();
  heap_close_headroom();
  heap_schedule();
  heap.in_event = false;
}


/* Allocation */

/* Raises the error that was made when there was memory for it. */
_Noreturn void heap_exhausted(void)
{
  heap_open_headroom();
  heap.is_exhausted = true;
  heap.in_event = false;
  heap_schedule();
  vm_raise(roots.out_of_memory);
}

/* The library has tried to make room before it said no, but not with the
 * headroom. */
static mps_addr_t heap_reserve_hard(mps_ap_t ap, size_t size)
{
  mps_addr_t address;

  heap_open_headroom();
  heap_collect();
  heap_close_headroom();
  if (heap.is_open || mps_reserve(&address, ap, size) != MPS_RES_OK)
    heap_exhausted();
  return address;
}

static inline mps_addr_t heap_reserve(mps_ap_t ap, size_t size)
{
  mps_addr_t address;
  mps_res_t res;

  MPS_RESERVE_BLOCK(res, address, ap, size);
  return res == MPS_RES_OK ? address : heap_reserve_hard(ap, size);
}

/* Counts an object that was made.  What happens now and then may collect,
 * so this comes after commit, when the object is held by its reference. */
static inline void heap_count(size_t size)
{
  heap_counts.bytes += size;
  if (++heap_counts.objects >= heap.next_event)
    heap_event();
}

Value make_object_at(mps_ap_t ap, Type type, size_t slots, Value first,
                     Value fill)
{
  size_t size = (slots + 1) * sizeof(Value);
  Value object;

  if (slots >= OBJECT_WORDS_MAX)
    heap_exhausted();
  do {
    object = heap_reserve(ap, size);
    object->header = HEADER(type, slots + 1);
    object->slot[0] = first;
    for (size_t i = 1; i < slots; ++i)
      object->slot[i] = fill;
  } while (!mps_commit(ap, object, size));
  heap_count(size);
  return object;
}

Value make_object(Type type, size_t slots, Value fill)
{
  return make_object_at(heap.object_ap, type, slots, fill, fill);
}

Value make_pair(Value first, Value second)
{
  Value pair;

  do {
    pair = heap_reserve(heap.object_ap, 3 * sizeof(Value));
    pair->header = HEADER(TYPE_PAIR, 3);
    pair->slot[CAR] = first;
    pair->slot[CDR] = second;
  } while (!mps_commit(heap.object_ap, pair, 3 * sizeof(Value)));
  heap_count(3 * sizeof(Value));
  return pair;
}

static Value heap_vector(mps_ap_t ap, size_t length, Value fill)
{
  if (length >= OBJECT_WORDS_MAX)
    heap_exhausted();
  return make_object_at(ap, TYPE_VECTOR, length + 1, fixnum((intptr_t)length),
                        fill);
}

Value make_vector(size_t length, Value fill)
{
  return heap_vector(heap.object_ap, length, fill);
}

Value make_table_vector(size_t length, Value fill)
{
  return heap_vector(heap.table_ap, length, fill);
}

/* The captured values are read after reserve, which may have moved what
 * they refer to: they lie on the virtual machine's stack, an exact root. */
Value make_closure(Value code, size_t count, const Value *captured)
{
  size_t size = (CLOSURE_CAPTURED + count + 1) * sizeof(Value);
  Value closure;

  do {
    closure = heap_reserve(heap.object_ap, size);
    closure->header = HEADER(TYPE_CLOSURE, CLOSURE_CAPTURED + count + 1);
    closure->slot[CLOSURE_CODE] = code;
    for (size_t i = 0; i < count; ++i)
      closure->slot[CLOSURE_CAPTURED + i] = captured[i];
  } while (!mps_commit(heap.object_ap, closure, size));
  heap_count(size);
  return closure;
}

Value make_box(Value value)
{
  return make_object(TYPE_BOX, 1, value);
}

Value make_guardian(intptr_t id)
{
  Value guardian = make_object(TYPE_GUARDIAN, GUARDIAN_SLOTS, NIL);

  guardian->slot[GUARDIAN_ID] = fixnum(id);
  return guardian;
}

/* The library takes a reference by its address, as everywhere. */
bool heap_finalize(Value object)
{
  mps_addr_t reference = object;

  return mps_finalize(heap.arena, &reference) == MPS_RES_OK;
}

Value make_error(Value kind, Value message, Value irritants)
{
  Value error = make_object(TYPE_ERROR, ERROR_SLOTS, NIL);

  error->slot[ERROR_KIND] = kind;
  error->slot[ERROR_MESSAGE] = message;
  error->slot[ERROR_IRRITANTS] = irritants;
  return error;
}

/* A leaf of a header and size more bytes, which are zero.  It isn't scanned
 * but the rule is kept all the same: no commit before it is initialised. */
static void *heap_leaf(Type type, size_t size)
{
  size_t words;
  size_t total;
  uintptr_t *leaf;

  if (size >= OBJECT_WORDS_MAX)
    heap_exhausted();
  words = 1 + (size + sizeof(Value) - 1) / sizeof(Value);
  total = words * sizeof(Value);
  do {
    leaf = heap_reserve(heap.leaf_ap, total);
    leaf[0] = HEADER(type, words);
    memset(leaf + 1, 0, total - sizeof leaf[0]);
  } while (!mps_commit(heap.leaf_ap, leaf, total));
  heap_count(total);
  return leaf;
}

Value make_string(size_t length, uint32_t fill)
{
  String *string;

  if (length >= OBJECT_WORDS_MAX)
    heap_exhausted();
  string = heap_leaf(TYPE_STRING,
                     sizeof string->length + length * sizeof(uint32_t));
  string->length = length;
  for (size_t i = 0; i < length; ++i)
    string->chars[i] = fill;
  return (Value)(void *)string;
}

Value make_bytes(size_t length, unsigned char fill)
{
  Bytes *bytes;

  if (length >= OBJECT_WORDS_MAX)
    heap_exhausted();
  bytes = heap_leaf(TYPE_BYTES, sizeof bytes->length + length);
  bytes->length = length;
  memset(bytes->data, fill, length);
  return (Value)(void *)bytes;
}

Value make_flonum(double value)
{
  Flonum *flonum = heap_leaf(TYPE_FLONUM, sizeof flonum->value);

  flonum->value = value;
  return (Value)(void *)flonum;
}

Value make_bignum(size_t limbs)
{
  Bignum *bignum;

  if (limbs > INT32_MAX)
    heap_exhausted();
  bignum
      = heap_leaf(TYPE_BIGNUM, sizeof(uintptr_t) + limbs * sizeof(uint32_t));
  bignum->sign = 1;
  bignum->length = (uint32_t)limbs;
  return (Value)(void *)bignum;
}
