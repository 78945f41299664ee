"""`GET /events`: what workers deliver, as server-sent events, in the order it was stored; resumed by Last-Event-ID."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from core.times import NS_PER_S, ns
from supervisor.api.call import UserCall
from supervisor.api.errors import ApiError
from supervisor.api.internal import EVENTS
from supervisor.api.models import Following
from supervisor.api.rows import public_line
from supervisor.catalog import CatalogAway
from supervisor.catalog.values import StoredEvent

AT_ONCE: Final = 100  # events of one look
KEEPALIVE_NS: Final = ns(15)  # a comment, so that proxies keep the connection; the token is looked at again
LOOK_AGAIN_NS: Final = NS_PER_S
_HEADERS: Final[Mapping[str, str]] = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}


async def follow(call: UserCall) -> web.StreamResponse:
    """GET /events. Ends when the server drains, the token is revoked or the catalog is away: clients come again."""
    services = call.services
    after = await _start(call)
    services.followers.enter(call.who.id)
    try:
        response = web.StreamResponse(headers=dict(_HEADERS))
        await response.prepare(call.request)
        try:
            await response.write(b"retry: 2000\n\n")
            await _send(call, response, after)
        except (ConnectionError, CatalogAway):
            pass  # the client goes on where it was, by Last-Event-ID
        return response
    finally:
        services.followers.leave(call.who.id)


async def _send(call: UserCall, response: web.StreamResponse, after: int) -> None:
    services = call.services
    quiet_ns = services.clock.boottime_ns()
    while not services.draining.is_set():
        rows = await services.catalog.events_after(after, workspace=call.workspace, limit=AT_ONCE)
        for row in rows:
            await response.write(_frame(row))
            after = row.id
        now_ns = services.clock.boottime_ns()
        if now_ns - quiet_ns >= KEEPALIVE_NS:
            quiet_ns = now_ns
            if not await services.gate.is_known(call.request):
                return
            await response.write(b": still here\n\n")
        if not rows:
            await services.wakes.wait(
                EVENTS, clock=services.clock, duration_ns=LOOK_AGAIN_NS, draining=services.draining
            )


async def _start(call: UserCall) -> int:
    """Where to go on: Last-Event-ID, else `after`, else now."""
    query: Following = call.query
    told = call.request.headers.get("Last-Event-ID")
    if told is None:
        return await call.services.catalog.last_event() if query.after is None else query.after
    if not (told.isascii() and told.isdigit() and len(told) <= 18):
        raise ApiError(400, "bad_event_id", "Last-Event-ID is no number of an event.")
    return int(told)


def _frame(row: StoredEvent) -> bytes:
    data: dict[str, Any] = {"stream": row.stream, "session": row.session, "line": public_line(row.line)}
    return f"id: {row.id}\nevent: {row.kind}\ndata: {json.dumps(data)}\n\n".encode()
