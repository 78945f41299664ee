"""Orders about clips at the desk: trims, cuts and other looks, promised, made once, and told under their ids."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.edits import EditDecision, RenderSpec
from core.errors import UsageError
from core.ids import ClipId, SessionId, clip_id, manual_clip_id
from core.moments import MomentState
from core.times import ns
from daemon.clips import ClipContext
from daemon.journal import Journal
from daemon.worker.desk import ClipDesk
from daemon.worker.desktools import DeskTools, NoPins
from daemon.worker.emitter import Emitter
from daemon.worker.ordered import Ordered, read_order
from daemon.worker.planner import ClipPlanner, Due
from telemetry import Metrics, SystemClock
from tests.unit.clips.conftest import footage, media_file, media_folder
from tests.unit.clips.footage import ListFootage
from tests.unit.worker.test_desk import Noted
from tests.unit.worker.test_planner import moment

__all__ = ["footage", "media_file", "media_folder"]
SESSION = SessionId("s1")


@dataclass
class Room:
    """A session's folder and what is made in it; `desk` begins another attempt on it."""

    tools: DeskTools
    told: io.StringIO

    def desk(self, *promised: Due) -> ClipDesk:
        journal = self.tools.journal
        desk = ClipDesk(self.tools, ClipPlanner(SESSION, journal.finished_decisions()))
        desk.start([*promised, *(Due(each, None, "final") for each in journal.promised_clips())])
        return desk

    def lines(self, kind: str) -> list[dict[str, Any]]:
        every = [json.loads(text) for text in self.told.getvalue().splitlines()]
        return [line for line in every if line["type"] == kind]

    def orders(self) -> list[tuple[str, str, int | None, str | None]]:
        """What was told of orders: id, state, revision, reason."""
        return [(each["id"], each["state"], each["revision"], each.get("reason")) for each in self.lines("order")]

    def clip(self, name: str) -> dict[str, Any]:
        record = self.tools.journal.clip(ClipId(name))
        assert record is not None
        return record


@pytest.fixture
def room(tmp_path: Path, footage: Callable[[str], ListFootage]) -> Iterator[Room]:
    clock, told = SystemClock(), io.StringIO()
    with Journal.open_or_create(tmp_path / "session.db", session=SESSION) as journal:
        journal.begin_attempt()
        tools = DeskTools(
            journal=journal,
            footage=footage("h264"),
            pins=NoPins(),
            emitter=Emitter(told, SESSION, clock),
            arrivals=None,
            clock=clock,
            metrics=Metrics(),
            spec=RenderSpec(),
            session_dir=tmp_path,
            out_dir=None,
            context=lambda *_: ClipContext(source="test"),
        )
        yield Room(tools, told)


CLIP = manual_clip_id(SESSION, ns(1.0), ns(3.0))


def cut(id: str = "j1", **more: Any) -> Any:
    return read_order("cut", {"order": id, "clip": CLIP, "start_s": 1.0, "end_s": 3.0, **more})


def trim(id: str, start_s: float, end_s: float, clip: str = CLIP, **more: Any) -> Any:
    return read_order("trim", {"order": id, "clip": clip, "start_s": start_s, "end_s": end_s, **more})


def test_a_trim_is_the_next_revision_with_that_span(room: Room) -> None:
    """To the frame, final, under the name that was given; the same order again, and the same cut again, is told and
    not made."""
    desk = room.desk()
    desk.order(cut(title="A goal"))
    desk.finish(ns(12))
    desk = room.desk()
    desk.order(trim("j2", 1.5, 4.0, title="Mine"))
    desk.finish(ns(12))
    desk = room.desk()
    desk.order(trim("j2", 1.5, 4.0))
    desk.order(cut("j3"))
    desk.finish(ns(12))
    assert room.orders() == [
        ("j1", "done", 1, None), ("j2", "done", 2, None), ("j2", "done", 2, None), ("j3", "done", 2, None),
    ]  # fmt: skip
    record = room.clip(CLIP)
    assert (record["revision"], record["state"], record["title"]) == (2, "final", "Mine")
    assert (record["start_s"], record["end_s"]) == (pytest.approx(1.5, abs=0.05), pytest.approx(4.0, abs=0.05))
    assert [path.name for path in (room.tools.session_dir / "clips" / CLIP).glob("r*")] == ["r2"]


def test_what_cannot_be_trimmed_stays_as_it_is(room: Room) -> None:
    """Outside the footage; a clip that is not there; a span that is none. Told with its reason, no promise left."""
    desk = room.desk()
    desk.order(cut())
    desk.finish(ns(12))
    desk = room.desk()
    desk.order(trim("j2", 100, 103))
    desk.order(trim("j3", 2, 1))
    desk.order(trim("j4", 1, 2, "c000000000009"))
    desk.order(read_order("cut", {"order": "j5", "clip": "c000000000009", "start_s": 1, "end_s": 2}))
    desk.finish(ns(12))
    assert {told[0]: (told[1], told[3]) for told in room.orders()} == {
        "j1": ("done", None), "j2": ("failed", "not_buffered"), "j3": ("failed", "usage_error"),
        "j4": ("failed", "unknown_clip"), "j5": ("failed", "bad_order"),
    }  # fmt: skip
    assert "Buffered now" in next(line["message"] for line in room.lines("order") if line["id"] == "j2")
    assert room.clip(CLIP)["revision"] == 1
    assert room.tools.journal.promised_clips() == []


