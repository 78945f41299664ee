"""Values of `core` to JSON and back, for the journal's columns. Times stay exact: integers of nanoseconds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

import numpy as np

from core.edits import EditDecision
from core.game import GameEvent, GameKind
from core.ids import ClipId, MomentId, SessionId
from core.media import ChatMessage
from core.moments import Event, Family, Moment, MomentState
from core.protocols import SegmentRow
from core.signals import SignalChunk
from core.times import Ns
from core.words import Committed, Word

_LONGEST_RUN: Final = 600  # rows of the table joined to one chunk: five minutes of sound in steps of half a second
_Row = tuple[Any, ...]


def dump(value: Any) -> str:
    """Compact JSON; keys in a stable order so that equal values are equal texts."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def event_text(event: Event) -> str:
    """An event as JSON."""
    return dump(asdict(event))


def event_of(document: dict[str, Any]) -> Event:
    """Inverse of event_text, parsed."""
    return Event(**{**document, "family": Family(document["family"])})


def game_text(event: GameEvent) -> str:
    """What a HUD showed as JSON."""
    return dump(asdict(event))


def game_of(text: str) -> GameEvent:
    """Inverse of game_text."""
    document = json.loads(text)
    return GameEvent(**{**document, "kind": GameKind(document["kind"])})


def moment_text(moment: Moment) -> str:
    """A moment with its events as JSON."""
    return dump(asdict(moment))


def moment_of(text: str) -> Moment:
    """Inverse of moment_text."""
    document = json.loads(text)
    return Moment(
        **{
            **document,
            "id": MomentId(document["id"]),
            "state": MomentState(document["state"]),
            "reasons": tuple(document["reasons"]),
            "events": tuple(event_of(event) for event in document["events"]),
        }
    )


def decision_text(decision: EditDecision) -> str:
    """An edit decision as JSON."""
    return dump(asdict(decision))


def decision_of(text: str) -> EditDecision:
    """Inverse of decision_text."""
    document = json.loads(text)
    return EditDecision(
        **{
            **document,
            "clip": ClipId(document["clip"]),
            "session": SessionId(document["session"]),
            "reasons": tuple(document["reasons"]),
            "drop": tuple((Ns(start_ns), Ns(end_ns)) for start_ns, end_ns in document.get("drop", ())),
        }
    )


def chat_row(message: ChatMessage) -> tuple[int, str, str, str, str, int]:
    """A message as the chat table's columns."""
    return (message.t_ns, message.user, message.text, dump(list(message.emotes)), message.kind, message.n)


def chat_of(row: tuple[Any, ...]) -> ChatMessage:
    """Inverse of chat_row."""
    t_ns, user, text, emotes, kind, n = row
    return ChatMessage(t_ns=Ns(t_ns), user=user, text=text, emotes=_names(emotes), kind=kind, n=n)


def signal_rows(chunks: Iterable[SignalChunk]) -> list[_Row]:
    """Chunks as rows of the signals table: start, end, kind, step, columns, little-endian float32 rows, int64 times.

    Sound comes row by row. What follows each other in one call becomes one row of the table: five times fewer to write,
    to check and to read.
    """
    return [_joined(run) for run in _runs(map(_row, chunks))]


def signals_of(rows: Iterable[_Row]) -> Iterator[SignalChunk]:
    """Inverse of signal_rows; rows of the table that follow each other come as one chunk, each kind in its order."""
    return (_signal(_joined(run)) for run in _runs(rows))


def _row(chunk: SignalChunk) -> _Row:
    times = None if chunk.times_ns is None else np.ascontiguousarray(chunk.times_ns, "<i8").tobytes()
    values = np.ascontiguousarray(chunk.values, "<f4").tobytes()
    return (chunk.start_ns, chunk.end_ns, chunk.kind, chunk.step_ns, dump(list(chunk.columns)), values, times)


