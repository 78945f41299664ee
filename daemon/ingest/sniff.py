"""What some bytes are, by their beginning. Names and content types are never believed; libav never guesses. Pure."""

from __future__ import annotations

from typing import Final, Literal

from core.errors import BadMedia

Format = Literal["mpegts", "mov", "matroska", "flv", "ogg", "wav", "mp3", "aac", "flac", "avi"]
Kind = Format | Literal["playlist", "dash", "html", "empty", "unknown"]

HEAD_BYTES: Final = 4096  # enough for every signature, and for three packets of a transport stream joined half-way
FILES_ONLY: Final = frozenset({"mov", "wav", "avi", "flac"})  # a body of these is a file, and ends
EXTENSIONS: Final = {"mpegts": "ts", "mov": "mp4", "matroska": "mkv"}

_MP4_BOXES: Final = frozenset(
    (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"sidx", b"emsg", b"prft", b"pnot")
)
_TS_PACKET: Final = 188


def sniff(head: bytes) -> Kind:
    """The kind of what begins with `head` (HEAD_BYTES or all there is)."""
    if not head:
        return "empty"
    magic = _by_magic(head)
    if magic is not None:
        return magic
    if _is_ts(head):
        return "mpegts"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:512]
    lower = text.lower()
    if text.startswith(b"#EXTM3U"):
        return "playlist"
    if b"<mpd" in lower:
        return "dash"
    if lower.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<?xml", b"<!--")):
        return "html"
    return _audio_frame(head) or "unknown"


def media_format(head: bytes, what: str) -> Format:
    """As `sniff`, but anything that is no media we read raises BadMedia; `what` names it for people."""
    kind = sniff(head)
    if kind == "empty":
        raise BadMedia(f"{what} is empty", remedy="Check that it was written completely.", code="empty")
    if kind == "playlist":
        raise BadMedia(f"{what} is a playlist, not media", remedy="Give the playlist's URL.", code="not_media")
    if kind == "dash":
        raise BadMedia(f"{what} is a DASH manifest", remedy="Give the stream's HLS URL.", code="dash_unsupported")
    if kind == "html":
        raise BadMedia(f"{what} is a web page, not media", remedy="Give the stream's own URL.", code="html_page")
    if kind == "unknown":
        raise BadMedia(
            f"{what} is no media format that is accepted",
            remedy="Accepted: MP4, Matroska/WebM, MPEG-TS, FLV, Ogg, WAV, MP3, AAC, FLAC, AVI.",
            code="not_media",
        )
    return kind


def _by_magic(head: bytes) -> Format | None:
    if head[4:8] in _MP4_BOXES:
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"FLV\x01"):
        return "flv"
    if head.startswith(b"OggS"):
        return "ogg"
    if head.startswith(b"RIFF"):
        return "wav" if head[8:12] == b"WAVE" else "avi" if head[8:12] == b"AVI " else None
    if head.startswith(b"fLaC"):
        return "flac"
    if head.startswith(b"ID3"):
        rest = head[id3_size(head) :]
        return "flac" if rest.startswith(b"fLaC") else _audio_frame(rest) or "mp3"
    return None


def _is_ts(head: bytes) -> bool:
    """Sync bytes one packet apart, from any offset: an endless stream is joined half-way through a packet."""
    for start in range(min(_TS_PACKET, len(head))):
        marks = head[start::_TS_PACKET][:4]
        if (
            marks
            and marks == b"\x47" * len(marks)
            and (len(marks) >= 3 or (start == 0 and len(head) % _TS_PACKET == 0))
        ):
            return True
    return False


def id3_size(data: bytes) -> int:
    """Length of an ID3v2 tag at the start, header included; 0 when there is none."""
    if len(data) < 10 or not data.startswith(b"ID3"):
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | (byte & 0x7F)
    return 10 + size


def _audio_frame(data: bytes) -> Format | None:
    if len(data) < 4 or data[0] != 0xFF:
        return None
    if data[1] & 0xF6 == 0xF0:  # ADTS: sync, layer 0
        return "aac"
    layer, bitrate, rate = data[1] >> 1 & 3, data[2] >> 4, data[2] >> 2 & 3
    return "mp3" if data[1] & 0xE0 == 0xE0 and layer != 0 and bitrate not in (0, 15) and rate != 3 else None
