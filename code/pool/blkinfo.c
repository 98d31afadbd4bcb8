/* blkinfo.c -- figures, walks and dumps of the block pool
 *
 * Design: .blk.info, .blk.dump (design/blk.rst).
 */

#include "blk.h"

#include <stdio.h>
#include <string.h>

/* Blocks in a line of a dump, and the most bytes that one takes. */
#define BLK_LINE 64
#define BLK_SIGN 2


/* Sizes: running counts, a region at a time */

Size blk_used_size(const Blk *blk)
{
  Count used = 0;

  for (Index i = 0; i < blk->mark.count; ++i)
    used += blk->mark.areas[i]->tab.used;
  return used << blk->mark.shift;
}

Size blk_blocks_size(const Blk *blk)
{
  Size size = 0;

  for (Index i = 0; i < blk->mark.count; ++i)
    size += blk->mark.areas[i]->size;
  return size;
}

bool blk_check_all(const Blk *blk)
{
  for (Index i = 0; i < blk->mark.count; ++i)
    if (!blktab_check_all(&blk->mark.areas[i]->tab))
      return false;
  return blk_check(&blk->pool);
}


/* Walking */

static void blk_walk_region(const BlkRegion *region, BlkVisit visit,
                            void *closure)
{
  const BlkTab *tab = &region->area.tab;
  Shift shift = region->blk->mark.shift;
  Index end;

  for (Index b = 0; b < tab->blocks; b = end) {
    BlkState state = blktab_state(tab, b);

    end = blktab_end(tab, b);
    visit((mps_addr_t)(region->area.base + (b << shift)), (end - b) << shift,
          state, state == BLK_FREE ? 0 : blk_flags(region, b), closure);
  }
}

void blk_walk(const Blk *blk, BlkVisit visit, void *closure)
{
  for (Index i = 0; i < blk->mark.count; ++i)
    blk_walk_region(blk_region_at(blk, i), visit, closure);
}


/* Figures */

typedef struct BlkCount {
  mps_blk_info_s *info;
  Size block;
} BlkCount;

static void blk_info_visit(mps_addr_t base, size_t size, unsigned state,
                           unsigned flags, void *closure)
{
  const BlkCount *count = closure;
  mps_blk_info_s *info = count->info;

  if (state == BLK_FREE) {
    info->largest_free = size_max(info->largest_free, size);
    return;
  }
  info->one_block += size == count->block;
  info->two_blocks += size == 2 * count->block;
  info->largest_object = size_max(info->largest_object, size);
}

void blk_info(mps_blk_info_s *info, const Blk *blk, bool is_walk)
{
  BlkCount count = {info, (Size)1 << blk->mark.shift};

  memset(info, 0, sizeof *info);
  info->total = blk_blocks_size(blk);
  info->used = blk_used_size(blk);
  info->free = info->total - info->used;
  info->tables = blk->size - info->total + blk->stack_size;
  info->regions = blk->mark.count;
  for (Index i = 0; i < blk->mark.count; ++i)
    info->objects += blk->mark.areas[i]->tab.objects;
  info->allocated = blk->allocated;
  info->collections = blk->collections;
  info->objects_freed = blk->objects_freed;
  /* What was allocated is there still or was freed. */
  info->free_count = blk->free_count;
  info->free_size = blk->free_size;
  info->alloc_count = info->objects + blk->free_count;
  info->alloc_size = info->used + blk->free_size;
  if (!is_walk)
    return;
  blk_walk(blk, blk_info_visit, &count);
  if (info->free > 0)
    info->fragmentation
        = 1.0 - (double)info->largest_free / (double)info->free;
}


/* Dumps */

typedef struct BlkLine {
  const Blk *blk;
  const BlkDump *dump;
  bool is_over; /* the client has had enough */
} BlkLine;

static void blk_write(BlkLine *line, const char *text, size_t length)
{
  if (!line->is_over)
    line->is_over = line->dump->write(line->dump->closure, text, length) != 0;
}

