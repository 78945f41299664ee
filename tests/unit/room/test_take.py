"""What is left of a take on the disk: rows, files, and what the next attempt finds."""

from __future__ import annotations

import asyncio
import errno
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import StorageError
from daemon.rooms.take import read_take
from recorder.frames import EncodedFrame
from recorder.room.ledger import Ledger, read_ledger
from recorder.room.messages import Pid
from recorder.room.state import Person
from recorder.room.store import RoomStore
from recorder.room.take import AGAIN_MS, TakeKeeper
from tests.fakes import FakeClock
from tests.publisher import eventually

ANN = Pid("ann")


class PaperWriter:
    """A writer that only counts; it fails when it is told to."""

    def __init__(self, path: Path, failed: Callable[[OSError], None]) -> None:
        path.touch()
        self.path, self.failed, self.frames, self.closed = path, failed, 0, False
        self.start_room_ms: float | None = None
        self.dropped = Counter[str]()

    def put(self, frame: EncodedFrame) -> None:
        self.start_room_ms = self.start_room_ms or frame.room_ms
        self.frames += 1

    def close(self) -> None:
        self.closed = True


class Desk:
    """One take being kept on a clock of our own."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.clock = clock
        self.store = RoomStore.open(folder / "rm1", clock)
        self.writers: list[PaperWriter] = []
        self.troubles: list[str] = []

    def writer(self, path: Path, failed: Callable[[OSError], None]) -> PaperWriter:
        self.writers.append(PaperWriter(path, failed))
        return self.writers[-1]

    async def begin(self) -> TakeKeeper:
        return await TakeKeeper.begin(
            self.store, "t1", started_ms=self.store.now_ms(), session="s1", layout="grid", by="host",
            on_trouble=lambda code, _text: self.troubles.append(code), new_writer=self.writer,
        )  # fmt: skip

    async def resume(self, session: str = "s1") -> TakeKeeper | None:
        return await TakeKeeper.resume(
            self.store, "t1", session=session, on_trouble=lambda code, _text: self.troubles.append(code),
            new_writer=self.writer,
        )  # fmt: skip

    def rows(self, kind: str = "") -> list[dict[str, Any]]:
        rows = read_ledger(self.store.folder / "t1" / "take.jsonl")
        return [row for row in rows if not kind or row["type"] == kind]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, FakeClock())


def frame(at_ms: float, track: Any = "mic") -> EncodedFrame:
    return EncodedFrame(
        track=track, codec="opus", rtp=0, clock_rate=48_000, arrival_ns=0, room_ms=at_ms, is_keyframe=True, data=b"x"
    )


def later(desk: Desk, ms: float) -> float:
    desk.clock.advance(round(ms * 1e6))
    return desk.store.now_ms()


async def test_a_take_is_on_the_disk_before_anybody_is_told(desk: Desk) -> None:
    """Its ledger, and room.json, which names it until it has ended."""
    keeper = await desk.begin()
    assert [row["type"] for row in desk.rows()] == ["clock", "start"]
    assert json.loads((desk.store.folder / "room.json").read_text())["take"] == "t1"
    keeper.joined(Person(pid=ANN, name="Ann", role="guest", notice="f" * 64))
    keeper.media(0, 0, 12.5)
    await keeper.stop("asked", "host")
    assert [row["type"] for row in desk.rows()] == ["clock", "start", "join", "consent", "media", "stop"]
    assert desk.rows("media")[0]["room_ms"] == 12.5
    assert json.loads((desk.store.folder / "room.json").read_text())["take"] is None
    assert await desk.resume() is None


async def test_how_well_a_clock_is_known_stands_in_the_ledger(desk: Desk) -> None:
    """Half of the shortest round trip, told when it is better; what aligns takes reads the least."""
    keeper = await desk.begin()
    keeper.clocked(ANN, 8.0)  # not in the take yet
    keeper.joined(Person(pid=ANN, name="Ann", role="guest", notice="f" * 64))
    for rtt_ms in (40.0, 12.0, 60.0, 11.5):
        keeper.clocked(ANN, rtt_ms)
    await keeper.stop("asked", "host")
    assert [row["bound_ms"] for row in desk.rows("clock") if "pid" in row] == [20.0, 6.0]
    assert read_take(keeper.folder).bound_ms(ANN) == 6.0


async def test_holes_stand_in_the_ledger_with_their_reasons(desk: Desk) -> None:
    """A screen that is not shared is no hole; a second connection is a second file."""
    keeper = await desk.begin()
    now_ms = desk.store.now_ms()
    for track in ("mic", "screen"):
        keeper.put(ANN, 1, frame(now_ms, track))
        keeper.put(ANN, 1, frame(now_ms + 4000, track))
    keeper.muted(ANN, "mic", on=False, by=ANN)
    keeper.put(ANN, 1, frame(now_ms + 9000))
    desk.writers[0].dropped["disk_slow"] = 7
    keeper.close_person(ANN)
    keeper.put(ANN, 1, frame(now_ms + 9020))
    keeper.put(ANN, 1, frame(now_ms - 5))
    await keeper.stop("asked", "host")
    assert [row["frames"] for row in desk.rows("gap") if row["reason"] == "disk_slow"] == [7]
    holes = [row for row in desk.rows("gap") if row["reason"] != "disk_slow"]
    assert [(row["reason"], row["from_ms"] - now_ms) for row in holes] == [
        ("no_packets", pytest.approx(0, abs=1)), ("muted", pytest.approx(4000, abs=1)),
    ]  # fmt: skip
    assert [(row["track"], row["file"]) for row in desk.rows("track")] == [
        ("mic", "ann/mic/backup-1.mkv"), ("screen", "ann/screen/backup-1.mkv"), ("mic", "ann/mic/backup-2.mkv"),
    ]  # fmt: skip
    assert [writer.frames for writer in desk.writers] == [3, 2, 1]
    assert all(writer.closed for writer in desk.writers)


async def test_who_was_not_heard_to_the_end_has_a_hole_there(desk: Desk) -> None:
    """A connection that was lost and did not come back; who has left has none, unless they came again."""
    keeper = await desk.begin()
    now_ms = desk.store.now_ms()
    for pid in (ANN, Pid("ben"), Pid("cem")):
        keeper.put(pid, 1, frame(now_ms))
    for pid in (Pid("ben"), Pid("cem")):
        keeper.note("leave", pid=pid, reason="left")
    keeper.put(Pid("cem"), 2, frame(now_ms + 59_900))
    keeper.close_person(ANN)
    keeper.stop_ms = now_ms + 60_000
    await keeper.stop("asked", "host")
    holes = [(row["pid"], row["reason"], row["from_ms"] - now_ms, row["to_ms"] - now_ms) for row in desk.rows("gap")]
    assert holes == [
        ("cem", "no_packets", pytest.approx(0, abs=1), pytest.approx(59_900, abs=1)),
        (ANN, "no_packets", pytest.approx(0, abs=1), pytest.approx(60_000, abs=1)),
    ]


async def test_a_full_disk_ends_a_backup_and_not_the_take(desk: Desk) -> None:
    """The host is told, the hole is noted, and it is tried again after five seconds."""
    keeper = await desk.begin()
    keeper.put(ANN, 1, frame(desk.store.now_ms()))
    desk.writers[0].failed(OSError(errno.ENOSPC, "full"))
    await eventually(lambda: desk.troubles == ["disk_full"])
    keeper.put(ANN, 1, frame(later(desk, 100)))
    assert len(desk.writers) == 1
    keeper.put(ANN, 1, frame(later(desk, AGAIN_MS)))
    assert desk.writers[1].path.name == "backup-2.mkv"
    await keeper.stop("asked", "host")
    assert desk.rows("gap")[0]["reason"] == "disk_full"


async def test_a_ledger_that_cannot_be_written_keeps_its_rows(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are written when there is room; a take does not begin without."""
    full = True
    real = Ledger._write

    def write(ledger: Ledger) -> bool:
        if full:
            ledger._on_failed(OSError(errno.ENOSPC, "full"))
            return False
        return real(ledger)

    monkeypatch.setattr(Ledger, "_write", write)
    with pytest.raises(StorageError) as refused:
        await desk.begin()
    assert refused.value.code == "disk_full"
    full = False
    keeper = await desk.begin()
    full = True
    assert not await keeper.note("mark", text="a")
    full = False
    assert await keeper.note("mark", text="b")
    await keeper.stop("asked", "host")
    assert [row["text"] for row in desk.rows("mark")] == ["a", "b"]


