"""The control room: its page and the files below /assets/, open to all. They show nothing until somebody signs in."""

from __future__ import annotations

from aiohttp import web

from supervisor.api.call import Call
from supervisor.api.errors import ApiError
from supervisor.dashboard import DEVICES, PAGE, POLICY, ROOM_PAGE, assets


async def show(call: Call) -> web.Response:
    """GET /: the control room."""
    return _answer(call.request, PAGE)


async def room(call: Call) -> web.Response:
    """GET /room/{id}: the same for all rooms; who is let in is asked when its page joins."""
    answer = _answer(call.request, ROOM_PAGE)
    answer.headers["Permissions-Policy"] = DEVICES
    return answer


async def asset(call: Call) -> web.Response:
    """GET /assets/{name}. Browsers keep it and ask again by its ETag: a new version is seen at once."""
    return _answer(call.request, call.path["name"])


def _answer(request: web.Request, name: str) -> web.Response:
    found = assets().get(name)
    if found is None:
        raise ApiError(404, "not_found", "There is nothing at this address.")
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-cache",
        "ETag": found.etag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("If-None-Match") == found.etag:
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = found.type
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=found.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=found.body, headers=headers)
