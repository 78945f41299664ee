"""A room's worker as the API sees it: an aiohttp server on `room.sock` in its session's folder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from supervisor.api.roomsocket import SOCKET
from tests.unit.api.stage import Stage

ANSWER_SDP = "v=0\r\nanswer\r\n"


@dataclass
class Worker:
    """What came, and the sockets that are open."""

    seen: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    open: list[web.WebSocketResponse] = field(default_factory=list)
    refuse: int = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/ws", self._ws)
        app.router.add_post("/whip", self._offer)
        app.router.add_route("*", "/whip/{id}", self._session)
        return app

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(("GET", "/ws", dict(request.headers), ""))
        if self.refuse:
            return web.Response(status=self.refuse)
        socket = web.WebSocketResponse(protocols=("clipd.room.v1",), max_msg_size=1 << 20)
        await socket.prepare(request)
        self.open.append(socket)
        async for frame in socket:
            if frame.data == "die":
                assert request.transport is not None
                request.transport.abort()
            elif frame.data.startswith("close "):
                await socket.close(code=int(frame.data[6:]))
            else:
                await socket.send_str(f"heard {frame.data}")
        return socket

    async def _offer(self, request: web.Request) -> web.Response:
        self.seen.append(("POST", "/whip", dict(request.headers), await request.text()))
        if self.refuse:
            error = {"error": {"code": "bad_offer", "message": "HEVC is not taken. Choose H.264.", "remedy": ""}}
            return web.json_response(error, status=self.refuse)
        headers = {"Location": "/whip/abc-1", "ETag": '"e1"', "Set-Cookie": "no=1"}
        return web.Response(status=201, text=ANSWER_SDP, content_type="application/sdp", headers=headers)

    async def _session(self, request: web.Request) -> web.Response:
        self.seen.append((request.method, request.path, dict(request.headers), await request.text()))
        return web.Response(status=204 if request.method == "PATCH" else 200)


@asynccontextmanager
async def room_worker(api: Stage, stream: str) -> AsyncIterator[Worker]:
    """With a claim on the stream, and a socket."""
    await api.worker(stream)  # type: ignore[arg-type]
    folder = Path(api.services.settings.data_dir) / "sessions" / f"s-{stream}"
    folder.mkdir(parents=True, exist_ok=True)
    worker = Worker()
    runner = web.AppRunner(worker.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    opened = await asyncio.to_thread(os.open, folder, os.O_RDONLY)
    try:
        await web.UnixSite(runner, f"/proc/self/fd/{opened}/{SOCKET}").start()
        yield worker
    finally:
        for socket in worker.open:
            await socket.close()
        await runner.cleanup()
        os.close(opened)
