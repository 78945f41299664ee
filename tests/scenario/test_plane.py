"""A worker and its supervisor: the real worker process, a real server that is well, ill or gone."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.control import Heartbeat
from core.ids import SessionId, StreamId, manual_clip_id
from core.spec import WorkerSpec
from core.times import ns
from daemon.demo import LiveOrigin
from daemon.demo.origin import OriginOptions
from daemon.journal import Journal
from daemon.worker.control import command
from tests.clocks import FastClock
from tests.publisher import eventually
from tests.scenario.headquarters import Headquarters, Mood, start
from tests.scenario.worker import spec_for
from tests.synthetic_streams import plain

MOODS: tuple[Mood, ...] = ("hung", "500", "garbage", "huge", "endless", "redirect", "denied")


@pytest.fixture
async def origin() -> AsyncIterator[LiveOrigin]:
    """Ten minutes without a moment, three times as fast as life. It outlives each test, and keeps what is old."""
    async with LiveOrigin(plain(3, 600.0), FastClock(3), options=OriginOptions(window=60)) as origin:
        yield origin


@pytest.fixture
async def headquarters() -> AsyncIterator[Headquarters]:
    async with Headquarters() as headquarters:
        yield headquarters


def live_spec(origin: LiveOrigin, tmp_path: Path) -> WorkerSpec:
    return spec_for(origin.url, tmp_path / "data", kind="stream", speed=1.0, origin="api", env=ALLOWED)


ALLOWED = {"CLIPD_SPEECH__ENABLED": "false", "CLIPD_NET__ALLOW": '["127.0.0.0/8"]'}


def folder_of(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions" / "s-test"


@asynccontextmanager
async def running(spec: WorkerSpec, control: Any, home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """It is gone when the block is left."""
    child = await start(spec, control, home)
    try:
        yield child
    finally:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()


async def waiting_rows(tmp_path: Path) -> None:
    """Return when the worker says that it has something to tell and nobody to tell it to."""
    async with asyncio.timeout(60):
        while True:
            status = await command(folder_of(tmp_path) / "control.sock", {"command": "status"})
            if status["control"]["undelivered"] > 0:
                return
            await asyncio.sleep(0.1)


def segments(tmp_path: Path) -> int:
    return len(list((folder_of(tmp_path) / "ring" / "main").glob("*")))


async def test_a_supervisor_learns_all_that_a_worker_does(
    origin: LiveOrigin, headquarters: Headquarters, tmp_path: Path
) -> None:
    """Hello, heartbeats with progress and figures, lines in order, a look in passing; it is told to cut, to trim and to
    go."""
    hq, spec = headquarters, with_masters(live_spec(origin, tmp_path))
    async with running(spec, hq.control(), tmp_path) as child:
        await hq.until(lambda: hq.beats and hq.beats[-1].media_s > 4)
        hq.order("clip-now", last_s=3, title="Now")
        await hq.until(lambda: hq.lines("clip"))
        hq.order("trim", **trim_of(hq.lines("clip")[0], "j1", 1.0))
        hq.order("cut", order="j2", clip=manual_clip_id(spec.session, ns(0.5), ns(2.5)), start_s=0.5, end_s=2.5)
        await hq.until(lambda: len(hq.lines("order")) == 2)
        hq.order("drain")
        assert await asyncio.wait_for(child.wait(), 90) == 0
    [hello] = hq.hellos
    assert (hello.session, hello.stream, hello.claim_token, hello.attempt) == ("s-test", "test", 1, 1)
    assert hello.pid == child.pid
    progress = [beat.progress for beat in hq.beats]
    assert progress == sorted(progress)
    assert progress[-1] > progress[0]
    assert "clipd_segments_written_total" in hq.beats[-1].metrics
    assert hq.beats[-1].rss_bytes > 10_000_000
    assert (hq.beats[-1].state, hq.beats[-1].undelivered) == ("draining", 0)
    assert list(hq.rows) == list(range(1, len(hq.rows) + 1))
    kinds = [row.kind for row in hq.rows.values()]
    assert kinds[0] == "state"
    assert kinds[-1] == "summary"
    assert "session" in kinds
    clip, trimmed, cut = hq.lines("clip")
    assert clip["end_s"] - clip["start_s"] == pytest.approx(3, abs=0.5)
    assert (trimmed["id"], trimmed["revision"], trimmed["title"]) == (clip["id"], 2, "Now")
    assert trimmed["start_s"] == pytest.approx(clip["start_s"] + 1, abs=0.05)
    assert (cut["start_s"], cut["end_s"]) == (pytest.approx(0.5, abs=0.1), pytest.approx(2.5, abs=0.1))
    assert Path(trimmed["files"]["master"]).stat().st_size > 10_000
    assert [(line["id"], line["state"], line["revision"]) for line in hq.lines("order")] == [
        ("j1", "done", 2), ("j2", "done", 1),
    ]  # fmt: skip
    assert any(live.signals for live in hq.lives)
    beat = Heartbeat.from_json(json.loads((folder_of(tmp_path) / "heartbeat.json").read_text()))
    assert (beat.session, beat.claim_token, beat.state) == ("s-test", 1, "draining")
    await trim_without_ring(hq, spec, trimmed, tmp_path)


def with_masters(spec: WorkerSpec) -> WorkerSpec:
    """Nothing is rendered."""
    return replace(spec, settings={**spec.settings, "clips": {**spec.settings["clips"], "formats": ["master"]}})


def trim_of(clip: dict[str, Any], order: str, by_s: float) -> dict[str, Any]:
    """So much less at its start."""
    return {"order": order, "clip": clip["id"], "start_s": clip["start_s"] + by_s, "end_s": clip["end_s"]}


async def trim_without_ring(hq: Headquarters, spec: WorkerSpec, clip: dict[str, Any], tmp_path: Path) -> None:
    """When the session has ended and its footage has been cleared away, a clip is trimmed out of what it kept itself;
    what lies beyond is refused."""
    shutil.rmtree(folder_of(tmp_path) / "ring")
    hq.claim = 2
    longer = {"kind": "trim", **trim_of(clip, "j3", -1.0)}
    async with running(replace(spec, kind="render", order=longer), hq.control(claim=2), tmp_path) as child:
        assert await asyncio.wait_for(child.wait(), 90) == 0
    beyond = {**longer, "order": "j4", "start_s": 500.0, "end_s": 510.0}
    hq.claim = 3
    async with running(replace(spec, kind="render", order=beyond), hq.control(claim=3), tmp_path) as child:
        assert await asyncio.wait_for(child.wait(), 90) == 0
    told = [(line["id"], line["state"], line.get("reason")) for line in hq.lines("order")[2:]]
    assert told == [("j3", "done", None), ("j4", "failed", "not_buffered")]
    last = hq.lines("clip")[-1]
    assert (last["id"], last["revision"], last["state"]) == (clip["id"], 3, "final")
    assert last["start_s"] == pytest.approx(clip["start_s"] - 1, abs=0.05)


async def test_nothing_that_a_supervisor_does_touches_the_recording(
    origin: LiveOrigin, headquarters: Headquarters, tmp_path: Path
) -> None:
    """Ill in every way in turn: segments go on being written, a cut by hand works, and in the end all is delivered."""
    hq = headquarters
    async with running(live_spec(origin, tmp_path), hq.control(), tmp_path) as child:
        await hq.until(lambda: hq.beats and hq.beats[-1].media_s > 0)
        for mood in MOODS:
            hq.mood = mood
            before, asked = segments(tmp_path), len(hq.asked)
            await eventually(lambda before=before, asked=asked: segments(tmp_path) > before and len(hq.asked) > asked)  # type: ignore[misc]
        await hq.close()
        cut = await command(folder_of(tmp_path) / "control.sock", {"command": "cut", "start_s": 1, "end_s": 3})
        await waiting_rows(tmp_path)
        hq.mood = "well"
        await hq.open()
        await hq.until(lambda: hq.lines("clip"))
        child.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), 90) == 0
    assert [line["id"] for line in hq.lines("clip")] == [cut["clip"]["id"]]
    assert sorted(hq.rows) == list(range(1, len(hq.rows) + 1))
    assert hq.rows[max(hq.rows)].kind == "summary"
    with Journal.open(folder_of(tmp_path) / "session.db", read_only=True) as journal:
        assert journal.gaps() == []


@pytest.mark.parametrize("mood", ["500", "forgetful"])
async def test_a_clip_that_was_finished_before_a_kill_is_delivered_once_after_it(
    origin: LiveOrigin, headquarters: Headquarters, tmp_path: Path, mood: Mood
) -> None:
    """Killed before it was sent, or after it was stored and before the worker heard so. No order is obeyed twice."""
    hq = headquarters
    spec = live_spec(origin, tmp_path)
    async with running(spec, hq.control(), tmp_path):
        await hq.until(lambda: hq.beats and hq.beats[-1].media_s > 3)
        hq.moods["events"] = mood
        hq.order("clip-now", last_s=2)
        await hq.until(lambda: hq.beats[-1].undelivered > 0 and list(folder_of(tmp_path).glob("clips/*/r1/clip.json")))
        if mood == "forgetful":
            await hq.until(lambda: hq.lines("clip"))
    assert bool(hq.lines("clip")) is (mood == "forgetful")
    hq.moods.clear()
    hq.claim = 2
    async with running(spec, hq.control(claim=2), tmp_path) as child:
        await hq.until(lambda: hq.lines("clip") and hq.beats[-1].claim_token == 2 and hq.beats[-1].media_s > 0)
        hq.order("stop")
        assert await asyncio.wait_for(child.wait(), 90) == 0
    assert len(hq.lines("clip")) == 1
    assert [hello.attempt for hello in hq.hellos] == [1, 2]
    assert {row.attempt for row in hq.rows.values()} == {1, 2}
    assert all(a.attempt <= b.attempt for a, b in itertools.pairwise(hq.rows[seq] for seq in sorted(hq.rows)))


async def test_a_superseded_worker_stops_at_once_and_hands_in_its_clips(
    origin: LiveOrigin, headquarters: Headquarters, tmp_path: Path
) -> None:
    """Exit 71; the clip is taken, its state is not; the next attempt waits for the lock, and goes on."""
    hq = headquarters
    spec = live_spec(origin, tmp_path)
    async with running(spec, hq.control(), tmp_path) as child:
        await hq.until(lambda: hq.beats and hq.beats[-1].media_s > 3)
        hq.moods["events"] = "500"
        hq.order("clip-now", last_s=2)
        await hq.until(lambda: list(folder_of(tmp_path).glob("clips/*/r1/clip.json")))
        hq.claim = 2
        async with running(spec, hq.control(claim=2), tmp_path) as successor:
            await hq.until(lambda: any("claim_lost" in beat.reason for beat in hq.beats) or child.returncode)
            hq.moods.clear()
            assert await asyncio.wait_for(child.wait(), 90) == 71
            await hq.until(lambda: hq.beats[-1].claim_token == 2 and hq.beats[-1].media_s > 0)
            successor.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(successor.wait(), 90) == 0
    assert len(hq.lines("clip")) == 1
    assert "claim_lost" in [row.line.get("code") for row in hq.refused]
    assert [hello.attempt for hello in hq.hellos] == [1, 2]
    with Journal.open(folder_of(tmp_path) / "session.db", read_only=True) as journal:
        assert {row.attempt for row in journal.segments()} == {1, 2}


async def test_an_end_that_is_asked_for_before_the_source_has_answered(
    headquarters: Headquarters, tmp_path: Path
) -> None:
    """Nobody is at the address; the worker that was about to try again for a while ends in order."""
    hq = headquarters
    async with asyncio.timeout(90):
        silent = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        env = {
            **ALLOWED,
            "CLIPD_INGEST__TIMEOUT_S": "120",
        }  # of each try: to wait for one would take longer than the test
        url = f"http://127.0.0.1:{port}/live.m3u8"
        spec = spec_for(url, tmp_path / "data", kind="stream", speed=1.0, origin="api", env=env)
        async with running(spec, hq.control(), tmp_path) as child:
            await hq.until(lambda: hq.beats)
            child.send_signal(signal.SIGTERM)
            assert await child.wait() == 0
        silent.close()
    assert hq.lines("state")[-1]["state"] == "ended"


async def test_a_spec_that_cannot_be_met_is_told_to_the_supervisor(headquarters: Headquarters, tmp_path: Path) -> None:
    """The error is a line with its code and remedy; the exit code is its class."""
    spec = spec_for(str(tmp_path / "nothing.mp4"), tmp_path / "data", session=SessionId("s-test"), stream=StreamId("x"))
    async with running(spec, headquarters.control(), tmp_path) as child:
        assert await asyncio.wait_for(child.wait(), 90) == 64
    [error] = headquarters.lines("error")
    assert error["remedy"]
