"""`clipd up`: streams recorded by workers that outlive what supervises them, and a recording's job to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from core.media import ChatMessage
from daemon.demo import LiveOrigin, Recipe
from daemon.journal import Journal
from telemetry import SystemClock
from tests.fakes_discord import PATH as DISCORD
from tests.fakes_discord import FakeDiscord
from tests.publisher import Pushing, eventually, flv_file
from tests.scenario.upping import supervisor, workers
from tests.synthetic_streams import StreamFiles, write_stream
from tests.unit.ingest.stage import Studio

HEALTH = "/api/v1/streams/film/health"


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> StreamFiles:
    """Two minutes with three planted moments."""
    return write_stream(tmp_path_factory.mktemp("stream"), Recipe.from_seed(23))


@pytest.fixture
def ports() -> tuple[int, int]:
    """Two that are free."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


@pytest.fixture
def settings(stream: StreamFiles, ports: tuple[int, int]) -> str:
    """The film at the pace of a live stream, a lease that outlasts a stall, and where the supervisors are."""
    return f"""
supervisor: {{lease_s: 6, urls: ["http://127.0.0.1:{ports[0]}", "http://127.0.0.1:{ports[1]}"]}}
api: {{folders: ["{stream.media.parent}"]}}
streams:
  - {{name: film, source: "{stream.media}", chat: "off"}}
"""


@pytest.fixture
async def data_dir(tmp_path: Path) -> AsyncIterator[Path]:
    """Nobody of ours runs on after the test."""
    folder = tmp_path / "data"
    yield folder
    kill_workers(folder)


@pytest.fixture
def brief() -> Iterator[Path]:
    """A data folder with a short path."""
    # a worker that is killed below has its end written down there by its mould, perhaps while the folder goes
    with tempfile.TemporaryDirectory(prefix="up", ignore_cleanup_errors=True) as name:
        yield Path(name) / "data"
        kill_workers(Path(name) / "data")


def kill_workers(folder: Path) -> None:
    """Their supervisors were killed before them."""
    for pid in workers(folder):
        os.kill(pid, signal.SIGKILL)


def live(health: dict[str, Any]) -> bool:
    return bool(health["state"] == "running" and health["progress"] >= 2)


async def test_a_killed_worker_is_recording_again(data_dir: Path, settings: str, ports: tuple[int, int]) -> None:
    """In the same session, under a new claim; nobody is started twice. What is then cut by hand is cut by it."""
    async with supervisor(data_dir, settings=settings, port=ports[0]) as up:
        before = await up.until(live, HEALTH)
        [pid] = workers(data_dir)
        os.kill(pid, signal.SIGKILL)
        after = await up.until(lambda it: live(it) and it["attempt"] > before["attempt"], HEALTH)
        assert after["session"] == before["session"]
        assert len(workers(data_dir)) == 1
        metrics = await metrics_of(up.url)
        assert 'clipd_restarts_total{reason="killed"} 1.0' in metrics
        assert 'clipd_media_time_seconds_total{stream="film"}' in metrics
        used, [session] = (await up.get("/api/v1/usage"))["items"], (await up.get("/api/v1/sessions"))["items"]
        assert 0 < sum(day["minutes"] for day in used) <= session["media_s"] / 60 + 0.01
        asked = await up.post(f"/api/v1/sessions/{session['id']}/cut", {"start_s": 0.5, "end_s": 2.5, "title": "Live"})
        done = await up.until(lambda it: it["state"] in ("completed", "failed"), f"/api/v1/jobs/{asked['id']}")
        assert (done["state"], done["message"], done["revision"]) == ("completed", "", 1)
        clip = await up.get(f"/api/v1/clips/{asked['clip']}")
        assert (clip["title"], clip["session"], clip["state"]) == ("Live", session["id"], "final")
        assert len(workers(data_dir)) == 1


async def test_workers_go_on_under_the_next_leader(data_dir: Path, settings: str, ports: tuple[int, int]) -> None:
    """Two supervisors; the leader is killed. The worker is the same process all along, and the next one leads."""
    async with supervisor(data_dir, settings=settings, port=ports[0]) as first:
        await first.until(lambda it: it["lease"] == "held", "/readyz")
        async with supervisor(data_dir, port=ports[1]) as second:
            before = await second.until(live, HEALTH)
            assert (await second.get("/readyz"))["lease"] == "elsewhere"
            [pid] = workers(data_dir)
            await first.end(signal.SIGKILL)
            await second.until(lambda it: it["lease"] == "held", "/readyz")
            after = await second.until(lambda it: it["progress"] > before["progress"] + 1, HEALTH)
            assert workers(data_dir) == [pid]
            assert (after["session"], after["attempt"]) == (before["session"], before["attempt"])


async def test_a_supervisor_that_ends_drains_its_workers(data_dir: Path, settings: str, ports: tuple[int, int]) -> None:
    """Exit code 130 after a clean drain; the session is closed, and wanted again it is another one."""
    async with supervisor(data_dir, settings=settings, port=ports[0]) as up:
        health = await up.until(live, HEALTH)
        assert await up.end() == 130
        assert not workers(data_dir)
        assert b'"state": "done"' in b"".join(up.log)
    async with supervisor(data_dir, port=ports[0]) as up:
        assert (await up.get(f"/api/v1/sessions/{health['session']}"))["state"] == "ended"
        again = await up.until(live, HEALTH)
        assert again["session"] != health["session"]


