"""Any program that listens for webhooks, as Standard Webhooks 1.0.0 describes them (standardwebhooks.com).

`webhook-id` names one state of one clip in one channel and is the same at every attempt; `webhook-signature` holds one
signature for each secret that counts, so that a secret can be changed without a gap.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from core.times import NS_PER_S, to_s
from supervisor.alerts.messages import Message
from supervisor.alerts.outcome import Outcome
from supervisor.alerts.outgoing import Outgoing
from supervisor.catalog.values import ClipRow

SECRET_BYTES: Final = 32  # 24 to 64, says the specification
PREFIX: Final = "whsec_"


def new_secret() -> str:
    """`whsec_` and 32 random bytes as base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def live_secrets(kept: Mapping[str, Any], now_ns: int) -> list[str]:
    """The newest first; the one before as long as both count (wall clock)."""
    found = [str(kept["now"])] if kept.get("now") else []
    if kept.get("before") and now_ns < int(kept.get("until_ns", 0)):
        found.append(str(kept["before"]))
    return found


def signatures(keys: list[str], id_: str, at_s: int, body: bytes) -> str:
    """Of `id.timestamp.body`, HMAC-SHA256, one for each secret."""
    signed = f"{id_}.{at_s}.".encode() + body
    made = [hmac.digest(base64.b64decode(key.removeprefix(PREFIX)), signed, hashlib.sha256) for key in keys]
    return " ".join(f"v1,{base64.b64encode(each).decode()}" for each in made)


def body_of(kind: str, message: Message, clip: ClipRow, at_ns: int) -> bytes:
    """The JSON that is sent: flat, with the same names in every state. `kind` is alert or publish."""
    files = clip.line.get("files")
    data = {
        "clip": message.clip, "revision": message.revision, "state": message.state, "title": message.title,
        "stream": clip.stream, "stream_name": message.stream, "session": clip.session, "score": message.score,
        "reasons": list(message.reasons), "start_s": message.start_s, "length_s": message.length_s,
        "created": message.at.isoformat(), "url": message.link, "text": message.text,
        "files": sorted(str(name) for name in files) if isinstance(files, Mapping) else [],
    }  # fmt: skip
    at = datetime.fromtimestamp(to_s(at_ns), UTC).isoformat(timespec="seconds")
    type_ = "clip.published" if kind == "publish" and message.state != "withdrawn" else f"clip.{message.state}"
    return json.dumps({"type": type_, "timestamp": at, "data": data}, separators=(",", ":")).encode()


async def post(out: Outgoing, url: str, keys: list[str], id_: str, body: bytes, now_ns: int) -> Outcome:
    """One attempt. Raises SourceRefused, SourceUnreachable."""
    at_s = now_ns // NS_PER_S
    headers = {
        "Content-Type": "application/json", "webhook-id": id_, "webhook-timestamp": str(at_s),
        "webhook-signature": signatures(keys, id_, at_s, body),
    }  # fmt: skip
    reply = await out.ask("POST", url, headers=headers, data=body)
    what = f"The receiver answered {reply.status}"
    if reply.is_ok:
        return Outcome(how="sent", remote={"told": True})
    if reply.status == 410:
        return Outcome(how="gone", what=f"{what}: it wants no more")
    if 300 <= reply.status < 400:
        what += ", and redirects are not followed"
    return Outcome(how="retry", what=what, rest_s=reply.retry_after_s or 0.0)
