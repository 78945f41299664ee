"""What big gateways ask before they let a publisher in: the hooks of nginx-rtmp and MediaMTX as one question. Pure.

nginx-rtmp `on_publish` and `on_publish_done`: a form with `call`, `app`, `name`, `addr`. MediaMTX `authHTTPAddress`:
JSON with `action`, `path`, `ip`, `protocol`. Both take a 2xx as yes and anything else as no. The key is the last part
of the path; where a gateway wants it apart, it comes as `key` or `token` in the query or as the password.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import parse_qs

MAX_BODY: Final = 16 << 10
MAX_FIELDS: Final = 64
MAX_TEXT: Final = 512
_CALLS: Final[Mapping[str, Literal["publish", "done"]]] = {"publish": "publish", "publish_done": "done"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PushAsk:
    """May this be published (`publish`), or has it ended (`done`)? `key` is a secret; `peer`: says the gateway."""

    what: Literal["publish", "done"]
    app: str
    key: str = field(repr=False)
    peer: str = ""


def parse_nginx(body: bytes) -> PushAsk | None:
    """The question in a form of nginx-rtmp; None for other calls (play, update) and for what is no such form."""
    if len(body) > MAX_BODY:
        return None
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        return None
    form = {name: values[0] for name, values in fields.items()}
    what = _CALLS.get(form.get("call", ""))
    if what is None:
        return None
    return _ask(what, form.get("app", ""), form.get("key") or form.get("token") or form.get("name"), form.get("addr"))


def parse_mediamtx(body: bytes) -> PushAsk | None:
    """The question in MediaMTX's JSON; None for other actions (read, playback, api) and for what is no such JSON."""
    if len(body) > MAX_BODY:
        return None
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("action") != "publish":
        return None
    app, _, name = _text(told, "path").strip("/").partition("/")
    key = _text(told, "token") or _of_query(_text(told, "query")) or _text(told, "password") or name
    return _ask("publish", app, key, _text(told, "ip"))


def _ask(what: Literal["publish", "done"], app: str, key: str | None, peer: str | None) -> PushAsk | None:
    texts = (app, key or "", peer or "")
    if not app or not key or any(len(text) > MAX_TEXT or not text.isprintable() for text in texts):
        return None
    return PushAsk(what=what, app=app, key=key, peer=peer or "")


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _of_query(query: str) -> str:
    try:
        fields = parse_qs(query, max_num_fields=MAX_FIELDS)
    except ValueError:
        return ""
    return next((fields[name][0] for name in ("key", "token") if name in fields), "")
