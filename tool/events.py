#!/usr/bin/python3
"""events.py -- read a log of telemetry

    tool/dev events LOG               text, a line for each event
    tool/dev events LOG --json        JSON lines, an object for each event
    tool/dev events LOG --chrome      one JSON object of the Chrome
                                      trace-event format, which Perfetto
                                      (ui.perfetto.dev) and chrome://tracing
                                      show: pauses and traces as slices,
                                      sizes of heaps and generations as
                                      counters, the rest as instants
    tool/dev events LOG --sqlite FILE a database of SQLite, a table for each
                                      event
    tool/dev events LOG --html FILE   a page with the heap's size, pauses,
                                      what collections condemned and what
                                      survived, and what stayed in place

The log says itself what events there are, what their fields are called and
in which units they are (.event.log, design/event.rst), so logs of any
version can be read.  Events are put in the order of time.

Units.  In text, sizes are in the binary units KiB, MiB and GiB, times in s,
ms or us; the time of an event is in seconds since the first one of the log.
In JSON nothing is scaled: bytes are bytes, seconds seconds, and "time" is in
nanoseconds on the machine's monotonic clock.  Chrome wants microseconds.

Errors.  A log that isn't one, or whose header is damaged, gives a message
and exit code 2, and so does a file that can't be written.  If the records are damaged, or the last one is cut off,
what could be read is printed, a message goes to the standard error, and the
exit code is 1.
"""
import argparse
import json
import math
import os
import struct
import sys
import textwrap
from dataclasses import dataclass, field

MAGIC = b"mostly-events 1\n"
HEADER_MAX = 1 << 20 # bytes; a longer one is damaged
ORDERS = {"little": "<", "big": ">"}
PREFIXES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


class Damage(Exception):
    """The log can't be read, or not to its end."""


@dataclass
class Kind:
    """An event of the table: (name, type, unit) for each field."""
    name: str
    group: str
    sentence: str
    fields: list = field(default_factory=list)


@dataclass
class Event:
    time: int # ns
    process: int
    arena: int # zero: none
    kind: Kind
    values: dict


