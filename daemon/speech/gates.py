"""What is refused as not said: whole hypotheses by their text, single words by the sound under them. Pure.

Bounds of speech.md section 4, "Gates": Whisper's own for compression and log-probability (openai/whisper
`transcribe.py`), the others against the failures of speech.md section 3, rows 2-6 and 11.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from core.media import AUDIO_RATE
from daemon.speech.agreement import plain
from daemon.speech.engine import SHORTEST, DecodeResult, HeardWord
from daemon.speech.language import script_fits
from daemon.speech.vad import FRAME, LEAVE

MAX_COMPRESSION: Final = 2.4
MIN_LOGPROB: Final = -1.0
MAX_WORDS_PER_S: Final = 9
MAX_IN_A_ROW: Final = 4
MIN_VAD: Final = 0.25
SLACK: Final = AUDIO_RATE // 10
REACH: Final = AUDIO_RATE // 5  # how far behind a word's end its speech may begin
SILENCE: Final = 8  # frames, a quarter of a second
LONGEST: Final = 2 * AUDIO_RATE
KEEP_FRAMES: Final = 61 * AUDIO_RATE // FRAME  # a window of the packed planner waits a minute and a frame


def fault(result: DecodeResult, spoken: int, language: str) -> str | None:
    """Why a hypothesis over `spoken` samples of speech cannot be what was said; None when it can."""
    texts = [plain(word.text) for word in result.words]
    if result.compression_ratio > MAX_COMPRESSION or _longest_run(texts) >= MAX_IN_A_ROW:
        return "repetition"
    if result.avg_logprob < MIN_LOGPROB:
        return "low_confidence"
    if len(texts) > 2 and len(texts) * AUDIO_RATE > MAX_WORDS_PER_S * spoken:
        return "too_fast"
    if not script_fits(result.text, language):
        return "script"
    return None


def _longest_run(texts: Sequence[str]) -> int:
    longest = run = 1
    for before, here in pairwise(texts):
        run = run + 1 if here == before else 1
        longest = max(longest, run)
    return longest


class VadTrack:
    """The speech probability of every frame of the last minute."""

    def __init__(self) -> None:
        self._probs: deque[float] = deque(maxlen=KEEP_FRAMES)
        self._edge = 0  # in frames

    def add(self, prob: float) -> None:
        """The next frame's."""
        self._probs.append(prob)
        self._edge += 1

    def support(self, word: HeardWord) -> float:
        """The most speech-like 0.1 s under a word, or just behind it."""
        part = self.span(word.start, word.end + REACH)
        if len(part) < 3:
            return max(part, default=0.0)
        return float(np.convolve(part, np.ones(3) / 3, "valid").max())

    def span(self, start: int, end: int) -> list[float]:
        """The frames that a span of samples touches."""
        first = self._edge - len(self._probs)
        a, b = max(start // FRAME - first, 0), max(-(-end // FRAME) - first, 0)
        return [self._probs[i] for i in range(min(a, len(self._probs)), min(b, len(self._probs)))]

    def quietest(self, start: int, end: int) -> int:
        """The middle of the least speech-like 0.1 s inside a span, in samples."""
        part = np.array(self.span(start, end))
        if len(part) < 3:
            return (start + end) // 2
        smooth = np.convolve(part, np.ones(3) / 3, "valid")
        return (start // FRAME + int(smooth.argmin()) + 1) * FRAME + FRAME // 2


def words_on_speech(words: Sequence[HeardWord], track: VadTrack) -> tuple[list[HeardWord], int]:
    """Words moved onto the speech they lie on, and how many were dropped because none lies under them.

    Whisper stretches words over silence: a word starts at most SLACK before speech and ends at most SLACK after it. The
    first word after a silence is often put wholly before its onset: it is moved there.
    """
    kept: list[HeardWord] = []
    for word in words:
        if track.support(word) < MIN_VAD:
            continue
        placed = _onto_speech(word, track)
        if kept and placed.start < kept[-1].end:  # both were moved to one onset
            last = kept[-1]
            kept[-1] = replace(last, end=max(placed.start, last.start + SHORTEST))
            start = max(placed.start, kept[-1].end)
            placed = replace(placed, start=start, end=max(placed.end, start + SHORTEST))
        kept.append(placed)
    return kept, len(words) - len(kept)


def speech_without_words(words: Sequence[HeardWord], track: VadTrack, start: int, end: int) -> list[tuple[int, int]]:
    """Where somebody speaks in a window and no word lies, in samples."""
    first, found = start // FRAME, []
    for a, b in _runs(track.span(start, end)):
        at, until = max((first + a) * FRAME, start), min((first + b) * FRAME, end)
        for word in (*(word for word in words if word.end > at and word.start < until), None):
            stop = until if word is None else word.start
            if stop > at:
                found.append((at, stop))
            at = max(at, until if word is None else word.end)
    return found


def _onto_speech(word: HeardWord, track: VadTrack) -> HeardWord:
    first = word.start // FRAME
    runs = _runs(track.span(word.start, word.end + REACH))
    inside = [run for run in runs if (first + run[0]) * FRAME < word.end] or runs[:1]
    start, end = word.start, word.end
    if inside:
        a, b = max(inside, key=lambda run: (run[1] - run[0], run[0]))
        onset, offset = (first + a) * FRAME, (first + b) * FRAME
        start = max(start, onset - SLACK)
        end = min(max(end, onset + FRAME), offset + SLACK)
    if end - start > LONGEST:
        start = end - LONGEST
    return replace(word, start=start, end=max(end, start + SHORTEST))


def _runs(probs: Sequence[float]) -> list[tuple[int, int]]:
    """Stretches of speech, in frames; a silence shorter than SILENCE does not part them."""
    runs: list[tuple[int, int]] = []
    for i, prob in enumerate(probs):
        if prob < LEAVE:
            continue
        if runs and i - runs[-1][1] < SILENCE:
            runs[-1] = (runs[-1][0], i + 1)
        else:
            runs.append((i, i + 1))
    return runs
