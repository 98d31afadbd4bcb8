/* freeruns.c -- which parts of a pool's memory are free
 *
 * The tiles are in a tree by address, a treap whose priorities are hashes of
 * the addresses; so its shape depends on nothing but them.
 *
 * Design: .runs.bits, .runs.lag (design/mvff.rst).
 */

#include "freeruns.h"


/* Sums */

static bool runs_is_whole(const RunSum *sum)
{
  return sum->first == addr_diff(sum->base, sum->limit);
}

/* runs_join -- the sum of two neighbours, a below b, between which there may
 * be a gap */

static RunSum runs_join(const RunSum *a, const RunSum *b)
{
  RunSum sum = {.base = a->base, .limit = b->limit};

  sum.first = a->first;
  sum.last = b->last;
  sum.longest = size_max(a->longest, b->longest);
  if (a->limit != b->base)
    return sum;
  if (runs_is_whole(a))
    sum.first += b->first;
  if (runs_is_whole(b))
    sum.last += a->last;
  sum.longest = size_max(sum.longest, a->last + b->first);
  return sum;
}

static bool runs_sum_equal(const RunSum *a, const RunSum *b)
{
  return a->base == b->base && a->limit == b->limit && a->first == b->first
         && a->last == b->last && a->longest == b->longest;
}

/* runs_sum -- sum up a subtree from its parts; false if nothing changes */

static bool runs_sum(RunTile *tile)
{
  RunSum sum = tile->own;

  if (tile->left != NULL)
    sum = runs_join(&tile->left->all, &sum);
  if (tile->right != NULL)
    sum = runs_join(&sum, &tile->right->all);
  if (runs_sum_equal(&sum, &tile->all))
    return false;
  tile->all = sum;
  return true;
}

static void runs_sum_up(RunTile *tile)
{
  while (tile != NULL && runs_sum(tile))
    tile = tile->parent;
}


/* The tree */

static Word runs_priority(const RunTile *tile)
{
  return (Word)tile->own.base * (Word)0x9E3779B97F4A7C15u;
}

/* runs_put -- let tile, which may be NULL, take the place of old */

static void runs_put(Runs *runs, const RunTile *old, RunTile *tile)
{
  RunTile *parent = old->parent;

  if (tile != NULL)
    tile->parent = parent;
  if (parent == NULL)
    runs->root = tile;
  else if (parent->left == old)
    parent->left = tile;
  else
    parent->right = tile;
}

/* runs_rotate -- a tile and its parent change places */

static void runs_rotate(Runs *runs, RunTile *tile)
{
  RunTile *parent = tile->parent;
  RunTile *moved;

  runs_put(runs, parent, tile);
  if (parent->left == tile) {
    moved = tile->right;
    tile->right = parent;
    parent->left = moved;
  } else {
    moved = tile->left;
    tile->left = parent;
    parent->right = moved;
  }
  if (moved != NULL)
    moved->parent = parent;
  parent->parent = tile;
  (void)runs_sum(parent);
  (void)runs_sum(tile);
}

static void runs_insert(Runs *runs, RunTile *tile)
{
  RunTile **link = &runs->root;
  RunTile *parent = NULL;

  while (*link != NULL) {
    parent = *link;
    link = tile->own.base < parent->own.base ? &parent->left : &parent->right;
  }
  *link = tile;
  tile->parent = parent;
  tile->all = tile->own;
  runs_sum_up(parent);
  while (tile->parent != NULL
         && runs_priority(tile) > runs_priority(tile->parent))
    runs_rotate(runs, tile);
}

static void runs_delete(Runs *runs, RunTile *tile)
{
  while (tile->left != NULL && tile->right != NULL)
    runs_rotate(runs, runs_priority(tile->left) > runs_priority(tile->right)
                          ? tile->left
                          : tile->right);
  runs_put(runs, tile, tile->left != NULL ? tile->left : tile->right);
  runs_sum_up(tile->parent);
}

RunTile *runs_tile(const Runs *runs, Addr addr)
{
  RunTile *tile = runs->root;

  while (tile != NULL && !(tile->own.base <= addr && addr < tile->own.limit))
    tile = addr < tile->own.base ? tile->left : tile->right;
  return tile;
}

RunTile *runs_first(const Runs *runs)
{
  RunTile *tile = runs->root;

  while (tile != NULL && tile->left != NULL)
    tile = tile->left;
  return tile;
}

