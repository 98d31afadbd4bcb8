"""test_guide.py -- the program in the guide to the block pool is true

COVERS(".clients.req.guide"): it is cut out of the page, compiled with
warnings as errors, and run.
"""
import os
import pathlib
import re
import subprocess
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MOSTLY_BUILD", ROOT / "build/release"))
PAGE = ROOT / "manual/guide-blocks.rst"


@pytest.mark.parametrize("options", [["gcc", "-O0"], ["clang", "-O2"]])
def test_program_runs(tmp_path, options):
    program, = re.findall(r"^\.\. code-block:: c\n\n((?:    .*\n|\n)+)",
                          PAGE.read_text(), re.M)
    source = tmp_path / "client.c"
    source.write_text(textwrap.dedent(program))
    subprocess.run(
        [*options, "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror",
         f"-I{ROOT}/code/include", str(source), str(BUILD / "libmostly.a"),
         "-pthread", "-o", str(tmp_path / "client")], check=True)
    lines = subprocess.run([tmp_path / "client"], check=True, text=True,
                           capture_output=True, timeout=60).stdout.split("\n")
    freed = [int(re.fullmatch(r"(\d+) freed", line)[1])
             for line in lines[:-1]]
    assert len(freed) >= 1 and 500 < sum(freed) <= 990


def test_files_exist():
    for path in re.findall(r"``(code/\S+)``", PAGE.read_text()):
        assert (ROOT / path).is_file()
