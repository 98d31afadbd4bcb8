#!/usr/bin/python3
"""suite.py -- build presets, run all their tests, and add it up

    tool/suite.py [--no-lint] [--no-pytest] [--barrier MEANS] [PRESET...]

Without arguments: the presets release, check, harsh and asan through CMake
and CTest, those of release once more with each other means of the barrier,
the pytest suites on release, and the linter.  --barrier runs everything with
one of them: track, protect or none (.barrier.means).  Full logs are in
build/log.  The last line is "N passed, M failed"; the exit code agrees.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build/log"
PRESETS = ("release", "check", "harsh", "asan")
PYTEST = ("test/api", "test/stress")
MEANS = ("track", "protect", "none")    # the first is the default
INTERESTING = re.compile(r"^\s*\d+/\d+ Test|^lint: |.*\[ *\d+%\]$")
TAIL = 60


class Tally:
    """What has passed and failed so far, and how long each step took."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.steps = []

    def add(self, name, passed, failed, skipped, seconds):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        self.steps.append((name, passed, failed, skipped, seconds))

    def report(self):
        print()
        for name, passed, failed, skipped, seconds in self.steps:
            print(f"{name:22} {passed:5} passed {failed:4} failed"
                  f" {skipped:4} skipped {seconds:7.1f} s")
        seconds = sum(step[4] for step in self.steps)
        print(f"{'in all':22} {self.passed:5} passed {self.failed:4} failed"
              f" {self.skipped:4} skipped {seconds:7.1f} s")
        print(f"\n{self.passed} passed, {self.failed} failed", flush=True)


def run(name, command, environment=None):
    """Run a command, its output to a log and the gist of it to the screen.

    Returns (exit code, log).  What failed is printed at length."""
    log = LOGS / (name.replace(" ", "-") + ".log")
    with open(log, "w", encoding="utf-8") as out:
        with subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True,
                errors="replace") as process:
            for line in process.stdout:
                out.write(line)
                if INTERESTING.match(line):
                    print("  " + line.rstrip(), flush=True)
    if process.returncode:
        lines = log.read_text(encoding="utf-8").splitlines()
        print("\n".join(lines[-TAIL:]))
        print(f"{name}: failed; all of it is in {log.relative_to(ROOT)}",
              flush=True)
    return process.returncode, log


def junit(path):
    """(passed, failed, skipped) from a JUnit file, or None."""
    try:
        top = xml.etree.ElementTree.parse(path).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return None
    cases = list(top.iter("testcase"))
    failed = sum(1 for case in cases
                 if case.find("failure") is not None
                 or case.find("error") is not None)
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    return len(cases) - failed - skipped, failed, skipped


def step(tally, name, command, results=None, environment=None):
    """Run one step and count its tests, by its JUnit file if it has any.

    A step that breaks counts as a failure, even if no test of it failed: it
    may have ended before it got to them."""
    print(f"== {name}", flush=True)
    if results:
        results.unlink(missing_ok=True)
    begin = time.monotonic()
    code, log = run(name, command, environment)
    counts = junit(results) if results else None
    passed, failed, skipped = counts or (0, 0, 0)
    failed = failed or int(bool(code))
    if results and not counts:
        failed = max(failed, 1)
    tally.add(name, passed, failed, skipped, time.monotonic() - begin)
    return code == 0, log


def build(tally, preset):
    return (step(tally, f"{preset} configure",
                 ["cmake", "--preset", preset])[0]
            and step(tally, f"{preset} build",
                     ["cmake", "--build", "--preset", preset, "--", "-k",
                      "0"])[0])


def ctest(tally, preset, means=None):
    name = f"{preset} ctest" + (f" {means}" if means else "")
    results = LOGS / (name.replace(" ", "-") + ".xml")
    step(tally, name,
         ["ctest", "--preset", preset, "--no-tests=error",
          "--output-junit", str(results)], results,
         {"MOSTLY_BARRIER": means} if means else None)


def pytest(tally):
    suites = [s for s in PYTEST if list((ROOT / s).glob("test_*.py"))]
    results = LOGS / "pytest.xml"
    step(tally, "pytest",
         ["/usr/bin/python3", "-m", "pytest", "-q", "-n", "2", "-p",
          "no:cacheprovider", f"--junitxml={results}", *suites],
         results,
         {"MOSTLY_BUILD": str(ROOT / "build/release"),
          "PYTHONDONTWRITEBYTECODE": "1",
          "CC": os.environ.get("CC", "cc")})


def lint(tally):
    print("== lint", flush=True)
    begin = time.monotonic()
    _, log = run("lint", ["/usr/bin/python3", "tool/lint.py"])
    last = re.search(r"^lint: (\d+) passed, (\d+) failed",
                     log.read_text(encoding="utf-8"), re.M)
    passed, failed = (int(last[1]), int(last[2])) if last else (0, 1)
    tally.add("lint", passed, failed, 0, time.monotonic() - begin)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--no-lint", action="store_true")
    parser.add_argument("--no-pytest", action="store_true")
    parser.add_argument("--barrier", choices=MEANS, metavar="MEANS")
    parser.add_argument("presets", nargs="*", metavar="PRESET")
    options = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    if options.barrier:
        os.environ["MOSTLY_BARRIER"] = options.barrier
    tally = Tally()
    built = {preset for preset in options.presets or PRESETS
             if build(tally, preset)
             and (ctest(tally, preset) or True)}
    if "release" in built and not options.barrier:
        for means in MEANS[1:]:
            ctest(tally, "release", means)
    if "release" in built and not options.no_pytest:
        pytest(tally)
    if "release" in built and not options.no_lint:
        lint(tally)
    tally.report()
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
