"""Chat as JSON lines, from a file, a growing file and a URL."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from configs.ingest import IngestOptions
from core.errors import BadMedia, SourceRefused
from core.media import ChatMessage
from core.times import NS_PER_S, Ns, ns
from daemon.ingest.chat import END, ChatReader, Post, open_chat
from daemon.ingest.chat.jsonl import JsonLines, file_lines
from daemon.ingest.chat.lines import parse_line
from tests.fakes import FakeClock
from tests.media import media
from tests.unit.ingest.stage import Origin


def no_wall(_wall_ns: int) -> Ns | None:
    return None


async def no_warning(code: str, _message: str, _remedy: str) -> None:
    raise AssertionError(code)


def reader(
    spec: str | Path, clock: FakeClock, *, follow: bool = False, align: Callable[[int], Ns | None] = no_wall
) -> ChatReader:
    options = IngestOptions(timeout_s=30)
    return open_chat(
        str(spec), clock=clock, options=options, follow=follow, align=align, origin="cli", warn=no_warning
    )  # fmt: skip


async def everything(chat: ChatReader) -> list[ChatMessage]:
    return [message for batch in [b async for b in chat.batches()] for message in batch.messages]


def parsed(**fields: object) -> ChatMessage:
    found = parse_line(json.dumps({"t_s": 1, **fields}).encode())
    assert found is not None
    return found[1]


def test_a_line_has_all_its_parts() -> None:
    """Time, a hash for the name, text, emotes, kind and size."""
    line = '{"t_s": 12.5, "user": "Ann", "text": "gg", "emotes": ["Kappa"], "kind": "raid", "n": 30}'
    found = parse_line(line.encode())
    assert found is not None
    assert found[0] is None
    message = found[1]
    assert (message.t_ns, message.text, message.emotes, message.kind, message.n) == (
        ns(12.5),
        "gg",
        ("Kappa",),
        "raid",
        30,
    )
    assert message.user != "Ann"
    assert message.user == parsed(user="Ann").user != parsed(user="ann").user


def test_t_is_an_alias_and_wall_may_be_a_number_or_a_date() -> None:
    """`t` for `t_s`; UTC seconds or ISO 8601 are told to the caller."""
    assert parse_line(b'{"t": 3}') is not None
    texts = ('"2023-11-14T22:13:20Z"', '"2023-11-14T23:13:20+01:00"', '"2023-11-14T22:13:20"', "1700000000")
    walls = [parse_line(f'{{"wall": {text}}}'.encode()) for text in texts]
    assert [found[0] for found in walls if found] == [1_700_000_000 * NS_PER_S] * 4


HOSTILE = (
    b"", b"x", b"[]", b"1", b"{}", b'{"t_s": null}', b'{"t_s": -1}', b'{"t_s": "1"}', b'{"t_s": true}', b'{"t_s": NaN}',
    b'{"t_s": 1e400}', b'{"wall": "yesterday"}', b'{"wall": -5}', b'{"t_s": 1, "text": 5}', b"[" * 100_000,
    b'{"t_s": 1, "text": "' + b"x" * 20_000 + b'"}', b'{"t_s": ' + b"9" * 5_000 + b"}", b"\xff\xfe",
)  # fmt: skip
VALUES = st.recursive(st.none() | st.floats() | st.text(), st.lists)


@pytest.mark.parametrize("line", HOSTILE)
def test_hostile_lines_are_no_messages(line: bytes) -> None:
    """Nothing a stranger writes raises or gets through."""
    assert parse_line(line) is None


def test_what_gets_through_is_small_and_printable() -> None:
    """Long texts are cut, control characters become spaces, sizes and kinds are held to what exists."""
    message = parsed(text="a\x1b[31m\x00" + "b" * 900, emotes=["e" * 100, 5, *["x"] * 80], kind="evil", n=10**12)
    assert len(message.text) == 500
    assert message.text.startswith("a [31m b")
    assert (len(message.emotes), len(message.emotes[0])) == (49, 64)
    assert (message.kind, message.n) == ("msg", 1_000_000)
    assert parsed(n=-5).n == 1
    assert parsed(n="7", emotes="x", user={"a": 1}).n == 1


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_no_line_crashes(line: bytes) -> None:
    """Any bytes are a message or nothing."""
    found = parse_line(line)
    assert found is None or found[1].t_ns >= 0


async def test_a_file_is_read_whole_and_sorted(tmp_path: Path, clock: FakeClock) -> None:
    """One batch, in order of time, complete; lines that are none are counted, empty ones are not."""
    path = tmp_path / "chat.jsonl"
    path.write_text('{"t_s": 5, "text": "b"}\n\nnonsense\n{"t_s": 2, "text": "a"}\n{"t_s": 9, "text": "c"}')
    chat = reader(path, clock)
    [batch] = [b async for b in chat.batches()]
    assert [m.text for m in batch.messages] == ["a", "b", "c"]
    assert batch.watermark_ns == END
    assert chat.skipped == 1


async def test_a_real_chat_is_read_completely(clock: FakeClock) -> None:
    """3,090 messages of 48.7 minutes."""
    [path] = sorted(media("fx-chat").glob("*.jsonl"))
    chat = reader(path, clock)
    messages = await everything(chat)
    assert (len(messages), chat.skipped) == (3_090, 0)
    assert messages[-1].t_ns < ns(49 * 60)


async def test_a_growing_file_is_followed(tmp_path: Path, clock: FakeClock) -> None:
    """What is appended comes, half a line only when it is whole; a file that was rewritten starts over."""
    path = tmp_path / "chat.jsonl"
    path.write_text('{"t_s": 1, "text": "a"}\n{"t_s": 2, ')
    seen: list[str] = []
    count = 0
    async for batch in reader(path, clock, follow=True).batches():
        seen += [m.text for m in batch.messages]
        count += not batch.messages
        if count == 1 and len(seen) == 1:
            _append(path, '"text": "b"}\n')
        if count == 3:
            path.write_text('{"t_s": 9, "text": "c"}\n')
        if seen == ["a", "b", "c"]:
            break
    assert seen == ["a", "b", "c"]


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def test_wall_times_wait_until_they_can_be_aligned(tmp_path: Path, clock: FakeClock) -> None:
    """Chat that comes before the first packet is held, then placed; the watermark follows the clock."""
    path = tmp_path / "chat.jsonl"
    start_ns = clock.wall_ns()
    path.write_text(json.dumps({"wall": start_ns / 1e9 + 3, "text": "hi"}) + "\n")
    known: list[int] = []

    def align(wall_ns: int) -> Ns | None:
        return Ns(wall_ns - known[0]) if known else None

    async for batch in reader(path, clock, follow=True, align=align).batches():
        if batch.messages:
            assert batch.messages[0].t_ns == pytest.approx(ns(3), abs=1000)
            assert batch.watermark_ns is not None
            break
        if not known:
            assert batch.watermark_ns is None
            known.append(start_ns)


async def test_a_chat_that_cannot_be_aligned_is_counted(tmp_path: Path, clock: FakeClock) -> None:
    """A replay without wall times has no place for them."""
    path = tmp_path / "chat.jsonl"
    path.write_text('{"wall": 1700000000, "text": "hi"}\n')
    chat = reader(path, clock)
    assert await everything(chat) == []
    assert chat.skipped == 1


async def test_chat_streams_from_a_url_and_comes_back_after_a_break(origin: Origin, clock: FakeClock) -> None:
    """A live chat's connection may end: it is opened again, and what was said counts once it arrives."""
    parts = [b'{"t_s": 1, "text": "a"}\n{"t_s": 2, "te', b'{"t_s": 3, "text": "c"}\n']

    async def chat(request: web.Request) -> web.StreamResponse:
        if not parts:
            return web.Response(status=503)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(parts.pop(0))
        return response

    url, seen = origin.at("/chat.jsonl", chat), []
    found = reader(url, clock, follow=True)
    async for batch in found.batches():
        seen += [m.text for m in batch.messages]
        if seen == ["a", "c"]:
            break
    assert found.skipped == 1


