"""test_readme.py -- what README.rst prints is true

COVERS(".build.req.readme"): the client is cut out of the page, compiled
with warnings as errors, and run.
"""
import os
import pathlib
import re
import subprocess
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MOSTLY_BUILD", ROOT / "build/release"))


def client():
    """The one C program in README.rst."""
    blocks = re.findall(r"^\.\. code-block:: c\n\n((?:    .*\n|\n)+)",
                        (ROOT / "README.rst").read_text(), re.M)
    assert len(blocks) == 1
    return textwrap.dedent(blocks[0])


@pytest.mark.parametrize("options", [
    ["gcc", "-O0"], ["gcc", "-O2"], ["gcc", "-O3"], ["clang", "-O2"]])
def test_client_runs(tmp_path, options):
    source = tmp_path / "client.c"
    source.write_text(client())
    subprocess.run(
        [*options, "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/code/include",
         str(source), str(BUILD / "libmostly.a"), "-pthread", "-o",
         str(tmp_path / "client")], check=True)
    output = subprocess.run([tmp_path / "client"], check=True, text=True,
                            capture_output=True, timeout=60).stdout
    match = re.fullmatch(r"sum 10000000000, (\d+) collections\n", output)
    assert match and int(match[1]) >= 1


def test_commands_exist():
    text = (ROOT / "README.rst").read_text()
    for command in ("tool/demo", "tool/test", "tool/dev"):
        assert command in text
        assert os.access(ROOT / command, os.X_OK)


def test_dev_help_names_every_command():
    """The list that tool/dev prints is the list that it understands."""
    script = (ROOT / "tool/dev").read_text()
    known = set(re.findall(r"^([a-z]+)\)", script, re.M))
    listed = subprocess.run([ROOT / "tool/dev", "help"], check=True,
                            text=True, capture_output=True).stdout
    assert known == set(re.findall(r"^([a-z]+) ", listed, re.M)) - {"dev"}
