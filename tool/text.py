#!/usr/bin/python3
"""text.py -- check what the files say, whatever language they are in

It is a fault if a file

1. has space at the end of a line, or no newline at its end;
2. has a note to mend something later, or a // comment in C;
3. names a place on somebody's machine.  Exception: "text PATH -- reason";
4. names a file of this project that isn't there: in reST by a link, an
   include or a literal, in comments by "(design/x.rst)";
5. gives two structures the same signature, or one that its comment
   doesn't spell.
"""
import re
import sys

import tree

NOTE = re.compile(r"\bFIX" r"ME\b")
MACHINE = re.compile(r"(?<![\w.$}/])/(?:work|home|root|tmp)(?:/|(?=[\"'` ]))")
SLASHES = re.compile(r"//")
SIG_DEFINE = re.compile(
    r"^#define (\w+_SIG)\b(?: \(\(Sig\)0x([0-9A-Fa-f]{8})\))?"
    r"(?: /\* \"(.{4})\")?", re.M)
LINKS = (
    re.compile(r"<([^<>\s:]+\.(?:rst|c|h|py|txt|scm))>`_"),
    re.compile(r"``((?:code|design|test|tool|manual)/[^`\s]*)``"),
    re.compile(r"^\.\. (?:include|literalinclude|image|figure):: (\S+)", re.M),
    re.compile(r"\((design/[\w.-]+)\)"),
)


def check_lines(root, path, text, allowed):
    name = path.relative_to(root)
    if text and not text.endswith("\n"):
        yield f"{name}:{text.count(chr(10)) + 1}: no newline at its end"
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield f"{name}:{number}: space at the end of the line"
        if NOTE.search(line):
            yield f"{name}:{number}: something left to mend"
        if MACHINE.search(line) and not allowed.excuses(name):
            yield f"{name}:{number}: names a place on one machine"
    if path.suffix in (".c", ".h"):
        for line, _ in tree.matches(tree.bare(text), SLASHES):
            yield f"{name}:{line}: a comment that isn't /* */"


def check_links(root, path, text):
    for pattern in LINKS if path.suffix == ".rst" else LINKS[-1:]:
        for line, match in tree.matches(text, pattern):
            target = match[1].rstrip("/")
            if re.search(r"[*<>{}$\[]", target):
                continue # a pattern or a placeholder, not a name
            if not any((place / target).exists()
                       for place in (root, path.parent, root / "manual")):
                yield (f"{path.relative_to(root)}:{line}:"
                       f" {match[1]} isn't there")


def check_signatures(root):
    homes = {}
    for path in tree.c_files(root, "code"):
        for line, match in tree.matches(path.read_text(), SIG_DEFINE):
            place = f"{path.relative_to(root)}:{line}"
            if not match[2]:
                yield f"{place}: {match[1]} isn't ((Sig)0x........)"
                continue
            value = match[2].lower()
            spelt = bytes.fromhex(value).decode("latin-1")
            if match[3] and match[3] != spelt:
                yield f"{place}: {match[1]} spells {spelt!r}"
            if value in homes:
                yield f"{place}: {match[1]} is the same as at {homes[value]}"
            homes[value] = place


def check(root):
    faults, allowed = [], tree.Allowed(root, "text")
    for path in tree.files(root):
        text = tree.text_of(path)
        if text is not None:
            faults += check_lines(root, path, text, allowed)
            if path.suffix in (".rst", ".c", ".h"):
                faults += check_links(root, path, text)
    return faults + list(check_signatures(root)) + allowed.finish()


if __name__ == "__main__":
    sys.exit(tree.main(check, __doc__))
