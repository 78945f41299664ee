"""Workers that record nothing: one that finishes clips of ended sessions, and one that keeps a door."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from configs.ingest import IngestOptions
from core.spec import WorkerSpec
from daemon.ingest.handover import DoorSource
from daemon.worker.control import command
from daemon.worker.emitter import Emitter
from daemon.worker.offline import cut_finished
from daemon.worker.run import attempt
from telemetry import SystemClock
from tests.fakes import RecordingSink
from tests.publisher import Publishing, eventually, flv_file
from tests.scenario.headquarters import Headquarters
from tests.scenario.worker import run_attempt, spec_for
from tests.synthetic_streams import make_media
from tests.unit.doors.client import opening, say, statuses
from tests.unit.finish.conftest import PLATFORM
from tests.unit.ingest.stage import Studio


@pytest.fixture
async def hq() -> AsyncIterator[Headquarters]:
    async with Headquarters() as headquarters:
        yield headquarters


async def work(spec: WorkerSpec, hq: Headquarters) -> int:
    """One attempt under a supervisor, in this process."""
    clock = SystemClock()
    return await attempt(replace(spec, control=hq.control()), clock, Emitter(io.StringIO(), spec.session, clock))


async def ended_session(tmp_path: Path) -> tuple[Path, list[str]]:
    """Its folder, and two clips with nothing but their masters."""
    data = tmp_path / "data"
    code, _ = await run_attempt(spec_for(str(make_media("h264_aac", tmp_path)), data, out_dir=None))
    assert code == 0
    folder = data / "sessions" / "s-test"
    return folder, [cut_finished(folder, {"start_s": at, "end_s": at + 1.5}, None)["id"] for at in (0.5, 2.5)]


async def test_a_render_worker_finishes_clips_of_an_ended_session(hq: Headquarters, tmp_path: Path) -> None:
    """Those that are asked for, in the formats of the settings; lines and heartbeats as of any worker."""
    _, (first, second) = await ended_session(tmp_path)
    platform = tmp_path / "small.yaml"
    platform.write_text(PLATFORM.format(name="small", width=90, height=160))
    env = {"CLIPD_SPEECH__ENABLED": "false", "CLIPD_CLIPS__FORMATS": f"master,{platform}"}
    spec = spec_for("-", tmp_path / "data", kind="render", out_dir=None, env=env)
    assert await work(replace(spec, clips=(first,)), hq) == 0
    told = {line["id"]: line for line in hq.lines("clip")}
    assert Path(told[first]["files"]["small"]).stat().st_size > 1000
    assert "small" not in told[second]["files"]
    assert [line["state"] for line in hq.lines("render")] == ["queued", "running", "done"]
    assert {beat.state for beat in hq.beats} <= {"starting", "live"}
    assert await work(spec, hq) == 0
    assert {line["id"] for line in hq.lines("clip") if "small" in line["files"]} == {first, second}
    assert await work(replace(spec, clips=("c000000000000",)), hq) == 64
    assert [line["code"] for line in hq.lines("error")] == ["unknown_clip"]


async def test_a_door_worker_hands_publishers_to_their_streams(hq: Headquarters, tmp_path: Path) -> None:
    """Keys are asked of the supervisors; who publishes already is not touched by their absence."""
    folder = tmp_path / "studio"
    folder.mkdir()
    studio = Studio(folder)
    stream, sink = tmp_path / "one.sock", RecordingSink()
    source = DoorSource(stream, clock=SystemClock(), options=IngestOptions(stall_s=60, timeout_s=5))
    receiving = asyncio.create_task(source.run(sink))
    hq.keys["live/key-one"] = stream
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spec = spec_for(f"rtmp://127.0.0.1:{port}", tmp_path / "data", kind="door", out_dir=None, origin="api")
    keeping = asyncio.create_task(work(spec, hq))
    try:
        await hq.until(lambda: hq.lines("state"))
        assert statuses(await say(port, opening("key-three"))) == ["NetStream.Publish.BadName"]
        async with Publishing(flv_file(studio, 4), port, "key-one", at_once=False) as publishing:
            await eventually(lambda: bool(sink.packets("video")))
            hq.mood = "500"
            assert await publishing.ended() == 0, publishing.said
        await eventually(lambda: len(sink.packets("video")) == 120)
        assert statuses(await say(port, opening("key-one"))) == ["NetStream.Publish.Rejected"]
        hq.mood = "well"
        control = tmp_path / "data" / "sessions" / "s-test" / "control.sock"
        status = await command(control, {"command": "status"})
        assert status["refused"] == {"bad_key": 1, "unavailable": 1}
        await hq.until(lambda: hq.beats[-1].progress > 2)
        hq.order("drain")
        assert await asyncio.wait_for(keeping, 90) == 0
    finally:
        keeping.cancel()
        receiving.cancel()
        await asyncio.gather(receiving, keeping, return_exceptions=True)
    assert [line["state"] for line in hq.lines("state")] == ["live", "ended"]


async def test_a_door_without_supervisors_is_refused(tmp_path: Path) -> None:
    """It could let nobody in."""
    code, lines = await run_attempt(spec_for("rtmp://127.0.0.1:0", tmp_path / "data", kind="door", out_dir=None))
    assert (code, lines[-1]["code"]) == (64, "no_control")
