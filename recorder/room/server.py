"""A room's door: a local socket on which people arrive whom the supervisor has let through.

    GET /ws      a page's WebSocket; X-Clipd-Participant, -Role, -Name (percent-encoded), -Room, and -Notice if known
    GET /state   what the room is like, as JSON

The socket is the worker's own (mode 0600), so that its headers can be believed; what comes through it is bounded still.
"""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, cast, get_args
from urllib.parse import unquote

from aiohttp import web

from core.errors import ClipdError, StorageError
from core.ids import is_safe_id
from core.protocols import Clock
from recorder.room.connection import Connection
from recorder.room.messages import Pid, Role
from recorder.room.protocol import SUBPROTOCOL
from recorder.room.room import RecordingRoom

MAX_NAME: Final = 80
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_STATUS: Final = {"room_full": 409, "kicked": 403}


class RoomServer:
    """Serves one room. `app` is all of it; `listening` puts it on a socket."""

    def __init__(self, room: RecordingRoom, clock: Clock) -> None:
        self.room = room
        self._clock = clock

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=1 << 16)
        app.router.add_get("/ws", self._ws)
        app.router.add_get("/state", self._state)
        return app

    @asynccontextmanager
    async def listening(self, path: Path, name: str) -> AsyncIterator[None]:
        """People may come while the block runs. `name`: the same socket by a name of at most 107 bytes. One that an
        earlier attempt left behind is replaced. Raises StorageError."""
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        try:
            listening.bind(name)
            path.chmod(0o600)  # before anyone can connect
        except OSError as err:
            listening.close()
            raise StorageError(
                f"Cannot make the room's socket: {err.strerror or err}",
                remedy="The session's folder has to be writable.",
                code="cannot_listen",
            ) from err
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        try:
            yield
        finally:
            self.room.dismiss()
            await runner.cleanup()
            path.unlink(missing_ok=True)

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        headers = request.headers
        pid, role = headers.get("X-Clipd-Participant", ""), headers.get("X-Clipd-Role", "")
        name = unquote(headers.get("X-Clipd-Name", ""))[:MAX_NAME].strip()
        notice = headers.get("X-Clipd-Notice", "")
        if not is_safe_id(pid) or role not in get_args(Role) or headers.get("X-Clipd-Room") != self.room.spec.id:
            return _refused("bad_request", "These are no headers of a participant of this room", 400)
        if SUBPROTOCOL not in headers.get("Sec-WebSocket-Protocol", ""):
            return _refused("bad_request", f"The subprotocol {SUBPROTOCOL} is missing", 400)
        shown = "".join(each for each in name if each.isprintable()) or "Guest"
        connection = Connection(self.room, Pid(pid), self._clock)
        try:
            await self.room.enter(
                Pid(pid), shown, cast("Role", role), notice if _SHA256.fullmatch(notice) else None, connection
            )
        except ClipdError as err:
            return _refused(err.code, err.what, _STATUS.get(err.code, 503))
        return await connection.serve(request)

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(self.room.snapshot())


def _refused(code: str, message: str, status: int) -> web.Response:
    """In the API's error shape."""
    error = {"code": code, "message": message, "remedy": "See docs/rooms.md."}
    return web.json_response({"error": error}, status=status)
