"""A room's server as far as its page sees it: the wire of docs/rooms.md, kept in memory. Media goes nowhere.

Fast, and it can be away, slow or full at will. The tests of the whole (tests/browser/rooms/test_whole.py) have the real
server and its worker.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from queue import Queue
from typing import Any, Final

from aiohttp import WSMsgType, web

from supervisor.dashboard import POLICY, assets

NOTICE: Final = (
    "Your camera, your microphone and, where you share it, your screen are recorded on this device while a recording "
    "runs, and sent to the host's server. The server keeps a copy of the call as well.\n\n"
    "The recording is stored on the host's own machine. Ask the host how long it is kept."
)
REFUSED: Final = {"expired": "invite_expired", "revoked": "invite_revoked", "used": "invite_used"}
MAX_PART: Final = 4 << 20


@dataclass
class Segment:
    """One upload: what the page said of it, and its parts."""

    facts: dict[str, Any]
    parts: dict[int, bytes] = field(default_factory=dict)
    state: str = "open"
    final: dict[str, Any] = field(default_factory=dict)

    @property
    def bytes(self) -> bytes:
        return b"".join(self.parts[seq] for seq in sorted(self.parts))


class FakeRoom:
    """One room, and the switches of its server."""

    def __init__(self) -> None:
        self.url = ""
        self.loop: asyncio.AbstractEventLoop
        self.invites = {"host-secret": "host", "guest-secret": "guest"}
        self.admits_at_once = True
        self.away = False  # answers 503, and hangs up
        self.full = False  # answers chunks with 507
        self.verifies = True
        self.delay_s = 0.0  # before a chunk is answered
        self.people: dict[str, dict[str, Any]] = {}
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.said: list[tuple[str, dict[str, Any]]] = []  # (pid, message), in their order
        self.segments: dict[str, Segment] = {}
        self.puts: Counter[tuple[str, int]] = Counter()  # chunks that were answered 201 or 200
        self.take: dict[str, Any] | None = None
        self.layout = "grid"
        self._began = time.monotonic()

    @property
    def now_ms(self) -> float:
        return (time.monotonic() - self._began) * 1000

    def link(self, secret: str = "host-secret") -> str:
        return f"{self.url}/room/rm1#{secret}"

    def do(self, work: Any) -> Any:
        """On the server's loop, from the test's thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """What was said of one type."""
        return [message for _, message in self.said if message["type"] == kind]

    async def hang_up(self) -> None:
        """All sockets end, as with a worker that was killed."""
        for socket in list(self.sockets.values()):
            await socket.close(code=1012)

    async def tell(self, pid: str, kind: str, /, **body: Any) -> None:
        socket = self.sockets.get(pid)
        if socket is not None and not socket.closed:
            await socket.send_str(json.dumps({"v": 1, "type": kind, **body}))

    async def tell_all(self, kind: str, /, **body: Any) -> None:
        for pid in list(self.sockets):
            await self.tell(pid, kind, **body)

    async def peers(self) -> None:
        """Everybody hears who is there."""
        await self.tell_all("peers", peers=list(self.people.values()), layout=self.layout)

    async def record(self, on: bool) -> None:
        """Begin a take, or end it."""
        if on:
            self.take = {"id": f"t{len(self.of('rec.start')) or 1}", "started_ms": self.now_ms}
            await self.tell_all("rec.start", take=self.take["id"], at_ms=self.now_ms)
        elif self.take:
            take, self.take = self.take, None
            await self.tell_all("rec.stop", take=take["id"], at_ms=self.now_ms)


def error(status: int, code: str, message: str, **details: Any) -> web.Response:
    """The API's one shape."""
    body = {"error": {"code": code, "message": message, "details": details, "trace_id": "t"}}
    return web.json_response(body, status=status)


