"""Slack: with a bot's token the message, its edits and the clip in its thread; with a webhook's URL text only.

docs.slack.dev: chat.postMessage, chat.update, files.getUploadURLExternal, files.completeUploadExternal, "Rate limits"
(one message a second and channel). Strangers' words stand in `plain_text`, where nothing is markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from supervisor.alerts.files import ClipFile
from supervisor.alerts.messages import Message
from supervisor.alerts.outcome import Outcome
from supervisor.alerts.outgoing import UPLOAD_S, Outgoing, Reply

BOT: Final = re.compile(r"(xoxb-[A-Za-z0-9-]{10,250})@([CGD][A-Z0-9]{5,20})")
WEBHOOK: Final = re.compile(r"/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{5,300}")
REST_S: Final = 1.0  # after each message
MAX_HEADER: Final = 150  # characters of a header block; a section has 3000
_GONE: Final = frozenset({
    "account_inactive", "channel_not_found", "invalid_auth", "is_archived", "missing_scope", "no_permission",
    "not_authed", "not_in_channel", "org_login_required", "token_expired", "token_revoked",
})  # fmt: skip
_AGAIN: Final = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
)
_DELETED: Final = frozenset({"cant_update_message", "edit_window_closed", "message_not_found", "thread_not_found"})
_JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json; charset=utf-8"}


class Bot(NamedTuple):
    """Who writes, and where. `api`: where Slack's methods are."""

    token: str
    channel: str
    api: str


class _Failed(Exception):
    """A method did not do what it was asked for."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.what)
        self.outcome = outcome


def bot_of(target: str, api: str) -> Bot | None:
    """Of a target TOKEN@CHANNEL; None for any other."""
    found = BOT.fullmatch(target)
    return None if found is None else Bot(found[1], found[2], api)


async def post(out: Outgoing, bot: Bot, message: Message, *, more: bool) -> Outcome:
    """A new message, text only. Raises SourceRefused, SourceUnreachable."""
    try:
        said = await _call(out, bot, "chat.postMessage", {**_said(message), "channel": bot.channel})
    except _Failed as err:
        return err.outcome
    remote = {"message": str(said.get("ts", ""))[:40], "channel": str(said.get("channel", bot.channel))[:40]}
    return Outcome(how="sent", remote=remote, more=more, rest_s=REST_S)


async def edit(out: Outgoing, bot: Bot, message: Message, remote: Mapping[str, Any], file: ClipFile | None) -> Outcome:
    """The message as it should be now; a file that is not in its thread yet goes there, and the one before is deleted.
    Raises SourceRefused, SourceUnreachable and OSError (the file)."""
    known = dict(remote)
    try:
        await _call(out, bot, "chat.update", {**_said(message), "channel": remote["channel"], "ts": remote["message"]})
        old = known.get("attachment")
        if file is not None and known.get("file") != file.key:
            known |= {"file": file.key, "attachment": await _upload(out, bot, message, remote, file)}
        elif file is None and message.state == "withdrawn":
            known |= {"file": "", "attachment": ""}
        if old and old != known["attachment"]:
            await _call(out, bot, "files.delete", {"file": old}, may_fail=True)
    except _Failed as err:
        return replace(err.outcome, remote={**known, **err.outcome.remote})
    return Outcome(how="sent", remote=known, rest_s=REST_S)


async def post_text(out: Outgoing, url: str, message: Message) -> Outcome:
    """To an incoming webhook, which takes no files and no edits. Raises SourceRefused, SourceUnreachable."""
    reply = await out.ask("POST", url, headers=_JSON, data=json.dumps(_said(message)))
    what = f"Slack answered {reply.status}: {reply.body[:100].decode('utf-8', 'replace')}"
    if reply.is_ok:
        return Outcome(how="sent", remote={"told": True}, rest_s=REST_S)
    if reply.status == 429:
        return Outcome(how="throttled", what=what, rest_s=reply.retry_after_s or REST_S)
    if reply.status in (401, 403, 404, 410):
        return Outcome(how="gone", what=what)
    return Outcome(how="refused" if 400 <= reply.status < 500 else "retry", what=what)


def _said(message: Message) -> dict[str, Any]:
    """Text for notifications, blocks for the window. The only markup is our own link."""
    body = "\n".join([message.facts, *(f"- {reason}" for reason in message.reasons)])
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(message.headline[:MAX_HEADER])},
        {"type": "section", "text": _plain(body[:3000])},
    ]
    if message.link:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"<{_quoted(message.link)}|Open>"}})
    return {
        "text": _quoted(f"{message.headline} ({message.facts})"), "blocks": blocks, "mrkdwn": False, "parse": "none",
        "link_names": False, "unfurl_links": False, "unfurl_media": False,
    }  # fmt: skip


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _quoted(text: str) -> str:
    """docs.slack.dev, "Formatting message text": the three characters that control it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


async def _upload(out: Outgoing, bot: Bot, message: Message, remote: Mapping[str, Any], file: ClipFile) -> str:
    asked = {"filename": file.name, "length": str(file.bytes)}
    place = await _call(out, bot, "files.getUploadURLExternal", asked, as_form=True)
    with file.open() as opened:
        reply = await out.ask(
            "POST", str(place.get("upload_url", "")), data=opened, within_s=UPLOAD_S,
            headers={"Content-Type": "application/octet-stream"},
        )  # fmt: skip
    if not reply.is_ok:
        raise _Failed(Outcome(how="retry", what=f"Slack's upload answered {reply.status}"))
    id_ = str(place.get("file_id", ""))[:40]
    await _call(
        out, bot, "files.completeUploadExternal",
        {
            "files": [{"id": id_, "title": message.title[:200]}], "channel_id": remote["channel"],
            "thread_ts": remote["message"],
        },
    )  # fmt: skip
    return id_


async def _call(
    out: Outgoing, bot: Bot, method: str, args: Mapping[str, Any], *, as_form: bool = False, may_fail: bool = False
) -> dict[str, Any]:
    """One method. Raises _Failed, unless it may."""
    headers = {"Authorization": f"Bearer {bot.token}", **({} if as_form else _JSON)}
    data = dict(args) if as_form else json.dumps(args)
    reply = await out.ask("POST", f"{bot.api}/{method}", headers=headers, data=data)
    said = _read(reply)
    if not (reply.is_ok and said.get("ok") is True) and not may_fail:
        raise _Failed(_outcome(method, reply, said))
    return said


def _outcome(method: str, reply: Reply, said: Mapping[str, Any]) -> Outcome:
    error = str(said.get("error", ""))[:60]
    what = f"Slack's {method} answered {error or reply.status}"
    if reply.status == 429 or error in ("ratelimited", "rate_limited"):
        return Outcome(how="throttled", what=what, rest_s=reply.retry_after_s or 30.0)
    if error in _DELETED:
        what = f"{what}: the message was deleted in Slack; it is not posted again"
        return Outcome(how="sent", what=what, remote={"deleted": True})
    if error in _GONE:
        return Outcome(how="gone", what=what)
    if reply.status >= 500 or error in _AGAIN or not error:
        return Outcome(how="retry", what=what)
    return Outcome(how="refused", what=what)


def _read(reply: Reply) -> dict[str, Any]:
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
