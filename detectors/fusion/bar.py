"""What a moment has to reach: a bar that follows the hourly budget, a bucket of clips, and the cool-down. Pure.

The bar moves like a thermostat: every clip raises it, every stretch without one lowers it, inside [p_min, p_max].
Quiet hours stay quiet, because it never falls below p_min however much budget is left.
"""

from __future__ import annotations

import math
from collections import deque

from core.times import NS_PER_S, Ns, to_s
from detectors.fusion.scoring import logit
from detectors.options import BarOptions

_REMEMBER = 20  # anchors of the newest clips; the bump of older ones has long decayed


class Bar:
    """The bar of one session; `spend` is told about every moment that is published."""

    def __init__(self, options: BarOptions, clips_per_hour: float) -> None:
        self._options = options
        self._per_s = clips_per_hour / 3600
        self._low, self._high = logit(options.p_min), logit(options.p_max)
        self._level = self._low
        self._tokens = float(options.bucket)
        self._at_ns = Ns(0)
        self._anchors: deque[Ns] = deque(maxlen=_REMEMBER)

    def pass_time(self, now_ns: Ns) -> None:
        """Refill the bucket and let the bar sink."""
        elapsed_s = to_s(max(now_ns - self._at_ns, 0))
        self._at_ns = Ns(max(now_ns, self._at_ns))
        self._tokens = min(self._tokens + elapsed_s * self._per_s, float(self._options.bucket))
        self._level = max(self._level - self._options.step * elapsed_s * self._per_s, self._low)

    def bump(self, anchor_ns: Ns) -> float:
        """What the clip next to an anchor adds to its bar."""
        near_s = min((abs(to_s(anchor_ns - other)) for other in self._anchors), default=math.inf)
        return self._options.bump * math.exp(-near_s / self._options.bump_decay_s)

    def base(self) -> float | None:
        """The bar's logit without a cool-down; only the strongest pass on overdraft; None when that is used up too."""
        if self._tokens >= 1.0:
            return self._level
        return self._high if self._tokens >= 1.0 - self._options.bucket else None

    def spend(self, anchor_ns: Ns) -> None:
        """A moment has been published."""
        self._tokens -= 1.0
        self._level = min(self._level + self._options.step, self._high)
        self._anchors.append(anchor_ns)

    def cooled(self, anchor_ns: Ns, other_ns: Ns) -> bool:
        """Whether two anchors are further apart than the cool-down."""
        return abs(anchor_ns - other_ns) > self._options.cooldown_s * NS_PER_S
