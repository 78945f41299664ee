"""A kill feed over time: each row is one event, however often it is seen, moved or lost. Pure but for OCR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.game import GameEvent, GameKind
from core.times import Ns, ns
from detectors.hud.debounce import Now, Sighting
from detectors.hud.frames import TextReader
from detectors.hud.match import Template
from detectors.hud.model import ANY_PLAYER, FeedRule
from detectors.hud.names import is_player
from detectors.hud.prints import OTHER, SAME, all_alike
from detectors.hud.rows import Row, RowFinder, pair
from detectors.hud.rowtext import Reading, RowReader
from detectors.hud.view import View
from detectors.hud.watcher import LONGEST, Told

_BACK: Final = (
    1.5  # times `shown_s` after it came, a row that was lost may come back: rows stay about as long; judgement
)
_TRIES: Final = 2  # looks at which a row is read before it counts as none of ours


@dataclass(slots=True)
class _Known:
    """A row that was seen, and what was read off it."""

    sighting: Sighting
    row: Row
    visible: bool = True
    settled: bool = True  # its colours are those of its look before
    reading: Reading | None = None
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
        self._reader = RowReader(rule, text) if text is not None and (rule.names != "none" or rule.phrases) else None
        self._finder = RowFinder(rule, templates, rule.row_h * height)
        self._longest_ns = round(LONGEST * ns(rule.shown_s))
        self._back_ns = round(_BACK * ns(rule.shown_s))
        self._known: list[_Known] = []  # from top to bottom as last seen
        self._pairs: tuple[list[Row], list[tuple[int, int, float]]] | None = None

    def look(self, view: View) -> list[Row]:
        """The rows of a view."""
        return self._finder.find(view)

    def differs(self, sight: list[Row]) -> bool:
        """A row that was not there, or one that is not sure yet and not there any more."""
        again = {i for i, _, like in self._paired(sight) if like >= SAME}
        visible = [known for known in self._known if known.visible]
        return len(again) < len(sight) or any(known.sighting.open and i not in again for i, known in enumerate(visible))

    def take(self, sight: list[Row], view: View, now: Now) -> list[GameEvent]:
        """Count a look."""
        visible = [known for known in self._known if known.visible]
        left = dict(enumerate(sight))
        seen: list[tuple[_Known, Row]] = []
        for i, j, like in self._paired(sight):
            if like >= SAME or self._reads_same(visible[i], sight[j], view):
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
        return [event for known in list(self._known) if (event := self._tell(known, view, now)) is not None]

    def cut(self) -> None:
        """Forget what is on the screen."""
        self._known.clear()
        self._pairs = None

    def _paired(self, sight: list[Row]) -> list[tuple[int, int, float]]:
        """Which visible row is which of a sight; kept between `differs` and `take`."""
        if self._pairs is None or self._pairs[0] is not sight:
            known = [known.row.looks for known in self._known if known.visible]
            self._pairs = sight, pair(known, sight)
        return self._pairs[1]

    def _forget(self, t_ns: Ns) -> None:
        """What flickered, and what cannot come back."""
        self._known = [
            known
            for known in self._known
            if known.visible
            or (t_ns - known.sighting.first_ns <= self._back_ns and (known.sighting.told or not known.sighting.gone))
        ]

    def _came_back(self, known: _Known, row: Row, view: View) -> bool:
        like = all_alike(known.row.looks, row.looks)
        return like >= SAME or (like >= OTHER and known.reading is not None and self._reads_same(known, row, view))

    def _reads_same(self, known: _Known, row: Row, view: View) -> bool:
        """Whether a row reads like a known one; where nothing was read, its looks have to do."""
        if known.reading is None or self._reader is None:
            return True
        return known.reading.same(self._reader.read(row, view))

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
        if self._lost(known):
            return None
        kind, own = self._whose(known, names.get("who", ""), names.get("victim", ""))
        blank = known.reading is not None and not any(known.reading.parts)
        if blank and not own:
            return None  # scenery has colours, but says nothing
        if row.weapon:
            names = {**names, "weapon": row.weapon}
        told = Told(game=self._game, source="feed", kind=kind, own=own, names=names)
        return told.event(sighting, now.t_ns, row.score)

    def _lost(self, known: _Known) -> bool:
        """Whether it reads like a row that was told and lost, say in a flash; that one it is, then."""
        reading = known.reading
        if reading is None or not any(reading.parts):
            return False
        for other in self._known:
            if not other.visible and other.reading is not None and other.reading.same(reading):
                self._known.remove(other)
                return True
        return False

    def _names(self, known: _Known, view: View) -> dict[str, str] | None:
        """Who and victim of a row; None where it cannot be read yet, or says something else than the rule's phrases."""
        if self._reader is None:
            return None if self._rule.phrases else {}
        known.reading = self._reader.read(known.row, view)
        if not known.reading.complete and known.tries + 1 < _TRIES:
            return None
        return known.reading.names

    def _whose(self, known: _Known, who: str, victim: str) -> tuple[GameKind, bool]:
        player = self._player
        if player == ANY_PLAYER:
            return GameKind.KILL, True
        if is_player(victim, player) or (known.row.own_death and not known.row.own_kill):
            return GameKind.DEATH, True
        return GameKind.KILL, known.row.own_kill or is_player(who, player)
