"""A JSON-lines chat from a file, a file that grows, or a URL that streams."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, Final

from core.errors import BadMedia, SourceRefused, SourceUnreachable
from core.protocols import Clock
from core.times import NS_PER_S
from daemon.ingest.chat.lines import LineSplitter, parse_line
from daemon.ingest.chat.message import Post
from daemon.ingest.http import Http
from daemon.ingest.threads import Threads

BATCH: Final = 1_000
READ_BYTES: Final = 1 << 18
POLL_NS: Final = NS_PER_S // 2
IDLE_S: Final = 300.0  # a chat may be quiet for minutes
MAX_RETRY_NS: Final = 30 * NS_PER_S


class JsonLines:
    """A ChatFeed of JSON lines: what `file_lines` or `url_lines` give."""

    def __init__(self, lines: Callable[[], AsyncGenerator[list[bytes], None]]) -> None:
        self._lines = lines
        self.skipped = 0

    async def groups(self) -> AsyncGenerator[list[Post], None]:
        """Messages in the order of their lines; an empty group when a followed file has not grown."""
        async with aclosing(self._lines()) as groups:
            async for group in groups:
                yield self._parsed(group)

    def _parsed(self, lines: Sequence[bytes]) -> list[Post]:
        posts = []
        for line in lines:
            found = parse_line(line)
            if found is None:
                self.skipped += bool(line.strip())
            else:
                posts.append(found)
        return posts


async def file_lines(path: Path, clock: Clock, *, follow: bool) -> AsyncGenerator[list[bytes], None]:
    """Groups of lines; a followed file yields an empty group when it has not grown, and starts over when it shrank.
    Raises BadMedia when it cannot be read."""
    splitter = LineSplitter()
    try:
        with Threads(1) as threads, await threads.run(path.open, "rb") as file:
            while True:
                data = await threads.run(_read, file)
                if not data and not follow:
                    break
                lines = splitter.push(data) if data else []
                for start in range(0, max(1, len(lines)), BATCH):
                    yield lines[start : start + BATCH]
                if not data:
                    await clock.sleep(POLL_NS)
    except OSError as err:
        raise BadMedia(
            f"{path} cannot be read: {err.strerror}", remedy="Check the chat file and its permissions.", code="no_chat"
        ) from err
    yield splitter.finish()


def _read(file: BinaryIO) -> bytes:
    if os.fstat(file.fileno()).st_size < file.tell():
        file.seek(0)
    return file.read(READ_BYTES)


async def url_lines(url: str, http: Http, clock: Clock, *, follow: bool) -> AsyncGenerator[list[bytes], None]:
    """Groups of lines as they arrive; a live one is reconnected. Raises SourceRefused at the first try only."""
    delay_ns, tried = NS_PER_S, False
    async with http:
        while True:
            splitter = LineSplitter()
            try:
                async with http.open(url, idle_s=IDLE_S) as response, aclosing(response.chunks(rated=False)) as chunks:
                    tried, delay_ns = True, NS_PER_S
                    async for chunk in chunks:
                        yield splitter.push(chunk)
                yield splitter.finish()
                if not follow:
                    return
            except SourceRefused:
                if not tried or not follow:
                    raise
            except SourceUnreachable:
                if not follow:
                    raise
            await clock.sleep(delay_ns)
            delay_ns = min(2 * delay_ns, MAX_RETRY_NS)
