"""test_manual.py -- the reference and the headers say the same

Each public name of a header has an entry on the header's page, with the same
declaration; each entry declares a name of its header and says something.
"""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "code/include"
MANUAL = ROOT / "manual"
# Headers without a name of their own.
EMPTY = {"mpscmv2", "mpswin"}
DIRECTIVE = re.compile(r"^( *)\.\. c:(\w+):: (.*)$")


def squeeze(text):
    """One blank between words, none where C doesn't need one."""
    return re.sub(r" ?([*(),\[\]]) ?", r"\1", " ".join(text.split()))


def bare(header):
    """The header without comments, and macros on one line."""
    text = (INCLUDE / header).with_suffix(".h").read_text()
    return re.sub(r"\\\n", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.S))


def is_public(name, header):
    return (name.startswith(("mps", "MPS", "mostly"))
            and name not in (f"{header}_h", "MPS_BUILD_")
            and not re.match(r"MPS_KEY_\w+_FIELD$", name))


def declared(header):
    """{name: its declarations, squeezed} of all that a header declares."""
    found = {}

    def add(name, text):
        if is_public(name, header):
            found.setdefault(name, set()).add(squeeze(text))

    text = bare(header)
    for macro in re.finditer(r"^ *# *define (\w+)(\([\w, ]*\))?", text, re.M):
        add(macro[1], macro[1] + (macro[2] or ""))
    code = re.sub(r"^ *#.*$", "", text, flags=re.M)
    for line in re.finditer(r"\bextern (?!\"C\")([^;{]+);", code):
        name = re.search(r"(\w+)(?:\(|\[|$)", line[1])
        add(name[1], line[1])
    for struct in re.finditer(r"typedef struct (\w+) \{.*?\n\} ([^;]+);",
                              code, re.S):
        add(struct[1], struct[1])
        for pointer in re.findall(r"\*(\w+)", struct[2]):
            add(pointer, f"{struct[1]} *{pointer}")
    for line in re.finditer(r"\btypedef ([^;{}]+);", code):
        name = re.search(r"\(\*(\w+)\)|(\w+)$", line[1])
        if name:
            add(name[1] or name[2], line[1])
    for body in re.findall(r"^enum \{(.*?)\}", code, re.M | re.S):
        for name in re.findall(r"(\w+)(?: = 0)?(?:,|\s*$)", body):
            add(name, name)
    return found


def members(header):
    """{structure: its members}, for those that aren't private or nested."""
    return {name: [squeeze(member) for member in body.split(";")
                   if member.strip()]
            for name, body in re.findall(
                r"typedef struct (\w+) \{([^{}]*)\n\} [^;]+;", bare(header))}


class Entry:
    """A directive of a page: kind, declarations, text, and where it is."""

    def __init__(self, kind, declaration, section):
        self.kind, self.declarations = kind, [declaration]
        self.section, self.text, self.members = section, "", []


def entries(page):
    """The entries of a page; a section is what is said at its head."""
    found, entry, outer, section = [], None, None, ""
    lines = page.read_text().split("\n")
    is_open = False # declarations may follow
    for number, line in enumerate(lines):
        match = DIRECTIVE.match(line)
        if match:
            entry = Entry(match[2], match[3], section)
            is_open = True
            if match[1]:
                outer.members.append(entry)
            else:
                outer = entry
                found.append(entry)
        elif is_open and line.strip():
            entry.declarations.append(line.strip())
        elif line.startswith(" ") and entry:
            entry.text += line.strip() + " "
        elif line and entry and number + 1 < len(lines) and re.match(
                r"[-=]+$", lines[number + 1]):
            entry, section = None, ""
        elif line:
            section += line + " "
        is_open = is_open and bool(line.strip())
    return found


def name_of(kind, declaration):
    pattern = {"function": r"(\w+)\(", "var": r"(\w+)\[?\]?$",
               "type": r"\(\*(\w+)\)|(\w+)$"}.get(kind, r"(\w+)")
    match = re.search(pattern, declaration)
    return next(group for group in match.groups() if group)


HEADERS = sorted(path.stem for path in INCLUDE.glob("*.h")
                 if path.stem not in EMPTY)


def page_of(header):
    return MANUAL / f"reference/{header}.rst"


def test_a_page_for_each_header():
    pages = {path.stem for path in (MANUAL / "reference").glob("*.rst")}
    assert pages == {"index", *HEADERS}
    index = (MANUAL / "reference/index.rst").read_text()
    assert set(re.findall(r"^   (\w+)$", index, re.M)) == set(HEADERS)
    for header in EMPTY:
        assert not declared(header)
        assert f"``{header}.h``" in index


@pytest.mark.parametrize("header", HEADERS)
def test_names_and_entries(header):
    public, described = declared(header), {}
    for entry in entries(page_of(header)):
        for declaration in entry.declarations:
            name = name_of(entry.kind, declaration)
            assert name not in described, f"{name} has two entries"
            described[name] = declaration
            assert name in public, f"{name} is in no header"
            assert squeeze(declaration) in public[name], declaration
    assert set(public) - set(described) == set()


@pytest.mark.parametrize("header", HEADERS)
def test_entries_say_something(header):
    for entry in entries(page_of(header)):
        assert re.search(r"\w", entry.text) or entry.members, \
            entry.declarations


@pytest.mark.parametrize("header", HEADERS)
def test_structures_have_all_members(header):
    """Private members, which begin with _, are left out; one entry for
    several structures names the members in its text."""
    known = members(header)
    for entry in entries(page_of(header)):
        for name in entry.declarations if entry.kind == "struct" else ():
            public = [member for member in known.get(name, ())
                      if not re.search(r"[ *]_\w+$", member)]
            if len(entry.declarations) > 1:
                for member in public:
                    word = re.search(r"\w+$", member)[0]
                    assert re.search(rf"\b{word}\b", entry.text), member
            else:
                assert [squeeze(member.declarations[0])
                        for member in entry.members] == public \
                    or name not in known


@pytest.mark.parametrize("header", HEADERS)
def test_keywords_name_their_member(header):
    """The entry of a keyword argument says where its value goes."""
    fields = dict(re.findall(r"# *define (MPS_KEY_\w+)_FIELD (\w+)",
                             bare(header)))
    for entry in entries(page_of(header)):
        for declaration in entry.declarations:
            name = name_of(entry.kind, declaration)
            if name in fields:
                assert f"``val.{fields[name]}``" in entry.text, name


def test_environment_variables():
    """Those that the library reads have an entry, and no others."""
    read = {name for path in (ROOT / "code").rglob("*.c")
            if "example" not in path.parts
            for name in re.findall(r"getenv\(\"(\w+)\"\)", path.read_text())}
    assert len(read) > 3
    text = (MANUAL / "environment.rst").read_text()
    assert set(re.findall(r"^``(\w+)``$", text, re.M)) == read


def test_pool_classes_have_a_place_in_the_choice():
    """Each class that a header declares is in manual/pools.rst, by a link to
    its page."""
    text = (MANUAL / "pools.rst").read_text()
    for header in HEADERS:
        for name in declared(header):
            if re.match(r"mps_class_\w+$", name) and name != "mps_class_t":
                assert f"<reference/{header}>`" in text, name
