"""Frames of files for people who make a HUD: a picture, or a second of a recording; and its packets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from core.errors import BadMedia, UsageError
from core.media import Packet, Track
from core.times import NS_PER_S, Ns, ns, ticks_to_ns
from daemon.avopen import MAX_PIXELS
from daemon.ingest.decode import open_decoder, raw_packet
from daemon.ingest.files import file_format
from daemon.ingest.reader import MediaReader
from detectors.hud.frames import Picture

_PICTURES: Final = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "mjpeg"}
_PICTURE_BYTES: Final = 64 << 20
_READ_NS: Final = NS_PER_S


def is_picture(path: Path) -> bool:
    """Whether a file begins as a PNG or a JPEG does. Raises UsageError for one that cannot be read."""
    return _codec(path) is not None


def read_picture(path: Path) -> Picture:
    """RGB of a PNG or JPEG. Raises UsageError: damaged, or with more pixels than a 4K frame."""
    codec = _codec(path)
    if codec is None:
        raise UsageError(f"{path} is no PNG or JPEG", remedy="Give a frame of the game, or a recording and --at.")
    if path.stat().st_size > _PICTURE_BYTES:
        raise UsageError(f"{path} is larger than {_PICTURE_BYTES >> 20} MiB", remedy="A frame is a few MB.")
    try:
        context: Any = av.CodecContext.create(codec, "r")
        context.options = {"max_pixels": str(MAX_PIXELS)}
        decoded: list[Any] = [*context.decode(av.Packet(path.read_bytes())), *context.decode(None)]
        return _rgb(decoded[0])
    except (av.FFmpegError, ValueError, IndexError, MemoryError) as err:
        raise UsageError(
            f"{path} cannot be decoded: {err}", remedy=f"A frame has at most {MAX_PIXELS:,} pixels. Save it anew."
        ) from err


def read_frame(path: Path, at_s: float) -> Picture:
    """The frame that a recording shows at a second of it. Raises BadMedia and UsageError."""
    at_ns, context, latest = ns(at_s), None, None
    for track, packet in packets(path, from_s=at_s):
        context = context or open_decoder(track)
        try:
            frames = context.decode(raw_packet(packet))
        except (av.FFmpegError, ValueError):
            continue
        for frame in frames:
            latest = frame
            if frame.pts is not None and frame.pts >= at_ns:
                return _rgb(frame)
    if latest is None:
        raise UsageError(f"{path} shows nothing at {at_s:g} s", remedy="Give --at a second that it has.")
    return _rgb(latest)


def packets(path: Path, *, from_s: float = 0.0, to_s: float | None = None) -> Iterator[tuple[Track, Packet]]:
    """The picture's packets from the keyframe before `from_s` on, placed on the file's own time from its start."""
    reader = MediaReader(path, file_format(path), kinds=frozenset(("video",)))
    try:
        batch = reader.read(_READ_NS)
        if not reader.tracks or not batch:
            raise BadMedia(f"{path} has no picture", remedy="Give a recording of the game.", code="no_picture")
        start_ns = min(ticks_to_ns(packet.pts, packet.time_base) for packet in batch)
        base = batch[0].time_base
        if from_s > 2 and reader.seek(int((from_s * NS_PER_S + start_ns) / NS_PER_S / base)):
            batch = reader.read(_READ_NS)
        until_ns = None if to_s is None else ns(to_s)
        while batch:
            for packet in batch:
                placed = _placed(packet, start_ns)
                if until_ns is not None and placed.dts_ns > until_ns:
                    return
                yield reader.tracks[0], placed
            batch = reader.read(_READ_NS)
    finally:
        reader.close()


def _placed(packet: Packet, start_ns: int) -> Packet:
    pts_ns, dts_ns, end_ns = (
        Ns(ticks_to_ns(ticks, packet.time_base) - start_ns)
        for ticks in (packet.pts, packet.dts, packet.pts + max(packet.duration, 1))
    )
    return replace(packet, pts_ns=pts_ns, dts_ns=dts_ns, end_ns=end_ns)


def _codec(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as err:
        raise UsageError(f"{path} cannot be read: {err.strerror}", remedy="Check the path.") from err
    return next((codec for magic, codec in _PICTURES.items() if head.startswith(magic)), None)


def _rgb(frame: Any) -> Picture:
    return np.ascontiguousarray(frame.to_ndarray(format="rgb24"), np.uint8)
