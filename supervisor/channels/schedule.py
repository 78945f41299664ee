"""When a page may be asked again: a token bucket a platform, back-off, jitter. Pure; the time is handed in.

The platforms publish no limits for what a page's visitor asks, so the buckets are ours: what a person with a few open
tabs does. A Retry-After stops the whole platform, as reliability.md row 45 wants: the platform counts addresses, not
channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from core.times import NS_PER_S, Ns, ns
from supervisor.channels.answers import NO_WORD, Code

Random = Callable[[], float]  # 0 <= x < 1
JITTER: Final = 0.2  # of a wait, both ways: channels that were added together drift apart
ERROR_FACTOR: Final = 10  # a page that wants cookies or money changes its mind seldom
MAX_WAIT_NS: Final = ns(900)
MAX_DOUBLINGS: Final = 10
_SITES: Final[Mapping[str, str]] = {
    "twitch.tv": "twitch",
    "youtube.com": "youtube",
    "youtu.be": "youtube",
    "kick.com": "kick",
}


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` questions at once, then one in `every_ns`."""

    burst: int
    every_ns: int


RATES: Final[Mapping[str, Rate]] = {
    "twitch": Rate(10, 3 * NS_PER_S),
    "youtube": Rate(4, 10 * NS_PER_S),  # a page of 1 MB each, and the platform that asks robots to prove themselves
}
OTHER: Final = Rate(4, 6 * NS_PER_S)


def platform_of(url: str) -> str:
    """The platform whose patience is shared; for one we don't know its host."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    for site, name in _SITES.items():
        if host == site or host.endswith(f".{site}"):
            return name
    return host


class Bucket:
    """The patience of one platform."""

    def __init__(self, rate: Rate, now_ns: int) -> None:
        self._rate = rate
        self._full_ns = now_ns  # when all tokens are back
        self._blocked_ns = now_ns

    def take(self, now_ns: int) -> Ns:
        """0 when a question may be asked now, and then it counts; else how long to wait before trying again."""
        if now_ns < self._blocked_ns:
            return Ns(self._blocked_ns - now_ns)
        spent_ns = max(self._full_ns, now_ns) - now_ns
        room_ns = (self._rate.burst - 1) * self._rate.every_ns
        if spent_ns > room_ns:
            return Ns(spent_ns - room_ns)
        self._full_ns = now_ns + spent_ns + self._rate.every_ns
        return Ns(0)

    def block(self, now_ns: int, pause_ns: int) -> None:
        """The platform asked for a pause."""
        self._blocked_ns = max(self._blocked_ns, now_ns + pause_ns)


class Platforms:
    """One bucket a platform, shared by all channels of this process."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def bucket(self, url: str, now_ns: int) -> Bucket:
        """Made full the first time."""
        name = platform_of(url)
        return self._buckets.setdefault(name, Bucket(RATES.get(name, OTHER), now_ns))


class Waits:
    """How long to wait between two questions about one channel. `poll_ns`: between two answers `offline`."""

    def __init__(self, poll_ns: int, random: Random) -> None:
        self._poll_ns = poll_ns
        self._random = random
        self._failures = 0

    def after(self, code: Code) -> Ns:
        """Until the next question, after an answer: the usual time, longer for a page that wants something, doubling
        from it while the platform gives no word."""
        if code in NO_WORD:
            self._failures = min(self._failures + 1, MAX_DOUBLINGS)
            return self._jittered(min(self._poll_ns * 2 ** (self._failures - 1), max(MAX_WAIT_NS, self._poll_ns)))
        self._failures = 0
        return self._jittered(self._poll_ns if code in ("offline", "live") else self._poll_ns * ERROR_FACTOR)

    def _jittered(self, wait_ns: int) -> Ns:
        return Ns(round(wait_ns * (1 - JITTER + 2 * JITTER * self._random())))
