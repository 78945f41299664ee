"""How words appear: the events of one word, by its style's motion. Pure.

Times are hundredths of a second (ASS has no finer ones) of the clip; those inside an event count from its start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from daemon.captioning.ass import Change, Event, Shape, Tag
from daemon.captioning.layout import BOX_X, BOX_Y, DROP, PEAK, Placed
from daemon.captioning.stage import Stage
from daemon.captioning.style import Box, Motion, Style
from daemon.captioning.text import letters

_BOXES, _WORDS, _OVER = 0, 1, 2  # layers
_GROW_MS: Final = 60  # a highlighted word's growth; shorter than two frames looks like a jump
_POP_MS: Final = (70, 130)  # up to the peak, and back
_POP_FROM: Final = 0.55
_BOUNCE: Final = ((0, -DROP), (9, 0.08), (15, -0.03), (20, 0.0))  # cs after the word's start, em from its place
_WORD_BOX_X: Final = 0.13  # em; less than half the space, so that it stays clear of its neighbours
_RADIUS: Final = 0.18  # em, of a box


@dataclass(frozen=True, slots=True)
class Times:
    """Of a word: its phrase is shown from `first` to before `last`, the word is being said from `said` to before
    `over`; in cs, `first <= said <= over <= last`."""

    first: int
    said: int
    over: int
    last: int


@dataclass(frozen=True, slots=True)
class Paint:
    """A style's colours for one word: a speaker may have its own."""

    base: str
    active: str
    box: Box | None


@dataclass(frozen=True, slots=True)
class Cast:
    """What the events of one word are made of."""

    style: Style
    stage: Stage
    paint: Paint
    placed: Placed
    times: Times

    def event(
        self, start_cs: int, end_cs: int, *tags: Tag | Change, layer: int = _WORDS, moving: bool = False
    ) -> Event:
        """The word from one time to another, with what differs from its plain looks."""
        one, style = self.placed, self.style
        place = () if moving else (Tag("pos", (one.middle_x, one.middle_y)),)
        looks = (
            *(Tag("1c", (self.paint.base,)), Tag("3c", (style.outline_colour,)), Tag("4c", (style.outline_colour,))),
            *(Tag("4a", (0.6,)), Tag("bord", (style.outline * one.em,)), Tag("shad", (style.shadow * one.em,))),
        )
        body = one.token.setting.body(one.em, one.mark)
        tags = (*place, *looks, *tags)
        return Event(layer=layer, start_cs=start_cs, end_cs=end_cs, tags=tags, body=body, word=one.token.word)

    def coloured(self, start_cs: int) -> tuple[Tag | Change, ...]:
        """The active colour from the event's start until the word is over."""
        if self.style.active is None:
            return ()
        over_ms = 10 * (self.times.over - start_cs)
        if over_ms <= 0:
            return ()
        return (Tag("1c", (self.paint.active,)), Change(over_ms, over_ms + 1, (Tag("1c", (self.paint.base,)),)))


def word_events(cast: Cast) -> list[Event]:
    """All of a word's events."""
    return [*_word_box(cast), *_MOTIONS[cast.style.motion](cast)]


def phrase_box(placed: list[Placed], box: Box, first_cs: int, last_cs: int) -> Event:
    """The box behind all of a phrase: one, for where two lie over each other their edges shine through."""
    em = placed[0].em
    left, right = min(one.x for one in placed), max(one.x + one.width for one in placed)
    top, bottom = min(one.top for one in placed), max(one.bottom for one in placed)
    return _box(box, (left - BOX_X * em, top, right + BOX_X * em, bottom), em, (first_cs, last_cs))


def _still(cast: Cast) -> list[Event]:
    times, active = cast.times, cast.style.active
    if active is None:
        return [cast.event(times.first, times.last)]
    grown: tuple[Change, ...] = (Change(0, _GROW_MS, _scaled(active.scale)),) if active.scale > 1 else ()
    bare = (Tag("bord", (0,)), Tag("shad", (0,))) if cast.paint.box is not None else ()  # the box sets it off
    said: tuple[Tag | Change, ...] = (Tag("1c", (cast.paint.active,)), *bare, *grown)
    return [
        cast.event(times.first, times.said),
        cast.event(times.said, times.over, *said, layer=_OVER),
        cast.event(times.over, times.last),
    ]


