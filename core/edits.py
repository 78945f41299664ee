"""Edit decisions and render specs: the recipe of a clip. A clip is a pure function of (segments, decision, spec)."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.ids import ClipId, MomentId, SessionId
from core.media import Gap
from core.times import Ns


@dataclass(frozen=True, slots=True, kw_only=True)
class EditDecision:
    """What revision N of a clip shows, on the session's media time; a new one under the same id is a new revision."""

    clip: ClipId
    revision: int
    session: SessionId
    start_ns: Ns
    end_ns: Ns
    title: str
    score: float
    reasons: tuple[str, ...]
    moment: MomentId | None = None  # None for a manual cut
    anchor_ns: Ns | None = None

    def __post_init__(self) -> None:
        if self.end_ns <= self.start_ns:
            raise ValueError(f"empty edit {self.start_ns}..{self.end_ns}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSpec:
    """How the decision becomes files. `formats` holds `master` and, in later versions, `vertical` and `square`."""

    formats: tuple[str, ...] = ("master",)
    max_av_offset_ns: Ns = Ns(40_000_000)  # DESIGN.md section 8 and product.md "Boundary": <= 40 ms at head and tail


@dataclass(frozen=True, slots=True, kw_only=True)
class CutResult:
    """What the cutter measured on its own output; every number is read back from the written file."""

    start_ns: Ns  # media time of the first shown frame: the keyframe at or before the wanted start
    end_ns: Ns
    duration_s: float
    av_head_ms: float | None  # first audio minus first video; None without both
    av_tail_ms: float | None
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()  # codes: transcoded_video, transcoded_audio, epoch_limited, evicted_head, ...
    streams: tuple[str, ...] = field(default=())
