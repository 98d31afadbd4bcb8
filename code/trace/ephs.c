/* ephs.c -- ephemerons of which it isn't known yet whether they live
 *
 * Design: .ephs.wait, .ephs.note (design/ephs.rst).
 */

#include "ephs.h"

#include "../heap/scan.h"
#include "../heap/seg.h"
#include "trace.h"

#include <string.h>

#define EPHS_SHIFT_MIN 8
#define EPHS_PAGE_SHIFT 12
#define EPHS_KEY_SHIFT 4            /* few keys are nearer than that */
#define EPHS_BLOCK ((Size)32 << 10) /* bytes */
/* What one step does at most. */
#define EPHS_FIRE 256
#define EPHS_SWEEP 4096

struct EphBlock {
  EphBlock *next;
  EphPair pairs[];
};

#define EPHS_PER_BLOCK ((EPHS_BLOCK - sizeof(EphBlock)) / sizeof(EphPair))


/* The table */

static Size ephs_buckets_size(Shift shift)
{
  return ((Size)1 << shift) * sizeof(EphPair *);
}

/* Pages are scattered, and the objects of a page stay together: what was made
 * together is mostly looked for together. */
static EphPair **ephs_bucket(const Ephs *ephs, Addr key)
{
  Word page = (Word)key >> EPHS_PAGE_SHIFT;
  uint64_t hash = (uint64_t)page * 0x9E3779B97F4A7C15u;
  Word mask = ((Word)1 << ephs->shift) - 1;

  return &ephs->buckets[((hash >> (WORD_BITS - ephs->shift))
                         + ((Word)key >> EPHS_KEY_SHIFT))
                        & mask];
}

static EphPair **ephs_make_buckets(Arena *arena, Shift shift)
{
  EphPair **buckets;

  if (ctl_alloc(&buckets, &arena->ctl, ephs_buckets_size(shift)) != MPS_RES_OK)
    return NULL;
  memset(buckets, 0, ephs_buckets_size(shift));
  return buckets;
}

static void ephs_put(Ephs *ephs, EphPair *pair)
{
  EphPair **bucket = ephs_bucket(ephs, pair->key);

  pair->next = *bucket;
  *bucket = pair;
}

/* Buckets are lists, so a table that is too small works still. */

static void ephs_grow(Arena *arena, Ephs *ephs)
{
  EphPair **old = ephs->buckets;
  Shift shift = ephs->shift;
  EphPair **buckets = ephs_make_buckets(arena, shift + 1);

  if (buckets == NULL)
    return;
  ephs->buckets = buckets;
  ephs->shift = shift + 1;
  for (Index i = 0; i < (Count)1 << shift; ++i)
    for (EphPair *pair = old[i], *next; pair != NULL; pair = next) {
      next = pair->next;
      ephs_put(ephs, pair);
    }
  ctl_free(&arena->ctl, old, ephs_buckets_size(shift));
  ephs->swept = 0;
}

static bool ephs_start(Arena *arena, Ephs *ephs)
{
  if (ephs->buckets != NULL)
    return true;
  ephs->shift = EPHS_SHIFT_MIN;
  ephs->buckets = ephs_make_buckets(arena, ephs->shift);
  return ephs->buckets != NULL;
}

static EphPair *ephs_pair(Arena *arena, Ephs *ephs)
{
  EphBlock *block;

  if (ephs->left == 0) {
    if (ctl_alloc(&block, &arena->ctl, EPHS_BLOCK) != MPS_RES_OK)
      return NULL;
    block->next = ephs->blocks;
    ephs->blocks = block;
    ephs->left = EPHS_PER_BLOCK;
  }
  return &ephs->blocks->pairs[--ephs->left];
}

