"""test_install.py -- clients outside the tree can build with what we install

COVERS(".build.req.install"): by the CMake package, shared and static, and
by pkg-config, shared and static, from a tree that was moved after it was
installed.  COVERS(".build.req.one-file"): from code/mostly.c alone, by both
compilers.  Each time the client of README.rst must run.
"""
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MOSTLY_BUILD", ROOT / "build/release"))
CC = os.environ.get("CC", "cc")
sys.path.insert(0, str(ROOT / "test/api"))
from test_readme import client  # noqa: E402

PROJECT = """\
cmake_minimum_required(VERSION 3.16)
project(client C)
find_package(Mostly 0.1 REQUIRED)
add_executable(shared client.c)
target_link_libraries(shared Mostly::mostly)
add_executable(static client.c)
target_link_libraries(static Mostly::static)
"""


def run(*command, **options):
    """Run a command that must succeed, and return what it printed."""
    result = subprocess.run(
        [str(word) for word in command], text=True, check=False, timeout=300,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, **options)
    assert result.returncode == 0, result.stdout
    return result.stdout


def works(program, **options):
    return run(program, **options).startswith("sum 10000000000,")


def needs_mostly(program):
    """Does the program load the shared library?"""
    return "libmostly.so" in run("readelf", "-d", program)


@pytest.fixture(name="prefix", scope="module")
def fixture_prefix(tmp_path_factory):
    """An installed tree that isn't where it was installed."""
    top = tmp_path_factory.mktemp("install")
    run("cmake", "--install", BUILD, "--prefix", top / "first")
    (top / "first").rename(top / "moved")
    return top / "moved"


@pytest.fixture(name="source")
def fixture_source(tmp_path):
    path = tmp_path / "client.c"
    path.write_text(client())
    return path


def installed(prefix, pattern):
    """The one directory that has a file of this name."""
    found = list(prefix.rglob(pattern))
    assert len(found) == 1, found
    return found[0].parent


def test_headers(prefix):
    public = {p.name for p in (ROOT / "code/include").glob("*.h")}
    assert {p.name for p in prefix.rglob("*.h")} == public


def test_no_path_of_the_build(prefix):
    for pattern in ("*.pc", "*.cmake"):
        for path in prefix.rglob(pattern):
            assert str(ROOT) not in path.read_text(), path
            assert "first" not in path.read_text(), path


def test_cmake_package(prefix, source):
    here = source.parent
    (here / "CMakeLists.txt").write_text(PROJECT)
    run("cmake", "-G", "Ninja", "-S", here, "-B", here / "build",
        f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", here / "build")
    assert needs_mostly(here / "build/shared")
    assert not needs_mostly(here / "build/static")
    assert works(here / "build/shared")
    assert works(here / "build/static")


def flags(prefix, *options):
    directory = installed(prefix, "mostly.pc")
    return run("pkg-config", *options, "--cflags", "--libs", "mostly",
               env={**os.environ, "PKG_CONFIG_PATH": str(directory)}).split()


def test_pkg_config_shared(prefix, source):
    program = source.with_name("shared")
    run(CC, source, *flags(prefix), "-o", program)
    assert needs_mostly(program)
    where = installed(prefix, "libmostly.so")
    assert works(program, env={**os.environ, "LD_LIBRARY_PATH": str(where)})


def test_pkg_config_static(prefix, source):
    program = source.with_name("static")
    run(CC, "-static", source, *flags(prefix, "--static"), "-o", program)
    assert works(program)


def test_soname(prefix):
    library = installed(prefix, "libmostly.so") / "libmostly.so"
    assert library.is_symlink()
    assert re.search(r"SONAME.*\[libmostly\.so\.\d+\]",
                     run("readelf", "-d", library))


@pytest.mark.parametrize("options", [
    ["cc", "-O2"],
    ["gcc", "-O3", "-flto", "-fstrict-aliasing"],
    ["clang", "-O3", "-flto", "-fstrict-aliasing"],
    ["gcc", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-std=c11"],
], ids=" ".join)
def test_one_file(source, options):
    """No include path, no define; and not a word from the compiler."""
    here = source.parent
    compiler, *optimise = options
    assert run(compiler, *optimise, "-c", "code/mostly.c", "-o",
               here / "mostly.o", cwd=ROOT) == ""
    std = [o for o in optimise if not o.startswith("-std")]
    run(compiler, *std, f"-I{ROOT}/code/include", source, here / "mostly.o",
        "-pthread", "-o", here / "client")
    assert works(here / "client")
