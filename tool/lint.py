#!/usr/bin/python3
"""lint.py -- everything that can be wrong without running the code

    tool/lint.py [RULE...]

tags     tags cited and defined, both ways (tool/tags.py)
layers   no include and no call goes up (tool/layers.py)
sizes    functions and files short enough to read (tool/sizes.py)
text     spaces, notes, machine paths, dead links, signatures (tool/text.py)
names    exported names, headers alone, the manual complete (tool/names.py)
format   the C is as clang-format 14 leaves it
tidy     clang-tidy 14 with .clang-tidy on code/, in the harsh variety,
         where every check is live; a file that passed is not looked at again
         until it, or what it includes, changes.  Tests are left to the
         compilers and sanitizers: it can't see that Check's assertions end
         a test, and would have each guarded twice
flakes   pyflakes on the Python

Run it as tool/dev lint, which builds release first: layers, names and tidy
read that build.  Exceptions, with reasons, are in tool/lint_allow.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import layers
import names
import sizes
import tags
import text
import tree

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"\n]+)"', re.M)
DATABASE = pathlib.PurePath("build/release/compile_commands.json")
STAMPS = pathlib.PurePath("build/lint")


def program(name):
    """The pinned version of a Clang tool, by either of its names."""
    for candidate in (name + "-14", name):
        if shutil.which(candidate):
            return candidate
    return name + "-14"


def output_of(command):
    """(exit code, output); a program that isn't there is a fault too."""
    try:
        result = subprocess.run(command, text=True, check=False,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
    except FileNotFoundError:
        return 127, f"{command[0]}: not installed (tool/packages lint)"
    return result.returncode, result.stdout


def check_format(root):
    files = [str(path) for path in tree.c_files(root)]
    code, output = output_of([program("clang-format"), "--dry-run",
                              "-Werror", *files]) if files else (0, "")
    if not code:
        return []
    first = {}
    for name, line in re.findall(r"^(\S+?):(\d+):.*error:", output, re.M):
        first.setdefault(pathlib.Path(name).relative_to(root), line)
    return [f"{name}:{line}: not formatted from here on (tool/dev format)"
            for name, line in first.items()] or [output]


def closure(path, include_dirs, seen):
    """The files of ours that a file includes, itself among them."""
    if path in seen or not path.is_file():
        return seen
    seen.add(path)
    for name in INCLUDE.findall(path.read_text()):
        for directory in [path.parent, *include_dirs]:
            if (directory / name).is_file():
                closure((directory / name).resolve(), include_dirs, seen)
                break
    return seen


def fingerprint(root, entry):
    """A digest of all that clang-tidy's answer on one file depends on."""
    path = pathlib.Path(entry["file"])
    digest = hashlib.sha256((root / ".clang-tidy").read_bytes())
    digest.update(entry["command"].encode())
    dirs = [root / "code", root / "code/include"]
    for source in sorted(closure(path.resolve(), dirs, set())):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def tidy_one(root, entry):
    stamp = root / STAMPS / fingerprint(root, entry)
    if stamp.exists():
        return []
    code, output = output_of([
        program("clang-tidy"), "--quiet", "-p", str(root / DATABASE.parent),
        "--header-filter=.*", "--extra-arg=-Wno-unknown-warning-option",
        "--extra-arg=-UVARIETY", "--extra-arg=-DVARIETY=VARIETY_HARSH",
        entry["file"]])
    if not code:
        stamp.touch()
        return []
    found = re.findall(r"^(/\S+?):(\d+):\d+: \w+: (.* \[\S+\])$", output, re.M)
    return [f"{os.path.relpath(os.path.normpath(p), root)}:{n}: {what}"
            for p, n, what in found] or [output.strip()]


def check_tidy(root):
    database = root / DATABASE
    if not database.exists():
        return [f"{DATABASE}:1: isn't there (build release first)"]
    (root / STAMPS).mkdir(parents=True, exist_ok=True)
    entries = {e["file"]: e for e in json.loads(database.read_text())
               if e["file"].startswith(f"{root}/code/")
               and not e["file"].endswith(("code/mostly.c", "_sim.c"))
               and pathlib.Path(e["file"]).exists()}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        # A fault in a header is found from each file that includes it.
        return sorted({fault for faults in pool.map(
            lambda e: tidy_one(root, e), entries.values()) for fault in faults})


def check_flakes(root):
    files = [str(p) for p in tree.files(root, ".py", tops=("tool", "test"))]
    code, output = output_of([sys.executable, "-m", "pyflakes", *files])
    return output.splitlines() if code else []


RULES = {
    "tags": tags.check,
    "layers": layers.check,
    "sizes": sizes.check,
    "text": text.check,
    "names": names.check,
    "format": check_format,
    "tidy": check_tidy,
    "flakes": check_flakes,
}


SUMMARIES = {"tags": tags.summary}


def run_rule(name, root):
    """Run one rule, print how it went, and return whether it held."""
    begin = time.monotonic()
    faults = RULES[name](root)
    spent = time.monotonic() - begin
    for fault in faults:
        print(fault)
    if name in SUMMARIES:
        print(f"lint: {SUMMARIES[name](root)}")
    print(f"lint: {name:8}"
          f" {f'{len(faults)} faults' if faults else 'passed'}"
          f" ({spent:.1f} s)", flush=True)
    return not faults


def main(arguments):
    if "--help" in arguments or set(arguments) - set(RULES):
        print(__doc__.strip())
        return 2
    held = [run_rule(name, tree.ROOT) for name in arguments or RULES]
    print(f"lint: {held.count(True)} passed, {held.count(False)} failed")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
