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
from core.ids import ClipId, MomentId, SessionId
from core.media import ChatMessage
from core.moments import Event, Family, Moment, MomentState
from core.signals import SignalChunk
from core.times import Ns
from core.words import Committed, Word

_LONGEST_RUN: Final = 600  # chunks joined to one: a minute of sound in single rows


def dump(value: Any) -> str:
    """Compact JSON; keys in a stable order so that equal values are equal texts."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def event_text(event: Event) -> str:
    """An event as JSON."""
    return dump(asdict(event))


def event_of(document: dict[str, Any]) -> Event:
    """Inverse of event_text, parsed."""
    return Event(**{**document, "family": Family(document["family"])})


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
        }
    )


def chat_row(message: ChatMessage) -> tuple[int, str, str, str, str, int]:
    """A message as the chat table's columns."""
    return (message.t_ns, message.user, message.text, dump(list(message.emotes)), message.kind, message.n)


def chat_of(row: tuple[Any, ...]) -> ChatMessage:
    """Inverse of chat_row."""
    t_ns, user, text, emotes, kind, n = row
    return ChatMessage(t_ns=Ns(t_ns), user=user, text=text, emotes=tuple(json.loads(emotes)), kind=kind, n=n)


def signal_row(chunk: SignalChunk) -> tuple[int, int, str, int, str, bytes, bytes | None]:
    """A chunk as the signals table's columns: little-endian float32 rows, int64 times."""
    times = None if chunk.times_ns is None else np.ascontiguousarray(chunk.times_ns, "<i8").tobytes()
    values = np.ascontiguousarray(chunk.values, "<f4").tobytes()
    return (chunk.start_ns, chunk.end_ns, chunk.kind, chunk.step_ns, dump(list(chunk.columns)), values, times)


def signals_of(rows: Iterable[tuple[Any, ...]]) -> Iterator[SignalChunk]:
    """Inverse of signal_row. A worker writes sound row by row: rows that follow each other come back as one chunk."""
    run: list[tuple[Any, ...]] = []
    for row in rows:
        if run and not (_follows(run[-1], row) and len(run) < _LONGEST_RUN):
            yield _signal(run)
            run = []
        run.append(row)
    if run:
        yield _signal(run)


def _follows(before: tuple[Any, ...], row: tuple[Any, ...]) -> bool:
    """Whether a regular signal goes on: (start, end, kind, step, columns, ...)."""
    return bool(row[3] > 0 and row[0] == before[1] and row[2:5] == before[2:5])


def _signal(run: list[tuple[Any, ...]]) -> SignalChunk:
    start_ns, _, kind, step_ns, columns_text, _, times = run[0]
    columns = _columns(columns_text)
    values = np.frombuffer(b"".join(row[5] for row in run), "<f4").reshape(-1, len(columns))
    return SignalChunk(
        kind=kind,
        start_ns=Ns(start_ns),
        step_ns=step_ns,
        values=values.astype(np.float32),
        columns=columns,
        times_ns=None if times is None else np.frombuffer(times, "<i8").astype(np.int64),
    )


@lru_cache(maxsize=32)
def _columns(text: str) -> tuple[str, ...]:
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
