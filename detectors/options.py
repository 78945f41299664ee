"""The profile: what counts as worth a clip for one kind of stream, and how long its clips are.

Frozen, and a typo in a profile is an error, not a default.

Shipped profiles state every value in configs/profiles/*.yaml, each with its source; `configs` reads them. The defaults
here are those of `gaming`. "detection.md" is the project's design page on detection.
"""

from __future__ import annotations

from pydantic import BaseModel, Field, model_validator

from detectors.audio.options import AudioOptions
from detectors.chat.options import ChatOptions
from detectors.fusion.calibration import Calibration
from detectors.game.options import GameOptions
from detectors.speech.options import CommandOptions, SpeechOptions
from detectors.units import Seconds, Share


class ClipLengths(BaseModel, frozen=True, extra="forbid"):
    """What a clip shows around its moment, in seconds."""

    pre_s: Seconds = Field(default=12, description="Kept from before the anchor (the strongest onset).")
    post_s: Seconds = Field(default=6, description="Kept after the last supporting event; chat never counts.")
    min_s: Seconds = Field(default=12, description="Shorter ones are lengthened at the start.")
    max_s: Seconds = Field(default=60, gt=0, description="Longer ones are cut at the end.")

    @model_validator(mode="after")
    def _ordered(self) -> ClipLengths:
        if not self.min_s <= self.max_s:
            raise ValueError(f"min_s {self.min_s} is above max_s {self.max_s}")
        if self.pre_s + self.post_s >= self.max_s:
            raise ValueError("pre_s + post_s leaves no room for the moment within max_s")
        return self


class Weights(BaseModel, frozen=True, extra="forbid"):
    """How much each kind of evidence counts in the log-odds; never negative."""

    chat: float = Field(default=2.5, ge=0)
    audio_class: float = Field(default=1.5, ge=0, description="What the sound is: crowd, shout, laughter.")
    audio_dynamics: float = Field(default=1.5, ge=0, description="How far the sound rises over its own 15 minutes.")
    speech: float = Field(default=1.0, ge=0)
    game: float = Field(default=3.0, ge=0)
    vision: float = Field(default=0.25, ge=0)
    command: float = Field(default=2.5, ge=0)


class BaselineOptions(BaseModel, frozen=True, extra="forbid"):
    """Running medians that every signal is measured against, and how soon they are trusted."""

    window_s: Seconds = 900
    alarm_influence: Share = Field(default=0.1, description="Weight of samples taken while an alarm is open.")
    prior_samples: float = Field(default=60, ge=0, description="What the prior spread counts against measured samples.")
    ready_from_s: Seconds = 20
    ready_start: Share = 0.6
    ready_full_s: Seconds = 300
    tail_window_s: Seconds = 7200
    tail_prior_s: Seconds = Field(default=3600, description="Stretch of stream that the prior alarm rate counts as.")
    tail_prior_peaks: float = Field(default=10, gt=0, description="Observed peaks that the prior tail counts as.")
    neutral_per_h: float = Field(default=20, gt=0, description="Something this frequent says nothing.")


class VisionOptions(BaseModel, frozen=True, extra="forbid"):
    """Scene cuts: where one is, and how many of them look like an advert."""

    cut: Share = Field(default=0.35, description="Share of the picture's grey values that moved.")
    montage_s: Seconds = Field(default=15, gt=0)
    montage_none: float = Field(default=2, ge=0, description="Cuts over the usual number that say nothing.")
    montage_full: float = Field(default=6, gt=0, description="Cuts over the usual number that say all.")
    montage_llr: float = Field(default=1.5, ge=0, description="Logit that a montage takes away.")


class ReplayOptions(BaseModel, frozen=True, extra="forbid"):
    """When a span shows what was clipped before."""

    shingles: int = Field(default=6, gt=0, description="Runs of four words that come again.")
    shingles_seen: int = Field(default=5, gt=0, description="As many are enough where a picture comes again with them.")
    share: Share = Field(default=0.5, description="Of those of the shorter of two clips.")
    span_s: Seconds = Field(default=8, description="From the first of them to the last: more than a sentence.")
    frames: int = Field(default=3, gt=0, description="Different pictures that come again.")
    bits: int = Field(default=6, ge=0, le=16, description="Bits of 64 in which the same picture may differ.")
    usual_s: Seconds = Field(default=60, description="A picture also shown this shortly before proves nothing.")


