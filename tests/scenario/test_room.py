"""A recording room as a stream like any other: the real worker, real WebRTC, words and clips during the take."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import pytest

from core.ids import SessionId
from core.spec import RoomSpec, WorkerSpec
from core.times import FOREVER_NS, Ns
from daemon.demo.speech import ASSETS
from daemon.journal import Journal
from daemon.showing import JournalReader
from daemon.sockets import short_path
from recorder.room.ledger import read_ledger
from tests.publisher import eventually
from tests.room_guest import Guest, guest, spoken
from tests.scenario.headquarters import Headquarters, start
from tests.scenario.worker import spec_for
from tests.webrtc import CodedTrack, coded_opus

TINY = {"CLIPD_SPEECH__ENABLED": "true", "CLIPD_SPEECH__MODEL": "tiny.en"}
SENTENCES = tuple(sorted(path.stem for path in ASSETS.glob("u*.opus")))  # more than the test takes


@pytest.fixture
async def headquarters() -> AsyncIterator[Headquarters]:
    async with Headquarters() as headquarters:
        yield headquarters


def room_spec(tmp_path: Path, env: dict[str, str]) -> WorkerSpec:
    room = RoomSpec(id="rm1", name="Talk")
    return spec_for("room:", tmp_path / "data", kind="stream", speed=1.0, origin="api", env=env, room=room)


def session_folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions" / "s-test"


@asynccontextmanager
async def running(spec: WorkerSpec, hq: Headquarters, home: Path, claim: int = 1) -> AsyncIterator[Any]:
    """Killed when the block is left, if it has not ended by itself."""
    hq.claim = claim
    child = await start(spec, hq.control(claim=claim), home)
    path = session_folder(home) / "room.sock"
    try:
        await eventually(lambda: answers(path))
        yield child
    finally:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()


def answers(path: Path) -> bool:
    """Whether anybody listens there: a killed worker's socket stays."""
    with socket.socket(socket.AF_UNIX) as asking, contextlib.suppress(OSError), short_path(path) as short:
        asking.connect(short)
        return True
    return False


async def let_in(host: Guest, one: Guest) -> None:
    await host.sees(lambda each: each["pid"] == one.pid)
    await host.ask("admit", pid=one.pid)
    await one.hears("admitted")


def gaps(tmp_path: Path) -> list[str]:
    with Journal.open(session_folder(tmp_path) / "session.db", read_only=True) as journal:
        return [gap.reason for gap in journal.gaps()]


async def test_words_are_heard_and_a_clip_is_made_during_the_take(headquarters: Headquarters, tmp_path: Path) -> None:
    """Two people speak; the lobby is not heard; a clip of now is a sound master; then the worker is drained."""
    hq, spec = headquarters, room_spec(tmp_path, TINY)
    async with running(spec, hq, tmp_path) as child:
        path = session_folder(tmp_path) / "room.sock"
        async with guest(path, "host", "host") as host, guest(path, "ann") as ann:
            await let_in(host, ann)
            await host.publish(1, (CodedTrack("audio", spoken(*SENTENCES)), "opus"))
            await ann.publish(1, (CodedTrack("audio", coded_opus(3000, 180.0)), "opus"))
            hq.order("rec-start", take="t1")
            assert (await ann.hears("rec.start"))["take"] == "t1"
            await hq.until(lambda: hq.lines("take"))
            await hq.until(lambda: hq.beats[-1].media_s > 6)
            hq.order("clip-now", last_s=4, title="Now")
            await hq.until(lambda: hq.lines("clip"))
            hq.order("rec-stop")
            await ann.hears("rec.stop")
            await hq.until(lambda: len(hq.lines("take")) >= 2)
        hq.order("drain")
        assert await asyncio.wait_for(child.wait(), 120) == 0
    began, ended = hq.lines("take")[0], hq.lines("take")[-1]
    assert (began["id"], began["room"], began["state"], began["start_s"]) == ("t1", "rm1", "recording", 0)
    assert [each["pid"] for each in began["participants"]] == ["host", "ann"]
    assert ended["state"] == "stopped"
    clip = hq.lines("clip")[0]
    with av.open(clip["files"]["master"]) as master:
        assert [stream.type for stream in master.streams] == ["video", "audio"]  # cards with names, and their voices
        assert master.duration / 1e6 == pytest.approx(4, abs=0.6)
    words = JournalReader(tmp_path / "data").words(SessionId("s-test"), Ns(0), FOREVER_NS)
    said = " ".join(word.text for word in words.words)
    assert len(words.words) > 8, said
    rows = read_ledger(tmp_path / "data" / "rooms" / "rm1" / "t1" / "take.jsonl")
    [media] = [row for row in rows if row["type"] == "media"]
    assert (media["epoch"], media["media_ns"]) == (0, 0)