static char blk_head_letter(const BlkLine *line, const BlkRegion *region,
                            Index head)
{
  if (line->dump->letter == NULL)
    return 'h';
  return line->dump->letter(
      (mps_addr_t)(region->area.base + (head << line->blk->mark.shift)),
      line->dump->closure);
}

static char blk_letter(const BlkLine *line, const BlkRegion *region,
                       Index block)
{
  BlkState state = blktab_state(&region->area.tab, block);

  if (state == BLK_HEAD)
    return blk_head_letter(line, region, block);
  return ".h=m"[state];
}

/* blk_sign -- write what stands for a block; returns how many bytes it is */

static Size blk_sign(char *text, const BlkLine *line, const BlkRegion *region,
                     Index block)
{
  static const char *const signs[] = {"\xC2\xB7", "*", "-", "#"};
  Size length = 0;

  if (line->dump->style == MPS_BLK_DUMP_KINDS) {
    *text = blk_letter(line, region, block);
    return 1;
  }
  for (const char *sign = signs[blktab_state(&region->area.tab, block)];
       *sign != '\0'; ++sign)
    text[length++] = *sign;
  return length;
}

/* blk_free_lines -- so many whole lines from a block on hold nothing */

static Count blk_free_lines(const BlkTab *tab, Index block)
{
  if (blktab_state(tab, block) != BLK_FREE)
    return 0;
  return (blktab_end(tab, block) - block) / BLK_LINE;
}

static void blk_dump_line(BlkLine *line, const BlkRegion *region, Index block)
{
  char text[16 + BLK_LINE * BLK_SIGN + 1];
  Index limit = size_min(block + BLK_LINE, region->area.tab.blocks);
  Size length = 0;

  if (line->dump->style == MPS_BLK_DUMP_KINDS)
    length = (Size)snprintf(text, sizeof text, "%08lx: ",
                            (unsigned long)(block << line->blk->mark.shift));
  for (; block < limit; ++block)
    length += blk_sign(text + length, line, region, block);
  text[length++] = '\n';
  blk_write(line, text, length);
}

static void blk_dump_fold(BlkLine *line, Count lines)
{
  char text[64];
  int length = snprintf(text, sizeof text, "       (%lu lines all free)\n",
                        (unsigned long)lines);

  blk_write(line, text, (size_t)length);
}

static void blk_dump_region(BlkLine *line, const BlkRegion *region)
{
  const BlkTab *tab = &region->area.tab;
  bool is_folding = line->dump->style == MPS_BLK_DUMP_KINDS;

  for (Index b = 0; b < tab->blocks && !line->is_over; b += BLK_LINE) {
    Count lines = is_folding ? blk_free_lines(tab, b) : 0;

    if (lines >= 2) {
      blk_dump_fold(line, lines);
      b += (lines - 1) * BLK_LINE;
    } else {
      blk_dump_line(line, region, b);
    }
  }
}

static void blk_dump_head(BlkLine *line, const BlkRegion *region)
{
  char text[96];
  int length;

  if (line->dump->style == MPS_BLK_DUMP_STATES)
    length = snprintf(text, sizeof text, "heap:\n");
  else
    length = snprintf(
        text, sizeof text, "GC memory layout; from %p, %lu blocks of %lu:\n",
        (void *)region->area.base, (unsigned long)region->area.tab.blocks,
        (unsigned long)1 << line->blk->mark.shift);
  blk_write(line, text, (size_t)length);
}

void blk_dump(const Blk *blk, const BlkDump *dump)
{
  BlkLine line = {blk, dump, false};

  for (Index i = 0; i < blk->mark.count; ++i) {
    const BlkRegion *region = blk_region_at(blk, i);

    if (i == 0 || dump->style == MPS_BLK_DUMP_KINDS)
      blk_dump_head(&line, region);
    blk_dump_region(&line, region);
  }
}
