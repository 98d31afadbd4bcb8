/* format.c -- what a client says about its objects
 *
 * Design: .format.methods, .format.missing (design/format.rst).
 */

#include "format.h"


/* What stands for a method that the client left out */

static mps_res_t format_no_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  ASSERT(!"the object format has a scan method");
  return MPS_RES_FAIL;
}

static mps_addr_t format_no_skip(mps_addr_t addr)
{
  ASSERT(!"the object format has a skip method");
  return addr;
}

static void format_no_fwd(mps_addr_t old, mps_addr_t new)
{
  ASSERT(!"the object format has a forward method");
}

static mps_addr_t format_no_isfwd(mps_addr_t addr)
{
  ASSERT(!"the object format has an is-forwarded method");
  return NULL;
}

static void format_no_pad(mps_addr_t base, size_t size)
{
  ASSERT(!"the object format has a padding method");
}

/* The interface's default: the first word of the object. */
static mps_addr_t format_first_word(mps_addr_t addr)
{
  return *(mps_addr_t *)addr;
}


Res format_create(Format **format_out, Arena *arena,
                  const FormatParams *params)
{
  Format *format;
  Res res = ctl_alloc(&format, &arena->ctl, sizeof *format);

  if (res != MPS_RES_OK)
    return res;
  format->arena = arena;
  ring_init(&format->link);
  ring_append(&arena->formats, &format->link);
  format->align = params->align;
  format->header = params->header;
  format->pools = 0;
  format->scan = params->scan != NULL ? params->scan : format_no_scan;
  format->skip = params->skip != NULL ? params->skip : format_no_skip;
  format->fwd = params->fwd != NULL ? params->fwd : format_no_fwd;
  format->isfwd = params->isfwd != NULL ? params->isfwd : format_no_isfwd;
  format->pad = params->pad != NULL ? params->pad : format_no_pad;
  format->klass = params->klass != NULL ? params->klass : format_first_word;
  format->sig = FORMAT_SIG;
  ASSERT(format_check(format));
  *format_out = format;
  return MPS_RES_OK;
}

void format_destroy(Format *format)
{
  ASSERT(format_check(format));
  ASSERT(format->pools == 0);
  format->sig = SIG_NONE;
  ring_remove(&format->link);
  ctl_free(&format->arena->ctl, format, sizeof *format);
}

bool format_check(const Format *format)
{
  CHECK(format != NULL);
  CHECK(format->sig == FORMAT_SIG);
  CHECK(size_is_pow2(format->align));
  CHECK(size_is_aligned(format->header, format->align));
  CHECK(ring_check(&format->link));
  return true;
}

void format_pad(const Format *format, Addr base, Addr limit)
{
  if (base < limit)
    format->pad(base, addr_diff(base, limit));
}
