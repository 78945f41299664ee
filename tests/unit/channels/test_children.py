"""What the children make of plugins' and extractors' results, and yt-dlp's real one on a page of our own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from requests import Response
from streamlink.exceptions import NoPluginError, PluginError
from streamlink.session.session import Streamlink
from streamlink.stream.dash.dash import DASHStream
from streamlink.stream.hls.hls import HLSStream
from streamlink.stream.http import HTTPStream

from core.errors import SourceRefused
from core.netpolicy import AddressPolicy
from supervisor.channels import ytdlp_child
from supervisor.channels.pages import ask_child, ask_recording
from supervisor.channels.streamlink_child import CheckedAdapter, find, open_session, pick
from supervisor.channels.wire import Ask

ASK = Ask(url="https://page.example/x", policy=AddressPolicy(origin="api"), timeout_s=1, deadline_s=4)


@pytest.fixture
def session() -> Iterator[Streamlink]:
    """Closed again: its pools hold sockets."""
    session = open_session(ASK, CheckedAdapter(ASK))
    yield session
    session.http.close()


def test_a_session_reads_no_configuration_and_starts_no_browser(session: Streamlink) -> None:
    """No proxies and netrc from the environment, no cache, no file:// URLs."""
    assert not session.http.trust_env
    assert session.get_option("no-plugin-cache")
    assert not session.get_option("webbrowser")
    assert set(session.http.adapters) == {"https://", "http://"}


def test_of_a_pages_qualities_the_playlist_with_all_is_taken(session: Streamlink) -> None:
    """Or the best one's own; headers that a CDN asks for again go along, others don't."""
    headers = {"Referer": "https://page.example/", "X-Secret": "no"}
    found = pick(HLSStream(session, "https://cdn.example/v.m3u8"), headers)
    assert (found.code, found.url) == ("live", "https://cdn.example/v.m3u8")
    assert found.headers == {"Referer": "https://page.example/"}
    assert pick(HTTPStream(session, "https://cdn.example/v.mp4"), {}).url == "https://cdn.example/v.mp4"
    assert pick(DASHStream.__new__(DASHStream), {}).code == "stream_kind"


class Failing:
    """Stands for a plugin inside a real session."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, result: Any) -> None:
        def streams(_session: Streamlink, _url: str, **_more: Any) -> Any:
            if isinstance(result, Exception):
                raise result
            return result

        monkeypatch.setattr(Streamlink, "streams", streams)


@pytest.mark.parametrize(
    ("result", "code"),
    [
        ({}, "offline"),
        (NoPluginError(), "unsupported"),
        (PluginError("This plugin does not support VOD content, try yt-dlp instead"), "recording"),
        (PluginError("nobody knows this text"), "offline"),
        (OSError("no route"), "unreachable"),
    ],
)
def test_a_plugins_end_has_a_code(monkeypatch: pytest.MonkeyPatch, result: Any, code: str) -> None:
    """Nothing found, nothing known, an error of its own, or the network's."""
    Failing(monkeypatch, result)
    assert find(ASK, CheckedAdapter(ASK)).code == code


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "Wed, 21 Oct 2026 07:30:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 120),
        ({"Retry-After": "Wed, 21 Oct 2026 07:30:00 GMT"}, None),
        ({"Retry-After": "99999999999999999999"}, 3600),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_both_forms_of_a_pause_are_read(headers: dict[str, str], pause_s: float | None) -> None:
    """RFC 9110 10.2.3; a date counts from the server's own."""
    adapter, response = CheckedAdapter(ASK), Response()
    response.status_code = 429
    response.headers.update(headers)
    adapter.note(response)
    assert adapter.trouble is not None
    assert (adapter.trouble.code, adapter.trouble.retry_after_s) == ("rate_limited", pause_s)


# -- yt-dlp

MUXED = {"protocol": "https", "url": "https://c.example/18.mp4", "vcodec": "avc1", "acodec": "mp4a", "height": 360}
HD = {"protocol": "https", "url": "https://c.example/22.mp4", "vcodec": "avc1", "acodec": "mp4a", "height": 720}
PICTURE = {"protocol": "https", "url": "https://c.example/137.mp4", "vcodec": "avc1", "acodec": "none", "height": 1080}
HLS = {"protocol": "m3u8_native", "url": "https://c.example/v.m3u8", "manifest_url": "https://c.example/all.m3u8"}


@pytest.mark.parametrize(
    ("formats", "url"),
    [
        ([PICTURE, MUXED, HD], "https://c.example/22.mp4"),
        ([MUXED, HLS], "https://c.example/all.m3u8"),
        ([HLS | {"has_drm": True}, MUXED], "https://c.example/18.mp4"),
        ([PICTURE], ""),
        ([MUXED | {"url": "file:///etc/passwd"}], ""),
        ([MUXED | {"protocol": "websocket_frag"}], ""),
    ],
)
def test_of_a_recordings_formats_one_that_is_whole_is_taken(formats: list[dict[str, Any]], url: str) -> None:
    """A playlist before files; picture and sound apart, DRM and other protocols never."""
    found = ytdlp_child.pick({"formats": formats})
    assert (found.code, found.url) == (("live", url) if url else ("stream_kind", ""))


async def recording_page(_request: web.Request) -> web.Response:
    return web.Response(text='<!doctype html><title>t</title><video src="/v.mp4"></video>', content_type="text/html")


async def video(_request: web.Request) -> web.Response:
    return web.Response(body=b"\0" * 64, content_type="video/mp4")


async def test_a_recording_on_a_page_is_found() -> None:
    """By yt-dlp itself, in its fence; the page's file is named and not fetched. The policy holds."""
    asked: list[str] = []

    async def noted(request: web.Request) -> web.Response:
        asked.append(request.method + request.path)
        return await (recording_page if request.path == "/page" else video)(request)

    app = web.Application()
    app.router.add_get("/{any:.*}", noted)
    async with TestServer(app, host="127.0.0.1") as server:
        page = str(server.make_url("/page"))
        found = await ask_recording(page, AddressPolicy(origin="cli", typed_host="127.0.0.1"), 15)
        before = len(asked)
        refused = await ask_recording(page, AddressPolicy(origin="api"), 15)
        wanted = str(server.make_url("/v.mp4"))
    assert (found.code, found.url) == ("live", wanted)
    assert "GET/v.mp4" not in asked
    assert (refused.code, len(asked)) == ("address_refused", before)


async def test_the_optional_part_that_is_missing_is_named() -> None:
    """Found out by the child, without an error of its own."""
    code = "import sys; sys.modules['yt_dlp'] = None; from supervisor.channels.ytdlp_child import main; main()"
    found = await ask_child([sys.executable, "-I", "-c", code], "https://page.example/", ASK.policy, 5)
    assert found.code == "ytdlp_missing"


def test_a_redirect_out_of_https_is_refused_before_it_is_followed() -> None:
    """Even to the host that was typed; and the refusal is remembered, since plugins swallow errors."""
    adapter = CheckedAdapter(ASK)
    with pytest.raises(SourceRefused, match="https source points to an http"):
        adapter.check("http://127.0.0.1/x", parent="https://127.0.0.1/")
    assert adapter.refused is not None