RunTile *runs_next(const RunTile *tile)
{
  RunTile *next = tile->right;

  if (next != NULL) {
    while (next->left != NULL)
      next = next->left;
    return next;
  }
  for (next = tile->parent; next != NULL && next->right == tile;
       next = next->parent)
    tile = next;
  return next;
}

/* The tile that begins where this one ends, or NULL. */
static RunTile *runs_neighbour(const RunTile *tile)
{
  RunTile *next = runs_next(tile);

  return next != NULL && next->own.base == tile->own.limit ? next : NULL;
}


/* Runs of bits */

/* runs_shrink -- where do runs of count ones begin?  high holds the bits
 * behind those of low; only runs that begin in low count. */

static Word runs_shrink(Word low, Word high, Count count)
{
  while (count > 1) {
    Count step = count / 2;

    low &= low >> step | high << (WORD_BITS - step);
    high &= high >> step;
    count -= step;
  }
  return low;
}

/* runs_starts -- the granules of a word at which count free ones begin; count
 * is at most WORD_BITS */

static Word runs_starts(const RunTile *tile, Index word, Count count)
{
  Word next = word + 1 < BITS_WORDS(tile->count) ? ~tile->used[word + 1] : 0;

  return runs_shrink(~tile->used[word], next, count);
}

static Index runs_lowest(Index word, Word starts)
{
  return word * WORD_BITS + (Index)__builtin_ctzll(starts);
}

static Index runs_highest(Index word, Word starts)
{
  return word * WORD_BITS + size_log2(starts);
}

/* runs_find_short -- the first (last) run of count granules that begins in
 * the words of [first, limit) */

static bool runs_find_short(Index *found_out, const RunTile *tile, Index first,
                            Index limit, Count count, bool is_last)
{
  Count words = BITS_WORDS(limit) - first / WORD_BITS;

  for (Index i = 0; i < words; ++i) {
    Index word = is_last ? BITS_WORDS(limit) - 1 - i : first / WORD_BITS + i;
    Word starts = runs_starts(tile, word, count);

    if (starts != 0) {
      *found_out
          = is_last ? runs_highest(word, starts) : runs_lowest(word, starts);
      return true;
    }
  }
  return false;
}

static bool runs_find_bits(Index *found_out, const RunTile *tile, Index first,
                           Index limit, Count count, bool is_last)
{
  Count room;

  if (count <= WORD_BITS)
    return runs_find_short(found_out, tile, first, limit, count, is_last);
  return is_last ? bits_find_run_high(found_out, &room, tile->used, first,
                                      limit, count)
                 : bits_find_run_low(found_out, &room, tile->used, first,
                                     limit, count);
}

/* runs_sum_line -- a line's sum, from its bits
 *
 * A word is looked at closely only if it has a longer run than those before
 * it. */

static void runs_sum_line(RunLine *line, const Word *used, Count length)
{
  Count run = 0; /* that goes on into the next word */
  Count longest = 0;
  Count first = length;

  for (Index i = 0; i < length; i += WORD_BITS) {
    Count width = size_min(WORD_BITS, length - i);
    Word free = ~used[i / WORD_BITS];
    Word rest;

    if (free == WORD_ONES >> (WORD_BITS - width)) {
      run += width;
      continue;
    }
    run += (Count)__builtin_ctzll(~free);
    if (first == length)
      first = run;
    longest = size_max(longest, run);
    rest = longest < WORD_BITS ? runs_shrink(free, 0, longest + 1) : 0;
    for (; rest != 0; rest &= rest >> 1)
      ++longest;
    run = (Count)__builtin_clzll(~(free << (WORD_BITS - width)));
  }
  line->first = (uint16_t)first;
  line->last = (uint16_t)run;
  line->longest = (uint16_t)size_max(longest, run);
  line->is_stale = false;
}


/* Keeping the sums */

static Count runs_lines(Count granules)
{
  return (granules + RUNS_LINE - 1) / RUNS_LINE;
}

/* Granules of a line, the last one may be shorter. */
static Count runs_line_length(const RunTile *tile, Index line)
{
  return size_min(RUNS_LINE, tile->count - line * RUNS_LINE);
}

/* runs_sum_tile -- a tile's own sum, from its lines */

