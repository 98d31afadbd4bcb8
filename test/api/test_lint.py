"""test_lint.py -- the linter can fail

COVERS(".build.req.lint"): a small tree that keeps every rule is broken in
one place at a time, and the rule must name that place.  The tree is made
here and not copied from the project, so that the tests still run, and
still mean something, while the project's own tree has faults.
"""
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tool"))
import layers  # noqa: E402
import lint  # noqa: E402
import names  # noqa: E402
import sizes  # noqa: E402
import tags  # noqa: E402
import text  # noqa: E402

GOOD = {
    "code/include/mps.h": """\
/* mps.h -- the interface
 *
 * Design: .low.what (design/low.rst).
 */

#ifndef mps_h
#define mps_h

int mps_answer(void);

#endif /* mps_h */
""",
    "code/low/low.h": """\
/* low.h -- a layer to stand on
 *
 * Design: .low.what (design/low.rst).
 */

#ifndef LOW_H
#define LOW_H

#include "../include/mps.h"

typedef unsigned Sig;

#define LOW_SIG ((Sig)0x4C6F7720) /* "Low " */

int low_answer(int a, int b);

#endif /* LOW_H */
""",
    "code/low/low.c": """\
/* low.c -- a layer to stand on (.low.inv.small) */

#include "low.h"

int low_answer(int a, int b)
{
  return a < b ? a : b;
}
""",
    "code/high/high.h": """\
/* high.h -- stands on low (.low.what) */

#ifndef HIGH_H
#define HIGH_H

#define HIGH_SIG 0

int high_answer(void);

#endif /* HIGH_H */
""".replace("#define HIGH_SIG 0\n\n", ""),
    "code/high/high.c": """\
/* high.c -- stands on low (.low.what) */

#include "high.h"

#include "../low/low.h"

int high_answer(void)
{
  return low_answer(1, 2);
}

int mps_answer(void)
{
  return high_answer();
}
""",
    "code/example/client.c": """\
/* client.c -- uses the interface (.low.what) */

#include "mps.h"

int main(void)
{
  return mps_answer();
}
""",
    "code/mostly.c": """\
/* mostly.c -- all of it (.low.what) */

#include "low/low.c"
#include "high/high.c"
""",
    "design/low.rst": """\
Low
===

_`.low.what`: Something to stand on, in ``code/low/low.c``.

_`.low.req.right`: The answer is right.

_`.low.inv.small`: The answer is the smaller one.
""",
    "design/layers.rst": """\
Layers
======

1. ``include`` -- the interface
2. ``low`` -- stands on nothing
3. ``high`` -- stands on low
""",
    "test/unit/test_low.c": """\
/* test_low.c -- COVERS(".low.req.right") */

int main(void)
{
  return 0;
}
""",
    "tool/lint_allow": "# no exceptions\n",
}


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
    for name, content in GOOD.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for name in (".clang-format", ".clang-tidy"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def edit(tree, name, old, new):
    """Replace what must be there, so that no test breaks nothing."""
    path = tree / name
    content = path.read_text() if path.exists() else ""
    assert old in content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content.replace(old, new, 1) if old else content + new)


def only(faults, *words):
    """The faults are one, and it has all these words."""
    assert len(faults) == 1, faults
    for word in words:
        assert word in faults[0], faults


# Rules that read text.

TEXTUAL = (tags, layers, sizes, text)


@pytest.mark.parametrize("checker", TEXTUAL)
def test_good_tree_has_no_fault(tree, checker):
    assert checker.check(tree) == []


def long_function(lines):
    return "\nint low_long(void)\n{\n" + "  ;\n" * (lines - 2) + "}\n"


