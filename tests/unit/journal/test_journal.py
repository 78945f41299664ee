"""The journal keeps what it is told, exactly, across threads, restarts and damage."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import numpy as np
import pytest

from core.edits import EditDecision
from core.errors import JournalCorrupt, StorageError, UsageError
from core.ids import ClipId, MomentId, SessionId
from core.media import ChatMessage, Epoch, Gap
from core.moments import Event, Family, Moment, MomentState
from core.protocols import SegmentRow
from core.signals import SignalChunk
from core.times import Ns, ns
from daemon.journal import Journal
from ringbuffer import Ring, RingOptions
from tests.unit.ringbuffer.kit import MemoryLog, encode, epoch, load

SESSION = SessionId("s1")
EVENT = Event(
    kind="cheer",
    family=Family.AUDIO,
    start_ns=ns(1),
    end_ns=ns(2),
    peak_ns=Ns(1_500_000_001),
    llr=0.1 + 0.2,
    surprise_per_h=1e-9,
    quality=1.0,
    why="a crowd of ×12, “wow”",
    found_ns=ns(2.5),
    values={"dB": -3.25},
)
MOMENT = Moment(
    id=MomentId("m1"),
    state=MomentState.OPEN,
    start_ns=ns(1),
    end_ns=ns(9),
    anchor_ns=ns(2),
    p=0.7,
    bar=0.6,
    parts={"audio": 1.25},
    reasons=("loud",),
    decided_ns=ns(3),
    events=(EVENT,),
)
DECISION = EditDecision(
    clip=ClipId("c1"),
    revision=1,
    session=SESSION,
    start_ns=ns(1),
    end_ns=ns(9),
    title="Ace",
    score=0.7,
    reasons=("loud",),
    moment=MomentId("m1"),
    anchor_ns=ns(2),
)
RECORD = {"id": "c1", "revision": 1, "state": "provisional", "start_s": 1.0, "files": {"master": "m.mp4"}}


def row(seq: int, attempt: int = 1) -> SegmentRow:
    """A segment of two seconds."""
    return SegmentRow(
        track="main",
        attempt=attempt,
        seq=seq,
        suffix="ts",
        epoch=0,
        start_ns=ns(2 * seq),
        end_ns=ns(2 * seq + 2),
        keyframes_ns=(ns(2 * seq), Ns(ns(2 * seq) + 1)),
        bytes=1 << 40,
        crc32=0xFFFFFFFF,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal.open_or_create(path, session=SESSION) as opened:
        yield opened


def test_pages_that_were_written_are_not_kept_in_memory(journal: Journal) -> None:
    """Four megabytes of chat, as a stream of hours writes; SQLite by itself would hold two of them."""
    before = apsw.memory_used()
    for start in range(0, 4_000, 500):
        journal.add_chat([ChatMessage(t_ns=Ns(t), user="u", text="x" * 1_000) for t in range(start, start + 500)])
    assert apsw.memory_used() - before < 1_000_000
    assert sum(len(message.text) for message in journal.chat()) == 4_000_000


def test_what_is_written_is_read_again_after_a_restart(journal: Journal, path: Path) -> None:
    """Every kind of row comes back equal, floats and Unicode included."""
    chunk = SignalChunk(
        kind="audio.level",
        start_ns=ns(0),
        step_ns=ns(0.1),
        values=np.array([[0.1], [2e-30]], np.float32),
        columns=("db",),
    )
    points = SignalChunk(
        kind="cut",
        start_ns=ns(3),
        step_ns=0,
        values=np.array([[1, 2]], np.float32),
        columns=("a", "b"),
        times_ns=np.array([ns(3)], np.int64),
    )
    chat = ChatMessage(t_ns=ns(1), user="u", text="GG\x00 🎉", emotes=("Kappa",), kind="raid", n=40)
    attempt = journal.begin_attempt()
    journal.add_epoch(Epoch(number=0, start_ns=ns(0), reason="start", by="pdt", wall_ns=1_700_000_000_000_000_000))
    journal.add_segment(row(0))
    journal.add_gap(Gap(start_ns=ns(2), end_ns=ns(3), reason="http_404"))
    journal.add_signals([points, chunk])
    journal.add_chat([chat])
    journal.add_events([EVENT])
    journal.add_moment(MOMENT)
    journal.add_warning({"code": "w"})
    journal.add_shed("analysis", ns(1), ns(2))
    journal.set_meta("profile", {"name": "gaming"})
    journal.close()
    again = Journal.open(path)
    assert again.session == SESSION
    assert [e.wall_ns for e in again.epochs()] == [1_700_000_000_000_000_000]
    assert again.segments() == [row(0)]
    assert again.gaps() == [Gap(start_ns=ns(2), end_ns=ns(3), reason="http_404")]
    first, second = again.signals()
    assert (first.kind, second.kind) == ("audio.level", "cut")
    np.testing.assert_array_equal(first.values, chunk.values)
    np.testing.assert_array_equal(second.known_ns(), points.known_ns())
    assert list(again.chat()) == [chat]
    assert again.events() == [EVENT]
    assert again.moments() == [MOMENT]
    assert again.warnings() == [{"code": "w"}]
    assert again.sheds() == [("analysis", ns(1), ns(2))]
    assert again.meta("profile") == {"name": "gaming"}
    assert again.meta("nothing") is None
    assert again.begin_attempt() == attempt + 1
    again.close()


def test_a_moment_has_a_latest_state_and_a_history(journal: Journal) -> None:
    """Every state is kept for the audit."""
    later = replace(MOMENT, state=MomentState.CONFIRMED)
    for moment in (MOMENT, later):
        journal.add_moment(moment)
    assert journal.moments() == [later]
    assert journal.moment_history() == [MOMENT, later]


def test_evicted_segments_stay_for_the_audit_and_are_not_offered(journal: Journal, path: Path) -> None:
    """The ring sees what should be on disk; the row keeps the reason."""
    for seq in range(3):
        journal.add_segment(row(seq))
    journal.evict_segments([row(0), row(1)], reason="age")
    assert journal.segments() == [row(2)]
    assert journal.media_end_ns() == ns(6)
    with sqlite3.connect(path) as reader:
        assert reader.execute("SELECT evicted FROM segments ORDER BY seq").fetchall() == [("age",), ("age",), (None,)]
    reader.close()


def test_pins_are_replaced_by_name_and_let_go(journal: Journal) -> None:
    """A revised clip moves its pin."""
    journal.pin("c1", ns(1), ns(2))
    journal.pin("c1", ns(1), ns(3))
    assert journal.pins() == {"c1": (ns(1), ns(3))}
    journal.unpin("c1")
    journal.unpin("c1")
    assert journal.pins() == {}


def test_the_same_gap_told_again_is_one_gap(journal: Journal) -> None:
    """Recovery may be killed and begin again."""
    gap = Gap(start_ns=ns(2), end_ns=ns(3), reason="segment_lost")
    journal.add_gap(gap)
    journal.add_gap(gap)
    journal.add_gap(replace(gap, track="audio"))
    assert journal.gaps() == [gap, replace(gap, track="audio")]


def test_a_promised_clip_is_promised_until_it_is_cut(journal: Journal) -> None:
    """CLIP_OPEN durable: a restart has to cut it; CLIP_DONE carries its outbox row in the same transaction."""
    journal.open_clip(DECISION)
    assert journal.promised_clips() == [DECISION]
    assert journal.clips() == []
    journal.finish_clip(DECISION.clip, 1, RECORD)
    assert journal.promised_clips() == []
    assert journal.clip(DECISION.clip) == RECORD
    [row] = journal.outbox.waiting(most=10, most_chars=10_000)
    assert row.line == {"type": "clip", "session": journal.session, "t_s": 1.0, **RECORD}
    journal.outbox.tell_from(row.seq)
    assert journal.outbox.left == 0


def test_a_new_revision_is_a_new_promise(journal: Journal) -> None:
    """The finished file stays what it is until the new one is there; only the newest decision is owed."""
    second = replace(DECISION, revision=2, end_ns=ns(12))
    journal.open_clip(DECISION)
    journal.finish_clip(DECISION.clip, 1, RECORD)
    journal.open_clip(second)
    assert journal.promised_clips() == [second]
    assert journal.clip(DECISION.clip) == RECORD
    assert journal.finished_decisions() == {DECISION.clip: DECISION}
    journal.finish_clip(DECISION.clip, 2, {**RECORD, "revision": 2})
    assert journal.promised_clips() == []
    assert journal.finished_decisions() == {DECISION.clip: second}


def test_an_old_revision_that_finishes_late_does_not_keep_the_newer_promise(journal: Journal) -> None:
    """Revision 1 was being cut when revision 2 was decided."""
    second = replace(DECISION, revision=2)
    journal.open_clip(DECISION)
    journal.open_clip(second)
    journal.finish_clip(DECISION.clip, 1, RECORD)
    assert journal.promised_clips() == [second]


def test_a_withdrawn_clip_is_owed_no_more_and_told(journal: Journal) -> None:
    """Its record stays, with its state."""
    journal.open_clip(DECISION)
    journal.finish_clip(DECISION.clip, 1, RECORD)
    journal.withdraw_clip(DECISION.clip, "payoff_missing")
    assert [clip["state"] for clip in journal.clips()] == ["withdrawn"]
    assert journal.promised_clips() == []
    told = journal.outbox.waiting(most=10, most_chars=10_000)
    assert [row.line["state"] for row in told] == ["provisional", "withdrawn"]


def test_a_batch_is_all_or_nothing(journal: Journal, path: Path) -> None:
    """A crash in a step leaves no half of it; other threads wait for its end."""

    def dies() -> None:
        with journal.batch():
            journal.add_events([EVENT])
            journal.add_moment(MOMENT)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        dies()
    assert journal.events() == []
    assert journal.moments() == []
    with journal.batch(), journal.batch():
        journal.add_moment(MOMENT)
        with sqlite3.connect(path) as reader:
            assert reader.execute("SELECT count(*) FROM moments").fetchone() == (0,)
        reader.close()
    assert journal.moments() == [MOMENT]


def test_many_threads_write_at_once(journal: Journal) -> None:
    """Capture, analysis and the clip thread share one connection."""

    def work(first: int) -> None:
        for seq in range(first, first + 25):
            journal.add_segment(row(seq))
            with journal.batch():
                journal.add_events([EVENT])

    threads = [threading.Thread(target=work, args=(n * 25,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [r.seq for r in journal.segments()] == list(range(100))
    assert len(journal.events()) == 100


def test_an_unknown_session_is_a_usage_error(path: Path) -> None:
    """Nothing is made by looking."""
    with pytest.raises(UsageError):
        Journal.open(path)
    assert not path.exists()


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 3.51.3 a WAL reset could lose commits."""
    monkeypatch.setattr(apsw, "SQLITE_VERSION_NUMBER", 3_040_001)
    with pytest.raises(StorageError, match="SQLite"):
        Journal.open_or_create(path, session=SESSION)


