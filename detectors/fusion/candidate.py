"""One moment in the making: its events, its anchor, the stretch they support, and what was said about it last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.ids import MomentId
from core.moments import Event, Family, Moment, MomentState
from core.times import Ns, ns
from detectors.fusion.scoring import Score, score, strength
from detectors.options import FusionOptions, Weights

Key = tuple[str, Ns]
Span = tuple[Ns, Ns]
LIVE: Final = frozenset({MomentState.OPEN, MomentState.PROVISIONAL, MomentState.CONFIRMED})
SHOWN: Final = frozenset({MomentState.PROVISIONAL, MomentState.CONFIRMED, MomentState.FINAL})


def key_of(event: Event) -> Key:
    """Events of one kind that start together are versions of one event; chat is known by its raw onset."""
    return event.kind, ns(event.values["onset_s"]) if "onset_s" in event.values else event.start_ns


class Candidate:
    """Mutable while it lives; `anchor_ns` is the strongest onset that is not chat, or chat moved back by its lag."""

    def __init__(self, moment: MomentId, anchor_ns: Ns, sd_ns: Ns, weights: Weights, options: FusionOptions) -> None:
        self.id = moment
        self._weights, self._options = weights, options
        self.anchor_ns, self.sd_ns = anchor_ns, sd_ns
        self.felt_ns = anchor_ns  # what the chat reacts to: of kills in a row the last, else the anchor
        self.state = MomentState.OPEN
        self.events: dict[Key, Event] = {}
        self.bar = 0.0  # logit it had to reach when it was shown
        self.start_ns: Ns | None = None  # fixed once shown
        self.waited_for_chat = False
        self.taught = False  # whether its chat has been used to learn the lag
        self.note = ""  # for people: why it is none after all
        self.said: Moment | None = None
        self._score: Score | None = None  # of its events, until another comes; as are these
        self._support: list[Event] = []
        self._seen_core: Span | None = None
        self._burst: Event | None = None

    def take(self, event: Event) -> None:
        """Add an event or a newer version of one, and move the anchor to the strongest sound, picture or word.

        Without one the strongest side of the burst places it, until it is shown: what is shown stays where it is. Half
        a deviation later than the usual lag, since a clip reaches further back from its anchor than on.
        """
        self.events[key_of(event)] = event
        self._score = None
        burst = self._burst = self._loudest_side()
        seen = self._support = self._supporting()
        self._seen_core = (min(e.start_ns for e in seen), max(e.end_ns for e in seen)) if seen else None
        best = max(seen, key=lambda e: (self._strength(e), -e.start_ns), default=None)
        if best is not None:
            self.anchor_ns = _onset(best)
            self.sd_ns = Ns(0)
        elif burst is not None and self.state is MomentState.OPEN:
            self.anchor_ns, self.sd_ns = Ns(burst.start_ns + burst.sd_ns // 2), burst.sd_ns
        self.felt_ns = self.anchor_ns if best is None or best.family is not Family.GAME else best.peak_ns

    def score(self) -> Score:
        """Log-odds of all its events."""
        if self._score is None:
            self._score = score(self.events.values(), self._weights, self._options)
        return self._score

    def support(self) -> list[Event]:
        """What can place it: events other than chat, the weak ones only while there is nothing else at all.

        An order says that there was something, not where.
        """
        return self._support

    def _supporting(self) -> list[Event]:
        seen = [e for e in self.events.values() if e.family is not Family.CHAT and e.llr > 0]
        strong = [e for e in seen if self._strength(e) >= self._options.supports]
        placed = [e for e in strong if e.family is not Family.COMMAND]
        return placed or strong or (seen if self._burst is None else [])

    def seen_core(self) -> Span | None:
        """From the first to the last event that supports it; None for a moment only chat knows of."""
        return self._seen_core

    def _strength(self, event: Event) -> float:
        return strength(event, self._weights, self._options.cap)

    def ordered(self) -> bool:
        """Whether somebody asked for it: no cool-down, no waiting."""
        return any(event.family is Family.COMMAND for event in self.events.values())

    def chat_onset(self) -> Ns | None:
        """When the chat's burst began, on the chat's own time."""
        return None if self._burst is None else ns(self._burst.values["onset_s"])

    def _loudest_side(self) -> Event | None:
        """The side of the chat's burst that says most: the first lines of a rise date nothing."""
        sides = (e for e in self.events.values() if e.family is Family.CHAT)
        return max(sides, key=lambda e: (self._strength(e), -e.start_ns), default=None)

    def core(self) -> Span:
        """What the clip has to contain; known by chat alone, where the moment may have been before the burst."""
        seen = self.seen_core()
        if seen is not None:
            return seen
        onset = self.chat_onset()
        latest = Ns(self.anchor_ns + 2 * self.sd_ns)
        return Ns(self.anchor_ns - self.sd_ns), latest if onset is None else max(min(latest, onset), self.anchor_ns)


def _onset(event: Event) -> Ns:
    """Where what it tells of began: an order looks back; a fight's first sign may come long before one's own kills."""
    if event.family is Family.COMMAND:
        return event.peak_ns
    return key_of(event)[1] if event.family is Family.GAME else event.start_ns


def agreed(parts: Mapping[str, float], least: float) -> bool:
    """Whether chat, which reports long after everybody else, has brought evidence, and somebody else too."""
    there = {family for family in Family if parts.get(family.value, 0.0) >= least}
    return Family.CHAT in there and len(there) >= 2


def played(parts: Mapping[str, float], bar: float) -> bool:
    """Whether what the game showed carries a moment alone: it was read off the screen, and nobody can gainsay it."""
    return Family.GAME.value in parts and parts["prior"] + parts[Family.GAME.value] >= bar
