"""Two families of rendered streams that share the games' figures and layout, as streams of a game do, and nothing else:
`tuning` for choosing constants, `testing` for measuring. Letters, overlays, players, backgrounds and warmth are others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from tests.synthetic_streams.huds.backgrounds import Background, footage, turns, world
from tests.synthetic_streams.huds.look import Look
from tests.synthetic_streams.huds.overlays import TESTING, TUNING, Skin
from tests.synthetic_streams.huds.script import Script, as_recorded, compose, only, read_match
from tests.synthetic_streams.huds.stream import Game, Rendered

GAMES: Final[tuple[Game, ...]] = ("valorant", "cs2")
HEIGHTS: Final = (1080, 720)


class Family(NamedTuple):
    """What sets it apart. `players`: of which match, by skin; `films`: behind some rounds."""

    name: str
    skins: Sequence[Skin]
    fonts: dict[str, str]
    players: Sequence[tuple[str, str]]
    films: Sequence[str]
    seed: int
    opacity: float
    warmth: float


FAMILIES: Final = {
    "tuning": Family(
        "tuning", TUNING, {"valorant": "cv2:700", "cs2": "cv2:500"},
        (("3", "autimatic"), ("8", "flusha"), ("5", "draken")),
        ("fx-video/big_buck_bunny_0_30.webm",), 10, 1.0, 1.0,
    ),
    "testing": Family(
        "testing", TESTING, {"valorant": "NotoSans-ExtraBold", "cs2": "Montserrat-ExtraBold"},
        (("2", "GuardiaN"), ("test_2", "rain"), ("11", "NiKo")), ("fx-game/dm_seed7.mp4", "fx-video/bikes.mp4"),
        500, 0.93, 1.03,
    ),
}  # fmt: skip


def streams(family: Family, media: Path, *, length_s: float, games: Sequence[Game] = GAMES) -> list[Rendered]:
    """Each game at each height in each skin; a skin has its player."""
    result = []
    for game in games:
        for height in HEIGHTS:
            for i, (match, player) in enumerate(family.players):
                seed = family.seed + 7 * i + (100 if game == "cs2" else 0)
                kills = read_match(media / "fx-kills" / "kills.csv", match)
                half = len(kills) // 2 if game == "cs2" else 0
                script = compose(kills[half:], player, length_s=length_s, seed=seed)
                result.append(_rendered(family, game, height, i, script, media))
    return result


def paced(family: Family, media: Path, game: Game, height: int, *, length_s: float) -> Rendered:
    """Part of a match as it was recorded, in the first skin, with its player."""
    match, player = family.players[0]
    kills = read_match(media / "fx-kills" / "kills.csv", match)
    script = as_recorded(kills, player, length_s=length_s, seed=family.seed)
    return replace(_rendered(family, game, height, 0, script, media), name=f"{game} {height}p as recorded")


def quiet(family: Family, media: Path, game: Game, *, length_s: float) -> Rendered:
    """Menus, and the game for a second and a half between them."""
    script = only("menu", length_s, family.players[0][1])
    return _rendered(family, game, 720, 0, script, media)


def _rendered(family: Family, game: Game, height: int, skin: int, script: Script, media: Path) -> Rendered:
    look = Look(font=family.fonts[game], height=height, opacity=family.opacity)
    seed = family.seed + 3 * skin
    views: list[Callable[[], Background]] = [
        lambda: world(look.width, height, seed),
        lambda: world(look.width, height, seed + 1),
    ]
    views += [partial(footage, look.width, height, media / film, min(2.0 + 5 * skin, 7.0)) for film in family.films]
    return Rendered(
        name=f"{game} {height}p {skin + 1}", game=game, script=script, look=look, background=turns(views, 9.0),
        skin=family.skins[skin], warmth=family.warmth,
    )  # fmt: skip
