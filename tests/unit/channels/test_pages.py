"""Asking a page in a child process: what it may reach, how long it may take, and what of its answer is believed."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from core.netpolicy import AddressPolicy
from supervisor.channels import is_page
from supervisor.channels.answers import Answer
from supervisor.channels.pages import ENVIRONMENT, ask_child, ask_page, child_command
from supervisor.channels.wire import Ask, decode_answer, decode_ask, encode_answer, encode_ask
from tests.unit.channels import fenced

TYPED = AddressPolicy(origin="cli", typed_host="127.0.0.1")
STRANGER = AddressPolicy(origin="api")
MASTER = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=16x16,CODECS="avc1.4D401F"\nv.m3u8\n'


async def said_by(code: str, *, timeout_s: float = 5) -> Answer:
    """What a child that runs `code` makes us believe."""
    return await ask_child([sys.executable, "-I", "-c", code], "https://page.example/x", STRANGER, timeout_s)


def test_known_pages_are_told_from_plain_urls() -> None:
    """streamlink's plugins for platforms count, its generic ones don't."""
    assert is_page("https://www.twitch.tv/somebody")
    assert is_page("https://www.youtube.com/@somebody/live")
    assert not is_page("https://example.com/live.m3u8")
    assert not is_page("https://example.com/live.mpd")
    assert not is_page("https://example.com/")


async def master(_request: web.Request) -> web.Response:
    return web.Response(text=MASTER, content_type="application/vnd.apple.mpegurl")


def origin() -> TestServer:
    app = web.Application()
    app.router.add_get("/live.m3u8", master)
    return TestServer(app, host="127.0.0.1")


async def test_the_real_child_finds_a_playlist() -> None:
    """A process, streamlink, sockets, and back."""
    async with origin() as server:
        url = str(server.make_url("/live.m3u8"))
        found = await ask_page(url, TYPED, 10)
    assert (found.code, found.url) == ("live", url)
    assert "User-Agent" in found.headers


async def test_the_real_child_is_held_to_the_policy() -> None:
    """The same page for somebody who did not type it: no connection is made."""
    seen: list[str] = []

    async def canary(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/{any:.*}", canary)
    async with TestServer(app, host="127.0.0.1") as server:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "127.1"):
            found = await ask_page(f"http://{host}:{server.port}/live.m3u8", STRANGER, 10)
            assert found.code == "address_refused", host
    assert seen == []


async def test_the_fence(tmp_path: Path) -> None:
    """Typed was localhost: it may be reached by that name, and nothing else may be done."""
    async with origin() as server:
        command = [sys.executable, "-P", fenced.__file__, str(server.port), str(tmp_path / "file")]
        child = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1, stderr=-1, env=dict(ENVIRONMENT))
        policy = AddressPolicy(origin="cli", typed_host="localhost")
        out, err = await child.communicate(
            encode_ask(Ask(url="http://localhost/", policy=policy, timeout_s=1, deadline_s=20))
        )
    found = json.loads(out or json.dumps(err.decode()))
    assert found == {
        "by_name": "done",
        "by_address": "SourceRefused",
        "by_mapped_address": "SourceRefused",
        "without_lookup": "done",  # the address that the name was found at, and that had passed
        "metadata": "SourceRefused",
        "datagram": "SourceRefused",
        "unix": "PermissionError",
        "program": "PermissionError",
        "shell": "PermissionError",
        "fork": "PermissionError",
        "file": "OSError",
        "memory": "MemoryError",
        "refused": "address_refused",
    }


async def test_a_child_that_hangs_is_killed() -> None:
    """By its deadline; the answer is that there is none."""
    found = await said_by("import time; time.sleep(600)", timeout_s=0.01)
    assert found.code == "unreachable"


async def test_a_child_ends_itself_when_nobody_waits() -> None:
    """The deadline is its own alarm too."""
    code = (
        "from supervisor.channels.guard import Guard; from core.netpolicy import AddressPolicy\n"
        "Guard(AddressPolicy(origin='api')).enter(0.05)\nwhile True: pass"
    )
    child = await asyncio.create_subprocess_exec(*child_command("x")[:3], "-c", code, env=dict(ENVIRONMENT))
    assert await child.wait() == -14


@pytest.mark.parametrize(
    "code",
    [
        "print('[]')",
        "print('not json')",
        "import sys; sys.exit(3)",
        "raise SystemError('plugin')",
        "while True: print('x' * 65536)",
        """print('{"code": "live", "url": "file:///etc/passwd"}')""",
        """print('{"code": "live", "url": ""}')""",
        """print('{"code": "owned"}')""",
        "print('[' * 60000)",
        """print('{"code": "offline", "retry_after_s": 1' + '0' * 9000 + '}')""",
        """print('{"code": "live", "url": "https://x.example/' + 'a' * 9000 + '"}')""",
        """print('{"code": "live", "url": "https://x.example/a b"}')""",
    ],
)
async def test_a_bad_answer_is_no_answer(code: str) -> None:
    """Whatever a page made of the child, it is "unreachable", and asked again later."""
    found = await said_by(code)
    assert (found.code, found.url) == ("unreachable", "")


async def test_a_refused_url_starts_no_child() -> None:
    """A scheme that is not fetched."""
    found = await ask_child(["/nonexistent"], "file:///etc/passwd", STRANGER, 5)
    assert found.code == "address_refused"


def test_headers_are_few_and_hold_no_line_breaks() -> None:
    """They go into requests."""
    sent = {"code": "live", "url": "https://x.example/", "headers": {
        "referer": "https://x.example/", "User-Agent": "a\r\nHost: b", "Cookie": "c" * 9999, "Authorization": "t"
    }}  # fmt: skip
    assert decode_answer(json.dumps(sent).encode()).headers == {"Referer": "https://x.example/"}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(
    st.sampled_from(["code", "url", "message", "headers", "retry_after_s", "x"]), inner)))  # fmt: skip
def test_any_document_is_an_answer_or_a_value_error(document: object) -> None:
    """Nothing else comes out of the door."""
    try:
        found = decode_answer(json.dumps(document).encode())
    except ValueError:
        return
    assert decode_answer(encode_answer(found)) == found


@pytest.mark.parametrize(("value", "pause_s"), [(5, 5), (-1, 0), (1e9, 3600), ("5", None), (True, None), (None, None)])
def test_a_pause_has_bounds(value: object, pause_s: float | None) -> None:
    """An hour at most; nothing but a number."""
    sent = {"code": "rate_limited", "retry_after_s": value}
    assert decode_answer(json.dumps(sent).encode()).retry_after_s == pause_s


def test_a_question_survives_the_pipe() -> None:
    """Its policy too."""
    policy = AddressPolicy.for_source("http://nas.local:8080/x", "cli", ["192.168.0.0/16", "fd00::/8"])
    ask = Ask(url="http://nas.local:8080/x", policy=policy, timeout_s=2.5, deadline_s=10)
    assert decode_ask(encode_ask(ask)) == ask


def test_the_children_find_no_configuration() -> None:
    """No home, no programs, no variables of ours or of Python's."""
    assert not Path(ENVIRONMENT["HOME"]).exists()
    assert ENVIRONMENT["PATH"] == ""
    assert "-I" in child_command("x")
