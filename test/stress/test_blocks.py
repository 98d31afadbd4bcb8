"""test_blocks.py -- Hypothesis drives the block pool in the shared library

COVERS(".fuzz.req.blocks"): pools in memory of the client's and in the
arena's, with random parameters; objects that refer to each other, roots of
the client's and of the arena's, finalizers, locks, thresholds and misuse,
beside a model in Python.  What fails is shortened to the fewest steps.

The library is libmostly.so in the build directory that MOSTLY_BUILD names,
build/release by default; it mustn't be one under a sanitizer.
"""
import ctypes as c

import cases
import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (RuleBasedStateMachine, initialize, invariant,
                                 precondition, rule)

WORD = c.sizeof(c.c_void_p)
OK, FAIL, RESOURCE, MEMORY, COMMIT = 0, 1, 2, 3, 7
FINAL, LEAF = 1, 2
FREE, HEAD = 0, 1
ROOTS = 16
REPORT = c.CFUNCTYPE(None, c.c_char_p, c.c_uint, c.c_char_p)
VISIT = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p)
WALK = c.CFUNCTYPE(None, c.c_void_p, c.c_size_t, c.c_uint, c.c_uint,
                   c.c_void_p)


class Value(c.Union):
    _fields_ = [("b", c.c_int), ("d", c.c_double), ("size", c.c_size_t),
                ("p", c.c_void_p)]


class Arg(c.Structure):
    _fields_ = [("key", c.c_void_p), ("val", Value)]


class Info(c.Structure):
    _fields_ = [(name, c.c_size_t) for name in (
        "total used free tables regions objects allocated collections"
        " objects_freed alloc_count free_count alloc_size free_size one_block"
        " two_blocks largest_object largest_free").split()] + [
            ("fragmentation", c.c_double)]


def load():
    path = cases.BUILD / "libmostly.so"
    if cases.is_sanitized(cases.BUILD) or not path.exists():
        return None
    library = c.CDLL(str(path))
    addr = c.c_void_p
    for name, result, *arguments in (
            ("mps_arena_class_vm", addr), ("mps_class_blk", addr),
            ("mps_rank_ambig", c.c_uint),
            ("mps_arena_create_k", c.c_int, addr, addr, addr),
            ("mps_arena_destroy", None, addr),
            ("mps_arena_park", None, addr),
            ("mps_arena_collect", c.c_int, addr),
            ("mps_pool_create_k", c.c_int, addr, addr, addr, addr),
            ("mps_pool_destroy", None, addr),
            ("mps_root_create_table", c.c_int, addr, addr, c.c_uint, c.c_uint,
             addr, c.c_size_t),
            ("mps_root_destroy", None, addr),
            ("mps_lib_assert_fail_install", addr, REPORT),
            ("mps_blk_alloc", c.c_int, addr, addr, c.c_size_t, c.c_uint),
            ("mps_blk_free", None, addr, addr),
            ("mps_blk_realloc", c.c_int, addr, addr, c.c_size_t, c.c_int),
            ("mps_blk_size", c.c_size_t, addr, addr),
            ("mps_blk_object", c.c_int, addr, addr, addr),
            ("mps_blk_flags", c.c_uint, addr, addr),
            ("mps_blk_walk", None, addr, WALK, addr),
            ("mps_blk_collect", c.c_int, addr, addr),
            ("mps_blk_mark_begin", None, addr),
            ("mps_blk_mark", None, addr, addr, c.c_size_t),
            ("mps_blk_mark_end", c.c_size_t, addr),
            ("mps_blk_lock", None, addr), ("mps_blk_unlock", None, addr),
            ("mps_blk_is_locked", c.c_int, addr),
            ("mps_blk_auto_set", None, addr, c.c_int),
            ("mps_blk_threshold_set", None, addr, c.c_size_t),
            ("mps_blk_check", c.c_int, addr),
            ("mps_blk_final_all", c.c_size_t, addr),
            ("mps_blk_info", None, addr, addr, c.c_int)):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


lib = load()


