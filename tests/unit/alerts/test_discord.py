"""Discord: the text at once, the clip by an edit, one message for each clip; within the service's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.times import ns
from supervisor.alerts.discord import payload
from supervisor.alerts.drainer import Drainer
from supervisor.alerts.messages import message_of
from supervisor.catalog.values import ChannelRow
from tests.fakes_discord import PATH, FakeDiscord
from tests.unit.alerts.plant import Plant, plant, served

MB = 1_000_000


async def both(p: Plant, url: str) -> tuple[ChannelRow, Drainer]:
    return await p.channel("discord", url + PATH), p.drainer()


async def test_the_text_comes_first_and_grows_into_the_clip(tmp_path: Path) -> None:
    """Provisional, final, another revision, a ranked title, finished files: edits of one message, coalesced."""
    async with plant(tmp_path, public_url="https://clips.example.org") as p:
        discord = FakeDiscord(p.clock)
        async with served(discord.app()) as url:
            channel, drainer = await both(p, url)
            await p.clip()
            await p.drain(drainer)
            [(id_, message)] = discord.messages.items()
            assert message.embeds[0]["title"] == "New clip\\: A goal"
            assert "the crowd roared" in message.embeds[0]["description"]
            assert "[Open](https://clips.example.org/#/clips/c1)" in message.embeds[0]["description"]
            assert (message.edits, message.attachments) == (0, {})
            p.make("master", 3 * MB)
            await p.clip(files=("master",), state="final")
            await p.drain(drainer)
            [(name, data)] = message.attachments.values()
            assert (name, len(data), data[:6], message.edits) == ("c1-master.mp4", 3 * MB, b"master", 1)
            await p.clip(files=("master",), state="final", title="Ranked")
            await p.clip(files=("master",), state="final", title="Ranked twice")
            await p.drain(drainer)
            assert message.embeds[0]["title"] == "Clip\\: Ranked twice"
            assert (message.edits, [data for _, data in message.attachments.values()]) == (2, [data])
            p.make("discord", 2 * MB)
            await p.clip(files=("master", "discord"), state="final", title="Ranked twice")
            await p.drain(drainer)
            assert [name for name, _ in message.attachments.values()] == ["c1-discord.mp4"]
            await p.clip(files=("master", "discord"), state="withdrawn")
            await p.drain(drainer)
            assert (message.embeds[0]["title"][:9], message.attachments) == ("Withdrawn", {})
            assert list(discord.messages) == [id_]
            [row] = await p.rows(channel)
            assert (row.state, row.remote["message"]) == ("sent", id_)


async def test_a_clip_that_is_there_at_once_is_two_requests(tmp_path: Path) -> None:
    """A text that is read, then the film: a slow upload holds back no news."""
    async with plant(tmp_path) as p:
        discord = FakeDiscord(p.clock)
        async with served(discord.app()) as url:
            await both(p, url)
            p.make("master", MB)
            await p.clip(files=("master",))
            await p.drain()
            assert [method for method, _ in discord.requests] == ["POST", "PATCH"]
            assert discord.requests[0][1].endswith("?wait=true")
            [message] = discord.messages.values()
            assert "Open" not in message.embeds[0]["description"]  # no api.public_url, no links


async def test_a_master_that_is_too_large_is_a_picture_until_the_fitted_file_is_there(tmp_path: Path) -> None:
    """Which is asked for as a render, once."""
    async with plant(tmp_path) as p:
        discord = FakeDiscord(p.clock)
        async with served(discord.app()) as url:
            _, drainer = await both(p, url)
            p.make("master", 40 * MB)
            p.make("thumbnail", 50_000)
            await p.clip(files=("master", "thumbnail"), state="final")
            await p.drain(drainer)
            [message] = discord.messages.values()
            assert [name for name, _ in message.attachments.values()] == ["c1-thumbnail.jpg"]
            [job] = await p.catalog.orders_of("default", "c1")
            assert (job.source, job.clip) == ("discord", "c1")
            p.make("discord", 9 * MB)
            await p.clip(files=("master", "thumbnail", "discord"), state="final")
            await p.drain(drainer)
            assert [name for name, _ in message.attachments.values()] == ["c1-discord.mp4"]
            assert len(await p.catalog.orders_of("default", "c1")) == 1


async def test_its_rate_limit_is_kept_and_a_429_costs_no_try(tmp_path: Path) -> None:
    """Twelve clips at once: all are told, and nothing is asked that would be refused."""
    async with plant(tmp_path) as p:
        discord = FakeDiscord(p.clock)
        async with served(discord.app()) as url:
            channel, drainer = await both(p, url)
            for number in range(12):
                await p.clip(f"c{number}")
            await p.drain(drainer)
            assert (len(discord.messages), discord.limited) == (12, 0)
            stranger = p.drainer()  # another process forgot what it was told, and runs into the limit
            discord._times.extend([p.clock.boottime_ns()] * 5)
            await p.clip("late")
            await p.drain(stranger)
            assert (len(discord.messages), discord.limited) == (13, 1)
            assert {row.attempts for row in await p.rows(channel)} == {0}


async def test_a_message_that_was_deleted_is_not_posted_again(tmp_path: Path) -> None:
    """A moderator meant it. Replayed by hand it is."""
    async with plant(tmp_path) as p:
        discord = FakeDiscord(p.clock)
        async with served(discord.app()) as url:
            channel, drainer = await both(p, url)
            await p.clip()
            await p.drain(drainer)
            discord.messages.clear()
            await p.clip(state="final")
            await p.drain(drainer)
            [row] = await p.rows(channel)
            assert (row.state, discord.messages) == ("sent", {})
            assert "deleted" in row.error
            await p.catalog.replay("default", row.id)
            await p.drain(drainer)
            assert len(discord.messages) == 1


@pytest.mark.parametrize("wrong", ["/api/webhooks/123/other", "/api/webhooks/124/tok-en_1"])
async def test_a_webhook_that_is_gone_switches_the_channel_off_and_loses_nothing(tmp_path: Path, wrong: str) -> None:
    """With its reason; aimed anew and switched on, what waited is told."""
    async with plant(tmp_path) as p:
        discord = FakeDiscord(p.clock)
        async with served(discord.app()) as url:
            channel = await p.channel("discord", url + wrong)
            await p.clip()
            await p.clip("c2")
            await p.drain()
            now = await p.catalog.channel(None, channel.id)
            assert not now.enabled
            assert now.reason.startswith("Discord answered 40")
            assert len(discord.requests) == 1  # every further one would count against our address
            await p.catalog.change_channel(None, channel.id, enabled=True, reason="", target=url + PATH)
            p.clock.advance(ns(400))
            await p.drain()
            assert len(discord.messages) == 2


HOSTILE = "@everyone <@1> **x** [free](https://evil.example) `a` ||b|| # _c_ ~~d~~ \u202e\u0007 <t:1> " + "x" * 600


async def test_a_hostile_title_is_text(tmp_path: Path) -> None:
    """No mention, no markup, no link, nothing turned around, and within every limit."""
    async with plant(tmp_path) as p:
        discord = FakeDiscord(p.clock)
        async with served(discord.app()) as url:
            await both(p, url)
            await p.clip(title=HOSTILE[:500], reasons=[HOSTILE] * 40)
            [channel] = await p.catalog.channels_due(p.clock.wall_ns())
            [due] = await p.catalog.due(channel.id, p.clock.wall_ns(), 9)
            said = payload(message_of(due, ""))
            assert said["allowed_mentions"] == {"parse": []}
            text = said["embeds"][0]["title"] + said["embeds"][0]["description"]
            for sign in "@<*[]`|#_~":
                assert all(text[at - 1] == "\\" for at, each in enumerate(text) if each == sign), sign
            assert not {"\u202e", "\u0007"} & set(text)
            assert "https://" not in text
            await p.drain()
            assert len(discord.messages) == 1