async def test_detached_workers_run_on_and_are_taken_up(data_dir: Path, settings: str, ports: tuple[int, int]) -> None:
    """A rolling upgrade: the footage has no hole."""
    async with supervisor(data_dir, "--detach-workers", settings=settings, port=ports[0]) as up:
        before = await up.until(live, HEALTH)
        [pid] = workers(data_dir)
        assert await up.end() == 130
        assert workers(data_dir) == [pid]
    async with supervisor(data_dir, port=ports[0]) as up:
        after = await up.until(lambda it: live(it) and it["progress"] > before["progress"], HEALTH)
        assert workers(data_dir) == [pid]
        assert after["session"] == before["session"]


async def test_a_recordings_job_ends_with_its_clips(
    data_dir: Path, stream: StreamFiles, settings: str, ports: tuple[int, int]
) -> None:
    """Asked for over the API; every step has its times, the clips are told, counted, and their files are there. A
    channel has one message for each, with the clip."""
    body = {"source_url": str(stream.media), "chat": str(stream.chat), "rights": "own"}
    discord, settings = (
        FakeDiscord(SystemClock()),
        settings.partition("streams:")[0] + 'net: {allow: ["127.0.0.0/8"]}\n',
    )
    async with (
        TestServer(discord.app()) as receiver,
        supervisor(data_dir, settings=settings, port=ports[0]) as up,
    ):
        target = str(receiver.make_url(DISCORD))
        channel = await up.post("/api/v1/channels", {"name": "clips", "kind": "discord", "target": target})
        job = await up.post("/api/v1/jobs", body)
        done = await up.until(lambda it: it["state"] in ("completed", "failed"), f"/api/v1/jobs/{job['id']}")
        assert done["state"] == "completed"
        assert all(step["state"] == "done" and step["started"] and step["ended"] for step in done["steps"])
        clips = (await up.get("/api/v1/clips"))["items"]
        assert len(clips) >= 2
        sessions = list((data_dir / "sessions").iterdir())
        assert len(list(sessions[0].glob("clips/*/r*/master.mp4"))) >= len(clips)
        used, [session] = (await up.get("/api/v1/usage"))["items"], (await up.get("/api/v1/sessions"))["items"]
        assert sum(day["clips"] for day in used) == len(clips)
        told = await up.until(
            lambda it: it["items"] and all(each["state"] == "sent" for each in it["items"]),
            f"/api/v1/channels/{channel['id']}/deliveries",
        )
        assert {each["clip"] for each in told["items"]} == {each["id"] for each in clips}
        assert len(discord.messages) == len(clips)
        final = [message for message in discord.messages.values() if message.embeds[0]["title"].startswith("Clip")]
        assert final
        assert all(len(message.attachments) == 1 for message in final)
        assert sum(day["minutes"] for day in used) == pytest.approx(session["media_s"] / 60, abs=0.01)


async def metrics_of(url: str) -> str:
    """As Prometheus reads them from the same machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.decode()


async def test_a_publisher_comes_over_the_door(data_dir: Path, brief: Path, ports: tuple[int, int]) -> None:
    """One port for everybody: the key that `add` gave says whose stream it is, and another one is turned away."""
    studio, data_dir = Studio(data_dir.parent), brief  # a socket's path is 107 bytes at most
    with socket.create_server(("127.0.0.1", 0)) as free:
        door = free.getsockname()[1]
    text = f"supervisor: {{lease_s: 6, door: 'rtmp://127.0.0.1:{door}'}}"
    async with supervisor(data_dir, settings=text, port=ports[0]) as up:
        made = await up.post("/api/v1/streams", {"name": "ann", "source": "door:live"})
        health = f"/api/v1/streams/{made['id']}/health"
        await up.until(lambda it: it["state"] == "running", "/api/v1/streams/door/health")
        await up.until(lambda it: it["state"] == "running", health)
        file = flv_file(studio, 4)
        async with Pushing(file, f"rtmp://127.0.0.1:{door}/live/{'x' * 20}", "flv") as stranger:
            assert await stranger.ended() != 0
        async with Pushing(file, f"rtmp://127.0.0.1:{door}/live/{made['key']}", "flv", at_once=False, loops=-1):
            await up.until(lambda it: it["health"].get("state") == "live" and it["progress"] >= 2, health)


async def test_chat_that_is_posted_is_heard(data_dir: Path, ports: tuple[int, int]) -> None:
    """Beside a live source; each message once, on media time, and no name is kept."""
    async with LiveOrigin(Recipe.from_seed(3), SystemClock()) as origin:
        settings = f"""
net: {{allow: [127.0.0.0/8]}}
streams:
  - {{name: film, source: "{origin.url}", chat: api}}
"""
        async with supervisor(data_dir, settings=settings, port=ports[0]) as up:
            health = await up.until(live, HEALTH)
            chat = f"/api/v1/sessions/{health['session']}/chat"
            said = [{"user": "viewer0", "text": "what a goal"}, {"text": "raid", "kind": "raid", "n": 12}]
            assert await up.post(chat, {"messages": said}) == {"taken": 2}
            path = data_dir / "sessions" / health["session"] / "session.db"
            await eventually(lambda: len(chat_of(path)) >= 2)
            heard = chat_of(path)
    assert [(m.text, m.kind, m.n) for m in heard] == [("what a goal", "msg", 1), ("raid", "raid", 12)]
    assert all(0 < m.t_ns < 120 * 10**9 for m in heard)
    assert b"viewer0" not in path.read_bytes()


def chat_of(path: Path) -> list[ChatMessage]:
    """What its journal holds."""
    with Journal.open(path, read_only=True) as journal:
        return list(journal.chat())