async def test_a_chat_that_is_not_there_is_said(origin: Origin, clock: FakeClock, tmp_path: Path) -> None:
    """404 at the first try, a missing file, a private host that nobody typed."""
    with pytest.raises(SourceRefused):
        await everything(reader(origin.url + "/none", clock, follow=True))
    with pytest.raises(BadMedia):
        reader(tmp_path / "none.jsonl", clock)
    with pytest.raises(SourceRefused):
        open_chat(
            "http://127.0.0.1/x", clock=clock, options=IngestOptions(), follow=True, align=no_wall, origin="api",
            warn=no_warning,
        )  # fmt: skip


async def test_a_chat_file_that_cannot_be_read_is_said(tmp_path: Path, clock: FakeClock) -> None:
    """It was there when the session began."""
    path = tmp_path / "chat.jsonl"
    path.touch()
    chat = reader(path, clock)
    path.unlink()
    with pytest.raises(BadMedia) as failed:
        await everything(chat)
    assert failed.value.code == "no_chat"


async def test_an_endless_line_is_not_kept(tmp_path: Path, clock: FakeClock) -> None:
    """A megabyte without a line break costs one skipped line, not a megabyte."""
    path = tmp_path / "chat.jsonl"
    path.write_bytes(b"x" * 1_000_000 + b'\n{"t_s": 1, "text": "ok"}\n')
    chat = reader(path, clock)
    assert [m.text for m in await everything(chat)] == ["ok"]
    assert chat.skipped == 1


async def test_a_recordings_chat_is_held_up_to_a_limit(tmp_path: Path, clock: FakeClock) -> None:
    """It has to be sorted, so it is held whole; what is beyond the limit is counted."""
    path = tmp_path / "chat.jsonl"
    path.write_text("".join(f'{{"t_s": {n}}}\n' for n in range(9)))
    feed = JsonLines(lambda repeats: file_lines(path, clock, repeats, follow=False))
    chat = ChatReader(feed, align=no_wall, clock=clock, complete=True, most=5)
    assert [m.t_ns for m in await everything(chat)] == [ns(n) for n in range(5)]
    assert chat.skipped == 4


async def test_anything_that_yields_posts_is_a_chat(clock: FakeClock) -> None:
    """The Protocol: groups of messages, with media time or UTC, and a count of what was none."""

    class Own:
        skipped, repeated = 3, 0

        async def groups(self) -> AsyncGenerator[list[Post], None]:
            yield [Post(None, ChatMessage(t_ns=ns(2), user="", text="b"))]
            yield [Post(1_700_000_001 * NS_PER_S, ChatMessage(t_ns=Ns(0), user="", text="a"))]

    chat = ChatReader(
        Own(), align=lambda wall_ns: Ns(wall_ns - 1_700_000_000 * NS_PER_S), clock=clock, complete=True
    )  # fmt: skip
    assert [(m.t_ns, m.text) for m in await everything(chat)] == [(ns(1), "a"), (ns(2), "b")]
    assert chat.skipped == 3
