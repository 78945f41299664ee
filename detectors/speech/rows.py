"""How the voice sounded: the sound's rows around words, and what is usual for this stream's talk. Pure.

Only rows under known words teach what is usual, so games, music and pauses do not. Rows are touched in blocks and on
demand, never one by one.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.media import SPEECH_TRACK, Gap
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns, ns
from detectors.features import AUDIO_COLUMNS, AUDIO_KIND, FLOOR_DB, STEP_NS
from detectors.speech.words import Transcript

Floats = NDArray[np.float32]
_COLUMNS: Final = ("level", "speech", "dip", "flat", "voicing", "pitch")
LEVEL, SPEECH, DIP, FLAT, VOICING, PITCH = range(len(_COLUMNS))
_TAKEN: Final = [AUDIO_COLUMNS.index(name) for name in _COLUMNS]
_KEEP: Final = 6_000  # ten minutes: words of skipped speech may come that late
_VOICED: Final = 0.5  # of the autocorrelation; as in detectors.audio.detector
_FEWEST: Final = 3  # voiced rows, 0.3 s: two syllables
BLOCK_ROWS: Final = 100  # 10 s: what is usual moves slowly, and overlaps are too weak to hurry
_LEVELS, _PITCHES = (FLOOR_DB, 20.0, 0.5), (0.0, 60.0, 0.25)


class Rows:
    """The newest ten minutes of rows by place, which is time in steps; what is missing is not there."""

    def __init__(self) -> None:
        self._values = np.zeros((_KEEP, len(_COLUMNS)), dtype=np.float32)
        self._places = np.full(_KEEP, -1, dtype=np.int64)
        self._waiting: deque[SignalChunk] = deque()
        self._used = 0
        self._gaps: deque[Gap] = deque(maxlen=100)

    def feed(self, chunk: SignalChunk) -> None:
        """Take a chunk in; it may run ahead."""
        if chunk.kind == AUDIO_KIND and chunk.step_ns == STEP_NS:
            self._waiting.append(chunk)

    def gap(self, gap: Gap) -> None:
        """Rows inside a gap carry no information; where only the transcript is missing, they do."""
        if gap.track != "video":
            self._gaps.append(gap)

    def missing(self, start_ns: Ns, end_ns: Ns) -> bool:
        """Whether sound, or what was said, is missing from a stretch."""
        return any(gap.start_ns < end_ns and start_ns < gap.end_ns for gap in self._gaps)

    @property
    def backlog(self) -> int:
        """Chunks that wait to be put in place."""
        return len(self._waiting)

    def known_until(self, t_ns: Ns) -> None:
        """Put what is known by then in place."""
        while self._waiting:
            chunk = self._waiting[0]
            end = min(max((t_ns - chunk.start_ns) // STEP_NS, self._used), len(chunk))
            first = max(self._used, end - _KEEP)
            if first < end:
                self._put(round(chunk.start_ns / STEP_NS) + first, chunk.values[first:end, _TAKEN])
            self._used = end
            if end < len(chunk):
                return
            self._waiting.popleft()
            self._used = 0

    def _put(self, place: int, values: Floats) -> None:
        """Write around the ring's end, if it comes to that."""
        at, fits = place % _KEEP, min(len(values), _KEEP - place % _KEEP)
        self._values[at : at + fits] = values[:fits]
        self._places[at : at + fits] = np.arange(place, place + fits)
        if fits < len(values):
            self._put(place + fits, values[fits:])

    def read(self, first: int, end: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Rows of these places, to be used at once, and which of them are there."""
        places, at = np.arange(first, end), first % _KEEP
        around = slice(at, at + end - first) if at + end - first <= _KEEP else places % _KEEP
        there = self._places[around] == places
        for gap in self._gaps:
            if gap.track == SPEECH_TRACK:
                continue  # the sound is there
            there &= (places + 1 <= gap.start_ns // STEP_NS) | (places >= -(-gap.end_ns // STEP_NS))
        return self._values[around], there


class Quantiles:
    """A histogram over the last `blocks` blocks; detectors.baseline.Baseline for many samples at once."""

    def __init__(self, low: float, high: float, step: float, blocks: int) -> None:
        self._low, self._step = low, step
        self._total = np.zeros(round((high - low) / step) + 1, dtype=np.int64)
        self._blocks: deque[NDArray[np.int64]] = deque()
        self._most = blocks

    def push(self, values: Floats) -> None:
        """Take one block in."""
        size = len(self._total)
        bins: NDArray[np.int64] = np.bincount(
            np.clip((values - self._low) / self._step + 0.5, 0, size - 1).astype(np.int64), minlength=size
        )
        self._blocks.append(bins)
        self._total += bins
        if len(self._blocks) > self._most:
            self._total -= self._blocks.popleft()

    def quantile(self, share: float) -> float:
        """The value below which this share lies."""
        total = np.cumsum(self._total)
        return float(self._low + self._step * int(np.searchsorted(total, share * int(total[-1]))))


class Raised(NamedTuple):
    """How far a stretch of talk is above the usual: semitones over the 90th percentile, dB over the median.

    `least_db` is the smaller of that of the speech band and of all of the sound: a voice raises both, a laugh or a bang
    over it one of them. `over` is in semitones over the median; `rows` is how many tenths of a second were voiced.
    """

    pitch: float
    level_db: float
    least_db: float
    over: float
    rows: int


class _Usual(NamedTuple):
    """Medians of the speech band, of all of the sound (dB) and of the pitch; the pitch that is rarely exceeded."""

    level_db: float
    loudness_db: float
    pitch: float
    high: float


class Voice:
    """What this stream's talk usually sounds like over 15 minutes of it, and how a stretch compares."""

    def __init__(self, rows: Rows, *, window_s: float, spoken_pitch: float) -> None:
        blocks = round(window_s * NS_PER_S / (BLOCK_ROWS * STEP_NS))
        self._rows, self._spoken = rows, spoken_pitch
        self._levels, self._loudness = Quantiles(*_LEVELS, blocks), Quantiles(*_LEVELS, blocks)
        self._pitches = Quantiles(*_PITCHES, blocks)
        self._usual: _Usual | None = None
        self.talk_ns = 0  # voiced talk that has been learned from

    def learn(self, values: Floats, worded: NDArray[np.bool_]) -> None:
        """Take a block's rows in; only voiced ones under words count."""
        voiced = values[worded & (values[:, VOICING] > _VOICED)]
        self._levels.push(voiced[:, SPEECH])
        self._loudness.push(voiced[:, LEVEL])
        self._pitches.push(voiced[:, PITCH])
        self._usual = None
        self.talk_ns += len(voiced) * STEP_NS

    def level(self) -> float:
        """The median of voiced talk, dB."""
        return self._now().level_db

    def _now(self) -> _Usual:
        """What is usual by now; asked more often than it changes."""
        if self._usual is None:
            self._usual = _Usual(
                self._levels.quantile(0.5),
                self._loudness.quantile(0.5),
                self._pitches.quantile(0.5),
                min(self._pitches.quantile(0.9), self._spoken),
            )
        return self._usual

    def known_until(self, t_ns: Ns) -> None:
        """Take in the rows that are known by then."""
        self._rows.known_until(t_ns)

    def raised(self, start_ns: Ns, end_ns: Ns) -> Raised | None:
        """How a stretch compares; None when nothing is known about it or about the usual."""
        if not self.talk_ns:
            return None
        values, there = self._rows.read(start_ns // STEP_NS, -(-end_ns // STEP_NS))
        voiced = values[there & (values[:, VOICING] > _VOICED)]
        if len(voiced) < _FEWEST:
            return None
        usual = self._now()
        ordered = np.sort(voiced[:, (LEVEL, SPEECH, PITCH)], axis=0)  # numpy's median costs ten times as much here
        level_db, speech_db, pitch = ((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2).tolist()
        up_db = speech_db - usual.level_db
        return Raised(
            pitch - usual.high, up_db, min(up_db, level_db - usual.loudness_db), pitch - usual.pitch, len(ordered)
        )


def worded(said: Transcript, first: int, end: int) -> NDArray[np.bool_]:
    """Which of these places of rows lie under a word."""
    mask = np.zeros(end - first, dtype=np.bool_)
    for at in range(max(said.place(first * STEP_NS) - 1, 0), said.place(end * STEP_NS)):
        word = said.words[at]
        if word.end_ns > first * STEP_NS:
            mask[max(word.start_ns // STEP_NS - first, 0) : word.end_ns // STEP_NS - first + 1] = True
    return mask


def block_of(t_ns: int) -> int:
    """The block that a time lies in."""
    return t_ns // (BLOCK_ROWS * STEP_NS)


BLOCK_NS: Final = BLOCK_ROWS * STEP_NS
AFTER_NS: Final = ns(0.2)  # word times end early on held vowels
