"""A Twitch-like platform on loopback for streamlink's real plugin: its API, its playlists, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web
from requests.adapters import HTTPAdapter

from core.netpolicy import AddressPolicy
from supervisor.channels import Answer, AskPage
from supervisor.channels.streamlink_child import CheckedAdapter, find
from supervisor.channels.wire import Ask

CHANNEL: Final = "https://www.twitch.tv/somebody"
TOKEN: Final = {"value": json.dumps({"chansub": {"restricted_bitrates": []}}), "signature": "s"}
MASTER: Final = """#EXTM3U
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="chunked",NAME="720p60",AUTOSELECT=YES,DEFAULT=YES
#EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1280x720,CODECS="avc1.4D401F,mp4a.40.2",VIDEO="chunked",FRAME-RATE=60.0
{variant}
"""
VARIANT: Final = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2.0,\n0.ts\n"
# What Twitch's playlist server says with a 403 or 404, by what is the matter
REFUSALS: Final = {
    "offline": (404, "twirp error not_found: transcode does not exist", "transcode_does_not_exist"),
    "subscriber_only": (403, "unauthorized_entitlements", "unauthorized_entitlements"),
    "geo_block": (403, "Content Restricted In Region", "content_geoblocked"),
}


class TwitchLike:
    """Serves one channel. `mode()` says what is the matter with it now: live, frozen (also live), offline, nobody,
    rate_limited, broken, dns, bot_check, or a key of REFUSALS."""

    def __init__(self, mode: Callable[[], str], *, variant: str = "https://video.hls.ttvnw.net/v.m3u8") -> None:
        self.mode = mode
        self.variant = variant
        self.asked = 0

    def app(self) -> web.Application:
        """The hosts gql.twitch.tv, usher.ttvnw.net and video.hls.ttvnw.net in one."""
        app = web.Application()
        app.router.add_post("/gql", self._gql)
        app.router.add_get("/api/v2/channel/hls/somebody.m3u8", self._usher)
        app.router.add_get("/v.m3u8", self._variant)
        return app

    async def _gql(self, request: web.Request) -> web.Response:
        query, mode = await request.json(), self.mode()
        if isinstance(query, list):
            return web.json_response(METADATA)
        self.asked += 1
        if mode == "rate_limited":
            return web.json_response({}, status=429, headers={"Retry-After": "600"})
        if mode == "broken":
            return web.Response(status=503)
        if mode == "bot_check":
            return web.json_response({"errors": [{"message": "failed integrity check"}], "data": {}})
        return web.json_response({"data": {"streamPlaybackAccessToken": None if mode == "nobody" else TOKEN}})

    async def _usher(self, _request: web.Request) -> web.Response:
        mode = self.mode()
        if mode in REFUSALS:
            status, error, code = REFUSALS[mode]
            return web.json_response([{"url": "", "error": error, "error_code": code, "type": "error"}], status=status)
        return web.Response(text=MASTER.format(variant=self.variant), content_type="application/vnd.apple.mpegurl")

    async def _variant(self, _request: web.Request) -> web.Response:
        return web.Response(text=VARIANT, content_type="application/vnd.apple.mpegurl")


METADATA: Final = [
    {"data": {"userOrError": {"displayName": "Somebody"}}},
    {"data": {"user": {"lastBroadcast": {"title": "t"}, "stream": {"id": "1", "game": None}}}},
]


class LoopbackAdapter(CheckedAdapter):
    """Takes requests for any host to one server on loopback; only where the connection ends is another."""

    def __init__(self, ask: Ask, base: str, mode: Callable[[], str]) -> None:
        super().__init__(ask)
        self._base, self._mode = base, mode

    def check(self, url: str, *, parent: str | None = None) -> None:
        """The URL's own rules hold; a name is not looked up."""
        self._policy.check_url(url)
        if self._mode() == "dns":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def get_connection_with_tls_context(self, *_args: Any, **_more: Any) -> Any:
        """Where requests asks for a connection."""
        return self.poolmanager.connection_from_url(self._base)

    def request_url(self, request: Any, proxies: Any) -> str:
        """Path and query as they are."""
        assert isinstance(self, HTTPAdapter)
        parts = urlsplit(request.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


def ask_through(base: str, mode: Callable[[], str]) -> AskPage:
    """What asks pages with streamlink's real plugins, in this process, at the server `base`."""

    async def ask(url: str, policy: AddressPolicy, timeout_s: float) -> Answer:
        question = Ask(url=url, policy=policy, timeout_s=timeout_s, deadline_s=4 * timeout_s)
        return await asyncio.to_thread(find, question, LoopbackAdapter(question, base, mode))

    return ask