def make_app(room: FakeRoom) -> web.Application:
    """The routes that the page asks."""

    @web.middleware
    async def gate(request: web.Request, handler: Any) -> web.StreamResponse:
        if room.away and request.path.startswith("/api/"):
            return error(503, "away", "Try again.")
        return await handler(request)  # type: ignore[no-any-return]

    app = web.Application(client_max_size=MAX_PART + 1024, middlewares=[gate])
    app.router.add_get("/room/{id}", _page)
    app.router.add_get("/assets/{name:.+}", _file)
    api = "/api/v1/rooms/rm1"
    app.router.add_get(f"{api}/notice", _notice)
    app.router.add_post(f"{api}/join", partial(_join, room))
    app.router.add_post(f"{api}/refresh", _refresh)
    app.router.add_get(f"{api}/ws", partial(_ws, room))
    app.router.add_post(f"{api}/segments", partial(_segment, room))
    app.router.add_get("/api/v1/uploads/{seg}", partial(_look, room))
    app.router.add_put("/api/v1/uploads/{seg}/chunks/{seq:\\d+}.part", partial(_put, room))
    app.router.add_post("/api/v1/uploads/{seg}/final", partial(_final, room))
    return app


async def _page(_: web.Request) -> web.Response:
    return _asset("room/index.html")


async def _file(request: web.Request) -> web.Response:
    return _asset(request.match_info["name"])


def _asset(name: str) -> web.Response:
    found = assets().get(name)
    if found is None:
        return web.Response(status=404)
    headers = {"Content-Security-Policy": POLICY, "Content-Type": found.type, "Cache-Control": "no-cache"}
    return web.Response(body=found.body, headers=headers)


async def _notice(_: web.Request) -> web.Response:
    return web.json_response({"text": NOTICE, "sha256": hashlib.sha256(NOTICE.encode()).hexdigest()})


async def _join(room: FakeRoom, request: web.Request) -> web.Response:
    body = await request.json()
    assert body.keys() == {"invite", "name", "client_id", "consent", "notice"}
    assert body["consent"] is True
    role = room.invites.get(body["invite"])
    if role is None or role in REFUSED:
        return error(403, REFUSED.get(role or "", "invite_unknown"), "Refused.")
    pid = f"p{hashlib.sha256((body['client_id'] + role).encode()).hexdigest()[:8]}"
    room.people.setdefault(pid, _person(pid, body["name"], role))["name"] = body["name"]
    return web.json_response(
        {
            "participant": pid, "role": role, "room": {"id": "rm1", "name": "Tuesday show"}, "token": f"session.{pid}",
            "upload_token": f"upload.{pid}", "ice_servers": [], "limits": {"chunk_bytes": MAX_PART, "max_kbps": 1200},
        }
    )  # fmt: skip


def _person(pid: str, name: str, role: str) -> dict[str, Any]:
    tracks = {name: {"on": False, "codec": None, "rec": None} for name in ("mic", "cam", "screen")}
    return {
        "pid": pid, "name": name, "role": role, "state": "gone", "tracks": tracks, "level": None, "net": None,
        "upload": None, "muted": [],
    }  # fmt: skip


async def _refresh(request: web.Request) -> web.Response:
    pid = request.headers["Authorization"].removeprefix("Bearer session.")
    return web.json_response({"token": f"session.{pid}", "upload_token": f"upload.{pid}"})


async def _ws(room: FakeRoom, request: web.Request) -> web.StreamResponse:
    version, token = request.headers["Sec-WebSocket-Protocol"].split(", ")
    assert version == "clipd.room.v1"
    pid = token.removeprefix("token.session.")
    socket = web.WebSocketResponse(protocols=("clipd.room.v1",))
    await socket.prepare(request)
    room.sockets[pid] = socket
    me = room.people[pid]
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            body = json.loads(message.data)
            assert body["v"] == 1
            assert body["id"]
            room.said.append((pid, body))
            await _heard(room, me, body)
    if room.sockets.get(pid) is socket:
        me["state"] = "gone"
        del room.sockets[pid]
        await room.peers()
    return socket


async def _heard(room: FakeRoom, me: dict[str, Any], body: dict[str, Any]) -> None:
    pid, kind = me["pid"], body["type"]
    if kind == "hello":
        is_in = room.admits_at_once or me["role"] == "host"
        me["state"] = "joined" if is_in else "lobby"
        facts = {"name": me["name"], "role": me["role"], "room": "rm1", "epoch_now_ms": room.now_ms}
        await room.tell(pid, "welcome", pid=pid, take=room.take, admitted=is_in, ice_servers=[], limits={},
                        layout=room.layout, gen=-1, **facts)  # fmt: skip
        await room.peers()
    elif kind == "clk":
        await room.tell(pid, "clk", re=body["id"], t0=body["t0"], t1=room.now_ms, t2=room.now_ms)
    elif kind in ("rec.start", "rec.stop"):
        await room.record(kind == "rec.start")
    elif kind == "admit":
        room.people[body["pid"]]["state"] = "joined"
        await room.tell(body["pid"], "admitted")
        await room.peers()
    elif kind in ("kick", "deny"):
        await room.tell(body["pid"], "kick", reason="denied" if kind == "deny" else "kicked")
    elif kind == "upl.state":
        me["upload"] = {name: body[name] for name in ("made", "sent", "verified", "bytes_left", "bps")}
        await room.peers()
    elif kind == "mute":
        whom = room.people[body.get("pid", pid)]
        muted = set(whom["muted"]) - {body["track"]} | (set() if body["on"] else {body["track"]})
        whom["muted"] = sorted(muted)
        await room.peers()
    elif kind == "layout":
        room.layout = body["layout"]
        await room.peers()
    if kind not in ("clk", "hello"):
        await room.tell(pid, "ok", re=body["id"])


