#!/usr/bin/python3
"""bench.py -- run the workloads on the library and on its peers

    tool/bench.py [--quick] [--repeat N] [--json FILE] [NAME...]

Builds the programs of test/bench in build/bench, against the library of
the release preset and against the peers that the machine has, runs each
row's programs in turn, N times round (5; 3 with --quick), and prints each
figure as the median with its spread, the ratio of ours to each peer (the
median of the ratios of one round each), and whether the stated targets are
met.  NAME picks rows by the beginning of their name: `rate`, `copy tree`.

A peer that isn't installed is left out, with a word.  libgc runs with one
marker thread.  Ratios of processor time within one run are what counts:
figures of two runs, or of two machines, can't be compared.

Of the copy rows only the steady state counts: both sides touch their
to-space for the first time in the first collections, so the collections
from number STEADY on are used (the median of them), on either side.

Design: .bench (design/bench.rst).
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ROOT / "test" / "bench"
STEADY = 3
FLAGS = ["-O2", "-g", "-std=gnu11", "-Wall", "-Wextra",
         "-Wno-unused-parameter"]

# What a workload is built for: flags and libraries.
PEERS = {
    "libgc": (["-DGC_BOEHM"], ["-lgc", "-lpthread"]),
    "malloc": (["-DUSE_MALLOC"], ["-lpthread"]),
    "mimalloc": (["-DGC_MI"], ["-lmimalloc", "-lpthread"]),
    "bump": (["-DGC_BUMP"], []),
    "seed": (["-DBLK_SEED"], [str(SOURCES / "blkseed.c")]),
}
# The same for programs on our library.
OURS = {
    None: ["-DGC_MPS"],
    "mvff": ["-DUSE_MVFF_AP"],
    "mvff-alloc": ["-DUSE_MVFF"],
}
HEADERS = {"libgc": "gc.h", "mimalloc": "mimalloc.h"}


class Metric:
    """A figure of a row: how to find it in a program's facts."""

    def __init__(self, name, unit, find, more=False, target=None):
        self.name, self.unit, self.find = name, unit, find
        self.more = more        # is more better?
        self.target = target    # (peer or None, bound)


class Row:
    """Programs that are run in turn, and the metrics read off them."""

    def __init__(self, name, runs, metrics):
        self.name = name
        self.runs = runs        # variant -> (workload, peer, arguments[,
                                #             environment])
        self.metrics = metrics


def last(fact):
    """The value of a fact of the only line."""
    return lambda lines: lines[-1].get(fact)


def steady(lines):
    """Megabytes a second once both spaces are warm."""
    speeds = [line["MB/s(cpu)"] for line in lines
              if line["part"] == "collect" and line["i"] >= STEADY]
    return statistics.median(speeds)


def sys_share(lines):
    """System time as a percentage of processor time."""
    return 100 * lines[-1]["sys"] / lines[-1]["cpu"]


def runs_of(workload, arguments, peers):
    """Ours and the named peers, all with the same arguments."""
    runs = {"ours": (workload, None, arguments)}
    runs.update({p: (workload, p, arguments) for p in peers})
    return runs


def rate_row(size, millions):
    metrics = [Metric("time", "ns/object", last("ns/obj"),
                      target=("malloc", 0.45) if size == 32 else None),
               Metric("system share", "%", sys_share, target=(None, 5))]
    return Row(f"rate {size}",
               runs_of("rate", [size, millions],
                       ["malloc", "mimalloc", "bump", "libgc"]), metrics)


def manual_row(size, millions, window):
    arguments = [size, millions, window]
    runs = runs_of("rate", arguments, ["malloc", "mimalloc"])
    runs["ours"] = ("rate", "mvff", arguments)
    runs["mps_alloc"] = ("rate", "mvff-alloc", arguments)
    return Row(f"manual {size} {window}", runs,
               [Metric("time", "ns/object", last("ns/obj"),
                       target=("malloc", 1.5))])


