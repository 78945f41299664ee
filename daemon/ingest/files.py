"""A media file, replayed: at its own speed, several times faster, or as fast as the sink takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from core.errors import BadMedia
from core.media import Epoch, Gap
from core.protocols import Clock
from core.timeline import Timeline
from core.times import NS_PER_S, Ns, to_s
from daemon.ingest.api import CaptureSink, Ended, Resume, Source, SourceInfo
from daemon.ingest.footage import FileFootage
from daemon.ingest.placer import Pacer, Placer
from daemon.ingest.reader import MediaReader
from daemon.ingest.sniff import HEAD_BYTES, media_format
from daemon.ingest.threads import Threads

STEP_NS: Final = 2 * NS_PER_S  # media read in one go
TRUNCATED_NS: Final = NS_PER_S  # a file that ends this much before its stated length was cut off
INDEXED: Final = frozenset({"mov", "matroska", "avi", "wav"})  # formats that state a length; others have it estimated


class FileSource(Source):
    """A local file; `footage` when someone holds its index already. On a resumed session it is read again from its
    start, and only what is new is delivered."""

    footage: FileFootage

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        speed: float | None,
        resume: Resume | None = None,
        footage: FileFootage | None = None,
    ) -> None:
        fmt = file_format(path)
        self._reader = MediaReader(path, fmt)
        self._pacer = Pacer(clock, speed) if speed is not None else None
        self._resume = resume
        self.footage = footage or FileFootage(path, fmt)
        duration_ns = self._reader.duration_ns
        self.info = SourceInfo(
            kind="file",
            unstoppable=False,
            path=path,
            duration_s=None if duration_ns is None else round(to_s(duration_ns), 3),
        )

    async def run(self, sink: CaptureSink) -> Ended:
        """Raises BadMedia when nothing in the file could be placed. Runs once."""
        placer = Placer(sink, resume=self._resume, repeats=True, pacer=self._pacer, index=self.footage)
        with Threads(1) as threads:
            while True:
                packets = await threads.run(self._reader.read, STEP_NS)
                if not packets:
                    break
                placer.use(self._reader.tracks)
                placer.place(packets, wraps=self._reader.wraps)
                await placer.deliver(up_to_ns=placer.settled_ns())
        placer.finish()
        await placer.deliver()
        self._check_some(placer)
        await self._warn(sink, placer.timeline.end_ns)
        return Ended("eof")

    def _check_some(self, placer: Placer) -> None:
        if placer.placed == 0:
            raise BadMedia(
                f"{self.footage.path.name} has streams but no media in them",
                remedy="The file is damaged or was never finished; try to play it.",
                code="no_media",
            )

    async def _warn(self, sink: CaptureSink, end_ns: Ns) -> None:
        duration_ns = self._reader.duration_ns
        if duration_ns is not None and self._reader.fmt in INDEXED and duration_ns - end_ns > TRUNCATED_NS:
            await sink.warn(
                "truncated",
                f"The file states {to_s(duration_ns):.1f} s but holds {to_s(end_ns):.1f} s",
                "What is there was used; fetch the file again for the rest.",
            )
        if self._reader.errors:
            await sink.warn(
                "damaged", f"{self._reader.errors} places could not be read", "They were skipped; check the file."
            )


def file_format(path: Path) -> str:
    """What a local file is, by its first bytes. Raises BadMedia."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as err:
        raise BadMedia(
            f"{path} cannot be read: {err.strerror}", remedy="Check the path and its permissions.", code="unreadable"
        ) from err
    return media_format(head, path.name)


def scan_footage(path: Path, *, fetched: bool = False) -> FileFootage:
    """The footage of a file without a replay, for a session that has ended. Reads the whole file; blocking."""
    fmt = file_format(path)
    return _Scan(MediaReader(path, fmt), FileFootage(path, fmt, fetched=fetched)).run()


class _Scan:
    """A replay without a sink: the same packets through the same timeline."""

    def __init__(self, reader: MediaReader, footage: FileFootage) -> None:
        self._reader = reader
        self._footage = footage
        self._line = Timeline(self)

    def run(self) -> FileFootage:
        while True:
            packets = self._reader.read(STEP_NS)
            self._line.expect(video=any(track.kind == "video" for track in self._reader.tracks))
            if not packets:
                break
            for packet in packets:
                self._footage.packets_placed(self._line.place(packet, wraps=self._reader.wraps))
        self._footage.packets_placed(self._line.finish())
        return self._footage

    def epoch_opened(self, epoch: Epoch) -> None:
        if self._line.map is not None:
            self._footage.epoch_opened(epoch, self._reader.tracks, self._line.map)

    def gap_found(self, _gap: Gap) -> None:
        pass  # the replay has told it
