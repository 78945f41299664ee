"""Knows a scene that was clipped before when it is shown again: a replay, or the streamer watching an own clip. Pure.

Two witnesses: what is said (shingles of four words) and what is seen (difference hashes of keyframes), again at one
distance in time. Each is enough alone when there is much of it, less is enough of both at the same distance. Both must
be more than the stream's habits: a static picture or a catchphrase proves nothing.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from core.times import NS_PER_S, Ns, ns
from core.words import Word
from detectors.options import ReplayOptions
from detectors.vision import Frame

_SHINGLE: Final = 4  # words; three of them are common phrases
_WORDS_KEPT: Final = 40_000  # four hours of fast talk
_FRAMES_KEPT: Final = 8_000  # four hours of keyframes every two seconds
_CLIPS_KEPT: Final = 200
_CACHED: Final = 4_096  # words; people say a few thousand again and again
_PLAY_NS: Final = 2 * NS_PER_S  # keyframes lie up to a GOP away from those of the first showing
_HASH: Final = (1 << 64) - 1
_SPARE: Final = 8  # an eighth more than is kept, before the oldest go

_Runs = dict[tuple[str, ...], Ns]


class _Clip(NamedTuple):
    name: str
    start_ns: Ns
    end_ns: Ns


class Replays:
    """What was said and seen in this session, and which spans became clips."""

    def __init__(self, options: ReplayOptions) -> None:
        self._options = options
        self._tokens: list[str] = []
        self._frames = array("Q")
        self._said, self._shown = _Times(_WORDS_KEPT), _Times(_FRAMES_KEPT)  # when each of them was
        self._clips: deque[_Clip] = deque(maxlen=_CLIPS_KEPT)

    def words(self, words: Iterable[Word]) -> None:
        """Words that became final; those of skipped speech, which come late, are left out."""
        for word in words:
            if word.start_ns >= self._said.newest_ns:
                token = _token(word.text)
                if token:
                    self._tokens.append(token)
                    del self._tokens[: self._said.add(word.start_ns)]

    def frames(self, frames: Iterable[Frame]) -> None:
        """Keyframes in order."""
        for frame in frames:
            self._frames.append(frame.bits & _HASH)
            del self._frames[: self._shown.add(frame.t_ns)]

    def clipped(self, name: str, start_ns: Ns, end_ns: Ns) -> None:
        """A span became a clip, or a longer one."""
        self._clips = deque((c for c in self._clips if c.name != name), maxlen=_CLIPS_KEPT)
        self._clips.append(_Clip(name, start_ns, end_ns))

    def dropped(self, name: str) -> None:
        """A clip was withdrawn."""
        self._clips = deque((c for c in self._clips if c.name != name), maxlen=_CLIPS_KEPT)

    def original(self, start_ns: Ns, end_ns: Ns) -> tuple[str, Ns] | None:
        """The clip that a span shows again, and where that began; None when it shows something new."""
        earlier = [clip for clip in self._clips if clip.end_ns <= start_ns]
        if not earlier:
            return None
        said, seen = self._shingles(start_ns, end_ns), self._fresh(start_ns, end_ns)
        for clip in reversed(earlier):
            if self._again(said, seen, clip):
                return clip.name, clip.start_ns
        return None

    def _again(self, said: _Runs, seen: Sequence[Frame], clip: _Clip) -> bool:
        options, then = self._options, self._shingles(clip.start_ns, clip.end_ns)
        least = max(options.shingles, options.share * min(len(said), len(then)))
        shown = self._between(clip.start_ns, clip.end_ns)
        pairs = [(frame.t_ns - old.t_ns, frame) for frame in seen for old in shown if self._alike(frame, old)]
        if any(self._different(pairs, away_ns) >= options.frames for away_ns, _ in pairs):
            return True
        for away_ns, times in _at_one_distance(said, then):
            # a slogan is said again without anything being shown, and may be all that is known of what is said now
            if len(times) >= least and max(times) - min(times) >= ns(options.span_s):
                return True
            if len(times) >= options.shingles_seen and self._different(pairs, away_ns):
                return True
        return False

    def _shingles(self, start_ns: Ns, end_ns: Ns) -> _Runs:
        """Runs of words and when each began last."""
        span = self._said.span(start_ns, end_ns)
        tokens = self._tokens[span]
        runs = zip(*(tokens[at:] for at in range(_SHINGLE)), strict=False)
        return dict(zip(runs, self._said[span], strict=False))

    def _between(self, start_ns: Ns, end_ns: Ns) -> list[Frame]:
        span = self._shown.span(start_ns, end_ns)
        return [Frame(t_ns, bits) for t_ns, bits in zip(self._shown[span], self._frames[span], strict=True)]

    def _fresh(self, start_ns: Ns, end_ns: Ns) -> list[Frame]:
        """Keyframes of a span that the minute before it did not show."""
        seen = self._between(start_ns, end_ns)
        if not seen:
            return []
        usual = self._between(Ns(seen[0].t_ns - ns(self._options.usual_s)), Ns(seen[0].t_ns - _PLAY_NS))
        return [frame for frame in seen if not any(self._alike(frame, other) for other in usual)]

    def _different(self, pairs: Sequence[tuple[int, Frame]], away_ns: int) -> int:
        """How many different pictures came again that long after the first time."""
        found: list[Frame] = []
        for away, frame in pairs:
            if abs(away - away_ns) <= _PLAY_NS and not any(self._alike(frame, other) for other in found):
                found.append(frame)
        return len(found)

    def _alike(self, a: Frame, b: Frame) -> bool:
        return (a.bits ^ b.bits).bit_count() <= self._options.bits


class _Times:
    """When something was that is kept beside it, in order, 8 bytes each; the last `kept` of it count."""

    def __init__(self, kept: int) -> None:
        self._kept, self._times = kept, array("q")

    @property
    def newest_ns(self) -> Ns:
        """0 before the first."""
        return Ns(self._times[-1]) if self._times else Ns(0)

    def add(self, t_ns: Ns) -> int:
        """One more; how many of the oldest are let go."""
        self._times.append(t_ns)
        spare = self._kept // _SPARE
        if len(self._times) < self._kept + spare:
            return 0
        del self._times[:spare]
        return spare

    def span(self, start_ns: Ns, end_ns: Ns) -> slice:
        """Those in start..end, both included."""
        oldest = max(0, len(self._times) - self._kept)
        return slice(bisect_left(self._times, start_ns, oldest), bisect_right(self._times, end_ns, oldest))

    def __getitem__(self, span: slice) -> list[Ns]:
        return [Ns(t_ns) for t_ns in self._times[span]]


@lru_cache(maxsize=_CACHED)
def _token(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _at_one_distance(now: _Runs, then: _Runs) -> Iterator[tuple[int, list[Ns]]]:
    """Runs of words that come again: how long after the first time, and when each is said again."""
    pairs = sorted((now[run] - then[run], now[run]) for run in now.keys() & then.keys())
    away = [distance for distance, _ in pairs]
    for place, first in enumerate(away):
        yield first, [t_ns for _, t_ns in pairs[place : bisect_right(away, first + _PLAY_NS)]]
