"""How often kills follow each other, and what comes of it: python -m benchmarks.kills

2,882 kills of 15 recorded Counter-Strike matches (15.4 h from first kill to last), ten players each. The first table is
where the profiles' `detect.game` has its rates from: streaks of n kills and more inside 15 s, and of one round, for one
player and for a match, in an hour. The others run the engine of a profile over each match as each player's screen would
show it, and as a broadcast does where everybody's kills count (nothing else is heard or seen): how many streaks become
clips, and whether a clip holds its fight. The last has several sources tell of the same kills, late and not of all.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.common import render_table, write_json
from configs import load_profile
from core.game import GameEvent, GameKind, GameSource
from core.ids import SessionId
from core.moments import Moment, MomentState
from core.times import Ns, ns
from detectors import Engine, Profile
from detectors.game.detector import GameDetector
from detectors.hud.model import ANY_PLAYER
from tests.media import MEDIA

WINDOW_S: Final = 15.0
LARGEST: Final = 5
LATE_S: Final = 1.5  # a feed is read so long after it shows
SEED: Final = 3
SHOWN: Final = (MomentState.PROVISIONAL, MomentState.CONFIRMED, MomentState.FINAL)


class Kill(NamedTuple):
    """A line of the log."""

    t_s: float
    round: int
    killer: str
    victim: str


class Teller(NamedTuple):
    """How often a source sees a kill, and how long after it."""

    recall: float
    from_s: float
    to_s: float


Match = list[Kill]
TELLERS: Final[Mapping[str, Mapping[GameSource, Teller]]] = {
    "feed": {"feed": Teller(0.95, -0.25, 0.25)},
    "feed, counter": {"feed": Teller(0.95, -0.25, 0.25), "counter": Teller(0.95, 0.0, 1.0)},
    "feed, late counter": {"feed": Teller(0.95, -0.25, 0.25), "counter": Teller(0.95, 0.5, 1.8)},
    "feed, counter, medal, sound": {
        "feed": Teller(0.95, -0.25, 0.25),
        "counter": Teller(0.95, 0.0, 1.0),
        "banner": Teller(0.9, 0.0, 0.8),
        "sound": Teller(0.8, 0.0, 0.05),
    },
    "bad feed, late medal, later counter": {
        "feed": Teller(0.9, -0.25, 0.25),
        "banner": Teller(0.9, 0.2, 1.5),
        "counter": Teller(0.9, 0.5, 2.4),
    },
}


def matches() -> list[Match]:
    """In time order; none where the media is absent."""
    path = MEDIA / "fx-kills" / "kills.csv"
    if not path.is_file():
        return []
    found: defaultdict[str, Match] = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["match"]].append(Kill(float(row["t_s"]), int(row["round"]), row["killer"], row["victim"]))
    return [sorted(match) for match in found.values()]


def streaks(match: Match, player: str) -> Iterator[list[Kill]]:
    """A player's kills, those of one round within 15 s of the first together."""
    together: list[Kill] = []
    for kill in (each for each in match if each.killer == player):
        if together and (kill.t_s > together[0].t_s + WINDOW_S or kill.round != together[0].round):
            yield together
            together = []
        together.append(kill)
    if together:
        yield together


def players(match: Match) -> list[str]:
    """Who killed at all."""
    return sorted({kill.killer for kill in match})


def rates(log: Sequence[Match]) -> list[dict[str, float]]:
    """For n = 1 to 5: streaks of n and more an hour, of one player and of all ten."""
    hours = sum(match[-1].t_s - match[0].t_s for match in log) / 3600
    sizes = Counter(len(streak) for match in log for player in players(match) for streak in streaks(match, player))
    rounds = Counter(count for match in log for count in Counter((kill.killer, kill.round) for kill in match).values())
    people = sum(len(players(match)) for match in log) / len(log)
    rows = []
    for least in range(1, LARGEST + 1):
        several, of_round = (sum(n for size, n in each.items() if size >= least) for each in (sizes, rounds))
        rows.append(
            {
                "kills": least,
                "streaks": several,
                "match_per_h": round(several / hours, 2),
                "player_per_h": round(several / hours / people, 3),
                "player_rounds_per_h": round(of_round / hours / people, 3),
            }
        )
    return rows


def as_seen(match: Match, player: str) -> list[GameEvent]:
    """The feed on one player's screen, or on a broadcast's."""
    return [
        GameEvent(
            t_ns=ns(kill.t_s),
            known_ns=ns(kill.t_s + LATE_S),
            kind=GameKind.KILL,
            game="cs2",
            own=player in (ANY_PLAYER, kill.killer),
            source="feed",
            who=kill.killer,
            victim=kill.victim,
        )
        for kill in match
    ]


