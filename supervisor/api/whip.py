"""WHIP (RFC 9725): encoders such as OBS push a stream over WebRTC. Keys are looked at here, SDP goes to the worker.

The key is the bearer token, or the last part of the address for encoders that can send none. The session's address that
is given back carries the same right: behind `session/` the bearer key is asked for, behind the key it is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

import aiohttp
from aiohttp import web

from supervisor.api.call import Call, Done
from supervisor.api.errors import ApiError
from supervisor.api.prefix import API
from supervisor.api.roomsocket import HOST, WorkerAway, to_worker

MAX_SDP: Final = 64 << 10
ANSWER_S: Final = 15.0
RETRY_S: Final = 5
SESSION: Final = "session"
_PASSED_ON: Final = ("Content-Type", "If-Match")
_PASSED_BACK: Final = ("Content-Type", "ETag", "Link", "Accept-Post", "Accept-Patch", "Retry-After")
_LOCATION: Final = re.compile(r"(?:https?://[^/]*)?/whip/([A-Za-z0-9_-]{1,80})")
_CODE: Final = re.compile(r"[a-z0-9_]{1,40}")


async def offer(call: Call) -> web.StreamResponse:
    """POST /whip, or /whip/{key}: an offer in SDP; 201 with the answer and where its session is."""
    return await _passed(call, "/whip")


async def change(call: Call) -> web.StreamResponse:
    """PATCH of a session: candidates that come later, where the worker takes them."""
    return await _passed(call, f"/whip/{call.path['offer']}")


async def end(call: Call) -> web.StreamResponse:
    """DELETE of a session: the publisher has ended."""
    return await _passed(call, f"/whip/{call.path['offer']}")


async def options(call: Call) -> Done:  # noqa: ARG001 - what a handler is given
    """OPTIONS: what may be posted."""
    return Done(status=204, headers={"Accept-Post": "application/sdp", "Allow": "POST, OPTIONS"})


async def nothing(call: Call) -> Done:  # noqa: ARG001
    """GET: nothing, as RFC 9725 has it."""
    return Done(status=204)


async def _passed(call: Call, path: str) -> web.StreamResponse:
    request = call.request
    stream = await _stream(call)
    body = await _body(request)
    headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    try:
        async with (
            to_worker(call.services, stream, ANSWER_S) as client,
            client.request(
                request.method, f"{HOST}{path}", data=body or None, headers=headers, allow_redirects=False
            ) as answer,
        ):
            return _answer(call, answer, await _read(answer))
    except WorkerAway as err:
        raise ApiError(
            503, "stream_opening", "The stream's worker is not there yet. Try again.",
            headers={"Retry-After": str(RETRY_S)},
        ) from err  # fmt: skip


async def _stream(call: Call) -> str:
    """Whose key it is. Raises ApiError."""
    header = call.request.headers.get("Authorization", "")
    bearer = header[7:].strip() if header[:7].lower() == "bearer " else ""
    key = call.path.get("key") or bearer
    row = await call.services.keys.whip_stream_of(key) if key else None
    if row is None:
        call.services.gate.charge_join(call.request)
        raise ApiError(401, "bad_key", "No stream that is wanted has this key.", headers={"WWW-Authenticate": "Bearer"})
    return row.id


async def _body(request: web.Request) -> bytes:
    data = bytearray()
    async for piece in request.content.iter_any():
        data += piece
        if len(data) > MAX_SDP:
            raise ApiError(413, "too_large", f"An offer has {MAX_SDP >> 10} KiB at most.")
    return bytes(data)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for piece in answer.content.iter_any():
        data += piece
        if len(data) > MAX_SDP:
            raise WorkerAway
    return bytes(data)


def _answer(call: Call, answer: aiohttp.ClientResponse, data: bytes) -> web.Response:
    headers = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
    if answer.status >= 400:
        headers.pop("Content-Type", None)
        raise _refused(answer.status, data, headers)
    if "Location" in answer.headers:
        found = _LOCATION.fullmatch(answer.headers["Location"])
        if found is None:
            raise WorkerAway
        headers["Location"] = f"{API}/whip/{call.path.get('key', SESSION)}/{found[1]}"
    return web.Response(status=answer.status, body=data, headers=headers)


def _refused(status: int, data: bytes, headers: Mapping[str, str]) -> ApiError:
    """The worker's word, in our shape."""
    try:
        said = json.loads(data)["error"]
        code, message = str(said["code"]), str(said["message"])[:500]
    except (ValueError, KeyError, TypeError, RecursionError):
        code, message = "", ""
    return ApiError(
        status, code if _CODE.fullmatch(code) else "whip_refused", message or "The offer was refused.", headers=headers
    )