def arguments(**values):
    """A keyword list: NAME=("field", value)."""
    array = (Arg * (len(values) + 1))()
    for arg, (name, (field, value)) in zip(array, values.items()):
        arg.key = c.addressof(c.c_char.in_dll(lib, f"_mps_key_{name}"))
        setattr(arg.val, field, value)
    array[-1].key = c.addressof(c.c_char.in_dll(lib, "_mps_key_ARGS_END"))
    return array


class Object:
    """What the model knows of an object: all its words."""

    def __init__(self, words, flags):
        self.words, self.flags = [0] * words, flags


class Blocks(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.objects = {}       # by address
        self.told = []          # addresses of the finalized
        self.reports = 0
        self.arena, self.pool, self.root = (c.c_void_p() for _ in range(3))
        self.roots = (c.c_void_p * ROOTS)()
        self.on_report = REPORT(self.report)
        self.on_final = VISIT(self.final)

    def report(self, *_):
        self.reports += 1

    def reported(self, times):
        assert self.reports == times
        self.reports = 0

    def final(self, addr, _):
        # Nothing is freed yet.
        assert all(lib.mps_blk_size(self.pool, a) for a in self.objects)
        self.told.append(addr)

    @initialize(unit=st.sampled_from([16, 32, 64, 128]),
                interior=st.booleans(), clear=st.booleans(),
                size=st.one_of(st.none(), st.integers(3000, 12000)),
                most=st.sampled_from([1 << 18, 1 << 20]),
                entries=st.integers(1, 30), headroom=st.floats(0, 0.9))
    def create(self, unit, interior, clear, size, most, entries, headroom):
        self.unit, self.interior, self.clear = unit, interior, clear
        self.memory = c.create_string_buffer(size) if size else None
        lib.mps_lib_assert_fail_install(self.on_report)
        assert lib.mps_arena_create_k(c.byref(self.arena),
                                      lib.mps_arena_class_vm(),
                                      arguments()) == OK
        lib.mps_arena_park(self.arena)
        assert lib.mps_root_create_table(
            c.byref(self.root), self.arena, lib.mps_rank_ambig(), 0,
            self.roots, ROOTS) == OK
        values = {
            "BLK_SIZE": ("size", unit), "INTERIOR": ("b", interior),
            "BLK_CLEAR": ("b", clear), "BLK_MARK_STACK": ("size", entries),
            "BLK_LEAVES": ("b", 1), "BLK_AUTO": ("b", 0),
            "BLK_FINAL": ("p", c.cast(self.on_final, c.c_void_p).value)}
        if size:
            values["BLK_MEMORY"] = ("p", c.addressof(self.memory))
            values["BLK_MEMORY_SIZE"] = ("size", size)
        else:
            values.update({"EXTEND_BY": ("size", 1 << 13),
                           "MAX_SIZE": ("size", most),
                           "BLK_HEADROOM": ("d", headroom)})
        assert lib.mps_pool_create_k(c.byref(self.pool), self.arena,
                                     lib.mps_class_blk(),
                                     arguments(**values)) == OK
        self.collections = self.info().collections

    def teardown(self):
        if not self.pool:
            return
        self.told = []
        assert lib.mps_blk_final_all(self.pool) == len(self.objects)
        assert sorted(self.told) == sorted(
            a for a, o in self.objects.items() if o.flags & FINAL)
        lib.mps_pool_destroy(self.pool)
        lib.mps_root_destroy(self.root)
        lib.mps_arena_destroy(self.arena)
        assert self.reports == 0

    # What the model says

    def info(self, walk=False):
        info = Info()
        lib.mps_blk_info(c.byref(info), self.pool, walk)
        return info

    def find(self, word):
        """The object that a word keeps, or None."""
        if word in self.objects:
            return word
        if self.interior:
            for addr, o in self.objects.items():
                if addr <= word < addr + len(o.words) * WORD:
                    return addr
        return None

    def reachable(self):
        found, todo = set(), [r or 0 for r in self.roots]
        while todo:
            addr = self.find(todo.pop())
            if addr is not None and addr not in found:
                found.add(addr)
                if not self.objects[addr].flags & LEAF:
                    todo += self.objects[addr].words
        return found

    def collected(self, freed=None):
        """There has been a collection: what isn't reachable is gone."""
        live = self.reachable()
        dead = {a: o for a, o in self.objects.items() if a not in live}
        assert sorted(self.told) == sorted(
            a for a, o in dead.items() if o.flags & FINAL)
        assert freed is None or freed == len(dead)
        self.objects = {a: self.objects[a] for a in live}
        self.told = []
        self.collections = self.info().collections

    def caught_up(self):
        """Has a call collected?"""
        if self.info().collections != self.collections:
            self.collected()

    def words(self, addr):
        return (c.c_size_t * len(self.objects[addr].words)).from_address(addr)

    def pick(self, data):
        return data.draw(st.sampled_from(sorted(self.objects)))

    # Steps

    @rule(size=st.one_of(st.integers(1, 300), st.integers(1, 20000)),
          flags=st.integers(0, 3), slot=st.integers(0, ROOTS - 1),
          keep=st.booleans())
    def alloc(self, size, flags, slot, keep):
        p = c.c_void_p(7)
        res = lib.mps_blk_alloc(c.byref(p), self.pool, size, flags)
        self.caught_up()
        need = -(-size // self.unit) * self.unit
        if res != OK:
            assert p.value == 7 and res in (MEMORY, RESOURCE, COMMIT)
            assert self.info(True).largest_free < need
        else:
            assert p.value % self.unit == 0
            self.take(p.value, need // WORD, size, flags)
            if keep:
                self.roots[slot] = p.value

    def take(self, addr, words, size, flags):
        assert all(addr + words * WORD <= a or a + len(o.words) * WORD <= addr
                   for a, o in self.objects.items())
        assert addr not in self.objects
        self.objects[addr] = Object(words, flags)
        first = 0 if self.clear else size
        assert not any(c.string_at(addr + first, words * WORD - first))
        c.memset(addr, 0, words * WORD)

    @precondition(lambda self: self.objects)
    @rule(data=st.data())
    def free(self, data):
        addr = self.pick(data)
        lib.mps_blk_free(self.pool, addr)
        del self.objects[addr]

    @precondition(lambda self: self.objects)
    @rule(data=st.data(), size=st.integers(0, 3000), may_move=st.booleans())
    def realloc(self, data, size, may_move):
        addr = self.pick(data)
        old = self.objects[addr]
        self.roots[0] = addr    # lest it be collected meanwhile
        p = c.c_void_p(addr)
        res = lib.mps_blk_realloc(c.byref(p), self.pool, size, may_move)
        self.caught_up()
        if res != OK:
            assert p.value == addr and size > len(old.words) * WORD
            assert res in ((MEMORY, RESOURCE, COMMIT) if may_move
                           else (FAIL,))
            return
        del self.objects[addr]
        if size == 0:
            assert p.value is None
            return
        words = -(-size // self.unit) * self.unit // WORD
        new = Object(words, old.flags)
        kept = min(words, len(old.words), size // WORD)
        new.words[:kept] = old.words[:kept]
        self.objects[p.value] = new
        assert list(self.words(p.value))[:kept] == new.words[:kept]
        self.words(p.value)[:] = new.words
        assert may_move or p.value == addr

    @precondition(lambda self: self.objects)
    @rule(data=st.data(), offset=st.integers(0, 200), index=st.integers(0))
    def link(self, data, offset, index):
        """Store a reference, or nearly one, in an object."""
        holder, target = self.pick(data), self.pick(data)
        index %= len(self.objects[holder].words)
        self.objects[holder].words[index] = target + offset // 4
        self.words(holder)[index] = target + offset // 4

    @rule(slot=st.integers(0, ROOTS - 1))
    def drop(self, slot):
        self.roots[slot] = None

    @rule(cut=st.integers(0, ROOTS))
    def collect_from_client_roots(self, cut):
        lib.mps_blk_mark_begin(self.pool)
        lib.mps_blk_mark(self.pool, self.roots, cut)
        lib.mps_blk_mark(self.pool, c.byref(self.roots, cut * WORD),
                         ROOTS - cut)
        self.collected(lib.mps_blk_mark_end(self.pool))

    @rule()
    def collect(self):
        freed = c.c_size_t()
        assert lib.mps_blk_collect(c.byref(freed), self.pool) == OK
        self.collected(freed.value)

    @rule(on=st.booleans())
    def auto(self, on):
        lib.mps_blk_auto_set(self.pool, on)

    @rule(size=st.one_of(st.integers(0, 5000), st.just(2**64 - 1)))
    def threshold(self, size):
        lib.mps_blk_threshold_set(self.pool, size)

    @rule(data=st.data(), depth=st.integers(1, 3))
    def lock(self, data, depth):
        """While locked nothing changes, and a free is reported."""
        p = c.c_void_p(7)
        for _ in range(depth):
            assert bool(lib.mps_blk_is_locked(self.pool)) == bool(_)
            lib.mps_blk_lock(self.pool)
        assert lib.mps_blk_alloc(c.byref(p), self.pool, 1, 0) == FAIL
        assert lib.mps_blk_collect(None, self.pool) == FAIL
        if self.objects:
            p.value = self.pick(data)
            assert lib.mps_blk_realloc(c.byref(p), self.pool, 1, 1) == FAIL
            lib.mps_blk_free(self.pool, p)
            self.reported(1)
        for _ in range(depth):
            assert lib.mps_blk_is_locked(self.pool)
            lib.mps_blk_unlock(self.pool)
        assert not lib.mps_blk_is_locked(self.pool)

    @precondition(lambda self: self.objects)
    @rule(data=st.data(), offset=st.integers(1, 5000))
    def misuse(self, data, offset):
        """Not the first address of an object: reported, and nothing else."""
        bad = self.pick(data) + offset
        while bad in self.objects:
            bad += 1
        assert lib.mps_blk_size(self.pool, bad) == 0
        lib.mps_blk_free(self.pool, bad)
        p = c.c_void_p(bad)
        assert lib.mps_blk_realloc(c.byref(p), self.pool, 10, 1) != OK
        assert p.value == bad
        self.reported(2)

    # What always holds

    @invariant()
    def nothing_is_reported(self):
        assert self.reports == 0

    @precondition(lambda self: self.pool)
    @invariant()
    def objects_are_as_they_should_be(self):
        base = c.c_void_p()
        for addr, o in self.objects.items():
            assert lib.mps_blk_size(self.pool, addr) == len(o.words) * WORD
            assert lib.mps_blk_flags(self.pool, addr) == o.flags
            assert list(self.words(addr)) == o.words
            last = addr + len(o.words) * WORD - 1
            assert lib.mps_blk_object(c.byref(base), self.pool, last)
            assert base.value == addr

    @precondition(lambda self: self.pool)
    @invariant()
    def the_pool_adds_up(self):
        seen, free = {}, []

        def visit(addr, size, state, flags, _):
            if state == HEAD:
                seen[addr] = size
            else:
                assert state == FREE
                free.append(size)

        lib.mps_blk_walk(self.pool, WALK(visit), None)
        sizes = {a: len(o.words) * WORD for a, o in self.objects.items()}
        assert seen == sizes
        info = self.info(True)
        assert info.objects == len(sizes)
        assert info.used == sum(sizes.values())
        assert info.free == sum(free) == info.total - info.used
        assert info.largest_free == max(free, default=0)
        assert info.largest_object == max(sizes.values(), default=0)
        assert lib.mps_blk_check(self.pool)


TestBlocks = Blocks.TestCase
TestBlocks.settings = settings(
    max_examples=150, stateful_step_count=50, deadline=None, database=None,
    print_blob=True, suppress_health_check=list(HealthCheck))
if lib is None:
    TestBlocks = pytest.mark.skip("no plain libmostly.so")(TestBlocks)
