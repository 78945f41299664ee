"""What happens in a rendered stream, and when: recorded kills with the idle time taken out, scenes put between rounds.

Kills keep their distances within a round up to `IDLE_S`; the streamer is one of the players.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

IDLE_S: Final = 4.5  # longest quiet stretch kept between two kills of a round
BANNER_S: Final = 3.0
LENGTHS_S: Final = {"buy": 4.0, "menu": 7.0, "replay": 6.0, "scoreboard": 3.0}


class Kill(NamedTuple):
    """A row of the feed."""

    t: float
    who: str
    victim: str
    weapon: str
    headshot: bool


class Banner(NamedTuple):
    """A message over the picture: round_won, round_lost, ace, clutch, victory, defeat."""

    t: float
    kind: str


class Scene(NamedTuple):
    """A stretch: buy, menu, replay, scoreboard; flash (of the game), blind (of all), stinger."""

    start: float
    end: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All of it, in media time s. `friends` are the streamer's team, the streamer included."""

    player: str
    friends: frozenset[str]
    length_s: float
    kills: tuple[Kill, ...]
    banners: tuple[Banner, ...] = ()
    scenes: tuple[Scene, ...] = ()
    alerts: tuple[float, ...] = field(default=())  # a streamer's pop-up begins

    def during(self, t: float, *kinds: str) -> Scene | None:
        """The stretch of one of these kinds that t lies in."""
        return next((scene for scene in self.scenes if scene.kind in kinds and scene.start <= t < scene.end), None)

    def kill_number(self, kill: Kill) -> int:
        """Which of the streamer's kills since the round began it is, counted from 1."""
        begun = max((banner.t for banner in self.banners if banner.t <= kill.t), default=0.0)
        return sum(one.who == self.player and begun <= one.t <= kill.t for one in self.kills)


class Recorded(NamedTuple):
    """A kill of a recorded match."""

    t: float
    round: int
    who: str
    victim: str
    weapon: str
    headshot: bool


def read_match(path: Path, match: str) -> list[Recorded]:
    """One match of fx-kills/kills.csv."""
    with path.open() as lines:
        return [
            Recorded(
                float(row["t_s"]),
                int(row["round"]),
                row["killer"],
                row["victim"],
                row["weapon"],
                row["headshot"] == "1",
            )
            for row in csv.DictReader(lines)
            if row["match"] == match and row["killer"] != row["victim"]
        ]


def team_of(player: str, kills: Sequence[Recorded]) -> frozenset[str]:
    """Those who kill whom the player's enemies are, by majority; two passes settle it."""
    names = {name for kill in kills for name in (kill.who, kill.victim)}
    friends = {player}
    for _ in range(3):
        leaning = dict.fromkeys(names, 0)
        for kill in kills:
            for one, other in ((kill.who, kill.victim), (kill.victim, kill.who)):
                leaning[one] += -1 if other in friends else (1 if friends != {player} or other == player else 0)
        enemies = {name for name in names if leaning[name] < 0}
        friends = (names - enemies) | {player}
    return frozenset(friends)


def compose(kills: Sequence[Recorded], player: str, *, length_s: float, seed: int) -> Script:
    """Rounds in which the player kills twice, until the stream is full; scenes of all kinds in between."""
    random = np.random.default_rng(seed)
    friends = team_of(player, kills)
    rows: list[Kill] = []
    banners: list[Banner] = []
    scenes: list[Scene] = []
    t, played = 3.0, 0
    for one in _rounds(kills, player):
        times = _squeezed([kill.t for kill in one], t)
        over = times[-1] + 1.2
        if over + 2 * BANNER_S + 4 > length_s:
            continue  # a shorter one may fit
        rows += [
            Kill(at, kill.who, kill.victim, kill.weapon, kill.headshot) for at, kill in zip(times, one, strict=True)
        ]
        banners += [Banner(over, kind) for kind in _ends(one, player, friends)]
        scenes += _flashes(times, random)
        scenes += _looks_at_scores(times)
        t = over + BANNER_S + 1.0
        for kind in (("replay", "buy"), ("menu", "buy"), ("buy",))[played % 3]:
            scenes.append(Scene(t, t + LENGTHS_S[kind], kind))
            t += LENGTHS_S[kind] + (0.8 if kind != "buy" else 0.3)
        if played % 2:
            scenes.append(Scene(over + BANNER_S + 0.3, over + BANNER_S + 0.9, "stinger"))
        t, played = t + 1.5, played + 1
    if banners and banners[-1].t + 2 * BANNER_S + 1 < length_s:
        won = banners[-1].kind != "round_lost"
        cleared = [scene for scene in scenes if scene.start < banners[-1].t]
        scenes = cleared
        banners.append(Banner(banners[-1].t + BANNER_S + 1, "victory" if won else "defeat"))
    alerts = tuple(float(at) for at in np.arange(12, length_s, 31))
    return Script(
        player=player, friends=friends, length_s=length_s, kills=tuple(rows), banners=tuple(banners),
        scenes=tuple(sorted(scenes)), alerts=alerts,
    )  # fmt: skip


