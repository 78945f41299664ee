"""How surprising the share of reactions among a chat's lines is. Pure.

The crest of a burst comes 21-81 s after its moment and decays over 40 s (detection.md section 5). In a small chat 15 s
of that are nine lines of which six react, which chance could do; a minute is 35 of which 20 react. So the share is
taken over a short and a long stretch, and the more surprising counts. How many lines come swings by itself and is not
asked here.
"""

from __future__ import annotations

import math
from typing import Final

from core.times import Ns, ns, to_s
from detectors.chat.flood import Line
from detectors.chat.options import ChatOptions
from detectors.chat.watch import Alarm, Window

_TOGETHER: Final = 0.01  # correlation of two lines in a window: at 100 lines the share's variance is doubled
_ENOUGH: Final = 15  # lines of a short window, usually: a longer one would only blur two bursts into one
_FRESH: Final = 2.0  # times the reactions that the decay of the last burst leaves: a burst of its own
_MOST: Final = 0.95  # expected at most, so that a surprise stays possible


class Reactions:
    """The share of people who react, over a short and a long window, and the afterglow of the last burst.

    The newest line of a person counts: six who send one emote after another are six people.
    """

    def __init__(self, options: ChatOptions) -> None:
        self._options, self._decay_s = options, options.decay_s
        self.short, self._slow = self._windows()
        self._glow, self._burst, self._glow_ns = 0.0, 0, Ns(0)  # share over the usual, and reactions, at the crest
        self.brief = 0.0  # deviations of the short window over the usual share alone

    def drop(self) -> None:
        """The chat is gone."""
        self.short, self._slow = self._windows()
        self._burst = 0

    def _windows(self) -> tuple[Window, Window]:
        return Window(ns(self._options.window_s)), Window(ns(self._options.slow_s), each=1)

    def add(self, line: Line) -> None:
        """Count a message."""
        self.short.add(line)
        self._slow.add(line)

    def expire(self, now_ns: Ns) -> None:
        """Forget what is older than the windows."""
        self.short.expire(now_ns)
        self._slow.expire(now_ns)

    def odd(self, lines: int, usual: float, alarm: Alarm | None, now_ns: Ns) -> float:
        """Deviations over what is expected: the usual share, and after an alarm also what is left of its burst.

        `lines`: how many the short window usually holds.
        """
        short, slow = self.short, self._slow
        self.brief = surprise(short.reacting, short.users, usual)
        left = math.exp(-to_s(Ns(now_ns - self._glow_ns)) / self._decay_s) if self._burst else 0.0
        expected = usual
        if alarm is None:
            if short.reacting < _FRESH * left * self._burst:
                return 0.0
            expected = min(usual + left * self._glow, _MOST)
        brief = surprise(short.reacting, short.users, expected) if expected != usual else self.brief
        long = surprise(slow.reacting, slow.users, expected) if lines < _ENOUGH else 0.0
        if alarm is not None and max(brief, long) > alarm.peak:
            window = short if brief >= long else slow
            self._glow, self._glow_ns = min(window.reacting / window.users, 1.0) - usual, now_ns
            self._burst = short.reacting
        return max(brief, long)


def surprise(reactions: int, count: int, share: float) -> float:
    """How far a share of reactions lies above its usual, in standard deviations (signed root of the deviance).

    People do not laugh independently of one another, so a large count says less than a binomial would have it.
    """
    if count <= 0 or reactions / count <= share:
        return 0.0
    now = min(reactions / count, 1.0)
    deviance = now * math.log(now / share) + ((1 - now) * math.log((1 - now) / (1 - share)) if now < 1 else 0.0)
    return math.sqrt(2.0 * count * max(deviance, 0.0) / (1.0 + _TOGETHER * (count - 1)))