def clips(match: Match, player: str, profile: Profile) -> list[Moment]:
    """The last state of every clip that the engine makes of a match on a player's screen."""
    engine = Engine(profile, SessionId("s20260101t000000-abcdef"))
    engine.game(as_seen(match, player))
    moments = engine.finish(ns(match[-1].t_s + 60)).moments
    shown = {moment.id for moment in moments if moment.state in SHOWN}
    last = {moment.id: moment for moment in moments if moment.id in shown}
    return [moment for moment in last.values() if moment.state in SHOWN]


def outcome(screens: Sequence[tuple[Match, str]], profile: Profile) -> list[dict[str, float]]:
    """For own streaks of n kills: how many became clips, and how many of these hold all of their kills."""
    there, made, whole = Counter[int](), Counter[int](), Counter[int]()
    hours, published = 0.0, 0
    for match, player in screens:
        found = clips(match, player, profile)
        hours += match[-1].t_s / 3600
        published += len(found)
        for streak in (s for p in players(match) if player in (ANY_PLAYER, p) for s in streaks(match, p)):
            size = min(len(streak), LARGEST)
            first_ns, last_ns = ns(streak[0].t_s), ns(streak[-1].t_s)
            touching = [clip for clip in found if clip.start_ns <= last_ns and clip.end_ns >= first_ns]
            there[size] += 1
            made[size] += bool(touching)
            whole[size] += any(_holds(clip, first_ns, last_ns) for clip in touching)
    rows: list[dict[str, float]] = [
        {"kills": size, "streaks": there[size], "in a clip": made[size], "whole": whole[size]}
        for size in range(1, LARGEST + 1)
    ]
    return [*rows, {"hours": round(hours, 1), "clips_per_h": round(published / hours, 2)}]


def counted(log: Sequence[Match], profile: Profile) -> list[dict[str, float | str]]:
    """Streaks of two and more, told by sources that miss some kills and are late with others: how many are right."""
    rng, rows = random.Random(SEED), list[dict[str, float | str]]()
    all_ = (streak for match in log for player in players(match) for streak in streaks(match, player))
    told = [streak for streak in all_ if len(streak) > 1]
    for name, sources in TELLERS.items():
        off = [_count(streak, sources, profile, rng) - len(streak) for streak in told]
        ways = {"right": [by == 0 for by in off], "fewer": [by < 0 for by in off], "more": [by > 0 for by in off]}
        rows.append({"told by": name, **{way: round(sum(each) / len(told), 3) for way, each in ways.items()}})
    return rows


def _count(streak: Sequence[Kill], sources: Mapping[GameSource, Teller], profile: Profile, rng: random.Random) -> int:
    start_s = streak[0].t_s - 10
    seen = [
        GameEvent(
            t_ns=ns(at_s),
            known_ns=ns(at_s + LATE_S),
            kind=GameKind.KILL,
            game="cs2",
            own=True,
            source=source,
            score=0.9,
        )
        for kill in streak
        for source, teller in sources.items()
        if rng.random() < teller.recall
        for at_s in [kill.t_s - start_s + rng.uniform(teller.from_s, teller.to_s)]
    ]
    detector = GameDetector(profile)
    detector.game(seen)
    found = [event for step in range(120) for event in detector.advance(ns(step / 2))]
    return round(found[-1].values["kills"]) if found else 0


def _holds(clip: Moment, first_ns: Ns, last_ns: Ns) -> bool:
    return clip.start_ns < first_ns and last_ns < clip.end_ns


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="gaming")
    parser.add_argument("--every", type=int, default=1, help="Of the players' screens only every n-th.")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    log = matches()
    if not log:
        parser.exit(1, "fx-kills is not here\n")
    often, profile = rates(log), load_profile(args.profile)
    print(render_table(list(often[0]), [list(row.values()) for row in often]))
    screens = [(match, player) for match in log for player in players(match)][:: args.every]
    views = {"streamers": screens, "broadcasts": [(match, ANY_PLAYER) for match in log]}
    made = {name: outcome(view, profile) for name, view in views.items()}
    for name, rows in made.items():
        print(f"\n{name}: {rows[-1]}")
        print(render_table(list(rows[0]), [list(row.values()) for row in rows[:-1]]))
    right = counted(log, profile)
    print("\n" + render_table(list(right[0]), [list(row.values()) for row in right]))
    if args.json:
        write_json(args.json, {"rates": often, **made, "counted": right}, profile=args.profile, every=args.every)


if __name__ == "__main__":
    main()
