"""Numbers about a chat, each watched for bursts over a threshold that keeps to a rate of alarms. Pure.

A busy chat alone says little: small channels swing by four times and more with nothing on screen, and no fixed number
of deviations means the same in two chats (detection.md section 0, 3). So the threshold follows the alarms.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final, NamedTuple

from core.times import NS_PER_S, Ns, ns
from detectors.baseline import Tail
from detectors.chat.options import BurstOptions, ChatOptions
from detectors.options import BaselineOptions

_USER_SHARE: Final = 2  # min(messages, 2 x users), for each user (detection.md section 2, signal 3)
_TOGETHER: Final = 0.01  # correlation of two lines in a window: at 100 lines the share's variance is doubled
_LOOK_AGAIN_NS: Final = (5 * NS_PER_S, 15 * NS_PER_S, 30 * NS_PER_S)  # bots show themselves only as they go on


class Heard(NamedTuple):
    """What a window needs of a line; `mood` in thousandths."""

    t_ns: Ns
    user: str
    reacts: bool
    newcomer: bool
    mood: int


class Window:
    """Messages of the last 15 s, each user counted twice at most, among the reactions as well."""

    def __init__(self, span_ns: Ns) -> None:
        self._span_ns = span_ns
        self._lines: deque[tuple[Heard, bool, bool]] = deque()
        self._users: dict[str, int] = {}
        self._reacting: dict[str, int] = {}
        self.count = self.reactions = self.newcomers = self.mood = 0

    @property
    def users(self) -> int:
        """Different writers."""
        return len(self._users)

    def add(self, line: Heard) -> None:
        """Count a message."""
        counted = _one_more(self._users, line.user) <= _USER_SHARE
        reacted = line.reacts and _one_more(self._reacting, line.user) <= _USER_SHARE
        self._lines.append((line, counted, reacted))
        if counted:
            self.count += 1
            self.newcomers += line.newcomer
            self.mood += line.mood
        self.reactions += reacted

    def expire(self, now_ns: Ns) -> None:
        """Forget what is older than the window."""
        edge_ns = now_ns - self._span_ns
        while self._lines and self._lines[0][0].t_ns <= edge_ns:
            line, counted, reacted = self._lines.popleft()
            _one_less(self._users, line.user)
            if line.reacts:
                _one_less(self._reacting, line.user)
            if counted:
                self.count -= 1
                self.newcomers -= line.newcomer
                self.mood -= line.mood
            self.reactions -= reacted


def _one_more(users: dict[str, int], user: str) -> int:
    users[user] = count = users.get(user, 0) + 1
    return count


def _one_less(users: dict[str, int], user: str) -> None:
    if users[user] == 1:
        del users[user]
    else:
        users[user] -= 1


class Threshold:
    """tau += gain * (fired - asked * dt), within bounds (detection.md section 2, "chat alarm calibration")."""

    def __init__(self, options: BurstOptions) -> None:
        self._options = options
        self.value = options.start

    def pass_time(self, seconds: float) -> None:
        """So much more has been watched."""
        options = self._options
        self.value = max(options.lowest, self.value - options.gain * options.alarms_per_h * seconds / 3600)

    def fired(self) -> None:
        """One alarm was given."""
        self.value = min(self._options.highest, self.value + self._options.gain)


class Alarm:
    """A number that is above its usual: from when, how high, and how high it was when last judged."""

    def __init__(self, now_ns: Ns, earliest_ns: Ns, threshold: float) -> None:
        self.since_ns, self.earliest_ns, self.threshold = now_ns, earliest_ns, threshold
        self.peak, self.peak_ns = 0.0, now_ns
        self.low, self.low_ns = math.inf, now_ns  # since the peak
        self.onset_ns: Ns | None = None
        self.judged = 0.0  # the peak at the last judgement
        self.judged_ns: Ns | None = None  # first judgement
        self.looks = 0  # further looks at who writes
        self.flood = 0.0  # as last said
        self.given = False  # whether it was worth an event

    def see(self, value: float, now_ns: Ns) -> None:
        """Follow the number to its peak and down from it."""
        if value > self.peak:
            self.peak, self.peak_ns, self.low = value, now_ns, value
        if value <= self.low:
            self.low, self.low_ns = value, now_ns

    def another_look(self, now_ns: Ns) -> bool:
        """Whether it is time to see again who is writing."""
        if self.judged_ns is None or self.looks >= len(_LOOK_AGAIN_NS):
            return False
        if now_ns < self.judged_ns + _LOOK_AGAIN_NS[self.looks]:
            return False
        self.looks += 1
        return True


class Burst:
    """Walks one number through its alarms: enter, peak, leave; a second burst needs a fresh rise out of a valley."""

    def __init__(self, options: BurstOptions, chat: ChatOptions, baseline: BaselineOptions, back_ns: Ns) -> None:
        self.options = options
        self._chat, self._back_ns = chat, back_ns
        self.threshold = Threshold(options)
        self.tail = Tail(baseline, prior_per_h=options.alarms_per_h, prior_scale=options.tail_scale)
        self.alarm: Alarm | None = None
        self._valley, self._valley_ns = 0.0, Ns(0)

    def see(self, value: float, now_ns: Ns) -> bool:
        """Take the number of this step. True when an open alarm should be judged: peaked, plain, or long enough."""
        options, alarm = self.options, self.alarm
        if alarm is None:
            if value <= self._valley:
                self._valley, self._valley_ns = value, now_ns
            if value < self.threshold.value or value < self._valley + options.fresh:
                return False
            earliest_ns = Ns(max(now_ns - self._back_ns, self._valley_ns))
            alarm = self.alarm = Alarm(now_ns, earliest_ns, self.threshold.value)
        alarm.see(value, now_ns)
        settled = now_ns - alarm.peak_ns >= ns(self._chat.settle_s)
        late = now_ns - alarm.since_ns >= ns(self._chat.decide_s)
        plain = value >= alarm.threshold + options.full
        return (settled or late or plain) and alarm.peak > alarm.judged + 0.5 * options.fresh

    def over(self, value: float) -> bool:
        """Whether the open alarm ends here: at a share of its peak, or at a second burst on the slope of the first."""
        alarm = self.alarm
        if alarm is None:
            return False
        return value < alarm.peak * self._chat.exit_share or alarm.low + self.options.fresh <= min(value, alarm.peak)

    def close(self, watched_ns: Ns) -> None:
        """End the alarm."""
        alarm = self.alarm
        if alarm is not None:
            self.tail.push(alarm.peak - self.options.start, watched_ns)
            self._valley, self._valley_ns = alarm.low, alarm.low_ns
        self.alarm = None

    def drop(self, now_ns: Ns) -> None:
        """The chat is gone, and what was open with it."""
        self.alarm, self._valley, self._valley_ns = None, 0.0, now_ns


def surprise(reactions: int, count: int, share: float) -> float:
    """How far a share of reactions lies above its usual, in standard deviations (signed root of the deviance).

    People do not laugh independently of one another, so a large count says less than a binomial would have it.
    """
    if count <= 0 or reactions / count <= share:
        return 0.0
    now = min(reactions / count, 1.0)
    deviance = now * math.log(now / share) + ((1 - now) * math.log((1 - now) / (1 - share)) if now < 1 else 0.0)
    return math.sqrt(2.0 * count * max(deviance, 0.0) / (1.0 + _TOGETHER * (count - 1)))