static void runs_sum_tile(RunTile *tile, Shift shift)
{
  Count run = 0;
  Count longest = 0;
  Count first = tile->count;

  for (Index i = 0; i < runs_lines(tile->count); ++i) {
    const RunLine *line = &tile->line[i];

    run += line->first;
    if (line->first == runs_line_length(tile, i))
      continue;
    if (first == tile->count)
      first = run;
    longest = size_max(longest, size_max(run, line->longest));
    run = line->last;
  }
  tile->own.first = first << shift;
  tile->own.last = run << shift;
  tile->own.longest = size_max(longest, run) << shift;
}

static void runs_freshen(Runs *runs, RunTile *tile)
{
  if (ring_is_single(&tile->stale))
    return;
  ring_remove(&tile->stale);
  for (Index i = 0; i < runs_lines(tile->count); ++i)
    if (tile->line[i].is_stale)
      runs_sum_line(&tile->line[i], &tile->used[i * (RUNS_LINE / WORD_BITS)],
                    runs_line_length(tile, i));
  runs_sum_tile(tile, runs->shift);
  runs_sum_up(tile);
}

static void runs_freshen_all(Runs *runs)
{
  while (!ring_is_single(&runs->stale))
    runs_freshen(runs, RING_ELEM(RunTile, stale, runs->stale.next));
}

/* runs_freshen_range -- what the sums said of this range was wrong */

static void runs_freshen_range(Runs *runs, Addr base, Size size)
{
  RunTile *tile = runs_tile(runs, base);

  while (tile != NULL && tile->own.base < addr_add(base, size)) {
    runs_freshen(runs, tile);
    tile = runs_next(tile);
  }
}

void runs_note(Runs *runs, RunTile *tile, Index first, Index last)
{
  for (Index i = first / RUNS_LINE; i <= last / RUNS_LINE; ++i)
    tile->line[i].is_stale = true;
  if (ring_is_single(&tile->stale))
    ring_append(&runs->stale, &tile->stale);
}


/* Lifetime */

void runs_init(Runs *runs, Shift shift)
{
  runs->shift = shift;
  runs->root = NULL;
  runs->free = 0;
  ring_init(&runs->stale);
  runs->sig = RUNS_SIG;
}

Size runs_tile_size(Count granules)
{
  return sizeof(RunTile) + BITS_WORDS(granules) * sizeof(Word)
         + runs_lines(granules) * sizeof(RunLine);
}

void runs_add(Runs *runs, RunTile *tile, Addr base, Count granules)
{
  Count words = BITS_WORDS(granules);

  ASSERT(runs->sig == RUNS_SIG);
  tile->own.base = base;
  tile->own.limit = addr_add(base, granules << runs->shift);
  tile->left = NULL;
  tile->right = NULL;
  tile->count = granules;
  tile->free = granules;
  tile->line = (RunLine *)(void *)&tile->used[words];
  ring_init(&tile->stale);
  bits_set_range(tile->used, granules, words * WORD_BITS);
  bits_clear_range(tile->used, 0, granules);
  for (Index i = 0; i < runs_lines(granules); ++i) {
    uint16_t length = (uint16_t)runs_line_length(tile, i);

    tile->line[i] = (RunLine){length, length, length, false};
  }
  runs_sum_tile(tile, runs->shift);
  runs->free += granules;
  runs_insert(runs, tile);
}

void runs_remove(Runs *runs, RunTile *tile)
{
  ASSERT(tile->free == tile->count);
  ring_remove(&tile->stale);
  runs->free -= tile->count;
  runs_delete(runs, tile);
}

RunTile *runs_dismiss(Runs *runs)
{
  RunTile *tile = runs->root;

  if (tile == NULL)
    return NULL;
  while (tile->left != NULL || tile->right != NULL)
    tile = tile->left != NULL ? tile->left : tile->right;
  runs_put(runs, tile, NULL);
  ring_remove(&tile->stale);
  return tile;
}

