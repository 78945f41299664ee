"""The room's WebSocket: who comes is looked at here, and what is said goes to the room's worker and back, unread.

So a worker that dies costs its guests a reconnect: their socket is closed with 1012, and with 1013 while there is no
worker. What they record goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from aiohttp import WSCloseCode, web

from core.times import ns
from supervisor.api.call import Call, Services
from supervisor.api.errors import ApiError
from supervisor.api.roomsocket import HOST, WorkerAway, to_worker
from supervisor.catalog import CatalogAway, NotFound
from supervisor.catalog.room_values import PersonRow

PROTOCOL: Final = "clipd.room.v1"
TOKEN: Final = "token."  # a second protocol that is offered: browsers can send no header of their own
MAX_FRAME: Final = 256 << 10
PING_S: Final = 15.0
CONNECT_S: Final = 5.0
LOOK_NS: Final = ns(20)  # between two looks whether somebody is still let in
AWAY: Final = WSCloseCode.TRY_AGAIN_LATER
GONE: Final = WSCloseCode.SERVICE_RESTART
_REFUSED: Final = {403: b"kicked", 409: b"room_full"}  # by the worker's status
_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def join_socket(call: Call) -> web.StreamResponse:
    """GET /rooms/{id}/ws: `new WebSocket(url, ["clipd.room.v1", "token." + token])`. Text frames of 256 KiB at most."""
    services, request = call.services, call.request
    offered = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    token = next((each.removeprefix(TOKEN) for each in offered if each.startswith(TOKEN)), "")
    services.gate.check_origin(request, is_said=False)
    person = await services.gate.guest_of(request, token, "cg", call.path["id"])
    socket = web.WebSocketResponse(protocols=(PROTOCOL,), heartbeat=PING_S, max_msg_size=MAX_FRAME, compress=False)
    if PROTOCOL not in offered or not socket.can_prepare(request).ok:
        raise ApiError(400, "no_websocket", f"This is a WebSocket of the protocol {PROTOCOL}.")
    room = await services.catalog.room(None, person.room)
    with services.followers.follow(person.id):
        await socket.prepare(request)
        try:
            async with to_worker(services, room.stream, CONNECT_S) as client:
                await _proxied(services, socket, client, person)
        except (WorkerAway, CatalogAway) as err:
            code, reason = _why(err.__cause__)
            await socket.close(code=code, message=reason)
    return socket


async def _proxied(
    services: Services, socket: web.WebSocketResponse, client: aiohttp.ClientSession, person: PersonRow
) -> None:
    """Until either side ends. Raises what `to_worker` turns into WorkerAway, before anything was said."""
    async with client.ws_connect(
        f"{HOST}/ws", headers=_headers(person), protocols=(PROTOCOL,), max_msg_size=MAX_FRAME, heartbeat=PING_S,
        timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
    ) as worker:  # fmt: skip
        code = await _first(
            _pipe(socket, worker, WSCloseCode.OK),
            _pipe(worker, socket, GONE),
            _watch(services, person),
        )
        await socket.close(code=code)


async def _first(*works: Coroutine[Any, Any, int]) -> int:
    """What the first of them says; the others end with it."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pipe(source: _Socket, target: _Socket, ended: int) -> int:
    """Frames one way, each waited for; the code to close with."""
    try:
        async for frame in source:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                return WSCloseCode.UNSUPPORTED_DATA
            await target.send_str(frame.data)
    except (ConnectionError, aiohttp.ClientError):
        return GONE
    said = source.close_code
    return said if said is not None and _may_be_said(said) and said != WSCloseCode.GOING_AWAY else ended


async def _watch(services: Services, person: PersonRow) -> int:
    """Who is let in no more leaves, and everybody does when this server ends."""
    while not services.draining.is_set():
        waited = asyncio.ensure_future(services.clock.sleep(LOOK_NS))
        drained = asyncio.ensure_future(services.draining.wait())
        try:
            await asyncio.wait({waited, drained}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waited.cancel()
            drained.cancel()
        try:
            _, may_enter = await services.catalog.person(person.room, person.id)
        except NotFound:
            may_enter = False
        except CatalogAway:
            continue
        if not may_enter:
            return WSCloseCode.POLICY_VIOLATION
    return GONE


def _why(cause: BaseException | None) -> tuple[int, bytes]:
    """Code and reason for a worker that did not take somebody in: it said no, or there is none."""
    if isinstance(cause, aiohttp.WSServerHandshakeError) and cause.status in _REFUSED:
        return WSCloseCode.POLICY_VIOLATION, _REFUSED[cause.status]
    return AWAY, b"room_opening"


def _may_be_said(code: int) -> bool:
    """Codes that a close frame may carry (RFC 6455, section 7.4)."""
    return (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999


def _headers(person: PersonRow) -> Mapping[str, str]:
    return {
        "X-Clipd-Participant": person.id,
        "X-Clipd-Role": person.role,
        "X-Clipd-Name": quote(person.name, safe=""),
        "X-Clipd-Room": person.room,
        "X-Clipd-Notice": person.notice,
    }
