"""Reading Twitch's chat: login, breaks, silence, garbage, and what it refuses; against a server on loopback."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from ipaddress import ip_address
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from configs.ingest import IngestOptions
from core.errors import BadMedia, SourceRefused
from core.media import ChatMessage
from core.netpolicy import AddressPolicy
from core.times import NS_PER_S, Ns, ns
from daemon.ingest.chat import ChatReader, open_chat
from daemon.ingest.chat.twitch import MAX_FRAME, Patience, TwitchChat
from daemon.ingest.http import Http
from tests.fakes import FakeClock
from tests.unit.ingest.stage import Origin
from tests.unit.ingest.twitch_server import SENT_MS, Connection, Room, Script, let_in, said, twitch


class Warnings(list[tuple[str, str, str]]):
    """What the user was told."""

    async def warn(self, code: str, message: str, remedy: str) -> None:
        """As Capture.warn."""
        self.append((code, message, remedy))


def align(wall_ns: int) -> Ns:
    """The stream began when the first message could have been sent."""
    return Ns(wall_ns - SENT_MS * 1_000_000)


def reader(url: str, clock: FakeClock, warnings: Warnings, **changes: Any) -> ChatReader:
    options = IngestOptions(timeout_s=30, twitch_chat_url=url)
    known: dict[str, Any] = {"follow": True, "align": align, "origin": "cli", "warn": warnings.warn}
    return open_chat("twitch:somebody", clock=clock, options=options, **(known | changes))


def impatient(room: Room, clock: FakeClock, warnings: Warnings, **patience: float) -> ChatReader:
    """A reader that waits tenths of seconds for what is named."""
    http = Http(AddressPolicy.for_source(room.url, "cli"), clock=clock, timeout_s=30)
    feed = TwitchChat(
        "somebody", room.url, http, clock=clock, warn=warnings.warn, patience=Patience(**patience), rng=random.Random(1)
    )  # fmt: skip
    return ChatReader(feed, align=align, clock=clock, complete=False)


async def hear(chat: ChatReader, count: int) -> list[ChatMessage]:
    """The first messages."""
    found: list[ChatMessage] = []
    async with asyncio.timeout(60), aclosing(chat.batches()) as batches:
        async for batch in batches:
            found += batch.messages
            if len(found) >= count:
                return found
    raise AssertionError("the chat ended")


def saying(*lines: str) -> Script:
    """A script: let the client in, say these lines, and stay."""

    async def script(client: Connection) -> None:
        await let_in(client)
        await client.say(*lines)
        await client.stays()

    return script


@pytest.fixture
def warnings() -> Warnings:
    return Warnings()


async def test_a_chat_is_read_without_an_account_and_put_on_media_time(clock: FakeClock, warnings: Warnings) -> None:
    """Two lines in one frame, placed by the time at which Twitch got them, names as hashes."""
    async with twitch(saying(said("hi", number=1, at_s=1.5), said("gg", number=2, at_s=2))) as room:
        found = await hear(reader(room.url, clock, warnings), 2)
    assert [(m.t_ns, m.text) for m in found] == [(ns(1.5), "hi"), (ns(2), "gg")]
    assert len({m.user for m in found}) == 2
    assert not warnings


async def test_a_ping_is_answered_with_its_own_words(clock: FakeClock, warnings: Warnings) -> None:
    """Or Twitch would close the connection."""

    async def script(client: Connection) -> None:
        await let_in(client)
        await client.say("PING :tmi.twitch.tv")
        await client.until("PONG :tmi.twitch.tv")
        await client.say(said("still here"))
        await client.stays()

    async with twitch(script) as room:
        assert [m.text for m in await hear(reader(room.url, clock, warnings), 1)] == ["still here"]


async def test_a_reconnect_is_followed_and_repeats_nothing(clock: FakeClock, warnings: Warnings) -> None:
    """RECONNECT: what was said in that frame counts; what the next connection says again is known by its id."""
    async with twitch(
        saying(said("a", number=1), ":tmi.twitch.tv RECONNECT"), saying(said("a", number=1), said("b", number=2))
    ) as room:
        found = await hear(reader(room.url, clock, warnings), 2)
        assert len(room.connections) == 2
    assert [m.text for m in found] == ["a", "b"]
    assert not warnings


async def test_a_dropped_connection_is_opened_again_with_growing_pauses(clock: FakeClock, warnings: Warnings) -> None:
    """Each pause up to twice the last, none the same; after four tries in vain the user is told, once."""

    async def drops(client: Connection) -> None:
        await let_in(client)
        client.abort()

    async with twitch(*[drops] * 7, saying(said("back"))) as room:
        found = await hear(reader(room.url, clock, warnings), 1)
    assert [m.text for m in found] == ["back"]
    pauses = [slept / NS_PER_S for slept in clock.slept_ns if slept]
    assert len(pauses) == 7
    assert all(limit / 2 <= pause <= limit for pause, limit in zip(pauses, (1, 2, 4, 8, 16, 32, 60), strict=True))
    assert all(a != b for a, b in pairwise(pauses))
    assert [code for code, _, _ in warnings] == ["chat_unreachable"]


async def test_a_connection_that_lived_begins_the_pauses_anew(clock: FakeClock, warnings: Warnings) -> None:
    """One drop an hour never grows into a minute without chat."""
    dropped = 0

    async def lives(client: Connection) -> None:
        nonlocal dropped
        await let_in(client)
        await client.say("PING :in")
        await client.until("PONG :in")  # so it has joined by its clock
        clock.advance(3600 * NS_PER_S)
        dropped += 1
        client.abort()

    async with twitch(*[lives] * 6, saying(said("x"))) as room:
        await hear(reader(room.url, clock, warnings), 1)
    assert dropped == 6
    assert max(clock.slept_ns) <= NS_PER_S
    assert not warnings


async def test_silence_is_asked_about_and_ends_when_nothing_answers(clock: FakeClock, warnings: Warnings) -> None:
    """A PONG keeps a quiet chat; without one the connection is dead, whatever TCP says."""

    asked_again = asyncio.Event()

    async def answers_once(client: Connection) -> None:
        await let_in(client)
        await client.until("PING :clipd")
        client.heard.clear()
        await client.say(":tmi.twitch.tv PONG tmi.twitch.tv :clipd")
        await client.until("PING :clipd")
        asked_again.set()
        await client.stays()

    async with twitch(answers_once, saying(said("hello"))) as room:
        found = await hear(impatient(room, clock, warnings, silence_s=0.1, answer_s=2), 1)
        assert len(room.connections) == 2
    assert asked_again.is_set()
    assert [m.text for m in found] == ["hello"]


async def test_a_channel_that_lets_nobody_in_is_told_once_and_tried_on(clock: FakeClock, warnings: Warnings) -> None:
    """A name that does not exist gets no answer to its JOIN at all."""

    async def ignores(client: Connection) -> None:
        await client.say(":tmi.twitch.tv 001 you :Welcome, GLHF!")
        await client.stays()

    async with twitch(*[ignores] * 6, saying(said("hello"))) as room:
        await hear(impatient(room, clock, warnings, join_s=0.1), 1)
    [(code, message, remedy)] = warnings
    assert code == "chat_unreachable"
    assert "did not let us into the channel somebody" in message
    assert remedy


async def test_garbage_is_skipped_and_counted(clock: FakeClock, warnings: Warnings) -> None:
    """Lines that are no IRC, bytes that are no UTF-8, a line that is too long; what stands between them counts."""

    async def script(client: Connection) -> None:
        await let_in(client)
        await client.say("{}", "", "\x00", said("one", number=1), said("x" * 20_000, number=2))
        await client.raw(b"\xff\xfe\xfd\r\n" + said("two \xff", number=3).encode("latin-1") + b"\r\n")
        await client.socket.send_bytes(said("three", number=4).encode() + b"\r\n")
        await client.stays()

    async with twitch(script) as room:
        chat = reader(room.url, clock, warnings)
        found = await hear(chat, 3)
        assert len(room.connections) == 1
    assert [m.text for m in found] == ["one", "two \N{REPLACEMENT CHARACTER}", "three"]
    assert chat.skipped == 3


async def test_an_oversized_frame_costs_the_connection_not_the_memory(clock: FakeClock, warnings: Warnings) -> None:
    """It is refused by its announced length, and the chat is joined again."""

    async def huge(client: Connection) -> None:
        await let_in(client)
        await client.raw(b"x" * (MAX_FRAME + 1))
        await client.stays()

    async with twitch(huge, saying(said("fine"))) as room:
        assert [m.text for m in await hear(reader(room.url, clock, warnings), 1)] == ["fine"]
        assert len(room.connections) == 2


@pytest.mark.parametrize("notice", ["msg_channel_suspended", "msg_banned", "tos_ban"])
async def test_a_final_no_is_said_and_not_asked_again(clock: FakeClock, warnings: Warnings, notice: str) -> None:
    """With Twitch's own words, control characters out."""

    async def refuses(client: Connection) -> None:
        await client.until("NICK .*")
        await client.say(f"@msg-id={notice} :tmi.twitch.tv NOTICE #somebody :This channel\x1b has been suspended.")
        await client.stays()

    async with twitch(refuses) as room:
        with pytest.raises(SourceRefused, match="This channel  has been suspended") as refused:
            await hear(reader(room.url, clock, warnings), 1)
        assert len(room.connections) == 1
    assert refused.value.code == "chat_refused"


