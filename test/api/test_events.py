"""test_events.py -- what clients tell, through the log and its reader

COVERS(".event.req.table"), COVERS(".event.req.kinds"),
COVERS(".event.req.label"), COVERS(".event.req.flush"),
COVERS(".event.req.fail"), COVERS(".event.req.threads"),
COVERS(".event.req.fork"), COVERS(".event.req.reader"),
COVERS(".amc.ret.req.sizes"), COVERS(".amc.ret.req.why"),
COVERS(".amc.ret.req.threshold"), COVERS(".amc.ret.req.reset").

The clients are the scenarios of events.c, in the build directory that
MOSTLY_BUILD names, build/release by default.
"""
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MOSTLY_BUILD", ROOT / "build/release"))
CLIENT = BUILD.absolute() / "test/events"
READER = ROOT / "tool/events.py"
sys.path.insert(0, str(ROOT / "tool"))
import events  # noqa: E402

WHY = ["why_first", "why_rest", "why_final_pad", "why_other_pad",
       "why_emergency", "why_unaligned", "why_buffered"]
SIZES = ["small_condemned", "small_retained", "medium_segs_condemned",
         "medium_condemned", "medium_segs_retained", "medium_retained",
         "medium_first", "medium_rest_one", "medium_rest_more",
         "large_segs_condemned", "large_condemned", "large_segs_retained",
         "large_retained", "large_rest"]


@pytest.fixture(name="place")
def fixture_place(tmp_path):
    return tmp_path


