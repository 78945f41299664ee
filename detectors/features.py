"""Turns decoded sound and keyframes into signals: ten rows a second of sound, one per keyframe.

Pure numpy. Deciding what a row means is detectors.audio's work; decoding is daemon/ingest's. Everything is relative
power in dB or a ratio, so that a microphone's gain moves all levels alike and the ratios not at all. Rows depend on the
samples only, never on how they were cut into blocks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from core.media import AUDIO_RATE as RATE
from core.media import AudioBlock, KeyframeImage
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns

Floats = NDArray[np.float64]


HOP: Final = 1600  # 100 ms: ten rows a second (detection.md section 2, signal 5)
STEP_NS: Final = HOP * NS_PER_S // RATE
FLOOR_DB: Final = -120.0  # far below 16-bit quantisation noise: only digital silence lies here

_SUB_HOP: Final = 320  # 20 ms: short enough to fall between syllables (4-5 a second)
_SUB_WINDOW: Final = 512
_WINDOW: Final = 2048  # 128 ms, 7.8 Hz a bin: resolves the harmonics of a low voice
_HISTORY: Final = _WINDOW - HOP
_BLOCK: Final = 32  # bins of one flatness block, 250 Hz: two harmonics of a low voice fit in
_TONE_MEMORY: Final = 0.85  # a frame; about 0.65 s: speech moves its pitch within it, a held note does not
_JOIN_NS: Final = 5_000_000  # blocks this close follow each other; more is a new run (an epoch)
_POWER_FLOOR: Final = 1e-12

BAND_EDGES_HZ: Final = (80, 200, 400, 800, 1600, 3200, 4800, 7600)
BANDS: Final = tuple(f"band{low}" for low in BAND_EDGES_HZ[:-1])
AUDIO_KIND: Final = "audio"
AUDIO_COLUMNS: Final = ("level", "speech", "dip", "crest", "flux", "flat", "tonal", "voicing", "pitch", *BANDS)
SCENE_KIND: Final = "scene"
SCENE_COLUMNS: Final = ("change", "hash0", "hash1", "hash2", "hash3")  # 16 bits each: float32 holds them exactly
_HASH_WIDE, _HASH_HIGH = 9, 8  # a difference hash: is each of 8 x 8 patches brighter than the one to its left?


class _Spectra(NamedTuple):
    """What a batch of frames looks like: fine power spectra (n, 1025), power of the speech band in 20 ms (n, 5)."""

    fine: Floats
    short: Floats


def _bins(low_hz: float, high_hz: float, window: int) -> slice:
    return slice(round(low_hz * window / RATE), round(high_hz * window / RATE))


def _hann(window: int) -> Floats:
    return 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(window) + 0.5) / window)


def _db(power: Floats) -> Floats:
    return np.maximum(10.0 * np.log10(power + _POWER_FLOOR), FLOOR_DB)


_HANN: Final = _hann(_WINDOW)
_SUB_HANN: Final = _hann(_SUB_WINDOW)
_SCALE: Final = 2.0 / (_WINDOW * float(np.sum(_HANN**2)))
_SUB_SCALE: Final = 2.0 / (_SUB_WINDOW * float(np.sum(_SUB_HANN**2)))
_SPEECH: Final = _bins(300, 3400, _WINDOW)
_SUB_SPEECH: Final = _bins(300, 3400, _SUB_WINDOW)
_FLAT: Final = slice(_bins(400, 5000, _WINDOW).start, _bins(400, 5000, _WINDOW).start + 18 * _BLOCK)
_BAND_BINS: Final = tuple(_bins(a, b, _WINDOW) for a, b in pairwise(BAND_EDGES_HZ))
_LAGS: Final = np.arange(RATE // 1600, RATE // 80 + 1)  # pitch 80-1600 Hz: a low voice to a scream
_WINDOW_ACF: Final = np.fft.irfft(np.abs(np.fft.rfft(_HANN, 2 * _WINDOW)) ** 2)[_LAGS] / float(np.sum(_HANN**2))
_PITCH_BAND: Final = _bins(80, 4000, _WINDOW)


class AudioFeatures:
    """16 kHz mono blocks in, ten rows of AUDIO_COLUMNS a second out.

    level, speech: dB of 80-7600 Hz and of 300-3400 Hz. dip: the quietest 20 ms of the frame (speech band), crest: the
    loudest over the mean. flux: mean rise of the bands against the row before, dB. flat: 0 tones .. 0.56 noise in this
    frame. tonal: 0 noise .. 1 for tones that stay where they are (music). voicing: 0..1; pitch: semitones over 55 Hz.
    band*: dB of each band.
    """

    def __init__(self) -> None:
        self._start_ns: Ns | None = None
        self._pushed = 0  # samples since the run began
        self._rows = 0  # rows given out since the run began
        self._tail: Floats = np.zeros(_HISTORY)
        self._average: Floats | None = None
        self._bands: Floats | None = None

    def push(self, block: AudioBlock) -> list[SignalChunk]:
        """Rows that this block completes, as at most one chunk."""
        if self._start_ns is None or abs(block.start_ns - self._expected_ns()) > _JOIN_NS:
            self.__init__()  # type: ignore[misc]
            self._start_ns = block.start_ns
        assert self._start_ns is not None
        buffer = np.concatenate((self._tail, block.samples.astype(np.float64)))
        self._pushed += len(block.samples)
        count = (len(buffer) - _HISTORY) // HOP
        self._tail = buffer[count * HOP :]
        if count == 0:
            return []
        values = self._measure(buffer, count)
        start_ns = Ns(self._start_ns + self._rows * STEP_NS)
        self._rows += count
        chunk = SignalChunk(kind=AUDIO_KIND, start_ns=start_ns, step_ns=STEP_NS, values=values, columns=AUDIO_COLUMNS)
        return [chunk]

    def _expected_ns(self) -> int:
        return (self._start_ns or 0) + self._pushed * NS_PER_S // RATE

    def _measure(self, buffer: Floats, count: int) -> NDArray[np.float32]:
        spectra = _spectra(buffer, count)
        bands = np.stack([_db(np.sum(spectra.fine[:, b], axis=1)) for b in _BAND_BINS], axis=1)
        before = bands[:1] if self._bands is None else self._bands
        flux = np.maximum(np.diff(np.concatenate((before, bands)), axis=0), 0.0).mean(axis=1)
        self._bands = bands[-1:]
        level = _db(np.sum(spectra.fine[:, _BAND_BINS[0].start : _BAND_BINS[-1].stop], axis=1))
        speech = _db(spectra.short.mean(axis=1))
        voicing, pitch = _pitch(spectra.fine)
        columns = [
            level,
            speech,
            _db(spectra.short.min(axis=1)),
            _db(spectra.short.max(axis=1)) - speech,
            flux,
            _flatness(spectra.fine),
            1.0 - _flatness(self._averages(spectra.fine)),
            voicing,
            pitch,
        ]
        return np.concatenate((np.stack(columns, axis=1), bands), axis=1).astype(np.float32)

    def _averages(self, fine: Floats) -> Floats:
        """Power spectra averaged over the last 0.65 s: noise and moving voices smooth out, held tones stay peaks."""
        out = np.empty_like(fine)
        average = fine[0] if self._average is None else self._average
        for row, spectrum in enumerate(fine):
            average = _TONE_MEMORY * average + (1.0 - _TONE_MEMORY) * spectrum
            out[row] = average
        self._average = average
        return out


class SceneFeatures:
    """Keyframes in, one row of SCENE_COLUMNS each out.

    change: how much it differs from the one before, 0 the same picture .. 1 another one. hash*: 64 bits that stay
    nearly the same when the picture is shown again, scaled or encoded anew.
    """

    _BINS = 32

    def __init__(self) -> None:
        self._last: Floats | None = None

    def push(self, image: KeyframeImage) -> list[SignalChunk]:
        """One point per keyframe; none for the first."""
        now = self._describe(image)
        last, self._last = self._last, now
        if last is None:
            return []
        change = 0.5 * float(np.abs(now - last).sum()) / 4.0  # four quarters, each a histogram that sums to 1
        return [
            SignalChunk(
                kind=SCENE_KIND,
                start_ns=image.t_ns,
                step_ns=0,
                values=np.array([[change, *_difference_hash(image.grey)]], dtype=np.float32),
                columns=SCENE_COLUMNS,
                times_ns=np.array([image.t_ns], dtype=np.int64),
            )
        ]

    def _describe(self, image: KeyframeImage) -> Floats:
        """Grey histograms of the picture's quarters: blind to small motion, sharp on a new scene."""
        height, width = image.grey.shape
        rows = (image.grey[: height // 2], image.grey[height // 2 :])
        quarters = [part for row in rows for part in (row[:, : width // 2], row[:, width // 2 :])]
        hists = [np.bincount(q.ravel() // (256 // self._BINS), minlength=self._BINS) / max(q.size, 1) for q in quarters]
        return np.concatenate(hists)


def _difference_hash(grey: NDArray[np.uint8]) -> list[int]:
    """Four numbers of 16 bits, a row of the picture per half number."""
    high, wide = grey.shape
    down = np.arange(_HASH_HIGH) * high // _HASH_HIGH
    across = np.arange(_HASH_WIDE) * wide // _HASH_WIDE
    sums = np.add.reduceat(np.add.reduceat(grey.astype(np.float64), down, axis=0), across, axis=1)
    patches = sums / np.maximum(np.diff(across, append=wide), 1)
    brighter = (patches[:, 1:] > patches[:, :-1]).reshape(4, 16)
    return [int(word) for word in brighter @ (1 << np.arange(15, -1, -1))]


def _spectra(buffer: Floats, count: int) -> _Spectra:
    frames = sliding_window_view(buffer, _WINDOW)[: count * HOP : HOP]
    fine = _power(np.fft.rfft(frames * _HANN, axis=1)) * _SCALE
    first = _HISTORY + _SUB_HOP - _SUB_WINDOW  # each short window ends with its own 20 ms
    subs = sliding_window_view(buffer[first:], _SUB_WINDOW)[: count * HOP : _SUB_HOP]
    short = _power(np.fft.rfft(subs * _SUB_HANN, axis=1)[:, _SUB_SPEECH]) * _SUB_SCALE
    return _Spectra(fine, short.sum(axis=1).reshape(count, HOP // _SUB_HOP))


def _power(spectrum: NDArray[np.complex128]) -> Floats:
    return spectrum.real**2 + spectrum.imag**2


def _flatness(fine: Floats) -> Floats:
    """Geometric over arithmetic mean in 250 Hz blocks of 400-5000 Hz, weighted by the root of each block's power."""
    part = fine[:, _FLAT]
    blocks = part.reshape(len(part), -1, _BLOCK)
    mean = blocks.mean(axis=2) + 1e-18
    geometric = np.exp(np.log(blocks + mean[:, :, None] * 1e-6).mean(axis=2))
    weight = np.sqrt(mean)
    ratio: Floats = (weight * geometric / mean).sum(axis=1) / weight.sum(axis=1)
    return np.minimum(ratio, 1.0)


def _pitch(fine: Floats) -> tuple[Floats, Floats]:
    """Voicing (autocorrelation peak, window removed) and pitch: the shortest lag that comes within 10 % of the peak."""
    masked = np.zeros_like(fine)
    masked[:, _PITCH_BAND] = fine[:, _PITCH_BAND]
    acf = np.fft.irfft(masked, axis=1)
    ratio = acf[:, _LAGS] / (acf[:, :1] + 1e-18) / _WINDOW_ACF
    inner = ratio[:, 1:-1]
    peaks = (inner >= ratio[:, :-2]) & (inner >= ratio[:, 2:])
    best = np.where(peaks, inner, 0.0).max(axis=1)
    chosen = np.argmax(peaks & (inner >= 0.9 * best[:, None]), axis=1) + 1
    pitch = 12.0 * np.log2(RATE / _LAGS[chosen] / 55.0)
    return np.clip(best, 0.0, 1.0), np.asarray(pitch, dtype=np.float64)
