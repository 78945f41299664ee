"""Reads the picture for what it can tell honestly: where scenes change, and whether this looks like an advert. Pure.

Cuts are no evidence for a moment in live content (detection.md section 2, signal 10). They are places to cut at, and a
montage of them (adverts, trailers, intros) speaks against what is heard over it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from core.media import Gap
from core.moments import Event, Family
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns, ns
from detectors.baseline import Baseline, ramp
from detectors.features import SCENE_KIND
from detectors.options import DetectOptions

_KNOWN: Final = 60  # seconds that tell how often scenes change here (detection.md section 4, 1)
_MOST: Final = 100.0  # cuts that are told apart in a window


class Frame(NamedTuple):
    """A keyframe's difference hash, 64 bits."""

    t_ns: Ns
    bits: int


class VisionDetector:
    """Signals `scene` in; the penalty `montage` out, and on the side `cuts` and `frames` of the newest step."""

    family = Family.VISION

    def __init__(self, options: DetectOptions) -> None:
        self._options, self._window_ns = options.vision, ns(options.vision.montage_s)
        self._waiting: deque[tuple[Ns, float, int | None]] = deque()
        self._recent: deque[Ns] = deque()
        self._usual = Baseline(options.baseline, low=0.0, high=_MOST, step=1.0)
        self._sampled_ns = Ns(0)
        self._open: Event | None = None
        self._seen = False
        self._now_ns = Ns(0)
        self.cuts: list[Ns] = []
        self.frames: list[Frame] = []

    def feed(self, chunk: SignalChunk) -> None:
        """Take a chunk in; others than `scene` are not for this detector. Old logs have no hashes."""
        if chunk.kind != SCENE_KIND or chunk.times_ns is None:
            return
        for t_ns, row in zip(chunk.times_ns.tolist(), chunk.values.tolist(), strict=True):
            bits = None
            if len(row) > 1:
                a, b, c, d = (int(word) for word in row[1:5])
                bits = a << 48 | b << 32 | c << 16 | d
            self._waiting.append((Ns(t_ns), row[0], bits))

    def gap(self, gap: Gap) -> None:
        """No keyframes come from a gap, and none are missed."""

    def available(self) -> bool:
        """Whether there is a picture."""
        return self._seen

    def watermark(self) -> Ns:
        """It only speaks against moments, and is not waited for."""
        return self._now_ns

    def finish(self, t_ns: Ns) -> Sequence[Event]:
        """Nothing more is to be said at the end."""
        return self.advance(t_ns)

    def advance(self, t_ns: Ns) -> Sequence[Event]:
        """Use the keyframes up to `t_ns`."""
        self._now_ns = t_ns
        self.cuts, self.frames = [], []
        while self._waiting and self._waiting[0][0] <= t_ns:
            at_ns, change, bits = self._waiting.popleft()
            self._seen = True
            if bits is not None:
                self.frames.append(Frame(at_ns, bits))
            if change >= self._options.cut:
                self.cuts.append(at_ns)
                self._recent.append(at_ns)
        while self._recent and self._recent[0] <= t_ns - self._window_ns:
            self._recent.popleft()
        if not self._seen:
            return []
        return self._judge(t_ns)

    def _judge(self, now_ns: Ns) -> list[Event]:
        count = len(self._recent)
        if not count and self._open is None and now_ns < self._sampled_ns + NS_PER_S:
            return []
        usual = self._usual.quantile(0.5) if count and self._usual.count else 0.0
        if now_ns >= self._sampled_ns + NS_PER_S:
            self._sampled_ns = now_ns
            self._usual.push(float(count), now_ns, alarm=self._open is not None)
        if self._usual.count < _KNOWN:
            return []  # this stream's picture may always be so
        options = self._options
        share = ramp(count - usual, options.montage_none, options.montage_full)
        if share <= 0.0:
            self._open = None
            return []
        before = self._open
        if before is not None and share * options.montage_llr <= -before.llr and self._recent[-1] <= before.end_ns:
            return []
        first_ns = self._recent[0] if before is None else before.start_ns
        self._open = Event(
            kind="montage",
            family=Family.VISION,
            start_ns=first_ns,
            end_ns=Ns(max(self._recent[-1], first_ns + 1)),
            peak_ns=self._recent[-1],
            llr=-max(share * options.montage_llr, 0.0 if before is None else -before.llr),
            surprise_per_h=0.0,
            quality=1.0,
            why=f"{count} cuts in {options.montage_s:.0f} s, usually {usual:.0f}: like an advert",
            found_ns=now_ns,
            values={"cuts": float(count), "usual": usual},
        )
        return [self._open]
