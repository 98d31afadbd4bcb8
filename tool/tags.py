#!/usr/bin/python3
"""tags.py -- check the threads between design, code and tests

A design page defines tags, as in _`.nail.inv.tail`:.  Comments in the code
cite them, and COVERS lines, comments and strings in the tests.  It is a
fault if

1. a tag is defined twice;
2. a cited tag isn't defined;
3. an invariant (.x.inv.y) is cited by no code;
4. a requirement (.x.req.y) is cited by no test;
5. a source file in code/ cites no tag at all;
6. a name in tool/seed_tags has no definition, or one that says nothing, or
   no test covers it.

A test covers a tag if the comment above it, in Python its docstring, says
"COVERS: .x.y", and something runs the test.  That is more than a citation.

With --list it prints every tag with the places that cite it.
"""
import ast
import pathlib
import re
import sys

import tree

DEFINITION = re.compile(r"_`(\.[a-z0-9-]+(?:\.[a-z0-9-]+)*)`:")
CITATION = re.compile(
    r"(?<![\w./)\]*\"'-])\.[a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+"
    r"|(?<=COVERS\([\"'])\.[a-z0-9.-]+")
TAG = r"\.[a-z0-9-]+(?:\.[a-z0-9-]+)*"
COVERS = re.compile(rf"COVERS:((?:[\s,*]+{TAG})+)")
C_TEST = re.compile(r"/\*(?:(?!\*/).)*?\*/\s*(?:START|MATRIX)_TEST"
                    r"\((\w+)\)", re.S)
SEED = pathlib.PurePath("tool/seed_tags")
SEED_WORDS = 8 # fewer don't make a requirement
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


def covered_by(comment):
    """The tags that a comment says are covered."""
    return {tag for match in COVERS.finditer(comment)
            for tag in re.findall(TAG, match[1])}


def python_tests(text):
    """Yield (name, docstring) of each test in a pytest file."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            yield node.name, ast.get_docstring(node) or ""


def c_tests(text):
    """Yield (name, comment) of each test that a C file defines and runs."""
    for match in C_TEST.finditer(text):
        if len(re.findall(rf"\b{match[1]}\b", text)) > 1:
            yield match[1], match[0]


def covers(root):
    """The tests that cover each tag."""
    found = {}
    for path in tree.files(root, ".c", ".py", tops=("test",)):
        tests = python_tests if path.suffix == ".py" else c_tests
        if not path.name.startswith("test_"):
            continue
        for name, comment in tests(path.read_text()):
            for tag in covered_by(comment):
                found.setdefault(tag, []).append(
                    f"{path.relative_to(root)}:{name}")
    return found


def seed_names(root):
    """The names that must not be lost: (tags, plain targets)."""
    path = root / SEED
    if not path.exists():
        return [], []
    text = re.sub(r"#.*", "", path.read_text())
    tags, _, targets = text.strip().partition("\n\n")
    return ["." + t for t in tags.split()], ["." + t for t in targets.split()]


def seed_texts(root):
    """What each tag of the pages says, up to the end of its paragraph."""
    found = {}
    for page in sorted(root.glob("design/*.rst")):
        for tag, text in re.findall(r"^_`(\.[\w.-]+)`:(.*?)(?:\n\n|\Z)",
                                    page.read_text(), re.M | re.S):
            found.setdefault(tag, text)
    return found


def seed_faults(root):
    """Rule 6, as a fault for each name that misses something."""
    texts, tests, faults = seed_texts(root), covers(root), {}
    for tag in sum(seed_names(root), []):
        if len(texts.get(tag, "").split()) < SEED_WORDS:
            faults[tag] = f"{SEED}:1: no design page says what {tag} means"
        elif tag not in tests:
            faults[tag] = f"{SEED}:1: no test covers {tag}"
    return faults


def summary(root):
    """The sentence that the linter prints, or nothing without the names."""
    tags, targets = seed_names(root)
    faults = seed_faults(root)
    held = [sum(t not in faults for t in names) for names in (tags, targets)]
    return (f"{held[0]} of {len(tags)} seed tags (and {held[1]} of"
            f" {len(targets)} plain targets) have a design definition and a"
            " test that COVERS them") if tags else ""


def check(root):
    faults, defined, cited = gather(root)
    faults += seed_faults(root).values()
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
    print(summary(root))


if __name__ == "__main__":
    if "--list" in sys.argv:
        sys.exit(listing(tree.ROOT))
    sys.exit(tree.main(check, __doc__))
