"""One person's sound on the room's clock: their local file, and the backup where that has a hole."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.rooms.cover import Span
from recorder.align import RATE, AlignedFile, TimedSound, lay_sound

PER_MS: Final = RATE // 1000
FADE: Final = 240  # samples (5 ms) in which one source becomes the other
CHUNK_MS: Final = 10_000.0  # made at once: an hour must not need its size in memory
KNEE: Final = 0.8  # of full scale: the mix is bent from here on, and never clips
HOLE_MS: Final = 60.0  # shorter ones are a codec's edges
_S16: Final = 32_767
_HEADER: Final = struct.Struct("<4sI8sIHHIIHH4sI")

Sound = NDArray[np.float32]  # shape (n, channels), -1..1


@dataclass(frozen=True, slots=True)
class Voice:
    """Layers from the best to the last resort; `placed` None: times are the room's already (a backup). `off`: where
    they were muted, whatever a layer has there."""

    layers: tuple[tuple[TimedSound, AlignedFile | None], ...]
    off: tuple[Span, ...] = ()

    @property
    def channels(self) -> int:
        """1 or 2: as many as the best layer has."""
        return max((_channels(sound) for sound, _ in self.layers[:1]), default=1)

    def read(self, from_ms: float, to_ms: float) -> tuple[Sound, NDArray[np.int8]]:
        """What is heard, and where it is from: 0 nothing, 1 a backup, 2 a local file, for each sample."""
        margin = FADE / PER_MS
        wide = round((to_ms - from_ms + 2 * margin) * PER_MS)
        out = np.zeros((wide, self.channels), np.float32)
        origin = np.zeros(wide, np.int8)
        for sound, placed in reversed(self.layers):
            laid, there = lay_sound(sound, placed, from_ms - margin, to_ms + margin)
            weight = _weight(there)[:, None]
            out = out * (1 - weight) + _as_channels(laid, self.channels) * weight
            origin[there] = 1 if placed is None else 2
        for low_ms, high_ms in self.off:
            low, high = (round((edge - from_ms + margin) * PER_MS) for edge in (low_ms, high_ms))
            out[max(0, low) : max(0, high)] = 0
            origin[max(0, low) : max(0, high)] = 0
        return out[FADE : wide - FADE], origin[FADE : wide - FADE]

    def chunks(self, from_ms: float, to_ms: float) -> Iterator[tuple[Sound, NDArray[np.int8]]]:
        """A whole span, piece by piece."""
        at_ms = from_ms
        while at_ms < to_ms:
            end_ms = min(at_ms + CHUNK_MS, to_ms)
            yield self.read(at_ms, end_ms)
            at_ms = end_ms


class Spans:
    """Where a voice came from, gathered while it is written."""

    def __init__(self, from_ms: float) -> None:
        self._at_ms = from_ms
        self._found: dict[int, list[Span]] = {1: [], 2: []}

    def add(self, origin: NDArray[np.int8]) -> None:
        """Of the next samples."""
        edges = [0, *(np.flatnonzero(np.diff(origin)) + 1).tolist(), len(origin)]
        for low, high in pairwise(edges):
            if high > low and origin[low]:
                span = (self._at_ms + low / PER_MS, self._at_ms + high / PER_MS)
                known = self._found[int(origin[low])]
                if known and span[0] - known[-1][1] < HOLE_MS:
                    known[-1] = (known[-1][0], span[1])
                else:
                    known.append(span)
        self._at_ms += len(origin) / PER_MS

    @property
    def local(self) -> list[Span]:
        """In room time."""
        return self._found[2]

    @property
    def backup(self) -> list[Span]:
        """What a backup stands in for, in room time."""
        return [span for span in self._found[1] if span[1] - span[0] >= HOLE_MS]


def write_wav(path: Path, chunks: Iterable[Sound], channels: int) -> None:
    """48 kHz, 16 bit. Raises OSError."""
    size = 0
    with path.open("wb") as file:
        file.write(_wav_header(channels, 0))
        for chunk in chunks:
            size += file.write(np.round(np.clip(chunk, -1, 1) * _S16).astype("<i2").tobytes())
        file.seek(0)
        file.write(_wav_header(channels, size))


def read_wav(path: Path, from_ms: float, to_ms: float) -> Sound:
    """Of a file that `write_wav` made, counted from its first sample; outside of it is silence. Raises OSError."""
    with path.open("rb") as file:
        channels = max(1, int.from_bytes(file.read(_HEADER.size)[22:24], "little"))
        frame = 2 * channels
        first, end = round(from_ms * PER_MS), round(to_ms * PER_MS)
        out = np.zeros((max(0, end - first), channels), np.float32)
        low = max(0, first)
        file.seek(_HEADER.size + low * frame)
        data = file.read(max(0, end - low) * frame)
        found = np.frombuffer(data[: len(data) // frame * frame], "<i2").astype(np.float32) / (_S16 + 1)
        out[low - first : low - first + len(found) // channels] = found.reshape(-1, channels)
        return out


def _wav_header(channels: int, size: int) -> bytes:
    """RIFF with 16-bit PCM; of more than 4 GiB (12 h of one channel) players read the rest by the file's own length."""
    told = min(size, 0xFFFFFFFF - _HEADER.size)
    form = (16, 1, channels, RATE, RATE * 2 * channels, 2 * channels, 16)
    return _HEADER.pack(b"RIFF", told + _HEADER.size - 8, b"WAVEfmt ", *form, b"data", told)


def mixed(voices: Sequence[Sound]) -> Sound:
    """All at once as one channel, softly limited; no level is changed below the knee."""
    total = np.zeros((max(map(len, voices)), 1), np.float32)
    for voice in voices:
        total[: len(voice), 0] += voice.mean(axis=1)
    over = np.abs(total) - KNEE
    bent = np.sign(total) * (KNEE + (1 - KNEE) * np.tanh(over / (1 - KNEE)))
    return np.where(over > 0, bent, total).astype(np.float32)


def _weight(there: NDArray[np.bool_]) -> NDArray[np.float32]:
    """1 where a layer is heard, with a ramp inside of its edges."""
    box = np.ones(FADE, np.float32) / FADE
    inner = np.convolve(there.astype(np.float32), box, "same") > 1 - 1e-4
    inner |= _at_border(there)
    return np.where(there, np.convolve(inner.astype(np.float32), box, "same"), 0).astype(np.float32)


def _at_border(there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The ends of what was looked at are no edges of the layer."""
    out = np.zeros(len(there), bool)
    half = FADE // 2 + 1
    if there[:FADE].all():
        out[:half] = True
    if there[-FADE:].all():
        out[-half:] = True
    return out


def _channels(sound: TimedSound) -> int:
    return sound.samples.shape[1] if sound.samples.ndim == 2 else 1


def _as_channels(laid: Sound, channels: int) -> Sound:
    if laid.shape[1] == channels:
        return laid
    return np.repeat(laid.mean(axis=1, keepdims=True), channels, axis=1)
