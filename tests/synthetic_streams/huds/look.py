"""What is common to the drawn HUDs: how one stream of a game looks, where a feed's rows stand, how banners come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from tests.synthetic_streams.huds.drawing import Patch, Picture, centred, paste, scaled
from tests.synthetic_streams.huds.script import BANNER_S, Kill, Script

SLIDE_S: Final = 0.15  # rows move up, new ones come in
FADE_S: Final = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One stream's: the game's own letters, the picture's height (16:9), how solid its plates are."""

    font: str
    height: int
    opacity: float

    @property
    def width(self) -> int:
        """Even, 16:9."""
        return self.height * 16 // 18 * 2

    def px(self, heights: float) -> int:
        """From units of the picture's height."""
        return max(1, round(heights * self.height))


class Feed(NamedTuple):
    """Where rows stand, in units of the height: the right edge's margin, the first row's top, from row to row."""

    margin: float
    top: float
    pitch: float
    stays_s: float
    most: int


def draw_feed(
    picture: Picture, feed: Feed, look: Look, kills: tuple[Kill, ...], t: float, row: Callable[[Kill], Patch]
) -> None:
    """Oldest on top; the newest come from the right, the oldest fade, those below move up."""
    seen = [kill for kill in kills if kill.t <= t < kill.t + feed.stays_s + SLIDE_S][-feed.most :]
    place = 0.0
    for kill in seen:
        age = t - kill.t
        patch = row(kill)
        opacity = min(1.0, (feed.stays_s - age) / FADE_S)
        if opacity > 0:
            away = max(0.0, 1 - age / SLIDE_S) * look.px(0.05)
            x = look.width - look.px(feed.margin) - patch.shape[1] + round(away)
            paste(picture, patch, x, round(look.height * feed.top + place * look.height * feed.pitch), opacity)
        place += min(1.0, max(0.0, (feed.stays_s + SLIDE_S - age) / SLIDE_S))


def draw_popping(picture: Picture, patch: Patch, x: float, y: float, age: float, stays_s: float) -> None:
    """Centred at x, y px: comes in large, is gone at the end."""
    if not 0 <= age < stays_s:
        return
    grown = scaled(patch, 1 + 0.35 * max(0.0, 1 - age / 0.2))
    paste(picture, grown, *centred(grown, x, y), min(1.0, (stays_s - age) / 0.3, 0.4 + age * 4))


def shown_kills(script: Script, t: float) -> tuple[tuple[Kill, ...], float]:
    """What the feed shows and at which time: in a replay the kills of the round before, once more."""
    replay = script.during(t, "replay")
    if replay is None:
        begun = max(
            (scene.end for scene in script.scenes if scene.kind in ("buy", "replay") and scene.end <= t), default=0.0
        )
        return tuple(kill for kill in script.kills if kill.t >= begun), t
    before = [kill for kill in script.kills if kill.t < replay.start]
    own = [kill for kill in before if kill.who == script.player]
    return tuple(before), (own[-1].t if own else replay.start) - 2.0 + (t - replay.start)


def banner_at(script: Script, t: float) -> tuple[str, float] | None:
    """The kind of banner that shows, and for how long it has."""
    for banner in script.banners:
        if banner.t <= t < banner.t + BANNER_S:
            return banner.kind, t - banner.t
    return None