static void runs_check_tile(const Runs *runs, const RunTile *tile)
{
  RunSum sum = tile->own;

  CHECK(tile->free
        == tile->count - bits_count_range(tile->used, 0, tile->count));
  CHECK(tile->left == NULL || tile->left->parent == tile);
  CHECK(tile->right == NULL || tile->right->parent == tile);
  CHECK(tile->parent == NULL
        || runs_priority(tile) <= runs_priority(tile->parent));
  if (tile->left != NULL)
    sum = runs_join(&tile->left->all, &sum);
  if (tile->right != NULL)
    sum = runs_join(&sum, &tile->right->all);
  CHECK(runs_sum_equal(&sum, &tile->all));
  /* .runs.inv.lag: a line that isn't stale has the sum of its bits. */
  for (Index i = 0; i < runs_lines(tile->count); ++i) {
    RunLine line;

    if (tile->line[i].is_stale) {
      CHECK(!ring_is_single(&tile->stale));
      continue;
    }
    runs_sum_line(&line, &tile->used[i * (RUNS_LINE / WORD_BITS)],
                  runs_line_length(tile, i));
    CHECK(line.first == tile->line[i].first && line.last == tile->line[i].last
          && line.longest == tile->line[i].longest);
  }
}

bool runs_check(const Runs *runs)
{
  Count free = 0;

  CHECK(runs != NULL);
  CHECK(runs->sig == RUNS_SIG);
  if (!CHECK_DEEP)
    return true;
  for (const RunTile *tile = runs_first(runs); tile != NULL;
       tile = runs_next(tile)) {
    runs_check_tile(runs, tile);
    free += tile->free;
  }
  CHECK(free == runs->free);
  return true;
}


/* Using and freeing */

/* How much of [base, base + size) is in the tile. */
static Size runs_part(const RunTile *tile, Addr base, Size size)
{
  return size_min(size, addr_diff(base, tile->own.limit));
}

static bool runs_is_all(const Runs *runs, const RunTile *tile, Addr base,
                        Size size, bool is_used)
{
  while (size > 0) {
    Size part;
    Index first;
    Index limit;

    if (tile == NULL)
      return false;
    part = runs_part(tile, base, size);
    first = runs_index(runs, tile, base);
    limit = first + (part >> runs->shift);
    if ((is_used ? bits_find_clear(tile->used, first, limit)
                 : bits_find_set(tile->used, first, limit))
        != limit)
      return false;
    size -= part;
    base = addr_add(base, part);
    if (size > 0)
      tile = runs_neighbour(tile);
  }
  return true;
}

bool runs_is_used(const Runs *runs, const RunTile *tile, Addr base, Size size)
{
  return runs_is_all(runs, tile, base, size, true);
}

bool runs_is_free(const Runs *runs, const RunTile *tile, Addr base, Size size)
{
  return runs_is_all(runs, tile, base, size, false);
}

static void runs_use_part(Runs *runs, RunTile *tile, Index first, Count count)
{
  bits_set_range(tile->used, first, first + count);
  tile->free -= count;
  runs->free -= count;
  runs_note(runs, tile, first, first + count - 1);
}

void runs_use(Runs *runs, RunTile *tile, Addr base, Size size)
{
  ASSERT_HOT(runs_is_free(runs, tile, base, size));
  while (size > 0) {
    Size part = runs_part(tile, base, size);

    runs_use_part(runs, tile, runs_index(runs, tile, base),
                  part >> runs->shift);
    size -= part;
    base = addr_add(base, part);
    if (size > 0)
      tile = runs_next(tile);
  }
}

void runs_free(Runs *runs, RunTile *tile, Addr base, Size size)
{
  ASSERT_HOT(runs_is_used(runs, tile, base, size));
  while (size > 0) {
    Size part = runs_part(tile, base, size);
    Index first = runs_index(runs, tile, base);
    Count count = part >> runs->shift;

    bits_clear_range(tile->used, first, first + count);
    tile->free += count;
    runs->free += count;
    runs_note(runs, tile, first, first + count - 1);
    size -= part;
    base = addr_add(base, part);
    if (size > 0)
      tile = runs_next(tile);
  }
}


/* Searching */

/* runs_reach_up -- the free run that comes up to the end of a tile goes on to
 * here, as far as the sums know */

static Addr runs_reach_up(const RunTile *tile)
{
  Addr at = tile->own.limit;

  for (;;) {
    const RunTile *right = tile->right;

    if (right != NULL) {
      if (right->all.base != at)
        return at;
      at = addr_add(at, right->all.first);
      if (at != right->all.limit)
        return at;
    }
    while (tile->parent != NULL && tile->parent->right == tile)
      tile = tile->parent;
    tile = tile->parent;
    if (tile == NULL || tile->own.base != at)
      return at;
    at = addr_add(at, tile->own.first);
    if (at != tile->own.limit)
      return at;
  }
}

