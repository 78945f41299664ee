"""How every input of the bundled ffmpeg is opened: by a name of ours, as the one format it is, with few decoders."""

from __future__ import annotations

from typing import Final

MAX_PIXELS: Final = 8_847_360  # 4096 x 2160
# What masters carry (daemon/clips/mux.py), with the decoders' names where they differ from the codecs'.
_DECODERS: Final = "h264,hevc,libdav1d,av1,vp9,vp8,aac,opus,libopus,mp3,mp3float,flac,ac3,eac3,pcm_s16le,png,rawvideo"
# What browsers record (recording rooms), and what is made of it on the way.
RECORDED: Final = "h264,hevc,libdav1d,av1,vp9,vp8,aac,opus,libopus,flac,pcm_s16le,pcm_f32le,pcm_s24le"
_DEMUXERS: Final = {
    "mov": "mov", "nut": "nut", "mpegts": "mpegts", "wav": "wav", "png": "image2", "image": "image2",
    "matroska": "matroska",
}  # fmt: skip


def read_media(
    name: str,
    demuxer: str = "mov",
    *,
    decoders: str = _DECODERS,
    seek_s: float = 0.0,
    near_s: float | None = None,
    duration_s: float | None = None,
) -> list[str]:
    """Arguments of one input: `-i file:NAME` and what belongs before it; `name` is a generated name in its folder.

    `seek_s` is exact to the frame: decoding begins at the keyframe before it. `near_s` counts in the file's own
    timestamps, and what lies between the keyframe before it and there comes too; for runs that keep timestamps
    (`-copyts`). Raises KeyError for a demuxer that is not on the list.
    """
    options = ["-protocol_whitelist", "file", "-f", _DEMUXERS[demuxer], "-format_whitelist", _DEMUXERS[demuxer]]
    options += ["-codec_whitelist", decoders, "-max_pixels", str(MAX_PIXELS), "-max_streams", "16"]
    if seek_s:
        options += ["-ss", f"{seek_s:.6f}"]
    if near_s is not None:
        options += ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{near_s:.6f}"]
    if duration_s is not None:
        options += ["-t", f"{duration_s:.6f}"]
    return [*options, "-i", f"file:{name}"]
