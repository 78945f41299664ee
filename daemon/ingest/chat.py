"""Chat as JSON lines: from a file, a file that grows, or a URL that streams. Messages come on media time.

A line is `{"t_s": 12.5, "user": ..., "text": ..., "emotes": [...], "kind": ..., "n": 1}`, `t` for `t_s`, or `wall`
(seconds since 1970 or ISO 8601), which the caller's `align` puts on media time. Names leave here as hashes. Other lines
are skipped and counted: chat is a stranger's text.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from configs.ingest import IngestOptions
from core.errors import BadMedia, SourceRefused, SourceUnreachable
from core.media import ChatMessage
from core.netpolicy import AddressPolicy
from core.protocols import Clock
from core.spec import Origin
from core.times import NS_PER_S, Ns, ns
from daemon.ingest.http import Http, Lookup, system_lookup
from daemon.ingest.threads import Threads

KINDS: Final = frozenset({"msg", "sub", "raid", "bits", "announcement"})
MAX_LINE: Final = 16 << 10
MAX_TEXT: Final = 500  # Twitch's own limit for a message
MAX_EMOTES: Final = 50
MAX_EMOTE: Final = 64
MAX_N: Final = 1_000_000
MAX_T_S: Final = 1e9
MAX_UNALIGNED: Final = 10_000  # messages that wait for the first epoch's wall time
BATCH: Final = 1_000
READ_BYTES: Final = 1 << 18
POLL_NS: Final = NS_PER_S // 2
SETTLE_NS: Final = 2 * NS_PER_S  # a live line may be this late before the watermark has passed it
IDLE_S: Final = 300.0  # a chat may be quiet for minutes
MAX_RETRY_NS: Final = 30 * NS_PER_S
END: Final = Ns(2**62)  # watermark of a chat that is complete

Align = Callable[[int], Ns | None]


class ChatBatch(NamedTuple):
    """Messages in the order of their lines; `watermark_ns`: nothing before it will follow, None when unknown."""

    messages: list[ChatMessage]
    watermark_ns: Ns | None


class ChatReader:
    """Use `batches` once. `skipped` counts lines that were no chat message."""

    def __init__(self, lines: Lines, *, align: Align, clock: Clock, complete: bool) -> None:
        self._lines = lines
        self._align = align
        self._clock = clock
        self._complete = complete
        self._unaligned: list[tuple[int, ChatMessage]] = []
        self._newest_ns: Ns | None = None
        self.skipped = 0

    async def batches(self) -> AsyncIterator[ChatBatch]:
        """A complete chat is one sorted batch with watermark END; its `align` has to know by then. A live one comes as
        it arrives; a file that is quiet gives empty batches, so that the watermark moves on."""
        if self._complete:
            found: list[ChatMessage] = []
            async with aclosing(self._lines()) as groups:
                async for group in groups:
                    found += self._parse(group)
            self.skipped += len(self._unaligned)
            yield ChatBatch(sorted(found, key=lambda message: message.t_ns), END)
            return
        async with aclosing(self._lines()) as groups:
            async for group in groups:
                messages = self._parse(group)
                yield ChatBatch(messages, self._watermark(messages))

    def _watermark(self, messages: list[ChatMessage]) -> Ns | None:
        newest = max((message.t_ns for message in messages), default=None)
        if newest is not None:
            self._newest_ns = newest if self._newest_ns is None else max(self._newest_ns, newest)
        now_ns = self._align(self._clock.wall_ns())
        known = [t_ns for t_ns in (self._newest_ns, now_ns) if t_ns is not None]
        return Ns(max(0, max(known) - SETTLE_NS)) if known else None

    def _parse(self, group: list[bytes]) -> list[ChatMessage]:
        found = []
        for line in group:
            parsed = parse_line(line)
            if parsed is None:
                self.skipped += bool(line.strip())
                continue
            wall_ns, message = parsed
            if wall_ns is not None:
                self._unaligned.append((wall_ns, message))
            else:
                found.append(message)
        return found + self._aligned()

    def _aligned(self) -> list[ChatMessage]:
        found, waiting = [], []
        for wall_ns, message in self._unaligned:
            t_ns = self._align(wall_ns)
            if t_ns is None:
                waiting.append((wall_ns, message))
            else:
                found.append(_at(message, t_ns))
        self.skipped += max(0, len(waiting) - MAX_UNALIGNED)
        self._unaligned = waiting[-MAX_UNALIGNED:]
        return found


Lines = Callable[[], AsyncGenerator[list[bytes], None]]


def open_chat(
    spec: str,
    *,
    clock: Clock,
    options: IngestOptions,
    follow: bool,
    align: Align,
    origin: Origin,
    allow: tuple[str, ...] = (),
    lookup: Lookup = system_lookup,
) -> ChatReader:
    """`spec` is a path or an http(s) URL. `follow`: the source is live, so a file may grow and a URL is reconnected.

    `align` turns UTC ns into media time; None while it is unknown. Raises BadMedia when a path is no readable file.
    """
    if spec.startswith(("http://", "https://")):
        policy = AddressPolicy.for_source(spec, origin, allow)
        policy.check_url(spec)

        def stream() -> AsyncGenerator[list[bytes], None]:
            http = Http(policy, clock=clock, timeout_s=options.timeout_s, lookup=lookup)
            return _from_url(spec, http, clock, follow=follow)

        return ChatReader(stream, align=align, clock=clock, complete=not follow)
    path = Path(spec)
    if not path.is_file():
        raise BadMedia(f"{path} is no chat file", remedy="Give a file of JSON lines.", code="no_chat")
    return ChatReader(lambda: _from_file(path, clock, follow=follow), align=align, clock=clock, complete=not follow)


def parse_line(line: bytes) -> tuple[int | None, ChatMessage] | None:
    """(UTC ns or None, message) of a line; with a UTC time `t_ns` is not yet set. None: no chat message."""
    if len(line) > MAX_LINE:
        return None
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict):
        return None
    t_s: Any = raw.get("t_s", raw.get("t"))
    wall_ns = _wall_ns(raw.get("wall")) if t_s is None else None
    if (wall_ns is None and not _is_time(t_s)) or not isinstance(raw.get("text", ""), str):
        return None
    kind, emotes, n = raw.get("kind", "msg"), raw.get("emotes"), raw.get("n", 1)
    return wall_ns, ChatMessage(
        t_ns=Ns(0) if wall_ns is not None else ns(float(t_s)),
        user=_hash(raw.get("user")),
        text=_clean(raw.get("text", ""))[:MAX_TEXT],
        emotes=tuple(_clean(e)[:MAX_EMOTE] for e in emotes[:MAX_EMOTES] if isinstance(e, str))
        if isinstance(emotes, list)
        else (),
        kind=kind if isinstance(kind, str) and kind in KINDS else "msg",
        n=min(max(1, n), MAX_N) if isinstance(n, int) and not isinstance(n, bool) else 1,
    )


def _at(message: ChatMessage, t_ns: Ns) -> ChatMessage:
    return ChatMessage(
        t_ns=t_ns, user=message.user, text=message.text, emotes=message.emotes, kind=message.kind, n=message.n
    )


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_T_S


def _wall_ns(value: Any) -> int | None:
    """UTC ns of seconds since 1970 or an ISO time; None when it is neither."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return round(value * NS_PER_S) if math.isfinite(value) and 0 <= value < 1e11 else None
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        date = datetime.fromisoformat(value)
    except ValueError:
        return None
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1_000


