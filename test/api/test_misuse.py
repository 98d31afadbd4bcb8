"""test_misuse.py -- the cases of misuse are all there

Each function that takes a handle or writes a result is in a list of
test_misuse_handles.c, and each case that design/api.rst names exists.
"""
import fnmatch
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
API = ROOT / "test/api"
HANDLES = {f"mps_{kind}_t" for kind in (
    "arena", "arena_class", "pool_class", "pool", "fmt", "chain", "ap",
    "root", "thr", "message", "ld", "alloc_pattern", "transform", "sac")}
# Lists of arguments can't be made here; the functions without v make them.
# The token is never called.
EXCEPT = {"mps_arena_create_v", "mps_pool_create_v", "mps_ap_create_v",
          "mps_stack_scan_ambig"}
# The plinth; and headers whose functions have misuse tests of their own.
OWN = {"mpsio", "mpscblk"}


def expected():
    """{(function, parameter)} of handles and results, by the headers."""
    found = set()
    for header in (ROOT / "code/include").glob("*.h"):
        if header.stem in OWN:
            continue
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        for name, parameters in re.findall(
                r"\bextern [^;{(]*?\b(m\w+)\(([^;]*?)\);", text):
            for parameter in parameters.split(","):
                words = re.findall(r"\w+|\*", parameter) or [""]
                if (len(words) > 1 and words[0] in HANDLES and "*" not in words
                        or re.search(r"_o$|ref_p$", words[-1])):
                    found.add((name, words[-1]))
    return {(name, parameter) for name, parameter in found
            if name not in EXCEPT}


def handle_cases():
    return set(re.findall(r"\bX\((\w+),\s*\\?\s*\"\w+\",\s*\\?\s*(\w+),",
                          (API / "test_misuse_handles.c").read_text()))


def named_cases():
    """The cases of all tests."""
    names = {f"{name}_{argument}" for name, argument in handle_cases()}
    for test in API.glob("test_misuse*.c"):
        text = test.read_text()
        names |= set(re.findall(r"^(?:\w+_)?CASE\(\s*(\w+),", text, re.M))
        names |= {f"{name}_in_{place}" for place in ("walk", "scan")
                  for name in re.findall(r"^INSIDE\(\s*(\w+),", text, re.M)}
    return names


def test_every_handle_and_result():
    """COVERS(".api.req.misuse")"""
    assert len(expected()) > 100
    assert expected() - handle_cases() == set()
    assert handle_cases() <= expected()


def test_cases_of_the_table():
    """COVERS(".api.req.misuse")"""
    text = (ROOT / "design/api.rst").read_text()
    table = text.split("_`.api.req.misuse`")[1].split("Beyond the")[0]
    patterns = [pattern for pattern in re.findall(r"``([\w*]+)``", table)
                if not pattern.startswith(("test", "TEST"))]
    assert len(patterns) > 40
    names = named_cases()
    for pattern in patterns:
        assert fnmatch.filter(names, pattern), pattern
