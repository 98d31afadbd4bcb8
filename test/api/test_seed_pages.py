"""test_seed_pages.py -- the requirements that are facts about the pages

Each has a function that says what is missing from the pages in a folder, and
must be able to say something: each is also given pages from which the part
was taken.
"""
import pathlib
import re
import shutil
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tool"))
import tags  # noqa: E402

PAGES = ("amc.rst", "amc-parts.rst", "amc-fix.rst", "ramp.rst")


def sections(path):
    """A page's headings, each with the text below it."""
    parts = re.split(r"^(\S.*)\n[-=]{3,}\n", path.read_text(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def says(design, tag, *words):
    """What the paragraph of a tag lacks."""
    text = " ".join(tags.seed_texts(design.parent).get(tag, "").split())
    return [f"{tag}: {word}" for word in words if word not in text]


def lacks_intro(design):
    """The guide, the requirements part by part, and every name in them."""
    text = "".join((design / page).read_text() for page in PAGES)
    names = sum(tags.seed_names(ROOT), [])
    return ([tag for tag in names if f"_`{tag}`:" not in text]
            + says(design, ".intro", "guide", "part by part", *PAGES[1:]))


def lacks_readership(design):
    return says(design, ".readership", "collector", "Clients")


def lacks_guide(design):
    guide = sections(design / "amc.rst").get("Guide", "")
    return ([] if "_`.guide`:" in guide else ["Guide"]) + says(
        design, ".guide", "copied", "ambiguous reference", "chain",
        "expected to die", "top generation")


def lacks_initial_design(design):
    """The requirements as they were first written down, all parts."""
    found = sections(design / "amc-parts.rst")
    wanted = ("Segments", "The pool's record", "Generations",
              "Allocation points", "Headers")
    return ([name for name in wanted if "_`." not in found.get(name, "")]
            + says(design, ".initial-design", "first", "changed", "why"))


def lacks_justification(design):
    return says(design, ".nailboard.emergency.nonew.justify",
                "run out of memory", "collection within the collection",
                "from its store")


def lacks_ring(design):
    return says(design, ".gen.manage.ring", "They are not", "array", "order")


def lacks_ramp_generation(design):
    return says(design, ".gen.ramp.possible", "no generation for ramps alone",
                "capacity")


def test_intro():
    """COVERS: .intro"""
    assert lacks_intro(ROOT / "design") == []


def test_readership():
    """COVERS: .readership"""
    assert lacks_readership(ROOT / "design") == []


def test_guide():
    """COVERS: .guide"""
    assert lacks_guide(ROOT / "design") == []


def test_initial_design():
    """COVERS: .initial-design"""
    assert lacks_initial_design(ROOT / "design") == []


def test_justification():
    """COVERS: .nailboard.emergency.nonew.justify"""
    assert lacks_justification(ROOT / "design") == []


def test_what_was_dropped_is_told():
    """COVERS: .gen.manage.ring .gen.ramp.possible"""
    assert lacks_ring(ROOT / "design") == []
    assert lacks_ramp_generation(ROOT / "design") == []


@pytest.mark.parametrize("lacks,page,part", [
    (lacks_intro, "amc.rst", "_`.seg.state.stuck`:"),
    (lacks_intro, "amc.rst", "amc-fix.rst"),
    (lacks_readership, "amc.rst", "Whoever works on the collector."),
    (lacks_guide, "amc.rst", "_`.guide`:"),
    (lacks_guide, "amc.rst", "Guide\n-----\n"),
    (lacks_initial_design, "amc-parts.rst", "Headers\n-------\n"),
    (lacks_initial_design, "amc-parts.rst", "_`.initial-design`:"),
    (lacks_justification, "amc-fix.rst", "from its store"),
    (lacks_ring, "amc-parts.rst", "They are not"),
    (lacks_ramp_generation, "ramp.rst", "_`.gen.ramp.possible`:"),
])
def test_it_can_fail(tmp_path, lacks, page, part):
    design = tmp_path / "design"
    shutil.copytree(ROOT / "design", design)
    text = (design / page).read_text()
    assert part in text
    (design / page).write_text(text.replace(part, ""))
    assert lacks(design) != []
