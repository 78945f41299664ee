"""How much time lies between two segments that do not continue each other. Pure.

By the playlist's dates where both sides carry one and they can be true, else by its numbers where they say how many
segments passed unseen, else by this machine's CLOCK_BOOTTIME; segments that stand side by side in a playlist have
nothing between them, and neither has a replay.
"""

from __future__ import annotations

from typing import Final

from core.timeline import Elapsed
from core.times import NS_PER_S
from daemon.ingest.api import Resume
from daemon.ingest.hls.playlist import Segment

SLACK_NS: Final = 120 * NS_PER_S  # dates may run ahead of arrival by a playlist's window; stitched ads are years off
BACK_NS: Final = 5 * NS_PER_S  # dates that overlap by this little mean: nothing between


class Dates:
    """Follows the segments of one stream. `live` False: a replay."""

    def __init__(self, *, live: bool, resume: Resume | None = None) -> None:
        self._live = live
        self._pdt_end_ns = resume.wall_ns if resume else None
        self._arrived_ns = resume.boottime_ns if resume else None
        self._lost_ns = 0
        self._jump = Elapsed(0, "source")

    def between(self, segment: Segment, *, adjacent: bool, arrived_ns: int, wall_ns: int, missed: int = 0) -> Elapsed:
        """Time between the last good segment and this one. `missed`: how many the numbering says passed unseen between
        them; `wall_ns`: UTC now, a guess for streams without dates."""
        if not self._live:
            return Elapsed(0, "source", segment.pdt_ns)
        guess_ns = wall_ns - segment.duration_ns
        waited_ns = None if self._arrived_ns is None else max(0, arrived_ns - self._arrived_ns)
        if segment.pdt_ns is not None and self._pdt_end_ns is not None:
            apart_ns = segment.pdt_ns - self._pdt_end_ns
            if apart_ns >= -BACK_NS and (waited_ns is None or apart_ns <= waited_ns + SLACK_NS):
                return Elapsed(max(0, apart_ns), "pdt", segment.pdt_ns)
        if adjacent:
            return Elapsed(self._lost_ns, "source", segment.pdt_ns or guess_ns)
        counted_ns = self._lost_ns + missed * segment.duration_ns
        if missed and waited_ns is not None and counted_ns <= waited_ns + SLACK_NS:
            return Elapsed(counted_ns, "source", segment.pdt_ns or guess_ns)
        missing_ns = 0 if waited_ns is None else waited_ns - segment.duration_ns
        return Elapsed(max(self._lost_ns, missing_ns, 0), "boottime", segment.pdt_ns or guess_ns)

    def lost(self, segment: Segment) -> None:
        """A segment that was given up."""
        self._lost_ns += segment.duration_ns

    def coming(self, elapsed: Elapsed) -> None:
        """What `jump` says while the next segment is placed."""
        self._jump = elapsed

    def jump(self) -> Elapsed:
        """For a leap in the timestamps that nothing announced. Only the first of a segment lies before the segment."""
        jump, self._jump = self._jump, Elapsed(0, "source")
        return jump

    def placed(self, segment: Segment, arrived_ns: int) -> None:
        """A segment whose media was placed."""
        self._pdt_end_ns = None if segment.pdt_ns is None else segment.pdt_ns + segment.duration_ns
        self._arrived_ns = arrived_ns
        self._lost_ns = 0
