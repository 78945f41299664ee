"""What a game's HUD says, as values: kills, streaks, rounds, victories. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from core.times import Ns

NO_GAME: Final = "off"  # where a game is named: none, whatever the profile says
NAME_LENGTH: Final = 40  # characters of a name that are kept; games allow 16 to 32


class GameKind(StrEnum):
    """What happened in the game."""

    KILL = "kill"
    DEATH = "death"
    ASSIST = "assist"
    STREAK = "streak"
    CLUTCH = "clutch"  # the last one alive wins the round
    ROUND_WON = "round_won"
    ROUND_LOST = "round_lost"
    VICTORY = "victory"
    DEFEAT = "defeat"
    OBJECTIVE = "objective"


GameSource = Literal["feed", "banner", "counter", "text", "model", "sound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GameEvent:
    """One thing that the HUD showed, or that a sound of the game told.

    `t_ns` is the media time at which it first showed: between the last frame without it and the first one with it.
    `known_ns` >= `t_ns` is the media time from which a detector may use it. `own`: the streamer did it, or it happened
    to them (a death). `count` is a streak's size or a counter's step. Names are read off the screen: they are cleaned,
    bounded and otherwise untrusted. `end_ns` is its last sight, when known.
    """

    t_ns: Ns
    known_ns: Ns
    kind: GameKind
    game: str
    own: bool
    source: GameSource
    count: int = 1
    who: str = ""
    victim: str = ""
    weapon: str = ""
    score: float = 1.0
    end_ns: Ns | None = None

    def __post_init__(self) -> None:
        if self.known_ns < self.t_ns:
            raise ValueError(f"{self.kind} at {self.t_ns} is known before, at {self.known_ns}")
        if self.count < 1 or not 0.0 <= self.score <= 1.0:
            raise ValueError(f"{self.kind}: count {self.count}, score {self.score}")
        for name in (self.who, self.victim, self.weapon):
            if name != clean_name(name):
                raise ValueError(f"{self.kind}: a name is not clean: {name!r}")


def clean_name(text: str) -> str:
    """A name without control, format and unassigned characters, its spaces single, at most NAME_LENGTH long."""
    plain = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in text[: 4 * NAME_LENGTH])
    return " ".join(plain.split())[:NAME_LENGTH].rstrip()
