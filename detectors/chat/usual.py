"""What is usual in a chat: how many lines, how many of them react, who writes them, in what mood. Pure.

All times are those of watching: while the chat is gone its clock stands still, so that an outage ages nothing.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from typing import Final, NamedTuple

from core.times import NS_PER_S, Ns, ns
from detectors.chat.options import ChatOptions
from detectors.options import BaselineOptions

SMOOTH: Final = 2.0  # messages added to both counts: keeps a silent chat's ratio finite (detection.md section 2)
LEARN_EVERY_NS: Final = NS_PER_S
_FULL: Final = 10  # integer weight of a sample taken while calm, so that adding and removing leaves no rounding
_LEARN_DELAY_NS: Final = 10 * NS_PER_S  # a burst is noticed within that of its first message
_COOLING_NS: Final = 60 * NS_PER_S  # bursts decay over about 40 s (detection.md section 5); back at the usual ends it
_EARLY_SHARE: Final = 0.35  # quantile taken for "usual" while a single burst can be a third of all that was seen
_MOST: Final = 4095  # messages of a window told apart; the busiest chats write a quarter of it
_ACCOUNTS: Final = 20_000  # remembered; the busiest chats have a tenth of that writing
_ECHOES_KEPT: Final = 2_000  # short lines remembered; a busy chat writes that many in some minutes
_STILL_NEW: Final = 1  # times a text was written before these seconds


class RunningQuantile:
    """A weighted quantile of whole numbers that come and go, followed by a pointer: constant work for small changes."""

    def __init__(self) -> None:
        self._bins = [0] * (_MOST + 1)
        self._total = self._below = self._place = 0  # `below`: weight of the numbers under `place`

    def add(self, number: int, weight: int) -> None:
        """Take a number in, or out with a negative weight."""
        number = min(number, _MOST)
        self._bins[number] += weight
        self._total += weight
        if number < self._place:
            self._below += weight

    def at(self, share: float) -> int:
        """The number up to which `share` of the weight lies; 0 while empty."""
        wanted = share * self._total
        if self._total <= 0:
            return 0
        while self._below + self._bins[self._place] < wanted:
            self._below += self._bins[self._place]
            self._place += 1
        while self._place > 0 and self._below >= wanted:
            self._place -= 1
            self._below -= self._bins[self._place]
        return self._place


class Step(NamedTuple):
    """The window's numbers at one moment; `lines` and `users` are those of a minute, `mood` in thousandths."""

    at_ns: Ns
    messages: int
    reactions: int
    newcomers: int = 0
    lines: int = 0
    users: int = 0
    mood: int = 0