@dataclass
class Layout:
    """What the header says."""
    record: int = 0 # bytes
    head: int = 0 # bytes
    words: int = 0 # in a record
    order: str = ""
    types: dict = field(default_factory=dict) # name: words
    kinds: list = field(default_factory=list)
    size: int = 0 # bytes of the header

    def words_of(self, kind):
        return sum(self.types[type_] for _, type_, _ in kind.fields)

    def parts_of(self, kind):
        return -(-self.words_of(kind) // self.words)


def parse_line(layout, line):
    """Take in one line of the header; false at its end."""
    words = line.split(" ")
    if words[0] == "record":
        layout.record, layout.head, layout.words = map(int, words[1::2])
    elif words[0] == "order":
        layout.order = ORDERS[words[1]]
    elif words[0] == "type":
        layout.types[words[1]] = int(words[2])
    elif words[0] == "event":
        layout.kinds.append(Kind(words[1], words[2], " ".join(words[3:])))
    elif words[0] == "field":
        if words[1] not in layout.types:
            raise ValueError(words[1])
        layout.kinds[-1].fields.append((words[2], words[1], words[3]))
    return words[0] != "end"


def parse_header(data):
    """The Layout of a log, of which data is the beginning."""
    layout, at = Layout(), len(MAGIC)
    if not data.startswith(MAGIC):
        raise Damage("not a log of telemetry, or of another version"
                     if data else "the log is empty")
    while True:
        end = data.find(b"\n", at, HEADER_MAX)
        if end < 0:
            raise Damage(f"the header is cut off after {len(data)} bytes")
        try:
            goes_on = parse_line(layout, data[at:end].decode("ascii"))
        except (ValueError, KeyError, IndexError) as error:
            raise Damage(f"the header is damaged at byte {at}:"
                         f" {data[at:end]!r}") from error
        at = end + 1
        if not goes_on:
            break
    if (not layout.order or layout.words < 1
            or layout.record != layout.head + 8 * layout.words):
        raise Damage("the header doesn't say how records are laid out")
    layout.size = at
    return layout


def value_of(layout, type_, raw):
    if type_ == "Word":
        return struct.unpack(layout.order + "Q", raw)[0]
    if type_ == "Real":
        return struct.unpack(layout.order + "d", raw)[0]
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


def values_of(layout, kind, raw):
    values, at = {}, 0
    for name, type_, _ in kind.fields:
        size = 8 * layout.types[type_]
        values[name] = value_of(layout, type_, raw[at:at + size])
        at += size
    return values


def records_of(layout, data):
    """Yield (where, time, process, arena, number, part, words)."""
    head = struct.Struct(layout.order + "QIHBB")
    for at in range(layout.size, len(data) - layout.record + 1,
                    layout.record):
        yield (at, *head.unpack_from(data, at),
               data[at + layout.head:at + layout.record])


def events_of(layout, data, faults):
    """Yield the log's events; what is wrong goes to faults."""
    open_parts = {} # (process, arena): [time, number, next part, words]
    for at, time, process, arena, number, part, raw in records_of(layout,
                                                                  data):
        key = (process, arena)
        if number >= len(layout.kinds):
            faults.append(f"byte {at}: there is no event {number}")
            continue
        if part == 0:
            if key in open_parts:
                faults.append(f"byte {at}: the event before isn't complete")
            open_parts[key] = [time, number, 0, b""]
        elif open_parts.get(key, [])[:3] != [time, number, part]:
            faults.append(f"byte {at}: part {part} of nothing")
            open_parts.pop(key, None)
            continue
        entry, kind = open_parts[key], layout.kinds[number]
        entry[2] += 1
        entry[3] += raw
        if entry[2] == layout.parts_of(kind):
            yield Event(time, process, arena, kind,
                        values_of(layout, kind, entry[3]))
            del open_parts[key]
    left = (len(data) - layout.size) % layout.record
    if left or open_parts:
        faults.append(f"the log is cut off in the middle of an event, after"
                      f" {len(data)} bytes")


def read(path):
    """(Layout, events in the order of time, faults) of a log."""
    with open(path, "rb") as file:
        data = file.read()
    layout, faults = parse_header(data), []
    events = list(events_of(layout, data, faults))
    events.sort(key=lambda event: event.time) # stable
    return layout, events, faults


# Text

def show_size(count):
    for scale, unit in PREFIXES:
        if count >= scale:
            return f"{count / scale:.4g} {unit}"
    return f"{count} B"


def show_time(seconds):
    for scale, unit in ((1, "s"), (1e-3, "ms")):
        if abs(seconds) >= scale:
            return f"{seconds / scale:.4g} {unit}"
    return f"{seconds * 1e6:.4g} us"


def show_set(word):
    return "{" + " ".join(str(i) for i in range(64) if word >> i & 1) + "}"


def show(unit, value):
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if unit == "B":
        return "unlimited" if value >= (1 << 64) - 1 else show_size(value)
    if unit == "s":
        return show_time(value)
    if unit == "address":
        return f"{value:#x}"
    if unit == "set":
        return show_set(value)
    if unit == "flag":
        return "yes" if value else "no"
    if unit in ("id", "part"):
        return f"{value:g}"
    return f"{value} {unit}"


def write_text(layout, events, out):
    start = events[0].time if events else 0
    processes = len({event.process for event in events})
    for event in events:
        who = f" process {event.process}" if processes > 1 else ""
        who += f" arena {event.arena}" if event.arena else ""
        fields = ", ".join(f"{name} {show(unit, event.values[name])}"
                           for name, _, unit in event.kind.fields)
        out.write(f"{(event.time - start) / 1e9:.6f}{who}"
                  f" {event.kind.name}: {fields}\n")


# JSON, which has no word for a number that isn't finite

def finite(values):
    return {name: None if isinstance(value, float) and not math.isfinite(value)
            else value for name, value in values.items()}


def write_json(layout, events, out):
    for event in events:
        fields = finite(event.values)
        json.dump({"time": event.time, "process": event.process,
                   "arena": event.arena, "event": event.kind.name,
                   "kind": event.kind.group, **fields}, out)
        out.write("\n")


# Chrome.  A process's arenas are its threads, in the viewer's words.  Traces
# have a track of their own, as they may begin in one pause and end in another.

TRACES = 1 << 16 # what is added to an arena's number for it


class Chrome:
    """Collects the viewer's events from ours."""

    def __init__(self):
        self.events, self.named = [], set()
        self.traces = {} # (process, arena): trace_start

    def add(self, event, phase, name, time, track=0, **more):
        self.events.append({"ph": phase, "name": name, "ts": time / 1e3,
                            "pid": event.process, "tid": event.arena + track,
                            **more})

    def slice(self, event, name, seconds, args, track=0):
        """Something that ended with the event."""
        self.add(event, "X", name, event.time - seconds * 1e9, track,
                 dur=seconds * 1e6, cat=event.kind.group, args=args)

    def counter(self, event, name, **values):
        self.add(event, "C", f"{name} (arena {event.arena})", event.time,
                 args=values)

    def name_track(self, event):
        key = (event.process, event.arena)
        if key not in self.named:
            self.named.add(key)
            name = f"arena {event.arena}" if event.arena else "client"
            self.add(event, "M", "thread_name", event.time,
                     args={"name": name})
            self.add(event, "M", "thread_name", event.time, TRACES,
                     args={"name": name + " traces"})

    def take(self, event):
        self.name_track(event)
        values, key = finite(event.values), (event.process, event.arena)
        name = event.kind.name
        if name == "resume":
            self.slice(event, f"pause: {values['why'] or 'other'}",
                       values["pause"], values)
            self.counter(event, "barrier hits", hits=values["hits"])
        elif name == "stop":
            pass
        elif name == "trace_start":
            self.traces[key] = event
        elif name == "trace_end":
            start = self.traces.pop(key, None)
            why = start.values["why"] if start else ""
            self.slice(event, "trace", values["elapsed"],
                       {"why": why, **values}, TRACES)
            self.counter(event, "heap bytes", used=values["used"],
                         spare=values["spare"])
        elif name == "gen_work":
            self.counter(event, f"generation {values['gen']} bytes",
                         size=values["size"])
        else:
            self.add(event, "i", name, event.time, s="t",
                     cat=event.kind.group, args=values)


def write_chrome(layout, events, out):
    chrome = Chrome()
    for event in events:
        chrome.take(event)
    chrome.events.sort(key=lambda one: one["ts"])
    json.dump({"displayTimeUnit": "ms", "traceEvents": chrome.events}, out)
    out.write("\n")


# The table, for the manual

def write_table(layout, events, out):
    for kind in layout.kinds:
        out.write(f"``{kind.name}`` ({kind.group.lower()})\n"
                  f"   {kind.sentence}\n")
        fields = [f"``{name}`` ({unit})" for name, _, unit in kind.fields]
        out.write("".join(textwrap.fill(", ".join(fields), 79,
                                        initial_indent="   ",
                                        subsequent_indent="   ",
                                        break_on_hyphens=False)) + "\n\n")


# Files

def write_file(options, layout, events):
    """The form that goes into a file of its own.  The modules are loaded
    when they are asked for: only who wants the page needs what draws it."""
    if options.sqlite is not None:
        import events_sql
        events_sql.write(layout, events, options.sqlite)
    else:
        import events_page
        events_page.write(os.path.basename(options.log), events, options.html)


def complain(options, text):
    print(f"events: {options.log}: {text}", file=sys.stderr)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="events", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", help="the file that MPS_TELEMETRY_FILENAME"
                        " named")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="write", action="store_const",
                      const=write_json, default=write_text)
    form.add_argument("--chrome", dest="write", action="store_const",
                      const=write_chrome)
    form.add_argument("--table", dest="write", action="store_const",
                      const=write_table, help="only the events that there are,"
                      " as the manual lists them")
    form.add_argument("--sqlite", metavar="FILE",
                      help="make a database; tool/events_sql.py describes it")
    form.add_argument("--html", metavar="FILE",
                      help="make a page; needs matplotlib")
    options = parser.parse_args(arguments)
    try:
        layout, events, faults = read(options.log)
    except OSError as error:
        complain(options, error.strerror)
        return 2
    except Damage as error:
        complain(options, error)
        return 2
    try:
        if options.sqlite is None and options.html is None:
            options.write(layout, events, sys.stdout)
        else:
            write_file(options, layout, events)
    except ImportError as error:
        complain(options, f"{error}: tool/packages page installs it")
        return 2
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(options, f"{error.filename}: {error.strerror}")
        return 2
    for fault in faults[:10]:
        complain(options, fault)
    if faults:
        complain(options, f"{len(events)} events could be read")
    return 1 if faults else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError: # the reader has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
