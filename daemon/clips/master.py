"""From a reel and a plan to master.mp4: converts what MP4 cannot carry, writes, measures, refuses."""

from __future__ import annotations

import heapq
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from core.errors import CutRefused
from core.media import Packet, Track
from core.times import Ns
from daemon.clips.convert import Converted, needs_conversion
from daemon.clips.measure import Measured, measure
from daemon.clips.model import NO_AUDIO, NO_VIDEO, TRANSCODED, UNCLEAN_HEAD
from daemon.clips.mux import MP4_CODECS, Lane, rebased, write_mp4
from daemon.clips.plan import PREROLL_NS, CutPicks, CutPlan, picks_of, plan_cut, with_sound
from daemon.clips.reel import Reel
from daemon.clips.smart.model import ExactPicks

_HEAD_TRIES: Final = 3  # keyframes that are tried when the one at the start does not decode
_DEFAULT_RATE: Final = 48_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Master:
    """A written and measured master. `kept` are the ranges of media time that it shows one after the other."""

    kept: tuple[tuple[Ns, Ns], ...]
    keyframes_ns: tuple[Ns, ...]  # counted from the first frame; () without a picture
    measured: Measured
    notes: tuple[str, ...]
    picks: CutPicks | ExactPicks

    @property
    def start_ns(self) -> Ns:
        """Media time of the first frame."""
        return self.kept[0][0]

    @property
    def end_ns(self) -> Ns:
        """Media time at which the last frame ends."""
        return self.kept[-1][1]


def write_master(path: Path, reel: Reel, max_av_offset_ns: Ns) -> Master:
    """Plan and write; on a head that does not decode, start on the next keyframe. Raises CutRefused, OSError."""
    video, audio = reel.index()
    wanted, notes = reel.wanted, reel.notes
    for tries_left in reversed(range(_HEAD_TRIES)):
        plan = plan_cut(video, audio, wanted)
        try:
            converted = write_plan(path, reel, plan)
            measured = measure(path)
        except CutRefused as err:
            later = [p.pts_ns for p in video if p.is_keyframe and plan.start_ns < p.pts_ns < plan.end_ns]
            if err.code != "unclean_head" or not later or not tries_left:
                raise
            wanted = replace(
                wanted,
                not_before_ns=Ns(plan.start_ns + 1),
                latest_head_ns=max(wanted.latest_head_ns, later[0]),
            )
            notes = tuple(dict.fromkeys((*notes, UNCLEAN_HEAD)))
            continue
        check_offset(measured, max_av_offset_ns)
        missing = [note for note, packets in ((NO_AUDIO, plan.audio), (NO_VIDEO, plan.video)) if not packets]
        return Master(
            kept=((plan.start_ns, plan.end_ns),),
            keyframes_ns=tuple(Ns(t_ns - plan.start_ns) for t_ns in plan.keyframes_ns),
            measured=measured,
            notes=tuple(dict.fromkeys((*notes, *plan.notes, *converted, *missing))),
            picks=picks_of(plan),
        )
    raise AssertionError("the last try returns or raises")


def write_plan(path: Path, reel: Reel, plan: CutPlan) -> tuple[str, ...]:
    """Write the file that a plan describes; returns the notes of what had to be converted."""
    tracks = {kind: track for kind in ("video", "audio") if (track := reel.track(kind)) and getattr(plan, kind)}
    work = path.with_name(f"{path.name}.work")
    with ExitStack() as stack:
        made: dict[str, Converted] = {}
        for kind, track in tracks.items():
            if needs_conversion(track, MP4_CODECS):
                work.mkdir(exist_ok=True)
                stack.callback(shutil.rmtree, work, ignore_errors=True)
                made[kind] = _convert(reel, plan, track, work)
                stack.callback(made[kind].close)
        for kind, conversion in made.items():
            plan = _replanned(plan, kind, conversion)
        lanes = [
            Lane(track=made[kind].track, rotation=track.rotation) if kind in made else Lane(track=track)
            for kind, track in tracks.items()
        ]
        write_mp4(path, lanes, _packets(reel, plan, tracks, made))
    return tuple(TRANSCODED[kind] for kind in made)


def rate_of(track: Track | None) -> int:
    """The audio track's clock in Hz."""
    return (track.rate if track else 0) or _DEFAULT_RATE


def _convert(reel: Reel, plan: CutPlan, track: Track, work: Path) -> Converted:
    conversion = Converted(track, plan, work)
    packets = (packet for packet in reel.packets() if packet.kind == track.kind)
    conversion.run(rebased(packets, plan, rate_of(reel.track("audio"))))
    return conversion


def _replanned(plan: CutPlan, kind: str, conversion: Converted) -> CutPlan:
    light = [replace(packet, data=b"") for packet in conversion.packets()]
    if kind == "video":
        return replace(plan, video=tuple(light))
    return with_sound(plan, light, PREROLL_NS["aac"])


def _packets(reel: Reel, plan: CutPlan, tracks: dict[str, Track], made: dict[str, Converted]) -> Iterator[Packet]:
    """Packets on the file's clock, tracks interleaved."""
    rate = rate_of(tracks.get("audio"))
    kept = tracks.keys() - made.keys()
    sources = [conversion.packets() for conversion in made.values()]
    if kept:
        sources.append(packet for packet in reel.packets() if packet.kind in kept)
    if len(sources) == 1:
        return rebased(sources[0], plan, rate)
    return heapq.merge(*(rebased(source, plan, rate) for source in sources), key=_decode_time)


def _decode_time(packet: Packet) -> Fraction:
    return packet.dts * packet.time_base


def check_offset(measured: Measured, limit_ns: Ns) -> None:
    """Raises CutRefused(`av_offset`) when sound and picture of a written file begin or end apart."""
    worst_ms = max(abs(measured.av_head_ms or 0.0), abs(measured.av_tail_ms or 0.0))
    if worst_ms * 1e6 > limit_ns:
        raise CutRefused(
            f"Sound and picture are {worst_ms:.0f} ms apart in the written clip",
            remedy="The source is out of step there; ask for another span.",
            code="av_offset",
        )
