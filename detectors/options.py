"""The profile: what counts as worth a clip for one kind of stream, and how long its clips are. Frozen, unknown keys refused.

Shipped profiles state every value in configs/profiles/*.yaml, each with its source; `configs` reads them. The defaults
here are those of `gaming`. "detection.md" is the project's design page on detection.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

Seconds = Annotated[float, Field(ge=0, le=7200)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Options(BaseModel, frozen=True, extra="forbid"):
    """Common base: a typo in a profile is an error, not a default."""


class ClipLengths(_Options):
    """What a clip shows around its moment, in seconds."""

    pre_s: Seconds = Field(12, description="Kept from before the anchor (the strongest onset).")
    post_s: Seconds = Field(6, description="Kept after the last supporting sound, picture or word; chat never counts.")
    min_s: Seconds = Field(12, description="Shorter ones are lengthened at the start.")
    max_s: Seconds = Field(60, gt=0, description="Longer ones are cut at the end.")

    @model_validator(mode="after")
    def _ordered(self) -> ClipLengths:
        if not self.min_s <= self.max_s:
            raise ValueError(f"min_s {self.min_s} is above max_s {self.max_s}")
        if self.pre_s + self.post_s >= self.max_s:
            raise ValueError("pre_s + post_s leaves no room for the moment within max_s")
        return self


class Weights(_Options):
    """How much each kind of evidence counts in the log-odds; never negative."""

    chat: float = Field(2.0, ge=0)
    audio_class: float = Field(1.2, ge=0, description="What the sound is: crowd, shout, laughter.")
    audio_dynamics: float = Field(1.2, ge=0, description="How far the sound rises over its own 15 minutes.")
    speech: float = Field(0.8, ge=0)
    game: float = Field(2.4, ge=0)
    vision: float = Field(0.2, ge=0)
    command: float = Field(4.0, ge=0)


class BaselineOptions(_Options):
    """Running medians that every signal is measured against, and how soon they are trusted."""

    window_s: Seconds = 900
    alarm_influence: Share = Field(0.1, description="Weight of samples taken while an alarm is open.")
    prior_samples: float = Field(60, ge=0, description="What the prior spread counts against measured samples.")
    ready_from_s: Seconds = 20
    ready_start: Share = 0.6
    ready_full_s: Seconds = 300
    tail_window_s: Seconds = 7200
    tail_prior_s: Seconds = Field(1800, description="Stretch of stream that the prior alarm rate counts as.")
    tail_prior_peaks: float = Field(5, gt=0, description="Observed peaks that the prior tail counts as.")
    neutral_per_h: float = Field(20, gt=0, description="Something this frequent says nothing.")


class AudioOptions(_Options):
    """Excursions of loudness: enter, leave, how strong, how long. dB over the reference unless said otherwise."""

    enter_db: float = Field(3, gt=0)
    exit_share: Share = Field(0.6, description="Leave at this share of enter_db.")
    none_db: float = Field(2, ge=0, description="An excess that says nothing.")
    full_db: float = Field(7, gt=0, description="An excess that says all that loudness can say.")
    floor_db: float = Field(1, gt=0, description="Smallest spread of a level that is believed.")
    prior_spread_db: float = Field(3, gt=0)
    tail_per_h: float = Field(8, gt=0, description="Prior: excursions per hour.")
    tail_db: float = Field(1.5, gt=0, description="Prior: mean excess of an excursion over enter_db.")
    min_s: Seconds = Field(0.6, gt=0)
    hang_s: Seconds = Field(0.7, gt=0, description="Below the exit for this long ends it; also kept as its decay.")
    max_s: Seconds = Field(20, gt=0, description="Longer without decay is a new level, not an event.")
    unclassed: Share = Field(0.3, description="What plain loudness keeps when the sound is neither crowd nor voice.")


class ChatOptions(_Options):
    """Message rate against its own median, as a log ratio."""

    window_s: Seconds = Field(15, gt=0)
    enter: float = Field(0.8, gt=0)
    exit_share: Share = 0.6
    none: float = Field(0.9, ge=0, description="A log ratio that says nothing.")
    full: float = Field(1.8, gt=0, description="A log ratio that says all that the rate can say.")
    tail_per_h: float = Field(8, gt=0)
    tail_scale: float = Field(0.25, gt=0)
    settle_s: Seconds = Field(2.5, description="No rise for this long means it has peaked.")
    decide_s: Seconds = Field(10, description="Judged at the latest this long after the alarm.")
    full_users: int = Field(6, gt=0, description="Fewer people scale the evidence down.")
    flood_s: Seconds = Field(60, description="How long a raid or gift explains a busy chat.")


class LagOptions(_Options):
    """How long after a moment its chat reacts; learned per channel."""

    prior_s: Seconds = 25
    prior_sd_s: Seconds = Field(12, gt=0)
    observed_sd_s: Seconds = Field(4, gt=0)
    min_s: Seconds = 3
    max_s: Seconds = 60
    keep: int = Field(15, gt=0, description="Running median over this many observations.")


class BarOptions(_Options):
    """What a moment has to reach, and how the bar keeps to the hourly budget."""

    p_min: float = Field(0.5, gt=0, lt=1)
    p_max: float = Field(0.9, gt=0, lt=1)
    step: float = Field(0.25, ge=0, description="Logit that each clip adds, and an unspent budget takes back.")
    bucket: int = Field(3, gt=0, description="Clips at hand when a stream starts, and the overdraft above p_max.")
    cooldown_s: Seconds = 45
    bump: float = Field(1.0, ge=0, description="Logit added right after a clip.")
    bump_decay_s: Seconds = Field(60, gt=0)
    win_logit: float = Field(1.0, ge=0, description="A later duplicate replaces the earlier from this lead on.")
    duplicate_iou: Share = 0.3


class FusionOptions(_Options):
    """From events to moments."""

    bias: float = -2.0
    agree: float = Field(0.7, ge=0, description="Logit for two families that agree.")
    rest: Share = Field(0.3, description="What the weaker members of one family still count.")
    cap: float = Field(2.5, gt=0, description="Largest log-likelihood ratio one event may claim.")
    join_gap_s: Seconds = Field(10, description="Events closer than this are one moment.")
    deadline_s: Seconds = Field(75, description="Confirmed or rejected at the latest this long after the anchor.")
    snap_s: Seconds = Field(3, description="How far the start may move to a silence or a scene cut.")


class DetectOptions(_Options):
    """Everything that decides whether something is a moment."""

    weights: Weights = Weights()
    baseline: BaselineOptions = BaselineOptions()
    audio: AudioOptions = AudioOptions()
    chat: ChatOptions = ChatOptions()
    lag: LagOptions = LagOptions()
    fusion: FusionOptions = FusionOptions()
    bar: BarOptions = BarOptions()


class Profile(_Options):
    """A named set of detection options, clip lengths and the hourly budget."""

    name: str = Field("gaming", pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    clips_per_hour: float = Field(6, gt=0, le=120)
    clip: ClipLengths = ClipLengths()
    detect: DetectOptions = DetectOptions()
