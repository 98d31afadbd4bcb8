#!/usr/bin/python3
"""stress.py -- random programs over random parameters

    tool/stress.py [--minutes N] [--seed N] [--jobs N] [PRESET...]

Picks a program, its parameters and a preset (release and harsh, or those
named, which must be built), runs it, checks the JSON that it prints, and
goes on until the time is over (10 minutes).  At the first failure it prints
what the program said, the seed, and the command line that repeats it, and
exits 1.

Design: .fuzz.run (design/fuzz.rst).
"""
import argparse
import collections
import concurrent.futures
import pathlib
import random
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test" / "stress"))
import cases  # noqa: E402


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("presets", nargs="*", default=[])
    options = parser.parse_args()
    options.presets = options.presets or ["release", "harsh"]
    return options


class Stress:
    """Cases without end, and a count of what was run."""

    def __init__(self, options, choose):
        self.options = options
        self.choose = choose
        self.chance = random.Random(options.seed)
        self.end = time.monotonic() + 60 * options.minutes
        self.counts = collections.Counter()

    def one(self, case, preset):
        try:
            cases.run(case, ROOT / "build" / preset, timeout=900)
        except cases.Failed as failed:
            return f"{preset}: {case}\n{failed}"
        self.counts[f"{preset} {case.program}"] += 1
        return ""

    def submit(self, pool):
        preset = self.chance.choice(self.options.presets)
        build = ROOT / "build" / preset
        return pool.submit(self.one, self.choose(self.chance, build), preset)

    def run(self):
        """0 if nothing failed until the time was over, or else 1."""
        said = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(
                self.options.jobs) as pool:
            running = {self.submit(pool) for _ in range(self.options.jobs)}
            while running:
                done, running = concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED)
                faults = [f.result() for f in done if f.result()]
                if faults:
                    print(f"seed {self.options.seed}")
                    print("\n".join(faults))
                    return 1
                if time.monotonic() < self.end:
                    running |= {self.submit(pool) for _ in done}
                if time.monotonic() > said + 60:
                    said = time.monotonic()
                    print(self, flush=True)
        print(self)
        return 0

    def __str__(self):
        return ", ".join(f"{n} {name}"
                         for name, n in sorted(self.counts.items()))


def main():
    options = parse()
    print(f"seed {options.seed}", flush=True)
    return Stress(options, cases.random_case).run()


if __name__ == "__main__":
    sys.exit(main())
