"""One reading of a reel: its packets without their bytes, its keyframes that stand alone, its parameter sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from core.media import Packet, Track
from core.times import Ns
from daemon.clips.reel import Reel
from daemon.clips.smart.ids import sets_in
from daemon.clips.smart.nal import length_size, parameter_sets, stands_alone, units

NAL_CODECS: Final = frozenset({"h264", "hevc"})
CONTINUED: Final = frozenset({"h264", "hevc", "vp9"})  # codecs of which we can code a piece that fits the rest
_MAX_SETS: Final = 256


@dataclass(frozen=True, slots=True)
class Scan:
    """`entries` are the DTS (ticks) of keyframes that a copy may begin with; `sets` every parameter set that was met,
    the header's first, none twice."""

    reel: Reel
    video: tuple[Packet, ...]
    audio: tuple[Packet, ...]
    entries: frozenset[int]
    sets: tuple[bytes, ...]

    @property
    def track(self) -> Track | None:
        """The picture's track."""
        return self.reel.track("video")

    def around(self, packets: Sequence[Packet]) -> Iterator[Packet]:
        """Video packets with their bytes: those, given in decode order, and some before and between them."""
        read = self.reel.footage.read(packets[0].pts_ns, Ns(packets[-1].dts_ns + 1))
        return (packet for packet in read if packet.kind == "video")


def scan_reel(reel: Reel) -> Scan:
    """Reads the whole reel once."""
    track = reel.track("video")
    codec, extradata = (track.codec, track.extradata) if track else ("", b"")
    video: list[Packet] = []
    audio: list[Packet] = []
    entries: set[int] = set()
    sets = dict.fromkeys(parameter_sets(codec, extradata) if codec in NAL_CODECS else ())
    for packet in reel.packets():
        if packet.kind == "video" and packet.is_keyframe:
            parts = units(packet.data, length_size(codec, extradata)) if codec in NAL_CODECS else []
            if len(sets) < _MAX_SETS:
                sets |= dict.fromkeys(sets_in(codec, parts))
            if codec == "vp9" or (codec in NAL_CODECS and stands_alone(codec, parts)):
                entries.add(packet.dts)
        (video if packet.kind == "video" else audio).append(replace(packet, data=b""))
    return Scan(reel, tuple(video), tuple(audio), frozenset(entries), tuple(sets))


def decodable(video: Sequence[Packet]) -> list[Packet]:
    """From the first keyframe on, in decode order, without the pictures that lean on what lies before it."""
    first = next((index for index, packet in enumerate(video) if packet.is_keyframe), len(video))
    return [packet for packet in video[first:] if packet.pts >= video[first].pts]


def needed_for(video: Sequence[Packet], frames: Sequence[Packet]) -> list[Packet]:
    """The packets to decode for frames: from the last keyframe shown at or before the first of them to the last in
    decode order; without the keyframe's leading pictures."""
    first_pts, wanted = frames[0].pts, {packet.pts for packet in frames}
    starts = [i for i, packet in enumerate(video) if packet.is_keyframe and packet.pts <= first_pts]
    ends = [i for i, packet in enumerate(video) if packet.pts in wanted]
    start = starts[-1] if starts else 0
    return [packet for packet in video[start : ends[-1] + 1] if packet.pts >= video[start].pts]


def decode_clock(times: Sequence[int], end: int) -> list[int]:
    """Decode times of packets by their show times in decode order, and the end of the last one.

    `times` begin at 0, and so does the clock of `end`. Decode times rise, none is later than its show time, and the
    lengths between them add up to `end`. The source's own are not used: some containers have none, and those of two
    streams don't fit together.
    """
    shown = sorted(times)
    rank = {time: n for n, time in enumerate(shown)}
    depth = max(n - rank[time] for n, time in enumerate(times))
    step = max(1, min((b - a for a, b in pairwise(shown)), default=1))
    clock = [shown[n - depth] if n >= depth else (n - depth) * step for n in range(len(times))]
    return [*clock, max(clock[-1] + 1, end - depth * step)]