def class_row(name, millions):
    """The rate of a pool class in which objects stay, against AMC's."""
    arguments = [32, millions]
    return Row(f"rate 32 {name}",
               {"ours": ("rate", None, arguments, {"RATE_CLASS": name}),
                "amc": ("rate", None, arguments)},
               [Metric("time", "ns/object", last("ns/obj"),
                       target=("amc", 2.0))])


def copy_row(shape, megabytes, repeats):
    arguments = [shape, megabytes, repeats]
    runs = {"ours": ("copy", None, arguments),
            "cheney 0": ("cheney", "plain", arguments + [0]),
            "cheney 1": ("cheney", "plain", arguments + [1])}
    # libgc marks and doesn't move, so it is here for scale only
    runs["libgc"] = ("copy", "libgc", arguments)
    wanted = shape in ("tree", "list", "shuf")
    return Row(f"copy {shape}", runs,
               [Metric("speed", "MB/s", steady, more=True,
                       target=("cheney 0", 0.7) if wanted else None)])


def treeb_row(threads, arguments):
    name = "treeb" if threads == 1 else f"treeb {threads} threads"
    target = ("libgc", 0.7) if threads == 1 else None
    return Row(name, runs_of("treeb", [threads] + arguments,
                             ["libgc", "malloc", "mimalloc"]),
               [Metric("time", "ns/node", last("ns/node(cpu)"),
                       target=target),
                Metric("peak", "MB", last("peakMB"),
                       target=(None, 440) if threads == 1 else None)])


def pause_row(live, seconds, longest):
    runs = runs_of("pause", [live, seconds], ["libgc", "malloc"])
    runs["ours"] += ({"MPS_PAUSE": "0.01"},)
    return Row(f"pause {live}", runs,
               [Metric("longest", "ms", last("max_ms"),
                       target=(None, longest)),
                Metric("99th percentile of pauses over 0.2 ms", "ms",
                       last("pause_p99_ms"), target=(None, 12)),
                Metric("time", "us/operation", last("us/op"),
                       target=("libgc", 1.0))])


def minor_row(megabytes, collections):
    def run(old, means):
        return ("minor", None, [old, collections], {"MOSTLY_BARRIER": means})

    return Row("minor", {"ours": run(megabytes, "track"),
                         "10 MB old": run(10, "track"),
                         "protect": run(megabytes, "protect")},
               [Metric("collection", "ms", last("ms/collection"),
                       target=("10 MB old", 1.5)),
                Metric("first write", "us", last("us/write"),
                       target=("protect", 0.3))])


def final_row(thousands, repeats):
    return Row("final", runs_of("final", [thousands, repeats], []),
               [Metric("dead", "ns/object", last("dead"), target=(None, 1000)),
                Metric("alive", "ns/object", last("alive")),
                Metric("finalize", "ns/object", last("finalize")),
                Metric("drain", "ns/object", last("drain"))])


def blk_row(part, bound, quick, metrics=()):
    """A speed, against the block collector of blkseed.c."""
    arguments = [part, 4 if quick else 1]
    speed = Metric("speed", "Mevents/s", last("Mevents/s"), more=True,
                   target=("seed", bound))
    return Row(f"blk {part}", runs_of("blk", arguments, ["seed"]),
               [speed, *metrics])


def blk_rows(quick):
    event = Metric("time", "ns/event", last("ns/event"), target=(None, 1000))
    bounds = {"fill": 1, "list": 1, "two": 100, "mixed": 80, "churn": 5,
              "sweep": 60, "graph": 1.6, "comb": 500, "grow": 50}
    table = [blk_row(part, bound, quick, [event] if part == "mixed" else [])
             for part, bound in bounds.items()]
    table.append(Row("blk meta", runs_of("blk", ["meta"], ["seed"]),
                     [Metric("tables", "%", last("percent"),
                             target=(None, 1.2))]))
    return table


