"""The profile's `detect.audio`: when sound stands out, and what that can say."""

from __future__ import annotations

from pydantic import BaseModel, Field

from detectors.units import Seconds, Share


class RoarOptions(BaseModel, frozen=True, extra="forbid"):
    """Sound that stays up, by CUSUM. Sums are in standard deviations x half seconds."""

    k: float = Field(default=0.5, ge=0, description="Taken off each half second: the drift that is no roar.")
    h: float = Field(default=5, gt=0, description="Sum that opens an alarm; a fall by as much ends it.")
    most: float = Field(default=3, gt=0, description="One half second adds no more: a bang is no roar.")
    full: float = Field(default=20, gt=0, description="A sum that says all that a roar can say.")
    tail_per_h: float = Field(default=6, gt=0, description="Prior: alarms per hour.")
    tail_scale: float = Field(default=4, gt=0, description="Prior: mean excess of a sum over h.")
    talk_none_db: float = Field(default=-4, description="Level of all of the sound over loud talk's that says nothing.")
    talk_full_db: float = Field(default=-1, description="Level over loud talk's from which a roar counts in full.")
    max_s: Seconds = Field(default=45, gt=0, description="Longer is how the stream sounds now.")
    worth: Share = Field(default=0.6, description="Share of the largest evidence that a roar can bring.")


class AudioOptions(BaseModel, frozen=True, extra="forbid"):
    """Excursions of loudness: enter, leave, how strong, how long. dB over the reference unless said otherwise."""

    enter_db: float = Field(default=3, gt=0)
    exit_share: Share = Field(default=0.6, description="Leave at this share of enter_db.")
    none_db: float = Field(default=2, ge=0, description="An excess that says nothing.")
    full_db: float = Field(default=7, gt=0, description="An excess that says all that loudness can say.")
    talk_none_db: float = Field(default=-0.5, description="Exposure over 3 s of loud talk that says nothing.")
    talk_full_db: float = Field(default=0.5, description="Exposure over that from which loudness counts in full.")
    floor_db: float = Field(default=1, gt=0, description="Smallest spread of a level that is believed.")
    prior_spread_db: float = Field(default=3, gt=0)
    tail_per_h: float = Field(default=8, gt=0, description="Prior: excursions per hour.")
    tail_db: float = Field(default=1.5, gt=0, description="Prior: mean excess of an excursion over enter_db.")
    min_s: Seconds = Field(default=0.6, gt=0)
    hang_s: Seconds = Field(default=0.7, gt=0, description="Below the exit this long ends it; kept as decay.")
    max_s: Seconds = Field(default=20, gt=0, description="Longer without decay is a new level, not an event.")
    breath_db: float = Field(default=10, gt=0, description="This far under loud talk nobody speaks.")
    unclassed: Share = Field(default=0.3, description="Kept by sound that is neither crowd nor voice.")
    roar: RoarOptions = RoarOptions()
