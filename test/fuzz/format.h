/* format.h -- objects of the mirror fuzzer, and their format methods
 *
 * An object is a block of words, from its base:
 *
 *   info      size, kind and a constant that tells it from garbage
 *   serial    names its node in the mirror; in a forwarded object, the
 *             new address
 *   meta      number of references, and version of the contents
 *   ...       the rest of an in-band header, if that is longer
 *   reference words, then words made from serial, version and index
 *
 * An object of two words has no meta and no references.  With in-band
 * headers the methods and all references see the base plus the header's
 * size, the client pointer; pad sees the base.
 *
 * The methods check what the protocol says about their arguments.  They
 * run with the arena's lock held, so their counters need no other.
 *
 * Design: .fuzz.object, .fuzz.protocol (design/fuzz.rst).
 */

#ifndef FUZZ_FORMAT_H
#define FUZZ_FORMAT_H

#include "config.h"

#include "mps.h"

typedef mps_word_t Word;

enum {
  KIND_OBJECT = 1, /* may hold references */
  KIND_LEAF = 2,   /* lives in a pool that isn't scanned */
  KIND_FWD = 3,
  KIND_PAD = 4,
  KIND_OPEN = 5 /* reserved and not committed: nobody may look at it */
};

enum {
  AT_INFO = 0,
  AT_SERIAL = 1,
  AT_META = 2,
  WORDS_MIN = 2
};

#define WORD_SIZE sizeof(Word)
#define INFO_MAGIC 0xA500u
#define TAG_MASK ((Word)7)

typedef struct Format {
  size_t header; /* bytes of in-band header */
  size_t align;
  Word tag; /* of references in objects */
} Format;

static Format format; /* the same for all pools of an episode */

/* counts of calls, for the report */
static unsigned long format_scans, format_fwds, format_pads;

static Word info_of(size_t size, unsigned kind)
{
  return (Word)size << 16 | INFO_MAGIC | kind;
}

static size_t info_size(Word info)
{
  return (size_t)(info >> 16);
}

static unsigned info_kind(Word info)
{
  return (unsigned)(info & 0xFF);
}

/* client pointer -> block, and back */
static Word *block_of(mps_addr_t client)
{
  return (Word *)((Word)client - format.header);
}

static mps_addr_t client_of(const Word *block)
{
  return (mps_addr_t)((Word)block + format.header);
}

/* the index of the first reference in a block */
static size_t first_reference(void)
{
  size_t header = format.header / WORD_SIZE;

  return header > AT_META + 1 ? header : AT_META + 1;
}

static size_t size_min(void)
{
  size_t least = format.header + format.align;
  size_t words = WORDS_MIN * WORD_SIZE;

  if (least < words)
    least = words;
  return (least + format.align - 1) & ~(format.align - 1);
}

/* the references that a word in an object may hold */
static Word encode_slot(mps_addr_t client)
{
  return client == NULL ? 0 : (Word)client | format.tag;
}

static mps_addr_t decode_slot(Word slot)
{
  return (mps_addr_t)(slot & ~TAG_MASK);
}

/* Check that a block is an object, a forwarding marker or a pad. */
static void expect_block(const Word *block, const char *who)
{
  Word info = block[AT_INFO];

  if ((Word)block % format.align != 0)
    fail("%s: %p isn't aligned", who, (const void *)block);
  if ((info & 0xFF00) != INFO_MAGIC || info_kind(info) < KIND_OBJECT
      || info_kind(info) > KIND_PAD || info_size(info) == 0
      || info_size(info) % format.align != 0)
    fail("%s: %p is no object: it begins with 0x%lx", who, (const void *)block,
         (unsigned long)info);
}