class Usual:
    """What is usual in this chat over 15 minutes.

    It learns with a delay and little during bursts, so that neither a burst nor its rise and decay becomes usual.
    """

    def __init__(self, chat: ChatOptions, baseline: BaselineOptions) -> None:
        self._little = max(1, round(_FULL * baseline.alarm_influence))
        self._counts = RunningQuantile()
        self._full_samples = baseline.ready_full_s * NS_PER_S / LEARN_EVERY_NS
        self._window_ns = ns(baseline.window_s)
        self._waiting: deque[Step] = deque()
        self._learned: deque[tuple[Step, int]] = deque()
        self._sums = [0] * (len(Step._fields) - 1)
        self._overlap = _FULL * chat.window_s * NS_PER_S / LEARN_EVERY_NS  # what one message adds to the sums
        self._prior = chat.reaction_share * chat.reaction_prior, chat.reaction_prior
        self._calm_from_ns = Ns(0)
        self._median = 0

    def learn(self, step: Step, *, calm: bool, fast: bool) -> None:
        """Take a step in; `fast` skips the delay for the very first ones, so that there is a median at all."""
        self._waiting.append(step)
        if not calm:
            self._calm_from_ns = Ns(step.at_ns + _COOLING_NS)
        weight = _FULL if calm and step.at_ns >= self._calm_from_ns else self._little
        while self._waiting and (fast or self._waiting[0].at_ns <= step.at_ns - _LEARN_DELAY_NS):
            old = self._waiting.popleft()
            self._learned.append((old, weight))
            self._weigh(old, weight)
        while self._learned and self._learned[0][0].at_ns <= step.at_ns - self._window_ns:
            old, old_weight = self._learned.popleft()
            self._weigh(old, -old_weight)
        known = min(len(self._learned) / self._full_samples, 1.0)
        self._median = self._counts.at(_EARLY_SHARE + (0.5 - _EARLY_SHARE) * known)

    def _weigh(self, step: Step, weight: int) -> None:
        self._counts.add(step.messages, weight)
        self._sums = [total + weight * number for total, number in zip(self._sums, step[1:], strict=True)]

    def back_to_usual(self, now_ns: Ns) -> None:
        """The count has come down to its median: what comes now is ordinary again."""
        self._calm_from_ns = min(self._calm_from_ns, now_ns)

    @property
    def known(self) -> bool:
        """Whether anything has been learned."""
        return bool(self._learned)

    @property
    def count(self) -> int:
        """The median count of a window; a lower quantile at first, moving up until the baseline is full."""
        return self._median

    def log_count(self) -> float:
        """The count as the rate's ratio takes it."""
        return math.log(self._median + SMOOTH)

    def share(self) -> float:
        """Reactions among messages, with the prior's messages counted in."""
        messages, reactions = self._sums[0], self._sums[1]
        return (reactions / self._overlap + self._prior[0]) / (messages / self._overlap + self._prior[1])

    def newcomers(self) -> float:
        """Share of messages by accounts that had not written before; all of them as long as nothing is known."""
        return min(self._sums[2] / self._sums[0], 1.0) if self._sums[0] else 1.0

    def lines_each(self) -> float:
        """Lines that one account writes in a minute in which it writes."""
        return self._sums[3] / self._sums[4] if self._sums[4] else 1.0

    def mood(self) -> float:
        """Mean valence of the messages."""
        return self._sums[5] / self._sums[0] / 1000 if self._sums[0] else 0.0


class Accounts:
    """When each account was first heard; those that have been silent longest are forgotten when there are too many."""

    def __init__(self, most: int = _ACCOUNTS) -> None:
        self._most = most
        self._first: OrderedDict[str, Ns] = OrderedDict()

    def hear(self, user: str, t_ns: Ns) -> Ns:
        """Take a line in; when this account wrote its first."""
        first_ns = self._first.setdefault(user, t_ns)
        self._first.move_to_end(user)
        if len(self._first) > self._most:
            self._first.popitem(last=False)
        return first_ns


class Echoes:
    """Short things that several people write within seconds and that are new to this channel: its jokes and cheers.

    What is written all the time ("true", "same") is no echo, however busy the chat.
    """

    def __init__(self, window_ns: Ns, memory_ns: Ns) -> None:
        self._window_ns, self._memory_ns = window_ns, memory_ns
        self._recent: deque[tuple[Ns, str, str]] = deque()
        self._writers: dict[str, dict[str, int]] = {}  # of each text: how many of these lines are whose
        self._older: deque[tuple[Ns, str]] = deque()
        self._known: dict[str, int] = {}

    def hear(self, key: str, user: str, t_ns: Ns) -> bool:
        """Take a line in; whether it echoes somebody else's."""
        while self._recent and (self._recent[0][0] <= t_ns - self._window_ns or len(self._recent) >= _ECHOES_KEPT):
            self._grow_old()
        while self._older and (self._older[0][0] <= t_ns - self._memory_ns or len(self._older) > _ECHOES_KEPT):
            self._forget()
        writers = self._writers.setdefault(key, {})
        others = len(writers) - (user in writers)
        writers[user] = writers.get(user, 0) + 1
        self._recent.append((t_ns, key, user))
        return others > 0 and self._known.get(key, 0) <= _STILL_NEW

    def _grow_old(self) -> None:
        then_ns, key, user = self._recent.popleft()
        writers = self._writers[key]
        writers[user] -= 1
        if not writers[user]:
            del writers[user]
            if not writers:
                del self._writers[key]
        self._older.append((then_ns, key))
        self._known[key] = self._known.get(key, 0) + 1

    def _forget(self) -> None:
        _, key = self._older.popleft()
        self._known[key] -= 1
        if not self._known[key]:
            del self._known[key]
