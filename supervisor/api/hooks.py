"""What gateways ask before they let a publisher in: nginx-rtmp's and MediaMTX's hooks. The stream key is the token.

A 2xx is a yes; everything else is a no. Keys have 16 characters or more, so what limits guessing is their length and
the limit on requests of an address.
"""

from __future__ import annotations

from typing import Literal

from core.pushhooks import PushAsk, parse_mediamtx, parse_nginx
from supervisor.api.call import Call, Done
from supervisor.api.errors import ApiError
from supervisor.api.reading import read_raw


async def publish(call: Call) -> Done:
    """POST /hooks/rtmp/publish: 204 lets the publisher in, 403 does not."""
    return await _answer(call, "publish")


async def done(call: Call) -> Done:
    """POST /hooks/rtmp/done: noted; gateways do not heed the answer."""
    return await _answer(call, "done")


async def _answer(call: Call, what: Literal["publish", "done"]) -> Done:
    raw = await read_raw(call.request)
    ask = parse_mediamtx(raw) if call.request.content_type == "application/json" else parse_nginx(raw)
    row = await call.services.keys.stream_of(ask.app, ask.key) if ask is not None and _fits(ask, what, call) else None
    if row is None:
        raise ApiError(403, "bad_key", "No stream that is wanted has this key.")
    peer = ask.peer if ask is not None else ""
    await call.services.catalog.audit(row.workspace, "hook", f"push.{what}", row.id, {"peer": peer[:64]})
    return Done(None, 204)


def _fits(ask: PushAsk, what: str, call: Call) -> bool:
    """MediaMTX has no call for the end: its `runOnNotReady` sends the question again, to the other address."""
    return ask.what == what or (what == "done" and call.request.content_type == "application/json")
