"""What a channel may be aimed at, and what is shown of it. Looks nothing up, sends nothing."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from core.errors import UsageError
from core.netpolicy import AddressPolicy
from supervisor.alerts import discord, errand, slack
from supervisor.catalog.values import ChannelKind

TEXT_ONLY: Final = (
    "A Slack webhook takes text only: no clip, no edits. With a bot's token (xoxb-...@CHANNEL) messages carry the clip."
)
ONCE: Final = "These messages cannot be edited: a clip is told once, and once more if it is withdrawn."
_NO_SLACK: Final = (
    "This is neither a Slack bot's token with a channel nor a Slack webhook",
    "Give xoxb-...@C0123456789, or https://hooks.slack.com/services/...",
)
NO_LINKS: Final = "Messages carry no links, since the setting api.public_url is not set."


def checked_target(kind: ChannelKind, target: str, allow: AddressPolicy) -> str:
    """The target as it is stored. Raises UsageError and SourceRefused, without the target in their texts."""
    if kind == "apprise":
        errand.check(target)
        return target
    if kind == "slack" and slack.bot_of(target, ""):
        return target
    if kind == "slack" and "://" not in target:
        raise _bad(*_NO_SLACK)
    host = allow.check_url(target)
    parts = urlsplit(target)
    if parts.fragment:
        raise _bad("A URL's fragment is sent to nobody", "Leave out what stands behind #.")
    if kind == "discord" and not discord.is_webhook(target):
        raise _bad(
            "This is no address of a Discord webhook",
            "Copy it in Discord: channel settings, Integrations, Webhooks (https://discord.com/api/webhooks/ID/TOKEN).",
        )
    if kind == "slack" and not slack.WEBHOOK.fullmatch(parts.path):
        raise _bad(*_NO_SLACK)
    if kind in ("discord", "slack") and parts.scheme != "https" and not _is_private(host):
        raise _bad("A secret address needs https", "Begin it with https://.")
    return target


def shown_target(kind: ChannelKind, target: str) -> str:
    """Enough to know it by: never the part that lets somebody in."""
    bot = slack.bot_of(target, "")
    if kind == "slack" and bot:
        return f"xoxb-***@{bot.channel}"
    scheme = target.partition("://")[0]
    if kind == "apprise":
        return f"{scheme}://***"
    parts = urlsplit(target)
    place = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    return f"{scheme}://{place}/***"


def notes(kind: ChannelKind, target: str, public_url: str) -> list[str]:
    """What this channel cannot do, for its owner."""
    found = []
    if kind == "slack" and slack.bot_of(target, "") is None:
        found.append(TEXT_ONLY)
    if kind == "apprise":
        found.append(ONCE)
    if not public_url:
        found.append(NO_LINKS)
    return found


def _is_private(host: str) -> bool:
    """An address, not a name: it passed the policy, so somebody allowed it."""
    return host.replace(".", "").isdigit() or ":" in host


def _bad(what: str, remedy: str) -> UsageError:
    return UsageError(what, remedy=remedy, code="bad_target")
