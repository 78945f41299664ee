"""Events, moments and their life: what detectors find, and what fusion makes of it. Pure.

open -> provisional -> confirmed -> final, or rejected(reason), or withdrawn(reason) after it was shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.ids import MomentId
from core.times import Ns


class Family(StrEnum):
    """What kind of evidence; members of one family are correlated and count once in full."""

    AUDIO = "audio"
    SPEECH = "speech"
    CHAT = "chat"
    VISION = "vision"
    GAME = "game"
    COMMAND = "command"

    __hash__ = str.__hash__  # equal strings, equal hashes; enum's own is written in Python, and asked at every step


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What one detector found.

    `peak_ns` is where it was strongest, already moved back by the detector's reaction lag; `sd_ns` its uncertainty.
    `surprise_per_h`: how often an hour the stream shows something at least as strong. `llr`: log-likelihood ratio for
    "worth a clip", before caps and weights; negative for a penalty. `quality` 0..1 scales it (cold start, few users).
    `why` is a finished phrase for people, with its numbers.
    """

    kind: str
    family: Family
    start_ns: Ns
    end_ns: Ns
    peak_ns: Ns
    llr: float
    surprise_per_h: float
    quality: float
    why: str
    found_ns: Ns  # media time at which the detector could first know
    sd_ns: Ns = Ns(0)
    values: Mapping[str, float] = field(default_factory=dict)


class MomentState(StrEnum):
    """Where a moment stands; `final` is a confirmed one that no later event can change."""

    OPEN = "open"
    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    FINAL = "final"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Events fused: a candidate for a clip, with its score explained.

    `start_ns`..`end_ns` is what the clip should show (pre- and post-roll included, snapped); `p` the fused probability,
    `bar` what it had to reach when it was decided, `parts` the logit each family gave (penalties negative), `reasons`
    the events' phrases, strongest first. `reason` is the code of a rejection or withdrawal, else "".
    """

    id: MomentId
    state: MomentState
    start_ns: Ns
    end_ns: Ns
    anchor_ns: Ns
    p: float
    bar: float
    parts: Mapping[str, float]
    reasons: tuple[str, ...]
    decided_ns: Ns  # media time of this decision
    reason: str = ""
    waited_for_chat: bool = False
    events: tuple[Event, ...] = ()
