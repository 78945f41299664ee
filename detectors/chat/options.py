"""The profile's `detect.chat`: when a chat reacts to something."""

from __future__ import annotations

from pydantic import BaseModel, Field, model_validator

from detectors.units import Seconds, Share


class BurstOptions(BaseModel, frozen=True, extra="forbid"):
    """When one number about the chat is a burst, and what that says. In the number's own unit.

    An alarm begins at a threshold that follows the alarms: each raises it by `gain`, time lowers it, so that they come
    `alarms_per_h` times an hour in any chat, as far as `lowest`..`highest` allow.
    """

    start: float = Field(gt=0, description="The threshold before anything was seen.")
    lowest: float = Field(gt=0, description="The threshold never falls below.")
    highest: float = Field(gt=0, description="The threshold never rises above.")
    alarms_per_h: float = Field(gt=0, description="Asked for.")
    gain: float = Field(ge=0, description="What an alarm adds to the threshold; 0 keeps it where it starts.")
    none: float = Field(ge=0, description="A peak this far over the threshold says nothing.")
    full: float = Field(gt=0, description="A peak this far over the threshold says all that this number can say.")
    fresh: float = Field(gt=0, description="Rise out of a valley that a second burst needs.")
    tail_scale: float = Field(gt=0, description="Prior: mean excess of a burst over the threshold.")
    worth: Share = Field(description="Share of the largest evidence that this number can bring.")

    @model_validator(mode="after")
    def _ordered(self) -> BurstOptions:
        if not self.lowest <= self.start <= self.highest:
            raise ValueError(f"start {self.start} is not within lowest {self.lowest} .. highest {self.highest}")
        if self.none >= self.full:
            raise ValueError(f"none {self.none} is not below full {self.full}")
        return self


class ClipCallOptions(BaseModel, frozen=True, extra="forbid"):
    """Viewers who ask for a clip, in words: "clip it"."""

    window_s: Seconds = Field(default=20, gt=0)
    users: int = Field(default=3, gt=0, description="As many different viewers at least.")
    full_users: int = Field(default=6, gt=0, description="As many say all that calls can say.")
    share: Share = Field(default=0.05, description="In a busy chat at least this share of the lines.")
    per_h: float = Field(default=1, gt=0, description="Prior: such calls per hour.")
    worth: Share = Field(default=1.0, description="Share of the largest evidence that calls can bring.")


class FloodOptions(BaseModel, frozen=True, extra="forbid"):
    """What explains a busy chat without a moment. Pairs are where that begins to count and where it counts in full."""

    notice_s: Seconds = Field(default=20, description="A raid or gift explains a burst this soon after.")
    gift: int = Field(default=5, gt=0, description="Subscriptions at once that bring their own applause.")
    greeting: tuple[Share, Share] = Field(default=(0.25, 0.4), description="Share of greetings.")
    copies: tuple[Share, Share] = Field(default=(0.3, 0.5), description="Share of long lines that repeat another.")
    newcomers: tuple[Share, Share] = Field(
        default=(0.7, 0.9), description="Share of the excess by accounts that never wrote before."
    )
    crowded: tuple[Share, Share] = Field(
        default=(0.3, 0.6), description="Where so many lines are usually by newcomers, they explain nothing."
    )
    heavy: tuple[Share, Share] = Field(
        default=(0.5, 0.8), description="Share of the excess by accounts that write far more than is usual here."
    )
    heavy_lines: int = Field(default=4, gt=0, description="Lines of one account in a minute that are many at least.")
    heavy_times: float = Field(default=3, ge=1, description="... and so many times what one account usually writes.")


class MoodOptions(BaseModel, frozen=True, extra="forbid"):
    """The mean valence of the lines (-1..1), as its absolute change from its own 15 minutes, shrunk by the lines."""

    burst: BurstOptions = BurstOptions(
        start=0.2, lowest=0.15, highest=0.4, alarms_per_h=6, gain=0.05, none=0.0, full=0.2, fresh=0.1,
        tail_scale=0.05, worth=0.2,
    )  # fmt: skip
    prior_lines: float = Field(default=20, gt=0, description="Lines without a mood that every window is shrunk by.")
    users: int = Field(default=8, gt=0, description="Fewer people have no common mood.")


class ChatOptions(BaseModel, frozen=True, extra="forbid"):
    """Messages as a log ratio to their median, reactions as a surprising share of the messages."""

    window_s: Seconds = Field(default=15, gt=0)
    slow_s: Seconds = Field(default=60, gt=0, description="A long stretch whose reactions are judged as well.")
    decay_s: Seconds = Field(default=40, gt=0, description="A burst dies away with this; only more than that is news.")
    rate: BurstOptions = BurstOptions(
        start=0.76, lowest=0.5, highest=1.7, alarms_per_h=12, gain=0.25, none=0.0, full=1.04, fresh=0.5,
        tail_scale=0.25, worth=0.3,
    )  # fmt: skip
    reaction: BurstOptions = BurstOptions(
        start=3.0, lowest=3.0, highest=3.0, alarms_per_h=6, gain=0.0, none=0.0, full=2.0, fresh=2.0,
        tail_scale=0.8, worth=1.0,
    )  # fmt: skip
    reaction_share: float = Field(default=0.15, gt=0, lt=1, description="Prior: reactions among messages.")
    reaction_prior: float = Field(default=60, gt=0, description="Messages that the prior counts as.")
    exit_share: Share = Field(default=0.6, description="Over at this share of the peak.")
    settle_s: Seconds = Field(default=2.5, description="No rise for this long means it has peaked.")
    decide_s: Seconds = Field(default=10, description="Judged at the latest this long after the alarm.")
    full_users: int = Field(default=8, gt=0, description="Fewer people scale the evidence down.")
    clip: ClipCallOptions = ClipCallOptions()
    flood: FloodOptions = FloodOptions()
    mood: MoodOptions = MoodOptions()
