"""How often somebody may ask: token buckets by key, in a table of bounded size. Pure, by the caller's clock."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from core.times import NS_PER_S

MAX_KEYS: Final = 4096  # the longest unused is forgotten first: it is full again by then, or nearly


@dataclass(slots=True)
class _Bucket:
    left: float
    at_ns: int


class Buckets:
    """A bucket of `burst` a key, refilled at `per_minute`. Times are CLOCK_BOOTTIME."""

    def __init__(self, *, per_minute: float, burst: float) -> None:
        self._per_s, self._burst = per_minute / 60, burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, key: str, now_ns: int) -> float:
        """Seconds until there is one to take; 0 when there is. Takes nothing."""
        bucket = self._filled(key, now_ns)
        return max(0.0, (1.0 - bucket.left) / self._per_s)

    def take(self, key: str, now_ns: int) -> float:
        """Take one; what `wait_s` says when there is none."""
        wait_s = self.wait_s(key, now_ns)
        if wait_s == 0:
            self._buckets[key].left -= 1.0
        return wait_s

    def give_back(self, key: str) -> None:
        """One that was taken after all counts for nothing."""
        if key in self._buckets:
            self._buckets[key].left = min(self._burst, self._buckets[key].left + 1.0)

    def _filled(self, key: str, now_ns: int) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._burst, now_ns)
            if len(self._buckets) > MAX_KEYS:
                self._buckets.popitem(last=False)
        passed_s = max(0, now_ns - bucket.at_ns) / NS_PER_S
        bucket.left, bucket.at_ns = min(self._burst, bucket.left + passed_s * self._per_s), now_ns
        self._buckets.move_to_end(key)
        return bucket


class Ages:
    """When things were, by key, CLOCK_BOOTTIME: of the newest MAX_KEYS."""

    def __init__(self) -> None:
        self._at_ns: OrderedDict[str, int] = OrderedDict()

    def put(self, key: str, now_ns: int) -> None:
        """Now."""
        self._at_ns[key] = now_ns
        self._at_ns.move_to_end(key)
        if len(self._at_ns) > MAX_KEYS:
            self._at_ns.popitem(last=False)

    def get(self, key: str) -> int | None:
        """When it was put last; None where that is not known, or not any more."""
        return self._at_ns.get(key)

    def discard(self, key: str) -> None:
        """Forget it."""
        self._at_ns.pop(key, None)


def address_key(peer: str | None) -> str:
    """Who counts as one address: an IPv4 address, the /64 of an IPv6 one."""
    try:
        address = ip_address((peer or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if address.version == 6 and address.ipv4_mapped is None:
        return f"{int(address) >> 64:x}/64"
    return str(address)