def run(place, scenario, control="all", good=True, **more):
    """Run a scenario in a directory, with these variables or, if None,
    without them; its standard output."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MPS_", "MOSTLY_"))}
    said = {"MOSTLY_RETAINED_MIN": "1", "MPS_TELEMETRY_CONTROL": control,
            "ASAN_OPTIONS": "detect_leaks=0"} | more
    environment |= {name: value for name, value in said.items()
                    if value is not None}
    result = subprocess.run([CLIENT, scenario], cwd=place, env=environment,
                            text=True, check=False, timeout=100,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (result.returncode == 0) == good, result.stdout
    return result.stdout


def log_of(place, *arguments, name="mpsio.log", code=0):
    """What the reader says of a log: (standard output, error)."""
    result = subprocess.run([sys.executable, READER, place / name, *arguments],
                            text=True, check=False, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    assert result.returncode == code, result.stderr
    return result.stdout, result.stderr


def told(place, only=None, **more):
    """The events of a log, or those with that name."""
    lines = log_of(place, "--json", **more)[0].splitlines()
    return [event for event in map(json.loads, lines)
            if only in (None, event["event"])]


def kept(place, scenario, **more):
    run(place, scenario, "trace", **more)
    return told(place, "amc_trace_end")


# Retention

# The reasons of a scenario's collections, one grain each; None where nothing
# stays.  Padding did once, and keeps nothing any more (.amc.ret.pads).
REASONS = {
    "first": ["why_first"],
    "rest": ["why_rest"],
    "final_pad": ["why_first", None],
    "other_pad": ["why_first", None],
    "emergency": ["why_emergency"],
    "unaligned": ["why_unaligned"],
    "unaligned_rest": ["why_unaligned"],
    "buffered": ["why_buffered"],
    "first_after_pad": ["why_rest", "why_first"],
    "pad_then_object": ["why_first", None, "why_rest"],
}


def test_each_reason_has_a_scenario():
    seen = {why for whys in REASONS.values() for why in whys}
    assert seen == {*WHY, None} - {"why_final_pad", "why_other_pad"}
    assert {"final_pad", "other_pad"} < REASONS.keys()


@pytest.mark.parametrize("scenario", REASONS)
def test_reason(place, scenario):
    """Exactly one counter moves, or none."""
    told_of = kept(place, scenario, MOSTLY_RETAINED_MIN="0")
    assert all(event["condemned"] for event in told_of)
    got = [{why: event[why] for why in WHY} for event in told_of]
    assert got == [{why: int(why == expected) for why in WHY}
                   for expected in REASONS[scenario]]


# What moves of the counters by size, beside condemned and retained.
BY_SIZE = {
    "first": {"small_condemned": 1, "small_retained": 1},
    "buffered": {"small_condemned": 1, "small_retained": 1},
    "medium_first": {"medium_segs_condemned": 1, "medium_condemned": 3,
                     "medium_segs_retained": 1, "medium_retained": 3,
                     "medium_first": 3},
    "medium_rest": {"medium_segs_condemned": 1, "medium_condemned": 4,
                    "medium_segs_retained": 1, "medium_retained": 4,
                    "medium_rest_one": 1, "medium_rest_more": 3},
    "medium_split": {"medium_segs_condemned": 1, "medium_condemned": 4,
                     "medium_segs_retained": 2, "medium_retained": 2,
                     "medium_first": 1, "medium_rest_one": 1},
    "large_split": {"large_segs_condemned": 1, "large_condemned": 10,
                    "large_segs_retained": 2, "large_retained": 2,
                    "large_rest": 1},
    "large_first": {"large_segs_condemned": 1, "large_condemned": 10,
                    "large_segs_retained": 1, "large_retained": 10},
    "large_rest": {"large_segs_condemned": 1, "large_condemned": 10,
                   "large_segs_retained": 1, "large_retained": 9,
                   "large_rest": 9},
    "large_pad": {"large_segs_condemned": 1, "large_condemned": 10},
}


@pytest.mark.parametrize("scenario", BY_SIZE)
def test_sizes(place, scenario):
    event, = kept(place, scenario, MOSTLY_RETAINED_MIN="0")
    expected = dict.fromkeys(SIZES, 0) | BY_SIZE[scenario]
    assert {name: event[name] for name in SIZES} == expected
    for what in ("condemned", "retained"):
        assert event[what] == sum(expected[f"{size}_{what}"] for size in
                                  ("small", "medium", "large"))
    assert event["retained"] == sum(event[why] for why in WHY)
    assert event["grain"] == 4096 and event["class"] == "AMC"


@pytest.mark.parametrize("scenario,first,rest", [
    ("medium_split", 1, 1), ("large_split", 0, 2)])
def test_parts_have_their_own_reasons(place, scenario, first, rest):
    event, = kept(place, scenario)
    expected = dict.fromkeys(WHY, 0) | {"why_first": first, "why_rest": rest}
    assert {why: event[why] for why in WHY} == expected


def test_each_trace_counts_from_zero(place):
    got = kept(place, "repeated")
    assert [event["retained"] for event in got] == [1, 1, 1]
    assert [event["condemned"] for event in got] == [1, 1, 1]


@pytest.mark.parametrize("scenario,least,count", [
    ("keep_99", None, 0), ("keep_100", None, 1),
    ("keep_99", "99", 1), ("keep_99", "0x64", 0), ("first", "2", 0),
])
def test_threshold(place, scenario, least, count):
    run(place, scenario, "trace", MOSTLY_RETAINED_MIN=least)
    got = told(place, "amc_trace_end")
    assert len(got) == count
    for event in got:
        assert event["threshold"] == int(least or "100", 0)


# Filter and file

@pytest.mark.parametrize("control,kinds", [
    ("1", {"ARENA"}), ("2", {"POOL"}), ("4", {"TRACE"}), ("64", {"USER"}),
    ("0x46", {"POOL", "TRACE", "USER"}),
    ("pool", {"POOL"}), ("user arena", {"USER", "ARENA"}),
    ("Trace  pool", {"TRACE", "POOL"}),
    ("all", {"ARENA", "POOL", "TRACE", "USER"}),
    ("seg ref object", set()),
])
def test_control(place, control, kinds):
    run(place, "everything", control)
    assert {event["kind"] for event in told(place)} == kinds


@pytest.mark.parametrize("control", [None, "", "0", "nonsense"])
def test_no_log_unless_asked_for(place, control):
    run(place, "everything", control)
    assert not list(place.iterdir())


def test_file_name(place):
    run(place, "first", MPS_TELEMETRY_FILENAME="other")
    assert [path.name for path in place.iterdir()] == ["other"]
    assert told(place, name="other")


def test_filter_changes_on_the_way(place):
    run(place, "set_and_reset", None)
    assert [event["text"] for event in told(place)] == ["two", "four"]


@pytest.mark.parametrize("name", ["/dev/full", "no/such/place"])
def test_a_log_that_fails(place, name):
    run(place, "everything", MPS_TELEMETRY_FILENAME=name)


# What is told

def test_everything_is_told_of(place):
    """Each event of the table happens, and says what is true."""
    run(place, "everything")
    layout, _, _ = events.read(place / "mpsio.log")
    by_name = collections.defaultdict(list)
    for event in told(place):
        by_name[event["event"]].append(event)
    assert set(by_name) == {kind.name for kind in layout.kinds}
    hits = [event["hits"] for event in by_name["resume"]]
    assert hits[0] == 0 and max(hits) >= 1
    refused = by_name["commit_refused"][0]
    assert refused["committed"] + refused["wanted"] > refused["limit"]
    assert refused["limit"] == by_name["commit_limit"][0]["limit"]
    assert {event["is_queued"] for event in by_name["message"]} == {0, 1}
    assert by_name["pool_create"][0]["class"] == "AMC"
    assert (by_name["pool_create"][0]["pool"]
            == by_name["pool_destroy"][0]["pool"])
    assert by_name["gen_create"][0]["capacity"] >= 1 << 20
    assert by_name["extend"][-1]["reserved"] > by_name["extend"][0]["reserved"]


def test_a_trace_adds_up(place):
    run(place, "everything", "trace")
    works, steps = [], []
    for event in told(place):
        name = event["event"]
        steps += [name] if name not in ("gen_work", "amc_trace_end") else []
        if name == "gen_work":
            works.append(event)
        if name == "trace_start":
            assert event["why"].endswith(".")
            started = event
        if name == "trace_end":
            for field in ("condemned", "preserved"):
                assert event[field] == sum(work[field] for work in works)
            assert event["copied"] == sum(w["forwarded"] for w in works)
            assert event["live"] == event["copied"] + event["preserved"]
            assert event["condemned"] == started["condemned"]
            assert 0 < event["elapsed"] < 10
            assert event["stops"] >= 1
            works.clear()
    assert not works
    assert steps[:7] == ["growth", "stop", "trace_start", "trace_flip",
                         "trace_reclaim", "trace_end", "resume"]


def test_emergency_is_told(place):
    run(place, "emergency")
    assert [e["is_emergency"] for e in told(place, "trace_end")] == [1]
    assert told(place, "commit_refused")
    run(place, "first")
    assert [e["is_emergency"] for e in told(place, "trace_end")] == [0]


def test_labels(place):
    run(place, "labels", "user")
    first, label, longest = told(place)
    assert first["text"] == "before any arena"
    assert label["event"] == "label" and label["label"] == first["label"]
    assert longest["text"] == "x" * 256
    assert longest["label"] != first["label"]


# Ends

def test_killed(place):
    """Everything up to the last flush, and perhaps something later."""
    run(place, "killed", good=False)
    _, got, faults = events.read(place / "mpsio.log")
    texts = [event.values.get("text") for event in got]
    before = got[:texts.index("the last flush")]
    assert sum(event.kind.name == "resume" for event in before) >= 40
    assert all("cut off" in fault for fault in faults)


def test_left(place):
    run(place, "left")
    assert told(place, "resume") and not told(place, "arena_destroy")


def test_forked(place):
    run(place, "forked")
    got = told(place)
    by_process = collections.Counter(
        event["process"] for event in got if event["event"] == "resume")
    assert sorted(by_process.values()) == [2, 3]
    assert len(told(place, "arena_create")) == 1
    keys = [(e["process"], e["time"], e["event"], e.get("gen"), e.get("type"))
            for e in got]
    assert len(keys) == len(set(keys))


def test_threads(place):
    run(place, "threads")
    got = told(place)
    for arena in (1, 2, 3):
        names = [e["event"] for e in got if e["arena"] == arena]
        for one, other in (("stop", "resume"), ("trace_start", "trace_end")):
            assert names.count(one) == names.count(other)
            assert names.count(one) >= 50 # harsh adds some
        assert names[-1] == "chain_destroy"
    assert sum(event["event"] == "label" for event in got) == 150
    times = [event["time"] for event in got]
    assert times == sorted(times)


def test_stopped_while_telling(place):
    run(place, "labeller")
    got = told(place)
    labels = [e["label"] for e in got if e["event"] == "label"]
    assert labels == list(range(1, len(labels) + 1))
    assert sum(event["event"] == "resume" for event in got) == 50


# The reader

def test_forms_agree(place):
    """Text, JSON and Chrome have the same events."""
    run(place, "everything")
    got = told(place)
    lines = log_of(place)[0].splitlines()
    assert len(lines) == len(got)
    for line, event in zip(lines, got):
        assert f" {event['event']}: " in line
    text = "\n".join(lines)
    assert re.search(r"resume: why \"start\", pause [\d.]+ (us|ms)", text)
    assert re.search(r"trace_start: why \"The client asked.*condemned [\d.]+"
                     r" [KM]iB, not_condemned", text)
    assert "commit_limit unlimited" in text


def test_chrome(place):
    """Each trace of this scenario is in one pause."""
    run(place, "repeated")
    count = collections.Counter(event["event"] for event in told(place))
    document = json.loads(log_of(place, "--chrome")[0])
    by_phase = collections.defaultdict(list)
    for event in document["traceEvents"]:
        by_phase[event["ph"]].append(event)
        assert {"ph", "name", "ts", "pid", "tid"} <= set(event)
    slices = by_phase["X"]
    pauses = [one for one in slices if one["name"] == "pause: start"]
    traces = [one for one in slices if one["name"] == "trace"]
    assert len(pauses) == count["resume"] and len(traces) == count["trace_end"]
    for pause, trace in zip(pauses, traces):
        assert pause["dur"] == pytest.approx(pause["args"]["pause"] * 1e6)
        # An event is a moment after what it tells of: up to 1 ms, here.
        assert pause["ts"] <= trace["ts"] + 1000
        assert (trace["ts"] + trace["dur"]
                <= pause["ts"] + pause["dur"] + 1000)
        assert pause["tid"] != trace["tid"] # each nests in its own track
        assert trace["args"]["why"].endswith(".")
    curves = collections.Counter(one["name"] for one in by_phase["C"])
    assert curves["heap bytes (arena 1)"] == count["trace_end"]
    assert curves["generation 1 bytes (arena 1)"] == count["trace_end"]
    assert curves["barrier hits (arena 1)"] == count["resume"]
    assert {one["args"]["name"] for one in by_phase["M"]} == {
        "arena 1", "arena 1 traces"}
    assert {one["name"] for one in by_phase["i"]} >= {
        "arena_create", "trace_flip", "amc_trace_end"}
    stamps = [one["ts"] for one in document["traceEvents"]]
    assert stamps == sorted(stamps)


def test_the_manual_has_the_table(place):
    run(place, "first")
    table = log_of(place, "--table")[0].strip()
    assert table and table in (ROOT / "manual/telemetry.rst").read_text()


def test_the_manual_has_the_variables():
    page = (ROOT / "manual/environment.rst").read_text()
    for name in ("MPS_TELEMETRY_CONTROL", "MPS_TELEMETRY_FILENAME",
                 "MOSTLY_RETAINED_MIN"):
        assert f"\n``{name}``\n" in page


@pytest.mark.parametrize("cut", [1, 8, 63])
def test_cut_off(place, cut):
    run(place, "first")
    whole = told(place)
    data = (place / "mpsio.log").read_bytes()
    (place / "cut").write_bytes(data[:-cut])
    output, error = log_of(place, "--json", name="cut", code=1)
    assert len(output.splitlines()) == len(whole) - 1
    assert "cut off" in error
    assert f"{len(whole) - 1} events could be read" in error


def test_header_cut_or_damaged(place):
    run(place, "labels", "user")
    data = (place / "mpsio.log").read_bytes()
    end = data.index(b"\nend\n") + 5
    for size in (0, 5, len(events.MAGIC), 100, end - 1):
        (place / "bad").write_bytes(data[:size])
        output, error = log_of(place, name="bad", code=2)
        assert not output and "bad: " in error and "Traceback" not in error
    for old, new in ((b"mostly", b"mostlx"), (b"field Word", b"field Wort"),
                     (b"record 64", b"record 63"), (b"order l", b"order m"),
                     (b"\nevent", b"\nfield")):
        (place / "bad").write_bytes(data.replace(old, new, 1))
        error = log_of(place, name="bad", code=2)[1]
        assert "bad: " in error and "Traceback" not in error
    (place / "bare").write_bytes(data[:end])
    assert log_of(place, name="bare") == ("", "")
    assert "No such file" in log_of(place, name="none", code=2)[1]


def test_record_damaged(place):
    """The others can still be read."""
    run(place, "left", "arena")
    whole = told(place)
    data = bytearray((place / "mpsio.log").read_bytes())
    data[data.index(b"\nend\n") + 5 + 14] = 200 # the event's number
    (place / "bad").write_bytes(data)
    output, error = log_of(place, "--json", name="bad", code=1)
    assert len(output.splitlines()) == len(whole) - 1
    assert "there is no event 200" in error


def test_one_part_lost(place):
    """An event of several records of which one is missing is left out."""
    run(place, "labels", "user")
    data = (place / "mpsio.log").read_bytes()
    end = data.index(b"\nend\n") + 5
    lost = end + 2 * 64 # the third record of the first event
    (place / "bad").write_bytes(data[:lost] + data[lost + 64:])
    output, error = log_of(place, "--json", name="bad", code=1)
    assert [json.loads(line)["event"] for line in output.splitlines()] == [
        "label", "intern"]
    assert "of nothing" in error
