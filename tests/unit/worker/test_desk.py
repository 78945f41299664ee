"""The clip thread and what is cut by hand beside it, on real footage."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from core.edits import EditDecision, RenderSpec
from core.errors import CutRefused, UsageError
from core.ids import ClipId, MomentId, SessionId
from core.media import Packet
from core.times import Ns, ns
from daemon.clips import ClipContext
from daemon.finish import Finished, Style
from daemon.journal import Journal
from daemon.worker.desk import ClipDesk
from daemon.worker.desktools import DeskTools, NoPins
from daemon.worker.emitter import Emitter
from daemon.worker.handcuts import MOST_WAITING, NICENESS, HandCuts
from daemon.worker.ordered import Ordered, read_order
from daemon.worker.planner import ClipPlanner, Due
from telemetry import Metrics, SystemClock
from tests.unit.clips.conftest import footage, media_file, media_folder
from tests.unit.clips.footage import ListFootage

__all__ = ["footage", "media_file", "media_folder"]
SESSION = SessionId("s20260101t000000-abcdef")
WAIT_S = 120


@dataclass
class SlowByHand(ListFootage):
    """Footage that a cut by hand cannot read until it is let go."""

    asked: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    nice: list[int] = field(default_factory=list)

    def read(self, start_ns: Ns, end_ns: Ns) -> Iterator[Packet]:
        if threading.current_thread().name.startswith("hand-cuts"):
            self.nice.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            self.asked.set()
            assert self.go.wait(WAIT_S)
        return super().read(start_ns, end_ns)


class Told(io.StringIO):
    """The session's lines; says when a clip's is there."""

    def __init__(self) -> None:
        super().__init__()
        self.clip = threading.Event()

    def write(self, text: str) -> int:
        if '"type": "clip"' in text:
            self.clip.set()
        return super().write(text)


def decision(name: str, start_s: float, end_s: float) -> EditDecision:
    return EditDecision(
        clip=ClipId(name),
        moment=MomentId("m1"),
        revision=1,
        session=SESSION,
        start_ns=ns(start_s),
        end_ns=ns(end_s),
        title="A moment",
        score=1.0,
        reasons=(),
    )


@pytest.fixture
def slow(footage: Callable[[str], ListFootage]) -> SlowByHand:
    found = footage("h264")
    return SlowByHand(**{name: getattr(found, name) for name in ListFootage.__dataclass_fields__})


@pytest.fixture
def tools(tmp_path: Path, slow: SlowByHand) -> Iterator[DeskTools]:
    clock = SystemClock()
    with Journal.open_or_create(tmp_path / "session.db", session=SESSION) as journal:
        yield DeskTools(
            journal=journal,
            footage=slow,
            pins=NoPins(),
            emitter=Emitter(Told(), SESSION, clock),
            arrivals=None,
            clock=clock,
            metrics=Metrics(),
            spec=RenderSpec(),
            session_dir=tmp_path,
            out_dir=None,
            context=lambda *_: ClipContext(source="test"),
        )


def desk_of(tools: DeskTools) -> ClipDesk:
    return ClipDesk(tools, ClipPlanner(SESSION, {}, lambda *_: []))


def test_a_master_does_not_wait_for_an_exact_cut_by_hand(tools: DeskTools, slow: SlowByHand) -> None:
    """The cut by hand stands still in the middle; the master is made and told of all the same."""
    told = Told()
    desk = desk_of(replace(tools, emitter=Emitter(told, SESSION, tools.clock)))
    by_hand = desk.cut(decision("c000000000001", 1.2, 3.7), RenderSpec(cut="exact"))
    assert slow.asked.wait(WAIT_S)
    master = decision("c000000000002", 4.0, 8.0)
    tools.journal.open_clip(master)
    desk.start([Due(master, None, "provisional")])
    assert told.clip.wait(WAIT_S)
    assert not by_hand.done()
    assert "c000000000002" in told.getvalue()
    slow.go.set()
    record = by_hand.result(WAIT_S)
    assert Path(record["files"]["master"]).stat().st_size > 1000
    desk.finish(ns(12))
    assert [clip["id"] for clip in tools.journal.clips()] == ["c000000000001", "c000000000002"]
    assert min(slow.nice) >= NICENESS > 0  # masters and capture go first


def test_a_cut_that_was_asked_for_is_made_before_the_session_ends(tools: DeskTools, slow: SlowByHand) -> None:
    """Also without renders; what comes after is refused."""
    desk = desk_of(tools)
    desk.start([])
    by_hand = desk.cut(decision("c000000000001", 1.2, 3.7), RenderSpec(cut="exact"))
    slow.go.set()
    desk.finish(ns(12))
    assert by_hand.result(0)["id"] == "c000000000001"
    with pytest.raises(CutRefused) as caught:
        desk.cut(decision("c000000000002", 1.2, 3.7), RenderSpec(cut="exact"))
    assert caught.value.code == "session_ended"


def test_a_refused_cut_says_why_and_leaves_no_promise(tools: DeskTools, slow: SlowByHand) -> None:
    desk = desk_of(tools)
    desk.start([])
    slow.go.set()
    by_hand = desk.cut(decision("c000000000001", 100, 103), RenderSpec(cut="exact"))
    with pytest.raises(CutRefused):
        by_hand.result(WAIT_S)
    desk.finish(ns(12))
    assert tools.journal.promised_clips() == []


def test_no_more_cuts_wait_than_a_person_asks_for() -> None:
    cuts, go = HandCuts(), threading.Event()
    waiting: list[Any] = [cuts.put(lambda: go.wait(WAIT_S)) for _ in range(MOST_WAITING)]
    with pytest.raises(CutRefused) as caught:
        cuts.put(lambda: True)
    assert caught.value.code == "too_many_cuts"
    go.set()
    assert all(one.result(WAIT_S) for one in waiting)
    assert cuts.put(lambda: True).result(WAIT_S)
    cuts.close()


@dataclass
class Noted:
    """A Finisher that notes what it is asked for."""

    formats: tuple[str, ...] = ("vertical",)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    styles: list[Style] = field(default_factory=list)

    def __call__(
        self,
        folder: Path,
        formats: tuple[str, ...],
        style: Style,
        progress: Callable[[float], None],
        cancelled: threading.Event,
    ) -> Finished:
        self.asked.append(formats)
        self.styles.append(style)
        return Finished(files=dict.fromkeys(formats, folder / "master.mp4"), section={})


def test_more_formats_of_a_clip_are_made_once_also_by_the_next_attempt(tools: DeskTools, slow: SlowByHand) -> None:
    """Those that are there are not made again; what an attempt was told and did not do, the next one does."""
    slow.go.set()
    noted = Noted()
    tools = replace(tools, finisher=noted)
    desk = desk_of(tools)
    clip = ClipId("c000000000001")
    desk.start([])
    desk.cut(decision(clip, 1.2, 3.7), RenderSpec(cut="exact")).result(WAIT_S)
    desk.finish(ns(12))
    assert noted.asked == [("vertical",)]
    again = desk_of(tools)
    again.start([])
    again.order(read_order("render", {"clip": clip, "formats": ["square", "vertical"]}))
    again.order(read_order("render", {"clip": clip, "formats": ["square"]}))
    again.finish(ns(12))
    record = tools.journal.clip(clip)
    assert record is not None
    assert {"vertical", "square"} <= set(record["files"])
    assert set(noted.asked[1:]) == {("square",)}
    Ordered(tools.journal, tools.emitter).add(read_order("render", {"clip": clip, "formats": ["tiktok"]}))
    third = desk_of(tools)
    third.start([])
    third.finish(ns(12))
    assert noted.asked[-1] == ("tiktok",)


def test_an_order_that_is_none_is_refused(tools: DeskTools) -> None:
    """A clip that is no id, a format that nobody knows; and where only masters are made."""
    for args in (
        {},
        {"clip": "../x", "formats": []},
        {"clip": "c1", "formats": "square"},
        {"clip": "c1", "formats": ["oval"]},
    ):
        with pytest.raises(UsageError):
            read_order("render", args)
    read = read_order("render", {"clip": "c1", "formats": ["square"]})
    assert (read.clip, read.formats, read.id) == ("c1", ("square",), "")
    desk = desk_of(tools)
    with pytest.raises(UsageError) as said:
        desk.order(read)
    assert said.value.code == "no_formats"