def rows(quick):
    millions = 50 if quick else 100
    shapes = ("tree", "list", "shuf", "vec", "leaf")
    table = [rate_row(size, millions) for size in (16, 32, 48, 64)]
    table += [manual_row(size, millions // 5, window)
              for size, window in ((32, 1), (32, 1024), (64, 65536),
                                   (256, 1024))]
    table += [class_row(name, millions) for name in ("lo", "ams", "awl")]
    table += [copy_row(s, 32 if quick else 100, 7 if quick else 8)
              for s in shapes]
    table.append(treeb_row(1, [16, 4, 17, 500000] if quick
                           else [19, 4, 20, 4000000]))
    table.append(treeb_row(2, [15, 4, 16, 500000] if quick
                           else [18, 4, 19, 4000000]))
    table.append(pause_row(*((50, 2, 20) if quick else (200, 15, 20))))
    if not quick:
        table.append(pause_row(1000, 15, 25))
    table.append(minor_row(*((256, 20) if quick else (4096, 40))))
    table.append(final_row(*((100, 7) if quick else (1000, 7))))
    return table + blk_rows(quick)


class Bench:
    """The programs, built when a row first needs them."""

    def __init__(self, options):
        self.options = options
        self.library = options.library
        self.include = ROOT / "code" / "include"
        self.missing = {}       # peer -> why
        self.built = {}         # (workload, peer) -> path
        self.options.folder.mkdir(parents=True, exist_ok=True)
        for peer, header in HEADERS.items():
            if not self.has_header(header):
                self.missing[peer] = f"no {header} on this machine"
        if not self.library.exists():
            for ours in OURS:
                self.missing[ours] = (f"no {self.library}: build the release"
                                      " preset first")

    def has_header(self, header):
        probe = subprocess.run(
            [self.options.cc, "-E", "-x", "c", "-"], capture_output=True,
            input=f"#include <{header}>\n", text=True, check=False)
        return probe.returncode == 0

    def command(self, workload, peer, path):
        """The compiler's command, and what the program is made from."""
        flags, libraries = PEERS.get(peer, ([], []))
        needs = [*SOURCES.glob("*.h"), SOURCES / f"{workload}.c",
                 *(pathlib.Path(n) for n in libraries if n.endswith(".c"))]
        if peer in OURS:
            flags = [*OURS[peer], f"-I{self.include}"]
            libraries = [str(self.library), "-lpthread", "-lm"]
            needs += [self.library, *self.include.glob("*.h")]
        command = [self.options.cc, *FLAGS, *flags, "-o", str(path),
                   str(SOURCES / f"{workload}.c"), *libraries]
        return command, needs

    def program(self, workload, peer):
        key = workload, peer
        if key not in self.built:
            path = self.options.folder / f"{workload}-{peer or 'ours'}"
            fresh = path.with_suffix(f".{os.getpid()}")
            command, needs = self.command(workload, peer, fresh)
            newest = max(n.stat().st_mtime for n in needs)
            if not path.exists() or path.stat().st_mtime < newest:
                subprocess.run(command, check=True)
                fresh.replace(path)     # others may build the same
            self.built[key] = path
        return self.built[key]

    def run(self, workload, peer, arguments, settings=None):
        """Run a program; its facts, a dictionary a line."""
        command = [str(self.program(workload, peer)),
                   *map(str, arguments), "--json"]
        environment = dict(os.environ, GC_MARKERS="1", **(settings or {}))
        result = subprocess.run(command, capture_output=True, text=True,
                                env=environment, check=False, timeout=900)
        if result.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit {result.returncode}\n"
                     f"{result.stdout}{result.stderr}")
        return [json.loads(line) for line in result.stdout.splitlines()]

    def measure(self, row):
        """Run a row's programs in turn; facts by variant and round."""
        runs = {v: r for v, r in row.runs.items()
                if r[1] not in self.missing}
        facts = {variant: [] for variant in runs}
        for run in runs.values():
            self.program(*run[:2])
        for _ in range(self.options.repeat):
            for variant, run in runs.items():
                facts[variant].append(self.run(*run))
        return facts


