"""A stranger's picture -> a PNG of ours: looked at by its first bytes, decoded in ffmpeg's child, written again.

Nothing of the original file survives but its pixels: no metadata, no appended archive, no second frame. The name says
nothing; what the bytes begin with decides, and SVG (a program) is none of them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from daemon.brand.intake import refused
from daemon.ffmpeg import FfmpegFailed, Filter, Graph, Limits, Name, chain, read_media, run_ffmpeg

MAX_BYTES: Final = 8 << 20
MAX_SIDE: Final = 8192
MAX_PIXELS: Final = 8_847_360  # daemon.ffmpeg refuses more: 4096 x 2160
_KEPT_SIDE: Final = 1920  # the longest side of any format we render
# 8.8 million pixels of 16 bits and 4 channels are 71 MB decoded; ffmpeg itself maps 0.4 GB
_LIMITS: Final = Limits(cpu_s=20, wall_s=30, memory_bytes=1 << 30, file_bytes=64 << 20)
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_CRITICAL: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_TAKEN: Final = "Save it as PNG, JPEG or WebP."


class Size(NamedTuple):
    """Pixels."""

    width: int
    height: int


def reencode(blob: bytes, label: str, folder: Path, name: Name) -> Size:
    """Write `folder`/`name` (.png) from a picture's bytes; `label` is what messages call it. Raises UsageError."""
    kind, decoders, size = _look(blob, label)
    if not (1 <= size.width <= MAX_SIDE and 1 <= size.height <= MAX_SIDE) or size.width * size.height > MAX_PIXELS:
        raise refused(
            f"{label} says it is {size.width} x {size.height} pixels",
            remedy=f"Scale it to {_KEPT_SIDE} pixels or fewer on its longest side.",
        )
    original = Name(f"{name.partition('.')[0]}-original.{kind}")
    (folder / original).write_bytes(_critical(blob) if kind == "png" else blob)
    box = min(_KEPT_SIDE, max(size))
    shrink = Filter.of("scale", w=box, h=box, force_original_aspect_ratio="decrease", flags="lanczos")
    graph = Graph((chain("0:v", [shrink, Filter.of("format", pix_fmts="rgba")], "out"),))
    arguments = ["-v", "error", "-xerror", "-threads", "1", *read_media(original, "image", decoders=decoders)]
    arguments += ["-filter_complex", graph.text(), "-map", "[out]", "-frames:v", "1", "-map_metadata", "-1"]
    arguments += ["-fflags", "+bitexact", "-flags", "+bitexact", "-f", "image2", "-update", "1", name]
    try:
        run_ffmpeg(arguments, folder=folder, limits=_LIMITS)
        return _png((folder / name).read_bytes())
    except (FfmpegFailed, OSError, ValueError) as err:
        (folder / name).unlink(missing_ok=True)
        raise refused(f"{label} cannot be decoded as the {kind.upper()} it begins as", remedy=_TAKEN) from err
    finally:
        (folder / original).unlink(missing_ok=True)


def _look(blob: bytes, label: str) -> tuple[str, str, Size]:
    """Kind (the suffix ffmpeg goes by), decoders, and the size that the file claims."""
    for magic, kind, decoders, measure in _KINDS:
        if blob.startswith(magic) and (kind != "webp" or blob[8:12] == b"WEBP"):
            try:
                return kind, decoders, measure(blob)
            except (ValueError, struct.error, IndexError) as err:
                raise refused(f"{label} is a damaged {kind.upper()}", remedy=_TAKEN) from err
    if b"<svg" in blob[:4096].lower():
        raise refused(f"{label} is an SVG, which is a program more than a picture", remedy="Export it as PNG.")
    raise refused(f"{label} is no PNG, JPEG or WebP, whatever its name says", remedy=_TAKEN)


def _png(blob: bytes) -> Size:
    if blob[12:16] != b"IHDR" or blob[:8] != _PNG:
        raise ValueError("no header")
    return Size(*struct.unpack(">II", blob[16:24]))


def _critical(blob: bytes) -> bytes:
    """A PNG without what pixels don't need: texts and colour profiles unpack to gigabytes, frames make it a film."""
    kept, at = [blob[:8]], 8
    while at + 12 <= len(blob):
        length = int.from_bytes(blob[at : at + 4], "big")
        if blob[at + 4 : at + 8] in _CRITICAL:
            kept.append(blob[at : at + 12 + length])
        at += 12 + length
    return b"".join(kept)


def _jpeg(blob: bytes) -> Size:
    """Of the frame header (ISO 10918-1, B.2.2)."""
    at = 2
    while True:
        mark, code, length = struct.unpack(">BBH", blob[at : at + 4])
        if mark != 0xFF or length < 2:
            raise ValueError("no marker")
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", blob[at + 5 : at + 9])
            return Size(width, height)
        at += 2 + length


def _webp(blob: bytes) -> Size:
    """Simple, lossless and extended files (RFC 9649)."""
    form = blob[12:16]
    if form == b"VP8 ":
        width, height = struct.unpack("<HH", blob[26:30])
        return Size(width & 0x3FFF, height & 0x3FFF)
    if form == b"VP8L":
        bits = int.from_bytes(blob[21:25], "little")
        return Size(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if form == b"VP8X":
        return Size(1 + int.from_bytes(blob[24:27], "little"), 1 + int.from_bytes(blob[27:30], "little"))
    raise ValueError("no picture")


_KINDS: Final[tuple[tuple[bytes, str, str, Callable[[bytes], Size]], ...]] = (
    (_PNG, "png", "png", _png),
    (b"\xff\xd8\xff", "jpg", "mjpeg", _jpeg),
    (b"RIFF", "webp", "webp,vp8", _webp),
)
