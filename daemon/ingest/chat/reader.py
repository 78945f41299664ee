"""Any chat, put on media time. What a chat is, is the Protocol ChatFeed: JSON lines and Twitch are two of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final, NamedTuple, Protocol

from core.media import ChatMessage
from core.protocols import Clock
from core.times import NS_PER_S, Ns
from daemon.ingest.chat.message import Post

MAX_UNALIGNED: Final = 10_000  # messages that wait for the first epoch's wall time
MAX_COMPLETE: Final = 1_000_000  # messages of a recording's chat, which is held whole: 0.4 GB
MAX_A_SECOND: Final = 2_000  # lines of a live chat, 120,000 a minute: 15 us each, so 3 % of one core
SETTLE_NS: Final = 2 * NS_PER_S  # a live line may be this late before the watermark has passed it
END: Final = Ns(2**62)  # watermark of a chat that is complete

Align = Callable[[int], Ns | None]  # UTC ns to media time, None while that is unknown


class ChatFeed(Protocol):
    """One chat, as its platform or file tells it.

    `groups` is used once. It yields messages as they arrive, an empty group when there is nothing to tell; it
    reconnects by itself and ends when the chat is over. It raises SourceError kinds when there is no sense in going on.
    `skipped` counts what came and was no message, `repeated` messages that an earlier connection had told.
    """

    @property
    def skipped(self) -> int: ...
    @property
    def repeated(self) -> int: ...
    def groups(self) -> AsyncGenerator[list[Post], None]: ...


class ChatBatch(NamedTuple):
    """Messages in the order of their lines; `watermark_ns`: nothing before it will follow, None when unknown."""

    messages: list[ChatMessage]
    watermark_ns: Ns | None


class ChatReader:
    """Use `batches` once. `complete`: a recording's chat, of which `most` messages are held.

    `unaligned` counts messages with a UTC time that could not be put on media time.
    """

    def __init__(self, feed: ChatFeed, *, align: Align, clock: Clock, complete: bool, most: int = MAX_COMPLETE) -> None:
        self._feed = feed
        self._align = align
        self._clock = clock
        self._complete = complete
        self._most = most
        self._waiting: list[Post] = []
        self._newest_ns: Ns | None = None
        self._second = (0, 0)  # when the running second began, and how many lines it has had
        self._surplus = 0
        self.unaligned = 0

    @property
    def skipped(self) -> int:
        """What came and was not used: no messages, no time, or too many of them."""
        return self._feed.skipped + self.unaligned + self._surplus

    @property
    def repeated(self) -> int:
        """Messages that came once more."""
        return self._feed.repeated

    async def batches(self) -> AsyncGenerator[ChatBatch, None]:
        """A complete chat is one sorted batch with watermark END; its `align` has to know by then. A live one comes as
        it arrives; a file that is quiet gives empty batches, so that the watermark moves on."""
        async with aclosing(self._feed.groups()) as groups:
            if self._complete:
                yield ChatBatch(await self._whole(groups), END)
                return
            seen = 0
            async for group in groups:
                messages = self._placed(group)
                yield ChatBatch(messages, self._watermark(messages))
                before, seen = seen, self._feed.skipped + self._feed.repeated
                await self._brake(len(group) + seen - before)

    async def _whole(self, groups: AsyncGenerator[list[Post], None]) -> list[ChatMessage]:
        found: list[ChatMessage] = []
        async for group in groups:
            placed = self._placed(group)
            room = self._most - len(found)
            found += placed[:room]
            self._surplus += max(0, len(placed) - room)
        self.unaligned += len(self._waiting)
        return sorted(found, key=lambda message: message.t_ns)

    async def _brake(self, lines: int) -> None:
        """Everybody else's turn; capture's first of all. A flood waits at the sender's, not here: chat never takes more
        of the processor than MAX_A_SECOND lines."""
        now_ns = self._clock.boottime_ns()
        began_ns, count = self._second
        if now_ns - began_ns >= NS_PER_S:
            began_ns, count = now_ns, 0
        self._second = (began_ns, count + lines)
        ahead = count + lines > MAX_A_SECOND
        due_ns = began_ns + (count + lines) * NS_PER_S // MAX_A_SECOND
        await self._clock.sleep(max(0, due_ns - now_ns) if ahead else 0)

    def _watermark(self, messages: list[ChatMessage]) -> Ns | None:
        newest = max((message.t_ns for message in messages), default=None)
        if newest is not None:
            self._newest_ns = newest if self._newest_ns is None else max(self._newest_ns, newest)
        now_ns = self._align(self._clock.wall_ns())
        known = [t_ns for t_ns in (self._newest_ns, now_ns) if t_ns is not None]
        return Ns(max(0, max(known) - SETTLE_NS)) if known else None

    def _placed(self, group: list[Post]) -> list[ChatMessage]:
        found = []
        for post in group:
            if post.wall_ns is None:
                found.append(post.message)
            else:
                self._waiting.append(post)
        return found + self._aligned()

    def _aligned(self) -> list[ChatMessage]:
        found, waiting = [], []
        for post in self._waiting:
            t_ns = None if post.wall_ns is None else self._align(post.wall_ns)
            if t_ns is None:
                waiting.append(post)
            else:
                found.append(post.at(t_ns))
        self.unaligned += max(0, len(waiting) - MAX_UNALIGNED)
        self._waiting = waiting[-MAX_UNALIGNED:]
        return found
