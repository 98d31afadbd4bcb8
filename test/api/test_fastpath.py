"""test_fastpath.py -- the machine code of the allocation fast path

COVERS(".interface.fence"): a loop of reserve, initialise and commit is
compiled at -O1, -O2 and -O3 by each compiler that is installed, next to
the same loop over a plain bump allocator, and both are disassembled.  The
way from one object to the next that calls nothing

- has at most 8 instructions more than the bump allocator's (from -O2 on);
- stores the object before it stores init, and loads limit after that.

The second is what a flip between two instructions relies on: a compiler
that has just seen limit non-null may otherwise delete its test, or sink
the object's stores.  The test knows x86-64 only.
"""
import pathlib
import platform
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXTRA = 8           # instructions that the protocol may cost
MARK = 0x5eed       # in an instruction that does nothing, to find the loop

SOURCE = """
#include <stddef.h>
#include "mps.h"

extern void consume(void);
extern void *slow(size_t size);

/* It neither reads nor writes memory, so it orders nothing. */
#define MARK() __asm__ volatile("nopw %(mark)d(%%rax)")

typedef struct Bump { char *next, *limit; } Bump;

void with_ap(mps_ap_t ap, void *volatile *sink, unsigned long n)
{
  while (n-- > 0) {
    mps_addr_t p;
    MARK();
    do {
      if (mps_reserve(&p, ap, 32) != MPS_RES_OK)
        consume();
      ((long *)p)[0] = n;
      ((long *)p)[1] = 0;
      ((long *)p)[2] = 0;
    } while (!mps_commit(ap, p, 32));
    *sink = p;
  }
}

void with_bump(Bump *bump, void *volatile *sink, unsigned long n)
{
  while (n-- > 0) {
    char *p;
    MARK();
    p = bump->next;
    if ((size_t)(bump->limit - p) < 32)
      p = slow(32);
    else
      bump->next = p + 32;
    ((long *)p)[0] = n;
    ((long *)p)[1] = 0;
    ((long *)p)[2] = 0;
    *sink = p;
  }
}
""" % {"mark": MARK}

LINE = re.compile(r"^\s*([0-9a-f]+):\t(?:[0-9a-f]{2} )+\s*(.*)$")
COMPILERS = [c for c in ("gcc", "clang", "clang-14", "cc")
             if shutil.which(c)]

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or not shutil.which("objdump"),
    reason="reads the machine code of x86-64 with objdump")


def compile_and_read(compiler, level, source, folder):
    """The instructions of each function: name -> [(address, text)]."""
    path = folder / "fastpath.c"
    path.write_text(source)
    subprocess.run(
        [compiler, level, "-std=c11", "-c", f"-I{ROOT / 'code/include'}",
         "-fno-stack-protector", "-fcf-protection=none", "-o",
         str(path.with_suffix(".o")), str(path)], check=True)
    listing = subprocess.run(
        ["objdump", "-dw", str(path.with_suffix(".o"))], check=True,
        capture_output=True, text=True).stdout
    functions, current = {}, None
    for line in listing.splitlines():
        head = re.match(r"^[0-9a-f]+ <(\w+)>:$", line)
        if head:
            current = functions.setdefault(head[1], [])
        match = LINE.match(line)
        if match and current is not None:
            current.append((int(match[1], 16), match[2].strip()))
    return functions


def successors(code):
    """Instruction number -> numbers of those that may follow it."""
    number = {address: i for i, (address, _) in enumerate(code)}
    follow = {}
    for i, (_, text) in enumerate(code):
        jump = re.match(r"(j\w+)\s+([0-9a-f]+)", text)
        follow[i] = []
        if jump:
            follow[i].append(number[int(jump[2], 16)])
        if i + 1 < len(code) and not re.match(r"(jmp|ret)", text):
            follow[i].append(i + 1)
    return follow


def is_mark(text):
    return re.match(rf"nopw\s+0x{MARK:x}\(", text) is not None


