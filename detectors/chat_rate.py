"""One count of chat messages against its own median: when it is high, how high, and when that is over. Pure."""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import Final

from core.times import NS_PER_S, Ns, ns
from detectors.baseline import Baseline, Tail
from detectors.options import DetectOptions

SMOOTH: Final = 2.0  # messages added to both counts: keeps a silent chat's ratio finite (detection.md section 2)
WORTH_SAYING: Final = 0.2  # growth of a peak that is judged again
_USER_SHARE: Final = 2  # min(messages, 2 x users), for each user (detection.md section 2, signal 3)
_RATIO_STEP: Final = 0.01
_STEPS_PER_S: Final = 2  # the engine's grid
_FRESH_RISE: Final = 0.5  # log ratio over the valley before it, x1.65: the decay of one burst is not a second one
_LEARN_DELAY_NS: Final = 10 * NS_PER_S  # a burst is noticed within that of its first message
_COOLING_NS: Final = 60 * NS_PER_S  # bursts decay over about 40 s (detection.md section 5); back at the usual ends it
_EARLY_SHARE: Final = 0.35  # quantile taken for "usual" while a single burst can be a third of all that was seen


class Window:
    """Messages of the last 15 s, each user counted twice at most."""

    def __init__(self, span_ns: Ns) -> None:
        self._span_ns = span_ns
        self._lines: deque[tuple[Ns, str]] = deque()
        self._users: Counter[str] = Counter()
        self.count = 0

    def add(self, t_ns: Ns, user: str) -> None:
        """Count a message."""
        self._lines.append((t_ns, user))
        self._users[user] += 1
        self.count += self._users[user] <= _USER_SHARE

    def expire(self, now_ns: Ns) -> None:
        """Forget what is older than the window."""
        while self._lines and self._lines[0][0] <= now_ns - self._span_ns:
            _, user = self._lines.popleft()
            self.count -= self._users[user] <= _USER_SHARE
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]

    @property
    def users(self) -> int:
        """How many people wrote."""
        return len(self._users)


class Alarm:
    """One count that is above its usual: from when, how high, and how high it was when last judged."""

    def __init__(self, now_ns: Ns, earliest_ns: Ns) -> None:
        self.since_ns, self.earliest_ns = now_ns, earliest_ns
        self.peak, self.peak_ns, self.usual = 0.0, now_ns, 0.0
        self.onset_ns: Ns | None = None
        self.judged = 0.0
        self.low, self.low_ns = math.inf, now_ns  # since the peak

    def see(self, ratio: float, now_ns: Ns, usual: float) -> None:
        """Follow the ratio to its peak and down from it."""
        if ratio > self.peak:
            self.peak, self.peak_ns, self.usual, self.low = ratio, now_ns, usual, ratio
        if ratio <= self.low:
            self.low, self.low_ns = ratio, now_ns


class Rate:
    """One count against its own median: enters, peaks, leaves; a second burst needs a fresh rise."""

    def __init__(self, kind: str, options: DetectOptions) -> None:
        self.kind = kind
        self._options = options.chat
        self.window = Window(ns(options.chat.window_s))
        self._baseline = Baseline(options.baseline, low=0.0, high=10.0, step=_RATIO_STEP)
        self.tail = Tail(options.baseline, prior_per_h=options.chat.tail_per_h, prior_scale=options.chat.tail_scale)
        self.alarm: Alarm | None = None
        self._valley, self._valley_ns = 0.0, Ns(0)
        self._unlearned: deque[tuple[Ns, float]] = deque()  # samples that may turn out to be the rise of a burst
        self._cooling_until = Ns(0)
        self._full_samples = options.baseline.ready_full_s * _STEPS_PER_S

    def step(self, now_ns: Ns, *, learn: bool, busy: bool) -> bool:
        """Look at the count now. True when an open alarm should be judged: it has peaked, is plain, or took long.

        `busy`: a raid is known to be the reason, so the baseline shall learn little.
        """
        self.window.expire(now_ns)
        value = math.log(self.window.count + SMOOTH)
        if learn:
            self._learn(value, now_ns, busy=busy)
        if not self._baseline.count:
            return False
        usual = self._usual()
        ratio = value - usual
        options = self._options
        if self.alarm is not None and self.alarm.low + _FRESH_RISE <= min(ratio, self.alarm.peak):
            self._close(self.alarm.low, self.alarm.low_ns, now_ns)  # a second burst on the slope of the first
        if self.alarm is None:
            if ratio <= self._valley:
                self._valley, self._valley_ns = ratio, now_ns
            if ratio < options.enter or ratio < self._valley + _FRESH_RISE:
                return False
            self.alarm = Alarm(now_ns, Ns(max(now_ns - ns(options.window_s), self._valley_ns)))
        alarm = self.alarm
        alarm.see(ratio, now_ns, usual)
        settled = now_ns - alarm.peak_ns >= ns(options.settle_s)
        late = now_ns - alarm.since_ns >= ns(options.decide_s)
        return (settled or late or ratio >= options.full) and alarm.peak > alarm.judged + WORTH_SAYING

    def _usual(self) -> float:
        """The median; a lower quantile at first, moving up until the baseline is full."""
        known = min(self._baseline.count / self._full_samples, 1.0)
        return self._baseline.quantile(_EARLY_SHARE + (0.5 - _EARLY_SHARE) * known)

    def _learn(self, value: float, now_ns: Ns, *, busy: bool) -> None:
        """Learn with a delay, so that a burst's rise and its way down count as little as the burst itself."""
        self._unlearned.append((now_ns, value))
        open_or_cooling = self.alarm is not None or now_ns < self._cooling_until
        while self._unlearned and (self._unlearned[0][0] <= now_ns - _LEARN_DELAY_NS or not self._baseline.count):
            then_ns, old = self._unlearned.popleft()
            self._baseline.push(old, then_ns, alarm=open_or_cooling or busy)

    def close_if_over(self, now_ns: Ns) -> None:
        """End the alarm once it has fallen to a share of its peak, and remember the peak."""
        if not self._baseline.count:
            return
        ratio = math.log(self.window.count + SMOOTH) - self._usual()
        if self.alarm is not None and ratio < self.alarm.peak * self._options.exit_share:
            self._close(ratio, now_ns, now_ns)
            self._cooling_until = Ns(now_ns + _COOLING_NS)
        elif ratio <= 0:
            self._cooling_until = now_ns

    def _close(self, valley: float, valley_ns: Ns, now_ns: Ns) -> None:
        if self.alarm is not None:
            self.tail.push(self.alarm.peak - self._options.enter, now_ns)
        self.alarm, self._valley, self._valley_ns = None, valley, valley_ns
