"""Two numbers about a chat, each watched for bursts: how many messages come, and what share of them reacts. Pure.

A busy chat alone says little: small channels swing by four times and more with nothing on screen (detection.md section
1, finding 3). That suddenly most of it laughs or cheers says much, and does not depend on how busy it is.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import Final, NamedTuple

from core.times import NS_PER_S, Ns, ns
from detectors.baseline import Baseline, Tail
from detectors.chat_options import BurstOptions, ChatOptions
from detectors.options import BaselineOptions

SMOOTH: Final = 2.0  # messages added to both counts: keeps a silent chat's ratio finite (detection.md section 2)
_USER_SHARE: Final = 2  # min(messages, 2 x users), for each user (detection.md section 2, signal 3)
_RATIO_STEP: Final = 0.01
_STEPS_PER_S: Final = 2  # the engine's grid
_FULL: Final = 10  # integer weight of a sample taken while calm, so that adding and removing leaves no rounding
_LEARN_DELAY_NS: Final = 10 * NS_PER_S  # a burst is noticed within that of its first message
_COOLING_NS: Final = 60 * NS_PER_S  # bursts decay over about 40 s (detection.md section 5); back at the usual ends it
_ECHOES_KEPT: Final = 2_000  # short lines remembered; a busy chat writes that many in some minutes
_STILL_NEW: Final = 1  # times a text was written before these seconds
_TOGETHER: Final = 0.01  # correlation of two lines in a window: at 100 lines the share's variance is doubled
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


class Alarm:
    """A number that is above its usual: from when, how high, and how high it was when last judged."""

    def __init__(self, now_ns: Ns, earliest_ns: Ns) -> None:
        self.since_ns, self.earliest_ns = now_ns, earliest_ns
        self.peak, self.peak_ns = 0.0, now_ns
        self.low, self.low_ns = math.inf, now_ns  # since the peak
        self.onset_ns: Ns | None = None
        self.judged = 0.0

    def see(self, value: float, now_ns: Ns) -> None:
        """Follow the number to its peak and down from it."""
        if value > self.peak:
            self.peak, self.peak_ns, self.low = value, now_ns, value
        if value <= self.low:
            self.low, self.low_ns = value, now_ns


class Burst:
    """Walks one number through its alarms: enter, peak, leave; a second burst needs a fresh rise out of a valley."""

    def __init__(self, options: BurstOptions, chat: ChatOptions, baseline: BaselineOptions) -> None:
        self._options, self._chat = options, chat
        self.tail = Tail(baseline, prior_per_h=options.tail_per_h, prior_scale=options.tail_scale)
        self.alarm: Alarm | None = None
        self._valley, self._valley_ns = 0.0, Ns(0)

    def see(self, value: float, now_ns: Ns) -> bool:
        """Take the number of this step. True when an open alarm should be judged: peaked, plain, or long enough."""
        options = self._options
        if self.alarm is not None and self.alarm.low + options.fresh <= min(value, self.alarm.peak):
            self._close(self.alarm.low, self.alarm.low_ns, now_ns)  # a second burst on the slope of the first
        if self.alarm is None:
            if value <= self._valley:
                self._valley, self._valley_ns = value, now_ns
            if value < options.enter or value < self._valley + options.fresh:
                return False
            self.alarm = Alarm(now_ns, Ns(max(now_ns - ns(self._chat.window_s), self._valley_ns)))
        alarm = self.alarm
        alarm.see(value, now_ns)
        settled = now_ns - alarm.peak_ns >= ns(self._chat.settle_s)
        late = now_ns - alarm.since_ns >= ns(self._chat.decide_s)
        return (settled or late or value >= options.full) and alarm.peak > alarm.judged + 0.5 * options.fresh

    def leave(self, value: float, now_ns: Ns) -> bool:
        """End the alarm once the number has fallen to a share of its peak. True if it ended now."""
        if self.alarm is None or value >= self.alarm.peak * self._chat.exit_share:
            return False
        self._close(value, now_ns, now_ns)
        return True

    def _close(self, valley: float, valley_ns: Ns, now_ns: Ns) -> None:
        if self.alarm is not None:
            self.tail.push(self.alarm.peak - self._options.enter, now_ns)
        self.alarm, self._valley, self._valley_ns = None, valley, valley_ns


class Step(NamedTuple):
    """The window's counts at one step of the engine's grid."""

    at_ns: Ns
    messages: int
    reactions: int


class Usual:
    """What is usual in this chat: the count's median as log(count + 2), and the share of reactions.

    It learns with a delay and little during bursts, so that neither a burst nor its rise and decay becomes usual.
    """

    def __init__(self, chat: ChatOptions, baseline: BaselineOptions) -> None:
        self._little = max(1, round(_FULL * baseline.alarm_influence))
        self._counts = Baseline(baseline, low=0.0, high=10.0, step=_RATIO_STEP)
        self._full_samples = baseline.ready_full_s * _STEPS_PER_S
        self._window_ns = ns(baseline.window_s)
        self._waiting: deque[Step] = deque()
        self._shares: deque[tuple[Step, int]] = deque()
        self._messages = self._reactions = 0
        self._overlap = chat.window_s * _STEPS_PER_S  # steps that one message is in the window for
        self._prior = chat.reaction_share * chat.reaction_prior, chat.reaction_prior
        self._calm_from_ns = Ns(0)

    def learn(self, step: Step, *, calm: bool, fast: bool) -> None:
        """Take a step in; `fast` skips the delay for the very first ones, so that there is a median at all."""
        self._waiting.append(step)
        if not calm:
            self._calm_from_ns = Ns(step.at_ns + _COOLING_NS)
        settled = calm and step.at_ns >= self._calm_from_ns
        weight = _FULL if settled else self._little
        while self._waiting and (fast or self._waiting[0].at_ns <= step.at_ns - _LEARN_DELAY_NS):
            old = self._waiting.popleft()
            self._counts.push(math.log(old.messages + SMOOTH), old.at_ns, alarm=not settled)
            self._shares.append((old, weight))
            self._messages += weight * old.messages
            self._reactions += weight * old.reactions
        while self._shares and self._shares[0][0].at_ns <= step.at_ns - self._window_ns:
            old, old_weight = self._shares.popleft()
            self._messages -= old_weight * old.messages
            self._reactions -= old_weight * old.reactions

    def back_to_usual(self, now_ns: Ns) -> None:
        """The count has come down to its median: what comes now is ordinary again."""
        self._calm_from_ns = min(self._calm_from_ns, now_ns)

    @property
    def known(self) -> bool:
        """Whether anything has been learned."""
        return self._counts.count > 0

    def log_count(self) -> float:
        """The median; a lower quantile at first, moving up until the baseline is full."""
        known = min(self._counts.count / self._full_samples, 1.0)
        return self._counts.quantile(_EARLY_SHARE + (0.5 - _EARLY_SHARE) * known)

    def share(self) -> float:
        """Reactions among messages, with the prior's messages counted in."""
        times = _FULL * self._overlap
        return (self._reactions / times + self._prior[0]) / (self._messages / times + self._prior[1])


