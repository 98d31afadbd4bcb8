"""events_sql.py -- a log of telemetry as a database of SQLite

A table for each event of the log's header, named after it, with a row for
each time it was told of:

    time     nanoseconds on the machine's monotonic clock
    process  whose it was
    arena    by number, from one; zero for none
    ...      the event's fields, in the units that the table unit gives

unit (event, field, unit) has a row for each field, and event (name, kind,
sentence) one for each event.  Numbers are as in the log, but that addresses
and sets are text, 0x and sixteen digits, and that a size without a limit is
null, for SQLite has no numbers from 2^63 on.  Every table has an index of
its rows by time.

Source: .event.log (design/event.rst), of which events.py is the reader.
"""
import os
import sqlite3

HEX = ("address", "set")
TYPES = {"Word": "INTEGER", "Real": "REAL"}
HEAD = ("time", "process", "arena")


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def type_of(type_, unit):
    return "TEXT" if unit in HEX else TYPES.get(type_, "TEXT")


def value_of(unit, value):
    if unit in HEX:
        return f"{value:#018x}"
    if isinstance(value, int) and value >= 1 << 63:
        return None
    return value


def create(database, layout):
    database.execute("CREATE TABLE event (name TEXT PRIMARY KEY, kind TEXT,"
                     " sentence TEXT)")
    database.execute("CREATE TABLE unit (event TEXT REFERENCES event(name),"
                     " field TEXT, unit TEXT)")
    for kind in layout.kinds:
        columns = [f"{name} INTEGER NOT NULL" for name in HEAD]
        columns += [f"{quoted(name)} {type_of(type_, unit)}"
                    for name, type_, unit in kind.fields]
        database.execute(f"CREATE TABLE {quoted(kind.name)}"
                         f" ({', '.join(columns)})")
        database.execute("INSERT INTO event VALUES (?, ?, ?)",
                         (kind.name, kind.group.lower(), kind.sentence))
        database.executemany("INSERT INTO unit VALUES (?, ?, ?)",
                             [(kind.name, name, unit)
                              for name, _, unit in kind.fields])


def fill(database, events):
    for event in events:
        row = [event.time, event.process, event.arena]
        row += [value_of(unit, event.values[name])
                for name, _, unit in event.kind.fields]
        places = ", ".join("?" * len(row))
        database.execute(f"INSERT INTO {quoted(event.kind.name)}"
                         f" VALUES ({places})", row)


def index(database, layout):
    for kind in layout.kinds:
        database.execute(f"CREATE INDEX {quoted(kind.name + '_time')}"
                         f" ON {quoted(kind.name)} (time)")


def write(layout, events, path):
    """Make the database, in place of a file that is there.

    Raises OSError if it can't be written.
    """
    if os.path.exists(path):
        os.remove(path)
    try:
        with sqlite3.connect(path) as database:
            create(database, layout)
            fill(database, events)
            index(database, layout)
        database.close()
    except sqlite3.Error as error:
        raise OSError(0, str(error), path) from error
