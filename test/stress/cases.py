"""cases.py -- programs, their parameters, and what their JSON must say

One place for the grid (test_grid.py), the random stress (tool/stress.py)
and the fuzzer's driver (tool/fuzz.py).  A case is a command line with an
environment; running it gives the facts that the program printed, a
dictionary a line, or raises Failed, whose text ends in the command line
that repeats it.

Design: .fuzz.run (design/fuzz.rst).
"""
import argparse
import dataclasses
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tool"))
import bench  # noqa: E402

BUILD = pathlib.Path(os.environ.get("MOSTLY_BUILD", ROOT / "build/release"))
SCHEME = ROOT / "code" / "example" / "scheme"
TIMEOUT = 300


class Failed(Exception):
    """A program failed, or said something wrong."""


@dataclasses.dataclass
class Case:
    program: str                # its name: mirror, step, treeb, ...
    arguments: list
    environment: dict = dataclasses.field(default_factory=dict)

    def __str__(self):
        words = [f"{k}={v}" for k, v in self.environment.items()]
        words += [self.program, *map(str, self.arguments)]
        return " ".join(words)


def workload(name, build):
    """A program of test/bench, against that build's library."""
    options = argparse.Namespace(
        cc=os.environ.get("CC", "cc"), library=build / "libmostly.a",
        folder=build / "bench", repeat=1)
    return bench.Bench(options).program(name, None)


def is_sanitized(build):
    """The workloads are linked without the sanitizers' libraries."""
    return build.name in ("asan", "tsan", "cover", "fuzz")


WORKLOADS = ("treeb", "rate", "copy", "pause")


def path_of(program, build):
    if program in WORKLOADS:
        return workload(program, build)
    for folder in (build / "test", build):
        if (folder / program).exists():
            return folder / program
    raise Failed(f"{program} isn't built in {build}")


def run(case, build=BUILD, timeout=TIMEOUT):
    """The facts that a case prints, once they are found to be right."""
    command = [str(path_of(case.program, build)),
               *map(str, case.arguments), "--json"]
    repeat = "repeat: " + " ".join(
        [f"{k}={shlex.quote(v)}" for k, v in case.environment.items()]
        + [shlex.join(command)])
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout,
            env={**os.environ, **case.environment}, errors="replace",
            stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {timeout} s\n{repeat}") from None
    said = result.stdout + result.stderr
    if result.returncode != 0:
        raise Failed(f"exit {result.returncode}\n{said}\n{repeat}")
    try:
        facts = [json.loads(line) for line in result.stdout.splitlines()]
        check(case, facts)
    except (ValueError, KeyError, IndexError, AssertionError) as wrong:
        raise Failed(f"{wrong!r}\n{said}\n{repeat}") from None
    return facts


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def check(case, facts):
    """What is wrong with the facts of a program?  Raises if anything is."""
    expect(facts, "it printed nothing")
    CHECKS[case.program](facts, case)


def value_of(case, option):
    if option not in case.arguments:
        return None
    return case.arguments[case.arguments.index(option) + 1]


def check_mirror(facts, case):
    fact = facts[-1]
    threads, ops = value_of(case, "--threads") or 1, value_of(case, "--ops")
    expect(fact["program"] == "mirror" and fact["ok"], "not ok")
    if ops is not None and not value_of(case, "--commit-limit"):
        expect(fact["ops"] == int(ops) * int(threads), "operations")
        expect(fact["objects"] > 0, "no objects")
        expect(fact["verified"] > 0, "nothing was verified")


def check_step(facts, case):
    fact = facts[-1]
    expect(fact["program"] == "step" and fact["ok"], "not ok")
    expect(fact["flips"] > fact["objects"], "too few flips")
    expect(fact["retries"] > 0, "no commit failed")


def check_net(facts, case):
    fact = facts[-1]
    expect(fact["program"] == "net" and fact["ok"], "not ok")
    if not value_of(case, "--commit-limit"):
        expect(fact["objects"] > 0 and fact["verified"] > 0, "nothing done")


def check_blocks(facts, case):
    fact = facts[-1]
    expect(fact["program"] == "blocks" and fact["ok"], "not ok")
    expect(fact["allocs"] > 0 and fact["collections"] > 0, "nothing done")


def check_workload(facts, case):
    expect(all(fact["workload"] == case.program for fact in facts),
           "another workload's facts")


def check_copy(facts, case):
    check_workload(facts, case)
    collects = [fact for fact in facts if fact["part"] == "collect"]
    built = next(f["objects"] for f in facts if f["part"] == "build")
    expect(len(collects) == int(case.arguments[2]), "collections")
    for fact in collects:
        expect(fact["moved"] == 1, "nothing moved")
        expect(fact["reach"] >= built, "objects are lost")


