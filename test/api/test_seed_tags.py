"""test_seed_tags.py -- no requirement of the mostly copying pools is lost

Their names are older than this code, and tool/seed_tags has them.  The pages
in design/ say what each means here, and tests cover them; tool/tags.py checks
both, and these tests check that it can fail.  COVERS(".build.req.seed").
"""
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tool"))
import tags  # noqa: E402

HELD = ("94 of 94 seed tags (and 1 of 1 plain targets) have a design"
        " definition and a test that COVERS them")


def test_each_is_listed_once():
    names, targets = tags.seed_names(ROOT)
    assert len(names) == len(set(names)) == 94
    assert targets == [".ramp.collect-all"]


def test_each_is_defined_and_covered():
    assert tags.seed_faults(ROOT) == {}
    assert tags.summary(ROOT) == HELD


def test_the_linter_says_so():
    result = subprocess.run([ROOT / "tool/lint.py", "tags"], text=True,
                            check=False, stdout=subprocess.PIPE)
    assert HELD in result.stdout
    assert result.returncode == 0, result.stdout


@pytest.fixture(name="copy", scope="module")
def fixture_copy(tmp_path_factory):
    """What rule 6 reads."""
    root = tmp_path_factory.mktemp("tree")
    for name in ("design", "test", "tool"):
        shutil.copytree(ROOT / name, root / name,
                        ignore=shutil.ignore_patterns("__pycache__"))
    return root


def checker(root):
    """(exit code, what it says) of the checker as a program."""
    result = subprocess.run([ROOT / "tool/tags.py", root], text=True,
                            check=False, stderr=subprocess.PIPE)
    return result.returncode, result.stderr


def edited(path, old, new):
    """Replace what must be there; returns what to put back."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return text


def places(root, tag):
    """The files and tests that cover a tag."""
    return [place.rpartition(":") for place in tags.covers(root)[tag]]


@pytest.mark.parametrize("tag", [
    ".fix.exact.grey", ".intro", ".pad.reason", ".reclaim.grey",
    ".struct.format"])
def test_a_requirement_without_its_test_is_a_fault(copy, tag):
    covering = places(copy, tag)
    assert len(covering) == 1
    path = copy / covering[0][0]
    text = edited(path, "COVERS: " + tag, "about " + tag) \
        if "COVERS: " + tag in path.read_text() else \
        edited(path, f" {tag}", " .pad")
    code, faults = checker(copy)
    assert code != 0
    assert f"tool/seed_tags:1: no test covers {tag}\n" in faults
    assert "93 of 94" in tags.summary(copy)
    path.write_text(text)
    assert tag not in tags.seed_faults(copy)


def test_a_test_that_is_not_run_covers_nothing(copy):
    path, _, name = places(copy, ".reclaim.grey")[0]
    path = copy / path
    text = path.read_text()
    kept = [line for line in text.splitlines()
            if name not in line or "START_TEST" in line]
    path.write_text("\n".join(kept))
    assert list(tags.seed_faults(copy)) == [".reclaim.grey"]
    path.write_text(text)


def test_a_citation_covers_nothing(copy):
    path = copy / "test/unit/test_ramp.c"
    text = edited(path, "COVERS: ", "")
    others = [copy / "test/api/test_seed_ramps.c",
              copy / "test/api/test_probe.c"]
    before = [edited(other, "COVERS: ", "") for other in others]
    assert ".ramp.state.cycle.usual" in tags.seed_faults(copy)
    for other, old in zip([path, *others], [text, *before]):
        other.write_text(old)
    assert tags.seed_faults(copy) == {}


def test_a_requirement_that_says_nothing_is_a_fault(copy):
    path = copy / "design/amc-fix.rst"
    text = path.read_text()
    path.write_text(re.sub(r"(_`\.nailboard\.destroy`:).*?\n\n", r"\1 Yes.\n\n",
                           text, flags=re.S))
    assert tags.seed_faults(copy) == {
        ".nailboard.destroy": "tool/seed_tags:1: no design page says what"
                              " .nailboard.destroy means"}
    path.write_text(text)
