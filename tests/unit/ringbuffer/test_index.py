"""The pure index, held against a model that is too simple to be wrong."""

from __future__ import annotations

from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from core.protocols import SegmentRow
from core.times import Ns
from ringbuffer.index import Index

KEEP_NS, KEEP_BYTES = 60, 40


def row(seq: int, start: int, end: int, keys: tuple[int, ...] = (), epoch: int = 0, size: int = 1) -> SegmentRow:
    """A segment; times in ns are small numbers here."""
    return SegmentRow(
        track="main",
        attempt=1,
        seq=seq,
        suffix="ts",
        epoch=epoch,
        start_ns=Ns(start),
        end_ns=Ns(end),
        keyframes_ns=tuple(Ns(t) for t in keys),
        bytes=size,
        crc32=0,
    )


@dataclass
class Model:
    """What a ring promises, in a list of rows and loops over every instant."""

    rows: list[SegmentRow] = field(default_factory=list)
    pins: dict[str, tuple[int, int]] = field(default_factory=dict)

    def shown(self, at: int) -> set[int]:
        """Segments it takes to show one instant: its keyframe's to its own; its own for sound; none without any."""
        needed: set[int] = set()
        for held in (r for r in self.rows if r.start_ns <= at < r.end_ns):
            epoch = [r for r in self.rows if r.epoch == held.epoch]
            first = [r.seq for r in epoch if any(t <= at for t in r.keyframes_ns)][-1:]
            if not any(r.keyframes_ns for r in epoch):
                first = [held.seq]
            needed |= {r.seq for r in epoch if first and first[0] <= r.seq <= held.seq}
        return needed

    def check_eviction(self, gone: list[SegmentRow]) -> None:
        """Nothing that a pin shows goes; without pins what goes is exactly what the limits say, oldest first."""
        pinned = {seq for start, end in self.pins.values() for at in range(start, end) for seq in self.shown(at)}
        assert not {r.seq for r in gone} & pinned
        if self.pins:
            return
        kept = [r for r in self.rows if r not in gone]
        assert self.rows == gone + kept, "younger footage went first"
        for number, last in enumerate(gone):
            newest = self.rows[-1].end_ns
            assert last.end_ns < newest - KEEP_NS or sum(r.bytes for r in self.rows[number:]) > KEEP_BYTES
        assert all(r.end_ns >= self.rows[-1].end_ns - KEEP_NS for r in kept)
        assert sum(r.bytes for r in kept) <= KEEP_BYTES