/* runs_reach_down -- the same at the beginning of a tile */

static Addr runs_reach_down(const RunTile *tile)
{
  Addr at = tile->own.base;

  for (;;) {
    const RunTile *left = tile->left;

    if (left != NULL) {
      if (left->all.limit != at)
        return at;
      at = addr_sub(at, left->all.last);
      if (at != left->all.base)
        return at;
    }
    while (tile->parent != NULL && tile->parent->left == tile)
      tile = tile->parent;
    tile = tile->parent;
    if (tile == NULL || tile->own.limit != at)
      return at;
    at = addr_sub(at, tile->own.last);
    if (at != tile->own.base)
      return at;
  }
}

/* runs_find_inside -- the first (last) run of size bytes within a tile that
 * has one: where it begins (ends).  If the lines know of none after all,
 * somewhere in the tile. */

static Addr runs_find_inside(const Runs *runs, const RunTile *tile, Size size,
                             bool is_last)
{
  Count count = size >> runs->shift;
  Count lines = runs_lines(tile->count);
  Count run = 0; /* that comes up to the line */

  for (Index n = 0; n < lines; ++n) {
    Index i = is_last ? lines - 1 - n : n;
    const RunLine *line = &tile->line[i];
    Index first = i * RUNS_LINE;
    Index limit = first + runs_line_length(tile, i);
    Index found = first;

    if (run + (is_last ? line->last : line->first) >= count)
      return runs_addr(runs, tile, is_last ? limit + run : first - run);
    if (line->longest >= count
        && runs_find_bits(&found, tile, first, limit, count, is_last))
      return runs_addr(runs, tile, is_last ? found + count : found);
    if (line->first == limit - first)
      run += limit - first;
    else
      run = is_last ? line->first : line->last;
  }
  return is_last ? tile->own.limit : tile->own.base;
}

/* The free bytes below (above) a tile, within its subtree. */

static Size runs_before(const RunTile *tile)
{
  const RunTile *left = tile->left;

  return left != NULL && left->all.limit == tile->own.base ? left->all.last
                                                           : 0;
}

static Size runs_after(const RunTile *tile)
{
  const RunTile *right = tile->right;

  return right != NULL && right->all.base == tile->own.limit ? right->all.first
                                                             : 0;
}

static bool runs_has(const RunTile *tile, Size size)
{
  return tile != NULL && tile->all.longest >= size;
}

/* runs_search_low -- the first run of at least size bytes, as the sums have
 * it: where it begins.  There is one.
 *
 * A run that goes on from one subtree into the next was found at the tile
 * between the two. */

static Addr runs_search_low(const Runs *runs, Size size)
{
  const RunTile *tile = runs->root;

  for (;;) {
    const RunSum *own = &tile->own;
    Size before = runs_before(tile);

    if (runs_has(tile->left, size)) {
      tile = tile->left;
      continue;
    }
    if (runs_is_whole(own)) {
      if (before + own->first + runs_after(tile) >= size)
        return addr_sub(own->base, before);
    } else {
      if (before + own->first >= size)
        return addr_sub(own->base, before);
      if (own->longest >= size)
        return runs_find_inside(runs, tile, size, false);
      if (own->last + runs_after(tile) >= size)
        return addr_sub(own->limit, own->last);
    }
    tile = tile->right;
  }
}

/* runs_search_high -- the last such run: where it ends */

static Addr runs_search_high(const Runs *runs, Size size)
{
  const RunTile *tile = runs->root;

  for (;;) {
    const RunSum *own = &tile->own;
    Size after = runs_after(tile);

    if (runs_has(tile->right, size)) {
      tile = tile->right;
      continue;
    }
    if (runs_is_whole(own)) {
      if (runs_before(tile) + own->first + after >= size)
        return addr_add(own->limit, after);
    } else {
      if (own->last + after >= size)
        return addr_add(own->limit, after);
      if (own->longest >= size)
        return runs_find_inside(runs, tile, size, true);
      if (runs_before(tile) + own->first >= size)
        return addr_add(own->base, own->first);
    }
    tile = tile->left;
  }
}

/* runs_limit -- where the run ends that begins at base */

static Addr runs_limit(const Runs *runs, Addr base)
{
  const RunTile *tile = runs_tile(runs, base);
  Index limit
      = bits_find_set(tile->used, runs_index(runs, tile, base), tile->count);

  return limit < tile->count ? runs_addr(runs, tile, limit)
                             : runs_reach_up(tile);
}

