"""How much decoding a live stream can afford: levels of back-pressure with hysteresis. Pure; the caller has the clock.

L0 decodes every second of speech, L1 every two, L2 only whole utterances, L3 those with a plain search. Lag is how much
sound that has arrived is not heard yet; segments arrive in bursts, so a level answers to the *smallest* lag of the last
seconds (as CoDel does for packets, Nichols and Jacobson 2012): what stays when a burst has been worked off.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from core.media import AUDIO_RATE
from core.times import ns
from daemon.speech.live import SPLIT_AT, Pace

LIMITS: Final = (ns(0.3), ns(1), ns(5))  # speech.md section 4, "Backpressure": lag from which L1, L2, L3 hold
RISE: Final = ns(6)  # as long as the usual longest HLS segment
CALM: Final = ns(10)
LONGEST_CALM: Final = ns(320)
AFFORDABLE: Final = 0.7  # share of a tick that a decode may take before that tick is tried
JUMP_NS: Final = ns(30)  # further behind, live words come too late for anything (speech.md section 4)
UTTERANCE_CAP: Final = 6 * AUDIO_RATE  # 8 s put the p95 of eight streams over 10 s
PACES: Final = (
    Pace(),
    Pace(tick=2 * AUDIO_RATE),
    Pace(tick=None, cap=UTTERANCE_CAP, retry=False),
    Pace(tick=None, cap=UTTERANCE_CAP, retry=False, beam=1),
)
assert PACES[0].cap == SPLIT_AT


class Levels:
    """One stream's. `level` indexes PACES."""

    def __init__(self) -> None:
        self.level = 0
        self._lags: deque[tuple[int, int]] = deque()  # rising: a lag that a later one undercuts says no more
        self._first_ns: int | None = None  # of the lags seen at this level
        self._since: int | None = None  # when the present calm began
        self._calm_ns: int = CALM
        self._fell_at: int | None = None
        self._decode_ns = 0

    def decoded(self, wall_ns: int) -> None:
        """A decode took so long; the slowest of the recent ones counts."""
        self._decode_ns = max(wall_ns, self._decode_ns * 3 // 4)

    def observe(self, now_ns: int, lag_ns: int) -> int:
        """Take the lag at a time of the machine's clock; returns the level from now on."""
        self._first_ns = now_ns if self._first_ns is None else self._first_ns
        while self._lags and self._lags[-1][1] > lag_ns:
            self._lags.pop()
        self._lags.append((now_ns, lag_ns))
        while len(self._lags) > 1 and now_ns - self._lags[1][0] >= RISE:
            self._lags.popleft()
        standing = self._lags[0][1]
        whole = now_ns - self._first_ns >= RISE
        wanted = sum(standing >= limit for limit in LIMITS)
        if wanted > self.level and whole:
            self._rise(wanted, now_ns)
        elif standing < LIMITS[max(self.level - 1, 0)] and self.level:
            self._fall(now_ns)
        else:
            self._since = None
        return self.level

    def _rise(self, wanted: int, now_ns: int) -> None:
        """A level that was left too early is kept twice as long the next time; in the long run that is forgotten."""
        if self._fell_at is not None and now_ns - self._fell_at < 3 * CALM:
            self._calm_ns = min(2 * self._calm_ns, LONGEST_CALM)
        elif self._fell_at is not None and now_ns - self._fell_at > 10 * CALM:
            self._calm_ns = CALM
        self._go(wanted)

    def _fall(self, now_ns: int) -> None:
        if self._since is None:
            self._since = now_ns
        tick = PACES[self.level - 1].tick
        dear = tick is not None and self._decode_ns > AFFORDABLE * tick * 1e9 / AUDIO_RATE
        if now_ns - self._since >= self._calm_ns and dear:
            self._decode_ns, self._since = self._decode_ns // 2, now_ns  # where nobody speaks no decode tells otherwise
        elif now_ns - self._since >= self._calm_ns:
            self._fell_at = now_ns
            self._go(self.level - 1)

    def _go(self, level: int) -> None:
        self.level, self._since, self._first_ns = level, None, None
        self._lags.clear()
