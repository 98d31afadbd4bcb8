#!/usr/bin/python3
"""names.py -- check the names and headers that clients see

Needs the release build.  It is a fault if

1. the one-file object or the shared library exports a name that doesn't
   start with mps_, _mps_ or mostly_, or the shared library needs another
   library than libc;
2. a header doesn't compile on its own, or a public one doesn't in C89,
   C99, C11 and C++ by both compilers;
3. manual/reference, once it exists, leaves out a public name, or describes
   one that no header has.
"""
import concurrent.futures
import re
import subprocess
import sys

import tree

OURS = re.compile(r"(?:mps_|_mps_|mostly_)")
SYSTEM = re.compile(r"libc\.so|libpthread\.so|ld-linux")
PUBLIC = re.compile(r"\b(?:mps_|MPS_|mostly_|MOSTLY_)\w+")
UNDOCUMENTED = re.compile(r"MPS_KEY_\w+_FIELD$|mps_\w+_s$|(?:mps|mostly)\w*_h$")
ONE_FILE = "build/release/CMakeFiles/mostly_static.dir/code/mostly.c.o"
SHARED = "build/release/libmostly.so"
DIALECTS = (
    ("gcc", "-std=c89"), ("gcc", "-std=c99"), ("gcc", "-std=c11"),
    ("g++", "-std=c++98", "-xc++"), ("g++", "-std=c++17", "-xc++"),
    ("clang", "-std=c89"), ("clang", "-std=c11"),
    ("clang++", "-std=c++17", "-xc++"),
)


def run(*command, text=None):
    return subprocess.run(command, input=text, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def check_exports(path, *options):
    """Rule 1, for one object or library."""
    result = run("nm", *options, "--defined-only", str(path))
    if result.returncode:
        yield f"{path.name}:1: {result.stdout.strip()} (build release first)"
        return
    for line in result.stdout.splitlines():
        name = line.split()[-1] if line.split() else ""
        if name and not name.endswith(":") and not OURS.match(name):
            yield f"{path.name}:1: exports {name}"


def check_needed(path):
    for name in re.findall(r"NEEDED.*\[(.*)\]",
                           run("readelf", "-d", str(path)).stdout):
        if not SYSTEM.match(name):
            yield f"{path.name}:1: needs {name}"
    # What libc gives has a version after its name; weak names may be absent.
    for line in run("nm", "-D", "--undefined-only",
                    str(path)).stdout.splitlines():
        kind, name = line.split()[-2:]
        if kind == "U" and "@" not in name:
            yield f"{path.name}:1: nothing defines {name}"


def compile_alone(root, header, dialect):
    """The fault in compiling one header as a whole program, or None."""
    flags = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only",
             f"-I{root}/code", f"-I{root}/code/include"]
    language = [] if "-xc++" in dialect else ["-xc"]
    if "c++" not in "".join(dialect) and header.parent.name != "include":
        flags += ["-D_GNU_SOURCE", "-Wno-unused-function"]
    result = run(*dialect, *language, *flags, "-",
                 text=f'#include "{header.relative_to(root / "code")}"\n'
                 "int mostly_unused_;\n")
    if result.returncode:
        return (f"{header.relative_to(root)}:1: not by {' '.join(dialect)}"
                f" alone:\n{result.stdout.rstrip()}")
    return None


def check_headers(root):
    jobs = []
    for header in tree.files(root, ".h", tops=("code",)):
        layer = header.relative_to(root).parts[1]
        dialects = DIALECTS if layer == "include" else (("gcc", "-std=c11"),)
        jobs += [(root, header, dialect) for dialect in dialects]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [f for f in pool.map(lambda job: compile_alone(*job), jobs)
                if f]


def public_names(root):
    names = {}
    for header in sorted((root / "code/include").glob("*.h")):
        text = tree.bare(header.read_text())
        for line, match in tree.matches(text, PUBLIC):
            names.setdefault(match[0], f"{header.relative_to(root)}:{line}")
    return names


def check_manual(root):
    pages = tree.files(root / "manual", ".rst", tops=("reference",))
    if not pages:
        return []
    faults, described, public = [], set(), public_names(root)
    for page in pages:
        for line, match in tree.matches(page.read_text(), PUBLIC):
            described.add(match[0])
            if match[0] not in public:
                faults.append(f"{page.relative_to(root)}:{line}:"
                              f" {match[0]} is in no header")
    return faults + [
        f"{place}: {name} is not in manual/reference"
        for name, place in sorted(public.items())
        if name not in described and not UNDOCUMENTED.search(name)]


def check(root):
    return (list(check_exports(root / ONE_FILE, "-g"))
            + list(check_exports(root / SHARED, "-D"))
            + list(check_needed(root / SHARED))
            + check_headers(root) + check_manual(root))


if __name__ == "__main__":
    sys.exit(tree.main(check, __doc__))
