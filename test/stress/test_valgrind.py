"""test_valgrind.py -- the block pool's clients under valgrind

COVERS(".fuzz.req.blocks"): nothing outside the given memory is touched, and
nothing depends on what was never written; except where the C stack is
looked through for references, which reads what it finds.
"""
import shutil
import subprocess

import cases
import pytest

VALGRIND = shutil.which("valgrind")
pytestmark = pytest.mark.skipif(
    VALGRIND is None or cases.is_sanitized(cases.BUILD),
    reason="no valgrind, or a build that it can't run")
LISP = cases.ROOT / "code/example/lisp"


def valgrind(program, *arguments, options=(), text=""):
    done = subprocess.run(
        [VALGRIND, "-q", "--error-exitcode=9", *options,
         str(cases.path_of(program, cases.BUILD)), *map(str, arguments)],
        input=text, capture_output=True, text=True, timeout=300, check=False,
        env={"CK_FORK": "no"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("seed", [5, 6, 7, 8])
def test_random_blocks(seed):
    valgrind("blocks", "--seed", seed, "--ops", 1500)


def test_all_tables():
    valgrind("blocks", "--exhaust", 4, "--lead", 62)


def test_interpreter():
    valgrind("test_interp_gc")


def test_lisp():
    out = valgrind(
        "mostly-lisp", "--heap", 300, LISP / "prelude.lisp", "/dev/stdin",
        options=["--undef-value-errors=no"],
        text="(repeat 300 (lambda () (reverse (range 0 10))))"
             "(print (map (lambda (x) (* x x)) (range 0 10)))")
    assert out == "(0 1 4 9 16 25 36 49 64 81)\n"
