"""RTP timestamps to room time: what a frame's `room_ms` is. Pure.

A track's RTP clock runs off its sender's sound card or camera, up to some 200 ppm from ours. Its sender reports tie RTP
to the sender's wall clock, which all its tracks share, so sound and picture of one sender stay together; that clock is
tied to the room by the report that came soonest. Before there are two reports, and where a sender sends none, the
packets' own arrival is taken in the same way. It is a bound at all times: reports are few, and on a busy line each of
them may be late, but no frame was captured after it came. A sender that loses samples does not count them: from then on
its RTP clock is behind, a report says so, all that comes is later by as much, and what was known before is void.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final

WINDOW_MS: Final = 60_000.0
ARRIVAL_WINDOW_MS: Final = 30_000.0
BUCKET_MS: Final = 500.0
MIN_SPAN_MS: Final = 8_000.0  # reports further apart than this say how fast the clock runs
MAX_REPORTS: Final = 24
MAX_PPM: Final = 1_000.0
STEP_MS: Final = 1_000.0  # the sender's wall clock was set: what it said before is void
ODD_MS: Final = 100.0  # a report this far off its track's line starts the line anew
LOST_MS: Final = 15.0  # a sender that has lost samples: reports are this far behind the line, and frames come as late
LATELY_MS: Final = 2_000.0
APART_MS: Final = 500.0  # reports that place a frame so far from its arrival are not believed
JUMP_MS: Final = 300.0  # corrected at once; less than that slowly
SETTLE_MS: Final = 3_000.0
FAR_MS: Final = 20.0  # that much between sound and picture is noticed
FAST_SLEW: Final = 0.1  # milliseconds a millisecond, while it settles or is far off
SLEW: Final = 0.01


class LowestDelay:
    """The least of (arrival - sent) in a sliding window: what came with the least delay."""

    def __init__(self, window_ms: float) -> None:
        self._window_ms = window_ms
        self._buckets: deque[tuple[float, float]] = deque()  # when a bucket began, and the least in it
        self._least: float | None = None  # of them all

    def add(self, at_ms: float, delay_ms: float) -> None:
        """A sample that came at `at_ms`."""
        if self._buckets and at_ms - self._buckets[-1][0] < BUCKET_MS:
            began, least = self._buckets[-1]
            self._buckets[-1] = (began, min(least, delay_ms))
        else:
            self._buckets.append((at_ms, delay_ms))
        if self._least is None or delay_ms < self._least:
            self._least = delay_ms
        while at_ms - self._buckets[0][0] > self._window_ms:
            _, gone = self._buckets.popleft()
            if gone <= self._least:
                self._least = min(least for _, least in self._buckets)

    def least(self, since_ms: float = -inf) -> float | None:
        """The least delay of what came after a time; None without a sample."""
        if since_ms == -inf:
            return self._least
        return min((least for began, least in self._buckets if began >= since_ms), default=None)

    def forget(self, before_ms: float) -> None:
        """What came before a time."""
        while self._buckets and self._buckets[0][0] < before_ms:
            self._buckets.popleft()
        self._least = self.least(before_ms)

    def clear(self) -> None:
        """Forget every sample."""
        self._buckets.clear()
        self._least = None


class SenderClock:
    """One sender's wall clock, shared by its tracks. `rtt_ms` is set by who measures it."""

    def __init__(self) -> None:
        self._delays = LowestDelay(WINDOW_MS)
        self.rtt_ms: float | None = None
        self.generation = 0  # grows when the sender's clock was set

    def reported(self, ntp_ms: float, room_ms: float) -> None:
        """A sender report of any track came at `room_ms`."""
        least = self._delays.least()
        if least is not None and abs(room_ms - ntp_ms - least) > STEP_MS:
            self._delays.clear()
            self.generation += 1
        self._delays.add(room_ms, room_ms - ntp_ms)

    def room_ms(self, ntp_ms: float) -> float | None:
        """The room's time at a time of the sender's wall clock; None before the first report."""
        least = self._delays.least()
        return None if least is None else ntp_ms + least - min(self.rtt_ms or 0.0, 500.0) / 2


