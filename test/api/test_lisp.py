"""test_lisp.py -- the small Lisp runs on the block pool, whatever the heap

COVERS(".clients.req.lisp"): programs get the same answers in heaps of every
size, garbage may fill the heap many times over, structures may be deep,
ports that nobody has any more are closed, and running out of memory is an
error after which the program goes on.

The binary is mostly-lisp in the build directory that MOSTLY_BUILD names,
build/release by default.
"""
import os
import pathlib
import resource
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MOSTLY_BUILD", ROOT / "build/release"))
LISP = BUILD / "mostly-lisp"
SOURCES = ROOT / "code/example/lisp"
HEAPS = [100, 400, 3000, 64000]     # kilobytes


def lisp(program, *options, status=0, cwd=None, limit=None):
    """Run a program behind the prelude; (lines of output, of errors)."""
    def limit_files():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    done = subprocess.run(
        [LISP, *map(str, options), SOURCES / "prelude.lisp", "/dev/stdin"],
        input=program, text=True, capture_output=True, timeout=300, cwd=cwd,
        check=False, preexec_fn=limit_files if limit else None)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout.splitlines(), done.stderr.splitlines()


PROGRAMS = {
    "arithmetic": ("(print (+ 1 (* 2 (- 10 3)))) (print -5)"
                   "(print (< 1 2)) (print (< 2 1))",
                   ["15", "-5", "t", "()"]),
    "lists": ("(print (append '(1 2) '(3 4)))"
              "(print (map (lambda (x) (* x x)) (range 0 6)))"
              "(print '(a (b . c) \"d\")) (print (car nil))"
              "(print ((lambda (a . b) (list b a)) 1 2 3))",
              ["(1 2 3 4)", "(0 1 4 9 16 25)", "(a (b . c) d)", "()",
               "((2 3) 1)"]),
    "forms": ("(print (let ((a 1) (b 2)) (+ a b)))"
              "(print (cond ((< 2 1) 'one) ((< 1 2) 'two) (t 'three)))"
              "(print (and 1 2 3)) (print (and 1 nil 3)) (print (or nil 7))"
              "(print (if nil 1)) (begin (print 1) (print 2))",
              ["3", "two", "3", "()", "7", "()", "1", "2"]),
    "closures": ("(defun counter (n) (lambda () (set! n (+ n 1))))"
                 "(define a (counter 5)) (define b (counter 50))"
                 "(a) (b) (a) (print (a)) (print (b)) (print counter)",
                 ["8", "52", "#<function>"]),
    "strings": ("(print (join \"ab\" (join 'cd \"\"))) (print (join \"\" \"\"))"
                "; a comment\n(print 'x) ; another",
                ["abcd", "", "x"]),
    "vectors": ("(define v (vector 1000)) (print (get v 999))"
                "(put! v 999 'last) (print (get v 999)) (print v)",
                ["()", "last", "#<vector>"]),
    "macros": ("(define swap (macro (a b) (list 'let (list (list 'tmp a))"
               "  (list 'set! a b) (list 'set! b 'tmp))))"
               "(defun twice (n x y) (repeat n (lambda () (swap x y)))"
               "  (list x y))"
               "(print (twice 3 'x 'y))",
               ["(y x)"]),
    "recursion": ("(defun fib (n) (if (< n 2) n (+ (fib (- n 1))"
                  "  (fib (- n 2))))) (print (fib 20))"
                  "(defun tak (x y z) (if (< y x) (tak (tak (- x 1) y z)"
                  "  (tak (- y 1) z x) (tak (- z 1) x y)) z))"
                  "(print (tak 12 8 4))",
                  ["6765", "5"]),
    "queens": ("(defun safe (q d qs) (or (eq? qs nil)"
               "  (and (not (eq? q (car qs)))"
               "    (and (not (eq? q (+ (car qs) d)))"
               "      (and (not (eq? q (- (car qs) d)))"
               "        (safe q (+ d 1) (cdr qs)))))))"
               "(defun try (n q qs left) (if (< q n)"
               "  (+ (if (safe q 1 qs) (place n (cons q qs) (- left 1)) 0)"
               "     (try n (+ q 1) qs left)) 0))"
               "(defun place (n qs left) (if (< 0 left) (try n 0 qs left) 1))"
               "(print (place 6 nil 6))",
               ["4"]),
}


@pytest.mark.parametrize("heap", HEAPS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name, heap):
    program, expected = PROGRAMS[name]
    assert lisp(program, "--heap", heap) == (expected, [])


def test_without_options():
    done = subprocess.run([LISP], input="(print (+ 1 2))", text=True,
                          capture_output=True, check=True)
    assert done.stdout == "3\n"


@pytest.mark.parametrize("heap", [100, 1000])
def test_garbage_many_times_the_heap(heap):
    """Half a million lists of ten pairs are 320 MB of blocks for the
    environments alone; a table of lists is kept meanwhile."""
    out, _ = lisp(
        "(define kept (map (lambda (i) (range 0 i)) (range 0 30)))"
        "(repeat 20000 (lambda () (reverse (range 0 10))))"
        "(print (map count kept))", "--heap", heap)
    assert out == [f"({' '.join(map(str, range(30)))})"]


