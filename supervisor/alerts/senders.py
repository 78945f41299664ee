"""One attempt to tell one thing in one channel, whatever kind it is. Never raises for what a receiver did."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from configs import Settings
from core.errors import SourceError, SourceRefused
from core.protocols import Clock
from core.times import to_s
from supervisor.alerts import discord, slack, webhook
from supervisor.alerts.errand import Errand
from supervisor.alerts.files import DISCORD_BYTES, SLACK_BYTES, ClipFile, attachment
from supervisor.alerts.messages import Message, message_of
from supervisor.alerts.outcome import Outcome
from supervisor.alerts.outgoing import Outgoing
from supervisor.alerts.spoken import DEADLINE_S, speak
from supervisor.catalog.values import ChannelRow, ClipRow, Due

TEST_TITLE: Final = "a test of this channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aims:
    """What the settings say about alerts."""

    data_dir: Path
    public_url: str
    slack_api: str

    @classmethod
    def of(cls, settings: Settings) -> Aims:
        """Of the whole tree."""
        return cls(
            data_dir=Path(settings.data_dir).absolute(),
            public_url=settings.api.public_url,
            slack_api=settings.alerts.slack_api,
        )


def limit_of(channel: ChannelRow) -> int | None:
    """Bytes of the largest file that goes into the channel; None where none does."""
    if channel.kind == "slack":
        return SLACK_BYTES if slack.bot_of(channel.target, "") else None
    return None if channel.kind == "webhook" else DISCORD_BYTES


class Senders:
    """`tell` a delivery, or `test` a channel."""

    def __init__(self, out: Outgoing, aims: Aims, clock: Clock) -> None:
        self._out, self._aims, self._clock = out, aims, clock

    async def tell(self, channel: ChannelRow, due: Due) -> Outcome:
        """What there is to tell now. Rights are asked again: they may have changed since it was put out."""
        is_told = bool(due.delivery.remote)
        if due.clip.state == "withdrawn" and not is_told:
            return Outcome(how="sent", what="withdrawn before it was told")
        if due.rights == "watch-only" and due.clip.state != "withdrawn":
            return Outcome(how="refused", what="watch_only: the stream's rights have changed")
        message = message_of(due, self._aims.public_url)
        try:
            return await self._send(channel, due, message)
        except SourceRefused as err:
            return Outcome(how="gone", what=f"{err.code}: {err.what}. {err.remedy}")
        except SourceError as err:
            return Outcome(how="retry", what=err.what)
        except OSError:
            return Outcome(how="retry", what="The clip's file went away meanwhile")

    async def test(self, channel: ChannelRow) -> Outcome:
        """A message that says it is a test, sent as a first text is."""
        now_ns = self._clock.wall_ns()
        message = Message(
            clip="test", state="provisional", revision=1, title=TEST_TITLE, stream="clipd", score=None, reasons=(),
            at=datetime.fromtimestamp(to_s(now_ns), UTC), start_s=None, length_s=None,
            link=self._aims.public_url or None,
        )  # fmt: skip
        try:
            if channel.kind != "webhook":
                return await self._first(channel, message, None, more=False)
            none = ClipRow(
                id="test", session="", stream="", workspace=channel.workspace, revision=1, state="provisional",  # type: ignore[arg-type]
                review="none", title=TEST_TITLE, score=None, line={},
            )  # fmt: skip
            return await self._webhook(channel, f"test.{now_ns}", webhook.body_of("test", message, none, now_ns))
        except SourceRefused as err:
            return Outcome(how="gone", what=f"{err.code}: {err.what}. {err.remedy}")
        except SourceError as err:
            return Outcome(how="retry", what=err.what)

    async def _send(self, channel: ChannelRow, due: Due, message: Message) -> Outcome:
        remote = due.delivery.remote
        if channel.kind == "webhook":
            body = webhook.body_of(due.delivery.kind, message, due.clip, self._clock.wall_ns())
            return await self._webhook(channel, due.delivery.message_id, body)
        bot = slack.bot_of(channel.target, self._aims.slack_api)
        limit = limit_of(channel)
        if channel.kind == "apprise" or limit is None:
            if remote and due.clip.state != "withdrawn":
                return Outcome(how="sent", what="told before, and cannot be edited", remote=remote)
            file = None if limit is None else await self._file(due.clip, limit, remote)
            return await self._first(channel, message, file, more=False)
        file = await self._file(due.clip, limit, remote)
        if not remote:
            return await self._first(channel, message, None, more=file is not None)
        if remote.get("deleted"):
            return Outcome(how="sent", what="its message was deleted", remote=remote)
        if bot:
            return await slack.edit(self._out, bot, message, remote, file)
        return await discord.edit(self._out, channel.target, message, remote, file)

    async def _first(self, channel: ChannelRow, message: Message, file: ClipFile | None, *, more: bool) -> Outcome:
        """The first message, text only where a file can follow."""
        if channel.kind == "discord":
            return await discord.post(self._out, channel.target, message, more=more)
        if channel.kind == "slack":
            bot = slack.bot_of(channel.target, self._aims.slack_api)
            if bot:
                return await slack.post(self._out, bot, message, more=more)
            return await slack.post_text(self._out, channel.target, message)
        errand = Errand(
            url=channel.target, title=message.headline, body=message.details, file=file.path if file else "",
            policy=self._out.policy, deadline_s=DEADLINE_S,
        )  # fmt: skip
        return await speak(errand)

    async def _webhook(self, channel: ChannelRow, id_: str, body: bytes) -> Outcome:
        now_ns = self._clock.wall_ns()
        keys = webhook.live_secrets(channel.secrets, now_ns)
        return await webhook.post(self._out, channel.target, keys, id_, body, now_ns)

    async def _file(self, clip: ClipRow, limit: int, remote: Mapping[str, Any]) -> ClipFile | None:
        small = bool(remote.get("small"))
        return await asyncio.to_thread(attachment, self._aims.data_dir, clip, limit, picture_only=small)
