"""What a chat says again counts once, and a chat that has ended is not asked again and again."""

from __future__ import annotations

import json
import os
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from configs.ingest import IngestOptions
from core.media import ChatMessage
from core.times import NS_PER_S, ns, to_s
from daemon.ingest.chat import ChatReader, Post, open_chat
from daemon.ingest.chat.lines import parse_line
from daemon.ingest.chat.repeats import REMEMBERED, Repeats
from tests.fakes import FakeClock
from tests.unit.ingest.stage import Origin


def said(t_s: float, text: str = "gg", known: str = "", user: str = "u") -> Post:
    return Post(None, ChatMessage(t_ns=ns(t_s), user=user, text=text), known)


def line(t_s: float, **fields: object) -> bytes:
    return json.dumps({"t_s": t_s, "user": "u", **fields}).encode() + b"\n"


async def no_warning(code: str, _message: str, _remedy: str) -> None:
    raise AssertionError(code)


def live(spec: str | Path, clock: FakeClock) -> ChatReader:
    options = IngestOptions(timeout_s=30)
    return open_chat(
        str(spec), clock=clock, options=options, follow=True, align=lambda _wall_ns: None, origin="cli", warn=no_warning
    )  # fmt: skip


# -- which messages are the same


def test_what_an_earlier_connection_told_is_known() -> None:
    """By time, sender and text together."""
    repeats = Repeats()
    assert repeats.is_new(said(1))
    repeats.anew()
    assert not repeats.is_new(said(1))
    assert all(repeats.is_new(other) for other in (said(2), said(1, "wp"), said(1, user="v")))
    assert (repeats.taken, repeats.repeated) == (4, 1)


def test_the_same_said_twice_in_a_second_is_two_messages() -> None:
    """Times of whole seconds are common; what a connection tells oftener than the one before it is new."""
    repeats = Repeats()
    assert [repeats.is_new(said(1)) for _ in range(2)] == [True, True]
    repeats.anew()
    assert [repeats.is_new(said(1)) for _ in range(3)] == [False, False, True]


def test_an_id_is_said_once_on_any_connection() -> None:
    """Whatever else changed in the message: an emote was added, a clock was set."""
    repeats = Repeats()
    assert repeats.is_new(said(1, known="a"))
    assert not repeats.is_new(said(5, "other", known="a"))
    repeats.anew()
    assert not repeats.is_new_id("a")
    assert repeats.is_new_id("")
    assert repeats.is_new_id("")


def test_memory_is_bounded_and_the_newest_stay() -> None:
    """The last REMEMBERED are known however many there were; at most twice as many are held."""
    repeats = Repeats(limit=100)
    for second in range(10_000):
        assert repeats.is_new(said(second))
    repeats.anew()
    assert not any(repeats.is_new(said(second)) for second in range(9_900, 10_000))
    assert repeats.is_new(said(0))
    assert REMEMBERED >= 2 * 10_000  # two minutes of 10,000 a minute


def test_a_message_that_was_told_costs_a_few_bytes() -> None:
    """A chat of two messages a second adds to what is remembered for five hours. What is told several times over,
    without an id, is counted all the same."""
    repeats, limit = Repeats(limit=2_000), 2_000
    tracemalloc.start()
    try:
        for second in range(2 * limit - 1):
            repeats.is_new(said(second))
            if second == limit // 2:
                repeats.anew()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert repeats.taken == 2 * limit - 1
    assert taken < 30 * 2 * limit  # twice: ever, and on this connection
    newest = said(2 * limit - 2)
    assert [repeats.is_new(newest) for _ in range(3)] == [True, True, True]
    repeats.anew()
    assert [repeats.is_new(newest) for _ in range(5)] == [False, False, False, False, True]


# -- chats that begin anew


async def test_a_feed_that_tells_all_again_counts_once(origin: Origin, clock: FakeClock) -> None:
    """The whole history at each connection, as a page behind it would send: the new lines come through, the rest is
    `repeated` and no loss."""
    history = [line(1), line(2, id="x"), line(2)]

    async def chat(_request: web.Request) -> web.Response:
        body = b"".join(history)
        history.append(line(10 * len(history)))
        return web.Response(body=body)

    found, seen = live(origin.at("/chat", chat), clock), []
    async for batch in found.batches():
        seen += [to_s(message.t_ns) for message in batch.messages]
        if len(seen) == 6:
            break
    assert seen == [1, 2, 2, 30, 40, 50]
    assert (found.repeated, found.skipped) == (3 + 4 + 5, 0)


async def test_a_feed_that_has_ended_is_asked_ever_less(origin: Origin, clock: FakeClock) -> None:
    """A finished file on a web server: 1, 2, 4 ... 30 s between two looks, and not a byte of it again while its ETag
    stays; once it has grown, 1 s again."""
    body, asked = [line(1)], []

    async def chat(request: web.Request) -> web.Response:
        asked.append(clock.boottime_ns())
        if len(asked) in (8, 9):
            body.append(line(len(asked)))
        etag = f'"{len(body)}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        return web.Response(body=b"".join(body), headers={"ETag": etag})

    found, seen = live(origin.at("/chat.jsonl", chat), clock), []
    async for batch in found.batches():
        seen += [to_s(message.t_ns) for message in batch.messages]
        if len(seen) == 3:
            break
    waits = [round((b - a) / NS_PER_S) for a, b in pairwise(asked)]
    assert waits == [1, 2, 4, 8, 16, 30, 30, 1]
    assert seen == [1, 8, 9]
    assert found.repeated == 1 + 2  # of the two whole answers after the first


async def test_a_file_that_was_replaced_is_followed_by_its_name(tmp_path: Path, clock: FakeClock) -> None:
    """Log rotation, and programs that write a new file and rename it: what is new in it comes, the rest is known."""
    path = tmp_path / "chat.jsonl"
    path.write_bytes(line(1) + line(2).rstrip())
    found, seen, quiet = live(path, clock), [], 0
    async for batch in found.batches():
        seen += [to_s(message.t_ns) for message in batch.messages]
        quiet += not batch.messages
        if quiet == 2:
            (tmp_path / "next").write_bytes(line(2) + line(3))
            os.replace(tmp_path / "next", path)
        if 3.0 in seen:
            break
    assert seen == [1, 2, 3]
    assert found.repeated == 1


async def test_a_file_that_was_cut_short_loses_its_half_line(tmp_path: Path, clock: FakeClock) -> None:
    """What was written of a line before the file was begun anew does not spoil the first line after it."""
    path = tmp_path / "chat.jsonl"
    path.write_bytes(line(1) + b'{"t_s": 2, "text": "' + b"x" * 100)
    found, seen, quiet = live(path, clock), [], 0
    async for batch in found.batches():
        seen += [to_s(message.t_ns) for message in batch.messages]
        quiet += not batch.messages
        if quiet == 2:
            path.write_bytes(line(7))
        if 7.0 in seen:
            break
    assert seen == [1, 7]
    assert found.skipped == 1  # the half line


@pytest.mark.parametrize("known", [7, "7"])
def test_ids_are_text_or_numbers(known: int | str) -> None:
    """Platforms have both; nothing else is one."""
    found, none = parse_line(line(1, id=known)), parse_line(line(1, id=["x"] * 9))
    assert found is not None
    assert none is not None
    assert (found.id, none.id) == ("7", "")
    assert found.message == none.message
