"""Chat stays on media time when its stream breaks: a live HLS stream that is away for 30 s, and Twitch beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest
from aiohttp import web

from core.media import ChatMessage, Packet
from core.times import NS_PER_S, ns, to_s
from daemon.ingest import open_chat
from daemon.worker.alignment import MediaTime
from tests.fakes import FakeClock, RecordingSink
from tests.unit.ingest.hls_watch import END, HEAD, Watch, stamp
from tests.unit.ingest.twitch_server import Connection, let_in, said, twitch

SAID_S = (0.5, 1.5, 20.0, 32.5, 33.5)  # on the stream's own clock: before its outage of 2-32 s, in it, and after it


def playlist(*, dates: bool, back: bool) -> str:
    """Two seconds from 0 s; when it is back, two more from 32 s, told by dates or by an encoder that begins anew."""
    date = "#EXT-X-PROGRAM-DATE-TIME:{}\n" if dates else ""
    first = f"#EXT-X-MEDIA-SEQUENCE:900\n{date.format(stamp(0))}#EXTINF:2,\n/s/i0.ts\n"
    second = f"{date.format(stamp(32))}#EXTINF:2,\n/s/i0.ts\n{END}"
    if not back:
        return HEAD + first
    return HEAD + (f"{first}#EXT-X-DISCONTINUITY\n{second}" if dates else f"#EXT-X-MEDIA-SEQUENCE:0\n{second}")


@pytest.mark.parametrize("dates", [True, False], ids=["by the playlist's dates", "by this machine's clock"])
async def test_a_stream_that_was_away_for_30_s_keeps_its_chat(watch: Watch, clock: FakeClock, dates: bool) -> None:
    """What was said lies where it was said, also in the gap and in the new epoch. Without dates the arrival of the
    media is all that is known: its error is below a segment's length."""
    asked, delivered = 0, asyncio.Event()

    class Sink(RecordingSink):
        async def write(self, packets: Sequence[Packet]) -> None:
            await super().write(packets)
            delivered.set()

    watch.sink = Sink()

    async def handler(_request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked == 3:  # the source's third look; what it saw before has to be there by then, its clock is no real one
            await delivered.wait()
            clock.advance(30 * NS_PER_S)
        return web.Response(text=playlist(dates=dates, back=asked >= 3))

    watch.origin.at("/i.m3u8", handler)
    await watch.run()
    first, second = watch.sink.epochs
    assert second.start_ns == pytest.approx(ns(32), abs=ns(2.5))
    media_time = MediaTime([first, second])

    async def script(client: Connection) -> None:
        await let_in(client)
        offset_s = 0.0 if dates else -2.0  # without dates the first segment is taken to end when it arrives
        await client.say(*(said("x", number=n, at_s=at_s + offset_s) for n, at_s in enumerate(SAID_S)))
        await client.stays()

    async with twitch(script) as room:
        options = watch.options.model_copy(update={"twitch_chat_url": room.url})
        chat = open_chat(
            "twitch:somebody", clock=clock, options=options, follow=True, align=media_time, origin="cli",
            warn=watch.sink.warn,
        )  # fmt: skip
        placed: list[ChatMessage] = []
        async with asyncio.timeout(60), aclosing(chat.batches()) as batches:
            while len(placed) < len(SAID_S):
                placed += (await anext(batches)).messages
    assert [to_s(m.t_ns) for m in placed] == pytest.approx(SAID_S, abs=0.05 if dates else 2.5)
