#!/usr/bin/python3
"""layers.py -- check that nothing in code/ depends on what is above it

The layers are the numbered list of design/layers.rst, lowest first.  It is
a fault if

1. a file includes one of a higher layer, or by a path that isn't relative
   to itself, or one that isn't there;
2. the example, a client, includes more than the public headers;
3. code/mostly.c lists the sources in another order than the layers', or
   leaves one out;
4. an object file, if release is built, needs a name that only a higher
   layer defines.  The plinth, which clients may replace, is the exception.
"""
import re
import subprocess
import sys

import tree

LAYER = re.compile(r"^\d+\. ``([a-z]+)``", re.M)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"\n]+)"', re.M)
CLIENTS = re.compile(r"mps_lib_|mps_io_|mps_clock|_mps_fix2$")
CLIENT = "example"
OBJECTS = "build/release/CMakeFiles/mostly_parts.dir/code"


def order(root):
    """The layer names, lowest first."""
    return LAYER.findall((root / "design/layers.rst").read_text())


def layer_of(root, path):
    """The layer of a file, or None for code/mostly.c and strangers."""
    parts = path.relative_to(root).parts
    return parts[1] if parts[0] == "code" and len(parts) > 2 else None


def check_include(root, layers, path, target):
    """What is wrong with one #include, or None."""
    here, there = layer_of(root, path), None
    if not target.is_file():
        return "isn't there"
    if root / "code" not in target.parents:
        return "is outside code/"
    there = layer_of(root, target)
    if here == CLIENT:
        return None if there in (CLIENT, "include") else "isn't public"
    if there not in layers:
        return "is in no layer"
    if layers.index(there) > layers.index(here):
        return f"is in a higher layer than {here}"
    return None


def check_includes(root, layers):
    for path in tree.c_files(root, "code"):
        if layer_of(root, path) is None:
            continue
        if layer_of(root, path) not in layers + [CLIENT]:
            yield f"{path.relative_to(root)}:1: is in no layer"
            continue
        text = tree.without_comments(path.read_text())
        for line, match in tree.matches(text, INCLUDE):
            # A client finds the public headers by -I, as all clients do.
            target = (path.parent / match[1]).resolve()
            if layer_of(root, path) == CLIENT and not target.is_file():
                target = root / "code/include" / match[1]
            wrong = check_include(root, layers, path, target)
            if wrong:
                yield f"{path.relative_to(root)}:{line}: {match[1]} {wrong}"


def check_list(root, layers):
    """Rule 3."""
    listed = tree.sources(root)
    ranks = [layers.index(s.split("/")[0]) for s in listed
             if s.split("/")[0] in layers]
    if ranks != sorted(ranks):
        yield "code/mostly.c:1: its sources aren't in the order of the layers"
    for path in tree.files(root, ".c", tops=("code",)):
        name = str(path.relative_to(root / "code"))
        if (layer_of(root, path) not in (None, CLIENT) and name not in listed
                and not path.stem.endswith("_sim")):
            yield f"code/mostly.c:1: doesn't list {name}"


def symbols(path):
    """(defined, needed): the names an object file gives and takes."""
    output = subprocess.run(["nm", "-g", path], check=True, text=True,
                            capture_output=True).stdout
    kinds = [line.split()[-2:] for line in output.splitlines()]
    return ({name for kind, name in kinds if kind != "U"},
            {name for kind, name in kinds if kind == "U"})


def check_calls(root, layers):
    """Rule 4."""
    objects = [(s, root / OBJECTS / (s + ".o")) for s in tree.sources(root)]
    tables = {s: symbols(p) for s, p in objects if p.exists()}
    home = {name: s for s, (defined, _) in tables.items() for name in defined}
    for source, (_, needed) in sorted(tables.items()):
        here = layers.index(source.split("/")[0])
        for name in sorted(needed & set(home)):
            there = layers.index(home[name].split("/")[0])
            if there > here and not CLIENTS.match(name):
                yield f"code/{source}:1: calls up to {name} in {home[name]}"


def check(root):
    layers = order(root)
    if not layers:
        return ["design/layers.rst:1: has no numbered list of layers"]
    faults = list(check_includes(root, layers)) + list(
        check_list(root, layers))
    return faults or list(check_calls(root, layers))


if __name__ == "__main__":
    sys.exit(tree.main(check, __doc__))
