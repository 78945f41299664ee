"""Puts pieces into one MP4: coded frames, copied packets and sound on one clock, 0 = the first frame.

Decode times are made anew for the whole file: the n-th packet is decoded when the frame with rank n - depth is shown,
with the deepest reordering of the file as `depth`. So they rise over every joint, whatever the encoders chose.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

from core.media import Packet, Track
from core.times import Ns, ns_to_ticks
from daemon.clips.mux import Lane, write_mp4
from daemon.clips.smart.encode import Coded
from daemon.clips.smart.model import Piece
from daemon.clips.smart.nal import annexb, as_entry, length_size, units
from daemon.clips.smart.scan import NAL_CODECS, Scan, decode_clock


@dataclass(frozen=True, slots=True)
class Picture:
    """What the picture is made of: pieces in order, each with its scan and its coded head and tail (by number of
    piece and place: 0 head, 1 tail)."""

    scans: Sequence[Scan]
    pieces: Sequence[Piece]
    coded: Mapping[tuple[int, int], Coded]
    lane: Lane

    @property
    def time_base(self) -> Fraction:
        """Seconds a tick of the file's picture."""
        return self.lane.track.time_base


def write_pieces(path: Path, picture: Picture | None, sound: tuple[Lane, Iterator[Packet]] | None) -> None:
    """Raises CutRefused(`mux_failed`), OSError."""
    lanes = [lane for lane in (picture.lane if picture else None, sound[0] if sound else None) if lane]
    sources = [_picture(picture)] if picture else []
    sources += [sound[1]] if sound else []
    write_mp4(path, lanes, heapq.merge(*sources, key=lambda packet: packet.dts * packet.time_base))


def starts_of(pieces: Sequence[Piece]) -> list[Ns]:
    """When each piece begins in the clip, and at last when the clip ends."""
    return [Ns(value) for value in accumulate((piece.length_ns for piece in pieces), initial=0)]


def _picture(picture: Picture) -> Iterator[Packet]:
    times = [ticks for ticks, _ in _order(picture)]
    clock = decode_clock(times, ns_to_ticks(starts_of(picture.pieces)[-1], picture.time_base))
    ends = dict(pairwise(sorted(times)))
    last = len(times) - 1
    for n, (packet, dts) in enumerate(zip(_packets(picture), clock, strict=False)):
        length = clock[-1] - dts if n == last else ends.get(times[n], clock[-1] - times[n])
        yield replace(packet, pts=times[n], dts=dts, duration=max(1, length), time_base=picture.time_base)


def _order(picture: Picture) -> Iterator[tuple[int, bool]]:
    """When each packet is shown, in ticks of the file, in decode order; and whether it is copied."""
    for number, (piece, start_ns) in enumerate(zip(picture.pieces, starts_of(picture.pieces), strict=False)):
        for place, copied in ((0, False), (-1, True), (1, False)):
            coded = picture.coded.get((number, place))
            packets = piece.copied if copied else coded.packets() if coded else ()
            for packet in packets:
                shown_ns = max(packet.pts_ns, piece.start_ns) - piece.start_ns + start_ns
                yield ns_to_ticks(shown_ns, picture.time_base), copied


def _packets(picture: Picture) -> Iterator[Packet]:
    """In decode order with their bytes."""
    for number, (scan, piece) in enumerate(zip(picture.scans, picture.pieces, strict=True)):
        yield from _coded(picture.coded.get((number, 0)))
        if piece.copied:
            yield from _copied(scan, piece)
        yield from _coded(picture.coded.get((number, 1)))


def _coded(coded: Coded | None) -> Iterator[Packet]:
    if coded is None:
        return
    for packet in coded.packets():
        yield packet if coded.codec not in NAL_CODECS else replace(packet, data=annexb(coded.units(packet)))


def _copied(scan: Scan, piece: Piece) -> Iterator[Packet]:
    track = scan.track
    assert isinstance(track, Track)  # a piece with copied pictures has a track of them
    size, first = length_size(track.codec, track.extradata), piece.copied[0]
    wanted, begun, left = {packet.pts for packet in piece.copied}, False, len(piece.copied)
    for packet in scan.around(piece.copied):
        begun = begun or packet.dts == first.dts
        if begun and packet.pts in wanted:
            left -= 1
            yield _bare(packet, track.codec, size, joint=packet.dts == first.dts)
        if not left:
            return


def _bare(packet: Packet, codec: str, size: int, *, joint: bool) -> Packet:
    """A source packet behind start codes; the first one behind a joint stands alone."""
    if codec not in NAL_CODECS:
        return packet
    parts = units(packet.data, size)
    return replace(packet, data=annexb(as_entry(codec, part) if joint else part for part in parts))
