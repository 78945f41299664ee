"""Where the sound says that nobody speaks. Recognisers miss words, and what they miss is heard all the same. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final

from core.times import Ns, ns
from core.words import Word
from detectors.audio.pauses import Pauses, Silence

REACH_NS: Final = ns(2.5)  # how far a place to cut is looked for
MARGIN_NS: Final = 80_000_000  # to a word on either side: recognisers place edges within some tens of milliseconds
FADE_NS: Final = 150_000_000  # the last sounds of a word are soft
_LASTING_NS: Final = 160_000_000  # the stop of a consonant is shorter (ITU-T P.56 bridges 200 ms)
_END: Final = attrgetter("end_ns")
Gap = tuple[Ns, Ns]


class Breaths:
    """The audio detector's shortest pauses, and the longer and deeper silences, to look up."""

    def __init__(self, pauses: Pauses, silences: Sequence[Silence]) -> None:
        self._pauses, self._silences = pauses, silences

    def trimmed(self, word: Word) -> Word:
        """A word without the silence at its ends: recognisers stretch words over the pauses beside them.

        What is only quiet may be a soft sound of the word, or a voice far from the microphone.
        """
        start_ns, end_ns = word.start_ns, word.end_ns
        for gap in _overlapping(self._silences, (start_ns, end_ns)):
            if gap[0] <= start_ns < gap[1] < end_ns:
                start_ns = gap[1]
            elif start_ns < gap[0] < end_ns <= gap[1]:
                end_ns = gap[0]
        same = start_ns == word.start_ns and end_ns == word.end_ns
        return word if same else replace(word, start_ns=start_ns, end_ns=end_ns)

    def knows(self, t_ns: Ns) -> bool:
        """Whether the sound there can tell: it has been heard, and over it breaths are heard near by."""
        heard = self._pauses.heard
        if heard is None or not heard.start_ns <= t_ns or not t_ns + MARGIN_NS <= heard.end_ns:
            return False
        return next(self._within((Ns(t_ns - REACH_NS), Ns(t_ns + REACH_NS))), None) is not None

    def at(self, t_ns: Ns) -> bool:
        """Whether it is quiet then."""
        return next(self._within((t_ns, Ns(t_ns + 1))), None) is not None

    def near(self, t_ns: Ns, within: Gap, step: int) -> Gap | None:
        """The quiet stretch to cut in: one that lasts rather than a short one, then the nearest.

        Those on the other side of `t_ns` than `step` (-1 or 1) says are out of the question.
        """
        found = [gap for gap in self._within(within) if (into(gap, t_ns) - t_ns) * step >= -MARGIN_NS]
        return min(found, key=lambda gap: (not lasts(gap), abs(into(gap, t_ns) - t_ns)), default=None)

    def _within(self, within: Gap) -> Iterator[Gap]:
        """The parts of quiet stretches that lie there."""
        for start_ns, end_ns in _overlapping(self._pauses.silences, within):
            yield max(start_ns, within[0]), min(end_ns, within[1])


def _overlapping(quiet: Sequence[Silence], with_: Gap) -> Iterator[Gap]:
    """Whole stretches, in order."""
    for place in range(bisect_right(quiet, with_[0], key=_END), len(quiet)):
        if quiet[place].start_ns >= with_[1]:
            return
        yield quiet[place]


def lasts(gap: Gap) -> bool:
    """Whether it is too long to lie inside a word."""
    return gap[1] - gap[0] >= _LASTING_NS


def into(gap: Gap, t_ns: Ns, margin_ns: int = MARGIN_NS) -> Ns:
    """`t_ns` moved into a gap, not nearer to its ends than a margin; into its middle where it is short."""
    start_ns, end_ns = gap
    margin_ns = min(margin_ns, max(end_ns - start_ns, 0) // 2)
    return Ns(max(min(max(t_ns, start_ns + margin_ns), end_ns - margin_ns), 0))
