"""test_scheme.py -- the example runs real programs on the library

COVERS(".example.req.answers"): the suite and the demonstration's programs
give the same answers plain, with a full collection every few objects, with
tiny generations, with other sizes, pause times and barriers.
COVERS(".example.req.tail"), by the suite.
COVERS(".example.req.exhaustion"), COVERS(".example.req.report").
COVERS(".example.guardian"), COVERS(".example.weak"),
COVERS(".example.weak.ephemeron"), COVERS(".example.table.location") and
COVERS(".example.stats"), by the suite; COVERS(".example.guardian.port").

The binary is mostly-scheme in the build directory that MOSTLY_BUILD names,
build/release by default.
"""
import json
import os
import pathlib
import re
import resource
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MOSTLY_BUILD", ROOT / "build/release"))
SCHEME = BUILD / "mostly-scheme"
PROGRAMS = ROOT / "code/example/scheme"
TEXT = "/usr/share/common-licenses/GPL-3"
NAMES = ["concordance", "gcbench", "binary-trees", "nqueens", "destruct",
         "deriv", "paraffins", "meta", "strings", "tables", "digits"]

# Each is a way of tuning under which every program must give its answer.
TUNINGS = [
    "",
    "--collect-every 1000",
    "--chain 16:0.5",
    "--chain 1:0.9,1:0.5,1:0.5",
    "--chain 512:0.85,8192:0.5",
    "--extend-by 4096 --large-size 4096",
    "--extend-by 64k --large-size 1m",
    "--arena-size 64k --spare 0",
    "--pause-time 0 --chain 64:0.5",
    "--commit-limit 64m",
]


