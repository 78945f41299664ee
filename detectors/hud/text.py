"""Words of a region: read when their pixels change, told when a line fits a phrase of the rule. Pure but for OCR."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz

from core.game import GameEvent, GameKind
from core.times import Ns, ns
from detectors.hud.debounce import Now, Sighting
from detectors.hud.frames import TextReader
from detectors.hud.model import ANY_PLAYER, TextRule
from detectors.hud.names import is_player
from detectors.hud.phrases import fit, parse_phrase, squeeze
from detectors.hud.prints import SAME, Print, alike, fingerprint, nothing, shape
from detectors.hud.view import View, passes, share
from detectors.hud.watcher import LONGEST, Told

_SAME_LINE: Final = 85.0  # of 100, of two readings of one line; judgement
_KEPT: Final = 32  # lines that are remembered


@dataclass(slots=True)
class _Words:
    look: Print
    sighting: Sighting


class TextWatcher:
    """One text rule."""

    def __init__(self, game: str, rule: TextRule, text: TextReader | None, player: str) -> None:
        self.region = rule.region
        self._game, self._rule, self._text, self._player = game, rule, text, player
        self._phrases = [parse_phrase(phrase) for phrase in rule.phrases]
        self._longest_ns = round(LONGEST * ns(rule.shown_s))
        self._words: _Words | None = None
        self._told: deque[tuple[Ns, str]] = deque(maxlen=_KEPT)  # when a line was last seen

    def look(self, view: View) -> Print:
        """The pixels in the gate's colours; none where the gate doesn't pass."""
        mask = view.coloured(self._rule.gate)
        return fingerprint(shape(mask)) if passes(self._rule.gate, share(mask)) else nothing()

    def differs(self, sight: Print) -> bool:
        """Other words, or none where those of before are not sure yet."""
        words, shown = self._words, sight.small.size > 0
        if words is None or not shown:
            return shown or (words is not None and words.sighting.open)
        return alike(words.look, sight) < SAME

    def take(self, sight: Print, view: View, now: Now) -> list[GameEvent]:
        """Count a look; words are read once they were seen twice."""
        words = self._words
        same = words is not None and sight.small.size > 0 and alike(words.look, sight) >= SAME
        if words is None or (sight.small.size > 0 and not same):
            self._words = _Words(sight, Sighting.begin(now, self._longest_ns)) if sight.small.size > 0 else None
            return []
        words.sighting.look(now.t_ns, same)
        if same:
            words.look = sight
        elif words.sighting.gone:
            self._words = None
        if not same or words.sighting.told or not words.sighting.sure:
            return []
        words.sighting.told = True
        return self._read(words.sighting, view, now.t_ns)

    def cut(self) -> None:
        """Forget what is on the screen."""
        self._words = None
        self._told.clear()

    def _read(self, sighting: Sighting, view: View, now_ns: Ns) -> list[GameEvent]:
        if self._text is None:
            return []
        [lines] = self._text.read([view.crop])
        events = []
        for line in lines:
            names = next((found for phrase in self._phrases if (found := fit(phrase, line.text)) is not None), None)
            if names is not None and self._is_new(squeeze(line.text), now_ns) and not sighting.silent:
                kind, own = self._whose(names)
                told = Told(game=self._game, source="text", kind=kind, own=own, count=self._rule.count, names=names)
                events.append(told.event(sighting, now_ns, line.score))
        return events

    def _is_new(self, line: str, now_ns: Ns) -> bool:
        """Remember a line; False where it stood there before, among others."""
        known = [one for one in self._told if now_ns - one[0] <= self._longest_ns]
        again = next((one for one in known if fuzz.ratio(one[1], line) >= _SAME_LINE), None)
        if again is not None:
            self._told.remove(again)
        self._told.append((now_ns, line))
        return again is None

    def _whose(self, names: dict[str, str]) -> tuple[GameKind, bool]:
        event, player = self._rule.event, self._player
        if not names or player == ANY_PLAYER:
            return event, self._rule.own or player == ANY_PLAYER
        if event is GameKind.KILL and is_player(names.get("victim", ""), player):
            return GameKind.DEATH, True
        return event, is_player(names.get("who", ""), player) if "who" in names else self._rule.own
