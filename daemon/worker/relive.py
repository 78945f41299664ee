"""Runs detection again over a session's signal log: for `clipd replay`, and to bring a restarted engine up to date.

The engine is a pure function of the log, so nothing but the log has to be saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from core.media import ChatMessage, Epoch, Gap
from core.moments import Family, Moment
from core.signals import SignalChunk
from core.times import Ns
from core.words import Committed
from daemon.worker.analysis import STEP_NS
from detectors import Engine


class SignalLog(Protocol):
    """What a journal offers of a session's past, each in media-time order."""

    def signals(self, since_ns: Ns = Ns(0)) -> Iterator[SignalChunk]: ...
    def chat(self, since_ns: Ns = Ns(0)) -> Iterator[ChatMessage]: ...
    def committed(self, since_ns: Ns = Ns(0)) -> Iterator[Committed]: ...
    def epochs(self) -> list[Epoch]: ...
    def gaps(self) -> list[Gap]: ...


@dataclass(slots=True)
class Relived:
    """Where the log ended, and the last known state of every moment."""

    end_ns: Ns = Ns(0)
    moments: dict[str, Moment] = field(default_factory=dict)

    def take(self, moments: Iterable[Moment]) -> None:
        """Later states replace earlier ones."""
        for moment in moments:
            self.moments[moment.id] = moment


def relive(engine: Engine, log: SignalLog, *, has_chat: bool, since_ns: Ns = Ns(0), finish: bool) -> Relived:
    """Feed the log on the worker's own grid. `finish` closes all watermarks, as the end of a stream does."""
    result = Relived(end_ns=since_ns)
    engine.available(Family.CHAT, has_chat)
    step_ns = Ns(since_ns - since_ns % STEP_NS + STEP_NS)
    for t_ns, item in _merged(log, since_ns):
        while step_ns < t_ns:
            result.take(engine.advance(step_ns).moments)
            step_ns = Ns(step_ns + STEP_NS)
        _feed(engine, item)
        result.end_ns = max(result.end_ns, t_ns)
    while step_ns <= result.end_ns:
        result.take(engine.advance(step_ns).moments)
        step_ns = Ns(step_ns + STEP_NS)
    if finish:
        result.take(engine.finish(result.end_ns).moments)
    return result


Item = SignalChunk | ChatMessage | Committed | Epoch | Gap


def _merged(log: SignalLog, since_ns: Ns) -> Iterator[tuple[Ns, Item]]:
    """Everything by the time at which it is known; the log is small, a day of signals is a few MB."""
    timed: Iterable[tuple[Ns, Item]] = chain(
        ((epoch.start_ns, epoch) for epoch in log.epochs()),
        ((gap.start_ns, gap) for gap in log.gaps() if gap.end_ns >= since_ns),
        ((chunk.end_ns, chunk) for chunk in log.signals(since_ns)),
        ((message.t_ns, message) for message in log.chat(since_ns)),
        ((commit.known_ns, commit) for commit in log.committed(since_ns)),
    )
    items = sorted(timed, key=lambda pair: pair[0])
    # Words are journaled when they are final, a step before the signals of their time: a crash may lie between.
    last_ns = max((t_ns for t_ns, item in items if not isinstance(item, Committed)), default=since_ns)
    return ((min(t_ns, last_ns), item) for t_ns, item in items)


def _feed(engine: Engine, item: Item) -> None:
    if isinstance(item, SignalChunk):
        engine.feed(item)
        if item.kind.startswith("audio"):
            engine.available(Family.AUDIO, True)
    elif isinstance(item, ChatMessage):
        engine.chat([item])
    elif isinstance(item, Committed):
        engine.words([item])
    elif isinstance(item, Epoch):
        engine.epoch(item)
    else:
        engine.gap(item)