async def test_a_killed_worker_goes_on_with_the_take(headquarters: Headquarters, tmp_path: Path) -> None:
    """Its people connect again and are in without waiting; the hole has its reason in the ledger and in the session;
    what was kept before can be played. The next take is another epoch, behind a gap that says why."""
    hq, spec = headquarters, room_spec(tmp_path, {"CLIPD_SPEECH__ENABLED": "false"})
    path = session_folder(tmp_path) / "room.sock"
    async with running(spec, hq, tmp_path), guest(path, "host", "host") as host, guest(path, "ann") as ann:
        await let_in(host, ann)
        await ann.publish(1, (CodedTrack("audio", coded_opus(3000)), "opus"))
        await host.ask("rec.start")
        take = (await ann.hears("rec.start"))["take"]
        folder = tmp_path / "data" / "rooms" / "rm1" / take
        await eventually(lambda: seconds_of(folder / "ann" / "mic" / "backup-1.mkv") > 1)
        await hq.until(lambda: hq.beats[-1].media_s > 2)
        killed_s = time.monotonic()
    async with running(spec, hq, tmp_path, claim=2) as child, guest(path, "ann") as ann:
        welcome = await ann.hears("welcome")
        back_s = time.monotonic()
        assert (welcome["admitted"], welcome["take"]["id"]) == (True, take)
        await ann.publish(2, (CodedTrack("audio", coded_opus(3000)), "opus"))
        await eventually(lambda: seconds_of(folder / "ann" / "mic" / "backup-2.mkv") > 1)
        await hq.until(lambda: hq.beats[-1].claim_token == 2 and hq.beats[-1].media_s > 4)
        async with guest(path, "host", "host") as host:
            await host.ask("rec.stop")
            await host.ask("rec.start")
            second = await ann.until(lambda body: body["type"] == "rec.start" and body["take"] != take)
            await eventually(lambda: "no_take" in gaps(tmp_path))
        hq.order("drain")
        assert await asyncio.wait_for(child.wait(), 120) == 0
    assert 'clipd_room_gaps_total{reason="worker_restart"} 1.0' in hq.beats[-1].metrics
    rows = read_ledger(folder / "take.jsonl")
    [hole] = [row for row in rows if row["type"] == "gap"]
    assert (hole["reason"], hole["session"]) == ("worker_restart", "s-test")
    assert 0 < hole["room_ms"] - hole["from_ms"] < (back_s - killed_s + 15) * 1000
    assert [row["file"] for row in rows if row["type"] == "track"] == ["ann/mic/backup-1.mkv", "ann/mic/backup-2.mkv"]
    one, two = [row for row in rows if row["type"] == "media"]
    assert two["media_ns"] - one["media_ns"] == pytest.approx((two["room_ms"] - one["room_ms"]) * 1e6, abs=2e6)
    assert gaps(tmp_path) == ["worker_restart", "no_take"]
    assert all(seconds_of(folder / row["file"]) > 1 for row in rows if row["type"] == "track")
    later = read_ledger(tmp_path / "data" / "rooms" / "rm1" / second["take"] / "take.jsonl")
    assert later[-1]["type"] == "stop"
    assert later[-1]["reason"] == "worker_ended"


def seconds_of(file: Path) -> float:
    """What can be decoded of it by now."""
    try:
        with av.open(file) as container:
            return sum(frame.samples for frame in container.decode(audio=0)) / 48_000
    except (FileNotFoundError, av.FFmpegError):  # it has just begun
        return 0.0