def _wipe(cast: Cast) -> list[Event]:
    r"""The colour runs in reading direction: by `\kf`, which fills from the left, or by an edge that moves."""
    times, one = cast.times, cast.placed
    if not one.token.setting.rtl:
        fill = (Tag("1c", (cast.paint.active,)), Tag("2c", (cast.paint.base,)), Tag("k", (times.said - times.first,)))
        return [cast.event(times.first, times.last, *fill, Tag("kf", (times.over - times.said,)))]
    right, reach = one.x + one.width, one.em
    begun = _clip(cast, right, right + reach)
    done = Change(0, 10 * (times.over - times.said), (_clip(cast, one.x - reach / 4, right + reach),))
    return [
        cast.event(times.first, times.last),
        cast.event(times.said, times.last, Tag("1c", (cast.paint.active,)), begun, done, layer=_OVER),
    ]


def _pop(cast: Cast) -> list[Event]:
    up, back = _POP_MS
    steps: tuple[Tag | Change, ...] = (
        *_scaled(_POP_FROM),
        Change(0, up, _scaled(PEAK)),
        Change(up, back, _scaled(1.0)),
    )
    return [cast.event(cast.times.said, cast.times.last, *steps, *cast.coloured(cast.times.said))]


def _type(cast: Cast) -> list[Event]:
    """Letter by letter: an edge that jumps, so that letters which change with their neighbours stand still."""
    times, one = cast.times, cast.placed
    setting = one.token.setting
    groups = letters(setting.text)
    step = 10 * (times.over - times.said) / len(groups)
    edges = [_uncovered(cast, end * one.em) for end in setting.ends]
    changes = []
    for number, (before, after) in enumerate(pairwise(edges), 1):
        if before != after:
            at_ms = round(number * step)
            changes.append(Change(at_ms, at_ms + 1, (after,)))
    changes.append(Change(10 * (times.over - times.said), 10 * (times.over - times.said) + 1, (_open(cast),)))
    return [cast.event(times.said, times.last, edges[0], *changes, *cast.coloured(times.said))]


def _bounce(cast: Cast) -> list[Event]:
    times, one = cast.times, cast.placed
    events = []
    for (from_cs, from_em), (to_cs, to_em) in pairwise(_BOUNCE):
        start, end = times.said + from_cs, min(times.said + to_cs, times.last)
        path = (one.middle_x, one.middle_y + from_em * one.em, one.middle_x, one.middle_y + to_em * one.em)
        events.append(cast.event(start, end, Tag("move", path), *cast.coloured(start), moving=True))
    settled = times.said + _BOUNCE[-1][0]
    return [*events, cast.event(settled, times.last, *cast.coloured(settled))]


_MOTIONS: Final[dict[Motion, Callable[[Cast], list[Event]]]] = {
    "none": _still,
    "wipe": _wipe,
    "pop": _pop,
    "type": _type,
    "bounce": _bounce,
}


def _word_box(cast: Cast) -> list[Event]:
    box, one = cast.paint.box, cast.placed
    if box is None or box.of != "word":
        return []
    margin = _WORD_BOX_X * one.em
    corners = (one.x - margin, one.top, one.x + one.width + margin, one.bottom)
    return [_box(box, corners, one.em, (cast.times.said, cast.times.over))]


def _box(box: Box, corners: tuple[float, float, float, float], em: float, times: tuple[int, int]) -> Event:
    left, top, right, bottom = corners
    top, bottom = top - BOX_Y * em, bottom + BOX_Y * em
    return Event(
        layer=_BOXES,
        start_cs=times[0],
        end_cs=times[1],
        tags=(
            *(Tag("an", (7,)), Tag("pos", (left, top)), Tag("bord", (0,)), Tag("shad", (0,))),
            *(Tag("1c", (box.colour,)), Tag("1a", (box.alpha,))),
        ),
        body=Shape(right - left, bottom - top, _RADIUS * em),
    )


def _scaled(share: float) -> tuple[Tag, ...]:
    return (Tag("fscx", (100 * share,)), Tag("fscy", (100 * share,)))


def _clip(cast: Cast, left: float, right: float) -> Tag:
    """What is seen lies between; above and below nothing is cut off."""
    return Tag("clip", (max(0.0, left), 0, min(float(cast.stage.width), right), cast.stage.height))


def _uncovered(cast: Cast, width: float) -> Tag:
    one = cast.placed
    if one.token.setting.rtl:
        return _clip(cast, one.x + one.width - width, one.x + one.width + one.em)
    return _clip(cast, one.x - one.em, one.x + width)


def _open(cast: Cast) -> Tag:
    return _clip(cast, 0, cast.stage.width)
