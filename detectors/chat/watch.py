"""Numbers about a chat, each watched for bursts over a threshold that keeps to a rate of alarms. Pure.

A busy chat alone says little: small channels swing by four times and more with nothing on screen, and no fixed number
of deviations means the same in two chats (detection.md section 0, 3). So the threshold follows the alarms.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from core.times import NS_PER_S, Ns, ns
from detectors.baseline import Tail
from detectors.chat.flood import Line
from detectors.chat.options import BurstOptions, ChatOptions
from detectors.options import BaselineOptions

_USER_SHARE: Final = 2  # min(messages, 2 x users), for each user (detection.md section 2, signal 3)
_VAGUE_NS: Final = 20 * NS_PER_S  # a slow rise begins with a line or two, between which all is as usual
_LOOK_AGAIN_NS: Final = (5 * NS_PER_S, 15 * NS_PER_S, 30 * NS_PER_S)  # bots show themselves only as they go on


class Window:
    """Messages of the last seconds, of each user only the newest: who writes much says nothing more by it, and whether
    these react is as likely as for any others."""

    def __init__(self, span_ns: Ns, each: int = _USER_SHARE) -> None:
        self._span_ns, self._each = span_ns, each
        self._lines: deque[Line] = deque()
        self._newest: dict[str, tuple[Line, ...]] = {}  # those that count of each user, oldest first
        self.count = self.reactions = self.newcomers = self.mood = 0
        self.reacting = 0  # users whose newest line does

    @property
    def users(self) -> int:
        """Different writers."""
        return len(self._newest)

    def add(self, line: Line) -> None:
        """Count a message."""
        self._lines.append(line)
        mine = self._newest.get(line.user, ())
        self.reacting += line.reacts - (mine[-1].reacts if mine else False)
        if len(mine) == self._each:
            self._count(mine[0], -1)
            mine = mine[1:]
        self._newest[line.user] = (*mine, line)
        self._count(line, 1)

    def expire(self, now_ns: Ns) -> None:
        """Forget what is older than the window."""
        lines, edge_ns = self._lines, now_ns - self._span_ns
        while lines and lines[0].t_ns <= edge_ns:
            line = lines.popleft()
            first, *others = self._newest[line.user]
            if first is not line:  # newer ones have long taken its place
                continue
            self._count(line, -1)
            if others:
                self._newest[line.user] = tuple(others)
            else:
                self.reacting -= line.reacts
                del self._newest[line.user]

    def _count(self, line: Line, sign: int) -> None:
        self.count += sign
        self.reactions += sign * line.reacts
        self.newcomers += sign * line.newcomer
        self.mood += sign * line.mood


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
        self.onset_sd_s = 0.0  # how far off the onset may be
        self.judged = 0.0  # the peak at the last judgement
        self.judged_ns: Ns | None = None  # first judgement
        self.looks = 0  # further looks at who writes
        self.flood = 0.0  # as last said
        self.given = False  # whether it was worth an event
        self.calm_ns = Ns(0)  # when this chat was last as usual before it

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
        self.before: Alarm | None = None  # the last one that was worth an event
        self._valley, self._valley_ns = 0.0, Ns(0)

    def see(self, value: float, now_ns: Ns) -> bool:
        """Take the number of this step. True when an open alarm should be judged: peaked, plain, or long enough."""
        options, alarm = self.options, self.alarm
        if alarm is None:
            if value <= self._valley:
                self._valley, self._valley_ns = value, now_ns
            if value < self.threshold.value or value < self._valley + options.fresh:
                return False
            earliest_ns = Ns(max(now_ns - self._back_ns, self._valley_ns - _VAGUE_NS))
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

    def began_ns(self, since_ns: Ns, reach_ns: Ns) -> Ns:
        """The onset of the burst that is there at a time or has just been; that time itself without a plain one."""
        alarm = self.alarm or self.before
        if alarm is None or alarm.onset_ns is None or since_ns > alarm.peak_ns + reach_ns:
            return since_ns
        if alarm.peak < alarm.threshold + 0.5 * self.options.fresh:
            return since_ns
        return min(since_ns, alarm.onset_ns)

    def close(self, watched_ns: Ns) -> None:
        """End the alarm."""
        alarm = self.alarm
        if alarm is not None:
            self.tail.push(alarm.peak - self.options.start, watched_ns)
            self._valley, self._valley_ns = alarm.low, alarm.low_ns
            self.before = alarm if alarm.given else self.before
        self.alarm = None

    def level(self) -> None:
        """The alarm is how things are; what rises out of it is another."""
        if self.alarm is not None:
            self._valley, self._valley_ns = self.alarm.low, self.alarm.low_ns
        self.alarm = None

    def drop(self, now_ns: Ns) -> None:
        """The chat is gone, and what was open with it."""
        self.alarm, self.before, self._valley, self._valley_ns = None, None, 0.0, now_ns
