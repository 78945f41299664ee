"""Keeps `playlist.m3u8` beside a ring's folder: replaced whole whenever a segment was closed or let go.

Nothing is synced: after a power cut the next segment writes it again. It never stands in the way of a recording: a disk
that does not take it is counted, and tried again with the next segment.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from zlib import crc32

from core.media import Epoch
from core.protocols import SegmentRow
from ringbuffer.containers import FRAGMENTED_MP4, MATROSKA
from ringbuffer.framing import boxes_after_header
from ringbuffer.playlist import MAX_LISTED, DvrPlaylist, Header, Numbers

PLAYLIST: Final = "playlist.m3u8"
TRACK: Final = "main"  # a room's tracks are not one programme, and have no list
MAX_BYTES: Final = 4_000_000
HEAD_BYTES: Final = 1 << 16  # holds the header and the first `moof`
_INITS: Final = "init-*.mp4"


class Dvr:
    """The list of one ring; `folder` is the session's `ring`. Called under the ring's lock."""

    def __init__(self, folder: Path, *, target_s: float, epochs: Iterable[Epoch] = ()) -> None:
        """`epochs`: those that are known, for their dates."""
        self._folder = folder
        self._target_s = target_s
        self._epochs = {epoch.number: epoch for epoch in epochs}
        self._list = DvrPlaylist(target_s=target_s)
        self._written: set[str] = set()  # initialisation sections
        self._dirty = False
        self._ended = False
        self.failures = 0

    def take_over(self, rows: Sequence[SegmentRow]) -> None:
        """Segments of earlier attempts, oldest first. Numbers go on from the list that is there; it is not replaced
        before something changes."""
        listable = [row for row in rows if _listable(row)]
        numbers = self._read()
        uris = [f"{row.track}/{row.name}" for row in listable]
        kept = listable[numbers.continued(uris) if numbers.uris else 0 :]
        self._list = DvrPlaylist(target_s=self._target_s, numbers=numbers)
        for row in kept[-MAX_LISTED:]:
            self._add(row, self._head(row))
        self._dirty, self._ended = self._list.uris != numbers.uris, numbers.ended

    def epoch(self, epoch: Epoch) -> None:
        """One begins."""
        self._epochs[epoch.number] = epoch

    def closed(self, row: SegmentRow, head: bytes) -> None:
        """A segment is there for good; `head` is its first HEAD_BYTES."""
        if _listable(row):
            self._add(row, head)
            self._dirty, self._ended = True, False

    def gone(self, rows: Iterable[SegmentRow]) -> None:
        """Segments are let go; publish before their files are removed."""
        self._dirty = self._list.remove(frozenset(row.name for row in rows)) or self._dirty

    def publish(self, *, ended: bool = False) -> None:
        """Replace the file, if it would be another one."""
        if not self._dirty and (ended == self._ended or not len(self._list)):
            return
        try:
            self._replace(PLAYLIST, self._list.text(ended=ended).encode())
            self._dirty, self._ended = False, ended
            self._clean()
        except OSError:
            self.failures += 1

    def _add(self, row: SegmentRow, head: bytes) -> None:
        header: Header | None = None
        if row.suffix == FRAGMENTED_MP4.suffix:
            length = boxes_after_header(head)
            if length >= len(head):
                return  # no header that could be told from the media: a file that was cut by somebody else
            header = Header(f"init-{crc32(head[:length]):08x}.mp4", length)
            self._keep_init(header, head)
        self._list.add(row, wall_ns=self._wall_ns(row), header=header)

    def _keep_init(self, header: Header, head: bytes) -> None:
        if header.init in self._written:
            return
        try:
            self._replace(header.init, head[: header.length])
            self._written.add(header.init)
        except OSError:
            self.failures += 1  # the next segment of this kind tries again

    def _wall_ns(self, row: SegmentRow) -> int | None:
        epoch = self._epochs.get(row.epoch)
        return None if epoch is None or epoch.wall_ns is None else epoch.wall_ns + row.start_ns - epoch.start_ns

    def _head(self, row: SegmentRow) -> bytes:
        if row.suffix != FRAGMENTED_MP4.suffix:
            return b""
        try:
            with (self._folder / row.track / row.name).open("rb") as file:
                return file.read(HEAD_BYTES)
        except OSError:
            return b""

    def _read(self) -> Numbers:
        try:
            with (self._folder / PLAYLIST).open("rb") as file:
                return Numbers.read(file.read(MAX_BYTES).decode("utf-8", "replace"))
        except OSError:
            return Numbers()

    def _clean(self) -> None:
        """Remove initialisation sections that no entry needs any more."""
        used = self._list.inits
        for path in self._folder.glob(_INITS):
            if path.name not in used:
                path.unlink(missing_ok=True)
                self._written.discard(path.name)

    def _replace(self, name: str, data: bytes) -> None:
        partial = self._folder / f".{name}.partial"
        partial.write_bytes(data)
        os.replace(partial, self._folder / name)


def _listable(row: SegmentRow) -> bool:
    """HLS knows MPEG-TS and fragmented MP4; a browser would not play Matroska from a list."""
    return row.suffix != MATROSKA.suffix and row.track == TRACK
