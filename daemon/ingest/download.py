"""A media file from a URL: fetched whole into the job's folder, then replayed as a file."""

from __future__ import annotations

import os
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, Final

from core.errors import BadMedia, SourceUnreachable, StorageError
from core.protocols import Clock
from core.times import NS_PER_S
from daemon.ingest.api import CaptureSink, Ended, Source, SourceInfo
from daemon.ingest.files import FileSource
from daemon.ingest.footage import FileFootage
from daemon.ingest.http import Http, Response
from daemon.ingest.request import Request
from daemon.ingest.sniff import EXTENSIONS
from daemon.ingest.threads import Threads

TRIES: Final = 6
RETRY_NS: Final = 2 * NS_PER_S


class DownloadSource(Source):
    """Kept at `workdir`/source.<ext> until the job removes its folder; a complete one of an earlier attempt is used."""

    footage: FileFootage

    def __init__(self, request: Request, clock: Clock, workdir: Path, fmt: str) -> None:
        self._request = request
        self._clock = clock
        self._path = workdir / f"source.{EXTENSIONS.get(fmt, fmt)}"
        self.footage = FileFootage(self._path, fmt, fetched=True)
        self.info = SourceInfo(kind="file", unstoppable=False, path=self._path)

    async def run(self, sink: CaptureSink) -> Ended:
        """Fetch, then replay. Raises SourceError kinds, and StorageError when the disk is full."""
        if not self._path.exists():
            await self._fetch()
        replay = FileSource(
            self._path,
            clock=self._clock,
            speed=self._request.speed,
            resume=self._request.resume,
            footage=self.footage,
        )
        self.info = SourceInfo(kind="file", unstoppable=False, path=self._path, duration_s=replay.info.duration_s)
        return await replay.run(sink)

    async def _fetch(self) -> None:
        partial = self._path.with_name(f".{self._path.name}.partial")
        try:
            partial.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file, Threads(1) as threads:
                async with self._request.http(self._clock) as http:
                    await self._fill(http, file, threads)
                await threads.run(_sync, file)
            os.replace(partial, self._path)
        except OSError as err:
            raise StorageError(
                f"The source cannot be stored: {err.strerror}", remedy="Free some space in the data folder."
            ) from err
        finally:
            if partial.parent.is_dir():
                partial.unlink(missing_ok=True)

    async def _fill(self, http: Http, file: BinaryIO, threads: Threads) -> None:
        """Go on where a broken connection stopped, when the server can and the file is still the same."""
        etag: str | None = None
        for attempt in range(1, TRIES + 1):
            at = file.tell()
            headers = {"Range": f"bytes={at}-", **({"If-Range": etag} if etag else {})} if at else {}
            try:
                async with http.open(self._request.url, headers=headers) as response:
                    if at and response.status != 206:
                        file.seek(0)
                        file.truncate()
                    etag = response.etag
                    await self._copy(response, file, threads)
                    return
            except SourceUnreachable:
                if attempt == TRIES:
                    raise
                await self._clock.sleep(attempt * RETRY_NS)

    async def _copy(self, response: Response, file: BinaryIO, threads: Threads) -> None:
        limit = round(self._request.options.max_download_gb * 1e9)
        async with aclosing(response.chunks()) as chunks:
            async for chunk in chunks:
                await threads.run(file.write, chunk)
                if file.tell() > limit:
                    raise BadMedia(
                        f"The file is larger than {self._request.options.max_download_gb:g} GB",
                        remedy="Raise ingest.max_download_gb, or give a smaller file.",
                        code="too_big",
                    )


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