def surprise(reactions: int, count: int, share: float) -> float:
    """How far a share of reactions lies above its usual, in standard deviations (signed root of the deviance).

    People do not laugh independently of one another, so a large count says less than a binomial would have it.
    """
    if count <= 0 or reactions / count <= share:
        return 0.0
    now = min(reactions / count, 1.0)
    deviance = now * math.log(now / share) + ((1 - now) * math.log((1 - now) / (1 - share)) if now < 1 else 0.0)
    return math.sqrt(2.0 * count * deviance / (1.0 + _TOGETHER * (count - 1)))


class Echoes:
    """Short things that several people write within seconds and that are new to this channel: its jokes and cheers.

    What is written all the time ("true", "same") is no echo, however busy the chat.
    """

    def __init__(self, window_ns: Ns, memory_ns: Ns) -> None:
        self._window_ns, self._memory_ns = window_ns, memory_ns
        self._recent: deque[tuple[Ns, str, str]] = deque(maxlen=_ECHOES_KEPT)
        self._older: deque[tuple[Ns, str]] = deque(maxlen=_ECHOES_KEPT)
        self._known: Counter[str] = Counter()

    def hear(self, key: str, user: str, t_ns: Ns) -> bool:
        """Take a line in; whether it echoes somebody else's."""
        while self._recent and self._recent[0][0] <= t_ns - self._window_ns:
            then_ns, old, _ = self._recent.popleft()
            if len(self._older) == _ECHOES_KEPT:
                self._forget()
            self._older.append((then_ns, old))
            self._known[old] += 1
        while self._older and self._older[0][0] <= t_ns - self._memory_ns:
            self._forget()
        echoes = self._known.get(key, 0) <= _STILL_NEW and any(k == key and u != user for _, k, u in self._recent)
        self._recent.append((t_ns, key, user))
        return echoes

    def _forget(self) -> None:
        _, key = self._older.popleft()
        self._known[key] -= 1
        if not self._known[key]:
            del self._known[key]
