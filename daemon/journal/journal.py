"""What a session knows, on disk: segments, gaps, signals, chat, words, events, moments, decisions, clips, outbox.

One writer (the holder of the session's lock), many threads. Every call is durable when it returns, or when the batch
around it ends. The names follow the tables in schema.py.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from core.edits import EditDecision
from core.errors import JournalCorrupt, UsageError
from core.game import GameEvent
from core.ids import ClipId, SessionId
from core.media import SPEECH_TRACK, ChatMessage, Epoch, Gap
from core.moments import Event, Moment
from core.protocols import SegmentRow
from core.signals import SignalChunk
from core.times import FOREVER_NS, Ns, ns
from core.words import Committed, Word
from daemon.journal import codec
from daemon.journal.outbox import Outbox
from daemon.journal.store import Store
from ringbuffer import newest_attempt

LONGEST_WORD_NS: Final = ns(60)  # a term of several words is one, and none is nearly as long
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Journal:
    """Open it with `open` or `open_or_create`; use it as a context manager."""

    def __init__(self, store: Store, session: SessionId, *, rebuilt: bool = False) -> None:
        self._store = store
        self.session = session
        self.rebuilt = rebuilt  # a damaged file was set aside and this one started empty
        self._attempt = 0
        self.outbox = Outbox(store, lambda: self._attempt)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Journal:
        """A session that exists. Raises UsageError when it does not, JournalCorrupt when it is damaged."""
        if not path.exists():
            raise UsageError(f"No session at {path.parent}", remedy="List the folder `sessions` of the data folder.")
        store = Store(path, read_only=read_only)
        found = store.rows("SELECT value FROM meta WHERE key='session'")
        if not found:
            store.close()
            raise JournalCorrupt(f"{path} names no session", remedy="Start the session again to rebuild it.")
        return cls(store, SessionId(json.loads(found[0][0])))

    @classmethod
    def open_or_create(cls, path: Path, *, session: SessionId) -> Journal:
        """For the session's writer. A damaged file is kept as `session.db.corrupt-<n>` and a new one started."""
        rebuilt = False
        try:
            store = Store(path)
        except JournalCorrupt:
            _set_aside(path)
            store, rebuilt = Store(path), True
        journal = cls(store, session, rebuilt=rebuilt)
        journal.set_meta("session", session)
        if rebuilt:
            journal._take_up(path.parent / "ring")
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Checkpoint and close."""
        self._store.close()

    def batch(self) -> contextlib.AbstractContextManager[None]:
        """Group writes of this thread in one transaction; other threads wait."""
        return self._store.batch()

    def _take_up(self, ring: Path) -> None:
        """Go on after the attempts whose segments are there; opening the ring adopts them and their epochs."""
        with self.batch():
            self._store.write("INSERT OR IGNORE INTO attempts VALUES(?,'unknown',0)", (newest_attempt(ring),))
            self.add_warning(
                {
                    "code": "journal_rebuilt",
                    "message": "The session's journal was damaged: a new one was started from the footage",
                    "remedy": "Clips and moments of before are in session.db.corrupt-<n>, kept beside it.",
                }
            )

    # -- the session ------------------------------------------------------------------------------------------------

    def meta(self, key: str) -> Any:
        """A fact about the session, or None."""
        found = self._store.rows("SELECT value FROM meta WHERE key=?", (key,))
        return json.loads(found[0][0]) if found else None

    def set_meta(self, key: str, value: Any) -> None:
        """Replace a fact."""
        self._store.write("INSERT OR REPLACE INTO meta VALUES(?,?)", (key, codec.dump(value)))

    def begin_attempt(self) -> int:
        """Number of this worker run, from 1. Rows written from now on carry it."""
        with self.batch():
            ((last,),) = self._store.rows("SELECT coalesce(max(number),0) FROM attempts")
            self._attempt = last + 1
            self._store.write("INSERT INTO attempts VALUES(?,?,?)", (self._attempt, _boot_id(), _boottime_ns()))
        return self._attempt

    def forget_analysis(self) -> None:
        """Before a recording is read again from its start: what analysis wrote goes, clips and decisions stay."""
        with self.batch():
            for table in ("epochs", "gaps", "signals", "chat", "words", "game", "events", "moments", "sheds"):
                self._store.write(f"DELETE FROM {table}")

    def add_warning(self, warning: dict[str, Any]) -> None:
        """Something the user was told: {code, message, remedy}."""
        self._store.write("INSERT INTO warnings(attempt,body) VALUES(?,?)", (self._attempt, codec.dump(warning)))

    def warnings(self) -> list[dict[str, Any]]:
        """In order."""
        return [json.loads(body) for (body,) in self._store.rows("SELECT body FROM warnings ORDER BY id")]

    def add_shed(self, stage: str, start_ns: Ns, end_ns: Ns) -> None:
        """Media that was recorded but not analysed."""
        self._store.write(
            "INSERT INTO sheds(attempt,stage,start_ns,end_ns) VALUES(?,?,?,?)", (self._attempt, stage, start_ns, end_ns)
        )

    def sheds(self) -> list[tuple[str, Ns, Ns]]:
        """(stage, start, end), in order."""
        rows = self._store.rows("SELECT stage,start_ns,end_ns FROM sheds ORDER BY id")
        return [(stage, Ns(start), Ns(end)) for stage, start, end in rows]

    # -- media ------------------------------------------------------------------------------------------------------

    def add_epoch(self, epoch: Epoch) -> None:
        """Before its first packet is written."""
        self._store.write(
            "INSERT OR REPLACE INTO epochs VALUES(?,?,?,?,?,?)",
            (epoch.number, self._attempt, epoch.start_ns, epoch.reason, epoch.by, epoch.wall_ns),
        )

    def epochs(self) -> list[Epoch]:
        """By number."""
        rows = self._store.rows("SELECT number,start_ns,reason,by,wall_ns FROM epochs ORDER BY number")
        return [
            Epoch(number=number, start_ns=Ns(start), reason=reason, by=by, wall_ns=wall)
            for number, start, reason, by, wall in rows
        ]

    def add_gap(self, gap: Gap) -> None:
        """Into the ledger, once: a recovery that was cut short tells the same again."""
        values = (gap.start_ns, gap.end_ns, gap.reason, gap.track)
        self._store.write(
            "INSERT INTO gaps(attempt,start_ns,end_ns,reason,track) SELECT ?,?,?,?,? WHERE NOT EXISTS"
            " (SELECT 1 FROM gaps WHERE start_ns=? AND end_ns=? AND reason=? AND track=?)",
            (self._attempt, *values, *values),
        )

    def gaps(self) -> list[Gap]:
        """Holes in the footage, by time."""
        return self._gaps("track<>?")

    def word_count(self) -> int:
        """How many final words there are."""
        ((count,),) = self._store.rows("SELECT count(*) FROM words") if self._store.version > 1 else [(0,)]
        return int(count)

    def speech_gaps(self) -> list[Gap]:
        """Speech that was recorded but not transcribed (track `speech`), by time."""
        return self._gaps("track=?")

    def _gaps(self, which: str) -> list[Gap]:
        rows = self._store.rows(
            f"SELECT start_ns,end_ns,reason,track FROM gaps WHERE {which} ORDER BY start_ns,id", (SPEECH_TRACK,)
        )
        return [Gap(start_ns=Ns(a), end_ns=Ns(b), reason=reason, track=track) for a, b, reason, track in rows]

    def add_segment(self, row: SegmentRow) -> None:
        """After its file is durable under its name. A recovered one may be all that is left of its epoch."""
        with self.batch():
            self._store.write(
                "INSERT OR REPLACE INTO segments VALUES(?,?,?,?,?,?,?,?,?,?,?,NULL,?)",
                (*codec.segment_values(row), _boottime_ns()),
            )
            if row.recovered:
                self._store.write(
                    "INSERT OR IGNORE INTO epochs VALUES(?,?,?,'rebuilt','source',NULL)",
                    (row.epoch, row.attempt, row.start_ns),
                )

    def evict_segments(self, rows: Sequence[SegmentRow], *, reason: str) -> None:
        """The rows stay, for the audit; `segments` no longer names them."""
        self._store.write_many(
            "UPDATE segments SET evicted=? WHERE track=? AND attempt=? AND seq=?",
            [(reason, row.track, row.attempt, row.seq) for row in rows],
        )

    def segments(self) -> list[SegmentRow]:
        """Those that should be on disk, in the order of writing."""
        rows = self._store.rows(
            "SELECT track,attempt,seq,suffix,epoch,start_ns,end_ns,keyframes,bytes,crc32,recovered FROM segments"
            " WHERE evicted IS NULL ORDER BY track,attempt,seq"
        )
        return [codec.segment_of(row) for row in rows]

    def media_end_ns(self) -> Ns:
        """How far the session's media has come, by its segments, epochs, gaps and signals."""
        ((end,),) = self._store.rows(
            "SELECT max(coalesce((SELECT max(end_ns) FROM segments),0), coalesce((SELECT max(start_ns) FROM epochs),0),"
            " coalesce((SELECT max(end_ns) FROM gaps WHERE track<>?),0),"
            " coalesce((SELECT max(end_ns) FROM signals),0))",
            (SPEECH_TRACK,),
        )
        return Ns(end)

    def media_end_boottime_ns(self) -> int | None:
        """CLOCK_BOOTTIME at the end of the last segment; None after a reboot, or without segments.

        A recovered segment was journaled long after it was written: its time is that of the one before plus its media.
        """
        rows = self._store.rows(
            "SELECT s.boottime_ns + (SELECT max(end_ns) FROM segments) - s.end_ns FROM segments s"
            " JOIN attempts a ON a.number=s.attempt WHERE a.boot_id=? AND NOT s.recovered"
            " ORDER BY s.attempt DESC, s.seq DESC LIMIT 1",
            (_boot_id(),),
        )
        return int(rows[0][0]) if rows else None

    def pin(self, name: str, start_ns: Ns, end_ns: Ns) -> None:
        """Keep footage from eviction, across restarts."""
        self._store.write("INSERT OR REPLACE INTO pins VALUES(?,?,?)", (name, start_ns, end_ns))

    def unpin(self, name: str) -> None:
        """Let it go; unknown names are fine."""
        self._store.write("DELETE FROM pins WHERE name=?", (name,))

    def pins(self) -> dict[str, tuple[Ns, Ns]]:
        """By name."""
        rows = self._store.rows("SELECT name,start_ns,end_ns FROM pins")
        return {name: (Ns(start), Ns(end)) for name, start, end in rows}

    # -- what analysis found ----------------------------------------------------------------------------------------

    def add_signals(self, chunks: Sequence[SignalChunk]) -> None:
        """One step's, in the order they were fed to the engine."""
        self._store.write_many(
            "INSERT INTO signals(attempt,start_ns,end_ns,kind,step_ns,columns,data,times) VALUES(?,?,?,?,?,?,?,?)",
            [(self._attempt, *row) for row in codec.signal_rows(chunks)],
        )

    def signals(self, since_ns: Ns = Ns(0)) -> Iterator[SignalChunk]:
        """Each kind in order, from the step that ends after a time on; what follows each other comes as one chunk."""
        rows = self._store.rows(
            "SELECT start_ns,end_ns,kind,step_ns,columns,data,times FROM signals WHERE end_ns>=? ORDER BY end_ns,id",
            (since_ns,),
        )
        return codec.signals_of(rows)

    def add_chat(self, messages: Sequence[ChatMessage]) -> None:
        """As the engine heard them."""
        self._store.write_many(
            "INSERT INTO chat(attempt,t_ns,user,text,emotes,kind,n) VALUES(?,?,?,?,?,?,?)",
            [(self._attempt, *codec.chat_row(message)) for message in messages],
        )

    def chat(self, since_ns: Ns = Ns(0)) -> Iterator[ChatMessage]:
        """Messages from a time on, in order."""
        rows = self._store.rows(
            "SELECT t_ns,user,text,emotes,kind,n FROM chat WHERE t_ns>=? ORDER BY t_ns,id", (since_ns,)
        )
        return (codec.chat_of(row) for row in rows)

    def add_game(self, events: Sequence[GameEvent]) -> None:
        """As the engine was told."""
        self._store.write_many(
            "INSERT INTO game(attempt,known_ns,body) VALUES(?,?,?)",
            [(self._attempt, event.known_ns, codec.game_text(event)) for event in events],
        )

    def game(self, since_ns: Ns = Ns(0)) -> Iterator[GameEvent]:
        """What became known from a time on, in that order; nothing in a journal of before there were HUDs."""
        if self._store.version < 4:
            return iter(())
        rows = self._store.rows("SELECT body FROM game WHERE known_ns>=? ORDER BY known_ns,id", (since_ns,))
        return (codec.game_of(body) for (body,) in rows)

    def add_words(self, commits: Sequence[Committed]) -> None:
        """Every word of every commit; a commit without words leaves nothing."""
        self._store.write_many(
            "INSERT INTO words(attempt,seq,start_ns,end_ns,text,prob,vad,epoch,language,reason,known_ns)"
            " VALUES(?,?,?,?,?,?,?,?,?,?,?)",
            [(self._attempt, *row) for commit in commits for row in codec.word_rows(commit)],
        )

    def committed(self, since_ns: Ns = Ns(0)) -> Iterator[Committed]:
        """Commits that became known from a time on, in that order."""
        return codec.commits_of(self._words("known_ns>=? ORDER BY known_ns,attempt,seq,id", since_ns))

    def words(self, start_ns: Ns, end_ns: Ns, known_ns: Ns = FOREVER_NS) -> list[Word]:
        """Words that overlap a span and that decisions knew at a time, by start."""
        first_ns = Ns(max(start_ns, LONGEST_WORD_NS) - LONGEST_WORD_NS)  # or the index is read from the session's start
        rows = self._words(
            "start_ns>=? AND start_ns<? AND end_ns>? AND known_ns<=? ORDER BY start_ns,id",
            first_ns,
            end_ns,
            start_ns,
            known_ns,
        )
        return [codec.word_of(row) for row in rows]

    def _words(self, which: str, *values: Ns) -> list[tuple[Any, ...]]:
        """None in a journal of before there were words, opened to read."""
        if self._store.version < 2:
            return []
        return self._store.rows(
            f"SELECT text,start_ns,end_ns,prob,vad,epoch,attempt,seq,language,reason,known_ns FROM words WHERE {which}",
            values,
        )

    def add_events(self, events: Sequence[Event]) -> None:
        """A revised event is another row."""
        self._store.write_many(
            "INSERT INTO events(attempt,found_ns,body) VALUES(?,?,?)",
            [(self._attempt, event.found_ns, codec.event_text(event)) for event in events],
        )

    def events(self) -> list[Event]:
        """In the order of finding."""
        rows = self._store.rows("SELECT body FROM events ORDER BY id")
        return [codec.event_of(json.loads(body)) for (body,) in rows]

    def add_moment(self, moment: Moment) -> None:
        """One state of a moment."""
        self._store.write(
            "INSERT INTO moments(attempt,moment,state,decided_ns,body) VALUES(?,?,?,?,?)",
            (self._attempt, moment.id, str(moment.state), moment.decided_ns, codec.moment_text(moment)),
        )

    def moments(self) -> list[Moment]:
        """Each moment's latest state, by anchor."""
        rows = self._store.rows("SELECT body FROM moments WHERE id IN (SELECT max(id) FROM moments GROUP BY moment)")
        return sorted((codec.moment_of(body) for (body,) in rows), key=lambda moment: moment.anchor_ns)

    def moment_history(self) -> list[Moment]:
        """Every state of every moment, in the order of deciding."""
        return [codec.moment_of(body) for (body,) in self._store.rows("SELECT body FROM moments ORDER BY id")]

    # -- clips ------------------------------------------------------------------------------------------------------

    def open_clip(self, decision: EditDecision) -> None:
        """A promise: from now on a restart has to cut it."""
        with self.batch():
            self._store.write(
                "INSERT INTO decisions(attempt,clip,revision,body) VALUES(?,?,?,?)",
                (self._attempt, decision.clip, decision.revision, codec.decision_text(decision)),
            )
            self._store.write(
                "INSERT INTO clips(clip,revision,state,reason) VALUES(?,0,'promised','') ON CONFLICT(clip) DO UPDATE"
                " SET state='promised', reason=''",
                (decision.clip,),
            )

    def finish_clip(
        self, clip: ClipId, revision: int, record: dict[str, Any], line: Mapping[str, Any] | None = None
    ) -> None:
        """The files are durable. The outbox row is in the same transaction, so a clip is never finished and untold.

        `line`: what is told of it; without one the record's fields.
        """
        with self.batch():
            newest = self.newest_revision(clip)
            state = str(record["state"]) if revision >= newest else "promised"
            self._store.write(
                "INSERT OR REPLACE INTO clips(clip,revision,state,reason,record) VALUES(?,?,?,'',?)",
                (clip, revision, state, codec.dump(record)),
            )
            self.outbox.put(line or self._clip_line(record))

    def withdraw_clip(self, clip: ClipId, reason: str, line: Mapping[str, Any] | None = None) -> None:
        """Taken back, before or after it was cut; the record stays. `line` as for `finish_clip`."""
        with self.batch():
            self._store.write("UPDATE clips SET state='withdrawn', reason=? WHERE clip=?", (reason, clip))
            if (record := self.clip(clip)) is not None:
                self.outbox.put(line or self._clip_line(record))

    def take_back(self, decision: EditDecision) -> None:
        """A promised revision of a finished clip that cannot be made: the clip stays as it is."""
        clip, revision = decision.clip, decision.revision
        with self.batch():
            self._store.write("DELETE FROM decisions WHERE clip=? AND revision=?", (clip, revision))
            if (record := self.clip(clip)) is not None:
                self._store.write("UPDATE clips SET state=? WHERE clip=?", (record["state"], clip))

    def _clip_line(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": "clip", "session": self.session, "t_s": record["start_s"], **record}

    def promised_clips(self) -> list[EditDecision]:
        """The newest decision of every clip that was promised and not finished."""
        rows = self._store.rows(
            "SELECT body FROM decisions WHERE id IN (SELECT max(d.id) FROM decisions d JOIN clips c ON c.clip=d.clip"
            " WHERE c.state='promised' GROUP BY d.clip) ORDER BY id"
        )
        return [codec.decision_of(body) for (body,) in rows]

    def finished_decisions(self) -> dict[ClipId, EditDecision]:
        """The decision behind the finished revision of every clip that has one."""
        rows = self._store.rows(
            "SELECT d.body FROM decisions d JOIN clips c ON c.clip=d.clip AND c.revision=d.revision"
            " WHERE c.record IS NOT NULL ORDER BY d.id"
        )
        return {decision.clip: decision for decision in (codec.decision_of(body) for (body,) in rows)}

    def decision(self, clip: ClipId, revision: int) -> EditDecision | None:
        """The decision behind a revision."""
        rows = self._store.rows(
            "SELECT body FROM decisions WHERE clip=? AND revision=? ORDER BY id DESC LIMIT 1", (clip, revision)
        )
        return codec.decision_of(rows[0][0]) if rows else None

    def clip(self, clip: ClipId) -> dict[str, Any] | None:
        """A finished clip's record with its present state, or None."""
        found = self._store.rows("SELECT record,state FROM clips WHERE clip=? AND record IS NOT NULL", (clip,))
        return _record(*found[0]) if found else None

    def clips(self) -> list[dict[str, Any]]:
        """Every finished clip's record with its present state, by its start."""
        rows = self._store.rows("SELECT record,state FROM clips WHERE record IS NOT NULL")
        return sorted((_record(*row) for row in rows), key=lambda record: record["start_s"])

    def clip_count(self) -> int:
        """How many finished clips there are, withdrawn ones too."""
        ((count,),) = self._store.rows("SELECT count(*) FROM clips WHERE record IS NOT NULL")
        return int(count)

    def newest_revision(self, clip: ClipId) -> int:
        """That of the newest decision, made or promised; 0 for none."""
        ((revision,),) = self._store.rows("SELECT coalesce(max(revision),0) FROM decisions WHERE clip=?", (clip,))
        return int(revision)


def _record(text: str, state: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(text)
    return record if state == "promised" else {**record, "state": state}


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"


def _boottime_ns() -> int:
    """For the hole that a restart leaves: CLOCK_BOOTTIME goes on across processes, and no one can set it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _set_aside(path: Path) -> None:
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    path.rename(aside)
    wal = path.with_name(path.name + "-wal")
    if wal.exists():
        wal.rename(aside.with_name(aside.name + "-wal"))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
