"""Chooses the packets of a clip; pure. Reading them is `reel`'s work, writing them `mux`'s.

Video starts on a keyframe and ends where no shown frame's reference and no frame between two shown ones is missing.
Audio is cut to the video that is actually shown, at both ends. All times are Ns of one session.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Final

from core.errors import CutRefused
from core.media import Packet
from core.times import Ns, ns, to_s
from daemon.clips.model import AUDIO_AT_HEAD, AUDIO_AT_TAIL

# How much sound a decoder needs before the first sample that is right: one transform overlap for AAC (two to be sure,
# with SBR), 80 ms for Opus (RFC 7845, section 4.6), the bit reservoir of 511 bytes for MP3.
PREROLL_NS: Final = {"aac": ns(0.060), "opus": ns(0.080), "mp3": ns(0.110), "ac3": ns(0.035), "eac3": ns(0.035)}
_TOUCHING_NS: Final = ns(0.005)  # two packets this near follow each other without a hole


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the cut should show. A clip that does not reach from `latest_head_ns` to `earliest_tail_ns` is refused.

    `not_before_ns`: keyframes before it are not used (a hole lies between them and the start, or they don't decode).
    """

    start_ns: Ns
    end_ns: Ns
    latest_head_ns: Ns
    earliest_tail_ns: Ns
    max_av_offset_ns: Ns
    not_before_ns: Ns = Ns(0)
    preroll_ns: Ns = Ns(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutPlan:
    """Packets (without their bytes) in decode order. `audio` begins with `preroll` packets that are not heard."""

    start_ns: Ns
    end_ns: Ns
    video: tuple[Packet, ...]
    audio: tuple[Packet, ...]
    preroll: int = 0
    notes: tuple[str, ...] = ()

    @property
    def keyframes_ns(self) -> tuple[Ns, ...]:
        """Video keyframes that the clip shows."""
        return tuple(packet.pts_ns for packet in self.video if packet.is_keyframe)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutPicks:
    """A plan in five numbers, for clip.json: where it begins and how many packets it takes of each track."""

    start_ns: Ns
    end_ns: Ns
    frames: int
    sounds: int
    sound_ns: Ns = Ns(0)  # of the first audio packet, warm-up included
    preroll: int = 0


def picks_of(plan: CutPlan) -> CutPicks:
    """What `same_cut` needs to find the plan again."""
    return CutPicks(
        start_ns=plan.start_ns,
        end_ns=plan.end_ns,
        frames=len(plan.video),
        sounds=len(plan.audio),
        sound_ns=plan.audio[0].pts_ns if plan.audio else Ns(0),
        preroll=plan.preroll,
    )


def plan_cut(video: Sequence[Packet], audio: Sequence[Packet], wanted: Wanted) -> CutPlan:
    """Packets of one epoch in decode order -> the cut. Raises CutRefused: `no_media`, `no_keyframe`, `av_offset`."""
    if not video:
        return _plan_sound(audio, wanted)
    heads = list(_heads(video, wanted))
    if not heads:
        raise CutRefused(
            f"No keyframe between {to_s(wanted.start_ns):.1f} s and {to_s(wanted.latest_head_ns):.1f} s is left",
            remedy="Ask for a later start.",
            code="no_keyframe",
        )
    heard = [packet for packet in audio if packet.end_ns > video[heads[0]].pts_ns and packet.pts_ns < wanted.end_ns]
    if not heard:
        silent = _with_tail(_shown(video, heads[0]), [], wanted)
        assert silent is not None  # without sound there is no offset to refuse
        return silent
    for index in heads:
        plan = _with_tail(_shown(video, index), audio, wanted)
        if plan is not None:
            return plan if index == heads[0] else replace(plan, notes=(AUDIO_AT_HEAD, *plan.notes))
    raise CutRefused(
        "Sound and picture do not begin and end together anywhere near the wanted span",
        remedy="The source lacks sound there; ask for another span.",
        code="av_offset",
    )


def with_sound(plan: CutPlan, audio: Sequence[Packet], preroll_ns: Ns) -> CutPlan:
    """The plan with other packets of the same sound (converted ones), cut anew to the same picture."""
    first = bisect_left(audio, plan.start_ns + 1, key=lambda packet: packet.end_ns)
    last = _nearest_end(audio, first, plan.end_ns)
    preroll = _preroll(audio, first, preroll_ns) if first < len(audio) else 0
    return replace(plan, audio=tuple(audio[first - preroll : last]), preroll=preroll)


def same_cut(video: Sequence[Packet], audio: Sequence[Packet], recorded: CutPicks) -> CutPlan:
    """The plan an earlier cut noted, found again in footage that may hold less. Raises CutRefused(`not_buffered`)."""
    at = {packet.pts_ns: index for index, packet in reversed(list(enumerate(video))) if packet.is_keyframe}
    heard = {packet.pts_ns: index for index, packet in reversed(list(enumerate(audio)))}
    frames = _shown(video, at[recorded.start_ns]) if recorded.frames and recorded.start_ns in at else []
    first = heard.get(recorded.sound_ns, len(audio))
    sound = audio[first : first + recorded.sounds]
    if len(frames) < recorded.frames or len(sound) < recorded.sounds:
        raise CutRefused("The kept source does not hold the whole clip", remedy="Cut it anew.", code="not_buffered")
    return CutPlan(
        start_ns=recorded.start_ns,
        end_ns=recorded.end_ns,
        video=tuple(frames[: recorded.frames]),
        audio=tuple(sound),
        preroll=recorded.preroll,
    )


def _heads(video: Sequence[Packet], wanted: Wanted) -> Iterator[int]:
    """Indices of keyframes to start on: the last at or before the start, then later ones."""
    indices = [i for i, packet in enumerate(video) if packet.is_keyframe and packet.pts_ns >= wanted.not_before_ns]
    before = [index for index in indices if video[index].pts_ns <= wanted.start_ns]
    after = [i for i in indices if wanted.start_ns < video[i].pts_ns <= wanted.latest_head_ns]
    yield from (*before[-1:], *after)


def _shown(video: Sequence[Packet], head: int) -> list[Packet]:
    """From the keyframe on, without the leading pictures of an open GOP: they refer to what is not there."""
    start_ns = video[head].pts_ns
    return [packet for packet in video[head:] if packet.pts_ns >= start_ns]


def _with_tail(frames: Sequence[Packet], audio: Sequence[Packet], wanted: Wanted) -> CutPlan | None:
    """The longest cut from this head whose sound fits at both ends; None when there is none."""
    start_ns = frames[0].pts_ns
    first = bisect_left(audio, start_ns + 1, key=lambda packet: packet.end_ns)
    if audio and (first == len(audio) or audio[first].pts_ns - start_ns > wanted.max_av_offset_ns):
        return None
    for tries, (count, end_ns) in enumerate(_tails(frames, wanted.end_ns)):
        if tries and end_ns < wanted.earliest_tail_ns:
            return None
        last = _nearest_end(audio, first, end_ns)
        if audio and (last <= first or abs(audio[last - 1].end_ns - end_ns) > wanted.max_av_offset_ns):
            continue
        preroll = _preroll(audio, first, wanted.preroll_ns) if audio else 0
        return CutPlan(
            start_ns=start_ns,
            end_ns=end_ns,
            video=tuple(frames[:count]),
            audio=tuple(audio[first - preroll : last]),
            preroll=preroll,
            notes=(AUDIO_AT_TAIL,) if tries else (),
        )
    return None


def _tails(frames: Sequence[Packet], end_ns: Ns) -> Iterator[tuple[int, Ns]]:
    """(packets, media time of the last shown frame's end), longest first.

    A prefix in decode order is a tail when no later packet is shown before one of its own. The first covers every frame
    that starts before `end_ns`. A frame that stands longer than it says (VFR) is held until the next one or `end_ns`.
    """
    highest = list(accumulate((packet.pts_ns for packet in frames), max))
    latest_end = list(accumulate((packet.end_ns for packet in frames), max))
    lowest_after = [*reversed(list(accumulate((packet.pts_ns for packet in reversed(frames)), min)))][1:]
    closed = [i + 1 for i, after_ns in enumerate(lowest_after) if highest[i] < after_ns]
    covering = next((count for count in closed if lowest_after[count - 1] >= end_ns), len(frames))
    for count in [covering, *reversed([count for count in closed if count < covering])]:
        shown_ns = latest_end[count - 1]
        if count < len(frames):
            next_ns = lowest_after[count - 1]
            shown_ns = min(next_ns, max(shown_ns, min(end_ns, next_ns)))
        yield count, Ns(shown_ns)


def _nearest_end(audio: Sequence[Packet], first: int, end_ns: Ns) -> int:
    """Index after the packet whose end is nearest to the picture's."""
    last = bisect_left(audio, end_ns, lo=first, key=lambda packet: packet.end_ns)
    if last < len(audio) and audio[last].pts_ns < end_ns:
        before_ns = audio[last - 1].end_ns if last > first else audio[last].pts_ns
        if audio[last].end_ns - end_ns <= end_ns - before_ns:
            return last + 1
    return last


def _preroll(audio: Sequence[Packet], first: int, preroll_ns: Ns) -> int:
    """How many packets before `first` the decoder should warm up on; none across a hole."""
    count = 0
    before = [*reversed(audio[: first + 1])]
    for later, packet in pairwise(before):
        reached_ns = audio[first].pts_ns - later.pts_ns
        if reached_ns >= preroll_ns or later.pts_ns - packet.end_ns > _TOUCHING_NS:
            break
        count += 1
    return count


def _plan_sound(audio: Sequence[Packet], wanted: Wanted) -> CutPlan:
    """Audio only: every packet is an entry point."""
    first = bisect_left(audio, wanted.start_ns + 1, key=lambda packet: packet.end_ns)
    last = bisect_left(audio, wanted.end_ns, key=lambda packet: packet.pts_ns)
    if last <= first:
        raise CutRefused(
            f"There is no media between {to_s(wanted.start_ns):.1f} s and {to_s(wanted.end_ns):.1f} s",
            remedy="Ask for a span that was recorded.",
            code="no_media",
        )
    preroll = _preroll(audio, first, wanted.preroll_ns)
    return CutPlan(
        start_ns=audio[first].pts_ns,
        end_ns=audio[last - 1].end_ns,
        video=(),
        audio=tuple(audio[first - preroll : last]),
        preroll=preroll,
    )