async def test_the_end_of_a_take_is_written_when_the_disk_takes_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the next attempt would go on with it."""
    keeper = await desk.begin()
    monkeypatch.setattr("recorder.room.take.AGAIN_MS", 20)
    real, full = Ledger._write, True
    monkeypatch.setattr(Ledger, "_write", lambda ledger: not full and real(ledger))
    ending = asyncio.create_task(keeper.stop("asked", "host"))
    await asyncio.wait({ending}, timeout=0.1)
    assert not ending.done()
    assert desk.store.facts.take == "t1"
    full = False
    await ending
    assert desk.rows()[-1]["type"] == "stop"
    assert RoomStore.open(desk.store.folder, desk.clock).facts.take is None


async def test_the_next_attempt_goes_on_where_a_kill_struck(desk: Desk, tmp_path: Path) -> None:
    """A torn row is cut off; the clock goes on; another session's take is not gone on with."""
    keeper = await desk.begin()
    keeper.joined(Person(pid=ANN, name="Ann", role="guest"))
    await keeper.leave()
    with (desk.store.folder / "t1" / "take.jsonl").open("ab") as file:
        file.write(b'{"type": "mark", "ro')
    killed_ms = later(desk, 5000)
    again = Desk(tmp_path, desk.clock)
    assert again.store.now_ms() == killed_ms
    assert (again.store.continued, again.store.facts.take) == (True, "t1")
    assert await again.resume(session="s2") is None
    resumed = await again.resume()
    assert resumed is not None
    assert resumed.people == {ANN: {"pid": "ann", "name": "Ann", "role": "guest"}}
    await resumed.stop("asked", "host")
    assert [row["type"] for row in again.rows()] == ["clock", "start", "join", "consent", "clock", "gap", "stop"]
    [hole] = again.rows("gap")
    assert (hole["reason"], hole["session"]) == ("worker_restart", "s1")
    assert hole["from_ms"] < hole["room_ms"] == pytest.approx(killed_ms, abs=1)


async def test_room_time_goes_on_after_a_reboot_and_never_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the wall clock, which may have been set back meanwhile."""
    before_ms = later(desk, 60_000)
    desk.store.save()
    monkeypatch.setattr("recorder.room.store._boot_id", lambda: "another")
    desk.clock.advance(10_000_000_000)
    store = RoomStore.open(desk.store.folder, desk.clock)
    assert not store.continued
    assert store.now_ms() >= before_ms


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"epoch": 3}', '{"epoch": {"boottime_ns": "x"}, "admitted": [3, "../x"]}']
)
def test_a_damaged_room_file_is_a_room_that_begins_anew(tmp_path: Path, text: str) -> None:
    """With nobody known."""
    (tmp_path / "rm1").mkdir()
    (tmp_path / "rm1" / "room.json").write_text(text)
    store = RoomStore.open(tmp_path / "rm1", FakeClock())
    assert store.facts.admitted == []
    assert store.facts.take is None


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """With a remedy."""
    (tmp_path / "rm1").write_text("no folder")
    with pytest.raises(StorageError):
        await asyncio.to_thread(RoomStore.open, tmp_path / "rm1", FakeClock())
