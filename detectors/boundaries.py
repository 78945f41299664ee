"""Where a clip of a moment starts and ends. Pure.

The start moves to a pause or, failing that, to a scene cut within a few seconds, rather earlier than later. The end of
a live moment lies in the future when it is decided, so it is only moved when the footage behind it is already known.
Word boundaries come with the speech detectors and go before pauses.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from typing import Final

from core.media import Epoch
from core.times import Ns, ns
from detectors.audio import Silence
from detectors.options import ClipLengths

_LEAD_NS: Final = 100_000_000  # of a pause kept before the next sound, so that no onset is clipped
_KEEP_EPOCHS: Final = 50


class Snapper:
    """Pauses, scene cuts and epochs of the last minutes."""

    def __init__(self, snap_s: float) -> None:
        self._snap_ns = ns(snap_s)
        self._cuts: deque[Ns] = deque(maxlen=500)
        self._epochs: deque[Ns] = deque(maxlen=_KEEP_EPOCHS)

    def cut(self, t_ns: Ns) -> None:
        """A new scene starts here."""
        self._cuts.append(t_ns)

    def epoch(self, epoch: Epoch) -> None:
        """Timestamps start anew here; a clip stays inside one epoch."""
        self._epochs.append(epoch.start_ns)

    def epoch_bounds(self, t_ns: Ns) -> tuple[Ns, Ns | None]:
        """Start of the epoch around a time, and of the one after it."""
        starts = sorted(self._epochs)
        place = bisect_right(starts, t_ns)
        start_ns = starts[place - 1] if place else Ns(0)
        return start_ns, starts[place] if place < len(starts) else None

    def start(self, wanted_ns: Ns, latest_ns: Ns, silences: Iterable[Silence]) -> Ns:
        """A place to start near `wanted_ns`, not after `latest_ns`: in a pause, else at a cut, else as wanted."""
        pauses = [Ns(max(silence.end_ns - _LEAD_NS, silence.start_ns)) for silence in silences]
        for places in (pauses, list(self._cuts)):
            near = [t for t in places if abs(t - wanted_ns) <= self._snap_ns and t <= latest_ns]
            if near:
                earlier = [t for t in near if t <= wanted_ns]
                return Ns(max(max(earlier) if earlier else min(near), 0))
        return Ns(max(wanted_ns, 0))

    def end(self, wanted_ns: Ns, known_ns: Ns, silences: Iterable[Silence]) -> Ns:
        """The first pause within reach after `wanted_ns`, if all of that has been heard already; else as wanted."""
        if known_ns < wanted_ns + self._snap_ns:
            return wanted_ns
        later = [s.start_ns for s in silences if wanted_ns <= s.start_ns <= wanted_ns + self._snap_ns]
        inside = any(s.start_ns <= wanted_ns <= s.end_ns for s in silences)
        return min(later) if later and not inside else wanted_ns


def fit(start_ns: Ns, end_ns: Ns, anchor_ns: Ns, clip: ClipLengths) -> tuple[Ns, Ns]:
    """Bring a span to the profile's lengths: too long loses run-up first, then its end; too short starts earlier."""
    longest, shortest = ns(clip.max_s), ns(clip.min_s)
    if end_ns - start_ns > longest:
        start_ns = Ns(max(start_ns, min(end_ns - longest, anchor_ns - ns(clip.pre_s))))
        end_ns = Ns(min(end_ns, start_ns + longest))
    if end_ns - start_ns < shortest:
        start_ns = Ns(max(end_ns - shortest, 0))
        end_ns = Ns(max(end_ns, start_ns + shortest))
    return start_ns, end_ns


def overlap(a: tuple[Ns, Ns], b: tuple[Ns, Ns]) -> float:
    """Intersection over union of two spans."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return max(shared, 0) / max(max(a[1], b[1]) - min(a[0], b[0]), 1)
