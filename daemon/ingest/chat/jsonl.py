"""A JSON-lines chat from a file, a file that grows, or a URL that streams."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final, NamedTuple, Self

from core.errors import BadMedia, SourceRefused, SourceUnreachable
from core.protocols import Clock
from core.times import NS_PER_S
from daemon.ingest.chat.lines import LineSplitter, parse_line
from daemon.ingest.chat.message import Post
from daemon.ingest.chat.repeats import Repeats
from daemon.ingest.http import Http
from daemon.ingest.threads import Threads

BATCH: Final = 1_000
READ_BYTES: Final = 1 << 18
POLL_NS: Final = NS_PER_S // 2
IDLE_S: Final = 300.0  # a chat may be quiet for minutes
MAX_RETRY_NS: Final = 30 * NS_PER_S


class JsonLines:
    """A ChatFeed of JSON lines: what `file_lines` or `url_lines` give, which tell `repeats` when they begin anew."""

    def __init__(self, lines: Callable[[Repeats], AsyncGenerator[list[bytes], None]]) -> None:
        self._lines = lines
        self._repeats = Repeats()
        self.skipped = 0

    @property
    def repeated(self) -> int:
        """See ChatFeed."""
        return self._repeats.repeated

    async def groups(self) -> AsyncGenerator[list[Post], None]:
        """Messages in the order of their lines; an empty group when a followed file has not grown."""
        async with aclosing(self._lines(self._repeats)) as groups:
            async for group in groups:
                yield self._parsed(group)

    def _parsed(self, lines: Sequence[bytes]) -> list[Post]:
        posts = []
        for line in lines:
            found = parse_line(line)
            if found is None:
                self.skipped += bool(line.strip())
            elif self._repeats.is_new(found):
                posts.append(found)
        return posts


async def file_lines(path: Path, clock: Clock, repeats: Repeats, *, follow: bool) -> AsyncGenerator[list[bytes], None]:
    """Groups of lines; a followed file yields an empty group when it has not grown, and starts over when it shrank or
    another one took its place. Raises BadMedia when it cannot be read."""
    splitter = LineSplitter()
    try:
        with Threads(1) as threads, await threads.run(_File, path) as file:
            while (piece := await threads.run(file.read)).data or follow:
                if piece.anew:
                    yield splitter.finish()
                    repeats.anew()
                lines = splitter.push(piece.data)
                for start in range(0, max(1, len(lines)), BATCH):
                    yield lines[start : start + BATCH]
                if not piece.data:
                    await clock.sleep(POLL_NS)
    except OSError as err:
        raise BadMedia(
            f"{path} cannot be read: {err.strerror}", remedy="Check the chat file and its permissions.", code="no_chat"
        ) from err
    yield splitter.finish()


class _Piece(NamedTuple):
    data: bytes
    anew: bool  # from the start of the file, or of the one that took its place


class _File:
    """An open file, followed by its name. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def read(self) -> _Piece:
        """What there is, at most READ_BYTES; nothing at the end of the file."""
        anew = os.fstat(self._file.fileno()).st_size < self._file.tell()
        if anew:
            self._file.seek(0)
        data = self._file.read(READ_BYTES)
        if data or not self._replaced():
            return _Piece(data, anew)
        self._file.close()
        self._file = self._path.open("rb")
        return _Piece(self._file.read(READ_BYTES), anew=True)

    def _replaced(self) -> bool:
        """Whether another file has the name now; while none has it, this one may still grow."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return not os.path.samestat(there, os.fstat(self._file.fileno()))


async def url_lines(
    url: str, http: Http, clock: Clock, repeats: Repeats, *, follow: bool
) -> AsyncGenerator[list[bytes], None]:
    """Groups of lines as they arrive. A live one is asked again after its end, 1, 2, 4 ... 30 s later, and 1 s after a
    connection that told something new. Raises SourceRefused at the first try only."""
    delay_ns, tried, whole = NS_PER_S, False, None
    async with http:
        while True:
            splitter, taken = LineSplitter(), repeats.taken
            unless = {"If-None-Match": whole} if whole else None  # a file on a web server that has not changed
            try:
                async with (
                    http.open(url, headers=unless, idle_s=IDLE_S) as response,
                    aclosing(response.chunks(rated=False)) as chunks,
                ):
                    tried = True
                    repeats.anew()
                    async for chunk in chunks:
                        yield splitter.push(chunk)
                    whole = response.etag
                yield splitter.finish()
                if not follow:
                    return
            except SourceRefused:
                if not tried or not follow:
                    raise
            except SourceUnreachable:
                if not follow:
                    raise
            delay_ns = NS_PER_S if repeats.taken > taken else delay_ns
            await clock.sleep(delay_ns)
            delay_ns = min(2 * delay_ns, MAX_RETRY_NS)