/* runs_base -- where the run begins that ends at limit */

static Addr runs_base(const Runs *runs, Addr limit)
{
  const RunTile *tile = runs_tile(runs, addr_sub(limit, 1));
  Index i = runs_index(runs, tile, limit);

  while (i > 0) {
    Index word = (i - 1) / WORD_BITS;
    Word used
        = tile->used[word] & WORD_ONES >> (word * WORD_BITS + WORD_BITS - i);

    if (used != 0)
      return runs_addr(runs, tile, runs_highest(word, used) + 1);
    i = word * WORD_BITS;
  }
  return runs_reach_down(tile);
}

/* runs_search -- where the block would go; *sure_out is where the run begins
 * that the sums promise */

static Addr runs_search(Addr *sure_out, const Runs *runs, Size size,
                        RunsWay way)
{
  Addr end;

  if (way.from_high) {
    end = runs_search_high(runs, size);
    *sure_out = addr_sub(end, size);
    return way.at_high ? *sure_out : runs_base(runs, end);
  }
  *sure_out = runs_search_low(runs, size);
  return way.at_high ? addr_sub(runs_limit(runs, *sure_out), size) : *sure_out;
}

bool runs_find(RunTile **tile_out, Addr *base_out, Runs *runs, Size size,
               RunsWay way)
{
  for (;;) {
    RunTile *tile;
    Addr sure;
    Addr base;

    if (!runs_has(runs->root, size)) {
      if (ring_is_single(&runs->stale))
        return false;
      runs_freshen_all(runs);
      continue;
    }
    base = runs_search(&sure, runs, size, way);
    tile = runs_tile(runs, base);
    if (tile != NULL && runs_is_free(runs, tile, base, size)) {
      *tile_out = tile;
      *base_out = base;
      return true;
    }
    /* The sums of one of these were stale. */
    ASSERT_HOT(!ring_is_single(&runs->stale));
    runs_freshen_range(runs, sure, size);
    runs_freshen_range(runs, base, size);
  }
}

bool runs_find_longest(RunTile **tile_out, Addr *base_out, Size *size_out,
                       Runs *runs)
{
  runs_freshen_all(runs);
  if (runs->root == NULL || runs->root->all.longest == 0)
    return false;
  *size_out = runs->root->all.longest;
  return runs_find(tile_out, base_out, runs, *size_out,
                   (RunsWay){false, false});
}

bool runs_use_near(Addr *base_out, Runs *runs, RunTile *tile, Addr near,
                   Count count, bool is_below)
{
  Index i = runs_index(runs, tile, near);
  Index word;
  Word starts;

  if (is_below ? i < count : i >= tile->count)
    return false;
  if (is_below)
    i -= count;
  if (LIKELY(runs_use_short(runs, tile, i, count))) {
    *base_out = runs_addr(runs, tile, i);
    return true;
  }
  if (is_below) {
    word = i / WORD_BITS;
    starts = runs_starts(tile, word, count)
             & WORD_ONES >> (WORD_BITS - 1 - i % WORD_BITS);
    if (starts == 0 && word > 0)
      starts = runs_starts(tile, --word, count);
    i = starts != 0 ? runs_highest(word, starts) : 0;
  } else {
    word = i / WORD_BITS;
    starts = runs_starts(tile, word, count) & WORD_ONES << (i % WORD_BITS);
    if (starts == 0 && word + 1 < BITS_WORDS(tile->count))
      starts = runs_starts(tile, ++word, count);
    i = starts != 0 ? runs_lowest(word, starts) : 0;
  }
  if (starts == 0)
    return false;
  *base_out = runs_addr(runs, tile, i);
  runs_use_part(runs, tile, i, count);
  return true;
}


/* Looking at what is free */

void runs_each(const Runs *runs, void (*visit)(void *p, Addr base, Addr limit),
               void *p)
{
  for (const RunTile *tile = runs_first(runs); tile != NULL;
       tile = runs_next(tile)) {
    Index i = bits_find_clear(tile->used, 0, tile->count);

    while (i < tile->count) {
      Index limit = bits_find_set(tile->used, i, tile->count);

      visit(p, runs_addr(runs, tile, i), runs_addr(runs, tile, limit));
      i = bits_find_clear(tile->used, limit, tile->count);
    }
  }
}
