"""test_guide.py -- what the guide shows is there, compiles and runs

The programs of manual/listings/ are compiled by both compilers with warnings
as errors and run, and print what the pages say.  Each piece of source that a
page includes is found by its marks, each mark is used, and no page has C of
its own.
"""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANUAL = ROOT / "manual"
LISTINGS = MANUAL / "listings"
BUILD = pathlib.Path(os.environ.get("MOSTLY_BUILD", ROOT / "build/release"))
PROGRAMS = sorted(path.stem for path in LISTINGS.glob("*.out"))
PAGES = sorted(MANUAL.glob("*.rst"))
INCLUDED = re.compile(
    r"^\.\. literalinclude:: (\S+)\n((?:   :[^\n]*\n)*)", re.M)


def sources(program):
    path = LISTINGS / f"{program}.c"
    shared = [LISTINGS / "runtime.c"]
    return [path] + shared * ('"runtime.h"' in path.read_text())


def test_every_program_has_an_output():
    """COVERS(".build.req.guide")"""
    assert len(PROGRAMS) >= 8
    assert {path.stem for path in LISTINGS.glob("*.c")} \
        == {*PROGRAMS, "runtime"}


@pytest.mark.parametrize("options", ["gcc -O0", "gcc -O2", "clang -O2"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_program_prints_what_the_guide_says(tmp_path, program, options):
    """COVERS(".build.req.guide")"""
    binary = tmp_path / program
    subprocess.run(
        [*options.split(), "-std=c11", "-Wall", "-Wextra", "-Werror",
         f"-I{ROOT}/code/include", *sources(program),
         BUILD / "libmostly.a", "-pthread", "-o", binary], check=True)
    run = subprocess.run([binary], check=True, text=True, cwd=tmp_path,
                         capture_output=True, timeout=120)
    assert run.stdout == (LISTINGS / f"{program}.out").read_text()


def included():
    """(page, file, {option: text}) of all that pages include."""
    return [(page, page.parent / match[1],
             dict(re.findall(r"^   :([\w-]+):(?: (.*))?$", match[2], re.M)))
            for page in PAGES
            for match in INCLUDED.finditer(page.read_text())]


def lines_with(lines, text):
    return [number for number, line in enumerate(lines)
            if text.strip() in line]


def test_what_pages_include_is_there():
    """COVERS(".build.req.guide")

    A start is in one line, and its end comes somewhere behind it.
    """
    assert len(included()) > 40
    for page, path, options in included():
        place = (page.name, path.name, options)
        lines = path.read_text().split("\n")
        start = options.get("start-after", options.get("start-at"))
        if start is None:
            assert path.suffix == ".out", place
            continue
        starts = lines_with(lines, start)
        assert len(starts) == 1, place
        assert [number for number in lines_with(lines, options["end-before"])
                if number > starts[0] + 1], place


def test_every_mark_is_used():
    """COVERS(".build.req.guide")"""
    used = {(path.name, options.get("start-after"))
            for _, path, options in included()}
    outputs = {path.name for _, path, _ in included()}
    for path in LISTINGS.glob("*.[ch]"):
        for mark in re.findall(r"/\* (\[\w+\]) \*/", path.read_text()):
            assert (path.name, mark) in used or mark in UNSHOWN, (path, mark)
    for path in LISTINGS.glob("*.out"):
        assert path.name in outputs or path.name in UNSHOWN, path


# What a page needn't show.
UNSHOWN = {"label.out"}


def test_pages_have_no_c_of_their_own():
    """COVERS(".build.req.guide"): it would not be compiled.

    But for a line that tells how to call the compiler.
    """
    for page in PAGES:
        text = page.read_text()
        assert not re.search(r"^\.\. (code-block|code|sourcecode):: c$", text,
                             re.M), page
        for block in re.findall(r"::\n\n((?:   +.*\n|\n)+)", text):
            assert not re.search(r";$|^ *#include", block, re.M), (page, block)


@pytest.mark.skipif(shutil.which("sphinx-build") is None,
                    reason="Sphinx isn't installed (tool/packages docs)")
def test_the_manual_builds(tmp_path):
    """COVERS(".build.req.guide"): no warning, and each name leads somewhere."""
    subprocess.run(["sphinx-build", "-q", "-W", "-n", "-b", "html", MANUAL,
                    tmp_path / "html", "-d", tmp_path / "trees"], check=True)
