"""LocalAgreement-2: a word is final when two successive hypotheses begin with it. Pure.

Macháček et al., "Turning Whisper into Real-Time Transcription System" (arXiv 2307.14743); thresholds of speech.md
section 4. Positions are samples since the epoch's first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from core.media import AUDIO_RATE
from daemon.speech.engine import SHORTEST, HeardWord

MARGIN: Final = AUDIO_RATE // 5  # a word closer than this to the window's edge may still be cut off
SEAM: Final = AUDIO_RATE // 10  # a word that starts this much before the last committed one's end is that word again
TAIL: Final = 5  # committed words that are remembered, and the longest repetition that is taken out


def plain(text: str) -> str:
    """What is compared: letters and digits, case folded."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def after_seam(words: Sequence[HeardWord], last_end: int, tail: Sequence[str]) -> list[HeardWord]:
    """What a hypothesis says beyond the committed words: `tail` are the last of those, as `plain` text.

    Times decide. Where they have slipped, so that committed words seem to be said again right behind their end, the
    repetition is taken out; not where the hypothesis has them before as well, for then they were said twice.
    """
    first = next((i for i, word in enumerate(words) if word.start >= last_end - SEAM), len(words))
    fresh = _behind(words[first:], last_end)
    if first and tail and plain(words[first - 1].text) == tail[-1]:
        return fresh
    least = 1 if first else 2  # a window that begins behind the committed words can hardly repeat one alone
    for count in range(min(TAIL, len(tail), len(fresh)), least - 1, -1):
        near = fresh[0].start - last_end < AUDIO_RATE  # a repetition said later is one that was said
        if near and [plain(word.text) for word in fresh[:count]] == list(tail[-count:]):
            return fresh[count:]
    return fresh


def _behind(words: Sequence[HeardWord], end: int) -> list[HeardWord]:
    """No word of a new decode reaches back into a committed one."""
    moved: list[HeardWord] = []
    for word in words:
        start = max(word.start, end)
        end = max(word.end, start + SHORTEST)
        moved.append(replace(word, start=start, end=end))
    return moved


def agreed(before: Sequence[HeardWord], now: Sequence[HeardWord], edge: int) -> int:
    """How many leading words of `now` stood in the same place in `before` and are clear of the edge."""
    count = 0
    for old, new in zip(before, now, strict=False):
        if plain(old.text) != plain(new.text) or new.end > edge - MARGIN:
            break
        count += 1
    return count
