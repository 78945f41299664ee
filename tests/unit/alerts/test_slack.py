"""Slack: with a bot's token one message with edits and the clip in its thread; with a webhook's URL text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes_slack import CHANNEL, HOOK, TOKEN, FakeSlack
from tests.unit.alerts.plant import plant, served


async def test_a_bot_writes_edits_and_puts_the_clip_into_the_thread(tmp_path: Path) -> None:
    """Another file takes the place of the one before; withdrawn, it is deleted."""
    async with plant(tmp_path) as p:
        slack = FakeSlack(p.clock)
        async with served(slack.app()) as url:
            p.aims = type(p.aims)(data_dir=tmp_path, public_url="https://c.example", slack_api=f"{url}/api")
            await p.channel("slack", f"{TOKEN}@{CHANNEL}")
            p.make("master", 100_000)
            await p.clip(files=("master",))
            drainer = await p.drain()
            [message] = slack.messages.values()
            assert message.blocks[0]["text"]["text"] == "New clip: A goal"
            assert message.blocks[-1]["text"]["text"] == "<https://c.example/#/clips/c1|Open>"
            assert [data[:6] for data in message.files.values()] == [b"master"]
            await p.clip(files=("master",), state="final", title="Better")
            await p.drain(drainer)
            assert (message.blocks[0]["text"]["text"], len(message.files)) == ("Clip: Better", 1)
            p.make("discord", 50_000)
            await p.clip(files=("master", "discord"), state="final", title="Better")
            await p.drain(drainer)
            assert [data[:7] for data in message.files.values()] == [b"discord"]
            await p.clip(files=("master",), state="withdrawn")
            await p.drain(drainer)
            assert (message.blocks[0]["text"]["text"][:9], message.files) == ("Withdrawn", {})
            assert (len(slack.messages), slack.limited) == (1, 0)


async def test_one_message_a_second_and_a_429_costs_no_try(tmp_path: Path) -> None:
    """Ten clips at once."""
    async with plant(tmp_path) as p:
        slack = FakeSlack(p.clock)
        async with served(slack.app()) as url:
            p.aims = type(p.aims)(data_dir=tmp_path, public_url="", slack_api=f"{url}/api")
            channel = await p.channel("slack", f"{TOKEN}@{CHANNEL}")
            slack._last_ns = p.clock.boottime_ns()
            for number in range(10):
                await p.clip(f"c{number}")
            await p.drain()
            assert (len(slack.messages), slack.limited) == (10, 1)
            assert {row.attempts for row in await p.rows(channel)} == {0}


@pytest.mark.parametrize(
    ("error", "enabled", "state"),
    [("token_revoked", False, "waiting"), ("internal_error", True, "waiting"), ("msg_blocks_too_long", True, "dead")],
)
async def test_its_errors_mean_what_they_say(tmp_path: Path, error: str, enabled: bool, state: str) -> None:
    """A token that is none any more, a bad day, a message that it will never take."""
    async with plant(tmp_path) as p:
        slack = FakeSlack(p.clock)
        async with served(slack.app()) as url:
            p.aims = type(p.aims)(data_dir=tmp_path, public_url="", slack_api=f"{url}/api")
            channel = await p.channel("slack", f"{TOKEN}@{CHANNEL}")
            slack.error = error
            await p.clip()
            await p.drain()
            [row] = await p.rows(channel)
            assert ((await p.catalog.channel(None, channel.id)).enabled, row.state) == (enabled, state)
            assert error in row.error


async def test_a_webhook_is_told_once_and_once_more_when_it_is_withdrawn(tmp_path: Path) -> None:
    """It cannot be edited. What a stranger wrote is no markup."""
    async with plant(tmp_path) as p:
        slack = FakeSlack(p.clock)
        async with served(slack.app()) as url:
            await p.channel("slack", url + HOOK)
            await p.clip(title="<!channel> & <https://evil.example|here>")
            drainer = await p.drain()
            await p.clip(state="final")
            await p.drain(drainer)
            await p.clip(state="withdrawn")
            await p.drain(drainer)
            assert [each["blocks"][0]["text"]["text"][:9] for each in slack.hooked] == ["New clip:", "Withdrawn"]
            assert "<!channel>" not in json.dumps([each["text"] for each in slack.hooked])
            assert {block["text"]["type"] for each in slack.hooked for block in each["blocks"]} == {"plain_text"}
