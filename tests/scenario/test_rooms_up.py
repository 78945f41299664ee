"""A room from its link to its takes: `clipd up`, real workers, people who come through the API's door."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from recorder.room.ledger import read_ledger
from tests.publisher import eventually
from tests.room_guest import Guest, serving, spoken
from tests.scenario.upping import Supervisor, supervisor, workers
from tests.webrtc import CodedTrack, coded_opus

SETTINGS = "supervisor: {lease_s: 6}\nspeech: {enabled: false}\nclips: {formats: [master]}\n"


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Supervisor]:
    """Nobody of ours runs on after the test."""
    folder = tmp_path / "data"
    try:
        async with supervisor(folder, settings=SETTINGS) as one:
            yield one
    finally:
        for pid in workers(folder):
            os.kill(pid, signal.SIGKILL)


async def join(up: Supervisor, room: str, role: str, name: str) -> dict[str, Any]:
    """By a link: the invite is traded for a token."""
    invite = await up.post(f"/api/v1/rooms/{room}/invites", {"role": role, "uses": 1})
    notice = await up.get(f"/api/v1/rooms/{room}/notice")
    body = {
        "invite": invite["url"].partition("#")[2], "name": name, "client_id": str(uuid.uuid4()), "consent": True,
        "notice": notice["sha256"],
    }  # fmt: skip
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{up.url}/api/v1/rooms/{room}/join", json=body, headers={"Origin": up.url}) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return dict(await answer.json())


def answered(one: Guest) -> bool:
    """The room has said something, or hung up."""
    return bool(one.said) or one.closed is not None


@asynccontextmanager
async def inside(up: Supervisor, mine: dict[str, Any]) -> AsyncIterator[Guest]:
    """At the room's WebSocket, tried until the worker is there, as a page does."""
    where = f"{up.url}/api/v1/rooms/{mine['room']['id']}/ws"
    protocols = ("clipd.room.v1", f"token.{mine['token']}")
    async with aiohttp.ClientSession(headers={"Origin": up.url}) as session:
        for _ in range(100):
            async with (
                session.ws_connect(where, protocols=protocols) as socket,
                serving(socket, mine["participant"]) as one,
            ):
                await one.send("hello", client_id="c")
                await eventually(partial(answered, one))
                if one.said:
                    yield one
                    return
            await asyncio.sleep(0.3)
    raise AssertionError("the room did not open")


@pytest.mark.soak  # tests/browser/rooms/test_whole.py does the same with browsers
async def test_a_room_from_its_link_to_its_take(up: Supervisor) -> None:
    """A host lets a guest in; the API starts the take; its worker is killed meanwhile, and people come again by the
    same door without waiting. What was said is in the take, and both heard each other."""
    room = (await up.post("/api/v1/rooms", {"name": "Talk"}))["id"]
    hanna, anna = await join(up, room, "host", "Hanna"), await join(up, room, "guest", "Ann")
    async with inside(up, hanna) as host, inside(up, anna) as ann:
        assert (await ann.hears("welcome"))["admitted"] is False
        await host.sees(lambda each: each["pid"] == ann.pid and each["name"] == "Ann")
        await host.ask("admit", pid=ann.pid)
        await ann.hears("admitted")
        await host.publish(1, (CodedTrack("audio", spoken("u00_am_michael", "u01_am_michael")), "opus"))
        await ann.publish(1, (CodedTrack("audio", coded_opus(1500)), "opus"))
        await host.receives(f"{ann.pid}.1 audio")
        await ann.receives(f"{host.pid}.1 audio")
        await up.post(f"/api/v1/rooms/{room}/start")
        take = (await ann.hears("rec.start"))["take"]
        folder = up.data_dir / "rooms" / room / take
        await eventually((folder / ann.pid / "mic" / "backup-1.mkv").exists)
        [worker] = workers(up.data_dir)
        os.kill(worker, signal.SIGKILL)
        await eventually(lambda: ann.closed is not None)
    async with inside(up, anna) as ann:
        welcome = await ann.hears("welcome")
        assert (welcome["admitted"], welcome["take"]["id"]) == (True, take)
        await ann.publish(1, (CodedTrack("audio", coded_opus(1500)), "opus"))
        await eventually((folder / ann.pid / "mic" / "backup-2.mkv").exists)
        await up.post(f"/api/v1/rooms/{room}/stop")
        await ann.hears("rec.stop")
    ended = await up.until(lambda found: found["state"] == "stopped", f"/api/v1/rooms/{room}/takes/{take}")
    assert {each["name"] for each in ended["participants"]} == {"Hanna", "Ann"}
    rows = read_ledger(folder / "take.jsonl")
    assert [row["reason"] for row in rows if row["type"] == "gap"] == ["worker_restart"]
    consents = {row["pid"]: row["notice"] for row in rows if row["type"] == "consent"}
    assert set(consents) == {hanna["participant"], anna["participant"]}
    assert all(notice and len(notice) == 64 for notice in consents.values())