def test_garbage_of_mixed_sizes():
    """Vectors and strings come and go between pairs that stay."""
    out, _ = lisp(
        "(define kept nil) (define text \"x\")"
        "(defun work (i n) (if (< i n) (begin"
        "  (vector (* i 7))"
        "  (set! text (join text \"y\"))"
        "  (set! kept (cons (vector 10) kept))"
        "  (put! (car kept) 9 i)"
        "  (work (+ i 1) n))))"
        "(work 0 1500)"
        "(print (fold (lambda (sum v) (+ sum (get v 9))) 0 kept))",
        "--heap", 1500)
    assert out == [str(sum(range(1500)))]


@pytest.mark.parametrize("grow", [
    "(cons nil deep)",                              # a list
    "(cons deep nil)",                              # nested by its heads
    "(let ((v (vector 3))) (put! v 1 deep) v)",     # vectors
    "(lambda () deep)",                             # environments
])
def test_deep_structures(grow):
    """They are marked without recursion, and reclaimed: a stale word on the
    stack may keep one of them, but not twenty."""
    lisp("(define deep nil)"
         f"(define grow (lambda (deep) {grow}))"
         "(defun work () (set! deep nil)"
         "  (repeat 30000 (lambda () (set! deep (grow deep)))))"
         "(repeat 20 work)", "--heap", 12000)


def test_cycles_die():
    out, _ = lisp("(defun ring () (let ((p (list 1 2 3)))"
                  "  (set-cdr! (cdr (cdr p)) p) nil))"
                  "(repeat 20000 ring) (print 'done)", "--heap", 100)
    assert out == ["done"]


def test_ports_are_closed_by_their_finalizer(tmp_path):
    """Many more files are opened than a process may have; what was written
    is in them, and the rest is closed at the end."""
    out, _ = lisp("(repeat 500 (lambda () (print 'line (open \"log\"))))"
                  "(print (< 450 (closed)))", cwd=tmp_path, limit=30)
    assert out == ["t"]
    assert (tmp_path / "log").read_text() == "line\n" * 500


def test_a_port_in_use_stays_open(tmp_path):
    lisp("(define port (open \"kept\"))"
         "(repeat 300 (lambda () (open \"other\")))"
         "(print 'still port)", cwd=tmp_path, limit=30)
    assert (tmp_path / "kept").read_text() == "still\n"


@pytest.mark.parametrize("program,message", [
    ("(foo)", "no such name: foo"),
    ("(1 2)", "not a function: 1"),
    ("(+ 1 'a)", "not a number: a"),
    ("(car 5)", "not a pair: 5"),
    ("(get (vector 3) 3)", "no such element: 3"),
    ("(vector -1)", "not a length: -1"),
    ("((lambda (a b) a) 1)", "too few arguments for: (a b)"),
    ("((lambda (a) a) 1 2)", "too many arguments for: (a)"),
    ("(error \"mine\" '(1 2))", "mine: (1 2)"),
    ("(open \"/no/such/file\")", "it can't be opened: ()"),
    ("(print 1 2)", "not a port: 2"),
    ("(set! 5 6)", "not a name: 5"),
    ("(if)", "not a pair: ()"),
    ("(lambda)", "not a pair: ()"),
    (")", "a ) too many: ()"),
    ("(defun f (n) (+ 1 (f n))) (f 1)", "nested too deeply: ()"),
    pytest.param("(" * 200000, "nested too deeply: ()", id="nested"),
])
def test_errors(program, message):
    out, errors = lisp(f"{program}\n(print 'next)", status=1)
    assert errors[0] == f"error: {message}"
    assert out == ["next"] or program.startswith("((((")


def test_the_end_is_missing():
    assert lisp("(print 1", status=1)[1] == ["error: a ) is missing: ()"]


@pytest.mark.parametrize("fill", [
    "(define l nil) (defun more () (set! l (cons 1 l)) (more)) (more)",
    "(define l (vector 100000000))",
    "(define l \"1234567\") (defun more () (set! l (join l l)) (more)) (more)",
])
def test_out_of_memory(fill):
    """An error like any other: what is dropped is there again."""
    out, errors = lisp(f"{fill}\n(set! l nil) (print (count (range 0 1000)))",
                       "--heap", 1000, status=1)
    assert errors == ["error: out of memory: ()"]
    assert out == ["1000"]


def test_a_file_that_is_not_there():
    assert subprocess.run([LISP, "/no/such/file"], check=False).returncode == 2


def test_size():
    """A runtime on the pool is short."""
    lines = (SOURCES / "lisp.c").read_text().splitlines()
    assert len(lines) <= 600


def test_adapter_size():
    """COVERS(".clients.req.interp"): so is an interpreter's interface."""
    adapter = ROOT / "code/example/interp/interp_gc.c"
    assert len(adapter.read_text().splitlines()) <= 200
