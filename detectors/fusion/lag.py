"""How long after a moment its chat reacts, learned per channel from moments heard and then talked about. Pure."""

from __future__ import annotations

import math
from collections import deque
from statistics import median
from typing import NamedTuple

from core.times import Ns, ns, to_s
from detectors.options import LagOptions


class LagEstimate(NamedTuple):
    """Expected delay and the spread of the next one."""

    mean_ns: Ns
    sd_ns: Ns


class LagModel:
    """A normal prior, pulled to the running median of what was observed; bounded to what platforms can do."""

    def __init__(self, options: LagOptions, start: LagEstimate | None = None) -> None:
        self._options = options
        self._prior = start or LagEstimate(ns(options.prior_s), ns(options.prior_sd_s))
        self._observed: deque[float] = deque(maxlen=options.keep)
        self._estimate = self._estimated()

    def learn(self, delay_ns: int) -> bool:
        """Take one observed delay in (chat onset minus audible onset); ones out of bounds teach nothing."""
        delay_s = to_s(delay_ns)
        if not self._options.min_s <= delay_s <= self._options.max_s:
            return False
        self._observed.append(delay_s)
        self._estimate = self._estimated()
        return True

    def unsettle(self) -> None:
        """An outage may have changed how far viewers are behind: what was learned is a guess again."""
        now = self._estimate
        self._prior = LagEstimate(now.mean_ns, max(now.sd_ns, ns(self._options.unsettled_sd_s)))
        self._observed.clear()
        self._estimate = self._estimated()

    @property
    def count(self) -> int:
        """Observations behind the estimate."""
        return len(self._observed)

    def estimate(self) -> LagEstimate:
        """The delay to expect of the next burst."""
        return self._estimate

    def _estimated(self) -> LagEstimate:
        options, count = self._options, len(self._observed)
        prior, noise = to_s(self._prior.sd_ns) ** -2, options.observed_sd_s**-2
        middle = median(self._observed) if count else 0.0
        mean = (to_s(self._prior.mean_ns) * prior + middle * count * noise) / (prior + count * noise)
        # before anything was observed the prior's own spread is that of the next delay
        spread = math.sqrt(1 / (prior + count * noise) + (options.observed_sd_s**2 if count else 0.0))
        return LagEstimate(ns(min(max(mean, options.min_s), options.max_s)), ns(spread))