class TrackClock:
    """One track's RTP clock, for unwrapped timestamps that come in about rising order."""

    def __init__(self, rate: int, sender: SenderClock) -> None:
        self._tick_ms = 1_000 / rate
        self._sender = sender
        self._generation = sender.generation
        self._arrivals = LowestDelay(ARRIVAL_WINDOW_MS)
        self._reports: deque[tuple[float, float]] = deque(maxlen=MAX_REPORTS)  # RTP and NTP, in milliseconds
        self._line: tuple[float, float, float] | None = None  # RTP ms, NTP ms there, NTP ms a RTP ms
        self._shown: tuple[float, float] | None = None  # the last frame: RTP ms, and what is added to it
        self._first = 0.0  # RTP ms of the first frame
        self.implausible = 0  # frames whose reports were not believed

    @property
    def ppm(self) -> float | None:
        """How much faster than its wall clock the sender's RTP clock runs; None until it is known."""
        return None if self._line is None or self._line[2] == 1 else round((1 / self._line[2] - 1) * 1e6, 1)

    def arrived(self, rtp: int, room_ms: float) -> None:
        """The first packet of a frame came at `room_ms`."""
        self._arrivals.add(room_ms, room_ms - rtp * self._tick_ms)

    def reported(self, ntp_ms: float, rtp: int, room_ms: float) -> None:
        """A sender report of this track came at `room_ms`: at `ntp_ms` of the sender's wall clock it was at `rtp`."""
        self._sender.reported(ntp_ms, room_ms)
        at = rtp * self._tick_ms
        said = self._ntp_ms(at)
        lost = said is not None and self._has_lost(ntp_ms - said, room_ms)
        stale = self._generation != self._sender.generation or (said is not None and abs(said - ntp_ms) > ODD_MS)
        if lost or stale or (self._reports and at <= self._reports[-1][0]):
            self._reports.clear()
        self._generation = self._sender.generation
        self._reports.append((at, ntp_ms))
        self._line = _fit(self._reports) if len(self._reports) > 1 else None
        by_arrival, placed = self._arrivals.least(), self._placed(at)
        if by_arrival is not None and placed is not None:
            lost = lost or self._has_lost(placed - at - by_arrival, room_ms)
        if lost:
            self._arrivals.forget(room_ms - LATELY_MS)

    def restart(self) -> None:
        """Another SSRC has taken over: what was measured is void, what was shown goes on."""
        self._arrivals.clear()
        self._reports.clear()
        self._line = None

    def room_ms(self, rtp: int) -> float:
        """When a frame was captured, on the room's clock. Corrections come slowly, so that time does not jump."""
        at = rtp * self._tick_ms
        offset = self._offset(at)
        if self._shown is None:
            self._first = at
        else:
            last, shown = self._shown
            wanted = offset - shown
            if abs(wanted) <= JUMP_MS:
                slew = FAST_SLEW if at - self._first < SETTLE_MS or abs(wanted) > FAR_MS else SLEW
                step = max(0.0, at - last) * slew
                offset = shown + max(-step, min(step, wanted))
        self._shown = (at, offset)
        return at + offset

    def _offset(self, at: float) -> float:
        """What has to be added to a RTP time, as far as is known now."""
        by_arrival, placed = self._arrivals.least(), self._placed(at)
        if placed is None:
            return by_arrival if by_arrival is not None else -at
        if by_arrival is not None and abs(placed - at - by_arrival) > APART_MS:
            self.implausible += 1
            return by_arrival
        return placed - at if by_arrival is None else min(placed - at, by_arrival)

    def _has_lost(self, behind_ms: float, now_ms: float) -> bool:
        """Whether the sender has lost samples: reports are so far behind, and frames come later by about as much."""
        before, lately = self._arrivals.least(), self._arrivals.least(now_ms - LATELY_MS)
        late = before is not None and lately is not None and lately - before > behind_ms / 2
        return behind_ms > LOST_MS and late

    def _placed(self, at: float) -> float | None:
        """Where reports place a RTP time in the room; None before there are two."""
        ntp_ms = self._ntp_ms(at)
        return None if ntp_ms is None else self._sender.room_ms(ntp_ms)

    def _ntp_ms(self, at: float) -> float | None:
        if self._line is None:
            return None
        center, ntp_ms, slope = self._line
        return ntp_ms + (at - center) * slope


def _fit(points: deque[tuple[float, float]]) -> tuple[float, float, float]:
    """The least-squares line through reports; of the nominal rate while they are too close to tell another."""
    count = len(points)
    center, level = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    if points[-1][0] - points[0][0] < MIN_SPAN_MS:
        return center, level, 1.0
    spread = sum((x - center) ** 2 for x, _ in points)
    slope = sum((x - center) * (y - level) for x, y in points) / spread
    return center, level, max(1 - MAX_PPM / 1e6, min(1 + MAX_PPM / 1e6, slope))
