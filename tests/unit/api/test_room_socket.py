"""The room's WebSocket: who is let through, and what comes out at the worker and back."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core.times import ns
from supervisor.api import roomproxy
from supervisor.api.roomproxy import MAX_FRAME, PROTOCOL
from supervisor.api.roomsocket import SOCKET
from tests.unit.api.guests import Guest, new_room
from tests.unit.api.room_worker import Worker, room_worker
from tests.unit.api.stage import Stage


def protocols(token: str) -> tuple[str, ...]:
    return (PROTOCOL, f"token.{token}")


def connect(guest: Guest, **options: Any) -> Any:
    """As the page does: aiohttp's own context."""
    url = f"{guest.api.url}/api/v1/rooms/{guest.room}/ws"
    told = {"protocols": protocols(guest.joined["token"]), "origin": guest.api.url, **options}
    return guest.api.client.ws_connect(url, **told)


async def stream_of(api: Stage, room: str) -> str:
    return str((await api.ask("GET", f"rooms/{room}")).body["stream"])


async def test_what_is_said_goes_to_the_worker_and_back(api: Stage) -> None:
    """With who says it in headers, from us; the answer chooses the room's protocol and does not repeat the token."""
    guest = await Guest.of(api, name="Zoë / <b>")
    async with room_worker(api, await stream_of(api, guest.room)) as worker, connect(guest) as ws:
        assert ws.protocol == PROTOCOL
        await ws.send_str("hello")
        assert (await ws.receive()).data == "heard hello"
        [(_, _, headers, _)] = worker.seen
        assert headers["X-Clipd-Participant"] == guest.id
        assert (headers["X-Clipd-Role"], headers["X-Clipd-Room"]) == ("guest", guest.room)
        assert headers["X-Clipd-Name"] == "Zo%C3%AB%20%2F%20%3Cb%3E"
        assert len(headers["X-Clipd-Notice"]) == 64
        assert "Authorization" not in headers
        assert guest.joined["token"] not in str(headers)


@pytest.mark.parametrize(("said", "code"), [("die", 1012), ("close 1008", 1008), ("close 4003", 4003)])
async def test_the_worker_ends_it_with_its_code_or_dies(said: str, code: int, api: Stage) -> None:
    """1012 is what the page reconnects by."""
    guest = await Guest.of(api)
    async with room_worker(api, await stream_of(api, guest.room)), connect(guest) as ws:
        await ws.send_str(said)
        end = await ws.receive()
        assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, code)


@pytest.mark.parametrize(("status", "code", "reason"), [(409, 1008, "room_full"), (403, 1008, "kicked")])
async def test_the_worker_may_refuse_somebody(status: int, code: int, reason: str, api: Stage) -> None:
    guest = await Guest.of(api)
    async with room_worker(api, await stream_of(api, guest.room)) as worker:
        worker.refuse = status
        async with connect(guest) as ws:
            end = await ws.receive()
            assert (end.data, end.extra) == (code, reason)


async def test_without_a_worker_one_is_asked_to_come_again(api: Stage, tmp_path: Path) -> None:
    """No claim, no socket yet, a socket nobody listens on, or a link in its place: 1013."""
    guest = await Guest.of(api)
    stream = await stream_of(api, guest.room)

    async def told() -> int:
        async with connect(guest) as ws:
            return int((await ws.receive()).data)

    assert await told() == 1013
    await api.worker(stream)  # type: ignore[arg-type]
    folder = tmp_path / "sessions" / f"s-{stream}"
    folder.mkdir(parents=True)
    assert await told() == 1013
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "dead"))
    (folder / SOCKET).symlink_to(tmp_path / "dead")
    dead.listen()
    assert await told() == 1013
    (folder / SOCKET).unlink()
    (folder / SOCKET).write_text("a file")
    assert await told() == 1013
    dead.close()


async def test_frames_are_bounded_and_text(api: Stage) -> None:
    """The worker gets nothing of one that is too large."""
    guest = await Guest.of(api)
    async with room_worker(api, await stream_of(api, guest.room)) as worker:
        async with connect(guest) as ws:
            await ws.send_str("x" * (MAX_FRAME + 1))
            assert (await ws.receive()).data == 1009
        async with connect(guest) as ws:
            await ws.send_bytes(b"x")
            assert (await ws.receive()).data == 1003
        async with connect(guest) as ws:
            await ws.send_str("x" * (MAX_FRAME - 100))
            assert len((await ws.receive()).data) == MAX_FRAME - 100 + len("heard ")
        assert len(worker.seen) == 3


async def test_strangers_are_refused_before_anything_is_opened(api: Stage) -> None:
    """A stranger's page, no token, a wrong one, an upload token, one of another room, another protocol."""
    guest = await Guest.of(api)
    other = await Guest.of(api, (await new_room(api, "other"))["id"])
    token = guest.joined["token"]
    async with room_worker(api, await stream_of(api, guest.room)) as worker:
        for status, options in (
            (403, {"origin": "https://stranger.example"}),
            (401, {"protocols": (PROTOCOL,)}),
            (401, {"protocols": protocols(token[:-2] + "~~")}),
            (401, {"protocols": protocols(guest.joined["upload_token"])}),
            (404, {"protocols": protocols(other.joined["token"])}),
            (400, {"protocols": (f"token.{token}",)}),
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as said:
                await connect(guest, **options)
            assert said.value.status == status, options
        plain = await api.ask("GET", f"rooms/{guest.room}/ws", role=None)
        assert plain.code == "unauthorized"
        assert worker.seen == []


async def test_who_is_let_in_no_more_has_to_leave(api: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roomproxy, "LOOK_NS", ns(0.05))
    guest = await Guest.of(api)
    async with room_worker(api, await stream_of(api, guest.room)), connect(guest) as ws:
        [link] = (await api.ask("GET", f"rooms/{guest.room}/invites")).body["items"]
        await api.ask("DELETE", f"rooms/{guest.room}/invites/{link['id']}")
        assert (await ws.receive()).data == 1008


async def test_a_server_that_ends_says_so(api: Stage) -> None:
    """The page comes to another one."""
    guest = await Guest.of(api)
    async with room_worker(api, await stream_of(api, guest.room)) as worker, connect(guest) as ws:
        await ws.send_str("hello")
        await ws.receive()
        api.services.draining.set()
        assert (await ws.receive()).data == 1012
        assert isinstance(worker, Worker)


async def test_many_frames_stay_in_order_both_ways(api: Stage) -> None:
    guest = await Guest.of(api)
    async with room_worker(api, await stream_of(api, guest.room)), connect(guest) as ws:
        for number in range(300):
            await ws.send_str(str(number))
        async with asyncio.timeout(60):
            heard = [(await ws.receive()).data for _ in range(300)]
        assert heard == [f"heard {number}" for number in range(300)]
