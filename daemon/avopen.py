"""The one place that opens media for reading. The format is forced, so a playlist inside a `.ts` stays bytes; libav may
open nothing by itself; streams, codecs and picture size are limited (reliability.md section 4, "Media bytes")."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

import av
import av.container

from core.errors import BadMedia

FORMATS: Final = frozenset({"mpegts", "mov", "matroska", "flv", "ogg", "wav", "mp3", "aac", "flac", "avi"})
VIDEO_CODECS: Final = frozenset({"h264", "hevc", "av1", "vp9", "vp8"})
AUDIO_CODECS: Final = frozenset(
    {
        "aac", "opus", "mp3", "ac3", "eac3", "vorbis", "flac",
        "pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_s16be",
    }
)  # fmt: skip
DECODERS: Final = {"av1": "libdav1d"}  # libav's own av1 decodes on a GPU only
MAX_PIXELS: Final = 8_847_360  # 4096 x 2160
MAX_STREAMS: Final = 16
DECODER_NAMES: Final = ",".join(sorted({*VIDEO_CODECS, *AUDIO_CODECS, *DECODERS.values(), "mp3float"}))
_READ_BYTES: Final = 1 << 18  # one call into Python for 256 KiB instead of 32


class Readable(Protocol):
    """A file-like object. One that cannot seek has no `seek`."""

    def read(self, size: int, /) -> bytes: ...


def open_media(file: Path | Readable, fmt: str) -> av.container.InputContainer:
    """An open container, to be closed by the caller (it is a context manager). `fmt` is one of FORMATS.

    Raises BadMedia when the bytes are not that format or are damaged beyond opening.
    """
    if fmt not in FORMATS:
        raise ValueError(f"format {fmt!r} is not one of {sorted(FORMATS)}")
    local = isinstance(file, Path)
    options = {
        "protocol_whitelist": "file" if local else "",
        "format_whitelist": fmt,
        "codec_whitelist": DECODER_NAMES,
        "max_streams": str(MAX_STREAMS),
    }
    try:
        return av.open(
            f"file:{file}" if local else file,
            "r",
            format=fmt,
            container_options=options,
            metadata_errors="replace",
            buffer_size=_READ_BYTES,
        )
    except (av.FFmpegError, ValueError, OSError) as err:
        raise BadMedia(
            f"The media cannot be opened as {fmt}: {err}",
            remedy="The file is damaged or incomplete; try to play it, or fetch it again.",
            code="damaged",
        ) from err


def decoder_name(codec: str) -> str:
    """Name of the decoder for a codec name as in `Track.codec`."""
    return DECODERS.get(codec, codec)