LOW = "code/low/low.c"
BREAKS = {
    "tag twice": (tags, "design/low.rst", "", "\n_`.low.what`: Again.\n",
                  ".low.what is defined at"),
    "tag unknown": (tags, LOW, "*/", "Also .low.nothing. */",
                    f"{LOW}:1: .low.nothing is not defined"),
    "tag unknown in a page": (tags, "design/low.rst", "the smaller one",
                              "small (.low.nothing)", ".low.nothing"),
    "tag unknown in Python": (tags, "test/api/test_x.py", "",
                              '"""COVERS(".low.nothing")"""\n',
                              "test_x.py:1: .low.nothing"),
    "invariant unchecked": (tags, LOW, "(.low.inv.small)", "(.low.what)",
                            ".low.inv.small is cited by no code"),
    "requirement untested": (tags, "test/unit/test_low.c",
                             'COVERS(".low.req.right")', "nothing",
                             ".low.req.right is cited by no test"),
    "no design": (tags, "code/high/high.h", "(.low.what)", "",
                  "code/high/high.h:1: cites no design"),
    "include up": (layers, LOW, '#include "low.h"',
                   '#include "low.h"\n\n#include "../high/high.h"',
                   f"{LOW}:5: ../high/high.h is in a higher layer"),
    "include by -I": (layers, "code/high/high.c", "../low/low.h", "low/low.h",
                      "low/low.h isn't there"),
    "include out": (layers, LOW, '#include "low.h"',
                    '#include "../../test/unit/test_low.c"',
                    "is outside code/"),
    "client looks inside": (layers, "code/example/client.c", "mps.h",
                            "../low/low.h", "isn't public"),
    "unlisted source": (layers, "code/low/more.c", "", "/* more */\n",
                        "doesn't list low/more.c"),
    "unlisted layer": (layers, "code/odd/odd.h", "", "/* odd */\n",
                       "code/odd/odd.h:1: is in no layer"),
    "list out of order": (
        layers, "code/mostly.c",
        '#include "low/low.c"\n#include "high/high.c"\n',
        '#include "high/high.c"\n#include "low/low.c"\n', "order"),
    "list of layers lost": (layers, "design/layers.rst", "1. ``include``",
                            "a. ``include``", "in no layer"),
    "long function": (sizes, LOW, "", long_function(61), "low_long has 61"),
    "many parameters": (sizes, LOW, "", "\nint low_many(int a, int b, int c,"
                        "\n             int d, int e, int f,\n"
                        "             int (*g)(int, int))\n{\n}\n",
                        "low_many has 2 lines, 7 parameters"),
    "deep nesting": (sizes, LOW, "", "\nvoid low_deep(void)\n{\n" + "".join(
        "  " * n + "if (1)\n" for n in range(1, 6)) + "  " * 6 + ";\n}\n",
                     "0 parameters, 5 levels"),
    "long file": (sizes, LOW, "", "\n" * 993 + "\n", "more than 1000"),
    "long public header": (sizes, "code/include/mps.h", "", "\n" * 400,
                           "more than 400"),
    "unused exception": (sizes, "tool/lint_allow", "",
                         "sizes code/low/low.c -- it was long once\n",
                         "lint_allow:2: code/low/low.c needs no exception"),
    "exception without reason": (sizes, "tool/lint_allow", "",
                                 "sizes code/low/low.c\n", "lint_allow:2"),
    "trailing space": (text, LOW, "{\n", "{ \n", f"{LOW}:6: space"),
    "no newline": (text, LOW, "", "/* end */", "no newline"),
    "note": (text, LOW, "stand on", "stand on FIX" + "ME", "left to mend"),
    "machine path": (text, "design/low.rst", "", "\nSee /ro" + "ot/notes.\n",
                     "low.rst:10: names a place"),
    "slashes": (text, LOW, "", "// end\n", f"{LOW}:9: a comment"),
    "dead literal": (text, "design/low.rst", "low/low.c", "low/gone.c",
                     "low.rst:4: code/low/gone.c isn't there"),
    "dead link": (text, "design/low.rst", "", "\n`x <gone.rst>`_\n",
                  "gone.rst isn't there"),
    "dead page": (text, "code/low/low.h", "design/low.rst", "design/gone.rst",
                  "low.h:3: design/gone.rst isn't there"),
    "signature twice": (text, "code/high/high.h", "int high",
                        "#define HIGH_SIG ((Sig)0x4C6F7720)\n\nint high",
                        "LOW_SIG is the same"),
    "signature misspelt": (text, "code/low/low.h", '"Low "', '"Lou "',
                           "LOW_SIG spells 'Low '"),
    "signature of another form": (text, "code/low/low.h", "((Sig)0x4C6F7720)",
                                  "0x4C6F7720", "LOW_SIG isn't"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_broken_tree_has_that_fault(tree, name):
    checker, path, old, new, words = BREAKS[name]
    edit(tree, path, old, new)
    faults = checker.check(tree)
    assert any(words in fault for fault in faults), faults
    if name != "list of layers lost": # that one takes others along
        only(faults, words)


SCANNER = """
int mps_scan(int a, int b, int c, int d, int e, int f, int g)
{
  MPS_SCAN_BEGIN(ss)
  {
    if (1)
      if (2)
        if (3)
          if (4)
            ;
  }
  MPS_SCAN_END(ss);
}
"""


@pytest.mark.parametrize("code", [long_function(60), SCANNER])
def test_largest_functions_pass(tree, code):
    edit(tree, LOW, "", code)
    assert sizes.check(tree) == []


@pytest.mark.parametrize("old,new,words", [
    ("            ;", "            if (5)\n              ;", "5 levels"),
    ("mps_scan", "low_scan", "7 parameters"),
    ("  MPS_SCAN_BEGIN(ss)\n", "", "5 levels"),
])
def test_larger_functions_do_not(tree, old, new, words):
    edit(tree, LOW, "", SCANNER.replace(old, new))
    faults = sizes.check(tree)
    only(faults, words)


def test_exception_excuses(tree):
    edit(tree, LOW, "", long_function(61))
    edit(tree, "tool/lint_allow", "",
         f"sizes {LOW}:low_long -- a table that reads better whole\n")
    assert sizes.check(tree) == []


# Rules that read a build: this one is made by hand where they look for it.

def compile_parts(tree):
    for name in ("low/low.c", "high/high.c"):
        target = tree / layers.OBJECTS / (name + ".o")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-c", tree / "code" / name, "-o", target],
                       check=True)


def test_calls_up(tree):
    compile_parts(tree)
    assert layers.check(tree) == []
    # The includes are innocent: low declares for itself what high defines.
    edit(tree, LOW, '#include "low.h"',
         '#include "low.h"\n\nint high_answer(void);')
    edit(tree, LOW, "a < b", "high_answer()")
    compile_parts(tree)
    only(layers.check(tree), "code/low/low.c", "calls up to high_answer")


def build_exports(tree, code, *options):
    """Build what the rule on exported names reads, from one text."""
    target = tree / names.ONE_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-fPIC", "-xc", "-c", "-", "-o", target],
                   input=code, text=True, check=True)
    subprocess.run(["cc", "-shared", target, "-o", tree / names.SHARED,
                    *options], check=True)


