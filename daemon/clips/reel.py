"""What a decision can be cut from: one epoch of a FootageSource, without the holes at its ends. Only reads."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.edits import EditDecision
from core.errors import CutRefused
from core.media import Gap, Packet, Track
from core.protocols import FootageSource
from core.times import Ns, ns, to_s
from daemon.clips.model import EPOCH_LIMITED, EVICTED_HEAD, GAP_AT_HEAD, GAP_AT_TAIL
from daemon.clips.plan import PREROLL_NS, Wanted

LOOKAHEAD_NS: Final = ns(1)  # frames shown before the end may come after it in decode order; no codec reorders by more
FREEZE_NS: Final = ns(
    0.5
)  # a shorter hole at the head is a stutter, a longer one a frozen picture (product.md 3, row 6)
_GOP_NS: Final = ns(30)  # how far back a keyframe is looked for before the whole epoch is
_WARM_UP_NS: Final = ns(12)  # reading a GOP more gives the audio decoder its warm-up; not worth more than this


@dataclass(frozen=True, slots=True, kw_only=True)
class Reel:
    """One epoch's footage around a decision. `packets()` may be called several times and gives the same each time."""

    footage: FootageSource
    tracks: tuple[Track, ...]
    wanted: Wanted
    from_ns: Ns
    to_ns: Ns
    notes: tuple[str, ...]

    def packets(self) -> Iterator[Packet]:
        """In decode order, with their bytes."""
        return self.footage.read(self.from_ns, self.to_ns)

    def track(self, kind: str) -> Track | None:
        """The track that clips show, if the epoch has one of this kind."""
        return next((track for track in self.tracks if track.kind == kind), None)

    def index(self) -> tuple[list[Packet], list[Packet]]:
        """Video and audio packets without their bytes: a clip of an hour must not need its size in memory."""
        video: list[Packet] = []
        audio: list[Packet] = []
        for packet in self.packets():
            (video if packet.kind == "video" else audio).append(replace(packet, data=b""))
        return video, audio


def open_reel(footage: FootageSource, decision: EditDecision, max_av_offset_ns: Ns, gaps: Sequence[Gap]) -> Reel:
    """Raises CutRefused(`not_buffered`) when nothing of the span is left."""
    start_ns, end_ns, notes = _one_epoch(footage, decision)
    tracks = footage.tracks(start_ns)
    shows_video = any(track.kind == "video" for track in tracks)
    keyframes = _keyframes(footage, start_ns, end_ns) if shows_video else []
    holes = [gap for gap in gaps if gap.track in {"all", "video" if shows_video else "audio"}]
    floor_ns = _after_holes(keyframes, start_ns, holes)
    if floor_ns:
        notes.append(GAP_AT_HEAD)
        start_ns = max(start_ns, floor_ns)
    for hole in holes:
        if start_ns < hole.start_ns < end_ns <= hole.end_ns:
            notes.append(GAP_AT_TAIL)
            end_ns = hole.start_ns
    if end_ns <= start_ns:
        raise _nothing_left(decision, footage)
    audio = next((track for track in tracks if track.kind == "audio"), None)
    middle_ns = _middle(decision, start_ns, end_ns)
    usable = [keyframe for keyframe in keyframes if keyframe >= floor_ns]
    wanted = Wanted(
        start_ns=start_ns,
        end_ns=end_ns,
        latest_head_ns=max(middle_ns, *usable[:1], start_ns),
        earliest_tail_ns=middle_ns,
        max_av_offset_ns=max_av_offset_ns,
        not_before_ns=floor_ns,
        preroll_ns=PREROLL_NS.get(audio.codec, Ns(0)) if audio else Ns(0),
    )
    from_ns = _read_from(keyframes, start_ns) if keyframes else Ns(max(footage.span()[0], start_ns - ns(0.2)))
    return Reel(
        footage=footage,
        tracks=tracks,
        wanted=wanted,
        from_ns=from_ns,
        to_ns=Ns(end_ns + LOOKAHEAD_NS),
        notes=tuple(dict.fromkeys(notes)),
    )


def _one_epoch(footage: FootageSource, decision: EditDecision) -> tuple[Ns, Ns, list[str]]:
    """The part of the decision that lies in the epoch of its anchor, else in the one that holds more of it."""
    oldest_ns, newest_ns = footage.span()
    start_ns, end_ns = max(decision.start_ns, oldest_ns), min(decision.end_ns, newest_ns)
    if end_ns <= start_ns:
        raise _nothing_left(decision, footage)
    notes = [EVICTED_HEAD] if decision.start_ns < oldest_ns else []
    anchor_ns = decision.anchor_ns
    if anchor_ns is not None and start_ns <= anchor_ns < end_ns:
        first_ns, last_ns = footage.epoch_span(anchor_ns)
    else:
        spans = [footage.epoch_span(start_ns), footage.epoch_span(Ns(end_ns - 1))]
        first_ns, last_ns = max(spans, key=lambda span: min(end_ns, span[1]) - max(start_ns, span[0]))
    if first_ns > start_ns or last_ns < end_ns:
        notes.append(EPOCH_LIMITED)
    start_ns, end_ns = max(start_ns, first_ns), min(end_ns, last_ns)
    if end_ns <= start_ns:
        raise _nothing_left(decision, footage)
    return start_ns, end_ns, notes


def _keyframes(footage: FootageSource, start_ns: Ns, end_ns: Ns) -> list[Ns]:
    first_ns = footage.epoch_span(start_ns)[0]
    near = footage.keyframes(Ns(max(first_ns, start_ns - _GOP_NS)), end_ns)
    if near and near[0] <= start_ns:
        return near
    return footage.keyframes(first_ns, end_ns)


def _after_holes(keyframes: Sequence[Ns], start_ns: Ns, holes: Sequence[Gap]) -> Ns:
    """Where usable keyframes begin when the picture would stand still between the last one and the start; else 0."""
    at = bisect_right(keyframes, start_ns)
    head_ns = keyframes[at - 1] if at else start_ns
    frozen = [h.end_ns for h in holes if h.start_ns <= start_ns and h.end_ns > head_ns and _length(h) >= FREEZE_NS]
    return max(frozen, default=Ns(0))


def _read_from(keyframes: Sequence[Ns], start_ns: Ns) -> Ns:
    """One keyframe before the one the clip starts on: sound that belongs to the first frame may lie before it."""
    at = max(bisect_right(keyframes, start_ns) - 1, 0)
    before = max(at - 1, 0)
    return keyframes[before] if keyframes[at] - keyframes[before] <= _WARM_UP_NS else keyframes[at]


def _middle(decision: EditDecision, start_ns: Ns, end_ns: Ns) -> Ns:
    """What a clip must not lose when its ends move: its anchor, else its middle."""
    if decision.anchor_ns is not None and start_ns < decision.anchor_ns < end_ns:
        return decision.anchor_ns
    return Ns((start_ns + end_ns) // 2)


def _length(gap: Gap) -> int:
    return gap.end_ns - gap.start_ns


def _nothing_left(decision: EditDecision, footage: FootageSource) -> CutRefused:
    oldest_ns, newest_ns = footage.span()
    return CutRefused(
        f"Nothing of {to_s(decision.start_ns):.1f}-{to_s(decision.end_ns):.1f} s is buffered",
        remedy=f"Buffered: {to_s(oldest_ns):.1f} to {to_s(newest_ns):.1f} s of media time.",
        code="not_buffered",
    )
