"""test_grid.py -- programs over a grid of their parameters

COVERS(".fuzz.req.identity"), COVERS(".fuzz.req.pinned"),
COVERS(".fuzz.req.protocol"), COVERS(".fuzz.req.refused"),
COVERS(".fuzz.req.step"): each test is one command line, which a failure
prints.
"""
import itertools
import platform
import subprocess
import zlib

import pytest

import cases

FORMATS = [(8, 0), (8, 8), (16, 32)]    # alignment, in-band header


@pytest.mark.parametrize("gens, extend_by",
                         [(1, 65536), (2, 4096), (5, 8192)])
@pytest.mark.parametrize("interior", [0, 1])
@pytest.mark.parametrize("align, header", FORMATS)
@pytest.mark.parametrize("pool", ["amc", "amcz", "both"])
def test_formats_and_pools(run, pool, align, header, interior, gens,
                           extend_by):
    name = repr((pool, align, header, interior, gens, extend_by))
    run("mirror", "--seed", zlib.crc32(name.encode()), "--ops", 400, "--pool", pool,
        "--align", align, "--header", header, "--interior", interior,
        "--gens", gens, "--extend-by", extend_by)


@pytest.mark.parametrize("header", [0, 16])
@pytest.mark.parametrize("pool", ["amc", "amcz", "both"])
@pytest.mark.parametrize("threads", [2, 4, 8])
def test_threads(run, threads, pool, header):
    facts = run("mirror", "--seed", threads, "--ops", 400, "--threads",
                threads, "--pool", pool, "--align", 8, "--header", header)
    assert facts[-1]["threads"] == threads


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("limit", [700_000, 1_500_000, 4_000_000])
def test_commit_limit(run, limit, threads):
    facts = run("mirror", "--seed", limit, "--seconds", 1, "--commit-limit",
                limit, "--threads", threads, "--live", 2_000_000)
    assert limit > 4_000_000 or facts[-1]["refused"] > 0


@pytest.mark.parametrize("barrier", ["none", "protect", "track"])
@pytest.mark.parametrize("protect", [0, 1])
def test_barrier(run, barrier, protect):
    run("mirror", "--seed", 7, "--seconds", 1, "--barrier", barrier,
        "--protect", protect, "--gens", 3)


@pytest.mark.parametrize("stack, tag", [(0, 0), (0, 7), (1, 0), (1, 3)])
def test_pins(run, stack, tag):
    facts = run("mirror", "--seed", 11, "--seconds", 1, "--ambig", 200,
                "--interior", 1, "--stack", stack, "--tag", tag)
    assert facts[-1]["pins"] > 0


def test_verify_after_each_step(run):
    run("mirror", "--seed", 3, "--ops", 3000, "--verify", 1, "--live", 20000)


@pytest.mark.parametrize("pause", ["0", "0.001", "1e9"])
def test_pause_time(run, pause):
    run("mirror", "--seed", 5, "--seconds", 1, "--pause", pause)


def test_same_seed_same_episode(run):
    """One thread's episode is repeated, but for when collections begin.

    The library asks the clock about that, so not each run is the same."""
    def facts(seed):
        said = run("mirror", "--seed", seed, "--ops", 2000, "--final", 0,
                   "--barrier", "none")[-1]
        return tuple(said[fact] for fact in
                     ("ops", "objects", "bytes", "links", "verified"))

    runs = [facts(4) for _ in range(8)]
    assert max(runs.count(one) for one in runs) >= 4
    assert facts(5) not in runs


@pytest.mark.skipif(platform.machine() != "x86_64",
                    reason="needs the trap flag")
def test_step(run):
    run("step", "--each", 8)


@pytest.mark.skipif(platform.machine() != "x86_64" or not cases.compiler(),
                    reason="needs the trap flag and a compiler")
def test_step_can_fail(tmp_path):
    """With a commit of plain accesses, as gcc leaves it, it finds the loss.

    Other compilers keep the order by luck, so only gcc must fail."""
    version = subprocess.run([cases.compiler(), "--version"], text=True,
                             capture_output=True, check=True).stdout
    if "Free Software Foundation" not in version:
        pytest.skip("not gcc")
    program = tmp_path / "step-plain"
    subprocess.run(
        [cases.compiler(), "-O2", "-std=c11", "-DSTEP_PLAIN",
         f"-I{cases.ROOT / 'code/include'}", "-o", str(program),
         str(cases.ROOT / "test/fuzz/step.c"),
         str(cases.BUILD / "libmostly.a"), "-lpthread", "-lm"], check=True)
    result = subprocess.run([str(program)], capture_output=True, text=True,
                            timeout=cases.TIMEOUT, check=False)
    assert result.returncode != 0, result.stdout


CHAINS = ["", "64,0.9", "512,0.85;8192,0.5", "1,0.1;1,0.1"]


def tuning(chain, barrier):
    environment = {"MOSTLY_BARRIER": barrier}
    if chain:
        environment["MPS_CHAIN"] = chain
    return environment


@pytest.mark.parametrize("barrier", ["none", "protect", "track"])
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("threads", [1, 3])
def test_treeb(run, threads, chain, barrier):
    depth = 10 if chain else 13
    run("treeb", threads, depth, 4, depth + 1, 5000, **tuning(chain, barrier))


@pytest.mark.parametrize("shape, chain",
                         itertools.product(cases.SHAPES, CHAINS))
def test_copy(run, shape, chain):
    run("copy", shape, 9, 3, **tuning(chain, "protect"))


@pytest.mark.parametrize("chain", CHAINS)
def test_pause(run, chain):
    run("pause", 4, 0.5, **tuning(chain, "protect"))


@pytest.mark.parametrize("size", [16, 32, 48, 64, 4096])
def test_rate(run, size):
    run("rate", size, 1)
