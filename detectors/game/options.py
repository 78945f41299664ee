"""What a game's events count for."""

from __future__ import annotations

from itertools import pairwise

from pydantic import BaseModel, Field, field_validator

from detectors.units import Seconds, Share


class CallOptions(BaseModel, frozen=True, extra="forbid"):
    """What the game calls out once: a match won, a round won."""

    worth: float = Field(ge=0, description="llr of one.")
    per_h: float = Field(gt=0, description="How often an hour, before any were counted.")


class GameOptions(BaseModel, frozen=True, extra="forbid"):
    """Kills in a row, and what the game calls out."""

    window_s: Seconds = Field(default=15, gt=0, description="Kills inside this long count together.")
    kills: tuple[float, ...] = Field(
        default=(0.2, 0.6, 1.5, 2.2, 2.5), min_length=1, max_length=20, description="llr of one, of two, and so on."
    )
    kills_per_h: float = Field(default=14.7, gt=0, description="A player's streaks, of one kill and more.")
    tail_kills: float = Field(default=0.61, gt=0, description="How many kills more are e times rarer.")
    called_less: float = Field(default=0.5, ge=0, description="Kills of a streak the game counts are spread wider.")
    others: Share = Field(default=0.3, description="What other people's streaks count of one's own.")
    other_players: float = Field(default=9, gt=0, description="How many there are to have some.")
    sound: Share = Field(default=0.3, description="How sure a sound alone is that there was one.")
    same_s: Seconds = Field(default=3, description="Feed, counter, banner and sound tell of one kill this far apart.")
    fight_gap_s: Seconds = Field(default=6, description="A fight goes on while rows come this soon after each other.")
    known_s: Seconds = Field(default=6, description="What the screen shows is known this late, at most.")
    victory: CallOptions = CallOptions(worth=0.8, per_h=1)
    clutch: CallOptions = CallOptions(worth=1.8, per_h=1)
    round_won: CallOptions = CallOptions(worth=0.2, per_h=12)
    objective: CallOptions = CallOptions(worth=0.2, per_h=12)

    @field_validator("kills")
    @classmethod
    def _rising(cls, kills: tuple[float, ...]) -> tuple[float, ...]:
        if kills[0] < 0 or any(later < earlier for earlier, later in pairwise(kills)):
            raise ValueError("kills must not fall: another kill never counts less")
        return kills
