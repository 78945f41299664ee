"""A kill feed over time: each row is one event, however often it is seen, moved or lost. Pure but for OCR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz

from core.game import GameEvent, GameKind
from core.times import Ns, ns
from detectors.hud.debounce import Now, Sighting
from detectors.hud.frames import Picture, TextReader
from detectors.hud.match import Template
from detectors.hud.model import ANY_PLAYER, FeedRule
from detectors.hud.names import fold, is_player
from detectors.hud.phrases import fit, parse_phrase
from detectors.hud.prints import SAME, alike
from detectors.hud.rows import Row, RowFinder, pair
from detectors.hud.view import View
from detectors.hud.watcher import LONGEST, Told

_TRIES: Final = 2  # looks at which a row is read before it counts as none of ours
_SAME_TEXT: Final = 75.0  # of 100, of two readings of one row; two kills by one player of another share half; judgement
_LEGIBLE: Final = 0.5  # a line's own score
_NAME: Final = 12  # row heights that a name takes at most: 20 letters of a wide type


@dataclass(slots=True)
class _Known:
    """A row that was seen. `text` is what was read off it."""

    sighting: Sighting
    row: Row
    visible: bool = True
    settled: bool = True  # its colours are those of its look before
    text: str = ""
    tries: int = 0


class FeedWatcher:
    """One feed rule."""

    def __init__(
        self,
        game: str,
        rule: FeedRule,
        templates: Mapping[str, Template],
        *,
        height: int,
        player: str,
        text: TextReader | None,
    ) -> None:
        self.region = rule.region
        self._game, self._rule, self._player = game, rule, player
        self._text = text if rule.names != "none" or rule.phrases else None
        self._phrases = [parse_phrase(phrase) for phrase in rule.phrases]
        self._finder = RowFinder(rule, templates, rule.row_h * height)
        self._longest_ns = round(LONGEST * ns(rule.shown_s))
        self._known: list[_Known] = []  # from top to bottom as last seen
        self._pairs: tuple[list[Row], list[tuple[int, int, float]]] | None = None

    def look(self, view: View) -> list[Row]:
        """The rows of a view."""
        return self._finder.find(view)

    def differs(self, sight: list[Row]) -> bool:
        """A row that was not there, or one that the next look decides on."""
        if any(known.visible and known.sighting.open for known in self._known):
            return True
        return sum(like >= SAME for _, _, like in self._paired(sight)) < len(sight)

    def take(self, sight: list[Row], view: View, now: Now) -> list[GameEvent]:
        """Count a look."""
        visible = [known for known in self._known if known.visible]
        left = dict(enumerate(sight))
        seen: list[tuple[_Known, Row]] = []
        for i, j, like in self._paired(sight):
            if like >= SAME or self._same_text(visible[i], sight[j], view, unread=True):
                seen.append((visible[i], left.pop(j)))
        self._forget(now.t_ns)
        back = [known for known in self._known if all(known is not one for one, _ in seen)]
        for j, row in list(left.items()):
            known = next((one for one in back if self._came_back(one, row, view)), None)
            if known is not None:
                back.remove(known)
                seen.append((known, left.pop(j)))
        self._pairs = None
        for known in self._known:
            known.visible = False
        for known, row in seen:
            before = known.row.own_kill, known.row.own_death
            known.settled = before == (row.own_kill, row.own_death)
            known.row, known.visible = row, True
        for known in self._known:
            known.sighting.look(now.t_ns, known.visible)
        self._known += [_Known(Sighting.begin(now, self._longest_ns), row) for row in left.values()]
        self._known.sort(key=lambda known: known.row.top)
        return [event for known in self._known if (event := self._tell(known, view, now)) is not None]

    def cut(self) -> None:
        """Forget what is on the screen."""
        self._known.clear()
        self._pairs = None

    def _paired(self, sight: list[Row]) -> list[tuple[int, int, float]]:
        """Which visible row is which of a sight; kept between `differs` and `take`."""
        if self._pairs is None or self._pairs[0] is not sight:
            known = [known.row.look for known in self._known if known.visible]
            self._pairs = sight, pair(known, sight)
        return self._pairs[1]

    def _forget(self, t_ns: Ns) -> None:
        """What flickered, and what cannot come back."""
        self._known = [
            known
            for known in self._known
            if known.visible
            or (t_ns - known.sighting.first_ns <= self._longest_ns and (known.sighting.told or not known.sighting.gone))
        ]

    def _came_back(self, known: _Known, row: Row, view: View) -> bool:
        like = alike(known.row.look, row.look)
        return like >= SAME or self._same_text(known, row, view, unread=False)

    def _same_text(self, known: _Known, row: Row, view: View, *, unread: bool) -> bool:
        """Whether a row reads like a known one; `unread` where nothing was read off that one."""
        if not known.text or self._text is None:
            return unread
        return fuzz.ratio(fold(known.text), fold(" ".join(self._read(row, view)))) >= _SAME_TEXT

    def _tell(self, known: _Known, view: View, now: Now) -> GameEvent | None:
        """The event of a row that became sure.

        One that lights up still, or cannot be read, is tried once more at its next look.
        """
        sighting, row = known.sighting, known.row
        if sighting.told or not sighting.sure or not known.visible:
            return None
        if sighting.silent:
            sighting.told = True
            return None
        names = self._names(known, view) if known.settled or known.tries else None
        if names is None:
            known.tries += 1
            sighting.told = known.tries >= _TRIES
            return None
        sighting.told = True
        kind, own = self._whose(known, names.get("who", ""), names.get("victim", ""))
        if row.weapon:
            names = {**names, "weapon": row.weapon}
        told = Told(game=self._game, source="feed", kind=kind, own=own, names=names)
        return told.event(sighting, now.t_ns, row.score)

    def _names(self, known: _Known, view: View) -> dict[str, str] | None:
        """Who and victim of a row; None where it says something else than a phrase of the rule."""
        if self._text is None:
            return None if self._phrases else {}
        left, right = self._read(known.row, view)
        known.text = f"{left} {right}".strip()
        if not known.text and known.tries + 1 < _TRIES:
            return None
        if self._phrases:
            return next((names for phrase in self._phrases if (names := fit(phrase, known.text)) is not None), None)
        first, second = ("who", "victim") if self._rule.names == "who-victim" else ("victim", "who")
        return {first: left.split("+")[0], second: right}  # killer + helper

    def _whose(self, known: _Known, who: str, victim: str) -> tuple[GameKind, bool]:
        player = self._player
        if player == ANY_PLAYER:
            return GameKind.KILL, True
        if is_player(victim, player) or (known.row.own_death and not known.row.own_kill):
            return GameKind.DEATH, True
        return GameKind.KILL, known.row.own_kill or is_player(who, player)

    def _read(self, row: Row, view: View) -> tuple[str, str]:
        """The text on both sides of the mark; without one, the first and the last text, or a sentence as a whole."""
        assert self._text is not None
        reach = round(_NAME * (row.bottom - row.top))
        if row.mark is None:
            [texts] = self._lines([_crop(view, row, row.left, row.right)])
            if self._phrases or len(texts) < 2:
                return " ".join(texts), ""
            return texts[0], texts[-1]
        low, high = row.mark
        sides = [(max(row.left, low - reach), low), (high, min(row.right, high + reach))]
        read = iter(self._lines([_crop(view, row, a, b) for a, b in sides if b - a >= 4]))
        left, right = (" ".join(next(read)) if b - a >= 4 else "" for a, b in sides)
        return left, right

    def _lines(self, crops: Sequence[Picture]) -> list[list[str]]:
        """The legible lines of each crop, from left to right."""
        assert self._text is not None
        return [
            [line.text for line in sorted(lines, key=lambda line: line.x) if line.score >= _LEGIBLE]
            for lines in self._text.read(crops)
        ]


def _crop(view: View, row: Row, left: int, right: int) -> Picture:
    """Part of a row at the picture's own size."""
    top, bottom, first, end = (round(value / view.scale) for value in (row.top, row.bottom, left, right))
    return view.crop[top:bottom, first:end]
