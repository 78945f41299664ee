"""A line, a short pause, and a laugh that nobody talks over: the set-up belongs into the clip. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from core.moments import Event
from core.times import NS_PER_S, Ns, ns
from detectors.baseline import Tail
from detectors.options import BaselineOptions
from detectors.speech.options import PunchlineOptions
from detectors.speech.rows import Rows
from detectors.speech.words import Transcript, laughs

LAUGHS: Final = frozenset({"laughter", "crowd", "roar", "applause"})
_KEEP_NS: Final = 300 * NS_PER_S  # laughs wait that long for words of skipped speech
_MOST: Final = 200


class Punchline(NamedTuple):
    """A laugh that answers a line: where the line begins, how long the pause was, how many words it had."""

    laugh: Event
    start_ns: Ns
    pause_s: float
    words: int
    strength: float
    prob: float
    per_hour: float


class Punchlines:
    """Laughs that wait for the words around their start."""

    def __init__(self, options: PunchlineOptions, baseline: BaselineOptions) -> None:
        self._options = options
        self._waiting: list[Event] = []
        self._tail = Tail(baseline, prior_per_h=options.tail_per_h, prior_scale=options.tail_scale)
        self._told: dict[Ns, tuple[float, float]] = {}  # of each line's start: strength and rarity

    def notice(self, events: list[Event]) -> None:
        """Sounds found now; one given again replaces the earlier."""
        for event in events:
            if event.kind in LAUGHS and event.llr * event.quality > self._options.none:
                self._waiting.append(event)
        del self._waiting[:-_MOST]

    @property
    def waits(self) -> bool:
        """Whether a laugh waits for words."""
        return bool(self._waiting)

    def pending_ns(self) -> Ns | None:
        """The earliest time a punchline may still be dated to."""
        if not self._waiting:
            return None
        return Ns(
            min(laugh.start_ns for laugh in self._waiting) - ns(self._options.line_max_s + self._options.pause_max_s)
        )

    def advance(self, said: Transcript, rows: Rows, now_ns: Ns, observed_ns: int) -> list[Punchline]:
        """Laughs around whose start everything said is known."""
        ready = [e for e in self._waiting if said.heard_ns >= e.start_ns + ns(self._options.over_s)]
        self._waiting = [e for e in self._waiting if e not in ready and e.start_ns > now_ns - _KEEP_NS]
        lines = [self._judge(said, rows, laugh, now_ns, observed_ns) for laugh in sorted(ready, key=_order)]
        return [line for line in lines if line is not None]

    def _judge(self, said: Transcript, rows: Rows, laugh: Event, now_ns: Ns, observed_ns: int) -> Punchline | None:
        options = self._options
        after = said.place(laugh.start_ns + ns(options.over_s))
        while after and laughs(said.tokens[after - 1]) and said.words[after - 1].end_ns > laugh.start_ns:
            after -= 1  # a laugh written down is the laugh
        if not after:
            return None
        last = said.words[after - 1]
        pause_ns = laugh.start_ns - last.end_ns
        if not ns(options.pause_min_s) <= pause_ns <= ns(options.pause_max_s) or rows.missing(
            last.end_ns, laugh.start_ns
        ):
            return None
        line = said.line_before(after, longest_ns=ns(options.line_max_s))
        spoken = [said.words[place] for place in line if not laughs(said.tokens[place])]
        if len(spoken) < options.line_words:
            return None
        start_ns, strength = spoken[0].start_ns, laugh.llr * laugh.quality
        per_hour = self._rarity(start_ns, strength, now_ns, observed_ns)
        if per_hour is None:
            return None
        prob = sum(word.prob for word in spoken) / len(spoken)
        return Punchline(laugh, start_ns, pause_ns / NS_PER_S, len(spoken), strength, prob, per_hour)

    def _rarity(self, start_ns: Ns, strength: float, now_ns: Ns, observed_ns: int) -> float | None:
        """How often an hour; a line counts once, and None means that it was told as strong before."""
        if start_ns in self._told:
            told, per_hour = self._told[start_ns]
            if strength <= told:
                return None
        else:
            per_hour = self._tail.per_hour(strength - self._options.none, now_ns, observed_ns)
            self._tail.push(strength - self._options.none, now_ns)
        self._told[start_ns] = strength, per_hour
        if len(self._told) > _MOST:
            del self._told[next(iter(self._told))]
        return per_hour


def _order(event: Event) -> tuple[Ns, str]:
    return event.start_ns, event.kind
