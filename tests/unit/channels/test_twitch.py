"""streamlink's real Twitch plugin against a Twitch-like origin: every answer has a name."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestServer

from core.netpolicy import AddressPolicy
from supervisor.channels.answers import Answer
from tests.unit.channels.twitch import CHANNEL, TwitchLike, ask_through

POLICY = AddressPolicy(origin="api")


async def answer(mode: str) -> Answer:
    async with TestServer(TwitchLike(lambda: mode).app()) as server:
        return await ask_through(str(server.make_url("/")), lambda: mode)(CHANNEL, POLICY, 5)


async def test_a_live_channel_leads_to_its_playlist_with_the_headers_it_needs() -> None:
    """The playlist with all qualities, and what the plugin sends with every request."""
    found = await answer("live")
    assert found.code == "live"
    assert found.url.startswith("https://usher.ttvnw.net/api/v2/channel/hls/somebody.m3u8?")
    assert found.headers["Referer"] == "https://player.twitch.tv"


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("offline", "offline"),
        ("nobody", "offline"),  # Twitch's API answers the same for a channel that is not live and one that is not there
        ("rate_limited", "rate_limited"),
        ("broken", "unreachable"),
        ("dns", "unreachable"),
        ("bot_check", "bot_check"),
        ("subscriber_only", "subscriber_only"),
        ("geo_block", "geo_block"),
    ],
)
async def test_what_is_the_matter_is_named(mode: str, code: str) -> None:
    """By the API's status, by what it says, and by what the playlist server says."""
    found = await answer(mode)
    assert (found.code, found.url) == (code, "")


async def test_a_pause_that_the_platform_wants_is_passed_on() -> None:
    """Retry-After, in seconds."""
    assert (await answer("rate_limited")).retry_after_s == 600