def as_recorded(kills: Sequence[Recorded], player: str, *, length_s: float, seed: int) -> Script:
    """A match at its own pace: its kills, the ends of rounds, and buy phases where the next round leaves the time."""
    random = np.random.default_rng(seed)
    friends, begun = team_of(player, kills), kills[0].t - 3.0
    rows: list[Kill] = []
    banners: list[Banner] = []
    scenes: list[Scene] = []
    for _, group in groupby(kills, key=lambda kill: kill.round):
        one = list(group)
        times = [kill.t - begun for kill in one if kill.t - begun + 2 * BANNER_S < length_s]
        if not times:
            break
        if banners and (buy := banners[-1].t + BANNER_S + 1.0) + LENGTHS_S["buy"] < times[0]:
            scenes.append(Scene(buy, buy + LENGTHS_S["buy"], "buy"))
        rows += [Kill(at, *kill[2:]) for at, kill in zip(times, one, strict=False)]
        if len(times) == len(one):
            banners += [Banner(times[-1] + 1.2, kind) for kind in _ends(one, player, friends)]
        scenes += _flashes(times, random) + _looks_at_scores(times)
    return Script(
        player=player, friends=friends, length_s=length_s, kills=tuple(rows), banners=tuple(banners),
        scenes=tuple(sorted(scenes)),
    )  # fmt: skip


def only(kind: str, length_s: float, player: str) -> Script:
    """Nothing but one scene, with a blink of the game between its pages."""
    pages = np.arange(1.0, length_s, 20)
    return Script(
        player=player, friends=frozenset({player}), length_s=length_s, kills=(),
        scenes=tuple(Scene(float(at), min(float(at) + 18.5, length_s), kind) for at in pages),
    )  # fmt: skip


def _rounds(kills: Sequence[Recorded], player: str) -> Iterator[list[Recorded]]:
    for _, group in groupby(kills, key=lambda kill: kill.round):
        one = list(group)
        if sum(kill.who == player for kill in one) >= 2:
            yield one


def _squeezed(times: Sequence[float], start: float) -> list[float]:
    squeezed = [start]
    for before, after in pairwise(times):
        squeezed.append(squeezed[-1] + min(max(after - before, 0.05), IDLE_S))
    return squeezed


def _ends(one: Sequence[Recorded], player: str, friends: frozenset[str]) -> list[str]:
    """How a round ends: an ace and a clutch say more than that it was won."""
    won = one[-1].who in friends
    own = sum(kill.who == player for kill in one)
    lost = sum(kill.victim in friends for kill in one)
    if own >= 5:
        return ["ace"]
    if won and lost >= 4 and all(kill.victim != player for kill in one):
        return ["clutch"]
    return ["round_won" if won else "round_lost"]


def _flashes(times: Sequence[float], random: np.random.Generator) -> list[Scene]:
    """One before a kill's row comes, one over rows that stand."""
    scenes = []
    for at in times[1::3]:
        start = at - float(random.uniform(0.1, 0.5))
        scenes.append(Scene(start, start + float(random.uniform(0.7, 1.4)), "flash"))
    if len(times) > 2:
        scenes.append(Scene(times[2] + 1.1, times[2] + 1.6, "blind"))
    return scenes


def _looks_at_scores(times: Sequence[float]) -> list[Scene]:
    """In the first gap that is long enough to look at the scoreboard."""
    for before, after in pairwise(times):
        if after - before > LENGTHS_S["scoreboard"] + 1.5:
            return [Scene(before + 0.8, before + 0.8 + LENGTHS_S["scoreboard"], "scoreboard")]
    return []