def is_counted(text):
    """Does it do anything?  Padding between branches doesn't."""
    return not re.match(r"(nop|data16|cs nop|xchg\s+%ax,%ax)", text)


def fast_path(code):
    """The shortest round of the loop without a call, from mark to mark."""
    follow = successors(code)
    start = next(i for i, (_, text) in enumerate(code) if is_mark(text))
    paths = [[start]]
    seen = set()
    while paths:
        path = paths.pop(0)
        for i in follow[path[-1]]:
            if i == start:
                return [code[k][1] for k in path if is_counted(code[k][1])]
            if i not in seen and "call" not in code[i][1]:
                seen.add(i)
                paths.append(path + [i])
    raise AssertionError("there is no way round without a call")


def base_of_ap(path):
    """The register that holds the allocation point: the one base from
    which something is read at the offset of limit."""
    found = set()
    for text in path:
        read = re.match(r"(?:mov\s+|cmp\s+.*)0x10\((%\w+)\)", text)
        if read:
            found.add(read[1])
    assert len(found) == 1, "\n".join(path)
    return found.pop()


def positions(path):
    """Where in the path init is stored, limit is read, and anything but
    the stack and the allocation point is stored to."""
    ap = re.escape(base_of_ap(path))
    init = [i for i, t in enumerate(path)
            if re.match(rf"mov\s+%\w+,(0x0)?\({ap}\)$", t)]
    limit = [i for i, t in enumerate(path)
             if re.match(rf"(mov\s+|cmp\s+.*)0x10\({ap}\)", t)]
    objects = [i for i, t in enumerate(path)
               if re.match(r"mov\w*\s+[$%][^(]*,(0x[0-9a-f]+)?\(", t)
               and not re.search(rf"\((?:{ap}|%rsp)\)$", t)]
    return init, limit, objects


FAST = [(c, level) for c in COMPILERS for level in ("-O2", "-O3")]
CASES = [(c, level) for c in COMPILERS for level in ("-O1", "-O2", "-O3")]


@pytest.mark.parametrize("compiler, level", FAST)
def test_length(compiler, level, tmp_path):
    functions = compile_and_read(compiler, level, SOURCE, tmp_path)
    ours = fast_path(functions["with_ap"])
    bump = fast_path(functions["with_bump"])
    print(f"{compiler} {level}: {len(ours)} against {len(bump)}")
    assert len(ours) <= len(bump) + EXTRA, "\n".join(ours + ["--"] + bump)


def faults(path):
    """What is wrong with the order of a path."""
    init, limit, objects = positions(path)
    if len(init) != 1:
        return "init is stored more than once, or never"
    if not [i for i in limit if i < init[0]]:
        return "reserve doesn't read limit"
    if not [i for i in limit if i > init[0]]:
        return "commit doesn't read limit after it has stored init"
    # The object has three words: at least two stores, if they are joined.
    # The last store of the path is the sink's.
    if len([i for i in objects if i < init[0]]) < 2:
        return "the object is stored to after init"
    if len([i for i in objects if i > init[0]]) > 1:
        return "the object is stored to after init"
    return ""


@pytest.mark.parametrize("compiler, level", CASES)
def test_order(compiler, level, tmp_path):
    functions = compile_and_read(compiler, level, SOURCE, tmp_path)
    path = fast_path(functions["with_ap"])
    assert not faults(path), "\n".join(path)


def test_the_test_can_fail(tmp_path):
    """Without the fences a compiler takes the liberty, and we see it."""
    source = SOURCE.replace(
        "void with_ap", """
#undef mps_commit
#define mps_commit(ap, p, size) \\
  ((ap)->init = (ap)->alloc, \\
   (ap)->limit != NULL ? 1 : mps_ap_trip(ap, p, size))
void with_ap""")
    caught = [
        (compiler, level) for compiler, level in CASES
        if faults(fast_path(compile_and_read(
            compiler, level, source, tmp_path)["with_ap"]))]
    assert caught
