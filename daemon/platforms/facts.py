"""Reads the facts of a finished MP4 for the lint."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

from core.errors import BadMedia, UsageError
from core.times import Ns
from daemon.avopen import open_media
from daemon.platforms.lint import FileFacts

_MAX_BOXES = 64


def read_facts(path: Path) -> FileFacts:
    """What the file says of itself; loudness is not measured. Raises BadMedia, UsageError."""
    try:
        size, index_first = path.stat().st_size, _index_first(path)
    except OSError as err:
        raise UsageError(f"{path} cannot be read: {err.strerror}", remedy="Check the path and its rights.") from err
    with open_media(path, "mov") as container:
        if not container.streams.video:
            raise BadMedia(f"{path.name} has no picture", remedy="Give a finished clip.")
        video = container.streams.video[0]
        sound = container.streams.audio[0] if container.streams.audio else None
        return FileFacts(
            length_ns=Ns((container.duration or 0) * 1000),
            size=size,
            width=video.codec_context.width,
            height=video.codec_context.height,
            fps=Fraction(video.average_rate or 0),
            video_codec=video.codec_context.name,
            pixel_format=video.codec_context.pix_fmt or "unknown",
            index_first=index_first,
            sound_codec=sound.codec_context.name if sound else None,
            sound_rate=sound.codec_context.sample_rate if sound else None,
            channels=sound.codec_context.layout.nb_channels if sound else None,
        )


def _index_first(path: Path) -> bool:
    """`moov` before `mdat` among the file's own boxes (ISO/IEC 14496-12): it plays while it loads."""
    with path.open("rb") as file:
        for _ in range(_MAX_BOXES):
            head = file.read(16)
            if len(head) < 8:
                return False
            size, kind = struct.unpack(">I4s", head[:8])
            if kind in (b"moov", b"mdat"):
                return bool(kind == b"moov")
            if size == 1 and len(head) == 16:
                size = struct.unpack(">Q", head[8:])[0]
            if size < 8:
                return False
            file.seek(size - len(head), 1)
    return False
