"""`GET /events`: what workers deliver, as server-sent events, in the order it was stored; resumed by Last-Event-ID."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from core.times import ns
from supervisor.api.call import UserCall
from supervisor.api.errors import ApiError
from supervisor.api.models import Following
from supervisor.catalog import CatalogAway

KEEPALIVE_NS: Final = ns(15)  # a comment, so that proxies keep the connection; the token is looked at again
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
            async with services.feed.following():
                await _send(call, response, after)
        except (ConnectionError, CatalogAway):
            pass  # the client goes on where it was, by Last-Event-ID
        return response
    finally:
        services.followers.leave(call.who.id)


async def _send(call: UserCall, response: web.StreamResponse, after: int) -> None:
    services = call.services
    # Not all at the same time: after a restart everybody comes at once
    quiet_ns = services.clock.boottime_ns() - random.randrange(KEEPALIVE_NS)
    while not services.draining.is_set():
        turn = services.feed.turn()
        frames, after = await services.feed.after(after, call.workspace)
        if frames:
            await response.write(b"".join(frame.data for frame in frames))
        now_ns = services.clock.boottime_ns()
        if now_ns - quiet_ns >= KEEPALIVE_NS:
            quiet_ns = now_ns
            if not await services.gate.is_known(call.request):
                return
            await response.write(b": still here\n\n")
        if not frames:
            await turn.wait()


async def _start(call: UserCall) -> int:
    """Where to go on: Last-Event-ID, else `after`, else now."""
    query: Following = call.query
    told = call.request.headers.get("Last-Event-ID")
    if told is None:
        return await call.services.catalog.last_event() if query.after is None else query.after
    if not (told.isascii() and told.isdigit() and len(told) <= 18):
        raise ApiError(400, "bad_event_id", "Last-Event-ID is no number of an event.")
    return int(told)
