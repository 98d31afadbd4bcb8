"""test_headers.py -- each public header stands alone

COVERS(".interface.req.alone"): compiled by itself, in each dialect and by
both compilers, with warnings that a careful client may have on.
COVERS(".interface.req.prefix"): and it brings no identifier into the
client's scope that isn't ours or of the three standard headers.
"""
import pathlib
import re
import subprocess

import pytest

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "code/include"
HEADERS = sorted(path.name for path in INCLUDE.glob("*.h"))
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-Wconversion",
            "-Wsign-conversion", "-Wshadow", "-Wundef"]
DIALECTS = [
    ("gcc", "c89"), ("gcc", "c99"), ("gcc", "c11"), ("gcc", "gnu11"),
    ("clang", "c89"), ("clang", "c99"), ("clang", "c11"),
    ("g++", "c++98"), ("g++", "c++11"), ("g++", "c++17"),
    ("clang++", "c++98"), ("clang++", "c++17"),
]
STANDARD = "#include <limits.h>\n#include <stdarg.h>\n#include <stddef.h>\n"
OURS = re.compile(r"_?(?:mps|MPS)_\w+|mps\w*_h$|mostly_\w+")


def run(command, source):
    return subprocess.run(command, input=source, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("compiler,dialect", DIALECTS)
@pytest.mark.parametrize("header", HEADERS)
def test_alone(header, compiler, dialect):
    cxx = "++" in dialect
    include = f'#include "{header}"\n#include "{header}"\n'
    source = include + "extern int unit;\nint unit;\n"
    if cxx: # clients wrap C headers themselves
        source += f'extern "C" {{\n{include}}}\n'
    result = run([compiler, "-x", "c++" if cxx else "c", f"-std={dialect}",
                  f"-I{INCLUDE}", *WARNINGS, "-fsyntax-only", "-"], source)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("header", [h for h in HEADERS if h != "mpswin.h"])
def test_wrapped_by_a_cxx_client(header):
    source = f'extern "C" {{\n#include "{header}"\n}}\n'
    result = run(["g++", "-x", "c++", f"-I{INCLUDE}", *WARNINGS,
                  "-fsyntax-only", "-"], STANDARD + source)
    assert result.returncode == 0, result.stdout


def macros(source):
    result = run(["gcc", "-std=c99", "-E", "-dM", f"-I{INCLUDE}", "-"],
                 source)
    assert result.returncode == 0, result.stdout
    return set(re.findall(r"^#define (\w+)", result.stdout, re.M))


@pytest.mark.parametrize("header", HEADERS)
def test_macros_have_our_prefix(header):
    strange = {name for name in macros(STANDARD + f'#include "{header}"\n')
               - macros(STANDARD) if not OURS.match(name)}
    assert not strange


@pytest.mark.parametrize("header", HEADERS)
def test_declarations_have_our_prefix(header):
    """Every name at file scope: types, functions, objects, constants; but
    not what the compiler has built in."""
    source = STANDARD + f'typedef int marker_;\n#include "{header}"\n'
    result = run(["clang", "-std=c99", f"-I{INCLUDE}", "-x", "c",
                  "-fsyntax-only", "-Xclang", "-ast-dump", "-"], source)
    assert result.returncode == 0, result.stdout
    names = {name for line in result.stdout.split("marker_")[-1].splitlines()
             for name in declared(line)}
    assert names or header in ("mpstd.h", "mpswin.h")
    assert not {name for name in names
                if not OURS.match(name) and not name.startswith("__atomic_")}


def declared(line):
    """The name that a line of a syntax dump puts in the client's scope."""
    at_top = re.match(r"[|`]-(?:Function|Var|Typedef|Record|Enum)Decl ", line)
    if not at_top and "EnumConstantDecl" not in line:
        return []
    line = re.sub(r"'.*|<[^>]*>|\b(?:definition|extern|prev|parent)\b.*", "",
                  line)
    words = re.sub(r"\b0x[0-9a-f]+\b|\b(?:line|col):[\d:]+|\S*/\S*", "",
                   line).split()
    name = words[-1] if words else ""
    plain = ("struct", "union", "enum", "")
    return [] if name in plain or name.endswith("Decl") else [name]


# The error handler may return, as far as the compiler knows; so it may think
# that addr is used without a value, and must be told otherwise.
RESERVE = """
#include "mps.h"
extern void error(const char *message);
extern mps_addr_t make(mps_ap_t ap, size_t size);
mps_addr_t make(mps_ap_t ap, size_t size)
{
  mps_addr_t addr, other;
  mps_res_t res;
  do {
    if (mps_reserve(&addr, ap, size) != MPS_RES_OK)
      error("reserve");
    *(mps_addr_t *)addr = NULL;
  } while (!mps_commit(ap, addr, size));
  do {
    MPS_RESERVE_BLOCK(res, other, ap, size);
    if (res != MPS_RES_OK)
      error("reserve");
    *(mps_addr_t *)other = addr;
  } while (!mps_commit(ap, other, size));
  return other;
}
"""


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-O3"])
@pytest.mark.parametrize("compiler", ["gcc", "clang", "g++", "clang++"])
def test_macros_cause_no_warning_in_a_client(compiler, level):
    result = run([compiler, "-x", "c++" if "++" in compiler else "c", level,
                  f"-I{INCLUDE}", *WARNINGS, "-c", "-o", "/dev/null", "-"],
                 RESERVE)
    assert result.returncode == 0, result.stdout
