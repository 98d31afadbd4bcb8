#!/usr/bin/python3
"""tags.py -- check the threads between design, code and tests

A design page defines tags, as in _`.nail.inv.tail`:.  Comments in the code
cite them, and COVERS lines, comments and strings in the tests.  It is a
fault if

1. a tag is defined twice;
2. a cited tag isn't defined;
3. an invariant (.x.inv.y) is cited by no code;
4. a requirement (.x.req.y) is cited by no test;
5. a source file in code/ cites no tag at all.

With --list it prints every tag with the places that cite it.
"""
import re
import sys

import tree

DEFINITION = re.compile(r"_`(\.[a-z0-9-]+(?:\.[a-z0-9-]+)*)`:")
CITATION = re.compile(
    r"(?<![\w./)\]*\"'-])\.[a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+"
    r"|(?<=COVERS\([\"'])\.[a-z0-9.-]+")
OWNERS = ((".inv.", "code"), (".req.", "test"))


def definitions(root, faults):
    """Where each tag is defined; rule 1."""
    defined = {}
    for path in sorted(root.glob("design/*.rst")):
        for line, match in tree.matches(path.read_text(), DEFINITION):
            place = f"{path.relative_to(root)}:{line}"
            if match[1] in defined:
                faults.append(f"{place}: {match[1]} is defined at"
                              f" {defined[match[1]]} too")
            defined[match[1]] = place
    return defined


def spoken(path, text):
    """Yield (line, words) of what a file says rather than does.

    In Python and reST the whole text counts: a dot after a space or a
    parenthesis isn't an operator there."""
    if path.suffix not in (".c", ".h"):
        yield 0, text
        return
    for line, match in tree.matches(text, tree.SPOKEN):
        yield line - 1, match[0]


def citations(root, defined):
    """Yield (path, line, tag) for each citation."""
    roots = {tag.split(".")[1] for tag in defined}
    for path in (tree.c_files(root)
                 + tree.files(root, ".py", ".scm", tops=("test", "code"))
                 + tree.files(root, ".rst", tops=("design",))):
        for start, words in spoken(path, path.read_text()):
            if path.suffix == ".rst":
                words = DEFINITION.sub(tree.blank, words)
            for line, match in tree.matches(words, CITATION):
                tag = match[0].rstrip(".")
                # Outside C, a dotted word is a tag only if its first part
                # is one: it may as well be a file's name.
                if path.suffix in (".c", ".h") or tag.split(".")[1] in roots:
                    yield path, start + line, tag


def gather(root):
    """(faults of rules 1, 2 and 5, defined, cited)."""
    faults, cited, citing = [], {}, set()
    defined = definitions(root, faults)
    for path, line, tag in citations(root, defined):
        place = f"{path.relative_to(root)}:{line}"
        cited.setdefault(tag, []).append(place)
        citing.add(path)
        if tag not in defined:
            faults.append(f"{place}: {tag} is not defined")
    for path in tree.c_files(root, "code"):
        if path not in citing:
            faults.append(f"{path.relative_to(root)}:1: cites no design")
    return faults, defined, cited


def check(root):
    faults, defined, cited = gather(root)
    for tag, place in defined.items():
        for kind, top in OWNERS:
            if kind in tag and not any(
                    p.startswith(top + "/") for p in cited.get(tag, ())):
                faults.append(f"{place}: {tag} is cited by no {top}")
    return sorted(faults)


def listing(root):
    _, defined, cited = gather(root)
    for tag in sorted(defined):
        print(f"{tag}\n  {defined[tag]}")
        for place in cited.get(tag, ()):
            print(f"  {place}")


if __name__ == "__main__":
    if "--list" in sys.argv:
        sys.exit(listing(tree.ROOT))
    sys.exit(tree.main(check, __doc__))
