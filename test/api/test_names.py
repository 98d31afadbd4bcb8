"""test_names.py -- every name of the interface, with its exact type

names/interface.def is the inventory and names/names.c the client that uses
all of it.  The client is compiled in each dialect, linked with the one-file
build, and run; and each header alone must give the names that clients look
for in it.

COVERS(".interface.req.names"), COVERS(".interface.req.alone")
"""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "code/include"
NAMES = ROOT / "test/api/names"
DIALECTS = [
    ("gcc", "c89"), ("gcc", "c99"), ("gcc", "c11"),
    ("clang", "c89"), ("clang", "c99"), ("clang", "c11"),
    ("g++", "c++98"), ("g++", "c++17"),
    ("clang++", "c++98"), ("clang++", "c++17"),
]
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
ENTRY = re.compile(r"^([A-Z]+)\(([\w.]+),\s*(\w+)(\(\))?", re.M)


def compiler(name, dialect):
    language = "c++" if "++" in dialect else "c"
    return [name, "-x", language, f"-std={dialect}", f"-I{INCLUDE}",
            *WARNINGS]


def run(command, **options):
    result = subprocess.run(command, text=True, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            **options)
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The one-file build, as a client makes it."""
    target = tmp_path_factory.mktemp("library") / "mostly.o"
    run(["cc", "-O2", "-c", str(ROOT / "code/mostly.c"), "-o", str(target)])
    return target


@pytest.mark.parametrize("name,dialect", DIALECTS)
def test_every_name_compiles_and_links(name, dialect, library, tmp_path):
    program = tmp_path / "names"
    objects = tmp_path / "names.o"
    run([*compiler(name, dialect), "-O2", "-c",
         str(NAMES / "names.c"), "-o", str(objects)])
    run([name, str(objects), str(library), "-pthread", "-o", str(program)])
    functions = sum(kind == "FUNCTION" for kind, *_ in entries())
    keys = sum(kind == "KEY" for kind, *_ in entries()) + 1
    assert run([str(program)]) == f"{keys} keys, {functions} functions\n"


def entries():
    """(kind, header, name) of each line of the inventory."""
    text = (NAMES / "interface.def").read_text()
    return [(kind, header, name)
            for kind, header, name, _ in ENTRY.findall(text)]


def headers():
    return sorted({header for _, header, _ in entries()})


@pytest.mark.parametrize("header", headers())
def test_names_are_where_clients_look(header):
    """With one header alone, no other and no macro of ours hidden."""
    source = f'#include "{header}"\n'
    macros = set(re.findall(r"^#define (\w+)", run(
        ["gcc", "-E", "-dM", f"-I{INCLUDE}", "-x", "c", "-"], input=source),
        re.M))
    text = run(["gcc", "-E", "-P", f"-I{INCLUDE}", "-x", "c", "-"],
               input=source)
    spoken = macros | set(re.findall(r"\w+", text))
    for kind, where, name in entries():
        if where == header:
            name = f"MPS_KEY_{name}" if kind == "KEY" else name
            assert name in spoken, name
            assert (kind != "KEY") or f"{name}_FIELD" in macros


def test_inventory_misses_no_public_name():
    """What the headers give beyond the inventory is a private name, a tag,
    or the end of a key; so a new public name must be entered."""
    known = {f"MPS_KEY_{name}" if kind == "KEY" else name
             for kind, _, name in entries()}
    known |= set(re.findall(r"mps_\w+", (NAMES / "interface.def").read_text()))
    known |= {"mps_args_none", "mps_lib_FILE"}
    text = "".join(path.read_text() for path in INCLUDE.glob("mps*.h"))
    text = re.sub(r"/\*.*?\*/|\".*?\"", "", text, flags=re.S)
    found = set(re.findall(r"\b(?:mps|MPS)_\w+", text))
    found = {name for name in found
             if not re.match(r"MPS_(OS|ARCH|BUILD|PF)_|mps\w*_h$|"
                             r"mps_\w+_s$|MPS_KEY_\w+_FIELD$|mps_key$", name)}
    assert found <= known, found - known