def test_a_trim_that_fails_on_its_way_leaves_the_revision_before(
    room: Room, footage: Callable[[str], ListFootage]
) -> None:
    """The footage was there when it was promised, and is not when it is cut."""
    desk = room.desk()
    desk.order(cut())
    desk.finish(ns(12))
    desk, journal = room.desk(), room.tools.journal
    revision = journal.newest_revision(CLIP) + 1
    old = journal.decision(CLIP, 1)
    assert old is not None
    gone = replace(old, revision=revision, start_ns=ns(300), end_ns=ns(303))
    journal.open_clip(gone)
    Ordered(journal, room.tools.emitter).put("j2", {"clip": CLIP, "revision": revision, "state": "open"})
    desk.finish(ns(12))
    room.desk().finish(ns(12))
    assert room.orders()[-1] == ("j2", "failed", 2, "not_buffered")
    assert (room.clip(CLIP)["revision"], room.clip(CLIP)["state"]) == (1, "final")
    assert (journal.promised_clips(), journal.newest_revision(CLIP)) == ([], 1)
    assert journal.finished_decisions()[CLIP].end_ns == ns(3.0)


@pytest.mark.parametrize("killed", ["promised", "made"])
def test_a_promise_is_kept_by_the_next_attempt(room: Room, killed: str) -> None:
    """Killed after the promise: it is made, as exactly. Killed between the files and the word: it is told."""
    desk = room.desk()
    desk.order(cut())
    desk.finish(ns(12))
    journal = room.tools.journal
    ordered = Ordered(journal, room.tools.emitter)
    if killed == "promised":
        old = journal.decision(CLIP, 1)
        assert old is not None
        journal.open_clip(replace(old, revision=2, start_ns=ns(1.5)))
        ordered.put("j2", {"clip": CLIP, "revision": 2, "state": "open"})
    else:
        ordered.put("j2", {"clip": CLIP, "revision": 1, "state": "open"})
    room.desk().finish(ns(12))
    assert room.orders()[-1] == ("j2", "done", 2 if killed == "promised" else 1, None)
    if killed == "promised":
        assert room.clip(CLIP)["start_s"] == pytest.approx(1.5, abs=0.05)


