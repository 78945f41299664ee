"""`Idempotency-Key` on POST: the same request asked again gets the same answer, and does nothing again.

Kept by token and key, with a digest of what was asked, and only where it succeeded: what failed may be tried again. An
answer that shows a secret is kept without it: the catalog holds no secrets in clear.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import BaseModel

from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError
from supervisor.catalog.values import Reply

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
MAX_KEY: Final = 200


def asked_key(call: UserCall) -> str | None:
    """The key under which an answer is kept; None where the request has none. Raises ApiError."""
    text = call.request.headers.get(HEADER)
    if text is None:
        return None
    if not 1 <= len(text) <= MAX_KEY or not text.isascii() or not text.isprintable():
        raise ApiError(400, "bad_key", f"{HEADER} has 1 to {MAX_KEY} printable characters.")
    return hashlib.sha256(f"{call.who.id}\0{text}".encode()).hexdigest()


async def once(
    call: UserCall, raw: bytes, does: Callable[[], Awaitable[Done]]
) -> tuple[int, dict[str, Any] | None, bool]:
    """Status and body of the answer, and whether it is a kept one."""
    key = asked_key(call)
    if key is None:
        done = await does()
        return done.status, payload(done), False
    target = f"{call.request.method} {call.request.path_qs}\0".encode()
    # Keyed by what the client made up: a body may hold a password, which nobody shall find by trying
    asked = hmac.digest(call.request.headers[HEADER].encode(), target + raw, "sha256").hex()
    catalog = call.services.catalog
    with call.services.underway.hold(call.workspace, key):
        kept = await catalog.reply(call.workspace, key)
        if kept is not None:
            return _again(kept, asked)
        done = await does()
        body = payload(done)
        shown = None if body is None else {**body, **dict.fromkeys(done.secrets)}
        await catalog.keep_reply(call.workspace, key, Reply(asked=asked, status=done.status, body=json.dumps(shown)))
        return done.status, body, False


def payload(done: Done) -> dict[str, Any] | None:
    """The body as JSON values."""
    if isinstance(done.body, BaseModel):
        return done.body.model_dump(mode="json")
    return None if done.body is None else dict(done.body)


def _again(kept: Reply, asked: str) -> tuple[int, dict[str, Any] | None, bool]:
    if kept.asked != asked:
        raise ApiError(422, "key_reused", f"This {HEADER} was used for another request. Use a new one.")
    return kept.status, json.loads(kept.body), True
