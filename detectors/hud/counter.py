"""A number on the screen: when it rises by a little, so many things happened. Pure but for OCR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.game import GameEvent
from core.times import Ns, ns
from detectors.hud.debounce import Now, Sighting
from detectors.hud.frames import TextReader
from detectors.hud.match import Hit, Template, find
from detectors.hud.model import CounterRule
from detectors.hud.prints import SAME, Print, alike, fingerprint, nothing, shape, strokes
from detectors.hud.view import View
from detectors.hud.watcher import Told

_DIGITS: Final = 4  # of a number, a minus included
_MINUS: Final = 10  # its place among the marks: frags of a player who kills himself go below zero
_UNSEEN_NS: Final = ns(6.0)  # a number that was out of sight for longer may have risen at any time in it; judgement
_LEGIBLE: Final = 0.5  # a reading's own score
_LOOKALIKES: Final = str.maketrans("OoDQIl|SBZ", "0000111582")


@dataclass(frozen=True, slots=True)
class Sight:
    """The number as its digits' marks say, or how it looks where it has to be read."""

    value: int | None
    look: Print


@dataclass(slots=True)
class _New:
    """A sight that differs from the known one, until it was seen twice."""

    sight: Sight
    sighting: Sighting


class CounterWatcher:
    """One counter rule."""

    def __init__(
        self, game: str, rule: CounterRule, templates: Mapping[str, Template], text: TextReader | None
    ) -> None:
        self.region = rule.region
        self._rule, self._text = rule, text
        self._digits = [templates[mark] for mark in rule.digits]
        self._game = game
        self._value: int | None = None
        self._known: Sight | None = None
        self._seen_ns = Ns(0)  # when the known value was last seen
        self._new: _New | None = None

    def look(self, view: View) -> Sight:
        """The number by its marks; its pixels where there are none."""
        if self._digits:
            return Sight(self._by_marks(view), nothing())
        gate = self._rule.gate
        return Sight(
            None, fingerprint(shape(view.coloured(gate))) if gate is not None else fingerprint(strokes(view.grey))
        )

    def differs(self, sight: Sight) -> bool:
        """Another number than the last one, sure or not."""
        if self._digits and sight.value is None:
            return False
        last = self._new.sight if self._new is not None else self._known
        return last is None or not self._same(last, sight)

    def take(self, sight: Sight, view: View, now: Now) -> list[GameEvent]:
        """Count a look. While a scene is on, numbers belong to somebody else."""
        if now.quiet or (self._digits and sight.value is None):
            return []
        if self._known is not None and self._same(self._known, sight):
            self._known, self._seen_ns, self._new = sight, now.t_ns, None
            return []
        if self._new is None or not self._same(self._new.sight, sight):
            before_ns = None if self._known is None else self._seen_ns
            self._new = _New(sight, Sighting.begin(Now(now.t_ns, before_ns, False), _UNSEEN_NS))
            return []
        new, self._new = self._new, None
        new.sighting.look(now.t_ns, True)
        return self._rise(new.sighting, sight, view, now.t_ns)

    def cut(self) -> None:
        """Forget the number: the next one is where counting goes on from."""
        self._value = self._known = self._new = None

    def _rise(self, sighting: Sighting, sight: Sight, view: View, now_ns: Ns) -> list[GameEvent]:
        before, known, seen_ns = self._value, self._known, self._seen_ns
        value = sight.value if self._digits else self._read(view)
        self._known, self._seen_ns = sight, now_ns
        if value is None:
            return []  # no number: the old one stands
        self._value = value
        if before is None or known is None or sighting.first_ns - seen_ns > _UNSEEN_NS:
            return []
        step = value - before
        if not 1 <= step <= self._rule.most:
            return []
        told = Told(game=self._game, source="counter", kind=self._rule.event, own=self._rule.own, count=step)
        return [told.event(sighting, now_ns, 1.0)]

    def _same(self, one: Sight, other: Sight) -> bool:
        if self._digits:
            return one.value == other.value
        return alike(one.look, other.look) >= SAME

    def _by_marks(self, view: View) -> int | None:
        hits = [
            (hit, wanted.size[0], digit)
            for digit, wanted in enumerate(self._digits)
            for hit in find(view, wanted, _DIGITS)
        ]
        best: list[tuple[Hit, int, int]] = []
        for hit, width, digit in sorted(hits, key=lambda one: one[0].score, reverse=True):
            middle = hit.x + width / 2
            if all(abs(middle - other.x - wide / 2) > min(width, wide) / 2 for other, wide, _ in best):
                best.append((hit, width, digit))
        if not 0 < len(best) <= _DIGITS:
            return None
        digits = [digit for _, _, digit in sorted(best)]
        if _MINUS in digits[1:] or digits == [_MINUS]:
            return None
        return int("".join("-" if digit == _MINUS else str(digit) for digit in digits))

    def _read(self, view: View) -> int | None:
        if self._text is None:
            return None
        [lines] = self._text.read([view.crop])
        read = "".join(line.text for line in sorted(lines, key=lambda line: line.x) if line.score >= _LEGIBLE)
        digits = "".join(read.split()).translate(_LOOKALIKES)
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS else None