def _hash(user: Any) -> str:
    """A name for counting people by; the same in every session, so that a replayed chat counts the same."""
    text = user if isinstance(user, str) else "" if user is None else str(user)[:100]
    return hashlib.blake2s(text[:1000].encode("utf-8", "replace"), digest_size=8, person=b"clipchat").hexdigest()


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


class _Splitter:
    """Bytes to lines, with a limit on how much of an endless line is kept."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, data: bytes) -> list[bytes]:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[: MAX_LINE + 1]
        return [line[: MAX_LINE + 1] for line in lines]

    def finish(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip() else []


async def _from_file(path: Path, clock: Clock, *, follow: bool) -> AsyncGenerator[list[bytes], None]:
    """Groups of lines; a followed file yields an empty group when it has not grown, and starts over when it shrank."""
    with Threads(1) as threads, await threads.run(path.open, "rb") as file:
        splitter = _Splitter()
        while True:
            data = await threads.run(_read, file)
            if data:
                lines = splitter.push(data)
                for start in range(0, len(lines), BATCH):
                    yield lines[start : start + BATCH]
            elif follow:
                yield []
                await clock.sleep(POLL_NS)
            else:
                yield splitter.finish()
                return


def _read(file: BinaryIO) -> bytes:
    if os.fstat(file.fileno()).st_size < file.tell():
        file.seek(0)
    return file.read(READ_BYTES)


async def _from_url(url: str, http: Http, clock: Clock, *, follow: bool) -> AsyncGenerator[list[bytes], None]:
    """Groups of lines as they arrive; a live one is reconnected. Raises SourceRefused at the first try only."""
    delay_ns, tried = NS_PER_S, False
    async with http:
        while True:
            splitter = _Splitter()
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
