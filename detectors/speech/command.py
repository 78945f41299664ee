"""Spoken orders for a clip: the COMMAND family. Pure; what an order is stands in detectors.speech_orders.

The event's span is the words' own; how far back the moment lies is fusion's to decide.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from core.media import Gap
from core.moments import Event, Family
from core.signals import SignalChunk
from core.times import Ns, ns
from core.words import Committed, text_of
from detectors.baseline import ramp
from detectors.options import DetectOptions
from detectors.speech.orders import Order, find
from detectors.speech.words import Transcript

_SURE: Final = 0.7  # of the recogniser: from here on its words are taken as said
_ORDERS_KEPT: Final = 100
_WORDS_NS: Final = ns(2.0)  # an order and the pause that ends it


class CommandDetector:
    """Words in, events `command` out."""

    family = Family.COMMAND

    def __init__(self, options: DetectOptions) -> None:
        self._options = options.command
        self._said = Transcript()
        self._unsure: set[Ns] = set()  # where an order may begin whose sentence is not over
        self._orders: deque[Ns] = deque(maxlen=_ORDERS_KEPT)
        self._available = False
        self._now_ns = Ns(0)

    def feed(self, chunk: SignalChunk) -> None:
        """Signals give no orders."""

    def gap(self, gap: Gap) -> None:
        """Nothing is said in a gap."""

    def set_available(self, yes: bool) -> None:
        """Whether somebody listens."""
        self._available = yes

    def words(self, commits: Sequence[Committed]) -> None:
        """Words that are known by the next step."""
        self._available = self._available or bool(commits)
        self._said.take(commits)

    def heard(self, t_ns: Ns) -> None:
        """All that was said before this time is known."""
        self._said.hear(t_ns)

    def available(self) -> bool:
        """Whether there is a recogniser; one that hears nothing is there too."""
        return self._available

    def watermark(self) -> Ns:
        """An order may be told until its sentence is known to be over."""
        return Ns(max(min([self._now_ns, self._said.heard_ns, *self._unsure]) - _WORDS_NS, 0))

    def advance(self, t_ns: Ns) -> Sequence[Event]:
        """Orders in the words known at `t_ns`."""
        self._now_ns = t_ns
        said = self._said
        touched = said.settle()
        if not touched and not self._unsure:
            return []
        again = [
            range(place, place + 1)
            for place in (said.place(at) for at in sorted(self._unsure))
            if place < len(said.words)
        ]
        self._unsure.clear()
        found: dict[Ns, Order] = {}
        for places in (*again, *touched):
            for order in find(said, places, ns(self._options.pause_s)):
                found[said.starts[order.first]] = order
        return [event for _, order in sorted(found.items()) for event in self._take(order)]

    def finish(self, t_ns: Ns) -> Sequence[Event]:
        """The stream is over, so every sentence is."""
        self._said.hear(Ns(t_ns + ns(self._options.pause_s)))
        return self.advance(t_ns)

    def _take(self, order: Order) -> list[Event]:
        words = self._said.words[order.first : order.last + 1]
        start_ns, prob = words[0].start_ns, sum(word.prob for word in words) / len(words)
        if order.sure is None:
            self._unsure.add(start_ns)
            return []
        again = any(abs(start_ns - other) < ns(self._options.cooldown_s) for other in self._orders)
        if not order.sure or prob < self._options.min_prob or start_ns in self._orders or again:
            return []
        self._orders.append(start_ns)
        text = text_of(words).strip(" .,!?…").lower()
        return [
            Event(
                kind="command",
                family=self.family,
                start_ns=start_ns,
                end_ns=words[-1].end_ns,
                peak_ns=start_ns,
                llr=self._options.llr,
                surprise_per_h=0.0,
                quality=ramp(prob, 0.0, _SURE),
                why=f"'{text}' said",
                found_ns=self._now_ns,
                values={"prob": prob},
            )
        ]