class LagOptions(BaseModel, frozen=True, extra="forbid"):
    """How long after a moment its chat reacts; learned per channel."""

    prior_s: Seconds = 25
    prior_sd_s: Seconds = Field(default=12, gt=0)
    observed_sd_s: Seconds = Field(default=6, gt=0)
    min_s: Seconds = 3
    max_s: Seconds = 60
    keep: int = Field(default=15, gt=0, description="Running median over this many observations.")
    unsettle_s: Seconds = Field(default=10, description="A gap this long, or a new epoch, may have moved the delay ...")
    unsettled_sd_s: Seconds = Field(default=11, gt=0, description="... by about this much.")


class BarOptions(BaseModel, frozen=True, extra="forbid"):
    """What a moment has to reach, and how the bar keeps to the hourly budget."""

    p_min: float = Field(default=0.5, gt=0, lt=1)
    p_max: float = Field(default=0.9, gt=0, lt=1)
    step: float = Field(default=0.25, ge=0, description="Logit each clip adds, an unspent budget takes back.")
    bucket: int = Field(default=3, gt=0, description="Clips at hand at the start; overdraft above p_max.")
    cooldown_s: Seconds = 45
    bump: float = Field(default=1.0, ge=0, description="Logit added right after a clip.")
    bump_decay_s: Seconds = Field(default=60, gt=0)
    win_logit: float = Field(default=1.0, ge=0, description="A later duplicate replaces the earlier from this lead on.")
    duplicate_iou: Share = 0.3


class FusionOptions(BaseModel, frozen=True, extra="forbid"):
    """From events to moments."""

    bias: float = -2.0
    agree: float = Field(default=0.7, ge=0, description="Logit for two families that agree.")
    rest: Share = Field(default=0.3, description="What the weaker members of one family still count.")
    cap: float = Field(default=2.5, gt=0, description="Largest log-likelihood ratio one event may claim.")
    unplaced: Share = Field(default=0.2, description="What chat alone counts beyond even odds.")
    join_gap_s: Seconds = Field(default=10, description="Events closer than this are one moment.")
    deadline_s: Seconds = Field(default=75, description="Confirmed or rejected this long after the anchor.")
    snap_s: Seconds = Field(default=3, description="How far the start may move to a silence or a scene cut.")
    agrees: float = Field(default=0.3, ge=0, description="Logit that a family must bring to count as agreeing.")
    supports: float = Field(default=0.5, ge=0, description="Logit from which an event can place a moment.")
    notable: float = Field(default=1.0, ge=0, description="Evidence in logits that is worth a line in the ledger.")
    confident: float = Field(default=1.0, ge=0, description="llr of a sound sure enough to teach the chat's delay.")
    lag_sds: float = Field(default=3.0, gt=0, description="A burst further off its usual delay belongs elsewhere.")
    cause_slack_s: Seconds = Field(default=5, description="Chat may react to the picture before a crowd is heard.")
    burst_s: Seconds = Field(default=85, description="A burst of chat grows, and is one burst, for this long.")
    look_back_s: Seconds = Field(default=30, description="An order to clip means what lies this far back.")


class DetectOptions(BaseModel, frozen=True, extra="forbid"):
    """Everything that decides whether something is a moment."""

    weights: Weights = Weights()
    baseline: BaselineOptions = BaselineOptions()
    audio: AudioOptions = AudioOptions()
    chat: ChatOptions = ChatOptions()
    speech: SpeechOptions = SpeechOptions()
    command: CommandOptions = CommandOptions()
    vision: VisionOptions = VisionOptions()
    game: GameOptions = GameOptions()
    replay: ReplayOptions = ReplayOptions()
    lag: LagOptions = LagOptions()
    fusion: FusionOptions = FusionOptions()
    bar: BarOptions = BarOptions()
    calibration: Calibration = Calibration()


class Profile(BaseModel, frozen=True, extra="forbid"):
    """A named set of detection options, clip lengths and the hourly budget."""

    name: str = Field(default="gaming", pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    game: str | None = Field(default=None, max_length=2048, description="A HUD's name or folder; none: no HUD is read.")
    clips_per_hour: float = Field(default=6, gt=0, le=120)
    clip: ClipLengths = ClipLengths()
    detect: DetectOptions = DetectOptions()