def test_an_order_that_comes_while_earlier_ones_are_looked_at_is_made(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not taken for one of an attempt that has died, and told as done before it is: its clip comes first."""
    desk = room.desk()
    desk.order(cut())
    desk.finish(ns(12))
    journal, ordering = room.tools.journal, list[threading.Thread]()
    promised = journal.promised_clips

    def meanwhile() -> list[EditDecision]:
        found = promised()
        if threading.current_thread().name == "clips" and not ordering:
            ordering.append(threading.Thread(target=lambda: desk.order(trim("j2", 1.5, 2.5))))
            ordering[0].start()
            ordering[0].join()
        return found

    monkeypatch.setattr(journal, "promised_clips", meanwhile)
    desk = room.desk()
    desk.finish(ns(12))
    assert ordering
    told = [line for line in map(json.loads, room.told.getvalue().splitlines()) if line["type"] in ("clip", "order")]
    assert [(line["type"], line["revision"]) for line in told[-2:]] == [("clip", 2), ("order", 2)]
    assert room.orders() == [("j1", "done", 1, None), ("j2", "done", 2, None)]


def test_an_order_whose_worker_died_before_it_said_why_is_told_as_not_made(room: Room) -> None:
    """Its promise was taken back, its word was not said: never done, since the revision is not there."""
    ordered = Ordered(room.tools.journal, room.tools.emitter)
    ordered.put("j1", {"clip": CLIP, "revision": 1, "state": "open"})
    room.desk().finish(ns(12))
    desk = room.desk()
    desk.order(cut("j2"))
    desk.finish(ns(12))
    ordered.put("j3", {"clip": CLIP, "revision": 2, "state": "open"})
    room.desk().finish(ns(12))
    assert room.orders() == [
        ("j1", "failed", 1, "not_made"), ("j2", "done", 1, None), ("j3", "failed", 2, "not_made"),
    ]  # fmt: skip


def test_an_order_that_a_later_promise_covers_waits_for_it(room: Room) -> None:
    """Killed with two trims of one clip promised: the later one is made, and what was ordered before it is past."""
    desk = room.desk()
    desk.order(cut())
    desk.finish(ns(12))
    journal = room.tools.journal
    old, ordered = journal.decision(CLIP, 1), Ordered(journal, room.tools.emitter)
    assert old is not None
    for revision, start_s in ((2, 1.5), (3, 2.0)):
        journal.open_clip(replace(old, revision=revision, start_ns=ns(start_s)))
        ordered.put(f"j{revision}", {"clip": CLIP, "revision": revision, "state": "open"})
    room.desk().finish(ns(12))
    told = [line for line in map(json.loads, room.told.getvalue().splitlines()) if line["type"] in ("clip", "order")]
    assert [(line["id"], line["revision"], line["state"]) for line in told] == [
        (CLIP, 1, "final"), ("j1", 1, "done"), (CLIP, 3, "final"), ("j2", 2, "done"), ("j3", 3, "done"),
    ]  # fmt: skip


def test_a_trimmed_clip_is_a_persons(room: Room) -> None:
    """Its moment moves, ends and is withdrawn; the clip stays as it was trimmed, also in the next attempt."""
    found = moment(MomentState.PROVISIONAL, 1.0, 4.0)
    clip = clip_id(found.id)
    desk = room.desk()
    desk.moment(found)
    desk.advance(ns(8), ns(8))
    desk.finish(ns(12))
    assert room.clip(clip)["state"] == "provisional"
    desk = room.desk()
    desk.order(trim("j1", 2.0, 3.5, clip))
    desk.moment(moment(MomentState.CONFIRMED, 1.0, 6.0))
    desk.moment(moment(MomentState.WITHDRAWN, 1.0, 6.0))
    desk.finish(ns(12))
    after = room.desk()
    after.moment(moment(MomentState.FINAL, 1.0, 6.0))
    after.finish(ns(12))
    record = room.clip(clip)
    assert (record["revision"], record["state"]) == (2, "final")
    assert (record["start_s"], record["end_s"]) == (pytest.approx(2.0, abs=0.05), pytest.approx(3.5, abs=0.05))
    assert record["score"] == 0.8


def test_a_near_miss_is_cut_with_what_was_found_in_it(room: Room) -> None:
    """Its score, reasons and title; a title that was given goes before."""
    missed = moment(MomentState.REJECTED, 1.0, 3.0)
    room.tools.journal.add_moment(missed)
    desk = room.desk()
    desk.order(cut(moment=str(missed.id)))
    desk.finish(ns(12))
    record = room.clip(CLIP)
    assert (record["score"], record["reasons"]) == (0.8, ["Crowd roar", "Cut by hand"])
    assert record["title"] not in ("", "Manual cut")


def test_another_look_is_made_anew_and_stays(room: Room) -> None:
    """Formats that are there too; the style goes with later revisions. A format without a picture is told as such."""
    noted = Noted()
    room.tools = replace(room.tools, finisher=noted)
    desk = room.desk()
    desk.order(cut())
    desk.finish(ns(12))
    desk = room.desk()
    look = {"order": "j2", "clip": CLIP, "formats": ["vertical"], "layout": "fit", "captions": "off"}
    desk.order(read_order("render", look))
    desk.finish(ns(12))
    desk = room.desk()
    desk.order(read_order("render", look))
    desk.order(trim("j3", 1.5, 3.0))
    desk.finish(ns(12))
    assert noted.asked == [("vertical",), ("vertical",), ("vertical",)]
    assert [style.layout for style in noted.styles] == [None, "fit", "fit"]
    assert [told[:2] for told in room.orders()] == [("j1", "done"), ("j2", "done"), ("j2", "done"), ("j3", "done")]
    told = [(line["type"], line.get("state")) for line in map(json.loads, room.told.getvalue().splitlines())]
    assert told[-1] == ("order", "done")  # with all its files: whoever made it may go then
    assert ("render", "done") in told[-4:]


def test_what_is_no_order_is_refused(room: Room) -> None:
    """A layout or style that nobody knows, no id, no clip, an unknown kind."""
    good = {"order": "j1", "clip": "c1", "formats": ["square"], "layout": "fit"}
    assert read_order("render", good).style.layout == "fit"
    for kind, args in (
        ("render", good | {"layout": "oval"}), ("render", good | {"captions": 7}), ("render", good | {"order": "../x"}),
        ("trim", good), ("trim", {"clip": "c1"}), ("bake", good), ("cut", {"order": "j1", "clip": None}),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            read_order(kind, args)


def test_orders_that_are_over_are_forgotten_the_oldest_first(room: Room) -> None:
    """Those that are open are not."""
    ordered = Ordered(room.tools.journal, room.tools.emitter)
    ordered.put("first", {"clip": "c1", "revision": 1, "state": "open"})
    with room.tools.journal.batch():
        for number in range(300):
            ordered.put(f"j{number}", {"clip": "c1", "revision": 1, "state": "done"})
    assert ordered.known("j0") is None
    assert ordered.known("j299") is not None
    assert list(ordered.open(ClipId("c1"))) == ["first"]
