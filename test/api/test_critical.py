"""test_critical.py -- the walk along the critical paths is one through the code

design/critical.rst names functions and their files.  Each must be defined
there, or a reader is sent nowhere.
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "design/critical.rst").read_text()
# What the client defines.
CLIENT = {"isfwd", "skip", "fwd"}
# What isn't a function.
FIELDS = {"alloc", "init", "limit", "is_plain", "scanned"}


def text_of(name):
    path = ROOT / "code" / name
    if not path.exists():
        path = ROOT / "code/include" / name
    return path.read_text()


def is_defined(name, text):
    """A definition begins a line, or follows its type; so does a macro."""
    return re.search(r"^(?:#define |[\w][^;={}]*?)?\(?\b" + name
                     + r"\)?\([^;]*?\)\s*(?:\{|\\$|\()", text, re.M)


def test_functions_are_where_the_page_says():
    places = re.findall(r"``(\w+)``[^`(]*\(((?:\w+/)+\w+\.[ch]|mps\.h)\)",
                        re.sub(r"include/", "", PAGE))
    assert len(places) > 12
    for name, path in places:
        assert is_defined(name, text_of(path)), f"{name} isn't in {path}"


def test_every_function_exists():
    code = "\n".join(path.read_text()
                     for path in sorted((ROOT / "code").rglob("*.[ch]")))
    names = set(re.findall(r"``(\w+)``", PAGE)) - CLIENT - FIELDS
    for name in names:
        assert re.search(r"\b" + name + r"\b\s*\(", code) \
            or re.search(r"#define " + name + r"\b", code), name


def test_every_file_at_the_head_is_used():
    head = re.search(r"^:Code: (.*?)\n\n", PAGE, re.M | re.S)[1]
    for path in re.findall(r"[\w/]+\.[ch]", head):
        assert (ROOT / "code" / path).exists(), path
        assert PAGE.count(path) > 1, f"{path} isn't on the way"