def test_a_newer_schema_is_refused(journal: Journal, path: Path) -> None:
    """An old clipd must not write into a newer one's journal."""
    journal.close()
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StorageError, match="newer"):
        Journal.open_or_create(path, session=SESSION)


@pytest.mark.parametrize("damage", ["page", "header", "text"])
def test_a_damaged_journal_is_named_and_kept(damage: str, journal: Journal, path: Path) -> None:
    """Reading refuses it; the session's writer keeps it beside a new one, and says so."""
    for seq in range(400):
        journal.add_segment(row(seq))
    journal.close()
    data = bytearray(path.read_bytes())
    if damage == "page":
        data[4096 * 3 : 4096 * 5] = bytes(b ^ 0x5A for b in data[4096 * 3 : 4096 * 5])
    else:
        data[:100] = b"\0" * 100 if damage == "header" else (b"<html>" * 20)[:100]
    path.write_bytes(data)
    with pytest.raises(JournalCorrupt) as refused:
        Journal.open(path)
    assert "footage is there" in refused.value.remedy
    with Journal.open_or_create(path, session=SESSION) as again:
        assert again.rebuilt
        assert [warning["code"] for warning in again.warnings()] == ["journal_rebuilt"]
        assert again.segments() == []
    assert path.with_name("session.db.corrupt-1").read_bytes() == data