# -- uploads ----------------------------------------------------------------------------------------------------------


async def _segment(room: FakeRoom, request: web.Request) -> web.Response:
    assert request.headers["Authorization"].startswith("Bearer upload.")
    body = await request.json()
    assert body.keys() == {"seg", "take", "track", "mime", "t_ms", "settings"}
    room.segments.setdefault(body["seg"], Segment(body))
    return web.json_response(_shown(room.segments[body["seg"]]), status=201)


def _shown(segment: Segment) -> dict[str, Any]:
    have: list[list[int]] = []
    for seq in sorted(segment.parts):
        if have and have[-1][1] == seq:
            have[-1][1] = seq + 1
        else:
            have.append([seq, seq + 1])
    return {"have": have, "bytes": sum(map(len, segment.parts.values())), "state": segment.state}


async def _look(room: FakeRoom, request: web.Request) -> web.Response:
    segment = room.segments.get(request.match_info["seg"])
    if segment is None:
        return error(404, "not_found", "No such upload.")
    shown = web.json_response(_shown(segment))
    if segment.state == "whole" and room.verifies:
        segment.state = "verified"
    return shown


async def _put(room: FakeRoom, request: web.Request) -> web.Response:
    seg, seq = request.match_info["seg"], int(request.match_info["seq"])
    body = await request.read()
    await asyncio.sleep(room.delay_s)
    if room.full:
        return error(507, "disk_full", "The disk is full.")
    segment = room.segments.get(seg)
    if segment is None:
        return error(404, "not_found", "No such upload.")
    if hashlib.sha256(body).hexdigest() != request.headers["X-Clipd-Sha256"]:
        return error(422, "chunk_damaged", "Send it again.")
    if len(body) > MAX_PART or not body:
        return error(413, "too_large", "A chunk has 4 MiB at most.")
    if segment.parts.get(seq, body) != body:
        return error(409, "chunk_differs", "There is another chunk of this number.")
    is_new = seq not in segment.parts
    segment.parts[seq] = body
    room.puts[seg, seq] += 1
    return web.json_response({"seq": seq, "bytes": len(body)}, status=201 if is_new else 200)


async def _final(room: FakeRoom, request: web.Request) -> web.Response:
    segment, body = room.segments[request.match_info["seg"]], await request.json()
    assert body.keys() == {"chunks", "bytes", "chain", "t_stop_ms", "reason"}
    missing = [[seq, seq + 1] for seq in range(body["chunks"]) if seq not in segment.parts]
    if missing:
        return error(409, "chunks_missing", "Chunks are missing.", missing=missing)
    chain = b""
    for seq in range(body["chunks"]):
        chain = hashlib.sha256(chain + hashlib.sha256(segment.parts[seq]).digest()).digest()
    assert chain.hex() == body["chain"]
    assert body["bytes"] == len(segment.bytes)
    segment.state, segment.final = "whole", body
    return web.json_response(_shown(segment))


@contextmanager
def fake_server() -> Iterator[FakeRoom]:
    """Serves while the block runs, in a thread of its own: playwright has the main one's loop."""
    room = FakeRoom()
    started: Queue[None] = Queue()
    stopping = threading.Event()

    async def serve() -> None:
        room.loop = asyncio.get_running_loop()
        runner = web.AppRunner(make_app(room), shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        room.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.put(None)
        await asyncio.to_thread(stopping.wait)
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="fake-room")
    thread.start()
    try:
        started.get(timeout=30)
        yield room
    finally:
        stopping.set()
        thread.join()