async def test_what_is_no_chat_server_is_tried_on(clock: FakeClock, warnings: Warnings, origin: Origin) -> None:
    """404, 503 and an answer without a WebSocket: told after a while, tried until stopped."""
    asked = asyncio.Event()

    async def web_page(_request: web.Request) -> web.Response:
        if len(origin.seen) >= 6:
            asked.set()
        return web.Response(status=(200, 404, 503)[len(origin.seen) % 3])

    url = origin.at("/irc", web_page).replace("http", "ws")
    hearing = asyncio.create_task(hear(reader(url, clock, warnings), 1))
    await asyncio.wait_for(asked.wait(), 60)
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    assert [code for code, _, _ in warnings] == ["chat_unreachable"]


async def test_the_address_policy_holds_for_chat_too(clock: FakeClock, warnings: Warnings, origin: Origin) -> None:
    """From the API no private host, by name or number; a redirect is followed by nobody; only ws and wss."""

    async def local(_host: str) -> list[Any]:
        return [ip_address("127.0.0.1")]

    port = origin.url.rsplit(":", 1)[1]
    for url in (f"ws://127.0.0.1:{port}/", f"ws://[::ffff:127.0.0.1]:{port}/", f"ws://rebound.example:{port}/"):
        with pytest.raises(SourceRefused) as refused:
            await hear(reader(url, clock, warnings, origin="api", lookup=local), 1)
        assert refused.value.code == "address_refused"
    assert origin.seen == []
    moved = origin.body("/moved", b"", status=302, Location=f"http://127.0.0.1:{port}/canary").replace("http", "ws", 1)
    with pytest.raises(SourceRefused) as refused:
        await hear(reader(moved, clock, warnings), 1)
    assert refused.value.code == "too_many_redirects"
    assert origin.seen == ["/moved"]
    http = Http(AddressPolicy.for_source("http://x.example", "cli"), clock=clock, timeout_s=30)
    async with http:
        with pytest.raises(SourceRefused):
            async with http.websocket("file:///etc/passwd", max_bytes=10):
                pass


async def test_a_recording_has_no_live_chat(clock: FakeClock, warnings: Warnings) -> None:
    """Its messages would be today's."""
    with pytest.raises(BadMedia) as refused:
        reader("ws://127.0.0.1:1/", clock, warnings, follow=False)
    assert refused.value.code == "chat_is_live"