class Rings(RuleBasedStateMachine):
    """Segments come, pins come and go, eviction runs whenever it likes."""

    names: Bundle[str] = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.index, self.model = Index(), Model()
        self.seq = self.now = self.epoch = 0

    @rule(length=st.integers(1, 12), keys=st.lists(st.integers(0, 11), max_size=3), size=st.integers(1, 9))
    def close_segment(self, length: int, keys: list[int], size: int) -> None:
        """A segment of some length, with keyframes anywhere in it, or none."""
        times = tuple(sorted({self.now + k for k in keys if k < length}))
        new = row(self.seq, self.now, self.now + length, times, self.epoch, size)
        self.index.add(new)
        self.model.rows.append(new)
        self.seq, self.now = self.seq + 1, self.now + length

    @rule(hole=st.integers(0, 20))
    def begin_epoch(self, hole: int) -> None:
        """The stream breaks and comes back later."""
        self.epoch, self.now = self.epoch + 1, self.now + hole

    @rule(target=names, back=st.integers(0, 80), length=st.integers(1, 30), name=st.sampled_from("abc"))
    def pin(self, back: int, length: int, name: str) -> str:
        """A clip is promised; a pin may reach into the future."""
        start = max(0, self.now - back)
        self.index.pin(name, Ns(start), Ns(start + length))
        self.model.pins[name] = (start, start + length)
        return name

    @rule(name=names)
    def unpin(self, name: str) -> None:
        """A clip is done."""
        self.index.unpin(name)
        self.model.pins.pop(name, None)

    @rule()
    def evict(self) -> None:
        """What the plan says goes, and the plan after it is empty."""
        gone = [r for e in self.index.plan_eviction(keep_ns=Ns(KEEP_NS), keep_bytes=KEEP_BYTES) for r in e.rows]
        self.model.check_eviction(gone)
        self.index.remove(gone)
        self.model.rows = [r for r in self.model.rows if r not in gone]
        assert not self.index.plan_eviction(keep_ns=Ns(KEEP_NS), keep_bytes=KEEP_BYTES)

    @rule(at=st.integers(-5, 300))
    def look(self, at: int) -> None:
        """Where a read of an instant starts, and what it takes."""
        start = self.index.start_at(Ns(at))
        assert self.model.shown(at) <= {r.seq for r in self.index.needed_for(Ns(at), Ns(at + 1))}
        assert len({r.epoch for r in start.rows}) <= 1
        if start.keyframe_ns is not None:
            assert start.keyframe_ns in start.rows[0].keyframes_ns
            earlier = [t for r in start.rows for t in r.keyframes_ns if start.keyframe_ns < t <= at]
            assert not earlier

    @invariant()
    def same_footage(self) -> None:
        """Rows, span, bytes and keyframes are the model's."""
        rows = self.model.rows
        assert list(self.index.rows) == rows
        assert self.index.total_bytes == sum(r.bytes for r in rows)
        assert self.index.span() == ((rows[0].start_ns, rows[-1].end_ns) if rows else (0, 0))
        assert self.index.keyframes(Ns(0), Ns(10_000)) == [t for r in rows for t in r.keyframes_ns]


Rings.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestRings = Rings.TestCase


def test_a_time_in_a_hole_belongs_to_the_later_epoch() -> None:
    """A clip that starts where nothing was recorded starts with what came next."""
    index = Index([row(0, 0, 10, (0,), 0), row(1, 30, 40, (30,), 1)])
    assert [index.epoch_at(Ns(t)) for t in (-5, 0, 9, 10, 20, 35, 99)] == [0, 0, 0, 1, 1, 1, 1]
    assert index.start_at(Ns(20)).keyframe_ns == 30
    assert index.epoch_span(Ns(5)) == (0, 10)


def test_what_the_open_segment_shows_is_found_and_never_evicted() -> None:
    """It counts for reads, not for retention."""
    index = Index([row(0, 0, 10, (0,))])
    index.show_open(row(1, 10, 15, (12,)))
    assert index.span() == (0, 15)
    assert index.start_at(Ns(14)).keyframe_ns == 12
    [eviction] = index.plan_eviction(keep_ns=Ns(1), keep_bytes=0)
    assert [r.seq for r in eviction.rows] == [0]
    index.show_open(None)
    assert index.span() == (0, 10)


def test_reasons_say_why_footage_went() -> None:
    """First by age, then by size, oldest first; what a pin's GOP needs stays."""
    index = Index([row(n, n * 10, n * 10 + 10, (n * 10,), size=5) for n in range(10)])
    index.pin("clip", Ns(25), Ns(35))
    plan = index.plan_eviction(keep_ns=Ns(75), keep_bytes=30)
    assert [(e.reason, [r.seq for r in e.rows]) for e in plan] == [("age", [0, 1]), ("bytes", [4, 5])]


def test_a_pin_keeps_the_gop_it_starts_in() -> None:
    """A keyframe two segments before the pinned range is kept too, with all between."""
    index = Index([row(0, 0, 10, (0,)), row(1, 10, 20, (12,)), row(2, 20, 30), row(3, 30, 40), row(4, 40, 50, (40,))])
    index.pin("clip", Ns(33), Ns(36))
    [eviction] = index.plan_eviction(keep_ns=Ns(99), keep_bytes=0)
    assert [r.seq for r in eviction.rows] == [0, 4]
