"""Reads a session's chat into its buffer, and tells people what was lost of it. Chat is an extra: when it fails it is
missing, and the stream goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

from core.errors import ClipdError
from core.protocols import Clock
from core.times import NS_PER_S
from daemon.ingest import ChatReader
from daemon.worker.chat import ChatBuffer
from telemetry import Metrics

TELL_EVERY_NS: Final = 60 * NS_PER_S  # a flood is told once, and again each minute that it lasts
UNREADABLE: Final = 100  # lines without a single message among them: this is no chat

Warn = Callable[[str, str, str], Awaitable[None]]


class ChatListener:
    """`run` once. `open_reader` may raise ClipdError; `started`: before the first epoch no UTC time can be placed."""

    def __init__(
        self,
        open_reader: Callable[[], ChatReader],
        buffer: ChatBuffer,
        *,
        started: asyncio.Event,
        warn: Warn,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._open_reader = open_reader
        self._buffer = buffer
        self._started = started
        self._warn = warn
        self._metrics = metrics
        self._clock = clock
        self._reader: ChatReader | None = None
        self.read = 0  # messages that came
        self._counted: dict[str, int] = {}  # what the metrics have been told
        self._told: dict[str, tuple[int, int]] = {}  # by code: when the user was told, and the count then

    async def run(self) -> None:
        """Until the chat ends, or fails for good."""
        await self._started.wait()
        failed = False
        try:
            self._reader = self._open_reader()
            async with aclosing(self._reader.batches()) as batches:
                async for batch in batches:
                    self.read += len(batch.messages)
                    self._buffer.add(batch.messages, batch.watermark_ns)
                    await self._account()
        except ClipdError as err:
            failed = True
            await self._warn(err.code, err.what, err.remedy)
        finally:
            self._buffer.close(failed=failed)

    def tally(self) -> dict[str, Any]:
        """What the summary says: messages that were weighed; by reason those that were lost; and `aside` those that are
        no loss, as they were counted already or are from before."""
        given, lost = self._buffer.tally()
        aside = {"before": lost.pop("before", 0)}
        if self._reader is not None:
            aside["repeated"] = self._reader.repeated
            lost["skipped"] = self._reader.skipped - self._reader.unaligned
            lost["unaligned"] = self._reader.unaligned
        return {"messages": given, "lost": _counted(lost), "aside": _counted(aside)}

    async def _account(self) -> None:
        tally = self.tally()
        counts = {"read": self.read, **tally["lost"], **tally["aside"]}
        for reason, count in counts.items():
            new = count - self._counted.get(reason, 0)
            if new:
                self._metrics.chat_messages_total.labels(outcome=reason).inc(new)
        self._counted = counts
        await self._tell_flood(tally["lost"].get("flood", 0))
        if self.read == 0 and tally["lost"].get("skipped", 0) >= UNREADABLE:
            await self._tell_once(
                "chat_unreadable",
                f"The first {tally['lost']['skipped']} lines of the chat are no messages",
                "docs/sources.md says what a line looks like.",
            )
        if tally["lost"].get("unaligned", 0):
            await self._tell_once(
                "chat_unaligned",
                "Chat messages carry UTC times (`wall`), and this source does not know its own",
                "Give the messages their media time as `t_s`.",
            )

    async def _tell_flood(self, count: int) -> None:
        now_ns = self._clock.boottime_ns()
        told_ns, before = self._told.get("chat_flood", (None, 0))
        if count == before or (told_ns is not None and now_ns - told_ns < TELL_EVERY_NS):
            return
        self._told["chat_flood"] = (now_ns, count)
        await self._warn(
            "chat_flood",
            f"The chat is a flood: {count - before:,} messages were dropped unread",
            "Sound, picture and words are watched as ever; the rest of the chat still counts.",
        )

    async def _tell_once(self, code: str, message: str, remedy: str) -> None:
        if code not in self._told:
            self._told[code] = (self._clock.boottime_ns(), 0)
            await self._warn(code, message, remedy)


def _counted(counts: dict[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in sorted(counts.items()) if count}
