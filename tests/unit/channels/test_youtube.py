"""streamlink's real YouTube plugin against a YouTube-like origin: a channel's /live page and the player's API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.netpolicy import AddressPolicy
from supervisor.channels import Answer
from tests.unit.channels.twitch import MASTER, ask_through

PAGE = "https://www.youtube.com/@somebody/live"
MANIFEST = "https://manifest.googlevideo.com/api/manifest/hls_variant/x/playlist.m3u8"
DETAILS: dict[str, Any] = {
    "videoDetails": {"videoId": "abcdefghijk", "author": "Somebody", "title": "t", "isLive": True},
    "microformat": {"playerMicroformatRenderer": {"category": "Gaming"}},
}
ON_AIR: dict[str, Any] = {
    "playabilityStatus": {"status": "OK"},
    "streamingData": {"hlsManifestUrl": MANIFEST, "adaptiveFormats": []},
}
CHANNEL_HOME = "<!doctype html><title>Somebody</title>"  # /live of a channel that is not: its home page
WATCH = (
    '<!doctype html><link rel="canonical" href="https://www.youtube.com/watch?v=abcdefghijk">'
    f"<script>var ytInitialPlayerResponse = {json.dumps(DETAILS)};var meta = 1;</script>"
)


async def answer(page: str, player: dict[str, Any]) -> Answer:
    """What the plugin makes of a page and the player's answer."""

    async def html(_request: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    async def api(_request: web.Request) -> web.Response:
        return web.json_response(player)

    async def manifest(_request: web.Request) -> web.Response:
        return web.Response(text=MASTER.format(variant="v.m3u8"), content_type="application/vnd.apple.mpegurl")

    app = web.Application()
    app.router.add_get("/@somebody/live", html)
    app.router.add_post("/youtubei/v1/player", api)
    app.router.add_get("/api/manifest/hls_variant/x/playlist.m3u8", manifest)
    async with TestServer(app) as server:
        return await ask_through(str(server.make_url("/")), lambda: "live")(PAGE, AddressPolicy(origin="api"), 5)


async def test_a_live_channel_leads_to_its_playlist() -> None:
    """The one with all qualities."""
    found = await answer(WATCH, ON_AIR)
    assert (found.code, found.url) == ("live", MANIFEST)


async def test_a_channel_that_is_not_live_is_offline() -> None:
    """Its /live page shows the channel's home."""
    assert (await answer(CHANNEL_HOME, ON_AIR)).code == "offline"


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        ("LOGIN_REQUIRED", "Sign in to confirm you’re not a bot", "bot_check"),
        ("LOGIN_REQUIRED", "Sign in to confirm your age", "login_required"),
        ("UNPLAYABLE", "Join this channel to get access to members-only content like this video", "subscriber_only"),
        ("UNPLAYABLE", "The uploader has not made this video available in your country", "geo_block"),
        ("LIVE_STREAM_OFFLINE", "This live event will begin in 3 hours.", "offline"),
        ("ERROR", "Video unavailable", "not_found"),
    ],
)
async def test_what_the_player_says_is_named(status: str, reason: str, code: str) -> None:
    """The plugin logs it and finds no streams; the log is where the reason is."""
    assert (await answer(WATCH, {"playabilityStatus": {"status": status, "reason": reason}})).code == code


async def test_a_stream_that_is_over_is_a_recording() -> None:
    """Formats without a playlist: streamlink points to yt-dlp."""
    over = {"itag": 18, "qualityLabel": "360p"}
    player = {"playabilityStatus": {"status": "OK"}, "streamingData": {"formats": [over]}}
    assert (await answer(WATCH, player)).code == "recording"
