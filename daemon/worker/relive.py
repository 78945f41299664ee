"""Runs detection again over a session's signal log: for `clipd replay`, `clipd eval`, and to bring a restarted engine
up to date.

The engine is a pure function of the log, so nothing but the log has to be saved.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, Protocol

from core.game import GameEvent
from core.media import ChatMessage, Epoch, Gap
from core.moments import Family, Moment, MomentState
from core.signals import SignalChunk
from core.times import FOREVER_NS, Ns
from core.words import Committed
from daemon.journal import Journal
from daemon.worker.analysis import STEP_NS
from detectors import Engine

NOBODY: Final[frozenset[Family]] = frozenset()
_NO_CLIP: Final = frozenset({MomentState.OPEN, MomentState.REJECTED})
_SIGNALS_OF: Final = (("audio", Family.AUDIO), ("scene", Family.VISION), ("game", Family.GAME))


class SignalLog(Protocol):
    """What a journal offers of a session's past, each in media-time order."""

    def signals(self, since_ns: Ns = Ns(0)) -> Iterator[SignalChunk]: ...
    def chat(self, since_ns: Ns = Ns(0)) -> Iterator[ChatMessage]: ...
    def committed(self, since_ns: Ns = Ns(0)) -> Iterator[Committed]: ...
    def game(self, since_ns: Ns = Ns(0)) -> Iterator[GameEvent]: ...
    def epochs(self) -> list[Epoch]: ...
    def gaps(self) -> list[Gap]: ...


@dataclass(slots=True)
class Relived:
    """Where the log ended, the last known state of every moment, and every state in the order of deciding."""

    end_ns: Ns = Ns(0)
    moments: dict[str, Moment] = field(default_factory=dict)
    history: list[Moment] = field(default_factory=list)

    def take(self, moments: list[Moment]) -> None:
        """Later states replace earlier ones."""
        self.history.extend(moments)
        for moment in moments:
            self.moments[moment.id] = moment


def decided_end(journal: Journal) -> Ns:
    """Where a session's media ended for its last decisions; its signals and footage may go on for part of a frame.

    Decisions lie on the grid, but those taken because the media was over.
    """
    last_ns = max((moment.decided_ns for moment in journal.moments()), default=Ns(0))
    return last_ns if last_ns % STEP_NS else max(journal.media_end_ns(), last_ns)


def family_of(kind: str) -> Family | None:
    """Whose evidence a signal is; None for one that belongs to nobody in particular."""
    return next((family for prefix, family in _SIGNALS_OF if kind.startswith(prefix)), None)


def had_game(journal: Journal) -> bool:
    """Whether a HUD was read in a session: without one no event of a game is waited for."""
    return bool((journal.meta("profile") or {}).get("game"))


def spent_before(moments: Iterable[Moment], since_ns: Ns) -> list[Ns]:
    """Anchors of a session's clips that lie before what is relived, withdrawn ones too: they cost budget."""
    clips = (moment for moment in moments if moment.state not in _NO_CLIP)
    return [moment.anchor_ns for moment in clips if moment.anchor_ns < since_ns]


def relive(
    engine: Engine,
    log: SignalLog,
    *,
    has_chat: bool,
    has_game: bool = False,
    since_ns: Ns = Ns(0),
    until_ns: Ns | None = None,
    finish: bool,
    without: frozenset[Family] = NOBODY,
) -> Relived:
    """Feed the log on the worker's own grid.

    `until_ns`: where the media ended; where the log ends unless given. `finish` closes all watermarks, as the end of a
    stream does. `without`: families to leave out, as if the stream did not have them.
    """
    for family in without:
        engine.available(family, False)
    engine.available(Family.CHAT, has_chat and Family.CHAT not in without)
    engine.available(Family.GAME, has_game and Family.GAME not in without)
    items = _items(log, since_ns, without, over=finish)
    log_ns = max([since_ns, *(end_ns for _, end_ns, _ in items)])
    result = Relived(end_ns=log_ns if until_ns is None else until_ns)
    step_ns, place = Ns(since_ns - since_ns % STEP_NS + STEP_NS), 0
    while step_ns <= result.end_ns:
        first = place
        while place < len(items) and items[place][0] <= step_ns:
            place += 1
        _feed(engine, items[first:place], without)
        result.take(engine.advance(step_ns).moments)
        step_ns = Ns(step_ns + STEP_NS)
    _feed(engine, items[place:], without)  # after the last step; words may become known when the media is over
    if finish:
        result.take(engine.finish(result.end_ns).moments)
    return result


