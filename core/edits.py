"""Edit decisions and render specs: the recipe of a clip. A clip is a pure function of (segments, decision, spec)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from core.ids import ClipId, MomentId, SessionId
from core.media import Gap
from core.times import Ns


@dataclass(frozen=True, slots=True, kw_only=True)
class EditDecision:
    """What revision N of a clip shows, on the session's media time; a new one under the same id is a new revision.

    `drop` are ranges inside that are left out, in order and apart: a pause, an advert.
    """

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
    drop: tuple[tuple[Ns, Ns], ...] = ()

    def __post_init__(self) -> None:
        if self.end_ns <= self.start_ns:
            raise ValueError(f"empty edit {self.start_ns}..{self.end_ns}")
        edges = [self.start_ns, *(edge for span in self.drop for edge in span), self.end_ns]
        if any(b <= a for a, b in pairwise(edges)):
            raise ValueError(f"ranges to drop are empty, out of order or outside: {self.drop}")

    @property
    def kept(self) -> tuple[tuple[Ns, Ns], ...]:
        """What is left: start and end of each range in order."""
        edges = [self.start_ns, *(edge for span in self.drop for edge in span), self.end_ns]
        return tuple(zip(edges[::2], edges[1::2], strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSpec:
    """How the decision becomes files. `formats` holds `master` and, in later versions, `vertical` and `square`.

    `cut`: `keyframes` copies from the keyframe before the start, in no time; `exact` begins and ends on the wanted
    frames and codes the pictures around the cut points anew. Ranges to drop need `exact`.
    """

    formats: tuple[str, ...] = ("master",)
    max_av_offset_ns: Ns = Ns(40_000_000)  # DESIGN.md section 8 and product.md "Boundary": <= 40 ms at head and tail
    cut: Literal["keyframes", "exact"] = "keyframes"


@dataclass(frozen=True, slots=True, kw_only=True)
class CutResult:
    """What the cutter measured on its own output; every number is read back from the written file."""

    start_ns: Ns  # media time of the first shown frame: the wanted one, or the keyframe at or before it
    end_ns: Ns
    duration_s: float
    av_head_ms: float | None  # first audio minus first video; None without both
    av_tail_ms: float | None
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()  # codes: transcoded_video, transcoded_audio, epoch_limited, evicted_head, ...
    streams: tuple[str, ...] = field(default=())
