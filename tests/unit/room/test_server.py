"""A room and its people over real sockets and real WebRTC."""

from __future__ import annotations

import asyncio
import random

import aiohttp
import pytest

from daemon.sockets import short_path
from recorder.room.ledger import read_ledger
from tests.room_guest import guest
from tests.unit.room.conftest import OpenRoom, opened
from tests.unit.room.test_protocol import malformed
from tests.webrtc import CodedTrack, coded_opus, coded_video

LONG = 60 * 50  # packets: a minute


def mic(hz: float = 440.0) -> tuple[CodedTrack, str]:
    return CodedTrack("audio", coded_opus(LONG, hz)), "opus"


def cam() -> tuple[CodedTrack, str]:
    return CodedTrack("video", coded_video("h264", 300)), "h264"


async def test_two_people_hear_each_other_and_a_take_keeps_both(open_room: OpenRoom) -> None:
    """The guest waits in the lobby, is let in, and comes late to nothing."""
    async with guest(open_room.path, "host", "host") as host, guest(open_room.path, "ann") as ann:
        welcome = await ann.hears("welcome")
        assert (welcome["admitted"], welcome["take"], welcome["room"]) == (False, None, {"id": "rm1", "name": "Talk"})
        refused = await ann.ask("offer", gen=1, sdp="v=0")
        assert refused["code"] == "not_admitted"
        await host.sees(lambda each: each["pid"] == "ann" and each["state"] == "lobby")
        assert (await host.ask("admit", pid="ann"))["type"] == "ok"
        await ann.hears("admitted")
        await host.publish(1, mic(440))
        await ann.publish(1, mic(880))
        await host.receives("ann.1 audio")
        await ann.receives("host.1 audio")
        assert (await host.ask("rec.start"))["type"] == "ok"
        take = await ann.hears("rec.start")
        await host.sees(lambda each: each["pid"] == "ann" and each["level"] and each["level"]["rms"] > 0.05)
        await asyncio.sleep(1)
        assert (await host.ask("rec.stop"))["type"] == "ok"
        await ann.hears("rec.stop")
    rows = read_ledger(open_room.folder / take["take"] / "take.jsonl")
    print(rows)