def summary(values):
    return {"median": statistics.median(values), "min": min(values),
            "max": max(values), "values": values}


def evaluate(row, metric, facts):
    """One metric of a row as a dictionary, as it goes into the JSON."""
    values = {v: [metric.find(lines) for lines in rounds]
              for v, rounds in facts.items()}
    values = {v: list(x) for v, x in values.items() if None not in x}
    result = {"row": row.name, "metric": metric.name, "unit": metric.unit,
              "better": "more" if metric.more else "less",
              "figures": {v: summary(x) for v, x in values.items()},
              "ratios": {}, "target": None}
    for variant, theirs in values.items():
        if variant != "ours" and "ours" in values and all(theirs):
            ratios = [a / b for a, b in zip(values["ours"], theirs)]
            result["ratios"][variant] = summary(ratios)
    if metric.target:
        result["target"] = judge(metric, result)
    return result


def judge(metric, result):
    peer, bound = metric.target
    if peer is None:
        reached = result["figures"].get("ours")
        text = f"under {bound} {metric.unit}"
    else:
        reached = result["ratios"].get(peer)
        text = f"{'at least' if metric.more else 'at most'} {bound} of {peer}"
    if reached is None:
        return {"text": text, "reached": None, "met": None}
    value = reached["median"]
    met = value >= bound if metric.more else value <= bound
    if peer is None:
        met = value < bound
    return {"text": text, "reached": value, "met": met}


def show_number(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def show_ratio(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def show(result):
    """Print one metric: its figures on one line, then its target."""
    print(f"{result['row']}, {result['metric']} ({result['unit']},"
          f" {result['better']} is better)")
    for variant, figure in result["figures"].items():
        line = (f"  {variant:<10}{show_number(figure['median']):>9}"
                f"  ({show_number(figure['min'])} to"
                f" {show_number(figure['max'])})")
        ratio = result["ratios"].get(variant)
        if ratio:
            line = (f"{line:<42}ours is {show_ratio(ratio['median'])} of it"
                    f" ({show_ratio(ratio['min'])} to"
                    f" {show_ratio(ratio['max'])})")
        print(line)
    target = result["target"]
    if target:
        state = {True: "met", False: "MISSED", None: "not measured"}
        print(f"  target: {target['text']}: {state[target['met']]}")
    sys.stdout.flush()


def machine():
    model = ""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"processor": model, "cores": os.cpu_count(),
            "system": platform.release(), "load": os.getloadavg()[0]}


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--quick", action="store_true",
                        help="smaller workloads: a minute, not twenty")
    parser.add_argument("--repeat", type=int, metavar="N")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--library", type=pathlib.Path,
                        default=ROOT / "build" / "release" / "libmostly.a")
    parser.add_argument("--strict", action="store_true",
                        help="fail if a target is missed")
    options = parser.parse_args()
    options.folder = ROOT / "build" / "bench"
    options.repeat = options.repeat or (3 if options.quick else 5)
    return options


def main():
    options = parse()
    bench = Bench(options)
    for peer, why in bench.missing.items():
        print(f"{peer or 'ours'}: left out, {why}")
    report = {"machine": machine(), "quick": options.quick,
              "repeat": options.repeat, "results": []}
    if not options.names or "membw" in options.names:
        report["limits"] = bench.run("membw", "plain", [])[-1]
        print("limits of the machine:", ", ".join(
            f"{k} {v:g}" for k, v in report["limits"].items()
            if not isinstance(v, str)))
    for row in rows(options.quick):
        if options.names and not any(row.name.startswith(n)
                                     for n in options.names):
            continue
        facts = bench.measure(row)
        for metric in row.metrics:
            result = evaluate(row, metric, facts)
            report["results"].append(result)
            show(result)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    missed = [r for r in report["results"]
              if r["target"] and r["target"]["met"] is False]
    print(f"{len(missed)} of the targets missed")
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
