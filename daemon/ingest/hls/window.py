"""What a reloaded playlist adds: new segments, what was missed between, and where the numbering broke. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Final, NamedTuple

from core.times import NS_PER_S
from daemon.ingest.hls.ads import MAX_BREAK_S
from daemon.ingest.hls.playlist import ByteRange, MediaPlaylist, Segment

CATCH_UP_NS: Final = 300 * NS_PER_S  # a session is resumed after at most 5 min of silence: reliability.md row 41
REMEMBERED: Final = 200  # segments by which a stale copy of the playlist is told from a restarted one


class Step(NamedTuple):
    """A segment to take. `break_reason`: it begins a new epoch; `missed`: segments that passed unseen before it.
    `section` counts the announced breaks, by which picture and sound of one stream find each other."""

    segment: Segment
    break_reason: str | None
    missed: int
    section: int


class Window:
    """Follows one media playlist.

    `edge`: how many segments before the newest a live stream is joined, None: all. `since_ns`: UTC up to which an
    earlier attempt has its media; a dated playlist is joined there, so that what passed meanwhile is caught up on.
    """

    def __init__(self, edge: int | None, since_ns: int | None = None) -> None:
        self._edge = edge
        self._since_ns = since_ns
        self._last: Segment | None = None
        self._recent: OrderedDict[int, tuple[str, ByteRange | None]] = OrderedDict()
        self._section = 0
        self._ads_ns = 0  # of the break that the newest segment is in
        self._behind = 0  # changed playlists in a row that lay wholly before what was taken
        self._behind_last: int | None = None
        self.first_seq = 0

    def update(self, playlist: MediaPlaylist) -> list[Step]:
        """New segments, in order; empty when nothing is new."""
        segments = playlist.segments
        if not segments:
            return []
        self.first_seq = segments[0].seq
        if self._last is None:
            joined = self._join(segments) if playlist.live else segments
            self._last = segments[-1]
            return [self._step(segment, None if i else "start", 0) for i, segment in enumerate(joined)]
        if self._was_reset(segments):
            joined = segments[-self._edge :] if self._edge is not None else segments
            return [self._step(segment, None if i else "sequence_reset", 0) for i, segment in enumerate(joined)]
        steps = []
        for segment in segments:
            if segment.seq > self._last.seq:
                missed = segment.seq - self._last.seq - 1
                steps.append(self._step(segment, "sequence_jump" if missed else None, missed))
        return steps

    def renewed(self) -> None:
        """The stream goes on under another link, which may call the same segments otherwise: numbers are what is left
        to go by."""
        self._recent.clear()

    def _join(self, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        if self._edge is None:
            return segments
        newest = segments[-1].pdt_ns
        if self._since_ns is None or newest is None or newest < self._since_ns - CATCH_UP_NS:
            return segments[-self._edge :]
        total_ns, joined = 0, []
        for segment in reversed(segments):
            dated = segment.pdt_ns is not None and segment.pdt_ns + segment.duration_ns // 2 > self._since_ns
            if not dated or total_ns > CATCH_UP_NS:
                break
            total_ns += segment.duration_ns
            joined.append(segment)
        return tuple(reversed(joined))

    def _step(self, segment: Segment, reason: str | None, missed: int) -> Step:
        self._ads_ns = self._ads_ns + segment.duration_ns if segment.ad else 0
        if self._ads_ns > MAX_BREAK_S * NS_PER_S:  # nobody has marked its end: footage first
            segment = replace(segment, ad=False)
        if segment.discontinuity and reason is None:
            reason = "discontinuity"
        if reason is None and self._last is not None and self._last.ad and not segment.ad:
            reason = "ad_break"
        if reason in ("discontinuity", "sequence_reset", "ad_break"):
            self._section += 1
        self._last = segment
        self._recent[segment.seq] = segment.name
        while len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        return Step(segment, reason, missed, self._section)

    def _was_reset(self, segments: tuple[Segment, ...]) -> bool:
        """Whether the numbering began anew. A stale copy from another cache node also lies behind, but names the same
        files; a restarted encoder names others, or has gone on for several reloads without reaching where we are."""
        assert self._last is not None  # only asked once something was taken
        newest = segments[-1].seq
        if newest >= self._last.seq:
            self._behind = 0
            same = self._recent.get(self._last.seq)
            now = next((segment.name for segment in segments if segment.seq == self._last.seq), None)
            return same is not None and now is not None and now != same and not self._overlaps(segments)
        if self._overlaps(segments):
            self._behind, self._behind_last = 0, newest
            return False
        self._behind += self._behind_last != newest
        self._behind_last = newest
        return self._behind >= 2 or self._last.seq - newest > max(len(segments), 3)

    def _overlaps(self, segments: tuple[Segment, ...]) -> bool:
        return any(self._recent.get(segment.seq) == segment.name for segment in segments)
