"""From the socket to analysis: what a flood costs, and what people are told about a chat."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from configs.ingest import IngestOptions
from core.times import NS_PER_S, Ns, ns
from daemon.ingest import ChatReader, open_chat
from daemon.worker.chat import ChatBuffer
from daemon.worker.listener import ChatListener
from telemetry import Metrics
from tests.fakes import FakeClock
from tests.unit.ingest.twitch_server import SENT_MS, Connection, Script, let_in, said, twitch

FRAME = 20  # lines that Twitch puts into one frame when it is busy


def frames_of(lines: list[str]) -> Script:
    """A server that says all this at once."""

    async def script(client: Connection) -> None:
        await let_in(client)
        for n in range(0, len(lines), FRAME):
            await client.say(*lines[n : n + FRAME])
        await client.stays()

    return script


class Listening:
    """A listener with everything it tells."""

    def __init__(
        self,
        chat: str,
        *,
        url: str = "",
        follow: bool = True,
        limit: int = 50_000,
        align: Callable[[int], Ns | None] | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.buffer = ChatBuffer(waits=not follow, limit=limit)
        self.metrics = Metrics()
        self.warnings: list[tuple[str, str]] = []
        self.started = asyncio.Event()
        self.started.set()
        self._open = (chat, url, follow, align or (lambda wall_ns: Ns(wall_ns - SENT_MS * 1_000_000)))
        self.listener = ChatListener(
            self._reader, self.buffer, started=self.started, warn=self.warn, metrics=self.metrics, clock=self.clock
        )  # fmt: skip

    async def run_until(self, count: int, *, between: Callable[[], object] = lambda: None) -> None:
        """Listen until so many messages came; `between` is what else the event loop has to do."""
        reading = asyncio.create_task(self.listener.run())
        async with asyncio.timeout(120):
            while self.listener.read < count and not reading.done():
                between()
                await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    def _reader(self) -> ChatReader:
        chat, url, follow, align = self._open
        options = IngestOptions(timeout_s=30, **({"twitch_chat_url": url} if url else {}))
        return open_chat(
            chat, clock=self.clock, options=options, follow=follow, align=align, origin="cli", warn=self.warn
        )  # fmt: skip

    async def warn(self, code: str, message: str, remedy: str) -> None:
        """As Capture.warn."""
        assert remedy
        self.warnings.append((code, message))


async def test_a_flood_costs_bounded_memory_and_never_the_others_turn() -> None:
    """8,000 messages while analysis stands still and 5,000 may wait: the rest is counted and said with a reason, and
    between any two turns of capture no more than one frame is read."""
    lines = [said("gg wp", number=n, at_s=n / 1000) for n in range(8_000)]
    turns: list[int] = []

    async with twitch(frames_of(lines)) as room:
        one = Listening("twitch:somebody", url=room.url, limit=5_000)
        await one.run_until(len(lines), between=lambda: turns.append(one.listener.read))
    assert one.listener.tally() == {"messages": 0, "lost": {"flood": 3_000}, "aside": {}}
    assert max(b - a for a, b in pairwise(turns)) <= FRAME
    assert [code for code, _ in one.warnings] == ["chat_flood"]
    assert "dropped" in one.warnings[0][1]
    assert len(one.buffer.until(ns(60))) == 5_000


async def test_a_flood_that_lasts_is_said_once_a_minute() -> None:
    """Each time with what was dropped since; the total stands in the summary."""
    lines = [said("gg wp", number=n) for n in range(12_000)]

    async with twitch(frames_of(lines)) as room:
        one = Listening("twitch:somebody", url=room.url, limit=100)
        await one.run_until(len(lines), between=lambda: one.clock.advance(NS_PER_S))
    minutes = (one.clock.boottime_ns() - FakeClock().boottime_ns()) / 60e9
    assert 2 <= len(one.warnings) <= minutes + 1
    assert {code for code, _ in one.warnings} == {"chat_flood"}
    assert one.listener.tally()["lost"] == {"flood": 11_900}


async def test_a_busy_chat_is_read_whole_at_its_own_pace() -> None:
    """10,000 messages in a minute, analysis running: every one is weighed, nothing is said."""
    lines = [said("gg wp", number=n, at_s=n * 60 / 10_000) for n in range(10_000)]
    async with twitch(frames_of(lines)) as room:
        one = Listening("twitch:somebody", url=room.url)
        await one.run_until(len(lines))
    for step in range(1, 122):
        one.buffer.until(ns(step / 2))
    assert one.listener.tally() == {"messages": 10_000, "lost": {}, "aside": {}}
    assert one.warnings == []
    assert one.metrics.snapshot()['clipd_chat_messages_total{outcome="read"}'] == 10_000
    assert sum(one.clock.slept_ns) >= 4 * NS_PER_S  # two thousand a second: the rest waited at the sender's


async def test_a_chat_without_a_message_in_it_is_said(tmp_path: Path) -> None:
    """A hundred lines that are none: the file is another one than meant."""
    path = tmp_path / "chat.jsonl"
    path.write_text("a,b,c\n" * 150)
    one = Listening(str(path), follow=False)
    await one.listener.run()
    assert [code for code, _ in one.warnings] == ["chat_unreadable"]
    assert one.listener.tally()["lost"] == {"skipped": 150}
    assert one.metrics.snapshot()['clipd_chat_messages_total{outcome="skipped"}'] == 150


async def test_utc_times_in_a_recording_are_said(tmp_path: Path) -> None:
    """A file does not know when it was made, so such lines have no place in it."""
    path = tmp_path / "chat.jsonl"
    path.write_text("".join(json.dumps({"wall": 1_700_000_000 + n, "text": "hi"}) + "\n" for n in range(3)))
    one = Listening(str(path), follow=False, align=lambda _wall_ns: None)
    await one.listener.run()
    assert [code for code, _ in one.warnings] == ["chat_unaligned"]
    assert one.listener.tally()["lost"] == {"unaligned": 3}


@pytest.mark.parametrize("follow", [True, False], ids=["live", "replay"])
async def test_a_chat_that_cannot_be_opened_is_missing_not_silent(follow: bool) -> None:
    """The warning carries the reason; the buffer is closed, so analysis neither waits for it nor counts its silence."""
    one = Listening("/nowhere/chat.jsonl", follow=follow)
    await one.listener.run()
    assert [code for code, _ in one.warnings] == ["no_chat"]
    assert one.buffer.until(ns(5)) == []
    assert not one.buffer.available()


async def test_a_chat_that_is_over_is_silent_not_missing(tmp_path: Path) -> None:
    """A recording's chat file has said all it knows, and after its last line nobody wrote."""
    path = tmp_path / "chat.jsonl"
    path.write_text('{"t_s": 1, "text": "gg"}\n')
    one = Listening(str(path), follow=False)
    await one.listener.run()
    assert [m.text for m in one.buffer.until(ns(5))] == ["gg"]
    assert one.buffer.available()