def test_exports(tree):
    build_exports(tree, "int mps_answer(void) { return 1; }"
                  "static int quiet;"
                  "int mostly_answer(void) { return quiet; }"
                  "int _mps_answer(void) { return 1; }")
    assert names.check(tree) == []


def test_exports_stranger(tree):
    build_exports(tree, "int answer(void) { return 1; } int mps_table[3];")
    faults = names.check(tree)
    assert [f.split(":")[0] for f in faults] == ["mostly.c.o", "libmostly.so"]
    assert all("exports answer" in fault for fault in faults)


def test_needs_stranger(tree):
    build_exports(tree, "int mps_answer(void) { return 1; }",
                  "-Wl,--no-as-needed", "-lm")
    only(names.check(tree), "needs libm")


def test_needs_what_nothing_defines(tree):
    build_exports(tree, "int low_answer(void);"
                  "int mps_answer(void) { return low_answer(); }")
    only(names.check(tree), "nothing defines low_answer")


def test_exports_without_build(tree):
    assert "build release first" in names.check(tree)[0]


@pytest.mark.parametrize("name,old,new,words", [
    ("code/low/low.h", "typedef unsigned Sig;", "", None),
    ("code/low/low.h", "int low_answer(int a", "int low_answer(size_t a",
     "not by gcc -std=c11 alone"),
    ("code/include/mps.h", "int mps_answer(void)",
     "int mps_answer(int class)", "not by g++"),
    ("code/include/mps.h", "int mps_answer(void)",
     "inline int mps_answer(void)", "not by gcc -std=c89"),
])
def test_headers_alone(tree, name, old, new, words):
    edit(tree, name, old, new)
    faults = names.check_headers(tree)
    if words is None: # what isn't used needn't be there
        assert faults == []
    else:
        assert any(words in fault for fault in faults), faults


def test_manual(tree):
    page = tree / "manual/reference/answer.rst"
    page.parent.mkdir(parents=True)
    page.write_text("mps_answer gives the answer.\n")
    assert names.check_manual(tree) == []
    page.write_text("mps_answers gives the answer.\n")
    assert sorted(f.split(": ")[1] for f in names.check_manual(tree)) == [
        "mps_answer is not in manual/reference", "mps_answers is in no header"]


def test_format(tree):
    assert lint.check_format(tree) == []
    edit(tree, LOW, "a < b ?", "a<b ?")
    only(lint.check_format(tree), f"{LOW}:7: not formatted")


def test_tidy_and_its_memory(tree):
    build = tree / lint.DATABASE.parent
    build.mkdir(parents=True)
    command = f"cc -std=c11 -c {tree / LOW}"
    (tree / lint.DATABASE).write_text(
        f'[{{"directory": "{build}", "command": "{command}",'
        f' "file": "{tree / LOW}"}}]')
    assert lint.check_tidy(tree) == []

    # COVERS(".build.req.again"): nothing has changed, so nothing is run.
    program, lint.program = lint.program, lambda name: "false"
    try:
        assert lint.check_tidy(tree) == []
    finally:
        lint.program = program

    # A change in a header it includes is a change.
    edit(tree, "code/low/low.h", "int low_answer(int a, int b);",
         "int low_answer(int a, int b);\n"
         "static inline int low_same(int a)\n{\n  return a == a;\n}")
    edit(tree, LOW, "a < b ? a : b", "low_same(a) ? a : b")
    only(lint.check_tidy(tree), "code/low/low.h:18:", "redundant")


def test_flakes(tree):
    edit(tree, "tool/x.py", "", "import os\n")
    only(lint.check_flakes(tree), "'os' imported but unused")