@dataclass(frozen=True, slots=True)
class _Boundary:
    """An epoch, and whether it has sound."""

    epoch: Epoch
    sound: bool


_Value = SignalChunk | ChatMessage | Committed | GameEvent | _Boundary | Gap
_Item = tuple[Ns, Ns, _Value]  # the first step that may know it, and how far it shows the media to go


def _items(log: SignalLog, since_ns: Ns, without: frozenset[Family], *, over: bool) -> list[_Item]:
    """Everything in the order of a worker's steps; the log is small, a day of signals is a few MB.

    A chunk goes in when its first row is known at the earliest: detectors read row by row, and a later row waits.
    """
    chunks = sorted(
        (chunk for chunk in log.signals(since_ns) if family_of(chunk.kind) not in without), key=lambda c: c.start_ns
    )
    chat = () if Family.CHAT in without else log.chat(since_ns)
    edges = _boundaries(log.epochs(), chunks, since_ns, over=over)
    items: list[_Item] = [
        *((chunk.start_ns, chunk.end_ns, chunk) for chunk in chunks),
        *((message.t_ns, message.t_ns, message) for message in chat),
        *((edge.epoch.start_ns, edge.epoch.start_ns, edge) for edge in edges),
        *((gap.start_ns, gap.start_ns, gap) for gap in log.gaps() if gap.end_ns >= since_ns),
    ]
    if Family.SPEECH not in without:  # known when a later sound was heard, which may lie behind the media's end
        items += [(commit.known_ns, Ns(0), commit) for commit in log.committed(since_ns)]
    if Family.GAME not in without:
        items += [(event.known_ns, event.t_ns, event) for event in log.game(since_ns)]
    return sorted(items, key=itemgetter(0))


def _boundaries(epochs: list[Epoch], chunks: list[SignalChunk], since_ns: Ns, *, over: bool) -> Iterator[_Boundary]:
    """Whether each epoch had sound, by the signals that lie in it. The newest may be too young to have any."""
    sound = [chunk for chunk in chunks if family_of(chunk.kind) is Family.AUDIO and len(chunk)]
    for place, epoch in enumerate(epochs):
        end_ns = epochs[place + 1].start_ns if place + 1 < len(epochs) else FOREVER_NS
        unknown = end_ns <= since_ns or (end_ns == FOREVER_NS and not over)
        at = bisect_left(sound, epoch.start_ns, key=lambda chunk: Ns(chunk.end_ns - chunk.step_ns))
        yield _Boundary(epoch, unknown or (at < len(sound) and sound[at].start_ns < end_ns))


def _feed(engine: Engine, items: list[_Item], without: frozenset[Family]) -> None:
    """What one step knows more than the one before."""
    chat: list[ChatMessage] = []
    for _, _, value in items:
        if isinstance(value, ChatMessage):
            chat.append(value)
        elif isinstance(value, Committed):
            engine.words([value])
        elif isinstance(value, SignalChunk):
            engine.feed(value)
        elif isinstance(value, GameEvent):
            engine.game([value])
        elif isinstance(value, Gap):
            engine.gap(value)
        else:
            engine.epoch(value.epoch)
            if Family.AUDIO not in without:
                engine.available(Family.AUDIO, value.sound)
    if chat:
        engine.chat(chat)