def test_a_damaged_journal_is_rebuilt_from_its_footage(path: Path) -> None:
    """The new journal goes on after the old attempts, and opening the ring brings segments, epochs and the end back."""
    folder, log = path.parent / "ring", MemoryLog()
    talk = load(encode(path.parent, "h264_aac"))
    ring = Ring.open(folder, log, RingOptions(segment_s=1), attempt=4)
    for number, at in enumerate((ns(0), ns(60))):
        moved = talk.moved(at)
        ring.begin_epoch(epoch(number, at), moved.tracks)
        for packet in moved.packets:
            ring.append(packet)
    ring.close()
    path.write_bytes(b"not a database, and long enough to be looked at" * 100)
    with Journal.open_or_create(path, session=SESSION) as journal:
        attempt = journal.begin_attempt()
        assert attempt == 5
        again = Ring.open(folder, journal, RingOptions(), attempt=attempt)
        assert {r.name for r in journal.segments()} == set(log.rows)
        assert [(e.number, e.start_ns) for e in journal.epochs()] == [(0, 0), (1, ns(60))]
        assert journal.media_end_ns() == again.recovered.end_ns == pytest.approx(ns(68), abs=ns(0.05))
        assert again.recovered.epoch == 1
        again.close()


def test_a_recovered_segment_does_not_move_the_arrival_time(journal: Journal) -> None:
    """The hole that a restart leaves is measured from when the media came, not from when it was found again."""
    journal.begin_attempt()
    assert journal.media_end_boottime_ns() is None
    journal.add_segment(row(0))
    closed_ns = journal.media_end_boottime_ns()
    assert closed_ns is not None
    journal.add_segment(replace(row(1), recovered=True))
    assert journal.media_end_boottime_ns() == closed_ns + ns(2)