def _runs(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Rows that follow each other, kind by kind: one kind's next row may stand behind another's."""
    runs: dict[str, list[_Row]] = {}
    for row in rows:
        run = runs.get(row[2])
        if run is None:
            runs[row[2]] = [row]
        elif len(run) < _LONGEST_RUN and _follows(run[-1], row):
            run.append(row)
        else:
            yield run
            runs[row[2]] = [row]
    yield from runs.values()


def _follows(before: _Row, row: _Row) -> bool:
    """Whether a signal goes on: (start, end, kind, step, columns, ...). Points have times of their own."""
    next_to = row[0] == before[1] if row[3] else row[0] >= before[1]
    return bool(next_to and row[3:5] == before[3:5])


def _joined(run: list[_Row]) -> _Row:
    if len(run) == 1:
        return run[0]
    first, last = run[0], run[-1]
    times = None if first[6] is None else b"".join([row[6] for row in run])
    return (first[0], last[1], *first[2:5], b"".join([row[5] for row in run]), times)


def _signal(row: _Row) -> SignalChunk:
    start_ns, _, kind, step_ns, columns_text, data, times = row
    columns = _names(columns_text)
    return SignalChunk(
        kind=kind,
        start_ns=Ns(start_ns),
        step_ns=step_ns,
        values=np.frombuffer(data, "<f4").reshape(-1, len(columns)).astype(np.float32),
        columns=columns,
        times_ns=None if times is None else np.frombuffer(times, "<i8").astype(np.int64),
    )


@lru_cache(maxsize=1024)
def _names(text: str) -> tuple[str, ...]:
    """A list of columns or of emotes: a few lists, again and again."""
    return tuple(json.loads(text))


def word_rows(commit: Committed) -> list[tuple[int, int, int, str, float, float, int, str, str, int]]:
    """A commit as rows of the words table, without the attempt."""
    return [
        (
            commit.seq,
            word.start_ns,
            word.end_ns,
            word.text,
            word.prob,
            word.vad,
            word.epoch,
            commit.language,
            commit.reason,
            commit.known_ns,
        )
        for word in commit.words
    ]


def word_of(row: tuple[Any, ...]) -> Word:
    """A word from (text, start, end, prob, vad, epoch, ...)."""
    text, start_ns, end_ns, prob, vad, epoch = row[:6]
    return Word(text=text, start_ns=Ns(start_ns), end_ns=Ns(end_ns), prob=prob, vad=vad, epoch=epoch)


def commits_of(rows: Iterable[tuple[Any, ...]]) -> Iterator[Committed]:
    """Inverse of word_rows: rows of a word and (..., attempt, seq, language, reason, known), a commit's together."""
    for (_, seq, language, reason, known_ns), group in groupby(rows, key=lambda row: row[6:]):
        words = tuple(word_of(row) for row in group)
        yield Committed(seq=seq, words=words, language=language, reason=reason, known_ns=Ns(known_ns))


def segment_values(row: SegmentRow) -> tuple[Any, ...]:
    """A segment as the table's columns, without what was evicted and when it was written."""
    return (
        row.track,
        row.attempt,
        row.seq,
        row.suffix,
        row.epoch,
        row.start_ns,
        row.end_ns,
        dump(list(row.keyframes_ns)),
        row.bytes,
        row.crc32,
        int(row.recovered),
    )


def segment_of(row: tuple[Any, ...]) -> SegmentRow:
    """Inverse of segment_values."""
    track, attempt, seq, suffix, epoch, start, end, keyframes, size, crc32, recovered = row
    return SegmentRow(
        track=track,
        attempt=attempt,
        seq=seq,
        suffix=suffix,
        epoch=epoch,
        start_ns=Ns(start),
        end_ns=Ns(end),
        keyframes_ns=tuple(Ns(t) for t in json.loads(keyframes)),
        bytes=size,
        crc32=crc32,
        recovered=bool(recovered),
    )
