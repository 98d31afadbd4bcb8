"""test_suite.py -- a failure can't get lost on its way to the exit code"""
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tool"))
import suite  # noqa: E402

CASES = """<testsuite>
<testcase name="a"/>
<testcase name="b"><failure message="no"/></testcase>
<testcase name="c"><skipped/></testcase>
<testcase name="d"/>
</testsuite>"""
GOOD = '<testsuite><testcase name="a"/></testsuite>'


@pytest.fixture(name="logs", autouse=True)
def fixture_logs(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "LOGS", tmp_path)
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    return tmp_path


def run(logs, script, results):
    """One step, a shell script; (passed, failed, skipped, went well)."""
    tally = suite.Tally()
    (logs / "old.xml").write_text(GOOD)
    path = logs / "old.xml" if results else None
    good, _ = suite.step(tally, "step", ["sh", "-c", script], path)
    return tally.passed, tally.failed, tally.skipped, good


@pytest.mark.parametrize("script,results,expected", [
    ("exit 0", False, (0, 0, 0, True)),
    ("exit 3", False, (0, 1, 0, False)),
    ("kill -9 $$", False, (0, 1, 0, False)),
    (f"echo '{GOOD}' > old.xml", True, (1, 0, 0, True)),
    (f"echo '{CASES}' > old.xml; exit 1", True, (2, 1, 1, False)),
    # The tests passed, and then something broke.
    (f"echo '{GOOD}' > old.xml; exit 1", True, (1, 1, 0, False)),
    # Results of an earlier run don't count, nor do torn ones.
    ("exit 0", True, (0, 1, 0, True)),
    ("echo '<testsuite>' > old.xml", True, (0, 1, 0, True)),
])
def test_counts(logs, script, results, expected):
    assert run(logs, script, results) == expected


def test_last_line(logs, capsys):
    tally = suite.Tally()
    tally.add("one", 3, 1, 0, 1.0)
    tally.add("two", 4, 0, 2, 1.0)
    tally.report()
    assert capsys.readouterr().out.endswith("\n7 passed, 1 failed\n")


def test_exit_code(logs, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["suite.py", "release"])
    monkeypatch.setattr(suite, "step", lambda *_: (True, None))
    monkeypatch.setattr(suite, "lint", lambda _: None)
    assert suite.main() == 1 # nothing was run
    monkeypatch.setattr(suite, "lint", lambda t: t.add("lint", 2, 0, 0, 0.0))
    assert suite.main() == 0
    monkeypatch.setattr(suite, "lint", lambda t: t.add("lint", 2, 1, 0, 0.0))
    assert suite.main() == 1
