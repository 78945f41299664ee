"""The profile's `detect.chat`: when a chat reacts to something."""

from __future__ import annotations

from pydantic import BaseModel, Field

from detectors.units import Seconds, Share


class BurstOptions(BaseModel, frozen=True, extra="forbid"):
    """When one number about the chat is a burst, and what that says. In the number's own unit."""

    enter: float = Field(gt=0)
    none: float = Field(ge=0, description="A peak that says nothing.")
    full: float = Field(gt=0, description="A peak that says all that this number can say.")
    fresh: float = Field(gt=0, description="Rise out of a valley that a second burst needs.")
    tail_per_h: float = Field(gt=0, description="Prior: bursts per hour.")
    tail_scale: float = Field(gt=0, description="Prior: mean excess of a burst over enter.")
    worth: Share = Field(description="Share of the largest evidence that this number can bring.")


class ChatOptions(BaseModel, frozen=True, extra="forbid"):
    """Messages as a log ratio to their median, reactions as a surprising share of the messages."""

    window_s: Seconds = Field(default=15, gt=0)
    rate: BurstOptions = BurstOptions(
        enter=0.8, none=1.0, full=1.8, fresh=0.5, tail_per_h=8, tail_scale=0.25, worth=0.3
    )
    reaction: BurstOptions = BurstOptions(
        enter=3.0, none=3.5, full=6.0, fresh=2.0, tail_per_h=8, tail_scale=0.8, worth=1.0
    )
    reaction_share: float = Field(default=0.15, gt=0, lt=1, description="Prior: reactions among messages.")
    reaction_prior: float = Field(default=60, gt=0, description="Messages that the prior counts as.")
    exit_share: Share = Field(default=0.6, description="Over at this share of the peak.")
    settle_s: Seconds = Field(default=2.5, description="No rise for this long means it has peaked.")
    decide_s: Seconds = Field(default=10, description="Judged at the latest this long after the alarm.")
    full_users: int = Field(default=6, gt=0, description="Fewer people scale the evidence down.")
    flood_s: Seconds = Field(default=20, description="A raid or gift explains a burst this soon after.")