def check_treeb(facts, case):
    check_workload(facts, case)
    expect(facts[-1]["threads"] == int(case.arguments[0]), "threads")
    # beyond the nursery of the default chain, and any that we give
    expect(facts[-1]["collections"] > 0 or facts[-1]["Mnodes"] < 1,
           "no collection started by itself")


def check_pause(facts, case):
    check_workload(facts, case)
    expect(facts[-1]["ops"] > 0, "no operation")


CHECKS = {"mirror": check_mirror, "step": check_step,
          "net": check_net, "blocks": check_blocks, "copy": check_copy,
          "treeb": check_treeb, "pause": check_pause, "rate": check_workload}


# Random cases

CHAINS = ("64,0.9", "512,0.85;8192,0.5", "100,0.5;200,0.5;400,0.5;800,0.5",
          "1,0.1;1,0.1", "20000,0.9;40000,0.3")
SHAPES = ("tree", "list", "shuf", "vec", "leaf")


def random_environment(chance):
    """The tuning that the workloads read."""
    environment = {}
    if chance.random() < 0.6:
        environment["MPS_CHAIN"] = chance.choice(CHAINS)
    if chance.random() < 0.4:
        environment["MPS_PAUSE"] = chance.choice(("0", "0.001", "0.1", "10"))
    if chance.random() < 0.4:
        environment["MPS_SPARE"] = chance.choice(("0", "0.3", "1"))
    if chance.random() < 0.4:
        environment["MPS_ARENA_MB"] = chance.choice(("1", "32", "1024"))
    if chance.random() < 0.3:
        environment["MOSTLY_BARRIER"] = chance.choice(
            ("none", "protect", "track"))
    return environment


def random_mirror(chance, seconds=10):
    arguments = ["--seed", chance.randrange(1, 10**9), "--seconds", seconds]
    if chance.random() < 0.5:
        arguments += ["--threads", chance.choice((2, 3, 4, 8))]
    if chance.random() < 0.3:
        arguments += ["--commit-limit",
                      chance.randrange(800_000, 8_000_000)]
    if chance.random() < 0.2:
        arguments += ["--verify", 1, "--live", 30000]
    if chance.random() < 0.1:
        arguments += ["--live", 30_000_000, "--verify", 5000]
    return Case("mirror", arguments)


def random_net(chance, seconds=10):
    arguments = ["--seed", chance.randrange(1, 10**9), "--seconds", seconds]
    if chance.random() < 0.3:
        arguments += ["--threads", chance.choice((2, 3, 4))]
    elif chance.random() < 0.6:
        arguments += ["--stack", 0]
    if chance.random() < 0.2:
        arguments += ["--commit-limit",
                      chance.randrange(1_000_000, 8_000_000)]
    if chance.random() < 0.2:
        arguments += ["--verify", 1, "--live", 30000]
    return Case("net", arguments)


def random_step(chance):
    return Case("step", ["--each", chance.randrange(1, 30)])


def random_blocks(chance, seconds=10):
    if chance.random() < 0.7:
        return Case("blocks", ["--seed", chance.randrange(1, 10**9),
                               "--seconds", seconds])
    return Case("blocks", ["--exhaust", chance.randrange(2, 9),
                           "--lead", chance.randrange(0, 200),
                           "--trail", chance.randrange(0, 80)])


def random_workload(chance):
    environment = random_environment(chance)
    program = chance.choice(WORKLOADS)
    arguments = {
        "treeb": [chance.randrange(1, 5), chance.randrange(8, 16), 4,
                  chance.randrange(10, 17), chance.randrange(2000, 200000)],
        "rate": [8 * chance.randrange(2, 40), chance.randrange(1, 20)],
        "copy": [chance.choice(SHAPES), chance.randrange(9, 60),
                 chance.randrange(1, 5)],
        "pause": [chance.randrange(2, 60), 2],
    }[program]
    return Case(program, arguments, environment)


def random_case(chance, build=BUILD):
    """Anything, in proportion to what it may find."""
    pick = chance.random()
    if pick < 0.08:
        return random_blocks(chance)
    if pick < 0.3:
        return random_net(chance)
    if pick < 0.75 or (is_sanitized(build) and pick < 0.95):
        return random_mirror(chance)
    if pick < 0.80 or is_sanitized(build):
        return random_step(chance)
    return random_workload(chance)


def compiler():
    return shutil.which(os.environ.get("CC", "cc"))
