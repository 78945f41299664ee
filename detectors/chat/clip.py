"""Viewers who ask for a clip: rare, and as near to a label as a chat comes. Pure."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from core.times import Ns, ns
from detectors.baseline import Tail
from detectors.chat.flood import Line
from detectors.chat.options import ClipCallOptions
from detectors.options import BaselineOptions

_MOST: Final = 1_000  # calls kept; a window of the busiest chats holds fewer
_TAIL_USERS: Final = 2.0  # prior: mean number of viewers over the least
_OVER: Final = 1  # callers left in the window when it is over: one is nothing


class ClipCalls:
    """Different viewers who called within the window, and whether that is news."""

    def __init__(self, options: ClipCallOptions, baseline: BaselineOptions) -> None:
        self._options = options
        self._span_ns = ns(options.window_s)
        self._tail = Tail(baseline, prior_per_h=options.per_h, prior_scale=_TAIL_USERS)
        self._calls: deque[Line] = deque()
        self._users: Counter[str] = Counter()
        self.start_ns: Ns | None = None  # the first call, once there are enough
        self.began_ns: Ns | None = None  # the burst they speak of, once it is asked for
        self.most = 0.0
        self.said = 0.0

    @property
    def users(self) -> int:
        """Different callers within the window."""
        return len(self._users)

    @property
    def calls(self) -> list[Line]:
        """The calls within the window."""
        return list(self._calls)

    def add(self, line: Line) -> None:
        """A viewer asks."""
        self._calls.append(line)
        self._users[line.user] += 1
        if len(self._calls) > _MOST:
            self._drop()

    def see(self, now_ns: Ns, active: int, watched_ns: Ns) -> bool:
        """Whether so many call that it is news; `active`: writers in the chat's window, of whom a share has to call."""
        while self._calls and self._calls[0].t_ns <= now_ns - self._span_ns:
            self._drop()
        if not self._calls and self.start_ns is None:
            return False
        strength = self.strength(active)
        if self.start_ns is None:
            if strength < self._options.users:
                return False
            self.start_ns, self.most, self.said = self._calls[0].t_ns, 0.0, 0.0
            self.began_ns = None
        self.most = max(self.most, strength)
        if self.users <= _OVER:
            self._tail.push(self.most - self._options.users, watched_ns)
            self.start_ns = None
            return False
        news = self.most >= min(self.said + 1.0, float(self._options.full_users)) and self.most > self.said
        self.said = self.most if news else self.said
        return news

    def strength(self, active: int) -> float:
        """Callers, scaled down where many write: somebody always asks there."""
        return self.users / max(1.0, self._options.share * active / self._options.users)

    def per_hour(self, watched_ns: Ns) -> float:
        """How often an hour as many call."""
        return self._tail.per_hour(self.most - self._options.users, watched_ns, watched_ns)

    def drop(self) -> None:
        """The chat is gone."""
        self._calls.clear()
        self._users.clear()
        self.start_ns = None

    def _drop(self) -> None:
        user = self._calls.popleft().user
        self._users[user] -= 1
        if not self._users[user]:
            del self._users[user]
