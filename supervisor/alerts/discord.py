"""Discord, by a webhook's URL: the text at once, then the same message edited with the clip.

docs.discord.com: Webhook resource (execute, edit message), "Uploading files", embed limits, rate limits. Mentions are
switched off in every request (`allowed_mentions`), and markup of strangers' words is escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from supervisor.alerts.files import ClipFile
from supervisor.alerts.messages import Message
from supervisor.alerts.outcome import Outcome
from supervisor.alerts.outgoing import UPLOAD_S, Outgoing, Reply, bounded

PATH: Final = re.compile(r"/api/(?:v\d{1,2}/)?webhooks/(\d{1,20})/[\w-]{1,200}")
MAX_EMBED_TITLE: Final = 256  # characters, "Embed limits"; a description has 4096, all of an embed 6000
MAX_DESCRIPTION: Final = 3000
_COLOURS: Final[Mapping[str, int]] = {"provisional": 0xE0A030, "final": 0x2E9E5B, "withdrawn": 0x808080}
_MARKUP: Final = re.compile(r"([\\*_~`|>#\[\]()<@:-])")
_UNKNOWN_MESSAGE: Final = 10008  # codes of the API's errors, "JSON error codes"
_TOO_LARGE: Final = 40005
_JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json"}


async def post(out: Outgoing, target: str, message: Message, *, more: bool) -> Outcome:
    """A new message, text only. `more`: a file follows. Raises SourceRefused, SourceUnreachable."""
    body = json.dumps(payload(message))
    reply = await out.ask("POST", f"{target}?wait=true", headers=_JSON, data=body)
    if not reply.is_ok:
        return _failed(reply)
    id_ = str(_read(reply).get("id", ""))
    if not id_.isdigit():
        return Outcome(how="retry", what="Discord's answer names no message")
    return Outcome(how="sent", remote={"message": id_}, more=more, rest_s=_rest_s(reply))


async def edit(
    out: Outgoing, target: str, message: Message, remote: Mapping[str, Any], file: ClipFile | None
) -> Outcome:
    """The message as it should be now. A file that is attached already is kept by its id, another one takes its place.
    Raises SourceRefused, SourceUnreachable and OSError (the file)."""
    url, body = f"{target}/messages/{remote['message']}", payload(message)
    if file is None or (remote.get("file") == file.key and remote.get("attachment")):
        kept = [] if file is None else [{"id": remote["attachment"]}]
        data = json.dumps({**body, "attachments": kept})
        reply = await out.ask("PATCH", url, headers=_JSON, data=data)
    else:
        body["attachments"] = [{"id": 0, "filename": file.name, "description": message.title[:200]}]
        with file.open() as opened:
            form = aiohttp.FormData()
            form.add_field("payload_json", json.dumps(body), content_type="application/json")
            form.add_field("files[0]", opened, filename=file.name, content_type=file.type)
            reply = await out.ask("PATCH", url, data=form, within_s=UPLOAD_S)
    if not reply.is_ok:
        return _edit_failed(reply, remote)
    known = {"message": remote["message"], "small": remote.get("small", False)}
    if file is not None:
        known |= {"file": file.key, "attachment": _attached(reply)}
    return Outcome(how="sent", remote=known, rest_s=_rest_s(reply))


def payload(message: Message) -> dict[str, Any]:
    """What a request says; no mention in it is one."""
    lines = [escaped(message.facts), *(f"\\- {escaped(reason)}" for reason in message.reasons)]
    if message.link:
        lines.append(f"[Open]({message.link})")
    embed = {
        "title": cut(escaped(message.headline), MAX_EMBED_TITLE),
        "description": cut("\n".join(lines), MAX_DESCRIPTION),
        "color": _COLOURS.get(message.state, 0),
        "timestamp": message.at.isoformat(),
    }
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def escaped(text: str) -> str:
    """Without markup, mentions and links: each sign of them behind a backslash."""
    return _MARKUP.sub(r"\\\1", text)


def cut(text: str, limit: int) -> str:
    """No longer than the service takes, and not in the middle of an escape."""
    return text if len(text) <= limit else text[: limit - 1].rstrip("\\") + "…"


def is_webhook(url: str) -> bool:
    """Whether it looks like a Discord webhook's."""
    return bool(PATH.fullmatch(urlsplit(url).path)) and not urlsplit(url).query


def _edit_failed(reply: Reply, remote: Mapping[str, Any]) -> Outcome:
    code = _read(reply).get("code")
    if reply.status == 404 and code == _UNKNOWN_MESSAGE:
        what = "The message was deleted in Discord; it is not posted again"
        return Outcome(how="sent", what=what, remote={**remote, "deleted": True})
    if (reply.status == 413 or code == _TOO_LARGE) and not remote.get("small"):
        return Outcome(how="sent", remote={**remote, "small": True}, more=True)
    return _failed(reply)


def _failed(reply: Reply) -> Outcome:
    said = _read(reply)
    what = f"Discord answered {reply.status}"
    if said.get("message"):
        what = f"{what}: {str(said['message'])[:200]}"
    if reply.status == 429:
        asked = said.get("retry_after")
        try:
            rest_s = max(bounded(asked), reply.retry_after_s or 0.0)
        except ValueError:
            rest_s = reply.retry_after_s or 5.0
        wide = said.get("global") is True or reply.headers.get("X-RateLimit-Global", "").lower() == "true"
        return Outcome(how="throttled", what=what, rest_s=rest_s, wide=wide)
    if reply.status in (401, 403, 404, 410):
        return Outcome(how="gone", what=what)
    if 400 <= reply.status < 500 and reply.status != 408:
        return Outcome(how="refused", what=what)
    return Outcome(how="retry", what=what, rest_s=reply.retry_after_s or 0.0)


def _attached(reply: Reply) -> str:
    """The id of the file that a message has; "" where the answer names none: it is sent again next time."""
    found = _read(reply).get("attachments")
    first = found[0] if isinstance(found, list) and found else None
    return str(first.get("id", ""))[:40] if isinstance(first, dict) else ""


def _rest_s(reply: Reply) -> float:
    """Nothing is left in this window: wait for the next one, so that no 429 is asked for."""
    if reply.headers.get("X-RateLimit-Remaining") != "0":
        return 0.0
    try:
        return bounded(float(reply.headers.get("X-RateLimit-Reset-After", "0")))
    except ValueError:
        return 0.0


def _read(reply: Reply) -> dict[str, Any]:
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