def scheme(*arguments, cwd, status=0, timeout=300, environment=None):
    """Run it and return the finished process; the exit code is checked."""
    done = subprocess.run(
        [SCHEME, *map(str, arguments)], cwd=cwd, capture_output=True,
        text=True, timeout=timeout, check=False,
        env={**os.environ, **(environment or {})})
    assert done.returncode == status, (
        f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n"
        f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done


def evaluate(text, *options, tmp_path, status=0):
    return scheme(*options, "-e", text, cwd=tmp_path, status=status)


def run_suite(options, cwd, environment=None):
    done = scheme(*options, PROGRAMS / "suite.scm", cwd=cwd, timeout=600,
                  environment=environment)
    last = done.stdout.strip().splitlines()[-1]
    counts = re.fullmatch(r"(\d+) passed, (\d+) failed", last)
    assert counts, done.stdout
    assert int(counts[1]) >= 490 and int(counts[2]) == 0, done.stdout


@pytest.mark.parametrize("tuning", TUNINGS)
def test_suite(tuning, tmp_path):
    run_suite(tuning.split(), tmp_path)


def test_suite_with_a_collection_every_100_objects(tmp_path):
    run_suite(["--collect-every", "100"], tmp_path)


def test_suite_with_a_collection_every_object(tmp_path):
    """All of it but for what makes very many objects.  There is no use in
    noting what is written when every collection looks at everything, so the
    time isn't spent; one at every 10 objects does that."""
    run_suite(["--collect-every", "1", "--spare", "1"], tmp_path,
              {"MOSTLY_BARRIER": "none"})


def test_suite_with_a_collection_every_10_objects(tmp_path):
    run_suite(["--collect-every", "10"], tmp_path)


@pytest.mark.parametrize("tuning", TUNINGS)
def test_programs(tuning, tmp_path):
    done = scheme(*tuning.split(), PROGRAMS / "demo.scm", "--quick", TEXT,
                  cwd=tmp_path, timeout=600)
    right = re.findall(r"^(\S+) +right: ", done.stdout, re.M)
    assert right == NAMES, done.stdout
    assert "WRONG" not in done.stdout
    assert done.stdout.endswith("every answer is right\n")


@pytest.mark.parametrize("barrier", ["none", "protect", "track"])
def test_barriers(barrier, tmp_path):
    environment = {"MOSTLY_BARRIER": barrier}
    run_suite(["--chain", "64:0.5,256:0.5"], tmp_path, environment)
    scheme("--chain", "64:0.5,256:0.5", PROGRAMS / "demo.scm", "--quick",
           cwd=tmp_path, environment=environment)


def test_another_text(tmp_path):
    """The concordance is checked by its invariants for any text."""
    text = tmp_path / "text"
    text.write_text("The cat, the mat.\n\nThe λ-cat's 2nd mat\n" * 50,
                    encoding="utf-8")
    done = scheme(PROGRAMS / "demo.scm", "--quick", text, cwd=tmp_path)
    assert "concordance     right: consistent" in done.stdout


def test_a_wrong_answer_is_an_exit_code(tmp_path):
    """A program that goes wrong must not pass: break one and see."""
    for source in PROGRAMS.glob("*.scm"):
        (tmp_path / source.name).write_text(source.read_text())
    broken = tmp_path / "nqueens.scm"
    broken.write_text(broken.read_text().replace("(null? tried) 1",
                                                 "(null? tried) 2"))
    done = scheme("demo.scm", "--quick", cwd=tmp_path, status=1)
    assert "nqueens         WRONG" in done.stdout
    assert done.stdout.endswith("1 wrong\n")


def test_report_as_json(tmp_path):
    done = scheme("--json", "--chain", "256:0.8,1024:0.5",
                  PROGRAMS / "demo.scm", "--quick", cwd=tmp_path)
    report = json.loads(done.stdout.splitlines()[-1])
    programs, total = report["programs"], report["total"]
    assert [p["name"] for p in programs] == NAMES
    for section in [*programs, total]:
        pauses = section["pauses_ms"]
        assert 0 <= pauses["p50"] <= pauses["p99"] <= pauses["max"]
        assert section["allocated"] >= 8 * section["objects"] > 0
        assert section["work"]["condemned"] == sum(
            g["condemned"] for g in section["generations"])
        assert (section["work"]["copied"] + section["work"]["nailed"]
                <= section["work"]["condemned"])
        # One may be under way where a section begins, or where it ends.
        begun = sum(section["reasons"].values())
        assert abs(begun - section["collections"]) <= 1
    for key in ("objects", "allocated", "collections"):
        assert sum(p[key] for p in programs) <= total[key]
    assert total["collections"] > 20
    assert [g["top"] for g in total["generations"]][-1] is True
    capacities = [g["capacity"] for g in total["generations"]]
    assert 256 * 1024 in capacities and 1024 * 1024 in capacities
    assert report["peak_resident"] >= 2 ** 20


def test_the_chain_shows_in_the_report(tmp_path):
    """A smaller nursery is collected more often."""
    counts = []
    for chain in ("64:0.8,4096:0.5", "1024:0.8,4096:0.5"):
        done = scheme("--json", "--chain", chain, PROGRAMS / "demo.scm",
                      "--quick", cwd=tmp_path)
        total = json.loads(done.stdout.splitlines()[-1])["total"]
        counts.append(total["generations"])
    small, large = ([g["collections"] for g in c if not g["top"]]
                    for c in counts)
    assert max(small) > 2 * max(large) > 0


def guide_commands():
    page = (ROOT / "manual/guide-tuning.rst").read_text(encoding="utf-8")
    return re.findall(r"^   \$ mostly-scheme (.*)$", page, re.M)


def test_the_guide_has_commands():
    assert len(guide_commands()) >= 6


@pytest.mark.parametrize("command", guide_commands())
def test_commands_of_the_guide(command, tmp_path):
    arguments = [str(ROOT / word) if word.endswith(".scm") else word
                 for word in command.replace("--large", "--quick").split()]
    done = scheme(*arguments, cwd=tmp_path)
    assert "every answer is right" in done.stdout or "0 failed" in done.stdout
    assert ("program " in done.stdout) == ("--report" in command)


def test_report_as_text(tmp_path):
    done = scheme("--report", "--collect-every", "5000",
                  PROGRAMS / "demo.scm", "--quick", cwd=tmp_path)
    rows = re.findall(r"^([a-z-]+) +\d+\.\d\d +\d+\.\d +\d+(?:/\d+)+",
                      done.stdout, re.M)
    assert rows == [*NAMES, "total"]
    assert re.search(r"^ +\d+  The client asked for a full collection",
                     done.stdout, re.M)


FILL = """
(define (fill)
  (let loop ((l '()) (n 0))
    (loop (cons (make-vector 100 n) l) (+ n 1))))
(define (try) (guard (e ((out-of-memory? e) 'out)) (fill)))
"""


# Lists until memory runs out: each pair refers to the one made before, or to
# the one made after.
BACKWARDS = "(let loop ((l '())) (loop (cons 1 l)))"
FORWARDS = """(let ((head (list 1)))
                (let loop ((last head))
                  (set-cdr! last (list 1))
                  (loop (cdr last))))"""


def processor_seconds(text, tmp_path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = evaluate(f"(guard (e ((out-of-memory? e) 'out)) {text})",
                    "--commit-limit", "6m", tmp_path=tmp_path)
    assert done.stdout == "out\n"
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def test_running_out_of_memory_takes_no_time(tmp_path):
    """COVERS(".nail.board.fresh.range"): objects that can't move are found one
    by one, and a list is no square, whichever way it goes."""
    forwards = min(processor_seconds(FORWARDS, tmp_path) for _ in range(3))
    backwards = min(processor_seconds(BACKWARDS, tmp_path) for _ in range(3))
    assert backwards < 10 * forwards, (backwards, forwards)


@pytest.mark.parametrize("limit", ["8m", "16m", "48m"])
def test_out_of_memory_is_an_error(limit, tmp_path):
    """It can be handled, again and again, and the program goes on."""
    done = evaluate(FILL + """
        (let* ((a (try)) (b (try)) (c (try)))
          (gc)
          (list a b c (length (iota 10000))
                (guard (e ((out-of-memory? e) 'out))
                  (let loop ((s "x")) (loop (string-append s s))))
                (apply + (iota 1000))))""",
                    "--commit-limit", limit, tmp_path=tmp_path)
    assert done.stdout == "(out out out 10000 out 499500)\n"


def test_out_of_memory_unhandled(tmp_path):
    done = evaluate(FILL + "(fill)", "--commit-limit", "16m",
                    tmp_path=tmp_path, status=1)
    assert "error: out of memory" in done.stderr


def test_peak_within_commit_limit(tmp_path):
    done = evaluate(FILL + "(try)", "--commit-limit", "16m", "--json",
                    tmp_path=tmp_path)
    report = json.loads(done.stdout.splitlines()[-1])
    assert 2 ** 23 < report["total"]["peak_committed"] <= 2 ** 24


def test_deep_recursion(tmp_path):
    """It works with collections below it, and has an end that is no crash."""
    done = evaluate("""
        (define (build n) (if (= n 0) '() (cons n (build (- n 1)))))
        (length (build 200000))""", "--chain", "64:0.5", tmp_path=tmp_path)
    assert done.stdout == "200000\n"
    done = evaluate("(define (f n) (+ 1 (f n))) (f 0)", tmp_path=tmp_path,
                    status=1)
    assert "recursion is too deep" in done.stderr


def test_errors(tmp_path):
    done = evaluate("(display 1) (car 5)", tmp_path=tmp_path, status=1)
    assert done.stdout == "1"
    assert done.stderr == "error: car: expected a pair, got 5\n"
    script = tmp_path / "bad.scm"
    script.write_text("(define x 1)\n\n(vector-ref (vector x) 1)\n")
    done = scheme(script, cwd=tmp_path, status=1)
    assert "bad.scm:3: error: vector-ref" in done.stderr


@pytest.mark.parametrize("options", [
    ["--chain", "0:0.5"], ["--chain", "16"], ["--chain", "16:2"],
    ["--chain", "16:0.5,"], ["--extend-by", "-1"], ["--spare", "2"],
    ["--large-size", "1"], ["--extend-by", "64k", "--large-size", "32k"],
    ["--extend-by", str(2 ** 64 - 1)], ["--stack-size", str(2 ** 64 - 1)],
    ["--commit-limit", "12q"], ["--no-such-option"], ["--chain"]])
def test_bad_options(options, tmp_path):
    done = scheme(*options, cwd=tmp_path, status=1)
    assert "usage: mostly-scheme" in done.stderr


def test_a_directory_is_no_program(tmp_path):
    done = scheme(tmp_path, cwd=tmp_path, status=1)
    assert "Is a directory" in done.stderr


def test_bytes_that_are_no_text(tmp_path):
    """Those stand for themselves, and none is lost, whatever is in front."""
    data = b"\xe2\x82A\xf0\x9f\x98\xe2\x82\xac\xed\xa0\x80\xc0\x80\xff\xe2\x82"
    (tmp_path / "bytes").write_bytes(data)
    done = evaluate("""
        (call-with-input-file "bytes"
          (lambda (port)
            (let loop ((codes '()))
              (peek-char port)
              (let ((c (read-char port)))
                (if (eof-object? c)
                    (reverse codes)
                    (loop (cons (char->integer c) codes)))))))""",
                    tmp_path=tmp_path)
    codes = [0xe2, 0x82, 0x41, 0xf0, 0x9f, 0x98, 0x20ac, 0xed, 0xa0, 0x80,
             0xc0, 0x80, 0xff, 0xe2, 0x82]
    assert done.stdout == f"({' '.join(map(str, codes))})\n"


def test_an_error_in_what_is_loaded(tmp_path):
    """It doesn't change where other files are looked for, nor what later
    messages start with."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "bad.scm").write_text("(car 5)")
    (tmp_path / "good.scm").write_text("'good")
    (tmp_path / "main.scm").write_text("""
(guard (e (#t (display "caught "))) (load "sub/bad.scm"))
(begin (write (load "good.scm")) (car 6))""")
    done = scheme("main.scm", cwd=tmp_path, status=1)
    assert done.stdout == "caught good"
    assert done.stderr == "main.scm:3: error: car: expected a pair, got 6\n"


def test_arguments_and_exit(tmp_path):
    script = tmp_path / "arguments.scm"
    script.write_text("(write (cdr (command-line))) (exit 7)")
    done = scheme(script, "a", "--report", cwd=tmp_path, status=7)
    assert done.stdout == '("a" "--report")'


def test_standard_input(tmp_path):
    done = subprocess.run([SCHEME], input="(display (* 6 7))", text=True,
                          capture_output=True, check=True, cwd=tmp_path,
                          timeout=60)
    assert done.stdout == "42"


def test_the_prelude_is_in_the_program(tmp_path):
    """It needs no file: a copy elsewhere doesn't open any of ours."""
    copy = tmp_path / "scheme"
    copy.write_bytes(SCHEME.read_bytes())
    copy.chmod(0o755)
    assert b"scheme/prelude.scm" not in copy.read_bytes()
    done = subprocess.run([copy, "-e", "(map square '(1 2 3))"], text=True,
                          capture_output=True, check=True, cwd=tmp_path,
                          timeout=60)
    assert done.stdout == "(1 4 9)\n"


def test_another_prelude(tmp_path):
    text = (PROGRAMS / "prelude.scm").read_text(encoding="utf-8")
    other = tmp_path / "other.scm"
    other.write_text(text + "(define answer 42)", encoding="utf-8")
    done = evaluate("answer", "--prelude", other, tmp_path=tmp_path)
    assert done.stdout == "42\n"
    done = evaluate("1", "--prelude", "no-such-file", tmp_path=tmp_path,
                    status=1)
    assert "can't read no-such-file" in done.stderr


def test_a_dropped_port_is_closed_by_itself(tmp_path):
    """Without (gc): a collection that the library starts is enough."""
    done = evaluate("""
        (define (drop i) (write i (open-output-file (number->string i))))
        (do ((i 0 (+ i 1))) ((= i 20)) (drop i))
        (define (text i)
          (call-with-input-file (number->string i) read))
        (define (wait)
          (let loop ((n 0) (l '()))
            (if (< n 100000) (loop (+ n 1) (make-vector 10 l)))))
        (let loop ((tries 0))
          (wait)
          (let ((done (filter (lambda (i) (eqv? (text i) i)) (iota 20))))
            (if (or (>= (length done) 16) (> tries 100))
                (length done)
                (loop (+ tries 1)))))""", "--chain", "256:0.5,256:0.5,256:0.5",
                    tmp_path=tmp_path)
    assert 16 <= int(done.stdout) <= 20


def test_reachable_ports_are_flushed_at_the_end(tmp_path):
    evaluate("""(define p (open-output-file "out")) (display "text" p) (gc)""",
             tmp_path=tmp_path)
    assert (tmp_path / "out").read_text() == "text"


def test_guardians_at_the_commit_limit(tmp_path):
    """Running out of memory loses no message."""
    done = evaluate(FILL + """
        (define g (make-guardian))
        (define (drop i) (g (list i)))
        (do ((i 0 (+ i 1))) ((= i 1000)) (drop i))
        (try)
        (try)
        (gc)
        (let loop ((n 0)) (if (g) (loop (+ n 1)) n))""",
                    "--commit-limit", "16m", tmp_path=tmp_path)
    assert 990 <= int(done.stdout) <= 1000


def test_weak_tables_stay_small(tmp_path):
    """What is taken from a table is given back."""
    done = evaluate("""
        (define t (make-key-weak-eq-hash-table))
        (define e (make-ephemeron-eq-hash-table))
        (do ((i 0 (+ i 1))) ((= i 100000))
          (let ((key (list i)))
            (hash-table-set! t key i)
            (hash-table-set! e key key)))
        (gc)
        (list (< (hash-table-count t) 10) (< (hash-table-count e) 10))""",
                    "--commit-limit", "48m", "--chain", "512:0.85,8192:0.5",
                    tmp_path=tmp_path)
    assert done.stdout == "(#t #t)\n"


def test_stats_agree_with_the_report(tmp_path):
    done = evaluate("(gc) (gc) (gc-stats)", "--json", tmp_path=tmp_path)
    stats, report = done.stdout.splitlines()
    total = json.loads(report)["total"]
    numbers = dict(reversed(re.findall(r"\(([a-z-]+) \. (\d+)\)", stats)))
    # A collection may end between the two.
    assert 0 <= total["collections"] - int(numbers["collections"]) <= 2
    assert int(numbers["collections"]) >= 2
    assert 0 < int(numbers["live"]) <= total["live"]
