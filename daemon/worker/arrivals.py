"""When each part of the media arrived on this machine: the zero of a clip's latency."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from typing import Final

from core.times import Ns

KEPT: Final = 20_000  # batches at least; at two a second nearly three hours, more than any clip looks back
_SPARE: Final = 1_000  # more than that, before the oldest go


class Arrivals:
    """Written by capture, read by the clip thread. Times are CLOCK_BOOTTIME ns; 16 bytes a batch."""

    def __init__(self) -> None:
        self._media, self._boot = array("q"), array("q")
        self._lock = threading.Lock()

    def note(self, media_ns: Ns, boottime_ns: int) -> None:
        """Media up to `media_ns` is here."""
        with self._lock:
            if not self._media or media_ns > self._media[-1]:
                self._media.append(media_ns)
                self._boot.append(boottime_ns)
            if len(self._media) >= KEPT + _SPARE:
                del self._media[:_SPARE], self._boot[:_SPARE]

    def of(self, media_ns: Ns) -> int | None:
        """When the frame at `media_ns` had arrived; None when it never did or is too long ago."""
        with self._lock:
            index = bisect_left(self._media, media_ns)
            if index == len(self._media):
                return self._boot[-1] if self._boot else None
            return self._boot[index]
