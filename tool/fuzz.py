#!/usr/bin/python3
"""fuzz.py -- episodes of the fuzzers, with fresh seeds

    tool/fuzz.py [SECONDS] [PRESET...]

Runs the random clients of test/fuzz by turns in the presets harsh, asan and
release, or those named, which must be built; 60 seconds in all, or as said.
At the first failure it prints what the program said and the command line
that repeats it, and exits 1.

Design: .fuzz.run (design/fuzz.rst).
"""
import argparse
import sys
import time

import stress
from stress import cases


def choose(chance, _):
    pick = chance.random()
    if pick < 0.05:
        return cases.random_step(chance)
    if pick < 0.25:
        return cases.random_blocks(chance, 5)
    if pick < 0.6:
        return cases.random_net(chance, 5)
    return cases.random_mirror(chance, 5)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=60)
    parser.add_argument("presets", nargs="*")
    options = parser.parse_args()
    options.minutes = options.seconds / 60
    options.seed, options.jobs = time.time_ns(), 2
    options.presets = options.presets or ["harsh", "asan", "release"]
    print(f"seed {options.seed}", flush=True)
    return stress.Stress(options, choose).run()


if __name__ == "__main__":
    sys.exit(main())