static mps_res_t format_scan_object(mps_ss_t ss, Word *block)
{
  size_t i, first = first_reference();
  size_t count = 0;

  if (info_size(block[AT_INFO]) >= (first + 1) * WORD_SIZE)
    count = block[AT_META] & 0xFFFFFFFFu;
  MPS_SCAN_BEGIN(ss)
  {
    for (i = first; i < first + count; ++i) {
      mps_addr_t ref = decode_slot(block[i]);
      if (block[i] != 0 && MPS_FIX1(ss, ref)) {
        mps_res_t res = MPS_FIX2(ss, &ref);
        if (res != MPS_RES_OK)
          return res;
        block[i] = encode_slot(ref);
      }
    }
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

/* What becomes of the pairs of an object, by its serial number. */
static unsigned pair_kind(Word serial)
{
  return (unsigned)(serial % 3);
}

static mps_res_t format_fix_pair(mps_ss_t ss, Word *block, size_t i)
{
  static mps_res_t (*const fixes[])(mps_ss_t, mps_addr_t, mps_addr_t *,
                                    mps_addr_t *)
      = {mps_fix_weak_pair, mps_fix_weak_or_pair, mps_fix_weak_and_pair};
  mps_addr_t key = decode_slot(block[i]);
  mps_addr_t value = decode_slot(block[i + 1]);
  mps_res_t res
      = fixes[pair_kind(block[AT_SERIAL])](ss, client_of(block), &key, &value);

  block[i] = encode_slot(key);
  block[i + 1] = encode_slot(value);
  return res;
}

/* References in pairs, and if their number is odd one more. */
static mps_res_t format_scan_pairs(mps_ss_t ss, Word *block)
{
  size_t i, first = first_reference();
  size_t count = 0;

  if (info_size(block[AT_INFO]) >= (first + 1) * WORD_SIZE)
    count = block[AT_META] & 0xFFFFFFFFu;
  for (i = 0; i + 1 < count; i += 2) {
    mps_res_t res = format_fix_pair(ss, block, first + i);
    if (res != MPS_RES_OK)
      return res;
  }
  if (count % 2 == 0)
    return MPS_RES_OK;
  MPS_SCAN_BEGIN(ss)
  {
    mps_addr_t ref = decode_slot(block[first + count - 1]);
    mps_res_t res = MPS_FIX12(ss, &ref);
    if (res != MPS_RES_OK)
      return res;
    block[first + count - 1] = encode_slot(ref);
  }
  MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_res_t format_scan_with(mps_ss_t ss, mps_addr_t base,
                                  mps_addr_t limit,
                                  mps_res_t (*scan)(mps_ss_t, Word *))
{
  mps_addr_t at = base;
  mps_res_t res;

  ++format_scans;
  if (base > limit)
    fail("scan: base is above limit");
  while (at < limit) {
    Word *block = block_of(at);
    expect_block(block, "scan");
    if (info_kind(block[AT_INFO]) == KIND_LEAF)
      fail("scan: %p is a leaf", at);
    if (info_kind(block[AT_INFO]) == KIND_OBJECT) {
      MPS_SCAN_BEGIN(ss)
      {
        MPS_FIX_CALL(ss, res = scan(ss, block));
      }
      MPS_SCAN_END(ss);
      if (res != MPS_RES_OK)
        return res;
    }
    at = (mps_addr_t)((Word)at + info_size(block[AT_INFO]));
  }
  if (at != limit)
    fail("scan: an object ends at %p, after the limit %p", at, limit);
  return MPS_RES_OK;
}

static mps_res_t format_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  return format_scan_with(ss, base, limit, format_scan_object);
}

static mps_res_t format_scan_eph(mps_ss_t ss, mps_addr_t base,
                                 mps_addr_t limit)
{
  return format_scan_with(ss, base, limit, format_scan_pairs);
}

static mps_addr_t format_skip(mps_addr_t client)
{
  Word *block = block_of(client);

  expect_block(block, "skip");
  return (mps_addr_t)((Word)client + info_size(block[AT_INFO]));
}

static void format_fwd(mps_addr_t old, mps_addr_t new)
{
  Word *from = block_of(old), *to = block_of(new);

  ++format_fwds;
  expect_block(from, "fwd");
  if (info_kind(from[AT_INFO]) == KIND_FWD)
    fail("fwd: %p was forwarded before", old);
  if (info_kind(from[AT_INFO]) == KIND_PAD)
    fail("fwd: %p is padding", old);
  if (from == to || (Word)to % format.align != 0)
    fail("fwd: from %p to %p", old, new);
  if (memcmp(from, to, info_size(from[AT_INFO])) != 0)
    fail("fwd: %p isn't a copy of %p", new, old);
  from[AT_INFO] = info_of(info_size(from[AT_INFO]), KIND_FWD);
  from[AT_SERIAL] = (Word) new;
}

static mps_addr_t format_isfwd(mps_addr_t client)
{
  Word *block = block_of(client);

  expect_block(block, "isfwd");
  return info_kind(block[AT_INFO]) == KIND_FWD ? (mps_addr_t)block[AT_SERIAL]
                                               : NULL;
}

static void format_pad(mps_addr_t base, size_t size)
{
  Word *block = base;

  ++format_pads;
  if (size == 0 || size % format.align != 0)
    fail("pad: size %lu", (unsigned long)size);
  if ((Word)base % format.align != 0)
    fail("pad: %p isn't aligned", base);
  block[AT_INFO] = info_of(size, KIND_PAD);
}

#endif /* FUZZ_FORMAT_H */
