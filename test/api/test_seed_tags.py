"""test_seed_tags.py -- no requirement of the mostly copying pools is lost

Their names are older than this code, and the pages in design/ keep them, each
with what it means here.  One that is missing was dropped by mistake; one that
is only named says nothing.
"""
import pathlib
import re

import pytest

DESIGN = pathlib.Path(__file__).resolve().parents[2] / "design"
TAGS = """
intro readership guide initial-design overview def.grain
seg.state seg.state.mobile seg.state.boarded seg.state.stuck
seg.class seg.gen seg.gen.map seg.gen.ind seg.gen.get
pad pad.reason pad.reason.bef pad.reason.lsp pad.reason.nmr
large.single-reserve large.lsp-no-retain
nailboard nailboard.create nailboard.destroy nailboard.emergency
nailboard.emergency.nonew nailboard.emergency.nonew.justify
nailboard.emergency.exact nailboard.hyper-conservative
nailboard.limitations.single nailboard.limitations.middle
nailboard.limitations.reclaim
fix.nail.states fix.nail.why fix.nail.distinguish
emergency.fix emergency.scan
buffer.class buffer.gen buffer.field.gen buffer.fill.gen buffer.condemn
struct struct.pool struct.format
gen gen.collect gen.rep gen.create gen.manage.ring gen.manage.array
gen.number gen.forward gen.forward.setup
ramp gen.ramp gen.ramp.ordinary gen.ramp.particular gen.ramp.possible
gen.ramp.ramping gen.ramp.after gen.ramp.after.once
ramp.mode ramp.state.cycle.usual ramp.count ramp.state.invariant.count
ramp.state.invariant.forward ramp.outside ramp.begin ramp.begin.leave
ramp.begin.leave.outside ramp.begin.leave.ramping ramp.ramping.leave
ramp.finish.remain ramp.finish.leave ramp.collecting.leave ramp.collect-all
header header.client header.fix finish.forward
flush flush.pad flush.expose flush.cover fill fill.expose
fix fix.exact.expose fix.exact.grey scan reclaim reclaim.grey reclaim.buf
""".split()
WORDS = 8  # fewer don't make a requirement


def definitions():
    """What each tag of the pages says, up to the end of its paragraph."""
    found = {}
    for page in sorted(DESIGN.glob("*.rst")):
        for tag, text in re.findall(r"^_`\.([\w.-]+)`:(.*?)(?:\n\n|\Z)",
                                    page.read_text(), re.M | re.S):
            found.setdefault(tag, text)
    return found


def test_each_is_listed_once():
    assert len(TAGS) == len(set(TAGS)) == 95


@pytest.mark.parametrize("tag", TAGS)
def test_it_is_defined_and_says_something(tag):
    found = definitions()
    assert tag in found
    assert len(found[tag].split()) >= WORDS, found[tag]
