"""test_event_files.py -- a log of telemetry as a database and as a page

Both say what the JSON of the same log says.

COVERS(".event.req.reader").
"""
import collections
import html.parser
import os
import re
import sqlite3
import subprocess
import sys

import pytest
from test_events import READER, events, log_of, run, told

VOID = {"meta", "path", "use", "rect", "br"}


@pytest.fixture(name="place")
def fixture_place(tmp_path):
    return tmp_path


class Page(html.parser.HTMLParser):
    """Reads a page, and fails if it is badly nested or needs other files."""

    def __init__(self, path):
        super().__init__()
        self.open, self.tags = [], collections.Counter()
        self.words, self.rows = [], []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        for name, value in attrs:
            if name in ("src", "href", "xlink:href"):
                assert value.startswith("#"), value
        if tag == "tr":
            self.rows.append([])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)
        elif self.open and self.open[-1] in ("h1", "h2", "h3", "p", "code"):
            self.words.append(data)


def make(place, form, name="mpsio.log", code=0):
    """Let the reader make a file: (its path, what it complained of)."""
    path = place / ("made" + form)
    output, error = log_of(place, form, path, name=name, code=code)
    assert output == ""
    return path, error


def expect_same(unit, cell, value):
    """A cell of the database against the log's JSON."""
    if unit in ("address", "set"):
        assert re.fullmatch("0x[0-9a-f]{16}", cell)
        assert int(cell, 16) == value
    elif isinstance(value, int) and value >= 1 << 63:
        assert cell is None
    else:
        assert cell == value


@pytest.mark.parametrize("scenario", ["everything", "repeated", "labels"])
def test_the_database_is_the_log(place, scenario):
    run(place, scenario)
    path, _ = make(place, "--sqlite")
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    units = {(row["event"], row["field"]): row["unit"]
             for row in database.execute("SELECT * FROM unit")}
    want = collections.defaultdict(list)
    for event in told(place):
        want[event["event"]].append(event)
    names = [row["name"] for row in database.execute("SELECT * FROM event")]
    assert set(want) <= set(names)
    for name in names:
        rows = database.execute(f"SELECT * FROM {name}").fetchall()
        assert len(rows) == len(want[name])
        for row, event in zip(rows, want[name]):
            for field in row.keys():
                expect_same(units.get((name, field)), row[field],
                            event[field])
    database.close()


def test_a_database_is_made_anew(place):
    run(place, "repeated", "trace")
    first = make(place, "--sqlite")[0].read_bytes()
    assert make(place, "--sqlite")[0].read_bytes() == first


def test_the_page_has_the_figures(place):
    run(place, "repeated", "trace")
    count = collections.Counter(event["event"] for event in told(place))
    page = Page(make(place, "--html")[0])
    assert page.words[0] == "mpsio.log"
    assert [word for word in page.words if not word.endswith(".")][2:] == [
        "Heap by generation", "Pauses", "Collections",
        "What stayed in place"]
    assert page.tags["svg"] == 4
    rows = {row[0]: row[1:] for row in page.rows}
    assert int(rows["all"][0]) == count["resume"]
    assert int(rows["start"][0]) == count["resume"]
    (why,) = [name for name in rows if name.startswith("The client asked")]
    assert int(rows[why][0]) == count["trace_end"]


def test_numbers_of_the_page(place):
    """Against the JSON: sums, the longest pause, what stayed in place."""
    run(place, "everything", "trace")
    got = collections.defaultdict(list)
    for event in told(place):
        got[event["event"]].append(event)
    rows = {row[0]: row[1:] for row in Page(make(place, "--html")[0]).rows}
    pauses = [event["pause"] for event in got["resume"]]
    assert rows["all"][4:] == [events.show_time(max(pauses)),
                               events.show_time(sum(pauses))]
    for name in (name for name in rows if name.startswith("why_")):
        sizes = [event[name] * event["grain"]
                 for event in got["amc_trace_end"]]
        assert rows[name][0] == events.show_size(max(sizes))


@pytest.mark.parametrize("part,value", [(0, 1), (1, 1), (50, 2), (75, 3),
                                        (76, 4), (100, 4)])
def test_percentiles(part, value):
    import events_page
    assert events_page.percentile([3, 1, 4, 2], part) == value


def test_a_page_of_several_arenas(place):
    """A child of a fork goes on in the log."""
    run(place, "forked")
    page = Page(make(place, "--html")[0])
    processes = {event["process"] for event in told(place) if event["arena"]}
    assert {word for word in page.words if word.startswith("Process")} == {
        f"Process {process}, arena 1" for process in processes}


def test_a_page_of_nothing(place):
    run(place, "labels", "user")
    page = Page(make(place, "--html")[0])
    assert page.tags["svg"] == 0
    assert any("tells of no collection" in word for word in page.words)


@pytest.mark.parametrize("form", ["--sqlite", "--html"])
def test_what_can_be_read_of_a_damaged_log(place, form):
    run(place, "first")
    data = (place / "mpsio.log").read_bytes()
    (place / "cut").write_bytes(data[:-8])
    path, error = make(place, form, name="cut", code=1)
    assert path.stat().st_size > 1000 and "cut off" in error


@pytest.mark.parametrize("form", ["--sqlite", "--html"])
def test_a_file_that_cannot_be_written(place, form):
    run(place, "labels", "user")
    output, error = log_of(place, form, place / "no/such/place", code=2)
    assert not output and "no/such/place" in error
    assert "Traceback" not in error


def test_the_page_needs_matplotlib(place):
    """And says where to get it."""
    run(place, "labels", "user")
    (place / "matplotlib.py").write_text("raise ImportError('no matplotlib')")
    environment = os.environ | {"PYTHONPATH": str(place)}
    result = subprocess.run([sys.executable, READER, place / "mpsio.log",
                             "--html", place / "page"], text=True, check=False,
                            env=environment, stderr=subprocess.PIPE)
    assert result.returncode == 2 and not (place / "page").exists()
    assert "tool/packages page" in result.stderr
