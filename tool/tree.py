"""tree.py -- what the checkers share: the files, C's lexis, the exceptions

A checker is a function from the root of a tree to a list of faults, each
"path:line: what is wrong".  It takes the root so that a test can run it on
a broken copy (test/api/test_lint.py).
"""
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SKIPPED = {".git", "build", "__pycache__", ".hypothesis", ".pytest_cache"}
TOPS = ("code", "design", "manual", "test", "tool")
COMMENT = re.compile(r"/\*.*?\*/", re.S)
STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'")
SPOKEN = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.S)
ALLOW = pathlib.PurePath("tool/lint_allow")


def files(root, *suffixes, tops=None):
    """The tree's files with these suffixes (all, if none), in order."""
    found = []
    for directory, names, leaves in os.walk(root):
        names[:] = sorted(n for n in names if n not in SKIPPED)
        here = pathlib.Path(directory)
        if tops and here != root and here.relative_to(root).parts[0] not in tops:
            continue
        found += [here / leaf for leaf in sorted(leaves)
                  if (not tops or here != root)
                  and (not suffixes or leaf.endswith(suffixes))]
    return found


def c_files(root, *tops):
    return files(root, ".c", ".h", tops=tops or ("code", "test"))


def text_of(path):
    """The text of a file, or None if it isn't text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def matches(text, pattern):
    """Yield (line number, match) of a compiled pattern in a text."""
    for match in pattern.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match


def blank(match):
    """What stands for a comment or string that is taken out: its lines."""
    return "\n" * match[0].count("\n")


def without_comments(text):
    return re.sub(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"",
                  lambda m: m[0] if m[0][0] == '"' else blank(m),
                  text, flags=re.S)


def bare(text):
    """C text without comments and literals, line for line."""
    return re.sub(r"/\*.*?\*/|" + STRING.pattern,
                  lambda m: blank(m) if m[0][0] == "/" else '""',
                  text, flags=re.S)


def sources(root):
    """The library's sources, in layer order, as code/mostly.c lists them."""
    text = (root / "code/mostly.c").read_text()
    return re.findall(r'^#include "([a-z0-9_/]+\.c)"', text, re.M)


class Allowed:
    """The exceptions of one rule, from tool/lint_allow.

    A line is "RULE PLACE -- reason".  An exception that no longer excuses
    anything is a fault, so the list can only shrink by itself.
    """

    def __init__(self, root, rule):
        self.faults, self.places = [], {}
        path = root / ALLOW
        lines = path.read_text().splitlines() if path.exists() else []
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            match = re.fullmatch(r"(\S+) +(\S+) +-- +(\S.*)", line)
            if not match:
                self.faults.append(f"{ALLOW}:{number}: not"
                                   " 'RULE PLACE -- reason'")
            elif match[1] == rule:
                self.places[match[2]] = number
        self.unused = set(self.places)

    def excuses(self, place):
        self.unused.discard(str(place))
        return str(place) in self.places

    def finish(self):
        return self.faults + [
            f"{ALLOW}:{self.places[place]}: {place} needs no exception"
            for place in sorted(self.unused)]


def main(check, document):
    """Run one checker as a program: python3 tool/x.py [ROOT]."""
    if "--help" in sys.argv:
        print(document.strip())
        return 0
    names = [a for a in sys.argv[1:] if not a.startswith("-")]
    faults = check(pathlib.Path(names[0]).resolve() if names else ROOT)
    for fault in faults:
        print(fault, file=sys.stderr)
    return bool(faults)