bool ephs_wait(Arena *arena, Ephs *ephs, Addr key, Addr value)
{
  Seg *seg = space_seg(&arena->space, key);
  EphPair *pair;

  if (!ephs_start(arena, ephs) || (pair = ephs_pair(arena, ephs)) == NULL)
    return false;
  if (ephs->waiting >= (Count)1 << ephs->shift)
    ephs_grow(arena, ephs);
  pair->key = key;
  pair->value = value;
  ephs_put(ephs, pair);
  ++ephs->waiting;
  /* Its fix is to tell, so none may take a short cut. */
  seg->has_keys = true;
  seg->is_plain = false;
  return true;
}

void ephs_note(Ephs *ephs, Addr key)
{
  EphPair **link;

  if (ephs->waiting == 0)
    return;
  link = ephs_bucket(ephs, key);
  while (*link != NULL) {
    EphPair *pair = *link;

    if (pair->key != key) {
      link = &pair->next;
      continue;
    }
    *link = pair->next;
    --ephs->waiting;
    pair->next = ephs->ready;
    ephs->ready = pair;
  }
}

void ephs_finish(Arena *arena, Ephs *ephs)
{
  if (ephs->buckets != NULL)
    ctl_free(&arena->ctl, ephs->buckets, ephs_buckets_size(ephs->shift));
  while (ephs->blocks != NULL) {
    EphBlock *block = ephs->blocks;

    ephs->blocks = block->next;
    ctl_free(&arena->ctl, block, EPHS_BLOCK);
  }
  memset(ephs, 0, sizeof *ephs);
}


/* Tracing */

bool ephs_is_live(const Arena *arena, mps_addr_t ref)
{
  Index i = space_index(&arena->space, ref);
  Seg *seg;

  if (i >= arena->space.grains || arena->space.kind[i] != KIND_WHITE)
    return true;
  seg = arena->space.seg[i];
  return seg->class->is_preserved(seg, &ref);
}

static void ephs_fire(Arena *arena, Trace *trace)
{
  Ephs *ephs = &trace->ephs;
  ScanState ss;

  scan_init(&ss, arena, trace, RANK_EXACT);
  MPS_SCAN_BEGIN(&ss.ss)
  {
    for (Count i = 0; i < EPHS_FIRE && ephs->ready != NULL; ++i) {
      mps_addr_t value = ephs->ready->value;
      mps_res_t res;

      ephs->ready = ephs->ready->next;
      res = MPS_FIX12(&ss.ss, &value);
      ASSERT(res == MPS_RES_OK);
    }
  }
  MPS_SCAN_END(&ss.ss);
  /* Perhaps more than the class has told of, and nothing is grey for it. */
  if (!ss.was_marked)
    ephs_stir(ephs);
}

static bool ephs_is_swept(const Ephs *ephs)
{
  return ephs->swept == (Count)1 << ephs->shift;
}

/* ephs_sweep -- ask for the keys of some buckets
 *
 * Not each class tells of each key, so all are asked once more in the end
 * (.ephs.sweep). */

static void ephs_sweep_bucket(const Arena *arena, Ephs *ephs, Index i)
{
  const EphPair *pair = ephs->buckets[i];

  while (pair != NULL)
    if (ephs_is_live(arena, pair->key)) {
      ephs_note(ephs, pair->key); /* takes it out, and maybe others */
      pair = ephs->buckets[i];
    } else {
      pair = pair->next;
    }
}

static void ephs_sweep(const Arena *arena, Ephs *ephs)
{
  for (Count i = 0; i < EPHS_SWEEP && !ephs_is_swept(ephs); ++i)
    ephs_sweep_bucket(arena, ephs, ephs->swept++);
}

bool ephs_step(Arena *arena, Trace *trace)
{
  Ephs *ephs = &trace->ephs;

  if (ephs->ready != NULL) {
    ephs_fire(arena, trace);
    return true;
  }
  if (ephs->waiting == 0)
    return false;
  if (ephs_is_swept(ephs)) {
    if (!ephs->is_stirred)
      return false;
    ephs->swept = 0;
  }
  if (ephs->swept == 0)
    ephs->is_stirred = false;
  ephs_sweep(arena, ephs);
  return true;
}
