"""Decodes the small pictures and sounds of a HUD from bytes that nobody vouches for."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError
from core.media import AUDIO_RATE

_SIDE: Final = (6, 512)  # pixels of a mark; less is no shape, more is no mark
_FLAT: Final = 6.0  # grey levels; a mark with less spread looks like any wall
_OPAQUE_SHARE: Final = 0.1
_LONG: Final = (0.1, 3.0)  # seconds of a sound
_RATES: Final = (8_000, 48_000)
_PCM: Final = (1, 0xFFFE)  # plain, and the extensible form that some programs write for 24 bits
_SAVE: Final = "Save it as PCM, mono: `ffmpeg -i IN -ac 1 -ar 16000 -c:a pcm_s16le OUT.wav`."
_KEPT: Final = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))  # texts and profiles can be bombs of their own
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def read_png(raw: bytes, name: str) -> NDArray[np.uint8]:
    """A mark as RGBA uint8 of shape (h, w, 4). Raises UsageError."""
    plain = _only_pixels(raw, name)
    width, height = struct.unpack(">II", plain[16:24])
    low, high = _SIDE
    if not (low <= width <= high and low <= height <= high):
        raise _bad(f"{name} is {width} by {height} pixels", f"A mark is {low} to {high} pixels a side.")
    try:
        decoded = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        decoded = None
    if decoded is None or decoded.shape[:2] != (height, width):
        raise _bad(f"{name} is a damaged PNG", "Save it anew.")
    rgba = _rgba(np.asarray(decoded))
    seen = rgba[..., 3] >= 128
    if seen.mean() < _OPAQUE_SHARE:
        raise _bad(f"{name} is transparent nearly everywhere", "Leave what shall be found opaque.")
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(rgba[..., :3]), cv2.COLOR_RGB2GRAY))
    if grey[seen].std() < _FLAT:
        raise _bad(f"{name} has one brightness all over", "A mark needs a shape: include its edges.")
    return rgba


def read_wav(raw: bytes, name: str) -> NDArray[np.float32]:
    """A sound as 16 kHz mono float32 in -1..1. Raises UsageError."""
    found = dict(_chunks(raw[12:])) if raw[:4] == b"RIFF" and raw[8:12] == b"WAVE" else {}
    head, data = found.get(b"fmt ", b""), found.get(b"data", b"")
    if len(head) < 16:
        raise _bad(f"{name} is no WAV", _SAVE)
    coding, channels, rate, _, _, bits = struct.unpack("<HHIIHH", head[:16])
    if coding not in _PCM or channels != 1 or bits not in (16, 24) or not _RATES[0] <= rate <= _RATES[1]:
        raise _bad(f"{name} has {channels} channels, {bits} bits, {rate} Hz, coding {coding}", _SAVE)
    width = bits // 8
    samples = _floats(data[: min(len(data) // width, int(_LONG[1] * rate) + 1) * width], width)
    if len(data) // width > len(samples) or len(samples) < _LONG[0] * rate:
        raise _bad(f"{name} lasts {len(data) / width / rate:.2f} s", f"A sound is {_LONG[0]} to {_LONG[1]:.0f} s long.")
    if float(np.abs(samples).max()) < 1e-3:
        raise _bad(f"{name} is silent", "Cut out a part in which it is heard.")
    return _resampled(samples, rate)


def _chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and data of each chunk of a RIFF file; the last one may be cut off."""
    at = 0
    while at + 8 <= len(raw):
        kind, length = struct.unpack("<4sI", raw[at : at + 8])
        yield kind, raw[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _only_pixels(raw: bytes, name: str) -> bytes:
    """The file with the chunks that pixels need. Raises UsageError."""
    if not raw.startswith(_SIGNATURE):
        raise _bad(f"{name} is no PNG", "Save it as PNG.")
    kept, at = [_SIGNATURE], len(_SIGNATURE)
    while at + 12 <= len(raw):
        length, kind = struct.unpack(">I4s", raw[at : at + 8])
        end = at + 12 + length
        if end > len(raw):
            break
        if kind in _KEPT:
            kept.append(raw[at:end])
        at = end
        if kind == b"IEND":
            break
    if len(kept) < 4 or kept[1][4:8] != b"IHDR" or len(kept[1]) != 25 or kept[-1][4:8] != b"IEND":
        raise _bad(f"{name} is a damaged PNG", "Save it anew.")
    return b"".join(kept)


def _rgba(decoded: NDArray[np.generic]) -> NDArray[np.uint8]:
    scaled = decoded.astype(np.uint32) // (1 if decoded.dtype == np.uint8 else 257)
    eight: NDArray[np.uint8] = scaled.astype(np.uint8)
    if eight.ndim == 2:
        return np.asarray(cv2.cvtColor(eight, cv2.COLOR_GRAY2RGBA), np.uint8)
    if eight.shape[2] == 2:  # grey and alpha
        return np.ascontiguousarray(eight[..., [0, 0, 0, 1]], np.uint8)
    how = cv2.COLOR_BGRA2RGBA if eight.shape[2] == 4 else cv2.COLOR_BGR2RGBA
    return np.asarray(cv2.cvtColor(eight, how), np.uint8)


def _floats(data: bytes, width: int) -> NDArray[np.float32]:
    if width == 2:
        return np.frombuffer(data, "<i2").astype(np.float32) / 32768.0
    wide = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
    whole = (wide[:, 0] | wide[:, 1] << 8 | wide[:, 2] << 16) << 8 >> 8
    return whole.astype(np.float32) / 8388608.0


def _resampled(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """By its spectrum: exact for so short a sound."""
    if rate == AUDIO_RATE:
        return samples
    count = round(len(samples) * AUDIO_RATE / rate)
    spectrum = np.fft.rfft(samples)
    result = np.fft.irfft(spectrum[: count // 2 + 1], count) * (count / len(samples))
    return np.clip(result, -1.0, 1.0).astype(np.float32)


def _bad(what: str, remedy: str) -> UsageError:
    return UsageError(what, remedy=remedy, code="bad_hud")
